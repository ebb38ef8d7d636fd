//! Blocks: those that do nothing are skipped, those that follow each other are joined, those that can't be
//! reached go. What remains stands in reverse postorder.

use super::Cx;
use crate::cfg::Cfg;
use crate::func::*;
use crate::ids::*;

/// Simplifies; true when a branch turned out to be none. Afterwards every block is reachable.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) -> bool {
    if func.blocks.len() == 1 {
        return false;
    }
    let (mut any_folded, mut any) = (false, false);
    for _ in 0..3 {
        let folded = fold_branches(func, cx);
        let threaded = thread(func);
        any_folded |= folded;
        any |= folded | threaded;
        // Tests that were copied may be known where they are now.
        if !threaded {
            break;
        }
    }
    let mut entries = entries(func);
    let all_reachable = entries[1..].iter().all(|&entries| entries > 0);
    if merge(func, &mut entries) | any | !all_reachable {
        reorder(func);
    }
    any_folded
}

/// Branches whose way is known become jumps.
fn fold_branches(func: &mut Func, cx: &Cx<'_>) -> bool {
    let mut changed = false;
    let consts = &func.consts;
    let known = |operand: Operand| operand.as_const().map(|c| consts[c as usize].bits);
    for block in &mut func.blocks {
        let to = match &block.term {
            Term::Branch { cond, then, else_ } => match known(*cond) {
                Some(0) => Some(*else_),
                Some(_) => Some(*then),
                None if then == else_ => Some(*then),
                None => None,
            },
            Term::Switch { ty, val, cases, default } => match known(*val) {
                Some(bits) => {
                    let bits = bits & super::fold::mask(*ty, cx.ptr_size());
                    Some(cases.iter().find(|case| case.0 == bits).map_or(*default, |case| case.1))
                }
                None if cases.iter().all(|case| case.1 == *default) => Some(*default),
                None => None,
            },
            _ => None,
        };
        if let Some(to) = to {
            block.term = Term::Jump(to);
            changed = true;
        }
    }
    changed
}

/// Where a jump to each block ends up, past blocks that only jump on.
fn destinations(func: &Func) -> Vec<BlockId> {
    let n = func.blocks.len();
    let mut to: Vec<BlockId> = (0..n as u32).map(BlockId).collect();
    let next = |block: BlockId| match &func.blocks[block.index()] {
        Block { insts, term: Term::Jump(to), .. } if insts.is_empty() => Some(*to),
        _ => None,
    };
    // A chain is followed once: every block on it learns its end. 0 is new, 1 on the way, 2 done.
    let mut state = vec![0u8; n];
    let mut chain = Vec::new();
    for start in 0..n as u32 {
        let mut block = BlockId(start);
        chain.clear();
        while state[block.index()] == 0 {
            state[block.index()] = 1;
            chain.push(block);
            match next(block) {
                Some(after) => block = after,
                None => break,
            }
        }
        // An endless chain of jumps stays as it is where it closes.
        let end = to[block.index()];
        for &block in &chain {
            state[block.index()] = 2;
            if next(block).is_some() {
                to[block.index()] = end;
            }
        }
    }
    to
}

/// Skips blocks that only jump; a jump to a block that only ends becomes that end.
fn thread(func: &mut Func) -> bool {
    let to = destinations(func);
    let mut changed = false;
    for i in 0..func.blocks.len() {
        func.blocks[i].term.successors_mut(|block| {
            changed |= to[block.index()] != *block;
            *block = to[block.index()];
        });
        let Term::Jump(target) = func.blocks[i].term else { continue };
        let Block { insts, term, term_loc, .. } = &func.blocks[target.index()];
        if !insts.is_empty() || target.index() == i {
            continue;
        }
        let end = match term {
            Term::Return(list) if list.len <= 4 => Term::Return(*list),
            Term::Trap(kind, list) => Term::Trap(*kind, *list),
            Term::Branch { .. } | Term::Unreachable => term.clone(),
            _ => continue,
        };
        let loc = *term_loc;
        let end = with_own_list(func, end);
        let block = &mut func.blocks[i];
        block.term = end;
        block.term_loc = loc;
        changed = true;
    }
    changed
}

/// The end with a list that no other has.
fn with_own_list(func: &mut Func, mut term: Term) -> Term {
    if let Term::Return(list) | Term::Trap(_, list) = &mut term {
        let start = func.pool.len() as u32;
        func.pool.extend_from_within(list.start as usize..(list.start + list.len) as usize);
        list.start = start;
    }
    term
}

/// How many ways lead to each block from those that the entry reaches.
fn entries(func: &Func) -> Vec<u32> {
    let mut entries = vec![0u32; func.blocks.len()];
    // The entry has no predecessor, but is entered.
    let mut stack = vec![BlockId(0)];
    while let Some(block) = stack.pop() {
        func.blocks[block.index()].term.successors(|to| {
            entries[to.index()] += 1;
            if entries[to.index()] == 1 {
                stack.push(to);
            }
        });
    }
    entries
}

