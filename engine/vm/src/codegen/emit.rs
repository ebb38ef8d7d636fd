//! Writes the words: labels, operands, moves, and the walk over items.

use super::alloc::{Frame, NO_SLOT, SCRATCH};
use super::analyze::{Analysis, Item};
use super::order::NONE;
use crate::bytecode::format::{Field, Kind};
use crate::bytecode::pairs::{Link, begins_pair, ends_pair, pair};
use crate::bytecode::{Op, Word, table_words};
use crate::program::Tables;
use sx_ir::{BlockId, Const, LocId, Operand, Reg, Ty};

/// Where a jump's distance stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In the upper 16 bits of the word.
    Short,
    /// In the upper half of the word.
    Long,
    /// In a table: half `1` is the upper one. Distances count from the switch at this word.
    Table(u32, bool),
}

struct Fixup {
    word: u32,
    place: Place,
    target: BlockId,
}

/// Code under construction.
pub(super) struct Emit<'a, 'f> {
    pub analysis: &'a Analysis<'f>,
    pub frame: &'a Frame,
    pub tables: &'a Tables,
    pub module: &'a sx_ir::Module,
    pub words: &'a mut Vec<Word>,
    pub locs: &'a mut Vec<(u32, LocId)>,
    /// Stretches of words that check an unsigned index.
    unsigned: Vec<(u32, u32)>,
    /// The first word of each block, by position in order.
    starts: &'a mut Vec<u32>,
    fixups: &'a mut Vec<Fixup>,
    /// The first word that may be changed or taken back: behind the last label.
    pub barrier: u32,
    /// Conditional jumps go over a long one.
    pub long_jumps: bool,
    /// The block being written, by position in order.
    pub block: u32,
    /// The item being written.
    pub number: u32,
    scratch: u32,
    /// The end of the frame, windows included, in slots.
    pub frame_slots: u32,
    /// The next call's position among the calls.
    pub next_call: usize,
}

/// What code generation ends with.
pub(super) struct Written {
    pub words: Box<[Word]>,
    pub locs: Box<[(u32, LocId)]>,
    pub unsigned: Box<[(u32, u32)]>,
    pub frame_slots: u32,
}

/// Room that functions share.
#[derive(Default)]
pub(crate) struct Room {
    words: Vec<Word>,
    locs: Vec<(u32, LocId)>,
    starts: Vec<u32>,
    fixups: Vec<Fixup>,
}

impl Room {
    /// The first word of each block of the last function, by position in order.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }
}

