//! Fixtures with marks.
//!
//! A line that holds nothing but carets, a code and perhaps a text marks the line of source above it: a diagnostic
//! with that code, whose message contains the text, is expected at exactly those characters. A `|` in place of carets
//! is an empty span, a `~` behind them a span that goes on over the line's end. Everything that isn't marked is
//! unexpected. Lines of marks aren't part of the source.

use std::fmt::Write;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use sx_ir::layout::Target;
use sx_ir::{CSignature, CStruct, DataId, Extern, FuncId, Module};
use sx_sema::incremental::Session;
use sx_sema::{Comptime, ComptimeOutcome, Held, LoadError, Loaded, Loader, Options, Sema};
use sx_syntax::diag::{Diagnostic, sort_for_display};
use sx_syntax::source::File;
use sx_syntax::span::FileId;
use sx_vm::{Config, ExternResolver, ExternTarget, Instance, Limits, NoExterns, Outcome, Program, Suspended};

/// The path of the first file.
const MAIN: &str = "main.sx";

/// Files in memory, then the library.
struct Files(Vec<(String, String)>);

impl Loader for Files {
    fn load(&mut self, _importer: &str, request: &str) -> Result<Vec<Loaded>, LoadError> {
        let own = self.0.iter().find(|(path, _)| path == request).map(|(_, text)| text.as_str());
        match own.or_else(|| sx_lib::get(request)) {
            Some(text) => {
                let path: Arc<str> = request.into();
                Ok(vec![Loaded { path: path.clone(), file: sx_syntax::parse(path, text.into()) }])
            }
            None => Err(LoadError { message: format!("there is no `{request}`"), searched: Vec::new() }),
        }
    }
}

/// What a mark says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Mark {
    path: String,
    line: u32,
    column: u32,
    /// None when it ends on a later line.
    end: Option<u32>,
    code: String,
    message: String,
}

impl Mark {
    fn matches(&self, found: &Mark) -> bool {
        let place = |mark: &Mark| (mark.path.clone(), mark.line, mark.column, mark.end, mark.code.clone());
        place(self) == place(found) && found.message.contains(&self.message)
    }
}

/// The mark on a line, without its place in the file.
fn mark(line: &str) -> Option<(u32, Option<u32>, &str, &str)> {
    let column = line.len() - line.trim_start().len();
    let (sign, rest) = line.trim_start().split_once(' ')?;
    let carets = sign.trim_end_matches('~');
    let width = match carets {
        "|" => 0,
        _ if !carets.is_empty() && carets.chars().all(|c| c == '^') => carets.len(),
        _ => return None,
    };
    let (code, message) = rest.split_once(": ").unwrap_or((rest, ""));
    let is_code =
        code.len() == 5 && code.starts_with(['E', 'W']) && code[1..].bytes().all(|b| b.is_ascii_digit());
    assert!(is_code, "a mark without a code: {line}");
    let end = (!sign.ends_with('~')).then_some((column + width) as u32);
    Some((column as u32, end, code, message))
}

/// The source of a fixture and its marks.
fn take_apart(path: &str, fixture: &str) -> (String, Vec<Mark>) {
    let mut source = String::new();
    let mut marks = Vec::new();
    let mut number = 0;
    for line in fixture.lines() {
        match mark(line) {
            Some((column, end, code, message)) => marks.push(Mark {
                path: path.to_owned(),
                line: number,
                column,
                end,
                code: code.to_owned(),
                message: message.to_owned(),
            }),
            None => {
                source.push_str(line);
                source.push('\n');
                number += 1;
            }
        }
    }
    (source, marks)
}

/// A diagnostic as a mark.
fn found(sema: &Sema, diagnostic: &Diagnostic) -> Mark {
    let file = sema.sources.get(diagnostic.loc.file);
    let span = diagnostic.loc.span;
    let place = |offset: u32| {
        let before = &file.text[..offset as usize];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() as u32 + 1, before[start..].chars().count() as u32)
    };
    let (start, end) = (place(span.lo), place(span.hi));
    Mark {
        path: file.path.to_string(),
        line: start.0,
        column: start.1,
        end: (start.0 == end.0).then_some(end.1),
        code: diagnostic.code.as_str().to_owned(),
        message: diagnostic.message.clone(),
    }
}

/// Sources with what was found in them, as a fixture shows it.
fn with_marks(files: &[(String, String)], marks: &[Mark]) -> String {
    let mut out = String::new();
    for (path, text) in files {
        if files.len() > 1 {
            let _ = writeln!(out, "//- {path}");
        }
        for (number, line) in text.lines().enumerate() {
            let _ = writeln!(out, "{line}");
            for mark in marks.iter().filter(|m| m.path == *path && m.line == number as u32 + 1) {
                let sign = match mark.end {
                    Some(end) if end == mark.column => "|".to_owned(),
                    Some(end) => "^".repeat((end - mark.column) as usize),
                    None => "^~".to_owned(),
                };
                let indent = " ".repeat(mark.column as usize);
                let _ = writeln!(out, "{indent}{sign} {}: {}", mark.code, mark.message);
            }
        }
    }
    for mark in marks.iter().filter(|mark| files.iter().all(|(path, _)| *path != mark.path)) {
        let _ =
            writeln!(out, "in {}: {}:{} {}: {}", mark.path, mark.line, mark.column, mark.code, mark.message);
    }
    out
}

