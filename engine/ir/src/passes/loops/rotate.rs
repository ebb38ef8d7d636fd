//! A loop that jumps back to a small test gets the test at its end, too: one jump less each round.

use crate::cfg::{Cfg, DomTree};
use crate::func::*;
use crate::ids::*;
use rustc_hash::FxHashMap;

/// Headers of more instructions aren't copied.
const MAX_HEADER: usize = 6;
/// Nor for more jumps back than this.
const MAX_LATCHES: usize = 3;

/// Copies the tests of all loops that begin with a small one; true when there were any.
pub(super) fn run(func: &mut Func, cfg: &Cfg, tree: &DomTree, headers: &[BlockId]) -> bool {
    let mut uses: Option<Vec<u32>> = None;
    for &header in headers {
        let block = &func.blocks[header.index()];
        if block.len() > MAX_HEADER || !matches!(block.term, Term::Branch { .. }) {
            continue;
        }
        let latches: Vec<BlockId> = cfg
            .preds(header)
            .iter()
            .copied()
            .filter(|&pred| {
                pred != header
                    && tree.dominates(header, pred)
                    && matches!(func.blocks[pred.index()].term, Term::Jump(to) if to == header)
            })
            .collect();
        if latches.is_empty() || latches.len() > MAX_LATCHES {
            continue;
        }
        let uses = uses.get_or_insert_with(|| count(func, func.blocks.iter()));
        let shared = share(func, header, uses);
        for latch in latches {
            copy_test(func, header, latch, &shared);
        }
    }
    uses.is_some()
}

/// How often each register is read in some blocks.
fn count<'a>(func: &Func, blocks: impl Iterator<Item = &'a Block>) -> Vec<u32> {
    let mut uses = vec![0u32; func.regs.len()];
    let mut read = |operand: Operand| {
        if let Some(reg) = operand.as_reg() {
            uses[reg.index()] += 1;
        }
    };
    for block in blocks {
        func.code[block.range()].iter().for_each(|inst| inst.uses(&func.pool, &mut read));
        block.term.uses(&func.pool, &mut read);
    }
    uses
}

/// Temporaries of the header that others read become `var`, as they will be assigned in two places. The rest,
/// named in the result, can have a fresh one in each.
fn share(func: &mut Func, header: BlockId, uses: &[u32]) -> Vec<Reg> {
    let inside = count(func, std::iter::once(&func.blocks[header.index()]));
    let mut own = Vec::new();
    let Func { code, pool, regs, blocks, .. } = func;
    for inst in &code[blocks[header.index()].range()] {
        inst.defs(pool, |reg| {
            let info = &mut regs[reg.index()];
            if info.mutable {
                return;
            }
            // Registers that came after the count belong to copies of other headers, and are read there only.
            if uses.get(reg.index()).is_none_or(|&uses| uses == inside[reg.index()]) {
                own.push(reg);
            } else {
                info.mutable = true;
            }
        });
    }
    own
}

fn copy_test(func: &mut Func, header: BlockId, latch: BlockId, own: &[Reg]) {
    let mut fresh = FxHashMap::default();
    for &reg in own {
        fresh.insert(reg, Reg(func.regs.len() as u32));
        func.regs.push(RegInfo { ty: func.regs[reg.index()].ty, mutable: false });
    }
    let map = |reg: Reg| fresh.get(&reg).copied().unwrap_or(reg);
    let operand = |operand: Operand| operand.as_reg().map_or(operand, |reg| map(reg).into());
    let Block { mut term, term_loc, .. } = func.blocks[header.index()].clone();
    for at in func.blocks[header.index()].range() {
        let (mut inst, loc) = (func.code[at], func.code_locs[at]);
        if let Inst::Call { args, rets, .. } = &mut inst {
            for list in [args, rets] {
                let start = func.pool.len() as u32;
                func.pool.extend_from_within(list.start as usize..(list.start + list.len) as usize);
                list.start = start;
            }
        }
        inst.map_uses(&mut func.pool, operand);
        inst.map_defs(&mut func.pool, map);
        func.append(latch, inst, loc);
    }
    term.map_uses(&mut func.pool, operand);
    let to = &mut func.blocks[latch.index()];
    to.term = term;
    to.term_loc = term_loc;
}
