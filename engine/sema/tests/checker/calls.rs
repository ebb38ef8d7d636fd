//! Calls: how many arguments, which names, what can be called.

use crate::support::{check, check_after};

#[test]
fn counts() {
    let f = "f :: (a: i64, b: string = \"x\") {}\n";
    check_after(f, "g :: () { f(1); f(1, \"y\"); f(1, b = \"z\"); f(a = 1); }");
    check_after(
        f,
        r#"
g :: () { f(); }
          ^^^ E0301
"#,
    );
    check_after(
        f,
        r#"
g :: () { f(1, "a", 2); }
                    ^ E0301
"#,
    );
    check_after(
        f,
        r#"
g :: () { f("a"); }
            ^^^ E0201
"#,
    );
}

#[test]
fn named_arguments() {
    let f = "f :: (a: i64, b: i64 = 2, c: i64 = 3) {}\n";
    check_after(f, "g :: () { f(1, c = 4); f(b = 1, a = 2); }");
    check_after(
        f,
        r#"
g :: () { f(1, d = 4); }
               ^ E0302
"#,
    );
    check_after(
        f,
        r#"
g :: () { f(1, a = 4); }
               ^ E0302
"#,
    );
    check_after(
        f,
        r#"
g :: () { f(b = 4); }
          ^^^^^^^^ E0301
"#,
    );
    check_after(
        f,
        r#"
g :: () { f(1, b = "x"); }
                   ^^^ E0201
"#,
    );
}

#[test]
fn what_can_be_called() {
    check(
        r#"
f :: () { n := 1; n(); }
                  ^^^ E0303
"#,
    );
    check(
        r#"
f :: () { "a"(); }
          ^^^^^ E0303
"#,
    );
    check("S :: struct { f: (i64) -> i64; }\ng :: (s: S) -> i64 { s.f(1) }");
    check(
        r#"
S :: struct { x: i64; }
g :: () { S(1); }
          ^^^^ E0303
"#,
    );
    check(
        r#"
f :: (g: ?(i64) -> i64) -> i64 { g(1) }
                                 ^^^^ E0215
"#,
    );
    check(
        r#"
f :: (g: (i64) -> i64) -> i64 { g(1, 2) }
                                ^^^^^^^ E0301
"#,
    );
    check(
        r#"
f :: (g: Closure(i64) -> i64) -> i64 { g("a") }
                                         ^^^ E0201
"#,
    );
}

#[test]
fn methods_take_receivers_as_needed() {
    let s = "S :: struct { n: i64; by :: (self: *S) -> i64 { self.n } of :: (self: S) -> i64 { self.n } make :: (n: i64) -> S { .{ n } } }\n";
    check_after(
        s,
        "f :: (p: *S) -> i64 { v : S; v.by() + v.of() + p.by() + p.of() + S.make(1).of() + S.by(@v) }",
    );
    check_after(
        s,
        r#"
f :: (p: *S) { p.by(1); }
                    ^ E0301
"#,
    );
    check_after(
        s,
        r#"
f :: (p: *S) { p.make(1); }
                 ^^^^ E0401
"#,
    );
    check_after(
        s,
        r#"
f :: (p: *S) { p.none(); }
                 ^^^^ E0401
"#,
    );
    check_after(
        s,
        r#"
f :: () { S.none(); }
            ^^^^ E0401
"#,
    );
    check_after(
        s,
        r#"
f :: (o: ?S) { o.by(); }
                 ^^ E0401
"#,
    );
}

#[test]
fn dot_calls_of_free_functions_must_be_declared() {
    check(
        r#"
twice :: (n: i64) -> i64 { n * 2 }
f :: () -> i64 { x := 1; x.twice() }
                           ^^^^^ E0401
"#,
    );
    check("twice :: ufcs (n: i64) -> i64 { n * 2 }\nf :: () -> i64 { x := 1; x.twice() }");
    check("twice :: (n: i64) -> i64 { n * 2 }\ndouble :: ufcs twice;\nf :: () -> i64 { x := 1; x.double() }");
    check("twice :: (n: i64) -> i64 { n * 2 }\nf :: () -> i64 { 1 |> twice() }");
}

#[test]
fn default_arguments() {
    check(
        r#"
f :: (a: i64 = "x") {}
               ^^^ E0201
"#,
    );
    check("f :: (a: i64, b: i64 = N) -> i64 { a + b }\nN :: 3;\ng :: () -> i64 { f(1) }");
    check(
        r#"
f :: (a: i64 = 1, b: i64) {}
g :: () { f(1); }
          ^^^^ E0301
"#,
    );
}

#[test]
fn abis() {
    check(
        "cmp :: (a: *void, b: *void) -> i32 abi(.c) { 0 }\ng :: (f: (*void, *void) -> i32 abi(.c)) {}\nh :: () { g(cmp); }",
    );
    check(
        r#"
cmp :: (a: *void, b: *void) -> i32 { 0 }
g :: (f: (*void, *void) -> i32 abi(.c)) {}
h :: () { g(cmp); }
            ^^^ E0201
"#,
    );
    check("f :: (s: string) abi(.c) {}");
    check("f :: ($T: Type) abi(.c) {}");
}

#[test]
fn a_missing_value_is_told() {
    check("g :: () {}\nf :: () { x := g(); }");
    check(
        r#"
g :: () {}
h :: (n: i64) {}
f :: () { h(g()); }
            ^^^ E0201
"#,
    );
    check(
        r#"
g :: () {}
f :: () -> i64 { g() + 1 }
                 ^^^^^^^ E0204
"#,
    );
}

#[test]
fn main_has_few_forms() {
    check("main :: () -> u8 { 1 }");
    check("main :: () -> ! { raise error.X; }");
    check(
        r#"
main :: (n: i64) {}
^^^^ E0301
"#,
    );
    check(
        r#"
main :: () -> string { "" }
^^^^ E0301
"#,
    );
}
