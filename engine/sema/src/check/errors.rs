//! The error channel: `raise`, `try`, `catch`, `or`, `onfail`, `return`.

use super::{Cx, Entry, Lit, Val};
use crate::sema::*;
use crate::thir::*;
use crate::types::{ErrorSetId, TypeId, TypeKind};
use sx_syntax::ast::{CatchExpr, Expr as Ast, ExprId, Ident, Idx, StmtId};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// So many errors are named in a message.
const MAX_NAMED: usize = 12;

impl<'b> Cx<'_, '_, 'b> {
    /// `error.Name`, typed by what is expected, else by the function's own set.
    pub(crate) fn check_error_name(&mut self, name: Ident, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let sym = self.ident(name);
        let tag = self.s.types.error_tag(sym);
        let mut expected = expected;
        while let Some(TypeKind::Optional(of)) = expected.map(|ty| self.kind(ty).clone()) {
            expected = Some(of);
        }
        let set = match expected.map(|ty| self.kind(ty).clone()) {
            Some(TypeKind::ErrorSet(set)) => set,
            _ => self.any_error_set(),
        };
        if !self.s.set_has(set, tag) {
            let set_ty = self.s.types.intern(TypeKind::ErrorSet(set));
            let message = format!("`{}` isn't in the set `{}`", self.s.text(sym), self.name_of(set_ty));
            let tags = self.s.types.error_set(set).tags.clone();
            let mut d = Diagnostic::error(Code::E0604, self.loc(span), message);
            if !tags.is_empty() {
                d = d.note(format!("its errors are {}", self.s.list_tags(&tags)));
            }
            self.report(d);
            return self.error_val(span);
        }
        let ty = self.s.types.intern(TypeKind::ErrorSet(set));
        self.val(ty, span, Kind::Int(tag as u64))
    }

