//! Types as users read them.

use super::{FnAbi, TypeId, TypeKind, Types};
use crate::symbols::Symbols;
use std::fmt::Write;

impl Types {
    /// A type's spelling in the source language.
    pub fn display(&self, ty: TypeId, symbols: &Symbols) -> String {
        let mut out = String::new();
        self.write(ty, symbols, &mut out);
        out
    }

    fn write(&self, ty: TypeId, symbols: &Symbols, out: &mut String) {
        match self.kind(ty) {
            TypeKind::Error => out.push_str("{error}"),
            TypeKind::Int { bits, signed } => {
                let _ = write!(out, "{}{bits}", if *signed { 'i' } else { 'u' });
            }
            TypeKind::Usize => out.push_str("usize"),
            TypeKind::Isize => out.push_str("isize"),
            TypeKind::F32 => out.push_str("f32"),
            TypeKind::F64 => out.push_str("f64"),
            TypeKind::Bool => out.push_str("bool"),
            TypeKind::Void => out.push_str("void"),
            TypeKind::Noreturn => out.push_str("noreturn"),
            TypeKind::String => out.push_str("string"),
            TypeKind::CString => out.push_str("cstring"),
            TypeKind::Type => out.push_str("Type"),
            TypeKind::Any => out.push_str("Any"),
            TypeKind::UntypedInt => out.push_str("integer literal"),
            TypeKind::UntypedFloat => out.push_str("float literal"),
            TypeKind::UntypedNull => out.push_str("null"),
            TypeKind::Ptr(to) => self.write_after("*", *to, symbols, out),
            TypeKind::ManyPtr(to) => self.write_after("[*]", *to, symbols, out),
            TypeKind::Array(elem, len) => self.write_after(&format!("[{len}]"), *elem, symbols, out),
            TypeKind::Vector(elem, lanes) => {
                let _ = write!(out, "Vector({lanes}, ");
                self.write(*elem, symbols, out);
                out.push(')');
            }
            TypeKind::Slice(elem) => self.write_after("[]", *elem, symbols, out),
            TypeKind::SentinelSlice(elem) => self.write_after("[:0]", *elem, symbols, out),
            TypeKind::Optional(of) => self.write_after("?", *of, symbols, out),
            TypeKind::Tuple(fields) => {
                out.push_str("Tuple(");
                for (i, field) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    if let Some(name) = field.name {
                        let _ = write!(out, "{}: ", symbols.text(name));
                    }
                    self.write(field.ty, symbols, out);
                }
                out.push(')');
            }
            TypeKind::Func { params, ret, abi } => {
                self.write_sig("", params, *ret, symbols, out);
                if *abi == FnAbi::C {
                    out.push_str(" abi(.c)");
                }
            }
            TypeKind::Closure { params, ret } => self.write_sig("Closure", params, *ret, symbols, out),
            TypeKind::Failable { value, set } => {
                if *value != TypeId::VOID {
                    self.write(*value, symbols, out);
                    out.push(' ');
                }
                out.push('!');
                out.push_str(&self.error_set(*set).name);
            }
            TypeKind::Struct(id) | TypeKind::Union(id) => out.push_str(&self.struct_def(*id).name),
            TypeKind::Enum(id) => out.push_str(&self.enum_def(*id).name),
            TypeKind::ErrorSet(id) => {
                let set = self.error_set(*id);
                out.push_str(if set.name.is_empty() { "error" } else { &set.name });
            }
            TypeKind::Protocol(id) => out.push_str(&self.protocol(*id).name),
            TypeKind::Declared(id) => out.push_str(&self.declared[id.0 as usize]),
        }
    }

    fn write_after(&self, prefix: &str, ty: TypeId, symbols: &Symbols, out: &mut String) {
        out.push_str(prefix);
        self.write(ty, symbols, out);
    }

    fn write_sig(&self, head: &str, params: &[TypeId], ret: TypeId, symbols: &Symbols, out: &mut String) {
        out.push_str(head);
        out.push('(');
        for (i, &param) in params.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            self.write(param, symbols, out);
        }
        out.push(')');
        if ret != TypeId::VOID {
            out.push_str(" -> ");
            self.write(ret, symbols, out);
        }
    }
}
