//! Files, imports and module-level lookup.
//!
//! A file is loaded when a name is first looked up through the import that names it. Its declarations are entered
//! by name only; nothing is checked until it is asked for.

use crate::check::has_dollar;
use crate::incremental::NAMES;
use crate::sema::*;
use crate::symbols::Sym;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use sx_syntax::ast::{Expr, ExprId, Stmt};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::source::File;
use sx_syntax::span::{FileId, Loc, Span};

/// What a module-level name was found to be.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Decl(DeclId),
    /// Two flat imports have it.
    Ambiguous(DeclId, DeclId),
    None,
}

impl Sema {
    /// Adds a parsed file under a path; a path that is there already gives the file that has it.
    pub fn add_file(&mut self, path: Arc<str>, file: Arc<File>) -> FileId {
        self.catch_up();
        if let Some(&id) = self.paths.get(&path) {
            return id;
        }
        let outer = self.leave_work();
        let id = self.add_source(file.clone(), None);
        self.watch_file(&path, id);
        self.paths.insert(path, id);
        self.enter_items(id, id, &file);
        self.return_to_work(outer);
        id
    }

    /// Adds inserted text, whose names are those of the file that it is part of.
    pub(crate) fn add_part(&mut self, file: Arc<File>, of: FileId) -> FileId {
        self.catch_up();
        let whole = self.whole(of);
        let id = self.add_source(file, Some(whole));
        self.watch_part(id);
        id
    }

    /// The file that a text was inserted into; other files are their own.
    pub(crate) fn whole(&self, file: FileId) -> FileId {
        self.file(file).part_of.unwrap_or(file)
    }

    fn add_source(&mut self, file: Arc<File>, part_of: Option<FileId>) -> FileId {
        let id = self.sources.add(file.clone());
        self.module.files.push(file.path.clone());
        for diagnostic in &file.diagnostics {
            let mut diagnostic = diagnostic.clone();
            diagnostic.loc.file = id;
            for label in &mut diagnostic.secondary {
                label.loc.file = id;
            }
            self.report(diagnostic);
        }
        let broken = file
            .diagnostics
            .iter()
            .filter(|d| d.severity == sx_syntax::diag::Severity::Error)
            .map(|d| d.loc.span)
            .collect();
        let syms: Vec<Sym> = file.ast.names.iter().map(|name| self.symbols.intern(name)).collect();
        // Known at once, since an assignment may come before anything else that looks into the type.
        let accessors = file.ast.consts.iter().filter(|decl| {
            matches!(*file.ast.expr(decl.value), Expr::Func(func) if file.ast.get(func).accessor.is_some())
        });
        self.property_names.extend(accessors.map(|decl| syms[decl.name.name.index()]));
        let scope = match part_of {
            Some(whole) => self.file(whole).scope,
            None => self.new_scope(None, id, Vec::new()),
        };
        self.files.push(FileScope {
            file: file.clone(),
            syms,
            decls: FxHashMap::default(),
            imports: Vec::new(),
            scope,
            tests: Vec::new(),
            asserts: Vec::new(),
            runs: Vec::new(),
            inserts: Vec::new(),
            part_of,
            parts: Vec::new(),
            broken,
        });
        id
    }

    fn not_yet(&mut self, file: FileId, expr: ExprId, code: Code, message: &str) {
        let loc = Loc::new(file, self.file(file).file.ast.expr_span(expr));
        self.report(Diagnostic::error(code, loc, message));
    }

    /// Enters the declarations of a file's tree into the module that they belong to.
    pub(crate) fn enter_items(&mut self, id: FileId, into: FileId, file: &Arc<File>) {
        let ast = &file.ast;
        for &item in &ast.items {
            match *ast.stmt(item) {
                Stmt::Const(idx) => {
                    let decl = ast.get(idx);
                    let kind = DeclKind::Const(idx);
                    self.enter(id, into, decl.name.name.index(), decl.name.span, kind);
                }
                Stmt::Var(idx) => {
                    let var = ast.get(idx);
                    for (n, name) in ast.list(var.names).iter().enumerate() {
                        let kind = DeclKind::Var(idx, n as u32);
                        self.enter(id, into, name.name.index(), name.span, kind);
                    }
                }
                Stmt::Impl(idx) => {
                    let span = ast.stmt_span(item);
                    let imp = ast.get(idx);
                    self.impls.push(ImplInfo {
                        file: id,
                        ast: idx,
                        span,
                        resolved: None,
                        methods: FxHashMap::default(),
                        checked: false,
                        generic: has_dollar(ast, imp.target) || has_dollar(ast, imp.protocol),
                        of: None,
                    });
                }
                Stmt::Test(idx) => self.files[id.0 as usize].tests.push(idx),
                Stmt::Assert { .. } => self.files[id.0 as usize].asserts.push(item),
                Stmt::Expr { expr, .. } => match *ast.expr(expr) {
                    Expr::Import(path) => {
                        let request = String::from_utf8_lossy(ast.string(path)).into_owned().into_boxed_str();
                        let import = FlatImport { request, span: ast.expr_span(expr), files: None };
                        self.files[into.0 as usize].imports.push(import);
                    }
                    Expr::Run(_) => self.files[id.0 as usize].runs.push(item),
                    Expr::Asm(_) => {
                        self.not_yet(id, expr, Code::E0804, "inline assembly isn't supported by this build");
                    }
                    Expr::Insert(_) => self.files[into.0 as usize].inserts.push((id, expr)),
                    Expr::ImportC(_) => {
                        self.not_yet(
                            id,
                            expr,
                            Code::E0802,
                            "importing C headers isn't supported by this build",
                        );
                    }
                    // The parser has said that it can't stand here.
                    _ => {}
                },
                Stmt::Error => {}
                _ => {}
            }
        }
    }

