//! Types made by running code: declared under a name, given parts, defined.

use super::api::{Api, Part};
use super::build::BuildPlan;
use crate::sema::*;
use crate::types::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sx_ir::{FuncId, GlobalId};
use sx_syntax::span::{FileId, Loc, Span};

/// A type made at compile time has at most so many parts.
const MAX_PARTS: usize = 1 << 16;
/// Types without a name nest so deeply.
const MAX_DEPTH: u32 = 500;
/// So many types may be made.
const MAX_TYPES: usize = 1 << 20;

/// What running code is making.
#[derive(Debug)]
pub(crate) struct Making {
    /// Functions of the compiler.
    pub(super) funcs: FxHashMap<FuncId, Api>,
    /// Functions with a body that exist only while compiling.
    pub only_comptime: Vec<FuncId>,
    /// Parts of types that aren't defined yet.
    parts: FxHashMap<TypeId, Vec<Part>>,
    /// Types of which was said that they aren't defined.
    pub told: FxHashSet<TypeId>,
    /// What a build script has asked for.
    pub plan: BuildPlan,
    /// Where results are put.
    pub results: FxHashSet<GlobalId>,
    /// How many expressions were run.
    pub runs: u64,
    /// The expression that runs.
    pub at: Loc,
}

impl Making {
    /// True when the program calls functions of the compiler.
    pub fn is_used(&self) -> bool {
        !self.funcs.is_empty() || !self.only_comptime.is_empty()
    }
}

impl Default for Making {
    fn default() -> Making {
        let at = Loc::new(FileId(0), Span::at(0));
        Making {
            funcs: FxHashMap::default(),
            only_comptime: Vec::new(),
            parts: FxHashMap::default(),
            told: FxHashSet::default(),
            plan: BuildPlan::default(),
            results: FxHashSet::default(),
            runs: 0,
            at,
        }
    }
}

impl Sema {
    pub(super) fn declare_type(&mut self, name: &str) -> Result<TypeId, String> {
        if name.is_empty() {
            return Err("a type needs a name".to_string());
        }
        if self.types.declared.len() >= MAX_TYPES {
            return Err("too many types are declared".to_string());
        }
        Ok(self.types.declare(name))
    }

    pub(super) fn define_part(
        &mut self,
        ty: TypeId,
        name: &str,
        part: TypeId,
        value: i64,
    ) -> Result<(), String> {
        self.undefined(ty)?;
        let parts = self.making.parts.entry(ty).or_default();
        if parts.len() >= MAX_PARTS {
            return Err(format!("`{}` has too many parts", self.type_name(ty)));
        }
        parts.push(Part { name: name.to_string(), ty: part, value });
        Ok(())
    }

    /// An error unless the type can still be defined.
    fn undefined(&self, ty: TypeId) -> Result<(), String> {
        match self.types.kind(ty) {
            TypeKind::Declared(_) => Ok(()),
            _ => Err(format!("`{}` is defined already", self.type_name(ty))),
        }
    }

    /// Says what a declared type is. Kinds that have no name of their own give the type that is like that.
    pub(super) fn define_type(
        &mut self,
        ty: TypeId,
        kind: &str,
        flags: i64,
        number: i64,
        target: TypeId,
    ) -> Result<TypeId, String> {
        self.undefined(ty)?;
        let parts = self.making.parts.remove(&ty).unwrap_or_default();
        match kind {
            "struct" => self.define_struct(ty, parts, flags != 0, number, false),
            "union" => self.define_struct(ty, parts, false, number, true),
            "enum" => self.define_enum(ty, parts, flags != 0, target),
            "error_set" => self.define_errors(ty, parts),
            _ => {
                let made = self.structural(kind, &parts, flags, number, target)?;
                if self.is_named(ty) {
                    let (name, made) = (self.type_name(ty), self.type_name(made));
                    return Err(format!(
                        "`{name}` stands for `{made}`, which has no name of its own to refer to"
                    ));
                }
                Ok(made)
            }
        }
    }

