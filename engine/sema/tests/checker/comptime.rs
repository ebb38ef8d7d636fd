//! Constants, `#run`, `#assert`, `#insert`, reflection.

use crate::support::{check, types};

#[test]
fn module_constants_fold() {
    check(
        "N :: 2 + 3 * 4;\nB :: N > 10 and true;\nS :: \"ab\";\n#assert N == 14;\n#assert B;\n#assert S.len == 2;",
    );
    check(
        r#"
f :: () -> i64 { 1 }
N :: f();
     ^^^ E0701
"#,
    );
    check("f :: () -> i64 { 1 }\nN :: #run f();\n#assert N == 1;");
    check("x := 1;\nN :: x;");
    check(
        r#"
f :: (n: i64) { M :: n; }
                     ^ E0101
"#,
    );
    check("x := #run f();\nf :: () -> i64 { 4 }");
    check(
        r#"
x := f();
     ^^^ E0701
f :: () -> i64 { 4 }
"#,
    );
}

#[test]
fn assertions() {
    check(
        r#"
#assert 1 == 2;
        ^^^^^^ E0702
"#,
    );
    check(
        r#"
#assert 1 == 2, "they differ";
        ^^^^^^ E0702
"#,
    );
    check("#assert 5;");
    check(
        r#"
f :: (n: i64) { #assert n > 0; }
                        ^^^^^ E0701
"#,
    );
    check(
        r#"
f :: ($n: i64) { #assert n > 0; }
                         ^^^^^ E0702
g :: () { f(1); f(0); }
"#,
    );
}

#[test]
fn runs() {
    check(
        "fib :: (n: i64) -> i64 { if n < 2 then n else fib(n - 1) + fib(n - 2) }\nN :: #run fib(20);\n#assert N == 6765;\nxs : [N]u8;",
    );
    check(
        r#"
f :: () -> i64 { xs := .[1, 2]; n := xs.len; xs[n] }
N :: #run f();
          ^^^ E0703
"#,
    );
    check(
        r#"
f :: () -> i64 { while true {} 0 }
N :: #run f();
          ^^^ E0703
"#,
    );
    check(
        r#"
f :: () -> i64 ! { raise error.X; }
N :: #run f();
          ^^^ E0601
"#,
    );
    check("f :: () -> i64 ! { raise error.X; }\nN :: #run f() or 3;\n#assert N == 3;");
    check(
        r#"
g :: (n: i64) -> i64 { n }
f :: (n: i64) -> i64 { #run g(n) }
                            ^^^^ E0701
"#,
    );
    check(
        r#"
N :: #run missing();
          ^^^^^^^ E0101
"#,
    );
}

#[test]
fn reflection() {
    types(
        "#import \"modules/std.sx\"; S :: struct { a: u8; b: f64; } n : u16 = 1; E :: enum { x; y; }",
        &[
            ("type_of(n)", "Type"),
            ("type_name(S)", "string"),
            ("size_of(S)", "i64"),
            ("field_count(S)", "i64"),
            ("field_name(S, 0)", "string"),
            ("type_eq(S, S)", "bool"),
            ("S == S", "bool"),
        ],
    );
    check(
        "#import \"modules/std.sx\";\nS :: struct { a: u8; b: f64; }\n#assert size_of(S) == 16;\n#assert align_of(S) == 8;\n#assert offset_of(S, \"b\") == 8;\n#assert field_count(S) == 2;\n#assert field_type(S, 1) == f64;\n#assert field_name(S, 0) == \"a\";\n#assert type_name(?*S) == \"?*S\";",
    );
    check(
        r#"
#import "modules/std.sx";
S :: struct { a: u8; }
N :: offset_of(S, "z");
     ^^^^^^^^^^^^^^^^^ E0401
"#,
    );
    check(
        r#"
#import "modules/std.sx";
S :: struct { a: u8; }
N :: field_name(S, 1);
     ^^^^^^^^^^^^^^^^ E0310
"#,
    );
    check(
        r#"
#import "modules/std.sx";
N :: size_of(5);
             ^ E0206
"#,
    );
    check(
        r#"
#import "modules/std.sx";
N :: size_of();
     ^^^^^^^^^ E0301
"#,
    );
    check("#import \"modules/std.sx\";\nN :: field_count(i64);");
}

#[test]
fn types_are_values() {
    check("A :: i64;\nB :: *A;\n#assert B == *i64;\nf :: (x: B) -> A { x.* }");
    check("pick :: (b: bool) -> Type { if b then i64 else u8 }\nT :: pick(true);\nf :: (x: T) -> i64 { x }");
    check(
        r#"
N :: 5;
f :: (x: N) {}
         ^ E0206
"#,
    );
    check(
        r#"
x := 1;
f :: (n: x) {}
         ^ E0206
"#,
    );
    check(
        r#"
f :: (n: 1 + 2) {}
         ^ E0001
"#,
    );
    check(
        r#"
f :: (xs: ["a"]i64) {}
           ^^^ E0201
"#,
    );
}

#[test]
fn directives_in_their_places() {
    check(
        r#"
#import "modules/std.sx";
f :: (loc: Source_Location = #caller_location) {}
           ^^^^^^^^^^^^^^^ E0101
"#,
    );
    check("#import \"modules/std.sx\";\nf :: (n: i64) -> bool { is_comptime() }");
    check("#run f();\nf :: () {}");
    check("#run f();\nf :: () -> i64 { 1 }");
}
