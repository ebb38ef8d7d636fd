//! Which impl stands for a type: resolved once, found by protocol and type, chosen by where it is wanted.

use super::names::Entity;
use super::unify::Pattern;
use super::{Cx, Val};
use crate::comptime::Origin;
use crate::incremental::IMPLS;
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::E;
use crate::types::{ProtocolId, TypeId, TypeKind};
use crate::value::CVal;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::sync::Arc;
use sx_syntax::ast::{Expr as Ast, ExprId, Idx, ImplDecl};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

/// The impls that have been resolved, by what they are looked for.
#[derive(Debug, Default)]
pub(crate) struct ImplIndex {
    /// How many of all impls it knows, or is just resolving.
    entered: usize,
    by_pair: FxHashMap<(ProtocolId, TypeId), SmallVec<[ImplId; 1]>>,
    by_type: FxHashMap<TypeId, Vec<ImplId>>,
    /// Those with `$` names.
    generic: Vec<ImplId>,
    /// How many of the generic ones were tried for a type, and perhaps for a protocol that says more.
    tried: FxHashMap<(TypeId, Option<ProtocolId>), usize>,
    /// What generic ones became.
    instances: FxHashSet<(ImplId, ProtocolId, TypeId)>,
}

impl Sema {
    /// Protocol and target of an impl, found once.
    pub(crate) fn resolve_impl(&mut self, id: ImplId) -> Option<(ProtocolId, TypeId)> {
        let info = &self.impls[id.0 as usize];
        if let Some(resolved) = info.resolved {
            return resolved;
        }
        let (file, idx, info_span) = (info.file, info.ast, info.span);
        self.impls[id.0 as usize].resolved = Some(None);
        let scope = self.file(file).scope;
        let begun = self.begin_at(Loc::new(file, info_span));
        let found = self.with_static(file, scope, |cx| {
            let ast = *cx.ast.get(idx);
            let target = cx.resolve_type(ast.target);
            let protocol = cx.resolve_type(ast.protocol);
            if target == TypeId::ERROR || protocol == TypeId::ERROR {
                return None;
            }
            let TypeKind::Protocol(protocol) = *cx.kind(protocol) else {
                let at = cx.span(ast.protocol);
                let message = format!("`{}` isn't a protocol", cx.name_of(protocol));
                cx.error(Code::E0411, at, message);
                return None;
            };
            Some((protocol, target, cx.impl_methods(idx, protocol, target)))
        });
        self.end_work(begun);
        let (protocol, target, methods) = found?;
        let info = &mut self.impls[id.0 as usize];
        info.resolved = Some(Some((protocol, target)));
        info.methods = methods;
        Some((protocol, target))
    }

    /// Resolves the impls of files that were loaded since the last time.
    fn index_impls(&mut self) {
        while self.impl_index.entered < self.impls.len() {
            let id = ImplId(self.impl_index.entered as u32);
            self.impl_index.entered += 1;
            if self.impls[id.0 as usize].generic {
                self.impl_index.generic.push(id);
                continue;
            }
            let Some((protocol, ty)) = self.resolve_impl(id) else { continue };
            let same = self.impl_index.by_pair.entry((protocol, ty)).or_default();
            same.push(id);
            let file = self.impls[id.0 as usize].file;
            let first = same.iter().copied().find(|&other| self.impls[other.0 as usize].file == file);
            self.impl_index.by_type.entry(ty).or_default().push(id);
            if let Some(first) = first.filter(|&first| first != id) {
                let message = self.implements_twice(protocol, ty);
                let d = Diagnostic::error(Code::E0412, self.impl_loc(id), message)
                    .also(self.impl_loc(first), "the other impl is here")
                    .help("remove one of them");
                let begun = self.begin_at(self.impl_loc(id));
                self.report(d);
                self.end_work(begun);
            }
        }
    }

