//! Pure instructions whose operands don't change in a loop move before it.

use super::Loops;
use crate::func::*;
use crate::ids::*;
use crate::passes::effects::is_pure;

/// Moves what every round computes to the block that the current loop is entered from.
pub(super) fn run(func: &mut Func, loops: &mut Loops<'_>, moved: &mut Vec<bool>) {
    let Some(preheader) = loops.preheader() else { return };
    let latches: Vec<BlockId> = loops.latches().collect();
    for i in 0..loops.room.blocks.len() {
        let block = loops.room.blocks[i];
        // What only some rounds compute stays where it is.
        if latches.iter().all(|&latch| loops.tree.dominates(block, latch)) {
            hoist_from(func, loops, block, preheader, moved);
        }
    }
}

fn hoist_from(
    func: &mut Func,
    loops: &mut Loops<'_>,
    block: BlockId,
    preheader: BlockId,
    moved: &mut Vec<bool>,
) {
    let range = func.blocks[block.index()].range();
    moved.clear();
    moved.resize(range.len(), false);
    let mut any = false;
    for (at, moved) in range.zip(moved.iter_mut()) {
        let inst = func.code[at];
        let Some(dst) = inst.dst().filter(|_| is_movable(func, loops, &inst)) else { continue };
        func.append(preheader, inst, func.code_locs[at]);
        loops.room.home[dst.index()] = preheader.0;
        *moved = true;
        any = true;
    }
    if any {
        func.remove(block, moved);
    }
}

/// True of what gives the same each round.
pub(super) fn is_movable(func: &Func, loops: &Loops<'_>, inst: &Inst) -> bool {
    let Some(dst) = inst.dst() else { return false };
    if func.regs[dst.index()].mutable || !is_pure(func, inst) {
        return false;
    }
    let mut invariant = true;
    inst.uses(&func.pool, |operand| invariant &= loops.is_invariant(func, operand));
    invariant
}
