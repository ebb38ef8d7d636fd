//! Values that a compile-time run left in memory, read by their types.

use crate::check::normalize;
use crate::sema::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use std::sync::Arc;

/// The longest string or slice that a compile-time run may hand back.
const MAX_FROZEN: usize = 64 << 20;

impl Sema {
    /// Reads a value of a type out of memory.
    pub(super) fn thaw(
        &mut self,
        from: &(dyn Comptime + Send),
        ty: TypeId,
        bytes: &[u8],
        depth: u32,
    ) -> Option<CVal> {
        if depth > 64 {
            return None;
        }
        let word =
            |at: usize| bytes.get(at..at + 8).map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes")));
        if let Some((bits, signed)) = self.types.int_repr(ty) {
            let mut raw = [0u8; 8];
            raw[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
            let n = u64::from_le_bytes(raw);
            return Some(match ty {
                TypeId::BOOL => CVal::Bool(n & 1 != 0),
                TypeId::TYPE => CVal::Type(TypeId(n as u32)),
                _ => CVal::Int(normalize(n as i128, bits, signed)),
            });
        }
        match self.types.kind(ty).clone() {
            TypeKind::F64 => Some(CVal::Float(word(0)?)),
            TypeKind::F32 => {
                let raw = bytes.get(..4)?.try_into().ok()?;
                Some(CVal::float(f32::from_le_bytes(raw) as f64))
            }
            TypeKind::Void => Some(CVal::Zero),
            TypeKind::String => {
                let len = usize::try_from(word(8)?).ok().filter(|&n| n <= MAX_FROZEN)?;
                if len == 0 {
                    return Some(CVal::Str(Arc::from(&[][..])));
                }
                Some(CVal::Str(from.read(word(0)?, len)?.into()))
            }
            TypeKind::Slice(elem) => {
                let len = usize::try_from(word(8)?).ok()?;
                let size = self.types.layout(elem).size as usize;
                let total = len.checked_mul(size.max(1)).filter(|&n| n <= MAX_FROZEN)?;
                if len == 0 {
                    return Some(CVal::Zero);
                }
                let raw = from.read(word(0)?, total)?;
                let values: Option<Vec<CVal>> = (0..len)
                    .map(|i| self.thaw(from, elem, &raw[i * size..(i + 1) * size], depth + 1))
                    .collect();
                Some(CVal::Slice(values?.into()))
            }
            TypeKind::Array(..) | TypeKind::Vector(..) => {
                let (elem, n) = match *self.types.kind(ty) {
                    TypeKind::Array(elem, n) => (elem, n),
                    TypeKind::Vector(elem, n) => (elem, n as u64),
                    _ => return None,
                };
                let size = self.types.layout(elem).size as usize;
                let values: Option<Vec<CVal>> = (0..n as usize)
                    .map(|i| self.thaw(from, elem, bytes.get(i * size..(i + 1) * size)?, depth + 1))
                    .collect();
                Some(CVal::Agg(values?.into()))
            }
            TypeKind::Struct(_) | TypeKind::Tuple(_) => {
                let members = self.member_types(ty);
                let mut values = Vec::with_capacity(members.len());
                for (index, member) in members.into_iter().enumerate() {
                    let at = self.types.field_offset(ty, index) as usize;
                    let size = self.types.layout(member).size as usize;
                    values.push(self.thaw(from, member, bytes.get(at..at + size)?, depth + 1)?);
                }
                Some(CVal::Agg(values.into()))
            }
            TypeKind::Optional(of) => {
                if self.types.niche(of).is_some() {
                    return bytes.iter().all(|&b| b == 0).then_some(CVal::Zero);
                }
                let flag = self.types.field_offset(ty, 1) as usize;
                if bytes.get(flag)? & 1 == 0 {
                    return Some(CVal::Zero);
                }
                let size = self.types.layout(of).size as usize;
                Some(CVal::Some(Arc::new(self.thaw(from, of, bytes.get(..size)?, depth + 1)?)))
            }
            TypeKind::Enum(id) => {
                let def = self.types.enum_def(id).clone();
                let (bits, signed) = self.types.int_repr(def.tag)?;
                let size = self.types.layout(def.tag).size as usize;
                let mut raw = [0u8; 8];
                raw[..size].copy_from_slice(bytes.get(..size)?);
                let tag = normalize(u64::from_le_bytes(raw) as i128, bits, signed) as u64;
                let variant = def.variants.iter().find(|v| v.value == tag)?;
                let payload = match variant.payload {
                    Some(payload) => {
                        let at = self.types.field_offset(ty, 1) as usize;
                        let size = self.types.layout(payload).size as usize;
                        Some(Arc::new(self.thaw(from, payload, bytes.get(at..at + size)?, depth + 1)?))
                    }
                    None => None,
                };
                Some(CVal::Variant(tag, payload))
            }
            TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::CString if word(0)? == 0 => Some(CVal::Zero),
            _ => None,
        }
    }
}
