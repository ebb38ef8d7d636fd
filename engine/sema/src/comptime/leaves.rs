//! Values in memory, taken apart by their types into scalars and pointers.

use super::keep::{Refusal, Stretch};
use crate::sema::*;
use crate::types::{FnAbi, TypeId, TypeKind};
use sx_ir::FuncId;

/// Values hold values so deep at most.
const MAX_DEPTH: u32 = 256;
/// The longest text.
const MAX_TEXT: u64 = 256 << 20;

/// A scalar or pointer. Null pointers aren't told.
pub(super) enum Leaf<'a> {
    /// Bytes that mean themselves.
    Bytes(&'a [u8]),
    /// The address of so many values of a type.
    Pointer(Stretch),
    /// The address of text, which nothing else shares.
    Text(Vec<u8>),
    /// An address of who knows what; how such a pointer is written.
    Weak { to: u64, ty: &'static str },
    /// A function.
    Func(FuncId),
}

/// Reads the values of a stretch of memory.
pub(super) struct Reader<'r, 'f> {
    pub s: &'r mut Sema,
    pub from: &'r (dyn Comptime + Send),
    pub bytes: &'r [u8],
    /// Is given each leaf with its offset.
    pub f: &'r mut (dyn FnMut(u64, Leaf<'_>) -> Result<(), Refusal> + 'f),
}