    /// Makes impls for a type out of the generic ones that fit it; a protocol may bind what the type leaves open.
    fn make_impls(&mut self, ty: TypeId, protocol: Option<ProtocolId>) {
        self.watch_flag(IMPLS);
        self.index_impls();
        let wanted = protocol.filter(|id| !self.proto_info[id.0 as usize].args.is_empty());
        loop {
            let tried = self.impl_index.tried.entry((ty, wanted)).or_default();
            let Some(&id) = self.impl_index.generic.get(*tried) else { break };
            *tried += 1;
            self.make_impl(id, ty, wanted);
        }
        self.index_impls();
    }

    /// Makes one impl out of a generic one, if that fits.
    fn make_impl(&mut self, id: ImplId, ty: TypeId, wanted: Option<ProtocolId>) {
        let info = &self.impls[id.0 as usize];
        let (file, idx, span) = (info.file, info.ast, info.span);
        let outer = self.file(file).scope;
        let scope = self.new_scope(Some(outer), file, Vec::new());
        let home = Pattern { file, outer, scope, declared: Loc::new(file, span), exact: true };
        let made = self.with_static(file, scope, |cx| {
            let ast = *cx.ast.get(idx);
            let fits = cx.unify(&home, ast.target, ty)
                && wanted.is_none_or(|wanted| cx.unify_protocol(&home, ast.protocol, wanted))
                && cx.is_bound(ast.target)
                && cx.is_bound(ast.protocol);
            if !fits {
                return None;
            }
            let TypeKind::Protocol(protocol) = *cx.kind_of_type(ast.protocol)? else { return None };
            if !cx.s.impl_index.instances.insert((id, protocol, ty)) {
                return None;
            }
            Some((protocol, cx.impl_methods(idx, protocol, ty)))
        });
        let Some((protocol, methods)) = made else { return };
        self.impls.push(ImplInfo {
            file,
            ast: idx,
            span,
            resolved: Some(Some((protocol, ty))),
            methods,
            checked: false,
            generic: false,
            of: Some(id),
        });
    }

    /// What can be said of a generic impl before there is a type for it: that its protocol is one, and that its target
    /// binds what it uses.
    pub(crate) fn check_generic_impl(&mut self, id: ImplId) {
        let info = &self.impls[id.0 as usize];
        let (file, idx) = (info.file, info.ast);
        let scope = self.file(file).scope;
        let begun = self.begin_at(self.impl_loc(id));
        self.with_static(file, scope, |cx| {
            let ast = *cx.ast.get(idx);
            let head = match *cx.ast.expr(ast.protocol) {
                Ast::Call { callee, .. } => callee,
                _ => ast.protocol,
            };
            match cx.entity(head, Some(TypeId::TYPE)) {
                Entity::Protocol(_) | Entity::Error => {}
                _ => {
                    let at = cx.span(head);
                    let text = &cx.s.file(file).file.text;
                    let text = text.get(at.lo as usize..at.hi as usize).unwrap_or("").to_string();
                    cx.error(Code::E0411, at, format!("`{text}` isn't a protocol"));
                }
            }
        });
        self.end_work(begun);
    }

    fn implements_twice(&self, protocol: ProtocolId, ty: TypeId) -> String {
        format!("`{}` implements `{}` twice", self.type_name(ty), self.types.protocol(protocol).name)
    }

    fn impl_loc(&self, id: ImplId) -> Loc {
        let info = &self.impls[id.0 as usize];
        Loc::new(info.file, info.span)
    }

