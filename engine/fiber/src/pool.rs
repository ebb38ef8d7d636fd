//! Slots for fibers: large reservations, cut into slots, handed out last in, first out.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::layout::{Geometry, NAME_ROOM, StackLayout};
use crate::map::{self, Guards};
use crate::registry::{self, Name};

/// What a [`Pool`] is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// How large the parts of a slot are.
    pub layout: StackLayout,
    /// How many slots may be in use at once.
    pub max_slots: usize,
    /// How many free slots keep their memory. When there are more, half of them give it back to the system.
    pub keep: usize,
    /// How many bytes one reservation has at most (one slot at least). Reservations begin small and double up to it.
    pub max_reservation: usize,
    /// How guards are made.
    pub guards: Guards,
}

impl Default for PoolConfig {
    fn default() -> Self {
        PoolConfig {
            layout: StackLayout::default(),
            max_slots: 1 << 20,
            keep: 256,
            max_reservation: 1 << 34,
            guards: Guards::Auto,
        }
    }
}

/// How many slots the first reservation has.
const FIRST: usize = 16;

/// Stacks for fibers.
///
/// Taking and giving back make no system call, but for slots that were never used and when too many free slots hold
/// memory. A pool isn't shared: who has several threads locks it or has several.
///
/// Dropping a pool gives its memory back if no slot is in use. Otherwise all of it stays: somebody may yet run there.
pub struct Pool {
    geometry: Geometry,
    config: PoolConfig,
    guards: Guards,
    id: u64,
    reservations: Vec<Reservation>,
    /// The tops of free slots. The first `clean` ones have given their memory back.
    free: Vec<NonNull<u8>>,
    clean: usize,
    in_use: usize,
}

struct Reservation {
    base: NonNull<u8>,
    bytes: usize,
    slots: usize,
    /// How many slots have been handed out at least once, and so have guards.
    opened: usize,
    entry: usize,
}

// SAFETY: a pool is addresses of memory that belongs to the process, and nothing of a thread.
unsafe impl Send for Pool {}

/// What a pool has at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    /// Slots handed out.
    pub in_use: usize,
    /// Free slots that hold memory.
    pub free_with_memory: usize,
    /// Free slots that have given theirs back.
    pub free_without_memory: usize,
    /// Address space reserved, in bytes.
    pub reserved: usize,
    /// Reservations.
    pub reservations: usize,
}

