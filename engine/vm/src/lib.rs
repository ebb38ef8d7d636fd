//! Tier 0: compiles the middle form to register bytecode and runs it.
//!
//! | module | what |
//! |---|---|
//! | `bytecode` | the opcode table, instructions, verifier, disassembler |
//! | `block` | memory of data and globals |
//! | `codegen` | from a function of the middle form to bytecode |
//! | [`program`] | compiled functions and their data, shared by instances |
//! | [`instance`] | globals, stack, entry cells; calling and resuming |
//! | `interp` | the interpreter |
//! | [`fault`] | hardware faults, turned into traps |
//! | `fibers` | stacks that go on where they left |
//! | [`machine`] | machine code beside the interpreter |
//! | [`host`] | host functions, C functions, callbacks |
//! | [`trap`] | traps and call stacks |
//! | [`limits`] | limits, interruption, the memory meter |
//! | [`threads`] | the threads of an instance: starting, stopping, joining |
//! | [`park`] | waiting until another thread says so |
//!
//! A [`Program`] is `Send + Sync` and shared; an [`Instance`] is `Send` and used by `&mut`. Arguments and results are 8-byte
//! slots whose bits above a value's width are arbitrary.

// References made from raw pointers are spelled out, which this lint takes for needless.
#![allow(clippy::needless_borrow)]
// `!(a < b)` on floats means just that: it holds when one is NaN.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

pub(crate) mod block;
pub(crate) mod bytecode;
pub(crate) mod codegen;
pub(crate) mod env;
pub mod fault;
pub(crate) mod fibers;
pub mod host;
pub mod instance;
pub(crate) mod interp;
pub mod limits;
pub mod machine;
pub(crate) mod objects;
pub mod park;
pub mod program;
pub(crate) mod stack;
pub mod threads;
pub mod trap;

pub use codegen::CompileError;
pub use env::native_stack_left;
pub use fibers::FiberOp;
pub use host::{
    CallbackCode, CallbackHandle, Caller, ExternResolver, ExternTarget, HostFn, NativeCaller, NativeFn,
    NativeInterface, NoExterns,
};
pub use instance::{Config, Instance, Outcome, PreparedCall, Suspended};
pub use limits::{InterruptHandle, Limits, MemoryLimitReached, Meter};
pub use park::Parked;
pub use program::Program;
pub use threads::SpawnError;
pub use trap::{BACKTRACE_ENDS, FrameInfo, Trap, TrapReason};
