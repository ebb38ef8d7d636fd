//! Structs, unions, enums, error sets and generic types: declared first, completed when their insides are needed.

use super::{Asked, Cx};
use crate::comptime::Origin;
use crate::sema::*;
use crate::symbols::Sym;
use crate::types::*;
use crate::value::CVal;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use sx_syntax::ast::{Accessor, EnumExpr, Expr as Ast, ExprId, Idx, Member as AstMember, Range, StructExpr};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Span};

impl<'b> Cx<'_, '_, 'b> {
    /// The type that a struct, union, enum or error-set expression makes in this scope: one per expression and
    /// scope, so that an instance's types are its own.
    pub(crate) fn nominal_type(&mut self, expr: ExprId, name: &str) -> TypeId {
        let key = (self.file, expr, self.scope);
        if let Some(&ty) = self.s.local_types.get(&key) {
            return ty;
        }
        let asked = Asked { within: self.inside(), loc: None };
        let ty = match *self.ast.expr(expr) {
            Ast::Struct(idx) => self.declare_struct(idx, name, false, None, asked),
            Ast::Union(idx) => self.declare_struct(idx, name, true, None, asked),
            Ast::Enum(idx) => self.declare_enum(idx, name),
            Ast::ErrorSet(names) => {
                let mut tags = Vec::new();
                for &ident in self.ast.list(names) {
                    let sym = self.ident(ident);
                    let tag = self.s.types.error_tag(sym);
                    if tags.contains(&tag) {
                        let message = format!("`{}` is in the set twice", self.s.text(sym));
                        self.error(Code::E0409, ident.span, message);
                    } else {
                        tags.push(tag);
                    }
                }
                tags.sort_unstable();
                self.s.types.error_sets.push(ErrorSetDef { name: name.to_string(), tags, inferred: false });
                let id = ErrorSetId(self.s.types.error_sets.len() as u32 - 1);
                self.s.types.intern(TypeKind::ErrorSet(id))
            }
            _ => unreachable!("only nominal type expressions come here"),
        };
        self.s.local_types.insert(key, ty);
        if let Some(traces) = &mut self.s.traces {
            traces.made_type(ty, key, name);
        }
        ty
    }

    fn declare_struct(
        &mut self,
        idx: Idx<StructExpr>,
        name: &str,
        is_union: bool,
        generic: Option<(GenericId, Arc<[CVal]>)>,
        asked: Asked,
    ) -> TypeId {
        let ast = *self.ast.get(idx);
        let align = match ast.align {
            Some(expr) => self.alignment(expr),
            None => 1,
        };
        let loc = self.loc(self.member_span(ast.members));
        self.s.types.structs.push(StructDef {
            name: name.to_string(),
            fields: Vec::new(),
            packed: ast.packed,
            align,
            is_union,
            complete: false,
            loc,
        });
        let id = StructId(self.s.types.structs.len() as u32 - 1);
        let kind = if is_union { TypeKind::Union(id) } else { TypeKind::Struct(id) };
        let ty = self.s.types.intern(kind);
        let scope = self.self_scope(ty);
        self.s.trace_scope(scope, || Origin::Of(ty));
        let members = self.enter_members(ast.members, scope, ty);
        self.s.struct_info.push(NominalInfo {
            file: self.file,
            scope,
            members,
            source: NominalSource::Struct(idx),
            busy: false,
            defaults: Vec::new(),
            generic,
            asked,
        });
        ty
    }

    fn declare_enum(&mut self, idx: Idx<EnumExpr>, name: &str) -> TypeId {
        let ast = *self.ast.get(idx);
        let tag = match ast.backing {
            Some(backing) => {
                let ty = self.resolve_type(backing);
                if ty != TypeId::ERROR && !self.s.types.is_int(ty) {
                    let span = self.span(backing);
                    let message =
                        format!("an enum's tag must be an integer type, not `{}`", self.name_of(ty));
                    self.error(Code::E0201, span, message);
                    TypeId::I64
                } else if ty == TypeId::ERROR {
                    TypeId::I64
                } else {
                    ty
                }
            }
            None => TypeId::I64,
        };
        let variants = self.ast.list(ast.variants);
        let loc = self.loc(variants.first().map_or(Span::at(0), |v| v.name.span));
        self.s.types.enums.push(EnumDef {
            name: name.to_string(),
            tag,
            flags: ast.flags,
            variants: Vec::new(),
            tagged: variants.iter().any(|v| v.payload.is_some()),
            complete: false,
            loc,
        });
        let id = EnumId(self.s.types.enums.len() as u32 - 1);
        let ty = self.s.types.intern(TypeKind::Enum(id));
        let scope = self.self_scope(ty);
        self.s.trace_scope(scope, || Origin::Of(ty));
        let members = self.enter_members(ast.members, scope, ty);
        self.s.enum_info.push(NominalInfo {
            file: self.file,
            scope,
            members,
            source: NominalSource::Enum(idx),
            busy: false,
            defaults: Vec::new(),
            generic: None,
            asked: Asked::default(),
        });
        ty
    }

