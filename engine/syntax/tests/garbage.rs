//! Whatever the input, parsing and formatting end, without a panic, and with a tree that can be walked.

use std::time::{Duration, Instant};
use sx_syntax::ast::dump::dump;
use sx_syntax::diag::{self, Style};
use sx_syntax::source::Sources;
use sx_syntax::{format, parse, parse_bytes, parse_statements};

const SEEDS: [&str; 3] = [
    include_str!("programs/shapes.sx"),
    include_str!("programs/functions.sx"),
    include_str!("programs/system.sx"),
];

/// Pieces that make trouble when they come in the wrong place.
const PIECES: [&str; 60] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "`",
    "#",
    "$",
    ".",
    "..",
    "..=",
    "?.",
    "??",
    "!",
    "==",
    "== {",
    "=>",
    "->",
    "::",
    ":=",
    ":",
    ";",
    ",",
    "|>",
    "/*",
    "*/",
    "//",
    "///",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#string END\n",
    "\nEND",
    "if",
    "else",
    "else:",
    "case",
    "for",
    "while",
    "catch",
    "enum",
    "struct {",
    "protocol",
    "impl",
    "asm {",
    "#import c {",
    "push",
    "inline",
    "0x",
    "1.5e",
    "'\\u{",
    "\u{feff}",
    "é",
    "\u{202e}",
    "---",
    "..$",
];

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Everything that is done with a text.
fn exercise(text: &str) {
    for file in [parse("a.sx".into(), text.into()), parse_statements("a.sx".into(), text.into())] {
        dump(&file.ast);
        let mut sources = Sources::new();
        sources.add(file.clone());
        for diagnostic in file.diagnostics.iter().take(3) {
            diag::render(diagnostic, &sources, Style::default());
            diag::json(diagnostic, &sources);
        }
        for (span, len) in file.ast.expr_spans.iter().zip(std::iter::repeat(text.len() as u32)) {
            assert!(span.lo <= span.hi && span.hi <= len, "{span:?} in {text:?}");
        }
    }
    let file = parse("a.sx".into(), text.into());
    if let Ok(formatted) = format(&file) {
        let again = parse("a.sx".into(), formatted.as_str().into());
        assert_eq!(dump(&file.ast), dump(&again.ast), "formatting changes the meaning of {text:?}");
        assert_eq!(format(&again).as_ref(), Ok(&formatted), "formatting twice differs for {text:?}");
    }
}

fn mutate(text: &str, random: &mut Random) -> String {
    let mut out = text.to_string();
    // Short texts reach more with the same time.
    let boundary = |s: &str, at: usize| (0..=at).rev().find(|&i| s.is_char_boundary(i)).unwrap_or(0);
    let from = boundary(&out, random.below(out.len()));
    let to = boundary(&out, (from + 40 + random.below(400)).min(out.len()));
    out = out[from..to].to_string();
    for _ in 0..1 + random.below(6) {
        let at = boundary(&out, random.below(out.len() + 1));
        let end = boundary(&out, (at + random.below(8)).min(out.len()));
        match random.below(4) {
            0 => out.replace_range(at..end, ""),
            1 => {
                let copy = out[at..end].to_string();
                out.insert_str(at, &copy);
            }
            _ => out.insert_str(at, PIECES[random.below(PIECES.len())]),
        }
    }
    out
}

#[test]
fn mutated_programs() {
    let start = Instant::now();
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    while start.elapsed() < Duration::from_millis(1200) {
        let seed = SEEDS[random.below(SEEDS.len())];
        exercise(&mutate(seed, &mut random));
    }
}

#[test]
fn loose_pieces() {
    let start = Instant::now();
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    while start.elapsed() < Duration::from_millis(500) {
        let text: String = (0..random.below(30)).map(|_| PIECES[random.below(PIECES.len())]).collect();
        exercise(&text);
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.below(256) as u8).collect();
        dump(&parse_bytes("a.sx".into(), &bytes).ast);
    }
}

#[test]
fn every_prefix_of_a_program() {
    for seed in SEEDS {
        let ends: Vec<usize> = seed.char_indices().map(|(i, _)| i).step_by(7).collect();
        for end in ends {
            dump(&parse("a.sx".into(), seed[..end].into()).ast);
        }
    }
}
