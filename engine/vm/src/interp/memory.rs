//! Handlers of loads, stores and addresses.
//!
//! SAFETY (all of this module): slots, frame offsets and object numbers were verified (see [`super::ops`]). Addresses in
//! registers are the program's own affair: sx has raw pointers, and what it makes of them can't be proven here. The null
//! page is refused; slices and arrays are reached with their bounds checked; configurations that forbid raw pointers
//! have no other way to make an address.

use super::access::{Mem, read, write};
use super::ops::handler;
use super::slow;
use super::state::*;
use std::sync::atomic::{Ordering, compiler_fence};
use sx_ir::TrapKind;

/// Addresses below this trap as null.
pub(crate) const NULL_PAGE: u64 = 4096;

impl<const FUEL: bool> St<FUEL> {
    #[inline(always)]
    fn null(self) -> Self {
        self.fail(TrapKind::NullDereference, [0; 3])
    }
    #[inline(always)]
    fn out_of_range(self, index: u64, len: u64) -> Self {
        self.fail(TrapKind::IndexOutOfRange, [index, len, 0])
    }
    #[inline(always)]
    fn frame(self, offset: i32) -> u64 {
        (self.fp as u64).wrapping_add(offset as i64 as u64)
    }
    /// Runs a routine that goes over the program's memory, has nothing to drop and locks nothing: a fault in it is a trap at
    /// this instruction.
    #[inline(always)]
    pub(super) fn bulk<R>(self, routine: impl FnOnce() -> R) -> R {
        let state = self.state();
        // SAFETY: the running thread owns the state. The fault handler, which runs on this thread, reads what is written here.
        unsafe {
            (*state).exit_pc = self.pc;
            (*state).exit_fp = self.fp;
            (*state).exit_rp = self.rp;
            (&raw mut (*state).in_bulk).write_volatile(true);
        }
        compiler_fence(Ordering::SeqCst);
        let result = routine();
        compiler_fence(Ordering::SeqCst);
        // SAFETY: as above.
        unsafe { (&raw mut (*state).in_bulk).write_volatile(false) };
        result
    }
    #[inline(always)]
    fn object(self) -> u64 {
        // SAFETY: the verifier checked the object's number.
        unsafe { (*(*self.state()).objects.add(self.w() as u32 as usize)) as u64 }
    }
}

#[inline(always)]
fn at(base: u64, index: u64, size: usize) -> u64 {
    base.wrapping_add(index.wrapping_mul(size as u64))
}

