//! The C border, with Rust functions of the C ABI standing in for libffi.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::cell::Cell;
use std::sync::Arc;
use sx_ir::*;
use sx_vm::*;

thread_local! {
    /// The callback that the stub code below calls: C code would carry it in a closure.
    static HANDLE: Cell<Option<CallbackHandle>> = const { Cell::new(None) };
}

/// What libffi would generate for a callback of `i64 -> i64`.
extern "C" fn stub(x: i64) -> i64 {
    let handle = HANDLE.get().expect("the callback was made");
    let mut rets = [0];
    // SAFETY: the tests call this while the instance lives.
    unsafe { handle.call(&[x as u64], &mut rets) };
    rets[0] as i64
}

/// A C function that takes a callback and calls it three times, as `qsort` would.
extern "C" fn thrice(f: extern "C" fn(i64) -> i64, x: i64) -> i64 {
    (0..3).map(|i| f(x + i)).sum()
}

struct Natives;

impl NativeInterface for Natives {
    fn callback(
        &self,
        handle: CallbackHandle,
        _: &CSignature,
        _: &[CStruct],
    ) -> Result<CallbackCode, String> {
        HANDLE.set(Some(handle));
        Ok(CallbackCode { code: stub as *const (), keep: Box::new(()) })
    }
    fn caller(&self, sig: &CSignature, _: u32, _: &[CStruct]) -> Result<Arc<dyn NativeCaller>, String> {
        assert_eq!(sig.params.len(), 1);
        Ok(Arc::new(Unary))
    }
}

struct Unary;

impl NativeCaller for Unary {
    unsafe fn call(&self, code: *const (), args: *const u64, ret: *mut u64) {
        // SAFETY: the tests only call functions of this type.
        unsafe {
            let f: extern "C" fn(i64) -> i64 = std::mem::transmute(code);
            ret.write(f(args.read() as i64) as u64);
        }
    }
}

struct Thrice;

impl NativeFn for Thrice {
    unsafe fn call(&self, args: *const u64, ret: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe {
            let f: extern "C" fn(i64) -> i64 = std::mem::transmute(args.read() as usize as *const ());
            ret.write(thrice(f, args.add(1).read() as i64) as u64);
        }
    }
}

static ANSWER: u64 = 42;

impl ExternResolver for Natives {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        match ext.symbol.as_str() {
            "thrice" => Ok(ExternTarget::Native(Arc::new(Thrice), thrice as *const ())),
            "answer" => Ok(ExternTarget::Data((&raw const ANSWER).cast_mut().cast())),
            symbol => Err(format!("unresolved symbol `{symbol}`")),
        }
    }
}

const INT: CType = CType::Int { size: 8, signed: true };

/// Function 0 calls `thrice` with function 1, which doubles its argument and traps on 13; function 2 calls a C
/// function pointer; function 3 reads `answer`.
fn border() -> Module {
    let mut m = Module::new();
    let unary = CSignature { params: vec![INT], ret: INT, variadic: false };
    let unary = m.sig(Sig::C { sig: unary, fixed: 1 });
    let binary = CSignature { params: vec![CType::Ptr, INT], ret: INT, variadic: false };
    let binary = m.sig(Sig::C { sig: binary, fixed: 2 });
    let declare = |m: &mut Module, symbol: &str, kind| {
        m.add_extern(Extern { symbol: symbol.into(), library: None, kind, declared: (0, 0) })
    };
    let thrice = declare(&mut m, "thrice", ExternKind::Func(binary));
    let answer = declare(&mut m, "answer", ExternKind::Data);
    let ids: Vec<FuncId> = (0..4).map(|_| m.reserve_func()).collect();

    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let x = param(&b, 0);
    let dst = b.temp(Ty::Ptr);
    b.push(Inst::CFuncAddr { dst, func: ids[1] });
    let y = b.call(Callee::Extern(thrice), &[dst.into(), x], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(ids[0], b.finish());

    let sig = Signature { params: vec![Ty::I64], rets: vec![Ty::I64] };
    let mut b = Builder::new("double", sig, CallConv::C);
    b.func_mut().c_sig = Some(unary);
    let x = b.param(0).into();
    let thirteen = b.i64(13);
    let lucky = b.cmp(CmpOp::Ne, Ty::I64, x, thirteen);
    b.push(Inst::Check { cond: lucky, kind: TrapKind::BadCast });
    let two = b.i64(2);
    let y = b.bin(BinOp::Mul, Ty::I64, x, two);
    ret(&mut b, &[y]);
    m.define_func(ids[1], b.finish());

    let mut b = function("apply", &[Ty::Ptr, Ty::I64], &[Ty::I64]);
    let (f, x) = (param(&b, 0), param(&b, 1));
    let y = b.call(Callee::CPtr(f, unary), &[x], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(ids[2], b.finish());

    let mut b = function("read", &[], &[Ty::I64]);
    let dst = b.temp(Ty::Ptr);
    b.push(Inst::ExternAddr { dst, ext: answer });
    let y = b.load(Ty::I64, Addr { base: Base::Reg(dst.into()), off: 0 });
    ret(&mut b, &[y]);
    m.define_func(ids[3], b.finish());
    m
}

fn native_instance() -> Instance {
    let config = Config { resolver: Arc::new(Natives), natives: Arc::new(Natives), ..Config::default() };
    Instance::new(program(&border()), config).unwrap()
}

#[test]
fn callbacks_from_c() {
    let mut instance = native_instance();
    assert_eq!(call(&mut instance, FuncId(0), &[1], 1).unwrap(), [2 + 4 + 6]);
    assert_eq!(call(&mut instance, FuncId(0), &[100], 1).unwrap(), [606]);
}

#[test]
fn traps_below_c_wait_until_it_returns() {
    let mut instance = native_instance();
    let trap = call(&mut instance, FuncId(0), &[12], 1).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::BadCast));
    let frames: Vec<_> = trap.frames().iter().map(|f| (f.func.as_str(), f.host)).collect();
    assert_eq!(frames, [("double", false), ("thrice", true), ("main", false)]);
    assert_eq!(call(&mut instance, FuncId(0), &[1], 1).unwrap(), [12]);
}

#[test]
fn callbacks_without_a_running_call_give_zero() {
    let mut instance = native_instance();
    call(&mut instance, FuncId(0), &[1], 1).unwrap();
    assert_eq!(stub(5), 0);
}

#[test]
fn c_function_pointers() {
    extern "C" fn negate(x: i64) -> i64 {
        -x
    }
    let mut instance = native_instance();
    let code = negate as *const () as u64;
    assert_eq!(call(&mut instance, FuncId(2), &[code, 5], 1).unwrap()[0] as i64, -5);
    let trap = call(&mut instance, FuncId(2), &[0, 5], 1).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::NullDereference));
}

#[test]
fn extern_variables() {
    assert_eq!(call(&mut native_instance(), FuncId(3), &[], 1).unwrap(), [42]);
}

#[test]
fn what_no_host_serves_is_a_trap() {
    let mut instance = instance(&border());
    for (func, args, want) in [
        (0, &[1][..], "this host has no C callbacks"),
        (2, &[8, 1], "this host can't call C function pointers"),
        (3, &[], "unresolved symbol `answer`: this host has no libraries"),
    ] {
        let trap = call(&mut instance, FuncId(func), args, 1).unwrap_err();
        assert_eq!((trap.reason(), trap.message()), (TrapReason::Link, want));
    }
}
