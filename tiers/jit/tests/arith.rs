//! Every operation on scalars at every width, compiled and interpreted.

mod common;
use common::*;
use sx_ir::*;

const FLOATS: [Ty; 2] = [Ty::F32, Ty::F64];

/// `op` of two parameters, of which one may be a constant instead.
fn of_two(
    ty: Ty,
    ret_ty: Ty,
    constants: (Option<u64>, Option<u64>),
    op: impl FnOnce(&mut Builder, Operand, Operand) -> Operand,
) -> Func {
    let mut f = function("case", &[ty, ty], &[ret_ty]);
    f.set_loc(0, 77);
    let x = constants.0.map_or(param(&f, 0), |bits| f.constant(ty, bits));
    let y = constants.1.map_or(param(&f, 1), |bits| f.constant(ty, bits));
    let result = op(&mut f, x, y);
    ret(&mut f, &[result]);
    f.finish()
}

fn check_two(ty: Ty, ret_ty: Ty, what: &str, op: impl Fn(&mut Builder, Operand, Operand) -> Operand) {
    let mut pair = Pair::of(of_two(ty, ret_ty, (None, None), &op));
    for a in samples(ty) {
        for b in samples(ty) {
            let _ = pair.same(&[a, b], &what);
        }
    }
    for k in [0, 1, 3, u64::MAX, 1 << 63, 1 << 31] {
        for constants in [(Some(k), None), (None, Some(k))] {
            let mut pair = Pair::of(of_two(ty, ret_ty, constants, &op));
            for a in samples(ty).into_iter().step_by(3) {
                let _ = pair.same(&[a, a], &format!("{what} {constants:x?}"));
            }
        }
    }
}

#[test]
fn integer_operations() {
    use BinOp::*;
    for op in [Add, Sub, Mul, SDiv, UDiv, SRem, URem, And, Or, Xor, Shl, SShr, UShr] {
        for ty in INTS {
            check_two(ty, ty, &format!("{op:?} {ty:?}"), |f, x, y| f.bin(op, ty, x, y));
        }
    }
}

#[test]
fn float_operations() {
    use BinOp::*;
    for op in [FAdd, FSub, FMul, FDiv, FRem] {
        for ty in FLOATS {
            check_two(ty, ty, &format!("{op:?} {ty:?}"), |f, x, y| f.bin(op, ty, x, y));
        }
    }
    // Which zero the smaller of two zeros is, the language leaves open: 0 is added, which makes them one.
    for op in [FMin, FMax] {
        for ty in FLOATS {
            check_two(ty, ty, &format!("{op:?} {ty:?}"), |f, x, y| {
                let value = f.bin(op, ty, x, y);
                let zero = f.constant(ty, 0);
                f.bin(FAdd, ty, value, zero)
            });
        }
    }
}

#[test]
fn comparisons() {
    use CmpOp::*;
    for ty in INTS.into_iter().chain([Ty::Ptr]) {
        let ops: &[CmpOp] = if ty == Ty::Ptr {
            &[Eq, Ne, ULt, ULe]
        } else {
            &[Eq, Ne, SLt, SLe, SGt, SGe, ULt, ULe, UGt, UGe]
        };
        for &op in ops {
            check_two(ty, Ty::I8, &format!("{op:?} {ty:?}"), |f, x, y| f.cmp(op, ty, x, y));
        }
    }
    for ty in FLOATS {
        for op in [FEq, FNe, FLt, FLe, FGt, FGe] {
            check_two(ty, Ty::I8, &format!("{op:?} {ty:?}"), |f, x, y| f.cmp(op, ty, x, y));
        }
    }
}

#[test]
fn selections_of_every_type() {
    for ty in INTS.into_iter().chain(FLOATS) {
        check_two(ty, ty, &format!("select {ty:?}"), |f, x, y| {
            let op = if ty.is_float() { CmpOp::FLt } else { CmpOp::SLt };
            let cond = f.cmp(op, ty, x, y);
            let dst = f.temp(ty);
            f.push(Inst::Select { ty, dst, cond, a: x, b: y });
            dst.into()
        });
    }
}

fn check_one(from: Ty, to: Ty, what: &str, op: impl Fn(&mut Builder, Operand) -> Operand) {
    let mut f = function("case", &[from], &[to]);
    let x = param(&f, 0);
    let result = op(&mut f, x);
    ret(&mut f, &[result]);
    let mut pair = Pair::of(f.finish());
    for a in samples(from) {
        let _ = pair.same(&[a], &what);
    }
}

#[test]
fn unary_operations() {
    use UnOp::*;
    for ty in INTS {
        for op in [Neg, Not, Clz, Ctz, Popcnt, Bswap, SextIn(5), ZextIn(5), SextIn(1), ZextIn(7)] {
            check_one(ty, ty, &format!("{op:?} {ty:?}"), |f, x| f.un(op, ty, x));
        }
    }
    check_one(Ty::I8, Ty::I8, "bool not", |f, x| f.un(BoolNot, Ty::I8, x));
    for ty in FLOATS {
        for op in [FNeg, FAbs, Sqrt, Floor, Ceil, Trunc, Round] {
            check_one(ty, ty, &format!("{op:?} {ty:?}"), |f, x| f.un(op, ty, x));
        }
    }
}

#[test]
fn conversions() {
    use ConvOp::*;
    let conv = |op: ConvOp, from: Ty, to: Ty| {
        check_one(from, to, &format!("{op:?} {from:?} {to:?}"), |f, x| f.conv(op, from, to, x));
    };
    for from in INTS {
        for to in INTS {
            if to.size(8) > from.size(8) {
                conv(Sext, from, to);
                conv(Zext, from, to);
            } else if to.size(8) < from.size(8) {
                conv(Trunc, from, to);
            }
        }
        for float in FLOATS {
            conv(SToF, from, float);
            conv(UToF, from, float);
            conv(FToS, float, from);
            conv(FToU, float, from);
        }
    }
    conv(FExt, Ty::F32, Ty::F64);
    conv(FTrunc, Ty::F64, Ty::F32);
    for (a, b) in [(Ty::I32, Ty::F32), (Ty::I64, Ty::F64), (Ty::I64, Ty::Ptr)] {
        conv(Bitcast, a, b);
        conv(Bitcast, b, a);
    }
}

#[test]
fn checks_trap_with_their_kind_and_position() {
    for kind in [TrapKind::BadCast, TrapKind::UnwrapNull, TrapKind::WrongUnionTag, TrapKind::MemoryLimit] {
        check_two(Ty::I64, Ty::I64, "check", |f, x, y| {
            let cond = f.cmp(CmpOp::SLt, Ty::I64, x, y);
            f.set_loc(0, 123);
            f.push(Inst::Check { cond, kind });
            f.set_loc(0, 200);
            f.i64(5)
        });
    }
    for unsigned in [false, true] {
        check_two(Ty::I64, Ty::I64, "bounds", |f, index, len| {
            // Messages of unsigned indices are the interpreter's; small numbers read the same.
            let mask = f.i64(if unsigned { 15 } else { -1 });
            let index = f.bin(BinOp::And, Ty::I64, index, mask);
            f.set_loc(0, 300);
            f.push(Inst::Bounds { index, len, unsigned });
            index
        });
    }
    check_two(Ty::I64, Ty::I64, "slice bounds", |f, lo, hi| {
        let len = f.i64(1000);
        f.push(Inst::SliceBounds { lo, hi, len, unsigned: false });
        f.push(Inst::SliceBounds { lo: len, hi: lo, len: hi, unsigned: false });
        lo
    });
}
