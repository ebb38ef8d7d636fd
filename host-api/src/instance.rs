//! Running programs.

use crate::driver::floor::Ground;
use crate::driver::natives::{InstanceSymbols, Natives};
use crate::driver::output::Pending;
use crate::error::{Backtrace, Error, ErrorKind, Result};
use crate::func::TypedFunc;
use crate::global::Global;
use crate::host::{CallSite, Site};
use crate::program::{InstanceBuilder, Program, Test};
use crate::value::FromSx;
use crate::value::slots::{Args, Returns};
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};
use sx_sema::types::{TypeId, TypeKind};
use sx_vm::{Config, PreparedCall, Trap};

/// A running program: its variables, its memory, its stack. `Send`; one thread at a time uses it.
///
/// A program may start threads if [`Limits::threads`](crate::Limits::threads) allows some. They belong to the call in which
/// they were started: when that returns, they have ended. A trap in one of them is the call's error.
///
/// Dropping it gives back all that the program has allocated; no code of the program runs then.
pub struct Instance {
    vm: sx_vm::Instance,
    program: Program,
    context: u64,
    pending: Arc<Pending>,
    trapped: bool,
}

/// Stops an instance's calls from other threads.
#[derive(Clone, Debug)]
pub struct InterruptHandle(sx_vm::InterruptHandle);

impl InterruptHandle {
    /// The running call traps with `interrupted: canceled` soon; if none runs, the next one does.
    pub fn interrupt(&self) {
        self.0.cancel();
    }
}

/// How a program's `main` ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Exit {
    /// The code that `main` gave, or that the program exited with; 0 if it said nothing.
    pub code: i32,
}

