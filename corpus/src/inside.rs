//! The programs of the corpus again, inside `#run`: compile time has the semantics of run time.
//!
//! The whole corpus is copied to a folder of its own, so that imports and the paths in messages stay what they are. A
//! program that runs gets lines at its end that call its `main` while compiling, and is only checked. What it prints is
//! compared with what it prints at run time; a trap must be the diagnostic that reports it, with the same message.
//! `inside-run.toml` names the programs that are excluded, each with the reason.

use crate::expect::Outcome;
use crate::program::Program;
use crate::run::{Ended, Runner};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The smallest part of the programs that may run inside `#run`, in percent.
pub const LEAST_PERCENT: usize = 80;

/// Excluded programs and why.
pub type Exclusions = BTreeMap<String, String>;

/// Folders of the corpus that hold no programs.
const NOT_COPIED: &[&str] = &["expected", "src", "tests", "tools"];

/// Reads the excluded programs.
///
/// # Errors
/// An unreadable file, one that isn't a table of strings, or an empty reason.
pub fn exclusions(root: &Path) -> Result<Exclusions, String> {
    let text =
        fs::read_to_string(root.join("inside-run.toml")).map_err(|e| format!("inside-run.toml: {e}"))?;
    let found: Exclusions = toml::from_str(&text).map_err(|e| format!("inside-run.toml: {}", e.message()))?;
    match found.iter().find(|(_, reason)| reason.trim().is_empty()) {
        Some((name, _)) => Err(format!("inside-run.toml: {name} has no reason")),
        None => Ok(found),
    }
}

/// How a program's `main` is declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Main {
    Plain,
    Code,
    Failable,
}

/// How `main` is declared in a source text; none when it has no `main` without parameters.
fn main_of(source: &str) -> Option<Main> {
    let line = source.lines().find(|line| line.split_whitespace().take(2).eq(["main", "::"]))?;
    let head: Vec<&str> = line.split('{').next()?.split_whitespace().skip(2).collect();
    match head[..] {
        ["()"] => Some(Main::Plain),
        ["()", "->", "!"] => Some(Main::Failable),
        ["()", "->", ..] => Some(Main::Code),
        _ => None,
    }
}

/// True when the program is accepted and its `main` begins to run.
fn runs(expected: &Outcome) -> bool {
    let text = String::from_utf8_lossy(&expected.stderr);
    expected.exit != 1 || !text.lines().any(|line| line.starts_with("error["))
}

/// The name of the error that leaves `main`.
fn escaping_error(expected: &Outcome) -> Option<String> {
    let text = String::from_utf8_lossy(&expected.stderr);
    let name = text.lines().next()?.strip_prefix("error: unhandled error reached main: error.")?;
    Some(name.to_string())
}

/// The lines that call `main` while compiling, and check what it gives back.
fn driver(main: Main, expected: &Outcome) -> String {
    match main {
        Main::Plain => "\n#run main();\n".to_string(),
        Main::Code => {
            format!(
                "\nINSIDE_RUN :: #run main();\n#assert (INSIDE_RUN & 255) == {}, \"the code\";\n",
                expected.exit
            )
        }
        Main::Failable => {
            let (caught, end) = match escaping_error(expected) {
                Some(error) => (format!("return inside_fmt.format(\"{{}}\", e) == \"{error}\";"), "false"),
                None => ("return false;".to_string(), "true"),
            };
            format!(
                "\ninside_fmt :: #import \"modules/std/fmt.sx\";\n\
                 inside_run :: () -> bool {{ main() catch (e) {{ {caught} }} {end} }}\n\
                 #assert #run inside_run(), \"the error\";\n"
            )
        }
    }
}

/// What standard error must hold when the program runs inside `#run`.
enum Said {
    /// Exactly this, apart from empty lines, and nothing is wrong.
    Exactly(String),
    /// This line, and checking fails.
    Line(String),
}

