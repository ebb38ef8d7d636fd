//! Compiled programs.

use crate::diagnostic::Diagnostic;
use crate::driver::library::FOLDER;
use crate::driver::{Unit, floor::Output, output};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::func::TypedFunc;
use crate::global::Global;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::tier::{self, TierStats};
use crate::value::slots::{Args, Returns};
use crate::value::{FromSx, TypeDesc, Value, listed};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use sx_ir::{FuncId, GlobalId};
use sx_sema::thir::{Conv, FnSig};
use sx_sema::types::{TypeId, TypeKind};
use sx_sema::{Export, Sema};
use sx_syntax::source::Sources;
use sx_syntax::span::FileId;

/// A checked and compiled program. Immutable; cheap to clone, and shared by all of its instances, on any thread.
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

struct Inner {
    id: u64,
    engine: Engine,
    vm: Arc<sx_vm::Program>,
    unit: Mutex<Unit>,
    context: GlobalId,
    output: Option<output::Layout>,
    library: Arc<[bool]>,
    main: Option<Export>,
    warnings: Vec<Diagnostic>,
    tiers: tier::Slots,
}

/// A `test` block of a program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Test {
    /// Its name.
    pub name: String,
    /// The file that it is in.
    pub path: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
    pub(crate) func: FuncId,
}

