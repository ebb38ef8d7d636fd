//! Reading constants out of data that was kept.

use crate::check::normalize;
use crate::sema::*;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_ir::{DataId, RelocTarget};

impl Sema {
    /// The value of a type that lies in data: as a number, text or address where it is one.
    pub(crate) fn frozen_value(&mut self, data: DataId, offset: u32, ty: TypeId) -> Option<CVal> {
        let size = self.types.layout(ty).size as usize;
        if let TypeKind::Optional(of) = *self.types.kind(ty)
            && self.types.niche(of) == Some(0)
        {
            return self.frozen_value(data, offset, of);
        }
        let source = &self.module.datas[data.index()];
        let at = offset as usize;
        let bytes = source.bytes.get(at..at.checked_add(size)?)?;
        let target =
            |at: u32| source.relocs.iter().find(|r| r.offset == at).map(|r| (r.target, r.addend as u32));
        let mut raw = [0u8; 8];
        let few = bytes.len().min(8);
        raw[..few].copy_from_slice(&bytes[..few]);
        let word = u64::from_le_bytes(raw);
        if let Some((bits, signed)) = self.types.int_repr(ty) {
            return Some(match ty {
                TypeId::BOOL => CVal::Bool(word & 1 != 0),
                TypeId::TYPE => CVal::Type(TypeId(word as u32)),
                _ => CVal::Int(normalize(word as i128, bits, signed)),
            });
        }
        match self.types.kind(ty) {
            TypeKind::F64 => Some(CVal::Float(word)),
            TypeKind::F32 => Some(CVal::float(f32::from_bits(word as u32) as f64)),
            TypeKind::Ptr(_) | TypeKind::ManyPtr(_) => Some(match target(offset) {
                None => CVal::Zero,
                Some((RelocTarget::Data(data), addend)) => CVal::DataAddr(data, addend),
                Some((RelocTarget::Global(global), addend)) => CVal::GlobalAddr(global, addend),
                Some(_) => return None,
            }),
            TypeKind::Func { .. } => match target(offset) {
                None => Some(CVal::Zero),
                Some((RelocTarget::Func(func), _)) => Some(CVal::Func(func)),
                Some(_) => None,
            },
            TypeKind::String => {
                let len = usize::try_from(u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?)).ok()?;
                match target(offset) {
                    None => Some(CVal::Str([][..].into())),
                    Some((RelocTarget::Data(text), addend)) => {
                        let from = addend as usize;
                        let text = self.module.datas[text.index()].bytes.get(from..from.checked_add(len)?)?;
                        Some(CVal::Str(text.into()))
                    }
                    Some(_) => None,
                }
            }
            _ => Some(CVal::Frozen(data, offset)),
        }
    }
}
