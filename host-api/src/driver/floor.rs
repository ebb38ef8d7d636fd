//! The floor under the library: the few functions by which sx code reaches memory, output, clock and the runner.
//!
//! They are host functions like any other, found under reserved names. What they need of an instance is its
//! [`Ground`], the first thing in the instance's data.

use super::heap::Heap;
use super::shared::{Guarded, HostData};
use crate::error::Backtrace;
use crate::program::Program;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use sx_ir::TrapKind;
use sx_syntax::source::Sources;
use sx_vm::{Caller, Trap};

/// What every symbol of the floor begins with. Only the library may name them.
pub(crate) const PREFIX: &str = "sx_";

/// Where an instance's standard output and standard error go.
pub trait Output: Send {
    /// Writes some of the bytes and says how many. `fd` is 1 for standard output and 2 for standard error; other numbers are
    /// files that the program opened itself.
    ///
    /// # Errors
    /// The system's error, which the program is told by its code.
    fn write(&mut self, fd: i32, bytes: &[u8]) -> io::Result<usize>;
}

/// The part of an instance's data that the floor and the public API use. Threads of the instance use it at the same time.
pub(crate) struct Ground {
    pub heap: Guarded<Heap>,
    /// The program's arguments as strings of the language.
    args: Vec<[u64; 2]>,
    _arg_texts: Vec<Box<str>>,
    output: Mutex<Option<Box<dyn Output>>>,
    /// The code with which the program wants to end.
    exit: Mutex<Option<i32>>,
    /// What the host keeps in the instance.
    pub user: HostData,
    /// The program that runs; none at compile time.
    pub program: Option<Program>,
    /// At compile time, the files that were read so far.
    pub sources: Sources,
    /// The address of the context that its functions are given.
    pub context: u64,
    lost_output: Mutex<Option<i32>>,
    /// Names of files that the program was told: it may keep them as long as it runs.
    told_paths: Mutex<HashSet<Arc<str>>>,
}

impl Ground {
    /// Forgets what the program did; what the host gave stays.
    pub fn reset(&mut self) {
        self.heap = Guarded::new(Heap::new());
        *self.exit.get_mut() = None;
        *self.lost_output.get_mut() = None;
        self.told_paths.get_mut().clear();
    }
    pub fn new(args: Vec<String>, output: Option<Box<dyn Output>>) -> Ground {
        let texts: Vec<Box<str>> = args.into_iter().map(String::into_boxed_str).collect();
        let args = texts.iter().map(|text| [text.as_ptr() as u64, text.len() as u64]).collect();
        Ground {
            heap: Guarded::new(Heap::new()),
            args,
            _arg_texts: texts,
            output: Mutex::new(output),
            exit: Mutex::default(),
            user: HostData::default(),
            program: None,
            sources: Sources::new(),
            context: 0,
            lost_output: Mutex::default(),
            told_paths: Mutex::default(),
        }
    }
}

/// The ground of the instance that a host function was called by.
pub(crate) fn ground<'a>(caller: &'a Caller<'_>) -> Result<&'a Ground, Trap> {
    match caller.data().downcast_ref() {
        Some(ground) => Ok(ground),
        None => Err(Trap::host("this instance has no runtime floor")),
    }
}

/// Uses the instance's heap.
#[inline]
fn heap<R>(caller: &Caller<'_>, use_it: impl FnOnce(&mut Heap) -> R) -> Result<R, Trap> {
    // SAFETY: the caller's thread is the one that runs; heaps run nothing.
    Ok(unsafe { ground(caller)?.heap.with(caller.is_alone(), use_it) })
}

/// Allocates from the instance's heap; none when there is no memory or the limit is reached.
pub(crate) fn allocate(caller: &Caller<'_>, n: i64, align: i64) -> Result<Option<usize>, Trap> {
    let Some(bytes) = Heap::footprint(n, align) else { return Ok(None) };
    if caller.meter().charge(bytes as u64).is_err() {
        return Ok(None);
    }
    let block = heap(caller, |heap| heap.alloc(n as usize, align as usize))?;
    if block.is_none() {
        caller.meter().release(bytes as u64);
    }
    Ok(block)
}