impl Program {
    pub(crate) fn build(engine: Engine, mut unit: Unit) -> Result<Program> {
        unit.sema.check_file(unit.root);
        let root = unit.root;
        let main = unit.sema.main_func(root);
        unit.sema.finish();
        // What is wrong with the program itself is told first.
        let output = if unit.sema.has_errors() { Ok(None) } else { output::layout(&mut unit.sema) };
        let vm = Arc::new(match engine.inner.signals {
            true => sx_vm::Program::with_protected_constants(),
            false => sx_vm::Program::new(),
        });
        unit.build(&vm)?;
        let output = output?;
        let Some(context) = unit.sema.default_context() else {
            return Err(Error::new(ErrorKind::Link, "the library's `core` has no `default_context`"));
        };
        let laid_out = |message: String| Error::new(ErrorKind::Link, message);
        vm.add_global(&unit.sema.module, context).map_err(laid_out)?;
        if let Some(output) = &output {
            vm.add_global(&unit.sema.module, output.writer).map_err(laid_out)?;
            vm.add_global(&unit.sema.module, output.lock).map_err(laid_out)?;
        }
        let library = unit.sema.module.files.iter().map(|path| path.starts_with(FOLDER)).collect();
        let sources = Arc::new(unit.sema.sources.clone());
        let warnings =
            unit.warnings().into_iter().map(|warning| Diagnostic::new(warning, sources.clone())).collect();
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Ok(Program {
            inner: Arc::new(Inner {
                id,
                engine,
                vm,
                unit: Mutex::new(unit),
                context,
                output,
                library,
                main,
                warnings,
                tiers: tier::Slots::default(),
            }),
        })
    }
    pub(crate) fn id(&self) -> u64 {
        self.inner.id
    }
    pub(crate) fn vm(&self) -> &Arc<sx_vm::Program> {
        &self.inner.vm
    }
    pub(crate) fn context(&self) -> GlobalId {
        self.inner.context
    }
    pub(crate) fn output(&self) -> Option<output::Layout> {
        self.inner.output
    }
    /// Which files are the library's.
    pub(crate) fn library(&self) -> &Arc<[bool]> {
        &self.inner.library
    }
    pub(crate) fn main(&self) -> Option<&Export> {
        self.inner.main.as_ref()
    }
    /// The error of running a program that has no `main`.
    pub(crate) fn missing_main(&self) -> Error {
        let unit = self.inner.unit.lock();
        let diagnostic = unit.sema.missing_main(unit.root);
        let sources = Arc::new(unit.sema.sources.clone());
        Error::new(ErrorKind::NotFound, "the program has no `main`")
            .with_diagnostic(Diagnostic::new(diagnostic, sources))
    }
    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }
    pub(crate) fn unit(&self) -> &Mutex<Unit> {
        &self.inner.unit
    }
    pub(crate) fn sources(&self) -> Sources {
        self.inner.unit.lock().sema.sources.clone()
    }
    /// The name of an error.
    pub(crate) fn error_name(&self, tag: u32) -> Arc<str> {
        self.inner.unit.lock().sema.error_name(tag).into()
    }
    /// What was done to make machine code of the program.
    pub fn tier_stats(&self) -> TierStats {
        self.inner.tiers.stats()
    }
    /// Gets ready to run machine code in instances that count work, or in those that don't.
    pub(crate) fn prepare_tier(&self, counts: bool) {
        let inner = Arc::downgrade(&self.inner);
        let source = move || {
            inner.upgrade().map_or_else(sx_ir::Module::new, |inner| inner.unit.lock().sema.module.code_only())
        };
        self.inner.tiers.prepare(&self.inner.engine.inner.tiers, &self.inner.vm, counts, Box::new(source));
    }
    /// Makes an instance with the engine's limits.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn instantiate(&self) -> Result<Instance> {
        self.instance().build()
    }
    /// Starts to configure an instance.
    pub fn instance(&self) -> InstanceBuilder {
        InstanceBuilder {
            program: self.clone(),
            limits: self.engine().inner.limits.clone(),
            args: Vec::new(),
            output: None,
        }
    }
    /// Warnings of the compiler, in source order.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.inner.warnings
    }
    /// True when the program has a `main`, see [`Instance::run_main`].
    pub fn has_main(&self) -> bool {
        self.inner.main.is_some()
    }
    /// The names of what the program's first file declares, in source order.
    pub fn names(&self) -> Vec<String> {
        let unit = self.inner.unit.lock();
        unit.sema.names(unit.root)
    }
    /// Looks a function of the program's first file up and compares its signature with the host's types.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such function, [`ErrorKind::Signature`] when it is another one; the message
    /// names both signatures.
    pub fn func<A: Args, R: Returns>(&self, name: &str) -> Result<TypedFunc<A, R>> {
        let mut unit = self.inner.unit.lock();
        let root = unit.root;
        let Some(export) = unit.sema.export(root, name) else {
            return Err(no_function(&mut unit.sema, root, name));
        };
        compare(&mut unit.sema, name, &export.sig, &A::descs(), &<R::Value as Value>::desc(), R::FAILABLE)?;
        let prepared = self.inner.vm.prepare(export.func);
        match prepared {
            Some(prepared) => Ok(TypedFunc::new(prepared, self)),
            None => Err(Error::new(ErrorKind::NotFound, format!("`{name}` has no code"))),
        }
    }
    /// Looks a variable of the program's first file up and compares its type with the host's.
    ///
    /// # Errors
    /// As for [`Program::func`].
    pub fn global<T: FromSx>(&self, name: &str) -> Result<Global<T>> {
        let mut unit = self.inner.unit.lock();
        let root = unit.root;
        let Some((global, ty)) = unit.sema.global(root, name) else {
            let message = match unit.sema.names(root).iter().any(|known| known == name) {
                true => format!("`{name}` isn't a variable"),
                false => format!("the program has no variable `{name}`"),
            };
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        let accepted = T::desc().accepts(&mut unit.sema, ty);
        accepted.map_err(|detail| Error::new(ErrorKind::Signature, format!("`{name}`: {detail}")))?;
        let laid_out = self.inner.vm.add_global(&unit.sema.module, global);
        laid_out.map_err(|message| Error::new(ErrorKind::Link, message))?;
        Ok(Global::new(global, self))
    }
    /// The `test` blocks of the program's first file, in source order.
    pub fn tests(&self) -> Vec<Test> {
        let mut unit = self.inner.unit.lock();
        let root = unit.root;
        let cases = unit.sema.tests(root);
        let make = |case: sx_sema::TestCase| {
            let file = unit.sema.sources.get(case.loc.file);
            let (line, _) = file.line_col(case.loc.span.lo);
            Test { name: case.name, path: file.path.clone(), line, func: case.func }
        };
        cases.into_iter().map(make).collect()
    }
    /// The middle form as text; without the library's functions unless `all`.
    pub fn ir_text(&self, all: bool) -> String {
        use sx_ir::print::{PrintOptions, print_func, print_module};
        let unit = self.inner.unit.lock();
        let module = &unit.sema.module;
        if all {
            return print_module(module, PrintOptions::default());
        }
        let mut out = String::new();
        for (id, func) in own_functions(&unit.sema) {
            out.push_str(&print_func(id, func, Some(module), PrintOptions::default()));
            out.push('\n');
        }
        out
    }
    /// The bytecode as text; without the library's functions unless `all`.
    pub fn bytecode_text(&self, all: bool) -> String {
        let unit = self.inner.unit.lock();
        let ids: Vec<FuncId> = match all {
            true => (0..unit.sema.module.funcs.len() as u32).map(FuncId).collect(),
            false => own_functions(&unit.sema).map(|(id, _)| id).collect(),
        };
        let texts: Vec<String> = ids.into_iter().filter_map(|id| self.inner.vm.disassemble(id)).collect();
        texts.join("\n")
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("id", &self.inner.id).finish_non_exhaustive()
    }
}

