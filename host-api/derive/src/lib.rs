//! Derive macros of the `sx` crate.
