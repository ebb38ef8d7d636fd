//! Any bytes: parsing ends with a tree and diagnostics that can be shown; what has no errors can be formatted,
//! which changes neither its tree nor, the second time, its text.
#![no_main]

use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};
use sx_fuzz::{mutate, stack};
use sx_syntax::ast::dump::dump;
use sx_syntax::diag::{self, Style};
use sx_syntax::source::Sources;
use sx_syntax::{format, parse, parse_bytes, parse_statements};

fuzz_target!(init: stack::handle_overflows(), |bytes: &[u8]| {
    let file = parse_bytes("fuzz.sx".into(), bytes);
    let tree = dump(&file.ast);
    parse_statements("fuzz.sx".into(), file.text.clone());
    let mut sources = Sources::new();
    sources.add(file.clone());
    for diagnostic in file.diagnostics.iter().take(8) {
        diag::render(diagnostic, &sources, Style::default());
        diag::json(diagnostic, &sources);
    }
    let Ok(formatted) = format(&file) else { return };
    let again = parse("fuzz.sx".into(), formatted.as_str().into());
    assert_eq!(tree, dump(&again.ast), "formatting changed the tree");
    assert_eq!(Ok(formatted), format(&again), "formatting twice differs");
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // Every other time bytes are changed blindly: nowhere else does any byte matter.
    let new = if seed % 2 == 0 { None } else { mutate::mutate(&data[..size], max_size, seed) };
    match new {
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
