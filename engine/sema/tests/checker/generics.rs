//! Generic functions and types.

use crate::support::{check, check_after, types};

#[test]
fn types_are_inferred_through_shapes() {
    types(
        "Box :: struct ($T: Type) { v: T; get :: (self: *Self) -> T { self.v } }
         id :: (x: $T) -> T { x }
         first :: (xs: []$T) -> T { xs[0] }
         deref :: (p: *$T) -> T { p.* }
         opt :: (o: ?$T) -> T { o! }
         unbox :: (b: Box($T)) -> T { b.v }
         len :: (xs: [$N]$T) -> i64 { N }
         apply :: (f: Closure($A) -> $B, a: A) -> B { f(a) }
         pair :: (a: $A, b: $B) -> Tuple(A, B) { .(a, b) }
         n := 1; xs : [3]f32; o : ?u8 = 1; b : Box(string);",
        &[
            ("id(1)", "i64"),
            ("id(\"s\")", "string"),
            ("first(xs[..])", "f32"),
            ("first(xs)", "f32"),
            ("deref(@n)", "i64"),
            ("opt(o)", "u8"),
            ("unbox(b)", "string"),
            ("unbox(Box(i64).{ v = 1 })", "i64"),
            ("len(xs)", "i64"),
            ("apply((a: i64) => 1.5, 2)", "f64"),
            ("pair(1, \"a\")", "Tuple(i64, string)"),
            ("b.v.len", "i64"),
        ],
    );
}

#[test]
fn what_can_not_be_inferred() {
    check(
        r#"
make :: ($T: Type) -> T { ---  }
f :: () { x := make(); }
               ^^^^^^ E0301
"#,
    );
    check(
        r#"
f :: (xs: []$T) {}
g :: () { f(1); }
            ^ E0201
"#,
    );
    check(
        r#"
f :: (a: $T, b: T) {}
g :: () { f(1, "a"); }
               ^^^ E0201
"#,
    );
    check(
        r#"
f :: (a: $T, b: T) {}
g :: () { f(1, 2.5); }
               ^^^ E0202
"#,
    );
    check(
        r#"
f :: (o: ?$T) {}
g :: () { f(null); }
            ^^^^ E0203
"#,
    );
    check(
        r#"
f :: (a: $T) {}
g :: () { f(.red); }
            ^^^^ E0203
"#,
    );
}

#[test]
fn explicit_arguments() {
    check("zero :: ($T: Type, n: i64) -> [4]T { x : [4]T; x }\nf :: () -> [4]u8 { zero(u8, 1) }");
    check(
        r#"
zero :: ($T: Type) {}
f :: () { zero(5); }
               ^ E0206
"#,
    );
    check("zero :: ($n: i64) -> [n]u8 { x : [n]u8; x }\nf :: () -> [3]u8 { zero(3) }");
    check(
        r#"
zero :: ($n: i64) {}
f :: (m: i64) { zero(m); }
                     ^ E0701
"#,
    );
    check(
        r#"
zero :: ($n: i64) {}
f :: () { zero("a"); }
               ^^^ E0201
"#,
    );
}

#[test]
fn generic_types() {
    let list = "List :: struct ($T: Type, $N: i64) { xs: [N]T; }\n";
    check_after(list, "f :: (l: *List(i64, 3)) -> i64 { l.xs[2] }");
    check_after(
        list,
        r#"
f :: (l: List(i64)) {}
         ^^^^^^^^^ E0305
"#,
    );
    check_after(
        list,
        r#"
f :: (l: List(i64, 3, 4)) {}
         ^^^^^^^^^^^^^^^ E0305
"#,
    );
    check_after(
        list,
        r#"
f :: (l: List(5, 3)) {}
              ^ E0206
"#,
    );
    check_after(
        list,
        r#"
f :: (l: List) {}
         ^^^^ E0305
"#,
    );
    check_after(
        list,
        r#"
f :: (a: List(i64, 3)) { b : List(i64, 4) = a; c : List(i64, 2 + 1) = a; }
                                            ^ E0201
"#,
    );
}

#[test]
fn one_argument_list_is_one_type() {
    check("Box :: struct ($T: Type) { v: T; }\nA :: Box(i64);\nf :: (a: A) -> Box(i64) { a }");
    check(
        r#"
F :: ($T: Type) -> Type { struct { v: T; } }
A :: F(i64);
f :: (a: A) -> F(i64) { a }
g :: (a: A) -> F(u8) { a }
                       ^ E0201
"#,
    );
}

#[test]
fn errors_in_instances_are_shown_there() {
    check("f :: (x: $T) -> i64 { x.len }\ng :: () -> i64 { f(\"a\") }");
    check(
        r#"
f :: (x: $T) -> i64 { x.len }
                        ^^^ E0401
g :: () -> i64 { f(1) }
"#,
    );
    check(
        r#"
f :: (x: $T) -> T { x + x }
                    ^^^^^ E0204
g :: () { _ = f(1); _ = f(true); }
"#,
    );
}

#[test]
fn instances_end() {
    check(
        r#"
Box :: struct ($T: Type) { v: T; }
f :: (x: $T, n: i64) { f(Box(T).{ v = x }, n - 1); }
                         ^^^^^^ E0306
g :: () { f(1, 5); }
"#,
    );
    check("f :: ($n: i64) -> i64 { inline if n == 0 { 0 } else { f(n - 1) + 1 } }\ng :: () -> i64 { f(20) }");
}

#[test]
fn constraints() {
    let p = "Show :: protocol { show :: (self: *Self) -> string; }\nS :: struct { x: i64; }\nimpl Show for S { show :: (self: *S) -> string { \"s\" } }\nf :: (x: $T/Show) -> string { x.show() }\n";
    check_after(p, "g :: (s: S) -> string { f(s) }");
    check_after(
        p,
        r#"
g :: () -> string { f(1) }
                      ^ E0410
"#,
    );
    check(
        r#"
f :: (x: $T/Missing) {}
            ^^^^^^^ E0101
g :: () { f(1); }
"#,
    );
}

#[test]
fn bodies_see_their_own_module() {
    check(
        "#import \"lib.sx\";\nhelper :: () -> string { \"mine\" }\nf :: () -> i64 { twice(2) }\n//- lib.sx\ntwice :: (x: $T) -> T { x * helper() }\nhelper :: () -> i64 { 2 }",
    );
}