    /// A scope in which `Self` is a type.
    pub(super) fn self_scope(&mut self, ty: TypeId) -> ScopeId {
        let name = self.s.sym("Self");
        self.s.new_scope(
            Some(self.scope),
            self.file,
            vec![(name, Bound::Const(TypeId::TYPE, CVal::Type(ty)))],
        )
    }

    fn member_span(&self, members: Range<AstMember>) -> Span {
        match self.ast.list(members).first() {
            Some(AstMember::Field { names, .. }) => {
                self.ast.list(*names).first().map_or(Span::at(0), |n| n.span)
            }
            Some(AstMember::Const(idx)) => self.ast.get(*idx).name.span,
            None => Span::at(0),
        }
    }

    /// Enters constants, methods and properties by name; a getter and a setter may share one.
    pub(crate) fn enter_members(
        &mut self,
        members: Range<AstMember>,
        scope: ScopeId,
        owner: TypeId,
    ) -> FxHashMap<Sym, Member> {
        let mut table: FxHashMap<Sym, Member> = FxHashMap::default();
        for member in self.ast.list(members) {
            let AstMember::Const(idx) = *member else { continue };
            let ast = *self.ast.get(idx);
            let sym = self.ident(ast.name);
            let accessor = match *self.ast.expr(ast.value) {
                Ast::Func(func) => self.ast.get(func).accessor,
                _ => None,
            };
            let kind = DeclKind::Const(idx);
            let decl = self.s.new_decl(sym, self.file, scope, kind, Some(owner), ast.name.span);
            match table.get_mut(&sym) {
                None if accessor == Some(Accessor::Set) => {
                    table.insert(sym, Member { decl, setter: Some(decl) });
                }
                None => {
                    table.insert(sym, Member { decl, setter: None });
                }
                Some(first) => {
                    let has_get = first.setter != Some(first.decl);
                    match accessor {
                        Some(Accessor::Set) if first.setter.is_none() => first.setter = Some(decl),
                        Some(Accessor::Get) if !has_get => first.decl = decl,
                        _ => {
                            let before = self.s.decl(first.decl).span;
                            let message = format!("`{}` is declared twice", self.s.text(sym));
                            let d = Diagnostic::error(Code::E0409, self.loc(ast.name.span), message)
                                .also(self.loc(before), "declared here first");
                            self.report(d);
                        }
                    }
                }
            }
        }
        table
    }

    fn alignment(&mut self, expr: ExprId) -> u32 {
        let span = self.span(expr);
        match self.const_int(expr) {
            Some(n) if (1..=4096).contains(&n) && (n as u32).is_power_of_two() => n as u32,
            Some(n) => {
                self.error(
                    Code::E0803,
                    span,
                    format!("an alignment must be a power of two up to 4096, not {n}"),
                );
                1
            }
            None => 1,
        }
    }

    /// `List(i64)`: the type for these arguments.
    pub(crate) fn instantiate_type(&mut self, generic: GenericId, args: Arc<[CVal]>, span: Span) -> TypeId {
        if args.iter().any(|a| a.as_type() == Some(TypeId::ERROR)) {
            return TypeId::ERROR;
        }
        let key = (generic, args.clone());
        if let Some(&ty) = self.s.generic_ids.get(&key) {
            self.s.link_type(ty);
            return ty;
        }
        if self.refuse_atomic_aggregate(generic, &args, span) {
            return TypeId::ERROR;
        }
        let asked = Asked { within: self.inside(), loc: Some(self.loc(span)) };
        if self.s.generic_ids.len() as u32 >= self.s.options.max_instances
            || self.type_depth(&args) > 64
            || self.s.chain_depth(asked.within) > self.s.options.max_instance_depth
        {
            self.error(Code::E0306, span, "generic types nest without end");
            return TypeId::ERROR;
        }
        let g = self.s.generics[generic.0 as usize].clone();
        let shown: Vec<String> = args.iter().map(|a| self.show_cval(a)).collect();
        let name = format!("{}({})", self.s.text(g.name), shown.join(", "));
        self.elsewhere(g.file, g.scope, |cx| {
            let params = cx.ast.list(cx.ast.get(g.ast).params);
            let mut names = Vec::with_capacity(params.len());
            for (param, arg) in params.iter().zip(args.iter()) {
                let sym = cx.ident(param.name);
                let ty = match (arg, param.ty) {
                    (CVal::Slice(_), Some(list)) => cx.resolve_type(list),
                    _ => cval_type(arg),
                };
                names.push((sym, Bound::Const(ty, arg.clone())));
            }
            cx.scope = cx.s.new_scope(Some(g.scope), g.file, names);
            let ty = cx.declare_struct(g.ast, &name, g.is_union, Some((generic, args.clone())), asked);
            cx.s.generic_ids.insert(key, ty);
            cx.s.trace_scope(cx.scope, || Origin::Arguments(ty));
            cx.s.link_type(ty);
            ty
        })
    }

