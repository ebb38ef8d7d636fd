//! VM stacks: memory that never moves, committed on touch, reused. And how far the native stack reaches.

use crate::interp::state::Record;
use parking_lot::Mutex;
use std::ptr::NonNull;

/// Bytes of native stack that a host or C function finds at least.
pub(crate) const HOST_RESERVE: usize = 32 * 1024;
/// Bytes of native stack that an entry into the interpreter takes at most, until it calls out.
pub(crate) const ENTRY_RESERVE: usize = 16 * 1024;

/// The lowest address of the native stack that runs; 0 where the system doesn't tell.
#[inline]
pub(crate) fn native_limit() -> usize {
    stacker::remaining_stack().map_or(0, |left| here().saturating_sub(left))
}

/// Bytes of native stack between here and its end.
#[inline(always)]
pub(crate) fn native_room(limit: usize) -> usize {
    here().saturating_sub(limit)
}

/// About where the native stack is.
#[inline(always)]
pub(crate) fn here() -> usize {
    let local = 0u8;
    std::hint::black_box(&raw const local) as usize
}

/// At most this many stacks of one size wait for reuse.
const POOLED: usize = 64;

static POOL: Mutex<Vec<Stack>> = Mutex::new(Vec::new());

/// A VM stack, and behind it a return stack of the same size.
#[derive(Debug)]
pub(crate) struct Stack {
    base: NonNull<u8>,
    /// Of each of the two.
    bytes: usize,
}

// SAFETY: plain memory with one owner.
unsafe impl Send for Stack {}

impl Stack {
    /// A stack of at least `bytes`, from the pool if one fits; none when the system has no memory.
    pub fn take(bytes: usize) -> Option<Stack> {
        let bytes = bytes.max(4096).checked_next_multiple_of(4096)?;
        let mut pool = POOL.lock();
        if let Some(found) = pool.iter().rposition(|stack| stack.bytes == bytes) {
            return Some(pool.swap_remove(found));
        }
        drop(pool);
        let base = os::reserve(bytes.checked_mul(2)?)?;
        Some(Stack { base, bytes })
    }
    /// Gives it back.
    pub fn give_back(self) {
        let mut pool = POOL.lock();
        if pool.len() < POOLED {
            pool.push(self);
        }
    }
    /// Its first slot, aligned to 16 bytes.
    pub fn base(&self) -> *mut u64 {
        self.base.as_ptr().cast()
    }
    /// The first record of the return stack.
    pub fn records(&self) -> *mut Record {
        self.limit() as *mut Record
    }
    /// The address behind it.
    pub fn limit(&self) -> usize {
        self.base.as_ptr() as usize + self.bytes
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: reserved by `take` with this size; nobody else has it.
        unsafe { os::release(self.base, self.bytes * 2) }
    }
}

#[cfg(unix)]
pub(crate) mod os {
    use std::ptr::NonNull;

    /// Zeroed pages.
    pub fn reserve(bytes: usize) -> Option<NonNull<u8>> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new anonymous mapping touches nothing that exists.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED { None } else { NonNull::new(base.cast()) }
    }

    /// Gives pages back.
    ///
    /// # Safety
    /// They were reserved with this size, and nobody has them.
    pub unsafe fn release(base: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's promise. A failure would only leak the mapping.
        unsafe { libc::munmap(base.as_ptr().cast(), bytes) };
    }
}

#[cfg(not(unix))]
pub(crate) mod os {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::ptr::NonNull;

    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes, 4096).ok()
    }

    /// Zeroed pages.
    pub fn reserve(bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: `bytes` isn't 0.
        NonNull::new(unsafe { alloc_zeroed(layout(bytes)?) })
    }

    /// Gives pages back.
    ///
    /// # Safety
    /// They were reserved with this size, and nobody has them.
    pub unsafe fn release(base: NonNull<u8>, bytes: usize) {
        if let Some(layout) = layout(bytes) {
            // SAFETY: the caller's promise.
            unsafe { dealloc(base.as_ptr(), layout) }
        }
    }
}
