//! Instructions on vectors. A vector register is a stretch of the frame, named by its first slot.

use super::emit::Emit;
use super::emit_jump::width;
use super::emit_memory::Target;
use crate::bytecode::{Op, Word};
use crate::interp::vector::{Key, find};
use sx_ir::{Addr, Inst, Operand, Reg, VecTy};

impl Emit<'_, '_> {
    /// An operation whose operands or result are vectors.
    pub(super) fn vector(&mut self, inst: &Inst) -> Result<(), String> {
        let lane = |ty: VecTy| ty.lane;
        match *inst {
            Inst::Splat { ty, dst, a } => {
                let from = self.src(a);
                self.routine(Key::Splat(ty.lane.size()), ty, dst, from, from)
            }
            Inst::Lane { ty, dst, a, lane } => {
                let at = self.lane_offset(a, ty, lane);
                let size = width(ty.lane.ty());
                let dst = self.dst(dst);
                match size {
                    3 => self.mov_slot(dst, (at / 8) as u16),
                    _ => self.emit_w(Op::LdF8.at(size), dst, at),
                }
                Ok(())
            }
            Inst::SetLane { ty, dst, a, val, lane } => {
                let (to, from) = (self.dst(dst), self.src(a));
                self.vec_mov(to, from, ty);
                let at = to as i32 * 8 + ty.lane.size() as i32 * lane as i32;
                match width(ty.lane.ty()) {
                    3 => self.mov((at / 8) as u16, val),
                    size => {
                        let val = self.src(val);
                        self.emit_w(Op::StF8.at(size), val, at);
                    }
                }
                Ok(())
            }
            Inst::Bin { op, ty, dst, a, b } => match ty.vector() {
                Some(ty) => self.lanewise(Key::Bin(op, lane(ty)), ty, dst, a, b),
                None => Err("bytecode: an operation on scalars among those on vectors".into()),
            },
            Inst::Un { op, ty, dst, a } => match ty.vector() {
                Some(ty) => self.lanewise(Key::Un(op, lane(ty)), ty, dst, a, a),
                None => Err("bytecode: an operation on scalars among those on vectors".into()),
            },
            Inst::Cmp { op, ty, dst, a, b } => match ty.vector() {
                Some(ty) => self.lanewise(Key::Cmp(op, lane(ty)), ty, dst, a, b),
                None => Err("bytecode: an operation on scalars among those on vectors".into()),
            },
            Inst::Conv { op, from, to, dst, a } => match (from.vector(), to.vector()) {
                (Some(from), Some(to)) => self.lanewise(Key::Conv(op, lane(from), lane(to)), to, dst, a, a),
                _ => Err("bytecode: a conversion between a vector and a scalar".into()),
            },
            _ => Err("bytecode: no operation on vectors".into()),
        }
    }
    fn lanewise(&mut self, key: Key, ty: VecTy, dst: Reg, a: Operand, b: Operand) -> Result<(), String> {
        let (a, b) = (self.src(a), self.src(b));
        self.routine(key, ty, dst, a, b)
    }
    fn routine(&mut self, key: Key, ty: VecTy, dst: Reg, a: u16, b: u16) -> Result<(), String> {
        let Some((number, _)) = find(key) else { return Err(format!("bytecode: no vectors have {key:?}")) };
        let dst = self.dst(dst);
        self.emit(Op::Lanes, dst, a, b);
        self.extend(Word { op: number, a: ty.lanes as u16, b: 0, c: 0 });
        Ok(())
    }
    /// Where a lane of a vector register lies, in bytes from the frame.
    fn lane_offset(&mut self, vector: Operand, ty: VecTy, lane: u8) -> i32 {
        self.src(vector) as i32 * 8 + ty.lane.size() as i32 * lane as i32
    }
    /// Copies a vector register.
    pub(super) fn vec_mov(&mut self, to: u16, from: u16, ty: VecTy) {
        if to != from {
            self.emit(Op::VecMov, to, from, 0);
            self.extend(Word::halves(ty.size() as i32, 0));
        }
    }
    pub(super) fn load_vector(&mut self, ty: VecTy, dst: Reg, addr: &Addr) -> Result<(), String> {
        let dst = self.dst(dst);
        let (base, offset) = match self.vector_place(ty, addr)? {
            Ok(slot) => {
                self.vec_mov(dst, slot, ty);
                return Ok(());
            }
            Err(place) => place,
        };
        self.emit(Op::VecLd, dst, base, 0);
        self.extend(Word::halves(ty.size() as i32, offset));
        Ok(())
    }
    pub(super) fn store_vector(&mut self, ty: VecTy, addr: &Addr, val: Operand) -> Result<(), String> {
        let val = self.src(val);
        let (base, offset) = match self.vector_place(ty, addr)? {
            Ok(slot) => {
                self.vec_mov(slot, val, ty);
                return Ok(());
            }
            Err(place) => place,
        };
        self.emit(Op::VecSt, base, val, 0);
        self.extend(Word::halves(ty.size() as i32, offset));
        Ok(())
    }
    /// The frame slot where a vector in memory begins, or a slot with an address and the offset from there.
    fn vector_place(&mut self, ty: VecTy, addr: &Addr) -> Result<Result<u16, (u16, i32)>, String> {
        Ok(match self.target(addr, ty.size())? {
            Target::Slot(base, offset) => Err((base, offset)),
            Target::Frame(offset) if offset % 8 == 0 && offset / 8 < 65_000 => Ok((offset / 8) as u16),
            Target::Frame(_) | Target::Object(..) => {
                let base = self.scratch();
                self.address(base, addr)?;
                Err((base, 0))
            }
        })
    }
}
