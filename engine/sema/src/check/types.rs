//! Type expressions, and layouts on demand.

use super::{Cx, Entity, Lit};
use crate::sema::*;
use crate::types::{ErrorSetDef, ErrorSetId, FnAbi, LayoutError, TupleField, TypeId, TypeKind};
use crate::value::CVal;
use smallvec::SmallVec;
use std::sync::Arc;
use sx_syntax::ast::{Abi, Expr as Ast, ExprId, FuncType, Idx, Prim, RetType};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

/// The longest array.
const MAX_ARRAY: i128 = i32::MAX as i128;

/// A builtin type.
fn prim_type(prim: Prim, types: &mut crate::types::Types) -> TypeId {
    match prim {
        Prim::Int { bits, signed } => types.intern(TypeKind::Int { bits, signed }),
        Prim::Usize => TypeId::USIZE,
        Prim::Isize => TypeId::ISIZE,
        Prim::F32 => TypeId::F32,
        Prim::F64 => TypeId::F64,
        Prim::Bool => TypeId::BOOL,
        Prim::String => TypeId::STRING,
        Prim::CString => TypeId::CSTRING,
        Prim::Void => TypeId::VOID,
        Prim::Noreturn => TypeId::NORETURN,
        Prim::Any => TypeId::ANY,
        Prim::Type => TypeId::TYPE,
    }
}

impl<'b> Cx<'_, '_, 'b> {
    /// The type that an expression names; `ERROR` after a report.
    pub(crate) fn resolve_type(&mut self, expr: ExprId) -> TypeId {
        let ty = match self.type_syntax(expr) {
            Some(ty) => ty,
            None => self.named_type(expr),
        };
        if ty == TypeId::ERROR {
            self.s.fault();
        }
        ty
    }

    fn named_type(&mut self, expr: ExprId) -> TypeId {
        let span = self.span(expr);
        match self.entity(expr, Some(TypeId::TYPE)) {
            Entity::Error => TypeId::ERROR,
            Entity::Protocol(proto) => self.protocol_type(proto, Arc::from([]), span),
            Entity::Vector => {
                let help = "write the number of lanes and their type: `Vector(4, f32)`";
                self.error_help(
                    Code::E0305,
                    span,
                    "`Vector` is a generic type; it needs its arguments",
                    help,
                );
                TypeId::ERROR
            }
            Entity::Generic(generic) => {
                let name = self.s.generics[generic.0 as usize].name;
                let name = self.s.text(name).to_string();
                let message = format!("`{name}` is a generic type; it needs its arguments");
                self.error_help(Code::E0305, span, message, format!("write `{name}(…)`"));
                TypeId::ERROR
            }
            Entity::Value(val) if val.ty == TypeId::ERROR => TypeId::ERROR,
            Entity::Value(val) if val.ty == TypeId::TYPE => match self.fold_or_report(val.e) {
                Some(CVal::Type(ty)) => ty,
                Some(CVal::Int(n)) => TypeId(n as u32),
                _ => TypeId::ERROR,
            },
            Entity::Value(val) => {
                let what = match val.lit {
                    Lit::None => format!("a value of type {}", self.describe(val.ty)),
                    _ => self.describe(val.ty),
                };
                let message = format!("a type is needed here, and this is {what}");
                self.error(Code::E0206, span, message);
                TypeId::ERROR
            }
            _ => {
                self.error(Code::E0206, span, "a type is needed here");
                TypeId::ERROR
            }
        }
    }

