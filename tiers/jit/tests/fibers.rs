//! Fibers and threads whose frames are compiled, interpreted, or both.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use sx_ir::*;
use sx_vm::*;

const MAIN: FuncId = FuncId(0);
const BODY: FuncId = FuncId(1);
const WORK: FuncId = FuncId(2);
const NEST: FuncId = FuncId(3);

/// What `work` does at the bottom of its recursion.
const RETURN: u64 = 0;
const TRAP: u64 = 1;
const CALL_HOST: u64 = 2;

/// An address as the floor takes it.
fn bits(b: &mut Builder, address: Operand) -> Operand {
    b.conv(ConvOp::Bitcast, Ty::Ptr, Ty::I64, address)
}

fn local(slot: SlotId, off: i32) -> Addr {
    Addr { base: Base::Slot(slot), off }
}

/// `main(depth, what, most)` makes a fiber of `body` and resumes it up to `most` times; what is left of it then is killed. Gives how
/// often it has suspended, and what `work` has counted.
///
/// `work(data, left, what)` has so many bytes of locals, which it looks at again after it has suspended and called itself.
fn module(bytes: u32) -> Module {
    let mut m = Module::new();
    let ids: Vec<FuncId> = (0..4).map(|_| m.reserve_func()).collect();
    let create = declare(&mut m, "sx_fiber_create", 3, true);
    let resume = declare(&mut m, "sx_fiber_resume", 1, true);
    let suspend = declare(&mut m, "sx_fiber_suspend", 0, true);
    let kill = declare(&mut m, "sx_fiber_kill", 1, true);
    let within = declare(&mut m, "within", 1, true);

    let mut b = function("main", &[Ty::I64, Ty::I64, Ty::I64], &[Ty::I64, Ty::I64]);
    let data = b.slot(24, 8);
    let count = b.slot(8, 8);
    let (depth, what, most) = (param(&b, 0), param(&b, 1), param(&b, 2));
    let (zero, one) = (b.i64(0), b.i64(1));
    let out = b.addr_of(local(count, 0));
    b.store(Ty::I64, local(count, 0), zero);
    b.store(Ty::Ptr, local(data, 0), out);
    b.store(Ty::I64, local(data, 8), depth);
    b.store(Ty::I64, local(data, 16), what);
    let (entry, place, len) = (b.i64(BODY.0 as i64 + 1), b.addr_of(local(data, 0)), b.i64(24));
    let place = bits(&mut b, place);
    b.set_loc(0, 10);
    let fiber = b.call(Callee::Extern(create), &[entry, place, len], &[Ty::I64])[0];
    let (turns, state) = (b.var(Ty::I64), b.var(Ty::I64));
    set(&mut b, turns, zero);
    set(&mut b, state, one);
    let go_on = |b: &mut Builder| {
        let suspended = b.cmp(CmpOp::Eq, Ty::I64, state.into(), one);
        let may = b.cmp(CmpOp::SLt, Ty::I64, turns.into(), most);
        b.bin(BinOp::And, Ty::I8, suspended, may)
    };
    while_loop(&mut b, go_on, |b| {
        b.set_loc(0, 20);
        let answer = b.call(Callee::Extern(resume), &[fiber], &[Ty::I64])[0];
        set(b, state, answer);
        let more = b.bin(BinOp::Add, Ty::I64, turns.into(), answer);
        set(b, turns, more);
    });
    b.call(Callee::Extern(kill), &[fiber], &[Ty::I64]);
    let counted = b.load(Ty::I64, local(count, 0));
    ret(&mut b, &[turns.into(), counted]);
    m.define_func(ids[0], b.finish());

    let mut b = function("body", &[Ty::Ptr], &[]);
    b.set_loc(0, 30);
    let (ctx, data) = (b.param(0).into(), param(&b, 0));
    let (depth, what) = (b.load(Ty::I64, at(data, 8)), b.load(Ty::I64, at(data, 16)));
    b.call(Callee::Func(WORK), &[ctx, data, depth, what], &[]);
    ret(&mut b, &[]);
    m.define_func(ids[1], b.finish());

    let mut b = function("work", &[Ty::Ptr, Ty::I64, Ty::I64], &[]);
    let (ctx, data, left, what) = (b.param(0).into(), param(&b, 0), param(&b, 1), param(&b, 2));
    let (zero, one) = (b.i64(0), b.i64(1));
    let own = b.slot(bytes, 8);
    let (first, last) = (local(own, 0), local(own, bytes as i32 - 8));
    b.store(Ty::I64, first, left);
    b.store(Ty::I64, last, left);
    let more = b.cmp(CmpOp::Ne, Ty::I64, left, zero);
    let (again, bottom) = (b.block(), b.block());
    b.branch(more, again, bottom);
    b.switch_to(again);
    b.set_loc(0, 40);
    b.call(Callee::Extern(suspend), &[], &[Ty::I64]);
    let out = b.load(Ty::Ptr, at(data, 0));
    let before = b.load(Ty::I64, at(out, 0));
    let (x, less) = (b.load(Ty::I64, last), b.bin(BinOp::Sub, Ty::I64, left, one));
    let after = b.bin(BinOp::Add, Ty::I64, before, x);
    b.store(Ty::I64, at(out, 0), after);
    b.set_loc(0, 50);
    b.call(Callee::Func(WORK), &[ctx, data, less, what], &[]);
    b.set_loc(0, 60);
    let (x, y) = (b.load(Ty::I64, first), b.load(Ty::I64, last));
    let same = b.cmp(CmpOp::Eq, Ty::I64, x, y);
    b.push(Inst::Check { cond: same, kind: TrapKind::BadCast });
    ret(&mut b, &[]);
    b.switch_to(bottom);
    let fine = b.i64(TRAP as i64);
    let fine = b.cmp(CmpOp::Ne, Ty::I64, what, fine);
    b.set_loc(0, 70);
    b.push(Inst::Check { cond: fine, kind: TrapKind::WrongUnionTag });
    let calls = b.i64(CALL_HOST as i64);
    let calls = b.cmp(CmpOp::Eq, Ty::I64, what, calls);
    let (host, end) = (b.block(), b.block());
    b.branch(calls, host, end);
    b.switch_to(host);
    b.set_loc(0, 80);
    let data = bits(&mut b, data);
    b.call(Callee::Extern(within), &[data], &[Ty::I64]);
    b.jump(end);
    b.switch_to(end);
    ret(&mut b, &[]);
    m.define_func(ids[2], b.finish());

    nest(&mut m, [create, resume]);
    m
}

