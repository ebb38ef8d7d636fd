//! The layout of every type, built from `sx_ir::layout`.

use super::{Arc, Layout, TypeId, TypeKind, Types};
use sx_ir::layout::TooLarge;
use sx_ir::{Lane, Ty, VecTy};

/// A struct's, union's, tuple's or tagged union's layout with its fields' offsets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructLayout {
    /// The whole.
    pub layout: Arc<Layout>,
    /// Of each field; of a tagged union: the tag's (0), then the payload's.
    pub offsets: Vec<u32>,
}

/// Why a type has no layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LayoutError {
    /// More bytes than a type may have.
    TooLarge(TypeId),
    /// It contains itself.
    Recursive(TypeId),
    /// Its fields aren't known yet.
    Incomplete(TypeId),
    /// Types hold each other too deeply.
    TooDeep(TypeId),
    /// It was declared at compile time and isn't defined.
    Undefined(TypeId),
}

/// So deep may types hold each other by value.
const MAX_NESTING: usize = 256;

impl Types {
    /// The layout of a type that has been checked to have one.
    ///
    /// # Panics
    /// When [`Types::try_layout`] would give an error: the checker asks that first, for every type in a body.
    pub fn layout(&mut self, ty: TypeId) -> Arc<Layout> {
        match self.try_layout(ty) {
            Ok(layout) => layout,
            Err(error) => panic!("layout of a type that was not checked: {error:?} ({:?})", self.kind(ty)),
        }
    }

    /// The layout of a type.
    ///
    /// # Errors
    /// When it contains itself by value, is incomplete or too large.
    pub fn try_layout(&mut self, ty: TypeId) -> Result<Arc<Layout>, LayoutError> {
        if let Some(layout) = &self.layouts[ty.0 as usize] {
            return Ok(layout.clone());
        }
        if self.in_layout.contains(&ty) {
            return Err(LayoutError::Recursive(ty));
        }
        if self.in_layout.len() >= MAX_NESTING {
            return Err(LayoutError::TooDeep(ty));
        }
        self.in_layout.push(ty);
        let made = self.compute_layout(ty);
        self.in_layout.pop();
        let layout = made?;
        self.layouts[ty.0 as usize] = Some(layout.clone());
        Ok(layout)
    }

    /// Forgets a layout that was made of fields that weren't all there.
    pub(crate) fn forget_layout(&mut self, ty: TypeId) {
        self.layouts[ty.0 as usize] = None;
        self.struct_layouts.remove(&ty);
    }

    /// The layout and field offsets of a struct, union, tuple or tagged union.
    ///
    /// # Errors
    /// As [`Types::try_layout`].
    pub fn try_struct_layout(&mut self, ty: TypeId) -> Result<Arc<StructLayout>, LayoutError> {
        self.try_layout(ty)?;
        Ok(self.struct_layouts.get(&ty).cloned().expect("only types with fields are asked for offsets"))
    }

    /// The offset of a field, or of a tagged union's payload (field 1), of a type that was checked.
    pub fn field_offset(&mut self, ty: TypeId, field: usize) -> u32 {
        let layout = self.try_struct_layout(ty).expect("a checked type has a layout");
        layout.offsets[field]
    }

    /// Where the word stands that is zero in the null value of `?T`, when `T` has such a word.
    pub fn niche(&mut self, of: TypeId) -> Option<u32> {
        match *self.kind(of) {
            TypeKind::Ptr(_)
            | TypeKind::ManyPtr(_)
            | TypeKind::CString
            | TypeKind::Func { .. }
            | TypeKind::Closure { .. }
            | TypeKind::ErrorSet(_) => Some(0),
            TypeKind::Protocol(id) => {
                let protocol = self.protocol(id);
                let ctx_only = protocol.inline && protocol.methods.is_empty();
                Some(if ctx_only { 0 } else { self.target.ptr_size })
            }
            _ => None,
        }
    }

    /// What an `Any` holds behind the type: an address, or the bits of a scalar, which may be wider.
    pub(crate) fn any_word(&self) -> TypeId {
        if self.target.ptr_size < 8 { TypeId::U64 } else { TypeId::VOID_PTR }
    }

    /// The register type of scalars.
    pub fn scalar(&self, ty: TypeId) -> Option<Ty> {
        if let Some((bits, _)) = self.int_repr(ty) {
            return Some(match bits {
                0..=8 => Ty::I8,
                9..=16 => Ty::I16,
                17..=32 => Ty::I32,
                _ => Ty::I64,
            });
        }
        match self.kind(ty) {
            TypeKind::F32 => Some(Ty::F32),
            TypeKind::F64 => Some(Ty::F64),
            TypeKind::Ptr(_) | TypeKind::ManyPtr(_) | TypeKind::CString | TypeKind::Func { .. } => {
                Some(Ty::Ptr)
            }
            _ => None,
        }
    }

    fn scalars(&self, tys: &[Ty]) -> Layout {
        let parts: Vec<Layout> = tys.iter().map(|&ty| Layout::scalar(ty, self.target)).collect();
        Layout::structure(&parts, false, 1).expect("a few scalars aren't too large").0
    }

