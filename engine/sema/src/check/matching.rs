//! `if x == { case … }`: integers, enums, tagged unions, optionals, errors, strings, types.

use super::nominal::int_range;
use super::{Cx, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_syntax::ast::{Arm, Capture, Expr as Ast, ExprId, Idx, MatchExpr};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

/// A checked arm before its body.
pub(super) struct Case<'b> {
    pub ranges: Vec<(u64, u64)>,
    pub body: Val<'b>,
}

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn check_match(
        &mut self,
        idx: Idx<MatchExpr>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let ast = *self.ast.get(idx);
        let arms = self.ast.list(ast.arms);
        if ast.inline {
            return self.inline_match(&ast, arms, expected, span);
        }
        let subject = match self.raw_local(ast.subject) {
            Some(e) if matches!(self.kind(e.ty), TypeKind::Optional(_)) => self.of(e),
            _ => self.check(ast.subject, None),
        };
        let subject_span = self.span(ast.subject);
        let subject = self.seen_whole(subject, "can't be matched");
        let e = self.settle(subject, subject_span);
        self.match_value(e, arms, expected, span)
    }

    /// A match on a checked subject; `catch (e) == { … }` comes here too.
    pub(crate) fn match_value(
        &mut self,
        subject: E<'b>,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let mut stmts = Vec::new();
        let mut subject = subject;
        if let TypeKind::Ptr(of) = *self.kind(subject.ty)
            && matches!(self.kind(of), TypeKind::Enum(_))
        {
            subject = self.mk(of, subject.loc.span, Kind::Deref(subject));
        }
        let result = match self.kind(subject.ty).clone() {
            TypeKind::Error => {
                self.arms_loosely(arms, expected);
                return self.error_val(span);
            }
            TypeKind::Enum(id) => {
                self.s.complete_enum(id);
                let place = self.keep_place(subject, &mut stmts);
                self.match_enum(place, subject.ty, arms, expected, span)
            }
            TypeKind::Optional(of) => {
                let place = self.keep_place(subject, &mut stmts);
                self.match_optional(place, of, arms, expected, span)
            }
            TypeKind::String => {
                let kept = self.keep(subject, &mut stmts);
                self.match_string(kept, arms, expected, span)
            }
            TypeKind::ErrorSet(set) => {
                let kept = self.keep(subject, &mut stmts);
                self.match_errors(kept, set, arms, expected, span)
            }
            TypeKind::Any => {
                let place = self.keep_place(subject, &mut stmts);
                self.match_any(place, arms, expected, span)
            }
            TypeKind::Type => self.match_type(subject, arms, expected, span),
            TypeKind::Bool => self.match_ints(subject, arms, expected, span),
            _ if self.s.types.is_int(subject.ty) => self.match_ints(subject, arms, expected, span),
            TypeKind::Union(_) => {
                self.arms_loosely(arms, expected);
                let message = "an untagged union doesn't know which member it holds, so it can't be matched";
                self.error(Code::E0406, subject.loc.span, message);
                None
            }
            _ => {
                self.arms_loosely(arms, expected);
                let message = format!("`{}` can't be matched", self.name_of(subject.ty));
                self.error(Code::E0406, subject.loc.span, message);
                None
            }
        };
        match result {
            Some(e) => {
                let e = self.block(stmts, e);
                self.of(e)
            }
            None => self.error_val(span),
        }
    }

    fn arms_loosely(&mut self, arms: &[Arm], expected: Option<TypeId>) {
        for arm in arms {
            self.scoped(|cx| {
                if let Some(binding) = arm.binding {
                    let mut out = Vec::new();
                    cx.let_local(binding.name, TypeId::ERROR, None, &mut out);
                }
                cx.check(arm.body, expected);
            });
        }
    }

    /// An arm's body; its value is the arm's even where a `;` follows.
    fn arm_body(&mut self, body: ExprId, expected: Option<TypeId>) -> Val<'b> {
        self.check(body, expected)
    }

    pub(super) fn no_binding(&mut self, arm: &Arm) {
        if let Some(binding) = arm.binding {
            self.error(Code::E0407, binding.name.span, "this case has no payload to bind");
        }
    }

    /// Brings the arms to one type and makes the switch.
    pub(super) fn switch(
        &mut self,
        value: E<'b>,
        cases: Vec<Case<'b>>,
        default: Option<Val<'b>>,
        exhaustive: bool,
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let has_default = default.is_some();
        let mut vals: Vec<Val<'b>> = cases.iter().map(|c| c.body).collect();
        vals.extend(default);
        if vals.is_empty() {
            return Some(self.void_val(span).e);
        }
        let open = !has_default && !exhaustive;
        let expected = if open { Some(TypeId::VOID) } else { expected };
        let (ty, mut bodies) = self.join(vals, expected, span)?;
        let default = if has_default { bodies.pop() } else { None };
        let default = if open { Some(self.void_val(span).e) } else { default };
        let mut arms = Vec::with_capacity(cases.len());
        for (case, body) in cases.into_iter().zip(bodies) {
            arms.push(SwitchArm { ranges: self.slice_of(case.ranges), body });
        }
        let ty = if open && ty == TypeId::NORETURN { TypeId::VOID } else { ty };
        let arms = self.slice_of(arms);
        Some(self.mk(ty, span, Kind::Switch { value, arms, default }))
    }

    /// True when the value of a match is wanted, so that every case must be there.
    fn wants_value(expected: Option<TypeId>) -> bool {
        expected.is_some_and(|ty| ty != TypeId::VOID)
    }

    /// The same where nothing is expected in particular: what the arms give decides.
    pub(super) fn gives_value(expected: Option<TypeId>, arms: impl IntoIterator<Item = TypeId>) -> bool {
        match expected {
            Some(ty) => ty != TypeId::VOID,
            None => arms.into_iter().any(|ty| !matches!(ty, TypeId::VOID | TypeId::NORETURN | TypeId::ERROR)),
        }
    }

    // ---- integers, bool, Type ----

    pub(super) fn match_ints(
        &mut self,
        subject: E<'b>,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let ty = subject.ty;
        let (bits, signed) = self.s.types.int_repr(ty)?;
        let mut cases = Vec::new();
        let mut default = None;
        let mut seen: Vec<(i128, i128, Span)> = Vec::new();
        let mut ok = true;
        for arm in arms {
            self.no_binding(arm);
            if arm.patterns.is_empty() {
                default = Some(self.scoped(|cx| cx.arm_body(arm.body, expected)));
                continue;
            }
            let mut ranges = Vec::new();
            for &pattern in self.ast.list(arm.patterns) {
                let at = self.span(pattern);
                let Some((lo, hi)) = self.int_pattern(pattern, ty) else {
                    ok = false;
                    continue;
                };
                if lo > hi {
                    self.error(Code::E0406, at, "this range is empty");
                    ok = false;
                    continue;
                }
                if let Some(&(_, _, before)) = seen.iter().find(|(a, b, _)| lo <= *b && *a <= hi) {
                    let d = Diagnostic::error(
                        Code::E0405,
                        self.loc(at),
                        "an earlier case has this value already",
                    )
                    .also(self.loc(before), "here");
                    self.report(d);
                    ok = false;
                }
                seen.push((lo, hi, at));
                ranges.push((lo as u64, hi as u64));
            }
            let body = self.scoped(|cx| cx.arm_body(arm.body, expected));
            cases.push(Case { ranges, body });
        }
        if !ok {
            return None;
        }
        let exhaustive = default.is_some() || {
            let (min, max) = if ty == TypeId::BOOL { (0, 1) } else { int_range(bits, signed) };
            let mut sorted = seen.clone();
            sorted.sort_unstable_by_key(|s| s.0);
            let mut next = min;
            for (lo, hi, _) in sorted {
                if lo > next {
                    break;
                }
                next = next.max(hi + 1);
            }
            next > max
        };
        let wanted = Self::gives_value(expected, cases.iter().map(|c| c.body.ty));
        if !exhaustive && (wanted || ty == TypeId::BOOL) {
            let missing = if ty == TypeId::BOOL {
                "both `true` and `false` need a case"
            } else {
                "an `else:` is missing"
            };
            let help = "add `else: …;` for what is left";
            self.error_help(
                Code::E0404,
                span,
                format!("this match doesn't cover every value: {missing}"),
                help,
            );
            return None;
        }
        self.switch(subject, cases, default, exhaustive, expected, span)
    }

    /// A value or range; inclusive.
    fn int_pattern(&mut self, pattern: ExprId, ty: TypeId) -> Option<(i128, i128)> {
        if let Ast::RangePat { lo, hi, inclusive } = *self.ast.expr(pattern) {
            let (lo, hi) = (self.pattern_value(lo, ty)?, self.pattern_value(hi, ty)?);
            return Some((lo, if inclusive { hi } else { hi - 1 }));
        }
        let n = self.pattern_value(pattern, ty)?;
        Some((n, n))
    }

    fn pattern_value(&mut self, pattern: ExprId, ty: TypeId) -> Option<i128> {
        if ty == TypeId::TYPE {
            let t = self.resolve_type(pattern);
            return (t != TypeId::ERROR).then_some(t.0 as i128);
        }
        let e = self.check_as(pattern, ty);
        if e.ty == TypeId::ERROR {
            return None;
        }
        let value = self.fold_or_report(e)?.as_int()?;
        let (bits, signed) = self.s.types.int_repr(ty)?;
        // Constants come as bits or as numbers; both mean the same value of the type.
        Some(super::fold::normalize(value, bits, signed))
    }

    // ---- enums and tagged unions ----

    fn match_enum(
        &mut self,
        place: LocalId,
        ty: TypeId,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let TypeKind::Enum(id) = *self.kind(ty) else { return None };
        let def = self.s.types.enum_def(id).clone();
        let mut cases = Vec::new();
        let mut default = None;
        let mut covered: Vec<u64> = Vec::new();
        let mut ok = true;
        for arm in arms {
            if arm.patterns.is_empty() {
                let binding = arm.binding;
                let body = self.scoped(|cx| {
                    let mut out = Vec::new();
                    if let Some(binding) = binding {
                        let whole = cx.local_expr(place, binding.name.span);
                        cx.bind_payload(binding, whole, &mut out);
                    }
                    let val = cx.arm_body(arm.body, expected);
                    cx.prepend(out, val, expected)
                });
                default = Some(body);
                continue;
            }
            let mut ranges = Vec::new();
            let mut payloads: Vec<(u64, Option<TypeId>)> = Vec::new();
            for &pattern in self.ast.list(arm.patterns) {
                match self.variant_pattern(pattern, ty, &def, &mut covered) {
                    Some(found) => {
                        for (tag, payload) in found {
                            ranges.push((tag, tag));
                            payloads.push((tag, payload));
                        }
                    }
                    None => ok = false,
                }
            }
            let body = self.scoped(|cx| {
                let mut out = Vec::new();
                if let Some(binding) = arm.binding {
                    ok &= cx.bind_variant(binding, place, &payloads, &mut out);
                }
                let val = cx.arm_body(arm.body, expected);
                cx.prepend(out, val, expected)
            });
            cases.push(Case { ranges, body });
        }
        if !ok {
            return None;
        }
        if default.is_none() && (!def.flags || Self::wants_value(expected)) {
            let missing: Vec<String> = def
                .variants
                .iter()
                .filter(|v| !covered.contains(&v.value))
                .map(|v| format!("`.{}`", self.s.text(v.name)))
                .collect();
            if !missing.is_empty() {
                let message = format!("this match doesn't cover {}", missing.join(", "));
                self.error_help(Code::E0404, span, message, "add the cases, or an `else:`");
                return None;
            }
        }
        let whole = self.local_expr(place, span);
        let value = if def.tagged { self.mk(def.tag, span, Kind::Tag(whole)) } else { whole };
        let exhaustive = default.is_none() && !def.flags;
        self.switch(value, cases, default, exhaustive, expected, span)
    }

    /// The variants that a pattern means.
    fn variant_pattern(
        &mut self,
        pattern: ExprId,
        ty: TypeId,
        def: &crate::types::EnumDef,
        covered: &mut Vec<u64>,
    ) -> Option<Vec<(u64, Option<TypeId>)>> {
        let at = self.span(pattern);
        if let Ast::RangePat { lo, hi, inclusive } = *self.ast.expr(pattern) {
            let (lo, hi) = (self.enum_value(lo, ty)?, self.enum_value(hi, ty)?);
            let hi = if inclusive { hi } else { hi - 1 };
            let found: Vec<_> = def
                .variants
                .iter()
                .filter(|v| (lo..=hi).contains(&(v.value as i64 as i128)))
                .map(|v| (v.value, v.payload))
                .collect();
            covered.extend(found.iter().map(|(tag, _)| *tag));
            return Some(found);
        }
        let tag = match *self.ast.expr(pattern) {
            Ast::DotName(name) => {
                let sym = self.ident(name);
                match def.variants.iter().find(|v| v.name == sym) {
                    Some(variant) => {
                        self.probe_member(ty, name);
                        variant.value
                    }
                    None => {
                        self.unknown_variant(ty, name);
                        return None;
                    }
                }
            }
            _ => match self.entity(pattern, Some(ty)) {
                super::Entity::Variant(of, index) if of == ty => def.variants[index].value,
                super::Entity::Value(val) => {
                    let e = self.coerce(val, ty, at);
                    if e.ty == TypeId::ERROR {
                        return None;
                    }
                    match self.fold_or_report(e)? {
                        CVal::Variant(tag, _) => tag,
                        value => value.as_int()? as u64,
                    }
                }
                super::Entity::Error => return None,
                _ => {
                    self.error(
                        Code::E0406,
                        at,
                        format!("a variant of `{}` is needed here", self.name_of(ty)),
                    );
                    return None;
                }
            },
        };
        if covered.contains(&tag) {
            let variant = def.variants.iter().find(|v| v.value == tag).map_or("?", |v| self.s.text(v.name));
            let message = format!("an earlier case has `.{variant}` already");
            self.error(Code::E0405, at, message);
            return None;
        }
        covered.push(tag);
        let payload = def.variants.iter().find(|v| v.value == tag).and_then(|v| v.payload);
        Some(vec![(tag, payload)])
    }

    fn enum_value(&mut self, expr: ExprId, ty: TypeId) -> Option<i128> {
        let e = self.check_as(expr, ty);
        if e.ty == TypeId::ERROR {
            return None;
        }
        match self.fold_or_report(e)? {
            CVal::Variant(tag, _) => Some(tag as i64 as i128),
            value => value.as_int().map(|n| n as u64 as i64 as i128),
        }
    }

    /// `case .a, .b: (v)`: the payloads must be of one type.
    fn bind_variant(
        &mut self,
        binding: Capture,
        place: LocalId,
        payloads: &[(u64, Option<TypeId>)],
        out: &mut Vec<Stmt<'b>>,
    ) -> bool {
        let Some(&(tag, first)) = payloads.first() else { return false };
        let Some(payload) = first else {
            self.error(Code::E0407, binding.name.span, "this variant has no payload to bind");
            let mut ignored = Vec::new();
            self.let_local(binding.name, TypeId::ERROR, None, &mut ignored);
            return false;
        };
        if payloads.iter().any(|(_, p)| *p != first) {
            let message = "variants with different payloads can't share a binding";
            let mut types: Vec<String> =
                payloads.iter().map(|(_, p)| p.map_or("nothing".into(), |p| self.describe(p))).collect();
            types.dedup();
            let d = Diagnostic::error(Code::E0407, self.loc(binding.name.span), message)
                .note(format!("they carry {}", types.join(", ")))
                .help("give each a case of its own");
            self.report(d);
            let mut ignored = Vec::new();
            self.let_local(binding.name, TypeId::ERROR, None, &mut ignored);
            return false;
        }
        let span = binding.name.span;
        let whole = self.local_expr(place, span);
        let part = self.mk(payload, span, Kind::Payload { base: whole, tag, checked: false });
        self.bind_payload(binding, part, out);
        true
    }

    /// `(v)` copies, `(*v)` takes the address.
    fn bind_payload(&mut self, binding: Capture, part: E<'b>, out: &mut Vec<Stmt<'b>>) {
        if binding.by_ref {
            let address = self.address_of(part);
            if let Some(local) = self.let_local(binding.name, address.ty, Some(address), out) {
                self.f.refs.push(local);
            }
            return;
        }
        self.let_local(binding.name, part.ty, Some(part), out);
    }

    // ---- optionals ----

    fn match_optional(
        &mut self,
        place: LocalId,
        of: TypeId,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let mut null_arm = None;
        let mut else_arm = None;
        let mut value_arms = Vec::new();
        for arm in arms {
            if arm.patterns.is_empty() {
                else_arm = Some(arm);
                continue;
            }
            let patterns = self.ast.list(arm.patterns);
            if patterns.len() == 1 && matches!(self.ast.expr(patterns[0]), Ast::Null) {
                self.no_binding(arm);
                null_arm = Some(arm);
            } else {
                value_arms.push(*arm);
            }
        }
        let Some(null_arm) = null_arm else {
            self.error_help(Code::E0404, span, "this match doesn't cover `null`", "add `case null: …`");
            self.arms_loosely(arms, expected);
            return None;
        };
        let null_body = self.scoped(|cx| cx.check(null_arm.body, expected));
        let value_body = self.scoped(|cx| {
            let whole = cx.local_expr(place, span);
            let inner = cx.mk(of, span, Kind::OptPayload(whole));
            if value_arms.is_empty() {
                let arm = else_arm?;
                let mut out = Vec::new();
                if let Some(binding) = arm.binding {
                    cx.bind_payload(binding, inner, &mut out);
                }
                cx.assume(&[(place, true)]);
                let val = cx.check(arm.body, expected);
                return Some(cx.prepend(out, val, expected));
            }
            value_arms.extend(else_arm);
            Some(cx.match_value(inner, &value_arms, expected, span))
        });
        let mut vals = vec![null_body];
        match value_body {
            Some(val) => vals.push(val),
            None if Self::wants_value(expected) => {
                let message = "this match doesn't cover a value that isn't null";
                self.error_help(Code::E0404, span, message, "add `else: (v) { … }`");
                return None;
            }
            None => {}
        }
        let single = vals.len() == 1;
        let expected = if single { Some(TypeId::VOID) } else { expected };
        let (ty, mut bodies) = self.join(vals, expected, span)?;
        let else_ = if single { None } else { bodies.pop() };
        let null_body = bodies.pop()?;
        let whole = self.local_expr(place, span);
        let has = self.mk(TypeId::BOOL, span, Kind::HasValue(whole));
        let cond = self.mk(TypeId::BOOL, span, Kind::Not(has));
        let ty = if single && ty == TypeId::NORETURN { TypeId::VOID } else { ty };
        Some(self.mk(ty, span, Kind::If { cond, then: null_body, else_ }))
    }

    // ---- strings ----

    fn match_string(
        &mut self,
        kept: LocalId,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let mut conds: Vec<E<'b>> = Vec::new();
        let mut vals: Vec<Val<'b>> = Vec::new();
        let mut default = None;
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for arm in arms {
            self.no_binding(arm);
            if arm.patterns.is_empty() {
                default = Some(self.scoped(|cx| cx.check(arm.body, expected)));
                continue;
            }
            let mut cond: Option<E<'b>> = None;
            for &pattern in self.ast.list(arm.patterns) {
                let at = self.span(pattern);
                if let Ast::RangePat { .. } = self.ast.expr(pattern) {
                    let help = "list the texts, or compare the first character: `s[0]`";
                    self.error_help(Code::E0406, at, "strings have no ranges", help);
                    return None;
                }
                let e = self.check_as(pattern, TypeId::STRING);
                if let Kind::Str(bytes) = e.kind {
                    if seen.iter().any(|s| s == bytes) {
                        self.error(Code::E0405, at, "an earlier case has this text already");
                    }
                    seen.push(bytes.to_vec());
                }
                let subject = self.local_expr(kept, at);
                let (a, b) = (self.of(subject), self.of(e));
                let equal = self.compare_vals(Compare::Eq, a, b, at).e;
                cond = Some(match cond {
                    None => equal,
                    Some(before) => self.mk(TypeId::BOOL, at, Kind::Or(before, equal)),
                });
            }
            conds.push(cond?);
            vals.push(self.scoped(|cx| cx.check(arm.body, expected)));
        }
        self.chain(conds, vals, default, expected, span)
    }

    /// Arms that are tried one after the other.
    pub(super) fn chain(
        &mut self,
        conds: Vec<E<'b>>,
        mut vals: Vec<Val<'b>>,
        default: Option<Val<'b>>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let open = default.is_none();
        if open && Self::gives_value(expected, vals.iter().map(|v| v.ty)) {
            self.no_else(span);
            return None;
        }
        vals.extend(default);
        let (ty, mut bodies) = self.join(vals, if open { Some(TypeId::VOID) } else { expected }, span)?;
        let ty = if open && ty == TypeId::NORETURN { TypeId::VOID } else { ty };
        let mut chain = if open { None } else { bodies.pop() };
        for (cond, then) in conds.into_iter().zip(bodies).rev() {
            if cond.ty == TypeId::ERROR {
                return None;
            }
            chain = Some(self.mk(ty, span, Kind::If { cond, then, else_: chain }));
        }
        chain
    }

    pub(super) fn no_else(&mut self, span: Span) {
        let message = "this match doesn't cover every value: an `else:` is missing";
        self.error_help(Code::E0404, span, message, "add `else: …;` for what is left");
    }

    // ---- errors ----

    fn match_errors(
        &mut self,
        kept: LocalId,
        set: crate::types::ErrorSetId,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let known = self.s.error_tags(set);
        let mut covered: Vec<u32> = Vec::new();
        let mut cases = Vec::new();
        let mut default = None;
        let mut ok = true;
        for arm in arms {
            if arm.patterns.is_empty() {
                self.no_binding(arm);
                default = Some(self.scoped(|cx| cx.check(arm.body, expected)));
                continue;
            }
            self.no_binding(arm);
            let mut ranges = Vec::new();
            for &pattern in self.ast.list(arm.patterns) {
                let at = self.span(pattern);
                let name = match *self.ast.expr(pattern) {
                    Ast::DotName(name) | Ast::ErrorName(name) => name,
                    Ast::Field { name, .. } => name,
                    _ => {
                        self.error(Code::E0406, at, "an error's name is needed here, such as `.NotFound`");
                        ok = false;
                        continue;
                    }
                };
                let sym = self.ident(name);
                let tag = self.s.types.error_tag(sym);
                if known.as_ref().is_some_and(|k| !k.contains(&tag)) {
                    let message = format!("`.{}` can't be raised here", self.s.text(sym));
                    let possible = self.s.list_tags(known.as_deref().unwrap_or(&[]));
                    let d = Diagnostic::error(Code::E0604, self.loc(at), message)
                        .note(format!("what can be is {possible}"));
                    self.report(d);
                    ok = false;
                    continue;
                }
                if covered.contains(&tag) {
                    self.error(Code::E0405, at, "an earlier case has this error already");
                    ok = false;
                    continue;
                }
                covered.push(tag);
                ranges.push((tag as u64, tag as u64));
            }
            let body = self.scoped(|cx| cx.check(arm.body, expected));
            cases.push(Case { ranges, body });
        }
        if !ok {
            return None;
        }
        let missing: Vec<u32> =
            known.unwrap_or_default().into_iter().filter(|t| !covered.contains(t)).collect();
        let any = self.s.types.error_set(set).name.is_empty() && !self.s.types.error_set(set).inferred;
        if default.is_none() && (!missing.is_empty() || any) {
            let names: Vec<String> = missing
                .iter()
                .map(|&t| format!("`.{}`", self.s.text(self.s.types.error_names[t as usize])))
                .collect();
            let what = if names.is_empty() { "every error".to_string() } else { names.join(", ") };
            self.error_help(
                Code::E0404,
                span,
                format!("this match doesn't cover {what}"),
                "add the cases, or an `else:`",
            );
            return None;
        }
        let value = self.local_expr(kept, span);
        let exhaustive = default.is_none();
        self.switch(value, cases, default, exhaustive, expected, span)
    }

    // ---- inline ----

    /// `inline if T == { case … }`: the arm that fits is the only one looked at.
    fn inline_match(
        &mut self,
        ast: &MatchExpr,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let e = self.check_settled(ast.subject);
        if e.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let Some(value) = self.fold_or_report(e) else { return self.error_val(span) };
        for arm in arms {
            let mut hit = arm.patterns.is_empty();
            for &pattern in self.ast.list(arm.patterns) {
                hit |= self.inline_pattern(pattern, e.ty, &value);
            }
            if hit {
                return self.scoped(|cx| cx.check(arm.body, expected));
            }
        }
        self.void_val(span)
    }

    fn inline_pattern(&mut self, pattern: ExprId, ty: TypeId, value: &CVal) -> bool {
        if ty == TypeId::TYPE {
            let Some(subject) = value.as_type().or_else(|| value.as_int().map(|n| TypeId(n as u32))) else {
                return false;
            };
            if let Ast::Name(name) = *self.ast.expr(pattern)
                && let Some(hit) = self.is_category(subject, self.ast.name(name.name))
            {
                return hit;
            }
            return self.resolve_type(pattern) == subject;
        }
        let e = self.check_as(pattern, ty);
        e.ty != TypeId::ERROR && self.fold_or_report(e).is_some_and(|p| p == *value)
    }
}