impl<'a, 'f> Emit<'a, 'f> {
    pub fn new(
        module: &'a sx_ir::Module,
        analysis: &'a Analysis<'f>,
        frame: &'a Frame,
        tables: &'a Tables,
        room: &'a mut Room,
        long_jumps: bool,
    ) -> Self {
        let Room { words, locs, starts, fixups } = room;
        words.clear();
        locs.clear();
        starts.clear();
        starts.resize(analysis.order.blocks.len(), 0);
        fixups.clear();
        Emit {
            analysis,
            frame,
            tables,
            module,
            words,
            locs,
            unsigned: Vec::new(),
            starts,
            fixups,
            barrier: 0,
            long_jumps,
            block: 0,
            number: 0,
            scratch: 0,
            frame_slots: frame.size,
            next_call: 0,
        }
    }
    /// Writes everything; none when a short jump can't reach.
    pub fn run(mut self) -> Result<Option<Written>, String> {
        let analysis = self.analysis;
        self.load_constants();
        for block in 0..analysis.order.blocks.len() {
            self.block = block as u32;
            self.starts[block] = self.words.len() as u32;
            self.barrier = self.words.len() as u32;
            let id = analysis.order.blocks[block];
            let source = &analysis.func.blocks[id.index()];
            let first = analysis.first[block];
            for number in first..analysis.first[block + 1] {
                let item = analysis.item(number);
                let locs = &self.analysis.func.code_locs[source.range()];
                let loc = locs.get((number - first) as usize).copied().unwrap_or(source.term_loc);
                if let Item::Inst(_) = item
                    && analysis.absorbed[number as usize]
                {
                    continue;
                }
                self.number = number;
                self.scratch = 0;
                self.locate(loc);
                match item {
                    Item::Inst(inst) => {
                        let start = self.words.len() as u32;
                        self.inst(inst)?;
                        if analysis.checks_unsigned(number) {
                            self.unsigned.push((start, self.words.len() as u32));
                        }
                    }
                    Item::Term(term) => self.term(term)?,
                }
            }
        }
        if self.words.len() > i32::MAX as usize / 2 {
            return Err("function too large: its code exceeds 8 GiB".into());
        }
        if !self.link() {
            return Ok(None);
        }
        self.pair_up();
        Ok(Some(Written {
            words: self.words[..].into(),
            locs: self.locs[..].into(),
            unsigned: self.unsigned.into(),
            frame_slots: self.frame_slots.next_multiple_of(2),
        }))
    }
    fn locate(&mut self, loc: LocId) {
        let at = self.words.len() as u32;
        while self.locs.last().is_some_and(|&(first, _)| first >= at) {
            self.locs.pop();
        }
        if self.locs.last().is_none_or(|&(_, last)| last != loc) {
            self.locs.push((at, loc));
        }
    }
    /// Constants that loops need have slots, loaded at entry.
    fn load_constants(&mut self) {
        let regs = self.analysis.func.regs.len();
        for index in 0..self.analysis.consts.len() {
            let slot = self.frame.slots[regs + index];
            if slot != NO_SLOT {
                self.load(slot, self.analysis.consts[index]);
            }
        }
    }
    pub fn emit(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.words.push(Word::new(op, a, b, c));
    }
    pub fn emit_w(&mut self, op: Op, a: u16, w: i32) {
        self.words.push(Word::with_w(op, a, w));
    }
    /// Adds an extension word. It might look like an instruction, so nothing looks back behind it.
    pub fn extend(&mut self, word: Word) {
        self.words.push(word);
        self.fence();
    }
    /// Loads a constant.
    pub fn load(&mut self, slot: u16, value: Const) {
        let signed = match value.ty {
            Ty::F32 | Ty::F64 | Ty::Ptr | Ty::I64 | Ty::Vec(_) => value.bits as i64,
            ty => super::imm::unsigned(value, ty) as i64,
        };
        match i32::try_from(signed) {
            Ok(short) => self.emit_w(Op::MovI, slot, short),
            Err(_) => {
                self.emit(Op::Const, slot, 0, 0);
                self.extend(Word::raw(signed as u64));
            }
        }
    }
    /// A slot for the rest of this instruction.
    pub fn scratch(&mut self) -> u16 {
        assert!(self.scratch < SCRATCH, "an instruction needs at most {SCRATCH} scratch slots");
        self.scratch += 1;
        self.frame.scratch + (self.scratch - 1) as u16
    }
    /// The slot of a register.
    pub fn slot(&self, reg: Reg) -> u16 {
        let slot = self.frame.slots[reg.index()];
        debug_assert!(slot != NO_SLOT, "{reg} of {} has no slot", self.analysis.func.name);
        slot
    }
    /// The slot that an instruction writes its result to.
    pub fn dst(&self, reg: Reg) -> u16 {
        match self.analysis.subst[reg.index()].as_reg() {
            Some(reg) => self.slot(reg),
            None => self.frame.scratch,
        }
    }
    /// The slot that holds an operand; constants without one are loaded.
    pub fn src(&mut self, operand: Operand) -> u16 {
        let operand = self.analysis.resolve(operand);
        match operand.as_reg() {
            Some(reg) => self.slot(reg),
            None => {
                let index = operand.as_const().expect("an operand is a register or a constant") as usize;
                if let Some(slot) = self.const_slot(index) {
                    return slot;
                }
                let slot = self.scratch();
                self.load(slot, self.analysis.consts[index]);
                slot
            }
        }
    }
    /// The register's slot behind an operand, if it is in one.
    pub fn in_slot(&self, operand: Operand) -> Option<u16> {
        let operand = self.analysis.resolve(operand);
        match (operand.as_reg(), operand.as_const()) {
            (Some(reg), _) => Some(self.slot(reg)),
            (_, Some(index)) => self.const_slot(index as usize),
            _ => None,
        }
    }
    /// The slot that a constant is in at this item.
    fn const_slot(&self, index: usize) -> Option<u16> {
        let slot = self.frame.slots[self.analysis.func.regs.len() + index];
        (slot != NO_SLOT && 2 * self.number <= self.frame.const_ends[index]).then_some(slot)
    }
    pub fn constant(&self, operand: Operand) -> Option<Const> {
        self.analysis.constant(operand)
    }
    /// Copies an operand to a slot.
    pub fn mov(&mut self, to: u16, from: Operand) {
        match (self.in_slot(from), self.constant(from)) {
            (Some(slot), _) => self.mov_slot(to, slot),
            (None, Some(value)) => self.load(to, value),
            (None, None) => {}
        }
    }
    pub fn mov_slot(&mut self, to: u16, from: u16) {
        if to == from {
            return;
        }
        if let Some(last) = self.last()
            && last.op == Op::Mov as u16
            && last.a + 1 == to
            && last.b + 1 == from
            && last.a != from
        {
            let (a, b) = (last.a, last.b);
            self.words.pop();
            return self.emit(Op::Mov2, a, b, 0);
        }
        self.emit(Op::Mov, to, from, 0);
    }
    /// The last word, if it is an instruction of this block that may still be changed.
    pub fn last(&self) -> Option<Word> {
        if self.words.len() as u32 > self.barrier { self.words.last().copied() } else { None }
    }
    /// Keeps what was written so far as it is.
    pub fn fence(&mut self) {
        self.barrier = self.words.len() as u32;
    }
    /// Notes that the frame reaches to a slot.
    pub fn reach(&mut self, slot: u32) {
        self.frame_slots = self.frame_slots.max(slot);
    }
    /// Notes that the last word jumps to a block.
    pub fn fix(&mut self, place: Place, target: BlockId) {
        self.fixups.push(Fixup { word: self.words.len() as u32 - 1, place, target });
    }
    /// True when a block comes right after this one.
    pub fn is_next(&self, target: BlockId) -> bool {
        self.analysis.order.position[target.index()] == self.block + 1
    }
    pub fn is_back(&self, target: BlockId) -> bool {
        self.analysis.order.is_back_edge(self.block, target)
    }
    /// Gives neighbours that have a common opcode one dispatch. A pair never begins before a label and ends behind it: code that
    /// comes from elsewhere, such as a loop's next round, would find its second half alone.
    fn pair_up(&mut self) {
        let mut starts = self.starts.iter().copied().peekable();
        let mut previous: Option<usize> = None;
        let mut at = 0;
        while at < self.words.len() {
            let word = self.words[at];
            let op = Op::from_u16(word.op).expect("emitted words begin with opcodes");
            while starts.next_if(|&start| (start as usize) < at).is_some() {}
            if starts.peek() == Some(&(at as u32)) {
                previous = None;
            }
            let pair = match previous {
                Some(first) if ends_pair(op) => self.pair_at(first, word, op).map(|pair| (first, pair)),
                _ => None,
            };
            previous = match pair {
                Some((first, pair)) => {
                    self.words[first].op = pair as u16;
                    None
                }
                None => begins_pair(op).then_some(at),
            };
            at += op.words() + table_words(op, word);
        }
    }
    fn pair_at(&self, first: usize, second: Word, second_op: Op) -> Option<Op> {
        let word = self.words[first];
        let op = Op::from_u16(word.op)?;
        let link = match second_op.format() {
            [_, b, c]
                if b.kind == Kind::Src
                    && b.field == Field::B
                    && c.kind == Kind::Src
                    && c.field == Field::C =>
            {
                if second.b == word.a {
                    Link::B
                } else if second.c == word.a {
                    Link::C
                } else {
                    Link::None
                }
            }
            _ if second_op == Op::Ret1 && second.a == word.a => Link::A,
            _ => Link::None,
        };
        pair(op, second_op, link).or_else(|| pair(op, second_op, Link::None))
    }
    /// Fills in the distances.
    fn link(&mut self) -> bool {
        for fixup in &*self.fixups {
            let position = self.analysis.order.position[fixup.target.index()];
            debug_assert!(position != NONE, "jumps go to reachable blocks");
            let from = match fixup.place {
                Place::Short | Place::Long => fixup.word,
                Place::Table(switch, _) => switch,
            };
            let distance = self.starts[position as usize] as i32 - from as i32;
            let word = &mut self.words[fixup.word as usize];
            match fixup.place {
                Place::Short => match i16::try_from(distance) {
                    Ok(short) => word.c = short as u16,
                    Err(_) => return false,
                },
                Place::Long | Place::Table(_, true) => {
                    word.b = distance as u16;
                    word.c = (distance >> 16) as u16;
                }
                Place::Table(_, false) => {
                    word.op = distance as u16;
                    word.a = (distance >> 16) as u16;
                }
            }
        }
        true
    }
}
