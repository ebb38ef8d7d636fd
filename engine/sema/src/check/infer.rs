//! Generic calls: which types and values the parameters stand for, and the instance that follows.

use super::call::{Source, rest_of};
use super::closure::Wanted;
use super::nominal::cval_type;
use super::packs::projected_name;
use super::unify::Pattern;
use super::{Cx, Lit, Val};
use crate::incremental::Reports;
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_syntax::ast::{Arg, Ast as Tree, Expr as Ast, ExprId, Param};
use sx_syntax::diag::{Code, Diagnostic, Label};
use sx_syntax::span::{Loc, Span};

/// What the compile-time parameters were found to be, in the order in which the signature names them.
pub(super) type Bindings = Vec<(Sym, CVal)>;

impl<'b> Cx<'_, '_, 'b> {
    /// True when a type expression introduces a name with `$`.
    pub(crate) fn has_dollar(&self, expr: ExprId) -> bool {
        has_dollar(self.ast, expr)
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn call_generic(
        &mut self,
        func: FnId,
        decl: &FnDecl,
        params: &[Param],
        sources: &[Source<'b>],
        args: &[Arg],
        span: Span,
    ) -> Val<'b> {
        let scope = self.s.new_scope(Some(decl.scope), decl.file, Vec::new());
        let mut checked: Vec<Option<Val<'b>>> = vec![None; params.len()];
        let mut later = Vec::new();
        let mut literals = Vec::new();
        for (i, param) in params.iter().enumerate() {
            if decl.pack_at(i).is_some() {
                if !self.bind_pack(decl, scope, i, param, sources, args, &mut checked) {
                    return self.error_val(span);
                }
                continue;
            }
            if param.comptime {
                if !self.bind_value(decl, scope, param, sources[i], args, span) {
                    return self.error_val(span);
                }
                continue;
            }
            let dollar = param.ty.is_some_and(|ty| self.dollar_in(decl, ty));
            let lambda = matches!(sources[i], Source::Arg(at) if matches!(self.ast.expr(args[at].value), Ast::Func(_)));
            if lambda {
                later.push(i);
                continue;
            }
            if !dollar {
                continue;
            }
            match self.infer_param(decl, scope, i, param, sources[i], args, &mut checked, span) {
                Some(true) => literals.push(i),
                Some(false) => {}
                None => return self.error_val(span),
            }
        }
        // Typed arguments decide over literals, and among those floats over integers.
        literals.sort_by_key(|&i| !matches!(checked[i], Some(Val { lit: Lit::Float(_), .. })));
        for i in literals {
            let val = checked[i].expect("literals have been checked");
            if !self.infer_literal(decl, scope, &params[i], val) {
                return self.error_val(span);
            }
        }
        for i in later {
            if !self.infer_lambda(func, decl, scope, i, &params[i], sources[i], args, &mut checked) {
                return self.error_val(span);
            }
        }
        let Some(bindings) = self.collect(decl, scope, params, span) else { return self.error_val(span) };
        let loc = self.loc(span);
        let Some(inst) = self.instance(func, bindings, loc) else { return self.error_val(span) };
        let reported = self.s.reports();
        let val = self.call_instance(inst, params, sources, args, &checked, span);
        if val.ty == TypeId::ERROR {
            self.blame_inference(decl, scope, params, sources, args, reported);
        }
        val
    }

    /// Adds to a report about an argument which other argument decided its type.
    fn blame_inference(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        params: &[Param],
        sources: &[Source<'b>],
        args: &[Arg],
        reported: Reports,
    ) {
        let first = self.s.reports_since(reported).next().filter(|d| d.code == Code::E0201);
        let Some(at) = first.map(|d| d.loc) else { return };
        let arg_loc = |source: &Source<'b>| match source {
            Source::Arg(i) => Some(self.loc(self.span(args[*i].value))),
            _ => None,
        };
        let Some(bad) = sources.iter().position(|source| arg_loc(source) == Some(at)) else { return };
        let parsed = self.s.file(decl.file).file.clone();
        let syms = &self.s.file(decl.file).syms;
        let Some(used) = params[bad].ty.map(|ty| parsed.ast.expr_span(ty)) else { return };
        let names = parsed.ast.exprs.iter().zip(&parsed.ast.expr_spans).filter_map(|(e, span)| match e {
            Ast::Name(ident) if span.lo >= used.lo && span.hi <= used.hi => Some(syms[ident.name.index()]),
            _ => None,
        });
        for name in names {
            let introduces = |param: &Param| {
                param.ty.is_some_and(|ty| dollar_names_of(self.s.file(decl.file), ty).contains(&name))
            };
            let decided = params.iter().position(introduces).and_then(|i| arg_loc(&sources[i]));
            if let (Some(loc), Some(CVal::Type(ty))) = (decided, self.bound(scope, name)) {
                let text = format!("`{}` is `{}` because of this", self.s.text(name), self.name_of(ty));
                if let Some(d) = self.s.reports_since(reported).next() {
                    d.secondary.push(Label { loc, text });
                }
                return;
            }
        }
    }

    fn dollar_in(&self, decl: &FnDecl, ty: ExprId) -> bool {
        has_dollar(&self.s.file(decl.file).file.ast, ty)
    }

    pub(super) fn bound(&self, scope: ScopeId, sym: Sym) -> Option<CVal> {
        self.s.scopes[scope.0 as usize].names.iter().find_map(|(s, b)| match b {
            Bound::Const(_, value) if *s == sym => Some(value.clone()),
            _ => None,
        })
    }

    pub(super) fn bind(&mut self, scope: ScopeId, sym: Sym, value: CVal) {
        let ty = cval_type(&value);
        self.s.scopes[scope.0 as usize].names.push((sym, Bound::Const(ty, value)));
    }

    pub(super) fn bind_typed(&mut self, scope: ScopeId, sym: Sym, ty: TypeId, value: CVal) {
        self.s.scopes[scope.0 as usize].names.push((sym, Bound::Const(ty, value)));
    }

    /// `$T: Type`, `$n: i64`: the argument is evaluated now.
    fn bind_value(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        param: &Param,
        source: Source<'b>,
        args: &[Arg],
        span: Span,
    ) -> bool {
        let sym = self.s.file(decl.file).syms[param.name.name.index()];
        let value = match source {
            Source::Arg(at) => self.type_arg(decl.file, scope, param, args[at].value),
            Source::Given(val) | Source::Receiver(val) => match val.lit {
                Lit::Int(n) => Some(CVal::Int(n)),
                Lit::Float(x) => Some(CVal::float(x)),
                _ => self.given_value(decl, scope, param, val),
            },
            Source::Default => {
                let default = param.default.expect("a source is the default only where there is one");
                self.elsewhere(decl.file, scope, |cx| {
                    let file = cx.file;
                    cx.type_arg(file, scope, param, default)
                })
            }
            Source::Rest { .. } => {
                self.error(Code::E0311, span, "a compile-time parameter can't be variadic here");
                None
            }
        };
        let Some(value) = value else { return false };
        let ty = self.elsewhere(decl.file, scope, |cx| match param.ty {
            Some(ty) => match *cx.ast.expr(ty) {
                Ast::Name(ident) if cx.ast.name(ident.name) == "int" => TypeId::I64,
                _ => cx.resolve_type(ty),
            },
            None => TypeId::TYPE,
        });
        self.bind_typed(scope, sym, ty, value);
        true
    }

    /// A value that a spread gives to a compile-time parameter.
    fn given_value(&mut self, decl: &FnDecl, scope: ScopeId, param: &Param, val: Val<'b>) -> Option<CVal> {
        let declared = match param.ty {
            Some(ty) => self.elsewhere(decl.file, scope, |cx| match *cx.ast.expr(ty) {
                Ast::Name(ident) if cx.ast.name(ident.name) == "int" => val.ty,
                _ => cx.resolve_type(ty),
            }),
            None => TypeId::TYPE,
        };
        let e = self.coerce(val, declared, val.e.loc.span);
        if e.ty == TypeId::ERROR { None } else { self.fold_or_report(e) }
    }

    /// Binds what an argument's type says; true when the argument is a literal, which has no type yet. None after a
    /// report.
    #[allow(clippy::too_many_arguments)]
    fn infer_param(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        index: usize,
        param: &Param,
        source: Source<'b>,
        args: &[Arg],
        checked: &mut [Option<Val<'b>>],
        span: Span,
    ) -> Option<bool> {
        let pattern = param.ty.expect("only typed parameters are inferred");
        if param.variadic {
            return self
                .infer_rest(decl, scope, index, pattern, source, args, checked, span)
                .then_some(false);
        }
        let val = match source {
            Source::Arg(at) => self.check(args[at].value, None),
            Source::Receiver(val) | Source::Given(val) => val,
            Source::Default => {
                let default = param.default.expect("a source is the default only where there is one");
                self.elsewhere(decl.file, decl.scope, |cx| cx.check(default, None))
            }
            Source::Rest { .. } => return Some(false),
        };
        if val.ty == TypeId::ERROR {
            return None;
        }
        checked[index] = Some(val);
        if val.lit != Lit::None {
            return Some(true);
        }
        let receiver = matches!(source, Source::Receiver(_));
        self.unify_arg(decl, scope, param, val.ty, val.e.loc.span, receiver).then_some(false)
    }

    /// What no other argument has bound takes the default type of a literal.
    fn infer_literal(&mut self, decl: &FnDecl, scope: ScopeId, param: &Param, val: Val<'b>) -> bool {
        let pattern = param.ty.expect("only typed parameters are inferred");
        let syms = dollar_names_of(self.s.file(decl.file), pattern);
        if syms.iter().all(|&sym| self.bound(scope, sym).is_some()) {
            // Whether the literal fits is judged when it is passed.
            return true;
        }
        let at = val.e.loc.span;
        let ty = match val.lit {
            Lit::Float(_) => TypeId::F64,
            Lit::Null => {
                let help = "say which: `cast(?T) null`";
                let message = "`null` alone doesn't say of which type it is";
                self.error_help(Code::E0203, at, message, help);
                return false;
            }
            Lit::Int(_) | Lit::None => self.int_literal_for(decl, scope, pattern),
        };
        self.unify_arg(decl, scope, param, ty, at, false)
    }

    /// Matches an argument's type against its parameter; a report when they have different shapes.
    fn unify_arg(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        param: &Param,
        ty: TypeId,
        at: Span,
        receiver: bool,
    ) -> bool {
        let pattern = param.ty.expect("only typed parameters are inferred");
        self.f.blame = Some(self.loc(at));
        let errors = self.s.errors;
        if self.unify(&Pattern::param(decl, scope), pattern, ty) {
            return true;
        }
        if self.s.errors > errors {
            // What doesn't fit has been said: a constraint that isn't met.
            return false;
        }
        if receiver {
            // The receiver's address is taken, or it is dereferenced, as the pattern asks.
            let ptr = self.s.types.ptr(ty);
            if self.unify(&Pattern::param(decl, scope), pattern, ptr) {
                return true;
            }
            if let TypeKind::Ptr(of) = *self.kind(ty)
                && self.unify(&Pattern::param(decl, scope), pattern, of)
            {
                return true;
            }
        }
        let parsed = self.s.file(decl.file).file.clone();
        let want = parsed.ast.expr_span(pattern);
        let want = parsed.text.get(want.lo as usize..want.hi as usize).unwrap_or("").to_string();
        let want = match *parsed.ast.expr(pattern) {
            Ast::Dollar { name, .. } => {
                match self.bound(scope, self.s.file(decl.file).syms[name.name.index()]) {
                    Some(CVal::Type(bound)) => self.name_of(bound),
                    _ => want,
                }
            }
            _ => want,
        };
        let message = format!("expected `{want}`, found `{}`", self.name_of(ty));
        let d = Diagnostic::error(Code::E0201, self.loc(at), message)
            .also(Loc::new(decl.file, param.span), "the parameter is declared here");
        self.report(d);
        false
    }

    /// What an integer literal is for `$T/Protocol`: an `f64` where only floats will do.
    fn int_literal_for(&mut self, decl: &FnDecl, scope: ScopeId, pattern: ExprId) -> TypeId {
        let protocol = self.elsewhere(decl.file, scope, |cx| match *cx.ast.expr(pattern) {
            Ast::Dollar { constraint: Some(constraint), .. } => cx.resolve_type(constraint),
            _ => TypeId::ERROR,
        });
        let TypeKind::Protocol(id) = *self.kind(protocol) else { return TypeId::I64 };
        let [int, float] = [TypeId::I64, TypeId::F64].map(|ty| self.s.has_impl(id, ty, self.file));
        if float && !int { TypeId::F64 } else { TypeId::I64 }
    }

    /// `..xs: []$T`: the first argument says what `T` is.
    #[allow(clippy::too_many_arguments)]
    fn infer_rest(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        index: usize,
        pattern: ExprId,
        source: Source<'b>,
        args: &[Arg],
        checked: &mut [Option<Val<'b>>],
        span: Span,
    ) -> bool {
        let Source::Rest { lead, from } = source else { return true };
        let rest = rest_of(args, from);
        let mut vals = lead.to_vec();
        let spread = match rest {
            [only] if only.spread && lead.is_empty() => Some(self.spread_or_whole(only.value, None)),
            _ => None,
        };
        if let Some(None) = spread {
            return false;
        }
        if let Some(Some(Err(whole))) = spread {
            let mut e = self.settle(whole, whole.e.loc.span);
            if let TypeKind::Array(elem, _) = *self.kind(e.ty) {
                let (slice, at) = (self.s.types.slice(elem), e.loc.span);
                let array = self.of(e);
                e = self.coerce(array, slice, at);
            }
            if let TypeKind::Slice(_) = self.kind(e.ty) {
                let ok = self.unify(&Pattern::param(decl, scope), pattern, e.ty);
                checked[index] = Some(self.of(e));
                return ok;
            }
            let message = format!("{} can't be spread here", self.describe(e.ty));
            let help = "a slice, an array, a tuple or a pack can";
            self.error_help(Code::E0311, e.loc.span, message, help);
            return false;
        }
        match spread {
            Some(Some(Ok(elems))) => vals.extend(elems),
            _ => {
                for arg in rest {
                    let Some(more) = self.rest_values(arg, None) else { return false };
                    vals.extend(more);
                }
            }
        }
        if vals.is_empty() {
            self.error(Code::E0304, span, "without arguments, the element type isn't known");
            return false;
        }
        let typed = vals.iter().find(|val| val.lit == Lit::None).map(|val| val.ty);
        let float = vals.iter().any(|val| matches!(val.lit, Lit::Float(_)));
        let ty = typed.unwrap_or(if float { TypeId::F64 } else { TypeId::I64 });
        let slice = self.s.types.slice(ty);
        if !self.unify(&Pattern::param(decl, scope), pattern, slice) {
            return false;
        }
        let elems: Vec<E<'b>> = vals.iter().map(|&val| self.coerce(val, ty, val.e.loc.span)).collect();
        if elems.iter().any(|e| e.ty == TypeId::ERROR) {
            return false;
        }
        let array = self.s.types.array(ty, elems.len() as u64);
        let elems = self.slice_of(elems);
        let array = self.mk(array, span, Kind::Array(elems));
        let val = self.val(slice, span, Kind::Cast(Cast::ArrayToSlice, array));
        checked[index] = Some(val);
        true
    }

    /// A lambda argument: its parameter types come from what is bound so far; its type may bind the rest.
    #[allow(clippy::too_many_arguments)]
    fn infer_lambda(
        &mut self,
        func: FnId,
        decl: &FnDecl,
        scope: ScopeId,
        index: usize,
        param: &Param,
        source: Source<'b>,
        args: &[Arg],
        checked: &mut [Option<Val<'b>>],
    ) -> bool {
        let Source::Arg(at) = source else { return true };
        let pattern = param.ty;
        let shape = pattern.and_then(|p| self.lambda_shape(decl, scope, p));
        let borrowed = !self.s.escapes(func, index as u32);
        let val = match shape {
            Some((params, ret, plain)) => {
                self.check_lambda_shape(args[at].value, &params, ret, plain, borrowed)
            }
            None => self.check(args[at].value, None),
        };
        if val.ty == TypeId::ERROR {
            return false;
        }
        checked[index] = Some(val);
        match pattern {
            Some(pattern) if self.dollar_in(decl, pattern) => {
                let ok = self.unify(&Pattern::param(decl, scope), pattern, val.ty);
                if !ok {
                    let message =
                        format!("this lambda's type, `{}`, doesn't fit the parameter", self.name_of(val.ty));
                    let d = Diagnostic::error(Code::E0201, self.loc(val.e.loc.span), message)
                        .also(Loc::new(decl.file, param.span), "the parameter is declared here");
                    self.report(d);
                }
                ok
            }
            _ => true,
        }
    }

    /// Parameter types and result of a `Closure(…)` or function type, as far as they are bound.
    fn lambda_shape(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        pattern: ExprId,
    ) -> Option<(Vec<Option<TypeId>>, Wanted, bool)> {
        self.elsewhere(decl.file, scope, |cx| {
            let (idx, plain) = match *cx.ast.expr(pattern) {
                Ast::ClosureTy(idx) => (idx, false),
                Ast::FuncTy(idx) => (idx, true),
                _ => return None,
            };
            let ty = *cx.ast.get(idx);
            let mut params = Vec::new();
            for elem in cx.ast.list(ty.params) {
                let known = cx.is_bound(elem.ty);
                if elem.spread {
                    if !known {
                        // The lambda says how many there are.
                        return Some((Vec::new(), Wanted::Anything, plain));
                    }
                    params.extend(cx.spread_types(elem.ty).into_iter().map(Some));
                    continue;
                }
                params.push(if known { Some(cx.resolve_type(elem.ty)) } else { None });
            }
            let known = ty.ret.ty.is_none_or(|r| cx.is_bound(r));
            let ret = if known {
                Wanted::Result(cx.ret_type(ty.ret))
            } else if ty.ret.error_set.is_none_or(|set| cx.is_bound(set)) {
                cx.ret_set(ty.ret).map_or(Wanted::Anything, Wanted::Failing)
            } else {
                Wanted::Anything
            };
            Some((params, ret, plain))
        })
    }

    /// True when every `$name` in a type expression, and every name that stands for one, is bound.
    pub(super) fn is_bound(&mut self, expr: ExprId) -> bool {
        let mut names = Vec::new();
        dollar_names(self.ast, expr, &mut names);
        let scope = self.scope;
        names.into_iter().all(|n| {
            let sym = self.sym(n);
            self.bound(scope, sym).is_some()
        })
    }

    /// What each compile-time name was bound to; one that nothing says is an error.
    fn collect(&mut self, decl: &FnDecl, scope: ScopeId, params: &[Param], span: Span) -> Option<Bindings> {
        let parsed = self.s.file(decl.file).file.clone();
        let mut names = Vec::new();
        let mut syms = Vec::new();
        for (i, param) in params.iter().enumerate() {
            if param.comptime || decl.pack_at(i).is_some() {
                names.push(param.name.name);
            }
            if let Some(PackKind::Through(protocol)) = decl.pack_at(i) {
                let pack = parsed.ast.name(param.name.name);
                let members = self.s.protocol_params(protocol).into_iter();
                let projected = members.map(|member| projected_name(pack, self.s.text(member)));
                syms.extend(projected.collect::<Vec<_>>().iter().map(|name| self.s.sym(name)));
            }
            if let Some(ty) = param.ty {
                dollar_names(&parsed.ast, ty, &mut names);
            }
        }
        let mut bindings: Bindings = Vec::with_capacity(names.len());
        let file = self.s.file(decl.file);
        let syms: Vec<Sym> = names.into_iter().map(|name| file.syms[name.index()]).chain(syms).collect();
        for sym in syms {
            if bindings.iter().any(|(s, _)| *s == sym) {
                continue;
            }
            match self.bound(scope, sym) {
                Some(value) => bindings.push((sym, value)),
                None => {
                    let message = format!("nothing in this call says what `${}` is", self.s.text(sym));
                    let d = Diagnostic::error(Code::E0304, self.loc(span), message)
                        .also(Loc::new(decl.file, decl.span), "declared here");
                    self.report(d);
                    return None;
                }
            }
        }
        Some(bindings)
    }
}

/// True when a type expression introduces a name with `$`.
pub(crate) fn has_dollar(ast: &Tree, expr: ExprId) -> bool {
    let mut names = Vec::new();
    dollar_names(ast, expr, &mut names);
    !names.is_empty()
}

/// The same names, interned.
fn dollar_names_of(file: &FileScope, expr: ExprId) -> Vec<Sym> {
    let mut names = Vec::new();
    dollar_names(&file.file.ast, expr, &mut names);
    names.into_iter().map(|name| file.syms[name.index()]).collect()
}

/// The names that a type expression introduces with `$`, in order.
pub(crate) fn dollar_names(ast: &Tree, expr: ExprId, out: &mut Vec<sx_syntax::ast::NameId>) {
    match *ast.expr(expr) {
        Ast::Dollar { name, .. } => out.push(name.name),
        Ast::Paren(e)
        | Ast::PtrTy(e)
        | Ast::ManyPtrTy(e)
        | Ast::SliceTy(e)
        | Ast::SentinelSliceTy(e)
        | Ast::OptionalTy(e) => dollar_names(ast, e, out),
        Ast::ArrayTy { len, elem } => {
            dollar_names(ast, len, out);
            dollar_names(ast, elem, out);
        }
        Ast::TupleTy(elems) => ast.list(elems).iter().for_each(|e| dollar_names(ast, e.ty, out)),
        Ast::FuncTy(idx) | Ast::ClosureTy(idx) => {
            let func = ast.get(idx);
            ast.list(func.params).iter().for_each(|e| dollar_names(ast, e.ty, out));
            if let Some(ret) = func.ret.ty {
                dollar_names(ast, ret, out);
            }
        }
        Ast::Call { args, .. } => ast.list(args).iter().for_each(|a| dollar_names(ast, a.value, out)),
        _ => {}
    }
}
