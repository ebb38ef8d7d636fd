//! Tokens to tree: recursive descent, with precedence climbing for operators.
//!
//! | file | parses |
//! |---|---|
//! | `stmts` | blocks, statements, module items |
//! | `decls` | `::`, `:=`, parameters, functions |
//! | `bodies` | struct, union, enum, protocol, impl, error sets |
//! | `types` | types where only a type can stand |
//! | `exprs` | operators, prefixes, postfix chains, calls |
//! | `primary` | what an expression begins with |
//! | `control` | if, while, for, push, matches, catch |
//! | `literals` | numbers, strings, `.{}` `.[]` `.()` |
//! | `blocks` | `asm`, imports |
//! | `recover` | errors, and how parsing goes on after them |
//!
//! Every function leaves a well-formed tree behind, whatever the source. After an error `panic` is set and keeps
//! further errors quiet until a statement ends or a block begins.

mod blocks;
mod bodies;
mod control;
mod decls;
mod exprs;
mod literals;
mod primary;
mod recover;
mod scratch;
mod stmts;
mod types;

use crate::ast::*;
use crate::diag::{Code, Diagnostic};
use crate::lexer::{self, FILE};
use crate::source::File;
use crate::span::{Loc, Span};
use crate::token::{NO_PAIR, Tok, Tokens};
use rustc_hash::FxHashMap;
use scratch::{Scratch, Scratched};
use std::borrow::Cow;
use std::sync::Arc;

/// How deep brackets, blocks, prefix operators and types may nest.
pub const MAX_DEPTH: u32 = 256;
/// How many operators or postfix operations may follow one another in one expression, along one path of its tree.
pub const MAX_CHAIN: u32 = 1000;
/// The largest file, in bytes.
pub const MAX_FILE: usize = 1 << 30;

/// Parses a file. Never fails: errors are in the file's diagnostics.
pub fn parse(path: Arc<str>, text: Arc<str>) -> Arc<File> {
    parse_as(path, text, Entry::Module)
}

/// Parses a file as read from disk. What isn't UTF-8 is reported; the readable part before it is parsed.
pub fn parse_bytes(path: Arc<str>, bytes: &[u8]) -> Arc<File> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return parse(path, text.into()),
        Err(error) => error,
    };
    let readable = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or("");
    let at = readable.len();
    let text: Arc<str> = format!("{readable}\u{fffd}").into();
    if text.len() > MAX_FILE {
        return parse(path, text);
    }
    let (tokens, _) = lexer::lex(readable);
    let loc = Loc::new(FILE, Span::new(at as u32, text.len() as u32));
    let value = bytes[at];
    let diagnostic =
        Diagnostic::error(Code::E0019, loc, format!("the byte 0x{value:02X} is not valid UTF-8"))
            .label("the file can be read up to here")
            .help("save the file as UTF-8");
    Arc::new(File {
        path,
        text,
        line_starts: tokens.line_starts,
        ast: Ast::default(),
        diagnostics: vec![diagnostic],
        comments: tokens.comments,
        tail: None,
    })
}

/// Parses a text as the inside of a block: its statements become `ast.items`, a last expression without `;`
/// becomes [`File::tail`].
pub fn parse_statements(path: Arc<str>, text: Arc<str>) -> Arc<File> {
    parse_as(path, text, Entry::Statements)
}

enum Entry {
    Module,
    Statements,
}

fn parse_as(path: Arc<str>, text: Arc<str>, entry: Entry) -> Arc<File> {
    if text.len() > MAX_FILE {
        let loc = Loc::new(FILE, Span::at(0));
        let message = format!("this file has {} bytes, more than the limit of {MAX_FILE}", text.len());
        return Arc::new(File {
            path,
            text,
            line_starts: vec![0],
            ast: Ast::default(),
            diagnostics: vec![Diagnostic::error(Code::E0018, loc, message)],
            comments: Vec::new(),
            tail: None,
        });
    }
    let (mut tokens, diags) = lexer::lex(&text);
    let (ast, mut diagnostics, tail) = {
        let mut parser = Parser::new(&text, &tokens, diags);
        let tail = match entry {
            Entry::Module => {
                parser.module();
                None
            }
            Entry::Statements => parser.statements(),
        };
        (parser.ast, parser.diags, tail)
    };
    diagnostics.sort_by_key(|d| d.loc.span.lo);
    Arc::new(File {
        path,
        text,
        line_starts: std::mem::take(&mut tokens.line_starts),
        ast,
        diagnostics,
        comments: std::mem::take(&mut tokens.comments),
        tail,
    })
}

