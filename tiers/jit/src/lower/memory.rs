//! Addresses, loads, stores, blocks of memory.

use super::value::scalar;
use super::{Done, Lower, Room};
use crate::abi::{DataPlace, NULL_PAGE};
use crate::compile::Unsupported;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, TrapCode, Value, types};
use sx_ir::{Addr, Base, Operand, Reg, TrapKind, Ty};

/// Marks accesses to the program's memory: a fault there is the program's.
pub(crate) const ACCESS: TrapCode = match TrapCode::user(1) {
    Some(code) => code,
    None => unreachable!(),
};

/// Blocks of memory up to this many bytes are copied and zeroed in place.
const INLINE_BYTES: u32 = 128;

/// An access to memory of the frame or the record, which exists and is aligned for what is asked of it.
pub(super) fn own() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// An access to the program's memory, of any alignment.
fn program() -> MemFlagsData {
    MemFlagsData::new().with_trap_code(Some(ACCESS))
}

impl Lower<'_, '_> {
    /// Traps when the address is null, unless that is known.
    pub(super) fn null_check(&mut self, address: Value) {
        let address = self.b.func.dfg.resolve_aliases(address);
        let Some(address) = self.facts.check_null(address) else { return };
        let least = self.int(types::I64, NULL_PAGE);
        let fine = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, address, least);
        self.trap_unless(fine, TrapKind::NullDereference, false, &[]);
    }
    fn object(&mut self, number: u32) -> Value {
        let objects = self.record(self.src.config.abi.offsets.objects);
        let number = self.int(types::I64, number as u64 * 8);
        let place = self.b.ins().iadd(objects, number);
        self.b.ins().load(types::I64, MemFlagsData::trusted(), place, 0)
    }
    /// What an address counts from.
    fn base(&mut self, base: Base) -> Done<Value> {
        let value = match base {
            Base::Reg(operand) => return self.get(operand),
            Base::Slot(id) => {
                let room = self.rooms[id.index()];
                match room {
                    Room::Near(slot) => self.slot_address(slot),
                    Room::At(address) => address,
                    Room::Far(offset) => {
                        let base =
                            self.far_base.ok_or(Unsupported::Malformed("a frame without a beginning"))?;
                        let offset = self.int(types::I64, offset);
                        self.b.ins().iadd(base, offset)
                    }
                }
            }
            Base::Global(id) => {
                let number = self.src.link.global(id).ok_or(Unsupported::Unlinked)?;
                self.object(number)
            }
            Base::Data(id) => match self.src.link.data(id).ok_or(Unsupported::Unlinked)? {
                DataPlace::Object(number) => self.object(number),
                DataPlace::Shared(address) => self.int(types::I64, address as u64),
            },
        };
        self.facts.never_null(value);
        Ok(value)
    }
    /// An address as a value.
    pub(super) fn address(&mut self, addr: Addr) -> Done<Value> {
        let base = self.base(addr.base)?;
        if addr.off == 0 {
            return Ok(base);
        }
        let off = self.int(types::I64, addr.off as i64 as u64);
        let value = self.b.ins().iadd(base, off);
        // What lies in the frame is nowhere near null; what is far outside of it, isn't known.
        if let Base::Slot(id) = addr.base
            && addr.off > 0
            && addr.off as u32 <= self.src.func.slots[id.index()].size
        {
            self.facts.never_null(value);
        }
        Ok(value)
    }
    /// What is accessed, checked: base and offset.
    fn place(&mut self, addr: Addr) -> Done<(Value, i32)> {
        let base = self.base(addr.base)?;
        self.null_check(base);
        Ok((base, addr.off))
    }
    pub(super) fn index(&mut self, dst: Reg, base: Operand, index: Operand, stride: u32) -> Done {
        let (base, index) = (self.get(base)?, self.get(index)?);
        let stride = self.int(types::I64, stride as u64);
        let offset = self.b.ins().imul(index, stride);
        let value = self.b.ins().iadd(base, offset);
        let base = self.b.func.dfg.resolve_aliases(base);
        self.facts.counted_from(value, base);
        self.set(dst, value)
    }
    pub(super) fn load(&mut self, ty: Ty, dst: Reg, addr: Addr) -> Done {
        if let Some(vec) = ty.vector() {
            let from = self.checked_address(addr)?;
            let slot = self.lanes_of(dst.into())?;
            let to = self.slot_address(slot);
            self.pieces(vec.size(), to, from, true);
            return Ok(());
        }
        let (base, off) = self.place(addr)?;
        let value = self.b.ins().load(scalar(ty)?, program(), base, off);
        self.set(dst, value)
    }
    pub(super) fn store(&mut self, ty: Ty, addr: Addr, val: Operand) -> Done {
        if let Some(vec) = ty.vector() {
            let to = self.checked_address(addr)?;
            let slot = self.lanes_of(val)?;
            let from = self.slot_address(slot);
            self.pieces(vec.size(), to, from, true);
            return Ok(());
        }
        let (base, off) = self.place(addr)?;
        let value = self.get(val)?;
        self.b.ins().store(program(), value, base, off);
        Ok(())
    }
    /// An address whose base was checked.
    fn checked_address(&mut self, addr: Addr) -> Done<Value> {
        let base = self.base(addr.base)?;
        self.null_check(base);
        self.address(addr)
    }
    /// Copies bytes piece by piece, between places that are the same or apart.
    pub(super) fn pieces(&mut self, size: u32, to: Value, from: Value, outside: bool) {
        let flags = if outside { program() } else { own() };
        let mut off = 0;
        while off < size {
            let ty = piece(size - off);
            let value = self.b.ins().load(ty, flags, from, off as i32);
            self.b.ins().store(flags, value, to, off as i32);
            off += ty.bytes();
        }
    }
    pub(super) fn mem_copy(&mut self, dst: Addr, src: Addr, size: u32) -> Done {
        if size == 0 || dst == src {
            return Ok(());
        }
        let (to, from) = (self.address(dst)?, self.address(src)?);
        self.null_check(to);
        self.null_check(from);
        if size <= INLINE_BYTES {
            self.pieces(size, to, from, true);
            return Ok(());
        }
        let size = self.int(types::I64, size as u64);
        self.helper(self.src.config.abi.helpers.mem_move, &[self.rt, to, from, size], None).map(|_| ())
    }
    pub(super) fn mem_zero(&mut self, dst: Addr, size: u32) -> Done {
        if size == 0 {
            return Ok(());
        }
        let to = self.address(dst)?;
        self.null_check(to);
        if size > INLINE_BYTES {
            let (zero, size) = (self.int(types::I32, 0), self.int(types::I64, size as u64));
            return self
                .helper(self.src.config.abi.helpers.mem_set, &[self.rt, to, zero, size], None)
                .map(|_| ());
        }
        let mut off = 0;
        while off < size {
            let ty = match piece(size - off) {
                types::I8X16 => types::I64,
                ty => ty,
            };
            let zero = self.int(ty, 0);
            self.b.ins().store(program(), zero, to, off as i32);
            off += ty.bytes();
        }
        Ok(())
    }
    /// Runs `body` unless the length is 0, with the addresses and the length checked.
    fn sized(
        &mut self,
        addresses: &[Value],
        len: Value,
        body: impl FnOnce(&mut Self) -> Done<Value>,
    ) -> Done<Value> {
        let (inside, after) = (self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(after, types::I32);
        let zero = self.int(types::I32, 0);
        self.b.ins().brif(len, inside, &[], after, &[zero.into()]);
        self.b.switch_to_block(inside);
        // What is checked here isn't checked on the other way.
        let known = self.facts.clone_checked();
        for &address in addresses {
            self.null_check(address);
        }
        let least = self.int(types::I64, 0);
        let fine = self.b.ins().icmp(IntCC::SignedGreaterThan, len, least);
        self.trap_unless(fine, TrapKind::InvalidMemory, false, &[]);
        let value = body(self)?;
        self.b.ins().jump(after, &[value.into()]);
        self.b.switch_to_block(after);
        self.facts.restore_checked(known);
        Ok(result)
    }
    pub(super) fn mem_move(&mut self, dst: Operand, src: Operand, len: Operand) -> Done {
        let (to, from, len) = (self.get(dst)?, self.get(src)?, self.get(len)?);
        let done = self.sized(&[to, from], len, |lower| {
            lower.helper(lower.src.config.abi.helpers.mem_move, &[lower.rt, to, from, len], None)?;
            Ok(lower.int(types::I32, 0))
        });
        done.map(|_| ())
    }
    pub(super) fn mem_set(&mut self, dst: Operand, val: Operand, len: Operand) -> Done {
        let (to, val, len) = (self.get(dst)?, self.get(val)?, self.get(len)?);
        let done = self.sized(&[to], len, |lower| {
            let byte = lower.b.ins().uextend(types::I32, val);
            lower.helper(lower.src.config.abi.helpers.mem_set, &[lower.rt, to, byte, len], None)?;
            Ok(lower.int(types::I32, 0))
        });
        done.map(|_| ())
    }
    pub(super) fn mem_cmp(&mut self, dst: Reg, a: Operand, b: Operand, len: Operand) -> Done {
        let (a, b, len) = (self.get(a)?, self.get(b)?, self.get(len)?);
        let order = self.sized(&[a, b], len, |lower| {
            lower.helper(lower.src.config.abi.helpers.mem_cmp, &[lower.rt, a, b, len], Some(types::I32))
        })?;
        self.set(dst, order)
    }
}

/// The largest piece that so many bytes begin with.
fn piece(left: u32) -> ir::Type {
    match left {
        16.. => types::I8X16,
        8.. => types::I64,
        4.. => types::I32,
        2.. => types::I16,
        _ => types::I8,
    }
}
