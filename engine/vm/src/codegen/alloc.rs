//! Frame slots for registers, constants, memory and calls.
//!
//! First the intervals that cross calls get the lowest slots; right above those that are live across a call its *window* opens, where the
//! callee's frame will begin. Then all others are placed around them: arguments directly in the window that they are for,
//! results where the window leaves them. So most calls move nothing.

use super::analyze::{Analysis, Item, NEAR_SLOT_BYTES, filled};
use super::live::{Interval, Live};
use super::order::NONE;
use crate::interp::state::MIN_WINDOW;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use sx_ir::Inst;

/// No slot.
pub(crate) const NO_SLOT: u16 = u16::MAX;

/// Slot numbers of operands stay below this; the rest is room for scratch slots.
const MAX_SLOT: u32 = 65_000;

/// How many slots code generation may use within one instruction.
pub(crate) const SCRATCH: u32 = 4;

/// The frame.
#[derive(Default)]
pub(crate) struct Frame {
    /// Of each register, and behind them of each constant.
    pub slots: Vec<u16>,
    /// The last position at which each constant is in its slot.
    pub const_ends: Vec<u32>,
    /// Where each slot of the middle form begins, in bytes from the frame.
    pub memory: Vec<u32>,
    /// The window of each call, in the order of calls, in slots.
    pub windows: Vec<u32>,
    /// Windows lie out of reach of slot numbers.
    pub far: bool,
    /// The first scratch slot.
    pub scratch: u16,
    /// All slots so far, windows not included.
    pub size: u32,
}

/// Room that functions share.
#[derive(Default)]
pub(crate) struct Room {
    pub frame: Frame,
    taken: Taken,
    results: Vec<(u32, u32)>,
    arguments: Vec<u16>,
    busy: Vec<u32>,
    rest: Vec<Interval>,
    occupied: Occupied,
    ends: BinaryHeap<Reverse<(u32, u32)>>,
}

/// What the first pass put into each slot, by time.
#[derive(Default)]
struct Taken {
    /// Of each slot the first and the last entry.
    slots: Vec<(u32, u32)>,
    /// Start and end, and the next entry of the same slot.
    entries: Vec<(u32, u32, u32)>,
}

impl Taken {
    fn clear(&mut self) {
        self.slots.clear();
        self.entries.clear();
    }
    fn push(&mut self, slot: u32, interval: Interval) {
        if self.slots.len() <= slot as usize {
            self.slots.resize(slot as usize + 1, (NONE, NONE));
        }
        let new = self.entries.len() as u32;
        let (first, last) = &mut self.slots[slot as usize];
        match self.entries.get_mut(*last as usize) {
            Some(last) => last.2 = new,
            None => *first = new,
        }
        *last = new;
        self.entries.push((interval.start, interval.end, NONE));
    }
    /// True when nothing in the slot overlaps the interval. Those asked for come by start: what ended before is forgotten.
    fn is_free(&mut self, slot: u32, interval: Interval) -> bool {
        let Some((first, _)) = self.slots.get_mut(slot as usize) else { return true };
        while let Some(&(start, end, next)) = self.entries.get(*first as usize) {
            if end >= interval.start {
                return start > interval.end;
            }
            *first = next;
        }
        true
    }
}

struct Alloc<'a, 'f> {
    analysis: &'a Analysis<'f>,
    frame: Frame,
    taken: &'a mut Taken,
    /// Slots that registers may use begin here, besides those of parameters.
    base: u32,
    params: u32,
    top: u32,
    /// The memory stands before the registers.
    near_memory: bool,
}

