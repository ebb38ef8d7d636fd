//! Lambdas: parameter types from what is expected, captures by copy, and whether the environment is allocated.

use super::{Cx, Entry, FnState, Val};
use crate::comptime::Lambda;
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{ErrorSetId, FnAbi, TupleField, TypeId, TypeKind};
use sx_ir::layout::Layout;
use sx_syntax::ast::{Ast as Tree, Expr as Ast, ExprId, FuncBody, FuncExpr, Idx, Stmt as AstStmt, StmtId};
use sx_syntax::diag::Code;
use sx_syntax::span::Span;

/// What a lambda should give.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// Whatever its body gives.
    Anything,
    /// A result of this type.
    Result(TypeId),
    /// Whatever its body gives, or an error of this set.
    Failing(ErrorSetId),
}

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn check_lambda(
        &mut self,
        idx: Idx<FuncExpr>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let shape = match expected.map(|ty| self.kind(ty).clone()) {
            Some(TypeKind::Closure { params, ret }) => {
                (params.iter().map(|&p| Some(p)).collect(), Some(ret), false)
            }
            Some(TypeKind::Func { params, ret, abi: FnAbi::Sx }) => {
                (params.iter().map(|&p| Some(p)).collect(), Some(ret), true)
            }
            Some(TypeKind::Optional(of)) => match self.kind(of).clone() {
                TypeKind::Closure { params, ret } => {
                    (params.iter().map(|&p| Some(p)).collect(), Some(ret), false)
                }
                TypeKind::Func { params, ret, abi: FnAbi::Sx } => {
                    (params.iter().map(|&p| Some(p)).collect(), Some(ret), true)
                }
                _ => (Vec::new(), None, false),
            },
            _ => (Vec::new(), None, false),
        };
        let (params, ret, plain): (Vec<Option<TypeId>>, Option<TypeId>, bool) = shape;
        let ret = ret.map_or(Wanted::Anything, Wanted::Result);
        self.lambda(idx, &params, ret, plain, false, span)
    }

    /// A lambda passed straight to a call; `borrowed` when the callee only calls it.
    pub(crate) fn check_closure_arg(&mut self, expr: ExprId, ty: TypeId, borrowed: bool) -> E<'b> {
        let span = self.span(expr);
        let (Ast::Func(idx), Some((params, ret, plain))) = (*self.ast.expr(expr), self.callable(ty)) else {
            return self.check_as(expr, ty);
        };
        let params: Vec<Option<TypeId>> = params.iter().map(|&p| Some(p)).collect();
        let val = self.lambda(idx, &params, Wanted::Result(ret), plain, borrowed, span);
        self.coerce(val, ty, span)
    }

    fn callable(&self, ty: TypeId) -> Option<(Box<[TypeId]>, TypeId, bool)> {
        match self.kind(ty).clone() {
            TypeKind::Closure { params, ret } => Some((params, ret, false)),
            TypeKind::Func { params, ret, abi: FnAbi::Sx } => Some((params, ret, true)),
            _ => None,
        }
    }

    /// A lambda whose expected type is known in part.
    pub(crate) fn check_lambda_shape(
        &mut self,
        expr: ExprId,
        params: &[Option<TypeId>],
        ret: Wanted,
        plain: bool,
        borrowed: bool,
    ) -> Val<'b> {
        let span = self.span(expr);
        let Ast::Func(idx) = *self.ast.expr(expr) else { return self.check(expr, None) };
        self.lambda(idx, params, ret, plain, borrowed, span)
    }

    fn lambda(
        &mut self,
        idx: Idx<FuncExpr>,
        wanted: &[Option<TypeId>],
        wanted_ret: Wanted,
        plain: bool,
        borrowed: bool,
        span: Span,
    ) -> Val<'b> {
        let func = *self.ast.get(idx);
        let params = self.ast.list(func.params);
        if func.linkage.is_some()
            || func.accessor.is_some()
            || matches!(func.body, FuncBody::None | FuncBody::Builtin)
        {
            self.error(Code::E0307, span, "a lambda needs a body");
            return self.error_val(span);
        }
        if !wanted.is_empty() && wanted.len() != params.len() {
            let message = format!(
                "this lambda takes {}, and {} expected",
                super::call::count(params.len(), "parameter"),
                match wanted.len() {
                    0 => "none is".to_string(),
                    1 => "1 is".to_string(),
                    n => format!("{n} are"),
                }
            );
            self.error(Code::E0301, span, message);
            return self.error_val(span);
        }
        let mut types = Vec::with_capacity(params.len());
        for (i, param) in params.iter().enumerate() {
            if param.comptime || param.variadic {
                self.error(Code::E0304, param.span, "a lambda can't have compile-time parameters");
                return self.error_val(span);
            }
            let expected = wanted.get(i).copied().flatten();
            let ty = match (param.ty, expected) {
                (Some(ty), _) => self.resolve_type(ty),
                (None, Some(ty)) => ty,
                (None, None) => {
                    let name = self.ast.name(param.name.name).to_string();
                    let help = format!("write `({name}: T)`");
                    let message = format!("nothing says of which type `{name}` is");
                    self.error_help(Code::E0203, param.span, message, help);
                    TypeId::ERROR
                }
            };
            if ty == TypeId::ERROR {
                return self.error_val(span);
            }
            types.push(ty);
        }
        let declared = func.ret.arrow.then(|| self.ret_type(func.ret));
        if declared == Some(TypeId::ERROR) {
            return self.error_val(span);
        }
        // A lambda that doesn't fail fits where one that may is wanted, and the other way round it doesn't.
        let ret = declared.map_or(wanted_ret, Wanted::Result);
        self.lambda_body(idx, &types, ret, plain, borrowed, span)
    }

    fn lambda_body(
        &mut self,
        idx: Idx<FuncExpr>,
        types: &[TypeId],
        ret: Wanted,
        plain: bool,
        borrowed: bool,
        span: Span,
    ) -> Val<'b> {
        let func = self.ast.get(idx);
        let (value_ret, set) = match ret {
            Wanted::Anything => (None, None),
            Wanted::Failing(set) => (None, Some(set)),
            Wanted::Result(ty) => match *self.kind(ty) {
                TypeKind::Failable { value, set } => (Some(value), Some(set)),
                _ => (Some(ty), None),
            },
        };
        let reserved = self.s.module.reserve_func();
        if let Some(traces) = &mut self.s.traces {
            traces.made_lambda(
                reserved,
                Lambda { file: self.file, ast: idx, scope: self.scope },
                self.f.inst,
            );
        }
        let mut inner = FnState {
            ret: value_ret,
            infer: value_ret.is_none(),
            set,
            inst: self.f.inst,
            is_static: false,
            filling: self.f.filling.clone(),
            filled: self.f.filled,
            ..FnState::default()
        };
        inner.ret_at = if inner.infer { None } else { self.declared_result(func) };
        std::mem::swap(&mut self.f, &mut inner);
        self.f.parent = Some(Box::new(inner));
        let mut param_ids = Vec::new();
        for (param, &ty) in self.ast.list(func.params).iter().zip(types) {
            let sym = self.ident(param.name);
            let local = self.new_local(sym, ty, LocalKind::Value, param.span);
            self.declare(param.name, Entry::Local(local));
            param_ids.push(local);
        }
        self.f.params = param_ids.clone();
        let root = self.function_root(func.body);
        let parent = self.f.parent.take().expect("a lambda's function state has its parent");
        let state = std::mem::replace(&mut self.f, *parent);
        self.f.filled = state.filled;
        let Some(root) = root else { return self.error_val(span) };
        let value_ret = value_ret.or(state.inferred).unwrap_or(TypeId::VOID);
        let ret_ty = match ret {
            Wanted::Anything => value_ret,
            Wanted::Result(ty) => ty,
            Wanted::Failing(set) => self.s.types.failable(value_ret, set),
        };
        let conv = if plain { Conv::Sx } else { Conv::Closure };
        let sig = FnSig { params: types.to_vec(), ret: ret_ty, conv };
        if plain && !state.captures.is_empty() {
            let outer = self.f.locals[state.captures[0].0.0 as usize].name.clone();
            let message = format!("this lambda captures `{outer}`, so it can't be a plain function");
            self.error_help(Code::E0305, span, message, "use a `Closure(…)` type");
            return self.error_val(span);
        }
        let captures: Vec<TypeId> =
            state.captures.iter().map(|(_, inner)| state.locals[inner.0 as usize].ty).collect();
        let name = match self.f.inst {
            Some(inst) => format!("{}.lambda", self.s.text(self.s.fn_decl(self.s.inst(inst).decl).name)),
            None => "lambda".to_string(),
        };
        let body = Body {
            func: reserved,
            name: name.into(),
            sig,
            inline: false,
            locals: state.locals,
            params: param_ids,
            captures: captures.clone(),
            root,
            loc: self.loc(span),
        };
        self.s.lower_now(&body);
        let params: Box<[TypeId]> = types.into();
        if plain {
            let ty = self.s.types.intern(TypeKind::Func { params, ret: ret_ty, abi: FnAbi::Sx });
            return self.val(ty, span, Kind::FuncValue(reserved));
        }
        let ty = self.s.types.intern(TypeKind::Closure { params, ret: ret_ty });
        let mut values = Vec::with_capacity(captures.len());
        for &(outer, _) in &state.captures {
            values.push(self.local_expr(outer, span));
        }
        if !captures.is_empty() {
            let fields = captures.iter().map(|&ty| TupleField { name: None, ty }).collect();
            let env = self.s.types.intern(TypeKind::Tuple(fields));
            self.s.closure_envs.insert(reserved, env);
        }
        let alloc = if values.is_empty() || borrowed { None } else { self.environment(&captures, span) };
        let captures = self.slice_of(values);
        self.val(ty, span, Kind::Closure { func: reserved, captures, alloc })
    }

    /// Memory for an environment, from the context's allocator.
    fn environment(&mut self, captures: &[TypeId], span: Span) -> Option<E<'b>> {
        let mut layouts = Vec::with_capacity(captures.len());
        for &ty in captures {
            layouts.push(self.s.types.layout(ty));
        }
        let (layout, _) = Layout::structure(layouts.iter().map(|l| &**l), false, 1).ok()?;
        let func = self.s.core_fn("alloc_or_trap")?;
        let size = self.i64_expr(layout.size.max(1) as i64, span);
        let align = self.i64_expr(layout.align as i64, span);
        let (size, align) = (self.of(size), self.of(align));
        let call = self.call_with(func, &[size, align], span);
        (call.ty != TypeId::ERROR).then_some(call.e)
    }

    /// A name of an enclosing function: copied into the environment when it is first used.
    pub(crate) fn lookup_captured(&mut self, sym: Sym, span: Span) -> Option<Entry> {
        let parent = self.f.parent.as_mut()?;
        let entry = match parent.entry(sym) {
            Some(entry) => entry.clone(),
            None => {
                // From further out: the enclosing lambda captures it first.
                parent.parent.as_ref()?;
                self.in_parent(|cx| cx.lookup_captured(sym, span))?
            }
        };
        let inner = match entry {
            Entry::Decl(_) => return Some(entry),
            Entry::Local(outer) => Entry::Local(self.capture(outer, sym, span)),
            Entry::Pack(outer) => {
                Entry::Pack(outer.iter().map(|&l| self.capture(l, Sym::EMPTY, span)).collect())
            }
        };
        self.f.captured.push((sym, inner.clone()));
        Some(inner)
    }

    /// Runs `work` as if in the enclosing function.
    fn in_parent<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let parent = self.f.parent.take().expect("lambdas have an enclosing function");
        let own = std::mem::replace(&mut self.f, *parent);
        let result = work(self);
        let parent = std::mem::replace(&mut self.f, own);
        self.f.parent = Some(Box::new(parent));
        result
    }

    fn capture(&mut self, outer: LocalId, sym: Sym, span: Span) -> LocalId {
        if let Some(&(_, inner)) = self.f.captures.iter().find(|(o, _)| *o == outer) {
            return inner;
        }
        let parent = self.f.parent.as_ref().expect("captures come from an enclosing function");
        let info = parent.locals[outer.0 as usize].clone();
        let known = parent.known(outer);
        let guard = parent.guards.iter().find(|(v, _)| *v == outer).map(|&(_, err)| err);
        let guard = guard.filter(|&err| parent.known(err) != Some(false));
        let by_ref = parent.refs.contains(&outer);
        let view = parent.views.iter().find(|(l, _)| *l == outer).map(|&(_, view)| view);
        let index = self.f.captures.len() as u32;
        let inner = self.new_local(sym, info.ty, LocalKind::Capture(index), span);
        self.f.locals[inner.0 as usize].name = info.name;
        self.f.captures.push((outer, inner));
        if let Some(has_value) = known {
            self.f.captured_facts.push((inner, has_value));
        }
        if by_ref {
            self.f.refs.push(inner);
        }
        if let Some(view) = view {
            self.f.views.push((inner, view));
        }
        if let Some(err) = guard {
            // What the enclosing function hasn't proven, the lambda must: with a copy of the error of its own.
            let err = self.capture(err, Sym::EMPTY, span);
            self.f.guards.push((inner, err));
        }
        inner
    }
}

