//! Bounds checks in counted loops.
//!
//! In `i = 0; while i < n { …; i = i + 1 }`, where nothing else assigns `i` and `n` stays, every `bounds i, n`
//! between the test and the step passes. The test may stand before the round, or after the step with another one
//! before the loop.

use super::Loops;
use crate::func::*;
use crate::ids::*;
use crate::passes::fold;

/// A loop that counts up by one.
struct Counted {
    var: Reg,
    /// The first value that ends it.
    limit: Operand,
    /// Where a round begins, with the counter below the limit.
    body: BlockId,
    /// Where the counter steps: block and instruction.
    step: (BlockId, usize),
}

/// Removes the checks of the current loop that can't fail.
pub(super) fn run(func: &mut Func, loops: &Loops<'_>, dead: &mut Vec<bool>) {
    let is_check = |inst: &Inst| matches!(inst, Inst::Bounds { .. });
    if !loops.room.blocks.iter().any(|&block| func.insts(block).iter().any(is_check)) {
        return;
    }
    let Some(counted) = recognise(func, loops) else { return };
    let copies = copies(func, loops, &counted);
    for &block in &loops.room.blocks {
        dead.clear();
        dead.extend(func.insts(block).iter().enumerate().map(|(i, inst)| match *inst {
            Inst::Bounds { index, len, .. } => {
                let in_time = index == counted.var.into() && is_before_step(loops, &counted, block, i);
                let counts = in_time || index.as_reg().is_some_and(|reg| copies.contains(&reg));
                counts && covers(func, counted.limit, len)
            }
            _ => false,
        }));
        if dead.contains(&true) {
            func.remove(block, dead);
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
    // The step's block ends the round, so no other block comes after it.
    loops.tree.dominates(counted.body, block) && (block != counted.step.0 || at < counted.step.1)
}

/// Temporaries that hold the counter's value of a round.
fn copies(func: &Func, loops: &Loops<'_>, counted: &Counted) -> Vec<Reg> {
    let mut copies = Vec::new();
    for &block in &loops.room.blocks {
        for (i, inst) in func.insts(block).iter().enumerate() {
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
    test_first(func, loops).or_else(|| test_last(func, loops))
}

/// What a block's end tests: `var < limit` in the direction that stays in the loop.
struct Test {
    /// Left of `<`.
    below: Operand,
    limit: Operand,
    /// The comparison's place in the block.
    at: usize,
    /// Where it leads when true.
    then: BlockId,
}

/// The test of a block's end that holds towards a block for which `inside` is true.
fn test(func: &Func, block: BlockId, inside: impl Fn(BlockId) -> bool) -> Option<Test> {
    let Term::Branch { cond, then, else_ } = func.blocks[block.index()].term else { return None };
    let insts = func.insts(block);
    let at = insts.iter().rposition(|inst| inst.dst().is_some_and(|dst| cond == dst.into()))?;
    let Inst::Cmp { op, ty: Ty::I64, a, b, dst } = insts[at] else { return None };
    if func.regs[dst.index()].mutable {
        return None;
    }
    let (op, then) = match (inside(then), inside(else_)) {
        (true, false) => (op, then),
        (false, true) => (fold::inverse(op)?, else_),
        _ => return None,
    };
    match op {
        CmpOp::SLt => Some(Test { below: a, limit: b, at, then }),
        CmpOp::SGt => Some(Test { below: b, limit: a, at, then }),
        _ => None,
    }
}

fn is_var(func: &Func, operand: Operand) -> Option<Reg> {
    operand.as_reg().filter(|reg| func.regs[reg.index()].mutable)
}

/// A loop whose header tests.
fn test_first(func: &Func, loops: &Loops<'_>) -> Option<Counted> {
    let test = test(func, loops.header, |to| loops.contains(to))?;
    let var = is_var(func, test.below)?;
    if loops.cfg.preds(test.then).len() != 1 || !loops.is_invariant(func, test.limit) {
        return None;
    }
    let step = only_step(func, loops, var)?;
    let ends_round = matches!(func.blocks[step.0.index()].term, Term::Jump(to) if to == loops.header);
    let counted = Counted { var, limit: test.limit, body: test.then, step };
    (ends_round && starts_at_zero_or_more(func, loops, var)).then_some(counted)
}

/// A loop whose only latch steps and tests, after a test before the loop.
fn test_last(func: &Func, loops: &Loops<'_>) -> Option<Counted> {
    let mut latches = loops.latches();
    let (latch, None) = (latches.next()?, latches.next()) else { return None };
    let test = test(func, latch, |to| to == loops.header)?;
    if !loops.is_invariant(func, test.limit) {
        return None;
    }
    let stepped = func.insts(latch);
    // The test reads the counter after the step, or what the step copies to it.
    let var = is_var(func, test.below).or_else(|| {
        stepped.iter().find_map(|inst| match *inst {
            Inst::Copy { dst, src } if src == test.below && func.regs[dst.index()].mutable => Some(dst),
            _ => None,
        })
    })?;
    let step = only_step(func, loops, var)?;
    let in_order = step.0 == latch && (test.below != var.into() || step.1 < test.at);
    if !in_order || !starts_at_zero_or_more(func, loops, var) || !starts_below(func, loops, var, test.limit) {
        return None;
    }
    Some(Counted { var, limit: test.limit, body: loops.header, step })
}

/// True when the counter is below the limit wherever the loop is entered.
fn starts_below(func: &Func, loops: &Loops<'_>, var: Reg, limit: Operand) -> bool {
    let first = first_value(func, loops, var);
    if let (Some(first), Some(limit)) = (first, func.operand_const(limit)) {
        return first < limit.bits as i64;
    }
    let Some(preheader) = loops.preheader() else { return false };
    let &[guard] = loops.cfg.preds(preheader) else { return false };
    let Some(test) = test(func, guard, |to| to == preheader) else { return false };
    let below = match (func.operand_const(test.below), first) {
        (Some(below), Some(first)) => first <= below.bits as i64,
        _ => test.below == var.into(),
    };
    // What was compared must not change on the way from there.
    let later = func.insts(guard)[test.at..].iter().chain(func.insts(preheader));
    let mut stays = true;
    for inst in later {
        inst.defs(&func.pool, |reg| stays &= Operand::from(reg) != limit && reg != var);
    }
    below && stays && test.limit == limit
}

/// The constant that the counter has where the loop is entered, if it is assigned shortly before.
fn first_value(func: &Func, loops: &Loops<'_>, var: Reg) -> Option<i64> {
    let mut block = loops.preheader()?;
    for _ in 0..4 {
        for inst in func.insts(block).iter().rev() {
            let mut assigns = false;
            inst.defs(&func.pool, |reg| assigns |= reg == var);
            match *inst {
                Inst::Copy { src, .. } if assigns => return func.operand_const(src).map(|c| c.bits as i64),
                _ if assigns => return None,
                _ => {}
            }
        }
        let &[pred] = loops.cfg.preds(block) else { return None };
        block = pred;
    }
    None
}

/// The only assignment of the counter in the loop, if it adds one.
fn only_step(func: &Func, loops: &Loops<'_>, var: Reg) -> Option<(BlockId, usize)> {
    let mut step = None;
    for &block in &loops.room.blocks {
        for (i, inst) in func.insts(block).iter().enumerate() {
            let mut assigns = false;
            inst.defs(&func.pool, |reg| assigns |= reg == var);
            if !assigns {
                continue;
            }
            let adds_one = match *inst {
                Inst::Copy { src, .. } => {
                    let from = src.as_reg().filter(|reg| !func.regs[reg.index()].mutable)?;
                    let home = BlockId(loops.room.home[from.index()]);
                    // Assigned in this very round, when the counter had its present value.
                    loops.room.home[from.index()] != super::NONE
                        && loops.contains(home)
                        && func
                            .insts(home)
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
    step
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

/// True when the counter isn't below zero where the loop is entered: every assignment outside of the loop is a
/// constant not below zero, and one comes before it. What an earlier run of the loop left isn't below zero, too.
fn starts_at_zero_or_more(func: &Func, loops: &Loops<'_>, var: Reg) -> bool {
    if let Some(first) = first_value(func, loops, var) {
        return first >= 0;
    }
    let mut is_set = false;
    for id in (0..func.blocks.len() as u32).map(BlockId) {
        if loops.contains(id) || !loops.cfg.is_reachable(id) {
            continue;
        }
        for inst in func.insts(id) {
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
