//! Judging what a program did.

use crate::expect::{Outcome, shown_stderr};
use crate::program::Program;
use crate::run::{Ended, Runner, Tier};
use pretty_assertions::StrComparison;
use std::fmt::Write;

/// The judgement on one program.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It did what it must in every tier.
    Passed,
    /// It is known not to.
    ExpectedFailure {
        /// Why, by its settings.
        reason: String,
    },
    /// No tier that it wants was asked for.
    Skipped,
    /// Something is red.
    Failed(Failure),
}

/// Something red.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong, with differences, for people.
    pub report: String,
    /// What the program really did, if it is fit to become a snapshot: it ended by itself, the same in all tiers.
    pub actual: Option<Outcome>,
}

/// Runs a program in those of `tiers` that it wants and compares.
pub fn check(runner: &Runner, program: &Program, tiers: &[Tier]) -> Verdict {
    let wanted: Vec<Tier> = tiers
        .iter()
        .copied()
        .filter(|tier| tier.faults || !program.config.faults)
        .filter(|tier| program.config.tiers.as_ref().is_none_or(|names| names.iter().any(|n| n == tier.name)))
        .collect();
    if wanted.is_empty() {
        return Verdict::Skipped;
    }
    let result = compare_all(runner, program, &wanted);
    match (result, &program.config.xfail) {
        (Ok(()), None) => Verdict::Passed,
        (Err(_), Some(reason)) => Verdict::ExpectedFailure { reason: reason.clone() },
        (Err(failure), None) => Verdict::Failed(failure),
        (Ok(()), Some(reason)) => Verdict::Failed(Failure {
            report: format!("passes, although it is marked xfail: {reason}\nTake the mark away.\n"),
            actual: None,
        }),
    }
}

fn compare_all(runner: &Runner, program: &Program, tiers: &[Tier]) -> Result<(), Failure> {
    let expected = program.expectation().map_err(|report| Failure { report: report + "\n", actual: None })?;
    let mut report = String::new();
    let mut first: Option<Outcome> = None;
    let mut fit = true;
    for tier in tiers {
        match runner.run(program, *tier) {
            Err(error) => {
                let _ = writeln!(report, "[{}] can't be run: {error}", tier.name);
                fit = false;
            }
            Ok(Ended::TimedOut(limit)) => {
                let _ = writeln!(report, "[{}] not done after {} s", tier.name, limit.as_secs());
                fit = false;
            }
            Ok(Ended::Killed(outcome)) => {
                let text = String::from_utf8_lossy(&outcome.stderr);
                let _ = writeln!(report, "[{}] ended by a signal\n{text}", tier.name);
                fit = false;
            }
            Ok(Ended::Exited(outcome)) => {
                difference(tier.name, &expected, &outcome, &mut report);
                match &first {
                    None => first = Some(outcome),
                    Some(one) => fit &= same(one, &outcome),
                }
            }
        }
    }
    if report.is_empty() { Ok(()) } else { Err(Failure { report, actual: first.filter(|_| fit) }) }
}

fn same(a: &Outcome, b: &Outcome) -> bool {
    a.exit == b.exit && a.stdout == b.stdout && shown_stderr(a) == shown_stderr(b)
}

fn difference(tier: &str, expected: &Outcome, actual: &Outcome, report: &mut String) {
    let unexpected_exit = expected.exit != actual.exit;
    if unexpected_exit {
        let _ = writeln!(report, "[{tier}] exit code {}, expected {}", actual.exit, expected.exit);
    }
    compare_text(tier, "stdout", &expected.stdout, &actual.stdout, report);
    let shown = shown_stderr(actual);
    if expected.stderr != shown {
        compare_text(tier, "stderr", &expected.stderr, &shown, report);
    } else if unexpected_exit && !actual.stderr.is_empty() {
        let _ = writeln!(report, "[{tier}] stderr:\n{}", String::from_utf8_lossy(&actual.stderr));
    }
}

fn compare_text(tier: &str, what: &str, expected: &[u8], actual: &[u8], report: &mut String) {
    if expected == actual {
        return;
    }
    let expected = String::from_utf8_lossy(expected);
    let actual = String::from_utf8_lossy(actual);
    let _ = writeln!(
        report,
        "[{tier}] {what} (< expected, actual >):\n{}",
        StrComparison::new(&*expected, &*actual)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(exit: i32, stderr: &str) -> Outcome {
        Outcome { exit, stdout: b"out\n".to_vec(), stderr: stderr.as_bytes().to_vec() }
    }

    #[test]
    fn a_trap_is_compared_by_its_first_line() {
        let mut report = String::new();
        let expected = outcome(134, "trap: division by zero\n");
        difference("t", &expected, &outcome(134, "trap: division by zero\n  at main\n"), &mut report);
        assert_eq!(report, "");
        difference("t", &expected, &outcome(134, "trap: unreachable\n  at main\n"), &mut report);
        assert!(report.contains("stderr"), "{report}");
    }

    #[test]
    fn diagnostics_are_compared_whole() {
        let mut report = String::new();
        difference(
            "t",
            &outcome(1, "error[E0001]: a\nmore\n"),
            &outcome(1, "error[E0001]: a\n"),
            &mut report,
        );
        assert!(report.contains("stderr"), "{report}");
    }

    #[test]
    fn a_wrong_exit_code_is_reported_with_what_was_said() {
        let mut report = String::new();
        difference("t", &outcome(0, ""), &outcome(1, "error[E0001]: a\n"), &mut report);
        assert!(report.contains("exit code 1, expected 0") && report.contains("E0001"), "{report}");
    }
}