impl Reader<'_, '_> {
    fn word(&self, at: u64) -> u64 {
        let at = at as usize;
        self.bytes.get(at..at + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().expect("eight bytes")))
    }
    fn raw(&mut self, at: u64, len: u64) -> Result<(), Refusal> {
        let bytes = self.bytes.get(at as usize..(at + len) as usize).ok_or("it is cut off")?;
        (self.f)(at, Leaf::Bytes(bytes))
    }
    fn size(&mut self, ty: TypeId) -> u64 {
        self.s.types.layout(ty).size as u64
    }
    /// The address of `count` values; nothing is kept of empty ones.
    fn pointer(&mut self, at: u64, ty: TypeId, count: u64) -> Result<(), Refusal> {
        let to = self.word(at);
        if to == 0 || count == 0 {
            return Ok(());
        }
        if ty == TypeId::VOID {
            return (self.f)(at, Leaf::Weak { to, ty: "`*void`" });
        }
        let name = self.s.type_name(ty);
        if self.size(ty).checked_mul(count).is_none_or(|bytes| bytes > isize::MAX as u64) {
            return Err(format!("a slice in it has {count} elements of type `{name}`"));
        }
        (self.f)(at, Leaf::Pointer(Stretch { at: to, ty, count }))
    }
    fn func(&mut self, at: u64) -> Result<(), Refusal> {
        let value = self.word(at);
        if value == 0 {
            return Ok(());
        }
        match self.from.function(value) {
            Some(func) => (self.f)(at, Leaf::Func(func)),
            None => Err("a function in it isn't one of the program".to_string()),
        }
    }
    fn text(&mut self, at: u64, len: u64) -> Result<(), Refusal> {
        if len == 0 || self.word(at) == 0 {
            return Ok(());
        }
        let bytes = usize::try_from(len).ok().filter(|&len| len as u64 <= MAX_TEXT);
        let text =
            bytes.and_then(|len| self.from.read(self.word(at), len)).ok_or("a string in it can't be read")?;
        (self.f)(at, Leaf::Text(text))
    }

    /// A value of a type at an offset.
    pub fn value(&mut self, ty: TypeId, at: u64, depth: u32) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err("its types hold each other too deeply".to_string());
        }
        match self.s.types.kind(ty).clone() {
            TypeKind::Ptr(of) => self.pointer(at, of, 1),
            TypeKind::ManyPtr(_) => match self.word(at) {
                0 => Ok(()),
                to => (self.f)(at, Leaf::Weak { to, ty: "`[*]T`" }),
            },
            TypeKind::String => {
                let len = self.word(at + 8);
                self.raw(at + 8, 8)?;
                self.text(at, len)
            }
            TypeKind::CString => self.cstring(at),
            TypeKind::Slice(of) => {
                let len = self.word(at + 8);
                self.raw(at + 8, 8)?;
                self.pointer(at, of, len)
            }
            TypeKind::SentinelSlice(of) => {
                let len = self.word(at + 8);
                self.raw(at + 8, 8)?;
                self.pointer(at, of, len.saturating_add(1))
            }
            TypeKind::Func { abi: FnAbi::Sx, .. } => self.func(at),
            TypeKind::Func { abi: FnAbi::C, .. } => match self.word(at) {
                0 => Ok(()),
                _ => Err("it holds the address of a C function, which is another one when the program runs"
                    .to_string()),
            },
            TypeKind::Closure { .. } => self.closure(at),
            TypeKind::Protocol(id) => self.protocol(id, at),
            TypeKind::Any => self.any(at, depth),
            TypeKind::Array(of, len) => {
                let size = self.size(of);
                (0..if size == 0 { 0 } else { len })
                    .try_for_each(|i| self.value(of, at + i * size, depth + 1))
            }
            TypeKind::Struct(_) | TypeKind::Tuple(_) => {
                let members = self.s.member_types(ty);
                members.into_iter().enumerate().try_for_each(|(index, member)| {
                    let offset = self.s.types.field_offset(ty, index) as u64;
                    self.value(member, at + offset, depth + 1)
                })
            }
            TypeKind::Optional(of) => {
                if self.s.types.niche(of).is_some() {
                    return self.value(of, at, depth + 1);
                }
                let flag = at + self.s.types.field_offset(ty, 1) as u64;
                self.raw(flag, 1)?;
                if self.bytes[flag as usize] & 1 == 0 { Ok(()) } else { self.value(of, at, depth + 1) }
            }
            TypeKind::Enum(id) => self.variant(ty, id, at, depth),
            TypeKind::Union(_) => self.union(ty, at),
            _ => {
                let size = self.size(ty);
                self.raw(at, size)
            }
        }
    }

    fn cstring(&mut self, at: u64) -> Result<(), Refusal> {
        let start = self.word(at);
        if start == 0 {
            return Ok(());
        }
        let mut text = Vec::new();
        loop {
            let byte =
                self.from.read(start + text.len() as u64, 1).ok_or("a `cstring` in it can't be read")?[0];
            text.push(byte);
            if byte == 0 {
                return (self.f)(at, Leaf::Text(text));
            }
            if text.len() as u64 > MAX_TEXT {
                return Err("a `cstring` in it has no end".to_string());
            }
        }
    }

    /// Code, and an environment of the captured values.
    fn closure(&mut self, at: u64) -> Result<(), Refusal> {
        let (code, env) = (self.word(at), self.word(at + 8));
        self.func(at)?;
        if code == 0 || env == 0 {
            return Ok(());
        }
        let func = self.from.function(code).ok_or("a closure in it has no code")?;
        if self.s.lower.is_value_thunk(func) {
            return self.func(at + 8);
        }
        match self.s.closure_envs.get(&func) {
            Some(&env) => self.pointer(at + 8, env, 1),
            None => Err("what a closure in it has captured isn't known".to_string()),
        }
    }

    /// The address of a value, then a table of functions or the functions themselves.
    fn protocol(&mut self, id: crate::types::ProtocolId, at: u64) -> Result<(), Refusal> {
        let (inline, methods) = {
            let def = self.s.types.protocol(id);
            (def.inline, def.methods.len() as u64)
        };
        if !inline {
            let table = self.word(at + 8);
            if table == 0 {
                return Ok(());
            }
            (self.f)(at + 8, Leaf::Weak { to: table, ty: "table of functions" })?;
            let first = self.from.read(table, 8).and_then(|b| Some(u64::from_le_bytes(b.try_into().ok()?)));
            return self.erased(at, first.unwrap_or(0));
        }
        for i in 0..methods {
            self.func(at + 8 * (i + 1))?;
        }
        let first = if methods == 0 { 0 } else { self.word(at + 8) };
        self.erased(at, first)
    }

    /// What a protocol value stands for: its first function says of which type it is.
    fn erased(&mut self, at: u64, first: u64) -> Result<(), Refusal> {
        let concrete = self.from.function(first).and_then(|func| self.s.erased_types.get(&func).copied());
        match concrete {
            Some(ty) => self.pointer(at, ty, 1),
            None if self.word(at) == 0 => Ok(()),
            None => Err("a protocol value in it doesn't say of which type it is".to_string()),
        }
    }

    fn any(&mut self, at: u64, depth: u32) -> Result<(), Refusal> {
        let ty = self.word(at);
        if ty == 0 {
            return Ok(());
        }
        let held = u32::try_from(ty).ok().filter(|&ty| (ty as usize) < self.s.types.len()).map(TypeId);
        let held = held.ok_or("an `Any` in it holds no type of the program")?;
        self.raw(at, 8)?;
        if self.s.types.scalar(held).is_none() {
            return self.pointer(at + 8, held, 1);
        }
        match self.s.types.kind(held) {
            TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::CString | TypeKind::Func { .. } => {
                self.value(held, at + 8, depth + 1)
            }
            _ => self.raw(at + 8, 8),
        }
    }

    fn variant(&mut self, ty: TypeId, id: crate::types::EnumId, at: u64, depth: u32) -> Result<(), Refusal> {
        let def = self.s.types.enum_def(id).clone();
        let size = self.size(def.tag);
        self.raw(at, size)?;
        if !def.tagged {
            return Ok(());
        }
        let mut raw = [0u8; 8];
        raw[..size as usize].copy_from_slice(&self.bytes[at as usize..(at + size) as usize]);
        let (bits, signed) = self.s.types.int_repr(def.tag).unwrap_or((64, true));
        let tag = crate::check::normalize(u64::from_le_bytes(raw) as i128, bits, signed) as u64;
        match def.variants.iter().find(|v| v.value == tag).and_then(|v| v.payload) {
            Some(payload) => {
                let offset = self.s.types.field_offset(ty, 1) as u64;
                self.value(payload, at + offset, depth + 1)
            }
            None => Ok(()),
        }
    }

    /// Which member a union holds isn't known: where one has a pointer, the bits must be one.
    fn union(&mut self, ty: TypeId, at: u64) -> Result<(), Refusal> {
        let size = self.size(ty);
        let mut pointers = std::collections::BTreeSet::new();
        self.s.pointer_places(ty, 0, 0, &mut pointers);
        let mut next = 0;
        for place in pointers {
            self.raw(at + next, place - next)?;
            next = place + 8;
            let to = self.word(at + place);
            if to != 0 {
                (self.f)(at + place, Leaf::Weak { to, ty: "pointer in a union" })?;
            }
        }
        self.raw(at + next, size.saturating_sub(next))
    }
}

