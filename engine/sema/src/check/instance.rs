//! Instances: a function with its compile-time arguments, its signature, and what foreign ones need.

use super::Cx;
use super::chain::Within;
use super::infer::Bindings;
use super::nominal::cval_type;
use crate::comptime::Origin;
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{ErrorSetDef, ErrorSetId, FnAbi, TypeId, TypeKind};
use crate::value::CVal;
use std::sync::Arc;
use sx_ir::{Extern, ExternKind};
use sx_syntax::ast::{Abi, Expr as Ast, FuncBody};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

impl Cx<'_, '_, '_> {
    /// The instance of a function for these bindings; its signature is resolved, its body queued.
    pub(crate) fn instance(&mut self, func: FnId, bindings: Bindings, loc: Loc) -> Option<InstId> {
        let from = (self.inside(), loc);
        self.s.instance(func, bindings, from)
    }
}

impl Sema {
    pub(crate) fn instance(&mut self, func: FnId, bindings: Bindings, from: (Within, Loc)) -> Option<InstId> {
        let key: (FnId, Box<[CVal]>) = (func, bindings.iter().map(|(_, v)| v.clone()).collect());
        if let Some(&inst) = self.inst_ids.get(&key) {
            self.watch_instance(inst);
            if self.inst(inst).sig.ret == TypeId::ERROR {
                // Perhaps because of its body, if its result is inferred.
                self.watch_result(inst);
            }
            return (self.inst(inst).sig.ret != TypeId::ERROR).then_some(inst);
        }
        if self.inst_count() as u32 >= self.options.max_instances
            || self.chain_depth(from.0) > self.options.max_instance_depth
        {
            let name = self.text(self.fn_decl(func).name).to_string();
            let message = format!("instances of `{name}` nest without end");
            self.report_within(Diagnostic::error(Code::E0306, from.1, message), from.0);
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
        let id = self.add_inst(Inst {
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
        if !bindings.is_empty() {
            self.trace_scope(scope, || Origin::Instance(id));
        }
        self.inst_ids.insert(key, id);
        self.func_insts.insert(reserved, id);
        self.watch_instance(id);
        let work = self.work_of_signature(id);
        let begun = self.begin_work(work);
        let made = self.with_static(decl.file, scope, |cx| {
            cx.f.inst = Some(id);
            cx.instance_signature(id, &decl)
        });
        self.end_work(begun);
        if !made {
            self.inst_mut(id).sig.ret = TypeId::ERROR;
            self.inst_mut(id).state = InstState::Done;
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
            let (true, Some(ty)) = (param.comptime, param.ty) else { continue };
            let sym = self.file(decl.file).syms[param.name.name.index()];
            let declared = self.with_static(decl.file, scope, |cx| match *cx.ast.expr(ty) {
                Ast::Name(ident) if cx.ast.name(ident.name) == "int" => TypeId::I64,
                _ => cx.resolve_type(ty),
            });
            let is_list = |value: &CVal| matches!(value, CVal::Pack(_));
            for (name, bound) in &mut self.scopes[scope.0 as usize].names {
                if *name == sym
                    && let Bound::Const(ty, value) = bound
                    && !is_list(value)
                {
                    *ty = declared;
                }
            }
        }
    }

    fn instance_label(&self, decl: &FnDecl, bindings: &[(Sym, CVal)]) -> Option<Arc<str>> {
        if bindings.is_empty() {
            // Methods of generic types and impls, and functions inside generic ones, are as generic as what is around.
            return self.in_generic(decl.scope).then(|| self.qualified(decl.name, decl.owner));
        }
        // Projections follow from the pack that they are of.
        let named = bindings.iter().filter(|(s, _)| !self.text(*s).contains('.'));
        let shown: Vec<String> =
            named.map(|(s, v)| format!("{} = {}", self.text(*s), abridge(&self.show(v)))).collect();
        Some(format!("{}({})", self.qualified(decl.name, decl.owner), shown.join(", ")).into())
    }

    /// True when compile-time arguments are bound around a scope.
    pub(crate) fn in_generic(&self, scope: ScopeId) -> bool {
        let mut at = Some(scope);
        while let Some(id) = at {
            let scope = &self.scopes[id.0 as usize];
            let own =
                |(sym, bound): &(Sym, Bound)| matches!(bound, Bound::Const(..)) && self.text(*sym) != "Self";
            if scope.names.iter().any(own) {
                return true;
            }
            at = scope.parent;
        }
        false
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
            if param.variadic && param.ty.is_none() && foreign {
                c_variadic = true;
                continue;
            }
            if let Some(kind) = decl.pack_at(i) {
                if let PackKind::Types | PackKind::Consts = kind {
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
        if func.abi == Abi::Naked {
            self.error(Code::E0804, func.sig_span, "`abi(.naked)` isn't supported by this build");
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
        let inst = self.s.inst_mut(id);
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
        if func.abi == Abi::Compiler && !self.s.declare_compiler_fn(id, decl, &func) {
            return false;
        }
        if func.body == FuncBody::None {
            // Else reported by the parser.
            return func.abi == Abi::Compiler;
        }
        if conv == Conv::C {
            if sig.params.iter().chain([&sig.ret]).any(|&ty| self.refuse_vector(ty, decl.span)) {
                return false;
            }
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

    /// True for vectors and what holds one by value: C passes those in registers of their own.
    fn holds_vector(&self, ty: TypeId, depth: u32) -> bool {
        let inner: Vec<TypeId> = match self.kind(ty) {
            TypeKind::Vector(..) => return true,
            &TypeKind::Array(of, _) | &TypeKind::Optional(of) => vec![of],
            TypeKind::Tuple(fields) => fields.iter().map(|f| f.ty).collect(),
            &TypeKind::Struct(id) | &TypeKind::Union(id) => {
                self.s.types.struct_def(id).fields.iter().map(|f| f.ty).collect()
            }
            _ => return false,
        };
        depth < 32 && inner.into_iter().any(|ty| self.holds_vector(ty, depth + 1))
    }

    /// Reports a type that a call of C, or of the host, would have to pass as a vector.
    pub(crate) fn refuse_vector(&mut self, ty: TypeId, span: Span) -> bool {
        let refused = self.holds_vector(ty, 0);
        if refused {
            let message = format!("`{}` can't cross a C call", self.name_of(ty));
            self.error_help(Code::E0801, span, message, "pass a pointer to it");
        }
        refused
    }

    /// What to use instead of a type that C doesn't have.
    fn unknown_to_c(&self, ty: TypeId) -> Option<&'static str> {
        match self.kind(ty) {
            TypeKind::String => Some("pass a `cstring`, or `[*]u8` and a length"),
            TypeKind::Slice(_) | TypeKind::SentinelSlice(_) => Some("pass a `[*]T` and a length"),
            TypeKind::Protocol(_) | TypeKind::Any => Some("pass a pointer to the value"),
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
            if self.refuse_vector(ty, decl.span) {
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
        let inst = self.s.inst_mut(id);
        inst.ext = Some(ext);
        inst.state = InstState::Done;
        true
    }
}

/// The longest argument of an instance that is shown whole.
const MAX_SHOWN: usize = 60;

/// A long text without its middle.
pub(super) fn abridge(text: &str) -> String {
    let count = text.chars().count();
    if count <= MAX_SHOWN {
        return text.to_string();
    }
    let start: String = text.chars().take(MAX_SHOWN / 2).collect();
    let end: String = text.chars().skip(count - MAX_SHOWN / 4).collect();
    format!("{start}…{end}")
}
