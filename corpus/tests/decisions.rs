//! Every decision of the language reference is shown by programs.

use std::fs;
use sx_corpus::decisions::{disagreements, marks};
use sx_corpus::locate::corpus_root;
use sx_corpus::program::discover;

fn read(path: &str) -> String {
    fs::read_to_string(corpus_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_decision_has_its_programs() {
    let programs = discover(&corpus_root()).expect("the corpus can be read");
    let complaints = disagreements(&read("../docs/language.md"), &read("decisions.toml"), &programs);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_reference_marks_its_decisions() {
    let names = marks(&read("../docs/language.md")).expect("all marks have names");
    assert!(names.len() >= 30, "only {} decisions are marked", names.len());
}
