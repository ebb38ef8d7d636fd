//! Instructions that compute, and the rest.

use super::emit::Emit;
use super::emit_jump::{float_width, width};
use super::imm;
use crate::bytecode::{Op, Word};
use sx_ir::{BinOp, CmpOp, Const, ConvOp, ErrTrace, Inst, Operand, Reg, Ty, UnOp};

impl Emit<'_, '_> {
    pub(super) fn inst(&mut self, inst: &Inst) -> Result<(), String> {
        if inst.is_on_vectors() {
            return self.vector(inst);
        }
        match *inst {
            Inst::Copy { dst, src } => match self.analysis.func.regs[dst.index()].ty {
                Ty::Vec(ty) => {
                    let (dst, src) = (self.dst(dst), self.src(src));
                    self.vec_mov(dst, src, ty);
                }
                _ => {
                    let dst = self.dst(dst);
                    self.mov(dst, src);
                }
            },
            Inst::Bin { op, ty, dst, a, b } => self.bin(op, ty, dst, a, b),
            Inst::Un { op, ty, dst, a } => self.un(op, ty, dst, a),
            Inst::Cmp { op, ty, dst, a, b } => self.cmp(op, ty, dst, a, b),
            Inst::Conv { op, from, to, dst, a } => self.conv(op, from, to, dst, a),
            Inst::Select { dst, cond, a, b, .. } => {
                let (cond, a, b) = (self.src(cond), self.src(a), self.src(b));
                let dst = self.dst(dst);
                self.emit(Op::Select, dst, cond, a);
                self.extend(Word::raw(b as u64));
            }
            Inst::Load { ty, dst, addr } => self.load_from(ty, dst, &addr)?,
            Inst::Store { ty, addr, val } => self.store_to(ty, &addr, val)?,
            Inst::AddrOf { dst, addr } => {
                let dst = self.dst(dst);
                self.address(dst, &addr)?;
            }
            Inst::Index { dst, base, index, stride } => self.index(dst, base, index, stride),
            Inst::FuncAddr { dst, func } => {
                let dst = self.dst(dst);
                self.load(dst, Const { ty: Ty::Ptr, bits: func.0 as u64 + 1 });
            }
            Inst::CFuncAddr { dst, func } => {
                let dst = self.dst(dst);
                self.emit_w(Op::CFuncAddr, dst, func.0 as i32);
            }
            Inst::ExternAddr { dst, ext } => {
                let dst = self.dst(dst);
                self.emit_w(Op::ExternAddr, dst, ext.0 as i32);
            }
            Inst::MemCopy { dst, src, size } => self.mem_copy(&dst, &src, size)?,
            Inst::MemZero { dst, size } => self.mem_zero(&dst, size)?,
            Inst::MemMove { dst, src, len } => {
                let (dst, src, len) = (self.src(dst), self.src(src), self.src(len));
                self.emit(Op::MemMove, dst, src, len);
            }
            Inst::MemSet { dst, val, len } => {
                let (dst, val, len) = (self.src(dst), self.src(val), self.src(len));
                self.emit(Op::MemSet, dst, val, len);
            }
            Inst::MemCmp { dst, a, b, len } => {
                let (a, b, len) = (self.src(a), self.src(b), self.src(len));
                let dst = self.dst(dst);
                self.emit(Op::MemCmp, dst, a, b);
                self.extend(Word::raw(len as u64));
            }
            Inst::Call { callee, args, rets } => self.call(callee, args, rets)?,
            Inst::Bounds { index, len, .. } => self.bounds(index, len),
            Inst::SliceBounds { lo, hi, len, .. } => {
                let (lo, hi, len) = (self.src(lo), self.src(hi), self.src(len));
                self.emit(Op::SliceBounds, lo, hi, len);
            }
            Inst::NullCheck { ptr } => {
                let ptr = self.src(ptr);
                self.emit(Op::NullCheck, ptr, 0, 0);
            }
            Inst::Check { cond, kind } => self.check(cond, kind),
            Inst::Splat { .. } | Inst::Lane { .. } | Inst::SetLane { .. } => self.vector(inst)?,
            Inst::AtomicLoad { .. }
            | Inst::AtomicStore { .. }
            | Inst::AtomicRmw { .. }
            | Inst::AtomicCas { .. }
            | Inst::Fence { .. } => self.atomic(inst)?,
            Inst::Poll => self.emit(Op::Poll, 0, 0, 0),
            Inst::ErrTrace(what) => {
                let code = match what {
                    ErrTrace::Raise => 0,
                    ErrTrace::Propagate => 1,
                    ErrTrace::Clear => 2,
                };
                self.emit(Op::ErrTrace, code, 0, 0);
            }
        }
        Ok(())
    }
    fn bin(&mut self, op: BinOp, ty: Ty, dst: Reg, a: Operand, b: Operand) {
        let dst = self.dst(dst);
        if op == BinOp::Or
            && let Some((x, distance)) = self.analysis.rotation(ty, a, b)
        {
            let x = self.src(x);
            return self.emit(Op::RotRI32.at(width(ty) - 2), dst, x, distance as u16);
        }
        if op == BinOp::And {
            for (plain, inverted) in [(a, b), (b, a)] {
                if let Some(inverted) = self.analysis.complement(inverted) {
                    let (plain, inverted) = (self.src(plain), self.src(inverted));
                    return self.emit(Op::AndNot, dst, plain, inverted);
                }
            }
        }
        let (a, b) = if imm::commutes(op) && self.constant(a).is_some() && self.constant(b).is_none() {
            (b, a)
        } else {
            (a, b)
        };
        if !ty.is_float() {
            if let Some(value) = self.constant(b).and_then(|value| imm::bin(op, ty, value)) {
                let a = self.src(a);
                return self.emit(bin_immediate(op, ty), dst, a, value as u16);
            }
            if op == BinOp::Sub
                && let Some(value) = self.constant(a).and_then(|value| imm::short(value, ty))
            {
                let b = self.src(b);
                return self.emit(Op::RSubI, dst, b, value as u16);
            }
        }
        let (a, b) = (self.src(a), self.src(b));
        self.emit(bin_registers(op, ty), dst, a, b);
    }
    fn un(&mut self, op: UnOp, ty: Ty, dst: Reg, a: Operand) {
        let dst = self.dst(dst);
        let a = self.src(a);
        let op = match op {
            UnOp::Neg => Op::Neg,
            UnOp::Not => Op::Not,
            UnOp::BoolNot => Op::BoolNot,
            UnOp::FNeg => Op::FNeg32.at(float_width(ty)),
            UnOp::FAbs => Op::FAbs32.at(float_width(ty)),
            UnOp::Sqrt => Op::Sqrt32.at(float_width(ty)),
            UnOp::Floor => Op::Floor32.at(float_width(ty)),
            UnOp::Ceil => Op::Ceil32.at(float_width(ty)),
            UnOp::Trunc => Op::FTrn32.at(float_width(ty)),
            UnOp::Round => Op::Round32.at(float_width(ty)),
            UnOp::Clz => Op::Clz8.at(width(ty)),
            UnOp::Ctz => Op::Ctz8.at(width(ty)),
            UnOp::Popcnt => Op::Popcnt8.at(width(ty)),
            UnOp::Bswap if width(ty) == 0 => return self.mov_slot(dst, a),
            UnOp::Bswap => Op::Bswap16.at(width(ty) - 1),
            UnOp::SextIn(bits) => return self.emit(Op::SextIn, dst, a, bits.clamp(1, 64) as u16),
            UnOp::ZextIn(bits) => return self.emit(Op::ZextIn, dst, a, bits.clamp(1, 64) as u16),
        };
        self.emit(op, dst, a, 0);
    }
    fn cmp(&mut self, op: CmpOp, ty: Ty, dst: Reg, a: Operand, b: Operand) {
        let dst = self.dst(dst);
        if ty.is_float() {
            let (mut a, mut b) = (self.src(a), self.src(b));
            if matches!(op, CmpOp::FGt | CmpOp::FGe) {
                std::mem::swap(&mut a, &mut b);
            }
            let base = match op {
                CmpOp::FEq => Op::FEq32,
                CmpOp::FNe => Op::FNe32,
                CmpOp::FLt | CmpOp::FGt => Op::FLt32,
                _ => Op::FLe32,
            };
            return self.emit(base.at(float_width(ty)), dst, a, b);
        }
        let (op, a, b) = if self.constant(a).is_some() && self.constant(b).is_none() {
            (imm::swapped(op), b, a)
        } else {
            (op, a, b)
        };
        if let Some((base, value)) = self.constant(b).and_then(|value| cmp_immediate(op, ty, value)) {
            let a = self.src(a);
            return self.emit(base.at(width(ty)), dst, a, value as u16);
        }
        let (a, b) = (self.src(a), self.src(b));
        let (base, swap) = match op {
            CmpOp::Eq => (Op::Eq8, false),
            CmpOp::Ne => (Op::Ne8, false),
            CmpOp::SLt => (Op::SLt8, false),
            CmpOp::SLe => (Op::SLe8, false),
            CmpOp::SGt => (Op::SLt8, true),
            CmpOp::SGe => (Op::SLe8, true),
            CmpOp::ULt => (Op::ULt8, false),
            CmpOp::ULe => (Op::ULe8, false),
            CmpOp::UGt => (Op::ULt8, true),
            _ => (Op::ULe8, true),
        };
        let (a, b) = if swap { (b, a) } else { (a, b) };
        self.emit(base.at(width(ty)), dst, a, b);
    }
    fn conv(&mut self, op: ConvOp, from: Ty, to: Ty, dst: Reg, a: Operand) {
        let dst = self.dst(dst);
        let mut a = self.src(a);
        match op {
            ConvOp::Sext if width(from) < 3 => self.emit(Op::Sext8.at(width(from)), dst, a, 0),
            ConvOp::Zext if width(from) < 3 => self.emit(Op::Zext8.at(width(from)), dst, a, 0),
            ConvOp::Sext | ConvOp::Zext | ConvOp::Trunc | ConvOp::Bitcast => self.mov_slot(dst, a),
            ConvOp::SToF | ConvOp::UToF => {
                let signed = op == ConvOp::SToF;
                let mut size = width(from);
                if size < 2 {
                    let wide = self.scratch();
                    self.emit(if signed { Op::Sext8 } else { Op::Zext8 }.at(size), wide, a, 0);
                    a = wide;
                    size = 2;
                }
                let base = if signed { Op::SToF32F32 } else { Op::UToF32F32 };
                self.emit(base.at((size - 2) * 2 + float_width(to)), dst, a, 0);
            }
            ConvOp::FToS => self.emit(Op::F32ToS8.at(float_width(from) * 4 + width(to)), dst, a, 0),
            ConvOp::FToU => self.emit(Op::F32ToU8.at(float_width(from) * 4 + width(to)), dst, a, 0),
            ConvOp::FExt => self.emit(Op::FExt, dst, a, 0),
            ConvOp::FTrunc => self.emit(Op::FTrunc, dst, a, 0),
        }
    }
    pub(super) fn bounds(&mut self, index: Operand, len: Operand) {
        let index = self.src(index);
        match self.constant(len) {
            Some(value) if value.bits <= u32::MAX as u64 => {
                self.emit_w(Op::BoundsK, index, value.bits as i32)
            }
            _ => {
                let len = self.src(len);
                self.emit(Op::Bounds, index, len, 0);
            }
        }
    }
}

