//! Operators by precedence, prefixes, postfix chains, arguments.

use super::Parser;
use crate::ast::*;
use crate::diag::{Code, Diagnostic};
use crate::lexer::FILE;
use crate::span::{Loc, Span};
use crate::token::Tok;

/// Binding strength of infix operators, loosest first.
mod prec {
    pub const CATCH: u8 = 1;
    pub const OR: u8 = 2;
    pub const AND: u8 = 3;
    pub const PIPE: u8 = 4;
    pub const BIT_OR: u8 = 5;
    pub const BIT_XOR: u8 = 6;
    pub const BIT_AND: u8 = 7;
    pub const COMPARE: u8 = 8;
    pub const COALESCE: u8 = 9;
    pub const SHIFT: u8 = 10;
    pub const ADD: u8 = 11;
    pub const MUL: u8 = 12;
}

/// Strength by token, 0 for what is no infix operator.
static PREC: [u8; Tok::COUNT] = {
    let mut table = [0; Tok::COUNT];
    table[Tok::Catch as usize] = prec::CATCH;
    table[Tok::Or as usize] = prec::OR;
    table[Tok::And as usize] = prec::AND;
    table[Tok::Pipe as usize] = prec::PIPE;
    table[Tok::Bar as usize] = prec::BIT_OR;
    table[Tok::Caret as usize] = prec::BIT_XOR;
    table[Tok::Amp as usize] = prec::BIT_AND;
    table[Tok::EqEq as usize] = prec::COMPARE;
    table[Tok::BangEq as usize] = prec::COMPARE;
    table[Tok::Lt as usize] = prec::COMPARE;
    table[Tok::Gt as usize] = prec::COMPARE;
    table[Tok::LtEq as usize] = prec::COMPARE;
    table[Tok::GtEq as usize] = prec::COMPARE;
    table[Tok::In as usize] = prec::COMPARE;
    table[Tok::QQ as usize] = prec::COALESCE;
    table[Tok::Shl as usize] = prec::SHIFT;
    table[Tok::Shr as usize] = prec::SHIFT;
    table[Tok::Plus as usize] = prec::ADD;
    table[Tok::Minus as usize] = prec::ADD;
    table[Tok::Star as usize] = prec::MUL;
    table[Tok::Slash as usize] = prec::MUL;
    table[Tok::Percent as usize] = prec::MUL;
    table
};

/// The operator of an infix token that makes an [`Expr::Binary`].
fn bin_op(kind: Tok) -> BinOp {
    match kind {
        Tok::Plus => BinOp::Add,
        Tok::Minus => BinOp::Sub,
        Tok::Star => BinOp::Mul,
        Tok::Slash => BinOp::Div,
        Tok::Percent => BinOp::Rem,
        Tok::Shl => BinOp::Shl,
        Tok::Shr => BinOp::Shr,
        Tok::Amp => BinOp::BitAnd,
        Tok::Caret => BinOp::BitXor,
        Tok::Bar => BinOp::BitOr,
        Tok::EqEq => BinOp::Eq,
        Tok::BangEq => BinOp::Ne,
        Tok::Lt => BinOp::Lt,
        Tok::Gt => BinOp::Gt,
        Tok::LtEq => BinOp::Le,
        Tok::GtEq => BinOp::Ge,
        _ => BinOp::In,
    }
}

