//! `sx explain`.

use crate::args::ExplainArgs;
use crate::code;
use crate::output::Output;
use std::process::ExitCode;

pub fn explain(args: &ExplainArgs, out: &Output) -> ExitCode {
    let code = args.code.to_ascii_uppercase();
    match sx::explain(&code) {
        Some((title, text)) => out.print(&format!("{code}: {title}\n\n{}\n", text.trim_end())),
        None => {
            out.error(format_args!("there is no diagnostic with the code `{}`", args.code));
            ExitCode::from(code::FAILED)
        }
    }
}
