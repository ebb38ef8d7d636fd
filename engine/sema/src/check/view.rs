//! `..xs: P`: values that keep their types and are seen through a protocol only.

use super::packs::projected_name;
use super::unify::Pattern;
use super::{Cx, Entity, Lit, Val};
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{ProtocolId, TypeId, TypeKind};
use crate::value::CVal;
use sx_syntax::ast::{Arg, Ident, Param};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// A method that is called without a table, with its receiver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ViewMethod<'b> {
    protocol: ProtocolId,
    index: usize,
    func: FnId,
    receiver: Val<'b>,
}

impl<'b> Cx<'_, '_, 'b> {
    /// Finds the protocol that each argument is seen through, and binds what its parameters are for each.
    pub(super) fn bind_views(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        param: &Param,
        protocol: ProtoDeclId,
        vals: &mut [Val<'b>],
        before: usize,
    ) -> bool {
        let fixed = self.fixed_view(decl, scope, param, protocol);
        if fixed == Some(TypeId::ERROR) {
            return false;
        }
        let mut views = Vec::with_capacity(vals.len());
        for (n, val) in vals.iter_mut().enumerate() {
            if val.lit != Lit::None {
                *val = self.literal_through(*val, protocol, fixed);
            }
            let found = match fixed.map(|ty| self.kind(ty).clone()) {
                Some(TypeKind::Protocol(id)) => self.implementer(id, val.ty).map(|_| id),
                _ => match self.open_view(decl, scope, param, protocol, *val) {
                    Ok(found) => found,
                    Err(()) => return false,
                },
            };
            let Some(view) = found else {
                self.not_viewable(decl, param, protocol, fixed, *val, before + n + 1);
                return false;
            };
            // What is wrong with an impl is said where it is written.
            let target = self.implementer(view, val.ty).unwrap_or(val.ty);
            let loc = val.e.loc;
            if !matches!(self.kind(target), TypeKind::Protocol(_))
                && self.s.impl_funcs(view, target, loc, self.inside()).is_none()
            {
                return false;
            }
            views.push(view);
        }
        let pack = self.s.file(decl.file).syms[param.name.name.index()];
        for (at, name) in self.s.protocol_params(protocol).into_iter().enumerate() {
            let arg = |view: &ProtocolId| self.s.proto_info[view.0 as usize].args[at].as_type();
            let types: Vec<TypeId> = views.iter().map(|v| arg(v).unwrap_or(TypeId::ERROR)).collect();
            let sym = self.s.projected(pack, name);
            self.bind(scope, sym, CVal::Pack(types.into()));
        }
        true
    }

    /// The protocol's type where it is written with all its arguments; none where each element has its own.
    fn fixed_view(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        param: &Param,
        protocol: ProtoDeclId,
    ) -> Option<TypeId> {
        let written = param.ty.expect("a pack seen through a protocol names it");
        self.elsewhere(decl.file, scope, |cx| {
            let called = matches!(cx.ast.expr(written), sx_syntax::ast::Expr::Call { .. });
            if called && cx.has_dollar(written) || !called && !cx.s.protocol_params(protocol).is_empty() {
                return None;
            }
            Some(cx.resolve_type(written))
        })
    }

    /// A literal takes the type that implements the protocol: of `i64` and `f64` the one that does.
    fn literal_through(&mut self, val: Val<'b>, protocol: ProtoDeclId, fixed: Option<TypeId>) -> Val<'b> {
        let span = val.e.loc.span;
        if let Lit::Int(_) = val.lit {
            let fits = |cx: &mut Self, ty| match fixed.map(|ty| cx.kind(ty).clone()) {
                Some(TypeKind::Protocol(id)) => cx.s.has_impl(id, ty, cx.file),
                _ => !cx.s.protocols_of(ty, protocol, cx.file).is_empty(),
            };
            if !fits(self, TypeId::I64) && fits(self, TypeId::F64) {
                let e = self.coerce(val, TypeId::F64, span);
                return self.of(e);
            }
        }
        let e = self.settle(val, span);
        self.of(e)
    }

    /// The type that implements a protocol for values of this type: itself, or what a pointer points at.
    pub(super) fn implementer(&mut self, protocol: ProtocolId, ty: TypeId) -> Option<TypeId> {
        let same = |kind: &TypeKind| matches!(*kind, TypeKind::Protocol(id) if id == protocol);
        if same(self.kind(ty)) || self.s.has_impl(protocol, ty, self.file) {
            return Some(ty);
        }
        let TypeKind::Ptr(of) = *self.kind(ty) else { return None };
        (same(self.kind(of)) || self.s.has_impl(protocol, of, self.file)).then_some(of)
    }

    /// The instance of a protocol with parameters that an argument implements; `Err` after a report.
    fn open_view(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        param: &Param,
        protocol: ProtoDeclId,
        val: Val<'b>,
    ) -> Result<Option<ProtocolId>, ()> {
        let mut found = self.s.protocols_of(val.ty, protocol, self.file);
        if found.is_empty()
            && let TypeKind::Ptr(of) = *self.kind(val.ty)
        {
            found = self.s.protocols_of(of, protocol, self.file);
        }
        let written = param.ty.expect("a pack seen through a protocol names it");
        let dollar = self.elsewhere(decl.file, decl.scope, |cx| cx.has_dollar(written));
        if dollar && found.len() == 1 {
            // `..xs: Source($T)`: one `T` for all of them.
            let home = Pattern::param(decl, scope);
            let fits = self.elsewhere(decl.file, scope, |cx| cx.unify_protocol(&home, written, found[0]));
            if !fits {
                let file = &self.s.file(decl.file).file;
                let at = file.ast.expr_span(written);
                let want = file.text.get(at.lo as usize..at.hi as usize).unwrap_or("").to_string();
                let have = self.s.types.protocol(found[0]).name.clone();
                let message = format!("expected `{want}`, found `{have}`");
                let d = Diagnostic::error(Code::E0201, val.e.loc, message)
                    .also(Loc::new(decl.file, param.span), "the parameter is declared here")
                    .note("all elements share what `$` stands for");
                self.report(d);
                return Err(());
            }
        }
        if found.len() > 1 {
            let mut names: Vec<&str> = found.iter().map(|id| &*self.s.types.protocol(*id).name).collect();
            names.sort_unstable();
            let message = format!("`{}` implements `{}`", self.name_of(val.ty), names.join("` and `"));
            let d = Diagnostic::error(Code::E0304, val.e.loc, message)
                .also(Loc::new(decl.file, param.span), "which one is meant can't be told")
                .help("name the protocol with its arguments in the parameter's type");
            self.report(d);
            return Err(());
        }
        Ok(found.first().copied())
    }

    fn not_viewable(
        &mut self,
        decl: &FnDecl,
        param: &Param,
        protocol: ProtoDeclId,
        fixed: Option<TypeId>,
        val: Val<'b>,
        position: usize,
    ) {
        if val.ty == TypeId::ERROR {
            return;
        }
        let have = self.name_of(val.ty);
        let want = match fixed {
            Some(ty) => self.name_of(ty),
            None => self.s.text(self.s.proto_decls[protocol.0 as usize].name).to_string(),
        };
        let function = self.s.text(decl.name).to_string();
        let message = format!("`{have}`, argument {position} of `{function}`, doesn't implement `{want}`");
        let help = match fixed.map(|ty| self.kind(ty).clone()) {
            Some(TypeKind::Protocol(id)) => self.implement_help(id, val.ty, &have, &want),
            _ => format!("write `impl {want}(…) for {have} {{ … }}`"),
        };
        let d = Diagnostic::error(Code::E0410, val.e.loc, message)
            .also(Loc::new(decl.file, param.span), "required here")
            .help(help);
        self.report(d);
    }

    // ---- inside the function ----

    /// The protocol through which the `n`th element of a parameter is seen, in the scope of its instance.
    pub(super) fn element_view(&mut self, protocol: ProtoDeclId, pack: Sym, n: usize) -> Option<ProtocolId> {
        let mut args = Vec::new();
        for name in self.s.protocol_params(protocol) {
            let sym = self.s.projected(pack, name);
            let Some(CVal::Pack(types)) = self.bound(self.scope, sym) else { return None };
            args.push(CVal::Type(*types.get(n)?));
        }
        let ty = self.protocol_type(protocol, args.into(), Span::at(0));
        match *self.kind(ty) {
            TypeKind::Protocol(id) => Some(id),
            _ => None,
        }
    }

    /// The protocol through which a value is seen: an element of a pack, a copy of one, or a pointer to one.
    pub(super) fn view_of(&self, e: E<'b>) -> Option<ProtocolId> {
        match e.kind {
            Kind::Local(local) => self.f.views.iter().find(|(l, _)| *l == local).map(|(_, view)| *view),
            Kind::Deref(inner) | Kind::AddrOf(inner) => self.view_of(inner),
            _ => None,
        }
    }

    /// True where a conversion leaves what is seen through a protocol a value of that protocol, or what it is.
    pub(super) fn stays_in_view(&self, e: E<'b>, target: TypeId) -> bool {
        if self.f.views.is_empty() {
            return true;
        }
        let Some(view) = self.view_of(e) else { return true };
        let same = |ty: TypeId| matches!(*self.kind(ty), TypeKind::Protocol(id) if id == view);
        match *self.kind(target) {
            TypeKind::Optional(of) => of == e.ty || same(of),
            _ => target == e.ty || same(target),
        }
    }

    /// `x.name` where `x` is seen through a protocol.
    pub(super) fn view_member(
        &mut self,
        protocol: ProtocolId,
        receiver: E<'b>,
        name: Ident,
        span: Span,
    ) -> Entity<'b> {
        let sym = self.ident(name);
        self.s.complete_protocol(protocol);
        let target = self.implementer(protocol, receiver.ty).unwrap_or(receiver.ty);
        if let Some(index) = self.s.types.protocol(protocol).methods.iter().position(|m| m.name == sym) {
            self.probe_method(protocol, name);
            if let TypeKind::Protocol(_) = self.kind(target) {
                let e = if target == receiver.ty { receiver } else { self.auto_deref(receiver) };
                return Entity::ProtoMethod(self.of(e), index);
            }
            let loc = self.loc(span);
            let chosen = self.s.choose_impl(protocol, target, loc);
            let func = chosen.and_then(|id| self.s.impl_function(id, protocol, target, sym));
            // An impl that lacks it has been reported.
            let Some(func) = func else { return Entity::Error };
            let receiver = self.of(receiver);
            return Entity::ViewMethod(self.b.alloc(ViewMethod { protocol, index, func, receiver }));
        }
        let info = self.s.proto_info[protocol.0 as usize].clone();
        let param = self.s.protocol_params(info.decl).iter().position(|&p| p == sym);
        if let Some(CVal::Type(ty)) = param.and_then(|at| info.args.get(at)) {
            return Entity::Value(self.type_val(*ty, span));
        }
        if let Some(func) = self.ufcs(sym, name.span) {
            return Entity::Method(func, self.of(receiver));
        }
        let want = self.s.types.protocol(protocol).name.clone();
        let message = format!("this is seen only through `{want}`, which has no `{}`", self.s.text(sym));
        let methods = self.s.types.protocol(protocol).methods.iter();
        let mut names: Vec<String> = methods.map(|m| self.s.text(m.name).to_string()).collect();
        let near = crate::modules::nearest(self.s.text(sym), names.clone());
        let mut d = Diagnostic::error(Code::E0401, self.loc(name.span), message);
        d = match near {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d.help("a pack of anything, `..$args`, lets each element be what it is"),
        };
        if !names.is_empty() {
            names.truncate(8);
            d = d.note(format!("it has `{}`", names.join("`, `")));
        }
        self.report(d);
        Entity::Error
    }

    /// A call of a method of a value that is seen through a protocol: arguments as the protocol declares them, for the
    /// function of the value's own type.
    pub(super) fn call_through(&mut self, view: ViewMethod<'b>, args: &[Arg], span: Span) -> Val<'b> {
        match self.protocol_args(view.protocol, view.index, args, span) {
            Some(values) => {
                let given: Vec<Val<'b>> = values.into_iter().map(|e| self.of(e)).collect();
                self.call_method(view.func, view.receiver, &given, span)
            }
            None => self.error_val(span),
        }
    }

    /// A value that something other than its protocol is asked of: an error for what is seen through one.
    pub(super) fn seen_whole(&mut self, val: Val<'b>, what: &str) -> Val<'b> {
        let Some(protocol) = self.view_of(val.e).filter(|_| val.lit == Lit::None) else { return val };
        let name = self.s.types.protocol(protocol).name.clone();
        let span = val.e.loc.span;
        let message = format!("this is seen only through `{name}`, and {what}");
        let help = "a pack of anything, `..$args`, lets each element be what it is";
        self.error_help(Code::E0204, span, message, help);
        self.error_val(span)
    }
}

impl Sema {
    /// The names of a protocol's parameters.
    pub(crate) fn protocol_params(&self, protocol: ProtoDeclId) -> Vec<Sym> {
        let decl = &self.proto_decls[protocol.0 as usize];
        let file = self.file(decl.file);
        let ast = &file.file.ast;
        ast.list(ast.get(decl.ast).params).iter().map(|p| file.syms[p.name.name.index()]).collect()
    }

    /// The name under which `xs.T` is bound.
    pub(crate) fn projected(&mut self, pack: Sym, member: Sym) -> Sym {
        let name = projected_name(self.text(pack), self.text(member));
        self.sym(&name)
    }
}
