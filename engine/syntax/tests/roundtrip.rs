//! Formatting keeps every token, every comment and the tree, and formatting twice is formatting once.

use pretty_assertions::assert_eq;
use std::path::Path;
use std::sync::Arc;
use sx_syntax::ast::dump::dump;
use sx_syntax::lexer::lex;
use sx_syntax::source::File;
use sx_syntax::token::{Tok, Tokens};
use sx_syntax::{format, parse};

const PROGRAMS: [(&str, &str); 3] = [
    ("shapes", include_str!("programs/shapes.sx")),
    ("functions", include_str!("programs/functions.sx")),
    ("system", include_str!("programs/system.sx")),
];

fn file(text: &str) -> Arc<File> {
    parse("test.sx".into(), text.into())
}

fn token_text<'a>(tokens: &Tokens, text: &'a str, i: usize) -> &'a str {
    &text[tokens.starts[i] as usize..tokens.ends[i] as usize]
}

fn words(text: &str) -> Vec<String> {
    let (tokens, _) = lex(text);
    let texts = (0..tokens.kinds.len()).map(|i| token_text(&tokens, text, i).replace("\r\n", "\n"));
    texts.collect()
}

fn comments(text: &str) -> Vec<String> {
    let (tokens, _) = lex(text);
    let shown = tokens.comments.iter().map(|c| &text[c.span.lo as usize..c.span.hi as usize]);
    shown.map(|c| c.trim_end().replace("\r\n", "\n")).collect()
}

/// Formats and checks everything that must hold of the result.
#[track_caller]
fn check(name: &str, text: &str) -> String {
    let before = file(text);
    assert_eq!(
        before.diagnostics.iter().map(|d| &d.message).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "{name}: {text}"
    );
    let once = format(&before).expect("it has no errors");
    assert_eq!(words(text), words(&once), "{name}: tokens of {text}");
    assert_eq!(comments(text), comments(&once), "{name}: comments of {text}");
    let after = file(&once);
    assert_eq!(dump(&before.ast), dump(&after.ast), "{name}: tree");
    assert_eq!(once, format(&after).expect("it has no errors"), "{name}: formatted twice, from {text}");
    once
}

/// Every program below a folder that parses.
fn programs_below(folder: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            programs_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sx")
            && let Ok(text) = std::fs::read_to_string(&path)
            && file(&text).diagnostics.is_empty()
        {
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn corpus_library_examples_and_benchmarks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in ["corpus", "sx-lib", "examples", "benches"] {
        programs_below(&root.join(folder), &mut found);
    }
    assert!(found.len() > 500, "{} programs", found.len());
    for (name, text) in &found {
        check(name, text);
    }
}

#[test]
fn programs() {
    for (name, text) in PROGRAMS {
        // The one warning there is on purpose stays out of the way.
        let text = text.replace("perm & .read == .read", "(perm & .read) == .read");
        let formatted = check(name, &text);
        for (i, line) in formatted.lines().enumerate() {
            assert!(line.chars().count() <= 100, "{name}:{}: {line}", i + 1);
            assert_eq!(line.trim_end(), line, "{name}:{}", i + 1);
        }
        check(name, &text.replace('\n', "\r\n"));
    }
}

/// A small generator of repeatable numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// The same tokens with other blanks, line breaks and comments between them.
fn scramble(text: &str, random: &mut Random) -> String {
    let (tokens, _) = lex(text);
    let mut out = String::new();
    for (i, &kind) in tokens.kinds.iter().enumerate() {
        if kind == Tok::Eof {
            break;
        }
        if i > 0 {
            out.push_str(match random.below(40) {
                0..8 => "\n",
                8 => "\n\n\n",
                9 => " // why\n",
                10 => " /* what */ ",
                11 => "\n/* one\n   two */\n",
                12 => "\n    // above\n    // it\n",
                13 => "\t\r\n",
                _ => " ",
            });
        }
        out.push_str(token_text(&tokens, text, i));
    }
    out
}

#[test]
fn scrambled_programs() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for (name, text) in PROGRAMS {
        let text = text.replace("perm & .read == .read", "(perm & .read) == .read");
        for _ in 0..40 {
            check(name, &scramble(&text, &mut random));
        }
    }
}

/// The syntax that came later is in programs of its own.
#[test]
fn scrambled_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut found = Vec::new();
    for folder in ["comptime", "packs", "vectors", "types"] {
        programs_below(&root.join(folder), &mut found);
    }
    found.sort();
    assert!(found.len() > 100, "{} programs", found.len());
    // What is between the lines of a here-string is its own.
    for (name, text) in found.iter().filter(|(_, text)| !text.contains("#string")) {
        for _ in 0..3 {
            check(name, &scramble(text, &mut random));
        }
    }
}

#[test]
fn files_with_errors_are_refused() {
    assert!(format(&file("x := ;")).is_err());
    assert!(format(&file("x := a & b == c;")).is_ok(), "warnings don't matter");
}