    /// True when another type mentions this one.
    fn is_named(&self, ty: TypeId) -> bool {
        (0..self.types.len() as u32).any(|id| match self.types.kind(TypeId(id)) {
            TypeKind::Ptr(of)
            | TypeKind::ManyPtr(of)
            | TypeKind::Slice(of)
            | TypeKind::SentinelSlice(of)
            | TypeKind::Optional(of)
            | TypeKind::Array(of, _)
            | TypeKind::Vector(of, _) => *of == ty,
            TypeKind::Tuple(fields) => fields.iter().any(|f| f.ty == ty),
            TypeKind::Func { params, ret, .. } | TypeKind::Closure { params, ret } => {
                *ret == ty || params.contains(&ty)
            }
            _ => false,
        })
    }

    pub(super) fn structural(
        &mut self,
        kind: &str,
        parts: &[Part],
        flags: i64,
        number: i64,
        target: TypeId,
    ) -> Result<TypeId, String> {
        let types: Box<[TypeId]> = parts.iter().map(|part| part.ty).collect();
        if types.iter().chain([&target]).any(|&ty| self.types.depth(ty) >= MAX_DEPTH) {
            return Err("types nest too deeply".to_string());
        }
        Ok(match kind {
            "tuple" => {
                let mut fields = Vec::with_capacity(parts.len());
                for part in parts {
                    self.check_part(part)?;
                    let name = (!part.name.is_empty()).then(|| self.sym(&part.name));
                    fields.push(TupleField { name, ty: part.ty });
                }
                self.types.intern(TypeKind::Tuple(fields.into()))
            }
            "int" => match u8::try_from(number) {
                Ok(bits @ 1..=64) => self.types.intern(TypeKind::Int { bits, signed: flags != 0 }),
                _ => return Err(format!("an integer can't have {number} bits")),
            },
            "float" => match number {
                32 => TypeId::F32,
                64 => TypeId::F64,
                _ => return Err(format!("a float can't have {number} bits")),
            },
            "pointer" => self.types.ptr(target),
            "many_pointer" => self.types.intern(TypeKind::ManyPtr(target)),
            "slice" => self.types.slice(target),
            "optional" => self.types.optional(target),
            "array" => match u64::try_from(number) {
                Ok(len) if len <= i32::MAX as u64 => self.types.array(target, len),
                _ => return Err(format!("an array can't have {number} elements")),
            },
            "vector" => match self.types.vector_of(target, number as i128) {
                Some(ty) => ty,
                None => {
                    let lane = self.type_name(target);
                    return Err(format!("there is no vector of {number} lanes of type `{lane}`"));
                }
            },
            "function" => self.types.intern(TypeKind::Func { params: types, ret: target, abi: FnAbi::Sx }),
            "closure" => self.types.intern(TypeKind::Closure { params: types, ret: target }),
            // Everything else exists once.
            _ => target,
        })
    }

    /// A part's type must be one that a variable can have.
    fn check_part(&self, part: &Part) -> Result<(), String> {
        match self.types.kind(part.ty) {
            TypeKind::Void | TypeKind::Noreturn | TypeKind::Failable { .. } | TypeKind::Error => {
                Err(format!("`{}` can't be of type `{}`", part.name, self.type_name(part.ty)))
            }
            _ => Ok(()),
        }
    }

    fn check_names(&self, ty: TypeId, parts: &[Part]) -> Result<(), String> {
        let mut seen = FxHashSet::default();
        for part in parts {
            if part.name.is_empty() {
                return Err(format!("a part of `{}` has no name", self.type_name(ty)));
            }
            if !seen.insert(part.name.as_str()) {
                return Err(format!("`{}` has `{}` twice", self.type_name(ty), part.name));
            }
        }
        Ok(())
    }

    fn define_struct(
        &mut self,
        ty: TypeId,
        parts: Vec<Part>,
        packed: bool,
        align: i64,
        is_union: bool,
    ) -> Result<TypeId, String> {
        self.check_names(ty, &parts)?;
        let align = match u32::try_from(align) {
            Ok(0) => 1,
            Ok(align) if align <= 4096 && align.is_power_of_two() => align,
            _ => return Err(format!("an alignment must be a power of two up to 4096, not {align}")),
        };
        let loc = self.making.at;
        let mut fields = Vec::with_capacity(parts.len());
        for part in &parts {
            self.check_part(part)?;
            fields.push(Field { name: self.sym(&part.name), ty: part.ty, using: false, loc });
        }
        let info = self.made_info(fields.len());
        let name = self.type_name(ty);
        self.types.structs.push(StructDef { name, fields, packed, align, is_union, complete: true, loc });
        let id = StructId(self.types.structs.len() as u32 - 1);
        self.struct_info.push(info);
        self.types.define(ty, if is_union { TypeKind::Union(id) } else { TypeKind::Struct(id) });
        self.holds_itself(ty)
    }

