//! Instances: a program's globals, stack and entry cells, and the calls that run in them.

use crate::bytecode::Word;
use crate::env::{self, ActiveCall, Ended, Environment, Layout};
use crate::fault;
use crate::fibers;
use crate::host::{ExternResolver, NativeInterface};
use crate::interp::state::{Core, Record, State, halt, returning};
use crate::limits::{InterruptHandle, Limits, Meter};
use crate::objects::Place;
use crate::program::Program;
use crate::stack::Stack;
use crate::threads::FIRST;
use crate::trap::{FrameInfo, Trap, TrapReason, Walk};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;
use sx_ir::{DataId, FuncId, GlobalId, Signature, TrapKind};

/// What an instance is made with.
pub struct Config {
    /// What it may use.
    pub limits: Limits,
    /// Where symbols come from.
    pub resolver: Arc<dyn ExternResolver>,
    /// How C functions are called and call back.
    pub natives: Arc<dyn NativeInterface>,
    /// Stray pointers of the program end its call with `invalid memory`: installs a handler of SIGSEGV and SIGBUS, once per
    /// process, which passes on what isn't a program's. Without it, and where [`crate::fault::supported`] is false, they end
    /// the process.
    pub signals: bool,
}

impl Default for Config {
    /// Default limits, no symbols, stray pointers caught.
    fn default() -> Config {
        Config {
            limits: Limits::default(),
            resolver: Arc::new(crate::host::NoExterns),
            natives: Arc::new(crate::host::NoExterns),
            signals: true,
        }
    }
}

/// A running program: globals, a stack, entry cells. `Send`; one thread at a time uses it, through `&mut`. The program may
/// start further threads, which end with the call that they were started in.
pub struct Instance {
    core: Arc<Core>,
    /// Calls that wait for code, by the names of their roots; only the last may go on.
    suspended: Vec<u64>,
    _not_sync: PhantomData<std::cell::Cell<()>>,
}

/// A function whose signature was looked at once, to be called often.
#[derive(Clone, Copy, Debug)]
pub struct PreparedCall {
    func: FuncId,
    args: u32,
    rets: u32,
}

impl PreparedCall {
    pub(crate) fn new(func: FuncId, sig: &Signature) -> PreparedCall {
        PreparedCall { func, args: sig.params.len() as u32, rets: sig.rets.len() as u32 }
    }
    /// The function.
    pub fn func(self) -> FuncId {
        self.func
    }
    /// How many result slots it has.
    pub fn rets(self) -> usize {
        self.rets as usize
    }
}

/// How a resumable call went on.
#[derive(Debug)]
pub enum Outcome {
    /// It returned these results.
    Done(Vec<u64>),
    /// It trapped.
    Trap(Trap),
    /// It waits for a function's code: compile it, then [`Instance::resume`].
    Need(FuncId, Suspended),
}

/// A call that waits for code. Calls that were suspended later must end or be dropped first.
#[derive(Debug)]
pub struct Suspended {
    func: FuncId,
    fp: *mut u64,
    rp: *mut Record,
    base: *mut u64,
    records: *mut Record,
    rets: usize,
    /// How many calls waited when it began to.
    index: usize,
    /// For a fiber's sake it waits: the instruction to repeat, and the fiber.
    fiber: Option<(*const Word, fibers::Waiting)>,
}

// SAFETY: the addresses are only used together with the instance, which is `Send`.
unsafe impl Send for Suspended {}

/// Where a resumable call is, and where it began.
struct Frames {
    fp: *mut u64,
    rp: *mut Record,
    base: *mut u64,
    records: *mut Record,
}

