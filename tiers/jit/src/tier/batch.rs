//! Choosing functions, compiling them, handing them in.

use super::link::Numbers;
use super::run::Run;
use super::{Shared, Stats};
use crate::compile::{Compiler, MachineCode};
use crate::memory::CodeSpace;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use sx_ir::{Callee, Func, FuncId, Inst, Module, Signature};
use sx_vm::Program;
use sx_vm::machine::Compiled;

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
        seen.sort_unstable_by_key(|&(count, function)| (std::cmp::Reverse(count), function.0));
        let functions: Vec<FuncId> = seen.into_iter().map(|(_, function)| function).collect();
        let compiled = !functions.is_empty() && work.compile(self, &functions);
        drop(work);
        program.ask(self.options.fuel);
        Asked { compiled, alive: samples.answers > 0, exists: true }
    }
}
