//! Calls: recursion, many arguments and results, function values, host functions, waiting for code.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use sx_ir::*;
use sx_vm::*;

#[test]
fn recursion() {
    let module = module(vec![fib(FuncId(0))]);
    let mut instance = instance(&module);
    assert_eq!(call(&mut instance, FuncId(0), &[20], 1).unwrap(), [6765]);
}

#[test]
fn arguments_and_results_keep_their_places() {
    // The callee gives its arguments back in reverse; the caller passes them on rotated.
    for n in [1usize, 2, 3, 4, 7, 40, 300] {
        let tys = vec![Ty::I64; n];
        let mut b = function("reverse", &tys, &tys);
        let values: Vec<Operand> = (0..n).rev().map(|i| param(&b, i)).collect();
        ret(&mut b, &values);
        let reverse = b.finish();
        let mut b = function("rotate", &tys, &tys);
        let ctx = b.param(0).into();
        let rotated: Vec<Operand> = (0..n).map(|i| param(&b, (i + 1) % n)).collect();
        let results = b.call(Callee::Func(FuncId(0)), &[&[ctx], &rotated[..]].concat(), &tys);
        let again = b.call(Callee::Func(FuncId(0)), &[&[ctx], &results[..]].concat(), &tys);
        ret(&mut b, &again);
        let module = module(vec![reverse, b.finish()]);
        let mut instance = instance(&module);
        let args: Vec<u64> = (0..n as u64).map(|i| i * 10 + 1).collect();
        let want: Vec<u64> = (0..n).map(|i| args[(i + 1) % n]).collect();
        assert_eq!(call(&mut instance, FuncId(1), &args, n).unwrap(), want, "{n} values");
    }
}

#[test]
fn constants_and_repeated_arguments() {
    let mut b = function("pack", &[Ty::I64, Ty::I64, Ty::I64, Ty::I64], &[Ty::I64]);
    let mut sum = b.i64(0);
    for i in 0..4 {
        let hundred = b.i64(100);
        sum = b.bin(BinOp::Mul, Ty::I64, sum, hundred);
        let next = param(&b, i);
        sum = b.bin(BinOp::Add, Ty::I64, sum, next);
    }
    ret(&mut b, &[sum]);
    let pack = b.finish();
    let mut b = function("main", &[Ty::I64, Ty::I64], &[Ty::I64]);
    let (x, y, ctx) = (param(&b, 0), param(&b, 1), b.param(0).into());
    let seven = b.i64(7);
    let first = b.call(Callee::Func(FuncId(0)), &[ctx, y, seven, x, x], &[Ty::I64])[0];
    let hundred = b.i64(100);
    let low = b.bin(BinOp::SRem, Ty::I64, first, hundred);
    let second = b.call(Callee::Func(FuncId(0)), &[ctx, low, y, low, x], &[Ty::I64])[0];
    let both = b.bin(BinOp::Sub, Ty::I64, first, second);
    ret(&mut b, &[both]);
    let module = module(vec![pack, b.finish()]);
    let mut instance = instance(&module);
    assert_eq!(call(&mut instance, FuncId(1), &[3, 5], 1).unwrap(), [5_070_303 - 3_050_303]);
}

#[test]
fn values_live_across_calls() {
    // Many values computed before a call and read after it.
    let mut b = function("id", &[Ty::I64], &[Ty::I64]);
    let x = param(&b, 0);
    ret(&mut b, &[x]);
    let id = b.finish();
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let (x, ctx) = (param(&b, 0), b.param(0).into());
    let mut values = Vec::new();
    for i in 0..50 {
        let k = b.i64(i);
        let v = b.bin(BinOp::Mul, Ty::I64, x, k);
        values.push(b.call(Callee::Func(FuncId(0)), &[ctx, v], &[Ty::I64])[0]);
    }
    let mut sum = b.i64(0);
    for v in values {
        sum = b.bin(BinOp::Add, Ty::I64, sum, v);
    }
    ret(&mut b, &[sum]);
    let module = module(vec![id, b.finish()]);
    assert_eq!(call(&mut instance(&module), FuncId(1), &[2], 1).unwrap(), [2 * 49 * 50 / 2]);
}

