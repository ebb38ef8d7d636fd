//! Switches: how execution goes from one stack to another and back.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod native;
mod portable;
mod shadow;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use native::{Native, NativeControl};
pub use portable::{Portable, PortableControl};

use crate::Error;

/// The fastest switch that there is for this machine: [`Native`] where it exists, else [`Portable`].
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub type Best = Native;
/// The fastest switch that there is for this machine: here it is the portable one.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub type Best = Portable;

/// The first function on a fiber's stack: gets `data` and the word of the first resume, returns the last word.
/// It must not unwind.
pub type Start = unsafe extern "C" fn(data: *mut (), word: usize) -> usize;

/// A way to go to another stack and back. It knows nothing of states: [`Fiber`](crate::Fiber) keeps those.
///
/// What a switch carries across is the stack pointer and the registers that the platform's calling convention says a
/// callee keeps. Floating-point control registers (MXCSR, x87, FPCR) aren't switched: code that changes them restores
/// them before it suspends.
///
/// # Safety
///
/// After `enter` or `leave` returns, all those registers must have the values that they had before the call.
pub unsafe trait Switch: Sized + 'static {
    /// What is kept for each fiber. It lies at the top of the fiber's stack and never moves.
    type Control;

    /// The name, for messages and measurements.
    const NAME: &'static str;

    /// An error where the switch can't work: the wrong kind of processor, or a process with shadow stacks.
    fn check() -> Result<(), Error>;

    /// Writes the control and the first frame of a fiber that will run `start(data, word)` at its first `enter`.
    ///
    /// # Safety
    ///
    /// `control` must be valid for writing; `low..top` must be memory that is the fiber's alone, at least
    /// [`MIN_STACK`](crate::MIN_STACK) bytes, with `top` a multiple of 16; `start` must be callable with `data`.
    unsafe fn prepare(
        control: *mut Self::Control,
        low: *mut u8,
        top: *mut u8,
        start: Start,
        data: *mut (),
    ) -> Result<(), Error>;

    /// Goes to the fiber, and returns with its word when it leaves or `start` returns.
    ///
    /// # Safety
    ///
    /// The control must have been prepared, and its fiber neither be running nor have finished.
    unsafe fn enter(control: *mut Self::Control, word: usize) -> usize;

    /// Goes back to whoever entered, and returns with the word of the next `enter`.
    ///
    /// # Safety
    ///
    /// The control's fiber must have been entered and not have left, and the caller must run on its stack or on that
    /// of a fiber that was entered from there.
    unsafe fn leave(control: *mut Self::Control, word: usize) -> usize;
}
