//! The portable switch: `wasmtime-fiber`.

use core::mem::ManuallyDrop;
use core::ptr;

use wasmtime_fiber::{Fiber, FiberStack, Suspend};

use super::{Start, Switch, shadow};
use crate::Error;

/// The switch of `wasmtime-fiber`, for every architecture that it knows.
///
/// Unwinding goes on into the resumer: a backtrace shows the fiber's frames, and then those of whoever resumed it.
#[derive(Debug, Clone, Copy)]
pub enum Portable {}

/// What a resume hands over. The control travels along because the fiber's first function may capture nothing:
/// a closure of no size is boxed without an allocation.
struct Resume {
    word: usize,
    control: *mut PortableControl,
}

type Inner = Fiber<'static, Resume, usize, usize>;

/// What [`Portable`] keeps for a fiber.
pub struct PortableControl {
    // Never dropped: it owns no memory, and its destructor wants even a fiber that never started to have finished.
    fiber: ManuallyDrop<Inner>,
    suspend: *mut Suspend<Resume, usize, usize>,
    start: Start,
    data: *mut (),
}

fn first(resume: Resume, suspend: &mut Suspend<Resume, usize, usize>) -> usize {
    let control = resume.control;
    // SAFETY: `enter` gave the address of a prepared control, which stays where it is while its fiber lives; nobody
    // else looks at these fields meanwhile.
    let (start, data) = unsafe {
        (*control).suspend = suspend;
        ((*control).start, (*control).data)
    };
    // SAFETY: that `start` may be called with `data` on this stack is what `prepare` was promised.
    unsafe { start(data, resume.word) }
}

// SAFETY: wasmtime-fiber switches all registers that the calling convention says a callee keeps, on the architectures
// that it knows, and the harness shows it for this one.
unsafe impl Switch for Portable {
    type Control = PortableControl;
    const NAME: &'static str = "wasmtime-fiber";

    fn check() -> Result<(), Error> {
        shadow::check()
    }

    unsafe fn prepare(
        control: *mut PortableControl,
        low: *mut u8,
        top: *mut u8,
        start: Start,
        data: *mut (),
    ) -> Result<(), Error> {
        let len = top as usize - low as usize;
        // SAFETY: `low..top` is the fiber's own memory. Stacks made of raw parts may begin and end anywhere that is
        // aligned for the architecture; only custom ones must be whole pages.
        let stack = unsafe { FiberStack::from_raw_parts(low, 0, len) };
        let fiber = stack.and_then(|stack| Inner::new(stack, first)).map_err(|_| Error::Unsupported)?;
        let fiber = ManuallyDrop::new(fiber);
        // SAFETY: the caller gives a control of ours to write.
        unsafe { control.write(PortableControl { fiber, suspend: ptr::null_mut(), start, data }) };
        Ok(())
    }

    #[inline]
    unsafe fn enter(control: *mut PortableControl, word: usize) -> usize {
        // SAFETY: the caller says that the control is prepared and its fiber isn't running. The reference is to the
        // field alone, which the fiber's side never touches.
        let fiber = unsafe { &*ptr::addr_of!((*control).fiber) };
        match fiber.resume(Resume { word, control }) {
            Ok(word) | Err(word) => word,
        }
    }

    #[inline]
    unsafe fn leave(control: *mut PortableControl, word: usize) -> usize {
        // SAFETY: the fiber runs, so `first` has stored the address of what it still holds.
        unsafe { (*(*control).suspend).suspend(word).word }
    }
}
