//! Lanes. A vector is memory in the frame; operations go over it in pieces of the machine's registers where the machine has
//! the operation, and lane by lane as the scalar instruction otherwise.

use super::memory::own;
use super::value::scalar;
use super::{Done, Lower};
use crate::compile::Unsupported;
use cranelift_codegen::ir::{InstBuilder, StackSlot, Value};
use sx_ir::{BinOp, Inst, Lane, Ty, UnOp, VecTy};

/// Bytes in a register of the machine that holds lanes.
const WIDE: u32 = 16;

/// What an operation makes of two pieces.
fn wide_bin(op: BinOp, lane: Lane) -> bool {
    match op {
        BinOp::Add | BinOp::Sub | BinOp::And | BinOp::Or | BinOp::Xor => true,
        BinOp::FAdd | BinOp::FSub | BinOp::FMul | BinOp::FDiv => matches!(lane, Lane::F32 | Lane::F64),
        BinOp::Mul => matches!(lane, Lane::I16 | Lane::I32),
        _ => false,
    }
}

fn wide_un(op: UnOp) -> bool {
    matches!(op, UnOp::Neg | UnOp::Not | UnOp::FNeg | UnOp::FAbs | UnOp::Sqrt)
}

impl Lower<'_, '_> {
    fn lane(&mut self, lanes: Value, ty: Ty, index: u32) -> Done<Value> {
        let clif = scalar(ty)?;
        Ok(self.b.ins().load(clif, own(), lanes, (index * clif.bytes()) as i32))
    }
    fn put(&mut self, lanes: Value, index: u32, value: Value) {
        let bytes = self.b.func.dfg.value_type(value).bytes();
        self.b.ins().store(own(), value, lanes, (index * bytes) as i32);
    }
    fn addresses<const N: usize>(&mut self, slots: [StackSlot; N]) -> [Value; N] {
        slots.map(|slot| self.slot_address(slot))
    }
    /// Goes over two vectors of one type: wide pieces first, as far as there are any, then lanes.
    fn over(
        &mut self,
        ty: VecTy,
        [to, a, b]: [Value; 3],
        wide: bool,
        mut f: impl FnMut(&mut Self, Value, Value) -> Done<Value>,
    ) -> Done {
        let size = ty.lane.size();
        let mut lane = 0;
        if wide {
            let piece = scalar(ty.lane.ty())?
                .by(WIDE / size)
                .ok_or(Unsupported::Malformed("lanes that fill no register"))?;
            while (ty.lanes as u32 - lane) * size >= WIDE {
                let off = (lane * size) as i32;
                let x = self.b.ins().load(piece, own(), a, off);
                let y = self.b.ins().load(piece, own(), b, off);
                let value = f(self, x, y)?;
                self.b.ins().store(own(), value, to, off);
                lane += WIDE / size;
            }
        }
        for lane in lane..ty.lanes as u32 {
            let (x, y) = (self.lane(a, ty.lane.ty(), lane)?, self.lane(b, ty.lane.ty(), lane)?);
            let value = f(self, x, y)?;
            self.put(to, lane, value);
        }
        Ok(())
    }
    pub(super) fn vector_inst(&mut self, inst: &Inst) -> Done {
        match *inst {
            Inst::Bin { op, ty: Ty::Vec(ty), dst, a, b } => {
                let slots = [self.lanes_of(dst.into())?, self.lanes_of(a)?, self.lanes_of(b)?];
                let places = self.addresses(slots);
                let wide = wide_bin(op, ty.lane);
                self.over(ty, places, wide, |lower, x, y| lower.bin(op, ty.lane.ty(), x, y))
            }
            Inst::Un { op, ty: Ty::Vec(ty), dst, a } => {
                let from = self.lanes_of(a)?;
                let slots = [self.lanes_of(dst.into())?, from, from];
                let places = self.addresses(slots);
                self.over(ty, places, wide_un(op), |lower, x, _| lower.un(op, ty.lane.ty(), x))
            }
            Inst::Cmp { op, ty: Ty::Vec(ty), dst, a, b } => {
                let slots = [self.lanes_of(dst.into())?, self.lanes_of(a)?, self.lanes_of(b)?];
                let places = self.addresses(slots);
                self.over(ty, places, false, |lower, x, y| Ok(lower.cmp(op, x, y)))
            }
            Inst::Conv { op, from: Ty::Vec(from), to: Ty::Vec(to), dst, a } => {
                let slots = [self.lanes_of(dst.into())?, self.lanes_of(a)?];
                let [target, source] = self.addresses(slots);
                for lane in 0..from.lanes as u32 {
                    let x = self.lane(source, from.lane.ty(), lane)?;
                    let value = self.conv(op, from.lane.ty(), to.lane.ty(), x)?;
                    self.put(target, lane, value);
                }
                Ok(())
            }
            Inst::Splat { ty, dst, a } => {
                let value = self.get(a)?;
                let slot = self.lanes_of(dst.into())?;
                let [to] = self.addresses([slot]);
                for lane in 0..ty.lanes as u32 {
                    self.put(to, lane, value);
                }
                Ok(())
            }
            Inst::Lane { ty, dst, a, lane } => {
                let slot = self.lanes_of(a)?;
                let [from] = self.addresses([slot]);
                let value = self.lane(from, ty.lane.ty(), lane as u32)?;
                self.set(dst, value)
            }
            Inst::SetLane { ty, dst, a, val, lane } => {
                let value = self.get(val)?;
                let slots = [self.lanes_of(dst.into())?, self.lanes_of(a)?];
                let [to, from] = self.addresses(slots);
                if slots[0] != slots[1] {
                    self.pieces(ty.size(), to, from, false);
                }
                self.put(to, lane as u32, value);
                Ok(())
            }
            _ => Err(Unsupported::Malformed("an operation of vectors without one")),
        }
    }
}
