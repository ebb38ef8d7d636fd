//! Optionals and tuples.

use super::{Arg, Borrowed, ConvertError, Encoder, FromSx, Shape, ToSx, TypeDesc, Value};
use std::mem::{MaybeUninit, offset_of};

/// What `?T` is for a host's type.
///
/// # Safety
/// As for [`Value`], of `OptRepr` and `OPT_SHAPE`; `pack` and `is_some` agree with the language.
pub unsafe trait InOption: Value {
    /// The optional as it lies in memory; it begins with the value.
    type OptRepr: Copy + 'static;
    /// How it lies there.
    const OPT_SHAPE: Shape;
    /// C passes it in one register by itself.
    const OPT_SCALAR: bool;
    /// Makes an optional.
    fn pack(value: Option<Self::Repr>) -> Self::OptRepr;
    /// Whether the optional at `at` has a value.
    ///
    /// # Safety
    /// An optional of the program lies there.
    unsafe fn is_some(at: *const u8) -> bool;
}

/// An optional without a niche, as it lies in memory.
#[derive(Debug)]
#[repr(C)]
pub struct Maybe<R> {
    value: MaybeUninit<R>,
    some: bool,
}

impl<R: Copy> Clone for Maybe<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Copy> Copy for Maybe<R> {}

impl<R: Copy> Maybe<R> {
    #[doc(hidden)]
    #[inline(always)]
    pub fn pack(value: Option<R>) -> Maybe<R> {
        let some = value.is_some();
        Maybe { value: value.map_or(MaybeUninit::zeroed(), MaybeUninit::new), some }
    }
    /// # Safety
    /// An optional of the program lies there.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn is_some(at: *const u8) -> bool {
        // SAFETY: the caller's promise; the flag may have any bits.
        unsafe { at.add(offset_of!(Maybe<R>, some)).read() != 0 }
    }
}

/// Says that the optional of a type is the value and a flag.
#[doc(hidden)]
#[macro_export]
macro_rules! __flagged_optional {
    ([$($params:tt)*] $ty:ty) => {
        // SAFETY: a value and a flag, on both sides.
        unsafe impl<$($params)*> $crate::value::InOption for $ty {
            type OptRepr = $crate::value::Maybe<<Self as $crate::value::Value>::Repr>;
            const OPT_SHAPE: $crate::value::Shape = $crate::value::Shape::structure(&[
                <Self as $crate::value::Value>::SHAPE,
                <bool as $crate::value::Value>::SHAPE,
            ]);
            const OPT_SCALAR: bool = false;
            #[inline(always)]
            fn pack(value: Option<<Self as $crate::value::Value>::Repr>) -> Self::OptRepr {
                $crate::value::Maybe::pack(value)
            }
            #[inline(always)]
            unsafe fn is_some(at: *const u8) -> bool {
                // SAFETY: the caller's promise.
                unsafe { Self::OptRepr::is_some(at) }
            }
        }
    };
}
pub use crate::__flagged_optional as flagged_optional;

/// Says that the optional of a pointer is a pointer that may be null.
macro_rules! niche_optional {
    ([$($params:tt)*] $ty:ty) => {
        // SAFETY: an address on both sides, null being none.
        unsafe impl<$($params)*> $crate::value::InOption for $ty {
            type OptRepr = usize;
            const OPT_SHAPE: $crate::value::Shape = <Self as $crate::value::Value>::SHAPE;
            const OPT_SCALAR: bool = true;
            fn pack(value: Option<usize>) -> usize {
                value.unwrap_or(0)
            }
            unsafe fn is_some(at: *const u8) -> bool {
                // SAFETY: the caller's promise.
                unsafe { at.cast::<usize>().read_unaligned() != 0 }
            }
        }
    };
}
pub(super) use niche_optional;

// SAFETY: by the promise of `InOption`.
unsafe impl<V: InOption> Value for Option<V> {
    type Repr = V::OptRepr;
    const SHAPE: Shape = V::OPT_SHAPE;
    const SCALAR: bool = V::OPT_SCALAR;
    fn desc() -> TypeDesc {
        TypeDesc::Optional(Box::new(V::desc()))
    }
}

impl<V: InOption + ToSx> ToSx for Option<V> {
    #[inline(always)]
    fn encode(self, to: &mut Encoder<'_>) -> Result<V::OptRepr, ConvertError> {
        Ok(V::pack(self.map(|value| value.encode(to)).transpose()?))
    }
}

impl<V> Arg for Option<V>
where
    V: InOption + Arg,
    for<'a> V::Of<'a>: InOption<OptRepr = V::OptRepr>,
{
    type Of<'a> = Option<V::Of<'a>>;
}

impl<V: InOption + FromSx> FromSx for Option<V> {
    type Of<'a> = Option<V::Of<'a>>;
    const MUTABLE: bool = V::MUTABLE;
    const BORROWS: bool = V::BORROWS;
    #[inline(always)]
    unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
        // SAFETY: the caller's promise; the value comes first.
        unsafe { if V::is_some(at) { V::decode(at).map(Some) } else { Ok(None) } }
    }
    unsafe fn ranges(at: *const u8, take: &mut dyn FnMut(Borrowed)) {
        // SAFETY: as above.
        unsafe {
            if V::is_some(at) {
                V::ranges(at, take);
            }
        }
    }
}

macro_rules! tuples {
    ($($repr:ident ($($name:ident $index:tt),+);)*) => {$(
        /// A tuple as it lies in memory.
        #[derive(Clone, Copy)]
        #[repr(C)]
        pub struct $repr<$($name),+>($($name),+);

        // SAFETY: members in order by C rules, on both sides.
        unsafe impl<$($name: Value),+> Value for ($($name,)+) {
            type Repr = $repr<$($name::Repr),+>;
            const SHAPE: Shape = Shape::structure(&[$($name::SHAPE),+]);
            fn desc() -> TypeDesc {
                TypeDesc::Tuple(vec![$($name::desc()),+])
            }
        }
        impl<$($name: ToSx),+> ToSx for ($($name,)+) {
            #[inline(always)]
            fn encode(self, to: &mut Encoder<'_>) -> Result<Self::Repr, ConvertError> {
                Ok($repr($(self.$index.encode(to)?),+))
            }
        }
        impl<$($name: Arg),+> Arg for ($($name,)+) {
            type Of<'a> = ($($name::Of<'a>,)+);
        }
        impl<$($name: FromSx),+> FromSx for ($($name,)+) {
            type Of<'a> = ($($name::Of<'a>,)+);
            const MUTABLE: bool = $($name::MUTABLE)||+;
            const BORROWS: bool = $($name::BORROWS)||+;
            #[inline(always)]
            unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError> {
                // SAFETY: the caller's promise, member by member.
                unsafe { Ok(($($name::decode(at.add(std::mem::offset_of!(<Self as Value>::Repr, $index)))?,)+)) }
            }
            unsafe fn ranges(at: *const u8, take: &mut dyn FnMut(Borrowed)) {
                // SAFETY: the caller's promise, member by member.
                unsafe { $($name::ranges(at.add(std::mem::offset_of!(<Self as Value>::Repr, $index)), take);)+ }
            }
        }
    )*};
}

tuples! {
    Tuple1(A 0);
    Tuple2(A 0, B 1);
    Tuple3(A 0, B 1, C 2);
    Tuple4(A 0, B 1, C 2, D 3);
    Tuple5(A 0, B 1, C 2, D 3, E 4);
    Tuple6(A 0, B 1, C 2, D 3, E 4, F 5);
}