    /// The impls of a pair, as a file sees them: its own before those that it imports before all others.
    fn impls_of(&mut self, protocol: ProtocolId, ty: TypeId, file: FileId) -> SmallVec<[ImplId; 1]> {
        let file = self.whole(file);
        let pair = (protocol, ty);
        self.make_impls(ty, Some(protocol));
        if !self.impl_index.by_pair.contains_key(&pair) {
            // Nothing may have been looked up yet through the import that has it.
            self.load_imports(file);
            self.make_impls(ty, Some(protocol));
        }
        let all = self.impl_index.by_pair.get(&pair).cloned().unwrap_or_default();
        if all.len() < 2 {
            return all;
        }
        let of = |id: &ImplId| self.whole(self.impls[id.0 as usize].file);
        if let Some(own) = all.iter().find(|id| of(id) == file) {
            return SmallVec::from_elem(*own, 1);
        }
        let imported: SmallVec<[ImplId; 1]> =
            all.iter().copied().filter(|id| self.imports_file(file, of(id))).collect();
        if imported.is_empty() { all } else { imported }
    }

    /// True when a type implements a protocol as far as a file sees.
    pub(crate) fn has_impl(&mut self, protocol: ProtocolId, ty: TypeId, file: FileId) -> bool {
        !self.impls_of(protocol, ty, file).is_empty()
    }

    /// The instances of a protocol with parameters that a type implements, as far as a file sees.
    pub(crate) fn protocols_of(
        &mut self,
        ty: TypeId,
        protocol: ProtoDeclId,
        file: FileId,
    ) -> SmallVec<[ProtocolId; 1]> {
        let is_it = |sema: &Sema, id: ProtocolId| sema.proto_info[id.0 as usize].decl == protocol;
        if let TypeKind::Protocol(id) = *self.types.kind(ty)
            && is_it(self, id)
        {
            return SmallVec::from_elem(id, 1);
        }
        let file = self.whole(file);
        let mut found = SmallVec::new();
        for round in 0..2 {
            self.make_impls(ty, None);
            for id in self.impl_index.by_type.get(&ty).cloned().unwrap_or_default() {
                let Some((of, _)) = self.resolve_impl(id) else { continue };
                if is_it(self, of) && !found.contains(&of) {
                    found.push(of);
                }
            }
            if round == 0 && found.is_empty() {
                // Nothing may have been looked up yet through the import that has it.
                self.load_imports(file);
            }
        }
        found
    }

    /// The function that an impl, or the protocol's default body, has for a method.
    pub(crate) fn impl_function(
        &mut self,
        id: ImplId,
        protocol: ProtocolId,
        target: TypeId,
        name: Sym,
    ) -> Option<FnId> {
        match self.impls[id.0 as usize].methods.get(&name) {
            Some(&decl) => match self.decl_value(decl) {
                DeclVal::Func(func) => Some(func),
                _ => None,
            },
            None => self.default_method(protocol, name, target),
        }
    }

    /// The impl that is meant at a place; several imported ones are reported there.
    pub(crate) fn choose_impl(&mut self, protocol: ProtocolId, ty: TypeId, loc: Loc) -> Option<ImplId> {
        let impls = self.impls_of(protocol, ty, loc.file);
        if let [first, second, ..] = impls[..]
            && self.impls[first.0 as usize].file != self.impls[second.0 as usize].file
        {
            let message = format!("{}, in two imported files", self.implements_twice(protocol, ty));
            let d = Diagnostic::error(Code::E0412, loc, message)
                .also(self.impl_loc(first), "one is here")
                .also(self.impl_loc(second), "the other is here")
                .help("an impl in this file would win over both");
            self.report(d);
        }
        impls.first().copied()
    }
}

/// So many types are named at most where another one is missing.
const MAX_NAMED: usize = 4;

impl<'b> Cx<'_, '_, 'b> {
    /// An impl's methods, in a scope where `Self` is its target.
    fn impl_methods(
        &mut self,
        idx: Idx<ImplDecl>,
        protocol: ProtocolId,
        target: TypeId,
    ) -> FxHashMap<Sym, DeclId> {
        let scope = self.self_scope(target);
        self.s.trace_scope(scope, || Origin::Impl(protocol, target, idx));
        let members = self.enter_members(self.ast.get(idx).members, scope, target);
        members.into_iter().map(|(name, member)| (name, member.decl)).collect()
    }

