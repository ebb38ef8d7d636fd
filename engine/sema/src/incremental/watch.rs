//! What a compilation notes for a session: which piece of work looked at which, and what was reported in it.
//!
//! A *node* is a region of a file, or an instance of something generic. While one is worked on, all that is looked at is an
//! edge from it. A compilation without a session notes nothing.

use super::regions::{RegionKind, Regions};
use crate::sema::*;
use crate::symbols::Sym;
use crate::types::{ProtocolId, TypeId, TypeKind};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::Cell;
use std::sync::Arc;
use sx_ir::FuncId;
use sx_syntax::ast::FuncBody;
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

/// No node: what is found while files are entered.
pub(crate) const NOBODY: u32 = u32::MAX;

/// What a node stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Work {
    Region(FileId, u32),
    /// A generic function's instance.
    Inst(InstId),
    /// A generic struct's or union's.
    Type(TypeId),
    /// A generic protocol's.
    Protocol(ProtocolId),
}

/// It ran code at compile time: all that it reaches counts.
pub(crate) const RAN: u8 = 1;
/// It looked for impls.
pub(crate) const IMPLS: u8 = 2;
/// It looked at all names that there are.
pub(crate) const NAMES: u8 = 4;

#[derive(Debug)]
pub(crate) struct WatchNode {
    pub work: Work,
    /// What its result depends on.
    pub edges: Vec<u32>,
    /// What it only reaches: bodies of functions that it calls.
    pub reached: Vec<u32>,
    /// Names that were looked up in modules.
    pub names: Vec<(FileId, Sym)>,
    pub flags: Cell<u8>,
    /// What is found in it is wanted.
    pub wanted: bool,
    /// Bodies that were passed over because nobody wanted them.
    skipped: bool,
}

/// How much was reported, for the first time and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reports {
    first: usize,
    repeated: usize,
}

/// A use of something that is declared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Use {
    pub at: Loc,
    pub declared: Loc,
}

/// What queries ask for beside diagnostics.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    pub uses: Vec<Use>,
    pub types: Vec<(Loc, TypeId)>,
}

/// For files by path, which of their regions are to be checked.
pub(crate) type Wanted = FxHashMap<Arc<str>, Vec<bool>>;

/// What a compilation is to do for a session.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Regions that are known from before, by path.
    pub known: FxHashMap<Arc<str>, Arc<Regions>>,
    /// Which of a file's regions are to be checked; all of files that aren't here.
    pub wanted: Wanted,
    /// Everything is lowered, and nothing left out.
    pub whole: bool,
}

/// The notes of one compilation.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub plan: Plan,
    pub nodes: Vec<WatchNode>,
    /// By file; none for files of the library.
    pub files: Vec<Option<(Arc<str>, Arc<Regions>)>>,
    pub diagnostics: Vec<u32>,
    /// What was found elsewhere as well, which counts when it isn't found there any more.
    pub repeated: Vec<(u32, Diagnostic)>,
    told: FxHashSet<(u32, Loc, &'static str)>,
    /// How many bodies were checked that were wanted.
    pub checked: u64,
    pub probe: Option<Probe>,
    works: FxHashMap<Work, u32>,
    /// The nodes that are worked on, innermost last.
    active: Vec<u32>,
    edges: FxHashSet<(u32, u32)>,
    reached: FxHashSet<(u32, u32)>,
    names: FxHashSet<(u32, FileId, Sym)>,
    /// The nodes that inserted texts stand in.
    parts: FxHashMap<FileId, u32>,
    /// Code is being run: bodies are lowered.
    running: u32,
}

