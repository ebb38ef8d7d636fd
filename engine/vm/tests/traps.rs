//! Traps: messages, call stacks, limits, interruption.

#![allow(clippy::type_complexity, reason = "tables of cases say their type once")]

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sx_ir::*;
use sx_vm::*;

fn kind(trap: &Trap) -> TrapKind {
    match trap.reason() {
        TrapReason::Kind(kind) => kind,
        other => panic!("{other:?}: {trap}"),
    }
}

/// The message of the trap that a function of parameters of type `I64` ends with.
#[track_caller]
fn message(args: &[u64], body: impl FnOnce(&mut Builder)) -> String {
    let mut b = function("trapping", &vec![Ty::I64; args.len()], &[]);
    body(&mut b);
    ret(&mut b, &[]);
    run(b.finish(), args).expect_err("the function traps").to_string()
}

#[test]
fn messages() {
    let three = |b: &mut Builder| b.i64(3);
    let index = |b: &mut Builder| {
        let (index, len) = (param(b, 0), param(b, 1));
        b.push(Inst::Bounds { index, len, unsigned: false });
    };
    assert_eq!(message(&[9, 3], index), "index 9 out of range for length 3");
    assert_eq!(message(&[-1i64 as u64, 3], index), "index -1 out of range for length 3");
    assert_eq!(message(&[0, -5i64 as u64], index), "index 0 out of range for length -5");
    assert_eq!(
        message(&[3], |b| {
            let (index, len) = (param(b, 0), three(b));
            b.push(Inst::Bounds { index, len, unsigned: false });
        }),
        "index 3 out of range for length 3"
    );
    let unsigned = |b: &mut Builder| {
        let (index, len) = (param(b, 0), param(b, 1));
        b.push(Inst::Bounds { index, len, unsigned: true });
    };
    assert_eq!(message(&[u64::MAX, 3], unsigned), "index 18446744073709551615 out of range for length 3");
    assert_eq!(message(&[9, 3], unsigned), "index 9 out of range for length 3");
    assert_eq!(
        message(&[0, 7, 1 << 63], |b| {
            // Taken in by the access; the check before it is another.
            let (first, len, index) = (param(b, 0), param(b, 1), param(b, 2));
            b.push(Inst::Bounds { index: first, len, unsigned: false });
            let slot = b.slot(56, 8);
            let base = b.addr_of(Addr { base: Base::Slot(slot), off: 0 });
            b.push(Inst::Bounds { index, len, unsigned: true });
            let element = b.index(base, index, 8);
            b.load(Ty::I64, Addr { base: Base::Reg(element), off: 0 });
        }),
        "index 9223372036854775808 out of range for length 7"
    );
    let slice = |b: &mut Builder| {
        let (lo, hi, len) = (param(b, 0), param(b, 1), param(b, 2));
        b.push(Inst::SliceBounds { lo, hi, len, unsigned: false });
    };
    assert_eq!(message(&[2, 9, 5], slice), "slice 2..9 out of range for length 5");
    assert_eq!(message(&[3, 2, 5], slice), "slice 3..2 out of range for length 5");
    assert_eq!(message(&[-1i64 as u64, 2, 5], slice), "slice -1..2 out of range for length 5");
    let divide = |b: &mut Builder| {
        let (x, y) = (param(b, 0), param(b, 1));
        b.bin(BinOp::SDiv, Ty::I64, x, y);
    };
    assert_eq!(message(&[1, 0], divide), "division by zero");
    assert_eq!(message(&[i64::MIN as u64, -1i64 as u64], divide), "division overflow");
    let text = "because";
    let assertion = |b: &mut Builder| {
        let (ptr, len) = (b.constant(Ty::Ptr, text.as_ptr() as u64), b.i64(7));
        let list = b.list([ptr, len]);
        b.terminate(Term::Trap(TrapKind::AssertionFailed, list));
    };
    assert_eq!(message(&[], assertion), "assertion failed: because");
    let bare = |kind| move |b: &mut Builder| b.terminate(Term::Trap(kind, List::default()));
    assert_eq!(message(&[], bare(TrapKind::AssertionFailed)), "assertion failed");
    assert_eq!(message(&[], bare(TrapKind::UnwrapNull)), "unwrap of null");
    assert_eq!(message(&[], |b| b.terminate(Term::Unreachable)), "unreachable");
}

