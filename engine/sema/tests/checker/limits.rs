//! What is too much.

use crate::support::check;

#[test]
fn types_have_a_largest_size() {
    check(
        r#"
S :: struct { xs: [4000000000000000]i64; }
                   ^^^^^^^^^^^^^^^^ E0214
"#,
    );
    check(
        r#"
f :: () { xs : [1000000000][1000000000]u8; }
          ^^ E0208
"#,
    );
    check(
        r#"
f :: () -> i64 { size_of([1000000000][1000000000][1000000000]u8) }
                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0208
#import "modules/std.sx";
"#,
    );
}

#[test]
fn numbers_have_64_bits() {
    check(
        r#"
f :: (n: i65) {}
         ^^^ E0101
"#,
    );
    check(
        r#"
f :: (n: u0) {}
         ^^ E0101
"#,
    );
    check(
        r#"
x := 18446744073709551616;
     ^^^^^^^^^^^^^^^^^^^^ E0010
"#,
    );
    check(
        r#"
x := 9223372036854775808;
     ^^^^^^^^^^^^^^^^^^^ E0202
"#,
    );
    check("x := -9223372036854775808;");
    check("x : u64 = 18446744073709551615;");
}

#[test]
fn pointers_are_followed_one_at_a_time() {
    check(
        r#"
f :: (n: i64) -> i64 { n.* }
                       ^^^ E0213
"#,
    );
    check("f :: (p: **i64) -> i64 { p.*.* }");
    check(
        r#"
f :: (p: *void) { x := p.*; }
                       ^^^ E0213
"#,
    );
    check(
        r#"
f :: (p: ?*i64) -> i64 { p.* }
                         ^^^ E0215
"#,
    );
    check("f :: (p: *[3]i64) -> i64 { p[1] + p.len }");
}

#[test]
fn what_comes_later_is_refused_in_words() {
    check(
        r##"
f :: () { #insert S; }
          ^^^^^^^^^ E0901
S :: "#insert S;";
"##,
    );
    check(
        r##"
#insert S;
^^^^^^^^^ E0901
S :: "#insert S;";
"##,
    );
}
