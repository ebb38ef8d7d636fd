//! What hosts can rely on when programs have fibers.

use crate::{failure, instance_of};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use sx::{Caller, Engine, ErrorKind, Instance, Limits, TrapKind};

const HEAD: &str = "#import \"modules/std.sx\";\nfiber :: #import \"modules/std/fiber.sx\";\n";

fn make(engine: &Engine, source: &str) -> Instance {
    instance_of(engine, &format!("{HEAD}{source}"))
}

fn call(i: &mut Instance, name: &str) -> i64 {
    let f = i.func::<(), i64>(name).unwrap();
    match f.call(i, ()) {
        Ok(value) => value,
        Err(error) => panic!("{}", error.render()),
    }
}

fn fails(i: &mut Instance, name: &str) -> sx::Error {
    let f = i.func::<(), i64>(name).unwrap();
    failure(f.call(i, ()))
}

const COUNTING: &str = "
    kept : fiber.Fiber = .{};
    seen := 0;
    start :: () -> i64 {
        kept = fiber.create(() { while true { seen += 1; fiber.suspend(); } }) catch (e) { return -1; };
        seen
    }
    go :: () -> i64 { _ = kept.resume(); seen }
    state :: () -> i64 { cast(i64) kept.state() }
";

#[test]
fn fibers_live_from_call_to_call() {
    let mut i = make(&Engine::new(), COUNTING);
    assert_eq!(call(&mut i, "start"), 0);
    assert_eq!(call(&mut i, "state"), 1);
    for n in 1..=100 {
        assert_eq!(call(&mut i, "go"), n);
    }
    assert_eq!(call(&mut i, "state"), 2);
    // An instance may go to another thread with its fibers.
    let moved = std::thread::spawn(move || {
        assert_eq!(call(&mut i, "go"), 101);
        i
    });
    let mut i = moved.join().expect("it ends");
    assert_eq!(call(&mut i, "go"), 102);
    i.reset().unwrap();
    assert_eq!(call(&mut i, "state"), 0);
    assert_eq!(call(&mut i, "start"), 0);
    assert_eq!(call(&mut i, "go"), 1);
}

#[test]
fn a_trap_kills_the_fibers_of_its_call_and_no_others() {
    let source = format!(
        "{COUNTING}
        other : fiber.Fiber = .{{}};
        cleaned := 0;
        trap :: () -> i64 {{
            other = fiber.create(() {{ defer cleaned += 1; fiber.suspend(); }}) catch (e) {{ return -1; }};
            _ = other.resume();
            n := 0;
            1 / n
        }}
        other_state :: () -> i64 {{ cast(i64) other.state() }}
        cleanups :: () -> i64 {{ cleaned }}"
    );
    let mut i = make(&Engine::new(), &source);
    call(&mut i, "start");
    assert_eq!(call(&mut i, "go"), 1);
    assert_eq!(fails(&mut i, "trap").trap_kind(), Some(TrapKind::DivisionByZero));
    assert_eq!(call(&mut i, "other_state"), 0);
    assert_eq!(call(&mut i, "cleanups"), 0);
    assert_eq!(call(&mut i, "go"), 2);
}

#[test]
fn a_trap_in_a_fiber_names_its_functions_and_those_that_resumed_it() {
    let mut i = make(
        &Engine::builder().opt_level(sx::OptLevel::None).build(),
        "inner :: () { n := 0; _ = 1 / n; }
         outer :: () {
             f := fiber.create(() { inner(); }) catch (e) { return; };
             _ = f.resume();
         }
         begin :: () -> i64 {
             f := fiber.create(() { outer(); }) catch (e) { return -1; };
             _ = f.resume();
             0
         }",
    );
    let error = fails(&mut i, "begin");
    assert_eq!(error.trap_kind(), Some(TrapKind::DivisionByZero));
    let names: Vec<String> = error.backtrace().frames.iter().map(|frame| frame.function.clone()).collect();
    let at = |name: &str| {
        names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name}: {names:?}"))
    };
    assert!(at("inner") < at("outer") && at("outer") < at("begin"), "{names:?}");
}

