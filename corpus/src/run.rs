//! Executing one program in one tier.

use crate::expect::Outcome;
use crate::program::Program;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use wait_timeout::ChildExt;

/// A way to execute programs. All of them must do the same.
#[derive(Clone, Copy, Debug)]
pub struct Tier {
    /// How settings files and `--tier` name it.
    pub name: &'static str,
    /// What `sx run` is given to choose it.
    pub args: &'static [&'static str],
    /// Hardware faults of the program are traps.
    pub faults: bool,
}

/// Every tier there is.
pub const TIERS: &[Tier] = &[
    Tier { name: "interp", args: &["--tier", "interp"], faults: true },
    Tier { name: "interp-unsignaled", args: &["--tier", "interp", "--signals", "off"], faults: false },
    Tier { name: "auto", args: &["--tier", "auto"], faults: true },
    Tier { name: "loops", args: &["--tier", "loops"], faults: true },
    Tier { name: "jit", args: &["--tier", "jit"], faults: true },
];

/// Seconds that a program may take when its settings don't say.
const TIMEOUT_S: u64 = 20;

/// Bytes of one stream that are kept; a program that writes more than this has gone wrong.
const OUTPUT_LIMIT: u64 = 16 << 20;

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// By itself.
    Exited(Outcome),
    /// By a signal: the runner itself has crashed.
    Killed(Outcome),
    /// Not in time.
    TimedOut(Duration),
}

/// The command under test and where it is run.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The `sx` binary.
    pub sx: PathBuf,
    /// The corpus, the working directory of every program.
    pub root: PathBuf,
}

impl Runner {
    /// Runs a program.
    ///
    /// # Errors
    /// When the binary can't be started or its pipes fail.
    pub fn run(&self, program: &Program, tier: Tier) -> io::Result<Ended> {
        let mut command = self.command("run");
        command.args(tier.args).arg(&program.main).args(&program.config.args);
        self.watch(command, program)
    }

    /// Checks a program, which runs what stands behind its `#run`s.
    ///
    /// # Errors
    /// As for [`Runner::run`].
    pub fn check(&self, program: &Program) -> io::Result<Ended> {
        let mut command = self.command("check");
        command.arg(&program.main);
        self.watch(command, program)
    }

    fn watch(&self, mut command: Command, program: &Program) -> io::Result<Ended> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let limit = Duration::from_secs(program.config.timeout_s.unwrap_or(TIMEOUT_S));
        thread::scope(|scope| {
            scope.spawn(|| {
                // A program that doesn't read its input closes the pipe early: that is its right.
                let _ = stdin.map(|mut pipe| pipe.write_all(program.config.stdin.as_bytes()));
            });
            let out = scope.spawn(|| drain(stdout));
            let err = scope.spawn(|| drain(stderr));
            let status = child.wait_timeout(limit)?;
            if status.is_none() {
                child.kill()?;
                child.wait()?;
            }
            let mut outcome = Outcome { exit: 0, stdout: joined(out)?, stderr: joined(err)? };
            Ok(match status {
                None => Ended::TimedOut(limit),
                Some(status) => match status.code() {
                    Some(code) => {
                        outcome.exit = code;
                        Ended::Exited(outcome)
                    }
                    None => Ended::Killed(outcome),
                },
            })
        })
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.sx);
        command.arg(subcommand).current_dir(&self.root);
        // Nothing of the surroundings may change what a program or a diagnostic looks like.
        command.env_remove("SX_STDLIB_PATH").env("NO_COLOR", "1").env("LC_ALL", "C");
        command
    }
}

fn drain(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut bytes)?;
        // The rest is read and dropped, so that the program isn't stopped by a full pipe.
        io::copy(&mut pipe, &mut io::sink())?;
    }
    Ok(bytes)
}

fn joined(handle: thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
    handle.join().unwrap_or_else(|_| Err(io::Error::other("reading a pipe panicked")))
}
