//! The other side of the border: host functions, C functions, callbacks from C.
//!
//! Arguments and results cross as 8-byte slots, in place on the VM stack: argument `i` stands in slot `i`, and result `i`
//! takes its place afterwards. Integers narrower than a slot have arbitrary upper bits. C structs are passed as the addresses
//! of copies; a C struct result is written through an address that comes before the arguments.

use crate::bytecode::Word;
use crate::env::{self, Environment, Site};
use crate::fault;
use crate::fibers::{self, FiberOp};
use crate::interp::memory::NULL_PAGE;
use crate::interp::state::{Core, Exit, MIN_WINDOW, St, State, Strand, exit};
use crate::limits::Meter;
use crate::machine::place;
use crate::park::{Parked, Refused};
use crate::stack::{HOST_RESERVE, native_room};
use crate::threads::{self, SpawnError, Task};
use crate::trap::{Origin, Trap, Walk};
use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use sx_ir::{CSignature, CStruct, Extern, ExternId, FuncId, Signature, TrapKind};

/// A function of the host that sx can call. Any closure of this shape is one.
pub trait HostFn: Send + Sync {
    /// Runs it. `slots` holds the arguments; results are written over them.
    ///
    /// # Errors
    /// The trap that ends the sx call: [`Trap::host`], or what a call back into sx ended with.
    fn call(&self, caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap>;
}

impl<F: Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), Trap> + Send + Sync> HostFn for F {
    fn call(&self, caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
        self(caller, slots)
    }
}

/// A C function of one signature, known by symbol.
pub trait NativeFn: Send + Sync {
    /// Calls it.
    ///
    /// # Safety
    /// `args` holds the arguments that the signature asks for; the result is written to `ret`, which may be the same place.
    unsafe fn call(&self, args: *const u64, ret: *mut u64);
    /// What is to happen before each call.
    ///
    /// # Errors
    /// The trap that ends the sx call.
    fn prepare(&self, caller: &mut Caller<'_>) -> Result<(), Trap> {
        let _ = caller;
        Ok(())
    }
}

/// How C functions of one signature are called through a pointer.
pub trait NativeCaller: Send + Sync {
    /// Calls the function at `code`.
    ///
    /// # Safety
    /// As for [`NativeFn::call`]; `code` is a function of this signature.
    unsafe fn call(&self, code: *const (), args: *const u64, ret: *mut u64);
}

/// What a symbol turned out to be.
#[derive(Clone)]
pub enum ExternTarget {
    /// A function of the host.
    Host(Arc<dyn HostFn>),
    /// A C function, and its address, for programs that take it.
    Native(Arc<dyn NativeFn>, *const ()),
    /// A variable.
    Data(*mut u8),
    /// An operation on fibers.
    Fiber(FiberOp),
}

// SAFETY: the addresses are only handed to the program; the functions are `Send + Sync`.
unsafe impl Send for ExternTarget {}
// SAFETY: as above.
unsafe impl Sync for ExternTarget {}

/// Finds what symbols name. Asked once per symbol and instance, at its first use.
pub trait ExternResolver: Send + Sync {
    /// Finds a symbol. `sig` is there for functions; `shapes` are the C structs that it names.
    ///
    /// # Errors
    /// A message that names the symbol and the libraries searched. It becomes a trap at the call.
    fn resolve(
        &self,
        ext: &Extern,
        sig: Option<(&CSignature, u32)>,
        shapes: &[CStruct],
    ) -> Result<ExternTarget, String>;
}

/// Code that C can call, and what keeps it alive.
pub struct CallbackCode {
    /// Its address.
    pub code: *const (),
    /// Dropped with the instance.
    pub keep: Box<dyn Any + Send>,
}

/// Makes machine code at the C border: what libffi does.
pub trait NativeInterface: Send + Sync {
    /// Code of this C signature that calls [`CallbackHandle::call`] of `handle`.
    ///
    /// # Errors
    /// A message, when the signature can't be served.
    fn callback(
        &self,
        handle: CallbackHandle,
        sig: &CSignature,
        shapes: &[CStruct],
    ) -> Result<CallbackCode, String>;
    /// A way to call C function pointers of this signature; `fixed` of its parameters are declared.
    ///
    /// # Errors
    /// A message, when the signature can't be served.
    fn caller(
        &self,
        sig: &CSignature,
        fixed: u32,
        shapes: &[CStruct],
    ) -> Result<Arc<dyn NativeCaller>, String>;
}