#[test]
fn stacks_of_fibers_end_in_traps() {
    let engine = Engine::builder()
        .host_fn("h", "again", |caller: &mut Caller<'_>| -> sx::Result<i64> {
            let f = caller.func::<(), i64>("turn")?;
            f.call(caller, ())
        })
        .limits(Limits::default().nesting(1_000_000))
        .build();
    let mut i = make(
        &engine,
        "h :: #import \"h\";
         Big :: struct { bytes: [1 << 20]u8; }
         deep :: (n: i64) -> i64 { if n < 0 { return 0; } deep(n + 1) + n }
         large :: (n: i64) -> i64 { b : Big = .{}; b.bytes[n] = 1; xx b.bytes[n + 1] }
         seen := 5;
         read_seen :: () -> i64 { seen }
         turn :: () -> i64 { h.again() + 1 }
         on_fiber :: (f: () -> i64) -> i64 {
             g := fiber.create(() { _ = f(); }) catch (e) { return -1; };
             _ = g.resume();
             0
         }
         recursion :: () -> i64 { on_fiber(() => deep(0)) }
         local :: () -> i64 { on_fiber(() => large(read_seen())) }
         turns :: () -> i64 { on_fiber(() => turn()) }",
    );
    for name in ["recursion", "local", "turns"] {
        for _ in 0..20 {
            assert_eq!(fails(&mut i, name).trap_kind(), Some(TrapKind::StackOverflow), "{name}");
        }
    }
}

#[test]
fn suspending_below_a_host_function_is_a_trap() {
    let engine = Engine::builder()
        .host_fn("h", "through", |caller: &mut Caller<'_>| -> sx::Result<i64> {
            let f = caller.func::<(), i64>("sleepy")?;
            f.call(caller, ())
        })
        .host_fn("h", "resumes", |caller: &mut Caller<'_>| -> sx::Result<i64> {
            let f = caller.func::<(), i64>("nested")?;
            f.call(caller, ())
        })
        .build();
    let mut i = make(
        &engine,
        "h :: #import \"h\";
         sleepy :: () -> i64 { fiber.suspend(); 1 }
         run :: () -> i64 {
             f := fiber.create(() { _ = h.through(); }) catch (e) { return -1; };
             _ = f.resume();
             0
         }
         nested :: () -> i64 {
             f := fiber.create(() { fiber.suspend(); }) catch (e) { return -1; };
             turns := 0;
             while f.resume() { turns += 1; }
             turns
         }
         fine :: () -> i64 {
             n := 0;
             p := @n;
             f := fiber.create(() { p.* = h.resumes(); fiber.suspend(); p.* += 1; }) catch (e) { return -1; };
             while f.resume() { }
             n
         }",
    );
    let error = fails(&mut i, "run");
    assert_eq!(error.kind(), ErrorKind::Host);
    assert!(error.to_string().contains("a fiber can't be suspended below `h.through`"), "{error}");
    assert_eq!(call(&mut i, "fine"), 2);
}

#[test]
fn panics_of_host_functions_cross_fibers() {
    let engine = Engine::builder().host_fn("h", "panics", |n: i64| assert!(n < 0, "at the disco")).build();
    let mut i = make(
        &engine,
        "h :: #import \"h\";
         run :: () -> i64 {
             f := fiber.create(() { h.panics(1); }) catch (e) { return -1; };
             _ = f.resume();
             0
         }
         one :: () -> i64 { 1 }",
    );
    let run = i.func::<(), i64>("run").unwrap();
    for _ in 0..3 {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.call(&mut i, ()).is_ok()));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"at the disco"));
    }
    assert_eq!(call(&mut i, "one"), 1);
}

