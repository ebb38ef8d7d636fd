//! Threads of an instance, from host functions that start them, let them wait and wake them.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use sx_ir::*;
use sx_vm::*;

struct Table(Vec<(&'static str, Arc<dyn HostFn>)>);

impl ExternResolver for Table {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        let found = self.0.iter().find(|(name, _)| *name == ext.symbol);
        found
            .map(|(_, function)| ExternTarget::Host(function.clone()))
            .ok_or_else(|| "no such function".into())
    }
}

/// Function 0 gives what the host function `first` does with its argument; function 1, which threads begin with, calls
/// `body` with its argument and gives nothing; function 2 gives a number.
fn module() -> Module {
    let mut m = Module::new();
    let int = CType::Int { size: 8, signed: true };
    let sig = CSignature { params: vec![int], ret: int, variadic: false };
    let sig = m.sig(Sig::C { sig, fixed: 1 });
    let mut declare = |symbol: &str| {
        m.add_extern(Extern {
            symbol: symbol.into(),
            library: Some(Extern::HOST.into()),
            kind: ExternKind::Func(sig),
            declared: (0, 0),
        })
    };
    let (first, body) = (declare("first"), declare("body"));
    let ids: Vec<FuncId> = (0..3).map(|_| m.reserve_func()).collect();
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let x = param(&b, 0);
    let y = b.call(Callee::Extern(first), &[x], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(ids[0], b.finish());
    let mut b = function("thread", &[Ty::I64], &[]);
    let x = param(&b, 0);
    b.call(Callee::Extern(body), &[x], &[Ty::I64]);
    ret(&mut b, &[]);
    m.define_func(ids[1], b.finish());
    let mut b = function("number", &[], &[Ty::I64]);
    let x = b.i64(3);
    ret(&mut b, &[x]);
    m.define_func(ids[2], b.finish());
    m
}

/// The function values of functions 1 and 2.
const THREAD: u64 = 2;
const NUMBER: u64 = 3;

fn instance_with(
    threads: u32,
    first: impl Fn(&mut Caller<'_>, u64) -> Result<u64, Trap> + Send + Sync + 'static,
    body: impl Fn(&mut Caller<'_>, u64) -> Result<u64, Trap> + Send + Sync + 'static,
) -> Instance {
    fn host(
        f: impl Fn(&mut Caller<'_>, u64) -> Result<u64, Trap> + Send + Sync + 'static,
    ) -> Arc<dyn HostFn> {
        Arc::new(move |caller: &mut Caller<'_>, slots: &mut [u64]| {
            slots[0] = f(caller, slots[0])?;
            Ok(())
        })
    }
    let resolver = Arc::new(Table(vec![("first", host(first)), ("body", host(body))]));
    let limits = Limits { threads, ..Limits::default() };
    Instance::new(program(&module()), Config { limits, resolver, ..Config::default() }).expect("an instance")
}

fn run(instance: &mut Instance, x: u64) -> Result<u64, Trap> {
    call(instance, FuncId(0), &[x], 1).map(|rets| rets[0])
}

/// Starts a thread that nobody will be told of.
fn start(caller: &mut Caller<'_>, x: u64) -> Result<u64, SpawnError> {
    // SAFETY: there is no place for the end.
    unsafe { caller.spawn(THREAD, &[0, x], 0) }
}

/// Waits for a word to change; it must live as long as the instance.
fn wait(caller: &mut Caller<'_>, word: &'static AtomicU32, seen: u32) -> Result<Parked, Trap> {
    // SAFETY: the word is there.
    unsafe { caller.park(word.as_ptr() as usize, seen, None) }
}

fn word() -> &'static AtomicU32 {
    Box::leak(Box::default())
}

#[test]
fn threads_run_beside_the_call_and_are_waited_for() {
    let (ended, ran) = (word(), word());
    let mut i = instance_with(
        4,
        |caller, n| {
            for x in 0..n {
                let id = start(caller, x).map_err(|error| Trap::host(error.to_string()))?;
                assert_eq!(id, 2 + x);
            }
            Ok(u64::from(caller.is_alone()))
        },
        move |caller, x| {
            ran.fetch_add(1, Ordering::Relaxed);
            assert!(!caller.is_alone());
            std::thread::sleep(Duration::from_millis(5 * x));
            ended.fetch_add(1, Ordering::Relaxed);
            Ok(caller.thread_id())
        },
    );
    assert_eq!(run(&mut i, 4).unwrap(), 0);
    // Bodies that were under way are through; some may have been stopped before they began.
    assert_eq!(ended.load(Ordering::Relaxed), ran.load(Ordering::Relaxed));
    assert_eq!(run(&mut i, 0).unwrap(), 1);
}

#[test]
fn the_end_of_a_thread_is_told() {
    let done = word();
    let place = done.as_ptr() as usize;
    let mut i = instance_with(
        1,
        move |caller, rounds| {
            for round in 0..rounds {
                done.store(0, Ordering::Relaxed);
                // SAFETY: the word stays.
                unsafe { caller.spawn(THREAD, &[0, round], place) }.expect("the last one is gone");
                while wait(caller, done, 0)? != Parked::Changed {}
            }
            Ok(u64::from(done.load(Ordering::Relaxed)))
        },
        |_, x| Ok(x),
    );
    assert_eq!(run(&mut i, 100).unwrap(), 1);
}

#[test]
fn what_is_no_beginning_of_a_thread_is_refused() {
    let mut i = instance_with(
        4,
        |caller, value| {
            // SAFETY: none of these starts.
            let refused = [
                unsafe { caller.spawn(value, &[0, 0], 0) },
                unsafe { caller.spawn(THREAD, &[0], 0) },
                unsafe { caller.spawn(THREAD, &[0, 0], 2) },
            ];
            assert!(
                refused.iter().all(|result| matches!(result, Err(SpawnError::NotAFunction))),
                "{refused:?}"
            );
            Ok(0)
        },
        |_, _| Ok(0),
    );
    for value in [0, NUMBER, 4, u64::MAX] {
        run(&mut i, value).unwrap();
    }
}

#[test]
fn calls_that_may_wait_for_code_have_no_threads() {
    let mut i = instance_with(
        4,
        |caller, x| {
            assert!(matches!(start(caller, x), Err(SpawnError::NotHere)));
            Ok(7)
        },
        |_, _| Ok(0),
    );
    match i.start(FuncId(0), &[0, 0], 1) {
        Outcome::Done(rets) => assert_eq!(rets, [7]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn waits_end_as_they_should() {
    static HELD: AtomicU32 = AtomicU32::new(5);
    let mut i = instance_with(
        1,
        |caller, _| {
            let place = HELD.as_ptr() as usize;
            let soon = Instant::now() + Duration::from_millis(5);
            // SAFETY: the word stays.
            unsafe {
                assert_eq!(caller.park(place, 4, None).unwrap(), Parked::Changed);
                assert_eq!(caller.park(place, 5, Some(soon)).unwrap(), Parked::TimedOut);
                assert!(Instant::now() >= soon);
                let reason = caller.park(place, 5, None).unwrap_err().reason();
                assert_eq!(reason, TrapReason::Kind(TrapKind::Deadlock));
                for (address, kind) in [(0, TrapKind::NullDereference), (place + 1, TrapKind::InvalidMemory)]
                {
                    assert_eq!(caller.park(address, 0, None).unwrap_err().reason(), TrapReason::Kind(kind));
                }
            }
            assert_eq!(caller.unpark(place, 10), 0);
            start(caller, 0).expect("there is room");
            while HELD.load(Ordering::Relaxed) == 5 {
                std::thread::yield_now();
            }
            // Somebody waits, or will see the number and not wait.
            HELD.store(7, Ordering::Relaxed);
            Ok(caller.unpark(place, 10) as u64)
        },
        |caller, _| {
            HELD.store(6, Ordering::Relaxed);
            wait(caller, &HELD, 6)?;
            Ok(0)
        },
    );
    assert!(run(&mut i, 0).unwrap() <= 1);
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn waiting_at_no_memory_is_a_trap() {
    let mut i = instance_with(
        0,
        |caller, place| {
            // SAFETY: faults are caught.
            unsafe { caller.park(place as usize, 0, None) }.map(|_| 0)
        },
        |_, _| Ok(0),
    );
    let trap = run(&mut i, 0x7000_0000_0000).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::InvalidMemory));
}

#[test]
fn the_first_trap_is_the_calls() {
    for who in 1..=3u64 {
        let mut i = instance_with(
            3,
            move |caller, _| {
                for x in 1..=3 {
                    start(caller, x).expect("there is room");
                }
                wait(caller, word(), 0).map(|_| 0)
            },
            move |caller, x| {
                if x == who {
                    std::thread::sleep(Duration::from_millis(5));
                    return Err(caller.trap(format!("it was {x}")));
                }
                wait(caller, word(), 0).map(|_| 0)
            },
        );
        let trap = run(&mut i, 0).unwrap_err();
        assert_eq!(trap.message(), format!("it was {who}"));
        let frames: Vec<_> = trap.frames().iter().map(|f| (f.func.as_str(), f.host, f.thread)).collect();
        let name = format!("thread {}", who + 1);
        assert_eq!(
            frames,
            [("body", true, false), ("thread", false, false), (&*name, false, true), ("main", false, false)]
        );
    }
}

#[test]
fn interrupts_come_at_any_moment() {
    // Threads wait with and without deadlines, and are woken, while interrupts come in.
    let turn = word();
    let mut i = instance_with(
        3,
        move |caller, _| {
            for x in 1..=3 {
                start(caller, x).map_err(|error| Trap::host(error.to_string()))?;
            }
            loop {
                caller.poll()?;
                turn.fetch_add(1, Ordering::Relaxed);
                caller.unpark(turn.as_ptr() as usize, 2);
            }
        },
        move |caller, x| {
            let place = turn.as_ptr() as usize;
            loop {
                let seen = turn.load(Ordering::Relaxed);
                let deadline = (x != 1).then(|| Instant::now() + Duration::from_micros(20 * x));
                // SAFETY: the word stays.
                unsafe { caller.park(place, seen, deadline) }?;
            }
        },
    );
    let handle = i.interrupt_handle();
    for round in 0..200u64 {
        let handle = handle.clone();
        let other = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(round * 7 % 300));
            handle.cancel();
        });
        let trap = run(&mut i, 0).unwrap_err();
        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::Canceled), "{round}: {trap}");
        other.join().unwrap();
    }
}

#[test]
fn an_interrupt_ends_one_call() {
    // A thread answers it; the first one ends by itself without having looked.
    let (here, gone) = (word(), word());
    let mut i = instance_with(
        1,
        move |caller, x| {
            if x == 0 {
                return caller.poll().map(|()| 1);
            }
            start(caller, 0).expect("there is room");
            while gone.load(Ordering::Acquire) == 0 {
                std::thread::yield_now();
            }
            Ok(2)
        },
        move |caller, _| {
            here.store(1, Ordering::Release);
            let ended = wait(caller, word(), 0);
            gone.store(1, Ordering::Release);
            ended.map(|_| 0)
        },
    );
    let handle = i.interrupt_handle();
    let other = std::thread::spawn(move || {
        while here.load(Ordering::Acquire) == 0 {
            std::thread::yield_now();
        }
        handle.cancel();
    });
    assert_eq!(run(&mut i, 1).unwrap_err().reason(), TrapReason::Kind(TrapKind::Canceled));
    other.join().unwrap();
    assert_eq!(run(&mut i, 0).unwrap(), 1);
}
