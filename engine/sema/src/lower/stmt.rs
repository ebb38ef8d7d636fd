//! Statements and blocks.

use super::Lower;
use super::place::Place;
use super::value::{Dest, To, Value};
use crate::thir::{Arith, E, Kind, Stmt};
use smallvec::SmallVec;
use sx_ir::Reg;

impl<'b> Lower<'_, 'b> {
    /// A block as a value. With cleanup, the value waits in storage of its own.
    pub(super) fn block_value(&mut self, e: E<'b>, stmts: &'b [Stmt<'b>], tail: Option<E<'b>>) -> Value {
        self.open_scope();
        self.stmts(stmts);
        let Some(tail) = tail else {
            self.close_scope();
            return self.dummy(e.ty);
        };
        if self.scope_is_clean() {
            let value = self.value(tail);
            self.close_scope();
            return value;
        }
        if self.dead() || self.types.layout(e.ty).size == 0 {
            self.effect(tail);
            self.close_scope();
            return self.dummy(e.ty);
        }
        let fresh = self.fresh(e.ty);
        self.expr_to(tail, &fresh.dest());
        self.close_scope();
        fresh.value()
    }
    /// A block whose value goes somewhere.
    pub(super) fn block_to(&mut self, stmts: &'b [Stmt<'b>], tail: Option<E<'b>>, dest: &Dest<'_>) {
        self.open_scope();
        self.stmts(stmts);
        let Some(tail) = tail else { return self.close_scope() };
        match dest.to {
            // The registers may be a variable's that cleanup reads.
            To::Vars(regs) if !self.scope_is_clean() && !self.dead() => {
                let waiting: SmallVec<[Reg; 4]> =
                    regs.iter().map(|&reg| self.b.var(self.b.func().regs[reg.index()].ty)).collect();
                self.expr_to(tail, &Dest { to: To::Vars(&waiting), tag: dest.tag });
                self.close_scope();
                let value = Value::Regs(waiting.iter().map(|&reg| reg.into()).collect());
                let mark = self.mark();
                self.write_vars(regs, &value, mark);
            }
            To::Vars(_) | To::Mem(_) | To::Ignore => {
                self.expr_to(tail, dest);
                self.close_scope();
            }
        }
    }
    pub(super) fn stmts(&mut self, stmts: &'b [Stmt<'b>]) {
        for stmt in stmts {
            if self.dead() {
                return;
            }
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'b Stmt<'b>) {
        match *stmt {
            Stmt::Expr(e) => self.effect(e),
            Stmt::Let { local, init } => {
                self.at(self.decls[local.0 as usize].loc);
                self.declare(local, init);
            }
            Stmt::LetFailable { value, error, init } => self.let_failable(value, error, init),
            Stmt::Assign { targets, values } => match (targets, values) {
                ([target], [value]) => self.assign(*target, value),
                _ => self.assign_all(targets, values),
            },
            Stmt::AssignOp { op, target, value } => self.assign_op(op, target, value),
            Stmt::Defer(body) => self.defer(body),
            Stmt::OnFail { binding, body } => self.on_fail(binding, body),
        }
    }

    fn assign(&mut self, target: Option<E<'b>>, value: E<'b>) {
        let Some(target) = target else { return self.effect(value) };
        self.at(target.loc);
        let mut place = self.place(target);
        if self.may_assign(value) {
            place = self.stable_place(place);
        }
        if let Some(regs) = self.exact_regs(&place, target.ty) {
            return self.expr_to(value, &Dest::vars(&regs));
        }
        if let Place::Mem(addr) = place
            && self.is_plain(value)
        {
            return self.build(value, addr);
        }
        let mark = self.mark();
        let result = self.value(value);
        self.at(target.loc);
        if !self.dead() {
            self.write(&place, &result, target.ty, mark);
        }
    }
    /// Places, then values, then stores.
    fn assign_all(&mut self, targets: &'b [Option<E<'b>>], values: &'b [E<'b>]) {
        let mut places: Vec<Option<Place>> = Vec::with_capacity(targets.len());
        for target in targets {
            let place = target.map(|target| self.place(target));
            places.push(place.map(|place| self.stable_place(place)));
        }
        let mut results = Vec::with_capacity(values.len());
        for value in values {
            let result = self.value(value);
            results.push(if self.dead() { result } else { self.stable_value(result, value.ty) });
        }
        if self.dead() {
            return;
        }
        for ((place, result), value) in places.iter().zip(&results).zip(values) {
            if let Some(place) = place {
                let mark = self.mark();
                self.write(place, result, value.ty, mark);
            }
        }
    }
    fn assign_op(&mut self, op: Arith, target: E<'b>, value: E<'b>) {
        let assigns = self.may_assign(value);
        let mut place = self.place(target);
        if assigns {
            place = self.stable_place(place);
        }
        let mark = self.mark();
        let old = self.read_scalar(&place, target.ty);
        let old = if assigns { self.stable(old) } else { old };
        let by = self.scalar(value);
        if self.dead() {
            return;
        }
        self.at(target.loc);
        let new = self.arith_ops(target.ty, op, old, by);
        let new = self.one(new);
        self.write(&place, &new, target.ty, mark);
    }
    /// True for values made only of constants and of what is in registers: they don't read the memory that
    /// they are assigned to.
    fn is_plain(&self, e: E<'b>) -> bool {
        match e.kind {
            Kind::Int(_) | Kind::Float(_) | Kind::Str(_) | Kind::CStr(_) | Kind::Zero | Kind::Undef => true,
            Kind::Local(id) => matches!(self.locals[id.0 as usize], Some(Place::Part { .. })),
            Kind::Aggregate(parts) => parts.iter().all(|part| self.is_plain(part.1)),
            Kind::Array(elems) => elems.iter().all(|elem| self.is_plain(elem)),
            Kind::Repeat(elem) => self.is_plain(elem),
            Kind::Variant { payload, .. } => payload.is_none_or(|payload| self.is_plain(payload)),
            _ => false,
        }
    }

    /// Runs a body under another context.
    pub(super) fn push_to(&mut self, ctx: E<'b>, body: E<'b>, dest: &Dest<'_>) {
        let slot = self.temporary(ctx);
        if self.dead() {
            return;
        }
        let outer = self.ctx;
        self.ctx = self.address(slot);
        self.expr_to(body, dest);
        self.ctx = outer;
    }
}
