//! Functions of the host.

use crate::{failure, instance_of};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use sx::{Caller, Engine, ErrorKind, TrapKind};

#[test]
fn closures_of_many_shapes() {
    let total = Arc::new(AtomicI64::new(0));
    let counter = total.clone();
    let engine = Engine::builder()
        .host_fn("h", "nothing", || {})
        .host_fn("h", "add", move |n: i64| _ = counter.fetch_add(n, Ordering::Relaxed))
        .host_fn("h", "mix", |a: i8, b: u16, c: f32, d: f64, e: bool| {
            a as f64 + b as f64 + c as f64 + d + f64::from(u8::from(e))
        })
        .host_fn("h", "len", |s: &str| s.chars().count())
        .host_fn("h", "sum", |xs: &[i32]| xs.iter().sum::<i32>())
        .host_fn("h", "fill", |xs: &mut [u8], with: u8| xs.fill(with))
        .host_fn("h", "upper", |s: &str| s.to_uppercase())
        .host_fn("h", "evens", |n: i64| (0..n).map(|i| i * 2).collect::<Vec<i64>>())
        .host_fn("h", "half", |n: i64| (n % 2 == 0).then_some(n / 2))
        .host_fn("h", "maybe", |n: Option<i64>| n.unwrap_or(-1))
        .host_fn("h", "pair", |a: i64| (a, a as f32 / 2.0))
        .host_fn("h", "name", |a: bool| -> &'static str {
            if a { "yes" } else { "no" }
        })
        .build();
    let mut i = instance_of(
        &engine,
        "#import \"modules/std.sx\";
         h :: #import \"h\";
         run :: () -> i64 {
             h.nothing();
             h.add(40);
             h.add(2);
             assert(h.mix(-1, 2, 0.5, 0.25, true) == 2.75);
             assert(h.len(\"häh\") == 3);
             xs := .[cast(i32) 1, 2, 3];
             assert(h.sum(xs[..]) == 6);
             bytes : [4]u8;
             h.fill(bytes[1..3], 9);
             assert(bytes[0] == 0 and bytes[1] == 9 and bytes[2] == 9 and bytes[3] == 0);
             up := h.upper(\"abc\");
             assert(up == \"ABC\");
             free_string(up);
             evens := h.evens(5);
             assert(evens.len == 5 and evens[4] == 8);
             free_slice(evens);
             assert(h.half(8)! == 4 and h.half(7) == null);
             assert(h.maybe(3) == 3 and h.maybe(null) == -1);
             p := h.pair(3);
             assert(p.0 == 3 and p.1 == 1.5);
             assert(h.name(true) == \"yes\");
             1
         }",
    );
    let run = i.func::<(), i64>("run").unwrap();
    match run.call(&mut i, ()) {
        Ok(done) => assert_eq!(done, 1),
        Err(error) => panic!("{}", error.render()),
    }
    assert_eq!(total.load(Ordering::Relaxed), 42);
    assert_eq!(i.memory_used(), 0);
}

#[test]
fn host_errors_end_the_call() {
    let engine = Engine::builder()
        .host_fn("h", "check", |n: i64| if n > 0 { Ok(n) } else { Err(format!("{n} isn't positive")) })
        .host_fn("h", "text", |s: &str| s.len() as i64)
        .build();
    let mut i = instance_of(
        &engine,
        "h :: #import \"h\";\nf :: (n: i64) -> i64 {\n    h.check(n)\n}\nbad :: () -> i64 { h.text(\"\\xFF\") }\nnil :: () -> i64 { s : string = .{ ptr = null, len = 4 }; h.text(s) }",
    );
    let f = i.func::<(i64,), i64>("f").unwrap();
    assert_eq!(f.call(&mut i, (2,)).unwrap(), 2);
    let error = failure(f.call(&mut i, (-2,)));
    assert_eq!((error.kind(), error.message()), (ErrorKind::Host, "-2 isn't positive"));
    assert_eq!(
        error.render(),
        "trap: -2 isn't positive\n  in host function h.check\n  at program.sx:3:5 in f\n"
    );
    let bad = i.func::<(), i64>("bad").unwrap();
    assert!(failure(bad.call(&mut i, ())).message().contains("UTF-8"));
    let nil = i.func::<(), i64>("nil").unwrap();
    assert_eq!(failure(nil.call(&mut i, ())).trap_kind(), Some(TrapKind::NullDereference));
}

#[test]
fn overlapping_borrows_are_refused() {
    let engine = Engine::builder()
        .host_fn("h", "copy", |to: &mut [i64], from: &[i64]| to.copy_from_slice(from))
        .build();
    let mut i = instance_of(
        &engine,
        "h :: #import \"h\";
         apart :: () -> i64 { xs := .[1, 2, 3, 4]; h.copy(xs[0..2], xs[2..4]); xs[0] }
         overlap :: () -> i64 { xs := .[1, 2, 3, 4]; h.copy(xs[0..2], xs[1..3]); xs[0] }",
    );
    assert_eq!(i.func::<(), i64>("apart").unwrap().call(&mut i, ()).unwrap(), 3);
    let overlap = i.func::<(), i64>("overlap").unwrap();
    assert!(failure(overlap.call(&mut i, ())).message().contains("overlapping"));
}

#[derive(Default)]
struct World {
    log: Vec<String>,
}

#[test]
fn host_data_lives_in_the_instance() {
    let engine = Engine::builder()
        .host_fn("w", "log", |caller: &mut Caller<'_>, line: String| match caller.data::<World>() {
            Some(world) => {
                world.log.push(line);
                Ok(world.log.len() as i64)
            }
            None => Err("there is no world"),
        })
        .build();
    let mut i = instance_of(&engine, "w :: #import \"w\"; f :: (s: string) -> i64 { w.log(s) }");
    let f = i.func::<(&str,), i64>("f").unwrap();
    assert_eq!(failure(f.call(&mut i, ("a",))).message(), "there is no world");
    i.set_data(World::default());
    f.call(&mut i, ("a",)).unwrap();
    assert_eq!(f.call(&mut i, ("b",)).unwrap(), 2);
    assert_eq!(i.data::<World>().unwrap().log, ["a", "b"]);
    assert!(i.data::<String>().is_none());
    assert!(i.take_data::<String>().is_none());
    assert_eq!(i.take_data::<World>().unwrap().log.len(), 2);
    assert!(i.data::<World>().is_none());
}

/// Calls back and forth.
fn reentrant() -> Engine {
    Engine::builder()
        .host_fn("r", "down", |caller: &mut Caller<'_>, n: i64| -> sx::Result<i64> {
            if n == 0 {
                return Ok(0);
            }
            let step = caller.func::<(i64,), i64>("step")?;
            Ok(step.call(caller, (n - 1,))? + 1)
        })
        .host_fn("r", "stack", |caller: &mut Caller<'_>| caller.backtrace().to_string())
        .host_fn("r", "boom", |_: &mut Caller<'_>| -> () { panic!("boom") })
        .build()
}

const REENTRANT: &str = "
    r :: #import \"r\";
    step :: (n: i64) -> i64 { if n == 7 { p : *i64 = null; return p.*; } r.down(n) }
    deep :: (n: i64) -> i64 { if n == 0 { return 0; } r.down(n) }
    stack :: () -> string { r.stack() }
    boom :: () { r.boom(); }
    after :: () -> i64 { 5 }
";

#[test]
fn host_functions_call_back() {
    let mut i = instance_of(&reentrant(), REENTRANT);
    let deep = i.func::<(i64,), i64>("deep").unwrap();
    assert_eq!(deep.call(&mut i, (6,)).unwrap(), 6);
    // A trap below keeps its kind, and the stack shows all levels.
    let error = failure(deep.call(&mut i, (10,)));
    assert_eq!(error.trap_kind(), Some(TrapKind::NullDereference));
    let functions: Vec<&str> = error.backtrace().frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(functions, ["step", "r.down", "step", "r.down", "step", "r.down", "deep"]);
    // Too deep is a trap, too.
    let error = failure(deep.call(&mut i, (100_000,)));
    assert_eq!(error.trap_kind(), Some(TrapKind::StackOverflow));
    let stack = i.func::<(), String>("stack").unwrap();
    let text = stack.call(&mut i, ()).unwrap();
    assert!(text.starts_with("  in host function r.stack\n  at program.sx:5:"), "{text}");
}

#[test]
fn panics_of_host_functions_go_on_in_the_host() {
    let mut i = instance_of(&reentrant(), REENTRANT);
    let boom = i.func::<(), ()>("boom").unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let caught = catch_unwind(AssertUnwindSafe(|| boom.call(&mut i, ())));
    std::panic::set_hook(hook);
    let payload = caught.expect_err("the panic goes on");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"boom"));
    assert_eq!(i.func::<(), i64>("after").unwrap().call(&mut i, ()).unwrap(), 5);
}

#[test]
fn declarations_are_compared() {
    let engine = Engine::builder().host_fn("h", "f", |a: i64, s: &str| a + s.len() as i64).build();
    let right = "f :: (a: i64, s: string) -> i64 extern host \"h.f\"; g :: () -> i64 { f(1, \"ab\") }";
    let mut i = instance_of(&engine, right);
    assert_eq!(i.func::<(), i64>("g").unwrap().call(&mut i, ()).unwrap(), 3);
    for wrong in
        ["(a: i32, s: string) -> i64", "(a: i64) -> i64", "(a: i64, s: string)", "(a: i64, s: []u8) -> f64"]
    {
        let error =
            failure(engine.compile(&format!("f :: {wrong} extern host \"h.f\"; g :: () {{ x := f; }}")));
        assert!(
            error.message().contains("the host's `h.f` is `(p0: i64, p1: string) -> i64`"),
            "{wrong}: {error}"
        );
    }
}