fn bin_registers(op: BinOp, ty: Ty) -> Op {
    match op {
        BinOp::Add => Op::Add,
        BinOp::Sub => Op::Sub,
        BinOp::Mul => Op::Mul,
        BinOp::And => Op::And,
        BinOp::Or => Op::Or,
        BinOp::Xor => Op::Xor,
        BinOp::Shl => Op::Shl8.at(width(ty)),
        BinOp::SShr => Op::SShr8.at(width(ty)),
        BinOp::UShr => Op::UShr8.at(width(ty)),
        BinOp::SDiv => Op::SDiv8.at(width(ty)),
        BinOp::UDiv => Op::UDiv8.at(width(ty)),
        BinOp::SRem => Op::SRem8.at(width(ty)),
        BinOp::URem => Op::URem8.at(width(ty)),
        BinOp::FAdd => Op::FAdd32.at(float_width(ty)),
        BinOp::FSub => Op::FSub32.at(float_width(ty)),
        BinOp::FMul => Op::FMul32.at(float_width(ty)),
        BinOp::FDiv => Op::FDiv32.at(float_width(ty)),
        BinOp::FRem => Op::FRem32.at(float_width(ty)),
        BinOp::FMin => Op::FMin32.at(float_width(ty)),
        BinOp::FMax => Op::FMax32.at(float_width(ty)),
    }
}

