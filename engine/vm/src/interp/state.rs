//! The state of an execution as the interpreter sees it: one for each thread that runs code of an instance.
//!
//! ```text
//! VM stack, growing up; one slot is 8 bytes
//!
//!   fp ─► arguments, context first; results come back here
//!         frame memory (IR slots)
//!         registers
//!         window ─► the callee's frame: its arguments …
//!
//! return stack, growing up beside it; one record is 16 bytes
//!
//!         (return address, frame) of each caller
//!   rp ─► the next record
//! ```
//! Frames are aligned to 16 bytes: windows are even slot numbers, and at least 2. So every frame takes no less than a record, and
//! where a frame fits, its record fits too. The two are apart because a return then depends on nothing but `rp`, which only
//! steps; if it read its own frame, whose place was computed from the call instruction, each call would wait for the one before.

use crate::bytecode::{Op, Word};
use crate::env::{ActiveCall, Environment, Site};
use crate::fault::Recovery;
use crate::host::{ExternTarget, NativeCaller};
use crate::machine::abi::{MAX_RESULTS, STACK_RESERVE};
use crate::machine::place::Turn;
use crate::park::Signal;
use crate::stack::Stack;
use crate::trap::{Origin, Trap};
use rustc_hash::FxHashMap;
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use sx_ir::TrapKind;

/// The least distance of a callee's frame from its caller's, in slots.
pub(crate) const MIN_WINDOW: usize = 2;

/// Where a call returns to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// The word behind the call.
    pub pc: *const Word,
    /// The caller's frame.
    pub fp: *mut u64,
}

/// An instance's entry of one function. Machine code may arrive while threads run.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Cell {
    code: AtomicPtr<Word>,
    /// Bytes that must be free from the start of the frame.
    pub frame_bytes: u32,
    /// The class of its signature, compared at indirect calls.
    pub class: u32,
    /// What compiled code calls: the function's machine code, or a way to the interpreter.
    pub machine: AtomicPtr<u8>,
    trampoline: AtomicPtr<u8>,
}

impl Cell {
    /// An entry of a function that is interpreted.
    pub fn new(code: *const Word, frame_bytes: u32, class: u32, machine: *const u8) -> Cell {
        Cell {
            code: AtomicPtr::new(code.cast_mut()),
            frame_bytes,
            class,
            machine: AtomicPtr::new(machine.cast_mut()),
            trampoline: AtomicPtr::default(),
        }
    }
    /// Where execution begins: the function's code, an instruction that asks for it, or one that goes to machine code.
    #[inline(always)]
    pub fn code(&self) -> *const Word {
        self.code.load(Ordering::Relaxed)
    }
    /// What compiled code calls.
    #[inline]
    pub fn machine(&self) -> *const u8 {
        self.machine.load(Ordering::Relaxed)
    }
    /// How Rust calls that.
    #[inline]
    pub fn trampoline(&self) -> *const u8 {
        self.trampoline.load(Ordering::Relaxed)
    }
    /// The function has machine code now; `turn` is the instruction that goes there.
    pub fn take_up(&self, turn: *const Word, machine: *const u8, trampoline: *const u8) {
        self.trampoline.store(trampoline.cast_mut(), Ordering::Relaxed);
        self.machine.store(machine.cast_mut(), Ordering::Release);
        self.code.store(turn.cast_mut(), Ordering::Release);
    }
}

/// Requests from outside, as bits of [`Core::requests`].
pub(crate) mod request {
    /// The call should end.
    pub const CANCEL: u32 = 1;
    /// A deadline may have passed.
    pub const DEADLINE: u32 = 2;
    /// The host call that the execution belongs to ends; holds until it has.
    pub const STOP: u32 = 4;
    /// Machine code has arrived, or somebody wants to know what runs.
    pub const TIER: u32 = 8;
}

/// One execution: what a thread needs to run code of an instance, and what others need to stop it.
///
/// The atomics and the signal belong to everyone; `state` belongs to the thread that runs, or to whoever has the instance.
#[repr(C)]
pub(crate) struct Core {
    /// The end of the VM stack, or 0 while a request waits: calls compare against it anyway, loops compare it with 0.
    pub guard: AtomicUsize,
    /// What compiled code compares the stack pointer with: the end of the native stack, some way before it, or the highest
    /// address while a request waits.
    pub native_guard: AtomicUsize,
    /// Which requests wait.
    pub requests: AtomicU32,
    /// All else.
    pub state: UnsafeCell<State>,
    /// Where its thread waits, and is woken.
    pub signal: Arc<Signal>,
}

