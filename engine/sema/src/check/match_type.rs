//! Matches on `Type` and `Any`: by type, and by category.
//!
//! What an `Any` can hold is a known list, so such a match is a switch. An arm that uses the matched type, as `cast(t) v`
//! does, is checked once for each type that comes there.

use super::any::TypeFact;
use super::matching::Case;
use super::{Cx, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use sx_syntax::ast::{Arm, Expr as Ast, ExprId};
use sx_syntax::diag::Code;
use sx_syntax::span::Span;

/// The names that stand for many types.
const CATEGORIES: &[&str] = &[
    "int", "float", "bool", "string", "struct", "enum", "union", "slice", "array", "pointer", "optional",
    "function", "type",
];

/// What a pattern matches.
enum Test<'a> {
    Is(TypeId, Span),
    Category(&'a str, Span),
}

/// The locals that a match tells something of.
#[derive(Clone, Copy, Default)]
struct Subject {
    /// The `Any` whose value is asked for.
    any: Option<LocalId>,
    /// The `Type`.
    ty: Option<LocalId>,
}

impl<'b> Cx<'_, '_, 'b> {
    /// `if any == { case T: … }`.
    pub(crate) fn match_any(
        &mut self,
        place: LocalId,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let whole = self.local_expr(place, span);
        let value = self.mk(TypeId::TYPE, span, Kind::Field { base: whole, offset: 0 });
        self.match_held(value, Subject { any: Some(place), ty: None }, arms, expected, span)
    }

    /// `if t == { case T: … }` on a type that is known only when the program runs.
    pub(crate) fn match_type(
        &mut self,
        subject: E<'b>,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let ty = match subject.kind {
            Kind::Local(local) => Some(local),
            _ => None,
        };
        if let Some(any) = self.type_source(subject) {
            return self.match_held(subject, Subject { any: Some(any), ty }, arms, expected, span);
        }
        let by_category =
            arms.iter().flat_map(|arm| self.ast.list(arm.patterns)).any(|&p| self.category_name(p).is_some());
        if by_category {
            return self.match_categories(subject, ty, arms, expected, span);
        }
        self.match_ints(subject, arms, expected, span)
    }

    fn category_name(&self, pattern: ExprId) -> Option<&'static str> {
        let text = match *self.ast.expr(pattern) {
            Ast::Name(name) => self.ast.name(name.name),
            Ast::Prim(sx_syntax::ast::Prim::Bool) => "bool",
            Ast::Prim(sx_syntax::ast::Prim::String) => "string",
            _ => return None,
        };
        CATEGORIES.iter().copied().find(|&category| category == text)
    }

    fn type_test(&mut self, pattern: ExprId) -> Option<Test<'static>> {
        let span = self.span(pattern);
        if let Some(category) = self.category_name(pattern) {
            return Some(Test::Category(category, span));
        }
        let ty = self.resolve_type(pattern);
        (ty != TypeId::ERROR).then_some(Test::Is(ty, span))
    }

    /// A match on what an `Any` holds.
    fn match_held(
        &mut self,
        value: E<'b>,
        subject: Subject,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let held = self.types_in_any();
        let mut covered: Vec<TypeId> = Vec::new();
        let mut explicit: Vec<TypeId> = Vec::new();
        let mut cases: Vec<Case<'b>> = Vec::new();
        let mut default = None;
        let mut ok = true;
        for arm in arms {
            if arm.patterns.is_empty() {
                let rest: Vec<TypeId> = held.iter().copied().filter(|ty| !covered.contains(ty)).collect();
                let at = cases.len();
                let used = self.held_cases(arm, &rest, subject, expected, &mut cases);
                default = Some(match used {
                    // Nothing else can be there: an empty `Any` is told apart from all types.
                    true => self.nothing_held(span),
                    false => match cases.drain(at..).next() {
                        Some(case) => case.body,
                        None => self.scoped(|cx| cx.check(arm.body, expected)),
                    },
                });
                continue;
            }
            let mut types = Vec::new();
            for &pattern in self.ast.list(arm.patterns) {
                match self.type_test(pattern) {
                    None => ok = false,
                    Some(Test::Is(ty, at)) => {
                        ok &= self.first_case(&mut explicit, ty, at);
                        if !covered.contains(&ty) {
                            types.push(ty);
                        }
                    }
                    Some(Test::Category(name, _)) => {
                        let fits = |cx: &Self, ty| cx.is_category(ty, name) == Some(true);
                        types.extend(
                            held.iter().copied().filter(|&ty| fits(self, ty) && !covered.contains(&ty)),
                        );
                    }
                }
            }
            covered.extend(&types);
            self.held_cases(arm, &types, subject, expected, &mut cases);
        }
        if !ok {
            return None;
        }
        self.switch_types(value, cases, default, expected, span)
    }

    /// Repeats a type that stands in two cases.
    fn first_case(&mut self, explicit: &mut Vec<TypeId>, ty: TypeId, at: Span) -> bool {
        if explicit.contains(&ty) {
            self.error(Code::E0405, at, "an earlier case has this type already");
            return false;
        }
        explicit.push(ty);
        true
    }

    fn nothing_held(&mut self, span: Span) -> Val<'b> {
        let message = self.mk(TypeId::STRING, span, Kind::Str(b"the `Any` is empty"));
        let args = self.slice_of(vec![message]);
        self.val(TypeId::NORETURN, span, Kind::Intrinsic(Intrinsic::Panic, args))
    }

    /// An arm for these types: one case for all, or one for each if the body depends on the type. True if it does.
    fn held_cases(
        &mut self,
        arm: &Arm,
        types: &[TypeId],
        subject: Subject,
        expected: Option<TypeId>,
        out: &mut Vec<Case<'b>>,
    ) -> bool {
        let Some((&first, rest)) = types.split_first() else {
            // No such value exists; what is wrong whatever the type is told all the same.
            let (body, used) = self.held_body(arm, TypeId::ERROR, subject, expected);
            if !used && !arm.patterns.is_empty() {
                // It takes part in finding the match's type. No type has such a number.
                let none = u64::MAX - out.len() as u64;
                out.push(Case { ranges: vec![(none, none)], body });
            }
            return used;
        };
        let (body, used) = self.held_body(arm, first, subject, expected);
        let range = |ty: TypeId| (ty.0 as u64, ty.0 as u64);
        if !used {
            out.push(Case { ranges: types.iter().copied().map(range).collect(), body });
            return false;
        }
        out.push(Case { ranges: vec![range(first)], body });
        for &ty in rest {
            let (body, _) = self.held_body(arm, ty, subject, expected);
            out.push(Case { ranges: vec![range(ty)], body });
        }
        true
    }

    /// An arm's body where the value is of this type, and whether it depends on that.
    fn held_body(
        &mut self,
        arm: &Arm,
        ty: TypeId,
        subject: Subject,
        expected: Option<TypeId>,
    ) -> (Val<'b>, bool) {
        let reported = self.s.reports();
        let first = self.f.type_facts.len();
        for local in [subject.any, subject.ty].into_iter().flatten() {
            self.f.type_facts.push(TypeFact { local, ty, used: false, dead: false });
        }
        let body = self.scoped(|cx| {
            let mut out = Vec::new();
            if let Some(binding) = arm.binding {
                let span = binding.name.span;
                match (subject.any, binding.by_ref) {
                    (Some(_), true) => {
                        let help = "bind it by value: `(v)`";
                        cx.error_help(
                            Code::E0407,
                            span,
                            "what an `Any` holds can't be bound by reference",
                            help,
                        );
                        cx.let_local(binding.name, TypeId::ERROR, None, &mut out);
                    }
                    (None, _) => cx.no_binding(arm),
                    (Some(any), false) => {
                        let whole = cx.local_expr(any, span);
                        let value = match ty {
                            TypeId::ERROR => cx.error_val(span).e,
                            _ => cx.any_value(whole, ty, span),
                        };
                        cx.let_local(binding.name, ty, Some(value), &mut out);
                    }
                }
            }
            let val = cx.check(arm.body, expected);
            cx.prepend(out, val, expected)
        });
        let used = arm.binding.is_some() || self.f.type_facts[first..].iter().any(|fact| fact.used);
        self.f.type_facts.truncate(first);
        if ty != TypeId::ERROR && used {
            let name = self.name_of(ty);
            for d in self.s.reports_since(reported) {
                d.notes.push(format!("when the value is of type `{name}`"));
            }
        }
        (body, used)
    }

    fn switch_types(
        &mut self,
        value: E<'b>,
        cases: Vec<Case<'b>>,
        default: Option<Val<'b>>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        if default.is_none() && Self::gives_value(expected, cases.iter().map(|case| case.body.ty)) {
            self.no_else(span);
            return None;
        }
        self.switch(value, cases, default, false, expected, span)
    }

    /// A match by category on a type that may be any of the program's: the table of kinds tells.
    fn match_categories(
        &mut self,
        subject: E<'b>,
        local: Option<LocalId>,
        arms: &[Arm],
        expected: Option<TypeId>,
        span: Span,
    ) -> Option<E<'b>> {
        let mut stmts = Vec::new();
        let kept = self.keep(subject, &mut stmts);
        let (mut conds, mut vals, mut default) = (Vec::new(), Vec::new(), None);
        let mut explicit = Vec::new();
        let mut ok = true;
        for arm in arms {
            self.no_binding(arm);
            if arm.patterns.is_empty() {
                default = Some(self.scoped(|cx| cx.check(arm.body, expected)));
                continue;
            }
            let mut cond: Option<E<'b>> = None;
            let mut only = None;
            for &pattern in self.ast.list(arm.patterns) {
                let at = self.span(pattern);
                let value = self.local_expr(kept, at);
                let next = match self.type_test(pattern) {
                    None => {
                        ok = false;
                        continue;
                    }
                    Some(Test::Is(ty, at)) => {
                        ok &= self.first_case(&mut explicit, ty, at);
                        only = (arm.patterns.len == 1).then_some(ty);
                        let want = self.type_val(ty, at).e;
                        self.mk(TypeId::BOOL, at, Kind::Compare(Compare::Eq, value, want))
                    }
                    Some(Test::Category(name, at)) => {
                        let test = self.s.core_fn("type_is_of")?;
                        let name = self.mk(TypeId::STRING, at, Kind::Str(name.as_bytes()));
                        let given = [self.of(value), self.of(name)];
                        self.call_with(test, &given, at).e
                    }
                };
                cond = Some(match cond {
                    None => next,
                    Some(before) => self.mk(TypeId::BOOL, at, Kind::Or(before, next)),
                });
            }
            let first = self.f.type_facts.len();
            if let (Some(local), Some(ty)) = (local, only) {
                self.f.type_facts.push(TypeFact { local, ty, used: false, dead: false });
            }
            vals.push(self.scoped(|cx| cx.check(arm.body, expected)));
            self.f.type_facts.truncate(first);
            conds.extend(cond);
        }
        if !ok {
            return None;
        }
        let chain = self.chain(conds, vals, default, expected, span)?;
        Some(self.block(stmts, chain))
    }

    /// `int`, `struct` and their kind, as patterns on types.
    pub(crate) fn is_category(&self, ty: TypeId, name: &str) -> Option<bool> {
        if !CATEGORIES.contains(&name) {
            return None;
        }
        let category = super::category(&self.s.types, ty);
        Some(match name {
            "function" => matches!(category, "function" | "closure"),
            "enum" => matches!(self.kind(ty), TypeKind::Enum(_)),
            _ => category == name,
        })
    }
}
