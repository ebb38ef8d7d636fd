//! Conversions, slices.

use super::Lower;
use super::value::Value;
use crate::thir::{Cast, E, Kind};
use crate::types::{TypeId, TypeKind};
use smallvec::smallvec;
use sx_ir::{Addr, BinOp, CmpOp, ConvOp, Inst, Operand, Term, TrapKind, Ty, UnOp};

impl<'b> Lower<'_, 'b> {
    pub(super) fn cast(&mut self, e: E<'b>, cast: Cast, operand: E<'b>) -> Value {
        match cast {
            Cast::Int => {
                let op = self.scalar(operand);
                self.at(e.loc);
                let op = self.convert_int(op, operand.ty, e.ty);
                self.one(op)
            }
            Cast::IntToFloat | Cast::FloatToInt | Cast::Float => {
                let op = self.scalar(operand);
                self.at(e.loc);
                let op = self.convert_float(cast, op, operand.ty, e.ty);
                self.one(op)
            }
            Cast::IntToEnum => {
                let op = self.scalar(operand);
                self.at(e.loc);
                let op = self.int_to_enum(op, operand.ty, e.ty);
                self.one(op)
            }
            Cast::Bits => self.same_bits(e, operand),
            Cast::Wrap => self.wrap(e, operand),
            Cast::ArrayToSlice => self.slice(e, operand, None, None),
            Cast::FuncToClosure => self.func_to_closure(e, operand),
            Cast::Discard => {
                self.effect(operand);
                self.dummy(e.ty)
            }
            Cast::Never => {
                self.noreturn(operand);
                self.dummy(e.ty)
            }
            Cast::Succeed => self.value(operand),
        }
    }

    /// Keeps the low bits, extended by the source's sign.
    pub(super) fn convert_int(&mut self, op: Operand, from: TypeId, to: TypeId) -> Operand {
        let (from_ty, to_ty) = (self.scalar_ty(from), self.scalar_ty(to));
        let (from_bits, from_signed) = self.types.int_repr(from).unwrap_or((64, false));
        let (to_bits, to_signed) = self.types.int_repr(to).unwrap_or((64, false));
        let size = |ty: Ty| ty.size(8);
        let wide = if size(to_ty) > size(from_ty) {
            self.b.conv(if from_signed { ConvOp::Sext } else { ConvOp::Zext }, from_ty, to_ty, op)
        } else if size(to_ty) < size(from_ty) {
            self.b.conv(ConvOp::Trunc, from_ty, to_ty, op)
        } else {
            op
        };
        let fits =
            (from_signed == to_signed && from_bits <= to_bits) || (!from_signed && from_bits < to_bits);
        if fits || to_bits as u32 == size(to_ty) * 8 {
            return wide;
        }
        self.b.un(if to_signed { UnOp::SextIn(to_bits) } else { UnOp::ZextIn(to_bits) }, to_ty, wide)
    }

    fn convert_float(&mut self, cast: Cast, op: Operand, from: TypeId, to: TypeId) -> Operand {
        let (from_ty, to_ty) = (self.scalar_ty(from), self.scalar_ty(to));
        match cast {
            Cast::IntToFloat => {
                let signed = self.types.int_repr(from).is_some_and(|(_, signed)| signed);
                self.b.conv(if signed { ConvOp::SToF } else { ConvOp::UToF }, from_ty, to_ty, op)
            }
            Cast::FloatToInt => {
                let signed = self.types.int_repr(to).is_some_and(|(_, signed)| signed);
                let op = self.b.conv(if signed { ConvOp::FToS } else { ConvOp::FToU }, from_ty, to_ty, op);
                match self.odd_width(to) {
                    Some((bits, signed)) => self.clamp(op, to_ty, bits, signed),
                    None => op,
                }
            }
            _ if from_ty == to_ty => op,
            _ if to_ty == Ty::F64 => self.b.conv(ConvOp::FExt, from_ty, to_ty, op),
            _ => self.b.conv(ConvOp::FTrunc, from_ty, to_ty, op),
        }
    }
    /// Saturates at the limits of an odd width.
    fn clamp(&mut self, op: Operand, ty: Ty, bits: u8, signed: bool) -> Operand {
        let max = (1u64 << (bits - signed as u8)) - 1;
        let max = self.b.constant(ty, max);
        let below = self.b.cmp(if signed { CmpOp::SLt } else { CmpOp::ULt }, ty, op, max);
        let op = self.select_ops(ty, below, op, max);
        if !signed {
            return op;
        }
        let min = self.b.constant(ty, u64::MAX << (bits - 1));
        let above = self.b.cmp(CmpOp::SGt, ty, op, min);
        self.select_ops(ty, above, op, min)
    }
    pub(super) fn select_ops(&mut self, ty: Ty, cond: Operand, a: Operand, b: Operand) -> Operand {
        let dst = self.b.temp(ty);
        self.b.push(Inst::Select { ty, dst, cond, a, b });
        dst.into()
    }

    /// Traps unless a variant has the integer's value.
    fn int_to_enum(&mut self, op: Operand, from: TypeId, to: TypeId) -> Operand {
        let ty = self.scalar_ty(from);
        let values = self.variant_values(from, to);
        let contiguous = match (values.first(), values.last()) {
            (Some(first), Some(last)) => last - first == values.len() as i128 - 1,
            _ => false,
        };
        if contiguous {
            let first = self.b.constant(ty, values[0] as u64);
            let count = self.b.constant(ty, (values.len() - 1) as u64);
            let index = if values[0] == 0 { op } else { self.b.bin(BinOp::Sub, ty, op, first) };
            let inside = self.b.cmp(CmpOp::ULe, ty, index, count);
            self.check(inside, TrapKind::BadEnumTag);
        } else {
            let (good, bad) = (self.block(), self.block());
            let mask = u64::MAX >> (64 - ty.size(8) * 8);
            let cases = values.iter().map(|&value| (value as u64 & mask, good)).collect();
            self.terminate(Term::Switch { ty, val: op, cases, default: bad });
            self.enter(bad);
            self.trap(TrapKind::BadEnumTag, &[]);
            self.enter(good);
        }
        self.convert_int(op, from, to)
    }
    /// The values of an enum's variants that the integer type can hold, each once, in order.
    fn variant_values(&self, from: TypeId, to: TypeId) -> Vec<i128> {
        let TypeKind::Enum(id) = *self.types.kind(to) else {
            panic!("an enum is expected, found {:?}", self.types.kind(to))
        };
        let def = self.types.enum_def(id);
        let signed_tag = self.types.int_repr(def.tag).is_some_and(|(_, signed)| signed);
        let (bits, signed) = self.types.int_repr(from).unwrap_or((64, false));
        let range = match signed {
            true => -(1i128 << (bits - 1))..(1i128 << (bits - 1)),
            false => 0..1i128 << bits,
        };
        let values = def.variants.iter().map(|variant| match signed_tag {
            true => variant.value as i64 as i128,
            false => variant.value as i128,
        });
        let mut values: Vec<i128> = values.filter(|value| range.contains(value)).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    fn same_bits(&mut self, e: E<'b>, operand: E<'b>) -> Value {
        let value = self.value(operand);
        self.at(e.loc);
        let (from, to) = (self.types.layout(operand.ty), self.types.layout(e.ty));
        match (value, &to.leaves) {
            (Value::Regs(ops), Some(_)) => self.extract(&ops, &from, 0, e.ty),
            (value @ Value::Regs(_), None) => Value::Mem(self.in_memory(&value, &from)),
            (Value::Mem(addr), _) => self.load(addr, e.ty),
        }
    }

    fn wrap(&mut self, e: E<'b>, operand: E<'b>) -> Value {
        let layout = self.types.layout(e.ty);
        if !layout.is_scalars() {
            let slot = self.slot_for(&layout);
            self.wrap_at(e, operand, slot);
            return Value::Mem(slot);
        }
        let mut ops = self.regs(operand);
        if self.types.niche(operand.ty).is_none() {
            ops.push(self.b.bool(true));
        }
        Value::Regs(ops)
    }
    /// `T` to `?T` in memory.
    pub(super) fn wrap_at(&mut self, e: E<'b>, operand: E<'b>, addr: Addr) {
        self.build(operand, addr);
        if self.types.niche(operand.ty).is_none() {
            let off = self.types.field_offset(e.ty, 1);
            let flag = self.offset(addr, off as u64);
            let there = self.b.bool(true);
            self.b.store(Ty::I8, flag, there);
        }
    }

    /// `base[lo..hi]`; without bounds the whole of it.
    pub(super) fn slice(&mut self, e: E<'b>, base: E<'b>, lo: Option<E<'b>>, hi: Option<E<'b>>) -> Value {
        let bounds_assign = lo.is_some_and(|e| self.may_assign(e)) || hi.is_some_and(|e| self.may_assign(e));
        let elem = self.types.elem(base.ty).expect("what is sliced has elements");
        let stride = self.types.layout(elem).size;
        let (ptr, len) = self.sequence(base, bounds_assign);
        let given = || [lo, hi].into_iter().flatten();
        let unsigned = given().any(|e| self.was_unsigned(e))
            && given().all(|e| self.was_unsigned(e) || matches!(e.kind, Kind::Int(_)));
        let lo = lo.map(|lo| {
            let op = self.scalar(lo);
            if hi.is_some_and(|hi| self.may_assign(hi)) { self.stable(op) } else { op }
        });
        let hi = hi.map(|hi| self.scalar(hi));
        self.at(e.loc);
        let start = lo.unwrap_or_else(|| self.b.i64(0));
        let end = hi.or(len).expect("a many-pointer is sliced with an end");
        if lo.is_some() || hi.is_some() {
            let len = len.unwrap_or(end);
            let constant = |op| self.b.func().operand_const(op).map(|value| value.bits as i64);
            let fine = matches!((constant(start), constant(end), constant(len)),
                (Some(lo), Some(hi), Some(len)) if 0 <= lo && lo <= hi && hi <= len);
            if !fine {
                self.b.push(Inst::SliceBounds { lo: start, hi: end, len, unsigned });
            }
        }
        if lo.is_none() {
            return Value::Regs(smallvec![ptr, end]);
        }
        let first = self.b.index(ptr, start, stride);
        let count = self.b.bin(BinOp::Sub, Ty::I64, end, start);
        Value::Regs(smallvec![first, count])
    }
    /// Address and length of an array (of its memory), slice or string; a many-pointer has no length.
    pub(super) fn sequence(&mut self, base: E<'b>, stable: bool) -> (Operand, Option<Operand>) {
        if let TypeKind::Array(_, len) = *self.types.kind(base.ty) {
            let len = self.b.i64(len as i64);
            if self.types.layout(base.ty).size == 0 {
                self.effect(base);
                return (self.b.null(), Some(len));
            }
            let addr = if self.is_place(base) { self.place_in_memory(base) } else { self.temporary(base) };
            let ptr = self.address(addr);
            return (if stable { self.stable(ptr) } else { ptr }, Some(len));
        }
        let ops = self.regs(base);
        let ops = if stable { self.stable_ops(ops) } else { ops };
        (ops[0], ops.get(1).copied())
    }
}
