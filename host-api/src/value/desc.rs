//! What a host's type is called in the language, and whether a type of a program is that one.

use super::shape::Shape;
use std::fmt;
use sx_ir::{CField, CStruct, CType};
use sx_sema::Sema;
use sx_sema::types::{TypeId, TypeKind};

/// A host's type, described in terms of the language.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TypeDesc {
    /// `void`.
    Void,
    /// `i8` to `u64`.
    Int {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// `i…`.
        signed: bool,
    },
    /// `usize` or `isize`.
    Size {
        /// `isize`.
        signed: bool,
    },
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `bool`.
    Bool,
    /// `string`.
    String,
    /// `cstring`.
    CString,
    /// `*T`.
    Ptr(Box<TypeDesc>),
    /// `[N]T`.
    Array(Box<TypeDesc>, u64),
    /// `[]T`.
    Slice(Box<TypeDesc>),
    /// `?T`.
    Optional(Box<TypeDesc>),
    /// `Tuple(…)`.
    Tuple(Vec<TypeDesc>),
    /// A struct.
    Struct(StructDesc),
    /// An enum without payloads.
    Enum(EnumDesc),
}

/// An enum that host and program share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnumDesc {
    /// Its name on the host's side.
    pub name: &'static str,
    /// Its integer type.
    pub tag: Box<TypeDesc>,
    /// Names and values, in order.
    pub variants: Vec<(&'static str, i128)>,
}

/// A struct that host and program share by layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructDesc {
    /// Its name on the host's side.
    pub name: &'static str,
    /// Its fields, in order.
    pub fields: Vec<FieldDesc>,
    /// Bytes.
    pub size: usize,
    /// Its alignment.
    pub align: usize,
}

/// A field of a shared struct.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldDesc {
    /// Its name in the language.
    pub name: &'static str,
    /// Bytes from the start.
    pub offset: usize,
    /// Its type.
    pub ty: TypeDesc,
}

impl fmt::Display for TypeDesc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeDesc::Void => f.write_str("void"),
            TypeDesc::Int { bits, signed } => write!(f, "{}{bits}", if *signed { 'i' } else { 'u' }),
            TypeDesc::Size { signed } => f.write_str(if *signed { "isize" } else { "usize" }),
            TypeDesc::F32 => f.write_str("f32"),
            TypeDesc::F64 => f.write_str("f64"),
            TypeDesc::Bool => f.write_str("bool"),
            TypeDesc::String => f.write_str("string"),
            TypeDesc::CString => f.write_str("cstring"),
            TypeDesc::Ptr(to) => write!(f, "*{to}"),
            TypeDesc::Array(elem, len) => write!(f, "[{len}]{elem}"),
            TypeDesc::Slice(elem) => write!(f, "[]{elem}"),
            TypeDesc::Optional(of) => write!(f, "?{of}"),
            TypeDesc::Tuple(parts) => write!(f, "Tuple({})", listed(parts)),
            TypeDesc::Struct(desc) => f.write_str(desc.name),
            TypeDesc::Enum(desc) => f.write_str(desc.name),
        }
    }
}

/// Types with commas between them.
pub(crate) fn listed(parts: &[TypeDesc]) -> String {
    let parts: Vec<String> = parts.iter().map(TypeDesc::to_string).collect();
    parts.join(", ")
}

