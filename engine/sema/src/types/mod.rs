//! Types: interned, compared by id.
//!
//! Structural types exist once per shape; nominal ones (struct, union, enum, error set, protocol) once per
//! declaration and argument list. A nominal type is made *declared* and becomes *complete* when its fields have
//! been resolved; layouts are asked only of complete types.

mod display;
mod layouts;

use crate::symbols::Sym;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use sx_ir::layout::{Layout, Target};
use sx_syntax::span::Loc;

pub use layouts::{LayoutError, StructLayout};

/// A type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TypeId(pub u32);

macro_rules! def_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub u32);
    )*};
}

def_id! {
    /// A struct or union definition.
    StructId;
    /// An enum or tagged union definition.
    EnumId;
    /// An error set.
    ErrorSetId;
    /// A protocol instance.
    ProtocolId;
    /// A type declared at compile time.
    DeclaredId;
}

/// How a function type is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FnAbi {
    /// The language's own.
    Sx,
    /// C.
    C,
}

/// An element of a tuple type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TupleField {
    /// Its name, if it has one.
    pub name: Option<Sym>,
    /// Its type.
    pub ty: TypeId,
}

/// What a type is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TypeKind {
    /// Stands in for a type that couldn't be found; every use of it stays silent.
    Error,
    /// `i1` to `u64`.
    Int {
        /// 1 to 64.
        bits: u8,
        /// `i…`.
        signed: bool,
    },
    /// `usize`.
    Usize,
    /// `isize`.
    Isize,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `bool`.
    Bool,
    /// `void`.
    Void,
    /// `noreturn`.
    Noreturn,
    /// `string`.
    String,
    /// `cstring`.
    CString,
    /// `Type`.
    Type,
    /// `Any`.
    Any,
    /// An integer constant before it is given a type. Never in a checked body.
    UntypedInt,
    /// A float constant before it is given a type. Never in a checked body.
    UntypedFloat,
    /// `null` before it is given a type. Never in a checked body.
    UntypedNull,
    /// `*T`.
    Ptr(TypeId),
    /// `[*]T`.
    ManyPtr(TypeId),
    /// `[N]T`.
    Array(TypeId, u64),
    /// `Vector(N, T)`.
    Vector(TypeId, u8),
    /// `[]T`.
    Slice(TypeId),
    /// `[:0]T`.
    SentinelSlice(TypeId),
    /// `?T`.
    Optional(TypeId),
    /// `Tuple(…)`.
    Tuple(Box<[TupleField]>),
    /// `(A, B) -> R`.
    Func {
        /// Parameters.
        params: Box<[TypeId]>,
        /// Result, possibly `Failable`.
        ret: TypeId,
        /// Convention.
        abi: FnAbi,
    },
    /// `Closure(A, B) -> R`.
    Closure {
        /// Parameters.
        params: Box<[TypeId]>,
        /// Result, possibly `Failable`.
        ret: TypeId,
    },
    /// The result of a failable function; not a type of variables.
    Failable {
        /// The value.
        value: TypeId,
        /// The errors.
        set: ErrorSetId,
    },
    /// A struct.
    Struct(StructId),
    /// An untagged union.
    Union(StructId),
    /// An enum, flags, or tagged union.
    Enum(EnumId),
    /// A value of an error set.
    ErrorSet(ErrorSetId),
    /// A protocol value.
    Protocol(ProtocolId),
    /// Declared at compile time, and not defined yet.
    Declared(DeclaredId),
}

/// A field of a struct or union.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Sym,
    /// Its type.
    pub ty: TypeId,
    /// `#using`.
    pub using: bool,
    /// Where it is declared.
    pub loc: Loc,
}

/// A struct or union.
#[derive(Clone, Debug)]
pub struct StructDef {
    /// As printed, arguments included.
    pub name: String,
    /// The fields, once complete.
    pub fields: Vec<Field>,
    /// `#packed`.
    pub packed: bool,
    /// `#align`, else 1.
    pub align: u32,
    /// Fields overlay each other.
    pub is_union: bool,
    /// The fields are known.
    pub complete: bool,
    /// Where it is declared.
    pub loc: Loc,
}

