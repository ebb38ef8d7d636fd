//! Types that nobody wrote.

use crate::support::{check, types};

#[test]
fn literals_have_default_types() {
    types(
        "",
        &[
            ("1", "i64"),
            ("1.5", "f64"),
            ("'a'", "i64"),
            ("true", "bool"),
            ("\"s\"", "string"),
            (".[1, 2]", "[2]i64"),
            (".[1, 2.5]", "[2]f64"),
            (".(1, \"a\")", "Tuple(i64, string)"),
            (".(x = 1, y = 2.0)", "Tuple(x: i64, y: f64)"),
            (".[1.0; 4]", "[4]f64"),
            ("i64", "Type"),
            ("u8.max", "u8"),
            ("f64.inf", "f64"),
        ],
    );
}

#[test]
fn places_and_slices() {
    types(
        "xs : [4]u16; s := \"abc\"; p : *[4]u16 = null; q : [*]f32 = null; t := .(1, .(true, 2.0));",
        &[
            ("xs[0]", "u16"),
            ("xs[1..2]", "[]u16"),
            ("xs.len", "i64"),
            ("s[0]", "u8"),
            ("s[1..]", "string"),
            ("@xs", "*[4]u16"),
            ("p.*", "[4]u16"),
            ("q[3]", "f32"),
            ("q[0..2]", "[]f32"),
            ("t.1.0", "bool"),
            ("s.ptr", "[*]u8"),
        ],
    );
}

#[test]
fn structs_and_their_members() {
    types(
        "V :: struct { x, y: f32; tag: string = \"t\"; N :: 3; len :: (self: *V) -> f64 { 1.0 } sq :: (self: *V) -> f32 #get => self.x * self.x; }
         v : V; W :: struct { v: V; o: ?V; } w : W;",
        &[
            ("v.x", "f32"),
            ("v.tag.len", "i64"),
            ("v.len()", "f64"),
            ("v.sq", "f32"),
            ("V.N", "i64"),
            ("w.v", "V"),
            ("w.o", "?V"),
            ("w.o!.y", "f32"),
            ("w.o?.y", "?f32"),
            ("w.o?.tag", "?string"),
            ("V.{ x = 1 }", "V"),
        ],
    );
}

#[test]
fn both_sides_of_a_choice_agree() {
    types(
        "b := true; n : u8 = 1; o : ?u8 = 1;",
        &[
            ("if b then n else 2", "u8"),
            ("if b then 1 else 2.5", "f64"),
            ("if b { n } else { n }", "u8"),
            ("o ?? 3", "u8"),
            ("o ?? n", "u8"),
            ("o!", "u8"),
            ("if n == { case 1: \"a\"; else: \"b\"; }", "string"),
        ],
    );
    check(
        r#"
f :: (b: bool) { x := if b then 1 else "a"; }
                      ^^^^^^^^^^^^^^^^^^^^ E0201
"#,
    );
    check(
        r#"
f :: (b: bool) { x := if b { 1 }; }
                      ^^^^^^^^^^ E0307
"#,
    );
    check(
        r#"
f :: (n: i64) { x := if n == { case 1: 2; else: true; }; }
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0201
"#,
    );
}

#[test]
fn nothing_says_which_type() {
    check(
        r#"
f :: () { x := null; }
               ^^^^ E0203
"#,
    );
    check(
        r#"
f :: () { x := .{}; }
               ^^^ E0203
"#,
    );
    check(
        r#"
f :: () { x := .red; }
               ^^^^ E0203
"#,
    );
    check(
        r#"
f :: () { x := .[]; }
               ^^^ E0203
"#,
    );
    check(
        r#"
x := ---;
     ^^^ E0203
"#,
    );
    check(
        r#"
f :: () { g := (a) => a; }
                ^ E0203
"#,
    );
}

#[test]
fn context_gives_types_to_literals() {
    check(
        "E :: enum { red; green; }\nS :: struct { e: E; p: *S; o: ?E; }\nf :: () -> S { .{ e = .red, p = null, o = .green } }",
    );
    check("E :: enum { red; }\ng :: (e: E, es: []E) {}\nf :: () { g(.red, .[.red, .red]); }");
    check("f :: () -> [3]f32 { .[1, 2, 3] }");
    check("f :: () -> ?[2]u8 { .[1, 2] }");
    check("f :: () -> Tuple(u8, ?i64) { .(1, null) }");
    check("f :: (b: bool) -> u8 { if b then 200 else 100 }");
    check(
        r#"
f :: (b: bool) -> u8 { if b then 300 else 100 }
                                 ^^^ E0202
"#,
    );
}

#[test]
fn results_come_from_bodies() {
    types(
        "f :: (n: i64) -> $R => n * 2; g :: (n: i64) -> $R { if n > 0 { return \"a\"; } \"b\" } h :: (x: $T) -> $R => .[x, x];",
        &[("f(1)", "i64"), ("g(1)", "string"), ("h(1.5)", "[2]f64"), ("h(\"a\")", "[2]string")],
    );
    check(
        r#"
f :: (n: i64) -> $R { if n > 0 { return 1; } "b" }
                                             ^^^ E0201
"#,
    );
    check(
        r#"
f :: (n: i64) -> $R => f(n - 1);
                       ^^^^^^^^ E0304
"#,
    );
}

#[test]
fn loops_bind_elements() {
    check("f :: (xs: []u8) -> u8 { for xs (x) { return x; } 0 }");
    check(
        r#"
f :: (xs: []u8) -> string { for xs (x) { return x; } "" }
                                                ^ E0201
"#,
    );
    check("f :: (xs: []string) -> i64 { for xs, 0.. (x, i) { return x.len + i; } 0 }");
    check(
        r#"
f :: (xs: []i64) { for xs (x) { x = 1; } }
                                ^ E0212
"#,
    );
    check("f :: (xs: []i64) { for xs (*x) { x = 1; } }");
}
