//! Threads that programs start, as the host sees them.

use crate::{failure, instance_of};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use sx::{Caller, Engine, EngineBuilder, ErrorKind, Instance, Limits, TrapKind};

const SOURCE: &str = "
    #import \"modules/std.sx\"; sync :: #import \"modules/std/sync.sx\"; thread :: #import \"modules/std/thread.sx\";
    #import \"modules/std/atomic.sx\";

    index := 9;
    fails :: () -> i64 { xs := .[1, 2, 3]; xs[index] }
    sleeps :: () { time.sleep(time.HOUR); }
    spins :: () { while true {} }
    waits :: () { s : sync.Semaphore; s.acquire(); }

    trap_in_thread :: () -> i64 ! { t := try thread.spawn(fails); t.join() }
    trap_while_others_wait :: () -> ! {
        try thread.spawn(sleeps);
        try thread.spawn(waits);
        try thread.spawn(spins);
        try thread.spawn(fails);
        sleeps();
    }
    trap_here :: () -> ! { try thread.spawn(sleeps); try thread.spawn(spins); _ = fails(); }
    parked :: () -> ! {
        try thread.spawn(sleeps);
        try thread.spawn(waits);
        t := try thread.spawn(sleeps);
        t.join();
    }
    busy :: () -> ! { for 0..3 (_) { try thread.spawn(spins); } spins(); }
    leave_them :: () -> i64 ! {
        try thread.spawn(spins);
        try thread.spawn(sleeps);
        try thread.spawn(waits);
        5
    }
    hoard :: () { while true { alloc_slice(u8, 100000); } }
    hoards :: () -> ! { for 0..3 (_) { try thread.spawn(hoard); } hoard(); }
    churn :: (n: i64) -> i64 ! {
        total := 0;
        for 0..n (i) {
            k := i;
            body := () -> i64 { xs := alloc_slice(u8, 1000); defer free_slice(xs); xs.len + k };
            t := try thread.spawn(body);
            total += t.join() - 1000;
            closure_free(body);
        }
        total
    }
    most :: (n: i64) -> i64 ! {
        for 0..n (i) {
            _, err := thread.spawn(sleeps);
            if e := err {
                if e == error.TooManyThreads { return i; }
                raise error.Other;
            }
        }
        n
    }
    one_after_the_other :: (n: i64) -> i64 ! {
        for 0..n (_) { t := try thread.spawn(() => thread.current_id()); t.join(); }
        n
    }
    leaves :: () -> ! { try thread.spawn(() { process.exit(7); }); spins(); }
    count :: (n: i64) -> i64 { t := 0; for 0..n (i) { t += i; } t }
    nested :: () -> i64 ! { t := try thread.spawn(() => count(10)); t.join() + 1 }
    deadlock :: () -> ! { t := try thread.spawn(waits); t.join(); }
    allocates :: () {
        kept : [64][]u8;
        for 0..10000 (i) {
            place := i * 7 % 64;
            old := kept[place];
            for old (b) { assert(b == cast(u8) old.len, \"somebody wrote there\"); }
            free_slice(old);
            kept[place] = alloc_slice(u8, i * 31 % 90);
            mem_set(xx kept[place].ptr, cast(u8) kept[place].len, kept[place].len);
        }
        for kept (k) { free_slice(k); }
    }
    allocate :: () -> ! {
        threads : List(thread.Thread(void)) = .{};
        defer threads.deinit();
        for 0..4 (_) { threads.append(try thread.spawn(allocates)); }
        allocates();
        for threads.items (*t) { t.join(); }
    }
    id :: () -> i64 { thread.current_id() }
    calls : thread.ThreadLocal(i64);
    called :: () -> i64 { calls.get().* += 1; calls.get().* }
";

fn engine(limits: Limits) -> EngineBuilder {
    Engine::builder().limits(limits.threads(8))
}

fn instance() -> Instance {
    instance_of(&engine(Limits::default()).build(), SOURCE)
}

/// Calls a function that can fail; how it traps, which must be soon.
fn trap(i: &mut Instance, name: &str) -> sx::Error {
    let started = Instant::now();
    let func = i.func::<(), Result<(), sx::SxError>>(name).unwrap();
    let error = failure(func.call(i, ()));
    assert!(started.elapsed() < Duration::from_secs(20), "{name}");
    error
}

fn works_on(i: &mut Instance) {
    let nested = i.func::<(), Result<i64, sx::SxError>>("nested").unwrap();
    assert_eq!(nested.call(i, ()).unwrap().unwrap(), 46);
}

#[test]
fn a_trap_in_a_thread_ends_the_call() {
    let mut i = instance();
    let func = i.func::<(), Result<i64, sx::SxError>>("trap_in_thread").unwrap();
    for _ in 0..3 {
        let error = failure(func.call(&mut i, ()));
        assert_eq!(error.trap_kind(), Some(TrapKind::IndexOutOfRange));
        let names: Vec<&str> = error.backtrace().frames.iter().map(|frame| frame.function.as_str()).collect();
        let at = names.iter().position(|name| name.starts_with("thread ")).unwrap();
        assert!(error.backtrace().frames[at].thread);
        assert_eq!(names[0], "fails");
        assert_eq!(names.last(), Some(&"trap_in_thread"));
        assert!(names[..at].iter().all(|&name| name != "trap_in_thread"), "{names:?}");
        assert!(error.render().contains("\n  on thread "), "{}", error.render());
    }
    assert!(i.is_trapped());
    works_on(&mut i);
}

#[test]
fn a_trap_ends_the_other_threads() {
    let mut i = instance();
    for name in ["trap_while_others_wait", "trap_here"] {
        assert_eq!(trap(&mut i, name).trap_kind(), Some(TrapKind::IndexOutOfRange), "{name}");
        works_on(&mut i);
    }
}

#[test]
fn interrupts_reach_threads_that_wait() {
    let mut i = instance();
    for name in ["parked", "busy", "parked"] {
        let handle = i.interrupt_handle();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            handle.interrupt();
        });
        assert_eq!(trap(&mut i, name).trap_kind(), Some(TrapKind::Canceled), "{name}");
        other.join().unwrap();
        // One interrupt ends one call.
        works_on(&mut i);
    }
}

