//! Machine code beside the interpreter: how it is entered and left, what it calls, and how the two tell one call stack.
//!
//! | module | what |
//! |---|---|
//! | [`abi`] | the contract: signatures, fields, helpers |
//! | [`entry`] | routines that know the machine's registers |
//! | [`helpers`] | what compiled code calls |
//! | [`turn`] | from the interpreter to machine code |
//! | [`replace`] | from the middle of an interpreted function to machine code |
//! | [`place`] | places in machine code, and the frames between two turns |
//! | [`code`] | what is known of runs of code, also to the handler of faults |
//! | [`stubs`] | entries of functions that have none |
//! | [`natives`] | the machine code of a program, and how instances take it up |
//!
//! ```text
//!   native stack                                          VM stack
//!     host code
//!     interpreter's loop, recovery point                    f's frame
//!     ── turn: f calls g, which has machine code ──         g's arguments
//!     trampoline, g, h                                       ·
//!     ── adapter: h calls i, which has none ──               ·
//!     interpreter's loop, recovery point                    i's frame
//! ```
//! The compiler itself is of the layer above: it makes code for the [`abi`], and hands it in by [`natives`]. Code holds no
//! address that belongs to an instance, so that all instances of a program share it.

pub mod abi;
pub(crate) mod code;
mod entry;
mod helpers;
pub(crate) mod natives;
pub(crate) mod place;
pub(crate) mod replace;
pub(crate) mod stubs;
pub(crate) mod turn;

pub use crate::codegen::map::{FrameMap, LoopMap, Source};
pub use code::CodeMap;
pub use natives::{Compiled, LoopEntry, Samples};

/// True where machine code can be entered.
pub const SUPPORTED: bool = cfg!(sx_faults);

/// Where a fault in machine code goes on.
#[cfg(sx_faults)]
pub(crate) fn faulted() -> usize {
    entry::faulted as *const () as usize
}

/// What the adapter is called by.
pub(crate) fn adapter() -> usize {
    #[cfg(sx_faults)]
    return entry::adapter as *const () as usize;
    #[cfg(not(sx_faults))]
    0
}
