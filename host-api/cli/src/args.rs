//! What the command is given.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Runs, checks, tests and formats programs of the sx language.
#[derive(Parser)]
#[command(name = "sx", version, max_term_width = 100)]
pub struct Cli {
    /// When messages are coloured.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub enum Command {
    /// Compile a program and run its `main`.
    Run(RunArgs),
    /// Say what the compiler finds, without running the program.
    Check(CheckArgs),
    /// Print the middle form of a program.
    Ir(DumpArgs),
    /// Print the bytecode of a program.
    Bytecode(DumpArgs),
    /// Run the `test` blocks of files.
    Test(TestArgs),
    /// Bring files into the canonical layout.
    Fmt(FmtArgs),
    /// Explain the code of a diagnostic.
    Explain(ExplainArgs),
    /// Evaluate inputs one after the other; what they declare stays.
    Repl,
    /// Make a folder with a new program.
    New(NewArgs),
    /// Run a build script, make the files that it makes, and check its program.
    Build(BuildArgs),
}

/// A way to execute programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// Interpreted at first; what is hot becomes machine code in the background.
    Auto,
    /// The bytecode interpreter.
    Interp,
    /// Machine code of everything, made before the program starts.
    Jit,
    /// Interpreted up to the end of the first round of each loop, and machine code from there: for tests.
    #[value(hide = true)]
    Loops,
}

/// How much work goes into a program before it runs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Opt {
    None,
    Less,
    Default,
}

#[derive(Args)]
#[command(override_usage = "sx run [OPTIONS] <FILE> [ARGS]...")]
pub struct RunArgs {
    /// How the program is executed.
    #[arg(long, value_enum, default_value_t = Tier::Auto)]
    pub tier: Tier,
    /// How much work goes into the program before it runs.
    #[arg(long, value_enum, default_value_t = Opt::Default, value_name = "LEVEL")]
    pub opt: Opt,
    /// Whether stray pointers are traps, for which a signal handler is installed, or the end of the process.
    #[arg(long, value_enum, default_value_t = Signals::On, value_name = "WHETHER")]
    pub signals: Signals,
    /// How compile errors are written to standard error.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub message_format: Format,
    /// Say on standard error, when the program has ended, what was compiled to machine code.
    #[arg(long)]
    pub stats: bool,
    /// Start the program again whenever one of its files changes, until interrupted.
    #[arg(long)]
    pub watch: bool,
    /// The program, or `-` to read it from standard input; all that follows belongs to the program, options included.
    // One list, so that from the file on nothing is taken for an option of the command.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_names = ["FILE", "ARGS"])]
    program: Vec<OsString>,
}

impl RunArgs {
    /// The program.
    pub fn file(&self) -> &Path {
        Path::new(self.program.first().map_or(OsStr::new(""), |file| file))
    }
    /// What the program is given.
    pub fn args(&self) -> &[OsString] {
        self.program.get(1..).unwrap_or_default()
    }
    /// What stands in the file's place and can only be meant as an option.
    pub fn unknown_option(&self) -> Option<&str> {
        let file = self.program.first()?.to_str()?;
        (file.starts_with('-') && file != "-" && file != "--").then_some(file)
    }
}

/// Whether signals are handled.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Signals {
    On,
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object per line; docs/diagnostics-json.md describes it.
    Json,
}

#[derive(Args)]
pub struct CheckArgs {
    /// How diagnostics are written to standard error.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub message_format: Format,
    /// Check again whenever a file changes, until interrupted.
    #[arg(long)]
    pub watch: bool,
    /// The programs; `-` reads one from standard input.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Args)]
pub struct DumpArgs {
    /// With the functions of the library.
    #[arg(long)]
    pub all: bool,
    /// How much work goes into the program first.
    #[arg(long, value_enum, default_value_t = Opt::Default, value_name = "LEVEL")]
    pub opt: Opt,
    /// The program; `-` reads it from standard input.
    pub file: PathBuf,
}

#[derive(Args)]
pub struct TestArgs {
    /// Only tests whose names contain this.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Files, and folders whose .sx files are searched for tests.
    #[arg(default_value = ".")]
    pub paths: Vec<PathBuf>,
}

#[derive(Args)]
pub struct FmtArgs {
    /// Change nothing; exit with 1 if something would be changed.
    #[arg(long)]
    pub check: bool,
    /// The files, rewritten in place; `-` filters standard input.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Args)]
pub struct BuildArgs {
    /// The build script.
    #[arg(default_value = "build.sx")]
    pub script: PathBuf,
    /// Gives the script a value that it may ask for; may be repeated, the last one counts.
    #[arg(short = 'D', value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub values: Vec<(String, String)>,
    /// Print what the script asks for as JSON, and do nothing else.
    #[arg(long)]
    pub dump: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a name, `=` and a value are needed".to_owned()),
    }
}

#[derive(Args)]
pub struct ExplainArgs {
    /// The code, such as E0201.
    pub code: String,
}

#[derive(Args)]
pub struct NewArgs {
    /// The folder to make.
    pub name: PathBuf,
}
