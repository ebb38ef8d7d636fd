//! Generic calls: which types and values the parameters stand for, and the instance that follows.

use super::call::{Source, rest_of};
use super::nominal::cval_type;
use super::unify::Pattern;
use super::{Cx, Lit, Val};
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{ErrorSetDef, ErrorSetId, FnAbi, TypeId, TypeKind};
use crate::value::CVal;
use std::sync::Arc;
use sx_ir::{Extern, ExternKind};
use sx_syntax::ast::{Abi, Arg, Ast as Tree, Expr as Ast, ExprId, FuncBody, Param};
use sx_syntax::diag::{Code, Diagnostic, Label};
use sx_syntax::span::{Loc, Span};

/// What the compile-time parameters were found to be, in the order in which the signature names them.
type Bindings = Vec<(Sym, CVal)>;

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
            if param.variadic && (param.comptime || param.ty.is_none()) {
                if !self.bind_pack(decl, scope, param, sources[i], args, &mut checked) {
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
        let reported = self.s.diagnostics.len();
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
        reported: usize,
    ) {
        let Some(d) = self.s.diagnostics.get(reported).filter(|d| d.code == Code::E0201) else { return };
        let at = d.loc;
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
                self.s.diagnostics[reported].secondary.push(Label { loc, text });
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

    fn bind_typed(&mut self, scope: ScopeId, sym: Sym, ty: TypeId, value: CVal) {
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
                _ => self.fold_or_report(val.e),
            },
            Source::Default => {
                let default = param.default.expect("a source is the default only where there is one");
                self.elsewhere(decl.file, scope, |cx| {
                    let file = cx.file;
                    cx.type_arg(file, scope, param, default)
                })
            }
            Source::Rest(_) => {
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

    /// `..$args`: every remaining argument, each with its own type.
    fn bind_pack(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        param: &Param,
        source: Source<'b>,
        args: &[Arg],
        checked: &mut Vec<Option<Val<'b>>>,
    ) -> bool {
        let sym = self.s.file(decl.file).syms[param.name.name.index()];
        let Source::Rest(from) = source else { return true };
        let mut types = Vec::new();
        for arg in rest_of(args, from) {
            if arg.spread {
                if !self.spread_arg(arg.value, checked, &mut types) {
                    return false;
                }
                continue;
            }
            let e = self.check_settled(arg.value);
            if e.ty == TypeId::ERROR || !self.check_storable(e.ty, e.loc.span) {
                return false;
            }
            let val = self.of(e);
            let val = self.through_ref(val).unwrap_or(val);
            types.push(val.ty);
            checked.push(Some(val));
        }
        self.bind(scope, sym, CVal::Pack(types.into()));
        true
    }

    /// `..xs`: a pack's or tuple's elements one by one.
    fn spread_arg(
        &mut self,
        expr: ExprId,
        checked: &mut Vec<Option<Val<'b>>>,
        types: &mut Vec<TypeId>,
    ) -> bool {
        let span = self.span(expr);
        if let super::Entity::Pack(locals) = self.entity_if_name(expr) {
            for &local in locals.iter() {
                let val = self.read_local(local, span);
                types.push(val.ty);
                checked.push(Some(val));
            }
            return true;
        }
        let e = self.check_settled(expr);
        if let TypeKind::Tuple(fields) = self.kind(e.ty).clone() {
            for elem in self.elements_once(e, fields.len(), span) {
                types.push(elem.ty);
                checked.push(Some(self.of(elem)));
            }
            return true;
        }
        if e.ty != TypeId::ERROR {
            self.error(Code::E0311, span, "only a pack or a tuple can be spread here");
        }
        false
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
            Source::Rest(_) => return Some(false),
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
        let Source::Rest(from) = source else { return true };
        let rest = rest_of(args, from);
        if let [only] = rest
            && only.spread
            && !matches!(self.entity_if_name(only.value), super::Entity::Pack(_))
        {
            let mut e = self.check_settled(only.value);
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
            if !matches!(self.kind(e.ty), TypeKind::Tuple(_)) {
                if e.ty != TypeId::ERROR {
                    let message = format!("{} can't be spread here", self.describe(e.ty));
                    self.error_help(
                        Code::E0311,
                        e.loc.span,
                        message,
                        "a slice, an array, a tuple or a pack can",
                    );
                }
                return false;
            }
        }
        if rest.is_empty() {
            self.error(Code::E0304, span, "without arguments, the element type isn't known");
            return false;
        }
        let mut vals = Vec::with_capacity(rest.len());
        for arg in rest {
            let Some(more) = self.rest_values(arg, None) else { return false };
            vals.extend(more);
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
    ) -> Option<(Vec<Option<TypeId>>, Option<TypeId>, bool)> {
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
                params.push(if known { Some(cx.resolve_type(elem.ty)) } else { None });
            }
            let known = ty.ret.ty.is_none_or(|r| cx.is_bound(r));
            let ret = if known { Some(cx.ret_type(ty.ret)) } else { None };
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
        for param in params {
            if param.comptime || (param.variadic && param.ty.is_none()) {
                names.push(param.name.name);
            }
            if let Some(ty) = param.ty {
                dollar_names(&parsed.ast, ty, &mut names);
            }
        }
        let mut bindings: Bindings = Vec::with_capacity(names.len());
        for name in names {
            let sym = self.s.file(decl.file).syms[name.index()];
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

    /// The instance of a function for these bindings; its signature is resolved, its body queued.
    pub(crate) fn instance(&mut self, func: FnId, bindings: Bindings, loc: Loc) -> Option<InstId> {
        let from = (self.f.inst, loc);
        self.s.instance(func, bindings, from)
    }
}

impl Sema {
    pub(crate) fn instance(
        &mut self,
        func: FnId,
        bindings: Bindings,
        from: (Option<InstId>, Loc),
    ) -> Option<InstId> {
        let key: Box<[CVal]> = bindings.iter().map(|(_, v)| v.clone()).collect();
        if let Some(&inst) = self.inst_ids.get(&(func, key.clone())) {
            return (self.inst(inst).sig.ret != TypeId::ERROR).then_some(inst);
        }
        if self.insts.len() as u32 >= self.options.max_instances
            || self.chain_depth(from.0) > self.options.max_instance_depth
        {
            let name = self.text(self.fn_decl(func).name).to_string();
            let message = format!("instances of `{name}` nest without end");
            self.report(Diagnostic::error(Code::E0306, from.1, message));
            return None;
        }
        let decl = self.fn_decl(func).clone();
        let label = self.instance_label(&decl, &bindings);
        let names = bindings.iter().map(|(s, v)| (*s, Bound::Const(cval_type(v), v.clone()))).collect();
        let scope =
            if bindings.is_empty() { decl.scope } else { self.new_scope(Some(decl.scope), decl.file, names) };
        if !bindings.is_empty() {
            self.retype_values(&decl, scope);
        }
        let reserved = self.module.reserve_func();
        let id = InstId(self.insts.len() as u32);
        self.insts.push(Inst {
            decl: func,
            func: reserved,
            scope,
            params: Vec::new(),
            sig: FnSig { params: Vec::new(), ret: TypeId::ERROR, conv: Conv::Sx },
            set: None,
            ext: None,
            state: InstState::Todo,
            from: Some(from).filter(|_| label.is_some()),
            infer_ret: false,
            label,
        });
        self.inst_ids.insert((func, key), id);
        self.func_insts.insert(reserved, id);
        let made = self.with_static(decl.file, scope, |cx| {
            cx.f.inst = Some(id);
            cx.instance_signature(id, &decl)
        });
        if !made {
            self.insts[id.0 as usize].sig.ret = TypeId::ERROR;
            self.insts[id.0 as usize].state = InstState::Done;
            return None;
        }
        if self.inst(id).state == InstState::Todo {
            self.queue.push_back(id);
        }
        Some(id)
    }

    /// A value parameter is bound under its declared type, not the default for its kind of value.
    fn retype_values(&mut self, decl: &FnDecl, scope: ScopeId) {
        let parsed = self.file(decl.file).file.clone();
        for param in parsed.ast.list(parsed.ast.get(decl.ast).params) {
            let (true, false, Some(ty)) = (param.comptime, param.variadic, param.ty) else { continue };
            let sym = self.file(decl.file).syms[param.name.name.index()];
            let declared = self.with_static(decl.file, scope, |cx| match *cx.ast.expr(ty) {
                Ast::Name(ident) if cx.ast.name(ident.name) == "int" => TypeId::I64,
                _ => cx.resolve_type(ty),
            });
            for (name, bound) in &mut self.scopes[scope.0 as usize].names {
                if *name == sym
                    && let Bound::Const(ty, _) = bound
                {
                    *ty = declared;
                }
            }
        }
    }

    fn chain_depth(&self, mut inst: Option<InstId>) -> u32 {
        let mut depth = 0;
        while let Some(id) = inst {
            depth += 1;
            inst = self.inst(id).from.and_then(|(from, _)| from);
        }
        depth
    }

    fn instance_label(&self, decl: &FnDecl, bindings: &[(Sym, CVal)]) -> Option<Arc<str>> {
        if bindings.is_empty() {
            return None;
        }
        let shown: Vec<String> =
            bindings.iter().map(|(s, v)| format!("{} = {}", self.text(*s), abridge(&self.show(v)))).collect();
        Some(format!("{}({})", self.qualified(decl.name, decl.owner), shown.join(", ")).into())
    }

    fn show(&self, value: &CVal) -> String {
        match value {
            CVal::Type(ty) => self.type_name(*ty),
            CVal::Int(n) => n.to_string(),
            CVal::Bool(b) => b.to_string(),
            CVal::Str(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            CVal::Pack(types) => {
                let types: Vec<String> = types.iter().map(|&t| self.type_name(t)).collect();
                format!("({})", types.join(", "))
            }
            _ => "…".to_string(),
        }
    }
}

impl<'b> Cx<'_, '_, 'b> {
    /// Resolves an instance's parameters and result in its scope.
    fn instance_signature(&mut self, id: InstId, decl: &FnDecl) -> bool {
        let func = *self.ast.get(decl.ast);
        let mut params = Vec::new();
        let mut ok = true;
        let mut c_variadic = false;
        let foreign = func.linkage.is_some_and(|l| !l.export);
        for (i, param) in self.ast.list(func.params).iter().enumerate() {
            let name = self.ident(param.name);
            if param.variadic && (param.comptime || param.ty.is_none()) {
                if foreign {
                    c_variadic = true;
                    continue;
                }
                let scope = self.scope;
                let Some(CVal::Pack(types)) = self.bound(scope, name) else { continue };
                for (n, &ty) in types.iter().enumerate() {
                    params.push(InstParam { decl: i as u32, name, ty, pack: Some(n as u32) });
                }
                continue;
            }
            if param.comptime {
                continue;
            }
            let ty = match (param.ty, param.default) {
                (Some(ty), _) => self.resolve_type(ty),
                (None, Some(default)) => self.check_settled(default).ty,
                (None, None) => {
                    self.error(Code::E0304, param.span, "a declared function's parameter needs a type");
                    TypeId::ERROR
                }
            };
            ok &= ty != TypeId::ERROR && self.check_storable(ty, param.span);
            if ok && param.variadic && !foreign && !matches!(self.kind(ty), TypeKind::Slice(_)) {
                let at = param.ty.map_or(param.span, |ty| self.span(ty));
                self.variadic_not_slice(ty, at);
                ok = false;
            }
            if ok {
                let loc = self.loc(param.span);
                ok &= self.ensure_layout(ty, loc);
            }
            params.push(InstParam { decl: i as u32, name, ty, pack: None });
        }
        let c_abi = func.linkage.is_some() || func.abi == Abi::C;
        if matches!(func.abi, Abi::Naked | Abi::Compiler) {
            self.error(
                Code::E0804,
                func.sig_span,
                "`abi(.naked)` and `abi(.compiler)` aren't supported by this build",
            );
            return false;
        }
        let (ret, set, infer_ret) = self.instance_ret(&func);
        ok &= ret != TypeId::ERROR;
        if ok {
            let loc = self.loc(func.sig_span);
            ok &= self.ensure_layout(ret, loc);
        }
        let conv = if c_abi { Conv::C } else { Conv::Sx };
        let sig = FnSig { params: params.iter().map(|p| p.ty).collect(), ret, conv };
        let inst = &mut self.s.insts[id.0 as usize];
        inst.params = params;
        inst.sig = sig.clone();
        inst.set = set;
        inst.infer_ret = infer_ret;
        if let Some(set) = set {
            self.s.set_owners.entry(set).or_insert(id);
        }
        if !ok {
            return false;
        }
        if foreign {
            return self.declare_extern(id, decl, &func, &sig, c_variadic);
        }
        if func.body == FuncBody::None {
            // Reported by the parser.
            return false;
        }
        if conv == Conv::C {
            let reserved = self.s.inst(id).func;
            self.s.lower.declare_c_func(reserved);
        }
        true
    }

    fn instance_ret(&mut self, func: &sx_syntax::ast::FuncExpr) -> (TypeId, Option<ErrorSetId>, bool) {
        let mut infer = false;
        let value = match func.ret.ty {
            Some(ty) => match *self.ast.expr(ty) {
                Ast::Dollar { name, .. } => {
                    let sym = self.ident(name);
                    match self.lookup_static(sym, name.span) {
                        Some(Bound::Const(TypeId::TYPE, CVal::Type(ty))) => ty,
                        _ => {
                            infer = true;
                            TypeId::VOID
                        }
                    }
                }
                _ => self.resolve_type(ty),
            },
            // `=> e` without an arrow takes its type from the expression.
            None if !func.ret.arrow && matches!(func.body, FuncBody::Arrow(_)) => {
                infer = true;
                TypeId::VOID
            }
            None => TypeId::VOID,
        };
        if value == TypeId::ERROR {
            return (value, None, false);
        }
        if !func.ret.failable {
            return (value, None, infer);
        }
        let set = match func.ret.error_set {
            Some(set) => match self.error_set(set) {
                Some(set) => set,
                None => return (TypeId::ERROR, None, false),
            },
            None => {
                self.s.types.error_sets.push(ErrorSetDef {
                    name: String::new(),
                    tags: Vec::new(),
                    inferred: true,
                });
                ErrorSetId(self.s.types.error_sets.len() as u32 - 1)
            }
        };
        (self.s.types.failable(value, set), Some(set), infer)
    }

    /// What to use instead of a type that C doesn't have.
    fn unknown_to_c(&self, ty: TypeId) -> Option<&'static str> {
        match self.kind(ty) {
            TypeKind::String => Some("pass a `cstring`, or `[*]u8` and a length"),
            TypeKind::Slice(_) | TypeKind::SentinelSlice(_) => Some("pass a `[*]T` and a length"),
            TypeKind::Protocol(_) => Some("pass a pointer to the value"),
            &TypeKind::Optional(of) => {
                let niche = matches!(
                    self.kind(of),
                    TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::CString | TypeKind::Func { .. }
                );
                (!niche).then_some("only optionals of pointers are as large as in C")
            }
            _ => None,
        }
    }

    fn declare_extern(
        &mut self,
        id: InstId,
        decl: &FnDecl,
        func: &sx_syntax::ast::FuncExpr,
        sig: &FnSig,
        variadic: bool,
    ) -> bool {
        let linkage = func.linkage.expect("only foreign functions come here");
        let Some(library) = self.library(linkage) else { return false };
        if !self.may_declare_extern(library.as_deref(), decl.span) {
            return false;
        }
        if let FuncBody::Block(body) | FuncBody::Arrow(body) = func.body {
            let at = self.span(body);
            self.error(Code::E0801, at, "an `extern` function has its body elsewhere");
            return false;
        }
        if let TypeKind::Failable { .. } = self.kind(sig.ret) {
            self.error(Code::E0801, decl.span, "a C function can't be failable");
            return false;
        }
        for &ty in sig.params.iter().chain([&sig.ret]) {
            if matches!(self.kind(ty), TypeKind::Closure { .. } | TypeKind::Func { abi: FnAbi::Sx, .. }) {
                let message = format!("`{}` can't cross a C call", self.name_of(ty));
                self.error_help(Code::E0801, decl.span, message, "use a function type with `abi(.c)`");
                return false;
            }
            if library.as_deref() != Some(Extern::HOST)
                && let Some(help) = self.unknown_to_c(ty)
            {
                let message = format!("C has no type like `{}`", self.name_of(ty));
                self.error_help(Code::E0801, decl.span, message, help);
                return false;
            }
        }
        let symbol = match linkage.symbol {
            Some(symbol) => String::from_utf8_lossy(self.ast.string(symbol)).into_owned(),
            None => self.s.text(decl.name).to_string(),
        };
        let mut c = crate::lower::c_signature(&mut self.s.types, &mut self.s.module, sig);
        c.variadic = variadic;
        let fixed = c.params.len() as u32;
        let sig_id = self.s.module.sig(sx_ir::Sig::C { sig: c, fixed });
        let declared = (self.file.0, decl.span.lo);
        let ext = Extern { symbol, library, kind: ExternKind::Func(sig_id), declared };
        let ext = self.s.module.add_extern(ext);
        let inst = &mut self.s.insts[id.0 as usize];
        inst.ext = Some(ext);
        inst.state = InstState::Done;
        true
    }
}

/// The longest argument of an instance that is shown whole.
const MAX_SHOWN: usize = 60;

/// A long text without its middle.
fn abridge(text: &str) -> String {
    let count = text.chars().count();
    if count <= MAX_SHOWN {
        return text.to_string();
    }
    let start: String = text.chars().take(MAX_SHOWN / 2).collect();
    let end: String = text.chars().skip(count - MAX_SHOWN / 4).collect();
    format!("{start}…{end}")
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