#[test]
fn function_values() {
    let mut m = Module::new();
    let unary = m.sig(Sig::Sx(sig(&[Ty::I64], &[Ty::I64])));
    let other = m.sig(Sig::Sx(sig(&[Ty::F64], &[Ty::I64])));
    let ids: Vec<FuncId> = (0..4).map(|_| m.reserve_func()).collect();
    for (id, factor) in [(0, 2), (1, 3)] {
        let mut b = function("times", &[Ty::I64], &[Ty::I64]);
        let (x, factor) = (param(&b, 0), b.i64(factor));
        let y = b.bin(BinOp::Mul, Ty::I64, x, factor);
        ret(&mut b, &[y]);
        m.define_func(ids[id], b.finish());
    }
    for (id, called) in [(2, unary), (3, other)] {
        let mut b = function("apply", &[Ty::Ptr, Ty::I64], &[Ty::I64]);
        let (f, x, ctx) = (param(&b, 0), param(&b, 1), b.param(0).into());
        let y = b.call(Callee::Value(f, called), &[ctx, x], &[Ty::I64])[0];
        ret(&mut b, &[y]);
        m.define_func(ids[id], b.finish());
    }
    let mut instance = instance(&m);
    assert_eq!(call(&mut instance, ids[2], &[1, 21], 1).unwrap(), [42]);
    assert_eq!(call(&mut instance, ids[2], &[2, 21], 1).unwrap(), [63]);
    for (func, value) in [(2, 0), (2, 77), (2, u64::MAX), (3, 1)] {
        let trap = call(&mut instance, ids[func], &[value, 1], 1).unwrap_err();
        let kind = if value == 0 { TrapKind::NullDereference } else { TrapKind::InvalidMemory };
        assert_eq!(trap.reason(), TrapReason::Kind(kind), "{value}");
    }
}

/// Resolves symbols from a list of closures.
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
            .ok_or_else(|| format!("unresolved symbol `{}`; searched: host", ext.symbol))
    }
}

/// A module whose function 0 calls the extern `name` with its parameters and returns its result; function 1 is `fib`.
fn calling(name: &str) -> Module {
    let mut m = Module::new();
    let (main, fib_id) = (m.reserve_func(), m.reserve_func());
    let int = CType::Int { size: 8, signed: true };
    let c_sig = CSignature { params: vec![int, int], ret: int, variadic: false };
    let c_sig = m.sig(Sig::C { sig: c_sig, fixed: 2 });
    let ext = m.add_extern(Extern {
        symbol: name.into(),
        library: Some(Extern::HOST.into()),
        kind: ExternKind::Func(c_sig),
        declared: (0, 0),
    });
    let mut b = function("main", &[Ty::I64, Ty::I64], &[Ty::I64]);
    b.set_loc(0, 5);
    let (x, y) = (param(&b, 0), param(&b, 1));
    let z = b.call(Callee::Extern(ext), &[x, y], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, z, x);
    ret(&mut b, &[sum]);
    m.define_func(main, b.finish());
    m.define_func(fib_id, fib(fib_id));
    m
}

fn with_host(m: &Module, functions: Vec<(&'static str, Arc<dyn HostFn>)>) -> Instance {
    let config = Config { resolver: Arc::new(Table(functions)), ..Config::default() };
    Instance::new(program(m), config).unwrap()
}

#[test]
fn host_functions() {
    let m = calling("sub");
    let sub: Arc<dyn HostFn> = Arc::new(|_: &mut Caller<'_>, slots: &mut [u64]| {
        slots[0] = slots[0].wrapping_sub(slots[1]);
        Ok(())
    });
    let mut instance = with_host(&m, vec![("sub", sub)]);
    assert_eq!(call(&mut instance, FuncId(0), &[10, 3], 1).unwrap(), [17]);
}

#[test]
fn host_functions_fail_with_the_stack() {
    let m = calling("fail");
    let fail: Arc<dyn HostFn> = Arc::new(|_: &mut Caller<'_>, _: &mut [u64]| Err(Trap::host("no luck")));
    let trap = call(&mut with_host(&m, vec![("fail", fail)]), FuncId(0), &[1, 2], 1).unwrap_err();
    assert_eq!((trap.reason(), trap.message()), (TrapReason::Host, "no luck"));
    let frames: Vec<_> = trap.frames().iter().map(|f| (f.func.as_str(), f.host)).collect();
    assert_eq!(frames, [("fail", true), ("main", false)]);
    let trap = call(&mut with_host(&m, vec![]), FuncId(0), &[1, 2], 1).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::Link);
    assert_eq!(trap.message(), "unresolved symbol `fail`; searched: host");
}

#[test]
fn host_functions_call_back() {
    let m = calling("back");
    let back: Arc<dyn HostFn> = Arc::new(|caller: &mut Caller<'_>, slots: &mut [u64]| {
        let mut out = [0];
        for _ in 0..2 {
            caller.call(FuncId(1), &[0, slots[0]], &mut out)?;
        }
        let calls = caller.data().downcast_ref::<AtomicU64>().expect("set by the test");
        calls.fetch_add(1, Ordering::Relaxed);
        slots[0] = out[0] + slots[1];
        Ok(())
    });
    let mut instance = with_host(&m, vec![("back", back)]);
    *instance.data() = Box::new(AtomicU64::new(0));
    assert_eq!(call(&mut instance, FuncId(0), &[15, 1000], 1).unwrap(), [610 + 1000 + 15]);
    let calls = instance.data().downcast_mut::<AtomicU64>().expect("set above");
    assert_eq!(*calls.get_mut(), 1);
}

