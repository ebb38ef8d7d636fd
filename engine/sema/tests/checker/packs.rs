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

/// Protocols and types that the tests below use; they have no lines of their own in expectations.
const SHOW: &str = "Show :: protocol { show :: (self: *Self) -> string; } \
impl Show for i64 { show :: (self: *i64) -> string { \"\" } } \
Source :: protocol (T: Type) { get :: (self: *Self) -> T; } \
impl Source(i64) for bool { get :: (self: *bool) -> i64 { 1 } } \
impl Source(string) for f64 { get :: (self: *f64) -> string { \"\" } } \
Box :: struct ($T: Type) { value: T; } ";

#[test]
fn packs_through_a_protocol() {
    types(
        &format!(
            "{SHOW}
             first :: (..xs: Source) -> $R => xs[0].get();
             all :: (..xs: Source) -> Tuple(..xs.T) {{ .(..xs.get()) }}
             kept :: (..xs: Source) -> $R => .(..xs);
             len :: (..xs: Show) -> i64 {{ xs.len }}
             map :: (..xs: Source, f: Closure(..xs.T) -> $R) -> R {{ f(..xs.get()) }}"
        ),
        &[
            ("first(true)", "i64"),
            ("all(true, 0.5)", "Tuple(i64, string)"),
            ("all(3)", "Tuple(string)"),
            ("all()", "Tuple()"),
            ("kept(true, 0.5)", "Tuple(bool, f64)"),
            ("len(1, 2)", "i64"),
            ("map(true, 0.5, f = (a, b) => a + b.len)", "i64"),
        ],
    );
}

#[test]
fn what_a_protocol_hides() {
    for (body, report) in [
        ("_ = xs[0].len;", "          ^^^ E0401"),
        ("_ = xs[0] + 1;", "    ^^^^^ E0204"),
        ("y := xs[0]; _ = y + 1;", "                ^ E0204"),
        ("p := @xs[0]; _ = p.* + 1;", "                 ^^^ E0204"),
        ("f := () => xs[0] + 1;", "           ^^^^^ E0204"),
        ("y : f64 = xs[0];", "          ^^^^^ E0204"),
        ("y : Show = xs[0]; z : ?i64 = xs[0];", ""),
        ("inline for xs (x) { if x {} }", "                       ^ E0204"),
    ] {
        let pad = " ".repeat("f :: (..xs: Show) { ".len());
        let report = if report.is_empty() { String::new() } else { format!("{pad}{report}\n") };
        check(&format!("\nf :: (..xs: Show) {{ {body} }}\n{report}g :: () {{ f(1); }}\n{SHOW}\n"));
    }
}

#[test]
fn arguments_for_a_protocol() {
    check(&format!(
        r#"
f :: (n: i64, ..xs: Show) {{}}
g :: () {{ f(1, 2, "a"); }}
                  ^^^ E0410
{SHOW}
"#
    ));
    check(&format!(
        r#"
f :: (..xs: Source(i64)) {{}}
g :: () {{ f(true, 0.5); }}
                  ^^^ E0410
{SHOW}
"#
    ));
    check(&format!(
        r#"
f :: (..xs: Source($T)) -> T {{ xs[0].get() }}
g :: () {{ _ = f(true, 0.5); }}
                      ^^^ E0201
{SHOW}
"#
    ));
}

#[test]
fn types_of_packs() {
    types(
        &format!(
            "{SHOW}
             second :: (..$args) -> $args[1] {{ args[1] }}
             list :: (..$args) -> []Type {{ $args }}
             optional :: (..$args) -> Tuple(..?$args) {{ z : Tuple(..?$args); z }}
             boxes :: (..$args) -> $R => .(..Box($args).{{ args }});
             rest :: (t: Tuple($H, ..$Ts)) -> Tuple(..Ts, H) {{ z : Tuple(..Ts, H); z }}
             params :: (f: Closure(i64, ..$Ts) -> $R) -> Tuple(..Ts) {{ z : Tuple(..Ts); z }}
             All :: (..$Ts: []Type) -> Type {{ Tuple(..Ts) }}
             make :: (..$Ts: []Type) -> All(..Ts, bool) {{ z : All(..Ts, bool); z }}
             Grid :: struct (..$ns: []i64) {{ a: [ns[1]]u8; }}
             grid :: (..$ns: []i64) -> Grid(..ns) {{ z : Grid(..ns); z }}"
        ),
        &[
            ("second(1, \"a\")", "string"),
            ("list(1)", "[]Type"),
            ("optional(1, true)", "Tuple(?i64, ?bool)"),
            ("boxes(1, true)", "Tuple(Box(i64), Box(bool))"),
            ("rest(.(1, \"a\", true))", "Tuple(string, bool, i64)"),
            ("params((a: i64, b: string) => a)", "Tuple(string)"),
            ("make(i64)", "Tuple(i64, bool)"),
            ("make()", "Tuple(bool)"),
            ("grid(1, 2)", "Grid(1, 2)"),
            ("grid(1, 2).a", "[2]u8"),
        ],
    );
    check(
        r#"
f :: (..$args) { x : $args[1]; }
                           ^ E0310
g :: () { f(1); }
"#,
    );
    check(
        r#"
f :: (..$args) { x : []$args; }
                       ^^^^^ E0206
g :: () { f(1); }
"#,
    );
}

#[test]
fn spreads_over_parameters() {
    types(
        "head :: (a: $T, ..$rest) -> $R => .(rest.len, a);
         all :: (..$xs) -> $R => head(..xs);
         tail :: (a: $T, ..$rest) -> $R => .(..rest);
         rest_of :: (..$xs) -> $R => tail(..xs, 2.5);
         sum :: (a: i64, ..rest: []i64) -> i64 { a + rest.len }
         doubled :: (..$xs) -> i64 { sum(..xs * 2) }
         pairs :: (..$xs) -> $R { ys := .(1, 2); .(..pair(xs, xs)) }
         pair :: (a: $A, b: $B) -> Tuple(A, B) { .(a, b) }",
        &[
            ("all(\"a\", 1, 2)", "Tuple(i64, string)"),
            ("rest_of(\"a\", 1, true)", "Tuple(i64, bool, f64)"),
            ("doubled(1, 2, 3)", "i64"),
            ("pairs(1, \"a\")", "Tuple(Tuple(i64, i64), Tuple(string, string))"),
        ],
    );
    check(
        r#"
f :: (a: i64, b: i64) {}
g :: () { f(..(.(1, 2, 3))); }
              ^^^^^^^^^^^^ E0301
"#,
    );
}

#[test]
fn wrong_variadic_parameters() {
    check(
        r#"
f :: (..$a, ..$b) {}
            ^^^^ E0312
"#,
    );
    check(
        r#"
S :: struct (..$Ts, $N: i64) { a: i64; }
             ^^^^^ E0312
"#,
    );
    check(
        r#"
P :: protocol { m :: (self: *Self, ..$args); }
                                   ^^^^^^^ E0411
"#,
    );
}
