//! What code and data name: the edges along which things are reached.

use crate::func::*;
use crate::ids::*;
use crate::module::{Data, Module, RelocTarget};

/// A function, object or variable that code or data names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Named {
    /// A function, called or taken as a value.
    Func(FuncId),
    /// A function as a C function pointer.
    CFunc(FuncId),
    /// Constant data.
    Data(DataId),
    /// A variable.
    Global(GlobalId),
}

impl Func {
    /// Everything that the code names, each with where it does.
    pub fn each_named(&self, mut f: impl FnMut(Named, LocId)) {
        for (inst, &loc) in self.code.iter().zip(&self.code_locs) {
            match *inst {
                Inst::Call { callee: Callee::Func(target), .. } | Inst::FuncAddr { func: target, .. } => {
                    f(Named::Func(target), loc);
                }
                Inst::CFuncAddr { func: target, .. } => f(Named::CFunc(target), loc),
                _ => inst.addrs(|addr| match addr.base {
                    Base::Data(data) => f(Named::Data(data), loc),
                    Base::Global(global) => f(Named::Global(global), loc),
                    Base::Reg(_) | Base::Slot(_) => {}
                }),
            }
        }
    }
}

impl Data {
    /// Everything that the data points at.
    pub fn each_named(&self, mut f: impl FnMut(Named)) {
        for reloc in &self.relocs {
            match reloc.target {
                RelocTarget::Func(func) => f(Named::Func(func)),
                RelocTarget::CFunc(func) => f(Named::CFunc(func)),
                RelocTarget::Data(data) => f(Named::Data(data)),
                RelocTarget::Global(global) => f(Named::Global(global)),
                RelocTarget::Extern(_) => {}
            }
        }
    }
}

impl Module {
    /// Everything that a function, data or a variable's initial value names; of a function without a body nothing.
    pub fn each_named(&self, of: Named, mut f: impl FnMut(Named)) {
        match of {
            Named::Func(func) | Named::CFunc(func) => {
                if let Some(func) = self.func(func) {
                    func.each_named(|named, _| f(named));
                }
            }
            Named::Data(data) => self.datas[data.index()].each_named(f),
            Named::Global(global) => self.globals[global.index()].init.each_named(f),
        }
    }
}
