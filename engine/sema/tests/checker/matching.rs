//! Matches: patterns, exhaustiveness, bindings.

use crate::support::{check, check_after, types};

const T: &str = "E :: enum { a; b; c; }\nS :: enum { circle: f64; rect: i64; line: i64; empty; }\n";

#[test]
fn values_are_exhaustive() {
    check_after(T, "f :: (e: E) -> i64 { if e == { case .a: 1; case .b: 2; case .c: 3; } }");
    check_after(
        T,
        r#"
f :: (e: E) -> i64 { if e == { case .a: 1; case .b: 2; } }
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
    check_after(T, "f :: (e: E) -> i64 { if e == { case .a: 1; else: 2; } }");
    check_after(T, "f :: (e: E) -> i64 { if e == { case .a, .b, .c: 1; } }");
    check_after(
        T,
        r#"
f :: (n: i64) -> i64 { if n == { case 1: 1; } }
                       ^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
    check_after(T, "f :: (n: i64) -> i64 { if n == { case 1: 1; else: 0; } }");
    check_after(T, "f :: (n: u8) -> i64 { if n == { case 0..=255: 1; } }");
    check_after(T, "f :: (b: bool) -> i64 { if b == { case true: 1; case false: 0; } }");
    check_after(
        T,
        r#"
f :: (b: bool) -> i64 { if b == { case true: 1; } }
                        ^^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
    check_after(
        T,
        r#"
f :: (o: ?i64) -> i64 { if o == { case null: 1; } }
                        ^^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
    check_after(
        T,
        r#"
f :: (s: string) -> i64 { if s == { case "a": 1; } }
                          ^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
}

#[test]
fn statements_over_enums_are_too() {
    check_after(
        T,
        r#"
f :: (e: E) { if e == { case .a: {} case .b: {} } }
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
    check_after(T, "f :: (e: E) { if e == { case .a: {} else: {} } }");
    check_after(T, "f :: (n: i64) { if n == { case 1: {} } }");
    check_after(
        T,
        r#"
f :: (s: S) { if s == { case .circle: {} case .rect: {} case .line: {} } }
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
}

#[test]
fn patterns_fit_their_subject() {
    check_after(
        T,
        r#"
f :: (e: E) { if e == { case .z: {} else: {} } }
                              ^ E0403
"#,
    );
    check_after(
        T,
        r#"
f :: (e: E) { if e == { case 1: {} else: {} } }
                             ^ E0201
"#,
    );
    check_after(
        T,
        r#"
f :: (n: i64) { if n == { case "a": {} else: {} } }
                               ^^^ E0201
"#,
    );
    check_after(
        T,
        r#"
f :: (n: u8) { if n == { case 300: {} else: {} } }
                              ^^^ E0202
"#,
    );
    check_after(
        T,
        r#"
f :: (n: i64, m: i64) { if n == { case m: {} else: {} } }
                                       ^ E0701
"#,
    );
    check_after(T, "N :: 4;\nf :: (n: i64) { if n == { case N: {} case N + 1: {} else: {} } }");
    check_after(
        T,
        r#"
f :: (x: f64) { if x == { case 1.0: {} else: {} } }
                   ^ E0406
"#,
    );
    check_after(
        T,
        r#"
f :: (n: i64) { if n == { case null: {} else: {} } }
                               ^^^^ E0201
"#,
    );
}

#[test]
fn cases_are_seen_once() {
    check_after(
        T,
        r#"
f :: (e: E) { if e == { case .a: {} case .a: {} else: {} } }
                                         ^^ E0405
"#,
    );
    check_after(
        T,
        r#"
f :: (n: i64) { if n == { case 1: {} case 1..=3: {} else: {} } }
                                          ^^^^^ E0405
"#,
    );
    check_after(
        T,
        r#"
f :: (n: i64) { if n == { case 1..=3: {} case 2: {} else: {} } }
                                              ^ E0405
"#,
    );
    check_after(
        T,
        r#"
f :: (s: string) { if s == { case "a", "a": {} else: {} } }
                                       ^^^ E0405
"#,
    );
    check_after(T, "f :: (e: E) { if e == { case .a: {} case .b: {} case .c: {} else: {} } }");
}

#[test]
fn payloads_are_bound() {
    check_after(
        T,
        "f :: (s: S) -> f64 { if s == { case .circle: (r) { r } case .rect: (n) { xx n } case .line, .empty: 0.0; } }",
    );
    check_after(T, "f :: (s: *S) { if s.* == { case .circle: (*r) { r = 1.0; } else: {} } }");
    check_after(
        T,
        r#"
f :: (s: S) { if s == { case .empty: (x) {} else: {} } }
                                      ^ E0407
"#,
    );
    check_after(T, "f :: (s: S) -> i64 { if s == { case .rect, .line: (n) { n } else: 0; } }");
    check_after(
        T,
        r#"
f :: (s: S) { if s == { case .circle, .line: (n) {} else: {} } }
                                              ^ E0407
"#,
    );
    check_after(
        T,
        r#"
f :: (s: S) -> i64 { if s == { case .circle: (r) { r } else: 0; } }
                                                   ^ E0201
"#,
    );
    check_after(
        T,
        r#"
f :: (e: E) { if e == { case .a: (x) {} else: {} } }
                                  ^ E0407
"#,
    );
    check(
        r#"
U :: union { a: i64; }
f :: (u: U) { if u == { case .a: (x) {} else: {} } }
                 ^ E0406
"#,
    );
}

#[test]
fn payload_fields() {
    check_after(T, "f :: (s: *S) { s.circle = 1.0; }");
    check_after(T, "f :: (s: *S) -> f64 { s.circle }");
    check_after(T, "f :: (s: *S) { if s.* == { case .circle: { s.rect = 1; } else: {} } }");
}

#[test]
fn arms_have_one_type() {
    check_after(
        T,
        r#"
f :: (e: E) -> i64 { if e == { case .a: 1; case .b: "b"; case .c: 3; } }
                                                    ^^^ E0201
"#,
    );
    check_after(T, "f :: (e: E) -> i64 { if e == { case .a: 1; case .b: return 2; case .c: { 3 } } }");
    check_after(
        T,
        r#"
f :: (e: E) -> i64 { if e == { case .a: 1; case .b: {} case .c: 3; } }
                                                    ^^ E0307
"#,
    );
}

#[test]
fn types_as_subjects() {
    check(
        r#"
f :: (t: Type) -> i64 { if t == { case i64: 1; case nint: 2; else: 0; } }
                                                    ^^^^ E0101
"#,
    );
    check(
        r#"
f :: (t: Type) -> i64 { if t == { case i64: 1; } }
                        ^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
}

#[test]
fn categories_of_types() {
    check("f :: (t: Type) -> i64 { if t == { case i64: 1; case int, float: 2; case struct: 3; else: 0; } }");
    check(
        r#"
f :: (t: Type) -> i64 { if t == { case i64: 1; case int: 2; } }
                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0404
f2 :: (t: Type) { if t == { case i64: {} case int: (n) {} } }
                                                    ^ E0407
f3 :: (t: Type) { if t == { case i64: {} case int: {} case i64: {} } }
                                                           ^^^ E0405
"#,
    );
}

#[test]
fn values_with_their_types() {
    check(
        "f :: (a: Any) -> i64 { cast(i64) a }
g :: () -> i64 { f(1) + f(2) }",
    );
    check(
        "f :: (a: Any) -> i64 { t := type_of(a); if t == { case int: cast(i64) cast(t) a; else: 0; } }\
           type_of :: (v: $T) -> Type #builtin;
g :: () -> i64 { f(cast(u8) 1) + f(true) }",
    );
    check(
        r#"
f :: (a: Any) -> i64 { if a == { case i64: (n) { n } case bool: (b) { b } else: 0; } }
                                                                      ^ E0201
g :: () -> i64 { f(1) + f(true) }
"#,
    );
    check(
        r#"
f :: (a: Any) { if a == { case i64: {} case i64: {} } }
                                            ^^^ E0405
h :: () -> Any { null }
                 ^^^^ E0201
"#,
    );
}

#[test]
fn types_of_matches() {
    types(
        "e := 1; o : ?u8 = 1;",
        &[("if e == { case 1: 1.5; else: 2; }", "f64"), ("if o == { case null: 0; else: (v) { v } }", "u8")],
    );
}
