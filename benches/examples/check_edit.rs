//! Prints how long a session takes to check a generated program of 200 files again after an edit, and how much of it it
//! checked: a body, a signature, a struct, and errors that come and go. Arguments: lines; rounds of each edit.

use std::time::{Duration, Instant};
use sx_benches::{compile, generate};
use sx_sema::incremental::Update;

/// So many files at least.
const FILES: usize = 200;

/// What is edited: a name, the text in the middle file, what takes its place, how many errors that makes.
const EDITS: [(&str, &str, &str, usize); 4] = [
    (
        "a body",
        "    total := 0;\n    for xs (x) {\n        total += f(x);",
        "    total := 1;\n    for xs (x) {\n        total += f(x);",
        0,
    ),
    (
        "a signature",
        "(width: i64, height: i64) -> i64 {",
        "(width: i64, height: i64, depth: i64 = 1) -> i64 {",
        0,
    ),
    ("a struct", "    mass: f64 = 1.0;\n", "    mass: f64 = 1.0;\n    charge: f64 = 0.5;\n", 0),
    ("a mistake", "    filled := 0;\n", "    filled := \"\";\n", 1),
];

fn main() {
    let lines = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let rounds: usize = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(10);
    // A file ends with the unit that makes it long enough.
    let sizes = (1..=lines / FILES).rev().map(|size| generate::program(lines, size));
    let generated = sizes.into_iter().find(|g| g.files.len() > FILES).expect("small files are many files");
    let (path, text) = generated.files[generated.files.len() / 2].clone();
    let start = Instant::now();
    let mut session = compile::session(&generated.files);
    let (found, _) = session.diagnostics();
    println!(
        "{} lines in {} files: all checked in {:.1?}, {} bodies, {} diagnostics",
        generated.lines,
        generated.files.len(),
        start.elapsed(),
        session.checked_bodies(),
        found.len()
    );
    for (name, from, to, errors) in EDITS {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "the program has no such text: {from}");
        let (mut slowest, mut total) = (Duration::ZERO, Duration::ZERO);
        let mut update = Update::default();
        for _ in 0..rounds {
            for (text, errors) in [(&edited, errors), (&text, 0)] {
                let start = Instant::now();
                update = session.set_text(&path, text);
                let (found, _) = session.diagnostics();
                let took = start.elapsed();
                assert!(found.len() >= errors && (errors > 0 || found.is_empty()), "{found:#?}");
                slowest = slowest.max(took);
                total += took;
            }
        }
        let mean = total / (2 * rounds) as u32;
        println!(
            "{name}: {mean:.1?} on average, {slowest:.1?} at most; checked {} regions, {} bodies{}",
            update.regions,
            update.bodies,
            if update.whole { ", the whole program" } else { "" }
        );
    }
}
