//! Arithmetic and comparisons, at every width.
//!
//! Integers of odd width live in the next larger register, extended by their sign: what may leave the width
//! is extended again.

use super::Lower;
use crate::thir::{Arith, Compare, E, Kind};
use crate::types::TypeId;
use sx_ir::{BinOp, CmpOp, Inst, Operand, TrapKind, Ty, UnOp};

fn is_odd(bits: u8) -> bool {
    !matches!(bits, 8 | 16 | 32 | 64)
}

impl<'b> Lower<'_, 'b> {
    /// Width and sign of an integer type whose register is wider.
    pub(super) fn odd_width(&self, ty: TypeId) -> Option<(u8, bool)> {
        if ty == TypeId::BOOL {
            return None;
        }
        self.types.int_repr(ty).filter(|&(bits, _)| is_odd(bits))
    }
    /// True for signed integers, and vectors of them.
    fn is_signed(&self, ty: TypeId) -> bool {
        self.types.int_repr(self.types.lane(ty)).is_some_and(|(_, signed)| signed)
    }
    /// Extends the result of an operation that may leave the type's width.
    pub(super) fn wrap_to(&mut self, ty: TypeId, op: Operand) -> Operand {
        match self.odd_width(ty) {
            None => op,
            Some((bits, signed)) => {
                let scalar = self.scalar_ty(ty);
                self.b.un(if signed { UnOp::SextIn(bits) } else { UnOp::ZextIn(bits) }, scalar, op)
            }
        }
    }

    pub(super) fn neg(&mut self, e: E<'b>, operand: E<'b>) -> Operand {
        let a = self.scalar(operand);
        self.at(e.loc);
        let ty = self.scalar_ty(e.ty);
        if ty.lane().is_float() {
            return self.b.un(UnOp::FNeg, ty, a);
        }
        let result = self.b.un(UnOp::Neg, ty, a);
        self.wrap_to(e.ty, result)
    }
    pub(super) fn not(&mut self, operand: E<'b>) -> Operand {
        if let Kind::Compare(op, a, b) = operand.kind
            && let Some(op) = opposite(op, self.types.is_float(self.types.lane(a.ty)))
        {
            return self.compare(operand, op, a, b);
        }
        let a = self.scalar(operand);
        let ty = self.scalar_ty(operand.ty).with_lane(Ty::I8);
        self.b.un(UnOp::BoolNot, ty, a)
    }
    pub(super) fn bit_not(&mut self, e: E<'b>, operand: E<'b>) -> Operand {
        let a = self.scalar(operand);
        self.at(e.loc);
        let ty = self.scalar_ty(e.ty);
        let result = self.b.un(UnOp::Not, ty, a);
        // Flipping all bits keeps a value sign-extended, but not zero-extended.
        match self.odd_width(e.ty) {
            Some((_, false)) => self.wrap_to(e.ty, result),
            _ => result,
        }
    }
    pub(super) fn arith(&mut self, e: E<'b>, op: Arith, a: E<'b>, b: E<'b>) -> Operand {
        let (a, b) = self.two(a, b);
        self.at(e.loc);
        self.arith_ops(e.ty, op, a, b)
    }
    /// Arithmetic on two evaluated operands of a type.
    pub(super) fn arith_ops(&mut self, of: TypeId, op: Arith, a: Operand, b: Operand) -> Operand {
        let ty = self.scalar_ty(of);
        if ty.lane().is_float() {
            let op = match op {
                Arith::Add => BinOp::FAdd,
                Arith::Sub => BinOp::FSub,
                Arith::Mul => BinOp::FMul,
                Arith::Div => BinOp::FDiv,
                Arith::Rem => BinOp::FRem,
                Arith::Shl | Arith::Shr | Arith::And | Arith::Or | Arith::Xor => {
                    panic!("floats have no {op:?}")
                }
            };
            return self.b.bin(op, ty, a, b);
        }
        let signed = self.is_signed(of);
        let (op, wraps) = match op {
            Arith::Add => (BinOp::Add, true),
            Arith::Sub => (BinOp::Sub, true),
            Arith::Mul => (BinOp::Mul, true),
            Arith::Div | Arith::Rem => return self.divide(of, ty, op, a, b),
            Arith::And => (BinOp::And, false),
            Arith::Or => (BinOp::Or, false),
            Arith::Xor => (BinOp::Xor, false),
            Arith::Shl => {
                let count = self.shift_count(of, ty, b);
                let result = self.b.bin(BinOp::Shl, ty, a, count);
                return self.wrap_to(of, result);
            }
            Arith::Shr => {
                let count = self.shift_count(of, ty, b);
                return self.b.bin(if signed { BinOp::SShr } else { BinOp::UShr }, ty, a, count);
            }
        };
        let result = self.b.bin(op, ty, a, b);
        if wraps { self.wrap_to(of, result) } else { result }
    }
    /// The count modulo the type's width, which the instruction only does for its own.
    fn shift_count(&mut self, of: TypeId, ty: Ty, count: Operand) -> Operand {
        let Some((bits, _)) = self.odd_width(of) else { return count };
        let below = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
        if let Some(value) = self.b.func().operand_const(count) {
            return self.b.constant(ty, (value.bits & below) % bits as u64);
        }
        if bits.is_power_of_two() {
            let mask = self.b.constant(ty, bits as u64 - 1);
            return self.b.bin(BinOp::And, ty, count, mask);
        }
        let count = self.b.un(UnOp::ZextIn(bits), ty, count);
        let width = self.b.constant(ty, bits as u64);
        self.b.bin(BinOp::URem, ty, count, width)
    }
    fn divide(&mut self, of: TypeId, ty: Ty, op: Arith, a: Operand, b: Operand) -> Operand {
        let signed = self.is_signed(of);
        let op = match (op, signed) {
            (Arith::Div, true) => BinOp::SDiv,
            (Arith::Div, false) => BinOp::UDiv,
            (_, true) => BinOp::SRem,
            (_, false) => BinOp::URem,
        };
        let result = self.b.bin(op, ty, a, b);
        if ty.vector().is_some() {
            // Lanes have whole widths.
            return result;
        }
        let by_constant = self.b.func().operand_const(b);
        let width = ty.size(self.types.target.ptr_size) * 8;
        let minus_one = u64::MAX >> (64 - width);
        if let Some((bits, true)) = self.odd_width(of)
            && by_constant.is_none_or(|value| value.bits == minus_one)
        {
            // The register holds the quotient that the type doesn't; the instruction saw nothing wrong.
            let fine = if op == BinOp::SDiv {
                let too_large = self.b.constant(ty, 1 << (bits - 1));
                self.b.cmp(CmpOp::Ne, ty, result, too_large)
            } else {
                let min = self.b.constant(ty, u64::MAX << (bits - 1));
                let minus_one = self.b.constant(ty, minus_one);
                let a = self.b.cmp(CmpOp::Ne, ty, a, min);
                let b = self.b.cmp(CmpOp::Ne, ty, b, minus_one);
                self.b.bin(BinOp::Or, Ty::I8, a, b)
            };
            self.b.push(Inst::Check { cond: fine, kind: TrapKind::DivisionOverflow });
        }
        result
    }

    pub(super) fn compare(&mut self, e: E<'b>, op: Compare, a: E<'b>, b: E<'b>) -> Operand {
        let of = a.ty;
        let (a, b) = self.two(a, b);
        self.at(e.loc);
        self.compare_ops(of, op, a, b)
    }
    /// Compares two evaluated scalars of a type.
    pub(super) fn compare_ops(&mut self, of: TypeId, op: Compare, a: Operand, b: Operand) -> Operand {
        let ty = self.scalar_ty(of);
        let signed = self.is_signed(of);
        let op = match (op, ty.lane().is_float(), signed) {
            (Compare::Eq, true, _) => CmpOp::FEq,
            (Compare::Ne, true, _) => CmpOp::FNe,
            (Compare::Lt, true, _) => CmpOp::FLt,
            (Compare::Le, true, _) => CmpOp::FLe,
            (Compare::Gt, true, _) => CmpOp::FGt,
            (Compare::Ge, true, _) => CmpOp::FGe,
            (Compare::Eq, false, _) => CmpOp::Eq,
            (Compare::Ne, false, _) => CmpOp::Ne,
            (Compare::Lt, false, true) => CmpOp::SLt,
            (Compare::Le, false, true) => CmpOp::SLe,
            (Compare::Gt, false, true) => CmpOp::SGt,
            (Compare::Ge, false, true) => CmpOp::SGe,
            (Compare::Lt, false, false) => CmpOp::ULt,
            (Compare::Le, false, false) => CmpOp::ULe,
            (Compare::Gt, false, false) => CmpOp::UGt,
            (Compare::Ge, false, false) => CmpOp::UGe,
        };
        self.b.cmp(op, ty, a, b)
    }
}

/// The comparison that is true exactly when `op` is false. Orders of floats have none, because of NaN.
fn opposite(op: Compare, float: bool) -> Option<Compare> {
    match op {
        Compare::Eq => Some(Compare::Ne),
        Compare::Ne => Some(Compare::Eq),
        Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge if float => None,
        Compare::Lt => Some(Compare::Ge),
        Compare::Le => Some(Compare::Gt),
        Compare::Gt => Some(Compare::Le),
        Compare::Ge => Some(Compare::Lt),
    }
}