/// What the place of an expression forbids; cleared inside every bracket.
#[derive(Clone, Copy, Default)]
struct Ctx {
    /// In a header before a block: `(…) {` isn't a lambda.
    header: bool,
    /// In the header of a `for`: `(…)` before `{` or `=>` is the capture, not a call.
    capture: bool,
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a Tokens,
    pos: usize,
    ast: Ast,
    names: FxHashMap<&'a str, NameId>,
    strings: FxHashMap<Cow<'a, [u8]>, StrId>,
    diags: Vec<Diagnostic>,
    scratch: Scratch,
    ctx: Ctx,
    depth: u32,
    /// Longest chain of operators below the expression that was parsed last.
    chain: u32,
    /// An error was reported and the parser hasn't found its feet again.
    panic: bool,
    /// Given up on the rest of the file.
    aborted: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, tokens: &'a Tokens, diags: Vec<Diagnostic>) -> Parser<'a> {
        let guess = tokens.kinds.len();
        let mut ast = Ast::default();
        ast.exprs.reserve(guess / 2);
        ast.expr_spans.reserve(guess / 2);
        ast.stmts.reserve(guess / 8);
        ast.stmt_spans.reserve(guess / 8);
        Parser {
            text,
            tokens,
            pos: 0,
            ast,
            names: FxHashMap::default(),
            strings: FxHashMap::default(),
            diags,
            scratch: Scratch::default(),
            ctx: Ctx::default(),
            depth: 0,
            chain: 0,
            panic: false,
            aborted: false,
        }
    }

    // ---- tokens ----

