//! From sources to bytecode.
//!
//! | module | what |
//! |---|---|
//! | [`loader`], [`library`] | where imports come from |
//! | [`comptime`] | running functions at compile time |
//! | [`callbacks`] | what C may call back then |
//! | [`natives`] | what symbols are |
//! | [`output`] | what a program has printed |
//! | [`floor`], [`heap`], [`memory`] | what the library stands on |
//! | [`threads`] | starting threads, and waiting |
//! | [`shared`] | what the threads of an instance have in common |
//! | [`stack`] | how much stack the compiler may use |

mod callbacks;
pub(crate) mod cancel;
pub(crate) mod comptime;
pub(crate) mod floor;
pub(crate) mod heap;
pub(crate) mod library;
pub(crate) mod loader;
mod memory;
pub(crate) mod natives;
pub(crate) mod output;
pub(crate) mod shared;
pub(crate) mod stack;
mod threads;

use crate::engine::EngineInner;
use crate::error::Error;
use loader::Search;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use sx_ir::{Extern, ExternKind, FuncId, Sig};
use sx_sema::incremental::Session;
use sx_sema::{LoadError, Loaded, Options, Sema};
use sx_syntax::diag::{Code, Diagnostic, Severity, sort_for_display};
use sx_syntax::span::{FileId, Loc, Span};

