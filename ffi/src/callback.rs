//! C function pointers that lead back to a handler.

use crate::call::widen;
use crate::error::SignatureError;
use crate::types::{Interface, Ret, Slot};
use libffi::low::{ffi_cif, ffi_closure};
use libffi::raw;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use sx_ir::{CSignature, CStruct};

/// What a callback runs: `(args, ret)`, in the slots that the crate's documentation describes. A struct result is
/// written to the address in the first slot, a scalar one to `ret`. It must not unwind; if it does, the process is aborted.
pub type Handler = Box<dyn Fn(*const u64, *mut u64) + Send>;

/// A C function pointer, valid until this is dropped.
pub struct Callback {
    closure: *mut ffi_closure,
    code: *const c_void,
    _state: Box<State>,
}

struct State {
    interface: Interface,
    handler: Handler,
}

// SAFETY: the interface is shared safely, the handler is `Send`, and the closure is only touched by `drop`.
unsafe impl Send for Callback {}

const MAX_SLOTS: usize = crate::MAX_PARAMS + 1;

/// A struct put together from registers.
#[repr(C, align(16))]
struct Words([u64; 2]);

impl Callback {
    /// Makes a function pointer of this signature, which isn't variadic.
    ///
    /// # Errors
    /// When a type has no C representation, or there is no memory for code.
    pub fn new(sig: &CSignature, structs: &[CStruct], handler: Handler) -> Result<Callback, SignatureError> {
        if sig.variadic {
            return Err(SignatureError::BadType);
        }
        let interface = Interface::new(sig, sig.params.len(), structs)?;
        let state = Box::new(State { interface, handler });
        let (closure, code) = libffi::low::try_closure_alloc().ok_or(SignatureError::NoCodeMemory)?;
        // Made first, so that the closure is freed if the next step fails.
        let callback = Callback { closure, code: code.as_ptr(), _state: state };
        let user_data = (&raw const *callback._state).cast_mut().cast::<c_void>();
        let cif = callback._state.interface.cif();
        // SAFETY: `closure` and `code` belong together; interface and state outlive the closure in their box.
        let status =
            unsafe { raw::ffi_prep_closure_loc(closure, cif, Some(enter), user_data, code.as_mut_ptr()) };
        if status != raw::ffi_status_FFI_OK {
            return Err(SignatureError::BadType);
        }
        Ok(callback)
    }

    /// The C function.
    pub fn pointer(&self) -> *const c_void {
        self.code
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: it was allocated by libffi and is freed once.
        unsafe { libffi::low::closure_free(self.closure) }
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("code", &self.code).finish_non_exhaustive()
    }
}

/// Where libffi's trampoline arrives.
///
/// # Safety
/// Called by libffi with the [`State`] of a living callback.
unsafe extern "C" fn enter(
    _cif: *mut ffi_cif,
    ret: *mut c_void,
    values: *mut *mut c_void,
    state: *mut c_void,
) {
    // SAFETY: the state that `Callback::new` gave; it is only read.
    let state = unsafe { &*state.cast::<State>() };
    let interface = &state.interface;
    let mut args = MaybeUninit::<[u64; MAX_SLOTS]>::uninit();
    let args = args.as_mut_ptr().cast::<u64>();
    let mut gathered = MaybeUninit::<[Words; MAX_SLOTS]>::uninit();
    let gathered = gathered.as_mut_ptr().cast::<Words>();
    let mut next = 0;
    let mut take = || {
        next += 1;
        // SAFETY: libffi gives one address for each argument of the interface, and each slot takes its own.
        unsafe { *values.add(next - 1) }
    };
    // libffi reads results up to two registers wide, whatever the struct's size; handlers write just the struct.
    let mut result = Words([0; 2]);
    for (i, slot) in interface.slots.iter().enumerate() {
        let bits = match slot {
            // SAFETY: the address of a scalar of this type; libffi keeps each in 8 bytes.
            Slot::Scalar(ty) | Slot::Promoted(ty) => unsafe { widen(*take().cast::<u64>(), *ty) },
            Slot::Memory => take() as u64,
            Slot::Parts(parts) => {
                // SAFETY: there are at most `MAX_SLOTS` slots; each part is an argument in 8 bytes, and stands in
                // one of the two words.
                unsafe {
                    let words = gathered.add(i);
                    for part in parts {
                        words.cast::<u64>().add(part.offset as usize / 8).write(*take().cast::<u64>());
                    }
                    words as u64
                }
            }
            // SAFETY: the hidden argument, an address.
            Slot::Result if interface.ret == Ret::Hidden => unsafe { *take().cast::<u64>() },
            Slot::Result => result.0.as_mut_ptr() as u64,
        };
        // SAFETY: there are at most `MAX_SLOTS` slots.
        unsafe { *args.add(i) = bits };
    }
    let mut scalar = 0u64;
    (state.handler)(args, &mut scalar);
    let ret = ret.cast::<u64>();
    // SAFETY: libffi gives room for a register, and for two where a struct comes back in registers.
    unsafe {
        match interface.ret {
            Ret::Nothing => {}
            Ret::Scalar(ty) => *ret = widen(scalar, ty),
            Ret::Hidden => *ret = *args,
            Ret::Gathered(_) => ret.copy_from_nonoverlapping(result.0.as_ptr(), 2),
        }
    }
}
