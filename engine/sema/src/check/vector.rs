//! Vectors: their types, their operators, and scalars beside them.

use super::{Cx, Lit, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use sx_ir::MAX_LANES;
use sx_syntax::ast::{Arg, ExprId};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

/// The names of the first lanes.
pub(crate) const LANE_NAMES: [&str; 4] = ["x", "y", "z", "w"];

impl<'b> Cx<'_, '_, 'b> {
    /// The lanes' type and number, if it is a vector.
    pub(crate) fn lanes(&self, ty: TypeId) -> Option<(TypeId, u8)> {
        match *self.kind(ty) {
            TypeKind::Vector(elem, n) => Some((elem, n)),
            _ => None,
        }
    }

    /// `Vector(N, T)`; `ERROR` after a report.
    pub(crate) fn vector_type(&mut self, args: &[Arg], span: Span) -> TypeId {
        let [n, elem] = args else {
            self.check_args_loosely(args);
            return self.wrong_vector(span);
        };
        if args.iter().any(|arg| arg.spread || arg.name.is_some()) {
            return self.wrong_vector(span);
        }
        let lanes = self.const_int(n.value);
        let ty = self.resolve_type(elem.value);
        let (Some(lanes), true) = (lanes, ty != TypeId::ERROR) else { return TypeId::ERROR };
        let Some(count) = u8::try_from(lanes).ok().filter(|n| (1..=MAX_LANES).contains(n)) else {
            let at = self.span(n.value);
            let help = format!("a vector has 1 to {MAX_LANES} lanes; an array may have any length");
            self.error_help(Code::E0219, at, format!("a vector can't have {lanes} lanes"), help);
            return TypeId::ERROR;
        };
        if !self.s.types.is_lane(ty) {
            let at = self.span(elem.value);
            let message = format!("a lane can't be a `{}`", self.name_of(ty));
            let help = "lanes are integers of 8, 16, 32 or 64 bits, `f32`, `f64` or `bool`";
            self.error_help(Code::E0219, at, message, help);
            return TypeId::ERROR;
        }
        self.s.types.vector(ty, count)
    }

    fn wrong_vector(&mut self, span: Span) -> TypeId {
        let help = "write the number of lanes and their type: `Vector(4, f32)`";
        self.error_help(Code::E0305, span, "`Vector` takes a number and a type", help);
        TypeId::ERROR
    }

    /// A scalar as a vector whose lanes are all that scalar.
    fn broadcast(&mut self, val: Val<'b>, vector: TypeId, elem: TypeId) -> E<'b> {
        let span = val.e.loc.span;
        let scalar = self.coerce(val, elem, span);
        if scalar.ty == TypeId::ERROR {
            return scalar;
        }
        self.mk(vector, span, Kind::Repeat(scalar))
    }

    /// True for what can stand beside a vector for all its lanes.
    fn is_lane(&self, val: Val<'b>, elem: TypeId) -> bool {
        let number = |ty| self.s.types.is_int(ty) || self.s.types.is_float(ty);
        match val.lit {
            Lit::Int(_) | Lit::Float(_) => number(elem),
            Lit::Null => false,
            Lit::None => val.ty == elem || number(val.ty) && number(elem),
        }
    }

    /// Two operands, of which at least one is a vector, as vectors of one type. `None` without a report where they have
    /// nothing to do with each other.
    fn as_vectors(&mut self, a: Val<'b>, b: Val<'b>) -> Option<(TypeId, E<'b>, E<'b>)> {
        match (self.lanes(a.ty), self.lanes(b.ty)) {
            (Some(_), Some(_)) => (a.ty == b.ty).then_some((a.ty, a.e, b.e)),
            (Some((elem, _)), None) if self.is_lane(b, elem) => {
                Some((a.ty, a.e, self.broadcast(b, a.ty, elem)))
            }
            (None, Some((elem, _))) if self.is_lane(a, elem) => {
                Some((b.ty, self.broadcast(a, b.ty, elem), b.e))
            }
            _ => None,
        }
    }

    fn both_numbers(&self, a: TypeId, b: TypeId) -> bool {
        let number = |ty| {
            let untyped = matches!(self.kind(ty), TypeKind::UntypedInt | TypeKind::UntypedFloat);
            untyped || self.s.types.is_int(ty) || self.s.types.is_float(ty)
        };
        number(a) && number(b)
    }

    /// What to say where two operands don't meet, if one is a vector.
    pub(crate) fn vector_help(&self, a: TypeId, b: TypeId) -> Option<String> {
        Some(match (self.lanes(a), self.lanes(b)) {
            (Some((_, n)), Some((_, m))) if n != m => "both need the same number of lanes".into(),
            (Some((x, _)), Some((y, _))) if x != y => {
                format!("convert the lanes of one: `cast({}) …`", self.name_of(a))
            }
            (Some(_), Some(_)) => return None,
            (Some((elem, _)), None) if self.both_numbers(elem, b) => return None,
            (None, Some((elem, _))) if self.both_numbers(elem, a) => return None,
            (Some((elem, _)), None) | (None, Some((elem, _))) => {
                format!("a single value beside it has the lanes' type, `{}`", self.name_of(elem))
            }
            (None, None) => return None,
        })
    }

    /// Arithmetic lane by lane; `None` if no operand is a vector, or the operator isn't defined.
    pub(crate) fn vector_arith(&mut self, op: Arith, a: Val<'b>, b: Val<'b>, span: Span) -> Option<Val<'b>> {
        let (elem, _) = self.lanes(a.ty).or_else(|| self.lanes(b.ty))?;
        if !self.has_arith(op, elem) {
            return None;
        }
        let (ty, a, b) = self.as_vectors(a, b)?;
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return Some(self.error_val(span));
        }
        Some(self.val(ty, span, Kind::Arith(op, a, b)))
    }

    /// A shift lane by lane: a count of any integer type stands for all lanes.
    pub(crate) fn vector_shift(&mut self, op: Arith, a: Val<'b>, b: Val<'b>, span: Span) -> Option<Val<'b>> {
        let (elem, _) = self.lanes(a.ty).or_else(|| self.lanes(b.ty))?;
        if !self.s.types.is_int(elem) {
            return None;
        }
        let counts = self.lanes(b.ty).is_none();
        let (ty, a, b) = if counts {
            if !self.s.types.is_int(b.ty) && !matches!(b.lit, Lit::Int(_)) {
                return None;
            }
            let count = self.shift_count(b, elem, span);
            (a.ty, a.e, self.mk(a.ty, span, Kind::Repeat(count)))
        } else {
            self.as_vectors(a, b)?
        };
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return Some(self.error_val(span));
        }
        Some(self.val(ty, span, Kind::Arith(op, a, b)))
    }

    /// A comparison lane by lane: a vector of `bool`.
    pub(crate) fn vector_compare(
        &mut self,
        op: Compare,
        a: Val<'b>,
        b: Val<'b>,
        span: Span,
    ) -> Option<Val<'b>> {
        let (elem, n) = self.lanes(a.ty).or_else(|| self.lanes(b.ty))?;
        if elem == TypeId::BOOL && !matches!(op, Compare::Eq | Compare::Ne) {
            return None;
        }
        let (_, a, b) = self.as_vectors(a, b)?;
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return Some(self.error_val(span));
        }
        let ty = self.s.types.vector(TypeId::BOOL, n);
        Some(self.val(ty, span, Kind::Compare(op, a, b)))
    }

    /// Whether two values are equal as wholes, vectors too.
    pub(crate) fn whole_equal(&mut self, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        if a.ty == b.ty && self.lanes(a.ty).is_some() {
            return self.val(TypeId::BOOL, span, Kind::Equal { a: a.e, b: b.e, negate: false });
        }
        self.compare_vals(Compare::Eq, a, b, span)
    }

    /// A link of `a < b < c` gave lanes, which `and` can't join.
    pub(crate) fn lanes_in_chain(&mut self, compared: E<'b>, span: Span) -> bool {
        let lanes = self.lanes(compared.ty).is_some();
        if lanes {
            let help = "join two comparisons with `&`: `(a < b) & (b < c)`";
            self.error_help(Code::E0204, span, "comparisons of vectors can't be chained", help);
        }
        lanes
    }

    /// `!v` of a vector of `bool`; `None` for everything else.
    pub(crate) fn vector_not(&mut self, val: Val<'b>, span: Span) -> Option<Val<'b>> {
        let (elem, _) = self.lanes(val.ty)?;
        (elem == TypeId::BOOL).then(|| self.val(val.ty, span, Kind::Not(val.e)))
    }

    /// True for operations on vectors, which are computed where all operations on vectors are: by the machine.
    pub(crate) fn computes_lanes(&self, e: E<'b>) -> bool {
        matches!(
            e.kind,
            Kind::Neg(_)
                | Kind::Not(_)
                | Kind::BitNot(_)
                | Kind::Arith(..)
                | Kind::Compare(..)
                | Kind::Cast(..)
                | Kind::Intrinsic(..)
        )
    }

    /// A lane by its number.
    pub(crate) fn lane_of(&mut self, e: E<'b>, lane: u8, span: Span) -> Val<'b> {
        let (elem, _) = self.lanes(e.ty).expect("only vectors are asked for lanes");
        let index = self.i64_expr(lane as i64, span);
        self.val(elem, span, Kind::Index { base: e, index })
    }

    /// An argument of a function that goes lane by lane: a vector, whose lanes the function takes.
    pub(crate) fn vector_arg(
        &mut self,
        name: &str,
        val: Val<'b>,
        floats: bool,
        span: Span,
    ) -> Option<Val<'b>> {
        let (elem, _) = self.lanes(val.ty)?;
        let fits = self.s.types.is_float(elem) || !floats && self.s.types.is_int(elem);
        if fits {
            return Some(val);
        }
        let what = if floats { "floats" } else { "numbers" };
        let message = format!("`{name}` needs lanes of {what}, not `{}`", self.name_of(val.ty));
        self.error(Code::E0204, span, message);
        Some(self.error_val(span))
    }

    /// `min` and `max` lane by lane; `None` if no operand is a vector.
    pub(crate) fn vector_min_max(
        &mut self,
        name: &str,
        a: Val<'b>,
        b: Val<'b>,
        span: Span,
    ) -> Option<(TypeId, E<'b>, E<'b>)> {
        let (elem, _) = self.lanes(a.ty).or_else(|| self.lanes(b.ty))?;
        if elem != TypeId::BOOL
            && let Some(both) = self.as_vectors(a, b)
        {
            return Some(both);
        }
        let (x, y) = (self.describe(a.ty), self.describe(b.ty));
        let mut d =
            Diagnostic::error(Code::E0204, self.loc(span), format!("`{name}` isn't defined for {x} and {y}"));
        if let Some(help) = self.vector_help(a.ty, b.ty) {
            d = d.help(help);
        }
        self.report(d);
        let error = self.mk(TypeId::ERROR, span, Kind::Undef);
        Some((TypeId::ERROR, error, error))
    }

    /// The vector type that a literal `.[…]` is meant for, with its lanes' type, if it is one; `Err` after a report.
    pub(crate) fn vector_literal(
        &mut self,
        ty: TypeId,
        len: Option<u64>,
        span: Span,
    ) -> Option<Result<TypeId, ()>> {
        let (elem, n) = self.lanes(ty)?;
        if let Some(len) = len.filter(|&len| len != n as u64) {
            let message = format!("`{}` needs {n} lanes, and this has {len}", self.name_of(ty));
            self.error_help(
                Code::E0214,
                span,
                message,
                format!("`.[v; {n}]` has the same value in every lane"),
            );
            return Some(Err(()));
        }
        Some(Ok(elem))
    }

    /// Matches the arguments of `Vector($N, $T)`: what stands for the number, and the lanes' type expression.
    pub(crate) fn vector_pattern(args: &[Arg]) -> Option<(ExprId, ExprId)> {
        match args {
            [n, elem] if !n.spread && !elem.spread => Some((n.value, elem.value)),
            _ => None,
        }
    }
}
