//! Overflows of the stack as finds: without this they end the process before libFuzzer can keep the input.

/// Bytes of the stack that signals are handled on.
const SIZE: usize = 1 << 16;

/// Gives the thread a stack for signals. libFuzzer keeps to it if the signal's handling asks for it before its own
/// handler is there.
pub fn handle_overflows() {
    let stack: &'static mut [u8] = Box::leak(vec![0; SIZE].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: SIZE };
    // SAFETY: the memory is never given back; the zeroed action is the default one, with a flag and an empty mask.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_flags = libc::SA_ONSTACK;
        action.sa_sigaction = libc::SIG_DFL;
        let set = libc::sigaltstack(&stack, std::ptr::null_mut()) == 0
            && libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()) == 0;
        assert!(set, "signals can be handled on a stack of their own");
    }
}
