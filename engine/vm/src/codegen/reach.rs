//! What code names in the program's tables: laid out before the code is made, which then only looks it up.
//!
//! So functions can be compiled at the same time, and numbers depend on nothing but the order of the functions.

use crate::program::Tables;
use sx_ir::{Base, Callee, Func, Inst, Module, Sig};

/// Enters what a function names.
pub(crate) fn enter(module: &Module, func: &Func, tables: &mut Tables) -> Result<(), String> {
    for inst in func.all_insts() {
        match *inst {
            Inst::Load { addr, .. }
            | Inst::Store { addr, .. }
            | Inst::AddrOf { addr, .. }
            | Inst::MemZero { dst: addr, .. } => enter_base(module, addr.base, tables)?,
            Inst::MemCopy { dst, src, .. } => {
                enter_base(module, dst.base, tables)?;
                enter_base(module, src.base, tables)?;
            }
            Inst::Call { callee: Callee::Value(_, sig), .. } => match module.sigs.get(sig.index()) {
                Some(Sig::Sx(sig)) => _ = tables.class(sig),
                _ => return Err(format!("{sig} isn't a signature of the default ABI")),
            },
            _ => {}
        }
    }
    tables.class(&func.sig);
    Ok(())
}

#[inline]
fn enter_base(module: &Module, base: Base, tables: &mut Tables) -> Result<(), String> {
    match base {
        Base::Global(id) => tables.objects.global(module, id).map(drop),
        Base::Data(id) => tables.objects.data(module, id).map(drop),
        Base::Reg(_) | Base::Slot(_) => Ok(()),
    }
}
