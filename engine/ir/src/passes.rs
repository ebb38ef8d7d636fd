//! Passes: fewer and cheaper instructions for every tier, at a cost of about a third of a microsecond each.
//!
//! Programs mean the same before and after: traps and their order, results, output. Source positions stay with
//! their instructions; inlined ones say where they were inlined.

mod coalesce;
mod compact;
mod dce;
mod effects;
pub mod fold;
#[cfg(test)]
mod fuzz;
mod gvn;
mod inline;
mod liveness;
mod loops;
mod order;
mod simplify_cfg;
mod single;
mod sroa;
#[cfg(test)]
mod testing;

use crate::cfg::{Cfg, DomTree};
use crate::func::*;
use crate::ids::*;
use crate::module::Module;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What a pass knows besides the function.
pub(crate) struct Cx<'m> {
    /// The module that the function belongs to.
    pub module: &'m Module,
    consts: FxHashMap<Const, u32>,
}

impl<'m> Cx<'m> {
    /// For passes over one function.
    pub fn new(module: &'m Module, func: &Func) -> Cx<'m> {
        let consts = func.consts.iter().enumerate().map(|(i, &constant)| (constant, i as u32)).collect();
        Cx { module, consts }
    }

    /// Bytes in an address.
    pub fn ptr_size(&self) -> u32 {
        self.module.target.ptr_size
    }

    /// A constant of the function; bits above the type's width are dropped.
    pub fn constant(&mut self, func: &mut Func, ty: Ty, bits: u64) -> Operand {
        let constant = Const { ty, bits: bits & fold::mask(ty, self.ptr_size()) };
        let index = *self.consts.entry(constant).or_insert_with(|| {
            func.consts.push(constant);
            func.consts.len() as u32 - 1
        });
        Operand::constant(index)
    }
}

/// How much work goes into a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// None: functions stay as they were lowered, and every variable in its place.
    None,
    /// Each function by itself; calls stay calls.
    Less,
    /// Small functions expanded, too.
    Default,
}

/// Optimises functions that have bodies; see [`optimize_with`].
pub fn optimize(module: &mut Module, ids: &[FuncId], level: Level) {
    optimize_with(module, ids, level, &|_, _| true);
}

/// Optimises the functions of `ids` that have bodies. Calls are expanded from the leaves of the call graph
/// upwards, where `may_inline(caller, callee)` admits it: a program whose parts are reloaded apart must not mix
/// them. Give functions together that were lowered together; each once.
pub fn optimize_with(
    module: &mut Module,
    ids: &[FuncId],
    level: Level,
    may_inline: &dyn Fn(FuncId, FuncId) -> bool,
) {
    if level == Level::None {
        return;
    }
    let order = order::bottom_up(module, ids);
    let mut done = vec![true; module.funcs.len()];
    order.iter().for_each(|id| done[id.index()] = false);
    for &id in &order {
        change(module, id, |func, cx| {
            // A callee that isn't done is a caller, too: recursion isn't unrolled.
            let allowed = |callee: FuncId| callee != id && done[callee.index()] && may_inline(id, callee);
            shrink(func, cx, (level == Level::Default).then_some(&allowed as &dyn Fn(FuncId) -> bool));
        });
        done[id.index()] = true;
    }
    // What suits tiers only, but hides things from the passes above, is left for the end.
    for &id in &order {
        change(module, id, finish);
    }
}

/// Passes one function to `f`.
fn change(module: &mut Module, id: FuncId, f: impl FnOnce(&mut Func, &mut Cx<'_>)) {
    let Some(func) = module.funcs[id.index()].take() else { return };
    let mut func = Arc::unwrap_or_clone(func);
    let mut cx = Cx::new(module, &func);
    f(&mut func, &mut cx);
    module.funcs[id.index()] = Some(Arc::new(func));
}

/// Fewer instructions, with callees expanded if they may.
fn shrink(func: &mut Func, cx: &mut Cx<'_>, allowed: Option<&dyn Fn(FuncId) -> bool>) {
    compact::unshare(func);
    simplify_cfg::run(func, cx);
    if let Some(allowed) = allowed
        && inline::run(func, cx, allowed)
    {
        simplify_cfg::run(func, cx);
    }
    let folded = values(func, cx);
    // Where branches went, more is known of what follows; where slots went, of what they held.
    if sroa::run(func, cx) || folded {
        values(func, cx);
    }
}

/// What is computed, by whom and for whom; true when a branch turned out to be none.
fn values(func: &mut Func, cx: &mut Cx<'_>) -> bool {
    let cfg = Cfg::new(func);
    let tree = DomTree::new(&cfg);
    single::run(func, &cfg, &tree);
    gvn::run(func, cx, &cfg, &tree);
    dce::run(func, &cfg);
    simplify_cfg::run(func, cx)
}

/// The last touches.
fn finish(func: &mut Func, cx: &mut Cx<'_>) {
    loops::run(func, cx);
    coalesce::run(func);
    compact::compact(func);
}
