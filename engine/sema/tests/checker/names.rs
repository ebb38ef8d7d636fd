//! Names: unknown, declared twice, shadowed, forward, cyclic.

use crate::support::check;

#[test]
fn unknown_names_are_shown_where_they_stand() {
    check(
        r#"
main :: () { missing(); }
             ^^^^^^^ E0101
"#,
    );
    check(
        r#"
f :: (n: Missing) -> i64 { n }
         ^^^^^^^ E0101
"#,
    );
    check(
        r#"
f :: () -> Missing { 1 }
           ^^^^^^^ E0101
"#,
    );
    check(
        r#"
x := missing;
     ^^^^^^^ E0101
"#,
    );
    check(
        r#"
f :: () { x = 1; }
          ^ E0101
"#,
    );
}

#[test]
fn one_cause_gives_one_error() {
    check(
        r#"
f :: () -> i64 { a := missing; b := a + 1; c := b * a; c }
                      ^^^^^^^ E0101
"#,
    );
    check(
        r#"
x := missing;
     ^^^^^^^ E0101
f :: () -> i64 { x + x }
"#,
    );
    check(
        r#"
S :: struct { a: Missing; }
                 ^^^^^^^ E0101
f :: (s: S) -> i64 { s.a + 1 }
"#,
    );
}

#[test]
fn a_name_is_declared_once_per_block() {
    check(
        r#"
f :: () { x := 1; x := 2; }
                  ^ E0103
"#,
    );
    check(
        r#"
N :: 1;
N :: 2;
^ E0103
"#,
    );
    check(
        r#"
f :: (a: i64, a: i64) {}
              ^ E0103
"#,
    );
    check("f :: (a: i64) { a := 2; }");
    check(
        r#"
f :: () { a, a := .(1, 2); }
             ^ E0103
"#,
    );
    check(
        r#"
f :: () { for 0..2, 0.. (i, i) {} }
                            ^ E0103
"#,
    );
}

#[test]
fn inner_blocks_shadow() {
    check("f :: (x: i64) -> bool { { x := true; x } }");
    check("x :: 1;\nf :: () -> string { x := \"s\"; x }");
    check("f :: () -> i64 { i := 1; for 0..3 (i) { _ = i; } i }");
}

#[test]
fn module_level_order_is_free() {
    check("main :: () -> i64 { f(N) }\nf :: (n: T) -> T { n + N }\nT :: i64;\nN :: M * 2;\nM :: 21;");
    check("A :: struct { b: *B; }\nB :: struct { a: *A; }");
    check(
        "even :: (n: i64) -> bool { n == 0 or odd(n - 1) }\nodd :: (n: i64) -> bool { n != 0 and even(n - 1) }",
    );
}

#[test]
fn locals_are_seen_after_their_declaration() {
    check(
        r#"
f :: () -> i64 { a := b; b := 1; a }
                      ^ E0101
"#,
    );
    check(
        r#"
f :: () -> i64 { x := x + 1; x }
                      ^ E0101
"#,
    );
    check(
        r#"
f :: () { { inner := 1; } inner = 2; }
                          ^^^^^ E0101
"#,
    );
}

#[test]
fn cycles_of_declarations_are_errors() {
    check(
        r#"
A :: B;
^ E0106
B :: A;
"#,
    );
    check(
        r#"
A :: A + 1;
^ E0106
"#,
    );
    check(
        r#"
S :: struct { s: S; }
              ^ E0207
"#,
    );
    check(
        r#"
A :: struct { b: B; }
              ^ E0207
B :: struct { a: [2]A; }
"#,
    );
    check(
        r#"
S :: struct { s: ?S; }
              ^ E0207
"#,
    );
    check(
        r#"
#import "modules/std.sx";
N :: size_of(S);
^ E0106
S :: struct { xs: [N]u8; }
"#,
    );
}

#[test]
fn what_is_no_value_is_told() {
    check(
        r#"
#import "modules/std.sx";
f :: () { x := math; }
               ^^^^ E0108
"#,
    );
    check(
        r#"
P :: protocol { f :: (self: *Self); }
f :: () { x := P.f; }
                 ^ E0401: no field or method
"#,
    );
    check(
        r#"
f :: () -> i64 { i64 }
                 ^^^ E0201
"#,
    );
}

#[test]
fn words_are_names_behind_a_backtick() {
    check("f :: (`if: i64) -> i64 { `if + 1 }");
    check("S :: struct { type: i64; case: i64; }\nf :: (s: S) -> i64 { s.type + s.case }");
    check(
        r#"
f :: () { u8 := 1; }
          ^^ E0014
"#,
    );
    check(
        r#"
f :: (string: i64) {}
      ^^^^^^ E0014
"#,
    );
}
