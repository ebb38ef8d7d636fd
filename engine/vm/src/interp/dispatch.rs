//! From one instruction to the next, in two ways over the same handlers.
//!
//! *Threaded*: each handler is a function that ends by calling the next one. The optimiser turns such calls into jumps, so
//! each handler has its own indirect jump and its own registers, whatever flags the crate was built with. Stable Rust
//! doesn't promise that, so it is used only when the build script saw an optimised build, and only after a trial run at
//! first use found that the stack indeed stays where it is.
//!
//! *Stepped*: a loop that calls one handler after the other through a table. Right in every build, and about half as fast.

use super::ops as h;
use super::state::*;
use crate::bytecode::table::for_each_opcode;
use crate::bytecode::{ALL, Op, Word};
use crate::machine::replace;
use std::sync::atomic::Ordering;

/// A handler of threaded dispatch. The table of handlers travels along, which keeps its address in a register.
#[cfg(sx_threaded)]
type Handler = unsafe fn(*const Word, *mut u64, *const Core, HandlerTable, *mut Record);

/// The table, by opcode.
#[cfg(sx_threaded)]
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
        /// The handlers as functions, to make others of.
        pub(crate) mod body {
            #![allow(non_snake_case, dead_code, reason = "handlers are named as their opcodes; pairs use a part")]
            use super::*;

            $(#[inline(always)]
            pub(crate) fn $name<const FUEL: bool>(st: St<FUEL>) -> St<FUEL> {
                ($handler)(st)
            })*
        }

        mod stepped {
            #![allow(non_snake_case, reason = "handlers are named as their opcodes")]
            use super::*;

            type Step = unsafe fn(&mut St<true>);

            $(unsafe fn $name(st: &mut St<true>) {
                *st = ($handler)(*st);
            })*

            const STEPS: [Step; ALL.len()] = [$($name,)*];

            /// As [`run`], but looks for machine code at the end of every loop's body.
            ///
            /// # Safety
            /// As for [`run`].
            pub(super) unsafe fn run_asking(mut st: St<true>) {
                // SAFETY: the caller's promise, kept by every handler.
                unsafe {
                    while op(st.pc) as u16 != Op::Exit as u16 {
                        if is_poll(st.pc) && (*st.core).guard.load(Ordering::Relaxed) != 0 {
                            (*(*st.core).state.get()).looks = true;
                            st.pc = replace::go_on(st.core, st.pc, st.fp, st.rp);
                        } else {
                            STEPS[op(st.pc) as usize](&mut st);
                        }
                    }
                }
            }

            /// Executes one instruction.
            ///
            /// # Safety
            /// As for [`run`].
            pub(super) unsafe fn step(mut st: St<true>) -> St<true> {
                // SAFETY: the caller's promise.
                unsafe { STEPS[op(st.pc) as usize](&mut st) };
                st
            }

            /// Runs until the code leaves through `Exit`. Counts fuel always; see [`super::run`].
            ///
            /// # Safety
            /// The state is at verified code whose frame fits the VM stack, its return record below `rp`; `core` is the
            /// instance that it belongs to, and this thread owns it.
            pub(super) unsafe fn run(mut st: St<true>) {
                // SAFETY: the caller's promise, kept by every handler.
                unsafe {
                    while op(st.pc) as u16 != Op::Exit as u16 {
                        STEPS[op(st.pc) as usize](&mut st);
                    }
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
                rp: *mut Record,
            ) {
                let st = ($handler)(St::<FUEL> { pc, fp, core, rp });
                // SAFETY: handlers keep the promise of `stepped::run`; the table has an entry for each opcode.
                unsafe { (*table.0.add(op(st.pc) as usize))(st.pc, st.fp, st.core, table, st.rp) }
            })*

            unsafe fn leave(_: *const Word, _: *mut u64, _: *const Core, _: HandlerTable, _: *mut Record) {
                #[cfg(debug_assertions)]
                super::balance::left();
            }

            struct Table<const FUEL: bool>;

            impl<const FUEL: bool> Table<FUEL> {
                const HANDLERS: &[Handler; ALL.len()] = &{
                    let mut table: [Handler; ALL.len()] = [$(if counts(Op::$name) { $name::<FUEL> } else { $name::<false> },)*];
                    table[Op::Exit as usize] = leave;
                    table
                };
            }

            /// As [`super::stepped::run`], without a look at the stack.
            #[inline(always)]
            pub(super) unsafe fn go<const FUEL: bool>(st: St<FUEL>) {
                let table = HandlerTable(Table::<FUEL>::HANDLERS.as_ptr());
                // SAFETY: the caller's promise.
                unsafe { (*table.0.add(op(st.pc) as usize))(st.pc, st.fp, st.core, table, st.rp) }
            }

            /// As [`super::stepped::run`].
            #[inline(never)]
            pub(super) unsafe fn run<const FUEL: bool>(st: St<FUEL>) {
                #[cfg(debug_assertions)]
                let entered = super::stack_address();
                // SAFETY: the caller's promise.
                unsafe { go::<FUEL>(st) };
                #[cfg(debug_assertions)]
                super::balance::check::<FUEL>(entered);
            }
        }
    };
}
for_each_opcode!(dispatchers);

