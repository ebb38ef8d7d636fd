//! Programs: compiled functions, shared by all instances that run them.

use crate::bytecode::Word;
use crate::codegen::{self, CompileError};
use crate::instance::PreparedCall;
use crate::machine::natives::Natives;
use crate::machine::{CodeMap, Compiled, FrameMap, LoopEntry, Samples, place};
use crate::objects::{Object, Objects, Place};
use crate::trap::{FrameInfo, RawFrame};
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use sx_ir::parallel::{self, Threads};
use sx_ir::{
    CSignature, CStruct, DataId, Extern, ExternId, ExternKind, Func, FuncId, GlobalId, LocId, Module, Sig,
    SigId, Signature,
};

/// The class of a function whose signature isn't known yet.
pub(crate) const ANY_CLASS: u32 = u32::MAX;

/// A compiled function.
#[derive(Debug)]
pub(crate) struct Code {
    pub id: FuncId,
    pub words: Box<[Word]>,
    /// The size of its frame.
    pub frame_slots: u32,
    /// Which position begins at which word; sorted.
    pub locs: Box<[(u32, LocId)]>,
    /// The words whose bounds checks were asked for with an unsigned index, as stretches; sorted.
    pub unsigned: Box<[(u32, u32)]>,
    /// What it was made from: names, positions, signature.
    pub func: Arc<Func>,
    /// The class of its signature.
    pub class: u32,
}

/// The tables that code of this program refers to.
#[derive(Default)]
pub(crate) struct Tables {
    /// How many functions the module had when code was last compiled; code names none behind them.
    pub func_limit: usize,
    pub classes: FxHashMap<Signature, u32>,
    pub sigs: Vec<Sig>,
    pub c_structs: Vec<CStruct>,
    pub externs: Vec<Extern>,
    pub objects: Objects,
}

impl Tables {
    /// Takes in what was added to the module.
    fn sync(&mut self, module: &Module) {
        self.func_limit = self.func_limit.max(module.funcs.len());
        extend(&mut self.sigs, &module.sigs);
        extend(&mut self.c_structs, &module.c_structs);
        extend(&mut self.externs, &module.externs);
    }
    /// The number of a signature in indirect calls.
    pub fn class(&mut self, sig: &Signature) -> u32 {
        if let Some(&class) = self.classes.get(sig) {
            return class;
        }
        let class = self.classes.len() as u32;
        self.classes.insert(sig.clone(), class);
        class
    }
    /// As [`Tables::class`], of a signature that has a number.
    pub fn known_class(&self, sig: &Signature) -> Result<u32, String> {
        self.classes.get(sig).copied().ok_or_else(|| "a signature without a number".into())
    }
}

fn extend<T: Clone>(table: &mut Vec<T>, source: &[T]) {
    if let Some(new) = source.get(table.len()..) {
        table.extend_from_slice(new);
    }
}

/// Where a function's bytecode begins, and what calls of it look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub code: *const Word,
    pub frame_bytes: u32,
    pub class: u32,
}

#[derive(Default)]
struct Inner {
    codes: Vec<Option<Arc<Code>>>,
    journal: Vec<(FuncId, Entry)>,
    /// How often each function was compiled.
    versions: Vec<u32>,
    /// Code by its address. Replaced code stays: frames may still be in it.
    by_address: BTreeMap<usize, Arc<Code>>,
    tables: Tables,
    room: codegen::Room,
}

/// A program: compiled functions and their data. Append-only: functions are compiled as they are demanded, and nothing that
/// an instance knows ever changes or moves. A replaced function is new code for the calls that come.
#[derive(Default)]
pub struct Program {
    inner: RwLock<Inner>,
    /// Machine code that counts no work, and such that does.
    natives: [Natives; 2],
    /// There may be machine code.
    has_tier: AtomicBool,
    asks_always: AtomicBool,
}

// SAFETY: addresses in cells point at code that the program owns and never changes.
unsafe impl Send for Program {}
// SAFETY: as above.
unsafe impl Sync for Program {}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("compiled", &self.inner.read().journal.len()).finish()
    }
}

