//! Flow facts: which optionals are known to hold a value, which errors are known to be null.

use super::{Cx, FnState};
use crate::thir::*;
use crate::visit::any_below;
use sx_syntax::ast::{Ast as Tree, Expr as Ast, ExprId, Iter, NameId, Stmt as AstStmt, StmtId};
use sx_syntax::span::FileId;

/// Something known of a local until it is assigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fact {
    pub local: LocalId,
    pub has_value: bool,
    /// Overtaken by an assignment; kept so that enclosing blocks forget it too.
    pub dead: bool,
}

/// What a condition says of locals, by its outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct CondFacts {
    pub when_true: Vec<(LocalId, bool)>,
    pub when_false: Vec<(LocalId, bool)>,
}

/// Reads the facts off a checked condition.
pub(crate) fn cond_facts(e: E<'_>) -> CondFacts {
    match e.kind {
        Kind::HasValue(&Expr { kind: Kind::Local(local), .. }) => {
            CondFacts { when_true: vec![(local, true)], when_false: vec![(local, false)] }
        }
        Kind::Not(inner) => {
            let CondFacts { when_true, when_false } = cond_facts(inner);
            CondFacts { when_true: when_false, when_false: when_true }
        }
        Kind::And(a, b) => {
            let mut known = still_true(cond_facts(a).when_true, b);
            known.extend(cond_facts(b).when_true);
            CondFacts { when_true: known, when_false: Vec::new() }
        }
        Kind::Or(a, b) => {
            let mut known = still_true(cond_facts(a).when_false, b);
            known.extend(cond_facts(b).when_false);
            CondFacts { when_true: Vec::new(), when_false: known }
        }
        _ => CondFacts::default(),
    }
}

/// Those facts that hold behind an expression, too: of locals that it doesn't assign.
pub(crate) fn still_true(mut facts: Vec<(LocalId, bool)>, behind: E<'_>) -> Vec<(LocalId, bool)> {
    facts.retain(|&(local, _)| !assigns(behind, local));
    facts
}

fn assigns(e: E<'_>, local: LocalId) -> bool {
    let is_it = |target: &Expr<'_>| super::root_local(target) == Some(local);
    any_below(e, &mut |e| {
        let Kind::Block { stmts, .. } = e.kind else { return false };
        stmts.iter().any(|stmt| match stmt {
            Stmt::Assign { targets, .. } => targets.iter().flatten().any(|t| is_it(t)),
            Stmt::AssignOp { target, .. } => is_it(target),
            _ => false,
        })
    })
}

impl FnState {
    /// Whether an optional is known to hold a value, or not to.
    pub(crate) fn known(&self, local: LocalId) -> Option<bool> {
        let fact = self.facts.iter().rev().find(|f| f.local == local && !f.dead);
        let captured = || self.captured_facts.iter().find(|f| f.0 == local).map(|f| f.1);
        fact.map(|f| f.has_value).or_else(captured)
    }
}

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn assume(&mut self, facts: &[(LocalId, bool)]) {
        for &(local, has_value) in facts {
            let info = &self.f.locals[local.0 as usize];
            if info.kind == LocalKind::Alias || info.address_taken {
                continue;
            }
            self.f.facts.push(Fact { local, has_value, dead: false });
        }
    }
    /// Runs `work` knowing these facts.
    pub(crate) fn assuming<R>(&mut self, facts: &[(LocalId, bool)], work: impl FnOnce(&mut Self) -> R) -> R {
        let len = self.f.facts.len();
        self.assume(facts);
        let result = work(self);
        self.f.facts.truncate(len);
        result
    }
    pub(crate) fn forget(&mut self, local: LocalId) {
        self.f.forget_type(local);
        for fact in self.f.facts.iter_mut().filter(|f| f.local == local) {
            fact.dead = true;
        }
    }
    /// Why an optional isn't narrowed, where a reader may think that it is.
    pub(crate) fn lost_narrowing(&self, e: E<'b>) -> Option<String> {
        let Kind::Local(local) = e.kind else { return None };
        let info = &self.f.locals[local.0 as usize];
        if self.f.facts.iter().any(|f| f.local == local && f.dead && f.has_value) {
            return Some(format!(
                "`{}` was tested for null, but can be assigned before this runs",
                info.name
            ));
        }
        info.address_taken
            .then(|| format!("tests don't narrow `{}`, because its address is taken", info.name))
    }
    pub(crate) fn is_proven_value(&self, local: LocalId) -> bool {
        self.f.known(local) == Some(true)
    }
    pub(crate) fn is_proven_null(&self, local: LocalId) -> bool {
        self.f.known(local) == Some(false)
    }
    /// Runs `work` for a cleanup, which runs when the function has gone on: only what nothing in the function
    /// assigns is still known there. What the cleanup assigns isn't known behind it.
    pub(crate) fn later<R>(&mut self, cleanup: StmtId, work: impl FnOnce(&mut Self) -> R) -> R {
        let facts = self.f.facts.clone();
        if let Some((file, body)) = self.f.body {
            // Inserted text may stand between: the body is another file's.
            let parsed = self.s.file(file).file.clone();
            self.forget_assigned(file, &parsed.ast, |walk| walk.expr(body));
        }
        let result = work(self);
        self.f.facts = facts;
        let (file, ast) = (self.file, self.ast);
        self.forget_assigned(file, ast, |walk| walk.stmt(cleanup));
        result
    }
    /// Before a loop: what its body assigns, or what has its address taken, is no longer known.
    pub(crate) fn forget_assigned_in(&mut self, body: ExprId) {
        let (file, ast) = (self.file, self.ast);
        self.forget_assigned(file, ast, |walk| walk.expr(body));
    }
    fn forget_assigned(&mut self, file: FileId, ast: &Tree, look: impl FnOnce(&mut Walk<'_>)) {
        if self.f.facts.iter().all(|f| f.dead) {
            return;
        }
        let mut walk = Walk { ast, out: Vec::new(), anything: false };
        look(&mut walk);
        if walk.anything {
            self.f.facts.iter_mut().for_each(|fact| fact.dead = true);
            return;
        }
        for name in walk.out {
            let sym = self.s.file(file).syms[name.index()];
            let locals: Vec<LocalId> = self
                .f
                .entries
                .iter()
                .filter_map(|(s, entry)| match entry {
                    super::Entry::Local(local) if *s == sym => Some(*local),
                    _ => None,
                })
                .collect();
            for local in locals {
                self.forget(local);
            }
        }
    }
}

