//! Which slots become registers, and which scalars they are made of.

use super::*;
use crate::vector::VecTy;

/// Rounds in which leaves are carried along copies; chains of copies that need more stay memory.
const MAX_ROUNDS: usize = 8;

pub(super) struct SlotPlan {
    /// Becomes registers, as far as is known.
    pub promoted: bool,
    /// In order of offset, not overlapping.
    pub leaves: SmallVec<[Leaf; 4]>,
    /// Some instruction reads or writes it.
    touched: bool,
    /// Instructions saved, less instructions added.
    gain: i32,
}

pub(super) struct Plan {
    pub slots: Vec<SlotPlan>,
    /// How many may become registers, as far as addresses tell.
    candidates: usize,
    addresses: Addresses,
    ptr_size: u32,
}

/// The temporaries that hold addresses in slots: many functions have some, few have many.
#[derive(Default)]
struct Addresses {
    /// Of each register its place in `list`, plus 1; as long as it had to be.
    index: Vec<u32>,
    list: SmallVec<[Addr; 8]>,
}

impl Addresses {
    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[inline]
    fn get(&self, reg: Reg) -> Option<Addr> {
        match self.index.get(reg.index()) {
            None | Some(0) => None,
            Some(&number) => self.list.get(number as usize - 1).copied(),
        }
    }

    fn insert(&mut self, reg: Reg, place: Addr) {
        if self.index.len() <= reg.index() {
            self.index.resize(reg.index() + 1, 0);
        }
        self.list.push(place);
        self.index[reg.index()] = self.list.len() as u32;
    }
}

/// A copy that names a slot on at least one side.
#[derive(Clone, Copy)]
struct Moved {
    dst: Addr,
    src: Addr,
    size: u32,
}

/// True when the bits of one type can be taken as the other.
fn castable(a: Ty, b: Ty) -> bool {
    let is_int = |ty| !matches!(ty, Ty::F32 | Ty::F64 | Ty::Ptr | Ty::Vec(_));
    if a != b && (a.vector().is_some() || b.vector().is_some()) {
        return false;
    }
    a == b || is_int(a) || is_int(b)
}

/// True when the scalar at `off` is a lane of the vector at `start`.
fn is_lane(vec: Ty, start: u32, ty: Ty, off: u32) -> bool {
    vec.vector().is_some_and(|vec| {
        ty == vec.lane.ty()
            && off.checked_sub(start).is_some_and(|by| by < vec.size() && by.is_multiple_of(vec.lane.size()))
    })
}

impl Plan {
    /// The plan for a function; none when no slot can go.
    pub fn new(func: &Func, ptr_size: u32) -> Option<Plan> {
        let sizes = 1..=MAX_SLOT_BYTES;
        let candidates = func.slots.iter().filter(|slot| sizes.contains(&slot.size)).count();
        if candidates == 0 {
            return None;
        }
        let slots = func.slots.iter().map(|slot| SlotPlan {
            promoted: sizes.contains(&slot.size),
            leaves: SmallVec::new(),
            touched: false,
            gain: 0,
        });
        let mut plan = Plan { slots: slots.collect(), candidates, addresses: Addresses::default(), ptr_size };
        plan.follow_addresses(func);
        if plan.candidates == 0 {
            return None;
        }
        let mut moves = Vec::new();
        let mut zeros = Vec::new();
        for inst in func.all_insts() {
            match *inst {
                Inst::Load { ty, addr, .. } | Inst::Store { ty, addr, .. } => {
                    plan.access(plan.named(addr), ty);
                }
                Inst::MemZero { dst, size } => {
                    let dst = plan.named(dst);
                    if plan.touch(dst) {
                        zeros.push((dst, size));
                    }
                }
                Inst::MemCopy { dst, src, size } => {
                    let (dst, src) = (plan.named(dst), plan.named(src));
                    let moved = Moved { dst, src, size };
                    if plan.touch(dst) | plan.touch(src) {
                        plan.offsets_fit(moved);
                        moves.push(moved);
                    }
                }
                _ => {}
            }
        }
        plan.slots.iter_mut().for_each(|slot| slot.promoted &= slot.touched);
        plan.settle(&moves, &zeros);
        plan.slots.iter().any(|slot| slot.promoted).then_some(plan)
    }

