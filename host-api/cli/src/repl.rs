//! `sx repl`.

use crate::args::{Format, Opt};
use crate::code;
use crate::output::{Output, engine};
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use sx::{ErrorKind, Session};

const HELP: &str =
    "Declarations, statements and expressions of the language; the value of an expression is shown.
An input goes on over lines until its brackets are closed; an empty line gives up on it.
:help   this text
:reset  forget everything
:quit   leave, as does the end of the input
";

/// What became of an input.
enum After {
    GoOn,
    Leave(ExitCode),
}

struct Repl<'a> {
    session: Session,
    out: &'a Output,
    interactive: bool,
    failed: bool,
}

pub fn repl(out: &Output) -> ExitCode {
    let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    let session = match Session::new(engine(Opt::Default)) {
        Ok(session) => session,
        Err(error) => return out.report(&error, Format::Text),
    };
    let mut repl = Repl { session, out, interactive, failed: false };
    if interactive {
        out.print(&format!("sx {}; :help tells more\n", env!("CARGO_PKG_VERSION")));
    }
    repl.run()
}

impl Repl<'_> {
    fn run(&mut self) -> ExitCode {
        let mut pending = String::new();
        let mut lines = io::stdin().lock();
        loop {
            self.prompt(if pending.is_empty() { "sx> " } else { "  > " });
            let mut bytes = Vec::new();
            match lines.read_until(b'\n', &mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    self.out.error(format_args!("standard input can't be read: {error}"));
                    return ExitCode::from(code::FAILED);
                }
            }
            let line = String::from_utf8_lossy(&bytes);
            if pending.is_empty() && line.trim_start().starts_with(':') {
                match self.command(line.trim()) {
                    After::GoOn => continue,
                    After::Leave(code) => return code,
                }
            }
            // An empty line gives up on an input that was never going to end.
            let given_up = self.interactive && !pending.is_empty() && line.trim().is_empty();
            pending.push_str(&line);
            if pending.trim().is_empty() {
                pending.clear();
                continue;
            }
            if sx::is_complete(&pending) || given_up {
                let input = std::mem::take(&mut pending);
                if let After::Leave(code) = self.eval(&input) {
                    return code;
                }
            }
        }
        if !pending.trim().is_empty()
            && let After::Leave(code) = self.eval(&pending)
        {
            return code;
        }
        if self.interactive {
            self.out.print("\n");
        }
        self.ended()
    }
    /// Scripts are told when something went wrong; people have seen it.
    fn ended(&self) -> ExitCode {
        if self.failed && !self.interactive { ExitCode::from(code::FAILED) } else { ExitCode::SUCCESS }
    }
    fn prompt(&self, text: &str) {
        if self.interactive {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        }
    }
    fn command(&mut self, command: &str) -> After {
        match command {
            ":quit" | ":q" => return After::Leave(self.ended()),
            ":help" | ":h" => self.failed |= self.out.print(HELP) != ExitCode::SUCCESS,
            ":reset" => match Session::new(engine(Opt::Default)) {
                Ok(session) => self.session = session,
                Err(error) => _ = self.out.report(&error, Format::Text),
            },
            other => {
                self.out.error(format_args!("there is no command `{other}`; :help lists them"));
                self.failed = true;
            }
        }
        After::GoOn
    }
    fn eval(&mut self, input: &str) -> After {
        let result = self.session.eval(input.trim_end());
        let flushed = self.session.instance().flush();
        match result.and(flushed) {
            Ok(()) => {}
            Err(error) => match error.kind() {
                ErrorKind::Exit(code) => return After::Leave(ExitCode::from(code as u8)),
                ErrorKind::Io => {
                    self.out.report(&error, Format::Text);
                    return After::Leave(ExitCode::from(code::FAILED));
                }
                _ => {
                    self.out.report(&error, Format::Text);
                    self.failed = true;
                }
            },
        }
        After::GoOn
    }
}
