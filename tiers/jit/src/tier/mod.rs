//! Which functions of a program are compiled when, and by whom.
//!
//! | module | what |
//! |---|---|
//! | [`link`] | what functions are linked with |
//! | [`run`] | code in its place, as the virtual machine asks about it |
//! | [`batch`] | choosing functions, compiling them, handing them in |
//! | [`watcher`] | the thread in the background |
//!
//! Nothing is counted where code runs. The watcher asks the executions now and then what they do, by the request that polls and
//! calls look for anyway; what is seen interpreted is compiled, the most often seen first, together with what it calls. So a
//! function is compiled when it has taken about as much time as one question takes to come round, and a program that is over
//! before the first question is never bothered.

mod batch;
mod link;
mod run;
mod watcher;

use crate::abi::Config;
use crate::compile::{Compiler, Unsupported};
use crate::memory::CodeSpace;
use batch::Work;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use sx_ir::{FuncId, Module};
use sx_vm::Program;

/// How a tier works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The most memory for code, in bytes.
    pub code_bytes: usize,
    /// How long the watcher waits before it asks for the first time, and between questions while there are answers.
    pub interval: Duration,
    /// The code answers requests: deadlines, cancellation.
    pub polls: bool,
    /// The code counts work, for instances that do.
    pub fuel: bool,
}

impl Default for Options {
    /// 64 MiB of code, a question every millisecond, polls that count nothing.
    fn default() -> Options {
        Options { code_bytes: 64 << 20, interval: Duration::from_millis(1), polls: true, fuel: false }
    }
}

/// What a tier has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Functions that have machine code.
    pub compiled: usize,
    /// Loops at which an interpreted function can go on as machine code.
    pub loops: usize,
    /// Functions that stay interpreted, with the reason.
    pub refused: Vec<(String, String)>,
    /// Batches that were handed in.
    pub batches: usize,
    /// Bytes of code, in whole pages.
    pub code_bytes: usize,
    /// How many instructions Cranelift was given.
    pub instructions: usize,
    /// Time spent compiling.
    pub time: Duration,
    /// Why nothing more is compiled, if so.
    pub stopped: Option<String>,
}

/// The functions that there are: called when the program has more than were known.
pub type Source = Box<dyn Fn() -> Module + Send + Sync>;

/// Machine code for a program.
pub struct Tier {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    options: Options,
    source: Source,
    work: Mutex<Work>,
}

impl Tier {
    /// A tier for a program, in which nothing is compiled yet. `source` gives the functions that the program's bytecode was
    /// made of.
    ///
    /// # Errors
    /// [`Unsupported::Machine`] where no code can be made or entered.
    pub fn new(program: &Arc<Program>, source: Source, options: Options) -> Result<Tier, Unsupported> {
        let nowhere = || Unsupported::Machine("code can't be entered on this system".into());
        let config = Config::of_this_process().ok_or_else(nowhere)?;
        let config = Config { fuel: options.fuel, polls: options.polls, ..config };
        let compiler = Compiler::new(config)?;
        if !program.enable_machine_code() {
            return Err(Unsupported::Machine("the system allows no memory to become executable".into()));
        }
        let space = CodeSpace::new(options.code_bytes);
        let work = Mutex::new(Work::new(Arc::downgrade(program), compiler, space));
        Ok(Tier { shared: Arc::new(Shared { options, source, work }) })
    }
    /// Compiles every function that has bytecode and no machine code, on the calling thread.
    pub fn compile_all(&self) {
        self.shared.work.lock().compile_all(&self.shared);
    }
    /// Compiles the ways into all loops, on the calling thread: what is interpreted goes on as machine code at the end of a
    /// loop's body. For tests, with [`Program::ask_always`].
    pub fn compile_all_loops(&self) {
        self.shared.work.lock().compile_all_loops(&self.shared);
    }
    /// Compiles some functions, and what they call.
    pub fn compile(&self, functions: &[FuncId]) {
        self.shared.work.lock().compile(&self.shared, functions);
    }
    /// Compiles some functions, and nothing that they call.
    pub fn compile_only(&self, functions: &[FuncId]) {
        self.shared.work.lock().compile_only(&self.shared, functions);
    }
    /// Asks once, for hosts that have no watcher: compiles what the answers since the last time say. True if that was something.
    pub fn tick(&self) -> bool {
        self.shared.tick().compiled
    }
    /// Starts the thread in the background. It ends with the program.
    ///
    /// # Errors
    /// When the system gives no thread; the program goes on without.
    pub fn watch(&self) -> std::io::Result<()> {
        watcher::start(&self.shared)
    }
    /// What was done so far.
    pub fn stats(&self) -> Stats {
        self.shared.work.lock().stats()
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tier").field("options", &self.shared.options).finish_non_exhaustive()
    }
}
