//! The state of one compilation and its public face.

use crate::symbols::{Sym, Symbols};
use crate::types::{EnumId, ProtocolId, StructId, TypeId, Types};
use crate::value::CVal;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::sync::Arc;
use sx_ir::layout::Target;
use sx_ir::{DataId, ExternId, FuncId, GlobalId, Module};
use sx_syntax::ast::{self, Idx};
use sx_syntax::diag::{Diagnostic, Severity};
use sx_syntax::source::{File, Sources};
use sx_syntax::span::{FileId, Loc, Span};

use crate::check::{Asked, Within};
use crate::lower::LowerCache;
use crate::thir::FnSig;

/// A file that an import names.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The path that identifies it: two imports of one path are one file.
    pub path: Arc<str>,
    /// The parsed file.
    pub file: Arc<File>,
}

/// Why an import can't be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadError {
    /// In plain words.
    pub message: String,
    /// Where it was looked for.
    pub searched: Vec<String>,
}

/// Finds and parses imported files; the driver's part of the search rules.
pub trait Loader {
    /// The files behind `request`, as written in the file `importer`: one, or all of a directory.
    ///
    /// # Errors
    /// When nothing is there or it can't be read.
    fn load(&mut self, importer: &str, request: &str) -> Result<Vec<Loaded>, LoadError>;
}

/// What a compile-time run came to.
#[derive(Clone, PartialEq, Debug)]
pub enum ComptimeOutcome {
    /// The results' registers.
    Done(Vec<u64>),
    /// It trapped or ran out of budget: the message and the places, innermost first (file, offset).
    Trap(String, Vec<(u32, u32)>),
    /// It called a function that has no body yet; define it and resume.
    Need(FuncId),
    /// It may hand these functions to C, which can't wait for them; define those that can be, and resume.
    Provide(Vec<FuncId>),
}

/// A global or data of the module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Held {
    Global(GlobalId),
    Data(DataId),
}

/// Runs functions at compile time.
pub trait Comptime {
    /// Looks at the compilation before code runs or goes on.
    fn prepare(&mut self, _sema: &mut Sema) {}
    /// Starts `func` with these argument registers; `rets` result registers are wanted.
    fn start(&mut self, module: &Module, func: FuncId, args: &[u64], rets: usize) -> ComptimeOutcome;
    /// Goes on after a `Need` was served.
    fn resume(&mut self, module: &Module) -> ComptimeOutcome;
    /// These functions have other bodies than before: calls that begin from now on run those.
    fn replace(&mut self, module: &Module, funcs: &[FuncId]);
    /// Forgets the call that waits for a function.
    fn abandon(&mut self);
    /// The first slots of what the function is called with that the newest call waits for: the context, then the arguments.
    fn waiting_args(&mut self, slots: usize) -> Vec<u64>;
    /// Goes on as if the function that was waited for had returned these results, or had trapped with this message.
    fn answer(&mut self, module: &Module, answer: Result<Vec<u64>, String>) -> ComptimeOutcome;
    /// The address of a copy of these bytes that stays as long as code runs.
    fn keep(&mut self, bytes: &[u8]) -> u64;
    /// Where the globals and data are that running code has, and how large.
    fn places(&mut self, module: &Module) -> Vec<(u64, u64, Held)>;
    /// The function that a function value is.
    fn function(&self, value: u64) -> Option<FuncId>;
    /// Copies memory that a result points at; none when it isn't readable.
    fn read(&self, addr: u64, len: usize) -> Option<Vec<u8>>;
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub u32);
    )*};
}

id! {
    /// A declaration.
    DeclId;
    /// A function as declared, before instantiation.
    FnId;
    /// A function with all compile-time arguments.
    InstId;
    /// A generic struct or union.
    GenericId;
    /// A static scope.
    ScopeId;
    /// A protocol as declared.
    ProtoDeclId;
    /// What a namespaced import names.
    NamespaceId;
    /// An `impl` block.
    ImplId;
}

