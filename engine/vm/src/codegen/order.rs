//! The order of blocks in the bytecode, and the loops in that order.
//!
//! Blocks stand in reverse postorder, so that each comes after those that dominate it. A back edge from `s` to an earlier (or
//! the same) `h` makes the blocks `h..=s` a loop; loops that overlap are widened until they nest.

use sx_ir::{BlockId, Func, Term};

/// No loop, no block.
pub(crate) const NONE: u32 = u32::MAX;

/// Blocks in order; everything here is numbered by position in that order.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// The blocks.
    pub blocks: Vec<BlockId>,
    /// The position of each block; [`NONE`] when it can't be reached.
    pub position: Vec<u32>,
    /// The header of the innermost loop around each block, or [`NONE`].
    pub loop_of: Vec<u32>,
    /// For headers: the last block of the loop.
    pub loop_end: Vec<u32>,
    /// For headers: the header of the loop around it, or [`NONE`].
    pub loop_parent: Vec<u32>,
    /// Room for [`Order::compute`].
    stack: Vec<(BlockId, usize)>,
    outer: Vec<u32>,
}

/// Calls `f` with each successor.
pub(crate) fn successors(term: &Term, mut f: impl FnMut(BlockId)) {
    match term {
        Term::Jump(to) => f(*to),
        Term::Branch { then, else_, .. } => {
            f(*then);
            f(*else_);
        }
        Term::Switch { cases, default, .. } => {
            for (_, to) in cases {
                f(*to);
            }
            f(*default);
        }
        Term::Return(_) | Term::Trap(..) | Term::Unreachable => {}
    }
}

fn successor(term: &Term, index: usize) -> Option<BlockId> {
    // Visited first means placed last: a branch's `then` comes right behind it.
    match (term, index) {
        (Term::Jump(to), 0) => Some(*to),
        (Term::Branch { else_, .. }, 0) => Some(*else_),
        (Term::Branch { then, .. }, 1) => Some(*then),
        (Term::Switch { default, .. }, 0) => Some(*default),
        (Term::Switch { cases, .. }, i) => {
            cases.len().checked_sub(i).and_then(|i| cases.get(i)).map(|&(_, to)| to)
        }
        _ => None,
    }
}

impl Order {
    #[cfg(test)]
    fn new(func: &Func) -> Order {
        let mut order = Order::default();
        order.compute(func);
        order
    }
    /// Orders a function's blocks in the room of another's.
    pub fn compute(&mut self, func: &Func) {
        let Order { blocks, position, stack, .. } = self;
        position.clear();
        position.resize(func.blocks.len(), NONE);
        blocks.clear();
        stack.clear();
        stack.push((BlockId(0), 0));
        position[0] = 0;
        while let Some((block, next)) = stack.last_mut() {
            match successor(&func.blocks[block.index()].term, *next) {
                Some(to) => {
                    *next += 1;
                    if position[to.index()] == NONE {
                        position[to.index()] = 0;
                        stack.push((to, 0));
                    }
                }
                None => {
                    blocks.push(*block);
                    stack.pop();
                }
            }
        }
        blocks.reverse();
        for (i, block) in blocks.iter().enumerate() {
            position[block.index()] = i as u32;
        }
        self.find_loops(func);
    }
    fn find_loops(&mut self, func: &Func) {
        let Order { blocks, position, loop_of, loop_end, loop_parent, outer, .. } = self;
        let count = blocks.len();
        for list in [&mut *loop_of, &mut *loop_end, &mut *loop_parent] {
            list.clear();
            list.resize(count, NONE);
        }
        let mut any = false;
        for (i, block) in blocks.iter().enumerate() {
            successors(&func.blocks[block.index()].term, |to| {
                let header = position[to.index()] as usize;
                if header <= i {
                    any = true;
                    let end = &mut loop_end[header];
                    *end = if *end == NONE { i as u32 } else { (*end).max(i as u32) };
                }
            });
        }
        if !any {
            return;
        }
        // Loops to the right that no other loop contains yet, the leftmost on top.
        outer.clear();
        for header in (0..count).rev() {
            if loop_end[header] == NONE {
                continue;
            }
            let mut end = loop_end[header];
            while let Some(&inner) = outer.last()
                && inner <= end
            {
                end = end.max(loop_end[inner as usize]);
                loop_parent[inner as usize] = header as u32;
                outer.pop();
            }
            loop_end[header] = end;
            outer.push(header as u32);
        }
        let mut current = NONE;
        for i in 0..count {
            while current != NONE && loop_end[current as usize] < i as u32 {
                current = loop_parent[current as usize];
            }
            if loop_end[i] != NONE {
                current = i as u32;
            }
            loop_of[i] = current;
        }
    }
    /// True when control goes from `from` to `to` backward.
    pub fn is_back_edge(&self, from: u32, to: BlockId) -> bool {
        self.position[to.index()] <= from
    }
}

