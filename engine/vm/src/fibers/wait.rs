//! Waiting for code: at compile time a function gets its code when it is called first.
//!
//! ```text
//!   the call ── resumes ─► a fiber ── resumes ─► a fiber that needs code
//!       ◄── suspends ──────── ◄── suspends ─────────┘
//!   leaves with Need, is suspended; when the code is there, each resume is repeated from the outside in
//! ```
//! Meanwhile all of these fibers count as running: what runs before the call goes on can neither resume nor kill them.
//!
//! SAFETY (all of this module): as for [`super::run`]; what a fiber waits for lies on its own stack, where it stays until the fiber goes
//! on.

use super::control::{Control, resumer, spread};
use super::run;
use crate::bytecode::Word;
use crate::env::{self, Ended, Site};
use crate::interp::state::{Core, Exit, Record, State, Strand, exit, halt, returning};
use crate::trap::{Trap, Walk};
use std::ptr::NonNull;
use sx_fiber::Suspend;
use sx_ir::{FuncId, TrapKind};

/// The word with which a fiber suspends because its code says so.
pub(super) const SUSPENDED: usize = 0;
/// And because it needs code, itself or for one that it has resumed.
const AWAITS: usize = 1;

/// What a fiber waits for.
pub(crate) struct Wait {
    func: FuncId,
    /// The frame of the function that it has called; or, for another fiber's sake, the one that has resumed that.
    fp: *mut u64,
    /// The resume to repeat; none if it is the one that has called the function.
    again: Option<*const Word>,
    /// What is taken for the function's results, or why there are none.
    answer: Option<Result<Vec<u64>, String>>,
    /// The outermost call in which it waits.
    root: u64,
    /// The resume with which it goes on.
    resumed_at: (*const Word, *mut u64),
}

/// Waits for code on the fiber that has been left for want of it, and goes on. What it needs of the native stack fibers that have their
/// code don't take.
#[cold]
#[inline(never)]
pub(super) unsafe fn for_code(
    core: *const Core,
    suspend: &Suspend<'_>,
    func: FuncId,
    resumes: bool,
) -> Ended {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        let control = (*state).fiber;
        let (pc, fp, rp) = ((*state).exit_pc, (*state).exit_fp, (*state).exit_rp);
        if !resumes {
            if !can_wait(state) {
                let walk = Walk::new(state, halt(), fp, rp);
                return Ended::Trap(Trap::no_code(func).locate(&env::shared(state).program, walk));
            }
            if let Some(fibers) = &mut (*state).fibers {
                fibers.asks = control;
            }
        }
        let resumed_at = (halt(), std::ptr::null_mut());
        let again = resumes.then_some(pc);
        let mut wait = Wait { func, fp, again, answer: None, root: (*state).root, resumed_at };
        // The owner writes into it from outside.
        let place = &raw mut wait;
        (*control).wait = place;
        suspend.suspend(AWAITS);
        (*control).wait = std::ptr::null_mut();
        if (*control).kill {
            // The answer, if there is one, is dropped with the rest.
            return Ended::Done;
        }
        match ((*place).again, (*place).answer.take()) {
            (Some(pc), _) => env::run_base(core, pc, fp, rp),
            (None, None) => enter(core, func, fp, rp),
            (None, Some(Ok(results))) => {
                let rp = match room(core, fp as usize + results.len() * 8, rp) {
                    Ok(rp) => rp,
                    Err(kind) => return no_room(state, kind, rp),
                };
                for (i, &result) in results.iter().enumerate() {
                    fp.add(i).write(result);
                }
                drop(results);
                env::run_base(core, returning(), fp, rp)
            }
            (None, Some(Err(message))) => {
                let walk = Walk::new(state, halt(), fp, rp);
                Ended::Trap(Trap::host(message).locate(&env::shared(state).program, walk))
            }
        }
    }
}

/// Enters the function that was waited for.
unsafe fn enter(core: *const Core, func: FuncId, fp: *mut u64, rp: *mut Record) -> Ended {
    // SAFETY: see the module; the function's cell is the one through which it was called.
    unsafe {
        let state = (*core).state.get();
        let cell = &*(*state).cells.add(func.index());
        if rp.sub(1).read().pc == halt() && run::begins(state, func) == Some(false) {
            return Ended::Trap(run::unfit());
        }
        match room(core, fp as usize + cell.frame_bytes as usize, rp) {
            Ok(rp) => env::run_base(core, cell.code(), fp, rp),
            Err(kind) => no_room(state, kind, rp),
        }
    }
}

