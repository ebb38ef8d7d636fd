//! Our own switch: the routines of `x86_64.S` and `aarch64.S`.

use core::arch::global_asm;

use super::{Start, Switch, shadow};
use crate::Error;

#[cfg(target_arch = "x86_64")]
global_asm!(include_str!("x86_64.S"), "SX_FIBER sx_fiber", "SX_FIBER_END", options(raw, att_syntax));

#[cfg(target_arch = "aarch64")]
global_asm!(include_str!("aarch64.S"), "SX_FIBER sx_fiber", "SX_FIBER_END", options(raw));

unsafe extern "C" {
    fn sx_fiber_prepare(control: *mut NativeControl, top: *mut u8, start: Start, data: *mut ());
    fn sx_fiber_switch(control: *mut NativeControl, word: usize) -> usize;
}

/// Our own switch: six registers (aarch64: twenty) pushed, stacks exchanged, popped, and a jump.
///
/// Unwinding ends at a fiber's base: a backtrace shows the fiber's frames only.
#[derive(Debug, Clone, Copy)]
pub enum Native {}

/// What [`Native`] keeps for a fiber: the stack pointer of the side that isn't running.
#[repr(C)]
#[derive(Debug)]
pub struct NativeControl {
    sp: *mut u8,
}

// SAFETY: the routines save and load every register that the calling convention says a callee keeps, and the harness
// shows it; `prepare` writes below `top` only what fits in `MIN_STACK`.
unsafe impl Switch for Native {
    type Control = NativeControl;
    const NAME: &'static str = "native";

    fn check() -> Result<(), Error> {
        shadow::check()
    }

    unsafe fn prepare(
        control: *mut NativeControl,
        _low: *mut u8,
        top: *mut u8,
        start: Start,
        data: *mut (),
    ) -> Result<(), Error> {
        // SAFETY: the caller gives an aligned top with room below it, and a control of ours to write.
        unsafe { sx_fiber_prepare(control, top, start, data) };
        Ok(())
    }

    #[inline(always)]
    unsafe fn enter(control: *mut NativeControl, word: usize) -> usize {
        // SAFETY: the caller says that the control is prepared and holds the fiber's stack pointer.
        unsafe { sx_fiber_switch(control, word) }
    }

    #[inline(always)]
    unsafe fn leave(control: *mut NativeControl, word: usize) -> usize {
        // SAFETY: the caller says that the fiber runs, so the control holds the resumer's stack pointer.
        unsafe { sx_fiber_switch(control, word) }
    }
}
