//! What is kept for a fiber, and where.
//!
//! SAFETY (all of this module): a control lives as long as its fiber, at the beginning of the slot's upper area, and is used by
//! the thread that owns the execution.

use super::memory::{self, Counted};
use super::wait::Wait;
use crate::env::Site;
use crate::fault::Recovery;
use crate::interp::state::{Core, ErrorTrace, Record, Strand, halt};
use crate::trap::Trap;
use std::mem::{ManuallyDrop, size_of};
use std::ptr::{self, NonNull};
use sx_fiber::{Fiber, Slot, StackLayout};
use sx_ir::{FuncId, TrapKind};

/// Bytes of the small records, and of the VM stack until it spreads.
const SMALL: usize = 704;
/// Bytes of the page in its middle that belong to the native stack.
const NATIVE_PART: usize = 2304;
/// The rest of that page.
pub(super) const UPPER_PART: usize = 4096 - NATIVE_PART;
const _: () =
    assert!(size_of::<Control>() + 2 * SMALL <= UPPER_PART, "what a fiber begins with is on one page");

/// What a slot has at least: a guard, a native stack that host functions can be called on, and stacks for the program.
pub(super) const LEAST_BYTES: usize = 128 << 10;

/// And at most: more than there are addresses, so that asking for it fails.
const MOST_BYTES: usize = 1 << 50;

/// A fiber.
#[repr(C, align(64))]
pub(crate) struct Control {
    /// Its own strand while it doesn't run; that of who resumed it while it does.
    pub strand: Strand,
    /// The fiber whose code resumed it; null if that was on the thread's own stack.
    pub resumer: *mut Control,
    /// The native stack. Taken when the fiber has ended.
    pub fiber: ManuallyDrop<Fiber>,
    /// What its code suspends through; none before it has begun.
    pub suspend: Option<NonNull<()>>,
    /// The execution.
    pub core: *const Core,
    /// What it runs, with the address of its data.
    pub func: FuncId,
    pub data: *mut u64,
    /// What it ended with.
    pub ended: Option<Trap>,
    /// It is to end where it is.
    pub kill: bool,
    /// It runs, or waits for one that it has resumed.
    pub running: bool,
    /// The outermost call in which it was made.
    pub root: u64,
    /// Its place in the table.
    pub index: u32,
    /// What it counts against the limit on memory.
    pub counted: Counted,
    /// The keys of the locks that it holds.
    pub holds: Vec<u64>,
    /// While it waits for code: for what. Null otherwise.
    pub wait: *mut Wait,
}

/// How a slot of so many bytes is divided: three eighths for the program's stacks, the rest for the native stack.
pub(super) fn layout(bytes: usize) -> StackLayout {
    let bytes = bytes.clamp(LEAST_BYTES, MOST_BYTES).next_multiple_of(4096);
    let upper = (bytes * 3 / 8).next_multiple_of(4096) + UPPER_PART;
    StackLayout::within(bytes, upper)
}

impl Control {
    /// Where a slot's control lies.
    pub fn of(slot: &Slot) -> *mut Control {
        slot.top().cast()
    }
    /// The strand of a slot: empty.
    pub fn strand(slot: &Slot) -> Strand {
        let begin = slot.top() as usize + size_of::<Control>();
        let small = begin as *mut Record;
        let frames = (begin + SMALL) as *mut u64;
        let room = ((slot.high() as usize - frames as usize) / 2) & !15;
        let end = frames as usize + room;
        Strand {
            // One record more than frames is the entry's.
            stack_limit: frames as usize + SMALL - size_of::<Record>(),
            small,
            large: (end, end as *mut Record),
            native_low: slot.low() as usize,
            native_limit: slot.low() as usize,
            called: false,
            recovery: Recovery::NONE,
            turn: ptr::null(),
            top: frames,
            records: small,
            site: Site { pc: halt(), fp: frames, rp: small, ext: Site::NONE },
            active: ptr::null(),
            error_trace: ErrorTrace::default(),
            host_trap: None,
            c_trap: None,
            origin: None,
            stack: None,
        }
    }
}

/// Who resumed a fiber that runs, and the fiber on whose stack that was.
///
/// # Safety
/// The fiber runs, or there is none.
pub(crate) unsafe fn resumer(fiber: *mut Control) -> Option<(*const Strand, *mut Control)> {
    // SAFETY: the caller's promise.
    (!fiber.is_null()).then(|| unsafe { (&raw const (*fiber).strand, (*fiber).resumer) })
}

/// Lets the running fiber's VM stack be longer, or says why it can't be. Copies the records below `records` the first time, and gives their
/// end. Who goes on with the old ones finds the same there. The step may be too short for a large frame: then there is another one.
///
/// # Safety
/// The calling thread owns the execution, whose innermost record is before `records`.
#[cold]
pub(crate) unsafe fn spread(core: *const Core, records: *mut Record) -> Result<*mut Record, TrapKind> {
    // SAFETY: the caller's promise. Both rooms belong to the fiber; the large one holds as many records as frames fit.
    unsafe {
        let state = (*core).state.get();
        let (strand, control) = (&raw mut (*state).strand, (*state).fiber);
        let (end, large) = (*strand).large;
        let limit = (*strand).stack_limit;
        if control.is_null() || limit >= end {
            return Err(TrapKind::StackOverflow);
        }
        let begin = control as usize;
        let step = (limit - begin).max(4096);
        let next = (limit + step).next_multiple_of(4096).min(end);
        memory::count_frames(state, control, next)?;
        (*core).move_guard(limit, next);
        (*strand).stack_limit = next;
        let small = (*strand).small;
        if small.is_null() {
            return Ok(records);
        }
        let count = records.offset_from_unsigned(small);
        debug_assert!(count * size_of::<Record>() <= SMALL, "small records hold what frames there are");
        large.copy_from_nonoverlapping(small, count);
        (*strand).small = ptr::null_mut();
        Ok(large.add(count))
    }
}
