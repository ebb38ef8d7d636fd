//! The `sx` command from outside: exit codes, streams, files.

mod build;
mod check;
mod files;
mod fmt;
mod json;
mod lost_output;
mod places;
mod repl;
mod run;
mod test;
mod watch;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a command ended and what it said.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command writes UTF-8");
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sx"));
    command.args(args).env_remove("SX_STDLIB_PATH").env_remove("NO_COLOR");
    command
}

fn sx(args: &[&str]) -> Ran {
    match command(args).stdin(Stdio::null()).output() {
        Ok(output) => output.into(),
        Err(error) => panic!("sx can't be started: {error}"),
    }
}

fn sx_with_stdin(args: &[&str], stdin: &[u8]) -> Ran {
    let mut command = command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("sx starts");
    let mut pipe = child.stdin.take().expect("stdin is piped");
    // A command that doesn't read its input may have ended already.
    let _ = pipe.write_all(stdin);
    drop(pipe);
    child.wait_with_output().expect("sx ends").into()
}

/// A folder of its own, gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sx-command-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder can be made");
        }
        std::fs::write(&path, text).expect("a file can be written");
        self.path(name)
    }
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("temporary paths are UTF-8").to_owned()
    }
    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("the file is there")
    }
    fn root(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn help_and_version() {
    let help = sx(&["--help"]);
    assert_eq!(help.code, 0);
    for name in ["run", "check", "ir", "bytecode", "test", "fmt", "explain", "repl", "new"] {
        assert!(help.out.contains(&format!("  {name}")), "{name}: {}", help.out);
        let one = sx(&[name, "--help"]);
        assert_eq!((one.code, one.err.as_str()), (0, ""), "{name}");
        assert!(one.out.contains("Usage: sx"), "{name}: {}", one.out);
    }
    assert_eq!(sx(&["--version"]).out, format!("sx {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_exits_with_2() {
    for args in [
        &[][..],
        &["walk"],
        &["run"],
        &["run", "--bogus", "x.sx"],
        &["run", "-x"],
        &["run", "--opt"],
        &["run", "--tier", "magic", "x.sx"],
        &["--color", "red", "repl"],
    ] {
        let ran = sx(args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{args:?}: {ran:?}");
    }
}

#[test]
fn codes_are_explained() {
    let ran = sx(&["explain", "e0002"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.starts_with("E0002: missing `;`\n\n"), "{}", ran.out);
    let unknown = sx(&["explain", "E9999"]);
    assert_eq!(unknown.code, 1);
    assert_eq!(unknown.err, "error: there is no diagnostic with the code `E9999`\n");
}

#[test]
fn a_new_program_runs_and_passes_its_test() {
    let folder = Folder::new();
    let name = folder.path("game");
    assert_eq!(sx(&["new", &name]).code, 0);
    let main = format!("{name}/main.sx");
    assert_eq!(sx(&["run", &main]).out, "Hello, world!\n");
    let tested = sx(&["test", &name]);
    assert_eq!(tested.code, 0, "{tested:?}");
    assert_eq!(sx(&["fmt", "--check", &main]).code, 0);
    let again = sx(&["new", &name]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("something is there already"), "{}", again.err);
}

#[test]
fn the_middle_form_shows_the_orderings_of_atomic_operations() {
    let folder = Folder::new();
    let file = folder.file(
        "p.sx",
        "#import \"modules/std/atomic.sx\";
         touch :: (a: *Atomic(u32), p: *Atomic(bool)) -> u32 {
             p.store(true, .release);
             fence(.acq_rel);
             a.compare_exchange(1, 2, .seq_cst, .acquire);
             a.fetch_max(7, .relaxed) + a.load(.acquire)
         }
         main :: () { a : Atomic(u32); p : Atomic(bool); touch(@a, @p); }\n",
    );
    for level in ["none", "less", "default"] {
        let ir = sx(&["ir", "--opt", level, &file]).out;
        for inst in [
            "atomic.store.i8.release ",
            "fence.acq_rel\n",
            "atomic.cas.i32.seq_cst.acquire ",
            "atomic.umax.i32.relaxed ",
            "atomic.load.i32.acquire ",
        ] {
            assert!(ir.contains(inst), "{level}: no {inst}in\n{ir}");
        }
    }
    let bytecode = sx(&["bytecode", &file]).out;
    assert!(bytecode.contains("Rmw(UMax, 4, Relaxed)"), "{bytecode}");
}

#[test]
fn the_middle_form_and_bytecode_are_shown() {
    let folder = Folder::new();
    let file =
        folder.file("p.sx", "add :: (a: i64, b: i64) -> i64 { a + b }\nmain :: () { _ = add(1, 2); }\n");
    let ir = sx(&["ir", &file]);
    assert_eq!(ir.code, 0);
    assert!(ir.out.contains("add"), "{}", ir.out);
    let bytecode = sx(&["bytecode", &file]);
    assert_eq!(bytecode.code, 0);
    assert!(!bytecode.out.is_empty());
    assert!(sx(&["ir", "--all", &file]).out.len() > ir.out.len());
    // The library's functions are there only if they are asked for, also where nothing is left out.
    let std = folder.file("q.sx", "#import \"modules/std.sx\";\nmain :: () { print(\"{}\\n\", 1); }\n");
    for level in ["none", "less", "default"] {
        let ir = sx(&["ir", "--opt", level, &std]).out;
        assert_eq!(ir.matches("= func \"").count(), 1, "{level}: {ir}");
        assert!(sx(&["ir", "--all", "--opt", level, &std]).out.matches("= func \"").count() > 10, "{level}");
        assert_eq!(
            sx(&["bytecode", "--opt", level, &std]).out.matches(" parameters, ").count(),
            1,
            "{level}"
        );
    }
    assert_eq!(sx(&["ir", &folder.path("none.sx")]).code, 1);
}