    /// Notes which temporaries are addresses in slots. Slots whose address is more than a way to name them stay memory.
    fn follow_addresses(&mut self, func: &Func) {
        // Blocks stand in an order in which every temporary is assigned before it is read.
        for block in &func.blocks {
            for inst in &func.code[block.range()] {
                self.follow(func, inst);
            }
            if self.candidates == 0 {
                return;
            }
            if !self.addresses.is_empty() {
                block.term.uses(&func.pool, |operand| self.give_up(operand));
            }
        }
    }

    fn follow(&mut self, func: &Func, inst: &Inst) {
        match *inst {
            Inst::AddrOf { dst, addr } => match self.place(addr) {
                Some(place) if !func.regs[dst.index()].mutable => self.addresses.insert(dst, place),
                _ => self.give_up_at(addr),
            },
            _ if self.addresses.is_empty() => {}
            Inst::Load { ty, addr, .. } => self.reach(func, addr, self.size(ty)),
            Inst::Store { ty, addr, val } => {
                self.reach(func, addr, self.size(ty));
                self.give_up(val);
            }
            Inst::MemZero { dst, size } => self.reach(func, dst, size),
            Inst::MemCopy { dst, src, size } => {
                self.reach(func, dst, size);
                self.reach(func, src, size);
            }
            Inst::NullCheck { .. } => {}
            _ => inst.uses(&func.pool, |operand| self.give_up(operand)),
        }
    }

    /// The place in a slot that an address names.
    fn place(&self, addr: Addr) -> Option<Addr> {
        let base = match addr.base {
            Base::Slot(_) => return Some(addr),
            Base::Reg(base) => self.addresses.get(base.as_reg()?)?,
            Base::Global(_) | Base::Data(_) => return None,
        };
        Some(Addr { base: base.base, off: base.off.checked_add(addr.off)? })
    }

    /// An access of so many bytes: outside of the slot, its name must not be used.
    fn reach(&mut self, func: &Func, addr: Addr, size: u32) {
        let inside = |place: Addr| {
            let Base::Slot(slot) = place.base else { return false };
            place.off >= 0 && place.off as i64 + size as i64 <= func.slots[slot.index()].size as i64
        };
        if matches!(addr.base, Base::Reg(_)) && !self.place(addr).is_some_and(inside) {
            self.give_up_at(addr);
        }
    }

    /// The slot that an operand is an address in, if it is one, stays memory.
    fn give_up(&mut self, operand: Operand) {
        self.give_up_at(Addr { base: Base::Reg(operand), off: 0 });
    }

    fn give_up_at(&mut self, addr: Addr) {
        if let Some(Addr { base: Base::Slot(slot), .. }) = self.place(Addr { off: 0, ..addr }) {
            self.candidates -= std::mem::take(&mut self.slots[slot.index()].promoted) as usize;
        }
    }

    /// The place in a slot that goes in the place of an address in it.
    pub fn named(&self, addr: Addr) -> Addr {
        match addr.base {
            Base::Reg(_) if !self.addresses.is_empty() => {
                self.place(addr).filter(|&place| self.promoted_at(place).is_some()).unwrap_or(addr)
            }
            _ => addr,
        }
    }

    /// True for what only computes or checks the address of a slot that goes.
    pub fn is_address(&self, inst: &Inst) -> bool {
        let addr = match *inst {
            Inst::AddrOf { addr, .. } => addr,
            Inst::NullCheck { ptr } => Addr { base: Base::Reg(ptr), off: 0 },
            _ => return false,
        };
        self.place(addr).is_some_and(|place| self.promoted_at(place).is_some())
    }

    pub fn is_promoted(&self, slot: SlotId) -> bool {
        self.slots[slot.index()].promoted
    }

    /// The slot that an address names, if it becomes registers.
    pub fn promoted_at(&self, addr: Addr) -> Option<SlotId> {
        match addr.base {
            Base::Slot(slot) if self.is_promoted(slot) => Some(slot),
            _ => None,
        }
    }

    fn size(&self, ty: Ty) -> u32 {
        ty.size(self.ptr_size)
    }

    /// The leaf that begins at an address.
    pub fn leaf(&self, addr: Addr) -> Option<&Leaf> {
        let slot = self.promoted_at(addr)?;
        self.slots[slot.index()].leaves.iter().find(|leaf| leaf.off as i32 == addr.off)
    }

