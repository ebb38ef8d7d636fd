//! What symbols are: functions of the floor, functions of the host, C functions and variables.

use super::floor;
use super::output::{Ordered, Pending};
use crate::host::HostFns;
use std::sync::Arc;
use sx_ffi::{CallPlan, Callback};
use sx_ir::{CSignature, CStruct, Extern, ExternKind};
use sx_vm::{
    CallbackCode, CallbackHandle, ExternResolver, ExternTarget, FiberOp, NativeCaller, NativeFn,
    NativeInterface,
};

/// The symbols as one instance reaches them: what it printed goes before what others print.
pub(crate) struct InstanceSymbols {
    pub symbols: Arc<Symbols>,
    pub pending: Arc<Pending>,
    /// How many files there were when the program was built, and which of them are the library's.
    pub library: Arc<[bool]>,
}

impl ExternResolver for InstanceSymbols {
    fn resolve(
        &self,
        ext: &Extern,
        sig: Option<(&CSignature, u32)>,
        shapes: &[CStruct],
    ) -> Result<ExternTarget, String> {
        // The library knows what it prints.
        if self.library.get(ext.declared.0 as usize).copied().unwrap_or(false) {
            return self.symbols.resolve(ext, sig, shapes);
        }
        let pending = self.pending.clone();
        Ok(match (self.symbols.resolve(ext, sig, shapes)?, sig) {
            (ExternTarget::Host(inner), _) => ExternTarget::Host(Arc::new(Ordered { inner, pending })),
            (ExternTarget::Native(_, address), Some((sig, fixed))) => {
                let inner = Function::new(ext, sig, fixed, shapes, address.cast())?;
                ExternTarget::Native(Arc::new(Ordered { inner, pending }), address)
            }
            (other, _) => other,
        })
    }
}

/// The symbols that an engine's programs can reach.
pub(crate) struct Symbols {
    pub hosts: Arc<HostFns>,
    pub libraries: Arc<sx_ffi::Symbols>,
    /// C is within reach.
    pub ffi: bool,
}

impl ExternResolver for Symbols {
    fn resolve(
        &self,
        ext: &Extern,
        sig: Option<(&CSignature, u32)>,
        shapes: &[CStruct],
    ) -> Result<ExternTarget, String> {
        if ext.library.as_deref() == Some(Extern::HOST) {
            return self.host(ext, sig, shapes);
        }
        if !self.ffi {
            return Err(format!("`{}` can't be reached: calls of C are switched off here", ext.symbol));
        }
        let address =
            self.libraries.lookup(ext.library.as_deref(), &ext.symbol).map_err(|error| error.to_string())?;
        match sig {
            None => Ok(ExternTarget::Data(address.cast_mut().cast())),
            Some((sig, fixed)) => {
                let function = Function::new(ext, sig, fixed, shapes, address)?;
                Ok(ExternTarget::Native(Arc::new(function), address.cast()))
            }
        }
    }
}

impl Symbols {
    fn host(
        &self,
        ext: &Extern,
        sig: Option<(&CSignature, u32)>,
        shapes: &[CStruct],
    ) -> Result<ExternTarget, String> {
        let Some((sig, _)) = sig else { return Err("the host has functions, no variables".into()) };
        if let Some(op) = FiberOp::from_symbol(&ext.symbol) {
            return Ok(ExternTarget::Fiber(op));
        }
        if let Some(function) = floor::find(&ext.symbol) {
            return Ok(ExternTarget::Host(Arc::new(function)));
        }
        self.hosts.resolve(&ext.symbol, sig, shapes).map(ExternTarget::Host)
    }
    /// Says whether a symbol can be found, without making it callable.
    ///
    /// # Errors
    /// As for resolving it.
    pub fn verify(&self, ext: &Extern, sig: Option<&CSignature>, shapes: &[CStruct]) -> Result<(), String> {
        debug_assert_eq!(sig.is_some(), matches!(ext.kind, ExternKind::Func(_)));
        if ext.library.as_deref() == Some(Extern::HOST) {
            return self.host(ext, sig.map(|sig| (sig, 0)), shapes).map(drop);
        }
        if !self.ffi {
            // Told when it is called: the library declares more of C than most programs use.
            return Ok(());
        }
        self.libraries
            .lookup(ext.library.as_deref(), &ext.symbol)
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

/// A C function with its plan.
struct Function {
    plan: CallPlan,
    address: *const std::ffi::c_void,
}

impl Function {
    fn new(
        ext: &Extern,
        sig: &CSignature,
        fixed: u32,
        shapes: &[CStruct],
        address: *const std::ffi::c_void,
    ) -> Result<Function, String> {
        let plan = CallPlan::new(sig, fixed as usize, shapes);
        let plan = plan.map_err(|error| format!("`{}` can't be called: {error}", ext.symbol))?;
        Ok(Function { plan, address })
    }
}

// SAFETY: the address is only called, which whoever declared the function says can be done from any thread.
unsafe impl Send for Function {}
// SAFETY: as above; the plan is only read.
unsafe impl Sync for Function {}

impl NativeFn for Function {
    unsafe fn call(&self, args: *const u64, ret: *mut u64) {
        // SAFETY: the caller's promise; the declared signature is the function's by the word of whoever declared it.
        unsafe { self.plan.call(self.address, args, ret) }
    }
}

struct Pointer(CallPlan);

impl NativeCaller for Pointer {
    unsafe fn call(&self, code: *const (), args: *const u64, ret: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe { self.0.call(code.cast(), args, ret) }
    }
}

/// Machine code at the C border, made by libffi.
pub(crate) struct Natives;

impl NativeInterface for Natives {
    fn callback(
        &self,
        handle: CallbackHandle,
        sig: &CSignature,
        shapes: &[CStruct],
    ) -> Result<CallbackCode, String> {
        let lowered = sig.lowered();
        let (args, rets) = (lowered.params.len(), lowered.rets.len());
        let handler = move |given: *const u64, ret: *mut u64| {
            let mut results = [0; 1];
            // SAFETY: libffi gives as many arguments as the signature has, and a place for a scalar result; the
            // instance outlives its callbacks.
            unsafe {
                let given = std::slice::from_raw_parts(given, args);
                handle.call(given, &mut results[..rets.min(1)]);
                if rets > 0 {
                    *ret = results[0];
                }
            }
        };
        let callback = Callback::new(sig, shapes, Box::new(handler)).map_err(|error| error.to_string())?;
        Ok(CallbackCode { code: callback.pointer().cast(), keep: Box::new(callback) })
    }
    fn caller(
        &self,
        sig: &CSignature,
        fixed: u32,
        shapes: &[CStruct],
    ) -> Result<Arc<dyn NativeCaller>, String> {
        let plan = CallPlan::new(sig, fixed as usize, shapes).map_err(|error| error.to_string())?;
        Ok(Arc::new(Pointer(plan)))
    }
}
