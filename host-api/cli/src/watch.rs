//! `sx check --watch` and `sx run --watch`.

use crate::args::{CheckArgs, Format, Opt, RunArgs, Signals};
use crate::code;
use crate::output::{Output, STDIN, engine};
use std::io::{self, IsTerminal};
use std::process::{Child, Command, ExitCode};
use std::time::Duration;
use sx::Workspace;

/// How long files are left alone between two looks at them.
const PAUSE: Duration = Duration::from_millis(100);

/// Checks whenever a file changes. Ends when it is interrupted, or if a program can't be read at first.
pub fn check(args: &CheckArgs, out: &Output) -> ExitCode {
    if args.files.iter().any(|file| file.as_os_str() == STDIN) {
        out.error("standard input can't be watched");
        return ExitCode::from(code::USAGE);
    }
    let engine = engine(Opt::None).build();
    let mut programs = Vec::new();
    for file in &args.files {
        match engine.open_workspace(file) {
            Ok(program) => programs.push(program),
            Err(error) => return out.report(&error, args.message_format),
        }
    }
    loop {
        show(&programs, args.message_format, out);
        while !programs.iter_mut().fold(false, |changed, program| changed | program.update()) {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Shows what is found in programs now, in place of what was shown before.
fn show(programs: &[Workspace], format: Format, out: &Output) {
    clear(format, out);
    let (mut errors, mut warnings) = (0, 0);
    for diagnostic in programs.iter().flat_map(Workspace::diagnostics) {
        if diagnostic.is_error() {
            errors += 1;
        } else {
            warnings += 1;
        }
        match format {
            Format::Json => out.say(&(diagnostic.to_json() + "\n")),
            Format::Text => out.say(&format!("{}\n", diagnostic.render_with(out.style))),
        }
    }
    match format {
        // An empty line ends what belongs together.
        Format::Json => out.say("\n"),
        Format::Text => {
            let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
            out.say(&format!("{errors}, {warnings}; waiting for changes\n"));
        }
    }
}

/// A terminal shows only what is true now.
fn clear(format: Format, out: &Output) {
    if format == Format::Text && io::stderr().is_terminal() {
        out.say("\x1b[2J\x1b[3J\x1b[H");
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Runs a program in a process of its own, and again whenever a file changes.
pub fn run(args: &RunArgs, out: &Output) -> ExitCode {
    if args.file().as_os_str() == STDIN {
        out.error("standard input can't be watched");
        return ExitCode::from(code::USAGE);
    }
    let mut program = match engine(Opt::None).build().open_workspace(args.file()) {
        Ok(program) => program,
        Err(error) => return out.report(&error, args.message_format),
    };
    loop {
        clear(args.message_format, out);
        let mut running = match start(args, out) {
            Ok(child) => Some(child),
            Err(error) => {
                out.error(format_args!("the program can't be started: {error}"));
                return ExitCode::from(code::FAILED);
            }
        };
        while !program.update() {
            if let Some(child) = &mut running
                && let Ok(Some(status)) = child.try_wait()
            {
                out.say(&format!("the program has ended: {status}; waiting for changes\n"));
                running = None;
            }
            std::thread::sleep(PAUSE);
        }
        if let Some(mut child) = running {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts this command without `--watch`.
fn start(args: &RunArgs, out: &Output) -> io::Result<Child> {
    let color = if out.style.color { "always" } else { "never" };
    let opt = match args.opt {
        Opt::None => "none",
        Opt::Less => "less",
        Opt::Default => "default",
    };
    let format = match args.message_format {
        Format::Text => "text",
        Format::Json => "json",
    };
    let signals = match args.signals {
        Signals::On => "on",
        Signals::Off => "off",
    };
    Command::new(std::env::current_exe()?)
        .args(["--color", color, "run", "--opt", opt, "--signals", signals, "--message-format", format])
        .arg(args.file())
        .args(args.args())
        .spawn()
}