macro_rules! memory_handlers {
    ($($(#[$doc:meta])* $name:ident |$st:ident| $body:block)*) => {$(
        handler!($(#[$doc])* $name() <T: Mem> |$st| $body);
    )*};
}

memory_handlers! {
    /// `a = [b + c]`.
    ld |st| {
        let base = st.get::<u64>(st.b());
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, base.wrapping_add(st.imm_c() as u64)) });
        st.next()
    }
    /// `a = [b + xl]`.
    ld_w |st| {
        let base = st.get::<u64>(st.b());
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, base.wrapping_add(st.xl() as i64 as u64)) });
        st.skip(2)
    }
    /// `[a + b] = c`.
    st |st| {
        let base = st.get::<u64>(st.a());
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        unsafe { T::store(st, base.wrapping_add(st.imm_b() as u64), st.get(st.c())) };
        st.next()
    }
    /// `[a + xl] = b`.
    st_w |st| {
        let base = st.get::<u64>(st.a());
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        unsafe { T::store(st, base.wrapping_add(st.xl() as i64 as u64), st.get(st.b())) };
        st.skip(2)
    }
    /// `[a + b] = immediate c`.
    st_i |st| {
        let base = st.get::<u64>(st.a());
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        unsafe { T::store(st, base.wrapping_add(st.imm_b() as u64), st.imm_c() as u64) };
        st.next()
    }
    /// `a = frame[w]`.
    ld_f |st| {
        // SAFETY: the verifier checked the offset.
        st.set(st.a(), unsafe { read::<T>(st.frame(st.w())) });
        st.next()
    }
    /// `frame[w] = a`.
    st_f |st| {
        // SAFETY: the verifier checked the offset.
        unsafe { write::<T>(st.frame(st.w()), st.get(st.a())) };
        st.next()
    }
    /// `a = object w [xl]`.
    ld_g |st| {
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, st.object().wrapping_add(st.xl() as i64 as u64)) });
        st.skip(2)
    }
    /// `object w [xl] = a`.
    st_g |st| {
        // SAFETY: see the module.
        unsafe { T::store(st, st.object().wrapping_add(st.xl() as i64 as u64), st.get(st.a())) };
        st.skip(2)
    }
    /// `a = b[c]`.
    ld_x |st| {
        let base = st.get::<u64>(st.b());
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, at(base, st.get(st.c()), size_of::<T>())) });
        st.next()
    }
    /// `a[b] = c`.
    st_x |st| {
        let base = st.get::<u64>(st.a());
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        unsafe { T::store(st, at(base, st.get(st.b()), size_of::<T>()), st.get(st.c())) };
        st.next()
    }
    /// `a = b[c]`, `c < x0`.
    ld_xc |st| {
        let (base, index, len) = (st.get::<u64>(st.b()), st.get::<u64>(st.c()), st.get::<u64>(st.x(0)));
        if index >= len || (len as i64) < 0 {
            return st.out_of_range(index, len);
        }
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, at(base, index, size_of::<T>())) });
        st.skip(2)
    }
    /// `a[b] = c`, `b < x0`.
    st_xc |st| {
        let (base, index, len) = (st.get::<u64>(st.a()), st.get::<u64>(st.b()), st.get::<u64>(st.x(0)));
        if index >= len || (len as i64) < 0 {
            return st.out_of_range(index, len);
        }
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        unsafe { T::store(st, at(base, index, size_of::<T>()), st.get(st.c())) };
        st.skip(2)
    }
    /// `a = b[c]`, `c < immediate xl`.
    ld_xk |st| {
        let (base, index, len) = (st.get::<u64>(st.b()), st.get::<u64>(st.c()), st.xl() as u32 as u64);
        if index >= len {
            return st.out_of_range(index, len);
        }
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, at(base, index, size_of::<T>())) });
        st.skip(2)
    }
    /// `a[b] = c`, `b < immediate xl`.
    st_xk |st| {
        let (base, index, len) = (st.get::<u64>(st.a()), st.get::<u64>(st.b()), st.xl() as u32 as u64);
        if index >= len {
            return st.out_of_range(index, len);
        }
        if base < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        unsafe { T::store(st, at(base, index, size_of::<T>()), st.get(st.c())) };
        st.skip(2)
    }
    /// `a = [b + c * xh + x1]`, `c < x0`.
    ld_xg |st| {
        let (base, index, len) = (st.get::<u64>(st.b()), st.get::<u64>(st.c()), st.get::<u64>(st.x(0)));
        if index >= len || (len as i64) < 0 {
            return st.out_of_range(index, len);
        }
        if base < NULL_PAGE {
            return st.null();
        }
        let place = at(base, index, st.xh() as u32 as usize).wrapping_add(st.x(1) as i16 as i64 as u64);
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, place) });
        st.skip(2)
    }
    /// `[a + b * xh + x1] = c`, `b < x0`.
    st_xg |st| {
        let (base, index, len) = (st.get::<u64>(st.a()), st.get::<u64>(st.b()), st.get::<u64>(st.x(0)));
        if index >= len || (len as i64) < 0 {
            return st.out_of_range(index, len);
        }
        if base < NULL_PAGE {
            return st.null();
        }
        let place = at(base, index, st.xh() as u32 as usize).wrapping_add(st.x(1) as i16 as i64 as u64);
        // SAFETY: see the module.
        unsafe { T::store(st, place, st.get(st.c())) };
        st.skip(2)
    }
    /// `a = frame[xl][b]`.
    ld_fx |st| {
        // SAFETY: see the module.
        st.set(st.a(), unsafe { T::load(st, at(st.frame(st.xl()), st.get(st.b()), size_of::<T>())) });
        st.skip(2)
    }
    /// `frame[xl][a] = b`.
    st_fx |st| {
        // SAFETY: see the module.
        unsafe { T::store(st, at(st.frame(st.xl()), st.get(st.a()), size_of::<T>()), st.get(st.b())) };
        st.skip(2)
    }
    /// `a = frame[xh][b]`, `b < immediate xl`.
    ld_fk |st| {
        let (index, len) = (st.get::<u64>(st.b()), st.xl() as u32 as u64);
        if index >= len {
            return st.out_of_range(index, len);
        }
        // SAFETY: see the module.
        st.set(st.a(), unsafe { read::<T>(at(st.frame(st.xh()), index, size_of::<T>())) });
        st.skip(2)
    }
    /// `frame[xh][a] = b`, `a < immediate xl`.
    st_fk |st| {
        let (index, len) = (st.get::<u64>(st.a()), st.xl() as u32 as u64);
        if index >= len {
            return st.out_of_range(index, len);
        }
        // SAFETY: see the module.
        unsafe { write::<T>(at(st.frame(st.xh()), index, size_of::<T>()), st.get(st.b())) };
        st.skip(2)
    }
}

handler!(
    addr_f() | st | {
        st.set(st.a(), st.frame(st.w()));
        st.next()
    }
);
handler!(
    /// The first address from there that is aligned to `xl`.
    addr_fa() |st| {
        let align = st.xl() as u32 as u64;
        st.set(st.a(), st.frame(st.w()).wrapping_add(align - 1) & !(align - 1));
        st.skip(2)
    }
);
handler!(
    addr_g() | st | {
        st.set(st.a(), st.object().wrapping_add(st.xl() as i64 as u64));
        st.skip(2)
    }
);
handler!(idx(size: usize) |st| { st.set(st.a(), at(st.get(st.b()), st.get(st.c()), size)); st.next() });
handler!(
    idx_any() | st | {
        st.set(st.a(), at(st.get(st.b()), st.get(st.c()), st.xl() as u32 as usize));
        st.skip(2)
    }
);
handler!(
    idx_c() | st | {
        let (index, len) = (st.get::<u64>(st.c()), st.get::<u64>(st.x(0)));
        if index >= len || (len as i64) < 0 {
            return st.out_of_range(index, len);
        }
        st.set(st.a(), at(st.get(st.b()), index, st.xh() as u32 as usize));
        st.skip(2)
    }
);
handler!(
    idx_k() | st | {
        let (index, len) = (st.get::<u64>(st.c()), st.xl() as u32 as u64);
        if index >= len {
            return st.out_of_range(index, len);
        }
        st.set(st.a(), at(st.get(st.b()), index, st.xh() as u32 as usize));
        st.skip(2)
    }
);

