//! Handlers of moves, arithmetic, jumps and checks: what the opcode table names.
//!
//! Every function here makes a handler, a closure from state to state that is inlined into the dispatch loop. A handler
//! that fails stores why and goes on at the `Exit` instruction; no handler calls anything on its hot path.
//!
//! SAFETY (all of this module): handlers run verified bytecode only. The verifier proves that every slot operand lies in
//! the function's frame, every jump lands on an instruction of the function, and every table index is in range; the call
//! handlers prove that a whole frame fits before entering it. So `fp + slot` is inside the VM stack and `pc + offset`
//! inside the function's words.

pub(crate) use super::calls::*;
pub(crate) use super::dispatch::body;
pub(crate) use super::memory::*;
use super::slow;
use super::state::*;
use super::value::Val;
use core::hint::cold_path;
use std::sync::atomic::Ordering;
use sx_ir::TrapKind;

impl<const FUEL: bool> St<FUEL> {
    #[inline(always)]
    pub fn a(self) -> usize {
        // SAFETY: `pc` is at an instruction.
        unsafe { (*self.pc).a as usize }
    }
    #[inline(always)]
    pub fn b(self) -> usize {
        // SAFETY: `pc` is at an instruction.
        unsafe { (*self.pc).b as usize }
    }
    #[inline(always)]
    pub fn c(self) -> usize {
        // SAFETY: `pc` is at an instruction.
        unsafe { (*self.pc).c as usize }
    }
    #[inline(always)]
    pub fn imm_b(self) -> i64 {
        self.b() as i16 as i64
    }
    #[inline(always)]
    pub fn imm_c(self) -> i64 {
        self.c() as i16 as i64
    }
    #[inline(always)]
    pub fn w(self) -> i32 {
        // SAFETY: `pc` is at an instruction, whose upper half is aligned for this.
        unsafe { self.pc.cast::<i32>().add(1).read() }
    }
    #[inline(always)]
    pub fn x(self, index: usize) -> usize {
        // SAFETY: the opcode has an extension word.
        unsafe { self.pc.add(1).cast::<u16>().add(index).read() as usize }
    }
    #[inline(always)]
    pub fn xl(self) -> i32 {
        // SAFETY: the opcode has an extension word.
        unsafe { self.pc.add(1).cast::<i32>().read() }
    }
    #[inline(always)]
    pub fn xh(self) -> i32 {
        // SAFETY: the opcode has an extension word.
        unsafe { self.pc.add(1).cast::<i32>().add(1).read() }
    }
    #[inline(always)]
    pub fn xx(self) -> u64 {
        // SAFETY: the opcode has an extension word.
        unsafe { self.pc.add(1).cast::<u64>().read() }
    }
    #[inline(always)]
    pub fn get<T: Val>(self, slot: usize) -> T {
        // SAFETY: the slot is in the frame.
        T::from_slot(unsafe { self.fp.add(slot).read() })
    }
    #[inline(always)]
    pub fn set<T: Val>(self, slot: usize, value: T) {
        // SAFETY: the slot is in the frame.
        unsafe { self.fp.add(slot).write(value.to_slot()) }
    }
    /// The state `words` further on.
    #[inline(always)]
    pub fn skip(self, words: isize) -> Self {
        // SAFETY: instructions end where others begin, and jumps land on instructions.
        St { pc: unsafe { self.pc.offset(words) }, ..self }
    }
    #[inline(always)]
    pub fn next(self) -> Self {
        self.skip(1)
    }
    #[inline(always)]
    pub fn state(self) -> *mut State {
        // SAFETY: `core` outlives the run.
        unsafe { (*self.core).state.get() }
    }
    /// Leaves the loop with a trap.
    #[inline(always)]
    pub fn fail(self, kind: TrapKind, operands: [u64; 3]) -> Self {
        cold_path();
        let state = self.state();
        // SAFETY: the running thread owns the state, and no reference into it is alive in handlers.
        unsafe {
            (*state).kind = kind;
            (*state).operands = operands;
        }
        self.leave(Exit::Trap)
    }
    /// Leaves the loop.
    #[inline(always)]
    pub fn leave(self, exit_kind: Exit) -> Self {
        let state = self.state();
        // SAFETY: as in `fail`.
        unsafe {
            (*state).exit = exit_kind;
            (*state).exit_pc = self.pc;
            (*state).exit_fp = self.fp;
            (*state).exit_rp = self.rp;
        }
        St { pc: exit(), ..self }
    }
    /// True when the poll must look closer.
    #[inline(always)]
    pub fn polled(self) -> bool {
        if FUEL {
            let state = self.state();
            // SAFETY: as in `fail`.
            let left = unsafe {
                (*state).fuel -= 1;
                (*state).fuel
            };
            if left < 0 {
                return true;
            }
        }
        // SAFETY: `core` outlives the run.
        unsafe { (*self.core).guard.load(Ordering::Relaxed) == 0 }
    }
    /// Goes where requests are answered and full stacks noticed; from there back to this instruction, or out.
    #[inline(always)]
    pub fn slow(self) -> Self {
        cold_path();
        // SAFETY: as in `fail`.
        unsafe {
            (*self.state()).exit_pc = self.pc;
            (*self.state()).exit_rp = self.rp;
        }
        St { pc: slow(), ..self }
    }
}

