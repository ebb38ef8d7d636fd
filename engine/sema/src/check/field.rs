//! What stands after a dot: namespace members, static members, fields, properties, methods.

use super::vector::LANE_NAMES;
use super::{Cx, Entity, Val};
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_syntax::ast::{Expr as Ast, ExprId, Ident};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// So many fields are listed where one isn't found.
const MAX_LISTED: usize = 8;

impl<'b> Cx<'_, '_, 'b> {
    /// What an expression stands for; values are checked with `expected`.
    pub(crate) fn entity(&mut self, expr: ExprId, expected: Option<TypeId>) -> Entity<'b> {
        match *self.ast.expr(expr) {
            Ast::Name(ident) => self.name_entity(ident),
            Ast::Field { base, name } => self.field_entity(base, name, self.span(expr)),
            Ast::TupleIndex { base, index } => {
                let span = self.span(expr);
                let e = self.check_settled(base);
                let e = self.auto_deref(e);
                Entity::Value(self.tuple_elem(e, index, span))
            }
            Ast::Paren(inner) => self.entity(inner, expected),
            Ast::Dollar { .. } => match self.entity_if_name(expr) {
                types @ Entity::Types(_) => types,
                _ => Entity::Value(self.check(expr, expected)),
            },
            _ => Entity::Value(self.check(expr, expected)),
        }
    }

    pub(crate) fn auto_deref(&mut self, e: E<'b>) -> E<'b> {
        match *self.kind(e.ty) {
            TypeKind::Ptr(of) if of != TypeId::VOID => self.mk(of, e.loc.span, Kind::Deref(e)),
            _ => e,
        }
    }

    fn field_entity(&mut self, base: ExprId, name: Ident, span: Span) -> Entity<'b> {
        let sym = self.ident(name);
        match self.entity(base, None) {
            Entity::Error => Entity::Error,
            Entity::Namespace(namespace) => match self.s.lookup_namespace(namespace, sym) {
                Some(decl) => self.decl_entity(decl, name.span),
                None => {
                    let message = format!("the module has nothing named `{}`", self.s.text(sym));
                    self.error(Code::E0107, name.span, message);
                    Entity::Error
                }
            },
            Entity::Value(val) if val.ty == TypeId::TYPE => {
                if let Ast::Name(pack) = *self.ast.expr(base)
                    && let Some(ty) = self.projected_type(self.ident(pack), sym, span)
                {
                    return Entity::Value(self.type_val(ty, span));
                }
                match self.fold_or_report(val.e) {
                    Some(CVal::Type(ty)) => self.static_member(ty, name, span),
                    _ => Entity::Error,
                }
            }
            Entity::Value(val) => {
                let e = self.settle(val, span);
                self.value_member(e, name, span)
            }
            Entity::Pack(locals) if self.s.text(sym) == "len" => {
                Entity::Value(self.untyped_int(locals.len() as i128, span))
            }
            Entity::Types(types) if self.s.text(sym) == "len" => {
                Entity::Value(self.untyped_int(types.len() as i128, span))
            }
            pack @ (Entity::Pack(_) | Entity::Types(_)) => self.pack_member(pack, base, name, span),
            Entity::Variant(ty, index) => {
                let val = self.variant_value(ty, index, None, span);
                self.value_member(val.e, name, span)
            }
            other => {
                let val = self.entity_value(other, span);
                if val.ty == TypeId::ERROR {
                    return Entity::Error;
                }
                // A function as a value has no members, which is said there.
                self.value_member(val.e, name, span)
            }
        }
    }

    /// `xs.T`; what else is asked of a pack is asked of each element, which a spread does.
    fn pack_member(&mut self, pack: Entity<'b>, base: ExprId, name: Ident, span: Span) -> Entity<'b> {
        if let Ast::Name(ident) = *self.ast.expr(base)
            && let Some(types) = self.projected_types(self.ident(ident), self.ident(name), name.span)
        {
            return Entity::Types(types);
        }
        if let Entity::Types(types) = pack {
            let val = self.types_value(&types, span);
            return self.value_member(val.e, name, span);
        }
        let text = self.ast.name(name.name).to_string();
        let pack = match *self.ast.expr(base) {
            Ast::Name(pack) => self.ast.name(pack.name),
            _ => "xs",
        };
        let message = format!("a pack has no `{text}`; its elements may have one");
        let help = format!("spread it, `..{pack}.{text}`, or ask each element in an `inline for`");
        self.error_help(Code::E0401, name.span, message, help);
        Entity::Error
    }

    /// `T.name`.
    fn static_member(&mut self, ty: TypeId, name: Ident, span: Span) -> Entity<'b> {
        let sym = self.ident(name);
        if ty == TypeId::ERROR {
            return Entity::Error;
        }
        if let Some(val) = self.limit(ty, sym, span) {
            return Entity::Value(val);
        }
        match *self.kind(ty) {
            TypeKind::Enum(id) => {
                self.s.complete_enum(id);
                let found = self.s.types.enum_def(id).variants.iter().position(|v| v.name == sym);
                if let Some(index) = found {
                    self.probe_member(ty, name);
                    return Entity::Variant(ty, index);
                }
            }
            TypeKind::ErrorSet(set) => {
                let tag = self.s.types.error_tag(sym);
                if self.s.types.error_set(set).tags.contains(&tag) {
                    return Entity::Value(self.val(ty, span, Kind::Int(tag as u64)));
                }
            }
            TypeKind::Array(_, len) if self.s.text(sym) == "len" => {
                return Entity::Value(self.untyped_int(len as i128, span));
            }
            TypeKind::Vector(_, lanes) if self.s.text(sym) == "len" => {
                return Entity::Value(self.untyped_int(lanes as i128, span));
            }
            _ => {}
        }
        if let Some(member) = self.member(ty, sym) {
            return self.decl_entity(member.decl, name.span);
        }
        if let Some(func) = self.impl_method(ty, sym) {
            self.probe_func(func, name.span);
            return Entity::Func(func);
        }
        if let Some(value) = self.type_argument(ty, sym) {
            return self.argument_entity(value, span);
        }
        self.no_member(ty, name, "has no member");
        Entity::Error
    }

    /// What a generic type's or protocol's parameter of this name stands for in one of its instances.
    fn type_argument(&self, ty: TypeId, name: Sym) -> Option<CVal> {
        let scope = match *self.kind(ty) {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                let info = self.s.struct_info(id);
                info.generic.as_ref()?;
                // The arguments are bound around the scope of the members.
                self.s.scopes[info.scope.0 as usize].parent?
            }
            TypeKind::Protocol(id) => self.s.proto_info[id.0 as usize].scope,
            _ => return None,
        };
        self.bound(scope, name)
    }

    fn argument_entity(&mut self, value: CVal, span: Span) -> Entity<'b> {
        match value {
            CVal::Pack(types) => Entity::Types(types),
            value => {
                let ty = super::nominal::cval_type(&value);
                Entity::Value(self.const_val(ty, &value, span))
            }
        }
    }

    pub(crate) fn member(&self, ty: TypeId, name: Sym) -> Option<Member> {
        self.s.members_of(ty).and_then(|(info, _)| info.members.get(&name).copied())
    }

    fn no_member(&mut self, ty: TypeId, name: Ident, what: &str) {
        // Whether or not anything needed its fields before: the advice names them.
        self.s.complete_deep(ty);
        let sym = self.ident(name);
        let text = self.s.text(sym).to_string();
        let message = format!("`{}` {what} `{text}`", self.name_of(ty));
        let mut d = Diagnostic::error(Code::E0401, self.loc(name.span), message);
        if let Some(help) = self.member_help(ty, &text) {
            d = d.help(help);
        } else if let Some(decl) = self.free_function(sym, name.span) {
            let at = Loc::new(decl.file, decl.span);
            d = d.also(at, "a function of this name takes no receiver").help(format!(
                "call it `{text}(…)`, or declare it as `{text} :: ufcs (…)` to have it behind a dot"
            ));
        } else if let Some(path) = self.s.declared_elsewhere(self.file, sym) {
            d = d.help(format!(
                "`{path}` declares `{text} :: ufcs (…)`, and isn't imported without a name here"
            ));
        } else if let Some(fields) = self.list_fields(ty) {
            d = d.note(fields);
        }
        self.report(d);
    }

    fn member_help(&mut self, ty: TypeId, text: &str) -> Option<String> {
        let mut known: Vec<String> = match *self.kind(ty) {
            TypeKind::Optional(_) => {
                return Some("the value may be null: use `?.`, `!`, or test it first".into());
            }
            TypeKind::Enum(id) => {
                let variants = self.s.types.enum_def(id).variants.iter();
                variants.map(|v| self.s.text(v.name).to_string()).collect()
            }
            TypeKind::String | TypeKind::Slice(_) => vec!["len".into(), "ptr".into()],
            TypeKind::Array(..) => vec!["len".into()],
            TypeKind::Vector(_, n) if LANE_NAMES.contains(&text) => {
                return Some(format!("it has {}", super::call::count(n as usize, "lane")));
            }
            TypeKind::Vector(..) => vec!["len".into()],
            _ => self.field_names(ty),
        };
        if let Some((info, _)) = self.s.members_of(ty) {
            known.extend(info.members.keys().map(|&k| self.s.text(k).to_string()));
        }
        if matches!(text, "length" | "size" | "count") && known.iter().any(|k| k == "len") {
            return Some("the number of elements is `len`".into());
        }
        crate::modules::nearest(text, known).map(|known| format!("did you mean `{known}`?"))
    }

    fn field_names(&self, ty: TypeId) -> Vec<String> {
        match *self.kind(ty) {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                let fields = self.s.types.struct_def(id).fields.iter();
                fields.map(|f| self.s.text(f.name).to_string()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The fields that a type does have, when they are few.
    pub(crate) fn list_fields(&self, ty: TypeId) -> Option<String> {
        let names = self.field_names(ty);
        if names.is_empty() || names.len() > MAX_LISTED {
            return None;
        }
        let verb = if names.len() == 1 { "its field is" } else { "its fields are" };
        Some(format!("{verb} `{}`", names.join("`, `")))
    }

    /// A visible function that a name means, when it isn't declared for the dot.
    fn free_function(&mut self, name: Sym, span: Span) -> Option<crate::sema::FnDecl> {
        if self.f.visible(name).is_some() {
            return None;
        }
        let Bound::Decl(decl) = self.lookup_static(name, span)? else { return None };
        match self.s.decl_value(decl) {
            DeclVal::Func(func) if !self.s.fn_decl(func).ufcs => Some(self.s.fn_decl(func).clone()),
            _ => None,
        }
    }

    /// `i64.max` and its kind.
    fn limit(&mut self, ty: TypeId, name: Sym, span: Span) -> Option<Val<'b>> {
        let text = self.s.text(name);
        if self.s.types.is_int(ty) {
            let (bits, signed) = self.s.types.int_repr(ty)?;
            let (min, max) = super::nominal::int_range(bits, signed);
            let n = match text {
                "max" => max,
                "min" => min,
                _ => return None,
            };
            return Some(self.val(ty, span, Kind::Int(n as u64)));
        }
        if !self.s.types.is_float(ty) {
            return None;
        }
        let single = ty == TypeId::F32;
        let pick = |s: f32, d: f64| if single { s as f64 } else { d };
        let x = match text {
            "max" => pick(f32::MAX, f64::MAX),
            "min" => pick(f32::MIN, f64::MIN),
            "min_positive" => pick(f32::MIN_POSITIVE, f64::MIN_POSITIVE),
            "epsilon" => pick(f32::EPSILON, f64::EPSILON),
            "inf" => f64::INFINITY,
            "nan" => f64::NAN,
            _ => return None,
        };
        Some(self.val(ty, span, Kind::Float(x)))
    }

    /// `v.name`, through one pointer.
    pub(crate) fn value_member(&mut self, e: E<'b>, name: Ident, span: Span) -> Entity<'b> {
        let sym = self.ident(name);
        if let Some(protocol) = self.view_of(e) {
            return self.view_member(protocol, e, name, span);
        }
        let receiver = e;
        let e = self.auto_deref(e);
        let ty = e.ty;
        if ty == TypeId::ERROR {
            return Entity::Error;
        }
        if ty == TypeId::NORETURN {
            return Entity::Value(self.of(e));
        }
        if let Some(val) = self.builtin_field(e, sym, span) {
            return Entity::Value(val);
        }
        if let Some(val) = self.data_member(e, sym, span) {
            self.probe_member(ty, name);
            return Entity::Value(val);
        }
        if let TypeKind::Protocol(id) = *self.kind(ty) {
            self.s.complete_protocol(id);
            let found = self.s.types.protocol(id).methods.iter().position(|m| m.name == sym);
            if let Some(index) = found {
                self.probe_method(id, name);
                let val = self.of(e);
                return Entity::ProtoMethod(val, index);
            }
        }
        if let Some(entity) = self.callable_member(receiver, ty, name, span) {
            return entity;
        }
        if let Some(entity) = self.using_member(e, name, span, 0) {
            return entity;
        }
        if let Some(func) = self.ufcs(sym, name.span) {
            let val = self.of(receiver);
            return Entity::Method(func, val);
        }
        if let Some(value) = self.type_argument(ty, sym) {
            return self.argument_entity(value, span);
        }
        if let TypeKind::Failable { .. } = self.kind(ty) {
            let d = Diagnostic::error(Code::E0601, self.loc(span), "the error of this call isn't handled")
                .help("use `try`, `catch` or `or` before taking a member");
            self.report(d);
            return Entity::Error;
        }
        self.no_member(ty, name, "has no field or method");
        Entity::Error
    }

    /// A constant, property or method of a type, or of an impl for it.
    fn callable_member(
        &mut self,
        receiver: E<'b>,
        ty: TypeId,
        name: Ident,
        span: Span,
    ) -> Option<Entity<'b>> {
        let sym = self.ident(name);
        if let Some(member) = self.member(ty, sym) {
            let func = match self.s.decl_value(member.decl) {
                DeclVal::Func(func) => func,
                _ => return Some(self.decl_entity(member.decl, name.span)),
            };
            self.probe_decl(member.decl, name.span);
            if self.accessor(func).is_some() {
                if member.setter == Some(member.decl) {
                    let message = format!("property `{}` can only be written", self.s.text(sym));
                    self.error(Code::E0408, span, message);
                    return Some(Entity::Error);
                }
                let val = self.of(receiver);
                return Some(Entity::Value(self.call_method(func, val, &[], span)));
            }
            if self.is_static_member(func, ty) {
                let (member, owner) = (self.s.text(sym).to_string(), self.name_of(ty));
                let message = format!("`{member}` takes no `{owner}`, so it is no method of a value");
                let help = format!("call it through the type: `{owner}.{member}(…)`");
                self.error_help(Code::E0401, name.span, message, help);
                return Some(Entity::Error);
            }
            let val = self.of(receiver);
            return Some(Entity::Method(func, val));
        }
        let func = self.impl_method(ty, sym)?;
        self.probe_func(func, name.span);
        let val = self.of(receiver);
        Some(Entity::Method(func, val))
    }

    /// True for a function inside a type whose first parameter is something else; generic ones are judged by
    /// inference.
    fn is_static_member(&mut self, func: FnId, owner: TypeId) -> bool {
        let decl = self.s.fn_decl(func).clone();
        if decl.generic || decl.owner != Some(owner) {
            return false;
        }
        let parsed = self.s.file(decl.file).file.clone();
        let first = parsed.ast.list(parsed.ast.get(decl.ast).params).first().map(|p| p.ty);
        let ty = match first {
            None => return true,
            Some(None) => return false,
            Some(Some(ty)) => self.elsewhere(decl.file, decl.scope, |cx| cx.resolve_type(ty)),
        };
        let to = if let TypeKind::Ptr(to) = *self.kind(ty) { to } else { ty };
        to != owner && ty != TypeId::ERROR
    }

    pub(crate) fn accessor(&self, func: FnId) -> Option<sx_syntax::ast::Accessor> {
        let decl = self.s.fn_decl(func);
        self.s.file(decl.file).file.ast.get(decl.ast).accessor
    }

    /// `len`, `ptr` and their kind.
    fn builtin_field(&mut self, e: E<'b>, name: Sym, span: Span) -> Option<Val<'b>> {
        let text = self.s.text(name);
        let (len, ptr) = (text == "len", text == "ptr");
        if !len && !ptr {
            return None;
        }
        let many = match *self.kind(e.ty) {
            TypeKind::String => TypeId::U8_MANY,
            TypeKind::Slice(elem) | TypeKind::SentinelSlice(elem) => {
                self.s.types.intern(TypeKind::ManyPtr(elem))
            }
            TypeKind::Array(_, n) if len => return Some(self.val(TypeId::I64, span, Kind::Int(n))),
            TypeKind::Vector(_, n) if len => return Some(self.val(TypeId::I64, span, Kind::Int(n as u64))),
            TypeKind::Array(elem, _) => {
                let ty = self.s.types.intern(TypeKind::ManyPtr(elem));
                let address = self.address_of(e);
                return Some(self.val(ty, span, Kind::Cast(Cast::Bits, address)));
            }
            _ => return None,
        };
        let (ty, offset) = if len { (TypeId::I64, 8) } else { (many, 0) };
        Some(self.val(ty, span, Kind::Field { base: e, offset }))
    }

    /// A field, tuple element by name, union member, or payload by its variant's name.
    pub(crate) fn data_member(&mut self, e: E<'b>, name: Sym, span: Span) -> Option<Val<'b>> {
        match self.kind(e.ty).clone() {
            TypeKind::Struct(id) => {
                self.s.complete_struct(id);
                let index = self.s.types.struct_def(id).fields.iter().position(|f| f.name == name)?;
                Some(self.field_of(e, index, span))
            }
            TypeKind::Union(id) => {
                self.s.complete_struct(id);
                let index = self.s.types.struct_def(id).fields.iter().position(|f| f.name == name)?;
                let ty = self.s.types.struct_def(id).fields[index].ty;
                Some(self.val(ty, span, Kind::Payload { base: e, tag: 0, checked: false }))
            }
            TypeKind::Enum(id) => {
                self.s.complete_enum(id);
                let variant = self.s.types.enum_def(id).variants.iter().find(|v| v.name == name)?;
                let (tag, payload) = (variant.value, variant.payload?);
                Some(self.val(payload, span, Kind::Payload { base: e, tag, checked: true }))
            }
            TypeKind::Vector(_, n) => {
                let text = self.s.text(name);
                let lane =
                    LANE_NAMES.iter().position(|&lane| lane == text).filter(|&lane| lane < n as usize)?;
                Some(self.lane_of(e, lane as u8, span))
            }
            TypeKind::Tuple(fields) => {
                let index = fields.iter().position(|f| f.name == Some(name))?;
                Some(self.tuple_elem(e, index as u32, span))
            }
            _ => None,
        }
    }

    /// The `index`th field of a struct.
    pub(crate) fn field_of(&mut self, e: E<'b>, index: usize, span: Span) -> Val<'b> {
        let TypeKind::Struct(id) = *self.kind(e.ty) else { return self.error_val(span) };
        let field = &self.s.types.struct_def(id).fields[index];
        let ty = field.ty;
        if ty == TypeId::ERROR || !self.ensure_layout(e.ty, e.loc) {
            return self.error_val(span);
        }
        let offset = self.s.types.field_offset(e.ty, index);
        self.val(ty, span, Kind::Field { base: e, offset })
    }

    pub(crate) fn tuple_elem(&mut self, e: E<'b>, index: u32, span: Span) -> Val<'b> {
        match self.kind(e.ty).clone() {
            TypeKind::Tuple(fields) => {
                let Some(field) = fields.get(index as usize) else {
                    let message = format!("`{}` has no element {index}", self.name_of(e.ty));
                    self.error(Code::E0401, span, message);
                    return self.error_val(span);
                };
                if !self.ensure_layout(e.ty, e.loc) {
                    return self.error_val(span);
                }
                let offset = self.s.types.field_offset(e.ty, index as usize);
                self.val(field.ty, span, Kind::Field { base: e, offset })
            }
            TypeKind::Error => self.error_val(span),
            _ => {
                let message = format!("`.{index}` needs a tuple, and this is `{}`", self.name_of(e.ty));
                self.error(Code::E0401, span, message);
                self.error_val(span)
            }
        }
    }

    /// A member of a `#using` field.
    fn using_member(&mut self, e: E<'b>, name: Ident, span: Span, depth: u32) -> Option<Entity<'b>> {
        let TypeKind::Struct(id) = *self.kind(e.ty) else { return None };
        if depth > 16 {
            return None;
        }
        let sym = self.ident(name);
        let using: Vec<usize> = self
            .s
            .types
            .struct_def(id)
            .fields
            .iter()
            .enumerate()
            .filter(|(_, f)| f.using)
            .map(|(i, _)| i)
            .collect();
        for index in using {
            let inner = self.field_of(e, index, span).e;
            let receiver = inner;
            let inner = self.auto_deref(inner);
            if let Some(val) = self.data_member(inner, sym, span) {
                self.probe_member(inner.ty, name);
                return Some(Entity::Value(val));
            }
            if let Some(entity) = self.callable_member(receiver, inner.ty, name, span) {
                return Some(entity);
            }
            if let Some(entity) = self.using_member(inner, name, span, depth + 1) {
                return Some(entity);
            }
        }
        None
    }

    /// A free function that was declared dot-callable.
    pub(super) fn ufcs(&mut self, name: Sym, span: Span) -> Option<FnId> {
        let decl = match self.f.visible(name) {
            Some(super::Entry::Decl(decl)) => *decl,
            Some(_) => return None,
            None => match self.lookup_static(name, span)? {
                Bound::Decl(decl) => decl,
                Bound::Const(..) => return None,
            },
        };
        match self.s.decl_value(decl) {
            DeclVal::Func(func) if self.s.fn_decl(func).ufcs => {
                self.probe_decl(decl, span);
                Some(func)
            }
            _ => None,
        }
    }

    /// The property behind `base.name`, when it is one: its setter, if any, and the receiver.
    pub(crate) fn property(&mut self, e: E<'b>, name: Sym) -> Option<(Member, E<'b>)> {
        let inner = self.auto_deref(e);
        if self.data_member(inner, name, e.loc.span).is_some() {
            return None;
        }
        let member = self.member(inner.ty, name)?;
        match self.s.decl_value(member.decl) {
            DeclVal::Func(func) if self.accessor(func).is_some() => Some((member, e)),
            _ => None,
        }
    }

    /// `.name`: a variant of the expected enum, a flag, or an error of the expected set.
    pub(crate) fn check_dot_name(&mut self, name: Ident, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let sym = self.ident(name);
        let Some(mut ty) = expected else {
            let message = format!("`.{}` doesn't say of which enum it is", self.s.text(sym));
            let help = "write the type before the dot, or give the variable a type";
            self.error_help(Code::E0203, span, message, help);
            return self.error_val(span);
        };
        while let TypeKind::Optional(of) = *self.kind(ty) {
            ty = of;
        }
        match *self.kind(ty) {
            TypeKind::Enum(id) => {
                self.s.complete_enum(id);
                match self.s.types.enum_def(id).variants.iter().position(|v| v.name == sym) {
                    Some(index) => {
                        self.probe_member(ty, name);
                        self.variant_value(ty, index, None, span)
                    }
                    None => {
                        if let Some(member) = self.member(ty, sym) {
                            let entity = self.decl_entity(member.decl, span);
                            return self.entity_value(entity, span);
                        }
                        self.unknown_variant(ty, name);
                        self.error_val(span)
                    }
                }
            }
            TypeKind::ErrorSet(_) => self.check_error_name(name, Some(ty), span),
            TypeKind::Struct(_) => match self.static_member(ty, name, span) {
                Entity::Value(val) => val,
                _ => self.error_val(span),
            },
            TypeKind::Error => self.error_val(span),
            _ => {
                let message =
                    format!("`{}` has no variants; `.{}` can't be one", self.name_of(ty), self.s.text(sym));
                self.error(Code::E0403, span, message);
                self.error_val(span)
            }
        }
    }

    pub(crate) fn unknown_variant(&mut self, ty: TypeId, name: Ident) {
        let sym = self.ident(name);
        let text = self.s.text(sym).to_string();
        let TypeKind::Enum(id) = *self.kind(ty) else { return };
        let names: Vec<String> =
            self.s.types.enum_def(id).variants.iter().map(|v| self.s.text(v.name).to_string()).collect();
        let message = format!("`{}` has no variant `{text}`", self.name_of(ty));
        let mut d = Diagnostic::error(Code::E0403, self.loc(name.span), message);
        let best = names.iter().map(|n| (crate::modules::edit_distance(n, &text), n)).min();
        if let Some((distance, best)) = best {
            if distance <= (text.len() / 3).max(1) {
                d = d.help(format!("did you mean `.{best}`?"));
            } else if names.len() <= 12 {
                let list: Vec<String> = names.iter().map(|n| format!("`.{n}`")).collect();
                d = d.note(format!("it has {}", list.join(", ")));
            }
        }
        self.report(d);
    }

    /// A variant with its payload.
    pub(crate) fn variant_value(
        &mut self,
        ty: TypeId,
        index: usize,
        payload: Option<E<'b>>,
        span: Span,
    ) -> Val<'b> {
        let TypeKind::Enum(id) = *self.kind(ty) else { return self.error_val(span) };
        let def = self.s.types.enum_def(id);
        let (tag, tagged) = (def.variants[index].value, def.tagged);
        if !tagged {
            return self.val(ty, span, Kind::Int(tag));
        }
        self.val(ty, span, Kind::Variant { tag, payload })
    }

    /// `.circle(2.0)`, `Shape.circle(2.0)`.
    pub(crate) fn call_variant(
        &mut self,
        ty: TypeId,
        index: usize,
        args: &[sx_syntax::ast::Arg],
        span: Span,
    ) -> Val<'b> {
        let TypeKind::Enum(id) = *self.kind(ty) else { return self.error_val(span) };
        let variant = self.s.types.enum_def(id).variants[index].clone();
        let name = self.s.text(variant.name).to_string();
        let Some(payload) = variant.payload else {
            for arg in args {
                self.check(arg.value, None);
            }
            let message = format!("variant `.{name}` has no payload");
            self.error_help(Code::E0407, span, message, format!("write `.{name}` without parentheses"));
            return self.error_val(span);
        };
        if args.len() != 1 || args[0].spread {
            let message = format!("variant `.{name}` takes one payload of type `{}`", self.name_of(payload));
            self.error(Code::E0407, span, message);
            return self.error_val(span);
        }
        let payload = self.check_as(args[0].value, payload);
        self.variant_value(ty, index, Some(payload), span)
    }
}
