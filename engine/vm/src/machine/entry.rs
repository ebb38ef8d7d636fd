//! The ways into machine code and out of it: the few routines that know its registers.
//!
//! `call` goes from Rust to machine code, through the trampoline of its signature. `leave` goes from machine code to the
//! recovery point. Helpers are called through routines that note the place first: the return address, the frame pointer,
//! and what stands below the compiled frames. `adapter` goes from machine code to the interpreter, whatever the signature.

#[cfg(sx_faults)]
pub(super) use x86_64::*;

#[cfg(sx_faults)]
mod x86_64 {
    use super::super::abi::{NOTED, state};
    use super::super::helpers;
    use crate::fault::Recovery;
    use crate::interp::state::{Core, State, Strand};
    use std::arch::naked_asm;
    use std::mem::offset_of;
    use sx_ir::TrapKind;

    /// What machine code had in its registers when it called a function that is interpreted.
    #[repr(C)]
    pub(in super::super) struct Passed {
        /// Integers and addresses, behind the execution; two results come back in the first.
        pub ints: [u64; 5],
        /// Floats; two results come back in the first.
        pub floats: [u64; 8],
    }

    /// Calls machine code through a trampoline: `(code, core, args, results)`. Writes its own frame's address to `base`: the
    /// trampoline's frame leads there.
    #[unsafe(naked)]
    pub(in super::super) unsafe extern "C" fn call(
        trampoline: *const u8,
        code: *const u8,
        core: *const Core,
        args: *const u64,
        results: *mut u64,
        base: *mut usize,
    ) {
        naked_asm!(
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "mov [r9], rbp",
            "mov rax, rdi",
            "mov rdi, rsi",
            "mov rsi, rdx",
            "mov rdx, rcx",
            "mov rcx, r8",
            "call rax",
            "pop rbp",
            ".cfi_def_cfa rsp, 8",
            "ret",
            ".cfi_endproc",
        )
    }

    /// Notes the place, tells what happened while the frames are there, and goes on at the recovery point.
    #[unsafe(naked)]
    pub(in super::super) unsafe extern "C" fn leave(
        core: *const Core,
        code: u32,
        a: u64,
        b: u64,
        c: u64,
    ) -> ! {
        naked_asm!(
            "mov rax, [rsp]",
            "lea rax, [rax + rax + 1]",
            "mov [rdi + {pc}], rax",
            "mov [rdi + {fp}], rbp",
            "mov rax, [rdi + {turn}]",
            "mov [rdi + {rp}], rax",
            "push rdi",
            // Unless a helper has told it already.
            "cmp esi, {noted}",
            "je 2f",
            "call {tell}",
            "2:",
            "mov rdi, [rsp]",
            "mov rsp, [rdi + {sp}]",
            "jmp [rdi + {ip}]",
            noted = const NOTED,
            tell = sym helpers::tell,
            pc = const state!(exit_pc),
            fp = const state!(exit_fp),
            rp = const state!(exit_rp),
            turn = const state!(strand) + offset_of!(Strand, turn),
            sp = const state!(strand) + offset_of!(Strand, recovery) + offset_of!(Recovery, sp),
            ip = const state!(strand) + offset_of!(Strand, recovery) + offset_of!(Recovery, ip),
        )
    }

    /// Where the handler of a fault goes on in machine code, or in a helper that went over memory for it, with the execution in
    /// `rbx` and the place noted: as [`leave`].
    #[unsafe(naked)]
    pub(crate) unsafe extern "C" fn faulted() -> ! {
        naked_asm!(
            // The red zone below belongs to the code that faulted, which doesn't go on.
            "and rsp, -16",
            "mov rdi, rbx",
            "mov esi, {code}",
            "xor edx, edx",
            "xor ecx, ecx",
            "xor r8d, r8d",
            "call {tell}",
            "mov rsp, [rbx + {sp}]",
            "jmp [rbx + {ip}]",
            code = const TrapKind::InvalidMemory as u32,
            tell = sym helpers::tell,
            sp = const state!(strand) + offset_of!(Strand, recovery) + offset_of!(Recovery, sp),
            ip = const state!(strand) + offset_of!(Strand, recovery) + offset_of!(Recovery, ip),
        )
    }

