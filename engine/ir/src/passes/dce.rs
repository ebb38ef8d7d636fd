//! Results that nobody reads go, and stores to slots that nobody reads.

use super::effects::is_removable;
use super::liveness::LiveVars;
use super::{Cx, Work};
use crate::cfg::Cfg;
use crate::func::*;
use crate::ids::*;

/// Room for the pass.
#[derive(Default)]
pub(super) struct Room {
    live_vars: LiveVars,
    /// The block in which each `var` is known to be read later on.
    live: Vec<u32>,
    reads: Reads,
}

/// Who reads what.
#[derive(Default)]
struct Reads {
    regs: Vec<u32>,
    slots: Vec<u32>,
    /// A `var` or a slot lost its last reader; what writes it may stand where the walk has been.
    again: bool,
}

impl Reads {
    fn reset(&mut self, func: &Func) {
        for (counts, len) in [(&mut self.regs, func.regs.len()), (&mut self.slots, func.slots.len())] {
            counts.clear();
            counts.resize(len, 0);
        }
    }

    /// What only feeds itself is read by nobody.
    #[inline]
    fn own(func: &Func, inst: &Inst) -> Option<Reg> {
        inst.dst().filter(|dst| func.regs[dst.index()].mutable && is_removable(func, inst))
    }

    /// Counts what an instruction reads besides its `own` register, and tells of all of it.
    #[inline]
    fn count(&mut self, func: &Func, inst: &Inst, own: Option<Reg>, mut read: impl FnMut(Reg)) {
        inst.uses(&func.pool, |operand| {
            if let Some(reg) = operand.as_reg() {
                read(reg);
                self.regs[reg.index()] += (own != Some(reg)) as u32;
            }
        });
        if let Some(slot) = read_slot(inst) {
            self.slots[slot.index()] += 1;
        }
    }

    /// Takes back what was counted of an instruction that goes.
    fn discount(&mut self, func: &Func, inst: &Inst) {
        let again = &mut self.again;
        let mut step = |count: &mut u32, anywhere: bool| {
            *count -= 1;
            *again |= *count == 0 && anywhere;
        };
        let own = Reads::own(func, inst);
        inst.uses(&func.pool, |operand| {
            if let Some(reg) = operand.as_reg()
                && own != Some(reg)
            {
                step(&mut self.regs[reg.index()], func.regs[reg.index()].mutable);
            }
        });
        if let Some(slot) = read_slot(inst) {
            step(&mut self.slots[slot.index()], true);
        }
    }

    fn count_term(&mut self, func: &Func, term: &Term) {
        term.uses(&func.pool, |operand| {
            if let Some(reg) = operand.as_reg() {
                self.regs[reg.index()] += 1;
            }
        });
    }

    /// True when nothing can tell whether the instruction was there.
    fn is_dead(&self, func: &Func, inst: &Inst) -> bool {
        let written = match *inst {
            Inst::Copy { dst, src } if src == dst.into() => return true,
            Inst::Store { addr, .. } => addr,
            Inst::MemCopy { dst, .. } | Inst::MemZero { dst, .. } => dst,
            _ => {
                return inst.dst().is_some_and(|dst| self.regs[dst.index()] == 0) && is_removable(func, inst);
            }
        };
        matches!(written.base, Base::Slot(slot) if self.slots[slot.index()] == 0)
    }
}

/// The slot that an instruction reads or whose address it takes.
#[inline]
fn read_slot(inst: &Inst) -> Option<SlotId> {
    let addr = match *inst {
        Inst::Load { addr, .. } | Inst::AddrOf { addr, .. } | Inst::MemCopy { src: addr, .. } => addr,
        _ => return None,
    };
    match addr.base {
        Base::Slot(slot) => Some(slot),
        Base::Reg(_) | Base::Global(_) | Base::Data(_) => None,
    }
}

/// Removes what is dead. Blocks are walked against their order, so that every use of a temporary comes before its
/// assignment and one walk does. Every block is reachable.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) {
    let Work { cfg, dead, dce: room, .. } = &mut *cx.work;
    let reads = &mut room.reads;
    reads.reset(func);
    if func.regs.iter().any(|reg| reg.mutable) {
        room.live_vars.compute(func, cfg);
        dead_assignments(func, cfg, &room.live_vars, &mut room.live, reads, dead);
    } else {
        for block in &func.blocks {
            func.code[block.range()].iter().for_each(|inst| reads.count(func, inst, None, |_| {}));
            reads.count_term(func, &block.term);
        }
    }
    for _ in 0..3 {
        reads.again = false;
        for &block in cfg.rpo.iter().rev() {
            sweep(func, block, reads, dead);
        }
        if !reads.again {
            break;
        }
    }
}

