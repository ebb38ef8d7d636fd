//! Structs, unions, enums: declarations, literals, members.

use crate::support::{check, check_after};

#[test]
fn literals_fill_fields() {
    let s = "S :: struct { x, y: i64; tag: string = \"t\"; }\n";
    check_after(
        s,
        "f :: () { a := S.{}; b := S.{ 1, 2 }; c := S.{ y = 1 }; x := 3; d := S.{ x, tag = \"u\" }; }",
    );
    check_after(
        s,
        r#"
f :: () { a := S.{ z = 1 }; }
                   ^ E0401
"#,
    );
    check_after(
        s,
        r#"
f :: () { a := S.{ x = 1, x = 2 }; }
                              ^ E0402
"#,
    );
    check_after(
        s,
        r#"
f :: () { a := S.{ 1, 2, "a", 4 }; }
                              ^ E0402
"#,
    );
    check_after(
        s,
        r#"
f :: () { a := S.{ x = "a" }; }
                       ^^^ E0201
"#,
    );
    check_after(s, "f :: () { a := S.{ x = 1, 2 }; }");
    check(
        r#"
f :: () { a := i64.{ 1 }; }
               ^^^^^^^^^ E0402
"#,
    );
}

#[test]
fn members() {
    let s = "S :: struct { x: i64; f :: (self: *S) {} N :: 1; }\n";
    check_after(
        s,
        r#"
f :: (s: S) -> i64 { s.y }
                       ^ E0401
"#,
    );
    check_after(s, "f :: (s: *S) -> i64 { s.x }");
    check_after(
        s,
        r#"
f :: () -> i64 { S.x }
                   ^ E0401
"#,
    );
    check_after(
        s,
        r#"
f :: () -> i64 { S.M }
                   ^ E0401
"#,
    );
    check_after(
        s,
        r#"
f :: (s: **S) -> i64 { s.x }
                         ^ E0401
"#,
    );
    check(
        r#"
f :: (n: i64) -> i64 { n.x }
                         ^ E0401
"#,
    );
    check(
        r#"
f :: (t: Tuple(a: i64)) -> i64 { t.b }
                                   ^ E0401
"#,
    );
    check(
        r#"
f :: (t: Tuple(i64, i64)) -> i64 { t.2 }
                                   ^^^ E0401
"#,
    );
}

#[test]
fn declarations() {
    check(
        r#"
S :: struct { x: i64; x: i64; }
                      ^ E0409
"#,
    );
    check(
        r#"
S :: struct { x: i64; f :: (self: *S) {} f :: (self: *S) {} }
                                         ^ E0409
"#,
    );
    check(
        r#"
S :: struct { x: i64 = "a"; }
                       ^^^ E0201
"#,
    );
    check(
        r#"
S :: struct { x: 5; }
                 ^ E0001
"#,
    );
    check("#import \"modules/std.sx\";\nS :: struct { f: void; n: i64; }\n#assert size_of(S) == 8;");
    check("#import \"modules/std.sx\";\nS :: struct #packed { a: u8; b: u32; }\n#assert size_of(S) == 5;");
    check(
        r#"
S :: struct #align(3) { a: u8; }
                   ^ E0803
"#,
    );
    check(
        "#import \"modules/std.sx\";\nS :: struct #align(16) { a: u8; }\n#assert size_of(S) == 16 and align_of(S) == 16;",
    );
}

