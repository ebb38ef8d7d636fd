//! Passes: fewer and cheaper instructions for every tier.
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
mod scratch;
mod simplify_cfg;
mod single;
mod split;
mod sroa;
#[cfg(test)]
mod testing;

use crate::cfg::{Cfg, DomTree};
use crate::func::*;
use crate::ids::*;
use crate::module::Module;
use crate::parallel::{self, Threads};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// What a pass knows besides the function, and room that passes use over and over.
pub(crate) struct Cx<'m> {
    /// The module that the function belongs to.
    pub module: &'m Module,
    work: &'m mut Work,
}

/// Functions are many and small: what passes count and mark in is kept from one to the next.
#[derive(Default)]
pub(crate) struct Work {
    consts: Consts,
    /// The shape of the function; valid after [`simplify_cfg::run`] until blocks or their ends change.
    cfg: Cfg,
    tree: DomTree,
    /// Nothing changed blocks or their ends since [`simplify_cfg::run`].
    shape_known: bool,
    /// `tree` is that of `cfg`.
    tree_known: bool,
    /// Marks for the instructions of one block.
    dead: Vec<bool>,
    shape: simplify_cfg::Room,
    single: Vec<single::Def>,
    gvn: gvn::Room,
    dce: dce::Room,
    coalesce: coalesce::Room,
    compact: compact::Room,
    loops: loops::Room,
}

impl Work {
    /// Finds the dominators of the shape, unless they are known.
    fn find_tree(&mut self) {
        if !self.tree_known {
            self.tree.compute(&self.cfg);
            self.tree_known = true;
        }
    }
}

/// What one thread works in.
#[derive(Default)]
struct Room {
    scratch: scratch::Scratch,
    work: Work,
}

/// Numbers of a function's constants. A few are looked through; more get a table.
#[derive(Default)]
struct Consts {
    table: FxHashMap<Const, u32>,
    /// How many are in the table.
    entered: usize,
}

impl Consts {
    const FEW: usize = 24;

    fn number(&mut self, consts: &mut Vec<Const>, constant: Const) -> u32 {
        if consts.len() <= Consts::FEW {
            if let Some(at) = consts.iter().position(|&known| known == constant) {
                return at as u32;
            }
        } else {
            for (i, &known) in consts.iter().enumerate().skip(self.entered) {
                self.table.entry(known).or_insert(i as u32);
            }
            self.entered = consts.len();
            if let Some(&at) = self.table.get(&constant) {
                return at;
            }
        }
        consts.push(constant);
        consts.len() as u32 - 1
    }
}

impl<'m> Cx<'m> {
    /// For passes over one function.
    pub fn new(module: &'m Module, work: &'m mut Work) -> Cx<'m> {
        if work.consts.entered > 0 {
            work.consts = Consts::default();
        }
        work.shape_known = false;
        work.tree_known = false;
        Cx { module, work }
    }

    /// Bytes in an address.
    pub fn ptr_size(&self) -> u32 {
        self.module.target.ptr_size
    }

    /// Finds order and dominators of the blocks.
    #[cfg(test)]
    pub fn find_shape(&mut self, func: &Func) {
        self.work.cfg.compute(func);
        self.work.tree.compute(&self.work.cfg);
    }

    /// A constant of the function; bits above the type's width are dropped.
    pub fn constant(&mut self, func: &mut Func, ty: Ty, bits: u64) -> Operand {
        let constant = Const { ty, bits: bits & fold::mask(ty, self.ptr_size()) };
        Operand::constant(self.work.consts.number(&mut func.consts, constant))
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

/// Optimises functions that have bodies, on the calling thread; see [`optimize_with`].
pub fn optimize(module: &mut Module, ids: &[FuncId], level: Level) {
    optimize_with(module, ids, level, Threads::ONE, &|_, _| true);
}

/// Optimises the functions of `ids` that have bodies. Calls are expanded from the leaves of the call graph
/// upwards, where `may_inline(caller, callee)` admits it: a program whose parts are reloaded apart must not mix
/// them. Give functions together that were lowered together; each once. What comes out doesn't depend on `threads`.
pub fn optimize_with(
    module: &mut Module,
    ids: &[FuncId],
    level: Level,
    threads: Threads,
    may_inline: &(dyn Fn(FuncId, FuncId) -> bool + Sync),
) {
    if level == Level::None {
        return;
    }
    let size = |module: &Module, ids: &[FuncId]| {
        ids.iter().filter_map(|&id| module.func(id)).map(|func| func.code.len()).sum()
    };
    let all = size(module, ids);
    let threads = threads.settle(all);
    let mut rooms = Vec::new();
    rooms.resize_with(threads.count_for(all), Room::default);
    let order = order::bottom_up(module, ids);
    let mut expandable = vec![true; module.funcs.len()];
    order.funcs.iter().for_each(|id| expandable[id.index()] = false);
    // One thread goes up as the order does; many go through the functions of a rank, none of which waits for another.
    let (order, ends) = if rooms.len() == 1 {
        let ends = (1..=order.funcs.len()).collect();
        (order.funcs, ends)
    } else {
        order.by_rank()
    };
    let mut start = 0;
    let mut unfinished = Vec::new();
    for end in ends {
        let batch = &order[start..end];
        start = end;
        let count = if batch.len() == 1 { 1 } else { threads.count_for(size(module, batch)) };
        let pass = |id, func: &mut Func, cx: &mut Cx<'_>| {
            // A callee that isn't done is a caller, too: recursion isn't unrolled.
            let allowed =
                |callee: FuncId| callee != id && expandable[callee.index()] && may_inline(id, callee);
            shrink(func, cx, (level == Level::Default).then_some(&allowed as &dyn Fn(FuncId) -> bool));
            let waits = level == Level::Default && inline::is_candidate(func);
            if !waits {
                finish(func, cx);
            }
            waits
        };
        let waiting = change(module, &mut rooms[..count], batch, pass);
        waiting.iter().for_each(|id| expandable[id.index()] = true);
        unfinished.extend(waiting);
    }
    // What suits tiers only, but hides things from the passes above, is left for the end where callers may look.
    let pass = |_, func: &mut Func, cx: &mut Cx<'_>| {
        finish(func, cx);
        false
    };
    change(module, &mut rooms, &unfinished, pass);
}