/// `nest(data)`: makes a fiber of itself with one less at its data, down to 0, where it traps if the second word says so.
fn nest(m: &mut Module, [create, resume]: [ExternId; 2]) {
    let mut b = function("nest", &[Ty::Ptr], &[]);
    let (data, zero, one) = (param(&b, 0), b.i64(0), b.i64(1));
    let (left, what) = (b.load(Ty::I64, at(data, 0)), b.load(Ty::I64, at(data, 8)));
    let more = b.cmp(CmpOp::Ne, Ty::I64, left, zero);
    let (again, bottom) = (b.block(), b.block());
    b.branch(more, again, bottom);
    b.switch_to(bottom);
    b.set_loc(0, 90);
    let fine = b.cmp(CmpOp::Eq, Ty::I64, what, zero);
    b.push(Inst::Check { cond: fine, kind: TrapKind::UnwrapNull });
    ret(&mut b, &[]);
    b.switch_to(again);
    let inner = b.slot(16, 8);
    let less = b.bin(BinOp::Sub, Ty::I64, left, one);
    b.store(Ty::I64, local(inner, 0), less);
    b.store(Ty::I64, local(inner, 8), what);
    let (entry, place, len) = (b.i64(NEST.0 as i64 + 1), b.addr_of(local(inner, 0)), b.i64(16));
    let place = bits(&mut b, place);
    let fiber = b.call(Callee::Extern(create), &[entry, place, len], &[Ty::I64])[0];
    b.set_loc(0, 100);
    b.call(Callee::Extern(resume), &[fiber], &[Ty::I64]);
    ret(&mut b, &[]);
    m.define_func(NEST, b.finish());
}

