//! Conversions that are asked for: `xx` and `cast`.

use super::{Cx, Lit, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use sx_syntax::ast::ExprId;
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

impl<'b> Cx<'_, '_, 'b> {
    /// `xx e`: the conversion that the surroundings ask for.
    pub(crate) fn check_autocast(
        &mut self,
        operand: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let Some(target) = expected.filter(|&t| t != TypeId::ERROR) else {
            self.check(operand, None);
            if expected.is_none() {
                let help = "say the type: `cast(T) …`";
                self.error_help(Code::E0203, span, "`xx` doesn't know which type is wanted here", help);
            }
            return self.error_val(span);
        };
        let val = self.check(operand, None);
        if let TypeKind::Optional(of) = *self.kind(target)
            && !matches!(self.kind(val.ty), TypeKind::Optional(_))
        {
            let inner = self.cast_to(val, of, span);
            let inner = self.coerce(inner, target, span);
            return self.of(inner);
        }
        self.cast_to(val, target, span)
    }

    /// `cast(T) v`.
    pub(crate) fn cast_to(&mut self, val: Val<'b>, target: TypeId, span: Span) -> Val<'b> {
        if val.ty == TypeId::ERROR || target == TypeId::ERROR {
            return self.error_val(span);
        }
        if let Lit::Int(n) = val.lit
            && let Some((bits, signed)) =
                self.s.types.int_repr(target).filter(|_| self.s.types.is_int(target))
        {
            let low = wrap(n, bits, signed);
            return self.val(target, span, Kind::Int(low));
        }
        if let Some(e) = self.try_coerce(val, target, span) {
            return self.of(e);
        }
        if val.ty == TypeId::ANY {
            return self.take_from_any(val.e, target, span);
        }
        let val = self.seen_whole(val, "can't be cast to something else");
        let e = self.settle(val, span);
        if e.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let (from, to) = (self.kind(e.ty).clone(), self.kind(target).clone());
        let cast = self.explicit_cast(e.ty, &from, target, &to);
        match cast {
            Some(cast) => self.val(target, span, Kind::Cast(cast, e)),
            None => {
                if let TypeKind::Protocol(_) = from
                    && let Some(val) = self.recover_concrete(e, target, span)
                {
                    return val;
                }
                if let Some(val) = self.convert_into(e, target, span) {
                    return val;
                }
                let (x, y) = (self.name_of(e.ty), self.name_of(target));
                let message = format!("`{x}` can't be converted to `{y}`");
                let mut d = Diagnostic::error(Code::E0205, self.loc(span), message);
                let val = self.of(e);
                if let Some(help) = self.conversion_help(val, target) {
                    d = d.help(help);
                } else if self.s.members_of(target).is_some() {
                    d = d.help(format!("`impl Into({y}) for {x} {{ … }}` can say how"));
                }
                self.report(d);
                self.error_val(span)
            }
        }
    }

    pub(crate) fn explicit_cast(
        &self,
        from_ty: TypeId,
        from: &TypeKind,
        to_ty: TypeId,
        to: &TypeKind,
    ) -> Option<Cast> {
        use TypeKind::*;
        let types = &self.s.types;
        let int_like = |ty: TypeId, kind: &TypeKind| match kind {
            Bool | Type | ErrorSet(_) => true,
            Enum(id) => !types.enum_def(*id).tagged,
            _ => types.is_int(ty),
        };
        let pointer = |kind: &TypeKind| matches!(kind, Ptr(_) | ManyPtr(_) | CString | Func { .. });
        let (fi, ti) = (int_like(from_ty, from), int_like(to_ty, to));
        let (ff, tf) = (types.is_float(from_ty), types.is_float(to_ty));
        if fi && ti {
            if let (true, Enum(id)) = (types.is_int(from_ty), to)
                && !types.enum_def(*id).flags
            {
                return Some(Cast::IntToEnum);
            }
            return Some(Cast::Int);
        }
        if fi && tf {
            return Some(Cast::IntToFloat);
        }
        if ff && types.is_int(to_ty) {
            return Some(Cast::FloatToInt);
        }
        if ff && tf {
            return Some(Cast::Float);
        }
        if let (&Vector(a, n), &Vector(b, m)) = (from, to)
            && n == m
            && (a == TypeId::BOOL || b != TypeId::BOOL)
        {
            return self.explicit_cast(a, self.kind(a), b, self.kind(b));
        }
        let word = |ty: TypeId| {
            types.is_int(ty) && types.int_repr(ty).is_some_and(|(b, _)| b as u32 == types.target.ptr_size * 8)
        };
        if (pointer(from) && pointer(to)) || (pointer(from) && word(to_ty)) || (word(from_ty) && pointer(to))
        {
            return Some(Cast::Bits);
        }
        let optional_pointer = |kind: &TypeKind| matches!(kind, Optional(of) if pointer(types.kind(*of)));
        if (optional_pointer(from) && pointer(to)) || (optional_pointer(from) && optional_pointer(to)) {
            return Some(Cast::Bits);
        }
        match (from, to) {
            (String, Slice(TypeId::U8)) | (Slice(TypeId::U8), String) => Some(Cast::Bits),
            (SentinelSlice(TypeId::U8), String) | (SentinelSlice(_), Slice(_)) => Some(Cast::Bits),
            (String, Ptr(TypeId::U8) | ManyPtr(TypeId::U8)) => None,
            _ => None,
        }
    }
}

/// The low bits of a value under an integer type, extended by its sign.
pub(crate) fn wrap(n: i128, bits: u8, signed: bool) -> u64 {
    let shift = 128 - bits as u32;
    let n = n << shift;
    if signed { (n >> shift) as u64 } else { ((n as u128) >> shift) as u64 }
}