    fn define_enum(
        &mut self,
        ty: TypeId,
        parts: Vec<Part>,
        flags: bool,
        tag: TypeId,
    ) -> Result<TypeId, String> {
        self.check_names(ty, &parts)?;
        if parts.is_empty() {
            return Err(format!("enum `{}` has no variants", self.type_name(ty)));
        }
        let tag = if tag == TypeId::VOID { TypeId::I64 } else { tag };
        let Some((bits, signed)) = self.types.int_repr(tag).filter(|_| self.types.is_int(tag)) else {
            return Err(format!("an enum's tag must be an integer type, not `{}`", self.type_name(tag)));
        };
        let (min, max) = crate::check::int_range(bits, signed);
        let loc = self.making.at;
        let mut variants: Vec<VariantDef> = Vec::with_capacity(parts.len());
        let mut values = FxHashSet::default();
        for part in &parts {
            let value = if signed { part.value as i128 } else { part.value as u64 as i128 };
            if value < min || value > max {
                return Err(format!("{value} doesn't fit the tag type `{}`", self.type_name(tag)));
            }
            if !values.insert(part.value) && !flags {
                return Err(format!("two variants of `{}` have the value {value}", self.type_name(ty)));
            }
            let payload = (part.ty != TypeId::VOID).then_some(part.ty);
            if payload.is_some() {
                self.check_part(part)?;
            }
            variants.push(VariantDef { name: self.sym(&part.name), value: value as u64, payload, loc });
        }
        let tagged = variants.iter().any(|v| v.payload.is_some());
        if flags && tagged {
            return Err("flags carry no values".to_string());
        }
        let info = self.made_info(0);
        let name = self.type_name(ty);
        self.types.enums.push(EnumDef { name, tag, flags, variants, tagged, complete: true, loc });
        let id = EnumId(self.types.enums.len() as u32 - 1);
        self.enum_info.push(info);
        self.types.define(ty, TypeKind::Enum(id));
        self.holds_itself(ty)
    }

    fn define_errors(&mut self, ty: TypeId, parts: Vec<Part>) -> Result<TypeId, String> {
        self.check_names(ty, &parts)?;
        let mut tags = Vec::with_capacity(parts.len());
        for part in &parts {
            let name = self.sym(&part.name);
            tags.push(self.types.error_tag(name));
        }
        tags.sort_unstable();
        let name = self.type_name(ty);
        self.types.error_sets.push(ErrorSetDef { name, tags, inferred: false });
        let id = ErrorSetId(self.types.error_sets.len() as u32 - 1);
        self.types.define(ty, TypeKind::ErrorSet(id));
        Ok(ty)
    }

    /// What the checker knows of a type that no source declares.
    fn made_info(&mut self, fields: usize) -> NominalInfo {
        let file = self.making.at.file;
        NominalInfo {
            file,
            scope: self.file(file).scope,
            members: FxHashMap::default(),
            source: NominalSource::Made,
            busy: false,
            defaults: vec![None; fields],
            generic: None,
            asked: crate::check::Asked::default(),
        }
    }

    /// A type that was just defined must be one that can be laid out, as far as what it holds is known by now.
    fn holds_itself(&mut self, ty: TypeId) -> Result<TypeId, String> {
        self.complete_deep(ty);
        match self.types.try_layout(ty) {
            Err(LayoutError::Recursive(_)) => {
                Err(format!("`{}` contains itself; let it hold a pointer", self.type_name(ty)))
            }
            Err(LayoutError::TooLarge(_)) => Err(format!("`{}` is too large", self.type_name(ty))),
            _ => Ok(ty),
        }
    }
}
