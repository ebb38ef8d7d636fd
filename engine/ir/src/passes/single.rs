//! `var` registers that are assigned once, before every use, become temporaries: their value then holds
//! everywhere, not only within a region.

use super::{Cx, Work};
use crate::func::*;
use crate::ids::*;

/// Where a register is assigned, as far as the walk has come.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Def {
    None,
    /// In this block only.
    One(BlockId),
    /// More than once, or behind a use.
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
    // An assignment that dominates a use comes before it in this order, too.
    for &id in &cfg.rpo {
        let block = &func.blocks[id.index()];
        let read = |defs: &mut [Def], operand: Operand| {
            let Some(reg) = operand.as_reg() else { return };
            let def = &mut defs[reg.index()];
            let before = match *def {
                Def::One(home) => home == id || tree.dominates(home, id),
                Def::None | Def::No => false,
            };
            if !before {
                *def = Def::No;
            }
        };
        for inst in &func.code[block.range()] {
            inst.uses(&func.pool, |operand| read(defs, operand));
            inst.defs(&func.pool, |reg| {
                let def = &mut defs[reg.index()];
                *def = if *def == Def::None { Def::One(id) } else { Def::No };
            });
        }
        block.term.uses(&func.pool, |operand| read(defs, operand));
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
