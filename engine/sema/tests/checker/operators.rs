//! Operators: the types that they take and give.

use crate::support::{check, types};

#[test]
fn integers_meet_in_the_wider_type() {
    let vars = "a : u8 = 1; b : i16 = 2; c : u32 = 3; d : i64 = 4; e : f32 = 1.5; g : f64 = 2.5; w : i7 = 3;";
    types(
        vars,
        &[
            ("a + a", "u8"),
            ("a + b", "i16"),
            ("b * d", "i64"),
            ("c - d", "i64"),
            ("a + 1", "u8"),
            ("1 + b", "i16"),
            ("w + w", "i7"),
            ("a + e", "f32"),
            ("d * g", "f64"),
            ("e + g", "f64"),
            ("e + 1", "f32"),
            ("1 + 2", "i64"),
            ("1 + 2.5", "f64"),
        ],
    );
}

#[test]
fn mixed_signs_that_no_operand_holds_are_refused() {
    check(
        r#"
f :: (a: u64, b: i64) -> i64 { a + b }
                               ^^^^^ E0209
"#,
    );
    check(
        r#"
f :: (a: u8, b: i8) -> bool { a < b }
                              ^^^^^ E0209
"#,
    );
    check("f :: (a: usize, b: i64) -> i64 { xx a + b }");
}

#[test]
fn comparisons_give_booleans() {
    types(
        "a := 1; s := \"x\"; p : *i64 = null; E :: enum { x; y; } e : E = .x; t := .(1, 2.0);",
        &[
            ("a < 2", "bool"),
            ("1 < a <= 5", "bool"),
            ("s == \"y\"", "bool"),
            ("p == null", "bool"),
            ("e == .y", "bool"),
            ("t == .(3, 4.0)", "bool"),
            ("a in t", "bool"),
            ("a > 1 and s == \"\"", "bool"),
            ("!(a == 2)", "bool"),
        ],
    );
}

#[test]
fn shifts_have_the_type_of_their_left_operand() {
    types(
        "a : u8 = 1; n : i64 = 3;",
        &[
            ("a << n", "u8"),
            ("n >> a", "i64"),
            ("a & 15", "u8"),
            ("~a", "u8"),
            ("-n", "i64"),
            ("a ^ a", "u8"),
        ],
    );
    check(
        r#"
f :: (x: f64) -> f64 { x << 1 }
                       ^^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (x: i64) -> i64 { x << 1.5 }
                       ^^^^^^^^ E0204
"#,
    );
}

#[test]
fn operators_refuse_what_they_are_not_defined_for() {
    check(
        r#"
f :: (a: string, b: string) -> string { a + b }
                                        ^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (a: bool) -> bool { a + a }
                         ^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (a: i64) -> i64 { !a }
                       ^^ E0201
"#,
    );
    check(
        r#"
f :: (a: bool) -> bool { -a }
                         ^^ E0204
"#,
    );
    check(
        r#"
f :: (a: f64) -> f64 { a & 1.0 }
                       ^^^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (a: []i64, b: []i64) -> bool { a == b }
                                    ^^^^^^ E0204
"#,
    );
    check(
        r#"
S :: struct { xs: []i64; }
f :: (a: S, b: S) -> bool { a == b }
                            ^^^^^^ E0204
"#,
    );
    check(
        r#"
S :: struct { x: i64; }
f :: (a: S, b: S) -> bool { a < b }
                            ^^^^^ E0204
"#,
    );
    check("f :: (a: i64, b: bool) -> bool { a and b }");
    check(
        r#"
f :: (a: *i64) -> *i64 { a + 1 }
                         ^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (a: i64) { a |> g(); }
                ^ E0201
g :: (n: string) {}
"#,
    );
}

#[test]
fn tagged_unions_are_equal_where_their_payloads_can_be() {
    check("T :: enum { a: i64; b: f64; c; }\nf :: (a: T, b: T) -> bool { a == b }");
    check(
        r#"
T :: enum { a: []i64; b; }
f :: (a: T, b: T) -> bool { a == b or a == .b }
                            ^^^^^^ E0204
"#,
    );
    check("T :: enum { a: []i64; b; }\nf :: (a: T) -> bool { a == .a }");
}

#[test]
fn conditions() {
    check("f :: (b: bool, n: i64, p: *u8, o: ?i64) { if b {} if n {} if p {} if o {} while n {} }");
    check(
        r#"
f :: (s: string) { if s {} }
                      ^ E0504
"#,
    );
    check(
        r#"
f :: (x: f64) { while x {} }
                      ^ E0504
"#,
    );
    check(
        r#"
f :: (x: i64) -> i64 { if x > 1 then 1 else "a" }
                                            ^^^ E0201
"#,
    );
}

#[test]
fn bitwise_beside_comparison_is_warned_about() {
    check(
        r#"
f :: (a: i64) -> bool { a & 1 == 1 }
                        ^^^^^^^^^^ W0001
                        ^^^^^^^^^^ E0204
"#,
    );
    check("f :: (a: i64) -> bool { (a & 1) == 1 }");
}

#[test]
fn constants_are_exact_until_they_have_a_type() {
    check(
        r#"
A : u64 : 18446744073709551615;
B : i64 : A - 18446744073709551615;
          ^^^^^^^^^^^^^^^^^^^^^^^^ E0201
#assert B == 0;
"#,
    );
    check("A :: 1 << 62;\nB : i64 : A * 2 - 1 + A * 0;");
    check(
        r#"
A : u8 : 255 + 1;
         ^^^^^^^ E0202
"#,
    );
    check("A : u8 : 256 - 1;");
    check(
        r#"
A : i8 : -128;
B : i8 : -129;
         ^^^^ E0202
"#,
    );
    check(
        r#"
A :: 1 / 0;
     ^^^^^ E0217
"#,
    );
    check(
        r#"
f :: () -> i64 { 5 % 0 }
                 ^^^^^ E0217
"#,
    );
    check(
        r#"
A : f32 : 3;
B : i64 : 3.0;
C : i64 : 3.5;
          ^^^ E0202
"#,
    );
}

#[test]
fn xx_needs_a_target() {
    check("f :: (a: f64) -> i64 { xx a }");
    check(
        r#"
f :: (a: i64) { x := xx a; }
                     ^^^^ E0203
"#,
    );
    check("f :: (xs: []i64, n: u64) -> i64 { xs[xx n] }");
    check("f :: (a: u8, b: i64) -> i64 { b + xx a }");
}
