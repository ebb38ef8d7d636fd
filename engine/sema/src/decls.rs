//! What a declaration turns out to be, found when it is first asked for.

use crate::check::{Cx, Entity, Lit};
use crate::sema::*;
use crate::thir::Kind;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_ir::{Extern, ExternKind, Global};
use sx_syntax::ast::{Expr as Ast, ExprId, FuncBody, Idx, Param, VarDecl};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// So many declarations of a cycle are shown behind its first.
const MAX_LINKS: usize = 6;

impl Sema {
    /// What a declaration is; cycles are errors.
    pub(crate) fn decl_value(&mut self, id: DeclId) -> DeclVal {
        if self.watch.is_some()
            && let Some(work) = self.work_of_decl(id)
        {
            self.link(work);
        }
        match &self.decl(id).state {
            DeclState::Done(value) => return value.clone(),
            DeclState::Busy => {
                self.report_cycle(id);
                self.decls[id.0 as usize].state = DeclState::Done(DeclVal::Error);
                return DeclVal::Error;
            }
            DeclState::Todo => {}
        }
        self.decls[id.0 as usize].state = DeclState::Busy;
        self.deciding.push(id);
        let work = self.work_of_decl(id);
        let begun = self.begin_work(work);
        let (file, scope, kind) = (self.decl(id).file, self.decl(id).scope, self.decl(id).kind);
        let value = self.apart(|s| s.with_static(file, scope, |cx| cx.decide(id, kind)));
        self.deciding.pop();
        self.end_work(begun);
        // A cycle that was reported while we looked has set it already.
        if let DeclState::Done(value) = &self.decl(id).state {
            return value.clone();
        }
        if let Some(traces) = &mut self.traces {
            traces.decided(id, &value);
        }
        self.decls[id.0 as usize].state = DeclState::Done(value.clone());
        value
    }

    /// A declaration is asked for while it is being decided: shows who asked for whom.
    fn report_cycle(&mut self, id: DeclId) {
        let start = self.deciding.iter().rposition(|&d| d == id).unwrap_or(0);
        let chain: Vec<DeclId> = self.deciding[start..].to_vec();
        let name = |id: DeclId| self.text(self.decl(id).name).to_string();
        let loc = |id: DeclId| Loc::new(self.decl(id).file, self.decl(id).span);
        let message = format!("`{}` depends on itself", name(id));
        let mut d = Diagnostic::error(Code::E0106, loc(id), message);
        if chain.len() > 1 {
            d = d.label(format!("`{}` needs `{}`", name(id), name(chain[1])));
        }
        for (i, &link) in chain.iter().enumerate().skip(1).take(MAX_LINKS) {
            let next = chain.get(i + 1).copied().unwrap_or(id);
            d = d.also(loc(link), format!("`{}` needs `{}`", name(link), name(next)));
        }
        if chain.len() > MAX_LINKS + 1 {
            d = d.note(format!("and {} more, back to `{}`", chain.len() - MAX_LINKS - 1, name(id)));
        }
        self.report(d);
    }

    /// A declaration's name with what it stands in, for backtraces and type names.
    pub(crate) fn qualified(&self, name: crate::symbols::Sym, owner: Option<TypeId>) -> std::sync::Arc<str> {
        match owner {
            Some(ty) => format!("{}.{}", self.type_name(ty), self.text(name)).into(),
            None => self.symbols.shared(name),
        }
    }
}

impl<'b> Cx<'_, '_, 'b> {
    fn decide(&mut self, id: DeclId, kind: DeclKind) -> DeclVal {
        if self.s.is_stack_low() {
            if self.s.has_more_stacks() {
                return self.on_more_stack(|cx| cx.decide(id, kind));
            }
            let span = self.s.decl(id).span;
            self.too_long_a_chain(span);
            return DeclVal::Error;
        }
        match kind {
            DeclKind::Const(idx) => {
                let (value, ty) = (self.ast.get(idx).value, self.ast.get(idx).ty);
                self.const_decl(id, value, ty)
            }
            DeclKind::Var(idx, nth) => self.global_decl(id, idx, nth),
        }
    }

