//! What operations on constants give: the arithmetic of the language, in one place.
//!
//! Bits come in and go out zero-extended from the type's width. `None` is what can't be known beforehand: a trap,
//! or a result that the language leaves open.

use crate::func::*;

/// The bits of a type's width, all set.
pub fn mask(ty: Ty, ptr_size: u32) -> u64 {
    u64::MAX >> (64 - ty.size(ptr_size) * 8)
}

/// The value as a signed number.
pub fn signed(ty: Ty, ptr_size: u32, bits: u64) -> i64 {
    let shift = 64 - ty.size(ptr_size) * 8;
    ((bits << shift) as i64) >> shift
}

/// `a op b`.
pub fn bin(op: BinOp, ty: Ty, ptr_size: u32, a: u64, b: u64) -> Option<u64> {
    if ty.is_float() {
        return float_bin(op, ty, a, b);
    }
    let mask = mask(ty, ptr_size);
    let width = ty.size(ptr_size) * 8;
    let count = (b % width as u64) as u32;
    let (sa, sb) = (signed(ty, ptr_size, a), signed(ty, ptr_size, b));
    let min = signed(ty, ptr_size, 1 << (width - 1));
    let overflow = sb == -1 && sa == min;
    Some(
        mask & match op {
            BinOp::Add => a.wrapping_add(b),
            BinOp::Sub => a.wrapping_sub(b),
            BinOp::Mul => a.wrapping_mul(b),
            BinOp::SDiv if sb != 0 && !overflow => (sa / sb) as u64,
            BinOp::SRem if sb != 0 && !overflow => (sa % sb) as u64,
            BinOp::UDiv if b != 0 => a / b,
            BinOp::URem if b != 0 => a % b,
            BinOp::And => a & b,
            BinOp::Or => a | b,
            BinOp::Xor => a ^ b,
            BinOp::Shl => a << count,
            BinOp::SShr => (sa >> count) as u64,
            BinOp::UShr => a >> count,
            _ => return None,
        },
    )
}

/// The smaller or larger; zeros of different sign are left alone, as platforms differ there.
macro_rules! pick {
    ($a:expr, $b:expr, $method:ident) => {{
        if $a == 0.0 && $b == 0.0 && $a.to_bits() != $b.to_bits() {
            return None;
        }
        $a.$method($b)
    }};
}

macro_rules! float_ops {
    ($op:expr, $a:expr, $b:expr) => {
        match $op {
            BinOp::FAdd => $a + $b,
            BinOp::FSub => $a - $b,
            BinOp::FMul => $a * $b,
            BinOp::FDiv => $a / $b,
            BinOp::FRem => $a % $b,
            BinOp::FMin => pick!($a, $b, min),
            BinOp::FMax => pick!($a, $b, max),
            _ => return None,
        }
    };
}

fn float_bin(op: BinOp, ty: Ty, a: u64, b: u64) -> Option<u64> {
    if ty == Ty::F32 {
        let (a, b) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
        return Some(float_ops!(op, a, b).to_bits() as u64);
    }
    let (a, b) = (f64::from_bits(a), f64::from_bits(b));
    Some(float_ops!(op, a, b).to_bits())
}

macro_rules! float_un {
    ($op:expr, $a:expr) => {
        match $op {
            UnOp::FNeg => -$a,
            UnOp::FAbs => $a.abs(),
            UnOp::Sqrt => $a.sqrt(),
            UnOp::Floor => $a.floor(),
            UnOp::Ceil => $a.ceil(),
            UnOp::Trunc => $a.trunc(),
            UnOp::Round => $a.round_ties_even(),
            _ => return None,
        }
    };
}

