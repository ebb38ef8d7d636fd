//! Limits keep a program within its bounds.

use crate::{failure, instance_of};
use std::time::{Duration, Instant};
use sx::{Engine, Limits, TrapKind};

const SOURCE: &str = "
    #import \"modules/std.sx\";
    forever :: () { while true {} }
    count :: (n: i64) -> i64 { t := 0; for 0..n (i) { t += i; } t }
    hoard :: () -> i64 { n := 0; while true { p := alloc_slice(u8, 1000000); n += p.len; } n }
    borrow :: (n: i64) -> i64 { p := alloc_slice(u8, n); free_slice(p); n }
    keep :: (n: i64) -> i64 { p := alloc_slice(u8, n); p.len }
    deep :: (n: i64) -> i64 { if n == 0 { return 0; } deep(n - 1) + 1 }
";

#[test]
fn memory_is_limited() {
    let engine = Engine::builder().limits(Limits::default().memory_bytes(8 << 20)).build();
    let mut i = instance_of(&engine, SOURCE);
    let error = failure(i.func::<(), i64>("hoard").unwrap().call(&mut i, ()));
    assert_eq!(error.trap_kind(), Some(TrapKind::OutOfMemory));
    assert!(i.memory_used() <= 8 << 20 && i.memory_peak() >= 7 << 20);
    let mut fresh = instance_of(&engine, SOURCE);
    let borrow = fresh.func::<(i64,), i64>("borrow").unwrap();
    for _ in 0..100 {
        borrow.call(&mut fresh, (4 << 20,)).unwrap();
    }
    assert_eq!(fresh.memory_used(), 0);
    let keep = fresh.func::<(i64,), i64>("keep").unwrap();
    keep.call(&mut fresh, (100,)).unwrap();
    assert_eq!(fresh.memory_used(), 112);
    for nonsense in [-1, i64::MAX, 1 << 40] {
        assert!(keep.call(&mut fresh, (nonsense,)).is_err(), "{nonsense}");
    }
}

#[test]
fn time_is_limited() {
    let engine = Engine::builder().limits(Limits::default().time_per_call(Duration::from_millis(30))).build();
    let mut i = instance_of(&engine, SOURCE);
    let forever = i.func::<(), ()>("forever").unwrap();
    let started = Instant::now();
    for _ in 0..2 {
        let error = failure(forever.call(&mut i, ()));
        assert_eq!(error.trap_kind(), Some(TrapKind::Deadline));
        assert!(error.is_interrupt());
        assert_eq!(error.message(), "interrupted: deadline");
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    let count = i.func::<(i64,), i64>("count").unwrap();
    assert_eq!(count.call(&mut i, (4,)).unwrap(), 6);
}

#[test]
fn a_deadline_can_be_set_and_removed() {
    let mut i = instance_of(&Engine::new(), SOURCE);
    let forever = i.func::<(), ()>("forever").unwrap();
    i.set_deadline(Some(Duration::from_millis(20)));
    assert_eq!(failure(forever.call(&mut i, ())).trap_kind(), Some(TrapKind::Deadline));
    i.set_deadline(None);
    let count = i.func::<(i64,), i64>("count").unwrap();
    assert_eq!(count.call(&mut i, (100_000,)).unwrap(), 4_999_950_000);
}

#[test]
fn fuel_runs_out() {
    let program = Engine::new().compile(SOURCE).unwrap();
    let mut i = program.instance().limits(Limits::default().fuel(1000)).build().unwrap();
    let count = i.func::<(i64,), i64>("count").unwrap();
    count.call(&mut i, (100,)).unwrap();
    assert!(i.fuel() < 1000);
    assert_eq!(failure(count.call(&mut i, (100_000,))).trap_kind(), Some(TrapKind::OutOfFuel));
    i.set_fuel(1_000_000);
    count.call(&mut i, (100_000,)).unwrap();
}

#[test]
fn recursion_is_limited_by_the_stack() {
    let program = Engine::new().compile(SOURCE).unwrap();
    let deep = program.func::<(i64,), i64>("deep").unwrap();
    let mut small = program.instance().limits(Limits::default().stack_bytes(64 << 10)).build().unwrap();
    let mut large = program.instance().limits(Limits::none()).build().unwrap();
    assert_eq!(failure(deep.call(&mut small, (50_000,))).trap_kind(), Some(TrapKind::StackOverflow));
    assert_eq!(deep.call(&mut large, (50_000,)).unwrap(), 50_000);
}

#[test]
fn comptime_has_a_budget() {
    let engine = Engine::builder().comptime_budget(10_000).build();
    let error =
        failure(engine.compile("spin :: () -> i64 { n := 0; while true { n += 1; } n }\nX :: #run spin();"));
    assert_eq!(error.diagnostics()[0].code(), "E0703");
    assert!(error.message().contains("budget"), "{error}");
}

#[test]
fn compilations_are_canceled() {
    let cancel = sx::CompileCancel::new();
    let engine = Engine::builder().comptime_budget(u64::MAX).compile_cancel(cancel.clone()).build();
    assert!(engine.compile("X :: #run 1 + 1;").is_ok());
    let waiter = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            std::thread::sleep(Duration::from_millis(20));
            cancel.cancel();
        }
    });
    let error =
        failure(engine.compile("spin :: () -> i64 { n := 0; while true { n += 1; } n }\nX :: #run spin();"));
    assert_eq!(error.diagnostics()[0].code(), "E0703");
    assert!(error.message().contains("canceled"), "{error}");
    waiter.join().unwrap();
    // It stays canceled; what needs no code is compiled all the same.
    let error = failure(engine.compile("one :: () -> i64 { 1 }\nX :: #run one();"));
    assert!(error.message().contains("canceled"), "{error}");
    assert!(engine.compile("one :: () -> i64 { 1 }").is_ok());
}

#[test]
fn interrupts_come_from_other_threads() {
    let mut i = instance_of(&Engine::new(), SOURCE);
    let forever = i.func::<(), ()>("forever").unwrap();
    let handle = i.interrupt_handle();
    let waiter = std::thread::spawn({
        let handle = handle.clone();
        move || {
            std::thread::sleep(Duration::from_millis(20));
            handle.interrupt();
        }
    });
    let error = failure(forever.call(&mut i, ()));
    assert_eq!(error.trap_kind(), Some(TrapKind::Canceled));
    waiter.join().unwrap();
    drop(i);
    handle.interrupt();
}
