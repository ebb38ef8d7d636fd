use crate::func::*;
use crate::ids::*;
use crate::parse::{parse_func, parse_module};
use crate::{Module, verify};

const TABLES: &str = r#"
target ptr 8
cstruct0 = size 24 align 8 { 0: f64, 8: f64, 16: f64 }
sig0 = (ptr, i64) -> (i64)
sig1 = c 1 (ptr, ...) -> s32
sig2 = c 1 (cstruct0) -> cstruct0
ext0 = "printf" sig1 at 0:0
ext1 = "environ" data at 0:0
data0 = align 1 "x"
glob0 = "g" size 8 align 8
fn0 = func "f" (r0: ptr, r1: i64) -> (i64) {
b0:
  ret r1
}
fn1 = declared (ptr) -> (i64, i32)
fn2 = declared
fn3 = func "c" (r0: ptr, r1: ptr) -> () c sig2 {
b0:
  ret
}
"#;

fn tables() -> Module {
    parse_module(TABLES).unwrap_or_else(|error| panic!("{error}"))
}

fn errors(func: &Func) -> Vec<String> {
    match verify(func, &tables()) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(|error| error.to_string()).collect(),
    }
}

/// The body belongs to `f(r0: ptr, r1: i64) -> (i64)` and begins with its declarations or `b0:`.
fn parse(body: &str) -> Func {
    let text = format!("fn9 = func \"f\" (r0: ptr, r1: i64) -> (i64) {{\n{body}\n}}");
    parse_func(&text).unwrap_or_else(|error| panic!("{error} in\n{text}")).1
}

fn check(body: &str, expected: &[&str]) {
    pretty_assertions::assert_eq!(errors(&parse(body)), expected);
}

#[test]
fn good_functions_pass() {
    let module = tables();
    for func in module.funcs.iter().flatten() {
        assert_eq!(errors(func), Vec::<String>::new());
    }
    check(
        "slot0: 24 align 8
         var r2: i64
         b0: r2 = copy.i64 0  memzero [slot0], 24  jump b1
         b1: r3 = cmp.slt.i64 r2, r1  br r3, b2, b3
         b2: r2 = add.i64 r2, 1  store.i64 [slot0 + 16], r2  poll  jump b1
         b3: r4:i64, r5:i32 = call fn1(r0)
           r6:i32 = call ext0(r0, 1:i64, 2.0:f64)
           call fn2(1:i8)
           r7 = funcaddr fn0  r8:i64 = call value r7 sig0 (r0, r4)
           r9 = cfuncaddr fn3  call cptr r9 sig2 (r0, r0)
           ret r8",
        &[],
    );
}

#[test]
fn temporaries_are_assigned_once_before_use() {
    check(
        "b0: r2 = copy.i64 1 r2 = copy.i64 2 ret r2",
        &["b0 #1 `r2 = copy.i64 2`: temporary r2 is assigned again after b0 #0"],
    );
    check("b0: r1 = copy.i64 1 ret r1", &["b0 #0 `r1 = copy.i64 1`: parameter r1 is assigned"]);
    check(
        "b0: r3 = add.i64 r2, 1 r2 = copy.i64 1 ret r3",
        &["b0 #0 `r3 = add.i64 r2, 1`: r2 is read where its assignment at b0 #1 isn't sure"],
    );
    check(
        "b0: br 1, b1, b2 b1: r2 = copy.i64 1 jump b3 b2: jump b3 b3: ret r2",
        &["b3 end `ret r2`: r2 is read where its assignment at b1 #0 isn't sure"],
    );
    check("temp r2: i64 b0: ret r2", &["b0 end `ret r2`: r2 is read but never assigned"]);
    // A `var` may be read early, and what can't run may read anything.
    check("var r2: i64 b0: ret r2", &[]);
    check("temp r2: i64 b0: ret r1 b1: ret r2", &[]);
    // The same temporary in a later round of a loop.
    check(
        "b0: jump b1 b1: br 1, b2, b3 b2: r2 = copy.i64 1 jump b1 b3: ret r2",
        &["b3 end `ret r2`: r2 is read where its assignment at b2 #0 isn't sure"],
    );
}

#[test]
fn entry_has_no_predecessor() {
    check("b0: jump b0", &["b0 end `jump b0`: the entry block has a predecessor"]);
}

