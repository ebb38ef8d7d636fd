//! `t = …; v = copy t` becomes `v = …`: results go straight to the `var` that they are meant for.
//!
//! Done last: what was a temporary is then part of a `var`, of which other passes know less.

use super::{Cx, Work};
use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;
/// Assignment, copy and uses further apart than this are left alone.
const WINDOW: usize = 64;

/// Room for the pass.
#[derive(Default)]
pub(super) struct Room {
    /// How often each register is read.
    uses: Vec<u32>,
    seen: Vec<Seen>,
}

/// What happened to a register in the current block.
#[derive(Clone, Copy)]
struct Seen {
    block: u32,
    /// Where it was assigned last.
    def: u32,
    /// Where it was read last.
    read: u32,
    /// How often it was read.
    reads: u32,
}

/// Coalesces within each block.
pub fn run(func: &mut Func, cx: &mut Cx<'_>) {
    let any = func.regs.iter().any(|reg| reg.mutable)
        && func.all_insts().any(|inst| candidate(func, inst).is_some());
    if !any {
        return;
    }
    let Work { dead, coalesce: Room { uses, seen }, .. } = &mut *cx.work;
    uses.clear();
    uses.resize(func.regs.len(), 0);
    let mut count = |operand: Operand| {
        if let Some(reg) = operand.as_reg() {
            uses[reg.index()] += 1;
        }
    };
    for block in &func.blocks {
        func.code[block.range()].iter().for_each(|inst| inst.uses(&func.pool, &mut count));
        block.term.uses(&func.pool, &mut count);
    }
    seen.clear();
    seen.resize(func.regs.len(), Seen { block: NONE, def: NONE, read: NONE, reads: 0 });
    for id in (0..func.blocks.len() as u32).map(BlockId) {
        if func.insts(id).iter().any(|inst| candidate(func, inst).is_some()) {
            block(func, id, uses, seen, dead);
        }
    }
}

/// The `var` and the temporary of a copy that may go.
fn candidate(func: &Func, inst: &Inst) -> Option<(Reg, Reg)> {
    let Inst::Copy { dst: var, src } = *inst else { return None };
    let temp = src.as_reg()?;
    let fits = func.regs[var.index()].mutable
        && !func.regs[temp.index()].mutable
        && temp.index() >= func.sig.params.len();
    fits.then_some((var, temp))
}

fn block(func: &mut Func, id: BlockId, uses: &[u32], seen: &mut [Seen], dead: &mut Vec<bool>) {
    let range = func.blocks[id.index()].range();
    dead.clear();
    dead.resize(range.len(), false);
    let here = |seen: &mut [Seen], reg: Reg| -> usize {
        if seen[reg.index()].block != id.0 {
            seen[reg.index()] = Seen { block: id.0, def: NONE, read: NONE, reads: 0 };
        }
        reg.index()
    };
    let mut any = false;
    for i in range.clone() {
        let inst = func.code[i];
        inst.uses(&func.pool, |operand| {
            if let Some(reg) = operand.as_reg() {
                let at = here(seen, reg);
                seen[at].read = i as u32;
                seen[at].reads += 1;
            }
        });
        if let Some((var, temp)) = candidate(func, &inst) {
            here(seen, var);
            let found = (seen[var.index()], seen[temp.index()]);
            let rest = uses[temp.index()] - found.1.reads;
            if let Some(end) = reach(func, id, i, (var, temp), found, rest) {
                rename(func, id, found.1.def as usize..end, temp, var);
                dead[i - range.start] = true;
                any = true;
                seen[var.index()].read = i as u32;
            }
        }
        inst.defs(&func.pool, |reg| {
            let at = here(seen, reg);
            seen[at].def = i as u32;
        });
    }
    if any {
        func.remove(id, dead);
    }
}

