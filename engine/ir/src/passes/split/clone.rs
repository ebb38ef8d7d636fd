//! The copy of a loop, and the way into it.

use super::LARGE;
use super::analyse::{Check, Plan};
use crate::func::*;
use crate::ids::*;
use crate::passes::fold;
use crate::passes::loops::Loops;
use rustc_hash::FxHashMap;

/// Addresses below this are null.
const NULL_PAGE: u64 = 4096;

/// Does what the plan says.
pub(super) fn apply(func: &mut Func, loops: &Loops<'_>, plan: &Plan) {
    let preheader = loops.preheader().expect("loops with a plan have one");
    let loc = func.blocks[preheader.index()].term_loc;
    let (limit, ok) = way_in(func, preheader, loc, plan);
    share(func, loops);
    let copy = Copy::new(func, loops);
    let entry = BlockId(func.blocks.len() as u32);
    func.blocks.push(Block::empty(Term::Jump(copy.block(loops.header())), loc));
    for &root in &plan.roots {
        func.append(entry, Inst::NullCheck { ptr: root }, loc);
    }
    func.blocks[preheader.index()].term = Term::Branch { cond: ok, then: entry, else_: loops.header() };
    for &block in loops.blocks() {
        copy.fill(func, block, &plan.removed);
    }
    for latch in loops.latches() {
        hand_over(func, loops, &copy, plan, latch, limit);
    }
}

/// Appends instructions to a block.
struct Emit<'f> {
    func: &'f mut Func,
    block: BlockId,
    loc: LocId,
}

impl Emit<'_> {
    fn int(&mut self, value: i64) -> Operand {
        constant(self.func, Ty::I64, value as u64)
    }
    fn temp(&mut self, ty: Ty) -> Reg {
        self.func.regs.push(RegInfo { ty, mutable: false });
        Reg(self.func.regs.len() as u32 - 1)
    }
    fn bin(&mut self, op: BinOp, ty: Ty, a: Operand, b: Operand) -> Operand {
        let dst = self.temp(ty);
        self.func.append(self.block, Inst::Bin { op, ty, dst, a, b }, self.loc);
        dst.into()
    }
    fn cmp(&mut self, op: CmpOp, ty: Ty, a: Operand, b: Operand) -> Operand {
        let dst = self.temp(Ty::I8);
        self.func.append(self.block, Inst::Cmp { op, ty, dst, a, b }, self.loc);
        dst.into()
    }
    fn select(&mut self, cond: Operand, a: Operand, b: Operand) -> Operand {
        let dst = self.temp(Ty::I64);
        self.func.append(self.block, Inst::Select { ty: Ty::I64, dst, cond, a, b }, self.loc);
        dst.into()
    }
    fn and(&mut self, a: Option<Operand>, b: Operand) -> Option<Operand> {
        Some(match a {
            Some(a) => self.bin(BinOp::And, Ty::I8, a, b),
            None => b,
        })
    }
    /// True when the operand is between `-LARGE` and `LARGE`; nothing when that is known.
    fn is_moderate(&mut self, value: Operand) -> Option<Operand> {
        if let Some(value) = self.func.operand_const(value) {
            let known = (-LARGE..LARGE).contains(&(value.bits as i64));
            return (!known).then(|| constant(self.func, Ty::I8, 0));
        }
        let (half, all) = (self.int(LARGE), self.int(2 * LARGE));
        let moved = self.bin(BinOp::Add, Ty::I64, value, half);
        Some(self.cmp(CmpOp::ULt, Ty::I64, moved, all))
    }
}

fn constant(func: &mut Func, ty: Ty, bits: u64) -> Operand {
    let constant = Const { ty, bits: bits & fold::mask(ty, 8) };
    let known = func.consts.iter().position(|&known| known == constant);
    let index = known.unwrap_or_else(|| {
        func.consts.push(constant);
        func.consts.len() - 1
    });
    Operand::constant(index as u32)
}

