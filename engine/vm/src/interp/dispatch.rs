//! From one instruction to the next, in two ways over the same handlers.
//!
//! *Threaded*: each handler is a function that ends by calling the next one. The optimiser turns such calls into jumps, so
//! each handler has its own indirect jump and its own registers, whatever flags the crate was built with. Stable Rust
//! doesn't promise that, so it is used only when the build script saw an optimised build, and only after a trial run at
//! first use found that the stack indeed stays where it is.
//!
//! *Loop*: one `match` in a `loop`. Right in every build.

use super::ops as h;
use super::state::*;
use crate::bytecode::table::for_each_opcode;
use crate::bytecode::{ALL, Op, Word};

/// A handler of threaded dispatch. The table of handlers travels along, which keeps its address in a register.
type Handler = unsafe fn(*const Word, *mut u64, *const Core, HandlerTable);

/// The table, by opcode.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct HandlerTable(*const Handler);

#[inline(always)]
unsafe fn op(pc: *const Word) -> Op {
    // SAFETY: verified code holds opcodes only where instructions begin.
    unsafe { pc.cast::<Op>().read() }
}

macro_rules! dispatchers {
    ($($name:ident $format:ident = $handler:expr;)*) => {
        /// Runs until the code leaves through `Exit`.
        ///
        /// # Safety
        /// `pc` is at verified code whose frame at `fp` fits the VM stack; `core` is the instance that it belongs to, and
        /// this thread owns it.
        pub(crate) unsafe fn run_loop<const FUEL: bool>(pc: *const Word, fp: *mut u64, core: *const Core) {
            let mut st = St::<FUEL> { pc, fp, core };
            loop {
                // SAFETY: the caller's promise, kept by every handler.
                match unsafe { op(st.pc) } {
                    Op::Exit => return,
                    $(#[allow(unreachable_patterns, reason = "`Exit` is in the table too")]
                    Op::$name => st = ($handler)(st),)*
                }
            }
        }

        #[cfg(sx_threaded)]
        mod threaded {
            #![allow(non_snake_case, reason = "handlers are named as their opcodes")]
            use super::*;

            $(unsafe fn $name<const FUEL: bool>(
                pc: *const Word,
                fp: *mut u64,
                core: *const Core,
                table: HandlerTable,
            ) {
                let st = ($handler)(St::<FUEL> { pc, fp, core });
                // SAFETY: handlers keep the promise of `run_loop`; the table has an entry for each opcode.
                unsafe { (*table.0.add(op(st.pc) as usize))(st.pc, st.fp, st.core, table) }
            })*

            unsafe fn leave(_: *const Word, _: *mut u64, _: *const Core, _: HandlerTable) {}

            struct Table<const FUEL: bool>;

            impl<const FUEL: bool> Table<FUEL> {
                const HANDLERS: &[Handler; ALL.len()] = &{
                    let mut table: [Handler; ALL.len()] = [$($name::<FUEL>,)*];
                    table[Op::Exit as usize] = leave;
                    table
                };
            }

            /// As [`super::run_loop`].
            pub(crate) unsafe fn run<const FUEL: bool>(pc: *const Word, fp: *mut u64, core: *const Core) {
                let table = HandlerTable(Table::<FUEL>::HANDLERS.as_ptr());
                // SAFETY: the caller's promise.
                unsafe { (*table.0.add(op(pc) as usize))(pc, fp, core, table) }
            }
        }
    };
}
for_each_opcode!(dispatchers);

/// Runs until the code leaves through `Exit`; `State::exit` says why.
///
/// # Safety
/// As for [`run_loop`].
pub(crate) unsafe fn run(fuel: bool, pc: *const Word, fp: *mut u64, core: *const Core) {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(sx_threaded)]
        if true {
            return if fuel {
                threaded::run::<true>(pc, fp, core)
            } else {
                threaded::run::<false>(pc, fp, core)
            };
        }
        if fuel { run_loop::<true>(pc, fp, core) } else { run_loop::<false>(pc, fp, core) }
    }
}
