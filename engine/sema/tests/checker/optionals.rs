//! Optionals: unwrapping, narrowing, chains.

use crate::support::{check, types};

#[test]
fn optionals_are_no_values() {
    check(
        r#"
f :: (o: ?i64) -> i64 { o }
                        ^ E0201
"#,
    );
    check(
        r#"
f :: (o: ?i64) -> i64 { o + 1 }
                        ^^^^^ E0204
"#,
    );
    check(
        r#"
S :: struct { x: i64; }
f :: (o: ?S) -> i64 { o.x }
                        ^ E0401
"#,
    );
    check(
        r#"
f :: (o: ?[]i64) -> i64 { o[0] }
                          ^^^^ E0210
"#,
    );
    check(
        r#"
f :: (o: ?[]i64) { for o (x) {} }
                       ^ E0505
"#,
    );
}

#[test]
fn ways_to_the_value() {
    check("f :: (o: ?i64) -> i64 { o! }");
    check("f :: (o: ?i64) -> i64 { o ?? 0 }");
    check("f :: (o: ?i64) -> i64 { o ?? return 1 }");
    check("f :: (o: ?i64) -> i64 { if v := o { v } else { 0 } }");
    check("f :: (o: ?i64) -> i64 { if o == { case null: 0; else: (v) { v } } }");
    check(
        r#"
f :: (n: i64) -> i64 { n! }
                       ^^ E0215
"#,
    );
    check(
        r#"
f :: (n: i64) -> i64 { n ?? 1 }
                       ^^^^^^ E0215
"#,
    );
    check(
        r#"
f :: (o: ?i64) -> i64 { o ?? "a" }
                             ^^^ E0201
"#,
    );
    check(
        r#"
f :: (n: i64) { if v := n {} }
                        ^ E0504
"#,
    );
}

#[test]
fn tests_narrow() {
    check("f :: (o: ?i64) -> i64 { if o != null { o } else { 0 } }");
    check("f :: (o: ?i64) -> i64 { if o == null { return 0; } o }");
    check("f :: (o: ?i64) -> i64 { if o { o } else { 0 } }");
    check("f :: (o: ?i64) -> i64 { if !o { return 0; } o }");
    check("f :: (o: ?i64) -> bool { o != null and o > 1 }");
    check("f :: (o: ?i64) -> bool { o == null or o > 1 }");
    check("f :: (a: ?i64, b: ?i64) -> i64 { if a != null and b != null { a + b } else { 0 } }");
    check("f :: (o: ?i64) -> i64 { while o == null { return 1; } o }");
}

#[test]
fn tests_that_say_nothing_do_not() {
    check(
        r#"
f :: (o: ?i64) -> i64 { if o == null { } o }
                                         ^ E0201
"#,
    );
    check(
        r#"
f :: (o: ?i64) -> i64 { if o == null { o } else { 0 } }
                                       ^ E0201
"#,
    );
    check(
        r#"
f :: (o: ?i64, b: bool) -> i64 { if o != null or b { o } else { 0 } }
                                                     ^ E0201
"#,
    );
    check(
        r#"
f :: (o: ?i64) -> bool { o == null and o > 1 }
                                       ^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (o: ?i64) -> bool { o != null or o > 1 }
                                      ^^^^^ E0204
"#,
    );
}

#[test]
fn assignment_ends_narrowing() {
    check(
        r#"
g :: () -> ?i64 { 1 }
f :: () -> i64 { o := g(); if o == null { return 0; } o = g(); o }
                                                               ^ E0201
"#,
    );
    check(
        r#"
g :: () -> ?i64 { 1 }
f :: () -> i64 { o := g(); if o == null { o = 5; } o }
                                                   ^ E0201
"#,
    );
    check(
        r#"
g :: () -> ?i64 { 1 }
f :: () -> i64 { o := g(); while o != null { n : i64 = o; o = g(); m : i64 = o; } 0 }
                                                                             ^ E0201
"#,
    );
    check(
        r#"
g :: () -> ?i64 { 1 }
f :: () -> i64 { o := g(); if o == null { return 0; } for 0..3 (i) { n : i64 = o; o = g(); } 0 }
                                                                               ^ E0201
"#,
    );
}

#[test]
fn only_names_whose_address_stays_narrow() {
    check(
        r#"
f :: () -> i64 { o : ?i64 = 1; p := @o; if o == null { return 0; } p.* = null; o }
                                                                               ^ E0201
"#,
    );
    check(
        r#"
S :: struct { o: ?i64; }
f :: (s: *S) -> i64 { if s.o != null { s.o } else { 0 } }
                                       ^^^ E0201
"#,
    );
    check(
        r#"
g : ?i64;
f :: () -> i64 { if g != null { g } else { 0 } }
                                ^ E0201
"#,
    );
}

#[test]
fn chains_flatten() {
    types(
        "S :: struct { n: i64; o: ?u8; xs: []f32; p: *S; m :: (self: *S) -> string { \"\" } q :: (self: *S) -> ?i64 { null } } s : ?S; p : ?*S;",
        &[
            ("s?.n", "?i64"),
            ("s?.o", "?u8"),
            ("s?.xs[0]", "?f32"),
            ("s?.m()", "?string"),
            ("s?.q()", "?i64"),
            ("p?.n", "?i64"),
            ("s?.m().len", "?i64"),
            ("s?.n ?? 3", "i64"),
        ],
    );
    check(
        r#"
S :: struct { n: i64; }
f :: (s: S) -> ?i64 { s?.n }
                      ^ E0215
"#,
    );
    check(
        r#"
S :: struct { n: i64; }
f :: (s: ?S) -> i64 { s?.n }
                      ^^^^ E0201
"#,
    );
}

#[test]
fn null_needs_an_optional() {
    check(
        r#"
f :: () -> i64 { null }
                 ^^^^ E0201
"#,
    );
    check(
        r#"
f :: (n: i64) -> bool { n == null }
                        ^^^^^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (s: []i64) -> bool { s == null }
                          ^^^^^^^^^ E0204
"#,
    );
    check("f :: (c: Closure() -> void, s: ?cstring) -> bool { c == null or s == null }");
}
