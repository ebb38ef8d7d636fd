//! Every operation at every width against Rust's own arithmetic, with operands in registers and as constants.

#![allow(clippy::type_complexity, reason = "tables of cases say their type once")]

mod common;
use common::*;
use sx_ir::*;
use sx_vm::TrapReason;

const INTS: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];

/// Values at the edges of every width.
fn edges() -> Vec<u64> {
    let mut values: Vec<u64> =
        vec![0, 1, 2, 3, 7, 10, 100, 0x55, 0xaaaa_aaaa_aaaa_aaaa, 0x1234_5678_9abc_def0];
    for bits in [7, 8, 15, 16, 31, 32, 63] {
        let power = 1u64 << bits;
        values.extend([power - 1, power, power + 1, power.wrapping_neg()]);
    }
    values.extend([u64::MAX, u64::MAX - 1]);
    values
}

fn bits(ty: Ty) -> u32 {
    ty.size(8) * 8
}

fn mask(ty: Ty, value: u64) -> u64 {
    value & (u64::MAX >> (64 - bits(ty)))
}

fn signed(ty: Ty, value: u64) -> i64 {
    ((value << (64 - bits(ty))) as i64) >> (64 - bits(ty))
}

/// A result, or the trap that stands in its place.
type Expected = Result<u64, TrapKind>;

fn bin(op: BinOp, ty: Ty, a: u64, b: u64) -> Expected {
    let (x, y) = (signed(ty, a), signed(ty, b));
    let (ux, uy) = (mask(ty, a), mask(ty, b));
    let shift = (b & (bits(ty) as u64 - 1)) as u32;
    let min = signed(ty, 1 << (bits(ty) - 1));
    let divides = |by: bool| -> Result<(), TrapKind> {
        if uy == 0 {
            return Err(TrapKind::DivisionByZero);
        }
        if by && x == min && y == -1 { Err(TrapKind::DivisionOverflow) } else { Ok(()) }
    };
    Ok(match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => ux << shift,
        BinOp::SShr => (x >> shift) as u64,
        BinOp::UShr => ux >> shift,
        BinOp::SDiv => divides(true).map(|()| (x / y) as u64)?,
        BinOp::SRem => divides(true).map(|()| (x % y) as u64)?,
        BinOp::UDiv => divides(false).map(|()| ux / uy)?,
        BinOp::URem => divides(false).map(|()| ux % uy)?,
        _ => unreachable!("integers only"),
    })
}

fn cmp(op: CmpOp, ty: Ty, a: u64, b: u64) -> bool {
    let (x, y) = (signed(ty, a), signed(ty, b));
    let (ux, uy) = (mask(ty, a), mask(ty, b));
    match op {
        CmpOp::Eq => ux == uy,
        CmpOp::Ne => ux != uy,
        CmpOp::SLt => x < y,
        CmpOp::SLe => x <= y,
        CmpOp::SGt => x > y,
        CmpOp::SGe => x >= y,
        CmpOp::ULt => ux < uy,
        CmpOp::ULe => ux <= uy,
        CmpOp::UGt => ux > uy,
        CmpOp::UGe => ux >= uy,
        _ => unreachable!("integers only"),
    }
}

/// Which operands of a case are constants.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Shape {
    Registers,
    Left,
    Right,
}

const SHAPES: [Shape; 3] = [Shape::Registers, Shape::Left, Shape::Right];

/// A function of two parameters, of which one may be a constant instead, with the result of `body`.
fn of_two(
    ty: Ty,
    ret_ty: Ty,
    shape: Shape,
    a: u64,
    b: u64,
    body: impl FnOnce(&mut Builder, Operand, Operand) -> Operand,
) -> Func {
    let mut f = function("case", &[ty, ty], &[ret_ty]);
    let (mut x, mut y) = (param(&f, 0), param(&f, 1));
    match shape {
        Shape::Registers => {}
        Shape::Left => x = f.constant(ty, a),
        Shape::Right => y = f.constant(ty, b),
    }
    let result = body(&mut f, x, y);
    ret(&mut f, &[result]);
    f.finish()
}

#[track_caller]
fn check(func: Func, args: &[u64], ty: Ty, expected: Expected, what: &str) {
    match (run(func, args), expected) {
        (Ok(got), Ok(want)) => assert_eq!(mask(ty, got), mask(ty, want), "{what}"),
        (Err(trap), Err(kind)) => assert_eq!(trap.reason(), TrapReason::Kind(kind), "{what}"),
        (got, want) => panic!("{what}: got {got:?}, want {want:?}"),
    }
}

