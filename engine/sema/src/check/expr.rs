//! Expressions: the dispatcher and the plain ones.

use super::{Cx, Entity, Lit, MAX_DEPTH, Val, is_place};
use crate::sema::Bound;
use crate::thir::*;
use crate::types::{FnAbi, TypeId, TypeKind};
use crate::value::CVal;
use sx_syntax::ast::{Expr as Ast, ExprId, Ident, StrId};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

impl<'b> Cx<'_, '_, 'b> {
    /// Checks an expression. `expected` is what its surroundings would like; the result may still need a
    /// conversion.
    pub(crate) fn check(&mut self, expr: ExprId, expected: Option<TypeId>) -> Val<'b> {
        if self.s.is_stack_low() {
            if self.s.has_more_stacks() {
                return self.on_more_stack(|cx| cx.check(expr, expected));
            }
            let span = self.span(expr);
            self.too_long_a_chain(span);
            return self.error_val(span);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.depth -= 1;
            let span = self.span(expr);
            // What is around it, too, may be too deep.
            if !std::mem::replace(&mut self.s.told_depth, true) {
                self.error(Code::E0901, span, "this expression is nested too deeply");
            }
            return self.error_val(span);
        }
        let val = self.check_inner(expr, expected);
        self.depth -= 1;
        val
    }

    /// Checks and converts.
    pub(crate) fn check_as(&mut self, expr: ExprId, target: TypeId) -> E<'b> {
        let val = self.check(expr, Some(target));
        let span = self.span(expr);
        self.coerce(val, target, span)
    }

    /// Checks a call's argument.
    pub(crate) fn check_arg(&mut self, expr: ExprId, target: TypeId) -> E<'b> {
        let val = self.check(expr, Some(target));
        let span = self.span(expr);
        self.coerce_arg(val, target, span)
    }

    /// Converts a call's argument.
    pub(crate) fn coerce_arg(&mut self, val: Val<'b>, target: TypeId, span: Span) -> E<'b> {
        let outer = std::mem::replace(&mut self.f.argument, true);
        let e = self.coerce(val, target, span);
        self.f.argument = outer;
        e
    }

    /// Checks, and gives an untyped constant its default type.
    pub(crate) fn check_settled(&mut self, expr: ExprId) -> E<'b> {
        let val = self.check(expr, None);
        let span = self.span(expr);
        self.settle(val, span)
    }

    /// Checks a condition: `bool`, or what can be null.
    pub(crate) fn check_cond(&mut self, expr: ExprId) -> E<'b> {
        let span = self.span(expr);
        if let Some(e) = self.raw_local(expr)
            && let TypeKind::Optional(_) = self.kind(e.ty)
            && self.view_of(e).is_none()
        {
            return self.mk(TypeId::BOOL, span, Kind::HasValue(e));
        }
        let val = self.check(expr, Some(TypeId::BOOL));
        let val = self.seen_whole(val, "isn't a condition");
        self.truth(val, span)
    }

    /// A value as a condition.
    pub(crate) fn truth(&mut self, val: Val<'b>, span: Span) -> E<'b> {
        if let Lit::Int(n) = val.lit {
            return self.bool_val(n != 0, span).e;
        }
        match *self.kind(val.ty) {
            TypeKind::Bool | TypeKind::Error => val.e,
            TypeKind::Noreturn => self.mk(TypeId::BOOL, span, Kind::Cast(Cast::Never, val.e)),
            TypeKind::Optional(_)
            | TypeKind::Ptr(_)
            | TypeKind::ManyPtr(_)
            | TypeKind::CString
            | TypeKind::Func { .. }
            | TypeKind::Closure { .. }
            | TypeKind::ErrorSet(_)
            | TypeKind::Protocol(_) => self.mk(TypeId::BOOL, span, Kind::HasValue(val.e)),
            TypeKind::Int { .. } | TypeKind::Usize | TypeKind::Isize => {
                let zero = self.mk(val.ty, span, Kind::Int(0));
                self.mk(TypeId::BOOL, span, Kind::Compare(Compare::Ne, val.e, zero))
            }
            TypeKind::Enum(id) if self.s.types.enum_def(id).flags => {
                let zero = self.mk(val.ty, span, Kind::Int(0));
                self.mk(TypeId::BOOL, span, Kind::Compare(Compare::Ne, val.e, zero))
            }
            _ => {
                let message = match val.lit {
                    Lit::None => format!("a condition can't be of type {}", self.describe(val.ty)),
                    _ => format!("a condition can't be {}", self.describe(val.ty)),
                };
                let help = match self.kind(val.ty) {
                    TypeKind::String | TypeKind::Slice(_) | TypeKind::Array(..) => {
                        "test its length: `….len > 0`"
                    }
                    TypeKind::F32 | TypeKind::F64 | TypeKind::UntypedFloat => "compare it: `… != 0.0`",
                    TypeKind::Vector(..) => {
                        "`all(…)` and `any(…)` of `math` say whether every or some lane is true"
                    }
                    TypeKind::Failable { .. } => "handle its error first, with `try`, `catch` or `or`",
                    TypeKind::Enum(_) => "compare it: `… == .name`",
                    TypeKind::Void => "this gives no value at all",
                    _ => "a condition is a `bool`, an integer, or something that can be null",
                };
                self.error_help(Code::E0504, span, message, help);
                self.mk(TypeId::ERROR, span, Kind::Undef)
            }
        }
    }

    fn check_inner(&mut self, expr: ExprId, expected: Option<TypeId>) -> Val<'b> {
        let span = self.span(expr);
        match *self.ast.expr(expr) {
            Ast::Error => self.error_val(span),
            Ast::Int(n) => self.untyped_int(n as i128, span),
            Ast::Char(c) => self.untyped_int(c as i128, span),
            Ast::Float(x) => self.float_literal(x, expected, span),
            Ast::Str(id) => self.string_literal(id, span),
            Ast::Bool(b) => self.bool_val(b, span),
            Ast::Null => self.untyped_null(span),
            Ast::Undef => match expected {
                Some(ty) => self.val(ty, span, Kind::Undef),
                None => self.refuse(Code::E0203, span, "`---` doesn't say of which type it is"),
            },
            Ast::Name(_) | Ast::Field { .. } | Ast::TupleIndex { .. } => {
                let entity = self.entity(expr, expected);
                self.entity_value(entity, span)
            }
            Ast::Paren(inner) => self.check(inner, expected),
            Ast::Unary { op, operand } => self.check_unary(op, operand, expected, span),
            Ast::AddrOf(operand) => self.check_addr_of(operand, expected, span),
            Ast::Deref(operand) => self.check_deref(operand, span),
            Ast::Unwrap(operand) => self.check_unwrap(operand, expected, span),
            Ast::Try(operand) => self.check_try(operand, expected, span),
            Ast::Autocast(operand) => self.check_autocast(operand, expected, span),
            Ast::Cast { ty, operand } => {
                let target = self.resolve_type(ty);
                let val = self.check(operand, None);
                self.cast_to(val, target, span)
            }
            Ast::Binary { op, lhs, rhs } => self.check_binary(op, lhs, rhs, expected, span),
            Ast::Chain { first, links } => self.check_chain(first, links, span),
            Ast::And(a, b) => self.check_and(a, b, span),
            Ast::Or(a, b) => self.check_or(a, b, expected, span),
            Ast::Coalesce(a, b) => self.check_coalesce(a, b, expected, span),
            Ast::Pipe(a, call) => self.check_pipe(a, call, expected, span),
            Ast::Catch(idx) => self.check_catch(idx, expected, span),
            Ast::OptField { .. } | Ast::OptTupleIndex { .. } => {
                self.refuse(Code::E0001, span, "`?.` stands outside a chain")
            }
            Ast::OptChain(inner) => self.check_opt_chain(inner, span),
            Ast::Index { base, index } => self.check_index(base, index, span),
            Ast::Slice(idx) => self.check_slice(idx, span),
            Ast::Call { callee, args } => self.check_call(callee, args, expected, span),
            Ast::DotName(name) => self.check_dot_name(name, expected, span),
            Ast::ErrorName(name) => self.check_error_name(name, expected, span),
            Ast::StructLit { ty, fields } => self.check_struct_lit(ty, fields, expected, span),
            Ast::ArrayLit { ty, elems } => self.check_array_lit(ty, elems, expected, span),
            Ast::ArrayRepeat { ty, value, count } => {
                self.check_array_repeat(ty, value, count, expected, span)
            }
            Ast::TupleLit { ty, elems } => self.check_tuple_lit(ty, elems, expected, span),
            Ast::Prim(_)
            | Ast::PtrTy(_)
            | Ast::ManyPtrTy(_)
            | Ast::SliceTy(_)
            | Ast::SentinelSliceTy(_)
            | Ast::ArrayTy { .. }
            | Ast::OptionalTy(_)
            | Ast::TupleTy(_)
            | Ast::FuncTy(_)
            | Ast::ClosureTy(_)
            | Ast::Struct(_)
            | Ast::Union(_)
            | Ast::Enum(_)
            | Ast::ErrorSet(_) => {
                if let Some(val) = self.type_form(expr) {
                    return val;
                }
                let ty = self.resolve_type(expr);
                if ty == TypeId::ERROR { self.error_val(span) } else { self.type_val(ty, span) }
            }
            Ast::Dollar { name, .. } => self.check_dollar(name, span),
            Ast::Func(idx) => self.check_lambda(idx, expected, span),
            Ast::Protocol(_) | Ast::UfcsAlias(_) | Ast::Import(_) | Ast::ImportC(_) | Ast::Library(_) => {
                self.refuse(Code::E0108, span, "this can only be declared with `name :: …`")
            }
            Ast::Block { stmts, tail } => self.check_block(stmts, tail, expected, span),
            Ast::If(idx) => self.check_if(idx, expected, span),
            Ast::Match(idx) => self.check_match(idx, expected, span),
            Ast::While(idx) => self.check_while(idx, span),
            Ast::For(idx) => self.check_for(idx, span),
            Ast::Push { ctx, body } => self.check_push(ctx, body, expected, span),
            Ast::Return(value) => self.check_return(value, span),
            Ast::Raise(value) => self.check_raise(value, span),
            Ast::Break(label) => self.check_break(label, span, true),
            Ast::Continue(label) => self.check_break(label, span, false),
            Ast::Run(inner) => self.check_run(inner, expected, span),
            Ast::Insert(text) => self.insert_expr(text, expected, span),
            Ast::CallerLocation => self.location_value(span),
            Ast::Asm(_) => self.refuse(Code::E0804, span, "inline assembly isn't supported by this build"),
            Ast::RangePat { .. } => {
                let message = "a range can only stand in `for`, in `case` or between `[` and `]`";
                self.refuse(Code::E0406, span, message)
            }
        }
    }

    /// Reports an expression that can't be checked.
    fn refuse(&mut self, code: Code, span: Span, message: &str) -> Val<'b> {
        self.error(code, span, message);
        self.error_val(span)
    }

    fn string_literal(&mut self, id: StrId, span: Span) -> Val<'b> {
        let bytes = self.b.alloc_slice_copy(self.ast.string(id));
        self.val(TypeId::STRING, span, Kind::Str(bytes))
    }

    fn untyped_null(&mut self, span: Span) -> Val<'b> {
        let e = self.mk(TypeId::UNTYPED_NULL, span, Kind::Zero);
        Val { ty: TypeId::UNTYPED_NULL, e, lit: Lit::Null }
    }

    /// `$name` behind its parameter: what it is bound to.
    fn check_dollar(&mut self, name: Ident, span: Span) -> Val<'b> {
        let sym = self.ident(name);
        match self.lookup_static(sym, name.span) {
            Some(Bound::Const(_, CVal::Pack(types))) => self.types_value(&types, span),
            Some(Bound::Const(ty, value)) => self.const_val(ty, &value, span),
            _ => {
                self.report_not_type(span);
                self.error_val(span)
            }
        }
    }

    /// A place of the source as a `Location` of the library.
    pub(crate) fn location_value(&mut self, span: Span) -> Val<'b> {
        let file = self.s.sources.get(self.file).clone();
        let (line, column) = file.line_col(span.lo);
        let Some(ty) = self.s.core_type("Location") else {
            self.error(Code::E0104, span, "the library's `Location` can't be found");
            return self.error_val(span);
        };
        let loc = self.loc(span);
        if !self.ensure_layout(ty, loc) {
            return self.error_val(span);
        }
        let path = self.b.alloc_slice_copy(file.path.as_bytes());
        let parts = [
            self.mk(TypeId::STRING, span, Kind::Str(path)),
            self.i64_expr(line as i64, span),
            self.i64_expr(column as i64, span),
        ];
        let parts =
            parts.into_iter().enumerate().map(|(i, e)| (self.s.types.field_offset(ty, i), e)).collect();
        let parts = self.slice_of(parts);
        self.val(ty, span, Kind::Aggregate(parts))
    }

    fn float_literal(&mut self, x: f64, expected: Option<TypeId>, span: Span) -> Val<'b> {
        // Rounding the decimal once, straight to single precision, can differ from rounding twice.
        if expected == Some(TypeId::F32) {
            let file = self.s.file(self.file).file.clone();
            let text: String = file
                .text
                .get(span.lo as usize..span.hi as usize)
                .unwrap_or("")
                .chars()
                .filter(|c| *c != '_')
                .collect();
            if let Ok(single) = text.parse::<f32>() {
                return self.val(TypeId::F32, span, Kind::Float(single as f64));
            }
        }
        self.untyped_float(x, span)
    }

    fn check_addr_of(&mut self, operand: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        if let Entity::Func(func) = self.entity_if_name(operand) {
            return self.func_value(func, span);
        }
        let inner = match expected.map(|ty| self.kind(ty).clone()) {
            Some(TypeKind::Ptr(of)) => Some(of),
            _ => None,
        };
        let val = match self.raw_local(operand) {
            Some(e) if !self.f.guards.iter().any(|(v, _)| e_is(e, *v)) => self.of(e),
            _ => self.check(operand, inner),
        };
        let e = self.settle(val, span);
        if e.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        if matches!(e.kind, Kind::Int(_) | Kind::Float(_)) {
            let d = Diagnostic::error(Code::E0212, self.loc(span), "a scalar constant has no address")
                .help("put it into a variable first");
            self.report(d);
            return self.error_val(span);
        }
        if let Kind::Local(local) = e.kind {
            self.forget(local);
        }
        if let Kind::Local(local) = e.kind
            && let LocalKind::Capture(_) = self.f.locals[local.0 as usize].kind
        {
            let name = self.f.locals[local.0 as usize].name.clone();
            let message = format!("`{name}` is captured by value and constant inside the closure");
            self.error_help(Code::E0212, span, message, "capture a pointer to share it");
            return self.error_val(span);
        }
        let ptr = self.address_of(e);
        if ptr.loc.span == span {
            return self.of(ptr);
        }
        let Kind::AddrOf(place) = ptr.kind else { return self.of(ptr) };
        self.val(ptr.ty, span, Kind::AddrOf(place))
    }

    fn check_deref(&mut self, operand: ExprId, span: Span) -> Val<'b> {
        let e = self.check_settled(operand);
        match *self.kind(e.ty) {
            TypeKind::Ptr(TypeId::VOID) => {
                let help = "cast it to the pointer type that it really is: `cast(*T) p`";
                self.error_help(Code::E0213, span, "`*void` doesn't say what it points at", help);
                self.error_val(span)
            }
            TypeKind::Ptr(of) => self.val(of, span, Kind::Deref(e)),
            TypeKind::ManyPtr(_) => {
                self.error_help(Code::E0213, span, "a `[*]T` is indexed, not dereferenced", "write `p[0]`");
                self.error_val(span)
            }
            TypeKind::Optional(of) if matches!(self.kind(of), TypeKind::Ptr(_)) => {
                let help = "take the pointer out with `!`, or test it for null first";
                self.error_help(Code::E0215, span, "this pointer may be null", help);
                self.error_val(span)
            }
            TypeKind::Error => self.error_val(span),
            _ => {
                let message = format!("`.*` needs a pointer, and this is `{}`", self.name_of(e.ty));
                self.error(Code::E0213, span, message);
                self.error_val(span)
            }
        }
    }

    fn check_index(&mut self, base: ExprId, index: ExprId, span: Span) -> Val<'b> {
        match self.entity_if_name(base) {
            Entity::Pack(locals) => return self.pack_index(&locals, index, span),
            Entity::Types(types) => return self.types_index(&types, index, span),
            _ => {}
        }
        let e = self.check_settled(base);
        let val = self.seen_whole(self.of(e), "can't be indexed");
        self.index_into(val.e, index, span)
    }

    fn pack_index(&mut self, locals: &[LocalId], index: ExprId, span: Span) -> Val<'b> {
        let Some(n) = self.const_int(index) else { return self.error_val(span) };
        if n < 0 || n >= locals.len() as i128 {
            let at = self.span(index);
            let message = format!("index {n} is out of range for a pack of {}", locals.len());
            self.error(Code::E0310, at, message);
            return self.error_val(span);
        }
        self.read_local(locals[n as usize], span)
    }

    /// `e[index]`, through a pointer to an array too.
    pub(crate) fn index_into(&mut self, e: E<'b>, index: ExprId, span: Span) -> Val<'b> {
        let index_span = self.span(index);
        let (base, elem, len) = match *self.kind(e.ty) {
            TypeKind::Array(elem, len) => (e, elem, Some(len)),
            TypeKind::Vector(elem, lanes) => (e, elem, Some(lanes as u64)),
            TypeKind::Slice(elem) | TypeKind::SentinelSlice(elem) | TypeKind::ManyPtr(elem) => {
                (e, elem, None)
            }
            TypeKind::String => (e, TypeId::U8, None),
            TypeKind::CString => {
                let many = self.mk(TypeId::U8_MANY, e.loc.span, Kind::Cast(Cast::Bits, e));
                (many, TypeId::U8, None)
            }
            TypeKind::Ptr(of) => match *self.kind(of) {
                TypeKind::Array(elem, len) => (self.mk(of, e.loc.span, Kind::Deref(e)), elem, Some(len)),
                TypeKind::Vector(elem, lanes) => {
                    (self.mk(of, e.loc.span, Kind::Deref(e)), elem, Some(lanes as u64))
                }
                TypeKind::Slice(elem) => (self.mk(of, e.loc.span, Kind::Deref(e)), elem, None),
                _ => return self.not_indexable(e, index, span),
            },
            TypeKind::Tuple(_) => {
                let Some(n) = self.const_int(index) else { return self.error_val(span) };
                return self.tuple_elem(e, n.max(0) as u32, span);
            }
            TypeKind::Error => {
                self.check(index, Some(TypeId::I64));
                return self.error_val(span);
            }
            _ => return self.not_indexable(e, index, span),
        };
        let val = self.check(index, Some(TypeId::I64));
        if let (Lit::Int(n), Some(len)) = (val.lit, len)
            && (n < 0 || n >= len as i128)
        {
            let message = format!("index {n} is out of range for length {len}");
            self.error(Code::E0216, index_span, message);
            return self.error_val(span);
        }
        let index = self.index_value(val, index_span);
        self.val(elem, span, Kind::Index { base, index })
    }

    fn not_indexable(&mut self, e: E<'b>, index: ExprId, span: Span) -> Val<'b> {
        self.check(index, Some(TypeId::I64));
        let message = format!("`{}` can't be indexed", self.name_of(e.ty));
        let mut d = Diagnostic::error(Code::E0210, self.loc(span), message);
        match self.kind(e.ty) {
            TypeKind::Ptr(_) => d = d.help("`p.*` is what it points at; `[*]T` points at several"),
            TypeKind::Optional(_) => d = d.help("take the value out first, with `!`, or use `?.`"),
            _ => {}
        }
        self.report(d);
        self.error_val(span)
    }

    /// Any integer indexes.
    pub(crate) fn index_value(&mut self, val: Val<'b>, span: Span) -> E<'b> {
        if val.lit == Lit::None && self.s.types.is_int(val.ty) && val.ty != TypeId::I64 {
            return self.mk(TypeId::I64, span, Kind::Cast(Cast::Int, val.e));
        }
        self.coerce(val, TypeId::I64, span)
    }

    fn check_slice(&mut self, idx: sx_syntax::ast::Idx<sx_syntax::ast::SliceExpr>, span: Span) -> Val<'b> {
        let ast = *self.ast.get(idx);
        let base = self.check_settled(ast.base);
        let mut base = self.seen_whole(self.of(base), "can't be sliced").e;
        if let TypeKind::Ptr(of) = *self.kind(base.ty)
            && matches!(self.kind(of), TypeKind::Array(..) | TypeKind::Slice(_) | TypeKind::String)
        {
            base = self.mk(of, base.loc.span, Kind::Deref(base));
        }
        let lo = ast.lo.map(|lo| self.slice_bound(lo, ast.lo_exclusive));
        let lo = match lo {
            None if ast.lo_exclusive => Some(self.i64_expr(1, span)),
            other => other,
        };
        let hi = ast.hi.map(|hi| self.slice_bound(hi, ast.hi_inclusive));
        let ty = match *self.kind(base.ty) {
            TypeKind::String => TypeId::STRING,
            TypeKind::Array(elem, _) => {
                if is_place(base) {
                    self.mark_address_taken(base);
                }
                self.s.types.slice(elem)
            }
            TypeKind::Slice(elem) | TypeKind::SentinelSlice(elem) => self.s.types.slice(elem),
            TypeKind::ManyPtr(elem) => {
                if hi.is_none() {
                    let message = "a `[*]T` has no length; the slice needs an end";
                    self.error_help(Code::E0210, span, message, "write `p[0..n]`");
                    return self.error_val(span);
                }
                self.s.types.slice(elem)
            }
            TypeKind::Error => return self.error_val(span),
            _ => {
                let message = format!("`{}` can't be sliced", self.name_of(base.ty));
                let mut d = Diagnostic::error(Code::E0210, self.loc(span), message);
                if let TypeKind::Vector(..) = self.kind(base.ty) {
                    d = d.help("a vector's lanes have no addresses; put them into an array: `.[v[0], v[1]]`");
                }
                self.report(d);
                return self.error_val(span);
            }
        };
        self.val(ty, span, Kind::Slice { base, lo, hi })
    }

    /// A bound as an exclusive end or inclusive start: one more where the marker says so.
    fn slice_bound(&mut self, expr: ExprId, plus_one: bool) -> E<'b> {
        let span = self.span(expr);
        let val = self.check(expr, Some(TypeId::I64));
        if let Lit::Int(n) = val.lit {
            return self.coerce(Val { lit: Lit::Int(n + plus_one as i128), ..val }, TypeId::I64, span);
        }
        let e = self.index_value(val, span);
        if !plus_one {
            return e;
        }
        let one = self.i64_expr(1, span);
        self.mk(TypeId::I64, span, Kind::Arith(Arith::Add, e, one))
    }

    /// A name's entity, when the expression is a bare name, or the types of a pack; an error value otherwise.
    pub(crate) fn entity_if_name(&mut self, expr: ExprId) -> Entity<'b> {
        let sym = match *self.ast.expr(expr) {
            Ast::Name(ident) => ident,
            Ast::Dollar { name, .. } => {
                let sym = self.ident(name);
                return match self.lookup_static(sym, name.span) {
                    Some(Bound::Const(_, CVal::Pack(types))) => Entity::Types(types),
                    _ => Entity::Error,
                };
            }
            Ast::Field { base, name } if matches!(self.ast.expr(base), Ast::Name(_)) => {
                let Ast::Name(pack) = *self.ast.expr(base) else { return Entity::Error };
                let (pack, member) = (self.ident(pack), self.ident(name));
                return match self.entity_if_name(base) {
                    Entity::Pack(_) | Entity::Types(_) => match self.projected_types(pack, member, name.span)
                    {
                        Some(types) => Entity::Types(types),
                        None => Entity::Error,
                    },
                    _ => Entity::Error,
                };
            }
            Ast::Paren(inner) => return self.entity_if_name(inner),
            _ => return Entity::Error,
        };
        let name = self.ident(sym);
        match self.lookup(name, sym.span) {
            Some(super::Entry::Pack(locals)) => Entity::Pack(locals),
            Some(super::Entry::Local(_)) => Entity::Error,
            Some(super::Entry::Decl(decl)) => match self.s.decl_value(decl) {
                crate::sema::DeclVal::Func(func) => Entity::Func(func),
                _ => Entity::Error,
            },
            None => match self.lookup_static(name, sym.span) {
                Some(Bound::Decl(decl)) => match self.s.decl_value(decl) {
                    crate::sema::DeclVal::Func(func) => Entity::Func(func),
                    _ => Entity::Error,
                },
                Some(Bound::Const(_, CVal::Pack(types))) => Entity::Types(types),
                _ => Entity::Error,
            },
        }
    }

    /// A function as a value: only one without compile-time parameters.
    pub(crate) fn func_value(&mut self, func: crate::sema::FnId, span: Span) -> Val<'b> {
        let decl = self.s.fn_decl(func);
        if decl.generic {
            let name = self.s.text(decl.name).to_string();
            let message = format!("`{name}` is generic; which instance is meant isn't known here");
            self.error_help(Code::E0304, span, message, "call it, or wrap a call in a lambda");
            return self.error_val(span);
        }
        let loc = self.loc(span);
        let Some(inst) = self.plain_instance(func, loc) else { return self.error_val(span) };
        if !self.ensure_result(inst, span) {
            return self.error_val(span);
        }
        let inst = self.s.inst(inst).clone();
        if inst.sig.ret == TypeId::ERROR {
            return self.error_val(span);
        }
        let abi = if inst.sig.conv == Conv::C { FnAbi::C } else { FnAbi::Sx };
        let params = inst.sig.params.clone().into();
        let ty = self.s.types.intern(TypeKind::Func { params, ret: inst.sig.ret, abi });
        let kind = match (inst.ext, abi) {
            (Some(ext), _) => Kind::ExternAddr(ext),
            (None, FnAbi::C) => Kind::CFuncValue(inst.func),
            (None, FnAbi::Sx) => Kind::FuncValue(inst.func),
        };
        self.val(ty, span, kind)
    }
}

fn e_is(e: E<'_>, local: LocalId) -> bool {
    matches!(e.kind, Kind::Local(l) if l == local)
}
