//! What instructions and block ends read, write and lead to.

use crate::func::*;
use crate::ids::*;

fn list_range(list: List) -> std::ops::Range<usize> {
    list.start as usize..list.start as usize + list.len as usize
}

/// The operands of a list; none when it reaches outside the pool.
fn operands(pool: &[Operand], list: List) -> &[Operand] {
    pool.get(list_range(list)).unwrap_or(&[])
}

fn operands_mut(pool: &mut [Operand], list: List) -> &mut [Operand] {
    pool.get_mut(list_range(list)).unwrap_or(&mut [])
}

fn map_base(addr: &mut Addr, f: &mut impl FnMut(Operand) -> Operand) {
    if let Base::Reg(base) = &mut addr.base {
        *base = f(*base);
    }
}

impl Addr {
    /// The operand that it counts from, if that is what it counts from.
    #[inline]
    pub fn base_operand(self) -> Option<Operand> {
        match self.base {
            Base::Reg(base) => Some(base),
            Base::Slot(_) | Base::Global(_) | Base::Data(_) => None,
        }
    }
}

impl Inst {
    /// The register written, of all instructions but calls.
    #[inline]
    pub fn dst(&self) -> Option<Reg> {
        match *self {
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
            | Inst::AtomicCas { dst, .. } => Some(dst),
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

    /// The place of [`Inst::dst`], to write to another register.
    #[inline]
    pub fn dst_mut(&mut self) -> Option<&mut Reg> {
        match self {
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
            | Inst::AtomicCas { dst, .. } => Some(dst),
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

    /// Every register written, those of calls included.
    #[inline]
    pub fn defs(&self, pool: &[Operand], mut f: impl FnMut(Reg)) {
        if let Inst::Call { rets, .. } = *self {
            operands(pool, rets).iter().filter_map(|ret| ret.as_reg()).for_each(f);
        } else if let Some(dst) = self.dst() {
            f(dst);
        }
    }

    /// Every operand read, in order.
    #[inline]
    pub fn uses(&self, pool: &[Operand], mut f: impl FnMut(Operand)) {
        match *self {
            Inst::Copy { src: a, .. }
            | Inst::Un { a, .. }
            | Inst::Conv { a, .. }
            | Inst::Splat { a, .. }
            | Inst::Lane { a, .. }
            | Inst::NullCheck { ptr: a }
            | Inst::AtomicLoad { ptr: a, .. }
            | Inst::Check { cond: a, .. } => f(a),
            Inst::Bin { a, b, .. }
            | Inst::Cmp { a, b, .. }
            | Inst::SetLane { a, val: b, .. }
            | Inst::Index { base: a, index: b, .. }
            | Inst::Bounds { index: a, len: b, .. }
            | Inst::AtomicStore { ptr: a, val: b, .. }
            | Inst::AtomicRmw { ptr: a, val: b, .. } => {
                f(a);
                f(b);
            }
            Inst::Select { cond: a, a: b, b: c, .. }
            | Inst::MemMove { dst: a, src: b, len: c }
            | Inst::MemSet { dst: a, val: b, len: c }
            | Inst::MemCmp { a, b, len: c, .. }
            | Inst::SliceBounds { lo: a, hi: b, len: c, .. }
            | Inst::AtomicCas { ptr: a, old: b, new: c, .. } => {
                f(a);
                f(b);
                f(c);
            }
            Inst::Load { addr, .. } | Inst::AddrOf { addr, .. } | Inst::MemZero { dst: addr, .. } => {
                addr.base_operand().into_iter().for_each(f);
            }
            Inst::Store { addr, val, .. } => {
                addr.base_operand().into_iter().for_each(&mut f);
                f(val);
            }
            Inst::MemCopy { dst, src, .. } => {
                dst.base_operand().into_iter().chain(src.base_operand()).for_each(f);
            }
            Inst::Call { callee, args, .. } => {
                if let Callee::Value(target, _) | Callee::CPtr(target, _) = callee {
                    f(target);
                }
                operands(pool, args).iter().copied().for_each(f);
            }
            Inst::FuncAddr { .. }
            | Inst::CFuncAddr { .. }
            | Inst::ExternAddr { .. }
            | Inst::Fence { .. }
            | Inst::Poll
            | Inst::ErrTrace(_) => {}
        }
    }

    /// Replaces every operand read. Lists change in place, so no two instructions may share one
    /// (`passes::compact` sees to that).
    #[inline]
    pub fn map_uses(&mut self, pool: &mut [Operand], mut f: impl FnMut(Operand) -> Operand) {
        match self {
            Inst::Copy { src: a, .. }
            | Inst::Un { a, .. }
            | Inst::Conv { a, .. }
            | Inst::Splat { a, .. }
            | Inst::Lane { a, .. }
            | Inst::NullCheck { ptr: a }
            | Inst::AtomicLoad { ptr: a, .. }
            | Inst::Check { cond: a, .. } => *a = f(*a),
            Inst::Bin { a, b, .. }
            | Inst::Cmp { a, b, .. }
            | Inst::SetLane { a, val: b, .. }
            | Inst::Index { base: a, index: b, .. }
            | Inst::Bounds { index: a, len: b, .. }
            | Inst::AtomicStore { ptr: a, val: b, .. }
            | Inst::AtomicRmw { ptr: a, val: b, .. } => {
                *a = f(*a);
                *b = f(*b);
            }
            Inst::Select { cond: a, a: b, b: c, .. }
            | Inst::MemMove { dst: a, src: b, len: c }
            | Inst::MemSet { dst: a, val: b, len: c }
            | Inst::MemCmp { a, b, len: c, .. }
            | Inst::SliceBounds { lo: a, hi: b, len: c, .. }
            | Inst::AtomicCas { ptr: a, old: b, new: c, .. } => {
                *a = f(*a);
                *b = f(*b);
                *c = f(*c);
            }
            Inst::Load { addr, .. } | Inst::AddrOf { addr, .. } | Inst::MemZero { dst: addr, .. } => {
                map_base(addr, &mut f);
            }
            Inst::Store { addr, val, .. } => {
                map_base(addr, &mut f);
                *val = f(*val);
            }
            Inst::MemCopy { dst, src, .. } => {
                map_base(dst, &mut f);
                map_base(src, &mut f);
            }
            Inst::Call { callee, args, .. } => {
                if let Callee::Value(target, _) | Callee::CPtr(target, _) = callee {
                    *target = f(*target);
                }
                for operand in operands_mut(pool, *args) {
                    *operand = f(*operand);
                }
            }
            Inst::FuncAddr { .. }
            | Inst::CFuncAddr { .. }
            | Inst::ExternAddr { .. }
            | Inst::Fence { .. }
            | Inst::Poll
            | Inst::ErrTrace(_) => {}
        }
    }

    /// Replaces every register written.
    #[inline]
    pub fn map_defs(&mut self, pool: &mut [Operand], mut f: impl FnMut(Reg) -> Reg) {
        if let Inst::Call { rets, .. } = *self {
            for ret in operands_mut(pool, rets) {
                if let Some(reg) = ret.as_reg() {
                    *ret = f(reg).into();
                }
            }
        } else if let Some(dst) = self.dst_mut() {
            *dst = f(*dst);
        }
    }

    /// The places in memory that it names.
    #[inline]
    pub fn addrs(&self, mut f: impl FnMut(Addr)) {
        match *self {
            Inst::Load { addr, .. }
            | Inst::Store { addr, .. }
            | Inst::AddrOf { addr, .. }
            | Inst::MemZero { dst: addr, .. } => f(addr),
            Inst::MemCopy { dst, src, .. } => {
                f(dst);
                f(src);
            }
            _ => {}
        }
    }

    /// The same, to be changed.
    #[inline]
    pub fn addrs_mut(&mut self, mut f: impl FnMut(&mut Addr)) {
        match self {
            Inst::Load { addr, .. }
            | Inst::Store { addr, .. }
            | Inst::AddrOf { addr, .. }
            | Inst::MemZero { dst: addr, .. } => f(addr),
            Inst::MemCopy { dst, src, .. } => {
                f(dst);
                f(src);
            }
            _ => {}
        }
    }
}

impl Term {
    /// Every operand read.
    #[inline]
    pub fn uses(&self, pool: &[Operand], mut f: impl FnMut(Operand)) {
        match *self {
            Term::Branch { cond: a, .. } | Term::Switch { val: a, .. } => f(a),
            Term::Return(list) | Term::Trap(_, list) => operands(pool, list).iter().copied().for_each(f),
            Term::Jump(_) | Term::Unreachable => {}
        }
    }

    /// Replaces every operand read, lists in place.
    #[inline]
    pub fn map_uses(&mut self, pool: &mut [Operand], mut f: impl FnMut(Operand) -> Operand) {
        match self {
            Term::Branch { cond: a, .. } | Term::Switch { val: a, .. } => *a = f(*a),
            Term::Return(list) | Term::Trap(_, list) => {
                for operand in operands_mut(pool, *list) {
                    *operand = f(*operand);
                }
            }
            Term::Jump(_) | Term::Unreachable => {}
        }
    }

    /// Every block that may come next; one may come more than once.
    #[inline]
    pub fn successors(&self, mut f: impl FnMut(BlockId)) {
        match self {
            Term::Jump(to) => f(*to),
            Term::Branch { then, else_, .. } => {
                f(*then);
                f(*else_);
            }
            Term::Switch { cases, default, .. } => {
                cases.iter().for_each(|case| f(case.1));
                f(*default);
            }
            Term::Return(_) | Term::Trap(..) | Term::Unreachable => {}
        }
    }

    /// The same, to be changed.
    #[inline]
    pub fn successors_mut(&mut self, mut f: impl FnMut(&mut BlockId)) {
        match self {
            Term::Jump(to) => f(to),
            Term::Branch { then, else_, .. } => {
                f(then);
                f(else_);
            }
            Term::Switch { cases, default, .. } => {
                cases.iter_mut().for_each(|case| f(&mut case.1));
                f(default);
            }
            Term::Return(_) | Term::Trap(..) | Term::Unreachable => {}
        }
    }
}