/// Room on the fiber's VM stack up to an address: where the innermost record's end is then.
unsafe fn room(core: *const Core, end: usize, mut rp: *mut Record) -> Result<*mut Record, TrapKind> {
    // SAFETY: see the module.
    unsafe {
        let limit = &raw const (*(*core).state.get()).strand.stack_limit;
        loop {
            if end <= *limit {
                return Ok(rp);
            }
            rp = spread(core, rp)?;
        }
    }
}

/// A trap of the call that has waited.
unsafe fn no_room(state: *mut State, kind: TrapKind, rp: *mut Record) -> Ended {
    // SAFETY: see the module.
    unsafe {
        (*state).kind = kind;
        (*state).exit_rp = rp;
        Ended::Trap(env::trap_at_entry(state))
    }
}

/// True if all that stands below the running fiber can be left and entered again: fibers, and a call that may wait for code.
unsafe fn can_wait(state: *const State) -> bool {
    // SAFETY: see the module. The running fiber's own call has just been left.
    unsafe {
        let mut fiber = (*state).fiber;
        while let Some((strand, outer)) = resumer(fiber) {
            if Strand::depth(strand) != 1 {
                return false;
            }
            fiber = outer;
        }
        (*state).waits
    }
}

/// Notes that a fiber waits and where it was resumed; for which function it does.
pub(super) unsafe fn begin(control: *mut Control, site: &Site) -> FuncId {
    // SAFETY: see the module.
    unsafe {
        (*control).running = true;
        let wait = (*control).wait;
        (*wait).resumed_at = (site.pc, site.fp);
        (*wait).func
    }
}

/// Leaves the loop at a resume that is to be repeated; the result is where to go on.
pub(super) unsafe fn leave(state: *mut State, site: Site, func: FuncId) -> *const Word {
    // SAFETY: see the module.
    unsafe {
        (*state).exit = Exit::Awaits(func.0);
        (*state).exit_pc = site.pc;
        (*state).exit_fp = site.fp;
        (*state).exit_rp = site.rp;
    }
    exit()
}

/// True if this is the resume with which a fiber that waits goes on. Frames below a call that waits are kept, so nothing else runs in
/// this one.
#[cold]
pub(super) unsafe fn is_repeated(control: *const Control, site: &Site) -> bool {
    // SAFETY: see the module.
    unsafe { !(*control).wait.is_null() && (*(*control).wait).resumed_at == (site.pc, site.fp) }
}

/// The outermost call in which a fiber waits.
pub(super) unsafe fn root(control: *const Control) -> Option<u64> {
    // SAFETY: see the module.
    unsafe { (!(*control).wait.is_null()).then(|| (*(*control).wait).root) }
}

/// A fiber that has called a function that has no code, seen from the call that waits for its sake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting(NonNull<Control>);

/// The fiber for whose sake the loop was left last.
///
/// # Safety
/// The calling thread owns the state.
pub(crate) unsafe fn waiting(state: *const State) -> Option<Waiting> {
    // SAFETY: the caller's promise.
    unsafe { (&(*state).fibers).as_ref().and_then(|fibers| NonNull::new(fibers.asks)).map(Waiting) }
}

impl Waiting {
    /// The frame of the function that it has called, and the end of its VM stack.
    ///
    /// # Safety
    /// The fiber still waits, and the calling thread owns the execution.
    pub unsafe fn frame(self) -> (*mut u64, usize) {
        let control = self.0.as_ptr();
        // SAFETY: the caller's promise.
        unsafe { ((*(*control).wait).fp, (*control).strand.stack_limit) }
    }
    /// What it gets instead of the function's code.
    ///
    /// # Safety
    /// As for [`Waiting::frame`].
    pub unsafe fn answer(self, answer: Result<Vec<u64>, String>) {
        // SAFETY: the caller's promise.
        unsafe { (*(*self.0.as_ptr()).wait).answer = Some(answer) };
    }
}
