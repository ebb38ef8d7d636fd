//! What happens to hosts whose programs have stray pointers, and trap all the time.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use crate::{failure, instance_of};
use sx::{Engine, ErrorKind, Instance, TrapKind};

const STRAY: &str = "0x7fff_1234_5678_9ab8";

fn trap_kind(i: &mut Instance, name: &str) -> TrapKind {
    let f = i.func::<(), ()>(name).unwrap();
    let error = failure(f.call(i, ()));
    error.trap_kind().unwrap_or_else(|| panic!("{}", error.render()))
}

#[test]
fn stray_arguments_of_host_functions_are_errors() {
    let engine = Engine::builder()
        .host_fn("h", "text", |s: &str| s.len())
        .host_fn("h", "c", |s: &std::ffi::CStr| s.count_bytes())
        .host_fn("h", "sum", |xs: &[i64]| xs.iter().sum::<i64>())
        .host_fn("h", "fill", |xs: &mut [u8]| xs.fill(1))
        .host_fn("h", "one", |x: &i64| *x)
        .host_fn("h", "set", |x: &mut i64| *x = 1)
        .build();
    let source = "h :: #import \"h\";
        text :: () { _ = h.text(string.{ ptr = cast([*]u8) STRAY, len = 10 }); }
        c :: () { _ = h.c(cast(cstring) STRAY); }
        sum :: () { _ = h.sum([]i64.{ ptr = cast([*]i64) STRAY, len = 10 }); }
        long :: () { x := 0; _ = h.sum([]i64.{ ptr = cast([*]i64) @x, len = 1 << 40 }); }
        fill :: () { h.fill([]u8.{ ptr = cast([*]u8) STRAY, len = 10 }); }
        fill_constant :: () { s := \"constant\"; h.fill([]u8.{ ptr = s.ptr, len = 8 }); }
        one :: () { _ = h.one(cast(*i64) STRAY); }
        set :: () { h.set(cast(*i64) STRAY); }
        right :: () -> i64 {
            xs := .[1, 2, 3];
            bytes: [4]u8;
            h.fill(bytes[..]);
            h.set(@xs[0]);
            xx h.text(\"abc\") + h.sum(xs[..]) + h.one(@xs[2]) + xx bytes[3] + xx h.c(\"four\")
        }"
    .replace("STRAY", STRAY);
    let mut i = instance_of(&engine, &source);
    for name in ["text", "c", "sum", "long", "fill", "fill_constant", "one", "set"] {
        let f = i.func::<(), ()>(name).unwrap();
        let error = failure(f.call(&mut i, ()));
        assert_eq!(error.kind(), ErrorKind::Host, "{name}");
        assert!(error.to_string().contains("an address or length that can't be right"), "{name}: {error}");
    }
    let right = i.func::<(), i64>("right").unwrap();
    assert_eq!(right.call(&mut i, ()).unwrap(), 3 + 6 + 3 + 1 + 4);
}

const TRAPS: &str = "
    #import \"modules/std.sx\";
    count := 0;
    kept: ?*i64 = null;
    index :: () { xs := .[1, 2, 3]; n := 7; _ = xs[n]; }
    divide :: () { n := 0; _ = 1 / n; }
    nil :: () { p: *i64 = cast(*i64) 0; _ = p.*; }
    stray :: () { p := cast(*i64) STRAY; p.* = 1; }
    deep :: (n: i64) -> i64 { deep(n + 1) + n }
    overflow :: () { _ = deep(0); }
    fails :: () { panic(\"no\"); }
    leaks :: () { kept = new(i64); count += 1; divide(); }
    get :: () -> i64 { count }
";

fn resident_kib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("it can be read");
    let pages: usize = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a number");
    pages * 4
}

/// In a process of its own, since other tests take memory, too.
#[test]
fn a_million_traps_leave_nothing_behind() {
    const ROLE: &str = "SX_MILLION_TRAPS";
    if std::env::var_os(ROLE).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().expect("the test has a path"));
        let child = command.args(["--exact", "faults::a_million_traps_leave_nothing_behind"]).env(ROLE, "1");
        let output = child.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let source = TRAPS.replace("STRAY", STRAY);
    let engine = Engine::new();
    let program = engine.compile(&source).unwrap();
    let mut i = program.instantiate().unwrap();
    let names = ["index", "divide", "nil", "stray", "fails", "leaks"];
    let mut before = 0;
    for batch in 0..100 {
        for round in 0..10_000 {
            let f = i.func::<(), ()>(names[round % names.len()]).unwrap();
            assert!(f.call(&mut i, ()).is_err());
        }
        assert_eq!(trap_kind(&mut i, "overflow"), TrapKind::StackOverflow);
        if batch % 2 == 0 {
            i.reset().unwrap();
            assert_eq!((i.memory_used(), i.is_trapped()), (0, false));
        } else {
            i = program.instantiate().unwrap();
        }
        if batch == 9 {
            before = resident_kib();
        }
    }
    let after = resident_kib();
    assert!(after < before + 1024, "{before} KiB grew to {after} KiB");
}

#[test]
fn a_reset_instance_is_as_good_as_new() {
    let source = TRAPS.replace("STRAY", STRAY);
    let mut i = instance_of(&Engine::new(), &source);
    assert_eq!(trap_kind(&mut i, "leaks"), TrapKind::DivisionByZero);
    let get = i.func::<(), i64>("get").unwrap();
    assert_eq!(get.call(&mut i, ()).unwrap(), 1);
    assert!(i.is_trapped() && i.memory_used() > 0);
    i.set_data(String::from("the host's"));
    i.reset().unwrap();
    assert_eq!(get.call(&mut i, ()).unwrap(), 0);
    assert!(!i.is_trapped() && i.memory_used() == 0);
    assert_eq!(i.data::<String>().map(|text| text.as_str()), Some("the host's"));
}

#[test]
fn without_signal_handlers_checks_remain() {
    let source = TRAPS.replace("STRAY", STRAY);
    let mut i = instance_of(&Engine::builder().signal_handlers(false).build(), &source);
    assert_eq!(trap_kind(&mut i, "index"), TrapKind::IndexOutOfRange);
    assert_eq!(trap_kind(&mut i, "divide"), TrapKind::DivisionByZero);
    assert_eq!(trap_kind(&mut i, "nil"), TrapKind::NullDereference);
    assert_eq!(trap_kind(&mut i, "overflow"), TrapKind::StackOverflow);
}
