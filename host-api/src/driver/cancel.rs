//! Stopping compile-time code from other threads.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use sx_vm::InterruptHandle;

/// Stops the code that compilations run, from any thread: an editor gives each engine one, and cancels when the text has
/// changed or its window is closed. Clones are the same.
///
/// What is canceled stays so: the compilation ends with an error where the code was, and later ones of the engine run no
/// code at compile time.
///
/// ```
/// let cancel = sx::CompileCancel::new();
/// let engine = sx::Engine::builder().compile_cancel(cancel.clone()).comptime_budget(u64::MAX).build();
/// let thread = std::thread::spawn(move || engine.compile("#run { while true { } };").is_err());
/// cancel.cancel();
/// assert!(thread.join().unwrap());
/// ```
#[derive(Clone, Debug, Default)]
pub struct CompileCancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    canceled: AtomicBool,
    /// The instances in which code runs.
    running: Mutex<Vec<(u64, InterruptHandle)>>,
}

impl CompileCancel {
    /// One that isn't canceled.
    pub fn new() -> CompileCancel {
        CompileCancel::default()
    }
    /// Stops what runs, and what would run later.
    pub fn cancel(&self) {
        let running = self.0.running.lock();
        self.0.canceled.store(true, Ordering::SeqCst);
        running.iter().for_each(|(_, handle)| handle.cancel());
    }
    /// True once it was canceled.
    pub fn is_canceled(&self) -> bool {
        self.0.canceled.load(Ordering::SeqCst)
    }
    /// An instance begins to run code; while the guard lives it can be stopped.
    pub(super) fn guard(&self, handle: InterruptHandle) -> Guard {
        let mut running = self.0.running.lock();
        let number = running.last().map_or(0, |&(last, _)| last + 1);
        if self.is_canceled() {
            handle.cancel();
        }
        running.push((number, handle));
        Guard { cancel: self.clone(), number }
    }
}

/// An instance that can be stopped.
pub(super) struct Guard {
    cancel: CompileCancel,
    number: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.cancel.0.running.lock().retain(|&(number, _)| number != self.number);
    }
}
