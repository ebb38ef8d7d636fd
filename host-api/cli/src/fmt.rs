//! `sx fmt`.

use crate::args::{FmtArgs, Format};
use crate::code;
use crate::output::{Output, STDIN, read_stdin};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub fn fmt(args: &FmtArgs, out: &Output) -> ExitCode {
    let mut failed = false;
    for file in &args.files {
        let done =
            if file.as_os_str() == STDIN { filter(args.check, out) } else { rewrite(file, args.check, out) };
        failed |= !done;
    }
    if failed { ExitCode::from(code::FAILED) } else { ExitCode::SUCCESS }
}

/// Formats standard input to standard output; false when something is wrong, or would change in a check.
fn filter(check: bool, out: &Output) -> bool {
    let bytes = match read_stdin() {
        Ok(bytes) => bytes,
        Err(error) => {
            out.error(format_args!("standard input can't be read: {error}"));
            return false;
        }
    };
    match sx::format_source("<stdin>", &bytes) {
        Ok(text) if check => text.as_bytes() == bytes,
        Ok(text) => out.print(&text) == ExitCode::SUCCESS,
        Err(error) => {
            out.report(&error, Format::Text);
            false
        }
    }
}

fn rewrite(file: &Path, check: bool, out: &Output) -> bool {
    let name = file.to_string_lossy();
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            out.error(format_args!("`{name}` can't be read: {error}"));
            return false;
        }
    };
    let text = match sx::format_source(&name, &bytes) {
        Ok(text) => text,
        Err(error) => {
            out.report(&error, Format::Text);
            return false;
        }
    };
    if text.as_bytes() == bytes {
        return true;
    }
    if check {
        out.say(&format!("{name} would be changed\n"));
        return false;
    }
    match replace(file, text.as_bytes()) {
        Ok(()) => true,
        Err(error) => {
            out.error(format_args!("`{name}` can't be written: {error}"));
            false
        }
    }
}

/// Writes a file anew. The old text stays until the new one is complete, unless the file is a link or its folder can't be
/// written to.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let meta = std::fs::symlink_metadata(file)?;
    if meta.permissions().readonly() {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".sx-fmt-{}", std::process::id()));
    let beside = Path::new(&beside);
    if meta.is_symlink() {
        return std::fs::write(file, bytes);
    }
    let Ok(mut new) = std::fs::File::create_new(beside) else { return std::fs::write(file, bytes) };
    let written = new
        .write_all(bytes)
        .and_then(|()| new.set_permissions(meta.permissions()))
        .and_then(|()| std::fs::rename(beside, file));
    if written.is_err() {
        let _ = std::fs::remove_file(beside);
    }
    written
}