/// How far the `var` can stand for the temporary: the end of the instructions in which all its reads are, one
/// more than there are when the block's end reads it. None when it can't.
fn reach(
    func: &Func,
    id: BlockId,
    at: usize,
    (var, temp): (Reg, Reg),
    (var_seen, temp_seen): (Seen, Seen),
    mut rest: u32,
) -> Option<usize> {
    let def = temp_seen.def;
    let untouched = |place: u32, first: u32| place == NONE || place < first;
    // What assigns the temporary may read the `var`, but nothing in between may name it.
    let free = def != NONE && untouched(var_seen.def, def) && untouched(var_seen.read, def + 1);
    if !free || at - def as usize > WINDOW {
        return None;
    }
    let mut count = |operand: Operand| rest -= (operand == temp.into()) as u32;
    let block = &func.blocks[id.index()];
    let mut end = at;
    for inst in func.code[at + 1..block.end as usize].iter().take(WINDOW) {
        end += 1;
        inst.uses(&func.pool, &mut count);
        let mut assigned = false;
        inst.defs(&func.pool, |reg| assigned |= reg == var);
        if assigned {
            return (rest == 0).then_some(end + 1);
        }
    }
    if end + 1 == block.end as usize {
        block.term.uses(&func.pool, count);
        end += 1;
    }
    (rest == 0).then_some(end + 1)
}

/// Names the `var` instead of the temporary; a range one longer than the block includes its end.
fn rename(func: &mut Func, id: BlockId, range: std::ops::Range<usize>, temp: Reg, var: Reg) {
    let operand = |operand: Operand| if operand == temp.into() { var.into() } else { operand };
    let block = &mut func.blocks[id.index()];
    let end = range.end.min(block.end as usize);
    for inst in &mut func.code[range.start..end] {
        inst.map_uses(&mut func.pool, operand);
        inst.map_defs(&mut func.pool, |reg| if reg == temp { var } else { reg });
    }
    if range.end > end {
        block.term.map_uses(&mut func.pool, operand);
    }
}

#[cfg(test)]
mod tests {
    use crate::passes::testing::check;

    fn check_body(before: &str, after: &str) {
        let wrap =
            |body: &str| format!("fn0 = func \"f\" (r0: ptr, r1: i64) -> (i64) {{\nvar r2: i64\n{body}\n}}");
        check(super::run, &wrap(before), &wrap(after));
    }

    #[test]
    fn results_go_to_their_var() {
        check_body(
            "b0:
             r2 = copy.i64 0
             jump b1
             b1:
             r3 = add.i64 r2, 1
             nullcheck r0
             r2 = copy.i64 r3
             r4 = cmp.slt.i64 r3, r1
             br r4, b1, b2
             b2:
             r5 = load.i64 [r0]
             r6 = mul.i64 r5, 3
             r2 = copy.i64 r6
             ret r6",
            "temp r3: i64
             temp r6: i64
             b0:
             r2 = copy.i64 0
             jump b1
             b1:
             r2 = add.i64 r2, 1
             nullcheck r0
             r4 = cmp.slt.i64 r2, r1
             br r4, b1, b2
             b2:
             r5 = load.i64 [r0]
             r2 = mul.i64 r5, 3
             ret r2",
        );
    }

    #[test]
    fn what_is_read_elsewhere_stays() {
        for body in [
            // The var is read in between, or assigned.
            "b0:\nr2 = copy.i64 0\nr3 = add.i64 r1, 1\nr4 = add.i64 r2, 1\nr2 = copy.i64 r3\nret r4",
            "b0:\nr3 = add.i64 r1, 1\nr2 = copy.i64 7\nstore.i64 [r0], r3\nr2 = copy.i64 r3\nret r2",
            // The temporary is read in another block.
            "b0:\nr3 = add.i64 r1, 1\nr2 = copy.i64 r3\njump b1\nb1:\nret r3",
            // Or after the var's next assignment.
            "b0:\nr3 = add.i64 r1, 1\nr2 = copy.i64 r3\nr2 = copy.i64 7\nstore.i64 [r0], r2\nret r3",
            // A parameter stays what it is.
            "b0:\nr2 = copy.i64 r1\nr2 = add.i64 r2, r1\nret r2",
        ] {
            check_body(body, body);
        }
    }

    #[test]
    fn results_of_calls_too() {
        check(
            super::run,
            "
            fn0 = declared () -> (i64, i64)
            fn1 = func \"f\" () -> (i64) {
              var r0: i64
              var r1: i64
            b0:
              r2:i64, r3:i64 = call fn0()
              r0 = copy.i64 r2
              r1 = copy.i64 r3
              ret r1
            }",
            "
            fn1 = func \"f\" () -> (i64) {
              var r0: i64
              var r1: i64
              temp r2: i64
              temp r3: i64
            b0:
              r0:i64, r1:i64 = call fn0()
              ret r1
            }",
        );
    }
}