fn said(main: Main, expected: &Outcome) -> Said {
    let text = String::from_utf8_lossy(&expected.stderr);
    if let Some(message) = text.lines().next().and_then(|line| line.strip_prefix("trap: ")) {
        return Said::Line(format!("error[E0703]: at compile time: {message}"));
    }
    if main == Main::Failable && escaping_error(expected).is_some() {
        return Said::Exactly(String::new());
    }
    if main != Main::Code && expected.exit != 0 {
        let code = expected.exit;
        return Said::Line(format!(
            "error[E0703]: at compile time: the program ended itself, with code {code}"
        ));
    }
    Said::Exactly(text.into_owned())
}

fn without_empty_lines(text: &str) -> String {
    text.lines().filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

/// What differs from the run-time behaviour; none when it is the same.
fn difference(main: Main, expected: &Outcome, ended: &Ended) -> Option<String> {
    let actual = match ended {
        Ended::TimedOut(limit) => return Some(format!("not done after {} s", limit.as_secs())),
        Ended::Killed(outcome) => {
            return Some(format!("ended by a signal\n{}", String::from_utf8_lossy(&outcome.stderr)));
        }
        Ended::Exited(outcome) => outcome,
    };
    let mut report = String::new();
    let stderr = String::from_utf8_lossy(&actual.stderr);
    let wanted_exit = match said(main, expected) {
        Said::Exactly(text) => {
            if without_empty_lines(&text) != without_empty_lines(&stderr) {
                let _ = writeln!(report, "stderr, expected:\n{text}actual:\n{stderr}");
            }
            0
        }
        Said::Line(line) => {
            if !stderr.lines().any(|l| l == line) {
                let _ = writeln!(report, "stderr, expected the line:\n{line}\nactual:\n{stderr}");
            }
            1
        }
    };
    if actual.exit != wanted_exit {
        let _ = writeln!(report, "exit code {}, expected {wanted_exit}", actual.exit);
    }
    if actual.stdout != expected.stdout {
        let [want, got] = [&expected.stdout, &actual.stdout].map(|bytes| String::from_utf8_lossy(bytes));
        let _ = writeln!(report, "stdout, expected:\n{want}actual:\n{got}");
    }
    (!report.is_empty()).then_some(report)
}

/// The outcome for one program.
#[derive(Debug)]
enum Verdict {
    /// It doesn't run at run time either.
    DoesNotRun,
    Same,
    Excluded,
    Failed(String),
}

fn judge(runner: &Runner, program: &Program, excluded: Option<&String>) -> Result<Verdict, String> {
    let expected = program.expectation()?;
    if !runs(&expected) {
        return Ok(Verdict::DoesNotRun);
    }
    let file = runner.root.join(&program.main);
    let bytes = fs::read(&file).map_err(|e| e.to_string())?;
    let differs = match main_of(&String::from_utf8_lossy(&bytes)) {
        None => Some("there is no `main` that can be called".to_string()),
        Some(main) => {
            let text = [&bytes[..], driver(main, &expected).as_bytes()].concat();
            fs::write(&file, text).map_err(|e| e.to_string())?;
            let ended = runner.check(program).map_err(|e| e.to_string())?;
            difference(main, &expected, &ended)
        }
    };
    // A program that doesn't do yet what it should has nothing to be compared with.
    let excluded = excluded.or(program.config.xfail.as_ref());
    Ok(match (differs, excluded) {
        (None, None) => Verdict::Same,
        (Some(_), Some(_)) => Verdict::Excluded,
        (Some(report), None) => Verdict::Failed(report),
        (None, Some(reason)) => {
            Verdict::Failed(format!("does the same inside `#run`, although it is excluded: {reason}\n"))
        }
    })
}

/// Copies what programs consist of.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_COPIED.iter().any(|skip| name == *skip) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Runs all programs that `chosen` accepts inside `#run` and prints what came of it; the exit code.
///
/// # Errors
/// What keeps the programs from being run at all.
pub fn session(
    sx: PathBuf,
    root: &Path,
    programs: &[Program],
    chosen: impl Fn(&str) -> bool,
) -> Result<i32, String> {
    let exclusions = exclusions(root)?;
    let unknown: Vec<&String> =
        exclusions.keys().filter(|name| !programs.iter().any(|p| p.name == **name)).collect();
    if let Some(name) = unknown.first() {
        return Err(format!("inside-run.toml: there is no program {name}"));
    }
    let copy = std::env::temp_dir().join(format!("sx-corpus-inside-{}", std::process::id()));
    copy_tree(root, &copy).map_err(|e| format!("{}: {e}", copy.display()))?;
    let chosen: Vec<&Program> = programs.iter().filter(|p| chosen(&p.name)).collect();
    let whole = chosen.len() == programs.len();
    let verdicts = judge_all(&Runner { sx, root: copy.clone() }, &chosen, &exclusions);
    fs::remove_dir_all(&copy).map_err(|e| format!("{}: {e}", copy.display()))?;
    Ok(report(&chosen, &verdicts, whole))
}

fn judge_all(runner: &Runner, programs: &[&Program], exclusions: &Exclusions) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(Vec::new());
    let jobs = std::thread::available_parallelism().map_or(2, |n| n.get()).min(programs.len().max(1));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(program) = programs.get(at) else { break };
                    let verdict = judge(runner, program, exclusions.get(&program.name));
                    let verdict = verdict.unwrap_or_else(Verdict::Failed);
                    verdicts.lock().unwrap_or_else(PoisonError::into_inner).push((at, verdict));
                }
            });
        }
    });
    let mut verdicts = verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
    verdicts.sort_by_key(|(at, _)| *at);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

