//! What crossing between host and program costs, and making an instance.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use sx::{Engine, Instance};

const SOURCE: &str = "
    #import \"modules/std.sx\";
    host :: #import \"host\";
    add :: (a: i64, b: i64) -> i64 { a + b }
    mix :: (a: i64, b: f64) -> f64 { b }
    length :: (s: string) -> i64 { s.len }
    sum :: (xs: []f64) -> f64 { t := 0.0; for xs (x) { t += x; } t }
    thousand :: () -> i64 { t := 0; for 0..1000 (i) { t = host.next(t); } t }
    loop_only :: () -> i64 { t := 0; for 0..1000 (i) { t = t * 3 + i; } t }
    main :: () { print(\"hello\\n\"); }
";

fn instance() -> Instance {
    let engine = Engine::builder().host_fn("host", "next", |n: i64| n + 1).build();
    engine.compile(SOURCE).and_then(|program| program.instantiate()).expect("the program is good")
}

fn calls(c: &mut Criterion) {
    let mut i = instance();
    let add = i.func::<(i64, i64), i64>("add").expect("it is there");
    c.bench_function("host to sx, two integers", |b| {
        b.iter(|| add.call(&mut i, (black_box(3), black_box(4))).expect("it adds"));
    });
    let mix = i.func::<(i64, f64), f64>("mix").expect("it is there");
    c.bench_function("host to sx, integer and float", |b| {
        b.iter(|| mix.call(&mut i, (black_box(3), black_box(4.0))).expect("it returns"));
    });
    let length = i.func::<(&str,), i64>("length").expect("it is there");
    c.bench_function("host to sx, a string", |b| {
        b.iter(|| length.call(&mut i, (black_box("some text"),)).expect("it has a length"));
    });
    let thousand = i.func::<(), i64>("thousand").expect("it is there");
    c.bench_function("sx to host, a thousand times", |b| {
        b.iter(|| thousand.call(&mut i, ()).expect("it counts"));
    });
    let loop_only = i.func::<(), i64>("loop_only").expect("it is there");
    c.bench_function("the same loop without calls", |b| {
        b.iter(|| loop_only.call(&mut i, ()).expect("it counts"));
    });
}

fn instances(c: &mut Criterion) {
    let program = instance().program().clone();
    c.bench_function("an instance", |b| b.iter(|| program.instantiate().expect("there is memory")));
}

criterion_group!(benches, calls, instances);
criterion_main!(benches);
