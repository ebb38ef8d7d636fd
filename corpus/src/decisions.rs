//! The decisions of the language reference and the programs that show them.
//!
//! The reference marks each decision as `**[D: name]**`. `decisions.toml` says under that name which programs show
//! it, and what is still missing.

use crate::program::Program;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What `decisions.toml` says of one decision.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Programs that show it, as `category/NNNN-name`.
    pub programs: Vec<String>,
    /// What isn't there yet; without this, some program must show the decision.
    pub pending: Option<String>,
}

/// The names of the decisions that a text marks, in their order.
///
/// # Errors
/// Marks that aren't closed, have no name, or a name that isn't of lower-case words; one line each.
pub fn marks(text: &str) -> Result<Vec<String>, Vec<String>> {
    let mut names = Vec::new();
    let mut errors = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for piece in line.split("**[D").skip(1) {
            let name = piece.split_once("]**").and_then(|(mark, _)| mark.strip_prefix(": "));
            let sound = name.filter(|name| {
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            });
            match sound {
                // The line that explains the marks.
                Some("name") => {}
                Some(name) if !name.is_empty() => names.push(name.to_string()),
                _ => {
                    errors.push(format!("line {}: a decision must be marked `**[D: its-name]**`", index + 1))
                }
            }
        }
    }
    if errors.is_empty() { Ok(names) } else { Err(errors) }
}

/// Everything that is wrong between the reference, the map and the programs, one line each.
pub fn disagreements(reference: &str, map: &str, programs: &[Program]) -> Vec<String> {
    let marked = match marks(reference) {
        Ok(names) => names,
        Err(errors) => return errors,
    };
    let map: BTreeMap<String, Decision> = match toml::from_str(map) {
        Ok(map) => map,
        Err(error) => return vec![format!("decisions.toml: {}", error.message())],
    };
    let mut complaints = Vec::new();
    let mut seen = BTreeSet::new();
    for name in &marked {
        if !seen.insert(name.as_str()) {
            complaints.push(format!("{name}: two decisions have this name"));
        }
        if !map.contains_key(name) {
            complaints.push(format!("{name}: decisions.toml names no programs for this decision"));
        }
    }
    let known: HashSet<&str> = programs.iter().map(|p| p.name.as_str()).collect();
    for (name, decision) in &map {
        if !seen.contains(name.as_str()) {
            complaints.push(format!("{name}: the reference marks no such decision"));
        }
        if decision.programs.is_empty() && decision.pending.is_none() {
            complaints.push(format!("{name}: a program must show this decision"));
        }
        for program in decision.programs.iter().filter(|p| !known.contains(p.as_str())) {
            complaints.push(format!("{name}: there is no program {program}"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Config;

    const PROGRAM: &str = "basic/0001-a";

    fn check(reference: &str, map: &str, expected: &[&str]) {
        let program = Program {
            name: PROGRAM.into(),
            main: "basic/0001-a.sx".into(),
            expected: "basic/expected/0001-a".into(),
            config: Config::default(),
        };
        assert_eq!(disagreements(reference, map, &[program]), expected, "{reference}\n{map}");
    }

    #[test]
    fn a_mapped_decision_is_fine() {
        check("a **[D: one]**, b", "[one]\nprograms = [\"basic/0001-a\"]", &[]);
        check("**[D: name]** marks", "", &[]);
        check("a **[D: one]**", "[one]\nprograms = []\npending = \"all of it\"", &[]);
    }

    #[test]
    fn both_sides_are_checked() {
        check("a **[D: one]**", "", &["one: decisions.toml names no programs for this decision"]);
        check("", "[one]\nprograms = [\"basic/0001-a\"]", &["one: the reference marks no such decision"]);
        check("**[D: one]**", "[one]\nprograms = []", &["one: a program must show this decision"]);
        check("**[D: one]**", "[one]\nprograms = [\"basic/2-b\"]", &["one: there is no program basic/2-b"]);
        let twice = "**[D: one]** and **[D: one]**";
        check(twice, "[one]\nprograms = [\"basic/0001-a\"]", &["one: two decisions have this name"]);
    }

    #[test]
    fn marks_need_names() {
        let message = "line 2: a decision must be marked `**[D: its-name]**`";
        for text in ["\n**[D]**", "\n**[D: ]**", "\n**[D: Two Words]**", "\n**[D: open"] {
            check(text, "", &[message]);
        }
    }

    #[test]
    fn a_broken_map_is_told() {
        check(
            "",
            "[one]\nprogram = []",
            &["decisions.toml: unknown field `program`, expected `programs` or `pending`"],
        );
    }
}
