//! How the interpreter is entered: with a recovery point.

use super::Recovery;
use crate::bytecode::Word;
use crate::interp::state::{Core, Record};

/// The interpreter's loop.
pub(crate) type Body = unsafe extern "C-unwind" fn(*const Word, *mut u64, *const Core, *mut Record);

/// Runs the loop, on a thread that is given an alternate stack if it has none, until it ends, or until a fault ends it: `State::exit` says which.
///
/// # Safety
/// As for [`crate::interp::dispatch::run`]; `body` leaves nothing behind that would have to be dropped when it is left from
/// one of the table's instructions or from a bulk operation.
pub(crate) unsafe fn enter(pc: *const Word, fp: *mut u64, core: *const Core, rp: *mut Record, body: Body) {
    // SAFETY: the caller's promise. The outer recovery point is put back after the run, however it ended.
    unsafe {
        let state = (*core).state.get();
        let recovery = &raw mut (*state).strand.recovery;
        let (outer, turn) = (*recovery, (*state).strand.turn);
        if outer.sp == 0 && (*state).faults {
            super::altstack::ensure();
        }
        protect(pc, fp, core, rp, body, recovery);
        *recovery = outer;
        (*state).strand.turn = turn;
    }
}

/// Saves the callee-saved registers and the place to go on, and calls the body. Both a return and the handler's jump come out
/// behind the call.
#[unsafe(naked)]
unsafe extern "C-unwind" fn protect(
    pc: *const Word,
    fp: *mut u64,
    core: *const Core,
    rp: *mut Record,
    body: Body,
    recovery: *mut Recovery,
) {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        ".cfi_offset rbx, -24",
        "push r12",
        ".cfi_offset r12, -32",
        "push r13",
        ".cfi_offset r13, -40",
        "push r14",
        ".cfi_offset r14, -48",
        "push r15",
        ".cfi_offset r15, -56",
        "sub rsp, 8",
        "lea rax, [rip + 2f]",
        "mov [r9 + {sp}], rsp",
        "mov [r9 + {ip}], rax",
        "call r8",
        "2:",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        sp = const std::mem::offset_of!(Recovery, sp),
        ip = const std::mem::offset_of!(Recovery, ip),
    )
}

/// True when returns are checked against a second stack, which a jump out of frames would put out of step.
pub(super) fn has_shadow_stack() -> bool {
    let pointer: u64;
    // SAFETY: without shadow stacks the instruction does nothing.
    unsafe { std::arch::asm!("xor {0:e}, {0:e}", "rdsspq {0}", out(reg) pointer, options(nomem, nostack)) };
    pointer != 0
}
