//! Fibers: calls that stop in their middle, and go on from there when they are resumed.
//!
//! | module | what |
//! |---|---|
//! | [`control`] | what is kept for a fiber, and where it lies in the fiber's slot |
//! | [`table`] | the fibers of an execution, by handle |
//! | [`run`] | creating, resuming, suspending, killing |
//! | [`locks`] | locks that fibers hold |
//! | [`memory`] | what fibers count against the limit on memory |
//! | [`wait`] | waiting for code, at compile time |
//! | [`tags`] | what handles say of the thread |
//!
//! A fiber has a native stack, on which host functions and the interpreter's own loop run, and above it its VM stack and
//! return stack. They are one [slot](sx_fiber::Slot):
//!
//! ```text
//!   low ─► native stack … ◄─ top │ control │ small records │ frames … │ large records … ─► high
//!          grows down               one page with the      grow up
//!                                   stack's first bytes
//! ```
//! So a fiber that waits near its beginning has touched one page. The VM stack ends early at first, where no more frames lie
//! than the small records are enough for. When it is full, the records are copied to the large ones, and from then on the VM stack
//! gets longer in steps ([`spread`]); frames never move, addresses of locals stay what they are.
//!
//! Switching to a fiber exchanges the execution's [`Strand`] with the fiber's: while a fiber runs, its control holds the strand of
//! whoever resumed it. A fiber is resumed by the execution that made it, and by no other.
//!
//! No frame of a host or C function lies on a fiber's stack when it suspends: suspending below one is a trap. What does lie there
//! is the interpreter's, and has nothing to drop but what this module itself put there, which killing a fiber unwinds in order.

mod control;
mod locks;
mod memory;
mod run;
mod table;
mod tags;
mod wait;

pub(crate) use control::{Control, resumer, spread};
pub(crate) use locks::Locks;
pub(crate) use run::{call, close, kill_all, kill_root};
pub(crate) use table::Fibers;
pub(crate) use tags::Tags;
pub(crate) use wait::{Waiting, waiting};

/// What a program can do with fibers: functions of the floor with these symbols.
///
/// | symbol | arguments | result |
/// |---|---|---|
/// | `sx_fiber_create` | a function value, data and its length | a handle; -1: too many, -2: no memory |
/// | `sx_fiber_resume` | a handle | 1: it has suspended, 0: it has ended; -1: it had ended before, -2: it runs, -3: it is another thread's |
/// | `sx_fiber_suspend` | | 0; -1: no fiber runs |
/// | `sx_fiber_state` | a handle | 0: ended, 1: not begun, 2: suspended, 3: running, -3: another thread's |
/// | `sx_fiber_kill` | a handle | 0; -2: it runs, -3: it is another thread's |
/// | `sx_fiber_set_name` | a handle, text and its length | 0; -1: it has ended, -3: it is another thread's |
/// | `sx_fiber_current` | | the handle of the fiber that runs, 0 without one |
/// | `sx_fiber_hold` | the key of a lock that was taken, 0 if it has none | the lock's key |
/// | `sx_fiber_let_go` | the key of a lock that is given back | 0 |
///
/// The data is copied to the fiber's stack. Its first part is the context under which the function runs; the function gets
/// the copy's address, and gives no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FiberOp {
    /// Makes a fiber.
    Create,
    /// Runs one until it suspends or ends.
    Resume,
    /// Goes back to who resumed the fiber that runs.
    Suspend,
    /// Where a fiber is in its life.
    State,
    /// Ends a fiber where it is.
    Kill,
    /// Names one for messages.
    SetName,
    /// Which fiber runs.
    Current,
    /// It has taken a lock.
    Hold,
    /// It gives one back.
    LetGo,
}

impl FiberOp {
    /// The operation that a symbol names.
    pub fn from_symbol(symbol: &str) -> Option<FiberOp> {
        Some(match symbol {
            "sx_fiber_create" => FiberOp::Create,
            "sx_fiber_resume" => FiberOp::Resume,
            "sx_fiber_suspend" => FiberOp::Suspend,
            "sx_fiber_state" => FiberOp::State,
            "sx_fiber_kill" => FiberOp::Kill,
            "sx_fiber_set_name" => FiberOp::SetName,
            "sx_fiber_current" => FiberOp::Current,
            "sx_fiber_hold" => FiberOp::Hold,
            "sx_fiber_let_go" => FiberOp::LetGo,
            _ => return None,
        })
    }
}