macro_rules! handler {
    ($(#[$doc:meta])* $name:ident ($($arg:ident : $ty:ty),*) $(<$($gen:ident $(: $bound:path)?),*>)? |$st:ident| $body:block) => {
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name<const FUEL: bool, $($($gen $(: $bound)?),*)?>($($arg: $ty),*) -> impl Fn(St<FUEL>) -> St<FUEL> {
            move |$st: St<FUEL>| $body
        }
    };
}
pub(crate) use handler;

handler!(
    /// Stays where it is: dispatch ends at `Exit`.
    stay() |st| { st }
);
handler!(
    /// The entry function returned.
    halt_() |st| { st.leave(Exit::Done) }
);
handler!(
    /// Where the native stack is; see `dispatch::trial`.
    probe() |st| {
        let local = 0u8;
        st.set(st.a(), std::hint::black_box(&raw const local) as u64);
        st.next()
    }
);
handler!(
    /// What happened at the instruction that couldn't go on.
    slow_() |st| {
        let pc = slow::answer::<FUEL>(st.core, st.fp);
        // SAFETY: the running thread owns the state. The records may have moved.
        St { pc, rp: unsafe { (*st.state()).exit_rp }, ..st }
    }
);
handler!(
    /// A function without code was entered.
    need() |st| { st.leave(Exit::Need(st.w() as u32)) }
);

handler!(
    mov_i() | st | {
        st.set(st.a(), st.w() as i64);
        st.next()
    }
);
handler!(
    constant() | st | {
        st.set(st.a(), st.xx());
        st.skip(2)
    }
);
handler!(
    mov2() | st | {
        let (x, y) = (st.get::<u64>(st.b()), st.get::<u64>(st.b() + 1));
        st.set(st.a(), x);
        st.set(st.a() + 1, y);
        st.next()
    }
);
handler!(
    select() | st | {
        let chosen = if st.get::<bool>(st.b()) { st.c() } else { st.x(0) };
        st.set(st.a(), st.get::<u64>(chosen));
        st.skip(2)
    }
);
handler!(
    add_wide() | st | {
        st.set(st.a(), st.get::<u64>(st.b()).wrapping_add(st.xx()));
        st.skip(2)
    }
);

/// `a = f(b)`.
#[inline(always)]
pub(crate) fn un<const FUEL: bool, A: Val, R: Val>(f: impl Fn(A) -> R) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        st.set(st.a(), f(st.get(st.b())));
        st.next()
    }
}

/// `a = f(b, c)`.
#[inline(always)]
pub(crate) fn bin<const FUEL: bool, A: Val, B: Val, R: Val>(
    f: impl Fn(A, B) -> R,
) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        st.set(st.a(), f(st.get(st.b()), st.get(st.c())));
        st.next()
    }
}

/// `a = f(b, immediate c)`.
#[inline(always)]
pub(crate) fn bin_i<const FUEL: bool, A: Val, R: Val>(
    f: impl Fn(A, i64) -> R,
) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        st.set(st.a(), f(st.get(st.b()), st.imm_c()));
        st.next()
    }
}