impl Pool {
    /// A pool without any memory yet.
    ///
    /// # Errors
    ///
    /// A layout that makes no sense.
    pub fn new(config: PoolConfig) -> Result<Pool, Error> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let geometry = Geometry::new(config.layout, map::page_size())?;
        Ok(Pool {
            geometry,
            config,
            guards: config.guards,
            id: IDS.fetch_add(1, Ordering::Relaxed),
            reservations: Vec::new(),
            free: Vec::new(),
            clean: 0,
            in_use: 0,
        })
    }

    /// Takes a slot; its name is empty, what else is in its memory is unspecified.
    ///
    /// # Errors
    ///
    /// The pool's own limit, and those of the system. The pool stays usable: after slots have been given back, or the
    /// limit raised, there are slots again.
    #[inline]
    pub fn take(&mut self) -> Result<Slot, Error> {
        if self.in_use >= self.config.max_slots {
            return Err(Error::TooMany { limit: self.config.max_slots });
        }
        let top = match self.free.pop() {
            Some(top) => {
                self.clean = self.clean.min(self.free.len());
                top
            }
            None => self.open()?,
        };
        self.in_use += 1;
        let slot =
            Slot { top, below: self.geometry.top - self.geometry.low, above: self.above(), pool: self.id };
        slot.set_name("");
        Ok(slot)
    }

    /// Takes a slot back. Its contents are lost at once or later.
    ///
    /// # Errors
    ///
    /// A slot of another pool is returned.
    #[inline]
    pub fn give(&mut self, slot: Slot) -> Result<(), Slot> {
        if slot.pool != self.id {
            return Err(slot);
        }
        self.in_use -= 1;
        self.free.push(slot.top);
        if self.free.len() - self.clean > self.config.keep {
            self.trim(self.config.keep / 2);
        }
        Ok(())
    }

    /// Gives the memory of all free slots but the `keep` last used ones back to the system.
    #[cold]
    pub fn trim(&mut self, keep: usize) {
        let end = self.free.len().saturating_sub(keep).max(self.clean);
        let Geometry { low, top, stride, .. } = self.geometry;
        let batch = &mut self.free[self.clean..end];
        // Neighbours go together. The guards between them stay what they are.
        batch.sort_unstable();
        for run in batch.chunk_by(|a, b| a.as_ptr() as usize + stride == b.as_ptr() as usize) {
            let first = run[0].as_ptr() as usize - top + low;
            let last = run[run.len() - 1].as_ptr() as usize - top + stride;
            // SAFETY: from the end of the first slot's guard to the last slot's end there are free slots only, and
            // guards.
            unsafe { map::forget(first as *mut u8, last - first) };
        }
        self.clean = end;
    }

    /// What the pool has.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats {
            in_use: self.in_use,
            free_with_memory: self.free.len() - self.clean,
            free_without_memory: self.clean,
            reserved: self.reservations.iter().map(|it| it.bytes).sum(),
            reservations: self.reservations.len(),
        }
    }

    /// How guards are made, as far as the pool has found out: `Auto` becomes `Protect` at the first guard that the
    /// kernel doesn't know how to make.
    #[must_use]
    pub fn guards(&self) -> Guards {
        self.guards
    }

    fn above(&self) -> usize {
        self.geometry.stride - self.geometry.top
    }

    /// The top of a slot that was never used, with its guard made.
    #[cold]
    fn open(&mut self) -> Result<NonNull<u8>, Error> {
        if self.reservations.last().is_none_or(|it| it.opened == it.slots) {
            let reservation = self.reserve()?;
            self.reservations.push(reservation);
        }
        let Some(reservation) = self.reservations.last_mut() else {
            return Err(Error::NoMemory { bytes: self.geometry.stride });
        };
        // SAFETY: the slot lies in the reservation, and its first pages, which nobody has used, are its guard.
        unsafe {
            let start = reservation.base.add(reservation.opened * self.geometry.stride);
            map::guard(start.as_ptr(), self.geometry.low, &mut self.guards)?;
            reservation.opened += 1;
            Ok(start.add(self.geometry.top))
        }
    }

    /// A new reservation, twice as large as the last if that is allowed and there is room, else smaller.
    fn reserve(&mut self) -> Result<Reservation, Error> {
        let stride = self.geometry.stride;
        let largest = (self.config.max_reservation / stride).max(1);
        let owned: usize = self.reservations.iter().map(|it| it.slots).sum();
        let wanted = self.reservations.last().map_or(FIRST, |last| last.slots.saturating_mul(2));
        let mut slots = wanted.min(largest).min(self.config.max_slots.saturating_sub(owned)).max(1);
        loop {
            match self.reserve_exactly(slots) {
                Err(Error::NoMemory { .. } | Error::AddressSpace { .. }) if slots > 1 => slots /= 2,
                result => return result,
            }
        }
    }

    fn reserve_exactly(&mut self, slots: usize) -> Result<Reservation, Error> {
        let body = slots.checked_mul(self.geometry.stride).filter(|bytes| *bytes < isize::MAX as usize / 2);
        let body = body.ok_or(Error::NoMemory { bytes: usize::MAX })?;
        // One more guard after the last slot, for its upper area.
        let bytes = body + self.geometry.low;
        let base = NonNull::new(map::reserve(bytes)?).ok_or(Error::NoMemory { bytes })?;
        // SAFETY: the range is the end of the reservation just made.
        let guarded = unsafe { map::guard(base.as_ptr().add(body), self.geometry.low, &mut self.guards) };
        let entry = guarded.and_then(|()| registry::enter(base.as_ptr() as usize, slots, &self.geometry));
        match entry {
            Ok(entry) => Ok(Reservation { base, bytes, slots, opened: 0, entry }),
            Err(error) => {
                // SAFETY: nobody has seen this reservation.
                unsafe { map::release(base.as_ptr(), bytes) };
                Err(error)
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.in_use > 0 {
            return;
        }
        for reservation in &self.reservations {
            registry::remove(reservation.entry);
            // SAFETY: no slot is in use, and the pool, the only one that hands them out, ends.
            unsafe { map::release(reservation.base.as_ptr(), reservation.bytes) };
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("layout", &self.config.layout).field("stats", &self.stats()).finish()
    }
}

/// Memory for one fiber. Whoever has the value has the memory.
///
/// ```text
///          guard │ native stack, grows down … name ◄─ top │ upper area, grows up …
///                ▲                                        ▲                       ▲
///               low                                      top                    high
/// ```
///
/// A slot that is dropped instead of given back stays in use for ever.
#[derive(Debug)]
#[must_use = "a slot that isn't given back is lost to its pool"]
pub struct Slot {
    top: NonNull<u8>,
    below: usize,
    above: usize,
    pool: u64,
}

// SAFETY: a slot is memory of the process that it alone may use, and nothing of a thread.
unsafe impl Send for Slot {}

impl Slot {
    /// The end of the guard: the lowest address of the native stack.
    #[inline]
    #[must_use]
    pub fn low(&self) -> *mut u8 {
        // SAFETY: the native stack lies in the same reservation.
        unsafe { self.top.as_ptr().sub(self.below) }
    }

    /// The end of the native stack and the beginning of the upper area; a multiple of 64.
    #[inline]
    #[must_use]
    pub fn top(&self) -> *mut u8 {
        self.top.as_ptr()
    }

    /// The end of the upper area, and of the slot.
    #[inline]
    #[must_use]
    pub fn high(&self) -> *mut u8 {
        // SAFETY: the upper area lies in the same reservation.
        unsafe { self.top.as_ptr().add(self.above) }
    }

    /// Bytes of the native stack that are in memory, but for the page in which it begins; in whole pages.
    #[must_use]
    pub fn resident_stack(&self) -> usize {
        let page = map::page_size();
        let end = self.top() as usize & !(page - 1);
        // SAFETY: these are whole pages of the slot's reservation.
        unsafe { map::resident(self.low(), end - self.low() as usize) }
    }

    /// Gives the slot's memory back to the system: what is in it is lost.
    pub fn forget(&self) {
        // SAFETY: whoever has the slot has its memory, which ends at a page's end and begins behind the guard.
        unsafe { map::forget(self.low(), self.high() as usize - self.low() as usize) };
    }

    /// Where a stack may begin: below the slot's own data. A multiple of 64.
    #[inline]
    pub(crate) fn stack_top(&self) -> *mut u8 {
        // SAFETY: the native stack has at least this room.
        unsafe { self.top.as_ptr().sub(NAME_ROOM) }
    }

    /// Names the slot for fault handlers: at most 32 bytes, what is longer is cut.
    #[inline]
    pub fn set_name(&self, name: &str) {
        // SAFETY: this room is kept for the name, is aligned, and is accessed as atomics only while the slot is in use.
        unsafe { (*self.stack_top().cast::<Name>()).set(name) }
    }
}
