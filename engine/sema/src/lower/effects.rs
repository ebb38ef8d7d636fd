//! Whether an expression may change what was read before it.
//!
//! Asked of what is evaluated after a value was read. An answer looks at a limited number of nodes and is
//! "yes" beyond that, so that lowering stays linear.

use super::Lower;
use crate::thir::{Arith, Callee, E, Intrinsic, Kind, Stmt};
use crate::visit::any_child;

/// How many nodes an answer may look at.
const MAX_NODES: u32 = 32;

/// How many nodes code has at most that is worth having several times.
const MAX_SMALL: u32 = 16;

/// Registers of locals may be assigned.
const ASSIGNS: u8 = 1;
/// Memory may be written, by this function or one that it calls.
const WRITES: u8 = 2;

impl<'b> Lower<'_, 'b> {
    /// True if evaluating `e` may assign a local that is in registers.
    pub(super) fn may_assign(&self, e: E<'b>) -> bool {
        effects(e, ASSIGNS, &mut { MAX_NODES })
    }
    /// True if evaluating `e` may assign a local or write memory.
    pub(super) fn may_write(&self, e: E<'b>) -> bool {
        effects(e, ASSIGNS | WRITES, &mut { MAX_NODES })
    }
    /// How many expressions at the list's start come before one that may assign a local.
    pub(super) fn before_assign(&self, list: &[E<'b>]) -> usize {
        list.iter().rposition(|e| self.may_assign(e)).unwrap_or(0)
    }
    /// True for code that is worth having several times.
    pub(super) fn is_small(&self, e: E<'b>) -> bool {
        !effects(e, 0, &mut { MAX_SMALL })
    }
    /// True for small expressions that only compute: evaluating them twice, or in vain, does no harm.
    pub(super) fn is_light(&self, e: E<'b>) -> bool {
        light(e, &mut 6)
    }
    /// True for conditions that are worth having twice: before a loop and at its end.
    pub(super) fn is_repeatable(&self, e: E<'b>) -> bool {
        repeatable(e, &mut 24)
    }
}

/// True if `e` may have one of the wanted effects.
fn effects(e: E<'_>, wanted: u8, left: &mut u32) -> bool {
    if *left == 0 {
        return true;
    }
    *left -= 1;
    own_effects(e) & wanted != 0 || any_child(e, &mut |child| effects(child, wanted, left))
}

/// The effects of an expression besides those of its parts.
fn own_effects(e: E<'_>) -> u8 {
    match e.kind {
        Kind::Call { .. } | Kind::Closure { alloc: Some(_), .. } => WRITES,
        Kind::Intrinsic(Intrinsic::MemMove | Intrinsic::MemSet | Intrinsic::Atomic(_), _) => WRITES,
        Kind::Block { stmts, .. } => {
            let assigns = stmts.iter().any(|stmt| match stmt {
                Stmt::Expr(_) | Stmt::Let { .. } => false,
                Stmt::LetFailable { .. } | Stmt::Assign { .. } | Stmt::AssignOp { .. } => true,
                Stmt::Defer(_) | Stmt::OnFail { .. } => false,
            });
            if assigns { ASSIGNS | WRITES } else { 0 }
        }
        Kind::While { .. } | Kind::For { .. } | Kind::Push { .. } => ASSIGNS | WRITES,
        _ => 0,
    }
}

fn light(e: E<'_>, left: &mut u32) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    match e.kind {
        Kind::Int(_) | Kind::Float(_) | Kind::Zero | Kind::Undef | Kind::Local(_) => true,
        Kind::Field { base, .. } | Kind::Tag(base) | Kind::HasValue(base) => light(base, left),
        Kind::Neg(a) | Kind::Not(a) | Kind::BitNot(a) => light(a, left),
        Kind::Compare(_, a, b) => light(a, left) && light(b, left),
        Kind::Arith(op, a, b) => !matches!(op, Arith::Div | Arith::Rem) && light(a, left) && light(b, left),
        _ => false,
    }
}

fn repeatable(e: E<'_>, left: &mut u32) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    match e.kind {
        Kind::Int(_)
        | Kind::Float(_)
        | Kind::Str(_)
        | Kind::Zero
        | Kind::Local(_)
        | Kind::Global(_)
        | Kind::ConstData(_)
        | Kind::Context => true,
        Kind::Deref(a)
        | Kind::Field { base: a, .. }
        | Kind::Payload { base: a, .. }
        | Kind::Tag(a)
        | Kind::OptPayload(a)
        | Kind::Unwrap(a)
        | Kind::HasValue(a)
        | Kind::Neg(a)
        | Kind::Not(a)
        | Kind::BitNot(a)
        | Kind::Cast(_, a) => repeatable(a, left),
        Kind::Index { base: a, index: b }
        | Kind::Arith(_, a, b)
        | Kind::Compare(_, a, b)
        | Kind::And(a, b)
        | Kind::Or(a, b) => repeatable(a, left) && repeatable(b, left),
        Kind::Equal { a, b, .. } => repeatable(a, left) && repeatable(b, left),
        Kind::Call { callee: Callee::Func(_), args } => args.iter().all(|arg| repeatable(arg, left)),
        _ => false,
    }
}
