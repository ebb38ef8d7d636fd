//! From the middle of an interpreted function to machine code: on-stack replacement.
//!
//! It happens where the body of a loop ends and nowhere else, when a request for news was answered there. The jump back to
//! the header is executed by itself; if machine code was made that goes on from that header, it is given the frame, and does the
//! rest of the function. The frame stays where it is, with the memory of locals in it: whoever has their addresses sees no
//! difference.

use super::entry;
use super::place::Turn;
use crate::bytecode::Word;
use crate::env;
use crate::interp::dispatch;
use crate::interp::state::{Core, Record, returning};
use crate::stack::{ENTRY_RESERVE, native_room};

/// The most jumps from a poll to the header: the poll itself, a condition, a long jump.
const JUMPS: usize = 3;

/// Goes on at an instruction that has polled: there, at the header that it leads to, or behind the whole function.
///
/// # Safety
/// Called by the handler that answers requests; the three are the place of the instruction that asked.
pub(crate) unsafe fn go_on(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> *const Word {
    // SAFETY: the running thread owns the state, and the instructions up to the header only jump.
    unsafe {
        let state = (*core).state.get();
        if !std::mem::take(&mut (*state).looks) || !dispatch::is_poll(pc) {
            return pc;
        }
        let env = env::shared(state);
        let natives = env.program.natives(env.counts());
        let mut at = pc;
        for _ in 0..JUMPS {
            if !dispatch::is_jump(at) {
                break;
            }
            at = dispatch::step(at, fp, core, rp);
            if let Some(entry) = natives.loop_at(at as usize)
                && native_room((*state).strand.native_limit) >= ENTRY_RESERVE
            {
                run(core, fp, rp, env.program.frame_slots_at(at), entry.code, entry.trampoline);
                return returning();
            }
        }
        at
    }
}

/// Runs the rest of a function as machine code; its results are at the frame's beginning then.
unsafe fn run(
    core: *const Core,
    fp: *mut u64,
    rp: *mut Record,
    frame_slots: usize,
    code: *const u8,
    trampoline: *const u8,
) {
    // SAFETY: as for `turn::run`.
    unsafe {
        let strand = &raw mut (*(*core).state.get()).strand;
        let mut turn = Turn { base: 0, rp };
        let (outer_top, outer_records, outer_turn) = ((*strand).top, (*strand).records, (*strand).turn);
        let (outer_limit, outer_small) = ((*strand).stack_limit, (*strand).small);
        (*strand).top = fp.add(frame_slots.next_multiple_of(2));
        (*strand).records = rp;
        (*strand).turn = &raw const turn;
        // It uses the native stack, as functions of the host do.
        (*strand).called = true;
        (*core).sync_native_guard();
        let frame = fp as u64;
        entry::call(trampoline, code, core, &raw const frame, std::ptr::null_mut(), &raw mut turn.base);
        (*strand).top = outer_top;
        (*strand).turn = outer_turn;
        env::gather(core, outer_records, outer_limit, outer_small);
    }
}
