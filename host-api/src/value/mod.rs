//! Values on their way between Rust and sx.
//!
//! | Rust | sx |
//! |---|---|
//! | `i8` … `u64`, `isize`, `usize`, `f32`, `f64`, `bool`, `()` | the same, `()` is `void` |
//! | `&str`, `String` | `string` |
//! | `&CStr` | `cstring` |
//! | `&[T]`, `&mut [T]`, `Vec<T>` of plain data | `[]T` |
//! | `&T`, `&mut T` of plain data | `*T` |
//! | a struct or enum with `#[derive(SxType)]`, `[T; N]` | the struct or enum, `[N]T` |
//! | `Option<T>` | `?T` |
//! | `(A, B)` | `Tuple(A, B)` |
//! | `Result<T, SxError>`, as a result | `T !` |
//!
//! Borrowed values are views of memory, never copies: what a program is given is borrowed for the call; what it gives is
//! borrowed from the instance. `String` and `Vec` are copies; given to a program they become memory of its own.

mod borrowed;
mod compound;
mod desc;
mod owned;
mod scalar;
pub(crate) mod shape;
pub(crate) mod slots;

#[doc(hidden)]
pub use compound::flagged_optional;
pub use compound::{InOption, Maybe};
pub(crate) use desc::listed;
pub use desc::{EnumDesc, FieldDesc, StructDesc, TypeDesc};
pub use shape::Shape;
pub use slots::{Args, Returns};

use std::fmt;

/// A type that has a counterpart in the language.
///
/// # Safety
/// `Repr` lies in memory as `SHAPE` says, which is the layout of the language's type that `desc` describes.
pub unsafe trait Value {
    /// The value as it lies in memory.
    type Repr: Copy + 'static;
    /// How it lies there.
    const SHAPE: Shape;
    /// C passes it in one register by itself.
    const SCALAR: bool = false;
    /// What it is called.
    fn desc() -> TypeDesc;
}

/// Plain data that host and program share by layout, without copying: scalars, arrays of them, and structs with
/// `#[derive(SxType)]`.
///
/// # Safety
/// As for [`Value`]; every value for which `valid` is true is one of the type.
pub unsafe trait SxType: Value<Repr = Self> + FromSx + ToSx + InOption + Copy + 'static {
    /// Some bit patterns aren't values: memory that a program wrote is looked through with `valid`.
    const CHECKED: bool = false;
    /// Whether a value of the type lies there.
    ///
    /// # Safety
    /// As many bytes can be read there, all of them written.
    unsafe fn valid(at: *const u8) -> bool {
        let _ = at;
        true
    }
}

/// A value that can be given to a program.
pub trait ToSx: Value {
    /// The value as it lies in memory. Owned text and lists are copied to memory of the program.
    ///
    /// # Errors
    /// When there is no memory for a copy.
    fn encode(self, to: &mut Encoder<'_>) -> Result<Self::Repr, ConvertError>;
}

/// The type of an argument. `Of` is the type with the lifetime of a call.
pub trait Arg: Value {
    /// The argument of one call.
    type Of<'a>: ToSx<Repr = Self::Repr>;
}

/// A value that can be taken from a program.
pub trait FromSx: Value {
    /// The value, borrowed from where it came.
    type Of<'a>;
    /// A value of this type may write to what it borrows.
    const MUTABLE: bool = false;
    /// A value of this type borrows from the program.
    const BORROWS: bool = false;
    /// Takes the value that lies at `at`.
    ///
    /// # Errors
    /// When it can't be one of the host's: text that isn't UTF-8, a null where there must be none.
    ///
    /// # Safety
    /// The program's value of this type lies at `at`, written by the program, perhaps with bits that aren't a value of
    /// the host's type. The memory that it leads to lives as long as `'a`, and nobody else writes to it, or uses it if
    /// the value is a mutable borrow.
    unsafe fn decode<'a>(at: *const u8) -> Result<Self::Of<'a>, ConvertError>;
    /// Names the memory that the value at `at` borrows.
    ///
    /// # Safety
    /// As for `decode`.
    unsafe fn ranges(at: *const u8, take: &mut dyn FnMut(Borrowed)) {
        let _ = (at, take);
    }
}

/// Memory that a value borrows.
#[derive(Clone, Copy, Debug)]
pub struct Borrowed {
    pub(crate) address: usize,
    pub(crate) bytes: usize,
    pub(crate) mutable: bool,
}

/// Where copies for a program are made.
pub struct Encoder<'a> {
    pub(crate) allocate: &'a mut dyn FnMut(usize, usize) -> Option<*mut u8>,
}

impl Encoder<'_> {
    /// Copies plain data to memory that the program frees.
    pub(crate) fn copy<T: Copy>(&mut self, data: &[T]) -> Result<RawSlice, ConvertError> {
        let bytes = size_of_val(data);
        if bytes == 0 {
            return Ok(RawSlice { ptr: 0, len: data.len() as i64 });
        }
        let place = (self.allocate)(bytes, align_of::<T>()).ok_or(ConvertError::OutOfMemory)?;
        // SAFETY: the place has as many bytes and belongs to nobody else.
        unsafe { place.copy_from_nonoverlapping(data.as_ptr().cast(), bytes) };
        Ok(RawSlice { ptr: place as usize, len: data.len() as i64 })
    }
}

/// A string or slice as it lies in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct RawSlice {
    pub(crate) ptr: usize,
    pub(crate) len: i64,
}

/// Why a value couldn't cross.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConvertError {
    /// Text that isn't UTF-8.
    NotUtf8,
    /// A null pointer where there must be a value.
    Null,
    /// A pointer that isn't aligned as its type demands, or a length below zero.
    BadAddress,
    /// Bits that aren't a value of the type.
    BadValue,
    /// Two borrows of one call overlap, and one of them may write.
    Overlap,
    /// There is no memory for a copy.
    OutOfMemory,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConvertError::NotUtf8 => "text that isn't UTF-8",
            ConvertError::Null => "null where the host expects a value",
            ConvertError::BadAddress => "an address or length that can't be right",
            ConvertError::BadValue => "bits that aren't a value of the type",
            ConvertError::Overlap => "overlapping memory, of which one part may be written",
            ConvertError::OutOfMemory => "out of memory",
        })
    }
}

impl std::error::Error for ConvertError {}

/// Takes plain data.
///
/// # Safety
/// As many bytes can be read there, all of them written.
#[inline(always)]
#[doc(hidden)]
pub unsafe fn plain<T: SxType>(at: *const u8) -> Result<T, ConvertError> {
    // SAFETY: the caller's promise; what isn't a value of the type is refused first.
    unsafe {
        if T::CHECKED && !T::valid(at) {
            return Err(ConvertError::BadValue);
        }
        Ok(at.cast::<T>().read_unaligned())
    }
}

/// Refuses borrows of which one may write to another.
pub(crate) fn check_ranges(ranges: &[Borrowed]) -> Result<(), ConvertError> {
    for (i, a) in ranges.iter().enumerate() {
        for b in &ranges[i + 1..] {
            let apart = a.address + a.bytes <= b.address || b.address + b.bytes <= a.address;
            if (a.mutable || b.mutable) && !apart && a.bytes > 0 && b.bytes > 0 {
                return Err(ConvertError::Overlap);
            }
        }
    }
    Ok(())
}