/// The form with an immediate of those operations that [`imm::bin`] lets have one.
fn bin_immediate(op: BinOp, ty: Ty) -> Op {
    match op {
        BinOp::Add | BinOp::Sub => Op::AddI,
        BinOp::Mul => Op::MulI,
        BinOp::And => Op::AndI,
        BinOp::Or => Op::OrI,
        BinOp::Xor => Op::XorI,
        BinOp::Shl => Op::ShlI,
        BinOp::SShr => Op::SShrI8.at(width(ty)),
        BinOp::UShr => Op::UShrI8.at(width(ty)),
        BinOp::SDiv => Op::SDivI32.at(width(ty) - 2),
        BinOp::SRem => Op::SRemI32.at(width(ty) - 2),
        BinOp::UDiv => Op::UDivI32.at(width(ty) - 2),
        _ => Op::URemI32.at(width(ty) - 2),
    }
}

/// The opcode family and immediate of a comparison to a value, which has `<` and `>` only.
fn cmp_immediate(op: CmpOp, ty: Ty, value: Const) -> Option<(Op, i16)> {
    let (op, value) = imm::cmp(op, ty, value)?;
    match op {
        CmpOp::Eq => Some((Op::EqI8, value)),
        CmpOp::Ne => Some((Op::NeI8, value)),
        CmpOp::SLt => Some((Op::SLtI8, value)),
        CmpOp::ULt => Some((Op::ULtI8, value)),
        CmpOp::SGe => value.checked_sub(1).map(|value| (Op::SGtI8, value)),
        _ if value == 0 => None,
        _ => Some((Op::UGtI8, value - 1)),
    }
}
