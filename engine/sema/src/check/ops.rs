//! Operators: unary, binary, chained comparison.

use super::{Cx, Lit, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use sx_syntax::ast::{BinOp, ChainLink, Expr as Ast, ExprId, Range, UnOp};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

pub(crate) fn spelling(op: BinOp) -> &'static str {
    match op {
        BinOp::Add => "+",
        BinOp::Sub => "-",
        BinOp::Mul => "*",
        BinOp::Div => "/",
        BinOp::Rem => "%",
        BinOp::Shl => "<<",
        BinOp::Shr => ">>",
        BinOp::BitAnd => "&",
        BinOp::BitXor => "^",
        BinOp::BitOr => "|",
        BinOp::Eq => "==",
        BinOp::Ne => "!=",
        BinOp::Lt => "<",
        BinOp::Gt => ">",
        BinOp::Le => "<=",
        BinOp::Ge => ">=",
        BinOp::In => "in",
    }
}

fn arith(op: BinOp) -> Option<Arith> {
    Some(match op {
        BinOp::Add => Arith::Add,
        BinOp::Sub => Arith::Sub,
        BinOp::Mul => Arith::Mul,
        BinOp::Div => Arith::Div,
        BinOp::Rem => Arith::Rem,
        BinOp::Shl => Arith::Shl,
        BinOp::Shr => Arith::Shr,
        BinOp::BitAnd => Arith::And,
        BinOp::BitXor => Arith::Xor,
        BinOp::BitOr => Arith::Or,
        _ => return None,
    })
}

