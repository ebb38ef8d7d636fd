//! Operations on vectors: one routine for each operation and kind of lane, reached through one opcode.
//!
//! A vector's lanes lie one behind the other in the frame. The routines go over them in order, each lane as the scalar
//! instruction does it.
//!
//! SAFETY (all of this module): a routine is called with places of as many bytes as its [`Routine::sizes`] say for the number
//! of lanes; the bytecode verifier has seen to that. Places are the same or apart, never shifted against each other.

use std::sync::LazyLock;
use sx_ir::{BinOp, CmpOp, ConvOp, Lane, UnOp};

/// What a routine does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Key {
    Bin(BinOp, Lane),
    Un(UnOp, Lane),
    Cmp(CmpOp, Lane),
    Conv(ConvOp, Lane, Lane),
    /// One scalar in all lanes of so many bytes.
    Splat(u32),
}

/// How a routine ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Fine,
    DivisionByZero,
    DivisionOverflow,
}

/// Writes the lanes of `dst` from those of `a` and `b`.
pub(crate) type Run = unsafe fn(dst: *mut u8, a: *const u8, b: *const u8, lanes: usize) -> Outcome;

/// An operation on the lanes of vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routine {
    pub key: Key,
    pub run: Run,
    /// Bytes of a lane of the result and of the operands; 0 for an operand that is a scalar in a slot, or that there isn't.
    pub sizes: [u32; 3],
}

unsafe fn get<T: Copy>(place: *const u8, lane: usize) -> T {
    // SAFETY: see the module.
    unsafe { place.cast::<T>().add(lane).read_unaligned() }
}

unsafe fn put<T: Copy>(place: *mut u8, lane: usize, value: T) {
    // SAFETY: see the module.
    unsafe { place.cast::<T>().add(lane).write_unaligned(value) }
}

#[inline(always)]
unsafe fn one<T: Copy, R: Copy>(dst: *mut u8, a: *const u8, lanes: usize, f: impl Fn(T) -> R) -> Outcome {
    for lane in 0..lanes {
        // SAFETY: see the module.
        unsafe { put(dst, lane, f(get(a, lane))) };
    }
    Outcome::Fine
}

#[inline(always)]
unsafe fn two<T: Copy, R: Copy>(
    dst: *mut u8,
    (a, b): (*const u8, *const u8),
    lanes: usize,
    f: impl Fn(T, T) -> R,
) -> Outcome {
    for lane in 0..lanes {
        // SAFETY: see the module.
        unsafe { put(dst, lane, f(get(a, lane), get(b, lane))) };
    }
    Outcome::Fine
}

#[inline(always)]
unsafe fn divide<T: Copy + Default + PartialEq, R: Copy>(
    dst: *mut u8,
    (a, b): (*const u8, *const u8),
    lanes: usize,
    f: impl Fn(T, T) -> Option<R>,
) -> Outcome {
    for lane in 0..lanes {
        // SAFETY: see the module.
        let (x, y): (T, T) = unsafe { (get(a, lane), get(b, lane)) };
        match f(x, y) {
            // SAFETY: see the module.
            Some(value) => unsafe { put(dst, lane, value) },
            None if y == T::default() => return Outcome::DivisionByZero,
            None => return Outcome::DivisionOverflow,
        }
    }
    Outcome::Fine
}

/// Adds routines.
macro_rules! routines {
    ($all:ident, $how:ident, $key:ident, $op:ident, $lane:ident, $ty:ident -> $result:ident: $($name:ident $f:expr;)*) => {$(
        $all.push(Routine {
            key: Key::$key($op::$name, Lane::$lane),
            // SAFETY: see the module.
            run: |dst, a, b, lanes| unsafe { $how::<$ty, $result>(dst, (a, b), lanes, $f) },
            sizes: [size_of::<$result>(), size_of::<$ty>(), size_of::<$ty>()].map(|size| size as u32),
        });
    )*};
    ($all:ident, un, $lane:ident, $ty:ident: $($name:ident $f:expr;)*) => {$(
        $all.push(Routine {
            key: Key::Un(UnOp::$name, Lane::$lane),
            // SAFETY: see the module.
            run: |dst, a, _, lanes| unsafe { one::<$ty, $ty>(dst, a, lanes, $f) },
            sizes: [size_of::<$ty>() as u32, size_of::<$ty>() as u32, 0],
        });
    )*};
    ($all:ident, conv, $($op:ident: $($from:ident $from_ty:ident -> $to:ident $to_ty:ident,)*;)*) => {$($(
        $all.push(Routine {
            key: Key::Conv(ConvOp::$op, Lane::$from, Lane::$to),
            // SAFETY: see the module.
            run: |dst, a, _, lanes| unsafe { one(dst, a, lanes, |x: $from_ty| x as $to_ty) },
            sizes: [size_of::<$to_ty>() as u32, size_of::<$from_ty>() as u32, 0],
        });
    )*)*};
}

