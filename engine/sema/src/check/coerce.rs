//! Implicit conversions, and the types of untyped constants.

use super::nominal::int_range;
use super::{Cx, Lit, Val, is_place};
use crate::thir::*;
use crate::types::{FnAbi, TypeId, TypeKind};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

/// The widest pack of integers that a float holds exactly.
fn float_exact(n: i128, single: bool) -> bool {
    if single { (n as f32) as i128 == n } else { (n as f64) as i128 == n }
}

impl<'b> Cx<'_, '_, 'b> {
    /// The value under a type of its own: untyped constants become `i64` or `f64`.
    pub(crate) fn settle(&mut self, val: Val<'b>, span: Span) -> E<'b> {
        match val.lit {
            Lit::Int(_) => self.coerce(val, TypeId::I64, span),
            Lit::Float(_) => self.coerce(val, TypeId::F64, span),
            Lit::Null => {
                let help = "give the variable a type: `p : ?T = null;`";
                self.error_help(Code::E0203, span, "`null` alone doesn't say of which type it is", help);
                self.error_val(span).e
            }
            Lit::None => self.with_payload(val.e, span),
        }
    }

    /// A bare variant as a value: one that carries something needs it. Comparisons and patterns look at the tag
    /// alone and don't come here.
    fn with_payload(&mut self, e: E<'b>, span: Span) -> E<'b> {
        let (Kind::Variant { tag, payload: None }, TypeKind::Enum(id)) = (&e.kind, self.kind(e.ty).clone())
        else {
            return e;
        };
        let variant = self.s.types.enum_def(id).variants.iter().find(|v| v.value == *tag);
        let Some((name, payload)) = variant.and_then(|v| Some((v.name, v.payload?))) else { return e };
        let name = self.s.text(name).to_string();
        let message = format!("variant `.{name}` needs its payload, of type `{}`", self.name_of(payload));
        self.error_help(Code::E0407, span, message, format!("write `.{name}(…)`"));
        self.error_val(span).e
    }

    /// The value as a `target`, by an implicit conversion; an error names both types.
    pub(crate) fn coerce(&mut self, val: Val<'b>, target: TypeId, span: Span) -> E<'b> {
        if let Some(e) = self.try_coerce(val, target, span) {
            return e;
        }
        self.mismatch(val, target, span);
        self.mk(TypeId::ERROR, span, Kind::Undef)
    }

    /// A value's type in a sentence: "`i64`", "an integer literal".
    pub(crate) fn describe(&self, ty: TypeId) -> String {
        match self.kind(ty) {
            TypeKind::UntypedInt => "an integer literal".into(),
            TypeKind::UntypedFloat => "a float literal".into(),
            TypeKind::UntypedNull => "`null`".into(),
            _ => format!("`{}`", self.name_of(ty)),
        }
    }

    pub(crate) fn mismatch(&mut self, val: Val<'b>, target: TypeId, span: Span) {
        if !self.stays_in_view(val.e, target) {
            let what = format!("doesn't convert to `{}`", self.name_of(target));
            self.seen_whole(val, &what);
            return;
        }
        let (want, have) = (self.name_of(target), self.describe(val.ty));
        let loc = self.loc(span);
        if let (Lit::Int(n), Some((bits, signed))) = (val.lit, self.s.types.int_repr(target))
            && self.s.types.is_int(target)
        {
            let (min, max) = int_range(bits, signed);
            let d = Diagnostic::error(Code::E0202, loc, format!("{n} doesn't fit `{want}`"))
                .note(format!("`{want}` holds {min} to {max}"));
            self.report(d);
            return;
        }
        if let (Lit::Float(x), true) = (val.lit, self.s.types.is_int(target)) {
            let message = format!("{x} isn't an integer, and `{want}` is needed");
            self.error_help(Code::E0202, span, message, "use `cast(…)` to truncate it");
            return;
        }
        if let TypeKind::Protocol(id) = *self.kind(target)
            && val.lit != Lit::Null
        {
            let ty = match val.lit {
                Lit::Int(_) => TypeId::I64,
                Lit::Float(_) => TypeId::F64,
                _ => val.ty,
            };
            // A pointer stands for what it points at.
            let pointed = if let TypeKind::Ptr(of) = *self.kind(ty) { of } else { ty };
            if pointed == target {
                let message = format!("expected `{want}`, found {have}");
                self.error_help(Code::E0201, span, message, "read what it points at with `.*`");
                return;
            }
            let ty = pointed;
            let name = self.name_of(ty);
            let help = self.implement_help(id, ty, &name, &want);
            let message = format!("`{name}` doesn't implement `{want}`");
            self.error_help(Code::E0410, span, message, help);
            return;
        }
        let mut d = Diagnostic::error(Code::E0201, loc, format!("expected `{want}`, found {have}"));
        if let Some(help) = self.conversion_help(val, target) {
            d = d.help(help);
        }
        if matches!(self.kind(val.ty), TypeKind::Optional(_)) {
            d.notes.extend(self.lost_narrowing(val.e));
        }
        self.report(d);
    }

    /// What makes a value fit that doesn't by itself.
    pub(crate) fn conversion_help(&self, val: Val<'b>, target: TypeId) -> Option<String> {
        let want = self.name_of(target);
        let (from, to) = (self.kind(val.ty), self.kind(target));
        if let (TypeKind::Void, Kind::If { else_: None, .. }) = (from, &val.e.kind) {
            return Some("an `if` without `else` gives no value; add an `else`".into());
        }
        let help = match (from, to) {
            (TypeKind::Optional(of), _) if *of == target => {
                "take the value out with `!`, `?? default`, or `if v := … { }`".into()
            }
            (TypeKind::Failable { value, .. }, _) if *value == target => {
                "handle the error: `try`, `catch`, or `or`".into()
            }
            (TypeKind::Any, _) => {
                format!("`cast({want}) …` takes it out, and traps when it is of another type")
            }
            (TypeKind::Ptr(of), _) if *of == target => "read what it points at with `.*`".into(),
            (_, TypeKind::Ptr(of)) if *of == val.ty => "take its address with `@`".into(),
            (TypeKind::String, TypeKind::CString) => {
                "only a literal converts by itself; `to_cstring` makes a copy that ends with a NUL".into()
            }
            (TypeKind::String, _) if self.scalar_like(target) && !matches!(val.e.kind, Kind::Str(_)) => {
                "a number is read from text with `parse_int` or `parse_float`".into()
            }
            (_, TypeKind::String) if val.lit == Lit::None && self.scalar_like(val.ty) => {
                "text is made of it by `format(\"{}\", …)`".into()
            }
            (
                TypeKind::Func { params: a, ret: x, abi: FnAbi::Sx },
                TypeKind::Func { params: b, ret: y, abi: FnAbi::C },
            ) if a == b && x == y => "C can only call a function that is declared with `abi(.c)`".into(),
            (TypeKind::Closure { params: a, ret: x }, TypeKind::Func { params: b, ret: y, .. })
                if a == b && x == y =>
            {
                "a closure carries an environment; only a lambda literal without captures becomes a function"
                    .into()
            }
            (TypeKind::Slice(a), TypeKind::Array(b, _)) if a == b => {
                "a slice's length is known only at run time; copy its elements into an array".into()
            }
            (_, TypeKind::Bool) if val.lit == Lit::None && self.scalar_like(val.ty) => {
                "compare it: `… != 0`".into()
            }
            (TypeKind::UntypedNull, TypeKind::Array(..) | TypeKind::Vector(..)) => return None,
            (from, TypeKind::Vector(elem, n)) if from != to && (val.lit != Lit::None || val.ty == *elem) => {
                format!("one value for all lanes is written `.[…; {n}]`")
            }
            (TypeKind::UntypedNull, _) => format!("a type that has `null` is `?{want}`"),
            (TypeKind::Type, _) | (_, TypeKind::Type) => return None,
            (_, TypeKind::Ptr(_) | TypeKind::ManyPtr(_)) if self.scalar_like(val.ty) => return None,
            _ if val.lit == Lit::None && self.explicit_cast(val.ty, from, target, to).is_some() => {
                format!("convert it: `cast({want}) …`, or `xx …`")
            }
            _ => return None,
        };
        Some(help)
    }

    fn scalar_like(&self, ty: TypeId) -> bool {
        self.s.types.is_int(ty) || self.s.types.is_float(ty)
    }

    /// An implicit conversion, if there is one. Reports only what is wrong inside (a protocol's missing method).
    pub(crate) fn try_coerce(&mut self, val: Val<'b>, target: TypeId, span: Span) -> Option<E<'b>> {
        if val.ty == target && val.lit == Lit::None {
            return Some(self.with_payload(val.e, span));
        }
        if val.ty == TypeId::ERROR || target == TypeId::ERROR {
            return Some(self.mk(TypeId::ERROR, span, Kind::Undef));
        }
        if val.ty == TypeId::NORETURN {
            return Some(self.mk(target, span, Kind::Cast(Cast::Never, val.e)));
        }
        if target == TypeId::ANY {
            return self.put_in_any(val, span);
        }
        match val.lit {
            Lit::Int(n) => return self.coerce_int(n, target, span),
            Lit::Float(x) => return self.coerce_float(x, target, span),
            Lit::Null => return self.coerce_null(target, span),
            Lit::None => {}
        }
        if !self.stays_in_view(val.e, target) {
            return None;
        }
        if let Some(inner) = self.through_ref(val)
            && !matches!(self.kind(target), TypeKind::Ptr(_) | TypeKind::Optional(_))
        {
            return self.try_coerce(inner, target, span);
        }
        let (from, to) = (self.kind(val.ty).clone(), self.kind(target).clone());
        if self.s.types.is_int(val.ty) {
            if self.s.types.is_int(target) {
                let (fb, fs) = self.s.types.int_repr(val.ty)?;
                let (tb, ts) = self.s.types.int_repr(target)?;
                let fits = if fs == ts { fb <= tb } else { !fs && fb < tb };
                return fits.then(|| self.mk(target, span, Kind::Cast(Cast::Int, val.e)));
            }
            if self.s.types.is_float(target) {
                return Some(self.mk(target, span, Kind::Cast(Cast::IntToFloat, val.e)));
            }
        }
        match (from, to) {
            (TypeKind::F32, TypeKind::F64) => Some(self.mk(target, span, Kind::Cast(Cast::Float, val.e))),
            (_, TypeKind::Optional(of)) => {
                let inner = self.try_coerce(val, of, span)?;
                Some(self.wrap_some(inner, target, span))
            }
            (TypeKind::Array(elem, _), TypeKind::Slice(to)) if elem == to => {
                if is_place(val.e) {
                    self.mark_address_taken(val.e);
                }
                Some(self.mk(target, span, Kind::Cast(Cast::ArrayToSlice, val.e)))
            }
            (TypeKind::SentinelSlice(elem), TypeKind::Slice(to)) if elem == to => {
                Some(self.mk(target, span, Kind::Cast(Cast::Bits, val.e)))
            }
            (TypeKind::String, TypeKind::CString) => match val.e.kind {
                Kind::Str(bytes) => Some(self.mk(target, span, Kind::CStr(bytes))),
                _ => None,
            },
            (TypeKind::String, TypeKind::SentinelSlice(TypeId::U8)) if matches!(val.e.kind, Kind::Str(_)) => {
                Some(self.mk(target, span, Kind::Cast(Cast::Bits, val.e)))
            }
            (
                TypeKind::Func { params, ret, abi: FnAbi::Sx },
                TypeKind::Closure { params: want, ret: want_ret },
            ) if params == want && self.ret_fits(ret, want_ret, span) => {
                Some(self.mk(target, span, Kind::Cast(Cast::FuncToClosure, val.e)))
            }
            (
                TypeKind::Func { params, ret, abi: FnAbi::Sx },
                TypeKind::Func { params: want, ret: want_ret, abi: FnAbi::Sx },
            ) if params == want && self.ret_fits(ret, want_ret, span) => {
                Some(self.mk(target, span, Kind::Cast(Cast::Bits, val.e)))
            }
            (TypeKind::ErrorSet(from), TypeKind::ErrorSet(to)) => {
                let loc = self.loc(span);
                self.s
                    .widen_set(from, to, loc, false)
                    .then(|| self.mk(target, span, Kind::Cast(Cast::Int, val.e)))
            }
            (TypeKind::Tuple(a), TypeKind::Tuple(b)) if a.len() == b.len() => {
                self.coerce_tuple(val, &a, &b, target, span)
            }
            (_, TypeKind::Protocol(protocol)) => self.erase(val, protocol, target, span),
            _ => None,
        }
    }

    /// What a by-reference capture points at.
    pub(crate) fn through_ref(&mut self, val: Val<'b>) -> Option<Val<'b>> {
        let Kind::Local(local) = val.e.kind else { return None };
        let TypeKind::Ptr(of) = *self.kind(val.ty) else { return None };
        if !self.f.refs.contains(&local) {
            return None;
        }
        let span = val.e.loc.span;
        Some(self.val(of, span, Kind::Deref(val.e)))
    }

    /// Results of one type, or failable ones whose errors the wanted set holds: both look alike in memory.
    fn ret_fits(&mut self, have: TypeId, want: TypeId, span: Span) -> bool {
        if have == want {
            return true;
        }
        match (self.kind(have), self.kind(want)) {
            (&TypeKind::Failable { value: a, set: from }, &TypeKind::Failable { value: b, set: to })
                if a == b =>
            {
                let loc = self.loc(span);
                self.s.widen_set(from, to, loc, false)
            }
            _ => false,
        }
    }

    /// `T` to `?T`.
    pub(crate) fn wrap_some(&mut self, inner: E<'b>, optional: TypeId, span: Span) -> E<'b> {
        self.mk(optional, span, Kind::Cast(Cast::Wrap, inner))
    }

    /// Tuples convert when they differ in names only.
    fn coerce_tuple(
        &mut self,
        val: Val<'b>,
        a: &[crate::types::TupleField],
        b: &[crate::types::TupleField],
        target: TypeId,
        span: Span,
    ) -> Option<E<'b>> {
        let same = a
            .iter()
            .zip(b)
            .all(|(x, y)| x.ty == y.ty && (x.name == y.name || x.name.is_none() || y.name.is_none()));
        same.then(|| self.mk(target, span, Kind::Cast(Cast::Bits, val.e)))
    }

    fn coerce_int(&mut self, n: i128, target: TypeId, span: Span) -> Option<E<'b>> {
        if target == TypeId::UNTYPED_INT {
            return Some(self.untyped_int(n, span).e);
        }
        if self.s.types.is_int(target) {
            let (bits, signed) = self.s.types.int_repr(target)?;
            let (min, max) = int_range(bits, signed);
            return (min..=max).contains(&n).then(|| self.mk(target, span, Kind::Int(n as u64)));
        }
        match *self.kind(target) {
            TypeKind::F32 => Some(self.mk(target, span, Kind::Float(n as f32 as f64))),
            TypeKind::F64 => Some(self.mk(target, span, Kind::Float(n as f64))),
            TypeKind::Optional(of) => {
                let inner = self.coerce_int(n, of, span)?;
                Some(self.wrap_some(inner, target, span))
            }
            TypeKind::Any => {
                let e = self.mk(TypeId::I64, span, Kind::Int(n as u64));
                let val = self.of(e);
                i64::try_from(n).ok().and_then(|_| self.put_in_any(val, span))
            }
            TypeKind::Protocol(protocol) => {
                let e = self.mk(TypeId::I64, span, Kind::Int(n as u64));
                let val = self.of(e);
                self.erase(val, protocol, target, span)
            }
            _ => None,
        }
    }

    fn coerce_float(&mut self, x: f64, target: TypeId, span: Span) -> Option<E<'b>> {
        match *self.kind(target) {
            TypeKind::UntypedFloat => Some(self.untyped_float(x, span).e),
            TypeKind::F32 => Some(self.mk(target, span, Kind::Float(x as f32 as f64))),
            TypeKind::F64 => Some(self.mk(target, span, Kind::Float(x))),
            TypeKind::Optional(of) => {
                let inner = self.coerce_float(x, of, span)?;
                Some(self.wrap_some(inner, target, span))
            }
            TypeKind::Int { .. } | TypeKind::Usize | TypeKind::Isize => {
                let whole = x.fract() == 0.0 && x.abs() < 1.0e19 && float_exact(x as i128, false);
                if whole { self.coerce_int(x as i128, target, span) } else { None }
            }
            TypeKind::Any => {
                let e = self.mk(TypeId::F64, span, Kind::Float(x));
                let val = self.of(e);
                self.put_in_any(val, span)
            }
            TypeKind::Protocol(protocol) => {
                let e = self.mk(TypeId::F64, span, Kind::Float(x));
                let val = self.of(e);
                self.erase(val, protocol, target, span)
            }
            _ => None,
        }
    }

    fn coerce_null(&mut self, target: TypeId, span: Span) -> Option<E<'b>> {
        match *self.kind(target) {
            TypeKind::Optional(_)
            | TypeKind::Ptr(_)
            | TypeKind::ManyPtr(_)
            | TypeKind::CString
            | TypeKind::Func { .. }
            | TypeKind::Closure { .. }
            | TypeKind::Protocol(_) => Some(self.mk(target, span, Kind::Zero)),
            _ => None,
        }
    }

    /// The type that both sides of a choice can have.
    pub(crate) fn peer(&mut self, a: Val<'b>, b: Val<'b>) -> Option<TypeId> {
        if a.ty == b.ty {
            return Some(a.ty);
        }
        if a.ty == TypeId::NORETURN || a.ty == TypeId::ERROR {
            return Some(b.ty);
        }
        if b.ty == TypeId::NORETURN || b.ty == TypeId::ERROR {
            return Some(a.ty);
        }
        match (a.lit, b.lit) {
            (Lit::Null, Lit::None) => return Some(self.nullable(b.ty)),
            (Lit::None, Lit::Null) => return Some(self.nullable(a.ty)),
            (Lit::Null, Lit::Int(_)) | (Lit::Int(_), Lit::Null) => {
                return Some(self.s.types.optional(TypeId::I64));
            }
            (Lit::Null, Lit::Float(_)) | (Lit::Float(_), Lit::Null) => {
                return Some(self.s.types.optional(TypeId::F64));
            }
            (Lit::Int(_), Lit::Float(_)) | (Lit::Float(_), Lit::Int(_)) => {
                return Some(TypeId::UNTYPED_FLOAT);
            }
            _ => {}
        }
        let span = a.e.loc.span;
        if a.lit == Lit::None && self.try_coerce(b, a.ty, span).is_some() {
            return Some(a.ty);
        }
        if b.lit == Lit::None && self.try_coerce(a, b.ty, span).is_some() {
            return Some(b.ty);
        }
        None
    }

    /// The type of `null` beside a value.
    fn nullable(&mut self, ty: TypeId) -> TypeId {
        match *self.kind(ty) {
            TypeKind::Optional(_) => ty,
            _ => self.s.types.optional(ty),
        }
    }
}