    fn type_depth(&self, args: &[CVal]) -> usize {
        types_in(args).map(|ty| self.nesting(ty, 0)).max().unwrap_or(0)
    }

    fn nesting(&self, ty: TypeId, depth: usize) -> usize {
        if depth > 80 {
            return depth;
        }
        match *self.kind(ty) {
            TypeKind::Ptr(t) | TypeKind::Slice(t) | TypeKind::Optional(t) | TypeKind::Array(t, _) => {
                self.nesting(t, depth + 1)
            }
            TypeKind::Struct(id) | TypeKind::Union(id) => match &self.s.struct_info(id).generic {
                Some((_, args)) => types_in(args).map(|t| self.nesting(t, depth + 1)).max().unwrap_or(depth),
                None => depth,
            },
            TypeKind::Tuple(ref fields) => {
                fields.iter().map(|f| self.nesting(f.ty, depth + 1)).max().unwrap_or(depth)
            }
            _ => depth,
        }
    }

    pub(crate) fn show_cval(&self, value: &CVal) -> String {
        match value {
            CVal::Type(ty) => self.name_of(*ty),
            CVal::Int(n) => n.to_string(),
            CVal::Bool(b) => b.to_string(),
            CVal::Float(bits) => f64::from_bits(*bits).to_string(),
            CVal::Str(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                let short: String = text.chars().take(24).collect();
                let dots = if short.len() < text.len() { "…" } else { "" };
                format!("{:?}", format!("{short}{dots}"))
            }
            CVal::Pack(types) => {
                let types: Vec<String> = types.iter().map(|&t| self.name_of(t)).collect();
                types.join(", ")
            }
            CVal::Slice(values) => {
                let values: Vec<String> = values.iter().map(|v| self.show_cval(v)).collect();
                values.join(", ")
            }
            _ => "…".to_string(),
        }
    }
}

/// The types among compile-time arguments, those of packs too.
fn types_in(args: &[CVal]) -> impl Iterator<Item = TypeId> + '_ {
    args.iter().flat_map(|arg| match arg {
        CVal::Type(ty) => std::slice::from_ref(ty).iter().copied(),
        CVal::Pack(types) => types.iter().copied(),
        _ => [].iter().copied(),
    })
}

/// The type under which a compile-time argument is bound.
pub(crate) fn cval_type(value: &CVal) -> TypeId {
    match value {
        CVal::Type(_) | CVal::Pack(_) => TypeId::TYPE,
        CVal::Int(_) => TypeId::I64,
        CVal::Bool(_) => TypeId::BOOL,
        CVal::Float(_) => TypeId::F64,
        CVal::Str(_) => TypeId::STRING,
        _ => TypeId::ERROR,
    }
}

impl Sema {
    pub(crate) fn complete_struct(&mut self, id: StructId) {
        if self.types.struct_def(id).complete || self.struct_info(id).busy {
            return;
        }
        self.struct_info[id.0 as usize].busy = true;
        let info = self.struct_info(id);
        let (file, scope) = (info.file, info.scope);
        let NominalSource::Struct(idx) = info.source else { return };
        let begun = self.begin_type(TypeKind::Struct(id));
        let (fields, defaults) = self.with_static(file, scope, |cx| {
            cx.f.ty = Some(id);
            cx.struct_fields(idx)
        });
        self.end_work(begun);
        self.struct_info[id.0 as usize].defaults = defaults;
        if self.types.struct_def(id).complete {
            // Its layout was asked for meanwhile, and refused.
            self.forget_layout(TypeKind::Struct(id));
            self.forget_layout(TypeKind::Union(id));
        }
        let def = &mut self.types.structs[id.0 as usize];
        def.fields = fields;
        def.complete = true;
        self.struct_info[id.0 as usize].busy = false;
    }

    /// Makes a type's layout be judged anew.
    fn forget_layout(&mut self, kind: TypeKind) {
        let ty = self.types.intern(kind);
        self.types.forget_layout(ty);
        if let Some(done) = self.laid_out.get_mut(ty.0 as usize) {
            *done = false;
        }
    }

