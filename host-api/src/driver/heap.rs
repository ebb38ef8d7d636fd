//! The memory that a program's allocator hands out: one heap per instance, given back as a whole.
//!
//! Small blocks come from chunks of one size class each, so that an address tells its size; larger ones from the system.
//! What the heap keeps inside free blocks is never trusted: a program that writes to memory which it gave back can spoil
//! its own blocks, but leads nobody outside of the heap.

use rustc_hash::{FxHashMap, FxHashSet};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ptr::NonNull;

/// Chunks are as large as they are aligned.
const CHUNK: usize = 64 * 1024;
const CHUNK_SHIFT: u32 = CHUNK.trailing_zeros();
/// What a chunk begins with: its class.
const CHUNK_HEADER: usize = 64;
/// Chunks are taken from the system in groups: the first small, later ones larger.
const FIRST_SLAB: usize = 4;
const MAX_SLAB: usize = 64;

/// The alignment of small blocks.
const SMALL_ALIGN: usize = 16;
const SIZES: [u16; 28] = [
    16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 320, 384, 448, 512, 640, 768,
    896, 1024, 1280, 1536, 1792, 2048,
];
const MAX_SMALL: usize = 2048;
/// Alignments beyond a page serve nobody.
const MAX_ALIGN: usize = 4096;

/// The class of each size in steps of 16 bytes.
static CLASS_OF: [u8; MAX_SMALL / SMALL_ALIGN + 1] = {
    let mut table = [0; MAX_SMALL / SMALL_ALIGN + 1];
    let (mut step, mut class) = (0, 0);
    while step < table.len() {
        if step * SMALL_ALIGN > SIZES[class] as usize {
            class += 1;
        }
        table[step] = class as u8;
        step += 1;
    }
    table
};

#[derive(Clone, Copy)]
struct Class {
    /// The first free block; each holds the address of the next.
    free: usize,
    /// The part of the newest chunk that was never handed out.
    fresh: usize,
    end: usize,
}

#[derive(Clone, Copy)]
struct Large {
    bytes: usize,
    align: usize,
}

/// The heap of one instance.
pub(crate) struct Heap {
    classes: [Class; SIZES.len()],
    /// The chunks in use, by number.
    chunks: FxHashSet<usize>,
    large: FxHashMap<usize, Large>,
    slabs: Vec<(NonNull<u8>, Layout)>,
    /// Chunks of the newest slab that have no class yet.
    spare: usize,
    spare_end: usize,
}

// SAFETY: the heap owns all memory that its addresses name.
unsafe impl Send for Heap {}

