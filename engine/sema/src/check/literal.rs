//! Struct, array and tuple literals.

use super::{Cx, Lit, Val};
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{StructId, TupleField, TypeId, TypeKind};
use sx_syntax::ast::{Arg, Expr as Ast, ExprId, Range};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

/// So many defaults one default may need, with all that those need.
const MAX_FILLED: u32 = 10_000;

impl<'b> Cx<'_, '_, 'b> {
    fn literal_type(&mut self, head: Option<ExprId>, expected: Option<TypeId>) -> Option<TypeId> {
        if let Some(head) = head {
            return Some(self.resolve_type(head));
        }
        let mut ty = expected?;
        while let TypeKind::Optional(of) = *self.kind(ty) {
            ty = of;
        }
        Some(ty)
    }

    pub(crate) fn check_struct_lit(
        &mut self,
        head: Option<ExprId>,
        fields: Range<Arg>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let args = self.ast.list(fields);
        let Some(ty) = self.literal_type(head, expected) else {
            self.check_args_loosely(args);
            let help = "write the type before the dot, or give the variable a type";
            self.error_help(Code::E0203, span, "`.{ … }` doesn't say of which type it is", help);
            return self.error_val(span);
        };
        match self.kind(ty).clone() {
            TypeKind::Struct(id) => {
                self.s.complete_struct(id);
                let loc = self.loc(span);
                if !self.ensure_layout(ty, loc) {
                    return self.error_val(span);
                }
                let fields: Vec<(Sym, TypeId)> =
                    self.s.types.struct_def(id).fields.iter().map(|f| (f.name, f.ty)).collect();
                let Some(mut parts) = self.place_fields(args, &fields, ty) else {
                    return self.error_val(span);
                };
                let given: Vec<usize> = parts.iter().map(|(index, _)| *index).collect();
                self.fill_defaults(id, &given, &mut parts, span);
                self.aggregate(ty, parts, span)
            }
            TypeKind::Union(id) => self.union_lit(ty, id, args, span),
            TypeKind::Tuple(fields) => self.tuple_parts(ty, &fields, args, span),
            TypeKind::String | TypeKind::Slice(_) | TypeKind::SentinelSlice(_) => {
                self.slice_lit(ty, args, span)
            }
            TypeKind::Enum(_) if !args.is_empty() => {
                let name = args[0].name;
                self.check_args_loosely(args);
                let hint = name.map_or("variant".to_string(), |n| self.ast.name(n.name).to_string());
                let message = format!("`{}` is an enum; its values are written `.variant`", self.name_of(ty));
                self.error_help(Code::E0402, span, message, format!("write `.{hint}(…)`"));
                self.error_val(span)
            }
            TypeKind::Error => {
                self.check_args_loosely(args);
                self.error_val(span)
            }
            _ if args.is_empty() && !self.is_scalar_literal(ty) => self.val(ty, span, Kind::Zero),
            _ => {
                self.check_args_loosely(args);
                let message = format!("`{}` has no fields to fill", self.name_of(ty));
                let mut d = Diagnostic::error(Code::E0402, self.loc(span), message);
                if let Some(zero) = self.zero_spelling(ty).filter(|_| args.is_empty()) {
                    d = d.help(format!("its zero is written `{zero}`"));
                }
                self.report(d);
                self.error_val(span)
            }
        }
    }

    /// True for types whose values are single: `.{ }` makes those that have parts.
    fn is_scalar_literal(&self, ty: TypeId) -> bool {
        let plain = match *self.kind(ty) {
            TypeKind::Enum(id) => !self.s.types.enum_def(id).flags && !self.s.types.enum_def(id).tagged,
            TypeKind::Type => true,
            _ => false,
        };
        plain || self.zero_spelling(ty).is_some()
    }

