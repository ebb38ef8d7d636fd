//! Atomic operations.

use super::emit::Emit;
use crate::bytecode::{Op, Word};
use crate::interp::atomic::{Key, find};
use sx_ir::{Inst, Operand, Ordering, Reg};

impl Emit<'_, '_> {
    pub(super) fn atomic(&mut self, inst: &Inst) -> Result<(), String> {
        // Addresses have 8 bytes on the machines that this runs on.
        match *inst {
            Inst::AtomicLoad { ty, order, dst, ptr } => {
                self.atomic_value(Key::Load(ty.size(8), order), dst, [ptr, ptr, ptr])
            }
            Inst::AtomicRmw { op, ty, order, dst, ptr, val } => {
                self.atomic_value(Key::Rmw(op, ty.size(8), order), dst, [ptr, val, val])
            }
            Inst::AtomicCas { ty, order, failure, dst, ptr, old, new } => {
                self.atomic_value(Key::Cas(ty.size(8), order, failure), dst, [ptr, old, new])
            }
            Inst::AtomicStore { ty, order, ptr, val } => {
                let number = number(Key::Store(ty.size(8), order))?;
                let (ptr, val) = (self.src(ptr), self.src(val));
                self.emit(Op::AtomicSt, ptr, val, 0);
                self.extend(Word { op: number, a: 0, b: 0, c: 0 });
                Ok(())
            }
            Inst::Fence { order } => {
                self.emit(Op::Fence, fence_code(order), 0, 0);
                Ok(())
            }
            _ => Err("bytecode: no atomic operation".into()),
        }
    }
    fn atomic_value(&mut self, key: Key, dst: Reg, operands: [Operand; 3]) -> Result<(), String> {
        let number = number(key)?;
        let [ptr, a, b] = operands.map(|operand| self.src(operand));
        let dst = self.dst(dst);
        self.emit(Op::Atomic, dst, ptr, a);
        self.extend(Word { op: number, a: b, b: 0, c: 0 });
        Ok(())
    }
}

fn number(key: Key) -> Result<u16, String> {
    find(key).ok_or_else(|| format!("bytecode: there is no {key:?}"))
}

/// What a fence's instruction says.
fn fence_code(order: Ordering) -> u16 {
    match order {
        // The verifier of the middle form has refused a relaxed one.
        Ordering::Relaxed | Ordering::SeqCst => 0,
        Ordering::Acquire => 1,
        Ordering::Release => 2,
        Ordering::AcqRel => 3,
    }
}
