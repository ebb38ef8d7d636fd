//! An execution's record that stands alone, and what compiled code calls with it.
//!
//! The interpreter's own execution has all of these fields; until code runs inside it, and in the tests, this record takes
//! its place.
//!
//! SAFETY (all of this module): helpers are called by compiled code, with the record that the code was entered with, on the
//! thread that entered it. Addresses are the program's own affair, as everywhere; null and negative lengths were refused.

mod entry;
mod rounding;

pub use entry::{SUPPORTED, enter};
pub(crate) use rounding::*;

use crate::abi::{CellLayout, Config, Helpers, MAX_RESULTS, NOTED, Offsets, trap_code};
use std::ffi::c_void;
use std::mem::offset_of;
use std::sync::atomic::{AtomicUsize, Ordering};
use sx_ir::TrapKind;

/// Where a trap goes on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The stack pointer there; 0 without a recovery point.
    pub sp: usize,
    /// The instruction there.
    pub ip: usize,
}

/// What left compiled code.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// The trap's code, see [`crate::abi::trap_code`]; meaningless while `pc` is 0.
    pub code: u32,
    /// Its operands.
    pub operands: [u64; 3],
    /// The address behind the call that left; 0 when nothing did.
    pub pc: usize,
    /// The frame pointer there: the start of the chain of frames.
    pub frame: usize,
}

/// An entry cell.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Machine code of the native signature.
    pub code: *const u8,
    /// The class of the signature.
    pub class: u32,
}

/// The class that fits every call.
pub const ANY_CLASS: u32 = u32::MAX;

/// What a [`Runtime`] does for compiled code. See [`Helpers`] for what the results mean.
pub trait Services {
    /// Calls the function behind a symbol; arguments and result stand in the slots.
    ///
    /// # Errors
    /// The trap.
    fn call_extern(&mut self, ext: u32, slots: &mut [u64]) -> Result<(), TrapKind>;
    /// Calls a C function pointer.
    ///
    /// # Errors
    /// The trap.
    fn call_pointer(&mut self, code: u64, sig: u32, slots: &mut [u64]) -> Result<(), TrapKind>;
    /// The C function pointer of a function.
    ///
    /// # Errors
    /// The trap.
    fn c_func_addr(&mut self, func: u32) -> Result<u64, TrapKind>;
    /// The address behind a symbol.
    ///
    /// # Errors
    /// The trap.
    fn extern_addr(&mut self, ext: u32) -> Result<u64, TrapKind>;
    /// An error is raised (0), propagated (1) or handled (2) at a position of a function.
    fn err_trace(&mut self, what: u32, func: u32, loc: u32);
    /// Requests wait, or there is no fuel: none, or the trap. The guard is set again by the caller.
    fn poll(&mut self) -> Option<TrapKind>;
}

/// An execution's record.
#[repr(C)]
pub struct Runtime {
    /// 0 while a request waits.
    pub guard: AtomicUsize,
    /// The lowest address that the native stack may reach; the highest there is while a request waits.
    pub stack_limit: AtomicUsize,
    /// Entry cells.
    pub cells: *const Cell,
    /// How many.
    pub cell_count: u64,
    /// Globals and data.
    pub objects: *const *mut u8,
    /// Polls and calls left, if they are counted.
    pub fuel: i64,
    /// Results that aren't returned in registers.
    pub results: [u64; MAX_RESULTS],
    /// Where traps go on.
    pub recovery: Recovery,
    /// What left.
    pub left: Left,
    /// What a helper noted, for [`NOTED`].
    pub noted: Option<TrapKind>,
    /// The real limit of the stack.
    pub real_limit: usize,
    /// What is done for code; dead outside of calls.
    services: Option<*mut dyn Services>,
}

impl Runtime {
    /// A record for code that calls these cells and reaches these objects, with a stack that ends at `stack_limit`.
    pub fn new(cells: &[Cell], objects: &[*mut u8], stack_limit: usize) -> Runtime {
        Runtime {
            guard: AtomicUsize::new(usize::MAX),
            stack_limit: AtomicUsize::new(stack_limit),
            cells: cells.as_ptr(),
            cell_count: cells.len() as u64,
            objects: objects.as_ptr(),
            fuel: i64::MAX,
            results: [0; MAX_RESULTS],
            recovery: Recovery::default(),
            left: Left::default(),
            noted: None,
            real_limit: stack_limit,
            services: None,
        }
    }
    /// Makes a request: the next poll or prologue asks [`Services::poll`].
    pub fn request(&self) {
        self.guard.store(0, Ordering::SeqCst);
        self.stack_limit.store(usize::MAX, Ordering::SeqCst);
    }
    fn withdraw(&self) {
        self.stack_limit.store(self.real_limit, Ordering::SeqCst);
        self.guard.store(usize::MAX, Ordering::SeqCst);
    }
    /// The trap that left, if one did.
    pub fn trap(&self) -> Option<(Option<TrapKind>, Left)> {
        (self.left.pc != 0).then_some((self.noted, self.left))
    }
    /// What code for such a record is made with.
    pub fn config() -> Config {
        Config {
            offsets: Offsets {
                guard: offset_of!(Runtime, guard) as i32,
                stack_limit: offset_of!(Runtime, stack_limit) as i32,
                cells: offset_of!(Runtime, cells) as i32,
                cell_count: offset_of!(Runtime, cell_count) as i32,
                objects: offset_of!(Runtime, objects) as i32,
                fuel: offset_of!(Runtime, fuel) as i32,
                results: offset_of!(Runtime, results) as i32,
            },
            cells: CellLayout {
                stride: size_of::<Cell>() as u32,
                code: offset_of!(Cell, code) as i32,
                class: offset_of!(Cell, class) as i32,
                any_class: ANY_CLASS,
            },
            helpers: helpers(),
            fuel: false,
            optimize: true,
            verify: cfg!(debug_assertions),
        }
    }
}

