//! Loops, labels, deferred statements, blocks' values.

use crate::support::check;

#[test]
fn breaks_belong_to_loops() {
    check(
        r#"
f :: () { break; }
          ^^^^^ E0501
"#,
    );
    check(
        r#"
f :: () { continue; }
          ^^^^^^^^ E0501
"#,
    );
    check("f :: () { while true { break; } }");
    check(
        r#"
f :: () { while true { g := () { break; }; g(); } }
                                 ^^^^^ E0501
"#,
    );
    check("f :: (n: i64) { while true { if n == { case 1: break; else: continue; } } }");
}

#[test]
fn labels() {
    check("f :: () { outer: for 0..3 (i) { for 0..3 (j) { if j == i { continue outer; } break outer; } } }");
    check(
        r#"
f :: () { for 0..3 (i) { break outer; } }
                               ^^^^^ E0502
"#,
    );
    check(
        r#"
f :: () { outer: for 0..3 (i) {} while true { break outer; } }
                                                    ^^^^^ E0502
"#,
    );
}

#[test]
fn what_can_be_looped_over() {
    check(
        "f :: (xs: []i64, a: [3]u8, s: string) { for xs (x) {} for a (x) {} for s (c) {} for 0..3 (i) {} for 1..=3 (i) {} }",
    );
    check(
        r#"
f :: (n: i64) { for n (x) {} }
                    ^ E0505
"#,
    );
    check(
        r#"
f :: (x: f64) { for 0..x (i) {} }
                    ^ E0505
"#,
    );
    check(
        r#"
f :: (xs: []i64) { for xs (a, b) {} }
                              ^ E0025
"#,
    );
    check("f :: (xs: []i64, ys: []u8) -> i64 { for xs, ys (x, y) { return x + y; } 0 }");
    check(
        "It :: struct { n: i64; next :: (self: *It) -> ?i64 { null } }\nf :: (it: It) -> i64 { for it (x) { return x; } 0 }",
    );
    check(
        r#"
It :: struct { n: i64; next :: (self: *It) -> i64 { 1 } }
f :: () { it : It; for it (x) {} }
                       ^^ E0505
"#,
    );
}

#[test]
fn deferred_blocks_are_not_left() {
    check(
        r#"
f :: () { defer { return; } }
                  ^^^^^^ E0503
"#,
    );
    check(
        r#"
f :: () { while true { defer break; } }
                             ^^^^^ E0503
"#,
    );
    check("f :: () { defer { while true { break; } } }");
    check(
        r#"
g :: () -> ! {}
f :: () -> ! { defer try g(); }
                     ^^^^^^^ E0503
"#,
    );
    check("g :: () -> ! {}\nf :: () -> ! { defer g() catch {}; }");
    check(
        r#"
f :: () -> ! { defer raise error.X; }
                     ^^^^^^^^^^^^^ E0503
"#,
    );
}

#[test]
fn values_of_blocks() {
    check("f :: () -> i64 { x := { a := 1; a + 1 }; x }");
    check(
        r#"
f :: () -> i64 { x := { a := 1; a + 1; }; x }
                                            ^ E0307
"#,
    );
    check(
        r#"
f :: (b: bool) -> i64 { if b { 1 } }
                                   ^ E0307
"#,
    );
    check("f :: (b: bool) -> i64 { if b { 1 } else { return 2; } }");
    check(
        r#"
f :: (b: bool) -> i64 { if b { 1 } else { "a" } }
                                          ^^^ E0201
"#,
    );
    check("f :: (b: bool) -> i64 { x := if b then 1 else return 2; x }");
}

#[test]
fn dead_branches_at_compile_time() {
    check("f :: () -> i64 { inline if false { missing() } else { 1 } }");
    check("f :: () -> i64 { inline if true { 1 } else { missing() } }");
    check(
        r#"
f :: (b: bool) -> i64 { inline if b { 1 } else { 2 } }
                                  ^ E0701
"#,
    );
    check("f :: () -> i64 { n := 0; inline for 0..3 (i) { n += i; } n }");
    check(
        r#"
f :: (m: i64) -> i64 { n := 0; inline for 0..m (i) { n += i; } n }
                                             ^ E0701
"#,
    );
}

#[test]
fn contexts() {
    check("f :: () { push .{} { } }");
    check(
        r#"
f :: () { push .{ nothing = 1 } { } }
                  ^^^^^^^ E0401
"#,
    );
    check(
        r#"
f :: () { push 5 { } }
               ^ E0201
"#,
    );
}