impl Watch {
    pub fn new(plan: Plan, probe: Option<Probe>) -> Watch {
        Watch { plan, probe, ..Watch::default() }
    }
    /// True when something that is wanted ran at compile time.
    pub fn has_run(&self) -> bool {
        self.nodes.iter().any(|node| node.wanted && node.flags.get() & RAN != 0)
    }
    fn enter(&mut self, file: FileId, entry: Option<(Arc<str>, Arc<Regions>)>) {
        self.files.resize(file.0 as usize, None);
        self.files.push(entry);
    }
    fn region(&self, loc: Loc) -> Option<(Work, &super::regions::Region)> {
        let (_, regions) = self.files.get(loc.file.0 as usize)?.as_ref()?;
        let at = regions.at(loc.span.lo)?;
        Some((Work::Region(loc.file, at), &regions.list[at as usize]))
    }
    fn wants(&self, work: Work) -> bool {
        let Work::Region(file, region) = work else { return self.plan.whole };
        let Some(Some((path, _))) = self.files.get(file.0 as usize) else { return self.plan.whole };
        self.plan.wanted.get(path).is_none_or(|wanted| wanted[region as usize])
    }
    /// True when a region is to be checked, the whole declaration or a body in it.
    pub fn wants_item(&self, loc: Loc) -> bool {
        let Some((_, region)) = self.region(loc) else { return true };
        let Some((path, regions)) = &self.files[loc.file.0 as usize] else { return true };
        let Some(wanted) = self.plan.wanted.get(path) else { return true };
        let first = regions.list.partition_point(|r| r.item < region.item);
        regions.list[first..]
            .iter()
            .zip(&wanted[first..])
            .take_while(|(r, _)| r.item == region.item)
            .any(|(_, &wanted)| wanted)
    }
    fn node(&mut self, work: Work) -> u32 {
        if let Some(&node) = self.works.get(&work) {
            return node;
        }
        let wanted = self.wants(work);
        let node = self.nodes.len() as u32;
        self.works.insert(work, node);
        self.nodes.push(WatchNode {
            work,
            edges: Vec::new(),
            reached: Vec::new(),
            names: Vec::new(),
            flags: Cell::new(0),
            wanted,
            skipped: false,
        });
        node
    }
    fn now(&self) -> Option<u32> {
        self.active.last().copied()
    }
    fn link(&mut self, to: u32) -> Option<InstId> {
        let from = self.now()?;
        if from == to || !self.edges.insert((from, to)) {
            return None;
        }
        self.nodes[from as usize].edges.push(to);
        self.want_from(from, to)
    }
    /// What is wanted wants the instances that it uses; gives one whose body was passed over.
    fn want_from(&mut self, from: u32, to: u32) -> Option<InstId> {
        let wanted = self.nodes[from as usize].wanted;
        let node = &mut self.nodes[to as usize];
        if !wanted || node.wanted || matches!(node.work, Work::Region(..)) {
            return None;
        }
        node.wanted = true;
        let again = match node.work {
            Work::Inst(inst) if node.skipped => Some(inst),
            _ => None,
        };
        for next in node.edges.clone() {
            self.want_from(to, next);
        }
        again
    }
    fn reach(&mut self, to: u32) {
        let Some(from) = self.now() else { return };
        if from != to && self.reached.insert((from, to)) {
            self.nodes[from as usize].reached.push(to);
        }
    }
    fn flag(&self, flag: u8) {
        if let Some(now) = self.now() {
            let flags = &self.nodes[now as usize].flags;
            flags.set(flags.get() | flag);
        }
    }
}