    fn structure(
        &mut self,
        ty: TypeId,
        fields: &[TypeId],
        packed: bool,
        align: u32,
    ) -> Result<Arc<Layout>, LayoutError> {
        let mut layouts = Vec::with_capacity(fields.len());
        for &field in fields {
            layouts.push(self.try_layout(field)?);
        }
        let made = Layout::structure(layouts.iter().map(|l| &**l), packed, align);
        let (layout, offsets) = made.map_err(|TooLarge| LayoutError::TooLarge(ty))?;
        let layout = Arc::new(layout);
        self.struct_layouts.insert(ty, Arc::new(StructLayout { layout: layout.clone(), offsets }));
        Ok(layout)
    }

    fn compute_layout(&mut self, ty: TypeId) -> Result<Arc<Layout>, LayoutError> {
        if let Some(scalar) = self.scalar(ty) {
            if let TypeKind::Enum(id) = *self.kind(ty)
                && !self.enum_def(id).complete
            {
                return Err(LayoutError::Incomplete(ty));
            }
            return Ok(Arc::new(Layout::scalar(scalar, self.target)));
        }
        let layout = match self.kind(ty).clone() {
            TypeKind::Void
            | TypeKind::Noreturn
            | TypeKind::Error
            | TypeKind::UntypedInt
            | TypeKind::UntypedFloat
            | TypeKind::UntypedNull => Layout::void(),
            TypeKind::String | TypeKind::Slice(_) | TypeKind::SentinelSlice(_) => {
                self.scalars(&[Ty::Ptr, Ty::I64])
            }
            TypeKind::Any => return self.structure(ty, &[TypeId::TYPE, self.any_word()], false, 1),
            TypeKind::Closure { .. } => self.scalars(&[Ty::Ptr, Ty::Ptr]),
            TypeKind::Array(elem, len) => {
                let elem = self.try_layout(elem)?;
                Layout::array(&elem, len).map_err(|TooLarge| LayoutError::TooLarge(ty))?
            }
            TypeKind::Vector(elem, lanes) => {
                let lane = self.scalar(elem).and_then(Lane::of).expect("lanes are numbers");
                Layout::vector(VecTy { lane, lanes })
            }
            TypeKind::Optional(of) => {
                let inner = self.try_layout(of)?;
                if self.niche(of).is_some() {
                    return Ok(inner);
                }
                return self.structure(ty, &[of, TypeId::BOOL], false, 1);
            }
            TypeKind::Failable { value, .. } => return self.structure(ty, &[value, TypeId::U32], false, 1),
            TypeKind::Tuple(fields) => {
                let fields: Vec<TypeId> = fields.iter().map(|f| f.ty).collect();
                return self.structure(ty, &fields, false, 1);
            }
            TypeKind::Struct(id) | TypeKind::Union(id) => return self.struct_layout(ty, id),
            TypeKind::Enum(id) => return self.tagged_layout(ty, id),
            TypeKind::Protocol(id) => {
                let protocol = self.protocol(id);
                if !protocol.complete {
                    return Err(LayoutError::Incomplete(ty));
                }
                let words = if protocol.inline { 1 + protocol.methods.len() } else { 2 };
                self.scalars(&vec![Ty::Ptr; words])
            }
            TypeKind::Declared(_) => return Err(LayoutError::Undefined(ty)),
            kind => unreachable!("scalars were laid out above: {kind:?}"),
        };
        Ok(Arc::new(layout))
    }

    fn struct_layout(&mut self, ty: TypeId, id: super::StructId) -> Result<Arc<Layout>, LayoutError> {
        let def = self.struct_def(id);
        if !def.complete {
            return Err(LayoutError::Incomplete(ty));
        }
        let (packed, align) = (def.packed, def.align);
        let fields: Vec<TypeId> = def.fields.iter().map(|f| f.ty).collect();
        if !def.is_union {
            return self.structure(ty, &fields, packed, align);
        }
        let mut layouts = Vec::with_capacity(fields.len());
        for &field in &fields {
            layouts.push(self.try_layout(field)?);
        }
        let layout = Arc::new(Layout::union(layouts.iter().map(|l| &**l), packed, align));
        let offsets = vec![0; fields.len()];
        self.struct_layouts.insert(ty, Arc::new(StructLayout { layout: layout.clone(), offsets }));
        Ok(layout)
    }

    fn tagged_layout(&mut self, ty: TypeId, id: super::EnumId) -> Result<Arc<Layout>, LayoutError> {
        let def = self.enum_def(id);
        if !def.complete {
            return Err(LayoutError::Incomplete(ty));
        }
        let tag = def.tag;
        let payloads: Vec<TypeId> = def.variants.iter().filter_map(|v| v.payload).collect();
        let tag = self.try_layout(tag)?;
        let mut layouts = Vec::with_capacity(payloads.len());
        for payload in payloads {
            layouts.push(self.try_layout(payload)?);
        }
        let payload = Layout::union(layouts.iter().map(|l| &**l), false, 1);
        let made = Layout::structure([&*tag, &payload], false, 1);
        let (layout, offsets) = made.map_err(|TooLarge| LayoutError::TooLarge(ty))?;
        let layout = Arc::new(layout);
        self.struct_layouts.insert(ty, Arc::new(StructLayout { layout: layout.clone(), offsets }));
        Ok(layout)
    }
}