fn compile(files: &[(String, String)]) -> (Sema, FileId) {
    compile_for(Options::default(), files)
}

fn compile_for(options: Options, files: &[(String, String)]) -> (Sema, FileId) {
    let mut sema = Sema::new(options, Box::new(Files(files.to_vec())));
    let root: Arc<File> = sx_syntax::parse(MAIN.into(), files[0].1.as_str().into());
    let root = sema.add_file(MAIN.into(), root);
    sema.set_comptime(Box::new(Runner::default()));
    (sema, root)
}

/// Checks files, the first of which is the program; `//- path` begins a further one.
#[track_caller]
pub fn check(fixture: &str) {
    check_for(Options::default(), fixture);
    check_for(small(), fixture);
}

/// A made-up machine whose addresses have four bytes: the same is found, though what runs runs elsewhere.
pub fn small() -> Options {
    let target = Target { ptr_size: 4 };
    Options { target, os: "tide".into(), arch: "small32".into(), ..Options::default() }
}

/// As [`check`], as it was asked for; gives the compilation.
#[track_caller]
pub fn check_for(options: Options, fixture: &str) -> Sema {
    let mut files: Vec<(String, String)> = vec![(MAIN.to_owned(), String::new())];
    for line in fixture.strip_prefix('\n').unwrap_or(fixture).lines() {
        match line.strip_prefix("//- ") {
            Some(path) => files.push((path.to_owned(), String::new())),
            None => {
                let (_, text) = files.last_mut().expect("there is one from the start");
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    let mut expected = Vec::new();
    for (path, text) in &mut files {
        let (source, marks) = take_apart(path, text);
        expected.extend(marks);
        *text = source;
    }
    let (mut sema, root) = compile_for(options, &files);
    sema.check_file(root);
    sema.main_func(root);
    sema.finish();
    let mut diagnostics = std::mem::take(&mut sema.diagnostics);
    sort_for_display(&mut diagnostics);
    let mut actual: Vec<Mark> = diagnostics.iter().map(|diagnostic| found(&sema, diagnostic)).collect();
    let shown = with_marks(&files, &actual);
    actual.sort();
    expected.sort();
    let same = actual.len() == expected.len()
        && expected.iter().zip(&actual).all(|(expected, found)| expected.matches(found));
    assert!(same, "expected\n{}\nfound\n{shown}", with_marks(&files, &expected));
    sema
}

/// The codes of what is found in a program whose places don't matter.
pub fn codes(text: &str) -> Vec<&'static str> {
    let (mut sema, root) = compile(&[(MAIN.to_owned(), text.to_owned())]);
    sema.check_file(root);
    sema.finish();
    sema.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// As [`check`], with declarations before the fixture.
#[track_caller]
pub fn check_after(declarations: &str, fixture: &str) {
    check(&format!("{declarations}{}", fixture.strip_prefix('\n').unwrap_or(fixture)));
}

/// The types of expressions, behind declarations.
#[track_caller]
pub fn types(declarations: &str, expected: &[(&str, &str)]) {
    let mut text = format!("{declarations}\n");
    for (number, (expr, _)) in expected.iter().enumerate() {
        let _ = writeln!(text, "probe{number} :: () -> $R => {expr};");
    }
    let files = [(MAIN.to_owned(), text)];
    let (mut sema, root) = compile(&files);
    let mut actual = Vec::new();
    for (number, (expr, _)) in expected.iter().enumerate() {
        let export = sema.export(root, &format!("probe{number}"));
        actual.push((*expr, export.map_or_else(|| "?".to_owned(), |export| sema.type_name(export.sig.ret))));
    }
    sema.finish();
    let marks: Vec<Mark> = sema.diagnostics.iter().map(|diagnostic| found(&sema, diagnostic)).collect();
    assert!(marks.is_empty(), "found\n{}", with_marks(&files, &marks));
    let actual: Vec<(&str, &str)> = actual.iter().map(|(expr, ty)| (*expr, ty.as_str())).collect();
    pretty_assertions::assert_eq!(actual, expected);
}

/// Runs functions at compile time, as far as they reach nothing outside.
#[derive(Default)]
struct Runner {
    program: Arc<Program>,
    instance: Option<Mutex<Instance>>,
    waiting: Vec<(FuncId, Suspended)>,
    kept: Vec<Box<[u8]>>,
}

impl Runner {
    fn running(&mut self) -> Option<&mut Instance> {
        Some(self.instance.as_mut()?.get_mut().expect("one thread runs"))
    }
    fn settle(&mut self, module: &Module, mut outcome: Outcome) -> ComptimeOutcome {
        loop {
            match outcome {
                Outcome::Done(results) => return ComptimeOutcome::Done(results),
                Outcome::Trap(trap) => {
                    let places = trap.frames().iter().filter_map(|frame| frame.place).collect();
                    return ComptimeOutcome::Trap(trap.message().to_owned(), places);
                }
                Outcome::Need(func, suspended) if module.func(func).is_none() => {
                    self.waiting.push((func, suspended));
                    return ComptimeOutcome::Need(func);
                }
                Outcome::Need(func, suspended) => {
                    self.program.compile(module, func).expect("small functions have bytecode");
                    outcome = self.running().expect("something runs").resume(suspended);
                }
            }
        }
    }
}

impl Comptime for Runner {
    fn start(&mut self, module: &Module, func: FuncId, args: &[u64], rets: usize) -> ComptimeOutcome {
        self.program.compile(module, func).expect("small functions have bytecode");
        let program = &self.program;
        let instance = self.instance.get_or_insert_with(|| {
            let limits = Limits { fuel: Some(1_000_000), ..Limits::default() };
            let config =
                Config { limits, resolver: Arc::new(Nothing), natives: Arc::new(NoExterns), signals: true };
            Mutex::new(Instance::new(program.clone(), config).expect("there is memory for a stack"))
        });
        // No fixture's function that runs looks at the context.
        let params = module.func(func).map_or(0, |func| func.sig.params.len());
        let mut given = vec![0; params - args.len()];
        given.extend_from_slice(args);
        let outcome = instance.get_mut().expect("one thread runs").start(func, &given, rets);
        self.settle(module, outcome)
    }
    fn resume(&mut self, module: &Module) -> ComptimeOutcome {
        let (func, suspended) = self.waiting.pop().expect("something waits");
        self.settle(module, Outcome::Need(func, suspended))
    }
    fn replace(&mut self, module: &Module, funcs: &[FuncId]) {
        funcs.iter().for_each(|&func| _ = self.program.replace(module, func));
    }
    fn abandon(&mut self) {
        if let (Some((_, suspended)), Some(instance)) = (self.waiting.pop(), self.running()) {
            instance.abandon(suspended);
        }
    }
    fn waiting_args(&mut self, slots: usize) -> Vec<u64> {
        let instance = self.instance.as_mut().and_then(|instance| instance.get_mut().ok());
        match (self.waiting.last(), instance) {
            (Some((_, suspended)), Some(instance)) => instance.waiting_args(suspended, slots),
            _ => Vec::new(),
        }
    }
    fn answer(&mut self, module: &Module, answer: Result<Vec<u64>, String>) -> ComptimeOutcome {
        let (Some((_, suspended)), Some(instance)) = (self.waiting.pop(), self.running()) else {
            return ComptimeOutcome::Trap("nothing waits for an answer".into(), Vec::new());
        };
        match answer {
            Ok(results) => {
                let outcome = instance.answer(suspended, &results);
                self.settle(module, outcome)
            }
            Err(message) => {
                let trap = instance.refuse(suspended, message);
                ComptimeOutcome::Trap(trap.message().to_owned(), Vec::new())
            }
        }
    }
    fn keep(&mut self, bytes: &[u8]) -> u64 {
        self.kept.push(bytes.into());
        self.kept.last().map_or(0, |kept| kept.as_ptr() as u64)
    }
    fn places(&mut self, module: &Module) -> Vec<(u64, u64, Held)> {
        let Some(instance) = self.running() else { return Vec::new() };
        let globals = instance.globals().into_iter();
        let globals = globals.map(|(id, at, size)| (at as u64, size as u64, Held::Global(id)));
        let datas = instance.datas().into_iter();
        let size = |id: DataId| module.datas[id.index()].bytes.len() as u64;
        globals.chain(datas.map(|(id, at)| (at as u64, size(id), Held::Data(id)))).collect()
    }
    fn function(&self, value: u64) -> Option<FuncId> {
        self.instance.as_ref()?.lock().expect("one thread runs").function_of_value(value)
    }
    fn read(&self, addr: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        std::fs::File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, addr).ok()?;
        Some(bytes)
    }
}

struct Nothing;

impl ExternResolver for Nothing {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        Err(format!("`{}` can't be reached", ext.symbol))
    }
}

/// Begins a session with files, the first of which is the program.
pub fn session(files: &[(String, String)]) -> Session {
    let (path, text) = &files[0];
    let path: Arc<str> = path.as_str().into();
    let root = Loaded { path: path.clone(), file: sx_syntax::parse(path, text.as_str().into()) };
    let make = |_: &mut Sema| -> Box<dyn Comptime + Send> { Box::new(Runner::default()) };
    Session::with_comptime(Options::default(), Box::new(Files(files.to_vec())), root, Some(Box::new(make)))
}
