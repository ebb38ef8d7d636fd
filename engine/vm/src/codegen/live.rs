//! Live intervals: for each register and hoisted constant, the stretch of items from its first definition to its last need.
//!
//! Item `n` reads at position `2n` and writes at `2n + 1`. An interval is a hull: blocks in between that don't need the value
//! are covered too. Since blocks stand in reverse postorder, a value lives outside `definition..=last read` only around
//! loops that it enters from outside; so each read extends the interval to the end of every loop that holds the read
//! but not the definition. A mutable register behaves like a temporary when its first write dominates its reads;
//! otherwise it covers every loop that it occurs in.

use super::analyze::{Analysis, Item, filled};
use super::imm;
use super::order::{Dominators, NONE};
use super::uses::writes;
use rustc_hash::FxHashSet;
use sx_ir::{Inst, Operand, Reg};

/// A value's interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    /// A register's number, or the number of registers plus a constant's.
    pub id: u32,
    pub start: u32,
    pub end: u32,
}

/// All intervals, and the calls that they may cross.
#[derive(Default)]
pub(crate) struct Live {
    /// By start.
    pub intervals: Vec<Interval>,
    /// Items that are calls, in order.
    pub calls: Vec<u32>,
    room: Room,
}

/// Room that functions share.
#[derive(Default)]
struct Room {
    spans: Vec<Span>,
    written_in: Vec<u32>,
    exposed: Vec<(u32, u32)>,
    dominators: Dominators,
}

/// What is known of a register or constant.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
    /// The block of the first definition.
    home: u32,
}

struct Builder<'a, 'f> {
    analysis: &'a Analysis<'f>,
    /// Of each register, and behind them of each constant.
    spans: Vec<Span>,
    /// The block that last wrote each mutable register, as far as the walk has come.
    written_in: Vec<u32>,
    /// Mutable registers read in blocks that didn't write them before.
    exposed: Vec<(u32, u32)>,
    calls: Vec<u32>,
    dominators: Dominators,
}

impl Live {
    /// Finds all intervals of a function, in the room of another's.
    pub fn compute(&mut self, analysis: &Analysis<'_>) {
        let regs = analysis.func.regs.len();
        let none = Span { start: NONE, end: 0, home: NONE };
        let mut builder = Builder {
            analysis,
            spans: filled(&mut self.room.spans, regs + analysis.consts.len(), none),
            written_in: filled(&mut self.room.written_in, regs, NONE),
            exposed: filled(&mut self.room.exposed, 0, (0, 0)),
            calls: filled(&mut self.calls, 0, 0),
            dominators: std::mem::take(&mut self.room.dominators),
        };
        for span in &mut builder.spans[..analysis.func.sig.params.len()] {
            (span.start, span.home) = (0, 0);
        }
        builder.walk();
        builder.extend_mutable();
        self.intervals.clear();
        let spans = builder.spans.iter().enumerate().filter(|(_, span)| span.start != NONE);
        self.intervals.extend(spans.map(|(id, span)| Interval {
            id: id as u32,
            start: span.start,
            end: span.end.max(span.start),
        }));
        self.intervals.sort_unstable_by_key(|interval| (interval.start, interval.id));
        let Builder { spans, written_in, exposed, calls, dominators, .. } = builder;
        self.calls = calls;
        self.room = Room { spans, written_in, exposed, dominators };
    }
}

