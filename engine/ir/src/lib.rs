//! The middle form: what every tier is given.
//!
//! | module | what |
//! |---|---|
//! | [`ids`] | typed names of table entries |
//! | [`func`] | functions: registers, slots, blocks, instructions |
//! | [`module`] | the tables that functions refer to |
//! | [`layout`] | sizes, offsets, and how values travel |
//! | [`builder`] | writing a function block by block |

pub mod builder;
pub mod func;
pub mod ids;
pub mod layout;
pub mod module;

pub use builder::Builder;
pub use func::*;
pub use ids::*;
pub use module::*;
