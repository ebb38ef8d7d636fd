//! Passes: fewer and cheaper instructions for every tier, at a cost of about a third of a microsecond each.
//!
//! Programs mean the same before and after: traps and their order, results, output. Source positions stay with
//! their instructions; inlined ones say where they were inlined.

mod compact;
mod dce;
mod effects;
pub mod fold;
mod gvn;
mod liveness;
mod simplify_cfg;
#[cfg(test)]
mod testing;

use crate::func::*;
use crate::module::Module;
use rustc_hash::FxHashMap;

/// What a pass knows besides the function.
pub(crate) struct Cx<'m> {
    /// The module that the function belongs to.
    pub module: &'m Module,
    consts: FxHashMap<Const, u32>,
}

impl<'m> Cx<'m> {
    /// For passes over one function.
    pub fn new(module: &'m Module, func: &Func) -> Cx<'m> {
        let consts = func.consts.iter().enumerate().map(|(i, &constant)| (constant, i as u32)).collect();
        Cx { module, consts }
    }

    /// Bytes in an address.
    pub fn ptr_size(&self) -> u32 {
        self.module.target.ptr_size
    }

    /// A constant of the function; bits above the type's width are dropped.
    pub fn constant(&mut self, func: &mut Func, ty: Ty, bits: u64) -> Operand {
        let constant = Const { ty, bits: bits & fold::mask(ty, self.ptr_size()) };
        let index = *self.consts.entry(constant).or_insert_with(|| {
            func.consts.push(constant);
            func.consts.len() as u32 - 1
        });
        Operand::constant(index)
    }
}