// SAFETY: other threads only reach the atomics and the signal (through the instance's list of executions); `state` is
// reached by the thread that runs it, or through `&mut Instance`. What `state` owns is `Send`.
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

impl Core {
    /// An execution with a stack, at its beginning. `id` is its thread's number.
    pub fn new(env: Arc<Environment>, stack: Stack, id: u64, fuel: i64) -> Arc<Core> {
        let strand = Strand::new(stack);
        let (guard, base, records) = (strand.stack_limit, strand.top, strand.records);
        let state = State {
            cells: std::ptr::null(),
            cell_count: 0,
            objects: std::ptr::null(),
            fuel,
            exit: Exit::Done,
            kind: TrapKind::Unreachable,
            operands: [0; 3],
            exit_pc: halt(),
            exit_fp: base,
            exit_rp: records,
            callee: 0,
            crossings: 0,
            adapter: crate::machine::adapter(),
            results: [0; MAX_RESULTS],
            faults: env.faults,
            looks: false,
            asks: env.program.asks_always(),
            protects: env.faults || env.program.has_tier(),
            in_bulk: false,
            strand,
            fiber: std::ptr::null_mut(),
            fibers: None,
            root: 0,
            last_root: 0,
            waits: false,
            externs: Vec::new(),
            callers: FxHashMap::default(),
            own: ThreadWords { id, data: 0 },
            outer: std::ptr::null(),
            env,
        };
        Arc::new(Core {
            guard: AtomicUsize::new(guard),
            native_guard: AtomicUsize::new(0),
            requests: AtomicU32::new(0),
            state: UnsafeCell::new(state),
            signal: Arc::default(),
        })
    }
    /// Makes a request from any thread.
    pub fn request(&self, bits: u32) {
        self.requests.fetch_or(bits, Ordering::SeqCst);
        self.close_guards();
        self.signal.knock();
    }
    /// Every poll and every call looks closer from now on.
    pub fn close_guards(&self) {
        self.guard.store(0, Ordering::SeqCst);
        self.native_guard.store(usize::MAX, Ordering::SeqCst);
    }
    /// They compare with the ends of the stacks again.
    ///
    /// # Safety
    /// The calling thread owns the state.
    pub unsafe fn open_guards(&self) {
        // SAFETY: the caller's promise.
        let strand = unsafe { &raw const (*self.state.get()).strand };
        // SAFETY: as above.
        let (limit, native) = unsafe { ((*strand).stack_limit, (*strand).native_limit) };
        self.native_guard.store(native.saturating_add(STACK_RESERVE), Ordering::SeqCst);
        self.guard.store(limit, Ordering::SeqCst);
    }
    /// Compiled code runs next, on the stack of the running strand.
    ///
    /// # Safety
    /// The calling thread owns the state.
    #[inline]
    pub unsafe fn sync_native_guard(&self) {
        // SAFETY: the caller's promise.
        let wanted = unsafe { (*self.state.get()).strand.native_limit }.saturating_add(STACK_RESERVE);
        let now = self.native_guard.load(Ordering::Relaxed);
        if now != wanted && now != usize::MAX {
            // A request that comes in between stays.
            let _ = self.native_guard.compare_exchange(now, wanted, Ordering::SeqCst, Ordering::SeqCst);
        }
    }
    /// Another stack runs now, which ends elsewhere. A request that waits goes on waiting.
    #[inline]
    pub fn move_guard(&self, from: usize, to: usize) {
        // A guard that isn't the old end is 0; who answers the request sets it to the end of the stack that runs then.
        let _ = self.guard.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
    }
    /// Takes requests back. Nobody may see less of those that come in at the same time.
    ///
    /// # Safety
    /// The calling thread owns the state.
    pub unsafe fn withdraw(&self, bits: u32) {
        let left = self.requests.fetch_and(!bits, Ordering::SeqCst) & !bits;
        if left == 0 {
            // SAFETY: the caller's promise.
            unsafe { self.open_guards() };
            if self.requests.load(Ordering::SeqCst) != 0 {
                self.close_guards();
            }
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Some(stack) = self.state.get_mut().strand.stack.take() {
            stack.give_back();
        }
    }
}

/// Why the interpreter left its loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// The entry function returned.
    Done,
    /// A trap: `kind` and `operands` say which.
    Trap,
    /// A host function failed: `host_trap` says how.
    HostTrap,
    /// This function has no code.
    Need(u32),
    /// As `Need`, in a fiber that was resumed: the instruction that did it is to be repeated once the code is there.
    Awaits(u32),
}