impl Instance {
    pub(crate) fn make(builder: InstanceBuilder) -> Result<Instance> {
        let InstanceBuilder { program, limits, args, output } = builder;
        let pending = Arc::new(Pending::new(program.output()));
        let resolver = Arc::new(InstanceSymbols {
            symbols: program.engine().inner.symbols.clone(),
            pending: pending.clone(),
            library: program.library().clone(),
        });
        let signals = program.engine().inner.signals;
        program.prepare_tier(limits.counts());
        let config = Config { limits: limits.vm(), resolver, natives: Arc::new(Natives), signals };
        let refused = |message: String| Error::new(ErrorKind::Link, message);
        let mut vm = sx_vm::Instance::new(program.vm().clone(), config).map_err(refused)?;
        let context = vm.global(program.context()).map_or(0, |address| address as u64);
        let mut ground = Ground::new(args, output);
        ground.program = Some(program.clone());
        ground.context = context;
        *vm.data() = Box::new(ground);
        pending.place(|global| vm.global(global));
        Ok(Instance { vm, program, context, pending, trapped: false })
    }
    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }
    fn ground(&mut self) -> Option<&mut Ground> {
        self.vm.data().downcast_mut()
    }
    /// Looks a function of the program's first file up and compares its signature with the host's types, once.
    ///
    /// `A` is a tuple of parameter types, `R` the result's type; see [`crate::value`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such function, [`ErrorKind::Signature`] when it is another one; the message
    /// names both signatures.
    pub fn func<A: Args, R: Returns>(&mut self, name: &str) -> Result<TypedFunc<A, R>> {
        self.program.func(name)
    }
    /// Looks a variable of the program's first file up and compares its type with the host's, once.
    ///
    /// # Errors
    /// As for [`Instance::func`].
    pub fn global<T: FromSx>(&mut self, name: &str) -> Result<Global<T>> {
        let global = self.program.global(name)?;
        self.grow()?;
        Ok(global)
    }
    /// Takes in what was added to the program since.
    pub(crate) fn grow(&mut self) -> Result<()> {
        self.vm.grow().map_err(|message| Error::new(ErrorKind::Link, message))
    }
    pub(crate) fn vm(&mut self) -> &mut sx_vm::Instance {
        &mut self.vm
    }
    /// Keeps data of the host's in the instance, for host functions: [`Caller::data`](crate::Caller::data).
    pub fn set_data<T: Send + 'static>(&mut self, data: T) {
        if let Some(ground) = self.ground() {
            *ground.user.get_mut() = Some(Box::new(data));
        }
    }
    /// The host's data, if it is of this type.
    pub fn data<T: Send + 'static>(&mut self) -> Option<&mut T> {
        self.ground()?.user.get_mut().as_mut()?.downcast_mut()
    }
    /// Takes the host's data back, if it is of this type.
    pub fn take_data<T: Send + 'static>(&mut self) -> Option<T> {
        let user = self.ground()?.user.get_mut();
        let data: Box<dyn Any + Send> = user.take()?;
        match data.downcast() {
            Ok(data) => Some(*data),
            Err(other) => {
                *user = Some(other);
                None
            }
        }
    }
    /// What stops this instance's calls from other threads.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(self.vm.interrupt_handle())
    }
    /// Calls trap with `interrupted: deadline` once this much time has passed; none removes the deadline. Where the
    /// limits give a time per call, each call sets its own.
    pub fn set_deadline(&mut self, after: Option<Duration>) {
        self.vm.set_deadline(after.and_then(|after| Instant::now().checked_add(after)));
    }
    /// Renews the fuel; without effect if the instance was made without.
    pub fn set_fuel(&mut self, polls: u64) {
        self.vm.set_fuel(polls);
    }
    /// The fuel that is left.
    pub fn fuel(&mut self) -> u64 {
        self.vm.fuel()
    }
    /// Bytes that the program's allocator holds.
    pub fn memory_used(&mut self) -> u64 {
        self.vm.meter().used()
    }
    /// The most bytes that it ever held.
    pub fn memory_peak(&mut self) -> u64 {
        self.vm.meter().peak()
    }
    /// True once a call has trapped: the program's data may be half-changed. Calls are still possible; whether they make
    /// sense, the host knows best.
    pub fn is_trapped(&self) -> bool {
        self.trapped
    }
    /// Makes the instance as good as new, for less than a new one costs: variables have the values that they began with,
    /// all memory that the program allocated is free, and it no longer counts as trapped. The host's data, arguments, limits
    /// and a deadline stay; what the program printed is sent first. Memory that C functions allocated isn't known here.
    ///
    /// # Errors
    /// [`ErrorKind::Link`] when a variable's initial value names a symbol that isn't found.
    pub fn reset(&mut self) -> Result<()> {
        self.settle_output();
        if let Some(ground) = self.ground() {
            ground.reset();
        }
        self.vm.meter().clear();
        self.vm.reset().map_err(|message| Error::new(ErrorKind::Link, message))?;
        self.trapped = false;
        Ok(())
    }
    /// The places that the last language error was raised at and came through.
    pub fn error_trace(&mut self) -> Backtrace {
        let (frames, omitted) = self.vm.error_trace();
        Backtrace::new(&frames, (omitted, frames.len()), &self.program.sources())
    }
    /// Sends what the program has printed on its way. Happens after every call by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when output was lost, now or earlier.
    pub fn flush(&mut self) -> Result<()> {
        self.settle_output();
        let lost = self.ground().and_then(|ground| ground.lost_output());
        match lost.unwrap_or_else(|| self.pending.error()) {
            0 => Ok(()),
            code => Err(Error::lost_output(code)),
        }
    }
    /// Flushes if something waits.
    #[inline]
    fn settle_output(&mut self) {
        self.pending.settle();
        if self.pending.waits() {
            let pending = self.pending.clone();
            if let Some(ground) = self.ground() {
                pending.send_through(ground);
            }
        }
    }
    /// Writes all of the bytes to where the program's output goes, if that takes them.
    pub(crate) fn print(&mut self, fd: i32, bytes: &[u8]) {
        self.settle_output();
        let Some(ground) = self.ground() else { return };
        let mut rest = bytes;
        while !rest.is_empty() {
            match ground.write(fd, rest) {
                Ok(n) if n > 0 => rest = &rest[n..],
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }
    /// What a call ended with.
    #[cold]
    fn ended(&mut self, trap: Trap) -> Error {
        if let Some(code) = self.ground().and_then(|ground| ground.take_exit()) {
            return Error::new(ErrorKind::Exit(code), format!("the program exited with code {code}"));
        }
        self.trapped = true;
        Error::trap(trap, &self.program.sources())
    }
    fn raw_call(&mut self, func: PreparedCall, args: &[u64], rets: &mut [u64]) -> Result<()> {
        let result = self.vm.call_prepared(func, args, rets);
        self.settle_output();
        result.map_err(|trap| self.ended(trap))
    }
    /// Runs the program's `main`.
    ///
    /// # Errors
    /// A trap; [`ErrorKind::Unhandled`] when an error leaves `main`; [`ErrorKind::NotFound`] when there is no `main`;
    /// [`ErrorKind::Io`] when all went well, but output was lost.
    ///
    /// # Panics
    /// When a host function panicked: that panic goes on here.
    pub fn run_main(&mut self) -> Result<Exit> {
        let program = self.program.clone();
        let main = program.main().ok_or_else(|| program.missing_main())?;
        let (value, fails) = program.result_parts(main.sig.ret);
        let Some(prepared) = program.vm().prepare(main.func) else {
            return Err(Error::new(ErrorKind::NotFound, "`main` has no code"));
        };
        let scalars = usize::from(value.is_some());
        let mut rets = [0; 2];
        let context = self.context;
        let code = match self.raw_call(prepared, &[context], &mut rets[..scalars + usize::from(fails)]) {
            Ok(()) if fails && rets[scalars] as u32 != 0 => {
                let name = program.error_name(rets[scalars] as u32);
                let message = format!("unhandled error reached main: error.{name}");
                let trace = self.error_trace();
                return Err(Error::new(ErrorKind::Unhandled, message).with_backtrace(trace));
            }
            Ok(()) => value.map_or(0, |bits| narrowed(rets[0], bits) as i32),
            Err(error) => match error.kind() {
                ErrorKind::Exit(code) => code,
                _ => return Err(error),
            },
        };
        match self.flush() {
            Err(error) if code == 0 => Err(error),
            _ => Ok(Exit { code }),
        }
    }
    /// Runs a test of this instance's program.
    ///
    /// # Errors
    /// Why it failed: a trap, or [`ErrorKind::Unhandled`] with the error that left it.
    ///
    /// # Panics
    /// As for [`Instance::run_main`].
    pub fn run_test(&mut self, test: &Test) -> Result<()> {
        let program = self.program.clone();
        let Some(prepared) = program.vm().prepare(test.func) else {
            return Err(Error::new(ErrorKind::NotFound, "the test has no code"));
        };
        self.run_failable(prepared, "the test failed with ")
    }
    /// Runs a function without parameters that may fail and gives nothing.
    pub(crate) fn run_failable(&mut self, prepared: PreparedCall, failed: &str) -> Result<()> {
        let mut rets = [0];
        let context = self.context;
        self.raw_call(prepared, &[context], &mut rets[..prepared.rets().min(1)])?;
        if rets[0] as u32 == 0 {
            return Ok(());
        }
        let name = self.program.error_name(rets[0] as u32);
        let trace = self.error_trace();
        Err(Error::new(ErrorKind::Unhandled, format!("{failed}error.{name}")).with_backtrace(trace))
    }
}

/// The low bits of a slot as a number; the sign is the type's.
fn narrowed(slot: u64, (bits, signed): (u8, bool)) -> i64 {
    let shift = 64 - bits as u32;
    if signed { (slot << shift) as i64 >> shift } else { (slot << shift >> shift) as i64 }
}

impl Program {
    /// Width and sign of an integer result, and whether an error may come instead.
    fn result_parts(&self, ret: TypeId) -> (Option<(u8, bool)>, bool) {
        let unit = self.unit().lock();
        let types = &unit.sema.types;
        let (value, fails) = match *types.kind(ret) {
            TypeKind::Failable { value, .. } => (value, true),
            _ => (ret, false),
        };
        (types.int_repr(value), fails)
    }
}

impl Site for Instance {
    #[inline]
    fn place(&mut self) -> Result<(u64, u64)> {
        Ok((self.program.id(), self.context))
    }
    #[inline]
    fn invoke(&mut self, func: PreparedCall, args: &[u64], rets: &mut [u64]) -> Result<()> {
        self.raw_call(func, args, rets)
    }
    fn allocate(&mut self, bytes: usize, align: usize) -> Option<*mut u8> {
        let footprint = crate::driver::heap::Heap::footprint(bytes as i64, align as i64)?;
        self.vm.meter().charge(footprint as u64).ok()?;
        let block = self.ground()?.heap.get_mut().alloc(bytes, align);
        if block.is_none() {
            self.vm.meter().release(footprint as u64);
        }
        block.map(|address| address as *mut u8)
    }
    fn program(&mut self) -> Result<Program> {
        Ok(self.program.clone())
    }
}

impl CallSite for Instance {}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("program", &self.program).finish_non_exhaustive()
    }
}
