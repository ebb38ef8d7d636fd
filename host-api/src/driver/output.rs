//! What a program has printed and not yet sent: the library's buffer of standard output, as the host sees it.

use super::floor::{Ground, ground};
use crate::error::{Error, ErrorKind};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use sx_ir::GlobalId;
use sx_sema::Sema;
use sx_sema::types::{TypeId, TypeKind};
use sx_syntax::span::FileId;
use sx_vm::{Caller, NativeFn, Trap};

/// The library's file whose functions print.
const FMT: &str = "modules/std/fmt.sx";

/// Where the library's writer of standard output is, and its fields in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub writer: GlobalId,
    data: u32,
    len: u32,
    error: u32,
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
    let Some(file) = sema.library_file(FMT) else { return Ok(None) };
    let Some((writer, ty)) = sema.global(file, "out_state") else {
        return Err(foreign("there is no variable `out_state`"));
    };
    if !sema.complete(ty) {
        return Err(foreign("`out_state` has no layout"));
    }
    let many_bytes = TypeId::U8_MANY;
    let [data, len, error] = [("data", many_bytes), ("len", TypeId::I64), ("error", TypeId::I32)]
        .map(|(name, wanted)| field(sema, ty, name, wanted));
    Ok(Some(Layout { writer, data: data?, len: len?, error: error? }))
}

/// The offset of a field of the writer.
fn field(sema: &mut Sema, ty: TypeId, name: &str, wanted: TypeId) -> Result<u32, Error> {
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
            Err(foreign(&format!("`out_state` has no field `{name}: {wanted}`")))
        }
    }
}

/// The error of a library that this host can't serve.
#[cold]
fn foreign(why: &str) -> Error {
    Error::new(ErrorKind::Link, format!("`{FMT}` doesn't fit this version of the host: {why}"))
}

/// The writer of one instance.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Its address; 0 when the program can't print.
    address: AtomicUsize,
    layout: OnceLock<Layout>,
}

impl Pending {
    pub fn new(layout: Option<Layout>) -> Pending {
        Pending { address: AtomicUsize::new(0), layout: layout.map_or_else(OnceLock::new, OnceLock::from) }
    }
    /// For a program of which it becomes known only while it runs.
    pub fn set_layout(&self, layout: Layout) {
        // Whoever was first said the same.
        let _ = self.layout.set(layout);
    }
    pub fn layout(&self) -> Option<&Layout> {
        self.layout.get()
    }
    pub fn set_address(&self, address: usize) {
        self.address.store(address, Ordering::Relaxed);
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
        // SAFETY: the address is that of a variable of the instance, which is alive while its calls run.
        self.fields().is_some_and(|(_, len, _)| unsafe { (len as *const i64).read() } > 0)
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
    unsafe fn call(&self, args: *const u64, ret: *mut u64) {
        if self.pending.waits() {
            self.pending.send(super::floor::write_fd(1));
        }
        // SAFETY: the caller's promise.
        unsafe { self.inner.call(args, ret) }
    }
}

impl sx_vm::HostFn for Ordered<Arc<dyn sx_vm::HostFn>> {
    fn call(&self, caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
        if self.pending.waits() {
            self.pending.send_through(ground(caller)?);
        }
        self.inner.call(caller, slots)
    }
}