    /// How the zero of a type without parts is written.
    fn zero_spelling(&self, ty: TypeId) -> Option<&'static str> {
        Some(match self.kind(ty) {
            TypeKind::Int { .. } | TypeKind::Usize | TypeKind::Isize => "0",
            TypeKind::F32 | TypeKind::F64 => "0.0",
            TypeKind::Bool => "false",
            TypeKind::Ptr(_)
            | TypeKind::ManyPtr(_)
            | TypeKind::CString
            | TypeKind::Func { .. }
            | TypeKind::Closure { .. }
            | TypeKind::Protocol(_) => "null",
            _ => return None,
        })
    }

    /// A struct with every field at its default.
    pub(crate) fn struct_defaults(&mut self, ty: TypeId, span: Span) -> E<'b> {
        let TypeKind::Struct(id) = *self.kind(ty) else { return self.mk(ty, span, Kind::Zero) };
        let mut parts = Vec::new();
        self.fill_defaults(id, &[], &mut parts, span);
        self.aggregate(ty, parts, span).e
    }

    /// The defaults of the fields that a literal leaves out; those without one are zero.
    fn fill_defaults(
        &mut self,
        id: crate::types::StructId,
        given: &[usize],
        parts: &mut Vec<(usize, E<'b>)>,
        span: Span,
    ) {
        let info = self.s.struct_info(id);
        let (file, scope, defaults) = (info.file, info.scope, info.defaults.clone());
        let types: Vec<TypeId> = self.s.types.struct_def(id).fields.iter().map(|f| f.ty).collect();
        for (index, field) in types.into_iter().enumerate() {
            if given.contains(&index) {
                continue;
            }
            let e = match defaults.get(index).copied().flatten() {
                Some(default) => {
                    if !self.begin_filling(id, index, span) {
                        return;
                    }
                    let e = self.elsewhere(file, scope, |cx| cx.check_as(default, field));
                    self.f.filling.pop();
                    e
                }
                None if self.has_defaults(field, 0) => self.default_value(field, span),
                None => continue,
            };
            parts.push((index, e));
        }
    }

    /// A default may need those of other fields, in finite number; false after a report.
    fn begin_filling(&mut self, id: StructId, field: usize, span: Span) -> bool {
        if self.f.filling.is_empty() {
            self.f.filled = 0;
        }
        if self.f.filling.contains(&(id, field)) {
            let def = self.s.types.struct_def(id);
            let (field, name) = (self.s.text(def.fields[field].name), &def.name);
            let message = format!("the default of `{name}.{field}` needs itself");
            self.error(Code::E0106, span, message);
            return false;
        }
        self.f.filled += 1;
        if self.f.filled > MAX_FILLED {
            if !std::mem::replace(&mut self.s.told_depth, true) {
                self.error(Code::E0901, span, "the defaults of these fields need too many others");
            }
            return false;
        }
        self.f.filling.push((id, field));
        true
    }

    /// Which field each part of a literal fills. A bare name equal to a field's name is that field.
    fn place_fields(
        &mut self,
        args: &[Arg],
        fields: &[(Sym, TypeId)],
        ty: TypeId,
    ) -> Option<Vec<(usize, E<'b>)>> {
        let mut parts: Vec<(usize, E<'b>)> = Vec::with_capacity(args.len());
        let mut ok = true;
        for (at, arg) in args.iter().enumerate() {
            let arg_span = self.span(arg.value);
            let bare = match *self.ast.expr(arg.value) {
                Ast::Name(ident) if arg.name.is_none() => {
                    let sym = self.ident(ident);
                    let at = fields.iter().position(|(name, _)| *name == sym);
                    if at.is_some() {
                        self.probe_member(ty, ident);
                    }
                    at
                }
                _ => None,
            };
            let index = match (arg.name, bare) {
                (Some(name), _) => {
                    let sym = self.ident(name);
                    match fields.iter().position(|(f, _)| *f == sym) {
                        Some(index) => {
                            self.probe_member(ty, name);
                            index
                        }
                        None => {
                            self.unknown_field(ty, fields, sym, name.span);
                            self.check_args_loosely(std::slice::from_ref(arg));
                            ok = false;
                            continue;
                        }
                    }
                }
                (None, Some(index)) => index,
                (None, None) => at,
            };
            if index >= fields.len() {
                let message = format!(
                    "`{}` has {}, and this is value {}",
                    self.name_of(ty),
                    super::call::count(fields.len(), "field"),
                    at + 1
                );
                let mut d = Diagnostic::error(Code::E0402, self.loc(arg_span), message);
                if let Some(fields) = self.list_fields(ty) {
                    d = d.note(fields);
                }
                self.report(d);
                return None;
            }
            if parts.iter().any(|(i, _)| *i == index) {
                let message = format!("field `{}` is given twice", self.s.text(fields[index].0));
                self.error(Code::E0402, arg_span, message);
                ok = false;
                continue;
            }
            let e = self.check_as(arg.value, fields[index].1);
            ok &= e.ty != TypeId::ERROR;
            parts.push((index, e));
        }
        ok.then_some(parts)
    }

    fn unknown_field(&mut self, ty: TypeId, fields: &[(Sym, TypeId)], name: Sym, span: Span) {
        let text = self.s.text(name).to_string();
        let message = format!("`{}` has no field `{text}`", self.name_of(ty));
        let mut d = Diagnostic::error(Code::E0401, self.loc(span), message);
        let names: Vec<String> = fields.iter().map(|(f, _)| self.s.text(*f).to_string()).collect();
        if let Some(near) = crate::modules::nearest(&text, names) {
            d = d.help(format!("did you mean `{near}`?"));
        } else if let Some(fields) = self.list_fields(ty) {
            d = d.note(fields);
        }
        self.report(d);
    }

    /// A struct or tuple of parts by field index, evaluated in the order given.
    fn aggregate(&mut self, ty: TypeId, parts: Vec<(usize, E<'b>)>, span: Span) -> Val<'b> {
        if parts.iter().any(|(_, e)| e.ty == TypeId::ERROR) {
            return self.error_val(span);
        }
        let loc = self.loc(span);
        if !self.ensure_layout(ty, loc) {
            return self.error_val(span);
        }
        let parts: Vec<(u32, E<'b>)> =
            parts.into_iter().map(|(index, e)| (self.s.types.field_offset(ty, index), e)).collect();
        let parts = self.slice_of(parts);
        self.val(ty, span, Kind::Aggregate(parts))
    }

    fn union_lit(&mut self, ty: TypeId, id: crate::types::StructId, args: &[Arg], span: Span) -> Val<'b> {
        self.s.complete_struct(id);
        if args.is_empty() {
            return self.val(ty, span, Kind::Zero);
        }
        let name = match args {
            [Arg { name: Some(name), .. }] => *name,
            _ => {
                self.check_args_loosely(args);
                self.error(Code::E0402, span, "a union literal names exactly one member");
                return self.error_val(span);
            }
        };
        let sym = self.ident(name);
        let fields: Vec<(Sym, TypeId)> =
            self.s.types.struct_def(id).fields.iter().map(|f| (f.name, f.ty)).collect();
        let Some(index) = fields.iter().position(|(f, _)| *f == sym) else {
            self.unknown_field(ty, &fields, sym, name.span);
            self.check_args_loosely(args);
            return self.error_val(span);
        };
        self.probe_member(ty, name);
        let payload = self.check_as(args[0].value, fields[index].1);
        if payload.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        self.val(ty, span, Kind::Variant { tag: index as u64, payload: Some(payload) })
    }

    /// `.{ ptr = p, len = n }` as a string or slice.
    fn slice_lit(&mut self, ty: TypeId, args: &[Arg], span: Span) -> Val<'b> {
        let elem = self.s.types.elem(ty).expect("slices have elements");
        let ptr_ty = self.s.types.intern(TypeKind::ManyPtr(elem));
        let (ptr, len) = (self.s.sym("ptr"), self.s.sym("len"));
        let fields = [(ptr, ptr_ty), (len, TypeId::I64)];
        let mut parts = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            let index = match arg.name {
                Some(name) => {
                    let sym = self.ident(name);
                    match fields.iter().position(|(f, _)| *f == sym) {
                        Some(index) => index,
                        None => {
                            self.unknown_field(ty, &fields, sym, name.span);
                            return self.error_val(span);
                        }
                    }
                }
                None => at,
            };
            if index > 1 {
                self.error(Code::E0402, span, "a slice is made of `ptr` and `len`");
                return self.error_val(span);
            }
            let e = if index == 0 {
                let val = self.check(arg.value, Some(ptr_ty));
                match *self.kind(val.ty) {
                    TypeKind::Ptr(to) if to == elem => self.mk(ptr_ty, span, Kind::Cast(Cast::Bits, val.e)),
                    _ => self.coerce(val, ptr_ty, span),
                }
            } else {
                let val = self.check(arg.value, Some(TypeId::I64));
                self.index_value(val, span)
            };
            if e.ty == TypeId::ERROR {
                return self.error_val(span);
            }
            parts.push((index as u32 * 8, e));
        }
        let parts = self.slice_of(parts);
        self.val(ty, span, Kind::Aggregate(parts))
    }

    pub(crate) fn check_array_lit(
        &mut self,
        head: Option<ExprId>,
        elems: Range<ExprId>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let elems = self.ast.list(elems);
        let (elem, as_ty) = match self.array_elem(head, expected, Some(elems.len() as u64), span) {
            Ok(found) => found,
            Err(()) => {
                elems.iter().for_each(|&e| {
                    self.check(e, None);
                });
                return self.error_val(span);
            }
        };
        let mut checked = Vec::with_capacity(elems.len());
        let elem = match elem {
            Some(elem) => {
                for &e in elems {
                    checked.push(self.check_as(e, elem));
                }
                elem
            }
            None => {
                let vals: Vec<Val<'b>> = elems.iter().map(|&e| self.check(e, None)).collect();
                if vals.is_empty() {
                    let help = "give it a type: `xs : [0]T = .[];`";
                    self.error_help(
                        Code::E0203,
                        span,
                        "an empty array literal doesn't say what its elements are",
                        help,
                    );
                    return self.error_val(span);
                }
                let float = vals.iter().any(|v| matches!(v.lit, Lit::Float(_)));
                let typed =
                    vals.iter().find(|v| v.lit == Lit::None && v.ty != TypeId::NORETURN).map(|v| v.ty);
                let elem = typed.unwrap_or(if float { TypeId::F64 } else { TypeId::I64 });
                for (val, &e) in vals.into_iter().zip(elems) {
                    let at = self.span(e);
                    checked.push(self.coerce(val, elem, at));
                }
                elem
            }
        };
        if checked.iter().any(|e| e.ty == TypeId::ERROR) || elem == TypeId::ERROR {
            return self.error_val(span);
        }
        let ty = match as_ty.filter(|&ty| self.lanes(ty).is_some()) {
            Some(vector) => vector,
            None => self.s.types.array(elem, checked.len() as u64),
        };
        let checked = self.slice_of(checked);
        let array = self.val(ty, span, Kind::Array(checked));
        self.array_as(array, as_ty, span)
    }

    /// The array as what the surroundings want of it.
    fn array_as(&mut self, array: Val<'b>, as_ty: Option<TypeId>, span: Span) -> Val<'b> {
        match as_ty {
            Some(ty) if ty != array.ty => {
                let e = self.coerce(array, ty, span);
                self.of(e)
            }
            _ => array,
        }
    }

    /// The element type that a head or an expectation gives, and the type the literal is meant for.
    #[allow(clippy::type_complexity)]
    fn array_elem(
        &mut self,
        head: Option<ExprId>,
        expected: Option<TypeId>,
        len: Option<u64>,
        span: Span,
    ) -> Result<(Option<TypeId>, Option<TypeId>), ()> {
        if let Some(head) = head {
            let paren = matches!(self.ast.expr(head), Ast::Paren(_));
            let ty = self.resolve_type(head);
            if ty == TypeId::ERROR {
                return Err(());
            }
            if let Some(elem) = self.vector_literal(ty, len, span) {
                return elem.map(|elem| (Some(elem), Some(ty)));
            }
            if !paren && !matches!(self.kind(ty), TypeKind::Array(..) | TypeKind::Slice(_)) {
                return Ok((Some(ty), None));
            }
            return match *self.kind(ty) {
                TypeKind::Array(elem, n) => {
                    if let Some(len) = len.filter(|&len| len != n) {
                        let message =
                            format!("`{}` needs {n} elements, and this has {len}", self.name_of(ty));
                        self.error(Code::E0214, span, message);
                        return Err(());
                    }
                    Ok((Some(elem), None))
                }
                TypeKind::Slice(elem) => Ok((Some(elem), Some(ty))),
                _ => Ok((Some(ty), None)),
            };
        }
        let Some(mut ty) = expected else { return Ok((None, None)) };
        while let TypeKind::Optional(of) = *self.kind(ty) {
            ty = of;
        }
        if let Some(elem) = self.vector_literal(ty, len, span) {
            return elem.map(|elem| (Some(elem), Some(ty)));
        }
        match *self.kind(ty) {
            TypeKind::Array(elem, n) => {
                if let Some(len) = len.filter(|&len| len != n) {
                    let message = format!("`{}` needs {n} elements, and this has {len}", self.name_of(ty));
                    self.error(Code::E0214, span, message);
                    return Err(());
                }
                Ok((Some(elem), None))
            }
            TypeKind::Slice(elem) => Ok((Some(elem), Some(ty))),
            _ => Ok((None, None)),
        }
    }

    pub(crate) fn check_array_repeat(
        &mut self,
        head: Option<ExprId>,
        value: ExprId,
        count: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let n = self.array_len(count);
        let found = self.array_elem(head, expected, n, span);
        let e = match &found {
            Ok((Some(elem), _)) => self.check_as(value, *elem),
            _ => self.check_settled(value),
        };
        let (Some(n), Ok((_, as_ty))) = (n, found) else { return self.error_val(span) };
        if e.ty == TypeId::ERROR || !self.check_storable(e.ty, span) {
            return self.error_val(span);
        }
        let ty = match as_ty.filter(|&ty| self.lanes(ty).is_some()) {
            Some(vector) => vector,
            None => self.s.types.array(e.ty, n),
        };
        let array = self.val(ty, span, Kind::Repeat(e));
        self.array_as(array, as_ty, span)
    }

    pub(crate) fn check_tuple_lit(
        &mut self,
        head: Option<ExprId>,
        elems: Range<Arg>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let args = self.ast.list(elems);
        if let Some(ty) = self.literal_type(head, expected) {
            match self.kind(ty).clone() {
                TypeKind::Tuple(fields) => return self.tuple_parts(ty, &fields, args, span),
                TypeKind::Error => {
                    self.check_args_loosely(args);
                    return self.error_val(span);
                }
                _ if head.is_some() => {
                    self.check_args_loosely(args);
                    let message = format!("`{}` isn't a tuple type", self.name_of(ty));
                    self.error(Code::E0206, span, message);
                    return self.error_val(span);
                }
                _ => {}
            }
        }
        let mut fields = Vec::with_capacity(args.len());
        let mut parts = Vec::with_capacity(args.len());
        for arg in args {
            if arg.spread {
                let Some(spread) = self.spread_values(arg.value) else { return self.error_val(span) };
                for e in spread {
                    fields.push(TupleField { name: None, ty: e.ty });
                    parts.push((parts.len(), e));
                }
                continue;
            }
            let e = self.check_settled(arg.value);
            if e.ty == TypeId::ERROR || !self.check_storable(e.ty, e.loc.span) {
                return self.error_val(span);
            }
            let name = arg.name.map(|n| self.ident(n));
            if name.is_some() && fields.iter().any(|f: &TupleField| f.name == name) {
                self.error(Code::E0402, e.loc.span, "this name is given twice");
                return self.error_val(span);
            }
            fields.push(TupleField { name, ty: e.ty });
            parts.push((parts.len(), e));
        }
        let ty = self.s.types.intern(TypeKind::Tuple(fields.into()));
        self.aggregate(ty, parts, span)
    }

    pub(crate) fn spread_values(&mut self, expr: ExprId) -> Option<Vec<E<'b>>> {
        let vals = self.spread_vals(expr)?;
        Some(vals.into_iter().map(|val| val.e).collect())
    }

    /// The elements of a tuple that is evaluated with the first of them, and only then.
    pub(crate) fn elements_once(&mut self, e: E<'b>, count: usize, span: Span) -> Vec<E<'b>> {
        let mut stmts = Vec::new();
        let whole = self.keep_place(e, &mut stmts);
        let mut elems = Vec::with_capacity(count);
        for n in 0..count as u32 {
            let whole = self.local_expr(whole, span);
            let elem = self.tuple_elem(whole, n, span).e;
            elems.push(self.block(std::mem::take(&mut stmts), elem));
        }
        elems
    }

    fn tuple_parts(&mut self, ty: TypeId, fields: &[TupleField], args: &[Arg], span: Span) -> Val<'b> {
        if args.iter().any(|a| a.spread) {
            let mut vals = Vec::new();
            for arg in args {
                if !arg.spread {
                    let wanted = fields.get(vals.len()).map(|f| f.ty);
                    vals.push(self.check(arg.value, wanted));
                    continue;
                }
                let Some(spread) = self.spread_vals(arg.value) else { return self.error_val(span) };
                vals.extend(spread);
            }
            if vals.len() != fields.len() && vals.iter().all(|val| val.ty != TypeId::ERROR) {
                let message = format!(
                    "`{}` has {}, and this has {}",
                    self.name_of(ty),
                    super::call::count(fields.len(), "element"),
                    vals.len()
                );
                self.error(Code::E0402, span, message);
                return self.error_val(span);
            }
            let mut parts = Vec::with_capacity(vals.len());
            for (val, field) in vals.into_iter().zip(fields) {
                parts.push((parts.len(), self.coerce(val, field.ty, val.e.loc.span)));
            }
            return self.aggregate(ty, parts, span);
        }
        if args.len() != fields.len() {
            self.check_args_loosely(args);
            let message = format!(
                "`{}` has {}, and this has {}",
                self.name_of(ty),
                super::call::count(fields.len(), "element"),
                args.len()
            );
            self.error(Code::E0402, span, message);
            return self.error_val(span);
        }
        let mut parts = Vec::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            let index = match arg.name.map(|n| self.ident(n)) {
                None => at,
                Some(name) => match fields.iter().position(|f| f.name == Some(name)) {
                    Some(index) => index,
                    // A tuple type without names takes a named literal by position.
                    None if fields[at].name.is_none() => at,
                    None => {
                        let message =
                            format!("`{}` has no element `{}`", self.name_of(ty), self.s.text(name));
                        self.error(Code::E0401, self.span(arg.value), message);
                        return self.error_val(span);
                    }
                },
            };
            parts.push((index, self.check_as(arg.value, fields[index].ty)));
        }
        self.aggregate(ty, parts, span)
    }
}