/// Resolves nothing, serves nothing.
#[derive(Debug)]
pub struct NoExterns;

impl ExternResolver for NoExterns {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        Err(format!("unresolved symbol `{}`: this host has no libraries", ext.symbol))
    }
}

impl NativeInterface for NoExterns {
    fn callback(&self, _: CallbackHandle, _: &CSignature, _: &[CStruct]) -> Result<CallbackCode, String> {
        Err("this host has no C callbacks".into())
    }
    fn caller(&self, _: &CSignature, _: u32, _: &[CStruct]) -> Result<Arc<dyn NativeCaller>, String> {
        Err("this host can't call C function pointers".into())
    }
}

/// What a host function is given: the instance, and the thread of it, that called. Threads of an instance call host
/// functions at the same time.
pub struct Caller<'a> {
    core: *const Core,
    site: Site,
    _borrow: PhantomData<&'a mut ()>,
}

impl Caller<'_> {
    fn state(&self) -> *mut State {
        // SAFETY: the instance outlives the call.
        unsafe { (*self.core).state.get() }
    }
    fn env(&self) -> &Environment {
        // SAFETY: as above.
        unsafe { env::shared(self.state()) }
    }
    /// Calls an sx function, above the frames that are there.
    ///
    /// # Errors
    /// The trap that it ended with. Return it to end the outer call with it.
    pub fn call(&mut self, func: FuncId, args: &[u64], rets: &mut [u64]) -> Result<(), Trap> {
        // SAFETY: a host function runs on the thread that owns the instance.
        unsafe { env::enter(self.core, func, args, rets, Some(self.site)) }
    }
    /// The host's data of this instance. Its threads see it at the same time.
    pub fn data(&self) -> &(dyn Any + Send + Sync) {
        self.env().user()
    }
    /// The instance's memory meter.
    pub fn meter(&self) -> &Meter {
        &self.env().meter
    }
    /// True while the instance has no threads besides this one. It gets others only through [`Caller::spawn`] on this one.
    #[inline]
    pub fn is_alone(&self) -> bool {
        self.env().threads.is_alone()
    }
    /// The address of two words of the running thread: its number, which is never 0 and never given twice in an instance,
    /// and one for the program to use.
    pub fn thread_words(&self) -> *mut [u64; 2] {
        // SAFETY: the thread owns the state.
        unsafe { (&raw mut (*self.state()).own).cast() }
    }
    /// The number of the running thread.
    pub fn thread_id(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (*self.state()).own.id }
    }
    /// Starts a thread that calls the function behind a function value, with these arguments, context first. When it has
    /// returned, 1 is written to `done`, and who waits there is woken. A trap in it ends the host call that is running,
    /// and so all threads. Gives the thread's number.
    ///
    /// # Errors
    /// Why it couldn't be started.
    ///
    /// # Safety
    /// `done` is 0, or leads to 32 bits that can be written until they are 1 or the host call has ended.
    pub unsafe fn spawn(&mut self, function: u64, args: &[u64], done: usize) -> Result<u64, SpawnError> {
        let func = match self.function_of_value(function) {
            Some(func) => func,
            None => return Err(SpawnError::NotAFunction),
        };
        let fits = |sig: Signature| sig.params.len() == args.len() && sig.rets.is_empty();
        let place = done.is_multiple_of(align_of::<u32>());
        if !self.env().program.signature(func).is_some_and(fits) || !place {
            return Err(SpawnError::NotAFunction);
        }
        // SAFETY: a host function runs on the thread that owns the state, and was called by the innermost frame.
        unsafe {
            let walk = Walk::from_host(self.state(), self.site);
            // The host function itself goes without saying.
            let origin = Origin { id: 0, frames: walk.first.into_iter().skip(1).collect() };
            threads::spawn(self.core, Task { func, args: args.to_vec(), done, origin })
        }
    }
    fn function_of_value(&self, value: u64) -> Option<FuncId> {
        let index = value.checked_sub(1)?;
        // SAFETY: the thread owns the state.
        (index < unsafe { (*self.state()).cell_count }).then_some(FuncId(index as u32))
    }
    /// Waits while the 32 bits at an address are `expected`: until another thread unparks the address, or the deadline
    /// comes. Whoever changes the number, and unparks afterwards, isn't missed. Waits can end as if unparked when nobody did that.
    ///
    /// # Errors
    /// The trap that ends the wait: the call is interrupted, `deadlock` if every thread waits without a deadline, or
    /// `invalid memory`.
    ///
    /// # Safety
    /// The address can be read until then, or faults are caught.
    pub unsafe fn park(
        &mut self,
        address: usize,
        expected: u32,
        deadline: Option<Instant>,
    ) -> Result<Parked, Trap> {
        // SAFETY: the caller's promise.
        unsafe { self.park_for_lock(address, expected, deadline, 0) }
    }
    /// As [`Caller::park`], waiting for a lock; `key` is what [`FiberOp::Hold`] gave for it.
    ///
    /// # Errors
    /// As for [`Caller::park`]; and a trap if the fiber was killed that held the lock.
    ///
    /// # Safety
    /// As for [`Caller::park`].
    pub unsafe fn park_for_lock(
        &mut self,
        address: usize,
        expected: u32,
        deadline: Option<Instant>,
        key: u64,
    ) -> Result<Parked, Trap> {
        if address < NULL_PAGE as usize {
            return Err(self.located(Trap::of_kind(TrapKind::NullDereference, [0; 3])));
        }
        let fine =
            address.is_multiple_of(align_of::<u32>()) && (!self.env().faults || fault::readable(address, 4));
        if !fine {
            return Err(self.located(Trap::of_kind(TrapKind::InvalidMemory, [0; 3])));
        }
        loop {
            let poisoned = || self.env().locks.is_poisoned(key);
            // SAFETY: the caller's promise; this thread runs the execution.
            match unsafe { self.env().parking.park(&*self.core, address, expected, deadline, poisoned) } {
                Ok(parked) => return Ok(parked),
                Err(Refused::Requested) => self.poll()?,
                Err(Refused::Poisoned) => {
                    return Err(self.trap("the fiber that held this lock was killed"));
                }
                Err(Refused::Deadlock) => {
                    return Err(self.located(Trap::of_kind(TrapKind::Deadlock, [0; 3])));
                }
            }
        }
    }
    /// Wakes up to `count` of the threads that wait at an address; says how many.
    pub fn unpark(&self, address: usize, count: usize) -> usize {
        self.env().parking.unpark(address, count)
    }
    /// Lets requests from outside take effect: for host functions that take long.
    ///
    /// # Errors
    /// The trap that ends the call, which is to be returned.
    pub fn poll(&mut self) -> Result<(), Trap> {
        // SAFETY: the thread owns the state.
        match unsafe { env::answer(self.core, None) } {
            Some(kind) => Err(self.located(Trap::of_kind(kind, [0; 3]))),
            None => Ok(()),
        }
    }
    fn located(&self, trap: Trap) -> Trap {
        // SAFETY: the site is a call of the innermost running frame.
        unsafe { locate(trap, self.core, self.site) }
    }
    /// The running fiber's error return trace, where the error was raised first.
    pub fn error_trace(&self) -> (Vec<crate::FrameInfo>, usize) {
        // SAFETY: the thread owns the state.
        unsafe { env::error_trace(self.state()) }
    }
    /// The sx call stack above this host function, innermost first.
    pub fn backtrace(&self) -> Trap {
        self.located(Trap::host(""))
    }
    /// A trap here, with its call stack.
    pub fn trap(&self, message: impl Into<String>) -> Trap {
        self.located(Trap::host(message))
    }
}

