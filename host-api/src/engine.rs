//! Engines: what programs may do, and what hosts give them.

use crate::driver::cancel::CompileCancel;
use crate::driver::comptime::Budget;
use crate::driver::loader::{Memory, ModuleLoader};
use crate::driver::natives::Symbols;
use crate::driver::{Source, Unit, stack};
use crate::error::Result;
use crate::host::{HostFns, IntoHostFn};
use crate::limits::Limits;
use crate::program::Program;
use crate::tier::Tiers;
use crate::value::SxType;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use sx_ir::parallel::Threads;
use sx_ir::passes::Level;

/// How much work goes into a program before it runs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum OptLevel {
    /// None: a large program compiles in half the time, and runs slower.
    None,
    /// Each function by itself.
    Less,
    /// Small functions are expanded where they are called, too.
    #[default]
    Default,
}

/// Compiles programs. Cheap to clone; clones are the same engine, which threads may share.
///
/// ```
/// let engine = sx::Engine::new();
/// let program = engine.compile("add :: (a: i64, b: i64) -> i64 { a + b }")?;
/// let mut instance = program.instantiate()?;
/// let add = instance.func::<(i64, i64), i64>("add")?;
/// assert_eq!(add.call(&mut instance, (40, 2))?, 42);
/// # Ok::<(), sx::Error>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<EngineInner>,
}

pub(crate) struct EngineInner {
    pub memory: Arc<Memory>,
    pub symbols: Arc<Symbols>,
    pub comptime_symbols: Arc<Symbols>,
    pub user_extern: bool,
    pub file_imports: bool,
    pub level: Level,
    pub threads: Threads,
    pub build_mode: String,
    pub budget: Budget,
    pub limits: Limits,
    pub signals: bool,
    pub tiers: Tiers,
}

impl Engine {
    /// An engine without host functions; programs may use neither files nor C of their own. See [`EngineBuilder`].
    pub fn new() -> Engine {
        Engine::builder().build()
    }
    /// Starts to configure an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::new()
    }
    /// Compiles a program from text. All of it is checked, whether it is called or not.
    ///
    /// # Errors
    /// [`ErrorKind::Compile`](crate::ErrorKind::Compile), with everything that the compiler found.
    pub fn compile(&self, source: &str) -> Result<Program> {
        self.compile_named("program.sx", source)
    }
    /// As [`Engine::compile`], under a name for messages.
    ///
    /// # Errors
    /// As for [`Engine::compile`].
    pub fn compile_named(&self, name: &str, source: &str) -> Result<Program> {
        self.compile_source(Source::Text { name, text: source })
    }
    /// Compiles a program from bytes that may not be text.
    ///
    /// # Errors
    /// As for [`Engine::compile`].
    pub fn compile_bytes(&self, name: &str, source: &[u8]) -> Result<Program> {
        self.compile_source(Source::Bytes { name, bytes: source })
    }
    /// Compiles a file. The file itself is read whatever the engine's programs may import.
    ///
    /// # Errors
    /// As for [`Engine::compile`]; [`ErrorKind::Io`](crate::ErrorKind::Io) when the file can't be read.
    pub fn compile_file(&self, path: impl AsRef<Path>) -> Result<Program> {
        self.compile_source(Source::File(path.as_ref()))
    }
    /// Compiles a module that the engine has in memory.
    ///
    /// # Errors
    /// As for [`Engine::compile_file`].
    pub fn compile_module(&self, path: &str) -> Result<Program> {
        self.compile_source(Source::Module(path))
    }
    pub(crate) fn compile_source(&self, source: Source<'_>) -> Result<Program> {
        stack::enough(|| self.compile_here(source))
    }
    fn compile_here(&self, source: Source<'_>) -> Result<Program> {
        let unit = Unit::open(&self.inner, source)?;
        Program::build(self.clone(), unit)
    }
    /// Says what the compiler has to say about a file and the files that it imports, without running anything but
    /// compile-time code. Warnings are there, too.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the file can't be read, or compile-time code printed what couldn't be
    /// written.
    pub fn check_file(&self, path: impl AsRef<Path>) -> Result<Vec<crate::Diagnostic>> {
        stack::enough(|| crate::program::check(Unit::open(&self.inner, Source::File(path.as_ref()))?))
    }
    /// As [`Engine::check_file`], for text or what should be text.
    pub fn check_source(&self, name: &str, source: &[u8]) -> Result<Vec<crate::Diagnostic>> {
        stack::enough(|| {
            crate::program::check(Unit::open(&self.inner, Source::Bytes { name, bytes: source })?)
        })
    }
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::new()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

