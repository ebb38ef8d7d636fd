//! `sx run`.

use crate::args::{RunArgs, Signals, Tier};
use crate::output::{Output, compile, engine};
use std::process::ExitCode;
use sx::{TierStats, Tiers};

/// What was compiled, for people.
fn stats(stats: &TierStats) -> String {
    let TierStats { compiled, loops, code_bytes, time, refused, stopped, .. } = stats;
    let ms = time.as_secs_f64() * 1e3;
    let mut text = format!(
        "{compiled} functions and {loops} loops compiled to {code_bytes} bytes in {ms:.1} ms, {} stay interpreted\n",
        refused.len()
    );
    for (function, why) in refused {
        text.push_str(&format!("  {function}: {why}\n"));
    }
    if let Some(why) = stopped {
        text.push_str(&format!("nothing more is compiled: {why}\n"));
    }
    text
}

/// How the program is to be executed.
fn tiers(args: &RunArgs) -> Tiers {
    match args.tier {
        Tier::Interp => Tiers::Interpreter,
        Tier::Auto => Tiers::Auto,
        Tier::Jit => Tiers::Compiled,
        Tier::Loops => Tiers::Loops,
    }
}

pub fn run(args: &RunArgs, out: &Output) -> ExitCode {
    let engine = engine(args.opt).tiers(tiers(args)).signal_handlers(args.signals == Signals::On).build();
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
    if args.stats {
        out.say(&stats(&program.tier_stats()));
    }
    std::mem::forget(program);
    match result {
        Ok(exit) => std::process::exit(exit.code),
        Err(error) => out.report(&error, args.message_format),
    }
}
