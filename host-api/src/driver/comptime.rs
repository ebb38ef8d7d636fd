//! Running functions at compile time: the same interpreter, over code that is compiled when it is first called.

use super::callbacks::Callbacks;
use super::cancel::{CompileCancel, Guard};
use super::floor::{Ground, Output};
use super::library;
use super::natives::{InstanceSymbols, Natives, Symbols};
use super::output::{self, Layout, Pending};
use parking_lot::{Mutex, RwLock};
use std::collections::HashSet;
use std::sync::Arc;
use sx_ir::{CSignature, CStruct, Extern, FuncId, GlobalId, Module};
use sx_sema::{Comptime, ComptimeOutcome, Held, Sema};
use sx_syntax::source::Sources;
use sx_syntax::span::FileId;
use sx_vm::{
    Config, ExternResolver, ExternTarget, Instance, Limits, Outcome, Program, Suspended, Trap, TrapReason,
};

/// What compile-time code may use.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// Loop iterations and calls of one run.
    pub polls: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Stops it.
    pub cancel: CompileCancel,
    /// Stray pointers are traps; see [`EngineBuilder::signal_handlers`](crate::EngineBuilder::signal_handlers).
    pub signals: bool,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { polls: 200_000_000, memory_bytes: 1 << 30, cancel: CompileCancel::new(), signals: true }
    }
}

/// The symbols as compile-time code reaches them: what it printed goes before what others print.
struct CompilingSymbols {
    symbols: Arc<Symbols>,
    pending: Arc<Pending>,
    /// Which of the files that were read so far are the library's.
    library: RwLock<Arc<[bool]>>,
}

impl ExternResolver for CompilingSymbols {
    fn resolve(
        &self,
        ext: &Extern,
        sig: Option<(&CSignature, u32)>,
        shapes: &[CStruct],
    ) -> Result<ExternTarget, String> {
        let (symbols, pending) = (self.symbols.clone(), self.pending.clone());
        let library = self.library.read().clone();
        InstanceSymbols { symbols, pending, library }.resolve(ext, sig, shapes)
    }
}

/// A run that waits for the checker.
enum Waiting {
    /// For what C may call back, before it begins: the function, its arguments, how many results are wanted.
    Begin(FuncId, Vec<u64>, usize),
    /// For a function that it called.
    Call(FuncId, Suspended),
}

/// The compile-time side of one compilation.
pub(crate) struct Runner {
    program: Arc<Program>,
    /// Made when something is run first.
    instance: Option<Instance>,
    /// Lets it be stopped.
    guard: Option<Guard>,
    symbols: Arc<CompilingSymbols>,
    budget: Budget,
    /// Runs that wait for a function, the newest last.
    waiting: Vec<Waiting>,
    callbacks: Callbacks,
    /// The context under which functions run.
    context: Option<GlobalId>,
    /// Where output goes, until the instance has it.
    output: Option<Box<dyn Output>>,
    /// Texts that the compiler gave to running code.
    kept: HashSet<Arc<[u8]>>,
}

