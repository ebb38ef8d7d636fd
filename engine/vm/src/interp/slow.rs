//! What handlers call when the hot path ends. None of these is inlined, and none is given the address of a local: that
//! would keep the caller from ending in a jump.
//!
//! SAFETY (all of this module): called by handlers only, on the thread that owns the state; addresses were checked as far as
//! [`super::memory`] says.

use super::atomic::routines as atomics;
use super::memory::NULL_PAGE;
use super::state::*;
use super::vector::{Outcome, routines};
use crate::bytecode::Word;
use crate::env::{self, Running, Site};
use crate::host;
use crate::machine::replace;
use std::sync::atomic::Ordering;
use sx_ir::TrapKind;

/// Leaves the loop with a trap at an instruction.
fn fail(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record, kind: TrapKind) -> *const Word {
    St::<false> { pc, fp, core, rp }.fail(kind, [0; 3]).pc
}

/// The instruction at `State::exit_pc` found a request, no fuel, or no room for a frame: out, or that instruction again.
#[cold]
#[inline(never)]
pub(crate) fn answer<const FUEL: bool>(core: *const Core, fp: *mut u64) -> *const Word {
    // SAFETY: see the module.
    let state = unsafe { (*core).state.get() };
    // SAFETY: see the module.
    let (pc, rp) = unsafe { ((*state).exit_pc, (*state).exit_rp) };
    if FUEL {
        // SAFETY: see the module.
        unsafe {
            // The instruction is counted again when it is repeated.
            (*state).fuel += 1;
            if (*state).fuel <= 0 {
                (*state).fuel = env::shared(state).threads.draw_fuel();
                let none = (*state).fuel == 0;
                return if none { fail(core, pc, fp, rp, TrapKind::OutOfFuel) } else { pc };
            }
        }
    }
    // SAFETY: see the module.
    if unsafe { (*core).guard.load(Ordering::SeqCst) } != 0 {
        // SAFETY: see the module.
        return match unsafe { crate::fibers::spread(core, rp) } {
            Ok(rp) => {
                // SAFETY: see the module.
                unsafe { (*state).exit_rp = rp };
                pc
            }
            Err(kind) => fail(core, pc, fp, rp, kind),
        };
    }
    // SAFETY: see the module.
    match unsafe { env::answer(core, Some(Running { pc, rp })) } {
        Some(kind) => fail(core, pc, fp, rp, kind),
        // SAFETY: see the module.
        None => unsafe {
            let next = replace::go_on(core, pc, fp, rp);
            // Machine code notes its places there; who called this reads it.
            (*state).exit_rp = rp;
            next
        },
    }
}

/// Calls an extern; the result is where to go on.
#[inline(never)]
pub(crate) fn call_extern(
    core: *const Core,
    pc: *const Word,
    fp: *mut u64,
    rp: *mut Record,
    window: usize,
    count: usize,
) -> *const Word {
    let ext = St::<false> { pc, fp, core, rp }.w() as u32;
    // SAFETY: see the module.
    unsafe { host::call_extern(core, Site { pc, fp, rp, ext }, fp.add(window), count) }
}

/// Calls a C function pointer; the result is where to go on.
#[inline(never)]
pub(crate) fn call_pointer(
    core: *const Core,
    pc: *const Word,
    fp: *mut u64,
    rp: *mut Record,
    far: bool,
) -> *const Word {
    let st = St::<false> { pc, fp, core, rp };
    let (code, sig, window) = if far {
        (st.get::<u64>(st.a()), st.w() as u32, st.xl() as u32 as usize)
    } else {
        (st.get::<u64>(st.b()), st.xl() as u32, st.a())
    };
    if code == 0 {
        return fail(core, pc, fp, rp, TrapKind::NullDereference);
    }
    let (site, count) = (Site { pc, fp, rp, ext: Site::NONE }, st.xh() as u32 as usize);
    // SAFETY: see the module.
    unsafe { host::call_pointer(core, site, code as usize as *const (), sig, fp.add(window), count) }
}

/// Writes a C function pointer to a slot; the result is where to go on.
#[inline(never)]
pub(crate) fn c_func_addr(
    core: *const Core,
    pc: *const Word,
    fp: *mut u64,
    rp: *mut Record,
    func: u32,
    slot: usize,
) -> *const Word {
    // SAFETY: see the module.
    unsafe {
        match host::c_func_addr(core, sx_ir::FuncId(func)) {
            Ok(address) => {
                fp.add(slot).write(address as u64);
                pc.add(1)
            }
            Err(message) => host::fail_at(core, Site { pc, fp, rp, ext: Site::NONE }, message),
        }
    }
}

