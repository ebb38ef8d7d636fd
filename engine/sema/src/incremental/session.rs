//! The session itself: edits in, diagnostics out.

use super::found::{FileMap, Found, SessionFile};
use super::graph::{Changes, Graph};
use super::loader::Shared;
use super::regions::{Region, RegionKind, Regions};
use super::watch::{NOBODY, Plan, Probe, Wanted, Watch, WatchNode, Work};
use crate::sema::{Comptime, Loaded, Loader, Options, Sema};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use sx_syntax::ast::{Expr, Stmt};
use sx_syntax::diag::{Code, Diagnostic, Severity, sort_for_display};
use sx_syntax::source::{File, Sources};
use sx_syntax::span::{FileId, Loc};

/// Makes what runs code at compile time, for each compilation.
type MakeComptime = Box<dyn FnMut(&mut Sema) -> Box<dyn Comptime + Send> + Send>;

/// What an edit led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Update {
    /// How many regions (declarations without bodies, and bodies) were checked again.
    pub regions: usize,
    /// How many bodies of functions were checked again; those of instances count each.
    pub bodies: u64,
    /// The whole program was checked again.
    pub whole: bool,
}

/// A program under edit.
pub struct Session {
    pub(super) options: Options,
    loader: Shared,
    make_comptime: Option<MakeComptime>,
    root: Loaded,
    pub(super) files: Vec<SessionFile>,
    by_path: FxHashMap<Arc<str>, u32>,
    /// What each file imports flat.
    imports: Vec<Vec<u32>>,
    pub(super) graph: Graph,
    /// What was found while files were read and entered, by every compilation anew.
    entry_found: Vec<Found>,
    /// The program depends on itself as a whole.
    whole: bool,
    checked: u64,
    max_errors: usize,
}

impl Session {
    /// Checks a program whose first file is `root`; others come from the loader, each asked for once.
    pub fn new(options: Options, loader: Box<dyn Loader + Send>, root: Loaded) -> Session {
        Session::with_comptime(options, loader, root, None)
    }

    /// As [`Session::new`], with something that runs code at compile time, made for each compilation.
    pub fn with_comptime(
        mut options: Options,
        loader: Box<dyn Loader + Send>,
        root: Loaded,
        make_comptime: Option<MakeComptime>,
    ) -> Session {
        let max_errors = std::mem::replace(&mut options.max_errors, usize::MAX);
        let loader = Shared::new(loader);
        loader.set(root.path.clone(), root.file.clone());
        let mut session = Session {
            options,
            loader,
            make_comptime,
            root,
            files: Vec::new(),
            by_path: FxHashMap::default(),
            imports: Vec::new(),
            graph: Graph::default(),
            entry_found: Vec::new(),
            whole: false,
            checked: 0,
            max_errors,
        };
        session.check_all();
        session
    }

    /// How many bodies have been checked since the session began.
    pub fn checked_bodies(&self) -> u64 {
        self.checked
    }

    /// The paths of the program's files, without those of the library.
    pub fn paths(&self) -> Vec<Arc<str>> {
        self.files.iter().filter(|file| file.regions.is_some()).map(|file| file.path.clone()).collect()
    }

    /// The parsed file with a path.
    pub fn file(&self, path: &str) -> Option<&Arc<File>> {
        self.by_path.get(path).map(|&at| &self.files[at as usize].file)
    }

    /// The path that messages show for a file that was loaded.
    pub fn path_shown(&self, path: &str) -> Option<Arc<str>> {
        self.loader.get(path).map(|file| file.path.clone())
    }

    /// Gives a file of the program a new text, and checks what that concerns. For a file that nothing imports any more the
    /// text is kept; other paths, and those of the library, change nothing.
    pub fn set_text(&mut self, path: &str, text: &str) -> Update {
        let Some(file) = self.loader.get(path) else { return Update::default() };
        let parsed = sx_syntax::parse(file.path.clone(), text.into());
        self.set_file(path, parsed)
    }

    /// As [`Session::set_text`], for a file that is parsed already.
    pub fn set_file(&mut self, path: &str, parsed: Arc<File>) -> Update {
        let Some(&at) = self.by_path.get(path) else {
            if self.loader.get(path).is_some() {
                self.loader.set(path.into(), parsed);
            }
            return Update::default();
        };
        let Some(before) = self.files[at as usize].regions.clone() else { return Update::default() };
        if self.root.path.as_ref() == path {
            self.root.file = parsed.clone();
        }
        let regions = Arc::new(Regions::of(&parsed));
        self.loader.set(self.files[at as usize].path.clone(), parsed.clone());
        let (changes, mut whole) = self.compare(at, &before, &regions);
        // What isn't imported any more may not be part of the program any more.
        whole |= changes.imports_of.is_some()
            && !requests(&self.files[at as usize].file, &before).is_subset(&requests(&parsed, &regions));
        whole |= changes.any && self.has_cycle();
        let file = &mut self.files[at as usize];
        file.file = parsed;
        file.regions = Some(regions.clone());
        if whole || self.whole {
            return self.check_all();
        }
        self.graph.enter(at, &regions);
        let dirty = self.graph.dirty(&changes);
        for region in &before.list {
            if regions.by_key(region.key).is_none() {
                self.graph.remove((at, region.key));
            }
        }
        self.check_again(dirty)
    }

