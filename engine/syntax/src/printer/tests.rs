use super::*;
use crate::parse;
use pretty_assertions::assert_eq;

#[track_caller]
fn check(source: &str, expected: &str) {
    let file = parse("test.sx".into(), source.into());
    let text = format(&file).unwrap_or_else(|_| panic!("{:?}", file.diagnostics));
    assert_eq!(text, expected);
    let again = format(&parse("test.sx".into(), text.as_str().into()));
    assert_eq!(again.as_deref(), Ok(expected), "formatted twice");
}

/// The inside of a function.
#[track_caller]
fn check_body(source: &str, expected: &str) {
    let lines = |text: &str| {
        text.lines()
            .map(|l| if l.is_empty() { "\n".into() } else { format!("    {l}\n") })
            .collect::<String>()
    };
    check(&format!("f :: () {{\n{source}\n}}"), &format!("f :: () {{\n{}}}\n", lines(expected)));
}

#[test]
fn blanks_between_tokens() {
    check("N::16;", "N :: 16;\n");
    check("x   :i64=  5;", "x : i64 = 5;\n");
    check("x :i64;", "x: i64;\n");
    check("T :u8: 1;", "T : u8 : 1;\n");
    check_body("a=- 1 +~ b*( c ) ;", "a = -1 + ~b * (c);");
    check_body("- - a;", "- -a;");
    check_body("x := 1 .0;", "x := 1 .0;");
    check_body("t . 0 . 1 = o ! . x ;", "t.0.1 = o!.x;");
    check_body("p . * *= q.* * 2;", "p.* *= q.* * 2;");
    check_body("x := cast ( i64 )y + xx  z;", "x := cast(i64) y + xx z;");
    check_body("x : ? ? [ ]*[4 ]T = @ y;", "x : ??[]*[4]T = @y;");
    check_body("a [ i ..  j ] = b[ .. ] ;", "a[i..j] = b[..];");
    check_body("f( .. xs , n=1 );", "f(..xs, n = 1);");
    check_body("r := f() catch(e)e;", "r := f() catch (e) e;");
    check_body(
        "x := .{a=1}; y := P . { } ; z := .[ ];",
        "x := .{ a = 1 }; y := P.{}; z := .[];".replace("; ", ";\n").as_str(),
    );
    check_body("for xs,0..(* x,i){g( ) ;}", "for xs, 0.. (*x, i) { g(); }");
    check_body("x := error . Bad; y := a.error.b;", "x := error.Bad;\ny := a.error.b;");
    check("f::(x:[ ]$T/ Show,..$r)->T!E{ }", "f :: (x: []$T/Show, ..$r) -> T !E {}\n");
    check("S::struct($T:Type)#packed{x,y:T;}", "S :: struct ($T: Type) #packed { x, y: T; }\n");
    check("f :: ( ) -> ! abi ( . c ) => g ( ) ;", "f :: () -> ! abi(.c) => g();\n");
}

#[test]
fn blank_lines_are_kept_once() {
    check("\n\nA :: 1;\n\n\n\nB :: 2;\nC :: 3;\n\n", "A :: 1;\n\nB :: 2;\nC :: 3;\n");
    check("f :: () {\n\n    a();\n\n\n    b();\n\n}", "f :: () {\n    a();\n\n    b();\n}\n");
    check("", "");
    check("// only\n\n\n// this", "// only\n\n// this\n");
}

#[test]
fn blocks_stay_as_the_author_broke_them() {
    check("f :: () { a(); }", "f :: () { a(); }\n");
    check("f :: () {\na(); }", "f :: () {\n    a();\n}\n");
    check("f :: () { a();\n}", "f :: () {\n    a();\n}\n");
    check("E :: enum { a;\n b; }", "E :: enum {\n    a;\n    b;\n}\n");
    check("x := P.{ a = 1,\n b = 2 };", "x := P.{ a = 1, b = 2 };\n");
    check("x := P.{\n a = 1, b = 2 };", "x := P.{\n    a = 1,\n    b = 2\n};\n");
    check_body("if a { b(); }\nelse { c(); }", "if a { b(); } else { c(); }");
    check_body(
        "if n == {\ncase 1: a(); case 2: { b(); }\nelse: c(); }",
        "if n == {\n    case 1: a();\n    case 2: { b(); }\n    else: c();\n}",
    );
}

