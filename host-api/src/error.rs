//! What can go wrong, as one type.

use crate::diagnostic::Diagnostic;
use std::fmt::{self, Write};
use std::sync::Arc;
use sx_syntax::source::Sources;
use sx_syntax::span::FileId;

pub use sx_ir::TrapKind;

/// What kind of error it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The program doesn't compile: see [`Error::diagnostics`].
    Compile,
    /// The program trapped: see [`Error::trap_kind`] and [`Error::backtrace`].
    Trap,
    /// A host function returned an error, which ended the call.
    Host,
    /// A symbol couldn't be found, or can't be called.
    Link,
    /// A function, type or variable isn't what the host asked for.
    Signature,
    /// The program has nothing of that name.
    NotFound,
    /// A value couldn't be made one of the host's, or there was no memory to give the program a copy.
    Convert,
    /// An error reached `main`'s end: see [`Error::backtrace`] for where it was raised and passed on.
    Unhandled,
    /// The program asked to exit with this code.
    Exit(i32),
    /// A file couldn't be read, or output couldn't be written.
    Io,
    /// The host used something in a way that can't work, such as a function of another program.
    Usage,
}

/// An error of the language: a name.
#[derive(Clone, PartialEq, Eq)]
pub struct SxError {
    pub(crate) tag: u32,
    pub(crate) name: Arc<str>,
}

impl SxError {
    /// Its name, without `error.`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for SxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error.{}", self.name)
    }
}

impl fmt::Debug for SxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SxError({})", self.name)
    }
}

impl std::error::Error for SxError {}

/// A function on a call stack.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Frame {
    /// The function's qualified name.
    pub function: String,
    /// The file; none for functions of the host.
    pub path: Option<Arc<str>>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The function was inlined into the next one.
    pub inlined: bool,
    /// No function, but the end of a thread, whose name `function` is; the frames behind it started it.
    pub thread: bool,
}

/// A call stack, innermost first. Of a long one the middle is left out.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Backtrace {
    /// The functions.
    pub frames: Vec<Frame>,
    /// How many were left out.
    pub omitted: usize,
    /// They stood before this one of `frames`.
    pub omitted_at: usize,
}

impl Backtrace {
    pub(crate) fn new(frames: &[sx_vm::FrameInfo], omitted: (usize, usize), sources: &Sources) -> Backtrace {
        let frames = frames.iter().map(|frame| {
            let file = frame.place.filter(|&(file, _)| (file as usize) < sources.len());
            let place = file.map(|(file, offset)| (sources.get(FileId(file)), offset));
            let (line, column) = place.map_or((0, 0), |(file, offset)| file.line_col(offset));
            Frame {
                function: frame.func.clone(),
                path: place.map(|(file, _)| file.path.clone()),
                line,
                column,
                inlined: frame.inlined,
                thread: frame.thread,
            }
        });
        Backtrace { frames: frames.collect(), omitted: omitted.0, omitted_at: omitted.1 }
    }
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, frame) in self.frames.iter().enumerate() {
            if i == self.omitted_at && self.omitted > 0 {
                writeln!(f, "  … {} more", self.omitted)?;
            }
            match &frame.path {
                Some(path) => {
                    writeln!(f, "  at {path}:{}:{} in {}", frame.line, frame.column, frame.function)?
                }
                None if frame.thread => writeln!(f, "  on {}, started", frame.function)?,
                None => writeln!(f, "  in host function {}", frame.function)?,
            }
        }
        Ok(())
    }
}

/// An error: what happened, where in the program, and how it came to that.
///
/// `Display` is one line; [`Error::render`] is everything there is to say.
#[non_exhaustive]
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    diagnostics: Vec<Diagnostic>,
    trap: Option<TrapKind>,
    backtrace: Backtrace,
    /// What ended the call, to end further calls with.
    cause: Option<sx_vm::Trap>,
}

