//! Integers of every width, floats, conversions, intrinsics.

use super::*;

fn int_type(m: &Maker<'_>, bits: u8, signed: bool) -> TypeId {
    m.types.borrow_mut().intern(TypeKind::Int { bits, signed })
}

/// A value as its type has it in a register of 64 bits.
fn wrap(value: i128, bits: u8, signed: bool) -> i128 {
    let low = value & ((1i128 << bits) - 1);
    if signed && low >> (bits - 1) == 1 { low - (1i128 << bits) } else { low }
}

fn container(bits: u8) -> u32 {
    match bits {
        0..=8 => 8,
        9..=16 => 16,
        17..=32 => 32,
        _ => 64,
    }
}

fn interesting(bits: u8, signed: bool) -> Vec<i128> {
    let (min, max) =
        if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
    let mut values = vec![min, min + 1, 0, 1, max - 1, max];
    values.extend(if signed { vec![-1] } else { vec![] });
    values.retain(|v| (min..=max).contains(v));
    values.sort_unstable();
    values.dedup();
    values
}

fn expected(op: Arith, a: i128, b: i128, bits: u8, signed: bool) -> std::result::Result<i128, TrapKind> {
    let min = -(1i128 << (bits - 1));
    let count = ((b & ((1i128 << bits) - 1)) % bits as i128) as u32;
    Ok(wrap(
        match op {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a.wrapping_mul(b),
            Arith::Div | Arith::Rem if b == 0 => return Err(TrapKind::DivisionByZero),
            Arith::Div | Arith::Rem if signed && a == min && b == -1 => {
                return Err(TrapKind::DivisionOverflow);
            }
            Arith::Div => a / b,
            Arith::Rem => a % b,
            Arith::Shl => a << count,
            Arith::Shr => a >> count,
            Arith::And => a & b,
            Arith::Or => a | b,
            Arith::Xor => a ^ b,
        },
        bits,
        signed,
    ))
}

#[test]
fn every_operation_at_every_width() {
    use Arith::*;
    let ops = [Add, Sub, Mul, Div, Rem, Shl, Shr, And, Or, Xor];
    for bits in [1u8, 3, 4, 7, 8, 13, 16, 24, 32, 33, 63, 64] {
        for signed in [false, true] {
            for op in ops {
                with(|m| {
                    let ty = int_type(m, bits, signed);
                    let (a, b) = (m.param(ty), m.param(ty));
                    let id = m.func(ty, m.arith(op, m.get(a), m.get(b)));
                    for a in interesting(bits, signed) {
                        for b in interesting(bits, signed) {
                            let ran = m.run(id, &[a as u64, b as u64]);
                            let mask = u64::MAX >> (64 - container(bits));
                            match expected(op, a, b, bits, signed) {
                                Ok(value) => assert_eq!(
                                    ran.end,
                                    End::Returned(vec![value as u64 & mask]),
                                    "{a} {op:?} {b} ({bits} {signed})\n{}",
                                    ran.text
                                ),
                                Err(kind) => ran.traps(kind),
                            }
                        }
                    }
                });
            }
        }
    }
}

#[test]
fn conversions_between_all_widths() {
    let widths = [1u8, 3, 7, 8, 13, 16, 31, 32, 40, 64];
    for from in widths {
        for to in widths {
            for (from_signed, to_signed) in [(false, false), (false, true), (true, false), (true, true)] {
                with(|m| {
                    let (source, target) = (int_type(m, from, from_signed), int_type(m, to, to_signed));
                    let a = m.param(source);
                    let id = m.func(target, m.cast(Cast::Int, target, m.get(a)));
                    for value in interesting(from, from_signed) {
                        let expected = wrap(value, to, to_signed) as u64;
                        let mask = u64::MAX >> (64 - container(to));
                        m.run(id, &[value as u64]).gives(&[expected & mask], &[]);
                    }
                });
            }
        }
    }
}