/// Computes where the copy of the loop ends and whether it may be entered: the counter that the first round begins with
/// that isn't for it, and a bit.
fn way_in(func: &mut Func, block: BlockId, loc: LocId, plan: &Plan) -> (Operand, Operand) {
    let mut emit = Emit { func, block, loc };
    let mut ok = None;
    let mut limit = None;
    let counter: Operand = plan.counter.var.into();
    if emit.func.operand_const(plan.counter.step).is_none() {
        let (one, large) = (emit.int(1), emit.int(LARGE - 1));
        let less = emit.bin(BinOp::Sub, Ty::I64, plan.counter.step, one);
        let fine = emit.cmp(CmpOp::ULt, Ty::I64, less, large);
        ok = emit.and(ok, fine);
    }
    for check in &plan.checks {
        let end = end_of(&mut emit, check, counter, &mut ok);
        limit = Some(match limit {
            None => end,
            Some(least) => {
                let less = emit.cmp(CmpOp::SLt, Ty::I64, end, least);
                emit.select(less, end, least)
            }
        });
    }
    let limit = limit.expect("plans have checks");
    let zero = emit.int(0);
    let first = emit.cmp(CmpOp::SGe, Ty::I64, counter, zero);
    let ok = emit.and(ok, first);
    let before = emit.cmp(CmpOp::SLt, Ty::I64, counter, limit);
    let mut ok = emit.and(ok, before);
    for &root in &plan.roots {
        let page = constant(emit.func, Ty::Ptr, NULL_PAGE);
        let fine = emit.cmp(CmpOp::UGe, Ty::Ptr, root, page);
        ok = emit.and(ok, fine);
    }
    (limit, ok.expect("there was at least one condition"))
}

/// The first counter whose index isn't below the length, rounded up; adds what must hold for it to be right. With the offset
/// and the length moderate and the counter not below zero, nothing here or in the loop overflows up to it.
fn end_of(emit: &mut Emit<'_>, check: &Check, counter: Operand, ok: &mut Option<Operand>) -> Operand {
    let mut offset = None;
    for &(operand, factor) in &check.index.terms {
        let term = if factor == 1 {
            operand
        } else {
            let factor = emit.int(factor);
            emit.bin(BinOp::Mul, Ty::I64, operand, factor)
        };
        offset = Some(match offset {
            None => term,
            Some(sum) => emit.bin(BinOp::Add, Ty::I64, sum, term),
        });
    }
    let plus = emit.int(check.index.plus);
    let offset = match offset {
        None => plus,
        Some(sum) if check.index.plus == 0 => sum,
        Some(sum) => emit.bin(BinOp::Add, Ty::I64, sum, plus),
    };
    for value in [offset, check.len] {
        if let Some(fine) = emit.is_moderate(value) {
            *ok = emit.and(*ok, fine);
        }
    }
    let scale = emit.int(check.index.scale);
    // The first index isn't below zero.
    if emit.func.operand_const(offset).is_none_or(|offset| (offset.bits as i64) < 0) {
        let zero = emit.int(0);
        let scaled =
            if check.index.scale == 1 { counter } else { emit.bin(BinOp::Mul, Ty::I64, counter, scale) };
        let first = emit.bin(BinOp::Add, Ty::I64, scaled, offset);
        let fine = emit.cmp(CmpOp::SGe, Ty::I64, first, zero);
        *ok = emit.and(*ok, fine);
    }
    let is_zero = emit.func.operand_const(offset).is_some_and(|offset| offset.bits == 0);
    let room = if is_zero { check.len } else { emit.bin(BinOp::Sub, Ty::I64, check.len, offset) };
    if check.index.scale == 1 {
        return room;
    }
    let up = emit.int(check.index.scale - 1);
    let raised = emit.bin(BinOp::Add, Ty::I64, room, up);
    emit.bin(BinOp::SDiv, Ty::I64, raised, scale)
}

