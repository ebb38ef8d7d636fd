//! What names mean: locals, captured locals, static scopes, modules.

use super::view::ViewMethod;
use super::{Cx, Entry, Lit, Val};
use crate::modules::Found;
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use std::sync::Arc;
use sx_syntax::ast::{Expr as Ast, ExprId, Ident};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// What an expression stands for where more than values are possible.
#[derive(Clone, Debug)]
pub(crate) enum Entity<'b> {
    Value(Val<'b>),
    Func(FnId),
    /// A method found through a value: the function and its receiver.
    Method(FnId, Val<'b>),
    Generic(GenericId),
    /// `Vector`, without its arguments.
    Vector,
    Namespace(NamespaceId),
    Library(Sym),
    Protocol(ProtoDeclId),
    Pack(Arc<[LocalId]>),
    /// A pack of types, or the types of a pack.
    Types(Arc<[TypeId]>),
    /// A method of a protocol value.
    ProtoMethod(Val<'b>, usize),
    /// A method of a value that is seen through a protocol.
    ViewMethod(&'b ViewMethod<'b>),
    /// `Shape.circle`, before its payload.
    Variant(TypeId, usize),
    Error,
}

impl<'b> Cx<'_, '_, 'b> {
    /// A name's meaning, innermost first.
    pub(crate) fn lookup(&mut self, sym: Sym, span: Span) -> Option<Entry> {
        if let Some(entry) = self.f.entry(sym) {
            return Some(entry.clone());
        }
        if self.f.parent.is_some()
            && let Some(entry) = self.lookup_captured(sym, span)
        {
            return Some(entry);
        }
        None
    }

    /// A name's meaning in the static scopes and the module.
    pub(crate) fn lookup_static(&mut self, sym: Sym, span: Span) -> Option<Bound> {
        let mut at = Some(self.scope);
        let mut file = self.file;
        while let Some(id) = at {
            let scope = &self.s.scopes[id.0 as usize];
            if let Some((_, bound)) = scope.names.iter().rev().find(|(s, _)| *s == sym) {
                return Some(bound.clone());
            }
            file = scope.file;
            at = scope.parent;
        }
        match self.s.lookup_module(file, sym) {
            Found::Decl(decl) => Some(Bound::Decl(decl)),
            Found::Ambiguous(a, b) => {
                let (a, b) = (self.s.decl(a).clone(), self.s.decl(b).clone());
                let message = format!("`{}` is ambiguous: two imports declare it", self.s.text(sym));
                let d = Diagnostic::error(Code::E0102, self.loc(span), message)
                    .also(Loc::new(a.file, a.span), "one is here")
                    .also(Loc::new(b.file, b.span), "the other is here")
                    .help("import one of them under a name: `m :: #import \"…\";`");
                self.report(d);
                Some(Bound::Const(TypeId::ERROR, CVal::Zero))
            }
            Found::None => None,
        }
    }

    pub(crate) fn name_entity(&mut self, ident: Ident) -> Entity<'b> {
        let sym = self.ident(ident);
        if let Some(entry) = self.lookup(sym, ident.span) {
            return match entry {
                Entry::Local(local) => Entity::Value(self.read_local(local, ident.span)),
                Entry::Decl(decl) => self.decl_entity(decl, ident.span),
                Entry::Pack(locals) => Entity::Pack(locals),
            };
        }
        match self.lookup_static(sym, ident.span) {
            Some(Bound::Decl(decl)) => self.decl_entity(decl, ident.span),
            Some(Bound::Const(ty, value)) => self.const_entity(ty, &value, ident.span),
            None => self.builtin_name(ident, sym),
        }
    }

    /// Names that no declaration has: the context, and what is known of the build.
    fn builtin_name(&mut self, ident: Ident, sym: Sym) -> Entity<'b> {
        let span = ident.span;
        match self.s.text(sym) {
            "context" => match self.context_type(span) {
                Some(ty) => Entity::Value(self.val(ty, span, Kind::Context)),
                None => Entity::Error,
            },
            "POINTER_SIZE" => {
                let size = self.s.types.target.ptr_size;
                Entity::Value(self.untyped_int(size as i128, span))
            }
            name @ ("BUILD_MODE" | "OS" | "ARCH") => {
                let options = &self.s.options;
                let text = match name {
                    "OS" => &options.os,
                    "ARCH" => &options.arch,
                    _ => &options.build_mode,
                };
                let bytes = self.b.alloc_slice_copy(text.as_bytes());
                Entity::Value(self.val(TypeId::STRING, span, Kind::Str(bytes)))
            }
            "Vector" => Entity::Vector,
            _ => {
                self.unknown_name(ident, sym);
                Entity::Error
            }
        }
    }

    fn unknown_name(&mut self, ident: Ident, sym: Sym) {
        let text = self.s.text(sym).to_string();
        let mut d = Diagnostic::error(
            Code::E0101,
            self.loc(ident.span),
            format!("nothing named `{text}` is visible here"),
        );
        let locals = self.f.entries.iter().map(|(s, _)| self.s.text(*s).to_string());
        let local = crate::modules::nearest(&text, locals.filter(|name| !name.is_empty()));
        if let Some(similar) = local.or_else(|| self.s.similar_name(self.file, &text)) {
            d = d.help(format!("did you mean `{similar}`?"));
        } else if text.strip_prefix(['i', 'u']).is_some_and(|n| n.parse::<u64>().is_ok()) {
            d = d.help("integers have 1 to 64 bits: `i1` to `i64`, `u1` to `u64`");
        }
        self.report(d);
    }

    pub(crate) fn decl_entity(&mut self, decl: DeclId, span: Span) -> Entity<'b> {
        self.probe_decl(decl, span);
        match self.s.decl_value(decl) {
            DeclVal::Error => Entity::Error,
            DeclVal::Const(ty, value) => self.const_entity(ty, &value, span),
            DeclVal::Func(func) => Entity::Func(func),
            DeclVal::Generic(generic) => Entity::Generic(generic),
            DeclVal::Global(global, ty) => Entity::Value(self.val(ty, span, Kind::Global(global))),
            DeclVal::ExternVar(ext, ty) => {
                let ptr = self.s.types.ptr(ty);
                let addr = self.mk(ptr, span, Kind::ExternAddr(ext));
                Entity::Value(self.val(ty, span, Kind::Deref(addr)))
            }
            DeclVal::Namespace(namespace) => Entity::Namespace(namespace),
            DeclVal::Library(name) => Entity::Library(name),
            DeclVal::Protocol(protocol) => Entity::Protocol(protocol),
        }
    }

    /// Notes a use of a declaration for a session that asks.
    pub(crate) fn probe_decl(&mut self, decl: DeclId, span: Span) {
        if self.s.watch.is_some() {
            let declared = Loc::new(self.s.decl(decl).file, self.s.decl(decl).span);
            self.s.probe_use(self.loc(span), declared);
        }
    }

    fn const_entity(&mut self, ty: TypeId, value: &CVal, span: Span) -> Entity<'b> {
        if ty == TypeId::ERROR {
            return Entity::Error;
        }
        if let CVal::Pack(types) = value {
            return Entity::Types(types.clone());
        }
        Entity::Value(self.const_val(ty, value, span))
    }

    /// A constant as an expression.
    pub(crate) fn const_val(&mut self, ty: TypeId, value: &CVal, span: Span) -> Val<'b> {
        match (ty, value) {
            (TypeId::UNTYPED_INT, CVal::Int(n)) => return self.untyped_int(*n, span),
            (TypeId::UNTYPED_FLOAT, CVal::Float(bits)) => {
                return self.untyped_float(f64::from_bits(*bits), span);
            }
            (TypeId::UNTYPED_NULL, _) => {
                let e = self.mk(ty, span, Kind::Zero);
                return Val { ty, e, lit: Lit::Null };
            }
            _ => {}
        }
        let kind = match value {
            CVal::Int(n) => Kind::Int(*n as u64),
            CVal::Bool(b) => Kind::Int(*b as u64),
            CVal::Float(bits) => Kind::Float(f64::from_bits(*bits)),
            CVal::Str(bytes) => {
                let bytes = self.b.alloc_slice_copy(bytes);
                if ty == TypeId::CSTRING { Kind::CStr(bytes) } else { Kind::Str(bytes) }
            }
            CVal::Type(t) => Kind::Int(t.0 as u64),
            CVal::Zero => Kind::Zero,
            CVal::Undef => Kind::Undef,
            CVal::Func(func) => Kind::FuncValue(*func),
            CVal::CFunc(func) => Kind::CFuncValue(*func),
            CVal::Extern(ext) => Kind::ExternAddr(*ext),
            CVal::Closure(func) => Kind::Closure { func: *func, captures: &[], alloc: None },
            CVal::Pack(_) => Kind::Zero,
            CVal::Agg(_)
            | CVal::Variant(..)
            | CVal::Some(_)
            | CVal::Slice(_)
            | CVal::Frozen(..)
            | CVal::GlobalAddr(..)
            | CVal::DataAddr(..)
            | CVal::Protocol(..) => {
                let loc = self.loc(span);
                self.ensure_layout(ty, loc);
                let data = self.s.frozen(ty, value);
                Kind::ConstData(data)
            }
        };
        self.val(ty, span, kind)
    }

    /// Reads a local: captured, narrowed, guarded by an error.
    pub(crate) fn read_local(&mut self, local: LocalId, span: Span) -> Val<'b> {
        if self.s.watch.is_some() {
            let declared = self.f.locals[local.0 as usize].loc;
            self.s.probe_use(self.loc(span), declared);
        }
        let e = self.local_expr(local, span);
        if let Some(&(_, err)) = self.f.guards.iter().find(|(value, _)| *value == local)
            && !self.is_proven_null(err)
        {
            let name = self.f.locals[local.0 as usize].name.clone();
            let err = self.f.locals[err.0 as usize].name.clone();
            let message = format!("`{name}` is read before `{err}` is proven null");
            let help = format!("test it first: `if !{err} {{ … }}`, or `if {err} {{ return …; }}`");
            self.error_help(Code::E0605, span, message, help);
        }
        if self.is_proven_value(local)
            && let TypeKind::Optional(of) = *self.kind(e.ty)
        {
            return self.val(of, span, Kind::OptPayload(e));
        }
        self.of(e)
    }

    /// A local without narrowing: what is assigned, and what `!`, `??`, `?.` and null tests look at.
    pub(crate) fn raw_local(&mut self, expr: ExprId) -> Option<E<'b>> {
        let mut expr = expr;
        while let Ast::Paren(inner) = *self.ast.expr(expr) {
            expr = inner;
        }
        let Ast::Name(ident) = *self.ast.expr(expr) else { return None };
        let sym = self.ident(ident);
        match self.lookup(sym, ident.span) {
            Some(Entry::Local(local)) => Some(self.local_expr(local, ident.span)),
            _ => None,
        }
    }

    /// An entity where a value is needed.
    pub(crate) fn entity_value(&mut self, entity: Entity<'b>, span: Span) -> Val<'b> {
        let what = match entity {
            Entity::Value(val) => return val,
            Entity::Error => return self.error_val(span),
            Entity::Func(func) => return self.func_value(func, span),
            Entity::Variant(ty, index) => return self.variant_value(ty, index, None, span),
            Entity::Types(types) => return self.types_value(&types, span),
            Entity::Method(..) | Entity::ProtoMethod(..) | Entity::ViewMethod(_) => {
                "a method; call it, or wrap it in a lambda"
            }
            Entity::Generic(_) | Entity::Vector => "a generic type; give it arguments",
            Entity::Namespace(_) => "a namespace",
            Entity::Library(_) => "a library",
            Entity::Protocol(proto) => {
                let ty = self.protocol_type(proto, std::sync::Arc::from([]), span);
                return if ty == TypeId::ERROR { self.error_val(span) } else { self.type_val(ty, span) };
            }
            Entity::Pack(_) => "a pack; index it, spread it, or loop over it with `inline for`",
        };
        self.error(Code::E0108, span, format!("a value is needed here, and this is {what}"));
        self.error_val(span)
    }
}