/// Routines of integers.
macro_rules! integers {
    ($all:ident: $($lane:ident $s:ident $u:ident;)*) => {$(
        routines!($all, two, Bin, BinOp, $lane, $u -> $u:
            Add |x, y| x.wrapping_add(y);
            Sub |x, y| x.wrapping_sub(y);
            Mul |x, y| x.wrapping_mul(y);
            And |x, y| x & y;
            Or |x, y| x | y;
            Xor |x, y| x ^ y;
            Shl |x, y| x.wrapping_shl(y as u32);
            UShr |x, y| x.wrapping_shr(y as u32);
        );
        routines!($all, two, Bin, BinOp, $lane, $s -> $s: SShr |x, y| x.wrapping_shr(y as u32););
        routines!($all, divide, Bin, BinOp, $lane, $s -> $s:
            SDiv |x, y| x.checked_div(y);
            SRem |x, y| x.checked_rem(y);
        );
        routines!($all, divide, Bin, BinOp, $lane, $u -> $u:
            UDiv |x, y| x.checked_div(y);
            URem |x, y| x.checked_rem(y);
        );
        routines!($all, two, Cmp, CmpOp, $lane, $u -> u8:
            Eq |x, y| (x == y) as u8;
            Ne |x, y| (x != y) as u8;
            ULt |x, y| (x < y) as u8;
            ULe |x, y| (x <= y) as u8;
            UGt |x, y| (x > y) as u8;
            UGe |x, y| (x >= y) as u8;
        );
        routines!($all, two, Cmp, CmpOp, $lane, $s -> u8:
            SLt |x, y| (x < y) as u8;
            SLe |x, y| (x <= y) as u8;
            SGt |x, y| (x > y) as u8;
            SGe |x, y| (x >= y) as u8;
        );
        routines!($all, un, $lane, $u:
            Neg |x| x.wrapping_neg();
            Not |x| !x;
            Clz |x| x.leading_zeros() as $u;
            Ctz |x| x.trailing_zeros() as $u;
            Popcnt |x| x.count_ones() as $u;
            Bswap |x| x.swap_bytes();
        );
        routines!($all, conv,
            SToF: $lane $s -> F32 f32, $lane $s -> F64 f64,;
            UToF: $lane $u -> F32 f32, $lane $u -> F64 f64,;
            FToS: F32 f32 -> $lane $s, F64 f64 -> $lane $s,;
            FToU: F32 f32 -> $lane $u, F64 f64 -> $lane $u,;
        );
    )*};
}

/// Routines of floats.
macro_rules! floats {
    ($all:ident: $($lane:ident $ty:ident;)*) => {$(
        routines!($all, two, Bin, BinOp, $lane, $ty -> $ty:
            FAdd |x, y| x + y;
            FSub |x, y| x - y;
            FMul |x, y| x * y;
            FDiv |x, y| x / y;
            FRem |x, y| x % y;
            FMin |x, y| x.min(y);
            FMax |x, y| x.max(y);
        );
        routines!($all, two, Cmp, CmpOp, $lane, $ty -> u8:
            FEq |x, y| (x == y) as u8;
            FNe |x, y| (x != y) as u8;
            FLt |x, y| (x < y) as u8;
            FLe |x, y| (x <= y) as u8;
            FGt |x, y| (x > y) as u8;
            FGe |x, y| (x >= y) as u8;
        );
        routines!($all, un, $lane, $ty:
            FNeg |x| -x;
            FAbs |x| x.abs();
            Sqrt |x| x.sqrt();
            Floor |x| x.floor();
            Ceil |x| x.ceil();
            Trunc |x| x.trunc();
            Round |x| x.round_ties_even();
        );
    )*};
}

static ROUTINES: LazyLock<Vec<Routine>> = LazyLock::new(|| {
    let mut all = Vec::new();
    integers!(all: I8 i8 u8; I16 i16 u16; I32 i32 u32; I64 i64 u64;);
    floats!(all: F32 f32; F64 f64;);
    routines!(all, un, I8, u8: BoolNot |x| (x == 0) as u8;);
    routines!(all, conv,
        Sext: I8 i8 -> I16 i16, I8 i8 -> I32 i32, I8 i8 -> I64 i64, I16 i16 -> I32 i32, I16 i16 -> I64 i64,
            I32 i32 -> I64 i64,;
        Zext: I8 u8 -> I16 u16, I8 u8 -> I32 u32, I8 u8 -> I64 u64, I16 u16 -> I32 u32, I16 u16 -> I64 u64,
            I32 u32 -> I64 u64,;
        Trunc: I64 u64 -> I32 u32, I64 u64 -> I16 u16, I64 u64 -> I8 u8, I32 u32 -> I16 u16, I32 u32 -> I8 u8,
            I16 u16 -> I8 u8,;
        FExt: F32 f32 -> F64 f64,;
        FTrunc: F64 f64 -> F32 f32,;
        Bitcast: F32 u32 -> I32 u32, I32 u32 -> F32 u32, F64 u64 -> I64 u64, I64 u64 -> F64 u64,
            I8 u8 -> I8 u8, I16 u16 -> I16 u16, I32 u32 -> I32 u32, I64 u64 -> I64 u64,;
    );
    all.extend([splat::<u8>(), splat::<u16>(), splat::<u32>(), splat::<u64>()]);
    all
});

fn splat<T: Copy>() -> Routine {
    Routine {
        key: Key::Splat(size_of::<T>() as u32),
        run: |dst, a, _, lanes| {
            for lane in 0..lanes {
                // SAFETY: see the module; the low bytes of a slot come first on the machines that this runs on.
                unsafe { put(dst, lane, get::<T>(a, 0)) };
            }
            Outcome::Fine
        },
        sizes: [size_of::<T>() as u32, 0, 0],
    }
}

/// The routines, by number.
pub(crate) fn routines() -> &'static [Routine] {
    &ROUTINES
}

/// The number of the routine that does something, and the routine.
pub(crate) fn find(key: Key) -> Option<(u16, &'static Routine)> {
    let at = ROUTINES.iter().position(|routine| routine.key == key)?;
    Some((at as u16, &ROUTINES[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_routine_has_a_key_of_its_own() {
        for (i, routine) in routines().iter().enumerate() {
            assert_eq!(find(routine.key).map(|found| found.0), Some(i as u16), "{:?}", routine.key);
        }
        assert!(find(Key::Bin(BinOp::FAdd, Lane::I8)).is_none());
    }
}
