//! Data that values point at: laid out anew, by the types of what lies in it.

use super::super::keep::Refusal;
use super::Crossing;
use crate::check::normalize;
use crate::types::{FnAbi, ProtocolId, TypeId, TypeKind};
use sx_ir::{Data, DataId, Reloc, RelocTarget};

/// The alignment of data that was kept: enough for every type.
const ALIGN: u32 = 16;
/// Where the length of a string or slice stands, whatever the size of an address.
const LEN_AT: u64 = 8;

/// What of one piece of data goes where in another.
struct Copy<'a> {
    source: &'a Data,
    out: Data,
}

impl Copy<'_> {
    fn target(&self, at: u64) -> Option<(RelocTarget, i64)> {
        let relocs = &self.source.relocs;
        relocs.iter().find(|r| r.offset as u64 == at).map(|r| (r.target, r.addend))
    }
    fn bytes(&self, at: u64, len: u64) -> &[u8] {
        self.source.bytes.get(at as usize..(at + len) as usize).unwrap_or(&[])
    }
    fn word(&self, at: u64, len: u64) -> u64 {
        let mut raw = [0u8; 8];
        let bytes = self.bytes(at, len.min(8));
        raw[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(raw)
    }
    fn put(&mut self, at: u64, bytes: &[u8]) {
        if let Some(place) = self.out.bytes.get_mut(at as usize..at as usize + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
    fn point(&mut self, at: u64, target: RelocTarget, addend: i64) {
        self.out.relocs.push(Reloc { offset: at as u32, target, addend });
    }
}

impl Crossing<'_> {
    fn sizes(&mut self, ty: TypeId) -> Result<(u64, u64), Refusal> {
        let there = self.ty(ty)?;
        self.origin_mut().complete_deep(ty);
        self.to().complete_deep(there);
        let (name, wrong) =
            (self.from().type_name(ty), |name| format!("`{name}` has no layout in one of the worlds"));
        let here = self.origin_mut().types.try_layout(ty).map_err(|_| wrong(&name))?.size;
        let there = self.to().types.try_layout(there).map_err(|_| wrong(&name))?.size;
        Ok((here as u64, there as u64))
    }

    /// The offsets of a member on both sides.
    fn members(&mut self, ty: TypeId, index: usize) -> Result<(u64, u64), Refusal> {
        self.sizes(ty)?;
        let there = self.ty(ty)?;
        let here = self.origin_mut().types.field_offset(ty, index) as u64;
        Ok((here, self.to().types.field_offset(there, index) as u64))
    }

    /// An address in data.
    pub(super) fn data_address(&mut self, data: DataId, at: u64) -> Result<(DataId, u64), Refusal> {
        let there = self.data(data)?;
        let Some((ty, count)) = self.contents(data) else { return Ok((there, at)) };
        let bytes = self.from().module.datas[data.index()].bytes.clone();
        Ok((there, self.offset(ty, count, at, &bytes)?))
    }

    /// What lies in data: kept values, or a constant; none for text.
    fn contents(&self, data: DataId) -> Option<(TypeId, u64)> {
        if let Some(&kept) = self.traces().kept.get(&data) {
            return Some(kept);
        }
        self.from().const_data.iter().find(|&(_, &id)| id == data).map(|((ty, _), _)| (*ty, 1))
    }

    fn data(&mut self, data: DataId) -> Result<DataId, Refusal> {
        if let Some(&known) = self.crossed().datas.get(&data) {
            return Ok(known);
        }
        self.deeper(|c| c.find_data(data))
    }

    fn find_data(&mut self, data: DataId) -> Result<DataId, Refusal> {
        let source = self.from().module.datas[data.index()].clone();
        if let Some(&(ty, count)) = self.traces().kept.get(&data) {
            let of = self.ty(ty)?;
            let size = self.sizes(ty)?.1.checked_mul(count).filter(|&size| size <= i32::MAX as u64);
            let size = size.ok_or("it is too large for the other world")?;
            // Known before it is filled: what it holds may point back.
            let data_there = Data { bytes: vec![0; size as usize], align: ALIGN, relocs: Vec::new() };
            let there = self.to().module.add_data(data_there);
            self.remember_data(data, there);
            self.traces_there().keeps(there, of, count);
            self.unfilled.push(data);
            return Ok(there);
        }
        let constant = self.from().const_data.iter().find(|&(_, &id)| id == data).map(|(key, _)| key.clone());
        let there = match constant {
            Some((ty, value)) => {
                let value = self.value(ty, &value)?;
                let ty = self.ty(ty)?;
                self.sizes_there(ty)?;
                self.to().frozen(ty, &value)
            }
            // Text, with a zero behind it.
            None if source.relocs.is_empty() => {
                let text = source.bytes.strip_suffix(&[0]).unwrap_or(&source.bytes);
                self.to().module.string(text)
            }
            None => return Err("it points at data whose type isn't known".to_string()),
        };
        self.remember_data(data, there);
        Ok(there)
    }

    /// Fills what got its number since.
    pub(super) fn fill_all(&mut self) -> Result<(), Refusal> {
        while let Some(data) = self.unfilled.pop() {
            self.fill(data)?;
        }
        Ok(())
    }

    fn fill(&mut self, data: DataId) -> Result<(), Refusal> {
        let source = self.from().module.datas[data.index()].clone();
        let there = self.data(data)?;
        let out = self.to().module.datas[there.index()].clone();
        let Some((ty, count)) = self.contents(data) else { return Ok(()) };
        let mut copy = Copy { source: &source, out };
        let (from, to) = self.sizes(ty)?;
        for n in 0..if from == 0 { 0 } else { count } {
            self.copy(&mut copy, ty, n * from, n * to)?;
        }
        copy.out.relocs.sort_unstable_by_key(|reloc| reloc.offset);
        self.to().module.datas[there.index()] = copy.out;
        Ok(())
    }

    fn sizes_there(&mut self, ty: TypeId) -> Result<(), Refusal> {
        let there = self.to();
        there.complete_deep(ty);
        there.types.try_layout(ty).map(|_| ()).map_err(|_| format!("`{}` has no layout", there.type_name(ty)))
    }

    fn remember_data(&mut self, data: DataId, there: DataId) {
        self.crossed().datas.insert(data, there);
        self.crossed_back().datas.insert(there, data);
    }

    /// Where in `count` values of a type a place is, on the other side. Tags that must be looked at are in `bytes`.
    pub(super) fn offset(&mut self, ty: TypeId, count: u64, at: u64, bytes: &[u8]) -> Result<u64, Refusal> {
        let (from, to) = self.sizes(ty)?;
        if at == 0 {
            return Ok(0);
        }
        if from > 0 && at.is_multiple_of(from) && at / from <= count {
            return Ok(at / from * to);
        }
        let (index, rest) = (at.checked_div(from).unwrap_or(0), at.checked_rem(from).unwrap_or(at));
        let inside = bytes.get((index * from) as usize..).unwrap_or(&[]);
        Ok(index * to + self.deeper(|c| c.offset_inside(ty, rest, inside))?)
    }

    fn offset_inside(&mut self, ty: TypeId, at: u64, bytes: &[u8]) -> Result<u64, Refusal> {
        let members = match self.from().types.kind(ty).clone() {
            TypeKind::Array(of, len) => return self.offset(of, len, at, bytes),
            TypeKind::Vector(of, lanes) => return self.offset(of, lanes as u64, at, bytes),
            TypeKind::String | TypeKind::Slice(_) | TypeKind::SentinelSlice(_) if at == LEN_AT => {
                return Ok(LEN_AT);
            }
            TypeKind::Struct(_) | TypeKind::Tuple(_) => self.origin_mut().member_types(ty),
            TypeKind::Optional(of) if self.origin_mut().types.niche(of).is_none() => vec![of, TypeId::BOOL],
            TypeKind::Optional(of) => return self.offset(of, 1, at, bytes),
            TypeKind::Enum(id) => {
                let tag_ty = self.from().types.enum_def(id).tag;
                let (size, _) = self.sizes(tag_ty)?;
                let mut raw = [0u8; 8];
                let tag = bytes.get(..size as usize).unwrap_or(&[]);
                raw[..tag.len()].copy_from_slice(tag);
                match self.variant_payload(ty, u64::from_le_bytes(raw)) {
                    Some(payload) => vec![tag_ty, payload],
                    None => vec![tag_ty],
                }
            }
            _ => Vec::new(),
        };
        for (index, member) in members.into_iter().enumerate() {
            let (from, to) = self.members(ty, index)?;
            let (size, _) = self.sizes(member)?;
            if at >= from && at < from + size {
                let inside = bytes.get(from as usize..).unwrap_or(&[]);
                return Ok(to + self.offset(member, 1, at - from, inside)?);
            }
        }
        let name = self.from().type_name(ty);
        Err(format!("it points into the middle of a `{name}`, which is laid out in another way there"))
    }

    /// The type behind a tag, given as its raw bits.
    fn variant_payload(&mut self, ty: TypeId, raw: u64) -> Option<TypeId> {
        let TypeKind::Enum(id) = *self.from().types.kind(ty) else { return None };
        let def = self.from().types.enum_def(id);
        let (bits, signed) = self.from().types.int_repr(def.tag).unwrap_or((64, true));
        let tag = normalize(raw as i128, bits, signed) as u64;
        def.variants.iter().find(|v| v.value == tag).and_then(|v| v.payload)
    }

    /// A value of a type from one place to another.
    fn copy(&mut self, copy: &mut Copy<'_>, ty: TypeId, from: u64, to: u64) -> Result<(), Refusal> {
        self.deeper(|c| c.copy_value(copy, ty, from, to))
    }

    fn copy_value(&mut self, copy: &mut Copy<'_>, ty: TypeId, from: u64, to: u64) -> Result<(), Refusal> {
        match self.from().types.kind(ty).clone() {
            TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::CString => {
                self.copy_address(copy, ty, from, to)
            }
            TypeKind::Func { abi: FnAbi::Sx, .. } | TypeKind::Func { abi: FnAbi::C, .. } => {
                self.copy_address(copy, ty, from, to)
            }
            TypeKind::String | TypeKind::Slice(_) | TypeKind::SentinelSlice(_) => {
                self.copy_address(copy, ty, from, to)?;
                let len = copy.bytes(from + LEN_AT, 8).to_vec();
                copy.put(to + LEN_AT, &len);
                Ok(())
            }
            TypeKind::Closure { .. } => {
                self.copy_address(copy, ty, from, to)?;
                let (here, there) = (self.word(false), self.word(true));
                self.copy_address(copy, TypeId::VOID_PTR, from + here, to + there)
            }
            TypeKind::Protocol(id) => self.copy_protocol(copy, id, from, to),
            TypeKind::Any => self.copy_any(copy, from, to),
            TypeKind::Array(of, _) | TypeKind::Vector(of, _) => {
                let count = match *self.from().types.kind(ty) {
                    TypeKind::Array(_, len) => len,
                    TypeKind::Vector(_, lanes) => lanes as u64,
                    _ => 0,
                };
                let (here, there) = self.sizes(of)?;
                (0..if here == 0 { 0 } else { count })
                    .try_for_each(|n| self.copy(copy, of, from + n * here, to + n * there))
            }
            TypeKind::Struct(_) | TypeKind::Tuple(_) => {
                let members = self.origin_mut().member_types(ty);
                members.into_iter().enumerate().try_for_each(|(index, member)| {
                    let (here, there) = self.members(ty, index)?;
                    self.copy(copy, member, from + here, to + there)
                })
            }
            TypeKind::Optional(of) if self.origin_mut().types.niche(of).is_some() => {
                self.copy(copy, of, from, to)
            }
            TypeKind::Optional(of) => {
                let (here, there) = self.members(ty, 1)?;
                let flag = copy.word(from + here, 1) & 1;
                copy.put(to + there, &[flag as u8]);
                if flag == 0 { Ok(()) } else { self.copy(copy, of, from, to) }
            }
            TypeKind::Enum(id) if self.from().types.enum_def(id).tagged => {
                let tag = self.from().types.enum_def(id).tag;
                self.copy(copy, tag, from, to)?;
                let (size, _) = self.sizes(tag)?;
                let Some(payload) = self.variant_payload(ty, copy.word(from, size)) else { return Ok(()) };
                let (here, there) = self.members(ty, 1)?;
                self.copy(copy, payload, from + here, to + there)
            }
            TypeKind::Union(_) => self.copy_union(copy, ty, from, to),
            _ => self.copy_scalar(copy, ty, from, to),
        }
    }

    fn word(&mut self, there: bool) -> u64 {
        let types = if there { &self.to().types } else { &self.from().types };
        types.target.ptr_size as u64
    }

    fn copy_address(&mut self, copy: &mut Copy<'_>, ty: TypeId, from: u64, to: u64) -> Result<(), Refusal> {
        let Some((target, addend)) = copy.target(from) else {
            let word = self.word(false);
            return match copy.word(from, word) {
                0 => Ok(()),
                _ => Err("it holds an address that leads nowhere".to_string()),
            };
        };
        let at = u64::try_from(addend).map_err(|_| "it points before what it points at")?;
        let (target, at) = match target {
            RelocTarget::Func(func) => (RelocTarget::Func(self.func(func, ty)?), 0),
            RelocTarget::CFunc(func) => (RelocTarget::CFunc(self.func(func, ty)?), 0),
            RelocTarget::Extern(ext) => (RelocTarget::Extern(self.external(ext)?), 0),
            RelocTarget::Data(data) => {
                let (data, at) = self.data_address(data, at)?;
                (RelocTarget::Data(data), at)
            }
            RelocTarget::Global(global) => {
                let (global, of) = self.global(global)?;
                (RelocTarget::Global(global), self.offset(of, 1, at, &[])?)
            }
        };
        copy.point(to, target, at as i64);
        Ok(())
    }

    fn copy_scalar(&mut self, copy: &mut Copy<'_>, ty: TypeId, from: u64, to: u64) -> Result<(), Refusal> {
        let (here, there) = self.sizes(ty)?;
        let Some((bits, signed)) = self.from().types.int_repr(ty) else {
            let bytes = copy.bytes(from, here).to_vec();
            copy.put(to, &bytes);
            return Ok(());
        };
        let raw = copy.word(from, here);
        let value = match ty {
            TypeId::TYPE => self.ty(TypeId(raw as u32))?.0 as i128,
            _ => self.int(ty, normalize(raw as i128, bits, signed))?,
        };
        copy.put(to, &(value as u64).to_le_bytes()[..there.min(8) as usize]);
        Ok(())
    }

    /// Which member a union holds isn't known, so that all must look the same on both sides.
    fn copy_union(&mut self, copy: &mut Copy<'_>, ty: TypeId, from: u64, to: u64) -> Result<(), Refusal> {
        let name = self.from().type_name(ty);
        let refused =
            || format!("which member the union `{name}` holds isn't known, and not all are laid out alike");
        let (here, there) = self.sizes(ty)?;
        if here != there
            || copy.source.relocs.iter().any(|r| (from..from + here).contains(&(r.offset as u64)))
        {
            return Err(refused());
        }
        for member in self.origin_mut().member_types(ty) {
            if !self.is_alike(member)? {
                return Err(refused());
            }
        }
        let bytes = copy.bytes(from, here).to_vec();
        copy.put(to, &bytes);
        Ok(())
    }

    /// True when the bytes of a type mean the same on both sides.
    fn is_alike(&mut self, ty: TypeId) -> Result<bool, Refusal> {
        let (here, there) = self.sizes(ty)?;
        let members = match self.from().types.kind(ty).clone() {
            TypeKind::Int { .. } | TypeKind::Bool | TypeKind::F32 | TypeKind::F64 | TypeKind::Void => {
                return Ok(true);
            }
            TypeKind::Array(of, _) | TypeKind::Vector(of, _) => vec![of],
            TypeKind::Struct(_) | TypeKind::Tuple(_) => {
                let members = self.origin_mut().member_types(ty);
                for index in 0..members.len() {
                    let (here, there) = self.members(ty, index)?;
                    if here != there {
                        return Ok(false);
                    }
                }
                members
            }
            TypeKind::Enum(id) if !self.from().types.enum_def(id).tagged => {
                vec![self.from().types.enum_def(id).tag]
            }
            _ => return Ok(false),
        };
        for member in members {
            if !self.deeper(|c| c.is_alike(member))? {
                return Ok(false);
            }
        }
        Ok(here == there)
    }

    /// The address of a value, then a table of functions or the functions themselves.
    fn copy_protocol(
        &mut self,
        copy: &mut Copy<'_>,
        id: ProtocolId,
        from: u64,
        to: u64,
    ) -> Result<(), Refusal> {
        self.copy_address(copy, TypeId::VOID_PTR, from, to)?;
        let (here, there) = (self.word(false), self.word(true));
        let Some((target, _)) = copy.target(from + here) else { return Ok(()) };
        let first = match target {
            RelocTarget::Func(func) => Some(func),
            RelocTarget::Data(table) => {
                self.from().module.datas[table.index()].relocs.iter().find_map(|r| match r.target {
                    RelocTarget::Func(func) if r.offset == 0 => Some(func),
                    _ => None,
                })
            }
            _ => None,
        };
        let funcs = self.vtable(id, first.ok_or("a protocol value in it has no functions")?)?;
        if let RelocTarget::Data(_) = target {
            let table = crate::value::CVal::Agg(funcs.iter().map(|&f| crate::value::CVal::Func(f)).collect());
            let sema = self.to();
            let array = sema.types.array(TypeId::VOID_PTR, funcs.len() as u64);
            let data = sema.frozen(array, &table);
            copy.point(to + there, RelocTarget::Data(data), 0);
            return Ok(());
        }
        for (n, func) in funcs.into_iter().enumerate() {
            copy.point(to + there * (n as u64 + 1), RelocTarget::Func(func), 0);
        }
        Ok(())
    }

    /// A type, then a value of it that fits a word, or its address.
    fn copy_any(&mut self, copy: &mut Copy<'_>, from: u64, to: u64) -> Result<(), Refusal> {
        let raw = copy.word(from, 8);
        if raw == 0 {
            return Ok(());
        }
        let held = TypeId(raw as u32);
        let there = self.ty(held)?;
        copy.put(to, &(there.0 as u64).to_le_bytes());
        let (a, b) = self.members(TypeId::ANY, 1)?;
        if self.from().types.scalar(held).is_none() || copy.target(from + a).is_some() {
            return self.copy_address(copy, held, from + a, to + b);
        }
        // The bits fill the word, whatever their type.
        let (bits, value) = (self.from().types.int_repr(held), copy.word(from + a, LEN_AT));
        let value = match bits {
            Some(_) if held == TypeId::TYPE => self.ty(TypeId(value as u32))?.0 as u64,
            Some((bits, signed)) => self.int(held, normalize(value as i128, bits, signed))? as u64,
            None => value,
        };
        copy.put(to + b, &value.to_le_bytes());
        Ok(())
    }
}