impl TypeDesc {
    /// Says why a type of a program isn't this one.
    ///
    /// # Errors
    /// In words, both types named.
    pub(crate) fn accepts(&self, sema: &mut Sema, ty: TypeId) -> Result<(), String> {
        let found = sema.type_name(ty);
        match self.differs(sema, ty) {
            None => Ok(()),
            Some(detail) if detail.is_empty() => Err(format!("the program has `{found}`, the host `{self}`")),
            Some(detail) => Err(format!("the program has `{found}`, the host `{self}`: {detail}")),
        }
    }
    /// None if the type is this one, else what differs; empty when the names say it all.
    fn differs(&self, sema: &mut Sema, ty: TypeId) -> Option<String> {
        let kind = sema.types.kind(ty).clone();
        let plain = Some(String::new());
        match (self, kind) {
            (TypeDesc::Void, TypeKind::Void) => None,
            (TypeDesc::Int { bits, signed }, TypeKind::Int { bits: b, signed: s }) => {
                if (*bits, *signed) == (b, s) { None } else { plain }
            }
            (TypeDesc::Int { bits, signed: false }, TypeKind::Usize)
            | (TypeDesc::Int { bits, signed: true }, TypeKind::Isize) => {
                if *bits as usize == usize::BITS as usize { None } else { plain }
            }
            (TypeDesc::Size { signed: false }, TypeKind::Usize) => None,
            (TypeDesc::Size { signed: true }, TypeKind::Isize) => None,
            (TypeDesc::Size { signed }, TypeKind::Int { bits, signed: s }) => {
                if *signed == s && bits as u32 == usize::BITS { None } else { plain }
            }
            (TypeDesc::F32, TypeKind::F32) | (TypeDesc::F64, TypeKind::F64) => None,
            (TypeDesc::Bool, TypeKind::Bool) | (TypeDesc::String, TypeKind::String) => None,
            (TypeDesc::CString, TypeKind::CString) => None,
            (TypeDesc::Ptr(to), TypeKind::Ptr(found)) => to.differs(sema, found),
            (TypeDesc::Slice(elem), TypeKind::Slice(found)) => elem.differs(sema, found),
            (TypeDesc::Array(elem, len), TypeKind::Array(found, n)) => {
                if *len == n {
                    elem.differs(sema, found)
                } else {
                    plain
                }
            }
            (TypeDesc::Optional(of), TypeKind::Optional(found)) => of.differs(sema, found),
            (TypeDesc::Tuple(parts), TypeKind::Tuple(found)) => {
                if parts.len() != found.len() {
                    return plain;
                }
                parts.iter().zip(&found).find_map(|(part, found)| part.differs(sema, found.ty))
            }
            (TypeDesc::Struct(desc), TypeKind::Struct(_)) => desc.differs(sema, ty),
            (TypeDesc::Enum(desc), TypeKind::Enum(_)) => desc.differs(sema, ty),
            _ => plain,
        }
    }
    /// The type as C sees it. Structs are added to `shapes`.
    pub(crate) fn c_type(&self, shape: &Shape, shapes: &mut Vec<CStruct>) -> CType {
        match self {
            TypeDesc::Void => CType::Void,
            TypeDesc::Int { bits, signed } => CType::Int { size: bits / 8, signed: *signed },
            TypeDesc::Size { signed } => CType::Int { size: size_of::<usize>() as u8, signed: *signed },
            TypeDesc::F32 => CType::F32,
            TypeDesc::F64 => CType::F64,
            TypeDesc::Bool => CType::Bool,
            TypeDesc::CString | TypeDesc::Ptr(_) => CType::Ptr,
            TypeDesc::Enum(desc) => desc.tag.c_type(shape, shapes),
            TypeDesc::Optional(of) if of.has_niche() => of.c_type(shape, shapes),
            _ => {
                let mut fields = Vec::new();
                self.scalars(0, &mut fields);
                fields.sort_by_key(|field| field.offset);
                shapes.push(CStruct { size: shape.size, align: shape.align, fields });
                CType::Struct(sx_ir::CStructId(shapes.len() as u32 - 1))
            }
        }
    }
    /// A zero pointer is the null of the optional.
    pub(crate) fn has_niche(&self) -> bool {
        matches!(self, TypeDesc::Ptr(_) | TypeDesc::CString)
    }
    /// Size and alignment.
    fn layout(&self) -> (usize, usize) {
        let word = size_of::<usize>();
        match self {
            TypeDesc::Void => (0, 1),
            TypeDesc::Int { bits, .. } => (*bits as usize / 8, *bits as usize / 8),
            TypeDesc::Bool => (1, 1),
            TypeDesc::F32 => (4, 4),
            TypeDesc::F64 => (8, 8),
            TypeDesc::Size { .. } | TypeDesc::CString | TypeDesc::Ptr(_) => (word, word),
            TypeDesc::String | TypeDesc::Slice(_) => (16, 8),
            TypeDesc::Array(elem, len) => (elem.layout().0 * *len as usize, elem.layout().1),
            TypeDesc::Optional(of) if of.has_niche() => of.layout(),
            TypeDesc::Optional(of) => {
                let (size, align) = of.layout();
                ((size + 1).next_multiple_of(align), align)
            }
            TypeDesc::Tuple(parts) => {
                let (mut size, mut align) = (0usize, 1);
                for part in parts {
                    let (part_size, part_align) = part.layout();
                    size = size.next_multiple_of(part_align) + part_size;
                    align = align.max(part_align);
                }
                (size.next_multiple_of(align), align)
            }
            TypeDesc::Struct(desc) => (desc.size, desc.align),
            TypeDesc::Enum(desc) => desc.tag.layout(),
        }
    }
    /// Every scalar of a value at `base`, as C sees them.
    fn scalars(&self, base: usize, out: &mut Vec<CField>) {
        let mut one = |offset: usize, ty: CType| out.push(CField { offset: offset as u32, ty });
        match self {
            TypeDesc::Void => {}
            TypeDesc::String | TypeDesc::Slice(_) => {
                one(base, CType::Ptr);
                one(base + 8, CType::Int { size: 8, signed: true });
            }
            TypeDesc::Array(elem, len) => {
                let stride = elem.layout().0;
                for i in 0..*len as usize {
                    elem.scalars(base + i * stride, out);
                }
            }
            TypeDesc::Optional(of) if of.has_niche() => of.scalars(base, out),
            TypeDesc::Optional(of) => {
                of.scalars(base, out);
                out.push(CField { offset: (base + of.layout().0) as u32, ty: CType::Bool });
            }
            TypeDesc::Tuple(parts) => {
                let mut at = base;
                for part in parts {
                    let (size, align) = part.layout();
                    at = at.next_multiple_of(align);
                    part.scalars(at, out);
                    at += size;
                }
            }
            TypeDesc::Struct(desc) => {
                for field in &desc.fields {
                    field.ty.scalars(base + field.offset, out);
                }
            }
            scalar => {
                let ty = scalar.c_type(&Shape::VOID, &mut Vec::new());
                one(base, ty);
            }
        }
    }
    /// The structs and enums that a program must know to name this type, each after those that it is made of.
    pub(crate) fn nominals<'d>(&'d self, out: &mut Vec<&'d TypeDesc>) {
        match self {
            TypeDesc::Ptr(of) | TypeDesc::Array(of, _) | TypeDesc::Slice(of) | TypeDesc::Optional(of) => {
                of.nominals(out);
            }
            TypeDesc::Tuple(parts) => parts.iter().for_each(|part| part.nominals(out)),
            TypeDesc::Struct(desc) => {
                desc.fields.iter().for_each(|field| field.ty.nominals(out));
                out.push(self);
            }
            TypeDesc::Enum(_) => out.push(self),
            _ => {}
        }
    }
    /// The declaration of a struct or enum; empty for other types.
    pub(crate) fn declaration(&self) -> String {
        let mut text = String::new();
        match self {
            TypeDesc::Struct(desc) => {
                text.push_str(&format!("{} :: struct {{\n", desc.name));
                desc.fields
                    .iter()
                    .for_each(|field| text.push_str(&format!("    {}: {};\n", field.name, field.ty)));
                text.push_str("}\n");
            }
            TypeDesc::Enum(desc) => {
                text.push_str(&format!("{} :: enum {} {{\n", desc.name, desc.tag));
                desc.variants
                    .iter()
                    .for_each(|(name, value)| text.push_str(&format!("    {name} :: {value};\n")));
                text.push_str("}\n");
            }
            _ => {}
        }
        text
    }
}