/// A file's declarations.
#[derive(Debug)]
pub(crate) struct FileScope {
    pub file: Arc<File>,
    pub syms: Vec<Sym>,
    pub decls: FxHashMap<Sym, DeclId>,
    pub imports: Vec<FlatImport>,
    pub scope: ScopeId,
    /// Namespaced imports of one request are one namespace.
    pub tests: Vec<Idx<ast::TestDecl>>,
    pub asserts: Vec<ast::StmtId>,
    pub runs: Vec<ast::StmtId>,
    /// `#insert`s that weren't looked at yet, each with the file whose tree it is in.
    pub inserts: Vec<(FileId, ast::ExprId)>,
    /// The file that this is inserted text of.
    pub part_of: Option<FileId>,
    /// The texts inserted into this file's module.
    pub parts: Vec<FileId>,
    /// Where the parser found errors: what surrounds them isn't checked, since its tree isn't what was meant.
    pub broken: Vec<Span>,
}

/// `#import "…";`
#[derive(Debug)]
pub(crate) struct FlatImport {
    pub request: Box<str>,
    pub span: Span,
    pub files: Option<Vec<FileId>>,
}

/// What is bound in a static scope.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    Decl(DeclId),
    Const(TypeId, CVal),
}

/// A static scope: what nested declarations can see of what surrounds them.
#[derive(Debug)]
pub(crate) struct Scope {
    pub parent: Option<ScopeId>,
    pub file: FileId,
    pub names: Vec<(Sym, Bound)>,
}

/// How something was declared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DeclKind {
    Const(Idx<ast::ConstDecl>),
    Var(Idx<ast::VarDecl>, u32),
}