    fn enter(&mut self, file: FileId, into: FileId, name: usize, span: Span, kind: DeclKind) {
        let scope = self.file(into).scope;
        let sym = self.file(file).syms[name];
        if self.text(sym) == "_" {
            return;
        }
        let decl = self.new_decl(sym, file, scope, kind, None, span);
        if let Some(&first) = self.file(into).decls.get(&sym) {
            let at = Loc::new(file, span);
            let before = Loc::new(self.decl(first).file, self.decl(first).span);
            let message = format!("`{}` is declared twice", self.text(sym));
            self.report(Diagnostic::error(Code::E0103, at, message).also(before, "declared here first"));
            return;
        }
        self.files[into.0 as usize].decls.insert(sym, decl);
    }

    pub(crate) fn new_decl(
        &mut self,
        name: Sym,
        file: FileId,
        scope: ScopeId,
        kind: DeclKind,
        owner: Option<crate::types::TypeId>,
        span: Span,
    ) -> DeclId {
        self.decls.push(Decl { name, file, scope, kind, state: DeclState::Todo, owner, span });
        DeclId(self.decls.len() as u32 - 1)
    }

    /// The files behind an import, loaded now if they weren't.
    pub(crate) fn import_files(&mut self, importer: FileId, request: &str, span: Span) -> Vec<FileId> {
        let path = self.paths_of(importer);
        match self.loader.load(&path, request) {
            Ok(files) => files.into_iter().map(|l| self.add_file(l.path, l.file)).collect(),
            Err(error) => {
                let loc = Loc::new(importer, span);
                let mut d = Diagnostic::error(Code::E0104, loc, error.message);
                for place in error.searched {
                    d = d.note(format!("looked for {place}"));
                }
                self.report(d);
                Vec::new()
            }
        }
    }

    fn paths_of(&self, file: FileId) -> String {
        self.sources.get(file).path.to_string()
    }

    fn flat_import(&mut self, file: FileId, index: usize) -> Vec<FileId> {
        let import = &self.file(file).imports[index];
        if let Some(files) = &import.files {
            return files.clone();
        }
        let (request, span) = (import.request.clone(), import.span);
        // Entered before loading, so that files that import each other find an end.
        self.files[file.0 as usize].imports[index].files = Some(Vec::new());
        let files = self.import_files(file, &request, span);
        self.files[file.0 as usize].imports[index].files = Some(files.clone());
        files
    }

    /// Loads what a file imports flat, whether or not a name has been looked up through it.
    pub(crate) fn load_imports(&mut self, file: FileId) {
        for index in 0..self.file(file).imports.len() {
            self.flat_import(file, index);
        }
    }

    /// True if a file imports another one itself, flat or under a name, as far as it was used.
    pub(crate) fn imports_file(&self, file: FileId, other: FileId) -> bool {
        let scope = self.file(file);
        let flat = scope.imports.iter().filter_map(|import| import.files.as_ref());
        let named = scope.decls.values().filter_map(|&decl| match self.decl(decl).state {
            DeclState::Done(DeclVal::Namespace(id)) => Some(&self.namespaces[id.0 as usize]),
            _ => None,
        });
        flat.chain(named).any(|files| files.contains(&other))
    }

    /// The namespace of a set of files.
    pub(crate) fn namespace(&mut self, files: Vec<FileId>) -> NamespaceId {
        if let Some(&id) = self.namespace_ids.get(&files) {
            return id;
        }
        let id = NamespaceId(self.namespaces.len() as u32);
        self.namespaces.push(files.clone());
        self.namespace_ids.insert(files, id);
        id
    }

