//! The state of an instance as the interpreter sees it.
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
use crate::trap::Trap;
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
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

/// An instance's entry of one function.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// Where execution begins: the function's code, or an instruction that asks for it.
    pub code: *const Word,
    /// Bytes that must be free from the start of the frame.
    pub frame_bytes: u32,
    /// The class of its signature, compared at indirect calls.
    pub class: u32,
}

/// Requests from outside, as bits of [`Core::requests`].
pub(crate) mod request {
    /// The call should end.
    pub const CANCEL: u32 = 1;
    /// A deadline may have passed.
    pub const DEADLINE: u32 = 2;
}

/// What an instance and its interrupt handles share.
///
/// The atomics belong to everyone; `state` belongs to whoever has the instance (or runs under it).
#[repr(C)]
pub(crate) struct Core {
    /// The end of the VM stack, or 0 while a request waits: calls compare against it anyway, loops compare it with 0.
    pub guard: AtomicUsize,
    /// Which requests wait.
    pub requests: AtomicU32,
    /// A token of the thread that runs a call, 0 while none does.
    pub owner: AtomicUsize,
    /// All else.
    pub state: UnsafeCell<State>,
}

// SAFETY: other threads only reach the atomics (through `InterruptHandle` and the timer); `state` is reached through
// `&mut Instance`, and from within a call by the thread that runs it. What `state` owns is `Send`.
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

impl Core {
    /// Makes a request from any thread.
    pub fn request(&self, bits: u32) {
        self.requests.fetch_or(bits, Ordering::SeqCst);
        self.guard.store(0, Ordering::SeqCst);
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
    /// The real end of the VM stack.
    pub stack_limit: usize,
    /// Where a frame entered from outside may begin.
    pub top: *mut u64,
    /// Where its record goes.
    pub records: *mut Record,
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
    /// What a host function failed with.
    pub host_trap: Option<Trap>,
    /// A trap below a C frame, raised when C returns.
    pub c_trap: Option<Trap>,
    /// The host or C call that is running, innermost.
    pub site: Site,
    /// Calls from outside that are running, innermost last.
    pub active: Vec<ActiveCall>,
    /// Places that the current error passed through.
    pub error_trace: ErrorTrace,
    /// Everything that handlers don't touch themselves.
    pub env: ManuallyDrop<Environment>,
}

impl State {
    /// The environment, without a reference to it.
    ///
    /// # Safety
    /// `state` points at a state.
    pub unsafe fn env(state: *mut State) -> *mut Environment {
        // SAFETY: the caller's promise; `ManuallyDrop` is transparent.
        unsafe { (&raw mut (*state).env).cast() }
    }
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
    /// The instance.
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
