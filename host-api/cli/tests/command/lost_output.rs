//! Standard output that can't be written: a full disk, a closed pipe. No subcommand panics or says that all went well.

use crate::{Folder, Ran, command};
use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

/// More than a pipe holds.
const MANY_LINES: &str = "#import \"modules/std.sx\";
main :: () { for 0..100000 (i) { print(\"{}\\n\", i); } }
test \"one\" {}
test \"two\" { print(\"some text\\n\"); }
";

/// Every way of printing something: arguments and standard input.
fn ways(folder: &Folder) -> Vec<(Vec<String>, &'static str)> {
    let file = folder.file("p.sx", MANY_LINES);
    let noisy =
        folder.file("noisy.sx", "#import \"modules/std.sx\";\n#run print(\"noisy\\n\");\nmain :: () {}\n");
    let new = folder.path("new");
    let way = |args: &[&str], input| (args.iter().map(|&arg| arg.to_owned()).collect(), input);
    vec![
        way(&["run", &file], ""),
        way(&["run", &noisy], ""),
        way(&["check", &noisy], ""),
        way(&["ir", "--all", &file], ""),
        way(&["bytecode", "--all", &file], ""),
        way(&["test", &file], ""),
        way(&["explain", "E0001"], ""),
        way(&["fmt", "-"], "main::(){}"),
        way(&["repl"], "1 + 2\nprint(\"x\");\n"),
        way(&["repl"], ":help\n"),
        way(&["new", &new], ""),
        way(&["--help"], ""),
        way(&["--version"], ""),
        way(&["run", "--help"], ""),
    ]
}

fn feed(mut command: Command, input: &str) -> std::process::Child {
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sx starts");
    let mut pipe = child.stdin.take().expect("stdin is piped");
    // A command that doesn't read its input may have ended already.
    let _ = pipe.write_all(input.as_bytes());
    child
}

fn arguments(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn a_full_disk_is_told_once() {
    let folder = Folder::new();
    for (args, input) in ways(&folder) {
        let mut command = command(&arguments(&args));
        command.stdout(File::options().write(true).open("/dev/full").expect("this system has it"));
        let ran: Ran = feed(command, input).wait_with_output().expect("sx ends").into();
        assert_eq!(ran.code, 1, "{args:?}: {}", ran.err);
        let lines = ran.err.lines().filter(|line| line.starts_with("error: output couldn't be written: "));
        assert_eq!(lines.count(), 1, "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_closed_pipe_ends_quietly_or_with_a_message() {
    let folder = Folder::new();
    for (args, input) in ways(&folder) {
        let mut command = command(&arguments(&args));
        let (reader, writer) = std::io::pipe().expect("pipes can be made");
        drop(reader);
        command.stdout(writer);
        let ran: Ran = feed(command, input).wait_with_output().expect("sx ends").into();
        assert_eq!(ran.code, 1, "{args:?}: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn messages_that_are_lost_change_nothing() {
    let folder = Folder::new();
    let bad = folder.file("bad.sx", "main :: () { nope(); }");
    let wrong = folder.file("trap.sx", "main :: () { xs := .[1]; n := xs.len; _ = xs[n]; }");
    let cases: [(&[&str], i32); 9] = [
        (&["run", &bad], 1),
        (&["run", &wrong], 134),
        (&["check", &bad], 1),
        (&["check", "--message-format", "json", &bad], 1),
        (&["ir", &bad], 1),
        (&["fmt", &folder.path("none.sx")], 1),
        (&["test", &bad], 1),
        (&["explain", "E9999"], 1),
        (&["walk"], 2),
    ];
    for (args, code) in cases {
        let full = File::options().write(true).open("/dev/full").expect("this system has it");
        let status = command(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(full).status();
        assert_eq!(status.expect("sx runs").code(), Some(code), "{args:?}");
    }
}
