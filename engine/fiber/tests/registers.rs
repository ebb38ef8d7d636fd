//! Every register that a callee keeps survives both switches; with any one of them left out or spoiled, the harness
//! says which.

mod common;

use common::{Go, Peer, REGISTERS, Report, registers, run_peer};
use std::collections::BTreeSet;
use sx_fiber::{Fiber, Native, Portable, Suspend, Switch, Turn};

/// A switch by the names of its routines.
struct Raw {
    switch: Go,
    prepare: unsafe extern "C" fn(*mut (), *mut u8, Go, *mut ()),
}

macro_rules! variants {
    ($file:literal, [$($option:ident),*], $([$reg:literal, $switch:ident, $prepare:ident]),* $(,)?) => {
        std::arch::global_asm!(
            include_str!($file),
            $(concat!("SX_FIBER sx_without_", $reg, ", ", $reg),)*
            "SX_FIBER_END",
            options($($option),*)
        );
        unsafe extern "C" {
            fn sx_fiber_switch(control: *mut (), word: usize) -> usize;
            fn sx_fiber_prepare(control: *mut (), top: *mut u8, start: Go, data: *mut ());
            $(
                fn $switch(control: *mut (), word: usize) -> usize;
                fn $prepare(control: *mut (), top: *mut u8, start: Go, data: *mut ());
            )*
        }
        /// The switch with one register left out, for each.
        const WITHOUT: &[(&str, Raw)] = &[$(($reg, Raw { switch: $switch, prepare: $prepare })),*];
    };
}

#[cfg(target_arch = "x86_64")]
variants!(
    "../src/switch/x86_64.S",
    [raw, att_syntax],
    ["rbx", sx_without_rbx_switch, sx_without_rbx_prepare],
    ["rbp", sx_without_rbp_switch, sx_without_rbp_prepare],
    ["r12", sx_without_r12_switch, sx_without_r12_prepare],
    ["r13", sx_without_r13_switch, sx_without_r13_prepare],
    ["r14", sx_without_r14_switch, sx_without_r14_prepare],
    ["r15", sx_without_r15_switch, sx_without_r15_prepare],
    ["rsp", sx_without_rsp_switch, sx_without_rsp_prepare],
);
#[cfg(target_arch = "aarch64")]
variants!(
    "../src/switch/aarch64.S",
    [raw],
    ["x19", sx_without_x19_switch, sx_without_x19_prepare],
    ["x28", sx_without_x28_switch, sx_without_x28_prepare],
    ["d8", sx_without_d8_switch, sx_without_d8_prepare],
    ["d15", sx_without_d15_switch, sx_without_d15_prepare],
    ["sp", sx_without_sp_switch, sx_without_sp_prepare],
);

fn run_raw(raw: &Raw) -> Report {
    let mut controls = [[std::ptr::null_mut::<u8>(); 2]; 2];
    let mut stacks: Vec<Vec<u128>> = (0..2).map(|_| vec![0; 4096]).collect();
    let mut next = 0;
    registers(raw.switch, |peer: *mut Peer<'_>| {
        let control = controls[next].as_mut_ptr().cast::<()>();
        let top = stacks[next].as_mut_ptr_range().end.cast::<u8>();
        next += 1;
        // SAFETY: the stack is aligned and large enough, and outlives the run, as the control does; the bodies stay
        // suspended on it for ever, which harms nobody, since they own nothing.
        unsafe {
            (*peer).context = control;
            (raw.prepare)(control, top, run_peer, peer.cast());
        }
        (raw.switch, control)
    })
}

unsafe extern "C" fn enter<S: Switch>(fiber: *mut (), word: usize) -> usize {
    // SAFETY: the context is a fiber's address.
    match unsafe { &*fiber.cast::<Fiber<S>>() }.resume(word) {
        Ok(Turn::Suspended(word) | Turn::Finished(word)) => word,
        _ => usize::MAX,
    }
}