#[test]
fn comments_stay_in_place() {
    check("A :: 1;   // one\n// two\nB :: 2;", "A :: 1; // one\n// two\nB :: 2;\n");
    check("/// doc\nA :: 1;\n\n/* block */ B :: 2;", "/// doc\nA :: 1;\n\n/* block */ B :: 2;\n");
    check("f :: () { // why\n a();\n // last\n}", "f :: () { // why\n    a();\n    // last\n}\n");
    check("f :: () {\n // only\n}", "f :: () {\n    // only\n}\n");
    check("f :: () { /* none */ }", "f :: () { /* none */ }\n");
    check_body("g(/* x */ 1, // one\n 2);", "g(\n    /* x */ 1, // one\n    2\n);");
    check_body("x := a // first\n + b;", "x := a // first\n    + b;");
    check_body("x := // odd\n 5;", "x := // odd\n    5;");
    check("#!/bin/sx\nA :: 1;\n// end", "#!/bin/sx\nA :: 1;\n// end\n");
}

#[test]
fn long_lines_are_broken() {
    let a = "a".repeat(40);
    check(&format!("x := f({a}, {a}, {a});"), &format!("x := f(\n    {a},\n    {a},\n    {a}\n);\n"));
    check(&format!("x := {a} + {a} * 2 + {a};"), &format!("x := {a}\n    + {a} * 2\n    + {a};\n"));
    check(&format!("x := g({a}) or h({a}, {a});"), &format!("x := g({a})\n    or h({a}, {a});\n"));
    check(
        &format!("f :: ({a}: i64, {a}: i64, b: i64) -> i64 {{ 0 }}"),
        &format!("f :: (\n    {a}: i64,\n    {a}: i64,\n    b: i64\n) -> i64 {{ 0 }}\n"),
    );
    check(
        &format!("f :: () {{ {a}(); {a}(); {a}(); }}"),
        &format!("f :: () {{\n    {a}();\n    {a}();\n    {a}();\n}}\n"),
    );
    check(
        &format!("x := f(P.{{ a = {a}, b = {a}, c = {a} }});"),
        &format!("x := f(P.{{\n    a = {a},\n    b = {a},\n    c = {a}\n}});\n"),
    );
}

#[test]
fn tables_of_numbers_are_filled() {
    let numbers = (100..140).map(|n| n.to_string()).collect::<Vec<_>>();
    let (one, two) = (numbers[..19].join(", "), numbers[19..38].join(", "));
    check(
        &format!("X :: .[{}];", numbers.join(", ")),
        &format!("X :: .[\n    {one},\n    {two},\n    138, 139\n];\n"),
    );
}

#[test]
fn lambdas_hang_on_their_call() {
    check_body("each(xs, (x) {\n g(x);\n});", "each(xs, (x) {\n    g(x);\n});");
    check_body("each(P.{\n a = 1 }, 2);", "each(P.{\n    a = 1\n}, 2);");
}

#[test]
fn spellings_are_kept() {
    check("x := 0xFf + 1_000 + 1.50e+3 + '\\x41';", "x := 0xFf + 1_000 + 1.50e+3 + '\\x41';\n");
    check("`if :: \"a\\tb\";", "`if :: \"a\\tb\";\n");
    check("\u{feff}x := \"a\r\nb\";\r\n", "x := \"a\nb\";\n");
    check("x := #string END\n  raw\nEND;", "x := #string END\n  raw\nEND;\n");
}
