//! `o!`, `a ?? b`, `o?.f`.

use super::{Cx, Lit, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use sx_syntax::ast::{Expr as Ast, ExprId};
use sx_syntax::diag::Code;
use sx_syntax::span::Span;

impl<'b> Cx<'_, '_, 'b> {
    /// An operand that may be null, without narrowing.
    fn check_nullable(&mut self, expr: ExprId, expected: Option<TypeId>) -> E<'b> {
        if let Some(e) = self.raw_local(expr) {
            return self.seen_whole(self.of(e), "may be no optional").e;
        }
        let hint = expected.map(|ty| self.s.types.optional(ty));
        let val = self.check(expr, hint);
        let val = self.seen_whole(val, "may be no optional");
        let span = self.span(expr);
        self.settle(val, span)
    }

    pub(crate) fn check_unwrap(&mut self, operand: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let e = self.check_nullable(operand, expected);
        match *self.kind(e.ty) {
            TypeKind::Optional(of) => self.val(of, span, Kind::Unwrap(e)),
            TypeKind::Error => self.error_val(span),
            TypeKind::Failable { .. } => {
                self.error_help(Code::E0601, span, "`!` doesn't handle errors", "use `try`, `catch` or `or`");
                self.error_val(span)
            }
            _ => {
                let message = format!("`{}` is never null; there is nothing to unwrap", self.name_of(e.ty));
                self.error(Code::E0215, span, message);
                self.error_val(span)
            }
        }
    }

    /// `a ?? b`: `b` may be a value, an optional, or diverge.
    pub(crate) fn check_coalesce(
        &mut self,
        a: ExprId,
        b: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let inner_hint = expected.map(|ty| match *self.kind(ty) {
            TypeKind::Optional(of) => of,
            _ => ty,
        });
        let e = self.check_nullable(a, inner_hint);
        let of = match *self.kind(e.ty) {
            TypeKind::Optional(of) => of,
            TypeKind::Error => {
                self.check(b, expected);
                return self.error_val(span);
            }
            TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::CString | TypeKind::Closure { .. } => e.ty,
            _ => {
                self.check(b, expected);
                let message = format!("`{}` is never null, so `??` has no use", self.name_of(e.ty));
                self.error(Code::E0215, span, message);
                return self.error_val(span);
            }
        };
        let right = self.scoped(|cx| cx.check(b, Some(of)));
        if right.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let mut stmts = Vec::new();
        let kept = self.keep(e, &mut stmts);
        let kept = self.local_expr(kept, span);
        let cond = self.mk(TypeId::BOOL, span, Kind::HasValue(kept));
        let is_optional = matches!(self.kind(e.ty), TypeKind::Optional(_));
        // An optional on the right keeps the result optional.
        let stays = right.ty == e.ty && is_optional || right.lit == Lit::Null;
        let (ty, then) = if stays || !is_optional {
            (e.ty, kept)
        } else {
            (of, self.mk(of, span, Kind::OptPayload(kept)))
        };
        let at = self.span(b);
        let else_ = if right.ty == TypeId::NORETURN { right.e } else { self.coerce(right, ty, at) };
        if else_.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let choice = self.mk(ty, span, Kind::If { cond, then, else_: Some(else_) });
        let e = self.block(stmts, choice);
        self.of(e)
    }

    /// A chain with `?.`: null as soon as one link is, else the end's value as an optional.
    pub(crate) fn check_opt_chain(&mut self, inner: ExprId, span: Span) -> Val<'b> {
        let mut stmts = Vec::new();
        let mut tests: Vec<(Vec<Stmt<'b>>, E<'b>)> = Vec::new();
        let value = self.chain_link(inner, &mut stmts, &mut tests);
        if value.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let e = self.settle(value, span);
        if let TypeKind::Failable { .. } = self.kind(e.ty) {
            self.unhandled(span);
            return self.error_val(span);
        }
        // The end flattens: an optional stays one, a void stays void.
        let (ty, mut result) = match *self.kind(e.ty) {
            TypeKind::Optional(_) => (e.ty, e),
            TypeKind::Void | TypeKind::Noreturn => (TypeId::VOID, e),
            _ => {
                let ty = self.s.types.optional(e.ty);
                (ty, self.wrap_some(e, ty, span))
            }
        };
        for (before, test) in tests.into_iter().rev() {
            let else_ = (ty != TypeId::VOID).then(|| self.mk(ty, span, Kind::Zero));
            let choice = self.mk(ty, span, Kind::If { cond: test, then: result, else_ });
            result = self.block(before, choice);
        }
        let e = self.block(stmts, result);
        self.of(e)
    }

    /// Checks a link; each `?.` adds a test of what stands left of it.
    fn chain_link(
        &mut self,
        expr: ExprId,
        stmts: &mut Vec<Stmt<'b>>,
        tests: &mut Vec<(Vec<Stmt<'b>>, E<'b>)>,
    ) -> Val<'b> {
        let span = self.span(expr);
        match *self.ast.expr(expr) {
            Ast::OptField { base, name } => {
                let Some(inner) = self.tested(base, stmts, tests) else { return self.error_val(span) };
                let entity = self.value_member(inner, name, span);
                self.entity_value(entity, span)
            }
            Ast::OptTupleIndex { base, index } => {
                let Some(inner) = self.tested(base, stmts, tests) else { return self.error_val(span) };
                let inner = self.auto_deref(inner);
                self.tuple_elem(inner, index, span)
            }
            Ast::Field { base, name } if self.has_link(base) => {
                let base = self.chain_link(base, stmts, tests);
                let e = self.settle(base, span);
                let entity = self.value_member(e, name, span);
                self.entity_value(entity, span)
            }
            Ast::TupleIndex { base, index } if self.has_link(base) => {
                let base = self.chain_link(base, stmts, tests);
                let e = self.settle(base, span);
                let e = self.auto_deref(e);
                self.tuple_elem(e, index, span)
            }
            Ast::Index { base, index } if self.has_link(base) => {
                let base = self.chain_link(base, stmts, tests);
                let e = self.settle(base, span);
                self.index_into(e, index, span)
            }
            Ast::Deref(base) if self.has_link(base) => {
                let base = self.chain_link(base, stmts, tests);
                match *self.kind(base.ty) {
                    TypeKind::Ptr(of) if of != TypeId::VOID => self.val(of, span, Kind::Deref(base.e)),
                    TypeKind::Error => base,
                    _ => {
                        self.error(
                            Code::E0213,
                            span,
                            format!("`.*` needs a pointer, and this is `{}`", self.name_of(base.ty)),
                        );
                        self.error_val(span)
                    }
                }
            }
            Ast::Unwrap(base) if self.has_link(base) => {
                let base = self.chain_link(base, stmts, tests);
                match *self.kind(base.ty) {
                    TypeKind::Optional(of) => self.val(of, span, Kind::Unwrap(base.e)),
                    TypeKind::Error => base,
                    _ => {
                        self.error(Code::E0215, span, format!("`{}` is never null", self.name_of(base.ty)));
                        self.error_val(span)
                    }
                }
            }
            Ast::Call { callee, args } if self.has_link(callee) => {
                let args = self.ast.list(args);
                let entity = match *self.ast.expr(callee) {
                    Ast::OptField { base, name } => match self.tested(base, stmts, tests) {
                        Some(inner) => self.value_member(inner, name, span),
                        None => super::Entity::Error,
                    },
                    Ast::Field { base, name } => {
                        let base = self.chain_link(base, stmts, tests);
                        let e = self.settle(base, span);
                        self.value_member(e, name, span)
                    }
                    _ => super::Entity::Value(self.chain_link(callee, stmts, tests)),
                };
                self.call_found(entity, args, span)
            }
            Ast::Paren(inner) => self.chain_link(inner, stmts, tests),
            _ => self.check(expr, None),
        }
    }

    fn has_link(&self, expr: ExprId) -> bool {
        match *self.ast.expr(expr) {
            Ast::OptField { .. } | Ast::OptTupleIndex { .. } => true,
            Ast::Field { base, .. }
            | Ast::TupleIndex { base, .. }
            | Ast::Index { base, .. }
            | Ast::Deref(base)
            | Ast::Unwrap(base)
            | Ast::Call { callee: base, .. } => self.has_link(base),
            _ => false,
        }
    }

    /// Keeps what stands left of `?.`, records its test, and gives the value inside.
    fn tested(
        &mut self,
        base: ExprId,
        stmts: &mut Vec<Stmt<'b>>,
        tests: &mut Vec<(Vec<Stmt<'b>>, E<'b>)>,
    ) -> Option<E<'b>> {
        let span = self.span(base);
        let e = match self.raw_local(base) {
            Some(e) => e,
            None => {
                let val = self.chain_link(base, stmts, tests);
                self.settle(val, span)
            }
        };
        let e = self.seen_whole(self.of(e), "may be no optional").e;
        if e.ty == TypeId::ERROR {
            return None;
        }
        let nullable = matches!(
            self.kind(e.ty),
            TypeKind::Optional(_)
                | TypeKind::Ptr(_)
                | TypeKind::CString
                | TypeKind::Protocol(_)
                | TypeKind::Closure { .. }
        );
        if !nullable {
            let message = format!("`{}` is never null", self.name_of(e.ty));
            self.error_help(Code::E0215, span, message, "write `.` instead of `?.`");
            return None;
        }
        let mut before = Vec::new();
        let kept = self.keep_place(e, &mut before);
        let kept = self.local_expr(kept, span);
        let test = self.mk(TypeId::BOOL, span, Kind::HasValue(kept));
        tests.push((before, test));
        Some(match *self.kind(e.ty) {
            TypeKind::Optional(of) => self.mk(of, span, Kind::OptPayload(kept)),
            _ => kept,
        })
    }
}
