//! Layouts agree with the C compiler's, and leaves hold every byte that means something.

use std::fmt::Write;
use std::process::Command;
use sx_ir::layout::{Layout, MAX_LEAVES, MAX_SCALAR_BYTES, Target};
use sx_ir::{Lane, Ty, VecTy};

/// A type as both sides understand it.
#[derive(Clone, Debug)]
enum Type {
    Scalar(&'static str, Ty),
    Struct {
        fields: Vec<Type>,
        packed: bool,
        align: u32,
    },
    Union {
        members: Vec<Type>,
        packed: bool,
        align: u32,
    },
    Array(Box<Type>, u64),
    /// Of this scalar, with so many lanes; C has powers of two only.
    Vector(&'static str, u8),
}

const SCALARS: [(&str, Ty); 9] = [
    ("char", Ty::I8),
    ("_Bool", Ty::I8),
    ("short", Ty::I16),
    ("int", Ty::I32),
    ("long long", Ty::I64),
    ("float", Ty::F32),
    ("double", Ty::F64),
    ("void *", Ty::Ptr),
    ("void (*)(void)", Ty::Ptr),
];

fn scalar(name: &str) -> Type {
    let &(c, ty) = SCALARS.iter().find(|scalar| scalar.0 == name).expect("a scalar of the table");
    Type::Scalar(c, ty)
}

fn structure(fields: &[&str]) -> Type {
    Type::Struct { fields: fields.iter().map(|name| scalar(name)).collect(), packed: false, align: 1 }
}

fn nested(fields: Vec<Type>) -> Type {
    Type::Struct { fields, packed: false, align: 1 }
}

fn array(elem: Type, n: u64) -> Type {
    Type::Array(Box::new(elem), n)
}

impl Type {
    fn layout(&self) -> (Layout, Vec<u32>) {
        let all = |types: &[Type]| -> Vec<Layout> { types.iter().map(|ty| ty.layout().0).collect() };
        match self {
            Type::Scalar(_, ty) => (Layout::scalar(*ty, Target::HOST), Vec::new()),
            Type::Struct { fields, packed, align } => {
                Layout::structure(&all(fields), *packed, *align).expect("small")
            }
            Type::Union { members, packed, align } => {
                (Layout::union(&all(members), *packed, *align), Vec::new())
            }
            Type::Vector(name, lanes) => {
                let Type::Scalar(_, ty) = scalar(name) else { panic!("lanes are scalars") };
                let lane = Lane::of(ty).expect("lanes are numbers");
                (Layout::vector(VecTy { lane, lanes: *lanes }), Vec::new())
            }
            Type::Array(elem, n) => (Layout::array(&elem.layout().0, *n).expect("small"), Vec::new()),
        }
    }

    /// Marks the bytes that belong to scalars.
    fn mark(&self, at: u32, bytes: &mut [bool]) {
        match self {
            Type::Scalar(_, ty) => bytes[at as usize..][..ty.size(8) as usize].fill(true),
            Type::Struct { fields, .. } => {
                for (field, off) in fields.iter().zip(self.layout().1) {
                    field.mark(at + off, bytes);
                }
            }
            Type::Union { members, .. } => members.iter().for_each(|member| member.mark(at, bytes)),
            Type::Vector(..) => bytes[at as usize..][..self.layout().0.size as usize].fill(true),
            Type::Array(elem, n) => {
                let size = elem.layout().0.size;
                (0..*n as u32).for_each(|i| elem.mark(at + i * size, bytes));
            }
        }
    }

    /// Declares the type in C, inner types first; gives its name.
    fn declare(&self, out: &mut String, next: &mut u32) -> String {
        let mut fields_of = |types: &[Type], out: &mut String| -> String {
            let names: Vec<String> = types.iter().map(|ty| ty.declare(out, next)).collect();
            names.iter().enumerate().map(|(i, name)| format!("{name} f{i}; ")).collect()
        };
        let body = match self {
            Type::Scalar(c, _) => {
                *next += 1;
                let name = format!("T{next}");
                match c.split_once("(*)") {
                    Some((ret, args)) => writeln!(out, "typedef {ret} (*{name}){args};"),
                    None => writeln!(out, "typedef {c} {name};"),
                }
                .expect("writing to a string");
                return name;
            }
            Type::Array(elem, n) => {
                let elem = elem.declare(out, next);
                *next += 1;
                writeln!(out, "typedef {elem} T{next}[{n}];").expect("writing to a string");
                return format!("T{next}");
            }
            Type::Struct { fields, packed, align } => {
                let fields = fields_of(fields, out);
                let packed = if *packed { "packed, " } else { "" };
                format!("struct __attribute__(({packed}aligned({align}))) {{ {fields}}}")
            }
            Type::Vector(c, lanes) => {
                *next += 1;
                writeln!(out, "typedef {c} T{next} __attribute__((vector_size({lanes} * sizeof({c}))));")
                    .expect("writing to a string");
                return format!("T{next}");
            }
            Type::Union { members, packed, align } => {
                let packed = if *packed { "packed, " } else { "" };
                let members = fields_of(members, out);
                format!("union __attribute__(({packed}aligned({align}))) {{ {members}}}")
            }
        };
        *next += 1;
        writeln!(out, "typedef {body} T{next};").expect("writing to a string");
        format!("T{next}")
    }
}

/// Types that have been got wrong before, by somebody.
fn adversarial() -> Vec<Type> {
    let over = |align| Type::Struct { fields: vec![scalar("char")], packed: false, align };
    let packed = |names: &[&str], align| Type::Struct {
        fields: names.iter().map(|name| scalar(name)).collect(),
        packed: true,
        align,
    };
    let union = |members: Vec<Type>| Type::Union { members, packed: false, align: 1 };
    let empty = structure(&[]);
    let mut types = vec![
        empty.clone(),
        nested(vec![empty.clone(), scalar("int"), empty.clone()]),
        nested(vec![array(scalar("long long"), 0), scalar("char")]),
        structure(&["char", "double", "char"]),
        structure(&["char", "short", "int", "long long"]),
        structure(&["long long", "int", "short", "char"]),
        structure(&["float", "float", "float", "float"]),
        structure(&["double", "double"]),
        structure(&["double", "double", "double"]),
        structure(&["_Bool", "_Bool", "_Bool"]),
        structure(&["void *", "int"]),
        structure(&["void (*)(void)", "char"]),
        nested(vec![structure(&["char", "int"]), scalar("char")]),
        nested(vec![scalar("char"), structure(&["int", "char"]), scalar("char")]),
        nested(vec![scalar("char"), over(16), scalar("char")]),
        nested(vec![over(32), over(2), over(8)]),
        packed(&["char", "double", "short", "void *"], 1),
        packed(&["char", "int"], 4),
        nested(vec![scalar("char"), packed(&["char", "double"], 1), scalar("int")]),
        nested(vec![scalar("char"), packed(&["int", "char"], 2)]),
        Type::Struct { fields: vec![over(16), scalar("char")], packed: true, align: 1 },
        union(vec![scalar("char"), scalar("double")]),
        union(vec![scalar("int"), scalar("float")]),
        union(vec![array(scalar("char"), 5), scalar("short")]),
        union(vec![structure(&["int", "int"]), structure(&["int", "int"])]),
        union(vec![structure(&["char", "char", "char"]), scalar("char")]),
        union(vec![]),
        union(vec![empty]),
        Type::Union { members: vec![scalar("char")], packed: false, align: 16 },
        Type::Union { members: vec![scalar("int"), array(scalar("char"), 5)], packed: true, align: 1 },
        Type::Union { members: vec![scalar("double"), array(scalar("char"), 9)], packed: true, align: 4 },
        nested(vec![scalar("char"), Type::Vector("float", 4), scalar("char")]),
        Type::Struct { fields: vec![scalar("char"), Type::Vector("double", 4)], packed: true, align: 2 },
        array(Type::Vector("short", 2), 3),
        union(vec![Type::Vector("char", 64), scalar("int")]),
        nested(vec![scalar("int"), union(vec![scalar("long long"), scalar("char")]), scalar("char")]),
        nested(vec![array(structure(&["short", "char"]), 3), scalar("char")]),
        array(nested(vec![scalar("char"), array(scalar("int"), 2)]), 3),
    ];
    types.extend((1..=17).map(|n| nested(vec![array(scalar("char"), n)])));
    types.extend((1..=17).map(|n| nested(vec![scalar("char"); n])));
    for c in ["char", "short", "int", "long long", "float", "double"] {
        let Type::Scalar(_, ty) = scalar(c) else { continue };
        types.extend(
            [1, 2, 4, 8, 16, 32, 64]
                .iter()
                .filter(|&&n| n * ty.size(8) <= 64)
                .map(|&n| Type::Vector(c, n as u8)),
        );
    }
    types
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

fn random(r: &mut Random, depth: u32) -> Type {
    let kind = if depth == 0 { 0 } else { r.below(8) };
    let count = r.below(5);
    let some = |r: &mut Random| (0..count).map(|_| random(r, depth.saturating_sub(1))).collect();
    let align = |r: &mut Random| if r.below(6) == 0 { 1 << r.below(5) } else { 1 };
    match kind {
        0..=2 => {
            let (c, ty) = SCALARS[r.below(SCALARS.len() as u64) as usize];
            Type::Scalar(c, ty)
        }
        3 | 4 => Type::Struct { fields: some(r), packed: r.below(5) == 0, align: align(r) },
        5 => Type::Union { members: some(r), packed: r.below(5) == 0, align: align(r) },
        6 => {
            let mut elem = random(r, depth - 1);
            // C has no arrays of what is aligned more than it is large.
            if elem.layout().0.size == 0 {
                elem = scalar("short");
            }
            array(elem, r.below(4))
        }
        _ => Type::Struct { fields: vec![random(r, depth - 1)], packed: false, align: align(r) },
    }
}

/// A program that prints size, alignment and offsets of each type, one line each. `_Alignof` would tell less than the
/// alignment that fields get, for vectors wider than the machine's registers.
fn program(types: &[Type]) -> String {
    let mut text = String::from("#include <stddef.h>\n#include <stdio.h>\n");
    let mut main = String::new();
    let mut next = 0;
    for ty in types {
        let name = ty.declare(&mut text, &mut next);
        write!(main, "printf(\"%zu %zu\", sizeof({name}), __alignof__({name}));")
            .expect("writing to a string");
        if let Type::Struct { fields, .. } = ty {
            for i in 0..fields.len() {
                write!(main, "printf(\" %zu\", offsetof({name}, f{i}));").expect("writing to a string");
            }
        }
        main.push_str("puts(\"\");\n");
    }
    text + "int main(void) {\n" + &main + "return 0; }\n"
}

fn run_c(text: &str) -> String {
    let dir = std::env::temp_dir().join(format!("sx-layout-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    let (source, binary) = (dir.join("layout.c"), dir.join("layout"));
    std::fs::write(&source, text).expect("the source is written");
    let compiled =
        Command::new("cc").arg("-w").arg(&source).arg("-o").arg(&binary).output().expect("cc runs");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let ran = Command::new(&binary).output().expect("the program runs");
    std::fs::remove_dir_all(&dir).expect("the folder is ours");
    String::from_utf8(ran.stdout).expect("numbers")
}

fn types() -> Vec<Type> {
    let mut r = Random(0x1234_5678_9abc_def1);
    let mut types = adversarial();
    types.extend((0..600).map(|_| random(&mut r, 3)));
    types
}

#[test]
fn sizes_alignments_and_offsets_are_those_of_c() {
    let types = types();
    let printed = run_c(&program(&types));
    assert_eq!(printed.lines().count(), types.len());
    for (ty, line) in types.iter().zip(printed.lines()) {
        let (layout, offsets) = ty.layout();
        let mut ours = format!("{} {}", layout.size, layout.align);
        offsets.iter().for_each(|off| write!(ours, " {off}").expect("writing to a string"));
        assert_eq!(ours, line, "{ty:?}");
    }
}

#[test]
fn leaves_hold_every_byte_of_every_scalar_once() {
    let mut with_leaves = 0;
    for ty in types() {
        let layout = ty.layout().0;
        let Some(leaves) = &layout.leaves else { continue };
        with_leaves += (layout.size > 0) as u32;
        assert!(leaves.len() <= MAX_LEAVES && layout.size <= MAX_SCALAR_BYTES || layout.size == 0, "{ty:?}");
        let mut held = vec![false; layout.size as usize];
        let mut end = 0;
        for leaf in leaves {
            assert!(leaf.off >= end, "{ty:?}: {leaves:?} overlap");
            end = leaf.off + leaf.ty.size(8);
            held[leaf.off as usize..end as usize].fill(true);
        }
        let mut used = vec![false; layout.size as usize];
        ty.mark(0, &mut used);
        let lost: Vec<usize> = (0..used.len()).filter(|&i| used[i] && !held[i]).collect();
        assert!(lost.is_empty(), "{ty:?}: {leaves:?} lose bytes {lost:?}");
    }
    assert!(with_leaves > 100, "{with_leaves} types to tell something by");
}

fn check_leaves(ty: &Type, expected: Option<&[(u32, Ty)]>) {
    let leaves =
        ty.layout().0.leaves.map(|leaves| leaves.iter().map(|leaf| (leaf.off, leaf.ty)).collect::<Vec<_>>());
    assert_eq!(leaves.as_deref(), expected, "{ty:?}");
}

#[test]
fn leaves_are_where_the_fields_are() {
    let union = |members: Vec<Type>| Type::Union { members, packed: false, align: 1 };
    check_leaves(&structure(&[]), Some(&[]));
    check_leaves(&structure(&["char", "double"]), Some(&[(0, Ty::I8), (8, Ty::F64)]));
    check_leaves(
        &structure(&["float", "float", "void *"]),
        Some(&[(0, Ty::F32), (4, Ty::F32), (8, Ty::Ptr)]),
    );
    check_leaves(&structure(&["double", "double", "double"]), None);
    check_leaves(&nested(vec![scalar("char"); 5]), None);
    check_leaves(&nested(vec![array(scalar("char"), 4)]), None);
    check_leaves(
        &nested(vec![structure(&["char"]), structure(&["short", "int"])]),
        Some(&[(0, Ty::I8), (4, Ty::I16), (8, Ty::I32)]),
    );
    check_leaves(
        &Type::Struct { fields: vec![scalar("char"), scalar("double")], packed: true, align: 1 },
        Some(&[(0, Ty::I8), (1, Ty::F64)]),
    );
    check_leaves(&union(vec![scalar("double"), scalar("double")]), Some(&[(0, Ty::F64)]));
    check_leaves(&union(vec![scalar("double"), scalar("int")]), Some(&[(0, Ty::I64)]));
    check_leaves(&union(vec![array(scalar("char"), 4), scalar("float")]), Some(&[(0, Ty::I32)]));
    check_leaves(&union(vec![structure(&["char", "char", "char"]), scalar("char")]), None);
}
