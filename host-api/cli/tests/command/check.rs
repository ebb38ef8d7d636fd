//! `sx check`, and diagnostics as text and JSON.

use crate::{Folder, sx, sx_with_stdin};

#[test]
fn errors_of_all_files_are_shown_in_order() {
    let folder = Folder::new();
    let a = folder.file("a.sx", "f :: () -> i64 {\n    one\n}\ng :: () -> i64 {\n    two\n}\n");
    let good = folder.file("good.sx", "f :: () -> i64 { 1 }\n");
    let ran = sx(&["check", &good, &a]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let one = ran.err.find("a.sx:2:5").expect("the first error is shown");
    let two = ran.err.find("a.sx:5:5").expect("the second error is shown");
    assert!(one < two);
    assert_eq!(ran.err.matches("error[").count(), 2, "{}", ran.err);
    let fine = sx(&["check", &good]);
    assert_eq!((fine.code, fine.err.as_str()), (0, ""));
}

#[test]
fn imported_files_are_checked_too() {
    let folder = Folder::new();
    folder.file("lib.sx", "used :: () -> i64 { 1 }\nunused :: () -> i64 { wrong }\n");
    let main = folder.file("main.sx", "#import \"lib.sx\";\nmain :: () -> i64 { used() }\n");
    assert_eq!(sx(&["run", &main]).code, 1);
    let ran = sx(&["check", &main]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("lib.sx:2:23"), "{}", ran.err);
}

#[test]
fn json_is_one_object_per_line() {
    let folder = Folder::new();
    let file = folder.file("a.sx", "main :: () {\n    x := (1, 2);\n    nope(\"ä\");\n}\n");
    let ran = sx(&["check", "--message-format", "json", &file]);
    assert_eq!(ran.code, 1);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(!lines.is_empty());
    for line in lines {
        assert!(line.starts_with("{\"code\":\"E") && line.ends_with('}'), "{line}");
        for field in [
            "severity",
            "message",
            "path",
            "line",
            "column",
            "end_line",
            "byte_start",
            "label",
            "secondary",
            "helps",
        ] {
            assert!(line.contains(&format!("\"{field}\":")), "{field}: {line}");
        }
    }
    let run = sx(&["run", "--message-format", "json", &file]);
    assert_eq!((run.code, run.err), (1, ran.err));
}

#[test]
fn standard_input_is_checked() {
    assert_eq!(sx_with_stdin(&["check", "-"], b"main :: () {}\n").code, 0);
    let ran = sx_with_stdin(&["check", "-"], b"main :: ( {}\n");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("<stdin>:1:"), "{}", ran.err);
}

#[test]
fn colours_are_chosen() {
    let folder = Folder::new();
    let file = folder.file("a.sx", "main :: () { nope(); }");
    assert!(!sx(&["check", &file]).err.contains('\x1b'));
    assert!(sx(&["check", "--color", "always", &file]).err.contains("\x1b[1;31m"));
    assert!(!sx(&["--color", "never", "check", &file]).err.contains('\x1b'));
}