impl Builder<'_, '_> {
    fn walk(&mut self) {
        let analysis = self.analysis;
        for block in 0..analysis.order.blocks.len() as u32 {
            let (first, end) = (analysis.first[block as usize], analysis.first[block as usize + 1]);
            for number in first..end {
                if analysis.absorbed[number as usize] {
                    continue;
                }
                let item = analysis.item(number);
                for &operand in analysis.needs(number) {
                    self.read(operand, item, number, block);
                }
                if let Item::Inst(inst) = item {
                    if matches!(inst, Inst::Call { .. }) {
                        self.calls.push(number);
                    }
                    writes(analysis.func, inst, |reg| {
                        if let Some(reg) = analysis.subst[reg.index()].as_reg() {
                            self.write(reg, number, block);
                        }
                    });
                }
            }
        }
    }
    fn read(&mut self, operand: Operand, item: Item<'_>, number: u32, block: u32) {
        let analysis = self.analysis;
        let Some(reg) = operand.as_reg() else {
            let index = operand.as_const().expect("an operand is a register or a constant");
            if analysis.order.loop_of[block as usize] != NONE && !imm::folds(analysis, item, index) {
                let id = analysis.func.regs.len() + index as usize;
                self.spans[id].start = 0;
                self.spans[id].home = 0;
                self.spans[id].end = self.spans[id].end.max(2 * number);
                self.extend(id, block, 0);
            }
            return;
        };
        let id = reg.index();
        self.spans[id].end = self.spans[id].end.max(2 * number);
        if !analysis.func.regs[id].mutable {
            self.extend(id, block, self.spans[id].home);
        } else if self.written_in[id] != block {
            self.spans[id].start = self.spans[id].start.min(2 * number);
            self.exposed.push((id as u32, block));
        }
    }
    fn write(&mut self, reg: Reg, number: u32, block: u32) {
        let id = reg.index();
        let position = 2 * number + 1;
        if self.spans[id].start == NONE {
            self.spans[id].start = position;
            self.spans[id].home = block;
        }
        self.spans[id].end = self.spans[id].end.max(position);
        self.written_in[id] = block;
    }
    /// Extends to the ends of the loops around `block` that don't hold `home`.
    fn extend(&mut self, id: usize, block: u32, home: u32) {
        let order = &self.analysis.order;
        let mut header = order.loop_of[block as usize];
        while header != NONE && (home == NONE || header > home) {
            let end = 2 * (self.analysis.first[order.loop_end[header as usize] as usize + 1] - 1) + 1;
            self.spans[id].end = self.spans[id].end.max(end);
            header = order.loop_parent[header as usize];
        }
    }
    fn extend_mutable(&mut self) {
        if self.exposed.is_empty() {
            return;
        }
        let exposed = std::mem::take(&mut self.exposed);
        let mut dominators_known = false;
        let mut irregular = FxHashSet::default();
        for &(id, block) in &exposed {
            let home = self.spans[id as usize].home;
            if home == block {
                // The first write is in this block, behind the read: the value comes around a loop.
                irregular.insert(id);
                continue;
            }
            if irregular.contains(&id) {
                continue;
            }
            if !dominators_known {
                self.dominators.compute(self.analysis.func, &self.analysis.order);
                dominators_known = true;
            }
            if home != NONE && home < block && self.dominators.dominates(home, block) {
                self.extend(id as usize, block, home);
            } else {
                irregular.insert(id);
            }
        }
        if !irregular.is_empty() {
            self.cover_loops(&irregular);
        }
        self.exposed = exposed;
    }
    /// Makes registers live through every loop that they occur in.
    fn cover_loops(&mut self, irregular: &FxHashSet<u32>) {
        let analysis = self.analysis;
        for block in 0..analysis.order.blocks.len() {
            let mut header = analysis.order.loop_of[block];
            if header == NONE {
                continue;
            }
            while analysis.order.loop_parent[header as usize] != NONE {
                header = analysis.order.loop_parent[header as usize];
            }
            let start = 2 * analysis.first[header as usize];
            let end = 2 * (analysis.first[analysis.order.loop_end[header as usize] as usize + 1] - 1) + 1;
            for number in analysis.first[block]..analysis.first[block + 1] {
                if analysis.absorbed[number as usize] {
                    continue;
                }
                let mut cover = |reg: Reg| {
                    if irregular.contains(&reg.0) {
                        self.spans[reg.index()].start = self.spans[reg.index()].start.min(start);
                        self.spans[reg.index()].end = self.spans[reg.index()].end.max(end);
                    }
                };
                analysis.needs(number).iter().filter_map(|operand| operand.as_reg()).for_each(&mut cover);
                if let Item::Inst(inst) = analysis.item(number) {
                    writes(analysis.func, inst, |reg| {
                        if let Some(reg) = analysis.subst[reg.index()].as_reg() {
                            cover(reg);
                        }
                    });
                }
            }
        }
    }
}
