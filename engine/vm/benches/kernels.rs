//! Interpreter speed on hand-built kernels, and what crossing the border costs. The same programs for Lua are in the workspace's `benches`.

#[path = "kernels/mod.rs"]
mod kernels;

use criterion::{Criterion, criterion_group, criterion_main};
use std::sync::Arc;
use sx_ir::{Func, FuncId, Module};
use sx_vm::{Config, Instance, Program};

fn instance(func: Func) -> Instance {
    let mut module = Module::new();
    let id = module.reserve_func();
    module.define_func(id, func);
    let program = Program::new();
    program.compile_all(&module).expect("kernels compile");
    Instance::new(Arc::new(program), Config::default()).expect("an instance")
}

fn run(instance: &mut Instance, args: &[u64], rets: usize) -> u64 {
    let mut out = [0; 1];
    let args = [&[0], args].concat();
    instance.call(FuncId(0), &args, &mut out[..rets]).expect("kernels don't trap");
    out[0]
}

fn kernels(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernels");
    group.sample_size(10);
    let mut fib = instance(kernels::fib());
    group.bench_function("fib 30", |b| b.iter(|| run(&mut fib, &[30], 1)));
    let mut sieve = instance(kernels::sieve());
    let mut flags = vec![0u8; 1_000_000];
    let args = [flags.as_mut_ptr() as u64, flags.len() as u64];
    group.bench_function("sieve 1e6", |b| b.iter(|| run(&mut sieve, &args, 1)));
    let mut matmul = instance(kernels::matmul());
    let (a, b, mut m) = (vec![1.5f64; 10_000], vec![2.5f64; 10_000], vec![0f64; 10_000]);
    let args = [a.as_ptr() as u64, b.as_ptr() as u64, m.as_mut_ptr() as u64, 100];
    group.bench_function("matmul 100", |b| b.iter(|| run(&mut matmul, &args, 0)));
    let mut mandelbrot = instance(kernels::mandelbrot());
    group.bench_function("mandelbrot 200", |b| b.iter(|| run(&mut mandelbrot, &[200], 1)));
    let mut advance = instance(kernels::advance());
    let mut bodies: Vec<f64> = (0..35).map(|i| 1.0 + i as f64 * 0.37).collect();
    let args = [bodies.as_mut_ptr() as u64, 5, 0.001f64.to_bits(), 10_000];
    group.bench_function("nbody 1e4", |b| b.iter(|| run(&mut advance, &args, 0)));
    group.finish();
}

fn border(c: &mut Criterion) {
    let mut group = c.benchmark_group("border");
    let mut k = kernels::Kernel::new("id", &[sx_ir::Ty::I64], &[sx_ir::Ty::I64]);
    let x = k.param(0);
    let one = k.int(1);
    let y = k.bin(sx_ir::BinOp::Add, x, one);
    let mut id = instance(k.ret(&[y]));
    let prepared = id.prepare(FuncId(0)).expect("it has code");
    group.bench_function("prepared call", |b| {
        let mut out = [0; 1];
        b.iter(|| id.call_prepared(prepared, &[0, 41], &mut out).is_ok());
    });
    let program = id.program();
    group.bench_function("new instance", |b| {
        b.iter(|| Instance::new(program.clone(), Config::default()).expect("an instance"));
    });
    group.finish();
}

criterion_group!(benches, kernels, border);
criterion_main!(benches);