impl Sema {
    /// Where a type's members have addresses.
    fn pointer_places(&mut self, ty: TypeId, at: u64, depth: u32, out: &mut std::collections::BTreeSet<u64>) {
        if depth > MAX_DEPTH {
            return;
        }
        match self.types.kind(ty).clone() {
            TypeKind::Ptr(_)
            | TypeKind::ManyPtr(_)
            | TypeKind::CString
            | TypeKind::String
            | TypeKind::Slice(_)
            | TypeKind::SentinelSlice(_)
            | TypeKind::Func { .. } => _ = out.insert(at),
            TypeKind::Any => _ = out.insert(at + 8),
            TypeKind::Closure { .. } | TypeKind::Protocol(_) => {
                let words = self.types.layout(ty).size as u64 / 8;
                out.extend((0..words).map(|i| at + i * 8));
            }
            TypeKind::Optional(of) => self.pointer_places(of, at, depth + 1, out),
            TypeKind::Array(of, len) => {
                let size = self.types.layout(of).size as u64;
                for i in 0..if size == 0 { 0 } else { len } {
                    self.pointer_places(of, at + i * size, depth + 1, out);
                }
            }
            TypeKind::Struct(id) | TypeKind::Union(id) => {
                let fields: Vec<TypeId> = self.types.struct_def(id).fields.iter().map(|f| f.ty).collect();
                for (index, field) in fields.into_iter().enumerate() {
                    let offset = self.types.field_offset(ty, index) as u64;
                    self.pointer_places(field, at + offset, depth + 1, out);
                }
            }
            TypeKind::Tuple(fields) => {
                for (index, field) in fields.iter().enumerate() {
                    let offset = self.types.field_offset(ty, index) as u64;
                    self.pointer_places(field.ty, at + offset, depth + 1, out);
                }
            }
            TypeKind::Enum(id) => {
                let payloads: Vec<TypeId> =
                    self.types.enum_def(id).variants.iter().filter_map(|v| v.payload).collect();
                for payload in payloads {
                    let offset = self.types.field_offset(ty, 1) as u64;
                    self.pointer_places(payload, at + offset, depth + 1, out);
                }
            }
            _ => {}
        }
    }
}
