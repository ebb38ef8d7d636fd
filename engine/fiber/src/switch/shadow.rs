//! Shadow stacks (CET). A thread that has one can't change to a stack without one of its own: the first return on the
//! other stack would fault. Neither switch makes shadow stacks, so such a process is told so instead.

use crate::Error;

/// Whether this thread has a shadow stack.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn enabled() -> bool {
    const ARCH_SHSTK_STATUS: libc::c_int = 0x5005;
    const SHSTK: u64 = 1;
    let mut features = 0_u64;
    // SAFETY: the call writes one word through the pointer, or fails where the kernel doesn't know it.
    let done = unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SHSTK_STATUS, &raw mut features) };
    done == 0 && features & SHSTK != 0
}

/// Whether this thread has a shadow stack: there are none here that a process could meet.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn enabled() -> bool {
    false
}

/// An error if this process has shadow stacks. They are turned on before `main` or not at all, so it is asked once.
pub(crate) fn check() -> Result<(), Error> {
    use core::sync::atomic::{AtomicU8, Ordering};
    const UNKNOWN: u8 = 0;
    const ABSENT: u8 = 1;
    const PRESENT: u8 = 2;
    static KNOWN: AtomicU8 = AtomicU8::new(UNKNOWN);
    let mut known = KNOWN.load(Ordering::Relaxed);
    if known == UNKNOWN {
        known = if enabled() { PRESENT } else { ABSENT };
        KNOWN.store(known, Ordering::Relaxed);
    }
    judge(known == PRESENT)
}

fn judge(present: bool) -> Result<(), Error> {
    if present { Err(Error::ShadowStack) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_stack_is_an_error() {
        assert_eq!(judge(true), Err(Error::ShadowStack));
        assert_eq!(judge(false), Ok(()));
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn the_kernel_says_the_same_in_proc() {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("x86_Thread_features:")).unwrap_or("");
        assert_eq!(enabled(), line.split_whitespace().any(|word| word == "shstk"));
    }
}