    pub(crate) fn complete_enum(&mut self, id: EnumId) {
        if self.types.enum_def(id).complete || self.enum_info(id).busy {
            return;
        }
        self.enum_info[id.0 as usize].busy = true;
        let info = self.enum_info(id);
        let (file, scope) = (info.file, info.scope);
        let NominalSource::Enum(idx) = info.source else { return };
        let begun = self.begin_type(TypeKind::Enum(id));
        let variants = self.with_static(file, scope, |cx| cx.enum_variants(id, idx));
        self.end_work(begun);
        if self.types.enum_def(id).complete {
            self.forget_layout(TypeKind::Enum(id));
        }
        let def = &mut self.types.enums[id.0 as usize];
        def.variants = variants;
        def.complete = true;
        self.enum_info[id.0 as usize].busy = false;
    }

    /// A type's constants, methods and properties.
    pub(crate) fn members_of(&self, ty: TypeId) -> Option<(&NominalInfo, FileId)> {
        let info = match *self.types.kind(ty) {
            TypeKind::Struct(id) | TypeKind::Union(id) => self.struct_info(id),
            TypeKind::Enum(id) => self.enum_info(id),
            _ => return None,
        };
        Some((info, info.file))
    }
}

impl<'b> Cx<'_, '_, 'b> {
    fn struct_fields(&mut self, idx: Idx<StructExpr>) -> (Vec<Field>, Vec<Option<ExprId>>) {
        let members = self.ast.list(self.ast.get(idx).members);
        let mut fields: Vec<Field> = Vec::new();
        let mut defaults = Vec::new();
        for member in members {
            let AstMember::Field { names, ty, default, using, .. } = *member else { continue };
            let span = self.ast.list(names).first().map_or(Span::at(0), |n| n.span);
            let field_ty = match (ty, default) {
                (Some(ty), _) => self.resolve_type(ty),
                (None, Some(default)) => {
                    let val = self.check(default, None);
                    self.settle(val, span).ty
                }
                (None, None) => TypeId::ERROR,
            };
            let ok = field_ty == TypeId::ERROR || self.check_storable(field_ty, span);
            for &name in self.ast.list(names) {
                let sym = self.ident(name);
                if let Some(first) = fields.iter().find(|f| f.name == sym) {
                    let first = first.loc;
                    let message = format!("field `{}` is declared twice", self.s.text(sym));
                    let d = Diagnostic::error(Code::E0409, self.loc(name.span), message)
                        .also(first, "declared here first");
                    self.report(d);
                    continue;
                }
                let ty = if ok { field_ty } else { TypeId::ERROR };
                fields.push(Field { name: sym, ty, using, loc: self.loc(name.span) });
                defaults.push(default);
            }
        }
        (fields, defaults)
    }

    fn enum_variants(&mut self, id: EnumId, idx: Idx<EnumExpr>) -> Vec<VariantDef> {
        let ast = *self.ast.get(idx);
        let (tag, flags) = (self.s.types.enum_def(id).tag, ast.flags);
        let (bits, signed) = self.s.types.int_repr(tag).unwrap_or((64, true));
        let (min, max) = int_range(bits, signed);
        let mut variants: Vec<VariantDef> = Vec::new();
        let mut next: i128 = if flags { 1 } else { 0 };
        for variant in self.ast.list(ast.variants) {
            let name = self.ident(variant.name);
            let value = match variant.value {
                Some(value) => self.const_int(value).unwrap_or(next),
                None => next,
            };
            if value < min || value > max {
                let message = format!("{value} doesn't fit the tag type `{}`", self.name_of(tag));
                self.error(Code::E0202, variant.name.span, message);
            }
            next =
                if flags && value > 0 { (value as u128).next_power_of_two().max(1) as i128 } else { value };
            next = if flags { if next == value { value << 1 } else { next } } else { value + 1 };
            let bits_value = value as u64;
            if let Some(first) = variants.iter().find(|v| v.name == name) {
                let first = first.loc;
                let message = format!("variant `{}` is declared twice", self.s.text(name));
                let d = Diagnostic::error(Code::E0409, self.loc(variant.name.span), message)
                    .also(first, "declared here first");
                self.report(d);
                continue;
            }
            if let Some(first) = variants.iter().find(|v| v.value == bits_value && !flags) {
                let first = first.loc;
                let message = format!("two variants have the value {value}");
                let d = Diagnostic::error(Code::E0409, self.loc(variant.name.span), message)
                    .also(first, "the other one is here");
                self.report(d);
            }
            let payload = variant.payload.map(|p| self.resolve_type(p)).filter(|&p| p != TypeId::VOID);
            let loc = self.loc(variant.name.span);
            variants.push(VariantDef { name, value: bits_value, payload, loc });
        }
        variants
    }
}

/// The least and greatest value of an integer type.
pub(crate) fn int_range(bits: u8, signed: bool) -> (i128, i128) {
    if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) }
}
