//! The executions of an instance: starting threads, stopping all of them, waiting for their end.
//!
//! A call from the host is the root of a tree of threads: what the program starts while it runs belongs to it. When the
//! call ends, or one of its threads traps, the others are asked to stop, and the host gets its answer when they have. So
//! between calls an instance has one execution and no threads, which is what `&mut Instance` rests on.

use crate::env::{self, Ended, Environment};
use crate::interp::state::{Core, request};
use crate::limits;
use crate::stack::Stack;
use crate::trap::{Origin, Trap, TrapReason};
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;
use sx_ir::{FuncId, TrapKind};

/// The number of the thread that the host calls from.
pub(crate) const FIRST: u64 = 1;

/// Polls that an execution takes from the common fuel at once.
const FUEL_PORTION: i64 = 10_000;

/// Native stack of a thread: some for itself, and some for each turn between host and program.
const NATIVE_STACK: usize = 1 << 20;
const NATIVE_TURN: usize = 8 << 10;

/// Why a thread couldn't be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// The value is no function of these arguments without results, or its place for the end no place.
    NotAFunction,
    /// The running call may wait for code, as calls at compile time do.
    NotHere,
    /// There are as many as [`crate::Limits::threads`] allows.
    TooMany,
    /// There is no memory for its stack.
    NoMemory,
    /// The system refused.
    System(std::io::Error),
    /// The host call ends; the caller's next poll does.
    Stopping,
}

impl std::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SpawnError::NotAFunction => f.write_str("a thread can't begin with this value"),
            SpawnError::NotHere => f.write_str("threads can't be started in a call that may wait for code"),
            SpawnError::TooMany => f.write_str("there are as many threads as there may be"),
            SpawnError::NoMemory => f.write_str("there is no memory for a thread's stack"),
            SpawnError::System(error) => write!(f, "the system starts no thread: {error}"),
            SpawnError::Stopping => f.write_str("the call is being ended"),
        }
    }
}

impl std::error::Error for SpawnError {}

/// The executions of an instance, for everyone who wants to stop them.
pub(crate) struct Threads {
    inner: Mutex<Inner>,
    /// A thread has ended.
    ended: Condvar,
    /// There are threads besides the instance's own. Only they and it change that: whoever runs on the only one may rely
    /// on it until it starts another.
    shared: AtomicBool,
    /// The host call has more to do at its end than to give results.
    involved: AtomicBool,
    /// Fuel that no execution has taken.
    fuel: AtomicI64,
}

#[derive(Default)]
struct Inner {
    /// The instance's own first.
    cores: Vec<Running>,
    /// Threads that haven't ended.
    live: u32,
    last_id: u64,
    handles: FxHashMap<u64, JoinHandle<()>>,
    /// Threads that have ended, and whose handle is to be joined.
    finished: Vec<u64>,
    /// The host call ends.
    stopping: bool,
    /// What it ends with.
    trap: Option<Trap>,
    deadline: Option<Instant>,
    /// When the timer will look next.
    armed: Option<Instant>,
}

/// An execution that is alive: it takes itself out before it goes.
struct Running(*const Core);

// SAFETY: the pointers are only followed under the lock under which they are removed, to what `Core` has for everyone.
unsafe impl Send for Running {}

impl Inner {
    fn request(&self, bits: u32) {
        for core in &self.cores {
            // SAFETY: see `Running`.
            unsafe { (*core.0).request(bits) };
        }
    }
    /// The call ends for this reason, unless it ends for another one already.
    fn stop(&mut self, trap: Option<Trap>) {
        if !self.stopping {
            self.stopping = true;
            self.trap = trap;
            self.request(request::STOP);
        }
    }
}

