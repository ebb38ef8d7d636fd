//! Control flow, calls, traps, requests, the limit of the stack.

mod common;
use common::*;
use std::sync::{Arc, Mutex};
use sx_ir::*;
use sx_vm::*;

#[test]
fn recursion_and_loops() {
    let mut pair = Pair::of(fib(FuncId(0)));
    assert_eq!(pair.same(&[20], &"fib"), Ok(vec![6765]));
    let mut pair = Pair::of(countdown());
    assert_eq!(pair.same(&[1000], &"countdown"), Ok(vec![500500]));
}

#[test]
fn switches_of_every_width() {
    for ty in INTS {
        let mut b = function("switch", &[ty], &[Ty::I64]);
        let val = param(&b, 0);
        let blocks: Vec<BlockId> = (0..6).map(|_| b.block()).collect();
        let max = u64::MAX >> (64 - 8 * ty.size(8));
        let cases = [0, 1, 2, 100, max].into_iter().zip(blocks.iter().copied()).collect();
        b.terminate(Term::Switch { ty, val, cases, default: blocks[5] });
        for (number, &block) in blocks.iter().enumerate() {
            b.switch_to(block);
            let number = b.i64(number as i64);
            ret(&mut b, &[number]);
        }
        let mut pair = Pair::of(b.finish());
        for value in edges() {
            let _ = pair.same(&[value], &format!("switch {ty:?}"));
        }
    }
}

/// Calls function 1, which swaps and returns all kinds of values, directly and as a value.
#[test]
fn many_arguments_and_results_of_every_type() {
    let types = [Ty::I8, Ty::F32, Ty::I64, Ty::F64, Ty::I16, Ty::I32, Ty::Ptr, Ty::I64, Ty::I64];
    let rets = [Ty::I64, Ty::F64, Ty::I16, Ty::F32, Ty::I32];
    for by_value in [false, true] {
        let mut callee = function("callee", &types, &rets);
        let values: Vec<Operand> = [7, 3, 4, 1, 5].into_iter().map(|at| param(&callee, at)).collect();
        ret(&mut callee, &values);
        let mut b = function("caller", &types, &rets);
        let args: Vec<Operand> = (0..=types.len()).map(|at| b.param(at).into()).collect();
        let mut m = Module::new();
        let sx = m.sig(Sig::Sx(sig(&types, &rets)));
        let target = if by_value {
            let dst = b.temp(Ty::Ptr);
            b.push(Inst::FuncAddr { dst, func: FuncId(1) });
            Callee::Value(dst.into(), sx)
        } else {
            Callee::Func(FuncId(1))
        };
        let values = b.call(target, &args, &rets);
        ret(&mut b, &values);
        for func in [b.finish(), callee.finish()] {
            let id = m.reserve_func();
            m.define_func(id, func);
        }
        let mut pair = Pair::new(m);
        let args = [1, 1.5f32.to_bits() as u64, 3, (-2.5f64).to_bits(), 0xffff, 6, 7, 1 << 63, u64::MAX];
        let got = pair.same(&args, &by_value).expect("no trap");
        assert_eq!(got, [1 << 63, (-2.5f64).to_bits(), 0xffff, 1.5f32.to_bits() as u64, 6]);
    }
}

#[test]
fn function_values_are_checked() {
    let mut m = Module::new();
    let sx = m.sig(Sig::Sx(sig(&[Ty::I64], &[Ty::I64])));
    let mut b = function("caller", &[Ty::Ptr], &[Ty::I64]);
    let (ctx, value, five) = (b.param(0).into(), param(&b, 0), b.i64(5));
    b.set_loc(0, 9);
    let results = b.call(Callee::Value(value, sx), &[ctx, five], &[Ty::I64]);
    ret(&mut b, &results);
    let mut other = function("other", &[], &[]);
    ret(&mut other, &[]);
    for func in [b.finish(), countdown(), other.finish()] {
        let id = m.reserve_func();
        m.define_func(id, func);
    }
    let mut pair = Pair::new(m);
    assert_eq!(pair.same(&[2], &"fits"), Ok(vec![15]));
    for bad in [0, 3, 4, u64::MAX] {
        assert!(pair.same(&[bad], &"doesn't fit").is_err());
    }
}

