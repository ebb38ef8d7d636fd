//! From a function and one of its loops to a function that goes on where the loop begins anew.
//!
//! The continuation is a function of the middle form like any other. Its parameter is the address of the interpreter's frame.
//! First it loads what the loop needs from there; what the interpreter keeps nowhere, because it emits it where it is used, is
//! computed again. Memory of locals stays in the frame: whoever has its address goes on using it. Results are stored at the
//! frame's beginning, where the interpreter expects them.

use rustc_hash::FxHashMap;
use std::sync::Arc;
use sx_ir::{
    Addr, Base, BinOp, Block, BlockId, Const, ConvOp, Func, Inst, LocId, Operand, Reg, RegInfo, Signature,
    Term, Ty,
};
use sx_vm::machine::{FrameMap, LoopMap, Source};

/// Sets of more bits than this aren't computed: there is no continuation then.
const MAX_BITS: usize = 1 << 24;

/// The signature of continuations.
pub(crate) fn signature() -> Signature {
    Signature { params: vec![Ty::Ptr], rets: Vec::new() }
}

/// The continuation of a function at a loop; none when the interpreter doesn't keep what it needs.
pub(crate) fn continuation(func: &Func, frame: &FrameMap, entry: &LoopMap) -> Option<Func> {
    let reached = reachable(func, entry.header)?;
    let live = live_at(func, entry.header, &reached)?;
    let mut made = Func::clone(func);
    made.sig = signature();
    made.inline = false;
    // The frame's address takes the place of the first register, which moves to the end.
    let moved = Reg(made.regs.len() as u32);
    let first = made.regs.first().copied().unwrap_or(RegInfo { ty: Ty::Ptr, mutable: false });
    made.regs.push(first);
    let address = RegInfo { ty: Ty::Ptr, mutable: false };
    match made.regs.first_mut() {
        Some(place) => *place = address,
        None => made.regs.push(address),
    }
    let mut builder = Builder {
        source: func,
        frame,
        entry,
        moved,
        made,
        code: Vec::new(),
        slots: FxHashMap::default(),
        state: vec![State::Unknown; func.regs.len()],
        loc: func.blocks[entry.header.index()].term_loc,
    };
    if let Some(&loc) = func.code_locs.get(func.blocks[entry.header.index()].start as usize) {
        builder.loc = loc;
    }
    for (index, _) in live.iter().enumerate().filter(|&(_, &live)| live) {
        builder.materialise(Reg(index as u32))?;
    }
    builder.mark_assigned_again(&reached);
    builder.rewrite(&reached)?;
    Some(builder.finish(&reached))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Busy,
    Made,
}

struct Builder<'a> {
    source: &'a Func,
    frame: &'a FrameMap,
    entry: &'a LoopMap,
    moved: Reg,
    made: Func,
    /// The entry block.
    code: Vec<Inst>,
    /// Addresses of slots that want more alignment than frames have.
    slots: FxHashMap<u32, Reg>,
    state: Vec<State>,
    loc: LocId,
}

