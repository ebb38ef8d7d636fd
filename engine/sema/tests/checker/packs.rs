//! Packs and variadics.

use crate::support::{check, types};

#[test]
fn slices_of_arguments() {
    check(
        "sum :: (..xs: []i64) -> i64 { n := 0; for xs (x) { n += x; } n }\nf :: (a: []i64) -> i64 { sum() + sum(1, 2) + sum(..a) }",
    );
    check(
        r#"
sum :: (..xs: []i64) {}
f :: () { sum(1, "a"); }
                 ^^^ E0201
"#,
    );
    check(
        r#"
sum :: (a: string, ..xs: []i64) {}
f :: () { sum(1); }
              ^ E0201
"#,
    );
    check(
        r#"
sum :: (a: i64, ..xs: []i64) {}
f :: () { sum(); }
          ^^^^^ E0301
"#,
    );
}

#[test]
fn packs_of_anything() {
    types(
        "len :: (..$args) -> i64 { args.len }
         first :: (..$args) -> $R => args[0];
         last :: (..$args) -> $R => args[args.len - 1];
         all :: (..$args) -> $R => .(..args);",
        &[
            ("len(1, \"a\")", "i64"),
            ("first(\"a\", 2)", "string"),
            ("last(\"a\", 2)", "i64"),
            ("all(1, \"a\", true)", "Tuple(i64, string, bool)"),
        ],
    );
}

#[test]
fn elements_beyond_the_pack() {
    check(
        r#"
f :: (..$args) -> $R => args[1];
                             ^ E0310
g :: () { _ = f(1); }
"#,
    );
    check(
        r#"
f :: (..$args) -> $R => args[0];
                             ^ E0310
g :: () { _ = f(); }
"#,
    );
    check(
        r#"
f :: (n: i64, ..$args) -> i64 { args[n] }
                                     ^ E0701
g :: () { _ = f(0, 1); }
"#,
    );
}

#[test]
fn loops_over_packs() {
    check(
        "f :: (..$args) -> i64 { n := 0; inline for args (a) { n += a; } n }\ng :: () -> i64 { f(1, 2, 3) }",
    );
    check(
        r#"
f :: (..$args) -> i64 { n := 0; inline for args (a) { n += a; } n }
                                                      ^^^^^^^ E0204
g :: () -> i64 { f(1, "a") }
"#,
    );
    check(
        r#"
f :: (..$args) { for args (a) { } }
                     ^^^^ E0505
g :: () { f(1, 2); }
"#,
    );
}

#[test]
fn spreading() {
    check("f :: (a: i64, b: string) {}\ng :: (t: Tuple(i64, string)) { f(..t); }");
    check(
        r#"
f :: (a: i64, b: string) {}
g :: (t: Tuple(i64, i64)) { f(..t); }
                            ^^^^^^ E0201
"#,
    );
    check(
        r#"
f :: (a: i64) {}
g :: (n: i64) { f(..n); }
                    ^ E0311
"#,
    );
    check("f :: (a: i64, b: string) {}\nh :: (..$args) { f(..args); }\ng :: () { h(1, \"a\"); }");
    check(
        r#"
f :: (a: i64, b: string) {}
h :: (..$args) { f(..args); }
                 ^^^^^^^^^ E0301
g :: () { h(1); }
"#,
    );
}
