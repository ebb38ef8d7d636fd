//! Values that the threads of an instance share. While an instance has one thread, they cost it nothing.

use parking_lot::{Condvar, Mutex};
use std::any::Any;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value behind a lock that is taken only while there are several threads.
pub(crate) struct Guarded<T> {
    lock: Mutex<()>,
    value: UnsafeCell<T>,
}

// SAFETY: only one thread at a time reaches the value: see `with`.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub fn new(value: T) -> Guarded<T> {
        Guarded { lock: Mutex::new(()), value: UnsafeCell::new(value) }
    }
    /// Uses the value. `use_it` runs no code of the program.
    ///
    /// # Safety
    /// `alone` holds only when the calling thread is the instance's only one, which it stays until it starts another.
    #[inline]
    pub unsafe fn with<R>(&self, alone: bool, use_it: impl FnOnce(&mut T) -> R) -> R {
        let _lock = (!alone).then(|| self.lock.lock());
        // SAFETY: the lock is held, or there is nobody else; and what uses the value can't come here again.
        use_it(unsafe { &mut *self.value.get() })
    }
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// What the host keeps in an instance: one thread at a time has it, for as long as its host function wants.
#[derive(Default)]
pub(crate) struct HostData {
    value: UnsafeCell<Option<Box<dyn Any + Send>>>,
    /// The thread that has it; 0 if none does.
    owner: AtomicU64,
    lock: Mutex<()>,
    free: Condvar,
}

// SAFETY: `take` gives the value to one thread at a time, between which it may move.
unsafe impl Sync for HostData {}

impl HostData {
    /// Waits for the value and takes it for a thread; false when that thread has it already.
    #[inline]
    pub fn take(&self, alone: bool, thread: u64) -> bool {
        if self.owner.load(Ordering::Relaxed) == thread {
            return false;
        }
        if alone {
            self.owner.store(thread, Ordering::Relaxed);
        } else {
            self.wait(thread);
        }
        true
    }
    #[cold]
    fn wait(&self, thread: u64) {
        let mut lock = self.lock.lock();
        while self.owner.load(Ordering::Relaxed) != 0 {
            self.free.wait(&mut lock);
        }
        self.owner.store(thread, Ordering::Relaxed);
    }
    /// Gives it back after a `take` that was true.
    #[inline]
    pub fn give(&self, alone: bool) {
        if alone {
            self.owner.store(0, Ordering::Relaxed);
        } else {
            let lock = self.lock.lock();
            self.owner.store(0, Ordering::Relaxed);
            drop(lock);
            self.free.notify_one();
        }
    }
    /// The value.
    ///
    /// # Safety
    /// The thread has taken it, and there is no other reference.
    #[expect(clippy::mut_from_ref, reason = "whoever has taken it is alone with it")]
    pub unsafe fn get(&self) -> &mut Option<Box<dyn Any + Send>> {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.value.get() }
    }
    pub fn get_mut(&mut self) -> &mut Option<Box<dyn Any + Send>> {
        self.value.get_mut()
    }
}
