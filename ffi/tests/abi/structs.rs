//! Structs by value, in and out, both directions, against the system's C compiler.
//!
//! For each struct and each number of arguments before it (so that registers run out at every point), C code
//! stores what it was given, and calls back with what it holds.

use crate::support::*;
use std::sync::{Arc, Mutex};
use sx_ffi::{CallPlan, Callback};
use sx_ir::{CSignature, CStruct, CStructId, CType};

const INT64: CType = CType::Int { size: 8, signed: true };

/// How many integers and doubles come before the structs.
const PREFIXES: [(usize, usize); 6] = [(0, 0), (4, 0), (5, 7), (6, 8), (3, 6), (7, 9)];

fn matrix() -> Vec<T> {
    let mut all = vec![
        st(&[]),
        st(&[BOOL]),
        st(&[BOOL, BOOL, F32]),
        st(&[F32]),
        st(&[F64]),
        st(&[F32, F32]),
        st(&[F32, F32, F32]),
        st(&[F32, F32, F32, F32]),
        st(&[F64, F64]),
        st(&[F64, F64, F64]),
        st(&[F64, F64, F64, F64]),
        st(&[F32, I32]),
        st(&[I32, F32, F32]),
        st(&[F32, F32, I32]),
        st(&[F64, I8]),
        st(&[I8, F64]),
        st(&[F32, F64]),
        st(&[F64, F32]),
        st(&[I64, F64]),
        st(&[F64, I64]),
        st(&[PTR, I32]),
        st(&[PTR, PTR, PTR]),
        st(&[I8, I16, I32, I64]),
        st(&[I16, I8]),
        st(&[U32, U32, U32]),
        st(&[st(&[I8, st(&[I16])]), st(&[F32])]),
        st(&[st(&[]), I32, st(&[])]),
        st(&[st(&[F32, F32]), st(&[F32, F32])]),
        st(&[arr(2, st(&[F32, I32]))]),
        st(&[arr(4, F32)]),
        st(&[arr(3, I16), F64]),
        st(&[arr(0, I64), I32]),
        aligned(16, &[I64]),
        aligned(16, &[F32]),
        aligned(16, &[I64, F64]),
        aligned(16, &[F32, F32, F32]),
        aligned(8, &[I8]),
        aligned(16, &[I64, I64, I64]),
        packed(&[I8, I32]),
        packed(&[I8, F64]),
        packed(&[I64, I8]),
        packed(&[F32, I8]),
        packed(&[I16, I8, I16]),
        packed(&[I8, I64, I64]),
        st(&[packed(&[I8, I16]), I64]),
        un(&[I32, F32]),
        un(&[F32, F64]),
        un(&[I64, F64]),
        un(&[st(&[F64, F64]), I64]),
        un(&[arr(3, I8), F32]),
        st(&[un(&[F32, I8]), F32, un(&[F64, F32])]),
        un(&[arr(5, F32), I8]),
    ];
    all.extend((1..=17).map(|n| st(&[arr(n, I8)])));
    all
}

fn prefix_params((ints, doubles): (usize, usize)) -> String {
    let ints = (0..ints).map(|i| format!("int64_t i{i}, "));
    let doubles = (0..doubles).map(|i| format!("double d{i}, "));
    ints.chain(doubles).collect()
}

fn prefix_args((ints, doubles): (usize, usize)) -> String {
    let ints = (0..ints).map(|i| format!("{}, ", i + 100));
    let doubles = (0..doubles).map(|i| format!("{}.5, ", i + 200));
    ints.chain(doubles).collect()
}

fn prefix_slots((ints, doubles): (usize, usize)) -> Vec<u64> {
    let ints = (0..ints).map(|i| i as u64 + 100);
    let doubles = (0..doubles).map(|i| (i as f64 + 200.5).to_bits());
    ints.chain(doubles).collect()
}

/// Functions for one struct: `size`, `align`; `in` stores two structs and what stands around them; `out` gives the
/// stored struct back; `back` calls a function and stores its result.
fn source(types: &[T]) -> String {
    let mut c =
        "#include <stdint.h>\n#include <string.h>\nint loaded;\nchar one[64] __attribute__((aligned(64))), \
                 two[64] __attribute__((aligned(64)));\nint64_t before; double middle; int64_t after;\n"
            .to_owned();
    for (n, ty) in types.iter().enumerate() {
        c += &format!("typedef {};\n", ty.declare(&format!("S{n}")));
        c += &format!("int64_t size_{n}(void) {{ return sizeof(S{n}); }}\n");
        c += &format!("int64_t align_{n}(void) {{ return _Alignof(S{n}); }}\n");
        c += &format!("S{n} out_{n}(void) {{ S{n} s; memcpy(&s, one, sizeof s); return s; }}\n");
        for (p, &prefix) in PREFIXES.iter().enumerate() {
            let (params, args) = (prefix_params(prefix), prefix_args(prefix));
            let sum: String = (0..prefix.0)
                .map(|i| format!("i{i} + "))
                .chain((0..prefix.1).map(|i| format!("(int64_t)(d{i} * 2) + ")))
                .collect();
            let list = format!("{params}S{n} s, double m, S{n} t, int64_t a");
            c += &format!(
                "S{n} in_{n}_{p}({list}) {{ before = {sum}0; memcpy(one, &s, sizeof s); middle = m; \
                 memcpy(two, &t, sizeof t); after = a; return t; }}\n\
                 void back_{n}_{p}(S{n} (*f)({list})) {{ S{n} s, t; memcpy(&s, one, sizeof s); \
                 memcpy(&t, two, sizeof t); s = f({args}s, 0.25, t, -7); memcpy(one, &s, sizeof s); }}\n"
            );
        }
    }
    c
}