    pub(crate) fn check_raise(&mut self, value: ExprId, span: Span) -> Val<'b> {
        let Some(set) = self.f.set else {
            self.check(value, None);
            let d = Diagnostic::error(
                Code::E0603,
                self.loc(span),
                "this function can't raise: it isn't failable",
            )
            .help("add `!` to its result type");
            self.report(d);
            return self.leaves(span);
        };
        if self.f.defers > 0 {
            self.error(Code::E0503, span, "`raise` can't leave a `defer` or `onfail`");
            return self.leaves(span);
        }
        let set_ty = self.s.types.intern(TypeKind::ErrorSet(set));
        let inferred = self.s.types.error_set(set).inferred;
        let val = match *self.ast.expr(value) {
            Ast::ErrorName(name) | Ast::DotName(name) if inferred => {
                let sym = self.ident(name);
                let tag = self.s.types.error_tag(sym);
                self.s.add_tag(set, tag);
                self.val(set_ty, span, Kind::Int(tag as u64))
            }
            _ => self.check(value, Some(set_ty)),
        };
        let e = match *self.kind(val.ty) {
            TypeKind::ErrorSet(from) => {
                let loc = self.loc(span);
                self.s.widen_set(from, set, loc, true);
                self.mk(set_ty, span, Kind::Cast(Cast::Int, val.e))
            }
            TypeKind::Optional(of) if matches!(self.kind(of), TypeKind::ErrorSet(_)) => {
                let TypeKind::ErrorSet(from) = *self.kind(of) else { return self.leaves(span) };
                let loc = self.loc(span);
                self.s.widen_set(from, set, loc, true);
                let inner = self.mk(of, span, Kind::Unwrap(val.e));
                self.mk(set_ty, span, Kind::Cast(Cast::Int, inner))
            }
            TypeKind::Error => return self.leaves(span),
            _ => {
                let message = format!("only an error can be raised, not a `{}`", self.name_of(val.ty));
                self.error(Code::E0603, span, message);
                return self.leaves(span);
            }
        };
        self.val(TypeId::NORETURN, span, Kind::Raise(e))
    }

    pub(crate) fn check_try(&mut self, operand: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let val = self.check_operand_failable(operand, expected);
        let TypeKind::Failable { value, set } = *self.kind(val.ty) else {
            if val.ty != TypeId::ERROR {
                let d = Diagnostic::error(Code::E0606, self.loc(span), "`try` needs a call that can fail")
                    .note(format!("this is a plain `{}`", self.name_of(val.ty)));
                self.report(d);
            }
            return self.error_val(span);
        };
        let Some(own) = self.f.set else {
            let d = Diagnostic::error(
                Code::E0602,
                self.loc(span),
                "`try` stands in a function that isn't failable",
            )
            .help("add `!` to its result type, or handle the error with `catch` or `or`");
            self.report(d);
            return self.error_val(span);
        };
        if self.f.defers > 0 {
            self.error(Code::E0503, span, "`try` can't leave a `defer` or `onfail`");
            return self.error_val(span);
        }
        let loc = self.loc(span);
        self.s.widen_set(set, own, loc, true);
        self.val(value, span, Kind::Try(val.e))
    }

    fn check_operand_failable(&mut self, expr: ExprId, expected: Option<TypeId>) -> Val<'b> {
        self.check(expr, expected)
    }

    /// `a or b`: boolean, or the fallback of a failable.
    pub(crate) fn check_or(&mut self, a: ExprId, b: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        // `a or b or c` means `a or (b or c)`: the same for conditions, and what fallbacks need.
        let mut operands = vec![b];
        let mut first = a;
        while let Ast::Or(x, y) = *self.ast.expr(first) {
            operands.push(y);
            first = x;
        }
        operands.push(first);
        operands.reverse();
        self.or_from(&operands, expected, span)
    }

    fn or_from(&mut self, operands: &[ExprId], expected: Option<TypeId>, span: Span) -> Val<'b> {
        let (a, rest) = (operands[0], &operands[1..]);
        let b = rest[0];
        // `try a() or rest`: an error of `a` evaluates `rest` instead of leaving.
        let left = match *self.ast.expr(a) {
            Ast::Try(operand) => {
                let val = self.check(operand, expected);
                if !matches!(self.kind(val.ty), TypeKind::Failable { .. } | TypeKind::Error) {
                    let d = Diagnostic::error(
                        Code::E0606,
                        self.loc(self.span(a)),
                        "`try` needs a call that can fail",
                    );
                    self.report(d);
                    return self.error_val(span);
                }
                val
            }
            _ => self.check_left(a, expected),
        };
        let TypeKind::Failable { value, .. } = *self.kind(left.ty) else {
            let at = self.span(a);
            let a = self.truth(left, at);
            let facts = super::facts::cond_facts(a);
            let b = self.assuming(&facts.when_false, |cx| match rest {
                [only] => cx.check_cond(*only),
                _ => {
                    let val = cx.or_from(rest, Some(TypeId::BOOL), span);
                    cx.truth(val, span)
                }
            });
            if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
                return self.error_val(span);
            }
            return self.val(TypeId::BOOL, span, Kind::Or(a, b));
        };
        let right = self.scoped(|cx| match rest {
            [only] => cx.check(*only, Some(value)),
            _ => cx.or_from(rest, Some(value), span),
        });
        if right.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let at = self.span(b);
        if let TypeKind::Failable { value: right_value, .. } = *self.kind(right.ty) {
            if right_value != value {
                let message = format!(
                    "the fallback gives `{}`, and `{}` is needed",
                    self.name_of(right_value),
                    self.name_of(value)
                );
                self.error(Code::E0201, at, message);
                return self.error_val(span);
            }
            return self.or_failable(left, right, value, span);
        }
        if value == TypeId::VOID && right.ty != TypeId::NORETURN {
            let message = "`or` has no value to give for a call without result";
            self.error_help(Code::E0606, span, message, "handle the error with `catch { … }`");
            return self.error_val(span);
        }
        let handler = if right.ty == TypeId::NORETURN { right.e } else { self.coerce(right, value, at) };
        if handler.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        self.val(value, span, Kind::Catch { operand: left.e, binding: None, handler })
    }

    /// Both sides may fail: the whole may, with the right side's errors.
    fn or_failable(&mut self, left: Val<'b>, right: Val<'b>, value_ty: TypeId, span: Span) -> Val<'b> {
        let TypeKind::Failable { set, .. } = *self.kind(left.ty) else { return left };
        let set_ty = self.s.types.intern(TypeKind::ErrorSet(set));
        let err_ty = self.s.types.optional(set_ty);
        let error = self.temp_local(err_ty, span);
        let value = (value_ty != TypeId::VOID).then(|| self.temp_local(value_ty, span));
        let stmts = vec![Stmt::LetFailable { value, error, init: left.e }];
        let error = self.local_expr(error, span);
        let cond = self.mk(TypeId::BOOL, span, Kind::HasValue(error));
        let good = match value {
            Some(value) => self.local_expr(value, span),
            None => self.void_val(span).e,
        };
        let good = self.mk(right.ty, span, Kind::Cast(Cast::Succeed, good));
        let choice = self.mk(right.ty, span, Kind::If { cond, then: right.e, else_: Some(good) });
        let e = self.block(stmts, choice);
        self.of(e)
    }

    /// The left side of `or`: a condition keeps its narrowing.
    fn check_left(&mut self, a: ExprId, expected: Option<TypeId>) -> Val<'b> {
        if let Some(e) = self.raw_local(a)
            && let TypeKind::Optional(_) = self.kind(e.ty)
        {
            let span = self.span(a);
            return self.val(TypeId::BOOL, span, Kind::HasValue(e));
        }
        self.check(a, expected)
    }

    pub(crate) fn check_catch(
        &mut self,
        idx: Idx<CatchExpr>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let ast = *self.ast.get(idx);
        let val = self.check(ast.operand, expected);
        let TypeKind::Failable { value, set } = *self.kind(val.ty) else {
            if val.ty != TypeId::ERROR {
                let d = Diagnostic::error(Code::E0606, self.loc(span), "`catch` needs a call that can fail")
                    .note(format!("this is a plain `{}`", self.name_of(val.ty)));
                self.report(d);
            }
            self.scoped(|cx| {
                if let Some(binding) = ast.binding {
                    let mut out = Vec::new();
                    cx.let_local(binding, TypeId::ERROR, None, &mut out);
                }
                cx.check(ast.handler, expected);
            });
            return self.error_val(span);
        };
        let set_ty = self.s.types.intern(TypeKind::ErrorSet(set));
        let (binding, handler) = self.scoped(|cx| {
            let binding = ast.binding.filter(|b| !cx.is_underscore(*b)).map(|b| {
                let sym = cx.ident(b);
                let local = cx.new_local(sym, set_ty, LocalKind::Value, b.span);
                cx.declare(b, Entry::Local(local));
                local
            });
            let want = if value == TypeId::VOID { TypeId::VOID } else { value };
            (binding, cx.check(ast.handler, Some(want)))
        });
        if handler.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let at = self.span(ast.handler);
        let handler = if handler.ty == TypeId::NORETURN {
            handler.e
        } else if value == TypeId::VOID {
            self.discard(handler)
        } else if handler.ty == TypeId::VOID && handler.lit == Lit::None {
            if matches!(expected, Some(TypeId::VOID)) {
                // Nobody wants the value: the call's own is dropped, too.
                let operand = val.e;
                let handler = self.zero_after(handler.e, value, at);
                let taken = self.mk(value, span, Kind::Catch { operand, binding, handler });
                return self.val(TypeId::VOID, span, Kind::Cast(Cast::Discard, taken));
            }
            let message = format!("the handler gives no value, and `{}` is needed", self.name_of(value));
            self.error_help(Code::E0307, at, message, "give a value, or leave with `return`");
            return self.error_val(span);
        } else {
            self.coerce(handler, value, at)
        };
        if handler.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        self.val(value, span, Kind::Catch { operand: val.e, binding, handler })
    }

    fn zero_after(&mut self, e: E<'b>, ty: TypeId, span: Span) -> E<'b> {
        let zero = self.mk(ty, span, Kind::Zero);
        let stmts = self.slice_of(vec![Stmt::Expr(e)]);
        self.mk(ty, span, Kind::Block { stmts, tail: Some(zero) })
    }

    pub(crate) fn check_onfail(
        &mut self,
        binding: Option<Ident>,
        body: StmtId,
        span: Span,
        out: &mut Vec<Stmt<'b>>,
    ) {
        let Some(set) = self.f.set else {
            let d = Diagnostic::error(
                Code::E0607,
                self.loc(span),
                "`onfail` stands in a function that isn't failable",
            );
            self.report(d);
            return;
        };
        let set_ty = self.s.types.intern(TypeKind::ErrorSet(set));
        self.scoped(|cx| {
            let binding = binding.filter(|b| !cx.is_underscore(*b)).map(|b| {
                let sym = cx.ident(b);
                let local = cx.new_local(sym, set_ty, LocalKind::Value, b.span);
                cx.declare(b, Entry::Local(local));
                local
            });
            let body = cx.check_cleanup(body);
            out.push(Stmt::OnFail { binding, body });
        });
    }

    pub(crate) fn check_return(&mut self, value: Option<ExprId>, span: Span) -> Val<'b> {
        if self.f.is_static {
            self.error(Code::E0108, span, "there is no function here that `return` could leave");
            return self.leaves(span);
        }
        if self.f.defers > 0 {
            self.error(Code::E0503, span, "`return` can't leave a `defer` or `onfail`");
            return self.leaves(span);
        }
        let Some(value) = value else {
            if self.f.infer && self.f.inferred.is_none() {
                self.f.inferred = Some(TypeId::VOID);
            }
            let ret = self.f.ret.or(self.f.inferred).unwrap_or(TypeId::VOID);
            if ret != TypeId::VOID && ret != TypeId::ERROR {
                let message =
                    format!("this function returns `{}`, and `return` gives no value", self.name_of(ret));
                self.error(Code::E0307, span, message);
                return self.leaves(span);
            }
            return self.val(TypeId::NORETURN, span, Kind::Return(None));
        };
        let e = match self.result_value(value) {
            Some(e) => e,
            None => return self.leaves(span),
        };
        if e.ty == TypeId::VOID {
            let stmts = self.slice_of(vec![Stmt::Expr(e)]);
            let leave = self.mk(TypeId::NORETURN, span, Kind::Return(None));
            return self.val(TypeId::NORETURN, span, Kind::Block { stmts, tail: Some(leave) });
        }
        self.val(TypeId::NORETURN, span, Kind::Return(Some(e)))
    }

    /// After a report: whatever is wrong with it, a `return` or `raise` doesn't go on.
    fn leaves(&mut self, span: Span) -> Val<'b> {
        self.val(TypeId::NORETURN, span, Kind::Return(None))
    }

    /// A value that leaves the function: of the declared type, or the one that decides it. The failable result
    /// of a call returns as it is only after `try`.
    pub(crate) fn result_value(&mut self, value: ExprId) -> Option<E<'b>> {
        let span = self.span(value);
        let declared = self.f.ret.or(self.f.inferred);
        let val = self.check(value, declared);
        if val.ty == TypeId::ERROR {
            return None;
        }
        if let TypeKind::Failable { .. } = self.kind(val.ty) {
            self.unhandled(span);
            return None;
        }
        match declared {
            Some(ty) => {
                if ty == TypeId::VOID && val.ty != TypeId::VOID && val.ty != TypeId::NORETURN {
                    let help = "declare a result, `-> T`, or leave out the value";
                    self.error_help(Code::E0201, span, "this function returns nothing", help);
                    return None;
                }
                let e = self.coerce_result(val, ty, span);
                (e.ty != TypeId::ERROR).then_some(e)
            }
            None => {
                let e = self.settle(val, span);
                if e.ty == TypeId::ERROR {
                    return None;
                }
                if e.ty != TypeId::NORETURN {
                    self.infer_result(e.ty, span);
                }
                Some(e)
            }
        }
    }
}

