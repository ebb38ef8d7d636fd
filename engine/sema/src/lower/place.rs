//! Places: memory, or parts of locals in registers.

use super::Lower;
use super::value::{Ops, Value};
use crate::thir::{Cast, E, Kind, LocalKind};
use crate::types::{TypeId, TypeKind};
use std::sync::Arc;
use sx_ir::layout::Layout;
use sx_ir::{Addr, Base, CmpOp, Inst, Operand, TrapKind, Ty};

/// Where a value is read from or written to.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Memory.
    Mem(Addr),
    /// The part at `off` of a value in registers of this layout: a local, or a value that is only read.
    Part { ops: Ops, layout: Arc<Layout>, off: u32 },
}

impl<'b> Lower<'_, 'b> {
    /// An address `by` bytes further.
    pub(super) fn offset(&mut self, addr: Addr, by: u64) -> Addr {
        let off = i32::try_from(by).ok().and_then(|by| addr.off.checked_add(by));
        match off {
            Some(off) => Addr { base: addr.base, off },
            None => {
                let base = self.address(addr);
                let index = self.b.i64(by as i64);
                Addr { base: Base::Reg(self.b.index(base, index, 1)), off: 0 }
            }
        }
    }
    /// The part of a place at an offset.
    pub(super) fn part(&mut self, place: Place, by: u32) -> Place {
        match place {
            Place::Mem(addr) => Place::Mem(self.offset(addr, by as u64)),
            Place::Part { ops, layout, off } => Place::Part { ops, layout, off: off + by },
        }
    }
    /// Reads a place.
    pub(super) fn read(&mut self, place: &Place, ty: TypeId) -> Value {
        match place {
            Place::Mem(addr) => self.load(*addr, ty),
            Place::Part { ops, layout, off } => self.extract(ops, layout, *off, ty),
        }
    }
    /// Reads a place with one scalar, or a vector.
    pub(super) fn read_scalar(&mut self, place: &Place, ty: TypeId) -> Operand {
        if let Some(ty) = self.vec_ty(ty) {
            return self.read_vector(place, ty);
        }
        match self.read(place, ty) {
            Value::Regs(ops) if ops.len() == 1 => ops[0],
            _ => panic!("one scalar is expected, found {:?}", self.types.kind(ty)),
        }
    }
    /// Writes a value to a place.
    pub(super) fn write(&mut self, place: &Place, value: &Value, ty: TypeId, mark: u32) {
        match place {
            Place::Mem(addr) => self.store(*addr, value, ty),
            Place::Part { ops, layout, off } => {
                if let Some(regs) = self.exact_regs(place, ty) {
                    return self.write_vars(&regs, value, mark);
                }
                // The part has another shape than the scalars around it: it is changed in memory.
                let whole = self.in_memory(&Value::Regs(ops.clone()), layout);
                let part = self.offset(whole, *off as u64);
                self.store(part, value, ty);
                let leaves = layout.leaves.iter().flatten();
                for (leaf, op) in leaves.zip(ops) {
                    let reg = op.as_reg().expect("places that are written are registers");
                    let addr = self.offset(whole, leaf.off as u64);
                    self.b.push(Inst::Load { ty: leaf.ty, dst: reg, addr });
                }
            }
        }
    }
    /// A place whose address doesn't change whatever is assigned later.
    pub(super) fn stable_place(&mut self, place: Place) -> Place {
        match place {
            Place::Mem(Addr { base: Base::Reg(base), off }) => {
                Place::Mem(Addr { base: Base::Reg(self.stable(base)), off })
            }
            Place::Mem(_) | Place::Part { .. } => place,
        }
    }
    /// The memory of a place, which is a copy if it isn't memory.
    pub(super) fn memory(&mut self, place: &Place) -> Addr {
        match place {
            Place::Mem(addr) => *addr,
            Place::Part { ops, layout, off } => {
                let whole = self.in_memory(&Value::Regs(ops.clone()), layout);
                self.offset(whole, *off as u64)
            }
        }
    }

    /// True for types whose values have their elements in them.
    fn holds_elements(&self, ty: TypeId) -> bool {
        matches!(self.types.kind(ty), TypeKind::Array(..) | TypeKind::Vector(..))
    }
    /// True for expressions that are places by the typed tree's rules; an unwrapped place is one, too.
    pub(super) fn is_place(&self, mut e: E<'b>) -> bool {
        loop {
            match e.kind {
                Kind::Local(_) | Kind::Global(_) | Kind::ConstData(_) | Kind::Context | Kind::Deref(_) => {
                    return true;
                }
                Kind::Index { base, .. } if !self.holds_elements(base.ty) => {
                    return true;
                }
                Kind::Field { base, .. }
                | Kind::Index { base, .. }
                | Kind::Payload { base, .. }
                | Kind::OptPayload(base)
                | Kind::Unwrap(base) => e = base,
                _ => return false,
            }
        }
    }
    /// True for places in memory that nothing stores to for as long as the function runs.
    pub(super) fn is_constant_place(&self, mut e: E<'b>) -> bool {
        loop {
            match e.kind {
                Kind::ConstData(_) => return true,
                Kind::Local(id) => {
                    let local = &self.decls[id.0 as usize];
                    return !matches!(local.kind, LocalKind::Alias)
                        && !local.assigned
                        && !local.address_taken;
                }
                Kind::Index { base, .. } if self.holds_elements(base.ty) => {
                    e = base;
                }
                Kind::Field { base, .. }
                | Kind::Payload { base, .. }
                | Kind::OptPayload(base)
                | Kind::Unwrap(base) => e = base,
                _ => return false,
            }
        }
    }

    /// Evaluates a place, or a value as one that is only read.
    pub(super) fn place(&mut self, e: E<'b>) -> Place {
        match e.kind {
            Kind::Local(id) => self.local(id),
            Kind::Global(id) => Place::Mem(Addr { base: Base::Global(id), off: 0 }),
            Kind::ConstData(id) => Place::Mem(Addr { base: Base::Data(id), off: 0 }),
            Kind::Context => Place::Mem(Addr { base: Base::Reg(self.ctx), off: 0 }),
            Kind::Deref(pointer) => self.deref(e, pointer),
            Kind::Field { base, offset } => {
                let base = self.place(base);
                self.part(base, offset)
            }
            Kind::Index { base, index } => self.index(e, base, index),
            Kind::Payload { base, tag, checked } => self.payload(e, base, tag, checked),
            Kind::OptPayload(base) => self.place(base),
            Kind::Unwrap(base) => {
                let place = self.place(base);
                self.at(e.loc);
                let there = self.has_value_at(&place, base.ty);
                self.check(there, TrapKind::UnwrapNull);
                place
            }
            _ => match self.value(e) {
                Value::Mem(addr) => Place::Mem(addr),
                Value::Regs(ops) => Place::Part { ops, layout: self.types.layout(e.ty), off: 0 },
            },
        }
    }

    fn deref(&mut self, e: E<'b>, pointer: E<'b>) -> Place {
        let known = match pointer.kind {
            Kind::AddrOf(place) => {
                if self.is_place(place) {
                    return self.place(place);
                }
                true
            }
            Kind::ExternAddr(_) => true,
            _ => false,
        };
        let address = self.scalar(pointer);
        self.at(e.loc);
        if !known {
            self.null_check(address);
        }
        Place::Mem(Addr { base: Base::Reg(address), off: 0 })
    }

    fn payload(&mut self, e: E<'b>, base: E<'b>, tag: u64, checked: bool) -> Place {
        let place = self.place(base);
        let TypeKind::Enum(id) = *self.types.kind(base.ty) else { return place };
        if checked {
            self.at(e.loc);
            let tag_ty = self.types.enum_def(id).tag;
            let found = self.read_scalar(&place, tag_ty);
            let ty = self.scalar_ty(tag_ty);
            let wanted = self.b.constant(ty, tag);
            let same = self.b.cmp(CmpOp::Eq, ty, found, wanted);
            self.check(same, TrapKind::WrongUnionTag);
        }
        let offset = self.types.field_offset(base.ty, 1);
        self.part(place, offset)
    }

    fn index(&mut self, e: E<'b>, base: E<'b>, index: E<'b>) -> Place {
        let elem = self.types.elem(base.ty).expect("what is indexed has elements");
        let stride = self.types.layout(elem).size;
        match *self.types.kind(base.ty) {
            TypeKind::Array(_, len) => return self.index_array(e, base, index, len, stride),
            TypeKind::Vector(_, lanes) => return self.index_array(e, base, index, lanes as u64, stride),
            _ => {}
        }
        let (changes, unsigned) = (self.may_assign(index), self.was_unsigned(index));
        let ops = self.regs(base);
        let ops = if changes { self.stable_ops(ops) } else { ops };
        let index = self.scalar(index);
        self.at(e.loc);
        match ops[..] {
            [_, len] => self.b.push(Inst::Bounds { index, len, unsigned }),
            [ptr] => self.null_check(ptr),
            _ => panic!("{:?} can't be indexed", self.types.kind(base.ty)),
        }
        self.element(Addr { base: Base::Reg(ops[0]), off: 0 }, index, stride)
    }

    fn index_array(&mut self, e: E<'b>, base: E<'b>, index: E<'b>, len: u64, stride: u32) -> Place {
        let (changes, unsigned) = (self.may_assign(index), self.was_unsigned(index));
        let mut place = self.place(base);
        if changes {
            place = self.stable_place(place);
        }
        let index = self.scalar(index);
        self.at(e.loc);
        let constant = self.b.func().operand_const(index).map(|value| value.bits);
        let outside = constant.is_some_and(|i| i >= len);
        if constant.is_none() || outside {
            let len = self.b.i64(len as i64);
            self.b.push(Inst::Bounds { index, len, unsigned });
        }
        if stride == 0 || outside || len == 0 {
            // Nothing is read there.
            let null = self.b.null();
            return Place::Mem(Addr { base: Base::Reg(null), off: 0 });
        }
        let addr = self.memory(&place);
        self.element(addr, index, stride)
    }

    /// True for an index that was an unsigned number before it was brought to 64 bits with a sign.
    pub(super) fn was_unsigned(&self, index: E<'b>) -> bool {
        match index.kind {
            Kind::Cast(Cast::Int, from) => {
                self.types.is_int(from.ty) && self.types.int_repr(from.ty) == Some((64, false))
            }
            _ => false,
        }
    }
    /// The `index`th element from an address on.
    pub(super) fn element(&mut self, addr: Addr, index: Operand, stride: u32) -> Place {
        if let Some(constant) = self.b.func().operand_const(index) {
            let by = constant.bits.checked_mul(stride as u64).filter(|&by| by <= i32::MAX as u64);
            if let Some(by) = by {
                return Place::Mem(self.offset(addr, by));
            }
        }
        let base = match addr.base {
            Base::Slot(_) | Base::Global(_) | Base::Data(_) => self.hoisted_address(addr),
            Base::Reg(_) => self.address(addr),
        };
        Place::Mem(Addr { base: Base::Reg(self.b.index(base, index, stride)), off: 0 })
    }

    /// `@`: the address of a place, or of a temporary with the value.
    pub(super) fn address_of(&mut self, e: E<'b>) -> Operand {
        if self.is_place(e) {
            let place = self.place(e);
            debug_assert!(
                matches!(place, Place::Mem(_)) || self.types.layout(e.ty).size == 0,
                "a local whose address is taken has memory"
            );
            let addr = self.memory(&place);
            return self.address(addr);
        }
        let addr = self.temporary(e);
        self.address(addr)
    }
    /// Evaluates a value into new memory.
    pub(super) fn temporary(&mut self, e: E<'b>) -> Addr {
        let layout = self.types.layout(e.ty);
        let slot = self.slot_for(&layout);
        self.build(e, slot);
        slot
    }
    /// The memory of a place, or of a temporary with the value.
    pub(super) fn place_in_memory(&mut self, e: E<'b>) -> Addr {
        let place = self.place(e);
        self.memory(&place)
    }

    /// The tag at the start of a tagged union.
    pub(super) fn tag(&mut self, e: E<'b>, union: E<'b>) -> Operand {
        let place = self.place(union);
        self.read_scalar(&place, e.ty)
    }
    /// Whether an optional, or a value of a type with a null, is there.
    pub(super) fn has_value(&mut self, e: E<'b>) -> Operand {
        let place = self.place(e);
        self.has_value_at(&place, e.ty)
    }
    /// Whether what stands at a place isn't null.
    pub(super) fn has_value_at(&mut self, place: &Place, ty: TypeId) -> Operand {
        let of = match *self.types.kind(ty) {
            TypeKind::Optional(of) => of,
            _ => ty,
        };
        let Some(off) = self.types.niche(of) else {
            let flag = self.types.field_offset(ty, 1);
            let flag = self.part(place.clone(), flag);
            return self.read_scalar(&flag, TypeId::BOOL);
        };
        let word = self.part(place.clone(), off);
        let is_error = matches!(self.types.kind(of), TypeKind::ErrorSet(_));
        let (ty, as_type) = if is_error { (Ty::I32, TypeId::U32) } else { (Ty::Ptr, TypeId::VOID_PTR) };
        let word = self.read_scalar(&word, as_type);
        let null = self.b.constant(ty, 0);
        self.b.cmp(CmpOp::Ne, ty, word, null)
    }
}
