//! Generates well-typed programs of any size in a realistic mix: structs with methods, enums and matches, tagged
//! unions, loops over slices, optionals, errors, generics, closures, strings, printing.
//!
//! The text is the same for the same arguments, so that figures can be compared.

use std::fmt::Write;

/// A generated program: files by path; the first is the one to run.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Path and text.
    pub files: Vec<(String, String)>,
    /// Lines that aren't blank.
    pub lines: usize,
}

/// A program of at least `lines` non-blank lines in files of about `per_file`.
pub fn program(lines: usize, per_file: usize) -> Generated {
    let mut files = Vec::new();
    let mut total = 0;
    while total < lines {
        let n = files.len();
        let mut text = String::from("#import \"modules/std.sx\";\n\n");
        let mut unit = 0;
        let mut count = 1;
        while count < per_file && total + count < lines {
            let before = text.len();
            write_unit(&mut text, n, unit);
            count += text[before..].lines().filter(|l| !l.trim().is_empty()).count();
            unit += 1;
        }
        let _ = writeln!(text, "file_{n} :: () -> i64 {{\n    sum := 0;");
        for u in 0..unit {
            let _ = writeln!(text, "    sum += unit_{n}_{u}();");
        }
        text.push_str("    sum\n}\n");
        count += unit + 4;
        total += count;
        files.push((format!("gen/file_{n}.sx"), text));
    }
    let mut main = String::from("#import \"modules/std.sx\";\n");
    for n in 0..files.len() {
        let _ = writeln!(main, "m{n} :: #import \"file_{n}.sx\";");
    }
    main.push_str("\nmain :: () {\n    sum := 0;\n");
    for n in 0..files.len() {
        let _ = writeln!(main, "    sum += m{n}.file_{n}();");
    }
    main.push_str("    print(\"{}\\n\", sum);\n}\n");
    total += files.len() * 2 + 5;
    files.insert(0, ("gen/main.sx".to_string(), main));
    Generated { files, lines: total }
}

/// A program with `count` distinct types, each of which makes an instance of a generic type, of its method and of a
/// generic function, and `count` instances of a function over constants.
pub fn instances(count: usize) -> Generated {
    let mut text = String::from(
        "Box :: struct ($T: Type) { v: T; get :: (self: *Self) -> *T { @self.v } }\n\
         size :: (x: *$T) -> i64 { y := x.*; y.a + size_of(T) }\n\
         scaled :: ($n: i64, x: i64) -> i64 { x * n + n }\n",
    );
    text.insert_str(0, "#import \"modules/std.sx\";\n\n");
    for n in 0..count {
        let _ = writeln!(text, "T{n} :: struct {{ a: i64; b: [{}]u8; }}", n % 7 + 1);
    }
    let groups: Vec<usize> = (0..count).step_by(50).collect();
    for &first in &groups {
        let _ = writeln!(text, "group_{first} :: () -> i64 {{\n    t := 0;");
        for n in first..count.min(first + 50) {
            let _ =
                writeln!(text, "    b{n} : Box(T{n}) = .{{}};\n    t += size(b{n}.get()) + scaled({n}, t);");
        }
        text.push_str("    t\n}\n");
    }
    text.push_str("main :: () {\n    t := 0;\n");
    for first in groups {
        let _ = writeln!(text, "    t += group_{first}();");
    }
    text.push_str("    print(\"{}\\n\", t);\n}\n");
    let lines = text.lines().filter(|line| !line.is_empty()).count();
    Generated { files: vec![("gen/main.sx".to_string(), text)], lines }
}

const UNIT: &str = r#"
/// Where something stands and how it moves.
Body_ID :: struct {
    x, y, z: f64;
    mass: f64 = 1.0;
    alive: bool = true;
    tag: string = "body";

    energy :: (self: *Body_ID) -> f64 {
        v := self.x * self.x + self.y * self.y + self.z * self.z;
        0.5 * self.mass * v
    }
    push_by :: (self: *Body_ID, dx: f64, dy: f64, dz: f64) {
        self.x += dx / self.mass;
        self.y += dy / self.mass;
        self.z += dz / self.mass;
        if self.x > 100.0 or self.y > 100.0 {
            self.alive = false;
        }
    }
}

State_ID :: enum { idle; walking; running; jumping; }

Event_ID :: enum {
    key: i64;
    click: Point_ID;
    text: string;
    quit;
}

Point_ID :: struct { x, y: i64; }

Failure_ID :: error { Empty, TooLong, BadDigit };

next_state_ID :: (s: State_ID, n: i64) -> State_ID {
    if s == {
        case .idle:    if n > 0 then State_ID.walking else State_ID.idle;
        case .walking: if n > 5 then State_ID.running else State_ID.walking;
        case .running: .jumping;
        case .jumping: .idle;
    }
}

handle_ID :: (e: Event_ID) -> i64 {
    if e == {
        case .key:   (k) { k * 2 + 1 }
        case .click: (p) { p.x * 10 + p.y }
        case .text:  (t) { t.len }
        case .quit:  0;
    }
}

parse_ID :: (s: string) -> i64 !Failure_ID {
    if s.len == 0 { raise error.Empty; }
    if s.len > 18 { raise error.TooLong; }
    value := 0;
    for s (c) {
        if c < '0' or c > '9' { raise error.BadDigit; }
        value = value * 10 + (c - '0');
    }
    value
}

find_ID :: (xs: []i64, wanted: i64) -> ?i64 {
    for xs, 0.. (x, i) {
        if x == wanted { return i; }
    }
    null
}

sum_of_ID :: (xs: []i64, f: Closure(i64) -> i64) -> i64 {
    total := 0;
    for xs (x) {
        total += f(x);
    }
    total
}

largest_ID :: (xs: []$T) -> T {
    best := xs[0];
    for xs (x) {
        if x > best { best = x; }
    }
    best
}

grid_ID :: (width: i64, height: i64) -> i64 {
    cells : [64]i64;
    filled := 0;
    y := 0;
    while y < height {
        for 0..width (x) {
            at := (y * width + x) % 64;
            cells[at] += x ^ y;
            if (cells[at] & 1) == 0 and at > 3 {
                filled += 1;
            } else if cells[at] > 40 {
                cells[at] = 0;
            }
        }
        y += 1;
    }
    filled
}

unit_ID :: () -> i64 {
    b := Body_ID.{ x = 1, y = 2, z = 3 };
    b.push_by(0.5, 0.25, 0.125);
    state := State_ID.idle;
    for 0..4 (i) {
        state = next_state_ID(state, i * 3);
    }
    events : [3]Event_ID = .[.key(7), .click(.{ 1, 2 }), .quit];
    total := 0;
    for events (e) {
        total += handle_ID(e);
    }
    total += parse_ID("123") or 0;
    total += parse_ID("x") catch (e) -1;
    numbers := i64.[4, 8, 15, 16, 23, 42];
    if at := find_ID(numbers, 15) {
        total += at;
    }
    scale := 3;
    total += sum_of_ID(numbers, (n) => n * scale);
    total += largest_ID(numbers[1..]);
    total += grid_ID(8, 8);
    if total < 0 {
        print("unit ID: {} in state {}, energy {:.3}\n", total, state, b.energy());
    }
    total
}
"#;

fn write_unit(out: &mut String, file: usize, unit: usize) {
    out.push_str(&UNIT.replace("ID", &format!("{file}_{unit}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_programs_are_right() {
        let generated = program(2_000, 500);
        assert!(generated.lines >= 2_000);
        let sema = crate::compile::check(&generated.files);
        assert!(sema.diagnostics.is_empty(), "{:#?}", sema.diagnostics);
    }
}