impl Program {
    /// An empty program.
    pub fn new() -> Program {
        Program::default()
    }
    /// An empty program whose constants can't be written: a store to one is a trap in instances that have
    /// [`Config::signals`](crate::Config), and the end of the process in others.
    pub fn with_protected_constants() -> Program {
        let program = Program::default();
        program.inner.write().tables.objects = Objects::new(crate::fault::supported());
        program
    }
    /// Protects constants that were laid out since the last time.
    pub(crate) fn seal(&self) {
        if self.inner.read().tables.objects.is_open() {
            self.inner.write().tables.objects.seal();
        }
    }
    /// Compiles a function of a module to bytecode. The module must be the same one each time, grown by appending; the function
    /// must be verified. A function that has code keeps it.
    ///
    /// # Errors
    /// When the function is too large for bytecode, or refers to things that the module doesn't have.
    pub fn compile(&self, module: &Module, id: FuncId) -> Result<(), CompileError> {
        let mut inner = self.inner.write();
        inner.tables.sync(module);
        inner.compile(module, id)
    }
    /// Compiles a function again, whose body in the module has changed: calls that begin after [`Instance::grow`]
    /// run the new code, and [`Instance::start`] and the others of its kind grow by themselves. Without code it is left alone.
    ///
    /// [`Instance::grow`]: crate::Instance::grow
    /// [`Instance::start`]: crate::Instance::start
    ///
    /// # Errors
    /// As for [`Program::compile`]; the function keeps the code that it has.
    pub fn replace(&self, module: &Module, id: FuncId) -> Result<(), CompileError> {
        let mut inner = self.inner.write();
        if !inner.has_code(id.index()) {
            return Ok(());
        }
        inner.tables.sync(module);
        inner.compile_anew(module, id)
    }
    /// Compiles every function of the module that has a body and no code yet, on the calling thread.
    ///
    /// # Errors
    /// As for [`Program::compile`]; functions before the one that failed are compiled.
    pub fn compile_all(&self, module: &Module) -> Result<(), CompileError> {
        self.compile_all_on(Threads::ONE, module)
    }
    /// As [`Program::compile_all`], on several threads if there is enough to do. The code doesn't depend on how many.
    ///
    /// # Errors
    /// As for [`Program::compile_all`].
    pub fn compile_all_on(&self, threads: Threads, module: &Module) -> Result<(), CompileError> {
        let mut inner = self.inner.write();
        inner.tables.sync(module);
        inner.compile_all(threads, module)
    }
    /// True when the function has code.
    pub fn has_code(&self, id: FuncId) -> bool {
        self.code(id).is_some()
    }
    /// The signature of a function that has code.
    pub fn signature(&self, id: FuncId) -> Option<Signature> {
        self.code(id).map(|code| code.func.sig.clone())
    }
    /// Looks at a function's signature once, for calls in any instance of this program; none without code.
    pub fn prepare(&self, id: FuncId) -> Option<PreparedCall> {
        self.code(id).map(|code| PreparedCall::new(id, &code.func.sig))
    }
    /// The bytecode of a function as text; none without code.
    pub fn disassemble(&self, id: FuncId) -> Option<String> {
        let code = self.code(id)?;
        let inner = self.inner.read();
        let name = |func: FuncId| {
            inner.codes.get(func.index()).and_then(Option::as_ref).map(|code| code.func.name.to_string())
        };
        Some(crate::bytecode::disasm::disassemble(&code, &name))
    }
    /// Lays out a global, so that instances have it even if no code names it.
    ///
    /// # Errors
    /// When the module doesn't have it, or its data is too large.
    pub fn add_global(&self, module: &Module, id: GlobalId) -> Result<(), String> {
        let mut inner = self.inner.write();
        inner.tables.sync(module);
        inner.tables.objects.global(module, id).map(drop)
    }
    /// The address of a piece of data that all instances share; none when it wasn't laid out or is per instance.
    pub fn data_address(&self, id: DataId) -> Option<*const u8> {
        match self.data_place(id)? {
            Place::Shared(address) => Some(address as *const u8),
            Place::Object(_) => None,
        }
    }
    pub(crate) fn code(&self, id: FuncId) -> Option<Arc<Code>> {
        self.inner.read().codes.get(id.index()).cloned().flatten()
    }
    pub(crate) fn journal(&self, from: usize, take: impl FnOnce(usize, &[(FuncId, Entry)])) {
        let inner = self.inner.read();
        take(inner.tables.func_limit, &inner.journal[from..]);
    }
    /// The objects from a number on, and whether those that are constant are protected.
    pub(crate) fn new_objects(&self, from: usize) -> (Vec<Object>, bool) {
        let inner = self.inner.read();
        let objects = &inner.tables.objects;
        (objects.list[from..].to_vec(), objects.is_protected())
    }
    /// The globals that were laid out, each with its object and that one's size.
    pub(crate) fn known_globals(&self) -> Vec<(GlobalId, u32, usize)> {
        let inner = self.inner.read();
        let objects = &inner.tables.objects;
        objects.known_globals().map(|(id, object)| (id, object, objects.list[object as usize].size)).collect()
    }
    /// The data that was laid out.
    pub(crate) fn known_datas(&self) -> Vec<(DataId, Place)> {
        self.inner.read().tables.objects.known_datas().collect()
    }
    pub(crate) fn global_object(&self, id: GlobalId) -> Option<u32> {
        self.inner.read().tables.objects.known_global(id)
    }
    pub(crate) fn data_place(&self, id: DataId) -> Option<Place> {
        self.inner.read().tables.objects.known_data(id)
    }
    pub(crate) fn extern_symbol(&self, id: ExternId) -> Arc<str> {
        self.inner.read().tables.externs.get(id.index()).map_or("extern", |ext| &ext.symbol).into()
    }
    pub(crate) fn with_extern<R>(
        &self,
        id: ExternId,
        use_it: impl FnOnce(&Extern, Option<(&CSignature, u32)>, &[CStruct]) -> Result<R, String>,
    ) -> Result<R, String> {
        let inner = self.inner.read();
        let tables = &inner.tables;
        let ext = tables.externs.get(id.index()).ok_or_else(|| format!("{id} isn't in the program"))?;
        let sig = match ext.kind {
            ExternKind::Data => None,
            ExternKind::Func(sig) => Some(tables.c_sig(sig)?),
        };
        use_it(ext, sig, &tables.c_structs)
    }
    pub(crate) fn with_c_sig<R>(
        &self,
        id: u32,
        use_it: impl FnOnce(&CSignature, u32, &[CStruct]) -> Result<R, String>,
    ) -> Result<R, String> {
        let inner = self.inner.read();
        let (sig, fixed) = inner.tables.c_sig(SigId(id))?;
        use_it(sig, fixed, &inner.tables.c_structs)
    }
    pub(crate) fn with_c_func<R>(
        &self,
        func: FuncId,
        use_it: impl FnOnce(&CSignature, &[CStruct]) -> Result<R, String>,
    ) -> Result<R, String> {
        let code = self.code(func).ok_or_else(|| format!("function {func} has no code"))?;
        let name = &code.func.name;
        let sig = code.func.c_sig.ok_or_else(|| format!("`{name}` has no C signature"))?;
        let inner = self.inner.read();
        let (sig, _) = inner.tables.c_sig(sig)?;
        use_it(sig, &inner.tables.c_structs)
    }
    /// The frame size of the function that an instruction belongs to, in slots.
    pub(crate) fn frame_slots_at(&self, pc: *const Word) -> usize {
        let inner = self.inner.read();
        let found = inner.by_address.range(..=pc as usize).next_back();
        found.map_or(0, |(_, code)| code.frame_slots as usize)
    }
    /// True for an instruction that checks an index which was an unsigned number.
    pub(crate) fn checks_unsigned(&self, pc: *const Word) -> bool {
        let inner = self.inner.read();
        let Some((&start, code)) = inner.by_address.range(..=pc as usize).next_back() else { return false };
        let word = ((pc as usize - start) / size_of::<Word>()) as u32;
        let before = code.unsigned.partition_point(|&(first, _)| first <= word);
        before.checked_sub(1).is_some_and(|index| word < code.unsigned[index].1)
    }
    /// Names and places of frames; inlined functions are frames of their own.
    pub(crate) fn symbolize<'a>(&self, frames: impl IntoIterator<Item = &'a RawFrame>) -> Vec<FrameInfo> {
        let inner = self.inner.read();
        let mut infos = Vec::new();
        for frame in frames {
            match frame {
                RawFrame::Host(name) => infos.push(FrameInfo::of_host(name.to_string())),
                RawFrame::Thread(id) => infos.push(FrameInfo::of_thread(*id)),
                RawFrame::Code(pc) => match place::machine(*pc) {
                    // The address is behind a call; the one before is within.
                    Some(address) => self.symbolize_machine(address - 1, &mut infos),
                    None => inner.symbolize(*pc, &mut infos),
                },
            }
        }
        infos
    }
}

