//! Declarations marked `#builtin`: operations of the machine, and questions about types answered while checking.

use super::{Cx, Entity, Lit, Val};
use crate::sema::FnDecl;
use crate::thir::*;
use crate::types::{TypeId, TypeKind, Types};
use crate::value::CVal;
use crate::visit::any_below;
use sx_syntax::ast::{Arg, ExprId};
use sx_syntax::diag::Code;
use sx_syntax::span::Span;

/// The kind of type, as library code asks for it.
pub(crate) fn category(types: &Types, ty: TypeId) -> &'static str {
    match types.kind(ty) {
        TypeKind::Int { .. } | TypeKind::Usize | TypeKind::Isize | TypeKind::UntypedInt => "int",
        TypeKind::F32 | TypeKind::F64 | TypeKind::UntypedFloat => "float",
        TypeKind::Bool => "bool",
        TypeKind::String => "string",
        TypeKind::CString => "cstring",
        TypeKind::Struct(_) => "struct",
        TypeKind::Union(_) => "union",
        TypeKind::Enum(id) => {
            let def = types.enum_def(*id);
            match (def.tagged, def.flags) {
                (true, _) => "tagged",
                (_, true) => "flags",
                _ => "enum",
            }
        }
        TypeKind::Slice(_) | TypeKind::SentinelSlice(_) => "slice",
        TypeKind::Array(..) => "array",
        TypeKind::Vector(..) => "vector",
        TypeKind::Ptr(_) => "pointer",
        TypeKind::ManyPtr(_) => "many_pointer",
        TypeKind::Optional(_) => "optional",
        TypeKind::Func { .. } => "function",
        TypeKind::Closure { .. } => "closure",
        TypeKind::ErrorSet(_) => "error",
        TypeKind::Tuple(_) => "tuple",
        TypeKind::Type => "type",
        TypeKind::Any => "any",
        TypeKind::Protocol(_) => "protocol",
        TypeKind::Void
        | TypeKind::Noreturn
        | TypeKind::Failable { .. }
        | TypeKind::Error
        | TypeKind::UntypedNull => "void",
        TypeKind::Declared(_) => "declared",
    }
}

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn call_builtin(
        &mut self,
        decl: &FnDecl,
        args: &[Arg],
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let name = self.s.text(decl.name).to_string();
        if name == "write_format" {
            return self.expand_format(args, span);
        }
        if args.iter().any(|a| a.spread) {
            self.error(Code::E0311, span, format!("`{name}` takes no spread arguments"));
            return self.error_val(span);
        }
        let exprs: Vec<ExprId> = args.iter().map(|a| a.value).collect();
        let wanted = match name.as_str() {
            "unreachable" | "out_of_memory" | "is_comptime" => 0..=0,
            "min"
            | "max"
            | "bit_cast"
            | "has_method"
            | "field_name"
            | "field_type"
            | "field_value"
            | "variant_name_at"
            | "variant_value_at"
            | "variant_has_payload"
            | "variant_payload"
            | "offset_of"
            | "type_eq"
            | "has_impl" => 2..=2,
            "assert" => 1..=2,
            "make_variant" => 2..=3,
            "mem_move" | "mem_set" | "mem_cmp" => 3..=3,
            _ => 1..=1,
        };
        if !wanted.contains(&exprs.len()) {
            self.check_args_loosely(args);
            let least = super::call::count(*wanted.start(), "argument");
            self.error(
                Code::E0301,
                span,
                format!("`{name}` takes {least}, and {}", super::call::given(exprs.len())),
            );
            return self.error_val(span);
        }
        let val = match name.as_str() {
            "sqrt" | "floor" | "ceil" | "trunc" | "round" => self.float_op(&name, exprs[0], expected, span),
            "abs" => self.abs(exprs[0], expected, span),
            "min" | "max" => self.min_max(&name, exprs[0], exprs[1], expected, span),
            "clz" | "ctz" | "popcnt" | "bswap" => self.bit_op(&name, exprs[0], span),
            "bit_cast" => self.bit_cast(exprs[0], exprs[1], span),
            "mem_move" | "mem_set" | "mem_cmp" => self.mem_op(&name, &exprs, span),
            "panic" => {
                let message = self.check_as(exprs[0], TypeId::STRING);
                self.intrinsic(Intrinsic::Panic, TypeId::NORETURN, vec![message], span)
            }
            "assert" => {
                let ok = self.check_cond(exprs[0]);
                let message = match exprs.get(1) {
                    Some(&message) => self.check_as(message, TypeId::STRING),
                    None => self.mk(TypeId::STRING, span, Kind::Str(b"")),
                };
                self.intrinsic(Intrinsic::Assert, TypeId::VOID, vec![ok, message], span)
            }
            "unreachable" => self.intrinsic(Intrinsic::Unreachable, TypeId::NORETURN, Vec::new(), span),
            "out_of_memory" => self.intrinsic(Intrinsic::OutOfMemory, TypeId::NORETURN, Vec::new(), span),
            "closure_free" => self.closure_free(exprs[0], span),
            _ => return self.reflect(&name, &exprs, span),
        };
        if let Kind::Intrinsic(_, args) = val.e.kind
            && args.iter().any(|e| e.ty == TypeId::ERROR)
        {
            return self.error_val(span);
        }
        val
    }

    pub(super) fn intrinsic(&mut self, op: Intrinsic, ty: TypeId, args: Vec<E<'b>>, span: Span) -> Val<'b> {
        let args = self.slice_of(args);
        self.val(ty, span, Kind::Intrinsic(op, args))
    }

    fn float_op(&mut self, name: &str, arg: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let hint = expected.filter(|&ty| self.s.types.is_float(ty));
        let val = self.check(arg, hint);
        let op = match name {
            "sqrt" => Intrinsic::Sqrt,
            "floor" => Intrinsic::Floor,
            "ceil" => Intrinsic::Ceil,
            "trunc" => Intrinsic::Trunc,
            _ => Intrinsic::Round,
        };
        if let Some(vector) = self.vector_arg(name, val, true, span) {
            return if vector.ty == TypeId::ERROR {
                vector
            } else {
                self.intrinsic(op, val.ty, vec![val.e], span)
            };
        }
        let ty = match val.lit {
            Lit::None => val.ty,
            _ => hint.unwrap_or(TypeId::F64),
        };
        let ty = if self.s.types.is_int(ty) { TypeId::F64 } else { ty };
        if val.ty == TypeId::ERROR {
            return val;
        }
        if !self.s.types.is_float(ty) {
            let message = format!("`{name}` needs a float, not `{}`", self.name_of(ty));
            self.error(Code::E0204, span, message);
            return self.error_val(span);
        }
        let e = self.coerce(val, ty, span);
        self.intrinsic(op, ty, vec![e], span)
    }

    fn abs(&mut self, arg: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let val = self.check(arg, expected);
        if let Some(vector) = self.vector_arg("abs", val, false, span) {
            let ty = vector.ty;
            if ty == TypeId::ERROR || self.s.types.is_float(self.s.types.lane(ty)) {
                return if ty == TypeId::ERROR {
                    vector
                } else {
                    self.intrinsic(Intrinsic::FAbs, ty, vec![val.e], span)
                };
            }
            let mut stmts = Vec::new();
            let kept = self.keep(vector.e, &mut stmts);
            let v = self.local_expr(kept, span);
            let negated = self.mk(ty, span, Kind::Neg(v));
            let greater = self.intrinsic(Intrinsic::Max, ty, vec![v, negated], span);
            let e = self.block(stmts, greater.e);
            return self.of(e);
        }
        let e = self.settle(val, span);
        if self.s.types.is_float(e.ty) {
            return self.intrinsic(Intrinsic::FAbs, e.ty, vec![e], span);
        }
        if !self.s.types.is_int(e.ty) {
            if e.ty != TypeId::ERROR {
                let message = format!("`abs` needs a number, not `{}`", self.name_of(e.ty));
                self.error(Code::E0204, span, message);
            }
            return self.error_val(span);
        }
        let mut stmts = Vec::new();
        let kept = self.keep(e, &mut stmts);
        let (a, zero) = (self.local_expr(kept, span), self.mk(e.ty, span, Kind::Int(0)));
        let cond = self.mk(TypeId::BOOL, span, Kind::Compare(Compare::Lt, a, zero));
        let negated = self.mk(e.ty, span, Kind::Neg(a));
        let choice = self.mk(e.ty, span, Kind::If { cond, then: negated, else_: Some(a) });
        let e = self.block(stmts, choice);
        self.of(e)
    }

    fn min_max(&mut self, name: &str, a: ExprId, b: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let x = self.check(a, expected);
        let hint = if x.lit == Lit::None { Some(x.ty) } else { expected };
        let y = self.check(b, hint);
        if x.ty == TypeId::ERROR || y.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let op = if name == "min" { Intrinsic::Min } else { Intrinsic::Max };
        if let Some((ty, x, y)) = self.vector_min_max(name, x, y, span) {
            return if ty == TypeId::ERROR {
                self.error_val(span)
            } else {
                self.intrinsic(op, ty, vec![x, y], span)
            };
        }
        let Some(ty) = self.peer(x, y) else {
            let message = format!(
                "`{name}` needs two numbers of one type, not `{}` and `{}`",
                self.name_of(x.ty),
                self.name_of(y.ty)
            );
            self.error(Code::E0201, span, message);
            return self.error_val(span);
        };
        let ty = match ty {
            TypeId::UNTYPED_INT => expected
                .filter(|&t| self.s.types.is_int(t) || self.s.types.is_float(t))
                .unwrap_or(TypeId::I64),
            TypeId::UNTYPED_FLOAT => expected.filter(|&t| self.s.types.is_float(t)).unwrap_or(TypeId::F64),
            ty => ty,
        };
        if !self.s.types.is_int(ty) && !self.s.types.is_float(ty) {
            let message = format!("`{name}` needs numbers, not `{}`", self.name_of(ty));
            self.error(Code::E0204, span, message);
            return self.error_val(span);
        }
        let (x, y) = (self.coerce(x, ty, span), self.coerce(y, ty, span));
        self.intrinsic(op, ty, vec![x, y], span)
    }

    fn bit_op(&mut self, name: &str, arg: ExprId, span: Span) -> Val<'b> {
        let e = self.check_settled(arg);
        if !self.s.types.is_int(e.ty) {
            if e.ty != TypeId::ERROR {
                let message = format!("`{name}` needs an integer, not `{}`", self.name_of(e.ty));
                self.error(Code::E0204, span, message);
            }
            return self.error_val(span);
        }
        let op = match name {
            "clz" => Intrinsic::Clz,
            "ctz" => Intrinsic::Ctz,
            "popcnt" => Intrinsic::Popcnt,
            _ => Intrinsic::Bswap,
        };
        self.intrinsic(op, e.ty, vec![e], span)
    }

    fn bit_cast(&mut self, ty: ExprId, arg: ExprId, span: Span) -> Val<'b> {
        let ty = self.resolve_type(ty);
        let e = self.check_settled(arg);
        if ty == TypeId::ERROR || e.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let loc = self.loc(span);
        if !self.ensure_layout(ty, loc) {
            return self.error_val(span);
        }
        let scalar = self.s.types.scalar(ty).is_some() && self.s.types.scalar(e.ty).is_some();
        if !scalar || self.s.types.layout(ty).size != self.s.types.layout(e.ty).size {
            let message =
                format!("`{}` and `{}` aren't scalars of one size", self.name_of(e.ty), self.name_of(ty));
            self.error(Code::E0205, span, message);
            return self.error_val(span);
        }
        self.intrinsic(Intrinsic::Bitcast, ty, vec![e], span)
    }

    fn mem_op(&mut self, name: &str, exprs: &[ExprId], span: Span) -> Val<'b> {
        let mut args = vec![self.check_pointer(exprs[0])];
        args.push(if name == "mem_set" {
            self.check_as(exprs[1], TypeId::U8)
        } else {
            self.check_pointer(exprs[1])
        });
        args.push(self.check_as(exprs[2], TypeId::I64));
        let (op, ty) = match name {
            "mem_move" => (Intrinsic::MemMove, TypeId::VOID),
            "mem_set" => (Intrinsic::MemSet, TypeId::VOID),
            _ => (Intrinsic::MemCmp, TypeId::I32),
        };
        self.intrinsic(op, ty, args, span)
    }

    /// An argument that is an address of any kind.
    fn check_pointer(&mut self, expr: ExprId) -> E<'b> {
        let val = self.check(expr, Some(TypeId::VOID_PTR));
        let span = self.span(expr);
        match self.kind(val.ty) {
            TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::CString => {
                self.mk(TypeId::VOID_PTR, span, Kind::Cast(Cast::Bits, val.e))
            }
            _ => self.coerce(val, TypeId::VOID_PTR, span),
        }
    }

    fn closure_free(&mut self, arg: ExprId, span: Span) -> Val<'b> {
        let e = self.check_settled(arg);
        if !matches!(self.kind(e.ty), TypeKind::Closure { .. }) {
            if e.ty != TypeId::ERROR {
                let message = format!("`closure_free` needs a closure, not `{}`", self.name_of(e.ty));
                self.error(Code::E0201, span, message);
            }
            return self.error_val(span);
        }
        let Some(free) = self.s.core_fn("free") else { return self.error_val(span) };
        let word = self.s.types.target.ptr_size;
        let ptr = self.s.types.ptr(TypeId::U8);
        let env = self.val(ptr, span, Kind::Field { base: e, offset: word });
        self.call_with(free, &[env], span)
    }

    // ---- questions about types ----

    fn reflect(&mut self, name: &str, exprs: &[ExprId], span: Span) -> Val<'b> {
        match name {
            "is_comptime" => {
                if self.f.is_static {
                    return self.bool_val(true, span);
                }
                // The same function may run in both worlds.
                return match self.s.core_fn("host_is_comptime") {
                    Some(func) => self.call_with(func, &[], span),
                    None => self.bool_val(false, span),
                };
            }
            "type_of" => {
                let e = self.check_settled(exprs[0]);
                if e.ty == TypeId::ANY {
                    return self.any_type(e, span);
                }
                return if e.ty == TypeId::ERROR { e_error(self, span) } else { self.type_val(e.ty, span) };
            }
            "variant_name" => return self.variant_name(exprs[0], span),
            "tag_value" => return self.tag_value(exprs[0], span),
            "make_variant" => return self.make_variant(exprs, span),
            "field_value" | "variant_payload" => return self.part_value(name, exprs[0], exprs[1], span),
            _ => {}
        }
        if let "type_name" | "type_category" = name
            && let Some(val) = self.runtime_type_text(name, exprs[0], span)
        {
            return val;
        }
        let ty = self.resolve_type(exprs[0]);
        if ty == TypeId::ERROR {
            return self.error_val(span);
        }
        self.s.complete_deep(ty);
        match name {
            "size_of" | "align_of" => {
                let loc = self.loc(span);
                if !self.ensure_layout(ty, loc) {
                    return self.error_val(span);
                }
                let layout = self.s.types.layout(ty);
                let n = if name == "size_of" { layout.size } else { layout.align };
                self.val(TypeId::I64, span, Kind::Int(n as u64))
            }
            "type_name" => {
                let text = self.name_of(ty);
                self.text_val(&text, span)
            }
            "type_category" => {
                let text = category(&self.s.types, ty);
                self.text_val(text, span)
            }
            "int_is_signed" => {
                let signed = self.s.types.int_repr(ty).is_some_and(|(_, s)| s);
                self.bool_val(signed, span)
            }
            "int_bits" => {
                let bits = self.s.types.int_repr(ty).map_or(0, |(b, _)| b);
                self.val(TypeId::I64, span, Kind::Int(bits as u64))
            }
            "type_eq" => {
                let other = self.resolve_type(exprs[1]);
                self.bool_val(ty == other, span)
            }
            "elem_type" => self.elem_type(ty, span),
            "field_count" => {
                let n = self.fields_of(ty).len();
                self.val(TypeId::I64, span, Kind::Int(n as u64))
            }
            "variant_count" => {
                let n = self.variants_of(ty).len();
                self.val(TypeId::I64, span, Kind::Int(n as u64))
            }
            "has_method" => {
                let e = self.check_as(exprs[1], TypeId::STRING);
                let Some(CVal::Str(bytes)) = self.fold_or_report(e) else { return self.error_val(span) };
                let method = self.s.sym(&String::from_utf8_lossy(&bytes));
                let has = self.member(ty, method).is_some() || self.impl_method(ty, method).is_some();
                self.bool_val(has, span)
            }
            "has_impl" => {
                let protocol = self.resolve_type(exprs[1]);
                match *self.kind(protocol) {
                    TypeKind::Protocol(id) => {
                        let has = self.s.has_impl(id, ty, self.file);
                        self.bool_val(has, span)
                    }
                    _ if protocol == TypeId::ERROR => self.error_val(span),
                    _ => {
                        let at = self.span(exprs[1]);
                        let message = format!("`{}` isn't a protocol", self.name_of(protocol));
                        self.error(Code::E0410, at, message);
                        self.error_val(span)
                    }
                }
            }
            _ => self.reflect_part(name, ty, exprs, span),
        }
    }

    /// The name or kind of a type that is known only when the program runs: looked up in the program's tables.
    fn runtime_type_text(&mut self, name: &str, expr: ExprId, span: Span) -> Option<Val<'b>> {
        let val = match self.type_form(expr) {
            Some(val) => val,
            None if self.type_syntax(expr).is_some() => return None,
            None => {
                let Entity::Value(val) = self.entity(expr, Some(TypeId::TYPE)) else { return None };
                let varies = any_below(val.e, &mut |e| matches!(e.kind, Kind::Local(_)));
                if val.ty != TypeId::TYPE || !varies || self.fold(val.e).is_some() {
                    return None;
                }
                val
            }
        };
        let func = self.s.core_fn(&format!("runtime_{name}"))?;
        Some(self.call_with(func, &[val], span))
    }

    fn text_val(&mut self, text: &str, span: Span) -> Val<'b> {
        let bytes = self.b.alloc_slice_copy(text.as_bytes());
        self.val(TypeId::STRING, span, Kind::Str(bytes))
    }

    fn elem_type(&mut self, ty: TypeId, span: Span) -> Val<'b> {
        let elem = match *self.kind(ty) {
            TypeKind::Ptr(of) | TypeKind::Optional(of) => Some(of),
            _ => self.s.types.elem(ty),
        };
        match elem {
            Some(elem) => self.type_val(elem, span),
            None => {
                let message = format!("`{}` has no element type", self.name_of(ty));
                self.error(Code::E0206, span, message);
                self.error_val(span)
            }
        }
    }

    /// Name and type of each field of a struct, union or tuple.
    fn fields_of(&mut self, ty: TypeId) -> Vec<(String, TypeId)> {
        match self.kind(ty).clone() {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                self.s.complete_struct(id);
                let def = self.s.types.struct_def(id);
                def.fields.iter().map(|f| (self.s.text(f.name).to_string(), f.ty)).collect()
            }
            TypeKind::Tuple(fields) => fields
                .iter()
                .map(|f| (f.name.map_or(String::new(), |n| self.s.text(n).to_string()), f.ty))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn variants_of(&mut self, ty: TypeId) -> Vec<crate::types::VariantDef> {
        let TypeKind::Enum(id) = *self.kind(ty) else { return Vec::new() };
        self.s.complete_enum(id);
        self.s.types.enum_def(id).variants.clone()
    }

    /// A compile-time index into something of `len` parts.
    fn part_index(&mut self, expr: ExprId, len: usize, span: Span) -> Option<usize> {
        let n = self.const_int(expr)?;
        if n < 0 || n >= len as i128 {
            self.error(Code::E0310, span, format!("index {n} is out of range for {len} parts"));
            return None;
        }
        Some(n as usize)
    }

    fn reflect_part(&mut self, name: &str, ty: TypeId, exprs: &[ExprId], span: Span) -> Val<'b> {
        if name == "offset_of" {
            return self.offset_of(ty, exprs[1], span);
        }
        if let "field_name" | "field_type" = name {
            let fields = self.fields_of(ty);
            let Some(index) = self.part_index(exprs[1], fields.len(), span) else {
                return self.error_val(span);
            };
            let (text, field) = &fields[index];
            return if name == "field_name" {
                self.text_val(text, span)
            } else {
                self.type_val(*field, span)
            };
        }
        let variants = self.variants_of(ty);
        let Some(&index) = exprs.get(1) else {
            self.error(Code::E0101, span, format!("the compiler knows no builtin `{name}`"));
            return self.error_val(span);
        };
        let Some(index) = self.part_index(index, variants.len(), span) else { return self.error_val(span) };
        let variant = &variants[index];
        match name {
            "variant_name_at" => {
                let text = self.s.text(variant.name).to_string();
                self.text_val(&text, span)
            }
            "variant_value_at" => self.val(TypeId::I64, span, Kind::Int(variant.value)),
            "variant_has_payload" => self.bool_val(variant.payload.is_some(), span),
            _ => {
                self.error(Code::E0101, span, format!("the compiler knows no builtin `{name}`"));
                self.error_val(span)
            }
        }
    }

    fn offset_of(&mut self, ty: TypeId, field: ExprId, span: Span) -> Val<'b> {
        let e = self.check_as(field, TypeId::STRING);
        let Some(CVal::Str(bytes)) = self.fold_or_report(e) else { return self.error_val(span) };
        let name = String::from_utf8_lossy(&bytes).into_owned();
        let fields = self.fields_of(ty);
        let loc = self.loc(span);
        match fields.iter().position(|(n, _)| *n == name) {
            Some(index) if self.ensure_layout(ty, loc) => {
                let offset = self.s.types.field_offset(ty, index);
                self.val(TypeId::I64, span, Kind::Int(offset as u64))
            }
            Some(_) => self.error_val(span),
            None => {
                let message = format!("`{}` has no field `{name}`", self.name_of(ty));
                self.error(Code::E0401, span, message);
                self.error_val(span)
            }
        }
    }

    /// The part of a value by its index: a field, or what a variant carries.
    fn part_value(&mut self, name: &str, value: ExprId, index: ExprId, span: Span) -> Val<'b> {
        let e = self.check_settled(value);
        let e = self.auto_deref(e);
        if e.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        if name == "variant_payload" {
            let variants = self.variants_of(e.ty);
            let Some(index) = self.part_index(index, variants.len(), span) else {
                return self.error_val(span);
            };
            return match variants[index].payload {
                Some(payload) => {
                    let tag = variants[index].value;
                    self.val(payload, span, Kind::Payload { base: e, tag, checked: false })
                }
                None => {
                    self.error(Code::E0407, span, "this variant has no payload");
                    self.error_val(span)
                }
            };
        }
        let fields = self.fields_of(e.ty);
        let Some(index) = self.part_index(index, fields.len(), span) else { return self.error_val(span) };
        match *self.kind(e.ty) {
            TypeKind::Struct(_) => self.field_of(e, index, span),
            TypeKind::Tuple(_) => self.tuple_elem(e, index as u32, span),
            _ => self.val(fields[index].1, span, Kind::Payload { base: e, tag: 0, checked: false }),
        }
    }

    /// A variant by its index, with what it carries.
    fn make_variant(&mut self, exprs: &[ExprId], span: Span) -> Val<'b> {
        let ty = self.resolve_type(exprs[0]);
        let payload = exprs.get(2).copied();
        let TypeKind::Enum(id) = *self.kind(ty) else {
            if ty != TypeId::ERROR {
                let at = self.span(exprs[0]);
                let message = format!("`{}` has no variants", self.name_of(ty));
                self.error(Code::E0201, at, message);
            }
            return self.error_val(span);
        };
        let variants = self.variants_of(ty);
        let Some(index) = self.part_index(exprs[1], variants.len(), span) else {
            return self.error_val(span);
        };
        let variant = &variants[index];
        let name = self.s.text(variant.name).to_string();
        let payload = match (variant.payload, payload) {
            (Some(want), Some(given)) => Some(self.check_as(given, want)),
            (None, None) => None,
            (Some(want), None) => {
                let message =
                    format!("variant `.{name}` needs its payload, of type `{}`", self.name_of(want));
                self.error(Code::E0407, span, message);
                return self.error_val(span);
            }
            (None, Some(given)) => {
                let at = self.span(given);
                self.check(given, None);
                self.error(Code::E0407, at, format!("variant `.{name}` takes no payload"));
                return self.error_val(span);
            }
        };
        if payload.is_some_and(|e| e.ty == TypeId::ERROR) {
            return self.error_val(span);
        }
        if self.s.types.enum_def(id).tagged {
            return self.val(ty, span, Kind::Variant { tag: variant.value, payload });
        }
        self.val(ty, span, Kind::Int(variant.value))
    }

    /// The name of the variant or error that a value is.
    fn variant_name(&mut self, arg: ExprId, span: Span) -> Val<'b> {
        let e = self.check_settled(arg);
        let names: Vec<(u64, String)> = match self.kind(e.ty).clone() {
            TypeKind::Enum(id) => {
                self.s.complete_enum(id);
                let def = self.s.types.enum_def(id);
                def.variants.iter().map(|v| (v.value, self.s.text(v.name).to_string())).collect()
            }
            TypeKind::ErrorSet(set) => {
                let tags = self.s.error_tags(set);
                let all = (1..self.s.types.error_names.len() as u32).collect();
                let tags: Vec<u32> = tags.unwrap_or(all);
                tags.iter()
                    .map(|&t| (t as u64, self.s.text(self.s.types.error_names[t as usize]).to_string()))
                    .collect()
            }
            TypeKind::Error => return self.error_val(span),
            _ => {
                let message = format!("`{}` has no variants", self.name_of(e.ty));
                self.error(Code::E0201, span, message);
                return self.error_val(span);
            }
        };
        let value = match *self.kind(e.ty) {
            TypeKind::Enum(id) if self.s.types.enum_def(id).tagged => {
                let tag = self.s.types.enum_def(id).tag;
                self.mk(tag, span, Kind::Tag(e))
            }
            _ => e,
        };
        let mut arms = Vec::with_capacity(names.len());
        for (tag, text) in names {
            let ranges = self.slice_of(vec![(tag, tag)]);
            let body = self.text_val(&text, span).e;
            arms.push(SwitchArm { ranges, body });
        }
        let default = Some(self.text_val("", span).e);
        let arms = self.slice_of(arms);
        self.val(TypeId::STRING, span, Kind::Switch { value, arms, default })
    }

    fn tag_value(&mut self, arg: ExprId, span: Span) -> Val<'b> {
        let e = self.check_settled(arg);
        let e = self.auto_deref(e);
        match *self.kind(e.ty) {
            TypeKind::Enum(id) => {
                self.s.complete_enum(id);
                let def = self.s.types.enum_def(id);
                let (tag_ty, tagged) = (def.tag, def.tagged);
                let tag = if tagged { self.mk(tag_ty, span, Kind::Tag(e)) } else { e };
                self.val(TypeId::I64, span, Kind::Cast(Cast::Int, tag))
            }
            TypeKind::ErrorSet(_) => self.val(TypeId::I64, span, Kind::Cast(Cast::Int, e)),
            TypeKind::Error => self.error_val(span),
            _ => {
                let message = format!("`{}` has no tag", self.name_of(e.ty));
                self.error(Code::E0201, span, message);
                self.error_val(span)
            }
        }
    }
}

fn e_error<'b>(cx: &mut Cx<'_, '_, 'b>, span: Span) -> Val<'b> {
    cx.error_val(span)
}
