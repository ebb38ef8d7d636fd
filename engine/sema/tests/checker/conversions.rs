//! Conversions: which happen by themselves, which by `xx` and `cast`, and which never.

use crate::support::check;

#[test]
fn widening_is_implicit() {
    check(
        "f :: (a: u8, b: i7, c: f32, d: u32) { w : i64 = a; x : i8 = b; y : f64 = c; z : f64 = d; v : i33 = d; }",
    );
}

#[test]
fn narrowing_is_not() {
    check(
        r#"
f :: (a: i64) -> u8 { a }
                      ^ E0201
"#,
    );
    check(
        r#"
f :: (a: i64) -> u64 { a }
                       ^ E0201
"#,
    );
    check(
        r#"
f :: (a: f64) -> f32 { a }
                       ^ E0201
"#,
    );
    check(
        r#"
f :: (a: f64) -> i64 { a }
                       ^ E0201
"#,
    );
    check(
        r#"
f :: (a: u32) { b : i32 = a; }
                          ^ E0201
"#,
    );
    check(
        r#"
f :: (a: bool) -> i64 { a }
                        ^ E0201
"#,
    );
}

#[test]
fn literals_fit_or_are_refused() {
    check(
        r#"
a : u8 = 255;
b : u8 = 256;
         ^^^ E0202
c : i8 = -128;
d : u1 = 1;
e : i1 = -1;
g : u1 = 2;
         ^ E0202
"#,
    );
    check(
        r#"
a : f32 = 1;
b : i64 = 2.0;
c : i64 = 2.5;
          ^^^ E0202
d : bool = 1;
           ^ E0201
e : string = 'a';
             ^^^ E0201
g : u8 = 'a';
"#,
    );
    check(
        r#"
f :: () -> u16 { 70000 }
                 ^^^^^ E0202
"#,
    );
    check(
        r#"
g :: (n: u8) {}
f :: () { g(300); }
            ^^^ E0202
"#,
    );
}

#[test]
fn arrays_become_slices_and_values_optionals() {
    check("f :: (a: [3]i64, n: i64) { s : []i64 = a; o : ?i64 = n; oo : ??i64 = n; }");
    check(
        r#"
f :: (a: [3]i64) { s : []u8 = a; }
                              ^ E0201
"#,
    );
    check(
        r#"
f :: (a: []i64) { s : [3]i64 = a; }
                               ^ E0201
"#,
    );
    check(
        r#"
f :: (a: ?i64) { n : i64 = a; }
                           ^ E0201
"#,
    );
    check(
        r#"
f :: (a: ?i32) { n : ?i64 = a; }
                            ^ E0201
"#,
    );
}

#[test]
fn pointers_do_not_mix() {
    check(
        r#"
f :: (p: *i64) { q : *u8 = p; }
                           ^ E0201
"#,
    );
    check(
        r#"
f :: (p: *i64) { q : *void = p; r : *i64 = xx q; s := cast(*u8) p; }
                             ^ E0201
"#,
    );
    check(
        r#"
f :: (p: *i64) { q : [*]i64 = p; }
                              ^ E0201
"#,
    );
    check(
        r#"
f :: () { p : *i64 = 0; }
                     ^ E0201
"#,
    );
    check(
        r#"
f :: () { p : *i64 = null; n : i64 = null; }
                                     ^^^^ E0201
"#,
    );
}

#[test]
fn strings_and_cstrings() {
    check("c : cstring = \"literal\";");
    check(
        r#"
f :: (s: string) { c : cstring = s; }
                                 ^ E0201
"#,
    );
    check(
        r#"
f :: (c: cstring) { s : string = c; }
                                 ^ E0201
"#,
    );
    check(
        r#"
f :: (s: string) { b : []u8 = s; }
                              ^ E0201
"#,
    );
}

#[test]
fn casts_must_be_possible() {
    check("f :: (a: i64, x: f64) { b := cast(u8) a; y := cast(i64) x; z := cast(f32) a; }");
    check(
        r#"
f :: (s: string) { n := cast(i64) s; }
                        ^^^^^^^^^^^ E0205
"#,
    );
    check(
        r#"
S :: struct { x: i64; }
f :: (s: S) -> i64 { xx s }
                     ^^^^ E0205
"#,
    );
    check(
        r#"
f :: (n: i64) { s := cast([]u8) n; }
                     ^^^^^^^^^^^^ E0205
"#,
    );
    check("E :: enum { a; b; }\nf :: (e: E, n: i64) { m : i64 = xx e; g : E = xx n; }");
}

#[test]
fn results_and_bodies_agree() {
    check(
        r#"
f :: () -> i64 { "s" }
                 ^^^ E0201
"#,
    );
    check(
        r#"
f :: () -> i64 { 1; }
                    ^ E0307
"#,
    );
    check(
        r#"
f :: () -> i64 { return; }
                 ^^^^^^ E0307
"#,
    );
    check(
        r#"
f :: () { return 1; }
                 ^ E0201
"#,
    );
    check(
        r#"
f :: (n: i64) -> i64 { if n > 0 { return 1; } }
                                              ^ E0307
"#,
    );
    check("f :: (n: i64) -> i64 { if n > 0 { 1 } else { 2 } }");
    check("f :: (n: i64) -> i64 { while true {} }");
    check("f :: (n: i64) -> i64 { return n; }");
    check(
        r#"
f :: () -> noreturn { }
                      ^ E0307
"#,
    );
}

#[test]
fn functions_and_closures() {
    check("f :: (n: i64) -> i64 { n }\ng : (i64) -> i64 = f;\nh :: () { c : Closure(i64) -> i64 = f; }");
    check(
        r#"
f :: (n: i64) -> i64 { n }
g : (i32) -> i64 = f;
                   ^ E0201
"#,
    );
    check(
        r#"
h :: (c: Closure(i64) -> i64) { f : (i64) -> i64 = c; }
                                                   ^ E0201
"#,
    );
}