    /// The vector that an address names a lane of, and which one.
    pub fn lane(&self, addr: Addr) -> Option<(&Leaf, VecTy, u8)> {
        let slot = self.promoted_at(addr)?;
        let off = addr.off as u32;
        self.slots[slot.index()].leaves.iter().find_map(|leaf| {
            let vec = leaf.ty.vector()?;
            let within = (leaf.off..leaf.off + vec.size()).contains(&off);
            within.then(|| (leaf, vec, ((off - leaf.off) / vec.lane.size()) as u8))
        })
    }

    /// The leaves within so many bytes from an address.
    pub fn leaves(&self, addr: Addr, size: u32) -> impl Iterator<Item = &Leaf> {
        let leaves = match self.promoted_at(addr) {
            Some(slot) => &self.slots[slot.index()].leaves[..],
            None => &[],
        };
        let start = addr.off as i64;
        let end = start + size as i64;
        leaves.iter().filter(move |leaf| {
            leaf.off as i64 >= start && leaf.off as i64 + self.size(leaf.ty) as i64 <= end
        })
    }

    /// The registers of a slot that consists of its leaves entirely.
    pub fn all_scalars(&self, slot: SlotId, size: u32) -> Option<SmallVec<[Reg; 4]>> {
        let leaves = &self.slots[slot.index()].leaves;
        let mut end = 0;
        for leaf in leaves {
            if leaf.off != end {
                return None;
            }
            end += self.size(leaf.ty);
        }
        if end == size { leaves.iter().map(|leaf| leaf.reg).collect() } else { None }
    }

    /// A load or store asks for a leaf.
    fn access(&mut self, addr: Addr, ty: Ty) {
        if let Some(slot) = self.promoted_at(addr) {
            self.slots[slot.index()].touched = true;
            self.slots[slot.index()].gain += 1;
            self.add(slot, addr.off as u32, ty);
        }
    }

    /// Notes that an address is named; true when it is in a slot that may become registers.
    fn touch(&mut self, addr: Addr) -> bool {
        let Some(slot) = self.promoted_at(addr) else { return false };
        self.slots[slot.index()].touched = true;
        true
    }

    /// Adds a leaf, or gives the slot up when it overlaps others; true when something changed.
    fn add(&mut self, slot: SlotId, off: u32, ty: Ty) -> bool {
        let size = self.size(ty);
        let ptr_size = self.ptr_size;
        let plan = &mut self.slots[slot.index()];
        if !plan.promoted {
            return false;
        }
        if plan.leaves.iter().any(|leaf| is_lane(leaf.ty, leaf.off, ty, off)) {
            return false;
        }
        if ty.vector().is_some() {
            // Lanes that were asked for before the whole.
            plan.leaves.retain(|leaf| !is_lane(ty, off, leaf.ty, leaf.off));
        }
        let at = plan.leaves.partition_point(|leaf| leaf.off < off);
        if let Some(there) = plan.leaves.get(at).filter(|leaf| leaf.off == off) {
            let same = there.ty.size(ptr_size) == size && castable(there.ty, ty);
            plan.promoted = same;
            return !same;
        }
        let clear_before = at == 0 || {
            let before = plan.leaves[at - 1];
            before.off + before.ty.size(ptr_size) <= off
        };
        let clear_after = plan.leaves.get(at).is_none_or(|after| off + size <= after.off);
        if clear_before && clear_after && plan.leaves.len() < MAX_SLOT_LEAVES {
            plan.leaves.insert(at, Leaf { off, ty, reg: None });
        } else {
            plan.promoted = false;
        }
        true
    }

    /// Gives up slots whose copies name addresses that leaves couldn't be reached from.
    fn offsets_fit(&mut self, moved: Moved) {
        for (addr, other) in [(moved.dst, moved.src), (moved.src, moved.dst)] {
            if other.off.checked_add(moved.size as i32).is_none()
                && let Some(slot) = self.promoted_at(addr)
            {
                self.slots[slot.index()].promoted = false;
            }
        }
    }

