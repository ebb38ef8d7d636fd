//! Loops: what doesn't change in them is computed before them, checks that a counter passes anyway go, and the
//! test moves to the end, so that a round takes one jump less.

mod counted;
mod hoist;
mod rotate;

use super::{Cx, Work};
use crate::cfg::{Cfg, DomTree};
use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;

/// Works on all loops of a function, inner ones first.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) {
    if !leads_back(func) {
        return;
    }
    if !cx.work.shape_known {
        cx.work.cfg.compute(func);
        cx.work.tree_known = false;
    }
    cx.work.find_tree();
    let headers = headers(&cx.work.cfg, &cx.work.tree);
    if headers.is_empty() {
        return;
    }
    (cx.work.shape_known, cx.work.tree_known) = (false, false);
    let Work { cfg, tree, dead, loops: room, .. } = &mut *cx.work;
    let mut changed = wants_work(func, &mut Loops::new(func, cfg, tree, room), &headers);
    if changed {
        if add_preheaders(func, cfg, tree, &headers) {
            cfg.compute(func);
            tree.compute(cfg);
        }
        let mut loops = Loops::new(func, cfg, tree, room);
        for (i, &header) in headers.iter().enumerate() {
            loops.enter(func, i as u32, header);
            counted::run(func, &loops, dead);
            hoist::run(func, &mut loops, dead);
        }
    }
    changed |= rotate::run(func, cfg, tree, &headers);
    if changed {
        super::simplify_cfg::run(func, cx);
    }
}

/// True when some loop has a check that might go or an instruction that might move.
fn wants_work(func: &Func, loops: &mut Loops<'_>, headers: &[BlockId]) -> bool {
    headers.iter().enumerate().any(|(i, &header)| {
        loops.enter(func, i as u32, header);
        loops.room.blocks.iter().any(|&block| {
            let always = loops.latches().all(|latch| loops.tree.dominates(block, latch));
            func.insts(block).iter().any(|inst| {
                matches!(inst, Inst::Bounds { .. }) || always && hoist::is_movable(func, loops, inst)
            })
        })
    })
}

/// True when some block leads to one that doesn't stand after it, as some must where there is a loop.
pub(super) fn leads_back(func: &Func) -> bool {
    func.blocks.iter().enumerate().any(|(i, block)| {
        let mut back = false;
        block.term.successors(|to| back |= to.index() <= i);
        back
    })
}

/// Headers of natural loops, inner ones before those around them.
pub(super) fn headers(cfg: &Cfg, tree: &DomTree) -> Vec<BlockId> {
    let is_header = |block: BlockId| cfg.preds(block).iter().any(|&pred| tree.dominates(block, pred));
    cfg.rpo.iter().rev().copied().filter(|&block| is_header(block)).collect()
}

/// Sees to it that each loop is entered from one block that leads nowhere else; true when blocks were added.
pub(super) fn add_preheaders(func: &mut Func, cfg: &Cfg, tree: &DomTree, headers: &[BlockId]) -> bool {
    let before = func.blocks.len();
    for &header in headers {
        let outside: Vec<BlockId> =
            cfg.preds(header).iter().copied().filter(|&pred| !tree.dominates(header, pred)).collect();
        let only_jump = |pred: &BlockId| matches!(func.blocks[pred.index()].term, Term::Jump(_));
        if let [pred] = &outside[..]
            && only_jump(pred)
        {
            continue;
        }
        let new = BlockId(func.blocks.len() as u32);
        for pred in outside {
            func.blocks[pred.index()].term.successors_mut(|to| {
                if *to == header {
                    *to = new;
                }
            });
        }
        let term_loc = func.blocks[header.index()].term_loc;
        func.blocks.push(Block::empty(Term::Jump(header), term_loc));
    }
    func.blocks.len() > before
}