fn compare(op: BinOp) -> Option<Compare> {
    Some(match op {
        BinOp::Eq => Compare::Eq,
        BinOp::Ne => Compare::Ne,
        BinOp::Lt => Compare::Lt,
        BinOp::Gt => Compare::Gt,
        BinOp::Le => Compare::Le,
        BinOp::Ge => Compare::Ge,
        _ => return None,
    })
}

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn check_unary(
        &mut self,
        op: UnOp,
        operand: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        if op == UnOp::Not {
            let cond =
                match self.raw_local(operand).filter(|e| matches!(self.kind(e.ty), TypeKind::Optional(_))) {
                    Some(_) => self.check_cond(operand),
                    None => {
                        let val = self.check(operand, Some(TypeId::BOOL));
                        if let Some(lanes) = self.vector_not(val, span) {
                            return lanes;
                        }
                        let at = self.span(operand);
                        self.truth(val, at)
                    }
                };
            if cond.ty == TypeId::ERROR {
                return self.error_val(span);
            }
            return self.val(TypeId::BOOL, span, Kind::Not(cond));
        }
        let val = self.check(operand, expected);
        let val = self.seen_whole(val, "has no operators");
        match (op, val.lit) {
            (UnOp::Neg, Lit::Int(n)) => return self.untyped_int(-n, span),
            (UnOp::Neg, Lit::Float(x)) => return self.untyped_float(-x, span),
            (UnOp::BitNot, Lit::Int(n)) => {
                // `~0` of an unsigned type is its greatest value, which no untyped integer says: the expected
                // type decides the width.
                let ty = expected.filter(|&ty| self.s.types.is_int(ty));
                let Some(ty) = ty else { return self.untyped_int(!n, span) };
                let e = self.coerce(val, ty, span);
                return self.val(ty, span, Kind::BitNot(e));
            }
            _ => {}
        }
        let ty = val.ty;
        let lane = self.s.types.lane(ty);
        let int = self.s.types.is_int(lane);
        let flags = matches!(*self.kind(ty), TypeKind::Enum(id) if self.s.types.enum_def(id).flags);
        match op {
            UnOp::Neg if int || self.s.types.is_float(lane) => self.val(ty, span, Kind::Neg(val.e)),
            UnOp::BitNot if int || flags => self.val(ty, span, Kind::BitNot(val.e)),
            _ if ty == TypeId::ERROR => self.error_val(span),
            _ if ty == TypeId::NORETURN => val,
            _ => {
                let sign = if op == UnOp::Neg { "-" } else { "~" };
                let message = format!("`{sign}` isn't defined for `{}`", self.name_of(ty));
                self.error(Code::E0204, span, message);
                self.error_val(span)
            }
        }
    }

    /// True for expressions that take their type from their surroundings.
    fn needs_context(&self, expr: ExprId) -> bool {
        match *self.ast.expr(expr) {
            Ast::DotName(_)
            | Ast::StructLit { ty: None, .. }
            | Ast::ArrayLit { ty: None, .. }
            | Ast::TupleLit { ty: None, .. }
            | Ast::Autocast(_) => true,
            Ast::Call { callee, .. } => matches!(self.ast.expr(callee), Ast::DotName(_)),
            Ast::Paren(inner) | Ast::Unary { operand: inner, .. } => self.needs_context(inner),
            Ast::Binary { op: BinOp::BitOr | BinOp::BitAnd | BinOp::BitXor, lhs, rhs } => {
                self.needs_context(lhs) && self.needs_context(rhs)
            }
            _ => false,
        }
    }

    pub(crate) fn check_binary(
        &mut self,
        op: BinOp,
        lhs: ExprId,
        rhs: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        self.warn_mixed(op, lhs, rhs, span);
        if op == BinOp::In {
            return self.check_in(lhs, rhs, span);
        }
        if let Some(op) = compare(op) {
            let (a, b) = self.operands(lhs, rhs, None, true);
            return self.compare_vals(op, a, b, span);
        }
        let op = arith(op).expect("every other operator is arithmetic");
        if matches!(op, Arith::Shl | Arith::Shr) {
            return self.check_shift(op, lhs, rhs, expected, span);
        }
        let (a, b) = self.operands(lhs, rhs, expected, false);
        self.arith_vals(op, a, b, span)
    }

    /// Both operands; one that needs a type gets the other's.
    fn operands(
        &mut self,
        lhs: ExprId,
        rhs: ExprId,
        expected: Option<TypeId>,
        comparing: bool,
    ) -> (Val<'b>, Val<'b>) {
        let wanted = if comparing { None } else { expected };
        if self.needs_context(lhs) && !self.needs_context(rhs) {
            let b = self.check_operand(rhs, wanted, comparing);
            let hint = self.hint(b).or(wanted);
            let a = self.check_operand(lhs, hint, comparing);
            return (a, b);
        }
        let a = self.check_operand(lhs, wanted, comparing);
        let hint = self.hint(a).or(wanted);
        let b = self.check_operand(rhs, hint, comparing);
        (a, b)
    }

    /// Comparisons look at optionals themselves, not at what narrowing made of them, when null is on the other side.
    fn check_operand(&mut self, expr: ExprId, expected: Option<TypeId>, comparing: bool) -> Val<'b> {
        let val = self.check(expr, expected);
        let val = self.seen_whole(val, "has no operators");
        let against_null = comparing && expected.is_none_or(|ty| matches!(self.kind(ty), TypeKind::Ptr(_)));
        match self.through_ref(val) {
            Some(inner) if !against_null || self.numeric(inner.ty) => inner,
            _ => val,
        }
    }

    fn hint(&self, val: Val<'b>) -> Option<TypeId> {
        (val.lit == Lit::None && val.ty != TypeId::NORETURN && val.ty != TypeId::ERROR).then_some(val.ty)
    }

    fn warn_mixed(&mut self, op: BinOp, lhs: ExprId, rhs: ExprId, span: Span) {
        let bitwise = |op| matches!(op, BinOp::BitAnd | BinOp::BitOr | BinOp::BitXor);
        let comparing = |op| compare(op).is_some();
        for side in [lhs, rhs] {
            if let Ast::Binary { op: inner, .. } = *self.ast.expr(side)
                && ((bitwise(op) && comparing(inner)) || (comparing(op) && bitwise(inner)))
            {
                let message =
                    format!("`{}` and `{}` are mixed without parentheses", spelling(op), spelling(inner));
                let d = Diagnostic::warning(Code::W0001, self.loc(span), message)
                    .help("write parentheses to show which comes first");
                self.report(d);
            }
        }
    }

    pub(crate) fn arith_vals(&mut self, op: Arith, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        if a.lit != Lit::None && b.lit != Lit::None {
            return self.fold_untyped(op, a, b, span);
        }
        if let Some(val) = self.vector_arith(op, a, b, span) {
            return val;
        }
        let Some(ty) = self.common_type(op, a, b, span) else { return self.error_val(span) };
        if !self.has_arith(op, ty) {
            return self.undefined(op, a, b, span);
        }
        let (sa, sb) = (a.e.loc.span, b.e.loc.span);
        let a = self.convert_operand(a, ty, sa);
        let b = self.convert_operand(b, ty, sb);
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        self.val(ty, span, Kind::Arith(op, a, b))
    }

    fn undefined(&mut self, op: Arith, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        let sign = match op {
            Arith::Add => "+",
            Arith::Sub => "-",
            Arith::Mul => "*",
            Arith::Div => "/",
            Arith::Rem => "%",
            Arith::Shl => "<<",
            Arith::Shr => ">>",
            Arith::And => "&",
            Arith::Or => "|",
            Arith::Xor => "^",
        };
        let (x, y) = (self.describe(a.ty), self.describe(b.ty));
        let message = if a.ty == b.ty {
            format!("`{sign}` isn't defined for {x}")
        } else {
            format!("`{sign}` isn't defined for {x} and {y}")
        };
        let mut d = Diagnostic::error(Code::E0204, self.loc(span), message);
        if op == Arith::Add && (a.ty == TypeId::STRING || b.ty == TypeId::STRING) {
            d = d.help("join strings with `concat(a, b)`, or use `format(\"{}{}\", a, b)`");
        } else if matches!(self.kind(a.ty), TypeKind::Optional(_))
            || matches!(self.kind(b.ty), TypeKind::Optional(_))
        {
            d = d.help("take the value out of the optional first, with `!` or `??`");
            d.notes.extend([a.e, b.e].into_iter().filter_map(|e| self.lost_narrowing(e)));
        } else if matches!(self.kind(a.ty), TypeKind::Failable { .. }) {
            d = d.help("handle the error first, with `try`, `catch` or `or`");
        } else if let Some(help) = self.vector_help(a.ty, b.ty) {
            d = d.help(help);
        } else if [a.ty, b.ty].iter().any(|&ty| matches!(self.kind(ty), TypeKind::Struct(_))) {
            d = d.help("operators work on built-in types; write a method for it");
        } else if [a.ty, b.ty].iter().any(|&ty| matches!(self.kind(ty), TypeKind::Ptr(_))) {
            d = d.help("pointers aren't numbers; a `[*]T` can be indexed and sliced");
        }
        self.report(d);
        self.error_val(span)
    }

    fn convert_operand(&mut self, val: Val<'b>, ty: TypeId, span: Span) -> E<'b> {
        if val.lit == Lit::None && val.ty != ty && self.s.types.is_float(val.ty) && self.s.types.is_float(ty)
        {
            return self.mk(ty, span, Kind::Cast(Cast::Float, val.e));
        }
        self.coerce(val, ty, span)
    }

    pub(super) fn has_arith(&self, op: Arith, ty: TypeId) -> bool {
        if self.s.types.is_int(ty) {
            return true;
        }
        if self.s.types.is_float(ty) {
            return matches!(op, Arith::Add | Arith::Sub | Arith::Mul | Arith::Div | Arith::Rem);
        }
        match *self.kind(ty) {
            TypeKind::Enum(id) => {
                self.s.types.enum_def(id).flags && matches!(op, Arith::And | Arith::Or | Arith::Xor)
            }
            TypeKind::Bool => matches!(op, Arith::And | Arith::Or | Arith::Xor),
            _ => false,
        }
    }

    /// The type in which two operands meet; a report when there is none.
    fn common_type(&mut self, op: Arith, a: Val<'b>, b: Val<'b>, span: Span) -> Option<TypeId> {
        if a.lit != Lit::None {
            return self.literal_meets(a, b.ty);
        }
        if b.lit != Lit::None {
            return self.literal_meets(b, a.ty);
        }
        if a.ty == b.ty || b.ty == TypeId::NORETURN {
            return Some(a.ty);
        }
        if a.ty == TypeId::NORETURN {
            return Some(b.ty);
        }
        let types = &self.s.types;
        let (ia, ib) = (types.is_int(a.ty), types.is_int(b.ty));
        let (fa, fb) = (types.is_float(a.ty), types.is_float(b.ty));
        if fa && ib {
            return Some(a.ty);
        }
        if ia && fb {
            return Some(b.ty);
        }
        if fa && fb {
            return Some(TypeId::F64);
        }
        if ia && ib {
            let ((ba, sa), (bb, sb)) = (types.int_repr(a.ty)?, types.int_repr(b.ty)?);
            let holds = |wb: u8, ws: bool, nb: u8, ns: bool| if ws == ns { wb >= nb } else { ws && wb > nb };
            if holds(ba, sa, bb, sb) {
                return Some(a.ty);
            }
            if holds(bb, sb, ba, sa) {
                return Some(b.ty);
            }
            let (x, y) = (self.name_of(a.ty), self.name_of(b.ty));
            let message = format!("neither of `{x}` and `{y}` holds every value of the other");
            self.error_help(Code::E0209, span, message, "convert one of them: `cast(T) …`");
            return None;
        }
        self.undefined(op, a, b, span);
        None
    }

    fn literal_meets(&mut self, lit: Val<'b>, ty: TypeId) -> Option<TypeId> {
        // An integer meets a float constant as a float.
        Some(if matches!(lit.lit, Lit::Float(_)) && self.s.types.is_int(ty) { TypeId::F64 } else { ty })
    }

    /// Arithmetic on two untyped constants is exact.
    fn fold_untyped(&mut self, op: Arith, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        if let (Lit::Int(x), Lit::Int(y)) = (a.lit, b.lit) {
            let result = match op {
                Arith::Add => x.checked_add(y),
                Arith::Sub => x.checked_sub(y),
                Arith::Mul => x.checked_mul(y),
                Arith::Div | Arith::Rem if y == 0 => {
                    self.error(Code::E0217, span, "division by zero in a constant");
                    return self.error_val(span);
                }
                Arith::Div => x.checked_div(y),
                Arith::Rem => x.checked_rem(y),
                Arith::And => Some(x & y),
                Arith::Or => Some(x | y),
                Arith::Xor => Some(x ^ y),
                Arith::Shl => u32::try_from(y).ok().filter(|&y| y < 120).and_then(|y| {
                    let r = x.checked_shl(y)?;
                    (r >> y == x).then_some(r)
                }),
                Arith::Shr => Some(x >> y.clamp(0, 127)),
            };
            return match result {
                Some(n) => self.untyped_int(n, span),
                None => {
                    self.error(Code::E0202, span, "this constant is too large");
                    self.error_val(span)
                }
            };
        }
        let float = |lit| match lit {
            Lit::Int(n) => Some(n as f64),
            Lit::Float(x) => Some(x),
            _ => None,
        };
        let (Some(x), Some(y)) = (float(a.lit), float(b.lit)) else { return self.undefined(op, a, b, span) };
        let result = match op {
            Arith::Add => x + y,
            Arith::Sub => x - y,
            Arith::Mul => x * y,
            Arith::Div => x / y,
            Arith::Rem => x % y,
            _ => return self.undefined(op, a, b, span),
        };
        self.untyped_float(result, span)
    }

    fn check_shift(
        &mut self,
        op: Arith,
        lhs: ExprId,
        rhs: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let a = self.check(lhs, expected);
        let b = self.check(rhs, self.lanes(a.ty).map(|_| a.ty));
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        if a.lit != Lit::None && b.lit != Lit::None {
            return self.fold_untyped(op, a, b, span);
        }
        let a = if a.lit != Lit::None && self.lanes(b.ty).is_none() {
            let ty = expected.filter(|&ty| self.s.types.is_int(ty)).unwrap_or(TypeId::I64);
            let a = self.coerce(a, ty, span);
            self.of(a)
        } else {
            a
        };
        self.shift_vals(op, a, b, span)
    }

    /// A shift of a value that isn't a literal.
    pub(crate) fn shift_vals(&mut self, op: Arith, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        if let Some(val) = self.vector_shift(op, a, b, span) {
            return val;
        }
        if !self.s.types.is_int(a.ty) || !(self.s.types.is_int(b.ty) || matches!(b.lit, Lit::Int(_))) {
            return self.undefined(op, a, b, span);
        }
        let count = self.shift_count(b, a.ty, span);
        self.val(a.ty, span, Kind::Arith(op, a.e, count))
    }

    /// A shift count under the type of what is shifted; only its low bits matter.
    pub(super) fn shift_count(&mut self, count: Val<'b>, ty: TypeId, span: Span) -> E<'b> {
        match count.lit {
            Lit::Int(n) => {
                let (bits, _) = self.s.types.int_repr(ty).unwrap_or((64, true));
                self.mk(ty, span, Kind::Int(n.rem_euclid(bits as i128) as u64))
            }
            _ => {
                let (bits, _) = self.s.types.int_repr(ty).unwrap_or((64, true));
                let count = if bits.is_power_of_two() { count.e } else { self.modulo(count.e, bits, span) };
                if count.ty == ty { count } else { self.mk(ty, span, Kind::Cast(Cast::Int, count)) }
            }
        }
    }

    /// `n` modulo a width that isn't a power of two, never negative.
    fn modulo(&mut self, n: E<'b>, bits: u8, span: Span) -> E<'b> {
        // Wide enough for the width itself, whatever the count's own type.
        if self.s.types.int_repr(n.ty).is_some_and(|(_, signed)| !signed) {
            let n = self.mk(TypeId::U64, span, Kind::Cast(Cast::Int, n));
            let width = self.mk(TypeId::U64, span, Kind::Int(bits as u64));
            let rest = self.mk(TypeId::U64, span, Kind::Arith(Arith::Rem, n, width));
            return self.mk(TypeId::I64, span, Kind::Cast(Cast::Int, rest));
        }
        let n = self.mk(TypeId::I64, span, Kind::Cast(Cast::Int, n));
        let width = self.i64_expr(bits as i64, span);
        let rest = self.mk(TypeId::I64, span, Kind::Arith(Arith::Rem, n, width));
        let raised = self.mk(TypeId::I64, span, Kind::Arith(Arith::Add, rest, width));
        self.mk(TypeId::I64, span, Kind::Arith(Arith::Rem, raised, width))
    }

    pub(crate) fn compare_vals(&mut self, op: Compare, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        match (a.lit, b.lit) {
            (Lit::Null, Lit::None) => return self.null_test(op, b, span),
            (Lit::None, Lit::Null) => return self.null_test(op, a, span),
            (Lit::Int(_) | Lit::Float(_), Lit::Int(_) | Lit::Float(_)) => {
                return self.compare_untyped(op, a.lit, b.lit, span);
            }
            _ => {}
        }
        // A tagged union against `.x` compares the tag.
        if let (Kind::Tag(_), _) | (_, Kind::Tag(_)) = (&a.e.kind, &b.e.kind) {
            return self.val(TypeId::BOOL, span, Kind::Compare(op, a.e, b.e));
        }
        if let Some(val) = self.compare_tags(op, a, b, span) {
            return val;
        }
        if let Some(val) = self.vector_compare(op, a, b, span) {
            return val;
        }
        let numbers = self.numeric(a.ty) && self.numeric(b.ty);
        let errors = [a.ty, b.ty].iter().all(|&ty| matches!(self.kind(ty), TypeKind::ErrorSet(_)));
        if errors && a.ty != b.ty && matches!(op, Compare::Eq | Compare::Ne) {
            // Errors of one name are equal, whatever set they come from.
            let set = self.any_error_set();
            let any = self.s.types.intern(TypeKind::ErrorSet(set));
            let [x, y] = [a, b].map(|v| self.mk(any, v.e.loc.span, Kind::Cast(Cast::Int, v.e)));
            return self.val(TypeId::BOOL, span, Kind::Compare(op, x, y));
        }
        let ty = if a.lit == Lit::None && b.lit == Lit::None && a.ty != b.ty && !numbers {
            match self.peer(a, b) {
                Some(ty) => ty,
                None => return self.not_comparable(op, a, b, span),
            }
        } else {
            match self.common_type_compare(a, b, span) {
                Some(ty) => ty,
                None => return self.error_val(span),
            }
        };
        let (sa, sb) = (a.e.loc.span, b.e.loc.span);
        let (a2, b2) = (self.convert_operand(a, ty, sa), self.convert_operand(b, ty, sb));
        if a2.ty == TypeId::ERROR || b2.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let ordered = !matches!(op, Compare::Eq | Compare::Ne);
        if self.numeric(ty) || matches!(self.kind(ty), TypeKind::Ptr(_) | TypeKind::ManyPtr(_)) {
            return self.val(TypeId::BOOL, span, Kind::Compare(op, a2, b2));
        }
        let scalar = match *self.kind(ty) {
            TypeKind::Bool
            | TypeKind::Type
            | TypeKind::ErrorSet(_)
            | TypeKind::CString
            | TypeKind::Func { .. } => true,
            TypeKind::Enum(id) => !self.s.types.enum_def(id).tagged,
            _ => false,
        };
        if scalar && (!ordered || matches!(self.kind(ty), TypeKind::Enum(_))) {
            return self.val(TypeId::BOOL, span, Kind::Compare(op, a2, b2));
        }
        if !ordered && self.has_equality(ty, 0) {
            return self.val(TypeId::BOOL, span, Kind::Equal { a: a2, b: b2, negate: op == Compare::Ne });
        }
        self.not_comparable(op, a, b, span)
    }

    fn numeric(&self, ty: TypeId) -> bool {
        self.s.types.is_int(ty) || self.s.types.is_float(ty)
    }

    fn common_type_compare(&mut self, a: Val<'b>, b: Val<'b>, span: Span) -> Option<TypeId> {
        if a.lit == Lit::None && b.lit == Lit::None {
            return self.common_type(Arith::Sub, a, b, span);
        }
        let (lit, other) = if a.lit != Lit::None { (a, b) } else { (b, a) };
        if !self.numeric(other.ty) && !matches!(self.kind(other.ty), TypeKind::Optional(_)) {
            let (x, y) = (self.describe(a.ty), self.describe(b.ty));
            let message = format!("{x} and {y} can't be compared");
            let mut d = Diagnostic::error(Code::E0204, self.loc(span), message);
            if let TypeKind::Failable { .. } = self.kind(other.ty) {
                d = d.help("handle the error first, with `try`, `catch` or `or`");
            } else if let Some(help) = self.vector_help(a.ty, b.ty) {
                d = d.help(help);
            }
            self.report(d);
            return None;
        }
        self.literal_meets(lit, other.ty)
    }

    /// True when `==` is defined: slices and closures have none.
    pub(crate) fn has_equality(&mut self, ty: TypeId, depth: u32) -> bool {
        if depth > 64 {
            return false;
        }
        self.s.complete_deep(ty);
        match self.kind(ty).clone() {
            TypeKind::String => true,
            TypeKind::Array(of, _) | TypeKind::Optional(of) => self.has_equality(of, depth + 1),
            TypeKind::Tuple(fields) => fields.iter().all(|f| self.has_equality(f.ty, depth + 1)),
            TypeKind::Struct(id) => {
                let fields: Vec<TypeId> = self.s.types.struct_def(id).fields.iter().map(|f| f.ty).collect();
                fields.iter().all(|&f| self.has_equality(f, depth + 1))
            }
            TypeKind::Enum(id) => {
                let payloads: Vec<TypeId> =
                    self.s.types.enum_def(id).variants.iter().filter_map(|v| v.payload).collect();
                payloads.iter().all(|&p| self.has_equality(p, depth + 1))
            }
            TypeKind::Slice(_)
            | TypeKind::SentinelSlice(_)
            | TypeKind::Closure { .. }
            | TypeKind::Protocol(_)
            | TypeKind::Any
            | TypeKind::Union(_)
            | TypeKind::Failable { .. } => false,
            _ => true,
        }
    }

    fn not_comparable(&mut self, op: Compare, a: Val<'b>, b: Val<'b>, span: Span) -> Val<'b> {
        let ordered = !matches!(op, Compare::Eq | Compare::Ne);
        let (x, y) = (self.describe(a.ty), self.describe(b.ty));
        let message = match (a.ty == b.ty, ordered) {
            (true, true) => format!("values of {x} have no order"),
            (true, false) => format!("values of {x} can't be compared with `==`"),
            (false, _) => format!("{x} and {y} can't be compared"),
        };
        let mut d = Diagnostic::error(Code::E0204, self.loc(span), message);
        if let Some(help) = self.compare_help(a.ty, b.ty, ordered) {
            d = d.help(help);
        } else if let Some(help) = self.vector_help(a.ty, b.ty) {
            d = d.help(help);
        }
        self.report(d);
        self.error_val(span)
    }

    fn compare_help(&self, a: TypeId, b: TypeId, ordered: bool) -> Option<&'static str> {
        Some(match (self.kind(a), self.kind(b)) {
            (TypeKind::Optional(_), _) | (_, TypeKind::Optional(_)) if ordered => {
                "take the value out first, with `!` or `??`"
            }
            (TypeKind::Failable { .. }, _) | (_, TypeKind::Failable { .. }) => {
                "handle the error first, with `try`, `catch` or `or`"
            }
            _ if a != b => return None,
            (TypeKind::Slice(_), _) if !ordered => "compare their lengths, then their elements",
            (TypeKind::Struct(_) | TypeKind::Tuple(_), _) if ordered => "compare one of the fields",
            (TypeKind::Enum(id), _) if !ordered && self.s.types.enum_def(*id).tagged => {
                "compare the tag, `v == .name`, or match on it"
            }
            (TypeKind::Enum(_), _) if ordered => "compare the numbers: `cast(i64) v`",
            _ => return None,
        })
    }

    fn compare_untyped(&mut self, op: Compare, a: Lit, b: Lit, span: Span) -> Val<'b> {
        let order = match (a, b) {
            (Lit::Int(x), Lit::Int(y)) => Some(x.cmp(&y)),
            _ => {
                let float = |lit| match lit {
                    Lit::Int(n) => n as f64,
                    Lit::Float(x) => x,
                    _ => f64::NAN,
                };
                float(a).partial_cmp(&float(b))
            }
        };
        let result = match (op, order) {
            (Compare::Ne, order) => order != Some(std::cmp::Ordering::Equal),
            (_, None) => false,
            (Compare::Eq, Some(order)) => order.is_eq(),
            (Compare::Lt, Some(order)) => order.is_lt(),
            (Compare::Le, Some(order)) => order.is_le(),
            (Compare::Gt, Some(order)) => order.is_gt(),
            (Compare::Ge, Some(order)) => order.is_ge(),
        };
        self.bool_val(result, span)
    }

    fn null_test(&mut self, op: Compare, val: Val<'b>, span: Span) -> Val<'b> {
        // What narrowing took out of an optional is tested as the optional.
        let e = match val.e.kind {
            Kind::OptPayload(optional) => optional,
            _ => val.e,
        };
        let nullable = matches!(
            self.kind(e.ty),
            TypeKind::Optional(_)
                | TypeKind::Ptr(_)
                | TypeKind::ManyPtr(_)
                | TypeKind::CString
                | TypeKind::Func { .. }
                | TypeKind::Closure { .. }
                | TypeKind::Protocol(_)
        );
        if !nullable || !matches!(op, Compare::Eq | Compare::Ne) {
            let message = format!("`{}` is never null", self.name_of(e.ty));
            self.error(Code::E0204, span, message);
            return self.error_val(span);
        }
        let has = self.mk(TypeId::BOOL, span, Kind::HasValue(e));
        if op == Compare::Ne { self.of(has) } else { self.val(TypeId::BOOL, span, Kind::Not(has)) }
    }

    /// `s == .circle` on a tagged union.
    fn compare_tags(&mut self, op: Compare, a: Val<'b>, b: Val<'b>, span: Span) -> Option<Val<'b>> {
        let TypeKind::Enum(id) = *self.kind(a.ty) else { return None };
        let def = self.s.types.enum_def(id);
        if a.ty != b.ty || !def.tagged || !matches!(op, Compare::Eq | Compare::Ne) {
            return None;
        }
        let tag_ty = def.tag;
        let bare = |e: E<'b>| match e.kind {
            Kind::Variant { tag, payload: None } => Some(tag),
            _ => None,
        };
        let (value, tag) = match (bare(a.e), bare(b.e)) {
            (_, Some(tag)) => (a.e, tag),
            (Some(tag), _) => (b.e, tag),
            _ => return None,
        };
        let have = self.mk(tag_ty, span, Kind::Tag(value));
        let want = self.mk(tag_ty, span, Kind::Int(tag));
        Some(self.val(TypeId::BOOL, span, Kind::Compare(op, have, want)))
    }

    /// `a < b < c`: each operand once, stopping at the first that fails.
    pub(crate) fn check_chain(&mut self, first: ExprId, links: Range<ChainLink>, span: Span) -> Val<'b> {
        let links = self.ast.list(links);
        let mut left = self.check(first, None);
        let mut stmts = Vec::new();
        let mut result: Option<E<'b>> = None;
        for (i, link) in links.iter().enumerate() {
            let Some(op) = compare(link.op) else {
                self.error(Code::E0204, span, "`in` can't be chained");
                return self.error_val(span);
            };
            let hint = self.hint(left);
            let mut right = self.check(link.rhs, hint);
            let last = i + 1 == links.len();
            let mut inner = Vec::new();
            if !last && right.lit == Lit::None && right.ty != TypeId::ERROR && right.ty != TypeId::NORETURN {
                let into = if i == 0 { &mut stmts } else { &mut inner };
                // The first link's operands are evaluated in order before anything is compared.
                if i == 0 && left.lit == Lit::None {
                    let kept = self.keep(left.e, into);
                    let e = self.local_expr(kept, left.e.loc.span);
                    left = self.of(e);
                }
                let kept = self.keep(right.e, into);
                let e = self.local_expr(kept, right.e.loc.span);
                right = self.of(e);
            }
            let compared = self.compare_vals(op, left, right, span);
            if links.len() > 1 && self.lanes_in_chain(compared.e, span) {
                return self.error_val(span);
            }
            let compared = self.block(inner, compared.e);
            result = Some(match result {
                None => compared,
                Some(before) => self.mk(TypeId::BOOL, span, Kind::And(before, compared)),
            });
            left = right;
        }
        let result = result.expect("a chain has links");
        let e = self.block(stmts, result);
        self.of(e)
    }

    /// `v in t`: equality with any element of a tuple, array or slice.
    fn check_in(&mut self, lhs: ExprId, rhs: ExprId, span: Span) -> Val<'b> {
        let seq = self.check_settled(rhs);
        let mut stmts = Vec::new();
        match self.kind(seq.ty).clone() {
            TypeKind::Tuple(fields) => {
                let val = self.check(lhs, fields.first().map(|f| f.ty));
                let value = self.settle_to(val, fields.first().map(|f| f.ty), span);
                let value = self.keep(value, &mut stmts);
                let seq = self.keep(seq, &mut stmts);
                let mut result: Option<E<'b>> = None;
                for n in 0..fields.len() {
                    let seq = self.local_expr(seq, span);
                    let elem = self.tuple_elem(seq, n as u32, span);
                    let value = self.local_expr(value, span);
                    let value = self.of(value);
                    let equal = self.whole_equal(value, elem, span).e;
                    result = Some(match result {
                        None => equal,
                        Some(before) => self.mk(TypeId::BOOL, span, Kind::Or(before, equal)),
                    });
                }
                let result = result.unwrap_or_else(|| self.bool_val(false, span).e);
                let e = self.block(stmts, result);
                self.of(e)
            }
            TypeKind::Array(elem, _) | TypeKind::Slice(elem) => {
                let value = self.check_as(lhs, elem);
                let value = self.keep(value, &mut stmts);
                let found = self.temp_local(TypeId::BOOL, span);
                let no = self.bool_val(false, span).e;
                stmts.push(Stmt::Let { local: found, init: Some(no) });
                self.f.locals[found.0 as usize].assigned = true;
                let var = self.new_local(crate::symbols::Sym::EMPTY, elem, LocalKind::Alias, span);
                let (x, y) = (self.local_expr(var, span), self.local_expr(value, span));
                let (x, y) = (self.of(x), self.of(y));
                let cond = self.whole_equal(x, y, span).e;
                let id = self.fresh_loop();
                let target = self.local_expr(found, span);
                let yes = self.bool_val(true, span).e;
                let assign = Stmt::Assign {
                    targets: self.slice_of(vec![Some(target)]),
                    values: self.slice_of(vec![yes]),
                };
                let leave = self.mk(TypeId::NORETURN, span, Kind::Break(id));
                let stmts_then = self.slice_of(vec![assign, Stmt::Expr(leave)]);
                let then = self.mk(TypeId::VOID, span, Kind::Block { stmts: stmts_then, tail: None });
                let body = self.mk(TypeId::VOID, span, Kind::If { cond, then, else_: None });
                let iters = self.slice_of(vec![ForIter::Each { var: Some(var), by_ref: false, seq, elem }]);
                let each = self.mk(TypeId::VOID, span, Kind::For { id, iters, body });
                stmts.push(Stmt::Expr(each));
                let result = self.local_expr(found, span);
                let e = self.block(stmts, result);
                self.of(e)
            }
            TypeKind::Error => self.error_val(span),
            _ => {
                let message = format!(
                    "`in` needs a tuple, an array or a slice on the right, not `{}`",
                    self.name_of(seq.ty)
                );
                self.error(Code::E0204, span, message);
                self.error_val(span)
            }
        }
    }

    fn settle_to(&mut self, val: Val<'b>, ty: Option<TypeId>, span: Span) -> E<'b> {
        match ty {
            Some(ty) if val.lit != Lit::None => self.coerce(val, ty, span),
            _ => self.settle(val, span),
        }
    }

    pub(crate) fn check_and(&mut self, a: ExprId, b: ExprId, span: Span) -> Val<'b> {
        let a = self.check_cond(a);
        let facts = super::facts::cond_facts(a);
        let b = self.assuming(&facts.when_true, |cx| cx.check_cond(b));
        if a.ty == TypeId::ERROR || b.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        self.val(TypeId::BOOL, span, Kind::And(a, b))
    }
}
