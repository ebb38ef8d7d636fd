//! Modules: the tables that functions refer to.
//!
//! Append-only: ids that were given out keep their meaning, so that values stored in an instance's memory
//! survive when more of the program is compiled.

use crate::func::{Func, Signature, Ty};
use crate::ids::*;
use crate::layout::Target;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A type as C sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CType {
    /// No value; results only.
    Void,
    /// An integer of 1, 2, 4 or 8 bytes.
    Int {
        /// Bytes.
        size: u8,
        /// Sign-extended when promoted.
        signed: bool,
    },
    /// `_Bool`.
    Bool,
    /// `float`.
    F32,
    /// `double`.
    F64,
    /// A pointer.
    Ptr,
    /// A struct, union or array in a struct, by value.
    Struct(CStructId),
}

/// A scalar inside a C struct.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CField {
    /// Bytes from the start.
    pub offset: u32,
    /// A scalar; never `Void` or `Struct`.
    pub ty: CType,
}

/// A C struct, flattened. Union members overlap.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CStruct {
    /// Bytes.
    pub size: u32,
    /// A power of two.
    pub align: u32,
    /// Every scalar in it, arrays expanded, in order of offset.
    pub fields: Vec<CField>,
}

/// A C function's type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CSignature {
    /// Declared parameters.
    pub params: Vec<CType>,
    /// Result.
    pub ret: CType,
    /// `...` follows.
    pub variadic: bool,
}

impl CType {
    /// The register type that holds it: structs travel by address. None for `Void`.
    pub fn reg_ty(self) -> Option<Ty> {
        Some(match self {
            CType::Void => return None,
            CType::Int { size: 1, .. } | CType::Bool => Ty::I8,
            CType::Int { size: 2, .. } => Ty::I16,
            CType::Int { size: 4, .. } => Ty::I32,
            CType::Int { .. } => Ty::I64,
            CType::F32 => Ty::F32,
            CType::F64 => Ty::F64,
            CType::Ptr | CType::Struct(_) => Ty::Ptr,
        })
    }
}

impl CSignature {
    /// Parameters and results as registers: struct arguments are addresses of copies, a struct result is
    /// written through an address that comes first.
    pub fn lowered(&self) -> Signature {
        let result = matches!(self.ret, CType::Struct(_)).then_some(Ty::Ptr);
        Signature {
            params: result.into_iter().chain(self.params.iter().filter_map(|ty| ty.reg_ty())).collect(),
            rets: if result.is_some() { Vec::new() } else { self.ret.reg_ty().into_iter().collect() },
        }
    }
}

/// A signature of indirect calls.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Sig {
    /// Default ABI.
    Sx(Signature),
    /// C ABI. Of a variadic call: the promoted types of this call's arguments follow the declared ones,
    /// `fixed` says how many are declared.
    C {
        /// The types.
        sig: CSignature,
        /// Declared parameters.
        fixed: u32,
    },
}

/// What a symbol names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExternKind {
    /// A function of this [`Sig::C`].
    Func(SigId),
    /// A variable.
    Data,
}

/// Something reached by symbol.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Extern {
    /// The symbol.
    pub symbol: String,
    /// The library as declared (`m` for `libm`); none is libc. [`Extern::HOST`] are functions of the host.
    pub library: Option<String>,
    /// What it is.
    pub kind: ExternKind,
    /// Where it is declared, for messages: file number and byte offset.
    pub declared: (u32, u32),
}

impl Extern {
    /// The library name under which the host's functions and the runtime's private floor are found.
    pub const HOST: &'static str = "#host";
}

/// An address inside data that is filled in when the program is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reloc {
    /// Bytes from the start of the data; aligned for an address.
    pub offset: u32,
    /// What is pointed at.
    pub target: RelocTarget,
    /// Bytes added.
    pub addend: i64,
}

/// What a relocation points at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RelocTarget {
    /// A default-ABI function value.
    Func(FuncId),
    /// A C function pointer.
    CFunc(FuncId),
    /// Read-only data.
    Data(DataId),
    /// A global of the instance.
    Global(GlobalId),
    /// A symbol.
    Extern(ExternId),
}

/// Bytes with relocations.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Data {
    /// The bytes; relocated places hold zero.
    pub bytes: Vec<u8>,
    /// A power of two.
    pub align: u32,
    /// Addresses in it, by offset.
    pub relocs: Vec<Reloc>,
}

/// A mutable variable of the instance.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Global {
    /// Its qualified name.
    pub name: String,
    /// Size in bytes; at least `init.bytes.len()`, the rest is zero.
    pub size: u32,
    /// Its first value and alignment.
    pub init: Data,
}