/// Lays out the frame.
pub(crate) fn allocate(analysis: &Analysis<'_>, live: &Live, room: &mut Room) -> Result<Frame, String> {
    let func = analysis.func;
    let params = func.sig.params.len() as u32;
    let count = func.regs.len() + analysis.consts.len();
    room.taken.clear();
    let mut alloc = Alloc {
        analysis,
        frame: Frame {
            slots: filled(&mut room.frame.slots, count, NO_SLOT),
            const_ends: filled(&mut room.frame.const_ends, analysis.consts.len(), 0),
            memory: filled(&mut room.frame.memory, 0, 0),
            windows: filled(&mut room.frame.windows, 0, 0),
            far: false,
            scratch: 0,
            size: 0,
        },
        taken: &mut room.taken,
        base: params,
        params,
        top: params,
        near_memory: true,
    };
    if alloc.top > MAX_SLOT {
        return Err("function too large: too many parameters".into());
    }
    alloc.place_vectors(live)?;
    let bytes = alloc.lay_out_memory(alloc.base)?;
    if bytes <= NEAR_SLOT_BYTES {
        alloc.base += (bytes / 8) as u32;
        alloc.top = alloc.base;
    } else {
        alloc.near_memory = false;
        alloc.frame.far = true;
    }
    let mut results = std::mem::take(&mut room.results);
    alloc.result_hints(live, &mut results);
    let mut rest = filled(&mut room.rest, 0, Interval { id: 0, start: 0, end: 0 });
    alloc.place_crossing(live, &results, &mut rest, &mut room.occupied, &mut room.ends)?;
    alloc.place_rest(live, &results, &rest, &mut room.arguments, &mut room.busy)?;
    (room.results, room.rest) = (results, rest);
    alloc.finish(live)?;
    Ok(alloc.frame)
}

