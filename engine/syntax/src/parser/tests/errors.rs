use super::*;
use pretty_assertions::assert_eq;

#[test]
fn statements() {
    errors("f :: () { x := 1\n y := 2; }", &["1:17 E0002 expected `;` at the end of the statement"]);
    errors("f :: () { x := 1 2; y(); }", &["1:17 E0002 expected `;` before `2`"]);
    errors("f();", &["1:1 E0020 an expression can't stand outside of a function"]);
    errors("f :: () { a, b; }", &["1:15 E0001 expected `=` after the targets of an assignment, found `;`"]);
    errors("x := ;", &["1:6 E0001 expected an expression, found `;`"]);
    errors("N ::", &["1:5 E0001 expected an expression, found the end of the file"]);
}

#[test]
fn several_errors_without_cascades() {
    errors(
        "f :: () {\n x := (1 + ;\n y := 2;\n z := [1, 2];\n}\ng :: () { @; }\nh :: (a: i64 b) { }",
        &[
            "2:12 E0001 expected an expression, found `;`",
            "4:7 E0022 an array literal begins with `.[`",
            "6:12 E0001 expected an expression, found `;`",
            "7:14 E0001 expected `,` or `)`, found `b`",
        ],
    );
}

#[test]
fn brackets() {
    errors("f :: () {\n  if a {\n    b();\n}\n", &["1:9 E0003 this `{` is never closed"]);
    let file = file("f :: () {\n  if a {\n    b();\n}\n");
    assert_eq!(file.diagnostics[0].secondary[0].loc.span.lo, 17, "the inner brace is suspected");
    errors("}\nN :: 1;", &["1:1 E0004 this `}` closes nothing"]);
    errors("f :: () { g(1; }\n", &["1:12 E0003 this `(` is never closed"]);
    errors("f :: () { x(1)); }", &["1:15 E0004 this `)` closes nothing"]);
    errors("x := 1 + * 2;", &["1:10 E0001 expected an expression, found `*`"]);
    errors("x := “a b”;", &["1:6 E0011 `“` can't stand here"]);
    errors("f :: () { for xs (a, b) { } }", &["1:22 E0025 2 names for 1 iterable"]);
    errors("f :: () { ) x(); }", &["1:11 E0004 this `)` closes nothing"]);
    errors(
        "f :: () { g(a b); h(]; }",
        &["1:15 E0001 expected `,` or `)`, found `b`", "1:21 E0001 expected an expression, found `]`"],
    );
}

#[test]
fn names() {
    errors("i2 := 5;", &["1:1 E0014 `i2` is a reserved type name and can't be declared"]);
    errors("f :: (f64: i64) { }", &["1:7 E0014 `f64` is a reserved type name and can't be declared"]);
    errors("f :: () { g((u8) => 1); }", &["1:14 E0026 a parameter needs a name"]);
    errors(
        "string :: struct { f32: i64; }",
        &[
            "1:1 E0014 `string` is a reserved type name and can't be declared",
            "1:20 E0014 `f32` is a reserved type name and can't be declared",
        ],
    );
    errors("push :: 1;", &["1:1 E0015 `push` is a keyword and can't be declared"]);
    errors(
        "f :: () { for xs (i1) { } if bool := o { } }",
        &[
            "1:19 E0014 `i1` is a reserved type name and can't be declared",
            "1:30 E0014 `bool` is a reserved type name and can't be declared",
        ],
    );
}

#[test]
fn parentheses() {
    errors("x := (1, 2);", &["1:8 E0016 parentheses only group, they make no tuple"]);
    errors("f :: () -> (A, B) { }", &["1:14 E0016 parentheses only group, they make no tuple type"]);
    errors("f :: (a: i64, b: i64);", &["1:6 E0021 this function has no body"]);
    errors("f :: (i64) { }", &["1:7 E0026 a parameter needs a name"]);
    errors("f :: (*T) { }", &["1:7 E0026 a parameter needs a name"]);
}

#[test]
fn habits_from_elsewhere() {
    errors("f :: () { for x in ) { } }", &["1:20 E0001 expected an expression, found `)`"]);
    errors("f :: () { for x in xs { } }", &["1:17 E0025 a loop's variable stands after what is run over"]);
    errors("f :: () { p := P.{ x: 1 }; q(); }", &["1:21 E0001 expected `=`, found `:`"]);
    errors("f :: () { if a = b { c(); } d(); }", &["1:16 E0001 `=` assigns, and a condition can't"]);
    errors("E :: enum { a, b }", &["1:14 E0002 expected `;`, found `,`"]);
    errors("E :: enum { a = 1; b }", &["1:15 E0001 expected `::`, found `=`"]);
    errors("f :: () { a && b; }", &["1:14 E0001 expected an expression, found `&`"]);
    errors("f :: () { i++; }", &["1:13 E0001 expected an expression, found `+`"]);
    errors("#if X { }", &["1:1 E0013 unknown directive `#if`"]);
}

#[test]
fn headers_without_their_subject() {
    errors("f :: () { if { a(); } b(); }", &["1:14 E0001 expected a condition, found `{`"]);
    errors(
        "f :: () { for { a(); } while { } push { } b(); }",
        &[
            "1:15 E0001 expected what is run over, found `{`",
            "1:30 E0001 expected a condition, found `{`",
            "1:39 E0001 expected a context, found `{`",
        ],
    );
    errors("f :: () { for i in 0..10 { } }", &["1:17 E0025 a loop's variable stands after what is run over"]);
    errors(
        "f :: () { for i := 0; i < 10; i++ { a(); }\n b(); }",
        &["1:17 E0025 a loop declares no variable with `:=`"],
    );
    let many = format!("f :: () {{ x(){}; }}", ")".repeat(100_000));
    assert_eq!(file(&many).diagnostics[0].code, Code::E0004);
}

