//! The error channel.

use crate::support::{check, check_after, types};

const G: &str = "E :: error { Empty, Bad };\ng :: () -> i64 ! { raise error.Deep; }\nh :: () -> i64 !E { raise error.Empty; }\nv :: () -> ! { raise error.Odd; }\n";

#[test]
fn failables_are_handled_or_passed_on() {
    check_after(
        G,
        r#"
f :: () { g(); }
          ^^^ E0601
"#,
    );
    check_after(
        G,
        r#"
f :: () { _ = g(); }
              ^^^ E0601
"#,
    );
    check_after(
        G,
        r#"
f :: () { v(); }
          ^^^ E0601
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 { g() }
                 ^^^ E0601
"#,
    );
    check_after(
        G,
        r#"
f :: () { x : i64 = g(); }
                    ^^^ E0201
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 { g() + 1 }
                 ^^^^^^^ E0204
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 ! { g() }
                   ^^^ E0601
"#,
    );
}

#[test]
fn try_passes_on() {
    check_after(G, "f :: () -> i64 ! { try g() }");
    check_after(G, "f :: () -> i64 ! { x := try g(); x + try h() }");
    check_after(G, "f :: () -> ! { try v(); _ = try g(); }");
    check_after(
        G,
        r#"
f :: () -> i64 { try g() }
                 ^^^^^^^ E0602
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 ! { try 5 }
                   ^^^^^ E0606
"#,
    );
    check_after(
        G,
        r#"
k :: () -> i64 { 1 }
f :: () -> i64 ! { try k() }
                   ^^^^^^^ E0606
"#,
    );
}

#[test]
fn or_has_a_value() {
    check_after(G, "f :: () -> i64 { g() or 5 }");
    check_after(G, "f :: () -> i64 { g() or return 5 }");
    check_after(G, "f :: () -> i64 { g() or h() or 5 }");
    check_after(G, "f :: () -> i64 ! { try g() or try h() }");
    check_after(
        G,
        r#"
f :: () -> i64 { g() or "a" }
                        ^^^ E0201
"#,
    );
    check_after(
        G,
        r#"
f :: () { v() or 5; }
          ^^^^^^^^ E0606
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 { g() or h() }
                 ^^^^^^^^^^ E0601
"#,
    );
}

#[test]
fn catch_handles() {
    check_after(G, "f :: () -> i64 { g() catch 5 }");
    check_after(G, "f :: () -> i64 { g() catch (e) { return 1; } }");
    check_after(G, "f :: () { v() catch {}; }");
    check_after(
        G,
        r#"
f :: () -> i64 { g() catch { } }
                           ^^^ E0307
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 { 5 catch 1 }
                 ^^^^^^^^^ E0606
"#,
    );
    check_after(G, "f :: () -> i64 { h() catch (e) == { case .Empty: 1; case .Bad: 2; } }");
    check_after(
        G,
        r#"
f :: () -> i64 { h() catch (e) == { case .Empty: 1; } }
                           ^^^^^^^^^^^^^^^^^^^^^^^^^^ E0404
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 { h() catch (e) == { case .Nope: 1; else: 2; } }
                                         ^^^^^ E0604
"#,
    );
}

#[test]
fn sets_are_checked() {
    check_after(
        G,
        r#"
f :: () -> i64 !E { raise error.Deep; }
                          ^^^^^^^^^^ E0604
"#,
    );
    check_after(G, "f :: () -> i64 !E { raise error.Bad; }");
    check_after(
        G,
        r#"
f :: () -> i64 !E { try g() }
                    ^^^^^^^ E0604
"#,
    );
    check_after(G, "f :: () -> i64 !E { try h() }");
    check_after(G, "f :: () -> i64 ! { try h() }");
    check_after(
        G,
        r#"
F :: error { Other };
f :: () -> i64 !F { try h() }
                    ^^^^^^^ E0604
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 !Missing { 1 }
                ^^^^^^^ E0101
"#,
    );
    check(
        r#"
E :: error { A, A };
                ^ E0409
"#,
    );
}

#[test]
fn raise_needs_a_failable_function() {
    check(
        r#"
f :: () { raise error.X; }
          ^^^^^^^^^^^^^ E0603
"#,
    );
    check(
        r#"
f :: () -> ! { raise 5; }
               ^^^^^^^ E0603
"#,
    );
    check(
        r#"
f :: () -> ! { g := () { raise error.X; }; g(); }
                         ^^^^^^^^^^^^^ E0603
"#,
    );
    check("f :: () -> ! { g := () -> ! { raise error.X; }; try g(); }");
}

#[test]
fn destructured_values_need_proof() {
    check_after(G, "f :: () -> i64 { x, err := g(); if !err { x } else { 0 } }");
    check_after(G, "f :: () -> i64 { x, err := g(); if err { return 1; } x }");
    check_after(G, "f :: () -> bool { x, err := g(); !err and x > 1 }");
    check_after(
        G,
        r#"
f :: () -> i64 { x, err := g(); x }
                                ^ E0605
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 { x, err := g(); if err { } x }
                                           ^ E0605
"#,
    );
    check_after(
        G,
        r#"
f :: () -> i64 { x, err := g(); if err { x } else { 0 } }
                                         ^ E0605
"#,
    );
    check_after(G, "f :: () -> bool { err := v(); if err { true } else { false } }");
    check_after(
        G,
        r#"
f :: () { x, y, err := g(); }
          ^^^^^^^^^^^^^^^^^ E0301
"#,
    );
}

#[test]
fn onfail() {
    check_after(G, "f :: () -> ! { onfail { } try v(); }");
    check_after(G, "f :: () -> ! { onfail (e) { _ = e; } try v(); }");
    check_after(
        G,
        r#"
f :: () { onfail { } }
          ^^^^^^^^^^ E0607
"#,
    );
    check_after(
        G,
        r#"
f :: () -> ! { onfail { return; } }
                        ^^^^^^ E0503
"#,
    );
    check_after(
        G,
        r#"
f :: () -> ! { onfail try v(); }
                      ^^^^^^^ E0503
"#,
    );
}

#[test]
fn types_of_handled_calls() {
    types(
        G,
        &[
            ("g() or 5", "i64"),
            ("g() catch 5", "i64"),
            ("h() catch (e) == { case .Empty: 1; else: 2; }", "i64"),
        ],
    );
}