/// Pairs stand last in the table.
#[cfg(sx_threaded)]
const FIRST_PAIR: u16 = Op::Ld64_Ld64 as u16;

/// True for opcodes whose handlers may count fuel: only these exist twice.
#[cfg(sx_threaded)]
const fn counts(op: Op) -> bool {
    const fn between(op: Op, first: Op, last: Op) -> bool {
        first as u16 <= op as u16 && op as u16 <= last as u16
    }
    matches!(op, Op::Slow | Op::JmpPoll | Op::Poll)
        || between(op, Op::PEq32, Op::LULtI64)
        || between(op, Op::Call, Op::CallVL)
        || op as u16 >= FIRST_PAIR
}

/// True for instructions that poll: what ends the bodies of loops.
pub(crate) fn is_poll(pc: *const Word) -> bool {
    // SAFETY: places in bytecode are instructions.
    let op = unsafe { op(pc) } as u16;
    op == Op::Poll as u16 || op == Op::JmpPoll as u16 || (Op::PEq32 as u16..=Op::LULtI64 as u16).contains(&op)
}

/// True for instructions that go elsewhere in the function and do nothing else, but for counting a loop.
pub(crate) fn is_jump(pc: *const Word) -> bool {
    // SAFETY: as above.
    let op = unsafe { op(pc) } as u16;
    (Op::Jmp as u16..=Op::LULtI64 as u16).contains(&op)
}

/// Executes one jump.
///
/// # Safety
/// As for [`run`]; the instruction is a jump.
pub(crate) unsafe fn step(pc: *const Word, fp: *mut u64, core: *const Core, rp: *mut Record) -> *const Word {
    // SAFETY: the caller's promise. Work isn't counted twice.
    unsafe {
        let state = (*core).state.get();
        let fuel = std::mem::replace(&mut (*state).fuel, i64::MAX);
        let st = stepped::step(St { pc, fp, core, rp });
        (*state).fuel = fuel;
        st.pc
    }
}

/// Runs until the code leaves through `Exit`, or until a fault ends it; `State::exit` says why.
///
/// # Safety
/// As for [`stepped::run`].
pub(crate) unsafe fn run(fuel: bool, pc: *const Word, fp: *mut u64, core: *const Core, rp: *mut Record) {
    let body = body(fuel);
    // SAFETY: the caller's promise. Handlers, and the routines that they call where a fault may happen, drop nothing.
    unsafe {
        let body = if (*(*core).state.get()).asks { asking_body } else { body };
        #[cfg(sx_faults)]
        if (*(*core).state.get()).protects {
            return crate::fault::entry::enter(pc, fp, core, rp, body);
        }
        body(pc, fp, core, rp);
    }
}

/// The loop that this build and this call use.
#[inline]
fn body(fuel: bool) -> unsafe extern "C-unwind" fn(*const Word, *mut u64, *const Core, *mut Record) {
    #[cfg(sx_threaded)]
    if trial::passed() && !is_stepping() {
        return if fuel { threaded_body::<true> } else { threaded_body::<false> };
    }
    if fuel { stepped_body::<true> } else { stepped_body::<false> }
}

