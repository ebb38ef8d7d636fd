//! Protocols: values that carry their functions, `impl` blocks, calls through them.

use super::call::{Source, rest_of};
use super::{Cx, Lit, Val, Within, is_place};
use crate::comptime::Origin;
use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::*;
use crate::value::CVal;
use std::sync::Arc;
use sx_syntax::ast::{Arg, Ast as Tree, Expr as Ast, FuncBody, Member as AstMember, Param};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

impl<'b> Cx<'_, '_, 'b> {
    /// The type of a protocol for these arguments.
    pub(crate) fn protocol_type(&mut self, proto: ProtoDeclId, args: Arc<[CVal]>, span: Span) -> TypeId {
        let key = (proto, args.clone());
        if let Some(&id) = self.s.proto_ids.get(&key) {
            return self.s.types.intern(TypeKind::Protocol(id));
        }
        let decl = self.s.proto_decls[proto.0 as usize].clone();
        let parsed = self.s.file(decl.file).file.clone();
        let ast = *parsed.ast.get(decl.ast);
        let params = parsed.ast.list(ast.params);
        let name = self.s.text(decl.name).to_string();
        if params.len() != args.len() {
            let message = format!(
                "protocol `{name}` takes {}, and {}",
                super::call::count(params.len(), "argument"),
                super::call::given(args.len())
            );
            self.error(Code::E0305, span, message);
            return TypeId::ERROR;
        }
        let names = params
            .iter()
            .zip(args.iter())
            .map(|(p, a)| {
                let sym = self.s.file(decl.file).syms[p.name.name.index()];
                (sym, Bound::Const(super::nominal::cval_type(a), a.clone()))
            })
            .collect();
        let scope = self.s.new_scope(Some(decl.scope), decl.file, names);
        let shown: Vec<String> = args.iter().map(|a| self.show_cval(a)).collect();
        let name = if shown.is_empty() { name } else { format!("{name}({})", shown.join(", ")) };
        let def = ProtocolDef { name, inline: ast.inline, methods: Vec::new(), complete: false };
        self.s.types.protocols.push(def);
        let id = ProtocolId(self.s.types.protocols.len() as u32 - 1);
        self.s.proto_info.push(ProtoInfo { decl: proto, args: args.clone(), scope, busy: false });
        self.s.proto_ids.insert(key, id);
        self.s.trace_scope(scope, || Origin::Protocol(id));
        self.s.types.intern(TypeKind::Protocol(id))
    }

