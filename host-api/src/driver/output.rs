//! What a program has printed and not yet sent: the library's buffer of standard output, as the host sees it.

use super::floor::{Ground, ground};
use crate::error::{Error, ErrorKind};
use std::io;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use sx_ir::GlobalId;
use sx_sema::Sema;
use sx_sema::types::{TypeId, TypeKind};
use sx_syntax::span::FileId;
use sx_vm::{Caller, NativeFn, Trap};

/// The library's file whose functions print, and the one that lets one thread at a time do so.
const FMT: &str = "modules/std/fmt.sx";
const LOCK: &str = "modules/std/fmt/lock.sx";

/// Where the library's writer of standard output is and its lock, and their fields in them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub writer: GlobalId,
    data: u32,
    len: u32,
    error: u32,
    pub lock: GlobalId,
    owner: u32,
    depth: u32,
}

/// Finds the writer; none when the program doesn't use the library's file that prints.
///
/// # Errors
/// When that file is there and isn't what this host was made for: programs may bring a library of their own.
pub(crate) fn layout(sema: &mut Sema) -> Result<Option<Layout>, Error> {
    let prints =
        (0..sema.sources.len()).any(|file| sema.sources.get(FileId(file as u32)).path.ends_with(FMT));
    if !prints {
        return Ok(None);
    }
    let Some((writer, writer_ty)) = variable(sema, FMT, "out_state")? else { return Ok(None) };
    let many_bytes = TypeId::U8_MANY;
    let [data, len, error] = [("data", many_bytes), ("len", TypeId::I64), ("error", TypeId::I32)]
        .map(|(name, wanted)| field(sema, FMT, ("out_state", writer_ty), name, wanted));
    let Some((lock, lock_ty)) = variable(sema, LOCK, "output_lock")? else {
        return Err(foreign(FMT, &format!("there is no `{LOCK}`")));
    };
    let [owner, depth] = [("owner", TypeId::U32), ("depth", TypeId::I32)]
        .map(|(name, wanted)| field(sema, LOCK, ("output_lock", lock_ty), name, wanted));
    Ok(Some(Layout { writer, data: data?, len: len?, error: error?, lock, owner: owner?, depth: depth? }))
}

/// A variable of a library file, and its type; none without that file.
fn variable(sema: &mut Sema, path: &str, name: &str) -> Result<Option<(GlobalId, TypeId)>, Error> {
    let Some(file) = sema.library_file(path) else { return Ok(None) };
    let Some((global, ty)) = sema.global(file, name) else {
        return Err(foreign(path, &format!("there is no variable `{name}`")));
    };
    if !sema.complete(ty) {
        return Err(foreign(path, &format!("`{name}` has no layout")));
    }
    Ok(Some((global, ty)))
}

/// The offset of a variable's field.
fn field(
    sema: &mut Sema,
    path: &str,
    (of, ty): (&str, TypeId),
    name: &str,
    wanted: TypeId,
) -> Result<u32, Error> {
    let index = match *sema.types.kind(ty) {
        TypeKind::Struct(id) => sema
            .types
            .struct_def(id)
            .fields
            .iter()
            .position(|field| sema.symbols.text(field.name) == name && field.ty == wanted),
        _ => None,
    };
    match index {
        Some(index) => Ok(sema.types.field_offset(ty, index)),
        None => {
            let wanted = sema.type_name(wanted);
            Err(foreign(path, &format!("`{of}` has no field `{name}: {wanted}`")))
        }
    }
}

/// The error of a library that this host can't serve.
#[cold]
fn foreign(path: &str, why: &str) -> Error {
    Error::new(ErrorKind::Link, format!("`{path}` doesn't fit this version of the host: {why}"))
}

/// The writer of one instance.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Its address; 0 when the program can't print.
    address: AtomicUsize,
    /// Its lock's.
    lock: AtomicUsize,
    layout: OnceLock<Layout>,
}

