//! Looking after the corpus as a whole: nothing dangles, and every diagnostic code has a program.

use crate::expect::EXTENSIONS;
use crate::program::{CATEGORIES, Program};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use sx_syntax::diag::Code;

/// Codes that no program can show, with the reason.
pub const UNCOVERED: &[(&str, &str)] = &[
    ("E0018", "needs a source file above one gibibyte; tested in the parser"),
    ("E0708", "needs a program for another machine; tested in the checker"),
];

/// Everything that is wrong with the corpus itself, one line each.
pub fn audit(root: &Path, programs: &[Program]) -> Vec<String> {
    let mut complaints = Vec::new();
    numbers(programs, &mut complaints);
    first_lines(root, programs, &mut complaints);
    dangling(root, programs, &mut complaints);
    coverage(programs, &mut complaints);
    complaints
}

/// Each number belongs to its category's block and to one program.
fn numbers(programs: &[Program], complaints: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for program in programs {
        let (category, stem) = program.name.split_once('/').unwrap_or(("", &program.name));
        let number = stem.split('-').next().unwrap_or("");
        let blocks =
            CATEGORIES.iter().find(|(name, _)| *name == category).map_or(&[][..], |(_, blocks)| blocks);
        let in_block = blocks.iter().any(|block| number.starts_with(block));
        if number.len() != 4 || !number.bytes().all(|b| b.is_ascii_digit()) || !in_block {
            complaints.push(format!("{}: its number must be {}xx", program.name, blocks.join("xx or ")));
        }
        if !seen.insert(number.to_string()) {
            complaints.push(format!("{}: the number {number} is given twice", program.name));
        }
    }
}

/// Each program says in its first comment which rule it is about.
fn first_lines(root: &Path, programs: &[Program], complaints: &mut Vec<String>) {
    for program in programs {
        let text = fs::read(root.join(&program.main)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let rule =
            text.trim_start_matches('\u{feff}').lines().find(|line| !line.starts_with("#!")).unwrap_or("");
        if !rule.starts_with("// ") {
            complaints
                .push(format!("{}: the first line must be a comment that states the rule", program.name));
        }
    }
}

/// Each expectation and each settings file has its program.
fn dangling(root: &Path, programs: &[Program], complaints: &mut Vec<String>) {
    let names: HashSet<&str> = programs.iter().map(|p| p.name.as_str()).collect();
    for (category, _) in CATEGORIES {
        for (folder, extensions) in [("expected", EXTENSIONS), (".", &["toml"][..])] {
            let Ok(entries) = fs::read_dir(root.join(category).join(folder)) else { continue };
            for entry in entries.flatten() {
                let path = entry.path();
                let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
                let extension = path.extension().and_then(|s| s.to_str()).unwrap_or("");
                if folder == "." && extension != "toml" {
                    continue;
                }
                let known =
                    extensions.contains(&extension) && names.contains(format!("{category}/{stem}").as_str());
                if !known {
                    complaints.push(format!("{category}/{folder}/{stem}.{extension} belongs to no program"));
                }
            }
        }
    }
}

/// Each code appears in the expected diagnostics of some program, or in [`UNCOVERED`], but not in both.
fn coverage(programs: &[Program], complaints: &mut Vec<String>) {
    let mut shown = BTreeSet::new();
    for program in programs {
        let text = fs::read_to_string(program.expected_file("stderr")).unwrap_or_default();
        let codes = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("error[").or_else(|| line.strip_prefix("warning["))?;
            Some(rest.split(']').next()?.to_string())
        });
        shown.extend(codes);
    }
    for code in Code::ALL {
        let excused = UNCOVERED.iter().any(|(name, _)| *name == code.as_str());
        match (shown.contains(code.as_str()), excused) {
            (false, false) => complaints.push(format!("no program shows {code} ({})", code.title())),
            (true, true) => {
                complaints.push(format!("{code} is excused from coverage, but a program shows it"))
            }
            _ => {}
        }
    }
    for (name, _) in UNCOVERED {
        if name.parse::<Code>().is_err() {
            complaints.push(format!("{name} is excused from coverage, but isn't a code"));
        }
    }
}