/// An instruction of `words` words and the one behind it.
#[inline(always)]
pub(crate) fn both<const FUEL: bool>(
    words: usize,
    first: impl Fn(St<FUEL>) -> St<FUEL>,
    second: impl Fn(St<FUEL>) -> St<FUEL>,
) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        let then = first(st);
        // Elsewhere is a trap, a request, or a jump taken.
        if then.pc == st.pc.wrapping_add(words) { second(then) } else { then }
    }
}

/// `a = f(b, c)`, and the next instruction `a = g(that, c)`.
#[inline(always)]
pub(crate) fn chain_b<const FUEL: bool, A: Val, B: Val, R: Val, C: Val, S: Val>(
    f: impl Fn(A, B) -> R,
    g: impl Fn(R, C) -> S,
) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        let value = f(st.get(st.b()), st.get(st.c()));
        st.set(st.a(), value);
        let st = st.next();
        st.set(st.a(), g(value, st.get(st.c())));
        st.next()
    }
}

/// `a = f(b, c)`, and the next instruction `a = g(b, that)`.
#[inline(always)]
pub(crate) fn chain_c<const FUEL: bool, A: Val, B: Val, R: Val, C: Val, S: Val>(
    f: impl Fn(A, B) -> R,
    g: impl Fn(C, R) -> S,
) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        let value = f(st.get(st.b()), st.get(st.c()));
        st.set(st.a(), value);
        let st = st.next();
        st.set(st.a(), g(st.get(st.b()), value));
        st.next()
    }
}

/// A checked division: `None` is division by zero or, the divisor being -1, overflow.
#[inline(always)]
pub(crate) fn div<const FUEL: bool, T: Val + Default + PartialEq>(
    f: impl Fn(T, T) -> Option<T>,
) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        let divisor: T = st.get(st.c());
        match f(st.get(st.b()), divisor) {
            Some(value) => {
                st.set(st.a(), value);
                st.next()
            }
            None if divisor == T::default() => st.fail(TrapKind::DivisionByZero, [0; 3]),
            None => st.fail(TrapKind::DivisionOverflow, [0; 3]),
        }
    }
}

/// A division by an immediate that can't fail.
#[inline(always)]
pub(crate) fn div_i<const FUEL: bool, T: Val>(f: impl Fn(T, i64) -> T) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        let divisor = st.imm_c();
        // SAFETY: the verifier refuses 0 and -1, which frees the division from its checks.
        unsafe { std::hint::assert_unchecked(divisor != 0 && divisor != -1) };
        st.set(st.a(), f(st.get(st.b()), divisor));
        st.next()
    }
}

handler!(jmp() | st | { st.skip(st.w() as isize) });
handler!(
    jmp_poll() | st | {
        if st.polled() {
            return st.slow();
        }
        st.skip(st.w() as isize)
    }
);
handler!(
    poll() | st | {
        if st.polled() {
            return st.slow();
        }
        st.next()
    }
);
handler!(
    /// Jumps when the condition is as asked.
    j_bool(when: bool) |st| {
        if st.get::<bool>(st.a()) == when { st.skip(st.w() as isize) } else { st.next() }
    }
);

/// Jumps by `c` if `f(a, b)`.
#[inline(always)]
pub(crate) fn jc<const FUEL: bool, T: Val>(f: impl Fn(T, T) -> bool) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| if f(st.get(st.a()), st.get(st.b())) { st.skip(st.imm_c() as isize) } else { st.next() }
}

/// Jumps by `c` if `f(a, immediate b)`.
#[inline(always)]
pub(crate) fn jc_i<const FUEL: bool, T: Val>(f: impl Fn(T, i64) -> bool) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| if f(st.get(st.a()), st.imm_b()) { st.skip(st.imm_c() as isize) } else { st.next() }
}

/// Polls, then as [`jc`].
#[inline(always)]
pub(crate) fn pc<const FUEL: bool, T: Val>(f: impl Fn(T, T) -> bool) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        if st.polled() {
            return st.slow();
        }
        if f(st.get(st.a()), st.get(st.b())) { st.skip(st.imm_c() as isize) } else { st.next() }
    }
}

