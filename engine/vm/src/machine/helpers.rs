//! What compiled code calls. See [`Helpers`](super::abi::Helpers) for what the results mean.
//!
//! SAFETY (all of this module): called by machine code with the execution that it was entered with, on the thread that owns
//! it, through the routines of [`super::entry`], which have noted the place. Addresses are the program's own affair, as
//! everywhere; null and negative lengths were refused.

use super::abi::{NOTED, RESULTS_IN_REGISTERS, UNSIGNED, trap_code};
use super::entry::Passed;
use crate::bytecode::Word;
use crate::env::{self, Site};
use crate::host;
use crate::interp::slow;
use crate::interp::state::{Core, Exit, exit};
use crate::trap::{Trap, trap_kind};
use smallvec::SmallVec;
use std::ffi::c_void;
use std::sync::atomic::{Ordering, compiler_fence};
use sx_ir::{ExternId, FuncId, TrapKind};

/// Of so many calls from machine code to the interpreter one is noted.
const SEEN_EVERY: u32 = 64;

/// The place that was noted.
unsafe fn site(core: *const Core, ext: u32) -> Site {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        // Written just before, word by word: as `Site::by_words` says.
        let pc = (&raw const (*state).exit_pc).read_volatile();
        let fp = (&raw const (*state).exit_fp).read_volatile();
        let rp = (&raw const (*state).exit_rp).read_volatile();
        Site { pc, fp, rp, ext }
    }
}

/// Machine code leaves with a trap: its call stack is told before its frames go.
pub(super) unsafe extern "C" fn tell(core: *const Core, code: u32, a: u64, b: u64, c: u64) {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        (*state).kind = trap_kind((code & 0xff) as usize);
        (*state).operands = [a, b, c];
        let trap = env::trap_at(state, code & UNSIGNED != 0);
        (*state).strand.host_trap = Some(trap);
        (*state).exit = Exit::HostTrap;
    }
}

pub(super) unsafe extern "C" fn poll(core: *const Core) -> u32 {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        let env = env::shared(state);
        if env.counts() && (*state).fuel < 0 {
            let drawn = env.threads.draw_fuel();
            if drawn == 0 {
                (*state).fuel = 0;
                return trap_code(TrapKind::OutOfFuel) + 1;
            }
            // This poll is one of them.
            (*state).fuel = drawn - 1;
        }
        match env::answer(core, None) {
            Some(kind) => trap_code(kind) + 1,
            None => 0,
        }
    }
}

pub(super) unsafe extern "C" fn no_room(core: *const Core) -> u32 {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        let counts = env::shared(state).counts();
        // A request that was being answered while it was made may have left the one guard closed and the other open.
        let closed = (*core).guard.load(Ordering::SeqCst) == 0
            || (*core).native_guard.load(Ordering::SeqCst) == usize::MAX;
        if (counts && (*state).fuel < 0) || closed {
            return poll(core);
        }
        trap_code(TrapKind::StackOverflow) + 1
    }
}

pub(super) unsafe extern "C" fn no_frame(core: *const Core) -> u32 {
    // SAFETY: see the module.
    unsafe {
        if (*core).guard.load(Ordering::SeqCst) == 0 {
            return poll(core);
        }
        let strand = &raw mut (*(*core).state.get()).strand;
        match crate::fibers::spread(core, (*strand).records) {
            Ok(records) => {
                (*strand).records = records;
                0
            }
            Err(kind) => trap_code(kind) + 1,
        }
    }
}

/// What goes on in compiled code after a call that may have gone to another stack and back.
unsafe fn back(core: *const Core, next: *const Word) -> u32 {
    // SAFETY: see the module.
    unsafe {
        (*core).sync_native_guard();
        if next != exit() {
            return 0;
        }
        let state = (*core).state.get();
        if (*state).exit == Exit::Trap {
            // Told while the frames are there.
            (*state).strand.host_trap = Some(env::trap_at(state, false));
            (*state).exit = Exit::HostTrap;
        }
        NOTED
    }
}

pub(super) unsafe extern "C" fn call_extern(core: *const Core, ext: u32, slots: *mut u64, count: u32) -> u32 {
    // SAFETY: see the module; there is room for the result even without arguments.
    unsafe {
        let next = host::call_extern(core, site(core, ext), slots, count as usize);
        back(core, next)
    }
}

pub(super) unsafe extern "C" fn call_pointer(
    core: *const Core,
    code: u64,
    sig: u32,
    slots: *mut u64,
    count: u32,
) -> u32 {
    // SAFETY: as above.
    unsafe {
        let place = site(core, Site::NONE);
        let next = host::call_pointer(core, place, code as usize as *const (), sig, slots, count as usize);
        back(core, next)
    }
}

/// Writes an address, or notes a trap.
unsafe fn address(core: *const Core, found: Result<*const (), String>, out: *mut u64) -> u32 {
    // SAFETY: see the module; compiled code gives a place in its frame.
    unsafe {
        match found {
            Ok(address) => {
                out.write(address as u64);
                0
            }
            Err(message) => {
                host::fail_at(core, site(core, Site::NONE), message);
                NOTED
            }
        }
    }
}

