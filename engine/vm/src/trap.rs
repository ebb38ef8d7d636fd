//! Traps as values: kind, message, and the sx call stack at that place.

use crate::bytecode::Word;
use crate::env::Site;
use crate::fibers;
use crate::interp::state::{Record, State, halt};
use crate::machine::place;
use crate::program::Program;
use parking_lot::Mutex;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use sx_ir::{FuncId, TrapKind};

/// How many frames a backtrace keeps from each end.
pub const BACKTRACE_ENDS: usize = 16;

/// The longest message that a trap copies out of the program's memory, in bytes.
const MAX_MESSAGE: u64 = 64 * 1024;

/// Why a call ended without a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TrapReason {
    /// The program did something that the language traps.
    Kind(TrapKind),
    /// A host function returned an error.
    Host,
    /// A host function panicked; the outermost call resumes the panic.
    Panic,
    /// A symbol couldn't be found, or a C signature couldn't be served.
    Link,
    /// The function has no code.
    NoCode(FuncId),
    /// The host called with the wrong number of arguments or results, or a function that doesn't exist.
    BadCall,
}

/// Where a frame was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrameInfo {
    /// The qualified name of the function, or of the host function.
    pub func: String,
    /// File number and byte offset of the call or the trap; none in host functions.
    pub place: Option<(u32, u32)>,
    /// True when the function was inlined into the next frame.
    pub inlined: bool,
    /// True for a host or C function.
    pub host: bool,
    /// True for no function at all: the frames behind it are those that started the thread of the frames before it, and
    /// `func` is that thread's name.
    pub thread: bool,
}

impl FrameInfo {
    pub(crate) fn new(func: String, place: Option<(u32, u32)>, inlined: bool) -> FrameInfo {
        FrameInfo { func, place, inlined, host: false, thread: false }
    }
    pub(crate) fn of_host(func: String) -> FrameInfo {
        FrameInfo { host: true, ..FrameInfo::new(func, None, false) }
    }
    pub(crate) fn of_thread(id: u64) -> FrameInfo {
        FrameInfo { thread: true, ..FrameInfo::new(format!("thread {id}"), None, false) }
    }
}

struct Data {
    reason: TrapReason,
    message: String,
    frames: Vec<FrameInfo>,
    omitted: usize,
    /// `frames` has this many before the omitted ones.
    head: usize,
    located: bool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A trap. One pointer in size.
pub struct Trap(Box<Data>);

impl Trap {
    fn make(reason: TrapReason, message: String) -> Trap {
        Trap(Box::new(Data {
            reason,
            message,
            frames: Vec::new(),
            omitted: 0,
            head: 0,
            located: false,
            panic: Mutex::new(None),
        }))
    }
    /// What a host function fails with.
    pub fn host(message: impl Into<String>) -> Trap {
        Trap::make(TrapReason::Host, message.into())
    }
    /// A trap of the language raised by a host function, such as the floor's `out of memory`. Kinds with operands take
    /// their message from `operands`, in the order that [`TrapKind`] says.
    pub fn of_kind(kind: TrapKind, operands: [u64; 3]) -> Trap {
        // SAFETY: kinds whose operands are addresses get no message here.
        let message = match kind {
            TrapKind::AssertionFailed => "assertion failed".to_owned(),
            TrapKind::Panic => "panic".to_owned(),
            _ => message(kind, operands),
        };
        Trap::make(TrapReason::Kind(kind), message)
    }
    pub(crate) fn link(message: impl Into<String>) -> Trap {
        Trap::make(TrapReason::Link, message.into())
    }
    pub(crate) fn bad_call(message: impl Into<String>) -> Trap {
        Trap::make(TrapReason::BadCall, message.into())
    }
    pub(crate) fn no_code(func: FuncId) -> Trap {
        Trap::make(TrapReason::NoCode(func), format!("function {func} has no code"))
    }
    pub(crate) fn from_panic(payload: Box<dyn Any + Send>) -> Trap {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a value that isn't text".to_owned());
        let mut trap = Trap::make(TrapReason::Panic, format!("host function panicked: {text}"));
        *trap.0.panic.get_mut() = Some(payload);
        trap
    }
    /// The trap that the state describes. `unsigned` says how an index, or the bounds of a slice, are named.
    pub(crate) fn from_state(kind: TrapKind, operands: [u64; 3], unsigned: bool) -> Trap {
        let message = match kind {
            TrapKind::IndexOutOfRange if unsigned => {
                format!("index {} out of range for length {}", operands[0], operands[1] as i64)
            }
            TrapKind::SliceOutOfRange if unsigned => {
                let [lo, hi, len] = operands;
                format!("slice {lo}..{hi} out of range for length {}", len as i64)
            }
            _ => message(kind, operands),
        };
        Trap::make(TrapReason::Kind(kind), message)
    }
    /// Why.
    pub fn reason(&self) -> TrapReason {
        self.0.reason
    }
    /// The message, without `trap: `.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// The call stack, innermost first. Of long ones the middle is left out: see [`Trap::omitted`].
    pub fn frames(&self) -> &[FrameInfo] {
        &self.0.frames
    }
    /// How many frames were left out, and before which of [`Trap::frames`] they stood.
    pub fn omitted(&self) -> (usize, usize) {
        (self.0.omitted, self.0.head)
    }
    /// Takes the payload of a host function's panic.
    pub fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.0.panic.lock().take()
    }
    pub(crate) fn is_located(&self) -> bool {
        self.0.located
    }
    /// Adds the call stack.
    pub(crate) fn locate(mut self, program: &Program, walk: Walk) -> Trap {
        let head = program.symbolize(&walk.first);
        let tail = program.symbolize(&walk.last);
        self.0.head = head.len();
        self.0.omitted = walk.omitted;
        self.0.frames = head;
        self.0.frames.extend(tail);
        self.0.located = true;
        self
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trap")
            .field("reason", &self.0.reason)
            .field("message", &self.0.message)
            .field("frames", &self.0.frames)
            .field("omitted", &self.0.omitted)
            .finish()
    }
}