unsafe fn locate(trap: Trap, core: *const Core, site: Site) -> Trap {
    // SAFETY: the caller's promise.
    unsafe {
        let state = (*core).state.get();
        let walk = Walk::from_host(state, site);
        trap.locate(&(&(*state).env).program, walk)
    }
}

/// Names a function of an instance to C code.
#[derive(Clone, Copy)]
pub struct CallbackHandle {
    env: *const Environment,
    func: FuncId,
}

// SAFETY: `call` runs the function only on threads that run the instance, each with its own execution.
unsafe impl Send for CallbackHandle {}
// SAFETY: as above.
unsafe impl Sync for CallbackHandle {}

impl CallbackHandle {
    /// What the code that C calls does: runs the function on top of what this thread runs of the instance. After a trap
    /// under the same C call, results are zero at once. On a thread that runs nothing of the instance they are zero, and
    /// the instance's call, this one or the next, traps.
    ///
    /// # Safety
    /// The instance is alive. `args` holds the function's arguments, `rets` has room for its results.
    pub unsafe fn call(self, args: &[u64], rets: &mut [u64]) {
        rets.fill(0);
        let Some(core) = env::running_here(self.env) else {
            // SAFETY: the instance is alive, and this is shared by threads.
            let threads = unsafe { &(*self.env).threads };
            threads.fail(Trap::host("C called back on a thread that runs nothing of this program"));
            return;
        };
        // SAFETY: this thread runs the execution, and so owns the state.
        unsafe {
            let strand = &raw mut (*(*core).state.get()).strand;
            if (*strand).c_trap.is_some() {
                return;
            }
            let site = (*strand).site;
            if let Err(trap) = env::enter(core, self.func, args, rets, Some(site)) {
                rets.fill(0);
                (*strand).c_trap = Some(trap);
            }
        }
    }
}

