//! Limits, interruption from other threads, and the memory meter.

use crate::threads::Threads;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

/// What an instance may use. The default suits embedding.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the VM stack: what bounds recursion. Reserved at once, committed on touch.
    pub stack_bytes: usize,
    /// How often host and sx code may call each other in turn, since each turn takes native stack.
    pub native_depth: u32,
    /// Polls (loop iterations and calls) before a call traps `interrupted: out of fuel`; none is unlimited and faster.
    /// The count lasts until [`crate::Instance::set_fuel`] renews it.
    pub fuel: Option<u64>,
    /// How long each outermost call may take.
    pub call_time: Option<Duration>,
    /// How many fibers there may be at once on each thread.
    pub fibers: u32,
    /// Bytes that each fiber's stack reserves; they are taken as they are touched.
    pub fiber_bytes: usize,
    /// Bytes that the instance's allocator may hand out; the allocator asks [`Meter`].
    pub memory_bytes: Option<u64>,
    /// How many threads a program may have at a time besides the one that the host calls from. Each has a VM stack of
    /// its own.
    pub threads: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            stack_bytes: 1 << 20,
            native_depth: 128,
            fuel: None,
            call_time: None,
            memory_bytes: None,
            threads: 0,
            fibers: 1 << 16,
            fiber_bytes: 256 << 10,
        }
    }
}

/// Counts the memory that a program holds. Whoever allocates for the program charges it.
#[derive(Debug)]
pub struct Meter {
    used: AtomicU64,
    peak: AtomicU64,
    limit: u64,
    /// Several threads count. While there is one, plain steps do.
    shared: AtomicBool,
}

/// The memory limit would be passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryLimitReached;

impl Meter {
    pub(crate) fn new(limit: Option<u64>) -> Meter {
        Meter {
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            limit: limit.unwrap_or(u64::MAX),
            shared: AtomicBool::new(false),
        }
    }
    /// Said before the second thread counts, and when it is gone.
    pub(crate) fn share(&self) {
        self.shared.store(true, Ordering::Relaxed);
    }
    pub(crate) fn unshare(&self) {
        self.shared.store(false, Ordering::Relaxed);
    }
    /// Counts an allocation.
    ///
    /// # Errors
    /// When the limit would be passed; nothing is counted then.
    #[inline]
    pub fn charge(&self, bytes: u64) -> Result<(), MemoryLimitReached> {
        let mut before = self.used.load(Ordering::Relaxed);
        loop {
            let used = before.checked_add(bytes).filter(|&used| used <= self.limit);
            let Some(used) = used else { return Err(MemoryLimitReached) };
            if !self.shared.load(Ordering::Relaxed) {
                self.used.store(used, Ordering::Relaxed);
                if used > self.peak.load(Ordering::Relaxed) {
                    self.peak.store(used, Ordering::Relaxed);
                }
                return Ok(());
            }
            match self.used.compare_exchange_weak(before, used, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    self.peak.fetch_max(used, Ordering::Relaxed);
                    return Ok(());
                }
                Err(found) => before = found,
            }
        }
    }
    /// Counts a release.
    #[inline]
    pub fn release(&self, bytes: u64) {
        if self.shared.load(Ordering::Relaxed) {
            let less = |used: u64| Some(used.saturating_sub(bytes));
            // It always gives a number.
            let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        } else {
            self.used.store(self.used().saturating_sub(bytes), Ordering::Relaxed);
        }
    }
    /// Counts everything as released; the peak stays.
    pub fn clear(&self) {
        self.used.store(0, Ordering::Relaxed);
    }
    /// Bytes held now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
    /// The most bytes ever held.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
    /// The most bytes allowed; `u64::MAX` when unlimited.
    pub fn limit(&self) -> u64 {
        self.limit
    }
}

/// Stops an instance's call from any thread. Doesn't keep the instance running or its memory alive beyond a small core.
#[derive(Clone)]
pub struct InterruptHandle {
    pub(crate) threads: Arc<Threads>,
}

impl InterruptHandle {
    /// The running call traps with `interrupted: canceled` at the next poll of one of its threads, also of one that waits;
    /// if none runs, the next one does.
    pub fn cancel(&self) {
        self.threads.cancel();
    }
}

impl std::fmt::Debug for InterruptHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InterruptHandle")
    }
}

/// Asks an instance to look at the clock when a deadline comes.
pub(crate) fn arm(deadline: Instant, threads: &Arc<Threads>) {
    let timer = TIMER.get_or_init(start);
    let mut queue = timer.queue.lock();
    let sooner = queue.peek().is_none_or(|Reverse(first)| deadline < first.deadline);
    queue.push(Reverse(Armed { deadline, threads: Arc::downgrade(threads) }));
    drop(queue);
    if sooner {
        timer.changed.notify_one();
    }
}

struct Armed {
    deadline: Instant,
    threads: Weak<Threads>,
}

impl PartialEq for Armed {
    fn eq(&self, other: &Armed) -> bool {
        self.deadline == other.deadline
    }
}

impl Eq for Armed {}

impl PartialOrd for Armed {
    fn partial_cmp(&self, other: &Armed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Armed {
    fn cmp(&self, other: &Armed) -> std::cmp::Ordering {
        self.deadline.cmp(&other.deadline)
    }
}

struct Timer {
    queue: Mutex<BinaryHeap<Reverse<Armed>>>,
    changed: Condvar,
}

static TIMER: OnceLock<&'static Timer> = OnceLock::new();

fn start() -> &'static Timer {
    let timer: &'static Timer =
        Box::leak(Box::new(Timer { queue: Mutex::new(BinaryHeap::new()), changed: Condvar::new() }));
    // Without a thread deadlines are only seen when something else makes the instance look; there is nothing better
    // to do on a system that refuses threads.
    let _ =
        std::thread::Builder::new().name("sx-timer".into()).stack_size(64 * 1024).spawn(move || run(timer));
    timer
}

/// Waits for the earliest deadline, forever.
fn run(timer: &'static Timer) {
    let mut queue = timer.queue.lock();
    loop {
        match queue.peek() {
            None => timer.changed.wait(&mut queue),
            Some(Reverse(first)) if first.deadline > Instant::now() => {
                let deadline = first.deadline;
                timer.changed.wait_until(&mut queue, deadline);
            }
            Some(_) => {
                let threads = queue.pop().and_then(|Reverse(armed)| armed.threads.upgrade());
                if let Some(threads) = threads {
                    // It may set the timer again.
                    MutexGuard::unlocked(&mut queue, || threads.look_at_clock());
                }
            }
        }
    }
}
