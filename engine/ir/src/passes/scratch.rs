//! Lists that functions grow in while passes work on them.
//!
//! A function's own lists are as long as they need to be, so that passes, which add and drop things all the time, would
//! move them again and again. They work in the lists of the room instead, whose capacity has grown for earlier functions,
//! and the function gets what came out: at most one allocation for each list. On several threads that counts for
//! more, as a list's memory belongs to the thread that made it.

use crate::func::*;
use crate::ids::LocId;

/// The lists of a function, as far as passes change them a lot.
#[derive(Default)]
pub(super) struct Scratch {
    regs: Vec<RegInfo>,
    slots: Vec<Slot>,
    consts: Vec<Const>,
    pool: Vec<Operand>,
    code: Vec<Inst>,
    code_locs: Vec<LocId>,
    blocks: Vec<Block>,
    locs: Vec<SrcLoc>,
}

impl Scratch {
    /// Calls `f` with the function in these lists.
    pub fn with<R>(&mut self, func: &mut Func, f: impl FnOnce(&mut Func) -> R) -> R {
        lend(&mut self.regs, &mut func.regs);
        lend(&mut self.slots, &mut func.slots);
        lend(&mut self.consts, &mut func.consts);
        lend(&mut self.pool, &mut func.pool);
        lend(&mut self.code, &mut func.code);
        lend(&mut self.code_locs, &mut func.code_locs);
        lend(&mut self.blocks, &mut func.blocks);
        lend(&mut self.locs, &mut func.locs);
        let result = f(func);
        take_back(&mut self.regs, &mut func.regs);
        take_back(&mut self.slots, &mut func.slots);
        take_back(&mut self.consts, &mut func.consts);
        take_back(&mut self.pool, &mut func.pool);
        take_back(&mut self.code, &mut func.code);
        take_back(&mut self.code_locs, &mut func.code_locs);
        take_back(&mut self.blocks, &mut func.blocks);
        take_back(&mut self.locs, &mut func.locs);
        result
    }
}

/// Puts the function's entries into the room's list, and that in the place of the function's own, which stays here.
fn lend<T>(room: &mut Vec<T>, own: &mut Vec<T>) {
    debug_assert!(room.is_empty(), "entries were taken back");
    room.append(own);
    std::mem::swap(room, own);
}

/// The other way round.
fn take_back<T>(room: &mut Vec<T>, own: &mut Vec<T>) {
    if room.capacity() < own.len() {
        *room = Vec::with_capacity(own.len());
    }
    room.append(own);
    std::mem::swap(room, own);
}
