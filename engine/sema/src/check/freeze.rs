//! Compile-time values as bytes of the program.

use crate::sema::Sema;
use crate::types::{TypeId, TypeKind};
use crate::value::CVal;
use sx_ir::{Data, DataId, Reloc, RelocTarget};

impl Sema {
    /// Read-only data that holds a value; equal values of a type share it.
    pub(crate) fn frozen(&mut self, ty: TypeId, value: &CVal) -> DataId {
        if let CVal::Frozen(data, 0) = *value {
            self.data_values.insert(data, value.clone());
            return data;
        }
        let key = (ty, value.clone());
        if let Some(&data) = self.const_data.get(&key) {
            return data;
        }
        let data = self.freeze_data(ty, value);
        let id = self.module.add_data(data);
        self.data_values.insert(id, value.clone());
        self.const_data.insert(key, id);
        id
    }

    /// A value's bytes and relocations.
    pub(crate) fn freeze_data(&mut self, ty: TypeId, value: &CVal) -> Data {
        let layout = self.types.layout(ty);
        // A large global that is all zero isn't written out.
        let size = if matches!(value, CVal::Zero | CVal::Undef) { 0 } else { layout.size as usize };
        let mut data = Data { bytes: vec![0; size], align: layout.align, relocs: Vec::new() };
        if size > 0 {
            self.write_value(ty, value, 0, &mut data);
        }
        data
    }

    fn write_value(&mut self, ty: TypeId, value: &CVal, at: u32, out: &mut Data) {
        if ty == TypeId::ERROR {
            // A part of a type that was refused has no room, whatever its value was meant to be.
            return;
        }
        let word = self.types.target.ptr_size;
        match value {
            CVal::Zero | CVal::Undef | CVal::Pack(_) => {}
            CVal::Int(n) => self.write_int(ty, *n as u64, at, out),
            CVal::Bool(b) => self.write_int(ty, *b as u64, at, out),
            CVal::Type(t) => self.write_int(ty, t.0 as u64, at, out),
            CVal::Float(bits) => {
                let x = f64::from_bits(*bits);
                if ty == TypeId::F32 {
                    put(out, at, &(x as f32).to_le_bytes());
                } else {
                    put(out, at, &x.to_le_bytes());
                }
            }
            CVal::Str(bytes) => {
                let data = self.module.string(bytes);
                reloc(out, at, RelocTarget::Data(data), 0);
                if !matches!(self.types.kind(ty), TypeKind::CString) {
                    put(out, at + 8, &(bytes.len() as u64).to_le_bytes());
                }
            }
            CVal::Func(func) => reloc(out, at, RelocTarget::Func(*func), 0),
            CVal::Closure(func) => reloc(out, at, RelocTarget::Func(*func), 0),
            CVal::CFunc(func) => reloc(out, at, RelocTarget::CFunc(*func), 0),
            CVal::Extern(ext) => reloc(out, at, RelocTarget::Extern(*ext), 0),
            CVal::GlobalAddr(global, off) => reloc(out, at, RelocTarget::Global(*global), *off as i64),
            CVal::DataAddr(data, off) => reloc(out, at, RelocTarget::Data(*data), *off as i64),
            CVal::Agg(values) => self.write_members(ty, values, at, out),
            CVal::Slice(values) => {
                let elem = self.types.elem(ty).expect("slices have elements");
                let array = self.types.array(elem, values.len() as u64);
                let loc = sx_syntax::span::Loc::new(sx_syntax::span::FileId(0), sx_syntax::span::Span::at(0));
                self.ensure_layout(array, loc);
                let data = self.frozen(array, &CVal::Agg(values.clone()));
                reloc(out, at, RelocTarget::Data(data), 0);
                put(out, at + 8, &(values.len() as u64).to_le_bytes());
            }
            CVal::Some(inner) => {
                let TypeKind::Optional(of) = *self.types.kind(ty) else { return };
                self.write_value(of, inner, at, out);
                if self.types.niche(of).is_none() {
                    let flag = self.types.field_offset(ty, 1);
                    put(out, at + flag, &[1]);
                }
            }
            CVal::Variant(tag, payload) => self.write_variant(ty, *tag, payload.as_deref(), at, out),
            CVal::Frozen(data, offset) => {
                let size = self.types.layout(ty).size;
                let source = &self.module.datas[data.index()];
                let (from, to) = (*offset as usize, (*offset + size) as usize);
                put(out, at, &source.bytes[from..to]);
                let inside =
                    source.relocs.iter().filter(|r| r.offset >= *offset && r.offset < *offset + size);
                out.relocs.extend(inside.map(|r| Reloc { offset: r.offset - offset + at, ..*r }));
            }
            CVal::Protocol(ctx, funcs) => {
                self.write_value(TypeId::VOID_PTR, ctx, at, out);
                for (n, func) in funcs.iter().enumerate() {
                    reloc(out, at + word * (n as u32 + 1), RelocTarget::Func(*func), 0);
                }
            }
        }
    }

    fn write_int(&self, ty: TypeId, n: u64, at: u32, out: &mut Data) {
        let size = match self.types.scalar(ty) {
            Some(scalar) => scalar.size(self.types.target.ptr_size) as usize,
            None => 8,
        };
        put(out, at, &n.to_le_bytes()[..size]);
    }

    fn write_members(&mut self, ty: TypeId, values: &[CVal], at: u32, out: &mut Data) {
        match self.types.kind(ty).clone() {
            TypeKind::Array(elem, _) | TypeKind::Vector(elem, _) => {
                let size = self.types.layout(elem).size;
                for (n, value) in values.iter().enumerate() {
                    self.write_value(elem, value, at + size * n as u32, out);
                }
            }
            TypeKind::Protocol(_) => {
                let word = self.types.target.ptr_size;
                for (n, value) in values.iter().enumerate() {
                    self.write_value(TypeId::VOID_PTR, value, at + word * n as u32, out);
                }
            }
            _ => {
                let members = self.member_types(ty);
                for (index, (value, member)) in values.iter().zip(members).enumerate() {
                    let offset = self.types.field_offset(ty, index);
                    self.write_value(member, value, at + offset, out);
                }
            }
        }
    }

    fn write_variant(&mut self, ty: TypeId, tag: u64, payload: Option<&CVal>, at: u32, out: &mut Data) {
        match self.types.kind(ty).clone() {
            TypeKind::Enum(id) => {
                let def = self.types.enum_def(id);
                let tag_ty = def.tag;
                let of = def.variants.iter().find(|v| v.value == tag).and_then(|v| v.payload);
                let tagged = def.tagged;
                self.write_int(tag_ty, tag, at, out);
                if let (true, Some(value), Some(of)) = (tagged, payload, of) {
                    let offset = self.types.field_offset(ty, 1);
                    self.write_value(of, value, at + offset, out);
                }
            }
            TypeKind::Union(id) => {
                let member = self.types.struct_def(id).fields.get(tag as usize).map(|f| f.ty);
                if let (Some(value), Some(member)) = (payload, member) {
                    self.write_value(member, value, at, out);
                }
            }
            _ => {}
        }
    }
}

fn put(out: &mut Data, at: u32, bytes: &[u8]) {
    let at = at as usize;
    out.bytes[at..at + bytes.len()].copy_from_slice(bytes);
}

fn reloc(out: &mut Data, at: u32, target: RelocTarget, addend: i64) {
    out.relocs.push(Reloc { offset: at, target, addend });
}
