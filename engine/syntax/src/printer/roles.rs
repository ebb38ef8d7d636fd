//! What single tokens do, where their kind doesn't tell, taken from the tree.

use crate::ast::*;
use crate::source::File;
use crate::token::{NO_PAIR, Tok, Tokens};

/// Marks of one token, a set of bits.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks(u16);

impl Marks {
    /// Stands before its operand: `-x`, `*T`, `..xs`.
    pub const PREFIX: Marks = Marks(1);
    /// The `!` behind its operand.
    pub const UNWRAP: Marks = Marks(2);
    /// A `.` that begins an expression.
    pub const LEADING: Marks = Marks(4);
    /// The bracket that ends the front of a type, as in `[]T`: nothing goes between it and the type.
    pub const TIGHT_AFTER: Marks = Marks(8);
    /// Closes something that an operand follows: `cast(T) x`, `catch (e) x`.
    pub const SPACE_AFTER: Marks = Marks(16);
    /// A blank stands before it against the rule: captures, the `:` of `x : T = v`.
    pub const SPACE_BEFORE: Marks = Marks(32);
    /// The `/` of `$T/Protocol`.
    pub const TIGHT: Marks = Marks(64);
    /// The first token of a statement, member, variant or arm.
    pub const ITEM: Marks = Marks(128);
    /// An infix operator before which an expression may be broken.
    pub const BREAK: Marks = Marks(256);

    pub fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }
}

/// The marks of all tokens.
pub(super) struct Roles<'a> {
    tokens: &'a Tokens,
    ast: &'a Ast,
    marks: Vec<Marks>,
    /// Ranges of tokens, first and last, of expressions that are broken at their own operators.
    pub chains: Vec<(usize, usize)>,
}

