//! Loops: what doesn't change in them is computed before them, checks that a counter passes anyway go, and the
//! test moves to the end, so that a round takes one jump less.

mod counted;
mod hoist;
mod rotate;

use super::Cx;
use crate::cfg::{Cfg, DomTree};
use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;

/// Works on all loops of a function, inner ones first.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) {
    if !leads_back(func) {
        return;
    }
    let mut cfg = Cfg::new(func);
    let mut tree = DomTree::new(&cfg);
    let headers = headers(&cfg, &tree);
    if headers.is_empty() {
        return;
    }
    if add_preheaders(func, &cfg, &tree, &headers) {
        cfg = Cfg::new(func);
        tree = DomTree::new(&cfg);
    }
    let mut loops = Loops {
        cfg: &cfg,
        tree: &tree,
        member: vec![NONE; func.blocks.len()],
        assigned: vec![NONE; func.regs.len()],
        home: homes(func),
        blocks: Vec::new(),
        header: BlockId(0),
        number: 0,
    };
    for (i, &header) in headers.iter().enumerate() {
        loops.enter(func, i as u32, header);
        counted::run(func, &loops);
        hoist::run(func, &mut loops);
    }
    rotate::run(func, &cfg, &tree, &headers);
    super::simplify_cfg::run(func, cx);
}

/// True when some block leads to one that doesn't stand after it, as some must where there is a loop.
fn leads_back(func: &Func) -> bool {
    func.blocks.iter().enumerate().any(|(i, block)| {
        let mut back = false;
        block.term.successors(|to| back |= to.index() <= i);
        back
    })
}

/// Headers of natural loops, inner ones before those around them.
fn headers(cfg: &Cfg, tree: &DomTree) -> Vec<BlockId> {
    let is_header = |block: BlockId| cfg.preds(block).iter().any(|&pred| tree.dominates(block, pred));
    cfg.rpo.iter().rev().copied().filter(|&block| is_header(block)).collect()
}

/// Sees to it that each loop is entered from one block that leads nowhere else; true when blocks were added.
fn add_preheaders(func: &mut Func, cfg: &Cfg, tree: &DomTree, headers: &[BlockId]) -> bool {
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
        func.blocks.push(Block { insts: Vec::new(), locs: Vec::new(), term: Term::Jump(header), term_loc });
    }
    func.blocks.len() > before
}

/// The block that assigns each temporary.
fn homes(func: &Func) -> Vec<u32> {
    let mut home = vec![NONE; func.regs.len()];
    for (i, block) in func.blocks.iter().enumerate() {
        for inst in &block.insts {
            inst.defs(&func.pool, |reg| home[reg.index()] = i as u32);
        }
    }
    home
}

/// One loop after the other.
struct Loops<'a> {
    cfg: &'a Cfg,
    tree: &'a DomTree,
    /// The loop that each block was seen in last.
    member: Vec<u32>,
    /// The loop that each register was seen to be assigned in last.
    assigned: Vec<u32>,
    /// The block that assigns each temporary; one of them for a `var`.
    home: Vec<u32>,
    /// The blocks of the current loop, each before those that it dominates.
    blocks: Vec<BlockId>,
    header: BlockId,
    /// The current loop.
    number: u32,
}

impl Loops<'_> {
    /// Makes a loop the current one: its blocks, and what they assign.
    fn enter(&mut self, func: &Func, number: u32, header: BlockId) {
        self.number = number;
        self.header = header;
        self.blocks.clear();
        self.blocks.push(header);
        self.member[header.index()] = number;
        let mut stack: Vec<BlockId> = self
            .cfg
            .preds(header)
            .iter()
            .copied()
            .filter(|&pred| self.tree.dominates(header, pred))
            .collect();
        while let Some(block) = stack.pop() {
            if self.member[block.index()] == number {
                continue;
            }
            self.member[block.index()] = number;
            self.blocks.push(block);
            stack.extend(self.cfg.preds(block));
        }
        let cfg = self.cfg;
        self.blocks.sort_unstable_by_key(|&block| cfg.position(block));
        for &block in &self.blocks {
            for inst in &func.blocks[block.index()].insts {
                inst.defs(&func.pool, |reg| self.assigned[reg.index()] = number);
            }
        }
    }

    fn contains(&self, block: BlockId) -> bool {
        self.member[block.index()] == self.number
    }

    /// True when the operand has the same value all the time that the loop runs.
    fn is_invariant(&self, func: &Func, operand: Operand) -> bool {
        let Some(reg) = operand.as_reg() else { return true };
        if func.regs[reg.index()].mutable {
            return self.assigned[reg.index()] != self.number;
        }
        let home = self.home[reg.index()];
        home == NONE || !self.contains(BlockId(home))
    }

    /// The block that the loop is entered from.
    fn preheader(&self) -> Option<BlockId> {
        let mut outside = self.cfg.preds(self.header).iter().copied().filter(|&pred| !self.contains(pred));
        let first = outside.next()?;
        outside.next().is_none().then_some(first)
    }

    /// The blocks that lead back to the header.
    fn latches(&self) -> impl Iterator<Item = BlockId> {
        self.cfg.preds(self.header).iter().copied().filter(|&pred| self.contains(pred))
    }
}

#[cfg(test)]
mod tests;
