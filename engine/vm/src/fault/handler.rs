//! The handler of SIGSEGV and SIGBUS.
//!
//! SAFETY (all of this module): a handler runs on the thread that faulted, in the middle of anything. It reads the signal
//! frame, the table, which execution this thread runs, and, when these say that an instruction of the interpreter faulted, the state of
//! the instance that this thread runs. Nothing of this is being changed at the table's instructions, nor in bulk operations.

use super::table::{self, Fix};
use super::{Recovery, entry};
use crate::bytecode::Word;
use crate::env;
use crate::interp::state::{Core, Exit, Record, State};
use crate::machine::{self, code, place};
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use sx_ir::TrapKind;

const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The direction flag of the processor's flags; calls expect it clear.
const DIRECTION: i64 = 1 << 10;

/// What handled the signals before.
struct Previous([libc::sigaction; 2]);

// SAFETY: plain data.
unsafe impl Send for Previous {}
// SAFETY: as above.
unsafe impl Sync for Previous {}

static PREVIOUS: OnceLock<Previous> = OnceLock::new();

static INSTALLED: OnceLock<bool> = OnceLock::new();

/// True once the handler is there.
pub(super) fn is_installed() -> bool {
    INSTALLED.get() == Some(&true)
}

/// Installs the handler, once per process. False when it can't be: the returns of this process are checked by the hardware, or
/// the system refused.
pub(super) fn install() -> bool {
    *INSTALLED.get_or_init(|| !entry::has_shadow_stack() && install_once())
}

fn install_once() -> bool {
    // SAFETY: zero is a value of the type; the calls get pointers to it or to what they wrote.
    unsafe {
        let mut previous: [libc::sigaction; 2] = std::mem::zeroed();
        for (&signal, previous) in SIGNALS.iter().zip(&mut previous) {
            if libc::sigaction(signal, ptr::null(), previous) != 0 {
                return false;
            }
        }
        // The handler may be called as soon as it is there, and asks for these.
        let _ = PREVIOUS.set(Previous(previous));
        for signal in SIGNALS {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_fault as *const () as usize;
            // A fault while a host's handler runs on our behalf must reach that handler's own way of dealing with it.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigemptyset(&raw mut action.sa_mask);
            if libc::sigaction(signal, &raw const action, ptr::null_mut()) != 0 {
                return false;
            }
        }
    }
    true
}

unsafe extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's arguments; see the module.
    unsafe {
        // Signals that were sent have codes that aren't positive, wherever they find the thread.
        let fault = (*info).si_code > 0;
        if fault && recover(&mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs) {
            return;
        }
        if fault {
            look_at_guards((*info).si_addr() as usize);
        }
        pass_on(signal, info, context);
    }
}

/// Ends the process with a message if host or C code ran into the guard below a fiber's stack: no code above it can go on.
fn look_at_guards(address: usize) {
    let Some(hit) = sx_fiber::guard_owner(address) else { return };
    let Some(slot) = hit.slot else { return };
    let mut message = Message { text: [0; 160], len: 0 };
    message.push(b"sx: host or C code has used up the native stack of fiber `");
    message.push(slot.name());
    message.push(b"`\n");
    // SAFETY: writes from a buffer of this frame, and doesn't come back.
    unsafe {
        libc::write(2, message.text.as_ptr().cast(), message.len);
        libc::abort();
    }
}

/// A line that is put together without allocating.
struct Message {
    text: [u8; 160],
    len: usize,
}

impl Message {
    fn push(&mut self, part: &[u8]) {
        let room = &mut self.text[self.len..];
        let len = part.len().min(room.len());
        room[..len].copy_from_slice(&part[..len]);
        self.len += len;
    }
}