/// Joins a block with the one that follows it, where neither has another neighbour there.
fn merge(func: &mut Func, entries: &mut [u32]) -> bool {
    let mut changed = false;
    for i in 0..func.blocks.len() {
        if i > 0 && entries[i] == 0 {
            continue;
        }
        while let Term::Jump(next) = func.blocks[i].term {
            if next.index() == i || entries[next.index()] != 1 {
                break;
            }
            let term_loc = func.blocks[next.index()].term_loc;
            let empty = Block { insts: Vec::new(), locs: Vec::new(), term: Term::Unreachable, term_loc };
            let mut taken = std::mem::replace(&mut func.blocks[next.index()], empty);
            entries[next.index()] = 0;
            changed = true;
            let into = &mut func.blocks[i];
            into.insts.append(&mut taken.insts);
            into.locs.append(&mut taken.locs);
            into.term = taken.term;
            into.term_loc = taken.term_loc;
        }
    }
    changed
}

/// Only reachable blocks, in reverse postorder.
fn reorder(func: &mut Func) {
    let cfg = Cfg::new(func);
    let in_order = cfg.rpo.iter().enumerate().all(|(i, block)| block.index() == i);
    if in_order && cfg.rpo.len() == func.blocks.len() {
        return;
    }
    let mut old: Vec<Option<Block>> = std::mem::take(&mut func.blocks).into_iter().map(Some).collect();
    for &block in &cfg.rpo {
        let mut block = old[block.index()].take().expect("a block stands once in the order");
        block.term.successors_mut(|to| {
            let position = cfg.position(*to).expect("a reachable block leads to reachable ones");
            *to = BlockId(position as u32);
        });
        func.blocks.push(block);
    }
}

#[cfg(test)]
mod tests {
    use crate::passes::testing::check;

    #[test]
    fn jumps_are_threaded_and_blocks_joined() {
        check(
            |func, cx| _ = super::run(func, cx),
            "
            fn0 = func \"f\" (r0: i64, r1: i8) -> (i64) {
            b0:
              br r1, b1, b2
            b1:
              jump b3
            b2:
              r2 = add.i64 r0, 1
              jump b4
            b3:
              jump b5
            b4:
              r3 = add.i64 r2, 1
              jump b6
            b5:
              ret r0
            b6:
              ret r3
            b7:
              jump b6
            }",
            "
            fn0 = func \"f\" (r0: i64, r1: i8) -> (i64) {
            b0:
              br r1, b1, b2
            b1:
              ret r0
            b2:
              r2 = add.i64 r0, 1
              r3 = add.i64 r2, 1
              ret r3
            }",
        );
    }

    #[test]
    fn known_branches_are_taken() {
        check(
            |func, cx| _ = super::run(func, cx),
            "
            fn0 = func \"f\" (r0: i64) -> (i64) {
            b0:
              br 0, b1, b2
            b1:
              ret 1:i64
            b2:
              switch.i32 -1 [7: b1, 4294967295: b3] else b1
            b3:
              switch.i64 r0 [1: b4, 2: b4] else b4
            b4:
              br 1, b5, b1
            b5:
              ret r0
            }",
            "
            fn0 = func \"f\" (r0: i64) -> (i64) {
            b0:
              ret r0
            }",
        );
    }

    #[test]
    fn short_circuit_tests_are_copied_to_where_they_come_from() {
        check(
            |func, cx| _ = super::run(func, cx),
            "
            fn0 = func \"f\" (r0: i8, r1: i8) -> (i64) {
              var r2: i8
            b0:
              r2 = copy.i8 0
              br r0, b1, b2
            b1:
              r2 = copy.i8 r1
              jump b2
            b2:
              br r2, b3, b4
            b3:
              ret 1:i64
            b4:
              ret 0:i64
            }",
            "
            fn0 = func \"f\" (r0: i8, r1: i8) -> (i64) {
              var r2: i8
            b0:
              r2 = copy.i8 0
              br r0, b1, b2
            b1:
              r2 = copy.i8 r1
              br r2, b3, b4
            b2:
              br r2, b3, b4
            b3:
              ret 1:i64
            b4:
              ret 0:i64
            }",
        );
    }

    #[test]
    fn endless_loops_stay() {
        check(
            |func, cx| _ = super::run(func, cx),
            "
            fn0 = func \"f\" (r0: i8) -> () {
            b0:
              br r0, b1, b4
            b1:
              jump b2
            b2:
              jump b3
            b3:
              jump b2
            b4:
              poll
              jump b4
            }",
            "
            fn0 = func \"f\" (r0: i8) -> () {
            b0:
              br r0, b1, b2
            b1:
              jump b1
            b2:
              poll
              jump b2
            }",
        );
    }
}
