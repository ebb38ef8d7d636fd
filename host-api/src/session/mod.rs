//! A program that grows input by input: what an interactive prompt needs.
//!
//! Each input becomes modules of its own, which import the newest author of every name that they mention; variables are
//! module-level. One instance takes in what is added, so that its memory stays. The compiler's state isn't made to go on
//! after errors: an input is compiled in a scratch compilation first, which has everything before it, and only what is
//! good reaches the session. The scratch compilation goes on, too, as long as what is wrong with an input is wrong in its own
//! modules only and has left no traces elsewhere; else it is made anew.

mod input;
mod printed;
mod source;

use crate::driver::loader::ModuleLoader;
use crate::driver::{Source, Unit};
use crate::engine::{Engine, EngineBuilder};
use crate::error::{Error, ErrorKind, Result};
use crate::instance::Instance;
use crate::program::{InstanceBuilder, Program};
use input::{Piece, pieces};
use parking_lot::Mutex;
use printed::Printed;
use rustc_hash::FxHashMap;
use source::{Names, Text, Wanted, show_module, value_module};
use std::sync::Arc;
use sx_sema::types::{TypeId, TypeKind};
use sx_syntax::diag::{self, Code};
use sx_syntax::span::FileId;

pub use input::is_complete;

/// What is there before the first input.
const BASE: &str = include_str!("base.sx");

/// An interactive program: inputs are compiled and run one after the other, and what they declare stays.
///
/// ```
/// let mut session = sx::Session::new(sx::Engine::builder())?;
/// session.eval("x := 20;")?;
/// session.eval("double :: (n: i64) -> i64 { n * 2 }")?;
/// session.eval("x = double(x) + 2;")?;
/// assert!(session.eval("y + 1").is_err());
/// session.eval("x")?;    // prints 42
/// # Ok::<(), sx::Error>(())
/// ```
pub struct Session {
    engine: Engine,
    modules: Modules,
    /// The paths of the modules that are part of the session, in order.
    loaded: Vec<String>,
    /// A compilation of those, in which inputs are tried; none after one whose errors can't be told apart from the rest.
    scratch: Option<Unit>,
    /// What compile-time code printed in the scratch compilation.
    tried: Printed,
    /// What it printed in the session's own.
    printed: Printed,
    names: Names,
    program: Program,
    instance: Instance,
    attempts: usize,
    inputs: usize,
}

/// The modules' sources, where the engine finds them.
#[derive(Clone, Default)]
struct Modules(Arc<Mutex<FxHashMap<String, Text>>>);

impl ModuleLoader for Modules {
    fn load(&self, path: &str) -> Option<std::result::Result<String, String>> {
        self.0.lock().get(path).map(|text| Ok(text.text().to_owned()))
    }
}