#[test]
fn operands_have_their_types() {
    check("b0: r2 = add.i64 r0, r1 ret r2", &["b0 #0 `r2 = add.i64 r0, r1`: r0 is ptr, not i64"]);
    check("b0: r2 = add.f64 0.0, 0.0 ret r1", &["b0 #0 `r2 = add.f64 0.0, 0.0`: not an operation on f64"]);
    check("b0: r2 = and.ptr r0, r0 ret r1", &["b0 #0 `r2 = and.ptr r0, r0`: not an operation on ptr"]);
    check("b0: r2 = boolnot.i32 1 ret r1", &["b0 #0 `r2 = boolnot.i32 1`: not an operation on i32"]);
    check("b0: r2 = sextin9.i8 1 ret r1", &["b0 #0 `r2 = sextin9.i8 1`: not an operation on i8"]);
    check(
        "b0: r2 = cmp.slt.ptr r0, r0 ret r1",
        &["b0 #0 `r2 = cmp.slt.ptr r0, r0`: not an operation on ptr"],
    );
    check("var r2: i8 b0: r2 = cmp.eq.i64 r1, 0 ret r1", &[]);
    check(
        "var r2: i64 b0: r2 = cmp.eq.i64 r1, 0 ret r1",
        &["b0 #0 `r2 = cmp.eq.i64 r1, 0`: r2 is i64, not i8"],
    );
    check(
        "b0: r2 = conv.sext.i64.i64 r1 ret r1",
        &["b0 #0 `r2 = conv.sext.i64.i64 r1`: no such conversion from i64 to i64"],
    );
    check(
        "b0: r2 = conv.bitcast.ptr.f64 r0 ret r1",
        &["b0 #0 `r2 = conv.bitcast.ptr.f64 r0`: no such conversion from ptr to f64"],
    );
    check("b0: r2 = load.i64 [r1] ret r2", &["b0 #0 `r2 = load.i64 [r1]`: r1 is i64, not ptr"]);
}

#[test]
fn slots_are_kept_to() {
    check("slot0: 8 align 3 b0: ret r1", &["slot0 has alignment 3, no power of two"]);
    check(
        "slot0: 8 align 8 b0: r2 = load.i64 [slot0 + 1] store.i8 [slot0 - 1], 0 ret r2",
        &[
            "b0 #0 `r2 = load.i64 [slot0 + 1]`: bytes 1..9 of slot0, which has 8",
            "b0 #1 `store.i8 [slot0 - 1], 0`: bytes -1..0 of slot0, which has 8",
        ],
    );
    check("b0: r2 = addr [slot0] ret r1", &["b0 #0 `r2 = addr [slot0]`: there is no slot0"]);
    check("slot0: 8 align 8 b0: r2 = addr [slot0 + 8] ret r1", &[]);
}

#[test]
fn calls_follow_signatures() {
    check(
        "b0: r2:i64 = call fn0(r0) ret r2",
        &["b0 #0 `r2:i64 = call fn0(r0)`: 1 arguments, the signature has 2"],
    );
    check("b0: r2:i64 = call fn0(r0, r0) ret r2", &["b0 #0 `r2:i64 = call fn0(r0, r0)`: r0 is ptr, not i64"]);
    check("b0: call fn0(r0, r1) ret r1", &["b0 #0 `call fn0(r0, r1)`: 0 results, the signature has 1"]);
    check("b0: call fn7() ret r1", &["b0 #0 `call fn7()`: there is no fn7"]);
    check("b0: call ext1() ret r1", &["b0 #0 `call ext1()`: ext1 is a variable"]);
    check(
        "b0: r2:i32 = call ext0() ret r1",
        &["b0 #0 `r2:i32 = call ext0()`: 0 arguments, the signature has 1"],
    );
    check(
        "b0: call value r0 sig1 () ret r1",
        &["b0 #0 `call value r0 sig1 ()`: sig1 isn't a signature of the default ABI"],
    );
    check(
        "var r2: i64 b0: r2:i64, r2:i32 = call fn1(r0) ret r1",
        &[
            "b0 #0 `r2:i64, r2:i64 = call fn1(r0)`: r2 takes two results",
            "b0 #0 `r2:i64, r2:i64 = call fn1(r0)`: r2 is i64, not i32",
        ],
    );
    check(
        "b0: r2 = funcaddr fn3 ret r1",
        &["b0 #0 `r2 = funcaddr fn3`: fn3 has the other calling convention"],
    );
}