/// `op a`.
pub fn un(op: UnOp, ty: Ty, ptr_size: u32, a: u64) -> Option<u64> {
    if ty == Ty::F32 {
        let a = f32::from_bits(a as u32);
        return Some(float_un!(op, a).to_bits() as u64);
    }
    if ty == Ty::F64 {
        let a = f64::from_bits(a);
        return Some(float_un!(op, a).to_bits());
    }
    let width = ty.size(ptr_size) * 8;
    Some(
        mask(ty, ptr_size)
            & match op {
                UnOp::Neg => a.wrapping_neg(),
                UnOp::Not => !a,
                UnOp::BoolNot => (a == 0) as u64,
                UnOp::Clz => (a.leading_zeros() - (64 - width)) as u64,
                UnOp::Ctz => a.trailing_zeros().min(width) as u64,
                UnOp::Popcnt => a.count_ones() as u64,
                UnOp::Bswap => a.swap_bytes() >> (64 - width),
                UnOp::SextIn(n) => (((a << (64 - n as u32)) as i64) >> (64 - n as u32)) as u64,
                UnOp::ZextIn(n) => a << (64 - n as u32) >> (64 - n as u32),
                _ => return None,
            },
    )
}

/// `a op b` as 0 or 1.
pub fn cmp(op: CmpOp, ty: Ty, ptr_size: u32, a: u64, b: u64) -> bool {
    let (sa, sb) = (signed(ty, ptr_size, a), signed(ty, ptr_size, b));
    let (fa, fb) = match ty {
        Ty::F32 => (f32::from_bits(a as u32) as f64, f32::from_bits(b as u32) as f64),
        _ => (f64::from_bits(a), f64::from_bits(b)),
    };
    match op {
        CmpOp::Eq => a == b,
        CmpOp::Ne => a != b,
        CmpOp::SLt => sa < sb,
        CmpOp::SLe => sa <= sb,
        CmpOp::SGt => sa > sb,
        CmpOp::SGe => sa >= sb,
        CmpOp::ULt => a < b,
        CmpOp::ULe => a <= b,
        CmpOp::UGt => a > b,
        CmpOp::UGe => a >= b,
        CmpOp::FEq => fa == fb,
        CmpOp::FNe => fa != fb,
        CmpOp::FLt => fa < fb,
        CmpOp::FLe => fa <= fb,
        CmpOp::FGt => fa > fb,
        CmpOp::FGe => fa >= fb,
    }
}

/// A float as a signed integer of a width: toward zero, saturating, 0 for NaN.
fn to_signed(value: f64, to: Ty) -> u64 {
    match to {
        Ty::I8 => value as i8 as u64,
        Ty::I16 => value as i16 as u64,
        Ty::I32 => value as i32 as u64,
        _ => value as i64 as u64,
    }
}

fn to_unsigned(value: f64, to: Ty) -> u64 {
    match to {
        Ty::I8 => value as u8 as u64,
        Ty::I16 => value as u16 as u64,
        Ty::I32 => value as u32 as u64,
        _ => value as u64,
    }
}

/// The conversion of `a`.
pub fn conv(op: ConvOp, from: Ty, to: Ty, ptr_size: u32, a: u64) -> u64 {
    // Every `f32` is an `f64`, so that one set of conversions to integers does.
    let float = || if from == Ty::F32 { f32::from_bits(a as u32) as f64 } else { f64::from_bits(a) };
    let bits = match op {
        ConvOp::Sext => signed(from, ptr_size, a) as u64,
        ConvOp::Zext | ConvOp::Trunc | ConvOp::Bitcast => a,
        ConvOp::SToF if to == Ty::F32 => (signed(from, ptr_size, a) as f32).to_bits() as u64,
        ConvOp::SToF => (signed(from, ptr_size, a) as f64).to_bits(),
        ConvOp::UToF if to == Ty::F32 => (a as f32).to_bits() as u64,
        ConvOp::UToF => (a as f64).to_bits(),
        ConvOp::FToS => to_signed(float(), to),
        ConvOp::FToU => to_unsigned(float(), to),
        ConvOp::FExt => float().to_bits(),
        ConvOp::FTrunc => (float() as f32).to_bits() as u64,
    };
    bits & mask(to, ptr_size)
}

