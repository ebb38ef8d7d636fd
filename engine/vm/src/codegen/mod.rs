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
//! | [`reach`] | what code names in the program's tables |
//! | [`map`] | where values stand when a loop begins anew |
//! | `emit*` | writing the words |

mod alloc;
mod analyze;
mod emit;
mod emit_atomic;
mod emit_call;
mod emit_inst;
mod emit_jump;
mod emit_memory;
mod emit_vector;
mod imm;
mod live;
pub(crate) mod map;
mod order;
mod reach;
mod uses;

use crate::bytecode::verify;
use crate::program::{Code, Tables};
use analyze::Analysis;
use std::sync::Arc;
use sx_ir::{Func, FuncId, LocId, Module};

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

/// Functions are many and small: what code generation counts and lists in is kept from one to the next.
#[derive(Default)]
pub(crate) struct Room {
    analysis: analyze::Room,
    live: live::Live,
    alloc: alloc::Room,
    emit: emit::Room,
    verify: verify::Room,
}

/// Prepares the tables for a function's code.
pub(crate) fn prepare(module: &Module, func: &Func, tables: &mut Tables) -> Result<(), CompileError> {
    reach::enter(module, func, tables).map_err(|message| failed(func, message))
}

fn failed(func: &Func, message: String) -> CompileError {
    CompileError::new(func.name.to_string(), place(func), message)
}

/// Where a function stands: the first position that its code names. What a function starts with before it has been told
/// one is the beginning of the first file; that counts only if there is no other.
fn place(func: &Func) -> Option<(u32, u32)> {
    let blocks = func.blocks.iter();
    let named =
        blocks.flat_map(|block| func.code_locs[block.range()].iter().copied().chain([block.term_loc]));
    let mut places = named.filter_map(|loc| {
        let outer = |loc: &LocId| func.locs.get(loc.index()).and_then(|loc| loc.inlined_at);
        // A chain longer than the table of positions would be a cycle.
        let at = std::iter::successors(Some(loc), outer).take(func.locs.len()).last()?;
        func.locs.get(at.index()).map(|loc| (loc.file, loc.offset))
    });
    let first = places.next()?;
    Some(if first == (0, 0) { places.find(|&place| place != first).unwrap_or(first) } else { first })
}

/// Compiles a verified function that the tables are prepared for.
pub(crate) fn compile(
    module: &Module,
    func: &Arc<Func>,
    tables: &Tables,
    room: &mut Room,
) -> Result<Code, CompileError> {
    let fail = |message: String| failed(func, message);
    let written = write(module, func, tables, room).map_err(fail)?;
    let class = tables.known_class(&func.sig).map_err(fail)?;
    let code = Code {
        id: FuncId(u32::MAX),
        words: written.words,
        frame_slots: written.frame_slots,
        locs: written.locs,
        unsigned: written.unsigned,
        func: func.clone(),
        class,
    };
    verify::verify(&code, tables, &mut room.verify).map_err(fail)?;
    Ok(code)
}

fn write(module: &Module, func: &Func, tables: &Tables, room: &mut Room) -> Result<emit::Written, String> {
    let analysis = Analysis::new(func, tables, &mut room.analysis)?;
    room.live.compute(&analysis);
    let frame = alloc::allocate(&analysis, &room.live, &mut room.alloc)?;
    let mut written = None;
    for long_jumps in [false, true] {
        let emit = emit::Emit::new(module, &analysis, &frame, tables, &mut room.emit, long_jumps);
        written = emit.run()?;
        if written.is_some() {
            break;
        }
    }
    room.alloc.frame = frame;
    analysis.leave(&mut room.analysis);
    written.ok_or_else(|| "function too large: its jumps reach too far".into())
}
