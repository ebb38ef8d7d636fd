//! Sessions: a program that is checked again after each edit, as far as the edit reaches.
//!
//! A [`Session`] keeps parsed files and, for each region of a file ([`regions`]), what was found in it and what it looked at
//! while it was checked ([`watch`]). After an edit it compares the file's regions with those of the version before, follows
//! the edges backwards from what has changed ([`graph`]), and makes a new compilation in which nothing is asked for but the
//! regions that were reached; the findings of all others stay as they are. Nothing that a compilation knows outlives it, so
//! nothing in it can be out of date. What the regions need of others (signatures, types, values of constants) is found out
//! again on demand; that is little, since bodies that didn't change are passed over.
//!
//! All declarations of all files that aren't the library's are checked, used or not.
//!
//! Everything is checked again after an edit that takes an import away or loads a file, while something depends on itself,
//! when a program makes declarations by `#insert` in a module, calls functions of the compiler, or tells apart the types of
//! what an `Any` holds: these depend on the program as a whole. Another import of what is loaded concerns what looks up names
//! in its file. An impl that has to be checked again brings along all that looked for impls, and so does an import.

mod found;
mod graph;
mod loader;
mod query;
mod regions;
mod session;
mod watch;

pub(crate) use loader::Shared as SharedLoader;
pub use query::Place;
pub use session::{Session, Update};
pub(crate) use watch::{IMPLS, NAMES, Reports, Watch, Work};

#[cfg(test)]
mod tests;