impl Instance {
    /// Makes an instance of what is compiled so far.
    ///
    /// # Errors
    /// A message, when there is no memory, or data of the program names a symbol that isn't found.
    pub fn new(program: Arc<Program>, config: Config) -> Result<Instance, String> {
        let stack = Stack::take(config.limits.stack_bytes).ok_or("no memory for a stack")?;
        let fuel = config.limits.fuel.map_or(0, |fuel| fuel.min(i64::MAX as u64) as i64);
        let env = Environment::new(
            program,
            config.limits,
            config.resolver,
            config.natives,
            config.signals && fault::install(),
        );
        let core = Core::new(env.clone(), stack, FIRST, fuel);
        env.threads.add(Arc::as_ptr(&core));
        let mut instance = Instance { core, suspended: Vec::new(), _not_sync: PhantomData };
        instance.grow()?;
        Ok(instance)
    }
    fn state(&self) -> *mut State {
        self.core.state.get()
    }
    fn env(&self) -> &Environment {
        // SAFETY: what executions share is only read through this.
        unsafe { &(*self.state()).env }
    }
    fn layout(&mut self) -> &Layout {
        // SAFETY: `&mut self` owns the layout.
        unsafe { self.env().layout() }
    }
    /// Takes in what was compiled since: functions, globals, data. What exists keeps its values and addresses.
    ///
    /// # Errors
    /// As for [`Instance::new`].
    pub fn grow(&mut self) -> Result<(), String> {
        // SAFETY: `&mut self` owns the state, and nothing runs.
        unsafe { env::grow(Arc::as_ptr(&self.core)) }
    }
    /// Gives every global the value that it began with, and forgets calls that wait for code. Memory that the program
    /// allocated, the host's data, limits and requests are the caller's affair.
    ///
    /// # Errors
    /// As for [`Instance::new`].
    pub fn reset(&mut self) -> Result<(), String> {
        self.grow()?;
        self.suspended.clear();
        // SAFETY: `&mut self` owns the state, and nothing runs.
        unsafe {
            fibers::kill_all(Arc::as_ptr(&self.core));
            (*self.state()).strand.reset();
            (*self.state()).own.data = 0;
            self.env().locks.reset();
            crate::objects::reset(Arc::as_ptr(&self.core))
        }
    }
    /// The program.
    pub fn program(&mut self) -> Arc<Program> {
        self.env().program.clone()
    }
    /// Checks a function's signature once.
    ///
    /// # Errors
    /// When it has no code, or this instance hasn't grown since it was compiled.
    pub fn prepare(&mut self, func: FuncId) -> Result<PreparedCall, Trap> {
        let Some(sig) = self.env().program.signature(func) else { return Err(Trap::no_code(func)) };
        if func.index() >= self.layout().cells.len() {
            return Err(Trap::bad_call(format!("function {func} isn't part of this instance")));
        }
        Ok(PreparedCall { func, args: sig.params.len() as u32, rets: sig.rets.len() as u32 })
    }
    /// Calls a function. `args` and `rets` are as long as its signature says, the context first.
    ///
    /// # Errors
    /// The trap that it ended with, or what is wrong with the call.
    ///
    /// # Panics
    /// When a host function panicked: the panic goes on here.
    pub fn call(&mut self, func: FuncId, args: &[u64], rets: &mut [u64]) -> Result<(), Trap> {
        let prepared = self.prepare(func)?;
        self.call_prepared(prepared, args, rets)
    }
    /// As [`Instance::call`], without looking anything up.
    ///
    /// # Errors
    /// As for [`Instance::call`].
    ///
    /// # Panics
    /// As for [`Instance::call`].
    #[inline]
    pub fn call_prepared(
        &mut self,
        prepared: PreparedCall,
        args: &[u64],
        rets: &mut [u64],
    ) -> Result<(), Trap> {
        if args.len() != prepared.args as usize || rets.len() != prepared.rets as usize {
            return Err(wrong_count(prepared, args.len(), rets.len()));
        }
        // SAFETY: `&mut self` owns the state, and nothing runs.
        match unsafe { env::enter(Arc::as_ptr(&self.core), prepared.func, args, rets, None) } {
            Ok(()) => Ok(()),
            Err(trap) => Err(resume_panic(trap)),
        }
    }
    /// Starts a call that can wait for code.
    ///
    /// # Panics
    /// As for [`Instance::call`].
    pub fn start(&mut self, func: FuncId, args: &[u64], rets: usize) -> Outcome {
        if let Err(message) = self.grow() {
            return Outcome::Trap(Trap::link(message));
        }
        let core = Arc::as_ptr(&self.core);
        let state = self.state();
        // SAFETY: `&mut self` owns the state, and nothing runs.
        unsafe {
            let base = (*state).strand.top;
            match env::push_entry(core, func, args, rets) {
                Err(trap) => Outcome::Trap(trap),
                Ok(code) => {
                    env::begin_root(state);
                    let records = (*state).strand.records;
                    let at = Frames { fp: base, rp: records.add(1), base, records };
                    self.go(code, at, rets)
                }
            }
        }
    }
    /// Goes on with a call after the function that it needs was compiled.
    ///
    /// # Panics
    /// As for [`Instance::call`].
    pub fn resume(&mut self, suspended: Suspended) -> Outcome {
        self.go_on(suspended, None)
    }
    /// Enters the function that was waited for, or returns from it with results.
    fn go_on(&mut self, suspended: Suspended, results: Option<&[u64]>) -> Outcome {
        if suspended.index != self.suspended.len() {
            return Outcome::Trap(Trap::bad_call("calls that were suspended later must end first"));
        }
        if let Err(message) = self.grow() {
            return Outcome::Trap(Trap::link(message));
        }
        let Some(root) = self.suspended.pop() else {
            return Outcome::Trap(Trap::bad_call("no call waits"));
        };
        let state = self.state();
        // SAFETY: `&mut self` owns the state, and nothing runs.
        unsafe { (*state).root = root };
        if let Some((again, waiting)) = suspended.fiber {
            if let Some(results) = results {
                // SAFETY: as above; a call that waits keeps its fibers.
                unsafe { waiting.answer(Ok(results.to_vec())) };
            }
            return self.repeat(&suspended, again);
        }
        let cell = &self.layout().cells[suspended.func.index()];
        let (pc, bytes) = match results {
            None => (cell.code(), cell.frame_bytes as usize),
            Some(results) => (returning(), results.len() * 8),
        };
        // SAFETY: `&mut self` owns the state, and nothing runs; the frames of the call were kept, and results lie where the
        // callee's frame begins.
        unsafe {
            (*state).strand.top = suspended.base;
            (*state).strand.records = suspended.records;
            let Suspended { fp, rp, base, records, rets, .. } = suspended;
            if fp as usize + bytes > (*state).strand.stack_limit {
                (*state).kind = TrapKind::StackOverflow;
                (*state).exit_rp = rp;
                return Outcome::Trap(env::trap_at_entry(state));
            }
            for (i, &result) in results.unwrap_or_default().iter().enumerate() {
                fp.add(i).write(result);
            }
            self.go(pc, Frames { fp, rp, base, records }, rets)
        }
    }
    /// Goes on with a call that has resumed a fiber, which has what it waited for.
    fn repeat(&mut self, suspended: &Suspended, again: *const Word) -> Outcome {
        let state = self.state();
        let &Suspended { fp, rp, base, records, rets, .. } = suspended;
        // SAFETY: `&mut self` owns the state, and nothing runs; the frames of the call were kept.
        unsafe {
            (*state).strand.top = base;
            (*state).strand.records = records;
            self.go(again, Frames { fp, rp, base, records }, rets)
        }
    }
    /// The first `count` argument slots of the function that a call waits for; no more than it was called with.
    pub fn waiting_args(&mut self, suspended: &Suspended, count: usize) -> Vec<u64> {
        // SAFETY: `&mut self` owns the state. The frames of a waiting call are kept, and its arguments lie in its caller's
        // window; the stack's limit bounds what a wrong count reads.
        unsafe {
            let (fp, limit) = match &suspended.fiber {
                Some((_, waiting)) => waiting.frame(),
                None => (suspended.fp, (*self.state()).strand.stack_limit),
            };
            let room = limit.saturating_sub(fp as usize) / 8;
            (0..count.min(room)).map(|i| fp.add(i).read()).collect()
        }
    }
    /// Goes on with a call as if the function that it waits for had returned these results, as many as its signature has.
    ///
    /// # Panics
    /// As for [`Instance::call`].
    pub fn answer(&mut self, suspended: Suspended, results: &[u64]) -> Outcome {
        self.go_on(suspended, Some(results))
    }
    /// Ends a call with a trap at the place where it waits, and all that were suspended later.
    pub fn refuse(&mut self, suspended: Suspended, message: impl Into<String>) -> Trap {
        let state = self.state();
        let rp = suspended.rp;
        let known = suspended.index <= self.suspended.len();
        if known && let Some((again, waiting)) = suspended.fiber {
            return self.refuse_fiber(&suspended, again, waiting, message.into());
        }
        let trap = Trap::host(message);
        // SAFETY: `&mut self` owns the state, and nothing runs; the frames of the call were kept.
        let trap = unsafe {
            if known {
                let walk = Walk::new(state, halt(), suspended.fp, rp);
                trap.locate(&self.env().program.clone(), walk)
            } else {
                trap
            }
        };
        self.abandon(suspended);
        trap
    }
    /// Ends a call with a trap where one of its fibers waits: the fiber raises it.
    fn refuse_fiber(
        &mut self,
        suspended: &Suspended,
        again: *const Word,
        waiting: fibers::Waiting,
        message: String,
    ) -> Trap {
        self.forget(suspended.index);
        let Some(root) = self.suspended.pop() else { return Trap::bad_call("no call waits") };
        // SAFETY: `&mut self` owns the state, and nothing runs; a call that waits keeps its fibers.
        unsafe {
            (*self.state()).root = root;
            waiting.answer(Err(message.clone()));
        }
        match self.repeat(suspended, again) {
            Outcome::Trap(trap) => trap,
            // Nothing runs between the fiber and the call, so this can't be.
            Outcome::Done(_) | Outcome::Need(..) => Trap::host(message),
        }
    }
    /// Forgets a call that waits for code, and all that were suspended later. Fibers that they made, or that wait below them,
    /// end.
    pub fn abandon(&mut self, suspended: Suspended) {
        if suspended.index <= self.suspended.len() {
            self.forget(suspended.index - 1);
            // SAFETY: `&mut self` owns the state, and nothing runs.
            unsafe {
                (*self.state()).strand.top = suspended.base;
                (*self.state()).strand.records = suspended.records;
            }
        }
    }
    /// Forgets calls that wait until there are `count`, the last first.
    fn forget(&mut self, count: usize) {
        while self.suspended.len() > count
            && let Some(root) = self.suspended.pop()
        {
            // SAFETY: `&mut self` owns the state, and nothing runs.
            unsafe { fibers::kill_root(Arc::as_ptr(&self.core), root) };
        }
    }
    unsafe fn go(&mut self, pc: *const Word, at: Frames, rets: usize) -> Outcome {
        let core = Arc::as_ptr(&self.core);
        let state = self.state();
        let Frames { fp, rp, base, records } = at;
        // SAFETY: the caller's promise.
        unsafe {
            let call = ActiveCall::new(&raw const (*state).strand, None);
            (*state).strand.active = &raw const call;
            (*state).waits = true;
            let ended = env::run_owned(core, pc, fp, rp);
            (*state).waits = false;
            (*state).strand.active = call.outer;
            (*state).strand.top = base;
            (*state).strand.records = records;
            let (func, fiber) = match ended {
                Ended::Trap(trap) => {
                    fibers::kill_root(core, (*state).root);
                    return Outcome::Trap(resume_panic(trap));
                }
                Ended::Done => return Outcome::Done((0..rets).map(|i| base.add(i).read()).collect()),
                Ended::Need(func) => (func, None),
                Ended::Awaits(func) => (func, fibers::waiting(state).map(|fiber| ((*state).exit_pc, fiber))),
            };
            let (fp, rp) = ((*state).exit_fp, (*state).exit_rp);
            (*state).strand.top = match fiber {
                None => env::end_of_caller(state),
                Some((pc, _)) => env::end_of_frame(state, pc, fp),
            };
            (*state).strand.records = rp;
            self.suspended.push((*state).root);
            let index = self.suspended.len();
            Outcome::Need(func, Suspended { func, fp, rp, base, records, rets, index, fiber })
        }
    }
    /// What stops this instance's calls from other threads.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle { threads: self.env().threads.clone() }
    }
    /// Calls trap with `interrupted: deadline` from this moment on; none removes the deadline.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.env().threads.set_deadline(deadline);
    }
    /// Renews the fuel, in polls. Without effect unless [`Limits::fuel`] was given.
    pub fn set_fuel(&mut self, polls: u64) {
        // SAFETY: `&mut self` owns the state, and nothing runs.
        unsafe { (*self.state()).fuel = polls.min(i64::MAX as u64) as i64 };
    }
    /// The fuel that is left.
    pub fn fuel(&mut self) -> u64 {
        // SAFETY: as above.
        unsafe { (*self.state()).fuel.max(0) as u64 }
    }
    /// The host's data, which host functions reach through [`crate::Caller::data`].
    pub fn data(&mut self) -> &mut Box<dyn Any + Send + Sync> {
        // SAFETY: `&mut self` owns the data, and nothing runs.
        unsafe { &mut *self.env().user.get() }
    }
    /// The memory meter.
    pub fn meter(&self) -> &Meter {
        &self.env().meter
    }
    /// The address of a global; none when no code names it and it wasn't added.
    pub fn global(&mut self, id: GlobalId) -> Option<*mut u8> {
        let object = self.env().program.global_object(id)?;
        self.layout().objects.get(object as usize).copied()
    }
    /// Where the globals are that this instance has, and how large they are.
    pub fn globals(&mut self) -> Vec<(GlobalId, *const u8, usize)> {
        let globals = self.env().program.known_globals();
        let objects = &self.layout().objects;
        let place = |(id, object, size): (GlobalId, u32, usize)| {
            Some((id, objects.get(object as usize)?.cast_const(), size))
        };
        globals.into_iter().filter_map(place).collect()
    }
    /// Where the data is that its program has laid out. How large it is the module knows.
    pub fn datas(&mut self) -> Vec<(DataId, *const u8)> {
        let datas = self.env().program.known_datas();
        let objects = &self.layout().objects;
        let place = |(id, place): (DataId, Place)| match place {
            Place::Shared(address) => Some((id, address as *const u8)),
            Place::Object(object) => Some((id, objects.get(object as usize)?.cast_const())),
        };
        datas.into_iter().filter_map(place).collect()
    }
    /// The function that a function value is; none for null and numbers that aren't functions of this instance.
    pub fn function_of_value(&mut self, value: u64) -> Option<FuncId> {
        let index = value.checked_sub(1)?;
        ((index as usize) < self.layout().cells.len()).then_some(FuncId(index as u32))
    }
    /// Where the last unhandled error was raised and passed through, the raise first, and how many places were left out.
    pub fn error_trace(&mut self) -> (Vec<FrameInfo>, usize) {
        // SAFETY: `&mut self` owns the state, and nothing runs.
        unsafe { env::error_trace(self.state()) }
    }
}

#[cold]
fn wrong_count(prepared: PreparedCall, args: usize, rets: usize) -> Trap {
    Trap::bad_call(format!(
        "function {} takes {} arguments and gives {} results; called with {args} and {rets}",
        prepared.func, prepared.args, prepared.rets
    ))
}

#[cold]
fn resume_panic(trap: Trap) -> Trap {
    if trap.reason() == TrapReason::Panic
        && let Some(payload) = trap.take_panic()
    {
        std::panic::resume_unwind(payload);
    }
    trap
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: `&mut self` owns the state, and nothing runs.
        unsafe { fibers::close(Arc::as_ptr(&self.core)) };
        self.env().threads.remove(Arc::as_ptr(&self.core));
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Instance")
    }
}

const _: () = {
    const fn send<T: Send>() {}
    const fn shared<T: Send + Sync>() {}
    send::<Instance>();
    shared::<Program>();
    shared::<InterruptHandle>();
    shared::<Trap>();
};