/// Room for the pass.
#[derive(Default)]
pub(super) struct Room {
    /// The loop that each block was seen in last.
    member: Vec<u32>,
    /// The loop that each register was seen to be assigned in last.
    assigned: Vec<u32>,
    /// The block that assigns each temporary; one of them for a `var`.
    home: Vec<u32>,
    /// The blocks of the current loop, each before those that it dominates.
    blocks: Vec<BlockId>,
    stack: Vec<BlockId>,
}

/// One loop after the other.
pub(super) struct Loops<'a> {
    cfg: &'a Cfg,
    tree: &'a DomTree,
    room: &'a mut Room,
    header: BlockId,
    /// The current loop.
    number: u32,
}

impl<'a> Loops<'a> {
    pub(super) fn new(func: &Func, cfg: &'a Cfg, tree: &'a DomTree, room: &'a mut Room) -> Loops<'a> {
        let lists = [
            (&mut room.member, func.blocks.len()),
            (&mut room.assigned, func.regs.len()),
            (&mut room.home, func.regs.len()),
        ];
        for (list, len) in lists {
            list.clear();
            list.resize(len, NONE);
        }
        for (i, block) in func.blocks.iter().enumerate() {
            for inst in &func.code[block.range()] {
                inst.defs(&func.pool, |reg| room.home[reg.index()] = i as u32);
            }
        }
        Loops { cfg, tree, room, header: BlockId(0), number: 0 }
    }
}

impl Loops<'_> {
    pub(super) fn header(&self) -> BlockId {
        self.header
    }

    /// The blocks of the current loop, each before those that it dominates.
    pub(super) fn blocks(&self) -> &[BlockId] {
        &self.room.blocks
    }

    pub(super) fn tree(&self) -> &DomTree {
        self.tree
    }

    /// The block that assigns a temporary; none of parameters.
    pub(super) fn home(&self, reg: Reg) -> Option<BlockId> {
        let home = self.room.home.get(reg.index()).copied().unwrap_or(NONE);
        (home != NONE).then_some(BlockId(home))
    }

    /// Makes a loop the current one: its blocks, and what they assign.
    pub(super) fn enter(&mut self, func: &Func, number: u32, header: BlockId) {
        self.number = number;
        self.header = header;
        let Room { member, assigned, blocks, stack, .. } = &mut *self.room;
        blocks.clear();
        blocks.push(header);
        member[header.index()] = number;
        stack.clear();
        let (cfg, tree) = (self.cfg, self.tree);
        stack.extend(cfg.preds(header).iter().filter(|&&pred| tree.dominates(header, pred)));
        while let Some(block) = stack.pop() {
            if member[block.index()] == number {
                continue;
            }
            member[block.index()] = number;
            blocks.push(block);
            stack.extend(cfg.preds(block));
        }
        blocks.sort_unstable_by_key(|&block| cfg.position(block));
        for &block in &*blocks {
            for inst in func.insts(block) {
                inst.defs(&func.pool, |reg| assigned[reg.index()] = number);
            }
        }
    }

    pub(super) fn contains(&self, block: BlockId) -> bool {
        // Blocks that came later belong to none.
        self.room.member.get(block.index()) == Some(&self.number)
    }

    /// True when the operand has the same value all the time that the loop runs.
    pub(super) fn is_invariant(&self, func: &Func, operand: Operand) -> bool {
        let Some(reg) = operand.as_reg() else { return true };
        if func.regs[reg.index()].mutable {
            return self.room.assigned[reg.index()] != self.number;
        }
        let home = self.room.home[reg.index()];
        home == NONE || !self.contains(BlockId(home))
    }

    /// The block that the loop is entered from.
    pub(super) fn preheader(&self) -> Option<BlockId> {
        let mut outside = self.cfg.preds(self.header).iter().copied().filter(|&pred| !self.contains(pred));
        let first = outside.next()?;
        outside.next().is_none().then_some(first)
    }

    /// The blocks that lead back to the header.
    pub(super) fn latches(&self) -> impl Iterator<Item = BlockId> {
        self.cfg.preds(self.header).iter().copied().filter(|&pred| self.contains(pred))
    }
}

#[cfg(test)]
mod tests;
