//! `sx build`.

use crate::args::{BuildArgs, Format, Opt};
use crate::code;
use crate::output::{Output, engine};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use sx::BuildPlan;

pub fn build(args: &BuildArgs, out: &Output) -> ExitCode {
    let plan = match engine(Opt::None).build().build_plan(&args.script, &args.values) {
        Ok(plan) => plan,
        Err(error) => return out.report(&error, Format::Text),
    };
    if args.dump {
        return out.print(&(plan.to_json() + "\n"));
    }
    let folder = args.script.parent().unwrap_or(Path::new(""));
    for (path, text) in plan.files() {
        let path = folder.join(path);
        if let Err(error) = write(&path, text) {
            out.error(format_args!("`{}` can't be written: {error}", path.display()));
            return ExitCode::from(code::FAILED);
        }
    }
    let Some(main) = plan.main() else {
        out.error("the build script names no program: `set_main(\"main.sx\");`");
        return ExitCode::from(code::FAILED);
    };
    let checked = check(&plan, folder, main, out);
    if checked {
        out.say(&format!(
            "{}: checked in mode `{}`; this version makes no binaries, `sx run` runs the program\n",
            folder.join(main).display(),
            plan.mode()
        ));
        return ExitCode::SUCCESS;
    }
    ExitCode::from(code::FAILED)
}

/// Writes a file that isn't there already with the same text, so that its time stays.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// Checks the program's files as the plan says.
fn check(plan: &BuildPlan, folder: &Path, main: &str, out: &Output) -> bool {
    let engine = plan
        .library_paths()
        .iter()
        .fold(engine(Opt::None), |engine, path| engine.library_folder(folder.join(path)))
        .build_mode(plan.mode())
        .build();
    let sources = plan.sources().iter().filter(|source| source.ends_with(".sx"));
    let files: Vec<PathBuf> =
        std::iter::once(main).chain(sources.map(String::as_str)).map(|file| folder.join(file)).collect();
    let mut good = true;
    for file in &files {
        match engine.check_file(file) {
            Ok(diagnostics) => {
                for diagnostic in diagnostics {
                    good &= !diagnostic.is_error();
                    out.say(&diagnostic.render_with(out.style));
                }
            }
            Err(error) => {
                out.report(&error, Format::Text);
                good = false;
            }
        }
    }
    good
}