/// A declaration and what it has turned out to be.
#[derive(Clone, Debug)]
pub(crate) struct Decl {
    pub name: Sym,
    pub file: FileId,
    pub scope: ScopeId,
    pub kind: DeclKind,
    pub state: DeclState,
    /// The type that a method belongs to.
    pub owner: Option<TypeId>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum DeclState {
    Todo,
    Busy,
    Done(DeclVal),
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum DeclVal {
    Error,
    Const(TypeId, CVal),
    Func(FnId),
    Generic(GenericId),
    Global(GlobalId, TypeId),
    ExternVar(ExternId, TypeId),
    Namespace(NamespaceId),
    Library(Sym),
    Protocol(ProtoDeclId),
}

/// A function as declared.
#[derive(Clone, Debug)]
pub(crate) struct FnDecl {
    pub file: FileId,
    pub scope: ScopeId,
    pub ast: Idx<ast::FuncExpr>,
    pub name: Sym,
    pub owner: Option<TypeId>,
    /// Has compile-time parameters.
    pub generic: bool,
    pub ufcs: bool,
    pub span: Span,
    /// An impl's or default method's `Self`.
    pub builtin: bool,
    /// The parameter that takes a pack, and of what.
    pub pack: Option<(u32, PackKind)>,
}

impl FnDecl {
    /// What a parameter takes, if that is a pack.
    pub(crate) fn pack_at(&self, index: usize) -> Option<PackKind> {
        self.pack.filter(|&(at, _)| at as usize == index).map(|(_, kind)| kind)
    }
}

/// What a variadic parameter takes, where that isn't a slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PackKind {
    /// `..$args`: values, each of a type of its own.
    Values,
    /// `..$Ts: []Type`.
    Types,
    /// `..$ns: []i64`: constants.
    Consts,
    /// `..xs: P`: values that are seen through a protocol.
    Through(ProtoDeclId),
}

/// A parameter of an instance.
#[derive(Clone, Debug)]
pub(crate) struct InstParam {
    /// Index in the declaration.
    pub decl: u32,
    pub name: Sym,
    pub ty: TypeId,
    /// Element of the pack with this position.
    pub pack: Option<u32>,
}

/// A function with its compile-time arguments.
#[derive(Clone, Debug)]
pub(crate) struct Inst {
    pub decl: FnId,
    pub func: FuncId,
    pub scope: ScopeId,
    pub params: Vec<InstParam>,
    pub sig: FnSig,
    /// The set of a failable.
    pub set: Option<crate::types::ErrorSetId>,
    pub ext: Option<ExternId>,
    pub state: InstState,
    /// Who asked for it first: the instantiation chain.
    pub from: Option<(Within, Loc)>,
    /// `-> $R`: known once the body is checked.
    pub infer_ret: bool,
    pub label: Option<Arc<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InstState {
    Todo,
    Busy,
    Done,
}

/// A generic struct or union.
#[derive(Clone, Debug)]
pub(crate) struct GenericType {
    pub file: FileId,
    pub scope: ScopeId,
    pub name: Sym,
    pub ast: Idx<ast::StructExpr>,
    pub is_union: bool,
    pub decl_span: Span,
}

/// What the checker knows of a struct, union or enum beside its type.
#[derive(Clone, Debug)]
pub(crate) struct NominalInfo {
    pub file: FileId,
    pub scope: ScopeId,
    pub members: FxHashMap<Sym, Member>,
    pub source: NominalSource,
    pub busy: bool,
    /// For structs: default of each field, by field index.
    pub defaults: Vec<Option<ast::ExprId>>,
    /// The generic it is an instance of, with its arguments.
    pub generic: Option<(GenericId, Arc<[CVal]>)>,
    /// Who asked for it first: the instantiation chain.
    pub asked: Asked,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum NominalSource {
    Struct(Idx<ast::StructExpr>),
    Enum(Idx<ast::EnumExpr>),
    /// Made at compile time.
    Made,
}

/// A constant, method or property of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub decl: DeclId,
    /// `#set` of the same name.
    pub setter: Option<DeclId>,
}

/// A protocol as declared.
#[derive(Clone, Debug)]
pub(crate) struct ProtoDecl {
    pub file: FileId,
    pub scope: ScopeId,
    pub name: Sym,
    pub ast: Idx<ast::ProtocolExpr>,
}

/// A protocol instance's methods as declared.
#[derive(Clone, Debug)]
pub(crate) struct ProtoInfo {
    pub decl: ProtoDeclId,
    pub args: Arc<[CVal]>,
    pub scope: ScopeId,
    pub busy: bool,
}

/// An `impl` block; protocol and target are found when first looked at.
#[derive(Clone, Debug)]
pub(crate) struct ImplInfo {
    pub file: FileId,
    pub ast: Idx<ast::ImplDecl>,
    pub span: Span,
    pub resolved: Option<Option<(ProtocolId, TypeId)>>,
    pub methods: FxHashMap<Sym, DeclId>,
    /// What is wrong with it has been said.
    pub checked: bool,
    /// `impl P for List($T)`: stands for as many as there are types that fit.
    pub generic: bool,
    /// The generic one that this is for one type of.
    pub of: Option<ImplId>,
}

/// What a build knows beside its sources.
#[derive(Clone, Debug)]
pub struct Options {
    /// Layouts follow it. When it, `os` or `arch` isn't that of this machine, what runs while compiling is checked a second
    /// time, for this machine.
    pub target: Target,
    /// `BUILD_MODE`.
    pub build_mode: String,
    /// `OS`, by the names of [`std::env::consts::OS`].
    pub os: String,
    /// `ARCH`, by the names of [`std::env::consts::ARCH`].
    pub arch: String,
    /// For a build script: names and values that the build was given.
    pub build_values: Option<Vec<(String, String)>>,
    /// User `extern` declarations are allowed.
    pub allow_extern: bool,
    /// How deep generic instances may nest.
    pub max_instance_depth: u32,
    /// How many instances there may be.
    pub max_instances: u32,
    /// How many errors are kept, and how many warnings.
    pub max_errors: usize,
    /// How many bytes of the thread's stack checking may take; asked whenever it begins. Declarations that need each other
    /// in a chain nest as expressions do. When they are used up, checking goes on with stacks of its own, a limited number.
    pub stack_bytes: fn() -> usize,
}

/// About where the stack ends now; it grows towards lower addresses.
#[inline(always)]
pub(crate) fn stack_address() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

impl Default for Options {
    fn default() -> Options {
        Options {
            target: Target::HOST,
            build_mode: "debug".to_string(),
            build_values: None,
            os: std::env::consts::OS.to_string(),
            arch: std::env::consts::ARCH.to_string(),
            allow_extern: true,
            max_instance_depth: 128,
            max_instances: 1_000_000,
            max_errors: 200,
            stack_bytes: || 1 << 20,
        }
    }
}

/// A `test` block that was asked for.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub loc: Loc,
    /// Its function: no parameters, `-> !`.
    pub func: FuncId,
}

/// A function that can be called from outside, with its types.
#[derive(Clone, Debug)]
pub struct Export {
    /// Its id.
    pub func: FuncId,
    /// Its signature.
    pub sig: FnSig,
}

/// One compilation.
pub struct Sema {
    /// Names.
    pub symbols: Symbols,
    /// Types.
    pub types: Types,
    /// The program so far.
    pub module: Module,
    /// Its files.
    pub sources: Sources,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
    /// How the build was asked for.
    pub options: Options,
    pub(crate) lower: LowerCache,
    pub(crate) context_global: Option<GlobalId>,
    pub(crate) loader: Box<dyn Loader + Send>,
    pub(crate) comptime: Option<Box<dyn Comptime + Send>>,
    pub(crate) errors: usize,
    /// Errors, told or only met again, in what is being checked: a body, a declaration.
    pub(crate) faults: u32,
    pub(crate) warnings: usize,
    pub(crate) reported: FxHashSet<(Loc, &'static str)>,
    pub(crate) files: Vec<FileScope>,
    pub(crate) paths: FxHashMap<Arc<str>, FileId>,
    pub(crate) namespaces: Vec<Vec<FileId>>,
    pub(crate) namespace_ids: FxHashMap<Vec<FileId>, NamespaceId>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) decls: Vec<Decl>,
    /// The declarations that are being decided, each asked for by the one before.
    pub(crate) deciding: Vec<DeclId>,
    pub(crate) fns: Vec<FnDecl>,
    /// Shared with whoever looks at one while others are added.
    insts: Vec<Arc<Inst>>,
    pub(crate) inst_ids: FxHashMap<(FnId, Box<[CVal]>), InstId>,
    pub(crate) generics: Vec<GenericType>,
    pub(crate) generic_ids: FxHashMap<(GenericId, Arc<[CVal]>), TypeId>,
    pub(crate) struct_info: Vec<NominalInfo>,
    pub(crate) enum_info: Vec<NominalInfo>,
    pub(crate) proto_decls: Vec<ProtoDecl>,
    pub(crate) proto_info: Vec<ProtoInfo>,
    pub(crate) proto_ids: FxHashMap<(ProtoDeclId, Arc<[CVal]>), ProtocolId>,
    pub(crate) impls: Vec<ImplInfo>,
    pub(crate) inserts: crate::check::Inserts,
    /// Arenas of bodies that were lowered, for the next ones.
    pub(crate) bumps: Vec<bumpalo::Bump>,
    pub(crate) impl_index: crate::check::ImplIndex,
    /// Nominal types by the expression and scope that made them.
    pub(crate) local_types: FxHashMap<(FileId, ast::ExprId, ScopeId), TypeId>,
    pub(crate) func_insts: FxHashMap<FuncId, InstId>,
    pub(crate) queue: VecDeque<InstId>,
    pub(crate) laid_out: Vec<bool>,
    pub(crate) const_data: FxHashMap<(TypeId, CVal), DataId>,
    pub(crate) context_ty: Option<TypeId>,
    pub(crate) set_checks: Vec<SetCheck>,
    pub(crate) escapes: FxHashMap<(FnId, u32), bool>,
    pub(crate) checked_insts: u64,
    /// The address that the stack may grow to.
    pub(crate) stack_end: usize,
    /// How many more stacks there are, each begun when the one before was used up.
    pub(crate) more_stacks: u32,
    /// It was said that something nests too deeply.
    pub(crate) told_depth: bool,
    pub(crate) property_names: FxHashSet<Sym>,
    /// The function that fills an inferred set.
    pub(crate) set_owners: FxHashMap<crate::types::ErrorSetId, InstId>,
    pub(crate) test_funcs: FxHashMap<Loc, TestBody>,
    /// What was frozen, so that constants can be read back.
    pub(crate) data_values: FxHashMap<DataId, CVal>,
    pub(crate) default_fns: FxHashMap<(FileId, ast::ExprId, TypeId), FnId>,
    pub(crate) const_results: FxHashMap<FuncId, CVal>,
    pub(crate) fmt_fns: FxHashMap<Sym, Option<FnId>>,
    /// What the environments of closures hold, by their code: a tuple.
    pub(crate) closure_envs: FxHashMap<FuncId, TypeId>,
    /// Of which type the value behind a protocol value is, by its first function.
    pub(crate) erased_types: FxHashMap<FuncId, TypeId>,
    pub(crate) making: crate::comptime::Making,
    pub(crate) erased: crate::check::Erased,
    /// Where the program can be entered.
    pub(crate) roots: indexmap::IndexSet<FuncId, FxBuildHasher>,
    /// The compilation that code runs in, if it can't be this one.
    pub(crate) world: Option<Box<crate::comptime::World>>,
    /// Where things come from, if this is one of two compilations.
    pub(crate) traces: Option<Box<crate::comptime::Traces>>,
    /// What is noted for a session.
    pub(crate) watch: Option<Box<crate::incremental::Watch>>,
}

/// A `test` block that was checked.
#[derive(Clone, Debug)]
pub(crate) struct TestBody {
    pub file: FileId,
    pub name: Arc<str>,
    pub body: ast::ExprId,
    /// Its function; none after an error.
    pub func: Option<FuncId>,
}

/// A widening that can be judged only when an inferred set is known.
#[derive(Clone, Debug)]
pub(crate) struct SetCheck {
    pub from: crate::types::ErrorSetId,
    pub to: crate::types::ErrorSetId,
    pub loc: Loc,
    pub work: Option<crate::incremental::Work>,
}

impl Sema {
    /// An empty compilation.
    pub fn new(options: Options, loader: Box<dyn Loader + Send>) -> Sema {
        let types = Types::new(options.target);
        let (world, loader) = match options.is_foreign() {
            true => {
                let (world, loader) = crate::comptime::World::beside(&options, loader);
                (Some(world), loader)
            }
            false => (None, loader),
        };
        let mut module = Module::new();
        module.target = options.target;
        Sema {
            symbols: Symbols::default(),
            types,
            module,
            sources: Sources::new(),
            diagnostics: Vec::new(),
            lower: LowerCache::default(),
            context_global: None,
            options,
            loader,
            comptime: None,
            errors: 0,
            faults: 0,
            warnings: 0,
            reported: FxHashSet::default(),
            files: Vec::new(),
            paths: FxHashMap::default(),
            namespaces: Vec::new(),
            namespace_ids: FxHashMap::default(),
            scopes: Vec::new(),
            decls: Vec::new(),
            deciding: Vec::new(),
            fns: Vec::new(),
            insts: Vec::new(),
            inst_ids: FxHashMap::default(),
            generics: Vec::new(),
            generic_ids: FxHashMap::default(),
            struct_info: Vec::new(),
            enum_info: Vec::new(),
            proto_decls: Vec::new(),
            proto_info: Vec::new(),
            proto_ids: FxHashMap::default(),
            impls: Vec::new(),
            inserts: crate::check::Inserts::default(),
            bumps: Vec::new(),
            impl_index: crate::check::ImplIndex::default(),
            local_types: FxHashMap::default(),
            func_insts: FxHashMap::default(),
            queue: VecDeque::new(),
            laid_out: Vec::new(),
            const_data: FxHashMap::default(),
            context_ty: None,
            set_checks: Vec::new(),
            escapes: FxHashMap::default(),
            checked_insts: 0,
            stack_end: 0,
            more_stacks: 0,
            told_depth: false,
            property_names: FxHashSet::default(),
            set_owners: FxHashMap::default(),
            test_funcs: FxHashMap::default(),
            data_values: FxHashMap::default(),
            default_fns: FxHashMap::default(),
            const_results: FxHashMap::default(),
            fmt_fns: FxHashMap::default(),
            closure_envs: FxHashMap::default(),
            erased_types: FxHashMap::default(),
            making: crate::comptime::Making::default(),
            erased: crate::check::Erased::default(),
            roots: indexmap::IndexSet::default(),
            traces: world.is_some().then(Box::default),
            world,
            watch: None,
        }
    }

