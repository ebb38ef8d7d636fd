//! The harness: what shows that a switch keeps every register, and would notice one that it doesn't.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::arch::global_asm;
use std::cell::RefCell;
use std::collections::BTreeSet;

use sx_fiber::{Fiber, Pool, PoolConfig, Slot, StackLayout, Suspend, Switch};

#[cfg(target_arch = "x86_64")]
global_asm!(include_str!("../../harness/probe_x86_64.S"), options(raw, att_syntax));
#[cfg(target_arch = "aarch64")]
global_asm!(include_str!("../../harness/probe_aarch64.S"), options(raw));

/// The registers that a probe fills and looks at.
#[cfg(target_arch = "x86_64")]
pub const REGISTERS: [&str; 6] = ["rbx", "rbp", "r12", "r13", "r14", "r15"];
/// The registers that a probe fills and looks at.
#[cfg(target_arch = "aarch64")]
pub const REGISTERS: [&str; 19] = [
    "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "d8", "d9", "d10", "d11",
    "d12", "d13", "d14", "d15",
];

const COUNT: usize = REGISTERS.len();

/// One direction of a switch: `context` says of which fiber.
pub type Go = unsafe extern "C" fn(context: *mut (), word: usize) -> usize;

unsafe extern "C" {
    fn sx_probe(go: Go, context: *mut (), word: usize, values: *const u64, results: *mut u64) -> usize;
}

/// What a run of the harness has seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Registers that didn't survive a switch.
    pub lost: BTreeSet<&'static str>,
    /// How often a register survived.
    pub survivors: usize,
    /// How often a fiber's body went on.
    pub steps: usize,
    /// Words that came across wrong.
    pub wrong_words: usize,
}

impl Report {
    /// Whether the switch keeps everything.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.wrong_words == 0
            && self.survivors == SURVIVORS
            && self.steps == 2 * ROUNDS
    }
}

/// How often each of the two fibers is resumed.
pub const ROUNDS: usize = 500;

/// How many registers survive in a clean run. The last suspend of each fiber is never seen to return.
pub const SURVIVORS: usize = (4 * ROUNDS - 2) * COUNT;

/// Goes across with values in all registers that depend on the seed, and looks at what is in them afterwards.
pub fn probe(report: &RefCell<Report>, go: Go, context: *mut (), word: usize, seed: u64) -> usize {
    let values: [u64; COUNT] = std::array::from_fn(|i| {
        (seed << 48 | (i as u64 + 1) << 32 | word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    let mut results = [0_u64; COUNT];
    // SAFETY: the function is one direction of a switch, the context what it needs, and the arrays are large enough.
    let word = unsafe { sx_probe(go, context, word, values.as_ptr(), results.as_mut_ptr()) };
    let mut report = report.borrow_mut();
    for (index, name) in REGISTERS.iter().enumerate() {
        if values[index] == results[index] {
            report.survivors += 1;
        } else {
            report.lost.insert(name);
        }
    }
    word
}

/// One of the two fibers: what its body needs.
pub struct Peer<'a> {
    report: &'a RefCell<Report>,
    seed: u64,
    /// How the body leaves.
    pub leave: Go,
    /// What `leave` needs; whoever starts the body stores it.
    pub context: *mut (),
}

/// The body of both fibers.
///
/// # Safety
///
/// `peer` is a `Peer`, whose `leave` works.
pub unsafe extern "C" fn run_peer(peer: *mut (), first: usize) -> usize {
    // SAFETY: as the caller says.
    let peer = unsafe { &*peer.cast::<Peer<'_>>() };
    let mut word = first;
    for round in 0..ROUNDS {
        {
            let mut report = peer.report.borrow_mut();
            report.steps += 1;
            report.wrong_words += usize::from(word != round);
        }
        word = probe(peer.report, peer.leave, peer.context, word + 7, peer.seed);
    }
    word
}

/// Two fibers and their resumer, each with values of its own in all registers. `start` makes a fiber of a peer and says
/// how it is entered.
pub fn registers(leave: Go, mut start: impl FnMut(*mut Peer<'_>) -> (Go, *mut ())) -> Report {
    let report = RefCell::new(Report::default());
    let mut peers: [Peer<'_>; 2] =
        [0xa, 0xb].map(|seed| Peer { report: &report, seed, leave, context: std::ptr::null_mut() });
    let mut enters = Vec::new();
    for peer in &mut peers {
        enters.push(start(peer));
    }
    for round in 0..ROUNDS {
        for (enter, context) in &enters {
            let word = probe(&report, *enter, *context, round, 0xc);
            report.borrow_mut().wrong_words += usize::from(word != round + 7);
        }
    }
    report.into_inner()
}

/// A pool for tests: 64 KiB slots.
pub fn pool() -> Pool {
    let layout = StackLayout { guard: 16 << 10, native: 64 << 10, upper: 0 };
    Pool::new(PoolConfig { layout, ..PoolConfig::default() }).unwrap()
}

/// Makes a fiber, of which the test knows that it will end.
pub fn fiber<S: Switch>(
    pool: &mut Pool,
    body: impl FnOnce(&Suspend<'_, S>, usize) -> usize + 'static,
) -> Fiber<S> {
    Fiber::with(pool.take().unwrap(), body).map_err(|(error, _)| error).unwrap()
}

/// Ends a fiber that has finished.
pub fn end<S: Switch>(pool: &mut Pool, fiber: Fiber<S>) {
    let slot: Slot = fiber.into_slot().unwrap();
    pool.give(slot).unwrap();
}
