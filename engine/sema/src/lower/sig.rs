//! How functions of each convention take and give their values.

use crate::thir::{Conv, FnSig};
use crate::types::{TypeId, TypeKind, Types};
use smallvec::SmallVec;
use sx_ir::{CField, CSignature, CStruct, CType, Module, Signature, Ty};

/// Scalars of a C struct beyond this number aren't listed. Structs with more than a few always travel in
/// memory, so that nothing depends on the others.
const MAX_C_FIELDS: usize = 4096;

/// The value's type of a result, and whether an error may come instead.
pub(super) fn split_failable(types: &Types, ret: TypeId) -> (TypeId, bool) {
    match *types.kind(ret) {
        TypeKind::Failable { value, .. } => (value, true),
        _ => (ret, false),
    }
}

/// The registers of a function of the default ABI or behind a closure: context, environment, address of a
/// result in memory, then the parameters; the result's scalars, then the error tag.
pub fn ir_signature(types: &mut Types, sig: &FnSig) -> Signature {
    debug_assert!(sig.conv != Conv::C, "functions of the C ABI have a C signature");
    let mut params = vec![Ty::Ptr];
    if sig.conv == Conv::Closure {
        params.push(Ty::Ptr);
    }
    let (value, failable) = split_failable(types, sig.ret);
    let mut rets = Vec::new();
    match &types.layout(value).leaves {
        Some(leaves) => rets.extend(leaves.iter().map(|leaf| leaf.ty)),
        None => params.push(Ty::Ptr),
    }
    if failable {
        rets.push(Ty::I32);
    }
    for &param in &sig.params {
        match &types.layout(param).leaves {
            Some(leaves) => params.extend(leaves.iter().map(|leaf| leaf.ty)),
            None => params.push(Ty::Ptr),
        }
    }
    Signature { params, rets }
}

/// A function's type as C sees it.
pub fn c_signature(types: &mut Types, module: &mut Module, sig: &FnSig) -> CSignature {
    let params = sig.params.iter().map(|&param| c_type(types, module, param)).collect();
    CSignature { params, ret: c_type(types, module, sig.ret), variadic: false }
}

/// A type as C sees it.
pub(super) fn c_type(types: &mut Types, module: &mut Module, ty: TypeId) -> CType {
    if let Some(scalar) = c_scalar(types, ty) {
        return scalar;
    }
    if matches!(types.kind(ty), TypeKind::Void | TypeKind::Noreturn) {
        return CType::Void;
    }
    let layout = types.layout(ty);
    let mut fields = Vec::new();
    collect(types, ty, 0, &mut fields);
    fields.sort_by_key(|field| field.offset);
    CType::Struct(module.c_struct(CStruct { size: layout.size, align: layout.align, fields }))
}

fn c_scalar(types: &mut Types, ty: TypeId) -> Option<CType> {
    if let TypeKind::Optional(of) = *types.kind(ty) {
        types.niche(of)?;
        return c_scalar(types, of);
    }
    if ty == TypeId::BOOL {
        return Some(CType::Bool);
    }
    let scalar = types.scalar(ty)?;
    Some(match scalar {
        Ty::F32 => CType::F32,
        Ty::F64 => CType::F64,
        Ty::Ptr => CType::Ptr,
        Ty::Vec(_) => return None,
        Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64 => {
            let (_, signed) = types.int_repr(ty).expect("integer scalars have a width");
            CType::Int { size: scalar.size(types.target.ptr_size) as u8, signed }
        }
    })
}

/// Adds every scalar of a value at `base`.
fn collect(types: &mut Types, ty: TypeId, base: u32, out: &mut Vec<CField>) {
    if out.len() >= MAX_C_FIELDS {
        return;
    }
    if let Some(ty) = c_scalar(types, ty) {
        out.push(CField { offset: base, ty });
        return;
    }
    match *types.kind(ty) {
        TypeKind::Array(elem, len) => {
            let stride = types.layout(elem).size;
            let len = if stride == 0 { 0 } else { len };
            for i in 0..len.min(MAX_C_FIELDS as u64) {
                collect(types, elem, base + i as u32 * stride, out);
            }
        }
        TypeKind::Optional(of) => {
            collect(types, of, base, out);
            if types.niche(of).is_none() {
                let flag = types.field_offset(ty, 1);
                out.push(CField { offset: base + flag, ty: CType::Bool });
            }
        }
        TypeKind::Enum(_) => {
            let payload = types.field_offset(ty, 1);
            for part in members(types, ty) {
                collect(types, part.0, base + if part.1 == 0 { 0 } else { payload }, out);
            }
        }
        TypeKind::Struct(_) | TypeKind::Union(_) | TypeKind::Tuple(_) => {
            for (member, index) in members(types, ty) {
                let offset = types.field_offset(ty, index);
                collect(types, member, base + offset, out);
            }
        }
        _ => {
            let layout = types.layout(ty);
            let leaves = layout.leaves.iter().flatten();
            out.extend(leaves.map(|leaf| CField { offset: base + leaf.off, ty: leaf_type(leaf.ty) }));
        }
    }
}

/// The members of a struct, union, tuple or tagged union, with the number of the field that holds them.
pub(super) fn members(types: &Types, ty: TypeId) -> SmallVec<[(TypeId, usize); 8]> {
    match types.kind(ty) {
        TypeKind::Tuple(fields) => fields.iter().enumerate().map(|(i, field)| (field.ty, i)).collect(),
        TypeKind::Struct(id) | TypeKind::Union(id) => {
            types.struct_def(*id).fields.iter().enumerate().map(|(i, field)| (field.ty, i)).collect()
        }
        TypeKind::Enum(id) => {
            let def = types.enum_def(*id);
            let payloads = def.variants.iter().filter_map(|variant| variant.payload);
            std::iter::once((def.tag, 0)).chain(payloads.map(|payload| (payload, 1))).collect()
        }
        _ => SmallVec::new(),
    }
}

/// Scalars of builtin types: the length of a slice, addresses.
fn leaf_type(ty: Ty) -> CType {
    match ty.lane() {
        Ty::I8 => CType::Int { size: 1, signed: false },
        Ty::I16 => CType::Int { size: 2, signed: false },
        Ty::I32 => CType::Int { size: 4, signed: false },
        Ty::I64 => CType::Int { size: 8, signed: true },
        Ty::F32 => CType::F32,
        Ty::F64 => CType::F64,
        Ty::Ptr | Ty::Vec(_) => CType::Ptr,
    }
}