    /// A name as a file sees it: its own, then its flat imports'.
    pub(crate) fn lookup_module(&mut self, file: FileId, name: Sym) -> Found {
        self.watch_name(file, name);
        self.expand_inserts(file);
        if let Some(&decl) = self.file(file).decls.get(&name) {
            return Found::Decl(decl);
        }
        let mut found: Option<DeclId> = None;
        for index in 0..self.file(file).imports.len() {
            for imported in self.flat_import(file, index) {
                self.expand_inserts(imported);
                let Some(&decl) = self.file(imported).decls.get(&name) else { continue };
                match found {
                    None => found = Some(decl),
                    Some(first) if first == decl || self.same_entity(first, decl) => {}
                    Some(first) => return Found::Ambiguous(first, decl),
                }
            }
        }
        found.map_or(Found::None, Found::Decl)
    }

    /// Two aliases of one thing aren't two authors.
    fn same_entity(&mut self, a: DeclId, b: DeclId) -> bool {
        match (self.decl_value(a), self.decl_value(b)) {
            (DeclVal::Func(x), DeclVal::Func(y)) => x == y,
            (DeclVal::Generic(x), DeclVal::Generic(y)) => x == y,
            (DeclVal::Namespace(x), DeclVal::Namespace(y)) => x == y,
            (DeclVal::Protocol(x), DeclVal::Protocol(y)) => x == y,
            (DeclVal::Global(x, _), DeclVal::Global(y, _)) => x == y,
            (DeclVal::Const(t, x), DeclVal::Const(u, y)) => t == u && x == y && x.as_type().is_some(),
            (DeclVal::Library(x), DeclVal::Library(y)) => x == y,
            _ => false,
        }
    }

    /// A name inside a namespace: only what its files declare themselves.
    pub(crate) fn lookup_namespace(&mut self, namespace: NamespaceId, name: Sym) -> Option<DeclId> {
        for index in 0..self.namespaces[namespace.0 as usize].len() {
            let file = self.namespaces[namespace.0 as usize][index];
            self.watch_name(file, name);
            self.expand_inserts(file);
        }
        let files = &self.namespaces[namespace.0 as usize];
        files.iter().find_map(|&file| self.file(file).decls.get(&name).copied())
    }

    /// A loaded file that declares a dot-callable function which another file doesn't see.
    pub(crate) fn declared_elsewhere(&self, from: FileId, name: Sym) -> Option<String> {
        self.watch_flag(NAMES);
        for file in 0..self.files.len() as u32 {
            let Some(&decl) = self.file(FileId(file)).decls.get(&name) else { continue };
            let DeclKind::Const(idx) = self.decl(decl).kind else { continue };
            let ast = &self.file(FileId(file)).file.ast;
            let ufcs = match *ast.expr(ast.get(idx).value) {
                Expr::Func(func) => ast.get(func).ufcs,
                Expr::UfcsAlias(_) => true,
                _ => false,
            };
            if ufcs && FileId(file) != from {
                return Some(self.paths_of(FileId(file)));
            }
        }
        None
    }

    /// Names that look like `name`, for advice.
    pub(crate) fn similar_name(&self, file: FileId, name: &str) -> Option<String> {
        self.watch_flag(NAMES);
        let file = self.whole(file);
        let own = self.file(file).decls.keys();
        let imported = self.file(file).imports.iter().flat_map(|i| i.files.iter().flatten());
        let imported = imported.flat_map(|&f| self.file(f).decls.keys());
        nearest(name, own.chain(imported).map(|&sym| self.text(sym).to_string()))
    }
}

/// How many letters are inserted, removed, replaced or swapped with their neighbour between two names.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, &ca) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &cb) in b.iter().enumerate() {
            let mut best = (row[j] + usize::from(ca != cb)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && ca == b[j - 1] && a[i - 1] == cb {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

/// The one of some names that another one was probably meant to be.
pub(crate) fn nearest(name: &str, known: impl IntoIterator<Item = String>) -> Option<String> {
    let near = known.into_iter().map(|k| (edit_distance(name, &k), k));
    // One letter in place of another isn't a slip of the pen if it is the only one.
    let allowed = (name.len() / 3).max(1).min(name.len().saturating_sub(1));
    near.filter(|(distance, k)| *distance <= allowed && k != name).min().map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, want) in
            [("", "", 0), ("ab", "", 2), ("width", "widht", 1), ("kitten", "sitting", 3), ("a", "b", 1)]
        {
            assert_eq!((edit_distance(a, b), edit_distance(b, a)), (want, want), "{a} {b}");
        }
    }

    #[test]
    fn near_names() {
        let known = || ["width", "height", "x"].map(String::from);
        assert_eq!(nearest("widht", known()), Some("width".to_string()));
        assert_eq!(nearest("depth", known()), None);
        assert_eq!(nearest("y", known()), None);
    }
}
