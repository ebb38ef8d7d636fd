//! Atomic operations.

use super::Lower;
use super::value::{Ops, Value};
use crate::thir::{AtomicOp, E};
use crate::types::{TypeId, TypeKind};
use sx_ir::{CmpOp, Inst, Operand, Ty};

impl<'b> Lower<'_, 'b> {
    /// `ops` are the arguments' scalars: the address, then the values.
    pub(super) fn atomic(&mut self, e: E<'b>, op: AtomicOp, args: &'b [E<'b>], ops: &Ops) -> Value {
        let ptr = ops.first().copied();
        let (op, ptr) = match (op, ptr) {
            (AtomicOp::Fence(order), _) => {
                self.b.push(Inst::Fence { order });
                return self.dummy(e.ty);
            }
            (op, Some(ptr)) => (op, ptr),
            (_, None) => unreachable!("the checker gave an address"),
        };
        match op {
            AtomicOp::Load(order) => {
                let (ty, as_ty) = self.atomic_ty(e.ty);
                let dst = self.b.temp(ty);
                self.b.push(Inst::AtomicLoad { ty, order, dst, ptr });
                let loaded = self.bitcast_if(dst.into(), ty, as_ty);
                self.one(loaded)
            }
            AtomicOp::Store(order) => {
                let (ty, as_ty) = self.atomic_ty(args[1].ty);
                let val = self.bitcast_if(ops[1], as_ty, ty);
                self.b.push(Inst::AtomicStore { ty, order, ptr, val });
                self.dummy(e.ty)
            }
            AtomicOp::Rmw(op, order) => {
                let (ty, _) = self.atomic_ty(e.ty);
                let dst = self.b.temp(ty);
                self.b.push(Inst::AtomicRmw { op, ty, order, dst, ptr, val: ops[1] });
                self.one(dst.into())
            }
            AtomicOp::Cas(order, failure) => {
                let (ty, _) = self.atomic_ty(args[1].ty);
                let (old, new, dst) = (ops[1], ops[2], self.b.temp(ty));
                self.b.push(Inst::AtomicCas { ty, order, failure, dst, ptr, old, new });
                let failed = self.b.cmp(CmpOp::Ne, ty, dst.into(), old);
                Value::Regs([dst.into(), failed].into_iter().collect())
            }
            AtomicOp::Fence(_) => unreachable!("lowered above"),
        }
    }

    /// The type under which memory is accessed, and that of the register that the value lives in.
    fn atomic_ty(&mut self, of: TypeId) -> (Ty, Ty) {
        let of = match *self.types.kind(of) {
            TypeKind::Optional(pointer) => pointer,
            _ => of,
        };
        match self.scalar_ty(of) {
            Ty::F32 => (Ty::I32, Ty::F32),
            Ty::F64 => (Ty::I64, Ty::F64),
            ty => (ty, ty),
        }
    }

    fn bitcast_if(&mut self, op: Operand, from: Ty, to: Ty) -> Operand {
        if from == to { op } else { self.bitcast(op, from, to) }
    }
}
