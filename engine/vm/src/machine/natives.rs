//! The machine code of a program, and how its instances take it up.
//!
//! Code is handed in from any thread. Executions take it up themselves: when one begins, and at polls, which the arrival of
//! code asks for. What changes in a cell is one address at a time, each good with what stood there before.

use super::code::{CodeMap, Registered};
use crate::bytecode::{Op, Word};
use crate::interp::state::request;
use crate::threads::Threads;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use sx_ir::{FuncId, Signature, Ty};

/// A function's machine code.
#[derive(Clone, Copy, Debug)]
pub struct Compiled {
    /// The function.
    pub func: FuncId,
    /// Its first instruction. See [`abi`](super::abi).
    pub code: *const u8,
    /// `(code, rt, arguments: *const u64, results: *mut u64)`, in the C convention: calls code of the function's signature with
    /// arguments from slots of 8 bytes.
    pub trampoline: *const u8,
}

// SAFETY: addresses of code that lives as long as the program.
unsafe impl Send for Compiled {}

/// Machine code that goes on with an interpreted function where a loop of it begins anew.
#[derive(Clone, Copy, Debug)]
pub struct LoopEntry {
    /// The function.
    pub func: FuncId,
    /// The word of its code that the loop's header begins with.
    pub word: u32,
    /// `(rt, frame)`: goes on with the frame's values, and leaves the results at the frame's beginning.
    pub code: *const u8,
    /// Calls that with the frame's address as its only argument.
    pub trampoline: *const u8,
}

// SAFETY: as above.
unsafe impl Send for LoopEntry {}

/// What cells take up.
#[derive(Clone, Copy)]
pub(crate) struct Arrived {
    pub func: FuncId,
    /// Which body of the function it was made from.
    pub version: u32,
    pub code: *const u8,
    pub trampoline: *const u8,
    /// The instruction that goes there.
    pub turn: *const Word,
}

// SAFETY: as above; instructions are the program's.
unsafe impl Send for Arrived {}

/// How arguments and results of a signature travel: true for floats.
#[derive(Debug)]
pub(crate) struct Shape {
    pub params: Box<[bool]>,
    pub rets: Box<[bool]>,
}

impl Shape {
    pub fn of(sig: &Signature) -> Shape {
        let floats = |tys: &[Ty]| tys.iter().map(|ty| matches!(ty, Ty::F32 | Ty::F64)).collect();
        Shape { params: floats(&sig.params), rets: floats(&sig.rets) }
    }
}

/// All machine code of a program that does, or doesn't, count work.
#[derive(Default)]
pub(crate) struct Natives {
    inner: Mutex<Inner>,
    /// How many entries the journal has.
    version: AtomicUsize,
    /// What ran when somebody asked.
    samples: Mutex<Samples>,
    /// Nobody asks until a call begins: a bell then rings.
    bell: Bell,
}

/// What executions were doing.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// How often each function was seen interpreted, or was the caller of one that was.
    pub functions: FxHashMap<FuncId, u32>,
    /// How often each function was seen at the end of a loop's body, with the word of its code.
    pub loops: FxHashMap<(FuncId, u32), u32>,
    /// How many executions answered.
    pub answers: u32,
}

/// Wakes who sleeps until something runs.
#[derive(Default)]
struct Bell {
    armed: AtomicBool,
    ring: Mutex<Option<Box<dyn Fn() + Send>>>,
}

#[derive(Default)]
struct Inner {
    journal: Vec<Arrived>,
    /// Instructions that go to machine code, one for each entry of the journal.
    turns: Vec<Box<[Word]>>,
    runs: Vec<Registered>,
    loops: FxHashMap<usize, LoopEntry>,
    /// Who takes code up.
    watchers: Vec<Weak<Threads>>,
}