#[test]
fn signs_matter_in_comparisons() {
    with(|m| {
        let i3 = int_type(m, 3, true);
        m.check(BOOL, m.cmp(Compare::Lt, m.int(i3, -4), m.int(i3, 3)), 1, &[]);
    });
    with(|m| {
        m.check(BOOL, m.cmp(Compare::Lt, m.int(TypeId::U64, -4), m.int(TypeId::U64, 3)), 0, &[]);
    });
    with(|m| {
        let nan = m.f64(f64::NAN);
        let not = m.e(BOOL, Kind::Not(m.cmp(Compare::Lt, nan, m.f64(1.0))));
        m.check(BOOL, not, 1, &[]);
    });
}

#[test]
fn unary_operations() {
    with(|m| {
        let i7 = int_type(m, 7, true);
        m.check(i7, m.e(i7, Kind::Neg(m.int(i7, -64))), -64i8 as u8 as u64, &[]);
    });
    with(|m| {
        let u3 = int_type(m, 3, false);
        m.check(u3, m.e(u3, Kind::BitNot(m.int(u3, 2))), 5, &[]);
    });
    with(|m| m.check(TypeId::F64, m.e(TypeId::F64, Kind::Neg(m.f64(0.0))), (-0.0f64).to_bits(), &[]));
    with(|m| m.check(BOOL, m.e(BOOL, Kind::Not(m.cmp(Compare::Ge, m.i64(1), m.i64(2)))), 1, &[]));
}

#[test]
fn floats_to_integers_saturate() {
    for (value, bits, signed, expected) in [
        (1e30, 7, true, 63i64),
        (-1e30, 7, true, -64),
        (f64::NAN, 7, true, 0),
        (-5.9, 7, true, -5),
        (1e30, 5, false, 31),
        (-3.0, 5, false, 0),
        (300.0, 8, false, 255),
        (1e30, 64, true, i64::MAX),
    ] {
        with(|m| {
            let ty = int_type(m, bits, signed);
            let mask = u64::MAX >> (64 - container(bits));
            m.check(ty, m.cast(Cast::FloatToInt, ty, m.f64(value)), expected as u64 & mask, &[]);
        });
    }
    with(|m| {
        let i3 = int_type(m, 3, true);
        let float = m.cast(Cast::IntToFloat, TypeId::F32, m.int(i3, -4));
        m.check(TypeId::F64, m.cast(Cast::Float, TypeId::F64, float), (-4f64).to_bits(), &[]);
    });
}

#[test]
fn integers_to_enums_are_checked() {
    let run = |variants: &[(i64, Option<TypeId>)], tag: TypeId, from: TypeId, value: i64, good: bool| {
        with(|m| {
            let e = m.enum_of(tag, variants);
            let a = m.param(from);
            let id = m.func(e, m.cast(Cast::IntToEnum, e, m.get(a)));
            let ran = m.run(id, &[value as u64]);
            if good {
                let width = m.types.borrow().scalar(tag).unwrap().size(8) * 8;
                ran.gives(&[value as u64 & (u64::MAX >> (64 - width))], &[]);
            } else {
                ran.traps(TrapKind::BadEnumTag);
            }
        });
    };
    let dense = [(0, None), (1, None), (2, None)];
    run(&dense, I64, I64, 2, true);
    run(&dense, I64, I64, 3, false);
    run(&dense, I64, I64, -1, false);
    run(&dense, TypeId::U8, I64, 256, false);
    let sparse = [(-5, None), (10, None), (40, None)];
    run(&sparse, TypeId::I8, I64, -5, true);
    run(&sparse, TypeId::I8, TypeId::U64, -5, false);
    run(&sparse, I64, TypeId::I8, 10, true);
    run(&sparse, I64, TypeId::I8, 11, false);
    run(&[], I64, I64, 0, false);
}