/// Configures an [`Engine`].
///
/// What a program can reach is off until it is switched on: files ([`file_imports`](Self::file_imports)) and C functions
/// that it declares itself ([`user_extern`](Self::user_extern)). The standard library is always there, and with it what
/// it offers of the system; [`library_ffi`](Self::library_ffi) takes that away.
pub struct EngineBuilder {
    memory: Memory,
    hosts: HostFns,
    user_extern: bool,
    library_ffi: bool,
    comptime_ffi: bool,
    file_imports: bool,
    library_folders: Vec<PathBuf>,
    level: OptLevel,
    threads: Threads,
    build_mode: String,
    budget: Budget,
    limits: Limits,
    signals: bool,
    tiers: Tiers,
}

impl EngineBuilder {
    fn new() -> EngineBuilder {
        EngineBuilder {
            memory: Memory::default(),
            hosts: HostFns::default(),
            user_extern: false,
            library_ffi: true,
            comptime_ffi: false,
            file_imports: false,
            library_folders: Vec::new(),
            level: OptLevel::Default,
            threads: Threads::available(),
            build_mode: "debug".to_owned(),
            budget: Budget::default(),
            limits: Limits::default(),
            signals: true,
            tiers: Tiers::default(),
        }
    }
    /// Gives programs a module without a file, to be imported under this path.
    #[must_use]
    pub fn module(mut self, path: &str, source: &str) -> EngineBuilder {
        self.memory.add(path, source);
        self
    }
    /// Asks this for modules that aren't there otherwise, before files are looked for.
    #[must_use]
    pub fn module_loader(mut self, loader: impl ModuleLoader + 'static) -> EngineBuilder {
        self.memory.add_loader(Box::new(loader));
        self
    }
    /// Gives programs a function of the host: `#import "MODULE"` brings it, flat or under a name.
    ///
    /// Parameters and result are taken from the closure's type; see [`crate::value`] for what can cross. A closure whose
    /// first parameter is `&mut Caller` can reach the instance; its other parameters are copies then. One that returns
    /// `Result` ends the call with its error.
    ///
    /// ```
    /// let engine = sx::Engine::builder()
    ///     .host_fn("game", "damage", |base: i64, weapon: &str| -> i64 {
    ///         base + if weapon == "axe" { 5 } else { 0 }
    ///     })
    ///     .build();
    /// let program = engine.compile(r#"
    ///     game :: #import "game";
    ///     hit :: () -> i64 { game.damage(10, "axe") }
    /// "#)?;
    /// let mut instance = program.instantiate()?;
    /// let hit = instance.func::<(), i64>("hit")?;
    /// assert_eq!(hit.call(&mut instance, ())?, 15);
    /// # Ok::<(), sx::Error>(())
    /// ```
    #[must_use]
    pub fn host_fn<M, F: IntoHostFn<M>>(mut self, module: &str, name: &str, function: F) -> EngineBuilder {
        self.hosts.add(module, name, function.into_host_fn());
        self
    }
    /// Declares a shared struct or enum in a module of the host, so that programs needn't write it again. The types of
    /// host functions' parameters and results are declared by themselves.
    #[must_use]
    pub fn host_type<T: SxType>(mut self, module: &str) -> EngineBuilder {
        self.hosts.add_type(module, &T::desc());
        self
    }
    /// Whether programs may declare C functions and variables with `extern`. Off by default: C can do anything.
    #[must_use]
    pub fn user_extern(mut self, allowed: bool) -> EngineBuilder {
        self.user_extern = allowed;
        self
    }
    /// Whether the standard library may call C, which files, processes and some of mathematics need. On by default.
    /// Without it, such a call traps.
    #[must_use]
    pub fn library_ffi(mut self, allowed: bool) -> EngineBuilder {
        self.library_ffi = allowed;
        self
    }
    /// Whether code that runs at compile time may call C. Off by default.
    #[must_use]
    pub fn comptime_ffi(mut self, allowed: bool) -> EngineBuilder {
        self.comptime_ffi = allowed;
        self
    }
    /// Whether imports are looked for in files: in the importing file's folder, the working directory and
    /// `SX_STDLIB_PATH`. Off by default; the built-in library and modules in memory are always found.
    #[must_use]
    pub fn file_imports(mut self, allowed: bool) -> EngineBuilder {
        self.file_imports = allowed;
        self
    }
    /// Looks for `#library` files in this folder, too, before the system's.
    #[must_use]
    pub fn library_folder(mut self, folder: impl Into<PathBuf>) -> EngineBuilder {
        self.library_folders.push(folder.into());
        self
    }
    /// How much work goes into programs before they run.
    #[must_use]
    pub fn opt_level(mut self, level: OptLevel) -> EngineBuilder {
        self.level = level;
        self
    }
    /// What programs see as `BUILD_MODE`: `debug` if nothing is said.
    #[must_use]
    pub fn build_mode(mut self, mode: &str) -> EngineBuilder {
        self.build_mode = mode.to_owned();
        self
    }
    /// How many threads may work on one program as it is compiled, the calling one included; 1 for a host that doesn't want
    /// others started. As many as the machine has if nothing is said, at most eight. Small programs need no other thread
    /// and start none. What comes out is the same however many there are; code of the program never runs on them.
    #[must_use]
    pub fn compile_threads(mut self, most: usize) -> EngineBuilder {
        self.threads = NonZeroUsize::new(most).map_or(Threads::ONE, Threads::at_most);
        self
    }
    /// How many loop iterations and calls one run at compile time may take.
    #[must_use]
    pub fn comptime_budget(mut self, polls: u64) -> EngineBuilder {
        self.budget.polls = polls;
        self
    }
    /// Lets compile-time code of this engine's compilations be stopped from other threads.
    #[must_use]
    pub fn compile_cancel(mut self, cancel: CompileCancel) -> EngineBuilder {
        self.budget.cancel = cancel;
        self
    }
    /// Whether a stray pointer of a program, or a store to a constant, ends the call with the trap `invalid memory`. On by
    /// default. For this the first instance installs a handler of SIGSEGV and SIGBUS in the process, which passes on all
    /// faults that aren't a program's to whoever handled them before. A host that installs its own handler later has to pass
    /// on what isn't its own, too.
    ///
    /// Off, no handler is installed: null, bounds, division and stack overflow are checked as ever, a stray pointer is the
    /// end of the process, and a store to a constant changes it. Systems other than x86-64 Linux behave like that always.
    #[must_use]
    pub fn signal_handlers(mut self, allowed: bool) -> EngineBuilder {
        self.signals = allowed;
        self
    }
    /// How programs are executed: interpreted, as machine code, or first the one and then the other. Whatever is chosen,
    /// programs do the same.
    #[must_use]
    pub fn tiers(mut self, tiers: Tiers) -> EngineBuilder {
        self.tiers = tiers;
        self
    }
    /// What instances may use if nothing else is said when they are made.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> EngineBuilder {
        self.limits = limits;
        self
    }
    /// Makes the engine.
    pub fn build(mut self) -> Engine {
        for (path, source) in self.hosts.modules() {
            self.memory.add(&path, source);
        }
        let hosts = Arc::new(self.hosts);
        let libraries = Arc::new(sx_ffi::Symbols::with_folders(self.library_folders));
        let symbols = |ffi| Arc::new(Symbols { hosts: hosts.clone(), libraries: libraries.clone(), ffi });
        let level = match self.level {
            OptLevel::None => Level::None,
            OptLevel::Less => Level::Less,
            OptLevel::Default => Level::Default,
        };
        Engine {
            inner: Arc::new(EngineInner {
                memory: Arc::new(self.memory),
                symbols: symbols(self.library_ffi || self.user_extern),
                comptime_symbols: symbols(self.comptime_ffi),
                user_extern: self.user_extern,
                file_imports: self.file_imports,
                level,
                threads: self.threads,
                build_mode: self.build_mode,
                budget: Budget { signals: self.signals, ..self.budget },
                limits: self.limits,
                signals: self.signals,
                tiers: self.tiers,
            }),
        }
    }
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
