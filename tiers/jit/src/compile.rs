//! From a function of the middle form to bytes.

use crate::abi::{Config, Link};
use crate::continuation::continuation;
use crate::lower::{self, Source};
use crate::tables::Tables;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{ExternalName, LibCall, SourceLoc};
use cranelift_codegen::isa::unwind::UnwindInfo;
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{Context, FinalizedMachReloc, FinalizedRelocTarget};
use cranelift_frontend::FunctionBuilderContext;
use std::fmt;
use std::panic::AssertUnwindSafe;
use sx_ir::{Func, FuncId, LocId, Module, Signature, passes};
use sx_vm::machine::{FrameMap, LoopMap};

/// Why a function stays interpreted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Unsupported {
    /// Cranelift makes no code for this machine, or none that this crate can enter.
    Machine(String),
    /// The function has no body.
    NoBody,
    /// A signature that a call needs isn't known.
    Signature,
    /// Data, a global or a signature has no number.
    Unlinked,
    /// The interpreter doesn't keep what is needed to go on at a loop.
    Loop,
    /// The function's locals take more than a frame may.
    Frame,
    /// The function is larger than what is compiled at once.
    Size,
    /// The function isn't well-formed.
    Malformed(&'static str),
    /// Cranelift refused it.
    Refused(String),
    /// Cranelift panicked.
    Panicked(String),
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsupported::Machine(why) => write!(f, "no machine code can be made here: {why}"),
            Unsupported::NoBody => f.write_str("the function has no body"),
            Unsupported::Signature => f.write_str("the signature of a callee isn't known"),
            Unsupported::Unlinked => f.write_str("data, a global or a signature has no number"),
            Unsupported::Loop => f.write_str("a loop needs values that the interpreter doesn't keep"),
            Unsupported::Frame => f.write_str("the function's locals take too much memory"),
            Unsupported::Size => f.write_str("the function is too large"),
            Unsupported::Malformed(what) => write!(f, "the function isn't well-formed: {what}"),
            Unsupported::Refused(why) => write!(f, "the code generator refused it: {why}"),
            Unsupported::Panicked(why) => write!(f, "the code generator failed: {why}"),
        }
    }
}

impl std::error::Error for Unsupported {}

/// The code of a function before it has a place.
#[derive(Debug)]
pub struct MachineCode {
    /// Its name.
    pub name: String,
    /// The instructions. Addresses of the process are filled in.
    pub bytes: Vec<u8>,
    /// A power of two.
    pub align: u32,
    /// What is known of its places.
    pub tables: Tables,
    /// How many instructions Cranelift was given.
    pub clif_insts: usize,
    pub(crate) unwind: Option<UnwindInfo>,
}

/// Makes machine code. Each thread has its own.
pub struct Compiler {
    isa: OwnedTargetIsa,
    config: Config,
    context: Context,
    builder: FunctionBuilderContext,
}

impl Compiler {
    /// A compiler for the machine that this runs on.
    ///
    /// # Errors
    /// [`Unsupported::Machine`], where there is none.
    pub fn new(config: Config) -> Result<Compiler, Unsupported> {
        let mut flags = settings::builder();
        for (name, value) in [
            ("opt_level", if config.optimize { "speed" } else { "none" }),
            ("regalloc_algorithm", if config.optimize { "backtracking" } else { "single_pass" }),
            ("enable_verifier", if config.verify { "true" } else { "false" }),
            // Backtraces walk the chain of frame pointers.
            ("preserve_frame_pointers", "true"),
            // Prologues compare with the limit, whole frames included.
            ("enable_probestack", "false"),
            ("unwind_info", "true"),
        ] {
            flags.set(name, value).map_err(|error| Unsupported::Machine(error.to_string()))?;
        }
        let builder = cranelift_native::builder().map_err(|why| Unsupported::Machine(why.into()))?;
        let isa = builder
            .finish(settings::Flags::new(flags))
            .map_err(|error| Unsupported::Machine(error.to_string()))?;
        Ok(Compiler { isa, config, context: Context::new(), builder: FunctionBuilderContext::new() })
    }
    /// The machine that code is made for.
    pub(crate) fn isa(&self) -> &dyn TargetIsa {
        &*self.isa
    }
    /// The code of a function.
    ///
    /// # Errors
    /// Why there is none. The compiler can be used on.
    pub fn function(
        &mut self,
        module: &Module,
        id: FuncId,
        link: &dyn Link,
    ) -> Result<MachineCode, Unsupported> {
        let func = module.func(id).ok_or(Unsupported::NoBody)?;
        self.compile(&func.name, |context, builder, config, isa| {
            let func = &specialized(config, Func::clone(func), module);
            let src = Source { config, isa, module, func, link, frame_first: false };
            lower::function(context, builder, src)
        })
    }
    /// The code that goes on with a function at a loop: of the signature `(rt, frame)`.
    ///
    /// # Errors
    /// As for [`Compiler::function`]; and when the interpreter doesn't keep what the loop needs.
    pub fn continuation(
        &mut self,
        module: &Module,
        func: &Func,
        frame: &FrameMap,
        entry: &LoopMap,
        link: &dyn Link,
    ) -> Result<MachineCode, Unsupported> {
        self.compile(&func.name, |context, builder, config, isa| {
            let func = continuation(func, frame, entry).ok_or(Unsupported::Loop)?;
            let func = &specialized(config, func, module);
            let src = Source { config, isa, module, func, link, frame_first: true };
            lower::function(context, builder, src)
        })
    }
    /// The code by which Rust calls functions of a signature: `(code, rt, arguments: *const u64, results: *mut u64)`, in
    /// the C convention. Each value has 8 bytes.
    ///
    /// # Errors
    /// As for [`Compiler::function`].
    pub fn trampoline(&mut self, sig: &Signature) -> Result<MachineCode, Unsupported> {
        self.compile("<entry>", |context, builder, config, isa| {
            lower::trampoline(context, builder, config, isa, sig)
        })
    }
    /// The text of what Cranelift is given for a function.
    ///
    /// # Errors
    /// As for [`Compiler::function`].
    pub fn clif(&mut self, module: &Module, id: FuncId, link: &dyn Link) -> Result<String, Unsupported> {
        self.context.clear();
        let func = module.func(id).ok_or(Unsupported::NoBody)?;
        let src = Source { config: &self.config, isa: &*self.isa, module, func, link, frame_first: false };
        let lowered = lower::function(&mut self.context, &mut self.builder, src);
        let text = self.context.func.display().to_string();
        self.fresh();
        lowered.map(|()| text)
    }
    fn fresh(&mut self) {
        self.context = Context::new();
        self.builder = FunctionBuilderContext::new();
    }
    /// Runs Cranelift over what `lower` makes. Some inputs make it panic: those end here, as any other refusal.
    fn compile(
        &mut self,
        name: &str,
        lower: impl FnOnce(
            &mut Context,
            &mut FunctionBuilderContext,
            &Config,
            &dyn TargetIsa,
        ) -> Result<(), Unsupported>,
    ) -> Result<MachineCode, Unsupported> {
        let Compiler { isa, config, context, builder } = self;
        context.clear();
        let made = std::panic::catch_unwind(AssertUnwindSafe(|| {
            lower(context, builder, config, &**isa)?;
            finish(name, context, &**isa)
        }));
        let made = made.unwrap_or_else(|payload| {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Unsupported::Panicked(text.unwrap_or_else(|| "no message".into())))
        });
        if made.is_err() {
            self.fresh();
        }
        made
    }
}