impl Natives {
    /// Adds code, and tells everyone. `slots`: how many each function's arguments and results take.
    pub fn add(&self, code: Arc<dyn CodeMap>, functions: &[(Compiled, u32)], slots: &[usize]) {
        let mut inner = self.inner.lock();
        inner.runs.push(Registered::new(code));
        let turns: Box<[Word]> = functions
            .iter()
            .zip(slots)
            .map(|((function, _), &slots)| Word::with_w(Op::Machine, slots as u16, function.func.0 as i32))
            .collect();
        inner.journal.extend(functions.iter().zip(&turns).map(|(&(function, version), turn)| {
            let Compiled { func, code, trampoline } = function;
            Arrived { func, version, code, trampoline, turn }
        }));
        inner.turns.push(turns);
        self.version.store(inner.journal.len(), Ordering::Release);
        inner.tell();
    }
    /// Adds ways into loops, by the address of the header's first word.
    pub fn add_loops(&self, code: Arc<dyn CodeMap>, entries: impl Iterator<Item = (usize, LoopEntry)>) {
        let mut inner = self.inner.lock();
        inner.runs.push(Registered::new(code));
        inner.loops.extend(entries);
        inner.tell();
    }
    /// The way into the loop whose header begins with the word at an address.
    pub fn loop_at(&self, address: usize) -> Option<LoopEntry> {
        self.inner.lock().loops.get(&address).copied()
    }
    /// Asks every execution to answer at its next poll.
    pub fn tell(&self) {
        self.inner.lock().tell();
    }
    /// Notes what an execution does.
    pub fn sample(&self, functions: &[FuncId], at: Option<(FuncId, u32)>) {
        let mut samples = self.samples.lock();
        samples.answers += 1;
        for &function in functions {
            *samples.functions.entry(function).or_default() += 1;
        }
        if let Some(at) = at {
            *samples.loops.entry(at).or_default() += 1;
        }
        drop(samples);
        // Who sleeps until something runs may have begun to when this ran already.
        self.begin();
    }
    /// What was noted since the last time.
    pub fn take_samples(&self) -> Samples {
        std::mem::take(&mut self.samples.lock())
    }
    /// Calls `ring` when the next call from outside begins, or a question is answered.
    pub fn arm(&self, ring: Box<dyn Fn() + Send>) {
        *self.bell.ring.lock() = Some(ring);
        self.bell.armed.store(true, Ordering::SeqCst);
    }
    /// A call from outside begins.
    #[inline]
    pub fn begin(&self) {
        if self.bell.armed.load(Ordering::Relaxed) {
            self.ring();
        }
    }
    #[cold]
    fn ring(&self) {
        if self.bell.armed.swap(false, Ordering::SeqCst)
            && let Some(ring) = self.bell.ring.lock().take()
        {
            ring();
        }
    }
    /// The instance takes code up from now on.
    pub fn watch(&self, threads: &Arc<Threads>) {
        let mut inner = self.inner.lock();
        inner.watchers.retain(|watcher| watcher.strong_count() > 0);
        inner.watchers.push(Arc::downgrade(threads));
    }
    /// True when there is more than was taken up.
    #[inline]
    pub fn is_behind(&self, known: usize) -> bool {
        self.version.load(Ordering::Acquire) != known
    }
    /// What was added since.
    pub fn since(&self, known: usize) -> Vec<Arrived> {
        self.inner.lock().journal[known..].to_vec()
    }
    /// What is known of an address.
    pub fn with<R>(&self, address: usize, use_it: impl FnOnce(&dyn CodeMap) -> R) -> Option<R> {
        let inner = self.inner.lock();
        let covers = |run: &&Registered| {
            let (start, end) = run.code().range();
            (start..end).contains(&address)
        };
        inner.runs.iter().find(covers).map(|run| use_it(run.code()))
    }
}

impl Inner {
    fn tell(&self) {
        for watcher in self.watchers.iter().filter_map(Weak::upgrade) {
            watcher.request(request::TIER);
        }
    }
}
