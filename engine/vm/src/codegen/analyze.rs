//! What is emitted where: substitutions, instructions folded into others, constants.
//!
//! One walk in block order. Instructions are numbered in that order, each block's end included. An instruction is *absorbed* when
//! it emits nothing: nobody reads it, its value is another's (`subst`), or the one reader emits it as part of itself.

use super::order::{NONE, Order};
use super::uses::{is_pure, reads, term_reads, writes, written};
use crate::objects::Place;
use crate::program::Tables;
use rustc_hash::FxHashMap;
use sx_ir::{
    Addr, Base, BinOp, BlockId, Const, ConvOp, Func, Inst, Operand, Reg, Slot, SlotId, Term, Ty, UnOp,
};

/// Memory slots of the frame larger than this live behind the registers and windows, reached by byte offsets only.
pub(crate) const NEAR_SLOT_BYTES: u64 = 32 * 1024;

/// An instruction or the end of a block.
#[derive(Clone, Copy)]
pub(crate) enum Item<'a> {
    Inst(&'a Inst),
    Term(&'a Term),
}

/// A copy further than this from what it copies isn't made one with it.
const SINK_WINDOW: u32 = 64;

/// The outcome of the walk.
pub(crate) struct Analysis<'a> {
    pub func: &'a Func,
    pub order: Order,
    /// Instructions and ends of blocks, in order: places in the function's code, and blocks with [`TERM`].
    items: Vec<u32>,
    /// The number of each block's first item, and one more at the end.
    pub first: Vec<u32>,
    /// Emits nothing of its own.
    pub absorbed: Vec<bool>,
    /// The bounds check that an element access or address makes first, or [`NONE`].
    pub bounds: Vec<u32>,
    /// Blocks that poll as they end.
    pub polls: Vec<bool>,
    /// The addresses of shared data.
    data: FxHashMap<u32, Operand>,
    /// Where each temporary is defined, or [`NONE`].
    pub def: Vec<u32>,
    /// What stands for each register.
    pub subst: Vec<Operand>,
    /// The function's constants and those made here.
    pub consts: Vec<Const>,
    /// Reads that are left, of each register.
    pub uses: Vec<u32>,
    /// Registers whose bits above the width are known to be zero.
    zero_extended: Vec<bool>,
    /// What emitted items read, those of later ones first.
    needs: Vec<Operand>,
    /// Where those of each item end; they start where those of the next one end.
    needs_end: Vec<u32>,
}

/// Marks items that are the ends of blocks.
const TERM: u32 = 1 << 31;

/// Room that functions share.
#[derive(Default)]
pub(crate) struct Room {
    order: Order,
    items: Vec<u32>,
    first: Vec<u32>,
    absorbed: Vec<bool>,
    bounds: Vec<u32>,
    polls: Vec<bool>,
    data: FxHashMap<u32, Operand>,
    def: Vec<u32>,
    subst: Vec<Operand>,
    consts: Vec<Const>,
    uses: Vec<u32>,
    zero_extended: Vec<bool>,
    written: Vec<u32>,
    left: Vec<u32>,
    needs: Vec<Operand>,
    needs_end: Vec<u32>,
}

/// A list of `len` times the same in the room of an older one.
pub(super) fn filled<T: Clone>(room: &mut Vec<T>, len: usize, value: T) -> Vec<T> {
    let mut list = std::mem::take(room);
    list.clear();
    list.resize(len, value);
    list
}

/// Progress inside a block.
struct Local {
    /// The last item that wrote each mutable register.
    written: Vec<u32>,
    /// Items up to this one mustn't be passed by checks.
    barrier: u32,
    /// The last bounds check.
    bounds: u32,
    /// The last null check.
    null_check: u32,
    start: u32,
}