/// What the public API gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let backtrace = Backtrace::default();
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            diagnostics: Vec::new(),
            trap: None,
            backtrace,
            cause: None,
        }))
    }
    pub(crate) fn io(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Io, message)
    }
    /// Standard output or standard error couldn't be written, for the system's reason.
    pub(crate) fn lost_output(code: i32) -> Error {
        let reason = std::io::Error::from_raw_os_error(code);
        Error::io(format!("output couldn't be written: {reason}"))
    }
    pub(crate) fn with_diagnostic(mut self, diagnostic: Diagnostic) -> Error {
        self.0.diagnostics.push(diagnostic);
        self
    }
    pub(crate) fn with_backtrace(mut self, backtrace: Backtrace) -> Error {
        self.0.backtrace = backtrace;
        self
    }
    pub(crate) fn compile(diagnostics: Vec<sx_syntax::diag::Diagnostic>, sources: Sources) -> Error {
        let sources = Arc::new(sources);
        let diagnostics: Vec<Diagnostic> =
            diagnostics.into_iter().map(|diagnostic| Diagnostic::new(diagnostic, sources.clone())).collect();
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        let message = match errors.clone().next() {
            Some(first) => {
                let more = match errors.count() - 1 {
                    0 => String::new(),
                    more => format!(" (and {more} more)"),
                };
                match first.place() {
                    Some((path, line, column)) => {
                        format!("{path}:{line}:{column}: {}{more}", first.message())
                    }
                    None => format!("{}{more}", first.message()),
                }
            }
            None => "the program doesn't compile".into(),
        };
        let mut error = Error::new(ErrorKind::Compile, message);
        error.0.diagnostics = diagnostics;
        error
    }
    pub(crate) fn trap(trap: sx_vm::Trap, sources: &Sources) -> Error {
        use sx_vm::TrapReason;
        let (kind, of) = match trap.reason() {
            TrapReason::Kind(of) => (ErrorKind::Trap, Some(of)),
            TrapReason::Link => (ErrorKind::Link, None),
            TrapReason::BadCall | TrapReason::NoCode(_) => (ErrorKind::Usage, None),
            _ => (ErrorKind::Host, None),
        };
        let mut error = Error::new(kind, trap.message());
        error.0.trap = of;
        error.0.backtrace = Backtrace::new(trap.frames(), trap.omitted(), sources);
        error.0.cause = Some(trap);
        error
    }
    /// The trap that ends the calls above with this error.
    pub(crate) fn into_trap(self) -> sx_vm::Trap {
        match self.0.cause {
            Some(trap) => trap,
            None => sx_vm::Trap::host(self.0.message),
        }
    }
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
    /// One line that says what happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// What the compiler found, errors and warnings, in source order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }
    /// Which trap it was.
    pub fn trap_kind(&self) -> Option<TrapKind> {
        self.0.trap
    }
    /// Where the program was: of a trap the call stack, of an unhandled error the places that it was raised at and came
    /// through.
    pub fn backtrace(&self) -> &Backtrace {
        &self.0.backtrace
    }
    pub(crate) fn backtrace_mut(&mut self) -> &mut Backtrace {
        &mut self.0.backtrace
    }
    /// True when a limit or the host ended the call, not a mistake of the program: fuel, a deadline, an interrupt.
    pub fn is_interrupt(&self) -> bool {
        matches!(self.0.trap, Some(TrapKind::Deadline | TrapKind::OutOfFuel | TrapKind::Canceled))
    }
    /// Everything there is to say, on several lines, as the `sx` command shows it.
    pub fn render(&self) -> String {
        self.render_with(Style::default())
    }
    /// As [`Error::render`], in a style.
    pub fn render_with(&self, style: Style) -> String {
        let mut out = String::new();
        if !self.0.diagnostics.is_empty() {
            for (i, diagnostic) in self.0.diagnostics.iter().enumerate() {
                if i > 0 {
                    out.push('\n');
                }
                out.push_str(&diagnostic.render_with(style));
            }
            return out;
        }
        let what = match self.0.kind {
            ErrorKind::Trap | ErrorKind::Host | ErrorKind::Link if !self.0.backtrace.frames.is_empty() => {
                "trap"
            }
            ErrorKind::Trap => "trap",
            _ => "error",
        };
        let what = if style.color { format!("\x1b[1;31m{what}\x1b[0m") } else { what.to_owned() };
        let _ = writeln!(out, "{what}: {}", self.0.message);
        let _ = write!(out, "{}", self.0.backtrace);
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("backtrace", &self.0.backtrace)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

/// How diagnostics and traps are shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Style {
    /// With terminal colours.
    pub color: bool,
}
