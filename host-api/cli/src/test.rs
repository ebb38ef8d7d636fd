//! `sx test`.

use crate::args::{Format, Opt, TestArgs};
use crate::code;
use crate::output::{Output, engine};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use sx::{Engine, Error, ErrorKind, Program, Test};

/// How the tests ended.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    /// Files that don't compile.
    broken: usize,
    filtered: usize,
}

pub fn test(args: &TestArgs, out: &Output) -> ExitCode {
    let engine = engine(Opt::Default).build();
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut files = Vec::new();
    for path in &args.paths {
        if let Err(message) = find(path, &mut files) {
            out.error(message);
            tally.broken += 1;
        }
    }
    for file in &files {
        test_file(&engine, file, args, out, &mut tally);
    }
    summary(&tally, started.elapsed(), out)
}

/// Collects a file, or a folder's .sx files; those of folders only if they have tests.
fn find(path: &Path, files: &mut Vec<(PathBuf, bool)>) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    if !meta.is_dir() {
        files.push((path.to_path_buf(), true));
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    inside.sort();
    for path in inside {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_link = path.is_symlink();
        if path.is_dir() && !hidden && !is_link {
            find(&path, files)?;
        } else if path.extension().is_some_and(|ext| ext == "sx") && mentions_tests(&path) {
            let path = path.strip_prefix("./").map(Path::to_path_buf).unwrap_or(path);
            files.push((path, false));
        }
    }
    Ok(())
}

/// A quick look, so that a folder's programs without tests aren't compiled.
fn mentions_tests(path: &Path) -> bool {
    let Ok(text) = std::fs::read(path) else { return true };
    text.split(|&byte| byte == b'\n').any(|line| {
        let line = line.trim_ascii_start();
        line.strip_prefix(b"test").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
    })
}

fn test_file(
    engine: &Engine,
    (file, named): &(PathBuf, bool),
    args: &TestArgs,
    out: &Output,
    tally: &mut Tally,
) {
    let program = match engine.compile_file(file) {
        Ok(program) => program,
        Err(error) => {
            out.report(&error, Format::Text);
            tally.broken += 1;
            return;
        }
    };
    let tests = program.tests();
    if tests.is_empty() && *named {
        out.say(&format!("{} has no tests\n", file.display()));
    }
    for test in tests {
        if args.filter.as_ref().is_some_and(|filter| !test.name.contains(filter.as_str())) {
            tally.filtered += 1;
            continue;
        }
        let started = Instant::now();
        let result = run_test(&program, &test);
        let label = format!("{}: {}", file.display(), test.name);
        let took = started.elapsed();
        let slow = if took > Duration::from_secs(1) {
            format!(" ({:.1} s)", took.as_secs_f64())
        } else {
            String::new()
        };
        match result {
            Ok(()) => {
                tally.passed += 1;
                out.print(&format!("ok     {label}{slow}\n"));
            }
            Err(error) => {
                out.print(&format!("FAILED {label}{slow}\n"));
                out.say(&indented(&error.render_with(out.style)));
                tally.failed.push(label);
            }
        }
    }
}

/// Each test has an instance of its own.
fn run_test(program: &Program, test: &Test) -> Result<(), Error> {
    let mut instance = program.instance().args([test.path.to_string()]).build()?;
    let result = instance.run_test(test);
    let flushed = instance.flush();
    match result {
        Err(error) if error.kind() == ErrorKind::Exit(0) => flushed,
        Err(error) => Err(error),
        Ok(()) => flushed,
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

fn summary(tally: &Tally, took: Duration, out: &Output) -> ExitCode {
    let mut text = String::new();
    if !tally.failed.is_empty() {
        text.push('\n');
        tally.failed.iter().for_each(|label| text.push_str(&format!("failed: {label}\n")));
    }
    text.push_str(&format!("\n{} passed, {} failed", tally.passed, tally.failed.len()));
    if tally.filtered > 0 {
        text.push_str(&format!(", {} filtered out", tally.filtered));
    }
    if tally.broken > 0 {
        let files = if tally.broken == 1 { "file" } else { "files" };
        text.push_str(&format!(", {} {files} couldn't be compiled", tally.broken));
    }
    text.push_str(&format!(" in {:.2} s\n", took.as_secs_f64()));
    let printed = out.print(&text);
    if tally.failed.is_empty() && tally.broken == 0 { printed } else { ExitCode::from(code::FAILED) }
}
