//! Calls and callbacks against the system's C compiler and library.

mod calls;
mod structs;
mod support;