impl FnState {
    /// What a name means in this function, without looking at enclosing ones.
    pub(crate) fn entry(&self, sym: Sym) -> Option<&Entry> {
        let own = self.entries.iter().rev().chain(self.captured.iter().rev());
        own.into_iter().find(|(s, _)| *s == sym).map(|(_, entry)| entry)
    }

    /// What a name means in this function or an enclosing one; nothing is captured.
    pub(crate) fn visible(&self, sym: Sym) -> Option<&Entry> {
        self.entry(sym).or_else(|| self.parent.as_ref()?.visible(sym))
    }
}

impl Sema {
    /// True when a function may keep the closure that it is given for a parameter: it does anything with it but
    /// call it.
    pub(crate) fn escapes(&mut self, func: FnId, param: u32) -> bool {
        self.watch_text(func);
        if let Some(&known) = self.escapes.get(&(func, param)) {
            return known;
        }
        let decl = self.fn_decl(func);
        let ast = &self.file(decl.file).file.ast;
        let f = ast.get(decl.ast);
        let escapes = match (ast.list(f.params).get(param as usize), f.body) {
            (Some(p), FuncBody::Block(body) | FuncBody::Arrow(body)) => {
                let mut uses = Uses { ast, name: p.name.name, escapes: false };
                uses.expr(body);
                uses.escapes
            }
            _ => true,
        };
        self.escapes.insert((func, param), escapes);
        escapes
    }
}

