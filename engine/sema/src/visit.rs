//! Questions about typed expressions and everything below them, for `check` and `lower`.

use crate::thir::{Callee, E, ForIter, Kind, LocalId, Stmt};
use rustc_hash::FxHashSet;

/// True if `f` is for the expression or anything below it; the bodies of other functions aren't entered.
pub(crate) fn any_below<'b>(e: E<'b>, f: &mut dyn FnMut(E<'b>) -> bool) -> bool {
    f(e) || any_child(e, &mut |child| any_below(child, f))
}

/// The locals that come to life inside an expression.
pub(crate) fn locals_within(e: E<'_>) -> FxHashSet<LocalId> {
    let mut locals = FxHashSet::default();
    let let_stmts = |stmts: &[Stmt<'_>], locals: &mut FxHashSet<LocalId>| {
        for stmt in stmts {
            match *stmt {
                Stmt::Let { local, .. } => _ = locals.insert(local),
                Stmt::LetFailable { value, error, .. } => {
                    locals.extend(value);
                    locals.insert(error);
                }
                Stmt::OnFail { binding, .. } => locals.extend(binding),
                Stmt::Expr(_) | Stmt::Defer(_) | Stmt::Assign { .. } | Stmt::AssignOp { .. } => {}
            }
        }
    };
    any_below(e, &mut |e| {
        match e.kind {
            Kind::Block { stmts, .. } => let_stmts(stmts, &mut locals),
            Kind::Catch { binding, .. } => locals.extend(binding),
            Kind::For { iters, .. } => {
                for iter in iters {
                    match *iter {
                        ForIter::Range { var, .. } | ForIter::Each { var, .. } => locals.extend(var),
                        ForIter::Next { var, setup, .. } => {
                            locals.extend(var);
                            let_stmts(setup, &mut locals);
                        }
                    }
                }
            }
            _ => {}
        }
        false
    });
    locals
}

/// True if `f` is for one of the parts of an expression, asked in the order of the tree.
pub(crate) fn any_child<'b>(e: E<'b>, f: &mut dyn FnMut(E<'b>) -> bool) -> bool {
    match e.kind {
        Kind::Int(_)
        | Kind::Float(_)
        | Kind::Str(_)
        | Kind::CStr(_)
        | Kind::Zero
        | Kind::Undef
        | Kind::FuncValue(_)
        | Kind::CFuncValue(_)
        | Kind::ExternAddr(_)
        | Kind::Local(_)
        | Kind::Global(_)
        | Kind::ConstData(_)
        | Kind::Context
        | Kind::Break(_)
        | Kind::Continue(_) => false,
        Kind::Deref(a)
        | Kind::Field { base: a, .. }
        | Kind::Payload { base: a, .. }
        | Kind::Tag(a)
        | Kind::OptPayload(a)
        | Kind::Unwrap(a)
        | Kind::HasValue(a)
        | Kind::AddrOf(a)
        | Kind::Neg(a)
        | Kind::Not(a)
        | Kind::BitNot(a)
        | Kind::Cast(_, a)
        | Kind::Repeat(a)
        | Kind::Try(a)
        | Kind::Raise(a) => f(a),
        Kind::Index { base: a, index: b }
        | Kind::Arith(_, a, b)
        | Kind::Compare(_, a, b)
        | Kind::Equal { a, b, .. }
        | Kind::And(a, b)
        | Kind::Or(a, b)
        | Kind::Catch { operand: a, handler: b, .. }
        | Kind::Push { ctx: a, body: b } => f(a) || f(b),
        Kind::Aggregate(parts) => parts.iter().any(|part| f(part.1)),
        Kind::Array(list) | Kind::Intrinsic(_, list) => list.iter().any(|e| f(e)),
        Kind::Variant { payload: a, .. } | Kind::Return(a) => a.is_some_and(f),
        Kind::Slice { base, lo, hi } => f(base) || lo.is_some_and(&mut *f) || hi.is_some_and(f),
        Kind::Closure { captures, alloc, .. } => captures.iter().any(|e| f(e)) || alloc.is_some_and(f),
        Kind::Call { ref callee, args } => {
            let target = match *callee {
                Callee::Func(_) | Callee::Extern(_) => false,
                Callee::Value(e) | Callee::Closure(e) | Callee::CPtr(e) => f(e),
            };
            target || args.iter().any(|e| f(e))
        }
        Kind::Block { stmts, tail } => stmts.iter().any(|stmt| any_in_stmt(stmt, f)) || tail.is_some_and(f),
        Kind::If { cond, then, else_ } => f(cond) || f(then) || else_.is_some_and(f),
        Kind::Switch { value, arms, default } => {
            f(value) || arms.iter().any(|arm| f(arm.body)) || default.is_some_and(f)
        }
        Kind::While { cond, body, .. } => cond.is_some_and(&mut *f) || f(body),
        Kind::For { iters, body, .. } => {
            iters.iter().any(|iter| match *iter {
                ForIter::Range { lo, hi, .. } => f(lo) || hi.is_some_and(&mut *f),
                ForIter::Each { seq, .. } => f(seq),
                ForIter::Next { setup, next, .. } => setup.iter().any(|stmt| any_in_stmt(stmt, f)) || f(next),
            }) || f(body)
        }
    }
}

fn any_in_stmt<'b>(stmt: &'b Stmt<'b>, f: &mut dyn FnMut(E<'b>) -> bool) -> bool {
    match *stmt {
        Stmt::Expr(e) | Stmt::Defer(e) | Stmt::OnFail { body: e, .. } => f(e),
        Stmt::Let { init, .. } => init.is_some_and(f),
        Stmt::LetFailable { init, .. } => f(init),
        Stmt::Assign { targets, values } => {
            targets.iter().flatten().any(|e| f(e)) || values.iter().any(|e| f(e))
        }
        Stmt::AssignOp { target, value, .. } => f(target) || f(value),
    }
}
