//! Vectors: every operation against the scalar one, lane by lane; memory, traps, registers.

mod common;

use common::*;
use sx_ir::*;
use sx_vm::*;

const LANES: u8 = 3;

fn vec_ty(lane: Lane) -> VecTy {
    VecTy { lane, lanes: LANES }
}

fn kind(trap: Trap) -> TrapKind {
    match trap.reason() {
        TrapReason::Kind(kind) => kind,
        other => panic!("{other:?}"),
    }
}

/// A slot with room for any vector of the tests.
fn room(b: &mut Builder) -> Addr {
    Addr { base: Base::Slot(b.slot(8 * LANES as u32, 8)), off: 0 }
}

fn at(addr: Addr, by: u32) -> Addr {
    Addr { base: addr.base, off: addr.off + by as i32 }
}

/// The vector of the parameters from `first` on, one for each lane.
fn gather(b: &mut Builder, lane: Lane, first: usize) -> Operand {
    let place = room(b);
    for i in 0..LANES as u32 {
        let value = param(b, first + i as usize);
        b.store(lane.ty(), at(place, i * lane.size()), value);
    }
    b.load(Ty::Vec(vec_ty(lane)), place)
}

/// Returns the lanes of a vector, each as it lies in memory.
fn scatter(b: &mut Builder, lane: Lane, vector: Operand) {
    let place = room(b);
    b.store(Ty::Vec(vec_ty(lane)), place, vector);
    let lanes: Vec<Operand> =
        (0..LANES as u32).map(|i| b.load(lane.ty(), at(place, i * lane.size()))).collect();
    ret(b, &lanes);
}

/// Runs a function of `2 * LANES` values and `LANES` results.
fn lanes_of(
    from: Lane,
    to: Lane,
    args: &[u64],
    op: impl FnOnce(&mut Builder, Operand, Operand) -> Operand,
) -> Result<Vec<u64>, Trap> {
    let mut b = function("f", &[from.ty(); 2 * LANES as usize], &[to.ty(); LANES as usize]);
    let (x, y) = (gather(&mut b, from, 0), gather(&mut b, from, LANES as usize));
    let result = op(&mut b, x, y);
    scatter(&mut b, to, result);
    call(&mut instance(&module(vec![b.finish()])), FuncId(0), args, LANES as usize)
}

/// The same operation on scalars.
fn scalar(
    from: Lane,
    to: Lane,
    x: u64,
    y: u64,
    op: impl FnOnce(&mut Builder, Operand, Operand) -> Operand,
) -> Result<u64, Trap> {
    let mut b = function("f", &[from.ty(); 2], &[to.ty()]);
    let (x_op, y_op) = (param(&b, 0), param(&b, 1));
    let result = op(&mut b, x_op, y_op);
    ret(&mut b, &[result]);
    run(b.finish(), &[x, y])
}

fn mask(lane: Lane, bits: u64) -> u64 {
    bits & (u64::MAX >> (64 - 8 * lane.size()))
}

/// Compares an operation on vectors with the one on scalars for some values.
fn same(from: Lane, to: Lane, op: impl Fn(&mut Builder, bool, Operand, Operand) -> Operand) {
    let values: &[u64] = match from {
        Lane::F32 => &[0x3fc0_0000, 0xc000_0000, 0x7fc0_0000, 0x4f80_0000, 0, 0x8000_0000],
        Lane::F64 => &[0x3ff8 << 48, 0xc000 << 48, 0x7ff8 << 48, 0x43f0 << 48, 0, 1 << 63],
        _ => &[1, 200, u64::MAX, 3, 0x8080_8080_8080_8080, 77],
    };
    for shift in 0..values.len() {
        let args: Vec<u64> =
            (0..2 * LANES as usize).map(|i| mask(from, values[(i * 5 + shift) % values.len()])).collect();
        let vector = lanes_of(from, to, &args, |b, x, y| op(b, true, x, y));
        for i in 0..LANES as usize {
            let (x, y) = (args[i], args[i + LANES as usize]);
            let one = scalar(from, to, x, y, |b, x, y| op(b, false, x, y));
            match (&vector, one) {
                (Ok(lanes), Ok(one)) => {
                    assert_eq!(
                        mask(to, lanes[i]),
                        mask(to, one),
                        "lane {i} of {args:x?}: {from:?} to {to:?}"
                    );
                }
                (Err(_), _) => {}
                (Ok(_), Err(trap)) => panic!("only the scalar traps: {trap:?}"),
            }
        }
    }
}

