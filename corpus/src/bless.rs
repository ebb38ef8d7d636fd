//! Rewriting snapshots: only when asked, and only while nothing else is red.

use crate::check::Failure;
use crate::program::Program;

/// Why snapshots weren't rewritten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Programs that weren't asked for are red.
    OthersAreRed(Vec<String>),
    /// A red program crashed, hung, or differs between tiers: that is no behaviour to record.
    NoSnapshot(String),
    /// A file couldn't be written.
    Io(String),
}

/// Rewrites the expectations of the red programs that `chosen` accepts; gives back their names.
///
/// # Errors
/// When anything else is red, or one of them did nothing that could be recorded. Nothing is written then.
pub fn bless(
    red: &[(&Program, &Failure)],
    chosen: impl Fn(&Program) -> bool,
) -> Result<Vec<String>, Refused> {
    let others: Vec<String> = red.iter().filter(|(p, _)| !chosen(p)).map(|(p, _)| p.name.clone()).collect();
    if !others.is_empty() {
        return Err(Refused::OthersAreRed(others));
    }
    let mut writes = Vec::new();
    for (program, failure) in red {
        match &failure.actual {
            Some(outcome) => writes.push((program, outcome)),
            None => return Err(Refused::NoSnapshot(program.name.clone())),
        }
    }
    let mut names = Vec::new();
    for (program, outcome) in writes {
        program.write_expectation(outcome).map_err(|e| Refused::Io(format!("{}: {e}", program.name)))?;
        names.push(program.name.clone());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::Outcome;
    use crate::program::Config;

    fn program(name: &str, folder: &std::path::Path) -> Program {
        Program {
            name: format!("basic/{name}"),
            main: format!("basic/{name}.sx").into(),
            expected: folder.join(name),
            config: Config::default(),
        }
    }

    fn failure(actual: Option<&str>) -> Failure {
        let actual = actual.map(|s| Outcome { exit: 0, stdout: s.into(), stderr: Vec::new() });
        Failure { report: "red\n".into(), actual }
    }

    #[test]
    fn refuses_while_others_are_red() {
        let (a, b) = (program("0001-a", "/nowhere".as_ref()), program("0002-b", "/nowhere".as_ref()));
        let f = failure(Some("x"));
        let result = bless(&[(&a, &f), (&b, &f)], |p| p.name.contains("0001"));
        assert_eq!(result, Err(Refused::OthersAreRed(vec!["basic/0002-b".into()])));
    }

    #[test]
    fn refuses_what_is_no_behaviour() {
        let a = program("0001-a", "/nowhere".as_ref());
        let result = bless(&[(&a, &failure(None))], |_| true);
        assert_eq!(result, Err(Refused::NoSnapshot("basic/0001-a".into())));
    }

    #[test]
    fn writes_what_the_program_did() {
        let folder = std::env::temp_dir().join(format!("sx-corpus-bless-{}", std::process::id()));
        let a = program("0001-a", &folder);
        let names = bless(&[(&a, &failure(Some("new\n")))], |_| true).expect("is blessed");
        assert_eq!(names, ["basic/0001-a"]);
        assert_eq!(a.expectation().expect("reads back").stdout, b"new\n");
        std::fs::remove_dir_all(&folder).expect("is removed");
    }
}
