//! Calls of C functions.

use crate::MAX_PARAMS;
use crate::classify::Part;
use crate::error::SignatureError;
use crate::types::{Interface, Ret, Slot};
use libffi::low::CodePtr;
use libffi::raw;
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use sx_ir::{CSignature, CStruct, CType};

thread_local! {
    static ERRNO: Cell<i32> = const { Cell::new(0) };
}

/// C's `errno` as the last call on this thread left it.
pub fn last_errno() -> i32 {
    ERRNO.get()
}

/// Makes [`last_errno`] give this: for what stands in for a C function.
pub fn set_last_errno(code: i32) {
    ERRNO.set(code);
}

/// Two parts of each parameter, and the address of a struct result.
const MAX_ARGS: usize = 2 * MAX_PARAMS + 1;

/// Calls of up to this many arguments take little of the stack.
const FEW_ARGS: usize = 12;

/// Everything about calls of one signature that can be settled beforehand. Calls don't allocate.
pub struct CallPlan {
    interface: Interface,
}

impl CallPlan {
    /// Plans calls of a signature. Parameters from `fixed` on go into `...` if the signature is variadic; their
    /// types may be promoted already or not.
    ///
    /// # Errors
    /// When a type has no C representation, or can't be passed by value.
    pub fn new(sig: &CSignature, fixed: usize, structs: &[CStruct]) -> Result<CallPlan, SignatureError> {
        Ok(CallPlan { interface: Interface::new(sig, fixed, structs)? })
    }

    /// How many slots a call takes.
    pub fn slots(&self) -> usize {
        self.interface.slots.len()
    }

    /// Calls `target`. `errno` is then found in [`last_errno`].
    ///
    /// # Safety
    /// `target` is a C function of the planned signature. `args` leads to [`slots`](Self::slots) slots, each with
    /// what the signature asks for: a value, or the address of a struct; addresses of structs may be unaligned
    /// only as far as the function doesn't mind. A scalar result is written to `ret`, which may be null when there
    /// is none.
    pub unsafe fn call(&self, target: *const c_void, args: *const u64, ret: *mut u64) {
        // SAFETY: the caller's promises are those of `call_with`; `N` is at least the number of slots.
        unsafe {
            if self.interface.arg_count() <= FEW_ARGS {
                self.call_with::<FEW_ARGS>(target, args, ret);
            } else {
                self.call_with::<MAX_ARGS>(target, args, ret);
            }
        }
    }

    /// # Safety
    /// As [`call`](Self::call); `N` is at least the number of libffi's arguments.
    unsafe fn call_with<const N: usize>(&self, target: *const c_void, args: *const u64, ret: *mut u64) {
        let mut values =
            Values::<N> { list: MaybeUninit::uninit(), scratch: MaybeUninit::uninit(), count: 0 };
        for (i, slot) in self.interface.slots.iter().enumerate() {
            // SAFETY: there is a slot in `args` for each of the interface, with what the signature asks for.
            unsafe {
                let arg = args.add(i);
                match slot {
                    Slot::Scalar(_) => values.push(arg.cast()),
                    Slot::Promoted(ty) => values.push_copy(promote_value(*arg, *ty)),
                    Slot::Memory => values.push(*arg as *const c_void),
                    Slot::Parts(parts) => {
                        for part in parts {
                            values.push_part(*arg as *const u8, part);
                        }
                    }
                    Slot::Result if self.interface.ret == Ret::Hidden => values.push(arg.cast()),
                    Slot::Result => {}
                }
            }
        }
        let values = values.list.as_mut_ptr().cast::<*mut c_void>();
        // Room for two result registers, to which libffi may round a struct up.
        let mut result = [0u64; 4];
        // SAFETY: the interface was prepared for this signature, `values` has one entry for each of its arguments.
        unsafe {
            let target = *CodePtr::from_ptr(target).as_safe_fun();
            raw::ffi_call(self.interface.cif(), Some(target), result.as_mut_ptr().cast(), values);
        }
        ERRNO.set(std::io::Error::last_os_error().raw_os_error().unwrap_or(0));
        match self.interface.ret {
            Ret::Nothing | Ret::Hidden => {}
            // SAFETY: the caller gives a place for the result.
            Ret::Scalar(ty) => unsafe { *ret = widen(result[0], ty) },
            // SAFETY: the first slot holds the address of as many bytes as the struct has.
            Ret::Gathered(size) => unsafe {
                std::ptr::copy_nonoverlapping(result.as_ptr().cast::<u8>(), *args as *mut u8, size as usize);
            },
        }
    }
}

/// The addresses of the arguments, as libffi wants them. `N` is at least their number, and each push is one.
struct Values<const N: usize> {
    list: MaybeUninit<[*mut c_void; N]>,
    scratch: MaybeUninit<[u64; N]>,
    count: usize,
}

impl<const N: usize> Values<N> {
    /// # Safety
    /// At most `N` pushes.
    unsafe fn push(&mut self, value: *const c_void) {
        // SAFETY: `count` is below `N`.
        unsafe { *self.list.as_mut_ptr().cast::<*mut c_void>().add(self.count) = value.cast_mut() };
        self.count += 1;
    }
    /// # Safety
    /// At most `N` pushes.
    unsafe fn push_copy(&mut self, value: u64) {
        // SAFETY: `count` is below `N`.
        unsafe {
            let place = self.scratch.as_mut_ptr().cast::<u64>().add(self.count);
            *place = value;
            self.push(place.cast());
        }
    }
    /// # Safety
    /// At most `N` pushes; the part is inside the value at `base`.
    unsafe fn push_part(&mut self, base: *const u8, part: &Part) {
        // SAFETY: the part is inside the value.
        unsafe {
            let from = base.add(part.offset as usize);
            if part.size.is_power_of_two() {
                return self.push(from.cast());
            }
            // A ragged end: the word is put together, since what follows the struct may not be readable.
            let mut word = 0u64;
            from.copy_to_nonoverlapping((&raw mut word).cast(), part.size as usize);
            self.push_copy(word);
        }
    }
}

impl std::fmt::Debug for CallPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallPlan")
            .field("slots", &self.interface.slots)
            .field("ret", &self.interface.ret)
            .finish_non_exhaustive()
    }
}

/// A scalar, widened from its own low bits to the whole slot.
pub(crate) fn widen(bits: u64, ty: CType) -> u64 {
    match ty {
        CType::Int { size: 1, signed: true } => bits as i8 as u64,
        CType::Int { size: 2, signed: true } => bits as i16 as u64,
        CType::Int { size: 4, signed: true } => bits as i32 as u64,
        CType::Int { size: 1, signed: false } => bits as u8 as u64,
        CType::Int { size: 2, signed: false } => bits as u16 as u64,
        CType::Int { size: 4, signed: false } | CType::F32 => bits as u32 as u64,
        CType::Bool => (bits as u8 != 0) as u64,
        CType::Int { .. } | CType::F64 | CType::Ptr | CType::Void | CType::Struct(_) => bits,
    }
}

fn promote_value(bits: u64, ty: CType) -> u64 {
    match ty {
        CType::F32 => (f32::from_bits(bits as u32) as f64).to_bits(),
        other => widen(bits, other),
    }
}
