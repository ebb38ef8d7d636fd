//! Choosing functions, compiling them, handing them in.

use super::link::Numbers;
use super::run::Run;
use super::{Shared, Stats};
use crate::compile::{Compiler, MachineCode};
use crate::continuation;
use crate::memory::CodeSpace;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use sx_ir::{BlockId, Callee, Func, FuncId, Inst, Module, Signature};
use sx_vm::Program;
use sx_vm::machine::{Compiled, FrameMap, LoopEntry, LoopMap};

/// About how many instructions of the middle form are compiled before they are handed in.
const BATCH_INSTS: usize = 4000;

/// What a question came to.
pub(super) struct Asked {
    /// Something was compiled.
    pub compiled: bool,
    /// Something runs.
    pub alive: bool,
    /// The program is there.
    pub exists: bool,
}

/// Who compiles: one at a time.
pub(super) struct Work {
    program: Weak<Program>,
    compiler: Compiler,
    space: Arc<CodeSpace>,
    module: Module,
    /// Functions that were compiled or refused, with the number of the body that was looked at.
    done: FxHashMap<FuncId, u32>,
    /// Trampolines, by signature.
    trampolines: FxHashMap<Signature, usize>,
    /// Ends of loops that were looked at, by function, body and word.
    looked_at: FxHashSet<(FuncId, u32, u32)>,
    /// Loops that have a way in, or can't have one.
    loops: FxHashSet<(FuncId, u32, BlockId)>,
    compiled_loops: usize,
    compiled: usize,
    batches: usize,
    instructions: usize,
    time: Duration,
    refused: Vec<(String, String)>,
    stopped: Option<String>,
}

/// A function on its way.
struct Made {
    id: FuncId,
    version: u32,
    func: Arc<Func>,
    code: MachineCode,
}