    /// Carries leaves along copies, both ways, until both sides of each copy have the same.
    fn carry(&mut self, moves: &[Moved]) {
        for round in 0.. {
            let mut changed = false;
            for moved in moves {
                for (to, from) in [(moved.dst, moved.src), (moved.src, moved.dst)] {
                    changed |= self.carry_one(to, from, moved.size, round >= MAX_ROUNDS);
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// Gives `to` the leaves of `from`. A leaf that the copy cuts, or one new after too many rounds, ends it.
    fn carry_one(&mut self, to: Addr, from: Addr, size: u32, too_late: bool) -> bool {
        let Some(slot) = self.promoted_at(from) else { return false };
        let (start, end) = (from.off as u32, from.off as u32 + size);
        let leaves = self.slots[slot.index()].leaves.clone();
        let mut changed = false;
        for leaf in leaves {
            let leaf_end = leaf.off + self.size(leaf.ty);
            if leaf_end <= start || leaf.off >= end {
                continue;
            }
            if leaf.off < start || leaf_end > end {
                self.slots[slot.index()].promoted = false;
                return true;
            }
            if let Some(target) = self.promoted_at(to) {
                let grown = self.add(target, to.off as u32 + (leaf.off - start), leaf.ty);
                changed |= grown;
                if grown && too_late {
                    self.slots[target.index()].promoted = false;
                }
            }
        }
        changed
    }

    /// All bytes that are copied to memory need a leaf, padding too: it may have come from memory.
    fn fill_for_copy_out(&mut self, moved: Moved) {
        let Some(slot) = self.promoted_at(moved.src) else { return };
        if self.promoted_at(moved.dst).is_some() {
            return;
        }
        let mut off = moved.src.off as u32;
        let end = off + moved.size;
        while off < end && self.is_promoted(slot) {
            let leaves = &self.slots[slot.index()].leaves;
            if let Some(leaf) = leaves.iter().find(|leaf| leaf.off == off) {
                off += self.size(leaf.ty);
                continue;
            }
            let free = leaves.iter().map(|leaf| leaf.off).find(|&at| at > off).unwrap_or(end).min(end) - off;
            let fits = |size: u32| off.is_multiple_of(size) && size <= free;
            let ty = match () {
                () if fits(8) => Ty::I64,
                () if fits(4) => Ty::I32,
                () if fits(2) => Ty::I16,
                () => Ty::I8,
            };
            self.add(slot, off, ty);
            off += self.size(ty);
        }
    }

    /// Gives up the slots that would cost more instructions than they save. One that is given up makes its
    /// partners' copies dearer and needs every byte of what they copy to it, so that all is looked at again.
    fn settle(&mut self, moves: &[Moved], zeros: &[(Addr, u32)]) {
        let saved: Vec<i32> = self.slots.iter().map(|slot| slot.gain).collect();
        let mut left = usize::MAX;
        loop {
            self.carry(moves);
            moves.iter().for_each(|moved| self.fill_for_copy_out(*moved));
            self.carry(moves);
            for (slot, &saved) in self.slots.iter_mut().zip(&saved) {
                slot.gain = saved;
            }
            for &(dst, size) in zeros {
                let cost = self.leaves(dst, size).count() as i32 - 2;
                self.charge(dst, cost.max(-1));
                self.cut_zero(dst, size);
            }
            for moved in moves {
                let leaves = |addr| self.leaves(addr, moved.size).count() as i32;
                match (self.promoted_at(moved.dst).is_some(), self.promoted_at(moved.src).is_some()) {
                    // Copies between registers mostly vanish.
                    (true, true) => {
                        self.charge(moved.dst, -1);
                        self.charge(moved.src, -1);
                    }
                    (true, false) => self.charge(moved.dst, leaves(moved.dst) - 1),
                    (false, true) => self.charge(moved.src, leaves(moved.src) - 1),
                    (false, false) => {}
                }
            }
            for slot in &mut self.slots {
                slot.promoted &= slot.gain >= 0;
            }
            let now = self.slots.iter().filter(|slot| slot.promoted).count();
            if now == left {
                break;
            }
            left = now;
        }
    }

    fn charge(&mut self, addr: Addr, cost: i32) {
        if let Some(slot) = self.promoted_at(addr) {
            self.slots[slot.index()].gain -= cost;
        }
    }

    /// A leaf that is zeroed in part keeps its slot in memory.
    fn cut_zero(&mut self, dst: Addr, size: u32) {
        let Some(slot) = self.promoted_at(dst) else { return };
        let (start, end) = (dst.off as u32, dst.off as u32 + size);
        let cut = self.slots[slot.index()].leaves.iter().any(|leaf| {
            let leaf_end = leaf.off + self.size(leaf.ty);
            leaf.off < end && leaf_end > start && (leaf.off < start || leaf_end > end)
        });
        if cut {
            self.slots[slot.index()].promoted = false;
        }
    }
}