/// The comparison that is true exactly when `op` is false, where there is one.
pub fn inverse(op: CmpOp) -> Option<CmpOp> {
    Some(match op {
        CmpOp::Eq => CmpOp::Ne,
        CmpOp::Ne => CmpOp::Eq,
        CmpOp::SLt => CmpOp::SGe,
        CmpOp::SLe => CmpOp::SGt,
        CmpOp::SGt => CmpOp::SLe,
        CmpOp::SGe => CmpOp::SLt,
        CmpOp::ULt => CmpOp::UGe,
        CmpOp::ULe => CmpOp::UGt,
        CmpOp::UGt => CmpOp::ULe,
        CmpOp::UGe => CmpOp::ULt,
        CmpOp::FEq => CmpOp::FNe,
        CmpOp::FNe => CmpOp::FEq,
        // Both `a < b` and `a >= b` are false of a NaN.
        CmpOp::FLt | CmpOp::FLe | CmpOp::FGt | CmpOp::FGe => return None,
    })
}

/// The comparison that says the same with its operands exchanged.
pub fn exchanged(op: CmpOp) -> CmpOp {
    match op {
        CmpOp::Eq | CmpOp::Ne | CmpOp::FEq | CmpOp::FNe => op,
        CmpOp::SLt => CmpOp::SGt,
        CmpOp::SLe => CmpOp::SGe,
        CmpOp::SGt => CmpOp::SLt,
        CmpOp::SGe => CmpOp::SLe,
        CmpOp::ULt => CmpOp::UGt,
        CmpOp::ULe => CmpOp::UGe,
        CmpOp::UGt => CmpOp::ULt,
        CmpOp::UGe => CmpOp::ULe,
        CmpOp::FLt => CmpOp::FGt,
        CmpOp::FLe => CmpOp::FGe,
        CmpOp::FGt => CmpOp::FLt,
        CmpOp::FGe => CmpOp::FLe,
    }
}

