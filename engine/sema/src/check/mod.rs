//! Checking: syntax tree in, typed tree out.
//!
//! A [`Cx`] checks one body, or one expression of a declaration, in one file and one static scope. It allocates
//! typed nodes in an arena that lives until the body has been lowered. Files by subject: `names`, `types`,
//! `nominal`, `expr`, `ops`, `cast`, `coerce`, `field`, `call`, `infer`, `instance`, `literal`, `stmt`, `control`, `matching`,
//! `optional`, `errors`, `closure`, `packs`, `view`, `chain`, `builtin`, `format`, `format_spec`, `protocol`, `impls`, `facts`, `fold`, `freeze`.

mod any;
mod atomic;
mod body;
mod builtin;
mod call;
mod cast;
mod chain;
mod closure;
mod coerce;
mod control;
mod errors;
mod expr;
mod facts;
mod field;
mod fold;
mod format;
mod format_spec;
mod freeze;
mod impls;
mod infer;
mod insert;
mod instance;
mod literal;
mod match_type;
mod matching;
mod names;
mod nominal;
mod ops;
mod optional;
mod packs;
mod probe;
mod protocol;
mod stack;
mod stmt;
mod type_value;
mod types;
mod unify;
mod vector;
mod view;

use crate::sema::*;
use crate::symbols::Sym;
use crate::thir::*;
use crate::types::{ErrorSetId, ProtocolId, StructId, TypeId, TypeKind};
use bumpalo::Bump;
use std::sync::Arc;
use sx_syntax::ast::{Ast, ExprId, Ident, NameId};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{FileId, Loc, Span};

pub(crate) use any::Erased;
pub(crate) use builtin::category;
pub(crate) use chain::{Asked, Within};
pub(crate) use facts::Fact;
pub(crate) use fold::normalize;
pub(crate) use impls::ImplIndex;
pub(crate) use infer::has_dollar;
pub(crate) use insert::Inserts;
pub(crate) use names::Entity;
pub(crate) use nominal::int_range;

/// A constant that has no type yet.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Lit {
    None,
    Int(i128),
    Float(f64),
    Null,
}

/// A checked expression. With an untyped type, `lit` is its value and `e` stands only for its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Val<'b> {
    pub ty: TypeId,
    pub e: E<'b>,
    pub lit: Lit,
}

/// What a name means inside a body.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Local(LocalId),
    Decl(DeclId),
    Pack(Arc<[LocalId]>),
}

#[derive(Clone, Debug)]
pub(crate) struct LoopInfo {
    pub id: LoopId,
    pub label: Option<Sym>,
    /// How many defers enclose it.
    pub defers: u32,
    /// The round of an `inline for`, which is a block of its own that `continue` leaves.
    pub round: Option<LoopId>,
}