#[test]
fn deadlines_reach_threads() {
    let mut i =
        instance_of(&engine(Limits::default().time_per_call(Duration::from_millis(50))).build(), SOURCE);
    for name in ["parked", "busy", "parked"] {
        assert_eq!(trap(&mut i, name).trap_kind(), Some(TrapKind::Deadline), "{name}");
        works_on(&mut i);
    }
}

#[test]
fn threads_burn_the_fuel_of_all() {
    let mut i = instance_of(&engine(Limits::default().fuel(1_000_000)).build(), SOURCE);
    works_on(&mut i);
    assert!(i.fuel() > 990_000 && i.fuel() < 1_000_000, "{}", i.fuel());
    assert_eq!(trap(&mut i, "busy").trap_kind(), Some(TrapKind::OutOfFuel));
    // What other threads had taken of it is given back.
    assert!(i.fuel() <= 50_000, "{}", i.fuel());
    i.set_fuel(1_000_000);
    works_on(&mut i);
}

#[test]
fn threads_share_the_memory_limit() {
    let mut i = instance_of(&engine(Limits::default().memory_bytes(8 << 20)).build(), SOURCE);
    assert_eq!(trap(&mut i, "hoards").trap_kind(), Some(TrapKind::OutOfMemory));
    assert!(i.memory_used() <= 8 << 20 && i.memory_peak() >= 7 << 20 && i.memory_peak() <= 8 << 20);
}

#[test]
fn threads_that_nobody_joins_end_with_the_call() {
    let mut i = instance();
    let func = i.func::<(), Result<i64, sx::SxError>>("leave_them").unwrap();
    for _ in 0..20 {
        assert_eq!(func.call(&mut i, ()).unwrap().unwrap(), 5);
    }
    // None is left that could touch its memory.
    drop(i);
}

#[test]
fn a_thousand_threads_leave_nothing_behind() {
    let mut i = instance();
    let churn = i.func::<(i64,), Result<i64, sx::SxError>>("churn").unwrap();
    churn.call(&mut i, (1000,)).unwrap().unwrap();
    let (heap, process) = (i.memory_used(), resident());
    for _ in 0..3 {
        assert_eq!(churn.call(&mut i, (1000,)).unwrap().unwrap(), 499_500);
    }
    assert_eq!(i.memory_used(), heap);
    assert!(resident() < process + (8 << 20), "{process} and {} bytes", resident());
}

#[test]
fn threads_allocate_at_the_same_time() {
    let mut i = instance();
    let allocate = i.func::<(), Result<(), sx::SxError>>("allocate").unwrap();
    allocate.call(&mut i, ()).unwrap().unwrap();
    assert_eq!(i.memory_used(), 0);
}

/// Bytes of memory that this process has; 0 where that isn't known.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}

