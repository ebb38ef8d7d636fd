//! Handlers of calls and returns.
//!
//! SAFETY (all of this module): a window lies in the caller's frame, whose end was checked when it was entered; the callee's
//! whole frame is checked here before anything of it is touched. Frames are never shorter than a return record, so that the return stack,
//! which is as large, has room too. Function
//! numbers of direct calls were verified; those of function values are compared with the number of cells.

use super::ops::handler;
use super::slow;
use super::state::*;
use super::value::Val;
use crate::program::ANY_CLASS;
use std::sync::atomic::Ordering;
use sx_ir::TrapKind;

impl<const FUEL: bool> St<FUEL> {
    /// Enters a function whose frame begins at `window`; it returns to `words` behind this instruction.
    #[inline(always)]
    fn enter(self, cell: &Cell, window: usize, words: usize, context: bool) -> Self {
        if FUEL {
            let state = self.state();
            // SAFETY: the running thread owns the state.
            let left = unsafe {
                (*state).fuel -= 1;
                (*state).fuel
            };
            if left < 0 {
                return self.slow();
            }
        }
        let frame = self.fp.wrapping_add(window);
        let end = (frame as usize).wrapping_add(cell.frame_bytes as usize);
        // SAFETY: `core` outlives the run.
        if end > unsafe { (*self.core).guard.load(Ordering::Relaxed) } {
            return self.slow();
        }
        // SAFETY: see the module.
        unsafe {
            self.rp.write(Record { pc: self.pc.add(words), fp: self.fp });
            if context {
                frame.write(self.fp.read());
            }
            St { pc: cell.code(), fp: frame, rp: self.rp.add(1), ..self }
        }
    }
    #[inline(always)]
    fn cell<'a>(self, func: usize) -> &'a Cell {
        // SAFETY: the function's number is below `cell_count`; cells only move while no handler runs.
        unsafe { &*(*self.state()).cells.add(func) }
    }
    /// The cell at a verified byte offset.
    #[inline(always)]
    fn cell_at<'a>(self, offset: usize) -> &'a Cell {
        // SAFETY: as in `cell`; the verifier refuses offsets between cells.
        unsafe { &*(*self.state()).cells.byte_add(offset) }
    }
    /// Calls a function value.
    #[inline(always)]
    fn enter_value(self, value: u64, class: u32, window: usize, context: bool) -> Self {
        let index = value.wrapping_sub(1);
        // SAFETY: the running thread owns the state.
        if index >= unsafe { (*self.state()).cell_count } {
            return if value == 0 {
                self.fail(TrapKind::NullDereference, [0; 3])
            } else {
                self.fail(TrapKind::InvalidMemory, [0; 3])
            };
        }
        let cell = self.cell(index as usize);
        // A function that waits for code has no class yet.
        if cell.class != class && cell.class != ANY_CLASS {
            return self.fail(TrapKind::InvalidMemory, [0; 3]);
        }
        self.enter(cell, window, 2, context)
    }
    /// Returns to the caller.
    #[inline(always)]
    fn leave_frame(self) -> Self {
        // SAFETY: the call that entered this frame wrote the record.
        unsafe {
            let rp = self.rp.sub(1);
            let record = &*rp;
            St { pc: record.pc, fp: record.fp, rp, ..self }
        }
    }
}

handler!(call(context: bool) |st| { st.enter(st.cell_at(st.w() as u32 as usize), st.a(), 1, context) });
handler!(call_l() | st | { st.enter(st.cell_at(st.w() as u32 as usize), st.xl() as u32 as usize, 2, false) });
handler!(call_v(context: bool) |st| { st.enter_value(st.get(st.b()), st.xl() as u32, st.a(), context) });
handler!(call_vl() | st | { st.enter_value(st.get(st.a()), st.w() as u32, st.xl() as u32 as usize, false) });

handler!(
    call_e() | st | {
        let pc = slow::call_extern(st.core, st.pc, st.fp, st.rp, st.a(), st.xl() as u32 as usize);
        St { pc, ..st }
    }
);
handler!(
    call_el() | st | {
        let pc =
            slow::call_extern(st.core, st.pc, st.fp, st.rp, st.xl() as u32 as usize, st.xh() as u32 as usize);
        St { pc, ..st }
    }
);
handler!(call_c() | st | { St { pc: slow::call_pointer(st.core, st.pc, st.fp, st.rp, false), ..st } });
handler!(call_cl() | st | { St { pc: slow::call_pointer(st.core, st.pc, st.fp, st.rp, true), ..st } });

/// `a = f(b, c)`, and the next instruction returns that: nobody reads `a` any more.
#[inline(always)]
pub(crate) fn ret_of<const FUEL: bool, A: Val, B: Val, R: Val>(
    f: impl Fn(A, B) -> R,
) -> impl Fn(St<FUEL>) -> St<FUEL> {
    move |st| {
        let value = f(st.get(st.b()), st.get(st.c()));
        st.set(0, value);
        st.leave_frame()
    }
}

handler!(ret() | st | { st.leave_frame() });
handler!(
    ret1() | st | {
        st.set(0, st.get::<u64>(st.a()));
        st.leave_frame()
    }
);
handler!(
    ret2() | st | {
        let (x, y) = (st.get::<u64>(st.a()), st.get::<u64>(st.b()));
        st.set(0, x);
        st.set(1, y);
        st.leave_frame()
    }
);
handler!(
    ret_i() | st | {
        st.set(0, st.w() as i64);
        st.leave_frame()
    }
);

handler!(
    /// The C function pointer of a function, made on first use.
    c_func_addr() |st| {
        let pc = slow::c_func_addr(st.core, st.pc, st.fp, st.rp, st.w() as u32, st.a());
        St { pc, ..st }
    }
);
handler!(
    extern_addr() | st | {
        let pc = slow::extern_addr(st.core, st.pc, st.fp, st.rp, st.w() as u32, st.a());
        St { pc, ..st }
    }
);

handler!(
    /// The function that begins here has machine code.
    machine() |st| {
        // SAFETY: the call has just entered this frame.
        let pc = unsafe { crate::machine::turn::run(st.core, st.pc, st.fp, st.rp) };
        St { pc, ..st }
    }
);
