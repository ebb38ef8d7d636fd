//! `sx ir` and `sx bytecode`.

use crate::args::{DumpArgs, Format};
use crate::output::{Output, compile, engine};
use std::process::ExitCode;

/// What is printed.
#[derive(Clone, Copy)]
pub enum What {
    Ir,
    Bytecode,
}

pub fn dump(args: &DumpArgs, out: &Output, what: What) -> ExitCode {
    match compile(&engine(args.opt).build(), &args.file, out, Format::Text) {
        Ok(program) => out.print(&match what {
            What::Ir => program.ir_text(args.all),
            What::Bytecode => program.bytecode_text(args.all),
        }),
        Err(code) => code,
    }
}
