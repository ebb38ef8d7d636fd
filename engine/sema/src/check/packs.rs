//! Packs: which parameters take one, what a call gives it, spreads, and packs as lists of types.

use super::call::{Source, rest_of};
use super::{Cx, Entity, Entry, Lit, Val};
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use std::sync::Arc;
use sx_syntax::ast::{Arg, Expr as Ast, ExprId, Param, Prim};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// The most elements of a pack: spreading one twice into itself doubles it with every call.
const MAX_PACK: usize = 1000;

impl<'b> Cx<'_, '_, 'b> {
    /// What a parameter takes, if that is a pack.
    pub(crate) fn pack_kind(&mut self, param: &Param) -> Option<PackKind> {
        if !param.variadic {
            return None;
        }
        let Some(ty) = param.ty else { return Some(PackKind::Values) };
        let head = match *self.ast.expr(ty) {
            Ast::SliceTy(elem) => {
                let types = matches!(self.ast.expr(elem), Ast::Prim(Prim::Type));
                return param.comptime.then_some(if types { PackKind::Types } else { PackKind::Consts });
            }
            Ast::Name(_) | Ast::Field { .. } => ty,
            Ast::Call { callee, .. } => callee,
            _ => return None,
        };
        match *self.ast.expr(head) {
            Ast::Name(_) | Ast::Field { .. } => match self.entity(head, Some(TypeId::TYPE)) {
                Entity::Protocol(protocol) => Some(PackKind::Through(protocol)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Binds a pack to the rest of a call's arguments.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn bind_pack(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        index: usize,
        param: &Param,
        sources: &[Source<'b>],
        args: &[Arg],
        checked: &mut Vec<Option<Val<'b>>>,
    ) -> bool {
        let (Some(kind), Source::Rest { lead, from }) = (decl.pack_at(index), sources[index]) else {
            return true;
        };
        let sym = self.s.file(decl.file).syms[param.name.name.index()];
        let rest = rest_of(args, from);
        match kind {
            PackKind::Types => {
                let Some(types) = self.rest_types(lead, rest) else { return false };
                self.bind(scope, sym, CVal::Pack(types.into()));
            }
            PackKind::Consts => {
                let Some((ty, values)) = self.rest_consts(decl, scope, param, lead, rest) else {
                    return false;
                };
                self.bind_typed(scope, sym, ty, CVal::Slice(values.into()));
            }
            PackKind::Values | PackKind::Through(_) => {
                let Some(mut vals) = self.pack_values(lead, rest) else { return false };
                if let PackKind::Through(protocol) = kind {
                    let receiver = matches!(sources.first(), Some(Source::Receiver(_)));
                    let before = index - receiver as usize;
                    if !self.bind_views(decl, scope, param, protocol, &mut vals, before) {
                        return false;
                    }
                }
                let mut types = Vec::with_capacity(vals.len());
                for val in vals {
                    let e = self.settle(val, val.e.loc.span);
                    if e.ty == TypeId::ERROR || !self.check_storable(e.ty, e.loc.span) {
                        return false;
                    }
                    types.push(e.ty);
                    checked.push(Some(self.of(e)));
                }
                self.bind(scope, sym, CVal::Pack(types.into()));
            }
        }
        true
    }

    /// The arguments behind a variadic parameter, spreads taken apart; literals keep having no type.
    fn pack_values(&mut self, lead: &[Val<'b>], rest: &[Arg]) -> Option<Vec<Val<'b>>> {
        let mut vals = lead.to_vec();
        for arg in rest {
            if arg.spread {
                vals.extend(self.spread_vals(arg.value)?);
            } else {
                let val = self.check(arg.value, None);
                let val = self.through_ref(val).unwrap_or(val);
                if val.ty == TypeId::ERROR {
                    return None;
                }
                vals.push(val);
            }
            let at = self.span(arg.value);
            self.check_pack_len(vals.len(), at)?;
        }
        Some(vals)
    }

    /// `..$Ts: []Type`: the arguments are types.
    fn rest_types(&mut self, lead: &[Val<'b>], rest: &[Arg]) -> Option<Vec<TypeId>> {
        let mut types = Vec::new();
        for val in lead {
            types.push(self.type_of_val(*val)?);
        }
        for arg in rest {
            match arg.spread {
                true => types.extend(self.spread_types(arg.value)),
                false => types.push(self.resolve_type(arg.value)),
            }
            let at = self.span(arg.value);
            self.check_pack_len(types.len(), at)?;
        }
        (!types.contains(&TypeId::ERROR)).then_some(types)
    }

    /// The type that a value of type `Type` is.
    fn type_of_val(&mut self, val: Val<'b>) -> Option<TypeId> {
        if val.ty != TypeId::TYPE {
            let message = format!("a type is needed here, and this is {}", self.describe(val.ty));
            self.error(Code::E0206, val.e.loc.span, message);
            return None;
        }
        self.fold_or_report(val.e)?.as_type()
    }

    /// `..$ns: []i64`: the arguments are constants of one type; the type of the list, and its elements.
    fn rest_consts(
        &mut self,
        decl: &FnDecl,
        scope: ScopeId,
        param: &Param,
        lead: &[Val<'b>],
        rest: &[Arg],
    ) -> Option<(TypeId, Vec<CVal>)> {
        let list = param.ty.expect("constants are declared with their type");
        let list = self.elsewhere(decl.file, scope, |cx| cx.resolve_type(list));
        let TypeKind::Slice(elem) = *self.kind(list) else { return None };
        let mut vals = lead.to_vec();
        for arg in rest {
            vals.extend(self.rest_values(arg, Some(elem))?);
            let at = self.span(arg.value);
            self.check_pack_len(vals.len(), at)?;
        }
        let mut values = Vec::with_capacity(vals.len());
        for val in vals {
            let e = self.coerce(val, elem, val.e.loc.span);
            if e.ty == TypeId::ERROR {
                return None;
            }
            values.push(self.fold_or_report(e)?);
        }
        Some((list, values))
    }

    /// The constants that a generic type takes for `..$ns: []i64`.
    pub(super) fn const_pack(&mut self, args: &[Arg], list: TypeId) -> Option<CVal> {
        let TypeKind::Slice(elem) = *self.kind(list) else { return None };
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            for val in self.rest_values(arg, Some(elem))? {
                let e = self.coerce(val, elem, val.e.loc.span);
                if e.ty == TypeId::ERROR {
                    return None;
                }
                values.push(self.fold_or_report(e)?);
            }
            let at = self.span(arg.value);
            self.check_pack_len(values.len(), at)?;
        }
        Some(CVal::Slice(values.into()))
    }

    pub(super) fn check_pack_len(&mut self, len: usize, at: Span) -> Option<()> {
        if len <= MAX_PACK {
            return Some(());
        }
        self.error(Code::E0901, at, format!("a pack can't have more than {MAX_PACK} elements"));
        None
    }

    // ---- spreads ----

    /// `..x` among values: a pack's or tuple's elements, or what an expression gives for each element of the packs
    /// in it.
    pub(crate) fn spread_vals(&mut self, expr: ExprId) -> Option<Vec<Val<'b>>> {
        match self.spread_or_whole(expr, None)? {
            Ok(vals) => Some(vals),
            Err(whole) => {
                let message = format!("{} can't be spread here", self.describe(whole.ty));
                let help = "a pack or a tuple can; a slice or an array only into `..xs: []T`";
                self.error_help(Code::E0311, self.span(expr), message, help);
                None
            }
        }
    }

    /// The same; what can't be taken apart is handed back as it is. None after a report.
    pub(super) fn spread_or_whole(
        &mut self,
        expr: ExprId,
        expected: Option<TypeId>,
    ) -> Option<Result<Vec<Val<'b>>, Val<'b>>> {
        let span = self.span(expr);
        match self.entity_if_name(expr) {
            Entity::Pack(locals) => {
                return Some(Ok(locals.iter().map(|&l| self.read_local(l, span)).collect()));
            }
            Entity::Types(types) => {
                return Some(Ok(types.iter().map(|&t| self.type_val(t, span)).collect()));
            }
            _ => {}
        }
        let packs = self.packs_in(expr);
        if !packs.is_empty() {
            let vals = self.each_element(&packs, span, |cx| {
                let e = cx.check_settled(expr);
                (e.ty != TypeId::ERROR).then(|| cx.of(e))
            })?;
            return Some(Ok(vals));
        }
        let val = self.check(expr, expected);
        match self.kind(val.ty).clone() {
            TypeKind::Tuple(fields) => {
                let elems = self.elements_once(val.e, fields.len(), span);
                Some(Ok(elems.into_iter().map(|e| self.of(e)).collect()))
            }
            // `..$ns: []i64`: how many there are is known. Where a slice is wanted it is one already.
            TypeKind::Slice(elem) if expected.is_none() => match self.fold(val.e) {
                Some(CVal::Slice(values)) => {
                    Some(Ok(values.iter().map(|value| self.const_val(elem, value, span)).collect()))
                }
                _ => Some(Err(val)),
            },
            TypeKind::Error => None,
            _ => Some(Err(val)),
        }
    }

    /// `..x` in a list of types: the types of a pack, the elements of a tuple type, or a type made for each element of
    /// the packs in it. Holds `ERROR` after a report.
    pub(crate) fn spread_types(&mut self, expr: ExprId) -> Vec<TypeId> {
        let span = self.span(expr);
        match self.entity_if_name(expr) {
            Entity::Pack(locals) => {
                let types: Vec<TypeId> = locals.iter().map(|l| self.f.locals[l.0 as usize].ty).collect();
                if !types.is_empty() && types.iter().all(|&ty| ty == TypeId::TYPE) {
                    let message = "these are values that aren't known while compiling";
                    let help = "a pack of types is declared `..$Ts: []Type`";
                    self.error_help(Code::E0311, span, message, help);
                    return vec![TypeId::ERROR];
                }
                return types;
            }
            Entity::Types(types) => return types.to_vec(),
            _ => {}
        }
        let packs = self.packs_in(expr);
        if !packs.is_empty() {
            let types = self.each_element(&packs, span, |cx| Some(cx.resolve_type(expr)));
            return types.unwrap_or_else(|| vec![TypeId::ERROR]);
        }
        let ty = match self.type_syntax(expr) {
            Some(ty) => ty,
            None => match self.entity(expr, Some(TypeId::TYPE)) {
                Entity::Value(val) if val.ty == TypeId::TYPE => {
                    self.fold_or_report(val.e).and_then(|v| v.as_type()).unwrap_or(TypeId::ERROR)
                }
                Entity::Value(val) if val.ty != TypeId::ERROR => TypeId::VOID,
                Entity::Value(_) | Entity::Error => TypeId::ERROR,
                _ => TypeId::VOID,
            },
        };
        match self.kind(ty).clone() {
            TypeKind::Tuple(fields) => fields.iter().map(|f| f.ty).collect(),
            TypeKind::Error => vec![ty],
            _ => {
                let message = "only a pack or a tuple type can be spread into a list of types";
                self.error(Code::E0311, span, message);
                vec![TypeId::ERROR]
            }
        }
    }

    /// Does something once for each element of packs, whose names stand for that element meanwhile.
    fn each_element<R>(
        &mut self,
        packs: &[(Sym, Entity<'b>)],
        span: Span,
        mut work: impl FnMut(&mut Self) -> Option<R>,
    ) -> Option<Vec<R>> {
        let len = |pack: &Entity<'b>| match pack {
            Entity::Pack(locals) => locals.len(),
            Entity::Types(types) => types.len(),
            _ => 0,
        };
        let (first, rest) = packs.split_first()?;
        let count = len(&first.1);
        if let Some(other) = rest.iter().find(|p| len(&p.1) != count) {
            let message = format!(
                "`{}` has {}, and `{}` has {}: they can't be spread together",
                self.s.text(first.0),
                super::call::count(count, "element"),
                self.s.text(other.0),
                len(&other.1)
            );
            self.error(Code::E0311, span, message);
            return None;
        }
        let mut results = Vec::with_capacity(count);
        let before = std::mem::replace(&mut self.f.spreading, true);
        for n in 0..count {
            let result = self.scoped(|cx| {
                let mut names = Vec::new();
                for (sym, pack) in packs {
                    match pack {
                        Entity::Pack(locals) => cx.f.entries.push((*sym, Entry::Local(locals[n]))),
                        Entity::Types(types) => {
                            names.push((*sym, Bound::Const(TypeId::TYPE, CVal::Type(types[n]))));
                        }
                        _ => {}
                    }
                }
                cx.scope = cx.s.round_scope(cx.scope, cx.file, n, names);
                work(cx)
            });
            let Some(result) = result else { break };
            results.push(result);
        }
        self.f.spreading = before;
        (results.len() == count).then_some(results)
    }

    /// The packs that an expression names as a whole. `xs.len`, `xs[i]` and what is spread further in aren't such.
    fn packs_in(&mut self, expr: ExprId) -> Vec<(Sym, Entity<'b>)> {
        let mut names = Vec::new();
        pack_names(self.ast, expr, &mut names);
        let mut packs: Vec<(Sym, Entity<'b>)> = Vec::new();
        for expr in names {
            let sym = match *self.ast.expr(expr) {
                Ast::Name(name) | Ast::Dollar { name, .. } => self.ident(name),
                Ast::Field { base, name } => match *self.ast.expr(base) {
                    Ast::Name(pack) => {
                        let projected = self.projection(self.ident(pack), self.ident(name));
                        let Some(projected) = projected else { continue };
                        projected
                    }
                    _ => continue,
                },
                _ => continue,
            };
            let pack = match self.entity_if_name(expr) {
                pack @ (Entity::Pack(_) | Entity::Types(_)) => pack,
                _ => continue,
            };
            let same = |known: &Entity<'b>| std::mem::discriminant(known) == std::mem::discriminant(&pack);
            if !packs.iter().any(|(s, known)| *s == sym && same(known)) {
                packs.push((sym, pack));
            }
        }
        packs
    }

    // ---- lists of types ----

    /// `xs.T`: the pack of what the protocol's parameter `T` is for each element of `xs: P`.
    pub(super) fn projected_types(&mut self, pack: Sym, member: Sym, span: Span) -> Option<Arc<[TypeId]>> {
        let sym = self.projection(pack, member)?;
        match self.lookup_static(sym, span)? {
            Bound::Const(_, CVal::Pack(types)) => Some(types),
            _ => None,
        }
    }

    /// `xs.T` inside a spread: what it is for the element that is being looked at.
    pub(super) fn projected_type(&mut self, pack: Sym, member: Sym, span: Span) -> Option<TypeId> {
        let sym = self.projection(pack, member).filter(|_| self.f.spreading)?;
        match self.lookup_static(sym, span)? {
            Bound::Const(_, value) => value.as_type(),
            Bound::Decl(_) => None,
        }
    }

    /// The name under which a projection is bound, where there is one.
    fn projection(&self, pack: Sym, member: Sym) -> Option<Sym> {
        self.s.symbols.get(&projected_name(self.s.text(pack), self.s.text(member)))
    }

    /// Types as a value: a constant `[]Type`.
    pub(super) fn types_value(&mut self, types: &[TypeId], span: Span) -> Val<'b> {
        let list = self.s.types.slice(TypeId::TYPE);
        let values: Arc<[CVal]> = types.iter().map(|&t| CVal::Type(t)).collect();
        self.const_val(list, &CVal::Slice(values), span)
    }

    /// `$args[i]`: a type where `i` is constant, else an element of the list at run time.
    pub(super) fn types_index(&mut self, types: &[TypeId], index: ExprId, span: Span) -> Val<'b> {
        let at = self.span(index);
        let val = self.check(index, Some(TypeId::I64));
        if val.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let n = match val.lit {
            Lit::Int(n) => Some(n),
            _ if self.s.types.is_int(val.ty) => self.fold(val.e).and_then(|v| v.as_int()),
            _ => None,
        };
        let Some(n) = n else {
            let base = self.types_value(types, span).e;
            let index = self.index_value(val, at);
            return self.val(TypeId::TYPE, span, Kind::Index { base, index });
        };
        match types.get(usize::try_from(n).unwrap_or(usize::MAX)) {
            Some(&ty) => self.type_val(ty, span),
            None => {
                let message = format!("index {n} is out of range for a pack of {}", types.len());
                self.error(Code::E0310, at, message);
                self.error_val(span)
            }
        }
    }

    // ---- declarations ----

    /// What no parameter list may hold; false after a report.
    pub(crate) fn check_params(&mut self, func: &sx_syntax::ast::FuncExpr, generic: bool) -> bool {
        let params = self.ast.list(func.params);
        if let [_, second, ..] = params.iter().filter(|p| p.variadic).collect::<Vec<_>>()[..] {
            let message = "a parameter list has one variadic parameter at most";
            let help = "what belongs to which of them couldn't be told";
            self.error_help(Code::E0312, second.span, message, help);
            return false;
        }
        let Some(linkage) = func.linkage.filter(|_| generic) else { return true };
        let at = params.iter().find(|p| p.comptime || p.variadic || p.ty.is_some_and(|t| self.has_dollar(t)));
        let at = at.map_or(func.sig_span, |p| p.span);
        let message = if linkage.export {
            "an exported function is one function, and this stands for many"
        } else {
            "a C function has no compile-time parameters"
        };
        let help = match linkage.export {
            true => "export a function that calls it with types that C has",
            false => "declare it once for each type, or wrap it in a generic function",
        };
        self.error_help(Code::E0801, at, message, help);
        false
    }

    /// A generic type takes a pack last.
    pub(crate) fn check_type_params(&mut self, params: &[Param]) -> bool {
        let Some(at) = params.iter().position(|p| p.variadic) else { return true };
        let Some(next) = params.get(at + 1) else { return true };
        let d = Diagnostic::error(
            Code::E0312,
            self.loc(params[at].span),
            "a pack must be the last parameter of a type",
        )
        .also(Loc::new(self.file, next.span), "nothing could be given to this one");
        self.report(d);
        false
    }
}

/// The name under which `xs.T` is bound; no identifier has a dot.
pub(super) fn projected_name(pack: &str, member: &str) -> String {
    format!("{pack}.{member}")
}

/// The names in an expression that may stand for packs, and members of such.
fn pack_names(ast: &sx_syntax::ast::Ast, expr: ExprId, out: &mut Vec<ExprId>) {
    let mut all = |list: &[ExprId]| list.iter().for_each(|&e| pack_names(ast, e, out));
    match *ast.expr(expr) {
        Ast::Name(_) | Ast::Dollar { .. } => out.push(expr),
        Ast::Field { base, name } => {
            let named = matches!(ast.expr(base), Ast::Name(_) | Ast::Dollar { .. });
            if named && ast.name(name.name) == "len" {
                return;
            }
            if named {
                out.push(expr);
            }
            pack_names(ast, base, out);
        }
        Ast::Index { base, index } => {
            if !matches!(ast.expr(base), Ast::Name(_) | Ast::Dollar { .. }) {
                pack_names(ast, base, out);
            }
            pack_names(ast, index, out);
        }
        Ast::Paren(e)
        | Ast::Unary { operand: e, .. }
        | Ast::AddrOf(e)
        | Ast::Deref(e)
        | Ast::Unwrap(e)
        | Ast::Try(e)
        | Ast::Autocast(e)
        | Ast::TupleIndex { base: e, .. }
        | Ast::OptField { base: e, .. }
        | Ast::OptTupleIndex { base: e, .. }
        | Ast::OptChain(e)
        | Ast::PtrTy(e)
        | Ast::ManyPtrTy(e)
        | Ast::SliceTy(e)
        | Ast::SentinelSliceTy(e)
        | Ast::OptionalTy(e)
        | Ast::Run(e) => pack_names(ast, e, out),
        Ast::Cast { ty: a, operand: b }
        | Ast::Binary { lhs: a, rhs: b, .. }
        | Ast::And(a, b)
        | Ast::Or(a, b)
        | Ast::Coalesce(a, b)
        | Ast::Pipe(a, b)
        | Ast::ArrayTy { len: a, elem: b } => all(&[a, b]),
        Ast::Chain { first, links } => {
            pack_names(ast, first, out);
            ast.list(links).iter().for_each(|link| pack_names(ast, link.rhs, out));
        }
        Ast::Call { callee, args } => {
            pack_names(ast, callee, out);
            ast.list(args).iter().filter(|a| !a.spread).for_each(|a| pack_names(ast, a.value, out));
        }
        Ast::StructLit { ty, fields: args } | Ast::TupleLit { ty, elems: args } => {
            ty.into_iter().for_each(|e| pack_names(ast, e, out));
            ast.list(args).iter().filter(|a| !a.spread).for_each(|a| pack_names(ast, a.value, out));
        }
        Ast::ArrayLit { ty, elems } => {
            ty.into_iter().for_each(|e| pack_names(ast, e, out));
            ast.list(elems).iter().for_each(|&e| pack_names(ast, e, out));
        }
        Ast::ArrayRepeat { ty, value, count } => {
            ty.into_iter().chain([value, count]).for_each(|e| pack_names(ast, e, out));
        }
        Ast::TupleTy(elems) => {
            ast.list(elems).iter().filter(|e| !e.spread).for_each(|e| pack_names(ast, e.ty, out));
        }
        Ast::FuncTy(idx) | Ast::ClosureTy(idx) => {
            let func = ast.get(idx);
            ast.list(func.params).iter().filter(|e| !e.spread).for_each(|e| pack_names(ast, e.ty, out));
            func.ret.ty.into_iter().for_each(|e| pack_names(ast, e, out));
        }
        // Statements, lambdas and declarations have scopes of their own; literals hold no names.
        _ => {}
    }
}
