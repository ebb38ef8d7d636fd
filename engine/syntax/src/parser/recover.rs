//! Errors: reporting each cause once, and finding the place where parsing goes on.

use super::{MAX_CHAIN, MAX_DEPTH, Parser};
use crate::ast::*;
use crate::diag::{Code, Diagnostic};
use crate::lexer::FILE;
use crate::span::{Loc, Span};
use crate::token::Tok;

impl Parser<'_> {
    /// Reports an error and stays quiet until the parser has found its feet again. `decorate` adds words to it.
    pub(super) fn fail(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        decorate: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        if !self.panic {
            self.report(code, span, message, decorate);
        }
        self.panic = true;
    }

    /// Reports an error after which parsing goes on as if nothing had happened.
    pub(super) fn report(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        decorate: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        if self.panic || self.aborted {
            return;
        }
        self.diags.push(decorate(Diagnostic::error(code, Loc::new(FILE, span), message)));
    }

    /// How messages name the current token.
    pub(super) fn found(&self) -> String {
        match self.kind() {
            kind @ (Tok::Ident | Tok::RawIdent | Tok::Prim | Tok::Int | Tok::Float | Tok::Char) => {
                let text = self.token_text(self.pos);
                if text.len() <= 40 { format!("`{text}`") } else { kind.describe().to_string() }
            }
            kind => kind.describe().to_string(),
        }
    }

    /// Reports that something else was expected here.
    pub(super) fn expected(&mut self, what: &str) {
        // What the lexer couldn't read has been reported by it.
        if self.at(Tok::Error) {
            self.panic = true;
            return;
        }
        let (mut span, found) = (self.span(), self.found());
        if self.at(Tok::Eof) {
            span = Span::at(self.prev_end());
        }
        let help = self.habit();
        self.fail(Code::E0001, span, format!("expected {what}, found {found}"), |d| match help {
            Some(help) => d.help(help),
            None => d,
        });
    }

    /// Advice for spellings that other languages teach.
    pub(super) fn habit(&self) -> Option<&'static str> {
        let before = self.prev_kind();
        if before == Tok::Ident && self.kind() != Tok::Semi {
            let word = match self.token_text(self.pos - 1) {
                "let" | "var" | "const" | "auto" => Some("a variable is declared `name := value;`"),
                "fn" | "func" | "function" | "def" | "proc" => {
                    Some("a function is declared `name :: (…) -> T { … }`, a lambda is `(x) => …`")
                }
                "switch" | "match" => Some("a match is written `if x == { case …: … }`"),
                _ => None,
            };
            if word.is_some() {
                return word;
            }
        }
        match (before, self.kind()) {
            (Tok::Ident, Tok::LBrace) => Some("a struct literal has a dot: `Point.{ x = 1 }`"),
            (_, Tok::Arrow) => Some("fields are reached with `.`, through pointers too"),
            (_, Tok::Question) => Some("a choice is written `if c then a else b`"),
            (Tok::Amp, Tok::Amp) => Some("the boolean operator is spelled `and`"),
            (Tok::Bar, Tok::Bar) => Some("the boolean operator is spelled `or`"),
            (Tok::Plus, Tok::Plus) => Some("there is no `++`; write `x += 1`"),
            (Tok::Minus, Tok::Semi) => Some("there is no `--`; write `x -= 1`"),
            (_, Tok::Eq) if self.ctx.header => Some("`==` compares; `=` assigns"),
            (Tok::ColonColon, Tok::Semi) => Some("a `::` declaration needs a value"),
            _ => None,
        }
    }

    /// Eats a token, or reports that it is missing.
    #[inline]
    pub(super) fn expect(&mut self, kind: Tok) -> bool {
        if self.eat(kind) {
            return true;
        }
        self.expected(kind.describe());
        false
    }

    /// Eats the bracket that closes the one at token `open`. When something else stands there, the rest of the
    /// bracket is skipped.
    pub(super) fn close(&mut self, kind: Tok, open: usize) {
        if self.eat(kind) {
            return;
        }
        let open_span = Span { lo: self.tokens.starts[open], hi: self.tokens.ends[open] };
        let opener = self.tokens.kinds[open].describe();
        match self.pair(open) {
            Some(close) if close >= self.pos => {
                let what = match kind {
                    Tok::RBrace => "`}`",
                    Tok::RBracket => "`,` or `]`",
                    _ => "`,` or `)`",
                };
                self.expected(what);
                self.pos = close + 1;
            }
            _ if self.at(Tok::Error) => self.panic = true,
            _ => {
                let here = Loc::new(FILE, Span::at(self.prev_end()));
                let missing = format!("expected {} before {}", kind.describe(), self.found());
                self.fail(Code::E0003, open_span, format!("this {opener} is never closed"), |d| {
                    d.also(here, missing)
                });
            }
        }
    }

    /// A block ran into the end of the file.
    pub(super) fn unclosed_block(&mut self, open: usize) {
        let span = Span { lo: self.tokens.starts[open], hi: self.tokens.ends[open] };
        let suspect = self.suspect_brace();
        self.report(Code::E0003, span, "this `{` is never closed", |d| match suspect {
            Some(at) if at != span => {
                d.also(Loc::new(FILE, at), "going by the indentation, this one lacks its `}`")
            }
            _ => d,
        });
        self.aborted = true;
    }

    /// The first `{` whose `}` begins a line that is indented differently from the line of the `{`: probably the
    /// one whose own `}` is missing.
    fn suspect_brace(&self) -> Option<Span> {
        let indent = |at: usize| {
            let start = self.tokens.starts[at] as usize;
            let line = self.text[..start].rfind('\n').map_or(0, |n| n + 1);
            self.text[line..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count()
        };
        for (at, &kind) in self.tokens.kinds.iter().enumerate() {
            if kind == Tok::LBrace
                && let Some(close) = self.pair(at)
                && self.begins_line(close)
                && indent(close) < indent(at)
            {
                return Some(Span { lo: self.tokens.starts[at], hi: self.tokens.ends[at] });
            }
        }
        None
    }

    /// A closing bracket that closes nothing.
    pub(super) fn stray_close(&mut self) {
        let (span, found) = (self.span(), self.found());
        self.report(Code::E0004, span, format!("this {found} closes nothing"), |d| d);
        self.bump();
    }

    /// Nesting is too deep: one error, and the rest of the file is left alone.
    pub(super) fn too_deep(&mut self) {
        let span = self.span();
        let message = format!("this is nested more than {MAX_DEPTH} levels deep");
        self.report(Code::E0017, span, message, |d| d.help("move the inner part into a function of its own"));
        self.give_up();
    }

    /// A chain of operators is too long.
    pub(super) fn too_long(&mut self) {
        let span = self.span();
        let message = format!("this expression has more than {MAX_CHAIN} operators in a row");
        self.report(Code::E0017, span, message, |d| {
            d.help("name a part of it, or put the operands into an array")
        });
        self.give_up();
    }

    fn give_up(&mut self) {
        self.panic = true;
        self.aborted = true;
        self.pos = self.tokens.kinds.iter().rposition(|&k| k != Tok::Eof).map_or(0, |last| last + 1);
    }

    /// The expression that stands for broken source.
    pub(super) fn broken(&mut self) -> ExprId {
        let span = Span::at(self.lo());
        self.add(Expr::Error, span)
    }

    /// After an error: skips to where a statement can begin, over whole brackets.
    pub(super) fn sync(&mut self) {
        let first = self.pos;
        loop {
            match self.kind() {
                Tok::Eof | Tok::RBrace => break,
                Tok::Semi => {
                    self.bump();
                    break;
                }
                Tok::LParen | Tok::LBracket | Tok::LBrace => {
                    let brace = self.at(Tok::LBrace);
                    match self.pair(self.pos) {
                        Some(close) => self.pos = close + 1,
                        None => self.bump(),
                    }
                    if brace && self.begins_line(self.pos) {
                        break;
                    }
                    continue;
                }
                kind if self.pos > first && self.begins_line(self.pos) => {
                    let declares = matches!(self.peek(1), Tok::ColonColon | Tok::ColonEq | Tok::Colon);
                    if kind.starts_stmt() || (kind.is_name() && declares) {
                        break;
                    }
                }
                _ => {}
            }
            self.bump();
        }
        self.panic = false;
    }

    /// In a broken header: skips to the block that belongs to it, if there is one before the statement ends.
    pub(super) fn sync_to_block(&mut self) {
        if !self.panic {
            return;
        }
        let mut at = self.pos;
        loop {
            match self.tokens.kinds[at] {
                Tok::LBrace => {
                    self.pos = at;
                    self.panic = false;
                    return;
                }
                Tok::LParen | Tok::LBracket => at = self.pair(at).unwrap_or(at),
                Tok::Eof | Tok::Semi | Tok::RBrace | Tok::FatArrow => return,
                kind if kind.starts_stmt() && at > self.pos && self.begins_line(at) => return,
                _ => {}
            }
            at += 1;
        }
    }
}