impl Sema {
    /// True when a set has a tag; the set of every error has all.
    pub(crate) fn set_has(&self, set: ErrorSetId, tag: u32) -> bool {
        let def = self.types.error_set(set);
        (def.name.is_empty() && !def.inferred) || def.tags.contains(&tag)
    }

    pub(crate) fn add_tag(&mut self, set: ErrorSetId, tag: u32) {
        let tags = &mut self.types.error_sets[set.0 as usize].tags;
        if let Err(at) = tags.binary_search(&tag) {
            tags.insert(at, tag);
        }
    }

    /// The tags of a set, once the functions that fill an inferred one have been checked; none for the set of
    /// every error.
    pub(crate) fn error_tags(&mut self, set: ErrorSetId) -> Option<Vec<u32>> {
        if self.types.error_set(set).inferred {
            self.fill_set(set);
            self.flow_sets();
        }
        let def = self.types.error_set(set);
        if def.name.is_empty() && !def.inferred {
            return None;
        }
        Some(def.tags.clone())
    }

    /// Checks the functions whose errors end up in an inferred set.
    fn fill_set(&mut self, set: ErrorSetId) {
        let mut todo = vec![set];
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(set) = todo.pop() {
            if !seen.insert(set) {
                continue;
            }
            if let Some(&owner) = self.set_owners.get(&set) {
                self.ensure_body(owner);
            }
            todo.extend(self.set_checks.iter().filter(|c| c.to == set).map(|c| c.from));
        }
    }