handler!(
    cpy16() | st | {
        let (to, from) = (st.get::<u64>(st.a()), st.get::<u64>(st.b()));
        if to < NULL_PAGE || from < NULL_PAGE {
            return st.null();
        }
        // SAFETY: see the module.
        unsafe {
            let (low, high) = (u64::load(st, from), u64::load(st, from.wrapping_add(8)));
            u64::store(st, to, low);
            u64::store(st, to.wrapping_add(8), high);
        };
        st.next()
    }
);
handler!(
    mem_cpy() | st | {
        let (to, from) = (st.get::<u64>(st.a()), st.get::<u64>(st.b()));
        if to < NULL_PAGE || from < NULL_PAGE {
            return st.null();
        }
        st.bulk(|| slow::mem_move(to, from, st.xl() as u32 as u64));
        st.skip(2)
    }
);
handler!(
    /// `xl` bytes of the frame.
    vec_mov() |st| {
        // SAFETY: the verifier checked both places.
        unsafe { slow::mem_move(st.fp.add(st.a()) as u64, st.fp.add(st.b()) as u64, st.xl() as u32 as u64) };
        st.skip(2)
    }
);
handler!(
    /// `xl` bytes from `[b + xh]` into the frame.
    vec_ld() |st| {
        let base = st.get::<u64>(st.b());
        if base < NULL_PAGE {
            return st.null();
        }
        let from = base.wrapping_add(st.xh() as i64 as u64);
        // SAFETY: the verifier checked the place in the frame.
        let to = unsafe { st.fp.add(st.a()) } as u64;
        st.bulk(|| slow::mem_move(to, from, st.xl() as u32 as u64));
        st.skip(2)
    }
);
handler!(
    /// `xl` bytes of the frame to `[a + xh]`.
    vec_st() |st| {
        let base = st.get::<u64>(st.a());
        if base < NULL_PAGE {
            return st.null();
        }
        let to = base.wrapping_add(st.xh() as i64 as u64);
        // SAFETY: the verifier checked the place in the frame.
        let from = unsafe { st.fp.add(st.b()) } as u64;
        st.bulk(|| slow::mem_move(to, from, st.xl() as u32 as u64));
        st.skip(2)
    }
);
handler!(vec_op() | st | { St { pc: slow::vector(st.core, st.pc, st.fp, st.rp), ..st } });
handler!(atomic() | st | { St { pc: slow::atomic(st.core, st.pc, st.fp, st.rp), ..st } });
handler!(atomic_st() | st | { St { pc: slow::atomic_store(st.core, st.pc, st.fp, st.rp), ..st } });
handler!(
    fence() | st | {
        slow::fence(st.a());
        st.next()
    }
);
handler!(
    mem_zero() | st | {
        let to = st.get::<u64>(st.a());
        if to < NULL_PAGE {
            return st.null();
        }
        st.bulk(|| slow::mem_set(to, 0, st.w() as u32 as u64));
        st.next()
    }
);
handler!(
    mem_move() | st | {
        let [to, from, len] = [st.get::<u64>(st.a()), st.get::<u64>(st.b()), st.get::<u64>(st.c())];
        if len != 0 {
            if to < NULL_PAGE || from < NULL_PAGE {
                return st.null();
            }
            if len as i64 <= 0 {
                return st.fail(TrapKind::InvalidMemory, [0; 3]);
            }
            st.bulk(|| slow::mem_move(to, from, len));
        }
        st.next()
    }
);
handler!(
    mem_set() | st | {
        let (to, val, len) = (st.get::<u64>(st.a()), st.get::<u8>(st.b()), st.get::<u64>(st.c()));
        if len != 0 {
            if to < NULL_PAGE {
                return st.null();
            }
            if len as i64 <= 0 {
                return st.fail(TrapKind::InvalidMemory, [0; 3]);
            }
            st.bulk(|| slow::mem_set(to, val, len));
        }
        st.next()
    }
);
handler!(
    mem_cmp() | st | {
        let [x, y, len] = [st.get::<u64>(st.b()), st.get::<u64>(st.c()), st.get::<u64>(st.x(0))];
        let mut order = 0;
        if len != 0 {
            if x < NULL_PAGE || y < NULL_PAGE {
                return st.null();
            }
            if len as i64 <= 0 {
                return st.fail(TrapKind::InvalidMemory, [0; 3]);
            }
            order = st.bulk(|| slow::mem_cmp(x, y, len));
        }
        st.set(st.a(), order);
        st.skip(2)
    }
);
