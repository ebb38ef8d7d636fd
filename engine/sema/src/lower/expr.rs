//! Expressions: what each becomes, and where its value goes.

use super::Lower;
use super::value::{Dest, To, Value};
use crate::thir::{Cast, E, Kind};
use crate::types::TypeId;
use smallvec::smallvec;
use sx_ir::{Addr, Base, Inst, Operand, Term, Ty};

impl<'b> Lower<'_, 'b> {
    /// Evaluates an expression.
    pub(super) fn value(&mut self, e: E<'b>) -> Value {
        if self.dead() {
            return self.dummy(e.ty);
        }
        self.at(e.loc);
        if self.is_vector_operation(e) {
            let op = self.vector(e);
            return self.made_value(op, e.ty);
        }
        match e.kind {
            Kind::Int(bits) => {
                let ty = self.scalar_ty(e.ty);
                let op = self.b.constant(ty, bits);
                self.one(op)
            }
            Kind::Float(value) => {
                let op = self.float(e.ty, value);
                self.one(op)
            }
            Kind::Str(bytes) => {
                let ptr = self.string_data(bytes);
                let len = self.b.i64(bytes.len() as i64);
                Value::Regs(smallvec![ptr, len])
            }
            Kind::CStr(bytes) => {
                let ptr = self.string_data(bytes);
                self.one(ptr)
            }
            Kind::FuncValue(func) => self.made(|dst| Inst::FuncAddr { dst, func }),
            Kind::CFuncValue(func) => self.made(|dst| Inst::CFuncAddr { dst, func }),
            Kind::ExternAddr(ext) => self.made(|dst| Inst::ExternAddr { dst, ext }),
            Kind::Local(_)
            | Kind::Global(_)
            | Kind::ConstData(_)
            | Kind::Context
            | Kind::Deref(_)
            | Kind::Field { .. }
            | Kind::Index { .. }
            | Kind::Payload { .. }
            | Kind::OptPayload(_)
            | Kind::Unwrap(_) => {
                let place = self.place(e);
                self.read(&place, e.ty)
            }
            Kind::Zero
            | Kind::Undef
            | Kind::Aggregate(_)
            | Kind::Array(_)
            | Kind::Repeat(_)
            | Kind::Variant { .. } => self.construct(e),
            Kind::Tag(union) => {
                let op = self.tag(e, union);
                self.one(op)
            }
            Kind::Cast(cast, operand) => self.cast(e, cast, operand),
            Kind::Slice { base, lo, hi } => self.slice(e, base, lo, hi),
            Kind::Closure { func, captures, alloc } => self.closure(func, captures, alloc),
            Kind::Call { ref callee, args } => self.call(e, callee, args, None).value,
            Kind::Intrinsic(op, args) => self.intrinsic(e, op, args),
            Kind::Try(operand) => self.try_value(operand, None),
            Kind::Block { stmts, tail } => self.block_value(e, stmts, tail),
            Kind::Catch { operand, binding, handler } if self.diverges(handler) => {
                self.catch_leaving(operand, binding, handler, None)
            }
            Kind::If { cond, then, else_: Some(else_) } if self.is_selectable(e, then, else_) => {
                let cond = self.scalar(cond);
                self.select(e, cond, then, else_)
            }
            Kind::If { .. } | Kind::Switch { .. } | Kind::Catch { .. } | Kind::Push { .. } => {
                if self.types.layout(e.ty).size == 0 {
                    self.expr_to(e, &Dest::IGNORE);
                    return self.dummy(e.ty);
                }
                let fresh = self.fresh(e.ty);
                self.expr_to(e, &fresh.dest());
                fresh.value()
            }
            Kind::Raise(_)
            | Kind::Return(_)
            | Kind::Break(_)
            | Kind::Continue(_)
            | Kind::While { .. }
            | Kind::For { .. } => {
                self.leave_or_loop(e);
                self.dummy(e.ty)
            }
            Kind::HasValue(_)
            | Kind::AddrOf(_)
            | Kind::Neg(_)
            | Kind::Not(_)
            | Kind::BitNot(_)
            | Kind::Arith(..)
            | Kind::Compare(..)
            | Kind::Equal { .. }
            | Kind::And(..)
            | Kind::Or(..) => {
                let op = self.operation(e);
                self.one(op)
            }
        }
    }

    /// Operations with one scalar or vector as result.
    pub(super) fn operation(&mut self, e: E<'b>) -> Operand {
        match e.kind {
            Kind::HasValue(operand) => self.has_value(operand),
            Kind::AddrOf(place) => self.address_of(place),
            Kind::Neg(operand) => self.neg(e, operand),
            Kind::Not(operand) => self.not(operand),
            Kind::BitNot(operand) => self.bit_not(e, operand),
            Kind::Arith(op, a, b) => self.arith(e, op, a, b),
            Kind::Compare(op, a, b) => self.compare(e, op, a, b),
            Kind::Equal { a, b, negate } => self.equal(e, a, b, negate),
            Kind::And(a, b) => self.short_circuit(a, b, true),
            Kind::Or(a, b) => self.short_circuit(a, b, false),
            _ => unreachable!("only operations are sent here"),
        }
    }

    /// What leaves the place where it stands, or goes round in circles: without a value.
    fn leave_or_loop(&mut self, e: E<'b>) {
        match e.kind {
            Kind::Raise(error) => self.raise(e, error),
            Kind::Return(value) => self.return_(e, value),
            Kind::Break(id) => self.break_(id),
            Kind::Continue(id) => self.continue_(id),
            Kind::While { id, cond, body } => self.while_(id, cond, body),
            Kind::For { id, iters, body } => self.for_(e, id, iters, body),
            _ => unreachable!("only these are sent here"),
        }
    }

    /// Evaluates an expression for what it does.
    pub(super) fn effect(&mut self, e: E<'b>) {
        self.expr_to(e, &Dest::IGNORE);
    }

    /// Evaluates an expression and puts its value where it is wanted.
    pub(super) fn expr_to(&mut self, e: E<'b>, dest: &Dest<'_>) {
        if self.dead() {
            return;
        }
        if e.ty == TypeId::NORETURN {
            return self.noreturn(e);
        }
        let ignoring = Dest { to: To::Ignore, ..*dest };
        // A void node may have arms with values, which nobody wants.
        let arms = if e.ty == TypeId::VOID { &ignoring } else { dest };
        match e.kind {
            Kind::Block { stmts, tail } => self.block_to(stmts, tail, arms),
            Kind::If { cond, then, else_ } => self.if_to(cond, then, else_, arms),
            Kind::Switch { value, arms: list, default } => self.switch_to(e, value, list, default, arms),
            Kind::Catch { operand, binding, handler } => self.catch_to(operand, binding, handler, arms),
            Kind::Push { ctx, body } => self.push_to(ctx, body, arms),
            Kind::Cast(Cast::Never, operand) => self.noreturn(operand),
            _ => match (dest.tag, dest.to) {
                (Some(tag), _) => {
                    let hint = if let To::Mem(addr) = dest.to { Some(addr) } else { None };
                    let mark = self.mark();
                    let result = self.failable(e, hint);
                    let (value, _) = super::sig::split_failable(self.types, e.ty);
                    self.settle(&result.value, value, dest, mark);
                    self.write_var(tag, result.tag, mark);
                }
                (None, To::Mem(addr)) => self.build(e, addr),
                (None, To::Vars(_) | To::Ignore) => {
                    let mark = self.mark();
                    let value = self.value(e);
                    self.settle(&value, e.ty, dest, mark);
                }
            },
        }
    }
    /// Evaluates what never gives a value.
    pub(super) fn noreturn(&mut self, e: E<'b>) {
        if matches!(e.kind, Kind::Block { .. } | Kind::If { .. } | Kind::Switch { .. } | Kind::Push { .. }) {
            let ignore = &Dest::IGNORE;
            match e.kind {
                Kind::Block { stmts, tail } => self.block_to(stmts, tail, ignore),
                Kind::If { cond, then, else_ } => self.if_to(cond, then, else_, ignore),
                Kind::Switch { value, arms, default } => self.switch_to(e, value, arms, default, ignore),
                Kind::Push { ctx, body } => self.push_to(ctx, body, ignore),
                _ => unreachable!("matched above"),
            }
        } else {
            self.value(e);
        }
        self.terminate(Term::Unreachable);
    }
    /// True for expressions that never give a value.
    pub(super) fn diverges(&self, e: E<'b>) -> bool {
        e.ty == TypeId::NORETURN || matches!(e.kind, Kind::Cast(Cast::Never, _))
    }

    /// Evaluates an expression into memory that it doesn't read itself.
    pub(super) fn build(&mut self, e: E<'b>, addr: Addr) {
        if self.dead() {
            return;
        }
        self.at(e.loc);
        if self.is_vector_operation(e) {
            return self.vector_at(e, addr);
        }
        match e.kind {
            Kind::Zero => self.store_zero(addr, e.ty),
            Kind::Undef => {}
            Kind::Aggregate(_) | Kind::Array(_) | Kind::Repeat(_) | Kind::Variant { .. } => {
                self.construct_at(e, addr);
            }
            Kind::Cast(Cast::Wrap, operand) if !self.types.layout(e.ty).is_scalars() => {
                self.wrap_at(e, operand, addr);
            }
            Kind::Block { .. }
            | Kind::If { .. }
            | Kind::Switch { .. }
            | Kind::Push { .. }
            | Kind::Catch { .. }
            | Kind::Cast(Cast::Never, _) => self.expr_to(e, &Dest::mem(addr)),
            Kind::Call { ref callee, args } => {
                let value = self.call(e, callee, args, Some(addr)).value;
                self.store(addr, &value, e.ty);
            }
            Kind::Try(operand) => {
                let value = self.try_value(operand, Some(addr));
                self.store(addr, &value, e.ty);
            }
            _ => {
                let value = self.value(e);
                if !self.dead() {
                    self.store(addr, &value, e.ty);
                }
            }
        }
    }

    /// Evaluates operands in order; each keeps its value whatever those after it do.
    pub(super) fn two(&mut self, a: E<'b>, b: E<'b>) -> (Operand, Operand) {
        let changes = self.may_assign(b);
        let left = self.scalar(a);
        let left = if changes { self.stable(left) } else { left };
        (left, self.scalar(b))
    }

    fn made(&mut self, inst: impl FnOnce(sx_ir::Reg) -> Inst) -> Value {
        let dst = self.b.temp(Ty::Ptr);
        self.b.push(inst(dst));
        self.one(dst.into())
    }
    fn string_data(&mut self, bytes: &[u8]) -> Operand {
        let data = self.module.string(bytes);
        self.address(Addr { base: Base::Data(data), off: 0 })
    }
    fn float(&mut self, ty: TypeId, value: f64) -> Operand {
        match self.scalar_ty(ty) {
            Ty::F32 => self.b.constant(Ty::F32, (value as f32).to_bits() as u64),
            ty => self.b.constant(ty, value.to_bits()),
        }
    }
}