#[test]
fn threads_are_limited() {
    let most = |limits| {
        let mut i = instance_of(&Engine::builder().limits(limits).build(), SOURCE);
        let most = i.func::<(i64,), Result<i64, sx::SxError>>("most").unwrap();
        most.call(&mut i, (10,)).unwrap().unwrap()
    };
    assert_eq!(most(Limits::default()), 0, "without leave of the host there are none");
    assert_eq!(most(Limits::default().threads(3)), 3);
    let mut i = instance_of(&Engine::builder().limits(Limits::default().threads(1)).build(), SOURCE);
    let func = i.func::<(i64,), Result<i64, sx::SxError>>("one_after_the_other").unwrap();
    assert_eq!(func.call(&mut i, (200,)).unwrap().unwrap(), 200);
}

#[test]
fn a_thread_can_end_the_program() {
    let mut i = instance();
    assert_eq!(trap(&mut i, "leaves").kind(), ErrorKind::Exit(7));
}

#[test]
fn threads_that_wait_for_each_other_are_a_trap() {
    let mut i = instance();
    assert_eq!(trap(&mut i, "deadlock").trap_kind(), Some(TrapKind::Deadlock));
    works_on(&mut i);
}

#[test]
fn the_host_calls_from_thread_one() {
    let mut i = instance();
    let id = i.func::<(), i64>("id").unwrap();
    for _ in 0..2 {
        assert_eq!(id.call(&mut i, ()).unwrap(), 1);
        works_on(&mut i);
    }
}

#[test]
fn variables_of_the_first_thread_last_until_a_reset() {
    let mut i = instance();
    let called = i.func::<(), i64>("called").unwrap();
    for _ in 0..2 {
        for n in 1..=3 {
            assert_eq!(called.call(&mut i, ()).unwrap(), n);
        }
        i.reset().unwrap();
    }
}

const HOSTED: &str = "
    #import \"modules/std.sx\"; sync :: #import \"modules/std/sync.sx\"; thread :: #import \"modules/std/thread.sx\";
    h :: #import \"h\";
    twice :: (n: i64) -> i64 { n * 2 }
    many :: () -> i64 ! {
        ts : List(thread.Thread(void)) = .{};
        for 0..4 (_) { ts.append(try thread.spawn(() { for 0..5000 (_) { h.count(); } })); }
        for ts.items (*t) { t.join(); }
        h.total()
    }
    meet :: () -> ! { t := try thread.spawn(() { h.meet(); }); h.meet(); t.join(); }
    panics :: () -> ! { t := try thread.spawn(() { h.panics(); }); t.join(); }
    back :: () -> i64 ! { t := try thread.spawn(() => h.back(4)); t.join() + h.back(1) }
    within :: () -> i64 ! {
        t := try thread.spawn(() => h.total());
        t.join()
    }
";

fn hosted() -> Instance {
    let barrier = Barrier::new(2);
    let engine = engine(Limits::default())
        .host_fn("h", "count", |caller: &mut Caller<'_>| {
            let data = caller.data::<i64>().unwrap();
            let before = *data;
            // Time for others to come between.
            (0..200).for_each(|_| std::hint::spin_loop());
            *data = std::hint::black_box(before) + 1;
        })
        .host_fn("h", "total", |caller: &mut Caller<'_>| *caller.data::<i64>().unwrap())
        .host_fn("h", "meet", move || _ = barrier.wait())
        .host_fn("h", "panics", || -> i64 { panic!("not today") })
        .host_fn("h", "back", |caller: &mut Caller<'_>, n: i64| -> sx::Result<i64> {
            *caller.data::<i64>().unwrap() += 1;
            // The data isn't kept while the program runs: `within` needs it on another thread.
            let total = caller.func::<(), Result<i64, sx::SxError>>("within")?.call(caller, ())?;
            let twice = caller.func::<(i64,), i64>("twice")?.call(caller, (n,))?;
            Ok(twice + 100 * total.unwrap_or(-1) + 1000 * i64::from(caller.thread_id() > 1))
        })
        .build();
    let mut i = instance_of(&engine, HOSTED);
    i.set_data(0i64);
    i
}

#[test]
fn one_thread_at_a_time_has_the_data_of_the_host() {
    let mut i = hosted();
    let many = i.func::<(), Result<i64, sx::SxError>>("many").unwrap();
    assert_eq!(many.call(&mut i, ()).unwrap().unwrap(), 20_000);
    assert_eq!(i.data::<i64>(), Some(&mut 20_000));
}

#[test]
fn threads_are_in_the_host_at_the_same_time() {
    let mut i = hosted();
    i.func::<(), Result<(), sx::SxError>>("meet").unwrap().call(&mut i, ()).unwrap().unwrap();
}

