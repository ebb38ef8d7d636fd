//! Format strings, read and checked while compiling.
//!
//! `write_format(w, "…", args…)` becomes calls of the library's `write_literal`, `write_value` and
//! `write_value_spec`, one for each piece.

use super::format_spec::{Fault, Part, Piece, Spec, parse, position};
use super::{Cx, Val};
use crate::thir::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use std::ops::Range;
use sx_syntax::ast::{Arg, Expr as Ast};
use sx_syntax::diag::{Code, Diagnostic};
use sx_syntax::span::{Loc, Span};

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
            if arg.spread {
                let Some(vals) = self.spread_vals(arg.value) else { return self.error_val(span) };
                values.extend(vals);
            } else {
                let e = self.check_settled(arg.value);
                values.push(self.of(e));
            }
        }
        let pieces = match parse(&text) {
            Ok(pieces) => pieces,
            Err(fault) => {
                self.format_error(fault, &text, format_span);
                return self.error_val(span);
            }
        };
        if let Some(fault) = wrong_number(&pieces, values.len()) {
            self.format_error(fault, &text, format_span);
            return self.error_val(span);
        }
        if writer.ty == TypeId::ERROR {
            return self.error_val(span);
        }
        let mut stmts = Vec::new();
        let kept = self.keep(writer, &mut stmts);
        let mut values = values.into_iter();
        for Part { piece, at } in pieces {
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
                                self.format_error(Fault { message, at, help: None }, &text, format_span);
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
    fn format_error(&mut self, fault: Fault, text: &str, span: Span) {
        let mut loc = self.loc(span);
        let mut inst = self.inside().inst;
        while let Some(id) = inst {
            let info = self.s.inst(id);
            let library = self.s.sources.get(self.s.fn_decl(info.decl).file).path.starts_with("modules/");
            let Some((from, at)) = info.from.filter(|_| library) else { break };
            loc = at;
            inst = from.inst;
        }
        let place = self.inside_literal(loc, text, fault.at);
        let mut d = Diagnostic::error(Code::E0309, place.unwrap_or(loc), fault.message);
        if place.is_none() {
            let short: String = text.chars().take(60).collect();
            d = d.note(format!("in the format string {short:?}"));
        }
        if let Some(help) = fault.help {
            d = d.help(help);
        }
        self.s.report(d);
    }

    /// The place of a part of a format string, if that stands literally in a call.
    fn inside_literal(&self, call: Loc, text: &str, part: Range<usize>) -> Option<Loc> {
        let file = &self.s.file(call.file).file;
        let literals = file.ast.exprs.iter().zip(&file.ast.expr_spans).filter(|(expr, at)| {
            at.lo >= call.span.lo
                && at.hi <= call.span.hi
                && matches!(**expr, Ast::Str(id) if file.ast.string(id) == text.as_bytes())
        });
        let span = *literals.map(|(_, at)| at).min_by_key(|at| at.lo)?;
        let source = file.text.get(span.lo as usize..span.hi as usize)?;
        let (lo, hi) = (position(source, text, part.start)?, position(source, text, part.end)?);
        Some(Loc::new(call.file, Span::new(span.lo + lo as u32, span.lo + hi as u32)))
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
                | TypeKind::Vector(..)
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

/// What to say when there are more or fewer values than placeholders.
fn wrong_number(parts: &[Part], values: usize) -> Option<Fault> {
    let places: Vec<&Part> = parts.iter().filter(|p| matches!(p.piece, Piece::Value(_))).collect();
    let given = match values {
        0 => "no value is given".to_string(),
        1 => "1 value is given".to_string(),
        n => format!("{n} values are given"),
    };
    if let Some(first) = places.get(values) {
        let message = format!("this is placeholder {} of {}, and {given}", values + 1, places.len());
        let help = "pass a value for each `{}`; the character itself is written `{{`".to_string();
        return Some(Fault { message, at: first.at.clone(), help: Some(help) });
    }
    if places.len() == values {
        return None;
    }
    let message = match places.len() {
        0 => format!("the format string has no placeholder, and {given}"),
        n => format!("the format string has {}, and {given}", super::call::count(n, "placeholder")),
    };
    let end = parts.last().map_or(0, |part| part.at.end);
    Some(Fault { message, at: 0..end, help: Some("write `{}` where the value should appear".to_string()) })
}
