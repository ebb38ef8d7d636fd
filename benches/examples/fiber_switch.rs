//! What fibers cost: a resume with its suspend, a fiber's whole life on a pooled stack, and a million that wait.
//!
//! `cargo run --release -p sx-benches --example fiber_switch [-- FIBERS]`; 0 leaves the waiting ones out.

use std::hint::black_box;
use std::time::Instant;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use sx_fiber::{Fiber, Native, Pool, PoolConfig, Portable, StackLayout, Switch, Turn};
use wasmtime_fiber::{Fiber as RawFiber, FiberStack};

const RUNS: usize = 7;
const TURNS: usize = 2_000_000;
const LIVES: usize = 500_000;

fn main() {
    let parked =
        std::env::args().nth(1).map_or(1_000_000, |count| count.parse().expect("a number of fibers"));
    println!("resume + suspend, ns (best of {RUNS})");
    println!("  native           {:6.2}", turns_of::<Native>());
    println!("  portable         {:6.2}", turns_of::<Portable>());
    println!("  wasmtime-fiber   {:6.2}", turns_of_wasmtime());
    println!("  corosensei       {:6.2}", turns_of_corosensei());
    println!("create + run + finish, pooled, ns (best of {RUNS})");
    println!("  native           {:6.2}", lives_of::<Native>());
    println!("  portable         {:6.2}", lives_of::<Portable>());
    println!("  wasmtime-fiber   {:6.2}", lives_of_wasmtime());
    println!("  corosensei       {:6.2}", lives_of_corosensei());
    if parked > 0 {
        park::<Native>(parked);
    }
}

fn best(count: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_nanos() as f64 / count as f64);
    }
    best
}

fn new_pool() -> Pool {
    let layout = StackLayout::within(256 << 10, (64 << 10) + 2048);
    Pool::new(PoolConfig { layout, ..PoolConfig::default() }).expect("a pool")
}

fn fiber<S: Switch>(pool: &mut Pool, body: fn(&sx_fiber::Suspend<'_, S>, usize) -> usize) -> Fiber<S> {
    let slot = pool.take().expect("a slot");
    Fiber::with(slot, body).map_err(|(error, _)| error).expect("a fiber")
}

fn turns_of<S: Switch>() -> f64 {
    let mut pool = new_pool();
    let fiber = fiber::<S>(&mut pool, |suspend, mut word| {
        while word != usize::MAX {
            word = suspend.suspend(word);
        }
        0
    });
    let time = best(TURNS, || {
        for word in 0..TURNS {
            assert_eq!(fiber.resume(word), Ok(Turn::Suspended(word)));
        }
    });
    assert_eq!(fiber.resume(usize::MAX), Ok(Turn::Finished(0)));
    time
}

fn turns_of_wasmtime() -> f64 {
    let stack = FiberStack::new(256 << 10, false).expect("a stack");
    let fiber = RawFiber::<usize, usize, usize>::new(stack, |mut word, suspend| {
        while word != usize::MAX {
            word = suspend.suspend(word);
        }
        0
    })
    .expect("a fiber");
    let time = best(TURNS, || {
        for word in 0..TURNS {
            assert_eq!(fiber.resume(word), Err(word));
        }
    });
    assert_eq!(fiber.resume(usize::MAX), Ok(0));
    time
}

fn turns_of_corosensei() -> f64 {
    let mut coroutine = Coroutine::<usize, usize, usize>::new(|yielder, mut word| {
        while word != usize::MAX {
            word = yielder.suspend(word);
        }
        0
    });
    let time = best(TURNS, || {
        for word in 0..TURNS {
            assert!(matches!(coroutine.resume(word), CoroutineResult::Yield(it) if it == word));
        }
    });
    assert!(matches!(coroutine.resume(usize::MAX), CoroutineResult::Return(0)));
    time
}

fn lives_of<S: Switch>() -> f64 {
    let mut pool = new_pool();
    best(LIVES, || {
        for word in 0..LIVES {
            let fiber = fiber::<S>(&mut pool, |_, word| word);
            assert_eq!(fiber.resume(word), Ok(Turn::Finished(word)));
            pool.give(fiber.into_slot().expect("finished")).expect("of this pool");
        }
    })
}

fn lives_of_wasmtime() -> f64 {
    let mut stack = Some(FiberStack::new(256 << 10, false).expect("a stack"));
    best(LIVES, || {
        for word in 0..LIVES {
            let fiber = RawFiber::<usize, usize, usize>::new(stack.take().expect("the stack"), |word, _| {
                black_box(word)
            })
            .expect("a fiber");
            assert_eq!(fiber.resume(word), Ok(word));
            stack = Some(fiber.into_stack());
        }
    })
}

fn lives_of_corosensei() -> f64 {
    let mut stack = Some(DefaultStack::new(256 << 10).expect("a stack"));
    best(LIVES, || {
        for word in 0..LIVES {
            let own = stack.take().expect("the stack");
            let mut coroutine = Coroutine::<usize, usize, usize>::with_stack(own, |_, word| black_box(word));
            assert!(matches!(coroutine.resume(word), CoroutineResult::Return(it) if it == word));
            stack = Some(coroutine.into_stack());
        }
    })
}

fn park<S: Switch>(count: usize) {
    let mut pool = new_pool();
    let before = Memory::now();
    let start = Instant::now();
    let mut fibers = Vec::with_capacity(count);
    for word in 0..count {
        let fiber = fiber::<S>(&mut pool, |suspend, word| suspend.suspend(word));
        assert_eq!(fiber.resume(word), Ok(Turn::Suspended(word)));
        fibers.push(fiber);
    }
    let made = start.elapsed();
    let memory = Memory::now();
    let stats = pool.stats();
    println!("{count} waiting ({}), 256 KiB reserved each", S::NAME);
    println!("  created and parked in {made:?}, {:.0} ns each", made.as_nanos() as f64 / count as f64);
    println!("  resident {} MiB, page tables {} MiB", memory.resident >> 10, memory.tables >> 10);
    let bytes = |kib: usize| (kib << 10) as f64 / count as f64;
    println!(
        "  per fiber: {:.0} + {:.0} bytes",
        bytes(memory.resident - before.resident),
        bytes(memory.tables - before.tables)
    );
    println!("  {} reservations, {} mappings in the process", stats.reservations, memory.mappings);
    let start = Instant::now();
    for fiber in fibers {
        assert_eq!(fiber.resume(1), Ok(Turn::Finished(1)));
        pool.give(fiber.into_slot().expect("finished")).expect("of this pool");
    }
    println!("  resumed, finished and given back in {:?}", start.elapsed());
    println!("  afterwards resident {} MiB", Memory::now().resident >> 10);
}

/// What the system says of this process; KiB.
struct Memory {
    resident: usize,
    tables: usize,
    mappings: usize,
}

impl Memory {
    fn now() -> Memory {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
            line.split_whitespace().nth(0).and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        let mappings = std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count());
        Memory { resident: field("VmRSS:"), tables: field("VmPTE:"), mappings }
    }
}