#[cfg(sx_threaded)]
unsafe extern "C-unwind" fn threaded_body<const FUEL: bool>(
    pc: *const Word,
    fp: *mut u64,
    core: *const Core,
    rp: *mut Record,
) {
    // SAFETY: the promise of `run`.
    unsafe { threaded::run(St::<FUEL> { pc, fp, core, rp }) }
}

unsafe extern "C-unwind" fn stepped_body<const FUEL: bool>(
    pc: *const Word,
    fp: *mut u64,
    core: *const Core,
    rp: *mut Record,
) {
    // SAFETY: the promise of `run`.
    unsafe {
        if !FUEL {
            (*(*core).state.get()).fuel = i64::MAX;
        }
        stepped::run(St { pc, fp, core, rp });
    }
}

unsafe extern "C-unwind" fn asking_body(pc: *const Word, fp: *mut u64, core: *const Core, rp: *mut Record) {
    // SAFETY: the promise of `run`.
    unsafe {
        if (&(*(*core).state.get()).env).limits.fuel.is_none() {
            (*(*core).state.get()).fuel = i64::MAX;
        }
        stepped::run_asking(St { pc, fp, core, rp });
    }
}

/// Tests have a way to step in builds that thread.
#[cfg(sx_threaded)]
#[inline(always)]
fn is_stepping() -> bool {
    #[cfg(test)]
    return tests::STEPPING.get();
    #[cfg(not(test))]
    false
}

/// About where the native stack is.
#[cfg(all(sx_threaded, debug_assertions))]
#[inline(always)]
fn stack_address() -> usize {
    let local = 0u8;
    std::hint::black_box(&raw const local) as usize
}

/// Whether calls at the ends of handlers were compiled to jumps, tried once.
#[cfg(sx_threaded)]
mod trial {
    use super::*;
    use std::ptr;
    use std::sync::OnceLock;

    /// Rounds of the loop, and the growth of the stack that they may not cause.
    const ROUNDS: i32 = 4096;
    const GROWTH: usize = 2048;

    /// True when threaded dispatch can be used.
    #[inline]
    pub(super) fn passed() -> bool {
        static PASSED: OnceLock<bool> = OnceLock::new();
        *PASSED.get_or_init(run)
    }

    #[cold]
    fn run() -> bool {
        let code = [
            Word::new(Op::Probe, 0, 0, 0),
            Word::with_w(Op::MovI, 1, ROUNDS),
            Word::new(Op::AddI, 1, 1, -1i16 as u16),
            Word::new(Op::JNeI64, 1, 0, -1i16 as u16),
            Word::new(Op::Probe, 2, 0, 0),
            Word::new(Op::Exit, 0, 0, 0),
        ];
        let mut frame = [0u64; 3];
        // SAFETY: the code uses three slots of its frame and leaves through `Exit`; none of its handlers looks at the core.
        unsafe {
            threaded::go(St::<false> {
                pc: code.as_ptr(),
                fp: frame.as_mut_ptr(),
                core: ptr::null(),
                rp: ptr::null_mut(),
            })
        };
        let [first, _, last] = frame;
        first.abs_diff(last) < GROWTH as u64
    }
}

/// In builds with assertions: after every run the stack is exactly where it was, so no handler that ran has left a frame.
#[cfg(all(sx_threaded, debug_assertions))]
mod balance {
    use super::*;
    use std::cell::Cell;
    use std::ptr;
    use std::sync::OnceLock;