    /// A value or pointer as a protocol value, where an impl exists. An lvalue is borrowed, an rvalue copied.
    pub(crate) fn erase(
        &mut self,
        val: Val<'b>,
        protocol: ProtocolId,
        target: TypeId,
        span: Span,
    ) -> Option<E<'b>> {
        self.s.complete_protocol(protocol);
        let e = if val.lit == Lit::None { val.e } else { self.settle(val, span) };
        let (concrete, ctx) = match self.kind(e.ty).clone() {
            TypeKind::Ptr(of) if self.s.has_impl(protocol, of, self.file) => (of, e),
            _ => {
                if !self.s.has_impl(protocol, e.ty, self.file) {
                    return None;
                }
                let borrowed = is_place(e) || self.f.argument || self.f.is_static;
                let address = self.address_of(e);
                (e.ty, if borrowed { address } else { self.copied(address, e.ty, span) })
            }
        };
        let Some(funcs) = self.s.impl_funcs(protocol, concrete, self.loc(span), self.inside()) else {
            // What is wrong with the impl has been said there.
            return Some(self.mk(TypeId::ERROR, span, Kind::Undef));
        };
        if let (Kind::AddrOf(_), true) = (&ctx.kind, is_place(e)) {
            self.mark_address_taken(e);
        }
        let ctx = self.mk(TypeId::VOID_PTR, span, Kind::Cast(Cast::Bits, ctx));
        if let Some(&first) = funcs.first() {
            self.s.erased_types.insert(first, concrete);
        }
        let word = self.s.types.target.ptr_size;
        let mut parts = vec![(0, ctx)];
        if self.s.types.protocol(protocol).inline {
            for (n, func) in funcs.iter().enumerate() {
                let value = self.mk(TypeId::VOID_PTR, span, Kind::FuncValue(*func));
                parts.push((word * (n as u32 + 1), value));
            }
        } else {
            let table = CVal::Agg(funcs.iter().map(|&f| CVal::Func(f)).collect());
            let array = self.s.types.array(TypeId::VOID_PTR, funcs.len() as u64);
            let loc = self.loc(span);
            self.ensure_layout(array, loc);
            let data = self.s.frozen(array, &table);
            let place = self.mk(array, span, Kind::ConstData(data));
            let ptr = self.s.types.ptr(array);
            let address = self.mk(ptr, span, Kind::AddrOf(place));
            parts.push((word, address));
        }
        let parts = self.slice_of(parts);
        Some(self.mk(target, span, Kind::Aggregate(parts)))
    }

    /// The address of a copy that the context's allocator makes of what is behind an address.
    pub(crate) fn copied(&mut self, address: E<'b>, ty: TypeId, span: Span) -> E<'b> {
        let loc = self.loc(span);
        let (true, Some(copy)) = (self.ensure_layout(ty, loc), self.s.core_fn("keep_erased")) else {
            return address;
        };
        let layout = self.s.types.layout(ty);
        let (size, align) = (layout.size as i64, layout.align as i64);
        let address = self.mk(TypeId::VOID_PTR, span, Kind::Cast(Cast::Bits, address));
        let given = [address, self.i64_expr(size, span), self.i64_expr(align, span)].map(|e| self.of(e));
        self.call_with(copy, &given, span).e
    }

    /// `p.method(args)` on a protocol value.
    pub(crate) fn call_protocol(&mut self, val: Val<'b>, index: usize, args: &[Arg], span: Span) -> Val<'b> {
        let TypeKind::Protocol(id) = *self.kind(val.ty) else { return self.error_val(span) };
        let mut stmts = Vec::new();
        let kept = self.keep_place(val.e, &mut stmts);
        let Some(given) = self.protocol_args(id, index, args, span) else { return self.error_val(span) };
        let method = self.s.types.protocol(id).methods[index].clone();
        let receiver = self.local_expr(kept, span);
        let word = self.s.types.target.ptr_size;
        let ctx = self.mk(TypeId::VOID_PTR, span, Kind::Field { base: receiver, offset: 0 });
        let mut values = vec![ctx];
        values.extend(given);
        let mut types = vec![TypeId::VOID_PTR];
        types.extend(&method.params);
        let fn_ty =
            self.s.types.intern(TypeKind::Func { params: types.into(), ret: method.ret, abi: FnAbi::Sx });
        let callee = if self.s.types.protocol(id).inline {
            self.mk(fn_ty, span, Kind::Field { base: receiver, offset: word * (index as u32 + 1) })
        } else {
            let array = self.s.types.array(fn_ty, self.s.types.protocol(id).methods.len() as u64);
            let ptr = self.s.types.ptr(array);
            let table = self.mk(ptr, span, Kind::Field { base: receiver, offset: word });
            let table = self.mk(array, span, Kind::Deref(table));
            self.mk(fn_ty, span, Kind::Field { base: table, offset: word * index as u32 })
        };
        let args = self.slice_of(values);
        let call = self.mk(method.ret, span, Kind::Call { callee: Callee::Value(callee), args });
        let e = self.block(stmts, call);
        self.of(e)
    }

    /// The arguments of a call of a protocol's method, as the protocol declares them; none after a report.
    pub(super) fn protocol_args(
        &mut self,
        id: ProtocolId,
        index: usize,
        args: &[Arg],
        span: Span,
    ) -> Option<Vec<E<'b>>> {
        let method = self.s.types.protocol(id).methods[index].clone();
        let decl = self.s.proto_decls[self.s.proto_info[id.0 as usize].decl.0 as usize].clone();
        let parsed = self.s.file(decl.file).file.clone();
        let proto = *parsed.ast.get(decl.ast);
        // By name: what was declared wrongly isn't among the methods.
        let syms = &self.s.file(decl.file).syms;
        let func = parsed.ast.list(proto.methods).iter().find_map(|member| match member {
            AstMember::Const(idx) if syms[parsed.ast.get(*idx).name.name.index()] == method.name => {
                match *parsed.ast.expr(parsed.ast.get(*idx).value) {
                    Ast::Func(func) => Some(*parsed.ast.get(func)),
                    _ => None,
                }
            }
            _ => None,
        })?;
        let params = parsed.ast.list(func.params).get(1..).unwrap_or_default();
        let sources = self.match_protocol_args(id, method.name, params, &parsed.ast, args, span)?;
        let mut values = Vec::with_capacity(params.len());
        for ((param, &ty), source) in params.iter().zip(&method.params).zip(sources) {
            let e = match (source, param.default) {
                (Source::Arg(at), _) => self.check_arg(args[at].value, ty),
                (Source::Given(val), _) => self.coerce_arg(val, ty, val.e.loc.span),
                (Source::Rest { lead, from }, _) => self.runtime_rest(ty, lead, rest_of(args, from), span),
                (_, Some(default)) if matches!(*parsed.ast.expr(default), Ast::CallerLocation) => {
                    let val = self.location_value(span);
                    self.coerce(val, ty, span)
                }
                (_, Some(default)) => {
                    let scope = self.s.proto_info[id.0 as usize].scope;
                    self.elsewhere(decl.file, scope, |cx| cx.check_as(default, ty))
                }
                (_, None) => return None,
            };
            if e.ty == TypeId::ERROR {
                return None;
            }
            values.push(e);
        }
        Some(values)
    }

    /// Which argument goes to which parameter of a protocol's method.
    fn match_protocol_args(
        &mut self,
        id: ProtocolId,
        method: Sym,
        params: &[Param],
        ast: &Tree,
        args: &[Arg],
        span: Span,
    ) -> Option<Vec<Source<'b>>> {
        let mut sources: Vec<Option<Source<'b>>> = vec![None; params.len()];
        let mut at = 0;
        let mut have = 0;
        for (i, arg) in args.iter().enumerate() {
            if let Some(name) = arg.name {
                let text = self.ast.name(name.name);
                let message = match params.iter().position(|p| ast.name(p.name.name) == text) {
                    Some(p) if params[p].variadic => {
                        format!("`{text}` is variadic and takes its arguments by position")
                    }
                    Some(p) if sources[p].is_none() => {
                        sources[p] = Some(Source::Arg(i));
                        have += 1;
                        continue;
                    }
                    Some(_) => format!("parameter `{text}` has an argument already"),
                    None => format!("`{}` has no parameter `{text}`", self.s.text(method)),
                };
                self.error(Code::E0302, name.span, message);
                return None;
            }
            let variadic = |at: usize| params.get(at).is_some_and(|p: &Param| p.variadic);
            if variadic(at) {
                sources[at].get_or_insert(Source::Rest { lead: &[], from: i });
                continue;
            }
            if !arg.spread {
                have += 1;
                if let Some(source) = sources.get_mut(at) {
                    *source = Some(Source::Arg(i));
                }
                at += 1;
                continue;
            }
            let vals = self.spread_vals(arg.value)?;
            for (n, &val) in vals.iter().enumerate() {
                if variadic(at) {
                    let lead = self.slice_of(vals[n..].to_vec());
                    sources[at] = Some(Source::Rest { lead, from: i + 1 });
                    break;
                }
                have += 1;
                if let Some(source) = sources.get_mut(at) {
                    *source = Some(Source::Given(val));
                }
                at += 1;
            }
        }
        let open = |(p, s): (&Param, &Option<Source<'b>>)| s.is_none() && p.default.is_none() && !p.variadic;
        if at > params.len() || params.iter().zip(&sources).any(open) {
            self.wrong_protocol_count(id, method, params, have, span);
            return None;
        }
        let rest = Source::Rest { lead: &[], from: args.len() };
        let fill = |(p, s): (&Param, Option<Source<'b>>)| {
            s.unwrap_or(if p.variadic { rest } else { Source::Default })
        };
        Some(params.iter().zip(sources).map(fill).collect())
    }

    fn wrong_protocol_count(
        &mut self,
        id: ProtocolId,
        method: Sym,
        params: &[Param],
        have: usize,
        span: Span,
    ) {
        let wants = super::call::wanted(params);
        let name = self.s.text(method).to_string();
        let message = format!("`{name}` takes {wants}, and {}", super::call::given(have));
        let mut d = Diagnostic::error(Code::E0301, self.loc(span), message);
        if let Some((shown, at)) = self.s.protocol_method(id, method) {
            d = d.also(at, "declared here").note(format!("the signature is `{shown}`"));
        }
        self.report(d);
    }

    /// `xx p` back to a concrete pointer, checked by the functions that the value carries.
    pub(crate) fn recover_concrete(&mut self, e: E<'b>, target: TypeId, span: Span) -> Option<Val<'b>> {
        let (TypeKind::Protocol(id), TypeKind::Ptr(of)) =
            (self.kind(e.ty).clone(), self.kind(target).clone())
        else {
            return None;
        };
        let loc = self.loc(span);
        let funcs = self.s.impl_funcs(id, of, loc, self.inside())?;
        let mut stmts = Vec::new();
        let kept = self.keep(e, &mut stmts);
        let value = self.local_expr(kept, span);
        let word = self.s.types.target.ptr_size;
        let ctx = self.mk(target, span, Kind::Field { base: value, offset: 0 });
        let message = self.mk(TypeId::STRING, span, Kind::Str(b"bad cast"));
        let (have, want) = if self.s.types.protocol(id).inline {
            let first = *funcs.first()?;
            let have = self.mk(TypeId::VOID_PTR, span, Kind::Field { base: value, offset: word });
            (have, self.mk(TypeId::VOID_PTR, span, Kind::FuncValue(first)))
        } else {
            let table = CVal::Agg(funcs.iter().map(|&f| CVal::Func(f)).collect());
            let array = self.s.types.array(TypeId::VOID_PTR, funcs.len() as u64);
            let data = self.s.frozen(array, &table);
            let place = self.mk(array, span, Kind::ConstData(data));
            let have = self.mk(TypeId::VOID_PTR, span, Kind::Field { base: value, offset: word });
            let ptr = self.s.types.ptr(array);
            let want = self.mk(ptr, span, Kind::AddrOf(place));
            (have, self.mk(TypeId::VOID_PTR, span, Kind::Cast(Cast::Bits, want)))
        };
        let cond = self.mk(TypeId::BOOL, span, Kind::Compare(Compare::Eq, have, want));
        let args = self.slice_of(vec![message]);
        let panic = self.mk(TypeId::NORETURN, span, Kind::Intrinsic(Intrinsic::Panic, args));
        let choice = self.mk(target, span, Kind::If { cond, then: ctx, else_: Some(panic) });
        let e = self.block(stmts, choice);
        Some(self.of(e))
    }

    /// True for `self: *Self`, whatever it is called.
    fn is_receiver(&self, param: &sx_syntax::ast::Param) -> bool {
        let Some(ty) = param.ty else { return false };
        let Ast::PtrTy(to) = *self.ast.expr(ty) else { return false };
        matches!(*self.ast.expr(to), Ast::Name(name) if self.ast.name(name.name) == "Self")
    }

    fn protocol_methods(
        &mut self,
        idx: sx_syntax::ast::Idx<sx_syntax::ast::ProtocolExpr>,
    ) -> Vec<ProtocolMethod> {
        let members = self.ast.list(self.ast.get(idx).methods);
        let mut methods: Vec<ProtocolMethod> = Vec::new();
        for member in members {
            let AstMember::Const(idx) = *member else { continue };
            let decl = *self.ast.get(idx);
            let Ast::Func(func) = *self.ast.expr(decl.value) else {
                self.error(Code::E0411, decl.name.span, "a protocol holds methods only");
                continue;
            };
            let func = *self.ast.get(func);
            let name = self.ident(decl.name);
            let params = self.ast.list(func.params);
            if !params.first().is_some_and(|p| self.is_receiver(p)) {
                let at = params.first().map_or(decl.name.span, |p| p.span);
                let message = "a protocol's method begins with `self: *Self`";
                let help = "the receiver comes first, and is always a pointer";
                self.error_help(Code::E0411, at, message, help);
                continue;
            }
            let mut types = Vec::new();
            if let Some(bad) = params[1..].iter().find(|p| self.pack_kind(p).is_some() || p.comptime) {
                let message = "a protocol's method is one function for each type, and a pack stands for many";
                let help = "`..xs: []T` takes any number of arguments";
                self.error_help(Code::E0411, bad.span, message, help);
                continue;
            }
            for param in &params[1..] {
                types.push(param.ty.map_or(TypeId::ERROR, |ty| self.resolve_type(ty)));
            }
            let ret = self.ret_type(func.ret);
            if methods.iter().any(|m| m.name == name) {
                let message = format!("method `{}` is declared twice", self.s.text(name));
                self.error(Code::E0409, decl.name.span, message);
                continue;
            }
            methods.push(ProtocolMethod { name, params: types, ret });
        }
        methods
    }
}

impl Sema {
    pub(crate) fn complete_protocol(&mut self, id: ProtocolId) {
        let work = self.work_of_protocol(id);
        if let Some(work) = work {
            self.link(work);
        }
        let info = &self.proto_info[id.0 as usize];
        if self.types.protocol(id).complete || info.busy {
            return;
        }
        self.proto_info[id.0 as usize].busy = true;
        let (decl, scope) = (self.proto_info[id.0 as usize].decl, self.proto_info[id.0 as usize].scope);
        let decl = self.proto_decls[decl.0 as usize].clone();
        // Inside the declaration `Self` is whatever implements it: behind pointers only, so any type will do.
        let name = self.sym("Self");
        let bound = vec![(name, Bound::Const(TypeId::TYPE, CVal::Type(TypeId::VOID)))];
        let scope = self.new_scope(Some(scope), decl.file, bound);
        let begun = self.begin_work(work);
        let methods = self.with_static(decl.file, scope, |cx| cx.protocol_methods(decl.ast));
        self.end_work(begun);
        let def = &mut self.types.protocols[id.0 as usize];
        def.methods = methods;
        def.complete = true;
        self.proto_info[id.0 as usize].busy = false;
    }

    /// The default body of a method, as a function for this `Self`.
    pub(crate) fn default_method(&mut self, protocol: ProtocolId, name: Sym, target: TypeId) -> Option<FnId> {
        let info = &self.proto_info[protocol.0 as usize];
        let (decl, scope) = (self.proto_decls[info.decl.0 as usize].clone(), info.scope);
        let self_name = self.sym("Self");
        let parsed = self.file(decl.file).file.clone();
        for member in parsed.ast.list(parsed.ast.get(decl.ast).methods) {
            let AstMember::Const(idx) = *member else { continue };
            let method = *parsed.ast.get(idx);
            if self.file(decl.file).syms[method.name.name.index()] != name {
                continue;
            }
            let Ast::Func(func) = *parsed.ast.expr(method.value) else { return None };
            if !matches!(parsed.ast.get(func).body, FuncBody::Block(_) | FuncBody::Arrow(_)) {
                return None;
            }
            let key = (decl.file, method.value, target);
            if let Some(&known) = self.default_fns.get(&key) {
                return Some(known);
            }
            let bound = vec![(self_name, Bound::Const(TypeId::TYPE, CVal::Type(target)))];
            let scope = self.new_scope(Some(scope), decl.file, bound);
            self.trace_scope(scope, || Origin::Default(protocol, name, target));
            let span = method.name.span;
            let id = self.with_static(decl.file, scope, |cx| cx.new_fn(func, name, Some(target), span));
            self.default_fns.insert(key, id);
            return Some(id);
        }
        None
    }

    /// The functions of an impl in the protocol's order; a missing or different one is reported at the impl.
    pub(crate) fn impl_funcs(
        &mut self,
        protocol: ProtocolId,
        ty: TypeId,
        loc: Loc,
        from: Within,
    ) -> Option<Vec<sx_ir::FuncId>> {
        let id = self.choose_impl(protocol, ty, loc)?;
        self.complete_protocol(protocol);
        let methods = self.types.protocol(protocol).methods.clone();
        let info = self.impls[id.0 as usize].clone();
        // What is wrong with a generic one is said once.
        let written = info.of.unwrap_or(id);
        let first_check = !std::mem::replace(&mut self.impls[written.0 as usize].checked, true);
        let impl_loc = Loc::new(info.file, info.span);
        if first_check {
            for (&name, &decl) in &info.methods {
                if !methods.iter().any(|m| m.name == name) {
                    let at = Loc::new(self.decl(decl).file, self.decl(decl).span);
                    let message = format!(
                        "protocol `{}` has no method `{}`",
                        self.types.protocol(protocol).name,
                        self.text(name)
                    );
                    let mut d = Diagnostic::error(Code::E0411, at, message);
                    let known = methods.iter().filter(|m| !info.methods.contains_key(&m.name));
                    let near = known.map(|m| self.text(m.name).to_string());
                    if let Some(near) = crate::modules::nearest(self.text(name), near) {
                        d = d.help(format!("did you mean `{near}`?"));
                    } else {
                        d = d.help("methods of the type's own are declared inside the type");
                    }
                    self.report(d);
                }
            }
        }
        let mut funcs = Vec::with_capacity(methods.len());
        for method in &methods {
            let Some(func) = self.impl_function(id, protocol, ty, method.name) else {
                if first_check {
                    let name = self.text(method.name).to_string();
                    let message = format!(
                        "this impl of `{}` lacks the method `{name}`",
                        self.types.protocol(protocol).name
                    );
                    let mut d = Diagnostic::error(Code::E0411, impl_loc, message);
                    if let Some((shown, at)) = self.protocol_method(protocol, method.name) {
                        d = d.also(at, "it is declared here").help(format!("write `{shown} {{ … }}`"));
                    }
                    self.report(d);
                }
                return None;
            };
            let inst = self.instance(func, Vec::new(), (from, loc))?;
            if !self.ensure_result(inst, loc) || self.inst(inst).sig.ret == TypeId::ERROR {
                return None;
            }
            let sig = self.inst(inst).sig.clone();
            let fits = sig.params.len() == method.params.len() + 1
                && sig.params[1..] == method.params[..]
                && self.rets_fit(sig.ret, method.ret)
                && matches!(*self.types.kind(sig.params[0]), TypeKind::Ptr(to) if to == ty);
            if !fits {
                if first_check {
                    let decl = self.fn_decl(func);
                    let at = Loc::new(decl.file, decl.span);
                    let message = format!(
                        "`{}` doesn't fit the protocol `{}`",
                        self.text(method.name),
                        self.types.protocol(protocol).name
                    );
                    let mut d = Diagnostic::error(Code::E0411, at, message);
                    if let Some((shown, declared)) = self.protocol_method(protocol, method.name) {
                        let sig = self.file(decl.file).file.ast.get(decl.ast).sig_span;
                        let found = self.show_written(decl.file, method.name, sig);
                        d = d.also(declared, "declared here").note(format!("expected `{shown}`"));
                        d = d.note(format!("   found `{found}`"));
                    }
                    self.report(d);
                }
                return None;
            }
            funcs.push(self.inst(inst).func);
        }
        Some(funcs)
    }

    fn rets_fit(&self, have: TypeId, want: TypeId) -> bool {
        if have == want {
            return true;
        }
        match (self.types.kind(have), self.types.kind(want)) {
            (TypeKind::Failable { value: a, .. }, TypeKind::Failable { value: b, set }) => {
                let set = self.types.error_set(*set);
                a == b && set.name.is_empty() && !set.inferred
            }
            _ => false,
        }
    }

    /// A protocol's method as it is written, and where.
    fn protocol_method(&self, protocol: ProtocolId, name: Sym) -> Option<(String, Loc)> {
        let decl = &self.proto_decls[self.proto_info[protocol.0 as usize].decl.0 as usize];
        let scope = self.file(decl.file);
        let ast = &scope.file.ast;
        ast.list(ast.get(decl.ast).methods).iter().find_map(|member| {
            let AstMember::Const(idx) = *member else { return None };
            let method = ast.get(idx);
            let Ast::Func(func) = *ast.expr(method.value) else { return None };
            if scope.syms[method.name.name.index()] != name {
                return None;
            }
            let at = Loc::new(decl.file, method.name.span);
            Some((self.show_written(decl.file, name, ast.get(func).sig_span), at))
        })
    }

    /// A signature as it is written, on one line.
    pub(crate) fn show_written(&self, file: FileId, name: Sym, sig: Span) -> String {
        let text = self.file(file).file.text.get(sig.lo as usize..sig.hi as usize).unwrap_or("");
        let flat: Vec<&str> = text.split_whitespace().collect();
        format!("{} :: {}", self.text(name), flat.join(" "))
    }
}
