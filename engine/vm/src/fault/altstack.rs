//! The alternate signal stack: each thread that enters sx has one, so that a handler can run where the stack is full.
//!
//! Threads of Rust's standard library have one; others get ours. Where there is no memory for it, handlers run on the thread's
//! own stack: stray pointers are still traps, only an overflow of host code ends without a message.

use std::cell::Cell;
use std::ptr;

/// Room for the signal frame with the largest register files there are, and for the host's handlers that are passed on to.
const BYTES: usize = 64 * 1024;
/// A thread's own stack of at least this size is left alone.
const ENOUGH: usize = 8 * 1024;

/// A stack of ours, given back when its thread ends.
struct AltStack {
    base: *mut libc::c_void,
}

impl Drop for AltStack {
    fn drop(&mut self) {
        // SAFETY: this thread no longer enters sx, and stops using the stack before it goes.
        unsafe {
            let off = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            if libc::sigaltstack(&raw const off, ptr::null_mut()) == 0 {
                libc::munmap(self.base, BYTES);
            }
        }
    }
}

thread_local! {
    static ENSURED: Cell<bool> = const { Cell::new(false) };
    static OWN: Cell<Option<AltStack>> = const { Cell::new(None) };
}

/// Sees that this thread has an alternate stack.
pub(super) fn ensure() {
    if ENSURED.replace(true) {
        return;
    }
    if let Some(stack) = make() {
        // A thread that is ending keeps nothing; the stack goes at once then.
        let _ = OWN.try_with(|own| own.set(Some(stack)));
    }
}

fn make() -> Option<AltStack> {
    // SAFETY: asks for, and then sets, this thread's own stack, with memory that nobody else has.
    unsafe {
        let mut current: libc::stack_t = std::mem::zeroed();
        let known = libc::sigaltstack(ptr::null(), &raw mut current) == 0;
        if !known || (current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= ENOUGH) {
            return None;
        }
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let base = libc::mmap(ptr::null_mut(), BYTES, protection, flags, -1, 0);
        if base == libc::MAP_FAILED {
            return None;
        }
        let own = libc::stack_t { ss_sp: base, ss_flags: 0, ss_size: BYTES };
        if libc::sigaltstack(&raw const own, ptr::null_mut()) != 0 {
            libc::munmap(base, BYTES);
            return None;
        }
        Some(AltStack { base })
    }
}
