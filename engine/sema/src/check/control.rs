//! `if`, loops, jumps, `push`, `#run`, `#assert`.

use super::{Cx, Entity, Entry, Lit, LoopInfo, Val, is_place};
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use crate::visit::any_below;
use sx_syntax::ast::{Capture, ExprId, ForExpr, Ident, Idx, IfExpr, Iter, WhileExpr};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn check_if(&mut self, idx: Idx<IfExpr>, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let ast = *self.ast.get(idx);
        if ast.inline {
            return self.inline_if(&ast, expected, span);
        }
        if let Some(binding) = ast.binding {
            return self.if_binding(&ast, binding, expected, span);
        }
        let cond = self.check_cond(ast.cond);
        let facts = super::facts::cond_facts(cond);
        let then = self.scoped(|cx| {
            cx.assume(&facts.when_true);
            cx.check(ast.then, expected)
        });
        let else_ = ast.else_.map(|e| {
            self.scoped(|cx| {
                cx.assume(&facts.when_false);
                cx.check(e, expected)
            })
        });
        self.join_if(cond, then, else_, expected, span)
    }

    /// Both branches brought to one type.
    fn join_if(
        &mut self,
        cond: E<'b>,
        then: Val<'b>,
        else_: Option<Val<'b>>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let Some(else_) = else_ else {
            // Without `else` there is no value; what the branch gives is dropped.
            let then = self.discard(then);
            return self.val(TypeId::VOID, span, Kind::If { cond, then, else_: None });
        };
        let Some((ty, mut branches)) = self.join(vec![then, else_], expected, span) else {
            return self.error_val(span);
        };
        let (else_, then) = (branches.pop(), branches.pop());
        let (Some(then), Some(else_)) = (then, else_) else { return self.error_val(span) };
        self.val(ty, span, Kind::If { cond, then, else_: Some(else_) })
    }

    /// A value where none is wanted. A failable may not be dropped.
    pub(crate) fn discard(&mut self, val: Val<'b>) -> E<'b> {
        let span = val.e.loc.span;
        match *self.kind(val.ty) {
            TypeKind::Void | TypeKind::Noreturn | TypeKind::Error => val.e,
            TypeKind::Failable { .. } => {
                self.unhandled(span);
                self.error_val(span).e
            }
            _ if val.lit != Lit::None => self.void_val(span).e,
            _ => self.mk(TypeId::VOID, span, Kind::Cast(Cast::Discard, val.e)),
        }
    }

    /// Brings the values of several branches to one type: the expected one, else what they share.
    pub(crate) fn join(
        &mut self,
        vals: Vec<Val<'b>>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<(TypeId, Vec<E<'b>>)> {
        if vals.iter().any(|v| v.ty == TypeId::ERROR) {
            return None;
        }
        let mut ty = match expected {
            Some(ty) if ty != TypeId::ERROR => Some(ty),
            _ => None,
        };
        let all_diverge = vals.iter().all(|v| v.ty == TypeId::NORETURN);
        if all_diverge {
            return Some((TypeId::NORETURN, vals.into_iter().map(|v| v.e).collect()));
        }
        let failable =
            vals.iter().find(|v| matches!(self.kind(v.ty), TypeKind::Failable { .. })).map(|v| v.ty);
        if let Some(failable) =
            failable.filter(|_| ty.is_none_or(|t| !matches!(self.kind(t), TypeKind::Failable { .. })))
        {
            return self.join_failable(vals, failable, span);
        }
        if ty.is_none() {
            ty = self.shared_type(&vals);
        }
        let void = vals.iter().any(|v| v.ty == TypeId::VOID);
        if ty == Some(TypeId::VOID) || (ty.is_none() && void) || (void && expected.is_none()) {
            let branches = vals.into_iter().map(|v| self.discard(v)).collect();
            return Some((TypeId::VOID, branches));
        }
        let Some(mut ty) = ty else {
            let first = vals[0];
            let other = vals.iter().find(|v| v.ty != first.ty).copied().unwrap_or(first);
            let (a, b) = (self.describe(first.ty), self.describe(other.ty));
            let message = format!("the branches have different types, {a} and {b}");
            let d = Diagnostic::error(Code::E0201, self.loc(span), message)
                .also(first.e.loc, format!("this is {a}"))
                .also(other.e.loc, format!("this is {b}"));
            self.report(d);
            return None;
        };
        ty = match ty {
            TypeId::UNTYPED_INT => TypeId::I64,
            TypeId::UNTYPED_FLOAT => TypeId::F64,
            other => other,
        };
        let mut branches = Vec::with_capacity(vals.len());
        for val in vals {
            let at = val.e.loc.span;
            if val.ty == TypeId::VOID && val.lit == Lit::None {
                let message = format!("this branch gives no value, and `{}` is needed", self.name_of(ty));
                self.error_help(Code::E0307, at, message, "leave out the `;` after its last expression");
                return None;
            }
            let e = self.coerce(val, ty, at);
            if e.ty == TypeId::ERROR {
                return None;
            }
            branches.push(e);
        }
        Some((ty, branches))
    }

    /// Branches of which some may fail: the others succeed.
    fn join_failable(
        &mut self,
        vals: Vec<Val<'b>>,
        failable: TypeId,
        span: Span,
    ) -> Option<(TypeId, Vec<E<'b>>)> {
        let TypeKind::Failable { value, .. } = *self.kind(failable) else { return None };
        let mut branches = Vec::with_capacity(vals.len());
        for val in vals {
            let at = val.e.loc.span;
            if val.ty == failable || val.ty == TypeId::NORETURN {
                branches.push(val.e);
                continue;
            }
            if let TypeKind::Failable { .. } = self.kind(val.ty) {
                self.error(Code::E0604, span, "the branches fail with different error sets");
                return None;
            }
            let e = self.coerce(val, value, at);
            if e.ty == TypeId::ERROR {
                return None;
            }
            branches.push(self.mk(failable, at, Kind::Cast(Cast::Succeed, e)));
        }
        Some((failable, branches))
    }

    fn shared_type(&mut self, vals: &[Val<'b>]) -> Option<TypeId> {
        let mut shared: Option<Val<'b>> = None;
        for &val in vals.iter().filter(|v| v.ty != TypeId::NORETURN) {
            shared = Some(match shared {
                None => val,
                Some(before) => {
                    let ty = self.peer(before, val)?;
                    if ty == before.ty {
                        before
                    } else if ty == val.ty {
                        val
                    } else {
                        let e = self.mk(ty, val.e.loc.span, Kind::Undef);
                        self.of(e)
                    }
                }
            });
        }
        shared.map(|v| v.ty)
    }

    /// `if v := optional { … }`
    fn if_binding(&mut self, ast: &IfExpr, binding: Ident, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let (stmts, cond, value) = match self.optional_source(ast.cond) {
            Some(source) => source,
            None => {
                self.scoped(|cx| {
                    let mut out = Vec::new();
                    cx.let_local(binding, TypeId::ERROR, None, &mut out);
                    cx.check(ast.then, expected);
                });
                if let Some(else_) = ast.else_ {
                    self.check(else_, expected);
                }
                return self.error_val(span);
            }
        };
        let then = self.scoped(|cx| {
            let mut out = Vec::new();
            cx.let_local(binding, value.ty, Some(value), &mut out);
            let val = cx.check(ast.then, expected);
            cx.prepend(out, val, expected)
        });
        let else_ = ast.else_.map(|e| self.scoped(|cx| cx.check(e, expected)));
        let val = self.join_if(cond, then, else_, expected, span);
        if val.ty == TypeId::ERROR {
            return val;
        }
        let e = self.block(stmts, val.e);
        self.of(e)
    }

    /// Statements before a value; an untyped constant is settled.
    pub(crate) fn prepend(
        &mut self,
        stmts: Vec<Stmt<'b>>,
        val: Val<'b>,
        expected: Option<TypeId>,
    ) -> Val<'b> {
        if stmts.is_empty() {
            return val;
        }
        let span = val.e.loc.span;
        let e = match (val.lit, expected) {
            (Lit::None, _) => val.e,
            (_, Some(ty)) if ty != TypeId::VOID && ty != TypeId::ERROR => self.coerce(val, ty, span),
            _ => self.settle(val, span),
        };
        if e.ty == TypeId::VOID || e.ty == TypeId::NORETURN {
            let mut stmts = stmts;
            stmts.push(Stmt::Expr(e));
            let stmts = self.slice_of(stmts);
            return self.val(e.ty, span, Kind::Block { stmts, tail: None });
        }
        let e = self.block(stmts, e);
        self.of(e)
    }

    /// What `if v := …` and `while v := …` test: statements that keep it, the test, the value inside.
    fn optional_source(&mut self, cond: ExprId) -> Option<(Vec<Stmt<'b>>, E<'b>, E<'b>)> {
        let span = self.span(cond);
        let e = match self.raw_local(cond) {
            Some(e) => e,
            None => self.check_settled(cond),
        };
        let value_ty = match *self.kind(e.ty) {
            TypeKind::Optional(of) => of,
            TypeKind::Ptr(_)
            | TypeKind::ManyPtr(_)
            | TypeKind::CString
            | TypeKind::Closure { .. }
            | TypeKind::Func { .. }
            | TypeKind::Protocol(_) => e.ty,
            TypeKind::Error => return None,
            _ => {
                let message = format!("an optional is needed here, and this is `{}`", self.name_of(e.ty));
                self.error(Code::E0504, span, message);
                return None;
            }
        };
        let mut stmts = Vec::new();
        let kept = self.keep(e, &mut stmts);
        let kept = self.local_expr(kept, span);
        let test = self.mk(TypeId::BOOL, span, Kind::HasValue(kept));
        let value = match *self.kind(e.ty) {
            TypeKind::Optional(_) => self.mk(value_ty, span, Kind::OptPayload(kept)),
            _ => kept,
        };
        Some((stmts, test, value))
    }

    /// `inline if`: decided now; the other branch isn't looked at.
    fn inline_if(&mut self, ast: &IfExpr, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let cond = self.check_cond(ast.cond);
        if cond.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let Some(value) = self.fold_or_report(cond) else { return self.error_val(span) };
        let taken = value.as_int().is_some_and(|n| n != 0);
        match (taken, ast.else_) {
            (true, _) => self.scoped(|cx| cx.check(ast.then, expected)),
            (false, Some(else_)) => self.scoped(|cx| cx.check(else_, expected)),
            (false, None) => self.void_val(span),
        }
    }

    // ---- loops ----

    pub(crate) fn fresh_loop(&mut self) -> LoopId {
        self.f.next_loop += 1;
        LoopId(self.f.next_loop)
    }

    fn enter_loop(&mut self, label: Option<Ident>) -> LoopId {
        let id = self.fresh_loop();
        let label = label.map(|l| self.ident(l));
        let defers = self.f.defers;
        self.f.loops.push(LoopInfo { id, label, defers, round: None });
        id
    }

    pub(crate) fn check_while(&mut self, idx: Idx<WhileExpr>, span: Span) -> Val<'b> {
        let ast = *self.ast.get(idx);
        self.forget_assigned_in(ast.body);
        if let Some(binding) = ast.binding {
            return self.while_binding(&ast, binding, span);
        }
        let cond = self.check_cond(ast.cond);
        let facts = super::facts::cond_facts(cond);
        let endless = matches!(cond.kind, Kind::Int(1));
        let id = self.enter_loop(ast.label);
        let body = self.scoped(|cx| {
            cx.assume(&facts.when_true);
            let val = cx.check(ast.body, Some(TypeId::VOID));
            cx.discard(val)
        });
        self.f.loops.pop();
        let breaks = has_break(body, id);
        let ty = if endless && !breaks { TypeId::NORETURN } else { TypeId::VOID };
        let cond = (!endless).then_some(cond);
        if !breaks {
            self.assume(&facts.when_false);
        }
        self.val(ty, span, Kind::While { id, cond, body })
    }

    /// `while v := next() { … }`
    fn while_binding(&mut self, ast: &WhileExpr, binding: Ident, span: Span) -> Val<'b> {
        let source = self.optional_source(ast.cond);
        let id = self.enter_loop(ast.label);
        let Some((mut stmts, test, value)) = source else {
            self.scoped(|cx| {
                let mut out = Vec::new();
                cx.let_local(binding, TypeId::ERROR, None, &mut out);
                cx.check(ast.body, Some(TypeId::VOID));
            });
            self.f.loops.pop();
            return self.error_val(span);
        };
        let body = self.scoped(|cx| {
            let mut out = Vec::new();
            cx.let_local(binding, value.ty, Some(value), &mut out);
            let val = cx.check(ast.body, Some(TypeId::VOID));
            let e = cx.discard(val);
            out.push(Stmt::Expr(e));
            let stmts = cx.slice_of(out);
            cx.mk(TypeId::VOID, span, Kind::Block { stmts, tail: None })
        });
        self.f.loops.pop();
        let leave = self.mk(TypeId::NORETURN, span, Kind::Break(id));
        let round = self.mk(TypeId::VOID, span, Kind::If { cond: test, then: body, else_: Some(leave) });
        stmts.push(Stmt::Expr(round));
        let stmts = self.slice_of(stmts);
        let body = self.mk(TypeId::VOID, span, Kind::Block { stmts, tail: None });
        self.val(TypeId::VOID, span, Kind::While { id, cond: None, body })
    }

    pub(crate) fn check_break(&mut self, label: Option<Ident>, span: Span, leave: bool) -> Val<'b> {
        let word = if leave { "break" } else { "continue" };
        let found = match label {
            None => self.f.loops.last().cloned(),
            Some(label) => {
                let sym = self.ident(label);
                self.f.loops.iter().rev().find(|l| l.label == Some(sym)).cloned()
            }
        };
        let Some(info) = found else {
            match label {
                Some(label) => {
                    let message = format!("no loop around this is called `{}`", self.ast.name(label.name));
                    self.error(Code::E0502, label.span, message);
                }
                None => self.error(Code::E0501, span, format!("`{word}` stands outside every loop")),
            }
            return self.error_val(span);
        };
        if info.defers != self.f.defers {
            self.error(Code::E0503, span, format!("`{word}` can't leave a `defer` or `onfail`"));
            return self.error_val(span);
        }
        let kind = match info.round {
            _ if leave => Kind::Break(info.id),
            Some(round) => Kind::Break(round),
            None => Kind::Continue(info.id),
        };
        self.val(TypeId::NORETURN, span, kind)
    }

    pub(crate) fn check_for(&mut self, idx: Idx<ForExpr>, span: Span) -> Val<'b> {
        let ast = *self.ast.get(idx);
        let iters = self.ast.list(ast.iters);
        let captures = self.ast.list(ast.captures);
        if captures.len() > iters.len() || (!captures.is_empty() && captures.len() < iters.len()) {
            let message = format!("{} iterables, and {} names", iters.len(), captures.len());
            self.error(Code::E0505, span, message);
            return self.error_val(span);
        }
        if ast.inline {
            return self.inline_for(&ast, iters, captures, span);
        }
        self.forget_assigned_in(ast.body);
        self.scoped(|cx| {
            let mut made = Vec::with_capacity(iters.len());
            let mut ok = true;
            for (i, iter) in iters.iter().enumerate() {
                let capture = captures.get(i).copied();
                match cx.for_iter(iter, capture, i == 0) {
                    Some(iter) => made.push(iter),
                    None => {
                        ok = false;
                        if let Some(capture) = capture.filter(|c| !cx.is_underscore(c.name)) {
                            let sym = cx.ident(capture.name);
                            let local = cx.new_local(sym, TypeId::ERROR, LocalKind::Value, capture.name.span);
                            cx.declare(capture.name, Entry::Local(local));
                        }
                    }
                }
            }
            let id = cx.enter_loop(ast.label);
            let body = cx.scoped(|cx| {
                let val = cx.check(ast.body, Some(TypeId::VOID));
                cx.discard(val)
            });
            cx.f.loops.pop();
            if !ok {
                return cx.error_val(span);
            }
            let iters = cx.slice_of(made);
            cx.val(TypeId::VOID, span, Kind::For { id, iters, body })
        })
    }

    fn for_iter(&mut self, iter: &Iter, capture: Option<Capture>, first: bool) -> Option<ForIter<'b>> {
        match *iter {
            Iter::Range { lo, hi, lo_exclusive, hi_inclusive } => {
                self.for_range(lo, hi, lo_exclusive, hi_inclusive, capture, first)
            }
            Iter::Each(expr) => self.for_each(expr, capture),
        }
    }

    fn capture_local(&mut self, capture: Option<Capture>, ty: TypeId, kind: LocalKind) -> Option<LocalId> {
        let capture = capture.filter(|c| !self.is_underscore(c.name))?;
        let sym = self.ident(capture.name);
        let local = self.new_local(sym, ty, kind, capture.name.span);
        self.declare(capture.name, Entry::Local(local));
        Some(local)
    }

    fn for_range(
        &mut self,
        lo: ExprId,
        hi: Option<ExprId>,
        lo_exclusive: bool,
        inclusive: bool,
        capture: Option<Capture>,
        first: bool,
    ) -> Option<ForIter<'b>> {
        let span = self.span(lo);
        if let Some(capture) = capture.filter(|c| c.by_ref) {
            self.error(Code::E0505, capture.name.span, "the numbers of a range have no address");
            return None;
        }
        let low = self.check(lo, None);
        let high = hi.map(|hi| {
            let hint = (low.lit == Lit::None).then_some(low.ty);
            self.check(hi, hint)
        });
        if high.is_none() && first {
            self.error_help(
                Code::E0505,
                span,
                "this loop never ends",
                "give the range an end, or use `while true`",
            );
            return None;
        }
        let ty = match high {
            Some(high) if low.lit != Lit::None && high.lit == Lit::None => high.ty,
            _ if low.lit == Lit::None => match high {
                Some(high) if high.lit == Lit::None => self.peer(low, high).unwrap_or(low.ty),
                _ => low.ty,
            },
            _ => TypeId::I64,
        };
        if ty == TypeId::ERROR || high.is_some_and(|h| h.ty == TypeId::ERROR) || low.ty == TypeId::ERROR {
            return None;
        }
        if !self.s.types.is_int(ty) {
            let message = format!("a range runs over integers, not `{}`", self.name_of(ty));
            self.error(Code::E0505, span, message);
            return None;
        }
        let mut lo = self.coerce(low, ty, span);
        if lo_exclusive {
            let one = self.mk(ty, span, Kind::Int(1));
            lo = self.mk(ty, span, Kind::Arith(Arith::Add, lo, one));
        }
        let hi = high.map(|h| {
            let at = h.e.loc.span;
            self.coerce(h, ty, at)
        });
        if hi.is_some_and(|h| h.ty == TypeId::ERROR) || lo.ty == TypeId::ERROR {
            return None;
        }
        let var = self.capture_local(capture, ty, LocalKind::Value);
        if let Some(var) = var {
            // The range's own counter: assigned by the loop alone, a constant in its body.
            self.f.counters.push(var);
        }
        Some(ForIter::Range { var, lo, hi, inclusive })
    }

    fn for_each(&mut self, expr: ExprId, capture: Option<Capture>) -> Option<ForIter<'b>> {
        let span = self.span(expr);
        if let Entity::Pack(_) = self.entity_if_name(expr) {
            self.error_help(Code::E0505, span, "a pack is looped over at compile time", "write `inline for`");
            return None;
        }
        let e = self.check_settled(expr);
        let e = self.seen_whole(self.of(e), "can't be looped over").e;
        let kind = self.kind(e.ty).clone();
        let e = match kind {
            TypeKind::Ptr(of) if self.iterable_data(of) => self.mk(of, span, Kind::Deref(e)),
            _ => e,
        };
        let by_ref = capture.is_some_and(|c| c.by_ref);
        let is_list = self.is_list(e.ty);
        match *self.kind(e.ty) {
            TypeKind::Array(elem, _) | TypeKind::Slice(elem) | TypeKind::SentinelSlice(elem) => {
                if matches!(self.kind(e.ty), TypeKind::Array(..)) && is_place(e) {
                    self.mark_address_taken(e);
                }
                Some(self.each(e, elem, capture, by_ref))
            }
            TypeKind::String => Some(self.each(e, TypeId::U8, capture, by_ref)),
            TypeKind::Error => None,
            TypeKind::Struct(_) if is_list => {
                let items = self.s.sym("items");
                let items = self.data_member(e, items, span)?;
                let TypeKind::Slice(elem) = *self.kind(items.ty) else { return None };
                let len = self.s.sym("len");
                let seq = match self.data_member(e, len, span) {
                    Some(len) if len.ty == TypeId::I64 => {
                        self.mk(items.ty, span, Kind::Slice { base: items.e, lo: None, hi: Some(len.e) })
                    }
                    _ => items.e,
                };
                Some(self.each(seq, elem, capture, by_ref))
            }
            _ => self.for_next(e, capture, span),
        }
    }

    fn iterable_data(&mut self, ty: TypeId) -> bool {
        matches!(self.kind(ty), TypeKind::Array(..) | TypeKind::Slice(_) | TypeKind::String)
            || self.is_list(ty)
    }

    /// A struct that holds its elements in a slice `items`, and has no `next` of its own.
    fn is_list(&mut self, ty: TypeId) -> bool {
        let TypeKind::Struct(id) = *self.kind(ty) else { return false };
        self.s.complete_struct(id);
        let (items, next) = (self.s.sym("items"), self.s.sym("next"));
        let field = self.s.types.struct_def(id).fields.iter().find(|f| f.name == items).map(|f| f.ty);
        field.is_some_and(|ty| matches!(self.kind(ty), TypeKind::Slice(_))) && self.member(ty, next).is_none()
    }

    fn each(&mut self, seq: E<'b>, elem: TypeId, capture: Option<Capture>, by_ref: bool) -> ForIter<'b> {
        let var = if by_ref {
            let ptr = self.s.types.ptr(elem);
            let var = self.capture_local(capture, ptr, LocalKind::Value);
            self.f.refs.extend(var);
            var
        } else {
            self.capture_local(capture, elem, LocalKind::Alias)
        };
        ForIter::Each { var, by_ref, seq, elem }
    }

    /// Anything with `next :: (self: *Self) -> ?T`.
    fn for_next(&mut self, e: E<'b>, capture: Option<Capture>, span: Span) -> Option<ForIter<'b>> {
        let next = self.s.sym("next");
        let inner = match *self.kind(e.ty) {
            TypeKind::Ptr(of) => of,
            _ => e.ty,
        };
        let func = match self.member(inner, next) {
            Some(member) => match self.s.decl_value(member.decl) {
                crate::sema::DeclVal::Func(func) => Some(func),
                _ => None,
            },
            None => self.impl_method(inner, next),
        };
        let Some(func) = func else {
            let message = format!("`{}` can't be looped over", self.name_of(e.ty));
            let lanes = matches!(self.kind(e.ty), TypeKind::Vector(..));
            let d = Diagnostic::error(Code::E0505, self.loc(span), message).help(if lanes {
                "loop over its lanes' numbers: `for 0..v.len (i) { v[i] }`"
            } else {
                "loop over a range, an array, a slice, a string, or something with `next :: (self: *Self) -> ?T`"
            });
            self.report(d);
            return None;
        };
        let mut setup = Vec::new();
        let kept = self.keep_place(e, &mut setup);
        let receiver = self.local_expr(kept, span);
        let receiver = self.of(receiver);
        let call = self.call_method(func, receiver, &[], span);
        let TypeKind::Optional(of) = *self.kind(call.ty) else {
            if call.ty != TypeId::ERROR {
                let message = format!("`next` must give an optional, and gives `{}`", self.name_of(call.ty));
                self.error(Code::E0505, span, message);
            }
            return None;
        };
        let var = self.capture_local(capture, of, LocalKind::Value);
        let setup = self.slice_of(setup);
        Some(ForIter::Next { var, setup, next: call.e })
    }

    /// `inline for`: the body once for each element, checked each time.
    fn inline_for(&mut self, ast: &ForExpr, iters: &[Iter], captures: &[Capture], span: Span) -> Val<'b> {
        let mut columns: Vec<Vec<InlineItem<'b>>> = Vec::new();
        let mut out = Vec::new();
        for iter in iters {
            let Some(column) = self.inline_items(iter, columns.first().map(Vec::len), &mut out) else {
                return self.error_val(span);
            };
            let first = columns.first().map_or(0, Vec::len);
            if column.len() < first {
                let at = match *iter {
                    Iter::Range { lo, hi, .. } => {
                        hi.map_or(self.span(lo), |hi| self.span(lo).to(self.span(hi)))
                    }
                    Iter::Each(expr) => self.span(expr),
                };
                let message = format!("this ends after {} rounds of {first}", column.len());
                self.error(Code::E0505, at, message);
                return self.error_val(span);
            }
            columns.push(column);
        }
        let rounds = columns.first().map_or(0, Vec::len);
        if rounds > 10_000 {
            self.error(Code::E0901, span, format!("an `inline for` of {rounds} rounds is too long"));
            return self.error_val(span);
        }
        let mut diverges = false;
        let id = self.enter_loop(ast.label);
        for round in 0..rounds {
            let this = self.fresh_loop();
            if let Some(info) = self.f.loops.last_mut() {
                info.round = Some(this);
            }
            let body = self.scoped(|cx| {
                let mut stmts = Vec::new();
                let mut names = Vec::new();
                for (column, capture) in columns.iter().zip(captures) {
                    if cx.is_underscore(capture.name) {
                        continue;
                    }
                    let sym = cx.ident(capture.name);
                    match &column[round] {
                        InlineItem::Local(local) => cx.declare(capture.name, Entry::Local(*local)),
                        InlineItem::Place(e) => {
                            let local = cx.keep_place(e, &mut stmts);
                            cx.declare(capture.name, Entry::Local(local));
                        }
                        InlineItem::Const(ty, value) => {
                            names.push((sym, crate::sema::Bound::Const(*ty, value.clone())));
                        }
                    }
                }
                // Compile-time numbers live in the static scope, so that they may index packs and name types.
                cx.scope = cx.s.round_scope(cx.scope, cx.file, round, names);
                let val = cx.check(ast.body, Some(TypeId::VOID));
                let e = cx.discard(val);
                let leaves = e.ty == TypeId::NORETURN;
                stmts.push(Stmt::Expr(e));
                let stmts = cx.slice_of(stmts);
                let ty = if leaves { TypeId::NORETURN } else { TypeId::VOID };
                cx.mk(ty, span, Kind::Block { stmts, tail: None })
            });
            let body = if has_break(body, this) { self.once(this, body) } else { body };
            diverges |= body.ty == TypeId::NORETURN;
            out.push(Stmt::Expr(body));
        }
        self.f.loops.pop();
        let stmts = self.slice_of(out);
        let ty = if diverges { TypeId::NORETURN } else { TypeId::VOID };
        let all = self.mk(ty, span, Kind::Block { stmts, tail: None });
        let all = if has_break(all, id) { self.once(id, all) } else { all };
        self.of(all)
    }

    /// A loop that ends after one round: a block that `break` leaves.
    fn once(&mut self, id: LoopId, body: E<'b>) -> E<'b> {
        let leave = self.mk_at(TypeId::NORETURN, body.loc, Kind::Break(id));
        let stmts = self.slice_of(vec![Stmt::Expr(body), Stmt::Expr(leave)]);
        let body = self.mk_at(TypeId::NORETURN, body.loc, Kind::Block { stmts, tail: None });
        self.mk_at(TypeId::VOID, body.loc, Kind::While { id, cond: None, body })
    }

    fn inline_items(
        &mut self,
        iter: &Iter,
        rounds: Option<usize>,
        out: &mut Vec<Stmt<'b>>,
    ) -> Option<Vec<InlineItem<'b>>> {
        match *iter {
            Iter::Range { lo, hi, lo_exclusive, hi_inclusive } => {
                let low = self.const_int(lo)? + lo_exclusive as i128;
                let high = match (hi, rounds) {
                    (Some(hi), _) => self.const_int(hi)? + hi_inclusive as i128,
                    (None, Some(rounds)) => low + rounds as i128,
                    (None, None) => {
                        let span = self.span(lo);
                        self.error(Code::E0505, span, "an `inline for` needs an end");
                        return None;
                    }
                };
                let high = high.min(low + 1_000_000);
                Some((low..high).map(|n| InlineItem::Const(TypeId::I64, CVal::Int(n))).collect())
            }
            Iter::Each(expr) => {
                let span = self.span(expr);
                match self.entity_if_name(expr) {
                    Entity::Pack(locals) => {
                        return Some(locals.iter().map(|&l| InlineItem::Local(l)).collect());
                    }
                    Entity::Types(types) => {
                        let item = |&t: &TypeId| InlineItem::Const(TypeId::TYPE, CVal::Type(t));
                        return Some(types.iter().map(item).collect());
                    }
                    _ => {}
                }
                let e = self.check_settled(expr);
                // The elements of a constant are constants.
                if let TypeKind::Slice(elem) | TypeKind::Array(elem, _) = *self.kind(e.ty)
                    && let Some(CVal::Slice(values) | CVal::Agg(values)) = self.fold(e)
                {
                    return Some(values.iter().map(|v| InlineItem::Const(elem, v.clone())).collect());
                }
                match self.kind(e.ty).clone() {
                    TypeKind::Tuple(fields) => {
                        let kept = self.keep_place(e, out);
                        let mut items = Vec::new();
                        for n in 0..fields.len() {
                            let whole = self.local_expr(kept, span);
                            items.push(InlineItem::Place(self.tuple_elem(whole, n as u32, span).e));
                        }
                        Some(items)
                    }
                    TypeKind::Array(elem, len) => {
                        let kept = self.keep_place(e, out);
                        let mut items = Vec::new();
                        for n in 0..len.min(10_001) {
                            let base = self.local_expr(kept, span);
                            let index = self.i64_expr(n as i64, span);
                            items.push(InlineItem::Place(self.mk(elem, span, Kind::Index { base, index })));
                        }
                        Some(items)
                    }
                    TypeKind::Error => None,
                    _ => {
                        let message = format!("`inline for` can't run over `{}`", self.name_of(e.ty));
                        self.error(Code::E0505, span, message);
                        None
                    }
                }
            }
        }
    }

    // ---- push, run, assert ----

    /// `#run e`: a function of its own, which can't leave the one around it or read its variables.
    pub(crate) fn check_run(&mut self, inner: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        if self.s.world.is_some() {
            return match self.run_on_host(inner, expected, span) {
                Some((ty, value)) => self.const_val(ty, &value, span),
                None => self.error_val(span),
            };
        }
        let (loops, set, defers) = (std::mem::take(&mut self.f.loops), self.f.set.take(), self.f.defers);
        self.f.defers = 0;
        let outside = std::mem::replace(&mut self.f.is_static, true);
        let val = self.run_value(inner, expected, span);
        self.f.is_static = outside;
        (self.f.loops, self.f.set, self.f.defers) = (loops, set, defers);
        val
    }

    fn run_value(&mut self, inner: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let val = self.check(inner, expected);
        if val.lit != Lit::None || val.ty == TypeId::ERROR {
            return val;
        }
        let place = (self.file, inner, self.scope);
        if let Some((ty, value)) = self.s.traces.as_ref().and_then(|t| t.runs.get(&place).cloned()) {
            return self.const_val(ty, &value, span);
        }
        let Some(value) = self.evaluate(val.e) else { return self.error_val(span) };
        if let Some(traces) = &mut self.s.traces {
            traces.runs.insert(place, (val.ty, value.clone()));
        }
        self.const_val(val.ty, &value, span)
    }

    pub(crate) fn check_static_assert(&mut self, cond: ExprId, message: Option<ExprId>) {
        let e = self.check_cond(cond);
        if e.ty == TypeId::ERROR {
            return;
        }
        let Some(value) = self.fold_or_report(e) else { return };
        if value.as_int().is_some_and(|n| n != 0) {
            return;
        }
        let text = message.and_then(|m| {
            let e = self.check_as(m, TypeId::STRING);
            match self.fold_or_report(e) {
                Some(CVal::Str(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                _ => None,
            }
        });
        let text = text.map_or("assertion failed".to_string(), |t| format!("assertion failed: {t}"));
        let at = self.span(cond);
        self.error(Code::E0702, at, text);
    }

    /// `push .{ allocator = a } { … }`: named fields replace, the others are inherited.
    pub(crate) fn check_push(
        &mut self,
        ctx: ExprId,
        body: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let Some(ctx_ty) = self.context_type(span) else {
            self.check(body, expected);
            return self.error_val(span);
        };
        let ctx_span = self.span(ctx);
        let new = match *self.ast.expr(ctx) {
            sx_syntax::ast::Expr::StructLit { ty, fields } => {
                if let Some(head) = ty {
                    let head_ty = self.resolve_type(head);
                    if head_ty != ctx_ty && head_ty != TypeId::ERROR {
                        let message = format!("`push` needs a `Context`, not a `{}`", self.name_of(head_ty));
                        self.error(Code::E0201, ctx_span, message);
                    }
                }
                self.partial_context(ctx_ty, self.ast.list(fields), ctx_span)
            }
            _ => self.check_as(ctx, ctx_ty),
        };
        let val = self.scoped(|cx| cx.check(body, expected));
        if new.ty == TypeId::ERROR || val.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let e = match (val.lit, expected) {
            (Lit::None, _) => val.e,
            (_, Some(ty)) if ty != TypeId::VOID => self.coerce(val, ty, span),
            _ => self.settle(val, span),
        };
        self.val(e.ty, span, Kind::Push { ctx: new, body: e })
    }

    fn partial_context(&mut self, ctx_ty: TypeId, args: &[sx_syntax::ast::Arg], span: Span) -> E<'b> {
        let TypeKind::Struct(id) = *self.kind(ctx_ty) else { return self.error_val(span).e };
        self.s.complete_struct(id);
        let fields: Vec<(Sym, TypeId)> =
            self.s.types.struct_def(id).fields.iter().map(|f| (f.name, f.ty)).collect();
        let current = self.mk(ctx_ty, span, Kind::Context);
        let mut parts: Vec<(u32, E<'b>)> = Vec::new();
        let mut given = Vec::new();
        for arg in args {
            let Some(name) = arg.name else {
                self.error(Code::E0402, span, "the fields of a pushed context are named");
                return self.error_val(span).e;
            };
            let sym = self.ident(name);
            let Some(index) = fields.iter().position(|(f, _)| *f == sym) else {
                let message = format!("`Context` has no field `{}`", self.s.text(sym));
                self.error(Code::E0401, name.span, message);
                return self.error_val(span).e;
            };
            self.probe_member(ctx_ty, name);
            let e = self.check_as(arg.value, fields[index].1);
            if e.ty == TypeId::ERROR {
                return e;
            }
            given.push(index);
            parts.push((self.s.types.field_offset(ctx_ty, index), e));
        }
        for (index, &(_, ty)) in fields.iter().enumerate() {
            if !given.contains(&index) {
                let offset = self.s.types.field_offset(ctx_ty, index);
                let old = self.mk(ty, span, Kind::Field { base: current, offset });
                parts.push((offset, old));
            }
        }
        let parts = self.slice_of(parts);
        self.mk(ctx_ty, span, Kind::Aggregate(parts))
    }
}

/// What one round of an `inline for` binds.
enum InlineItem<'b> {
    Local(LocalId),
    Place(E<'b>),
    Const(TypeId, CVal),
}

/// True when a loop's body leaves it by `break`.
fn has_break(e: E<'_>, id: LoopId) -> bool {
    any_below(e, &mut |e| matches!(e.kind, Kind::Break(l) if l == id))
}
