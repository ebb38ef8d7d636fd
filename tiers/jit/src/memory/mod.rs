//! Pages of code: written, sealed once, freed whole.
//!
//! Functions are loaded in batches. A batch has pages of its own, which are writable until its code stands in them, and
//! executable from then on, never both. They are given back when the batch is dropped; whoever holds it answers for no stack
//! returning into it.

mod unwind;

use crate::compile::{Compiler, MachineCode};
use crate::tables::Tables;
use std::fmt;
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use sx_ir::LocId;

/// Why code could not be loaded. The program goes on without it.
#[derive(Debug)]
#[non_exhaustive]
pub enum MemoryError {
    /// The cap on code would be exceeded.
    Full {
        /// Bytes in use.
        used: usize,
        /// Bytes allowed.
        cap: usize,
    },
    /// The system gave no memory.
    Map(io::Error),
    /// The system allows no memory to become executable.
    Seal(io::Error),
    /// The unwind information couldn't be written.
    Unwind(String),
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryError::Full { used, cap } => write!(f, "code memory is full: {used} of {cap} bytes"),
            MemoryError::Map(error) => write!(f, "no memory for code: {error}"),
            MemoryError::Seal(error) => write!(f, "memory may not become executable: {error}"),
            MemoryError::Unwind(why) => write!(f, "no unwind information: {why}"),
        }
    }
}

impl std::error::Error for MemoryError {}

/// What all batches of a program share: the cap.
#[derive(Debug)]
pub struct CodeSpace {
    cap: usize,
    used: AtomicUsize,
}

impl CodeSpace {
    /// Room for so many bytes, counted in whole pages.
    pub fn new(cap: usize) -> Arc<CodeSpace> {
        Arc::new(CodeSpace { cap, used: AtomicUsize::new(0) })
    }
    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
    fn take(&self, bytes: usize) -> Result<(), MemoryError> {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|&sum| sum <= self.cap)
        });
        taken.map(|_| ()).map_err(|used| MemoryError::Full { used, cap: self.cap })
    }
    /// Gives functions a place where they can run.
    ///
    /// # Errors
    /// When there is none. Nothing is left behind then.
    pub fn load(
        self: &Arc<CodeSpace>,
        compiler: &Compiler,
        functions: Vec<MachineCode>,
    ) -> Result<Batch, MemoryError> {
        let mut starts = Vec::with_capacity(functions.len());
        let mut end = 0usize;
        for function in &functions {
            end = end.next_multiple_of(function.align.max(1) as usize);
            starts.push(end);
            end += function.bytes.len();
        }
        let pages = Pages::new(self, end.max(1))?;
        for (function, &start) in functions.iter().zip(&starts) {
            // SAFETY: the pages are writable, and hold all functions at these places.
            unsafe {
                let to = pages.base.as_ptr().add(start);
                to.copy_from_nonoverlapping(function.bytes.as_ptr(), function.bytes.len());
            }
        }
        pages.seal()?;
        let base = pages.base.as_ptr() as usize;
        let frames = unwind::Frames::register(
            compiler.isa(),
            functions.iter().zip(&starts).filter_map(|(f, start)| Some((f.unwind.as_ref()?, base + start))),
        )?;
        let functions = functions
            .into_iter()
            .zip(starts)
            .map(|(f, start)| Loaded { name: f.name, start, len: f.bytes.len(), tables: f.tables })
            .collect();
        Ok(Batch { functions, _frames: frames, pages })
    }
}

/// A run of pages.
#[derive(Debug)]
struct Pages {
    base: NonNull<u8>,
    len: usize,
    space: Arc<CodeSpace>,
}

// SAFETY: the pages are this value's alone until they are sealed; from then on nobody writes to them.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

fn page_size() -> usize {
    // SAFETY: asks for a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

impl Pages {
    /// Writable pages for so many bytes.
    fn new(space: &Arc<CodeSpace>, bytes: usize) -> Result<Pages, MemoryError> {
        let len = bytes.next_multiple_of(page_size());
        space.take(len)?;
        // SAFETY: asks for fresh memory anywhere.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        match NonNull::new(base.cast::<u8>()) {
            Some(at) if base != libc::MAP_FAILED => Ok(Pages { base: at, len, space: space.clone() }),
            _ => {
                let error = io::Error::last_os_error();
                space.used.fetch_sub(len, Ordering::Relaxed);
                Err(MemoryError::Map(error))
            }
        }
    }
    /// From writable to executable, once.
    fn seal(&self) -> Result<(), MemoryError> {
        // SAFETY: the pages are this value's.
        let result =
            unsafe { libc::mprotect(self.base.as_ptr().cast(), self.len, libc::PROT_READ | libc::PROT_EXEC) };
        if result == 0 { Ok(()) } else { Err(MemoryError::Seal(io::Error::last_os_error())) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the pages are this value's, and its owner answers for nobody running in them.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
        self.space.used.fetch_sub(self.len, Ordering::Relaxed);
    }
}

/// A function in its place.
#[derive(Debug)]
struct Loaded {
    name: String,
    start: usize,
    len: usize,
    tables: Tables,
}

/// Functions that can run, until this is dropped.
#[derive(Debug)]
pub struct Batch {
    functions: Vec<Loaded>,
    // Before the pages: unwinders forget code before it goes.
    _frames: unwind::Frames,
    pages: Pages,
}

impl Batch {
    /// Where the `index`th function begins.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn entry(&self, index: usize) -> *const u8 {
        // SAFETY: the function lies in the pages.
        unsafe { self.pages.base.as_ptr().add(self.functions[index].start) }
    }
    /// The first address.
    pub fn start(&self) -> usize {
        self.pages.base.as_ptr() as usize
    }
    /// Which function an address lies in, and how far from its start.
    pub fn find(&self, address: usize) -> Option<(usize, u32)> {
        let offset = address.checked_sub(self.pages.base.as_ptr() as usize)?;
        let index = self.functions.partition_point(|f| f.start <= offset).checked_sub(1)?;
        let function = &self.functions[index];
        let within = offset - function.start;
        (within < function.len).then_some((index, within as u32))
    }
    /// The source position of the instruction at an address, and which function it is in. Of a call, ask for its return
    /// address less 1.
    pub fn location(&self, address: usize) -> Option<(usize, LocId)> {
        let (index, offset) = self.find(address)?;
        Some((index, self.functions[index].tables.location(offset)?))
    }
    /// True when a fault at this address is the program's.
    pub fn may_fault(&self, address: usize) -> bool {
        self.find(address).is_some_and(|(index, offset)| self.functions[index].tables.may_fault(offset))
    }
    /// The name of the `index`th function.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.functions.get(index).map(|f| f.name.as_str())
    }
    /// Bytes of memory, in whole pages.
    pub fn size(&self) -> usize {
        self.pages.len
    }
}