/// The host's `within` calls `work` with the data that it is given, which suspends.
fn within() -> ExternTarget {
    host(|caller, slots| caller.call(WORK, &[0, slots[0], 1, RETURN], &mut []))
}

fn setup(compile: Compile) -> Setup {
    Setup { compile, symbols: vec![("within", within())], ..Setup::default() }
}

#[test]
fn fibers_suspend_in_frames_of_every_kind() {
    for bytes in [8, 1000, 3000, 20_000] {
        let m = module(bytes);
        let most = 1 << 40;
        let depths: &[u64] = if bytes == 20_000 { &[0, 1] } else { &[0, 1, 2, 5, 9] };
        let mut interpreter = Machine::with(m.clone(), setup(Compile::Nothing));
        for (compile, loops) in subsets(3).flat_map(|compile| [(compile.clone(), false), (compile, true)]) {
            let mut machine = Machine::with(m.clone(), Setup { loops, ..setup(compile.clone()) });
            assert_eq!(machine.tier.stats().loops, usize::from(loops), "the one of `main`");
            for &depth in depths {
                for what in [RETURN, TRAP, CALL_HOST] {
                    let args = [depth, what, most];
                    let (want, got) = (interpreter.run(MAIN, &args), machine.run(MAIN, &args));
                    assert_eq!(want.is_ok(), what == RETURN, "{want:?}");
                    assert_eq!(told(got), told(want), "{bytes} {compile:?} {loops} {args:?}");
                }
            }
        }
    }
}

#[test]
fn what_suspends_below_the_host_is_told() {
    let mut machine = Machine::with(module(8), setup(Compile::Everything));
    let trap = machine.run(MAIN, &[1, CALL_HOST, 100]).unwrap_err();
    assert_eq!(
        trap.message(),
        "a fiber can't be suspended below `within`, which is no function of the program"
    );
    let seen = frames(&trap);
    let names: Vec<&str> = seen.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["sx_fiber_suspend", "work", "within", "work", "work", "body", "main"]);
}

#[test]
fn fibers_are_killed_in_frames_of_every_kind() {
    for bytes in [8, 3000] {
        for compile in subsets(3) {
            let mut setup = setup(compile.clone());
            setup.limits.fibers = 2;
            let mut machine = Machine::with(module(bytes), setup);
            for _ in 0..200 {
                for most in [0, 1, 3, 5] {
                    let counted = (6 - most.max(1) + 1..=5).sum::<u64>();
                    let got = machine.run(MAIN, &[5, RETURN, most]);
                    assert_eq!(told(got), Ok(vec![most, counted]), "{bytes} {compile:?} {most}");
                }
            }
            assert_eq!(machine.instance.meter().used(), 0, "{compile:?}");
        }
    }
}

#[test]
fn fibers_within_fibers_trap_through_all_of_them() {
    let m = module(8);
    let mut interpreter = Machine::with(m.clone(), setup(Compile::Nothing));
    let mut machine = Machine::with(m, setup(Compile::Everything));
    for depth in [0, 1, 5, 30] {
        for what in [0, 1] {
            let data: [u64; 2] = [depth, what];
            let args = [data.as_ptr() as u64];
            let (want, got) = (interpreter.run(NEST, &args), machine.run(NEST, &args));
            assert_eq!(want.is_ok(), what == 0, "{want:?}");
            assert_eq!(told(got), told(want), "{depth} {what}");
        }
    }
}

