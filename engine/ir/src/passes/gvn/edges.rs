//! What the way into a block tells: the outcome of the test before it.

use super::*;

impl Gvn<'_> {
    /// Starts a block.
    pub(super) fn enter(&mut self, func: &mut Func, cfg: &Cfg, block: BlockId, last: Option<BlockId>) {
        self.block = block;
        let tree = self.tree;
        let mut outside = cfg.preds(block).iter().copied().filter(|&pred| !tree.dominates(block, pred));
        let entered = outside.next().filter(|_| outside.next().is_none());
        let same_region = entered.is_some() && entered == last && cfg.preds(block).len() == 1;
        // A loop whose test comes last is entered after the same test.
        let checked = match entered {
            Some(pred) if !same_region && entered == last => self.checked_around(func, cfg, block, pred),
            _ => None,
        };
        if !same_region {
            self.region += 1;
            self.memory.forget();
        }
        if let Some(var) = checked {
            self.note_not_null(func, var.into());
        }
        // Temporaries keep their values while a loop runs that they were computed before.
        let Some(pred) = entered else { return };
        let Term::Branch { cond, then, else_ } = func.blocks[pred.index()].term else { return };
        let Some(reg) = cond.as_reg() else { return };
        if then == else_ {
            return;
        }
        self.note_outcome(func, reg, then == block, same_region);
    }

    fn note_outcome(&mut self, func: &mut Func, reg: Reg, outcome: bool, same_region: bool) {
        if self.known[reg.index()].mutable {
            if same_region {
                self.stamp_of(reg);
                let outcome = self.constant(func, Ty::I8, outcome as u64);
                let known = &mut self.known[reg.index()];
                (known.value, known.plain) = (Some(outcome), false);
            }
            return;
        }
        let known = &mut self.known[reg.index()];
        known.tested = self.block.0;
        known.outcome = outcome;
        known.plain = false;
        let def = self.def(func, reg.into());
        if let Some(Inst::Cmp { op, ty: Ty::Ptr, a, b, .. }) = def
            && op == if outcome { CmpOp::Ne } else { CmpOp::Eq }
            && func.operand_const(b).is_some_and(|null| null.bits == 0)
        {
            self.note_not_null(func, a);
        }
    }

    /// From here on the address counts as checked.
    fn note_not_null(&mut self, func: &Func, operand: Operand) {
        let key = self.key(func, Inst::NullCheck { ptr: operand });
        self.available.insert(key, self.block, None);
    }

    /// The `var` that every way into a loop's first block has compared with null; `pred`, the block before the
    /// loop, was the last one walked.
    fn checked_around(&mut self, func: &mut Func, cfg: &Cfg, block: BlockId, pred: BlockId) -> Option<Reg> {
        let mut latches = cfg.preds(block).iter().copied().filter(|&other| other != pred);
        let (latch, None) = (latches.next()?, latches.next()) else { return None };
        let var = compared_with_null(func, latch, block)?.as_reg()?;
        if !func.regs[var.index()].mutable || assigned_after_test(func, latch, var) {
            return None;
        }
        let before = compared_with_null(func, pred, block)?;
        let same = before == var.into() || self.resolve(func, var.into()) == before;
        (same && !assigned_after_test(func, pred, var)).then_some(var)
    }
}

/// What isn't null when the block's end leads to `to`, by a comparison in the block itself.
fn compared_with_null(func: &Func, block: BlockId, to: BlockId) -> Option<Operand> {
    let Term::Branch { cond, then, else_ } = func.blocks[block.index()].term else { return None };
    let op = match (then == to, else_ == to) {
        (true, false) => CmpOp::Ne,
        (false, true) => CmpOp::Eq,
        _ => return None,
    };
    let cond = cond.as_reg().filter(|reg| !func.regs[reg.index()].mutable)?;
    func.insts(block).iter().find_map(|inst| match *inst {
        Inst::Cmp { op: found, ty: Ty::Ptr, dst, a, b } if dst == cond && found == op => {
            func.operand_const(b).is_some_and(|null| null.bits == 0).then_some(a)
        }
        _ => None,
    })
}

/// True when the block assigns the `var` behind the comparison that its end tests.
fn assigned_after_test(func: &Func, block: BlockId, var: Reg) -> bool {
    let Term::Branch { cond, .. } = func.blocks[block.index()].term else { return true };
    let mut assigned = false;
    for inst in func.insts(block) {
        if inst.dst().is_some_and(|dst| cond == dst.into()) {
            assigned = false;
        } else {
            inst.defs(&func.pool, |reg| assigned |= reg == var);
        }
    }
    assigned
}
