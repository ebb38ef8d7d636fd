//! What fuzzing found: each of these once ended in a panic.

use crate::support::{check, codes};

#[test]
fn shifting_assignments_of_what_can_not_be_shifted() {
    check(
        r#"
f :: () { x : f64 = 1; x <<= 1; }
                       ^^^^^^^^ E0204
"#,
    );
    check(
        r#"
f :: (s: string) { n := 1; n >>= s; n <<= 1.5; }
                           ^^^^^^^^ E0204
                                    ^^^^^^^^^^ E0204
"#,
    );
    check(
        r#"
S :: struct { v: f64; p :: (self: *S) -> f64 #get => self.v; p :: (self: *S, v: f64) #set { self.v = v; } }
f :: (s: *S) { s.p <<= 1; }
               ^^^^^^^^^^ E0204
"#,
    );
}

#[test]
fn layouts_asked_for_while_fields_are_found() {
    check(
        r#"
S :: struct { n := 40; p := g.n; }
g : S;
^ E0106
main :: () { g.n = 1; }
"#,
    );
    check(
        r#"
S :: struct { t := g.k; n: i64; }
T :: struct { s: S; k: i64; }
g : T;
^ E0106
f :: () { g.s.n = g.k; }
"#,
    );
}

#[test]
fn methods_beside_a_wrong_one() {
    check(
        r#"
P :: protocol { bad :: (); good :: (self: *Self, n: i64); }
                ^^^ E0411
g :: (p: P) { p.good(1); p.good("a"); }
                                ^^^ E0201
"#,
    );
}

#[test]
fn a_loop_over_nothing() {
    check(
        r#"
f :: () { for x in ) { } }
                   ^ E0001
"#,
    );
}

#[test]
fn a_later_iterable_of_an_unrolled_loop_ends_first() {
    check(
        r#"
f :: (xs: [3]i64, ys: [2]i64) { inline for xs, ys (x, y) { _ = x + y; } }
                                               ^^ E0505
"#,
    );
    check(
        r#"
f :: (..$args) { inline for args, 1..=2 (a, i) { _ = a + i; } }
                                  ^^^^^ E0505
g :: () { f(1, 2); f(1, 2, 3); }
"#,
    );
    check("f :: (xs: [2]i64, ys: [3]i64) { inline for xs, ys, 0.. (x, y, i) { _ = x + y + i; } }");
}

#[test]
fn constants_of_types_that_contain_themselves() {
    check(
        r#"
s : Shape = .circle(2);
Shape :: enum { circle: f64; again: Shape; }
                             ^^^^^ E0207
"#,
    );
    check(
        r#"
s : Part = .{ n = 1, again = .{ n = 2 } };
Part :: struct { n: i64; again: [2]Part; }
                         ^^^^^ E0207
"#,
    );
}

#[test]
fn chains_of_declarations_are_long_or_refused_once() {
    let chain = |n: usize| -> String {
        let links: String = (0..n).map(|i| format!("A{i} :: A{} + 1;\n", i + 1)).collect();
        format!("{links}A{n} :: 1;\n")
    };
    check(&chain(50));
    let results = |n: usize| -> String {
        let links: String =
            (0..n).map(|i| format!("g{i} :: (x: i64) -> $R => g{}(x) + 1;\n", i + 1)).collect();
        format!("{links}g{n} :: (x: i64) -> i64 {{ x }}\n")
    };
    let types = |n: usize| -> String {
        let links: String = (0..n).map(|i| format!("T{i} :: T{};\n", i + 1)).collect();
        format!("{links}T{n} :: i64;\n")
    };
    // Longer than a small thread's stack has room for.
    let small = |text: String| {
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || codes(&text));
        thread.expect("threads can be made").join().expect("it ends")
    };
    for text in [chain(600), results(300), types(600)] {
        assert_eq!(small(text), Vec::<&str>::new());
    }
    // How far they reach depends on the stack; that they end doesn't.
    for text in [chain(30_000), results(30_000), types(100_000)] {
        assert_eq!(small(text), ["E0901"]);
    }
    let nested: String = (0..1_000).map(|i| format!("S{i} :: struct {{ a: S{}; }}\n", i + 1)).collect();
    assert_eq!(codes(&format!("{nested}S1000 :: struct {{}}\nf :: () {{ s : S0; }}\n")), ["E0901"]);
}

#[test]
fn defaults_of_types_that_contain_themselves() {
    check(
        r#"
u : U;
U :: struct { u: U; count := 1; }
              ^ E0207
"#,
    );
    check(
        r#"
f :: () { v : [2]V; w := V.{}; }
V :: struct { n: i64 = 1; t: Tuple(V, i64); }
                          ^ E0207
"#,
    );
}

#[test]
fn members_of_functions() {
    check(
        r#"
f :: () -> i64 { p : *i64 = xx f.data; p.* }
                                 ^^^^ E0401
"#,
    );
}

#[test]
fn defaults_that_need_themselves() {
    check(
        r#"
S :: struct { a: i64 = 1; b: i64 = S.{}.a + S.{}.a; c: i64 = S.{ b = 2 }.a; }
                                   ^^^^ E0106
                                            ^^^^ E0106
                                                             ^^^^^^^^^^^ E0106
f :: () { s := S.{}; t := S.{ b = 1, c = 2 }; }
"#,
    );
    check("T :: struct { a: i64 = 1; b: i64 = T.{ b = 2 }.a; }\nf :: () { t := T.{}; }\n");
    let link =
        |i: usize| format!("C{i} :: struct {{ a: i64 = C{0}.{{}}.a; b: i64 = C{0}.{{}}.b; }}\n", i + 1);
    let chain: String = (0..30).map(link).collect();
    let chain = format!("{chain}C30 :: struct {{ a := 1; b := 2; }}\nf :: () {{ c := C0.{{}}; }}\n");
    assert_eq!(codes(&chain), ["E0901"]);
}

#[test]
fn lambdas_that_may_fail_with_any_result() {
    check(
        r#"
E :: error { A, B }
may :: () -> i64 ! { raise error.C; }
set :: (f: Closure() -> $T !E) {}
any :: (f: Closure() -> $T !) {}
not :: (f: Closure() -> $T) {}
f :: () {
    set(() { raise error.C; });
                   ^^^^^^^ E0604
    set(() => try may());
              ^^^^^^^^^ E0604
    any(() => try may());
    not(() => try may());
              ^^^^^^^^^ E0602
}
"#,
    );
}
