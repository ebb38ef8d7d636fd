//! What code is made for: the machine contract of the virtual machine, and what functions are linked with.

pub use sx_vm::machine::abi::*;

use sx_ir::{DataId, GlobalId, Signature};

/// What code is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// How code works with what surrounds it.
    pub abi: Abi,
    /// Work is counted: at polls and where functions are entered.
    pub fuel: bool,
    /// Nobody interrupts: code has no polls, unless it counts.
    pub polls: bool,
    /// Cranelift spends time on better code.
    pub optimize: bool,
    /// Cranelift checks what it is given: for tests.
    pub verify: bool,
}

impl Config {
    /// Code for this process, optimised, with polls that count nothing; none where no code can be entered.
    pub fn of_this_process() -> Option<Config> {
        let abi = Abi::of_this_process()?;
        Some(Config { abi, fuel: false, polls: true, optimize: true, verify: cfg!(debug_assertions) })
    }
}

/// Where read-only data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataPlace {
    /// In this object of the instance.
    Object(u32),
    /// At an address that all instances share, and that lives as long as the code.
    Shared(usize),
}

/// What functions are linked with: numbers and addresses that the program's owner has given out.
pub trait Link {
    /// The number of a signature, compared at calls of function values.
    fn class(&self, sig: &Signature) -> Option<u32>;
    /// The number of a global's object.
    fn global(&self, id: GlobalId) -> Option<u32>;
    /// Where data is.
    fn data(&self, id: DataId) -> Option<DataPlace>;
}