    /// Binds what a protocol's arguments say: `impl Into($T) for …` where `Into(i64)` is wanted.
    pub(super) fn unify_protocol(&mut self, home: &Pattern, pattern: ExprId, wanted: ProtocolId) -> bool {
        let Ast::Call { callee, args } = *self.ast.expr(pattern) else { return true };
        let info = self.s.proto_info[wanted.0 as usize].clone();
        match self.entity(callee, Some(TypeId::TYPE)) {
            Entity::Protocol(decl) if decl == info.decl => {}
            _ => return false,
        }
        let patterns = self.ast.list(args);
        patterns.len() == info.args.len()
            && patterns.iter().zip(info.args.iter()).all(|(arg, value)| match value {
                CVal::Type(ty) => self.unify(home, arg.value, *ty),
                _ => true,
            })
    }

    /// The kind of type that an expression names; none after a report.
    fn kind_of_type(&mut self, expr: ExprId) -> Option<&TypeKind> {
        let ty = self.resolve_type(expr);
        (ty != TypeId::ERROR).then(|| self.kind(ty))
    }

    /// A value as another type, by its `impl Into(…)`.
    pub(crate) fn convert_into(&mut self, e: E<'b>, target: TypeId, span: Span) -> Option<Val<'b>> {
        let into = self.s.core_protocol("Into")?;
        let wanted = self.protocol_type(into, Arc::from([CVal::Type(target)]), span);
        let TypeKind::Protocol(id) = *self.kind(wanted) else { return None };
        if !self.s.has_impl(id, e.ty, self.file) {
            return None;
        }
        let loc = self.loc(span);
        // What doesn't fit is reported there.
        if self.s.impl_funcs(id, e.ty, loc, self.inside()).is_none() {
            return Some(self.error_val(span));
        }
        let chosen = self.s.choose_impl(id, e.ty, loc)?;
        let name = self.s.sym("into");
        let decl = *self.s.impls[chosen.0 as usize].methods.get(&name)?;
        let DeclVal::Func(func) = self.s.decl_value(decl) else { return None };
        let receiver = self.of(e);
        Some(self.call_method(func, receiver, &[], span))
    }

    /// What to do about a type that doesn't implement a protocol.
    pub(crate) fn implement_help(&mut self, id: ProtocolId, ty: TypeId, have: &str, want: &str) -> String {
        let pairs = self.s.impl_index.by_pair.keys();
        let mut others: Vec<String> =
            pairs.filter(|(protocol, _)| *protocol == id).map(|(_, ty)| self.name_of(*ty)).collect();
        others.sort();
        let number = self.s.types.is_int(ty) || self.s.types.is_float(ty);
        if number && others.iter().any(|name| name == "f64") {
            return "convert it first: `cast(f64) …`".to_string();
        }
        // One doesn't write an impl for `string` because of one call.
        if self.s.members_of(ty).is_none() && !others.is_empty() {
            others.truncate(MAX_NAMED);
            return format!("types that do are `{}`", others.join("`, `"));
        }
        format!("write `impl {want} for {have} {{ … }}`")
    }

    /// A method that an impl gives a type.
    pub(crate) fn impl_method(&mut self, ty: TypeId, name: Sym) -> Option<FnId> {
        self.s.make_impls(ty, None);
        let mut impls = self.s.impl_index.by_type.get(&ty)?.clone();
        let file = self.s.whole(self.file);
        impls.sort_by_key(|id| self.s.whole(self.s.impls[id.0 as usize].file) != file);
        for id in impls {
            let Some((protocol, target)) = self.s.resolve_impl(id) else { continue };
            if let Some(&decl) = self.s.impls[id.0 as usize].methods.get(&name)
                && let DeclVal::Func(func) = self.s.decl_value(decl)
            {
                return Some(func);
            }
            self.s.complete_protocol(protocol);
            if let Some(func) = self.s.default_method(protocol, name, target) {
                return Some(func);
            }
        }
        None
    }
}
