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
        Caller { vm: unsafe { &mut *std::ptr::from_mut(vm).cast::<sx_vm::Caller<'b>>() } }
    }
    fn ground(&mut self) -> Result<&mut Ground> {
        ground(self.vm).map_err(|trap| Error::new(ErrorKind::Usage, trap.message()))
    }
    /// The host's data of this instance, if it is of this type; see [`Instance::set_data`](crate::Instance::set_data).
    pub fn data<T: Send + 'static>(&mut self) -> Option<&mut T> {
        self.ground().ok()?.user.as_mut()?.downcast_mut()
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