fn of(vector: bool, lane: Lane) -> Ty {
    if vector { Ty::Vec(vec_ty(lane)) } else { lane.ty() }
}

const INTS: [Lane; 4] = [Lane::I8, Lane::I16, Lane::I32, Lane::I64];
const FLOATS: [Lane; 2] = [Lane::F32, Lane::F64];

#[test]
fn arithmetic_is_that_of_the_lanes() {
    use BinOp::*;
    for lane in INTS {
        for op in [Add, Sub, Mul, And, Or, Xor, Shl, SShr, UShr, SDiv, SRem, UDiv, URem] {
            same(lane, lane, |b, vector, x, y| b.bin(op, of(vector, lane), x, y));
        }
        for op in [UnOp::Neg, UnOp::Not, UnOp::Clz, UnOp::Ctz, UnOp::Popcnt, UnOp::Bswap] {
            same(lane, lane, |b, vector, x, _| b.un(op, of(vector, lane), x));
        }
    }
    for lane in FLOATS {
        for op in [FAdd, FSub, FMul, FDiv, FRem, FMin, FMax] {
            same(lane, lane, |b, vector, x, y| b.bin(op, of(vector, lane), x, y));
        }
        use UnOp::*;
        for op in [FNeg, FAbs, Sqrt, Floor, Ceil, Trunc, Round] {
            same(lane, lane, |b, vector, x, _| b.un(op, of(vector, lane), x));
        }
    }
}

#[test]
fn comparisons_give_lanes() {
    use CmpOp::*;
    for lane in INTS {
        for op in [Eq, Ne, SLt, SLe, SGt, SGe, ULt, ULe, UGt, UGe] {
            same(lane, Lane::I8, |b, vector, x, y| b.cmp(op, of(vector, lane), x, y));
        }
    }
    for lane in FLOATS {
        for op in [FEq, FNe, FLt, FLe, FGt, FGe] {
            same(lane, Lane::I8, |b, vector, x, y| b.cmp(op, of(vector, lane), x, y));
        }
    }
    same(Lane::I8, Lane::I8, |b, vector, x, _| b.un(UnOp::BoolNot, of(vector, Lane::I8), x));
}

#[test]
fn conversions_go_lane_by_lane() {
    let convert = |op, from: Lane, to: Lane| {
        same(from, to, |b, vector, x, _| b.conv(op, of(vector, from), of(vector, to), x));
    };
    for from in INTS {
        for to in INTS {
            if from.size() < to.size() {
                convert(ConvOp::Sext, from, to);
                convert(ConvOp::Zext, from, to);
                convert(ConvOp::Trunc, to, from);
            }
        }
        for float in FLOATS {
            convert(ConvOp::SToF, from, float);
            convert(ConvOp::UToF, from, float);
            convert(ConvOp::FToS, float, from);
            convert(ConvOp::FToU, float, from);
        }
    }
    convert(ConvOp::FExt, Lane::F32, Lane::F64);
    convert(ConvOp::FTrunc, Lane::F64, Lane::F32);
    convert(ConvOp::Bitcast, Lane::F32, Lane::I32);
    convert(ConvOp::Bitcast, Lane::I64, Lane::F64);
}

#[test]
fn divisions_trap_as_those_of_scalars() {
    let divide = |op, args: &[u64]| {
        let ty = Ty::Vec(vec_ty(Lane::I32));
        lanes_of(Lane::I32, Lane::I32, args, |b, x, y| b.bin(op, ty, x, y)).map_err(kind)
    };
    assert_eq!(divide(BinOp::SDiv, &[7, 8, 9, 2, 2, 4]), Ok(vec![3, 4, 2]));
    assert_eq!(divide(BinOp::SDiv, &[7, 8, 9, 2, 0, 4]), Err(TrapKind::DivisionByZero));
    assert_eq!(divide(BinOp::SRem, &[7, 8, 1 << 31, 2, 1, 0xffff_ffff]), Err(TrapKind::DivisionOverflow));
    assert_eq!(divide(BinOp::URem, &[7, 8, 9, 2, 1, 0]), Err(TrapKind::DivisionByZero));
}