/// Machine code.
impl Program {
    /// Instances made from now on, and others when they grow, can run machine code. False where none can be entered.
    pub fn enable_machine_code(&self) -> bool {
        let enabled = crate::machine::SUPPORTED && crate::machine::stubs::entry(0).is_some();
        self.has_tier.fetch_or(enabled, Ordering::SeqCst);
        enabled
    }
    pub(crate) fn has_tier(&self) -> bool {
        self.has_tier.load(Ordering::SeqCst)
    }
    pub(crate) fn natives(&self, counts: bool) -> &Natives {
        &self.natives[usize::from(counts)]
    }
    /// Hands in machine code of functions, made for instances that count work or for those that don't. Each [`Compiled`] was
    /// made from the body that [`Program::body`] gave under the number with it. Instances take it up at their next polls.
    pub fn add_machine_code(&self, counts: bool, code: Arc<dyn CodeMap>, functions: &[(Compiled, u32)]) {
        // Arguments and results take so many slots of the frame; machine code has no other frame there.
        let slots = |function: &(Compiled, u32)| {
            let code = self.code(function.0.func);
            let sig = code.as_ref().map(|code| &code.func.sig);
            sig.map_or(0, |sig| sig.params.len().max(sig.rets.len()))
        };
        let slots: Vec<usize> = functions.iter().map(slots).collect();
        self.natives(counts).add(code, functions, &slots);
    }
    /// Asks the executions of instances that count work, or of those that don't, what they do: [`Program::take_samples`]
    /// gives the answers, once they have come to a poll.
    pub fn ask(&self, counts: bool) {
        self.natives(counts).tell();
    }
    /// In instances made from now on, the end of every loop's body goes on as machine code if it can, without having been asked.
    /// Slow otherwise: for tests.
    pub fn ask_always(&self) {
        self.asks_always.store(true, Ordering::SeqCst);
    }
    pub(crate) fn asks_always(&self) -> bool {
        self.asks_always.load(Ordering::SeqCst)
    }
    /// What was answered since the last time.
    pub fn take_samples(&self, counts: bool) -> Samples {
        self.natives(counts).take_samples()
    }
    /// Calls `ring` once, on whichever thread it is, when the next call from outside begins, or [`Program::ask`] is
    /// answered.
    pub fn when_called(&self, counts: bool, ring: Box<dyn Fn() + Send>) {
        self.natives(counts).arm(ring);
    }
    /// Hands in ways from interpreted loops to machine code.
    pub fn add_loop_entries(&self, counts: bool, code: Arc<dyn CodeMap>, entries: &[LoopEntry]) {
        let address = |entry: &LoopEntry| {
            let code = self.code(entry.func)?;
            let word = code.words.get(entry.word as usize)?;
            Some((std::ptr::from_ref(word) as usize, *entry))
        };
        self.natives(counts).add_loops(code, entries.iter().filter_map(address));
    }
    /// Where the values of an interpreted function stand at its loops; none when that can't be told.
    pub fn frame_map(&self, module: &Module, id: FuncId) -> Option<FrameMap> {
        let inner = self.inner.read();
        let code = inner.codes.get(id.index())?.as_ref()?;
        codegen::map::map(module, &code.func, &inner.tables, &code.words, &mut codegen::Room::default())
    }
    /// As [`Program::function_at`], with the number of the word.
    pub(crate) fn word_at(&self, pc: *const Word) -> Option<(FuncId, u32)> {
        let inner = self.inner.read();
        let (&start, code) = inner.by_address.range(..=pc as usize).next_back()?;
        let word = (pc as usize - start) / size_of::<Word>();
        (word < code.words.len()).then_some((code.id, word as u32))
    }
    /// The function that an instruction belongs to.
    pub(crate) fn function_at(&self, pc: *const Word) -> Option<FuncId> {
        self.word_at(pc).map(|(func, _)| func)
    }
    /// What a function was compiled from last, and a number that changes when it is replaced.
    pub fn body(&self, id: FuncId) -> Option<(Arc<Func>, u32)> {
        let inner = self.inner.read();
        let code = inner.codes.get(id.index())?.as_ref()?;
        Some((code.func.clone(), inner.versions[id.index()]))
    }
    pub(crate) fn is_current(&self, id: FuncId, version: u32) -> bool {
        self.inner.read().versions.get(id.index()) == Some(&version)
    }
    /// The number of a signature at calls of function values.
    pub fn signature_class(&self, sig: &Signature) -> Option<u32> {
        self.inner.read().tables.classes.get(sig).copied()
    }
    /// The number of a global's object.
    pub fn object_of_global(&self, id: GlobalId) -> Option<u32> {
        self.global_object(id)
    }
    /// Where data lies that all instances share, or else the number of its object.
    pub fn place_of_data(&self, id: DataId) -> Option<Result<usize, u32>> {
        self.data_place(id).map(|place| match place {
            Place::Shared(address) => Ok(address),
            Place::Object(object) => Err(object),
        })
    }
    pub(crate) fn with_classes(&self, use_them: impl FnOnce(&FxHashMap<Signature, u32>)) {
        use_them(&self.inner.read().tables.classes);
    }
    fn symbolize_machine(&self, address: usize, infos: &mut Vec<FrameInfo>) {
        let known = self.natives.iter().find_map(|natives| {
            natives.with(address, |code| {
                if let Some((func, loc)) = code.locate(address) {
                    chain(func, loc, infos);
                }
            })
        });
        debug_assert!(known.is_some(), "a frame of nobody's machine code");
    }
}

