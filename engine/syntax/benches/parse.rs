//! How many lines a second are lexed, parsed and formatted. Elements are lines, of 30 characters on average.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

/// Code as people write it: structs, enums, functions with loops, conditions, matches, calls and literals.
fn generate(lines: usize) -> String {
    let mut out = String::from("#import \"modules/std.sx\";\n\n");
    let mut unit = 0;
    while out.bytes().filter(|&b| b == b'\n').count() < lines {
        // A batch at a time, so that counting lines doesn't dominate.
        for _ in 0..50 {
            write_unit(&mut out, unit);
            unit += 1;
        }
    }
    out
}

fn write_unit(out: &mut String, n: usize) {
    let _ = write!(
        out,
        r#"/// The state of one particle group.
Group{n} :: struct {{
    position, velocity: Vec3;
    mass: f64 = 1.0;
    flags: u32;
    name: string = "group {n}";
    next: ?*Group{n};

    energy :: (self: *Group{n}) -> f64 {{
        v := self.velocity;
        0.5 * self.mass * (v.x * v.x + v.y * v.y + v.z * v.z)
    }}
}}

Event{n} :: enum {{
    started;
    moved: Vec3;
    collided: *Group{n};
    finished: i64;
}}

// Advances all groups by one step and counts what happened.
step{n} :: (groups: []Group{n}, events: []Event{n}, dt: f64) -> i64 {{
    count := 0;
    for groups, 0.. (*g, i) {{
        if g.mass <= 0.0 {{ continue; }}
        g.position.x += g.velocity.x * dt;
        g.position.y += g.velocity.y * dt;
        g.position.z += g.velocity.z * dt;
        if (g.flags & 0x0{low}) != 0 and i % 7 == 3 {{
            print("group {{}} moved to {{}}\n", g.name, g.position);
            count += 1;
        }} else if i > 1_000 {{
            break;
        }}
    }}
    for events (e) {{
        count += if e == {{
            case .started: 1;
            case .moved: (v) {{ cast(i64) (v.x + v.y) }}
            case .collided: (g) {{ if g.energy() > 10.0 then 2 else 0 }}
            case .finished: (code) {{ code * {n} }}
        }};
    }}
    while count > 100 {{
        count = (count - 1) / 2 << 1;
    }}
    count
}}

load{n} :: (path: string) -> []Group{n} !LoadErr {{
    text := try read_file(path);
    defer free_slice(text);
    rows := split(text, "\n");
    result := List(Group{n}).{{}};
    for rows (row) {{
        fields := split(row, ",");
        if fields.len != 4 {{ raise error.BadRow; }}
        mass := parse_float(fields[3]) catch (e) {{ return error_of(e); }};
        result.append(.{{ mass = mass, flags = {low}, name = fields[0] }});
    }}
    result.items[..result.len]
}}

"#,
        low = n % 10
    );
}

fn parsing(c: &mut Criterion) {
    let text = generate(100_000);
    let lines = text.lines().count() as u64;
    let text: Arc<str> = text.into();
    let path: Arc<str> = "bench.sx".into();
    let file = sx_syntax::parse(path.clone(), text.clone());
    assert!(file.diagnostics.is_empty(), "{:?}", file.diagnostics[0]);
    eprintln!("{lines} lines of {:.1} characters", text.len() as f64 / lines as f64);

    let mut group = c.benchmark_group("syntax");
    group.throughput(Throughput::Elements(lines)).sample_size(20);
    group.bench_function("lex", |b| b.iter(|| sx_syntax::lexer::lex(black_box(&text))));
    group.bench_function("parse", |b| b.iter(|| sx_syntax::parse(path.clone(), black_box(text.clone()))));
    group.bench_function("format", |b| b.iter(|| sx_syntax::format(black_box(&file))));
    group.finish();
}

criterion_group!(benches, parsing);
criterion_main!(benches);
