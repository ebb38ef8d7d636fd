//! What the fuzz targets are made of.
//!
//! | module | what |
//! |---|---|
//! | [`compile`] | from a text to bytecode, with everything on the way verified |
//! | [`comptime`] | running functions at compile time, harmlessly |
//! | [`pieces`] | a text as tokens, groups, statements and declarations |
//! | [`mutate`] | new programs out of old ones |
//! | [`stack`] | overflows as finds |

pub mod compile;
pub mod comptime;
pub mod mutate;
pub mod pieces;
pub mod stack;