impl Sema {
    /// Notes a file's regions; those of the library don't change.
    pub(crate) fn watch_file(&mut self, path: &Arc<str>, file: FileId) {
        if self.watch.is_none() {
            return;
        }
        let library = self.is_of_library(file);
        let parsed = self.file(file).file.clone();
        let Some(watch) = &mut self.watch else { return };
        let entry = (!library).then(|| {
            let regions = watch.plan.known.get(path).cloned();
            (path.clone(), regions.unwrap_or_else(|| Arc::new(Regions::of(&parsed))))
        });
        watch.enter(file, entry);
    }
    /// Notes in what an inserted text stands.
    pub(crate) fn watch_part(&mut self, file: FileId) {
        if let Some(watch) = &mut self.watch {
            watch.enter(file, None);
            if let Some(now) = watch.now() {
                watch.parts.insert(file, now);
            }
        }
    }
    pub(crate) fn is_of_library(&self, file: FileId) -> bool {
        self.sources.get(file).path.starts_with("modules/")
    }
    /// Begins a piece of work, which whoever is at work depends on.
    pub(crate) fn begin_work(&mut self, work: Option<Work>) -> bool {
        self.begin(work, true)
    }
    /// Begins a piece of work for nobody.
    fn begin(&mut self, work: Option<Work>, linked: bool) -> bool {
        let (Some(watch), Some(work)) = (&mut self.watch, work) else { return false };
        let node = watch.node(work);
        if linked {
            self.link(work);
        }
        if let Some(watch) = &mut self.watch {
            watch.active.push(node);
        }
        true
    }
    pub(crate) fn end_work(&mut self, begun: bool) {
        if let (Some(watch), true) = (&mut self.watch, begun) {
            watch.active.pop();
        }
    }
    /// Goes on for nobody: what is wrong with a file is nothing of who loads it first.
    pub(crate) fn leave_work(&mut self) -> Vec<u32> {
        self.watch.as_mut().map(|watch| std::mem::take(&mut watch.active)).unwrap_or_default()
    }
    pub(crate) fn return_to_work(&mut self, active: Vec<u32>) {
        if let Some(watch) = &mut self.watch {
            watch.active = active;
        }
    }
    /// Notes that whoever is at work depends on something.
    pub(crate) fn link(&mut self, work: Work) {
        let Some(watch) = &mut self.watch else { return };
        let node = watch.node(work);
        if let Some(inst) = watch.link(node) {
            self.queue.push_back(inst);
        }
    }
    /// The region around a place; for inserted text the work that it was inserted in.
    fn work_of_loc(&self, loc: Loc) -> Option<Work> {
        let watch = self.watch.as_ref()?;
        match watch.parts.get(&loc.file) {
            Some(&node) => Some(watch.nodes[node as usize].work),
            None => watch.region(loc).map(|(work, _)| work),
        }
    }
    /// The work that a declaration is; none where it is a part of whatever asks for it.
    pub(crate) fn work_of_decl(&self, id: DeclId) -> Option<Work> {
        let watch = self.watch.as_ref()?;
        let decl = self.decl(id);
        let (work, region) = watch.region(Loc::new(decl.file, decl.span))?;
        (!region.is_body && !self.in_generic(decl.scope)).then_some(work)
    }
    /// The work that a type's inside is.
    pub(crate) fn work_of_type(&mut self, ty: TypeId) -> Option<Work> {
        self.watch.as_ref()?;
        let (info, file) = self.members_of(ty)?;
        let generic = info.generic.is_some() || self.in_generic(info.scope);
        if generic {
            return Some(Work::Type(ty));
        }
        let span = match info.source {
            NominalSource::Struct(idx) => {
                self.file(file).file.ast.list(self.file(file).file.ast.get(idx).members).first().map(|m| {
                    let ast = &self.file(file).file.ast;
                    match *m {
                        sx_syntax::ast::Member::Field { names, .. } => {
                            ast.list(names).first().map(|n| n.span)
                        }
                        sx_syntax::ast::Member::Const(idx) => Some(ast.get(idx).name.span),
                    }
                })?
            }
            NominalSource::Enum(idx) => {
                let ast = &self.file(file).file.ast;
                ast.list(ast.get(idx).variants).first().map(|v| v.name.span)
            }
            NominalSource::Made => None,
        }?;
        self.work_of_loc(Loc::new(file, span))
    }
    /// The work that a function's signature is: of its own where it is generic, else a part of its declaration.
    pub(crate) fn work_of_signature(&self, inst: InstId) -> Option<Work> {
        let watch = self.watch.as_ref()?;
        let decl = self.fn_decl(self.inst(inst).decl);
        let region = watch.region(Loc::new(decl.file, decl.span));
        let of_protocol = region.as_ref().is_some_and(|(_, r)| r.kind == RegionKind::Protocol);
        if decl.generic || of_protocol || self.in_generic(self.inst(inst).scope) {
            return Some(Work::Inst(inst));
        }
        let (work, region) = region?;
        (!region.is_body).then_some(work)
    }
    /// The work that a function's body is.
    pub(crate) fn work_of_body(&self, inst: InstId) -> Option<Work> {
        self.watch.as_ref()?;
        match self.work_of_signature(inst) {
            Some(work @ Work::Inst(_)) => Some(work),
            _ => self.work_of_text(self.inst(inst).decl),
        }
    }
    /// The region of a function's body as it is written.
    fn work_of_text(&self, func: FnId) -> Option<Work> {
        let decl = self.fn_decl(func);
        let ast = &self.file(decl.file).file.ast;
        let (FuncBody::Block(body) | FuncBody::Arrow(body)) = ast.get(decl.ast).body else { return None };
        self.work_of_loc(Loc::new(decl.file, ast.expr_span(body)))
    }
    /// Notes that a function was asked for: its signature is looked at, its body may be reached.
    pub(crate) fn watch_instance(&mut self, inst: InstId) {
        if self.watch.is_none() {
            return;
        }
        if let Some(work) = self.work_of_signature(inst) {
            self.link(work);
        }
        let body = self.work_of_body(inst);
        if let (Some(work), Some(watch)) = (body, &mut self.watch) {
            let node = watch.node(work);
            watch.reach(node);
        }
    }
    /// Notes that what a function's body came to is looked at.
    pub(crate) fn watch_result(&mut self, inst: InstId) {
        if let Some(work) = self.work_of_body(inst) {
            self.link(work);
        }
    }
    /// Notes that the text of a function's body is looked at.
    pub(crate) fn watch_text(&mut self, func: FnId) {
        if self.watch.is_some()
            && let Some(work) = self.work_of_text(func)
        {
            self.link(work);
        }
    }
    /// Begins checking a body.
    pub(crate) fn begin_body(&mut self, inst: InstId) -> bool {
        if self.watch.is_none() {
            return false;
        }
        let work = self.work_of_body(inst);
        let text = self.work_of_text(self.inst(inst).decl);
        let signature = self.work_of_signature(inst);
        let begun = self.begin(work, false);
        if let (Some(Work::Inst(_)), Some(text)) = (work, text) {
            self.link(text);
        }
        // What the parameters are is as good as written in the body.
        if let Some(signature) = signature.filter(|_| begun) {
            self.link(signature);
        }
        if let Some(watch) = &mut self.watch
            && let Some(now) = watch.now()
            && watch.nodes[now as usize].wanted
        {
            watch.checked += 1;
        }
        begun
    }
    /// True when a queued body is to be checked.
    pub(crate) fn wants_body(&mut self, inst: InstId) -> bool {
        if self.watch.as_ref().is_none_or(|watch| watch.plan.whole) {
            return true;
        }
        let work = self.work_of_body(inst);
        let Some(watch) = &mut self.watch else { return true };
        let Some(work) = work else { return false };
        let node = watch.node(work);
        let node = &mut watch.nodes[node as usize];
        node.skipped |= !node.wanted;
        node.wanted
    }
    /// Notes that a generic type is used.
    pub(crate) fn link_type(&mut self, ty: TypeId) {
        if self.watch.is_some() {
            self.link(Work::Type(ty));
        }
    }
    /// Begins finding out what is in a type.
    pub(crate) fn begin_type(&mut self, kind: TypeKind) -> bool {
        if self.watch.is_none() {
            return false;
        }
        let kind = match kind {
            TypeKind::Struct(id) if self.types.struct_def(id).is_union => TypeKind::Union(id),
            kind => kind,
        };
        let ty = self.types.intern(kind);
        let work = self.work_of_type(ty);
        self.begin(work, true)
    }
    /// The work that a protocol's inside is.
    pub(crate) fn work_of_protocol(&self, id: ProtocolId) -> Option<Work> {
        self.watch.as_ref()?;
        let info = &self.proto_info[id.0 as usize];
        if !info.args.is_empty() || self.in_generic(info.scope) {
            return Some(Work::Protocol(id));
        }
        let decl = &self.proto_decls[info.decl.0 as usize];
        let ast = &self.file(decl.file).file.ast;
        let span = ast.list(ast.get(decl.ast).methods).iter().find_map(|m| match *m {
            sx_syntax::ast::Member::Const(idx) => Some(ast.get(idx).name.span),
            sx_syntax::ast::Member::Field { .. } => None,
        })?;
        self.work_of_loc(Loc::new(decl.file, span))
    }
    /// Begins work on what stands at a place in a module.
    pub(crate) fn begin_at(&mut self, loc: Loc) -> bool {
        let work = self.work_of_loc(loc);
        self.begin(work, true)
    }
    /// Notes that a name is looked up in a file.
    pub(crate) fn watch_name(&mut self, file: FileId, name: Sym) {
        let Some(watch) = &mut self.watch else { return };
        let known = watch.files.get(file.0 as usize).is_some_and(Option::is_some);
        if let (true, Some(now)) = (known, watch.now())
            && watch.names.insert((now, file, name))
        {
            watch.nodes[now as usize].names.push((file, name));
        }
    }
    pub(crate) fn watch_flag(&self, flag: u8) {
        if let Some(watch) = &self.watch {
            watch.flag(flag);
        }
    }
    /// Notes in what something was reported.
    pub(crate) fn watch_report(&mut self) {
        let count = self.diagnostics.len();
        let Some(watch) = &mut self.watch else { return };
        let now = watch.now().unwrap_or(NOBODY);
        watch.diagnostics.resize(count, now);
        if let Some(last) = watch.diagnostics.last_mut() {
            *last = now;
        }
        if let Some(told) = self.diagnostics.last() {
            watch.told.insert((now, told.loc, told.code.as_str()));
        }
    }
    /// Notes what was reported before, by whoever came there first.
    pub(crate) fn watch_repeat(&mut self, diagnostic: Diagnostic) {
        let Some(watch) = &mut self.watch else { return };
        let now = watch.now().unwrap_or(NOBODY);
        if watch.told.insert((now, diagnostic.loc, diagnostic.code.as_str())) {
            watch.repeated.push((now, diagnostic));
        }
    }
    /// How much was reported until now.
    pub(crate) fn reports(&self) -> Reports {
        let repeated = self.watch.as_ref().map_or(0, |watch| watch.repeated.len());
        Reports { first: self.diagnostics.len(), repeated }
    }
    /// What was reported since, to have something added.
    pub(crate) fn reports_since(&mut self, since: Reports) -> impl Iterator<Item = &mut Diagnostic> {
        let repeated = self.watch.iter_mut().flat_map(|watch| &mut watch.repeated);
        let repeated = repeated.skip(since.repeated).map(|(_, diagnostic)| diagnostic);
        self.diagnostics.iter_mut().skip(since.first).chain(repeated)
    }
    /// Takes back the last report if it says that a value isn't used, inside of a stretch of text.
    pub(crate) fn take_back_unused(&mut self, file: FileId, within: Span) {
        let is = |d: &Diagnostic| {
            let span = d.loc.span;
            d.code == Code::W0002 && d.loc.file == file && within.lo <= span.lo && span.hi <= within.hi
        };
        if self.diagnostics.last().is_some_and(is) {
            self.diagnostics.pop();
            self.warnings -= 1;
        }
        if let Some(watch) = &mut self.watch
            && watch.repeated.last().is_some_and(|(_, d)| is(d))
        {
            watch.repeated.pop();
        }
    }
    /// The node that is worked on, for what is judged later.
    pub(crate) fn at_work(&self) -> Option<Work> {
        let watch = self.watch.as_ref()?;
        watch.now().map(|now| watch.nodes[now as usize].work)
    }
    /// Goes on with a piece of work, for what was left to be judged.
    pub(crate) fn resume_work(&mut self, work: Option<Work>) -> bool {
        self.begin(work, false)
    }

