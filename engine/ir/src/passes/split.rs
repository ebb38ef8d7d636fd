//! Loops in two: first the rounds whose checks pass for sure, without those checks; then the rest, as it was.
//!
//! Where a counter only grows by the same step, an index `scale·counter + offset` with the same scale, offset and length all
//! the time is within bounds in all rounds before one that can be computed. Those rounds run in a copy of the loop that
//! makes no such checks; it hands over to the loop as it was, which traps where it always would have. Also, the copy is
//! entered only when what elements are counted from isn't null.
//!
//! This doubles the code of inner loops, so it is for functions that run hot. Range splitting is described by Bodík,
//! Gupta and Sarkar, "ABCD" (2000), among others, as what is left when a check can't be shown to be redundant.

mod analyse;
mod clone;

use super::loops::{Loops, add_preheaders, headers, leads_back};
use super::{Cx, Work};
use crate::func::*;
use crate::ids::*;
use analyse::Plan;

/// Larger loops aren't copied.
const MAX_INSTS: usize = 300;
const MAX_BLOCKS: usize = 48;
/// Loops of a function that are split, at most.
const MAX_LOOPS: usize = 24;
/// Larger functions stay as they are.
const MAX_FUNC: usize = 20_000;

/// Numbers up to this in size are sure not to overflow when they are added once or twice.
const LARGE: i64 = 1 << 61;

/// Splits the inner loops of a function that have checks to lose; true when there were any.
pub(super) fn run(func: &mut Func, cx: &mut Cx<'_>) -> bool {
    if !leads_back(func) || func.code.len() > MAX_FUNC || !func.all_insts().any(is_check) {
        return false;
    }
    let Work { cfg, tree, loops: room, .. } = &mut *cx.work;
    cfg.compute(func);
    tree.compute(cfg);
    let headers = headers(cfg, tree);
    if add_preheaders(func, cfg, tree, &headers) {
        cfg.compute(func);
        tree.compute(cfg);
    }
    let mut split = 0;
    for (i, &header) in headers.iter().enumerate() {
        let mut loops = Loops::new(func, cfg, tree, room);
        loops.enter(func, i as u32, header);
        let Some(plan) = is_eligible(func, &loops, &headers).then(|| Plan::new(func, &loops)).flatten()
        else {
            continue;
        };
        clone::apply(func, &loops, &plan);
        cfg.compute(func);
        tree.compute(cfg);
        split += 1;
        if split == MAX_LOOPS {
            break;
        }
    }
    (cx.work.shape_known, cx.work.tree_known) = (false, false);
    split > 0
}

fn is_check(inst: &Inst) -> bool {
    matches!(inst, Inst::Bounds { .. })
}

/// True of a small loop that has no other one inside.
fn is_eligible(func: &Func, loops: &Loops<'_>, headers: &[BlockId]) -> bool {
    let blocks = loops.blocks();
    blocks.len() <= MAX_BLOCKS
        && blocks.iter().map(|&block| func.insts(block).len()).sum::<usize>() <= MAX_INSTS
        && headers.iter().all(|&other| other == loops.header() || !loops.contains(other))
        && blocks.iter().any(|&block| func.insts(block).iter().any(is_check))
}

#[cfg(test)]
mod tests;
