//! Numbers, `bool`, `()`, and arrays of plain data.

use super::{Arg, ConvertError, Encoder, FromSx, Shape, SxType, ToSx, TypeDesc, Value};
use sx_ir::Ty;

/// Gives a type that is its own representation the traits by which values cross.
macro_rules! by_itself {
    ([$($params:tt)*] $ty:ty) => {
        impl<$($params)*> ToSx for $ty {
            #[inline(always)]
            fn encode(self, _: &mut Encoder<'_>) -> Result<Self, ConvertError> {
                Ok(self)
            }
        }
        impl<$($params)*> Arg for $ty {
            type Of<'a> = Self;
        }
        super::flagged_optional!([$($params)*] $ty);
        impl<$($params)*> FromSx for $ty {
            type Of<'a> = Self;
            #[inline(always)]
            unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
                // SAFETY: the caller's promise.
                unsafe { super::plain(at) }
            }
        }
    };
}

macro_rules! numbers {
    ($($ty:ident $reg:ident $desc:expr;)*) => {$(
        // SAFETY: the type is the language's type of the same name.
        unsafe impl Value for $ty {
            type Repr = $ty;
            const SHAPE: Shape = Shape::scalar(Ty::$reg);
            const SCALAR: bool = true;
            fn desc() -> TypeDesc {
                $desc
            }
        }
        // SAFETY: all bits are values.
        unsafe impl SxType for $ty {}
        by_itself!([] $ty);
    )*};
}

numbers! {
    i8 I8 TypeDesc::Int { bits: 8, signed: true };
    u8 I8 TypeDesc::Int { bits: 8, signed: false };
    i16 I16 TypeDesc::Int { bits: 16, signed: true };
    u16 I16 TypeDesc::Int { bits: 16, signed: false };
    i32 I32 TypeDesc::Int { bits: 32, signed: true };
    u32 I32 TypeDesc::Int { bits: 32, signed: false };
    i64 I64 TypeDesc::Int { bits: 64, signed: true };
    u64 I64 TypeDesc::Int { bits: 64, signed: false };
    f32 F32 TypeDesc::F32;
    f64 F64 TypeDesc::F64;
}

#[cfg(target_pointer_width = "64")]
numbers! {
    isize I64 TypeDesc::Size { signed: true };
    usize I64 TypeDesc::Size { signed: false };
}

#[cfg(target_pointer_width = "32")]
numbers! {
    isize I32 TypeDesc::Size { signed: true };
    usize I32 TypeDesc::Size { signed: false };
}

// SAFETY: one byte on both sides.
unsafe impl Value for bool {
    type Repr = bool;
    const SHAPE: Shape = Shape::scalar(Ty::I8);
    const SCALAR: bool = true;
    fn desc() -> TypeDesc {
        TypeDesc::Bool
    }
}

// SAFETY: 0 and 1 are the values.
unsafe impl SxType for bool {
    const CHECKED: bool = true;
    unsafe fn valid(at: *const u8) -> bool {
        // SAFETY: the caller's promise.
        unsafe { at.read() <= 1 }
    }
}

by_itself!([] bool);

// SAFETY: nothing lies in memory.
unsafe impl Value for () {
    type Repr = ();
    const SHAPE: Shape = Shape::VOID;
    fn desc() -> TypeDesc {
        TypeDesc::Void
    }
}

// SAFETY: there are no bits.
unsafe impl SxType for () {}

by_itself!([]());

// SAFETY: elements in a row on both sides.
unsafe impl<T: SxType, const N: usize> Value for [T; N] {
    type Repr = [T; N];
    const SHAPE: Shape = T::SHAPE.array(N);
    fn desc() -> TypeDesc {
        TypeDesc::Array(Box::new(T::desc()), N as u64)
    }
}

// SAFETY: a valid array is one of valid elements.
unsafe impl<T: SxType, const N: usize> SxType for [T; N] {
    const CHECKED: bool = T::CHECKED;
    unsafe fn valid(at: *const u8) -> bool {
        // SAFETY: the caller's promise, element by element.
        (0..N).all(|i| unsafe { T::valid(at.add(i * size_of::<T>())) })
    }
}

by_itself!([T: SxType, const N: usize] [T; N]);
