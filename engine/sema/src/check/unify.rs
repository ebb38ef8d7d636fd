//! Matching a type against a type expression with `$` names in it: parameters of generic functions against arguments,
//! generic impls against the types that ask for one.

use super::Cx;
use super::infer::has_dollar;
use crate::sema::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_syntax::ast::{Arg, Ast as Tree, Expr as Ast, ExprId, TupleElem};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc};

/// Where a pattern stands, and how it is matched.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    pub file: FileId,
    /// What its other names mean.
    pub outer: ScopeId,
    /// What `$` names are bound in.
    pub scope: ScopeId,
    /// The declaration that it is part of.
    pub declared: Loc,
    /// Only what is the same fits, and what doesn't is no error: an impl is for other types then.
    pub exact: bool,
}

impl Pattern {
    /// A parameter's type: arguments may convert to it.
    pub fn param(decl: &FnDecl, scope: ScopeId) -> Pattern {
        let declared = Loc::new(decl.file, decl.span);
        Pattern { file: decl.file, outer: decl.scope, scope, declared, exact: false }
    }
}

impl Cx<'_, '_, '_> {
    /// Matches a parameter's type expression against an argument's type and binds what `$` introduces.
    pub(super) fn unify(&mut self, home: &Pattern, pattern: ExprId, ty: TypeId) -> bool {
        let parsed = self.s.file(home.file).file.clone();
        let ast = &parsed.ast;
        self.unify_expr(home, ast, pattern, ty)
    }

    fn unify_expr(&mut self, home: &Pattern, ast: &Tree, pattern: ExprId, ty: TypeId) -> bool {
        if !has_dollar(ast, pattern) {
            // Nothing to bind: conversions are judged when the argument is passed.
            return !home.exact || self.elsewhere(home.file, home.scope, |cx| cx.resolve_type(pattern)) == ty;
        }
        let kind = self.kind(ty).clone();
        match *ast.expr(pattern) {
            Ast::Dollar { name, constraint } => {
                let sym = self.s.file(home.file).syms[name.name.index()];
                match self.bound(home.scope, sym) {
                    Some(CVal::Type(have)) => have == ty || !home.exact && self.widens(ty, have),
                    Some(_) => false,
                    None => {
                        self.bind(home.scope, sym, CVal::Type(ty));
                        let Some(constraint) = constraint else { return true };
                        self.check_constraint(home, constraint, ty)
                    }
                }
            }
            Ast::Paren(inner) => self.unify_expr(home, ast, inner, ty),
            Ast::PtrTy(of) => match kind {
                TypeKind::Ptr(to) => self.unify_expr(home, ast, of, to),
                _ => false,
            },
            Ast::ManyPtrTy(of) => match kind {
                TypeKind::ManyPtr(to) => self.unify_expr(home, ast, of, to),
                _ => false,
            },
            Ast::SliceTy(of) => match kind {
                TypeKind::Slice(elem) => self.unify_expr(home, ast, of, elem),
                TypeKind::Array(elem, _) | TypeKind::SentinelSlice(elem) if !home.exact => {
                    self.unify_expr(home, ast, of, elem)
                }
                _ => false,
            },
            Ast::SentinelSliceTy(of) => match kind {
                TypeKind::SentinelSlice(elem) => self.unify_expr(home, ast, of, elem),
                _ => false,
            },
            Ast::OptionalTy(of) => match kind {
                TypeKind::Optional(inner) => self.unify_expr(home, ast, of, inner),
                _ if home.exact => false,
                _ => self.unify_expr(home, ast, of, ty),
            },
            Ast::ArrayTy { len, elem } => {
                let TypeKind::Array(of, n) = kind else { return false };
                if let Ast::Dollar { name, .. } = *ast.expr(len) {
                    let sym = self.s.file(home.file).syms[name.name.index()];
                    match self.bound(home.scope, sym) {
                        Some(CVal::Int(have)) if have != n as i128 => return false,
                        Some(_) => {}
                        None => self.bind(home.scope, sym, CVal::Int(n as i128)),
                    }
                }
                self.unify_expr(home, ast, elem, of)
            }
            Ast::TupleTy(elems) => {
                let TypeKind::Tuple(fields) = kind else { return false };
                let types: Vec<TypeId> = fields.iter().map(|f| f.ty).collect();
                self.unify_list(home, ast, ast.list(elems), &types)
            }
            Ast::FuncTy(idx) | Ast::ClosureTy(idx) => {
                let (TypeKind::Func { params, ret, .. } | TypeKind::Closure { params, ret }) = kind else {
                    return false;
                };
                let func = *ast.get(idx);
                if !self.unify_list(home, ast, ast.list(func.params), &params) {
                    return false;
                }
                let value = match *self.kind(ret) {
                    TypeKind::Failable { value, .. } if func.ret.failable => value,
                    _ => ret,
                };
                func.ret.ty.is_none_or(|r| self.unify_expr(home, ast, r, value))
            }
            Ast::Call { callee, args } => self.unify_generic(home, ast, callee, ast.list(args), ty),
            _ => !home.exact,
        }
    }

    /// `A, $B, ..$rest` against types: what a spread takes is bound as a pack. Types that aren't `$` names are judged
    /// when the whole is passed.
    fn unify_list(&mut self, home: &Pattern, ast: &Tree, elems: &[TupleElem], types: &[TypeId]) -> bool {
        let Some(at) = elems.iter().position(|e| e.spread) else {
            return elems.len() == types.len()
                && elems.iter().zip(types).all(|(e, &ty)| self.unify_expr(home, ast, e.ty, ty));
        };
        let behind = elems.len() - at - 1;
        if types.len() < at + behind {
            return false;
        }
        let (front, rest) = types.split_at(at);
        let (middle, back) = rest.split_at(rest.len() - behind);
        if let Ast::Dollar { name, .. } = *ast.expr(elems[at].ty) {
            let sym = self.s.file(home.file).syms[name.name.index()];
            match self.bound(home.scope, sym) {
                Some(CVal::Pack(have)) if *have != *middle => return false,
                Some(_) => {}
                None => self.bind(home.scope, sym, CVal::Pack(middle.into())),
            }
        }
        let around = elems[..at].iter().zip(front).chain(elems[at + 1..].iter().zip(back));
        around.into_iter().all(|(e, &ty)| self.unify_expr(home, ast, e.ty, ty))
    }

    fn widens(&mut self, from: TypeId, to: TypeId) -> bool {
        match (self.s.types.int_repr(from), self.s.types.int_repr(to)) {
            (Some((fb, fs)), Some((tb, ts))) if self.s.types.is_int(from) && self.s.types.is_int(to) => {
                if fs == ts { fb <= tb } else { !fs && fb < tb }
            }
            _ => self.s.types.is_int(from) && self.s.types.is_float(to),
        }
    }

    /// `Box($T)` against an instance of `Box`.
    fn unify_generic(
        &mut self,
        home: &Pattern,
        ast: &Tree,
        callee: ExprId,
        args: &[Arg],
        ty: TypeId,
    ) -> bool {
        let head = self.elsewhere(home.file, home.outer, |cx| match cx.entity(callee, None) {
            super::Entity::Generic(generic) => Some(Some(generic)),
            super::Entity::Vector => Some(None),
            _ => None,
        });
        let head = match head {
            Some(Some(generic)) => generic,
            Some(None) => return self.unify_vector(home, ast, args, ty),
            None => return false,
        };
        let generic = match *self.kind(ty) {
            TypeKind::Struct(id) | TypeKind::Union(id) => self.s.struct_info(id).generic.clone(),
            _ => None,
        };
        let Some((have, values)) = generic else { return false };
        if have != head {
            return false;
        }
        for (arg, value) in args.iter().zip(values.iter()) {
            match (ast.expr(arg.value), value) {
                (&Ast::Dollar { name, constraint }, value) => {
                    let sym = self.s.file(home.file).syms[name.name.index()];
                    match self.bound(home.scope, sym) {
                        Some(bound) if bound != *value => return false,
                        Some(_) => {}
                        None => {
                            self.bind(home.scope, sym, value.clone());
                            if let (Some(constraint), CVal::Type(ty)) = (constraint, value)
                                && !self.check_constraint(home, constraint, *ty)
                            {
                                return false;
                            }
                        }
                    }
                }
                (_, CVal::Type(inner)) if !self.unify_expr(home, ast, arg.value, *inner) => {
                    return false;
                }
                (_, value) if home.exact && !has_dollar(ast, arg.value) => {
                    let expr = arg.value;
                    let wanted = self.elsewhere(home.file, home.scope, |cx| {
                        let e = cx.check_settled(expr);
                        cx.fold_or_report(e)
                    });
                    if wanted.as_ref() != Some(value) {
                        return false;
                    }
                }
                _ => {}
            }
        }
        true
    }

    /// `Vector($N, $T)` against a vector.
    fn unify_vector(&mut self, home: &Pattern, ast: &Tree, args: &[Arg], ty: TypeId) -> bool {
        let Some((elem, lanes)) = self.lanes(ty) else { return false };
        let Some((n, of)) = Self::vector_pattern(args) else { return false };
        self.unify_number(home, ast, n, lanes as i128) && self.unify_expr(home, ast, of, elem)
    }

    /// `$N` in the place of a number.
    fn unify_number(&mut self, home: &Pattern, ast: &Tree, pattern: ExprId, n: i128) -> bool {
        let Ast::Dollar { name, .. } = *ast.expr(pattern) else {
            return self.elsewhere(home.file, home.scope, |cx| cx.const_int(pattern)) == Some(n);
        };
        let sym = self.s.file(home.file).syms[name.name.index()];
        match self.bound(home.scope, sym) {
            Some(CVal::Int(have)) => have == n,
            Some(_) => true,
            None => {
                self.bind(home.scope, sym, CVal::Int(n));
                true
            }
        }
    }

    /// `$T/Protocol`.
    fn check_constraint(&mut self, home: &Pattern, constraint: ExprId, ty: TypeId) -> bool {
        let protocol = self.elsewhere(home.file, home.scope, |cx| cx.resolve_type(constraint));
        let TypeKind::Protocol(id) = *self.kind(protocol) else { return protocol == TypeId::ERROR };
        if self.s.has_impl(id, ty, self.file) {
            return true;
        }
        let (have, want) = (self.name_of(ty), self.name_of(protocol));
        if home.exact {
            return false;
        }
        let declared = home.declared;
        let at = self.f.blame.unwrap_or(declared);
        let help = self.implement_help(id, ty, &have, &want);
        let d = Diagnostic::error(Code::E0410, at, format!("`{have}` doesn't implement `{want}`"))
            .also(declared, "required here")
            .help(help);
        self.report(d);
        false
    }
}