    /// Notes that errors of `from` become errors of `to`; judged at once where both are known, else at the end.
    pub(crate) fn widen_set(&mut self, from: ErrorSetId, to: ErrorSetId, loc: Loc, report: bool) -> bool {
        if from == to {
            return true;
        }
        let (f, t) = (self.types.error_set(from).clone(), self.types.error_set(to).clone());
        if t.name.is_empty() && !t.inferred {
            return true;
        }
        if t.inferred {
            if f.name.is_empty() && !f.inferred {
                // An unknown error into an inferred set makes it unknown as well.
                self.types.error_sets[to.0 as usize].inferred = false;
                return true;
            }
            for tag in f.tags {
                self.add_tag(to, tag);
            }
            if f.inferred {
                let work = self.at_work();
                self.set_checks.push(SetCheck { from, to, loc, work });
            }
            return true;
        }
        if f.inferred {
            let work = self.at_work();
            self.set_checks.push(SetCheck { from, to, loc, work });
            return true;
        }
        let any = f.name.is_empty();
        let missing: Vec<u32> = f.tags.iter().copied().filter(|tag| !t.tags.contains(tag)).collect();
        if missing.is_empty() && !any {
            return true;
        }
        if report {
            self.missing_tags(&missing, to, loc);
        }
        false
    }