    /// What is different between two versions of a file, and whether that concerns everything.
    fn compare(&self, at: u32, before: &Regions, after: &Regions) -> (Changes, bool) {
        let mut changes = Changes::default();
        let mut whole = false;
        for (one, other) in [(before, after), (after, before)] {
            for region in &one.list {
                if other.by_key(region.key).is_none_or(|other| other.hash != region.hash) {
                    changes.regions.insert((at, region.key));
                    whole |= region.kind == RegionKind::Open;
                }
            }
            for (name, keys) in &one.names {
                if other.names.get(name) != Some(keys) {
                    changes.any_name = true;
                    // Of several declarations the first one counts, and that may be one that is as it was.
                    changes.regions.extend(keys.iter().map(|&key| (at, key)));
                    changes.names.insert((at, hash_name(name)));
                    let importers = self.imports.iter().enumerate().filter(|(_, to)| to.contains(&at));
                    changes.names.extend(importers.map(|(from, _)| (from as u32, hash_name(name))));
                }
            }
        }
        let order = |regions: &Regions| regions.list.iter().map(|region| region.key).collect::<Vec<_>>();
        changes.any = !changes.regions.is_empty() || order(before) != order(after);
        let imports = |key| [before, after].iter().any(|r| r.by_key(key).is_some_and(is_import));
        if changes.regions.iter().any(|&(_, key)| imports(key)) {
            changes.imports_of = Some(at);
            changes.any_name = true;
        }
        (changes, whole)
    }

    /// Checks everything.
    fn check_all(&mut self) -> Update {
        // What was whole may have been so for one edit only.
        if self.whole
            && let Some(update) = self.try_all(false)
        {
            return update;
        }
        self.whole = false;
        if let Some(update) = self.try_all(false) {
            return update;
        }
        self.whole = true;
        self.try_all(true).unwrap_or_default()
    }

    /// Checks everything; none if it turns out that more must be known of the program as a whole, or that less will do. It is
    /// `sure` when there is no other way.
    fn try_all(&mut self, sure: bool) -> Option<Update> {
        let known = self.known_regions();
        let watch = Watch::new(Plan { known, whole: self.whole, ..Plan::default() }, None);
        self.files.clear();
        let mut sema = self.compile(watch);
        let watch = sema.watch.take().unwrap_or_default();
        if !sure && self.whole != self.needs_whole(&sema, &watch) {
            return None;
        }
        self.graph = Graph::default();
        let mut ids: Vec<Option<u32>> = vec![None; sema.sources.len()];
        let mut paths: Vec<(FileId, Arc<str>)> = sema.paths.iter().map(|(p, &id)| (id, p.clone())).collect();
        paths.sort_unstable();
        self.by_path.clear();
        for (id, path) in paths {
            let regions = watch.files[id.0 as usize].as_ref().map(|(_, regions)| regions.clone());
            let at = self.files.len() as u32;
            ids[id.0 as usize] = Some(at);
            if let Some(regions) = &regions {
                self.graph.enter(at, regions);
            }
            self.by_path.insert(path.clone(), at);
            self.files.push(SessionFile { path, file: sema.sources.get(id).clone(), regions });
        }
        let regions = self.graph.nodes.len();
        self.take(&sema, &watch, &ids);
        Some(Update { regions, bodies: watch.checked, whole: true })
    }

    /// Checks some regions.
    fn check_again(&mut self, mut dirty: Vec<bool>) -> Update {
        let (mut sema, mut watch, mut regions) = self.compile_regions(&dirty);
        if watch.has_run() && self.graph.add_runs(&mut dirty) {
            // They share their variables with what has run now for the first time.
            (sema, watch, regions) = self.compile_regions(&dirty);
        }
        let same = sema.paths.len() == self.files.len();
        let same = same && sema.paths.keys().all(|path| self.by_path.contains_key(path));
        let cycle = sema.diagnostics.iter().any(is_cycle);
        // Where files come or go, what is in them does.
        if !same || cycle || self.needs_whole(&sema, &watch) {
            return self.check_all();
        }
        let mut ids: Vec<Option<u32>> = vec![None; sema.sources.len()];
        for (path, id) in &sema.paths {
            ids[id.0 as usize] = self.by_path.get(path).copied();
        }
        self.graph.clear(&dirty);
        self.take(&sema, &watch, &ids);
        Update { regions, bodies: watch.checked, whole: false }
    }

