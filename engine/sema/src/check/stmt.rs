//! Statements: declarations in blocks, assignment, deferred work, block values.

use super::facts::still_true;
use super::{Cx, Entry, Lit, Val, is_place, root_local};
use crate::sema::*;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::visit::any_below;
use sx_syntax::ast::{BinOp, Expr as Ast, ExprId, Ident, Idx, Range, Stmt as AstStmt, StmtId, VarDecl};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

/// False for expressions that only give a value, whatever their parts do.
fn does_something(e: E<'_>) -> bool {
    !matches!(
        e.kind,
        Kind::Local(_)
            | Kind::Global(_)
            | Kind::ConstData(_)
            | Kind::Int(_)
            | Kind::Str(_)
            | Kind::Float(_)
            | Kind::FuncValue(_)
            | Kind::Neg(_)
            | Kind::Not(_)
            | Kind::BitNot(_)
            | Kind::Arith(..)
            | Kind::Compare(..)
            | Kind::Equal { .. }
            | Kind::And(..)
            | Kind::Or(..)
            | Kind::HasValue(_)
            | Kind::Field { .. }
            | Kind::Aggregate(_)
            | Kind::Array(_)
            | Kind::Cast(
                Cast::Int | Cast::IntToFloat | Cast::FloatToInt | Cast::Float | Cast::Bits | Cast::Wrap,
                _
            )
    )
}

impl<'b> Cx<'_, '_, 'b> {
    /// A block in a scope of its own.
    pub(crate) fn check_block(
        &mut self,
        stmts: Range<StmtId>,
        tail: Option<ExprId>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        self.scoped(|cx| {
            let mut out = Vec::new();
            let diverges = cx.check_stmts(cx.ast.list(stmts), &mut out);
            cx.finish_block(out, diverges, tail, expected, span)
        })
    }

    pub(super) fn finish_block(
        &mut self,
        mut out: Vec<Stmt<'b>>,
        diverges: bool,
        tail: Option<ExprId>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let Some(tail) = tail else {
            let ty = if diverges { TypeId::NORETURN } else { TypeId::VOID };
            let stmts = self.slice_of(out);
            return self.val(ty, span, Kind::Block { stmts, tail: None });
        };
        let val = self.check(tail, expected);
        if out.is_empty() {
            return val;
        }
        if val.lit != Lit::None {
            // An untyped constant after statements: its type must be settled for the block to have one.
            let at = self.span(tail);
            let e = match expected {
                Some(ty) if ty != TypeId::VOID => self.coerce(val, ty, at),
                _ => self.settle(val, at),
            };
            let stmts = self.slice_of(out);
            return self.val(e.ty, span, Kind::Block { stmts, tail: Some(e) });
        }
        let mut ty = val.ty;
        if diverges {
            ty = TypeId::NORETURN;
            out.push(Stmt::Expr(val.e));
            let stmts = self.slice_of(out);
            return self.val(ty, span, Kind::Block { stmts, tail: None });
        }
        let stmts = self.slice_of(out);
        self.val(ty, span, Kind::Block { stmts, tail: Some(val.e) })
    }

    /// Statements in the current scope; true when the end can't be reached.
    pub(crate) fn check_stmts(&mut self, stmts: &[StmtId], out: &mut Vec<Stmt<'b>>) -> bool {
        self.enter_block_decls(stmts);
        let mut diverges = false;
        for &stmt in stmts {
            diverges |= self.check_stmt(stmt, out);
        }
        self.demand_block_decls(stmts);
        diverges
    }

    /// Functions and types of a block are checked whether or not it uses them.
    fn demand_block_decls(&mut self, stmts: &[StmtId]) {
        for &stmt in stmts {
            let AstStmt::Const(idx) = *self.ast.stmt(stmt) else { continue };
            let sym = self.ident(self.ast.get(idx).name);
            if let Some(Entry::Decl(decl)) = self.f.entry(sym) {
                let decl = *decl;
                self.s.demand_decl(decl);
            }
        }
    }

