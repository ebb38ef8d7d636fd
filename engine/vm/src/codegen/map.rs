//! Where a function's values stand in its frame when a loop begins anew: what other code needs that is to go on from there.
//!
//! Found by generating the code again, which gives the same words.

use super::analyze::Analysis;
use super::{Room, alloc, emit};
use crate::bytecode::Word;
use crate::codegen::alloc::NO_SLOT;
use crate::program::Tables;
use sx_ir::{BlockId, Const, Func, Module, Term};

/// Where the value of a register is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// In the frame: this many bytes from its beginning. A vector takes the slots from there on.
    Frame(u32),
    /// It is known.
    Const(Const),
}

/// A loop, as control comes to its header from its end; or to a block behind the header, when that does nothing but
/// compare.
#[derive(Clone, Debug)]
pub struct LoopMap {
    /// That block.
    pub header: BlockId,
    /// The block's first word.
    pub word: u32,
    /// Where each register's value is; none for those that aren't kept, or that nobody needs.
    pub values: Vec<Option<Source>>,
}

/// The frame of a function, and its loops.
#[derive(Clone, Debug)]
pub struct FrameMap {
    /// Where each slot of the middle form begins, in bytes from the frame.
    pub memory: Vec<u32>,
    /// The loops.
    pub loops: Vec<LoopMap>,
    /// The words of blocks from which control goes back, with the headers.
    pub back_edges: Vec<(std::ops::Range<u32>, BlockId)>,
}

/// The map of a function whose code is `words`; none if it can't be found again.
pub(crate) fn map(
    module: &Module,
    func: &Func,
    tables: &Tables,
    words: &[Word],
    room: &mut Room,
) -> Option<FrameMap> {
    let analysis = Analysis::new(func, tables, &mut room.analysis).ok()?;
    room.live.compute(&analysis);
    let frame = alloc::allocate(&analysis, &room.live, &mut room.alloc).ok()?;
    let mut found = None;
    for long_jumps in [false, true] {
        let emit = emit::Emit::new(module, &analysis, &frame, tables, &mut room.emit, long_jumps);
        if let Some(written) = emit.run().ok()? {
            found = (*written.words == *words).then(|| room.emit.starts().to_vec());
            break;
        }
    }
    let starts = found?;
    let order = &analysis.order;
    let mut map = FrameMap { memory: frame.memory.clone(), loops: Vec::new(), back_edges: Vec::new() };
    for (position, &block) in order.blocks.iter().enumerate() {
        let term = &func.blocks[block.index()].term;
        super::order::successors(term, |to| {
            if order.is_back_edge(position as u32, to) {
                let end = starts.get(position + 1).copied().unwrap_or(words.len() as u32);
                let mut edge = |to| map.back_edges.push((starts[position]..end, to));
                match (term, analysis.bare_branch(to)) {
                    // The header's comparison is repeated at the loop's end: control comes to what is behind it.
                    (Term::Jump(_), Some((_, then, else_))) => {
                        let within = order.position[to.index()]..=position as u32;
                        [then, else_]
                            .into_iter()
                            .filter(|block| within.contains(&order.position[block.index()]))
                            .for_each(edge);
                    }
                    _ => edge(to),
                }
            }
        });
    }
    let mut headers: Vec<BlockId> = map.back_edges.iter().map(|&(_, header)| header).collect();
    headers.sort_unstable();
    headers.dedup();
    for header in headers {
        let position = order.position[header.index()] as usize;
        let at = 2 * analysis.first[position];
        let mut kept = vec![false; func.regs.len()];
        for interval in room.live.intervals.iter().take_while(|interval| interval.start <= at) {
            if interval.end >= at
                && let Some(kept) = kept.get_mut(interval.id as usize)
            {
                *kept = true;
            }
        }
        let source = |reg: usize| {
            let stands_for = analysis.subst[reg];
            match (stands_for.as_reg(), stands_for.as_const()) {
                (Some(reg), _) if kept[reg.index()] && frame.slots[reg.index()] != NO_SLOT => {
                    Some(Source::Frame(frame.slots[reg.index()] as u32 * 8))
                }
                (None, Some(index)) => Some(Source::Const(analysis.consts[index as usize])),
                _ => None,
            }
        };
        let values = (0..func.regs.len()).map(source).collect();
        map.loops.push(LoopMap { header, word: starts[position], values });
    }
    room.alloc.frame = frame;
    analysis.leave(&mut room.analysis);
    Some(map)
}