    /// A `::` declaration.
    pub(crate) fn const_decl(&mut self, id: DeclId, value: ExprId, ty: Option<ExprId>) -> DeclVal {
        let decl = self.s.decl(id).clone();
        let span = self.span(value);
        match *self.ast.expr(value) {
            Ast::Func(idx) => {
                let func = self.new_fn(idx, decl.name, decl.owner, decl.span);
                let generic = self.s.fn_decl(func).generic;
                let func_expr = *self.ast.get(idx);
                return if self.check_params(&func_expr, generic) {
                    DeclVal::Func(func)
                } else {
                    DeclVal::Error
                };
            }
            Ast::UfcsAlias(target) => return self.ufcs_alias(target),
            Ast::Import(path) => {
                let request = String::from_utf8_lossy(self.ast.string(path)).into_owned();
                let files = self.s.import_files(self.file, &request, span);
                return if files.is_empty() {
                    DeclVal::Error
                } else {
                    DeclVal::Namespace(self.s.namespace(files))
                };
            }
            Ast::ImportC(_) => {
                self.error(Code::E0802, span, "importing C headers isn't supported by this build");
                return DeclVal::Error;
            }
            Ast::Library(name) => {
                let name = String::from_utf8_lossy(self.ast.string(name)).into_owned();
                return DeclVal::Library(self.s.sym(&name));
            }
            Ast::Struct(idx) | Ast::Union(idx) if !self.ast.get(idx).params.is_empty() => {
                if !self.check_type_params(self.ast.list(self.ast.get(idx).params)) {
                    return DeclVal::Error;
                }
                let is_union = matches!(self.ast.expr(value), Ast::Union(_));
                let generic = GenericType {
                    file: self.file,
                    scope: self.scope,
                    name: decl.name,
                    ast: idx,
                    is_union,
                    decl_span: decl.span,
                };
                self.s.generics.push(generic);
                return DeclVal::Generic(GenericId(self.s.generics.len() as u32 - 1));
            }
            Ast::Protocol(idx) => {
                let proto = ProtoDecl { file: self.file, scope: self.scope, name: decl.name, ast: idx };
                self.s.proto_decls.push(proto);
                return DeclVal::Protocol(ProtoDeclId(self.s.proto_decls.len() as u32 - 1));
            }
            Ast::Struct(_) | Ast::Union(_) | Ast::Enum(_) | Ast::ErrorSet(_) => {
                let name = self.s.qualified(decl.name, decl.owner);
                let made = self.nominal_type(value, &name);
                return DeclVal::Const(TypeId::TYPE, CVal::Type(made));
            }
            _ => {}
        }
        let expected = ty.map(|ty| self.resolve_type(ty));
        if expected == Some(TypeId::ERROR) {
            return DeclVal::Error;
        }
        if expected.is_none()
            && let Some(entity) = self.static_entity(value)
        {
            match entity {
                Entity::Func(func) => return DeclVal::Func(func),
                Entity::Generic(generic) => return DeclVal::Generic(generic),
                Entity::Namespace(namespace) => return DeclVal::Namespace(namespace),
                Entity::Library(name) => return DeclVal::Library(name),
                Entity::Protocol(protocol) => return DeclVal::Protocol(protocol),
                Entity::Error => return DeclVal::Error,
                Entity::Value(val) => {
                    if let Kind::Global(global) = val.e.kind {
                        return DeclVal::Global(global, val.ty);
                    }
                }
                _ => {}
            }
        }
        let val = self.check(value, expected);
        if val.ty == TypeId::ERROR {
            return DeclVal::Error;
        }
        match expected {
            Some(ty) => {
                let e = self.coerce(val, ty, span);
                match self.fold_or_report(e) {
                    Some(value) => DeclVal::Const(ty, value),
                    None => DeclVal::Error,
                }
            }
            None => match val.lit {
                Lit::Int(n) => DeclVal::Const(val.ty, CVal::Int(n)),
                Lit::Float(x) => DeclVal::Const(val.ty, CVal::float(x)),
                Lit::Null => DeclVal::Const(val.ty, CVal::Zero),
                Lit::None => match self.fold_or_report(val.e) {
                    Some(value) => DeclVal::Const(val.ty, value),
                    None => DeclVal::Error,
                },
            },
        }
    }