    /// Types that have syntax of their own.
    pub(crate) fn type_syntax(&mut self, expr: ExprId) -> Option<TypeId> {
        Some(match *self.ast.expr(expr) {
            Ast::Error => TypeId::ERROR,
            Ast::Prim(prim) => prim_type(prim, &mut self.s.types),
            Ast::PtrTy(of) => self.wrap_type(of, TypeKind::Ptr),
            Ast::ManyPtrTy(of) => self.wrap_type(of, TypeKind::ManyPtr),
            Ast::SliceTy(of) => self.wrap_type(of, TypeKind::Slice),
            Ast::SentinelSliceTy(of) => self.wrap_type(of, TypeKind::SentinelSlice),
            Ast::OptionalTy(of) => self.wrap_type(of, TypeKind::Optional),
            Ast::ArrayTy { len, elem } => self.array_type(len, elem),
            Ast::TupleTy(elems) => {
                let elems = self.ast.list(elems);
                let mut fields = Vec::with_capacity(elems.len());
                let mut ok = true;
                for elem in elems {
                    if elem.spread {
                        let types = self.spread_types(elem.ty);
                        ok &= !types.contains(&TypeId::ERROR);
                        fields.extend(types.into_iter().map(|ty| TupleField { name: None, ty }));
                        let at = self.span(elem.ty);
                        ok &= self.check_pack_len(fields.len(), at).is_some();
                        continue;
                    }
                    let ty = self.resolve_type(elem.ty);
                    ok &= ty != TypeId::ERROR;
                    fields.push(TupleField { name: elem.name.map(|n| self.ident(n)), ty });
                }
                if ok { self.s.types.intern(TypeKind::Tuple(fields.into())) } else { TypeId::ERROR }
            }
            Ast::FuncTy(idx) => self.func_type(idx, false),
            Ast::ClosureTy(idx) => self.func_type(idx, true),
            Ast::Struct(_) | Ast::Union(_) | Ast::Enum(_) | Ast::ErrorSet(_) => {
                let name = self.anonymous_name();
                self.nominal_type(expr, &name)
            }
            Ast::Paren(inner) => return self.type_syntax(inner),
            Ast::Dollar { name, .. } => {
                let sym = self.ident(name);
                match self.lookup_static(sym, name.span) {
                    Some(Bound::Const(TypeId::TYPE, CVal::Type(ty))) => ty,
                    Some(Bound::Const(_, CVal::Pack(_))) => {
                        let text = self.s.text(sym).to_string();
                        let message = format!("`${text}` is a list of types, and one type is needed here");
                        let help = format!("take one of them, `${text}[0]`, or spread it, `..${text}`");
                        self.error_help(Code::E0206, self.span(expr), message, help);
                        TypeId::ERROR
                    }
                    _ => {
                        let message =
                            format!("`${}` can only introduce a type in a parameter", self.s.text(sym));
                        self.error(Code::E0304, name.span, message);
                        TypeId::ERROR
                    }
                }
            }
            _ => return None,
        })
    }

    fn anonymous_name(&mut self) -> String {
        // A type made inside a generic function is told apart by the instance's arguments.
        let scope = &self.s.scopes[self.scope.0 as usize];
        let types: Vec<TypeId> = scope
            .names
            .iter()
            .filter_map(|(_, b)| match b {
                Bound::Const(TypeId::TYPE, CVal::Type(ty)) => Some(*ty),
                _ => None,
            })
            .collect();
        let base = match self.f.inst {
            Some(inst) => {
                let name = self.s.fn_decl(self.s.inst(inst).decl).name;
                self.s.text(name).to_string()
            }
            None => "struct".to_string(),
        };
        if types.is_empty() || self.f.inst.is_none() {
            return base;
        }
        let args: Vec<String> = types.iter().map(|&t| self.name_of(t)).collect();
        format!("{base}({})", args.join(", "))
    }

    fn wrap_type(&mut self, of: ExprId, wrap: fn(TypeId) -> TypeKind) -> TypeId {
        let ty = self.resolve_type(of);
        if ty == TypeId::ERROR {
            return ty;
        }
        self.s.types.intern(wrap(ty))
    }

    fn array_type(&mut self, len: ExprId, elem: ExprId) -> TypeId {
        let n = self.array_len(len);
        let elem = self.resolve_type(elem);
        match n {
            Some(n) if elem != TypeId::ERROR => self.s.types.array(elem, n),
            _ => TypeId::ERROR,
        }
    }

    /// A constant length.
    pub(crate) fn array_len(&mut self, expr: ExprId) -> Option<u64> {
        let span = self.span(expr);
        let n = self.const_int(expr)?;
        if !(0..=MAX_ARRAY).contains(&n) {
            self.error(Code::E0214, span, format!("an array can't have {n} elements"));
            return None;
        }
        Some(n as u64)
    }