/// Leaves the interpreter's loop at a call with a trap; the result is where to go on.
pub(crate) unsafe fn leave(core: *const Core, site: Site, trap: Trap) -> *const Word {
    // SAFETY: the running thread owns the state.
    unsafe {
        let trap = if trap.is_located() { trap } else { locate(trap, core, site) };
        let state = (*core).state.get();
        (*state).strand.host_trap = Some(trap);
        (*state).exit = Exit::HostTrap;
        (*state).exit_pc = site.pc;
        (*state).exit_fp = site.fp;
        (*state).exit_rp = site.rp;
    }
    exit()
}

/// Leaves the loop because the native stack has too little left for what would be called.
#[cold]
unsafe fn no_room(core: *const Core, site: Site) -> *const Word {
    let Site { pc, fp, rp, .. } = site;
    St::<false> { pc, fp, core, rp }.fail(TrapKind::StackOverflow, [0; 3]).pc
}

/// Words of every call of an extern or C pointer.
pub(crate) const CALL_WORDS: usize = 2;

/// Leaves the loop because something can't be linked.
pub(crate) unsafe fn fail_at(core: *const Core, site: Site, message: String) -> *const Word {
    // SAFETY: the caller's promise.
    unsafe { leave(core, site, Trap::link(message)) }
}

/// Calls out of the interpreter: what is called back begins above the frame that calls, as far from it as a callee would be, so
/// that the return stack has room for it, too.
#[inline(always)]
unsafe fn outside<R>(
    strand: *mut Strand,
    site: Site,
    slots: *mut u64,
    count: usize,
    call: impl FnOnce() -> R,
) -> R {
    // SAFETY: the running thread owns the strand; the slots belong to the frame that calls.
    unsafe {
        let (outer_top, outer_records, outer_site) = ((*strand).top, (*strand).records, (*strand).site);
        // Below machine code there is room as well: its turn has seen to that.
        if place::machine(site.pc).is_none() {
            (*strand).top = slots.add(count.max(MIN_WINDOW).next_multiple_of(2));
            (*strand).records = site.rp;
        }
        (*strand).site = site.by_words();
        (*strand).called = true;
        let result = call();
        (*strand).top = outer_top;
        (*strand).records = outer_records;
        (*strand).site = outer_site;
        result
    }
}

