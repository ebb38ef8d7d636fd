//! The middle form: what every tier is given.
//!
//! | module | what |
//! |---|---|
//! | [`ids`] | typed names of table entries |
//! | [`func`] | functions: registers, slots, blocks, instructions |
//! | [`module`] | the tables that functions refer to |
//! | [`layout`] | sizes, offsets, and how values travel |
//! | [`builder`] | writing a function block by block |
//! | [`named`] | what code and data name |
//! | [`vector`] | types of so many lanes |
//! | [`atomic`] | orderings, and operations that are one step |
//! | [`visit`] | what instructions read, write and lead to |
//! | [`cfg`](mod@cfg) | order, predecessors and dominators of blocks |
//! | [`verify`](mod@verify) | whether a function is well-formed |
//! | [`passes`] | the optimiser |
//! | [`parallel`] | work on many functions at a time |
//! | [`print`](mod@print), [`parse`], [`names`] | the text form |

pub mod atomic;
pub mod builder;
pub mod cfg;
pub mod func;
pub mod ids;
pub mod layout;
pub mod module;
pub mod named;
pub mod names;
pub mod parallel;
pub mod parse;
pub mod passes;
pub mod print;
pub mod vector;
pub mod verify;
pub mod visit;

pub use atomic::{Ordering, RmwOp};
pub use builder::Builder;
pub use func::*;
pub use ids::*;
pub use module::*;
pub use named::Named;
pub use vector::{Lane, MAX_LANES, VecTy};
pub use verify::{VerifyError, verify};