impl Heap {
    /// An empty heap; takes nothing from the system.
    pub fn new() -> Heap {
        Heap {
            classes: [Class { free: 0, fresh: 0, end: 0 }; SIZES.len()],
            chunks: FxHashSet::default(),
            large: FxHashMap::default(),
            slabs: Vec::new(),
            spare: 0,
            spare_end: 0,
        }
    }
    /// How many bytes a block for `n` bytes takes; none for what no heap can give.
    pub fn footprint(n: i64, align: i64) -> Option<usize> {
        let n = usize::try_from(n).ok()?;
        if n > isize::MAX as usize / 2 || !(align as u64).is_power_of_two() || align as usize > MAX_ALIGN {
            return None;
        }
        Some(if is_small(n, align as usize) { SIZES[class_of(n)] as usize } else { n })
    }
    /// A block for `n` bytes; none when the system has no memory. The caller has asked for its footprint.
    #[inline]
    pub fn alloc(&mut self, n: usize, align: usize) -> Option<usize> {
        if !is_small(n, align) {
            return self.alloc_large(n, align);
        }
        let index = class_of(n);
        let size = SIZES[index] as usize;
        let class = &mut self.classes[index];
        let block = class.free;
        if block != 0 {
            // SAFETY: every address in a free list was found inside a chunk of this heap.
            let next = unsafe { (block as *const usize).read() };
            let inside = next % CHUNK >= CHUNK_HEADER && next % CHUNK + size <= CHUNK;
            let known = inside && self.chunks.contains(&(next >> CHUNK_SHIFT));
            class.free = if known { next } else { 0 };
            return Some(block);
        }
        if class.fresh + size <= class.end {
            let block = class.fresh;
            class.fresh += size;
            return Some(block);
        }
        self.alloc_in_new_chunk(index)
    }
    #[cold]
    fn alloc_in_new_chunk(&mut self, index: usize) -> Option<usize> {
        let chunk = self.take_chunk()?;
        // SAFETY: a new chunk is ours alone.
        unsafe { (chunk as *mut u32).write(index as u32) };
        self.chunks.insert(chunk >> CHUNK_SHIFT);
        let size = SIZES[index] as usize;
        let first = chunk + CHUNK_HEADER;
        self.classes[index] = Class { free: 0, fresh: first + size, end: chunk + CHUNK };
        Some(first)
    }
    fn take_chunk(&mut self) -> Option<usize> {
        if self.spare == self.spare_end {
            let count = (FIRST_SLAB << self.slabs.len().min(8)).min(MAX_SLAB);
            let layout = Layout::from_size_align(count * CHUNK, CHUNK).ok()?;
            // SAFETY: the size isn't 0.
            let base = NonNull::new(unsafe { alloc(layout) })?;
            self.slabs.push((base, layout));
            self.spare = base.as_ptr() as usize;
            self.spare_end = self.spare + count * CHUNK;
        }
        let chunk = self.spare;
        self.spare += CHUNK;
        Some(chunk)
    }
    fn alloc_large(&mut self, n: usize, align: usize) -> Option<usize> {
        let layout = Layout::from_size_align(n.max(1), align.max(SMALL_ALIGN)).ok()?;
        // SAFETY: the size isn't 0.
        let block = NonNull::new(unsafe { alloc(layout) })?.as_ptr() as usize;
        self.large.insert(block, Large { bytes: n, align: layout.align() });
        Some(block)
    }
    /// Gives a block back; the bytes that it took, none when there is no such block.
    #[inline]
    pub fn free(&mut self, address: usize) -> Option<usize> {
        match self.class_at(address) {
            Some(index) => {
                let class = &mut self.classes[index];
                // SAFETY: the address lies in a chunk of this heap, a whole block before its end.
                unsafe { (address as *mut usize).write(class.free) };
                class.free = address;
                Some(SIZES[index] as usize)
            }
            None => {
                let large = self.large.remove(&address)?;
                let layout = Layout::from_size_align(large.bytes.max(1), large.align).ok()?;
                // SAFETY: allocated with this layout and known until now.
                unsafe { dealloc(address as *mut u8, layout) };
                Some(large.bytes)
            }
        }
    }
    /// The class of the small block at an address; none when it isn't the start of one.
    #[inline]
    fn class_at(&self, address: usize) -> Option<usize> {
        if !self.chunks.contains(&(address >> CHUNK_SHIFT)) {
            return None;
        }
        // SAFETY: the chunk belongs to this heap.
        let index = unsafe { ((address & !(CHUNK - 1)) as *const u32).read() } as usize;
        let size = *SIZES.get(index)? as usize;
        let offset = (address % CHUNK).checked_sub(CHUNK_HEADER)?;
        (offset.is_multiple_of(size) && address % CHUNK + size <= CHUNK).then_some(index)
    }
    /// The bytes that a block takes; none when there is no such block.
    pub fn size_at(&self, address: usize) -> Option<usize> {
        match self.class_at(address) {
            Some(index) => Some(SIZES[index] as usize),
            None => self.large.get(&address).map(|large| large.bytes),
        }
    }
    /// A block with room for `n` bytes that begins with what the block at `address` holds; it takes that one's place.
    pub fn realloc(&mut self, address: usize, n: usize, align: usize) -> Option<usize> {
        let old = self.size_at(address)?;
        if let Some(&Large { bytes, align: kept }) = self.large.get(&address)
            && !is_small(n, align)
            && align <= kept
        {
            let layout = Layout::from_size_align(bytes.max(1), kept).ok()?;
            // SAFETY: allocated with this layout; the size isn't 0 and was checked by `footprint`.
            let block =
                NonNull::new(unsafe { realloc(address as *mut u8, layout, n.max(1)) })?.as_ptr() as usize;
            self.large.remove(&address);
            self.large.insert(block, Large { bytes: n, align: kept });
            return Some(block);
        }
        if is_small(n, align) && old == SIZES[class_of(n)] as usize && self.class_at(address).is_some() {
            return Some(address);
        }
        let block = self.alloc(n, align)?;
        // SAFETY: both blocks are of this heap and as large as this.
        unsafe { (address as *const u8).copy_to_nonoverlapping(block as *mut u8, old.min(n)) };
        self.free(address);
        Some(block)
    }
}