impl Alloc<'_, '_> {
    /// Places the slots of the middle form from slot `base` on; the bytes that they take.
    fn lay_out_memory(&mut self, base: u32) -> Result<u64, String> {
        let mut offset = base as u64 * 8;
        self.frame.memory.clear();
        for slot in &self.analysis.func.slots {
            // Frames are aligned to 16; what wants more gets room to align at run time.
            let align = (slot.align as u64).clamp(8, 16);
            offset = offset.next_multiple_of(align);
            self.frame.memory.push(offset as u32);
            offset += slot.size as u64 + if slot.align > 16 { slot.align as u64 - 16 } else { 0 };
            if offset > i32::MAX as u64 {
                return Err("function too large: its locals take more than 2 GiB".into());
            }
        }
        Ok(offset.next_multiple_of(8) - base as u64 * 8)
    }
    /// How many slots a vector register takes; none for what isn't one.
    fn vector_slots(&self, id: u32) -> Option<u32> {
        let ty = self.analysis.func.regs.get(id as usize)?.ty.vector()?;
        Some(ty.size().div_ceil(8))
    }
    /// Gives vector registers stretches of slots between the parameters and the memory. One that is read by the instruction
    /// that writes another keeps its place until behind it: lanes of different size would overwrite each other.
    fn place_vectors(&mut self, live: &Live) -> Result<(), String> {
        if self.analysis.func.regs.iter().all(|reg| reg.ty.vector().is_none()) {
            return Ok(());
        }
        let mut busy: Vec<(u32, u32, u32)> = Vec::new();
        let mut free: Vec<(u32, u32)> = Vec::new();
        for &interval in &live.intervals {
            let Some(slots) = self.vector_slots(interval.id) else { continue };
            busy.retain(|&(end, slot, slots)| {
                let ended = end < interval.start;
                if ended {
                    free.push((slots, slot));
                }
                !ended
            });
            let slot = match free.iter().position(|&(size, _)| size == slots) {
                Some(at) => free.swap_remove(at).1,
                None => {
                    let slot = self.base;
                    self.base += slots;
                    slot
                }
            };
            if self.base > MAX_SLOT {
                return Err("function too large: too many vectors are live at once".into());
            }
            busy.push((interval.end | 1, slot, slots));
            self.set(slot, interval);
        }
        self.top = self.top.max(self.base);
        Ok(())
    }
    fn take(&mut self, slot: u32, interval: Interval) {
        self.taken.push(slot, interval);
        self.set(slot, interval);
    }
    fn set(&mut self, slot: u32, interval: Interval) {
        self.frame.slots[interval.id as usize] = slot as u16;
        if let Some(index) = (interval.id as usize).checked_sub(self.analysis.func.regs.len()) {
            self.frame.const_ends[index] = interval.end;
        }
        self.top = self.top.max(slot + 1);
    }
    /// The first pass: parameters where they come in, intervals that cross calls, windows.
    fn place_crossing(
        &mut self,
        live: &Live,
        hints: &[(u32, u32)],
        rest: &mut Vec<Interval>,
        occupied: &mut Occupied,
        ends: &mut BinaryHeap<Reverse<(u32, u32)>>,
    ) -> Result<(), String> {
        occupied.words.clear();
        for slot in self.params..self.base {
            occupied.insert(slot);
        }
        ends.clear();
        let mut next_call = 0;
        for &interval in &live.intervals {
            while next_call < live.calls.len() && 2 * live.calls[next_call] < interval.start {
                self.open_window(live.calls[next_call], occupied, ends);
                next_call += 1;
            }
            if self.vector_slots(interval.id).is_some() {
                continue;
            }
            let param = interval.id < self.params;
            let crosses = live.calls.get(next_call).is_some_and(|&call| 2 * call < interval.end);
            if !param && !crosses {
                rest.push(interval);
                continue;
            }
            occupied.expire(ends, interval.start);
            let slot = if param {
                interval.id
            } else {
                match self.hinted(hints, interval.id).filter(|&slot| !occupied.contains(slot)) {
                    Some(slot) => slot,
                    None => occupied.lowest_free(),
                }
            };
            if slot > MAX_SLOT {
                return Err("function too large: too many values are live at once".into());
            }
            occupied.insert(slot);
            ends.push(Reverse((interval.end, slot)));
            self.take(slot, interval);
        }
        while next_call < live.calls.len() {
            self.open_window(live.calls[next_call], occupied, ends);
            next_call += 1;
        }
        Ok(())
    }
    /// The window of the next call: above everything that is live across it.
    fn open_window(
        &mut self,
        call: u32,
        occupied: &mut Occupied,
        ends: &mut BinaryHeap<Reverse<(u32, u32)>>,
    ) {
        occupied.expire(ends, 2 * call + 1);
        let window = occupied.end().max(self.base).max(MIN_WINDOW as u32).next_multiple_of(2);
        self.frame.windows.push(window);
    }
    /// Which call and which of its results each register is, as `call index, result`.
    fn result_hints(&self, live: &Live, hints: &mut Vec<(u32, u32)>) {
        let func = self.analysis.func;
        hints.clear();
        if live.calls.is_empty() {
            return;
        }
        hints.resize(func.regs.len(), (NONE, 0));
        for (index, &call) in live.calls.iter().enumerate() {
            if let Item::Inst(Inst::Call { rets, .. }) = self.analysis.item(call) {
                for (i, ret) in func.list(*rets).iter().enumerate() {
                    if let Some(reg) = ret.as_reg().and_then(|reg| self.analysis.subst[reg.index()].as_reg())
                    {
                        hints[reg.index()] = (index as u32, i as u32);
                    }
                }
            }
        }
    }
    fn hinted(&self, hints: &[(u32, u32)], id: u32) -> Option<u32> {
        let &(call, result) = hints.get(id as usize)?;
        let window = *self.frame.windows.get(call as usize)?;
        let slot = window + result;
        (!self.frame.far && slot < MAX_SLOT).then_some(slot)
    }
    /// Where arguments should be computed: in the window of the call that reads them.
    fn argument_hints(&self, live: &Live, hints: &mut Vec<u16>) {
        let func = self.analysis.func;
        hints.resize(func.regs.len(), NO_SLOT);
        for (&call, &window) in live.calls.iter().zip(&self.frame.windows) {
            if let Item::Inst(Inst::Call { args, .. }) = self.analysis.item(call) {
                for (i, arg) in func.list(*args).iter().enumerate() {
                    let slot = window + i as u32;
                    if let Some(reg) = self.analysis.resolve(*arg).as_reg()
                        && hints[reg.index()] == NO_SLOT
                        && slot < MAX_SLOT
                    {
                        hints[reg.index()] = slot as u16;
                    }
                }
            }
        }
    }
    /// The second pass: everything that crosses no call.
    fn place_rest(
        &mut self,
        live: &Live,
        results: &[(u32, u32)],
        rest: &[Interval],
        arguments: &mut Vec<u16>,
        busy: &mut Vec<u32>,
    ) -> Result<(), String> {
        arguments.clear();
        if !self.frame.far && !live.calls.is_empty() {
            self.argument_hints(live, arguments);
        }
        busy.clear();
        for &interval in rest {
            let argument = arguments.get(interval.id as usize).copied().filter(|&slot| slot != NO_SLOT);
            let hint = argument.map(u32::from).or_else(|| self.hinted(results, interval.id));
            let slot = match hint {
                Some(slot) if self.is_free(slot, interval, busy) => slot,
                _ => self.find_free(interval, busy),
            };
            if slot > MAX_SLOT {
                return Err("function too large: too many values are live at once".into());
            }
            if busy.len() <= slot as usize {
                busy.resize(slot as usize + 1, 0);
            }
            busy[slot as usize] = interval.end + 1;
            self.set(slot, interval);
        }
        Ok(())
    }
    /// `busy` holds the first position at which each slot is free again.
    fn is_free(&mut self, slot: u32, interval: Interval, busy: &[u32]) -> bool {
        busy.get(slot as usize).is_none_or(|&until| until <= interval.start)
            && self.taken.is_free(slot, interval)
    }
    fn find_free(&mut self, interval: Interval, busy: &[u32]) -> u32 {
        /// Slots that are tried before the frame is made larger instead.
        const TRIES: u32 = 256;
        let params = 0..self.params.min(TRIES);
        let rest = self.base..self.top.min(self.base + TRIES);
        params.chain(rest).find(|&slot| self.is_free(slot, interval, busy)).unwrap_or(self.top)
    }
    /// Scratch slots behind all windows; in far frames the memory and the one window behind them.
    fn finish(&mut self, live: &Live) -> Result<(), String> {
        for param in 0..self.params {
            self.frame.slots[param as usize] = param as u16;
        }
        let mut end = self.top;
        for (&call, &window) in live.calls.iter().zip(&self.frame.windows) {
            if let Item::Inst(Inst::Call { args, rets, .. }) = self.analysis.item(call) {
                end = end.max(window + args.len.max(rets.len));
            }
        }
        self.frame.far |= end > MAX_SLOT;
        let scratch = if self.frame.far { self.top } else { end };
        self.frame.scratch = scratch as u16;
        let mut size = scratch + SCRATCH;
        if !self.near_memory {
            let base = size.next_multiple_of(2);
            size = base + (self.lay_out_memory(base)? / 8) as u32;
        }
        if self.frame.far {
            let window = size.next_multiple_of(2).max(MIN_WINDOW as u32);
            self.frame.windows.fill(window);
        }
        self.frame.size = size.next_multiple_of(2);
        Ok(())
    }
}

/// A set of slots.
#[derive(Default)]
struct Occupied {
    words: Vec<u64>,
}

impl Occupied {
    fn insert(&mut self, slot: u32) {
        let word = slot as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot % 64);
    }
    fn contains(&self, slot: u32) -> bool {
        self.words.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 != 0)
    }
    /// Removes what ends before `position`.
    fn expire(&mut self, ends: &mut BinaryHeap<Reverse<(u32, u32)>>, position: u32) {
        while let Some(&Reverse((end, slot))) = ends.peek()
            && end < position
        {
            ends.pop();
            self.words[slot as usize / 64] &= !(1 << (slot % 64));
        }
    }
    fn lowest_free(&self) -> u32 {
        let word = self.words.iter().position(|&word| word != u64::MAX).unwrap_or(self.words.len());
        word as u32 * 64 + self.words.get(word).map_or(0, |word| word.trailing_ones())
    }
    /// Behind the last one.
    fn end(&self) -> u32 {
        self.words
            .iter()
            .enumerate()
            .rev()
            .find(|&(_, &word)| word != 0)
            .map_or(0, |(index, word)| index as u32 * 64 + 64 - word.leading_zeros())
    }
}