impl EnumDesc {
    fn differs(&self, sema: &mut Sema, ty: TypeId) -> Option<String> {
        let TypeKind::Enum(id) = *sema.types.kind(ty) else { return Some(String::new()) };
        if !sema.complete(ty) {
            return Some("its layout isn't known".into());
        }
        let def = sema.types.enum_def(id).clone();
        if def.tagged {
            return Some("its variants carry values".into());
        }
        if let Some(detail) = self.tag.differs(sema, def.tag) {
            let there = sema.type_name(def.tag);
            return Some(format!("its numbers are `{there}` there and `{}` here{detail}", self.tag));
        }
        let symbols = &sema.symbols;
        let signed = matches!(*self.tag, TypeDesc::Int { signed: true, .. });
        for variant in &def.variants {
            let name = symbols.text(variant.name);
            let value = if signed { variant.value as i64 as i128 } else { variant.value as i128 };
            match self.variants.iter().find(|(known, _)| *known == name) {
                None => return Some(format!("the host has no variant `{name}`")),
                Some((_, here)) if *here != value => {
                    return Some(format!("`.{name}` is {value} there and {here} here"));
                }
                Some(_) => {}
            }
        }
        let missing = self
            .variants
            .iter()
            .find(|(name, _)| !def.variants.iter().any(|variant| symbols.text(variant.name) == *name));
        missing.map(|(name, _)| format!("the program has no variant `{name}`"))
    }
}

impl StructDesc {
    fn differs(&self, sema: &mut Sema, ty: TypeId) -> Option<String> {
        let TypeKind::Struct(id) = *sema.types.kind(ty) else { return Some(String::new()) };
        let known = sema.complete(ty);
        let Some(layout) = known.then(|| sema.types.try_struct_layout(ty).ok()).flatten() else {
            return Some("its layout isn't known".into());
        };
        let found: Vec<(String, TypeId)> = sema
            .types
            .struct_def(id)
            .fields
            .iter()
            .map(|f| (sema.symbols.text(f.name).to_owned(), f.ty))
            .collect();
        for (i, field) in self.fields.iter().enumerate() {
            let Some((name, found_ty)) = found.get(i) else {
                return Some(format!("the program has no field `{}`", field.name));
            };
            if name != field.name {
                return Some(format!("field {} is `{name}` there and `{}` here", i + 1, field.name));
            }
            let offset = layout.offsets[i];
            if offset as usize != field.offset {
                return Some(format!("field `{name}` is {offset} bytes in there, {} here", field.offset));
            }
            if let Some(detail) = field.ty.differs(sema, *found_ty) {
                let there = sema.type_name(*found_ty);
                let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
                return Some(format!("field `{name}` is `{there}` there and `{}` here{detail}", field.ty));
            }
        }
        if let Some((name, _)) = found.get(self.fields.len()) {
            return Some(format!("the host has no field `{name}`"));
        }
        let (size, align) = (layout.layout.size as usize, layout.layout.align as usize);
        if (size, align) != (self.size, self.align) {
            return Some(format!(
                "it has {size} bytes aligned to {align} there, {} aligned to {} here",
                self.size, self.align
            ));
        }
        None
    }
}