impl Pending {
    pub fn new(layout: Option<Layout>) -> Pending {
        Pending { layout: layout.map_or_else(OnceLock::new, OnceLock::from), ..Pending::default() }
    }
    /// For a program of which it becomes known only while it runs.
    pub fn set_layout(&self, layout: Layout) {
        // Whoever was first said the same.
        let _ = self.layout.set(layout);
    }
    pub fn layout(&self) -> Option<&Layout> {
        self.layout.get()
    }
    /// Tells where an instance has them. Without an address, nothing has printed.
    pub fn place(&self, mut address_of: impl FnMut(GlobalId) -> Option<*mut u8>) {
        let Some(layout) = self.layout.get() else { return };
        if let (Some(writer), Some(lock)) = (address_of(layout.writer), address_of(layout.lock)) {
            self.lock.store(lock as usize, Ordering::Relaxed);
            self.address.store(writer as usize, Ordering::Relaxed);
        }
    }
    /// True when the writer was found.
    pub fn is_placed(&self) -> bool {
        self.address.load(Ordering::Relaxed) != 0
    }
    /// The addresses of the writer's data, length and error.
    #[inline]
    fn fields(&self) -> Option<(usize, usize, usize)> {
        let address = self.address.load(Ordering::Relaxed);
        if address == 0 {
            return None;
        }
        let Layout { data, len, error, .. } = *self.layout.get()?;
        Some((address + data as usize, address + len as usize, address + error as usize))
    }
    /// True when bytes wait.
    #[inline]
    pub fn waits(&self) -> bool {
        let Some((_, len, _)) = self.fields() else { return false };
        // SAFETY: the address is that of a variable of the instance, which is alive while its calls run.
        let len = unsafe { AtomicI64::from_ptr(len as *mut i64) };
        len.load(Ordering::Relaxed) > 0
    }
    /// The lock's owner and depth.
    fn lock(&self) -> Option<(&AtomicU32, *mut i32)> {
        let (address, layout) = (self.lock.load(Ordering::Relaxed), self.layout.get()?);
        if address == 0 {
            return None;
        }
        // SAFETY: as above; the library uses the field as an atomic word too.
        let owner = unsafe { AtomicU32::from_ptr((address + layout.owner as usize) as *mut u32) };
        Some((owner, (address + layout.depth as usize) as *mut i32))
    }
    /// Between calls nobody prints: whoever did when a trap came is gone.
    pub fn settle(&self) {
        let Some((owner, depth)) = self.lock() else { return };
        // SAFETY: as above; there are no threads.
        if owner.load(Ordering::Relaxed) != 0 || unsafe { depth.read() } != 0 {
            owner.store(0, Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { depth.write(0) };
        }
    }
    /// As [`Pending::send`], while no other thread prints.
    ///
    /// # Errors
    /// The wait was interrupted.
    fn send_from(
        &self,
        caller: &mut Caller<'_>,
        write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> Result<(), Trap> {
        let own = caller.thread_id() as u32;
        let lock =
            self.lock().filter(|(owner, _)| !caller.is_alone() && owner.load(Ordering::Relaxed) != own);
        let Some((owner, _)) = lock else {
            self.send(write);
            return Ok(());
        };
        while let Err(found) = owner.compare_exchange(0, own, Ordering::Acquire, Ordering::Relaxed) {
            // SAFETY: the word is a variable of the instance.
            unsafe { caller.park(owner.as_ptr() as usize, found, None) }?;
        }
        self.send(write);
        owner.store(0, Ordering::Release);
        caller.unpark(owner.as_ptr() as usize, 1);
        Ok(())
    }
    /// Sends what waits. What can't be sent is lost, and the program's writer told.
    #[cold]
    pub fn send(&self, mut write: impl FnMut(&[u8]) -> io::Result<usize>) {
        let Some((data, len, error)) = self.fields() else { return };
        let (len, error) = (len as *mut i64, error as *mut i32);
        // SAFETY: as above; the library keeps `len` bytes at `data`.
        unsafe {
            let data = (data as *const *const u8).read();
            let mut rest = std::slice::from_raw_parts(data, len.read().max(0) as usize);
            while !rest.is_empty() && error.read() == 0 {
                match write(rest) {
                    Ok(n) if n > 0 => rest = &rest[n.min(rest.len())..],
                    Err(reason) if reason.kind() == io::ErrorKind::Interrupted => {}
                    Ok(_) => error.write(libc::EIO),
                    Err(reason) => {
                        error.write(reason.raw_os_error().filter(|&code| code != 0).unwrap_or(libc::EIO))
                    }
                }
            }
            len.write(0);
        }
    }
    /// As [`Pending::send`], to where the instance's output goes.
    pub fn send_through(&self, ground: &Ground) {
        self.send(|bytes| ground.write(1, bytes));
    }
    /// The code with which a write failed; 0 if none did.
    pub fn error(&self) -> i32 {
        // SAFETY: as above.
        self.fields().map_or(0, |(.., error)| unsafe { (error as *const i32).read() })
    }
}

/// A C function that may print by itself: what the program printed before goes first.
pub(crate) struct Ordered<F> {
    pub inner: F,
    pub pending: Arc<Pending>,
}

impl<F: NativeFn> NativeFn for Ordered<F> {
    fn prepare(&self, caller: &mut Caller<'_>) -> Result<(), Trap> {
        if self.pending.waits() { self.pending.send_from(caller, super::floor::write_fd(1)) } else { Ok(()) }
    }
    unsafe fn call(&self, args: *const u64, ret: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.call(args, ret) }
    }
}

impl sx_vm::HostFn for Ordered<Arc<dyn sx_vm::HostFn>> {
    fn call(&self, caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
        if self.pending.waits() {
            let ground: *const Ground = ground(caller)?;
            // SAFETY: the instance's data stays what and where it is while calls run.
            self.pending.send_from(caller, |bytes| unsafe { &*ground }.write(1, bytes))?;
        }
        self.inner.call(caller, slots)
    }
}