impl Builder<'_> {
    fn reg(&self, reg: Reg) -> Reg {
        if reg == Reg(0) { self.moved } else { reg }
    }
    fn constant(&mut self, value: Const) -> Operand {
        let known = self.made.consts.iter().position(|&other| other == value);
        let index = known.unwrap_or_else(|| {
            self.made.consts.push(value);
            self.made.consts.len() - 1
        });
        Operand::constant(index as u32)
    }
    fn temp(&mut self, ty: Ty) -> Reg {
        self.made.regs.push(RegInfo { ty, mutable: false });
        Reg(self.made.regs.len() as u32 - 1)
    }
    /// Gives a register the value that it has when the loop begins anew.
    fn materialise(&mut self, reg: Reg) -> Option<()> {
        match self.state[reg.index()] {
            State::Made => return Some(()),
            State::Busy => return None,
            State::Unknown => {}
        }
        self.state[reg.index()] = State::Busy;
        let info = self.source.regs[reg.index()];
        match self.entry.values[reg.index()] {
            Some(Source::Frame(offset)) => {
                let addr = Addr { base: Base::Reg(Reg(0).into()), off: i32::try_from(offset).ok()? };
                self.code.push(Inst::Load { ty: info.ty, dst: self.reg(reg), addr });
            }
            Some(Source::Const(value)) => {
                let src = self.constant(Const { ty: info.ty, ..value });
                self.code.push(Inst::Copy { dst: self.reg(reg), src });
            }
            None if info.mutable => return None,
            None => self.compute(reg)?,
        }
        self.state[reg.index()] = State::Made;
        Some(())
    }
    /// Computes a temporary once more.
    fn compute(&mut self, reg: Reg) -> Option<()> {
        let mut found = self.source.all_insts().filter(|inst| inst.dst() == Some(reg));
        let inst = *found.next()?;
        let again = matches!(
            inst,
            Inst::Copy { .. }
                | Inst::Bin { .. }
                | Inst::Un { .. }
                | Inst::Cmp { .. }
                | Inst::Conv { .. }
                | Inst::Select { .. }
                | Inst::AddrOf { .. }
                | Inst::Index { .. }
                | Inst::FuncAddr { .. }
        );
        let divides = matches!(
            inst,
            Inst::Bin { op: BinOp::SDiv | BinOp::UDiv | BinOp::SRem | BinOp::URem, ty, .. } if !ty.is_float()
        );
        if !again || divides {
            return None;
        }
        let mut needs = Vec::new();
        inst.uses(&self.source.pool, |operand| needs.extend(operand.as_reg()));
        for need in needs {
            // What is assigned more than once may have changed since.
            if self.source.regs[need.index()].mutable {
                return None;
            }
            self.materialise(need)?;
        }
        let inst = self.translated(inst)?;
        self.code.push(inst);
        Some(())
    }
    /// An instruction for the continuation: registers by their new numbers, memory of locals in the frame.
    fn translated(&mut self, mut inst: Inst) -> Option<Inst> {
        let moved = self.moved;
        inst.map_defs(&mut self.made.pool, |reg| if reg == Reg(0) { moved } else { reg });
        let rename = |operand: Operand| match operand.as_reg() {
            Some(Reg(0)) => Operand::reg(moved),
            _ => operand,
        };
        inst.map_uses(&mut self.made.pool, rename);
        let mut failed = false;
        let mut far = Vec::new();
        inst.addrs_mut(|addr| {
            if let Base::Slot(slot) = addr.base {
                let align = self.source.slots[slot.index()].align;
                if align > 16 {
                    far.push(slot);
                    return;
                }
                let off = addr.off as i64 + self.frame.memory[slot.index()] as i64;
                match i32::try_from(off) {
                    Ok(off) => *addr = Addr { base: Base::Reg(Reg(0).into()), off },
                    Err(_) => failed = true,
                }
            }
        });
        if failed {
            return None;
        }
        for slot in far {
            let start = self.aligned(slot.0)?;
            inst.addrs_mut(|addr| {
                if addr.base == Base::Slot(slot) {
                    addr.base = Base::Reg(start.into());
                }
            });
        }
        Some(inst)
    }
    /// The address of a slot that wants more alignment than frames have: found as the interpreter finds it.
    fn aligned(&mut self, slot: u32) -> Option<Reg> {
        if let Some(&known) = self.slots.get(&slot) {
            return Some(known);
        }
        let align = self.source.slots[slot as usize].align as i64;
        let off = i32::try_from(self.frame.memory[slot as usize] as i64 + align - 1).ok()?;
        let end = self.temp(Ty::Ptr);
        self.code.push(Inst::AddrOf { dst: end, addr: Addr { base: Base::Reg(Reg(0).into()), off } });
        let mask = self.constant(Const { ty: Ty::I64, bits: (-align) as u64 });
        let (bits, masked, start) = (self.temp(Ty::I64), self.temp(Ty::I64), self.temp(Ty::Ptr));
        let cast = |from, to, dst, a: Reg| Inst::Conv { op: ConvOp::Bitcast, from, to, dst, a: a.into() };
        self.code.push(cast(Ty::Ptr, Ty::I64, bits, end));
        self.code.push(Inst::Bin { op: BinOp::And, ty: Ty::I64, dst: masked, a: bits.into(), b: mask });
        self.code.push(cast(Ty::I64, Ty::Ptr, start, masked));
        self.slots.insert(slot, start);
        Some(start)
    }
    /// What is loaded and assigned as well has more than one assignment now.
    fn mark_assigned_again(&mut self, reached: &[bool]) {
        for (index, block) in self.source.blocks.iter().enumerate().filter(|&(index, _)| reached[index]) {
            debug_assert!(index > 0, "nothing leads to the entry");
            for inst in &self.source.code[block.range()] {
                inst.defs(&self.source.pool, |reg| {
                    if self.state[reg.index()] == State::Made {
                        let reg = if reg == Reg(0) { self.moved } else { reg };
                        self.made.regs[reg.index()].mutable = true;
                    }
                });
            }
        }
    }
    /// Rewrites the blocks that are reached.
    fn rewrite(&mut self, reached: &[bool]) -> Option<()> {
        for index in (0..reached.len()).filter(|&index| reached[index]) {
            self.made.open(BlockId(index as u32));
            for at in self.made.blocks[index].range() {
                let inst = self.made.code[at];
                self.made.code[at] = self.translated(inst)?;
            }
            let mut term = std::mem::replace(&mut self.made.blocks[index].term, Term::Unreachable);
            let moved = self.moved;
            term.map_uses(&mut self.made.pool, |operand| match operand.as_reg() {
                Some(Reg(0)) => Operand::reg(moved),
                _ => operand,
            });
            if let Term::Return(list) = term {
                let values = self.made.list(list).to_vec();
                let loc = self.made.blocks[index].term_loc;
                for (slot, val) in values.into_iter().enumerate() {
                    let addr = Addr { base: Base::Reg(Reg(0).into()), off: slot as i32 * 8 };
                    let ty = self.source.sig.rets[slot];
                    self.made.append(BlockId(index as u32), Inst::Store { ty, addr, val }, loc);
                }
                term = Term::Return(sx_ir::List { start: 0, len: 0 });
            }
            self.made.blocks[index].term = term;
        }
        Some(())
    }
    fn finish(mut self, reached: &[bool]) -> Func {
        let loc = self.loc;
        for (block, _) in self.made.blocks.iter_mut().zip(reached).filter(|(_, reached)| !**reached) {
            *block = Block::empty(Term::Unreachable, loc);
        }
        self.made.blocks[0] = Block::empty(Term::Jump(self.entry.header), loc);
        for inst in std::mem::take(&mut self.code) {
            self.made.append(BlockId(0), inst, loc);
        }
        self.made.slots.clear();
        self.made.debug_vars.clear();
        self.made.name = Arc::clone(&self.source.name);
        self.made
    }
}

