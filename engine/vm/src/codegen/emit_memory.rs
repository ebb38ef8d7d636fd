//! Loads, stores, addresses, blocks of memory.

use super::analyze::Item;
use super::emit::Emit;
use super::emit_jump::width;
use super::imm;
use super::order::NONE;
use crate::bytecode::{Op, Word};
use crate::objects::Place;
use sx_ir::{Addr, Base, Const, Inst, Operand, Reg, Ty};

/// A place in memory as instructions can name it.
pub(super) enum Target {
    /// Bytes from the frame.
    Frame(i32),
    /// An object of the instance and bytes from its start.
    Object(u32, i32),
    /// A slot that holds an address, and bytes from there.
    Slot(u16, i32),
}

/// An element of an array that an access folded in.
struct Element {
    base: Operand,
    index: Operand,
    stride: u32,
    /// The length that the index is checked against.
    len: Option<Operand>,
}

impl Emit<'_, '_> {
    fn frame_offset(&self, slot: sx_ir::SlotId, off: i32) -> Result<i32, String> {
        let offset = self.frame.memory[slot.index()] as i64 + off as i64;
        i32::try_from(offset)
            .map_err(|_| "function too large: an offset into its locals exceeds 2 GiB".to_owned())
    }
    /// True when an access of `size` bytes at this offset lies inside the slot: others go through an address.
    fn within(&self, slot: sx_ir::SlotId, off: i32, size: u32) -> bool {
        off >= 0 && off as u64 + size as u64 <= self.analysis.slot(slot).size as u64
    }
    pub(super) fn target(&mut self, addr: &Addr, size: u32) -> Result<Target, String> {
        let off = addr.off;
        match addr.base {
            Base::Slot(slot) if self.analysis.is_plain(slot) && self.within(slot, off, size) => {
                Ok(Target::Frame(self.frame_offset(slot, off)?))
            }
            Base::Slot(_) => {
                let slot = self.scratch();
                self.address(slot, &Addr { off: 0, ..*addr })?;
                Ok(Target::Slot(slot, off))
            }
            Base::Global(id) => Ok(Target::Object(self.tables.objects.global_number(id)?, off)),
            Base::Data(id) => match self.tables.objects.data_place(id)? {
                Place::Object(object) => Ok(Target::Object(object, off)),
                Place::Shared(address) => Ok(Target::Slot(self.shared(id, address), off)),
            },
            Base::Reg(base) => {
                if let Some((slot, first)) = self.analysis.frame_place(base)
                    && let Some(off) = first.checked_add(off)
                {
                    return self.target(&Addr { base: Base::Slot(slot), off }, size);
                }
                Ok(Target::Slot(self.src(base), off))
            }
        }
    }
    /// A slot with the address of shared data.
    fn shared(&mut self, id: sx_ir::DataId, address: usize) -> u16 {
        match self.analysis.shared_data(id) {
            Some(operand) => self.src(operand),
            None => {
                let slot = self.scratch();
                self.load(slot, Const { ty: Ty::Ptr, bits: address as u64 });
                slot
            }
        }
    }
    /// Computes an address.
    pub(super) fn address(&mut self, dst: u16, addr: &Addr) -> Result<(), String> {
        match addr.base {
            Base::Slot(slot) => {
                let start = self.frame_offset(slot, 0)?;
                if self.analysis.is_plain(slot) {
                    let offset = self.frame_offset(slot, addr.off)?;
                    let inside = addr.off >= 0 && addr.off as u64 <= self.analysis.slot(slot).size as u64;
                    if inside {
                        self.emit_w(Op::AddrF, dst, offset);
                        return Ok(());
                    }
                    self.emit_w(Op::AddrF, dst, start);
                } else {
                    self.emit_w(Op::AddrFA, dst, start);
                    self.extend(Word::halves(self.analysis.slot(slot).align as i32, 0));
                }
                self.add(dst, dst, addr.off as i64);
            }
            Base::Global(id) => {
                let object = self.tables.objects.global_number(id)?;
                self.emit_w(Op::AddrG, dst, object as i32);
                self.extend(Word::halves(addr.off, 0));
            }
            Base::Data(id) => match self.tables.objects.data_place(id)? {
                Place::Object(object) => {
                    self.emit_w(Op::AddrG, dst, object as i32);
                    self.extend(Word::halves(addr.off, 0));
                }
                Place::Shared(address) => {
                    let bits = (address as u64).wrapping_add(addr.off as i64 as u64);
                    self.load(dst, Const { ty: Ty::Ptr, bits });
                }
            },
            Base::Reg(base) => {
                let base = self.src(base);
                self.add(dst, base, addr.off as i64);
            }
        }
        Ok(())
    }
    /// `dst = src + value`.
    fn add(&mut self, dst: u16, src: u16, value: i64) {
        match i16::try_from(value) {
            Ok(0) => self.mov_slot(dst, src),
            Ok(short) => self.emit(Op::AddI, dst, src, short as u16),
            Err(_) => {
                self.emit(Op::AddW, dst, src, 0);
                self.extend(Word::raw(value as u64));
            }
        }
    }
    pub(super) fn index(&mut self, dst: Reg, base: Operand, index: Operand, stride: u32) {
        let check = self.analysis.bounds[self.number as usize];
        let len = self.checked_len(check);
        let dst = self.dst(dst);
        if let (None, Some(value)) = (len, self.constant(index)) {
            let base = self.src(base);
            let offset = (value.bits as i64).wrapping_mul(stride as i64);
            return self.add(dst, base, offset);
        }
        let (base, index) = (self.src(base), self.src(index));
        match len {
            Some(len) => match self.constant(len) {
                Some(len) => {
                    self.emit(Op::IdxK, dst, base, index);
                    self.extend(Word::halves(len.bits as i32, stride as i32));
                }
                None => {
                    let len = self.src(len);
                    self.emit(Op::IdxC, dst, base, index);
                    self.extend(Word::halves(len as i32, stride as i32));
                }
            },
            None if stride.is_power_of_two() && stride <= 8 => {
                self.emit(Op::Idx1.at(stride.trailing_zeros() as usize), dst, base, index);
            }
            None => {
                self.emit(Op::Idx, dst, base, index);
                self.extend(Word::halves(stride as i32, 0));
            }
        }
    }
    fn checked_len(&self, check: u32) -> Option<Operand> {
        if check == NONE {
            return None;
        }
        match self.analysis.item(check) {
            Item::Inst(Inst::Bounds { len, .. }) => Some(*len),
            _ => None,
        }
    }
    /// The element that this access folded in.
    fn element(&self, addr: &Addr) -> Option<Element> {
        let Base::Reg(base) = addr.base else { return None };
        let (def, inst) = self.analysis.definition(base)?;
        match *inst {
            Inst::Index { base, index, stride, .. } if self.analysis.absorbed[def as usize] => {
                let len = self.checked_len(self.analysis.bounds[self.number as usize]);
                Some(Element { base, index, stride, len })
            }
            _ => None,
        }
    }
    pub(super) fn load_from(&mut self, ty: Ty, dst: Reg, addr: &Addr) -> Result<(), String> {
        if let Some(ty) = ty.vector() {
            return self.load_vector(ty, dst, addr);
        }
        let dst = self.dst(dst);
        let size = width(ty);
        if let Some(element) = self.element(addr) {
            return self.load_element(size, dst, element, addr.off);
        }
        match self.target(addr, ty.size(8))? {
            Target::Frame(offset) => match frame_slot(offset, size) {
                Some(slot) => self.mov_slot(dst, slot),
                None => self.emit_w(Op::LdF8.at(size), dst, offset),
            },
            Target::Object(object, offset) => {
                self.emit_w(Op::LdG8.at(size), dst, object as i32);
                self.extend(Word::halves(offset, 0));
            }
            Target::Slot(base, offset) => match i16::try_from(offset) {
                Ok(short) => self.emit(Op::Ld8.at(size), dst, base, short as u16),
                Err(_) => {
                    self.emit(Op::LdW8.at(size), dst, base, 0);
                    self.extend(Word::halves(offset, 0));
                }
            },
        }
        Ok(())
    }
    fn load_element(&mut self, size: usize, dst: u16, element: Element, off: i32) -> Result<(), String> {
        let index = self.src(element.index);
        let scaled = element.stride == 1 << size && off == 0;
        if let Some((slot, first)) = self.analysis.frame_place(element.base) {
            let offset = self.frame_offset(slot, first)?;
            match element.len.and_then(|len| self.constant(len)) {
                Some(len) => {
                    self.emit(Op::LdFK8.at(size), dst, index, 0);
                    self.extend(Word::halves(len.bits as i32, offset));
                }
                None => {
                    self.emit(Op::LdFX8.at(size), dst, index, 0);
                    self.extend(Word::halves(offset, 0));
                }
            }
            return Ok(());
        }
        let base = self.src(element.base);
        match element.len {
            None => self.emit(Op::LdX8.at(size), dst, base, index),
            Some(len) => match self.constant(len) {
                Some(len) if scaled => {
                    self.emit(Op::LdXK8.at(size), dst, base, index);
                    self.extend(Word::halves(len.bits as i32, 0));
                }
                _ => {
                    let len = self.src(len);
                    if scaled {
                        self.emit(Op::LdXC8.at(size), dst, base, index);
                        self.extend(Word::raw(len as u64));
                    } else {
                        self.emit(Op::LdXG8.at(size), dst, base, index);
                        self.extend(general(len, off, element.stride));
                    }
                }
            },
        }
        Ok(())
    }
    pub(super) fn store_to(&mut self, ty: Ty, addr: &Addr, val: Operand) -> Result<(), String> {
        if let Some(ty) = ty.vector() {
            return self.store_vector(ty, addr, val);
        }
        let size = width(ty);
        if let Some(element) = self.element(addr) {
            return self.store_element(size, element, addr.off, val);
        }
        let target = self.target(addr, ty.size(8))?;
        if let (Target::Slot(base, offset), Some(value)) = (&target, self.constant(val))
            && let Ok(offset) = i16::try_from(*offset)
            && let Some(value) = if imm::is_float_zero(value) {
                Some(0)
            } else {
                imm::short(value, ty).filter(|_| !ty.is_float())
            }
        {
            self.emit(Op::StI8.at(size), *base, offset as u16, value as u16);
            return Ok(());
        }
        if let Target::Frame(offset) = target
            && let Some(slot) = frame_slot(offset, size)
        {
            self.mov(slot, val);
            return Ok(());
        }
        let val = self.src(val);
        match target {
            Target::Frame(offset) => self.emit_w(Op::StF8.at(size), val, offset),
            Target::Object(object, offset) => {
                self.emit_w(Op::StG8.at(size), val, object as i32);
                self.extend(Word::halves(offset, 0));
            }
            Target::Slot(base, offset) => match i16::try_from(offset) {
                Ok(short) => self.emit(Op::St8.at(size), base, short as u16, val),
                Err(_) => {
                    self.emit(Op::StW8.at(size), base, val, 0);
                    self.extend(Word::halves(offset, 0));
                }
            },
        }
        Ok(())
    }
    fn store_element(&mut self, size: usize, element: Element, off: i32, val: Operand) -> Result<(), String> {
        let (index, val) = (self.src(element.index), self.src(val));
        let scaled = element.stride == 1 << size && off == 0;
        if let Some((slot, first)) = self.analysis.frame_place(element.base) {
            let offset = self.frame_offset(slot, first)?;
            match element.len.and_then(|len| self.constant(len)) {
                Some(len) => {
                    self.emit(Op::StFK8.at(size), index, val, 0);
                    self.extend(Word::halves(len.bits as i32, offset));
                }
                None => {
                    self.emit(Op::StFX8.at(size), index, val, 0);
                    self.extend(Word::halves(offset, 0));
                }
            }
            return Ok(());
        }
        let base = self.src(element.base);
        match element.len {
            None => self.emit(Op::StX8.at(size), base, index, val),
            Some(len) => match self.constant(len) {
                Some(len) if scaled => {
                    self.emit(Op::StXK8.at(size), base, index, val);
                    self.extend(Word::halves(len.bits as i32, 0));
                }
                _ => {
                    let len = self.src(len);
                    if scaled {
                        self.emit(Op::StXC8.at(size), base, index, val);
                        self.extend(Word::raw(len as u64));
                    } else {
                        self.emit(Op::StXG8.at(size), base, index, val);
                        self.extend(general(len, off, element.stride));
                    }
                }
            },
        }
        Ok(())
    }
    pub(super) fn mem_copy(&mut self, dst: &Addr, src: &Addr, size: u32) -> Result<(), String> {
        if size == 0 || dst == src {
            return Ok(());
        }
        let (to, from) = (self.address_slot(dst)?, self.address_slot(src)?);
        if size == 16 {
            self.emit(Op::Cpy16, to, from, 0);
        } else {
            self.emit(Op::MemCpy, to, from, 0);
            self.extend(Word::halves(size as i32, 0));
        }
        Ok(())
    }
    pub(super) fn mem_zero(&mut self, dst: &Addr, size: u32) -> Result<(), String> {
        if size == 0 {
            return Ok(());
        }
        let to = self.address_slot(dst)?;
        self.emit_w(Op::MemZero, to, size as i32);
        Ok(())
    }
    /// A slot that holds an address.
    fn address_slot(&mut self, addr: &Addr) -> Result<u16, String> {
        if let Addr { base: Base::Reg(base), off: 0 } = *addr {
            return Ok(self.src(base));
        }
        let slot = self.scratch();
        self.address(slot, addr)?;
        Ok(slot)
    }
}

/// The extension of an access to a field of an element.
fn general(len: u16, off: i32, stride: u32) -> Word {
    Word { op: len, a: off as u16, b: stride as u16, c: (stride >> 16) as u16 }
}

/// The slot that is exactly the accessed place.
fn frame_slot(offset: i32, size: usize) -> Option<u16> {
    if size == 3 && offset % 8 == 0 {
        u16::try_from(offset / 8).ok().filter(|&slot| slot < 65_000)
    } else {
        None
    }
}