/// Changes a function once more that runs often and is worth more code: inner loops are copied for the rounds whose checks
/// pass for sure. Give functions that went through [`optimize`], one at a time; what comes out is for a tier that compiles.
pub fn specialize(func: &mut Func, module: &Module) {
    let mut work = Work::default();
    let cx = &mut Cx::new(module, &mut work);
    if split::run(func, cx) {
        simplify_cfg::run(func, cx);
    }
}

/// Passes functions that don't need each other to `f`, as many at a time as there are rooms; gives those for which it
/// said true.
fn change(
    module: &mut Module,
    rooms: &mut [Room],
    ids: &[FuncId],
    f: impl Fn(FuncId, &mut Func, &mut Cx<'_>) -> bool + Sync,
) -> SmallVec<[FuncId; 1]> {
    let take = |&id: &FuncId| module.funcs[id.index()].take().map(|func| (id, func, false));
    let mut taken: SmallVec<[(FuncId, Arc<Func>, bool); 1]> = ids.iter().filter_map(take).collect();
    let shared = &*module;
    parallel::spread(rooms, &mut taken, |Room { scratch, work }, (id, func, said)| {
        *said = scratch.with(Arc::make_mut(func), |func| f(*id, func, &mut Cx::new(shared, work)));
    });
    let mut found = SmallVec::new();
    for (id, func, said) in taken {
        module.funcs[id.index()] = Some(func);
        if said {
            found.push(id);
        }
    }
    found
}

/// Fewer instructions, with callees expanded if they may.
fn shrink(func: &mut Func, cx: &mut Cx<'_>, allowed: Option<&dyn Fn(FuncId) -> bool>) {
    compact::unshare(func, &mut cx.work.compact);
    simplify_cfg::run(func, cx);
    if let Some(allowed) = allowed
        && inline::run(func, cx, allowed)
    {
        simplify_cfg::run(func, cx);
    }
    sroa::run(func, cx);
    values(func, cx);
    // Addresses that were computed may turn out to be those of slots, whose values are then known.
    if sroa::run(func, cx) {
        values(func, cx);
    }
}

/// What is computed, by whom and for whom.
fn values(func: &mut Func, cx: &mut Cx<'_>) {
    cx.work.find_tree();
    single::run(func, cx);
    gvn::run(func, cx);
    dce::run(func, cx);
    simplify_cfg::run(func, cx);
}

/// The last touches.
fn finish(func: &mut Func, cx: &mut Cx<'_>) {
    loops::run(func, cx);
    coalesce::run(func, cx);
    compact::compact(func, cx);
}