impl Threads {
    pub fn new() -> Arc<Threads> {
        Arc::new(Threads {
            inner: Mutex::new(Inner { last_id: FIRST, ..Inner::default() }),
            ended: Condvar::new(),
            shared: AtomicBool::new(false),
            involved: AtomicBool::new(false),
            fuel: AtomicI64::new(0),
        })
    }
    /// Makes an execution known to those who stop them.
    pub fn add(&self, core: *const Core) {
        self.inner.lock().cores.push(Running(core));
    }
    pub fn remove(&self, core: *const Core) {
        self.inner.lock().cores.retain(|other| other.0 != core);
    }
    /// Makes a request of every execution.
    pub fn request(&self, bits: u32) {
        self.inner.lock().request(bits);
    }
    /// True while the instance's own execution is the only one.
    #[inline]
    pub fn is_alone(&self) -> bool {
        !self.shared.load(Ordering::Relaxed)
    }
    /// True when the end of a host call has to look after threads.
    #[inline]
    pub fn is_involved(&self) -> bool {
        self.involved.load(Ordering::Acquire)
    }
    /// All executions trap at their next poll.
    pub fn cancel(&self) {
        self.inner.lock().request(request::CANCEL);
    }
    /// Something that belongs to no execution ends the running call, or the next one.
    pub fn fail(&self, trap: Trap) {
        self.involved.store(true, Ordering::Release);
        self.inner.lock().stop(Some(trap));
    }
    /// The deadline of the running call.
    pub fn set_deadline(self: &Arc<Self>, deadline: Option<Instant>) {
        let mut inner = self.inner.lock();
        inner.deadline = deadline;
        self.arm(&mut inner);
    }
    fn arm(self: &Arc<Self>, inner: &mut Inner) {
        if let Some(deadline) = inner.deadline
            && inner.armed.is_none_or(|armed| deadline < armed)
        {
            inner.armed = Some(deadline);
            limits::arm(deadline, self);
        }
    }
    /// The timer looks: at the deadline everyone is told; when it lies later by now, the timer is set again.
    pub fn look_at_clock(self: &Arc<Self>) {
        let mut inner = self.inner.lock();
        inner.armed = None;
        match inner.deadline {
            Some(deadline) if Instant::now() >= deadline => inner.request(request::DEADLINE),
            _ => self.arm(&mut inner),
        }
    }
    /// True when the deadline has passed that is set now.
    pub fn is_late(&self) -> bool {
        self.inner.lock().deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
    /// Fuel for an execution that has none left; 0 when it is used up.
    pub fn draw_fuel(&self) -> i64 {
        let take = |left: i64| (left > 0).then(|| left - left.min(FUEL_PORTION));
        match self.fuel.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(left) => left.min(FUEL_PORTION),
            Err(_) => 0,
        }
    }
    fn give_fuel(&self, left: i64) {
        if left > 0 {
            self.fuel.fetch_add(left, Ordering::Relaxed);
        }
    }
}

/// What a new thread is to do.
pub(crate) struct Task {
    pub func: FuncId,
    pub args: Vec<u64>,
    /// Where 1 is written when it has returned, and who waits there woken; 0 if nowhere.
    pub done: usize,
    /// Where it is started.
    pub origin: Origin,
}

/// Starts a thread that calls a function. Gives its number.
///
/// # Safety
/// The running thread owns the execution. The function takes as many arguments and gives no results; `done` is where 32
/// bits can be written until the host call ends or they are 1.
pub(crate) unsafe fn spawn(core: *const Core, task: Task) -> Result<u64, SpawnError> {
    // SAFETY: the caller's promise.
    let state = unsafe { (*core).state.get() };
    // SAFETY: as above; the reference is to what executions share.
    let env: Arc<Environment> = unsafe { (&(*state).env).clone() };
    // SAFETY: as above.
    if unsafe { (*state).waits } {
        return Err(SpawnError::NotHere);
    }
    let stack = Stack::take(env.limits.stack_bytes).ok_or(SpawnError::NoMemory)?;
    let threads = env.threads.clone();
    let mut inner = threads.inner.lock();
    let room = if inner.stopping {
        Err(SpawnError::Stopping)
    } else if inner.live >= env.limits.threads {
        Err(SpawnError::TooMany)
    } else {
        Ok(())
    };
    if let Err(refused) = room {
        stack.give_back();
        return Err(refused);
    }
    let id = inner.last_id + 1;
    let started = Core::new(env.clone(), stack, id, 0);
    // SAFETY: nobody else knows the new execution; this one's table of cells changes only while no code runs.
    unsafe {
        let new = started.state.get();
        (*new).cells = (*state).cells;
        (*new).cell_count = (*state).cell_count;
        (*new).objects = (*state).objects;
        (*new).strand.origin = Some(Origin { id, frames: task.origin.frames });
        if threads.is_alone() && env.limits.fuel.is_some() {
            // From now on the fuel is taken in portions.
            threads.give_fuel((*state).fuel);
            (*state).fuel = 0;
        }
    }
    threads.involved.store(true, Ordering::Release);
    threads.shared.store(true, Ordering::Relaxed);
    env.meter.share();
    let pointer = Arc::as_ptr(&started);
    let (func, args, done) = (task.func, task.args, task.done);
    let native = NATIVE_STACK + NATIVE_TURN * env.limits.native_depth as usize;
    let body = move || run(started, func, &args, done);
    match Builder::new().name(format!("sx-thread-{id}")).stack_size(native).spawn(body) {
        Ok(handle) => {
            inner.last_id = id;
            inner.live += 1;
            inner.cores.push(Running(pointer));
            inner.handles.insert(id, handle);
            env.parking.begun();
            let finished = inner.reap();
            drop(inner);
            finished.into_iter().for_each(join);
            Ok(id)
        }
        Err(error) => Err(SpawnError::System(error)),
    }
}