    /// A name or path that may stand for something other than a value; none for other expressions.
    fn static_entity(&mut self, expr: ExprId) -> Option<Entity<'b>> {
        match *self.ast.expr(expr) {
            Ast::Name(_) | Ast::Field { .. } => Some(self.entity(expr, None)),
            Ast::Paren(inner) => self.static_entity(inner),
            _ => None,
        }
    }

    pub(crate) fn new_fn(
        &mut self,
        idx: Idx<sx_syntax::ast::FuncExpr>,
        name: crate::symbols::Sym,
        owner: Option<TypeId>,
        span: sx_syntax::span::Span,
    ) -> FnId {
        let func = self.ast.get(idx);
        let params = self.ast.list(func.params);
        let foreign = func.linkage.is_some_and(|l| !l.export);
        let pack = params.iter().enumerate().filter(|_| !foreign);
        let pack = pack.filter_map(|(i, p)| Some((i as u32, self.pack_kind(p)?))).next();
        let dollar = |p: &Param| p.comptime || p.ty.is_some_and(|ty| self.has_dollar(ty));
        let generic = pack.is_some() || params.iter().any(dollar);
        let fn_decl = FnDecl {
            file: self.file,
            scope: self.scope,
            ast: idx,
            name,
            owner,
            generic,
            ufcs: func.ufcs,
            span,
            builtin: func.body == FuncBody::Builtin,
            pack,
        };
        self.s.fns.push(fn_decl);
        FnId(self.s.fns.len() as u32 - 1)
    }

    fn ufcs_alias(&mut self, target: ExprId) -> DeclVal {
        let span = self.span(target);
        match self.entity(target, None) {
            Entity::Func(func) => {
                // The alias is the same function with another way to be called: instances are made under its own id.
                let mut alias = self.s.fn_decl(func).clone();
                alias.ufcs = true;
                self.s.fns.push(alias);
                DeclVal::Func(FnId(self.s.fns.len() as u32 - 1))
            }
            Entity::Error => DeclVal::Error,
            _ => {
                self.error(Code::E0303, span, "only a function can be made dot-callable");
                DeclVal::Error
            }
        }
    }

    /// A module-level variable.
    fn global_decl(&mut self, id: DeclId, idx: Idx<VarDecl>, nth: u32) -> DeclVal {
        let decl = self.s.decl(id).clone();
        let var = *self.ast.get(idx);
        let values = self.ast.list(var.values);
        let declared = var.ty.map(|ty| self.resolve_type(ty));
        if declared == Some(TypeId::ERROR) {
            return DeclVal::Error;
        }
        if let Some(linkage) = var.external.filter(|l| !l.export) {
            let ty = declared.unwrap_or(TypeId::ERROR);
            let symbol = match linkage.symbol {
                Some(symbol) => String::from_utf8_lossy(self.ast.string(symbol)).into_owned(),
                None => self.s.text(decl.name).to_string(),
            };
            let Some(library) = self.library(linkage) else { return DeclVal::Error };
            if !self.may_declare_extern(library.as_deref(), decl.span) {
                return DeclVal::Error;
            }
            let declared = (self.file.0, decl.span.lo);
            let ext = Extern { symbol, library, kind: ExternKind::Data, declared };
            return DeclVal::ExternVar(self.s.module.add_extern(ext), ty);
        }
        let value = match values.len() {
            0 => None,
            1 if self.ast.list(var.names).len() == 1 => Some(values[0]),
            n if n == self.ast.list(var.names).len() => Some(values[nth as usize]),
            _ => {
                let message = "module-level variables have one value each";
                self.error(Code::E0103, decl.span, message);
                return DeclVal::Error;
            }
        };
        let (ty, folded) = match value {
            None => {
                let ty = declared.unwrap_or(TypeId::ERROR);
                let e = self.default_value(ty, decl.span);
                match self.fold_or_report(e) {
                    Some(value) => (ty, value),
                    None => return DeclVal::Error,
                }
            }
            Some(value) => {
                let span = self.span(value);
                let val = self.check(value, declared);
                let e = match declared {
                    Some(ty) => self.coerce(val, ty, span),
                    None => self.settle(val, span),
                };
                if e.ty == TypeId::ERROR {
                    return DeclVal::Error;
                }
                match self.fold_or_report(e) {
                    Some(value) => (e.ty, value),
                    None => return DeclVal::Error,
                }
            }
        };
        let loc = self.loc(decl.span);
        if !self.ensure_layout(ty, loc) || !self.check_storable(ty, decl.span) {
            return DeclVal::Error;
        }
        let init = self.s.freeze_data(ty, &folded);
        let size = self.s.types.layout(ty).size;
        let name = self.s.qualified(decl.name, decl.owner);
        DeclVal::Global(self.s.module.add_global(Global { name: name.to_string(), size, init }), ty)
    }

    /// Whether this file may name symbols of a library; reported if not.
    pub(crate) fn may_declare_extern(&mut self, library: Option<&str>, span: Span) -> bool {
        let std = self.s.sources.get(self.file).path.starts_with("modules/");
        // What the host gives is there to be called.
        let allowed = std || library == Some(Extern::HOST) || self.s.options.allow_extern;
        if !allowed {
            self.error(Code::E0801, span, "this engine doesn't allow `extern` declarations");
        }
        allowed
    }

    /// The library of a linkage: none for libc, an error is reported.
    pub(crate) fn library(&mut self, linkage: sx_syntax::ast::Linkage) -> Option<Option<String>> {
        let Some(ident) = linkage.library else { return Some(None) };
        let sym = self.ident(ident);
        let text = self.s.text(sym).to_string();
        match self.lookup_static(sym, ident.span) {
            Some(Bound::Decl(decl)) => match self.s.decl_value(decl) {
                DeclVal::Library(name) => Some(Some(self.s.text(name).to_string())),
                DeclVal::Error => None,
                _ => {
                    let help = "declare it: `m :: #library \"m\";`";
                    self.error_help(Code::E0801, ident.span, format!("`{text}` isn't a library"), help);
                    None
                }
            },
            Some(Bound::Const(..)) => None,
            None if text == "libc" => Some(None),
            None if text == "host" => Some(Some(Extern::HOST.to_string())),
            None => {
                let help = format!("declare it: `{text} :: #library \"{text}\";`");
                self.error_help(Code::E0801, ident.span, format!("no library named `{text}`"), help);
                None
            }
        }
    }

    /// Variables and fields can't be of every type.
    pub(crate) fn check_storable(&mut self, ty: TypeId, span: sx_syntax::span::Span) -> bool {
        match *self.kind(ty) {
            TypeKind::Error => false,
            TypeKind::Noreturn => {
                self.error(Code::E0206, span, "`noreturn` has no values to store");
                false
            }
            TypeKind::Failable { .. } => {
                self.error_help(
                    Code::E0601,
                    span,
                    "the result of a failable call must be handled before it is stored",
                    "use `try`, `catch` or `or`, or take it apart: `v, err := f();`",
                );
                false
            }
            _ => true,
        }
    }
}