/// Temporaries of the loop that are read outside become `var`: they will be assigned in two places.
fn share(func: &mut Func, loops: &Loops<'_>) {
    let Func { code, pool, regs, blocks, .. } = func;
    for (i, block) in blocks.iter().enumerate() {
        if loops.contains(BlockId(i as u32)) {
            continue;
        }
        let mut read = |operand: Operand| {
            if let Some(reg) = operand.as_reg()
                && loops.home(reg).is_some_and(|home| loops.contains(home))
            {
                regs[reg.index()].mutable = true;
            }
        };
        code[block.range()].iter().for_each(|inst| inst.uses(pool, &mut read));
        block.term.uses(pool, &mut read);
    }
}

/// The copy's numbers.
struct Copy {
    blocks: FxHashMap<BlockId, BlockId>,
    regs: FxHashMap<Reg, Reg>,
}

impl Copy {
    /// Makes room for the copies of the current loop's blocks and temporaries.
    fn new(func: &mut Func, loops: &Loops<'_>) -> Copy {
        let mut copy = Copy { blocks: FxHashMap::default(), regs: FxHashMap::default() };
        for &block in loops.blocks() {
            let old = &func.blocks[block.index()];
            let new = Block::empty(old.term.clone(), old.term_loc);
            copy.blocks.insert(block, BlockId(func.blocks.len() as u32));
            func.blocks.push(new);
            let Func { code, pool, regs, blocks, .. } = func;
            for inst in &code[blocks[block.index()].range()] {
                inst.defs(pool, |reg| {
                    let info = regs[reg.index()];
                    if !info.mutable {
                        copy.regs.insert(reg, Reg(regs.len() as u32));
                        regs.push(info);
                    }
                });
            }
        }
        copy
    }
    fn block(&self, block: BlockId) -> BlockId {
        self.blocks.get(&block).copied().unwrap_or(block)
    }
    fn reg(&self, reg: Reg) -> Reg {
        self.regs.get(&reg).copied().unwrap_or(reg)
    }
    fn operand(&self, operand: Operand) -> Operand {
        operand.as_reg().map_or(operand, |reg| self.reg(reg).into())
    }
    /// Copies a block's instructions, without those that are removed, and its end.
    fn fill(&self, func: &mut Func, block: BlockId, removed: &[(BlockId, usize)]) {
        let new = self.block(block);
        for (i, at) in func.blocks[block.index()].range().enumerate() {
            if removed.contains(&(block, i)) {
                continue;
            }
            let (inst, loc) = (func.code[at], func.code_locs[at]);
            let inst = self.inst(func, inst);
            func.append(new, inst, loc);
        }
        let mut term = func.blocks[block.index()].term.clone();
        if let Term::Return(list) | Term::Trap(_, list) = &mut term {
            *list = own_list(func, *list);
        }
        term.map_uses(&mut func.pool, |operand| self.operand(operand));
        term.successors_mut(|to| *to = self.block(*to));
        func.blocks[new.index()].term = term;
    }
    fn inst(&self, func: &mut Func, mut inst: Inst) -> Inst {
        if let Inst::Call { args, rets, .. } = &mut inst {
            *args = own_list(func, *args);
            *rets = own_list(func, *rets);
        }
        inst.map_uses(&mut func.pool, |operand| self.operand(operand));
        inst.map_defs(&mut func.pool, |reg| self.reg(reg));
        inst
    }
}

/// The same operands at the end of the pool.
fn own_list(func: &mut Func, list: List) -> List {
    let start = func.pool.len() as u32;
    func.pool.extend_from_within(list.start as usize..(list.start + list.len) as usize);
    List { start, len: list.len }
}

