//! What memory is known to hold in a region.

use super::*;

/// Facts beyond this number push out the oldest.
const MAX_FACTS: usize = 24;

#[derive(Clone, Copy)]
struct Fact {
    addr: Addr,
    ty: Ty,
    value: Operand,
    /// Of the `var` registers in `addr` and `value`.
    stamp: u32,
}

#[derive(Default)]
pub(super) struct Memory {
    facts: Vec<Fact>,
    /// Slots whose address is taken: others may write there.
    escaped: Vec<bool>,
}

/// What an instruction may write.
enum Written {
    /// So many bytes.
    Bytes(Addr, u32),
    /// All memory that others can reach.
    Escaped,
}

impl Memory {
    /// Forgets another function.
    pub(super) fn reset(&mut self, func: &Func) {
        self.facts.clear();
        self.escaped.clear();
        if func.slots.is_empty() {
            return;
        }
        self.escaped.resize(func.slots.len(), false);
        for inst in func.all_insts() {
            if let Inst::AddrOf { addr: Addr { base: Base::Slot(slot), .. }, .. } = inst {
                self.escaped[slot.index()] = true;
            }
        }
    }

    pub(super) fn forget(&mut self) {
        self.facts.clear();
    }

    fn has_escaped(&self, base: Base) -> bool {
        match base {
            Base::Slot(slot) => self.escaped[slot.index()],
            Base::Reg(_) | Base::Global(_) => true,
            // Nobody writes there.
            Base::Data(_) => false,
        }
    }

    fn may_overlap(&self, a: Addr, a_size: u32, b: Addr, b_size: u32) -> bool {
        if a.base == b.base {
            let (a_off, b_off) = (a.off as i64, b.off as i64);
            return a_off < b_off + b_size as i64 && b_off < a_off + a_size as i64;
        }
        match (a.base, b.base) {
            (Base::Reg(_), other) | (other, Base::Reg(_)) => self.has_escaped(other),
            (Base::Slot(_) | Base::Global(_) | Base::Data(_), _) => false,
        }
    }

    fn forget_written(&mut self, written: Written, ptr_size: u32) {
        if self.facts.is_empty() {
            return;
        }
        let mut facts = std::mem::take(&mut self.facts);
        facts.retain(|fact| match written {
            Written::Bytes(addr, size) => !self.may_overlap(fact.addr, fact.ty.size(ptr_size), addr, size),
            Written::Escaped => !self.has_escaped(fact.addr.base),
        });
        self.facts = facts;
    }
}

impl Gvn<'_> {
    fn fact_stamp(&mut self, func: &Func, addr: Addr, value: Operand) -> u32 {
        // A store reads just these two.
        self.stamp(func, &Inst::Store { ty: Ty::I8, addr, val: value })
    }

    fn remember(&mut self, func: &Func, addr: Addr, ty: Ty, value: Operand) {
        if self.memory.facts.len() == MAX_FACTS {
            self.memory.facts.remove(0);
        }
        let stamp = self.fact_stamp(func, addr, value);
        self.memory.facts.push(Fact { addr, ty, value, stamp });
    }

    /// What a load is known to give.
    pub(super) fn memory_value(&mut self, func: &mut Func, inst: &Inst) -> Option<Operand> {
        let Inst::Load { ty, addr, .. } = *inst else { return None };
        if let Base::Data(data) = addr.base
            && let Some(bits) = self.data_bits(data, addr.off, ty)
        {
            return Some(self.constant(func, ty, bits));
        }
        let found =
            self.memory.facts.iter().rev().find(|fact| fact.addr == addr && fact.ty == ty).copied()?;
        (self.fact_stamp(func, addr, found.value) == found.stamp).then_some(found.value)
    }

    /// The bits of a constant in read-only data, unless an address is filled in there.
    fn data_bits(&self, data: DataId, off: i32, ty: Ty) -> Option<u64> {
        if ty.vector().is_some() {
            return None;
        }
        let data = self.module.datas.get(data.index())?;
        let ptr_size = self.ptr_size();
        let start = usize::try_from(off).ok()?;
        let end = start + ty.size(ptr_size) as usize;
        let bytes = data.bytes.get(start..end)?;
        let relocated = data
            .relocs
            .iter()
            .any(|reloc| (reloc.offset as usize) < end && start < reloc.offset as usize + ptr_size as usize);
        if relocated {
            return None;
        }
        Some(bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | byte as u64))
    }

    /// Notes what an instruction that stays does to memory.
    pub(super) fn memory_effect(&mut self, func: &Func, inst: &Inst) {
        let ptr_size = self.ptr_size();
        let written = match *inst {
            Inst::Load { ty, dst, addr } => {
                // `p = load [p]` tells nothing of the new `p`.
                if addr.base != Base::Reg(dst.into()) {
                    self.remember(func, addr, ty, dst.into());
                }
                return;
            }
            Inst::Store { ty, addr, .. } => Written::Bytes(addr, ty.size(ptr_size)),
            Inst::MemCopy { dst, size, .. } | Inst::MemZero { dst, size } => Written::Bytes(dst, size),
            // What other threads have written is seen behind any of the atomic operations.
            Inst::MemMove { .. }
            | Inst::MemSet { .. }
            | Inst::AtomicLoad { .. }
            | Inst::AtomicStore { .. }
            | Inst::AtomicRmw { .. }
            | Inst::AtomicCas { .. }
            | Inst::Fence { .. }
            | Inst::Call { .. }
            | Inst::Poll => Written::Escaped,
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
            | Inst::ExternAddr { .. }
            | Inst::MemCmp { .. }
            | Inst::Bounds { .. }
            | Inst::SliceBounds { .. }
            | Inst::NullCheck { .. }
            | Inst::Check { .. }
            | Inst::ErrTrace(_) => return,
        };
        self.memory.forget_written(written, ptr_size);
        if let Inst::Store { ty, addr, val } = *inst {
            self.remember(func, addr, ty, val);
        }
    }
}
