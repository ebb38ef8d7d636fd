//! Prints how long generic instances take to be checked and lowered, as their number doubles. Argument: the largest number.

use std::time::Instant;
use sx_benches::{compile, generate};

fn main() {
    let most = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10_000usize);
    for count in [most / 4, most / 2, most] {
        let parsed = compile::parse(&generate::instances(count).files);
        let start = Instant::now();
        let sema = compile::check_parsed(&parsed);
        let time = start.elapsed();
        let bodies = sema.checked_bodies();
        let each = time.as_nanos() as f64 / 1000.0 / bodies as f64;
        println!("{count} types: {bodies} bodies in {time:?}, {each:.1} us each");
    }
}
