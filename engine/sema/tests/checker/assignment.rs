//! What can be assigned, and what must have been.

use crate::support::{check, check_after};

#[test]
fn places_take_values() {
    check(
        "S :: struct { x: i64; xs: [3]i64; }\ng := 1;\nf :: (p: *S, xs: []i64) { s : S; s.x = 1; s.xs[2] = 2; p.x = 3; p.* = s; xs[0] = 4; g = 5; g += 1; }",
    );
}

#[test]
fn values_are_no_places() {
    check(
        r#"
f :: () { 1 = 2; }
          ^ E0212
"#,
    );
    check(
        r#"
g :: () -> i64 { 1 }
f :: () { g() = 2; }
          ^^^ E0212
"#,
    );
    check(
        r#"
f :: (a: i64) { a + 1 = 2; }
                ^^^^^ E0212
"#,
    );
    check(
        r#"
f :: () { p := @1; }
               ^^ E0212
"#,
    );
}

#[test]
fn parameters_and_constants_stay() {
    check(
        r#"
f :: (n: i64) { n = 1; }
                ^ E0212
"#,
    );
    check(
        r#"
S :: struct { x: i64; }
f :: (s: S) { s.x = 1; }
              ^^^ E0212
"#,
    );
    check(
        r#"
N :: 1;
f :: () { N = 2; }
          ^ E0212
"#,
    );
    check(
        r#"
XS :: .[1, 2];
f :: () { XS[0] = 2; }
          ^^^^^ E0212
"#,
    );
    check(
        r#"
f :: () { n :: 1; n += 1; }
                  ^ E0212
"#,
    );
    check(
        r#"
f :: (xs: [3]i64) { xs[0] = 1; }
                    ^^^^^ E0212
"#,
    );
    check("f :: (s: string) { s[0] = 1; }");
}

#[test]
fn lengths_and_constants_of_types_stay() {
    check(
        r#"
f :: () { xs : [3]i64; xs.len = 4; }
                       ^^^^^^ E0212
"#,
    );
    check(
        r#"
S :: struct { N :: 1; }
f :: () { S.N = 2; }
          ^^^ E0212
"#,
    );
    check(
        r#"
f :: () { p := @5; }
               ^^ E0212
"#,
    );
    check(
        r#"
N :: 5;
f :: () { p := @N; }
               ^^ E0212
"#,
    );
}

#[test]
fn properties_have_their_ways() {
    let s = "S :: struct { v: i64; r :: (self: *S) -> i64 #get => self.v; w :: (self: *S, v: i64) #set { self.v = v; } b :: (self: *S) -> i64 #get => self.v; b :: (self: *S, v: i64) #set { self.v = v; } }\n";
    check_after(s, "f :: (s: *S) -> i64 { s.w = 1; s.b = s.r; s.b += 1; s.b }");
    check_after(
        s,
        r#"
f :: (s: *S) { s.r = 1; }
               ^^^^^^^^ E0408
"#,
    );
    check_after(
        s,
        r#"
f :: (s: *S) -> i64 { s.w }
                      ^^^ E0408
"#,
    );
    check_after(
        s,
        r#"
f :: (s: *S) { s.r += 1; }
               ^^^^^^^^^ E0408
"#,
    );
    check_after(
        s,
        r#"
f :: (s: *S) { s.b = "a"; }
               ^^^^^^^^^^ E0201
"#,
    );
    check_after(s, "f :: (s: *S) { p := @s.b; }");
}

#[test]
fn several_targets() {
    check("f :: () { a := 1; b := 2; a, b = b, a; }");
    check(
        r#"
f :: () { a := 1; b := 2; a, b = 1, 2, 3; }
                          ^^^^^^^^^^^^^^^ E0301
"#,
    );
    check(
        r#"
f :: () { a := 1; b := "s"; a, b = b, a; }
                                   ^ E0201
                                      ^ E0201
"#,
    );
    check(
        r#"
f :: () { a, b := .(1, 2, 3); }
          ^^^^^^^^^^^^^^^^^^^ E0201
"#,
    );
    check(
        r#"
f :: () { a, b := 1; }
          ^^^^^^^^^^ E0201
"#,
    );
    check("f :: () { a, _ := .(1, 2); _ = a; }");
}

#[test]
fn types_of_both_sides_agree() {
    check(
        r#"
f :: () { x := 1; x = "s"; }
                      ^^^ E0201
"#,
    );
    check(
        r#"
f :: () { x : u8 = 1; x = 300; }
                          ^^^ E0202
"#,
    );
    check(
        r#"
f :: (n: i64) { x : u8 = 1; x += n; }
                                 ^ E0201
"#,
    );
    check(
        r#"
f :: () { x : f64 = 1; x += 1; x *= 2.5; x <<= 1; }
                                         ^^^^^^^^ E0204
"#,
    );
    check(
        r#"
f :: () { s := "a"; s += "b"; }
                    ^^^^^^^^^ E0204
"#,
    );
}

#[test]
fn unused_values_are_warned_about() {
    check(
        r#"
f :: (n: i64) { n + 1; }
                ^^^^^ W0002
"#,
    );
    check(
        r#"
f :: (n: i64) { n; }
                ^ W0002
"#,
    );
    check("f :: (n: i64) { _ = n + 1; g(); }\ng :: () -> i64 { 1 }");
    check(
        r#"
f :: (n: i64) { n == 1; }
                ^^^^^^ W0002
"#,
    );
}

#[test]
fn what_is_never_given_a_value_is_zero_or_anything() {
    check("f :: () -> i64 { x : i64; x }");
    check("f :: () -> i64 { x : i64 = ---; x }");
    check("S :: struct { p: *S; o: ?i64; t: Tuple(i64, string); }\nf :: () -> S { s : S; s }");
    check("buffer : [64]u8 = ---;\nf :: () -> u8 { buffer[0] }");
    check("f :: (n: i64) { x := n; x = ---; }\ng :: () -> i64 { --- }");
    check("f :: () { x : void; y : [0]i64; z : struct {}; }");
    check(
        r#"
f :: () { x : i64 = ---, 1; }
          ^^^^^^^^^^^^^^^^^ E0301
"#,
    );
    check(
        r#"
x : noreturn;
^ E0206
f :: (n: noreturn) {}
      ^^^^^^^^^^^ E0206
"#,
    );
}
