//! Lines per second through checking, lowering and bytecode, for a generated program of 100,000 lines.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sx_benches::{compile, generate};
use sx_ir::parallel::Threads;
use sx_ir::passes::Level;

fn check(c: &mut Criterion) {
    let mut group = c.benchmark_group("check");
    group.sample_size(10);
    for lines in [10_000, 100_000] {
        let generated = generate::program(lines, 500);
        let parsed = compile::parse(&generated.files);
        group.throughput(Throughput::Elements(generated.lines as u64));
        group.bench_function(format!("check and lower {lines} lines"), |b| {
            b.iter_with_large_drop(|| compile::check_parsed(&parsed));
        });
        let one = Threads::ONE;
        let levels = [(Level::None, one), (Level::Default, one), (Level::Default, Threads::available())];
        for (level, threads) in levels {
            let many = if threads == one { "one thread" } else { "all threads" };
            group.bench_function(format!("bytecode of {lines} lines, {level:?}, {many}"), |b| {
                b.iter_batched(
                    || compile::check_parsed(&parsed),
                    |mut sema| compile::bytecode(&mut sema, level, threads),
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