impl Runner {
    pub fn new(
        symbols: Arc<Symbols>,
        budget: Budget,
        context: Option<GlobalId>,
        output: Option<Box<dyn Output>>,
    ) -> Runner {
        let program = Arc::new(match budget.signals {
            true => Program::with_protected_constants(),
            false => Program::new(),
        });
        let symbols = Arc::new(CompilingSymbols {
            symbols,
            pending: Arc::new(Pending::default()),
            library: RwLock::new(Arc::new([])),
        });
        Runner {
            program,
            instance: None,
            guard: None,
            symbols,
            budget,
            waiting: Vec::new(),
            callbacks: Callbacks::default(),
            context,
            output,
            kept: HashSet::new(),
        }
    }
    fn instance(&mut self) -> Result<&mut Instance, String> {
        if self.instance.is_none() {
            let limits = Limits {
                fuel: Some(self.budget.polls),
                memory_bytes: Some(self.budget.memory_bytes),
                ..Limits::default()
            };
            let signals = self.budget.signals;
            let config =
                Config { limits, resolver: self.symbols.clone(), natives: Arc::new(Natives), signals };
            let mut instance = Instance::new(self.program.clone(), config)?;
            *instance.data() = Box::new(Ground::new(Vec::new(), self.output.take()));
            self.guard = Some(self.budget.cancel.guard(instance.interrupt_handle()));
            self.instance = Some(instance);
        }
        self.instance.as_mut().ok_or_else(|| "no instance".into())
    }
    /// Serves what the module can serve; the rest is the compiler's.
    fn settle(&mut self, module: &Module, mut outcome: Outcome) -> ComptimeOutcome {
        loop {
            match outcome {
                Outcome::Done(results) => return ComptimeOutcome::Done(results),
                Outcome::Trap(trap) => return self.trapped(&trap),
                Outcome::Need(func, suspended) => {
                    if module.func(func).is_none() {
                        self.waiting.push(Waiting::Call(func, suspended));
                        return ComptimeOutcome::Need(func);
                    }
                    match self.make(module, func) {
                        Ok(lacking) if lacking.is_empty() => {}
                        Ok(lacking) => {
                            self.waiting.push(Waiting::Call(func, suspended));
                            return ComptimeOutcome::Provide(lacking);
                        }
                        Err(message) => {
                            if let Some(instance) = &mut self.instance {
                                instance.abandon(suspended);
                            }
                            return ComptimeOutcome::Trap(message, Vec::new());
                        }
                    }
                    outcome = match self.instance() {
                        Ok(instance) => instance.resume(suspended),
                        Err(message) => return ComptimeOutcome::Trap(message, Vec::new()),
                    };
                }
            }
        }
    }
    /// Makes the code of a function, and of what C may call back once it runs; gives the functions that the checker must
    /// provide before.
    fn make(&mut self, module: &Module, func: FuncId) -> Result<Vec<FuncId>, String> {
        self.program.compile(module, func).map_err(|error| error.to_string())?;
        let lacking = self.callbacks.prepare(&self.program, module, func)?;
        self.find_writer()?;
        Ok(lacking)
    }
    /// Finds where printed text waits, once code is there that prints.
    fn find_writer(&mut self) -> Result<(), String> {
        let pending = self.symbols.pending.clone();
        if pending.layout().is_none() || pending.is_placed() {
            return Ok(());
        }
        let instance = self.instance()?;
        instance.grow()?;
        pending.place(|global| instance.global(global));
        Ok(())
    }
    fn try_start(
        &mut self,
        module: &Module,
        func: FuncId,
        args: &[u64],
        rets: usize,
    ) -> Result<ComptimeOutcome, String> {
        if module.func(func).is_none() {
            return Err("a function without a body was started".into());
        }
        if self.budget.cancel.is_canceled() {
            return Err("the compilation was canceled".into());
        }
        let lacking = self.make(module, func)?;
        if !lacking.is_empty() {
            self.waiting.push(Waiting::Begin(func, args.to_vec(), rets));
            return Ok(ComptimeOutcome::Provide(lacking));
        }
        let (program, context) = (self.program.clone(), self.context);
        let polls = self.budget.polls;
        let fresh = self.waiting.is_empty();
        let instance = self.instance()?;
        if fresh {
            instance.set_fuel(polls);
        }
        let mut given = Vec::with_capacity(args.len() + 1);
        if module.func(func).is_some_and(|func| func.sig.params.len() == args.len() + 1) {
            given.push(context_address(&program, instance, module, context)?);
        }
        given.extend_from_slice(args);
        let outcome = instance.start(func, &given, rets);
        Ok(self.settle(module, outcome))
    }
    fn ground(&mut self) -> Option<&mut Ground> {
        self.instance.as_mut()?.data().downcast_mut()
    }
    /// Keeps what was found out about the compilation.
    fn prepare(&mut self, sources: &Sources, layout: Option<Layout>) {
        let library = (0..sources.len()).map(|file| {
            let path = &sources.get(FileId(file as u32)).path;
            path.starts_with(library::FOLDER)
        });
        *self.symbols.library.write() = library.collect();
        if let Some(layout) = layout {
            self.symbols.pending.set_layout(layout);
        }
        // Without an instance the run itself says why.
        let _ = self.instance();
        if let Some(ground) = self.ground() {
            ground.sources = sources.clone();
        }
    }
    fn trapped(&mut self, trap: &Trap) -> ComptimeOutcome {
        let places = trap.frames().iter().filter_map(|frame| frame.place).collect();
        let exit = self.ground().and_then(|ground| ground.take_exit());
        let message = match (exit, trap.reason()) {
            (Some(code), _) => format!("the program ended itself, with code {code}"),
            (None, TrapReason::Kind(sx_ir::TrapKind::OutOfFuel)) => {
                "the compile-time budget is used up: is there an endless loop?".to_owned()
            }
            (None, TrapReason::NoCode(_)) => {
                "C called back, and what it called leads to a function that isn't compiled yet".to_owned()
            }
            _ => trap.message().to_owned(),
        };
        ComptimeOutcome::Trap(message, places)
    }
}

/// The address of the context.
fn context_address(
    program: &Program,
    instance: &mut Instance,
    module: &Module,
    context: Option<GlobalId>,
) -> Result<u64, String> {
    let Some(global) = context else { return Ok(0) };
    program.add_global(module, global)?;
    instance.grow()?;
    Ok(instance.global(global).map_or(0, |address| address as u64))
}

/// A runner that the compiler and its driver share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Runner>>);

impl Shared {
    pub fn new(runner: Runner) -> Shared {
        Shared(Arc::new(Mutex::new(runner)))
    }
    /// True once something was run.
    pub fn has_run(&self) -> bool {
        self.0.lock().instance.is_some()
    }
    /// Sends what was printed on its way; the code with which that failed, now or earlier, or 0.
    pub fn flush(&self, layout: Layout) -> i32 {
        let mut runner = self.0.lock();
        if runner.instance.is_none() {
            return 0;
        }
        let pending = runner.symbols.pending.clone();
        pending.set_layout(layout);
        if runner.find_writer().is_err() || !pending.is_placed() {
            // Without an address nothing has printed.
            return 0;
        }
        let Some(ground) = runner.ground() else { return 0 };
        if pending.waits() {
            pending.send_through(ground);
        }
        ground.lost_output().unwrap_or_else(|| pending.error())
    }
    /// How many files there were when the compilation was looked at last.
    fn known_files(&self) -> usize {
        self.0.lock().symbols.library.read().len()
    }
}

