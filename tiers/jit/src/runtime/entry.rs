//! The way into compiled code, and out of it with a trap.
//!
//! The protocol is that of the interpreter's entry: callee-saved registers are pushed, the place to go on at is written
//! down, and both a return and a trap come out behind the call. A trap cuts the stack back to there, so nothing between
//! may own anything: there are compiled frames only.

use super::{Left, Recovery, Runtime, Services};

/// True where compiled code can be entered.
pub const SUPPORTED: bool = cfg!(all(target_arch = "x86_64", unix));

/// Calls compiled code through the trampoline of its signature. Whether a trap left it, `rt.trap()` says.
///
/// # Safety
/// `trampoline` and `code` are live code of one signature, made for a [`Runtime`]; `args` and `results` have a slot for each
/// of its values; the record's cells and objects are those that the code was linked with.
pub unsafe fn enter(
    trampoline: *const u8,
    code: *const u8,
    rt: &mut Runtime,
    services: &mut dyn Services,
    args: &[u64],
    results: &mut [u64],
) {
    let outer = (rt.recovery, rt.services);
    rt.left = Left::default();
    rt.noted = None;
    // SAFETY: the services outlive the call, and what is put there is taken away behind it.
    rt.services = Some(unsafe {
        std::mem::transmute::<*mut (dyn Services + '_), *mut (dyn Services + 'static)>(services)
    });
    // SAFETY: the caller's promise; the recovery point is this call's.
    unsafe {
        machine::protect(trampoline, code, rt, args.as_ptr(), results.as_mut_ptr(), &raw mut rt.recovery)
    };
    (rt.recovery, rt.services) = outer;
}

/// Where code leaves with operands.
pub(super) fn leave_address() -> usize {
    machine::leave as *const () as usize
}

/// Where code leaves without operands.
pub(super) fn leave_plain_address() -> usize {
    machine::leave_plain as *const () as usize
}

#[cfg(all(target_arch = "x86_64", unix))]
mod machine {
    use super::*;
    use std::arch::naked_asm;
    use std::mem::offset_of;

    /// Saves the callee-saved registers and the place to go on, and calls the trampoline, whose arguments are in place but
    /// for the first, which is itself.
    #[unsafe(naked)]
    pub(super) unsafe extern "C-unwind" fn protect(
        trampoline: *const u8,
        code: *const u8,
        rt: *mut Runtime,
        args: *const u64,
        results: *mut u64,
        recovery: *mut Recovery,
    ) {
        naked_asm!(
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
            "mov rax, rdi",
            "mov rdi, rsi",
            "mov rsi, rdx",
            "mov rdx, rcx",
            "mov rcx, r8",
            "call rax",
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
            sp = const offset_of!(Recovery, sp),
            ip = const offset_of!(Recovery, ip),
        )
    }

    /// Notes what happened and where, and goes on at the recovery point. The prologue of a fault's handler would do the same.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn leave(rt: *mut Runtime, code: u32, a: u64, b: u64, c: u64) -> ! {
        naked_asm!(
            "mov [rdi + {code}], esi",
            "mov [rdi + {operands}], rdx",
            "mov [rdi + {operands} + 8], rcx",
            "mov [rdi + {operands} + 16], r8",
            "mov rax, [rsp]",
            "mov [rdi + {pc}], rax",
            "mov [rdi + {frame}], rbp",
            "mov rsp, [rdi + {sp}]",
            "jmp [rdi + {ip}]",
            code = const offset_of!(Runtime, left) + offset_of!(Left, code),
            operands = const offset_of!(Runtime, left) + offset_of!(Left, operands),
            pc = const offset_of!(Runtime, left) + offset_of!(Left, pc),
            frame = const offset_of!(Runtime, left) + offset_of!(Left, frame),
            sp = const offset_of!(Runtime, recovery) + offset_of!(Recovery, sp),
            ip = const offset_of!(Runtime, recovery) + offset_of!(Recovery, ip),
        )
    }

    /// As [`leave`], the operands being 0.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn leave_plain(rt: *mut Runtime, code: u32) -> ! {
        naked_asm!(
            "xor edx, edx",
            "xor ecx, ecx",
            "xor r8d, r8d",
            "jmp {leave}",
            leave = sym leave,
        )
    }
}

#[cfg(not(all(target_arch = "x86_64", unix)))]
mod machine {
    use super::*;

    pub(super) unsafe fn protect(
        _: *const u8,
        _: *const u8,
        _: *mut Runtime,
        _: *const u64,
        _: *mut u64,
        _: *mut Recovery,
    ) {
        unreachable!("no compiler was made for this machine, so there is no code to enter")
    }
    pub(super) extern "C" fn leave() {}
    pub(super) extern "C" fn leave_plain() {}
}
