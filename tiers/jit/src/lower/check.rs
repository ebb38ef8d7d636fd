//! Traps, checks, polls, the prologue.

use super::{Done, Lower, MAX_FRAME, NEVER};
use crate::abi::{NOTED, STACK_RESERVE, UNSIGNED, trap_code};
use crate::compile::Unsupported;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, MemFlagsData, Value, types};
use cranelift_codegen::isa::CallConv;
use sx_ir::{ErrTrace, Inst, Operand, TrapKind};

impl Lower<'_, '_> {
    /// Calls a helper with the values as they are. Those that want the record are given it by the caller.
    pub(super) fn helper(&mut self, address: usize, args: &[Value], ret: Option<ir::Type>) -> Done<Value> {
        let params: Vec<ir::Type> = args.iter().map(|&arg| self.b.func.dfg.value_type(arg)).collect();
        let isa = self.src.isa;
        let b = &mut self.b;
        let sig = *self.helper_sigs.entry((params, ret)).or_insert_with_key(|(params, ret)| {
            let mut sig = ir::Signature::new(isa.default_call_conv());
            sig.params.extend(params.iter().map(|&ty| ir::AbiParam::new(ty)));
            sig.returns.extend(ret.map(ir::AbiParam::new));
            b.import_signature(sig)
        });
        let callee = self.int(types::I64, address as u64);
        let call = self.b.ins().call_indirect(sig, callee, args);
        // Without a result the caller has no use for a value; the record stands in its place.
        Ok(self.b.inst_results(call).first().copied().unwrap_or(self.rt))
    }
    /// Ends the block: leaves with a trap.
    pub(super) fn leave(&mut self, code: Value, operands: &[Value]) {
        let helpers = self.src.config.abi.helpers;
        let mut args = vec![self.rt, code];
        let address = if operands.is_empty() { helpers.leave_plain } else { helpers.leave };
        if !operands.is_empty() {
            for index in 0..3 {
                let operand = operands.get(index).copied();
                args.push(operand.unwrap_or_else(|| self.int(types::I64, 0)));
            }
        }
        // Helpers without a result can't fail to be called.
        let _ = self.helper(address, &args, None);
        self.b.ins().trap(NEVER);
    }
    pub(super) fn trap(&mut self, kind: TrapKind, unsigned: bool, operands: &[Value]) {
        let code = trap_code(kind) | if unsigned { UNSIGNED } else { 0 };
        let code = self.int(types::I32, code as u64);
        self.leave(code, operands);
    }
    /// Goes on in a new block if the value isn't 0; otherwise `cold` ends a block far away.
    pub(super) fn unless(&mut self, cond: Value, cold: impl FnOnce(&mut Self)) {
        let (on, off) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(off);
        self.b.ins().brif(cond, on, &[], off, &[]);
        self.b.switch_to_block(off);
        self.b.seal_block(off);
        cold(self);
        self.b.switch_to_block(on);
        self.b.seal_block(on);
    }
    /// Traps unless the value is other than 0.
    pub(super) fn trap_unless(&mut self, cond: Value, kind: TrapKind, unsigned: bool, operands: &[Value]) {
        self.unless(cond, |lower| lower.trap(kind, unsigned, operands));
    }
    /// Leaves when a helper returned other than 0: it has noted why.
    pub(super) fn leave_if_noted(&mut self, result: Value) {
        let zero = self.int(types::I32, 0);
        let fine = self.b.ins().icmp(IntCC::Equal, result, zero);
        self.unless(fine, |lower| {
            let code = lower.int(types::I32, NOTED as u64);
            lower.leave(code, &[]);
        });
    }
    /// The constant behind a value, if it is one.
    pub(super) fn constant_of(&self, value: Value) -> Option<u64> {
        let dfg = &self.b.func.dfg;
        let inst = dfg.value_def(dfg.resolve_aliases(value)).inst()?;
        match dfg.insts[inst] {
            ir::InstructionData::UnaryImm { opcode: ir::Opcode::Iconst, imm } => {
                Some(imm.bits() as u64 & (u64::MAX >> (64 - dfg.value_type(value).bits())))
            }
            _ => None,
        }
    }
    /// The value behind its aliases: what facts are known of.
    fn plain(&self, value: Value) -> Value {
        self.b.func.dfg.resolve_aliases(value)
    }
    fn is_not_negative(&self, value: Value) -> bool {
        self.constant_of(value).is_some_and(|value| value as i64 >= 0) || self.facts.is_not_negative(value)
    }
    pub(super) fn bounds(&mut self, index: Operand, len: Operand, unsigned: bool) -> Done {
        let (index, len) = (self.get(index)?, self.get(len)?);
        let (index, len) = (self.plain(index), self.plain(len));
        let fine = if self.is_not_negative(len) {
            self.b.ins().icmp(IntCC::UnsignedLessThan, index, len)
        } else if self.is_not_negative(index) {
            self.b.ins().icmp(IntCC::SignedLessThan, index, len)
        } else {
            let below = self.b.ins().icmp(IntCC::UnsignedLessThan, index, len);
            let zero = self.int(types::I64, 0);
            let is_length = self.b.ins().icmp(IntCC::SignedGreaterThanOrEqual, len, zero);
            self.b.ins().band(below, is_length)
        };
        self.trap_unless(fine, TrapKind::IndexOutOfRange, unsigned, &[index, len]);
        self.facts.not_negative(index);
        self.facts.not_negative(len);
        Ok(())
    }
    pub(super) fn slice_bounds(&mut self, lo: Operand, hi: Operand, len: Operand, unsigned: bool) -> Done {
        let (lo, hi, len) = (self.get(lo)?, self.get(hi)?, self.get(len)?);
        let (lo, hi, len) = (self.plain(lo), self.plain(hi), self.plain(len));
        let zero = self.int(types::I64, 0);
        let order = IntCC::SignedLessThanOrEqual;
        let first = self.b.ins().icmp(order, zero, lo);
        let second = self.b.ins().icmp(order, lo, hi);
        let third = self.b.ins().icmp(order, hi, len);
        let both = self.b.ins().band(first, second);
        let fine = self.b.ins().band(both, third);
        self.trap_unless(fine, TrapKind::SliceOutOfRange, unsigned, &[lo, hi, len]);
        self.facts.ordered(hi, lo);
        self.facts.ordered(len, hi);
        Ok(())
    }
    /// A word of the execution's record.
    pub(super) fn record(&mut self, offset: i32) -> Value {
        self.b.ins().load(types::I64, MemFlagsData::trusted(), self.rt, offset)
    }
    /// Asks a helper unless the value is other than 0. Goes on in the block given, or in a new one, if it comes back.
    fn ask_unless(&mut self, cond: Value, helper: usize, again: Option<Block>) {
        let (on, off) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(off);
        self.b.ins().brif(cond, on, &[], off, &[]);
        self.b.switch_to_block(off);
        self.b.seal_block(off);
        let asking = match self.asking {
            Some(sig) => sig,
            None => {
                // Who is hardly ever called keeps all registers, so that nothing has to be saved on the way past.
                let mut sig = ir::Signature::new(CallConv::PreserveAll);
                sig.params.push(ir::AbiParam::new(types::I64));
                *self.asking.insert(self.b.import_signature(sig))
            }
        };
        let callee = self.int(types::I64, helper as u64);
        self.b.ins().call_indirect(asking, callee, &[self.rt]);
        self.b.ins().jump(again.unwrap_or(on), &[]);
        self.b.switch_to_block(on);
        self.b.seal_block(on);
    }
    /// Counts work, and asks when there is none left.
    fn count(&mut self, helper: usize) {
        if !self.src.config.fuel {
            return;
        }
        let offset = self.src.config.abi.offsets.fuel;
        let (fuel, one) = (self.record(offset), self.int(types::I64, 1));
        let left = self.b.ins().isub(fuel, one);
        self.b.ins().store(MemFlagsData::trusted(), left, self.rt, offset);
        let zero = self.int(types::I64, 0);
        let fine = self.b.ins().icmp(IntCC::SignedGreaterThanOrEqual, left, zero);
        self.ask_unless(fine, helper, None);
    }
    pub(super) fn poll(&mut self) {
        let helper = self.src.config.abi.helpers.poll;
        self.count(helper);
        if self.src.config.polls {
            let guard = self.record(self.src.config.abi.offsets.guard);
            self.ask_unless(guard, helper, None);
        }
    }
    /// Counts the call, and compares the stack pointer with the limit. Small functions that call nobody live in the reserve.
    pub(super) fn prologue(&mut self) -> Done {
        let helper = self.src.config.abi.helpers.no_room;
        let func = self.src.func;
        // What is found here is told of the place where the function begins.
        let first = &func.blocks[0];
        self.at(func.code_locs[first.range()].first().copied().unwrap_or(first.term_loc));
        self.count(helper);
        let slots: u64 = self.b.func.sized_stack_slots.values().map(|slot| slot.size as u64).sum();
        let calls = func.all_insts().any(|inst| matches!(inst, Inst::Call { .. }));
        // What calls nobody and is small lives in the reserve.
        if calls || slots + 8 * func.regs.len() as u64 >= STACK_RESERVE as u64 / 16 {
            // Who was told to go on because a request has been answered still needs room.
            let compare = self.loop_begins();
            let sp = self.b.ins().get_stack_pointer(types::I64);
            let limit = self.record(self.src.config.abi.offsets.stack_limit);
            // The frame is there already. A limit of a request is above every place.
            let fine = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, sp, limit);
            self.ask_unless(fine, helper, Some(compare));
            self.b.seal_block(compare);
        }
        self.take_frame()
    }
    fn loop_begins(&mut self) -> Block {
        let block = self.b.create_block();
        self.b.ins().jump(block, &[]);
        self.b.switch_to_block(block);
        block
    }
    /// Takes a part of the VM stack for large locals.
    fn take_frame(&mut self) -> Done {
        let func = self.src.func;
        if self.far == 0 {
            return Ok(());
        }
        if self.far > MAX_FRAME {
            return Err(Unsupported::Frame);
        }
        let align = func.slots.iter().map(|slot| slot.align).max().unwrap_or(1).max(16) as u64;
        let bytes = self.far.next_multiple_of(16) + (align - 16);
        let again = self.loop_begins();
        let offsets = self.src.config.abi.offsets;
        let (top, limit) = (self.record(offsets.top), self.record(offsets.guard));
        let bytes = self.int(types::I64, bytes);
        let end = self.b.ins().iadd(top, bytes);
        // Sums don't wrap: stacks don't lie at the end of what can be addressed.
        let fine = self.b.ins().icmp(IntCC::UnsignedLessThanOrEqual, end, limit);
        self.ask_unless(fine, self.src.config.abi.helpers.no_frame, Some(again));
        self.b.seal_block(again);
        self.b.ins().store(MemFlagsData::trusted(), end, self.rt, offsets.top);
        let (up, mask) = (self.int(types::I64, align - 1), self.int(types::I64, !(align - 1)));
        let behind = self.b.ins().iadd(top, up);
        self.far_base = Some(self.b.ins().band(behind, mask));
        self.far_top = Some(top);
        Ok(())
    }
    /// Gives it back, before a return.
    pub(super) fn give_frame(&mut self) {
        if let Some(top) = self.far_top {
            self.b.ins().store(MemFlagsData::trusted(), top, self.rt, self.src.config.abi.offsets.top);
        }
    }
    pub(super) fn err_trace(&mut self, what: ErrTrace) {
        let what = match what {
            ErrTrace::Raise => 0,
            ErrTrace::Propagate => 1,
            ErrTrace::Clear => 2,
        };
        let args = [self.rt, self.int(types::I32, what)];
        // Helpers without a result can't fail to be called.
        let _ = self.helper(self.src.config.abi.helpers.err_trace, &args, None);
    }
}
