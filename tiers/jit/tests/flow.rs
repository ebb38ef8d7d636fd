//! Control flow, calls, traps, requests, the limit of the stack.

mod common;
use common::*;
use sx_ir::*;
use sx_jit::Config;
use sx_jit::runtime::Runtime;

/// `fib`, calling itself as function 0.
fn fib() -> Func {
    let mut b = function("fib", &[Ty::I64], &[Ty::I64]);
    let n = param(&b, 0);
    let two = b.i64(2);
    let small = b.cmp(CmpOp::SLt, Ty::I64, n, two);
    let (base, more) = (b.block(), b.block());
    b.branch(small, base, more);
    b.switch_to(base);
    ret(&mut b, &[n]);
    b.switch_to(more);
    let ctx = b.param(0).into();
    let one = b.i64(1);
    let m = b.bin(BinOp::Sub, Ty::I64, n, one);
    let x = b.call(Callee::Func(FuncId(0)), &[ctx, m], &[Ty::I64])[0];
    let m = b.bin(BinOp::Sub, Ty::I64, n, two);
    let y = b.call(Callee::Func(FuncId(0)), &[ctx, m], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, x, y);
    ret(&mut b, &[sum]);
    b.finish()
}

/// A loop that counts its parameter down to 0, polling, and returns the sum of what it saw.
fn countdown() -> Func {
    let mut b = function("countdown", &[Ty::I64], &[Ty::I64]);
    let (left, sum) = (b.var(Ty::I64), b.var(Ty::I64));
    let (zero, one, n) = (b.i64(0), b.i64(1), param(&b, 0));
    b.push(Inst::Copy { dst: left, src: n });
    b.push(Inst::Copy { dst: sum, src: zero });
    let (head, body, end) = (b.block(), b.block(), b.block());
    b.jump(head);
    b.switch_to(head);
    let more = b.cmp(CmpOp::Ne, Ty::I64, left.into(), zero);
    b.branch(more, body, end);
    b.switch_to(body);
    b.push(Inst::Bin { op: BinOp::Add, ty: Ty::I64, dst: sum, a: sum.into(), b: left.into() });
    b.push(Inst::Bin { op: BinOp::Sub, ty: Ty::I64, dst: left, a: left.into(), b: one });
    b.set_loc(0, 50);
    b.push(Inst::Poll);
    b.jump(head);
    b.switch_to(end);
    ret(&mut b, &[sum.into()]);
    b.finish()
}

#[test]
fn recursion_and_loops() {
    let mut pair = Pair::of(fib());
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
    let mut machine = Machine::new(module(vec![b.finish(), number("one", 1), number("two", 2)]));
    assert_eq!(machine.call(FuncId(0), &[]), Ok(vec![1]));
    machine.replace(1, 2);
    assert_eq!(machine.call(FuncId(0), &[]), Ok(vec![2]));
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
    let mut b = function("forever", &[Ty::I64], &[Ty::I64]);
    b.set_loc(0, 5);
    let (ctx, n) = (b.param(0).into(), param(&b, 0));
    let room = b.slot(100_000, 8);
    b.store(Ty::I64, Addr { base: Base::Slot(room), off: 0 }, n);
    let results = b.call(Callee::Func(FuncId(0)), &[ctx, n], &[Ty::I64]);
    let again = b.load(Ty::I64, Addr { base: Base::Slot(room), off: 0 });
    let sum = b.bin(BinOp::Add, Ty::I64, results[0], again);
    ret(&mut b, &[sum]);
    let mut machine = Machine::new(module(vec![b.finish(), countdown()]));
    let (kind, ..) = machine.call(FuncId(0), &[1]).expect_err("no room");
    assert_eq!(kind, TrapKind::StackOverflow);
    assert_eq!(machine.call(FuncId(1), &[3]), Ok(vec![6]), "the machine goes on");
}

