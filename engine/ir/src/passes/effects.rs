//! What instructions do besides giving a result.

use crate::func::*;

/// True when a division can't trap: the divisor is a constant, not zero and, if signed, not -1.
fn divides_safely(func: &Func, op: BinOp, ty: Ty, divisor: Operand) -> bool {
    let Some(constant) = func.operand_const(divisor) else { return false };
    let minus_one = super::fold::mask(ty, 8);
    match op {
        BinOp::SDiv | BinOp::SRem => constant.bits != 0 && constant.bits != minus_one,
        _ => constant.bits != 0,
    }
}

/// True when the instruction only gives a result that depends on nothing but its operands, and never traps.
#[inline]
pub fn is_pure(func: &Func, inst: &Inst) -> bool {
    match *inst {
        Inst::Bin { op: BinOp::SDiv | BinOp::SRem | BinOp::UDiv | BinOp::URem, ty: Ty::Vec(_), .. } => false,
        Inst::Bin { op: op @ (BinOp::SDiv | BinOp::SRem | BinOp::UDiv | BinOp::URem), ty, b, .. } => {
            divides_safely(func, op, ty, b)
        }
        Inst::Copy { .. }
        | Inst::Bin { .. }
        | Inst::Un { .. }
        | Inst::Cmp { .. }
        | Inst::Conv { .. }
        | Inst::Select { .. }
        | Inst::Splat { .. }
        | Inst::Lane { .. }
        | Inst::SetLane { .. }
        | Inst::AddrOf { .. }
        | Inst::Index { .. }
        | Inst::FuncAddr { .. }
        | Inst::CFuncAddr { .. }
        | Inst::ExternAddr { .. } => true,
        Inst::Load { .. }
        | Inst::Store { .. }
        | Inst::MemCopy { .. }
        | Inst::MemZero { .. }
        | Inst::MemMove { .. }
        | Inst::MemSet { .. }
        | Inst::MemCmp { .. }
        | Inst::AtomicLoad { .. }
        | Inst::AtomicStore { .. }
        | Inst::AtomicRmw { .. }
        | Inst::AtomicCas { .. }
        | Inst::Fence { .. }
        | Inst::Call { .. }
        | Inst::Bounds { .. }
        | Inst::SliceBounds { .. }
        | Inst::NullCheck { .. }
        | Inst::Check { .. }
        | Inst::Poll
        | Inst::ErrTrace(_) => false,
    }
}

/// True when the instruction may go if nobody reads its result: it is pure, or only reads memory.
#[inline]
pub fn is_removable(func: &Func, inst: &Inst) -> bool {
    matches!(inst, Inst::Load { .. } | Inst::MemCmp { .. }) || is_pure(func, inst)
}
