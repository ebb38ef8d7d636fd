//! Temporaries are assigned once, before every use; parameters never.

use super::*;

/// Where a temporary is assigned: block and instruction; a parameter before all.
#[derive(Clone, Copy)]
enum Def {
    Never,
    Param,
    At(BlockId, u32),
}

impl Verifier<'_> {
    pub(super) fn flow(&mut self, cfg: &Cfg, tree: &DomTree) {
        if !cfg.preds(BlockId(0)).is_empty() {
            self.at = (Some(BlockId(0)), None);
            self.error("the entry block has a predecessor");
        }
        let func = self.func;
        let defs = self.collect_defs();
        for (i, block) in func.blocks.iter().enumerate() {
            let id = BlockId(i as u32);
            // What can't run reads nothing.
            if !cfg.is_reachable(id) {
                continue;
            }
            for (j, inst) in func.code[block.range()].iter().enumerate() {
                self.at = (Some(id), Some(j));
                inst.uses(&func.pool, |operand| self.check_use(&defs, tree, cfg, operand, id, j));
            }
            self.at = (Some(id), None);
            block.term.uses(&func.pool, |operand| {
                self.check_use(&defs, tree, cfg, operand, id, block.len());
            });
        }
        self.at = (None, None);
    }

    fn collect_defs(&mut self) -> Vec<Def> {
        let func = self.func;
        let mut defs = vec![Def::Never; func.regs.len()];
        defs[..func.sig.params.len()].fill(Def::Param);
        for (i, block) in func.blocks.iter().enumerate() {
            for (j, inst) in func.code[block.range()].iter().enumerate() {
                let id = BlockId(i as u32);
                self.at = (Some(id), Some(j));
                inst.defs(&func.pool, |reg| {
                    let def = &mut defs[reg.index()];
                    match *def {
                        Def::Param => self.error(format!("parameter {reg} is assigned")),
                        Def::At(first, at) if !func.regs[reg.index()].mutable => {
                            self.error(format!("temporary {reg} is assigned again after {first} #{at}"));
                        }
                        Def::Never | Def::At(..) => *def = Def::At(id, j as u32),
                    }
                });
            }
        }
        defs
    }

    fn check_use(
        &mut self,
        defs: &[Def],
        tree: &DomTree,
        cfg: &Cfg,
        operand: Operand,
        block: BlockId,
        at: usize,
    ) {
        let Some(reg) = operand.as_reg() else { return };
        // Reading a `var` early gives unspecified bits, as the language has it for `---`.
        if self.func.regs[reg.index()].mutable {
            return;
        }
        match defs[reg.index()] {
            Def::Param => {}
            Def::Never => self.error(format!("{reg} is read but never assigned")),
            Def::At(home, index) => {
                let before = if home == block {
                    (index as usize) < at
                } else {
                    cfg.is_reachable(home) && tree.dominates(home, block)
                };
                if !before {
                    self.error(format!("{reg} is read where its assignment at {home} #{index} isn't sure"));
                }
            }
        }
    }
}
