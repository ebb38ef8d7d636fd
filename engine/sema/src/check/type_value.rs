//! Type expressions over types that are known only when the code runs: `*T` with a variable `T`.
//!
//! Such code runs at compile time, where the compiler makes the type.

use super::{Cx, Entry, Val};
use crate::thir::Kind;
use crate::types::TypeId;
use sx_syntax::ast::{Expr as Ast, ExprId};
use sx_syntax::span::Span;

impl<'b> Cx<'_, '_, 'b> {
    /// The type as a value, if a variable is part of it.
    pub(crate) fn type_form(&mut self, expr: ExprId) -> Option<Val<'b>> {
        let span = self.span(expr);
        let (kind, of, len) = match *self.ast.expr(expr) {
            Ast::PtrTy(of) => ("pointer", of, None),
            Ast::ManyPtrTy(of) => ("many_pointer", of, None),
            Ast::SliceTy(of) => ("slice", of, None),
            Ast::OptionalTy(of) => ("optional", of, None),
            Ast::ArrayTy { len, elem } => ("array", elem, Some(len)),
            _ => return None,
        };
        let of = self.type_variable(of)?;
        let len = match len {
            Some(len) => self.check_as(len, TypeId::I64),
            None => self.i64_expr(0, span),
        };
        if len.ty == TypeId::ERROR {
            return Some(self.error_val(span));
        }
        let make = self.s.core_fn("compiler_make_type")?;
        let kind = self.mk(TypeId::STRING, span, Kind::Str(kind.as_bytes()));
        let given = [self.of(kind), self.of(len), of];
        Some(self.call_with(make, &given, span))
    }

    /// A variable of type `Type`, or a type with one in it.
    fn type_variable(&mut self, expr: ExprId) -> Option<Val<'b>> {
        let span = self.span(expr);
        match *self.ast.expr(expr) {
            Ast::Paren(inner) => self.type_variable(inner),
            Ast::Name(name) => {
                let sym = self.ident(name);
                let Some(Entry::Local(local)) = self.lookup(sym, name.span) else { return None };
                self.variable(local, span)
            }
            Ast::Field { .. } | Ast::Index { .. } | Ast::Call { .. } => None,
            _ => self.type_form(expr),
        }
    }

    fn variable(&mut self, local: crate::thir::LocalId, span: Span) -> Option<Val<'b>> {
        if self.f.locals[local.0 as usize].ty != TypeId::TYPE {
            return None;
        }
        let e = self.local_expr(local, span);
        self.fold(e).is_none().then(|| self.of(e))
    }
}