/// A variant of an enum.
#[derive(Clone, Debug)]
pub struct VariantDef {
    /// Its name.
    pub name: Sym,
    /// Its tag, extended by the tag type's sign.
    pub value: u64,
    /// Its payload.
    pub payload: Option<TypeId>,
    /// Where it is declared.
    pub loc: Loc,
}

/// An enum, flags, or tagged union.
#[derive(Clone, Debug)]
pub struct EnumDef {
    /// As printed.
    pub name: String,
    /// The tag's integer type.
    pub tag: TypeId,
    /// `flags`.
    pub flags: bool,
    /// The variants, once complete.
    pub variants: Vec<VariantDef>,
    /// Some variant has a payload.
    pub tagged: bool,
    /// The variants are known.
    pub complete: bool,
    /// Where it is declared.
    pub loc: Loc,
}

/// An error set.
#[derive(Clone, Debug)]
pub struct ErrorSetDef {
    /// As printed; empty for inferred sets.
    pub name: String,
    /// The tags, sorted, once known. An inferred set grows until its function is checked.
    pub tags: Vec<u32>,
    /// A bare `!`: the set is what the body raises.
    pub inferred: bool,
}

/// A method of a protocol.
#[derive(Clone, Debug)]
pub struct ProtocolMethod {
    /// Its name.
    pub name: Sym,
    /// Parameters after the receiver.
    pub params: Vec<TypeId>,
    /// Result, possibly `Failable`.
    pub ret: TypeId,
}

/// A protocol instance.
#[derive(Clone, Debug)]
pub struct ProtocolDef {
    /// As printed.
    pub name: String,
    /// `#inline`: the value is `{ctx, fn…}`, else `{ctx, vtable}`.
    pub inline: bool,
    /// The methods in order, once complete.
    pub methods: Vec<ProtocolMethod>,
    /// The methods are known.
    pub complete: bool,
}

/// Every type of a compilation.
#[derive(Debug)]
pub struct Types {
    kinds: Vec<TypeKind>,
    ids: FxHashMap<TypeKind, TypeId>,
    /// How deep each type's spelling nests.
    depths: Vec<u32>,
    /// Structs and unions.
    pub structs: Vec<StructDef>,
    /// Enums.
    pub enums: Vec<EnumDef>,
    /// Error sets.
    pub error_sets: Vec<ErrorSetDef>,
    /// Protocols.
    pub protocols: Vec<ProtocolDef>,
    /// The names of types declared at compile time.
    pub declared: Vec<String>,
    /// Names of error tags; tag 0 is no error.
    pub error_names: Vec<Sym>,
    error_ids: FxHashMap<Sym, u32>,
    layouts: Vec<Option<Arc<Layout>>>,
    struct_layouts: FxHashMap<TypeId, Arc<StructLayout>>,
    in_layout: Vec<TypeId>,
    /// What layouts depend on.
    pub target: Target,
}

macro_rules! well_known {
    ($($name:ident = $index:literal, $kind:expr;)*) => {
        impl TypeId {
            $(#[doc = concat!("`", stringify!($name), "`.")]
            pub const $name: TypeId = TypeId($index);)*
        }
        const WELL_KNOWN: &[(TypeId, TypeKind)] = &[$((TypeId($index), $kind),)*];
    };
}

well_known! {
    ERROR = 0, TypeKind::Error;
    VOID = 1, TypeKind::Void;
    NORETURN = 2, TypeKind::Noreturn;
    BOOL = 3, TypeKind::Bool;
    I8 = 4, TypeKind::Int { bits: 8, signed: true };
    I16 = 5, TypeKind::Int { bits: 16, signed: true };
    I32 = 6, TypeKind::Int { bits: 32, signed: true };
    I64 = 7, TypeKind::Int { bits: 64, signed: true };
    U8 = 8, TypeKind::Int { bits: 8, signed: false };
    U16 = 9, TypeKind::Int { bits: 16, signed: false };
    U32 = 10, TypeKind::Int { bits: 32, signed: false };
    U64 = 11, TypeKind::Int { bits: 64, signed: false };
    USIZE = 12, TypeKind::Usize;
    ISIZE = 13, TypeKind::Isize;
    F32 = 14, TypeKind::F32;
    F64 = 15, TypeKind::F64;
    STRING = 16, TypeKind::String;
    CSTRING = 17, TypeKind::CString;
    TYPE = 18, TypeKind::Type;
    UNTYPED_INT = 19, TypeKind::UntypedInt;
    UNTYPED_FLOAT = 20, TypeKind::UntypedFloat;
    UNTYPED_NULL = 21, TypeKind::UntypedNull;
    VOID_PTR = 22, TypeKind::Ptr(TypeId(1));
    U8_MANY = 23, TypeKind::ManyPtr(TypeId(8));
    U8_SLICE = 24, TypeKind::Slice(TypeId(8));
    ANY = 25, TypeKind::Any;
}

