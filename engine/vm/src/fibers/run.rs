//! Creating, resuming, suspending and killing fibers.
//!
//! SAFETY (all of this module): the calling thread owns the execution. A control lives until `release`, which is called when
//! nothing of its fiber runs any more and its table entry goes with it.

use super::FiberOp;
use super::control::{Control, LEAST_BYTES};
use super::locks;
use super::memory::{self, Counted};
use super::table::{Fibers, Named};
use super::tags::Tag;
use super::wait;
use crate::bytecode::Word;
use crate::env::{self, Ended, Site};
use crate::fault;
use crate::host::{CALL_WORDS, leave};
use crate::interp::state::{Core, Exit, State, Strand, exit};
use crate::program::ANY_CLASS;
use crate::trap::Trap;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use sx_fiber::{Error, Fiber, Suspend, Turn};
use sx_ir::{FuncId, Signature, TrapKind, Ty};

/// What the operations answer; the library knows the numbers.
const ENDED: i64 = 0;
const SUSPENDED: i64 = 1;
const ENDED_BEFORE: i64 = -1;
const RUNNING: i64 = -2;
const FOREIGN: i64 = -3;
const TOO_MANY: i64 = -1;
const NO_MEMORY: i64 = -2;
const NO_FIBER: i64 = -1;

/// The most data that a fiber begins with.
const MOST_DATA: u64 = 4096;

/// Does what an instruction asks for; the result is where to go on.
///
/// # Safety
/// Called by a handler; the slots belong to the running frame.
pub(crate) unsafe fn call(core: *const Core, site: Site, slots: *mut u64, op: FiberOp) -> *const Word {
    // SAFETY: the caller's promise: an operation has as many slots.
    unsafe {
        let state = (*core).state.get();
        let answer = match op {
            FiberOp::Create => create(core, slots.read(), slots.add(1).read(), slots.add(2).read()),
            FiberOp::Resume => match find(state, slots.read()) {
                Named::Ended => Ok(ENDED_BEFORE),
                Named::Foreign => Ok(FOREIGN),
                Named::Fiber(control) if (*control).running && !wait::is_repeated(control, &site) => {
                    Ok(RUNNING)
                }
                Named::Fiber(control) => {
                    (*state).strand.site = site;
                    match resume(core, control, &site) {
                        Resumed::Answer(answer) => Ok(answer),
                        Resumed::Trap(trap) => Err(trap),
                        Resumed::Awaits(func) => return wait::leave(state, site, func),
                    }
                }
            },
            FiberOp::Suspend => match (*state).fiber {
                fiber if fiber.is_null() => Ok(NO_FIBER),
                fiber if Strand::depth(&raw const (*state).strand) > 1 => Err(below_host(state, fiber)),
                fiber => {
                    (*state).strand.site = site;
                    if (*state).strand.called
                        && let Err(trap) = memory::gather(core, fiber)
                    {
                        return leave(core, site, trap);
                    }
                    if let Some(suspend) = (*fiber).suspend {
                        let suspend: Suspend<'_> = Suspend::from_raw(suspend);
                        suspend.suspend(wait::SUSPENDED);
                    }
                    if (*fiber).kill {
                        return die(state, site);
                    }
                    Ok(ENDED)
                }
            },
            FiberOp::State => Ok(match find(state, slots.read()) {
                Named::Ended => ENDED,
                Named::Foreign => FOREIGN,
                Named::Fiber(control) if (*control).running => 3,
                Named::Fiber(control) => 1 + i64::from((*control).suspend.is_some()),
            }),
            FiberOp::Kill => Ok(match find(state, slots.read()) {
                Named::Ended => 0,
                Named::Foreign => FOREIGN,
                Named::Fiber(control) if (*control).running => RUNNING,
                Named::Fiber(control) => {
                    kill(core, control);
                    0
                }
            }),
            FiberOp::SetName => Ok(match find(state, slots.read()) {
                Named::Ended => ENDED_BEFORE,
                Named::Foreign => FOREIGN,
                Named::Fiber(control) => {
                    let mut name = [0; sx_fiber::MAX_NAME];
                    let len = (slots.add(2).read() as usize).min(name.len());
                    let read = fault::copy_readable(slots.add(1).read() as usize, &mut name[..len]);
                    // A name that is cut within a character keeps what is whole.
                    let text = name[..read].utf8_chunks().next().map_or("", |chunk| chunk.valid());
                    let fiber = &raw const (*control).fiber;
                    (*fiber).slot().set_name(text);
                    0
                }
            }),
            FiberOp::Current => Ok(match ((*state).fiber, &(*state).fibers) {
                (fiber, Some(fibers)) if !fiber.is_null() => fibers.handle((*fiber).index) as i64,
                _ => 0,
            }),
            FiberOp::Hold => locks::hold(state, env::shared(state), slots.read()),
            FiberOp::LetGo => {
                locks::let_go(state, env::shared(state), slots.read());
                Ok(0)
            }
        };
        match answer {
            Ok(answer) => {
                slots.write(answer as u64);
                site.pc.wrapping_add(CALL_WORDS)
            }
            Err(trap) => leave(core, site, trap),
        }
    }
}