    #[inline]
    fn kind(&self) -> Tok {
        self.tokens.kinds[self.pos]
    }
    /// The kind `n` tokens ahead, `n` at most 4.
    #[inline]
    fn peek(&self, n: usize) -> Tok {
        self.tokens.kinds[self.pos + n]
    }
    #[inline]
    fn at(&self, kind: Tok) -> bool {
        self.kind() == kind
    }
    /// Where the current token starts.
    #[inline]
    fn lo(&self) -> u32 {
        self.tokens.starts[self.pos]
    }
    /// The current token's place.
    #[inline]
    fn span(&self) -> Span {
        Span { lo: self.tokens.starts[self.pos], hi: self.tokens.ends[self.pos] }
    }
    /// The kind of the token before the current one.
    #[inline]
    fn prev_kind(&self) -> Tok {
        if self.pos == 0 { Tok::Eof } else { self.tokens.kinds[self.pos - 1] }
    }
    /// Where the token before the current one ends.
    #[inline]
    fn prev_end(&self) -> u32 {
        if self.pos == 0 { 0 } else { self.tokens.ends[self.pos - 1] }
    }
    /// From `lo` to the end of the token before the current one.
    #[inline]
    fn since(&self, lo: u32) -> Span {
        Span { lo, hi: self.prev_end().max(lo) }
    }
    #[inline]
    fn bump(&mut self) {
        if self.kind() != Tok::Eof {
            self.pos += 1;
        }
    }
    #[inline]
    fn eat(&mut self, kind: Tok) -> bool {
        let here = self.at(kind);
        if here {
            self.pos += 1;
        }
        here
    }
    /// The closing partner of the bracket at token `at`.
    #[inline]
    fn pair(&self, at: usize) -> Option<usize> {
        let pair = self.tokens.pairs[at];
        (pair != NO_PAIR).then_some(pair as usize)
    }
    /// What follows the closing partner of the bracket at the current token.
    #[inline]
    fn after_pair(&self) -> Option<Tok> {
        self.pair(self.pos).map(|close| self.tokens.kinds[close + 1])
    }
    /// The text of a token.
    #[inline]
    fn token_text(&self, at: usize) -> &'a str {
        &self.text[self.tokens.starts[at] as usize..self.tokens.ends[at] as usize]
    }
    /// True when the token at `at` is the first of its line.
    fn begins_line(&self, at: usize) -> bool {
        let start = self.tokens.starts[at] as usize;
        let before = self.text[..start].trim_end_matches([' ', '\t', '\r']);
        before.is_empty() || before.ends_with('\n')
    }
    /// The doc comment before the token at `at`.
    fn doc_before(&self, at: usize) -> Option<Span> {
        let docs = &self.tokens.docs;
        let found = docs.binary_search_by_key(&(at as u32), |&(token, _)| token).ok()?;
        Some(docs[found].1)
    }

    // ---- nodes ----

    #[inline]
    fn add(&mut self, expr: Expr, span: Span) -> ExprId {
        self.ast.exprs.push(expr);
        self.ast.expr_spans.push(span);
        ExprId(self.ast.exprs.len() as u32 - 1)
    }
    /// An expression from `lo` to the end of the previous token.
    #[inline]
    fn add_since(&mut self, expr: Expr, lo: u32) -> ExprId {
        let span = self.since(lo);
        self.add(expr, span)
    }
    #[inline]
    fn add_stmt(&mut self, stmt: Stmt, lo: u32) -> StmtId {
        let span = self.since(lo);
        self.ast.stmts.push(stmt);
        self.ast.stmt_spans.push(span);
        StmtId(self.ast.stmts.len() as u32 - 1)
    }
    /// Moves the scratch elements from `mark` on into the tree.
    #[inline]
    fn seal<T: Scratched>(&mut self, mark: usize) -> Range<T> {
        let stack = T::stack(&mut self.scratch);
        if stack.len() == mark {
            return Range::empty();
        }
        let table = T::table_mut(&mut self.ast);
        let start = table.len() as u32;
        table.extend_from_slice(&stack[mark..]);
        stack.truncate(mark);
        Range::new(start, table.len() as u32 - start)
    }
    #[inline]
    fn mark<T: Scratched>(&mut self) -> usize {
        T::stack(&mut self.scratch).len()
    }
    #[inline]
    fn stack<T: Scratched>(&mut self, value: T) {
        T::stack(&mut self.scratch).push(value);
    }

    // ---- names ----

    fn intern(&mut self, text: &'a str) -> NameId {
        let next = NameId(self.ast.names.len() as u32);
        let id = *self.names.entry(text).or_insert(next);
        if id == next {
            self.ast.names.push(text.into());
        }
        id
    }
    /// The word at the current token as a name, whatever word it is. Moves on.
    fn word(&mut self) -> Ident {
        let span = self.span();
        let raw = self.at(Tok::RawIdent);
        let text = &self.text[span.lo as usize + usize::from(raw)..span.hi as usize];
        let name = self.intern(text);
        self.bump();
        Ident { name, span, raw }
    }
    /// A name, or an error in its place.
    fn name(&mut self, what: &str) -> Option<Ident> {
        if self.kind().is_name() {
            return Some(self.word());
        }
        self.expected(what);
        None
    }
    /// Any word after a dot.
    fn member_name(&mut self) -> Option<Ident> {
        if self.kind().is_word() {
            return Some(self.word());
        }
        self.expected("a name after the `.`");
        None
    }

    // ---- limits ----

    /// Goes one level deeper; false when that is too deep, after which parsing is over.
    #[inline]
    fn enter(&mut self) -> bool {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.too_deep();
            return false;
        }
        true
    }
    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
    }
    /// Counts one more link of an operator chain; false when it is too long.
    #[inline]
    fn link(&mut self, below: u32) -> bool {
        self.chain = self.chain.max(below) + 1;
        if self.chain > MAX_CHAIN {
            self.too_long();
            return false;
        }
        true
    }
    /// Inside a bracket nothing of the surroundings is forbidden.
    #[inline]
    fn free(&mut self) -> Ctx {
        std::mem::take(&mut self.ctx)
    }
    /// Parses with the restrictions of a header.
    fn in_header<R>(&mut self, capture: bool, parse: impl FnOnce(&mut Self) -> R) -> R {
        let ctx = std::mem::replace(&mut self.ctx, Ctx { header: true, capture });
        let result = parse(self);
        self.ctx = ctx;
        result
    }
}

#[cfg(test)]
mod tests;