/// Where the copy would begin another round, it does so only below the limit; the loop as it was goes on from there.
fn hand_over(func: &mut Func, loops: &Loops<'_>, copy: &Copy, plan: &Plan, latch: BlockId, limit: Operand) {
    let (header, new) = (loops.header(), copy.block(latch));
    let again = copy.block(header);
    let loc = func.blocks[new.index()].term_loc;
    if let Some((test, end)) = test_at_end(func, loops, plan, latch) {
        // One test says both that there is another round and that it is for the copy.
        let preheader = loops.preheader().expect("loops with a plan have one");
        let mut emit = Emit { func: &mut *func, block: preheader, loc };
        let less = emit.cmp(CmpOp::SLt, Ty::I64, test.limit, limit);
        let most = if test.or_equal {
            // Nothing overflows: it is below the other.
            let one = emit.int(1);
            emit.bin(BinOp::Add, Ty::I64, test.limit, one)
        } else {
            test.limit
        };
        let both = emit.select(less, most, limit);
        let Inst::Cmp { dst, .. } = func.code[end] else { unreachable!("it was found there") };
        let fresh = Reg(func.regs.len() as u32);
        func.regs.push(RegInfo { ty: Ty::I8, mutable: false });
        let below = copy.operand(test.below);
        let compare = Inst::Cmp { op: CmpOp::SLt, ty: Ty::I64, dst: fresh, a: below, b: both };
        func.append(new, compare, loc);
        // The old test decides between the rest and the exit.
        let rest = BlockId(func.blocks.len() as u32);
        let cond = copy.reg(dst).into();
        func.blocks.push(Block::empty(
            if test.stays_if {
                Term::Branch { cond, then: header, else_: test.exit }
            } else {
                Term::Branch { cond, then: test.exit, else_: header }
            },
            loc,
        ));
        func.blocks[new.index()].term = Term::Branch { cond: fresh.into(), then: again, else_: rest };
        return;
    }
    let test = BlockId(func.blocks.len() as u32);
    func.blocks.push(Block::empty(Term::Unreachable, loc));
    let cond =
        Emit { func: &mut *func, block: test, loc }.cmp(CmpOp::SLt, Ty::I64, plan.counter.var.into(), limit);
    func.blocks[test.index()].term = Term::Branch { cond, then: again, else_: header };
    func.blocks[new.index()].term.successors_mut(|to| {
        if *to == again {
            *to = test;
        }
    });
}

/// `counter < limit`, or `counter ≤ limit`, at the end of a round.
struct Test {
    /// The counter, or the temporary that was copied to it.
    below: Operand,
    limit: Operand,
    or_equal: bool,
    /// The round is followed by another if the comparison as it stands gives 1.
    stays_if: bool,
    exit: BlockId,
}

/// The test that a latch ends with, and where its comparison stands, if it compares the counter, stepped, with what doesn't
/// change.
fn test_at_end(func: &Func, loops: &Loops<'_>, plan: &Plan, latch: BlockId) -> Option<(Test, usize)> {
    let block = &func.blocks[latch.index()];
    let Term::Branch { cond, then, else_ } = block.term else { return None };
    let (stays_if, exit) = match (then == loops.header(), else_ == loops.header()) {
        (true, false) => (true, else_),
        (false, true) => (false, then),
        _ => return None,
    };
    if loops.contains(exit) {
        return None;
    }
    let at = block.range().rev().find(|&at| func.code[at].dst().is_some_and(|dst| cond == dst.into()))?;
    let Inst::Cmp { op, ty: Ty::I64, a, b, dst } = func.code[at] else { return None };
    if func.regs[dst.index()].mutable {
        return None;
    }
    let op = if stays_if { op } else { fold::inverse(op)? };
    let (below, limit, or_equal) = match op {
        CmpOp::SLt => (a, b, false),
        CmpOp::SLe => (a, b, true),
        CmpOp::SGt => (b, a, false),
        CmpOp::SGe => (b, a, true),
        _ => return None,
    };
    let is_counter = plan.counter.is_stepped(func, loops, below, (latch, at - block.start as usize));
    (is_counter && loops.is_invariant(func, limit))
        .then_some((Test { below, limit, or_equal, stays_if, exit }, at))
}