impl Parser<'_> {
    /// A full expression.
    #[inline]
    pub(super) fn expr(&mut self) -> ExprId {
        self.binary(prec::CATCH)
    }

    /// An expression whose operators bind at least as strongly as `or`: the handler of a `catch`.
    pub(super) fn above_catch(&mut self) -> ExprId {
        self.binary(prec::OR)
    }

    fn binary(&mut self, min: u8) -> ExprId {
        if !self.enter() {
            self.leave();
            return self.broken();
        }
        let around = std::mem::take(&mut self.chain);
        let lo = self.lo();
        let mut lhs = self.prefix();
        loop {
            let kind = self.kind();
            let strength = PREC[kind as usize];
            // `== {` begins the arms of a match, however strongly the operators before it bind.
            if strength < min || strength == 0 || (kind == Tok::EqEq && self.peek(1) == Tok::LBrace) {
                break;
            }
            let below = std::mem::take(&mut self.chain);
            lhs = self.infix(lhs, lo, kind, strength);
            if !self.link(below) {
                break;
            }
        }
        self.chain = self.chain.max(around);
        self.leave();
        lhs
    }

    /// One infix operator and what stands right of it.
    fn infix(&mut self, lhs: ExprId, lo: u32, kind: Tok, strength: u8) -> ExprId {
        if strength == prec::CATCH {
            return self.catch(lhs, lo);
        }
        if strength == prec::COMPARE {
            return self.comparison(lhs, lo);
        }
        let op_span = self.span();
        self.bump();
        // `??` groups to the right: its right operand may hold the same operator.
        let rhs = self.binary(if strength == prec::COALESCE { strength } else { strength + 1 });
        let expr = match kind {
            Tok::Or => Expr::Or(lhs, rhs),
            Tok::And => Expr::And(lhs, rhs),
            Tok::QQ => Expr::Coalesce(lhs, rhs),
            Tok::Pipe => {
                self.check_pipe(rhs);
                Expr::Pipe(lhs, rhs)
            }
            _ => {
                if (prec::BIT_OR..=prec::BIT_AND).contains(&strength) {
                    self.check_mixed(lhs, rhs, op_span, self.since(lo));
                }
                Expr::Binary { op: bin_op(kind), lhs, rhs }
            }
        };
        self.add_since(expr, lo)
    }

    /// `a < b`, `a < b <= c`
    fn comparison(&mut self, first: ExprId, lo: u32) -> ExprId {
        let op = bin_op(self.kind());
        self.bump();
        let rhs = self.binary(prec::COALESCE);
        if !self.comparison_follows() {
            return self.add_since(Expr::Binary { op, lhs: first, rhs }, lo);
        }
        let mark = self.mark::<ChainLink>();
        self.stack(ChainLink { op, rhs });
        while self.comparison_follows() {
            let op = bin_op(self.kind());
            self.bump();
            let rhs = self.binary(prec::COALESCE);
            self.stack(ChainLink { op, rhs });
        }
        let links = self.seal(mark);
        self.add_since(Expr::Chain { first, links }, lo)
    }

    fn comparison_follows(&self) -> bool {
        self.kind().is_comparison() && !(self.at(Tok::EqEq) && self.peek(1) == Tok::LBrace)
    }

    fn check_pipe(&mut self, rhs: ExprId) {
        let mut call = rhs;
        while let Expr::Try(inner) | Expr::Unwrap(inner) = *self.ast.expr(call) {
            call = inner;
        }
        if !matches!(self.ast.expr(call), Expr::Call { .. } | Expr::Error) {
            let span = self.ast.expr_span(rhs);
            self.report(Code::E0030, span, "the right side of `|>` must be a call", |d| {
                d.help("write `x |> f()`; `x` becomes the first argument")
            });
        }
    }

    /// Warns about `a & b == c`, which compares first.
    fn check_mixed(&mut self, lhs: ExprId, rhs: ExprId, op: Span, whole: Span) {
        for side in [lhs, rhs] {
            let compares = match *self.ast.expr(side) {
                Expr::Chain { .. } => true,
                Expr::Binary { op, .. } => matches!(
                    op,
                    BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Gt | BinOp::Le | BinOp::Ge | BinOp::In
                ),
                _ => false,
            };
            if compares && !self.panic && !self.aborted {
                let operator = &self.text[op.lo as usize..op.hi as usize];
                let message = format!("the comparison binds more strongly than `{operator}`");
                let side = Loc::new(FILE, self.ast.expr_span(side));
                self.diags.push(
                    Diagnostic::warning(Code::W0001, Loc::new(FILE, whole), message)
                        .also(side, "this is compared first")
                        .help("put parentheses around the operands that belong together"),
                );
                return;
            }
        }
    }

    /// Prefix operators and the postfix chain that they cover.
    fn prefix(&mut self) -> ExprId {
        let lo = self.lo();
        let make: fn(ExprId) -> Expr = match self.kind() {
            Tok::Minus => |operand| Expr::Unary { op: UnOp::Neg, operand },
            Tok::Bang => |operand| Expr::Unary { op: UnOp::Not, operand },
            Tok::Tilde => |operand| Expr::Unary { op: UnOp::BitNot, operand },
            Tok::At => Expr::AddrOf,
            Tok::Autocast => Expr::Autocast,
            Tok::Try => Expr::Try,
            Tok::Cast => return self.cast(),
            _ => {
                let around = std::mem::take(&mut self.chain);
                let primary = self.primary();
                let whole = self.postfix(primary, lo);
                self.chain = self.chain.max(around);
                return whole;
            }
        };
        self.bump();
        let operand = self.operand();
        self.add_since(make(operand), lo)
    }

    /// What a prefix operator stands before.
    fn operand(&mut self) -> ExprId {
        let operand = if self.enter() { self.prefix() } else { self.broken() };
        self.leave();
        operand
    }

    /// `cast(T) e`
    fn cast(&mut self) -> ExprId {
        let (lo, open) = (self.lo(), self.pos + 1);
        self.bump();
        if !self.expect(Tok::LParen) {
            return self.broken();
        }
        let ctx = self.free();
        let ty = self.type_();
        self.ctx = ctx;
        self.close(Tok::RParen, open);
        let operand = self.operand();
        self.add_since(Expr::Cast { ty, operand }, lo)
    }

    /// Everything that can follow an operand directly.
    pub(super) fn postfix(&mut self, mut id: ExprId, lo: u32) -> ExprId {
        // A chain with `?.` ends where it ends, or before a `!`, which unwraps its result.
        let mut optional = false;
        loop {
            match self.kind() {
                Tok::Dot => match self.dot(id, lo) {
                    Some(next) => id = next,
                    None => break,
                },
                Tok::QDot => {
                    optional = true;
                    id = self.optional_link(id, lo);
                }
                Tok::LParen if !self.is_capture() => id = self.call(id, lo),
                Tok::LBracket => id = self.index(id, lo),
                Tok::Bang => {
                    if std::mem::take(&mut optional) {
                        id = self.add_since(Expr::OptChain(id), lo);
                    }
                    self.bump();
                    id = self.add_since(Expr::Unwrap(id), lo);
                }
                _ => break,
            }
            let below = self.chain;
            if !self.link(below) {
                break;
            }
        }
        if optional { self.add_since(Expr::OptChain(id), lo) } else { id }
    }

    /// In the header of a `for`, the group before the body.
    fn is_capture(&self) -> bool {
        self.ctx.capture && matches!(self.after_pair(), Some(Tok::LBrace | Tok::FatArrow))
    }

    /// What follows a `.` after an operand.
    fn dot(&mut self, base: ExprId, lo: u32) -> Option<ExprId> {
        let expr = match self.peek(1) {
            Tok::LBrace => {
                self.bump();
                return Some(self.struct_literal(Some(base), lo));
            }
            Tok::LBracket => {
                self.bump();
                return Some(self.array_literal(Some(base), lo));
            }
            Tok::LParen => {
                self.bump();
                return Some(self.tuple_literal(Some(base), lo));
            }
            Tok::Star => {
                self.bump();
                self.bump();
                Expr::Deref(base)
            }
            Tok::Int => {
                self.bump();
                Expr::TupleIndex { base, index: self.tuple_index() }
            }
            _ => {
                self.bump();
                let Some(name) = self.member_name() else { return Some(self.add_since(Expr::Error, lo)) };
                Expr::Field { base, name }
            }
        };
        Some(self.add_since(expr, lo))
    }

    /// `?.name`, `?.0`
    fn optional_link(&mut self, base: ExprId, lo: u32) -> ExprId {
        self.bump();
        let expr = if self.at(Tok::Int) {
            Expr::OptTupleIndex { base, index: self.tuple_index() }
        } else {
            match self.member_name() {
                Some(name) => Expr::OptField { base, name },
                None => Expr::Error,
            }
        };
        self.add_since(expr, lo)
    }

    fn tuple_index(&mut self) -> u32 {
        let (span, text) = (self.span(), self.token_text(self.pos));
        self.bump();
        text.parse().unwrap_or_else(|_| {
            self.report(Code::E0009, span, format!("`{text}` is no tuple index"), |d| d);
            0
        })
    }

    /// `callee(args)`
    pub(super) fn call(&mut self, callee: ExprId, lo: u32) -> ExprId {
        let open = self.pos;
        let args = self.args(Tok::RParen);
        self.close(Tok::RParen, open);
        self.add_since(Expr::Call { callee, args }, lo)
    }

    /// Arguments from an opening bracket up to the closing one, which is left for the caller.
    pub(super) fn args(&mut self, end: Tok) -> Range<Arg> {
        self.bump();
        let ctx = self.free();
        let mark = self.mark::<Arg>();
        while self.kind() != end && !self.at(Tok::Eof) {
            let arg = self.arg();
            self.stack(arg);
            if !self.eat(Tok::Comma) {
                break;
            }
        }
        self.ctx = ctx;
        self.seal(mark)
    }

    fn arg(&mut self) -> Arg {
        if self.eat(Tok::DotDot) {
            let value = self.expr();
            return Arg { name: None, value, spread: true };
        }
        let named = self.kind().is_word() && matches!(self.peek(1), Tok::Eq | Tok::Colon);
        let name = named.then(|| {
            let name = self.word();
            if self.at(Tok::Colon) {
                let span = self.span();
                self.fail(Code::E0001, span, "expected `=`, found `:`", |d| {
                    d.help("fields and named arguments are written `name = value`")
                });
            }
            self.bump();
            name
        });
        let value = self.expr();
        Arg { name, value, spread: false }
    }

    /// `base[i]`, `base[lo..hi]`
    pub(super) fn index(&mut self, base: ExprId, lo: u32) -> ExprId {
        let open = self.pos;
        self.bump();
        let ctx = self.free();
        let start = (!self.kind().is_range()).then(|| self.expr());
        let slicing = self.kind().is_range();
        let expr = if slicing {
            let dots = self.span();
            let (lo_exclusive, hi_inclusive, hi_marked) = range_marks(self.kind());
            self.bump();
            let hi = (!self.at(Tok::RBracket)).then(|| self.expr());
            if hi_marked && hi.is_none() {
                self.report(
                    Code::E0031,
                    Span::new(dots.hi - 1, dots.hi),
                    "a mark after `..` needs an end",
                    |d| d.help("write `a[i..]` for everything from `i` on"),
                );
            }
            let slice = SliceExpr { base, lo: start, hi, lo_exclusive, hi_inclusive };
            Expr::Slice(self.ast.push(slice))
        } else {
            match start {
                Some(index) => Expr::Index { base, index },
                None => Expr::Error,
            }
        };
        self.ctx = ctx;
        self.close(Tok::RBracket, open);
        self.add_since(expr, lo)
    }
}

/// Of a range token: start exclusive, end inclusive, end marked at all.
pub(super) fn range_marks(kind: Tok) -> (bool, bool, bool) {
    use Tok::*;
    let lo_exclusive = matches!(kind, LtDotDot | LtDotDotEq | LtDotDotLt);
    let hi_inclusive = matches!(kind, DotDotEq | LtDotDotEq | EqDotDotEq);
    let hi_marked = !matches!(kind, DotDot | LtDotDot | EqDotDot);
    (lo_exclusive, hi_inclusive, hi_marked)
}