/// Bytes with every scalar different, padding zero; `bool`s are 0 or 1.
fn sample(shape: &CStruct, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0u8; shape.size as usize];
    for (i, field) in shape.fields.iter().enumerate() {
        let at = field.offset as usize;
        let mix = seed.wrapping_add(i as u8 * 7);
        match field.ty {
            CType::Bool => bytes[at] = mix & 1,
            CType::F32 => bytes[at..at + 4].copy_from_slice(&(mix as f32 + 0.5).to_ne_bytes()),
            CType::F64 => bytes[at..at + 8].copy_from_slice(&(mix as f64 + 0.25).to_ne_bytes()),
            CType::Int { size, .. } => (0..size as usize).for_each(|b| bytes[at + b] = mix ^ (b as u8 * 31)),
            _ => bytes[at..at + 8].copy_from_slice(&(mix as u64 * 0x0101_0101_0101).to_ne_bytes()),
        }
    }
    bytes
}

/// The bytes that belong to scalars; padding isn't copied reliably by C.
fn scalars(shape: &CStruct, bytes: &[u8]) -> Vec<u8> {
    let mut kept = vec![false; shape.size as usize];
    for field in &shape.fields {
        let size = match field.ty {
            CType::Int { size, .. } => size as usize,
            CType::Bool => 1,
            CType::F32 => 4,
            _ => 8,
        };
        kept[field.offset as usize..field.offset as usize + size].fill(true);
    }
    bytes.iter().zip(kept).filter_map(|(&b, keep)| keep.then_some(b)).collect()
}

/// Memory for one struct, aligned as strictly as any of the matrix.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Buffer([u8; 64]);

struct Fixture {
    so: Compiled,
    types: Vec<T>,
}

impl Fixture {
    fn buffer(&self, symbol: &str) -> *mut Buffer {
        self.so.address(symbol) as *mut Buffer
    }
    fn global(&self, symbol: &str) -> u64 {
        // SAFETY: an 8-byte variable of the C file.
        unsafe { *(self.so.address(symbol) as *const u64) }
    }
    fn call(&self, name: &str, sig: &CSignature, structs: &[CStruct], args: &[u64]) -> u64 {
        let plan = CallPlan::new(sig, sig.params.len(), structs).unwrap();
        assert_eq!(plan.slots(), args.len());
        let mut ret = 0;
        // SAFETY: the signature is that of the C function.
        unsafe { plan.call(self.so.address(name), args.as_ptr(), &mut ret) };
        ret
    }
}

fn signature(prefix: (usize, usize)) -> CSignature {
    let shape = CType::Struct(CStructId(0));
    let mut params = vec![INT64; prefix.0];
    params.extend(vec![CType::F64; prefix.1]);
    params.extend([shape, CType::F64, shape, INT64]);
    CSignature { params, ret: shape, variadic: false }
}

fn check_in(f: &Fixture, n: usize, p: usize, shape: &CStruct) {
    let (s, t) = (sample(shape, 11), sample(shape, 90));
    let mut buffers = [Buffer([0xEE; 64]); 3];
    buffers[0].0[..s.len()].copy_from_slice(&s);
    buffers[1].0[..t.len()].copy_from_slice(&t);
    let result = &raw mut buffers[2];
    let mut args = vec![result as u64];
    args.extend(prefix_slots(PREFIXES[p]));
    args.extend([
        &raw const buffers[0] as u64,
        0.75f64.to_bits(),
        &raw const buffers[1] as u64,
        -3i64 as u64,
    ]);
    f.call(&format!("in_{n}_{p}"), &signature(PREFIXES[p]), std::slice::from_ref(shape), &args);
    let what = format!("{} with prefix {:?}", f.types[n].declare("s"), PREFIXES[p]);
    let size = shape.size as usize;
    // SAFETY: the C file's buffers.
    let (one, two) = unsafe { (*f.buffer("one"), *f.buffer("two")) };
    assert_eq!(scalars(shape, &one.0[..size]), scalars(shape, &s), "first argument: {what}");
    assert_eq!(scalars(shape, &two.0[..size]), scalars(shape, &t), "second argument: {what}");
    assert_eq!(scalars(shape, &buffers[2].0[..size]), scalars(shape, &t), "result: {what}");
    assert!(buffers[2].0[size..].iter().all(|&b| b == 0xEE), "written beyond the result: {what}");
    assert_eq!(f64::from_bits(f.global("middle")), 0.75, "{what}");
    assert_eq!(f.global("after") as i64, -3, "{what}");
    let (ints, doubles) = PREFIXES[p];
    let sum = (0..ints as i64).map(|i| i + 100).sum::<i64>()
        + (0..doubles as i64).map(|i| 2 * i + 401).sum::<i64>();
    assert_eq!(f.global("before") as i64, sum, "{what}");
}

