//! Vectors: in memory between operations, in one register while they are computed.

use super::Lower;
use super::place::Place;
use super::value::Value;
use crate::thir::{Cast, Compare, E, Intrinsic, Kind};
use crate::types::{TypeId, TypeKind};
use smallvec::smallvec;
use sx_ir::{Addr, BinOp, ConvOp, Lane, Operand, Ty, UnOp, VecTy};

impl<'b> Lower<'_, 'b> {
    /// True for vector types.
    pub(super) fn is_vector(&self, ty: TypeId) -> bool {
        matches!(self.types.kind(ty), TypeKind::Vector(..))
    }
    /// The register type of a vector type.
    pub(super) fn vec_ty(&self, ty: TypeId) -> Option<VecTy> {
        let TypeKind::Vector(elem, lanes) = *self.types.kind(ty) else { return None };
        let lane = self.types.scalar(elem).and_then(Lane::of).expect("lanes are numbers");
        Some(VecTy { lane, lanes })
    }
    /// A scalar as a value; a vector is put into memory, where all but operations expect it.
    pub(super) fn made_value(&mut self, op: Operand, ty: TypeId) -> Value {
        let Some(vec) = self.vec_ty(ty) else { return self.one(op) };
        let layout = self.types.layout(ty);
        let slot = self.slot_for(&layout);
        self.b.store(Ty::Vec(vec), slot, op);
        Value::Mem(slot)
    }
    /// True for expressions of a vector type that [`Lower::vector`] computes in a register.
    pub(super) fn is_vector_operation(&self, e: E<'b>) -> bool {
        let operation = matches!(
            e.kind,
            Kind::Neg(_)
                | Kind::Not(_)
                | Kind::BitNot(_)
                | Kind::Arith(..)
                | Kind::Compare(..)
                | Kind::Repeat(_)
                | Kind::Zero
                | Kind::Intrinsic(..)
                | Kind::Cast(Cast::Int | Cast::IntToFloat | Cast::FloatToInt | Cast::Float, _)
        );
        operation && self.is_vector(e.ty)
    }
    /// Evaluates a vector into a register.
    pub(super) fn vector(&mut self, e: E<'b>) -> Operand {
        let ty = self.vec_ty(e.ty).expect("only vectors are asked for");
        if self.dead() {
            return self.zero_vector(ty);
        }
        if !self.is_vector_operation(e) {
            return match self.value(e) {
                Value::Mem(addr) => self.b.load(Ty::Vec(ty), addr),
                Value::Regs(ops) => ops[0],
            };
        }
        self.at(e.loc);
        match e.kind {
            Kind::Zero => self.zero_vector(ty),
            Kind::Repeat(scalar) => {
                let scalar = self.scalar(scalar);
                self.at(e.loc);
                self.b.splat(ty, scalar)
            }
            Kind::Cast(cast, operand) => {
                let op = self.vector(operand);
                self.at(e.loc);
                self.convert_lanes(cast, op, operand.ty, e.ty)
            }
            Kind::Intrinsic(op, args) => self.vector_intrinsic(e, op, args),
            _ => self.operation(e),
        }
    }
    fn zero_vector(&mut self, ty: VecTy) -> Operand {
        let zero = self.b.constant(ty.lane.ty(), 0);
        self.b.splat(ty, zero)
    }
    /// Reads a vector from a place.
    pub(super) fn read_vector(&mut self, place: &Place, ty: VecTy) -> Operand {
        let addr = self.memory(place);
        self.b.load(Ty::Vec(ty), addr)
    }

    fn convert_lanes(&mut self, cast: Cast, op: Operand, from: TypeId, to: TypeId) -> Operand {
        let (from_ty, to_ty) = (self.scalar_ty(from), self.scalar_ty(to));
        if from_ty == to_ty && matches!(cast, Cast::Int | Cast::Float) {
            return op;
        }
        let signed = |ty| self.types.int_repr(self.types.lane(ty)).is_some_and(|(_, signed)| signed);
        let (from_signed, to_signed) = (signed(from), signed(to));
        let conv = match cast {
            Cast::Int if to_ty.lane().size(8) < from_ty.lane().size(8) => ConvOp::Trunc,
            Cast::Int if from_signed => ConvOp::Sext,
            Cast::Int => ConvOp::Zext,
            Cast::IntToFloat if from_signed => ConvOp::SToF,
            Cast::IntToFloat => ConvOp::UToF,
            Cast::FloatToInt if to_signed => ConvOp::FToS,
            Cast::FloatToInt => ConvOp::FToU,
            _ if to_ty.lane() == Ty::F64 => ConvOp::FExt,
            _ => ConvOp::FTrunc,
        };
        self.b.conv(conv, from_ty, to_ty, op)
    }

    fn vector_intrinsic(&mut self, e: E<'b>, op: Intrinsic, args: &'b [E<'b>]) -> Operand {
        let ty = self.scalar_ty(e.ty);
        if let [a, b] = *args {
            let (a, b) = self.two(a, b);
            self.at(e.loc);
            return self.min_max_lanes(e.ty, op == Intrinsic::Min, a, b);
        }
        let a = self.vector(args[0]);
        self.at(e.loc);
        let un = match op {
            Intrinsic::Sqrt => UnOp::Sqrt,
            Intrinsic::Floor => UnOp::Floor,
            Intrinsic::Ceil => UnOp::Ceil,
            Intrinsic::Trunc => UnOp::Trunc,
            Intrinsic::Round => UnOp::Round,
            Intrinsic::FAbs => UnOp::FAbs,
            _ => panic!("{op:?} doesn't go lane by lane"),
        };
        self.b.un(un, ty, a)
    }
    fn min_max_lanes(&mut self, of: TypeId, min: bool, a: Operand, b: Operand) -> Operand {
        let ty = self.scalar_ty(of);
        if ty.lane().is_float() {
            return self.b.bin(if min { BinOp::FMin } else { BinOp::FMax }, ty, a, b);
        }
        // Ones where `a` is chosen, else zeros: from lanes of 0 and 1 to whole lanes of bits.
        let chosen = self.compare_ops(of, if min { Compare::Le } else { Compare::Ge }, a, b);
        let narrow = ty.with_lane(Ty::I8);
        let mut mask = self.b.un(UnOp::Neg, narrow, chosen);
        if narrow != ty {
            mask = self.b.conv(ConvOp::Sext, narrow, ty, mask);
        }
        let a = self.b.bin(BinOp::And, ty, a, mask);
        let others = self.b.un(UnOp::Not, ty, mask);
        let b = self.b.bin(BinOp::And, ty, b, others);
        self.b.bin(BinOp::Or, ty, a, b)
    }

    /// Evaluates an operation on vectors into memory.
    pub(super) fn vector_at(&mut self, e: E<'b>, addr: Addr) {
        let value = self.vector(e);
        if !self.dead() {
            self.store(addr, &Value::Regs(smallvec![value]), e.ty);
        }
    }
    /// Stores a vector that is in a register; false for other types.
    pub(super) fn store_vector(&mut self, dst: Addr, value: &Value, ty: TypeId) -> bool {
        let (Some(vec), Value::Regs(ops)) = (self.vec_ty(ty), value) else { return false };
        self.b.store(Ty::Vec(vec), dst, ops[0]);
        true
    }
}
