//! The shape of a function: order, predecessors and dominators of its blocks.
//!
//! Dominators after Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001).

use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;

/// Reverse postorder and predecessors of the blocks that the entry reaches.
#[derive(Clone, Debug, Default)]
pub struct Cfg {
    /// The reachable blocks, each before those that it dominates.
    pub rpo: Vec<BlockId>,
    /// Of each block its position in `rpo`.
    position: Vec<u32>,
    /// All predecessors, those of one block in a row.
    preds: Vec<BlockId>,
    /// Where a block's predecessors start; one entry more than blocks.
    pred_start: Vec<u32>,
    /// Some block leads to one that doesn't come after it.
    has_cycle: bool,
    /// Room for [`Cfg::compute`].
    succs: Vec<BlockId>,
    succ_start: Vec<u32>,
    stack: Vec<(u32, u32)>,
    /// Room for [`Cfg::renumber`].
    renumbered: (Vec<BlockId>, Vec<u32>),
}

impl Cfg {
    /// The shape of a function all of whose block ids are in range.
    pub fn new(func: &Func) -> Cfg {
        let mut cfg = Cfg::default();
        cfg.compute(func);
        cfg
    }

    /// As [`Cfg::new`], in the room of an earlier shape.
    pub fn compute(&mut self, func: &Func) {
        self.list_succs(func);
        let n = func.blocks.len();
        let Cfg { rpo, position, succs, succ_start, stack, .. } = self;
        // Postorder by a stack of (block, successors still to visit).
        position.clear();
        position.resize(n, NONE);
        rpo.clear();
        stack.clear();
        if n > 0 {
            position[0] = 0;
            stack.push((0, succ_start[1]));
        }
        // The first successor is visited last, so that it comes first: a loop's body before what follows it.
        while let Some((block, left)) = stack.last_mut() {
            if *left == succ_start[*block as usize] {
                rpo.push(BlockId(*block));
                stack.pop();
                continue;
            }
            *left -= 1;
            let to = succs[*left as usize];
            if position[to.index()] == NONE {
                position[to.index()] = 0;
                stack.push((to.0, succ_start[to.index() + 1]));
            }
        }
        rpo.reverse();
        for (i, block) in rpo.iter().enumerate() {
            position[block.index()] = i as u32;
        }
        self.find_preds();
    }

    /// The shape after blocks were put into the order of `rpo`, some joined with the one that they alone follow.
    /// `number` says what a block became, `heads` which block each of the new ones began with.
    pub(crate) fn renumber(&mut self, func: &Func, number: &[u32], heads: &[BlockId]) {
        let Cfg { rpo, position, preds, pred_start, renumbered, .. } = self;
        let (new_preds, new_start) = renumbered;
        new_preds.clear();
        new_start.clear();
        for head in heads {
            new_start.push(new_preds.len() as u32);
            let range = pred_start[head.index()] as usize..pred_start[head.index() + 1] as usize;
            new_preds.extend(preds[range].iter().map(|pred| BlockId(number[pred.index()])));
        }
        new_start.push(new_preds.len() as u32);
        std::mem::swap(preds, new_preds);
        std::mem::swap(pred_start, new_start);
        let n = heads.len() as u32;
        rpo.clear();
        rpo.extend((0..n).map(BlockId));
        position.clear();
        position.extend(0..n);
        if cfg!(debug_assertions) {
            let new = Cfg::new(func);
            let same = new.rpo == *rpo && new.preds == *preds && new.pred_start == *pred_start;
            assert!(same && new.has_cycle == self.has_cycle, "the shape is that of the new blocks");
        }
    }

    fn list_succs(&mut self, func: &Func) {
        let Cfg { succs, succ_start, .. } = self;
        succs.clear();
        succ_start.clear();
        for block in &func.blocks {
            succ_start.push(succs.len() as u32);
            block.term.successors(|to| succs.push(to));
        }
        succ_start.push(succs.len() as u32);
    }

