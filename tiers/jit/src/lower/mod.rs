//! From the middle form to Cranelift's.
//!
//! | module | what |
//! |---|---|
//! | `value` | registers, constants, types |
//! | `term` | how blocks end |
//! | `arith` | operations on scalars |
//! | `convert` | conversions |
//! | `facts` | what checks have found out |
//! | `check` | traps, checks, polls, the prologue |
//! | `memory` | addresses, loads, stores, blocks of memory |
//! | `atomic` | memory in one step |
//! | `vector` | lanes |
//! | `call` | calls, functions as values |
//!
//! Temporaries become Cranelift's values directly, `var` registers its variables, of which the builder makes values.
//! Vectors of any number of lanes are memory in the frame, gone over in pieces that the machine has registers for.

mod arith;
mod atomic;
mod call;
mod check;
mod convert;
mod facts;
mod memory;
mod term;
mod value;
mod vector;

use crate::abi::{Config, Link, STACK_RESERVE};
use crate::compile::Unsupported;
use cranelift_codegen::Context;
use cranelift_codegen::ir::{
    self, Block, InstBuilder, SigRef, SourceLoc, StackSlot, TrapCode, UserFuncName, Value,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use facts::Facts;
use rustc_hash::FxHashMap;
use sx_ir::cfg::Cfg;
use sx_ir::{BinOp, BlockId, Callee, Func, Inst, LocId, Module, Signature};

pub(crate) use call::trampoline;
pub(crate) use memory::ACCESS;

/// Behind calls that don't return.
const NEVER: TrapCode = match TrapCode::user(2) {
    Some(code) => code,
    None => unreachable!(),
};

/// The largest function, in instructions of the middle form; each lane of a vector counts as one.
const MAX_INSTS: usize = 100_000;

/// The most bytes of locals in a frame of the native stack; what is larger lies on the VM stack.
const NEAR_BYTES: u64 = 2048;

/// The largest frame on the native stack: half of what is free below the limit, which its prologue compares with when it has
/// been entered.
pub(crate) const MAX_NATIVE_FRAME: u32 = STACK_RESERVE as u32 / 2;

/// The most memory for locals on the VM stack.
const MAX_FRAME: u64 = 1 << 30;

/// Where a register is.
#[derive(Clone, Copy)]
enum Home {
    /// A temporary that hasn't been assigned.
    Unset,
    /// A temporary.
    Temp(Value),
    /// A mutable scalar.
    Var(Variable),
    /// A vector: memory in the frame.
    Lanes(StackSlot),
}

/// Where a slot is.
#[derive(Clone, Copy)]
enum Room {
    /// In the frame.
    Near(StackSlot),
    /// So far from the function's part of the VM stack.
    Far(u64),
    /// At this address.
    At(Value),
}

/// What lowering reads.
pub(crate) struct Source<'a> {
    pub config: &'a Config,
    pub isa: &'a dyn TargetIsa,
    pub module: &'a Module,
    pub func: &'a Func,
    pub link: &'a dyn Link,
    /// The first parameter is the address of an interpreter's frame.
    pub frame_first: bool,
}

/// A function on its way.
struct Lower<'a, 'b> {
    src: Source<'a>,
    b: FunctionBuilder<'b>,
    /// The execution's record.
    rt: Value,
    homes: Vec<Home>,
    rooms: Vec<Room>,
    blocks: Vec<Option<Block>>,
    /// Bytes of the function's part of the VM stack, and where it begins.
    far: u64,
    far_base: Option<Value>,
    far_top: Option<Value>,
    /// Where arguments and results of calls stand that leave compiled code.
    window: Option<StackSlot>,
    facts: Facts,
    helper_sigs: FxHashMap<(Vec<ir::Type>, Option<ir::Type>), SigRef>,
    /// The signature of helpers that keep all registers.
    asking: Option<SigRef>,
    loc: LocId,
}

type Done<T = ()> = Result<T, Unsupported>;