#[test]
fn null_is_refused_everywhere() {
    let at = |base, off| Addr { base: Base::Reg(base), off };
    let accesses: Vec<(&str, Box<dyn Fn(&mut Builder, Operand)>)> = vec![
        (
            "load",
            Box::new(move |b, p| {
                b.load(Ty::I64, at(p, 0));
            }),
        ),
        (
            "load with offset",
            Box::new(move |b, p| {
                b.load(Ty::I8, at(p, 100));
            }),
        ),
        (
            "load with long offset",
            Box::new(move |b, p| {
                b.load(Ty::I32, at(p, 100_000));
            }),
        ),
        ("store", Box::new(move |b, p| b.store(Ty::I64, at(p, 0), p))),
        ("store with long offset", Box::new(move |b, p| b.store(Ty::I64, at(p, -70_000), p))),
        (
            "store of a constant",
            Box::new(move |b, p| {
                let value = b.constant(Ty::I16, 5);
                b.store(Ty::I16, at(p, 8), value);
            }),
        ),
        ("check", Box::new(move |b, p| b.push(Inst::NullCheck { ptr: p }))),
        (
            "copy to",
            Box::new(move |b, p| {
                let slot = b.slot(16, 8);
                b.push(Inst::MemCopy {
                    dst: at(p, 0),
                    src: Addr { base: Base::Slot(slot), off: 0 },
                    size: 16,
                });
            }),
        ),
        (
            "copy from",
            Box::new(move |b, p| {
                let slot = b.slot(24, 8);
                b.push(Inst::MemCopy {
                    src: at(p, 0),
                    dst: Addr { base: Base::Slot(slot), off: 0 },
                    size: 24,
                });
            }),
        ),
        ("zero", Box::new(move |b, p| b.push(Inst::MemZero { dst: at(p, 0), size: 8 }))),
        (
            "move",
            Box::new(move |b, p| {
                let len = b.i64(3);
                b.push(Inst::MemMove { dst: p, src: p, len });
            }),
        ),
        (
            "element",
            Box::new(move |b, p| {
                let i = b.conv(ConvOp::Bitcast, Ty::Ptr, Ty::I64, p);
                let place = b.index(p, i, 8);
                b.load(Ty::I64, at(place, 0));
            }),
        ),
        (
            "call",
            Box::new(move |b, p| {
                let ctx = b.param(0).into();
                b.call(Callee::Value(p, SigId(0)), &[ctx], &[]);
            }),
        ),
    ];
    for (name, access) in accesses {
        let mut b = function("trapping", &[Ty::Ptr], &[]);
        let p = param(&b, 0);
        access(&mut b, p);
        ret(&mut b, &[]);
        let mut m = Module::new();
        m.sig(Sig::Sx(sig(&[], &[])));
        let id = m.reserve_func();
        m.define_func(id, b.finish());
        let mut instance = instance(&m);
        let trap = call(&mut instance, id, &[0], 0).expect_err(name);
        assert_eq!(kind(&trap), TrapKind::NullDereference, "{name}");
    }
}

/// `f(n)` calls itself `n` times, then traps.
fn deep() -> Func {
    let mut b = function("deep", &[Ty::I64], &[]);
    b.set_loc(3, 100);
    let n = param(&b, 0);
    let zero = b.i64(0);
    let (bottom, more) = (b.block(), b.block());
    let done = b.cmp(CmpOp::Eq, Ty::I64, n, zero);
    b.terminate(Term::Branch { cond: done, then: bottom, else_: more });
    b.switch_to(bottom);
    b.set_loc(3, 200);
    b.terminate(Term::Trap(TrapKind::BadCast, List::default()));
    b.switch_to(more);
    b.set_loc(3, 300);
    let one = b.i64(1);
    let less = b.bin(BinOp::Sub, Ty::I64, n, one);
    let ctx = b.param(0).into();
    b.call(Callee::Func(FuncId(0)), &[ctx, less], &[]);
    b.set_loc(3, 400);
    ret(&mut b, &[]);
    b.finish()
}

