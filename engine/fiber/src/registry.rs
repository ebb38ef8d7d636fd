//! Which slot's guard an address lies in: the question of a fault handler.
//!
//! The table is fixed in size and made of atomics, so that the answer needs no lock and no memory. An entry that
//! changes has an odd version; a reader that meets one, or sees the version change, passes over it: what it would have
//! found is a reservation that is being made or given back, in which nobody runs.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use crate::Error;
use crate::layout::{Geometry, NAME_ROOM};

/// How many reservations there may be in the process.
pub const MAX_RESERVATIONS: usize = 1024;

/// The length of a slot's name at most, in bytes.
pub const MAX_NAME: usize = 32;

struct Entry {
    version: AtomicU32,
    base: AtomicUsize,
    slots: AtomicUsize,
    low: AtomicUsize,
    top: AtomicUsize,
    stride: AtomicUsize,
}

static ENTRIES: [Entry; MAX_RESERVATIONS] = [const {
    Entry {
        version: AtomicU32::new(0),
        base: AtomicUsize::new(0),
        slots: AtomicUsize::new(0),
        low: AtomicUsize::new(0),
        top: AtomicUsize::new(0),
        stride: AtomicUsize::new(0),
    }
}; MAX_RESERVATIONS];

/// One more than the highest entry that was ever used.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Held by those who change entries; readers don't care.
static CHANGES: Mutex<()> = Mutex::new(());

/// Enters a reservation. It has `slots` slots and one more guard after the last.
pub(crate) fn enter(base: usize, slots: usize, geometry: &Geometry) -> Result<usize, Error> {
    let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
    let free = ENTRIES.iter().position(|entry| entry.base.load(Ordering::Relaxed) == 0);
    let index = free.ok_or(Error::TooManyReservations { limit: MAX_RESERVATIONS })?;
    let entry = &ENTRIES[index];
    change(entry, || {
        entry.base.store(base, Ordering::Relaxed);
        entry.slots.store(slots, Ordering::Relaxed);
        entry.low.store(geometry.low, Ordering::Relaxed);
        entry.top.store(geometry.top, Ordering::Relaxed);
        entry.stride.store(geometry.stride, Ordering::Relaxed);
    });
    USED.fetch_max(index + 1, Ordering::Release);
    Ok(index)
}

/// Removes a reservation, before its memory goes.
pub(crate) fn remove(index: usize) {
    let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = &ENTRIES[index];
    change(entry, || entry.base.store(0, Ordering::Relaxed));
}

fn change(entry: &Entry, with: impl FnOnce()) {
    let version = entry.version.load(Ordering::Relaxed);
    entry.version.store(version.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::Release);
    with();
    entry.version.store(version.wrapping_add(2), Ordering::Release);
}

/// A slot, as a fault handler sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotInfo {
    /// Where its native stack begins: the end of its guard.
    pub low: usize,
    /// Where its native stack ends and its upper area begins.
    pub top: usize,
    /// Where its upper area ends.
    pub high: usize,
    name: [u8; MAX_NAME],
}

impl SlotInfo {
    /// The name that the slot was given, or nothing.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let len = self.name.iter().position(|byte| *byte == 0).unwrap_or(MAX_NAME);
        &self.name[..len]
    }

    /// # Safety
    ///
    /// The slot's memory must be mapped.
    unsafe fn read(start: usize, low: usize, top: usize, stride: usize) -> SlotInfo {
        // SAFETY: names lie right below the top, aligned, and are accessed as atomics only.
        let words = unsafe { &*((start + top - NAME_ROOM) as *const Name) };
        SlotInfo { low: start + low, top: start + top, high: start + stride, name: words.get() }
    }
}

/// A hit in a guard. A guard has a slot above it, whose native stack grows down to it, and one below, whose upper area
/// grows up to it; which of the two went too far shows in the stack pointer of who faulted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardHit {
    /// The slot above: its stack has overflowed, unless its neighbour's upper area has.
    pub slot: Option<SlotInfo>,
    /// The slot below.
    pub below: Option<SlotInfo>,
}

/// Which slots' guard an address lies in. May be called from a signal handler: it takes no lock, uses no memory and
/// reads only that of the slots beside the guard.
///
/// The guard must be that of a slot that is in use, as it is when a fiber faults: one of a pool that another thread
/// drops at this moment could go away while its name is read.
#[must_use]
pub fn guard_owner(address: usize) -> Option<GuardHit> {
    ENTRIES[..USED.load(Ordering::Acquire)].iter().find_map(|entry| look(entry, address))
}

fn look(entry: &Entry, address: usize) -> Option<GuardHit> {
    let version = entry.version.load(Ordering::Acquire);
    let base = entry.base.load(Ordering::Relaxed);
    let slots = entry.slots.load(Ordering::Relaxed);
    let low = entry.low.load(Ordering::Relaxed);
    let top = entry.top.load(Ordering::Relaxed);
    let stride = entry.stride.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    if !version.is_multiple_of(2) || entry.version.load(Ordering::Relaxed) != version || base == 0 {
        return None;
    }
    let offset = address.checked_sub(base)?;
    let index = offset / stride;
    if index > slots || offset % stride >= low {
        return None;
    }
    // SAFETY: the entry is that of a reservation, which covers these slots.
    let info = |index: usize| unsafe { SlotInfo::read(base + index * stride, low, top, stride) };
    Some(GuardHit { slot: (index < slots).then(|| info(index)), below: index.checked_sub(1).map(info) })
}

/// A slot's name in its memory: bytes up to the first zero.
#[repr(C, align(8))]
pub(crate) struct Name([AtomicU64; MAX_NAME / 8]);

impl Name {
    /// Stores a name; what is too long is cut between characters.
    pub(crate) fn set(&self, name: &str) {
        let mut len = name.len().min(MAX_NAME);
        while !name.is_char_boundary(len) {
            len -= 1;
        }
        let mut bytes = [0; MAX_NAME];
        bytes[..len].copy_from_slice(&name.as_bytes()[..len]);
        for (word, chunk) in self.0.iter().zip(bytes.as_chunks::<8>().0) {
            word.store(u64::from_ne_bytes(*chunk), Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> [u8; MAX_NAME] {
        let mut bytes = [0; MAX_NAME];
        for (word, chunk) in self.0.iter().zip(bytes.as_chunks_mut::<8>().0) {
            *chunk = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        bytes
    }
}
