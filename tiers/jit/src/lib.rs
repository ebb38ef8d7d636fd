//! Tier 1's groundwork: machine code for functions of the middle form, made by Cranelift.
//!
//! | module | what |
//! |---|---|
//! | [`abi`] | how compiled functions are called, and where they find what belongs to the execution |
//! | [`compile`] | from a function to bytes: the one place that runs Cranelift |
//! | `lower` | from the middle form to Cranelift's |
//! | [`tables`] | what is known of places in the code: source positions, and accesses that may fault |
//! | [`memory`] | pages of code: written, sealed once, freed whole; what unwinders are told |
//! | [`runtime`] | an execution's record that stands alone, its helpers, and the way in and out |
//!
//! The crate knows the middle form and Cranelift, and no other tier. Code holds no address that belongs to an instance:
//! all that does is reached through the first hidden argument, the execution's record, whose fields' places are
//! parameters ([`abi::Offsets`]). So the same code serves every instance of a program, on any thread.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod abi;
pub mod compile;
mod lower;
pub mod memory;
pub mod runtime;
pub mod tables;

pub use abi::{CellLayout, Config, DataPlace, Helpers, Link, Offsets};
pub use compile::{Compiler, MachineCode, Unsupported};
pub use memory::{Batch, CodeSpace, MemoryError};
pub use tables::Tables;