fn places(trap: &Trap) -> Vec<(&str, Option<(u32, u32)>)> {
    trap.frames().iter().map(|frame| (frame.func.as_str(), frame.place)).collect()
}

#[test]
fn call_stacks() {
    let module = module(vec![deep()]);
    let mut instance = instance(&module);
    let trap = call(&mut instance, FuncId(0), &[2], 0).unwrap_err();
    let expected = [("deep", Some((3, 200))), ("deep", Some((3, 300))), ("deep", Some((3, 300)))];
    assert_eq!(places(&trap), expected);
    assert_eq!(trap.omitted().0, 0);
    let trap = call(&mut instance, FuncId(0), &[1000], 0).unwrap_err();
    assert_eq!(trap.frames().len(), 2 * BACKTRACE_ENDS);
    assert_eq!(trap.omitted(), (1001 - 2 * BACKTRACE_ENDS, BACKTRACE_ENDS));
    // The instance goes on after a trap.
    assert_eq!(places(&call(&mut instance, FuncId(0), &[0], 0).unwrap_err()).len(), 1);
}

#[test]
fn inlined_functions_are_frames() {
    let mut b = function("outer", &[], &[]);
    b.set_loc(1, 10);
    b.terminate(Term::Trap(TrapKind::BadCast, List::default()));
    let func = b.func_mut();
    func.scopes.push("inner".into());
    let call_site = LocId(func.locs.len() as u32 - 1);
    func.locs.push(SrcLoc { file: 2, offset: 99, inlined_at: Some(call_site), scope: 1 });
    let inlined = LocId(func.locs.len() as u32 - 1);
    func.blocks[0].term_loc = inlined;
    let trap = run(b.finish(), &[]).unwrap_err();
    assert_eq!(places(&trap), [("inner", Some((2, 99))), ("outer", Some((1, 10)))]);
    assert!(trap.frames()[0].inlined && !trap.frames()[1].inlined);
}

#[test]
fn stack_overflow_is_found() {
    let module = module(vec![deep()]);
    let program = program(&module);
    let limits = Limits { stack_bytes: 64 * 1024, ..Limits::default() };
    let mut instance = Instance::new(program, Config { limits, ..Config::default() }).unwrap();
    let trap = call(&mut instance, FuncId(0), &[1 << 40], 0).unwrap_err();
    assert_eq!(kind(&trap), TrapKind::StackOverflow);
    assert!(trap.omitted().0 > 1000);
    assert_eq!(kind(&call(&mut instance, FuncId(0), &[100], 0).unwrap_err()), TrapKind::BadCast);
}

#[test]
fn fuel_runs_out() {
    let module = module(vec![endless(), fib(FuncId(1))]);
    let program = program(&module);
    let limits = Limits { fuel: Some(1000), ..Limits::default() };
    let mut instance = Instance::new(program, Config { limits, ..Config::default() }).unwrap();
    assert_eq!(kind(&call(&mut instance, FuncId(0), &[], 0).unwrap_err()), TrapKind::OutOfFuel);
    assert_eq!(instance.fuel(), 0);
    assert_eq!(kind(&call(&mut instance, FuncId(1), &[20], 1).unwrap_err()), TrapKind::OutOfFuel);
    instance.set_fuel(30_000);
    assert_eq!(call(&mut instance, FuncId(1), &[20], 1).unwrap(), [6765]);
    // 21890 calls below the outermost one, each a poll.
    assert_eq!(instance.fuel(), 30_000 - 21_890);
}

