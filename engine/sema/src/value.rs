//! Values known at compile time.

use crate::types::TypeId;
use std::sync::Arc;
use sx_ir::{DataId, ExternId, FuncId, GlobalId};

/// A value known at compile time; its type is kept beside it. Equal values make equal generic instances, so
/// floats compare by their bits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CVal {
    /// An integer, character, plain enum, flags or error tag.
    Int(i128),
    /// A float's bits as `f64`.
    Float(u64),
    /// A `bool`.
    Bool(bool),
    /// A `string` or `cstring`.
    Str(Arc<[u8]>),
    /// A type.
    Type(TypeId),
    /// All bits zero: `null`, `void`, missing fields.
    Zero,
    /// Unspecified bits.
    Undef,
    /// A default-ABI function.
    Func(FuncId),
    /// A C-ABI function.
    CFunc(FuncId),
    /// An extern function.
    Extern(ExternId),
    /// A closure without environment: the function behind it takes one.
    Closure(FuncId),
    /// A struct, tuple or array: its members in order.
    Agg(Arc<[CVal]>),
    /// A tagged or untagged union.
    Variant(u64, Option<Arc<CVal>>),
    /// An optional that isn't null.
    Some(Arc<CVal>),
    /// A slice over constant elements.
    Slice(Arc<[CVal]>),
    /// The address of a global.
    GlobalAddr(GlobalId, u32),
    /// The address of read-only data.
    DataAddr(DataId, u32),
    /// What lies in read-only data, so far from its start.
    Frozen(DataId, u32),
    /// A protocol value: the address it borrows, then its functions.
    Protocol(Arc<CVal>, Arc<[FuncId]>),
    /// The types of a pack.
    Pack(Arc<[TypeId]>),
}

impl CVal {
    /// A float.
    pub fn float(value: f64) -> CVal {
        CVal::Float(value.to_bits())
    }
    /// The type, if it is one.
    pub fn as_type(&self) -> Option<TypeId> {
        match self {
            CVal::Type(ty) => Some(*ty),
            _ => None,
        }
    }
    /// True when part of it lies in data, so that equal values may be different ones of these.
    pub fn has_frozen(&self) -> bool {
        match self {
            CVal::Frozen(..) => true,
            CVal::Agg(values) | CVal::Slice(values) => values.iter().any(CVal::has_frozen),
            CVal::Variant(_, Some(inner)) | CVal::Some(inner) => inner.has_frozen(),
            _ => false,
        }
    }
    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            CVal::Int(value) => Some(*value),
            CVal::Bool(value) => Some(*value as i128),
            CVal::Zero => Some(0),
            _ => None,
        }
    }
}
