//! Compile time: running code, keeping what it made, and what it may ask of the compiler.
//!
//! | module | what |
//! |---|---|
//! | `run` | expressions run on the machine |
//! | `thaw` | results read out of its memory |
//! | `keep`, `leaves`, `frozen` | results that point at other memory |
//! | `api` | functions that the compiler itself answers: `abi(.compiler)` |
//! | `build` | what build scripts ask for |
//! | `define` | types made by running code |
//! | `reach` | that the program itself calls none of them |
//! | `worlds` | programs for other machines than the one that compiles |

mod api;
mod build;
mod define;
mod frozen;
mod keep;
mod leaves;
mod reach;
mod run;
mod thaw;
mod worlds;

pub use build::BuildPlan;
pub(crate) use define::Making;
pub(crate) use worlds::{Lambda, Origin, Traces, World};
