//! What fibers count against the limit on memory: what their stacks have touched, or may have.
//!
//! | part | counted |
//! |---|---|
//! | the page in the middle | when the fiber is made |
//! | VM stack, and as much of the return stack | before it grows, in steps that double |
//! | native stack | behind the calls of host and C functions: what the system says is in memory |
//!
//! Asking the system is slow. So fibers that have called something are gathered when they suspend, and a number of them is asked
//! about at once; what hasn't been asked about is bounded by [`UNKNOWN`].
//!
//! SAFETY (all of this module): as for [`super::run`].

use super::control::{Control, UPPER_PART};
use crate::env;
use crate::interp::state::{Core, State};
use crate::trap::Trap;
use sx_ir::TrapKind;

/// What a fiber counts at once: the page that it touches.
pub(super) const FIRST: u64 = 4096;
/// Bytes of native stacks that may be touched and not counted.
const UNKNOWN: usize = 8 << 20;
/// And the most fibers that have them.
const MOST_UNKNOWN: usize = 64;
/// What a slot may keep in memory when its fiber has ended.
const KEPT_BYTES: u64 = 32 << 10;

/// What a fiber counts, besides the page in its middle.
#[derive(Default)]
pub(crate) struct Counted {
    /// Bytes of the VM stack behind the first page, and as many of the return stack.
    frames: u32,
    /// Pages of the native stack.
    native_pages: u32,
    /// It is among those that will be asked about.
    gathered: bool,
}

impl Counted {
    fn bytes(&self) -> u64 {
        2 * self.frames as u64 + self.native_pages as u64 * 4096
    }
}

/// How many fibers with native stacks of so many bytes are gathered.
pub(super) fn most_gathered(native: usize) -> usize {
    (UNKNOWN / native.max(1)).clamp(1, MOST_UNKNOWN)
}

/// Counts the running fiber's VM stack up to an address, which it may use from then on.
pub(super) unsafe fn count_frames(
    state: *mut State,
    control: *mut Control,
    end: usize,
) -> Result<(), TrapKind> {
    // SAFETY: see the module.
    unsafe {
        let counted = &mut (*control).counted;
        let first = control as usize + UPPER_PART;
        let frames = end.saturating_sub(first).next_multiple_of(4096).try_into().unwrap_or(u32::MAX);
        if frames > counted.frames {
            let more = 2 * (frames - counted.frames) as u64;
            env::shared(state).meter.charge(more).map_err(|_| TrapKind::MemoryLimit)?;
            counted.frames = frames;
        }
        Ok(())
    }
}

/// The running fiber suspends, and has called host or C functions since it did last.
#[cold]
pub(super) unsafe fn gather(core: *const Core, control: *mut Control) -> Result<(), Trap> {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        (*state).strand.called = false;
        if (*control).counted.gathered {
            return Ok(());
        }
        let Some(fibers) = &mut (*state).fibers else { return Ok(()) };
        (*control).counted.gathered = true;
        fibers.gathered.push(control);
        if fibers.gathered.len() < fibers.most_gathered {
            return Ok(());
        }
        let mut gathered = std::mem::take(&mut fibers.gathered);
        let mut result = Ok(());
        for &control in &gathered {
            (*control).counted.gathered = false;
            if let Err(kind) = count_native(state, control) {
                result = Err(Trap::of_kind(kind, [0; 3]));
            }
        }
        gathered.clear();
        fibers.gathered = gathered;
        result
    }
}

/// Asks for a fiber's native stack, and counts it.
unsafe fn count_native(state: *mut State, control: *mut Control) -> Result<(), TrapKind> {
    // SAFETY: see the module.
    unsafe {
        let fiber = &raw const (*control).fiber;
        let pages = ((*fiber).slot().resident_stack() / 4096) as u32;
        let counted = &mut (*control).counted;
        if pages > counted.native_pages {
            let more = (pages - counted.native_pages) as u64 * 4096;
            env::shared(state).meter.charge(more).map_err(|_| TrapKind::MemoryLimit)?;
            counted.native_pages = pages;
        }
        Ok(())
    }
}

/// A fiber has ended: takes back what it counts. True if its slot should give its memory back to the system.
pub(super) unsafe fn settle(state: *mut State, control: *mut Control) -> bool {
    // SAFETY: see the module.
    unsafe {
        let mut unknown = (*control).strand.called;
        if (*control).counted.gathered
            && let Some(fibers) = &mut (*state).fibers
        {
            unknown = true;
            fibers.gathered.retain(|&other| other != control);
        }
        let counted = std::mem::take(&mut (*control).counted);
        env::shared(state).meter.release(FIRST + counted.bytes());
        let fiber = &raw const (*control).fiber;
        let native = if unknown { (*fiber).slot().resident_stack() as u64 } else { 0 };
        counted.bytes() + native > KEPT_BYTES
    }
}
