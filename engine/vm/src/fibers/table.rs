//! The fibers of an execution, by handle.
//!
//! A handle is a place in the table, a count of how often the place was used, and the thread's [tag](super::tags), so that old handles
//! and those of other threads are known for what they are. The place of a fiber that has ended is free at once.

use super::control::{Control, layout};
use super::tags::Tag;
use sx_fiber::{Error, Pool, PoolConfig, Slot};

/// Slots without a fiber that keep their memory.
const KEPT: usize = 256;

const INDEX_BITS: u32 = 24;
pub(super) const USE_BITS: u32 = 24;
/// How many uses of a place handles can tell apart, with 0, which none has.
const USES: u32 = 1 << USE_BITS;
/// The most fibers that handles can tell apart.
pub(super) const MOST: u32 = (1 << INDEX_BITS) - 1;

/// What a handle names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    Fiber(*mut Control),
    /// A fiber that has ended.
    Ended,
    /// A fiber of another thread.
    Foreign,
}

/// The fibers of an execution.
pub(crate) struct Fibers {
    pool: Pool,
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// What handles say of the thread.
    tag: Tag,
    /// Fibers whose native stacks will be asked about, and how many that may be.
    pub(super) gathered: Vec<*mut Control>,
    pub(super) most_gathered: usize,
    /// The fiber that has asked for code last.
    pub(super) asks: *mut Control,
    /// The class of functions that fibers begin with, once one was seen.
    pub(super) class: Option<u32>,
}

struct Entry {
    /// Null where there is none.
    control: *mut Control,
    uses: u32,
}

impl Fibers {
    pub fn new(tag: Tag, most: u32, bytes: usize) -> Result<Fibers, Error> {
        let config = PoolConfig {
            layout: layout(bytes),
            max_slots: most.min(MOST) as usize,
            keep: KEPT,
            ..PoolConfig::default()
        };
        let most_gathered = super::memory::most_gathered(config.layout.native);
        Ok(Fibers {
            gathered: Vec::new(),
            most_gathered,
            pool: Pool::new(config)?,
            entries: Vec::new(),
            free: Vec::new(),
            tag,
            asks: std::ptr::null_mut(),
            class: None,
        })
    }
    /// The tag, for another thread to use, when no fiber lives any more: which has none of these handles.
    pub fn into_tag(self) -> Tag {
        let spent = |entry: &Entry| if entry.uses == 0 { USES } else { entry.uses };
        let used = self.entries.iter().map(spent).max();
        Tag { uses: used.unwrap_or(self.tag.uses), ..self.tag }
    }
    /// Takes memory for a fiber.
    pub fn take(&mut self) -> Result<Slot, Error> {
        self.pool.take()
    }
    /// Gives memory back.
    pub fn give(&mut self, slot: Slot) {
        // It is this pool's own.
        let _ = self.pool.give(slot);
    }
    /// The place of a new fiber.
    pub fn insert(&mut self, control: *mut Control) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.entries[index as usize].control = control;
                index
            }
            None => {
                self.entries.push(Entry { control, uses: self.tag.uses });
                self.entries.len() as u32 - 1
            }
        }
    }
    /// The handle of the fiber at a place; never 0.
    pub fn handle(&self, index: u32) -> u64 {
        self.tag.number << (INDEX_BITS + USE_BITS)
            | (self.entries[index as usize].uses as u64) << INDEX_BITS
            | index as u64
    }
    /// A fiber has ended.
    pub fn remove(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.control = std::ptr::null_mut();
        entry.uses = (entry.uses + 1) & (USES - 1);
        // A place whose uses are all counted isn't used again: no handle may name two fibers.
        if entry.uses != 0 {
            self.free.push(index);
        }
    }
    /// What a handle names.
    #[inline]
    pub(super) fn find(&self, handle: u64) -> Named {
        if handle == 0 {
            return Named::Ended;
        }
        let index = (handle & MOST as u64) as usize;
        let uses = (handle >> INDEX_BITS) as u32 & (USES - 1);
        if handle >> (INDEX_BITS + USE_BITS) != self.tag.number {
            return Named::Foreign;
        }
        match self.entries.get(index) {
            Some(entry) if entry.uses == uses && !entry.control.is_null() => Named::Fiber(entry.control),
            _ => Named::Ended,
        }
    }
    /// All that haven't ended.
    pub fn live(&self) -> Vec<*mut Control> {
        self.entries.iter().map(|entry| entry.control).filter(|control| !control.is_null()).collect()
    }
}

impl std::fmt::Debug for Fibers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fibers").field("pool", &self.pool).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_handles_name_nothing() {
        let mut fibers =
            Fibers::new(Tag { number: 3, uses: 1 }, 100, 256 << 10).expect("the layout is right");
        let mut other = Fibers::new(Tag { number: 4, uses: 1 }, 100, 256 << 10).expect("the layout is right");
        let control = std::ptr::dangling_mut::<Control>();
        let index = fibers.insert(control);
        let handle = fibers.handle(index);
        assert_eq!(fibers.find(handle), Named::Fiber(control));
        assert_eq!(other.find(handle), Named::Foreign);
        assert_eq!(fibers.find(0), Named::Ended);
        fibers.remove(index);
        assert_eq!(fibers.find(handle), Named::Ended);
        assert_eq!(fibers.insert(control), index);
        assert_eq!(fibers.find(handle), Named::Ended);
        assert_ne!(fibers.handle(index), handle);
        other.insert(control);
    }
}
