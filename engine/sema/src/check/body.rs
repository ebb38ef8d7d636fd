//! Whole bodies: an instance's parameters, its root, its typed tree handed to lowering; and the driver's entries.

use super::{Cx, Entry, FnState, Val, Within};
use crate::lower;
use crate::sema::*;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use bumpalo::Bump;
use sx_ir::{FuncId, GlobalId};
use sx_syntax::ast::{Expr as Ast, FuncBody, Stmt as AstStmt};
use sx_syntax::diag::{Code, Diagnostic, Label};
use sx_syntax::span::{FileId, Loc, Span};

impl<'b> Cx<'_, '_, 'b> {
    /// A function's body as one expression of its result type (or `noreturn`); none after a report.
    pub(crate) fn function_root(&mut self, body: FuncBody) -> Option<E<'b>> {
        if let FuncBody::Arrow(body) | FuncBody::Block(body) = body {
            self.f.body = Some((self.file, body));
        }
        match body {
            FuncBody::Arrow(value) => {
                let void = self.f.ret == Some(TypeId::VOID);
                let val = self.check(value, self.f.ret);
                if val.ty == TypeId::ERROR {
                    return None;
                }
                if let TypeKind::Failable { .. } = self.kind(val.ty) {
                    let at = self.span(value);
                    self.unhandled(at);
                    return None;
                }
                if void {
                    return Some(self.discard(val));
                }
                let at = self.span(value);
                self.tail_value(val, at)
            }
            FuncBody::Block(block) => {
                let Ast::Block { stmts, tail } = *self.ast.expr(block) else { return None };
                let at = self.span(block);
                let val = self.check_block(stmts, tail, self.f.ret, at);
                if val.ty == TypeId::ERROR {
                    return None;
                }
                if let TypeKind::Failable { .. } = self.kind(val.ty) {
                    let at = tail.map_or(at, |t| self.span(t));
                    self.unhandled(at);
                    return None;
                }
                match self.f.ret {
                    Some(TypeId::VOID) => Some(self.discard(val)),
                    None if val.ty == TypeId::VOID || val.ty == TypeId::NORETURN => {
                        if val.ty == TypeId::VOID && self.f.inferred.is_some_and(|t| t != TypeId::VOID) {
                            self.no_value(at);
                            return None;
                        }
                        Some(val.e)
                    }
                    _ => {
                        if val.ty == TypeId::VOID {
                            self.no_value(Span::new(at.hi.saturating_sub(1).max(at.lo), at.hi));
                            return None;
                        }
                        let at = tail.map_or(at, |t| self.span(t));
                        self.tail_value(val, at)
                    }
                }
            }
            FuncBody::None | FuncBody::Builtin => None,
        }
    }

    fn no_value(&mut self, span: Span) {
        // The value that is said to be unused is the one that is missing here.
        if let Some((file, body)) = self.f.body {
            let begin = self.span(body).lo;
            self.s.take_back_unused(file, Span::new(begin, span.hi.max(begin)));
        }
        let mut d = Diagnostic::error(Code::E0307, self.loc(span), "the body produces no value")
            .help("leave out the `;` after its last expression, or `return` a value");
        if let Some((at, why)) = self.f.ret_at {
            d = d.also(at, why);
        }
        self.report(d);
    }

    /// Where a result type is written, for messages.
    pub(crate) fn declared_result(&self, func: &sx_syntax::ast::FuncExpr) -> Option<(Loc, &'static str)> {
        let ty = func.ret.ty?;
        Some((self.loc(self.span(ty)), "because of this result type"))
    }

    /// The first value that is returned decides an inferred result's type.
    pub(crate) fn infer_result(&mut self, ty: TypeId, span: Span) {
        self.f.inferred = Some(ty);
        self.f.ret_at = Some((self.loc(span), "because this is returned, too"));
    }

    /// Converts to the result's type; a report shows where that is declared.
    pub(crate) fn coerce_result(&mut self, val: Val<'b>, ty: TypeId, span: Span) -> E<'b> {
        let reported = self.s.reports();
        let e = self.coerce(val, ty, span);
        if let (Some((loc, why)), Some(d)) = (self.f.ret_at, self.s.reports_since(reported).next())
            && d.code == Code::E0201
        {
            d.secondary.insert(0, Label { loc, text: why.into() });
        }
        e
    }

    fn tail_value(&mut self, val: Val<'b>, span: Span) -> Option<E<'b>> {
        if val.ty == TypeId::NORETURN {
            return Some(val.e);
        }
        let e = match self.f.ret.or(self.f.inferred) {
            Some(ty) => self.coerce_result(val, ty, span),
            None => {
                let e = self.settle(val, span);
                if e.ty != TypeId::ERROR {
                    self.infer_result(e.ty, span);
                }
                e
            }
        };
        (e.ty != TypeId::ERROR).then_some(e)
    }
}

impl Sema {
    /// Checks an instance's body if it wasn't; false when it is being checked right now.
    pub(crate) fn ensure_body(&mut self, inst: InstId) -> bool {
        self.watch_result(inst);
        match self.inst(inst).state {
            InstState::Done => true,
            InstState::Busy => false,
            InstState::Todo => {
                self.check_body(inst);
                true
            }
        }
    }

    /// Checks a queued body, for nobody who waits for it.
    fn check_queued(&mut self, inst: InstId) {
        if self.inst(inst).state == InstState::Todo {
            self.check_body(inst);
        }
    }

    fn check_body(&mut self, id: InstId) {
        self.inst_mut(id).state = InstState::Busy;
        self.checked_insts += 1;
        let decl = self.fn_decl(self.inst(id).decl);
        let (file, ast) = (decl.file, decl.ast);
        let parsed = self.file(file).file.clone();
        if self.is_broken(file, parsed.ast.get(ast)) {
            self.inst_mut(id).state = InstState::Done;
            return;
        }
        let begun = self.begin_body(id);
        let mut bump = self.bumps.pop().unwrap_or_default();
        self.apart(|s| s.check_body_in(id, &bump));
        bump.reset();
        self.bumps.push(bump);
        self.end_work(begun);
    }

    /// Checks and lowers a body whose tree lives in `bump`.
    fn check_body_in(&mut self, id: InstId, bump: &Bump) {
        let inst = self.inst(id).clone();
        let decl = self.fn_decl(inst.decl).clone();
        let parsed = self.file(decl.file).file.clone();
        let (value_ret, set) = match *self.types.kind(inst.sig.ret) {
            TypeKind::Failable { value, set } => (value, Some(set)),
            _ => (inst.sig.ret, None),
        };
        let f = FnState {
            ret: (!inst.infer_ret).then_some(value_ret),
            infer: inst.infer_ret,
            set,
            inst: Some(id),
            ..FnState::default()
        };
        let mut cx =
            Cx { s: self, ast: &parsed.ast, file: decl.file, scope: inst.scope, b: bump, f, depth: 0 };
        let func = *cx.ast.get(decl.ast);
        cx.f.ret_at = if inst.infer_ret { None } else { cx.declared_result(&func) };
        cx.check_defaults(&inst, &func);
        let params = cx.enter_params(&inst, &func);
        cx.f.params = params.clone();
        let root = cx.function_root(func.body);
        let inferred = cx.f.inferred;
        let const_result = match root {
            Some(root) if value_ret == TypeId::TYPE || inferred == Some(TypeId::TYPE) => cx.result_type(root),
            _ => None,
        };
        let locals = std::mem::take(&mut cx.f.locals);
        let mut sig = inst.sig.clone();
        if inst.infer_ret {
            let nothing = if root.is_some() { TypeId::VOID } else { TypeId::ERROR };
            let value = inferred.unwrap_or(nothing);
            sig.ret = match *cx.kind(inst.sig.ret) {
                TypeKind::Failable { set, .. } => cx.s.types.failable(value, set),
                _ => value,
            };
            let loc = Loc::new(decl.file, decl.span);
            cx.ensure_layout(sig.ret, loc);
        }
        self.inst_mut(id).sig = sig.clone();
        self.inst_mut(id).state = InstState::Done;
        // What runs sees the machine that it runs on, whether or not its result can be read off here.
        if let Some(value) = const_result.filter(|_| self.world.is_none()) {
            self.const_results.insert(inst.func, value);
        }
        let Some(root) = root else { return };
        if !self.lowers() {
            return;
        }
        let body = Body {
            func: inst.func,
            name: self.qualified(decl.name, decl.owner),
            sig,
            inline: func.inline,
            locals,
            params,
            captures: Vec::new(),
            root,
            loc: Loc::new(decl.file, func.sig_span),
        };
        self.lower_now(&body);
    }

    /// True when the parser found an error inside a function.
    fn is_broken(&self, file: FileId, func: &sx_syntax::ast::FuncExpr) -> bool {
        let scope = self.file(file);
        let (FuncBody::Block(body) | FuncBody::Arrow(body)) = func.body else { return false };
        let end = scope.file.ast.expr_span(body).hi.max(func.sig_span.hi);
        scope.broken.iter().any(|at| at.lo >= func.sig_span.lo && at.lo <= end)
    }

    /// Hands a checked body to lowering; false if there is an error in it.
    pub(crate) fn lower_now(&mut self, body: &Body<'_>) -> bool {
        if self.has_errors() && (self.faults > 0 || !self.has_whole_types(body)) {
            return false;
        }
        if self.context_global.is_none() {
            self.context_global = self.default_context();
        }
        let Some(default_context) = self.context_global else {
            let message = "the library's `core` and its `default_context` can't be found";
            self.report(Diagnostic::error(Code::E0104, body.loc, message));
            return false;
        };
        let mut cx = lower::LowerCx { symbols: &self.symbols, cache: &mut self.lower, default_context };
        let func = lower::lower_body(&mut self.types, &mut self.module, &mut cx, body);
        if self.module.func(body.func).is_some() {
            self.module.replace_func(body.func, func);
            self.erased.replaced(body.func);
        } else {
            self.module.define_func(body.func, func);
        }
        true
    }

    /// The code of closures of a type that pass calls on to a function, or to the one that is their environment.
    pub(crate) fn closure_thunk(&mut self, func: Option<FuncId>, closure: TypeId) -> Option<FuncId> {
        let default_context = self.default_context()?;
        let mut cx = lower::LowerCx { symbols: &self.symbols, cache: &mut self.lower, default_context };
        Some(lower::closure_thunk(&mut self.types, &mut self.module, &mut cx, func, closure))
    }

    /// True when all variables and results of a body have types that lowering can do with.
    fn has_whole_types(&mut self, body: &Body<'_>) -> bool {
        let sig = body.sig.params.iter().chain([&body.sig.ret]);
        sig.chain(body.locals.iter().map(|local| &local.ty)).all(|&ty| {
            self.ensure_layout(ty, body.loc);
            self.laid_out.get(ty.0 as usize) == Some(&true)
        })
    }

    // ---- the library's parts that the checker knows ----

    /// A file of the library by its path.
    pub fn library_file(&mut self, path: &str) -> Option<FileId> {
        if let Some(&file) = self.paths.get(path) {
            return Some(file);
        }
        let files = self.loader.load("", path).ok()?;
        let loaded = files.into_iter().next()?;
        Some(self.add_file(loaded.path, loaded.file))
    }

    /// True for the library's file whose operations are the machine's atomic ones.
    pub(crate) fn is_atomic_module(&self, file: FileId) -> bool {
        self.file(file).file.path.ends_with("modules/std/atomic.sx")
    }

    fn library_decl(&mut self, file: FileId, name: &str) -> Option<DeclVal> {
        let sym = self.sym(name);
        let decl = self.file(file).decls.get(&sym).copied()?;
        Some(self.decl_value(decl))
    }

    pub(crate) fn core_fn(&mut self, name: &str) -> Option<FnId> {
        let file = self.library_file("modules/std/core.sx")?;
        match self.library_decl(file, name)? {
            DeclVal::Func(func) => Some(func),
            _ => None,
        }
    }

    pub(crate) fn core_protocol(&mut self, name: &str) -> Option<ProtoDeclId> {
        let file = self.library_file("modules/std/core.sx")?;
        match self.library_decl(file, name)? {
            DeclVal::Protocol(protocol) => Some(protocol),
            _ => None,
        }
    }

    pub(crate) fn fmt_fn(&mut self, name: &str) -> Option<FnId> {
        let sym = self.sym(name);
        if let Some(&known) = self.fmt_fns.get(&sym) {
            return known;
        }
        let file = self.library_file("modules/std/fmt.sx");
        let found = match file.and_then(|file| self.library_decl(file, name)) {
            Some(DeclVal::Func(func)) => Some(func),
            _ => None,
        };
        self.fmt_fns.insert(sym, found);
        found
    }

    pub(crate) fn core_type(&mut self, name: &str) -> Option<TypeId> {
        let file = self.library_file("modules/std/core.sx")?;
        match self.library_decl(file, name)? {
            DeclVal::Const(TypeId::TYPE, value) => value.as_type(),
            _ => None,
        }
    }

    pub(crate) fn fmt_type(&mut self, name: &str) -> Option<TypeId> {
        let file = self.library_file("modules/std/fmt.sx")?;
        match self.library_decl(file, name)? {
            DeclVal::Const(TypeId::TYPE, value) => value.as_type(),
            _ => None,
        }
    }

    /// The global that holds the context programs begin with.
    pub fn default_context(&mut self) -> Option<GlobalId> {
        let file = self.library_file("modules/std/core.sx")?;
        match self.library_decl(file, "default_context")? {
            DeclVal::Global(global, _) => Some(global),
            _ => None,
        }
    }

    pub(crate) fn context_type_id(&mut self) -> Option<TypeId> {
        if self.context_ty.is_none() {
            let file = self.library_file("modules/std/core.sx")?;
            if let DeclVal::Const(TypeId::TYPE, value) = self.library_decl(file, "Context")? {
                self.context_ty = value.as_type();
            }
        }
        self.context_ty
    }

    // ---- the driver's entries ----

    /// Checks and lowers everything that was asked for, and what that needs.
    pub fn finish(&mut self) {
        self.mark_stack();
        self.finish_queue();
        self.judge_sets();
        self.finish_queue();
        self.judge_reach();
        self.fill_type_tables();
    }

    /// The tables behind `type_name` and `type_category` of run-time types, if the program uses them.
    fn fill_type_tables(&mut self) {
        let all = 0..self.types.len() as u32;
        self.fill_type_table("type_names", |s| all.clone().map(|id| s.type_name(TypeId(id))).collect());
        self.fill_type_table("type_categories", |s| {
            all.clone().map(|id| super::category(&s.types, TypeId(id)).to_string()).collect()
        });
    }

    fn fill_type_table(&mut self, name: &str, texts: impl FnOnce(&Sema) -> Vec<String>) {
        let Some(&file) = self.paths.get("modules/std/core.sx") else { return };
        let name = self.sym(name);
        let Some(&decl) = self.file(file).decls.get(&name) else { return };
        let DeclState::Done(DeclVal::Global(global, ty)) = self.decl(decl).state else { return };
        let texts = texts(self).into_iter().map(|text| CVal::Str(text.into_bytes().into())).collect();
        let data = self.freeze_data(ty, &CVal::Slice(texts));
        self.module.globals[global.0 as usize].init = data;
    }

    pub(crate) fn finish_queue(&mut self) {
        loop {
            while let Some(inst) = self.queue.pop_front() {
                if self.wants_body(inst) {
                    self.check_queued(inst);
                }
            }
            if !self.recheck_any_users() {
                return;
            }
        }
    }

    /// Asks for every declaration of a file: constants, variables, functions that aren't generic, methods, impls,
    /// tests, `#assert` and `#run`.
    pub fn check_file(&mut self, file: FileId) {
        self.mark_stack();
        self.expand_inserts(file);
        let mut decls: Vec<DeclId> = self.file(file).decls.values().copied().collect();
        decls.sort_unstable_by_key(|&d| self.decl(d).span.lo);
        for decl in decls {
            if self.wants_at(file, self.decl(decl).span) {
                self.apart(|s| s.demand_decl(decl));
            }
        }
        for i in 0..self.impls.len() {
            if self.whole(self.impls[i].file) == file && self.wants_at(file, self.impls[i].span) {
                self.apart(|s| s.demand_impl(ImplId(i as u32)));
            }
        }
        self.run_items(file);
        self.file(file).parts.clone().into_iter().for_each(|part| self.run_items(part));
        // An import that nothing is looked up through must exist all the same: a name that no file has loads all.
        let nobody = self.sym("\u{0}");
        self.lookup_module(file, nobody);
        self.tests(file);
    }

    /// True when what stands at a place in a module is to be checked.
    fn wants_at(&self, file: FileId, span: Span) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.wants_item(Loc::new(file, span)))
    }

    pub(crate) fn demand_decl(&mut self, decl: DeclId) {
        let work = self.work_of_decl(decl);
        let begun = self.begin_work(work);
        self.demand_value(decl);
        self.end_work(begun);
    }

    fn demand_value(&mut self, decl: DeclId) {
        let loc = Loc::new(self.decl(decl).file, self.decl(decl).span);
        match self.decl_value(decl) {
            DeclVal::Func(func) if !self.fn_decl(func).generic && !self.fn_decl(func).builtin => {
                self.instance(func, Vec::new(), (Within::default(), loc));
            }
            DeclVal::Const(TypeId::TYPE, value) => {
                let Some(ty) = value.as_type() else { return };
                self.ensure_layout(ty, loc);
                self.demand_members(ty, decl);
            }
            DeclVal::Protocol(protocol) => self.demand_protocol(protocol),
            _ => {}
        }
    }

    /// A protocol without parameters, whether or not anything implements it.
    fn demand_protocol(&mut self, protocol: ProtoDeclId) {
        let decl = self.proto_decls[protocol.0 as usize].clone();
        let parsed = self.file(decl.file).file.clone();
        if !parsed.ast.list(parsed.ast.get(decl.ast).params).is_empty() {
            return;
        }
        let ty = self.with_static(decl.file, decl.scope, |cx| {
            cx.protocol_type(protocol, std::sync::Arc::from([]), Span::at(0))
        });
        if let TypeKind::Protocol(id) = *self.types.kind(ty) {
            self.complete_protocol(id);
        }
    }

    /// A type's methods, at the declaration that names the type first.
    fn demand_members(&mut self, ty: TypeId, decl: DeclId) {
        let Some((info, file)) = self.members_of(ty) else { return };
        if file != self.decl(decl).file || info.generic.is_some() {
            return;
        }
        let (scope, defaults) = (info.scope, info.defaults.clone());
        let work = self.work_of_decl(decl);
        let mut members: Vec<DeclId> =
            info.members.values().flat_map(|m| [Some(m.decl), m.setter]).flatten().collect();
        members.sort_unstable_by_key(|&d| self.decl(d).span.lo);
        members.dedup();
        if let TypeKind::Struct(id) = *self.types.kind(ty) {
            let types: Vec<TypeId> = self.types.struct_def(id).fields.iter().map(|f| f.ty).collect();
            let begun = self.begin_work(work);
            self.with_static(file, scope, |cx| {
                for (default, ty) in defaults.into_iter().zip(types) {
                    if let Some(default) = default {
                        cx.check_as(default, ty);
                    }
                }
            });
            self.end_work(begun);
        }
        for member in members {
            if matches!(self.decl(member).state, DeclState::Todo)
                || matches!(self.decl(member).state, DeclState::Done(DeclVal::Func(_)))
            {
                self.demand_decl(member);
            }
        }
    }

    fn demand_impl(&mut self, id: ImplId) {
        if self.impls[id.0 as usize].generic {
            return self.check_generic_impl(id);
        }
        let Some((protocol, target)) = self.resolve_impl(id) else { return };
        let loc = Loc::new(self.impls[id.0 as usize].file, self.impls[id.0 as usize].span);
        let begun = self.begin_at(loc);
        self.impl_funcs(protocol, target, loc, Within::default());
        self.end_work(begun);
    }

    fn run_items(&mut self, file: FileId) {
        let scope = self.file(file).scope;
        for stmt in std::mem::take(&mut self.files[file.0 as usize].asserts) {
            let at = self.file(file).file.ast.stmt_span(stmt);
            if !self.wants_at(file, at) {
                continue;
            }
            let begun = self.begin_at(Loc::new(file, at));
            let check = |cx: &mut Cx<'_, '_, '_>| {
                if let AstStmt::Assert { cond, message } = *cx.ast.stmt(stmt) {
                    cx.check_static_assert(cond, message);
                }
            };
            self.apart(|s| s.with_static(file, scope, check));
            self.end_work(begun);
        }
        for stmt in std::mem::take(&mut self.files[file.0 as usize].runs) {
            let at = self.file(file).file.ast.stmt_span(stmt);
            if !self.wants_at(file, at) {
                continue;
            }
            let begun = self.begin_at(Loc::new(file, at));
            let run = |cx: &mut Cx<'_, '_, '_>| {
                let AstStmt::Expr { expr, .. } = *cx.ast.stmt(stmt) else { return };
                let Ast::Run(inner) = *cx.ast.expr(expr) else { return };
                if cx.s.world.is_some() {
                    cx.run_on_host(inner, Some(TypeId::VOID), at);
                    return;
                }
                let val = cx.check(inner, Some(TypeId::VOID));
                if val.ty != TypeId::ERROR {
                    cx.evaluate(val.e);
                }
            };
            self.apart(|s| s.with_static(file, scope, run));
            self.end_work(begun);
        }
    }

    /// The module-level `#assert` and `#run` of every file that was loaded.
    pub fn run_module_items(&mut self) {
        self.mark_stack();
        for file in 0..self.files.len() {
            self.run_items(FileId(file as u32));
        }
    }

    /// A file's function by name, for calls from outside: not generic.
    pub fn export(&mut self, file: FileId, name: &str) -> Option<Export> {
        self.mark_stack();
        let sym = self.symbols.get(name)?;
        let decl = self.file(file).decls.get(&sym).copied()?;
        let loc = Loc::new(file, self.decl(decl).span);
        let DeclVal::Func(func) = self.decl_value(decl) else { return None };
        if self.fn_decl(func).generic || self.fn_decl(func).builtin {
            return None;
        }
        let inst = self.instance(func, Vec::new(), (Within::default(), loc))?;
        self.ensure_body(inst);
        self.add_root(self.inst(inst).func);
        let inst = self.inst(inst);
        Some(Export { func: inst.func, sig: inst.sig.clone() })
    }

    /// A library function by file path and name.
    pub fn library_fn(&mut self, path: &str, name: &str) -> Option<Export> {
        let file = self.library_file(path)?;
        self.sym(name);
        self.export(file, name)
    }

    /// `main`; reports when its signature can't be one.
    pub fn main_func(&mut self, file: FileId) -> Option<Export> {
        let export = self.export(file, "main")?;
        self.judge_main(file, &export.sig).then_some(export)
    }

    /// As [`Sema::main_func`], without its body.
    pub(crate) fn main_signature(&mut self, file: FileId) {
        let sym = self.sym("main");
        let Some(&decl) = self.file(file).decls.get(&sym) else { return };
        let loc = Loc::new(self.decl(decl).file, self.decl(decl).span);
        if !self.wants_at(loc.file, loc.span) {
            return;
        }
        let DeclVal::Func(func) = self.decl_value(decl) else { return };
        if self.fn_decl(func).generic || self.fn_decl(func).builtin {
            return;
        }
        let begun = self.begin_at(loc);
        if let Some(inst) = self.instance(func, Vec::new(), (Within::default(), loc)) {
            if self.inst(inst).infer_ret {
                self.ensure_body(inst);
            }
            let sig = self.inst(inst).sig.clone();
            self.judge_main(file, &sig);
        }
        self.end_work(begun);
    }

    fn judge_main(&mut self, file: FileId, sig: &FnSig) -> bool {
        let value = match *self.types.kind(sig.ret) {
            TypeKind::Failable { value, .. } => value,
            _ => sig.ret,
        };
        let gives_code = value == TypeId::VOID || value == TypeId::NORETURN || self.types.is_int(value);
        if sig.params.is_empty() && gives_code {
            return true;
        }
        let sym = self.sym("main");
        let decl = self.file(file).decls[&sym];
        let loc = Loc::new(file, self.decl(decl).span);
        let d =
            Diagnostic::error(Code::E0301, loc, "`main` takes no parameters and gives nothing or an integer")
                .help("write `main :: () { … }`, `main :: () -> i32 { … }`, or `main :: () -> ! { … }`");
        self.report(d);
        false
    }

    /// What to say when a file is to be run that has no `main`.
    pub fn missing_main(&self, file: FileId) -> Diagnostic {
        let path = &self.sources.get(file).path;
        let loc = Loc::new(file, Span::at(0));
        let d = Diagnostic::error(Code::E0109, loc, format!("`{path}` has no `main` to run"));
        match crate::modules::nearest("main", self.names(file)) {
            Some(near) => d.help(format!("is `{near}` meant to be it?")),
            None => d.help("a program begins with `main :: () { … }`"),
        }
    }

    /// A file's variable by name.
    pub fn global(&mut self, file: FileId, name: &str) -> Option<(GlobalId, TypeId)> {
        self.mark_stack();
        let sym = self.symbols.get(name)?;
        let decl = self.file(file).decls.get(&sym).copied()?;
        match self.decl_value(decl) {
            DeclVal::Global(global, ty) => Some((global, ty)),
            _ => None,
        }
    }

    /// A file's type by name.
    pub fn named_type(&mut self, file: FileId, name: &str) -> Option<TypeId> {
        self.mark_stack();
        let sym = self.symbols.get(name)?;
        let decl = self.file(file).decls.get(&sym).copied()?;
        match self.decl_value(decl) {
            DeclVal::Const(TypeId::TYPE, value) => {
                let ty = value.as_type()?;
                let loc = Loc::new(file, self.decl(decl).span);
                self.ensure_layout(ty, loc).then_some(ty)
            }
            _ => None,
        }
    }

    /// Makes a type's fields and layout known, which nothing in the program may have asked for; false when it has none.
    pub fn complete(&mut self, ty: TypeId) -> bool {
        self.mark_stack();
        self.ensure_layout(ty, Loc::new(FileId(0), Span::at(0)))
    }

    /// The names that a file declares, in source order.
    pub fn names(&self, file: FileId) -> Vec<String> {
        let mut decls: Vec<(u32, String)> = self
            .file(file)
            .decls
            .values()
            .map(|&d| (self.decl(d).span.lo, self.text(self.decl(d).name).to_string()))
            .collect();
        decls.sort();
        decls.into_iter().map(|(_, name)| name).collect()
    }

    /// A file's `test` blocks, checked and lowered: functions without parameters that may fail.
    pub fn tests(&mut self, file: FileId) -> Vec<TestCase> {
        self.mark_stack();
        self.expand_inserts(file);
        let parsed = self.file(file).file.clone();
        let mut cases = Vec::new();
        for idx in self.file(file).tests.clone() {
            let test = *parsed.ast.get(idx);
            let name = String::from_utf8_lossy(parsed.ast.string(test.name)).into_owned();
            let loc = Loc::new(file, parsed.ast.expr_span(test.body));
            if !self.wants_at(file, loc.span) {
                continue;
            }
            if let Some(func) = self.test_body(file, &name, test.body, loc) {
                cases.push(TestCase { name, loc, func });
            }
        }
        for part in self.file(file).parts.clone() {
            cases.extend(self.tests(part));
        }
        cases
    }

    fn test_body(
        &mut self,
        file: FileId,
        name: &str,
        body: sx_syntax::ast::ExprId,
        loc: Loc,
    ) -> Option<FuncId> {
        if let Some(test) = self.test_funcs.get(&loc) {
            return test.func;
        }
        let test = TestBody { file, name: name.into(), body, func: None };
        self.test_funcs.insert(loc, test);
        self.check_test(loc);
        let func = self.test_funcs[&loc].func?;
        self.add_root(func);
        Some(func)
    }

    /// Checks a test again that was checked before.
    pub(crate) fn recheck_test(&mut self, loc: Loc) {
        self.check_test(loc);
    }

    /// Checks a test's body and lowers it to its function.
    fn check_test(&mut self, loc: Loc) {
        let begun = self.begin_at(loc);
        let lowered = self.apart(|s| s.lower_test(loc));
        self.end_work(begun);
        if let Some(func) = lowered {
            self.test_funcs.get_mut(&loc).expect("the test was entered").func = Some(func);
        }
    }

    fn lower_test(&mut self, loc: Loc) -> Option<FuncId> {
        let TestBody { file, name, body, func } = self.test_funcs[&loc].clone();
        let parsed = self.file(file).file.clone();
        let scope = self.file(file).scope;
        let bump = Bump::new();
        self.types.error_sets.push(crate::types::ErrorSetDef {
            name: String::new(),
            tags: Vec::new(),
            inferred: true,
        });
        let set = crate::types::ErrorSetId(self.types.error_sets.len() as u32 - 1);
        let ret = self.types.failable(TypeId::VOID, set);
        self.ensure_layout(ret, loc);
        let f = FnState { ret: Some(TypeId::VOID), set: Some(set), test: Some(loc), ..FnState::default() };
        let mut cx = Cx { s: self, ast: &parsed.ast, file, scope, b: &bump, f, depth: 0 };
        let root = cx.function_root(FuncBody::Block(body))?;
        let locals = std::mem::take(&mut cx.f.locals);
        if !self.lowers() {
            return None;
        }
        let func = func.unwrap_or_else(|| self.module.reserve_func());
        let sig = FnSig { params: Vec::new(), ret, conv: Conv::Sx };
        let name = format!("test {name:?}").into();
        let body = Body {
            func,
            name,
            sig,
            inline: false,
            locals,
            params: Vec::new(),
            captures: Vec::new(),
            root,
            loc,
        };
        self.lower_now(&body).then_some(func)
    }

    /// The name of an error's number.
    pub fn error_name(&self, tag: u32) -> &str {
        self.types.error_names.get(tag as usize).map_or("?", |&sym| self.text(sym))
    }
}