impl Types {
    /// The builtin types, for a target.
    pub fn new(target: Target) -> Types {
        let mut types = Types {
            kinds: Vec::new(),
            ids: FxHashMap::default(),
            depths: Vec::new(),
            structs: Vec::new(),
            enums: Vec::new(),
            error_sets: Vec::new(),
            protocols: Vec::new(),
            declared: Vec::new(),
            error_names: vec![Sym::EMPTY],
            error_ids: FxHashMap::default(),
            layouts: Vec::new(),
            struct_layouts: FxHashMap::default(),
            in_layout: Vec::new(),
            target,
        };
        for (id, kind) in WELL_KNOWN {
            let made = types.intern(kind.clone());
            assert_eq!(made, *id, "well-known types are interned in order");
        }
        types
    }
    /// The id of a type.
    pub fn intern(&mut self, kind: TypeKind) -> TypeId {
        if let Some(&id) = self.ids.get(&kind) {
            return id;
        }
        let id = TypeId(self.kinds.len() as u32);
        self.depths.push(self.depth_of(&kind));
        self.kinds.push(kind.clone());
        self.layouts.push(None);
        self.ids.insert(kind, id);
        id
    }
    /// A type that isn't defined yet; each is one of its own, whatever its name.
    pub fn declare(&mut self, name: &str) -> TypeId {
        self.declared.push(name.to_string());
        self.intern(TypeKind::Declared(DeclaredId(self.declared.len() as u32 - 1)))
    }
    /// Says what a declared type is: a nominal kind that no other type has.
    pub(crate) fn define(&mut self, declared: TypeId, kind: TypeKind) {
        let before = std::mem::replace(&mut self.kinds[declared.0 as usize], kind.clone());
        assert!(matches!(before, TypeKind::Declared(_)), "only declared types are defined, and once");
        self.ids.remove(&before);
        let other = self.ids.insert(kind, declared);
        assert!(other.is_none(), "the kind is new");
    }
    /// How deep the spelling of a type nests; that of a type with a name of its own doesn't.
    pub fn depth(&self, ty: TypeId) -> u32 {
        // Builtin types are mentioned before they are entered.
        self.depths.get(ty.0 as usize).copied().unwrap_or(0)
    }
    fn depth_of(&self, kind: &TypeKind) -> u32 {
        let deepest = match kind {
            TypeKind::Ptr(of)
            | TypeKind::ManyPtr(of)
            | TypeKind::Slice(of)
            | TypeKind::SentinelSlice(of)
            | TypeKind::Optional(of)
            | TypeKind::Array(of, _)
            | TypeKind::Vector(of, _)
            | TypeKind::Failable { value: of, .. } => self.depth(*of),
            TypeKind::Tuple(fields) => fields.iter().map(|f| self.depth(f.ty)).max().unwrap_or(0),
            TypeKind::Func { params, ret, .. } | TypeKind::Closure { params, ret } => {
                params.iter().map(|&ty| self.depth(ty)).max().unwrap_or(0).max(self.depth(*ret))
            }
            _ => return 0,
        };
        deepest + 1
    }
    /// What a type is.
    #[inline]
    pub fn kind(&self, ty: TypeId) -> &TypeKind {
        &self.kinds[ty.0 as usize]
    }
    /// How many types there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }
    /// Never: the builtin types are always there.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }
    /// `*T`.
    pub fn ptr(&mut self, to: TypeId) -> TypeId {
        self.intern(TypeKind::Ptr(to))
    }
    /// `[]T`.
    pub fn slice(&mut self, elem: TypeId) -> TypeId {
        self.intern(TypeKind::Slice(elem))
    }
    /// `[N]T`.
    pub fn array(&mut self, elem: TypeId, len: u64) -> TypeId {
        self.intern(TypeKind::Array(elem, len))
    }
    /// `Vector(N, T)`.
    pub fn vector(&mut self, elem: TypeId, lanes: u8) -> TypeId {
        self.intern(TypeKind::Vector(elem, lanes))
    }
    /// `Vector(N, T)`, if there is one of these.
    pub fn vector_of(&mut self, elem: TypeId, lanes: i128) -> Option<TypeId> {
        let lanes = u8::try_from(lanes).ok().filter(|n| (1..=sx_ir::MAX_LANES).contains(n))?;
        self.is_lane(elem).then(|| self.vector(elem, lanes))
    }
    /// True for types that lanes may have.
    pub fn is_lane(&self, ty: TypeId) -> bool {
        match *self.kind(ty) {
            TypeKind::Int { bits, .. } => matches!(bits, 8 | 16 | 32 | 64),
            TypeKind::Usize | TypeKind::Isize | TypeKind::F32 | TypeKind::F64 | TypeKind::Bool => true,
            _ => false,
        }
    }
    /// The type of a vector's lanes; any other type itself.
    pub fn lane(&self, ty: TypeId) -> TypeId {
        match *self.kind(ty) {
            TypeKind::Vector(elem, _) => elem,
            _ => ty,
        }
    }
    /// `?T`.
    pub fn optional(&mut self, of: TypeId) -> TypeId {
        self.intern(TypeKind::Optional(of))
    }
    /// `T !set`.
    pub fn failable(&mut self, value: TypeId, set: ErrorSetId) -> TypeId {
        self.intern(TypeKind::Failable { value, set })
    }
    /// The number of an error name; the same name is the same error everywhere.
    pub fn error_tag(&mut self, name: Sym) -> u32 {
        if let Some(&tag) = self.error_ids.get(&name) {
            return tag;
        }
        let tag = self.error_names.len() as u32;
        self.error_names.push(name);
        self.error_ids.insert(name, tag);
        tag
    }
    /// A struct's definition.
    pub fn struct_def(&self, id: StructId) -> &StructDef {
        &self.structs[id.0 as usize]
    }
    /// An enum's definition.
    pub fn enum_def(&self, id: EnumId) -> &EnumDef {
        &self.enums[id.0 as usize]
    }
    /// An error set's definition.
    pub fn error_set(&self, id: ErrorSetId) -> &ErrorSetDef {
        &self.error_sets[id.0 as usize]
    }
    /// A protocol's definition.
    pub fn protocol(&self, id: ProtocolId) -> &ProtocolDef {
        &self.protocols[id.0 as usize]
    }