#[test]
fn instances_end_with_fibers_that_wait_in_compiled_frames() {
    let mut m = module(100);
    let (create, resume) = (ExternId(0), ExternId(1));
    let mut b = function("leave", &[], &[Ty::I64]);
    let data = b.slot(24, 8);
    let (depth, zero) = (b.i64(5), b.i64(0));
    // What it counts goes to the second word of its own data, which nobody reads.
    b.store(Ty::I64, local(data, 8), depth);
    b.store(Ty::I64, local(data, 16), zero);
    let place = b.addr_of(local(data, 0));
    b.store(Ty::Ptr, local(data, 0), place);
    let (entry, len) = (b.i64(BODY.0 as i64 + 1), b.i64(24));
    let place = bits(&mut b, place);
    let fiber = b.call(Callee::Extern(create), &[entry, place, len], &[Ty::I64])[0];
    let state = b.call(Callee::Extern(resume), &[fiber], &[Ty::I64])[0];
    ret(&mut b, &[state]);
    let leave = m.reserve_func();
    m.define_func(leave, b.finish());
    for _ in 0..50 {
        let mut machine = Machine::with(m.clone(), setup(Compile::Everything));
        for _ in 0..3 {
            assert_eq!(machine.call(leave, &[]), Ok(vec![1]));
        }
        machine.instance.reset().expect("there is memory");
        assert_eq!(machine.instance.meter().used(), 0);
        assert_eq!(machine.call(leave, &[]), Ok(vec![1]));
    }
}

/// Requests come while the ends of stacks move and code answers them.
#[test]
fn requests_find_fibers_of_compiled_code() {
    for compile in [Compile::Everything, Compile::Only(vec![BODY]), Compile::Only(vec![WORK])] {
        let mut machine = Machine::with(module(1000), setup(compile.clone()));
        let handle = machine.instance.interrupt_handle();
        let stop = AtomicBool::new(false);
        let program = machine.program.clone();
        let (mut done, mut canceled) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut round = 0u32;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    if round.is_multiple_of(16) {
                        handle.cancel();
                    } else {
                        program.ask(false);
                    }
                    std::thread::sleep(Duration::from_micros(1));
                }
            });
            while done < 1000 || canceled < 50 {
                match machine.run(MAIN, &[9, RETURN, 100]) {
                    Ok(values) => {
                        assert_eq!(values, [9, 45]);
                        done += 1;
                    }
                    Err(trap) => {
                        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::Canceled));
                        canceled += 1;
                    }
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        // A last one may wait.
        let _ = machine.run(MAIN, &[9, RETURN, 100]);
        assert_eq!(told(machine.run(MAIN, &[9, RETURN, 100])), Ok(vec![9, 45]));
    }
}

/// `main(count, n)` starts threads that run `fib` of `n` and add what it gives to a global, and waits for them.
fn threaded() -> Module {
    let mut m = Module::new();
    let ids: Vec<FuncId> = (0..3).map(|_| m.reserve_func()).collect();
    let total = m.add_global(Global {
        name: "total".into(),
        size: 8,
        init: Data { bytes: vec![0; 8], align: 8, relocs: Vec::new() },
    });
    let start = declare(&mut m, "start", 1, false);
    let join = declare(&mut m, "join", 0, false);
    let place = Addr { base: Base::Global(total), off: 0 };
    let mut b = function("main", &[Ty::I64, Ty::I64], &[Ty::I64]);
    let (count, n, zero, one) = (param(&b, 0), param(&b, 1), b.i64(0), b.i64(1));
    b.store(Ty::I64, place, zero);
    let left = b.var(Ty::I64);
    set(&mut b, left, count);
    let more = |b: &mut Builder| b.cmp(CmpOp::Ne, Ty::I64, left.into(), zero);
    while_loop(&mut b, more, |b| {
        b.call(Callee::Extern(start), &[n], &[]);
        let less = b.bin(BinOp::Sub, Ty::I64, left.into(), one);
        set(b, left, less);
    });
    b.call(Callee::Extern(join), &[], &[]);
    let sum = b.load(Ty::I64, place);
    ret(&mut b, &[sum]);
    m.define_func(ids[0], b.finish());
    let mut b = function("thread", &[Ty::I64], &[]);
    b.set_loc(0, 5);
    let (ctx, n) = (b.param(0).into(), param(&b, 0));
    let value = b.call(Callee::Func(ids[2]), &[ctx, n], &[Ty::I64])[0];
    let (dst, ptr) = (b.temp(Ty::I64), b.addr_of(place));
    b.push(Inst::AtomicRmw {
        op: RmwOp::Add,
        ty: Ty::I64,
        order: sx_ir::Ordering::SeqCst,
        dst,
        ptr,
        val: value,
    });
    ret(&mut b, &[]);
    m.define_func(ids[1], b.finish());
    m.define_func(ids[2], fib(ids[2]));
    m
}