    /// Constants of a block are order-independent, as at module level.
    fn enter_block_decls(&mut self, stmts: &[StmtId]) {
        let mut names = Vec::new();
        for &stmt in stmts {
            let AstStmt::Const(idx) = *self.ast.stmt(stmt) else { continue };
            let ident = self.ast.get(idx).name;
            let sym = self.ident(ident);
            names.push((sym, ident, idx));
        }
        let Some(&(_, _, first)) = names.first() else { return };
        let around = self.scope;
        if let Some(known) = self.s.traced_block(around, self.file, first) {
            self.scope = known;
            let decls = self.s.scopes[known.0 as usize].names.clone();
            for ((_, ident, _), (_, bound)) in names.into_iter().zip(decls) {
                if let Bound::Decl(decl) = bound {
                    self.declare(ident, Entry::Decl(decl));
                }
            }
            return;
        }
        let scope = self.s.new_scope(Some(around), self.file, Vec::new());
        self.s.trace_block(around, self.file, first, scope);
        self.scope = scope;
        for (sym, ident, idx) in names {
            let decl = self.s.new_decl(sym, self.file, scope, DeclKind::Const(idx), None, ident.span);
            self.s.scopes[scope.0 as usize].names.push((sym, Bound::Decl(decl)));
            self.declare(ident, Entry::Decl(decl));
        }
    }

    fn check_stmt(&mut self, stmt: StmtId, out: &mut Vec<Stmt<'b>>) -> bool {
        let span = self.ast.stmt_span(stmt);
        match *self.ast.stmt(stmt) {
            AstStmt::Error => false,
            AstStmt::Expr { expr, .. } => self.check_expr_stmt(expr, out),
            AstStmt::Const(idx) => {
                let ident = self.ast.get(idx).name;
                let sym = self.ident(ident);
                if let Some(Entry::Decl(decl)) = self.lookup(sym, ident.span) {
                    // Functions and types wait until they are used; values are checked where they stand.
                    if !matches!(self.ast.expr(self.ast.get(idx).value), Ast::Func(_)) {
                        self.s.decl_value(decl);
                    }
                }
                false
            }
            AstStmt::Var(idx) => self.check_var(idx, span, out),
            AstStmt::Assign { op, targets, values } => self.check_assign(op, targets, values, span, out),
            AstStmt::Defer(body) => {
                let body = self.check_cleanup(body);
                out.push(Stmt::Defer(body));
                false
            }
            AstStmt::OnFail { binding, body } => {
                self.check_onfail(binding, body, span, out);
                false
            }
            AstStmt::Assert { cond, message } => {
                self.check_static_assert(cond, message);
                false
            }
            AstStmt::Impl(_) | AstStmt::Test(_) => {
                self.error(Code::E0108, span, "this can only stand at module level");
                false
            }
            AstStmt::Using(_) => {
                self.error(Code::E0108, span, "`#using` stands before a struct's field");
                false
            }
        }
    }

    pub(super) fn check_expr_stmt(&mut self, expr: ExprId, out: &mut Vec<Stmt<'b>>) -> bool {
        let span = self.span(expr);
        if let Ast::Import(_) = self.ast.expr(expr) {
            self.error(Code::E0108, span, "an import can only stand at module level");
            return false;
        }
        if let Ast::Insert(text) = *self.ast.expr(expr) {
            return self.insert_stmts(text, span, out);
        }
        let val = self.check(expr, Some(TypeId::VOID));
        if val.lit != Lit::None {
            self.unused_value(span);
            return false;
        }
        if let TypeKind::Failable { .. } = self.kind(val.ty) {
            self.unhandled(span);
            return false;
        }
        if val.ty != TypeId::ERROR && !any_below(val.e, &mut |e| does_something(e)) {
            self.unused_value(span);
        }
        let diverges = val.ty == TypeId::NORETURN;
        out.push(Stmt::Expr(val.e));
        self.assume_after(val.e);
        diverges
    }

    fn unused_value(&mut self, span: Span) {
        let d = Diagnostic::warning(Code::W0002, self.loc(span), "this value isn't used")
            .help("write `_ = …;` to drop it on purpose");
        self.report(d);
    }

    pub(crate) fn unhandled(&mut self, span: Span) {
        let d = Diagnostic::error(Code::E0601, self.loc(span), "the error of this call isn't handled")
            .help("propagate it with `try`, handle it with `catch`, or give a fallback with `or`");
        self.report(d);
    }

    /// `if c { return … }` leaves what it excluded known.
    fn assume_after(&mut self, e: E<'b>) {
        let Kind::If { cond, then, else_ } = e.kind else { return };
        let facts = super::facts::cond_facts(cond);
        let else_leaves = else_.is_some_and(|e| e.ty == TypeId::NORETURN);
        if then.ty == TypeId::NORETURN {
            let known = else_.map_or(facts.when_false.clone(), |e| still_true(facts.when_false, e));
            self.assume(&known);
        } else if else_leaves {
            self.assume(&still_true(facts.when_true, then));
        }
    }