#[test]
fn limits_reach_fibers() {
    const LOOPS: &str = "run :: () -> i64 {
             f := fiber.create(() { n := 0; while true { n += 1; } }) catch (e) { return -1; };
             _ = f.resume();
             0
         }
         pingpong :: () -> i64 {
             f := fiber.create(() { while true { fiber.suspend(); } }) catch (e) { return -1; };
             while true { _ = f.resume(); }
             0
         }
         hoard :: () -> i64 {
             count := 0;
             while true {
                 f := fiber.create(() { fiber.suspend(); }) catch (e) == {
                     case .TooManyFibers: { return count; }
                     case .OutOfMemory: { return -count; }
                 };
                 _ = f.resume();
                 count += 1;
             }
             count
         }";
    let deadline = Limits::default().time_per_call(Duration::from_millis(20));
    let mut i = make(&Engine::builder().limits(deadline).build(), LOOPS);
    for name in ["run", "pingpong", "run", "pingpong"] {
        assert_eq!(fails(&mut i, name).trap_kind(), Some(TrapKind::Deadline), "{name}");
    }
    let mut i = make(&Engine::builder().limits(Limits::default().fuel(10_000)).build(), LOOPS);
    assert_eq!(fails(&mut i, "run").trap_kind(), Some(TrapKind::OutOfFuel));
    i.set_fuel(10_000);
    assert_eq!(fails(&mut i, "pingpong").trap_kind(), Some(TrapKind::OutOfFuel));
    let mut i = make(&Engine::new(), LOOPS);
    for name in ["run", "pingpong"] {
        let handle = i.interrupt_handle();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            handle.interrupt();
        });
        assert_eq!(fails(&mut i, name).trap_kind(), Some(TrapKind::Canceled), "{name}");
        thread.join().expect("it ends");
    }
    let mut i = make(&Engine::builder().limits(Limits::default().fibers(10)).build(), LOOPS);
    assert_eq!(call(&mut i, "hoard"), 10);
    let mut i = make(&Engine::builder().limits(Limits::default().fibers(0)).build(), LOOPS);
    assert_eq!(call(&mut i, "hoard"), 0);
    let mut i = make(&Engine::builder().limits(Limits::default().memory_bytes(1 << 20)).build(), LOOPS);
    let most = -call(&mut i, "hoard");
    assert!((200..=256).contains(&most), "{most}");
    assert!(i.memory_used() >= most as u64 * 4096);
    i.reset().unwrap();
    assert_eq!(i.memory_used(), 0);
}

/// Numbers of threads are as many as there were; what a handle says of its thread isn't.
#[test]
fn handles_tell_apart_more_threads_than_they_count() {
    let mut i = make(
        &Engine::builder().limits(Limits::default().threads(2)).build(),
        "thread :: #import \"modules/std/thread.sx\";
         one : fiber.Fiber = .{};
         state :: (f: fiber.Fiber) -> i64 { fiber.host_fiber_state(f.handle) }
         run :: () -> i64 {
             one = fiber.create(() { fiber.suspend(); }) catch { return -1; };
             _ = one.resume();
             count := 0;
             p := @count;
             for 0..33_000 (_) {
                 t := thread.spawn(() {
                     f := fiber.create(() { fiber.suspend(); }) catch { return; };
                     _ = f.resume();
                     if state(f) == 2 and f.handle != one.handle and state(one) == -3 { p.* += 1; }
                 }) catch { return -2; };
                 _ = t.join();
             }
             if state(one) != 2 { return -3; }
             count
         }",
    );
    assert_eq!(call(&mut i, "run"), 33_000);
}

#[test]
fn locks_of_fibers_that_a_trap_ended_are_poisoned() {
    let mut i = make(
        &Engine::new(),
        "sync :: #import \"modules/std/sync.sx\";
         mutex : sync.Mutex = .{};
         run :: () -> i64 {
             f := fiber.create(() { mutex.lock(); fiber.suspend(); }) catch { return -1; };
             _ = f.resume();
             n := 0;
             1 / n
         }
         traps :: () -> i64 {
             f := fiber.create(() { mutex.lock(); n := 0; _ = 1 / n; }) catch { return -1; };
             _ = f.resume();
             0
         }
         take :: () -> i64 { mutex.lock(); mutex.unlock(); 5 }",
    );
    for name in ["run", "traps"] {
        assert_eq!(call(&mut i, "take"), 5);
        assert_eq!(fails(&mut i, name).trap_kind(), Some(TrapKind::DivisionByZero));
        let error = fails(&mut i, "take");
        assert!(error.to_string().contains("the fiber that held this lock was killed"), "{error}");
        i.reset().unwrap();
        assert_eq!(i.memory_used(), 0);
    }
}