    /// Gives the compilation something that runs functions at compile time: those of [`Sema::running`].
    pub fn set_comptime(&mut self, comptime: Box<dyn Comptime + Send>) {
        self.running().comptime = Some(comptime);
    }

    /// Something is asked for from outside: the stack's use counts from here.
    pub(crate) fn mark_stack(&mut self) {
        if self.more_stacks > 0 {
            // Asked by what this compilation itself runs.
            return;
        }
        self.stack_end = stack_address().saturating_sub((self.options.stack_bytes)());
    }

    /// True when checking has taken all of the stack that it may.
    #[inline]
    pub(crate) fn is_stack_low(&self) -> bool {
        stack_address() < self.stack_end
    }

    /// True when something keeps the program from running.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Checks something whose errors are its own: what asked for it goes by what comes of it.
    pub(crate) fn apart<R>(&mut self, work: impl FnOnce(&mut Sema) -> R) -> R {
        let outer = std::mem::take(&mut self.faults);
        let result = work(self);
        self.faults = outer;
        result
    }

    /// Remembers that what is being checked has no meaning, because of an error that was told.
    pub(crate) fn fault(&mut self) {
        self.faults = self.faults.saturating_add(1);
    }

    /// How many function bodies have been checked so far.
    pub fn checked_bodies(&self) -> u64 {
        self.checked_insts
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        let error = diagnostic.severity == Severity::Error;
        self.faults = self.faults.saturating_add(u32::from(error));
        if !self.reported.insert((diagnostic.loc, diagnostic.code.as_str())) {
            self.watch_repeat(diagnostic);
            return;
        }
        // Counted whether kept or not: what isn't shown keeps the program from running all the same.
        let count = if error { &mut self.errors } else { &mut self.warnings };
        *count += 1;
        if *count <= self.options.max_errors {
            self.diagnostics.push(diagnostic);
        }
        self.watch_report();
    }

