//! Where calls of the program can be made: from outside, and from inside a host function.

use crate::driver::floor::{self, Ground, ground};
use crate::error::{Backtrace, Error, ErrorKind, Result};
use crate::func::TypedFunc;
use crate::program::Program;
use crate::value::slots::{Args, Returns};
use sx_vm::{PreparedCall, TrapReason};

/// What a host function is given of the instance that called it.
pub struct Caller<'a> {
    vm: &'a mut sx_vm::Caller<'a>,
    /// The host's data is ours until we are done, or call the program.
    has_data: bool,
}

impl Drop for Caller<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.has_data {
            self.give_data();
        }
    }
}

/// Where a function can be called: an [`Instance`](crate::Instance), or, within a host function, its [`Caller`].
#[expect(private_bounds, reason = "only this crate knows how calls are made")]
pub trait CallSite: Site {}

impl CallSite for Caller<'_> {}

/// The parts of [`CallSite`] that are nobody else's business.
pub(crate) trait Site {
    /// Which program runs here, and where the context is that its functions are given.
    fn place(&mut self) -> Result<(u64, u64)>;
    fn invoke(&mut self, func: PreparedCall, args: &[u64], rets: &mut [u64]) -> Result<()>;
    fn allocate(&mut self, bytes: usize, align: usize) -> Option<*mut u8>;
    fn program(&mut self) -> Result<Program>;
}

impl<'a> Caller<'a> {
    pub(super) fn new<'b>(vm: &'b mut sx_vm::Caller<'_>) -> Caller<'b> {
        // SAFETY: only names the borrow of the instance by a shorter lifetime; the value behind it is used through
        // nothing but this reference while that lives.
        let vm = unsafe { &mut *std::ptr::from_mut(vm).cast::<sx_vm::Caller<'b>>() };
        Caller { vm, has_data: false }
    }
    fn give_data(&mut self) {
        self.has_data = false;
        let alone = self.vm.is_alone();
        if let Ok(ground) = self.ground() {
            ground.user.give(alone);
        }
    }
    fn ground(&self) -> Result<&Ground> {
        ground(self.vm).map_err(|trap| Error::new(ErrorKind::Usage, trap.message()))
    }
    /// The host's data of this instance, if it is of this type; see [`Instance::set_data`](crate::Instance::set_data).
    ///
    /// Where the program has threads, one of them at a time has the data: others wait here until the host function returns
    /// or calls the program. None also when a host function further out on the same thread is using the data, having called
    /// C that called the program.
    pub fn data<T: Send + 'static>(&mut self) -> Option<&mut T> {
        let (alone, thread) = (self.vm.is_alone(), self.vm.thread_id());
        if !self.has_data {
            self.has_data = self.ground().ok()?.user.take(alone, thread);
            if !self.has_data {
                return None;
            }
        }
        // SAFETY: this thread has the data, and the reference borrows the one value through which it got it.
        unsafe { self.ground().ok()?.user.get() }.as_mut()?.downcast_mut()
    }
    /// The number of the thread of the program that called: 1 is the one that the host called from.
    pub fn thread_id(&self) -> u64 {
        self.vm.thread_id()
    }
    /// Looks a function of the program up, as [`Instance::func`](crate::Instance::func) does.
    ///
    /// # Errors
    /// As there.
    pub fn func<A: Args, R: Returns>(&mut self, name: &str) -> Result<TypedFunc<A, R>> {
        self.program()?.func(name)
    }
    /// The functions that are being called, innermost first; the host function is the first.
    pub fn backtrace(&mut self) -> Backtrace {
        let trap = self.vm.backtrace();
        let sources = self.program().map(|program| program.sources()).unwrap_or_default();
        Backtrace::new(trap.frames(), trap.omitted(), &sources)
    }
}

impl Site for Caller<'_> {
    fn place(&mut self) -> Result<(u64, u64)> {
        let ground = self.ground()?;
        match &ground.program {
            Some(program) => Ok((program.id(), ground.context)),
            None => Err(Error::new(ErrorKind::Usage, "code that runs at compile time can't be called back")),
        }
    }
    fn invoke(&mut self, func: PreparedCall, args: &[u64], rets: &mut [u64]) -> Result<()> {
        if self.has_data {
            self.give_data();
        }
        match self.vm.call(func.func(), args, rets) {
            Ok(()) => Ok(()),
            Err(trap) => {
                if trap.reason() == TrapReason::Panic
                    && let Some(payload) = trap.take_panic()
                {
                    // On its way to the outermost call, through the Rust code between.
                    std::panic::resume_unwind(payload);
                }
                let sources = self.program()?.sources();
                Err(Error::trap(trap, &sources))
            }
        }
    }
    fn allocate(&mut self, bytes: usize, align: usize) -> Option<*mut u8> {
        let block = floor::allocate(self.vm, bytes as i64, align as i64).ok().flatten();
        block.map(|address| address as *mut u8)
    }
    fn program(&mut self) -> Result<Program> {
        let program = self.ground()?.program.clone();
        program.ok_or_else(|| Error::new(ErrorKind::Usage, "code that runs at compile time has no program"))
    }
}

impl std::fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Caller")
    }
}