impl<'a> Roles<'a> {
    pub fn of(file: &'a File, tokens: &'a Tokens) -> Roles<'a> {
        let marks = vec![Marks::default(); tokens.kinds.len()];
        let mut roles = Roles { tokens, ast: &file.ast, marks, chains: Vec::new() };
        roles.exprs();
        roles.items();
        roles
    }

    /// The marks of a token.
    pub fn get(&self, token: usize) -> Marks {
        self.marks[token]
    }

    /// The token that starts at or after a byte.
    fn token_at(&self, byte: u32) -> usize {
        self.tokens.starts.partition_point(|&s| s < byte)
    }

    fn mark(&mut self, token: usize, mark: Marks) {
        if let Some(marks) = self.marks.get_mut(token) {
            marks.0 |= mark.0;
        }
    }

    fn mark_at(&mut self, byte: u32, mark: Marks) {
        let token = self.token_at(byte);
        if self.tokens.starts.get(token) == Some(&byte) {
            self.mark(token, mark);
        }
    }

    fn mark_pair(&mut self, open: usize, mark: Marks) {
        let pair = self.tokens.pairs[open];
        if pair != NO_PAIR {
            self.mark(pair as usize, mark);
        }
    }

    /// Children come before their parents, so going backwards meets the whole chain before its parts.
    fn exprs(&mut self) {
        let mut absorbed = vec![false; self.ast.exprs.len()];
        for index in (0..self.ast.exprs.len()).rev() {
            let span = self.ast.expr_spans[index];
            match self.ast.exprs[index] {
                Expr::Unary { .. } | Expr::AddrOf(_) | Expr::PtrTy(_) | Expr::OptionalTy(_) => {
                    self.mark_at(span.lo, Marks::PREFIX);
                }
                Expr::Dollar { constraint, .. } => {
                    self.mark_at(span.lo, Marks::PREFIX);
                    if constraint.is_some() {
                        let dollar = self.token_at(span.lo);
                        self.mark(dollar + 2, Marks::TIGHT);
                    }
                }
                Expr::Unwrap(_) => self.mark_at(span.hi - 1, Marks::UNWRAP),
                Expr::ManyPtrTy(_) | Expr::SliceTy(_) | Expr::SentinelSliceTy(_) | Expr::ArrayTy { .. } => {
                    let open = self.token_at(span.lo);
                    self.mark_pair(open, Marks::TIGHT_AFTER);
                }
                Expr::Cast { .. } => {
                    let open = self.token_at(span.lo) + 1;
                    self.mark_pair(open, Marks::SPACE_AFTER);
                }
                Expr::DotName(_)
                | Expr::StructLit { ty: None, .. }
                | Expr::ArrayLit { ty: None, .. }
                | Expr::ArrayRepeat { ty: None, .. }
                | Expr::TupleLit { ty: None, .. } => self.mark_at(span.lo, Marks::LEADING),
                Expr::Block { stmts, tail } => {
                    if self.tokens.kinds.get(self.token_at(span.lo)) == Some(&Tok::LBrace) {
                        self.statements(self.ast.list(stmts), tail);
                    }
                }
                Expr::Struct(body) | Expr::Union(body) => self.members(self.ast.get(body).members),
                Expr::Protocol(body) => self.members(self.ast.get(body).methods),
                Expr::Enum(body) => {
                    let body = self.ast.get(body);
                    self.members(body.members);
                    for variant in self.ast.list(body.variants) {
                        self.mark_at(variant.name.span.lo, Marks::ITEM);
                    }
                }
                Expr::Catch(catch) => {
                    if let Some(name) = self.ast.get(catch).binding {
                        self.binding(name);
                    }
                }
                _ => self.chain(index, &mut absorbed),
            }
        }
    }

    /// Operators before which a line may be broken.
    fn chain(&mut self, index: usize, absorbed: &mut [bool]) {
        let Some(class) = class(&self.ast.exprs[index]) else { return };
        let span = self.ast.expr_spans[index];
        let mut before_op = |roles: &mut Self, operand: ExprId| {
            let op = roles.token_at(roles.ast.expr_span(operand).hi);
            roles.mark(op, Marks::BREAK);
            if self::class(roles.ast.expr(operand)) == Some(class) {
                absorbed[operand.index()] = true;
            }
        };
        match self.ast.exprs[index] {
            Expr::Chain { first, links } => {
                before_op(self, first);
                let links = self.ast.list(links);
                for link in &links[..links.len() - 1] {
                    before_op(self, link.rhs);
                }
            }
            Expr::Coalesce(lhs, rhs) => {
                before_op(self, lhs);
                absorbed[rhs.index()] = self::class(self.ast.expr(rhs)) == Some(class);
            }
            Expr::Binary { lhs, .. } | Expr::And(lhs, _) | Expr::Or(lhs, _) | Expr::Pipe(lhs, _) => {
                before_op(self, lhs)
            }
            _ => {}
        }
        if !absorbed[index] {
            let last = self.tokens.starts.partition_point(|&s| s < span.hi) - 1;
            self.chains.push((self.token_at(span.lo), last));
        }
    }

    /// Everything that isn't an expression.
    fn items(&mut self) {
        let ast = self.ast;
        for &item in &ast.items {
            self.mark_at(ast.stmt_span(item).lo, Marks::ITEM);
        }
        for arm in &ast.arms {
            self.mark_at(arm.span.lo, Marks::ITEM);
        }
        for capture in ast.fors.iter().map(|f| f.captures).filter(|c| !c.is_empty()) {
            let first = ast.list(capture)[0];
            let open = self.token_at(first.name.span.lo) - 1 - usize::from(first.by_ref);
            self.mark(open, Marks::SPACE_BEFORE);
        }
        for capture in ast.captures.iter().copied().chain(ast.arms.iter().filter_map(|arm| arm.binding)) {
            if capture.by_ref {
                let star = self.token_at(capture.name.span.lo) - 1;
                self.mark(star, Marks::PREFIX);
            }
        }
        for item in &ast.impls {
            self.members(item.members);
        }
        for var in
            ast.vars.iter().filter(|v| v.ty.is_some() && (!v.values.is_empty() || v.external.is_some()))
        {
            let names = ast.list(var.names);
            let last = self.token_at(names[names.len() - 1].span.lo);
            self.mark(last + 1, Marks::SPACE_BEFORE);
        }
        for decl in ast.consts.iter().filter(|c| c.ty.is_some()) {
            let name = self.token_at(decl.name.span.lo);
            self.mark(name + 1, Marks::SPACE_BEFORE);
            let value = self.token_at(ast.expr_span(decl.value).lo);
            self.mark(value - 1, Marks::SPACE_BEFORE);
        }
        for stmt in &ast.stmts {
            if let Stmt::OnFail { binding: Some(name), .. } = *stmt {
                self.binding(name);
            }
        }
        self.prefixes_by_neighbour();
    }

    /// `..xs` in arguments and parameters, which have no node of their own.
    fn prefixes_by_neighbour(&mut self) {
        for i in 1..self.tokens.kinds.len() {
            let before = self.tokens.kinds[i - 1];
            if self.tokens.kinds[i] == Tok::DotDot && matches!(before, Tok::LParen | Tok::LBrace | Tok::Comma)
            {
                self.mark(i, Marks::PREFIX);
            }
        }
    }

    /// `(e)` around a name that a handler follows.
    fn binding(&mut self, name: Ident) {
        let close = self.token_at(name.span.lo) + 1;
        self.mark(close, Marks::SPACE_AFTER);
    }

    fn statements(&mut self, stmts: &[StmtId], tail: Option<ExprId>) {
        for &stmt in stmts {
            self.mark_at(self.ast.stmt_span(stmt).lo, Marks::ITEM);
        }
        if let Some(tail) = tail {
            self.mark_at(self.ast.expr_span(tail).lo, Marks::ITEM);
        }
    }

    fn members(&mut self, members: Range<Member>) {
        for &member in self.ast.list(members) {
            let byte = match member {
                Member::Field { names, .. } => self.ast.list(names)[0].span.lo,
                Member::Const(decl) => self.ast.get(decl).name.span.lo,
            };
            let name = self.token_at(byte);
            let using = name > 0 && self.tokens.kinds[name - 1] == Tok::DUsing;
            self.mark(name - usize::from(using), Marks::ITEM);
        }
    }
}

/// Operators of one class form one chain, which is broken before all of them or none.
fn class(expr: &Expr) -> Option<u8> {
    Some(match expr {
        Expr::Or(..) => 1,
        Expr::And(..) => 2,
        Expr::Pipe(..) => 3,
        Expr::Coalesce(..) => 8,
        Expr::Chain { .. } => 7,
        Expr::Binary { op, .. } => match op {
            BinOp::BitOr => 4,
            BinOp::BitXor => 5,
            BinOp::BitAnd => 6,
            BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Gt | BinOp::Le | BinOp::Ge | BinOp::In => 7,
            BinOp::Shl | BinOp::Shr => 9,
            BinOp::Add | BinOp::Sub => 10,
            BinOp::Mul | BinOp::Div | BinOp::Rem => 11,
        },
        _ => return None,
    })
}
