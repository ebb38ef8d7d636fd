//! `std/atomic.sx`: which types and orderings its operations take. Orderings are constants, and part of the operation.

use super::call::Source;
use super::{Cx, Val};
use crate::sema::{FnDecl, GenericId};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_ir::{Ordering, RmwOp};
use sx_syntax::ast::Arg;
use sx_syntax::diag::Code;
use sx_syntax::span::Span;

/// What the values of a type are to atomic operations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// All operations.
    Integer { signed: bool },
    /// All that don't compute: pointers, `bool`, enums.
    Plain,
    /// Only loads and stores.
    Float,
}

const KINDS: &str = "integers of 8, 16, 32 or 64 bits, `bool`, enums, pointers and floats can be atomic";

impl<'b> Cx<'_, '_, 'b> {
    /// A call of a method of `Atomic`, or of `fence`.
    pub(super) fn call_atomic(
        &mut self,
        decl: &FnDecl,
        receiver: Option<Val<'b>>,
        args: &[Arg],
        span: Span,
    ) -> Val<'b> {
        let parsed = self.s.file(decl.file).file.clone();
        let params = parsed.ast.list(parsed.ast.get(decl.ast).params);
        let Some(sources) = self.match_args(decl, params, receiver, args, span) else {
            self.check_args_loosely(args);
            return self.error_val(span);
        };
        let mut orders = Vec::with_capacity(2);
        let mut values = Vec::with_capacity(3);
        let mut failed = false;
        for (param, &source) in params.iter().zip(&sources) {
            if param.comptime {
                let Source::Arg(at) = source else { return self.error_val(span) };
                let value = self.type_arg(decl.file, decl.scope, param, args[at].value);
                let order = value.and_then(|value| ordering(&value));
                failed |= order.is_none();
                orders.extend(order.map(|order| (order, self.span(args[at].value))));
                continue;
            }
            let Some(ty) = param.ty else { return self.no_builtin(decl, span) };
            let ty = self.elsewhere(decl.file, decl.scope, |cx| cx.resolve_type(ty));
            let value = match source {
                Source::Arg(at) => self.check_as(args[at].value, ty),
                Source::Receiver(val) => self.adapt_receiver(val, ty, span),
                Source::Given(val) => self.coerce(val, ty, span),
                Source::Default | Source::Rest { .. } => return self.error_val(span),
            };
            failed |= value.ty == TypeId::ERROR;
            values.push(value);
        }
        if failed {
            return self.error_val(span);
        }
        let name = self.s.text(decl.name).to_string();
        let Some(owner) = decl.owner else { return self.fence(decl, &orders, span) };
        let Some((of, class)) = self.atomic_class(owner, span) else { return self.error_val(span) };
        let wanted = if name.starts_with("compare_exchange") { 2 } else { 1 };
        if orders.len() != wanted {
            return self.no_builtin(decl, span);
        }
        let Some(op) = self.atomic_op(&name, of, class, &orders, span) else { return self.error_val(span) };
        let place = self.s.types.ptr(owner);
        let operands = match op {
            AtomicOp::Load(_) => 0,
            AtomicOp::Store(_) | AtomicOp::Rmw(..) => 1,
            AtomicOp::Cas(..) => 2,
            AtomicOp::Fence(_) => return self.no_builtin(decl, span),
        };
        let declared = values.split_first().is_some_and(|(first, rest)| {
            first.ty == place && rest.len() == operands && rest.iter().all(|value| value.ty == of)
        });
        if !declared {
            return self.no_builtin(decl, span);
        }
        let ty = match op {
            AtomicOp::Store(_) => TypeId::VOID,
            AtomicOp::Cas(..) => self.found_type(of),
            _ => of,
        };
        self.intrinsic(Intrinsic::Atomic(op), ty, values, span)
    }

    /// Another version of the library declares what this compiler doesn't have.
    fn no_builtin(&mut self, decl: &FnDecl, span: Span) -> Val<'b> {
        let name = self.s.text(decl.name);
        let message = format!("the compiler knows no builtin `{name}` like this");
        self.error(Code::E0101, span, message);
        self.error_val(span)
    }

    fn fence(&mut self, decl: &FnDecl, orders: &[(Ordering, Span)], span: Span) -> Val<'b> {
        let (true, &[(order, at)]) = (self.s.text(decl.name) == "fence", orders) else {
            return self.no_builtin(decl, span);
        };
        if !order.fits_fence() {
            self.wrong_order(at, "a fence", order, "`acquire`, `release`, `acq_rel` or `seq_cst`");
            return self.error_val(span);
        }
        self.intrinsic(Intrinsic::Atomic(AtomicOp::Fence(order)), TypeId::VOID, Vec::new(), span)
    }

    /// What a failed compare-and-exchange gives. A null pointer that was found is no success: where null is a value, it gets a
    /// flag beside it.
    fn found_type(&mut self, of: TypeId) -> TypeId {
        let found = self.s.types.optional(of);
        if self.s.types.niche(of).is_some() { self.s.types.optional(found) } else { found }
    }

    /// The type that an `Atomic` holds, and what can be done with it.
    fn atomic_class(&mut self, owner: TypeId, span: Span) -> Option<(TypeId, Class)> {
        let TypeKind::Struct(id) = *self.kind(owner) else { return None };
        let of = match &self.s.struct_info(id).generic {
            Some((_, args)) => args.first().and_then(CVal::as_type)?,
            None => return None,
        };
        let loc = self.loc(span);
        if of == TypeId::ERROR || !self.ensure_layout(of, loc) {
            return None;
        }
        let class = match *self.kind(of) {
            TypeKind::Enum(id) => {
                let tag = self.s.types.enum_def(id).tag;
                let plain = !self.s.types.enum_def(id).tagged && self.whole_width(tag);
                plain.then_some(Class::Plain)
            }
            TypeKind::F32 | TypeKind::F64 => Some(Class::Float),
            TypeKind::Bool
            | TypeKind::Ptr(_)
            | TypeKind::ManyPtr(_)
            | TypeKind::CString
            | TypeKind::Func { .. } => Some(Class::Plain),
            TypeKind::Optional(inner) => {
                let pointer = self.s.types.scalar(inner) == Some(sx_ir::Ty::Ptr);
                pointer.then_some(Class::Plain)
            }
            _ if self.s.types.is_int(of) && self.whole_width(of) => {
                let signed = self.s.types.int_repr(of).is_some_and(|(_, signed)| signed);
                Some(Class::Integer { signed })
            }
            _ => None,
        };
        if class.is_none() {
            let message = format!("`{}` can't be atomic", self.name_of(of));
            self.error_help(Code::E0220, span, message, KINDS);
        }
        class.map(|class| (of, class))
    }

    fn whole_width(&self, ty: TypeId) -> bool {
        matches!(self.s.types.int_repr(ty), Some((8 | 16 | 32 | 64, _)))
    }

    /// The operation behind a method's name, if the type has it in these orderings; else a report.
    fn atomic_op(
        &mut self,
        name: &str,
        of: TypeId,
        class: Class,
        orders: &[(Ordering, Span)],
        span: Span,
    ) -> Option<AtomicOp> {
        let &(order, at) = orders.first()?;
        let signed = class == Class::Integer { signed: true };
        let op = match name {
            "load" => AtomicOp::Load(order),
            "store" => AtomicOp::Store(order),
            "swap" => AtomicOp::Rmw(RmwOp::Swap, order),
            "fetch_add" => AtomicOp::Rmw(RmwOp::Add, order),
            "fetch_sub" => AtomicOp::Rmw(RmwOp::Sub, order),
            "fetch_and" => AtomicOp::Rmw(RmwOp::And, order),
            "fetch_or" => AtomicOp::Rmw(RmwOp::Or, order),
            "fetch_xor" => AtomicOp::Rmw(RmwOp::Xor, order),
            "fetch_min" => AtomicOp::Rmw(if signed { RmwOp::SMin } else { RmwOp::UMin }, order),
            "fetch_max" => AtomicOp::Rmw(if signed { RmwOp::SMax } else { RmwOp::UMax }, order),
            "compare_exchange" | "compare_exchange_weak" => AtomicOp::Cas(order, orders.get(1)?.0),
            _ => {
                self.error(Code::E0101, span, format!("the compiler knows no builtin `{name}`"));
                return None;
            }
        };
        let fits = match (op, class) {
            (_, Class::Integer { .. }) | (AtomicOp::Load(_) | AtomicOp::Store(_), _) => true,
            (AtomicOp::Rmw(RmwOp::Swap, _) | AtomicOp::Cas(..), class) => class == Class::Plain,
            _ => false,
        };
        if !fits {
            let message = format!("`{name}` isn't for `{}`", self.name_of(of));
            let help = match class {
                Class::Float => "an atomic float is loaded and stored; exchange its bits as an integer",
                _ => "only integers are computed with; others have `load store swap compare_exchange`",
            };
            self.error_help(Code::E0220, span, message, help);
            return None;
        }
        match op {
            AtomicOp::Load(order) if !order.fits_load() => {
                self.wrong_order(at, "a load", order, "`relaxed`, `acquire` or `seq_cst`");
            }
            AtomicOp::Store(order) if !order.fits_store() => {
                self.wrong_order(at, "a store", order, "`relaxed`, `release` or `seq_cst`");
            }
            AtomicOp::Cas(order, failure) if !order.fits_failure(failure) => {
                let at = orders[1].1;
                if failure.fits_load() {
                    let message =
                        format!("failure can't be `{}` where success is `{}`", failure.word(), order.word());
                    let help = "failing reads only: it asks for no more than the read of a success does";
                    self.error_help(Code::E0221, at, message, help);
                } else {
                    self.wrong_order(at, "failure", failure, "`relaxed`, `acquire` or `seq_cst`");
                }
            }
            _ => return Some(op),
        }
        None
    }

    fn wrong_order(&mut self, at: Span, what: &str, order: Ordering, may: &str) {
        let message = format!("{what} can't be `{}`", order.word());
        self.error_help(Code::E0221, at, message, format!("it can be {may}"));
    }

    /// Reports `Atomic(T)` of a type of which one sees at once that it is no scalar; others are seen by the operations.
    pub(super) fn refuse_atomic_aggregate(&mut self, generic: GenericId, args: &[CVal], span: Span) -> bool {
        let (file, name) = {
            let generic = &self.s.generics[generic.0 as usize];
            (generic.file, generic.name)
        };
        if self.s.text(name) != "Atomic" || !self.s.is_atomic_module(file) {
            return false;
        }
        let Some(of) = args.first().and_then(CVal::as_type) else { return false };
        let scalar = match *self.kind(of) {
            TypeKind::Struct(_)
            | TypeKind::Union(_)
            | TypeKind::Slice(_)
            | TypeKind::SentinelSlice(_)
            | TypeKind::String
            | TypeKind::Array(..)
            | TypeKind::Vector(..)
            | TypeKind::Closure { .. }
            | TypeKind::Tuple(_)
            | TypeKind::Any
            | TypeKind::Void
            | TypeKind::Type
            | TypeKind::ErrorSet(_)
            | TypeKind::Protocol(_) => false,
            TypeKind::Optional(inner) => self.s.types.scalar(inner) == Some(sx_ir::Ty::Ptr),
            TypeKind::Int { .. } => self.whole_width(of),
            _ => true,
        };
        if !scalar {
            let message = format!("`{}` can't be atomic", self.name_of(of));
            self.error_help(Code::E0220, span, message, KINDS);
        }
        !scalar
    }
}

/// The ordering that a constant of `Ordering` is.
fn ordering(value: &CVal) -> Option<Ordering> {
    let index = match *value {
        CVal::Int(n) => usize::try_from(n).ok()?,
        CVal::Zero => 0,
        _ => return None,
    };
    Ordering::ALL.get(index).copied()
}
