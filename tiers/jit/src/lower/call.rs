//! Calls, functions as values, and the way in from Rust.

use super::memory::own;
use super::value::scalar;
use super::{Done, Lower};
use crate::abi::{Config, MAX_RESULTS, RESULTS_IN_REGISTERS};
use crate::compile::Unsupported;
use cranelift_codegen::Context;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, AbiParam, InstBuilder, MemFlagsData, Value, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use sx_ir::{Callee, ExternKind, List, Operand, Reg, Sig, SigId, Signature, TrapKind};

/// The machine's signature: the record, then the parameters. See [`crate::abi`].
pub(super) fn native(isa: &dyn TargetIsa, sig: &Signature) -> Done<ir::Signature> {
    if sig.rets.len() > MAX_RESULTS {
        return Err(Unsupported::Malformed("more results than are passed"));
    }
    let mut native = ir::Signature::new(isa.default_call_conv());
    native.params.push(AbiParam::new(types::I64));
    for &ty in &sig.params {
        native.params.push(AbiParam::new(scalar(ty)?));
    }
    for &ty in sig.rets.iter().take(RESULTS_IN_REGISTERS) {
        native.returns.push(AbiParam::new(scalar(ty)?));
    }
    Ok(native)
}

/// Where a result stands among the record's, if it isn't in a register: bytes from the first.
pub(super) fn in_register(index: usize) -> Option<i32> {
    index.checked_sub(RESULTS_IN_REGISTERS).map(|word| word as i32 * 8)
}

/// Makes `(code, rt, arguments, results)` of a signature.
pub(crate) fn trampoline(
    context: &mut Context,
    builder: &mut FunctionBuilderContext,
    config: &Config,
    isa: &dyn TargetIsa,
    sig: &Signature,
) -> Done {
    let native = native(isa, sig)?;
    let mut own_sig = ir::Signature::new(isa.default_call_conv());
    own_sig.params.extend([AbiParam::new(types::I64); 4]);
    context.func.signature = own_sig;
    let mut b = FunctionBuilder::new(&mut context.func, builder);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let params = b.block_params(entry);
    let (code, rt, args, results) = (params[0], params[1], params[2], params[3]);
    let flags = MemFlagsData::trusted();
    let mut values = vec![rt];
    for (index, &ty) in sig.params.iter().enumerate() {
        values.push(b.ins().load(scalar(ty)?, flags, args, index as i32 * 8));
    }
    let native = b.import_signature(native);
    let call = b.ins().call_indirect(native, code, &values);
    let direct = b.inst_results(call).to_vec();
    for (index, &ty) in sig.rets.iter().enumerate() {
        let value = match in_register(index) {
            None => direct[index],
            Some(word) => b.ins().load(scalar(ty)?, flags, rt, config.abi.offsets.results + word),
        };
        b.ins().store(flags, value, results, index as i32 * 8);
    }
    b.ins().return_(&[]);
    b.seal_all_blocks();
    b.finalize(isa.frontend_config());
    Ok(())
}

