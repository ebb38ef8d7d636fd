//! `var` registers that are assigned once, before every use, become temporaries: their value then holds
//! everywhere, not only within a region.

use super::{Cx, Work};
use crate::func::*;
use crate::ids::*;

/// Where a register is assigned, as far as the walk has come.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Def {
    None,
    /// Here only: block, and place in the code.
    One(BlockId, u32),
    No,
}

/// Turns what can be turned in a function all of whose blocks are reachable.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) {
    if !func.regs.iter().any(|reg| reg.mutable) {
        return;
    }
    let Work { cfg, tree, single: defs, .. } = &mut *cx.work;
    defs.clear();
    defs.resize(func.regs.len(), Def::None);
    for &id in &cfg.rpo {
        for at in func.blocks[id.index()].range() {
            func.code[at].defs(&func.pool, |reg| {
                let def = &mut defs[reg.index()];
                *def = if *def == Def::None { Def::One(id, at as u32) } else { Def::No };
            });
        }
    }
    for &id in &cfg.rpo {
        let block = &func.blocks[id.index()];
        let mut read = |operand: Operand, at: usize| {
            let Some(reg) = operand.as_reg() else { return };
            let def = &mut defs[reg.index()];
            let Def::One(home, index) = *def else { return };
            let before = if home == id { (index as usize) < at } else { tree.dominates(home, id) };
            if !before {
                *def = Def::No;
            }
        };
        for at in block.range() {
            func.code[at].uses(&func.pool, |operand| read(operand, at));
        }
        block.term.uses(&func.pool, |operand| read(operand, block.end as usize));
    }
    for (info, def) in func.regs.iter_mut().zip(&*defs) {
        if info.mutable && matches!(def, Def::One(..)) {
            info.mutable = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::passes::testing::check;

    #[test]
    fn one_assignment_before_all_uses() {
        check(
            |func, cx| {
                cx.find_shape(func);
                super::run(func, cx);
            },
            "
            fn0 = func \"f\" (r0: i64, r1: i8) -> (i64) {
              var r2: i64
              var r3: i64
              var r4: i64
              var r5: i64
            b0:
              r2 = copy.i64 r0
              jump b1
            b1:
              r3 = add.i64 r2, 1
              r6 = add.i64 r4, r3
              br r1, b2, b3
            b2:
              r4 = copy.i64 r6
              r5 = copy.i64 r6
              jump b1
            b3:
              ret r5
            }",
            "
            fn0 = func \"f\" (r0: i64, r1: i8) -> (i64) {
              var r4: i64
              var r5: i64
            b0:
              r2 = copy.i64 r0
              jump b1
            b1:
              r3 = add.i64 r2, 1
              r6 = add.i64 r4, r3
              br r1, b2, b3
            b2:
              r4 = copy.i64 r6
              r5 = copy.i64 r6
              jump b1
            b3:
              ret r5
            }",
        );
    }
}