    /// True when what the program means depends on all of it: on every type that is erased, on every call.
    pub(crate) fn depends_on_all(&self) -> bool {
        self.erased.has_users() || self.making.is_used() || self.world.is_some()
    }

    // ---- what runs at compile time ----

    /// True when a checked body is lowered: in a session, only what runs at compile time.
    pub(crate) fn lowers(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.plan.whole || watch.running > 0)
    }
    /// Code is about to run: bodies are lowered from now on.
    pub(crate) fn begin_run(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.running += 1;
            watch.flag(RAN);
        }
    }
    pub(crate) fn end_run(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.running -= 1;
        }
    }
    /// A body that running code needs is checked and lowered, if it was only checked.
    pub(crate) fn provide(&mut self, inst: InstId, func: FuncId) {
        let missing = self.watch.is_some() && self.module.func(func).is_none();
        if missing && self.inst(inst).state == InstState::Done && self.inst(inst).ext.is_none() {
            self.inst_mut(inst).state = InstState::Todo;
        }
        self.ensure_body(inst);
    }
    /// True when uses and types are asked for.
    pub(crate) fn is_probing(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.probe.is_some())
    }
    /// Notes a use of a declaration, if that was asked for.
    pub(crate) fn probe_use(&mut self, at: Loc, declared: Loc) {
        if let Some(probe) = self.watch.as_mut().and_then(|watch| watch.probe.as_mut()) {
            probe.uses.push(Use { at, declared });
        }
    }
    /// Notes an expression's type, if that was asked for.
    pub(crate) fn probe_type(&mut self, at: Loc, ty: TypeId) {
        if let Some(probe) = self.watch.as_mut().and_then(|watch| watch.probe.as_mut()) {
            probe.types.push((at, ty));
        }
    }
}
