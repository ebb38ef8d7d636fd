//! Hardware faults of a program, turned into traps: a stray pointer ends the call, not the process.
//!
//! | module | what |
//! |---|---|
//! | [`entry`] | the recovery point: how the interpreter is entered so that it can be left from anywhere |
//! | [`table`] | the exception table: which instructions may fault, and where the machine's state is then |
//! | [`handler`] | the signal handler, and whom it asks when a fault isn't the program's |
//! | [`altstack`] | the stack that handlers run on |
//!
//! ```text
//!   native stack          host code
//!                         entry: callee-saved registers, then (sp, ip) into the state ─┐
//!                         handlers of bytecode: no destructors, no locks               │
//!                         a load that faults ─► signal ─► the handler edits the        │
//!                                               context: sp, ip ◄──────────────────────┘
//! ```
//! Two kinds of code may fault. *Single instructions* of handlers are in the table. *Bulk operations* call a routine of the C
//! library or of `core` that has no destructors and takes no locks; the state says that one is under way
//! ([`St::bulk`](crate::interp::state::St)). A fault anywhere else is not ours.
//!
//! The handler reads memory that this thread wrote, locks nothing and allocates nothing. Only x86-64 Linux has all this; other
//! systems check what can be checked by comparison, and a stray pointer there is the process's.

#[cfg(sx_faults)]
mod altstack;
#[cfg(sx_faults)]
pub(crate) mod entry;
#[cfg(sx_faults)]
mod handler;
#[cfg(sx_faults)]
mod table;

#[cfg(sx_faults)]
pub(crate) use table::table_entry;

/// Where to go on after a fault: written when the interpreter is entered.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    /// The stack pointer there; 0 without a recovery point.
    pub sp: usize,
    /// The instruction there.
    pub ip: usize,
}

impl Recovery {
    /// None.
    pub const NONE: Recovery = Recovery { sp: 0, ip: 0 };
}

/// True where hardware faults of programs can become traps.
pub const fn supported() -> bool {
    cfg!(sx_faults)
}

/// Makes this process turn hardware faults into traps; false where that can't be.
pub(crate) fn install() -> bool {
    #[cfg(sx_faults)]
    return handler::install();
    #[cfg(not(sx_faults))]
    false
}

/// Copies bytes from anywhere, up to the first that can't be read, and says how many. Where no handler was installed, the
/// caller's word is taken that all can be read.
pub fn copy_readable(from: usize, to: &mut [u8]) -> usize {
    #[cfg(sx_faults)]
    // SAFETY: the destination is a slice; the table knows the routine's loads.
    return to.len() - unsafe { table::copy(to.as_mut_ptr(), from as *const u8, to.len()) };
    #[cfg(not(sx_faults))]
    {
        // SAFETY: without a way to find out, the caller's word is taken.
        unsafe { to.as_mut_ptr().copy_from(from as *const u8, to.len()) };
        to.len()
    }
}

/// True if all of these bytes can be read. Where no handler was installed, the caller's word is taken.
pub fn readable(address: usize, len: usize) -> bool {
    #[cfg(sx_faults)]
    return !handler::is_installed() || pages(address, len, table::can_read);
    #[cfg(not(sx_faults))]
    {
        let _ = (address, len);
        true
    }
}

/// As [`readable`], for writing.
pub fn writable(address: usize, len: usize) -> bool {
    #[cfg(sx_faults)]
    return !handler::is_installed() || pages(address, len, table::can_write);
    #[cfg(not(sx_faults))]
    {
        let _ = (address, len);
        true
    }
}

/// Looks at one byte of each page.
#[cfg(sx_faults)]
#[inline]
fn pages(address: usize, len: usize, test: extern "C" fn(usize) -> usize) -> bool {
    const PAGE: usize = 4096;
    let Some(last) = len.checked_sub(1) else { return true };
    let Some(last) = address.checked_add(last) else { return false };
    let mut at = address;
    loop {
        if test(at) == 0 {
            return false;
        }
        if at / PAGE == last / PAGE {
            return true;
        }
        at = (at / PAGE + 1) * PAGE;
    }
}
