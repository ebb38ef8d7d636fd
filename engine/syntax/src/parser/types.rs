//! Types where nothing but a type can stand. Their nodes are expressions.

use super::Parser;
use super::decls::Sig;
use crate::ast::*;
use crate::diag::Code;
use crate::lexer::prim;
use crate::span::Span;
use crate::token::Tok;

impl Parser<'_> {
    /// A type.
    pub(super) fn type_(&mut self) -> ExprId {
        let lo = self.lo();
        if !self.enter() {
            self.leave();
            return self.broken();
        }
        let id = match self.kind() {
            Tok::Prim => self.prim(),
            kind if kind.is_name() => self.named_type(),
            Tok::Star => {
                self.bump();
                let inner = self.type_();
                self.add_since(Expr::PtrTy(inner), lo)
            }
            Tok::Question => {
                self.bump();
                let inner = self.type_();
                self.add_since(Expr::OptionalTy(inner), lo)
            }
            Tok::QQ => {
                self.bump();
                let inner = self.type_();
                let span = self.since(lo + 1);
                let inner = self.add(Expr::OptionalTy(inner), span);
                self.add_since(Expr::OptionalTy(inner), lo)
            }
            Tok::LBracket => self.bracket_type(),
            Tok::LParen => self.paren_type(),
            Tok::Dollar => {
                let dollar = self.dollar();
                self.type_suffix(dollar, lo)
            }
            Tok::Struct
            | Tok::Union
            | Tok::Enum
            | Tok::Protocol
            | Tok::ErrorKw
            | Tok::DRun
            | Tok::DInsert => self.primary(),
            _ => {
                self.expected("a type");
                self.broken()
            }
        };
        self.leave();
        id
    }

    /// A reserved type spelling.
    pub(super) fn prim(&mut self) -> ExprId {
        let span = self.span();
        let prim = prim(self.token_text(self.pos)).expect("the lexer has looked it up");
        self.bump();
        self.add(Expr::Prim(prim), span)
    }

    /// `Name`, `module.Name`, `Name(args)`, `Tuple(…)`, `Closure(…) -> R`
    fn named_type(&mut self) -> ExprId {
        let lo = self.lo();
        match (self.kind(), self.peek(1)) {
            (Tok::Tuple, Tok::LParen) => return self.tuple_type(),
            (Tok::Closure, Tok::LParen) => return self.closure_type(),
            _ => {}
        }
        let name = self.word();
        let id = self.add(Expr::Name(name), name.span);
        self.type_suffix(id, lo)
    }

    fn type_suffix(&mut self, mut id: ExprId, lo: u32) -> ExprId {
        loop {
            match self.kind() {
                Tok::Dot if self.peek(1).is_word() => {
                    self.bump();
                    let name = self.word();
                    id = self.add_since(Expr::Field { base: id, name }, lo);
                }
                Tok::LParen => id = self.call(id, lo),
                Tok::LBracket => id = self.index(id, lo),
                _ => return id,
            }
            let below = self.chain;
            if !self.link(below) {
                return id;
            }
        }
    }

    /// `Tuple(A, y: B)`
    pub(super) fn tuple_type(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        let elems = self.type_elems();
        self.add_since(Expr::TupleTy(elems), lo)
    }

    /// `Closure(A, B) -> R`
    pub(super) fn closure_type(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        let params = self.type_elems();
        let ret = self.ret_type();
        let ty = self.ast.push(FuncType { params, ret, abi: Abi::Sx });
        self.add_since(Expr::ClosureTy(ty), lo)
    }

    /// `$T`, `$T/Protocol`
    pub(super) fn dollar(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        let Some(name) = self.name("a name after `$`") else { return self.broken() };
        let constraint = (self.at(Tok::Slash) && self.peek(1).is_name()).then(|| {
            self.bump();
            self.named_type()
        });
        self.add_since(Expr::Dollar { name, constraint }, lo)
    }

    /// `[]T`, `[N]T`, `[*]T`, `[:0]T`
    pub(super) fn bracket_type(&mut self) -> ExprId {
        let (lo, open) = (self.lo(), self.pos);
        self.bump();
        let ctx = self.free();
        let mut len = None;
        let make: fn(ExprId) -> Expr = match (self.kind(), self.peek(1)) {
            (Tok::RBracket, _) => Expr::SliceTy,
            (Tok::Star, Tok::RBracket) => {
                self.bump();
                Expr::ManyPtrTy
            }
            (Tok::Colon, Tok::Int) => {
                self.bump();
                if self.token_text(self.pos) != "0" {
                    let span = self.span();
                    self.report(Code::E0001, span, "the end mark of a slice can only be 0", |d| {
                        d.help("write `[:0]T`")
                    });
                }
                self.bump();
                Expr::SentinelSliceTy
            }
            _ => {
                len = Some(self.expr());
                Expr::SliceTy
            }
        };
        self.ctx = ctx;
        if self.at(Tok::Comma) || (self.at(Tok::RBracket) && !self.type_begins(self.peek(1))) {
            return self.bare_array(open);
        }
        self.close(Tok::RBracket, open);
        let elem = self.type_();
        match len {
            Some(len) => self.add_since(Expr::ArrayTy { len, elem }, lo),
            None => self.add_since(make(elem), lo),
        }
    }

    /// True for a token that a type can begin with.
    pub(super) fn type_begins(&self, kind: Tok) -> bool {
        use Tok::*;
        kind.is_word()
            || matches!(kind, Star | Question | QQ | LBracket | LParen | Dollar | DRun | DInsert | Error)
    }

    /// `[1, 2, 3]` as other languages write it.
    fn bare_array(&mut self, open: usize) -> ExprId {
        let span = Span { lo: self.tokens.starts[open], hi: self.tokens.ends[open] };
        self.fail(Code::E0022, span, "an array literal begins with `.[`", |d| {
            d.help("write `.[1, 2, 3]`; a type would go on after the bracket, as in `[3]i64`")
        });
        if let Some(close) = self.pair(open) {
            self.pos = close + 1;
        }
        self.broken()
    }

    /// `(A, B) -> R`, or a type in parentheses.
    fn paren_type(&mut self) -> ExprId {
        if matches!(self.after_pair(), Some(Tok::Arrow)) {
            return self.function(Sig::Type, None);
        }
        let (lo, open) = (self.lo(), self.pos);
        self.bump();
        let ctx = self.free();
        let inner = self.expr();
        self.ctx = ctx;
        if self.at(Tok::Comma) {
            let comma = self.span();
            self.fail(Code::E0016, comma, "parentheses only group, they make no tuple type", |d| {
                d.help("write `Tuple(A, B)`")
            });
            if let Some(close) = self.pair(open) {
                self.pos = close;
            }
        }
        self.close(Tok::RParen, open);
        self.add_since(Expr::Paren(inner), lo)
    }
}