impl std::error::Error for Trap {}

/// Text that the program passed by address and length.
fn text(address: u64, len: u64) -> String {
    if address < crate::interp::memory::NULL_PAGE || len as i64 <= 0 {
        return String::new();
    }
    let mut bytes = vec![0; len.min(MAX_MESSAGE) as usize];
    // A string that can't be read whole is shown as far as it can.
    let copied = crate::fault::copy_readable(address as usize, &mut bytes);
    bytes.truncate(copied);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn message(kind: TrapKind, operands: [u64; 3]) -> String {
    let [a, b, c] = operands.map(|operand| operand as i64);
    match kind {
        TrapKind::IndexOutOfRange => format!("index {a} out of range for length {b}"),
        TrapKind::SliceOutOfRange => format!("slice {a}..{b} out of range for length {c}"),
        TrapKind::DivisionByZero => "division by zero".into(),
        TrapKind::DivisionOverflow => "division overflow".into(),
        TrapKind::NullDereference => "null dereference".into(),
        TrapKind::UnwrapNull => "unwrap of null".into(),
        TrapKind::StackOverflow => "stack overflow".into(),
        TrapKind::BadCast => "bad cast".into(),
        TrapKind::Unreachable => "unreachable".into(),
        TrapKind::AssertionFailed => match text(operands[0], operands[1]) {
            text if text.is_empty() => "assertion failed".into(),
            text => format!("assertion failed: {text}"),
        },
        TrapKind::Panic => text(operands[0], operands[1]),
        TrapKind::OutOfMemory => "out of memory".into(),
        TrapKind::WrongUnionTag => "wrong union tag".into(),
        TrapKind::BadEnumTag => "tag outside the enum".into(),
        TrapKind::IterableTooShort => "iterables of different length".into(),
        TrapKind::Deadlock => "deadlock".into(),
        TrapKind::Deadline => "interrupted: deadline".into(),
        TrapKind::OutOfFuel => "interrupted: out of fuel".into(),
        TrapKind::Canceled => "interrupted: canceled".into(),
        TrapKind::InvalidMemory => "invalid memory".into(),
        TrapKind::MemoryLimit => "memory limit reached".into(),
    }
}

macro_rules! trap_kinds {
    ($($kind:ident)*) => {
        const KINDS: &[TrapKind] = &[$(TrapKind::$kind,)*];
        /// The number of a kind in bytecode.
        pub(crate) fn trap_code(kind: TrapKind) -> u16 {
            kind as u16
        }
        /// The kind of a number; the verifier checked the range.
        pub(crate) fn trap_kind(code: usize) -> TrapKind {
            KINDS[code]
        }
        /// How many kinds there are.
        pub(crate) const TRAP_KINDS: usize = KINDS.len();
    };
}

trap_kinds! {
    IndexOutOfRange SliceOutOfRange DivisionByZero DivisionOverflow NullDereference UnwrapNull StackOverflow BadCast
    Unreachable AssertionFailed Panic OutOfMemory WrongUnionTag BadEnumTag IterableTooShort Deadlock Deadline OutOfFuel
    Canceled InvalidMemory MemoryLimit
}

/// A frame before it has a name.
#[derive(Clone, Debug)]
pub(crate) enum RawFrame {
    /// An instruction of an sx function.
    Code(*const Word),
    /// A host function.
    Host(Arc<str>),
    /// The end of a thread of this number; what started it follows.
    Thread(u64),
}

/// Where a thread was started.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The thread's number.
    pub id: u64,
    /// The call, and some of those around it.
    pub frames: Vec<RawFrame>,
}