/// Fibers count what they have touched: the program's stack as it grows, native stack when they suspend.
#[test]
fn fibers_count_what_they_touch() {
    #[inline(never)]
    fn touch(n: u64) -> u64 {
        let block = std::hint::black_box([n; 128]);
        if n == 0 { block[5] } else { touch(n - 1) + block[7] }
    }
    const SOURCE: &str = "h :: #import \"h\";
         deep :: (n: i64) -> i64 { if n <= 0 { return 0; } deep(n - 1) + n }
         hoard :: (body: () -> void) -> i64 {
             count := 0;
             while count < 10_000 {
                 f := fiber.create(() { body(); fiber.suspend(); }) catch { return count; };
                 _ = f.resume();
                 count += 1;
             }
             count
         }
         on_vm :: () -> i64 { hoard(() { _ = deep(400); }) }
         on_native :: () -> i64 { hoard(() { _ = h.touch(40); }) }
         on_both :: () -> i64 { hoard(() { _ = deep(400); _ = h.touch(40); }) }
         little :: () -> i64 { hoard(() { _ = h.touch(0); }) }
         one :: () -> i64 {
             for 0..10_000 (_) {
                 f := fiber.create(() { _ = deep(400); _ = h.touch(40); fiber.suspend(); }) catch { return -1; };
                 while f.resume() { }
             }
             1
         }";
    let builder = Engine::builder().host_fn("h", "touch", |n: u64| touch(n));
    let engine = builder.limits(Limits::default().memory_bytes(64 << 20)).build();
    for (name, least_kib) in [("on_vm", 15), ("on_native", 40), ("on_both", 55)] {
        let mut i = make(&engine, SOURCE);
        let error = {
            let f = i.func::<(), i64>(name).unwrap();
            f.call(&mut i, ())
        };
        // Either no fiber can be made any more, or one that grows is told.
        match error {
            Ok(count) => assert!(count < (64 << 10) / least_kib + 200, "{name}: {count}"),
            Err(error) => assert_eq!(error.trap_kind(), Some(TrapKind::MemoryLimit), "{name}"),
        }
        assert!(i.memory_peak() <= 64 << 20);
        i.reset().unwrap();
        assert_eq!(i.memory_used(), 0);
        assert_eq!(call(&mut i, "one"), 1);
        assert_eq!(i.memory_used(), 0);
    }
    let mut i = make(&engine, SOURCE);
    assert!(call(&mut i, "little") > 4000);
}

/// A fiber's native stack is small; compiling needs more, also for compile-time code and deep nesting.
#[test]
fn host_functions_on_fibers_compile() {
    fn compile() -> i64 {
        let (open, close) = ("{ n += if n > 0 { 0 } else ".repeat(60), "; 1 }".repeat(60));
        let deep = format!("{}0{}", "-(".repeat(20), ")".repeat(20));
        let nested =
            format!("x :: () -> i64 {{ n := 1; n += if n > 0 {{ 0 }} else {open}{{ {deep} }}{close}; n }}");
        let source = format!(
            "{HEAD}{nested}
             fib :: (n: i64) -> i64 {{ if n < 2 {{ return n; }} fib(n - 1) + fib(n - 2) }}
             on_fiber :: () -> i64 {{
                 n := 0;
                 p := @n;
                 f := fiber.create(() {{ p.* = fib(15); }}) catch {{ return 0; }};
                 _ = f.resume();
                 n
             }}
             X :: #run on_fiber();
             run :: () -> i64 {{ X + x() }}"
        );
        let program = Engine::new().compile(&source).unwrap_or_else(|error| panic!("{}", error.render()));
        let mut i = program.instantiate().unwrap();
        call(&mut i, "run")
    }
    let limits = Limits::default().fiber_bytes(128 << 10);
    let engine = Engine::builder().host_fn("h", "compile", compile).limits(limits).build();
    let mut i = make(
        &engine,
        "h :: #import \"h\";
         run :: () -> i64 {
             n := 0;
             p := @n;
             f := fiber.create(() { p.* = h.compile(); }) catch { return -1; };
             _ = f.resume();
             n
         }",
    );
    assert_eq!(call(&mut i, "run"), 611);
}

