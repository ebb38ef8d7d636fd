//! From values to slots and back: argument lists, results, parameters of host functions.

use super::shape::{load, store};
use super::{Arg, Borrowed, ConvertError, Encoder, FromSx, ToSx, TypeDesc, Value, check_ranges};
use crate::error::SxError;
use std::mem::MaybeUninit;

/// The most slots of an argument list: context, place of the result, twelve parameters of four scalars.
pub(crate) const MAX_SLOTS: usize = 2 + 12 * sx_ir::layout::MAX_LEAVES;

/// The slots of one call.
pub(crate) struct Slots {
    slots: [MaybeUninit<u64>; MAX_SLOTS],
    count: usize,
}

impl Slots {
    #[inline(always)]
    pub fn new() -> Slots {
        Slots { slots: [MaybeUninit::uninit(); MAX_SLOTS], count: 0 }
    }
    #[inline(always)]
    pub fn push(&mut self, bits: u64) {
        self.slots[self.count].write(bits);
        self.count += 1;
    }
    /// Adds a value's scalars, or its address.
    #[inline(always)]
    pub fn push_value<V: Value>(&mut self, repr: &V::Repr) {
        let at = std::ptr::from_ref(repr).cast::<u8>();
        if const { V::SHAPE.in_memory() } {
            return self.push(at as u64);
        }
        for i in 0..V::SHAPE.count as usize {
            // SAFETY: the shape describes the representation.
            self.push(unsafe { load(at, V::SHAPE.leaves[i]) });
        }
    }
    #[inline(always)]
    pub fn as_slice(&self) -> &[u64] {
        // SAFETY: as many were written.
        unsafe { std::slice::from_raw_parts(self.slots.as_ptr().cast(), self.count) }
    }
}

/// The list of a function's parameters: a tuple of up to twelve [`Arg`]s.
pub trait Args {
    /// The arguments of one call.
    type Of<'a>;
    #[doc(hidden)]
    type Reprs;
    /// What the parameters are called.
    fn descs() -> Vec<TypeDesc>;
    #[doc(hidden)]
    fn encode(args: Self::Of<'_>, to: &mut Encoder<'_>) -> Result<Self::Reprs, ConvertError>;
    #[doc(hidden)]
    fn push(reprs: &Self::Reprs, slots: &mut SlotSink<'_>);
}

/// Where arguments go; not for use outside.
#[doc(hidden)]
pub struct SlotSink<'a>(pub(crate) &'a mut Slots);

impl SlotSink<'_> {
    #[inline(always)]
    fn value<V: Value>(&mut self, repr: &V::Repr) {
        self.0.push_value::<V>(repr);
    }
}

macro_rules! args {
    ($(($($name:ident $index:tt),*);)*) => {$(
        impl<$($name: Arg),*> Args for ($($name,)*) {
            type Of<'a> = ($($name::Of<'a>,)*);
            type Reprs = ($($name::Repr,)*);
            fn descs() -> Vec<TypeDesc> {
                vec![$($name::desc()),*]
            }
            #[inline(always)]
            #[allow(clippy::unused_unit, reason = "the empty list is one of the lists")]
            fn encode(args: Self::Of<'_>, to: &mut Encoder<'_>) -> Result<Self::Reprs, ConvertError> {
                let _ = (&args, &to);
                Ok(($(args.$index.encode(to)?,)*))
            }
            #[inline(always)]
            fn push(reprs: &Self::Reprs, slots: &mut SlotSink<'_>) {
                let _ = (reprs, &slots);
                $(slots.value::<$name>(&reprs.$index);)*
            }
        }
    )*};
}

args! {
    ();
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
}

/// What a function gives: a [`FromSx`] value, or `Result<T, SxError>` of a failable function.
pub trait Returns {
    /// The value inside.
    type Value: FromSx;
    /// The result of one call.
    type Of<'a>;
    /// The function can fail.
    const FAILABLE: bool;
    #[doc(hidden)]
    fn wrap<'a>(value: Result<<Self::Value as FromSx>::Of<'a>, SxError>) -> Self::Of<'a>;
}

impl<T: FromSx> Returns for T {
    type Value = T;
    type Of<'a> = T::Of<'a>;
    const FAILABLE: bool = false;
    #[inline(always)]
    fn wrap<'a>(value: Result<T::Of<'a>, SxError>) -> T::Of<'a> {
        match value {
            Ok(value) => value,
            Err(error) => unreachable!("a function that can't fail raised {error}"),
        }
    }
}

impl<T: FromSx> Returns for Result<T, SxError> {
    type Value = T;
    type Of<'a> = Result<T::Of<'a>, SxError>;
    const FAILABLE: bool = true;
    #[inline(always)]
    fn wrap<'a>(value: Result<T::Of<'a>, SxError>) -> Self::Of<'a> {
        value
    }
}

/// Room for a value while it crosses.
pub(crate) type Room<V> = MaybeUninit<<V as Value>::Repr>;

/// Puts a value together from slots.
///
/// # Safety
/// There are as many slots as the shape has scalars.
#[inline(always)]
pub(crate) unsafe fn gather<V: Value>(slots: &[u64], room: &mut Room<V>) {
    let at = room.as_mut_ptr().cast::<u8>();
    for (&leaf, &slot) in V::SHAPE.leaves[..V::SHAPE.slots()].iter().zip(slots) {
        // SAFETY: the shape describes the representation.
        unsafe { store(at, leaf, slot) };
    }
}

/// Takes a value, after a look at what it borrows.
///
/// # Safety
/// As for [`FromSx::decode`].
#[inline(always)]
pub(crate) unsafe fn take<'a, V: FromSx>(at: *const u8) -> Result<V::Of<'a>, ConvertError> {
    // SAFETY: the caller's promise.
    unsafe {
        if const { V::MUTABLE } {
            let mut ranges = Vec::new();
            V::ranges(at, &mut |range: Borrowed| ranges.push(range));
            check_ranges(&ranges)?;
        }
        V::decode(at)
    }
}