#[test]
fn cells_are_read_at_every_call() {
    let number = |name: &str, value: i64| {
        let mut b = function(name, &[], &[Ty::I64]);
        let value = b.i64(value);
        ret(&mut b, &[value]);
        b.finish()
    };
    let mut b = function("caller", &[], &[Ty::I64]);
    let ctx = b.param(0).into();
    let results = b.call(Callee::Func(FuncId(1)), &[ctx], &[Ty::I64]);
    ret(&mut b, &results);
    let mut machine = Machine::new(module(vec![b.finish(), number("one", 1)]));
    assert_eq!(machine.call(FuncId(0), &[]), Ok(vec![1]));
    machine.replace(FuncId(1), number("one", 2));
    assert_eq!(machine.call(FuncId(0), &[]), Ok(vec![2]), "interpreted below compiled code");
    machine.tier.compile_all();
    assert_eq!(machine.tier.stats().compiled, 3);
    machine.instance.grow().expect("there is memory");
    assert_eq!(machine.call(FuncId(0), &[]), Ok(vec![2]), "compiled again");
}

#[test]
fn traps_carry_operands_and_end_calls_many_deep() {
    let mut b = function("deep", &[Ty::I64], &[Ty::I64]);
    let (n, zero, one) = (param(&b, 0), b.i64(0), b.i64(1));
    let done = b.cmp(CmpOp::Eq, Ty::I64, n, zero);
    let (end, more) = (b.block(), b.block());
    b.branch(done, end, more);
    b.switch_to(end);
    b.set_loc(3, 33);
    let (x, y) = (b.i64(-7), b.i64(4));
    let list = b.list([x, y]);
    b.terminate(Term::Trap(TrapKind::IndexOutOfRange, list));
    b.switch_to(more);
    b.set_loc(3, 44);
    let ctx = b.param(0).into();
    let m = b.bin(BinOp::Sub, Ty::I64, n, one);
    let results = b.call(Callee::Func(FuncId(0)), &[ctx, m], &[Ty::I64]);
    ret(&mut b, &results);
    let mut pair = Pair::of(b.finish());
    for depth in [0, 1, 100] {
        let (kind, message, place) = pair.same(&[depth], &"depth").expect_err("a trap");
        assert_eq!((kind, place), (TrapKind::IndexOutOfRange, Some((3, 33))));
        assert_eq!(message, "index -7 out of range for length 4");
    }
    let mut b = function("nowhere", &[], &[]);
    b.terminate(Term::Unreachable);
    assert!(Pair::of(b.finish()).same(&[], &"unreachable").is_err());
}

#[test]
fn the_stack_ends_before_it_is_full() {
    for bytes in [8, 2000, 100_000] {
        let mut b = function("forever", &[Ty::I64], &[Ty::I64]);
        b.set_loc(0, 5);
        let (ctx, n) = (b.param(0).into(), param(&b, 0));
        let room = b.slot(bytes, 8);
        b.store(Ty::I64, Addr { base: Base::Slot(room), off: 0 }, n);
        let results = b.call(Callee::Func(FuncId(0)), &[ctx, n], &[Ty::I64]);
        let again = b.load(Ty::I64, Addr { base: Base::Slot(room), off: 0 });
        let sum = b.bin(BinOp::Add, Ty::I64, results[0], again);
        ret(&mut b, &[sum]);
        let mut machine = Machine::new(module(vec![b.finish(), countdown()]));
        for _ in 0..3 {
            let (kind, _, place) = machine.call(FuncId(0), &[1]).expect_err("no room");
            assert_eq!((kind, place), (TrapKind::StackOverflow, Some((0, 5))), "{bytes}");
            assert_eq!(machine.call(FuncId(1), &[3]), Ok(vec![6]), "the machine goes on");
        }
    }
}