#[test]
fn ends_have_the_right_operands() {
    check("b0: ret", &["b0 end `ret`: 0 results, the signature has 1"]);
    check("b0: ret r0", &["b0 end `ret r0`: r0 is ptr, not i64"]);
    check("b0: br r1, b1, b1 b1: ret r1", &["b0 end `br r1, b1, b1`: r1 is i64, not i8"]);
    check(
        "b0: switch.i8 1 [1: b1, 1: b1] else b1 b1: ret r1",
        &["b0 end `switch.i8 1 [1: b1, 1: b1] else b1`: two cases have the same value"],
    );
    check(
        "b0: switch.i8 1 [256: b1] else b1 b1: ret r1",
        &["b0 end `switch.i8 1 [256: b1] else b1`: a case has bits above i8"],
    );
    check(
        "b0: trap index_out_of_range(r1)",
        &["b0 end `trap index_out_of_range(r1)`: index_out_of_range doesn't take 1 operands"],
    );
    check("b0: trap assertion_failed()", &[]);
    check("b0: trap assertion_failed(r0, r1)", &[]);
    check("b0: trap panic(r1, r1)", &["b0 end `trap panic(r1, r1)`: r1 is i64, not ptr"]);
    check("b0: check 1, panic ret r1", &["b0 #0 `check 1, panic`: panic needs operands, a check has none"]);
}

/// What text can't say: broken tables and ids.
#[test]
fn broken_structure_is_found() {
    let broken = |change: fn(&mut Func), expected: &str| {
        let mut func = parse("b0: r2 = add.i64 r1, 5 jump b1 b1: ret r2");
        change(&mut func);
        let errors = errors(&func);
        assert!(errors.iter().any(|error| error.contains(expected)), "{expected:?} not in {errors:#?}");
    };
    broken(|f| f.code_locs.clear(), "1 instructions but 0 positions");
    broken(|f| f.code_locs[0] = LocId(9), "its position isn't there");
    broken(|f| f.blocks[0].term_loc = LocId(9), "its position isn't there");
    broken(|f| f.blocks[0].term = Term::Jump(BlockId(7)), "there is no b7");
    broken(|f| f.blocks[1].term = Term::Return(List { start: 9, len: 9 }), "outside the pool");
    broken(|f| f.pool[0] = Operand::reg(Reg(77)), "there is no r77");
    broken(|f| f.pool[0] = Operand::constant(77), "there is no const77");
    broken(|f| f.blocks.clear(), "no blocks");
    broken(|f| f.regs.truncate(1), "2 parameters but 1 registers");
    broken(|f| f.regs[0].ty = Ty::I8, "parameter r0 is i8, the signature says ptr");
    broken(|f| f.regs[0].mutable = true, "parameter r0 is a var");
    broken(|f| f.consts[0] = Const { ty: Ty::I8, bits: 256 }, "bits above its 8");
    broken(|f| f.locs[0].inlined_at = Some(LocId(0)), "isn't before it");
    broken(|f| f.locs[0].scope = 3, "loc0 is in scope 3 of 1");
    broken(|f| f.conv = CallConv::C, "the C ABI, but no C signature");
    broken(|f| f.c_sig = Some(SigId(1)), "a C signature, but the default ABI");
    broken(
        |f| {
            f.conv = CallConv::C;
            f.c_sig = Some(SigId(2));
        },
        "sig2 lowers to",
    );
}

#[test]
fn errors_are_limited() {
    let body = "b0:\n".to_string() + &"store.i64 [r1], r0\n".repeat(100) + "ret r1";
    assert_eq!(errors(&parse(&body)).len(), super::MAX_ERRORS);
}

#[test]
fn vectors_have_their_lanes() {
    check(
        "slot0: 16 align 16
         b0: r2 = splat.v4xf32 1.5  store.v4xf32 [slot0], r2  r3 = load.v4xf32 [slot0]
         r4 = fadd.v4xf32 r2, r3  r5 = cmp.flt.v4xf32 r4, r2  r6 = boolnot.v4xi8 r5
         r7 = lane.v4xi8 r6, 3  r8 = setlane.v4xi8 r6, r7, 0  r9 = conv.ftos.v4xf32.v4xi64 r4
         r10 = lane.v4xi64 r9, 0  ret r10",
        &[],
    );
    check(
        "b0: r2 = splat.v4xf32 r1  r3 = fadd.v2xf64 r2, r2  ret r1",
        &[
            "b0 #0 `r2 = splat.v4xf32 r1`: r1 is i64, not f32",
            "b0 #1 `r3 = fadd.v2xf64 r2, r2`: r2 is v4xf32, not v2xf64",
        ]
        .iter()
        .chain(&["b0 #1 `r3 = fadd.v2xf64 r2, r2`: r2 is v4xf32, not v2xf64"])
        .copied()
        .collect::<Vec<_>>(),
    );
    check(
        "b0: r2 = splat.v4xi32 1  r3 = fadd.v4xi32 r2, r2  r4 = sextin7.v4xi32 r2
         r5 = conv.sext.v4xi32.v2xi64 r2  ret r1",
        &[
            "b0 #1 `r3 = fadd.v4xi32 r2, r2`: not an operation on v4xi32",
            "b0 #2 `r4 = sextin7.v4xi32 r2`: not an operation on v4xi32",
            "b0 #3 `r5 = conv.sext.v4xi32.v2xi64 r2`: no such conversion from v4xi32 to v2xi64",
        ],
    );
    check(
        "b0: r2 = splat.v4xi8 1  r3 = select.v4xi8 1, r2, r2  r4 = lane.v4xi8 r2, 4
         r5 = setlane.v4xi8 r2, 1, 9  ret r1",
        &[
            "b0 #1 `r3 = select.v4xi8 1, r2, r2`: not an operation on v4xi8",
            "b0 #2 `r4 = lane.v4xi8 r2, 4`: there is no lane 4 in v4xi8",
            "b0 #3 `r5 = setlane.v4xi8 r2, 1, 9`: there is no lane 9 in v4xi8",
        ],
    );
    check(
        "slot0: 12 align 4
         b0: r2 = load.v4xi32 [slot0]  ret r1",
        &["b0 #0 `r2 = load.v4xi32 [slot0]`: bytes 0..16 of slot0, which has 12"],
    );
}