/// A program in the middle form, as far as it has been demanded.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Functions; `None` where an id was given out and the body wasn't lowered yet.
    pub funcs: Vec<Option<Arc<Func>>>,
    /// Signatures of functions that have no body yet, as far as they were told; beside `funcs`.
    func_sigs: Vec<Option<Signature>>,
    /// What sizes and offsets depend on.
    pub target: Target,
    /// Signatures of indirect calls, each once.
    pub sigs: Vec<Sig>,
    sig_ids: FxHashMap<Sig, SigId>,
    /// C struct shapes, each once.
    pub c_structs: Vec<CStruct>,
    c_struct_ids: FxHashMap<CStruct, CStructId>,
    /// Symbols.
    pub externs: Vec<Extern>,
    /// Globals.
    pub globals: Vec<Global>,
    /// Read-only data.
    pub datas: Vec<Data>,
    string_ids: FxHashMap<Vec<u8>, DataId>,
    /// Paths of the files that source positions name.
    pub files: Vec<Arc<str>>,
}

impl Module {
    /// An empty module.
    pub fn new() -> Module {
        Module::default()
    }
    /// A copy of what code refers to, without the contents of data, without files and shapes. Functions are shared, not copied.
    pub fn code_only(&self) -> Module {
        Module {
            funcs: self.funcs.clone(),
            func_sigs: self.func_sigs.clone(),
            target: self.target,
            sigs: self.sigs.clone(),
            externs: self.externs.clone(),
            // How many there are, and nothing of what is in them.
            globals: self
                .globals
                .iter()
                .map(|global| Global { init: Data::default(), ..global.clone() })
                .collect(),
            datas: vec![Data::default(); self.datas.len()],
            ..Module::default()
        }
    }
    /// Gives out an id for a function whose body comes later.
    pub fn reserve_func(&mut self) -> FuncId {
        self.funcs.push(None);
        self.func_sigs.push(None);
        FuncId(self.funcs.len() as u32 - 1)
    }
    /// Sets a function's body.
    ///
    /// # Panics
    /// When the function has a body already.
    pub fn define_func(&mut self, id: FuncId, func: Func) {
        let entry = &mut self.funcs[id.index()];
        assert!(entry.is_none(), "function {id} defined twice");
        *entry = Some(Arc::new(func));
    }
    /// Gives a function another body.
    ///
    /// # Panics
    /// When it has none yet, or the new one has another signature.
    pub fn replace_func(&mut self, id: FuncId, func: Func) {
        let entry = self.funcs[id.index()].as_mut().expect("only a function with a body is replaced");
        assert_eq!(entry.sig, func.sig, "callers know the signature");
        *entry = Arc::new(func);
    }
    /// Tells the signature of a function whose body comes later, so that calls of it can be verified.
    pub fn declare_func(&mut self, id: FuncId, sig: Signature) {
        self.func_sigs[id.index()] = Some(sig);
    }
    /// A function's signature, as far as it is known.
    pub fn func_sig(&self, id: FuncId) -> Option<&Signature> {
        match self.func(id) {
            Some(func) => Some(&func.sig),
            None => self.func_sigs.get(id.index()).and_then(Option::as_ref),
        }
    }
    /// A function's body, if it was lowered.
    pub fn func(&self, id: FuncId) -> Option<&Arc<Func>> {
        self.funcs.get(id.index()).and_then(Option::as_ref)
    }
    /// The id of a signature.
    pub fn sig(&mut self, sig: Sig) -> SigId {
        if let Some(&id) = self.sig_ids.get(&sig) {
            return id;
        }
        let id = SigId(self.sigs.len() as u32);
        self.sigs.push(sig.clone());
        self.sig_ids.insert(sig, id);
        id
    }
    /// The id of a C struct shape.
    pub fn c_struct(&mut self, shape: CStruct) -> CStructId {
        if let Some(&id) = self.c_struct_ids.get(&shape) {
            return id;
        }
        let id = CStructId(self.c_structs.len() as u32);
        self.c_structs.push(shape.clone());
        self.c_struct_ids.insert(shape, id);
        id
    }
    /// Adds a symbol.
    pub fn add_extern(&mut self, ext: Extern) -> ExternId {
        self.externs.push(ext);
        ExternId(self.externs.len() as u32 - 1)
    }
    /// Adds a global.
    pub fn add_global(&mut self, global: Global) -> GlobalId {
        self.globals.push(global);
        GlobalId(self.globals.len() as u32 - 1)
    }
    /// Adds read-only data.
    pub fn add_data(&mut self, data: Data) -> DataId {
        self.datas.push(data);
        DataId(self.datas.len() as u32 - 1)
    }
    /// The data of a string's bytes, each distinct text once. A NUL follows the bytes and isn't counted, so that
    /// the same data serves as C string.
    pub fn string(&mut self, bytes: &[u8]) -> DataId {
        if let Some(&id) = self.string_ids.get(bytes) {
            return id;
        }
        let mut terminated = Vec::with_capacity(bytes.len() + 1);
        terminated.extend_from_slice(bytes);
        terminated.push(0);
        let id = self.add_data(Data { bytes: terminated, align: 1, relocs: Vec::new() });
        self.string_ids.insert(bytes.to_vec(), id);
        id
    }
}