    /// A constant integer of any type.
    pub(crate) fn const_int(&mut self, expr: ExprId) -> Option<i128> {
        let span = self.span(expr);
        let val = self.check(expr, None);
        if val.ty == TypeId::ERROR {
            return None;
        }
        if let super::Lit::Int(n) = val.lit {
            return Some(n);
        }
        if !self.s.types.is_int(val.ty) {
            let message =
                format!("an integer constant is needed here, and this is {}", self.describe(val.ty));
            self.error(Code::E0201, span, message);
            return None;
        }
        self.fold_or_report(val.e)?.as_int()
    }

    fn func_type(&mut self, idx: Idx<FuncType>, closure: bool) -> TypeId {
        let func = *self.ast.get(idx);
        let mut params = Vec::new();
        let mut ok = true;
        for elem in self.ast.list(func.params) {
            if elem.spread {
                let types = self.spread_types(elem.ty);
                ok &= !types.contains(&TypeId::ERROR);
                params.extend(types);
                let at = self.span(elem.ty);
                ok &= self.check_pack_len(params.len(), at).is_some();
                continue;
            }
            let ty = self.resolve_type(elem.ty);
            ok &= ty != TypeId::ERROR;
            params.push(ty);
        }
        let ret = self.ret_type(func.ret);
        if !ok || ret == TypeId::ERROR {
            return TypeId::ERROR;
        }
        if !closure && func.abi == Abi::C {
            for (&ty, at) in params.iter().zip(self.ast.list(func.params)) {
                let at = self.span(at.ty);
                if self.refuse_vector(ty, at) {
                    return TypeId::ERROR;
                }
            }
            if let Some(at) = func.ret.ty
                && self.refuse_vector(ret, self.span(at))
            {
                return TypeId::ERROR;
            }
        }
        let params = params.into();
        let kind = if closure {
            TypeKind::Closure { params, ret }
        } else {
            let abi = if func.abi == Abi::C { FnAbi::C } else { FnAbi::Sx };
            TypeKind::Func { params, ret, abi }
        };
        self.s.types.intern(kind)
    }

    /// A declared result. A bare `!` in a function *type* is the set of every error.
    pub(crate) fn ret_type(&mut self, ret: RetType) -> TypeId {
        let value = match ret.ty {
            Some(ty) => self.resolve_type(ty),
            None => TypeId::VOID,
        };
        if !ret.failable || value == TypeId::ERROR {
            return value;
        }
        self.ret_set(ret).map_or(TypeId::ERROR, |set| self.s.types.failable(value, set))
    }

    /// The errors of a result that may fail; none after a report, too.
    pub(crate) fn ret_set(&mut self, ret: RetType) -> Option<ErrorSetId> {
        match ret.error_set {
            _ if !ret.failable => None,
            Some(set) => self.error_set(set),
            None => Some(self.any_error_set()),
        }
    }

    /// The set that an expression names.
    pub(crate) fn error_set(&mut self, expr: ExprId) -> Option<ErrorSetId> {
        let span = self.span(expr);
        let ty = self.resolve_type(expr);
        match *self.kind(ty) {
            TypeKind::ErrorSet(set) => Some(set),
            TypeKind::Error => None,
            _ => {
                let message = format!("`{}` isn't an error set", self.name_of(ty));
                self.error(Code::E0604, span, message);
                None
            }
        }
    }

    /// The set that stands for any error: inferred and never filled, so nothing is missing from it.
    pub(crate) fn any_error_set(&mut self) -> ErrorSetId {
        if let Some(at) = self.s.types.error_sets.iter().position(|s| s.name.is_empty() && !s.inferred) {
            return ErrorSetId(at as u32);
        }
        self.s.types.error_sets.push(ErrorSetDef { name: String::new(), tags: Vec::new(), inferred: false });
        ErrorSetId(self.s.types.error_sets.len() as u32 - 1)
    }

    /// Makes sure that a type can be laid out; reports once when it can't.
    pub(crate) fn ensure_layout(&mut self, ty: TypeId, loc: Loc) -> bool {
        self.s.ensure_layout(ty, loc)
    }

