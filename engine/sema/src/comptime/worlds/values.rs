//! Values: scalars as they are, the rest by its parts.

use super::super::keep::Refusal;
use super::Crossing;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use std::sync::Arc;

impl Crossing<'_> {
    /// A value of a type; `ERROR` stands for a type that isn't known, of an argument for example.
    pub(super) fn value(&mut self, ty: TypeId, value: &CVal) -> Result<CVal, Refusal> {
        let there = self.deeper(|c| c.cross_value(ty, value))?;
        // Not where it is met: lists may be as long as they like.
        self.fill_all()?;
        Ok(there)
    }

    fn cross_value(&mut self, ty: TypeId, value: &CVal) -> Result<CVal, Refusal> {
        Ok(match value {
            CVal::Int(n) => CVal::Int(self.int(ty, *n)?),
            CVal::Float(_) | CVal::Bool(_) | CVal::Str(_) | CVal::Zero | CVal::Undef => value.clone(),
            CVal::Type(of) => CVal::Type(self.ty(*of)?),
            CVal::Pack(types) => CVal::Pack(types.iter().map(|&ty| self.ty(ty)).collect::<Result<_, _>>()?),
            CVal::Func(func) => CVal::Func(self.func(*func, ty)?),
            CVal::CFunc(func) => CVal::CFunc(self.func(*func, ty)?),
            CVal::Closure(func) => CVal::Closure(self.func(*func, ty)?),
            CVal::Extern(ext) => CVal::Extern(self.external(*ext)?),
            CVal::Agg(values) => {
                let types = self.member_types(ty, values.len());
                CVal::Agg(self.values(&types, values)?)
            }
            CVal::Slice(values) => {
                let elem = self.from().types.elem(ty).unwrap_or(TypeId::ERROR);
                CVal::Slice(self.values(&vec![elem; values.len()], values)?)
            }
            CVal::Some(inner) => {
                let of = match *self.from().types.kind(ty) {
                    TypeKind::Optional(of) => of,
                    _ => TypeId::ERROR,
                };
                CVal::Some(Arc::new(self.value(of, inner)?))
            }
            CVal::Variant(tag, payload) => {
                let of = self.payload_type(ty, *tag);
                let payload = payload.as_ref().map(|value| self.value(of, value)).transpose()?;
                CVal::Variant(*tag, payload.map(Arc::new))
            }
            CVal::GlobalAddr(global, at) => {
                let (there, of) = self.global(*global)?;
                CVal::GlobalAddr(there, self.offset(of, 1, *at as u64, &[])? as u32)
            }
            CVal::DataAddr(data, at) => {
                let (there, at) = self.data_address(*data, *at as u64)?;
                CVal::DataAddr(there, at as u32)
            }
            CVal::Frozen(data, at) => {
                let (there, at) = self.data_address(*data, *at as u64)?;
                CVal::Frozen(there, at as u32)
            }
            CVal::Protocol(place, funcs) => {
                let TypeKind::Protocol(id) = *self.from().types.kind(ty) else {
                    return Err("a protocol value in it has no type".to_string());
                };
                let place = self.value(TypeId::VOID_PTR, place)?;
                let there = match funcs.first() {
                    Some(&first) => self.vtable(id, first)?,
                    None => Vec::new(),
                };
                CVal::Protocol(Arc::new(place), there.into())
            }
        })
    }

    fn values(&mut self, types: &[TypeId], values: &[CVal]) -> Result<Arc<[CVal]>, Refusal> {
        values.iter().zip(types).map(|(value, &ty)| self.value(ty, value)).collect()
    }

    fn member_types(&mut self, ty: TypeId, count: usize) -> Vec<TypeId> {
        let mut types = match *self.from().types.kind(ty) {
            TypeKind::Array(elem, _) | TypeKind::Vector(elem, _) => vec![elem; count],
            _ => self.origin_mut().member_types(ty),
        };
        types.resize(count, TypeId::ERROR);
        types
    }

    /// The type of what a variant, or a member of a union, holds.
    fn payload_type(&self, ty: TypeId, tag: u64) -> TypeId {
        let types = &self.from().types;
        let found = match *types.kind(ty) {
            TypeKind::Enum(id) => {
                types.enum_def(id).variants.iter().find(|v| v.value == tag).and_then(|v| v.payload)
            }
            TypeKind::Union(id) => types.struct_def(id).fields.get(tag as usize).map(|f| f.ty),
            _ => None,
        };
        found.unwrap_or(TypeId::ERROR)
    }

    /// A number must fit where it goes; errors have numbers of their own on each side.
    pub(super) fn int(&mut self, ty: TypeId, n: i128) -> Result<i128, Refusal> {
        let mut ty = ty;
        if let TypeKind::Optional(of) = *self.from().types.kind(ty) {
            ty = of;
        }
        if let TypeKind::ErrorSet(_) = self.from().types.kind(ty) {
            return Ok(self.error_tag(n as u32) as i128);
        }
        let there = self.ty(ty)?;
        let repr = self.to().types.int_repr(there);
        let fits = repr.is_none_or(|(bits, signed)| {
            let (min, max) = crate::check::int_range(bits, signed);
            (min..=max).contains(&n)
        });
        let world = if self.to_target() { "the target" } else { "this machine" };
        let name = self.from().type_name(ty);
        if fits { Ok(n) } else { Err(format!("{n} doesn't fit the `{name}` of {world}")) }
    }

    pub(super) fn error_tag(&mut self, tag: u32) -> u32 {
        let Some(&name) = self.from().types.error_names.get(tag as usize).filter(|_| tag != 0) else {
            return 0;
        };
        let name = self.sym(name);
        self.to().types.error_tag(name)
    }
}
