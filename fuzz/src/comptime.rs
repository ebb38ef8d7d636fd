//! Running functions at compile time: the interpreter with little fuel and a floor that reaches nothing outside.
//!
//! Blocks are never given back, so that a program that uses one after freeing it finds memory there.

use std::sync::{Arc, Mutex, MutexGuard};
use sx_ir::{CSignature, CStruct, Extern, FuncId, GlobalId, Module, TrapKind};
use sx_sema::{Comptime, ComptimeOutcome, Held};
use sx_vm::{Caller, Config, ExternResolver, ExternTarget, Instance, Limits, NoExterns, Outcome, Program};
use sx_vm::{Suspended, Trap};

/// Loop iterations and calls of all runs of one compilation together.
const POLLS: u64 = 50_000;
/// Bytes that a compilation may allocate.
const MEMORY: usize = 1 << 20;

/// Runs functions for one compilation.
pub struct Runner {
    program: Arc<Program>,
    instance: Option<Instance>,
    context: GlobalId,
    /// Nothing is run.
    refuse: bool,
    waiting: Vec<(FuncId, Suspended)>,
    kept: Vec<Box<[u8]>>,
}

impl Runner {
    /// With the global that holds the context; `refuse` makes every run a trap.
    pub fn new(context: GlobalId, refuse: bool) -> Runner {
        Runner { program: Arc::new(Program::new()), instance: None, context, refuse, waiting: Vec::new(), kept: Vec::new() }
    }
    fn instance(&mut self) -> Result<&mut Instance, String> {
        if self.instance.is_none() {
            let limits = Limits { fuel: Some(POLLS), ..Limits::default() };
            let config = Config { limits, resolver: Arc::new(Floor), natives: Arc::new(NoExterns), signals: true };
            let mut instance = Instance::new(self.program.clone(), config)?;
            *instance.data() = Box::new(Mutex::new(Blocks::default()));
            self.instance = Some(instance);
        }
        self.instance.as_mut().ok_or_else(|| "no instance".into())
    }
    fn settle(&mut self, module: &Module, mut outcome: Outcome) -> Result<ComptimeOutcome, String> {
        loop {
            match outcome {
                Outcome::Done(results) => return Ok(ComptimeOutcome::Done(results)),
                Outcome::Trap(trap) => return Err(trap.message().to_owned()),
                Outcome::Need(func, suspended) => {
                    if module.func(func).is_none() {
                        self.waiting.push((func, suspended));
                        return Ok(ComptimeOutcome::Need(func));
                    }
                    let compiled = self.program.compile(module, func);
                    let instance = self.instance()?;
                    match compiled {
                        Ok(()) => outcome = instance.resume(suspended),
                        Err(error) => {
                            instance.abandon(suspended);
                            return Err(error.to_string());
                        }
                    }
                }
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
        if self.refuse {
            return Err("nothing is run here".into());
        }
        self.program.compile(module, func).map_err(|error| error.to_string())?;
        let (program, context) = (self.program.clone(), self.context);
        let instance = self.instance()?;
        let mut given = Vec::with_capacity(args.len() + 1);
        if module.func(func).is_some_and(|func| func.sig.params.len() == args.len() + 1) {
            program.add_global(module, context)?;
            instance.grow()?;
            given.push(instance.global(context).map_or(0, |address| address as u64));
        }
        given.extend_from_slice(args);
        let outcome = instance.start(func, &given, rets);
        self.settle(module, outcome)
    }
}

fn or_trap(outcome: Result<ComptimeOutcome, String>) -> ComptimeOutcome {
    outcome.unwrap_or_else(|message| ComptimeOutcome::Trap(message, Vec::new()))
}

impl Comptime for Runner {
    fn start(&mut self, module: &Module, func: FuncId, args: &[u64], rets: usize) -> ComptimeOutcome {
        or_trap(self.try_start(module, func, args, rets))
    }
    fn resume(&mut self, module: &Module) -> ComptimeOutcome {
        let Some((func, suspended)) = self.waiting.pop() else {
            return ComptimeOutcome::Trap("nothing waits to go on".into(), Vec::new());
        };
        match or_trap(self.settle(module, Outcome::Need(func, suspended))) {
            ComptimeOutcome::Need(again) if again == func => {
                self.waiting.pop();
                ComptimeOutcome::Trap(format!("function {func} has no body"), Vec::new())
            }
            outcome => outcome,
        }
    }
    fn replace(&mut self, module: &Module, funcs: &[FuncId]) {
        funcs.iter().for_each(|&func| _ = self.program.replace(module, func));
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
                or_trap(self.settle(module, outcome))
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
    fn places(&mut self, _: &Module) -> Vec<(u64, u64, Held)> {
        Vec::new()
    }
    fn function(&self, _: u64) -> Option<FuncId> {
        None
    }
    fn read(&self, addr: u64, len: usize) -> Option<Vec<u8>> {
        if len > MEMORY {
            return None;
        }
        let mut bytes = vec![0u8; len];
        let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: len };
        let remote = libc::iovec { iov_base: addr as usize as *mut libc::c_void, iov_len: len };
        // SAFETY: the local place has room for as many bytes; the system checks the other one.
        let n = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
        (n == len as isize).then_some(bytes)
    }
}

/// What a compilation has allocated.
#[derive(Default)]
struct Blocks {
    blocks: Vec<Box<[u128]>>,
    used: usize,
}

impl Blocks {
    fn allocate(&mut self, bytes: u64) -> u64 {
        let Ok(bytes) = usize::try_from(bytes) else { return 0 };
        if bytes > MEMORY - self.used {
            return 0;
        }
        let mut block = vec![0u128; bytes.div_ceil(16).max(1)].into_boxed_slice();
        self.used += bytes;
        let address = block.as_mut_ptr() as u64;
        self.blocks.push(block);
        address
    }
    /// The bytes at the start of a block.
    fn copy(&mut self, from: u64, to: u64) {
        let find = |at: u64| self.blocks.iter().position(|block| block.as_ptr() as u64 == at);
        if let (Some(from), Some(to)) = (find(from), find(to)) {
            let old = self.blocks[from].clone();
            let len = old.len().min(self.blocks[to].len());
            self.blocks[to][..len].copy_from_slice(&old[..len]);
        }
    }
}

/// The floor under the library, as far as it stays within the process.
struct Floor;

impl ExternResolver for Floor {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        let function = match ext.symbol.as_ref() {
            "sx_alloc" => alloc,
            "sx_free" => |_: &mut Caller<'_>, _: &mut [u64]| Ok(()),
            "sx_realloc" => realloc,
            "sx_write" => write,
            "sx_clock_ns" | "sx_random_seed" | "sx_errno" | "sx_call_places" => zero,
            "sx_is_comptime" => one,
            symbol => return Err(format!("`{symbol}` can't be reached")),
        };
        Ok(ExternTarget::Host(Arc::new(function)))
    }
}

fn blocks<'a>(caller: &'a Caller<'_>) -> Result<MutexGuard<'a, Blocks>, Trap> {
    let blocks: Option<&Mutex<Blocks>> = caller.data().downcast_ref();
    let lock = blocks.and_then(|blocks| blocks.lock().ok());
    lock.ok_or_else(|| Trap::host("there are no blocks"))
}

fn checked(slots: &[u64], count: usize) -> Result<(), Trap> {
    if slots.len() < count { Err(Trap::host("too few parameters")) } else { Ok(()) }
}

fn alloc(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    checked(slots, 2)?;
    if slots[1] > 16 {
        return Err(Trap::of_kind(TrapKind::OutOfMemory, [0; 3]));
    }
    slots[0] = blocks(caller)?.allocate(slots[0]);
    Ok(())
}

fn realloc(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    checked(slots, 4)?;
    let mut blocks = blocks(caller)?;
    let new = blocks.allocate(slots[2]);
    blocks.copy(slots[0], new);
    slots[0] = new;
    Ok(())
}

fn write(_: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    checked(slots, 3)?;
    slots[0] = slots[2];
    Ok(())
}

fn zero(_: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    if let Some(slot) = slots.first_mut() {
        *slot = 0;
    }
    Ok(())
}

fn one(_: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    if let Some(slot) = slots.first_mut() {
        *slot = 1;
    }
    Ok(())
}
