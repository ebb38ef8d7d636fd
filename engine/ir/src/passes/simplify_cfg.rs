//! Blocks: those that do nothing are skipped, those that follow each other are joined, those that can't be
//! reached go. What remains stands in reverse postorder.

use super::Cx;
use crate::cfg::Cfg;
use crate::func::*;
use crate::ids::*;

/// Room for the pass.
#[derive(Default)]
pub(super) struct Room {
    /// Where a jump to each block ends up.
    to: Vec<BlockId>,
    /// Of each block: 0 is new, 1 on the way, 2 done.
    state: Vec<u8>,
    chain: Vec<BlockId>,
    /// Old numbers to new ones.
    number: Vec<u32>,
    /// Which blocks the new ones began with.
    heads: Vec<BlockId>,
    blocks: Vec<Block>,
}

/// Simplifies. Afterwards every block is reachable, and the shape is known.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) {
    let mut any = false;
    if func.blocks.len() > 1 {
        for _ in 0..3 {
            let folded = fold_branches(func, cx);
            let threaded = func.blocks.iter().any(Block::is_empty) && thread(func, &mut cx.work.shape);
            any |= folded | threaded;
            // Tests that were copied may be known where they are now.
            if !threaded {
                break;
            }
        }
    }
    if cx.work.shape_known && !any {
        return;
    }
    cx.work.tree_known = false;
    cx.work.cfg.compute(func);
    if rebuild(func, &cx.work.cfg, &mut cx.work.shape) {
        cx.work.cfg.renumber(func, &cx.work.shape.number, &cx.work.shape.heads);
    }
    cx.work.shape_known = true;
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
fn destinations(func: &Func, room: &mut Room) {
    let n = func.blocks.len();
    let Room { to, state, chain, .. } = room;
    to.clear();
    to.extend((0..n as u32).map(BlockId));
    let next = |block: BlockId| match &func.blocks[block.index()] {
        block @ Block { term: Term::Jump(to), .. } if block.is_empty() => Some(*to),
        _ => None,
    };
    // A chain is followed once: every block on it learns its end.
    state.clear();
    state.resize(n, 0);
    for start in 0..n as u32 {
        let mut block = BlockId(start);
        if next(block).is_none() {
            continue;
        }
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
        for &block in &*chain {
            state[block.index()] = 2;
            if next(block).is_some() {
                to[block.index()] = end;
            }
        }
    }
}

/// Skips blocks that only jump; a jump to a block that only ends becomes that end.
fn thread(func: &mut Func, room: &mut Room) -> bool {
    destinations(func, room);
    let to = &room.to;
    let mut changed = false;
    for i in 0..func.blocks.len() {
        func.blocks[i].term.successors_mut(|block| {
            changed |= to[block.index()] != *block;
            *block = to[block.index()];
        });
        let Term::Jump(target) = func.blocks[i].term else { continue };
        let Block { term, term_loc, .. } = &func.blocks[target.index()];
        if !func.blocks[target.index()].is_empty() || target.index() == i {
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

/// Joins each block with the one that follows it, where neither has another neighbour there; drops what can't be
/// reached; puts the rest into reverse postorder. True when anything changed.
fn rebuild(func: &mut Func, cfg: &Cfg, room: &mut Room) -> bool {
    let Room { number, heads, blocks, state, .. } = room;
    // 1 for blocks that are joined to the one before. That stands right before them, as it leads nowhere else.
    state.clear();
    state.resize(func.blocks.len(), 0);
    let mut any_joined = false;
    for pair in cfg.rpo.windows(2) {
        let &[before, block] = pair else { continue };
        let joins = matches!(func.blocks[before.index()].term, Term::Jump(to) if to == block)
            && cfg.preds(block).len() == 1;
        state[block.index()] = joins as u8;
        any_joined |= joins;
    }
    if !any_joined && cfg.is_in_order() {
        return false;
    }
    number.clear();
    number.resize(func.blocks.len(), 0);
    heads.clear();
    blocks.clear();
    for &id in &cfg.rpo {
        let gone = Block::empty(Term::Unreachable, LocId(0));
        let block = std::mem::replace(&mut func.blocks[id.index()], gone);
        match blocks.last_mut() {
            Some(into) if state[id.index()] == 1 => {
                join(&mut func.code, &mut func.code_locs, into, &block);
                (into.term, into.term_loc) = (block.term, block.term_loc);
            }
            _ => {
                heads.push(id);
                blocks.push(block);
            }
        }
        number[id.index()] = blocks.len() as u32 - 1;
    }
    std::mem::swap(&mut func.blocks, blocks);
    for block in &mut func.blocks {
        block.term.successors_mut(|to| to.0 = number[to.index()]);
    }
    true
}

/// Appends the instructions of one block to another's.
fn join(code: &mut Vec<Inst>, locs: &mut Vec<LocId>, into: &mut Block, block: &Block) {
    if block.is_empty() {
        return;
    }
    if into.is_empty() {
        (into.start, into.end) = (block.start, block.end);
    } else if into.end == block.start {
        into.end = block.end;
    } else {
        if into.end as usize != code.len() {
            let start = code.len() as u32;
            code.extend_from_within(into.range());
            locs.extend_from_within(into.range());
            (into.start, into.end) = (start, code.len() as u32);
        }
        code.extend_from_within(block.range());
        locs.extend_from_within(block.range());
        into.end = code.len() as u32;
    }
}

#[cfg(test)]
mod tests {
    use crate::passes::testing::check;

    #[test]
    fn jumps_are_threaded_and_blocks_joined() {
        check(
            super::run,
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
            super::run,
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
            super::run,
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
            super::run,
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