#[test]
fn vectors_are_no_parameters_and_no_constants() {
    let text = "fn9 = func \"f\" (r0: ptr, r1: v4xf32) -> (v2xi8) {\nb0:\n  unreachable\n}";
    let (_, mut func) = parse_func(text).expect("text");
    assert_eq!(errors(&func), ["a parameter or result is a vector: those travel in memory"]);
    func.sig = Default::default();
    func.regs.clear();
    let ty = Ty::from_word("v4xf32").expect("a type");
    func.consts.push(Const { ty, bits: 0 });
    assert_eq!(errors(&func), ["constant 0 is a vector"]);
}

#[test]
fn atomic_operations_have_orderings_that_fit() {
    check(
        "b0: r2 = atomic.load.i64.acquire r0  atomic.store.i64.release r0, r2  fence.seq_cst
         r3 = atomic.umax.i64.acq_rel r0, 7  r4 = atomic.cas.i64.acq_rel.acquire r0, r3, r1
         r5 = atomic.swap.ptr.relaxed r0, r0  ret r4",
        &[],
    );
    check(
        "b0: r2 = atomic.load.i64.release r0  r3 = atomic.load.i64.acq_rel r0
         atomic.store.i64.acquire r0, r2  atomic.store.i64.acq_rel r0, r2  fence.relaxed
         r4 = atomic.cas.i64.seq_cst.release r0, r3, r1  r5 = atomic.cas.i64.seq_cst.acq_rel r0, r3, r1
         r6 = atomic.cas.i64.release.acquire r0, r3, r1  r7 = atomic.cas.i64.acquire.seq_cst r0, r3, r1
         ret r4",
        &[
            "b0 #0 `r2 = atomic.load.i64.release r0`: the ordering can't be release here",
            "b0 #1 `r3 = atomic.load.i64.acq_rel r0`: the ordering can't be acq_rel here",
            "b0 #2 `atomic.store.i64.acquire r0, r2`: the ordering can't be acquire here",
            "b0 #3 `atomic.store.i64.acq_rel r0, r2`: the ordering can't be acq_rel here",
            "b0 #4 `fence.relaxed`: the ordering can't be relaxed here",
            "b0 #5 `r4 = atomic.cas.i64.seq_cst.release r0, r3, r1`: the ordering can't be release here",
            "b0 #6 `r5 = atomic.cas.i64.seq_cst.acq_rel r0, r3, r1`: the ordering can't be acq_rel here",
            "b0 #7 `r6 = atomic.cas.i64.release.acquire r0, r3, r1`: the ordering can't be acquire here",
            "b0 #8 `r7 = atomic.cas.i64.acquire.seq_cst r0, r3, r1`: the ordering can't be seq_cst here",
        ],
    );
}

#[test]
fn atomic_operations_are_on_integers_and_addresses() {
    check(
        "b0: r2 = atomic.load.f64.relaxed r0  r3 = atomic.add.ptr.relaxed r0, r0
         r4 = atomic.load.v4xi32.relaxed r0  r5 = atomic.load.i64.relaxed r1
         r6 = atomic.add.i32.relaxed r0, r1  ret r1",
        &[
            "b0 #0 `r2 = atomic.load.f64.relaxed r0`: not an operation on f64",
            "b0 #1 `r3 = atomic.add.ptr.relaxed r0, r0`: not an operation on ptr",
            "b0 #2 `r4 = atomic.load.v4xi32.relaxed r0`: not an operation on v4xi32",
            "b0 #3 `r5 = atomic.load.i64.relaxed r1`: r1 is i64, not ptr",
            "b0 #4 `r6 = atomic.add.i32.relaxed r0, r1`: r1 is i64, not i32",
        ],
    );
}
