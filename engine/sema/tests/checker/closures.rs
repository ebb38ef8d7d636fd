//! Closures: parameters, captures, conversions.

use crate::support::{check, types};

#[test]
fn parameters_come_from_context() {
    check("f :: (c: Closure(i64, string) -> bool) {}\ng :: () { f((a, b) => a > b.len); }");
    check(
        r#"
f :: (c: Closure(i64) -> i64) {}
g :: () { f((a, b) => a); }
            ^^^^^^^^^^^ E0301
"#,
    );
    check(
        r#"
f :: (c: Closure(i64) -> i64) {}
g :: () { f(() => 1); }
            ^^^^^^^ E0301
"#,
    );
    check(
        r#"
f :: (c: Closure(i64) -> i64) {}
g :: () { f((a) => "s"); }
                   ^^^ E0201
"#,
    );
    check(
        r#"
f :: (c: Closure(i64) -> i64) {}
g :: () { f((a: string) => 1); }
            ^^^^^^^^^^^^^^^^ E0201
"#,
    );
    check("f :: (c: Closure(i64) -> void) {}\ng :: () { f((a) { _ = a; }); }");
}

#[test]
fn captures_are_copies() {
    check("f :: () -> i64 { n := 1; c := () => n + 1; c() }");
    check(
        r#"
f :: () { n := 1; c := () { n = 2; }; c(); }
                            ^ E0212
"#,
    );
    check("f :: () { n := 1; p := @n; c := () { p.* = 2; }; c(); }");
    check(
        r#"
f :: () { xs : [2]i64; c := () { xs[0] = 2; }; c(); }
                                 ^^^^^ E0212
"#,
    );
    check("g := 1;\nf :: () { c := () { g = 2; }; c(); }");
}

#[test]
fn types_of_literals() {
    types(
        "n := 1;",
        &[
            ("(a: i64) => a", "Closure(i64) -> i64"),
            ("(a: i64, b: f32) -> bool { true }", "Closure(i64, f32) -> bool"),
            ("() { }", "Closure()"),
            ("((a: u8) => a)(1)", "u8"),
        ],
    );
}

#[test]
fn capture_free_literals_become_functions() {
    check("f :: (g: (i64) -> i64) {}\nh :: () { f((a: i64) => a); }");
    check(
        r#"
f :: (g: (i64) -> i64) {}
h :: () { n := 1; f((a: i64) => a + n); }
                    ^^^^^^^^^^^^^^^^^ E0305
"#,
    );
    check(
        r#"
f :: (g: (i64) -> i64) {}
h :: (c: Closure(i64) -> i64) { f(c); }
                                  ^ E0201
"#,
    );
}

#[test]
fn failable_closures() {
    check(
        "f :: (c: Closure(i64) -> i64 !) -> i64 { c(1) or 0 }\ng :: () -> i64 { f((a) => a) + f((a) { raise error.X; }) }",
    );
    check(
        r#"
f :: (c: Closure(i64) -> i64) {}
g :: () { f((a) { raise error.X; }); }
                  ^^^^^^^^^^^^^ E0603
"#,
    );
    check(
        r#"
f :: (c: Closure(i64) -> i64 !) -> i64 { c(1) }
                                         ^^^^ E0601
"#,
    );
}

#[test]
fn returns_leave_the_closure() {
    check("f :: () -> string { c := (n: i64) -> i64 { return n; }; _ = c(1); \"a\" }");
    check(
        r#"
f :: () -> string { c := (n: i64) -> i64 { return "a"; }; _ = c(1); "a" }
                                                  ^^^ E0201
"#,
    );
    check(
        r#"
f :: () { x := 1; g :: () -> i64 { x } }
                                   ^ E0101
"#,
    );
}