#[test]
fn matches() {
    errors(
        "f :: () { if n == { case 1: a(); b(); case 2: c(); } }",
        &["1:34 E0023 an arm holds one statement"],
    );
    errors("f :: () { if n == { case 1: case 2: 3; } }", &["1:21 E0023 this arm has no body"]);
    errors("f :: () { if n == { else: 1; case 2: 3; } }", &["1:21 E0024 `else:` must be the last arm"]);
    errors("f :: () { if n == { 1: 2; case 2: 3; } }", &["1:21 E0001 expected `case` or `else:`, found `1`"]);
}

#[test]
fn literals() {
    errors("x := 0b12;", &["1:6 E0009 `2` is no binary digit"]);
    errors("x := 99999999999999999999;", &["1:6 E0010 this integer is larger than 64 bits hold"]);
    errors("x := \"a\\qb\";", &["1:8 E0008 `\\q` is no escape"]);
    errors(
        "x := 'ab'; y := '';",
        &[
            "1:6 E0007 a character literal holds one character, this one several",
            "1:17 E0007 a character literal holds one character, this one none",
        ],
    );
    errors("x := \"abc;\ny := 1;", &["1:6 E0005 this string is never closed"]);
    errors("x := 'a;\ny := 1;", &["1:6 E0007 this character is never closed"]);
    errors("/* /* */ N :: 1;", &["1:1 E0006 this comment is never closed"]);
    errors("x := #string END\n  END\n", &["1:6 E0012 no line begins with the closing tag `END`"]);
    errors("x := é; y := 1;", &["1:6 E0011 `é` can't stand here"]);
}

#[test]
fn other_forms() {
    errors("x := a |> b;", &["1:11 E0030 the right side of `|>` must be a call"]);
    errors("x := a[1..=];", &["1:11 E0031 a mark after `..` needs an end"]);
    errors("f :: () abi(.cdecl) { }", &["1:14 E0029 there is no calling convention `.cdecl`"]);
    errors(
        "f :: () { asm { \"nop\", [a] \"r\" x } }",
        &["1:32 E0027 expected `->` or `=` after the constraint"],
    );
    errors("x := a & b == c;", &["1:6 W0001 the comparison binds more strongly than `&`"]);
    errors("x := (a & b) == c;", &[]);
}

#[test]
fn broken_headers_keep_their_bodies() {
    errors(
        "f :: (a: ) -> i64 { x := ; }\ng :: () { }",
        &["1:10 E0001 expected a type, found `)`", "1:26 E0001 expected an expression, found `;`"],
    );
    errors("S :: struct { x: ; y: i64; }", &["1:18 E0001 expected a type, found `;`"]);
    errors("S :: struct { x i64; y: i64 }", &["1:17 E0001 expected `:`, found `i64`"]);
}

#[test]
fn deep_nesting_is_one_error() {
    for (open, close) in [
        ("(", ")"),
        ("{", "}"),
        ("- ", ""),
        ("*", ""),
        ("[", "]"),
        ("f(", ")"),
        (".[", "]"),
        ("if a { ", "}"),
        ("try ", ""),
        ("() => ", ""),
        ("?", ""),
        ("defer ", ""),
        ("if a ", ""),
    ] {
        let source = format!("f :: () {{ x := {}1{}; }}", open.repeat(100_000), close.repeat(100_000));
        let codes: Vec<_> = file(&source).diagnostics.iter().map(|d| d.code).collect();
        let expected = if open == "defer " { Code::E0001 } else { Code::E0017 };
        assert_eq!(codes, [expected], "{open:?}");
    }
    let deep = format!("f :: () {{ {}; }}", "defer ".repeat(100_000));
    assert_eq!(file(&deep).diagnostics[0].code, Code::E0017);
}

#[test]
fn long_chains_are_one_error() {
    for link in [" + 1", ".f", "()", "[0]", "!", "?.f", " ?? 1", " catch 1", " == 1 & 1"] {
        let source = format!("f :: () {{ x := 1{}; }}", link.repeat(100_000));
        let file = file(&source);
        let errors: Vec<_> =
            file.diagnostics.iter().filter(|d| d.severity == crate::diag::Severity::Error).collect();
        assert_eq!(errors.len(), 1, "{link:?}");
        assert_eq!(errors[0].code, Code::E0017, "{link:?}");
    }
    let many = format!("f :: () {{ x := 1{}; }}", " else if a {}".repeat(3));
    assert!(!file(&many).diagnostics.is_empty());
}

#[test]
fn bytes_that_are_not_text() {
    let file = parse_bytes("t.sx".into(), b"N :: 1;\nM :: \"\xff\";");
    assert_eq!(messages(&file), ["2:7 E0019 the byte 0xFF is not valid UTF-8"]);
    assert_eq!(
        messages(&parse_bytes("t.sx".into(), b"\xff")),
        ["1:1 E0019 the byte 0xFF is not valid UTF-8"]
    );
    assert!(parse_bytes("t.sx".into(), b"N :: 1;").diagnostics.is_empty());
}