/// A function with what is worth it for code that runs often.
fn specialized(config: &Config, mut func: Func, module: &Module) -> Func {
    if config.optimize {
        passes::specialize(&mut func, module);
    }
    if config.verify
        && let Err(errors) = sx_ir::verify::verify(&func, module)
    {
        debug_assert!(false, "a function that isn't well-formed: {errors:?}");
    }
    func
}

/// Code and tables of the function in the context.
fn finish(name: &str, context: &mut Context, isa: &dyn TargetIsa) -> Result<MachineCode, Unsupported> {
    let clif_insts = context.func.dfg.num_insts();
    let compiled = context
        .compile(isa, &mut ControlPlane::default())
        .map_err(|error| Unsupported::Refused(format!("{:?}", error.inner)))?;
    let unwind = compiled.create_unwind_info(isa).map_err(|error| Unsupported::Refused(error.to_string()))?;
    let buffer = &compiled.buffer;
    if buffer.frame_layout().is_some_and(|frame| frame.frame_to_fp_offset > lower::MAX_NATIVE_FRAME) {
        return Err(Unsupported::Frame);
    }
    let mut bytes = buffer.data().to_vec();
    for reloc in buffer.relocs() {
        patch(&mut bytes, reloc)?;
    }
    let stretches = buffer
        .get_srclocs_sorted()
        .iter()
        .filter(|stretch| stretch.loc != SourceLoc::default())
        .map(|stretch| (stretch.start, stretch.end, LocId(stretch.loc.bits())));
    let faults = buffer.traps().iter().filter(|trap| trap.code == lower::ACCESS).map(|trap| trap.offset);
    Ok(MachineCode {
        name: name.to_owned(),
        tables: Tables::new(stretches, faults),
        align: isa.function_alignment().minimum.max(isa.symbol_alignment() as u32),
        bytes,
        clif_insts,
        unwind,
    })
}

/// Fills in the address of one of Cranelift's own helpers, which code without newer machine instructions calls.
fn patch(bytes: &mut [u8], reloc: &FinalizedMachReloc) -> Result<(), Unsupported> {
    let refused = || Unsupported::Refused(format!("relocation {reloc:?}"));
    let FinalizedRelocTarget::ExternalName(ExternalName::LibCall(call)) = &reloc.target else {
        return Err(refused());
    };
    if reloc.kind != Reloc::Abs8 {
        return Err(refused());
    }
    let address = match call {
        LibCall::CeilF32 => crate::rounding::ceil_f32 as *const () as usize,
        LibCall::CeilF64 => crate::rounding::ceil_f64 as *const () as usize,
        LibCall::FloorF32 => crate::rounding::floor_f32 as *const () as usize,
        LibCall::FloorF64 => crate::rounding::floor_f64 as *const () as usize,
        LibCall::TruncF32 => crate::rounding::trunc_f32 as *const () as usize,
        LibCall::TruncF64 => crate::rounding::trunc_f64 as *const () as usize,
        LibCall::NearestF32 => crate::rounding::nearest_f32 as *const () as usize,
        LibCall::NearestF64 => crate::rounding::nearest_f64 as *const () as usize,
        _ => return Err(refused()),
    };
    let at = reloc.offset as usize;
    let value = (address as u64).wrapping_add(reloc.addend as u64);
    bytes.get_mut(at..at + 8).ok_or_else(refused)?.copy_from_slice(&value.to_le_bytes());
    Ok(())
}