    /// A compilation in which some nodes' regions are checked, and how many those are.
    fn compile_regions(&mut self, dirty: &[bool]) -> (Sema, Box<Watch>, usize) {
        let wanted = self.wanted(dirty);
        let regions = wanted.values().flatten().filter(|&&wanted| wanted).count();
        let plan = Plan { known: self.known_regions(), wanted, whole: false };
        let watch = Watch::new(plan, None);
        let mut sema = self.compile(watch);
        let watch = sema.watch.take().unwrap_or_default();
        (sema, watch, regions)
    }

    fn known_regions(&self) -> FxHashMap<Arc<str>, Arc<Regions>> {
        let known = self.files.iter().filter_map(|f| Some((f.path.clone(), f.regions.clone()?)));
        known.collect()
    }

    /// For each file which of its regions are to be checked.
    pub(super) fn wanted(&self, dirty: &[bool]) -> Wanted {
        let mut all = FxHashMap::default();
        for (at, file) in self.files.iter().enumerate() {
            let Some(regions) = &file.regions else { continue };
            let mut wanted = vec![false; regions.list.len()];
            for (n, region) in regions.list.iter().enumerate() {
                let Some(node) = self.graph.find((at as u32, region.key)) else { continue };
                wanted[n] = dirty.get(node as usize).copied().unwrap_or(true);
            }
            all.insert(file.path.clone(), wanted);
        }
        all
    }

    /// A compilation in which the wanted regions are checked.
    pub(super) fn compile(&mut self, watch: Watch) -> Sema {
        let whole = watch.plan.whole;
        let mut sema = Sema::new(self.options.clone(), Box::new(self.loader.clone()));
        sema.watch = Some(Box::new(watch));
        sema.mark_stack();
        for file in &self.files {
            sema.add_file(file.path.clone(), file.file.clone());
        }
        let root = sema.add_file(self.root.path.clone(), self.root.file.clone());
        let mut loaded = 0;
        while loaded < sema.files.len() {
            sema.load_imports(FileId(loaded as u32));
            loaded += 1;
        }
        if let Some(make) = &mut self.make_comptime {
            let comptime = make(&mut sema);
            sema.set_comptime(comptime);
        }
        let mut at = 0;
        while at < sema.files.len() {
            let file = FileId(at as u32);
            if sema.files[at].part_of.is_none() && !sema.is_of_library(file) {
                sema.load_imports(file);
                sema.check_file(file);
            }
            at += 1;
            if at == sema.files.len() {
                // A body may import more.
                sema.finish_queue();
            }
        }
        if whole {
            sema.main_func(root);
        } else {
            sema.main_signature(root);
        }
        sema.finish();
        sema
    }

    /// True when what a program means depends on all of it at once.
    fn needs_whole(&self, sema: &Sema, watch: &Watch) -> bool {
        let is_open = |regions: &Regions| regions.list.iter().any(|r| r.kind == RegionKind::Open);
        sema.depends_on_all() || watch.files.iter().flatten().any(|(_, regions)| is_open(regions))
    }

    /// Takes over what a compilation has found.
    fn take(&mut self, sema: &Sema, watch: &Watch, ids: &[Option<u32>]) {
        self.checked += watch.checked;
        let nodes = self.place_nodes(watch, ids);
        let mut hashes: FxHashMap<crate::symbols::Sym, u64> = FxHashMap::default();
        for (node, &at) in watch.nodes.iter().zip(&nodes) {
            if at == NOBODY || !node.wanted {
                continue;
            }
            let to_session = |list: &[u32]| -> Vec<u32> {
                list.iter().map(|&to| nodes[to as usize]).filter(|&to| to != NOBODY).collect()
            };
            let kept = &mut self.graph.nodes[at as usize];
            kept.edges = to_session(&node.edges);
            kept.reached = to_session(&node.reached);
            kept.names.clear();
            for &(file, name) in &node.names {
                let Some(file) = ids[file.0 as usize] else { continue };
                let hash = *hashes.entry(name).or_insert_with(|| hash_name(sema.text(name)));
                kept.names.push((file, hash));
            }
            kept.flags = node.flags.get();
            kept.found.clear();
        }
        let map = FileMap { files: &self.files, ids, sources: &sema.sources };
        self.entry_found.clear();
        for (diagnostic, &node) in sema.diagnostics.iter().zip(&watch.diagnostics) {
            if node == NOBODY {
                self.entry_found.push(map.found(diagnostic));
            } else if watch.nodes[node as usize].wanted && nodes[node as usize] != NOBODY {
                let found = map.found(diagnostic);
                self.graph.nodes[nodes[node as usize] as usize].found.push(found);
            }
        }
        for (node, diagnostic) in &watch.repeated {
            let Some(&at) = nodes.get(*node as usize) else { continue };
            if at != NOBODY && watch.nodes[*node as usize].wanted {
                self.graph.nodes[at as usize].found.push(map.found(diagnostic));
            }
        }
        self.graph.collect();
        self.imports.clear();
        self.imports.resize(self.files.len(), Vec::new());
        for (id, scope) in sema.files.iter().enumerate() {
            let Some(at) = ids[id] else { continue };
            let files = scope.imports.iter().filter_map(|import| import.files.as_ref()).flatten();
            self.imports[at as usize] = files.filter_map(|id| ids[id.0 as usize]).collect();
        }
    }

