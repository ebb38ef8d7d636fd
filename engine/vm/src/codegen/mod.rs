//! From a function of the middle form to bytecode.
//!
//! | module | what |
//! |---|---|
//! | [`order`] | block order, loops, dominators |
//! | [`uses`] | what instructions read and write |
//! | [`analyze`] | folding instructions into each other |
//! | [`imm`] | constants inside instructions |
//! | [`live`] | live intervals |
//! | [`alloc`] | frame slots and call windows |
//! | `emit*` | writing the words |

mod alloc;
mod analyze;
mod emit;
mod emit_call;
mod emit_inst;
mod emit_jump;
mod emit_memory;
mod imm;
mod live;
mod order;
mod uses;

use crate::bytecode::verify;
use crate::program::{Code, Tables};
use analyze::Analysis;
use std::sync::Arc;
use sx_ir::{Func, Module};

/// A function can't be compiled to bytecode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompileError {
    /// The function's name.
    pub function: String,
    /// File number and byte offset of the function, where known.
    pub place: Option<(u32, u32)>,
    /// What is wrong.
    pub message: String,
}

impl CompileError {
    pub(crate) fn new(function: String, place: Option<(u32, u32)>, message: String) -> CompileError {
        CompileError { function, place, message }
    }
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", self.function, self.message)
    }
}

impl std::error::Error for CompileError {}

/// Compiles a verified function.
pub(crate) fn compile(module: &Module, func: &Arc<Func>, tables: &mut Tables) -> Result<Code, CompileError> {
    let fail = |message: String| {
        let place = func.locs.first().map(|loc| (loc.file, loc.offset));
        CompileError::new(func.name.clone(), place, message)
    };
    let written = write(module, func, tables).map_err(fail)?;
    let class = tables.class(&func.sig);
    let code = Code {
        words: written.words.into(),
        frame_slots: written.frame_slots,
        locs: written.locs,
        func: func.clone(),
        class,
    };
    verify::verify(&code, tables).map_err(fail)?;
    Ok(code)
}

fn write(module: &Module, func: &Func, tables: &mut Tables) -> Result<emit::Written, String> {
    let analysis = Analysis::new(module, func, tables)?;
    let live = live::live(&analysis);
    let frame = alloc::allocate(&analysis, &live)?;
    for long_jumps in [false, true] {
        if let Some(written) = emit::Emit::new(module, &analysis, &frame, tables, long_jumps).run()? {
            return Ok(written);
        }
    }
    Err("function too large: its jumps reach too far".into())
}
