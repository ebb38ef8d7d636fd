//! Structs, arrays, unions made of their parts.

use super::Lower;
use super::value::{Ops, Value};
use crate::thir::{E, Kind};
use crate::types::{TypeId, TypeKind};
use sx_ir::layout::Layout;
use sx_ir::{Addr, Base, BinOp, CmpOp, Data, DataId, Inst, Ty};

/// Arrays of constants from this length on are copied from data.
const MIN_DATA_LEN: usize = 4;

/// An array of one value up to this length is stored element by element.
const MAX_UNROLLED: u64 = 8;

impl<'b> Lower<'_, 'b> {
    /// A value made of parts.
    pub(super) fn construct(&mut self, e: E<'b>) -> Value {
        let layout = self.types.layout(e.ty);
        if !layout.is_scalars() {
            let slot = self.slot_for(&layout);
            self.construct_parts_at(e, slot);
            return Value::Mem(slot);
        }
        match e.kind {
            Kind::Aggregate(parts) if parts.iter().all(|part| self.types.layout(part.1.ty).is_scalars()) => {
                let list: smallvec::SmallVec<[E<'b>; 8]> = parts.iter().map(|part| part.1).collect();
                let stable = self.before_assign(&list);
                let mut ops = self.zeros(&layout);
                for (i, &(off, part)) in parts.iter().enumerate() {
                    let value = self.regs(part);
                    let value = if i < stable { self.stable_ops(value) } else { value };
                    let of = self.types.layout(part.ty);
                    self.insert(&mut ops, &layout, off, &value, &of);
                }
                Value::Regs(ops)
            }
            Kind::Variant { tag, payload } => self.variant(e, tag, payload, &layout),
            Kind::Aggregate(_) => self.through_memory(e, &layout),
            Kind::Array(elems) => {
                elems.iter().for_each(|elem| self.effect(elem));
                Value::Regs(Ops::new())
            }
            Kind::Repeat(elem) => {
                self.effect(elem);
                Value::Regs(Ops::new())
            }
            _ => Value::Regs(self.zeros(&layout)),
        }
    }
    /// The same into memory that the parts don't read.
    pub(super) fn construct_at(&mut self, e: E<'b>, addr: Addr) {
        let layout = self.types.layout(e.ty);
        match layout.is_scalars() {
            true => {
                let value = self.construct(e);
                self.store(addr, &value, e.ty);
            }
            false => self.construct_parts_at(e, addr),
        }
    }
    fn through_memory(&mut self, e: E<'b>, layout: &Layout) -> Value {
        let slot = self.slot_for(layout);
        self.construct_parts_at(e, slot);
        self.load(slot, e.ty)
    }

    fn variant(&mut self, e: E<'b>, tag: u64, payload: Option<E<'b>>, layout: &Layout) -> Value {
        if payload.is_some_and(|payload| !self.types.layout(payload.ty).is_scalars()) {
            return self.through_memory(e, layout);
        }
        let mut ops = self.zeros(layout);
        let off = self.tagged(e.ty).map(|(tag_ty, off)| {
            let ty = self.scalar_ty(tag_ty);
            ops[0] = self.b.constant(ty, tag);
            off
        });
        if let Some(payload) = payload {
            let value = self.regs(payload);
            let of = self.types.layout(payload.ty);
            self.insert(&mut ops, layout, off.unwrap_or(0), &value, &of);
        }
        Value::Regs(ops)
    }
    /// Of a tagged union: the tag's type and the payload's offset.
    pub(super) fn tagged(&mut self, ty: TypeId) -> Option<(TypeId, u32)> {
        let TypeKind::Enum(id) = *self.types.kind(ty) else { return None };
        let tag = self.types.enum_def(id).tag;
        Some((tag, self.types.field_offset(ty, 1)))
    }

    fn construct_parts_at(&mut self, e: E<'b>, addr: Addr) {
        match e.kind {
            Kind::Undef => {}
            Kind::Aggregate(parts) => {
                self.zero_gaps(e.ty, parts, addr);
                for &(off, part) in parts {
                    let at = self.offset(addr, off as u64);
                    self.build(part, at);
                }
            }
            Kind::Array(elems) => {
                if let Some(data) = self.constant_array(e) {
                    let src = Addr { base: Base::Data(data), off: 0 };
                    let size = self.types.layout(e.ty).size;
                    return self.b.push(Inst::MemCopy { dst: addr, src, size });
                }
                let Some(first) = elems.first() else { return };
                let stride = self.types.layout(first.ty).size as u64;
                for (i, elem) in elems.iter().enumerate() {
                    let at = self.offset(addr, i as u64 * stride);
                    self.build(elem, at);
                }
            }
            Kind::Repeat(elem) => self.repeat_at(e, elem, addr),
            Kind::Variant { tag, payload } => self.variant_at(e, tag, payload, addr),
            _ => self.store_zero(addr, e.ty),
        }
    }
    /// Writes zero to what no part covers. Padding may hold anything.
    fn zero_gaps(&mut self, ty: TypeId, parts: &[(u32, E<'b>)], addr: Addr) {
        let whole = self.types.layout(ty);
        if super::sig::members(self.types, ty).len() == parts.len() {
            return;
        }
        if !parts.is_sorted_by_key(|part| part.0) {
            return self.b.push(Inst::MemZero { dst: addr, size: whole.size });
        }
        let mut end = 0;
        for &(off, part) in parts {
            self.zero_between(addr, end, off);
            end = off + self.types.layout(part.ty).size;
        }
        self.zero_between(addr, end, whole.size);
    }
    fn zero_between(&mut self, addr: Addr, from: u32, to: u32) {
        if from < to {
            let dst = self.offset(addr, from as u64);
            self.b.push(Inst::MemZero { dst, size: to - from });
        }
    }
    fn variant_at(&mut self, e: E<'b>, tag: u64, payload: Option<E<'b>>, addr: Addr) {
        let off = match self.tagged(e.ty) {
            Some((tag_ty, off)) => {
                let ty = self.scalar_ty(tag_ty);
                let tag = self.b.constant(ty, tag);
                self.b.store(ty, addr, tag);
                off
            }
            None => {
                let covered = payload.map_or(0, |payload| self.types.layout(payload.ty).size);
                let whole = self.types.layout(e.ty).size;
                self.zero_between(addr, covered, whole);
                0
            }
        };
        if let Some(payload) = payload {
            let at = self.offset(addr, off as u64);
            self.build(payload, at);
        }
    }

    fn repeat_at(&mut self, e: E<'b>, elem: E<'b>, addr: Addr) {
        let TypeKind::Array(_, len) = *self.types.kind(e.ty) else {
            panic!("an array is expected, found {:?}", self.types.kind(e.ty))
        };
        let whole = self.types.layout(e.ty);
        let layout = self.types.layout(elem.ty);
        let value = self.value(elem);
        let value = match &value {
            Value::Regs(ops) => {
                let zero = |&op| self.b.func().operand_const(op).is_some_and(|value| value.bits == 0);
                if ops.iter().all(zero) {
                    return self.b.push(Inst::MemZero { dst: addr, size: whole.size });
                }
                value
            }
            Value::Mem(_) => value,
        };
        if let Value::Regs(ops) = &value
            && layout.size == 1
        {
            let (dst, len) = (self.address(addr), self.b.i64(len as i64));
            return self.b.push(Inst::MemSet { dst, val: ops[0], len });
        }
        if len <= MAX_UNROLLED {
            for i in 0..len {
                let at = self.offset(addr, i * layout.size as u64);
                self.store(at, &value, elem.ty);
            }
            return;
        }
        self.counted(len, |lower, index| {
            let base = lower.address(addr);
            let at = Addr { base: Base::Reg(lower.b.index(base, index, layout.size)), off: 0 };
            lower.store(at, &value, elem.ty);
        });
    }
    /// Runs `body` for the indices below `len`, which isn't 0.
    pub(super) fn counted(&mut self, len: u64, body: impl FnOnce(&mut Self, sx_ir::Operand)) {
        let i = self.b.var(Ty::I64);
        let zero = self.b.i64(0);
        self.write_var(i, zero, self.mark());
        let (head, exit) = (self.block(), self.block());
        self.jump(head);
        self.enter(head);
        body(self, i.into());
        let one = self.b.i64(1);
        self.b.push(Inst::Poll);
        self.b.push(Inst::Bin { op: BinOp::Add, ty: Ty::I64, dst: i, a: i.into(), b: one });
        let len = self.b.i64(len as i64);
        let more = self.b.cmp(CmpOp::SLt, Ty::I64, i.into(), len);
        self.branch(more, head, exit);
        self.enter(exit);
    }

    /// Read-only data with the value of an array of constants, if it is one.
    pub(super) fn constant_array(&mut self, e: E<'b>) -> Option<DataId> {
        let Kind::Array(elems) = e.kind else { return None };
        if elems.len() < MIN_DATA_LEN {
            return None;
        }
        let layout = self.types.layout(e.ty);
        let mut bytes = vec![0; layout.size as usize];
        self.constant_bytes(e, &mut bytes)?;
        Some(self.module.add_data(Data { bytes, align: layout.align, relocs: Vec::new() }))
    }
    /// Writes the bytes of a constant without addresses.
    fn constant_bytes(&mut self, e: E<'b>, out: &mut [u8]) -> Option<()> {
        match e.kind {
            Kind::Int(bits) => {
                let size = self.types.layout(e.ty).size as usize;
                out[..size].copy_from_slice(&bits.to_le_bytes()[..size]);
            }
            Kind::Float(value) if e.ty == TypeId::F32 => {
                out[..4].copy_from_slice(&(value as f32).to_bits().to_le_bytes());
            }
            Kind::Float(value) => out[..8].copy_from_slice(&value.to_bits().to_le_bytes()),
            Kind::Zero | Kind::Undef => {}
            Kind::Array(elems) => {
                let stride = elems.first().map_or(0, |elem| self.types.layout(elem.ty).size as usize);
                for (i, elem) in elems.iter().enumerate() {
                    self.constant_bytes(elem, &mut out[i * stride..])?;
                }
            }
            Kind::Aggregate(parts) => {
                for &(off, part) in parts {
                    self.constant_bytes(part, &mut out[off as usize..])?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}