/// Looks for uses of a name other than calling it.
struct Uses<'a> {
    ast: &'a Tree,
    name: sx_syntax::ast::NameId,
    escapes: bool,
}

impl Uses<'_> {
    fn stmt(&mut self, stmt: StmtId) {
        let ast = self.ast;
        match *ast.stmt(stmt) {
            AstStmt::Expr { expr, .. } | AstStmt::Using(expr) => self.expr(expr),
            AstStmt::Var(idx) => ast.list(ast.get(idx).values).iter().for_each(|&e| self.expr(e)),
            AstStmt::Assign { targets, values, .. } => {
                ast.list(targets).iter().for_each(|&e| self.expr(e));
                ast.list(values).iter().for_each(|&e| self.expr(e));
            }
            AstStmt::Defer(inner) | AstStmt::OnFail { body: inner, .. } => self.stmt(inner),
            AstStmt::Const(idx) => self.expr(ast.get(idx).value),
            AstStmt::Impl(_) | AstStmt::Assert { .. } | AstStmt::Test(_) | AstStmt::Error => {}
        }
    }
    fn all(&mut self, exprs: &[ExprId]) {
        exprs.iter().for_each(|&e| self.expr(e));
    }
    fn expr(&mut self, expr: ExprId) {
        let ast = self.ast;
        match *ast.expr(expr) {
            Ast::Name(ident) => self.escapes |= ident.name == self.name,
            Ast::Call { callee, args } => {
                if !matches!(*ast.expr(callee), Ast::Name(ident) if ident.name == self.name) {
                    self.expr(callee);
                }
                ast.list(args).iter().for_each(|a| self.expr(a.value));
            }
            Ast::Paren(e)
            | Ast::Unary { operand: e, .. }
            | Ast::AddrOf(e)
            | Ast::Deref(e)
            | Ast::Unwrap(e)
            | Ast::Try(e)
            | Ast::Autocast(e)
            | Ast::Cast { operand: e, .. }
            | Ast::Field { base: e, .. }
            | Ast::TupleIndex { base: e, .. }
            | Ast::OptField { base: e, .. }
            | Ast::OptTupleIndex { base: e, .. }
            | Ast::OptChain(e)
            | Ast::Raise(e) => self.expr(e),
            Ast::Return(e) => self.all(e.as_slice()),
            // Inserted text may do anything with it.
            Ast::Insert(_) => self.escapes = true,
            Ast::Binary { lhs: a, rhs: b, .. }
            | Ast::And(a, b)
            | Ast::Or(a, b)
            | Ast::Coalesce(a, b)
            | Ast::Pipe(a, b)
            | Ast::Index { base: a, index: b }
            | Ast::Push { ctx: a, body: b }
            | Ast::ArrayRepeat { value: a, count: b, .. } => self.all(&[a, b]),
            Ast::Chain { first, links } => {
                self.expr(first);
                ast.list(links).iter().for_each(|l| self.expr(l.rhs));
            }
            Ast::Catch(idx) => self.all(&[ast.get(idx).operand, ast.get(idx).handler]),
            Ast::Slice(idx) => {
                let s = ast.get(idx);
                self.expr(s.base);
                self.all(s.lo.as_slice());
                self.all(s.hi.as_slice());
            }
            Ast::StructLit { fields: list, .. } | Ast::TupleLit { elems: list, .. } => {
                ast.list(list).iter().for_each(|a| self.expr(a.value));
            }
            Ast::ArrayLit { elems, .. } => self.all(ast.list(elems)),
            Ast::Block { stmts, tail } => {
                ast.list(stmts).iter().for_each(|&s| self.stmt(s));
                self.all(tail.as_slice());
            }
            Ast::If(idx) => {
                let i = ast.get(idx);
                self.all(&[i.cond, i.then]);
                self.all(i.else_.as_slice());
            }
            Ast::Match(idx) => {
                let m = ast.get(idx);
                self.expr(m.subject);
                ast.list(m.arms).iter().for_each(|a| self.expr(a.body));
            }
            Ast::While(idx) => self.all(&[ast.get(idx).cond, ast.get(idx).body]),
            Ast::For(idx) => {
                let f = ast.get(idx);
                for iter in ast.list(f.iters) {
                    match *iter {
                        sx_syntax::ast::Iter::Each(e) => self.expr(e),
                        sx_syntax::ast::Iter::Range { lo, hi, .. } => {
                            self.expr(lo);
                            self.all(hi.as_slice());
                        }
                    }
                }
                self.expr(f.body);
            }
            // A nested function that names it captures it, and may outlive the call.
            Ast::Func(idx) => match ast.get(idx).body {
                FuncBody::Block(body) | FuncBody::Arrow(body) => {
                    let mut inner = Uses { ast, name: self.name, escapes: false };
                    inner.any(body);
                    self.escapes |= inner.escapes;
                }
                _ => {}
            },
            _ => {}
        }
    }
    /// Inside a nested function every mention counts: look at the whole tree of this file's names in its span.
    fn any(&mut self, body: ExprId) {
        let span = self.ast.expr_span(body);
        for (e, s) in self.ast.exprs.iter().zip(&self.ast.expr_spans) {
            if s.lo >= span.lo
                && s.hi <= span.hi
                && let Ast::Name(_) | Ast::Insert(_) = e
            {
                self.escapes |=
                    matches!(e, Ast::Insert(_)) || matches!(e, Ast::Name(ident) if ident.name == self.name);
            }
        }
    }
}