unsafe extern "C" fn leave<S: Switch>(suspend: *mut (), word: usize) -> usize {
    // SAFETY: the context is the address of what the running body suspends through.
    unsafe { &*suspend.cast::<Suspend<'_, S>>() }.suspend(word)
}

/// A context whose first word is a function, as the spoiling routines of the probe want it.
#[repr(C)]
struct Shim {
    go: Go,
    context: *mut (),
}

unsafe extern "C" fn through(shim: *mut (), word: usize) -> usize {
    // SAFETY: the context is a shim around a fiber with the portable switch.
    unsafe { enter::<Portable>((*shim.cast::<Shim>()).context, word) }
}

/// Both fibers by the API; `wrap` may put something around how they are entered.
fn run_api<S: Switch>(mut wrap: impl FnMut(Go, *mut ()) -> (Go, *mut ())) -> Report {
    let mut pool = common::pool();
    let mut fibers: Vec<Box<Fiber<S>>> = Vec::new();
    let report = registers(leave::<S>, |peer: *mut Peer<'_>| {
        let peer = peer.cast::<Peer<'static>>();
        let fiber = common::fiber::<S>(&mut pool, move |suspend, word| {
            // SAFETY: the peer lives while it is resumed.
            unsafe {
                (*peer).context = std::ptr::from_ref(suspend).cast_mut().cast();
                run_peer(peer.cast(), word)
            }
        });
        fibers.push(Box::new(fiber));
        let fiber: *mut Fiber<S> = &raw mut **fibers.last_mut().unwrap();
        wrap(enter::<S>, fiber.cast())
    });
    // The bodies are suspended for ever. They own nothing.
    for fiber in fibers {
        let _ = fiber.into_raw();
    }
    report
}

fn only(register: &str) -> BTreeSet<&str> {
    BTreeSet::from([register])
}

#[test]
fn all_survive_our_switch() {
    let report = run_raw(&Raw { switch: sx_fiber_switch, prepare: sx_fiber_prepare });
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn all_survive_our_switch_behind_the_trait() {
    let report = run_api::<Native>(|go, context| (go, context));
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn all_survive_the_portable_switch() {
    let report = run_api::<Portable>(|go, context| (go, context));
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn each_register_left_out_is_reported() {
    for (register, raw) in WITHOUT {
        let report = run_raw(raw);
        assert!(!report.is_clean(), "without {register}: {report:?}");
        if REGISTERS.contains(register) {
            assert_eq!(report.lost, only(register));
            assert_eq!(report.wrong_words, 0);
        } else {
            // Without the exchange of stacks nothing goes anywhere.
            assert_eq!(report.steps, 0);
        }
    }
}

macro_rules! spoilers {
    ($([$reg:literal, $name:ident]),* $(,)?) => {
        unsafe extern "C" {
            $(fn $name(context: *mut (), word: usize) -> usize;)*
        }
        const SPOILERS: &[(&str, Go)] = &[$(($reg, $name)),*];
    };
}

#[cfg(target_arch = "x86_64")]
spoilers!(
    ["rbx", sx_spoil_rbx],
    ["rbp", sx_spoil_rbp],
    ["r12", sx_spoil_r12],
    ["r13", sx_spoil_r13],
    ["r14", sx_spoil_r14],
    ["r15", sx_spoil_r15],
);
#[cfg(target_arch = "aarch64")]
spoilers!(["x19", sx_spoil_x19], ["x28", sx_spoil_x28], ["d8", sx_spoil_d8], ["d15", sx_spoil_d15]);

#[test]
fn each_register_spoiled_beside_the_portable_switch_is_reported() {
    for (register, spoil) in SPOILERS {
        let mut shims: Vec<Box<Shim>> = Vec::new();
        let report = run_api::<Portable>(|_, context| {
            shims.push(Box::new(Shim { go: through, context }));
            let shim: *mut Shim = &raw mut **shims.last_mut().unwrap();
            (*spoil, shim.cast())
        });
        assert_eq!(report.lost, only(register), "{report:?}");
        assert_eq!(report.wrong_words, 0);
    }
}
