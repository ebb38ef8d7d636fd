//! Fixtures for every rule of the grammar: source against the dump of its tree.

mod control;
mod decls;
mod errors;
mod exprs;

use super::*;
use crate::ast::dump::dump;
use pretty_assertions::assert_eq;

fn file(source: &str) -> Arc<File> {
    parse("test.sx".into(), source.into())
}

fn messages(file: &File) -> Vec<String> {
    let line = |d: &Diagnostic| {
        let (line, col) = file.line_col(d.loc.span.lo);
        format!("{line}:{col} {} {}", d.code, d.message)
    };
    file.diagnostics.iter().map(line).collect()
}

/// Items without errors.
#[track_caller]
fn items(source: &str, expected: &str) {
    let file = file(source);
    assert_eq!(messages(&file), Vec::<String>::new(), "{source}");
    assert_eq!(dump(&file.ast).trim_end(), expected, "{source}");
}

/// The inside of a block without errors.
#[track_caller]
fn stmts(source: &str, expected: &str) {
    let file = parse_statements("test.sx".into(), source.into());
    assert_eq!(messages(&file), Vec::<String>::new(), "{source}");
    let mut shown: Vec<String> = dump(&file.ast).lines().map(String::from).collect();
    shown.extend(file.tail.map(|tail| format!("=> {}", dump::dump_expr(&file.ast, tail))));
    assert_eq!(shown.join("\n"), expected, "{source}");
}

/// One expression without errors.
#[track_caller]
fn expr(source: &str, expected: &str) {
    let file = parse_statements("test.sx".into(), source.into());
    assert_eq!(messages(&file), Vec::<String>::new(), "{source}");
    let tail = file.tail.expect("an expression");
    assert!(file.ast.items.is_empty(), "{source}: more than an expression");
    assert_eq!(dump::dump_expr(&file.ast, tail), expected, "{source}");
}

/// The errors of a file.
#[track_caller]
fn errors(source: &str, expected: &[&str]) {
    assert_eq!(messages(&file(source)), expected, "{source}");
}
