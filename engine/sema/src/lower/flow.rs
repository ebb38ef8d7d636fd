//! Blocks, their order, and what is known on the way to them.
//!
//! Blocks are laid out in the order in which they are entered, which is the order of the source; those that
//! nothing leads to are left out. *Facts* about temporaries hold from the instruction that establishes them:
//! they form a tree, a block starts with those that all edges known when it is entered have in common. That
//! is sound for loops, too: a back edge comes from blocks that have all facts of the loop's head.

use super::Lower;
use rustc_hash::FxHashMap;
use sx_ir::{Addr, Base, BlockId, Func, Inst, LocId, Operand, Reg, Term, TrapKind, Ty};

/// How many facts a question looks at, newest first.
const MAX_LOOKUP: u32 = 24;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fact {
    /// Before the first.
    Start,
    /// The address was checked, or made from a place.
    NonNull(Operand),
    /// The operand holds this address.
    Address(Addr, Operand),
}

#[derive(Clone, Copy, Debug)]
struct Known {
    fact: Fact,
    before: u32,
    depth: u32,
}

#[derive(Clone, Copy, Default, Debug)]
struct BlockInfo {
    reached: bool,
    facts: u32,
}

/// The state of control flow.
#[derive(Debug, Default)]
pub(super) struct Flow {
    blocks: Vec<BlockInfo>,
    order: Vec<BlockId>,
    facts: Vec<Known>,
    /// The newest fact that holds here.
    now: u32,
    /// Addresses that are the same all the time: computed once, at the function's start.
    hoisted: Vec<(Reg, Addr)>,
    hoisted_regs: FxHashMap<Addr, Reg>,
}

impl Flow {
    /// The start of a function, in the lists of an earlier one.
    pub(super) fn new(mut room: Flow) -> Flow {
        room.blocks.clear();
        room.blocks.push(BlockInfo { reached: true, facts: 0 });
        room.order.clear();
        room.order.push(BlockId(0));
        room.facts.clear();
        room.facts.push(Known { fact: Fact::Start, before: 0, depth: 0 });
        room.hoisted.clear();
        room.hoisted_regs.clear();
        Flow { now: 0, ..room }
    }
    fn learn(&mut self, fact: Fact) {
        let depth = self.facts[self.now as usize].depth + 1;
        self.facts.push(Known { fact, before: self.now, depth });
        self.now = self.facts.len() as u32 - 1;
    }
    fn find<R>(&self, mut f: impl FnMut(Fact) -> Option<R>) -> Option<R> {
        let mut at = self.now;
        for _ in 0..MAX_LOOKUP {
            let known = self.facts[at as usize];
            if known.fact == Fact::Start {
                return None;
            }
            if let Some(found) = f(known.fact) {
                return Some(found);
            }
            at = known.before;
        }
        None
    }
    /// What both chains have in common.
    fn common(&self, mut a: u32, mut b: u32) -> u32 {
        while a != b {
            let (at_a, at_b) = (self.facts[a as usize], self.facts[b as usize]);
            if at_a.depth >= at_b.depth {
                a = at_a.before;
            }
            if at_b.depth >= at_a.depth {
                b = at_b.before;
            }
        }
        a
    }
    fn reach(&mut self, block: BlockId) {
        let info = self.blocks[block.index()];
        let facts = if info.reached { self.common(info.facts, self.now) } else { self.now };
        self.blocks[block.index()] = BlockInfo { reached: true, facts };
    }
}

/// Where lowering went away from, to come back.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    block: BlockId,
    facts: u32,
}

impl Lower<'_, '_> {
    /// True when nothing leads here: what would be lowered is dropped.
    pub(super) fn dead(&self) -> bool {
        self.b.is_terminated()
    }
    /// A new block.
    pub(super) fn block(&mut self) -> BlockId {
        self.flow.blocks.push(BlockInfo::default());
        self.b.block()
    }
    /// Goes on in a block. If nothing leads there, lowering stays where nothing is reached.
    pub(super) fn enter(&mut self, block: BlockId) {
        debug_assert!(self.dead(), "the block before {block} has no end");
        self.enter_aside(block);
    }
    /// The same where the current block may be open still, to come [back to](Lower::back_to).
    pub(super) fn enter_aside(&mut self, block: BlockId) {
        let info = self.flow.blocks[block.index()];
        if info.reached {
            self.flow.order.push(block);
            self.flow.now = info.facts;
            self.b.switch_to(block);
        }
    }
    /// The place to come back to after other blocks have been lowered.
    pub(super) fn spot(&self) -> Spot {
        Spot { block: self.b.current(), facts: self.flow.now }
    }
    /// Goes on where [`Lower::spot`] was asked.
    pub(super) fn back_to(&mut self, spot: Spot) {
        self.b.switch_to(spot.block);
        self.flow.now = spot.facts;
    }
    /// Ends the current block.
    pub(super) fn terminate(&mut self, term: Term) {
        if self.dead() {
            return;
        }
        term.successors(|to| self.flow.reach(to));
        self.b.terminate(term);
    }
    /// Ends the current block with a jump.
    pub(super) fn jump(&mut self, to: BlockId) {
        self.terminate(Term::Jump(to));
    }
    /// Ends the current block with a branch, or a jump when the condition is constant.
    pub(super) fn branch(&mut self, cond: Operand, then: BlockId, else_: BlockId) {
        match self.b.func().operand_const(cond) {
            Some(value) => self.jump(if value.bits != 0 { then } else { else_ }),
            None => self.terminate(Term::Branch { cond, then, else_ }),
        }
    }
    /// Ends the current block with a trap.
    pub(super) fn trap(&mut self, kind: TrapKind, operands: &[Operand]) {
        let list = self.b.list(operands.iter().copied());
        self.terminate(Term::Trap(kind, list));
    }
    /// Traps with `kind` unless the condition holds.
    pub(super) fn check(&mut self, cond: Operand, kind: TrapKind) {
        match self.b.func().operand_const(cond) {
            Some(value) if value.bits != 0 => {}
            Some(_) | None => self.b.push(Inst::Check { cond, kind }),
        }
    }