#[test]
fn panics_on_threads_reach_the_host_that_called() {
    let mut i = hosted();
    let panics = i.func::<(), Result<(), sx::SxError>>("panics").unwrap();
    let payload = catch_unwind(AssertUnwindSafe(|| drop(panics.call(&mut i, ())))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"not today"));
    let meet = i.func::<(), Result<(), sx::SxError>>("meet").unwrap();
    meet.call(&mut i, ()).unwrap().unwrap();
}

#[test]
fn hosts_call_back_on_threads() {
    let mut i = hosted();
    let back = i.func::<(), Result<i64, sx::SxError>>("back").unwrap();
    assert_eq!(back.call(&mut i, ()).unwrap().unwrap(), (8 + 100 + 1000) + (2 + 200));
}

#[test]
fn c_calls_back_on_the_thread_that_called_it() {
    let mut i = instance_of(
        &engine(Limits::default()).user_extern(true).build(),
        "#import \"modules/std.sx\"; sync :: #import \"modules/std/sync.sx\"; thread :: #import \"modules/std/thread.sx\";
         qsort :: (base: *void, n: usize, size: usize, cmp: (a: *void, b: *void) -> i32 abi(.c)) extern libc;
         descending :: (a: *void, b: *void) -> i32 abi(.c) {
             x := (cast(*i64) a).*;
             y := (cast(*i64) b).*;
             if x < y then 1 else if x > y then -1 else 0
         }
         sorts :: () -> i64 {
             xs : [200]i64 = ---;
             for 0..200 (i) { xs[i] = i * 7 % 200; }
             qsort(xx @xs[0], 200, 8, descending);
             for 0..200 (i) { if xs[i] != 199 - i { return 0; } }
             1
         }
         run :: () -> i64 ! {
             ts : List(thread.Thread(i64)) = .{};
             for 0..4 (_) { ts.append(try thread.spawn(sorts)); }
             sum := sorts();
             for ts.items (*t) { sum += t.join(); }
             sum
         }",
    );
    let run = i.func::<(), Result<i64, sx::SxError>>("run").unwrap();
    assert_eq!(run.call(&mut i, ()).unwrap().unwrap(), 5);
}

#[cfg(unix)]
#[test]
fn every_thread_has_an_errno() {
    let mut i = instance_of(
        &engine(Limits::default()).user_extern(true).build(),
        "#import \"modules/std.sx\"; sync :: #import \"modules/std/sync.sx\"; thread :: #import \"modules/std/thread.sx\";
         core :: #import \"modules/std/core.sx\";
         close :: (fd: i32) -> i32 extern libc;
         chdir :: (path: cstring) -> i32 extern libc;
         m : sync.Mutex;
         // How often errno was another one, after the engine had done this and that.
         lost :: (own: bool) -> i64 {
             n := 0;
             for 0..200 (i) {
                 if own { close(-1); } else { chdir(\"/no/such/folder\"); }
                 m.lock();
                 if i % 4 == 0 { time.sleep(10 * time.MICROSECOND); }
                 free_slice(alloc_slice(u8, 100_000));
                 m.unlock();
                 thread.yield_now();
                 if core.host_errno() != (if own then 9 else 2) { n += 1; }
             }
             n
         }
         run :: () -> i64 ! { t := try thread.spawn(() => lost(true)); lost(false) + t.join() }",
    );
    let run = i.func::<(), Result<i64, sx::SxError>>("run").unwrap();
    assert_eq!(run.call(&mut i, ()).unwrap().unwrap(), 0);
}

#[cfg(unix)]
#[test]
fn c_calls_back_on_no_thread_that_it_started_itself() {
    let mut i = instance_of(
        &engine(Limits::default()).user_extern(true).build(),
        "#import \"modules/std.sx\"; sync :: #import \"modules/std/sync.sx\"; thread :: #import \"modules/std/thread.sx\";
         pthread_create :: (id: *u64, attr: *void, start: (p: *void) -> *void abi(.c), arg: *void) -> i32 extern libc;
         pthread_join :: (id: u64, result: **void) -> i32 extern libc;
         ran := 0;
         body :: (p: *void) -> *void abi(.c) { ran += 1; p }
         run :: () -> i64 {
             id : u64 = 0;
             back : *void = null;
             pthread_create(@id, null, body, xx @ran);
             pthread_join(id, @back);
             n := 0;
             for 0..1000 (i) { n += i; }
             n
         }
         ran_it :: () -> i64 { n := ran; for 0..10 (_) { n += 0; } n }",
    );
    let run = i.func::<(), i64>("run").unwrap();
    let error = failure(run.call(&mut i, ()));
    assert_eq!(error.message(), "C called back on a thread that runs nothing of this program");
    let ran = i.func::<(), i64>("ran_it").unwrap();
    assert_eq!(ran.call(&mut i, ()).unwrap(), 0);
}
