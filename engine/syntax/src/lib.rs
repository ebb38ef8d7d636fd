//! Source text to syntax tree.
//!
//! | module | makes | from |
//! |---|---|---|
//! | [`ast`] | the tree's data | |
//! | [`span`], [`source`] | places, files | |
//! | [`diag`] | diagnostics as data, their codes | |

pub mod ast;
pub mod diag;
pub mod source;
pub mod span;
