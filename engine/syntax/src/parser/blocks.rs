//! `asm` blocks and expressions that begin with a directive.

use super::Parser;
use crate::ast::*;
use crate::diag::Code;
use crate::token::Tok;
use std::borrow::Cow;

impl Parser<'_> {
    /// `#import`, `#library`, `#run`, `#insert`, `#caller_location`
    pub(super) fn directive(&mut self) -> ExprId {
        let (lo, kind) = (self.lo(), self.kind());
        self.bump();
        let expr = match kind {
            Tok::DImport if self.at(Tok::Ident) && self.token_text(self.pos) == "c" => {
                self.bump();
                self.c_import()
            }
            Tok::DImport => Expr::Import(self.string_value()),
            Tok::DLibrary => Expr::Library(self.string_value()),
            Tok::DRun => Expr::Run(self.expr()),
            Tok::DInsert => Expr::Insert(self.expr()),
            _ => Expr::CallerLocation,
        };
        self.add_since(expr, lo)
    }

    /// `{ #include "x.h"; #source "x.c"; }`
    fn c_import(&mut self) -> Expr {
        let open = self.pos;
        if !self.expect(Tok::LBrace) {
            return Expr::Error;
        }
        let mark = self.mark::<CItem>();
        loop {
            let kind = self.kind();
            match kind {
                Tok::Semi => {
                    self.bump();
                    continue;
                }
                Tok::DInclude | Tok::DSource | Tok::DLibrary | Tok::DDefine => self.bump(),
                _ => break,
            }
            let item = match kind {
                Tok::DInclude => CItem::Include(self.string_value()),
                Tok::DSource => CItem::Source(self.string_value()),
                Tok::DLibrary => CItem::Library(self.string_value()),
                _ => {
                    let Some(name) = self.name("a name") else { break };
                    let value = matches!(self.kind(), Tok::Str | Tok::RawStr).then(|| self.string_value());
                    CItem::Define(name, value)
                }
            };
            self.stack(item);
            if !self.eat(Tok::Semi) {
                break;
            }
        }
        let items = self.seal(mark);
        if !self.eat(Tok::RBrace) {
            self.expected("`#include`, `#source`, `#library` or `#define`");
            self.close(Tok::RBrace, open);
        }
        Expr::ImportC(self.ast.push(CImport { items }))
    }

    /// `asm volatile { … }`
    pub(super) fn asm(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        let volatile = self.eat(Tok::Volatile);
        let open = self.pos;
        if !self.eat(Tok::LBrace) {
            self.expected("`{`");
            return self.broken();
        }
        let ctx = self.free();
        let template = self.asm_template();
        let mark = self.mark::<AsmOperand>();
        let mut clobbers = Range::empty();
        loop {
            match self.kind() {
                Tok::Comma => self.bump(),
                Tok::Clobbers if self.peek(1) == Tok::LParen => clobbers = self.asm_clobbers(),
                Tok::LBracket | Tok::Str | Tok::RawStr => match self.asm_operand() {
                    Some(operand) => self.stack(operand),
                    None => break,
                },
                _ => break,
            }
        }
        let operands = self.seal(mark);
        self.ctx = ctx;
        self.close(Tok::RBrace, open);
        let asm = self.ast.push(AsmExpr { volatile, template, operands, clobbers });
        self.add_since(Expr::Asm(asm), lo)
    }

    /// The template's literals, joined by newlines. A literal before `->` or `=` is an operand's constraint.
    fn asm_template(&mut self) -> StrId {
        let mut text: Vec<u8> = Vec::new();
        let mut parts = 0;
        while matches!(self.kind(), Tok::Str | Tok::RawStr) && !matches!(self.peek(1), Tok::Arrow | Tok::Eq) {
            let part = self.string_value();
            if parts > 0 && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            text.extend_from_slice(self.ast.string(part));
            parts += 1;
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        if parts == 0 {
            self.expected("a string with instructions");
        }
        self.intern_string(Cow::Owned(text))
    }

    /// `[name] "constraint" -> T`, `… -> @place`, `… = expr`
    fn asm_operand(&mut self) -> Option<AsmOperand> {
        let mut name = None;
        if self.eat(Tok::LBracket) {
            name = Some(self.name("the operand's name")?);
            self.expect(Tok::RBracket);
        }
        let constraint = self.string_value();
        let kind = if self.eat(Tok::Eq) {
            AsmKind::Input(self.expr())
        } else if self.eat(Tok::Arrow) {
            if self.eat(Tok::At) { AsmKind::Place(self.expr()) } else { AsmKind::Value(self.type_()) }
        } else {
            let span = self.span();
            self.fail(Code::E0027, span, "expected `->` or `=` after the constraint", |d| {
                d.help("outputs are `\"=r\" -> T` or `\"=r\" -> @place`, inputs `\"r\" = value`")
            });
            return None;
        };
        Some(AsmOperand { name, constraint, kind })
    }

    /// `clobbers(.rax, .memory)`
    fn asm_clobbers(&mut self) -> Range<Ident> {
        self.bump();
        let open = self.pos;
        self.bump();
        let mark = self.mark::<Ident>();
        while self.eat(Tok::Dot) {
            match self.member_name() {
                Some(name) => self.stack(name),
                None => break,
            }
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.close(Tok::RParen, open);
        self.seal(mark)
    }
}
