//! Bounds checks in counted loops.
//!
//! In `i = 0; while i < n { …; i = i + 1 }`, where nothing else assigns `i` and `n` stays, every `bounds i, n`
//! between the test and the step passes.

use super::Loops;
use crate::func::*;
use crate::ids::*;
use crate::passes::dce::keep;
use crate::passes::fold;

/// A loop that counts up by one.
struct Counted {
    var: Reg,
    /// The first value that ends it.
    limit: Operand,
    /// Where a round begins.
    body: BlockId,
    /// Where the counter steps: block and instruction.
    step: (BlockId, usize),
}

/// Removes the checks of the current loop that can't fail.
pub(super) fn run(func: &mut Func, loops: &Loops<'_>) {
    let has_checks = loops
        .blocks
        .iter()
        .any(|block| func.blocks[block.index()].insts.iter().any(|inst| matches!(inst, Inst::Bounds { .. })));
    if !has_checks {
        return;
    }
    let Some(counted) = recognise(func, loops) else { return };
    let copies = copies(func, loops, &counted);
    for &block in &loops.blocks {
        let dead: Vec<bool> = func.blocks[block.index()]
            .insts
            .iter()
            .enumerate()
            .map(|(i, inst)| match *inst {
                Inst::Bounds { index, len } => {
                    let in_time = index == counted.var.into() && is_before_step(loops, &counted, block, i);
                    let counts = in_time || index.as_reg().is_some_and(|reg| copies.contains(&reg));
                    counts && covers(func, counted.limit, len)
                }
                _ => false,
            })
            .collect();
        if dead.contains(&true) {
            let block = &mut func.blocks[block.index()];
            keep(&mut block.insts, &dead);
            keep(&mut block.locs, &dead);
        }
    }
}

/// True when everything below the limit is below the length.
fn covers(func: &Func, limit: Operand, len: Operand) -> bool {
    if limit == len {
        return true;
    }
    match (func.operand_const(limit), func.operand_const(len)) {
        (Some(limit), Some(len)) => limit.bits as i64 <= len.bits as i64,
        _ => false,
    }
}

/// True between the test and the step of one round.
fn is_before_step(loops: &Loops<'_>, counted: &Counted, block: BlockId, at: usize) -> bool {
    // The step's block leads to the test only, so no other block comes after it in a round.
    loops.tree.dominates(counted.body, block) && (block != counted.step.0 || at < counted.step.1)
}

/// Temporaries that hold the counter's value of a round.
fn copies(func: &Func, loops: &Loops<'_>, counted: &Counted) -> Vec<Reg> {
    let mut copies = Vec::new();
    for &block in &loops.blocks {
        for (i, inst) in func.blocks[block.index()].insts.iter().enumerate() {
            if let Inst::Copy { dst, src } = *inst
                && src == counted.var.into()
                && !func.regs[dst.index()].mutable
                && is_before_step(loops, counted, block, i)
            {
                copies.push(dst);
            }
        }
    }
    copies
}

fn recognise(func: &Func, loops: &Loops<'_>) -> Option<Counted> {
    let header = &func.blocks[loops.header.index()];
    let Term::Branch { cond, then, else_ } = header.term else { return None };
    let test = header.insts.iter().find(|inst| inst.dst().is_some_and(|dst| cond == dst.into()))?;
    let Inst::Cmp { op, ty: Ty::I64, a, b, dst } = *test else { return None };
    if func.regs[dst.index()].mutable {
        return None;
    }
    let (op, body) = match (loops.contains(then), loops.contains(else_)) {
        (true, false) => (op, then),
        (false, true) => (fold::inverse(op)?, else_),
        _ => return None,
    };
    let (var, limit) = match op {
        CmpOp::SLt => (a, b),
        CmpOp::SGt => (b, a),
        _ => return None,
    };
    let var = var.as_reg().filter(|reg| func.regs[reg.index()].mutable)?;
    if loops.cfg.preds(body).len() != 1 || !loops.is_invariant(func, limit) {
        return None;
    }
    let step = only_step(func, loops, var)?;
    starts_at_zero_or_more(func, loops, var).then_some(Counted { var, limit, body, step })
}

/// The only assignment of the counter in the loop, if it adds one right before the next test.
fn only_step(func: &Func, loops: &Loops<'_>, var: Reg) -> Option<(BlockId, usize)> {
    let mut step = None;
    for &block in &loops.blocks {
        for (i, inst) in func.blocks[block.index()].insts.iter().enumerate() {
            let mut assigns = false;
            inst.defs(&func.pool, |reg| assigns |= reg == var);
            if !assigns {
                continue;
            }
            let adds_one = match *inst {
                Inst::Copy { src, .. } => {
                    let from = src.as_reg().filter(|reg| !func.regs[reg.index()].mutable)?;
                    let home = BlockId(loops.home[from.index()]);
                    // Assigned in this very round, when the counter had its present value.
                    loops.home[from.index()] != super::NONE
                        && loops.contains(home)
                        && func.blocks[home.index()]
                            .insts
                            .iter()
                            .any(|inst| inst.dst() == Some(from) && is_next(func, inst, var))
                }
                ref inst => is_next(func, inst, var),
            };
            if !adds_one || step.is_some() {
                return None;
            }
            step = Some((block, i));
        }
    }
    let (block, _) = step?;
    matches!(func.blocks[block.index()].term, Term::Jump(to) if to == loops.header).then_some(step?)
}

/// True of `… = var + 1`.
fn is_next(func: &Func, inst: &Inst, var: Reg) -> bool {
    match *inst {
        Inst::Bin { op: BinOp::Add, ty: Ty::I64, a, b, .. } => {
            a == var.into() && func.operand_const(b).is_some_and(|one| one.bits == 1)
        }
        _ => false,
    }
}

/// True when every assignment outside of the loop is a constant not below zero, and one comes before the loop.
fn starts_at_zero_or_more(func: &Func, loops: &Loops<'_>, var: Reg) -> bool {
    let mut is_set = false;
    for (i, block) in func.blocks.iter().enumerate() {
        let id = BlockId(i as u32);
        if loops.contains(id) || !loops.cfg.is_reachable(id) {
            continue;
        }
        for inst in &block.insts {
            let mut assigns = false;
            inst.defs(&func.pool, |reg| assigns |= reg == var);
            if !assigns {
                continue;
            }
            let Inst::Copy { src, .. } = *inst else { return false };
            if func.operand_const(src).is_none_or(|first| (first.bits as i64) < 0) {
                return false;
            }
            is_set |= loops.tree.dominates(id, loops.header);
        }
    }
    is_set
}
