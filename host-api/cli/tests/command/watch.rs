//! `--watch`: checks and runs again when files change.

use crate::{Folder, command, sx};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A command that is ended with the test.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watching {
    fn begin(args: &[&str]) -> Watching {
        let mut command = command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("sx starts");
        let (send, lines) = channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("stdout is piped"));
        let err: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("stderr is piped"));
        for stream in [out, err] {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Watching { child, lines }
    }
    /// All lines up to one that contains a text, that one included.
    fn until(&self, text: &str) -> String {
        self.until_all(&[text])
    }
    /// As [`Watching::until`], for texts in any order: two streams have none.
    fn until_all(&self, texts: &[&str]) -> String {
        let mut seen = String::new();
        while texts.iter().any(|text| !seen.contains(text)) {
            match self.lines.recv_timeout(Duration::from_secs(30)) {
                Ok(line) => seen = seen + &line + "\n",
                Err(error) => panic!("{texts:?} aren't among\n{seen}{error}"),
            }
        }
        seen
    }
}

#[test]
fn check_says_what_is_wrong_now() {
    let folder = Folder::new();
    folder.file("lib.sx", "one :: () -> i64 { 1 }\n");
    let main = folder.file("main.sx", "#import \"lib.sx\";\nmain :: () { n := one(); }\n");
    let watching = Watching::begin(&["check", "--watch", &main]);
    watching.until("0 errors, 0 warnings; waiting for changes");
    folder.file("lib.sx", "one :: () -> i64 { \"two\" }\n");
    let seen = watching.until("waiting for changes");
    assert!(seen.contains("lib.sx:1:20") && seen.contains("1 error, 0 warnings"), "{seen}");
    folder.file("main.sx", "// More.\n#import \"lib.sx\";\nmain :: () { n := one(); m := two; }\n");
    let seen = watching.until("waiting for changes");
    assert!(
        seen.contains("lib.sx:1:20") && seen.contains("main.sx:3:31") && seen.contains("2 errors"),
        "{seen}"
    );
    folder.file("lib.sx", "one :: () -> i64 { 1 }\ntwo :: 2;\n");
    watching.until("0 errors, 0 warnings; waiting for changes");
}

#[test]
fn files_that_an_edit_imports_are_watched() {
    let folder = Folder::new();
    folder.file("lib.sx", "one :: 1;\n");
    let main = folder.file("main.sx", "main :: () { }\n");
    let watching = Watching::begin(&["check", "--watch", &main]);
    watching.until("0 errors");
    folder.file("main.sx", "#import \"lib.sx\";\nmain :: () { n := one; }\n");
    watching.until("0 errors");
    folder.file("lib.sx", "two :: 1;\n");
    assert!(watching.until("waiting for changes").contains("E0101"));
}

#[test]
fn run_begins_again() {
    let folder = Folder::new();
    let text = |what: &str| {
        let lines = ["#import \"modules/std.sx\";", "main :: () {", what, "}"];
        lines.join("\n") + "\n"
    };
    let main = folder.file("main.sx", text("print(\"first\\n\");"));
    let watching = Watching::begin(&["run", "--watch", &main]);
    watching.until_all(&["first", "waiting for changes"]);
    // One that doesn't end by itself.
    folder.file("main.sx", text("for 0..4000000000000 (i) { }"));
    std::thread::sleep(Duration::from_millis(700));
    folder.file("main.sx", text("print(\"third\\n\"); nothing();"));
    watching.until("E0101");
    folder.file("main.sx", text("print(\"fourth\\n\");"));
    watching.until("fourth");
}

#[test]
fn only_files_can_be_watched() {
    assert_eq!(sx(&["check", "--watch", "-"]).code, 2);
    assert_eq!(sx(&["run", "--watch", "-"]).code, 2);
    assert_eq!(sx(&["check", "--watch", "/nothing/here.sx"]).code, 1);
}
