//! Which `var` registers are read again before they are assigned.

use crate::cfg::Cfg;
use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;
/// Sets of more bits than this aren't computed: every `var` then counts as live everywhere.
const MAX_BITS: usize = 1 << 22;

/// The `var` registers live at the end of each block.
pub struct LiveVars {
    /// The registers that are live at the end of some block, perhaps.
    vars: Vec<Reg>,
    words: usize,
    /// Of each block the set of its live `vars`; empty when they were too many.
    live_out: Vec<u64>,
}

impl LiveVars {
    /// Computes the sets of the reachable blocks.
    pub fn new(func: &Func, cfg: &Cfg) -> LiveVars {
        let (vars, index) = across_blocks(func, cfg);
        let words = vars.len().div_ceil(64);
        let mut live = LiveVars { vars, words, live_out: Vec::new() };
        let n = func.blocks.len();
        if words * 64 * n > MAX_BITS {
            return live;
        }
        // What a block reads before it assigns, and what it assigns.
        let mut reads = vec![0u64; words * n];
        let mut assigns = vec![0u64; words * n];
        for &block in &cfg.rpo {
            let base = block.index() * words;
            let (reads, assigns) = (&mut reads[base..base + words], &mut assigns[base..base + words]);
            let mut read = |assigns: &[u64], operand: Operand| {
                let Some(i) = operand.as_reg().map(|reg| index[reg.index()]).filter(|&i| i != NONE) else {
                    return;
                };
                let (word, bit) = (i as usize / 64, 1 << (i % 64));
                if assigns[word] & bit == 0 {
                    reads[word] |= bit;
                }
            };
            for inst in &func.blocks[block.index()].insts {
                inst.uses(&func.pool, |operand| read(assigns, operand));
                inst.defs(&func.pool, |reg| {
                    let i = index[reg.index()];
                    if i != NONE {
                        assigns[i as usize / 64] |= 1 << (i % 64);
                    }
                });
            }
            func.blocks[block.index()].term.uses(&func.pool, |operand| read(assigns, operand));
        }
        live.live_out = vec![0; words * n];
        live.spread(func, cfg, reads, &assigns);
        live
    }

    /// Carries what is read against the order of the code until nothing changes; `live_in` begins with what
    /// each block reads itself.
    fn spread(&mut self, func: &Func, cfg: &Cfg, mut live_in: Vec<u64>, assigns: &[u64]) {
        let words = self.words;
        let mut changed = true;
        while changed {
            changed = false;
            for &block in cfg.rpo.iter().rev() {
                let base = block.index() * words;
                func.blocks[block.index()].term.successors(|to| {
                    for word in 0..words {
                        self.live_out[base + word] |= live_in[to.index() * words + word];
                    }
                });
                for at in base..base + words {
                    let new = live_in[at] | (self.live_out[at] & !assigns[at]);
                    changed |= new != live_in[at];
                    live_in[at] = new;
                }
            }
        }
    }

    /// Every `var` that may be read after the block.
    pub fn for_each_out(&self, block: BlockId, mut f: impl FnMut(Reg)) {
        if self.live_out.is_empty() {
            return self.vars.iter().copied().for_each(f);
        }
        let base = block.index() * self.words;
        for word in 0..self.words {
            let mut bits = self.live_out[base + word];
            while bits != 0 {
                f(self.vars[word * 64 + bits.trailing_zeros() as usize]);
                bits &= bits - 1;
            }
        }
    }
}

/// The `var` registers that some block reads before it assigns them, and each register's place among them.
fn across_blocks(func: &Func, cfg: &Cfg) -> (Vec<Reg>, Vec<u32>) {
    let mut vars = Vec::new();
    let mut index = vec![NONE; func.regs.len()];
    let mut assigned_in = vec![NONE; func.regs.len()];
    for &block in &cfg.rpo {
        let mut read = |assigned_in: &[u32], operand: Operand| {
            let Some(reg) = operand.as_reg() else { return };
            let i = reg.index();
            if func.regs[i].mutable && index[i] == NONE && assigned_in[i] != block.0 {
                index[i] = vars.len() as u32;
                vars.push(reg);
            }
        };
        for inst in &func.blocks[block.index()].insts {
            inst.uses(&func.pool, |operand| read(&assigned_in, operand));
            inst.defs(&func.pool, |reg| assigned_in[reg.index()] = block.0);
        }
        func.blocks[block.index()].term.uses(&func.pool, |operand| read(&assigned_in, operand));
    }
    (vars, index)
}
