//! Taking an input apart: declarations, variables, statements, and a value at the end.

use crate::error::{Error, Result};
use std::ops::Range;
use std::sync::Arc;
use sx_syntax::ast::{Expr, ExprId, Stmt, StmtId};
use sx_syntax::diag::{Code, Severity};
use sx_syntax::source::{File, Sources};
use sx_syntax::span::Span;

/// A part of an input that is compiled by itself.
#[derive(Debug)]
pub enum Piece {
    /// What belongs to module level: constants, functions, types, imports.
    Declarations { text: Range<usize>, names: Vec<String> },
    /// `x := …;`
    Variable(Variable),
    /// What runs.
    Statements { text: Range<usize> },
    /// An expression without `;` at the end.
    Value { text: Range<usize> },
}

/// A declaration of variables.
#[derive(Debug)]
pub struct Variable {
    pub names: Vec<String>,
    pub ty: Option<Range<usize>>,
    /// None when the variable begins as zero, or uninitialised.
    pub value: Option<Range<usize>>,
}

/// True unless the input ends within something that is still open: a bracket, a string, a comment.
pub fn is_complete(input: &str) -> bool {
    let open = |file: &File| {
        file.diagnostics.iter().any(|found| matches!(found.code, Code::E0003 | Code::E0005 | Code::E0006))
    };
    let statements = sx_syntax::parse_statements("input".into(), input.into());
    if !open(&statements) {
        return true;
    }
    !open(&sx_syntax::parse("input".into(), input.into()))
}

/// Takes an input apart.
///
/// # Errors
/// When it isn't well-formed either way.
pub fn pieces(name: &str, input: &str) -> Result<Vec<Piece>> {
    let module = sx_syntax::parse(name.into(), input.into());
    if is_sound(&module) {
        let items: Vec<StmtId> = module.ast.items.to_vec();
        return Ok(group(&module, &items, None));
    }
    let statements = sx_syntax::parse_statements(name.into(), input.into());
    if is_sound(&statements) {
        let items: Vec<StmtId> = statements.ast.items.to_vec();
        return Ok(group(&statements, &items, statements.tail));
    }
    // The last `;` may be left out.
    let ended = format!("{input};");
    let with_end = sx_syntax::parse_statements(name.into(), ended.as_str().into());
    if is_sound(&with_end) {
        let items: Vec<StmtId> = with_end.ast.items.to_vec();
        let mut pieces = group(&with_end, &items, with_end.tail);
        clip(&mut pieces, input.len());
        return Ok(pieces);
    }
    let file = if module.diagnostics.len() < statements.diagnostics.len() { module } else { statements };
    Err(syntax_error(&file))
}

fn is_sound(file: &File) -> bool {
    !file.diagnostics.iter().any(|found| found.severity == Severity::Error)
}

fn syntax_error(file: &Arc<File>) -> Error {
    let mut sources = Sources::new();
    sources.add(file.clone());
    Error::compile(file.diagnostics.clone(), sources)
}

/// Statements reach to the end of the input even if that lacks its `;`: generated text adds one.
fn clip(pieces: &mut [Piece], len: usize) {
    for piece in pieces {
        match piece {
            Piece::Declarations { text, .. } | Piece::Statements { text } | Piece::Value { text } => {
                text.end = text.end.min(len);
            }
            Piece::Variable(variable) => {
                if let Some(value) = &mut variable.value {
                    value.end = value.end.min(len);
                }
            }
        }
    }
}

/// Groups neighbours of a kind, so that declarations of one input can refer to each other.
fn group(file: &File, items: &[StmtId], tail: Option<ExprId>) -> Vec<Piece> {
    let ast = &file.ast;
    let mut pieces: Vec<Piece> = Vec::new();
    for (i, &item) in items.iter().enumerate() {
        let end = items.get(i + 1).map(|&next| ast.stmt_span(next).lo as usize);
        let end = end.or_else(|| tail.map(|tail| ast.expr_span(tail).lo as usize)).unwrap_or(file.text.len());
        let whole = ast.stmt_span(item).lo as usize..end;
        match ast.stmt(item) {
            Stmt::Var(index) if ast.get(*index).external.is_none() => {
                pieces.extend(variables(file, *index));
            }
            stmt if is_declaration(file, stmt) => {
                let name = match stmt {
                    Stmt::Const(index) => Some(ast.name(ast.get(*index).name.name).to_owned()),
                    _ => None,
                };
                match pieces.last_mut() {
                    Some(Piece::Declarations { text, names }) => {
                        text.end = whole.end;
                        names.extend(name);
                    }
                    _ => pieces.push(Piece::Declarations { text: whole, names: name.into_iter().collect() }),
                }
            }
            _ => match pieces.last_mut() {
                Some(Piece::Statements { text }) => text.end = whole.end,
                _ => pieces.push(Piece::Statements { text: whole }),
            },
        }
    }
    pieces.extend(tail.map(|tail| Piece::Value { text: range(ast.expr_span(tail)) }));
    pieces
}

fn is_declaration(file: &File, stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Const(_) | Stmt::Impl(_) | Stmt::Test(_) | Stmt::Assert { .. } | Stmt::Var(_) => true,
        Stmt::Expr { expr, .. } => matches!(file.ast.expr(*expr), Expr::Import(_) | Expr::Run(_)),
        _ => false,
    }
}

fn range(span: Span) -> Range<usize> {
    span.lo as usize..span.hi as usize
}

fn variables(file: &File, index: sx_syntax::ast::Idx<sx_syntax::ast::VarDecl>) -> Vec<Piece> {
    let ast = &file.ast;
    let var = ast.get(index);
    let names: Vec<String> =
        ast.list(var.names).iter().map(|ident| ast.name(ident.name).to_owned()).collect();
    let ty = var.ty.map(|ty| range(ast.expr_span(ty)));
    let values = ast.list(var.values);
    let value = |value: ExprId| match ast.expr(value) {
        Expr::Undef => None,
        _ => Some(range(ast.expr_span(value))),
    };
    match values {
        [] => vec![Piece::Variable(Variable { names, ty, value: None })],
        [one] => vec![Piece::Variable(Variable { names, ty, value: value(*one) })],
        many => names
            .into_iter()
            .zip(many)
            .map(|(name, &one)| {
                Piece::Variable(Variable { names: vec![name], ty: ty.clone(), value: value(one) })
            })
            .collect(),
    }
}
