//! Single instructions that can be had for less.

use super::*;
use crate::passes::fold;

/// What an instruction turns out to be.
pub(super) enum Outcome {
    /// What it is.
    Same,
    /// This instruction.
    Become(Inst),
    /// Its result is this operand.
    Value(Operand),
    /// Nothing at all.
    Remove,
    /// A trap, with so many operands.
    Trap(TrapKind, [Operand; 3], usize),
}

use Outcome::{Become, Remove, Same, Value};

/// True when the length and index as signed numbers are in range.
fn in_range(index: u64, len: u64) -> bool {
    (index as i64) >= 0 && (index as i64) < len as i64
}

impl Gvn<'_> {
    fn bits(&self, func: &Func, operand: Operand) -> Option<u64> {
        func.operand_const(operand).map(|constant| constant.bits)
    }

    fn value(&mut self, func: &mut Func, ty: Ty, bits: u64) -> Outcome {
        Value(self.constant(func, ty, bits))
    }

    pub(super) fn simplify(&mut self, func: &mut Func, inst: Inst) -> Outcome {
        // What holds of numbers is said of numbers only: there are no constants of vectors.
        if inst.is_on_vectors() {
            return Same;
        }
        match inst {
            Inst::Bin { .. } => self.simplify_bin(func, inst),
            Inst::Un { op, ty, dst, a } => self.simplify_un(func, op, ty, dst, a),
            Inst::Cmp { .. } => self.simplify_cmp(func, inst),
            Inst::Conv { op, from, to, dst, a } => self.simplify_conv(func, op, from, to, dst, a),
            Inst::Select { ty, cond, a, b, .. } => match self.bits(func, cond) {
                Some(0) => Value(b),
                Some(_) => Value(a),
                None if a == b => Value(a),
                None if ty == Ty::I8 && self.bits(func, a) == Some(1) && self.bits(func, b) == Some(0) => {
                    Value(cond)
                }
                None => Same,
            },
            Inst::AddrOf { addr: Addr { base: Base::Reg(base), off: 0 }, .. } => Value(base),
            Inst::Load { .. } | Inst::Store { .. } | Inst::AddrOf { .. } | Inst::MemZero { .. } => {
                self.direct_addrs(func, inst)
            }
            Inst::MemCopy { dst, src, size } => {
                if size == 0 || dst == src {
                    Remove
                } else {
                    self.direct_addrs(func, inst)
                }
            }
            Inst::Index { dst, base, index, stride } => {
                let Some(index) = self.bits(func, index) else { return Same };
                let off = (index as i64).checked_mul(stride as i64).and_then(|off| i32::try_from(off).ok());
                match off {
                    Some(off) => Become(Inst::AddrOf { dst, addr: Addr { base: Base::Reg(base), off } }),
                    None => Same,
                }
            }
            Inst::MemMove { len, .. } | Inst::MemSet { len, .. } => {
                if self.bits(func, len) == Some(0) {
                    Remove
                } else {
                    Same
                }
            }
            Inst::Bounds { .. } | Inst::SliceBounds { .. } | Inst::NullCheck { .. } | Inst::Check { .. } => {
                self.simplify_check(func, inst)
            }
            Inst::Copy { .. }
            | Inst::Splat { .. }
            | Inst::Lane { .. }
            | Inst::SetLane { .. }
            | Inst::FuncAddr { .. }
            | Inst::CFuncAddr { .. }
            | Inst::ExternAddr { .. }
            | Inst::MemCmp { .. }
            | Inst::AtomicLoad { .. }
            | Inst::AtomicStore { .. }
            | Inst::AtomicRmw { .. }
            | Inst::AtomicCas { .. }
            | Inst::Fence { .. }
            | Inst::Call { .. }
            | Inst::Poll
            | Inst::ErrTrace(_) => Same,
        }
    }

    /// Places named by what their address was computed from.
    fn direct_addrs(&mut self, func: &Func, mut inst: Inst) -> Outcome {
        let mut changed = false;
        let (size, computes) = match inst {
            Inst::Load { ty, .. } | Inst::Store { ty, .. } => (ty.size(self.ptr_size()), false),
            Inst::MemCopy { size, .. } | Inst::MemZero { size, .. } => (size, false),
            _ => (0, true),
        };
        inst.addrs_mut(|addr| {
            let Base::Reg(base) = addr.base else { return };
            let Some(Inst::AddrOf { addr: inner, .. }) = self.def(func, base) else { return };
            let Some(off) = inner.off.checked_add(addr.off) else { return };
            // Outside its slot an address is only computed, never used under the slot's name.
            if let Base::Slot(slot) = inner.base
                && !computes
                && (off < 0 || off as i64 + size as i64 > func.slots[slot.index()].size as i64)
            {
                return;
            }
            *addr = Addr { base: inner.base, off };
            changed = true;
        });
        if changed { Become(inst) } else { Same }
    }

    fn simplify_bin(&mut self, func: &mut Func, inst: Inst) -> Outcome {
        let Inst::Bin { op, ty, dst, a, b } = inst else { return Same };
        let ptr_size = self.ptr_size();
        let (ca, cb) = (self.bits(func, a), self.bits(func, b));
        if let (Some(ca), Some(cb)) = (ca, cb)
            && let Some(bits) = fold::bin(op, ty, ptr_size, ca, cb)
        {
            return self.value(func, ty, bits);
        }
        if ca.is_some() && cb.is_none() && fold::commutes(op) {
            return Become(Inst::Bin { op, ty, dst, a: b, b: a });
        }
        if ty.is_float() {
            return match cb {
                Some(cb) if float_identity(op, ty, cb) => Value(a),
                _ => Same,
            };
        }
        if a == b {
            match op {
                BinOp::Sub | BinOp::Xor => return self.value(func, ty, 0),
                BinOp::And | BinOp::Or => return Value(a),
                _ => {}
            }
        }
        match cb {
            Some(cb) => self.bin_with_constant(func, inst, cb),
            None => Same,
        }
    }

    /// An integer operation whose right operand is a constant.
    fn bin_with_constant(&mut self, func: &mut Func, inst: Inst, cb: u64) -> Outcome {
        let Inst::Bin { op, ty, dst, a, .. } = inst else { return Same };
        let ptr_size = self.ptr_size();
        let mask = fold::mask(ty, ptr_size);
        let width = ty.size(ptr_size) as u64 * 8;
        match (op, cb) {
            (BinOp::Add | BinOp::Sub | BinOp::Or | BinOp::Xor, 0) => return Value(a),
            (BinOp::Mul | BinOp::SDiv | BinOp::UDiv, 1) => return Value(a),
            (BinOp::Mul | BinOp::And, 0) | (BinOp::SRem | BinOp::URem, 1) => return self.value(func, ty, 0),
            (BinOp::And, _) if cb == mask => return Value(a),
            (BinOp::Or, _) if cb == mask => return self.value(func, ty, mask),
            (BinOp::Shl | BinOp::SShr | BinOp::UShr, _) if cb.is_multiple_of(width) => return Value(a),
            (BinOp::SDiv | BinOp::UDiv | BinOp::SRem | BinOp::URem, 0) => {
                return Outcome::Trap(TrapKind::DivisionByZero, [a; 3], 0);
            }
            (BinOp::UDiv, _) if cb.is_power_of_two() => {
                let b = self.constant(func, ty, cb.trailing_zeros() as u64);
                return Become(Inst::Bin { op: BinOp::UShr, ty, dst, a, b });
            }
            (BinOp::URem, _) if cb.is_power_of_two() => {
                let b = self.constant(func, ty, cb - 1);
                return Become(Inst::Bin { op: BinOp::And, ty, dst, a, b });
            }
            // A difference becomes a sum, which folds with others.
            (BinOp::Sub, _) if ty != Ty::Ptr => {
                let b = self.constant(func, ty, cb.wrapping_neg());
                return Become(Inst::Bin { op: BinOp::Add, ty, dst, a, b });
            }
            _ => {}
        }
        if ty == Ty::Ptr {
            let off = fold::signed(ty, ptr_size, cb);
            let off = if op == BinOp::Sub { off.checked_neg() } else { Some(off) };
            return match off.and_then(|off| i32::try_from(off).ok()) {
                Some(off) => Become(Inst::AddrOf { dst, addr: Addr { base: Base::Reg(a), off } }),
                None => Same,
            };
        }
        self.regroup(func, inst, cb)
    }

    /// `(x op c) op d` is `x op (c op d)`.
    fn regroup(&mut self, func: &mut Func, inst: Inst, cb: u64) -> Outcome {
        let Inst::Bin {
            op: op @ (BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor),
            ty,
            dst,
            a,
            ..
        } = inst
        else {
            return Same;
        };
        match self.def(func, a) {
            Some(Inst::Bin { op: inner, ty: inner_ty, a: x, b: c, .. }) if inner == op && inner_ty == ty => {
                let folded = self.bits(func, c).and_then(|c| fold::bin(op, ty, self.ptr_size(), c, cb));
                match folded {
                    Some(bits) => {
                        let b = self.constant(func, ty, bits);
                        Become(Inst::Bin { op, ty, dst, a: x, b })
                    }
                    None => Same,
                }
            }
            _ => Same,
        }
    }

    fn simplify_un(&mut self, func: &mut Func, op: UnOp, ty: Ty, dst: Reg, a: Operand) -> Outcome {
        if let Some(bits) = self.bits(func, a)
            && let Some(bits) = fold::un(op, ty, self.ptr_size(), bits)
        {
            return self.value(func, ty, bits);
        }
        match (op, self.def(func, a)) {
            (UnOp::SextIn(n) | UnOp::ZextIn(n), _) if n as u32 == ty.size(8) * 8 => Value(a),
            // The negation of a negation, whose operand has the same type as there is only one.
            (UnOp::Neg | UnOp::Not | UnOp::FNeg, Some(Inst::Un { op: inner, a: x, .. })) if inner == op => {
                Value(x)
            }
            (UnOp::FAbs, Some(Inst::Un { op: UnOp::FNeg | UnOp::FAbs, a: x, .. })) => {
                Become(Inst::Un { op, ty, dst, a: x })
            }
            (UnOp::ZextIn(n), Some(Inst::Un { op: UnOp::ZextIn(m), .. })) if m <= n => Value(a),
            (UnOp::SextIn(n), Some(Inst::Un { op: UnOp::SextIn(m), .. })) if m <= n => Value(a),
            (UnOp::BoolNot, Some(Inst::Cmp { op: inner, ty, a, b, .. })) => match fold::inverse(inner) {
                Some(op) => Become(Inst::Cmp { op, ty, dst, a, b }),
                None => Same,
            },
            (UnOp::BoolNot, Some(Inst::Un { op: UnOp::BoolNot, a: x, .. })) if self.is_bool(func, x) => {
                Value(x)
            }
            _ => Same,
        }
    }

    /// True when the operand is known to be 0 or 1.
    fn is_bool(&mut self, func: &Func, operand: Operand) -> bool {
        match self.def(func, operand) {
            Some(Inst::Cmp { .. } | Inst::Un { op: UnOp::BoolNot, .. }) => true,
            _ => self.bits(func, operand).is_some_and(|bits| bits < 2),
        }
    }

    fn simplify_cmp(&mut self, func: &mut Func, inst: Inst) -> Outcome {
        let Inst::Cmp { op, ty, dst, a, b } = inst else { return Same };
        let (ca, cb) = (self.bits(func, a), self.bits(func, b));
        if let (Some(ca), Some(cb)) = (ca, cb) {
            let result = fold::cmp(op, ty, self.ptr_size(), ca, cb);
            return self.value(func, Ty::I8, result as u64);
        }
        if ca.is_some() {
            return Become(Inst::Cmp { op: fold::exchanged(op), ty, dst, a: b, b: a });
        }
        if a == b && !ty.is_float() {
            let result = fold::cmp(op, Ty::I8, 8, 0, 0);
            return self.value(func, Ty::I8, result as u64);
        }
        match (op, cb) {
            (CmpOp::ULt, Some(0)) => self.value(func, Ty::I8, 0),
            (CmpOp::UGe, Some(0)) => self.value(func, Ty::I8, 1),
            (CmpOp::Ne, Some(0)) | (CmpOp::Eq, Some(1)) if ty == Ty::I8 && self.is_bool(func, a) => Value(a),
            (CmpOp::Eq, Some(0)) | (CmpOp::Ne, Some(1)) if ty == Ty::I8 && self.is_bool(func, a) => {
                Become(Inst::Un { op: UnOp::BoolNot, ty, dst, a })
            }
            (CmpOp::Eq | CmpOp::Ne, Some(0)) if ty == Ty::Ptr && self.is_not_null(func, a) => {
                self.value(func, Ty::I8, (op == CmpOp::Ne) as u64)
            }
            // Of a widened number only the number matters.
            (CmpOp::Eq | CmpOp::Ne, Some(cb)) => match self.def(func, a) {
                Some(Inst::Conv { op: conv @ (ConvOp::Zext | ConvOp::Sext), from, to, a: x, .. }) => {
                    let ptr_size = self.ptr_size();
                    let narrow = cb & fold::mask(from, ptr_size);
                    if fold::conv(conv, from, to, ptr_size, narrow) != cb {
                        return self.value(func, Ty::I8, (op == CmpOp::Ne) as u64);
                    }
                    let b = self.constant(func, from, narrow);
                    Become(Inst::Cmp { op, ty: from, dst, a: x, b })
                }
                _ => Same,
            },
            _ => Same,
        }
    }

    fn simplify_conv(
        &mut self,
        func: &mut Func,
        op: ConvOp,
        from: Ty,
        to: Ty,
        dst: Reg,
        a: Operand,
    ) -> Outcome {
        if let Some(bits) = self.bits(func, a) {
            let bits = fold::conv(op, from, to, self.ptr_size(), bits);
            return self.value(func, to, bits);
        }
        if from == to {
            return Value(a);
        }
        let Some(Inst::Conv { op: inner, from: first, a: x, .. }) = self.def(func, a) else { return Same };
        let size = |ty: Ty| ty.size(self.ptr_size());
        match (op, inner) {
            (ConvOp::Bitcast, ConvOp::Bitcast) if first == to => Value(x),
            (ConvOp::Sext, ConvOp::Sext) | (ConvOp::Zext, ConvOp::Zext) | (ConvOp::Trunc, ConvOp::Trunc) => {
                Become(Inst::Conv { op, from: first, to, dst, a: x })
            }
            // Above zeros the sign is clear.
            (ConvOp::Sext, ConvOp::Zext) => Become(Inst::Conv { op: inner, from: first, to, dst, a: x }),
            (ConvOp::Trunc, ConvOp::Sext | ConvOp::Zext) if first == to => Value(x),
            (ConvOp::Trunc, ConvOp::Sext | ConvOp::Zext) if size(first) > size(to) => {
                Become(Inst::Conv { op, from: first, to, dst, a: x })
            }
            (ConvOp::Trunc, ConvOp::Sext | ConvOp::Zext) => {
                Become(Inst::Conv { op: inner, from: first, to, dst, a: x })
            }
            _ => Same,
        }
    }

    /// True when the address was checked, or is one of something that has a place.
    fn is_not_null(&mut self, func: &Func, operand: Operand) -> bool {
        if self.bits(func, operand).is_some_and(|bits| bits != 0) || self.was_null_checked(func, operand) {
            return true;
        }
        match self.def(func, operand) {
            Some(Inst::FuncAddr { .. } | Inst::CFuncAddr { .. }) => true,
            Some(Inst::AddrOf { addr, .. }) => match addr.base {
                Base::Slot(_) | Base::Global(_) | Base::Data(_) => true,
                Base::Reg(base) => self.was_null_checked(func, base),
            },
            _ => false,
        }
    }

    fn was_null_checked(&mut self, func: &Func, operand: Operand) -> bool {
        let key = self.key(func, Inst::NullCheck { ptr: operand });
        self.available.get(&key).is_some_and(|(home, _)| self.tree.dominates(home, self.block))
    }

    fn simplify_check(&mut self, func: &mut Func, inst: Inst) -> Outcome {
        match inst {
            Inst::NullCheck { ptr } => match self.bits(func, ptr) {
                Some(0) => Outcome::Trap(TrapKind::NullDereference, [ptr; 3], 0),
                _ if self.is_not_null(func, ptr) => Remove,
                _ => Same,
            },
            Inst::Check { cond, kind } => match self.bits(func, cond) {
                Some(0) => Outcome::Trap(kind, [cond; 3], 0),
                Some(_) => Remove,
                None if self.is_known_by_inverse(func, cond) => Remove,
                None => Same,
            },
            Inst::Bounds { index, len, unsigned } => match (self.bits(func, index), self.bits(func, len)) {
                (Some(i), Some(n)) if in_range(i, n) => Remove,
                // The trap at the end of a block names a signed number.
                (Some(i), Some(_)) if unsigned && (i as i64) < 0 => Same,
                (Some(_), Some(_)) => Outcome::Trap(TrapKind::IndexOutOfRange, [index, len, len], 2),
                _ => Same,
            },
            Inst::SliceBounds { lo, hi, len, unsigned } => {
                let bits = |operand| self.bits(func, operand).map(|bits| bits as i64);
                let (low, high, length) = (bits(lo), bits(hi), bits(len));
                match (low, high, length) {
                    (Some(low), Some(high), Some(length)) if 0 <= low && low <= high && high <= length => {
                        Remove
                    }
                    // The trap at the end of a block names signed numbers.
                    (Some(low), Some(high), Some(_)) if unsigned && (low < 0 || high < 0) => Same,
                    (Some(_), Some(_), Some(_)) => Outcome::Trap(TrapKind::SliceOutOfRange, [lo, hi, len], 3),
                    _ => Same,
                }
            }
            _ => Same,
        }
    }

    /// True when the opposite comparison is known to be false here.
    fn is_known_by_inverse(&mut self, func: &mut Func, cond: Operand) -> bool {
        let Some(Inst::Cmp { op, ty, a, b, .. }) = self.def(func, cond) else { return false };
        let Some(op) = fold::inverse(op) else { return false };
        let key = self.key(func, Inst::Cmp { op, ty, dst: Reg(0), a, b });
        let Some((home, Some(opposite))) = self.available.get(&key) else { return false };
        if !self.tree.dominates(home, self.block) {
            return false;
        }
        let opposite = self.resolve(func, opposite);
        self.bits(func, opposite) == Some(0)
    }
}

/// True when the float operation with this right operand gives the left one, whatever that is.
fn float_identity(op: BinOp, ty: Ty, bits: u64) -> bool {
    let (one, minus_zero) = match ty {
        Ty::F32 => (1f32.to_bits() as u64, (-0f32).to_bits() as u64),
        _ => (1f64.to_bits(), (-0f64).to_bits()),
    };
    match op {
        BinOp::FMul | BinOp::FDiv => bits == one,
        BinOp::FAdd => bits == minus_zero,
        BinOp::FSub => bits == 0,
        _ => false,
    }
}
