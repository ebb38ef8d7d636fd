//! Values computed once: folding, copies, common subexpressions, repeated checks, and what memory is known to hold.
//!
//! One walk over the dominator tree. A temporary's value holds wherever its assignment dominates. What is known
//! of `var` registers and of memory holds within a *region*: a block, and the first block after it that can only
//! be entered from there.

mod available;
mod edges;
mod memory;
mod simplify;

use super::effects::is_pure;
use super::{Consts, Cx, Work};
use crate::cfg::{Cfg, DomTree};
use crate::func::*;
use crate::ids::*;
use crate::module::Module;
use available::{Available, Key};
use memory::Memory;
use simplify::Outcome;

const NONE: u32 = u32::MAX;

/// What is known of a register.
#[derive(Clone, Copy)]
struct Known {
    /// Nothing is known: the register stands for itself. Says again what the others say, for most reads ask only this.
    plain: bool,
    /// A `var`, as the function says.
    mutable: bool,
    /// Of a temporary: what it always equals. Of a `var`: what it equals in `region`.
    value: Option<Operand>,
    /// Of a `var`: when it was assigned last, or first seen in `region`. Of a temporary that copies a `var`: when
    /// that was so.
    stamp: u32,
    /// Where `stamp` means something.
    region: u32,
    /// Of a temporary that is computed: its assignment in `Gvn::kept`.
    def: u32,
    /// Of a tested temporary: the block from where on the outcome is known.
    tested: u32,
    outcome: bool,
}

/// What becomes of an instruction.
enum Fate {
    /// It stays, perhaps as another.
    Keep,
    Remove,
    /// The block ends here, with so many operands.
    Trap(TrapKind, [Operand; 3], usize),
}

/// Room for the pass.
#[derive(Default)]
pub(super) struct Room {
    known: Vec<Known>,
    kept: Vec<(Inst, u32)>,
    available: Available,
    memory: Memory,
}

struct Gvn<'a> {
    module: &'a Module,
    consts: &'a mut Consts,
    tree: &'a DomTree,
    known: &'a mut Vec<Known>,
    /// What computes temporaries, each with the stamp that its operands had.
    kept: &'a mut Vec<(Inst, u32)>,
    /// Expressions and checks.
    available: &'a mut Available,
    memory: &'a mut Memory,
    block: BlockId,
    region: u32,
    next_stamp: u32,
    /// A block ends in another way now.
    reshapes: bool,
}

/// Simplifies a function whose lists are its own ([`super::compact::unshare`]), whose blocks are reachable and whose
/// shape is known. Branches may turn out to lead one way only; the shape stays an upper bound.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) {
    let Work { consts, cfg, tree, gvn: Room { known, kept, available, memory }, .. } = &mut *cx.work;
    known.clear();
    known.extend(func.regs.iter().map(|info| Known {
        plain: true,
        mutable: info.mutable,
        value: None,
        stamp: 0,
        region: NONE,
        def: NONE,
        tested: NONE,
        outcome: false,
    }));
    kept.clear();
    available.reset(func.code.len());
    memory.reset(func);
    let mut gvn = Gvn {
        module: cx.module,
        consts,
        tree,
        known,
        kept,
        available,
        memory,
        block: BlockId(0),
        region: 0,
        next_stamp: 1,
        reshapes: false,
    };
    let mut last = None;
    for &block in &tree.preorder {
        gvn.enter(func, cfg, block, last);
        gvn.insts(func);
        gvn.term(func);
        last = Some(block);
    }
    cx.work.shape_known &= !gvn.reshapes;
}

