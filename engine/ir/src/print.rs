//! Functions and modules as text. [`crate::parse`] reads it back.
//!
//! ```text
//! fn0 = func "main.sum" (r0: ptr, r1: ptr, r2: i64) -> (i64) {
//!   slot0: 16 align 8
//!   var r3: i64
//! b0:
//!   r3 = copy.i64 0
//!   r4 = load.i64 [r1 + 8]
//!   r5:i64 = call fn1(r0, r4, 7:i64)
//!   ret r5
//! }
//! ```

mod atomic;
mod module;

use crate::func::*;
use crate::ids::*;
use crate::module::Module;
use std::fmt::{self, Write};

pub use module::print_module;

/// What the text shows besides the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PrintOptions {
    /// Source positions.
    pub locs: bool,
}

/// A function as text. With a module, comments name what is called and reached.
pub fn print_func(id: FuncId, func: &Func, module: Option<&Module>, options: PrintOptions) -> String {
    let mut out = String::new();
    FuncPrinter { func, module, options, out: &mut out }.func(id).expect("writing to a string doesn't fail");
    out
}

/// One instruction as text, without its position.
pub fn inst_text(func: &Func, inst: &Inst) -> String {
    let mut out = String::new();
    FuncPrinter { func, module: None, options: PrintOptions::default(), out: &mut out }
        .inst(inst)
        .expect("writing to a string doesn't fail");
    out
}

/// A block's end as text, without its position.
pub fn term_text(func: &Func, term: &Term) -> String {
    let mut out = String::new();
    FuncPrinter { func, module: None, options: PrintOptions::default(), out: &mut out }
        .term(term)
        .expect("writing to a string doesn't fail");
    out
}

/// Text in quotes; `raw` bytes that aren't printable ASCII become `\xNN`, else UTF-8 stays.
fn quoted(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b' '..=b'~' => out.push(byte as char),
            _ => write!(out, "\\x{byte:02x}").expect("writing to a string doesn't fail"),
        }
    }
    out.push('"');
}

struct FuncPrinter<'a> {
    func: &'a Func,
    module: Option<&'a Module>,
    options: PrintOptions,
    out: &'a mut String,
}

fn tys(out: &mut String, tys: &[Ty]) {
    for (i, ty) in tys.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        out.push_str(comma);
        out.push_str(&ty.name());
    }
}

