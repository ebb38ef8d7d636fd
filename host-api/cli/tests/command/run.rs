//! `sx run`.

use crate::{Folder, command, sx, sx_with_stdin};
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

const STD: &str = "#import \"modules/std.sx\";\n";

#[test]
fn the_programs_code_is_the_commands() {
    let folder = Folder::new();
    for (body, code) in [("{}", 0), ("-> i64 { 7 }", 7), ("-> u8 { 255 }", 255), ("{ process.exit(3); }", 3)]
    {
        let file = folder.file("p.sx", format!("{STD}main :: () {body}\n"));
        assert_eq!(sx(&["run", &file]).code, code, "{body}");
    }
}

#[test]
fn arguments_and_input_reach_the_program() {
    let folder = Folder::new();
    let file = folder.file(
        "p.sx",
        format!("{STD}main :: () {{ for process.args()[1..] (a) {{ print(\"<{{}}>\\n\", a); }} }}\n"),
    );
    let ran = sx(&["run", "--tier", "interp", &file, "one", "--flag", "-x", "two words", "--"]);
    assert_eq!(ran.out, "<one>\n<--flag>\n<-x>\n<two words>\n<-->\n");
    // Options of the command, too, belong to the program from the file on.
    for args in
        [&["--help"][..], &["-h"], &["--version"], &["--opt", "none"], &["--color", "never"], &["--", "-h"]]
    {
        let ran = sx(&[&["run", &file], args].concat());
        let expected: String = args.iter().map(|arg| format!("<{arg}>\n")).collect();
        assert_eq!((ran.code, ran.out), (0, expected), "{args:?}");
    }
    assert_eq!(sx(&["run", "--opt", "none", &file, "--opt"]).out, "<--opt>\n");
}

#[test]
fn a_program_comes_from_stdin() {
    let ran = sx_with_stdin(
        &["run", "-"],
        format!("#!/usr/bin/env sx\n{STD}main :: () {{ print(\"hi\\n\"); }}").as_bytes(),
    );
    assert_eq!((ran.code, ran.out.as_str()), (0, "hi\n"));
    let bad = sx_with_stdin(&["run", "-"], b"main :: () { nope(); }");
    assert_eq!(bad.code, 1);
    assert!(bad.err.contains("--> <stdin>:1:14"), "{}", bad.err);
    assert_eq!(sx_with_stdin(&["run", "-"], b"\xff\xfe").code, 1);
}

#[test]
fn traps_are_shown_with_their_stack() {
    let folder = Folder::new();
    let file = folder.file(
        "p.sx",
        format!("{STD}at :: (xs: []i64, n: i64) -> i64 {{\n    xs[n]\n}}\nmain :: () {{\n    print(\"before\");\n    xs := .[1, 2, 3];\n    n := xs.len * 3;\n    print(\"{{}}\", at(xs[..], n));\n}}\n"),
    );
    let ran = sx(&["run", "--color", "never", &file]);
    assert_eq!((ran.code, ran.out.as_str()), (134, "before"));
    let expected =
        format!("trap: index 9 out of range for length 3\n  at {file}:3:5 in at\n  at {file}:9:17 in main\n");
    assert_eq!(ran.err, expected);
    let colored = sx(&["run", "--color", "always", &file]);
    assert!(colored.err.starts_with("\x1b[1;31mtrap\x1b[0m: index 9"), "{}", colored.err);
}

#[test]
fn long_stacks_show_both_ends() {
    let folder = Folder::new();
    let file =
        folder.file("p.sx", "deep :: (n: i64) -> i64 { deep(n + 1) + 1 }\nmain :: () -> i64 { deep(0) }\n");
    let ran = sx(&["run", &file]);
    assert_eq!(ran.code, 134);
    assert!(ran.err.starts_with("trap: stack overflow\n"), "{}", ran.err);
    // Sixteen frames of each end; what was inlined into one of them is a line of its own.
    let shown = ran.err.lines().filter(|line| line.starts_with("  at ")).count();
    assert!((32..64).contains(&shown), "{}", ran.err);
    assert_eq!(ran.err.lines().filter(|line| line.starts_with("  … ")).count(), 1);
    assert!(ran.err.ends_with("in main\n"));
}

#[test]
fn stacks_of_mutual_recursion_keep_their_order() {
    let folder = Folder::new();
    let file = folder.file(
        "p.sx",
        "down :: (n: i64) -> i64 {\n    if n == 0 { xs := .[1]; return xs[n + 1]; }\n    up(n - 1) + n\n}\nup :: (n: i64) -> i64 {\n    down(n) * 2\n}\nmain :: () -> i64 {\n    down(40)\n}\n",
    );
    let ran = sx(&["run", "--opt", "none", &file]);
    assert_eq!(ran.code, 134);
    let frames: Vec<&str> = ran.err.lines().skip(1).collect();
    // 81 calls of `down` and `up` in turn, and `main`: sixteen of each end are shown, and how many aren't.
    assert_eq!(frames.len(), 33, "{}", ran.err);
    assert!(frames[0].ends_with("p.sx:2:36 in down") && frames[1].ends_with("p.sx:6:5 in up"), "{}", ran.err);
    assert!(frames[16].contains(" 50 "), "{}", frames[16]);
    assert!(frames[31].ends_with("p.sx:3:5 in down") || frames[31].ends_with("in down"), "{}", ran.err);
    assert!(frames[32].ends_with("p.sx:9:5 in main"), "{}", ran.err);
}

