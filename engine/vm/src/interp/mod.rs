//! The interpreter: runs verified bytecode over an instance's state.
//!
//! | module | what |
//! |---|---|
//! | [`state`] | the instance as handlers see it, frame layout |
//! | [`value`] | scalars in slots |
//! | [`access`] | the program's memory, one scalar at a time |
//! | [`ops`] [`memory`] [`calls`] | handlers |
//! | [`atomic`] | what is done to memory in one step |
//! | [`vector`] | what is done to the lanes of vectors |
//! | [`slow`] | what handlers call when the hot path ends |
//! | [`dispatch`] | from one instruction to the next |

pub(crate) mod access;
pub(crate) mod atomic;
pub(crate) mod calls;
pub(crate) mod dispatch;
pub(crate) mod memory;
pub(crate) mod ops;
pub(crate) mod slow;
pub(crate) mod state;
pub(crate) mod value;
pub(crate) mod vector;
