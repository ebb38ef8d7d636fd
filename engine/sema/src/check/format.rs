//! Format strings, read and checked while compiling.
//!
//! `write_format(w, "…", args…)` becomes calls of the library's `write_literal`, `write_value` and
//! `write_value_spec`, one for each piece.

use super::{Cx, Entity, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_syntax::ast::Arg;
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::Span;

/// A piece of a format string.
#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Text(Vec<u8>),
    Value(Option<Spec>),
}

/// What stands behind the `:` of a placeholder.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Spec {
    fill: u32,
    align: u8,
    zero: bool,
    width: i64,
    precision: i64,
    kind: u8,
}

/// Wider than any terminal, and far from what would exhaust memory.
const MAX_WIDTH: i64 = 65_535;

/// Splits a format string; on an error, what is wrong.
fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        if rest.as_bytes().first() == Some(&brace) {
            literal.push(brace as char);
            rest = &rest[1..];
            continue;
        }
        if brace == b'}' {
            return Err("a `}` stands alone; write `}}` for the character".into());
        }
        let Some(end) = rest.find('}') else {
            return Err("a `{` is never closed; write `{{` for the character".into());
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal).into_bytes()));
        }
        let spec = &rest[..end];
        rest = &rest[end + 1..];
        pieces.push(Piece::Value(match spec.strip_prefix(':') {
            Some("") => None,
            Some(spec) => Some(parse_spec(spec)?),
            None if spec.is_empty() => None,
            None => return Err(format!("`{{{spec}}}` isn't a placeholder; options follow a `:`")),
        }));
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.into_bytes()));
    }
    Ok(pieces)
}

/// `[[fill]align][0][width][.precision][x|X|b|o|e]`
fn parse_spec(text: &str) -> Result<Spec, String> {
    let mut spec = Spec { fill: ' ' as u32, align: 0, zero: false, width: 0, precision: -1, kind: 0 };
    let side = |c: char| match c {
        '<' => Some(1),
        '^' => Some(2),
        '>' => Some(3),
        _ => None,
    };
    let mut chars = text.chars().peekable();
    let mut ahead = text.chars();
    let (first, second) = (ahead.next(), ahead.next());
    if let (Some(fill), Some(align)) = (first, second.and_then(side)) {
        spec.fill = fill as u32;
        spec.align = align;
        chars.next();
        chars.next();
    } else if let Some(align) = first.and_then(side) {
        spec.align = align;
        chars.next();
    }
    if chars.peek() == Some(&'0') {
        spec.zero = true;
        chars.next();
    }
    let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| -> Result<Option<i64>, String> {
        let mut value: Option<i64> = None;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            let next = value.unwrap_or(0) * 10 + digit as i64;
            if next > MAX_WIDTH {
                return Err(format!("widths and precisions go up to {MAX_WIDTH}"));
            }
            value = Some(next);
            chars.next();
        }
        Ok(value)
    };
    spec.width = number(&mut chars)?.unwrap_or(0);
    if chars.peek() == Some(&'.') {
        chars.next();
        spec.precision = number(&mut chars)?.ok_or("digits are missing after the `.`")?;
    }
    if let Some(&kind @ ('x' | 'X' | 'b' | 'o' | 'e')) = chars.peek() {
        spec.kind = kind as u8;
        chars.next();
    }
    match chars.next() {
        None => Ok(spec),
        Some(c) => Err(format!("`{c}` has no meaning in `{{:{text}}}`")),
    }
}

impl<'b> Cx<'_, '_, 'b> {
    pub(crate) fn expand_format(&mut self, args: &[Arg], span: Span) -> Val<'b> {
        let [writer, format, rest @ ..] = args else {
            self.error(Code::E0301, span, "`write_format` takes a writer, a format string, and its values");
            return self.error_val(span);
        };
        let writer = self.check_settled(writer.value);
        let format_span = self.span(format.value);
        let e = self.check_as(format.value, TypeId::STRING);
        let Some(CVal::Str(bytes)) = self.fold_or_report(e) else { return self.error_val(span) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut values = Vec::new();
        for arg in rest {
            match self.entity_if_name(arg.value) {
                Entity::Pack(locals) if arg.spread => {
                    values.extend(locals.iter().map(|&l| self.read_local(l, span)));
                }
                _ => {
                    let e = self.check_settled(arg.value);
                    values.push(self.of(e));
                }
            }
        }
        let pieces = match parse(&text) {
            Ok(pieces) => pieces,
            Err(message) => {
                self.format_error(message, &text, format_span);
                return self.error_val(span);
            }
        };
        let wanted = pieces.iter().filter(|p| matches!(p, Piece::Value(_))).count();
        if wanted != values.len() {
            let message = format!(
                "the format string has {}, and {} given",
                super::call::count(wanted, "placeholder"),
                match values.len() {
                    1 => "1 value is".to_string(),
                    n => format!("{n} values are"),
                }
            );
            self.format_error(message, &text, format_span);
            return self.error_val(span);
        }
        if writer.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let mut stmts = Vec::new();
        let kept = self.keep(writer, &mut stmts);
        let mut values = values.into_iter();
        for piece in pieces {
            let writer = self.local_expr(kept, span);
            let writer = self.of(writer);
            let call = match piece {
                Piece::Text(bytes) => {
                    let bytes = self.b.alloc_slice_copy(&bytes);
                    let text = self.val(TypeId::STRING, span, Kind::Str(bytes));
                    self.call_format("write_literal", &[writer, text], span)
                }
                Piece::Value(spec) => {
                    let value = values.next().expect("placeholders and values were counted");
                    if value.ty == TypeId::ERROR {
                        return self.error_val(span);
                    }
                    match spec {
                        None => self.call_format("write_value", &[writer, value], span),
                        Some(spec) => {
                            if let Some(message) = self.spec_misfit(&spec, value.ty) {
                                self.format_error(message, &text, format_span);
                                return self.error_val(span);
                            }
                            self.call_spec(writer, value, &spec, span)
                        }
                    }
                }
            };
            if call.ty == TypeId::ERROR {
                return self.error_val(span);
            }
            stmts.push(Stmt::Expr(call.e));
        }
        let stmts = self.slice_of(stmts);
        self.val(TypeId::VOID, span, Kind::Block { stmts, tail: None })
    }