/// What belongs to the function being checked.
#[derive(Debug, Default)]
pub(crate) struct FnState {
    pub locals: Vec<Local>,
    pub entries: Vec<(Sym, Entry)>,
    /// Where the current block's entries begin.
    pub block_start: usize,
    pub params: Vec<LocalId>,
    /// The variables of loops over ranges.
    pub counters: Vec<LocalId>,
    /// The declared value type; none while it is inferred.
    pub ret: Option<TypeId>,
    /// First type found for an inferred result.
    pub inferred: Option<TypeId>,
    pub infer: bool,
    /// The body.
    pub body: Option<(FileId, ExprId)>,
    /// What decides the result's type, for messages: where it is written, or the first value that is returned.
    pub ret_at: Option<(Loc, &'static str)>,
    pub set: Option<ErrorSetId>,
    pub loops: Vec<LoopInfo>,
    pub next_loop: u32,
    pub facts: Vec<Fact>,
    /// `(v, err)` of `v, err := f()`.
    pub guards: Vec<(LocalId, LocalId)>,
    /// Outer local and the local that holds its copy.
    pub captures: Vec<(LocalId, LocalId)>,
    /// Captured names, visible in the whole body behind its own.
    pub captured: Vec<(Sym, Entry)>,
    /// What was known of captured locals where the closure is made; they are constants, so it stays true.
    pub captured_facts: Vec<(LocalId, bool)>,
    pub parent: Option<Box<FnState>>,
    pub defers: u32,
    /// By-reference captures: pointers that are read through where a value is wanted.
    pub refs: Vec<LocalId>,
    /// Locals that are seen through a protocol only.
    pub views: Vec<(LocalId, ProtocolId)>,
    /// Inside a spread that is done for each element of packs, whose projections stand for one type then.
    pub spreading: bool,
    pub inst: Option<InstId>,
    /// The type whose fields are being found.
    pub ty: Option<StructId>,
    /// The argument whose type is being inferred from, for messages.
    pub blame: Option<Loc>,
    /// The `test` block.
    pub test: Option<Loc>,
    /// What is known of types that only the running program knows.
    pub type_facts: Vec<any::TypeFact>,
    /// `Type` locals that are the type of what an `Any` local holds.
    pub type_sources: Vec<(LocalId, LocalId)>,
    /// Not inside a function: locals can't be.
    pub is_static: bool,
    /// What is converted is a call's argument: a temporary lives as long as the block around.
    pub argument: bool,
    /// The fields whose defaults are being checked for a literal, each in the default of the one before.
    pub filling: Vec<(StructId, usize)>,
    /// How many were, since the outermost.
    pub filled: u32,
}

/// The names that a place sees besides those of static scopes.
struct Names {
    entries: Vec<(Sym, Entry)>,
    block_start: usize,
    captured: Vec<(Sym, Entry)>,
    parent: Option<Box<FnState>>,
}

impl FnState {
    fn take_names(&mut self) -> Names {
        Names {
            entries: std::mem::take(&mut self.entries),
            block_start: std::mem::take(&mut self.block_start),
            captured: std::mem::take(&mut self.captured),
            parent: self.parent.take(),
        }
    }
    fn put_names(&mut self, names: Names) {
        self.entries = names.entries;
        self.block_start = names.block_start;
        self.captured = names.captured;
        self.parent = names.parent;
    }
}

/// Checks one body or one expression.
pub(crate) struct Cx<'s, 'a, 'b> {
    pub s: &'s mut Sema,
    pub ast: &'a Ast,
    pub file: FileId,
    pub scope: ScopeId,
    pub b: &'b Bump,
    pub f: FnState,
    /// Nesting of expressions.
    pub depth: u32,
}

/// Expressions nested deeper than this are refused, whatever the parser let through.
const MAX_DEPTH: u32 = 512;

impl Sema {
    /// Runs `work` with a context that isn't inside a function.
    pub(crate) fn with_static<R>(
        &mut self,
        file: FileId,
        scope: ScopeId,
        work: impl for<'s, 'a, 'b> FnOnce(&mut Cx<'s, 'a, 'b>) -> R,
    ) -> R {
        let parsed = self.file(file).file.clone();
        let bump = Bump::new();
        let f = FnState { is_static: true, ..FnState::default() };
        let mut cx = Cx { s: self, ast: &parsed.ast, file, scope, b: &bump, f, depth: 0 };
        work(&mut cx)
    }
}

impl<'s, 'a, 'b> Cx<'s, 'a, 'b> {
    /// Checks in another file and scope, into the same body. The names around the current place aren't visible
    /// there.
    pub(crate) fn elsewhere<R>(
        &mut self,
        file: FileId,
        scope: ScopeId,
        work: impl for<'x, 'y> FnOnce(&mut Cx<'x, 'y, 'b>) -> R,
    ) -> R {
        let parsed = self.s.file(file).file.clone();
        let names = self.f.take_names();
        let f = std::mem::take(&mut self.f);
        let mut cx = Cx { s: self.s, ast: &parsed.ast, file, scope, b: self.b, f, depth: self.depth };
        let result = work(&mut cx);
        self.f = std::mem::take(&mut cx.f);
        self.f.put_names(names);
        result
    }

    pub(crate) fn loc(&self, span: Span) -> Loc {
        Loc::new(self.file, span)
    }
    pub(crate) fn span(&self, expr: ExprId) -> Span {
        self.ast.expr_span(expr)
    }
    pub(crate) fn sym(&self, name: NameId) -> Sym {
        self.s.file(self.file).syms[name.index()]
    }
    pub(crate) fn ident(&self, ident: Ident) -> Sym {
        self.sym(ident.name)
    }
    pub(crate) fn is_underscore(&self, ident: Ident) -> bool {
        !ident.raw && self.ast.name(ident.name) == "_"
    }

    // ---- reporting ----

    pub(crate) fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        let d = Diagnostic::error(code, self.loc(span), message);
        self.report(d);
    }
    pub(crate) fn error_help(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let d = Diagnostic::error(code, self.loc(span), message).help(help);
        self.report(d);
    }
    pub(crate) fn name_of(&self, ty: TypeId) -> String {
        self.s.type_name(ty)
    }