    /// The session's nodes for those of a compilation; none for instances that nobody wanted.
    fn place_nodes(&mut self, watch: &Watch, ids: &[Option<u32>]) -> Vec<u32> {
        let mut place = |node: &WatchNode| match node.work {
            Work::Region(file, region) => {
                let Some(Some((_, regions))) = watch.files.get(file.0 as usize) else { return NOBODY };
                let Some(at) = ids[file.0 as usize] else { return NOBODY };
                self.graph.find((at, regions.list[region as usize].key)).unwrap_or(NOBODY)
            }
            _ if node.wanted => self.graph.instance(),
            _ => NOBODY,
        };
        watch.nodes.iter().map(&mut place).collect()
    }

    /// What is found in the program now, in the order in which it is shown, and the sources that the places are in.
    pub fn diagnostics(&self) -> (Vec<Diagnostic>, Sources) {
        let mut sources = Sources::new();
        for file in &self.files {
            sources.add(file.file.clone());
        }
        let found = self.graph.nodes.iter().flat_map(|node| &node.found);
        let mut all: Vec<Diagnostic> = Vec::new();
        let mut seen: FxHashMap<(Loc, &str), usize> = FxHashMap::default();
        for found in self.entry_found.iter().chain(found) {
            let shown = found.show(&self.files, &mut sources);
            match seen.entry((shown.loc, shown.code.as_str())) {
                Entry::Vacant(entry) => {
                    entry.insert(all.len());
                    all.push(shown);
                }
                // Which instance came first isn't known, and is nothing to change with an edit.
                Entry::Occupied(entry) => {
                    let known = &mut all[*entry.get()];
                    if shown.message < known.message {
                        *known = shown;
                    }
                }
            }
        }
        sort_for_display(&mut all);
        let (mut errors, mut warnings) = (0, 0);
        all.retain(|d| {
            let count = if d.severity == Severity::Error { &mut errors } else { &mut warnings };
            *count += 1;
            *count <= self.max_errors
        });
        (all, sources)
    }

    /// True when something keeps the program from running.
    pub fn has_errors(&self) -> bool {
        let nodes = self.graph.nodes.iter().flat_map(|node| &node.found);
        self.entry_found.iter().chain(nodes).any(Found::is_error)
    }

    fn has_cycle(&self) -> bool {
        let nodes = self.graph.nodes.iter().flat_map(|node| &node.found);
        self.entry_found.iter().chain(nodes).any(|found| is_cycle(&found.diagnostic))
    }

    /// A compilation of some regions that notes uses and types.
    pub(super) fn probe(&mut self, dirty: &[bool]) -> (Sema, Box<Watch>) {
        let wanted = self.wanted(dirty);
        let plan = Plan { known: self.known_regions(), wanted, whole: false };
        let watch = Watch::new(plan, Some(Probe::default()));
        let mut sema = self.compile(watch);
        let watch = sema.watch.take().unwrap_or_default();
        (sema, watch)
    }
}

/// What depends on itself says so where the circle is entered, which all that is checked before decides.
fn is_cycle(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == Code::E0106
}

fn is_import(region: &Region) -> bool {
    region.kind == RegionKind::Import
}

/// What a file asks to import. Where a name is declared twice, only the first declaration asks for anything.
fn requests<'a>(file: &'a File, regions: &Regions) -> FxHashSet<&'a [u8]> {
    let ast = &file.ast;
    let path = |region: &Region| match *ast.stmt(ast.items[region.item as usize]) {
        Stmt::Const(idx) => {
            let decl = ast.get(idx);
            let name = ast.name(decl.name.name);
            let first = regions.names.get(name).and_then(|keys| keys.first());
            (name != "_" && first == Some(&region.key)).then_some(decl.value)
        }
        Stmt::Expr { expr, .. } => Some(expr),
        _ => None,
    };
    let imports = regions.list.iter().filter(|region| is_import(region)).filter_map(path);
    let paths = imports.filter_map(|expr| match *ast.expr(expr) {
        Expr::Import(path) => Some(ast.string(path)),
        _ => None,
    });
    paths.collect()
}

fn hash_name(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}
