//! Native stacks and switches between them: what fibers of the interpreter, and of compiled code, run on.
//!
//! A [`Pool`] has memory, in slots with guards. A [`Fiber`] is a body on a slot. It runs when it is resumed, on the
//! thread of whoever resumes it, until it suspends; a word goes across each way. There are two switches behind the
//! trait [`Switch`]: our own ([`Native`]) and the portable one ([`Portable`]).
//!
//! ```
//! use sx_fiber::{Fiber, Pool, PoolConfig, Turn};
//!
//! let mut pool = Pool::new(PoolConfig::default()).unwrap();
//! let fiber = <Fiber>::with(pool.take().unwrap(), |suspend, first| {
//!     let second = suspend.suspend(first + 1);
//!     second * 2
//! })
//! .unwrap();
//! assert_eq!(fiber.resume(1), Ok(Turn::Suspended(2)));
//! assert_eq!(fiber.resume(21), Ok(Turn::Finished(42)));
//! assert!(fiber.resume(0).is_err());
//! pool.give(fiber.into_slot().unwrap()).unwrap();
//! ```
//!
//! The crate installs no signal handler. Those that do can ask [`guard_owner`] whose guard a fault has hit.

#![cfg(unix)]

mod error;
mod fiber;
mod layout;
mod map;
mod pool;
mod registry;
mod switch;

pub use error::{Error, ResumeError};
pub use fiber::{Body, Fiber, SendFiber, State, Suspend, Turn};
pub use layout::{MIN_STACK, StackLayout};
pub use map::Guards;
pub use pool::{Pool, PoolConfig, PoolStats, Slot};
pub use registry::{GuardHit, MAX_NAME, MAX_RESERVATIONS, SlotInfo, guard_owner};
pub use switch::{Best, Portable, PortableControl, Start, Switch};
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use switch::{Native, NativeControl};
