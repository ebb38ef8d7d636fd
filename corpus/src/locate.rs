//! Finding the `sx` binary under test.

use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

/// The corpus folder.
pub fn corpus_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The `sx` binary: `SX_BIN` if that is set, else the one in the target folder that this harness runs from, built
/// first so that it is never an old one.
///
/// # Errors
/// When `SX_BIN` names no file, or the build fails.
pub fn sx_binary() -> io::Result<PathBuf> {
    if let Some(path) = env::var_os("SX_BIN").map(PathBuf::from) {
        return match path.is_file() {
            true => path.canonicalize(),
            false => {
                Err(io::Error::new(io::ErrorKind::NotFound, format!("SX_BIN: no file {}", path.display())))
            }
        };
    }
    // target/<profile>/deps/corpus-…
    let own = env::current_exe()?;
    let profile_dir = own
        .ancestors()
        .nth(2)
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("the harness isn't in a target folder"))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "-p", "sx-cli"]).current_dir(corpus_root());
    if profile_dir.ends_with("release") {
        build.arg("--release");
    }
    if let Some(target) = profile_dir.parent() {
        build.arg("--target-dir").arg(target);
    }
    if !build.status()?.success() {
        return Err(io::Error::other("building sx-cli failed"));
    }
    let sx = profile_dir.join(format!("sx{}", env::consts::EXE_SUFFIX));
    if sx.is_file() { Ok(sx) } else { Err(io::Error::other(format!("no binary at {}", sx.display()))) }
}