impl Inner {
    /// Handles of threads that are through with everything.
    fn reap(&mut self) -> Vec<JoinHandle<()>> {
        let finished = std::mem::take(&mut self.finished);
        finished.into_iter().filter_map(|id| self.handles.remove(&id)).collect()
    }
}

fn join(handle: JoinHandle<()>) {
    // The thread's body catches panics of host functions; there are no others.
    let _ = handle.join();
}

/// What a thread does from its beginning to its end.
fn run(core: Arc<Core>, func: FuncId, args: &[u64], done: usize) {
    let state = core.state.get();
    // SAFETY: this thread owns the execution, which it was given.
    let (env, id) = unsafe { ((&(*state).env).clone(), (*state).own.id) };
    // Whoever started it is done with making it known then.
    drop(env.threads.inner.lock());
    // SAFETY: as above.
    let trap = match unsafe { env::enter_first(Arc::as_ptr(&core), func, args) } {
        Ended::Done => None,
        Ended::Trap(trap) => Some(trap),
        Ended::Need(func) | Ended::Awaits(func) => Some(Trap::no_code(func)),
    };
    let threads = env.threads.clone();
    if env.limits.fuel.is_some() {
        // SAFETY: as above.
        threads.give_fuel(unsafe { (*state).fuel });
    }
    let mut inner = threads.inner.lock();
    inner.cores.retain(|other| other.0 != Arc::as_ptr(&core));
    let returned = trap.is_none();
    if let Some(trap) = trap {
        inner.stop(Some(trap));
    }
    // While the host waits for the lock, the program's memory is still there.
    if returned && done != 0 {
        // SAFETY: promised by whoever started the thread.
        unsafe { AtomicU32::from_ptr(done as *mut u32) }.store(1, Ordering::SeqCst);
    }
    env.parking.ended((returned && done != 0).then_some(done));
    drop(core);
    drop(env);
    inner.live -= 1;
    inner.finished.push(id);
    threads.ended.notify_all();
}

/// Ends the root of the threads: stops what still runs, waits for it, and says how the call went.
///
/// # Safety
/// The calling thread owns the instance's own execution, and no code of it runs.
#[cold]
pub(crate) unsafe fn finish(core: *const Core, result: Result<(), Trap>) -> Result<(), Trap> {
    // SAFETY: the caller's promise.
    let (state, env) = unsafe { ((*core).state.get(), (&(*(*core).state.get()).env).clone()) };
    let threads = &env.threads;
    let mut inner = threads.inner.lock();
    let mut result = result;
    if !inner.stopping {
        let trap = std::mem::replace(&mut result, Ok(())).err();
        inner.stop(trap);
    }
    while inner.live > 0 {
        threads.ended.wait(&mut inner);
    }
    inner.finished.clear();
    let handles = std::mem::take(&mut inner.handles);
    let first = inner.trap.take();
    inner.stopping = false;
    threads.shared.store(false, Ordering::Relaxed);
    threads.involved.store(false, Ordering::Release);
    env.meter.unshare();
    drop(inner);
    handles.into_values().for_each(join);
    // What was asked of all of them has been answered by one.
    let answered = match first.as_ref().map(Trap::reason) {
        Some(TrapReason::Kind(TrapKind::Canceled)) => request::STOP | request::CANCEL,
        _ => request::STOP,
    };
    // SAFETY: the caller's promise.
    unsafe {
        (*core).withdraw(answered);
        if env.limits.fuel.is_some() {
            (*state).fuel = (*state).fuel.max(0).saturating_add(threads.fuel.swap(0, Ordering::Relaxed));
        }
    }
    match first {
        Some(trap) => Err(trap),
        None => result,
    }
}