#[test]
fn intrinsics() {
    let unary = |op: Intrinsic, ty: fn(&Maker<'_>) -> TypeId, value: i64, expected: u64| {
        with(|m| {
            let ty = ty(m);
            let e = m.e(ty, Kind::Intrinsic(op, m.list(&[m.int(ty, value)])));
            m.check(ty, e, expected, &[]);
        });
    };
    unary(Intrinsic::Clz, |_| I64, 1, 63);
    unary(Intrinsic::Clz, |m| int_type(m, 7, true), -1, 0);
    unary(Intrinsic::Clz, |m| int_type(m, 7, false), 1, 6);
    unary(Intrinsic::Ctz, |m| int_type(m, 7, false), 0, 7);
    unary(Intrinsic::Ctz, |_| TypeId::U8, 0, 8);
    unary(Intrinsic::Popcnt, |m| int_type(m, 7, true), -1, 7);
    unary(Intrinsic::Bswap, |_| TypeId::U32, 0x0102_0304, 0x0403_0201);
    with(|m| {
        let args = m.list(&[m.int(TypeId::U8, 200), m.int(TypeId::U8, 100)]);
        m.check(TypeId::U8, m.e(TypeId::U8, Kind::Intrinsic(Intrinsic::Max, args)), 200, &[]);
    });
    with(|m| {
        let args = m.list(&[m.f64(f64::NAN), m.f64(2.0)]);
        m.check(TypeId::F64, m.e(TypeId::F64, Kind::Intrinsic(Intrinsic::Min, args)), 2f64.to_bits(), &[]);
    });
    with(|m| {
        let bits = m.e(I64, Kind::Intrinsic(Intrinsic::Bitcast, m.list(&[m.f64(1.5)])));
        m.check(I64, bits, 1.5f64.to_bits(), &[]);
    });
    with(|m| {
        let text = |s| m.field(TypeId::U8_MANY, m.str(s), 0);
        let void = |e| m.cast(Cast::Bits, TypeId::VOID_PTR, e);
        let args = m.list(&[void(text("abc")), void(text("abd")), m.i64(3)]);
        let order = m.e(TypeId::I32, Kind::Intrinsic(Intrinsic::MemCmp, args));
        m.check(BOOL, m.cmp(Compare::Lt, order, m.int(TypeId::I32, 0)), 1, &[]);
    });
    with(|m| {
        let buf = m.taken(I64);
        let to = m.cast(Cast::Bits, TypeId::VOID_PTR, m.addr_of(m.get(buf)));
        let set =
            m.e(VOID, Kind::Intrinsic(Intrinsic::MemSet, m.list(&[to, m.int(TypeId::U8, 1), m.i64(2)])));
        let root = m.block(vec![m.let_(buf, m.i64(0)), m.do_(set)], Some(m.get(buf)));
        m.check(I64, root, 0x0101, &[]);
    });
}

#[test]
fn asserts_and_panics() {
    let assert = |ok: bool, message: Option<&'static str>, kind: Option<TrapKind>| {
        with(|m| {
            let mut args = vec![m.cmp(Compare::Eq, m.logs(1), m.i64(ok as i64))];
            args.extend(message.map(|text| m.str(text)));
            let check = m.e(VOID, Kind::Intrinsic(Intrinsic::Assert, m.list(&args)));
            let root = m.block(vec![m.do_(check)], Some(m.i64(5)));
            match kind {
                None => m.check(I64, root, 5, &[1]),
                Some(kind) => m.check_traps(I64, root, kind),
            }
        });
    };
    assert(true, None, None);
    assert(true, Some("no"), None);
    assert(false, None, Some(TrapKind::AssertionFailed));
    assert(false, Some("no"), Some(TrapKind::AssertionFailed));
    assert(false, Some(""), Some(TrapKind::AssertionFailed));
    // A message that is computed.
    with(|m| {
        let message = m.block(vec![m.do_(m.logs(2))], Some(m.str("x")));
        let args = m.list(&[m.cmp(Compare::Eq, m.logs(1), m.i64(2)), message]);
        let check = m.e(VOID, Kind::Intrinsic(Intrinsic::Assert, args));
        let id = m.func(VOID, check);
        let ran = m.run(id, &[]);
        assert_eq!((ran.end, &ran.log[..]), (End::Trapped(TrapKind::AssertionFailed), &[1, 2][..]));
    });
    for (op, args, kind) in [
        (Intrinsic::Panic, true, TrapKind::Panic),
        (Intrinsic::Unreachable, false, TrapKind::Unreachable),
        (Intrinsic::OutOfMemory, false, TrapKind::OutOfMemory),
    ] {
        with(|m| {
            let args = if args { m.list(&[m.str("boom")]) } else { &[] };
            let stop = m.e(NORETURN, Kind::Intrinsic(op, args));
            m.check_traps(I64, m.block(vec![m.do_(stop)], Some(m.logs(1))), kind);
        });
    }
}
