//! The error channel: failable values, returning, raising, handling.

use super::call::Outcome;
use super::cleanup::Exit;
use super::sig::split_failable;
use super::value::{Dest, Fresh, To, Value};
use super::{Lower, ResultIn};
use crate::thir::{Cast, E, Kind, LocalId};
use crate::types::TypeId;
use sx_ir::{Addr, BlockId, CmpOp, ErrTrace, Inst, Operand, Term, Ty};

impl<'b> Lower<'_, 'b> {
    /// Evaluates an expression of failable type. A value in memory goes to `hint`, if one is given.
    pub(super) fn failable(&mut self, e: E<'b>, hint: Option<Addr>) -> Outcome {
        let (ty, _) = split_failable(self.types, e.ty);
        let no_error = self.b.constant(Ty::I32, 0);
        if self.dead() {
            return Outcome { value: self.dummy(ty), tag: no_error };
        }
        self.at(e.loc);
        match e.kind {
            Kind::Call { ref callee, args } => self.call(e, callee, args, hint),
            Kind::Cast(Cast::Succeed, operand) => match hint {
                Some(addr) if !self.types.layout(ty).is_scalars() => {
                    self.build(operand, addr);
                    Outcome { value: Value::Mem(addr), tag: no_error }
                }
                Some(_) | None => Outcome { value: self.value(operand), tag: no_error },
            },
            Kind::Block { .. }
            | Kind::If { .. }
            | Kind::Switch { .. }
            | Kind::Catch { .. }
            | Kind::Push { .. } => {
                let fresh = self.fresh_or(ty, hint);
                let tag = self.b.var(Ty::I32);
                self.expr_to(e, &Dest { to: fresh.dest().to, tag: Some(tag) });
                Outcome { value: fresh.value(), tag: tag.into() }
            }
            _ => {
                let value = self.value(e);
                debug_assert!(self.dead(), "{:?} gives no failable", e.kind);
                Outcome { value, tag: no_error }
            }
        }
    }
    /// Goes on where there is no error; the other block is entered with one.
    fn split(&mut self, tag: Operand) -> (BlockId, BlockId) {
        let (good, bad) = (self.block(), self.block());
        match self.b.func().operand_const(tag) {
            Some(value) => self.jump(if value.bits == 0 { good } else { bad }),
            None => {
                let zero = self.b.constant(Ty::I32, 0);
                let fine = self.b.cmp(CmpOp::Eq, Ty::I32, tag, zero);
                self.branch(fine, good, bad);
            }
        }
        (good, bad)
    }

    /// The value of a failable; an error leaves the function.
    pub(super) fn try_value(&mut self, operand: E<'b>, hint: Option<Addr>) -> Value {
        let outcome = self.failable(operand, hint);
        self.at(operand.loc);
        let (good, bad) = self.split(outcome.tag);
        self.enter(bad);
        self.b.push(Inst::ErrTrace(ErrTrace::Propagate));
        self.leave_with_error(outcome.tag);
        self.enter(good);
        outcome.value
    }
    pub(super) fn raise(&mut self, e: E<'b>, error: E<'b>) {
        let tag = self.scalar(error);
        self.at(e.loc);
        self.b.push(Inst::ErrTrace(ErrTrace::Raise));
        self.leave_with_error(tag);
    }
    fn leave_with_error(&mut self, tag: Operand) {
        if self.dead() {
            return;
        }
        if !self.has_cleanup(Exit::Error) {
            return self.return_error(tag);
        }
        let var = self.error_var();
        self.write_var(var, tag, self.mark());
        self.leave(Exit::Error);
    }

    /// The value of a failable, or of its handler, which has one.
    pub(super) fn catch_to(
        &mut self,
        operand: E<'b>,
        binding: Option<LocalId>,
        handler: E<'b>,
        dest: &Dest<'_>,
    ) {
        let (ty, _) = split_failable(self.types, operand.ty);
        let hint = if let To::Mem(addr) = dest.to { Some(addr) } else { None };
        let mark = self.mark();
        let outcome = self.failable(operand, hint);
        self.at(operand.loc);
        let (good, bad) = self.split(outcome.tag);
        let join = self.block();
        self.enter(good);
        if !self.dead() {
            self.settle(&outcome.value, ty, dest, mark);
            if let Some(tag) = dest.tag {
                let none = self.b.constant(Ty::I32, 0);
                self.write_var(tag, none, self.mark());
            }
        }
        self.jump(join);
        self.enter(bad);
        self.handle(binding, outcome.tag);
        self.expr_to(handler, dest);
        self.jump(join);
        self.enter(join);
    }
    /// The value of a failable whose handler never gives one.
    pub(super) fn catch_leaving(
        &mut self,
        operand: E<'b>,
        binding: Option<LocalId>,
        handler: E<'b>,
        hint: Option<Addr>,
    ) -> Value {
        let outcome = self.failable(operand, hint);
        self.at(operand.loc);
        let (good, bad) = self.split(outcome.tag);
        self.enter(bad);
        self.handle(binding, outcome.tag);
        self.noreturn(handler);
        self.enter(good);
        outcome.value
    }
    fn handle(&mut self, binding: Option<LocalId>, tag: Operand) {
        self.b.push(Inst::ErrTrace(ErrTrace::Clear));
        if let Some(binding) = binding {
            let value = self.one(tag);
            self.bind(binding, &value);
        }
    }

    /// `v, err := f();`
    pub(super) fn let_failable(&mut self, value: Option<LocalId>, error: LocalId, init: E<'b>) {
        let (ty, _) = split_failable(self.types, init.ty);
        let outcome = self.failable(init, None);
        if self.dead() {
            return;
        }
        self.at(init.loc);
        if let Value::Mem(addr) = outcome.value {
            // Results in registers are zero on errors by themselves.
            let (good, bad) = self.split(outcome.tag);
            self.enter(bad);
            self.b.push(Inst::ErrTrace(ErrTrace::Clear));
            self.store_zero(addr, ty);
            self.jump(good);
            self.enter(good);
        }
        if let Some(value) = value {
            self.bind(value, &outcome.value);
        }
        // An optional error is its tag, 0 for null.
        let tag = self.one(outcome.tag);
        self.bind(error, &tag);
    }

    /// The body's value is the function's.
    pub(super) fn root(&mut self, root: E<'b>) {
        self.return_(root, Some(root));
    }
    /// Leaves the function with a value.
    pub(super) fn return_(&mut self, e: E<'b>, value: Option<E<'b>>) {
        let Some(value) = value else {
            self.at(e.loc);
            return self.leave(Exit::Return);
        };
        if self.diverges(value) {
            return self.noreturn(value);
        }
        match self.returns.result {
            _ if self.returns.ty == TypeId::VOID => self.effect(value),
            ResultIn::Memory(address) => self.build(value, Self::behind(address)),
            ResultIn::Regs(_) if self.has_cleanup(Exit::Return) => {
                let vars = self.return_vars();
                self.expr_to(value, &Dest::vars(&vars));
            }
            ResultIn::Regs(_) => {
                let ops = self.regs(value);
                self.at(e.loc);
                return self.return_ops(&ops);
            }
        }
        if !self.dead() {
            self.at(e.loc);
            self.leave(Exit::Return);
        }
    }
    /// Returns a value's scalars, without an error.
    pub(super) fn return_ops(&mut self, ops: &[Operand]) {
        let no_error = self.returns.failable.then(|| self.b.constant(Ty::I32, 0));
        let list = self.b.list(ops.iter().copied().chain(no_error));
        self.terminate(Term::Return(list));
    }
    /// Returns an error, and zero in the place of the value.
    pub(super) fn return_error(&mut self, tag: Operand) {
        debug_assert!(self.returns.failable, "errors leave failable functions only");
        let mut ops = match &self.returns.result {
            ResultIn::Regs(leaves) => leaves.iter().map(|leaf| self.b.constant(leaf.ty, 0)).collect(),
            ResultIn::Memory(_) => Vec::new(),
        };
        ops.push(tag);
        let list = self.b.list(ops);
        self.terminate(Term::Return(list));
    }
    /// Storage for a value that goes on being a value: memory given by the taker, or new storage.
    fn fresh_or(&mut self, ty: TypeId, hint: Option<Addr>) -> Fresh {
        match hint {
            Some(addr) if !self.types.layout(ty).is_scalars() => Fresh::Mem(addr),
            Some(_) | None => self.fresh(ty),
        }
    }
}