/// Calls itself as often as its parameter says.
fn down(id: FuncId) -> Func {
    let mut b = function("down", &[Ty::I64], &[Ty::I64]);
    let (ctx, n, one, zero) = (b.param(0).into(), param(&b, 0), b.i64(1), b.i64(0));
    let done = b.cmp(CmpOp::Eq, Ty::I64, n, zero);
    let (end, more) = (b.block(), b.block());
    b.branch(done, end, more);
    b.switch_to(end);
    ret(&mut b, &[zero]);
    b.switch_to(more);
    let less = b.bin(BinOp::Sub, Ty::I64, n, one);
    let results = b.call(Callee::Func(id), &[ctx, less], &[Ty::I64]);
    ret(&mut b, &results);
    b.finish()
}

#[test]
fn requests_are_noticed_in_loops_and_in_recursion() {
    let mut machine = Machine::new(module(vec![countdown(), down(FuncId(1))]));
    for func in [0, 1] {
        machine.program.ask(false);
        assert!(machine.call(FuncId(func), &[10]).is_ok());
        let samples = machine.program.take_samples(false);
        assert_eq!(samples.answers, 1, "asked once, then the request is withdrawn");
        assert!(samples.functions.is_empty(), "machine code has answered");
        machine.instance.interrupt_handle().cancel();
        let (kind, ..) = machine.call(FuncId(func), &[10]).expect_err("canceled");
        assert_eq!(kind, TrapKind::Canceled);
        assert!(machine.call(FuncId(func), &[10]).is_ok());
        assert_eq!(machine.program.take_samples(false).answers, 0);
    }
}

#[test]
fn fuel_runs_out() {
    let mut machine = Machine::with(module(vec![countdown()]), Setup::default().with_fuel(100));
    assert_eq!(machine.call(FuncId(0), &[10]), Ok(vec![55]));
    assert_eq!(machine.instance.fuel(), 89, "a call and ten polls");
    let (kind, ..) = machine.call(FuncId(0), &[1000]).expect_err("no fuel");
    assert_eq!(kind, TrapKind::OutOfFuel);
    assert_eq!(machine.instance.fuel(), 0);
    machine.instance.set_fuel(100);
    assert_eq!(machine.call(FuncId(0), &[10]), Ok(vec![55]), "the machine goes on");
}

/// What was called: a symbol or address, and the arguments.
type Calls = Arc<Mutex<Vec<(u64, Vec<u64>)>>>;

/// Calls of C that end in Rust.
struct Recorder {
    calls: Calls,
    name: u64,
    count: usize,
}

impl NativeFn for Recorder {
    unsafe fn call(&self, args: *const u64, ret: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe { NativeCaller::call(self, self.name as *const (), args, ret) }
    }
}

impl NativeCaller for Recorder {
    unsafe fn call(&self, code: *const (), args: *const u64, ret: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe {
            let args = std::slice::from_raw_parts(args, self.count).to_vec();
            ret.write(args.iter().fold(code as u64, |sum, &arg| sum.wrapping_add(arg)));
            self.calls.lock().unwrap().push((code as u64, args));
        }
    }
}

struct Interface(Calls);

impl NativeInterface for Interface {
    fn callback(&self, _: CallbackHandle, _: &CSignature, _: &[CStruct]) -> Result<CallbackCode, String> {
        Ok(CallbackCode { code: 0x1001 as *const (), keep: Box::new(()) })
    }
    fn caller(&self, sig: &CSignature, _: u32, _: &[CStruct]) -> Result<Arc<dyn NativeCaller>, String> {
        Ok(Arc::new(Recorder { calls: self.0.clone(), name: 0, count: sig.params.len() }))
    }
}

