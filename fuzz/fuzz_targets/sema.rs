//! Any bytes as a module: checking ends with diagnostics that can be shown or with well-formed functions, which the
//! passes keep well-formed and which become bytecode. Compile-time code is run on little fuel; the program isn't.
#![no_main]

use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};
use sx_fuzz::compile::compile;
use sx_fuzz::{mutate, stack};

fuzz_target!(init: stack::handle_overflows(), |bytes: &[u8]| {
    compile(bytes);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // Now and then bytes are changed blindly, or words of the dictionary are put in.
    if seed % 16 == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    match mutate::mutate(&data[..size], max_size, seed) {
        Some(new) => {
            data[..new.len()].copy_from_slice(new.as_bytes());
            new.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
});

fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
    let new = mutate::cross(one, other, out.len(), seed);
    out[..new.len()].copy_from_slice(new.as_bytes());
    new.len()
});