#[test]
fn lanes_are_read_and_written() {
    for lane in [Lane::I8, Lane::I16, Lane::I32, Lane::I64, Lane::F32, Lane::F64] {
        let ty = vec_ty(lane);
        let args: Vec<u64> = (1..=2 * LANES as u64).collect();
        let swapped = lanes_of(lane, lane, &args, |b, x, _| {
            let (first, last) = (b.lane(ty, x, 0), b.lane(ty, x, 2));
            let other = b.set_lane(ty, x, last, 0);
            b.set_lane(ty, other, first, 2)
        });
        assert_eq!(swapped.map_err(kind), Ok(vec![3, 2, 1]), "{lane:?}");
        let all = lanes_of(lane, lane, &args, |b, x, _| {
            let lane = b.lane(ty, x, 1);
            b.splat(ty, lane)
        });
        assert_eq!(all.map_err(kind), Ok(vec![2, 2, 2]), "{lane:?}");
    }
}

/// A vector that lives across calls and around a loop, beside scalars that do.
#[test]
fn registers_keep_their_lanes() {
    let ty = VecTy { lane: Lane::I64, lanes: 4 };
    let vec = Ty::Vec(ty);
    let mut f = function("f", &[Ty::I64, Ty::Ptr], &[Ty::I64]);
    let (n, p) = (param(&f, 0), param(&f, 1));
    let place = Addr { base: Base::Reg(p), off: 0 };
    let (sum, i) = (f.var(vec), f.var(Ty::I64));
    let step = f.load(vec, place);
    let zero = f.i64(0);
    f.push(Inst::Splat { ty, dst: sum, a: zero });
    set(&mut f, i, zero);
    while_loop(
        &mut f,
        |b| b.cmp(CmpOp::SLt, Ty::I64, i.into(), n),
        |b| {
            let ctx = b.param(0).into();
            let by = b.call(Callee::Func(FuncId(1)), &[ctx, i.into()], &[Ty::I64])[0];
            let by = b.splat(ty, by);
            let product = b.bin(BinOp::Mul, vec, step, by);
            let next = b.bin(BinOp::Add, vec, sum.into(), product);
            set(b, sum, next);
            let one = b.i64(1);
            let next = b.bin(BinOp::Add, Ty::I64, i.into(), one);
            set(b, i, next);
        },
    );
    f.store(vec, place, sum.into());
    let last = f.lane(ty, sum.into(), 3);
    ret(&mut f, &[last]);
    let mut g = function("g", &[Ty::I64], &[Ty::I64]);
    let x = param(&g, 0);
    let y = g.bin(BinOp::Mul, Ty::I64, x, x);
    ret(&mut g, &[y]);
    let module = module(vec![f.finish(), g.finish()]);
    let mut lanes = [1i64, 10, 100, 1000];
    let address = lanes.as_mut_ptr() as u64;
    // 0 + 1 + 4 + 9
    assert_eq!(call(&mut instance(&module), FuncId(0), &[4, address], 1).map_err(kind), Ok(vec![14_000]));
    assert_eq!(lanes, [14, 140, 1400, 14_000]);
    let null = call(&mut instance(&module), FuncId(0), &[4, 0], 1).expect_err("an address that isn't there");
    assert_eq!(kind(null), TrapKind::NullDereference);
}

#[test]
fn globals_and_odd_places_hold_vectors() {
    let ty = VecTy { lane: Lane::I32, lanes: 4 };
    let vec = Ty::Vec(ty);
    let mut f = function("f", &[Ty::I32], &[Ty::I32]);
    let x = param(&f, 0);
    let global = Addr { base: Base::Global(GlobalId(0)), off: 16 };
    // Not at a slot's start.
    let odd = Addr { base: Base::Slot(f.slot(40, 8)), off: 4 };
    // Aligned at run time.
    let wide = Addr { base: Base::Slot(f.slot(64, 64)), off: 32 };
    let all = f.splat(ty, x);
    f.store(vec, global, all);
    let loaded = f.load(vec, global);
    f.store(vec, odd, loaded);
    let loaded = f.load(vec, odd);
    let twice = f.bin(BinOp::Add, vec, loaded, loaded);
    f.store(vec, wide, twice);
    let loaded = f.load(vec, wide);
    let lane = f.lane(ty, loaded, 3);
    ret(&mut f, &[lane]);
    let mut module = module(vec![f.finish()]);
    module.globals.push(Global {
        name: "g".into(),
        size: 32,
        init: Data { bytes: Vec::new(), align: 16, relocs: Vec::new() },
    });
    assert_eq!(call(&mut instance(&module), FuncId(0), &[21], 1).map_err(kind), Ok(vec![42]));
}