/// How many slots a function of the floor has, and what it does.
pub(super) type Entry = (&'static str, usize, fn(&mut Caller<'_>, &mut [u64]) -> Result<(), Trap>);

const ENTRIES: &[Entry] = &[
    ("sx_alloc", 2, alloc),
    ("sx_args", 1, args),
    ("sx_call_places", 2, call_places),
    ("sx_clock_ns", 1, clock),
    ("sx_errno", 1, errno),
    ("sx_exit", 1, exit),
    ("sx_free", 1, free),
    ("sx_is_comptime", 1, is_comptime),
    ("sx_random_seed", 1, random_seed),
    ("sx_realloc", 4, realloc),
    ("sx_write", 3, write),
];

/// A function of the floor.
pub(crate) fn find(symbol: &str) -> Option<impl Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), Trap> + use<>> {
    let &(name, slots, run) =
        ENTRIES.iter().chain(super::threads::ENTRIES).find(|(name, ..)| *name == symbol)?;
    Some(move |caller: &mut Caller<'_>, given: &mut [u64]| {
        if given.len() < slots {
            return Err(Trap::host(format!("`{name}` is declared with too few parameters")));
        }
        run(caller, given)
    })
}

fn alloc(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    slots[0] = allocate(caller, slots[0] as i64, slots[1] as i64)?.unwrap_or(0) as u64;
    Ok(())
}

fn free(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    if slots[0] == 0 {
        return Ok(());
    }
    match heap(caller, |heap| heap.free(slots[0] as usize))? {
        Some(bytes) => {
            caller.meter().release(bytes as u64);
            Ok(())
        }
        None => Err(Trap::of_kind(TrapKind::InvalidMemory, [0; 3])),
    }
}

fn realloc(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let (address, n, align) = (slots[0] as usize, slots[2] as i64, slots[3] as i64);
    if address == 0 {
        slots[0] = allocate(caller, n, align)?.unwrap_or(0) as u64;
        return Ok(());
    }
    slots[0] = 0;
    let Some(bytes) = Heap::footprint(n, align) else { return Ok(()) };
    let meter = caller.meter();
    let moved = heap(caller, |heap| {
        let old = heap.size_at(address)?;
        if meter.charge(bytes as u64).is_err() {
            return Some(None);
        }
        let block = heap.realloc(address, n as usize, align as usize);
        meter.release(if block.is_some() { old } else { bytes } as u64);
        Some(block)
    })?;
    match moved {
        Some(block) => {
            slots[0] = block.unwrap_or(0) as u64;
            Ok(())
        }
        None => Err(Trap::of_kind(TrapKind::InvalidMemory, [0; 3])),
    }
}

/// Writes to a file of the process.
pub(crate) fn write_fd(fd: i32) -> impl FnMut(&[u8]) -> io::Result<usize> {
    move |bytes| {
        // SAFETY: the bytes are readable; the system says so if they aren't.
        let n = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }
}

impl Ground {
    /// Writes some of the bytes where the instance's output goes.
    pub fn write(&self, fd: i32, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut *self.output.lock() {
            Some(output) => output.write(fd, bytes).map(|n| n.min(bytes.len())),
            None => write_fd(fd)(bytes),
        };
        if let Err(error) = &written
            && (fd == 1 || fd == 2)
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.lost_output.lock().get_or_insert(code_of(error));
        }
        written
    }
    /// The first code with which the standard streams failed.
    pub fn lost_output(&self) -> Option<i32> {
        *self.lost_output.lock()
    }
    /// The code with which the program wanted to end, once.
    pub fn take_exit(&self) -> Option<i32> {
        self.exit.lock().take()
    }
}

