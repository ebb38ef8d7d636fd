//! Scalars, variadic functions, callbacks and `errno`, with the C library and with code made for the purpose.

use crate::support::Compiled;
use std::ffi::{CStr, c_void};
use sx_ffi::{CallPlan, Callback, SignatureError, Symbols, last_errno};
use sx_ir::{CSignature, CStructId, CType};

const I32: CType = CType::Int { size: 4, signed: true };
const I64: CType = CType::Int { size: 8, signed: true };

fn sig(params: &[CType], ret: CType) -> CSignature {
    CSignature { params: params.to_vec(), ret, variadic: false }
}

fn call(target: *const c_void, sig: &CSignature, fixed: usize, args: &[u64]) -> u64 {
    let plan = CallPlan::new(sig, fixed, &[]).unwrap();
    let mut ret = 0xAAAA_AAAA_AAAA_AAAA;
    // SAFETY: each test names the function's own signature.
    unsafe { plan.call(target, args.as_ptr(), &mut ret) };
    ret
}

fn libc(symbol: &str) -> *const c_void {
    Symbols::new().lookup(None, symbol).unwrap()
}

#[test]
fn narrow_results_are_widened_by_their_type() {
    let so = Compiled::new(
        "narrow",
        "#include <stdint.h>\nint loaded;\n#define F(T, N) T N(T x) { return x; }\n\
         F(int8_t, i8) F(int16_t, i16) F(int32_t, i32) F(int64_t, i64) F(uint8_t, u8) F(uint16_t, u16)\n\
         F(uint32_t, u32) F(_Bool, b) F(float, f) F(double, d)",
        &["-O2"],
    );
    // The high bits of arguments are noise.
    let check = |name: &str, ty: CType, arg: u64, expect: u64| {
        assert_eq!(call(so.address(name), &sig(&[ty], ty), 1, &[arg]), expect, "{name}");
    };
    let int = |size, signed| CType::Int { size, signed };
    check("i8", int(1, true), 0xFFFF_FF80, -128i64 as u64);
    check("i16", int(2, true), 0x1234_8000, -32768i64 as u64);
    check("i32", I32, 0xDEAD_8000_0000, i32::MIN as i64 as u64);
    check("i64", I64, u64::MAX, u64::MAX);
    check("u8", int(1, false), 0x1FF, 0xFF);
    check("u16", int(2, false), 0x1_FFFF, 0xFFFF);
    check("u32", int(4, false), u64::MAX, 0xFFFF_FFFF);
    check("b", CType::Bool, 1, 1);
    check("f", CType::F32, 0xFFFF_FFFF_0000_0000 | 1.5f32.to_bits() as u64, 1.5f32.to_bits() as u64);
    check("d", CType::F64, (-0.0f64).to_bits(), (-0.0f64).to_bits());
}

#[test]
fn more_arguments_than_registers() {
    let so = Compiled::new(
        "many",
        "int loaded;\ndouble many(long a, float b, signed char c, double d, short e, float f, long g, double h, int i,\n\
         float j, long k, double l, float m, double n, double o, float p, long q) {\n\
         return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i + 10*j + 11*k + 12*l + 13*m + 14*n + 15*o + 16*p + 17*q; }",
        &[],
    );
    let types: Vec<CType> = "lfcdsfldifldfddfl"
        .chars()
        .map(|c| match c {
            'l' => I64,
            'f' => CType::F32,
            'c' => CType::Int { size: 1, signed: true },
            's' => CType::Int { size: 2, signed: true },
            'i' => I32,
            _ => CType::F64,
        })
        .collect();
    let args: Vec<u64> = types
        .iter()
        .enumerate()
        .map(|(i, ty)| match ty {
            CType::F32 => (i as f32 - 8.0).to_bits() as u64,
            CType::F64 => (i as f64 - 8.0).to_bits(),
            _ => (i as i64 - 8) as u64,
        })
        .collect();
    let expect: f64 = (0..types.len()).map(|i| (i as f64 - 8.0) * (i as f64 + 1.0)).sum();
    let got = call(so.address("many"), &sig(&types, CType::F64), types.len(), &args);
    assert_eq!(f64::from_bits(got), expect);
}

