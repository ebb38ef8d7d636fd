//! `#insert`: text made at compile time becomes statements, an expression, or declarations of the module.
//!
//! Each text is a file of its own, so that what is wrong in it has a place. Its names mean what they mean where it stands.

use super::{Cx, E, Val};
use crate::sema::*;
use crate::thir::{Kind, Stmt};
use crate::types::TypeId;
use crate::value::CVal;
use std::sync::Arc;
use sx_syntax::ast::ExprId;
use sx_syntax::diag::{Code, Diagnostic, Label, Severity};
use sx_syntax::source::File;
use sx_syntax::span::{FileId, Loc, Span};

/// Inserted text may insert text itself, so deep.
const MAX_DEPTH: u32 = 16;
/// All inserted texts together have at most so many bytes.
const MAX_BYTES: usize = 32 << 20;

/// What was inserted so far.
#[derive(Debug, Default)]
pub(crate) struct Inserts {
    depth: u32,
    /// The `#insert` that isn't in inserted text itself.
    outermost: Option<Loc>,
    bytes: usize,
}

impl<'b> Cx<'_, '_, 'b> {
    /// `#insert "…";` among statements: what it declares is seen by those that follow. True when the end of it can't be
    /// reached.
    pub(crate) fn insert_stmts(&mut self, text: ExprId, span: Span, out: &mut Vec<Stmt<'b>>) -> bool {
        let Some(file) = self.fragment(text, span) else { return false };
        self.within(file, span, |cx, file| {
            let diverges = cx.check_stmts(&file.ast.items, out);
            diverges | file.tail.is_some_and(|tail| cx.check_expr_stmt(tail, out))
        })
    }

    /// `#insert "…"` as an expression: the value of the expression that the text ends with.
    pub(crate) fn insert_expr(&mut self, text: ExprId, expected: Option<TypeId>, span: Span) -> Val<'b> {
        let Some(file) = self.fragment(text, span) else { return self.error_val(span) };
        self.within(file, span, |cx, file| {
            let all = Span::new(0, file.text.len() as u32);
            match (&file.ast.items[..], file.tail) {
                ([], Some(tail)) => cx.check(tail, expected),
                (stmts, tail) => cx.scoped(|cx| {
                    let mut out = Vec::new();
                    let diverges = cx.check_stmts(stmts, &mut out);
                    cx.finish_block(out, diverges, tail, expected, all)
                }),
            }
        })
    }

    /// The text as a file; none after a report.
    fn fragment(&mut self, text: ExprId, span: Span) -> Option<FileId> {
        let e = self.check_as(text, TypeId::STRING);
        if e.ty == TypeId::ERROR {
            return None;
        }
        let bytes = self.insert_text(e)?;
        let at = self.loc(span);
        let file = self.s.add_fragment(at, &bytes, sx_syntax::parse_statements)?;
        // What the parser made of it isn't what was meant.
        self.s.file(file).broken.is_empty().then_some(file)
    }

    fn insert_text(&mut self, e: E<'b>) -> Option<Arc<[u8]>> {
        let e = match e.kind {
            // A literal doesn't need the machine.
            Kind::Str(bytes) => return Some(bytes.into()),
            _ => e,
        };
        match self.evaluate(e)? {
            CVal::Str(bytes) => Some(bytes),
            CVal::Zero => Some(Arc::from([])),
            _ => None,
        }
    }

    /// Runs `work` on another file's tree, as a part of this body.
    fn within<R>(
        &mut self,
        file: FileId,
        span: Span,
        work: impl for<'x, 'y> FnOnce(&mut Cx<'x, 'y, 'b>, &File) -> R,
    ) -> R {
        let parsed = self.s.file(file).file.clone();
        let f = std::mem::take(&mut self.f);
        let at = Loc::new(self.file, span);
        let reported = self.s.diagnostics.len();
        self.s.inserts.depth += 1;
        let mut cx =
            Cx { s: self.s, ast: &parsed.ast, file, scope: self.scope, b: self.b, f, depth: self.depth };
        let result = work(&mut cx, &parsed);
        let scope = cx.scope;
        self.f = std::mem::take(&mut cx.f);
        self.scope = scope;
        self.s.inserts.depth -= 1;
        self.s.blame_insert(reported, file, at);
        result
    }
}

impl Sema {
    /// Adds a text that stands in for an `#insert`; none after a report.
    fn add_fragment(
        &mut self,
        at: Loc,
        bytes: &[u8],
        parse: impl FnOnce(Arc<str>, Arc<str>) -> Arc<File>,
    ) -> Option<FileId> {
        self.inserts.bytes += bytes.len();
        if self.inserts.depth == 0 {
            self.inserts.outermost = Some(at);
        }
        let limit = if self.inserts.depth >= MAX_DEPTH {
            Some("inserted text inserts text without end")
        } else if self.inserts.bytes > MAX_BYTES {
            Some("too much text is inserted: more than 32 MiB")
        } else {
            None
        };
        if let Some(message) = limit {
            let at = self.inserts.outermost.unwrap_or(at);
            self.report(Diagnostic::error(Code::E0901, at, message));
            return None;
        }
        let text: Arc<str> = match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => {
                let message = "inserted text must be valid UTF-8";
                self.report(Diagnostic::error(Code::E0019, at, message));
                return None;
            }
        };
        let origin = self.file(at.file).file.clone();
        let (line, column) = origin.line_col(at.span.lo);
        let path: Arc<str> = format!("{}:{line}:{column}#insert", origin.path).into();
        let reported = self.diagnostics.len();
        let id = self.add_part(parse(path, text), at.file);
        self.blame_insert(reported, id, at);
        Some(id)
    }

    /// Reports about inserted text say where it was inserted.
    fn blame_insert(&mut self, reported: usize, file: FileId, at: Loc) {
        for d in self.diagnostics.iter_mut().skip(reported).filter(|d| d.loc.file == file) {
            if !d.secondary.iter().any(|label| label.loc == at) {
                d.secondary.push(Label { loc: at, text: "inserted here".to_string() });
            }
        }
    }

    /// Declarations that a module inserts; before its names are looked up for the first time.
    pub(crate) fn expand_inserts(&mut self, file: FileId) {
        for expr in std::mem::take(&mut self.files[file.0 as usize].inserts) {
            let (from, expr) = expr;
            let scope = self.file(from).scope;
            let made = self.with_static(from, scope, |cx| {
                let sx_syntax::ast::Expr::Insert(text) = *cx.ast.expr(expr) else { return None };
                let e = cx.check_as(text, TypeId::STRING);
                if e.ty == TypeId::ERROR {
                    return None;
                }
                Some((cx.loc(cx.span(expr)), cx.insert_text(e)?))
            });
            let Some((at, bytes)) = made else { continue };
            let part = self.add_fragment(at, &bytes, sx_syntax::parse);
            self.inserts.depth += 1;
            if let Some(part) = part {
                let errors = |d: &Diagnostic| d.loc.file == part && d.severity == Severity::Error;
                if !self.diagnostics.iter().any(errors) {
                    let parsed = self.file(part).file.clone();
                    let reported = self.diagnostics.len();
                    self.enter_items(part, file, &parsed);
                    self.blame_insert(reported, part, at);
                    self.files[file.0 as usize].parts.push(part);
                    // What the text inserts in turn belongs to the module, too.
                    self.expand_inserts(file);
                }
            }
            self.inserts.depth -= 1;
        }
    }
}