    thread_local! {
        static LEFT: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn left() {
        LEFT.set(stack_address());
    }

    /// Compares with a run of nothing at all, which is the first that comes here.
    pub(super) fn check<const FUEL: bool>(entered: usize) {
        static DISTANCES: [OnceLock<usize>; 2] = [OnceLock::new(), OnceLock::new()];
        thread_local! {
            static MEASURING: Cell<bool> = const { Cell::new(false) };
        }
        let distance = entered.wrapping_sub(LEFT.get());
        if MEASURING.get() {
            let _ = DISTANCES[FUEL as usize].set(distance);
            return;
        }
        if DISTANCES[FUEL as usize].get().is_none() {
            MEASURING.set(true);
            let code = [Word::new(Op::Exit, 0, 0, 0)];
            // SAFETY: the code leaves at once.
            unsafe {
                threaded::run(St::<FUEL> {
                    pc: code.as_ptr(),
                    fp: ptr::null_mut(),
                    core: ptr::null(),
                    rp: ptr::null_mut(),
                })
            };
            MEASURING.set(false);
        }
        let expected = DISTANCES[FUEL as usize].get().copied().unwrap_or(distance);
        let left = distance.wrapping_sub(expected);
        assert!(left == 0, "a handler left {left} bytes on the native stack");
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Instance, Limits, Program, TrapReason};
    use std::cell::Cell;
    use std::sync::Arc;
    use sx_ir::*;

    thread_local! {
        /// This thread runs step by step.
        pub(super) static STEPPING: Cell<bool> = const { Cell::new(false) };
    }

    /// The sum of the squares below `n`, by a loop that calls a function.
    fn module() -> Module {
        let sig = Signature { params: vec![Ty::Ptr, Ty::I64], rets: vec![Ty::I64] };
        let mut m = Module::new();
        let (square, sum) = (m.reserve_func(), m.reserve_func());
        let mut b = Builder::new("square", sig.clone(), CallConv::Sx);
        let x = b.param(1).into();
        let y = b.bin(BinOp::Mul, Ty::I64, x, x);
        let list = b.list([y]);
        b.terminate(Term::Return(list));
        m.define_func(square, b.finish());
        let mut b = Builder::new("sum", sig, CallConv::Sx);
        let (ctx, n) = (b.param(0).into(), b.param(1).into());
        let (i, total, zero, one) = (b.var(Ty::I64), b.var(Ty::I64), b.i64(0), b.i64(1));
        b.push(Inst::Copy { dst: i, src: zero });
        b.push(Inst::Copy { dst: total, src: zero });
        let (head, body, after) = (b.block(), b.block(), b.block());
        b.jump(head);
        b.switch_to(head);
        let cond = b.cmp(CmpOp::SLt, Ty::I64, i.into(), n);
        b.terminate(Term::Branch { cond, then: body, else_: after });
        b.switch_to(body);
        let y = b.call(Callee::Func(square), &[ctx, i.into()], &[Ty::I64])[0];
        let t = b.bin(BinOp::Add, Ty::I64, total.into(), y);
        b.push(Inst::Copy { dst: total, src: t });
        let t = b.bin(BinOp::Add, Ty::I64, i.into(), one);
        b.push(Inst::Copy { dst: i, src: t });
        b.push(Inst::Poll);
        b.jump(head);
        b.switch_to(after);
        let list = b.list([total.into()]);
        b.terminate(Term::Return(list));
        m.define_func(sum, b.finish());
        m
    }

    fn run(fuel: Option<u64>) -> Result<u64, TrapReason> {
        let m = module();
        let program = Program::new();
        program.compile_all(&m).expect("it compiles");
        let limits = Limits { fuel, ..Limits::default() };
        let mut instance =
            Instance::new(Arc::new(program), Config { limits, ..Config::default() }).expect("it starts");
        let mut rets = [0];
        instance.call(FuncId(1), &[0, 1000], &mut rets).map(|()| rets[0]).map_err(|trap| trap.reason())
    }

    #[test]
    fn both_ways_do_the_same() {
        for stepping in [false, true] {
            STEPPING.set(stepping);
            assert_eq!(run(None), Ok(332_833_500), "{stepping}");
            assert_eq!(run(Some(1 << 20)), Ok(332_833_500), "{stepping}");
            assert_eq!(run(Some(100)), Err(TrapReason::Kind(TrapKind::OutOfFuel)), "{stepping}");
        }
        STEPPING.set(false);
    }

    #[cfg(sx_threaded)]
    #[test]
    fn an_optimised_build_threads() {
        assert!(super::trial::passed());
    }
}