unsafe fn find(state: *mut State, handle: u64) -> Named {
    // SAFETY: see the module.
    match unsafe { &(*state).fibers } {
        Some(fibers) => fibers.find(handle),
        None if handle == 0 => Named::Ended,
        None => Named::Foreign,
    }
}

/// Makes a fiber.
unsafe fn create(core: *const Core, entry: u64, data: u64, len: u64) -> Result<i64, Trap> {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        let env = env::shared(state);
        let limits = &env.limits;
        if limits.fibers == 0 {
            return Ok(TOO_MANY);
        }
        if (*state).fibers.is_none() {
            let tag = if (*state).waits { Some(Tag::COMPILER) } else { env.fiber_tags.take() };
            let Some(tag) = tag else { return Ok(TOO_MANY) };
            match Fibers::new(tag, limits.fibers, limits.fiber_bytes.max(LEAST_BYTES)) {
                Ok(fibers) => (*state).fibers = Some(Box::new(fibers)),
                Err(error) => return Err(Trap::host(format!("no fibers here: {error}"))),
            }
        }
        let index = entry.wrapping_sub(1);
        if index >= (*state).cell_count {
            return Err(Trap::host("a fiber can't begin with this value"));
        }
        let func = FuncId(index as u32);
        if !begins(state, func).unwrap_or((*state).waits) {
            return Err(unfit());
        }
        let Some(fibers) = &mut (*state).fibers else { return Ok(NO_MEMORY) };
        if len > MOST_DATA || data == 0 {
            return Err(Trap::host("a fiber can't begin with this data"));
        }
        if env.meter.charge(memory::FIRST).is_err() {
            return Ok(NO_MEMORY);
        }
        let slot = match fibers.take() {
            Ok(slot) => slot,
            Err(error) => {
                env.meter.release(memory::FIRST);
                return Ok(if matches!(error, Error::TooMany { .. }) { TOO_MANY } else { NO_MEMORY });
            }
        };
        let control = Control::of(&slot);
        let mut strand = Control::strand(&slot);
        let copy = strand.top;
        let start = std::slice::from_raw_parts_mut(copy.cast::<u8>(), len as usize);
        if fault::copy_readable(data as usize, start) < start.len() {
            fibers.give(slot);
            env.meter.release(memory::FIRST);
            return Err(Trap::of_kind(TrapKind::InvalidMemory, [0; 3]));
        }
        let fiber = match Fiber::new(slot, body, control.cast()) {
            Ok(fiber) => fiber,
            Err((error, slot)) => {
                fibers.give(slot);
                env.meter.release(memory::FIRST);
                return Err(Trap::host(format!("no fibers here: {error}")));
            }
        };
        let words = (len as usize).div_ceil(16) * 2;
        // The frames that come behind it use no more records than they would at the beginning.
        strand.top = copy.add(words);
        let index = fibers.insert(control);
        control.write(Control {
            strand,
            resumer: ptr::null_mut(),
            fiber: ManuallyDrop::new(fiber),
            suspend: None,
            core,
            func,
            data: copy,
            ended: None,
            kill: false,
            running: false,
            root: (*state).root,
            index,
            counted: Counted::default(),
            holds: Vec::new(),
            wait: ptr::null_mut(),
        });
        Ok(fibers.handle(index) as i64)
    }
}