/// Lowers a function into the context.
pub(crate) fn function(context: &mut Context, builder: &mut FunctionBuilderContext, src: Source<'_>) -> Done {
    let Source { isa, func, frame_first, .. } = src;
    if weight(func) > MAX_INSTS {
        return Err(Unsupported::Size);
    }
    context.func.name = UserFuncName::default();
    context.func.signature = call::native(isa, &func.sig)?;
    let mut b = FunctionBuilder::new(&mut context.func, builder);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let rt = b.block_params(entry)[0];
    let cfg = Cfg::new(func);
    let mut lower = Lower {
        src,
        b,
        rt,
        homes: Vec::with_capacity(func.regs.len()),
        rooms: Vec::with_capacity(func.slots.len()),
        blocks: vec![None; func.blocks.len()],
        far: 0,
        far_base: None,
        far_top: None,
        window: None,
        facts: Facts::new(&cfg),
        helper_sigs: FxHashMap::default(),
        asking: None,
        loc: LocId(0),
    };
    lower.declare(entry)?;
    if frame_first && let Some(&frame) = lower.b.block_params(entry).get(1) {
        lower.facts.never_null(frame);
    }
    lower.prologue()?;
    lower.body(entry, &cfg)?;
    lower.b.seal_all_blocks();
    lower.b.finalize(isa.frontend_config());
    Ok(())
}

/// How much work a function is.
fn weight(func: &Func) -> usize {
    let lanes = |inst: &Inst| match *inst {
        Inst::Bin { ty, .. } | Inst::Un { ty, .. } | Inst::Cmp { ty, .. } => ty.vector(),
        Inst::Conv { from, .. } => from.vector(),
        Inst::Splat { ty, .. } => Some(ty),
        _ => None,
    };
    func.all_insts().map(|inst| lanes(inst).map_or(1, |ty| ty.lanes as usize)).sum()
}