#[test]
fn what_compile_time_code_prints_is_shown() {
    let folder = Folder::new();
    let text = format!(
        "{STD}f :: () -> i64 {{ print(\"in f\"); 3 }}\nN :: #run f();\n#run print(\"!\\n\");\nmain :: () {{ print(\"{{}}\\n\", N); }}\ntest \"t\" {{}}\n"
    );
    let file = folder.file("p.sx", &text);
    assert_eq!(sx(&["run", &file]).out, "in f!\n3\n");
    assert_eq!(sx(&["check", &file]).out, "in f!\n");
    assert!(sx(&["test", &file]).out.starts_with("in f!\nok "));
    // Also when something is wrong, and what was printed before a trap.
    let bad = folder.file("bad.sx", format!("{text}wrong :: () {{ nope(); }}\n"));
    let ran = sx(&["run", &bad]);
    assert_eq!((ran.code, ran.out.contains("in f")), (1, true), "{ran:?}");
    let trap = folder.file("trap.sx", text.replace("; 3 }", "; xs := .[1]; n := 4; xs[n] }"));
    let ran = sx(&["check", &trap]);
    assert_eq!((ran.code, ran.out.contains("in f")), (1, true), "{ran:?}");
}

#[test]
fn an_error_out_of_main_is_told_with_its_trace() {
    let folder = Folder::new();
    let file = folder.file(
        "p.sx",
        "inner :: (n: i64) -> i64 ! {\n    if n > 0 { raise error.Deep; }\n    n\n}\nmain :: () -> ! {\n    _ = try inner(1);\n}\n",
    );
    let ran = sx(&["run", &file]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error: unhandled error reached main: error.Deep\n  at "), "{}", ran.err);
    assert!(ran.err.contains(":2:16 in inner\n") && ran.err.contains(":6:13 in main\n"), "{}", ran.err);
}

#[test]
fn what_can_not_be_read_is_told() {
    let folder = Folder::new();
    let missing = folder.path("none.sx");
    let ran = sx(&["run", &missing]);
    assert_eq!((ran.code, ran.err), (1, format!("error: there is no file `{missing}`\n")));
    let dir = folder.root().to_str().unwrap();
    assert_eq!(sx(&["run", dir]).err, format!("error: `{dir}` is a folder, not a file\n"));
    let bytes = folder.file("bytes.sx", b"main :: () {}\n\xff\n");
    let ran = sx(&["run", &bytes]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[E0019]"), "{}", ran.err);
    let locked = folder.file("locked.sx", "main :: () {}");
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o000)).unwrap();
    // The superuser reads everything.
    if File::open(&locked).is_err() {
        let ran = sx(&["run", &locked]);
        assert_eq!((ran.code, ran.err), (1, format!("error: `{locked}` can't be read: permission denied\n")));
    }
    let none = folder.file("none_main.sx", "f :: () {}");
    let ran = sx(&["run", &none]);
    assert!(ran.code == 1 && ran.err.starts_with("error[E0109]: "), "{ran:?}");
}

#[test]
fn lost_output_is_an_error_and_no_panic() {
    let folder = Folder::new();
    let file = folder
        .file("p.sx", format!("{STD}main :: () {{ for 0..100000 (i) {{ print(\"{{}}\\n\", i); }} }}\n"));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command(&["run", &file]).stdout(full).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.starts_with("error: output couldn't be written: "), "{err}");
    // A pipe whose reader has left.
    let mut child = command(&["run", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    // Nor may the messages themselves matter.
    let bad = folder.file("bad.sx", "main :: () { nope(); }");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let status = command(&["run", &bad]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// The library's own sources, and changed ones, where a program is started or where `SX_STDLIB_PATH` says.
#[test]
fn the_library_where_it_is_at_home() {
    let folder = Folder::new();
    let main =
        folder.file("main.sx", "#import \"modules/std.sx\";\nmain :: () { print(\"{}\\n\", max(1, 2)); }\n");
    folder.file("work/none.sx", "");
    let run = || {
        let here = command(&["run", &main]).current_dir(folder.path("work")).output().unwrap();
        let there = command(&["run", &main]).env("SX_STDLIB_PATH", folder.path("work")).output().unwrap();
        [here, there].map(|ran| String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
    };
    for (path, text) in sx_lib::files() {
        folder.file(&format!("work/{path}"), text);
    }
    assert_eq!(run(), ["2\n", "2\n"]);
    for (path, text) in sx_lib::files() {
        folder.file(&format!("work/{path}"), format!("{text}\n// Changed.\n"));
    }
    assert_eq!(run(), ["2\n", "2\n"]);
}

#[test]
fn imports_are_searched_in_order() {
    let folder = Folder::new();
    let main = folder.file("app/main.sx", "#import \"who.sx\";\nmain :: () -> i64 { who() }\n");
    let lib = folder.path("lib");
    folder.file("lib/who.sx", "who :: () -> i64 { 3 }\n");
    let run = |cwd: &str| {
        let mut command = command(&["run", &main]);
        command.env("SX_STDLIB_PATH", &lib).current_dir(folder.path(cwd));
        command.output().unwrap().status.code()
    };
    folder.file("work/other.sx", "");
    assert_eq!(run("work"), Some(3));
    folder.file("work/who.sx", "who :: () -> i64 { 2 }\n");
    assert_eq!(run("work"), Some(2));
    folder.file("app/who.sx", "who :: () -> i64 { 1 }\n");
    assert_eq!(run("work"), Some(1));
    let none = folder.file("none.sx", "#import \"nowhere.sx\";\nmain :: () { f(); }\n");
    let ran = sx(&["run", &none]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[E0104]") && ran.err.contains("the built-in library"), "{}", ran.err);
}
