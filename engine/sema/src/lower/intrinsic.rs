//! Operations of the machine.

use super::Lower;
use super::value::{Ops, Value};
use crate::thir::{Compare, E, Intrinsic, Kind};
use crate::types::TypeId;
use sx_ir::{BinOp, CmpOp, Inst, Operand, Term, TrapKind, Ty, UnOp};

impl<'b> Lower<'_, 'b> {
    pub(super) fn intrinsic(&mut self, e: E<'b>, op: Intrinsic, args: &'b [E<'b>]) -> Value {
        if op == Intrinsic::Assert {
            self.assert(e, args);
            return self.dummy(e.ty);
        }
        let ops = self.all(args);
        self.at(e.loc);
        let result = match op {
            Intrinsic::Sqrt => self.float_op(e, UnOp::Sqrt, &ops),
            Intrinsic::Floor => self.float_op(e, UnOp::Floor, &ops),
            Intrinsic::Ceil => self.float_op(e, UnOp::Ceil, &ops),
            Intrinsic::Trunc => self.float_op(e, UnOp::Trunc, &ops),
            Intrinsic::Round => self.float_op(e, UnOp::Round, &ops),
            Intrinsic::FAbs => self.float_op(e, UnOp::FAbs, &ops),
            Intrinsic::Min | Intrinsic::Max => self.min_max(e.ty, op == Intrinsic::Min, ops[0], ops[1]),
            Intrinsic::Clz | Intrinsic::Ctz | Intrinsic::Popcnt => {
                let count = self.count_bits(op, args[0].ty, ops[0]);
                self.convert_int(count, args[0].ty, e.ty)
            }
            Intrinsic::Bswap => {
                let ty = self.scalar_ty(e.ty);
                let swapped = if ty == Ty::I8 { ops[0] } else { self.b.un(UnOp::Bswap, ty, ops[0]) };
                self.wrap_to(e.ty, swapped)
            }
            Intrinsic::Bitcast => {
                let (from, to) = (self.scalar_ty(args[0].ty), self.scalar_ty(e.ty));
                self.bitcast(ops[0], from, to)
            }
            Intrinsic::MemMove => {
                self.b.push(Inst::MemMove { dst: ops[0], src: ops[1], len: ops[2] });
                return self.dummy(e.ty);
            }
            Intrinsic::MemSet => {
                self.b.push(Inst::MemSet { dst: ops[0], val: ops[1], len: ops[2] });
                return self.dummy(e.ty);
            }
            Intrinsic::MemCmp => {
                let dst = self.b.temp(Ty::I32);
                self.b.push(Inst::MemCmp { dst, a: ops[0], b: ops[1], len: ops[2] });
                dst.into()
            }
            Intrinsic::Panic => {
                self.trap(TrapKind::Panic, &ops);
                return self.dummy(e.ty);
            }
            Intrinsic::Unreachable => {
                self.terminate(Term::Unreachable);
                return self.dummy(e.ty);
            }
            Intrinsic::OutOfMemory => {
                self.trap(TrapKind::OutOfMemory, &[]);
                return self.dummy(e.ty);
            }
            Intrinsic::Atomic(op) => return self.atomic(e, op, args, &ops),
            Intrinsic::Assert => unreachable!("lowered above"),
        };
        self.one(result)
    }

    /// The scalars of all arguments, each evaluated once, in order.
    fn all(&mut self, args: &'b [E<'b>]) -> Ops {
        let stable = self.before_assign(args);
        let mut all = Ops::new();
        for (i, &arg) in args.iter().enumerate() {
            let ops = self.regs(arg);
            all.extend(if i < stable { self.stable_ops(ops) } else { ops });
        }
        all
    }
    fn float_op(&mut self, e: E<'b>, op: UnOp, ops: &Ops) -> Operand {
        let ty = self.scalar_ty(e.ty);
        self.b.un(op, ty, ops[0])
    }
    fn min_max(&mut self, of: TypeId, min: bool, a: Operand, b: Operand) -> Operand {
        let ty = self.scalar_ty(of);
        if ty.is_float() {
            return self.b.bin(if min { BinOp::FMin } else { BinOp::FMax }, ty, a, b);
        }
        let first = self.compare_ops(of, if min { Compare::Le } else { Compare::Ge }, a, b);
        self.select_ops(ty, first, a, b)
    }
    /// Counts within the type's width, of which the register may have more.
    fn count_bits(&mut self, op: Intrinsic, of: TypeId, a: Operand) -> Operand {
        let ty = self.scalar_ty(of);
        let un = match op {
            Intrinsic::Clz => UnOp::Clz,
            Intrinsic::Ctz => UnOp::Ctz,
            _ => UnOp::Popcnt,
        };
        let Some((bits, signed)) = self.odd_width(of) else { return self.b.un(un, ty, a) };
        let a = if signed { self.b.un(UnOp::ZextIn(bits), ty, a) } else { a };
        match un {
            UnOp::Clz => {
                let count = self.b.un(un, ty, a);
                let above = self.b.constant(ty, ty.size(8) as u64 * 8 - bits as u64);
                self.b.bin(BinOp::Sub, ty, count, above)
            }
            UnOp::Ctz => {
                // A bit above the width stops the count there.
                let stop = self.b.constant(ty, 1 << bits);
                let a = self.b.bin(BinOp::Or, ty, a, stop);
                self.b.un(un, ty, a)
            }
            _ => self.b.un(un, ty, a),
        }
    }

    /// `assert(ok, message)`. A message that is a literal, or none, costs nothing while all is well.
    fn assert(&mut self, e: E<'b>, args: &'b [E<'b>]) {
        let (ok, message) = (args[0], args.get(1).copied());
        let message = message.filter(|message| !matches!(message.kind, Kind::Zero | Kind::Str([])));
        let Some(message) = message else {
            let ok = self.scalar(ok);
            self.at(e.loc);
            return self.check(ok, TrapKind::AssertionFailed);
        };
        let (good, bad) = (self.block(), self.block());
        if matches!(message.kind, Kind::Str(_)) {
            self.cond(ok, good, bad);
            self.enter(bad);
            let ops = self.regs(message);
            self.at(e.loc);
            self.trap(TrapKind::AssertionFailed, &ops);
            return self.enter(good);
        }
        let cond = self.scalar(ok);
        let cond = if self.may_assign(message) { self.stable(cond) } else { cond };
        let ops = self.regs(message);
        self.at(e.loc);
        self.branch(cond, good, bad);
        self.enter(bad);
        let (text, plain) = (self.block(), self.block());
        let zero = self.b.i64(0);
        let some = self.b.cmp(CmpOp::Ne, Ty::I64, ops[1], zero);
        self.branch(some, text, plain);
        self.enter(text);
        self.trap(TrapKind::AssertionFailed, &ops);
        self.enter(plain);
        self.trap(TrapKind::AssertionFailed, &[]);
        self.enter(good);
    }
}