/// Collects names that are assigned or have their address taken. The syntax tree's tables say nothing of nesting, so
/// this follows the children.
struct Walk<'a> {
    ast: &'a Tree,
    out: Vec<NameId>,
    /// There is inserted text, which may assign whatever it sees.
    anything: bool,
}

impl Walk<'_> {
    fn root(&mut self, expr: ExprId) {
        match *self.ast.expr(expr) {
            Ast::Name(ident) => self.out.push(ident.name),
            Ast::Paren(e) | Ast::Field { base: e, .. } | Ast::TupleIndex { base: e, .. } => self.root(e),
            _ => {}
        }
    }
    fn stmt(&mut self, stmt: StmtId) {
        let ast = self.ast;
        match *ast.stmt(stmt) {
            AstStmt::Expr { expr, .. } | AstStmt::Using(expr) => self.expr(expr),
            AstStmt::Var(idx) => ast.list(ast.get(idx).values).iter().for_each(|&e| self.expr(e)),
            AstStmt::Assign { targets, values, .. } => {
                for &target in ast.list(targets) {
                    self.root(target);
                    self.expr(target);
                }
                ast.list(values).iter().for_each(|&e| self.expr(e));
            }
            AstStmt::Defer(inner) | AstStmt::OnFail { body: inner, .. } => self.stmt(inner),
            AstStmt::Const(_)
            | AstStmt::Impl(_)
            | AstStmt::Assert { .. }
            | AstStmt::Test(_)
            | AstStmt::Error => {}
        }
    }
    fn opt(&mut self, expr: Option<ExprId>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }
    fn expr(&mut self, expr: ExprId) {
        let ast = self.ast;
        match *ast.expr(expr) {
            Ast::AddrOf(e) => {
                self.root(e);
                self.expr(e);
            }
            Ast::Paren(e)
            | Ast::Unary { operand: e, .. }
            | Ast::Deref(e)
            | Ast::Unwrap(e)
            | Ast::Try(e)
            | Ast::Autocast(e)
            | Ast::Cast { operand: e, .. }
            | Ast::Field { base: e, .. }
            | Ast::TupleIndex { base: e, .. }
            | Ast::OptField { base: e, .. }
            | Ast::OptTupleIndex { base: e, .. }
            | Ast::OptChain(e)
            | Ast::Raise(e)
            | Ast::Run(e) => self.expr(e),
            Ast::Insert(_) => self.anything = true,
            Ast::Return(e) => self.opt(e),
            Ast::Binary { lhs: a, rhs: b, .. }
            | Ast::And(a, b)
            | Ast::Or(a, b)
            | Ast::Coalesce(a, b)
            | Ast::Pipe(a, b)
            | Ast::Index { base: a, index: b }
            | Ast::Push { ctx: a, body: b }
            | Ast::ArrayRepeat { value: a, count: b, .. } => {
                self.expr(a);
                self.expr(b);
            }
            Ast::Chain { first, links } => {
                self.expr(first);
                ast.list(links).iter().for_each(|l| self.expr(l.rhs));
            }
            Ast::Catch(idx) => {
                let c = ast.get(idx);
                self.expr(c.operand);
                self.expr(c.handler);
            }
            Ast::Slice(idx) => {
                let s = ast.get(idx);
                self.expr(s.base);
                self.opt(s.lo);
                self.opt(s.hi);
            }
            Ast::Call { callee, args } => {
                self.expr(callee);
                ast.list(args).iter().for_each(|a| self.expr(a.value));
            }
            Ast::StructLit { fields, .. } => ast.list(fields).iter().for_each(|a| self.expr(a.value)),
            Ast::TupleLit { elems, .. } => ast.list(elems).iter().for_each(|a| self.expr(a.value)),
            Ast::ArrayLit { elems, .. } => ast.list(elems).iter().for_each(|&e| self.expr(e)),
            Ast::Block { stmts, tail } => {
                ast.list(stmts).iter().for_each(|&s| self.stmt(s));
                self.opt(tail);
            }
            Ast::If(idx) => {
                let i = ast.get(idx);
                self.expr(i.cond);
                self.expr(i.then);
                self.opt(i.else_);
            }
            Ast::Match(idx) => {
                let m = ast.get(idx);
                self.expr(m.subject);
                ast.list(m.arms).iter().for_each(|a| self.expr(a.body));
            }
            Ast::While(idx) => {
                let w = ast.get(idx);
                self.expr(w.cond);
                self.expr(w.body);
            }
            Ast::For(idx) => {
                let f = ast.get(idx);
                for iter in ast.list(f.iters) {
                    match *iter {
                        Iter::Each(e) => self.expr(e),
                        Iter::Range { lo, hi, .. } => {
                            self.expr(lo);
                            self.opt(hi);
                        }
                    }
                }
                self.expr(f.body);
            }
            _ => {}
        }
    }
}
