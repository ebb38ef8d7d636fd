//! What can be said of a loop's indices.

use super::LARGE;
use crate::func::*;
use crate::ids::*;
use crate::passes::loops::Loops;
use smallvec::SmallVec;

/// Factors of counters and operands up to this in size are followed.
const MAX_SCALE: u64 = 1 << 20;
/// Indices are sums of at most so many operands.
const MAX_TERMS: usize = 4;
/// How deep expressions are looked into.
const MAX_DEPTH: u32 = 12;
/// Addresses that are compared with null on the way in.
const MAX_ROOTS: usize = 8;
/// Different checks that are computed on the way in.
const MAX_CHECKS: usize = 8;

/// A register that grows by the same step in each round, or stays.
#[derive(Clone, Copy)]
pub(super) struct Counter {
    pub var: Reg,
    /// Doesn't change in the loop; a constant is positive.
    pub step: Operand,
    /// Where it steps: block and instruction in it.
    at: (BlockId, usize),
}

impl Counter {
    /// True of what the counter is when the round has ended.
    pub fn is_stepped(
        self,
        func: &Func,
        loops: &Loops<'_>,
        operand: Operand,
        place: (BlockId, usize),
    ) -> bool {
        let look = Look { func, loops, counter: self, behind: behind(func, loops, self.at.0) };
        let found = look.form(operand, place, MAX_DEPTH);
        found.is_some() && found == look.stepped()
    }
}

/// `scale·counter + Σ factor·operand + plus`, modulo 2⁶⁴; the counter as it is when the round begins.
#[derive(Clone, PartialEq, Default)]
pub(super) struct Form {
    pub scale: i64,
    /// Operands that don't change in the loop.
    pub terms: SmallVec<[(Operand, i64); MAX_TERMS]>,
    pub plus: i64,
}

impl Form {
    fn constant(plus: i64) -> Form {
        Form { plus, ..Form::default() }
    }
    fn is_constant(&self) -> bool {
        self.scale == 0 && self.terms.is_empty()
    }
    fn times(mut self, factor: i64) -> Option<Form> {
        let scaled = |scale: i64| scale.checked_mul(factor).filter(|scale| scale.unsigned_abs() <= MAX_SCALE);
        self.scale = scaled(self.scale)?;
        for term in &mut self.terms {
            term.1 = scaled(term.1)?;
        }
        self.plus = self.plus.wrapping_mul(factor);
        Some(self)
    }
    fn plus(mut self, other: Form) -> Option<Form> {
        self.scale = Some(self.scale + other.scale).filter(|scale| scale.unsigned_abs() <= MAX_SCALE)?;
        for (operand, factor) in other.terms {
            match self.terms.iter().position(|term| term.0 == operand) {
                Some(at) => self.terms[at].1 += factor,
                None if self.terms.len() == MAX_TERMS => return None,
                None => self.terms.push((operand, factor)),
            }
        }
        self.terms.retain(|term| term.1 != 0);
        self.plus = self.plus.wrapping_add(other.plus);
        Some(self)
    }
}

/// Checks of one kind that all pass before a certain round.
#[derive(PartialEq)]
pub(super) struct Check {
    pub index: Form,
    pub len: Operand,
}

/// What is done to a loop.
pub(super) struct Plan {
    pub counter: Counter,
    /// What is computed on the way in.
    pub checks: Vec<Check>,
    /// Where they stand: block and instruction in it.
    pub removed: Vec<(BlockId, usize)>,
    /// What elements are counted from: compared with null on the way in.
    pub roots: Vec<Operand>,
}

impl Plan {
    /// The plan of the current loop, if it has a counter that rules checks.
    pub fn new(func: &Func, loops: &Loops<'_>) -> Option<Plan> {
        loops.preheader()?;
        let counters = counters(func, loops);
        let plans = counters.into_iter().filter_map(|counter| {
            let mut plan = Plan { counter, checks: Vec::new(), removed: Vec::new(), roots: Vec::new() };
            let look = Look { func, loops, counter, behind: behind(func, loops, counter.at.0) };
            look.checks(&mut plan);
            (!plan.removed.is_empty()).then_some(plan)
        });
        let mut best = plans.max_by_key(|plan| plan.removed.len())?;
        best.roots = roots(func, loops);
        Some(best)
    }
}