    /// Reported where the string is written: inside `print` that is at its call.
    fn format_error(&mut self, message: String, text: &str, span: Span) {
        let mut loc = self.loc(span);
        let mut inst = self.f.inst;
        while let Some(id) = inst {
            let info = self.s.inst(id);
            let library = self.s.sources.get(self.s.fn_decl(info.decl).file).path.starts_with("modules/");
            let Some((from, at)) = info.from.filter(|_| library) else { break };
            loc = at;
            inst = from;
        }
        let short: String = text.chars().take(60).collect();
        let d = Diagnostic::error(Code::E0309, loc, message).note(format!("in the format string {short:?}"));
        self.s.report(d);
    }

    /// Why a specification doesn't fit a type.
    fn spec_misfit(&self, spec: &Spec, ty: TypeId) -> Option<String> {
        let name = self.name_of(ty);
        let int = self.s.types.is_int(ty)
            || matches!(self.kind(ty), TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::Enum(_));
        let float = self.s.types.is_float(ty);
        let leaf = !matches!(
            self.kind(ty),
            TypeKind::Struct(_)
                | TypeKind::Array(..)
                | TypeKind::Slice(_)
                | TypeKind::Tuple(_)
                | TypeKind::Optional(_)
                | TypeKind::Enum(_)
        );
        match spec.kind {
            b'x' | b'X' | b'b' | b'o' if leaf && !int => {
                Some(format!("`{}` needs an integer, and the value is a `{name}`", spec.kind as char))
            }
            b'e' if leaf && !float => Some(format!("`e` needs a float, and the value is a `{name}`")),
            _ if spec.precision >= 0 && leaf && !float && ty != TypeId::STRING => {
                Some(format!("a precision needs a float or a string, and the value is a `{name}`"))
            }
            _ => None,
        }
    }

    fn call_format(&mut self, name: &str, args: &[Val<'b>], span: Span) -> Val<'b> {
        match self.s.fmt_fn(name) {
            Some(func) => self.call_with(func, args, span),
            None => {
                self.error(Code::E0104, span, format!("the library's `fmt` lacks `{name}`"));
                self.error_val(span)
            }
        }
    }

    fn call_spec(&mut self, writer: Val<'b>, value: Val<'b>, spec: &Spec, span: Span) -> Val<'b> {
        let Some(ty) = self.s.fmt_type("Spec") else {
            self.error(Code::E0104, span, "the library's `fmt` lacks `Spec`");
            return self.error_val(span);
        };
        let loc = self.loc(span);
        if !self.ensure_layout(ty, loc) {
            return self.error_val(span);
        }
        let TypeKind::Struct(id) = *self.kind(ty) else { return self.error_val(span) };
        let fields: Vec<(String, TypeId)> = self
            .s
            .types
            .struct_def(id)
            .fields
            .iter()
            .map(|f| (self.s.text(f.name).to_string(), f.ty))
            .collect();
        let mut parts = Vec::new();
        for (index, (name, field)) in fields.iter().enumerate() {
            let bits = match name.as_str() {
                "fill" => spec.fill as u64,
                "align" => spec.align as u64,
                "zero" => spec.zero as u64,
                "width" => spec.width as u64,
                "precision" => spec.precision as u64,
                "kind" => spec.kind as u64,
                _ => 0,
            };
            let offset = self.s.types.field_offset(ty, index);
            parts.push((offset, self.mk(*field, span, Kind::Int(bits))));
        }
        let parts = self.slice_of(parts);
        let spec = self.val(ty, span, Kind::Aggregate(parts));
        self.call_format("write_value_spec", &[writer, value, spec], span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Spec {
        parse_spec(text).expect(text)
    }

    #[test]
    fn pieces() {
        assert_eq!(parse("a{{b}}c"), Ok(vec![Piece::Text(b"a{b}c".to_vec())]));
        assert_eq!(
            parse("x{}y"),
            Ok(vec![Piece::Text(b"x".to_vec()), Piece::Value(None), Piece::Text(b"y".to_vec())])
        );
        assert_eq!(parse("{:}"), Ok(vec![Piece::Value(None)]));
        for bad in ["{", "}", "{x}", "{:q}", "{:.}", "{:99999999999999}", "{:5.2z}"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn specs() {
        assert_eq!(spec("08.3"), Spec { fill: 32, align: 0, zero: true, width: 8, precision: 3, kind: 0 });
        assert_eq!(spec(">8"), Spec { fill: 32, align: 3, zero: false, width: 8, precision: -1, kind: 0 });
        assert_eq!(
            spec("é^4"),
            Spec { fill: 'é' as u32, align: 2, zero: false, width: 4, precision: -1, kind: 0 }
        );
        assert_eq!(
            spec("<<3x"),
            Spec { fill: '<' as u32, align: 1, zero: false, width: 3, precision: -1, kind: b'x' }
        );
    }
}
