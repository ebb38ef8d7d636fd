//! Gives every list its own place in the pool and drops what isn't named any more: registers, slots, constants,
//! positions, scopes. The order of what remains stays.

use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;

/// Old numbers to new ones.
struct Renumber(Vec<u32>);

impl Renumber {
    fn new(len: usize) -> Renumber {
        Renumber(vec![NONE; len])
    }
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
    fn get(&self, old: usize) -> u32 {
        self.0[old]
    }
    fn is_kept(&self, old: usize) -> bool {
        self.0[old] != NONE
    }
}

/// Lists apart from each other, each in the order of the code: what [`Inst::map_uses`] asks for.
pub fn unshare(func: &mut Func) {
    let old = std::mem::take(&mut func.pool);
    let mut pool = Vec::with_capacity(old.len());
    let mut copy = |list: &mut List| {
        let start = pool.len() as u32;
        pool.extend_from_slice(&old[list.start as usize..(list.start + list.len) as usize]);
        list.start = start;
    };
    for block in &mut func.blocks {
        for inst in &mut block.insts {
            if let Inst::Call { args, rets, .. } = inst {
                copy(args);
                copy(rets);
            }
        }
        if let Term::Return(list) | Term::Trap(_, list) = &mut block.term {
            copy(list);
        }
    }
    func.pool = pool;
}

/// Drops what isn't named any more. Variables whose registers are never assigned are forgotten.
pub fn compact(func: &mut Func) {
    unshare(func);
    let mut regs = Renumber::new(func.regs.len());
    let mut consts = Renumber::new(func.consts.len());
    let mut slots = Renumber::new(func.slots.len());
    let mut locs = Renumber::new(func.locs.len());
    (0..func.sig.params.len()).for_each(|param| regs.keep(param));
    for block in &func.blocks {
        let mut read = |operand: Operand| match operand.as_const() {
            Some(index) => consts.keep(index as usize),
            None => operand.as_reg().into_iter().for_each(|reg| regs.keep(reg.index())),
        };
        for inst in &block.insts {
            inst.uses(&func.pool, &mut read);
            inst.addrs(|addr| {
                if let Base::Slot(slot) = addr.base {
                    slots.keep(slot.index());
                }
            });
        }
        block.term.uses(&func.pool, &mut read);
        for inst in &block.insts {
            inst.defs(&func.pool, |reg| regs.keep(reg.index()));
        }
        block.locs.iter().for_each(|loc| locs.keep(loc.index()));
        locs.keep(block.term_loc.index());
    }
    func.debug_vars.retain(|var| match &var.place {
        Place::Regs(places) => places.iter().all(|reg| regs.is_kept(reg.index())),
        Place::Slot(slot) => slots.is_kept(slot.index()),
    });
    positions(func, &mut locs);
    regs.apply(&mut func.regs);
    consts.apply(&mut func.consts);
    slots.apply(&mut func.slots);
    let reg = |old: Reg| Reg(regs.get(old.index()));
    for operand in &mut func.pool {
        *operand = renumbered(*operand, &regs, &consts);
    }
    // What is in the pool is done; instructions see it as it is.
    let mut no_pool: [Operand; 0] = [];
    for block in &mut func.blocks {
        for inst in &mut block.insts {
            inst.map_uses(&mut no_pool, |operand| renumbered(operand, &regs, &consts));
            inst.map_defs(&mut no_pool, reg);
            inst.addrs_mut(|addr| {
                if let Base::Slot(slot) = &mut addr.base {
                    slot.0 = slots.get(slot.index());
                }
            });
        }
        block.term.map_uses(&mut no_pool, |operand| renumbered(operand, &regs, &consts));
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
fn positions(func: &mut Func, locs: &mut Renumber) {
    // A chain leads backwards only, so one walk from the end finds all of it.
    for i in (0..func.locs.len()).rev() {
        if locs.is_kept(i)
            && let Some(at) = func.locs[i].inlined_at
        {
            locs.keep(at.index());
        }
    }
    let mut scopes = Renumber::new(func.scopes.len());
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
    for block in &mut func.blocks {
        block.locs.iter_mut().chain([&mut block.term_loc]).for_each(|loc| loc.0 = locs.get(loc.index()));
    }
}

#[cfg(test)]
mod tests {
    use crate::passes::testing::check;

    #[test]
    fn unnamed_things_go() {
        check(
            |func, _| super::compact(func),
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