#[test]
fn integer_operations() {
    use BinOp::*;
    for op in [Add, Sub, Mul, SDiv, UDiv, SRem, URem, And, Or, Xor, Shl, SShr, UShr] {
        for ty in INTS {
            for shape in SHAPES {
                // With registers one compiled function serves all pairs of values.
                if shape == Shape::Registers {
                    let func = of_two(ty, ty, shape, 0, 0, |f, x, y| f.bin(op, ty, x, y));
                    let module = module(vec![func]);
                    let mut instance = instance(&module);
                    for a in edges() {
                        for b in edges() {
                            let what = format!("{op:?} {ty:?} {a:#x} {b:#x}");
                            match (call(&mut instance, FuncId(0), &[a, b], 1), bin(op, ty, a, b)) {
                                (Ok(got), Ok(want)) => assert_eq!(mask(ty, got[0]), mask(ty, want), "{what}"),
                                (Err(trap), Err(kind)) => {
                                    assert_eq!(trap.reason(), TrapReason::Kind(kind), "{what}")
                                }
                                (got, want) => panic!("{what}: got {got:?}, want {want:?}"),
                            }
                        }
                    }
                    continue;
                }
                for a in edges() {
                    for b in [3, u64::MAX, 0x8000_0000_0000_0000, a] {
                        let (a, b) = if shape == Shape::Left { (a, b) } else { (b, a) };
                        let func = of_two(ty, ty, shape, a, b, |f, x, y| f.bin(op, ty, x, y));
                        let what = format!("{op:?} {ty:?} {a:#x} {b:#x} {shape:?}");
                        check(func, &[a, b], ty, bin(op, ty, a, b), &what);
                    }
                }
            }
        }
    }
}

const COMPARISONS: [CmpOp; 10] = [
    CmpOp::Eq,
    CmpOp::Ne,
    CmpOp::SLt,
    CmpOp::SLe,
    CmpOp::SGt,
    CmpOp::SGe,
    CmpOp::ULt,
    CmpOp::ULe,
    CmpOp::UGt,
    CmpOp::UGe,
];

/// `cond ? 1 : 0` by a branch; `negated` tests the opposite first.
fn by_branch(f: &mut Builder, cond: Operand, negated: bool) -> Operand {
    let cond = if negated { f.un(UnOp::BoolNot, Ty::I8, cond) } else { cond };
    let result = f.var(Ty::I8);
    let (yes, no, after) = (f.block(), f.block(), f.block());
    f.terminate(Term::Branch { cond, then: yes, else_: no });
    for (block, value) in [(yes, !negated), (no, negated)] {
        f.switch_to(block);
        let value = f.bool(value);
        set(f, result, value);
        f.jump(after);
    }
    f.switch_to(after);
    result.into()
}

