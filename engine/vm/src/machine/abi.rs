//! How machine code is called, and where it finds what belongs to the execution.
//!
//! **Native signature.** A function of the middle form with parameters `p…` and results `r…` is a machine function of the
//! platform's C convention with the parameters `(rt, p…)`: the execution, then each scalar as it is. The first
//! [`RESULTS_IN_REGISTERS`] results are returned in registers; the others stand in the execution, 8 bytes each, and are read
//! by the caller before anything else is called.
//!
//! **Calls** go through entry cells: the code's address is loaded from the table of cells at every call, so that a cell can
//! be replaced at any time, by other machine code or by a way to the interpreter of the same native signature.
//!
//! **Traps** leave by [`Helpers::leave`], which notes what happened and goes on at the innermost recovery point; it never
//! returns. Its return address says where the trap was. Compiled frames own nothing, so they may be jumped over.
//!
//! **Helpers** return instead of leaving: what a helper finds out is a number, and compiled code leaves, or the routine that
//! called the helper. So no frame of Rust is ever jumped over, but for those of bulk operations, which own nothing either.
//!
//! **Requests.** A poll compares the guard word with 0; a prologue compares the stack pointer with the limit. Whoever makes
//! a request sets the guard to 0, and the limit to the highest address, so that recursion notices too.
//!
//! **Frames** are chained by frame pointers, so that call stacks can be told.

use super::{entry, helpers};
use crate::interp::state::{Cell, Core, State, Strand};
use crate::program::ANY_CLASS;
use std::mem::offset_of;
use sx_ir::TrapKind;

/// How many results are returned in registers.
pub const RESULTS_IN_REGISTERS: usize = 2;

/// How many results there may be at most: four leaves and an error.
pub const MAX_RESULTS: usize = 8;

/// Addresses below this trap as null.
pub const NULL_PAGE: u64 = crate::interp::memory::NULL_PAGE;

/// Native stack that is free below the limit: for frames that aren't compared, and for helpers.
pub const STACK_RESERVE: usize = 32 * 1024;

/// Set in a trap's code when its index is named as an unsigned number.
pub const UNSIGNED: u32 = 0x100;

/// The code of a trap that a helper has noted already.
pub const NOTED: u32 = 0xffff;

/// The number of a kind of trap.
pub fn trap_code(kind: TrapKind) -> u32 {
    kind as u32
}

/// Where the execution keeps what code reads: bytes from its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offsets {
    /// A word that is 0 while a request waits.
    pub guard: i32,
    /// A word: the lowest address that the native stack may reach.
    pub stack_limit: i32,
    /// The address where the free part of the VM stack begins: a function may move it for large locals, and moves it back.
    /// It ends at the guard's address.
    pub top: i32,
    /// The address of the table of entry cells.
    pub cells: i32,
    /// A 64-bit word: how many cells there are.
    pub cell_count: i32,
    /// The address of the table of objects: globals and data of the instance.
    pub objects: i32,
    /// A signed 64-bit word: what may still be done, if work is counted.
    pub fuel: i32,
    /// Words for the results that aren't returned in registers.
    pub results: i32,
}

/// What an entry cell looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellLayout {
    /// Bytes from one cell to the next.
    pub stride: u32,
    /// Where the address of the machine code stands.
    pub code: i32,
    /// Where the 32-bit class of the signature stands.
    pub class: i32,
    /// The class of a function whose signature isn't known yet, which fits every call.
    pub any_class: u32,
}

/// Addresses of what compiled code calls. They belong to the process, never to an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Helpers {
    /// `(rt, code: u32, a: u64, b: u64, c: u64) -> !`: leaves with a trap.
    pub leave: usize,
    /// `(rt, code: u32) -> !`: likewise, without operands.
    pub leave_plain: usize,
    /// `(rt)`: answers a poll. Keeps all registers, as the two that follow; leaves by itself when something ends the program.
    pub poll: usize,
    /// `(rt)`: answers a prologue that found no room, or a request.
    pub no_room: usize,
    /// `(rt)`: answers a function that found no room on the VM stack, or a request.
    pub no_frame: usize,
    /// `(rt, extern: u32, slots: *mut u64, count: u32) -> u32`: calls a symbol; not 0 when a trap was noted.
    pub call_extern: usize,
    /// `(rt, code: u64, sig: u32, slots: *mut u64, count: u32) -> u32`: calls a C function pointer, likewise.
    pub call_pointer: usize,
    /// `(rt, func: u32, out: *mut u64) -> u32`: a C function pointer, likewise.
    pub c_func_addr: usize,
    /// `(rt, extern: u32, out: *mut u64) -> u32`: the address behind a symbol, likewise.
    pub extern_addr: usize,
    /// `(rt, what: u32)`: 0 an error is raised there, 1 propagated, 2 handled.
    pub err_trace: usize,
    /// `(rt, to: u64, from: u64, len: u64)`.
    pub mem_move: usize,
    /// `(rt, to: u64, byte: u32, len: u64)`.
    pub mem_set: usize,
    /// `(rt, a: u64, b: u64, len: u64) -> i32`: -1, 0 or 1.
    pub mem_cmp: usize,
    /// C's `fmodf`.
    pub rem_f32: usize,
    /// C's `fmod`.
    pub rem_f64: usize,
}

/// All of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abi {
    /// The execution's fields.
    pub offsets: Offsets,
    /// The cells' fields.
    pub cells: CellLayout,
    /// What code calls.
    pub helpers: Helpers,
}

/// Where a field of the execution's state stands.
macro_rules! state {
    ($($field:tt)+) => { offset_of!(Core, state) + offset_of!(State, $($field)+) };
}
pub(super) use state;

impl Abi {
    /// How machine code works with this virtual machine; none where it can't be entered.
    pub fn of_this_process() -> Option<Abi> {
        if !super::SUPPORTED {
            return None;
        }
        Some(Abi {
            offsets: Offsets {
                guard: offset_of!(Core, guard) as i32,
                stack_limit: offset_of!(Core, native_guard) as i32,
                top: (state!(strand) + offset_of!(Strand, top)) as i32,
                cells: state!(cells) as i32,
                cell_count: state!(cell_count) as i32,
                objects: state!(objects) as i32,
                fuel: state!(fuel) as i32,
                results: state!(results) as i32,
            },
            cells: CellLayout {
                stride: size_of::<Cell>() as u32,
                code: offset_of!(Cell, machine) as i32,
                class: offset_of!(Cell, class) as i32,
                any_class: ANY_CLASS,
            },
            helpers: Helpers {
                leave: entry::leave as *const () as usize,
                leave_plain: entry::leave_plain as *const () as usize,
                poll: entry::poll as *const () as usize,
                no_room: entry::no_room as *const () as usize,
                no_frame: entry::no_frame as *const () as usize,
                call_extern: entry::call_extern as *const () as usize,
                call_pointer: entry::call_pointer as *const () as usize,
                c_func_addr: entry::c_func_addr as *const () as usize,
                extern_addr: entry::extern_addr as *const () as usize,
                err_trace: entry::err_trace as *const () as usize,
                mem_move: entry::mem_move as *const () as usize,
                mem_set: entry::mem_set as *const () as usize,
                mem_cmp: entry::mem_cmp as *const () as usize,
                rem_f32: helpers::rem_f32 as *const () as usize,
                rem_f64: helpers::rem_f64 as *const () as usize,
            },
        })
    }
}