/// The functions that don't belong to the library.
fn own_functions(sema: &Sema) -> impl Iterator<Item = (FuncId, &Arc<sx_ir::Func>)> {
    let funcs = sema.module.funcs.iter().enumerate();
    funcs.filter_map(|(index, func)| {
        let func = func.as_ref()?;
        // What was inlined may come from elsewhere, and code before the first statement has no place.
        let mut places = func.locs.iter().filter(|loc| loc.inlined_at.is_none());
        let file = places.find(|loc| (loc.file, loc.offset) != (0, 0)).map_or(0, |loc| loc.file);
        let own = sema.module.files.get(file as usize).is_none_or(|path| !path.starts_with(FOLDER));
        own.then_some((FuncId(index as u32), func))
    })
}

/// Says what the compiler finds in a file and the files that it imports.
///
/// # Errors
/// When compile-time code printed what couldn't be written.
pub(crate) fn check(mut unit: Unit) -> Result<Vec<Diagnostic>> {
    unit.sema.check_file(unit.root);
    unit.sema.main_func(unit.root);
    let mut next = 0;
    while next < unit.sema.sources.len() {
        let file = FileId(next as u32);
        if file != unit.root && !unit.sema.sources.get(file).path.starts_with(FOLDER) {
            unit.sema.check_file(file);
        }
        next += 1;
    }
    // What keeps it from being lowered is among the diagnostics, unless that is no fault of the program.
    if let Err(error) = unit.lower()
        && error.kind() != ErrorKind::Compile
    {
        return Err(error);
    }
    let sources = Arc::new(unit.sema.sources.clone());
    let diagnostics = unit.diagnostics().into_iter();
    Ok(diagnostics.map(|diagnostic| Diagnostic::new(diagnostic, sources.clone())).collect())
}

#[cold]
fn no_function(sema: &mut Sema, root: FileId, name: &str) -> Error {
    let message = match sema.names(root).iter().any(|known| known == name) {
        true => format!("`{name}` isn't a function that can be called from outside: generic functions can't"),
        false => format!("the program has no function `{name}`"),
    };
    Error::new(ErrorKind::NotFound, message)
}

/// Compares a function's signature with the host's types.
fn compare(
    sema: &mut Sema,
    name: &str,
    sig: &FnSig,
    params: &[TypeDesc],
    ret: &TypeDesc,
    failable: bool,
) -> Result<()> {
    let (value, fails) = match *sema.types.kind(sig.ret) {
        TypeKind::Failable { value, .. } => (value, true),
        _ => (sig.ret, false),
    };
    let mut problem = None;
    if sig.conv != Conv::Sx {
        problem = Some("it has the C ABI; wrap it in a function of the language's own".to_owned());
    } else if sig.params.len() != params.len() {
        problem = Some(format!("it takes {}, not {}", counted(sig.params.len()), params.len()));
    } else if fails != failable {
        problem = Some(match fails {
            true => "it can fail: ask for a `Result<_, SxError>`".to_owned(),
            false => "it can't fail".to_owned(),
        });
    }
    let wanted = params.iter().zip(&sig.params).enumerate();
    for (index, (desc, &ty)) in wanted {
        if problem.is_none()
            && let Err(detail) = desc.accepts(sema, ty)
        {
            problem = Some(format!("parameter {}: {detail}", index + 1));
        }
    }
    // A function that never returns gives every type.
    if problem.is_none()
        && value != TypeId::NORETURN
        && let Err(detail) = ret.accepts(sema, value)
    {
        problem = Some(format!("the result: {detail}"));
    }
    let Some(problem) = problem else { return Ok(()) };
    let there: Vec<String> = sig.params.iter().map(|&ty| sema.type_name(ty)).collect();
    let there = format!("({}) -> {}", there.join(", "), sema.type_name(sig.ret));
    let here = format!("({}) -> {ret}{}", listed(params), if failable { " !" } else { "" });
    let message = format!("`{name}` is `{there}`, and the host asks for `{here}`: {problem}");
    Err(Error::new(ErrorKind::Signature, message))
}

fn counted(n: usize) -> String {
    if n == 1 { "1 parameter".into() } else { format!("{n} parameters") }
}

/// Configures an [`Instance`].
pub struct InstanceBuilder {
    pub(crate) program: Program,
    pub(crate) limits: Limits,
    pub(crate) args: Vec<String>,
    pub(crate) output: Option<Box<dyn Output>>,
}

impl InstanceBuilder {
    /// What the instance may use, in place of the engine's limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> InstanceBuilder {
        self.limits = limits;
        self
    }
    /// The program's arguments, its name first.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> InstanceBuilder {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }
    /// Where standard output and standard error go, in place of the process's.
    #[must_use]
    pub fn output(mut self, output: impl Output + 'static) -> InstanceBuilder {
        self.output = Some(Box::new(output));
        self
    }
    /// Makes the instance.
    ///
    /// # Errors
    /// When there is no memory for it, or its data names a symbol that isn't found.
    pub fn build(self) -> Result<Instance> {
        Instance::make(self)
    }
}

impl std::fmt::Debug for InstanceBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstanceBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
