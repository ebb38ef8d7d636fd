//! Finding programs on disk.

use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The categories and the block of numbers that belongs to each.
pub const CATEGORIES: &[(&str, &[&str])] = &[
    ("basic", &["00"]),
    ("types", &["01"]),
    ("generics", &["02"]),
    ("closures", &["03"]),
    ("protocols", &["04"]),
    ("packs", &["05"]),
    ("comptime", &["06"]),
    ("modules", &["07"]),
    ("memory", &["08"]),
    ("optionals", &["09"]),
    ("errors", &["10"]),
    ("diagnostics", &["11", "19"]),
    ("ffi", &["12"]),
    ("flow", &["13"]),
    ("context", &["14"]),
    ("library", &["15"]),
    ("asm", &["16"]),
    ("atomics", &["17"]),
    ("concurrency", &["18"]),
    ("rejected", &["20"]),
    ("vectors", &["21"]),
];

/// What `NNNN-name.toml` may say.
#[derive(Deserialize, Clone, Debug, Default)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Arguments behind the file name.
    #[serde(default)]
    pub args: Vec<String>,
    /// Standard input; empty without.
    #[serde(default)]
    pub stdin: String,
    /// Tiers to run in; all without.
    pub tiers: Option<Vec<String>>,
    /// The program traps because the hardware reports it: such tiers only.
    #[serde(default)]
    pub faults: bool,
    /// Why the program doesn't do yet what it should. One that passes nevertheless fails the run.
    pub xfail: Option<String>,
    /// Seconds that the program may take.
    pub timeout_s: Option<u64>,
}

/// One program of the corpus.
#[derive(Clone, Debug)]
pub struct Program {
    /// `category/NNNN-name`.
    pub name: String,
    /// The file to run, relative to the corpus.
    pub main: PathBuf,
    /// `category/expected/NNNN-name`, absolute, to which an extension is added.
    pub expected: PathBuf,
    /// Its settings.
    pub config: Config,
}

/// Every program below `root`, in order of name.
///
/// # Errors
/// Unreadable folders, and settings files that don't parse, as one line each.
pub fn discover(root: &Path) -> Result<Vec<Program>, Vec<String>> {
    let mut programs = Vec::new();
    let mut errors = Vec::new();
    for (category, _) in CATEGORIES {
        let folder = root.join(category);
        if !folder.is_dir() {
            continue;
        }
        match names(&folder) {
            Ok(found) => {
                for (stem, main) in found {
                    match program(category, &folder, &stem, main) {
                        Ok(program) => programs.push(program),
                        Err(error) => errors.push(error),
                    }
                }
            }
            Err(error) => errors.push(format!("{category}: {error}")),
        }
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    if errors.is_empty() { Ok(programs) } else { Err(errors) }
}

/// The programs of one folder: stem and file to run, relative to the folder.
fn names(folder: &Path) -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|s| s.to_str()).map(str::to_string) else { continue };
        if path.extension().is_some_and(|e| e == "sx") {
            found.push((stem.clone(), PathBuf::from(format!("{stem}.sx"))));
        } else if path.join("main.sx").is_file() {
            found.push((stem.clone(), Path::new(&stem).join("main.sx")));
        }
    }
    Ok(found)
}

fn program(category: &str, folder: &Path, stem: &str, main: PathBuf) -> Result<Program, String> {
    let settings = folder.join(format!("{stem}.toml"));
    let config = match fs::read_to_string(&settings) {
        Ok(text) => toml::from_str(&text).map_err(|e| format!("{category}/{stem}.toml: {}", e.message()))?,
        Err(_) => Config::default(),
    };
    Ok(Program {
        name: format!("{category}/{stem}"),
        main: Path::new(category).join(main),
        expected: folder.join("expected").join(stem),
        config,
    })
}