/// A position of a function, and those that it was inlined into.
fn chain(func: &Func, mut loc: Option<LocId>, infos: &mut Vec<FrameInfo>) {
    if loc.is_none() {
        infos.push(FrameInfo::new(func.name.to_string(), None, false));
    }
    // A chain longer than the table of positions would be a cycle.
    for _ in 0..func.locs.len() {
        let Some(src) = loc.and_then(|loc| func.locs.get(loc.index())) else { return };
        let name = func.scopes.get(src.scope as usize).unwrap_or(&func.name).clone();
        let inlined = src.inlined_at.is_some();
        infos.push(FrameInfo::new(name.to_string(), Some((src.file, src.offset)), inlined));
        loc = src.inlined_at;
    }
}

impl Tables {
    fn c_sig(&self, id: SigId) -> Result<(&CSignature, u32), String> {
        match self.sigs.get(id.index()) {
            Some(Sig::C { sig, fixed }) => Ok((sig, *fixed)),
            _ => Err(format!("{id} isn't a C signature")),
        }
    }
}

impl Inner {
    fn compile(&mut self, module: &Module, id: FuncId) -> Result<(), CompileError> {
        if self.has_code(id.index()) {
            return Ok(());
        }
        self.compile_anew(module, id)
    }
    fn compile_anew(&mut self, module: &Module, id: FuncId) -> Result<(), CompileError> {
        let Some(func) = module.func(id) else {
            return Err(CompileError::new(format!("{id}"), None, "the function has no body".into()));
        };
        codegen::prepare(module, func, &mut self.tables)?;
        let code = codegen::compile(module, func, &self.tables, &mut self.room)?;
        self.install(id, code);
        Ok(())
    }
    fn compile_all(&mut self, threads: Threads, module: &Module) -> Result<(), CompileError> {
        let mut fresh = Vec::new();
        let mut insts = 0;
        let mut prepared = Ok(());
        for (index, func) in module.funcs.iter().enumerate() {
            let Some(func) = func.as_ref().filter(|_| !self.has_code(index)) else { continue };
            prepared = codegen::prepare(module, func, &mut self.tables);
            if prepared.is_err() {
                break;
            }
            insts += func.code.len();
            fresh.push((FuncId(index as u32), func, None));
        }
        let mut rooms = Vec::new();
        rooms.resize_with(threads.count_for(insts), codegen::Room::default);
        let tables = &self.tables;
        parallel::spread(&mut rooms, &mut fresh, |room, (_, func, code)| {
            *code = Some(codegen::compile(module, func, tables, room));
        });
        for (id, _, code) in fresh {
            if let Some(code) = code {
                self.install(id, code?);
            }
        }
        prepared
    }
    fn has_code(&self, index: usize) -> bool {
        self.codes.get(index).is_some_and(Option::is_some)
    }
    fn install(&mut self, id: FuncId, mut code: Code) {
        code.id = id;
        let code = Arc::new(code);
        if self.codes.len() <= id.index() {
            self.codes.resize(id.index() + 1, None);
        }
        let entry = Entry { code: code.words.as_ptr(), frame_bytes: code.frame_slots * 8, class: code.class };
        if self.versions.len() <= id.index() {
            self.versions.resize(id.index() + 1, 0);
        }
        self.versions[id.index()] += 1;
        self.journal.push((id, entry));
        self.by_address.insert(entry.code as usize, code.clone());
        self.codes[id.index()] = Some(code);
    }
    fn symbolize(&self, pc: *const Word, infos: &mut Vec<FrameInfo>) {
        let found = self.by_address.range(..=pc as usize).next_back();
        let Some((&start, code)) = found else { return };
        let word = (pc as usize - start) / size_of::<Word>();
        if word >= code.words.len() {
            return;
        }
        let after = code.locs.partition_point(|&(first, _)| first as usize <= word);
        chain(&code.func, after.checked_sub(1).map(|index| code.locs[index].1), infos);
    }
}
