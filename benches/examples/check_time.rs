//! Prints how long a generated program takes in each stage: a quick look, and something to profile. Arguments: lines;
//! how much is optimised, `none`, `less` or `default`; how many threads may work, the machine's if nothing is said.

use std::time::Instant;
use sx_benches::{compile, generate};
use sx_ir::parallel::Threads;
use sx_ir::passes::Level;

fn main() {
    let lines = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let generated = generate::program(lines, 500);
    let start = Instant::now();
    let parsed = compile::parse(&generated.files);
    let parse = start.elapsed();
    let start = Instant::now();
    let mut sema = compile::check_parsed(&parsed);
    let check = start.elapsed();
    for diagnostic in sema.diagnostics.iter().take(5) {
        eprintln!("{}", sx_syntax::diag::render(diagnostic, &sema.sources, Default::default()));
    }
    let level = match std::env::args().nth(2).as_deref() {
        Some("none") => Level::None,
        Some("less") => Level::Less,
        _ => Level::Default,
    };
    let threads = std::env::args().nth(3).and_then(|n| n.parse().ok());
    let threads = threads.map_or(Threads::available(), Threads::at_most);
    let start = Instant::now();
    let program = compile::bytecode(&mut sema, level, threads);
    let bytecode = start.elapsed();
    drop(program);
    let total = check + bytecode;
    println!(
        "{} lines: parse {parse:?}, check and lower {check:?}, optimise and bytecode {bytecode:?}: {:.0} lines/s",
        generated.lines,
        generated.lines as f64 / total.as_secs_f64()
    );
}