/// Polls, then as [`jc_i`].
#[inline(always)]
pub(crate) fn pc_i<const FUEL: bool, T: Val>(f: impl Fn(T, i64) -> bool) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        if st.polled() {
            return st.slow();
        }
        if f(st.get(st.a()), st.imm_b()) { st.skip(st.imm_c() as isize) } else { st.next() }
    }
}

/// Polls, adds 1 to `a`, then as [`jc`].
#[inline(always)]
pub(crate) fn lc<const FUEL: bool, T: Val>(f: impl Fn(T, T) -> bool) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        if st.polled() {
            return st.slow();
        }
        let next = st.get::<u64>(st.a()).wrapping_add(1);
        st.set(st.a(), next);
        if f(T::from_slot(next), st.get(st.b())) { st.skip(st.imm_c() as isize) } else { st.next() }
    }
}

/// Polls, adds 1 to `a`, then as [`jc_i`].
#[inline(always)]
pub(crate) fn lc_i<const FUEL: bool, T: Val>(f: impl Fn(T, i64) -> bool) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        if st.polled() {
            return st.slow();
        }
        let next = st.get::<u64>(st.a()).wrapping_add(1);
        st.set(st.a(), next);
        if f(T::from_slot(next), st.imm_b()) { st.skip(st.imm_c() as isize) } else { st.next() }
    }
}

handler!(
    /// A dense switch: base, then offsets, the default's first.
    switch() |st| {
        let index = st.get::<u64>(st.a()).wrapping_sub(st.xx());
        let count = st.w() as u32 as u64;
        let entry = if index < count { index as usize + 1 } else { 0 };
        // SAFETY: the verifier checked the table of `count + 1` offsets behind the extension.
        st.skip(unsafe { st.pc.add(2).cast::<i32>().add(entry).read() } as isize)
    }
);
handler!(
    /// A sparse switch: sorted values, then offsets.
    switch_sparse() |st| {
        let count = st.w() as u32 as usize;
        // SAFETY: the verifier checked `count` values and `count` offsets behind the extension.
        let values = unsafe { std::slice::from_raw_parts(st.pc.add(2).cast::<u64>(), count) };
        match values.binary_search(&st.get::<u64>(st.a())) {
            // SAFETY: as above.
            Ok(found) => st.skip(unsafe { st.pc.add(2 + count).cast::<i32>().add(found).read() } as isize),
            Err(_) => st.skip(st.xl() as isize),
        }
    }
);

handler!(
    bounds() | st | {
        let (index, len) = (st.get::<u64>(st.a()), st.get::<u64>(st.b()));
        if index < len && len as i64 >= 0 {
            st.next()
        } else {
            st.fail(TrapKind::IndexOutOfRange, [index, len, 0])
        }
    }
);
handler!(
    bounds_k() | st | {
        let (index, len) = (st.get::<u64>(st.a()), st.w() as u32 as u64);
        if index < len { st.next() } else { st.fail(TrapKind::IndexOutOfRange, [index, len, 0]) }
    }
);
handler!(
    slice_bounds() | st | {
        let [lo, hi, len] = [st.get::<i64>(st.a()), st.get::<i64>(st.b()), st.get::<i64>(st.c())];
        if 0 <= lo && lo <= hi && hi <= len {
            st.next()
        } else {
            st.fail(TrapKind::SliceOutOfRange, [lo as u64, hi as u64, len as u64])
        }
    }
);
handler!(
    null_check() | st | {
        if st.get::<u64>(st.a()) < NULL_PAGE { st.fail(TrapKind::NullDereference, [0; 3]) } else { st.next() }
    }
);
handler!(trap() | st | { st.fail(crate::trap::trap_kind(st.a()), [0; 3]) });
handler!(
    trap_ops() | st | {
        let operands = [st.get(st.x(0)), st.get(st.x(1)), st.get(st.x(2))];
        st.fail(crate::trap::trap_kind(st.a()), operands)
    }
);
handler!(
    err_trace() | st | {
        slow::err_trace(st.core, st.pc, st.a());
        st.next()
    }
);