#[test]
fn endless_turns_between_host_and_program_end() {
    let m = calling("again");
    let depth = Arc::new(AtomicU64::new(0));
    let seen = depth.clone();
    let again: Arc<dyn HostFn> = Arc::new(move |caller: &mut Caller<'_>, slots: &mut [u64]| {
        seen.fetch_add(1, Ordering::Relaxed);
        caller.call(FuncId(0), &[0, slots[0], slots[1]], &mut slots[..1])
    });
    let trap = call(&mut with_host(&m, vec![("again", again)]), FuncId(0), &[1, 2], 1).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::StackOverflow));
    assert_eq!(depth.load(Ordering::Relaxed), Limits::default().native_depth as u64);
    assert_eq!(trap.frames().iter().filter(|frame| frame.host).count(), 16);
}

#[test]
fn turns_end_before_the_native_stack_does() {
    #[inline(never)]
    fn deep(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
        // What a host function takes for itself.
        let mut local = [0u8; 8 * 1024];
        std::hint::black_box(&mut local);
        let result = caller.call(FuncId(0), &[0, slots[0], slots[1]], &mut slots[..1]);
        // At the deepest turn it finds what it was promised.
        large();
        result
    }
    #[inline(never)]
    fn large() {
        let mut local = [1u8; 20 * 1024];
        std::hint::black_box(&mut local);
    }
    for size in [128 << 10, 512 << 10, 4 << 20] {
        let run = move || {
            let m = calling("again");
            let depth = Arc::new(AtomicU64::new(0));
            let seen = depth.clone();
            let again: Arc<dyn HostFn> = Arc::new(move |caller: &mut Caller<'_>, slots: &mut [u64]| {
                seen.fetch_add(1, Ordering::Relaxed);
                deep(caller, slots)
            });
            let limits = Limits { native_depth: u32::MAX, ..Limits::default() };
            let config =
                Config { resolver: Arc::new(Table(vec![("again", again)])), limits, ..Config::default() };
            let mut instance = Instance::new(program(&m), config).unwrap();
            for _ in 0..3 {
                let trap = call(&mut instance, FuncId(0), &[1, 2], 1).unwrap_err();
                assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::StackOverflow));
            }
            depth.load(Ordering::Relaxed) / 3
        };
        let thread = std::thread::Builder::new().stack_size(size).spawn(run).expect("a thread");
        let turns = thread.join().expect("it ends") as usize;
        assert!(turns > (size - (64 << 10)) / (24 << 10), "{turns} turns on {size} bytes");
        assert!(turns < size / (8 << 10), "{turns} turns on {size} bytes");
    }
}

#[test]
fn panics_cross_to_the_outermost_call() {
    let m = calling("panics");
    let panics: Arc<dyn HostFn> = Arc::new(|_: &mut Caller<'_>, _: &mut [u64]| panic!("at the disco"));
    let mut instance = with_host(&m, vec![("panics", panics)]);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        call(&mut instance, FuncId(0), &[1, 2], 1).map(drop)
    }));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"at the disco"));
    // The instance stays usable.
    assert_eq!(call(&mut instance, FuncId(1), &[10], 1).unwrap(), [55]);
}

#[test]
fn wrong_calls_are_errors() {
    let m = module(vec![fib(FuncId(0))]);
    let mut instance = instance(&m);
    assert_eq!(call(&mut instance, FuncId(0), &[1, 2], 1).unwrap_err().reason(), TrapReason::BadCall);
    assert_eq!(call(&mut instance, FuncId(0), &[1], 2).unwrap_err().reason(), TrapReason::BadCall);
    assert_eq!(call(&mut instance, FuncId(9), &[1], 1).unwrap_err().reason(), TrapReason::NoCode(FuncId(9)));
}

#[test]
fn calls_wait_for_code() {
    let mut m = Module::new();
    let (main, later) = (m.reserve_func(), m.reserve_func());
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let (x, ctx) = (param(&b, 0), b.param(0).into());
    let two = b.i64(2);
    let double = b.bin(BinOp::Mul, Ty::I64, x, two);
    let y = b.call(Callee::Func(later), &[ctx, double], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, y, x);
    ret(&mut b, &[sum]);
    m.define_func(main, b.finish());
    let program = program(&m);
    let mut instance = Instance::new(program.clone(), Config::default()).unwrap();
    assert_eq!(call(&mut instance, main, &[1], 1).unwrap_err().reason(), TrapReason::NoCode(later));
    let Outcome::Need(func, outer) = instance.start(main, &[0, 7], 1) else { panic!("it waits") };
    assert_eq!(func, later);
    // Another call waits above it.
    let Outcome::Need(_, inner) = instance.start(main, &[0, 10], 1) else { panic!("it waits") };
    // And one whose entry function itself is missing.
    let Outcome::Need(_, direct) = instance.start(later, &[0, 6], 1) else { panic!("it waits") };
    m.define_func(later, fib(later));
    program.compile_all(&m).unwrap();
    for (suspended, want) in [(direct, 8), (inner, 6765 + 10), (outer, 377 + 7)] {
        let Outcome::Done(rets) = instance.resume(suspended) else { panic!("it goes on") };
        assert_eq!(rets, [want]);
    }
    assert_eq!(call(&mut instance, main, &[7], 1).unwrap(), [377 + 7]);
}

