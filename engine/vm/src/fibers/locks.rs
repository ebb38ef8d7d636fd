//! Locks that fibers hold: what becomes of them when a fiber is killed.
//!
//! A lock of the library that was taken in a fiber has a key, a number that no other lock has. The fiber keeps the keys of what it
//! holds. When it is killed, or ends in a trap, these are *poisoned*: nobody will give those locks back, and whoever waits for one
//! traps. Memory of the program isn't touched for this: a lock may be gone that was never given back.

use super::control::Control;
use crate::env::Environment;
use crate::interp::state::State;
use crate::trap::Trap;
use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use sx_ir::TrapKind;

/// What a key counts against the limit on memory: while it is held, and for good when it is poisoned.
const CHARGE: u64 = 32;

/// The locks of an instance.
#[derive(Default)]
pub(crate) struct Locks {
    /// How many have a key.
    keys: AtomicU64,
    /// There are poisoned ones.
    any: AtomicBool,
    poisoned: Mutex<FxHashSet<u64>>,
}

impl Locks {
    /// True if nobody will give this lock back.
    pub fn is_poisoned(&self, key: u64) -> bool {
        key != 0 && self.any.load(Ordering::SeqCst) && self.poisoned.lock().contains(&key)
    }
    /// Forgets all that was poisoned.
    pub fn reset(&self) {
        self.poisoned.lock().clear();
        self.any.store(false, Ordering::SeqCst);
    }
}

/// Notes that the running fiber has taken a lock, and gives the lock's key; without a fiber nothing is noted.
pub(super) unsafe fn hold(state: *mut State, env: &Environment, key: u64) -> Result<i64, Trap> {
    // SAFETY: the calling thread owns the state; the fiber that runs has a control.
    unsafe {
        let fiber = (*state).fiber;
        if fiber.is_null() {
            return Ok(key as i64);
        }
        if env.meter.charge(CHARGE).is_err() {
            return Err(Trap::of_kind(TrapKind::MemoryLimit, [0; 3]));
        }
        let key = if key == 0 { env.locks.keys.fetch_add(1, Ordering::Relaxed) + 1 } else { key };
        (&mut (*fiber).holds).push(key);
        Ok(key as i64)
    }
}

/// Notes that the running fiber has given a lock back. Who took it elsewhere still has it as far as is known here.
pub(super) unsafe fn let_go(state: *mut State, env: &Environment, key: u64) {
    // SAFETY: as in `hold`.
    unsafe {
        let fiber = (*state).fiber;
        if fiber.is_null() {
            return;
        }
        let holds = &mut (*fiber).holds;
        if let Some(at) = holds.iter().rposition(|&held| held == key) {
            holds.remove(at);
            env.meter.release(CHARGE);
        }
    }
}

/// A fiber has ended: what it holds is poisoned, if it didn't end by itself.
pub(super) unsafe fn ended(control: *mut Control, env: &Environment, by_itself: bool) {
    // SAFETY: the calling thread owns the execution, and the fiber doesn't run.
    let holds = unsafe { std::mem::take(&mut (*control).holds) };
    if !holds.is_empty() {
        poison(env, &holds, by_itself);
    }
}

#[cold]
fn poison(env: &Environment, holds: &[u64], by_itself: bool) {
    if by_itself {
        env.meter.release(CHARGE * holds.len() as u64);
        return;
    }
    let mut poisoned = env.locks.poisoned.lock();
    for &key in holds {
        if !poisoned.insert(key) {
            env.meter.release(CHARGE);
        }
    }
    env.locks.any.store(true, Ordering::SeqCst);
    drop(poisoned);
    // Those who wait look again.
    env.parking.wake_all();
}
