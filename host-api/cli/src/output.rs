//! Messages of the command. Output that can't be written is no reason to stop early or to panic.

use crate::args::{Color, Format, Opt};
use crate::code;
use std::cell::Cell;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use sx::{Engine, EngineBuilder, Error, ErrorKind, Limits, OptLevel, Style};

/// How messages are shown.
pub struct Output {
    pub style: Style,
    /// It was said that output was lost.
    told: Cell<bool>,
}

impl Output {
    pub fn new(color: Color) -> Output {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && io::stderr().is_terminal()
            }
        };
        Output { style: Style { color }, told: Cell::new(false) }
    }
    /// Writes to standard error.
    pub fn say(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }
    /// Says what went wrong.
    pub fn error(&self, message: impl std::fmt::Display) {
        let what = if self.style.color { "\x1b[1;31merror\x1b[0m" } else { "error" };
        self.say(&format!("{what}: {message}\n"));
    }
    /// Shows an error of the engine; the exit code that belongs to it.
    pub fn report(&self, error: &Error, format: Format) -> ExitCode {
        if format == Format::Json && !error.diagnostics().is_empty() {
            error.diagnostics().iter().for_each(|diagnostic| self.say(&(diagnostic.to_json() + "\n")));
        } else {
            self.say(&error.render_with(self.style));
        }
        ExitCode::from(match error.kind() {
            ErrorKind::Trap | ErrorKind::Host | ErrorKind::Link => code::TRAP,
            _ => code::FAILED,
        })
    }
    /// Says that output was lost.
    pub fn lost(&self, error: &io::Error) {
        // Whoever closed the pipe knows; of a full disk it is enough to hear once.
        if error.kind() != io::ErrorKind::BrokenPipe && !self.told.replace(true) {
            self.error(format_args!("output couldn't be written: {error}"));
        }
    }
    /// Writes to standard output; the exit code.
    pub fn print(&self, text: &str) -> ExitCode {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                self.lost(&error);
                ExitCode::from(code::FAILED)
            }
        }
    }
}

/// An engine for programs that the user starts: they may do what the user may.
pub fn engine(opt: Opt) -> EngineBuilder {
    let level = match opt {
        Opt::None => OptLevel::None,
        Opt::Less => OptLevel::Less,
        Opt::Default => OptLevel::Default,
    };
    Engine::builder()
        .user_extern(true)
        .comptime_ffi(true)
        .file_imports(true)
        .opt_level(level)
        .limits(Limits::none())
}

/// The name of standard input as a file.
pub const STDIN: &str = "-";

/// Reads all of standard input.
pub fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Compiles a file, or standard input. What is wrong is shown; the exit code that belongs to it comes back.
pub fn compile(engine: &Engine, file: &Path, out: &Output, format: Format) -> Result<sx::Program, ExitCode> {
    let compiled = if file.as_os_str() == STDIN {
        let bytes = read_stdin().map_err(|error| {
            out.error(format_args!("standard input can't be read: {error}"));
            ExitCode::from(code::FAILED)
        })?;
        engine.compile_bytes("<stdin>", &bytes)
    } else {
        engine.compile_file(file)
    };
    compiled.map_err(|error| out.report(&error, format))
}
