//! Runs every conformance program inside `#run`; words behind `--` choose those whose name contains one of them.

use sx_corpus::locate::{corpus_root, sx_binary};
use sx_corpus::{inside, program};

fn main() {
    std::process::exit(match session() {
        Ok(code) => code,
        Err(message) => {
            eprintln!("inside: {message}");
            1
        }
    });
}

fn session() -> Result<i32, String> {
    let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let root = corpus_root();
    let programs = program::discover(&root).map_err(|errors| errors.join("\n"))?;
    let sx = sx_binary().map_err(|error| error.to_string())?;
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
    inside::session(sx, &root, &programs, chosen)
}