impl<'b> Cx<'_, '_, 'b> {
    /// Default values are checked where they are written, whether or not a call needs them.
    fn check_defaults(&mut self, inst: &Inst, func: &sx_syntax::ast::FuncExpr) {
        let params = self.ast.list(func.params);
        for p in &inst.params {
            if let Some(default) = params[p.decl as usize].default {
                self.check_as(default, p.ty);
            }
        }
    }

    /// Parameters come to life; a pack's elements under one name.
    fn enter_params(&mut self, inst: &Inst, func: &sx_syntax::ast::FuncExpr) -> Vec<LocalId> {
        let mut locals = Vec::with_capacity(inst.params.len());
        let declared = self.ast.list(func.params);
        for (index, param) in declared.iter().enumerate() {
            let kind = self.s.fn_decl(inst.decl).pack_at(index);
            let mut pack = Vec::new();
            for p in inst.params.iter().filter(|p| p.decl as usize == index) {
                let local = self.new_local(p.name, p.ty, LocalKind::Value, param.span);
                locals.push(local);
                if let Some(n) = p.pack {
                    if let Some(PackKind::Through(protocol)) = kind
                        && let Some(view) = self.element_view(protocol, p.name, n as usize)
                    {
                        self.f.views.push((local, view));
                    }
                    pack.push(local);
                } else {
                    self.declare(param.name, Entry::Local(local));
                }
            }
            if let Some(PackKind::Values | PackKind::Through(_)) = kind {
                self.declare(param.name, Entry::Pack(pack.into()));
            }
        }
        locals
    }

    /// The type that a type function's body always gives, where that can be read off.
    fn result_type(&mut self, root: E<'b>) -> Option<crate::value::CVal> {
        match root.kind {
            Kind::Return(Some(e)) => self.fold(e),
            Kind::Block { stmts: [], tail: Some(tail) } => self.result_type(tail),
            Kind::Block { stmts: [Stmt::Expr(e)], tail: None } => self.result_type(e),
            _ => self.fold(root),
        }
    }

    pub(crate) fn context_type(&mut self, span: Span) -> Option<TypeId> {
        let ty = self.s.context_type_id();
        if ty.is_none() {
            self.error(Code::E0104, span, "the library's `Context` can't be found");
        }
        ty
    }
}