impl<'a> Analysis<'a> {
    pub fn new(func: &'a Func, tables: &Tables, room: &mut Room) -> Result<Analysis<'a>, String> {
        let mut order = std::mem::take(&mut room.order);
        order.compute(func);
        let mut items = filled(&mut room.items, 0, 0);
        let mut first = filled(&mut room.first, 0, 0);
        for &id in &order.blocks {
            let block = &func.blocks[id.index()];
            first.push(items.len() as u32);
            items.extend(block.start..block.end);
            items.push(id.0 | TERM);
        }
        first.push(items.len() as u32);
        let regs = func.regs.len();
        let mut subst = filled(&mut room.subst, 0, Operand::reg(Reg(0)));
        subst.extend((0..regs as u32).map(|reg| Operand::reg(Reg(reg))));
        let mut consts = std::mem::take(&mut room.consts);
        consts.clear();
        consts.extend_from_slice(&func.consts);
        let mut data = std::mem::take(&mut room.data);
        data.clear();
        let mut analysis = Analysis {
            func,
            first,
            absorbed: filled(&mut room.absorbed, items.len(), false),
            bounds: filled(&mut room.bounds, items.len(), NONE),
            items,
            polls: filled(&mut room.polls, order.blocks.len(), false),
            order,
            data,
            def: filled(&mut room.def, regs, NONE),
            subst,
            consts,
            uses: filled(&mut room.uses, regs, 0),
            zero_extended: filled(&mut room.zero_extended, regs, false),
            needs: filled(&mut room.needs, 0, Operand::reg(Reg(0))),
            needs_end: filled(&mut room.needs_end, 0, 0),
        };
        analysis.count_uses();
        let mut local = Local {
            written: filled(&mut room.written, regs, NONE),
            barrier: 0,
            bounds: NONE,
            null_check: NONE,
            start: 0,
        };
        for block in 0..analysis.order.blocks.len() {
            let (start, end) = (analysis.first[block], analysis.first[block + 1]);
            local.start = start;
            local.barrier = start;
            local.bounds = NONE;
            local.null_check = NONE;
            for number in start..end {
                analysis.step(tables, number, &mut local)?;
            }
            analysis.absorb_poll(block);
        }
        room.written = local.written;
        analysis.drop_unused(room);
        Ok(analysis)
    }
    /// Leaves its room to the next function.
    pub fn leave(self, room: &mut Room) {
        let Analysis { order, items, first, absorbed, bounds, polls, data, def, subst, consts, uses, .. } =
            self;
        let (zero_extended, needs, needs_end) = (self.zero_extended, self.needs, self.needs_end);
        let (written, left) = (std::mem::take(&mut room.written), std::mem::take(&mut room.left));
        *room = Room {
            order,
            items,
            first,
            absorbed,
            bounds,
            polls,
            data,
            def,
            subst,
            consts,
            uses,
            zero_extended,
            written,
            left,
            needs,
            needs_end,
        };
    }
    /// An item by its number.
    #[inline]
    pub fn item(&self, number: u32) -> Item<'a> {
        let item = self.items[number as usize];
        if item & TERM == 0 {
            Item::Inst(&self.func.code[item as usize])
        } else {
            Item::Term(&self.func.blocks[(item & !TERM) as usize].term)
        }
    }
    fn count_uses(&mut self) {
        let func = self.func;
        let uses = &mut self.uses;
        let mut count = |operand: Operand| {
            if let Some(reg) = operand.as_reg() {
                uses[reg.index()] += 1;
            }
        };
        for block in &self.order.blocks {
            let block = &func.blocks[block.index()];
            func.code[block.range()].iter().for_each(|inst| reads(func, inst, &mut count));
            term_reads(func, &block.term, &mut count);
        }
    }
    /// True when an item checks an index, or the bounds of a slice, that was unsigned, itself or for a check that it took in.
    pub fn checks_unsigned(&self, number: u32) -> bool {
        let check = match self.bounds[number as usize] {
            NONE => number,
            check => check,
        };
        matches!(
            self.item(check),
            Item::Inst(Inst::Bounds { unsigned: true, .. } | Inst::SliceBounds { unsigned: true, .. })
        )
    }
    /// What stands for an operand.
    #[inline]
    pub fn resolve(&self, operand: Operand) -> Operand {
        match operand.as_reg() {
            Some(reg) => self.subst[reg.index()],
            None => operand,
        }
    }
    /// The constant that stands for an operand.
    pub fn constant(&self, operand: Operand) -> Option<Const> {
        self.resolve(operand).as_const().map(|index| self.consts[index as usize])
    }
    /// The instruction that defines what stands for an operand, if it is a temporary.
    pub fn definition(&self, operand: Operand) -> Option<(u32, &'a Inst)> {
        let number = self.def[self.resolve(operand).as_reg()?.index()];
        let &item = self.items.get(number as usize)?;
        (item & TERM == 0).then(|| (number, &self.func.code[item as usize]))
    }
    /// The branch of a block that emits nothing but a branch.
    pub fn bare_branch(&self, block: BlockId) -> Option<(Operand, BlockId, BlockId)> {
        let position = self.order.position[block.index()] as usize;
        let (first, end) = (self.first[position], self.first[position + 1] - 1);
        if self.polls[position] || (first..end).any(|number| !self.absorbed[number as usize]) {
            return None;
        }
        match &self.func.blocks[block.index()].term {
            Term::Branch { cond, then, else_ } => Some((*cond, *then, *else_)),
            _ => None,
        }
    }
    /// The frame place that an operand is the address of.
    pub fn frame_place(&self, operand: Operand) -> Option<(SlotId, i32)> {
        match self.definition(operand)?.1 {
            Inst::AddrOf { addr: Addr { base: Base::Slot(slot), off }, .. } if self.is_plain(*slot) => {
                Some((*slot, *off))
            }
            _ => None,
        }
    }
    /// True when the slot's address is a constant distance from the frame.
    pub fn is_plain(&self, slot: SlotId) -> bool {
        self.func.slots[slot.index()].align <= 16
    }
    fn mutable(&self, reg: Reg) -> bool {
        self.func.regs[reg.index()].mutable
    }
    fn single_use(&self, operand: Operand) -> bool {
        operand.as_reg().is_some_and(|reg| self.uses[reg.index()] == 1 && !self.mutable(reg))
    }
    /// True when everything that an earlier item of this block reads is still the same.
    fn stable(&self, number: u32, inst: &Inst, local: &Local) -> bool {
        let mut stable = number >= local.start;
        reads(self.func, inst, |operand| {
            if let Some(reg) = self.resolve(operand).as_reg()
                && self.mutable(reg)
            {
                let written = local.written[reg.index()];
                stable &= written == NONE || written < number;
            }
        });
        stable
    }
    fn step(&mut self, tables: &Tables, number: u32, local: &mut Local) -> Result<(), String> {
        match self.item(number) {
            Item::Term(term) => {
                if let Term::Branch { cond, .. } = term {
                    self.absorb_condition(*cond, local);
                }
            }
            Item::Inst(inst) => {
                self.fold(tables, number, inst, local)?;
                self.note_effects(number, inst, local);
            }
        }
        Ok(())
    }
    /// Where registers are written, and what checks mustn't pass.
    fn note_effects(&mut self, number: u32, inst: &Inst, local: &mut Local) {
        let mut write = |reg: Reg| {
            if self.func.regs[reg.index()].mutable {
                local.written[reg.index()] = number;
            } else {
                self.def[reg.index()] = number;
            }
        };
        match inst {
            Inst::Load { dst, .. } => {
                write(*dst);
                local.barrier = number;
            }
            Inst::Store { .. } => local.barrier = number,
            Inst::Bounds { .. } | Inst::NullCheck { .. } => {}
            _ => {
                writes(self.func, inst, write);
                if !is_pure(inst) {
                    local.barrier = number;
                    local.bounds = NONE;
                    local.null_check = NONE;
                }
            }
        }
    }
    /// Gives the address of shared data the shape of a constant.
    fn place_data(&mut self, tables: &Tables, number: u32, dst: Reg, addr: &Addr) -> Result<(), String> {
        let shared = self.place_addr(tables, addr)?;
        if let Some(address) = shared
            && !self.mutable(dst)
        {
            let by = self.new_const(Ty::Ptr, address.wrapping_add(addr.off as i64 as u64));
            self.subst[dst.index()] = by;
            self.absorbed[number as usize] = true;
        }
        Ok(())
    }
    /// The address that an address counts from, if all instances share it.
    #[inline]
    fn place_addr(&mut self, tables: &Tables, addr: &Addr) -> Result<Option<u64>, String> {
        match addr.base {
            Base::Data(id) => self.place_shared(tables, id),
            Base::Global(_) | Base::Reg(_) | Base::Slot(_) => Ok(None),
        }
    }
    fn place_shared(&mut self, tables: &Tables, id: sx_ir::DataId) -> Result<Option<u64>, String> {
        match tables.objects.data_place(id)? {
            Place::Shared(address) => {
                if !self.data.contains_key(&id.0) {
                    let operand = self.new_const(Ty::Ptr, address as u64);
                    self.data.insert(id.0, operand);
                }
                Ok(Some(address as u64))
            }
            Place::Object(_) => Ok(None),
        }
    }
    /// The address of shared data, as a constant.
    pub fn shared_data(&self, id: sx_ir::DataId) -> Option<Operand> {
        self.data.get(&id.0).copied()
    }
    fn new_const(&mut self, ty: Ty, bits: u64) -> Operand {
        self.consts.push(Const { ty, bits });
        Operand::constant(self.consts.len() as u32 - 1)
    }
    /// Makes an item disappear in favour of another value.
    fn substitute(&mut self, number: u32, dst: Reg, by: Operand) {
        let by = self.resolve(by);
        self.subst[dst.index()] = by;
        self.absorbed[number as usize] = true;
        if let Some(reg) = by.as_reg() {
            self.uses[reg.index()] += self.uses[dst.index()];
            self.uses[reg.index()] = self.uses[reg.index()].saturating_sub(1);
        }
    }
    fn fold(
        &mut self,
        tables: &Tables,
        number: u32,
        inst: &'a Inst,
        local: &mut Local,
    ) -> Result<(), String> {
        match inst {
            Inst::Copy { dst, src } => self.fold_copy(number, *dst, *src, local),
            Inst::Conv { to: Ty::Vec(_), .. } => {}
            Inst::Conv { op, dst, a, to, .. } => self.fold_conversion(number, *op, *to, *dst, *a),
            Inst::Cmp { dst, .. } => self.zero_extended[dst.index()] = true,
            Inst::Un { op: UnOp::BoolNot, dst, .. } => self.zero_extended[dst.index()] = true,
            Inst::Load { ty, dst, addr } => {
                self.place_addr(tables, addr)?;
                self.zero_extended[dst.index()] = !ty.is_float() && !self.mutable(*dst);
                self.fold_access(number, *ty, addr, local);
            }
            Inst::Store { ty, addr, .. } => {
                self.place_addr(tables, addr)?;
                self.fold_access(number, *ty, addr, local);
            }
            Inst::MemZero { dst, .. } => _ = self.place_addr(tables, dst)?,
            Inst::MemCopy { dst, src, .. } => {
                self.place_addr(tables, dst)?;
                self.place_addr(tables, src)?;
            }
            Inst::AddrOf { addr, dst } => self.place_data(tables, number, *dst, addr)?,
            Inst::FuncAddr { dst, func } if !self.mutable(*dst) => {
                self.subst[dst.index()] = self.new_const(Ty::Ptr, func.0 as u64 + 1);
                self.absorbed[number as usize] = true;
            }
            Inst::Bounds { .. } => local.bounds = number,
            Inst::NullCheck { .. } => local.null_check = number,
            Inst::Index { index, .. } => self.fold_index(number, *index, local),
            Inst::Check { cond, .. } => self.absorb_condition(*cond, local),
            Inst::Bin { op: BinOp::Or, ty, a, b, .. } => self.fold_rotation(*ty, *a, *b, local),
            Inst::Bin { op: BinOp::And, ty, a, b, .. } if ty.vector().is_none() => {
                self.fold_complement(*a, *b, local);
            }
            _ => {}
        }
        Ok(())
    }
    /// The instruction that defines a temporary which nothing else reads, if it can move here.
    fn movable(&self, operand: Operand, local: &Local) -> Option<(u32, &'a Inst)> {
        let (def, inst) = self.definition(operand)?;
        let movable = self.single_use(self.resolve(operand))
            && !self.absorbed[def as usize]
            && self.stable(def, inst, local);
        movable.then_some((def, inst))
    }
    /// `x >> n | x << (width - n)` is a rotation.
    fn fold_rotation(&mut self, ty: Ty, a: Operand, b: Operand, local: &Local) {
        let (Some((left, left_inst)), Some((right, right_inst))) =
            (self.movable(a, local), self.movable(b, local))
        else {
            return;
        };
        if left != right && self.shifts(ty, left_inst, right_inst).is_some() {
            self.absorbed[left as usize] = true;
            self.absorbed[right as usize] = true;
        }
    }
    /// The rotated operand and the distance to the right, if the two instructions shift the two parts of a rotation.
    fn shifts(&self, ty: Ty, one: &Inst, other: &Inst) -> Option<(Operand, u32)> {
        let width = ty.size(8) * 8;
        let part = |inst: &Inst| match *inst {
            Inst::Bin { op: op @ (BinOp::Shl | BinOp::UShr), ty: shifted, a, b, .. }
                if shifted == ty && width >= 32 =>
            {
                Some((op, self.resolve(a), self.constant(b)?.bits as u32 & (width - 1)))
            }
            _ => None,
        };
        let ((op, x, n), (other_op, y, m)) = (part(one)?, part(other)?);
        let distance = if op == BinOp::UShr { n } else { m };
        (op != other_op && x == y && x.as_reg().is_some() && n + m == width).then_some((x, distance))
    }
    /// What an `or` rotates and how far to the right, if it was folded to a rotation.
    pub fn rotation(&self, ty: Ty, a: Operand, b: Operand) -> Option<(Operand, u32)> {
        let ((left, one), (right, other)) = (self.definition(a)?, self.definition(b)?);
        if self.absorbed[left as usize] && self.absorbed[right as usize] {
            self.shifts(ty, one, other)
        } else {
            None
        }
    }
    /// `x & ~y` is one instruction.
    fn fold_complement(&mut self, a: Operand, b: Operand, local: &Local) {
        for operand in [b, a] {
            if let Some((def, Inst::Un { op: UnOp::Not, a, .. })) = self.movable(operand, local)
                && self.resolve(*a).as_reg().is_some()
            {
                self.absorbed[def as usize] = true;
                return;
            }
        }
    }
    /// The operand under a complement that was folded into an `and`.
    pub fn complement(&self, operand: Operand) -> Option<Operand> {
        match self.definition(operand)? {
            (def, Inst::Un { op: UnOp::Not, a, .. }) if self.absorbed[def as usize] => Some(*a),
            _ => None,
        }
    }
    /// True for a temporary's copy whose source can't change.
    fn fold_copy(&mut self, number: u32, dst: Reg, src: Operand, local: &Local) {
        let resolved = self.resolve(src);
        match resolved.as_reg() {
            _ if self.mutable(dst) => self.sink_copy(number, dst, src, local),
            Some(reg) if self.mutable(reg) => {}
            _ => {
                self.zero_extended[dst.index()] =
                    src.as_reg().is_some_and(|reg| self.zero_extended[reg.index()]);
                self.substitute(number, dst, src);
            }
        }
    }
    /// `t = …; x = t`: the instruction writes `x` at once, if nothing looked at `x` in between.
    fn sink_copy(&mut self, number: u32, dst: Reg, src: Operand, local: &Local) {
        let Some(reg) = self.resolve(src).as_reg() else { return };
        if self.resolve(src) != src || self.mutable(reg) || self.uses[reg.index()] != 1 {
            return;
        }
        let def = self.def[reg.index()];
        if def == NONE
            || def < local.start
            || self.absorbed[def as usize]
            || reg.index() < self.func.sig.params.len()
        {
            return;
        }
        let written = local.written[dst.index()];
        if written != NONE && written >= def
            || number - def > SINK_WINDOW
            || self.reads_between(def, number, dst)
        {
            return;
        }
        self.subst[reg.index()] = Operand::reg(dst);
        self.absorbed[number as usize] = true;
    }
    /// True when an item between two others reads a register, itself or through what it absorbed.
    fn reads_between(&self, after: u32, before: u32, reg: Reg) -> bool {
        let mut any = false;
        for number in (after + 1..before).filter(|&number| !self.absorbed[number as usize]) {
            self.find_needs(number, &mut |operand| any |= operand == Operand::reg(reg));
        }
        any
    }
    fn fold_conversion(&mut self, number: u32, op: ConvOp, to: Ty, dst: Reg, a: Operand) {
        if self.mutable(dst) {
            return;
        }
        let source = self.resolve(a).as_reg();
        let fixed = source.is_some_and(|reg| !self.mutable(reg));
        let zero_above = a.as_reg().is_some_and(|reg| self.zero_extended[reg.index()]);
        match op {
            ConvOp::Trunc | ConvOp::Bitcast if fixed => {
                self.zero_extended[dst.index()] = op == ConvOp::Bitcast && zero_above && !to.is_float();
                self.substitute(number, dst, a);
            }
            ConvOp::Zext => {
                self.zero_extended[dst.index()] = true;
                if fixed && zero_above {
                    self.substitute(number, dst, a);
                }
            }
            _ => {}
        }
        if let (ConvOp::Trunc | ConvOp::Bitcast | ConvOp::Zext, Some(value)) = (op, self.constant(a)) {
            let mask = match to {
                Ty::I8 => 0xff,
                Ty::I16 => 0xffff,
                Ty::I32 | Ty::F32 => 0xffff_ffff,
                Ty::I64 | Ty::F64 | Ty::Ptr | Ty::Vec(_) => u64::MAX,
            };
            let by = self.new_const(to, value.bits & mask);
            self.subst[dst.index()] = by;
            self.absorbed[number as usize] = true;
        }
    }
    /// The bounds check right before an element's address is made with it.
    fn fold_index(&mut self, number: u32, index: Operand, local: &Local) {
        if local.bounds == NONE || local.bounds < local.barrier {
            return;
        }
        if let Item::Inst(check @ Inst::Bounds { index: checked, len, .. }) = self.item(local.bounds)
            && self.resolve(*checked) == self.resolve(index)
            && self.constant(*checked).is_none()
            && self.constant(*len).is_none_or(|len| len.bits <= u32::MAX as u64)
            && !self.absorbed[local.bounds as usize]
            && self.stable(local.bounds, check, local)
        {
            self.absorbed[local.bounds as usize] = true;
            self.bounds[number as usize] = local.bounds;
        }
    }
    /// An access takes in the address that only it uses, and the checks before it.
    fn fold_access(&mut self, number: u32, ty: Ty, addr: &Addr, local: &mut Local) {
        let Base::Reg(base) = addr.base else { return };
        if local.null_check != NONE && local.null_check >= local.barrier {
            if let Item::Inst(Inst::NullCheck { ptr }) = self.item(local.null_check)
                && self.resolve(*ptr) == self.resolve(base)
                && self.resolve(base).as_reg().is_some_and(|reg| {
                    let written = local.written[reg.index()];
                    !self.mutable(reg) || written == NONE || written < local.null_check
                })
            {
                self.absorbed[local.null_check as usize] = true;
            }
            local.null_check = NONE;
        }
        if ty.vector().is_some() {
            return;
        }
        let Some((def, inst @ Inst::Index { base: array, index, stride, .. })) = self.definition(base) else {
            return;
        };
        if !self.single_use(self.resolve(base))
            || self.absorbed[def as usize]
            || !self.stable(def, inst, local)
        {
            return;
        }
        if self.constant(*index).is_some() || self.constant(*array).is_some_and(|array| array.bits < 4096) {
            return;
        }
        let scaled = *stride == ty.size(8) && addr.off == 0;
        let check = self.bounds[def as usize];
        if check == NONE {
            if scaled {
                self.absorbed[def as usize] = true;
            }
            return;
        }
        let Item::Inst(check_inst @ Inst::Bounds { len, .. }) = self.item(check) else { return };
        if check < local.barrier || !self.stable(check, check_inst, local) {
            return;
        }
        let general = i16::try_from(addr.off).is_ok()
            && self.constant(*len).is_none()
            && self.frame_place(*array).is_none();
        let in_frame_with_len_const = self.frame_place(*array).is_some() && self.constant(*len).is_some();
        let plain = scaled && (self.frame_place(*array).is_none() || in_frame_with_len_const);
        if plain || general {
            self.absorbed[def as usize] = true;
            self.bounds[number as usize] = check;
        }
    }
    /// A condition that only a branch or check reads becomes part of it.
    fn absorb_condition(&mut self, cond: Operand, local: &Local) {
        let mut cond = cond;
        while self.single_use(self.resolve(cond)) {
            let Some((def, inst)) = self.definition(cond) else { return };
            if self.absorbed[def as usize] || !self.stable(def, inst, local) {
                return;
            }
            match inst {
                Inst::Cmp { .. } => {
                    self.absorbed[def as usize] = true;
                    return;
                }
                Inst::Un { op: UnOp::BoolNot, a, .. } => {
                    self.absorbed[def as usize] = true;
                    cond = *a;
                }
                _ => return,
            }
        }
    }
    /// A poll before a block's jump or branch is emitted with it; what only computes may stand between.
    fn absorb_poll(&mut self, block: usize) {
        let (start, end) = (self.first[block], self.first[block + 1] - 1);
        if !matches!(self.item(end), Item::Term(Term::Jump(_) | Term::Branch { .. })) {
            return;
        }
        for before in (start..end).rev() {
            match self.item(before) {
                Item::Inst(Inst::Poll) => {
                    self.absorbed[before as usize] = true;
                    self.polls[block] = true;
                    return;
                }
                Item::Inst(inst) if is_pure(inst) => {}
                _ => return,
            }
        }
    }
    /// Absorbs what nobody reads, transitively, and lists what the rest needs.
    fn drop_unused(&mut self, room: &mut Room) {
        let mut uses = filled(&mut room.left, self.uses.len(), 0);
        let mut needs = std::mem::take(&mut self.needs);
        self.needs_end.resize(self.items.len() + 1, 0);
        for number in (0..self.items.len() as u32).rev() {
            if let Item::Inst(inst) = self.item(number)
                && is_pure(inst)
                && !self.absorbed[number as usize]
                && self.bounds[number as usize] == NONE
                && let Some(dst) = written(inst)
                && !self.mutable(dst)
                && self.subst[dst.index()] == Operand::reg(dst)
                && uses[dst.index()] == 0
            {
                self.absorbed[number as usize] = true;
            }
            if !self.absorbed[number as usize] {
                self.find_needs(number, &mut |operand| {
                    needs.push(operand);
                    if let Some(reg) = operand.as_reg() {
                        uses[reg.index()] += 1;
                    }
                });
            }
            self.needs_end[number as usize] = needs.len() as u32;
        }
        self.needs = needs;
        room.left = std::mem::replace(&mut self.uses, uses);
    }
    /// Everything that an emitted item reads, what it absorbed included; substituted.
    pub fn needs(&self, number: u32) -> &[Operand] {
        let number = number as usize;
        &self.needs[self.needs_end[number + 1] as usize..self.needs_end[number] as usize]
    }
    fn find_needs(&self, number: u32, f: &mut impl FnMut(Operand)) {
        match self.item(number) {
            Item::Inst(inst) => self.inst_needs(number, inst, f),
            Item::Term(term) => term_reads(self.func, term, |operand| self.operand_needs(operand, f)),
        }
    }
    fn inst_needs(&self, number: u32, inst: &Inst, f: &mut impl FnMut(Operand)) {
        let check = self.bounds[number as usize];
        if check != NONE
            && let Item::Inst(Inst::Bounds { len, .. }) = self.item(check)
        {
            self.operand_needs(*len, f);
        }
        match inst {
            Inst::Load { addr, .. } => self.access_needs(addr, f),
            Inst::Store { addr, val, .. } => {
                self.access_needs(addr, f);
                self.operand_needs(*val, f);
            }
            Inst::MemCopy { dst, src, .. } => {
                self.place_needs(dst, f);
                self.place_needs(src, f);
            }
            Inst::MemZero { dst, .. } => self.place_needs(dst, f),
            _ => reads(self.func, inst, |operand| self.operand_needs(operand, f)),
        }
    }
    /// What a load or store needs: a place in the frame needs no address.
    fn access_needs(&self, addr: &Addr, f: &mut impl FnMut(Operand)) {
        if let Base::Reg(base) = addr.base
            && self.frame_place(base).is_some()
        {
            return;
        }
        self.place_needs(addr, f);
    }
    fn place_needs(&self, addr: &Addr, f: &mut impl FnMut(Operand)) {
        match addr.base {
            Base::Reg(base) => self.operand_needs(base, f),
            Base::Data(id) => {
                if let Some(address) = self.shared_data(id) {
                    f(address);
                }
            }
            Base::Slot(_) | Base::Global(_) => {}
        }
    }
    #[inline]
    fn operand_needs(&self, operand: Operand, f: &mut impl FnMut(Operand)) {
        let operand = self.resolve(operand);
        match operand.as_reg().map(|reg| self.def[reg.index()]) {
            Some(def) if self.absorbed.get(def as usize) == Some(&true) => {
                self.absorbed_needs(def, operand, f)
            }
            _ => f(operand),
        }
    }
    /// What an operand needs whose definition emits nothing.
    fn absorbed_needs(&self, def: u32, operand: Operand, f: &mut impl FnMut(Operand)) {
        let Item::Inst(inst) = self.item(def) else { return f(operand) };
        match inst {
            Inst::Index { base, index, .. } => {
                if self.frame_place(*base).is_none() {
                    self.operand_needs(*base, f);
                }
                self.operand_needs(*index, f);
            }
            _ => reads(self.func, inst, |operand| self.operand_needs(operand, f)),
        }
    }
    /// The slot's declaration.
    pub fn slot(&self, slot: SlotId) -> Slot {
        self.func.slots[slot.index()]
    }
}