/// Removes the dead of one block, last first.
fn sweep(func: &mut Func, block: BlockId, reads: &mut Reads, dead: &mut Vec<bool>) {
    let range = func.blocks[block.index()].range();
    let (start, len) = (range.start, range.len());
    let mut any = false;
    for at in range.rev() {
        let inst = &func.code[at];
        if reads.is_dead(func, inst) {
            reads.discount(func, inst);
            if !any {
                dead.clear();
                dead.resize(len, false);
                any = true;
            }
            dead[at - start] = true;
        }
    }
    if any {
        func.remove(block, dead);
    }
}

/// Removes assignments of `var` registers that are assigned again before anyone reads them, and counts what the rest
/// reads.
fn dead_assignments(
    func: &mut Func,
    cfg: &Cfg,
    live_vars: &LiveVars,
    live: &mut Vec<u32>,
    reads: &mut Reads,
    dead: &mut Vec<bool>,
) {
    live.clear();
    live.resize(func.regs.len(), u32::MAX);
    for &id in &cfg.rpo {
        live_vars.for_each_out(id, |reg| live[reg.index()] = id.0);
        let block = &func.blocks[id.index()];
        dead.clear();
        dead.resize(block.len(), false);
        let mut any = false;
        let read = |live: &mut [u32], operand: Operand| {
            if let Some(reg) = operand.as_reg() {
                live[reg.index()] = id.0;
            }
        };
        block.term.uses(&func.pool, |operand| read(live, operand));
        reads.count_term(func, &block.term);
        for (dead, inst) in dead.iter_mut().zip(&func.code[block.range()]).rev() {
            let mut own = None;
            if let Some(dst) = inst.dst()
                && func.regs[dst.index()].mutable
            {
                let is_live = std::mem::replace(&mut live[dst.index()], u32::MAX) == id.0;
                own = Some(dst).filter(|_| is_removable(func, inst));
                if !is_live && own.is_some() {
                    *dead = true;
                    any = true;
                    continue;
                }
            }
            reads.count(func, inst, own, |reg| live[reg.index()] = id.0);
        }
        if any {
            func.remove(id, dead);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::func::Func;
    use crate::passes::Cx;
    use crate::passes::testing::check;

    fn pass(func: &mut Func, cx: &mut Cx<'_>) {
        cx.find_shape(func);
        super::run(func, cx);
    }

    #[test]
    fn unread_results_go_and_effects_stay() {
        check(
            pass,
            "
            fn0 = func \"f\" (r0: ptr, r1: i64) -> (i64) {
              slot0: 8 align 8
              var r2: i64
            b0:
              r3 = add.i64 r1, 1
              r4 = mul.i64 r3, 2
              r5 = load.i64 [r0]
              r6 = sdiv.i64 r1, r1
              r7 = sdiv.i64 r1, 3
              r8 = sdiv.i64 r1, -1
              store.i64 [slot0], r4
              memzero [slot0], 8
              nullcheck r0
              r2 = copy.i64 r1
              store.i64 [r0], r1
              ret r1
            }",
            "
            fn0 = func \"f\" (r0: ptr, r1: i64) -> (i64) {
              slot0: 8 align 8
              var r2: i64
              temp r3: i64
              temp r4: i64
              temp r5: i64
              temp r7: i64
            b0:
              r6 = sdiv.i64 r1, r1
              r8 = sdiv.i64 r1, -1
              nullcheck r0
              store.i64 [r0], r1
              ret r1
            }",
        );
    }

    #[test]
    fn assignments_before_the_next_one_go() {
        check(
            pass,
            "
            fn0 = func \"f\" (r0: i64, r1: i8) -> (i64) {
              var r2: i64
              var r3: i64
              var r4: i64
            b0:
              r2 = copy.i64 1
              r3 = copy.i64 1
              r4 = copy.i64 1
              r2 = add.i64 r0, 2
              br r1, b1, b2
            b1:
              r3 = copy.i64 3
              r4 = add.i64 r4, r2
              jump b2
            b2:
              r2 = add.i64 r2, r3
              r4 = add.i64 r4, 1
              r3 = copy.i64 0
              br r1, b1, b3
            b3:
              r4 = copy.i64 9
              ret r2
            }",
            "
            fn0 = func \"f\" (r0: i64, r1: i8) -> (i64) {
              var r2: i64
              var r3: i64
              var r4: i64
            b0:
              r3 = copy.i64 1
              r2 = add.i64 r0, 2
              br r1, b1, b2
            b1:
              r3 = copy.i64 3
              jump b2
            b2:
              r2 = add.i64 r2, r3
              br r1, b1, b3
            b3:
              ret r2
            }",
        );
    }

    #[test]
    fn slots_that_are_read_keep_their_stores() {
        let text = "
            fn0 = func \"f\" (r0: ptr) -> (ptr) {
              slot0: 8 align 8
              slot1: 8 align 8
              slot2: 8 align 8
            b0:
              store.i64 [slot0], 1
              store.i64 [slot1], 2
              store.i64 [slot2], 3
              r1 = load.i64 [slot0]
              memcopy [r0], [slot1], 8
              store.i64 [r0 + 8], r1
              r2 = addr [slot2]
              ret r2
            }";
        check(pass, text, text);
    }
}