/// The registers that step once in a round at most.
fn counters(func: &Func, loops: &Loops<'_>) -> Vec<Counter> {
    let mut found: Vec<(Reg, Option<Counter>)> = Vec::new();
    for &block in loops.blocks() {
        for (at, inst) in func.insts(block).iter().enumerate() {
            inst.defs(&func.pool, |var| {
                if !func.regs[var.index()].mutable || func.regs[var.index()].ty != Ty::I64 {
                    return;
                }
                // One that is assigned twice counts nothing.
                if let Some(known) = found.iter_mut().find(|known| known.0 == var) {
                    known.1 = None;
                    return;
                }
                let step = step_of(func, loops, inst, var);
                found.push((var, step.map(|step| Counter { var, step, at: (block, at) })));
            });
        }
    }
    found.into_iter().filter_map(|(_, counter)| counter).collect()
}

/// What `inst` adds to `var`, which it assigns.
fn step_of(func: &Func, loops: &Loops<'_>, inst: &Inst, var: Reg) -> Option<Operand> {
    let sum = match *inst {
        // `next = var + step; …; var = next`: the sum belongs to this round, and nobody else assigns `var`.
        Inst::Copy { src, .. } => {
            let next = src.as_reg().filter(|next| !func.regs[next.index()].mutable)?;
            *definition(func, loops, next)?.0
        }
        inst => inst,
    };
    let Inst::Bin { op: BinOp::Add, ty: Ty::I64, a, b, .. } = sum else { return None };
    let step = match (a == var.into(), b == var.into()) {
        (true, false) => b,
        (false, true) => a,
        _ => return None,
    };
    match func.operand_const(step) {
        Some(step_is) => (1..LARGE).contains(&(step_is.bits as i64)).then_some(step),
        None => loops.is_invariant(func, step).then_some(step),
    }
}

/// The assignment of a temporary in the loop, and where it stands.
fn definition<'f>(func: &'f Func, loops: &Loops<'_>, temp: Reg) -> Option<(&'f Inst, (BlockId, usize))> {
    let home = loops.home(temp).filter(|&home| loops.contains(home))?;
    let at = func.insts(home).iter().position(|inst| inst.dst() == Some(temp))?;
    Some((&func.insts(home)[at], (home, at)))
}

/// The blocks of the loop that come after one in the same round.
fn behind(func: &Func, loops: &Loops<'_>, block: BlockId) -> Vec<BlockId> {
    let mut found = Vec::new();
    let mut stack = vec![block];
    while let Some(block) = stack.pop() {
        func.blocks[block.index()].term.successors(|to| {
            if to != loops.header() && loops.contains(to) && !found.contains(&to) {
                found.push(to);
                stack.push(to);
            }
        });
    }
    found
}

struct Look<'a> {
    func: &'a Func,
    loops: &'a Loops<'a>,
    counter: Counter,
    behind: Vec<BlockId>,
}

