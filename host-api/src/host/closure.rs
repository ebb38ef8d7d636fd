//! From Rust closures to functions that programs call.

use super::Caller;
use crate::driver::floor;
use crate::error::Error;
use crate::value::slots::Room;
use crate::value::{
    Borrowed, ConvertError, Encoder, FromSx, Shape, SxType, ToSx, TypeDesc, Value, check_ranges, listed,
    shape,
};
use std::mem::MaybeUninit;
use std::sync::Arc;
use sx_ir::{CSignature, CStruct, TrapKind};
use sx_vm::Trap;

/// A closure with its types, ready to be called.
pub struct HostFn {
    pub(super) params: Vec<(TypeDesc, Shape)>,
    pub(super) ret: (TypeDesc, Shape),
    pub(super) run: Arc<dyn sx_vm::HostFn>,
}

impl HostFn {
    pub(super) fn c_signature(&self, shapes: &mut Vec<CStruct>) -> CSignature {
        let params = self.params.iter().map(|(desc, shape)| desc.c_type(shape, shapes)).collect();
        CSignature { params, ret: self.ret.0.c_type(&self.ret.1, shapes), variadic: false }
    }
    /// As it is written in the language.
    pub(super) fn signature(&self) -> String {
        let params = self.params.iter().enumerate().map(|(i, (desc, _))| format!("p{i}: {desc}"));
        format!("({}) -> {}", params.collect::<Vec<_>>().join(", "), self.ret.0)
    }
}

impl std::fmt::Debug for HostFn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let params: Vec<TypeDesc> = self.params.iter().map(|(desc, _)| desc.clone()).collect();
        write!(f, "HostFn(({}) -> {})", listed(&params), self.ret.0)
    }
}

/// Closures that can be host functions: up to eight parameters that programs can give, a result that they can take.
///
/// The parameter `M` only tells kinds of closures apart; it is inferred.
pub trait IntoHostFn<M> {
    /// The function.
    fn into_host_fn(self) -> HostFn;
}

/// What a host function gives: a value, or a `Result` whose error ends the program's call.
pub trait HostResult {
    /// The value inside.
    type Value: ToSx;
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, Trap>;
}

impl<T: ToSx> HostResult for T {
    type Value = T;
    fn into_result(self) -> Result<T, Trap> {
        Ok(self)
    }
}

impl<T: ToSx, E: Into<Box<dyn std::error::Error + Send + Sync>>> HostResult for Result<T, E> {
    type Value = T;
    fn into_result(self) -> Result<T, Trap> {
        self.map_err(|error| match error.into().downcast::<Error>() {
            // A trap below ends the calls above it as the trap that it was.
            Ok(error) => error.into_trap(),
            Err(other) => Trap::host(other.to_string()),
        })
    }
}

/// Parameters that borrow nothing: what a function that can call back into the program may have.
pub trait Owned: FromSx {}

impl<T: SxType> Owned for T {}
impl<T: SxType> Owned for Option<T> {}
impl<T: SxType> Owned for Vec<T> {}
impl Owned for String {}

/// Finds where a parameter's value lies.
///
/// # Safety
/// The slots hold the arguments of a function whose parameter `index` is a `P`.
#[inline(always)]
unsafe fn place<P: Value>(slot: u64, room: &mut Room<P>) -> *const u8 {
    if const { P::SCALAR } {
        // SAFETY: a scalar fits its representation.
        unsafe { shape::store(room.as_mut_ptr().cast(), P::SHAPE.leaves[0], slot) };
        room.as_ptr().cast()
    } else {
        slot as usize as *const u8
    }
}

/// Hands a result to the program.
fn give<T: ToSx>(value: T, caller: &mut sx_vm::Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let mut allocate = |bytes: usize, align: usize| {
        let block = floor::allocate(caller, bytes as i64, align as i64).ok().flatten();
        block.map(|address| address as *mut u8)
    };
    let repr = value.encode(&mut Encoder { allocate: &mut allocate }).map_err(refused)?;
    if const { T::SCALAR } {
        // SAFETY: a scalar lies in its representation.
        slots[0] = unsafe { shape::load((&raw const repr).cast(), T::SHAPE.leaves[0]) };
    } else if size_of::<T::Repr>() > 0 {
        // SAFETY: the result's place comes first; the signature was compared, so that it has room for one.
        unsafe { (slots[0] as usize as *mut T::Repr).write_unaligned(repr) };
    }
    Ok(())
}

