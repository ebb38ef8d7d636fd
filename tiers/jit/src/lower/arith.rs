//! Operations on scalars; those of vectors use them lane by lane.

use super::value::scalar;
use super::{Done, Lower};
use crate::compile::Unsupported;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value};
use sx_ir::{BinOp, CmpOp, TrapKind, Ty, UnOp};

impl Lower<'_, '_> {
    pub(super) fn bin(&mut self, op: BinOp, ty: Ty, x: Value, y: Value) -> Done<Value> {
        Ok(match op {
            BinOp::SDiv | BinOp::UDiv | BinOp::SRem | BinOp::URem => return self.divide(op, ty, x, y),
            BinOp::FRem => {
                let helpers = &self.src.config.abi.helpers;
                let address = if ty == Ty::F32 { helpers.rem_f32 } else { helpers.rem_f64 };
                let ty = scalar(ty)?;
                return self.helper(address, &[x, y], Some(ty));
            }
            BinOp::FMin => self.smaller(FloatCC::LessThan, x, y),
            BinOp::FMax => self.smaller(FloatCC::GreaterThan, x, y),
            BinOp::Add => self.b.ins().iadd(x, y),
            BinOp::Sub => self.b.ins().isub(x, y),
            BinOp::Mul => self.b.ins().imul(x, y),
            BinOp::And => self.b.ins().band(x, y),
            BinOp::Or => self.b.ins().bor(x, y),
            BinOp::Xor => self.b.ins().bxor(x, y),
            // Cranelift takes counts modulo the width too.
            BinOp::Shl => self.b.ins().ishl(x, y),
            BinOp::SShr => self.b.ins().sshr(x, y),
            BinOp::UShr => self.b.ins().ushr(x, y),
            BinOp::FAdd => self.b.ins().fadd(x, y),
            BinOp::FSub => self.b.ins().fsub(x, y),
            BinOp::FMul => self.b.ins().fmul(x, y),
            BinOp::FDiv => self.b.ins().fdiv(x, y),
        })
    }
    /// The operand that compares so with the other; with one NaN the other operand.
    fn smaller(&mut self, than: FloatCC, x: Value, y: Value) -> Value {
        let second = self.b.ins().fcmp(than, y, x);
        let chosen = self.b.ins().select(second, y, x);
        let nan = self.b.ins().fcmp(FloatCC::Unordered, x, x);
        self.b.ins().select(nan, y, chosen)
    }
    fn divide(&mut self, op: BinOp, ty: Ty, x: Value, y: Value) -> Done<Value> {
        let signed = matches!(op, BinOp::SDiv | BinOp::SRem);
        let clif = scalar(ty)?;
        let constant = self.constant_of(y);
        if constant.is_none_or(|value| value == 0) {
            self.trap_unless(y, TrapKind::DivisionByZero, false, &[]);
        }
        let all_ones = u64::MAX >> (64 - clif.bits());
        if signed && constant.is_none_or(|value| value == all_ones) {
            // Only the least number is its own negation and not 0; -1 alone makes the sum of both comparisons 0.
            let (least, minus) = (self.int(clif, 1 << (clif.bits() - 1)), self.int(clif, all_ones));
            let not_least = self.b.ins().icmp(IntCC::NotEqual, x, least);
            let not_minus = self.b.ins().icmp(IntCC::NotEqual, y, minus);
            let fine = self.b.ins().bor(not_least, not_minus);
            self.trap_unless(fine, TrapKind::DivisionOverflow, false, &[]);
        }
        Ok(match op {
            BinOp::SDiv => self.b.ins().sdiv(x, y),
            BinOp::UDiv => self.b.ins().udiv(x, y),
            BinOp::SRem => self.b.ins().srem(x, y),
            _ => self.b.ins().urem(x, y),
        })
    }
    pub(super) fn un(&mut self, op: UnOp, ty: Ty, x: Value) -> Done<Value> {
        let clif = scalar(ty)?;
        Ok(match op {
            UnOp::Neg => self.b.ins().ineg(x),
            UnOp::Not => self.b.ins().bnot(x),
            UnOp::BoolNot => {
                let zero = self.int(clif, 0);
                self.b.ins().icmp(IntCC::Equal, x, zero)
            }
            UnOp::FNeg => self.b.ins().fneg(x),
            UnOp::FAbs => self.b.ins().fabs(x),
            UnOp::Sqrt => self.b.ins().sqrt(x),
            UnOp::Floor => self.b.ins().floor(x),
            UnOp::Ceil => self.b.ins().ceil(x),
            UnOp::Trunc => self.b.ins().trunc(x),
            UnOp::Round => self.b.ins().nearest(x),
            UnOp::Clz => self.b.ins().clz(x),
            UnOp::Ctz => self.b.ins().ctz(x),
            UnOp::Popcnt => self.b.ins().popcnt(x),
            UnOp::Bswap if clif.bits() == 8 => x,
            UnOp::Bswap => self.b.ins().bswap(x),
            UnOp::SextIn(n) | UnOp::ZextIn(n) => {
                let above = clif
                    .bits()
                    .checked_sub(n as u32)
                    .ok_or(Unsupported::Malformed("more bits than the register has"))?;
                let above = self.int(clif, above as u64);
                let top = self.b.ins().ishl(x, above);
                match op {
                    UnOp::SextIn(_) => self.b.ins().sshr(top, above),
                    _ => self.b.ins().ushr(top, above),
                }
            }
        })
    }
    pub(super) fn cmp(&mut self, op: CmpOp, x: Value, y: Value) -> Value {
        let int = match op {
            CmpOp::Eq => IntCC::Equal,
            CmpOp::Ne => IntCC::NotEqual,
            CmpOp::SLt => IntCC::SignedLessThan,
            CmpOp::SLe => IntCC::SignedLessThanOrEqual,
            CmpOp::SGt => IntCC::SignedGreaterThan,
            CmpOp::SGe => IntCC::SignedGreaterThanOrEqual,
            CmpOp::ULt => IntCC::UnsignedLessThan,
            CmpOp::ULe => IntCC::UnsignedLessThanOrEqual,
            CmpOp::UGt => IntCC::UnsignedGreaterThan,
            CmpOp::UGe => IntCC::UnsignedGreaterThanOrEqual,
            CmpOp::FEq => return self.b.ins().fcmp(FloatCC::Equal, x, y),
            CmpOp::FNe => return self.b.ins().fcmp(FloatCC::NotEqual, x, y),
            CmpOp::FLt => return self.b.ins().fcmp(FloatCC::LessThan, x, y),
            CmpOp::FLe => return self.b.ins().fcmp(FloatCC::LessThanOrEqual, x, y),
            CmpOp::FGt => return self.b.ins().fcmp(FloatCC::GreaterThan, x, y),
            CmpOp::FGe => return self.b.ins().fcmp(FloatCC::GreaterThanOrEqual, x, y),
        };
        self.b.ins().icmp(int, x, y)
    }
}
