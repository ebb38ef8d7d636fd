//! The order in which functions are optimised: callees before their callers, as far as there is no recursion.

use crate::func::*;
use crate::ids::*;
use crate::module::Module;

/// The functions of `ids` that have bodies, each once.
pub fn bottom_up(module: &Module, ids: &[FuncId]) -> Vec<FuncId> {
    let mut waiting = vec![false; module.funcs.len()];
    for id in ids {
        if module.func(*id).is_some() {
            waiting[id.index()] = true;
        }
    }
    let mut order = Vec::with_capacity(ids.len());
    // A stack of functions on the way, each with the callees that are left.
    let mut stack: Vec<(FuncId, Vec<FuncId>)> = Vec::new();
    for &root in ids {
        if !waiting.get(root.index()).copied().unwrap_or(false) {
            continue;
        }
        waiting[root.index()] = false;
        stack.push((root, callees(module, root)));
        while let Some((id, left)) = stack.last_mut() {
            let Some(callee) = left.pop() else {
                order.push(*id);
                stack.pop();
                continue;
            };
            if waiting.get(callee.index()).copied().unwrap_or(false) {
                waiting[callee.index()] = false;
                stack.push((callee, callees(module, callee)));
            }
        }
    }
    order
}

/// The functions that a function calls by name.
fn callees(module: &Module, id: FuncId) -> Vec<FuncId> {
    let Some(func) = module.func(id) else { return Vec::new() };
    let mut callees: Vec<FuncId> = func
        .all_insts()
        .filter_map(|inst| match inst {
            Inst::Call { callee: Callee::Func(id), .. } => Some(*id),
            _ => None,
        })
        .collect();
    callees.sort_unstable();
    callees.dedup();
    callees
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
        assert_eq!(bottom_up(&module, &ids), [2, 1, 0, 4].map(FuncId));
        assert_eq!(bottom_up(&module, &[FuncId(0), FuncId(0), FuncId(99)]), [FuncId(0)]);
    }
}
