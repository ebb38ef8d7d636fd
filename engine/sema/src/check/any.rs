//! `Any`: a value together with its type.
//!
//! A scalar lies in the second word itself, anything else behind an address: of the place that was given, or of a copy.
//! Which types an `Any` can hold is known once everything is checked; functions that tell them apart are checked again
//! when more have come.

use super::{Cx, FnState, Lit, Val, is_place};
use crate::sema::*;
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use sx_ir::FuncId;
use sx_syntax::span::{Loc, Span};

/// Where the type of an `Any` lies, and where its value.
const TYPE_AT: u32 = 0;
const WORD_AT: u32 = 8;

/// What has been put into an `Any`, and whose code depends on it.
#[derive(Debug, Default)]
pub(crate) struct Erased {
    types: Vec<TypeId>,
    known: rustc_hash::FxHashSet<TypeId>,
    /// Bodies that tell all types apart, and how many there were when they were checked.
    users: Vec<(User, usize)>,
    /// Functions whose bodies were replaced, for the compile-time machine and for whoever builds the program.
    pub for_machine: Vec<FuncId>,
    pub for_driver: Vec<FuncId>,
}

/// A body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum User {
    Inst(InstId),
    Test(Loc),
}

/// What is known of the type of a local: of an `Any`'s value, or which type a `Type` is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypeFact {
    pub local: LocalId,
    pub ty: TypeId,
    /// Something depended on it.
    pub used: bool,
    /// Overtaken by an assignment.
    pub dead: bool,
}

impl FnState {
    /// The type that a local is known to have or to be.
    pub(crate) fn known_type(&mut self, local: LocalId) -> Option<TypeId> {
        let fact = self.type_facts.iter_mut().rev().find(|fact| fact.local == local && !fact.dead)?;
        fact.used = true;
        Some(fact.ty)
    }
    /// Nothing is known of a local's type any more.
    pub(crate) fn forget_type(&mut self, local: LocalId) {
        self.type_facts.iter_mut().filter(|fact| fact.local == local).for_each(|fact| fact.dead = true);
        self.type_sources.retain(|&(ty, any)| ty != local && any != local);
    }
}

