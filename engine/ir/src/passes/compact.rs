//! Gives every list its own place in the pool and drops what isn't named any more: registers, slots, constants,
//! positions, scopes. The order of what remains stays.

use super::Cx;
use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;

/// Room for the pass.
#[derive(Default)]
pub(super) struct Room {
    pool: Vec<Operand>,
    code: Vec<Inst>,
    code_locs: Vec<LocId>,
    regs: Renumber,
    consts: Renumber,
    slots: Renumber,
    locs: Renumber,
    scopes: Renumber,
}

/// Old numbers to new ones.
#[derive(Default)]
struct Renumber(Vec<u32>);

impl Renumber {
    fn reset(&mut self, len: usize) {
        self.0.clear();
        self.0.resize(len, NONE);
    }
    #[inline]
    fn keep(&mut self, old: usize) {
        self.0[old] = 0;
    }
    /// Keeps the marked entries of a table and numbers them.
    fn apply<T>(&mut self, table: &mut Vec<T>) {
        let mut next = 0;
        let mut index = 0;
        table.retain(|_| {
            let entry = &mut self.0[index];
            index += 1;
            if *entry == NONE {
                return false;
            }
            *entry = next;
            next += 1;
            true
        });
    }
    #[inline]
    fn get(&self, old: usize) -> u32 {
        self.0[old]
    }
    #[inline]
    fn is_kept(&self, old: usize) -> bool {
        self.0[old] != NONE
    }
}

/// Lists apart from each other, each in the order of the code: what [`Inst::map_uses`] asks for.
pub fn unshare(func: &mut Func, room: &mut Room) {
    let Func { pool, code, blocks, .. } = func;
    let old = &mut room.pool;
    std::mem::swap(pool, old);
    pool.clear();
    let mut copy = |list: &mut List| {
        let start = pool.len() as u32;
        pool.extend_from_slice(&old[list.start as usize..(list.start + list.len) as usize]);
        list.start = start;
    };
    for block in blocks {
        for inst in &mut code[block.range()] {
            if let Inst::Call { args, rets, .. } = inst {
                copy(args);
                copy(rets);
            }
        }
        if let Term::Return(list) | Term::Trap(_, list) = &mut block.term {
            copy(list);
        }
    }
}

/// Only the code that blocks name, in their order.
fn gather(func: &mut Func, room: &mut Room) {
    let count: usize = func.blocks.iter().map(Block::len).sum();
    if count == func.code.len() && func.blocks.iter().is_sorted_by_key(|block| block.start) {
        return;
    }
    let Room { code, code_locs, .. } = room;
    code.clear();
    code_locs.clear();
    for block in &mut func.blocks {
        let start = code.len() as u32;
        code.extend_from_slice(&func.code[block.range()]);
        code_locs.extend_from_slice(&func.code_locs[block.range()]);
        (block.start, block.end) = (start, code.len() as u32);
    }
    std::mem::swap(&mut func.code, code);
    std::mem::swap(&mut func.code_locs, code_locs);
}

