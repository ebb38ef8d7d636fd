//! Views: text, slices and pointers, as addresses of memory that someone else owns.

use super::{Arg, Borrowed, ConvertError, Encoder, FromSx, RawSlice, Shape, SxType, ToSx, TypeDesc, Value};
use std::ffi::CStr;
use sx_ir::Ty;
use sx_vm::fault;

/// A pointer and a length.
pub(super) const SLICE: Shape = Shape::structure(&[Shape::scalar(Ty::Ptr), Shape::scalar(Ty::I64)]);
const POINTER: Shape = Shape::scalar(Ty::Ptr);

/// Finds the memory of a slice, which can be read, and written if that is wanted, as far as the hardware says.
///
/// # Safety
/// A slice of the program lies at `at`.
#[inline(always)]
pub(super) unsafe fn parts<T>(at: *const u8, mutable: bool) -> Result<(*mut T, usize), ConvertError> {
    // SAFETY: the caller's promise.
    let raw = unsafe { at.cast::<RawSlice>().read_unaligned() };
    let len = usize::try_from(raw.len).map_err(|_| ConvertError::BadAddress)?;
    if len == 0 {
        return Ok((std::ptr::dangling_mut(), 0));
    }
    let pointer = raw.ptr as *mut T;
    if pointer.is_null() {
        return Err(ConvertError::Null);
    }
    let fits = len.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= isize::MAX as usize);
    if !fits || !pointer.is_aligned() || !is_there(raw.ptr, len * size_of::<T>(), mutable) {
        return Err(ConvertError::BadAddress);
    }
    Ok((pointer, len))
}

/// True if the program's memory is there, which its raw pointers don't guarantee. Without the engine's signal handler that isn't
/// known, and taken for granted.
#[inline(always)]
fn is_there(address: usize, bytes: usize, mutable: bool) -> bool {
    if mutable { fault::writable(address, bytes) } else { fault::readable(address, bytes) }
}

/// As [`parts`], with every element looked at.
///
/// # Safety
/// As for [`parts`]; the program says truthfully where its memory is.
#[inline(always)]
pub(super) unsafe fn elements<T: SxType>(
    at: *const u8,
    mutable: bool,
) -> Result<(*mut T, usize), ConvertError> {
    // SAFETY: the caller's promise.
    unsafe {
        let (pointer, len) = parts::<T>(at, mutable)?;
        if T::CHECKED && !(0..len).all(|i| T::valid(pointer.add(i).cast())) {
            return Err(ConvertError::BadValue);
        }
        Ok((pointer, len))
    }
}

/// Finds what a pointer leads to.
///
/// # Safety
/// As for [`elements`].
#[inline(always)]
unsafe fn target<T: SxType>(at: *const u8, mutable: bool) -> Result<*mut T, ConvertError> {
    // SAFETY: the caller's promise.
    unsafe {
        let pointer = at.cast::<usize>().read_unaligned() as *mut T;
        if pointer.is_null() {
            return Err(ConvertError::Null);
        }
        if !pointer.is_aligned() || !is_there(pointer as usize, size_of::<T>(), mutable) {
            return Err(ConvertError::BadAddress);
        }
        if T::CHECKED && !T::valid(pointer.cast()) {
            return Err(ConvertError::BadValue);
        }
        Ok(pointer)
    }
}

unsafe fn slice_range(at: *const u8, size: usize, mutable: bool, take: &mut dyn FnMut(Borrowed)) {
    // SAFETY: the caller's promise.
    let raw = unsafe { at.cast::<RawSlice>().read_unaligned() };
    take(Borrowed { address: raw.ptr, bytes: (raw.len.max(0) as usize).saturating_mul(size), mutable });
}

// SAFETY: `string` is a pointer and a length.
unsafe impl Value for &str {
    type Repr = RawSlice;
    const SHAPE: Shape = SLICE;
    fn desc() -> TypeDesc {
        TypeDesc::String
    }
}

impl ToSx for &str {
    #[inline(always)]
    fn encode(self, _: &mut Encoder<'_>) -> Result<RawSlice, ConvertError> {
        Ok(RawSlice { ptr: self.as_ptr() as usize, len: self.len() as i64 })
    }
}

impl Arg for &str {
    type Of<'a> = &'a str;
}

impl FromSx for &str {
    type Of<'a> = &'a str;
    const BORROWS: bool = true;
    #[inline(always)]
    unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
        // SAFETY: the caller's promise.
        let bytes = unsafe {
            let (pointer, len) = parts::<u8>(at, false)?;
            std::slice::from_raw_parts(pointer, len)
        };
        std::str::from_utf8(bytes).map_err(|_| ConvertError::NotUtf8)
    }
    unsafe fn ranges(at: *const u8, take: &mut dyn FnMut(Borrowed)) {
        // SAFETY: the caller's promise.
        unsafe { slice_range(at, 1, false, take) }
    }
}

// SAFETY: `cstring` is a pointer.
unsafe impl Value for &CStr {
    type Repr = usize;
    const SHAPE: Shape = POINTER;
    const SCALAR: bool = true;
    fn desc() -> TypeDesc {
        TypeDesc::CString
    }
}

