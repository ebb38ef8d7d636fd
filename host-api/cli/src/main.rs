//! The `sx` command.

mod args;
mod build;
mod check;
mod dump;
mod explain;
mod fmt;
mod new;
mod output;
mod repl;
mod run;
mod test;
mod watch;

use args::{Cli, Command};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;

/// Exit codes; a program that runs to its end gives its own.
mod code {
    /// Compile errors, an error out of `main`, trouble with files or output.
    pub const FAILED: u8 = 1;
    /// Wrong usage of the command; clap exits with it, too.
    pub const USAGE: u8 = 2;
    /// A trap.
    pub const TRAP: u8 = 134;
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse().and_then(checked) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and versions aren't errors; clap knows the stream of each.
            let printed = error.print();
            return ExitCode::from(match printed {
                _ if error.use_stderr() => code::USAGE,
                Ok(()) => 0,
                Err(error) => {
                    output::Output::new(args::Color::Auto).lost(&error);
                    code::FAILED
                }
            });
        }
    };
    let out = output::Output::new(cli.color);
    match cli.command {
        Command::Run(args) if args.watch => watch::run(&args, &out),
        Command::Check(args) if args.watch => watch::check(&args, &out),
        Command::Run(args) => run::run(&args, &out),
        Command::Check(args) => check::check(&args, &out),
        Command::Ir(args) => dump::dump(&args, &out, dump::What::Ir),
        Command::Bytecode(args) => dump::dump(&args, &out, dump::What::Bytecode),
        Command::Test(args) => test::test(&args, &out),
        Command::Fmt(args) => fmt::fmt(&args, &out),
        Command::Explain(args) => explain::explain(&args, &out),
        Command::Repl => repl::repl(&out),
        Command::New(args) => new::new(&args, &out),
        Command::Build(args) => build::build(&args, &out),
    }
}

/// Refuses options that `run` doesn't have: its program's options may be anything, so the parser lets them pass.
fn checked(cli: Cli) -> Result<Cli, clap::Error> {
    let Command::Run(args) = &cli.command else { return Ok(cli) };
    let Some(option) = args.unknown_option() else { return Ok(cli) };
    let mut command = Cli::command();
    command.build();
    let mut error = clap::Error::new(ErrorKind::UnknownArgument);
    if let Some(run) = command.find_subcommand("run") {
        error = error.with_cmd(run);
        error.insert(ContextKind::Usage, ContextValue::StyledStr(run.clone().render_usage()));
    }
    error.insert(ContextKind::InvalidArg, ContextValue::String(option.to_owned()));
    Err(error)
}