    /// `a, b : T = …;` in a block.
    fn check_var(&mut self, idx: Idx<VarDecl>, span: Span, out: &mut Vec<Stmt<'b>>) -> bool {
        let var = *self.ast.get(idx);
        let names = self.ast.list(var.names);
        let values = self.ast.list(var.values);
        if var.external.is_some() {
            self.error(Code::E0801, span, "an `extern` variable can only be declared at module level");
            return false;
        }
        let declared = var.ty.map(|ty| self.resolve_type(ty));
        if values.is_empty() {
            let ty = declared.unwrap_or(TypeId::ERROR);
            for &name in names {
                let ok = ty == TypeId::ERROR || self.check_storable(ty, name.span);
                let init = self.default_value(ty, name.span);
                self.let_local(name, if ok { ty } else { TypeId::ERROR }, Some(init), out);
            }
            return false;
        }
        if names.len() == values.len() {
            return self.check_plain_vars(names, values, declared, out);
        }
        if values.len() != 1 {
            let message = format!("{} names, and {} values", names.len(), values.len());
            self.error(Code::E0301, span, message);
            for &name in names {
                self.let_local(name, TypeId::ERROR, None, out);
            }
            return false;
        }
        self.check_destructuring(names, values[0], span, out)
    }

    /// What a variable without a value begins with: its type's defaults, else zero.
    pub(crate) fn default_value(&mut self, ty: TypeId, span: Span) -> E<'b> {
        // A type that contains itself has no end of defaults.
        let loc = self.loc(span);
        if ty != TypeId::ERROR && !self.ensure_layout(ty, loc) {
            return self.error_val(span).e;
        }
        match self.kind(ty).clone() {
            TypeKind::Struct(_) if self.has_defaults(ty, 0) => self.struct_defaults(ty, span),
            TypeKind::Array(elem, n) if n > 0 && self.has_defaults(elem, 0) => {
                let value = self.default_value(elem, span);
                self.mk(ty, span, Kind::Repeat(value))
            }
            TypeKind::Tuple(fields) if self.has_defaults(ty, 0) => {
                let mut parts = Vec::with_capacity(fields.len());
                for (index, field) in fields.iter().enumerate() {
                    let value = self.default_value(field.ty, span);
                    parts.push((self.s.types.field_offset(ty, index), value));
                }
                let parts = self.slice_of(parts);
                self.mk(ty, span, Kind::Aggregate(parts))
            }
            _ => self.mk(ty, span, Kind::Zero),
        }
    }

    pub(crate) fn has_defaults(&mut self, ty: TypeId, depth: u32) -> bool {
        if depth > 32 {
            return false;
        }
        match *self.kind(ty) {
            TypeKind::Struct(id) => {
                self.s.complete_struct(id);
                if self.s.struct_info(id).defaults.iter().any(Option::is_some) {
                    return true;
                }
                let fields: Vec<TypeId> = self.s.types.struct_def(id).fields.iter().map(|f| f.ty).collect();
                fields.into_iter().any(|f| self.has_defaults(f, depth + 1))
            }
            TypeKind::Array(elem, n) => n > 0 && self.has_defaults(elem, depth + 1),
            TypeKind::Tuple(ref fields) => {
                let types: Vec<TypeId> = fields.iter().map(|f| f.ty).collect();
                types.into_iter().any(|f| self.has_defaults(f, depth + 1))
            }
            _ => false,
        }
    }

    /// Reports a statement that stands where a value is kept.
    fn gives_no_value(&mut self, e: E<'b>, name: Ident) -> bool {
        let (what, help) = match e.kind {
            Kind::If { else_: None, .. } => ("an `if` without `else`", "add an `else` with a value"),
            Kind::While { .. } | Kind::For { .. } => ("a loop", "assign to a variable inside it"),
            _ => return false,
        };
        let name = self.ast.name(name.name).to_string();
        let message = format!("{what} gives no value that `{name}` could have");
        self.error_help(Code::E0307, e.loc.span, message, help);
        true
    }

    fn check_plain_vars(
        &mut self,
        names: &[Ident],
        values: &[ExprId],
        declared: Option<TypeId>,
        out: &mut Vec<Stmt<'b>>,
    ) -> bool {
        let mut inits = Vec::with_capacity(values.len());
        let mut diverges = false;
        for (&value, &name) in values.iter().zip(names) {
            let span = self.span(value);
            if let Ast::Undef = self.ast.expr(value) {
                if declared.is_none() {
                    self.error(Code::E0203, span, "`---` doesn't say of which type the variable is");
                }
                inits.push((declared.unwrap_or(TypeId::ERROR), None));
                continue;
            }
            let val = self.check(value, declared);
            diverges |= val.ty == TypeId::NORETURN;
            if let (TypeKind::Failable { value: TypeId::VOID, set }, None) =
                (self.kind(val.ty).clone(), declared)
            {
                // `err := f();` of a function that returns nothing.
                self.let_error(name, set, val.e, out);
                return false;
            }
            if declared.is_none() && val.ty == TypeId::VOID && self.gives_no_value(val.e, name) {
                inits.push((TypeId::ERROR, None));
                continue;
            }
            let e = match declared {
                Some(ty) => self.coerce(val, ty, span),
                None => self.settle(val, span),
            };
            let mut ty = declared.unwrap_or(e.ty);
            if ty == TypeId::NORETURN {
                ty = TypeId::VOID;
            } else if ty != TypeId::ERROR && !self.check_storable(ty, span) {
                ty = TypeId::ERROR;
            }
            inits.push((ty, Some(e)));
        }
        if inits.len() > 1 {
            // All values before any name comes to life.
            for (_, init) in &mut inits {
                if let Some(e) = init {
                    let local = self.keep(e, out);
                    *init = Some(self.local_expr(local, e.loc.span));
                }
            }
        }
        for (&name, (ty, init)) in names.iter().zip(inits) {
            self.let_local(name, ty, init, out);
        }
        diverges
    }

    /// A local with its first value; `_` only evaluates.
    pub(crate) fn let_local(
        &mut self,
        name: Ident,
        ty: TypeId,
        init: Option<E<'b>>,
        out: &mut Vec<Stmt<'b>>,
    ) -> Option<LocalId> {
        if self.is_underscore(name) {
            out.extend(init.map(Stmt::Expr));
            return None;
        }
        let sym = self.ident(name);
        let local = self.new_local(sym, ty, LocalKind::Value, name.span);
        if let Some(view) = init.and_then(|e| self.view_of(e)) {
            self.f.views.push((local, view));
        }
        self.declare(name, Entry::Local(local));
        if let (TypeId::TYPE, Some(init)) = (ty, init) {
            self.note_type_source(local, init);
        }
        out.push(Stmt::Let { local, init });
        Some(local)
    }

    fn let_error(
        &mut self,
        name: Ident,
        set: crate::types::ErrorSetId,
        init: E<'b>,
        out: &mut Vec<Stmt<'b>>,
    ) {
        let set_ty = self.s.types.intern(TypeKind::ErrorSet(set));
        let err_ty = self.s.types.optional(set_ty);
        let sym = self.ident(name);
        let error = self.new_local(sym, err_ty, LocalKind::Value, name.span);
        self.declare(name, Entry::Local(error));
        out.push(Stmt::LetFailable { value: None, error, init });
    }

    /// `a, b := tuple;`, `v, err := failable;`
    fn check_destructuring(
        &mut self,
        names: &[Ident],
        value: ExprId,
        span: Span,
        out: &mut Vec<Stmt<'b>>,
    ) -> bool {
        let e = self.check_settled_failable(value);
        match self.kind(e.ty).clone() {
            TypeKind::Failable { value: ty, set } => {
                self.destructure_failable(names, e, ty, set, span, out);
                false
            }
            TypeKind::Tuple(fields) if fields.len() == names.len() => {
                let kept = self.keep(e, out);
                for (n, &name) in names.iter().enumerate() {
                    let whole = self.local_expr(kept, name.span);
                    let part = self.tuple_elem(whole, n as u32, name.span).e;
                    self.let_local(name, part.ty, Some(part), out);
                }
                false
            }
            kind => {
                if e.ty != TypeId::ERROR {
                    let message = match kind {
                        TypeKind::Tuple(fields) => {
                            format!("{} names, and a tuple of {}", names.len(), fields.len())
                        }
                        _ => format!(
                            "`{}` can't be taken apart into {} names",
                            self.name_of(e.ty),
                            names.len()
                        ),
                    };
                    self.error(Code::E0201, span, message);
                }
                for &name in names {
                    self.let_local(name, TypeId::ERROR, None, out);
                }
                e.ty == TypeId::NORETURN
            }
        }
    }

    /// A value that may still be failable.
    fn check_settled_failable(&mut self, expr: ExprId) -> E<'b> {
        let val = self.check(expr, None);
        if let TypeKind::Failable { .. } = self.kind(val.ty) {
            return val.e;
        }
        let span = self.span(expr);
        self.settle(val, span)
    }

    fn destructure_failable(
        &mut self,
        names: &[Ident],
        init: E<'b>,
        ty: TypeId,
        set: crate::types::ErrorSetId,
        span: Span,
        out: &mut Vec<Stmt<'b>>,
    ) {
        let (&err_name, value_names) = names.split_last().expect("a destructuring has names");
        let set_ty = self.s.types.intern(TypeKind::ErrorSet(set));
        let err_ty = self.s.types.optional(set_ty);
        let tuple = match self.kind(ty).clone() {
            TypeKind::Tuple(fields) if value_names.len() > 1 => Some(fields),
            _ => None,
        };
        let wanted = tuple.as_ref().map_or(usize::from(ty != TypeId::VOID), |f| f.len());
        if value_names.len() != wanted {
            let message =
                format!("this gives {wanted} values and an error, and there are {} names", names.len());
            self.error(Code::E0301, span, message);
            for &name in names {
                self.let_local(name, TypeId::ERROR, None, out);
            }
            return;
        }
        let err_sym = self.ident(err_name);
        let error = self.new_local(err_sym, err_ty, LocalKind::Value, err_name.span);
        let value = (wanted > 0).then(|| {
            let sym = if tuple.is_some() { crate::symbols::Sym::EMPTY } else { self.ident(value_names[0]) };
            self.new_local(sym, ty, LocalKind::Value, value_names[0].span)
        });
        out.push(Stmt::LetFailable { value, error, init });
        let ignored = self.is_underscore(err_name);
        match (tuple, value) {
            (Some(fields), Some(whole)) => {
                for (n, &name) in value_names.iter().enumerate() {
                    let base = self.local_expr(whole, name.span);
                    let part = self.tuple_elem(base, n as u32, name.span).e;
                    let local = self.let_local(name, fields[n].ty, Some(part), out);
                    if let Some(local) = local {
                        self.f.guards.push((local, error));
                    }
                }
            }
            (None, Some(value)) => {
                self.declare(value_names[0], Entry::Local(value));
                self.f.guards.push((value, error));
            }
            _ => {}
        }
        if ignored {
            let d = Diagnostic::error(Code::E0601, self.loc(err_name.span), "the error is dropped")
                .help("give it a name and test it, or use `or` for a fallback value");
            self.report(d);
        }
        self.declare(err_name, Entry::Local(error));
    }

    // ---- assignment ----

    fn check_assign(
        &mut self,
        op: Option<BinOp>,
        targets: Range<ExprId>,
        values: Range<ExprId>,
        span: Span,
        out: &mut Vec<Stmt<'b>>,
    ) -> bool {
        let targets = self.ast.list(targets);
        let values = self.ast.list(values);
        if let ([target], [value], Some(op)) = (targets, values, op) {
            return self.check_assign_op(op, *target, *value, span, out);
        }
        if let ([target], [value]) = (targets, values) {
            return self.check_single_assign(*target, *value, span, out);
        }
        if values.len() == 1 {
            return self.assign_tuple(targets, values[0], span, out);
        }
        if targets.len() != values.len() {
            let message = format!("{} targets, and {} values", targets.len(), values.len());
            self.error(Code::E0301, span, message);
            return false;
        }
        let places: Vec<Option<E<'b>>> = targets.iter().map(|&t| self.assign_target(t)).collect();
        let mut checked = Vec::with_capacity(values.len());
        let mut diverges = false;
        for (&value, place) in values.iter().zip(&places) {
            let e = match place {
                Some(place) => self.check_as(value, place.ty),
                None => self.check_settled(value),
            };
            diverges |= e.ty == TypeId::NORETURN;
            checked.push(e);
        }
        for place in &places {
            self.note_store(*place);
        }
        let (targets, values) = (self.slice_of(places), self.slice_of(checked));
        out.push(Stmt::Assign { targets, values });
        diverges
    }

    fn check_single_assign(
        &mut self,
        target: ExprId,
        value: ExprId,
        span: Span,
        out: &mut Vec<Stmt<'b>>,
    ) -> bool {
        if self.is_ignored(target) {
            let val = self.check(value, None);
            let at = self.span(value);
            if let TypeKind::Failable { .. } = self.kind(val.ty) {
                self.unhandled(at);
                return false;
            }
            let e = self.settle(val, at);
            out.push(Stmt::Expr(e));
            return e.ty == TypeId::NORETURN;
        }
        if let Some(stmt) = self.assign_property(target, None, value, span) {
            out.push(stmt);
            return false;
        }
        let Some(place) = self.assign_target(target) else {
            // What it is wanted for isn't known, so that isn't asked for a second time.
            self.check(value, Some(TypeId::ERROR));
            return false;
        };
        let e = self.check_as(value, place.ty);
        self.note_store(Some(place));
        if e.ty == TypeId::ERROR || place.ty == TypeId::ERROR {
            return false;
        }
        let diverges = matches!(e.kind, Kind::Cast(Cast::Never, _));
        let (targets, values) = (self.slice_of(vec![Some(place)]), self.slice_of(vec![e]));
        out.push(Stmt::Assign { targets, values });
        diverges
    }

    fn assign_tuple(
        &mut self,
        targets: &[ExprId],
        value: ExprId,
        span: Span,
        out: &mut Vec<Stmt<'b>>,
    ) -> bool {
        let places: Vec<Option<E<'b>>> = targets.iter().map(|&t| self.assign_target(t)).collect();
        let e = self.check_settled(value);
        let TypeKind::Tuple(fields) = self.kind(e.ty).clone() else {
            if e.ty != TypeId::ERROR {
                let message =
                    format!("`{}` can't be taken apart into {} targets", self.name_of(e.ty), targets.len());
                self.error(Code::E0201, span, message);
            }
            return e.ty == TypeId::NORETURN;
        };
        if fields.len() != targets.len() {
            let message = format!("{} targets, and a tuple of {}", targets.len(), fields.len());
            self.error(Code::E0301, span, message);
            return false;
        }
        let kept = self.keep(e, out);
        let mut values = Vec::with_capacity(fields.len());
        for (n, place) in places.iter().enumerate() {
            let whole = self.local_expr(kept, span);
            let part = self.tuple_elem(whole, n as u32, span);
            values.push(match place {
                Some(place) => self.coerce(part, place.ty, span),
                None => part.e,
            });
        }
        for place in &places {
            self.note_store(*place);
        }
        let (targets, values) = (self.slice_of(places), self.slice_of(values));
        out.push(Stmt::Assign { targets, values });
        false
    }

    fn check_assign_op(
        &mut self,
        op: BinOp,
        target: ExprId,
        value: ExprId,
        span: Span,
        out: &mut Vec<Stmt<'b>>,
    ) -> bool {
        if let Some(stmt) = self.assign_property(target, Some(op), value, span) {
            out.push(stmt);
            return false;
        }
        let Some(place) = self.assign_target(target) else {
            self.check(value, Some(TypeId::ERROR));
            return false;
        };
        if let Kind::Local(local) = place.kind {
            // The old value is read: that may have to be proven first.
            self.read_local(local, place.loc.span);
        }
        let arith = match op {
            BinOp::Add => Arith::Add,
            BinOp::Sub => Arith::Sub,
            BinOp::Mul => Arith::Mul,
            BinOp::Div => Arith::Div,
            BinOp::Rem => Arith::Rem,
            BinOp::Shl => Arith::Shl,
            BinOp::Shr => Arith::Shr,
            BinOp::BitAnd => Arith::And,
            BinOp::BitXor => Arith::Xor,
            BinOp::BitOr => Arith::Or,
            _ => unreachable!("comparisons have no assignment form"),
        };
        let at = self.span(value);
        let by_type = !matches!(arith, Arith::Shl | Arith::Shr) || self.lanes(place.ty).is_some();
        let hint = by_type.then_some(place.ty);
        let val = self.check(value, hint);
        let val = self.through_ref(val).unwrap_or(val);
        let left = self.of(place);
        // Judged as `place op value`, whose type must then fit the place.
        let shifts = matches!(arith, Arith::Shl | Arith::Shr);
        let result = if shifts {
            self.shift_vals(arith, left, val, span)
        } else {
            self.arith_vals(arith, left, val, span)
        };
        if result.ty == TypeId::ERROR || place.ty == TypeId::ERROR {
            return false;
        }
        if result.ty != place.ty {
            let message =
                format!("expected `{}`, found `{}`", self.name_of(place.ty), self.name_of(result.ty));
            self.error(Code::E0201, at, message);
            return false;
        }
        let Kind::Arith(_, _, value) = result.e.kind else { return false };
        self.note_store(Some(place));
        let diverges = val.ty == TypeId::NORETURN;
        out.push(Stmt::AssignOp { op: arith, target: place, value });
        diverges
    }

    fn is_ignored(&self, target: ExprId) -> bool {
        matches!(*self.ast.expr(target), Ast::Name(ident) if self.is_underscore(ident))
    }

    fn note_store(&mut self, place: Option<E<'b>>) {
        let Some(place) = place else { return };
        if let Some(local) = root_local(place) {
            self.forget(local);
            self.f.locals[local.0 as usize].assigned = true;
        }
    }

    /// A place that may be written; none for `_` or after a report.
    fn assign_target(&mut self, target: ExprId) -> Option<E<'b>> {
        if self.is_ignored(target) {
            return None;
        }
        let span = self.span(target);
        let e = match self.raw_local(target) {
            Some(e) => e,
            None => self.check_settled(target),
        };
        if e.ty == TypeId::ERROR {
            return None;
        }
        let through = self.of(e);
        if let Some(inner) = self.through_ref(through) {
            return Some(inner.e);
        }
        if !is_place(e) || self.in_temporary(e) {
            self.not_assignable(target, e, span);
            return None;
        }
        if let Some(message) = self.why_constant(e) {
            let d = Diagnostic::error(Code::E0212, self.loc(span), message.0).help(message.1);
            self.report(d);
            return None;
        }
        Some(e)
    }

    /// True for an element of an array or vector that has no place itself.
    fn in_temporary(&self, mut e: E<'b>) -> bool {
        loop {
            e = match e.kind {
                Kind::Index { base, .. } => {
                    if !matches!(self.kind(base.ty), TypeKind::Array(..) | TypeKind::Vector(..)) {
                        return false;
                    }
                    base
                }
                Kind::Field { base, .. }
                | Kind::Payload { base, .. }
                | Kind::OptPayload(base)
                | Kind::Unwrap(base) => base,
                _ => return !is_place(e),
            };
        }
    }

    fn not_assignable(&mut self, target: ExprId, e: E<'b>, span: Span) {
        let (message, help) = match *self.ast.expr(target) {
            Ast::Name(ident) => {
                let name = self.ast.name(ident.name).to_string();
                let what = if matches!(e.kind, Kind::FuncValue(_) | Kind::CFuncValue(_)) {
                    "function"
                } else {
                    "constant"
                };
                let help = format!("a variable is declared with `:=`: `{name} := …;`");
                (format!("`{name}` is a {what} and can't be assigned"), help)
            }
            Ast::Call { .. } => {
                ("the result of a call can't be assigned".into(), "keep it in a variable first".into())
            }
            _ => (
                "this is a value, not a place that can be assigned".into(),
                "keep it in a variable first".into(),
            ),
        };
        self.error_help(Code::E0212, span, message, help);
    }

    /// Why a place can't be written, with advice.
    fn why_constant(&mut self, e: E<'b>) -> Option<(String, &'static str)> {
        match e.kind {
            Kind::ConstData(_) => {
                Some(("a constant can't be assigned".into(), "make it a variable: `name := …;`"))
            }
            Kind::Context => Some(("the context can't be assigned".into(), "use `push .{ … } { … }`")),
            Kind::Local(local) => {
                let info = &self.f.locals[local.0 as usize];
                let name = info.name.clone();
                if let LocalKind::Capture(_) = info.kind {
                    let text = format!("`{name}` is captured by value and constant inside the closure");
                    return Some((text, "capture a pointer to share it"));
                }
                if self.f.counters.contains(&local) {
                    let text = format!("loop variable `{name}` can't be assigned");
                    return Some((text, "copy it into a variable, or use a `while` loop"));
                }
                if self.f.params.contains(&local) {
                    let text = format!("parameter `{name}` can't be assigned");
                    return Some((text, "copy it into a variable first, or take a pointer"));
                }
                if info.kind == LocalKind::Alias && !name.is_empty() {
                    let text = format!("loop variable `{name}` can't be assigned");
                    return Some((text, "use `(*x)` to write to the element"));
                }
                None
            }
            Kind::Field { base, .. }
            | Kind::Payload { base, .. }
            | Kind::OptPayload(base)
            | Kind::Unwrap(base) => {
                // Fields of a loop's element are written through the alias.
                if let Kind::Local(local) = base.kind
                    && self.f.locals[local.0 as usize].kind == LocalKind::Alias
                {
                    return None;
                }
                self.why_constant(base)
            }
            Kind::Index { base, .. }
                if matches!(self.kind(base.ty), TypeKind::Array(..) | TypeKind::Vector(..)) =>
            {
                if let Kind::Local(local) = base.kind
                    && self.f.locals[local.0 as usize].kind == LocalKind::Alias
                {
                    return None;
                }
                self.why_constant(base)
            }
            Kind::Index { base, .. } if matches!(base.kind, Kind::Str(_) | Kind::CStr(_)) => Some((
                "the bytes of a string constant can't be assigned".into(),
                "copy them into an array, or into memory of an allocator",
            )),
            _ => None,
        }
    }

    /// `p.norm = v`, `p.norm += v` on a property.
    fn assign_property(
        &mut self,
        target: ExprId,
        op: Option<BinOp>,
        value: ExprId,
        span: Span,
    ) -> Option<Stmt<'b>> {
        let Ast::Field { base, name } = *self.ast.expr(target) else { return None };
        let sym = self.ident(name);
        // Most assignments aren't to properties; a place is checked only once.
        if !self.s.property_names.contains(&sym) {
            return None;
        }
        let base_entity = self.entity(base, None);
        let super::Entity::Value(val) = base_entity else { return None };
        if val.ty == TypeId::TYPE || val.ty == TypeId::ERROR {
            return None;
        }
        let e = self.settle(val, span);
        let (member, receiver) = self.property(e, sym)?;
        let Some(setter) = member.setter else {
            let message = format!("property `{}` can't be written: it has no `#set`", self.s.text(sym));
            self.error(Code::E0408, span, message);
            self.check(value, None);
            return Some(Stmt::Expr(self.error_val(span).e));
        };
        self.probe_decl(setter, name.span);
        let DeclVal::Func(setter) = self.s.decl_value(setter) else { return None };
        let mut stmts = Vec::new();
        // The receiver is evaluated once.
        let kept = self.keep_place(receiver, &mut stmts);
        let receiver = self.local_expr(kept, span);
        let receiver = self.of(receiver);
        let new = match op {
            None => {
                let param = self.setter_param(setter, span);
                self.check(value, param)
            }
            Some(_) if member.setter == Some(member.decl) => {
                let message = format!("property `{}` can only be written", self.s.text(sym));
                self.error(Code::E0408, span, message);
                return Some(Stmt::Expr(self.error_val(span).e));
            }
            Some(op) => {
                let DeclVal::Func(getter) = self.s.decl_value(member.decl) else { return None };
                let old = self.call_method(getter, receiver, &[], span);
                let val = self.check(value, Some(old.ty));
                self.binary_vals(op, old, val, span)
            }
        };
        let call = self.call_method(setter, receiver, &[new], span);
        stmts.push(Stmt::Expr(call.e));
        let stmts = self.slice_of(stmts);
        Some(Stmt::Expr(self.mk(TypeId::VOID, span, Kind::Block { stmts, tail: None })))
    }

    fn setter_param(&mut self, setter: FnId, span: Span) -> Option<TypeId> {
        let loc = self.loc(span);
        let inst = self.plain_instance(setter, loc)?;
        self.s.inst(inst).sig.params.get(1).copied()
    }

    fn binary_vals(&mut self, op: BinOp, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        let arith = match op {
            BinOp::Add => Arith::Add,
            BinOp::Sub => Arith::Sub,
            BinOp::Mul => Arith::Mul,
            BinOp::Div => Arith::Div,
            BinOp::Rem => Arith::Rem,
            BinOp::BitAnd => Arith::And,
            BinOp::BitXor => Arith::Xor,
            BinOp::BitOr => Arith::Or,
            BinOp::Shl | BinOp::Shr => {
                let op = if op == BinOp::Shl { Arith::Shl } else { Arith::Shr };
                return self.shift_vals(op, a, b, span);
            }
            _ => unreachable!("comparisons have no assignment form"),
        };
        self.arith_vals(arith, a, b, span)
    }

    // ---- cleanup ----

    /// The body of a `defer`: control flow may not leave it.
    pub(crate) fn check_cleanup(&mut self, body: StmtId) -> E<'b> {
        self.f.defers += 1;
        let span = self.ast.stmt_span(body);
        let e = self.later(body, |cx| {
            cx.scoped(|cx| {
                let mut out = Vec::new();
                cx.check_stmts(&[body], &mut out);
                let stmts = cx.slice_of(out);
                cx.mk(TypeId::VOID, span, Kind::Block { stmts, tail: None })
            })
        });
        self.f.defers -= 1;
        e
    }
}
