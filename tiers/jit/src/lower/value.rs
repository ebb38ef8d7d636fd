//! Registers, constants, types.

use super::{Done, Home, Lower, Room};
use crate::compile::Unsupported;
use cranelift_codegen::ir::{self, InstBuilder, StackSlot, StackSlotData, StackSlotKind, Value, types};
use sx_ir::{Operand, Reg, Ty};

/// Cranelift's type of a scalar.
pub(super) fn scalar(ty: Ty) -> Done<ir::Type> {
    Ok(match ty {
        Ty::I8 => types::I8,
        Ty::I16 => types::I16,
        Ty::I32 => types::I32,
        Ty::I64 | Ty::Ptr => types::I64,
        Ty::F32 => types::F32,
        Ty::F64 => types::F64,
        Ty::Vec(_) => return Err(Unsupported::Malformed("a vector where a scalar belongs")),
    })
}

impl Lower<'_, '_> {
    /// A constant integer; of the value the low bits count.
    pub(super) fn int(&mut self, ty: ir::Type, value: u64) -> Value {
        let bits = value & (u64::MAX >> (64 - ty.bits()));
        self.b.ins().iconst(ty, bits as i64)
    }
    /// The value of an operand that is a scalar.
    pub(super) fn get(&mut self, operand: Operand) -> Done<Value> {
        if let Some(constant) = self.src.func.operand_const(operand) {
            return Ok(match constant.ty {
                Ty::F32 => self.b.ins().f32const(f32::from_bits(constant.bits as u32)),
                Ty::F64 => self.b.ins().f64const(f64::from_bits(constant.bits)),
                ty => {
                    let ty = scalar(ty)?;
                    self.int(ty, constant.bits)
                }
            });
        }
        match self.home(operand)? {
            Home::Temp(value) => Ok(value),
            Home::Var(var) => Ok(self.b.use_var(var)),
            Home::Unset => Err(Unsupported::Malformed("a temporary is read before it is assigned")),
            Home::Lanes(_) => Err(Unsupported::Malformed("a vector where a scalar belongs")),
        }
    }
    /// The memory of an operand that is a vector.
    pub(super) fn lanes_of(&self, operand: Operand) -> Done<StackSlot> {
        match self.home(operand)? {
            Home::Lanes(slot) => Ok(slot),
            _ => Err(Unsupported::Malformed("a scalar where a vector belongs")),
        }
    }
    fn home(&self, operand: Operand) -> Done<Home> {
        let reg = operand.as_reg().ok_or(Unsupported::Malformed("a constant where a register belongs"))?;
        Ok(self.homes[reg.index()])
    }
    /// Assigns a scalar.
    pub(super) fn set(&mut self, dst: Reg, value: Value) -> Done {
        let home = &mut self.homes[dst.index()];
        match *home {
            Home::Var(var) => self.b.def_var(var, value),
            Home::Unset => *home = Home::Temp(value),
            Home::Temp(_) => return Err(Unsupported::Malformed("a temporary is assigned twice")),
            Home::Lanes(_) => return Err(Unsupported::Malformed("a vector where a scalar belongs")),
        }
        Ok(())
    }
    pub(super) fn copy(&mut self, dst: Reg, src: Operand) -> Done {
        if let Some(ty) = self.src.func.operand_ty(src).vector() {
            let (to, from) = (self.lanes_of(dst.into())?, self.lanes_of(src)?);
            if to != from {
                let (to, from) = (self.slot_address(to), self.slot_address(from));
                self.pieces(ty.size(), to, from, false);
            }
            return Ok(());
        }
        let value = self.get(src)?;
        self.set(dst, value)
    }
    /// Memory in the frame.
    pub(super) fn frame_slot(&mut self, size: u64, align: u32) -> Done<StackSlot> {
        let size = u32::try_from(size).map_err(|_| Unsupported::Frame)?;
        let shift = align.trailing_zeros() as u8;
        Ok(self.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, size, shift)))
    }
    /// Memory in the frame of any alignment: frames are aligned to 16 bytes, for more the place is found when it is entered.
    pub(super) fn room(&mut self, size: u64, align: u32) -> Done<Room> {
        if align <= 16 {
            return Ok(Room::Near(self.frame_slot(size, align)?));
        }
        let slot = self.frame_slot(size + align as u64, 16)?;
        let start = self.slot_address(slot);
        let (up, mask) = (self.int(types::I64, align as u64 - 1), self.int(types::I64, !(align as u64 - 1)));
        let behind = self.b.ins().iadd(start, up);
        Ok(Room::At(self.b.ins().band(behind, mask)))
    }
    /// The address of memory in the frame.
    pub(super) fn slot_address(&mut self, slot: StackSlot) -> Value {
        self.b.ins().stack_addr(types::I64, slot, 0)
    }
}