/// Writes the address behind a symbol to a slot; the result is where to go on.
#[inline(never)]
pub(crate) fn extern_addr(
    core: *const Core,
    pc: *const Word,
    fp: *mut u64,
    rp: *mut Record,
    ext: u32,
    slot: usize,
) -> *const Word {
    // SAFETY: see the module.
    unsafe {
        match host::extern_addr(core, sx_ir::ExternId(ext)) {
            Ok(address) => {
                fp.add(slot).write(address as u64);
                pc.add(1)
            }
            Err(message) => host::fail_at(core, Site { pc, fp, rp, ext: Site::NONE }, message),
        }
    }
}

/// An operation on vectors; the result is where to go on.
#[inline(never)]
pub(crate) fn vector(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> *const Word {
    let st = St::<false> { pc, fp, core, rp };
    // SAFETY: see the module; the verifier knows the routine and has seen that its operands lie in the frame.
    let outcome = unsafe {
        let run = routines().get_unchecked(st.x(0)).run;
        run(fp.add(st.a()).cast(), fp.add(st.b()).cast(), fp.add(st.c()).cast(), st.x(1))
    };
    match outcome {
        // SAFETY: the instruction has two words.
        Outcome::Fine => unsafe { pc.add(2) },
        Outcome::DivisionByZero => fail(core, pc, fp, rp, TrapKind::DivisionByZero),
        Outcome::DivisionOverflow => fail(core, pc, fp, rp, TrapKind::DivisionOverflow),
    }
}

/// An atomic operation with a result; the result of this is where to go on.
#[inline(never)]
pub(crate) fn atomic(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> *const Word {
    let st = St::<false> { pc, fp, core, rp };
    let operands = [st.get::<u64>(st.b()), st.get::<u64>(st.c()), st.get::<u64>(st.x(1))];
    match atomic_access(st, st.x(0), operands) {
        Ok(before) => {
            st.set::<u64>(st.a(), before);
            // SAFETY: the instruction has two words.
            unsafe { pc.add(2) }
        }
        Err(kind) => fail(core, pc, fp, rp, kind),
    }
}

/// An atomic store; the result is where to go on.
#[inline(never)]
pub(crate) fn atomic_store(core: *const Core, pc: *const Word, fp: *mut u64, rp: *mut Record) -> *const Word {
    let st = St::<false> { pc, fp, core, rp };
    match atomic_access(st, st.x(0), [st.get::<u64>(st.a()), st.get::<u64>(st.b()), 0]) {
        // SAFETY: the instruction has two words.
        Ok(_) => unsafe { pc.add(2) },
        Err(kind) => fail(core, pc, fp, rp, kind),
    }
}

/// Runs a routine where it may be run. Machines disagree on what a misaligned atomic access is, so there is none.
fn atomic_access(st: St<false>, routine: usize, [address, a, b]: [u64; 3]) -> Result<u64, TrapKind> {
    // SAFETY: the verifier knows the routine.
    let routine = unsafe { *atomics().get_unchecked(routine) };
    if address < NULL_PAGE {
        return Err(TrapKind::NullDereference);
    }
    if !address.is_multiple_of(routine.size as u64) {
        return Err(TrapKind::InvalidMemory);
    }
    // SAFETY: see the routine's module.
    Ok(st.bulk(|| unsafe { (routine.run)(address, a, b) }))
}

/// Orders what comes before and what comes behind: 1 acquire, 2 release, 3 both, else sequentially consistent.
#[inline(never)]
pub(crate) fn fence(order: usize) {
    std::sync::atomic::fence(match order {
        1 => Ordering::Acquire,
        2 => Ordering::Release,
        3 => Ordering::AcqRel,
        _ => Ordering::SeqCst,
    });
}

/// What happens to the error trace: 0 raise, 1 propagate, 2 clear.
#[inline(never)]
pub(crate) fn err_trace(core: *const Core, pc: *const Word, what: usize) {
    // SAFETY: see the module; the reference ends here.
    let trace = unsafe { &mut (*(*core).state.get()).strand.error_trace };
    if what != 1 {
        trace.clear();
    }
    if what != 2 {
        trace.push(pc);
    }
}

/// `memmove`.
#[inline(never)]
pub(crate) fn mem_move(to: u64, from: u64, len: u64) {
    // SAFETY: see the module.
    unsafe { std::ptr::copy(from as usize as *const u8, to as usize as *mut u8, len as usize) }
}

/// `memset`.
#[inline(never)]
pub(crate) fn mem_set(to: u64, val: u8, len: u64) {
    // SAFETY: see the module.
    unsafe { std::ptr::write_bytes(to as usize as *mut u8, val, len as usize) }
}

/// `memcmp`.
#[inline(never)]
pub(crate) fn mem_cmp(a: u64, b: u64, len: u64) -> i64 {
    // SAFETY: see the module.
    let (a, b) = unsafe {
        (
            std::slice::from_raw_parts(a as usize as *const u8, len as usize),
            std::slice::from_raw_parts(b as usize as *const u8, len as usize),
        )
    };
    a.cmp(b) as i64
}
