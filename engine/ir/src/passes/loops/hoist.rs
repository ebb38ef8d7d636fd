//! Pure instructions whose operands don't change in a loop move before it.

use super::Loops;
use crate::func::*;
use crate::ids::*;
use crate::passes::dce::keep;
use crate::passes::effects::is_pure;

/// Moves what every round computes to the block that the current loop is entered from.
pub(super) fn run(func: &mut Func, loops: &mut Loops<'_>) {
    let Some(preheader) = loops.preheader() else { return };
    let latches: Vec<BlockId> = loops.latches().collect();
    for i in 0..loops.blocks.len() {
        let block = loops.blocks[i];
        // What only some rounds compute stays where it is.
        if latches.iter().all(|&latch| loops.tree.dominates(block, latch)) {
            hoist_from(func, loops, block, preheader);
        }
    }
}

fn hoist_from(func: &mut Func, loops: &mut Loops<'_>, block: BlockId, preheader: BlockId) {
    let mut insts = std::mem::take(&mut func.blocks[block.index()].insts);
    let mut moved = vec![false; insts.len()];
    let mut any = false;
    for (i, inst) in insts.iter().enumerate() {
        let Some(dst) = inst.dst() else { continue };
        if func.regs[dst.index()].mutable || !is_pure(func, inst) {
            continue;
        }
        let mut invariant = true;
        inst.uses(&func.pool, |operand| invariant &= loops.is_invariant(func, operand));
        if !invariant {
            continue;
        }
        let loc = func.blocks[block.index()].locs[i];
        let to = &mut func.blocks[preheader.index()];
        to.insts.push(*inst);
        to.locs.push(loc);
        loops.home[dst.index()] = preheader.0;
        moved[i] = true;
        any = true;
    }
    if any {
        keep(&mut insts, &moved);
        keep(&mut func.blocks[block.index()].locs, &moved);
    }
    func.blocks[block.index()].insts = insts;
}
