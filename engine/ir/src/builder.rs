//! Builds a function block by block; what lowering and passes write with.

use crate::func::*;
use crate::ids::*;
use crate::vector::VecTy;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The lists that a function was built in, for the next one: functions are many and small.
#[derive(Debug, Default)]
pub struct Room {
    regs: Vec<RegInfo>,
    slots: Vec<Slot>,
    consts: Vec<Const>,
    pool: Vec<Operand>,
    code: Vec<Inst>,
    code_locs: Vec<LocId>,
    blocks: Vec<Block>,
    locs: Vec<SrcLoc>,
    debug_vars: Vec<DebugVar>,
    numbers: FxHashMap<Const, u32>,
    terminated: Vec<bool>,
}

/// A function under construction.
#[derive(Debug)]
pub struct Builder {
    func: Func,
    consts: FxHashMap<Const, u32>,
    current: BlockId,
    terminated: Vec<bool>,
    /// File and offset of what follows, and its number once something stands there.
    place: (u32, u32),
    loc: Option<LocId>,
}

impl Builder {
    /// Starts a function: its parameters become the first registers, its entry block is current.
    pub fn new(name: impl Into<Arc<str>>, sig: Signature, conv: CallConv) -> Builder {
        Builder::with_room(name, sig, conv, Room::default())
    }
    /// As [`Builder::new`], in the room of an earlier function.
    pub fn with_room(name: impl Into<Arc<str>>, sig: Signature, conv: CallConv, room: Room) -> Builder {
        let name = name.into();
        let Room {
            mut regs,
            slots,
            consts,
            pool,
            code,
            code_locs,
            blocks,
            locs,
            debug_vars,
            numbers,
            terminated,
        } = room;
        regs.extend(sig.params.iter().map(|&ty| RegInfo { ty, mutable: false }));
        let func = Func {
            scopes: vec![name.clone()],
            name,
            sig,
            conv,
            c_sig: None,
            inline: false,
            regs,
            slots,
            consts,
            pool,
            code,
            code_locs,
            blocks,
            locs,
            debug_vars,
        };
        let mut builder =
            Builder { func, consts: numbers, current: BlockId(0), terminated, place: (0, 0), loc: None };
        let entry = builder.block();
        builder.switch_to(entry);
        builder
    }
    /// The function so far.
    pub fn func(&self) -> &Func {
        &self.func
    }
    /// The function so far, to set names and flags.
    pub fn func_mut(&mut self) -> &mut Func {
        &mut self.func
    }
    /// The register of the `index`th parameter.
    pub fn param(&self, index: usize) -> Reg {
        assert!(index < self.func.sig.params.len(), "parameter {index} of {}", self.func.name);
        Reg(index as u32)
    }
    /// The position of the instructions that follow.
    pub fn set_loc(&mut self, file: u32, offset: u32) {
        if self.place != (file, offset) {
            self.place = (file, offset);
            self.loc = None;
        }
    }
    /// The number of the current position. Most positions that are told have nothing standing there.
    #[inline]
    fn loc(&mut self) -> LocId {
        match self.loc {
            Some(loc) => loc,
            None => self.new_loc(),
        }
    }
    fn new_loc(&mut self) -> LocId {
        let (file, offset) = self.place;
        let loc = LocId(self.func.locs.len() as u32);
        self.func.locs.push(SrcLoc { file, offset, inlined_at: None, scope: 0 });
        self.loc = Some(loc);
        loc
    }
    /// A new temporary.
    pub fn temp(&mut self, ty: Ty) -> Reg {
        self.func.regs.push(RegInfo { ty, mutable: false });
        Reg(self.func.regs.len() as u32 - 1)
    }
    /// A new mutable register.
    pub fn var(&mut self, ty: Ty) -> Reg {
        self.func.regs.push(RegInfo { ty, mutable: true });
        Reg(self.func.regs.len() as u32 - 1)
    }
    /// A new slot.
    pub fn slot(&mut self, size: u32, align: u32) -> SlotId {
        debug_assert!(align.is_power_of_two(), "slot alignment {align}");
        self.func.slots.push(Slot { size, align });
        SlotId(self.func.slots.len() as u32 - 1)
    }
    /// A constant operand.
    pub fn constant(&mut self, ty: Ty, bits: u64) -> Operand {
        let bits = match ty {
            Ty::I8 => bits & 0xff,
            Ty::I16 => bits & 0xffff,
            Ty::I32 | Ty::F32 => bits & 0xffff_ffff,
            Ty::I64 | Ty::F64 | Ty::Ptr => bits,
            Ty::Vec(_) => panic!("there are no constants of vectors"),
        };
        let key = Const { ty, bits };
        let func = &mut self.func;
        let index = *self.consts.entry(key).or_insert_with(|| {
            func.consts.push(key);
            func.consts.len() as u32 - 1
        });
        Operand::constant(index)
    }
    /// An `I64` constant.
    pub fn i64(&mut self, value: i64) -> Operand {
        self.constant(Ty::I64, value as u64)
    }
    /// An `I8` constant of 0 or 1.
    pub fn bool(&mut self, value: bool) -> Operand {
        self.constant(Ty::I8, value as u64)
    }
    /// The null address.
    pub fn null(&mut self) -> Operand {
        self.constant(Ty::Ptr, 0)
    }
    /// A list of operands in the pool.
    pub fn list(&mut self, operands: impl IntoIterator<Item = Operand>) -> List {
        let start = self.func.pool.len() as u32;
        self.func.pool.extend(operands);
        List { start, len: self.func.pool.len() as u32 - start }
    }
    /// A new block, not current. It must be ended before the function is finished.
    pub fn block(&mut self) -> BlockId {
        let loc = self.loc();
        self.func.blocks.push(Block::empty(Term::Unreachable, loc));
        self.terminated.push(false);
        BlockId(self.func.blocks.len() as u32 - 1)
    }
    /// Instructions go to `block` from here on.
    pub fn switch_to(&mut self, block: BlockId) {
        debug_assert!(!self.terminated[block.index()], "{block} was ended already");
        self.current = block;
    }
    /// The current block.
    pub fn current(&self) -> BlockId {
        self.current
    }
    /// True once the current block has its end: what follows in the source can't be reached.
    pub fn is_terminated(&self) -> bool {
        self.terminated[self.current.index()]
    }
    /// Appends an instruction; dropped when the current block has ended.
    pub fn push(&mut self, inst: Inst) {
        if self.is_terminated() {
            return;
        }
        let loc = self.loc();
        self.func.append(self.current, inst, loc);
    }
    /// Ends the current block; dropped when it has ended already.
    pub fn terminate(&mut self, term: Term) {
        if self.is_terminated() {
            return;
        }
        let loc = self.loc();
        let block = &mut self.func.blocks[self.current.index()];
        block.term = term;
        block.term_loc = loc;
        self.terminated[self.current.index()] = true;
    }
    /// Ends the current block with a jump.
    pub fn jump(&mut self, to: BlockId) {
        self.terminate(Term::Jump(to));
    }
    /// Ends the current block with a branch.
    pub fn branch(&mut self, cond: Operand, then: BlockId, else_: BlockId) {
        self.terminate(Term::Branch { cond, then, else_ });
    }
    /// `a op b` in a new temporary.
    pub fn bin(&mut self, op: BinOp, ty: Ty, a: Operand, b: Operand) -> Operand {
        let dst = self.temp(ty);
        self.push(Inst::Bin { op, ty, dst, a, b });
        dst.into()
    }
    /// `op a` in a new temporary.
    pub fn un(&mut self, op: UnOp, ty: Ty, a: Operand) -> Operand {
        let dst = self.temp(ty);
        self.push(Inst::Un { op, ty, dst, a });
        dst.into()
    }
    /// A comparison in a new temporary: an `I8`, or of vectors as many lanes of it.
    pub fn cmp(&mut self, op: CmpOp, ty: Ty, a: Operand, b: Operand) -> Operand {
        let dst = self.temp(ty.with_lane(Ty::I8));
        self.push(Inst::Cmp { op, ty, dst, a, b });
        dst.into()
    }
    /// A vector whose lanes are all `a`, in a new temporary.
    pub fn splat(&mut self, ty: VecTy, a: Operand) -> Operand {
        let dst = self.temp(Ty::Vec(ty));
        self.push(Inst::Splat { ty, dst, a });
        dst.into()
    }
    /// A lane of a vector in a new temporary.
    pub fn lane(&mut self, ty: VecTy, a: Operand, lane: u8) -> Operand {
        let dst = self.temp(ty.lane.ty());
        self.push(Inst::Lane { ty, dst, a, lane });
        dst.into()
    }
    /// A vector with one lane changed, in a new temporary.
    pub fn set_lane(&mut self, ty: VecTy, a: Operand, val: Operand, lane: u8) -> Operand {
        let dst = self.temp(Ty::Vec(ty));
        self.push(Inst::SetLane { ty, dst, a, val, lane });
        dst.into()
    }
    /// A conversion in a new temporary.
    pub fn conv(&mut self, op: ConvOp, from: Ty, to: Ty, a: Operand) -> Operand {
        let dst = self.temp(to);
        self.push(Inst::Conv { op, from, to, dst, a });
        dst.into()
    }
    /// A load into a new temporary.
    pub fn load(&mut self, ty: Ty, addr: Addr) -> Operand {
        let dst = self.temp(ty);
        self.push(Inst::Load { ty, dst, addr });
        dst.into()
    }
    /// A store.
    pub fn store(&mut self, ty: Ty, addr: Addr, val: Operand) {
        self.push(Inst::Store { ty, addr, val });
    }
    /// The address of a place as an operand.
    pub fn addr_of(&mut self, addr: Addr) -> Operand {
        if let Addr { base: Base::Reg(base), off: 0 } = addr {
            return base;
        }
        let dst = self.temp(Ty::Ptr);
        self.push(Inst::AddrOf { dst, addr });
        dst.into()
    }
    /// `base + index * stride` as an operand.
    pub fn index(&mut self, base: Operand, index: Operand, stride: u32) -> Operand {
        let dst = self.temp(Ty::Ptr);
        self.push(Inst::Index { dst, base, index, stride });
        dst.into()
    }
    /// A call; its results are new temporaries.
    pub fn call(&mut self, callee: Callee, args: &[Operand], rets: &[Ty]) -> Vec<Operand> {
        let results: Vec<Operand> = rets.iter().map(|&ty| self.temp(ty).into()).collect();
        let args = self.list(args.iter().copied());
        let rets = self.list(results.iter().copied());
        self.push(Inst::Call { callee, args, rets });
        results
    }
    /// The finished function. Blocks never ended are unreachable.
    pub fn finish(self) -> Func {
        self.func
    }
    /// As [`Builder::finish`]; the function takes no more memory than it needs, and the room is left for the next.
    pub fn finish_with(self) -> (Func, Room) {
        let Builder { func, mut consts, mut terminated, .. } = self;
        consts.clear();
        terminated.clear();
        let Func { name, sig, conv, c_sig, inline, scopes, .. } = func;
        let mut room = Room {
            regs: func.regs,
            slots: func.slots,
            consts: func.consts,
            pool: func.pool,
            code: func.code,
            code_locs: func.code_locs,
            blocks: func.blocks,
            locs: func.locs,
            debug_vars: func.debug_vars,
            numbers: consts,
            terminated,
        };
        fn moved<T>(from: &mut Vec<T>) -> Vec<T> {
            let mut exact = Vec::with_capacity(from.len());
            exact.append(from);
            exact
        }
        let func = Func {
            name,
            sig,
            conv,
            c_sig,
            inline,
            scopes,
            regs: moved(&mut room.regs),
            slots: moved(&mut room.slots),
            consts: moved(&mut room.consts),
            pool: moved(&mut room.pool),
            code: moved(&mut room.code),
            code_locs: moved(&mut room.code_locs),
            blocks: moved(&mut room.blocks),
            locs: moved(&mut room.locs),
            debug_vars: moved(&mut room.debug_vars),
        };
        (func, room)
    }
}
