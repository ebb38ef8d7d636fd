//! How much of the thread's stack, or of the fiber's that runs, there is.

/// What is taken where the system doesn't tell: half of what threads have at least.
const UNKNOWN: usize = 1 << 20;
/// More is never needed, and the system may set no limit.
const MOST: usize = 64 << 20;

/// The bytes that checking may take: half of what is left, since lowering and others come on top.
pub(crate) fn for_checking() -> usize {
    sx_vm::native_stack_left().map_or(UNKNOWN, |left| (left / 2).min(MOST))
}

/// What a compilation wants to find.
const LEAST: usize = 192 << 10;
/// What it is given where there is less, as on a fiber that a host function compiles on.
const MORE: usize = 4 << 20;

/// Does something that belongs to a compilation, on another stack if this one is short.
pub(crate) fn enough<R>(work: impl FnOnce() -> R) -> R {
    match sx_vm::native_stack_left() {
        Some(left) if left < LEAST => stacker::grow(MORE, work),
        _ => work(),
    }
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
