//! How much of the thread's stack there is.

/// What is taken where the system doesn't tell: half of what threads have at least.
const UNKNOWN: usize = 1 << 20;
/// More is never needed, and the system may set no limit.
const MOST: usize = 64 << 20;

thread_local! {
    /// The lowest address of this thread's stack; 0 when it isn't known.
    static LOWEST: usize = lowest();
}

/// The bytes that checking may take: half of what is left, since lowering and others come on top.
pub(crate) fn for_checking() -> usize {
    let here = 0u8;
    let here = std::ptr::from_ref(std::hint::black_box(&here)).addr();
    match LOWEST.with(|&lowest| lowest) {
        0 => UNKNOWN,
        lowest => (here.saturating_sub(lowest) / 2).min(MOST),
    }
}

#[cfg(target_os = "linux")]
fn lowest() -> usize {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut address = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: the attributes are initialised by the first call, read and destroyed only if that went well.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return 0;
        }
        let found = libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if found { address.addr() } else { 0 }
    }
}

#[cfg(not(target_os = "linux"))]
fn lowest() -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_use_a_part_of_its_stack() {
        for size in [256 << 10, 1 << 20, 8 << 20] {
            let thread = std::thread::Builder::new().stack_size(size).spawn(for_checking);
            let left = thread.expect("threads can be made").join().expect("it ends");
            assert!(cfg!(not(target_os = "linux")) || (left <= size && left >= size / 3), "{left} of {size}");
        }
    }
}