/// Which blocks dominate which, in an [`Order`].
#[derive(Debug, Default)]
pub(crate) struct Dominators {
    /// Each block's number in a walk of the dominator tree from the root, and how many blocks its subtree has: those
    /// that it dominates are numbered from its own number on.
    subtrees: Vec<(u32, u32)>,
    /// Of each block the nearest one that dominates it.
    immediate: Vec<u32>,
    /// Room to number the tree: of each block its next child's number.
    next: Vec<u32>,
}

impl Dominators {
    /// After Cooper, Harvey and Kennedy's iteration, from blocks to those that they lead to: the nearest common dominator
    /// of the ways found so far only moves up, so it ends at that of all. In the room of another function's.
    pub fn compute(&mut self, func: &Func, order: &Order) {
        let immediate = &mut self.immediate;
        immediate.clear();
        immediate.resize(order.blocks.len(), NONE);
        immediate[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            let mut cycle = false;
            for (i, block) in order.blocks.iter().enumerate() {
                successors(&func.blocks[block.index()].term, |to| {
                    let to = order.position[to.index()];
                    cycle |= to <= i as u32;
                    let known = immediate[to as usize];
                    let found = if known == NONE { i as u32 } else { meet(immediate, known, i as u32) };
                    changed |= known != found;
                    immediate[to as usize] = found;
                });
            }
            // Without a cycle all ways into a block were known before those out of it.
            changed &= cycle;
        }
        self.number();
    }
    /// True when every path to `b` goes through `a`.
    pub fn dominates(&self, a: u32, b: u32) -> bool {
        let ((first, count), (number, _)) = (self.subtrees[a as usize], self.subtrees[b as usize]);
        (first..first + count).contains(&number)
    }
    /// Numbers the tree, whose nodes all come after their parents.
    fn number(&mut self) {
        let Dominators { subtrees, immediate, next } = self;
        subtrees.clear();
        subtrees.resize(immediate.len(), (0, 1));
        for node in (1..immediate.len()).rev() {
            subtrees[immediate[node] as usize].1 += subtrees[node].1;
        }
        next.clear();
        next.resize(immediate.len(), 1);
        for node in 1..immediate.len() {
            let parent = immediate[node] as usize;
            let (number, count) = (next[parent], subtrees[node].1);
            subtrees[node].0 = number;
            next[parent] += count;
            next[node] = number + 1;
        }
    }
}

fn meet(immediate: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        while a > b {
            a = immediate[a as usize];
        }
        while b > a {
            b = immediate[b as usize];
        }
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use sx_ir::{Builder, CallConv, Signature, Ty};

    /// A function of `edges`: each block jumps or branches to the blocks listed.
    fn graph(edges: &[&[u32]]) -> Func {
        let mut b = Builder::new("g", Signature { params: vec![Ty::I8], rets: vec![] }, CallConv::Sx);
        let blocks: Vec<BlockId> =
            std::iter::once(BlockId(0)).chain((1..edges.len()).map(|_| b.block())).collect();
        for (i, to) in edges.iter().enumerate() {
            b.switch_to(blocks[i]);
            let cond = b.param(0).into();
            b.terminate(match **to {
                [] => Term::Return(Default::default()),
                [to] => Term::Jump(BlockId(to)),
                [then, else_] => Term::Branch { cond, then: BlockId(then), else_: BlockId(else_) },
                _ => panic!("at most two successors"),
            });
        }
        b.finish()
    }

    #[test]
    fn loops_nest() {
        // 0 → 1; 1: inner loop 2; 2 → 2 or 3; 3 → 1 or 4.
        let func = graph(&[&[1], &[2], &[2, 3], &[1, 4], &[]]);
        let order = Order::new(&func);
        assert_eq!(order.blocks, (0..5).map(BlockId).collect::<Vec<_>>());
        assert_eq!(order.loop_of, [NONE, 1, 2, 1, NONE]);
        assert_eq!(order.loop_parent[2], 1);
        assert_eq!(order.loop_end[1], 3);
        let mut dominators = Dominators::default();
        dominators.compute(&func, &order);
        assert!(dominators.dominates(1, 4) && dominators.dominates(2, 3) && !dominators.dominates(3, 2));
    }

    #[test]
    fn overlapping_loops_are_widened() {
        // 1 → 2 → 3; 3 → 1 or 4; 4 → 2 or 5: the loops 1..=3 and 2..=4 overlap.
        let func = graph(&[&[1], &[2], &[3], &[4, 1], &[2, 5], &[]]);
        let order = Order::new(&func);
        assert_eq!(order.loop_end[1], 4);
        assert_eq!(order.loop_parent[2], 1);
    }

    #[test]
    fn unreachable_blocks_are_left_out() {
        let order = Order::new(&graph(&[&[2], &[2], &[]]));
        assert_eq!(order.blocks, [BlockId(0), BlockId(2)]);
        assert_eq!(order.position[1], NONE);
    }
}
