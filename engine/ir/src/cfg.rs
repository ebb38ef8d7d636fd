//! The shape of a function: order, predecessors and dominators of its blocks.
//!
//! Dominators after Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001).

use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;

/// Reverse postorder and predecessors of the blocks that the entry reaches.
#[derive(Clone, Debug)]
pub struct Cfg {
    /// The reachable blocks, each before those that it dominates.
    pub rpo: Vec<BlockId>,
    /// Of each block its position in `rpo`.
    position: Vec<u32>,
    /// All predecessors, those of one block in a row.
    preds: Vec<BlockId>,
    /// Where a block's predecessors start; one entry more than blocks.
    pred_start: Vec<u32>,
}

impl Cfg {
    /// The shape of a function all of whose block ids are in range.
    pub fn new(func: &Func) -> Cfg {
        let n = func.blocks.len();
        if n == 1 && matches!(func.blocks[0].term, Term::Return(_) | Term::Trap(..) | Term::Unreachable) {
            return Cfg {
                rpo: vec![BlockId(0)],
                position: vec![0],
                preds: Vec::new(),
                pred_start: vec![0, 0],
            };
        }
        // Postorder by a stack of (block, successors still to visit).
        let mut succs: Vec<BlockId> = Vec::with_capacity(n * 2);
        let mut succ_start = Vec::with_capacity(n + 1);
        for block in &func.blocks {
            succ_start.push(succs.len() as u32);
            block.term.successors(|to| succs.push(to));
        }
        succ_start.push(succs.len() as u32);
        let mut position = vec![NONE; n];
        let mut rpo = Vec::with_capacity(n);
        let mut stack: Vec<(u32, u32)> = Vec::new();
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
        let mut pred_start = vec![0u32; n + 1];
        let succs_of = |block: BlockId| {
            &succs[succ_start[block.index()] as usize..succ_start[block.index() + 1] as usize]
        };
        for &block in &rpo {
            for to in succs_of(block) {
                pred_start[to.index() + 1] += 1;
            }
        }
        for i in 0..n {
            pred_start[i + 1] += pred_start[i];
        }
        let mut preds = vec![BlockId(0); pred_start[n] as usize];
        let mut fill = pred_start.clone();
        for &block in &rpo {
            for to in succs_of(block) {
                preds[fill[to.index()] as usize] = block;
                fill[to.index()] += 1;
            }
        }
        Cfg { rpo, position, preds, pred_start }
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
#[derive(Clone, Debug)]
pub struct DomTree {
    /// The immediate dominator of each block; the entry's is itself.
    idom: Vec<u32>,
    /// Number of each block in a preorder walk of the tree.
    enter: Vec<u32>,
    /// The last such number in its subtree.
    leave: Vec<u32>,
    /// The blocks in that preorder.
    pub preorder: Vec<BlockId>,
}

impl DomTree {
    /// The dominators of a shape.
    pub fn new(cfg: &Cfg) -> DomTree {
        let n = cfg.position.len();
        // In terms of positions in `rpo`, where a dominator is always smaller.
        let mut idom = vec![NONE; cfg.rpo.len()];
        if let Some(entry) = idom.first_mut() {
            *entry = 0;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for (i, &block) in cfg.rpo.iter().enumerate().skip(1) {
                let mut new = NONE;
                for pred in cfg.preds(block) {
                    let mut pred = cfg.position[pred.index()];
                    if idom[pred as usize] == NONE {
                        continue;
                    }
                    if new == NONE {
                        new = pred;
                        continue;
                    }
                    while new != pred {
                        while pred > new {
                            pred = idom[pred as usize];
                        }
                        while new > pred {
                            new = idom[new as usize];
                        }
                    }
                }
                if idom[i] != new {
                    idom[i] = new;
                    changed = true;
                }
            }
        }
        DomTree::number(cfg, n, &idom)
    }

    /// Numbers the tree: subtree sizes bottom-up, then numbers top-down, both in the order of `rpo`.
    fn number(cfg: &Cfg, n: usize, idom: &[u32]) -> DomTree {
        let count = cfg.rpo.len();
        let mut size = vec![1u32; count];
        for i in (1..count).rev() {
            size[idom[i] as usize] += size[i];
        }
        let mut tree = DomTree {
            idom: vec![NONE; n],
            enter: vec![NONE; n],
            leave: vec![0; n],
            preorder: vec![BlockId(0); count],
        };
        let mut next_child = vec![0u32; count];
        for (i, &block) in cfg.rpo.iter().enumerate() {
            let number = if i == 0 { 0 } else { next_child[idom[i] as usize] };
            if i > 0 {
                next_child[idom[i] as usize] += size[i];
            }
            next_child[i] = number + 1;
            tree.idom[block.index()] = cfg.rpo[idom[i] as usize].0;
            tree.enter[block.index()] = number;
            tree.leave[block.index()] = number + size[i] - 1;
            tree.preorder[number as usize] = block;
        }
        tree
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