    /// Turns the edges round.
    fn find_preds(&mut self) {
        let Cfg { rpo, position, preds, pred_start, has_cycle, succs, succ_start, .. } = self;
        let n = position.len();
        // Counts first, then ends, which filling from behind moves to the starts.
        pred_start.clear();
        pred_start.resize(n + 1, 0);
        let mut back = false;
        for (at, &block) in rpo.iter().enumerate() {
            for to in &succs[succ_start[block.index()] as usize..succ_start[block.index() + 1] as usize] {
                pred_start[to.index()] += 1;
                back |= position[to.index()] as usize <= at;
            }
        }
        *has_cycle = back;
        let mut end = 0;
        for count in pred_start.iter_mut() {
            end += *count;
            *count = end;
        }
        preds.clear();
        preds.resize(end as usize, BlockId(0));
        for &block in rpo.iter().rev() {
            let range = succ_start[block.index()] as usize..succ_start[block.index() + 1] as usize;
            for to in succs[range].iter().rev() {
                let at = &mut pred_start[to.index()];
                *at -= 1;
                preds[*at as usize] = block;
            }
        }
    }

    /// True when some block leads to one that doesn't come after it in `rpo`: where there is a loop.
    #[inline]
    pub fn has_cycle(&self) -> bool {
        self.has_cycle
    }

    /// True when every block is reachable and they stand in the order of `rpo`.
    pub fn is_in_order(&self) -> bool {
        self.rpo.len() == self.position.len()
            && self.rpo.iter().enumerate().all(|(i, block)| block.index() == i)
    }

    /// True when the entry reaches the block.
    #[inline]
    pub fn is_reachable(&self, block: BlockId) -> bool {
        self.position[block.index()] != NONE
    }

    /// The block's place in `rpo`, if it is reachable.
    #[inline]
    pub fn position(&self, block: BlockId) -> Option<usize> {
        let position = self.position[block.index()];
        (position != NONE).then_some(position as usize)
    }

    /// The reachable blocks that lead to a block; one that does so twice comes twice.
    #[inline]
    pub fn preds(&self, block: BlockId) -> &[BlockId] {
        &self.preds[self.pred_start[block.index()] as usize..self.pred_start[block.index() + 1] as usize]
    }
}

/// The dominator tree of the reachable blocks.
#[derive(Clone, Debug, Default)]
pub struct DomTree {
    /// The immediate dominator of each block; the entry's is itself.
    idom: Vec<u32>,
    /// Number of each block in a preorder walk of the tree.
    enter: Vec<u32>,
    /// The last such number in its subtree.
    leave: Vec<u32>,
    /// The blocks in that preorder.
    pub preorder: Vec<BlockId>,
    /// Room for [`DomTree::compute`], by position: immediate dominator, size of the subtree, next child's number.
    nodes: Vec<(u32, u32, u32)>,
}

impl DomTree {
    /// The dominators of a shape.
    pub fn new(cfg: &Cfg) -> DomTree {
        let mut tree = DomTree::default();
        tree.compute(cfg);
        tree
    }

    /// As [`DomTree::new`], in the room of an earlier tree.
    pub fn compute(&mut self, cfg: &Cfg) {
        // In terms of positions in `rpo`, where a dominator is always smaller.
        let nodes = &mut self.nodes;
        nodes.clear();
        nodes.resize(cfg.rpo.len(), (NONE, 1, 0));
        if let Some(entry) = nodes.first_mut() {
            entry.0 = 0;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for (i, &block) in cfg.rpo.iter().enumerate().skip(1) {
                let mut new = NONE;
                for pred in cfg.preds(block) {
                    let mut pred = cfg.position[pred.index()];
                    if nodes[pred as usize].0 == NONE {
                        continue;
                    }
                    if new == NONE {
                        new = pred;
                        continue;
                    }
                    while new != pred {
                        while pred > new {
                            pred = nodes[pred as usize].0;
                        }
                        while new > pred {
                            new = nodes[new as usize].0;
                        }
                    }
                }
                changed |= nodes[i].0 != new;
                nodes[i].0 = new;
            }
            // Without a cycle all predecessors were done before.
            changed &= cfg.has_cycle;
        }
        self.number(cfg);
    }