    /// True for registers that may be assigned again.
    pub(super) fn is_var(&self, operand: Operand) -> bool {
        operand.as_reg().is_some_and(|reg| self.b.func().regs[reg.index()].mutable)
    }
    /// Traps when the address is null, unless that was made sure before.
    pub(super) fn null_check(&mut self, ptr: Operand) {
        let known = |fact| (fact == Fact::NonNull(ptr)).then_some(());
        if self.flow.find(known).is_some() {
            return;
        }
        self.b.push(Inst::NullCheck { ptr });
        self.assume_non_null(ptr);
    }
    /// From here on the address is known not to be null.
    pub(super) fn assume_non_null(&mut self, ptr: Operand) {
        if ptr.as_reg().is_some() && !self.is_var(ptr) && !self.dead() {
            self.flow.learn(Fact::NonNull(ptr));
        }
    }
    /// The same of a register that is assigned again, but never null.
    pub(super) fn assume_never_null(&mut self, reg: Reg) {
        if !self.dead() {
            self.flow.learn(Fact::NonNull(reg.into()));
        }
    }
    /// The address of a place that is there.
    pub(super) fn address(&mut self, addr: Addr) -> Operand {
        let hoist = match addr.base {
            Base::Reg(base) if addr.off == 0 => return base,
            Base::Reg(base) => {
                if self.is_var(base) {
                    return self.b.addr_of(addr);
                }
                let known = |fact| match fact {
                    Fact::Address(of, operand) if of == addr => Some(operand),
                    _ => None,
                };
                if let Some(operand) = self.flow.find(known) {
                    return operand;
                }
                false
            }
            Base::Slot(_) | Base::Global(_) | Base::Data(_) => !self.loops.is_empty(),
        };
        if self.dead() {
            return self.b.null();
        }
        if hoist {
            return self.hoisted_address(addr);
        }
        let operand = self.b.addr_of(addr);
        if matches!(addr.base, Base::Reg(_)) {
            self.flow.learn(Fact::Address(addr, operand));
        }
        self.assume_non_null(operand);
        operand
    }
    /// The address of a place that never moves, computed at the function's start.
    pub(super) fn hoisted_address(&mut self, addr: Addr) -> Operand {
        debug_assert!(!matches!(addr.base, Base::Reg(_)), "registers may have no value at the start");
        if let Some(&reg) = self.flow.hoisted_regs.get(&addr) {
            return reg.into();
        }
        let reg = self.b.temp(Ty::Ptr);
        self.flow.hoisted.push((reg, addr));
        self.flow.hoisted_regs.insert(addr, reg);
        self.assume_non_null(reg.into());
        reg.into()
    }

    /// The finished function.
    pub(super) fn finish(self) -> Func {
        debug_assert!(self.dead(), "the function's end has no end");
        debug_assert!(self.scopes.is_empty() && self.loops.is_empty(), "scopes and loops are closed");
        debug_assert!(
            self.flow.order.len() == self.flow.blocks.iter().filter(|block| block.reached).count(),
            "every block that something leads to is lowered"
        );
        let (mut func, room) = self.b.finish_with();
        self.cache.room = room;
        let Flow { order, hoisted, .. } = &self.flow;
        if !hoisted.is_empty() {
            let (start, range) = (func.code.len() as u32, func.blocks[0].range());
            func.code.extend(hoisted.iter().map(|&(dst, addr)| Inst::AddrOf { dst, addr }));
            func.code_locs.resize(func.code.len(), LocId(0));
            func.code.extend_from_within(range.clone());
            func.code_locs.extend_from_within(range);
            (func.blocks[0].start, func.blocks[0].end) = (start, func.code.len() as u32);
        }
        lay_out(&mut func, order);
        self.cache.flow = self.flow;
        #[cfg(debug_assertions)]
        if let Err(errors) = sx_ir::verify(&func, self.module) {
            let list: Vec<String> = errors.iter().map(|error| error.to_string()).collect();
            panic!("lowering made a malformed function {}:\n{}", func.name, list.join("\n"));
        }
        func
    }
}

/// Puts the blocks into `order` and drops the others.
fn lay_out(func: &mut Func, order: &[BlockId]) {
    if order.len() == func.blocks.len() && order.iter().enumerate().all(|(i, block)| block.index() == i) {
        return;
    }
    let mut position = vec![BlockId(u32::MAX); func.blocks.len()];
    for (i, block) in order.iter().enumerate() {
        position[block.index()] = BlockId(i as u32);
    }
    let mut old: Vec<_> = std::mem::take(&mut func.blocks).into_iter().map(Some).collect();
    func.blocks = order.iter().map(|id| old[id.index()].take().expect("blocks are entered once")).collect();
    for block in &mut func.blocks {
        block.term.successors_mut(|to| *to = position[to.index()]);
    }
}