#[test]
fn limits_reach_fibers_at_compile_time() {
    let spin = format!(
        "{HEAD}
         spin :: () -> i64 {{
             f := fiber.create(() {{ n := 0; while true {{ n += 1; if n % 100 == 0 {{ fiber.suspend(); }} }} }}) catch {{ return 0; }};
             while f.resume() {{ }}
             1
         }}
         X :: #run spin();"
    );
    let error = failure(Engine::builder().comptime_budget(10_000).build().compile(&spin));
    assert_eq!(error.diagnostics()[0].code(), "E0703");
    assert!(error.message().contains("budget"), "{error}");
    let cancel = sx::CompileCancel::new();
    let engine = Engine::builder().comptime_budget(u64::MAX).compile_cancel(cancel.clone()).build();
    let waiter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        cancel.cancel();
    });
    let error = failure(engine.compile(&spin));
    assert!(error.message().contains("canceled"), "{error}");
    waiter.join().expect("it ends");
}

#[test]
fn instances_are_dropped_with_live_fibers() {
    static DROPPED: AtomicU64 = AtomicU64::new(0);
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    let engine = Engine::new();
    let source = format!(
        "{HEAD}
        run :: () -> i64 {{
            for 0..50 (k) {{
                f := fiber.create(() {{ nested(3); }}) catch (e) {{ return -1; }};
                if k % 3 != 0 {{ _ = f.resume(); }}
            }}
            0
        }}
        nested :: (n: i64) {{
            defer print(\"never\\n\");
            if n == 0 {{ fiber.suspend(); return; }}
            g := fiber.create(() {{ nested(n - 1); }}) catch (e) {{ return; }};
            _ = g.resume();
            fiber.suspend();
        }}"
    );
    let program = engine.compile(&source).unwrap_or_else(|error| panic!("{}", error.render()));
    for _ in 0..20 {
        let mut i = program.instantiate().unwrap();
        i.set_data(Counted);
        assert_eq!(call(&mut i, "run"), 0);
        drop(i);
    }
    assert_eq!(DROPPED.load(Ordering::Relaxed), 20);
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod faults {
    use super::*;

    const ROLE: &str = "SX_FIBER_ROLE";

    #[test]
    fn stray_pointers_on_fibers_are_traps() {
        let mut i = make(
            &Engine::new(),
            "run :: () -> i64 {
                 f := fiber.create(() { p := cast(*i64) 0x7fff_1234_5678_9ab8; p.* = 1; }) catch (e) { return -1; };
                 _ = f.resume();
                 0
             }
             one :: () -> i64 { 1 }",
        );
        for _ in 0..1000 {
            assert_eq!(fails(&mut i, "run").trap_kind(), Some(TrapKind::InvalidMemory));
        }
        assert_eq!(call(&mut i, "one"), 1);
    }

    #[inline(never)]
    fn deeper(n: u64) -> u64 {
        let block = std::hint::black_box([n; 512]);
        if block[0] == u64::MAX { 0 } else { deeper(block[0] + 1) + block[511] }
    }

    #[test]
    fn a_guard_that_is_hit_ends_the_process_with_the_fibers_name() {
        if std::env::var_os(ROLE).is_some() {
            let engine = Engine::builder().host_fn("h", "deeper", |n: u64| deeper(n)).build();
            let mut i = make(
                &engine,
                "h :: #import \"h\";
                 run :: () -> i64 {
                     f := fiber.create(() { _ = h.deeper(0); }) catch (e) { return -1; };
                     f.set_name(\"the deep one\");
                     _ = f.resume();
                     0
                 }",
            );
            call(&mut i, "run");
            return;
        }
        use std::os::unix::process::ExitStatusExt;
        let mut command = std::process::Command::new(std::env::current_exe().expect("the test has a path"));
        let name = "fibers::faults::a_guard_that_is_hit_ends_the_process_with_the_fibers_name";
        let output = command.args(["--exact", name, "--nocapture"]).env(ROLE, "1").output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
        assert!(text.contains("the native stack of fiber `the deep one`"), "{text}");
    }

    fn resident_kib() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("it can be read");
        let pages: usize = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a number");
        pages * 4
    }

    /// Runs the test of this name again in a process of its own, in which `ROLE` is set.
    fn in_a_child(name: &str) -> std::process::Output {
        let mut command = std::process::Command::new(std::env::current_exe().expect("the test has a path"));
        let name = format!("fibers::faults::{name}");
        command.args(["--exact", &name, "--nocapture"]).env(ROLE, "1").output().expect("it runs")
    }

    fn reserved_mib() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("it can be read");
        let pages: usize = statm.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
        pages / 256
    }

    #[test]
    fn fibers_left_behind_give_their_memory_back() {
        if std::env::var_os(ROLE).is_none() {
            let output = in_a_child("fibers_left_behind_give_their_memory_back");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return;
        }
        let engine = Engine::builder().limits(Limits::default().threads(1)).build();
        let program = engine
            .compile(&format!(
                "{HEAD}
                 thread :: #import \"modules/std/thread.sx\";
                 leave :: () -> i64 {{
                     for 0..20 (k) {{
                         f := fiber.create(() {{ fiber.suspend(); }}) catch {{ return -1; }};
                         if k != 7 {{ _ = f.resume(); }}
                     }}
                     0
                 }}
                 on_a_thread :: () -> i64 {{
                     t := thread.spawn(leave) catch {{ return -2; }};
                     t.join()
                 }}"
            ))
            .unwrap_or_else(|error| panic!("{}", error.render()));
        let mut kept = program.instantiate().unwrap();
        let mut before = 0;
        for round in 0..300 {
            let mut i = program.instantiate().unwrap();
            assert_eq!(call(&mut i, "leave"), 0);
            drop(i);
            assert_eq!(call(&mut kept, "on_a_thread"), 0);
            assert_eq!(kept.memory_used(), 0);
            if round == 50 {
                before = reserved_mib();
            }
        }
        let after = reserved_mib();
        assert!(after < before + 100, "{before} MiB grew to {after} MiB");
    }

    #[test]
    fn a_fiber_that_waits_takes_one_page() {
        if std::env::var_os(ROLE).is_none() {
            let output = in_a_child("a_fiber_that_waits_takes_one_page");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return;
        }
        let mut i = make(
            &Engine::new(),
            "park :: (n: i64) -> i64 {
                 for 0..n (_) {
                     f := fiber.create(() { fiber.suspend(); }) catch { return -1; };
                     _ = f.resume();
                 }
                 n
             }
             some :: () -> i64 { park(1000) }
             many :: () -> i64 { park(20_000) }",
        );
        call(&mut i, "some");
        let before = resident_kib();
        call(&mut i, "many");
        let each = (resident_kib() - before) as f64 / 20_000.0;
        assert!(each < 5.0, "{each} KiB");
        assert_eq!(i.memory_used(), 21_000 * 4096);
    }

    #[test]
    fn a_million_fibers_one_after_the_other_leave_nothing_behind() {
        if std::env::var_os(ROLE).is_none() {
            let mut command =
                std::process::Command::new(std::env::current_exe().expect("the test has a path"));
            let name = "fibers::faults::a_million_fibers_one_after_the_other_leave_nothing_behind";
            let output = command.args(["--exact", name]).env(ROLE, "1").output().expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            return;
        }
        let mut i = make(
            &Engine::new(),
            "run :: () -> i64 {
                 for 0..10_000 (k) {
                     f := fiber.create(() { fiber.suspend(); }) catch (e) { return -1; };
                     if k % 4 != 0 { _ = f.resume(); }
                     if k % 2 == 0 { f.kill(); } else { _ = f.resume(); }
                 }
                 0
             }
             traps :: () -> i64 {
                 f := fiber.create(() {
                     g := fiber.create(() { fiber.suspend(); n := 0; _ = 1 / n; }) catch (e) { return; };
                     while true { _ = g.resume(); }
                 }) catch (e) { return -1; };
                 _ = f.resume();
                 0
             }",
        );
        let mut before = 0;
        for round in 0..100 {
            assert_eq!(call(&mut i, "run"), 0);
            for _ in 0..100 {
                assert_eq!(fails(&mut i, "traps").trap_kind(), Some(TrapKind::DivisionByZero));
            }
            if round == 9 {
                before = resident_kib();
            }
        }
        let after = resident_kib();
        assert!(after < before + 1024, "{before} KiB grew to {after} KiB");
        assert_eq!(i.memory_used(), 0);
    }
}
