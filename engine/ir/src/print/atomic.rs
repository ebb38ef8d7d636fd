//! Atomic operations as text: what they do, on which type, in which order.

use super::*;

impl FuncPrinter<'_> {
    pub(super) fn atomic(&mut self, inst: &Inst) -> fmt::Result {
        match *inst {
            Inst::AtomicLoad { ty, order, ptr, .. } => {
                write!(self.out, "atomic.load.{}.{}", ty.name(), order.word())?;
                self.operands(&[(ptr, Ty::Ptr)])
            }
            Inst::AtomicStore { ty, order, ptr, val } => {
                write!(self.out, "atomic.store.{}.{}", ty.name(), order.word())?;
                self.operands(&[(ptr, Ty::Ptr), (val, ty)])
            }
            Inst::AtomicRmw { op, ty, order, ptr, val, .. } => {
                write!(self.out, "atomic.{}.{}.{}", op.word(), ty.name(), order.word())?;
                self.operands(&[(ptr, Ty::Ptr), (val, ty)])
            }
            Inst::AtomicCas { ty, order, failure, ptr, old, new, .. } => {
                write!(self.out, "atomic.cas.{}.{}.{}", ty.name(), order.word(), failure.word())?;
                self.operands(&[(ptr, Ty::Ptr), (old, ty), (new, ty)])
            }
            Inst::Fence { order } => write!(self.out, "fence.{}", order.word()),
            _ => Ok(()),
        }
    }
}
