//! Panics end at a fiber's base. Backtraces end there with our switch, and go on into the resumer with the portable one.

mod common;

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::rc::Rc;

use common::{end, fiber, pool};
use sx_fiber::{Fiber, Native, Pool, Portable, ResumeError, State, Switch, Turn};

fn panics_end_at_the_base<S: Switch>() {
    struct Noisy(Rc<Cell<usize>>);
    impl Drop for Noisy {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let mut pool = pool();
    let dropped = Rc::new(Cell::new(0));
    let inside = Rc::clone(&dropped);
    let fiber = fiber::<S>(&mut pool, move |suspend, word| {
        let _noisy = Noisy(Rc::clone(&inside));
        let word = suspend.suspend(word);
        // One that is caught on the fiber, then one that isn't.
        let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new("first")));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"first"));
        let word = suspend.suspend(word + 1);
        let _noisy = Noisy(Rc::clone(&inside));
        std::panic::resume_unwind(Box::new(word))
    });
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    assert_eq!(fiber.resume(2), Ok(Turn::Suspended(3)));
    assert_eq!(dropped.get(), 0);
    assert_eq!(fiber.resume(40), Ok(Turn::Panicked));
    assert_eq!(dropped.get(), 2);
    assert_eq!(fiber.state(), State::Panicked);
    assert_eq!(fiber.take_panic().unwrap().downcast_ref::<usize>(), Some(&40));
    assert!(fiber.take_panic().is_none());
    assert_eq!(fiber.resume(1), Err(ResumeError::Finished));
    assert!(!std::thread::panicking());
    end(&mut pool, fiber);
}

#[test]
fn panics_end_at_the_base_of_our_switch() {
    panics_end_at_the_base::<Native>();
}

#[test]
fn panics_end_at_the_base_of_the_portable_switch() {
    panics_end_at_the_base::<Portable>();
}

#[inline(never)]
fn frame_of_the_body() -> String {
    black_box(Backtrace::force_capture().to_string())
}

fn body_that_looks<S: Switch>(pool: &mut Pool, text: &Rc<RefCell<String>>) -> Fiber<S> {
    let inside = Rc::clone(text);
    fiber::<S>(pool, move |suspend, word| {
        let word = suspend.suspend(word);
        *inside.borrow_mut() = frame_of_the_body();
        word
    })
}

#[inline(never)]
fn frame_of_the_resumer<S: Switch>() -> String {
    let mut pool = pool();
    let text = Rc::new(RefCell::new(String::new()));
    let fiber = body_that_looks::<S>(&mut pool, &text);
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    assert_eq!(fiber.resume(1), Ok(Turn::Finished(1)));
    end(&mut pool, fiber);
    black_box(text.take())
}

#[test]
fn backtraces_end_at_the_base_of_our_switch() {
    let text = frame_of_the_resumer::<Native>();
    assert!(text.contains("frame_of_the_body"), "{text}");
    assert!(text.contains("start_body"), "{text}");
    assert!(!text.contains("frame_of_the_resumer"), "{text}");
}

#[test]
fn backtraces_go_on_into_the_resumer_with_the_portable_switch() {
    let text = frame_of_the_resumer::<Portable>();
    assert!(text.contains("frame_of_the_body"), "{text}");
    assert!(text.contains("frame_of_the_resumer"), "{text}");
}

const END_OF_STACK: c_int = 5;

type Walk = unsafe extern "C" fn(context: *mut c_void, found: *mut c_void) -> c_int;

unsafe extern "C" {
    fn _Unwind_Backtrace(walk: Walk, found: *mut c_void) -> c_int;
    fn _Unwind_GetRegionStart(context: *mut c_void) -> usize;
}

/// The start of each function on the stack, in a fixed array, since this may be asked in a signal handler.
/// A stack that goes on for longer has no clean end.
struct Frames {
    starts: [usize; 64],
    count: usize,
    reason: c_int,
}

impl Frames {
    fn here() -> Frames {
        unsafe extern "C" fn walk(context: *mut c_void, found: *mut c_void) -> c_int {
            // SAFETY: `found` is the structure below, `context` is the unwinder's.
            unsafe {
                let found = &mut *found.cast::<Frames>();
                let Some(place) = found.starts.get_mut(found.count) else { return 1 };
                *place = _Unwind_GetRegionStart(context);
                found.count += 1;
            }
            0
        }
        let mut frames = Frames { starts: [0; 64], count: 0, reason: 0 };
        // SAFETY: `walk` gets the structure that it expects.
        frames.reason = unsafe { _Unwind_Backtrace(walk, (&raw mut frames).cast()) };
        frames
    }

    fn have(&self, function: usize) -> bool {
        self.starts[..self.count].contains(&function)
    }
}

fn the_unwinder_ends_cleanly<S: Switch>() {
    let mut pool = pool();
    let fiber = fiber::<S>(&mut pool, |_, _| {
        let frames = Frames::here();
        assert!(frames.count > 2);
        usize::try_from(frames.reason).unwrap()
    });
    assert_eq!(fiber.resume(0), Ok(Turn::Finished(END_OF_STACK as usize)));
    end(&mut pool, fiber);
}