#[test]
fn calls_of_c_go_through_slots() {
    let mut m = Module::new();
    let c = m.sig(Sig::C {
        sig: CSignature { params: vec![INT, CType::F64], ret: INT, variadic: false },
        fixed: 2,
    });
    let ext = m.add_extern(Extern {
        symbol: "add".into(),
        library: None,
        kind: ExternKind::Func(c),
        declared: (0, 0),
    });
    let mut b = function("caller", &[Ty::I64, Ty::F64], &[Ty::I64, Ty::I64, Ty::Ptr, Ty::Ptr]);
    b.set_loc(0, 4);
    let args = [param(&b, 0), param(&b, 1)];
    b.push(Inst::ErrTrace(ErrTrace::Raise));
    let first = b.call(Callee::Extern(ext), &args, &[Ty::I64])[0];
    let code = b.constant(Ty::Ptr, 0x5000);
    let second = b.call(Callee::CPtr(code, c), &args, &[Ty::I64])[0];
    let (third, fourth) = (b.temp(Ty::Ptr), b.temp(Ty::Ptr));
    b.push(Inst::ExternAddr { dst: third, ext });
    b.push(Inst::CFuncAddr { dst: fourth, func: FuncId(1) });
    ret(&mut b, &[first, second, third.into(), fourth.into()]);
    let id = m.reserve_func();
    m.define_func(id, b.finish());
    let lowered = Signature { params: vec![Ty::I64, Ty::F64], rets: vec![Ty::I64] };
    let mut callback = Builder::new("callback", lowered, CallConv::C);
    callback.func_mut().c_sig = Some(c);
    let first = callback.param(0).into();
    ret(&mut callback, &[first]);
    let id = m.reserve_func();
    m.define_func(id, callback.finish());
    let calls = Calls::default();
    let add = Recorder { calls: calls.clone(), name: 0x2000, count: 2 };
    let target = ExternTarget::Native(Arc::new(add), 0x2000 as *const ());
    let natives: Arc<dyn NativeInterface> = Arc::new(Interface(calls.clone()));
    let setup = Setup { symbols: vec![("add", target)], natives, ..Setup::default() };
    let mut machine = Machine::with(m.clone(), setup);
    let half = 1.5f64.to_bits();
    let got = machine.call(FuncId(0), &[3, half]);
    assert_eq!(got, Ok(vec![0x2003 + half, 0x5003 + half, 0x2000, 0x1001]));
    assert_eq!(*calls.lock().unwrap(), [(0x2000, vec![3, half]), (0x5000, vec![3, half])]);
    let (places, omitted) = machine.instance.error_trace();
    let places: Vec<_> = places.iter().map(|frame| (frame.func.as_str(), frame.place)).collect();
    assert_eq!((&places[..], omitted), (&[("caller", Some((0, 4)))][..], 0));

    let fails = host(|_, _| Err(Trap::of_kind(TrapKind::OutOfMemory, [0; 3])));
    let mut machine = Machine::with(m, Setup { symbols: vec![("add", fails)], ..Setup::default() });
    let (kind, _, place) = machine.call(FuncId(0), &[0, 0]).expect_err("the host failed");
    assert_eq!((kind, place), (TrapKind::OutOfMemory, None), "the innermost frame is the host's");
    let trap = machine.run(FuncId(0), &[0, 0]).unwrap_err();
    let frames: Vec<_> = trap.frames().iter().map(|frame| (frame.func.as_str(), frame.place)).collect();
    assert_eq!(frames, [("add", None), ("caller", Some((0, 4)))]);
}

#[test]
#[cfg(target_os = "linux")]
fn backtraces_pass_through_compiled_frames() {
    let mut m = Module::new();
    let ext = declare(&mut m, "trace", 0, false);
    let mut b = function("caller", &[], &[]);
    b.call(Callee::Extern(ext), &[], &[]);
    ret(&mut b, &[]);
    let id = m.reserve_func();
    m.define_func(id, b.finish());
    let traces = Arc::new(Mutex::new(String::new()));
    let trace = {
        let traces = traces.clone();
        host(move |_, _| {
            *traces.lock().unwrap() = std::backtrace::Backtrace::force_capture().to_string();
            Ok(())
        })
    };
    let mut machine = Machine::with(m, Setup { symbols: vec![("trace", trace)], ..Setup::default() });
    machine.call(FuncId(0), &[]).expect("no trap");
    let trace = traces.lock().unwrap();
    assert!(trace.contains("backtraces_pass_through_compiled_frames"), "{trace}");
    // The function and its trampoline have no names outside.
    assert!(trace.matches("<unknown>").count() >= 2, "{trace}");
}
