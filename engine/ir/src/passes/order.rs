//! The order in which functions are optimised: callees before their callers, as far as there is no recursion.

use crate::func::*;
use crate::ids::*;
use crate::module::Module;

/// Functions, each once, callees before their callers.
#[derive(Debug)]
pub struct Order {
    pub funcs: Vec<FuncId>,
    /// Of each of `funcs`: more than that of every callee that stands before it.
    ranks: Vec<u32>,
}

impl Order {
    /// The functions by rank, otherwise in the same order, and where each rank ends. Those of one rank expand no calls
    /// of each other.
    pub fn by_rank(self) -> (Vec<FuncId>, Vec<usize>) {
        let count = self.ranks.iter().max().map_or(0, |&rank| rank as usize + 1);
        let mut ends = vec![0; count];
        self.ranks.iter().for_each(|&rank| ends[rank as usize] += 1);
        let mut end = 0;
        let mut next: Vec<usize> = Vec::with_capacity(count);
        for len in &mut ends {
            next.push(end);
            end += *len;
            *len = end;
        }
        let mut funcs = self.funcs.clone();
        for (&id, &rank) in self.funcs.iter().zip(&self.ranks) {
            let at = &mut next[rank as usize];
            funcs[*at] = id;
            *at += 1;
        }
        (funcs, ends)
    }
}

/// A function on the way.
struct Visit {
    id: FuncId,
    /// Its callees in the list of all that are left.
    first: usize,
    rank: u32,
}

/// Not known yet.
const NONE: u32 = u32::MAX;

/// The functions of `ids` that have bodies.
pub fn bottom_up(module: &Module, ids: &[FuncId]) -> Order {
    let mut waiting = vec![false; module.funcs.len()];
    for id in ids {
        if module.func(*id).is_some() {
            waiting[id.index()] = true;
        }
    }
    let mut order = Order { funcs: Vec::with_capacity(ids.len()), ranks: Vec::with_capacity(ids.len()) };
    let mut ranks = vec![NONE; module.funcs.len()];
    // Functions on the way, and the callees that are left of all of them, those of the last one on top.
    let mut stack: Vec<Visit> = Vec::new();
    let mut left = Vec::new();
    for &root in ids {
        if !waiting.get(root.index()).copied().unwrap_or(false) {
            continue;
        }
        visit(module, root, &mut waiting, &mut stack, &mut left);
        while let Some(top) = stack.last_mut() {
            if left.len() == top.first {
                let Visit { id, rank, .. } = *top;
                ranks[id.index()] = rank;
                order.funcs.push(id);
                order.ranks.push(rank);
                stack.pop();
                if let Some(caller) = stack.last_mut() {
                    caller.rank = caller.rank.max(rank + 1);
                }
                continue;
            }
            let Some(callee) = left.pop() else { continue };
            match ranks.get(callee.index()) {
                Some(&NONE) if waiting[callee.index()] => {
                    visit(module, callee, &mut waiting, &mut stack, &mut left)
                }
                // It isn't one of `ids`, or is on the way: a recursion.
                Some(&NONE) | None => {}
                Some(&rank) => top.rank = top.rank.max(rank + 1),
            }
        }
    }
    order
}

fn visit(module: &Module, id: FuncId, waiting: &mut [bool], stack: &mut Vec<Visit>, left: &mut Vec<FuncId>) {
    waiting[id.index()] = false;
    stack.push(Visit { id, first: left.len(), rank: 0 });
    callees(module, id, left);
}

/// Adds the functions that a function calls by name, each once.
fn callees(module: &Module, id: FuncId, list: &mut Vec<FuncId>) {
    let Some(func) = module.func(id) else { return };
    let first = list.len();
    list.extend(func.all_insts().filter_map(|inst| match inst {
        Inst::Call { callee: Callee::Func(id), .. } => Some(*id),
        _ => None,
    }));
    list[first..].sort_unstable();
    let mut kept = first;
    for i in first..list.len() {
        if i == first || list[i] != list[i - 1] {
            list[kept] = list[i];
            kept += 1;
        }
    }
    list.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callees_come_first() {
        let call = |id: u32, callees: &[u32]| {
            let calls: String = callees.iter().map(|id| format!("call fn{id}()\n")).collect();
            format!("fn{id} = func \"f\" () -> () {{\nb0:\n{calls}ret\n}}\n")
        };
        let text =
            [call(0, &[1, 2]), call(1, &[2, 3, 0]), call(2, &[]), "fn3 = declared\n".into(), call(4, &[4])]
                .concat();
        let module = crate::parse::parse_module(&text).unwrap_or_else(|error| panic!("{error}"));
        let ids: Vec<FuncId> = (0..5).map(FuncId).collect();
        let order = bottom_up(&module, &ids);
        assert_eq!(order.funcs, [2, 1, 0, 4].map(FuncId));
        assert_eq!(order.ranks, [0, 1, 2, 0]);
        assert_eq!(order.by_rank(), ([2, 4, 1, 0].map(FuncId).to_vec(), vec![2, 3, 4]));
        assert_eq!(bottom_up(&module, &[FuncId(0), FuncId(0), FuncId(99)]).funcs, [FuncId(0)]);
        assert_eq!(bottom_up(&module, &[]).by_rank(), (vec![], vec![]));
    }
}