    pub(crate) fn report_not_type(&mut self, span: Span) {
        self.error(Code::E0206, span, "a type is needed here");
    }
}

impl Sema {
    pub(crate) fn ensure_layout(&mut self, ty: TypeId, loc: Loc) -> bool {
        let index = ty.0 as usize;
        if let Some(&true) = self.laid_out.get(index) {
            return true;
        }
        self.complete_deep(ty);
        let result = self.types.try_layout(ty);
        if self.laid_out.len() <= index {
            self.laid_out.resize(index + 64, false);
        }
        match result {
            Ok(_) => {
                // What holds no type because of an error is looked at each time, so that its users are known.
                self.laid_out[index] = ty != TypeId::ERROR && (self.errors == 0 || self.is_whole(ty));
                true
            }
            Err(error) => {
                self.layout_error(error, loc);
                // In a session it makes no difference who asks first: a type that was told off is an empty one.
                self.watch.is_some() && self.types.try_layout(ty).is_ok()
            }
        }
    }

    /// True unless a type was meant to hold another that couldn't be found.
    fn is_whole(&self, ty: TypeId) -> bool {
        let mut todo = vec![ty];
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(ty) = todo.pop() {
            if ty == TypeId::ERROR {
                return false;
            }
            if self.laid_out.get(ty.0 as usize) == Some(&true) || !seen.insert(ty) {
                continue;
            }
            match self.types.kind(ty) {
                TypeKind::Struct(id) | TypeKind::Union(id) => {
                    todo.extend(self.types.struct_def(*id).fields.iter().map(|f| f.ty));
                }
                TypeKind::Enum(id) => {
                    todo.extend(self.types.enum_def(*id).variants.iter().filter_map(|v| v.payload));
                }
                TypeKind::Ptr(of)
                | TypeKind::ManyPtr(of)
                | TypeKind::Slice(of)
                | TypeKind::SentinelSlice(of)
                | TypeKind::Array(of, _)
                | TypeKind::Optional(of)
                | TypeKind::Failable { value: of, .. } => todo.push(*of),
                TypeKind::Func { params, ret, .. } | TypeKind::Closure { params, ret } => {
                    todo.extend(params.iter());
                    todo.push(*ret);
                }
                TypeKind::Tuple(fields) => todo.extend(fields.iter().map(|f| f.ty)),
                _ => {}
            }
        }
        true
    }

    fn layout_error(&mut self, error: LayoutError, loc: Loc) {
        match error {
            LayoutError::TooLarge(ty) => {
                let message = format!(
                    "`{}` is larger than {} bytes",
                    self.type_name(ty),
                    sx_ir::layout::MAX_TYPE_BYTES
                );
                self.report(Diagnostic::error(Code::E0208, loc, message));
            }
            LayoutError::Recursive(ty) => {
                let at = self.closing_field(ty).unwrap_or(loc);
                let message = format!("`{}` contains itself", self.type_name(ty));
                let d = Diagnostic::error(Code::E0207, at, message)
                    .help("hold a pointer, `*T`, or a slice instead");
                // Whoever asked first, it is the type's own mistake.
                let begun = self.begin_type(self.types.kind(ty).clone());
                self.report(d);
                self.end_work(begun);
                // Later uses see an empty type, so that one mistake stays one message.
                self.break_recursion(ty);
            }
            LayoutError::TooDeep(ty) => {
                if !std::mem::replace(&mut self.told_depth, true) {
                    let message =
                        format!("`{}` and the types that hold it nest too deeply", self.type_name(ty));
                    self.report(Diagnostic::error(Code::E0901, loc, message));
                }
            }
            LayoutError::Undefined(ty) => {
                if !self.making.told.insert(ty) {
                    return;
                }
                let message = format!("`{}` is declared but not defined", self.type_name(ty));
                let help = "`define` says what it consists of; until then only a pointer can name it";
                self.report(Diagnostic::error(Code::E0705, loc, message).help(help));
            }
            LayoutError::Incomplete(ty) => {
                let message =
                    format!("the layout of `{}` is needed before its fields are known", self.type_name(ty));
                self.report(Diagnostic::error(Code::E0106, loc, message));
                self.break_recursion(ty);
            }
        }
    }