/// True when the operands may be exchanged.
pub fn commutes(op: BinOp) -> bool {
    match op {
        BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor | BinOp::FAdd | BinOp::FMul => true,
        BinOp::Sub
        | BinOp::SDiv
        | BinOp::UDiv
        | BinOp::SRem
        | BinOp::URem
        | BinOp::Shl
        | BinOp::SShr
        | BinOp::UShr
        | BinOp::FSub
        | BinOp::FDiv
        | BinOp::FRem
        | BinOp::FMin
        | BinOp::FMax => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_wrap_at_their_width() {
        assert_eq!(bin(BinOp::Add, Ty::I8, 8, 200, 100), Some(44));
        assert_eq!(bin(BinOp::Mul, Ty::I32, 8, 0xffff_ffff, 2), Some(0xffff_fffe));
        assert_eq!(bin(BinOp::Sub, Ty::I64, 8, 0, 1), Some(u64::MAX));
        assert_eq!(bin(BinOp::Add, Ty::Ptr, 4, 0xffff_ffff, 1), Some(0));
        assert_eq!(un(UnOp::Neg, Ty::I16, 8, 1), Some(0xffff));
    }

    #[test]
    fn divisions_that_trap_are_left() {
        for op in [BinOp::SDiv, BinOp::SRem] {
            assert_eq!(bin(op, Ty::I32, 8, 7, 0), None);
            assert_eq!(bin(op, Ty::I32, 8, 0x8000_0000, 0xffff_ffff), None);
            assert_eq!(bin(op, Ty::I8, 8, 0x80, 0xff), None);
            assert_eq!(bin(op, Ty::I64, 8, 1 << 63, u64::MAX), None);
        }
        assert_eq!(bin(BinOp::UDiv, Ty::I64, 8, 7, 0), None);
        assert_eq!(bin(BinOp::SDiv, Ty::I8, 8, 0xf9, 2), Some(0xfd), "-7 / 2 is -3");
        assert_eq!(bin(BinOp::SRem, Ty::I8, 8, 0xf9, 2), Some(0xff), "-7 % 2 is -1");
    }

    #[test]
    fn shifts_count_modulo_the_width() {
        assert_eq!(bin(BinOp::Shl, Ty::I8, 8, 1, 9), Some(2));
        assert_eq!(bin(BinOp::SShr, Ty::I8, 8, 0x80, 1), Some(0xc0));
        assert_eq!(bin(BinOp::UShr, Ty::I8, 8, 0x80, 255), Some(1));
        assert_eq!(bin(BinOp::Shl, Ty::I64, 8, 1, 64), Some(1));
    }

    #[test]
    fn bits_are_counted_within_the_width() {
        assert_eq!(un(UnOp::Clz, Ty::I16, 8, 1), Some(15));
        assert_eq!(un(UnOp::Clz, Ty::I16, 8, 0), Some(16));
        assert_eq!(un(UnOp::Ctz, Ty::I8, 8, 0), Some(8));
        assert_eq!(un(UnOp::Bswap, Ty::I32, 8, 0x1122_3344), Some(0x4433_2211));
        assert_eq!(un(UnOp::SextIn(5), Ty::I32, 8, 0x10), Some(0xffff_fff0));
        assert_eq!(un(UnOp::ZextIn(5), Ty::I32, 8, 0xfff), Some(0x1f));
        assert_eq!(un(UnOp::SextIn(64), Ty::I64, 8, 7), Some(7));
    }

    #[test]
    fn floats_follow_ieee() {
        let f = f64::to_bits;
        assert_eq!(bin(BinOp::FRem, Ty::F64, 8, f(-7.5), f(2.0)), Some(f(-1.5)));
        assert_eq!(bin(BinOp::FMin, Ty::F64, 8, f(f64::NAN), f(2.0)), Some(f(2.0)));
        assert_eq!(bin(BinOp::FMin, Ty::F64, 8, f(0.0), f(-0.0)), None);
        assert_eq!(un(UnOp::Round, Ty::F64, 8, f(2.5)), Some(f(2.0)));
        assert!(!cmp(CmpOp::FLe, Ty::F64, 8, f(f64::NAN), f(1.0)));
        assert!(cmp(CmpOp::FNe, Ty::F64, 8, f(f64::NAN), f(f64::NAN)));
        let third = (1.0f32 / 3.0).to_bits() as u64;
        assert_eq!(bin(BinOp::FDiv, Ty::F32, 8, 1f32.to_bits() as u64, 3f32.to_bits() as u64), Some(third));
    }

    #[test]
    fn conversions_saturate() {
        let f = f64::to_bits;
        assert_eq!(conv(ConvOp::FToS, Ty::F64, Ty::I8, 8, f(300.0)), 127);
        assert_eq!(conv(ConvOp::FToS, Ty::F64, Ty::I32, 8, f(-1e20)), 0x8000_0000);
        assert_eq!(conv(ConvOp::FToU, Ty::F64, Ty::I16, 8, f(-5.0)), 0);
        assert_eq!(conv(ConvOp::FToS, Ty::F64, Ty::I64, 8, f(f64::NAN)), 0);
        assert_eq!(conv(ConvOp::Sext, Ty::I8, Ty::I32, 8, 0x80), 0xffff_ff80);
        assert_eq!(conv(ConvOp::UToF, Ty::I64, Ty::F32, 8, u64::MAX), (u64::MAX as f32).to_bits() as u64);
        assert_eq!(conv(ConvOp::SToF, Ty::I8, Ty::F64, 8, 0xff), f(-1.0));
    }

    #[test]
    fn inverse_and_exchanged_agree_with_cmp() {
        let ops = [
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
        for op in ops {
            for (a, b) in [(1, 2), (2, 1), (1, 1), (0xff, 1), (1, 0xff)] {
                let result = cmp(op, Ty::I8, 8, a, b);
                assert_eq!(cmp(exchanged(op), Ty::I8, 8, b, a), result);
                assert_eq!(cmp(inverse(op).expect("integers"), Ty::I8, 8, a, b), !result);
            }
        }
    }
}
