//! Functions of a program, as the host calls them.

use crate::error::{Error, ErrorKind, Result, SxError};
use crate::host::CallSite;
use crate::program::Program;
use crate::value::slots::{Args, Returns, Room, SlotSink, Slots, gather, take};
use crate::value::{Encoder, FromSx, Value};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use sx_vm::PreparedCall;

/// A function of a program whose signature was compared with the host's types once; calling it is cheap.
///
/// Belongs to a program, not to an instance: it can be called in every instance of that program.
pub struct TypedFunc<A, R> {
    prepared: PreparedCall,
    program: u64,
    types: PhantomData<fn(A) -> R>,
}

impl<A, R> Clone for TypedFunc<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for TypedFunc<A, R> {}

impl<A, R> std::fmt::Debug for TypedFunc<A, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypedFunc").field("func", &self.prepared.func()).finish()
    }
}

/// The most slots that results take: the value's scalars and the error.
const MAX_RETS: usize = sx_ir::layout::MAX_LEAVES + 1;

impl<A: Args, R: Returns> TypedFunc<A, R> {
    pub(crate) fn new(prepared: PreparedCall, program: &Program) -> TypedFunc<A, R> {
        TypedFunc { prepared, program: program.id(), types: PhantomData }
    }
    /// Calls the function in an instance, or within a host function through its [`Caller`](crate::Caller).
    ///
    /// # Errors
    /// What ended the call: a trap, a host function's error, the program's wish to exit. Or what is wrong with the call:
    /// a function of another program, a result that the host's type can't hold. An error of the *language* is part of
    /// the result, if `R` is a `Result<_, SxError>`.
    ///
    /// # Panics
    /// When a host function panicked that the program called: that panic goes on here.
    #[inline]
    pub fn call<'s>(&self, site: &'s mut impl CallSite, args: A::Of<'_>) -> Result<R::Of<'s>> {
        let (program, context) = site.place()?;
        if program != self.program {
            return Err(other_program());
        }
        let reprs = {
            let mut allocate = |bytes: usize, align: usize| site.allocate(bytes, align);
            A::encode(args, &mut Encoder { allocate: &mut allocate })
        };
        let reprs = reprs.map_err(|error| Error::new(ErrorKind::Convert, format!("an argument: {error}")))?;
        let mut room: Room<R::Value> = MaybeUninit::uninit();
        let mut slots = Slots::new();
        slots.push(context);
        let in_memory = const { <R::Value as Value>::SHAPE.in_memory() };
        if in_memory {
            slots.push(room.as_mut_ptr() as u64);
        }
        A::push(&reprs, &mut SlotSink(&mut slots));
        let scalars = if in_memory { 0 } else { <R::Value as Value>::SHAPE.slots() };
        let mut rets = [0; MAX_RETS];
        site.invoke(self.prepared, slots.as_slice(), &mut rets[..scalars + R::FAILABLE as usize])?;
        if R::FAILABLE && rets[scalars] as u32 != 0 {
            let tag = rets[scalars] as u32;
            let name = site.program()?.error_name(tag);
            return Ok(R::wrap(Err(SxError { tag, name })));
        }
        // SAFETY: the signature was compared when the function was looked up. What a value borrows is the instance's,
        // which the site is borrowed for.
        let value: Result<<R::Value as FromSx>::Of<'s>, _> = unsafe {
            if !in_memory {
                gather::<R::Value>(&rets, &mut room);
            }
            take::<R::Value>(room.as_ptr().cast())
        };
        match value {
            Ok(value) => Ok(R::wrap(Ok(value))),
            Err(error) => Err(Error::new(ErrorKind::Convert, format!("the result: {error}"))),
        }
    }
}

#[cold]
fn other_program() -> Error {
    Error::new(ErrorKind::Usage, "this function belongs to another program")
}