    /// Errors by name, for messages.
    pub(crate) fn list_tags(&self, tags: &[u32]) -> String {
        let names = tags.iter().map(|&t| format!("`.{}`", self.text(self.types.error_names[t as usize])));
        names.take(MAX_NAMED).collect::<Vec<_>>().join(", ")
    }

    fn missing_tags(&mut self, missing: &[u32], to: ErrorSetId, loc: Loc) {
        let set = self.types.error_set(to).name.clone();
        let what = if missing.is_empty() { "any error".to_string() } else { self.list_tags(missing) };
        let message = format!("{what} can be raised here, and isn't in the set `{set}`");
        let d = Diagnostic::error(Code::E0604, loc, message)
            .help(format!("add it to `{set}`, or handle it with `catch`"));
        self.report(d);
    }

    /// Lets tags flow between inferred sets until nothing changes.
    pub(crate) fn flow_sets(&mut self) {
        loop {
            let mut changed = false;
            for i in 0..self.set_checks.len() {
                let SetCheck { from, to, .. } = self.set_checks[i].clone();
                if !self.types.error_set(to).inferred {
                    continue;
                }
                for tag in self.types.error_set(from).tags.clone() {
                    if !self.types.error_set(to).tags.contains(&tag) {
                        self.add_tag(to, tag);
                        changed = true;
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// In a session bodies may have been passed over that fill the sets which are judged.
    fn fill_judged_sets(&mut self) {
        if self.watch.is_none() {
            return;
        }
        let mut at = 0;
        while let Some(SetCheck { from, to, work, .. }) = self.set_checks.get(at).cloned() {
            if !self.types.error_set(to).inferred {
                let resumed = self.resume_work(work);
                self.fill_set(from);
                self.end_work(resumed);
            }
            at += 1;
        }
    }

    /// Judges what had to wait for inferred sets.
    pub(crate) fn judge_sets(&mut self) {
        self.fill_judged_sets();
        self.flow_sets();
        for check in std::mem::take(&mut self.set_checks) {
            let to = self.types.error_set(check.to).clone();
            if to.inferred {
                self.set_checks.push(check);
                continue;
            }
            if to.name.is_empty() {
                continue;
            }
            let from = self.types.error_set(check.from).clone();
            let missing: Vec<u32> = from.tags.iter().copied().filter(|t| !to.tags.contains(t)).collect();
            if !missing.is_empty() {
                let resumed = self.resume_work(check.work);
                self.missing_tags(&missing, check.to, check.loc);
                self.end_work(resumed);
            }
        }
    }
}
