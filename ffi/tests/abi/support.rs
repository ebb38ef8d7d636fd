//! C types described once, for the C compiler and for us; and a shared object made of C text.

use std::ffi::c_void;
use std::path::PathBuf;
use std::process::Command;
use sx_ffi::Symbols;
use sx_ir::{CField, CStruct, CType};

/// A C type.
#[derive(Clone, Debug)]
pub enum T {
    Scalar(CType, &'static str),
    Array(usize, Box<T>),
    Struct { members: Vec<T>, packed: bool, align: u32 },
    Union(Vec<T>),
}

const fn int(size: u8, signed: bool) -> CType {
    CType::Int { size, signed }
}

pub const I8: T = T::Scalar(int(1, true), "int8_t");
pub const I16: T = T::Scalar(int(2, true), "int16_t");
pub const I32: T = T::Scalar(int(4, true), "int32_t");
pub const U32: T = T::Scalar(int(4, false), "uint32_t");
pub const I64: T = T::Scalar(int(8, true), "int64_t");
pub const F32: T = T::Scalar(CType::F32, "float");
pub const F64: T = T::Scalar(CType::F64, "double");
pub const BOOL: T = T::Scalar(CType::Bool, "_Bool");
pub const PTR: T = T::Scalar(CType::Ptr, "void *");

pub fn st(members: &[T]) -> T {
    T::Struct { members: members.to_vec(), packed: false, align: 1 }
}
pub fn packed(members: &[T]) -> T {
    T::Struct { members: members.to_vec(), packed: true, align: 1 }
}
pub fn aligned(align: u32, members: &[T]) -> T {
    T::Struct { members: members.to_vec(), packed: false, align }
}
pub fn un(members: &[T]) -> T {
    T::Union(members.to_vec())
}
pub fn arr(n: usize, elem: T) -> T {
    T::Array(n, Box::new(elem))
}

impl T {
    /// The declaration of `name` with this type.
    pub fn declare(&self, name: &str) -> String {
        match self {
            T::Scalar(_, spelling) => format!("{spelling} {name}"),
            T::Array(n, elem) => elem.declare(&format!("{name}[{n}]")),
            T::Struct { members, packed, align } => {
                let packed = if *packed { " __attribute__((packed))" } else { "" };
                let align =
                    if *align > 1 { format!(" __attribute__((aligned({align})))") } else { String::new() };
                format!("struct{packed}{align} {{ {} }} {name}", fields(members))
            }
            T::Union(members) => format!("union {{ {} }} {name}", fields(members)),
        }
    }
    /// Size and alignment by the rules of C; scalars are added to `out` from offset `at`.
    fn layout(&self, at: u32, out: &mut Vec<CField>) -> (u32, u32) {
        match self {
            T::Scalar(ty, _) => {
                let size = match ty {
                    CType::Int { size, .. } => *size as u32,
                    CType::Bool => 1,
                    CType::F32 => 4,
                    _ => 8,
                };
                out.push(CField { offset: at, ty: *ty });
                (size, size)
            }
            T::Array(n, elem) => {
                let (size, align) = elem.layout(at, &mut Vec::new());
                for i in 0..*n as u32 {
                    elem.layout(at + i * size, out);
                }
                (size * *n as u32, align)
            }
            T::Struct { members, packed, align } => {
                let (mut size, mut most) = (0u32, *align);
                for member in members {
                    let (_, align) = member.layout(0, &mut Vec::new());
                    let align = if *packed { 1 } else { align };
                    size = size.next_multiple_of(align);
                    most = most.max(align);
                    size += member.layout(at + size, out).0;
                }
                (size.next_multiple_of(most), most)
            }
            T::Union(members) => {
                let (mut size, mut most) = (0, 1);
                for member in members {
                    let (s, a) = member.layout(at, out);
                    (size, most) = (size.max(s), most.max(a));
                }
                (size.next_multiple_of(most), most)
            }
        }
    }
    /// The shape as the middle form has it.
    pub fn shape(&self) -> CStruct {
        let mut fields = Vec::new();
        let (size, align) = self.layout(0, &mut fields);
        fields.sort_by_key(|f| f.offset);
        CStruct { size, align, fields }
    }
}

fn fields(members: &[T]) -> String {
    members.iter().enumerate().map(|(i, m)| m.declare(&format!("f{i}")) + "; ").collect()
}

/// A shared object; its file is removed at once, the mapping stays.
pub struct Compiled {
    symbols: Symbols,
    path: PathBuf,
}

impl Compiled {
    pub fn new(name: &str, source: &str, flags: &[&str]) -> Compiled {
        let dir = std::env::temp_dir();
        let stem = format!("sx-ffi-{}-{name}", std::process::id());
        let (c, so) = (dir.join(format!("{stem}.c")), dir.join(format!("{stem}.so")));
        std::fs::write(&c, source).unwrap();
        let out =
            Command::new("cc").args(["-shared", "-fPIC", "-w", "-o"]).arg(&so).arg(&c).args(flags).output();
        let out = out.expect("a C compiler named cc");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let compiled = Compiled { symbols: Symbols::new(), path: so };
        compiled.address("loaded");
        std::fs::remove_file(&c).unwrap();
        std::fs::remove_file(&compiled.path).unwrap();
        compiled
    }
    pub fn address(&self, symbol: &str) -> *const c_void {
        self.symbols.lookup(self.path.to_str(), symbol).unwrap()
    }
}