pub(super) unsafe extern "C" fn c_func_addr(core: *const Core, func: u32, out: *mut u64) -> u32 {
    // SAFETY: see the module.
    unsafe { address(core, host::c_func_addr(core, FuncId(func)), out) }
}

pub(super) unsafe extern "C" fn extern_addr(core: *const Core, ext: u32, out: *mut u64) -> u32 {
    // SAFETY: see the module.
    unsafe { address(core, host::extern_addr(core, ExternId(ext)), out) }
}

pub(super) unsafe extern "C" fn err_trace(core: *const Core, what: u32) {
    // SAFETY: see the module.
    let place = unsafe { site(core, Site::NONE) };
    slow::err_trace(core, place.pc, what as usize);
}

/// Goes over the program's memory: a fault leaves from here, past frames that own nothing.
#[inline(always)]
unsafe fn bulk<R>(core: *const Core, routine: impl FnOnce() -> R) -> R {
    // SAFETY: see the module. The fault handler, which runs on this thread, reads what is written here.
    let mark = unsafe { &raw mut (*(*core).state.get()).in_bulk };
    // SAFETY: as above.
    unsafe { mark.write_volatile(true) };
    compiler_fence(Ordering::SeqCst);
    let result = routine();
    compiler_fence(Ordering::SeqCst);
    // SAFETY: as above.
    unsafe { mark.write_volatile(false) };
    result
}

pub(super) unsafe extern "C" fn mem_move(core: *const Core, to: u64, from: u64, len: u64) {
    // SAFETY: see the module.
    unsafe { bulk(core, || slow::mem_move(to, from, len)) }
}

pub(super) unsafe extern "C" fn mem_set(core: *const Core, to: u64, byte: u32, len: u64) {
    // SAFETY: see the module.
    unsafe { bulk(core, || slow::mem_set(to, byte as u8, len)) }
}

pub(super) unsafe extern "C" fn mem_cmp(core: *const Core, a: u64, b: u64, len: u64) -> i32 {
    // SAFETY: see the module.
    unsafe { bulk(core, || slow::mem_cmp(a, b, len) as i32) }
}

pub(super) extern "C" fn rem_f32(a: f32, b: f32) -> f32 {
    a % b
}

pub(super) extern "C" fn rem_f64(a: f64, b: f64) -> f64 {
    a % b
}

/// Notes a trap.
unsafe fn note(core: *const Core, trap: Trap) -> u32 {
    // SAFETY: see the module.
    unsafe { host::leave(core, site(core, Site::TIER), trap) };
    NOTED
}

/// Calls the function that `State::callee` names: machine code has called it, and it has none. Takes the arguments from where
/// the C convention puts them, and puts the results there.
pub(super) unsafe extern "C" fn interpret(
    core: *const Core,
    passed: *mut Passed,
    stack: *const c_void,
) -> u32 {
    // SAFETY: see the module.
    unsafe {
        let state = (*core).state.get();
        let func = FuncId((*state).callee);
        let place = site(core, Site::TIER);
        let env = env::shared(state);
        // A short function may never come to a poll: it is seen here.
        (*state).crossings = (*state).crossings.wrapping_add(1);
        if (*state).crossings.is_multiple_of(SEEN_EVERY) {
            env.program.natives(env.counts()).sample(&[func], None);
        }
        let class = (*(*state).cells.add(func.index())).class;
        let Some(shape) = env.layout().shapes.get(class as usize) else {
            return note(core, Trap::no_code(func));
        };
        let (mut ints, mut floats, mut more) = (0, 0, stack.cast::<u64>());
        let mut args = SmallVec::<[u64; 16]>::with_capacity(shape.params.len());
        for &float in &shape.params {
            let (from, next): (&[u64], _) =
                if float { (&(*passed).floats, &mut floats) } else { (&(*passed).ints, &mut ints) };
            args.push(match from.get(*next) {
                Some(&value) => {
                    *next += 1;
                    value
                }
                None => {
                    more = more.add(1);
                    more.sub(1).read()
                }
            });
        }
        let mut rets = SmallVec::<[u64; 8]>::from_elem(0, shape.rets.len());
        let strand = &raw mut (*state).strand;
        let outer_site = std::mem::replace(&mut (*strand).site, place);
        let ended = env::enter(core, func, &args, &mut rets, Some(place));
        (*strand).site = outer_site;
        (*core).sync_native_guard();
        if let Err(trap) = ended {
            // It has its call stack; or it ends a fiber that is killed, below which there may be nobody any more.
            (*strand).host_trap = Some(trap);
            (*state).exit = Exit::HostTrap;
            return NOTED;
        }
        let (mut ints, mut floats) = (0, 0);
        for (index, (&float, &value)) in shape.rets.iter().zip(&rets).enumerate() {
            if let Some(word) = index.checked_sub(RESULTS_IN_REGISTERS) {
                (*state).results[word] = value;
            } else if float {
                (*passed).floats[floats] = value;
                floats += 1;
            } else {
                (*passed).ints[ints] = value;
                ints += 1;
            }
        }
        (*state).exit = Exit::Done;
        0
    }
}
