//! Waiting for a word of memory to change: what locks do when trying again doesn't help.
//!
//! A program gives an address and the number that it found there. If the number is still there, its thread sleeps until
//! another thread unparks the address, a deadline comes, or the execution is asked to end. The place where threads wait is
//! a table of the instance's and no service of the system, so that every waiter can be found and woken, and so that it is
//! known when nobody is left who could wake one.
//!
//! Locks are taken in this order: the list of threads, the table, what is poisoned, a signal.

use crate::interp::state::Core;
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// How [`crate::Caller::park`] went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parked {
    /// Another thread unparked the address.
    Woken,
    /// The number there was another one already.
    Changed,
    /// The deadline came.
    TimedOut,
}

/// Where one thread sleeps.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    wait: Mutex<Wait>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Wait {
    /// Nobody has taken it out of the table.
    #[default]
    Parked,
    /// It was unparked.
    Woken,
    /// It was taken out because nobody would have unparked it.
    Deadlocked,
}

impl Signal {
    /// Makes a waiting thread look at its requests.
    pub fn knock(&self) {
        // Whoever is between its look and its sleep holds the lock.
        let _between = self.wait.lock();
        self.changed.notify_one();
    }
    fn end(&self, how: Wait) {
        *self.wait.lock() = how;
        self.changed.notify_one();
    }
}

/// What ended a sleep without an answer of the table.
enum Slept {
    Table(Wait),
    Asked,
    Late,
}

struct Waiter {
    /// The thread's number.
    id: u64,
    signal: Arc<Signal>,
    /// It has no deadline.
    forever: bool,
}

struct Table {
    waiters: FxHashMap<usize, VecDeque<Waiter>>,
    /// Executions that don't wait forever.
    awake: usize,
}

/// The waiting threads of an instance.
pub(crate) struct Parking {
    table: Mutex<Table>,
}

/// Why a wait ended that can't go on.
pub(crate) enum Refused {
    /// A request waits to be answered; the wait can be tried again after that.
    Requested,
    /// Every thread waits, and none has a deadline.
    Deadlock,
    /// What it waits for doesn't come any more.
    Poisoned,
}

impl Parking {
    /// For an instance with one execution.
    pub fn new() -> Parking {
        Parking { table: Mutex::new(Table { waiters: FxHashMap::default(), awake: 1 }) }
    }
    /// One more execution begins.
    pub fn begun(&self) {
        self.table.lock().awake += 1;
    }
    /// An execution has ended, and wakes those that wait for it at an address.
    pub fn ended(&self, address: Option<usize>) {
        let mut table = self.table.lock();
        if let Some(address) = address {
            table.unpark(address, usize::MAX);
        }
        table.sleeps();
    }
    /// Waits while the 32 bits at an address are `expected`, unless `poisoned` says at the last moment that nobody will change
    /// them.
    ///
    /// # Safety
    /// The address is aligned and can be read; `core` is the execution that this thread runs.
    pub unsafe fn park(
        &self,
        core: &Core,
        address: usize,
        expected: u32,
        deadline: Option<Instant>,
        poisoned: impl FnOnce() -> bool,
    ) -> Result<Parked, Refused> {
        let signal = &core.signal;
        let mut table = self.table.lock();
        // SAFETY: the caller's promise.
        let word = unsafe { AtomicU32::from_ptr(address as *mut u32) };
        if word.load(Ordering::SeqCst) != expected {
            return Ok(Parked::Changed);
        }
        if core.requests.load(Ordering::SeqCst) != 0 {
            return Err(Refused::Requested);
        }
        if poisoned() {
            return Err(Refused::Poisoned);
        }
        let forever = deadline.is_none();
        *signal.wait.lock() = Wait::Parked;
        // SAFETY: the caller's promise.
        let id = unsafe { (*core.state.get()).own.id };
        table.waiters.entry(address).or_default().push_back(Waiter { id, signal: signal.clone(), forever });
        if forever {
            table.sleeps();
        }
        drop(table);
        let slept = sleep(core, deadline);
        match slept {
            Slept::Table(Wait::Deadlocked) => return Err(Refused::Deadlock),
            Slept::Table(_) => return Ok(Parked::Woken),
            Slept::Asked | Slept::Late => {}
        }
        // Perhaps it was taken out meanwhile.
        let mut table = self.table.lock();
        if !table.remove(address, signal) {
            return Ok(Parked::Woken);
        }
        if forever {
            table.awake += 1;
        }
        match slept {
            Slept::Late => Ok(Parked::TimedOut),
            _ => Err(Refused::Requested),
        }
    }
    /// Wakes everyone, to look again at what they wait for.
    pub fn wake_all(&self) {
        let mut table = self.table.lock();
        let addresses: Vec<usize> = table.waiters.keys().copied().collect();
        for address in addresses {
            table.unpark(address, usize::MAX);
        }
    }
    /// Wakes up to `count` of those that wait at an address, the longest waiting first; says how many there were.
    pub fn unpark(&self, address: usize, count: usize) -> usize {
        self.table.lock().unpark(address, count)
    }
}

/// Sleeps until the table, a request or the deadline ends it.
fn sleep(core: &Core, deadline: Option<Instant>) -> Slept {
    let signal = &*core.signal;
    let mut wait = signal.wait.lock();
    loop {
        if *wait != Wait::Parked {
            return Slept::Table(*wait);
        }
        if core.requests.load(Ordering::SeqCst) != 0 {
            return Slept::Asked;
        }
        match deadline {
            None => signal.changed.wait(&mut wait),
            Some(deadline) if Instant::now() >= deadline => return Slept::Late,
            Some(deadline) => drop(signal.changed.wait_until(&mut wait, deadline)),
        }
    }
}

impl Table {
    fn unpark(&mut self, address: usize, count: usize) -> usize {
        let Some(queue) = self.waiters.get_mut(&address) else { return 0 };
        let woken = count.min(queue.len());
        for waiter in queue.drain(..woken) {
            self.awake += waiter.forever as usize;
            waiter.signal.end(Wait::Woken);
        }
        if queue.is_empty() {
            self.waiters.remove(&address);
        }
        woken
    }
    /// Takes out a waiter; false when it isn't there any more.
    fn remove(&mut self, address: usize, signal: &Arc<Signal>) -> bool {
        let Some(queue) = self.waiters.get_mut(&address) else { return false };
        let Some(at) = queue.iter().position(|waiter| Arc::ptr_eq(&waiter.signal, signal)) else {
            return false;
        };
        queue.remove(at);
        if queue.is_empty() {
            self.waiters.remove(&address);
        }
        true
    }
    /// One execution less could wake others. If there is none left, the oldest of those that wait is told.
    fn sleeps(&mut self) {
        self.awake -= 1;
        if self.awake > 0 {
            return;
        }
        let waiters =
            self.waiters.iter().flat_map(|(&address, queue)| queue.iter().map(move |w| (w.id, address)));
        let Some((id, address)) = waiters.min() else { return };
        let Some(queue) = self.waiters.get_mut(&address) else { return };
        let Some(waiter) = queue.iter().position(|w| w.id == id).and_then(|at| queue.remove(at)) else {
            return;
        };
        if queue.is_empty() {
            self.waiters.remove(&address);
        }
        self.awake += 1;
        waiter.signal.end(Wait::Deadlocked);
    }
}
