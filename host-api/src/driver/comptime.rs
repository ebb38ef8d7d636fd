//! Running functions at compile time: the same interpreter, over code that is compiled when it is first called.

use super::floor::{Ground, Output};
use super::natives::{Natives, Symbols};
use super::output::{Layout, Pending};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use sx_ir::{FuncId, GlobalId, Module};
use sx_sema::{Comptime, ComptimeOutcome};
use sx_vm::{Config, Instance, Limits, Outcome, Program, Suspended, Trap};

/// What compile-time code may use.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// Loop iterations and calls of one run.
    pub polls: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { polls: 200_000_000, memory_bytes: 1 << 30 }
    }
}

/// The compile-time side of one compilation.
pub(crate) struct Runner {
    program: Arc<Program>,
    /// Made when something is run first.
    instance: Option<Instance>,
    symbols: Arc<Symbols>,
    budget: Budget,
    /// Runs that wait for a function, the newest last.
    waiting: Vec<(FuncId, Suspended)>,
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
        let program = Arc::new(Program::new());
        Runner {
            program,
            instance: None,
            symbols,
            budget,
            waiting: Vec::new(),
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
            let config = Config { limits, resolver: self.symbols.clone(), natives: Arc::new(Natives) };
            let mut instance = Instance::new(self.program.clone(), config)?;
            *instance.data() = Box::new(Ground::new(Vec::new(), self.output.take()));
            self.instance = Some(instance);
        }
        self.instance.as_mut().ok_or_else(|| "no instance".into())
    }
    /// Serves what the module can serve; the rest is the compiler's.
    fn settle(&mut self, module: &Module, mut outcome: Outcome) -> ComptimeOutcome {
        loop {
            match outcome {
                Outcome::Done(results) => return ComptimeOutcome::Done(results),
                Outcome::Trap(trap) => return trapped(&trap),
                Outcome::Need(func, suspended) => {
                    if module.func(func).is_none() {
                        self.waiting.push((func, suspended));
                        return ComptimeOutcome::Need(func);
                    }
                    outcome = match self.go_on(module, func, suspended) {
                        Ok(outcome) => outcome,
                        Err(message) => return ComptimeOutcome::Trap(message, Vec::new()),
                    };
                }
            }
        }
    }
    fn go_on(&mut self, module: &Module, func: FuncId, suspended: Suspended) -> Result<Outcome, String> {
        let compiled = self.program.compile(module, func);
        let instance = self.instance()?;
        match compiled {
            Ok(()) => Ok(instance.resume(suspended)),
            Err(error) => {
                instance.abandon(suspended);
                Err(error.to_string())
            }
        }
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
        self.program.compile(module, func).map_err(|error| error.to_string())?;
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

fn trapped(trap: &Trap) -> ComptimeOutcome {
    let places = trap.frames().iter().filter_map(|frame| frame.place).collect();
    let message = match trap.reason() {
        sx_vm::TrapReason::Kind(sx_ir::TrapKind::OutOfFuel) => {
            "the compile-time budget is used up: is there an endless loop?".to_owned()
        }
        _ => trap.message().to_owned(),
    };
    ComptimeOutcome::Trap(message, places)
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
        let Some(instance) = &mut runner.instance else { return 0 };
        // Without an address nothing has printed.
        let Some(address) = instance.global(layout.writer) else { return 0 };
        let pending = Pending::new(Some(layout));
        pending.set_address(address as usize);
        let Some(ground) = instance.data().downcast_mut::<Ground>() else { return 0 };
        if pending.waits() {
            pending.send_through(ground);
        }
        ground.lost_output.unwrap_or_else(|| pending.error())
    }
}

impl Comptime for Shared {
    fn start(&mut self, module: &Module, func: FuncId, args: &[u64], rets: usize) -> ComptimeOutcome {
        self.0.lock().start(module, func, args, rets)
    }
    fn resume(&mut self, module: &Module) -> ComptimeOutcome {
        self.0.lock().resume(module)
    }
    fn replace(&mut self, module: &Module, funcs: &[FuncId]) {
        let program = self.0.lock().program.clone();
        // What can't be compiled keeps its code, and is told when the program is built.
        funcs.iter().for_each(|&func| _ = program.replace(module, func));
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
        if let (Some((_, suspended)), Some(instance)) = (self.waiting.pop(), &mut self.instance) {
            instance.abandon(suspended);
        }
    }
    fn waiting_args(&mut self, slots: usize) -> Vec<u64> {
        match (self.waiting.last(), &mut self.instance) {
            (Some((_, suspended)), Some(instance)) => instance.waiting_args(suspended, slots),
            _ => Vec::new(),
        }
    }
    fn answer(&mut self, module: &Module, answer: Result<Vec<u64>, String>) -> ComptimeOutcome {
        let (Some((_, suspended)), Some(instance)) = (self.waiting.pop(), &mut self.instance) else {
            return ComptimeOutcome::Trap("nothing waits for an answer".into(), Vec::new());
        };
        match answer {
            Ok(results) => {
                let outcome = instance.answer(suspended, &results);
                self.settle(module, outcome)
            }
            Err(message) => trapped(&instance.refuse(suspended, message)),
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
        let Some((func, suspended)) = self.waiting.pop() else {
            return ComptimeOutcome::Trap("nothing waits to go on".into(), Vec::new());
        };
        let outcome = self.settle(module, Outcome::Need(func, suspended));
        match outcome {
            ComptimeOutcome::Need(again) if again == func => {
                // Nobody can serve it; without this the two sides would ask each other forever.
                self.waiting.pop();
                ComptimeOutcome::Trap(format!("function {func} has no body"), Vec::new())
            }
            outcome => outcome,
        }
    }
}