impl Gvn<'_> {
    fn ptr_size(&self) -> u32 {
        self.module.target.ptr_size
    }

    /// A constant of the function; bits above the type's width are dropped.
    fn constant(&mut self, func: &mut Func, ty: Ty, bits: u64) -> Operand {
        let constant = Const { ty, bits: bits & super::fold::mask(ty, self.ptr_size()) };
        Operand::constant(self.consts.number(&mut func.consts, constant))
    }

    /// When the `var` was assigned last, as far as this region knows.
    fn stamp_of(&mut self, reg: Reg) -> u32 {
        let known = &mut self.known[reg.index()];
        if known.region != self.region {
            known.region = self.region;
            known.stamp = self.next_stamp;
            known.value = None;
            known.plain = true;
            self.next_stamp += 1;
        }
        known.stamp
    }

    /// True of constants and temporaries: they don't change.
    #[inline]
    fn is_stable(&self, operand: Operand) -> bool {
        operand.as_reg().is_none_or(|reg| !self.known[reg.index()].mutable)
    }

    /// The simplest operand that has the same value here.
    #[inline]
    fn resolve(&mut self, func: &mut Func, operand: Operand) -> Operand {
        match operand.as_reg() {
            Some(reg) if !self.known[reg.index()].plain => self.resolve_known(func, operand, reg),
            _ => operand,
        }
    }

    fn resolve_known(&mut self, func: &mut Func, operand: Operand, reg: Reg) -> Operand {
        let known = self.known[reg.index()];
        if known.mutable {
            return match known.value {
                Some(value) if known.region == self.region => value,
                _ => operand,
            };
        }
        match known.value {
            // A copy of a `var` is as good as the `var` until that is assigned.
            Some(value) if !self.is_stable(value) => {
                let var = value.as_reg().expect("only registers aren't stable");
                let same = known.region == self.region
                    && self.known[var.index()].region == self.region
                    && self.known[var.index()].stamp == known.stamp;
                if same { self.resolve(func, value) } else { operand }
            }
            Some(value) => self.outcome(func, value),
            None => self.outcome(func, operand),
        }
    }

    /// A tested temporary's outcome, where it is known.
    fn outcome(&mut self, func: &mut Func, operand: Operand) -> Operand {
        let Some(reg) = operand.as_reg() else { return operand };
        let known = self.known[reg.index()];
        if known.tested == NONE || !self.tree.dominates(BlockId(known.tested), self.block) {
            return operand;
        }
        self.constant(func, Ty::I8, known.outcome as u64)
    }

    /// The latest stamp of the `var` operands; 0 when there are none.
    fn stamp(&mut self, func: &Func, inst: &Inst) -> u32 {
        let mut stamp = 0;
        inst.uses(&func.pool, |operand| {
            if let Some(reg) = operand.as_reg()
                && self.known[reg.index()].mutable
            {
                stamp = stamp.max(self.stamp_of(reg));
            }
        });
        stamp
    }

    /// The instruction that computed a temporary, if its operands are still what they were.
    fn def(&mut self, func: &Func, operand: Operand) -> Option<Inst> {
        let reg = operand.as_reg()?;
        let def = self.known[reg.index()].def;
        if def == NONE {
            return None;
        }
        let (ref inst, stamp) = self.kept[def as usize];
        // Temporaries and constants are what they were.
        if stamp == 0 {
            return Some(*inst);
        }
        let inst = *inst;
        (self.stamp(func, &inst) == stamp).then_some(inst)
    }

    fn insts(&mut self, func: &mut Func) {
        let index = self.block.index();
        let range = func.blocks[index].range();
        let mut out = range.start;
        for i in range {
            let mut inst = func.code[i];
            self.resolve_uses(func, &mut inst);
            match self.inst(func, &mut inst) {
                Fate::Keep => {
                    func.code[out] = inst;
                    func.code_locs[out] = func.code_locs[i];
                    out += 1;
                }
                Fate::Remove => {}
                Fate::Trap(kind, operands, count) => {
                    self.reshapes = true;
                    let start = func.pool.len() as u32;
                    func.pool.extend_from_slice(&operands[..count]);
                    let block = &mut func.blocks[index];
                    block.term = Term::Trap(kind, List { start, len: count as u32 });
                    block.term_loc = func.code_locs[i];
                    break;
                }
            }
        }
        func.blocks[index].end = out as u32;
    }

    fn resolve_uses(&mut self, func: &mut Func, inst: &mut Inst) {
        if !matches!(inst, Inst::Call { .. }) {
            return inst.map_uses(&mut [], |operand| self.resolve(func, operand));
        }
        // The pool is set apart while operands are looked up in the function.
        let mut pool = std::mem::take(&mut func.pool);
        inst.map_uses(&mut pool, |operand| self.resolve(func, operand));
        func.pool = pool;
    }

    /// What becomes of one instruction whose operands are resolved.
    fn inst(&mut self, func: &mut Func, inst: &mut Inst) -> Fate {
        for _ in 0..4 {
            match self.simplify(func, *inst) {
                Outcome::Same => break,
                Outcome::Become(other) => *inst = other,
                Outcome::Value(value) => return self.assign_value(inst, value),
                Outcome::Remove => return Fate::Remove,
                Outcome::Trap(kind, operands, count) => return Fate::Trap(kind, operands, count),
            }
        }
        if let Inst::Copy { src, .. } = *inst {
            return self.assign_value(inst, src);
        }
        match *inst {
            Inst::Bounds { .. } | Inst::SliceBounds { .. } | Inst::NullCheck { .. } | Inst::Check { .. } => {
                let key = self.key(func, *inst);
                if self.computed(&key).is_some() {
                    return Fate::Remove;
                }
                self.available.insert(key, self.block, None);
            }
            Inst::Load { dst, .. } => {
                if let Some(value) = self.memory_value(func, inst) {
                    return self.assign_value(inst, value);
                }
                self.assigned(dst);
                self.memory_effect(func, inst);
            }
            Inst::Call { .. } => {
                inst.defs(&func.pool, |reg| self.assigned(reg));
                self.memory_effect(func, inst);
            }
            _ => match inst.dst() {
                Some(dst) if is_pure(func, inst) => return self.pure(func, inst, dst),
                dst => {
                    dst.into_iter().for_each(|dst| self.assigned(dst));
                    self.memory_effect(func, inst);
                }
            },
        }
        Fate::Keep
    }

    /// What becomes of an instruction that only computes.
    fn pure(&mut self, func: &mut Func, inst: &mut Inst, dst: Reg) -> Fate {
        let key = self.key(func, *inst);
        if let Some(Some(value)) = self.computed(&key) {
            return self.assign_value(inst, value);
        }
        let known = &mut self.known[dst.index()];
        if known.mutable {
            self.assign_var(dst, None);
        } else {
            known.def = self.kept.len() as u32;
            self.kept.push((*inst, key.stamp()));
            self.available.insert(key, self.block, Some(dst.into()));
        }
        Fate::Keep
    }

    /// The result of what was computed before on every way that leads here; none in the result of a check.
    fn computed(&self, key: &Key) -> Option<Option<Operand>> {
        let (home, value) = self.available.get(key)?;
        self.tree.dominates(home, self.block).then_some(value)
    }

    fn key(&mut self, func: &Func, inst: Inst) -> Key {
        Key::new(inst, self.stamp(func, &inst))
    }

    /// Notes that a register was assigned something of which nothing is known.
    fn assigned(&mut self, reg: Reg) {
        if self.known[reg.index()].mutable {
            self.assign_var(reg, None);
        }
    }

    fn assign_var(&mut self, reg: Reg, value: Option<Operand>) {
        let known = &mut self.known[reg.index()];
        known.region = self.region;
        known.stamp = self.next_stamp;
        known.value = value;
        known.plain = value.is_none();
        self.next_stamp += 1;
    }

    /// The result of `inst` is `value`: no instruction for a temporary, a copy for a `var`.
    fn assign_value(&mut self, inst: &mut Inst, value: Operand) -> Fate {
        let dst = inst.dst().expect("only results have values");
        let stable = self.is_stable(value);
        if !self.known[dst.index()].mutable {
            if stable {
                let known = &mut self.known[dst.index()];
                (known.value, known.plain) = (Some(value), false);
                return Fate::Remove;
            }
            let var = value.as_reg().expect("only registers aren't stable");
            let stamp = self.stamp_of(var);
            let region = self.region;
            let known = &mut self.known[dst.index()];
            (known.value, known.stamp, known.region) = (Some(value), stamp, region);
            known.plain = false;
            *inst = Inst::Copy { dst, src: value };
            return Fate::Keep;
        }
        let known = self.known[dst.index()];
        let same = known.region == self.region && known.value == Some(value);
        if same || value == dst.into() {
            return Fate::Remove;
        }
        self.assign_var(dst, stable.then_some(value));
        *inst = Inst::Copy { dst, src: value };
        Fate::Keep
    }

    fn term(&mut self, func: &mut Func) {
        let index = self.block.index();
        let mut term = std::mem::replace(&mut func.blocks[index].term, Term::Unreachable);
        let mut pool = std::mem::take(&mut func.pool);
        term.map_uses(&mut pool, |operand| self.resolve(func, operand));
        func.pool = pool;
        if let Term::Branch { cond, then, else_ } = &mut term
            && let Some(Inst::Un { op: UnOp::BoolNot, a, .. }) = self.def(func, *cond)
        {
            *cond = a;
            std::mem::swap(then, else_);
            self.reshapes = true;
        }
        func.blocks[index].term = term;
    }
}

#[cfg(test)]
mod tests;
