use super::*;
use crate::module::Module;
use crate::print::{PrintOptions, print_func, print_module};
use pretty_assertions::assert_eq;

const ALL: &str = r#"fn3 = func "main.\"all\" \xc3\xa4" (r0: ptr, r1: i64, r2: f32) -> (i64, i32) inline {
  slot0: 16 align 8
  slot1: 3 align 1
  var r3: i64
  temp r29: f64
  debug "x": "i64" in r3
  debug "p": "Point" in slot0
  debug "v": "void" in
  scope1: "main.inlined"
  loc0: 0:0
  loc1: 0:17
  loc2: 1:4 scope1 at loc1
b0:
  r3 = copy.i64 -9223372036854775808 @0
  r4 = add.i64 r1, 5 @1
  r5 = sdiv.i8 -1, 127 @1
  r6 = fmul.f32 r2, 1.5 @2
  r7 = fadd.f64 0x7ff8000000000000, -1e-300 @2
  r8 = fmin.f64 0xfff0000000000000, -0.0 @2
  r9 = sextin5.i64 r4 @2
  r10 = clz.i32 7 @2
  r11 = cmp.slt.i64 r4, r3 @2
  r12 = cmp.eq.ptr r0, null @2
  r13 = conv.ftos.f32.i64 r6 @2
  r14 = conv.bitcast.i64.ptr 16 @2
  r15 = select.ptr r11, r0, 0x10 @2
  r16 = load.i64 [r0 + 8] @2
  r17 = load.f64 [slot0 + 8] @2
  store.i8 [slot1 + 2], -1 @2
  store.i64 [glob2 - 4], r16 @2
  r18 = addr [data1] @2
  r19 = addr [r18 - 2147483648] @2
  r20 = index r18, r4, 24 @2
  r21 = funcaddr fn1 @2
  r22 = cfuncaddr fn2 @2
  r23 = externaddr ext0 @2
  memcopy [slot0], [r0], 16 @2
  memzero [slot1], 3 @2
  memmove r18, null, 0 @2
  memset r18, 0, r4 @2
  r24 = memcmp r18, r19, 8 @2
  call fn1() @2
  r25:i64, r26:i32 = call fn1(r0, 3:i8, null:ptr, 2.5:f32) @2
  r27:ptr = call value r21 sig0 (r0) @2
  call cptr r22 sig1 (-7:i16) @2
  r28:i32 = call ext0(r0) @2
  bounds r4, 10 @2
  ubounds r4, 10 @2
  slicebounds 0, r4, 10 @2
  nullcheck r0 @2
  check r11, wrong_union_tag @2
  poll @2
  errtrace raise @2
  br r11, b1, b2 @2
b1:
  switch.i8 r11 [0: b3, 255: b4] else b5 @2
b2:
  jump b6 @2
b3:
  ret r4, -3:i32 @2
b4:
  trap index_out_of_range(r4, 3:i64) @2
b5:
  trap bad_cast() @2
b6:
  unreachable @2
}
"#;

#[test]
fn every_instruction_comes_back() {
    let (id, func) = parse_func(ALL).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(print_func(id, &func, None, PrintOptions { locs: true }), ALL);
    assert_eq!(func.regs.len(), 30);
    assert_eq!(&*func.name, "main.\"all\" ä");
    let short = print_func(id, &func, None, PrintOptions::default());
    assert!(!short.contains('@') && !short.contains("loc1"));
    let (_, again) = parse_func(&short).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(print_func(id, &again, None, PrintOptions::default()), short);
}