impl Look<'_> {
    fn checks(&self, plan: &mut Plan) {
        for &block in self.loops.blocks() {
            for (at, inst) in self.func.insts(block).iter().enumerate() {
                let Inst::Bounds { index, len, .. } = *inst else { continue };
                if !self.loops.is_invariant(self.func, len) {
                    continue;
                }
                let Some(index) = self.form(index, (block, at), MAX_DEPTH).filter(|form| form.scale > 0)
                else {
                    continue;
                };
                let check = Check { index, len };
                if !plan.checks.contains(&check) {
                    if plan.checks.len() == MAX_CHECKS {
                        continue;
                    }
                    plan.checks.push(check);
                }
                plan.removed.push((block, at));
            }
        }
    }

    /// An operand as what it is made of, read at a place.
    fn form(&self, operand: Operand, place: (BlockId, usize), depth: u32) -> Option<Form> {
        if let Some(constant) = self.func.operand_const(operand) {
            return (constant.ty == Ty::I64).then(|| Form::constant(constant.bits as i64));
        }
        if self.loops.is_invariant(self.func, operand) {
            return Some(Form { terms: SmallVec::from_slice(&[(operand, 1)]), ..Form::default() });
        }
        let reg = operand.as_reg()?;
        if reg == self.counter.var {
            return self.counter_at(place);
        }
        if self.func.regs[reg.index()].mutable || depth == 0 {
            return None;
        }
        let (inst, place) = definition(self.func, self.loops, reg)?;
        let form = |operand| self.form(operand, place, depth - 1);
        match *inst {
            Inst::Copy { src, .. } => form(src),
            Inst::Bin { op: BinOp::Add, ty: Ty::I64, a, b, .. } => form(a)?.plus(form(b)?),
            Inst::Bin { op: BinOp::Sub, ty: Ty::I64, a, b, .. } => form(a)?.plus(form(b)?.times(-1)?),
            Inst::Bin { op: BinOp::Mul, ty: Ty::I64, a, b, .. } => {
                let (a, b) = (form(a)?, form(b)?);
                match (a.is_constant(), b.is_constant()) {
                    (_, true) => a.times(b.plus),
                    (true, _) => b.times(a.plus),
                    _ => None,
                }
            }
            Inst::Bin { op: BinOp::Shl, ty: Ty::I64, a, b, .. } => {
                let count = self.func.operand_const(b)?.bits & 63;
                form(a)?.times(1i64.checked_shl(count as u32).filter(|factor| *factor > 0)?)
            }
            _ => None,
        }
    }

    /// The counter at a place: as the round began with it, or a step on.
    fn counter_at(&self, (block, at): (BlockId, usize)) -> Option<Form> {
        let (home, step) = self.counter.at;
        let stepped = if block == home {
            at > step
        } else if self.behind.contains(&block) {
            if !self.loops.tree().dominates(home, block) {
                return None;
            }
            true
        } else {
            false
        };
        if stepped { self.stepped() } else { Some(Form { scale: 1, ..Form::default() }) }
    }

    fn stepped(&self) -> Option<Form> {
        let counter = Form { scale: 1, ..Form::default() };
        let step = match self.func.operand_const(self.counter.step) {
            Some(step) => Form::constant(step.bits as i64),
            None => Form { terms: SmallVec::from_slice(&[(self.counter.step, 1)]), ..Form::default() },
        };
        counter.plus(step)
    }
}

/// What the addresses in the loop count from, where that doesn't change.
fn roots(func: &Func, loops: &Loops<'_>) -> Vec<Operand> {
    let mut roots = Vec::new();
    for &block in loops.blocks() {
        for inst in func.insts(block) {
            let (Inst::Load { addr, .. } | Inst::Store { addr, .. }) = *inst else { continue };
            let Some(root) = addr.base_operand().and_then(|base| root(func, loops, base)) else { continue };
            if roots.len() < MAX_ROOTS && !roots.contains(&root) {
                roots.push(root);
            }
        }
    }
    roots
}

/// What an element's address was counted from, as a tier finds it that checks that alone.
fn root(func: &Func, loops: &Loops<'_>, mut base: Operand) -> Option<Operand> {
    for _ in 0..MAX_DEPTH {
        let reg = base.as_reg()?;
        if func.regs[reg.index()].mutable {
            // Its value now may not be what was read.
            return (loops.is_invariant(func, base)).then_some(base);
        }
        let Some(home) = loops.home(reg) else { return Some(base) };
        let inside = loops.contains(home);
        let from = match func.insts(home).iter().find(|inst| inst.dst() == Some(reg)) {
            Some(&Inst::Index { base, .. }) => base,
            Some(&Inst::Copy { src, .. }) => src,
            _ => return (!inside).then_some(base),
        };
        // A variable may be another by now.
        if from.as_reg().is_some_and(|from| func.regs[from.index()].mutable)
            && !(inside && loops.is_invariant(func, from))
        {
            return None;
        }
        base = from;
    }
    None
}
