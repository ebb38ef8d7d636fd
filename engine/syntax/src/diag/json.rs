//! A diagnostic as one line of JSON, for programs. `docs/diagnostics-json.md` describes the fields.

use super::{Diagnostic, Severity};
use crate::source::Sources;
use crate::span::Loc;
use std::fmt::Write;

/// A diagnostic as one JSON object without line breaks.
pub fn json(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut out = String::from("{");
    field(&mut out, "code", |out| string(out, diagnostic.code.as_str()));
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    field(&mut out, "severity", |out| string(out, severity));
    field(&mut out, "message", |out| string(out, &diagnostic.message));
    place(&mut out, diagnostic.loc, sources);
    field(&mut out, "label", |out| match &diagnostic.label {
        Some(label) => string(out, label),
        None => out.push_str("null"),
    });
    field(&mut out, "secondary", |out| {
        list(out, &diagnostic.secondary, |out, label| {
            out.push('{');
            place(out, label.loc, sources);
            field(out, "label", |out| string(out, &label.text));
            out.push('}');
        });
    });
    field(&mut out, "notes", |out| list(out, &diagnostic.notes, |out, note| string(out, note)));
    field(&mut out, "helps", |out| list(out, &diagnostic.helps, |out, help| string(out, help)));
    out.push('}');
    out
}

fn field(out: &mut String, name: &str, value: impl FnOnce(&mut String)) {
    if !out.ends_with('{') {
        out.push(',');
    }
    string(out, name);
    out.push(':');
    value(out);
}

fn list<T>(out: &mut String, items: &[T], each: impl Fn(&mut String, &T)) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(']');
}

fn place(out: &mut String, loc: Loc, sources: &Sources) {
    if loc.file.0 as usize >= sources.len() {
        return field(out, "path", |out| out.push_str("null"));
    }
    let file = sources.get(loc.file);
    let (line, column) = file.line_col(loc.span.lo);
    let (end_line, end_column) = file.line_col(loc.span.hi.max(loc.span.lo));
    field(out, "path", |out| string(out, &file.path));
    for (name, number) in [
        ("line", line),
        ("column", column),
        ("end_line", end_line),
        ("end_column", end_column),
        ("byte_start", loc.span.lo),
        ("byte_end", loc.span.hi),
    ] {
        field(out, name, |out| _ = write!(out, "{number}"));
    }
}

/// Appends a text as a JSON string.
pub fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // U+2028 and U+2029 end lines for some readers of JSON lines.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                _ = write!(out, "\\u{:04x}", c as u32)
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