    /// Numbers the tree: subtree sizes bottom-up, then numbers top-down, both in the order of `rpo`.
    fn number(&mut self, cfg: &Cfg) {
        let DomTree { idom, enter, leave, preorder, nodes } = self;
        let (count, n) = (cfg.rpo.len(), cfg.position.len());
        for i in (1..count).rev() {
            let (parent, size, _) = nodes[i];
            nodes[parent as usize].1 += size;
        }
        for (list, value) in [(&mut *idom, NONE), (&mut *enter, NONE), (&mut *leave, 0)] {
            list.clear();
            list.resize(n, value);
        }
        preorder.clear();
        preorder.resize(count, BlockId(0));
        for (i, &block) in cfg.rpo.iter().enumerate() {
            let (parent, size, _) = nodes[i];
            let number = if i == 0 { 0 } else { nodes[parent as usize].2 };
            if i > 0 {
                nodes[parent as usize].2 += size;
            }
            nodes[i].2 = number + 1;
            idom[block.index()] = cfg.rpo[parent as usize].0;
            enter[block.index()] = number;
            leave[block.index()] = number + size - 1;
            preorder[number as usize] = block;
        }
    }

    /// True when every way from the entry to `b` goes through `a`; both reachable. A block dominates itself.
    #[inline]
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        let number = self.enter[b.index()];
        self.enter[a.index()] <= number && number <= self.leave[a.index()]
    }

    /// The immediate dominator; none of the entry and of unreachable blocks.
    #[inline]
    pub fn idom(&self, block: BlockId) -> Option<BlockId> {
        let idom = self.idom[block.index()];
        (idom != NONE && idom != block.0).then_some(BlockId(idom))
    }

    /// How many blocks the block's subtree has.
    #[inline]
    pub fn subtree_len(&self, block: BlockId) -> usize {
        (self.leave[block.index()] - self.enter[block.index()] + 1) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[&[u32]]) -> Func {
        let mut b = crate::Builder::new("g", Signature::default(), CallConv::Sx);
        for _ in 1..edges.len() {
            b.block();
        }
        let mut func = b.finish();
        for (i, to) in edges.iter().enumerate() {
            func.blocks[i].term = match **to {
                [] => Term::Return(List::default()),
                [a] => Term::Jump(BlockId(a)),
                [a, b] => Term::Branch { cond: Operand::reg(Reg(0)), then: BlockId(a), else_: BlockId(b) },
                _ => panic!("at most two edges"),
            };
        }
        func
    }

    fn check_idoms(edges: &[&[u32]], expected: &[Option<u32>]) {
        let func = graph(edges);
        let cfg = Cfg::new(&func);
        let tree = DomTree::new(&cfg);
        let idoms: Vec<_> = (0..edges.len() as u32).map(|i| tree.idom(BlockId(i)).map(|b| b.0)).collect();
        assert_eq!(idoms, expected);
        assert_eq!(tree.preorder.len(), cfg.rpo.len());
    }

    #[test]
    fn dominators_of_diamond_loop_and_irreducible() {
        check_idoms(&[&[1, 2], &[3], &[3], &[]], &[None, Some(0), Some(0), Some(0)]);
        check_idoms(&[&[1], &[2, 3], &[1], &[]], &[None, Some(0), Some(1), Some(1)]);
        check_idoms(&[&[1, 2], &[2, 3], &[1], &[]], &[None, Some(0), Some(0), Some(1)]);
        check_idoms(&[&[], &[0]], &[None, None]);
    }

    #[test]
    fn dominance_is_reflexive_and_follows_the_tree() {
        let func = graph(&[&[1, 2], &[3], &[3], &[4], &[]]);
        let tree = DomTree::new(&Cfg::new(&func));
        let dom = |a, b| tree.dominates(BlockId(a), BlockId(b));
        assert!(dom(0, 4) && dom(3, 4) && dom(4, 4) && dom(3, 3));
        assert!(!dom(1, 3) && !dom(1, 2) && !dom(4, 3));
        assert_eq!(tree.subtree_len(BlockId(3)), 2);
        assert_eq!(tree.subtree_len(BlockId(0)), 5);
    }
}
