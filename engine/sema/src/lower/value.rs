//! Values in registers or memory, and where results go.

use super::Lower;
use super::place::Place;
use crate::thir::E;
use crate::types::TypeId;
use smallvec::{SmallVec, smallvec};
use sx_ir::layout::Layout;
use sx_ir::{Addr, Base, BinOp, ConvOp, Inst, Operand, Reg, SlotId, Ty};

/// The scalars of a value, one for each leaf of its layout.
pub(super) type Ops = SmallVec<[Operand; 4]>;

/// An evaluated value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Of a layout with leaves.
    Regs(Ops),
    /// Of any other: it lies here for as long as nothing is stored to the place that it was read from.
    Mem(Addr),
}

/// Where an expression's value is to go.
#[derive(Clone, Copy, Debug)]
pub(super) enum To<'d> {
    /// Nowhere.
    Ignore,
    /// Into memory that the expression itself doesn't read.
    Mem(Addr),
    /// Into registers, one for each leaf.
    Vars(&'d [Reg]),
}

/// Where an expression's value, and its error if it is a failable, is to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dest<'d> {
    pub to: To<'d>,
    pub tag: Option<Reg>,
}

impl<'d> Dest<'d> {
    pub(super) const IGNORE: Dest<'static> = Dest { to: To::Ignore, tag: None };
    pub(super) fn mem(addr: Addr) -> Dest<'d> {
        Dest { to: To::Mem(addr), tag: None }
    }
    pub(super) fn vars(regs: &'d [Reg]) -> Dest<'d> {
        Dest { to: To::Vars(regs), tag: None }
    }
}

/// New storage for a value that several paths may give.
pub(super) enum Fresh {
    Vars(SmallVec<[Reg; 4]>),
    Mem(Addr),
}

impl Fresh {
    pub(super) fn dest(&self) -> Dest<'_> {
        match self {
            Fresh::Vars(regs) => Dest::vars(regs),
            Fresh::Mem(addr) => Dest::mem(*addr),
        }
    }
    pub(super) fn value(&self) -> Value {
        match self {
            Fresh::Vars(regs) => Value::Regs(regs.iter().map(|&reg| reg.into()).collect()),
            Fresh::Mem(addr) => Value::Mem(*addr),
        }
    }
}

/// A place in a slot.
pub(super) fn in_slot(slot: SlotId) -> Addr {
    Addr { base: Base::Slot(slot), off: 0 }
}

/// The integer register type of a float or address.
fn int_of(ty: Ty, word: Ty) -> Ty {
    match ty {
        Ty::F32 => Ty::I32,
        Ty::F64 => Ty::I64,
        Ty::Ptr => word,
        Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64 | Ty::Vec(_) => ty,
    }
}