/// `start` starts `thread`, `join` waits until all that were started have ended.
fn threads() -> Vec<(&'static str, ExternTarget)> {
    let words: Arc<std::sync::Mutex<Vec<&'static AtomicU32>>> = Arc::default();
    let started = words.clone();
    let start = host(move |caller, slots| {
        let word: &'static AtomicU32 = Box::leak(Box::default());
        // SAFETY: the word stays.
        let spawned = unsafe { caller.spawn(BODY.0 as u64 + 1, &[0, slots[0]], word.as_ptr() as usize) };
        spawned.map_err(|error| Trap::host(error.to_string()))?;
        started.lock().expect("no panics").push(word);
        Ok(())
    });
    let join = host(move |caller, _| {
        let all = std::mem::take(&mut *words.lock().expect("no panics"));
        for word in all {
            while word.load(Ordering::SeqCst) == 0 {
                // SAFETY: as above.
                unsafe { caller.park(word.as_ptr() as usize, 0, None) }?;
            }
        }
        Ok(())
    });
    vec![("start", start), ("join", join)]
}

#[test]
fn threads_run_compiled_code() {
    for fuel in [None, Some(1 << 40)] {
        for compile in subsets(3) {
            let limits = Limits { threads: 8, fuel, ..Limits::default() };
            let mut setup =
                Setup { compile: compile.clone(), limits, symbols: threads(), ..Setup::default() };
            setup.options.fuel = fuel.is_some();
            let mut machine = Machine::with(threaded(), setup);
            for _ in 0..3 {
                assert_eq!(told(machine.run(MAIN, &[4, 15])), Ok(vec![4 * 610]), "{compile:?}");
            }
        }
    }
}

#[test]
fn threads_of_compiled_code_overflow_and_are_canceled() {
    let mut m = threaded();
    // Without a bottom.
    let mut b = function("fib", &[Ty::I64], &[Ty::I64]);
    b.set_loc(0, 9);
    let (ctx, n) = (b.param(0).into(), param(&b, 0));
    let value = b.call(Callee::Func(WORK), &[ctx, n], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, value, n);
    ret(&mut b, &[sum]);
    m.replace_func(WORK, b.finish());
    let limits = Limits { threads: 8, ..Limits::default() };
    let setup = Setup { limits: limits.clone(), symbols: threads(), ..Setup::default() };
    let mut machine = Machine::with(m, setup);
    for _ in 0..3 {
        let trap = machine.run(MAIN, &[3, 1]).unwrap_err();
        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::StackOverflow));
        let thread = trap.frames().iter().find(|frame| frame.thread).expect("it is a thread's");
        assert!(thread.func.starts_with("thread "), "{trap:?}");
        assert_eq!(trap.frames().last().map(|frame| frame.func.as_str()), Some("main"));
    }
    // So many calls take years.
    let setup = Setup { limits, symbols: threads(), ..Setup::default() };
    let mut machine = Machine::with(threaded(), setup);
    let handle = machine.instance.interrupt_handle();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            handle.cancel();
        });
        let trap = machine.run(MAIN, &[3, 90]).unwrap_err();
        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::Canceled));
    });
    assert_eq!(told(machine.run(MAIN, &[2, 10])), Ok(vec![110]));
}
