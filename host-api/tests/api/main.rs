//! What hosts can rely on.

mod calls;
mod comptime;
mod errors;
mod faults;
mod fibers;
mod globals;
mod host_fns;
mod limits;
mod modules;
mod output;
mod program_threads;
mod shared;
mod threads;

use sx::{Engine, Error, Instance};

/// An instance of a program that an engine without anything special compiles.
fn instance(source: &str) -> Instance {
    instance_of(&Engine::new(), source)
}

fn instance_of(engine: &Engine, source: &str) -> Instance {
    match engine.compile(source).and_then(|program| program.instantiate()) {
        Ok(instance) => instance,
        Err(error) => panic!("{}", error.render()),
    }
}

/// The error of something that must fail.
fn failure<T>(result: sx::Result<T>) -> Error {
    match result {
        Ok(_) => panic!("succeeded"),
        Err(error) => error,
    }
}
