//! Numbers, characters, strings, and the literals that begin with a dot.

use super::Parser;
use crate::ast::*;
use crate::diag::Code;
use crate::lexer::literal::{self, Bad};
use crate::span::Span;
use crate::token::Tok;
use std::borrow::Cow;

impl<'a> Parser<'a> {
    /// An integer, float or character.
    pub(super) fn number(&mut self) -> ExprId {
        let (kind, span, text) = (self.kind(), self.span(), self.token_text(self.pos));
        self.bump();
        let value = match kind {
            Tok::Int => literal::int(text).map(Expr::Int),
            Tok::Float => literal::float(text).map(Expr::Float),
            _ => literal::character(text).map(Expr::Char),
        };
        let expr = value.unwrap_or_else(|bad| {
            let code = match kind {
                Tok::Char if !bad.what.contains("escape") && !bad.what.contains('\\') => Code::E0007,
                Tok::Char => Code::E0008,
                _ if bad.too_large => Code::E0010,
                _ => Code::E0009,
            };
            self.bad_literal(code, span, bad);
            Expr::Error
        });
        self.add(expr, span)
    }

    /// Reports a literal without a value. The expression around it is fine, so parsing isn't disturbed.
    fn bad_literal(&mut self, code: Code, token: Span, bad: Bad) {
        let span = match code {
            Code::E0008 => Span::new(token.lo + bad.lo as u32, token.lo + bad.hi as u32),
            _ => token,
        };
        self.report(code, span, bad.what, |d| match code {
            Code::E0008 => d.help(
                "the escapes are `\\n \\t \\r \\\\ \\\" \\' \\0 \\xHH \\u{…}`; `#string` takes text as it is",
            ),
            Code::E0007 => d.help("strings are written with double quotes: \"…\""),
            _ => d,
        });
    }

    /// The value of the string at the current token, which moves on.
    pub(super) fn string_value(&mut self) -> StrId {
        let (span, text) = (self.span(), self.token_text(self.pos));
        let value = match self.kind() {
            Tok::Str => literal::string(text),
            Tok::RawStr => Ok(literal::raw_string(text)),
            _ => {
                self.expected("a string");
                return self.intern_string(Cow::Borrowed(b""));
            }
        };
        self.bump();
        let value = value.unwrap_or_else(|bad| {
            self.bad_literal(Code::E0008, span, bad);
            Cow::Borrowed(b"")
        });
        self.intern_string(value)
    }

    pub(super) fn intern_string(&mut self, value: Cow<'a, [u8]>) -> StrId {
        if let Some(&id) = self.strings.get(&value) {
            return id;
        }
        let id = StrId(self.ast.strings.len() as u32);
        self.ast.strings.push(value.as_ref().into());
        self.strings.insert(value, id);
        id
    }

    /// `.{ … }` at its brace.
    pub(super) fn struct_literal(&mut self, ty: Option<ExprId>, lo: u32) -> ExprId {
        let open = self.pos;
        let fields = self.args(Tok::RBrace);
        self.close(Tok::RBrace, open);
        self.add_since(Expr::StructLit { ty, fields }, lo)
    }

    /// `.( … )` at its parenthesis.
    pub(super) fn tuple_literal(&mut self, ty: Option<ExprId>, lo: u32) -> ExprId {
        let open = self.pos;
        let elems = self.args(Tok::RParen);
        self.close(Tok::RParen, open);
        self.add_since(Expr::TupleLit { ty, elems }, lo)
    }

    /// `.[ … ]` at its bracket.
    pub(super) fn array_literal(&mut self, ty: Option<ExprId>, lo: u32) -> ExprId {
        let open = self.pos;
        self.bump();
        let ctx = self.free();
        let mark = self.mark::<ExprId>();
        let mut repeat = None;
        while !matches!(self.kind(), Tok::RBracket | Tok::Eof) {
            let elem = self.expr();
            self.stack(elem);
            if self.at(Tok::Semi) && repeat.is_none() {
                self.bump();
                repeat = Some((elem, self.expr()));
                break;
            }
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.ctx = ctx;
        let elems = self.seal::<ExprId>(mark);
        self.close(Tok::RBracket, open);
        let expr = match repeat {
            Some((value, count)) => {
                if elems.len > 1 {
                    let span = self.since(lo);
                    self.report(Code::E0022, span, "`.[value; count]` takes one value", |d| d);
                }
                Expr::ArrayRepeat { ty, value, count }
            }
            None => Expr::ArrayLit { ty, elems },
        };
        self.add_since(expr, lo)
    }
}