/// Drops what isn't named any more. Variables whose registers are never assigned are forgotten.
pub fn compact(func: &mut Func, cx: &mut Cx<'_>) {
    unshare(func, &mut cx.work.compact);
    gather(func, &mut cx.work.compact);
    let Room { regs, consts, slots, locs, scopes, .. } = &mut cx.work.compact;
    regs.reset(func.regs.len());
    consts.reset(func.consts.len());
    slots.reset(func.slots.len());
    locs.reset(func.locs.len());
    (0..func.sig.params.len()).for_each(|param| regs.keep(param));
    let mut read = |operand: Operand| match operand.as_const() {
        Some(index) => consts.keep(index as usize),
        None => operand.as_reg().into_iter().for_each(|reg| regs.keep(reg.index())),
    };
    // The pool holds what lists name and nothing else.
    let no_pool: [Operand; 0] = [];
    func.pool.iter().copied().for_each(&mut read);
    for inst in &func.code {
        inst.uses(&no_pool, &mut read);
        inst.dst().into_iter().for_each(|dst| read(dst.into()));
        inst.addrs(|addr| {
            if let Base::Slot(slot) = addr.base {
                slots.keep(slot.index());
            }
        });
    }
    func.code_locs.iter().for_each(|loc| locs.keep(loc.index()));
    for block in &func.blocks {
        block.term.uses(&no_pool, &mut read);
        locs.keep(block.term_loc.index());
    }
    func.debug_vars.retain(|var| match &var.place {
        Place::Regs(places) => places.iter().all(|reg| regs.is_kept(reg.index())),
        Place::Slot(slot) => slots.is_kept(slot.index()),
    });
    positions(func, locs, scopes);
    regs.apply(&mut func.regs);
    consts.apply(&mut func.consts);
    slots.apply(&mut func.slots);
    let reg = |old: Reg| Reg(regs.get(old.index()));
    for operand in &mut func.pool {
        *operand = renumbered(*operand, regs, consts);
    }
    let mut no_pool: [Operand; 0] = [];
    for inst in &mut func.code {
        inst.map_uses(&mut no_pool, |operand| renumbered(operand, regs, consts));
        inst.map_defs(&mut no_pool, reg);
        inst.addrs_mut(|addr| {
            if let Base::Slot(slot) = &mut addr.base {
                slot.0 = slots.get(slot.index());
            }
        });
    }
    for block in &mut func.blocks {
        block.term.map_uses(&mut no_pool, |operand| renumbered(operand, regs, consts));
    }
    for var in &mut func.debug_vars {
        match &mut var.place {
            Place::Regs(places) => places.iter_mut().for_each(|place| *place = reg(*place)),
            Place::Slot(slot) => slot.0 = slots.get(slot.index()),
        }
    }
}

fn renumbered(operand: Operand, regs: &Renumber, consts: &Renumber) -> Operand {
    match (operand.as_const(), operand.as_reg()) {
        (Some(index), _) => Operand::constant(consts.get(index as usize)),
        (None, Some(reg)) => Operand::reg(Reg(regs.get(reg.index()))),
        (None, None) => operand,
    }
}

/// Positions named by code and those that they were inlined at, with their scopes.
fn positions(func: &mut Func, locs: &mut Renumber, scopes: &mut Renumber) {
    // A chain leads backwards only, so one walk from the end finds all of it.
    for i in (0..func.locs.len()).rev() {
        if locs.is_kept(i)
            && let Some(at) = func.locs[i].inlined_at
        {
            locs.keep(at.index());
        }
    }
    scopes.reset(func.scopes.len());
    scopes.keep(0);
    for (i, loc) in func.locs.iter().enumerate() {
        if locs.is_kept(i) {
            scopes.keep(loc.scope as usize);
        }
    }
    locs.apply(&mut func.locs);
    scopes.apply(&mut func.scopes);
    for loc in &mut func.locs {
        loc.scope = scopes.get(loc.scope as usize);
        if let Some(at) = &mut loc.inlined_at {
            at.0 = locs.get(at.index());
        }
    }
    let ends = func.blocks.iter_mut().map(|block| &mut block.term_loc);
    func.code_locs.iter_mut().chain(ends).for_each(|loc| loc.0 = locs.get(loc.index()));
}

#[cfg(test)]
mod tests {
    use crate::passes::testing::check;

    #[test]
    fn unnamed_things_go() {
        check(
            super::compact,
            "
            fn0 = func \"f\" (r0: i64) -> (i64) {
              slot0: 8 align 8
              slot1: 16 align 8
              var r3: i64
              temp r2: i64
              temp r4: i64
              temp r1: i64
              debug \"gone\": \"i64\" in r2
              debug \"kept\": \"i64\" in r3
              debug \"memory\": \"i64\" in slot1
            b0:
              r3 = copy.i64 7
              store.i64 [slot1], r3
              r5 = add.i64 r3, 7
              ret r5
              }",
            "
            fn0 = func \"f\" (r0: i64) -> (i64) {
              slot0: 16 align 8
              var r1: i64
              debug \"kept\": \"i64\" in r1
              debug \"memory\": \"i64\" in slot0
            b0:
              r1 = copy.i64 7
              store.i64 [slot0], r1
              r2 = add.i64 r1, 7
              ret r2
              }",
        );
    }
}