fn helpers() -> Helpers {
    Helpers {
        leave: entry::leave_address(),
        leave_plain: entry::leave_plain_address(),
        poll: poll as *const () as usize,
        no_room: no_room as *const () as usize,
        call_extern: call_extern as *const () as usize,
        call_pointer: call_pointer as *const () as usize,
        c_func_addr: c_func_addr as *const () as usize,
        extern_addr: extern_addr as *const () as usize,
        err_trace: err_trace as *const () as usize,
        mem_move: mem_move as *const () as usize,
        mem_set: mem_set as *const () as usize,
        mem_cmp: mem_cmp as *const () as usize,
        rem_f32: rem_f32 as *const () as usize,
        rem_f64: rem_f64 as *const () as usize,
    }
}

/// The services of the call that runs.
///
/// # Safety
/// See the module.
unsafe fn services<'a>(rt: *mut Runtime) -> &'a mut dyn Services {
    // SAFETY: `enter` put the services there that live while it runs, and only one helper runs at a time.
    unsafe { &mut *(*rt).services.expect("compiled code runs within `enter`") }
}

/// Notes a trap; 0 if there is none.
unsafe fn note<T>(rt: *mut Runtime, result: Result<T, TrapKind>) -> Result<T, u32> {
    result.map_err(|kind| {
        // SAFETY: see the module.
        unsafe { (*rt).noted = Some(kind) };
        NOTED
    })
}

unsafe extern "C" fn poll(rt: *mut Runtime) -> u32 {
    // SAFETY: see the module.
    unsafe {
        if (*rt).fuel < 0 {
            return trap_code(TrapKind::OutOfFuel) + 1;
        }
        match services(rt).poll() {
            Some(kind) => trap_code(kind) + 1,
            None => {
                (*rt).withdraw();
                0
            }
        }
    }
}

unsafe extern "C" fn no_room(rt: *mut Runtime) -> u32 {
    // SAFETY: see the module.
    unsafe {
        if (*rt).fuel < 0 || (*rt).guard.load(Ordering::SeqCst) == 0 {
            return poll(rt);
        }
        trap_code(TrapKind::StackOverflow) + 1
    }
}

unsafe extern "C" fn call_extern(rt: *mut Runtime, ext: u32, slots: *mut u64, count: u32) -> u32 {
    // SAFETY: see the module; there is room for the result even without arguments.
    unsafe {
        let slots = std::slice::from_raw_parts_mut(slots, count.max(1) as usize);
        note(rt, services(rt).call_extern(ext, slots)).err().unwrap_or(0)
    }
}

unsafe extern "C" fn call_pointer(rt: *mut Runtime, code: u64, sig: u32, slots: *mut u64, count: u32) -> u32 {
    // SAFETY: as above.
    unsafe {
        let slots = std::slice::from_raw_parts_mut(slots, count.max(1) as usize);
        note(rt, services(rt).call_pointer(code, sig, slots)).err().unwrap_or(0)
    }
}

/// Writes an address, or notes a trap.
unsafe fn address(rt: *mut Runtime, found: Result<u64, TrapKind>, out: *mut u64) -> u32 {
    // SAFETY: see the module.
    match unsafe { note(rt, found) } {
        Ok(address) => {
            // SAFETY: compiled code gives a place in its frame.
            unsafe { out.write(address) };
            0
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn c_func_addr(rt: *mut Runtime, func: u32, out: *mut u64) -> u32 {
    // SAFETY: see the module.
    unsafe { address(rt, services(rt).c_func_addr(func), out) }
}

unsafe extern "C" fn extern_addr(rt: *mut Runtime, ext: u32, out: *mut u64) -> u32 {
    // SAFETY: see the module.
    unsafe { address(rt, services(rt).extern_addr(ext), out) }
}

unsafe extern "C" fn err_trace(rt: *mut Runtime, what: u32, func: u32, loc: u32) {
    // SAFETY: see the module.
    unsafe { services(rt).err_trace(what, func, loc) };
}

unsafe extern "C" fn mem_move(_: *mut c_void, to: u64, from: u64, len: u64) {
    // SAFETY: see the module.
    unsafe { std::ptr::copy(from as usize as *const u8, to as usize as *mut u8, len as usize) }
}

unsafe extern "C" fn mem_set(_: *mut c_void, to: u64, byte: u32, len: u64) {
    // SAFETY: see the module.
    unsafe { std::ptr::write_bytes(to as usize as *mut u8, byte as u8, len as usize) }
}

unsafe extern "C" fn mem_cmp(_: *mut c_void, a: u64, b: u64, len: u64) -> i32 {
    // SAFETY: see the module.
    let (a, b) = unsafe {
        (
            std::slice::from_raw_parts(a as usize as *const u8, len as usize),
            std::slice::from_raw_parts(b as usize as *const u8, len as usize),
        )
    };
    a.cmp(b) as i32
}

extern "C" fn rem_f32(a: f32, b: f32) -> f32 {
    a % b
}

extern "C" fn rem_f64(a: f64, b: f64) -> f64 {
    a % b
}