    /// As [`leave`], the operands being 0.
    #[unsafe(naked)]
    pub(in super::super) unsafe extern "C" fn leave_plain(core: *const Core, code: u32) -> ! {
        naked_asm!("xor edx, edx", "xor ecx, ecx", "xor r8d, r8d", "jmp {leave}", leave = sym leave)
    }

    /// Routines that note the caller's place, tagged as [`super::super::place`] says, and go on with a helper.
    macro_rules! noting {
        ($($name:ident)*) => {$(
            #[unsafe(naked)]
            pub(in super::super) unsafe extern "C" fn $name() {
                naked_asm!(
                    "mov rax, [rsp]",
                    "lea rax, [rax + rax + 1]",
                    "mov [rdi + {pc}], rax",
                    "mov [rdi + {fp}], rbp",
                    "mov rax, [rdi + {turn}]",
                    "mov [rdi + {rp}], rax",
                    "jmp {helper}",
                    pc = const state!(exit_pc),
                    fp = const state!(exit_fp),
                    rp = const state!(exit_rp),
                    turn = const state!(strand) + offset_of!(Strand, turn),
                    helper = sym helpers::$name,
                )
            }
        )*};
    }
    noting! {
        call_extern call_pointer c_func_addr extern_addr err_trace mem_move mem_set mem_cmp
    }

    /// Routines that ask a helper at a place where hardly ever anything is to be asked: they keep every register, so that
    /// nothing is saved for their sake on the way past them, and leave by themselves when the helper says so.
    macro_rules! asking {
        ($($name:ident)*) => {$(
            #[unsafe(naked)]
            pub(in super::super) unsafe extern "C" fn $name() {
                naked_asm!(
                    ".cfi_startproc",
                    "push rax",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "push rdi",
                    "push r8",
                    "push r9",
                    "push r10",
                    "push r11",
                    "sub rsp, 256",
                    ".cfi_def_cfa_offset 336",
                    "movaps [rsp], xmm0",
                    "movaps [rsp + 16], xmm1",
                    "movaps [rsp + 32], xmm2",
                    "movaps [rsp + 48], xmm3",
                    "movaps [rsp + 64], xmm4",
                    "movaps [rsp + 80], xmm5",
                    "movaps [rsp + 96], xmm6",
                    "movaps [rsp + 112], xmm7",
                    "movaps [rsp + 128], xmm8",
                    "movaps [rsp + 144], xmm9",
                    "movaps [rsp + 160], xmm10",
                    "movaps [rsp + 176], xmm11",
                    "movaps [rsp + 192], xmm12",
                    "movaps [rsp + 208], xmm13",
                    "movaps [rsp + 224], xmm14",
                    "movaps [rsp + 240], xmm15",
                    "mov rax, [rsp + 328]",
                    "lea rax, [rax + rax + 1]",
                    "mov [rdi + {pc}], rax",
                    "mov [rdi + {fp}], rbp",
                    "mov rax, [rdi + {turn}]",
                    "mov [rdi + {rp}], rax",
                    "call {helper}",
                    "movaps xmm0, [rsp]",
                    "movaps xmm1, [rsp + 16]",
                    "movaps xmm2, [rsp + 32]",
                    "movaps xmm3, [rsp + 48]",
                    "movaps xmm4, [rsp + 64]",
                    "movaps xmm5, [rsp + 80]",
                    "movaps xmm6, [rsp + 96]",
                    "movaps xmm7, [rsp + 112]",
                    "movaps xmm8, [rsp + 128]",
                    "movaps xmm9, [rsp + 144]",
                    "movaps xmm10, [rsp + 160]",
                    "movaps xmm11, [rsp + 176]",
                    "movaps xmm12, [rsp + 192]",
                    "movaps xmm13, [rsp + 208]",
                    "movaps xmm14, [rsp + 224]",
                    "movaps xmm15, [rsp + 240]",
                    "add rsp, 256",
                    ".cfi_def_cfa_offset 80",
                    "test eax, eax",
                    "jne 2f",
                    "pop r11",
                    "pop r10",
                    "pop r9",
                    "pop r8",
                    "pop rdi",
                    "pop rsi",
                    "pop rdx",
                    "pop rcx",
                    "pop rax",
                    ".cfi_def_cfa_offset 8",
                    "ret",
                    ".cfi_def_cfa_offset 80",
                    // The answer is a trap's code and 1; the place is that of the question.
                    "2:",
                    "mov rdi, [rsp + 32]",
                    "lea esi, [rax - 1]",
                    "add rsp, 72",
                    ".cfi_def_cfa_offset 8",
                    "jmp {leave}",
                    ".cfi_endproc",
                    pc = const state!(exit_pc),
                    fp = const state!(exit_fp),
                    rp = const state!(exit_rp),
                    turn = const state!(strand) + offset_of!(Strand, turn),
                    helper = sym helpers::$name,
                    leave = sym leave_plain,
                )
            }
        )*};
    }
    asking! { poll no_room no_frame }