/// The last frame that the unwinder finds is the base: what lies above that on the stack isn't taken for frames.
#[test]
fn the_last_frame_of_our_switch_is_the_base() {
    unsafe extern "C" {
        fn sx_fiber_switch(control: *mut (), word: usize) -> usize;
        fn sx_fiber_prepare();
    }
    let mut pool = pool();
    let fiber = fiber::<Native>(&mut pool, |_, _| {
        let frames = Frames::here();
        frames.starts[frames.count - 1]
    });
    let Ok(Turn::Finished(last)) = fiber.resume(0) else { panic!("it didn't end") };
    let base = sx_fiber_switch as *const () as usize + 1..sx_fiber_prepare as *const () as usize;
    assert!(base.contains(&last), "{last:#x} {base:#x?}");
    end(&mut pool, fiber);
}

#[test]
fn the_unwinder_ends_cleanly_with_both_switches() {
    the_unwinder_ends_cleanly::<Native>();
    the_unwinder_ends_cleanly::<Portable>();
}

/// The hand-written unwind information, at every instruction of the switch: a thread goes through it step by step, and
/// the handler of each step unwinds.
#[cfg(target_arch = "x86_64")]
mod stepping {
    use super::*;
    use std::arch::asm;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use sx_fiber::Suspend;

    unsafe extern "C" {
        fn sx_fiber_switch(control: *mut (), word: usize) -> usize;
        fn sx_fiber_prepare();
    }

    /// Instructions seen, with what was found at each: 1 the resumer's frame, 2 the body's; 4 no clean end.
    static SEEN: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];

    const CAME_FROM_RESUMER: usize = 1;
    const CAME_FROM_BODY: usize = 2;
    const BAD: usize = 4;

    extern "C" fn on_step(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: the kernel gives the handler this structure.
        let context = unsafe { &*context.cast::<libc::ucontext_t>() };
        let at = context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
        let Some(offset) = at.checked_sub(sx_fiber_switch as *const () as usize) else { return };
        if at >= sx_fiber_prepare as *const () as usize || offset >= SEEN.len() {
            return;
        }
        let frames = Frames::here();
        let mut found = 0;
        if frames.have(resumer as *const () as usize) {
            found |= CAME_FROM_RESUMER;
        }
        if frames.have(body as *const () as usize) {
            found |= CAME_FROM_BODY;
        }
        // Before a body has begun there is only the base.
        let base = frames.starts[..frames.count].iter().any(|start| {
            *start > sx_fiber_switch as *const () as usize && *start < sx_fiber_prepare as *const () as usize
        });
        if frames.reason != END_OF_STACK
            || (found == 0 && !base)
            || found == CAME_FROM_BODY | CAME_FROM_RESUMER
        {
            found |= BAD;
        }
        SEEN[offset].fetch_or(found | 8, Ordering::Relaxed);
    }

    #[inline(never)]
    unsafe fn body(suspend: &Suspend<'_, Native>, _: *mut (), word: usize) -> usize {
        black_box(suspend.suspend(word) + suspend.suspend(word))
    }

    #[inline(never)]
    fn resumer(fiber: &Fiber<Native>) {
        for word in 0..3 {
            assert!(black_box(fiber).resume(word).is_ok());
        }
        black_box(());
    }

    #[test]
    fn every_instruction_of_our_switch_can_be_unwound() {
        let mut pool = pool();
        // SAFETY: the body ignores its argument.
        let fiber = unsafe { Fiber::<Native>::new(pool.take().unwrap(), body, std::ptr::null_mut()) };
        let fiber = fiber.map_err(|(error, _)| error).unwrap();
        // SAFETY: the handler allocates nothing and is installed for this process, in which nothing else traps.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_step as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            assert_eq!(libc::sigaction(libc::SIGTRAP, &raw const action, std::ptr::null_mut()), 0);
            // The trap flag, on and off.
            asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq");
            resumer(&fiber);
            asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq");
        }
        end(&mut pool, fiber);
        let seen: Vec<(usize, usize)> = SEEN
            .iter()
            .enumerate()
            .map(|(at, seen)| (at, seen.load(Ordering::Relaxed)))
            .filter(|it| it.1 != 0)
            .collect();
        let bad: Vec<_> = seen.iter().filter(|(_, found)| found & BAD != 0).collect();
        assert!(bad.is_empty(), "instructions at these offsets can't be unwound: {bad:?}");
        // Six pushes, six pops, and what is between; each seen from both sides.
        let both: BTreeSet<usize> = seen
            .iter()
            .filter(|(_, found)| {
                found & (CAME_FROM_BODY | CAME_FROM_RESUMER) == CAME_FROM_BODY | CAME_FROM_RESUMER
            })
            .map(|(at, _)| *at)
            .collect();
        assert!(both.len() >= 18, "{seen:?}");
    }
}