/// Edits the registers of the faulting thread so that it goes on with a trap; false if the fault isn't a program's.
unsafe fn recover(registers: &mut [libc::greg_t; 23]) -> bool {
    let at = registers[libc::REG_RIP as usize];
    match table::find(at as usize) {
        Some(Fix::Continue(next)) => {
            registers[libc::REG_RIP as usize] = next as i64;
            true
        }
        Some(Fix::Trap { pc, fp, core, rp }) => {
            let get = |register: u8| registers[register as usize] as usize;
            let (pc, fp, rp) = (get(pc) as *const Word, get(fp) as *mut u64, get(rp) as *mut Record);
            // SAFETY: at this instruction the registers hold the machine's state.
            unsafe {
                let state = (*(get(core) as *const Core)).state.get();
                (*state).exit_pc = pc;
                (*state).exit_fp = fp;
                (*state).exit_rp = rp;
                leave(state, registers)
            }
        }
        None if code::may_fault(at as usize) => {
            // SAFETY: the instruction is one of machine code, which this thread runs.
            unsafe {
                let core = env::in_machine_code(registers[libc::REG_RSP as usize] as usize);
                if core.is_null() {
                    return false;
                }
                let state = (*core).state.get();
                // As if the instruction had been a call: its own address is one before.
                (*state).exit_pc = place::tag(at as usize + 1);
                (*state).exit_fp = registers[libc::REG_RBP as usize] as *mut u64;
                (*state).exit_rp = (*state).strand.turn.cast_mut().cast();
                leave_machine_code(core, registers)
            }
        }
        None => {
            // SAFETY: this thread runs the instance. In a bulk operation `exit_pc` and its like are written already.
            unsafe {
                let core = env::in_bulk();
                if core.is_null() {
                    return false;
                }
                let state = (*core).state.get();
                (*state).in_bulk = false;
                if place::machine((*state).exit_pc).is_some() {
                    return leave_machine_code(core, registers);
                }
                leave(state, registers)
            }
        }
    }
}

/// Goes to where a trap is told while the frames of machine code are there, and from there to the recovery point.
unsafe fn leave_machine_code(core: *const Core, registers: &mut [libc::greg_t; 23]) -> bool {
    /// What code may keep below the stack pointer.
    const RED_ZONE: i64 = 128;
    // SAFETY: this thread owns the state.
    unsafe {
        let state = (*core).state.get();
        if (*state).strand.recovery.sp == 0 || !(*state).faults {
            return false;
        }
        registers[libc::REG_RBX as usize] = core as i64;
        registers[libc::REG_RSP as usize] -= RED_ZONE;
        registers[libc::REG_RIP as usize] = machine::faulted() as i64;
        registers[libc::REG_EFL as usize] &= !DIRECTION;
        true
    }
}

/// Goes to the recovery point with a trap.
unsafe fn leave(state: *mut State, registers: &mut [libc::greg_t; 23]) -> bool {
    // SAFETY: this thread owns the state.
    unsafe {
        let Recovery { sp, ip } = (*state).strand.recovery;
        if sp == 0 || !(*state).faults {
            return false;
        }
        (*state).exit = Exit::Trap;
        (*state).kind = TrapKind::InvalidMemory;
        (*state).operands = [0; 3];
        registers[libc::REG_RSP as usize] = sp as i64;
        registers[libc::REG_RIP as usize] = ip as i64;
        registers[libc::REG_EFL as usize] &= !DIRECTION;
        true
    }
}

/// Does what would have been done without us.
unsafe fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the handlers were installed with these flags.
    unsafe {
        let index = SIGNALS.iter().position(|&known| known == signal);
        let previous = PREVIOUS.get().zip(index).map(|(Previous(all), index)| &all[index]);
        match previous {
            Some(action) if action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN => {
                if action.sa_flags & libc::SA_SIGINFO != 0 {
                    type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
                    let handler: Handler = std::mem::transmute(action.sa_sigaction);
                    handler(signal, info, context);
                } else {
                    let handler: unsafe extern "C" fn(c_int) = std::mem::transmute(action.sa_sigaction);
                    handler(signal);
                }
            }
            Some(action) if action.sa_sigaction == libc::SIG_IGN && (*info).si_code <= 0 => {}
            _ => {
                // The default is the end of the process, with the fault as its reason: a fault comes again when this returns,
                // a signal that was sent is sent again.
                let mut default: libc::sigaction = std::mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &raw const default, ptr::null_mut());
                if (*info).si_code <= 0 {
                    libc::raise(signal);
                }
            }
        }
    }
}