#[test]
fn waiting_calls_are_answered() {
    let mut m = Module::new();
    let (main, asked) = (m.reserve_func(), m.reserve_func());
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let (x, ctx) = (param(&b, 0), b.param(0).into());
    let two = b.i64(2);
    let double = b.bin(BinOp::Mul, Ty::I64, x, two);
    let got = b.call(Callee::Func(asked), &[ctx, double, x], &[Ty::I64, Ty::I64]);
    let difference = b.bin(BinOp::Sub, Ty::I64, got[0], got[1]);
    let sum = b.bin(BinOp::Add, Ty::I64, difference, x);
    ret(&mut b, &[sum]);
    m.define_func(main, b.finish());
    let program = program(&m);
    let mut instance = Instance::new(program.clone(), Config::default()).unwrap();
    let start = |instance: &mut Instance, args: &[u64]| match instance.start(main, args, 1) {
        Outcome::Need(func, suspended) => {
            assert_eq!(func, asked);
            suspended
        }
        other => panic!("{other:?}"),
    };
    let outer = start(&mut instance, &[0, 7]);
    let inner = start(&mut instance, &[0, 10]);
    assert_eq!(instance.waiting_args(&outer, 3)[1..], [14, 7]);
    assert_eq!(instance.waiting_args(&inner, 3)[1..], [20, 10]);
    let Outcome::Done(rets) = instance.answer(inner, &[5, 2]) else { panic!("it goes on") };
    assert_eq!(rets, [13]);
    // A question without an answer is a trap where it was asked, and the call before can still go on.
    let inner = start(&mut instance, &[0, 1]);
    let trap = instance.refuse(inner, "no answer");
    assert_eq!(trap.message(), "no answer");
    assert_eq!(trap.frames().len(), 1);
    assert_eq!(trap.frames()[0].func, "main");
    let Outcome::Done(rets) = instance.answer(outer, &[100, 1]) else { panic!("it goes on") };
    assert_eq!(rets, [106]);
}

#[test]
fn functions_are_replaced_between_calls() {
    let mut m = Module::new();
    let (main, part) = (m.reserve_func(), m.reserve_func());
    let scaled = |by: i64| {
        let mut b = function("part", &[Ty::I64], &[Ty::I64]);
        let x = param(&b, 0);
        let by = b.i64(by);
        let scaled = b.bin(BinOp::Mul, Ty::I64, x, by);
        ret(&mut b, &[scaled]);
        b.finish()
    };
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let (x, ctx) = (param(&b, 0), b.param(0).into());
    let y = b.call(Callee::Func(part), &[ctx, x], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(main, b.finish());
    m.define_func(part, scaled(2));
    let program = program(&m);
    let mut instance = Instance::new(program.clone(), Config::default()).unwrap();
    assert_eq!(call(&mut instance, main, &[7], 1).unwrap(), [14]);
    m.replace_func(part, scaled(3));
    assert_eq!(call(&mut instance, main, &[7], 1).unwrap(), [14]);
    program.replace(&m, part).unwrap();
    assert_eq!(call(&mut instance, main, &[7], 1).unwrap(), [14]);
    instance.grow().unwrap();
    assert_eq!(call(&mut instance, main, &[7], 1).unwrap(), [21]);
    assert_eq!(call(&mut instance, part, &[7], 1).unwrap(), [21]);
}

#[test]
fn waiting_calls_end_in_order() {
    let mut m = Module::new();
    let missing = m.reserve_func();
    let program = program(&m);
    // The module has a function, but nothing was compiled yet: growing learns of it.
    let mut instance = Instance::new(program.clone(), Config::default()).unwrap();
    let start = |instance: &mut Instance| match instance.start(missing, &[0], 0) {
        Outcome::Need(_, suspended) => suspended,
        other => panic!("{other:?}"),
    };
    let first = start(&mut instance);
    let second = start(&mut instance);
    let Outcome::Trap(trap) = instance.resume(first) else { panic!("out of order") };
    assert_eq!(trap.reason(), TrapReason::BadCall);
    instance.abandon(second);
    let third = start(&mut instance);
    instance.abandon(third);
}