/// The ends of a call stack.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub first: Vec<RawFrame>,
    pub last: std::collections::VecDeque<RawFrame>,
    pub omitted: usize,
}

impl Walk {
    fn push(&mut self, frame: RawFrame) {
        if self.first.len() < BACKTRACE_ENDS {
            self.first.push(frame);
            return;
        }
        if self.last.len() == BACKTRACE_ENDS {
            self.last.pop_front();
            self.omitted += 1;
        }
        self.last.push_back(frame);
    }
    /// Walks the frames of one entry from outside: compiled ones first, if the place is in machine code, and those of the
    /// interpreter below.
    ///
    /// # Safety
    /// `rp` is behind the records of that entry; or the three are a place in machine code.
    unsafe fn frames(&mut self, mut pc: *const Word, fp: *mut u64, mut rp: *const Record) {
        if place::machine(pc).is_some() {
            let turn = rp.cast::<place::Turn>();
            // SAFETY: the caller's promise; the turn lies below the frames.
            unsafe {
                place::compiled_frames(pc, fp, turn, |pc| self.push(RawFrame::Code(pc)));
                rp = (*turn).rp;
            }
            pc = halt();
        }
        loop {
            if pc != halt() {
                self.push(RawFrame::Code(pc));
            }
            // SAFETY: the entry's own record, which returns to `halt`, is the last that is reached.
            let back = unsafe {
                rp = rp.sub(1);
                (*rp).pc
            };
            if back == halt() {
                return;
            }
            // The return address is behind the call; one word before it is within.
            pc = back.wrapping_sub(1);
        }
    }
    /// Walks the whole stack of an instance, from an instruction of its innermost frame outward.
    ///
    /// # Safety
    /// The running thread owns the state; `rp` is behind the innermost record, or the three are a place in machine code.
    pub unsafe fn new(state: *const State, pc: *const Word, fp: *mut u64, rp: *const Record) -> Walk {
        let mut walk = Walk::default();
        // SAFETY: the caller's promise.
        unsafe {
            walk.frames(pc, fp, rp);
            walk.outer(state);
        }
        walk
    }
    /// Walks the whole stack from a host call outward.
    ///
    /// # Safety
    /// The running thread owns the state; the innermost frame made the call.
    pub unsafe fn from_host(state: *const State, site: Site) -> Walk {
        let mut walk = Walk::default();
        // SAFETY: the caller's promise.
        unsafe {
            walk.caller(state, site);
            walk.outer(state);
        }
        walk
    }
    /// Walks the stack that an entry from outside stands on.
    ///
    /// # Safety
    /// The running thread owns the state.
    pub unsafe fn entry(state: *const State) -> Walk {
        let mut walk = Walk::default();
        // SAFETY: the caller's promise.
        unsafe {
            if !(*state).strand.active.is_null() {
                let site = (*state).strand.site;
                walk.caller(state, site);
                walk.outer(state);
            }
        }
        walk
    }
    /// Walks the frames below the innermost entry from outside, on to those who resumed the fibers that run, and to where
    /// the thread was started.
    unsafe fn outer(&mut self, state: *const State) {
        // SAFETY: active calls keep the frames that they were made from.
        unsafe {
            let mut strand = &raw const (*state).strand;
            let mut fiber = (*state).fiber;
            loop {
                let mut call = (*strand).active;
                while !call.is_null() {
                    if let Some(site) = (*call).site {
                        self.caller(state, site);
                    }
                    call = (*call).outer;
                }
                if let Some(origin) = &(*strand).origin {
                    self.push(RawFrame::Thread(origin.id));
                    for frame in &origin.frames {
                        self.push(frame.clone());
                    }
                }
                let Some((resumer, outer)) = fibers::resumer(fiber) else { return };
                (strand, fiber) = (resumer, outer);
                let site = (*strand).site;
                self.frames(site.pc, site.fp, site.rp);
            }
        }
    }
    /// Walks from a call that entered the interpreter anew: of a host function, or machine code's.
    unsafe fn caller(&mut self, state: *const State, site: Site) {
        // SAFETY: the caller's promise.
        unsafe {
            if site.ext != Site::TIER {
                self.push(RawFrame::Host((&(*state).env).extern_name(site.ext)));
            }
            self.frames(site.pc, site.fp, site.rp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_in_order() {
        for (code, &kind) in KINDS.iter().enumerate() {
            assert_eq!(trap_code(kind) as usize, code, "{kind:?}");
        }
    }
}
