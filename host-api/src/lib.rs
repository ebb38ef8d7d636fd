//! Embeds the sx language: compiles scripts, calls them, is called by them.
//!
//! An [`Engine`] says what scripts may do and what the host gives them. It compiles sources to a [`Program`], which
//! threads share; an [`Instance`] runs it: variables, memory, stack.
//!
//! ```
//! use sx::Engine;
//!
//! let engine = Engine::builder()
//!     .host_fn("host", "double", |n: i64| -> i64 { n * 2 })
//!     .build();
//! let program = engine.compile(r#"
//!     host :: #import "host";
//!     count := 0;
//!     tick :: (by: i64) -> i64 {
//!         count += host.double(by);
//!         count
//!     }
//! "#)?;
//! let mut instance = program.instantiate()?;
//! let tick = instance.func::<(i64,), i64>("tick")?;
//! assert_eq!(tick.call(&mut instance, (4,))?, 8);
//! assert_eq!(tick.call(&mut instance, (1,))?, 10);
//!
//! let count = instance.global::<i64>("count")?;
//! assert_eq!(count.get(&mut instance)?, 10);
//! # Ok::<(), sx::Error>(())
//! ```
//!
//! Scripts can't bring the host down: a trap is an [`Error`] with a backtrace, memory, recursion and time are limited
//! ([`Limits`]), and what isn't given can't be reached. What a script does with raw pointers and C is its own
//! responsibility; C isn't within its reach unless the host says so.

mod build;
mod diagnostic;
mod driver;
mod engine;
mod error;
mod func;
mod global;
mod host;
mod instance;
mod limits;
mod program;
mod session;
mod text;
mod tier;
pub mod value;
mod workspace;

pub use build::BuildPlan;
pub use diagnostic::Diagnostic;
pub use driver::cancel::CompileCancel;
pub use driver::floor::Output;
pub use driver::loader::ModuleLoader;
pub use engine::{Engine, EngineBuilder, OptLevel};
pub use error::{Backtrace, Error, ErrorKind, Frame, Result, Style, SxError, TrapKind};
pub use func::TypedFunc;
pub use global::Global;
pub use host::{CallSite, Caller, HostFn, HostResult, IntoHostFn, Owned};
pub use instance::{Exit, Instance, InterruptHandle};
pub use limits::Limits;
pub use program::{InstanceBuilder, Program, Test};
pub use session::{Session, is_complete};
pub use text::{explain, format_source};
pub use tier::{TierStats, Tiers};
pub use value::SxType;
pub use workspace::Workspace;

/// Derives [`trait@SxType`].
///
/// ```
/// #[derive(Clone, Copy, sx::SxType)]
/// #[repr(C)]
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// let engine = sx::Engine::new();
/// let program = engine.compile(
///     "Point :: struct { x, y: f64; }
///      norm :: (p: Point) -> f64 { sqrt(p.x * p.x + p.y * p.y) }
///      #import \"modules/std.sx\";",
/// )?;
/// let mut instance = program.instantiate()?;
/// let norm = instance.func::<(Point,), f64>("norm")?;
/// assert_eq!(norm.call(&mut instance, (Point { x: 3.0, y: 4.0 },))?, 5.0);
/// # Ok::<(), sx::Error>(())
/// ```
pub use sx_derive::SxType;

/// The programs of the README are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