#[test]
fn variadic_arguments_are_promoted() {
    let mut text = [0u8; 64];
    let int = |size, signed| CType::Int { size, signed };
    let sig = CSignature {
        params: vec![
            CType::Ptr,
            I64,
            CType::Ptr,
            int(1, true),
            CType::F32,
            CType::F64,
            int(2, false),
            CType::Bool,
            I64,
        ],
        ret: I32,
        variadic: true,
    };
    let args = [
        text.as_mut_ptr() as u64,
        text.len() as u64,
        c"%d %.2f %g %d %d %ld".as_ptr() as u64,
        0xFFFE,
        0xFF00_0000_0000 | 2.5f32.to_bits() as u64,
        0.125f64.to_bits(),
        0xABCD_FFFF,
        1,
        -1i64 as u64,
    ];
    let written = call(libc("snprintf"), &sig, 3, &args);
    let text = CStr::from_bytes_until_nul(&text).unwrap().to_str().unwrap();
    assert_eq!(text, "-2 2.50 0.125 65535 1 -1");
    assert_eq!(written, text.len() as u64);
}

#[test]
fn qsort_calls_back() {
    let compare = Callback::new(
        &sig(&[CType::Ptr, CType::Ptr], I32),
        &[],
        Box::new(|args, ret| {
            // SAFETY: two slots, addresses of elements of the array below.
            unsafe {
                let (a, b) = (*(*args as *const i32), *(*args.add(1) as *const i32));
                // Only the low 32 bits count.
                *ret = (b.cmp(&a) as i32 as u32) as u64 | 0xFF_0000_0000;
            }
        }),
    )
    .unwrap();
    let mut numbers = [3, -7, 19, 0, 42, 8];
    let args = [numbers.as_mut_ptr() as u64, numbers.len() as u64, 4, compare.pointer() as u64];
    call(libc("qsort"), &sig(&[CType::Ptr, I64, I64, CType::Ptr], CType::Void), 4, &args);
    assert_eq!(numbers, [42, 19, 8, 3, 0, -7]);
}

#[test]
fn callbacks_see_widened_scalars_and_live_side_by_side() {
    let so = Compiled::new(
        "scalars",
        "int loaded;\ndouble both(double (*f)(signed char, unsigned short, float, _Bool), short (*g)(short)) {\n\
         return f(-5, 65535, 0.5f, 1) + g(-300); }",
        &[],
    );
    let int = |size, signed| CType::Int { size, signed };
    let f = Callback::new(
        &sig(&[int(1, true), int(2, false), CType::F32, CType::Bool], CType::F64),
        &[],
        Box::new(|args, ret| {
            // SAFETY: four slots.
            unsafe {
                assert_eq!((*args as i64, *args.add(1), *args.add(3)), (-5, 65535, 1));
                assert_eq!(*args.add(2), 0.5f32.to_bits() as u64);
                *ret = 1000.25f64.to_bits();
            }
        }),
    )
    .unwrap();
    let g = Callback::new(
        &sig(&[int(2, true)], int(2, true)),
        &[],
        // SAFETY: one slot.
        Box::new(|args, ret| unsafe { *ret = *args + 1 }),
    )
    .unwrap();
    let args = [f.pointer() as u64, g.pointer() as u64];
    let got = call(so.address("both"), &sig(&[CType::Ptr, CType::Ptr], CType::F64), 2, &args);
    assert_eq!(f64::from_bits(got), 1000.25 - 299.0);
}

#[test]
fn errno_is_kept() {
    let open = sig(&[CType::Ptr, I32], I32);
    let fd = call(libc("open"), &open, 2, &[c"/no/such/file".as_ptr() as u64, 0]);
    assert_eq!(fd as i64, -1);
    assert_eq!(last_errno(), 2);
    let other = std::thread::spawn(last_errno).join().unwrap();
    assert_eq!(other, 0);
}

#[test]
fn what_has_no_c_form_is_refused() {
    let check = |sig: &CSignature, expect: SignatureError| {
        assert_eq!(CallPlan::new(sig, sig.params.len(), &[]).unwrap_err(), expect);
    };
    check(&sig(&[CType::Int { size: 3, signed: true }], CType::Void), SignatureError::BadType);
    check(&sig(&[CType::Void], CType::Void), SignatureError::BadType);
    check(&sig(&[CType::Struct(CStructId(0))], CType::Void), SignatureError::BadType);
    check(&sig(&[I64; 128], CType::Void), SignatureError::TooManyParams);
    assert!(CallPlan::new(&sig(&[I64; 127], CType::Void), 127, &[]).is_ok());
    let variadic = CSignature { params: vec![], ret: CType::Void, variadic: true };
    assert!(Callback::new(&variadic, &[], Box::new(|_, _| {})).is_err());
}
