//! Atomic operations: one routine for each operation, width and ordering, reached through two opcodes.
//!
//! The machine's own atomic instructions do the work, so that threads of the program and of the host see each other as the
//! orderings say. The memory is the program's: an access that isn't atomic to the same place at the same time is the
//! program's race, as it is in compiled code.
//!
//! SAFETY (all of this module): a routine is called with an address that isn't null and is a multiple of its size. That there
//! is memory is the program's own affair, as with every raw pointer (see [`super::memory`]).

use std::sync::LazyLock;
use std::sync::atomic::{
    self, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
};
use sx_ir::{Ordering, RmwOp};

/// What a routine does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Key {
    /// So many bytes.
    Load(u32, Ordering),
    Store(u32, Ordering),
    Rmw(RmwOp, u32, Ordering),
    /// The orderings of success and failure.
    Cas(u32, Ordering, Ordering),
}

/// Does it at an address; the result is what was there, of a store nothing in particular. `b` counts for a
/// compare-and-exchange only: what is written.
pub(crate) type Run = unsafe fn(address: u64, a: u64, b: u64) -> u64;

/// An operation on memory in one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routine {
    pub key: Key,
    pub run: Run,
    /// Bytes.
    pub size: u32,
}

/// Adds the routines of one width and one ordering.
macro_rules! ordered {
    ($all:ident, $u:ident, $U:ident, $i:ident, $I:ident, $order:ident) => {{
        const SIZE: u32 = size_of::<$u>() as u32;
        const ORDER: Ordering = Ordering::$order;
        const STD: atomic::Ordering = atomic::Ordering::$order;
        ordered!(rmw $all, $u, $U, SIZE, ORDER, STD:
            Swap swap, Add fetch_add, Sub fetch_sub, And fetch_and, Or fetch_or, Xor fetch_xor,
            UMin fetch_min, UMax fetch_max,);
        ordered!(rmw $all, $i, $I, SIZE, ORDER, STD: SMin fetch_min, SMax fetch_max,);
    }};
    (rmw $all:ident, $ty:ident, $Atomic:ident, $size:ident, $order:ident, $std:ident:
        $($op:ident $method:ident,)*) => {$(
        $all.push(Routine {
            key: Key::Rmw(RmwOp::$op, $size, $order),
            // SAFETY: see the module.
            run: |address, a, _| unsafe {
                $Atomic::from_ptr(address as usize as *mut $ty).$method(a as $ty, $std) as u64
            },
            size: $size,
        });
    )*};
}

/// Adds the routines of one width.
macro_rules! width {
    ($all:ident, $u:ident, $U:ident, $i:ident, $I:ident) => {{
        const SIZE: u32 = size_of::<$u>() as u32;
        width!(load $all, $u, $U: Relaxed Acquire SeqCst);
        width!(store $all, $u, $U: Relaxed Release SeqCst);
        ordered!($all, $u, $U, $i, $I, Relaxed);
        ordered!($all, $u, $U, $i, $I, Acquire);
        ordered!($all, $u, $U, $i, $I, Release);
        ordered!($all, $u, $U, $i, $I, AcqRel);
        ordered!($all, $u, $U, $i, $I, SeqCst);
        width!(cas $all, $u, $U: Relaxed Relaxed, Acquire Relaxed, Acquire Acquire, Release Relaxed,
            AcqRel Relaxed, AcqRel Acquire, SeqCst Relaxed, SeqCst Acquire, SeqCst SeqCst,);
    }};
    (load $all:ident, $u:ident, $U:ident: $($order:ident)*) => {$(
        $all.push(Routine {
            key: Key::Load(SIZE, Ordering::$order),
            // SAFETY: see the module.
            run: |address, _, _| unsafe {
                $U::from_ptr(address as usize as *mut $u).load(atomic::Ordering::$order) as u64
            },
            size: SIZE,
        });
    )*};
    (store $all:ident, $u:ident, $U:ident: $($order:ident)*) => {$(
        $all.push(Routine {
            key: Key::Store(SIZE, Ordering::$order),
            run: |address, a, _| {
                // SAFETY: see the module.
                unsafe { $U::from_ptr(address as usize as *mut $u).store(a as $u, atomic::Ordering::$order) };
                0
            },
            size: SIZE,
        });
    )*};
    (cas $all:ident, $u:ident, $U:ident: $($order:ident $failure:ident,)*) => {$(
        $all.push(Routine {
            key: Key::Cas(SIZE, Ordering::$order, Ordering::$failure),
            run: |address, a, b| {
                // SAFETY: see the module.
                let place = unsafe { $U::from_ptr(address as usize as *mut $u) };
                let (order, failure) = (atomic::Ordering::$order, atomic::Ordering::$failure);
                match place.compare_exchange(a as $u, b as $u, order, failure) {
                    Ok(before) | Err(before) => before as u64,
                }
            },
            size: SIZE,
        });
    )*};
}

static ROUTINES: LazyLock<Vec<Routine>> = LazyLock::new(|| {
    let mut all = Vec::new();
    width!(all, u8, AtomicU8, i8, AtomicI8);
    width!(all, u16, AtomicU16, i16, AtomicI16);
    width!(all, u32, AtomicU32, i32, AtomicI32);
    width!(all, u64, AtomicU64, i64, AtomicI64);
    all
});

/// The routines, by number.
pub(crate) fn routines() -> &'static [Routine] {
    &ROUTINES
}

/// The number of the routine that does something.
pub(crate) fn find(key: Key) -> Option<u16> {
    ROUTINES.iter().position(|routine| routine.key == key).map(|at| at as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_routine_has_a_key_of_its_own() {
        for (i, routine) in routines().iter().enumerate() {
            assert_eq!(find(routine.key), Some(i as u16), "{:?}", routine.key);
        }
    }

    #[test]
    fn there_is_a_routine_for_all_that_the_middle_form_allows() {
        for size in [1, 2, 4, 8] {
            for order in Ordering::ALL {
                assert_eq!(find(Key::Load(size, order)).is_some(), order.fits_load());
                assert_eq!(find(Key::Store(size, order)).is_some(), order.fits_store());
                for op in RmwOp::ALL {
                    assert!(find(Key::Rmw(op, size, order)).is_some(), "{op:?} {size} {order:?}");
                }
                for failure in Ordering::ALL {
                    let found = find(Key::Cas(size, order, failure)).is_some();
                    assert_eq!(found, order.fits_failure(failure), "{order:?} {failure:?}");
                }
            }
        }
    }
}