#[test]
fn integer_comparisons_as_values_and_branches() {
    type Way = fn(&mut Builder, Operand) -> Operand;
    let ways: [(&str, Way); 3] = [
        ("value", |_, c| c),
        ("branch", |f, c| by_branch(f, c, false)),
        ("negated", |f, c| by_branch(f, c, true)),
    ];
    for op in COMPARISONS {
        for ty in INTS {
            for (name, way) in ways {
                let func = of_two(ty, Ty::I8, Shape::Registers, 0, 0, |f, x, y| {
                    let c = f.cmp(op, ty, x, y);
                    way(f, c)
                });
                let m = module(vec![func]);
                let mut instance = instance(&m);
                for a in edges() {
                    for b in edges() {
                        let got = call(&mut instance, FuncId(0), &[a, b], 1).unwrap()[0] as u8;
                        assert_eq!(got, cmp(op, ty, a, b) as u8, "{op:?} {ty:?} {a:#x} {b:#x} {name}");
                    }
                }
                for shape in [Shape::Left, Shape::Right] {
                    for a in edges() {
                        for b in [a, a.wrapping_add(1), 0] {
                            let func = of_two(ty, Ty::I8, shape, a, b, |f, x, y| {
                                let c = f.cmp(op, ty, x, y);
                                way(f, c)
                            });
                            let what = format!("{op:?} {ty:?} {a:#x} {b:#x} {shape:?} {name}");
                            check(func, &[a, b], Ty::I8, Ok(cmp(op, ty, a, b) as u64), &what);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn checks_trap_unless_their_condition_holds() {
    for op in COMPARISONS {
        for (a, b) in [(1u64, 2u64), (2, 2), (3, 2), (u64::MAX, 2)] {
            let func = of_two(Ty::I64, Ty::I64, Shape::Right, a, b, |f, x, y| {
                let cond = f.cmp(op, Ty::I64, x, y);
                f.push(Inst::Check { cond, kind: TrapKind::BadCast });
                f.i64(5)
            });
            let expected = if cmp(op, Ty::I64, a, b) { Ok(5) } else { Err(TrapKind::BadCast) };
            check(func, &[a, b], Ty::I64, expected, &format!("{op:?} {a} {b}"));
        }
    }
}

#[test]
fn unary_operations() {
    for ty in INTS {
        let n = bits(ty);
        let cases: Vec<(UnOp, fn(u64, u32) -> u64)> = vec![
            (UnOp::Neg, |a, _| a.wrapping_neg()),
            (UnOp::Not, |a, _| !a),
            (UnOp::Clz, |a, n| (a << (64 - n)).leading_zeros().min(n) as u64),
            (UnOp::Ctz, |a, n| a.trailing_zeros().min(n) as u64),
            (UnOp::Popcnt, |a, n| (a << (64 - n)).count_ones() as u64),
            (UnOp::Bswap, |a, n| a.swap_bytes() >> (64 - n)),
            (UnOp::SextIn(5), |a, _| (((a << 59) as i64) >> 59) as u64),
            (UnOp::ZextIn(5), |a, _| a & 31),
        ];
        for (op, want) in cases {
            for a in edges() {
                let mut f = function("case", &[ty], &[ty]);
                let x = param(&f, 0);
                let result = f.un(op, ty, x);
                ret(&mut f, &[result]);
                check(f.finish(), &[a], ty, Ok(want(mask(ty, a), n)), &format!("{op:?} {ty:?} {a:#x}"));
            }
        }
    }
    for a in [0, 1, 0x100, 0x101] {
        let mut f = function("case", &[Ty::I8], &[Ty::I8]);
        let x = param(&f, 0);
        let result = f.un(UnOp::BoolNot, Ty::I8, x);
        ret(&mut f, &[result]);
        check(f.finish(), &[a], Ty::I8, Ok((a as u8 == 0) as u64), "bool not");
    }
}

#[test]
fn integer_conversions() {
    for from in INTS {
        for to in INTS {
            for a in edges() {
                let mut cases = vec![(ConvOp::Trunc, mask(from, a))];
                if bits(to) > bits(from) {
                    cases = vec![(ConvOp::Sext, signed(from, a) as u64), (ConvOp::Zext, mask(from, a))];
                } else if bits(to) == bits(from) {
                    cases = vec![(ConvOp::Bitcast, a)];
                }
                for (op, want) in cases {
                    let mut f = function("case", &[from], &[to]);
                    let x = param(&f, 0);
                    let result = f.conv(op, from, to, x);
                    ret(&mut f, &[result]);
                    check(f.finish(), &[a], to, Ok(want), &format!("{op:?} {from:?} {to:?} {a:#x}"));
                }
            }
        }
    }
}

#[test]
fn extension_after_truncation_sees_the_narrow_value() {
    let mut f = function("case", &[Ty::Ptr], &[Ty::I64]);
    let p = param(&f, 0);
    let wide = f.load(Ty::I64, Addr { base: Base::Reg(p), off: 0 });
    let narrow = f.conv(ConvOp::Trunc, Ty::I64, Ty::I8, wide);
    let back = f.conv(ConvOp::Zext, Ty::I8, Ty::I64, narrow);
    ret(&mut f, &[back]);
    let value = 0x1234_5678_u64;
    assert_eq!(run(f.finish(), &[&raw const value as u64]).unwrap(), 0x78);
}

fn floats() -> Vec<f64> {
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
        4294967296.5,
        9.3e18,
        1.9e19,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MIN_POSITIVE,
    ]
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[test]
fn float_operations() {
    let ops: Vec<(BinOp, fn(f64, f64) -> f64, fn(f32, f32) -> f32)> = vec![
        (BinOp::FAdd, |a, b| a + b, |a, b| a + b),
        (BinOp::FSub, |a, b| a - b, |a, b| a - b),
        (BinOp::FMul, |a, b| a * b, |a, b| a * b),
        (BinOp::FDiv, |a, b| a / b, |a, b| a / b),
        (BinOp::FRem, |a, b| a % b, |a, b| a % b),
        (BinOp::FMin, f64::min, f32::min),
        (BinOp::FMax, f64::max, f32::max),
    ];
    for (op, wide, narrow) in ops {
        for a in floats() {
            for b in floats() {
                let func =
                    of_two(Ty::F64, Ty::F64, Shape::Registers, 0, 0, |f, x, y| f.bin(op, Ty::F64, x, y));
                let got = f64::from_bits(run(func, &[a.to_bits(), b.to_bits()]).unwrap());
                // Which zero the smaller of two zeros is, the language leaves open.
                assert!(same(got, wide(a, b)) || a == b, "{op:?} {a} {b}: {got}");
                let (a, b) = (a as f32, b as f32);
                let bits = (a.to_bits() as u64, b.to_bits() as u64);
                let func =
                    of_two(Ty::F32, Ty::F32, Shape::Right, 0, bits.1, |f, x, y| f.bin(op, Ty::F32, x, y));
                let got = f32::from_bits(run(func, &[bits.0, bits.1]).unwrap() as u32);
                assert!(same(got as f64, narrow(a, b) as f64) || a == b, "{op:?} {a} {b}: {got}");
            }
        }
    }
}

#[test]
fn float_unary_operations() {
    let ops: Vec<(UnOp, fn(f64) -> f64, fn(f32) -> f32)> = vec![
        (UnOp::FNeg, |a| -a, |a| -a),
        (UnOp::FAbs, f64::abs, f32::abs),
        (UnOp::Sqrt, f64::sqrt, f32::sqrt),
        (UnOp::Floor, f64::floor, f32::floor),
        (UnOp::Ceil, f64::ceil, f32::ceil),
        (UnOp::Trunc, f64::trunc, f32::trunc),
        (UnOp::Round, f64::round_ties_even, f32::round_ties_even),
    ];
    for (op, wide, narrow) in ops {
        for a in floats() {
            for ty in [Ty::F64, Ty::F32] {
                let mut f = function("case", &[ty], &[ty]);
                let x = param(&f, 0);
                let result = f.un(op, ty, x);
                ret(&mut f, &[result]);
                if ty == Ty::F64 {
                    let got = f64::from_bits(run(f.finish(), &[a.to_bits()]).unwrap());
                    assert!(same(got, wide(a)), "{op:?} {a}: {got}");
                } else {
                    let got = f32::from_bits(run(f.finish(), &[(a as f32).to_bits() as u64]).unwrap() as u32);
                    assert!(same(got as f64, narrow(a as f32) as f64), "{op:?} {a}f32: {got}");
                }
            }
        }
    }
}

#[test]
fn float_comparisons() {
    let ops: Vec<(CmpOp, fn(f64, f64) -> bool)> = vec![
        (CmpOp::FEq, |a, b| a == b),
        (CmpOp::FNe, |a, b| a != b),
        (CmpOp::FLt, |a, b| a < b),
        (CmpOp::FLe, |a, b| a <= b),
        (CmpOp::FGt, |a, b| a > b),
        (CmpOp::FGe, |a, b| a >= b),
    ];
    for (op, want) in ops {
        for ty in [Ty::F64, Ty::F32] {
            for way in 0..3 {
                let func = of_two(ty, Ty::I8, Shape::Registers, 0, 0, |f, x, y| {
                    let cond = f.cmp(op, ty, x, y);
                    if way == 0 { cond } else { by_branch(f, cond, way == 2) }
                });
                let m = module(vec![func]);
                let mut instance = instance(&m);
                for a in floats() {
                    for b in floats() {
                        let (bits, want) = if ty == Ty::F64 {
                            ([a.to_bits(), b.to_bits()], want(a, b))
                        } else {
                            let (a, b) = (a as f32, b as f32);
                            ([a.to_bits() as u64, b.to_bits() as u64], want(a as f64, b as f64))
                        };
                        let got = call(&mut instance, FuncId(0), &bits, 1).unwrap()[0] as u8;
                        assert_eq!(got, want as u8, "{op:?} {ty:?} {a} {b} {way}");
                    }
                }
            }
        }
    }
}

#[test]
fn float_conversions() {
    fn convert(op: ConvOp, from: Ty, to: Ty, bits: u64) -> u64 {
        let mut f = function("case", &[from], &[to]);
        let x = param(&f, 0);
        let result = f.conv(op, from, to, x);
        ret(&mut f, &[result]);
        mask(to, run(f.finish(), &[bits]).unwrap())
    }
    for a in floats() {
        for ty in INTS {
            let want = match ty {
                Ty::I8 => [a as i8 as u64, a as u8 as u64],
                Ty::I16 => [a as i16 as u64, a as u16 as u64],
                Ty::I32 => [a as i32 as u64, a as u32 as u64],
                _ => [a as i64 as u64, a as u64],
            };
            for (op, want) in [ConvOp::FToS, ConvOp::FToU].into_iter().zip(want) {
                assert_eq!(convert(op, Ty::F64, ty, a.to_bits()), mask(ty, want), "{op:?} {ty:?} {a}");
                let narrow = a as f32;
                if narrow as f64 == a || a.is_nan() {
                    assert_eq!(
                        convert(op, Ty::F32, ty, narrow.to_bits() as u64),
                        mask(ty, want),
                        "{op:?} {ty:?} {a}"
                    );
                }
            }
        }
        let got = f32::from_bits(convert(ConvOp::FTrunc, Ty::F64, Ty::F32, a.to_bits()) as u32);
        assert!(same(got as f64, (a as f32) as f64), "{a}");
        let got = f64::from_bits(convert(ConvOp::FExt, Ty::F32, Ty::F64, (a as f32).to_bits() as u64));
        assert!(same(got, (a as f32) as f64), "{a}");
    }
    for a in edges() {
        for ty in INTS {
            let (s, u) = (signed(ty, a), mask(ty, a));
            assert_eq!(f64::from_bits(convert(ConvOp::SToF, ty, Ty::F64, a)), s as f64, "{ty:?} {a:#x}");
            assert_eq!(f64::from_bits(convert(ConvOp::UToF, ty, Ty::F64, a)), u as f64, "{ty:?} {a:#x}");
            assert_eq!(
                f32::from_bits(convert(ConvOp::SToF, ty, Ty::F32, a) as u32),
                s as f32,
                "{ty:?} {a:#x}"
            );
            assert_eq!(
                f32::from_bits(convert(ConvOp::UToF, ty, Ty::F32, a) as u32),
                u as f32,
                "{ty:?} {a:#x}"
            );
        }
    }
}

#[test]
fn select_chooses() {
    for cond in [0, 1] {
        let mut f = function("case", &[Ty::I8, Ty::I64], &[Ty::I64]);
        let (c, x) = (param(&f, 0), param(&f, 1));
        let other = f.i64(-7);
        let dst = f.temp(Ty::I64);
        f.push(Inst::Select { ty: Ty::I64, dst, cond: c, a: x, b: other });
        ret(&mut f, &[dst.into()]);
        assert_eq!(run(f.finish(), &[cond, 9]).unwrap() as i64, if cond == 1 { 9 } else { -7 });
    }
}

#[test]
fn rotations_and_complements() {
    for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64] {
        let n = bits(ty) as u64;
        for distance in [1, 7, n / 2, n - 1] {
            for swapped in [false, true] {
                for value in edges() {
                    let mut f = function("case", &[ty], &[ty]);
                    let x = param(&f, 0);
                    let (right, left) = (f.constant(ty, distance), f.constant(ty, n - distance));
                    let low = f.bin(BinOp::UShr, ty, x, right);
                    let high = f.bin(BinOp::Shl, ty, x, left);
                    let (a, b) = if swapped { (high, low) } else { (low, high) };
                    let result = f.bin(BinOp::Or, ty, a, b);
                    ret(&mut f, &[result]);
                    let v = mask(ty, value);
                    let want = v >> distance | v << (n - distance);
                    check(
                        f.finish(),
                        &[value],
                        ty,
                        Ok(want),
                        &format!("{ty:?} {value:#x} {distance} {swapped}"),
                    );
                }
            }
        }
    }
    for swapped in [false, true] {
        let func = of_two(Ty::I64, Ty::I64, Shape::Registers, 0, 0, |f, x, y| {
            let not = f.un(UnOp::Not, Ty::I64, y);
            if swapped { f.bin(BinOp::And, Ty::I64, not, x) } else { f.bin(BinOp::And, Ty::I64, x, not) }
        });
        check(func, &[0xff, 0x0f], Ty::I64, Ok(0xf0), "and not");
    }
}