#[test]
fn requests_are_noticed_in_loops_and_in_recursion() {
    let mut m = vec![countdown(), fib()];
    // `fib` calls function 0; here that is a loop, so it gets a recursion of its own.
    let mut b = function("down", &[Ty::I64], &[Ty::I64]);
    let (ctx, n, one, zero) = (b.param(0).into(), param(&b, 0), b.i64(1), b.i64(0));
    let done = b.cmp(CmpOp::Eq, Ty::I64, n, zero);
    let (end, more) = (b.block(), b.block());
    b.branch(done, end, more);
    b.switch_to(end);
    ret(&mut b, &[zero]);
    b.switch_to(more);
    let less = b.bin(BinOp::Sub, Ty::I64, n, one);
    let results = b.call(Callee::Func(FuncId(1)), &[ctx, less], &[Ty::I64]);
    ret(&mut b, &results);
    m[1] = b.finish();
    let mut machine = Machine::new(module(m));
    for func in [0, 1] {
        machine.rt.request();
        assert!(machine.call(FuncId(func), &[10]).is_ok());
        assert_eq!(machine.host.polls, 1, "asked once, then the request is withdrawn");
        machine.host.request = Some(TrapKind::Canceled);
        machine.rt.request();
        let (kind, ..) = machine.call(FuncId(func), &[10]).expect_err("canceled");
        assert_eq!(kind, TrapKind::Canceled);
        (machine.host.request, machine.host.polls) = (None, 0);
        assert!(machine.call(FuncId(func), &[10]).is_ok());
        machine.host.polls = 0;
    }
}

#[test]
fn fuel_runs_out() {
    let mut machine = Machine::with(module(vec![countdown()]), Config { fuel: true, ..Runtime::config() });
    machine.rt.fuel = 100;
    assert_eq!(machine.call(FuncId(0), &[10]), Ok(vec![55]));
    assert_eq!(machine.rt.fuel, 89, "a call and ten polls");
    let (kind, ..) = machine.call(FuncId(0), &[1000]).expect_err("no fuel");
    assert_eq!(kind, TrapKind::OutOfFuel);
}

#[test]
fn calls_of_c_go_through_slots() {
    let mut m = Module::new();
    let int = CType::Int { size: 8, signed: true };
    let c = m.sig(Sig::C {
        sig: CSignature { params: vec![int, CType::F64], ret: int, variadic: false },
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
    let mut machine = Machine::new(m);
    let got = machine.call(FuncId(0), &[3, 1.5f64.to_bits()]);
    assert_eq!(got, Ok(vec![3 + 1.5f64.to_bits(), 0x5003, 0x2000, 0x1001]));
    let slots = vec![3, 1.5f64.to_bits()];
    assert_eq!(machine.host.calls, [(0, slots.clone()), (c.0, slots)]);
    assert_eq!(machine.host.errors.len(), 1);
    machine.host.fails = Some(TrapKind::OutOfMemory);
    let (kind, _, place) = machine.call(FuncId(0), &[0, 0]).expect_err("the host failed");
    assert_eq!((kind, place), (TrapKind::OutOfMemory, Some((0, 4))));
}

#[test]
#[cfg(target_os = "linux")]
fn backtraces_pass_through_compiled_frames() {
    let mut m = Module::new();
    let int = CType::Int { size: 8, signed: true };
    let c = m.sig(Sig::C { sig: CSignature { params: vec![], ret: int, variadic: false }, fixed: 0 });
    let ext = m.add_extern(Extern {
        symbol: "trace".into(),
        library: None,
        kind: ExternKind::Func(c),
        declared: (0, 0),
    });
    let mut b = function("caller", &[], &[Ty::I64]);
    let results = b.call(Callee::Extern(ext), &[], &[Ty::I64]);
    ret(&mut b, &results);
    let id = m.reserve_func();
    m.define_func(id, b.finish());
    let mut machine = Machine::new(m);
    machine.host.trace = Some(String::new());
    machine.call(FuncId(0), &[]).expect("no trap");
    let trace = machine.host.trace.take().expect("a trace");
    assert!(trace.contains("backtraces_pass_through_compiled_frames"), "{trace}");
}
