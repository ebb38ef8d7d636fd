//! Which operands instructions read and which registers they write.

use sx_ir::{Addr, Base, Callee, Func, Inst, Operand, Reg, Term};

fn addr(addr: &Addr, f: &mut impl FnMut(Operand)) {
    if let Base::Reg(base) = addr.base {
        f(base);
    }
}

/// Calls `f` with each operand that an instruction reads.
pub(crate) fn reads(func: &Func, inst: &Inst, mut f: impl FnMut(Operand)) {
    match inst {
        Inst::Copy { src, .. } => f(*src),
        Inst::Bin { a, b, .. } | Inst::Cmp { a, b, .. } => {
            f(*a);
            f(*b);
        }
        Inst::Un { a, .. } | Inst::Conv { a, .. } | Inst::Splat { a, .. } | Inst::Lane { a, .. } => f(*a),
        Inst::SetLane { a, val, .. } => {
            f(*a);
            f(*val);
        }
        Inst::Select { cond, a, b, .. } => {
            f(*cond);
            f(*a);
            f(*b);
        }
        Inst::Load { addr: place, .. } | Inst::AddrOf { addr: place, .. } => addr(place, &mut f),
        Inst::Store { addr: place, val, .. } => {
            addr(place, &mut f);
            f(*val);
        }
        Inst::Index { base, index, .. } => {
            f(*base);
            f(*index);
        }
        Inst::MemCopy { dst, src, .. } => {
            addr(dst, &mut f);
            addr(src, &mut f);
        }
        Inst::MemZero { dst, .. } => addr(dst, &mut f),
        Inst::MemMove { dst, src, len } => [*dst, *src, *len].into_iter().for_each(f),
        Inst::MemSet { dst, val, len } => [*dst, *val, *len].into_iter().for_each(f),
        Inst::MemCmp { a, b, len, .. } => [*a, *b, *len].into_iter().for_each(f),
        Inst::AtomicLoad { ptr, .. } => f(*ptr),
        Inst::AtomicStore { ptr, val, .. } | Inst::AtomicRmw { ptr, val, .. } => {
            f(*ptr);
            f(*val);
        }
        Inst::AtomicCas { ptr, old, new, .. } => [*ptr, *old, *new].into_iter().for_each(f),
        Inst::Call { callee, args, .. } => {
            match callee {
                Callee::Value(value, _) | Callee::CPtr(value, _) => f(*value),
                Callee::Func(_) | Callee::Extern(_) => {}
            }
            func.list(*args).iter().copied().for_each(f);
        }
        Inst::Bounds { index, len, .. } => {
            f(*index);
            f(*len);
        }
        Inst::SliceBounds { lo, hi, len, .. } => [*lo, *hi, *len].into_iter().for_each(f),
        Inst::NullCheck { ptr } => f(*ptr),
        Inst::Check { cond, .. } => f(*cond),
        Inst::FuncAddr { .. }
        | Inst::CFuncAddr { .. }
        | Inst::ExternAddr { .. }
        | Inst::Fence { .. }
        | Inst::Poll
        | Inst::ErrTrace(_) => {}
    }
}

/// Calls `f` with each operand that the end of a block reads.
pub(crate) fn term_reads(func: &Func, term: &Term, mut f: impl FnMut(Operand)) {
    match term {
        Term::Branch { cond, .. } => f(*cond),
        Term::Switch { val, .. } => f(*val),
        Term::Return(list) | Term::Trap(_, list) => func.list(*list).iter().copied().for_each(f),
        Term::Jump(_) | Term::Unreachable => {}
    }
}

/// The register that an instruction writes, if it is one; calls may write more.
pub(crate) fn written(inst: &Inst) -> Option<Reg> {
    match inst {
        Inst::Copy { dst, .. }
        | Inst::Bin { dst, .. }
        | Inst::Un { dst, .. }
        | Inst::Cmp { dst, .. }
        | Inst::Conv { dst, .. }
        | Inst::Select { dst, .. }
        | Inst::Splat { dst, .. }
        | Inst::Lane { dst, .. }
        | Inst::SetLane { dst, .. }
        | Inst::Load { dst, .. }
        | Inst::AddrOf { dst, .. }
        | Inst::Index { dst, .. }
        | Inst::FuncAddr { dst, .. }
        | Inst::CFuncAddr { dst, .. }
        | Inst::ExternAddr { dst, .. }
        | Inst::MemCmp { dst, .. }
        | Inst::AtomicLoad { dst, .. }
        | Inst::AtomicRmw { dst, .. }
        | Inst::AtomicCas { dst, .. } => Some(*dst),
        Inst::Store { .. }
        | Inst::MemCopy { .. }
        | Inst::MemZero { .. }
        | Inst::MemMove { .. }
        | Inst::MemSet { .. }
        | Inst::AtomicStore { .. }
        | Inst::Fence { .. }
        | Inst::Call { .. }
        | Inst::Bounds { .. }
        | Inst::SliceBounds { .. }
        | Inst::NullCheck { .. }
        | Inst::Check { .. }
        | Inst::Poll
        | Inst::ErrTrace(_) => None,
    }
}

/// Calls `f` with each register that an instruction writes.
pub(crate) fn writes(func: &Func, inst: &Inst, mut f: impl FnMut(Reg)) {
    if let Inst::Call { rets, .. } = inst {
        func.list(*rets).iter().filter_map(|ret| ret.as_reg()).for_each(f);
    } else if let Some(dst) = written(inst) {
        f(dst);
    }
}

/// True for instructions that only compute: without a reader they can go, and others may pass them.
pub(crate) fn is_pure(inst: &Inst) -> bool {
    use sx_ir::BinOp::{SDiv, SRem, UDiv, URem};
    match inst {
        Inst::Bin { op, .. } => !matches!(op, SDiv | UDiv | SRem | URem),
        Inst::Copy { .. }
        | Inst::Un { .. }
        | Inst::Cmp { .. }
        | Inst::Conv { .. }
        | Inst::Select { .. }
        | Inst::Splat { .. }
        | Inst::Lane { .. }
        | Inst::SetLane { .. }
        | Inst::AddrOf { .. }
        | Inst::Index { .. }
        | Inst::FuncAddr { .. } => true,
        _ => false,
    }
}