/// How a value that can't cross ends the call.
fn refused(error: ConvertError) -> Trap {
    match error {
        ConvertError::Null => Trap::of_kind(TrapKind::NullDereference, [0; 3]),
        ConvertError::OutOfMemory => Trap::of_kind(TrapKind::OutOfMemory, [0; 3]),
        error => Trap::host(format!("the host function was given {error}")),
    }
}

/// How many slots come before the arguments.
const fn offset<T: Value>() -> usize {
    (!T::SCALAR && size_of::<T::Repr>() > 0) as usize
}

macro_rules! closures {
    ($(($($name:ident $room:ident $index:literal),*);)*) => {$(
        impl<Fun, Ret, $($name),*> IntoHostFn<fn($($name),*) -> Ret> for Fun
        where
            $($name: FromSx + 'static,)*
            Ret: HostResult,
            Fun: Fn($($name),*) -> Ret + Send + Sync + 'static,
            Fun: for<'a> Fn($($name::Of<'a>),*) -> Ret,
        {
            fn into_host_fn(self) -> HostFn {
                let run = move |caller: &mut sx_vm::Caller<'_>, slots: &mut [u64]| -> Result<(), Trap> {
                    let first = offset::<Ret::Value>();
                    $(let mut $room = MaybeUninit::uninit();)*
                    // SAFETY: the program's declaration was compared with these types. What the arguments lead to is
                    // the program's, whose calling thread waits until the closure returns; its other threads, if the
                    // host allowed any, keep away from memory that was handed to a call.
                    #[allow(unused_unsafe, unused_mut, reason = "there may be no parameters")]
                    let result = unsafe {
                        $(let $room = place::<$name>(slots[first + $index], &mut $room);)*
                        if const { false $(|| $name::MUTABLE)* } {
                            let mut ranges = Vec::new();
                            $($name::ranges($room, &mut |range: Borrowed| ranges.push(range));)*
                            check_ranges(&ranges).map_err(refused)?;
                        }
                        self($(<$name as FromSx>::decode($room).map_err(refused)?),*)
                    };
                    let _ = first;
                    give(result.into_result()?, caller, slots)
                };
                HostFn {
                    params: vec![$(($name::desc(), $name::SHAPE)),*],
                    ret: (<Ret::Value as Value>::desc(), <Ret::Value as Value>::SHAPE),
                    run: Arc::new(run),
                }
            }
        }

        impl<Fun, Ret, $($name),*> IntoHostFn<fn(&mut Caller<'_>, $($name),*) -> Ret> for Fun
        where
            $($name: Owned + 'static,)*
            Ret: HostResult,
            Fun: Fn(&mut Caller<'_>, $($name),*) -> Ret + Send + Sync + 'static,
            Fun: for<'a> Fn(&mut Caller<'_>, $($name::Of<'a>),*) -> Ret,
        {
            fn into_host_fn(self) -> HostFn {
                let run = move |caller: &mut sx_vm::Caller<'_>, slots: &mut [u64]| -> Result<(), Trap> {
                    let first = offset::<Ret::Value>();
                    $(let mut $room = MaybeUninit::uninit();)*
                    // SAFETY: as above; the values borrow nothing, so that they stay what they are while the closure
                    // calls the program.
                    $(let $room = unsafe {
                        let at = place::<$name>(slots[first + $index], &mut $room);
                        <$name as FromSx>::decode(at).map_err(refused)?
                    };)*
                    let _ = first;
                    let result = self(&mut Caller::new(caller), $($room),*);
                    give(result.into_result()?, caller, slots)
                };
                HostFn {
                    params: vec![$(($name::desc(), $name::SHAPE)),*],
                    ret: (<Ret::Value as Value>::desc(), <Ret::Value as Value>::SHAPE),
                    run: Arc::new(run),
                }
            }
        }
    )*};
}

closures! {
    ();
    (A a 0);
    (A a 0, B b 1);
    (A a 0, B b 1, C c 2);
    (A a 0, B b 1, C c 2, D d 3);
    (A a 0, B b 1, C c 2, D d 3, E e 4);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6);
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7);
}