/// The blocks that a block leads to, with it; none if the entry is one.
fn reachable(func: &Func, from: BlockId) -> Option<Vec<bool>> {
    let mut reached = vec![false; func.blocks.len()];
    let mut stack = vec![from];
    while let Some(block) = stack.pop() {
        if !std::mem::replace(&mut reached[block.index()], true) {
            func.blocks[block.index()].term.successors(|to| stack.push(to));
        }
    }
    (!reached[0]).then_some(reached)
}

/// The registers whose values are read from a block on, before they are assigned.
fn live_at(func: &Func, header: BlockId, reached: &[bool]) -> Option<Vec<bool>> {
    let (blocks, words) = (func.blocks.len(), func.regs.len().div_ceil(64));
    if blocks * words * 64 > MAX_BITS {
        return None;
    }
    let (mut live, mut assigned) = (vec![0u64; blocks * words], vec![0u64; blocks * words]);
    for index in (0..blocks).filter(|&index| reached[index]) {
        let row = index * words;
        let mut read = |operand: Operand, assigned: &[u64]| {
            if let Some(reg) = operand.as_reg() {
                let (word, bit) = (row + reg.index() / 64, 1 << (reg.index() % 64));
                if assigned[word] & bit == 0 {
                    live[word] |= bit;
                }
            }
        };
        let block = &func.blocks[index];
        for inst in &func.code[block.range()] {
            inst.uses(&func.pool, |operand| read(operand, &assigned));
            inst.defs(&func.pool, |reg| assigned[row + reg.index() / 64] |= 1 << (reg.index() % 64));
        }
        block.term.uses(&func.pool, |operand| read(operand, &assigned));
    }
    let mut changed = true;
    while changed {
        changed = false;
        for index in (0..blocks).rev().filter(|&index| reached[index]) {
            let mut successors = Vec::new();
            func.blocks[index].term.successors(|to| successors.push(to.index()));
            for to in successors {
                for word in 0..words {
                    let more = live[to * words + word] & !assigned[index * words + word];
                    let place = &mut live[index * words + word];
                    changed |= more & !*place != 0;
                    *place |= more;
                }
            }
        }
    }
    let row = &live[header.index() * words..][..words];
    Some((0..func.regs.len()).map(|reg| row[reg / 64] >> (reg % 64) & 1 == 1).collect())
}