fn report(programs: &[&Program], verdicts: &[Verdict], whole: bool) -> i32 {
    let (mut same, mut excluded, mut failed) = (0, 0, 0);
    for (program, verdict) in programs.iter().zip(verdicts) {
        match verdict {
            Verdict::DoesNotRun => {}
            Verdict::Same => same += 1,
            Verdict::Excluded => excluded += 1,
            Verdict::Failed(report) => {
                failed += 1;
                println!("---- {} inside `#run`\n{report}", program.name);
            }
        }
    }
    let all = same + excluded + failed;
    let percent = 100.0 * same as f64 / all.max(1) as f64;
    println!(
        "inside `#run`: {same} of {all} programs do the same ({percent:.1} %), {excluded} excluded, {failed} failed"
    );
    let too_few = whole && same * 100 < all * LEAST_PERCENT;
    if too_few {
        println!("at least {LEAST_PERCENT} % must");
    }
    i32::from(failed > 0 || too_few)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(exit: i32, stdout: &str, stderr: &str) -> Outcome {
        Outcome { exit, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn main_is_found_by_its_declaration() {
        assert_eq!(main_of("// x\nmain :: () {\n"), Some(Main::Plain));
        assert_eq!(main_of("main\t::\t() -> i32 {"), Some(Main::Code));
        assert_eq!(main_of("main :: () -> ! {"), Some(Main::Failable));
        assert_eq!(main_of("main :: (n: i64) {"), None);
    }

    #[test]
    fn rejected_programs_do_not_run() {
        assert!(!runs(&outcome(1, "", "warning[W0001]: a\n\nerror[E0001]: b\n")));
        assert!(runs(&outcome(1, "", "error: unhandled error reached main: error.A\n")));
        assert!(runs(&outcome(134, "", "trap: division by zero\n")));
    }

    #[test]
    fn a_trap_must_have_the_same_message() {
        let expected = outcome(134, "a\n", "trap: division by zero\n");
        let other = outcome(1, "a\n", "error[E0703]: at compile time: unreachable\n");
        assert!(difference(Main::Plain, &expected, &Ended::Exited(other)).is_some());
        let same = outcome(1, "a\n", "error[E0703]: at compile time: division by zero\n  --> x\n");
        assert_eq!(difference(Main::Plain, &expected, &Ended::Exited(same)), None);
    }

    #[test]
    fn output_is_compared_to_the_byte() {
        let expected = outcome(0, "a\n", "");
        assert!(difference(Main::Plain, &expected, &Ended::Exited(outcome(0, "a", ""))).is_some());
        assert!(difference(Main::Plain, &expected, &Ended::Exited(outcome(0, "a\n", "b"))).is_some());
        assert_eq!(difference(Main::Plain, &expected, &Ended::Exited(outcome(0, "a\n", ""))), None);
    }
}