    pub(crate) fn sym(&mut self, text: &str) -> Sym {
        self.symbols.intern(text)
    }

    pub(crate) fn text(&self, sym: Sym) -> &str {
        self.symbols.text(sym)
    }

    /// A type as users read it.
    pub fn type_name(&self, ty: TypeId) -> String {
        self.types.display(ty, &self.symbols)
    }

    pub(crate) fn file(&self, id: FileId) -> &FileScope {
        &self.files[id.0 as usize]
    }
    pub(crate) fn decl(&self, id: DeclId) -> &Decl {
        &self.decls[id.0 as usize]
    }
    pub(crate) fn fn_decl(&self, id: FnId) -> &FnDecl {
        &self.fns[id.0 as usize]
    }
    pub(crate) fn inst(&self, id: InstId) -> &Arc<Inst> {
        &self.insts[id.0 as usize]
    }
    pub(crate) fn inst_mut(&mut self, id: InstId) -> &mut Inst {
        Arc::make_mut(&mut self.insts[id.0 as usize])
    }
    /// How many instances there are.
    pub(crate) fn inst_count(&self) -> usize {
        self.insts.len()
    }
    pub(crate) fn add_inst(&mut self, inst: Inst) -> InstId {
        self.insts.push(Arc::new(inst));
        InstId(self.insts.len() as u32 - 1)
    }
    pub(crate) fn struct_info(&self, id: StructId) -> &NominalInfo {
        &self.struct_info[id.0 as usize]
    }
    pub(crate) fn enum_info(&self, id: EnumId) -> &NominalInfo {
        &self.enum_info[id.0 as usize]
    }
    pub(crate) fn new_scope(
        &mut self,
        parent: Option<ScopeId>,
        file: FileId,
        names: Vec<(Sym, Bound)>,
    ) -> ScopeId {
        self.scopes.push(Scope { parent, file, names });
        ScopeId(self.scopes.len() as u32 - 1)
    }
}
