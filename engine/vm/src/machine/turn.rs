//! From the interpreter to machine code.
//!
//! A function that has machine code begins, for the interpreter, with an instruction of its own: `Machine`. So calls of it are
//! as all others, and cost the interpreter nothing while there is none.

use super::entry;
use super::place::Turn;
use crate::bytecode::Word;
use crate::env;
use crate::interp::state::{Core, MIN_WINDOW, Record, St, returning};
use crate::stack::{ENTRY_RESERVE, native_room};
use std::sync::atomic::{Ordering, fence};
use sx_ir::TrapKind;

/// Runs the function at whose beginning the interpreter is, as machine code; where to go on.
///
/// # Safety
/// Called by the handler of `Machine`, in a frame that the call has just entered.
#[inline(never)]
pub(crate) unsafe fn run(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> *const Word {
    let st = St::<false> { pc, fp, core, rp };
    // SAFETY: the running thread owns the state. Machine code that is in a cell lives as long as the program.
    unsafe {
        let state = (*core).state.get();
        let strand = &raw mut (*state).strand;
        if native_room((*strand).native_limit) < ENTRY_RESERVE {
            return st.fail(TrapKind::StackOverflow, [0; 3]).pc;
        }
        let cell = (*state).cells.add(st.w() as u32 as usize);
        // Behind the load of the instruction, before which these were written.
        fence(Ordering::Acquire);
        let (code, trampoline) = ((*cell).machine(), (*cell).trampoline());
        let mut turn = Turn { base: 0, rp };
        let (outer_top, outer_records, outer_turn) = ((*strand).top, (*strand).records, (*strand).turn);
        let (outer_limit, outer_small) = ((*strand).stack_limit, (*strand).small);
        // Behind the arguments and results: machine code has no frame here.
        (*strand).top = fp.add(st.a().max(MIN_WINDOW).next_multiple_of(2));
        (*strand).records = rp;
        (*strand).turn = &raw const turn;
        // It uses the native stack, as functions of the host do.
        (*strand).called = true;
        (*core).sync_native_guard();
        entry::call(trampoline, code, core, fp, fp, &raw mut turn.base);
        (*strand).top = outer_top;
        (*strand).turn = outer_turn;
        env::gather(core, outer_records, outer_limit, outer_small);
    }
    returning()
}