impl<'b> Lower<'_, 'b> {
    /// A single scalar as a value.
    pub(super) fn one(&self, operand: Operand) -> Value {
        Value::Regs(smallvec![operand])
    }
    /// The register type of a type with one leaf, or of a vector.
    pub(super) fn scalar_ty(&mut self, ty: TypeId) -> Ty {
        if let Some(scalar) = self.types.scalar(ty) {
            return scalar;
        }
        if let Some(vec) = self.vec_ty(ty) {
            return Ty::Vec(vec);
        }
        let layout = self.types.layout(ty);
        match layout.leaves.as_deref() {
            Some([leaf]) => leaf.ty,
            _ => panic!("a scalar is expected, found {:?}", self.types.kind(ty)),
        }
    }
    /// Zero in every leaf.
    pub(super) fn zeros(&mut self, layout: &Layout) -> Ops {
        layout.leaves.iter().flatten().map(|leaf| self.b.constant(leaf.ty, 0)).collect()
    }
    /// Stands for the value of what can't be reached.
    pub(super) fn dummy(&mut self, ty: TypeId) -> Value {
        let (ty, _) = super::sig::split_failable(self.types, ty);
        let layout = self.types.layout(ty);
        if layout.is_scalars() {
            return Value::Regs(self.zeros(&layout));
        }
        let null = self.b.null();
        Value::Mem(Addr { base: Base::Reg(null), off: 0 })
    }
    /// New memory for a value.
    pub(super) fn slot_for(&mut self, layout: &Layout) -> Addr {
        in_slot(self.b.slot(layout.size.max(1), layout.align))
    }
    /// New storage for a value.
    pub(super) fn fresh(&mut self, ty: TypeId) -> Fresh {
        let layout = self.types.layout(ty);
        match &layout.leaves {
            Some(leaves) => Fresh::Vars(leaves.iter().map(|leaf| self.b.var(leaf.ty)).collect()),
            None => Fresh::Mem(self.slot_for(&layout)),
        }
    }

    /// The value's scalars.
    pub(super) fn regs(&mut self, e: E<'b>) -> Ops {
        match self.value(e) {
            Value::Regs(ops) => ops,
            Value::Mem(_) => panic!("a value in registers is expected, found {:?}", self.types.kind(e.ty)),
        }
    }
    /// The value of an expression with one scalar, or of a vector.
    pub(super) fn scalar(&mut self, e: E<'b>) -> Operand {
        if self.is_vector(e.ty) {
            return self.vector(e);
        }
        match self.regs(e)[..] {
            [operand] => operand,
            _ => panic!("one scalar is expected, found {:?}", self.types.kind(e.ty)),
        }
    }

    /// An operand that keeps its value whatever is assigned later.
    pub(super) fn stable(&mut self, operand: Operand) -> Operand {
        if !self.is_var(operand) {
            return operand;
        }
        let dst = self.b.temp(self.b.func().operand_ty(operand));
        self.b.push(Inst::Copy { dst, src: operand });
        dst.into()
    }
    /// A value in registers that keeps its value whatever is assigned later.
    pub(super) fn stable_ops(&mut self, ops: Ops) -> Ops {
        ops.into_iter().map(|operand| self.stable(operand)).collect()
    }
    /// A value that keeps its value whatever is assigned or stored later.
    pub(super) fn stable_value(&mut self, value: Value, ty: TypeId) -> Value {
        match value {
            Value::Regs(ops) => Value::Regs(self.stable_ops(ops)),
            Value::Mem(src) => {
                let layout = self.types.layout(ty);
                let dst = self.slot_for(&layout);
                self.b.push(Inst::MemCopy { dst, src, size: layout.size });
                Value::Mem(dst)
            }
        }
    }

    /// How many registers there are: those made from here on have no other name yet.
    pub(super) fn mark(&self) -> u32 {
        self.b.func().regs.len() as u32
    }
    /// Writes a value to registers. What was computed since `mark` only for it is computed there.
    pub(super) fn write_vars(&mut self, regs: &[Reg], value: &Value, mark: u32) {
        let Value::Regs(ops) = value else {
            debug_assert!(regs.is_empty(), "values in memory don't go into registers");
            return;
        };
        if let ([reg], [op]) = (regs, &ops[..]) {
            return self.write_var(*reg, *op, mark);
        }
        let later = |i: usize, op: &Operand| regs[..i.min(regs.len())].iter().any(|&reg| *op == reg.into());
        let crossing = ops.iter().enumerate().any(|(i, op)| later(i, op));
        let copies = if crossing { self.stable_ops(ops.clone()) } else { ops.clone() };
        for (&reg, &op) in regs.iter().zip(&copies) {
            self.write_var(reg, op, mark);
        }
    }
    /// Writes a scalar to a register.
    pub(super) fn write_var(&mut self, reg: Reg, op: Operand, mark: u32) {
        if self.dead() || op == reg.into() || self.retarget(reg, op, mark) {
            return;
        }
        self.b.push(Inst::Copy { dst: reg, src: op });
    }
    /// Lets the instruction that computes `op` write `reg` instead, if nothing else can know `op` and nothing
    /// in between touches `reg`.
    fn retarget(&mut self, reg: Reg, op: Operand, mark: u32) -> bool {
        let Some(temp) = op.as_reg() else { return false };
        let block = self.b.current();
        let func = self.b.func_mut();
        if temp.0 < mark || func.regs[temp.index()].mutable {
            return false;
        }
        let range = func.blocks[block.index()].range();
        for at in range.rev().take(4) {
            let mut inst = func.code[at];
            let (mut defines, mut touches) = (false, false);
            inst.defs(&func.pool, |def| {
                defines |= def == temp;
                touches |= def == reg;
            });
            if defines {
                // Addresses are remembered.
                if matches!(inst, Inst::AddrOf { .. }) {
                    return false;
                }
                inst.map_defs(&mut func.pool, |def| if def == temp { reg } else { def });
                func.code[at] = inst;
                return true;
            }
            inst.uses(&func.pool, |used| touches |= used == op || used == reg.into());
            if touches {
                return false;
            }
        }
        false
    }

    /// Puts an evaluated value where it is wanted.
    pub(super) fn settle(&mut self, value: &Value, ty: TypeId, dest: &Dest<'_>, mark: u32) {
        match dest.to {
            To::Ignore => {}
            To::Mem(addr) => self.store(addr, value, ty),
            To::Vars(regs) => self.write_vars(regs, value, mark),
        }
    }
    /// Stores a value.
    pub(super) fn store(&mut self, dst: Addr, value: &Value, ty: TypeId) {
        if self.store_vector(dst, value, ty) {
            return;
        }
        let layout = self.types.layout(ty);
        match value {
            Value::Regs(ops) => self.store_ops(dst, ops, &layout),
            Value::Mem(src) if *src == dst => {}
            Value::Mem(src) => self.b.push(Inst::MemCopy { dst, src: *src, size: layout.size }),
        }
    }
    /// Stores a value's scalars.
    pub(super) fn store_ops(&mut self, dst: Addr, ops: &[Operand], layout: &Layout) {
        for (leaf, &op) in layout.leaves.iter().flatten().zip(ops) {
            let addr = self.offset(dst, leaf.off as u64);
            self.b.store(leaf.ty, addr, op);
        }
    }
    /// Writes zero to memory.
    pub(super) fn store_zero(&mut self, dst: Addr, ty: TypeId) {
        let layout = self.types.layout(ty);
        match &layout.leaves {
            Some(_) => {
                let zeros = self.zeros(&layout);
                self.store_ops(dst, &zeros, &layout);
            }
            None => self.b.push(Inst::MemZero { dst, size: layout.size }),
        }
    }
    /// A value in memory: a copy of it if it is in registers.
    pub(super) fn in_memory(&mut self, value: &Value, layout: &Layout) -> Addr {
        match value {
            Value::Regs(ops) => {
                let slot = self.slot_for(layout);
                self.store_ops(slot, ops, layout);
                slot
            }
            Value::Mem(addr) => *addr,
        }
    }
    /// Reads a value out of memory.
    pub(super) fn load(&mut self, addr: Addr, ty: TypeId) -> Value {
        let layout = self.types.layout(ty);
        match &layout.leaves {
            Some(leaves) => {
                let mut ops = Ops::new();
                for leaf in leaves {
                    let at = self.offset(addr, leaf.off as u64);
                    ops.push(self.b.load(leaf.ty, at));
                }
                Value::Regs(ops)
            }
            None => Value::Mem(addr),
        }
    }

    /// Reads the part of type `ty` at `off` out of the scalars of a value.
    pub(super) fn extract(&mut self, ops: &Ops, from: &Layout, off: u32, ty: TypeId) -> Value {
        let layout = self.types.layout(ty);
        let leaves = from.leaves.as_deref().unwrap_or(&[]);
        let Some(wanted) = &layout.leaves else {
            let whole = self.in_memory(&Value::Regs(ops.clone()), from);
            return Value::Mem(self.offset(whole, off as u64));
        };
        if off == 0 && wanted[..] == *leaves {
            return Value::Regs(ops.clone());
        }
        let mut out = Ops::new();
        for leaf in wanted {
            let at = off + leaf.off;
            let size = leaf.ty.size(self.types.target.ptr_size);
            let around = leaves.iter().position(|l| {
                let end = l.off + l.ty.size(self.types.target.ptr_size);
                l.off <= at && at + size <= end
            });
            match around {
                Some(i) => {
                    let shift = (at - leaves[i].off) * 8;
                    out.push(self.take_bits(ops[i], leaves[i].ty, shift, leaf.ty));
                }
                None => {
                    let whole = self.in_memory(&Value::Regs(ops.clone()), from);
                    let part = self.offset(whole, off as u64);
                    return self.load(part, ty);
                }
            }
        }
        Value::Regs(out)
    }
    /// The bits of `op` from `shift` on, as another type.
    fn take_bits(&mut self, op: Operand, from: Ty, shift: u32, to: Ty) -> Operand {
        if from == to {
            return op;
        }
        let word = self.types.target.word();
        let (whole, part) = (int_of(from, word), int_of(to, word));
        let mut op = self.bitcast(op, from, whole);
        if shift > 0 {
            let count = self.b.constant(whole, shift as u64);
            op = self.b.bin(BinOp::UShr, whole, op, count);
        }
        let size = |ty: Ty| ty.size(self.types.target.ptr_size);
        if size(part) < size(whole) {
            op = self.b.conv(ConvOp::Trunc, whole, part, op);
        }
        self.bitcast(op, part, to)
    }
    /// The same bits as another type of the same size.
    pub(super) fn bitcast(&mut self, op: Operand, from: Ty, to: Ty) -> Operand {
        if from == to {
            return op;
        }
        if let Some(value) = self.b.func().operand_const(op) {
            return self.b.constant(to, value.bits);
        }
        self.b.conv(ConvOp::Bitcast, from, to, op)
    }
    /// Puts the scalars of a part at `off` into those of a whole, whose other bits there are zero.
    pub(super) fn insert(&mut self, whole: &mut Ops, into: &Layout, off: u32, part: &[Operand], of: &Layout) {
        let leaves = into.leaves.as_deref().unwrap_or(&[]);
        let word = self.types.target.word();
        let ptr_size = self.types.target.ptr_size;
        for (leaf, &op) in of.leaves.iter().flatten().zip(part) {
            let at = off + leaf.off;
            let size = leaf.ty.size(ptr_size);
            let around = leaves.iter().position(|l| l.off <= at && at + size <= l.off + l.ty.size(ptr_size));
            let i = around.expect("parts don't reach over several scalars of the whole");
            if leaves[i].ty == leaf.ty {
                whole[i] = op;
                continue;
            }
            let int = int_of(leaves[i].ty, word);
            let part_int = int_of(leaf.ty, word);
            let mut bits = self.bitcast(op, leaf.ty, part_int);
            if part_int != int {
                bits = self.b.conv(ConvOp::Zext, part_int, int, bits);
            }
            let shift = (at - leaves[i].off) * 8;
            if shift > 0 {
                let count = self.b.constant(int, shift as u64);
                bits = self.b.bin(BinOp::Shl, int, bits, count);
            }
            let old = self.bitcast(whole[i], leaves[i].ty, int);
            if self.b.func().operand_const(old).is_none_or(|value| value.bits != 0) {
                bits = self.b.bin(BinOp::Or, int, old, bits);
            }
            whole[i] = self.bitcast(bits, int, leaves[i].ty);
        }
    }
    /// Whether the place is a whole value of the registers that it stands for.
    pub(super) fn exact_regs(&mut self, place: &Place, ty: TypeId) -> Option<SmallVec<[Reg; 4]>> {
        let Place::Part { ops, layout, off } = place else { return None };
        let of = self.types.layout(ty);
        let leaves = layout.leaves.as_deref().unwrap_or(&[]);
        let mut regs = SmallVec::new();
        for leaf in of.leaves.as_ref()? {
            let i = leaves.iter().position(|l| l.off == off + leaf.off && l.ty == leaf.ty)?;
            regs.push(ops[i].as_reg()?);
        }
        Some(regs)
    }
}
