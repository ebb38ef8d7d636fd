//! Instances of generics cost the same however many there are.

use std::time::{Duration, Instant};
use sx_benches::{compile, generate};

/// The bodies that were checked, and the shortest of a few times.
fn check(count: usize) -> (u64, Duration) {
    let parsed = compile::parse(&generate::instances(count).files);
    let run = || {
        let start = Instant::now();
        let sema = compile::check_parsed(&parsed);
        assert!(!sema.has_errors());
        (sema.checked_bodies(), start.elapsed())
    };
    (0..3).map(|_| run()).min_by_key(|&(_, time)| time).expect("there were runs")
}

#[test]
fn ten_thousand_instances_are_linear() {
    let (few, short) = check(2_500);
    let (many, long) = check(10_000);
    assert!(many >= 30_000, "a type makes three instances: {many}");
    assert!(many < few * 4 + 200, "nothing is instantiated twice: {few} and {many}");
    // Four times the work; a quadratic step would take sixteen times as long.
    assert!(long < short * 9, "{few} bodies took {short:?}, {many} took {long:?}");
}