impl ToSx for &CStr {
    fn encode(self, _: &mut Encoder<'_>) -> Result<usize, ConvertError> {
        Ok(self.as_ptr() as usize)
    }
}

impl Arg for &CStr {
    type Of<'a> = &'a CStr;
}

impl FromSx for &CStr {
    type Of<'a> = &'a CStr;
    const BORROWS: bool = true;
    unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
        // SAFETY: the caller's promise; a `cstring` that isn't null ends with a zero byte.
        unsafe {
            let pointer = at.cast::<usize>().read_unaligned() as *const std::ffi::c_char;
            if pointer.is_null() {
                return Err(ConvertError::Null);
            }
            let len = text_len(pointer.cast()).ok_or(ConvertError::BadAddress)?;
            let bytes = std::slice::from_raw_parts(pointer.cast(), len + 1);
            CStr::from_bytes_with_nul(bytes).map_err(|_| ConvertError::BadAddress)
        }
    }
    unsafe fn ranges(at: *const u8, take: &mut dyn FnMut(Borrowed)) {
        // SAFETY: the caller's promise.
        if let Ok(text) = unsafe { Self::decode(at) } {
            take(Borrowed { address: text.as_ptr() as usize, bytes: text.count_bytes() + 1, mutable: false });
        }
    }
}

/// Bytes before the zero that ends a text; none if what can be read ends before.
///
/// # Safety
/// The program says truthfully where its text is, if the hardware doesn't contradict.
unsafe fn text_len(text: *const u8) -> Option<usize> {
    const PAGE: usize = 4096;
    let mut len = 0;
    loop {
        let place = text.wrapping_add(len);
        if !fault::readable(place as usize, 1) {
            return None;
        }
        let rest = PAGE - place as usize % PAGE;
        // SAFETY: the page can be read, and ends there.
        let found = unsafe { std::slice::from_raw_parts(place, rest) }.iter().position(|&byte| byte == 0);
        match found {
            Some(at) => return Some(len + at),
            None => len += rest,
        }
    }
}

macro_rules! views {
    ($($slice:ty, $pointer:ty, $mutable:literal, ($($m:tt)?), $make:ident;)*) => {$(
        // SAFETY: a slice is a pointer and a length.
        unsafe impl<T: SxType> Value for $slice {
            type Repr = RawSlice;
            const SHAPE: Shape = SLICE;
            fn desc() -> TypeDesc {
                TypeDesc::Slice(Box::new(T::desc()))
            }
        }
        impl<T: SxType> ToSx for $slice {
            #[inline(always)]
            fn encode(self, _: &mut Encoder<'_>) -> Result<RawSlice, ConvertError> {
                Ok(RawSlice { ptr: self.as_ptr() as usize, len: self.len() as i64 })
            }
        }
        impl<T: SxType> Arg for $slice {
            type Of<'a> = &'a $($m)? [T];
        }
        impl<T: SxType> FromSx for $slice {
            type Of<'a> = &'a $($m)? [T];
            const MUTABLE: bool = $mutable;
            const BORROWS: bool = true;
            #[inline(always)]
            unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
                // SAFETY: the caller's promise.
                unsafe {
                    let (pointer, len) = elements::<T>(at, $mutable)?;
                    Ok(std::slice::$make(pointer, len))
                }
            }
            unsafe fn ranges(at: *const u8, take: &mut dyn FnMut(Borrowed)) {
                // SAFETY: the caller's promise.
                unsafe { slice_range(at, size_of::<T>(), $mutable, take) }
            }
        }
        // SAFETY: a pointer is an address.
        unsafe impl<T: SxType> Value for $pointer {
            type Repr = usize;
            const SHAPE: Shape = POINTER;
    const SCALAR: bool = true;
            fn desc() -> TypeDesc {
                TypeDesc::Ptr(Box::new(T::desc()))
            }
        }
        impl<T: SxType> ToSx for $pointer {
            #[inline(always)]
            fn encode(self, _: &mut Encoder<'_>) -> Result<usize, ConvertError> {
                Ok(std::ptr::from_ref::<T>(self) as usize)
            }
        }
        impl<T: SxType> Arg for $pointer {
            type Of<'a> = &'a $($m)? T;
        }
        impl<T: SxType> FromSx for $pointer {
            type Of<'a> = &'a $($m)? T;
            const MUTABLE: bool = $mutable;
            const BORROWS: bool = true;
            #[inline(always)]
            unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
                // SAFETY: the caller's promise.
                unsafe { Ok(&$($m)? *target::<T>(at, $mutable)?) }
            }
            unsafe fn ranges(at: *const u8, take: &mut dyn FnMut(Borrowed)) {
                // SAFETY: the caller's promise.
                let address = unsafe { at.cast::<usize>().read_unaligned() };
                take(Borrowed { address, bytes: size_of::<T>(), mutable: $mutable });
            }
        }
    )*};
}

views! {
    &[T], &T, false, (), from_raw_parts;
    &mut [T], &mut T, true, (mut), from_raw_parts_mut;
}

super::flagged_optional!([] & str);
super::flagged_optional!([T: SxType] &[T]);
super::flagged_optional!([T: SxType] &mut [T]);
super::compound::niche_optional!([] & CStr);
super::compound::niche_optional!([T: SxType] &T);
super::compound::niche_optional!([T: SxType] &mut T);
