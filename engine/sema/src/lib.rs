//! Names, types, generics, checking and lowering.
//!
//! | module | makes | from |
//! |---|---|---|
//! | [`symbols`] | interned names | |
//! | [`types`] | interned types and their layouts | |
//! | [`value`] | values known at compile time | |
//! | [`sema`] | the state of a compilation, its public face | |
//! | `modules`, `decls` | files and what their declarations are | syntax trees |
//! | [`thir`], `visit` | the typed tree's data, and looking through it | |
//! | `check` | the typed tree | syntax trees |
//! | `retry` | a compilation that goes on after errors | one of a prompt's inputs |
//! | `comptime` | values and types | code that runs while compiling |
//! | [`lower`] | the middle form | the typed tree |

mod check;
mod comptime;
mod decls;
pub mod incremental;
pub mod lower;
mod modules;
mod retry;
pub mod sema;
pub mod symbols;
pub mod thir;
pub mod types;
pub mod value;
mod visit;

pub use comptime::BuildPlan;
pub use retry::Mark;
pub use sema::{Comptime, ComptimeOutcome, Export, Held, LoadError, Loaded, Loader, Options, Sema, TestCase};
