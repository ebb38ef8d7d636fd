//! Runs functions compiled and interpreted, and compares.

#![allow(dead_code, unused_imports, reason = "each test file uses a part")]

mod machine;

pub use machine::*;

use sx_ir::*;
use sx_vm::{Trap, TrapReason};

pub const INTS: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];

/// A signature of the default ABI: the context comes first by itself.
pub fn sig(params: &[Ty], rets: &[Ty]) -> Signature {
    Signature { params: [&[Ty::Ptr], params].concat(), rets: rets.to_vec() }
}

/// Starts a function with a context parameter.
pub fn function(name: &str, params: &[Ty], rets: &[Ty]) -> Builder {
    Builder::new(name, sig(params, rets), CallConv::Sx)
}

/// A module of these functions, in order.
pub fn module(funcs: Vec<Func>) -> Module {
    let mut module = Module::new();
    for func in funcs {
        let id = module.reserve_func();
        module.define_func(id, func);
    }
    module
}

/// The operand of a parameter behind the context.
pub fn param(b: &Builder, index: usize) -> Operand {
    b.param(index + 1).into()
}

/// A `return` of these operands.
pub fn ret(b: &mut Builder, values: &[Operand]) {
    let list = b.list(values.iter().copied());
    b.terminate(Term::Return(list));
}

/// Memory at an operand.
pub fn at(base: Operand, off: i32) -> Addr {
    Addr { base: Base::Reg(base), off }
}

/// Values at the edges of every width.
pub fn edges() -> Vec<u64> {
    let mut values: Vec<u64> =
        vec![0, 1, 2, 3, 7, 10, 100, 0x55, 0xaaaa_aaaa_aaaa_aaaa, 0x1234_5678_9abc_def0];
    for bits in [7, 8, 15, 16, 31, 32, 63] {
        let power = 1u64 << bits;
        values.extend([power - 1, power, power + 1, power.wrapping_neg()]);
    }
    values.extend([u64::MAX, u64::MAX - 1]);
    values
}

/// Floats at the edges of every conversion.
pub fn floats() -> Vec<f64> {
    vec![
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.5,
        3.5,
        0.1,
        1e10,
        -1e10,
        1e300,
        127.0,
        128.0,
        255.9,
        256.0,
        -129.0,
        -0.9,
        32768.0,
        65536.0,
        2147483648.0,
        -2147483649.0,
        4294967296.5,
        9.3e18,
        -9.3e18,
        1.9e19,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MIN_POSITIVE,
    ]
}

/// The edges of a type, as bits in a slot.
pub fn samples(ty: Ty) -> Vec<u64> {
    match ty {
        Ty::F32 => floats().into_iter().map(|value| (value as f32).to_bits() as u64).collect(),
        Ty::F64 => floats().into_iter().map(f64::to_bits).collect(),
        _ => edges(),
    }
}

/// A result as its type sees it: one NaN is as good as another.
pub fn normal(ty: Ty, bits: u64) -> u64 {
    match ty {
        Ty::F32 if f32::from_bits(bits as u32).is_nan() => 0x7fc0_0000,
        Ty::F64 if f64::from_bits(bits).is_nan() => 0x7ff8_0000_0000_0000,
        _ => bits & (u64::MAX >> (64 - 8 * ty.size(8))),
    }
}

/// How a call ended: results, or the trap's kind, message and position.
pub type Ended = Result<Vec<u64>, (TrapKind, String, Option<(u32, u32)>)>;

/// How a call ended, of one that ended with a trap of the language or well.
pub fn ended(result: Result<Vec<u64>, Trap>, rets: &[Ty]) -> Ended {
    match result {
        Ok(values) => Ok(values.iter().zip(rets).map(|(&bits, &ty)| normal(ty, bits)).collect()),
        Err(trap) => match trap.reason() {
            TrapReason::Kind(kind) => {
                let place = trap.frames().first().and_then(|frame| frame.place);
                Err((kind, trap.message().to_owned(), place))
            }
            other => panic!("{other:?}: {trap}"),
        },
    }
}

/// A copy to a mutable register.
pub fn set(b: &mut Builder, dst: Reg, src: Operand) {
    b.push(Inst::Copy { dst, src });
}

/// `while cond { body }`, with a poll, leaving the block after it current.
pub fn while_loop(
    b: &mut Builder,
    cond: impl FnOnce(&mut Builder) -> Operand,
    body: impl FnOnce(&mut Builder),
) {
    let (head, inside, after) = (b.block(), b.block(), b.block());
    b.jump(head);
    b.switch_to(head);
    let cond = cond(b);
    b.branch(cond, inside, after);
    b.switch_to(inside);
    body(b);
    b.push(Inst::Poll);
    b.jump(head);
    b.switch_to(after);
}

/// `fib`, calling itself as function `id`.
pub fn fib(id: FuncId) -> Func {
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
    let x = b.call(Callee::Func(id), &[ctx, m], &[Ty::I64])[0];
    let m = b.bin(BinOp::Sub, Ty::I64, n, two);
    let y = b.call(Callee::Func(id), &[ctx, m], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, x, y);
    ret(&mut b, &[sum]);
    b.finish()
}

/// A loop that counts its parameter down to 0, polling, and returns the sum of what it saw.
pub fn countdown() -> Func {
    let mut b = function("countdown", &[Ty::I64], &[Ty::I64]);
    let (left, sum) = (b.var(Ty::I64), b.var(Ty::I64));
    let (zero, one, n) = (b.i64(0), b.i64(1), param(&b, 0));
    set(&mut b, left, n);
    set(&mut b, sum, zero);
    let more = |b: &mut Builder| b.cmp(CmpOp::Ne, Ty::I64, left.into(), zero);
    while_loop(&mut b, more, |b| {
        b.push(Inst::Bin { op: BinOp::Add, ty: Ty::I64, dst: sum, a: sum.into(), b: left.into() });
        b.push(Inst::Bin { op: BinOp::Sub, ty: Ty::I64, dst: left, a: left.into(), b: one });
        b.set_loc(0, 50);
    });
    ret(&mut b, &[sum.into()]);
    b.finish()
}

pub const INT: CType = CType::Int { size: 8, signed: true };

/// Declares a function that takes and gives 64-bit numbers.
pub fn declare(m: &mut Module, symbol: &str, params: usize, gives: bool) -> ExternId {
    let ret = if gives { INT } else { CType::Void };
    let sig = CSignature { params: vec![INT; params], ret, variadic: false };
    let sig = m.sig(Sig::C { sig, fixed: params as u32 });
    let library = Some(Extern::HOST.into());
    m.add_extern(Extern { symbol: symbol.into(), library, kind: ExternKind::Func(sig), declared: (0, 0) })
}
