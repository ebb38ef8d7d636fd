//! Whether a function is well-formed: what every tier and pass relies on.
//!
//! Lowering verifies what it makes in debug builds, tests verify what passes leave. Nothing here trusts the
//! function: ids out of range are errors, too.

mod flow;
mod types;

use crate::cfg::{Cfg, DomTree};
use crate::func::*;
use crate::ids::*;
use crate::module::*;
use crate::print;
use crate::vector::MAX_LANES;
use std::fmt;

/// Errors beyond this number aren't collected.
pub const MAX_ERRORS: usize = 64;

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyError {
    /// The block, unless the function as a whole is wrong.
    pub block: Option<BlockId>,
    /// The instruction in it; none for its end.
    pub inst: Option<usize>,
    /// The instruction or end as text.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.block, self.inst) {
            (Some(block), Some(inst)) => write!(f, "{block} #{inst} `{}`: {}", self.text, self.message),
            (Some(block), None) => write!(f, "{block} end `{}`: {}", self.text, self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for VerifyError {}

/// Checks a function against the module that it belongs to. Callees that the module doesn't know the signature
/// of are taken at their word.
///
/// # Errors
/// All that is wrong, up to [`MAX_ERRORS`].
pub fn verify(func: &Func, module: &Module) -> Result<(), Vec<VerifyError>> {
    let mut verifier = Verifier { func, module, at: (None, None), errors: Vec::new(), ids_broken: false };
    verifier.header();
    verifier.bodies();
    // Dominance needs ids that can be followed.
    if !verifier.ids_broken {
        let cfg = Cfg::new(func);
        let tree = DomTree::new(&cfg);
        verifier.flow(&cfg, &tree);
    }
    if verifier.errors.is_empty() { Ok(()) } else { Err(verifier.errors) }
}

struct Verifier<'a> {
    func: &'a Func,
    module: &'a Module,
    at: (Option<BlockId>, Option<usize>),
    errors: Vec<VerifyError>,
    /// A register or block id is out of range.
    ids_broken: bool,
}

impl Verifier<'_> {
    fn error(&mut self, message: impl Into<String>) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let (block, inst) = self.at;
        let text = match (block.and_then(|id| self.func.blocks.get(id.index())), inst) {
            (Some(block), Some(inst)) => {
                let insts = self.func.code.get(block.range()).unwrap_or(&[]);
                insts.get(inst).map_or(String::new(), |inst| print::inst_text(self.func, inst))
            }
            (Some(block), None) => print::term_text(self.func, &block.term),
            (None, _) => String::new(),
        };
        self.errors.push(VerifyError { block, inst, text, message: message.into() });
    }

    fn header(&mut self) {
        let func = self.func;
        let params = func.sig.params.len();
        if func.regs.len() < params {
            self.ids_broken = true;
            return self.error(format!("{params} parameters but {} registers", func.regs.len()));
        }
        for (i, (&ty, info)) in func.sig.params.iter().zip(&func.regs).enumerate() {
            if info.ty != ty {
                self.error(format!("parameter r{i} is {}, the signature says {}", info.ty.name(), ty.name()));
            }
            if info.mutable {
                self.error(format!("parameter r{i} is a var"));
            }
        }
        if func.sig.params.iter().chain(&func.sig.rets).any(|ty| ty.vector().is_some()) {
            self.error("a parameter or result is a vector: those travel in memory");
        }
        let vectors = func.regs.iter().filter_map(|reg| reg.ty.vector());
        for ty in vectors.filter(|ty| !(1..=MAX_LANES).contains(&ty.lanes)) {
            self.error(format!("a vector of {} lanes", ty.lanes));
        }
        for (i, slot) in func.slots.iter().enumerate() {
            if !slot.align.is_power_of_two() {
                self.error(format!("slot{i} has alignment {}, no power of two", slot.align));
            }
            if slot.size > i32::MAX as u32 {
                self.error(format!("slot{i} has {} bytes, more than 31 bits", slot.size));
            }
        }
        for (i, constant) in func.consts.iter().enumerate() {
            if constant.ty.vector().is_some() {
                self.error(format!("constant {i} is a vector"));
                continue;
            }
            let width = types::width(constant.ty);
            if width < 64 && constant.bits >> width != 0 {
                self.error(format!("constant {i} has bits above its {width}: {:#x}", constant.bits));
            }
        }
        if func.scopes.is_empty() {
            self.error("the function has no scope of its own");
        }
        for (i, loc) in func.locs.iter().enumerate() {
            if loc.scope as usize >= func.scopes.len() {
                self.error(format!("loc{i} is in scope {} of {}", loc.scope, func.scopes.len()));
            }
            // A chain that only leads backwards ends.
            if loc.inlined_at.is_some_and(|at| at.index() >= i) {
                self.error(format!("loc{i} was inlined at a position that isn't before it"));
            }
        }
        for var in &func.debug_vars {
            let known = match &var.place {
                Place::Slot(slot) => slot.index() < func.slots.len(),
                Place::Regs(regs) => regs.iter().all(|reg| reg.index() < func.regs.len()),
            };
            if !known {
                self.error(format!("variable {:?} lives in a place that isn't there", var.name));
            }
        }
        self.convention();
    }

    /// A function with the C ABI says which, and its parameters follow from it.
    fn convention(&mut self) {
        let func = self.func;
        match (func.conv, func.c_sig) {
            (CallConv::Sx, None) => {}
            (CallConv::Sx, Some(_)) => self.error("a C signature, but the default ABI"),
            (CallConv::C, None) => self.error("the C ABI, but no C signature"),
            (CallConv::C, Some(id)) => match self.module.sigs.get(id.index()) {
                Some(Sig::C { sig, .. }) => {
                    let expected = sig.lowered();
                    if expected != func.sig {
                        self.error(format!("{id} lowers to {expected:?}, the function has {:?}", func.sig));
                    }
                }
                Some(Sig::Sx(_)) => self.error(format!("{id} isn't a C signature")),
                None => self.error(format!("there is no {id}")),
            },
        }
    }

    /// Every block by itself: ids, types, counts.
    fn bodies(&mut self) {
        let func = self.func;
        if func.blocks.is_empty() {
            self.ids_broken = true;
            return self.error("no blocks");
        }
        if func.code_locs.len() != func.code.len() {
            self.ids_broken = true;
            return self.error(format!(
                "{} instructions but {} positions",
                func.code.len(),
                func.code_locs.len()
            ));
        }
        for (i, block) in func.blocks.iter().enumerate() {
            self.at = (Some(BlockId(i as u32)), None);
            if block.start > block.end || block.end as usize > func.code.len() {
                self.ids_broken = true;
                self.error(format!("it names instructions {}..{}", block.start, block.end));
                continue;
            }
            for (j, at) in block.range().enumerate() {
                self.at.1 = Some(j);
                self.inst(&func.code[at]);
                if func.code_locs[at].index() >= func.locs.len() {
                    self.error("its position isn't there");
                }
            }
            self.at.1 = None;
            self.term(&block.term);
            if block.term_loc.index() >= func.locs.len() {
                self.error("its position isn't there");
            }
        }
        self.at = (None, None);
    }
}

#[cfg(test)]
mod tests;