/// Calls an extern with `count` slots; the result is where to go on.
///
/// # Safety
/// Called by a handler; the slots belong to the running frame.
pub(crate) unsafe fn call_extern(
    core: *const Core,
    site: Site,
    slots: *mut u64,
    count: usize,
) -> *const Word {
    // SAFETY: the running thread owns the state; targets are only ever added, so the pointers into them last.
    unsafe {
        let state = (*core).state.get();
        let target = match env::known_extern(state, ExternId(site.ext)) {
            Some(target) => target,
            // Finding it takes room as well.
            None if native_room((*state).strand.native_limit) < HOST_RESERVE => return no_room(core, site),
            None => match env::extern_target(state, ExternId(site.ext)) {
                Ok(target) => target,
                Err(message) => return fail_at(core, site, message),
            },
        };
        if let ExternTarget::Fiber(op) = target {
            return fibers::call(core, site, slots, *op);
        }
        let strand = &raw mut (*state).strand;
        if native_room((*strand).native_limit) < HOST_RESERVE {
            return no_room(core, site);
        }
        let result = outside(strand, site, slots, count, || match target {
            ExternTarget::Host(function) => {
                let function: *const dyn HostFn = &**function;
                let mut caller = Caller { core, site: site.by_words(), _borrow: PhantomData };
                let slots = std::slice::from_raw_parts_mut(slots, count);
                let result = catch_unwind(AssertUnwindSafe(|| (*function).call(&mut caller, slots)))
                    .unwrap_or_else(|payload| Err(Trap::from_panic(payload)));
                // It may have called C, and that a callback which has trapped.
                match (*strand).c_trap.take() {
                    Some(trap) if result.is_ok() => Err(trap),
                    _ => result,
                }
            }
            ExternTarget::Native(function, _) => {
                let function: *const dyn NativeFn = &**function;
                let mut caller = Caller { core, site: site.by_words(), _borrow: PhantomData };
                match catch_unwind(AssertUnwindSafe(|| (*function).prepare(&mut caller)))
                    .unwrap_or_else(|payload| Err(Trap::from_panic(payload)))
                {
                    Err(trap) => Err(trap),
                    Ok(()) => {
                        (*function).call(slots, slots);
                        (*strand).c_trap.take().map_or(Ok(()), Err)
                    }
                }
            }
            ExternTarget::Data(_) | ExternTarget::Fiber(_) => Err(Trap::link("a variable was called")),
        });
        match result {
            Ok(()) => site.pc.wrapping_add(CALL_WORDS),
            Err(trap) => leave(core, site, trap),
        }
    }
}

/// Calls a C function pointer; the result is where to go on.
///
/// # Safety
/// As for [`call_extern`].
pub(crate) unsafe fn call_pointer(
    core: *const Core,
    site: Site,
    code: *const (),
    sig: u32,
    slots: *mut u64,
    count: usize,
) -> *const Word {
    // SAFETY: as in `call_extern`.
    unsafe {
        let state = (*core).state.get();
        let strand = &raw mut (*state).strand;
        if native_room((*strand).native_limit) < HOST_RESERVE {
            return no_room(core, site);
        }
        let function = match env::native_caller(state, sig) {
            Ok(function) => Arc::as_ptr(function),
            Err(message) => return fail_at(core, site, message),
        };
        outside(strand, site, slots, count, || (*function).call(code, slots, slots));
        match (*strand).c_trap.take() {
            None => site.pc.wrapping_add(CALL_WORDS),
            Some(trap) => leave(core, site, trap),
        }
    }
}

/// The C function pointer of a function, made on first use.
///
/// # Safety
/// The running thread owns the state.
pub(crate) unsafe fn c_func_addr(core: *const Core, func: FuncId) -> Result<*const (), String> {
    // SAFETY: the caller's promise.
    unsafe {
        let env = env::shared((*core).state.get());
        env::callback(env, func, CallbackHandle { env, func })
    }
}

/// The address behind a symbol.
///
/// # Safety
/// The running thread owns the state.
pub(crate) unsafe fn extern_addr(core: *const Core, ext: ExternId) -> Result<*const (), String> {
    // SAFETY: the caller's promise.
    unsafe {
        match env::extern_target((*core).state.get(), ext)? {
            ExternTarget::Native(_, code) => Ok(*code),
            ExternTarget::Data(address) => Ok(address.cast_const().cast()),
            ExternTarget::Host(_) | ExternTarget::Fiber(_) => Err("a host function has no address".into()),
        }
    }
}
