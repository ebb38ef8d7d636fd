//! Imports: flat, namespaced, ambiguous, missing.

use crate::support::check;

#[test]
fn flat_imports_bring_names() {
    check("#import \"lib.sx\";\nf :: () -> i64 { g() + N }\n//- lib.sx\ng :: () -> i64 { 1 }\nN :: 2;");
    check(
        r#"
#import "lib.sx";
f :: () { missing(); }
          ^^^^^^^ E0101
//- lib.sx
g :: () -> i64 { 1 }
"#,
    );
    check(
        r#"
#import "lib.sx";
f :: () -> i64 { h() }
                 ^ E0101
//- lib.sx
#import "deep.sx";
g :: () -> i64 { h() }
//- deep.sx
h :: () -> i64 { 1 }
"#,
    );
}

#[test]
fn namespaces() {
    check(
        "lib :: #import \"lib.sx\";\nf :: () -> lib.T { lib.g() }\n//- lib.sx\nT :: i64;\ng :: () -> i64 { 1 }",
    );
    check(
        r#"
lib :: #import "lib.sx";
f :: () { lib.none(); }
              ^^^^ E0107
//- lib.sx
g :: () -> i64 { 1 }
"#,
    );
    check(
        r#"
lib :: #import "lib.sx";
f :: () { g(); }
          ^ E0101
//- lib.sx
g :: () -> i64 { 1 }
"#,
    );
    check(
        "lib :: #import \"lib.sx\";\nf :: () -> i64 { h() }\nh :: lib.g;\n//- lib.sx\ng :: () -> i64 { 1 }",
    );
    check(
        r#"
lib :: #import "lib.sx";
f :: () { x := lib; }
               ^^^ E0108
//- lib.sx
g :: () -> i64 { 1 }
"#,
    );
}

#[test]
fn own_names_win() {
    check(
        "#import \"lib.sx\";\ng :: () -> string { \"mine\" }\nf :: () -> string { g() }\n//- lib.sx\ng :: () -> i64 { 1 }",
    );
}

#[test]
fn two_authors_are_ambiguous_where_it_matters() {
    check(
        "#import \"a.sx\";\n#import \"b.sx\";\nf :: () { h(); }\n//- a.sx\ng :: () {}\nh :: () {}\n//- b.sx\ng :: () {}",
    );
    check(
        r#"
#import "a.sx";
#import "b.sx";
f :: () { g(); }
          ^ E0102
//- a.sx
g :: () {}
//- b.sx
g :: () {}
"#,
    );
}

#[test]
fn what_is_not_there() {
    check(
        r#"
#import "nowhere.sx";
^^^^^^^^^^^^^^^^^^^^ E0104
f :: () {}
"#,
    );
    check(
        r#"
lib :: #import "nowhere.sx";
       ^^^^^^^^^^^^^^^^^^^^ E0104
f :: () { lib.g(); }
"#,
    );
    check(
        r#"
#import "lib.sx";
f :: () { g(); }
//- lib.sx
g :: () { oops(); }
          ^^^^ E0101
"#,
    );
}

#[test]
fn modules_import_each_other() {
    check(
        "#import \"lib.sx\";\nf :: () -> i64 { g() }\nh :: () -> i64 { 2 }\n//- lib.sx\n#import \"main.sx\";\ng :: () -> i64 { h() }",
    );
}

#[test]
fn the_prelude() {
    check(
        "#import \"modules/std.sx\";\nf :: () -> f64 { xs := List(i64).{}; defer xs.deinit(); xs.append(1); sqrt(2.0) + abs(-1.0) }",
    );
    check(
        r#"
f :: () { print("a"); }
          ^^^^^ E0101
"#,
    );
    check(
        r#"
#import "modules/std.sx";
f :: () { xs := List(i64).{}; xs.append("a"); }
                                        ^^^ E0201
"#,
    );
}
