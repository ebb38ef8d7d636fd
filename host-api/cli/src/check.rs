//! `sx check`.

use crate::args::{CheckArgs, Format, Opt};
use crate::code;
use crate::output::{Output, STDIN, engine, read_stdin};
use std::process::ExitCode;

pub fn check(args: &CheckArgs, out: &Output) -> ExitCode {
    let engine = engine(Opt::None).build();
    let mut failed = false;
    let mut first = true;
    for file in &args.files {
        let found = if file.as_os_str() == STDIN {
            match read_stdin() {
                Ok(bytes) => engine.check_source("<stdin>", &bytes),
                Err(error) => {
                    out.error(format_args!("standard input can't be read: {error}"));
                    failed = true;
                    continue;
                }
            }
        } else {
            engine.check_file(file)
        };
        match found {
            Ok(diagnostics) => {
                for diagnostic in diagnostics {
                    failed |= diagnostic.is_error();
                    match args.message_format {
                        Format::Json => out.say(&(diagnostic.to_json() + "\n")),
                        Format::Text => {
                            let gap = if first { "" } else { "\n" };
                            out.say(&format!("{gap}{}", diagnostic.render_with(out.style)));
                        }
                    }
                    first = false;
                }
            }
            Err(error) => {
                out.report(&error, args.message_format);
                failed = true;
            }
        }
    }
    if failed { ExitCode::from(code::FAILED) } else { ExitCode::SUCCESS }
}