fn check_back(f: &Fixture, n: usize, p: usize, shape: &CStruct) {
    let (s, t, r) = (sample(shape, 21), sample(shape, 54), sample(shape, 77));
    let size = shape.size as usize;
    // SAFETY: the C file's buffers, which nothing else uses now.
    unsafe {
        (&mut (*f.buffer("one")).0)[..size].copy_from_slice(&s);
        (&mut (*f.buffer("two")).0)[..size].copy_from_slice(&t);
    }
    type Seen = (Vec<u64>, Vec<u8>, u64, Vec<u8>, u64);
    let seen: Arc<Mutex<Option<Seen>>> = Arc::default();
    let (ints, doubles) = PREFIXES[p];
    let handler = {
        let (seen, reply) = (seen.clone(), r.clone());
        Box::new(move |args: *const u64, _ret: *mut u64| {
            // SAFETY: slots of the signature: result, prefix, struct, double, struct, integer.
            unsafe {
                let slots = std::slice::from_raw_parts(args, 5 + ints + doubles);
                let bytes = |at: u64| std::slice::from_raw_parts(at as *const u8, size).to_vec();
                let rest = &slots[1 + ints + doubles..];
                let prefix = slots[1..1 + ints + doubles].to_vec();
                *seen.lock().unwrap() = Some((prefix, bytes(rest[0]), rest[1], bytes(rest[2]), rest[3]));
                std::ptr::copy_nonoverlapping(reply.as_ptr(), slots[0] as *mut u8, size);
            }
        })
    };
    let callback = Callback::new(&signature(PREFIXES[p]), std::slice::from_ref(shape), handler).unwrap();
    let sig = CSignature { params: vec![CType::Ptr], ret: CType::Void, variadic: false };
    f.call(&format!("back_{n}_{p}"), &sig, &[], &[callback.pointer() as u64]);
    let what = format!("{} with prefix {:?}", f.types[n].declare("s"), PREFIXES[p]);
    let (prefix, got_s, middle, got_t, after) = seen.lock().unwrap().take().expect("the callback was called");
    assert_eq!(prefix, prefix_slots(PREFIXES[p]), "{what}");
    assert_eq!(scalars(shape, &got_s), scalars(shape, &s), "first argument: {what}");
    assert_eq!(scalars(shape, &got_t), scalars(shape, &t), "second argument: {what}");
    assert_eq!((f64::from_bits(middle), after as i64), (0.25, -7), "{what}");
    // SAFETY: the C file's buffer.
    let one = unsafe { *f.buffer("one") };
    assert_eq!(scalars(shape, &one.0[..size]), scalars(shape, &r), "result: {what}");
}

fn run(name: &str, flags: &[&str]) {
    let types = matrix();
    let f = Fixture { so: Compiled::new(name, &source(&types), flags), types };
    let word = CSignature { params: vec![], ret: INT64, variadic: false };
    for (n, ty) in f.types.iter().enumerate() {
        let shape = ty.shape();
        assert_eq!(f.call(&format!("size_{n}"), &word, &[], &[]), shape.size as u64, "{}", ty.declare("s"));
        assert_eq!(f.call(&format!("align_{n}"), &word, &[], &[]), shape.align as u64, "{}", ty.declare("s"));
        for p in 0..PREFIXES.len() {
            check_in(&f, n, p, &shape);
            check_back(&f, n, p, &shape);
        }
    }
}

#[test]
fn plain_code() {
    run("plain", &["-O0"]);
}

#[test]
fn optimised_code() {
    run("optimised", &["-O2"]);
}

#[test]
fn over_aligned_arguments_are_refused() {
    let shape = aligned(32, &[F64]).shape();
    let sig = signature((0, 0));
    assert_eq!(
        CallPlan::new(&sig, 4, std::slice::from_ref(&shape)).unwrap_err(),
        sx_ffi::SignatureError::OverAligned
    );
    let out = CSignature { params: vec![], ret: CType::Struct(CStructId(0)), variadic: false };
    assert!(CallPlan::new(&out, 0, &[shape]).is_ok());
}