#[test]
fn deadlines_end_loops_and_recursion() {
    let module = module(vec![endless(), fib(FuncId(1))]);
    let mut instance = instance(&module);
    for (func, args) in [(0, &[][..]), (1, &[90][..])] {
        let begin = Instant::now();
        instance.set_deadline(Some(begin + Duration::from_millis(30)));
        let trap = call(&mut instance, FuncId(func), args, func as usize).unwrap_err();
        assert_eq!(kind(&trap), TrapKind::Deadline);
        assert!(begin.elapsed() >= Duration::from_millis(30));
    }
    instance.set_deadline(None);
    assert_eq!(call(&mut instance, FuncId(1), &[10], 1).unwrap(), [55]);
}

#[test]
fn time_per_call_is_limited() {
    let module = module(vec![endless(), fib(FuncId(1))]);
    let limits = Limits { call_time: Some(Duration::from_millis(40)), ..Limits::default() };
    let mut instance = Instance::new(program(&module), Config { limits, ..Config::default() }).unwrap();
    let begin = Instant::now();
    // Short calls push the deadline on; the timer that was armed first comes too early and must not matter.
    while begin.elapsed() < Duration::from_millis(60) {
        assert_eq!(call(&mut instance, FuncId(1), &[5], 1).unwrap(), [5]);
    }
    let begin = Instant::now();
    assert_eq!(kind(&call(&mut instance, FuncId(0), &[], 0).unwrap_err()), TrapKind::Deadline);
    assert!(begin.elapsed() >= Duration::from_millis(40));
}

#[test]
fn other_threads_cancel() {
    let module = module(vec![endless()]);
    let mut instance = instance(&module);
    let handle = instance.interrupt_handle();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        handle.cancel();
    });
    assert_eq!(kind(&call(&mut instance, FuncId(0), &[], 0).unwrap_err()), TrapKind::Canceled);
    thread.join().unwrap();
    // A request that comes between calls ends the next one, once.
    instance.interrupt_handle().cancel();
    assert_eq!(kind(&call(&mut instance, FuncId(0), &[], 0).unwrap_err()), TrapKind::Canceled);
    let handle = instance.interrupt_handle();
    drop(instance);
    handle.cancel();
}

#[test]
fn error_traces_remember_the_way() {
    let mut b = function("leaf", &[], &[]);
    b.set_loc(0, 1);
    b.push(Inst::ErrTrace(ErrTrace::Raise));
    ret(&mut b, &[]);
    let leaf = b.finish();
    let mut b = function("root", &[Ty::I64], &[]);
    b.set_loc(0, 2);
    let ctx = b.param(0).into();
    b.call(Callee::Func(FuncId(0)), &[ctx], &[]);
    b.set_loc(0, 3);
    b.push(Inst::ErrTrace(ErrTrace::Propagate));
    ret(&mut b, &[]);
    let root = b.finish();
    let mut b = function("clear", &[], &[]);
    b.push(Inst::ErrTrace(ErrTrace::Clear));
    ret(&mut b, &[]);
    let module = module(vec![leaf, root, b.finish()]);
    let mut instance = instance(&module);
    call(&mut instance, FuncId(1), &[0], 0).unwrap();
    let (frames, omitted) = instance.error_trace();
    let places: Vec<_> = frames.iter().map(|frame| (frame.func.as_str(), frame.place)).collect();
    assert_eq!(places, [("leaf", Some((0, 1))), ("root", Some((0, 3)))]);
    assert_eq!(omitted, 0);
    call(&mut instance, FuncId(2), &[], 0).unwrap();
    assert!(instance.error_trace().0.is_empty());
}

#[test]
fn instances_of_one_program_are_apart() {
    let program = program(&module(vec![endless()]));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let mut instance = Instance::new(Arc::clone(&program), Config::default()).unwrap();
            let handle = instance.interrupt_handle();
            (
                handle,
                std::thread::spawn(move || call(&mut instance, FuncId(0), &[], 0).unwrap_err().to_string()),
            )
        })
        .collect();
    for (handle, thread) in threads {
        handle.cancel();
        assert_eq!(thread.join().unwrap(), "interrupted: canceled");
    }
}
