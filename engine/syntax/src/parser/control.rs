//! `if`, `while`, `for`, `push`, matches and `catch`.
//!
//! `stmt` says that the construct starts a statement: its body may then be any statement and takes its `;` along.
//! As an operand its braceless bodies are expressions.

use super::Parser;
use super::exprs::range_marks;
use super::stmts::Parsed;
use crate::ast::*;
use crate::diag::Code;
use crate::lexer::FILE;
use crate::span::{Loc, Span};
use crate::token::Tok;

impl Parser<'_> {
    /// A body after a header: a block, or what may stand in its place.
    fn body(&mut self, stmt: bool) -> ExprId {
        self.sync_to_block();
        if self.at(Tok::LBrace) {
            return self.block();
        }
        // The header was broken, and nothing tells where the body is.
        if self.panic {
            return self.broken();
        }
        if stmt { self.simple_body() } else { self.expr() }
    }

    /// The expression of a header. A brace would be read as a block and leave the header without its body.
    fn header(&mut self, what: &str) -> ExprId {
        if self.at(Tok::LBrace) {
            self.expected(what);
            return self.broken();
        }
        self.in_header(false, |p| p.expr())
    }

    /// `v :=` in a header.
    fn header_binding(&mut self) -> Option<Ident> {
        (self.kind().is_word() && self.peek(1) == Tok::ColonEq).then(|| {
            let name = self.declared_name(super::decls::Naming::Strict).expect("it is a word");
            self.bump();
            name
        })
    }

    /// `inline if`, `inline for`
    pub(super) fn inline(&mut self, label: Option<Ident>, stmt: bool) -> ExprId {
        self.bump();
        match self.kind() {
            Tok::If => self.if_(true, stmt),
            Tok::For => self.for_(label, true, stmt),
            _ => {
                self.expected("`if` or `for` after `inline`");
                self.broken()
            }
        }
    }

    /// `if …` in all its forms.
    pub(super) fn if_(&mut self, inline: bool, stmt: bool) -> ExprId {
        let lo = if inline { self.tokens.starts[self.pos - 1] } else { self.lo() };
        self.bump();
        if !self.enter() {
            self.leave();
            return self.broken();
        }
        let binding = self.header_binding();
        let cond = self.header("a condition");
        let id = if self.at(Tok::EqEq) && self.peek(1) == Tok::LBrace && !self.panic {
            if let Some(name) = binding {
                self.report(Code::E0031, name.span, "a match takes no binding before its subject", |d| {
                    d.help("bind in an arm: `case …: (v) { … }`")
                });
            }
            self.bump();
            let arms = self.arms();
            let expr = Expr::Match(self.ast.push(MatchExpr { inline, subject: cond, arms }));
            self.add_since(expr, lo)
        } else {
            if self.at(Tok::Eq) {
                self.assignment_as_condition();
            }
            self.if_bodies(lo, inline, stmt, binding, cond)
        };
        self.leave();
        id
    }

    /// `if x = 5`: what was meant is a comparison.
    fn assignment_as_condition(&mut self) {
        let span = self.span();
        self.fail(Code::E0001, span, "`=` assigns, and a condition can't", |d| {
            d.help("compare with `==`; `if v := e { … }` names what is tested")
        });
    }

    fn if_bodies(
        &mut self,
        lo: u32,
        inline: bool,
        stmt: bool,
        binding: Option<Ident>,
        cond: ExprId,
    ) -> ExprId {
        self.sync_to_block();
        let then_keyword = self.eat(Tok::Then);
        let then = self.body(stmt);
        // Before a `:` it is the `else` of a match around this.
        let has_else = self.at(Tok::Else) && self.peek(1) != Tok::Colon;
        let else_ = has_else.then(|| {
            self.bump();
            match (self.kind(), self.peek(1)) {
                (Tok::If, _) => self.if_(false, stmt),
                (Tok::Inline, Tok::If) => {
                    self.bump();
                    self.if_(true, stmt)
                }
                _ => self.body(stmt),
            }
        });
        let expr = Expr::If(self.ast.push(IfExpr { inline, binding, cond, then, else_, then_keyword }));
        self.add_since(expr, lo)
    }

    /// `while …`
    pub(super) fn while_(&mut self, label: Option<Ident>, stmt: bool) -> ExprId {
        let lo = label.map_or(self.lo(), |l| l.span.lo);
        self.bump();
        let binding = self.header_binding();
        let cond = self.header("a condition");
        if self.at(Tok::Eq) {
            self.assignment_as_condition();
        }
        let body = self.body(stmt);
        let expr = Expr::While(self.ast.push(WhileExpr { label, binding, cond, body }));
        self.add_since(expr, lo)
    }

    /// `push ctx { … }`
    pub(super) fn push_context(&mut self, stmt: bool) -> ExprId {
        let lo = self.lo();
        self.bump();
        let ctx = self.header("a context");
        let body = self.body(stmt);
        self.add_since(Expr::Push { ctx, body }, lo)
    }

    // ---- for ----

    /// `for …`
    pub(super) fn for_(&mut self, label: Option<Ident>, inline: bool, stmt: bool) -> ExprId {
        let lo = match label {
            Some(label) => label.span.lo,
            None if inline => self.tokens.starts[self.pos - 1],
            None => self.lo(),
        };
        self.bump();
        let mark = self.mark::<Iter>();
        self.in_header(true, |p| {
            loop {
                let iter = p.iter();
                p.stack(iter);
                if !p.eat(Tok::Comma) {
                    break;
                }
            }
        });
        let iters = self.seal::<Iter>(mark);
        if self.at(Tok::ColonEq) {
            self.three_part_header();
        }
        let captures = if self.at(Tok::LParen) { self.captures() } else { Range::empty() };
        self.check_for_header(iters, captures);
        let body = if self.eat(Tok::FatArrow) {
            if stmt { self.simple_body() } else { self.expr() }
        } else {
            self.body(stmt)
        };
        let expr = Expr::For(self.ast.push(ForExpr { label, inline, iters, captures, body }));
        self.add_since(expr, lo)
    }

    /// `for i := 0; i < n; i += 1 {` as other languages write it: one error, and on to the body.
    fn three_part_header(&mut self) {
        let span = self.span();
        self.report(Code::E0025, span, "a loop declares no variable with `:=`", |d| {
            d.help("a loop over numbers is written `for 0..n (i) { … }`")
        });
        let mut at = self.pos;
        while !matches!(self.tokens.kinds[at], Tok::LBrace | Tok::RBrace | Tok::Eof) && !self.begins_line(at)
        {
            at += 1;
        }
        self.pos = at;
        self.panic = !self.at(Tok::LBrace);
    }

    fn iter(&mut self) -> Iter {
        if self.at(Tok::LBrace) {
            self.expected("what is run over");
            return Iter::Each(self.broken());
        }
        let lo = self.expr();
        if !self.kind().is_range() {
            return Iter::Each(lo);
        }
        let dots = self.span();
        let (lo_exclusive, hi_inclusive, hi_marked) = range_marks(self.kind());
        self.bump();
        let capture = || matches!(self.after_pair(), Some(Tok::LBrace | Tok::FatArrow));
        let ends = match self.kind() {
            Tok::Comma | Tok::LBrace | Tok::FatArrow | Tok::Semi | Tok::Eof => true,
            Tok::LParen => capture(),
            _ => false,
        };
        let hi = (!ends).then(|| self.expr());
        if hi_marked && hi.is_none() {
            self.report(
                Code::E0031,
                Span::new(dots.hi - 1, dots.hi),
                "a mark after `..` needs an end",
                |d| d.help("write `0..` for a count that has no end of its own"),
            );
        }
        Iter::Range { lo, hi, lo_exclusive, hi_inclusive }
    }

    /// `(x, *y)`
    fn captures(&mut self) -> Range<Capture> {
        let open = self.pos;
        self.bump();
        let mark = self.mark::<Capture>();
        while !matches!(self.kind(), Tok::RParen | Tok::Eof) {
            let by_ref = self.eat(Tok::Star);
            match self.declared_name(super::decls::Naming::Strict) {
                Some(name) => self.stack(Capture { name, by_ref }),
                None => break,
            }
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.close(Tok::RParen, open);
        self.seal(mark)
    }

    fn check_for_header(&mut self, iters: Range<Iter>, captures: Range<Capture>) {
        if captures.is_empty()
            && let [Iter::Each(only) | Iter::Range { lo: only, .. }] = *self.ast.list(iters)
            && let Expr::Binary { op: BinOp::In, lhs, rhs } = *self.ast.expr(only)
            && let Expr::Name(name) = *self.ast.expr(lhs)
        {
            // What is missing stands behind the last token.
            let lo = self.ast.expr_span(rhs).lo;
            let over = Span::new(lo, self.prev_end().max(lo));
            let in_ = self.text[..over.lo as usize].rfind("in").map_or(over.lo, |at| at as u32);
            let span = Span::new(in_, in_ + 2);
            let (name, over) = (self.ast.name(name.name), &self.text[over.lo as usize..over.hi as usize]);
            let over = if over.is_empty() { "…" } else { over };
            let help = format!("write `for {over} ({name}) {{ … }}`");
            self.report(Code::E0025, span, "a loop's variable stands after what is run over", |d| {
                d.help(help)
            });
        } else if captures.len > 0 && captures.len != iters.len {
            let names = self.ast.list(captures);
            let span = names[(iters.len as usize).min(names.len() - 1)].name.span;
            let plural = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
            let message = format!("{} for {}", plural(captures.len, "name"), plural(iters.len, "iterable"));
            self.report(Code::E0025, span, message, |d| d.help("give one name to each; `_` ignores one"));
        }
    }

    // ---- matches ----

    /// `{ case …: … else: … }`
    fn arms(&mut self) -> Range<Arm> {
        let open = self.pos;
        self.bump();
        let ctx = self.free();
        let mark = self.mark::<Arm>();
        let mut else_arm = None;
        loop {
            match self.kind() {
                Tok::RBrace | Tok::Eof => break,
                Tok::Semi => self.bump(),
                Tok::Case | Tok::Else => {
                    let span = self.span();
                    if let Some(at) = else_arm.take() {
                        self.report(Code::E0024, at, "`else:` must be the last arm", |d| {
                            d.also(Loc::new(FILE, span), "this arm is never reached")
                        });
                    } else if self.at(Tok::Else) {
                        else_arm = Some(span);
                    }
                    let arm = self.arm();
                    self.stack(arm);
                }
                _ => self.between_arms(open),
            }
        }
        self.ctx = ctx;
        let arms = self.seal(mark);
        if self.eat(Tok::RBrace) {
            self.panic = false;
        } else {
            self.unclosed_block(open);
        }
        arms
    }

    /// Something that is no arm: reported, and skipped up to the next arm.
    fn between_arms(&mut self, open: usize) {
        let one_more = self.pos > open + 1 && self.kind().starts_expr();
        if one_more {
            let span = self.span();
            self.fail(Code::E0023, span, "an arm holds one statement", |d| {
                d.help("put several statements into a block: `case …: { … }`")
            });
        } else {
            self.expected("`case` or `else:`");
        }
        loop {
            match self.kind() {
                Tok::Case | Tok::RBrace | Tok::Eof => break,
                Tok::Else if self.peek(1) == Tok::Colon => break,
                Tok::LBrace | Tok::LParen | Tok::LBracket => {
                    self.pos = self.pair(self.pos).unwrap_or(self.pos) + 1;
                }
                _ => self.bump(),
            }
        }
        self.panic = false;
    }

    fn arm(&mut self) -> Arm {
        let lo = self.lo();
        let patterns = if self.eat(Tok::Else) { Range::empty() } else { self.patterns() };
        if !self.eat(Tok::Colon) {
            self.expected("`:` after the pattern");
            self.skip_to_arm_body();
        }
        let binding = self.arm_binding();
        let body = match self.kind() {
            Tok::Case | Tok::RBrace | Tok::Eof => {
                let span = self.since(lo);
                self.report(Code::E0023, span, "this arm has no body", |d| d.help("an empty body is `{ }`"));
                self.broken()
            }
            _ => self.arm_body(),
        };
        Arm { patterns, binding, body, span: self.since(lo) }
    }

    /// A block, or one statement.
    fn arm_body(&mut self) -> ExprId {
        let lo = self.lo();
        if self.at(Tok::Semi) {
            return self.add(Expr::Block { stmts: Range::empty(), tail: None }, Span::at(lo));
        }
        let parsed = self.arm_statement();
        self.body_of(parsed, lo)
    }

    fn arm_statement(&mut self) -> Parsed {
        let parsed = self.statement();
        if self.panic {
            self.sync();
        }
        parsed
    }

    /// In a broken pattern: to the `:` if this arm has one before its body.
    fn skip_to_arm_body(&mut self) {
        let mut at = self.pos;
        loop {
            match self.tokens.kinds[at] {
                Tok::Colon => {
                    self.pos = at + 1;
                    self.panic = false;
                    return;
                }
                Tok::LParen | Tok::LBracket => at = self.pair(at).unwrap_or(at),
                Tok::Case | Tok::LBrace | Tok::RBrace | Tok::Semi | Tok::Eof => return,
                _ => {}
            }
            at += 1;
        }
    }

    /// `(name)` or `(*name)` before `{`.
    fn arm_binding(&mut self) -> Option<Capture> {
        let star = usize::from(self.peek(1) == Tok::Star);
        let here = self.at(Tok::LParen)
            && self.peek(1 + star).is_word()
            && self.peek(2 + star) == Tok::RParen
            && self.peek(3 + star) == Tok::LBrace;
        here.then(|| {
            self.bump();
            let by_ref = self.eat(Tok::Star);
            let name = self.declared_name(super::decls::Naming::Strict).expect("it is a word");
            self.bump();
            Capture { name, by_ref }
        })
    }

    /// `case a, b..=c`
    fn patterns(&mut self) -> Range<ExprId> {
        self.bump();
        let mark = self.mark::<ExprId>();
        loop {
            let pattern = self.in_header(false, |p| p.pattern());
            self.stack(pattern);
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.seal(mark)
    }

    fn pattern(&mut self) -> ExprId {
        let start = self.lo();
        // Categories of types that are keywords elsewhere.
        let category =
            matches!(self.kind(), Tok::Struct | Tok::Enum | Tok::Union | Tok::ErrorKw | Tok::Protocol);
        if category && matches!(self.peek(1), Tok::Colon | Tok::Comma) {
            let name = self.word();
            return self.add(Expr::Name(name), name.span);
        }
        let lo = self.expr();
        let kind = self.kind();
        if !kind.is_range() {
            return lo;
        }
        let (lo_exclusive, inclusive, _) = range_marks(kind);
        if lo_exclusive {
            let span = self.span();
            self.report(Code::E0031, span, "a pattern includes its first value", |d| {
                d.help("patterns are `a..b`, without `b`, and `a..=b`")
            });
        }
        self.bump();
        let hi = self.expr();
        self.add_since(Expr::RangePat { lo, hi, inclusive }, start)
    }

    // ---- catch ----

    /// `e catch …` from the keyword on.
    pub(super) fn catch(&mut self, operand: ExprId, lo: u32) -> ExprId {
        self.bump();
        let named = self.at(Tok::LParen) && self.peek(1).is_word() && self.peek(2) == Tok::RParen;
        let handled = self.peek(3).starts_expr() || self.peek(3) == Tok::EqEq;
        let binding = (named && handled).then(|| {
            self.bump();
            let name = self.declared_name(super::decls::Naming::Strict).expect("it is a word");
            self.bump();
            name
        });
        let handler = match binding {
            Some(name) if self.at(Tok::EqEq) && self.peek(1) == Tok::LBrace => {
                let subject = self.add(Expr::Name(name), name.span);
                self.bump();
                let arms = self.arms();
                let expr = Expr::Match(self.ast.push(MatchExpr { inline: false, subject, arms }));
                self.add_since(expr, name.span.lo - 1)
            }
            _ if self.at(Tok::LBrace) => self.block(),
            _ => self.above_catch(),
        };
        let expr = Expr::Catch(self.ast.push(CatchExpr { operand, binding, handler }));
        self.add_since(expr, lo)
    }
}
