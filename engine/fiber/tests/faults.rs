//! A stack that overflows hits its guard, and a fault handler can say whose it is. Each in a process of its own.

mod common;

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::process::Command;

use sx_fiber::{Fiber, Guards, Native, Pool, PoolConfig, Portable, Slot, StackLayout, Switch, guard_owner};

/// What the handler exits with when it knows the guard.
const KNOWN: i32 = 42;
/// And when it doesn't.
const UNKNOWN: i32 = 43;

extern "C" fn on_fault(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel gives the handler this structure, and the calls may be made in one.
    unsafe {
        let Some(hit) = guard_owner((*info).si_addr() as usize) else { libc::_exit(UNKNOWN) };
        for (what, slot) in [("slot ", hit.slot), (" below ", hit.below)] {
            let Some(slot) = slot else { continue };
            libc::write(1, what.as_ptr().cast(), what.len());
            libc::write(1, slot.name().as_ptr().cast(), slot.name().len());
        }
        libc::write(1, c"!".as_ptr().cast(), 1);
        libc::_exit(KNOWN);
    }
}

/// A handler on a stack of its own, since the fiber's is full.
fn watch() {
    // SAFETY: the memory is kept for ever; the handler does only what handlers may.
    unsafe {
        let stack = Box::leak(vec![0_u8; 64 << 10].into_boxed_slice());
        let stack = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: stack.len() };
        assert_eq!(libc::sigaltstack(&raw const stack, std::ptr::null_mut()), 0);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()), 0);
    }
}

fn pool(guards: Guards) -> Pool {
    let layout = StackLayout::within(128 << 10, (32 << 10) + 2048);
    Pool::new(PoolConfig { layout, guards, keep: 0, ..PoolConfig::default() }).unwrap()
}

fn fall(depth: usize) -> usize {
    let frame = black_box([depth; 16]);
    if depth == usize::MAX { 0 } else { fall(black_box(depth + 1)) + frame[depth % 16] }
}

/// Overflows the second of three fibers, on a slot that has been used, given back and trimmed before.
fn overflow<S: Switch>(guards: Guards) {
    let mut pool = pool(guards);
    let slots: Vec<Slot> = (0..3).map(|_| pool.take().unwrap()).collect();
    slots.into_iter().rev().for_each(|slot| pool.give(slot).unwrap());
    pool.trim(0);
    let fibers = ["one", "two", "three"].map(|name| {
        let fiber = common::fiber::<S>(&mut pool, |suspend, word| {
            suspend.suspend(word);
            fall(0)
        });
        fiber.slot().set_name(name);
        assert!(fiber.resume(0).is_ok());
        fiber
    });
    watch();
    let _ = fibers[1].resume(0);
    unreachable!("the stack has no end");
}

fn upper_overflow(guards: Guards) {
    let mut pool = pool(guards);
    let fibers: [Fiber<Native>; 2] = ["one", "two"].map(|name| {
        let fiber = common::fiber(&mut pool, |_, word| word);
        fiber.slot().set_name(name);
        fiber
    });
    watch();
    let mut at = fibers[0].slot().top();
    loop {
        // SAFETY: the handler ends the process when the slot ends.
        unsafe {
            at.write_volatile(1);
            at = at.add(1);
        }
    }
}

macro_rules! children {
    ($($parent:ident, $child:ident, $run:expr, $expected:literal;)*) => {$(
        #[test]
        fn $parent() {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", stringify!($child), "--ignored", "--nocapture", "--test-threads", "1"])
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(KNOWN), "{output:?}");
            assert!(text.contains($expected), "{text}");
        }

        #[test]
        #[ignore = "run by another test, in a process of its own"]
        fn $child() {
            $run
        }
    )*};
}

children!(
    an_overflow_natively, child_native, overflow::<Native>(Guards::Auto), "slot two below one!";
    an_overflow_portably, child_portable, overflow::<Portable>(Guards::Auto), "slot two below one!";
    an_overflow_with_protected_guards, child_protect, overflow::<Native>(Guards::Protect), "slot two below one!";
    an_upper_area_that_overflows, child_upper, upper_overflow(Guards::Auto), "slot two below one!";
    an_upper_area_with_protected_guards, child_upper_protect, upper_overflow(Guards::Protect), "slot two below one!";
);
