//! What the benchmarks share: a generator of realistic programs, and the compiler driven without the command.

pub mod compile;
pub mod generate;
