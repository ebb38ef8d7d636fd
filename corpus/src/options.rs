//! The harness's command line.

use crate::run::{TIERS, Tier};

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Programs whose name contains one of these; all when empty.
    pub filters: Vec<String>,
    /// Tiers to run.
    pub tiers: Vec<Tier>,
    /// Rewrite the snapshots of the programs that the filters choose.
    pub bless: bool,
    /// Programs at a time.
    pub jobs: usize,
    /// Print names only.
    pub list: bool,
}

/// What `--help` prints.
pub const HELP: &str = "\
Runs the conformance programs.

usage: cargo test -p sx-corpus --test corpus -- [OPTIONS] [FILTER…]

  FILTER        run the programs whose name contains it
  --tier NAME   run in this tier only; may be repeated
  --bless       rewrite the snapshots of the programs that FILTER chooses,
                provided that nothing else is red
  --jobs N      programs at a time
  --list        print the programs' names
  --help        print this

SX_BIN names the sx binary; without it, it is built.
";

/// Reads the command line. `None` is a wish for help.
///
/// # Errors
/// Unknown options and values, in words.
pub fn parse(args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let jobs = std::thread::available_parallelism().map_or(2, |n| n.get());
    let mut options = Options { filters: Vec::new(), tiers: Vec::new(), bless: false, jobs, list: false };
    let mut args = args;
    while let Some(arg) = args.next() {
        let mut value = |what: &str| args.next().ok_or(format!("{arg} needs {what}"));
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--bless" => options.bless = true,
            "--list" => options.list = true,
            "--tier" => options.tiers.push(tier(&value("a tier")?)?),
            "--jobs" | "--test-threads" => {
                let text = value("a number")?;
                options.jobs =
                    text.parse().ok().filter(|&n| n > 0).ok_or(format!("no number of jobs: {text}"))?;
            }
            // What `cargo test` users pass to every harness.
            "--nocapture" | "--quiet" | "-q" | "--exact" => {}
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}")),
            _ => options.filters.push(arg),
        }
    }
    if options.tiers.is_empty() {
        options.tiers = TIERS.to_vec();
    }
    if options.bless && options.filters.is_empty() {
        return Err("--bless needs a filter that says which snapshots to rewrite".to_string());
    }
    Ok(Some(options))
}

fn tier(name: &str) -> Result<Tier, String> {
    TIERS.iter().copied().find(|t| t.name == name).ok_or_else(|| {
        let known: Vec<&str> = TIERS.iter().map(|t| t.name).collect();
        format!("unknown tier {name}; there are: {}", known.join(", "))
    })
}

impl Options {
    /// True when the filters choose this program.
    pub fn chooses(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|f| name.contains(f.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<Option<Options>, String> {
        parse(args.iter().map(|s| s.to_string()))
    }

    #[test]
    fn bless_is_never_for_everything() {
        assert!(of(&["--bless"]).is_err());
        assert!(of(&["--bless", "0001"]).expect("parses").expect("isn't help").bless);
    }

    #[test]
    fn bad_words_are_told() {
        assert_eq!(of(&["--jobs", "many"]).err().as_deref(), Some("no number of jobs: many"));
        assert_eq!(of(&["--frob"]).err().as_deref(), Some("unknown option --frob"));
        assert!(of(&["--tier", "warp"]).is_err_and(|e| e.contains("interp")));
    }
}