impl FuncPrinter<'_> {
    fn func(&mut self, id: FuncId) -> fmt::Result {
        let func = self.func;
        write!(self.out, "{id} = func ")?;
        quoted(self.out, func.name.as_bytes());
        self.out.push_str(" (");
        for (i, ty) in func.sig.params.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(self.out, "{comma}r{i}: {}", ty.name())?;
        }
        self.out.push_str(") -> (");
        tys(self.out, &func.sig.rets);
        self.out.push(')');
        if func.conv == CallConv::C {
            self.out.push_str(" c");
        }
        if let Some(sig) = func.c_sig {
            write!(self.out, " {sig}")?;
        }
        if func.inline {
            self.out.push_str(" inline");
        }
        self.out.push_str(" {\n");
        self.declarations()?;
        for (i, block) in func.blocks.iter().enumerate() {
            writeln!(self.out, "b{i}:")?;
            for (inst, loc) in func.code[block.range()].iter().zip(&func.code_locs[block.range()]) {
                self.out.push_str("  ");
                self.inst(inst)?;
                self.loc(Some(*loc))?;
                self.comment(inst)?;
                self.out.push('\n');
            }
            self.out.push_str("  ");
            self.term(&block.term)?;
            self.loc(Some(block.term_loc))?;
            self.out.push('\n');
        }
        self.out.push_str("}\n");
        Ok(())
    }

    fn declarations(&mut self) -> fmt::Result {
        let func = self.func;
        for (i, slot) in func.slots.iter().enumerate() {
            writeln!(self.out, "  slot{i}: {} align {}", slot.size, slot.align)?;
        }
        // A temporary's type shows where it is assigned; what is never assigned has to be declared.
        let mut assigned = vec![false; func.regs.len()];
        for inst in func.all_insts() {
            inst.defs(&func.pool, |reg| {
                if let Some(seen) = assigned.get_mut(reg.index()) {
                    *seen = true;
                }
            });
        }
        for (i, reg) in func.regs.iter().enumerate().skip(func.sig.params.len()) {
            if reg.mutable {
                writeln!(self.out, "  var r{i}: {}", reg.ty.name())?;
            } else if !assigned[i] {
                writeln!(self.out, "  temp r{i}: {}", reg.ty.name())?;
            }
        }
        for var in &func.debug_vars {
            self.out.push_str("  debug ");
            quoted(self.out, var.name.as_bytes());
            self.out.push_str(": ");
            quoted(self.out, var.ty.as_bytes());
            self.out.push_str(" in");
            match &var.place {
                Place::Slot(slot) => write!(self.out, " {slot}")?,
                Place::Regs(regs) => {
                    for (i, reg) in regs.iter().enumerate() {
                        let comma = if i == 0 { "" } else { "," };
                        write!(self.out, "{comma} {reg}")?;
                    }
                }
            }
            self.out.push('\n');
        }
        if self.options.locs {
            self.positions()?;
        }
        Ok(())
    }

    fn positions(&mut self) -> fmt::Result {
        let func = self.func;
        for (i, name) in func.scopes.iter().enumerate().skip(1) {
            write!(self.out, "  scope{i}: ")?;
            quoted(self.out, name.as_bytes());
            self.out.push('\n');
        }
        for (i, loc) in func.locs.iter().enumerate() {
            write!(self.out, "  loc{i}: {}:{}", loc.file, loc.offset)?;
            if loc.scope != 0 {
                write!(self.out, " scope{}", loc.scope)?;
            }
            if let Some(at) = loc.inlined_at {
                write!(self.out, " at {at}")?;
            }
            self.out.push('\n');
        }
        Ok(())
    }

    fn loc(&mut self, loc: Option<LocId>) -> fmt::Result {
        match loc {
            Some(loc) if self.options.locs => write!(self.out, " @{}", loc.0),
            _ => Ok(()),
        }
    }

    /// Names what an instruction reaches.
    fn comment(&mut self, inst: &Inst) -> fmt::Result {
        let Some(module) = self.module else { return Ok(()) };
        let name = match *inst {
            Inst::Call { callee: Callee::Func(id), .. }
            | Inst::FuncAddr { func: id, .. }
            | Inst::CFuncAddr { func: id, .. } => module.func(id).map(|func| &*func.name),
            Inst::Call { callee: Callee::Extern(id), .. } | Inst::ExternAddr { ext: id, .. } => {
                module.externs.get(id.index()).map(|ext| ext.symbol.as_str())
            }
            Inst::Load { addr, .. }
            | Inst::Store { addr, .. }
            | Inst::AddrOf { addr, .. }
            | Inst::MemZero { dst: addr, .. } => match addr.base {
                Base::Global(id) => module.globals.get(id.index()).map(|global| global.name.as_str()),
                _ => None,
            },
            _ => None,
        };
        match name {
            Some(name) => write!(self.out, " ; {}", name.escape_debug()),
            None => Ok(()),
        }
    }

    fn operand(&mut self, operand: Operand, expected: Option<Ty>) -> fmt::Result {
        let Some(index) = operand.as_const() else {
            return write!(self.out, "{operand:?}");
        };
        let Some(&Const { ty, bits }) = self.func.consts.get(index as usize) else {
            return write!(self.out, "const{index}");
        };
        match ty {
            Ty::I8 => write!(self.out, "{}", bits as i8)?,
            Ty::I16 => write!(self.out, "{}", bits as i16)?,
            Ty::I32 => write!(self.out, "{}", bits as i32)?,
            Ty::I64 => write!(self.out, "{}", bits as i64)?,
            Ty::F32 if f32::from_bits(bits as u32).is_finite() => {
                write!(self.out, "{:?}", f32::from_bits(bits as u32))?;
            }
            Ty::F64 if f64::from_bits(bits).is_finite() => write!(self.out, "{:?}", f64::from_bits(bits))?,
            Ty::Ptr if bits == 0 => self.out.push_str("null"),
            Ty::F32 | Ty::F64 | Ty::Ptr | Ty::Vec(_) => write!(self.out, "0x{bits:x}")?,
        }
        if expected != Some(ty) {
            write!(self.out, ":{}", ty.name())?;
        }
        Ok(())
    }

    fn operands(&mut self, operands: &[(Operand, Ty)]) -> fmt::Result {
        for (i, &(operand, ty)) in operands.iter().enumerate() {
            self.out.push_str(if i == 0 { " " } else { ", " });
            self.operand(operand, Some(ty))?;
        }
        Ok(())
    }

    fn list(&mut self, list: List) -> fmt::Result {
        let range = list.start as usize..list.start as usize + list.len as usize;
        let Some(operands) = self.func.pool.get(range) else {
            return write!(self.out, "<list {}+{}>", list.start, list.len);
        };
        for (i, &operand) in operands.iter().enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            self.operand(operand, None)?;
        }
        Ok(())
    }

    fn addr(&mut self, addr: Addr) -> fmt::Result {
        self.out.push('[');
        match addr.base {
            Base::Reg(base) => self.operand(base, Some(Ty::Ptr))?,
            Base::Slot(slot) => write!(self.out, "{slot}")?,
            Base::Global(global) => write!(self.out, "{global}")?,
            Base::Data(data) => write!(self.out, "{data}")?,
        }
        match addr.off {
            0 => {}
            off if off > 0 => write!(self.out, " + {off}")?,
            off => write!(self.out, " - {}", off.unsigned_abs())?,
        }
        self.out.push(']');
        Ok(())
    }

    fn inst(&mut self, inst: &Inst) -> fmt::Result {
        if let Some(dst) = inst.dst() {
            write!(self.out, "{dst} = ")?;
        }
        match *inst {
            Inst::Copy { dst, src } => {
                let ty = self.func.regs.get(dst.index()).map_or(Ty::I64, |reg| reg.ty);
                write!(self.out, "copy.{}", ty.name())?;
                self.operands(&[(src, ty)])
            }
            Inst::Bin { op, ty, a, b, .. } => {
                write!(self.out, "{}.{}", op.word(), ty.name())?;
                self.operands(&[(a, ty), (b, ty)])
            }
            Inst::Un { op, ty, a, .. } => {
                self.out.push_str(op.word());
                op.width().map_or(Ok(()), |n| write!(self.out, "{n}"))?;
                write!(self.out, ".{}", ty.name())?;
                self.operands(&[(a, ty)])
            }
            Inst::Cmp { op, ty, a, b, .. } => {
                write!(self.out, "cmp.{}.{}", op.word(), ty.name())?;
                self.operands(&[(a, ty), (b, ty)])
            }
            Inst::Conv { op, from, to, a, .. } => {
                write!(self.out, "conv.{}.{}.{}", op.word(), from.name(), to.name())?;
                self.operands(&[(a, from)])
            }
            Inst::Select { ty, cond, a, b, .. } => {
                write!(self.out, "select.{}", ty.name())?;
                self.operands(&[(cond, Ty::I8), (a, ty), (b, ty)])
            }
            Inst::Splat { ty, a, .. } => {
                write!(self.out, "splat.{}", ty.name())?;
                self.operands(&[(a, ty.lane.ty())])
            }
            Inst::Lane { ty, a, lane, .. } => {
                write!(self.out, "lane.{}", ty.name())?;
                self.operands(&[(a, Ty::Vec(ty))])?;
                write!(self.out, ", {lane}")
            }
            Inst::SetLane { ty, a, val, lane, .. } => {
                write!(self.out, "setlane.{}", ty.name())?;
                self.operands(&[(a, Ty::Vec(ty)), (val, ty.lane.ty())])?;
                write!(self.out, ", {lane}")
            }
            Inst::Index { base, index, stride, .. } => {
                self.out.push_str("index");
                self.operands(&[(base, Ty::Ptr), (index, Ty::I64)])?;
                write!(self.out, ", {stride}")
            }
            Inst::FuncAddr { func, .. } => write!(self.out, "funcaddr {func}"),
            Inst::CFuncAddr { func, .. } => write!(self.out, "cfuncaddr {func}"),
            Inst::ExternAddr { ext, .. } => write!(self.out, "externaddr {ext}"),
            Inst::Call { callee, args, rets } => self.call(callee, args, rets),
            Inst::Bounds { index, len, unsigned } => {
                self.out.push_str(if unsigned { "ubounds" } else { "bounds" });
                self.operands(&[(index, Ty::I64), (len, Ty::I64)])
            }
            Inst::SliceBounds { lo, hi, len, unsigned } => {
                self.out.push_str(if unsigned { "uslicebounds" } else { "slicebounds" });
                self.operands(&[(lo, Ty::I64), (hi, Ty::I64), (len, Ty::I64)])
            }
            Inst::NullCheck { ptr } => {
                self.out.push_str("nullcheck");
                self.operands(&[(ptr, Ty::Ptr)])
            }
            Inst::Check { cond, kind } => {
                self.out.push_str("check");
                self.operands(&[(cond, Ty::I8)])?;
                write!(self.out, ", {}", kind.word())
            }
            Inst::Poll => self.out.write_str("poll"),
            Inst::ErrTrace(what) => write!(self.out, "errtrace {}", what.word()),
            Inst::Load { .. }
            | Inst::Store { .. }
            | Inst::AddrOf { .. }
            | Inst::MemCopy { .. }
            | Inst::MemZero { .. }
            | Inst::MemMove { .. }
            | Inst::MemSet { .. }
            | Inst::MemCmp { .. } => self.memory(inst),
            Inst::AtomicLoad { .. }
            | Inst::AtomicStore { .. }
            | Inst::AtomicRmw { .. }
            | Inst::AtomicCas { .. }
            | Inst::Fence { .. } => self.atomic(inst),
        }
    }

    fn memory(&mut self, inst: &Inst) -> fmt::Result {
        match *inst {
            Inst::Load { ty, addr, .. } => {
                write!(self.out, "load.{} ", ty.name())?;
                self.addr(addr)
            }
            Inst::Store { ty, addr, val } => {
                write!(self.out, "store.{} ", ty.name())?;
                self.addr(addr)?;
                self.out.push(',');
                self.operands(&[(val, ty)])
            }
            Inst::AddrOf { addr, .. } => {
                self.out.push_str("addr ");
                self.addr(addr)
            }
            Inst::MemCopy { dst, src, size } => {
                self.out.push_str("memcopy ");
                self.addr(dst)?;
                self.out.push_str(", ");
                self.addr(src)?;
                write!(self.out, ", {size}")
            }
            Inst::MemZero { dst, size } => {
                self.out.push_str("memzero ");
                self.addr(dst)?;
                write!(self.out, ", {size}")
            }
            Inst::MemMove { dst, src, len } => {
                self.out.push_str("memmove");
                self.operands(&[(dst, Ty::Ptr), (src, Ty::Ptr), (len, Ty::I64)])
            }
            Inst::MemSet { dst, val, len } => {
                self.out.push_str("memset");
                self.operands(&[(dst, Ty::Ptr), (val, Ty::I8), (len, Ty::I64)])
            }
            Inst::MemCmp { a, b, len, .. } => {
                self.out.push_str("memcmp");
                self.operands(&[(a, Ty::Ptr), (b, Ty::Ptr), (len, Ty::I64)])
            }
            _ => Ok(()),
        }
    }

    fn call(&mut self, callee: Callee, args: List, rets: List) -> fmt::Result {
        let range = rets.start as usize..rets.start as usize + rets.len as usize;
        for (i, ret) in self.func.pool.get(range).unwrap_or(&[]).iter().enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            write!(self.out, "{ret:?}")?;
            let info = ret.as_reg().and_then(|reg| self.func.regs.get(reg.index()));
            info.map_or(Ok(()), |info| write!(self.out, ":{}", info.ty.name()))?;
        }
        self.out.push_str(if rets.len > 0 { " = call " } else { "call " });
        match callee {
            Callee::Func(id) => write!(self.out, "{id}")?,
            Callee::Extern(id) => write!(self.out, "{id}")?,
            Callee::Value(target, sig) | Callee::CPtr(target, sig) => {
                let word = if matches!(callee, Callee::Value(..)) { "value" } else { "cptr" };
                self.out.push_str(word);
                self.operands(&[(target, Ty::Ptr)])?;
                write!(self.out, " {sig} ")?;
            }
        }
        self.out.push('(');
        self.list(args)?;
        self.out.push(')');
        Ok(())
    }

    fn term(&mut self, term: &Term) -> fmt::Result {
        match term {
            Term::Jump(to) => write!(self.out, "jump {to}"),
            Term::Branch { cond, then, else_ } => {
                self.out.push_str("br");
                self.operands(&[(*cond, Ty::I8)])?;
                write!(self.out, ", {then}, {else_}")
            }
            Term::Switch { ty, val, cases, default } => {
                write!(self.out, "switch.{}", ty.name())?;
                self.operands(&[(*val, *ty)])?;
                self.out.push_str(" [");
                for (i, (bits, to)) in cases.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(self.out, "{comma}{bits}: {to}")?;
                }
                write!(self.out, "] else {default}")
            }
            Term::Return(list) => {
                self.out.push_str(if list.len > 0 { "ret " } else { "ret" });
                self.list(*list)
            }
            Term::Trap(kind, list) => {
                write!(self.out, "trap {}(", kind.word())?;
                self.list(*list)?;
                self.out.push(')');
                Ok(())
            }
            Term::Unreachable => self.out.write_str("unreachable"),
        }
    }
}
