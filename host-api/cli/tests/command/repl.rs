//! `sx repl`, with its input from a pipe.

use crate::{Ran, sx_with_stdin};

fn repl(input: &str) -> Ran {
    sx_with_stdin(&["repl"], input.as_bytes())
}

fn check(input: &str, out: &str) {
    let ran = repl(input);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, out, ""), "{input}");
}

#[test]
fn values_are_shown() {
    check("1 + 2\n\"a\\tb\"\n1.5 * 2\ntrue\n.(1, \"x\")\n", "3\n\"a\\tb\"\n3.0\ntrue\n(1, \"x\")\n");
    check("print(\"hi {}\\n\", 4)\nprint(\"no newline\");\n", "hi 4\nno newline");
    check("\n   \n// nothing\n", "");
}

#[test]
fn bindings_persist_and_change() {
    check("x := 20;\nx = x * 2 + 2;\nx\n", "42\n");
    check("x := 1;\nx := x + 1;\nx := \"text\";\nx\n", "\"text\"\n");
    check("a, b := .(1, \"two\");\na\nb\n", "1\n\"two\"\n");
    check("p : ?i64;\np\np = 5;\np\n", "null\n5\n");
    check("n : u8 = 250;\nn += 10;\nn\n", "4\n");
}

#[test]
fn declarations_of_every_kind() {
    check("twice :: (n: i64) -> i64 {\n    n * 2\n}\ntwice(21)\n", "42\n");
    check(
        "P :: struct {\n    x: i64;\n    sum :: (self: *P) -> i64 { self.x + 1 }\n}\np := P.{ x = 4 };\np.sum()\np\n",
        "5\nP{ x = 4 }\n",
    );
    check("f :: () -> i64 { 1 }\nf :: () -> i64 { 2 }\nf()\n", "2\n");
    check("E :: enum { a; b; }\ne : E = .b;\ne\n", ".b\n");
    check("#import \"modules/std/math.sx\";\nN :: 3;\nN + 1\n", "4\n");
    check(
        "even :: (n: i64) -> bool { n == 0 or odd(n - 1) }  odd :: (n: i64) -> bool { n != 0 and even(n - 1) }\neven(10)\n",
        "true\n",
    );
}

#[test]
fn inputs_span_lines_until_they_are_balanced() {
    check("for 0..3 (i) {\n    print(\"{} \",\n        i);\n}\n", "0 1 2 ");
    check("s := \"one\ntwo\";\ns.len\n", "7\n");
    let ran = repl("f :: () {\n");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("E0003"), "{}", ran.err);
}

#[test]
fn a_trap_keeps_the_state() {
    let ran = repl("x := 7;\nxs := .[1, 2];\nn := 5;\nx = 8; _ = xs[n]; x = 9;\nx\n");
    assert_eq!((ran.code, ran.out.as_str()), (1, "8\n"));
    assert!(
        ran.err.starts_with("trap: index 5 out of range for length 2\n  at input 4:1:12 in the input"),
        "{}",
        ran.err
    );
}

#[test]
fn errors_are_shown_in_the_input() {
    let ran = repl("x := 1;\nx + missing\nx := nothing;\nx\n");
    assert_eq!((ran.code, ran.out.as_str()), (1, "1\n"));
    assert!(ran.err.contains("--> input 2:1:5\n"), "{}", ran.err);
    assert!(ran.err.contains(" 1 | x + missing\n"), "{}", ran.err);
    assert!(ran.err.contains("--> input 3:1:6\n"), "{}", ran.err);
    let ran = repl("parse_int(\"12\")\nparse_int(\"zz\")\nn := try parse_int(\"5\");\nn\n");
    assert_eq!(ran.out, "12\n5\n");
    assert!(ran.err.starts_with("error: unhandled error: error.BadDigit\n"), "{}", ran.err);
}

#[test]
fn commands() {
    let ran = repl(":help\nx := 1;\n:reset\nx\n:nonsense\n:quit\nprint(\"never\\n\")\n");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains(":reset") && !ran.out.contains("never"), "{}", ran.out);
    assert!(ran.err.contains("E0101") && ran.err.contains("there is no command `:nonsense`"), "{}", ran.err);
    assert_eq!(repl("process.exit(5);\n").code, 5);
}

#[test]
fn nonsense_does_no_harm() {
    let ran = repl("}\n))))\n\u{1}\n\"\\q\"\n1 +\nx := ;\n2\n");
    assert_eq!(ran.code, 1);
    assert!(ran.out.ends_with("2\n"), "{ran:?}");
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    assert_eq!(sx_with_stdin(&["repl"], b"\xff\xfe\n1\n").code, 1);
}