/// True if a fiber can begin with a function; unknown until it has code.
#[inline(never)]
pub(super) unsafe fn begins(state: *mut State, func: FuncId) -> Option<bool> {
    // SAFETY: see the module; the function has a cell.
    unsafe {
        let class = (*(*state).cells.add(func.index())).class;
        if class == ANY_CLASS {
            return None;
        }
        let fibers = (&mut (*state).fibers).as_mut()?;
        if fibers.class != Some(class) {
            let wanted = Signature { params: vec![Ty::Ptr, Ty::Ptr], rets: vec![] };
            if (&(*state).env).program.signature(func) != Some(wanted) {
                return Some(false);
            }
            fibers.class = Some(class);
        }
        Some(true)
    }
}

#[cold]
pub(super) fn unfit() -> Trap {
    Trap::host("a fiber can't begin with this function")
}

/// What runs on a fiber's stack.
unsafe fn body(suspend: &Suspend<'_>, argument: *mut (), _: usize) -> usize {
    // SAFETY: the argument is the control; whoever resumed the fiber has exchanged the strands.
    unsafe {
        let control = argument.cast::<Control>();
        (*control).suspend = Some(suspend.as_raw());
        let (core, data) = ((*control).core, (*control).data as u64);
        let mut ended = match begins((*core).state.get(), (*control).func) {
            Some(false) => Ended::Trap(unfit()),
            _ => env::enter_fresh(core, (*control).func, &[data, data]),
        };
        (*control).ended = loop {
            ended = match ended {
                Ended::Done => break None,
                Ended::Trap(trap) => break Some(trap),
                Ended::Need(func) => wait::for_code(core, suspend, func, false),
                Ended::Awaits(func) => wait::for_code(core, suspend, func, true),
            };
        };
        0
    }
}

/// What came of resuming a fiber.
enum Resumed {
    /// What the program is told.
    Answer(i64),
    /// It has trapped: so does whoever resumed it.
    Trap(Trap),
    /// It needs that function's code.
    Awaits(FuncId),
}

/// Runs a fiber that doesn't run.
#[inline]
unsafe fn resume(core: *const Core, control: *mut Control, site: &Site) -> Resumed {
    // SAFETY: see the module.
    unsafe {
        match turn(core, control) {
            Some(Turn::Suspended(wait::SUSPENDED)) => Resumed::Answer(SUSPENDED),
            Some(Turn::Suspended(_)) => Resumed::Awaits(wait::begin(control, site)),
            Some(Turn::Finished(_)) => {
                let ended = (*control).ended.take();
                release(core, control, ended.is_none());
                ended.map_or(Resumed::Answer(ENDED), Resumed::Trap)
            }
            Some(Turn::Panicked) => {
                let reason = (*control).fiber.take_panic();
                release(core, control, false);
                Resumed::Trap(Trap::from_panic(reason.unwrap_or_else(|| Box::new("a fiber panicked"))))
            }
            None => Resumed::Answer(RUNNING),
        }
    }
}

/// Goes to a fiber and comes back.
#[inline]
unsafe fn turn(core: *const Core, control: *mut Control) -> Option<Turn> {
    // SAFETY: see the module. The reference to the fiber is to its handle, which nothing changes while it runs.
    unsafe {
        let state = (*core).state.get();
        let strand = &raw mut (*state).strand;
        let outer_limit = (*strand).stack_limit;
        ptr::swap(strand, &raw mut (*control).strand);
        (*control).resumer = (*state).fiber;
        (*control).running = true;
        (*state).fiber = control;
        (*core).move_guard(outer_limit, (*strand).stack_limit);
        let fiber = &raw const (*control).fiber;
        let turn = (*fiber).resume(0).ok();
        let inner_limit = (*strand).stack_limit;
        (*control).running = false;
        (*state).fiber = (*control).resumer;
        ptr::swap(strand, &raw mut (*control).strand);
        (*core).move_guard(inner_limit, (*strand).stack_limit);
        debug_assert_eq!((*strand).stack_limit, outer_limit);
        turn
    }
}

