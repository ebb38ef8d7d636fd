//! Calls: which function, which argument for which parameter, conversions, order.

use super::{Cx, Entity, Lit, Val};
use crate::sema::*;
use crate::thir::*;
use crate::types::{FnAbi, TypeId, TypeKind};
use crate::value::CVal;
use smallvec::SmallVec;
use sx_syntax::ast::{Arg, Expr as Ast, ExprId, Ident, Param, Prim, Range};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// Where a parameter's value comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'b> {
    /// An argument, by its position in the call.
    Arg(usize),
    /// The receiver of a method call.
    Receiver(Val<'b>),
    /// Already checked.
    Given(Val<'b>),
    /// The declaration's default.
    Default,
    /// The arguments of a variadic parameter: what a spread before it had left over, then those from this position that
    /// are positional.
    Rest { lead: &'b [Val<'b>], from: usize },
}

impl Sema {
    /// Finds a result's type in the body if it isn't declared; false after a report.
    pub(crate) fn ensure_result(&mut self, inst: InstId, loc: Loc) -> bool {
        let Inst { infer_ret, decl, .. } = **self.inst(inst);
        if !infer_ret || self.ensure_body(inst) {
            return true;
        }
        let name = self.text(self.fn_decl(decl).name);
        let message = format!("the result type of `{name}` can't be inferred, since it calls itself");
        let d = Diagnostic::error(Code::E0304, loc, message);
        self.report(d.help("declare the result type after `->`"));
        false
    }
}

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn check_call(
        &mut self,
        callee: ExprId,
        args: Range<Arg>,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let args = self.ast.list(args);
        if let Ast::DotName(name) = *self.ast.expr(callee) {
            return self.call_dot_name(name, args, expected, span);
        }
        let entity = self.entity(callee, None);
        self.call_entity(entity, args, expected, span)
    }

    fn call_entity(
        &mut self,
        entity: Entity<'b>,
        args: &[Arg],
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        match entity {
            Entity::Error => {
                self.check_args_loosely(args);
                self.error_val(span)
            }
            Entity::Func(func) => self.call_fn(func, None, args, expected, span),
            Entity::Method(func, receiver) => self.call_fn(func, Some(receiver), args, expected, span),
            Entity::ProtoMethod(val, index) => self.call_protocol(val, index, args, span),
            Entity::ViewMethod(view) => self.call_through(*view, args, span),
            Entity::Generic(generic) => self.call_generic_type(generic, args, span),
            Entity::Vector => {
                let ty = self.vector_type(args, span);
                if ty == TypeId::ERROR { self.error_val(span) } else { self.type_val(ty, span) }
            }
            Entity::Variant(ty, index) => self.call_variant(ty, index, args, span),
            Entity::Protocol(proto) => {
                let mut types = Vec::new();
                for arg in args {
                    types.push(CVal::Type(self.resolve_type(arg.value)));
                }
                let ty = self.protocol_type(proto, types.into(), span);
                self.type_val(ty, span)
            }
            Entity::Value(val) => self.call_value(val, args, span),
            Entity::Namespace(_) | Entity::Library(_) | Entity::Pack(_) | Entity::Types(_) => {
                self.check_args_loosely(args);
                self.error(Code::E0303, span, "this can't be called");
                self.error_val(span)
            }
        }
    }

    /// A call of what a chain has found.
    pub(crate) fn call_found(&mut self, entity: Entity<'b>, args: &[Arg], span: Span) -> Val<'b> {
        self.call_entity(entity, args, None, span)
    }

    /// After an error: arguments are still looked at, so that their own mistakes are shown.
    pub(crate) fn check_args_loosely(&mut self, args: &[Arg]) {
        for arg in args {
            if !matches!(
                self.ast.expr(arg.value),
                Ast::DotName(_)
                    | Ast::StructLit { ty: None, .. }
                    | Ast::Func(_)
                    | Ast::Autocast(_)
                    | Ast::ArrayLit { ty: None, .. }
                    | Ast::TupleLit { ty: None, .. }
            ) && !arg.spread
            {
                self.check(arg.value, None);
            }
        }
    }

    fn call_dot_name(
        &mut self,
        name: sx_syntax::ast::Ident,
        args: &[Arg],
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let sym = self.ident(name);
        let Some(mut ty) = expected else {
            self.check_args_loosely(args);
            let message = format!("`.{}(…)` doesn't say of which type it is", self.s.text(sym));
            self.error_help(Code::E0203, span, message, "write the type before the dot");
            return self.error_val(span);
        };
        while let TypeKind::Optional(of) = *self.kind(ty) {
            ty = of;
        }
        if let TypeKind::Enum(id) = *self.kind(ty) {
            self.s.complete_enum(id);
            if let Some(index) = self.s.types.enum_def(id).variants.iter().position(|v| v.name == sym) {
                self.probe_member(ty, name);
                return self.call_variant(ty, index, args, span);
            }
        }
        if let Some(member) = self.member(ty, sym) {
            let entity = self.decl_entity(member.decl, name.span);
            return self.call_entity(entity, args, expected, span);
        }
        self.check_args_loosely(args);
        match *self.kind(ty) {
            TypeKind::Enum(_) => self.unknown_variant(ty, name),
            TypeKind::Error => {}
            _ => {
                let message =
                    format!("`{}` has no variant or function `{}`", self.name_of(ty), self.s.text(sym));
                self.error(Code::E0403, name.span, message);
            }
        }
        self.error_val(span)
    }

    /// A function value, closure or C function pointer.
    fn call_value(&mut self, val: Val<'b>, args: &[Arg], span: Span) -> Val<'b> {
        let val = self.seen_whole(val, "can't be called");
        let (params, ret) = match self.kind(val.ty).clone() {
            TypeKind::Func { params, ret, .. } | TypeKind::Closure { params, ret } => (params, ret),
            TypeKind::Error => {
                self.check_args_loosely(args);
                return self.error_val(span);
            }
            TypeKind::Optional(_) => {
                self.check_args_loosely(args);
                self.error_help(
                    Code::E0215,
                    span,
                    "this function may be null",
                    "take it out with `!`, or test it first",
                );
                return self.error_val(span);
            }
            _ => {
                self.check_args_loosely(args);
                let message = format!("a value of type `{}` can't be called", self.name_of(val.ty));
                self.error(Code::E0303, span, message);
                return self.error_val(span);
            }
        };
        let mut given_vals: Vec<Result<Val<'b>, &Arg>> = Vec::with_capacity(args.len());
        for arg in args {
            if arg.spread {
                let Some(vals) = self.spread_vals(arg.value) else { return self.error_val(span) };
                given_vals.extend(vals.into_iter().map(Ok));
            } else {
                given_vals.push(Err(arg));
            }
        }
        if given_vals.len() != params.len() {
            self.check_args_loosely(args);
            let (want, have) = (count(params.len(), "argument"), given(given_vals.len()));
            let message = format!("this call needs {want}, and {have}");
            let d = Diagnostic::error(Code::E0301, self.loc(span), message)
                .note(format!("its type is `{}`", self.name_of(val.ty)));
            self.report(d);
            return self.error_val(span);
        }
        let mut checked = Vec::with_capacity(params.len());
        for (value, &param) in given_vals.into_iter().zip(params.iter()) {
            checked.push(match value {
                Ok(val) => self.coerce_arg(val, param, val.e.loc.span),
                Err(arg) => {
                    if let Some(name) = arg.name {
                        self.error(Code::E0302, name.span, "a function value's parameters have no names");
                    }
                    self.check_as(arg.value, param)
                }
            });
        }
        let callee = match self.kind(val.ty) {
            TypeKind::Closure { .. } => Callee::Closure(val.e),
            TypeKind::Func { abi: FnAbi::C, .. } => Callee::CPtr(val.e),
            _ => Callee::Value(val.e),
        };
        let args = self.slice_of(checked);
        self.val(ret, span, Kind::Call { callee, args })
    }

    /// `List(i64)`.
    fn call_generic_type(&mut self, generic: GenericId, args: &[Arg], span: Span) -> Val<'b> {
        let g = self.s.generics[generic.0 as usize].clone();
        let parsed = self.s.file(g.file).file.clone();
        let params = parsed.ast.list(parsed.ast.get(g.ast).params);
        let variadic = params.last().is_some_and(|p| p.variadic);
        let fixed = params.len() - variadic as usize;
        // Spreads of types stand for as many arguments as they have elements.
        let mut given: Vec<(Arg, Option<TypeId>)> = Vec::with_capacity(args.len());
        for &arg in args {
            let consts = variadic && given.len() >= fixed && self.takes_consts(g.file, params);
            if arg.spread && !consts {
                let types = self.spread_types(arg.value);
                if types.contains(&TypeId::ERROR) {
                    return self.error_val(span);
                }
                given.extend(types.into_iter().map(|ty| (arg, Some(ty))));
            } else {
                given.push((arg, None));
            }
        }
        if given.len() < fixed || (given.len() > fixed && !variadic) {
            let name = self.s.text(g.name).to_string();
            let least = if variadic { "at least " } else { "" };
            let wants = count(fixed, "argument");
            let message = format!("`{name}` takes {least}{wants}, and {}", super::call::given(given.len()));
            let d = Diagnostic::error(Code::E0305, self.loc(span), message)
                .also(Loc::new(g.file, g.decl_span), "declared here");
            self.report(d);
            return self.error_val(span);
        }
        let (plain, rest) = given.split_at(fixed);
        let mut values = Vec::with_capacity(params.len());
        for (param, &(arg, spread)) in params.iter().zip(plain) {
            let value = match spread {
                Some(ty) => self.spread_type_arg(&g, param, arg.value, ty),
                None => self.type_arg(g.file, g.scope, param, arg.value),
            };
            let Some(value) = value else { return self.error_val(span) };
            values.push(value);
        }
        if variadic {
            let Some(pack) = self.type_pack(&g, params, rest, span) else { return self.error_val(span) };
            values.push(pack);
        }
        let ty = self.instantiate_type(generic, values.into(), span);
        if ty == TypeId::ERROR { self.error_val(span) } else { self.type_val(ty, span) }
    }

    /// True for a generic type that ends in `..$ns: []i64`.
    fn takes_consts(&mut self, file: sx_syntax::span::FileId, params: &[Param]) -> bool {
        let parsed = self.s.file(file).file.clone();
        params.last().and_then(|p| p.ty).is_some_and(|ty| match *parsed.ast.expr(ty) {
            Ast::SliceTy(elem) => !matches!(parsed.ast.expr(elem), Ast::Prim(Prim::Type)),
            _ => false,
        })
    }

    /// A type out of a spread for a parameter of a generic type.
    fn spread_type_arg(&mut self, g: &GenericType, param: &Param, arg: ExprId, ty: TypeId) -> Option<CVal> {
        let declared = param.ty.map(|ty| self.elsewhere(g.file, g.scope, |cx| cx.resolve_type(ty)));
        if declared.is_none_or(|ty| ty == TypeId::TYPE) {
            return Some(CVal::Type(ty));
        }
        let name = self.s.file(g.file).file.ast.name(param.name.name).to_string();
        let message = format!("`{name}` takes a value, and a type is spread here");
        self.error(Code::E0311, self.span(arg), message);
        None
    }

    /// What a generic type's last parameter takes: a pack of types or of constants.
    fn type_pack(
        &mut self,
        g: &GenericType,
        params: &[Param],
        rest: &[(Arg, Option<TypeId>)],
        span: Span,
    ) -> Option<CVal> {
        if self.takes_consts(g.file, params) {
            let list = params.last().and_then(|p| p.ty)?;
            let list = self.elsewhere(g.file, g.scope, |cx| cx.resolve_type(list));
            let args: Vec<Arg> = rest.iter().map(|(arg, _)| *arg).collect();
            return self.const_pack(&args, list);
        }
        let mut types = Vec::with_capacity(rest.len());
        for &(arg, spread) in rest {
            types.push(match spread {
                Some(ty) => ty,
                None => self.resolve_type(arg.value),
            });
        }
        self.check_pack_len(types.len(), span)?;
        (!types.contains(&TypeId::ERROR)).then(|| CVal::Pack(types.into()))
    }

    /// An argument of a compile-time parameter: a type, or a constant of the declared type.
    pub(crate) fn type_arg(
        &mut self,
        file: sx_syntax::span::FileId,
        scope: ScopeId,
        param: &Param,
        arg: ExprId,
    ) -> Option<CVal> {
        let declared = match param.ty {
            None => TypeId::TYPE,
            Some(ty) => self.elsewhere(file, scope, |cx| match *cx.ast.expr(ty) {
                Ast::Name(ident) if cx.ast.name(ident.name) == "int" => TypeId::UNTYPED_INT,
                _ => cx.resolve_type(ty),
            }),
        };
        if declared == TypeId::ERROR {
            return None;
        }
        if declared == TypeId::TYPE {
            let ty = self.resolve_type(arg);
            return (ty != TypeId::ERROR).then_some(CVal::Type(ty));
        }
        if declared == TypeId::UNTYPED_INT {
            return self.const_int(arg).map(CVal::Int);
        }
        let e = self.check_as(arg, declared);
        if e.ty == TypeId::ERROR {
            return None;
        }
        self.fold_or_report(e)
    }

    /// A call of a declared function, with or without receiver.
    pub(crate) fn call_fn(
        &mut self,
        func: FnId,
        receiver: Option<Val<'b>>,
        args: &[Arg],
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let decl = self.s.fn_decl(func).clone();
        if decl.builtin && self.s.is_atomic_module(decl.file) {
            return self.call_atomic(&decl, receiver, args, span);
        }
        if decl.builtin {
            return self.call_builtin(&decl, args, expected, span);
        }
        let parsed = self.s.file(decl.file).file.clone();
        let sig = parsed.ast.get(decl.ast).sig_span;
        if self.s.file(decl.file).broken.iter().any(|at| at.lo >= sig.lo && at.hi <= sig.hi) {
            // The parser couldn't read the signature, so nothing can be said of the call.
            self.check_args_loosely(args);
            return self.error_val(span);
        }
        let params = parsed.ast.list(parsed.ast.get(decl.ast).params);
        let Some(sources) = self.match_args(&decl, params, receiver, args, span) else {
            self.check_args_loosely(args);
            return self.error_val(span);
        };
        if decl.generic {
            return self.call_generic(func, &decl, params, &sources, args, span);
        }
        let loc = self.loc(span);
        let Some(inst) = self.plain_instance(func, loc) else {
            self.check_args_loosely(args);
            return self.error_val(span);
        };
        self.call_instance(inst, params, &sources, args, &[], span)
    }

    /// A call of a method with arguments that are checked already.
    pub(crate) fn call_method(
        &mut self,
        func: FnId,
        receiver: Val<'b>,
        given: &[Val<'b>],
        span: Span,
    ) -> Val<'b> {
        let decl = self.s.fn_decl(func).clone();
        let parsed = self.s.file(decl.file).file.clone();
        let params = parsed.ast.list(parsed.ast.get(decl.ast).params);
        let mut sources = vec![Source::Receiver(receiver)];
        sources.extend(given.iter().map(|&val| Source::Given(val)));
        if !self.fill_sources(&decl, params, &mut sources, span) {
            return self.error_val(span);
        }
        if decl.generic {
            return self.call_generic(func, &decl, params, &sources, &[], span);
        }
        let loc = self.loc(span);
        let Some(inst) = self.plain_instance(func, loc) else { return self.error_val(span) };
        self.call_instance(inst, params, &sources, &[], &[], span)
    }

    /// Defaults for the parameters that were given nothing; a report when there is none, or too much was given.
    fn fill_sources(
        &mut self,
        decl: &FnDecl,
        params: &[Param],
        sources: &mut Vec<Source<'b>>,
        span: Span,
    ) -> bool {
        let given = sources.len();
        let rest = params.get(given..).unwrap_or(&[]);
        let missing: Vec<&Param> = rest.iter().filter(|p| p.default.is_none() && !p.variadic).collect();
        if given > params.len() || !missing.is_empty() {
            self.wrong_count(decl, params, given, &missing, span);
            return false;
        }
        sources.extend(
            rest.iter()
                .map(|p| if p.variadic { Source::Rest { lead: &[], from: 0 } } else { Source::Default }),
        );
        true
    }

    /// A call of a function with values that are checked already.
    pub(crate) fn call_with(&mut self, func: FnId, given: &[Val<'b>], span: Span) -> Val<'b> {
        let decl = self.s.fn_decl(func).clone();
        let parsed = self.s.file(decl.file).file.clone();
        let params = parsed.ast.list(parsed.ast.get(decl.ast).params);
        let mut sources: Vec<Source<'b>> = given.iter().map(|&val| Source::Given(val)).collect();
        if !self.fill_sources(&decl, params, &mut sources, span) {
            return self.error_val(span);
        }
        if decl.generic {
            return self.call_generic(func, &decl, params, &sources, &[], span);
        }
        let loc = self.loc(span);
        let Some(inst) = self.plain_instance(func, loc) else { return self.error_val(span) };
        self.call_instance(inst, params, &sources, &[], &[], span)
    }

    /// Which argument goes to which parameter.
    pub(super) fn match_args(
        &mut self,
        decl: &FnDecl,
        params: &[Param],
        receiver: Option<Val<'b>>,
        args: &[Arg],
        span: Span,
    ) -> Option<Vec<Source<'b>>> {
        let mut sources: Vec<Option<Source<'b>>> = vec![None; params.len()];
        let mut at = 0;
        if let Some(receiver) = receiver {
            if params.is_empty() {
                self.wrong_count(decl, params, args.len() + 1, &[], span);
                return None;
            }
            sources[0] = Some(Source::Receiver(receiver));
            at = 1;
        }
        let mut named = false;
        let mut resting = false;
        for (i, arg) in args.iter().enumerate() {
            if let Some(name) = arg.name {
                named = true;
                let to = self.named_parameter(decl, params, &sources, name)?;
                sources[to] = Some(Source::Arg(i));
                continue;
            }
            if named {
                let at = self.span(arg.value);
                self.error(Code::E0302, at, "a positional argument can't follow a named one");
                return None;
            }
            if resting {
                continue;
            }
            while at < params.len() && sources[at].is_some() {
                at += 1;
            }
            if arg.spread && at < params.len() && !params[at].variadic {
                let vals = self.spread_vals(arg.value)?;
                for (n, &val) in vals.iter().enumerate() {
                    match params.get(at) {
                        Some(param) if param.variadic => {
                            let lead = self.slice_of(vals[n..].to_vec());
                            sources[at] = Some(Source::Rest { lead, from: i + 1 });
                            resting = true;
                            break;
                        }
                        Some(_) => sources[at] = Some(Source::Given(val)),
                        None => {
                            let here = self.span(arg.value);
                            let have = args.len() - 1 + vals.len();
                            self.wrong_count(decl, &params[receiver.is_some() as usize..], have, &[], here);
                            return None;
                        }
                    }
                    at += 1;
                }
                continue;
            }
            if at < params.len() && params[at].variadic {
                sources[at] = Some(Source::Rest { lead: &[], from: i });
                resting = true;
                continue;
            }
            if at >= params.len() {
                let here = self.span(arg.value);
                self.wrong_count(decl, &params[receiver.is_some() as usize..], args.len(), &[], here);
                return None;
            }
            sources[at] = Some(Source::Arg(i));
            at += 1;
        }
        let lacks = |(param, source): &(&Param, &Option<Source<'b>>)| {
            source.is_none() && !param.variadic && param.default.is_none()
        };
        let missing: Vec<&Param> =
            params.iter().zip(&sources).filter(lacks).map(|(param, _)| param).collect();
        if !missing.is_empty() {
            self.wrong_count(decl, params, args.len(), &missing, span);
            return None;
        }
        let mut result = Vec::with_capacity(params.len());
        for (param, source) in params.iter().zip(&sources) {
            match source {
                Some(source) => result.push(*source),
                None if param.variadic => result.push(Source::Rest { lead: &[], from: args.len() }),
                None => result.push(Source::Default),
            }
        }
        Some(result)
    }

    /// The parameter that an argument names; none after a report.
    fn named_parameter(
        &mut self,
        decl: &FnDecl,
        params: &[Param],
        taken: &[Option<Source<'b>>],
        name: Ident,
    ) -> Option<usize> {
        let text = self.ast.name(name.name);
        let parsed = self.s.file(decl.file).file.clone();
        let found = params.iter().position(|p| parsed.ast.name(p.name.name) == text);
        let message = match found {
            Some(p) if params[p].variadic => {
                format!("`{text}` is variadic and takes its arguments by position")
            }
            Some(p) if taken[p].is_none() => return Some(p),
            Some(_) => format!("parameter `{text}` has an argument already"),
            None => format!("`{}` has no parameter `{text}`", self.s.text(decl.name)),
        };
        let mut d = Diagnostic::error(Code::E0302, self.loc(name.span), message);
        if found.is_none() {
            d = d.note(format!("the signature is `{}`", self.show_signature(decl)));
            let names = params.iter().map(|p| parsed.ast.name(p.name.name).to_string());
            if let Some(near) = crate::modules::nearest(text, names) {
                d = d.help(format!("did you mean `{near}`?"));
            }
        }
        self.report(d);
        None
    }

    /// Reports arguments that no parameter takes, at the first of them, or parameters without one, at the call.
    fn wrong_count(&mut self, decl: &FnDecl, params: &[Param], have: usize, missing: &[&Param], at: Span) {
        let parsed = self.s.file(decl.file).file.clone();
        let name = self.s.text(decl.name).to_string();
        let mut d = Diagnostic::error(Code::E0301, self.loc(at), "");
        if missing.is_empty() {
            d.message = format!("`{name}` takes {}, and {}", wanted(params), given(have));
        } else {
            let names: Vec<&str> = missing.iter().map(|p| parsed.ast.name(p.name.name)).collect();
            let what = if names.len() == 1 { "an argument" } else { "arguments" };
            d.message = format!("`{name}` needs {what} for `{}`", names.join("` and `"));
        }
        let shown = self.show_signature(decl);
        self.report(
            d.note(format!("the signature is `{shown}`"))
                .also(Loc::new(decl.file, decl.span), "declared here"),
        );
    }

    /// A signature as it is written.
    pub(crate) fn show_signature(&mut self, decl: &FnDecl) -> String {
        let sig = self.s.file(decl.file).file.ast.get(decl.ast).sig_span;
        self.s.show_written(decl.file, decl.name, sig)
    }

    /// The call itself, once the instance is known. `checked` holds arguments that inference has looked at.
    pub(crate) fn call_instance(
        &mut self,
        inst: InstId,
        params: &[Param],
        sources: &[Source<'b>],
        args: &[Arg],
        checked: &[Option<Val<'b>>],
        span: Span,
    ) -> Val<'b> {
        let instance = self.s.inst(inst).clone();
        let mut values: SmallVec<[E<'b>; 8]> = SmallVec::new();
        let mut order: SmallVec<[(usize, usize); 8]> = SmallVec::new();
        let mut failed = false;
        for param in &instance.params {
            let index = param.decl as usize;
            let e = match (param.pack, sources[index]) {
                (Some(n), _) => {
                    let val = checked[index_of_pack(sources, index, n)].expect("pack elements were checked");
                    self.coerce(val, param.ty, val.e.loc.span)
                }
                (None, source) => match checked.get(index).copied().flatten() {
                    Some(val) if params[index].variadic => val.e,
                    Some(val) => self.coerce_receiver(val, source, param.ty, span),
                    None => self.source_value(source, &instance, index, params, args, param.ty, span),
                },
            };
            if let Source::Arg(at) = sources[index] {
                order.push((at, values.len()));
            }
            failed |= e.ty == TypeId::ERROR && param.ty != TypeId::ERROR;
            values.push(e);
        }
        if let Some(extra) = self.c_variadic(&instance, params, sources, args) {
            values.extend(extra);
        }
        if failed {
            return self.error_val(span);
        }
        if !self.ensure_result(inst, span) {
            return self.error_val(span);
        }
        let ret = self.s.inst(inst).sig.ret;
        let mut stmts = Vec::new();
        if order.windows(2).any(|w| w[0].0 > w[1].0) {
            // Named arguments out of order: evaluated as written, then passed as declared.
            order.sort_unstable();
            for (_, at) in order {
                let local = self.keep(values[at], &mut stmts);
                values[at] = self.local_expr(local, span);
            }
        }
        let args = self.b.alloc_slice_fill_iter(values);
        let callee = match instance.ext {
            Some(ext) => Callee::Extern(ext),
            None => Callee::Func(instance.func),
        };
        let call = self.mk(ret, span, Kind::Call { callee, args });
        let e = self.block(stmts, call);
        self.of(e)
    }

    /// Finds a result's type in the body if it isn't declared; false after a report.
    pub(crate) fn ensure_result(&mut self, inst: InstId, span: Span) -> bool {
        let loc = self.loc(span);
        self.s.ensure_result(inst, loc)
    }

    fn coerce_receiver(&mut self, val: Val<'b>, source: Source<'b>, ty: TypeId, span: Span) -> E<'b> {
        match source {
            Source::Receiver(_) => self.adapt_receiver(val, ty, span),
            _ => self.coerce(val, ty, val.e.loc.span),
        }
    }

    /// A receiver's address is taken, or it is dereferenced, as the method's first parameter asks.
    pub(crate) fn adapt_receiver(&mut self, val: Val<'b>, ty: TypeId, span: Span) -> E<'b> {
        if val.ty == ty && val.lit == Lit::None {
            return val.e;
        }
        let e = self.settle(val, span);
        if let TypeKind::Ptr(to) = *self.kind(ty)
            && e.ty == to
        {
            return self.address_of(e);
        }
        if let TypeKind::Ptr(of) = *self.kind(e.ty) {
            if of == ty {
                return self.mk(ty, span, Kind::Deref(e));
            }
            let inner = self.mk(of, span, Kind::Deref(e));
            let inner = self.of(inner);
            if let Some(e) = self.try_coerce(inner, ty, span) {
                return e;
            }
        }
        let val = self.of(e);
        self.coerce(val, ty, span)
    }

    #[allow(clippy::too_many_arguments)]
    fn source_value(
        &mut self,
        source: Source<'b>,
        instance: &Inst,
        index: usize,
        params: &[Param],
        args: &[Arg],
        ty: TypeId,
        span: Span,
    ) -> E<'b> {
        match source {
            Source::Arg(at) => {
                if args[at].spread {
                    let at = self.span(args[at].value);
                    self.error(Code::E0311, at, "only a variadic parameter takes `..`");
                    return self.error_val(at).e;
                }
                if let Ast::Func(_) = self.ast.expr(args[at].value) {
                    let borrowed = !self.s.escapes(instance.decl, index as u32);
                    return self.check_closure_arg(args[at].value, ty, borrowed);
                }
                self.check_arg(args[at].value, ty)
            }
            Source::Receiver(val) => self.adapt_receiver(val, ty, span),
            Source::Given(val) => self.coerce_arg(val, ty, span),
            Source::Default => self.default_arg(instance, &params[index], ty, span),
            Source::Rest { lead, from } => self.runtime_rest(ty, lead, rest_of(args, from), span),
        }
    }

    fn default_arg(&mut self, instance: &Inst, param: &Param, ty: TypeId, span: Span) -> E<'b> {
        let decl = self.s.fn_decl(instance.decl).clone();
        let default = param.default.expect("a source is the default only where there is one");
        let parsed = self.s.file(decl.file).file.clone();
        if let Ast::CallerLocation = *parsed.ast.expr(default) {
            let val = self.location_value(span);
            return self.coerce(val, ty, span);
        }
        self.elsewhere(decl.file, instance.scope, |cx| cx.check_as(default, ty))
    }

    /// `..xs: []T`: the arguments as one slice.
    pub(super) fn runtime_rest(&mut self, ty: TypeId, lead: &[Val<'b>], args: &[Arg], span: Span) -> E<'b> {
        let TypeKind::Slice(elem) = *self.kind(ty) else {
            self.variadic_not_slice(ty, span);
            return self.error_val(span).e;
        };
        let mut elems: Vec<E<'b>> = Vec::with_capacity(lead.len() + args.len());
        elems.extend(lead.iter().map(|&val| self.coerce_arg(val, elem, val.e.loc.span)));
        for arg in args {
            let spread = if arg.spread { self.spread_or_whole(arg.value, Some(ty)) } else { None };
            let vals = match spread {
                Some(Ok(vals)) => Some(vals),
                Some(Err(whole)) if args.len() == 1 && lead.is_empty() => {
                    let at = self.span(arg.value);
                    if let Some(e) = self.try_coerce(whole, ty, at) {
                        return e;
                    }
                    let (have, want) = (self.describe(whole.ty), self.name_of(ty));
                    self.error(Code::E0311, at, format!("{have} can't be spread into `{want}`"));
                    None
                }
                Some(Err(_)) => {
                    self.not_alone(arg.value);
                    None
                }
                None if arg.spread => None,
                None => self.rest_values(arg, Some(elem)),
            };
            let Some(vals) = vals else { return self.error_val(span).e };
            elems.extend(vals.into_iter().map(|val| self.coerce_arg(val, elem, val.e.loc.span)));
        }
        if elems.iter().any(|e| e.ty == TypeId::ERROR) {
            return self.error_val(span).e;
        }
        if elems.is_empty() {
            return self.mk(ty, span, Kind::Zero);
        }
        let array_ty = self.s.types.array(elem, elems.len() as u64);
        let elems = self.slice_of(elems);
        let array = self.mk(array_ty, span, Kind::Array(elems));
        self.mk(ty, span, Kind::Cast(Cast::ArrayToSlice, array))
    }

    pub(crate) fn variadic_not_slice(&mut self, ty: TypeId, span: Span) {
        let name = self.name_of(ty);
        let message = format!("a variadic parameter's type must be a slice, and this is `{name}`");
        self.error_help(Code::E0311, span, message, format!("write `..xs: []{name}`"));
    }

    /// What one argument adds to a slice of arguments: itself, or the elements of the pack or tuple that it spreads.
    pub(crate) fn rest_values(&mut self, arg: &Arg, elem: Option<TypeId>) -> Option<Vec<Val<'b>>> {
        if !arg.spread {
            let val = self.check(arg.value, elem);
            return (val.ty != TypeId::ERROR).then(|| vec![val]);
        }
        match self.spread_or_whole(arg.value, None)? {
            Ok(vals) => Some(vals),
            Err(_) => {
                self.not_alone(arg.value);
                None
            }
        }
    }

    fn not_alone(&mut self, spread: ExprId) {
        let message = "a spread slice must be the only argument of a variadic parameter";
        self.error(Code::E0311, self.span(spread), message);
    }

    /// The promoted arguments of C's `...`.
    fn c_variadic(
        &mut self,
        instance: &Inst,
        params: &[Param],
        sources: &[Source<'b>],
        args: &[Arg],
    ) -> Option<Vec<E<'b>>> {
        instance.ext?;
        let at = params.iter().position(|p| p.variadic && p.ty.is_none())?;
        let Source::Rest { lead, from } = sources[at] else { return None };
        let mut given: Vec<E<'b>> = lead.iter().map(|val| val.e).collect();
        for arg in rest_of(args, from) {
            if arg.spread {
                given.extend(self.spread_vals(arg.value).unwrap_or_default().into_iter().map(|val| val.e));
                continue;
            }
            given.push(match *self.ast.expr(arg.value) {
                Ast::Str(_) => self.check_as(arg.value, TypeId::CSTRING),
                _ => self.check_settled(arg.value),
            });
        }
        let mut extra = Vec::with_capacity(given.len());
        for e in given {
            let span = e.loc.span;
            let promoted = match self.s.types.int_repr(e.ty) {
                Some((bits, signed)) if bits < 32 => {
                    let ty = if signed || bits < 32 { TypeId::I32 } else { TypeId::U32 };
                    self.mk(ty, span, Kind::Cast(Cast::Int, e))
                }
                _ if e.ty == TypeId::F32 => self.mk(TypeId::F64, span, Kind::Cast(Cast::Float, e)),
                _ => e,
            };
            extra.push(promoted);
        }
        Some(extra)
    }

    /// `a |> f(b)`.
    pub(crate) fn check_pipe(
        &mut self,
        left: ExprId,
        call: ExprId,
        expected: Option<TypeId>,
        span: Span,
    ) -> Val<'b> {
        let Ast::Call { callee, args } = *self.ast.expr(call) else {
            self.error(Code::E0303, self.span(call), "the right side of `|>` must be a call");
            return self.error_val(span);
        };
        let mut all = vec![Arg { name: None, value: left, spread: false }];
        all.extend_from_slice(self.ast.list(args));
        let entity = self.entity(callee, None);
        self.call_entity(entity, &all, expected, span)
    }

    /// The only instance of a function without compile-time parameters.
    pub(crate) fn plain_instance(&mut self, func: FnId, loc: Loc) -> Option<InstId> {
        self.instance(func, Vec::new(), loc)
    }
}

/// The arguments of a variadic parameter: from there to the end, or to the first one that is named.
pub(crate) fn rest_of(args: &[Arg], from: usize) -> &[Arg] {
    let rest = &args[from.min(args.len())..];
    let end = rest.iter().position(|arg| arg.name.is_some()).unwrap_or(rest.len());
    &rest[..end]
}

/// Where inference keeps the `n`th element of the pack that belongs to a parameter.
pub(crate) fn index_of_pack(sources: &[Source<'_>], _param: usize, n: u32) -> usize {
    sources.len() + n as usize
}

/// "no arguments", "1 argument", "1 or 2 arguments".
pub(crate) fn wanted(params: &[Param]) -> String {
    let least = params.iter().filter(|p| p.default.is_none() && !p.variadic).count();
    match (least, params.len()) {
        (_, 0) => "no arguments".to_string(),
        (least, most) if least == most => count(least, "argument"),
        (least, _) if params.iter().any(|p| p.variadic) => format!("at least {}", count(least, "argument")),
        (0, most) => format!("at most {}", count(most, "argument")),
        (least, most) if least + 1 == most => format!("{least} or {most} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    }
}

/// "1 is given", "3 are given".
pub(crate) fn given(n: usize) -> String {
    match n {
        0 => "none is given".to_string(),
        1 => "1 is given".to_string(),
        n => format!("{n} are given"),
    }
}

pub(crate) fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}
