//! Which `var` registers are read again before they are assigned.

use crate::cfg::Cfg;
use crate::func::*;
use crate::ids::*;

const NONE: u32 = u32::MAX;
/// Sets of more bits than this aren't computed: every `var` then counts as live everywhere.
const MAX_BITS: usize = 1 << 22;

/// The `var` registers live at the end of each block.
#[derive(Default)]
pub struct LiveVars {
    /// The registers that are live at the end of some block, perhaps.
    vars: Vec<Reg>,
    words: usize,
    /// Of each block the set of its live `vars`; empty when they were too many.
    live_out: Vec<u64>,
    /// Of each block what it reads before it assigns it; then, what is live at its start.
    live_in: Vec<u64>,
    /// Of each block what it assigns.
    assigns: Vec<u64>,
    /// Each register's place among `vars`.
    index: Vec<u32>,
    /// The block that each register was seen to be assigned in last.
    assigned_in: Vec<u32>,
}

impl LiveVars {
    /// Computes the sets of the reachable blocks.
    pub fn compute(&mut self, func: &Func, cfg: &Cfg) {
        self.find_vars(func, cfg);
        self.words = self.vars.len().div_ceil(64);
        let words = self.words;
        let n = func.blocks.len();
        self.live_out.clear();
        if words * 64 * n > MAX_BITS {
            return;
        }
        // Nothing is read after the only block.
        if n == 1 {
            self.live_out.resize(words, 0);
            return;
        }
        let LiveVars { live_in, assigns, index, .. } = self;
        for sets in [&mut *live_in, &mut *assigns, &mut self.live_out] {
            sets.clear();
            sets.resize(words * n, 0);
        }
        if words == 0 {
            return;
        }
        if words == 1 {
            for &block in &cfg.rpo {
                (live_in[block.index()], assigns[block.index()]) = reads_of_block(func, index, block);
            }
            return self.spread(func, cfg);
        }
        for &block in &cfg.rpo {
            let base = block.index() * words;
            let (reads, assigns) = (&mut live_in[base..base + words], &mut assigns[base..base + words]);
            let mut read = |assigns: &[u64], operand: Operand| {
                let Some(i) = operand.as_reg().map(|reg| index[reg.index()]).filter(|&i| i != NONE) else {
                    return;
                };
                let (word, bit) = (i as usize / 64, 1 << (i % 64));
                if assigns[word] & bit == 0 {
                    reads[word] |= bit;
                }
            };
            for inst in func.insts(block) {
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
        self.spread(func, cfg);
    }

    /// Carries what is read against the order of the code until nothing changes.
    fn spread(&mut self, func: &Func, cfg: &Cfg) {
        let words = self.words;
        let mut changed = true;
        while changed {
            changed = false;
            if words == 1 {
                for &block in cfg.rpo.iter().rev() {
                    let mut out = 0;
                    func.blocks[block.index()].term.successors(|to| out |= self.live_in[to.index()]);
                    let at = block.index();
                    self.live_out[at] = out;
                    let new = self.live_in[at] | (out & !self.assigns[at]);
                    changed |= new != self.live_in[at];
                    self.live_in[at] = new;
                }
                changed &= cfg.has_cycle();
                continue;
            }
            for &block in cfg.rpo.iter().rev() {
                let base = block.index() * words;
                func.blocks[block.index()].term.successors(|to| {
                    for word in 0..words {
                        self.live_out[base + word] |= self.live_in[to.index() * words + word];
                    }
                });
                for at in base..base + words {
                    let new = self.live_in[at] | (self.live_out[at] & !self.assigns[at]);
                    changed |= new != self.live_in[at];
                    self.live_in[at] = new;
                }
            }
            // Without a cycle every block came after those that it leads to.
            changed &= cfg.has_cycle();
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

    /// Numbers the `var` registers: all of them, or if they are many those that some block reads before it assigns
    /// them.
    fn find_vars(&mut self, func: &Func, cfg: &Cfg) {
        let LiveVars { vars, index, assigned_in, .. } = self;
        vars.clear();
        index.clear();
        index.resize(func.regs.len(), NONE);
        let all = || func.regs.iter().enumerate().filter(|(_, info)| info.mutable);
        if all().take(65).count() <= 64 {
            for (i, _) in all() {
                index[i] = vars.len() as u32;
                vars.push(Reg(i as u32));
            }
            return;
        }
        assigned_in.clear();
        assigned_in.resize(func.regs.len(), NONE);
        for &block in &cfg.rpo {
            let mut read = |assigned_in: &[u32], operand: Operand| {
                let Some(reg) = operand.as_reg() else { return };
                let i = reg.index();
                if func.regs[i].mutable && index[i] == NONE && assigned_in[i] != block.0 {
                    index[i] = vars.len() as u32;
                    vars.push(reg);
                }
            };
            for inst in func.insts(block) {
                inst.uses(&func.pool, |operand| read(assigned_in, operand));
                inst.defs(&func.pool, |reg| assigned_in[reg.index()] = block.0);
            }
            func.blocks[block.index()].term.uses(&func.pool, |operand| read(assigned_in, operand));
        }
    }
}

/// What a block reads before it assigns it, and what it assigns, of at most 64 `var` registers.
fn reads_of_block(func: &Func, index: &[u32], block: BlockId) -> (u64, u64) {
    // A register that isn't among them has no bit.
    let bit = |reg: Reg| 1u64.checked_shl(index[reg.index()]).unwrap_or(0);
    let (mut reads, mut assigns) = (0, 0);
    for inst in func.insts(block) {
        inst.uses(&func.pool, |operand| {
            if let Some(reg) = operand.as_reg() {
                reads |= bit(reg) & !assigns;
            }
        });
        inst.defs(&func.pool, |reg| assigns |= bit(reg));
    }
    func.blocks[block.index()].term.uses(&func.pool, |operand| {
        if let Some(reg) = operand.as_reg() {
            reads |= bit(reg) & !assigns;
        }
    });
    (reads, assigns)
}