/// What handlers reach through one pointer; hot fields first.
#[repr(C)]
pub(crate) struct State {
    /// Entry cells, by function.
    pub cells: *const Cell,
    /// How many.
    pub cell_count: u64,
    /// Addresses of globals and of the data placed per instance.
    pub objects: *const *mut u8,
    /// Polls left before the call runs out of fuel.
    pub fuel: i64,
    /// Why the loop was left.
    pub exit: Exit,
    /// Which trap.
    pub kind: TrapKind,
    /// Its operands.
    pub operands: [u64; 3],
    /// The instruction that left the loop.
    pub exit_pc: *const Word,
    /// Its frame.
    pub exit_fp: *mut u64,
    /// The return stack there.
    pub exit_rp: *mut Record,
    /// Which function machine code has called through the adapter.
    pub callee: u32,
    /// How often machine code has called through the adapter.
    pub crossings: u32,
    /// The adapter.
    pub adapter: usize,
    /// Results of machine code that aren't returned in registers.
    pub results: [u64; MAX_RESULTS],
    /// Faults of the program's are traps.
    pub faults: bool,
    /// Entries leave a recovery point: for faults, or for machine code.
    pub protects: bool,
    /// A request was for news about machine code: the next end of a loop may go on there.
    pub looks: bool,
    /// Every end of a loop's body may go on there.
    pub asks: bool,
    /// A routine goes over the program's memory for the instruction at `exit_pc`.
    pub in_bulk: bool,
    /// What belongs to the stack that runs.
    pub strand: Strand,
    /// The fiber that runs; null on the thread's own stack.
    pub fiber: *mut crate::fibers::Control,
    /// The fibers of this execution, once there are any.
    pub fibers: Option<Box<crate::fibers::Fibers>>,
    /// Names the outermost call that runs.
    pub root: u64,
    /// How many there were.
    pub last_root: u64,
    /// The running call may wait for code.
    pub waits: bool,
    /// The externs that were called from here.
    pub externs: Vec<Option<ExternTarget>>,
    /// How C function pointers are called that were called from here, by signature.
    pub callers: FxHashMap<u32, Arc<dyn NativeCaller>>,
    /// What the program knows of its thread.
    pub own: ThreadWords,
    /// While this runs: the execution, of another instance, that runs on the same thread and called into this one.
    pub outer: *const Core,
    /// What the instance's executions share.
    pub env: Arc<Environment>,
}

/// What changes when another stack runs: where it is, and the calls that stand on it.
pub(crate) struct Strand {
    /// The real end of the VM stack.
    pub stack_limit: usize,
    /// On a fiber's stack, and while its records lie in the small room that it begins with: that room; else null. The VM
    /// stack ends early then, so that there are no more frames than records fit.
    pub small: *mut Record,
    /// Where a fiber's VM stack ends, and its return stack begins, once it has spread.
    pub large: (usize, *mut Record),
    /// Where the native stack ends that is a fiber's; 0 on a stack that the system made.
    pub native_low: usize,
    /// Where the native stack ends, as far as known: what calls of host and C functions may not come near.
    pub native_limit: usize,
    /// Host or C functions have been called here.
    pub called: bool,
    /// Where a fault of the program's goes on.
    pub recovery: Recovery,
    /// The innermost turn from the interpreter to machine code; null without one.
    pub turn: *const Turn,
    /// Where a frame entered from outside may begin.
    pub top: *mut u64,
    /// Where its record goes.
    pub records: *mut Record,
    /// The host or C call that is running, innermost.
    pub site: Site,
    /// The innermost call from outside that is running.
    pub active: *const ActiveCall,
    /// Places that the current error passed through.
    pub error_trace: ErrorTrace,
    /// What a host function failed with.
    pub host_trap: Option<Trap>,
    /// A trap below a C frame, raised when C returns.
    pub c_trap: Option<Trap>,
    /// Where the thread was started that this is the stack of; none of the instance's own.
    pub origin: Option<Origin>,
    /// The memory, until it is given back.
    pub stack: Option<Stack>,
}

