//! Programs of which all, some or no functions are compiled, in instances of their own.

use super::{Ended, ended};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sx_ir::*;
use sx_jit::Tier;
use sx_jit::tier::Options;
use sx_vm::*;

pub type Host = Arc<dyn HostFn>;

/// A function of the host.
pub fn host(
    f: impl Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), Trap> + Send + Sync + 'static,
) -> ExternTarget {
    ExternTarget::Host(Arc::new(f))
}

/// Which functions are compiled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Compile {
    Everything,
    Nothing,
    /// These, and nothing that they call.
    Only(Vec<FuncId>),
}

/// How a machine is made.
#[derive(Clone)]
pub struct Setup {
    pub compile: Compile,
    /// What is interpreted goes on as machine code at the end of every loop's body.
    pub loops: bool,
    pub options: Options,
    pub limits: Limits,
    pub signals: bool,
    pub symbols: Vec<(&'static str, ExternTarget)>,
    pub natives: Arc<dyn NativeInterface>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            compile: Compile::Everything,
            loops: false,
            options: Options::default(),
            limits: Limits::default(),
            signals: true,
            symbols: Vec::new(),
            natives: Arc::new(NoExterns),
        }
    }
}

impl Setup {
    pub fn interpreted() -> Setup {
        Setup { compile: Compile::Nothing, ..Setup::default() }
    }
    /// So many polls may be done, and are counted.
    pub fn with_fuel(mut self, polls: u64) -> Setup {
        self.options.fuel = true;
        self.limits.fuel = Some(polls);
        self
    }
}

/// What symbols name; the operations on fibers go without saying.
struct Symbols(Vec<(&'static str, ExternTarget)>);

impl ExternResolver for Symbols {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        if let Some(op) = FiberOp::from_symbol(&ext.symbol) {
            return Ok(ExternTarget::Fiber(op));
        }
        let found = self.0.iter().find(|(name, _)| *name == ext.symbol);
        found.map(|(_, target)| target.clone()).ok_or_else(|| format!("nobody knows `{}`", ext.symbol))
    }
}

/// A program with a tier, and an instance of it.
pub struct Machine {
    module: Arc<Mutex<Module>>,
    pub program: Arc<Program>,
    pub tier: Tier,
    pub instance: Instance,
}

impl Machine {
    /// Everything is compiled.
    pub fn new(module: Module) -> Machine {
        Machine::with(module, Setup::default())
    }
    pub fn with(module: Module, setup: Setup) -> Machine {
        for func in module.funcs.iter().flatten() {
            verify(func, &module).expect("well-formed");
        }
        let program = Program::new();
        program.compile_all(&module).expect("bytecode");
        let program = Arc::new(program);
        let module = Arc::new(Mutex::new(module));
        let source = module.clone();
        let source = Box::new(move || lock(&source).clone());
        let tier = Tier::new(&program, source, setup.options.clone()).expect("a tier for this machine");
        match &setup.compile {
            Compile::Everything => tier.compile_all(),
            Compile::Only(functions) => tier.compile_only(functions),
            Compile::Nothing => {}
        }
        if setup.loops {
            tier.compile_all_loops();
            program.ask_always();
        }
        let stats = tier.stats();
        let want = match &setup.compile {
            Compile::Everything => lock(&module).funcs.iter().flatten().count(),
            Compile::Only(functions) => functions.len(),
            Compile::Nothing => 0,
        };
        assert_eq!((&stats.refused, &stats.stopped), (&Vec::new(), &None));
        assert_eq!(stats.compiled, want, "all of it has machine code");
        assert!(stats.loops == 0 || setup.loops);
        let config = Config {
            limits: setup.limits,
            resolver: Arc::new(Symbols(setup.symbols)),
            natives: setup.natives,
            signals: setup.signals,
        };
        let instance = Instance::new(program.clone(), config).expect("an instance");
        Machine { module, program, tier, instance }
    }
    /// The functions that there are.
    pub fn module(&self) -> MutexGuard<'_, Module> {
        lock(&self.module)
    }
    /// Another body of a function, which is interpreted at first.
    pub fn replace(&mut self, id: FuncId, body: Func) {
        let mut module = lock(&self.module);
        module.replace_func(id, body);
        self.program.replace(&module, id).expect("bytecode");
        drop(module);
        self.instance.grow().expect("there is memory");
    }
    /// Calls with a null context, for results as they are.
    pub fn run(&mut self, func: FuncId, args: &[u64]) -> Result<Vec<u64>, Trap> {
        let rets = self.program.signature(func).expect("a function").rets.len();
        let mut out = vec![0; rets];
        self.instance.call(func, &[&[0], args].concat(), &mut out).map(|()| out)
    }
    /// Calls with a null context.
    pub fn call(&mut self, func: FuncId, args: &[u64]) -> Ended {
        let rets = self.program.signature(func).expect("a function").rets;
        ended(self.run(func, args), &rets)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both executors over one module.
pub struct Pair {
    pub machine: Machine,
    pub interpreter: Machine,
}

impl Pair {
    pub fn new(module: Module) -> Pair {
        Pair::with(module, Setup::default())
    }
    /// As the setup says, and interpreted.
    pub fn with(module: Module, setup: Setup) -> Pair {
        let interpreted = Setup { compile: Compile::Nothing, loops: false, ..setup.clone() };
        let interpreter = Machine::with(module.clone(), interpreted);
        Pair { machine: Machine::with(module, setup), interpreter }
    }
    pub fn of(func: Func) -> Pair {
        Pair::new(super::module(vec![func]))
    }
    /// Calls function 0 both ways; they must agree.
    #[track_caller]
    pub fn same(&mut self, args: &[u64], what: &dyn std::fmt::Display) -> Ended {
        let (want, got) = (self.interpreter.call(FuncId(0), args), self.machine.call(FuncId(0), args));
        assert_eq!(got, want, "{what} {args:x?}: compiled on the left");
        got
    }
}

/// Every way to compile some of the first `count` functions.
pub fn subsets(count: usize) -> impl Iterator<Item = Compile> {
    (0..1u32 << count).map(move |bits| {
        Compile::Only((0..count as u32).filter(|id| bits >> id & 1 == 1).map(FuncId).collect())
    })
}

/// Name, place, and whether it is the host's, of each frame.
pub type Frames = Vec<(String, Option<(u32, u32)>, bool)>;

pub fn frames(trap: &Trap) -> Frames {
    trap.frames().iter().map(|frame| (frame.func.clone(), frame.place, frame.host)).collect()
}

/// How a call ended: its results, or the reason, the message and the call stack of its trap.
pub fn told(result: Result<Vec<u64>, Trap>) -> Result<Vec<u64>, (TrapReason, String, Frames)> {
    result.map_err(|trap| (trap.reason(), trap.message().to_owned(), frames(&trap)))
}

/// Runs on a thread with so little stack.
pub fn on_small_stack<R: Send>(bytes: usize, body: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(bytes).spawn_scoped(scope, body);
        thread.expect("a thread").join().expect("it doesn't panic")
    })
}
