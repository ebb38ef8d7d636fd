//! Memory at fixed addresses: blocks of the heap, and pages that can be made unwritable.

use crate::stack::os;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Pages are protected in multiples of this many bytes, which suits every system that has the handler.
const PAGE: usize = 4096;
/// An arena takes memory from the system in pieces of this many bytes.
const CHUNK: usize = 64 * 1024;

/// Zeroed memory that never moves.
#[derive(Debug)]
pub(crate) struct Block {
    base: NonNull<u8>,
    layout: Layout,
    /// From the system, not from the heap.
    mapped: bool,
}

// SAFETY: plain memory with one owner.
unsafe impl Send for Block {}
// SAFETY: shared blocks are written only before anyone else knows them.
unsafe impl Sync for Block {}

impl Block {
    /// A block.
    pub fn new(size: usize, align: usize) -> Result<Block, String> {
        let layout = Layout::from_size_align(size.max(1), align.max(1))
            .map_err(|_| format!("data of {size} bytes is too large"))?;
        // SAFETY: the size isn't 0.
        let base = unsafe { alloc_zeroed(layout) };
        NonNull::new(base)
            .map(|base| Block { base, layout, mapped: false })
            .ok_or_else(|| format!("no memory for {size} bytes"))
    }
    /// Whole pages, for [`Block::protect`].
    pub fn pages(size: usize, align: usize) -> Result<Block, String> {
        let size = size
            .checked_next_multiple_of(PAGE)
            .ok_or_else(|| format!("data of {size} bytes is too large"))?;
        if align > PAGE {
            return Block::new(size, align);
        }
        let layout =
            Layout::from_size_align(size, PAGE).map_err(|_| format!("data of {size} bytes is too large"))?;
        let base = os::reserve(size).ok_or_else(|| format!("no memory for {size} bytes"))?;
        Ok(Block { base, layout, mapped: true })
    }
    /// Its first byte.
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }
    /// Makes pages unwritable. Where the system refuses, they stay as they are: a program's mistake goes unnoticed then.
    pub fn protect(&self) {
        self.set_writable(false);
    }
    /// Makes them writable again.
    fn unprotect(&self) {
        self.set_writable(true);
    }
    fn set_writable(&self, writable: bool) {
        debug_assert!(self.has_pages());
        #[cfg(unix)]
        {
            let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
            // SAFETY: these pages are this block's and nobody else's.
            unsafe { libc::mprotect(self.base().cast(), self.layout.size(), protection) };
        }
        #[cfg(not(unix))]
        let _ = writable;
    }
    fn has_pages(&self) -> bool {
        self.layout.align() >= PAGE && self.layout.size().is_multiple_of(PAGE)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.mapped {
            // SAFETY: reserved with this size.
            return unsafe { os::release(self.base, self.layout.size()) };
        }
        if self.has_pages() {
            self.unprotect();
        }
        // SAFETY: allocated with this layout, and writable.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}

/// Memory for many pieces that live as long as it does.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    protected: bool,
    chunks: Pieces,
    /// Bytes taken of the last chunk.
    used: usize,
    /// Pieces with a block of their own.
    large: Pieces,
}

/// Blocks, the first of which are unwritable.
#[derive(Debug, Default)]
struct Pieces {
    blocks: Vec<Block>,
    sealed: usize,
}

impl Pieces {
    fn push(&mut self, block: Block) -> *mut u8 {
        let base = block.base();
        self.blocks.push(block);
        base
    }
    fn is_open(&self) -> bool {
        self.sealed < self.blocks.len()
    }
    fn seal(&mut self) {
        for block in &self.blocks[self.sealed..] {
            block.protect();
        }
        self.sealed = self.blocks.len();
    }
}

impl Arena {
    /// An empty arena; a `protected` one is made of pages that [`Arena::seal`] makes unwritable.
    pub fn new(protected: bool) -> Arena {
        Arena { protected, used: CHUNK, ..Arena::default() }
    }
    /// True when pieces are unwritable after [`Arena::seal`].
    pub fn is_protected(&self) -> bool {
        self.protected
    }
    /// A piece of zeroed memory, writable until the arena is sealed.
    pub fn alloc(&mut self, size: usize, align: usize) -> Result<*mut u8, String> {
        let align = align.max(1);
        if size > CHUNK / 4 || align > PAGE {
            return Ok(self.large.push(Block::pages(size, align)?));
        }
        let offset = self.used.next_multiple_of(align);
        if offset + size > CHUNK || self.chunks.blocks.is_empty() {
            self.used = size;
            return Ok(self.chunks.push(Block::pages(CHUNK, PAGE)?));
        }
        let last = self.chunks.blocks.len() - 1;
        if self.chunks.sealed > last {
            self.chunks.blocks[last].unprotect();
            self.chunks.sealed = last;
        }
        self.used = offset + size;
        Ok(self.chunks.blocks[last].base().wrapping_add(offset))
    }
    /// True when there is something to seal.
    pub fn is_open(&self) -> bool {
        self.protected && (self.chunks.is_open() || self.large.is_open())
    }
    /// Makes everything unwritable, if the arena is protected.
    pub fn seal(&mut self) {
        if self.protected {
            self.chunks.seal();
            self.large.seal();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_apart_aligned_and_zero() {
        for protected in [false, true] {
            let mut arena = Arena::new(protected);
            let mut pieces: Vec<(usize, usize, u8)> = Vec::new();
            for i in 0..3000usize {
                let (size, align) = ([0, 1, 7, 64, 3000, 20_000, 100_000][i % 7], 1 << (i % 14));
                let place = arena.alloc(size, align).expect("there is memory");
                assert!((place as usize).is_multiple_of(align));
                // SAFETY: the piece has this size.
                unsafe {
                    assert!((0..size).all(|at| place.add(at).read() == 0));
                    place.write_bytes(i as u8, size);
                }
                pieces.push((place as usize, size, i as u8));
                if i % 10 == 0 {
                    arena.seal();
                    assert!(!arena.is_open());
                }
            }
            for (place, size, fill) in pieces {
                // SAFETY: as above; sealed pieces can be read.
                assert!((0..size).all(|at| unsafe { (place as *const u8).add(at).read() } == fill));
            }
        }
    }
}