#[test]
fn every_table_comes_back() {
    let text = r#"target ptr 8
file0 = "a.sx"
cstruct0 = size 16 align 8 { 0: f64, 8: s32, 12: u16 }
cstruct1 = size 0 align 1 { }
sig0 = (ptr, i64) -> (i64, i32)
sig1 = c 1 (ptr, ...) -> s32
sig2 = c 0 (...) -> void
sig3 = c 2 (cstruct0, bool) -> cstruct1
ext0 = "printf" sig1 at 0:12
ext1 = "sin" in "m" data at 0:40
data0 = align 1 "hello\n\x00"
data1 = align 8 zero 16 "a\\\x01" zero 9
  reloc 0: fn0 + 8
  reloc 8: c fn1 - 1
  reloc 16: data0
  reloc 24: glob0
  reloc 32: ext1
data2 = align 1
glob0 = "main.counter" size 8 align 8 "\x01\x00"

fn0 = func "main" (r0: ptr) -> () {
b0:
  call fn1(r0) ; later
  r1 = externaddr ext1 ; sin
  store.i64 [glob0], 0 ; main.counter
  ret
}

fn1 = func "later" (r0: ptr) -> () {
b0:
  ret
}

fn2 = declared (ptr) -> (f64)

fn3 = declared
"#;
    let module = parse_module(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(print_module(&module, PrintOptions::default()), text);
    assert_eq!(module.func_sig(FuncId(2)).map(|sig| sig.rets.clone()), Some(vec![Ty::F64]));
    assert_eq!(module.datas[1].bytes.len(), 28);
}

fn check_error(text: &str, expected: &str) {
    match parse_func(text) {
        Ok(_) => panic!("no error in {text}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn errors_say_where() {
    let in_func = |body: &str| format!("fn0 = func \"f\" () -> () {{\nb0:\n  {body}\n}}\n");
    let check = |body: &str, expected: &str| check_error(&in_func(body), expected);
    check_error("", "1:1: expected fn and a number, found the end");
    check_error("fn0 = func \"f", "1:12: the text has no closing quote");
    check_error("fn0 = func \"\\q\"", "1:12: an escape is wrong in this text");
    check_error("fn0 = func \"\\xff\"", "1:12: the name isn't UTF-8");
    check_error("fn0 = func \"f\" (r1: i64)", "1:17: expected r0, found r1");
    check_error("fn9999999 = func", "1:1: fn9999999 is beyond 1048576");
    check_error("fn0 = func \"f\" () -> () {\n  ä", "2:3: unexpected 'ä'");
    check("r1 = frob.i64 1, 2\n  ret", "3:8: no such instruction, or not with this result: frob.i64");
    check("add.i64 1, 2\n  ret", "3:3: no such instruction, or not with this result: add.i64");
    check("r1 = copy.i8 256\n  ret", "3:16: 256 is no constant of i8");
    check("r1 = copy.i64 null:i64\n  ret", "3:17: null is no constant of i64");
    check("r1 = call fn0()\n  ret", "4:3: a call's result needs its type: r1:i64 = call …");
    check("ret 7", "3:7: the constant needs a type, as in 1:i64");
    check("temp r5: i64 ret", "3:3: no such instruction, or not with this result: temp");
    check("r5 = copy.i64 1 ret", "5:1: r0 has neither an assignment nor a declaration");
    check("ret r7", "3:7: r7 has neither an assignment nor a declaration");
    check("jump b7", "3:8: there is no b7");
    check("ret @5", "3:7: there is no loc5");
    check("trap oops()", "3:8: no such trap: oops");
    check("poll", "4:1: expected an instruction, found `}`");
    check("r0 = load.i64 [slot0 + 99999999999]", "3:24: the offset is beyond 32 bits");
    check("ret\n} x {", "4:3: expected the end, found `x`");
}

#[test]
fn zeros_are_limited() {
    let text = format!("data0 = align 1 zero {} zero 2", module::MAX_ZERO_BYTES - 1);
    let error = parse_module(&text).expect_err("too many zeros");
    assert_eq!(error.message, "more zeros than a text may make");
}

/// Cuts and swaps pieces of a good text: an error or a function, never a panic.
#[test]
fn garbage_is_an_error() {
    let words: Vec<&str> = ALL.split_inclusive(&[' ', '\n', ',', '.'][..]).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut parsed = 0;
    for _ in 0..3000 {
        let mut text = words.clone();
        for _ in 0..=next(3) {
            let (i, j) = (next(text.len()), next(text.len()));
            match next(3) {
                0 => text.swap(i, j),
                1 => text[i] = text[j],
                _ => drop(text.remove(i)),
            }
        }
        let text = text.concat();
        if let Ok((id, func)) = parse_func(&text) {
            parsed += 1;
            let printed = print_func(id, &func, None, PrintOptions { locs: true });
            let (_, again) = parse_func(&printed).unwrap_or_else(|error| panic!("{error} in\n{printed}"));
            assert_eq!(print_func(id, &again, None, PrintOptions { locs: true }), printed);
            // Nonsense that parses is the verifier's to find, without a panic.
            let _ = crate::verify(&func, &Module::new());
        }
    }
    assert!(parsed > 100, "{parsed} texts parsed: the mutations are too wild to tell anything");
}

#[test]
fn vectors_are_read_back() {
    let text = r#"fn0 = func "v" (r0: ptr, r1: f32) -> (i8) {
  slot0: 16 align 16
  var r2: v4xf32
b0:
  r2 = splat.v4xf32 r1
  r2 = setlane.v4xf32 r2, -0.5, 3
  r3 = load.v4xf32 [slot0]
  r4 = fmul.v4xf32 r2, r3
  store.v4xf32 [r0 + 16], r4
  r5 = cmp.feq.v4xf32 r4, r2
  r6 = copy.v4xi8 r5
  r7 = conv.ftos.v4xf32.v4xi8 r4
  r8 = and.v4xi8 r6, r7
  r9 = lane.v4xi8 r8, 2
  ret r9
}
"#;
    let (id, func) = parse_func(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(print_func(id, &func, None, PrintOptions::default()), text);
    for (wrong, why) in [
        ("r2 = splat.v4xf32 1:v4xf32", "1 is no constant of v4xf32"),
        ("r2 = splat.f32 1.0", "no such instruction"),
        ("r2 = lane.v4xf32 r1, 300", "300 doesn't fit here"),
        ("r2 = splat.v0xf32 1.0", "no such instruction"),
    ] {
        let text = format!("fn0 = func \"v\" (r0: ptr) -> () {{\nb0:\n  {wrong}\n  ret\n}}");
        let error = parse_func(&text).expect_err(wrong).to_string();
        assert!(error.contains(why), "{error}");
    }
}