#[inline]
fn is_small(n: usize, align: usize) -> bool {
    n <= MAX_SMALL && align <= SMALL_ALIGN
}

#[inline]
fn class_of(n: usize) -> usize {
    CLASS_OF[n.div_ceil(SMALL_ALIGN)] as usize
}

impl Drop for Heap {
    fn drop(&mut self) {
        for (&address, large) in &self.large {
            if let Ok(layout) = Layout::from_size_align(large.bytes.max(1), large.align) {
                // SAFETY: allocated with this layout and not freed.
                unsafe { dealloc(address as *mut u8, layout) };
            }
        }
        for &(base, layout) in &self.slabs {
            // SAFETY: as above.
            unsafe { dealloc(base.as_ptr(), layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(address: usize, n: usize, byte: u8) {
        // SAFETY: the tests fill blocks that they hold.
        unsafe { std::ptr::write_bytes(address as *mut u8, byte, n) }
    }

    fn holds(address: usize, n: usize, byte: u8) -> bool {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(address as *const u8, n) }.iter().all(|&b| b == byte)
    }

    #[test]
    fn blocks_are_aligned_and_apart() {
        let mut heap = Heap::new();
        let mut blocks = Vec::new();
        for round in 0..200usize {
            for (i, n) in [0, 1, 16, 17, 100, 255, 300, 2048, 2049, 70_000].into_iter().enumerate() {
                let align = [1, 8, 16, 64, 4096][(round + i) % 5];
                let block = heap.alloc(n, align).unwrap();
                assert_eq!(block % align, 0);
                fill(block, n, (round + i) as u8);
                blocks.push((block, n, (round + i) as u8));
            }
        }
        for &(block, n, byte) in &blocks {
            assert!(holds(block, n, byte));
        }
        for (block, ..) in blocks {
            assert!(heap.free(block).is_some());
        }
    }

    #[test]
    fn freed_blocks_come_back() {
        let mut heap = Heap::new();
        let a = heap.alloc(40, 8).unwrap();
        assert_eq!(heap.free(a), Some(48));
        assert_eq!(heap.alloc(48, 16), Some(a));
    }

    #[test]
    fn contents_move_along() {
        let mut heap = Heap::new();
        let mut block = heap.alloc(10, 1).unwrap();
        fill(block, 10, 7);
        for n in [16, 500, 5000, 100_000, 3000, 12] {
            block = heap.realloc(block, n, 8).unwrap();
            assert!(holds(block, 10, 7), "{n}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        let mut heap = Heap::new();
        let block = heap.alloc(64, 16).unwrap();
        let local = 1u64;
        assert_eq!(heap.free(block + 8), None);
        assert_eq!(heap.free(&raw const local as usize), None);
        assert_eq!(heap.free(8), None);
        assert_eq!(heap.realloc(block + 16, 10, 1), None);
        let large = heap.alloc(10_000, 16).unwrap();
        assert_eq!(heap.free(large), Some(10_000));
        assert_eq!(heap.free(large), None);
    }

    #[test]
    fn writing_to_freed_memory_leads_nowhere() {
        let mut heap = Heap::new();
        let (a, b) = (heap.alloc(32, 8).unwrap(), heap.alloc(32, 8).unwrap());
        heap.free(a);
        heap.free(b);
        fill(b, 32, 0xAB);
        assert_eq!(heap.alloc(32, 8), Some(b));
        let next = heap.alloc(32, 8).unwrap();
        fill(next, 32, 1);
    }

    #[test]
    fn sizes_that_nobody_has_are_refused() {
        assert_eq!(Heap::footprint(-1, 8), None);
        assert_eq!(Heap::footprint(i64::MAX, 8), None);
        assert_eq!(Heap::footprint(8, 3), None);
        assert_eq!(Heap::footprint(8, 1 << 20), None);
        assert_eq!(Heap::footprint(100, 8), Some(112));
    }
}