impl<'b> Cx<'_, '_, 'b> {
    /// A value with its type; none for what has no value or no type of its own.
    pub(crate) fn put_in_any(&mut self, val: Val<'b>, span: Span) -> Option<E<'b>> {
        if val.lit == Lit::Null {
            return None;
        }
        let e = self.settle(val, span);
        match self.kind(e.ty) {
            TypeKind::Error => return Some(e),
            TypeKind::Void | TypeKind::Noreturn | TypeKind::Failable { .. } | TypeKind::UntypedNull => {
                return None;
            }
            _ => {}
        }
        let loc = self.loc(span);
        if !self.ensure_layout(e.ty, loc) {
            return Some(self.error_val(span).e);
        }
        self.s.erased.add(e.ty);
        let ty = self.type_val(e.ty, span).e;
        let word = match self.s.types.scalar(e.ty) {
            Some(_) => self.as_word(e, span),
            None => self.address_to_keep(e, span),
        };
        let parts = self.slice_of(vec![(TYPE_AT, ty), (WORD_AT, word)]);
        Some(self.mk(TypeId::ANY, span, Kind::Aggregate(parts)))
    }

    /// The address of a place, or of a copy that lives long enough.
    fn address_to_keep(&mut self, e: E<'b>, span: Span) -> E<'b> {
        let borrowed = is_place(e) || self.f.argument || self.f.is_static;
        let address = self.address_of(e);
        let address = if borrowed { address } else { self.copied(address, e.ty, span) };
        self.word_of(address, span)
    }

    /// An address, or 64 bits, as the word of an `Any`.
    fn word_of(&mut self, e: E<'b>, span: Span) -> E<'b> {
        match self.s.types.any_word() {
            TypeId::U64 if e.ty == TypeId::U64 => e,
            TypeId::U64 => {
                let bits = self.mk(TypeId::USIZE, span, Kind::Cast(Cast::Bits, e));
                self.mk(TypeId::U64, span, Kind::Cast(Cast::Int, bits))
            }
            word => self.mk(word, span, Kind::Cast(Cast::Bits, e)),
        }
    }

    /// The reverse, for something with an address's bits.
    fn address_in(&mut self, word: E<'b>, ty: TypeId, span: Span) -> E<'b> {
        let bits = match word.ty {
            TypeId::U64 => self.mk(TypeId::USIZE, span, Kind::Cast(Cast::Int, word)),
            _ => word,
        };
        self.mk(ty, span, Kind::Cast(Cast::Bits, bits))
    }

    /// A scalar's bits as a word.
    fn as_word(&mut self, e: E<'b>, span: Span) -> E<'b> {
        let bits = match *self.kind(e.ty) {
            TypeKind::F64 => self.bits_of(e, TypeId::U64, span),
            TypeKind::F32 => {
                let bits = self.bits_of(e, TypeId::U32, span);
                self.mk(TypeId::U64, span, Kind::Cast(Cast::Int, bits))
            }
            _ if self.s.types.int_repr(e.ty).is_some() => {
                self.mk(TypeId::U64, span, Kind::Cast(Cast::Int, e))
            }
            _ => e,
        };
        self.word_of(bits, span)
    }

    /// The reverse.
    fn word_as(&mut self, word: E<'b>, ty: TypeId, span: Span) -> E<'b> {
        let bits = |cx: &mut Self| match word.ty {
            TypeId::U64 => word,
            _ => cx.mk(TypeId::U64, span, Kind::Cast(Cast::Bits, word)),
        };
        match *self.kind(ty) {
            TypeKind::F64 => {
                let bits = bits(self);
                self.bits_of(bits, TypeId::F64, span)
            }
            TypeKind::F32 => {
                let bits = bits(self);
                let bits = self.mk(TypeId::U32, span, Kind::Cast(Cast::Int, bits));
                self.bits_of(bits, TypeId::F32, span)
            }
            _ if self.s.types.int_repr(ty).is_some() => {
                let bits = bits(self);
                self.mk(ty, span, Kind::Cast(Cast::Int, bits))
            }
            _ => self.address_in(word, ty, span),
        }
    }

    fn bits_of(&mut self, e: E<'b>, ty: TypeId, span: Span) -> E<'b> {
        let args = self.slice_of(vec![e]);
        self.mk(ty, span, Kind::Intrinsic(Intrinsic::Bitcast, args))
    }

    /// The type of what an `Any` holds.
    pub(crate) fn any_type(&mut self, any: E<'b>, span: Span) -> Val<'b> {
        if let Kind::Local(local) = any.kind
            && let Some(ty) = self.f.known_type(local)
        {
            return self.type_val(ty, span);
        }
        self.val(TypeId::TYPE, span, Kind::Field { base: any, offset: TYPE_AT })
    }

    /// What an `Any` holds, which is known to be of this type.
    pub(crate) fn any_value(&mut self, any: E<'b>, ty: TypeId, span: Span) -> E<'b> {
        let word = self.s.types.any_word();
        let word = self.mk(word, span, Kind::Field { base: any, offset: WORD_AT });
        if self.s.types.scalar(ty).is_some() {
            return self.word_as(word, ty, span);
        }
        let ptr = self.s.types.ptr(ty);
        let address = self.address_in(word, ptr, span);
        self.mk(ty, span, Kind::Deref(address))
    }

    /// `cast(T) any`: traps when it holds something else.
    pub(crate) fn take_from_any(&mut self, any: E<'b>, ty: TypeId, span: Span) -> Val<'b> {
        let loc = self.loc(span);
        if !self.ensure_layout(ty, loc) {
            return self.error_val(span);
        }
        let mut stmts = Vec::new();
        let kept = self.keep_place(any, &mut stmts);
        let whole = self.local_expr(kept, span);
        let have = self.mk(TypeId::TYPE, span, Kind::Field { base: whole, offset: TYPE_AT });
        let want = self.type_val(ty, span).e;
        let value = self.any_value(whole, ty, span);
        let cond = self.mk(TypeId::BOOL, span, Kind::Compare(Compare::Eq, have, want));
        let Some(tell) = self.s.core_fn("any_mismatch") else { return self.error_val(span) };
        let given = [self.of(have), self.of(want)];
        let message = self.call_with(tell, &given, span).e;
        let args = self.slice_of(vec![message]);
        let panic = self.mk(TypeId::NORETURN, span, Kind::Intrinsic(Intrinsic::Panic, args));
        let choice = self.mk(ty, span, Kind::If { cond, then: value, else_: Some(panic) });
        let e = self.block(stmts, choice);
        self.of(e)
    }

    /// A `Type` local that is what an `Any` local holds: `t := type_of(any);`.
    pub(crate) fn note_type_source(&mut self, local: LocalId, init: E<'b>) {
        if let Some(any) = self.type_source(init) {
            self.f.type_sources.push((local, any));
        }
    }

    /// The `Any` local whose type an expression is.
    pub(crate) fn type_source(&self, e: E<'b>) -> Option<LocalId> {
        match e.kind {
            Kind::Field { base: &Expr { kind: Kind::Local(any), ty: TypeId::ANY, .. }, offset: TYPE_AT }
                if e.ty == TypeId::TYPE =>
            {
                Some(any)
            }
            Kind::Local(local) => {
                self.f.type_sources.iter().find(|&&(ty, _)| ty == local).map(|&(_, any)| any)
            }
            _ => None,
        }
    }

    /// The types that an `Any` may hold by what is known; the body is checked again when there are more.
    pub(crate) fn types_in_any(&mut self) -> Vec<TypeId> {
        let user = match (self.f.inst, self.f.test) {
            (Some(inst), _) => Some(User::Inst(inst)),
            (None, test) => test.map(User::Test),
        };
        let count = self.s.erased.types.len();
        if let Some(user) = user {
            let users = &mut self.s.erased.users;
            match users.iter_mut().find(|(known, _)| *known == user) {
                Some((_, seen)) => *seen = (*seen).min(count),
                None => users.push((user, count)),
            }
        }
        self.s.erased.types.clone()
    }
}

impl Erased {
    fn add(&mut self, ty: TypeId) {
        if self.known.insert(ty) {
            self.types.push(ty);
        }
    }
    /// True when a body tells apart what an `Any` holds.
    pub(crate) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }
    /// Notes that a body was replaced.
    pub(crate) fn replaced(&mut self, func: FuncId) {
        self.for_machine.push(func);
        self.for_driver.push(func);
    }
}

impl Sema {
    /// Checks bodies again that tell types in an `Any` apart and didn't know all of them; false when there are none.
    pub(crate) fn recheck_any_users(&mut self) -> bool {
        let count = self.erased.types.len();
        let stale = self.erased.users.iter().position(|&(user, seen)| {
            let busy = matches!(user, User::Inst(inst) if self.inst(inst).state == InstState::Busy);
            seen < count && !busy
        });
        let Some(at) = stale else { return false };
        let (user, _) = self.erased.users.swap_remove(at);
        match user {
            User::Inst(inst) => {
                let info = self.inst_mut(inst);
                info.state = InstState::Todo;
                info.infer_ret = false;
                self.ensure_body(inst);
            }
            User::Test(loc) => self.recheck_test(loc),
        }
        true
    }

    /// The functions whose bodies may be replaced: they tell apart what an `Any` holds.
    pub fn replaceable(&self) -> Vec<FuncId> {
        let func = |user| match user {
            User::Inst(inst) => Some(self.inst(inst).func),
            User::Test(loc) => self.test_funcs.get(&loc).and_then(|test| test.func),
        };
        self.erased.users.iter().filter_map(|&(user, _)| func(user)).collect()
    }

    /// The functions whose bodies are others than when this was last asked.
    pub fn take_replaced(&mut self) -> Vec<FuncId> {
        std::mem::take(&mut self.erased.for_driver)
    }
}