impl Work {
    pub fn new(program: Weak<Program>, compiler: Compiler, space: Arc<CodeSpace>) -> Work {
        Work {
            program,
            compiler,
            space,
            module: Module::new(),
            done: FxHashMap::default(),
            trampolines: FxHashMap::default(),
            looked_at: FxHashSet::default(),
            loops: FxHashSet::default(),
            compiled_loops: 0,
            compiled: 0,
            batches: 0,
            instructions: 0,
            time: Duration::ZERO,
            refused: Vec::new(),
            stopped: None,
        }
    }
    pub fn stats(&self) -> Stats {
        Stats {
            compiled: self.compiled,
            loops: self.compiled_loops,
            refused: self.refused.clone(),
            batches: self.batches,
            code_bytes: self.space.used(),
            instructions: self.instructions,
            time: self.time,
            stopped: self.stopped.clone(),
        }
    }
    pub fn program(&self) -> Option<Arc<Program>> {
        self.program.upgrade()
    }
    pub fn compile_all(&mut self, shared: &Shared) {
        let Some(program) = self.program() else { return };
        self.module = (shared.source)();
        let mut ids: VecDeque<FuncId> = (0..self.module.funcs.len() as u32).map(FuncId).collect();
        while self.one_batch(&program, shared, &mut ids, false) {}
    }
    pub fn compile_only(&mut self, shared: &Shared, functions: &[FuncId]) {
        let Some(program) = self.program() else { return };
        let mut ids: VecDeque<FuncId> = functions.iter().copied().collect();
        while self.one_batch(&program, shared, &mut ids, false) {}
    }
    /// Compiles ways into every loop of every function that has bytecode, and nothing else.
    pub fn compile_all_loops(&mut self, shared: &Shared) {
        let Some(program) = self.program() else { return };
        self.module = (shared.source)();
        for id in (0..self.module.funcs.len() as u32).map(FuncId) {
            self.compile_every_loop(&program, shared, id);
        }
    }
    /// True if something was.
    pub fn compile(&mut self, shared: &Shared, functions: &[FuncId]) -> bool {
        let Some(program) = self.program() else { return false };
        let mut ids: VecDeque<FuncId> = functions.iter().copied().collect();
        let mut any = false;
        while self.one_batch(&program, shared, &mut ids, true) {
            any = true;
        }
        any
    }
    /// Compiles from the front of the queue until there is enough, and hands it in. What compiled functions call is appended if
    /// that is asked for. False when there was nothing.
    fn one_batch(
        &mut self,
        program: &Arc<Program>,
        shared: &Shared,
        ids: &mut VecDeque<FuncId>,
        callees: bool,
    ) -> bool {
        let begun = Instant::now();
        let mut made = Vec::new();
        let mut insts = 0;
        while insts < BATCH_INSTS && self.stopped.is_none() {
            let Some(id) = ids.pop_front() else { break };
            let Some((func, version)) = program.body(id) else { continue };
            if self.done.get(&id) == Some(&version) || !self.knows(shared, id, &func) {
                continue;
            }
            self.done.insert(id, version);
            match self.compiler.function(&self.module, id, &Numbers(program)) {
                Ok(code) => {
                    insts += func.code.len();
                    self.instructions += code.clif_insts;
                    if callees {
                        ids.extend(called(&func));
                    }
                    made.push(Made { id, version, func, code });
                }
                Err(why) => self.refused.push((func.name.to_string(), why.to_string())),
            }
        }
        let any = !made.is_empty();
        if any {
            self.hand_in(program, shared, made);
        }
        self.time += begun.elapsed();
        any
    }
    /// Compiles the ways into loops that were seen at the ends of their bodies.
    fn compile_loops(&mut self, shared: &Shared, seen: &[(FuncId, u32)]) -> bool {
        let Some(program) = self.program() else { return false };
        let begun = Instant::now();
        let mut any = false;
        for &(id, word) in seen {
            let Some((func, version)) = program.body(id) else { continue };
            if !self.looked_at.insert((id, version, word)) || !self.knows(shared, id, &func) {
                continue;
            }
            let Some(map) = program.frame_map(&self.module, id) else { continue };
            let edges = map.back_edges.iter().filter(|(words, _)| words.contains(&word));
            let headers: Vec<BlockId> = edges.map(|&(_, header)| header).collect();
            let entries = map.loops.iter().filter(|entry| headers.contains(&entry.header));
            any |= self.compile_entries(&program, shared, id, version, &func, &map, entries);
        }
        self.time += begun.elapsed();
        any
    }
    /// Compiles the ways into all loops of a function.
    fn compile_every_loop(&mut self, program: &Arc<Program>, shared: &Shared, id: FuncId) {
        let Some((func, version)) = program.body(id) else { return };
        if !self.knows(shared, id, &func) {
            return;
        }
        if let Some(map) = program.frame_map(&self.module, id) {
            self.compile_entries(program, shared, id, version, &func, &map, map.loops.iter());
        }
    }
    #[allow(clippy::too_many_arguments, reason = "a function's parts travel together here and nowhere else")]
    fn compile_entries<'a>(
        &mut self,
        program: &Arc<Program>,
        shared: &Shared,
        id: FuncId,
        version: u32,
        func: &Arc<Func>,
        map: &FrameMap,
        entries: impl Iterator<Item = &'a LoopMap>,
    ) -> bool {
        let (mut codes, mut words) = (Vec::new(), Vec::new());
        for entry in entries {
            if self.stopped.is_some() || !self.loops.insert((id, version, entry.header)) {
                continue;
            }
            match self.compiler.continuation(&self.module, func, map, entry, &Numbers(program)) {
                Ok(code) => {
                    self.instructions += code.clif_insts;
                    codes.push(code);
                    words.push(entry.word);
                }
                Err(why) => self.refused.push((format!("{} (a loop)", func.name), why.to_string())),
            }
        }
        if codes.is_empty() {
            return false;
        }
        let functions = vec![func.clone(); codes.len()];
        let sig = continuation::signature();
        let has_trampoline = self.trampolines.contains_key(&sig);
        if !has_trampoline {
            match self.compiler.trampoline(&sig) {
                Ok(code) => codes.push(code),
                Err(_) => return false,
            }
        }
        let batch = match self.space.load(&self.compiler, codes) {
            Ok(batch) => batch,
            Err(error) => {
                self.stopped = Some(error.to_string());
                return false;
            }
        };
        let trampoline = *self.trampolines.entry(sig).or_insert_with(|| batch.entry(functions.len()) as usize)
            as *const u8;
        let entries: Vec<LoopEntry> = words
            .iter()
            .enumerate()
            .map(|(index, &word)| LoopEntry { func: id, word, code: batch.entry(index), trampoline })
            .collect();
        self.compiled_loops += entries.len();
        self.batches += 1;
        program.add_loop_entries(shared.options.fuel, Arc::new(Run { batch, functions }), &entries);
        true
    }
    /// True when the module has this body.
    fn knows(&mut self, shared: &Shared, id: FuncId, func: &Arc<Func>) -> bool {
        let same = |module: &Module| {
            module
                .funcs
                .get(id.index())
                .and_then(Option::as_ref)
                .is_some_and(|known| Arc::ptr_eq(known, func))
        };
        if !same(&self.module) {
            self.module = (shared.source)();
        }
        same(&self.module)
    }
    /// Gives the functions a place, and tells the program.
    fn hand_in(&mut self, program: &Arc<Program>, shared: &Shared, made: Vec<Made>) {
        let mut codes = Vec::with_capacity(made.len());
        let mut entries = Vec::with_capacity(made.len());
        let mut functions = Vec::with_capacity(made.len());
        for Made { id, version, func, code } in made {
            codes.push(code);
            entries.push((id, version));
            functions.push(func);
        }
        let mut fresh: Vec<Signature> = Vec::new();
        let mut seen = FxHashSet::default();
        for func in &functions {
            if !self.trampolines.contains_key(&func.sig) && seen.insert(&func.sig) {
                match self.compiler.trampoline(&func.sig) {
                    Ok(code) => {
                        codes.push(code);
                        fresh.push(func.sig.clone());
                    }
                    Err(why) => self.refused.push((func.name.to_string(), why.to_string())),
                }
            }
        }
        let batch = match self.space.load(&self.compiler, codes) {
            Ok(batch) => batch,
            Err(error) => {
                self.stopped = Some(error.to_string());
                return;
            }
        };
        for (index, sig) in fresh.into_iter().enumerate() {
            self.trampolines.insert(sig, batch.entry(functions.len() + index) as usize);
        }
        let compiled = |(index, &(func, version)): (usize, &(FuncId, u32))| {
            let trampoline = *self.trampolines.get(&functions[index].sig)? as *const u8;
            Some((Compiled { func, code: batch.entry(index), trampoline }, version))
        };
        let entered: Vec<(Compiled, u32)> = entries.iter().enumerate().filter_map(compiled).collect();
        self.compiled += entered.len();
        self.batches += 1;
        program.add_machine_code(shared.options.fuel, Arc::new(Run { batch, functions }), &entered);
    }
}

