//! What an expression begins with.

use super::Parser;
use super::decls::Sig;
use crate::ast::*;
use crate::diag::Code;
use crate::token::Tok;

impl Parser<'_> {
    /// An operand without prefix and postfix operators.
    pub(super) fn primary(&mut self) -> ExprId {
        let lo = self.lo();
        match self.kind() {
            Tok::Ident => {
                let name = self.word();
                self.add(Expr::Name(name), name.span)
            }
            Tok::Int | Tok::Float | Tok::Char => self.number(),
            Tok::Str | Tok::RawStr => {
                let value = self.string_value();
                self.add_since(Expr::Str(value), lo)
            }
            Tok::True => self.plain(Expr::Bool(true)),
            Tok::False => self.plain(Expr::Bool(false)),
            Tok::Null => self.plain(Expr::Null),
            Tok::Undef => self.plain(Expr::Undef),
            Tok::LParen => self.paren(),
            Tok::Dot => self.leading_dot(),
            Tok::Prim => self.prim(),
            Tok::Tuple if self.peek(1) == Tok::LParen => self.tuple_type(),
            Tok::Closure if self.peek(1) == Tok::LParen => self.closure_type(),
            kind if kind.is_name() => {
                let name = self.word();
                self.add(Expr::Name(name), name.span)
            }
            Tok::Star | Tok::Question | Tok::QQ if self.type_begins(self.peek(1)) => self.type_(),
            Tok::LBracket => self.bracket_type(),
            Tok::Dollar => self.dollar(),
            Tok::LBrace => self.block(),
            Tok::If => self.if_(false, false),
            Tok::While => self.while_(None, false),
            Tok::For => self.for_(None, false, false),
            Tok::Push => self.push_context(false),
            Tok::Inline => self.inline(None, false),
            Tok::Return | Tok::Raise | Tok::Break | Tok::Continue => self.jump(),
            Tok::Struct | Tok::Union => self.struct_(),
            Tok::Enum => self.enum_(),
            Tok::Protocol => self.protocol(),
            Tok::ErrorKw => self.error_(),
            Tok::Ufcs => self.ufcs(),
            Tok::Asm => self.asm(),
            Tok::DImport | Tok::DLibrary | Tok::DRun | Tok::DInsert | Tok::DCallerLocation => {
                self.directive()
            }
            _ => {
                self.expected("an expression");
                self.broken()
            }
        }
    }

    fn plain(&mut self, expr: Expr) -> ExprId {
        let span = self.span();
        self.bump();
        self.add(expr, span)
    }

    /// `.name`, `.{ … }`, `.[ … ]`, `.( … )`
    fn leading_dot(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        match self.kind() {
            Tok::LBrace => self.struct_literal(None, lo),
            Tok::LBracket => self.array_literal(None, lo),
            Tok::LParen => self.tuple_literal(None, lo),
            _ => match self.member_name() {
                Some(name) => self.add_since(Expr::DotName(name), lo),
                None => self.add_since(Expr::Error, lo),
            },
        }
    }

    /// At `(`: a function of some kind, or a group. The partner of the parenthesis tells.
    fn paren(&mut self) -> ExprId {
        let function = match self.after_pair() {
            Some(Tok::Arrow) => true,
            Some(Tok::FatArrow | Tok::LBrace) => !self.ctx.header,
            Some(
                Tok::Abi | Tok::Extern | Tok::Export | Tok::DGet | Tok::DSet | Tok::DInline | Tok::DBuiltin,
            ) => true,
            _ => !self.ctx.header && self.names_parameters(),
        };
        if function { self.function(Sig::Expr, None) } else { self.group() }
    }

    /// `(e)`
    fn group(&mut self) -> ExprId {
        let (lo, open) = (self.lo(), self.pos);
        self.bump();
        let ctx = self.free();
        let inner = self.expr();
        self.ctx = ctx;
        if self.at(Tok::Comma) {
            return self.bare_tuple(open);
        }
        self.close(Tok::RParen, open);
        self.add_since(Expr::Paren(inner), lo)
    }

    /// `(a, b)` without the dot. Goes on as if it were there.
    fn bare_tuple(&mut self, open: usize) -> ExprId {
        let (lo, comma) = (self.tokens.starts[open], self.span());
        self.report(Code::E0016, comma, "parentheses only group, they make no tuple", |d| {
            d.help("write `.(a, b)` for a tuple")
        });
        self.pos = open;
        let panic = std::mem::replace(&mut self.panic, true);
        let elems = self.args(Tok::RParen);
        self.close(Tok::RParen, open);
        self.panic = panic;
        self.add_since(Expr::TupleLit { ty: None, elems }, lo)
    }

    /// `return e`, `raise e`, `break label`, `continue label`
    fn jump(&mut self) -> ExprId {
        let (lo, kind) = (self.lo(), self.kind());
        self.bump();
        let expr = match kind {
            Tok::Return => {
                let value = self.kind().starts_expr().then(|| self.expr());
                Expr::Return(value)
            }
            Tok::Raise => Expr::Raise(self.expr()),
            _ => {
                let label = self.kind().is_name().then(|| self.word());
                if kind == Tok::Break { Expr::Break(label) } else { Expr::Continue(label) }
            }
        };
        self.add_since(expr, lo)
    }

    /// `error.Name`, `error { A, B }`
    fn error_(&mut self) -> ExprId {
        let lo = self.lo();
        if self.peek(1) == Tok::LBrace {
            return self.error_set();
        }
        self.bump();
        if !self.eat(Tok::Dot) {
            self.expected("`.` or `{` after `error`");
            return self.add_since(Expr::Error, lo);
        }
        match self.member_name() {
            Some(name) => self.add_since(Expr::ErrorName(name), lo),
            None => self.add_since(Expr::Error, lo),
        }
    }

    /// `ufcs (…) …`, `ufcs target`
    fn ufcs(&mut self) -> ExprId {
        let lo = self.lo();
        self.bump();
        if self.at(Tok::LParen) {
            return self.function(Sig::Expr, Some(lo));
        }
        let target = self.expr();
        self.add_since(Expr::UfcsAlias(target), lo)
    }
}
