//! What the checker says about small programs: which codes, and at exactly which characters; and which types it finds.

mod support;

mod assignment;
mod atomics;
mod calls;
mod closures;
mod comptime;
mod control;
mod conversions;
mod errors;
mod finds;
mod foreign;
mod formats;
mod generics;
mod incremental;
mod inference;
mod limits;
mod matching;
mod modules;
mod names;
mod operators;
mod optionals;
mod packs;
mod protocols;
mod structs;
mod vectors;
mod worlds;
