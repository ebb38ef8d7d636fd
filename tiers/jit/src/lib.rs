//! Tier 1: machine code for functions of the middle form, made by Cranelift.
//!
//! | module | what |
//! |---|---|
//! | [`abi`] | what code is made for |
//! | [`compile`] | from a function to bytes: the one place that runs Cranelift |
//! | `continuation` | from a function to one that goes on in the middle of it |
//! | `lower` | from the middle form to Cranelift's |
//! | [`tables`] | what is known of places in the code: source positions, and accesses that may fault |
//! | [`memory`] | pages of code: written, sealed once, freed whole; what unwinders are told |
//! | [`tier`] | which functions of a program are compiled when, and by whom |
//!
//! Code holds no address that belongs to an instance: all that does is reached through the first hidden argument, the
//! execution, whose fields' places the virtual machine tells ([`abi::Offsets`]). So the same code serves every instance of a
//! program, on any thread.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod abi;
pub mod compile;
mod continuation;
mod lower;
pub mod memory;
mod rounding;
pub mod tables;
pub mod tier;

pub use abi::{Config, DataPlace, Link};
pub use compile::{Compiler, MachineCode, Unsupported};
pub use memory::{Batch, CodeSpace, MemoryError};
pub use tables::Tables;
pub use tier::{Stats, Tier};
