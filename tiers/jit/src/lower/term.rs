//! How blocks end.

use super::call::in_register;
use super::{Done, Lower};
use crate::abi::MAX_RESULTS;
use crate::compile::Unsupported;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, types};
use cranelift_frontend::Switch;
use sx_ir::{List, Term, TrapKind};

impl Lower<'_, '_> {
    pub(super) fn term(&mut self, term: &Term) -> Done {
        match *term {
            Term::Jump(to) => {
                let to = self.block(to);
                self.b.ins().jump(to, &[]);
            }
            Term::Branch { cond, then, else_ } => {
                let cond = self.get(cond)?;
                let (then, else_) = (self.block(then), self.block(else_));
                self.b.ins().brif(cond, then, &[], else_, &[]);
            }
            Term::Switch { val, ref cases, default, .. } => {
                let mut value = self.get(val)?;
                if self.b.func.dfg.value_type(value) != types::I64 {
                    value = self.b.ins().uextend(types::I64, value);
                }
                let mut switch = Switch::new();
                for &(bits, to) in cases {
                    let to = self.block(to);
                    switch.set_entry(bits as u128, to);
                }
                let default = self.block(default);
                switch.emit(&mut self.b, value, default);
            }
            Term::Return(list) => self.ret(list)?,
            Term::Trap(kind, operands) => {
                let operands = self.src.func.list(operands).to_vec();
                let mut values = Vec::with_capacity(operands.len());
                for operand in operands {
                    let value = self.get(operand)?;
                    if self.b.func.dfg.value_type(value) != types::I64 {
                        return Err(Unsupported::Malformed("a trap's operand isn't a word"));
                    }
                    values.push(value);
                }
                self.trap(kind, false, &values);
            }
            Term::Unreachable => self.trap(TrapKind::Unreachable, false, &[]),
        }
        Ok(())
    }
    fn ret(&mut self, list: List) -> Done {
        let list = self.src.func.list(list);
        if list.len() != self.sig().rets.len() || list.len() > MAX_RESULTS {
            return Err(Unsupported::Malformed("results that the signature doesn't have"));
        }
        let mut direct = Vec::new();
        for (index, &operand) in list.iter().enumerate() {
            let value = self.get(operand)?;
            match in_register(index) {
                None => direct.push(value),
                Some(word) => {
                    let offset = self.src.config.abi.offsets.results + word;
                    self.b.ins().store(MemFlagsData::trusted(), value, self.rt, offset);
                }
            }
        }
        self.give_frame();
        self.b.ins().return_(&direct);
        Ok(())
    }
}