    /// The field or variant through which a type contains itself.
    fn closing_field(&self, ty: TypeId) -> Option<Loc> {
        match *self.types.kind(ty) {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                let fields = &self.types.struct_def(id).fields;
                fields.iter().find(|f| self.holds(f.ty, ty, 0)).map(|f| f.loc)
            }
            TypeKind::Enum(id) => {
                let variants = &self.types.enum_def(id).variants;
                variants.iter().find(|v| v.payload.is_some_and(|p| self.holds(p, ty, 0))).map(|v| v.loc)
            }
            _ => None,
        }
    }

    /// True when values of `outer` hold values of `inner`.
    fn holds(&self, outer: TypeId, inner: TypeId, depth: u32) -> bool {
        if outer == inner {
            return true;
        }
        if depth > 32 {
            return false;
        }
        match self.types.kind(outer) {
            TypeKind::Array(of, _) | TypeKind::Optional(of) => self.holds(*of, inner, depth + 1),
            TypeKind::Tuple(fields) => fields.iter().any(|f| self.holds(f.ty, inner, depth + 1)),
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                self.types.struct_def(*id).fields.iter().any(|f| self.holds(f.ty, inner, depth + 1))
            }
            TypeKind::Enum(id) => {
                let variants = &self.types.enum_def(*id).variants;
                variants.iter().filter_map(|v| v.payload).any(|p| self.holds(p, inner, depth + 1))
            }
            _ => false,
        }
    }

    /// Gives what closes the circle no type, so that one mistake stays one message.
    fn break_recursion(&mut self, ty: TypeId) {
        match *self.types.kind(ty) {
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                let closing: Vec<bool> =
                    self.types.struct_def(id).fields.iter().map(|f| self.holds(f.ty, ty, 0)).collect();
                let def = &mut self.types.structs[id.0 as usize];
                for (field, closes) in def.fields.iter_mut().zip(closing) {
                    if closes {
                        field.ty = TypeId::ERROR;
                    }
                }
                def.complete = true;
            }
            TypeKind::Enum(id) => {
                let def = &mut self.types.enums[id.0 as usize];
                def.variants.iter_mut().for_each(|v| v.payload = v.payload.map(|_| TypeId::ERROR));
                def.complete = true;
            }
            _ => {}
        }
    }

    /// Resolves the fields of every nominal type that `ty` holds by value.
    pub(crate) fn complete_deep(&mut self, ty: TypeId) {
        let mut todo: SmallVec<[TypeId; 8]> = SmallVec::new();
        todo.push(ty);
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(ty) = todo.pop() {
            if self.laid_out.get(ty.0 as usize) == Some(&true) || !holds_others(self.types.kind(ty)) {
                continue;
            }
            if !seen.insert(ty) {
                continue;
            }
            match self.types.kind(ty).clone() {
                TypeKind::Struct(id) | TypeKind::Union(id) => {
                    self.complete_struct(id);
                    todo.extend(self.types.struct_def(id).fields.iter().map(|f| f.ty));
                }
                TypeKind::Enum(id) => {
                    self.complete_enum(id);
                    todo.extend(self.types.enum_def(id).variants.iter().filter_map(|v| v.payload));
                }
                TypeKind::Protocol(id) => self.complete_protocol(id),
                TypeKind::Array(of, _) | TypeKind::Optional(of) => todo.push(of),
                TypeKind::Failable { value, .. } => todo.push(value),
                TypeKind::Tuple(fields) => todo.extend(fields.iter().map(|f| f.ty)),
                _ => {}
            }
        }
    }
}

/// True for types whose layout may have to be found out: those that are declared, and what is made of others.
fn holds_others(kind: &TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Struct(_)
            | TypeKind::Union(_)
            | TypeKind::Enum(_)
            | TypeKind::Protocol(_)
            | TypeKind::Array(..)
            | TypeKind::Optional(_)
            | TypeKind::Failable { .. }
            | TypeKind::Tuple(_)
    )
}
