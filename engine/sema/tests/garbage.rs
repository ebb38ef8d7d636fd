//! Whatever the source is, checking ends with diagnostics: no panic, no hang. Programs of the corpus are cut up and put
//! together wrongly, from a fixed seed; `SX_GARBAGE_ROUNDS` asks for more rounds than the default.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use sx_sema::{LoadError, Loaded, Loader, Options, Sema};

struct Library;

impl Loader for Library {
    fn load(&mut self, _importer: &str, request: &str) -> Result<Vec<Loaded>, LoadError> {
        match sx_lib::get(request) {
            Some(text) => {
                let path: Arc<str> = request.into();
                Ok(vec![Loaded { path: path.clone(), file: sx_syntax::parse(path, text.into()) }])
            }
            None => Err(LoadError { message: format!("there is no `{request}`"), searched: Vec::new() }),
        }
    }
}

/// Checks a text as `sx check` would, and what `sx run` would run besides.
fn check(text: &str) {
    let options = Options { max_instance_depth: 32, max_instances: 20_000, ..Options::default() };
    let mut sema = Sema::new(options, Box::new(Library));
    let file = sema.add_file("garbage.sx".into(), sx_syntax::parse("garbage.sx".into(), text.into()));
    sema.check_file(file);
    sema.main_func(file);
    sema.finish();
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

fn programs() -> Vec<String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut files: Vec<PathBuf> = Vec::new();
    for block in std::fs::read_dir(corpus).expect("the corpus is there") {
        let Ok(entries) = std::fs::read_dir(block.expect("a block").path()) else { continue };
        files.extend(entries.map(|e| e.expect("a program").path()));
    }
    files.sort();
    let texts = files.iter().filter(|f| f.extension().is_some_and(|e| e == "sx"));
    // Deep nesting and endless instances are meant to be slow to refuse; once unchanged is enough.
    texts.filter_map(|f| std::fs::read_to_string(f).ok()).filter(|t| t.len() < 4_000).collect()
}

/// Words and signs, so that cutting makes programs that still parse in part.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut last: Option<char> = None;
    for (at, c) in text.char_indices() {
        if last.is_some_and(|l| !(word(l) && word(c))) {
            out.push(&text[start..at]);
            start = at;
        }
        last = Some(c);
    }
    out.push(&text[start..]);
    out
}

fn mutate(random: &mut Random, programs: &[String]) -> String {
    let text = &programs[random.below(programs.len())];
    let other = &programs[random.below(programs.len())];
    let mut own = pieces(text);
    let foreign = pieces(other);
    for _ in 0..1 + random.below(4) {
        let at = random.below(own.len());
        match random.below(5) {
            0 => {
                own.remove(at);
            }
            1 => {
                let again = own[random.below(own.len())];
                own.insert(at, again);
            }
            2 => own[at] = foreign[random.below(foreign.len())],
            3 => {
                let to = random.below(own.len());
                own.swap(at, to);
            }
            _ => {
                let from = random.below(foreign.len());
                let piece = &foreign[from..(from + random.below(24)).min(foreign.len())];
                own.splice(at..at, piece.iter().copied());
            }
        }
        if own.is_empty() {
            own.push("");
        }
    }
    own.concat()
}

#[test]
fn mutated_programs_are_checked_to_an_end() {
    let rounds = std::env::var("SX_GARBAGE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let programs = programs();
    assert!(programs.len() > 200, "only {} programs were found", programs.len());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..rounds {
        let text = mutate(&mut random, &programs);
        let result = std::panic::catch_unwind(|| check(&text));
        assert!(result.is_ok(), "round {round} panicked on:\n{text}");
    }
}