    /// Where entries of functions lead that have no machine code: calls the function that `State::callee` names. Gathers the
    /// registers that can hold arguments, and gives the interpreter those and the rest on the stack.
    #[unsafe(naked)]
    pub(in super::super) unsafe extern "C" fn adapter() {
        naked_asm!(
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "sub rsp, 112",
            "mov [rsp], rsi",
            "mov [rsp + 8], rdx",
            "mov [rsp + 16], rcx",
            "mov [rsp + 24], r8",
            "mov [rsp + 32], r9",
            "movsd [rsp + 40], xmm0",
            "movsd [rsp + 48], xmm1",
            "movsd [rsp + 56], xmm2",
            "movsd [rsp + 64], xmm3",
            "movsd [rsp + 72], xmm4",
            "movsd [rsp + 80], xmm5",
            "movsd [rsp + 88], xmm6",
            "movsd [rsp + 96], xmm7",
            "mov [rsp + 104], rdi",
            // The place is the caller's.
            "mov rax, [rbp + 8]",
            "lea rax, [rax + rax + 1]",
            "mov [rdi + {pc}], rax",
            "mov rax, [rbp]",
            "mov [rdi + {fp}], rax",
            "mov rax, [rdi + {turn}]",
            "mov [rdi + {rp}], rax",
            "mov rsi, rsp",
            "lea rdx, [rbp + 16]",
            "call {interpret}",
            "test eax, eax",
            "jne 3f",
            "mov rax, [rsp]",
            "mov rdx, [rsp + 8]",
            "movsd xmm0, [rsp + 40]",
            "movsd xmm1, [rsp + 48]",
            "leave",
            ".cfi_def_cfa rsp, 8",
            "ret",
            "3:",
            ".cfi_def_cfa rbp, 16",
            "mov rdi, [rsp + 104]",
            "mov esi, {noted}",
            "call {leave}",
            "ud2",
            ".cfi_endproc",
            pc = const state!(exit_pc),
            fp = const state!(exit_fp),
            rp = const state!(exit_rp),
            turn = const state!(strand) + offset_of!(Strand, turn),
            interpret = sym helpers::interpret,
            noted = const NOTED,
            leave = sym leave_plain,
        )
    }

    const _: () = assert!(size_of::<Passed>() == 104, "the adapter's frame has the same layout");
    const _: () = assert!(offset_of!(Passed, floats) == 40);
    const _: () = assert!(offset_of!(Core, state) + size_of::<State>() < i32::MAX as usize);
}

/// Machines that code can't be entered on: nothing of this is reached.
#[cfg(not(sx_faults))]
mod none {
    use crate::interp::state::Core;

    #[repr(C)]
    pub(in super::super) struct Passed {
        pub ints: [u64; 5],
        pub floats: [u64; 8],
    }

    pub(in super::super) unsafe fn call(
        _: *const u8,
        _: *const u8,
        _: *const Core,
        _: *const u64,
        _: *mut u64,
        _: *mut usize,
    ) {
        unreachable!("no machine code can be entered here, so there is none")
    }

    macro_rules! absent {
        ($($name:ident)*) => {$(
            pub(in super::super) extern "C" fn $name() {}
        )*};
    }
    absent! {
        leave leave_plain poll no_room no_frame call_extern call_pointer c_func_addr extern_addr err_trace mem_move mem_set mem_cmp
    }
}
#[cfg(not(sx_faults))]
pub(super) use none::*;