/// What a function calls by name.
fn called(func: &Func) -> impl Iterator<Item = FuncId> + '_ {
    func.all_insts().filter_map(|inst| match *inst {
        Inst::Call { callee: Callee::Func(id), .. } | Inst::FuncAddr { func: id, .. } => Some(id),
        _ => None,
    })
}

impl Shared {
    /// Takes the answers, compiles what they say, and asks again.
    pub(super) fn tick(&self) -> Asked {
        let mut work = self.work.lock();
        let Some(program) = work.program() else {
            return Asked { compiled: false, alive: false, exists: false };
        };
        let samples = program.take_samples(self.options.fuel);
        let mut seen: Vec<(u32, FuncId)> =
            samples.functions.into_iter().map(|(function, count)| (count, function)).collect();
        // The most often seen first; of those the number decides, so that the order is one.
        seen.sort_unstable_by_key(|&(count, function)| (Reverse(count), function.0));
        let functions: Vec<FuncId> = seen.into_iter().map(|(_, function)| function).collect();
        let mut loops: Vec<(u32, (FuncId, u32))> =
            samples.loops.into_iter().map(|(at, count)| (count, at)).collect();
        loops.sort_unstable_by_key(|&(count, (function, word))| (Reverse(count), function.0, word));
        let loops: Vec<(FuncId, u32)> = loops.into_iter().map(|(_, at)| at).collect();
        // What runs can go on as soon as its loop is compiled: that comes first.
        let looped = work.compile_loops(self, &loops);
        let compiled = work.compile(self, &functions) || looped;
        drop(work);
        program.ask(self.options.fuel);
        Asked { compiled, alive: samples.answers > 0, exists: true }
    }
}