    // ---- nodes ----

    pub(crate) fn kind(&self, ty: TypeId) -> &TypeKind {
        self.s.types.kind(ty)
    }
    pub(crate) fn mk(&mut self, ty: TypeId, span: Span, kind: Kind<'b>) -> E<'b> {
        let loc = self.loc(span);
        self.mk_at(ty, loc, kind)
    }
    pub(crate) fn mk_at(&mut self, ty: TypeId, loc: Loc, kind: Kind<'b>) -> E<'b> {
        let index = ty.0 as usize;
        if self.s.laid_out.get(index) != Some(&true) {
            self.ensure_layout(ty, loc);
            if self.s.laid_out.get(index) != Some(&true) {
                self.s.fault();
            }
        }
        if self.s.watch.is_some() {
            self.s.probe_type(loc, ty);
        }
        self.b.alloc(Expr { ty, loc, kind })
    }
    pub(crate) fn val(&mut self, ty: TypeId, span: Span, kind: Kind<'b>) -> Val<'b> {
        let e = self.mk(ty, span, kind);
        Val { ty, e, lit: Lit::None }
    }
    pub(crate) fn of(&self, e: E<'b>) -> Val<'b> {
        Val { ty: e.ty, e, lit: Lit::None }
    }
    pub(crate) fn error_val(&mut self, span: Span) -> Val<'b> {
        self.val(TypeId::ERROR, span, Kind::Undef)
    }
    pub(crate) fn void_val(&mut self, span: Span) -> Val<'b> {
        self.val(TypeId::VOID, span, Kind::Zero)
    }
    pub(crate) fn untyped_int(&mut self, value: i128, span: Span) -> Val<'b> {
        let e = self.mk(TypeId::UNTYPED_INT, span, Kind::Zero);
        Val { ty: TypeId::UNTYPED_INT, e, lit: Lit::Int(value) }
    }
    pub(crate) fn untyped_float(&mut self, value: f64, span: Span) -> Val<'b> {
        let e = self.mk(TypeId::UNTYPED_FLOAT, span, Kind::Zero);
        Val { ty: TypeId::UNTYPED_FLOAT, e, lit: Lit::Float(value) }
    }
    pub(crate) fn type_val(&mut self, ty: TypeId, span: Span) -> Val<'b> {
        self.val(TypeId::TYPE, span, Kind::Int(ty.0 as u64))
    }
    pub(crate) fn bool_val(&mut self, value: bool, span: Span) -> Val<'b> {
        self.val(TypeId::BOOL, span, Kind::Int(value as u64))
    }
    pub(crate) fn i64_expr(&mut self, value: i64, span: Span) -> E<'b> {
        self.mk(TypeId::I64, span, Kind::Int(value as u64))
    }
    pub(crate) fn slice_of<T>(&self, items: Vec<T>) -> &'b [T] {
        self.b.alloc_slice_fill_iter(items)
    }
    pub(crate) fn block(&mut self, stmts: Vec<Stmt<'b>>, tail: E<'b>) -> E<'b> {
        if stmts.is_empty() {
            return tail;
        }
        let stmts = self.slice_of(stmts);
        self.mk_at(tail.ty, tail.loc, Kind::Block { stmts, tail: Some(tail) })
    }

    // ---- locals ----

    pub(crate) fn new_local(&mut self, name: Sym, ty: TypeId, kind: LocalKind, span: Span) -> LocalId {
        let loc = self.loc(span);
        self.ensure_layout(ty, loc);
        if self.s.watch.is_some() {
            self.s.probe_type(loc, ty);
        }
        let name = self.s.symbols.shared(name);
        self.f.locals.push(Local { name, ty, kind, address_taken: false, assigned: false, loc });
        LocalId(self.f.locals.len() as u32 - 1)
    }
    pub(crate) fn temp_local(&mut self, ty: TypeId, span: Span) -> LocalId {
        self.new_local(Sym::EMPTY, ty, LocalKind::Value, span)
    }
    pub(crate) fn local_expr(&mut self, local: LocalId, span: Span) -> E<'b> {
        let ty = self.f.locals[local.0 as usize].ty;
        self.mk(ty, span, Kind::Local(local))
    }
    /// Keeps a value in a temporary of the checker: the statement, and reads of it.
    pub(crate) fn keep(&mut self, e: E<'b>, stmts: &mut Vec<Stmt<'b>>) -> LocalId {
        let local = self.temp_local(e.ty, e.loc.span);
        stmts.push(Stmt::Let { local, init: Some(e) });
        local
    }
    /// Keeps the address of a place as another name for it, or a value in a temporary.
    pub(crate) fn keep_place(&mut self, e: E<'b>, stmts: &mut Vec<Stmt<'b>>) -> LocalId {
        if !is_place(e) {
            return self.keep(e, stmts);
        }
        if let Kind::Local(local) = e.kind {
            return local;
        }
        self.mark_address_taken(e);
        let local = self.new_local(Sym::EMPTY, e.ty, LocalKind::Alias, e.loc.span);
        stmts.push(Stmt::Let { local, init: Some(e) });
        local
    }
    pub(crate) fn mark_address_taken(&mut self, e: E<'b>) {
        if let Some(local) = root_local(e) {
            self.f.locals[local.0 as usize].address_taken = true;
        }
    }
    pub(crate) fn address_of(&mut self, e: E<'b>) -> E<'b> {
        if let Kind::Deref(ptr) = e.kind
            && matches!(self.kind(ptr.ty), TypeKind::Ptr(_))
        {
            return ptr;
        }
        self.mark_address_taken(e);
        let ty = self.s.types.ptr(e.ty);
        self.mk_at(ty, e.loc, Kind::AddrOf(e))
    }
    /// Enters a name into the current block.
    pub(crate) fn declare(&mut self, ident: Ident, entry: Entry) {
        if self.is_underscore(ident) {
            return;
        }
        let sym = self.ident(ident);
        let before = self.f.entries[self.f.block_start..].iter().find(|(s, _)| *s == sym);
        if let Some((_, before)) = before {
            let first = match before {
                Entry::Local(local) => Some(self.f.locals[local.0 as usize].loc),
                Entry::Decl(decl) => Some(Loc::new(self.s.decl(*decl).file, self.s.decl(*decl).span)),
                Entry::Pack(_) => None,
            };
            let message = format!("`{}` is declared twice in this block", self.s.text(sym));
            let mut d = Diagnostic::error(Code::E0103, self.loc(ident.span), message)
                .help("assign with `=`, or choose another name");
            if let Some(first) = first {
                d = d.also(first, "declared here first");
            }
            self.report(d);
        }
        self.f.entries.push((sym, entry));
    }
    /// Runs `work` in a block of its own: names, facts and static scope end with it.
    pub(crate) fn scoped<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let start = std::mem::replace(&mut self.f.block_start, self.f.entries.len());
        let entries = self.f.entries.len();
        let facts = self.f.facts.len();
        let scope = self.scope;
        let result = work(self);
        self.scope = scope;
        self.f.entries.truncate(entries);
        self.f.facts.truncate(facts);
        self.f.block_start = start;
        result
    }
}

/// True for expressions that have an address of their own.
pub(crate) fn is_place(e: &Expr<'_>) -> bool {
    match e.kind {
        Kind::Local(_) | Kind::Global(_) | Kind::ConstData(_) | Kind::Context | Kind::Deref(_) => true,
        Kind::Field { base, .. } | Kind::Payload { base, .. } | Kind::OptPayload(base) => is_place(base),
        Kind::Unwrap(base) => is_place(base),
        // Elements of slices, strings and many-pointers lie in memory whatever held the slice.
        Kind::Index { .. } => true,
        _ => false,
    }
}

/// The local that a place is part of, not counting what lies behind pointers.
pub(crate) fn root_local(e: &Expr<'_>) -> Option<LocalId> {
    match e.kind {
        Kind::Local(local) => Some(local),
        Kind::Field { base, .. }
        | Kind::Payload { base, .. }
        | Kind::OptPayload(base)
        | Kind::Unwrap(base) => root_local(base),
        Kind::Index { base, .. } => root_local(base),
        _ => None,
    }
}