/// A program's first file.
pub(crate) enum Source<'a> {
    /// Text, under a name for messages.
    Text {
        name: &'a str,
        text: &'a str,
    },
    /// As read from somewhere.
    Bytes {
        name: &'a str,
        bytes: &'a [u8],
    },
    File(&'a Path),
    /// A module that the engine has in memory.
    Module(&'a str),
}

/// A compilation: the checker's state, and how far its results were handed on.
pub(crate) struct Unit {
    pub sema: Sema,
    pub root: FileId,
    engine: Arc<EngineInner>,
    comptime: comptime::Shared,
    /// Functions that went through the passes, by number.
    optimised: Vec<bool>,
    /// Functions that have other bodies than those that code was made of.
    replaced: Vec<FuncId>,
    /// How many symbols were looked at.
    verified: usize,
}

/// What the checker is told about an engine's programs.
fn options(engine: &EngineInner) -> Options {
    Options {
        allow_extern: engine.user_extern,
        build_mode: engine.build_mode.clone(),
        stack_bytes: stack::for_checking,
        ..Options::default()
    }
}

/// Begins a session with a file.
///
/// # Errors
/// When the file can't be read.
pub(crate) fn session(engine: &Arc<EngineInner>, path: &Path) -> Result<Session, LoadError> {
    let mut search = Search::new(engine.memory.clone(), engine.file_imports);
    let root = search.root_file(path)?;
    let inner = engine.clone();
    let make = move |sema: &mut Sema| -> Box<dyn sx_sema::Comptime + Send> {
        let context = sema.running().default_context();
        let (symbols, budget) = (inner.comptime_symbols.clone(), inner.budget.clone());
        Box::new(comptime::Shared::new(comptime::Runner::new(symbols, budget, context, None)))
    };
    Ok(Session::with_comptime(options(engine), Box::new(search), root, Some(Box::new(make))))
}

impl Unit {
    /// Reads the first file; nothing is checked yet.
    pub fn open(engine: &Arc<EngineInner>, source: Source<'_>) -> Result<Unit, Error> {
        Unit::open_with(engine, source, None)
    }
    /// As [`Unit::open`], with a place for what compile-time code prints; the process's standard output if there is none.
    pub fn open_with(
        engine: &Arc<EngineInner>,
        source: Source<'_>,
        output: Option<Box<dyn floor::Output>>,
    ) -> Result<Unit, Error> {
        let mut search = Search::new(engine.memory.clone(), engine.file_imports);
        let loaded = match source {
            Source::Text { name, text } => Ok(search.root_text(name, text)),
            Source::Bytes { name, bytes } => Ok(search.root_bytes(name, bytes)),
            Source::File(path) => search.root_file(path),
            Source::Module(path) => search.root_module(path),
        };
        let loaded: Loaded = loaded.map_err(|error: LoadError| Error::io(error.message))?;
        let mut sema = Sema::new(options(engine), Box::new(search));
        let root = sema.add_file(loaded.path, loaded.file);
        let context = sema.running().default_context();
        let runner =
            comptime::Runner::new(engine.comptime_symbols.clone(), engine.budget.clone(), context, output);
        let comptime = comptime::Shared::new(runner);
        sema.set_comptime(Box::new(comptime.clone()));
        Ok(Unit {
            sema,
            root,
            engine: engine.clone(),
            comptime,
            optimised: Vec::new(),
            replaced: Vec::new(),
            verified: 0,
        })
    }
    /// Checks and lowers what was asked for, and makes bytecode of what is new.
    ///
    /// # Errors
    /// What is wrong with the program; or compile-time code printed what couldn't be written.
    pub fn build(&mut self, vm: &sx_vm::Program) -> Result<(), Error> {
        stack::enough(|| self.build_here(vm))
    }
    fn build_here(&mut self, vm: &sx_vm::Program) -> Result<(), Error> {
        self.lower()?;
        for func in std::mem::take(&mut self.replaced) {
            vm.replace(&self.sema.module, func).map_err(|error| self.too_large(&error))?;
        }
        vm.compile_all_on(self.engine.threads, &self.sema.module).map_err(|error| self.too_large(&error))
    }
    /// Checks what was asked for.
    ///
    /// # Errors
    /// As for [`Unit::build`].
    pub fn check(&mut self) -> Result<(), Error> {
        self.sema.finish();
        let sent = self.send_comptime_output();
        if !self.verify_externs() || self.sema.has_errors() {
            return Err(self.errors());
        }
        sent
    }
    /// Checks, lowers and optimises what was asked for.
    ///
    /// # Errors
    /// As for [`Unit::build`].
    pub fn lower(&mut self) -> Result<(), Error> {
        self.check()?;
        let count = self.sema.module.funcs.len();
        self.optimised.resize(count, false);
        for func in self.sema.take_replaced() {
            self.optimised[func.index()] = false;
            self.replaced.push(func);
        }
        let mut fresh = Vec::new();
        for (index, done) in self.optimised.iter_mut().enumerate() {
            if !*done && self.sema.module.funcs[index].is_some() {
                *done = true;
                fresh.push(FuncId(index as u32));
            }
        }
        let EngineInner { level, threads, .. } = *self.engine;
        // A copy of a function whose body is replaced later would stay as it was.
        let replaceable: HashSet<FuncId> = self.sema.replaceable().into_iter().collect();
        let may_inline = |_, callee| !replaceable.contains(&callee);
        sx_ir::passes::optimize_with(&mut self.sema.module, &fresh, level, threads, &may_inline);
        Ok(())
    }
    /// What compile-time code has printed is shown, whatever became of it.
    fn send_comptime_output(&mut self) -> Result<(), Error> {
        if !self.comptime.has_run() {
            return Ok(());
        }
        let Some(layout) = output::layout(self.sema.running())? else { return Ok(()) };
        match self.comptime.flush(layout) {
            0 => Ok(()),
            code => Err(Error::lost_output(code)),
        }
    }
    /// Symbols that can't be found are errors where they are declared; true if there are none.
    fn verify_externs(&mut self) -> bool {
        let mut found = true;
        for index in self.verified..self.sema.module.externs.len() {
            let module = &self.sema.module;
            let ext = &module.externs[index];
            let sig = match ext.kind {
                ExternKind::Data => None,
                ExternKind::Func(sig) => match &module.sigs[sig.index()] {
                    Sig::C { sig, .. } => Some(sig),
                    Sig::Sx(_) => continue,
                },
            };
            let (file, offset) = ext.declared;
            let file = FileId(file);
            let of_library = (file.0 as usize) < self.sema.sources.len() && {
                let path = &self.sema.sources.get(file).path;
                // Another version of the library stands where this one would be looked for.
                let other = self.engine.user_extern && library::stands_for(path.as_ref().as_ref()).is_some();
                path.starts_with(library::FOLDER) || other
            };
            let reserved =
                ext.library.as_deref() == Some(Extern::HOST) && ext.symbol.starts_with(floor::PREFIX);
            let verdict = if reserved && !of_library {
                Err(format!("`{}` belongs to the library", ext.symbol))
            } else {
                self.engine.symbols.verify(ext, sig, &module.c_structs)
            };
            if let Err(message) = verdict {
                let loc = Loc::new(file, Span::new(offset, self.end_of_name(file, offset)));
                self.sema.diagnostics.push(Diagnostic::error(Code::E0805, loc, message));
                found = false;
            }
        }
        self.verified = self.sema.module.externs.len();
        found
    }
    /// The end of the name that begins at an offset.
    fn end_of_name(&self, file: FileId, offset: u32) -> u32 {
        let text = &self.sema.sources.get(file).text;
        let name = text.get(offset as usize..).unwrap_or("");
        let len = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        offset + len as u32
    }
    /// What was found, in the order in which it is shown.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = self.sema.diagnostics.clone();
        sort_for_display(&mut all);
        all
    }
    /// The warnings so far.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let mut all = self.diagnostics();
        all.retain(|diagnostic| diagnostic.severity == Severity::Warning);
        all
    }
    pub fn errors(&self) -> Error {
        Error::compile(self.diagnostics(), self.sema.sources.clone())
    }
    #[cold]
    fn too_large(&self, error: &sx_vm::CompileError) -> Error {
        let (file, offset) = error.place.unwrap_or((self.root.0, 0));
        let loc = Loc::new(FileId(file), Span::at(offset));
        let diagnostic =
            Diagnostic::error(Code::E0901, loc, format!("this function is too large: {}", error.message));
        Error::compile(vec![diagnostic], self.sema.sources.clone())
    }
}
