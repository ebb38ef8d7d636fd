//! Names, files, scopes, declarations and functions.

use super::super::keep::Refusal;
use super::traces::{Lambda, Origin, Thing};
use super::{Crossing, Side};
use crate::check::Within;
use crate::sema::*;
use crate::symbols::Sym;
use crate::types::{ProtocolId, TypeId};
use crate::value::CVal;
use sx_ir::{ExternId, FuncId, GlobalId};
use sx_syntax::ast::{Expr as Ast, ExprId};
use sx_syntax::span::{FileId, Loc};

/// Things are made of others so deep.
const MAX_DEPTH: u32 = 400;

fn lost(what: &str, name: &str) -> Refusal {
    format!("{what} `{name}` isn't there in the other world")
}

impl Crossing<'_> {
    /// Does work that may go deep.
    pub(super) fn deeper<R>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        if self.depth >= MAX_DEPTH {
            return Err("what it is made of nests too deeply".to_string());
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    pub(super) fn sym(&mut self, sym: Sym) -> Sym {
        let text = self.from().symbols.shared(sym);
        self.to().sym(&text)
    }

    fn name(&self, sym: Sym) -> String {
        self.from().text(sym).to_string()
    }

    /// A file: its number is the same on both sides. Inserted text is made by each for itself.
    pub(super) fn file(&mut self, file: FileId) -> Result<FileId, Refusal> {
        let Some(whole) = self.from().file(file).part_of else { return Ok(file) };
        let text = self.from().file(file).file.clone();
        self.to().expand_inserts(whole);
        let there = self.to();
        // The side that takes a text over from the other doesn't enter it anywhere, so that the last one is its own.
        let found = (0..there.files.len() as u32).rev().map(FileId).find(|&id| {
            let other = there.file(id);
            other.part_of == Some(whole) && other.file.path == text.path && other.file.text == text.text
        });
        found.ok_or_else(|| lost("the inserted text", &text.path))
    }

    pub(super) fn scope(&mut self, id: ScopeId) -> Result<ScopeId, Refusal> {
        if let Some(&known) = self.crossed().scopes.get(&id) {
            return Ok(known);
        }
        let there = self.deeper(|c| c.find_scope(id))?;
        self.crossed().scopes.insert(id, there);
        self.crossed_back().scopes.insert(there, id);
        Ok(there)
    }

    fn find_scope(&mut self, id: ScopeId) -> Result<ScopeId, Refusal> {
        let Scope { parent, file, .. } = self.from().scopes[id.0 as usize];
        let file = self.file(file)?;
        let Some(parent) = parent else { return Ok(self.to().file(file).scope) };
        let unknown = || "it stands in a part of the program that the other world doesn't have".to_string();
        match self.traces().origins.get(&id).cloned().ok_or_else(unknown)? {
            Origin::Instance(inst) => {
                let inst = self.inst(inst)?;
                Ok(self.to().inst(inst).scope)
            }
            Origin::Arguments(ty) => {
                let inner = self.inside_of(ty)?;
                self.to().scopes[inner.0 as usize].parent.ok_or_else(unknown)
            }
            Origin::Of(ty) => self.inside_of(ty),
            Origin::Protocol(protocol) => {
                let protocol = self.protocol(protocol)?;
                Ok(self.to().proto_info[protocol.0 as usize].scope)
            }
            Origin::Default(protocol, name, ty) => {
                let func = self.default_method(protocol, name, ty)?;
                Ok(self.to().fn_decl(func).scope)
            }
            Origin::Impl(protocol, ty, ast) => {
                let (protocol, ty) = (self.protocol(protocol)?, self.ty(ty)?);
                let there = self.to();
                there.has_impl(protocol, ty, file);
                let is_it = |i: &&ImplInfo| {
                    i.file == file && i.ast == ast && i.resolved == Some(Some((protocol, ty)))
                };
                let found = there.impls.iter().find(is_it).and_then(|i| i.methods.values().next());
                found.map(|&decl| there.decl(decl).scope).ok_or_else(unknown)
            }
            Origin::Block(first) => {
                let parent = self.scope(parent)?;
                if let Some(known) = self.to().traced_block(parent, file, first) {
                    return Ok(known);
                }
                let names = self.from().scopes[id.0 as usize].names.clone();
                let scope = self.to().new_scope(Some(parent), file, Vec::new());
                self.to().trace_block(parent, file, first, scope);
                for (sym, bound) in names {
                    let Bound::Decl(decl) = bound else { continue };
                    let Decl { kind, span, .. } = self.from().decl(decl).clone();
                    let sym = self.sym(sym);
                    let decl = self.to().new_decl(sym, file, scope, kind, None, span);
                    self.to().scopes[scope.0 as usize].names.push((sym, Bound::Decl(decl)));
                }
                Ok(scope)
            }
            Origin::Round((round, names)) => {
                let parent = self.scope(parent)?;
                let mut bound = Vec::with_capacity(names.len());
                for (sym, ty, value) in names {
                    let value = self.value(ty, &value)?;
                    bound.push((self.sym(sym), Bound::Const(self.ty(ty)?, value)));
                }
                Ok(self.to().round_scope(parent, file, round as usize, bound))
            }
        }
    }

    /// The scope of what stands in a type's declaration.
    fn inside_of(&mut self, ty: TypeId) -> Result<ScopeId, Refusal> {
        let name = self.from().type_name(ty);
        let ty = self.ty(ty)?;
        self.to().members_of(ty).map(|(info, _)| info.scope).ok_or_else(|| lost("the type", &name))
    }

    fn default_method(&mut self, protocol: ProtocolId, name: Sym, ty: TypeId) -> Result<FnId, Refusal> {
        let text = self.name(name);
        let (protocol, ty, name) = (self.protocol(protocol)?, self.ty(ty)?, self.sym(name));
        self.to().default_method(protocol, name, ty).ok_or_else(|| lost("the method", &text))
    }

    pub(super) fn decl(&mut self, id: DeclId) -> Result<DeclId, Refusal> {
        let decl = self.from().decl(id).clone();
        let name = self.sym(decl.name);
        let missing = lost("the declaration of", &self.name(decl.name));
        if let Some(owner) = decl.owner
            && let Some((info, _)) = self.from().members_of(owner)
            && let Some(&member) = info.members.get(&decl.name)
            && (member.decl == id || member.setter == Some(id))
        {
            let owner = self.ty(owner)?;
            let there = self.to().members_of(owner).and_then(|(info, _)| info.members.get(&name).copied());
            let there = there.ok_or(missing)?;
            return if member.decl == id {
                Ok(there.decl)
            } else {
                there.setter.ok_or(there.decl).or_else(Ok)
            };
        }
        if self.from().scopes[decl.scope.0 as usize].parent.is_none() {
            let whole = self.from().whole(decl.file);
            let there = self.to();
            there.expand_inserts(whole);
            return there.file(whole).decls.get(&name).copied().ok_or(missing);
        }
        if let Some(Origin::Impl(protocol, ty, ast)) = self.traces().origins.get(&decl.scope).cloned() {
            let scope = self.scope(decl.scope)?;
            let (protocol, ty) = (self.protocol(protocol)?, self.ty(ty)?);
            let there = self.to();
            let is_it = |i: &&ImplInfo| i.ast == ast && i.resolved == Some(Some((protocol, ty)));
            let methods = there.impls.iter().filter(is_it).filter_map(|i| i.methods.get(&name).copied());
            return methods.into_iter().find(|&d| there.decl(d).scope == scope).ok_or(missing);
        }
        let scope = self.scope(decl.scope)?;
        let names = &self.to().scopes[scope.0 as usize].names;
        let found = names.iter().rev().find_map(|(sym, bound)| match bound {
            Bound::Decl(decl) if *sym == name => Some(*decl),
            _ => None,
        });
        found.ok_or(missing)
    }

    /// What the declaration of a thing is on the other side.
    fn declared(&mut self, thing: Thing) -> Result<DeclVal, Refusal> {
        let decl = self.traces().decls.get(&thing).copied();
        let decl = decl.ok_or("a part of it isn't declared under a name")?;
        let decl = self.decl(decl)?;
        Ok(self.to().decl_value(decl))
    }

    fn fn_decl(&mut self, id: FnId) -> Result<FnId, Refusal> {
        let decl = self.from().fn_decl(id).clone();
        if let Some(&Origin::Default(protocol, name, ty)) = self.traces().origins.get(&decl.scope) {
            return self.default_method(protocol, name, ty);
        }
        match self.declared(Thing::Func(id))? {
            DeclVal::Func(func) => Ok(func),
            _ => Err(lost("the function", &self.name(decl.name))),
        }
    }

    pub(super) fn generic(&mut self, id: GenericId) -> Result<GenericId, Refusal> {
        match self.declared(Thing::Generic(id))? {
            DeclVal::Generic(generic) => Ok(generic),
            _ => Err(lost("the type", &self.name(self.from().generics[id.0 as usize].name))),
        }
    }

    pub(super) fn protocol_decl(&mut self, id: ProtoDeclId) -> Result<ProtoDeclId, Refusal> {
        match self.declared(Thing::Protocol(id))? {
            DeclVal::Protocol(protocol) => Ok(protocol),
            _ => Err(lost("the protocol", &self.name(self.from().proto_decls[id.0 as usize].name))),
        }
    }

    /// A variable of a module, and the type that it has on the side it comes from.
    pub(super) fn global(&mut self, id: GlobalId) -> Result<(GlobalId, TypeId), Refusal> {
        let decl = self.traces().decls.get(&Thing::Global(id)).copied();
        let state = decl.map(|decl| self.from().decl(decl).state.clone());
        let Some(DeclState::Done(DeclVal::Global(_, ty))) = state else {
            return Err("it points at a variable that exists only while compiling".to_string());
        };
        match self.declared(Thing::Global(id))? {
            DeclVal::Global(global, _) => Ok((global, ty)),
            _ => Err("it points at a variable that has no value in the other world".to_string()),
        }
    }

    pub(super) fn inst(&mut self, id: InstId) -> Result<InstId, Refusal> {
        self.deeper(|c| c.find_inst(id))
    }

    fn find_inst(&mut self, id: InstId) -> Result<InstId, Refusal> {
        let inst = self.from().inst(id).clone();
        let decl = self.from().fn_decl(inst.decl).clone();
        let func = self.fn_decl(inst.decl)?;
        let names = match inst.scope == decl.scope {
            true => Vec::new(),
            false => self.from().scopes[inst.scope.0 as usize].names.clone(),
        };
        let mut bindings: Vec<(Sym, CVal)> = Vec::with_capacity(names.len());
        for (sym, bound) in names {
            let Bound::Const(ty, value) = bound else { continue };
            bindings.push((self.sym(sym), self.value(ty, &value)?));
        }
        let loc = Loc::new(decl.file, decl.span);
        let made = self.to().instance(func, bindings, (Within::default(), loc));
        made.ok_or_else(|| lost("the function", &self.name(decl.name)))
    }

    /// Code: of a function, of a lambda, or of a closure made of a function.
    pub(super) fn func(&mut self, func: FuncId, ty: TypeId) -> Result<FuncId, Refusal> {
        if let Some(&inst) = self.from().func_insts.get(&func) {
            let inst = self.inst(inst)?;
            return Ok(self.to().inst(inst).func);
        }
        if let Some((lambda, within)) = self.traces().lambdas.get(&func).copied() {
            return self.lambda(func, lambda, within, ty);
        }
        let (plain, closure) = match self.from().lower.thunk_of(func) {
            Some((plain, closure)) => (plain, closure.unwrap_or(ty)),
            None => return Err("a function in it has no name".to_string()),
        };
        let plain = plain.map(|func| self.func(func, TypeId::ERROR)).transpose()?;
        let closure = self.ty(closure)?;
        self.to().closure_thunk(plain, closure).ok_or_else(|| "a closure in it can't be made".to_string())
    }

    fn lambda(
        &mut self,
        func: FuncId,
        lambda: Lambda,
        within: Option<InstId>,
        ty: TypeId,
    ) -> Result<FuncId, Refusal> {
        let (file, scope) = (self.file(lambda.file)?, self.scope(lambda.scope)?);
        let there = Lambda { file, scope, ..lambda };
        if let Some(&known) = self.traces_there().lambda_codes.get(&there) {
            return Ok(known);
        }
        if within.is_none() && self.from().closure_envs.contains_key(&func) {
            return Err("a lambda in it captures what exists only in the run".to_string());
        }
        if let Some(inst) = within {
            // It is made when the function around is checked.
            let inst = self.inst(inst)?;
            self.to().ensure_body(inst);
        } else {
            let ty = self.ty(ty)?;
            let exprs = &self.from().file(lambda.file).file.ast.exprs;
            let at = exprs.iter().position(|e| matches!(e, Ast::Func(idx) if *idx == lambda.ast));
            let at = ExprId(at.ok_or("a lambda in it isn't in its file")? as u32);
            let expected = (ty != TypeId::ERROR).then_some(ty);
            self.to().with_static(file, scope, |cx| _ = cx.check(at, expected));
        }
        let known = self.traces_there().lambda_codes.get(&there).copied();
        known.ok_or_else(|| "a lambda in it isn't there in the other world".to_string())
    }

    pub(super) fn external(&mut self, id: ExternId) -> Result<ExternId, Refusal> {
        let sema = self.from();
        let found = (0..sema.inst_count() as u32).map(InstId).find(|&inst| sema.inst(inst).ext == Some(id));
        let inst = self.inst(found.ok_or("it holds the address of a symbol")?)?;
        self.to().inst(inst).ext.ok_or_else(|| "it holds the address of a symbol".to_string())
    }

    /// The functions of a protocol for the type that one of them is for.
    pub(super) fn vtable(&mut self, protocol: ProtocolId, first: FuncId) -> Result<Vec<FuncId>, Refusal> {
        let concrete = self.from().erased_types.get(&first).copied();
        let concrete = concrete.ok_or("a protocol value in it doesn't say of which type it is")?;
        let (protocol, ty) = (self.protocol(protocol)?, self.ty(concrete)?);
        let loc = self.from().making.at;
        let there = self.to();
        let funcs = there.impl_funcs(protocol, ty, loc, Within::default());
        let funcs = funcs.ok_or("a type in it implements a protocol in one world only")?;
        if let Some(&first) = funcs.first() {
            there.erased_types.insert(first, ty);
        }
        Ok(funcs)
    }

    /// True when the values go to the target.
    pub(super) fn to_target(&self) -> bool {
        self.from == Side::Host
    }
}