impl Lower<'_, '_> {
    pub(super) fn call(&mut self, callee: Callee, args: List, rets: List) -> Done {
        let func = self.src.func;
        let (args, rets) = (func.list(args), func.list(rets));
        let module = self.src.module;
        match callee {
            Callee::Func(id) => {
                let sig = module.func_sig(id).ok_or(Unsupported::Signature)?;
                let cell = self.cell(id.0 as u64);
                self.call_cell(sig, cell, args, rets)
            }
            Callee::Value(value, sig) => {
                let Some(Sig::Sx(sig)) = module.sigs.get(sig.index()) else {
                    return Err(Unsupported::Malformed("a function value of C's convention"));
                };
                let value = self.get(value)?;
                let cell = self.checked_cell(value, sig)?;
                self.call_cell(sig, cell, args, rets)
            }
            Callee::Extern(id) => {
                let ext = module.externs.get(id.index()).ok_or(Unsupported::Signature)?;
                if !matches!(ext.kind, ExternKind::Func(_)) {
                    return Err(Unsupported::Malformed("a variable is called"));
                }
                let number = self.int(types::I32, id.0 as u64);
                self.call_out(self.src.config.abi.helpers.call_extern, &[number], args, rets)
            }
            Callee::CPtr(code, sig) => self.call_pointer(code, sig, args, rets),
        }
    }
    /// The address of a function's cell; the table may move between calls.
    fn cell(&mut self, number: u64) -> Value {
        let cells = self.record(self.src.config.abi.offsets.cells);
        let offset = self.int(types::I64, number * self.src.config.abi.cells.stride as u64);
        self.b.ins().iadd(cells, offset)
    }
    /// The cell of a function value, whose signature is compared.
    fn checked_cell(&mut self, value: Value, sig: &Signature) -> Done<Value> {
        let config = *self.src.config;
        let class = self.src.link.class(sig).ok_or(Unsupported::Unlinked)?;
        self.trap_unless(value, TrapKind::NullDereference, false, &[]);
        let one = self.int(types::I64, 1);
        let number = self.b.ins().isub(value, one);
        let count = self.record(config.abi.offsets.cell_count);
        let fine = self.b.ins().icmp(IntCC::UnsignedLessThan, number, count);
        self.trap_unless(fine, TrapKind::InvalidMemory, false, &[]);
        let cells = self.record(config.abi.offsets.cells);
        let stride = self.int(types::I64, config.abi.cells.stride as u64);
        let offset = self.b.ins().imul(number, stride);
        let cell = self.b.ins().iadd(cells, offset);
        let found = self.b.ins().load(types::I32, MemFlagsData::trusted(), cell, config.abi.cells.class);
        let (class, any) =
            (self.int(types::I32, class as u64), self.int(types::I32, config.abi.cells.any_class as u64));
        let same = self.b.ins().icmp(IntCC::Equal, found, class);
        let unknown = self.b.ins().icmp(IntCC::Equal, found, any);
        let fine = self.b.ins().bor(same, unknown);
        self.trap_unless(fine, TrapKind::InvalidMemory, false, &[]);
        Ok(cell)
    }
    fn call_cell(&mut self, sig: &Signature, cell: Value, args: &[Operand], rets: &[Operand]) -> Done {
        if args.len() != sig.params.len() || rets.len() != sig.rets.len() {
            return Err(Unsupported::Malformed("a call that doesn't fit its callee"));
        }
        let native = native(self.src.isa, sig)?;
        let native = self.b.import_signature(native);
        let mut values = vec![self.rt];
        for &arg in args {
            values.push(self.get(arg)?);
        }
        let code =
            self.b.ins().load(types::I64, MemFlagsData::trusted(), cell, self.src.config.abi.cells.code);
        let call = self.b.ins().call_indirect(native, code, &values);
        let direct = self.b.inst_results(call).to_vec();
        // All results are taken before anything else may call.
        for (index, &ret) in rets.iter().enumerate() {
            let value = match in_register(index) {
                None => direct[index],
                Some(word) => {
                    let offset = self.src.config.abi.offsets.results + word;
                    self.b.ins().load(scalar(sig.rets[index])?, MemFlagsData::trusted(), self.rt, offset)
                }
            };
            self.set_result(ret, value)?;
        }
        Ok(())
    }
    fn set_result(&mut self, ret: Operand, value: Value) -> Done {
        let reg = ret.as_reg().ok_or(Unsupported::Malformed("a constant as a result"))?;
        self.set(reg, value)
    }
    fn call_pointer(&mut self, code: Operand, sig: SigId, args: &[Operand], rets: &[Operand]) -> Done {
        let code = self.get(code)?;
        self.trap_unless(code, TrapKind::NullDereference, false, &[]);
        let sig = self.int(types::I32, sig.0 as u64);
        self.call_out(self.src.config.abi.helpers.call_pointer, &[code, sig], args, rets)
    }
    /// Calls what has the host's or C's convention: arguments and the result go through slots of 8 bytes in the frame.
    fn call_out(&mut self, helper: usize, what: &[Value], args: &[Operand], rets: &[Operand]) -> Done {
        let slots = self.window()?;
        for (index, &arg) in args.iter().enumerate() {
            let value = self.get(arg)?;
            self.b.ins().store(own(), value, slots, index as i32 * 8);
        }
        let count = self.int(types::I32, args.len().max(rets.len()) as u64);
        let values = [&[self.rt], what, &[slots, count]].concat();
        let noted = self.helper(helper, &values, Some(types::I32))?;
        self.leave_if_noted(noted);
        match *rets {
            [] => Ok(()),
            [ret] => {
                let ty = scalar(self.src.func.operand_ty(ret))?;
                let value = self.b.ins().load(ty, own(), slots, 0);
                self.set_result(ret, value)
            }
            _ => Err(Unsupported::Malformed("more than one result from C")),
        }
    }
    /// The memory that calls go through which leave compiled code.
    fn window(&mut self) -> Done<Value> {
        let slot = self.window.ok_or(Unsupported::Malformed("a call that wasn't seen"))?;
        Ok(self.slot_address(slot))
    }
    /// An address that a helper finds.
    pub(super) fn address_by(&mut self, helper: usize, number: u32, dst: Reg) -> Done {
        let place = self.window()?;
        let number = self.int(types::I32, number as u64);
        let noted = self.helper(helper, &[self.rt, number, place], Some(types::I32))?;
        self.leave_if_noted(noted);
        let value = self.b.ins().load(types::I64, own(), place, 0);
        self.set(dst, value)
    }
}