/// Forgets a fiber that has ended, by itself or not, or never begun.
unsafe fn release(core: *const Core, control: *mut Control, by_itself: bool) {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        locks::ended(control, env::shared(state), by_itself);
        let forget = memory::settle(state, control);
        let Some(fibers) = &mut (*state).fibers else { return };
        fibers.remove((*control).index);
        let fiber = ManuallyDrop::take(&mut (*control).fiber);
        // What else it holds: its error trace, a trap that nobody wants.
        ptr::drop_in_place(&raw mut (*control).strand);
        ptr::drop_in_place(&raw mut (*control).ended);
        match fiber.into_slot() {
            Ok(slot) => {
                if forget {
                    slot.forget();
                }
                fibers.give(slot);
            }
            // Its stack is still in use, which can't be; it is never freed then.
            Err(fiber) => std::mem::forget(fiber),
        }
    }
}

/// Ends a fiber that doesn't run, where it is: no code of the program runs.
unsafe fn kill(core: *const Core, control: *mut Control) {
    // SAFETY: see the module.
    unsafe {
        if (*control).suspend.is_some() {
            (*control).kill = true;
            let turn = turn(core, control);
            debug_assert!(matches!(turn, Some(Turn::Finished(_))), "{turn:?}");
        }
        release(core, control, false);
    }
}

/// Leaves the loop of a fiber that is killed.
unsafe fn die(state: *mut State, site: Site) -> *const Word {
    // SAFETY: see the module.
    unsafe {
        (*state).exit = Exit::HostTrap;
        (*state).exit_pc = site.pc;
        (*state).exit_fp = site.fp;
        (*state).exit_rp = site.rp;
    }
    exit()
}

/// Suspending below a host function.
unsafe fn below_host(state: *mut State, fiber: *mut Control) -> Trap {
    // SAFETY: see the module.
    unsafe {
        debug_assert_eq!(NonNull::new((*state).fiber), NonNull::new(fiber));
        let mut call = (*state).strand.active;
        // Machine code that has called the interpreter is in nobody's way.
        while !call.is_null() && (*call).site.is_some_and(|site| site.ext == Site::TIER) {
            call = (*call).outer;
        }
        let ext = if call.is_null() { None } else { (*call).site.map(|site| site.ext) };
        let name = (&(*state).env).extern_name(ext.unwrap_or(Site::NONE));
        Trap::host(format!("a fiber can't be suspended below `{name}`, which is no function of the program"))
    }
}

/// Ends the fibers that were made in an outermost call, which has ended with a trap, and those that wait for code below it.
///
/// # Safety
/// The calling thread owns the execution, and runs none of its fibers.
#[cold]
pub(crate) unsafe fn kill_root(core: *const Core, root: u64) {
    // SAFETY: the caller's promise.
    unsafe { kill_where(core, |control| (*control).root == root || wait::root(control) == Some(root)) }
}

/// Ends all fibers of an execution that won't have any more.
///
/// # Safety
/// As for [`kill_root`].
pub(crate) unsafe fn close(core: *const Core) {
    // SAFETY: the caller's promise.
    unsafe {
        kill_all(core);
        let state = (*core).state.get();
        if let Some(fibers) = (*state).fibers.take() {
            env::shared(state).fiber_tags.give(fibers.into_tag());
        }
    }
}

/// Ends all fibers of an execution.
///
/// # Safety
/// As for [`kill_root`].
pub(crate) unsafe fn kill_all(core: *const Core) {
    // SAFETY: the caller's promise.
    unsafe { kill_where(core, |_| true) }
}

unsafe fn kill_where(core: *const Core, chosen: impl Fn(*mut Control) -> bool) {
    // SAFETY: the caller's promise.
    unsafe {
        let state = (*core).state.get();
        let live = match &(*state).fibers {
            Some(fibers) => fibers.live(),
            None => return,
        };
        for control in live.into_iter().filter(|&control| chosen(control)) {
            kill(core, control);
        }
    }
}