#[test]
fn using_brings_fields() {
    check(
        "B :: struct { id: i64; }\nS :: struct { #using base: B; n: i64; }\nf :: (s: *S) -> i64 { s.id + s.base.id + s.n }",
    );
    check(
        r#"
B :: struct { id: i64; }
S :: struct { #using base: B; }
f :: (s: *S) -> i64 { s.none }
                        ^^^^ E0401
"#,
    );
}

#[test]
fn enums() {
    let e = "E :: enum { a; b; }\nC :: enum u8 { ok :: 0; bad :: 7; }\nP :: enum flags { r; w; x; }\n";
    check_after(
        e,
        "#import \"modules/std.sx\";\nf :: () { x : E = .a; y := E.b; z : ?E = .a; p : P = .r | .w; q := p & .w; }\n#assert size_of(C) == 1;",
    );
    check_after(
        e,
        r#"
f :: () { x : E = .c; }
                   ^ E0403
"#,
    );
    check_after(
        e,
        r#"
f :: () { x := E.c; }
                 ^ E0401
"#,
    );
    check_after(
        e,
        r#"
f :: () { x : E = 1; }
                  ^ E0201
"#,
    );
    check_after(
        e,
        r#"
f :: (e: E) -> E { e | .a }
                   ^^^^^^ E0204
"#,
    );
    check_after(
        e,
        r#"
f :: (e: E, c: C) -> bool { e == c }
                            ^^^^^^ E0204
"#,
    );
    check(
        r#"
E :: enum { a; a; }
               ^ E0409
"#,
    );
    check(
        r#"
E :: enum u8 { a :: 256; }
               ^ E0202
"#,
    );
    check(
        r#"
E :: enum u8 { a :: 1; b :: 1; }
                       ^ E0409
"#,
    );
    check(
        r#"
E :: enum string { a; }
          ^^^^^^ E0201
"#,
    );
}

#[test]
fn tagged_unions() {
    let s = "S :: enum { circle: f64; rect: i64; empty; }\n";
    check_after(s, "f :: () -> bool { s : S = .circle(2.0); t := S.rect(1); e : S = .empty; s == .circle }");
    check_after(
        s,
        r#"
f :: () { s : S = .circle("a"); }
                          ^^^ E0201
"#,
    );
    check_after(
        s,
        r#"
f :: () { s : S = .circle; }
                  ^^^^^^^ E0407
"#,
    );
    check_after(
        s,
        r#"
f :: () { s : S = .empty(1); }
                  ^^^^^^^^^ E0407
"#,
    );
    check_after(
        s,
        r#"
f :: () { s : S = .circle(1.0, 2.0); }
                  ^^^^^^^^^^^^^^^^^ E0407
"#,
    );
    check_after(
        s,
        r#"
f :: () { s : S = .square(1); }
                   ^^^^^^ E0403
"#,
    );
}

#[test]
fn unions_overlay() {
    check(
        "#import \"modules/std.sx\";\nU :: union { i: i64; f: f64; }\nf :: () -> i64 { u := U.{ f = 1.5 }; u.i }\n#assert size_of(U) == 8;",
    );
    check(
        r#"
U :: union { i: i64; f: f64; }
f :: () { u := U.{ i = 1, f = 1.5 }; }
               ^^^^^^^^^^^^^^^^^^^^ E0402
"#,
    );
}

#[test]
fn array_literals() {
    check(
        r#"
a : [3]i64 = .[1, 2];
             ^^^^^^^ E0214
"#,
    );
    check(
        r#"
a : [2]i64 = .[1, 2, 3];
             ^^^^^^^^^^ E0214
"#,
    );
    check(
        r#"
a : [2]u8 = .[1, 300];
                 ^^^ E0202
"#,
    );
    check(
        r#"
f :: () { a := .[1, "a"]; }
                 ^ E0201
"#,
    );
    check("a := ([2]?i64).[null, 7];\nb := u8.[1, 2];\nc : []i64 = .[];");
    check(
        r#"
f :: (xs: [3]i64) -> i64 { xs[3] }
                              ^ E0216
"#,
    );
    check(
        r#"
f :: (xs: [3]i64) -> i64 { xs[-1] }
                              ^^ E0216
"#,
    );
    check("f :: (xs: [3]i64) -> []i64 { xs[2..4] }");
    check(
        r#"
f :: (xs: [3]i64) -> i64 { xs["a"] }
                              ^^^ E0201
"#,
    );
    check(
        r#"
f :: (n: i64) -> i64 { n[0] }
                       ^^^^ E0210
"#,
    );
    check(
        r#"
a : [-1]i64;
     ^^ E0214
"#,
    );
    check(
        r#"
f :: (n: i64) { a : [n]i64; }
                     ^ E0701
"#,
    );
}
