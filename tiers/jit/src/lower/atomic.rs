//! Memory in one step. Cranelift knows one ordering, the strongest, which every other one allows.

use super::value::scalar;
use super::{Done, Lower};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Value, types};
use sx_ir::{Operand, Reg, RmwOp, TrapKind, Ty};

fn flags() -> MemFlagsData {
    MemFlagsData::new().with_aligned().with_trap_code(Some(super::ACCESS))
}

impl Lower<'_, '_> {
    /// An address that isn't null and is a multiple of the size.
    fn atomic_place(&mut self, ty: Ty, ptr: Operand) -> Done<Value> {
        let address = self.get(ptr)?;
        // The address itself counts here, not what it was computed from.
        let least = self.int(types::I64, crate::abi::NULL_PAGE);
        let fine = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, address, least);
        self.trap_unless(fine, TrapKind::NullDereference, false, &[]);
        let size = scalar(ty)?.bytes() as u64;
        if size > 1 {
            let (mask, zero) = (self.int(types::I64, size - 1), self.int(types::I64, 0));
            let low = self.b.ins().band(address, mask);
            let fine = self.b.ins().icmp(IntCC::Equal, low, zero);
            self.trap_unless(fine, TrapKind::InvalidMemory, false, &[]);
        }
        Ok(address)
    }
    pub(super) fn atomic_load(&mut self, ty: Ty, dst: Reg, ptr: Operand) -> Done {
        let address = self.atomic_place(ty, ptr)?;
        let value = self.b.ins().atomic_load(scalar(ty)?, flags(), address);
        self.set(dst, value)
    }
    pub(super) fn atomic_store(&mut self, ty: Ty, ptr: Operand, val: Operand) -> Done {
        let address = self.atomic_place(ty, ptr)?;
        let value = self.get(val)?;
        self.b.ins().atomic_store(flags(), value, address);
        Ok(())
    }
    pub(super) fn atomic_rmw(&mut self, op: RmwOp, ty: Ty, dst: Reg, ptr: Operand, val: Operand) -> Done {
        let address = self.atomic_place(ty, ptr)?;
        let value = self.get(val)?;
        let op = match op {
            RmwOp::Swap => AtomicRmwOp::Xchg,
            RmwOp::Add => AtomicRmwOp::Add,
            RmwOp::Sub => AtomicRmwOp::Sub,
            RmwOp::And => AtomicRmwOp::And,
            RmwOp::Or => AtomicRmwOp::Or,
            RmwOp::Xor => AtomicRmwOp::Xor,
            RmwOp::SMin => AtomicRmwOp::Smin,
            RmwOp::SMax => AtomicRmwOp::Smax,
            RmwOp::UMin => AtomicRmwOp::Umin,
            RmwOp::UMax => AtomicRmwOp::Umax,
        };
        let before = self.b.ins().atomic_rmw(scalar(ty)?, flags(), op, address, value);
        self.set(dst, before)
    }
    pub(super) fn atomic_cas(&mut self, ty: Ty, dst: Reg, ptr: Operand, old: Operand, new: Operand) -> Done {
        let address = self.atomic_place(ty, ptr)?;
        let (old, new) = (self.get(old)?, self.get(new)?);
        let before = self.b.ins().atomic_cas(flags(), address, old, new);
        self.set(dst, before)
    }
}