    /// True for integers of every width.
    pub fn is_int(&self, ty: TypeId) -> bool {
        matches!(self.kind(ty), TypeKind::Int { .. } | TypeKind::Usize | TypeKind::Isize)
    }
    /// True for `f32` and `f64`.
    pub fn is_float(&self, ty: TypeId) -> bool {
        matches!(self.kind(ty), TypeKind::F32 | TypeKind::F64)
    }
    /// Width and sign of an integer type, or of the integer behind `bool`, an enum, an error set or `Type`.
    pub fn int_repr(&self, ty: TypeId) -> Option<(u8, bool)> {
        match *self.kind(ty) {
            TypeKind::Int { bits, signed } => Some((bits, signed)),
            TypeKind::Usize => Some((self.target.ptr_size as u8 * 8, false)),
            TypeKind::Isize => Some((self.target.ptr_size as u8 * 8, true)),
            TypeKind::Bool => Some((1, false)),
            TypeKind::Enum(id) if !self.enum_def(id).tagged => self.int_repr(self.enum_def(id).tag),
            TypeKind::ErrorSet(_) => Some((32, false)),
            TypeKind::Type => Some((64, false)),
            _ => None,
        }
    }
    /// The element type of arrays, vectors, slices, strings and many-pointers.
    pub fn elem(&self, ty: TypeId) -> Option<TypeId> {
        match *self.kind(ty) {
            TypeKind::Array(elem, _)
            | TypeKind::Vector(elem, _)
            | TypeKind::Slice(elem)
            | TypeKind::SentinelSlice(elem)
            | TypeKind::ManyPtr(elem) => Some(elem),
            TypeKind::String => Some(TypeId::U8),
            _ => None,
        }
    }
}