impl Lower<'_, '_> {
    /// Gives registers and slots their places.
    fn declare(&mut self, entry: Block) -> Done {
        let func = self.src.func;
        for (index, reg) in func.regs.iter().enumerate() {
            let home = match reg.ty.vector() {
                Some(ty) => Home::Lanes(self.frame_slot(ty.size() as u64, 16)?),
                None if index < func.sig.params.len() => Home::Temp(self.b.block_params(entry)[index + 1]),
                None if reg.mutable => Home::Var(self.b.declare_var(value::scalar(reg.ty)?)),
                None => Home::Unset,
            };
            self.homes.push(home);
        }
        let mut near: u64 = func.slots.iter().map(|slot| slot.size as u64).sum();
        let mut by_size: Vec<usize> = (0..func.slots.len()).collect();
        by_size.sort_by_key(|&index| std::cmp::Reverse(func.slots[index].size));
        let mut rooms = vec![None; func.slots.len()];
        for index in by_size {
            let slot = &func.slots[index];
            if near <= NEAR_BYTES {
                break;
            }
            near -= slot.size as u64;
            self.far = self.far.next_multiple_of(slot.align.max(1) as u64);
            rooms[index] = Some(Room::Far(self.far));
            self.far += slot.size as u64;
        }
        for (slot, room) in func.slots.iter().zip(rooms) {
            let room = match room {
                Some(room) => room,
                None => self.room(slot.size as u64, slot.align)?,
            };
            self.rooms.push(room);
        }
        let words = func.all_insts().filter_map(|inst| match inst {
            Inst::Call { callee: Callee::Extern(_) | Callee::CPtr(..), args, .. } => Some(args.len.max(1)),
            Inst::CFuncAddr { .. } | Inst::ExternAddr { .. } => Some(1),
            _ => None,
        });
        if let Some(words) = words.max() {
            self.window = Some(self.frame_slot(8 * words as u64, 8)?);
        }
        Ok(())
    }
    /// Lowers the blocks that can be reached, each after those that dominate it.
    fn body(&mut self, entry: Block, cfg: &Cfg) -> Done {
        for &id in &cfg.rpo {
            let block = if id == BlockId(0) { entry } else { self.block(id) };
            if id != BlockId(0) {
                self.b.switch_to_block(block);
            }
            self.facts.enter(id);
            self.block_body(id)?;
        }
        Ok(())
    }
    /// Cranelift's block of one of ours.
    fn block(&mut self, id: BlockId) -> Block {
        match self.blocks[id.index()] {
            Some(block) => block,
            None => {
                let block = self.b.create_block();
                self.blocks[id.index()] = Some(block);
                block
            }
        }
    }
    fn block_body(&mut self, id: BlockId) -> Done {
        let func = self.src.func;
        let block = &func.blocks[id.index()];
        for at in block.range() {
            self.at(func.code_locs[at]);
            self.inst(&func.code[at])?;
        }
        self.at(block.term_loc);
        self.term(&block.term)
    }
    /// What follows comes from this position.
    fn at(&mut self, loc: LocId) {
        self.loc = loc;
        self.b.set_srcloc(SourceLoc::new(loc.0));
    }
    fn inst(&mut self, inst: &Inst) -> Done {
        if inst.is_on_vectors() {
            return self.vector_inst(inst);
        }
        match *inst {
            Inst::Copy { dst, src } => self.copy(dst, src),
            Inst::Bin { op, ty, dst, a, b } => {
                let (x, y) = (self.get(a)?, self.get(b)?);
                let value = self.bin(op, ty, x, y)?;
                if op == BinOp::Sub {
                    let (x, y) = (self.b.func.dfg.resolve_aliases(x), self.b.func.dfg.resolve_aliases(y));
                    self.facts.difference(value, x, y);
                }
                self.set(dst, value)
            }
            Inst::Un { op, ty, dst, a } => {
                let x = self.get(a)?;
                let value = self.un(op, ty, x)?;
                self.set(dst, value)
            }
            Inst::Cmp { op, dst, a, b, .. } => {
                let (x, y) = (self.get(a)?, self.get(b)?);
                let value = self.cmp(op, x, y);
                self.set(dst, value)
            }
            Inst::Conv { op, from, to, dst, a } => {
                let x = self.get(a)?;
                let value = self.conv(op, from, to, x)?;
                self.set(dst, value)
            }
            Inst::Select { dst, cond, a, b, .. } => {
                let (cond, x, y) = (self.get(cond)?, self.get(a)?, self.get(b)?);
                let value = self.b.ins().select(cond, x, y);
                self.set(dst, value)
            }
            Inst::Load { ty, dst, addr } => self.load(ty, dst, addr),
            Inst::Store { ty, addr, val } => self.store(ty, addr, val),
            Inst::AddrOf { dst, addr } => {
                let value = self.address(addr)?;
                self.set(dst, value)
            }
            Inst::Index { dst, base, index, stride } => self.index(dst, base, index, stride),
            Inst::FuncAddr { dst, func } => {
                let value = self.int(ir::types::I64, func.0 as u64 + 1);
                self.set(dst, value)
            }
            Inst::CFuncAddr { dst, func } => {
                self.address_by(self.src.config.abi.helpers.c_func_addr, func.0, dst)
            }
            Inst::ExternAddr { dst, ext } => {
                self.address_by(self.src.config.abi.helpers.extern_addr, ext.0, dst)
            }
            Inst::MemCopy { dst, src, size } => self.mem_copy(dst, src, size),
            Inst::MemZero { dst, size } => self.mem_zero(dst, size),
            Inst::MemMove { dst, src, len } => self.mem_move(dst, src, len),
            Inst::MemSet { dst, val, len } => self.mem_set(dst, val, len),
            Inst::MemCmp { dst, a, b, len } => self.mem_cmp(dst, a, b, len),
            Inst::AtomicLoad { ty, dst, ptr, .. } => self.atomic_load(ty, dst, ptr),
            Inst::AtomicStore { ty, ptr, val, .. } => self.atomic_store(ty, ptr, val),
            Inst::AtomicRmw { op, ty, dst, ptr, val, .. } => self.atomic_rmw(op, ty, dst, ptr, val),
            Inst::AtomicCas { ty, dst, ptr, old, new, .. } => self.atomic_cas(ty, dst, ptr, old, new),
            Inst::Fence { .. } => {
                self.b.ins().fence();
                Ok(())
            }
            Inst::Call { callee, args, rets } => self.call(callee, args, rets),
            Inst::Bounds { index, len, unsigned } => self.bounds(index, len, unsigned),
            Inst::SliceBounds { lo, hi, len, unsigned } => self.slice_bounds(lo, hi, len, unsigned),
            Inst::NullCheck { ptr } => {
                let ptr = self.get(ptr)?;
                self.null_check(ptr);
                Ok(())
            }
            Inst::Check { cond, kind } => {
                let cond = self.get(cond)?;
                self.trap_unless(cond, kind, false, &[]);
                Ok(())
            }
            Inst::Poll => {
                self.poll();
                Ok(())
            }
            Inst::ErrTrace(what) => {
                self.err_trace(what);
                Ok(())
            }
            Inst::Splat { .. } | Inst::Lane { .. } | Inst::SetLane { .. } => {
                Err(Unsupported::Malformed("an operation of vectors without one"))
            }
        }
    }
    /// The signature of the function that is lowered.
    fn sig(&self) -> &Signature {
        &self.src.func.sig
    }
}
