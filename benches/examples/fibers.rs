//! What fibers of programs cost in the interpreter; `fiber_switch` has the switch alone, beside its peers.
//!
//! `cargo run --release -p sx-benches --example fibers [-- FIBERS]`; 0 leaves the waiting ones out.

use std::time::Instant;
use sx::{Engine, Instance, Limits};

const SOURCE: &str = "
#import \"modules/std.sx\";
fiber :: #import \"modules/std/fiber.sx\";

turns :: (n: i64) -> i64 {
    f := fiber.create(() { while true { fiber.suspend(); } }) catch (e) { return -1; };
    for 0..n (_) { _ = f.resume(); }
    f.kill();
    n
}

lives :: (n: i64) -> i64 {
    for 0..n (_) {
        f := fiber.create(() { }) catch (e) { return -1; };
        _ = f.resume();
    }
    n
}

emitted :: (n: i64) -> i64 {
    p := @n;
    values := fiber.generator((out: *fiber.Sink(i64)) { for 0..p.* (i) { out.emit(i); } }) catch (e) { return -1; };
    sum := 0;
    for values (x) { sum += x; }
    values.deinit();
    sum
}

waiting : List(fiber.Fiber) = .{};

park :: (n: i64) -> i64 {
    for 0..n (_) {
        f := fiber.create(() { fiber.suspend(); }) catch (e) { return waiting.len; };
        _ = f.resume();
        waiting.append(f);
    }
    n
}

finish :: (n: i64) -> i64 {
    for waiting.items (f) { _ = f.resume(); }
    n
}
";

const RUNS: usize = 7;

fn main() {
    let parked: i64 =
        std::env::args().nth(1).map_or(1_000_000, |count| count.parse().expect("a number of fibers"));
    let engine = Engine::builder().limits(Limits::none()).build();
    let program = engine.compile(SOURCE).unwrap_or_else(|error| panic!("{}", error.render()));
    let mut instance = program.instantiate().expect("an instance");
    for (what, name, count) in [
        ("resume + suspend", "turns", 1_000_000),
        ("create + run + finish", "lives", 300_000),
        ("a value of a generator", "emitted", 500_000),
    ] {
        let best = (0..RUNS).map(|_| time(&mut instance, name, count)).fold(f64::INFINITY, f64::min);
        println!("{what:24} {:7.1} ns (best of {RUNS})", best / count as f64);
    }
    if parked > 0 {
        println!("{parked} fibers that wait");
        println!(
            "  made and begun in      {:7.0} ns each",
            time(&mut instance, "park", parked) / parked as f64
        );
        for field in ["VmRSS", "VmPTE"] {
            println!("  {field}                {:9} KiB", status(field));
        }
        println!(
            "  finished in            {:7.0} ns each",
            time(&mut instance, "finish", parked) / parked as f64
        );
    }
}

/// Nanoseconds of a call.
fn time(instance: &mut Instance, name: &str, count: i64) -> f64 {
    let function = instance.func::<(i64,), i64>(name).expect("the program has it");
    let start = Instant::now();
    let done = function.call(instance, (count,)).expect("it runs");
    assert!(done > 0, "{name} made {done}");
    start.elapsed().as_nanos() as f64
}

/// A number of KiB that the system says of this process.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