impl Session {
    /// A session without inputs.
    ///
    /// # Errors
    /// When the library can't be compiled.
    pub fn new(engine: EngineBuilder) -> Result<Session> {
        Session::with_instance(engine, |instance| instance)
    }
    /// As [`Session::new`], with an instance that is configured by `configure`.
    ///
    /// # Errors
    /// As for [`Session::new`].
    pub fn with_instance(
        engine: EngineBuilder,
        configure: impl FnOnce(InstanceBuilder) -> InstanceBuilder,
    ) -> Result<Session> {
        let modules = Modules::default();
        modules.0.lock().insert(source::BASE_PATH.into(), Text::base(BASE));
        let engine = engine.module_loader(modules.clone()).build();
        let printed = Printed::default();
        let base = Source::Module(source::BASE_PATH);
        let unit = Unit::open_with(&engine.inner, base, Some(Box::new(printed.clone())))?;
        let program = Program::build(engine.clone(), unit)?;
        let instance = configure(program.instance()).build()?;
        let names = Names::default();
        Ok(Session {
            engine,
            modules,
            loaded: Vec::new(),
            scratch: None,
            tried: Printed::default(),
            printed,
            names,
            program,
            instance,
            attempts: 0,
            inputs: 0,
        })
    }
    /// The instance that the inputs run in.
    pub fn instance(&mut self) -> &mut Instance {
        &mut self.instance
    }
    /// Compiles and runs an input: declarations, statements, or an expression, whose value is printed. A failed input leaves
    /// what was there before; of several statements those before the failing one have run.
    ///
    /// # Errors
    /// What is wrong with the input, or what it ended with.
    ///
    /// # Panics
    /// When a host function panicked: that panic goes on here.
    pub fn eval(&mut self, input: &str) -> Result<()> {
        crate::driver::stack::enough(|| self.eval_here(input))
    }
    fn eval_here(&mut self, input: &str) -> Result<()> {
        self.inputs += 1;
        let name = format!("input {}", self.inputs);
        for piece in pieces(&name, input)? {
            let result = self.eval_piece(&name, input, &piece);
            if let Err(error) = &result
                && error.kind() == ErrorKind::Compile
            {
                // What is refused has run in the scratch compilation only.
                self.tried.show(&mut self.instance);
            }
            result?;
        }
        Ok(())
    }
    fn eval_piece(&mut self, name: &str, input: &str, piece: &Piece) -> Result<()> {
        match piece {
            Piece::Declarations { text, names } => {
                let mut module = self.names.header(name, input, names);
                module.user(text.clone());
                let path = self.add_module(module);
                self.adopt(std::slice::from_ref(&path))?;
                self.names.declare(names, &path);
                Ok(())
            }
            Piece::Statements { text } => {
                let mut module = self.names.header(name, input, &[]);
                module.own("__run :: () -> ! {\n");
                module.user(text.clone());
                module.own("\n}\n");
                let path = self.add_module(module);
                self.adopt(std::slice::from_ref(&path))?;
                self.run(&path)
            }
            Piece::Variable(variable) => {
                let Some(value) = &variable.value else {
                    let path =
                        self.add_module(source::variable_module(&self.names, name, input, variable, None));
                    self.adopt(std::slice::from_ref(&path))?;
                    self.names.declare(&variable.names, &path);
                    return Ok(());
                };
                let wanted = Wanted { ty: variable.ty.clone(), value: value.clone(), fails: false };
                let (from, fails) = self.value(name, input, wanted)?.parts();
                let module =
                    source::variable_module(&self.names, name, input, variable, Some((&from, fails)));
                let path = self.add_module(module);
                self.adopt(&[from, path.clone()])?;
                self.names.declare(&variable.names, &path);
                self.run(&path)
            }
            Piece::Value { text } => {
                let wanted = Wanted { ty: None, value: text.clone(), fails: false };
                let value = self.value(name, input, wanted)?;
                let shown = value.shown;
                let (from, fails) = value.parts();
                let path = self.add_module(show_module(name, input, &from, fails, shown));
                self.adopt(&[from, path.clone()])?;
                self.run(&path)
            }
        }
    }
    fn add_module(&mut self, text: Text) -> String {
        self.attempts += 1;
        let path = format!("repl:{}", self.attempts);
        self.modules.0.lock().insert(path.clone(), text);
        path
    }
    /// Makes the module of a value; one that can fail if it must.
    fn value(&mut self, name: &str, input: &str, wanted: Wanted) -> Result<Value> {
        let mut first = None;
        for fails in [false, true] {
            // What fails unhandled is handed to the prompt.
            for tried in if fails { &[false, true][..] } else { &[false] } {
                let wanted = Wanted { fails, ..wanted.clone() };
                let path = self.add_module(value_module(&self.names, name, input, &wanted, *tried));
                match self.probe(&path) {
                    Ok(shown) => return Ok(Value { path, fails, shown }),
                    Err(error) => {
                        let retry = error.diagnostics().iter().any(|found| {
                            let codes = [Code::E0601, Code::E0602, Code::E0603];
                            codes.iter().any(|code| code.as_str() == found.code())
                        });
                        if !retry {
                            return Err(first.unwrap_or(error));
                        }
                        first.get_or_insert(error);
                    }
                }
            }
        }
        Err(first.unwrap_or_else(|| Error::new(ErrorKind::Compile, "the value can't be compiled")))
    }
    /// A compilation of everything before.
    fn fresh_scratch(&self) -> Result<Unit> {
        let source = Source::Module(source::BASE_PATH);
        let mut unit = Unit::open_with(&self.engine.inner, source, Some(Box::new(self.tried.clone())))?;
        unit.sema.check_file(unit.root);
        add(&mut unit, &self.loaded);
        unit.check()?;
        Ok(unit)
    }
    /// Compiles modules after everything before.
    fn attempt(&mut self, paths: &[String]) -> Result<(&mut Unit, Vec<FileId>)> {
        let mut unit = match self.scratch.take() {
            Some(unit) => unit,
            None => self.fresh_scratch()?,
        };
        self.tried.clear();
        let before = unit.sema.mark();
        let files = add(&mut unit, paths);
        // Nothing of it runs but at compile time: optimising it would be in vain.
        match unit.check() {
            Ok(()) => Ok((self.scratch.insert(unit), files)),
            Err(error) if error.kind() == ErrorKind::Compile => {
                let error = self.in_terms_of_input(&unit);
                // Nothing imports the refused modules; as long as nothing else has come of them, they can stay.
                if unit.sema.forget_errors(&before) {
                    self.scratch = Some(unit);
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
    /// Tries a value's module; whether there is a value to show.
    fn probe(&mut self, path: &str) -> Result<bool> {
        let (unit, files) = self.attempt(&[path.to_owned()])?;
        let export = files.first().and_then(|&file| unit.sema.export(file, "__value"));
        let Some(export) = export else { return Ok(false) };
        let value = match *unit.sema.types.kind(export.sig.ret) {
            TypeKind::Failable { value, .. } => value,
            _ => export.sig.ret,
        };
        Ok(value != TypeId::VOID && value != TypeId::NORETURN)
    }
    /// Takes modules in, if nothing is wrong with them.
    fn adopt(&mut self, paths: &[String]) -> Result<()> {
        self.attempt(paths)?;
        let mut unit = self.program.unit().lock();
        add(&mut unit, paths);
        let built = unit.build(self.program.vm());
        drop(unit);
        self.printed.show(&mut self.instance);
        built?;
        self.loaded.extend_from_slice(paths);
        self.instance.grow()
    }
    /// Runs what a module asks for.
    fn run(&mut self, path: &str) -> Result<()> {
        let export = {
            let mut unit = self.program.unit().lock();
            let file = unit.sema.library_file(path);
            file.and_then(|file| unit.sema.export(file, "__run"))
        };
        let prepared = export.and_then(|export| self.program.vm().prepare(export.func));
        let Some(prepared) = prepared else {
            return Err(Error::new(ErrorKind::NotFound, "the input has no code"));
        };
        let result = self.instance.run_failable(prepared, "unhandled error: ");
        result.map_err(|error| self.places_in_input(error))
    }
    /// Errors of generated modules, shown where the input gives rise to them.
    fn in_terms_of_input(&self, unit: &Unit) -> Error {
        let mut sources = unit.sema.sources.clone();
        let modules = self.modules.0.lock();
        let mut inputs: FxHashMap<String, FileId> = FxHashMap::default();
        let mut diagnostics = unit.diagnostics();
        for diagnostic in &mut diagnostics {
            let secondary = diagnostic.secondary.iter_mut().map(|label| &mut label.loc);
            for loc in secondary.chain([&mut diagnostic.loc]) {
                let path = sources.get(loc.file).path.clone();
                let Some(text) = modules.get(&*path) else { continue };
                let Some(span) = text.in_input(loc.span) else { continue };
                let file = *inputs.entry(text.name().to_owned()).or_insert_with(|| {
                    sources.add(sx_syntax::parse(text.name().into(), text.input().into()))
                });
                *loc = sx_syntax::span::Loc::new(file, span);
            }
        }
        diagnostics.dedup_by(|a, b| a.loc == b.loc && a.message == b.message);
        diag::sort_for_display(&mut diagnostics);
        Error::compile(diagnostics, sources)
    }
    fn places_in_input(&self, mut error: Error) -> Error {
        let modules = self.modules.0.lock();
        for frame in &mut error.backtrace_mut().frames {
            let text = frame.path.as_ref().and_then(|path| modules.get(&**path));
            if let Some(text) = text {
                (frame.line, frame.column) = text.place_in_input(frame.line, frame.column);
                frame.path = Some(text.name().into());
                if frame.function.starts_with("__") {
                    frame.function = "the input".into();
                }
            }
        }
        error
    }
}

/// Checks modules one after the other.
fn add(unit: &mut Unit, paths: &[String]) -> Vec<FileId> {
    let mut files = Vec::new();
    for path in paths {
        if let Some(file) = unit.sema.library_file(path) {
            unit.sema.check_file(file);
            unit.sema.finish();
            files.push(file);
        }
    }
    files
}

/// A value that compiles.
struct Value {
    path: String,
    fails: bool,
    shown: bool,
}

impl Value {
    fn parts(self) -> (String, bool) {
        (self.path, self.fails)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let mut session = Session::new(Engine::builder()).expect("the library compiles");
        for input in
            ["x := 20;", "Show :: protocol { show :: (self: *Self) -> i64; }", "f :: () -> i64 { x }"]
        {
            session.eval(input).unwrap_or_else(|error| panic!("{input}: {error}"));
        }
        session
    }

    /// An input that is refused, and whether the compilation before it goes on.
    #[track_caller]
    fn refused(input: &str, goes_on: bool) {
        let mut session = session();
        let error = session.eval(input).expect_err("it is wrong");
        assert_eq!(error.kind(), ErrorKind::Compile, "{error}");
        assert_eq!(session.scratch.is_some(), goes_on, "{input}");
        let again = session.eval(input).expect_err("it still is");
        let shown =
            |error: &Error| error.diagnostics().iter().map(|d| d.message().to_owned()).collect::<Vec<_>>();
        assert_eq!(shown(&error), shown(&again), "the same is said the second time");
        session.eval("x = f() + 1;").expect("what was there before stays");
        session.eval("x := f() * 2;").expect("a name can be taken again");
        session.eval("#assert size_of(i64) == 8;").expect("nothing is left of the error");
        session.eval("y").expect_err("nothing came of what was refused");
    }

    #[test]
    fn plain_errors_leave_no_traces() {
        refused("y + 1", true);
        refused("y := f() + \"a\";", true);
        refused("g :: () -> i64 { true }  y :: g;", true);
        refused("S :: struct { a: Unknown; }", true);
        refused("xs : List(i64) = .{}; xs.append(\"text\");", true);
        refused("f(1)", true);
    }

    #[test]
    fn what_leaves_traces_is_thrown_away() {
        refused("impl Show for i64 { show :: (self: *i64) -> i64 { true } }", false);
        refused("y :: ufcs (n: i64) -> i64 { true }", false);
        refused("#run { x = 3; };  y :: () -> i64 { true }", false);
        refused("id :: (v: $T) -> T { v.nothing }  y := id(3);", false);
    }
}
