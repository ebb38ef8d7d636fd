//! Flow facts: which optionals are known to hold a value, which errors are known to be null.

use super::{Cx, FnState};
use crate::thir::*;
use sx_syntax::ast::{Ast as Tree, Expr as Ast, ExprId, NameId, Stmt as AstStmt, StmtId};

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
pub(crate) fn cond_facts(e: &Expr<'_>) -> CondFacts {
    match e.kind {
        Kind::HasValue(&Expr { kind: Kind::Local(local), .. }) => {
            CondFacts { when_true: vec![(local, true)], when_false: vec![(local, false)] }
        }
        Kind::Not(inner) => {
            let CondFacts { when_true, when_false } = cond_facts(inner);
            CondFacts { when_true: when_false, when_false: when_true }
        }
        Kind::And(a, b) => {
            let (mut a, b) = (cond_facts(a), cond_facts(b));
            a.when_true.extend(b.when_true);
            CondFacts { when_true: a.when_true, when_false: Vec::new() }
        }
        Kind::Or(a, b) => {
            let (mut a, b) = (cond_facts(a), cond_facts(b));
            a.when_false.extend(b.when_false);
            CondFacts { when_true: Vec::new(), when_false: a.when_false }
        }
        _ => CondFacts::default(),
    }
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
        for fact in self.f.facts.iter_mut().filter(|f| f.local == local) {
            fact.dead = true;
        }
    }
    pub(crate) fn is_proven_value(&self, local: LocalId) -> bool {
        self.f.known(local) == Some(true)
    }
    pub(crate) fn is_proven_null(&self, local: LocalId) -> bool {
        self.f.known(local) == Some(false)
    }
    /// Before a loop: what its body assigns, or what has its address taken, is no longer known.
    pub(crate) fn forget_assigned_in(&mut self, body: ExprId) {
        if self.f.facts.iter().all(|f| f.dead) {
            return;
        }
        let mut names = Vec::new();
        assigned_names(self.ast, body, &mut names);
        for name in names {
            let sym = self.sym(name);
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

/// Names that are assigned or have their address taken anywhere below an expression. Walks everything: the
/// tables' order says nothing of nesting, so this follows the children.
pub(crate) fn assigned_names(ast: &Tree, expr: ExprId, out: &mut Vec<NameId>) {
    let mut walk = Walk { ast, out };
    walk.expr(expr);
}

struct Walk<'a> {
    ast: &'a Tree,
    out: &'a mut Vec<NameId>,
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
            | Ast::Run(e)
            | Ast::Insert(e) => self.expr(e),
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
                self.expr(f.body);
            }
            _ => {}
        }
    }
}
