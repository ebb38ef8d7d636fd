//! The C side of sx: who is called, and how values travel.
//!
//! | module | what |
//! |---|---|
//! | [`classify`] | how a C signature passes its values: the one place that knows an ABI |
//! | [`symbols`] | from library and symbol names to addresses |
//! | [`search`] | from a library's short name to files that may hold it |
//! | [`call`] | calls of C functions from 8-byte slots |
//! | [`callback`] | C function pointers that lead back to a handler |
//!
//! # Slots
//!
//! Values cross this boundary in 8-byte *slots*, one for each parameter. A scalar stands in the low bits of its
//! slot (a `float` as its 32 bits), whatever the high bits hold; of a struct the slot holds the address. When the
//! result is a struct, one more slot comes first: the address where it is written. Scalar results are widened to
//! the whole slot, by sign or by zeros as their type says.

mod types;

pub mod call;
pub mod callback;
pub mod classify;
mod error;
pub mod search;
pub mod symbols;

pub use call::{CallPlan, last_errno, set_last_errno};
pub use callback::Callback;
pub use error::{LookupError, SignatureError};
pub use symbols::Symbols;

/// A signature has at most this many parameters, as C guarantees.
pub const MAX_PARAMS: usize = 127;
