//! `sx run`.

use crate::args::{RunArgs, Signals};
use crate::output::{Output, compile, engine};
use std::process::ExitCode;

pub fn run(args: &RunArgs, out: &Output) -> ExitCode {
    let engine = engine(args.opt).signal_handlers(args.signals == Signals::On).build();
    let program = match compile(&engine, args.file(), out, args.message_format) {
        Ok(program) => program,
        Err(code) => return code,
    };
    for warning in program.warnings() {
        match args.message_format {
            crate::args::Format::Text => out.say(&(warning.render_with(out.style) + "\n")),
            crate::args::Format::Json => out.say(&(warning.to_json() + "\n")),
        }
    }
    let given = args.args().iter().map(|arg| arg.to_string_lossy().into_owned());
    let argv = std::iter::once(args.file().to_string_lossy().into_owned()).chain(given);
    let result = program.instance().args(argv).build().and_then(|mut instance| {
        let ended = instance.run_main();
        // The process ends: its memory needn't be given back piece by piece.
        std::mem::forget(instance);
        ended
    });
    std::mem::forget(program);
    match result {
        Ok(exit) => std::process::exit(exit.code),
        Err(error) => out.report(&error, args.message_format),
    }
}