/// The system's code of an error.
fn code_of(error: &io::Error) -> i32 {
    error.raw_os_error().filter(|&code| code != 0).unwrap_or(libc::EIO)
}

fn write(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let (fd, address, len) = (slots[0] as i32, slots[1] as usize, slots[2] as i64);
    let ground = ground(caller)?;
    let written = match usize::try_from(len) {
        Ok(0) => Ok(0),
        Ok(len) if address == 0 || !sx_vm::fault::readable(address, len) => Err(libc::EFAULT),
        Ok(len) => {
            // SAFETY: the program says that its memory is readable there, and as far as the hardware knows that is true.
            let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, len) };
            ground.write(fd, bytes).map_err(|error| code_of(&error))
        }
        Err(_) => Err(libc::EINVAL),
    };
    slots[0] = match written {
        Ok(n) => n as u64,
        Err(code) => {
            sx_ffi::set_last_errno(code);
            -1i64 as u64
        }
    };
    Ok(())
}

fn errno(_: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    slots[0] = sx_ffi::last_errno() as u64;
    Ok(())
}

/// Where the clock begins that only goes forward.
pub(super) fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// Kind 0 is the time of day, since 1970; every other kind a clock that only goes forward.
fn clock(_: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let nanos = match slots[0] as i32 {
        0 => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()),
        _ => start().elapsed().as_nanos(),
    };
    slots[0] = i64::try_from(nanos).unwrap_or(i64::MAX) as u64;
    Ok(())
}

fn is_comptime(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    slots[0] = ground(caller)?.program.is_none() as u64;
    Ok(())
}

fn random_seed(_: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    use std::hash::{BuildHasher, Hasher};
    slots[0] = std::hash::RandomState::new().build_hasher().finish();
    Ok(())
}

fn args(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let count = slots[0] as *mut i64;
    let ground = ground(caller)?;
    if count.is_null() {
        return Err(Trap::of_kind(TrapKind::NullDereference, [0; 3]));
    }
    // SAFETY: the library passes the address of a variable.
    unsafe { count.write_unaligned(ground.args.len() as i64) };
    slots[0] = ground.args.as_ptr() as u64;
    Ok(())
}

/// The library's `Location`.
#[repr(C)]
struct Location {
    path: *const u8,
    path_len: i64,
    line: i64,
    column: i64,
}

/// Writes where the calls stand that are being made, innermost first, and says how many.
fn call_places(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let (out, room) = (slots[0] as *mut Location, slots[1] as i64);
    let trap = caller.backtrace();
    let ground = ground(caller)?;
    slots[0] = 0;
    if out.is_null() {
        return Err(Trap::of_kind(TrapKind::NullDereference, [0; 3]));
    }
    let stack = match &ground.program {
        Some(program) => Backtrace::new(trap.frames(), trap.omitted(), &program.sources()),
        None => Backtrace::new(trap.frames(), trap.omitted(), &ground.sources),
    };
    let room = usize::try_from(room).unwrap_or(0);
    for frame in stack.frames {
        let Some(path) = frame.path else { continue };
        if slots[0] as usize == room {
            break;
        }
        let mut told = ground.told_paths.lock();
        let kept = match told.get(&path) {
            Some(known) => known.clone(),
            None => {
                told.insert(path.clone());
                path
            }
        };
        drop(told);
        let place = Location {
            path: kept.as_ptr(),
            path_len: kept.len() as i64,
            line: frame.line.into(),
            column: frame.column.into(),
        };
        // SAFETY: the library passes the address of an array of `room` elements.
        unsafe { out.add(slots[0] as usize).write_unaligned(place) };
        slots[0] += 1;
    }
    Ok(())
}

fn exit(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    // The first thread to say it is right.
    ground(caller)?.exit.lock().get_or_insert(slots[0] as i32);
    Err(Trap::host("the program exits"))
}
