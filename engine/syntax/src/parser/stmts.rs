//! Blocks, statements and module-level items.

use super::Parser;
use crate::ast::*;
use crate::diag::Code;
use crate::lexer::FILE;
use crate::span::{Loc, Span};
use crate::token::Tok;

/// What a statement turned out to be.
#[derive(Clone, Copy)]
pub(super) enum Parsed {
    Stmt(StmtId),
    /// An expression without `;` that ends its block: the block's value.
    Tail(ExprId),
}

impl Parser<'_> {
    /// A whole file.
    pub(super) fn module(&mut self) {
        while !self.at(Tok::Eof) {
            if matches!(self.kind(), Tok::RBrace | Tok::RParen | Tok::RBracket) {
                self.stray_close();
                continue;
            }
            if self.eat(Tok::Semi) {
                continue;
            }
            let errors = self.diags.len();
            let id = match self.statement() {
                Parsed::Stmt(id) => id,
                Parsed::Tail(expr) => {
                    let lo = self.ast.expr_span(expr).lo;
                    self.add_stmt(Stmt::Expr { expr, semi: false }, lo)
                }
            };
            if self.diags.len() == errors {
                self.check_item(id);
            }
            self.ast.items.push(id);
        }
    }

    /// Says so when a statement stands where only declarations can.
    fn check_item(&mut self, id: StmtId) {
        let what = match *self.ast.stmt(id) {
            Stmt::Expr { expr, .. } => match self.ast.expr(expr) {
                Expr::Error
                | Expr::Import(_)
                | Expr::ImportC(_)
                | Expr::Library(_)
                | Expr::Run(_)
                | Expr::Insert(_)
                | Expr::Asm(_) => {
                    return;
                }
                _ => "an expression",
            },
            Stmt::Assign { .. } => "an assignment",
            Stmt::Defer(_) => "`defer`",
            Stmt::OnFail { .. } => "`onfail`",
            Stmt::Using(_) => "`#using`",
            Stmt::Error
            | Stmt::Const(_)
            | Stmt::Var(_)
            | Stmt::Impl(_)
            | Stmt::Assert { .. }
            | Stmt::Test(_) => return,
        };
        let span = self.ast.stmt_span(id);
        self.report(Code::E0020, span, format!("{what} can't stand outside of a function"), |d| {
            d.help("put it into `main :: () { … }`, or run it at compile time with `#run`")
        });
    }

    /// A text that is the inside of a block; gives its value.
    pub(super) fn statements(&mut self) -> Option<ExprId> {
        let mark = self.mark::<StmtId>();
        let mut tail = None;
        loop {
            tail = self.statement_list().or(tail);
            if self.at(Tok::Eof) {
                break;
            }
            self.stray_close();
        }
        let stmts = self.seal::<StmtId>(mark);
        self.ast.items = self.ast.list(stmts).to_vec();
        tail
    }

    /// `{ … }`
    pub(super) fn block(&mut self) -> ExprId {
        let (lo, open) = (self.lo(), self.pos);
        if !self.eat(Tok::LBrace) {
            self.expected("`{`");
            return self.broken();
        }
        let ctx = self.free();
        // What is wrong around the block doesn't silence it, and it doesn't mend that.
        let panic = std::mem::take(&mut self.panic);
        let mark = self.mark::<StmtId>();
        let tail = self.statement_list();
        let stmts = self.seal(mark);
        self.ctx = ctx;
        if self.eat(Tok::RBrace) {
            self.panic = panic;
        } else {
            self.unclosed_block(open);
        }
        self.add_since(Expr::Block { stmts, tail }, lo)
    }

    /// Statements onto the stack up to `}` or the end; gives the value.
    fn statement_list(&mut self) -> Option<ExprId> {
        let mut tail = None;
        loop {
            match self.kind() {
                Tok::RBrace | Tok::Eof => return tail,
                Tok::Semi => self.bump(),
                Tok::RParen | Tok::RBracket => self.stray_close(),
                _ => match self.statement() {
                    Parsed::Stmt(id) => self.stack(id),
                    Parsed::Tail(expr) => tail = Some(expr),
                },
            }
        }
    }

    /// One statement, its `;` included. Always moves on.
    pub(super) fn statement(&mut self) -> Parsed {
        let (first, lo) = (self.pos, self.lo());
        if !self.enter() {
            let stmt = self.add_stmt(Stmt::Error, lo);
            self.leave();
            return Parsed::Stmt(stmt);
        }
        let chain = std::mem::take(&mut self.chain);
        let mut parsed = self.statement_inner(false);
        self.chain = self.chain.max(chain);
        self.leave();
        if self.panic {
            let ended = match self.prev_kind() {
                Tok::Semi => true,
                Tok::RBrace => self.begins_line(self.pos),
                _ => false,
            } && self.pos > first;
            if ended {
                self.panic = false;
            } else {
                self.sync();
            }
            if let Parsed::Tail(expr) = parsed
                && !self.at(Tok::RBrace)
            {
                parsed = Parsed::Stmt(self.add_stmt(Stmt::Expr { expr, semi: true }, lo));
            }
        }
        if self.pos == first {
            self.bump();
        }
        parsed
    }

    /// `in_body`: as the braceless body of an `if`, where an `else` may follow.
    fn statement_inner(&mut self, in_body: bool) -> Parsed {
        let lo = self.lo();
        let stmt = match self.kind() {
            Tok::Ident => match self.peek(1) {
                Tok::ColonColon | Tok::ColonEq | Tok::Colon | Tok::Comma => match self.declaration() {
                    Some(parsed) => return parsed,
                    None => return self.expr_statement(in_body),
                },
                _ => return self.expr_statement(in_body),
            },
            Tok::If | Tok::While | Tok::For | Tok::Push | Tok::LBrace | Tok::Inline
                if !matches!(self.peek(1), Tok::ColonColon | Tok::ColonEq) =>
            {
                return self.block_statement(None);
            }
            Tok::Defer => {
                self.bump();
                let body = self.body_statement();
                Stmt::Defer(body)
            }
            Tok::OnFail => self.onfail(),
            Tok::Impl => self.impl_decl(),
            Tok::DAssert => self.assert(),
            Tok::DUsing => {
                self.bump();
                let expr = self.expr();
                self.end_statement();
                Stmt::Using(expr)
            }
            Tok::Test if matches!(self.peek(1), Tok::Str | Tok::RawStr) => self.test(),
            kind if kind.is_word()
                && matches!(self.peek(1), Tok::ColonColon | Tok::ColonEq | Tok::Colon | Tok::Comma) =>
            {
                match self.declaration() {
                    Some(parsed) => return parsed,
                    None => return self.expr_statement(in_body),
                }
            }
            _ => return self.expr_statement(in_body),
        };
        Parsed::Stmt(self.add_stmt(stmt, lo))
    }

    /// A statement that ends at its `}`.
    pub(super) fn block_statement(&mut self, label: Option<Ident>) -> Parsed {
        let lo = label.map_or(self.lo(), |l| l.span.lo);
        let expr = match self.kind() {
            Tok::LBrace => self.block(),
            Tok::If => self.if_(false, true),
            Tok::While => self.while_(label, true),
            Tok::For => self.for_(label, false, true),
            Tok::Push => self.push_context(true),
            _ => self.inline(label, true),
        };
        let braceless_end = self.prev_kind() == Tok::Semi;
        let semi = braceless_end || self.eat(Tok::Semi);
        if !semi && !self.panic && matches!(self.kind(), Tok::RBrace | Tok::Eof) {
            return Parsed::Tail(expr);
        }
        Parsed::Stmt(self.add_stmt(Stmt::Expr { expr, semi }, lo))
    }

    /// An expression for its effect, a block's value, or an assignment.
    fn expr_statement(&mut self, in_body: bool) -> Parsed {
        let lo = self.lo();
        let expr = self.expr();
        if self.at(Tok::Comma) || assign_op(self.kind()).is_some() {
            let stmt = self.assignment(expr);
            if !(in_body && self.at(Tok::Else)) {
                self.end_statement();
            }
            return Parsed::Stmt(self.add_stmt(stmt, lo));
        }
        if self.eat(Tok::Semi) {
            return Parsed::Stmt(self.add_stmt(Stmt::Expr { expr, semi: true }, lo));
        }
        if matches!(self.kind(), Tok::RBrace | Tok::Eof) || (in_body && self.at(Tok::Else)) {
            return Parsed::Tail(expr);
        }
        let semi = !self.ends_like_block(expr);
        if semi {
            self.end_statement();
        }
        Parsed::Stmt(self.add_stmt(Stmt::Expr { expr, semi }, lo))
    }

    /// True where an expression's `}` ends a statement without `;`.
    fn ends_like_block(&self, expr: ExprId) -> bool {
        if self.prev_kind() != Tok::RBrace {
            return false;
        }
        match *self.ast.expr(expr) {
            Expr::Block { .. }
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::While(_)
            | Expr::For(_)
            | Expr::Push { .. } => true,
            Expr::Asm(_) | Expr::ImportC(_) => true,
            Expr::Catch(catch) => self.ends_like_block(self.ast.get(catch).handler),
            Expr::Run(inner) | Expr::Insert(inner) => self.ends_like_block(inner),
            _ => false,
        }
    }

    /// The rest of an assignment, from the operator or the comma between targets.
    fn assignment(&mut self, first: ExprId) -> Stmt {
        let mark = self.mark::<ExprId>();
        self.stack(first);
        while self.eat(Tok::Comma) {
            let target = self.expr();
            self.stack(target);
        }
        let targets = self.seal::<ExprId>(mark);
        let op = assign_op(self.kind());
        match op {
            Some(op) => {
                self.bump();
                let values = self.expr_list();
                Stmt::Assign { op, targets, values }
            }
            None => {
                self.expected("`=` after the targets of an assignment");
                Stmt::Assign { op: None, targets, values: Range::empty() }
            }
        }
    }

    /// Expressions with commas between.
    pub(super) fn expr_list(&mut self) -> Range<ExprId> {
        let mark = self.mark::<ExprId>();
        loop {
            let value = self.expr();
            self.stack(value);
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.seal(mark)
    }

    /// The `;` of a statement. A missing one is reported at the end of what it should end.
    pub(super) fn end_statement(&mut self) {
        if self.eat(Tok::Semi) || self.panic {
            return;
        }
        if self.at(Tok::Error) {
            self.panic = true;
            return;
        }
        // `f(x));` has one bracket too many, and is a whole statement but for that.
        while matches!(self.kind(), Tok::RParen | Tok::RBracket) {
            self.stray_close();
            self.panic = true;
        }
        if self.panic {
            self.panic = !self.eat(Tok::Semi);
            return;
        }
        let same_line = !self.begins_line(self.pos) && !matches!(self.kind(), Tok::RBrace | Tok::Eof);
        let end = self.prev_end();
        if same_line {
            let (span, found) = (self.span(), self.found());
            let help = self.habit();
            self.fail(Code::E0002, Span::at(end), format!("expected `;` before {found}"), |mut d| {
                d.helps.extend(help.map(String::from));
                d.also(Loc::new(FILE, span), "this can't go on the statement")
            });
        } else {
            self.report(Code::E0002, Span::at(end), "expected `;` at the end of the statement", |d| d);
        }
    }

    /// The `;` of a declaration, which may be left out after a `}`.
    pub(super) fn end_declaration(&mut self) {
        if !self.eat(Tok::Semi) && self.prev_kind() != Tok::RBrace {
            self.end_statement();
        }
    }

    /// A statement as the body of `defer` or `onfail`.
    fn body_statement(&mut self) -> StmtId {
        match self.statement() {
            Parsed::Stmt(id) => id,
            Parsed::Tail(expr) => {
                let lo = self.ast.expr_span(expr).lo;
                self.add_stmt(Stmt::Expr { expr, semi: false }, lo)
            }
        }
    }

    /// A body that may drop its braces, as an expression: a block as it is, one statement's expression, or a
    /// block made around one statement that isn't an expression.
    pub(super) fn simple_body(&mut self) -> ExprId {
        if self.at(Tok::LBrace) {
            return self.block();
        }
        let lo = self.lo();
        if matches!(self.kind(), Tok::RBrace | Tok::Eof | Tok::Else | Tok::Case | Tok::RParen | Tok::RBracket)
        {
            self.expected("a statement");
            return self.broken();
        }
        if self.eat(Tok::Semi) {
            return self.add_since(Expr::Block { stmts: Range::empty(), tail: None }, lo);
        }
        if !self.enter() {
            self.leave();
            return self.broken();
        }
        let ctx = self.free();
        let parsed = self.statement_inner(true);
        self.ctx = ctx;
        self.leave();
        self.body_of(parsed, lo)
    }

    /// A statement as an expression.
    pub(super) fn body_of(&mut self, parsed: Parsed, lo: u32) -> ExprId {
        match parsed {
            Parsed::Tail(expr) => expr,
            Parsed::Stmt(id) => {
                if let Stmt::Expr { expr, .. } = *self.ast.stmt(id) {
                    if id.index() + 1 == self.ast.stmts.len() {
                        self.ast.stmts.pop();
                        self.ast.stmt_spans.pop();
                    }
                    return expr;
                }
                let mark = self.mark::<StmtId>();
                self.stack(id);
                let stmts = self.seal(mark);
                self.add_since(Expr::Block { stmts, tail: None }, lo)
            }
        }
    }

    /// `onfail stmt`, `onfail (e) { … }`
    fn onfail(&mut self) -> Stmt {
        self.bump();
        let binding = (self.at(Tok::LParen)
            && self.peek(1).is_name()
            && self.peek(2) == Tok::RParen
            && self.peek(3) == Tok::LBrace)
            .then(|| {
                self.bump();
                let name = self.word();
                self.bump();
                name
            });
        let body = self.body_statement();
        Stmt::OnFail { binding, body }
    }

    /// `#assert cond, "message";`
    fn assert(&mut self) -> Stmt {
        self.bump();
        let cond = self.expr();
        let message = self.eat(Tok::Comma).then(|| self.expr());
        self.end_statement();
        Stmt::Assert { cond, message }
    }

    /// `test "name" { … }`
    fn test(&mut self) -> Stmt {
        self.bump();
        let name = self.string_value();
        let body = self.block();
        Stmt::Test(self.ast.push(TestDecl { name, body }))
    }
}

/// The operator of an assignment; the inner option is empty for plain `=`.
fn assign_op(kind: Tok) -> Option<Option<BinOp>> {
    Some(match kind {
        Tok::Eq => None,
        Tok::PlusEq => Some(BinOp::Add),
        Tok::MinusEq => Some(BinOp::Sub),
        Tok::StarEq => Some(BinOp::Mul),
        Tok::SlashEq => Some(BinOp::Div),
        Tok::PercentEq => Some(BinOp::Rem),
        Tok::AmpEq => Some(BinOp::BitAnd),
        Tok::BarEq => Some(BinOp::BitOr),
        Tok::CaretEq => Some(BinOp::BitXor),
        Tok::ShlEq => Some(BinOp::Shl),
        Tok::ShrEq => Some(BinOp::Shr),
        _ => return None,
    })
}
