//! Copies: text and lists that belong to whoever has them.

use super::borrowed::{SLICE, elements};
use super::{Arg, ConvertError, Encoder, FromSx, RawSlice, Shape, SxType, ToSx, TypeDesc, Value};

// SAFETY: `string` is a pointer and a length.
unsafe impl Value for String {
    type Repr = RawSlice;
    const SHAPE: Shape = SLICE;
    fn desc() -> TypeDesc {
        TypeDesc::String
    }
}

impl ToSx for String {
    fn encode(self, to: &mut Encoder<'_>) -> Result<RawSlice, ConvertError> {
        to.copy(self.as_bytes())
    }
}

impl Arg for String {
    type Of<'a> = String;
}

impl FromSx for String {
    type Of<'a> = String;
    unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
        // SAFETY: the caller's promise.
        unsafe { <&str>::decode(at).map(str::to_owned) }
    }
}

// SAFETY: a slice is a pointer and a length.
unsafe impl<T: SxType> Value for Vec<T> {
    type Repr = RawSlice;
    const SHAPE: Shape = SLICE;
    fn desc() -> TypeDesc {
        TypeDesc::Slice(Box::new(T::desc()))
    }
}

impl<T: SxType> ToSx for Vec<T> {
    fn encode(self, to: &mut Encoder<'_>) -> Result<RawSlice, ConvertError> {
        to.copy(&self)
    }
}

impl<T: SxType> Arg for Vec<T> {
    type Of<'a> = Vec<T>;
}

impl<T: SxType> FromSx for Vec<T> {
    type Of<'a> = Vec<T>;
    unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
        // SAFETY: the caller's promise.
        unsafe {
            let (pointer, len) = elements::<T>(at, false)?;
            Ok(std::slice::from_raw_parts(pointer, len).to_vec())
        }
    }
}

super::flagged_optional!([] String);
super::flagged_optional!([T: SxType] Vec<T>);