impl Strand {
    /// An empty stack.
    pub fn new(stack: Stack) -> Strand {
        let (top, records) = (stack.base(), stack.records());
        Strand {
            stack_limit: stack.limit(),
            small: std::ptr::null_mut(),
            large: (0, std::ptr::null_mut()),
            native_low: 0,
            native_limit: 0,
            called: false,
            recovery: Recovery::NONE,
            turn: std::ptr::null(),
            top,
            records,
            site: Site { pc: halt(), fp: top, rp: records, ext: Site::NONE },
            active: std::ptr::null(),
            error_trace: ErrorTrace::default(),
            host_trap: None,
            c_trap: None,
            origin: None,
            stack: Some(stack),
        }
    }
    /// How many calls from outside are running on this stack.
    ///
    /// # Safety
    /// The calling thread owns the strand.
    #[inline]
    pub unsafe fn depth(strand: *const Strand) -> usize {
        // SAFETY: the caller's promise; active calls stay where they are.
        unsafe { if (*strand).active.is_null() { 0 } else { (*(*strand).active).depth } }
    }
    /// Forgets what stands on the stack.
    pub fn reset(&mut self) {
        if let Some(stack) = &self.stack {
            (self.top, self.records) = (stack.base(), stack.records());
        }
        (self.host_trap, self.c_trap) = (None, None);
        self.error_trace.clear();
    }
}

/// What a program finds at an address of its thread: its number, and a word for itself.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadWords {
    pub id: u64,
    pub data: u64,
}

/// Where an error was raised and propagated, the first places kept.
#[derive(Debug, Default)]
pub(crate) struct ErrorTrace {
    pub places: Vec<*const Word>,
    pub omitted: u32,
}

impl ErrorTrace {
    const MAX: usize = 64;

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.places.clear();
        self.omitted = 0;
    }
    /// Appends a place.
    pub fn push(&mut self, pc: *const Word) {
        if self.places.len() < Self::MAX {
            self.places.push(pc);
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }
}

/// Instructions that belong to no function, at fixed addresses.
static HALT: Word = Word { op: Op::Halt as u16, a: 0, b: 0, c: 0 };
static EXIT: Word = Word { op: Op::Exit as u16, a: 0, b: 0, c: 0 };

static RET: Word = Word { op: Op::Ret as u16, a: 0, b: 0, c: 0 };

static SLOW: Word = Word { op: Op::Slow as u16, a: 0, b: 0, c: 0 };

/// Where handlers go on that found no room, no fuel, or a request: `State::exit_pc` is the instruction to repeat. Going there
/// instead of calling keeps the handlers free of calls, and so of frames of their own.
#[inline(always)]
pub(crate) fn slow() -> *const Word {
    &raw const SLOW
}

/// The return address of frames that were entered from outside.
pub(crate) fn halt() -> *const Word {
    &raw const HALT
}

/// Leaves the innermost frame, whose results are at its start.
pub(crate) fn returning() -> *const Word {
    &raw const RET
}

/// Where handlers that failed go on: leaves the loop with what `State::exit` says.
#[inline(always)]
pub(crate) fn exit() -> *const Word {
    &raw const EXIT
}

/// The machine's registers: what every handler gets and gives.
pub(crate) struct St<const FUEL: bool> {
    /// The instruction.
    pub pc: *const Word,
    /// The frame.
    pub fp: *mut u64,
    /// The execution.
    pub core: *const Core,
    /// The next return record.
    pub rp: *mut Record,
}

impl<const FUEL: bool> Clone for St<FUEL> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<const FUEL: bool> Copy for St<FUEL> {}