impl Comptime for Shared {
    fn prepare(&mut self, sema: &mut Sema) {
        if self.known_files() != sema.sources.len() {
            // A library that this host can't serve is an error at the end of the compilation.
            let layout = output::layout(sema).unwrap_or(None);
            self.0.lock().prepare(&sema.sources, layout);
        }
    }
    fn start(&mut self, module: &Module, func: FuncId, args: &[u64], rets: usize) -> ComptimeOutcome {
        self.0.lock().start(module, func, args, rets)
    }
    fn resume(&mut self, module: &Module) -> ComptimeOutcome {
        self.0.lock().resume(module)
    }
    fn replace(&mut self, module: &Module, funcs: &[FuncId]) {
        let mut runner = self.0.lock();
        for &func in funcs {
            // What can't be compiled keeps its code, and is told when the program is built.
            let _ = runner.program.replace(module, func);
            runner.callbacks.replaced(func);
        }
    }
    fn abandon(&mut self) {
        self.0.lock().abandon();
    }
    fn waiting_args(&mut self, slots: usize) -> Vec<u64> {
        self.0.lock().waiting_args(slots)
    }
    fn answer(&mut self, module: &Module, answer: Result<Vec<u64>, String>) -> ComptimeOutcome {
        self.0.lock().answer(module, answer)
    }
    fn keep(&mut self, bytes: &[u8]) -> u64 {
        self.0.lock().keep(bytes)
    }
    fn places(&mut self, module: &Module) -> Vec<(u64, u64, Held)> {
        let mut runner = self.0.lock();
        let Some(instance) = &mut runner.instance else { return Vec::new() };
        let globals = instance.globals().into_iter();
        let globals = globals.map(|(id, at, size)| (at as u64, size as u64, Held::Global(id)));
        let datas = instance.datas().into_iter();
        let datas =
            datas.map(|(id, at)| (at as u64, module.datas[id.index()].bytes.len() as u64, Held::Data(id)));
        globals.chain(datas).collect()
    }
    fn function(&self, value: u64) -> Option<FuncId> {
        self.0.lock().instance.as_mut()?.function_of_value(value)
    }
    fn read(&self, addr: u64, len: usize) -> Option<Vec<u8>> {
        super::memory::read(addr, len)
    }
}

impl Runner {
    fn start(&mut self, module: &Module, func: FuncId, args: &[u64], rets: usize) -> ComptimeOutcome {
        self.try_start(module, func, args, rets)
            .unwrap_or_else(|message| ComptimeOutcome::Trap(message, Vec::new()))
    }
    fn abandon(&mut self) {
        if let (Some(Waiting::Call(_, suspended)), Some(instance)) = (self.waiting.pop(), &mut self.instance)
        {
            instance.abandon(suspended);
        }
    }
    fn waiting_args(&mut self, slots: usize) -> Vec<u64> {
        match (self.waiting.last(), &mut self.instance) {
            (Some(Waiting::Call(_, suspended)), Some(instance)) => instance.waiting_args(suspended, slots),
            _ => Vec::new(),
        }
    }
    fn answer(&mut self, module: &Module, answer: Result<Vec<u64>, String>) -> ComptimeOutcome {
        let (Some(Waiting::Call(_, suspended)), Some(instance)) = (self.waiting.pop(), &mut self.instance)
        else {
            return ComptimeOutcome::Trap("nothing waits for an answer".into(), Vec::new());
        };
        match answer {
            Ok(results) => {
                let outcome = instance.answer(suspended, &results);
                self.settle(module, outcome)
            }
            Err(message) => {
                let trap = instance.refuse(suspended, message);
                self.trapped(&trap)
            }
        }
    }
    fn keep(&mut self, bytes: &[u8]) -> u64 {
        if let Some(known) = self.kept.get(bytes) {
            return known.as_ptr() as u64;
        }
        let kept: Arc<[u8]> = bytes.into();
        let address = kept.as_ptr() as u64;
        self.kept.insert(kept);
        address
    }
    fn resume(&mut self, module: &Module) -> ComptimeOutcome {
        let (func, suspended) = match self.waiting.pop() {
            Some(Waiting::Call(func, suspended)) => (func, suspended),
            Some(Waiting::Begin(func, args, rets)) => return self.start(module, func, &args, rets),
            None => return ComptimeOutcome::Trap("nothing waits to go on".into(), Vec::new()),
        };
        if module.func(func).is_none() {
            // Nobody can serve it; without this the two sides would ask each other forever.
            if let Some(instance) = &mut self.instance {
                instance.abandon(suspended);
            }
            return ComptimeOutcome::Trap(format!("function {func} has no body"), Vec::new());
        }
        self.settle(module, Outcome::Need(func, suspended))
    }
}
