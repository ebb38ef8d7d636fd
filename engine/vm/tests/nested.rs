//! Calls within calls: fibers below host functions, instances below instances, callbacks below both.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::cell::Cell;
use std::sync::{Arc, Mutex};
use sx_ir::*;
use sx_vm::*;

const INT: CType = CType::Int { size: 8, signed: true };

type Host = Arc<dyn HostFn>;

/// Host functions by name, and the operations on fibers. Callbacks are remembered, and called by the host itself.
struct Symbols(Vec<(&'static str, Host)>);

impl ExternResolver for Symbols {
    fn resolve(
        &self,
        ext: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        if let Some(op) = FiberOp::from_symbol(&ext.symbol) {
            return Ok(ExternTarget::Fiber(op));
        }
        let found = self.0.iter().find(|(name, _)| *name == ext.symbol);
        match found {
            Some((_, host)) => Ok(ExternTarget::Host(host.clone())),
            None => panic!("nobody knows `{}`", ext.symbol),
        }
    }
}

thread_local! {
    static CALLBACK: Cell<Option<CallbackHandle>> = const { Cell::new(None) };
}

struct Callbacks;

impl NativeInterface for Callbacks {
    fn callback(
        &self,
        handle: CallbackHandle,
        _: &CSignature,
        _: &[CStruct],
    ) -> Result<CallbackCode, String> {
        CALLBACK.set(Some(handle));
        Ok(CallbackCode { code: 8 as *const (), keep: Box::new(()) })
    }
    fn caller(&self, _: &CSignature, _: u32, _: &[CStruct]) -> Result<Arc<dyn NativeCaller>, String> {
        panic!("nobody knows how")
    }
}

/// What C code would do with the callback that it was given.
fn call_back(argument: u64) {
    let handle = CALLBACK.get().expect("the callback was made");
    // SAFETY: the tests call this while the instance lives.
    unsafe { handle.call(&[argument], &mut []) };
}

fn host(f: impl Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), Trap> + Send + Sync + 'static) -> Host {
    Arc::new(f)
}

fn config(functions: Vec<(&'static str, Host)>) -> Config {
    Config { resolver: Arc::new(Symbols(functions)), natives: Arc::new(Callbacks), ..Config::default() }
}

fn made(m: &Module, functions: Vec<(&'static str, Host)>) -> Instance {
    Instance::new(program(m), config(functions)).expect("an instance")
}

/// Declares a function of the host that takes and gives 64-bit numbers.
fn declare(m: &mut Module, symbol: &str, params: usize, gives: bool) -> ExternId {
    let ret = if gives { INT } else { CType::Void };
    let sig = CSignature { params: vec![INT; params], ret, variadic: false };
    let sig = m.sig(Sig::C { sig, fixed: params as u32 });
    let library = Some(Extern::HOST.into());
    m.add_extern(Extern { symbol: symbol.into(), library, kind: ExternKind::Func(sig), declared: (0, 0) })
}

fn at(base: Operand, off: i32) -> Addr {
    Addr { base: Base::Reg(base), off }
}

const MAIN: FuncId = FuncId(0);
const DEEP: FuncId = FuncId(2);
const LARGE: FuncId = FuncId(3);

/// Function 0 makes a fiber that begins with so many bytes, runs it to its end with function 1, and gives what that leaves
/// behind. Function 1 calls the host's `within`, then function 2. Function 2 adds the numbers up to its argument by calling itself.
/// Function 3 has a frame of a mebibyte.
fn fiber_module(bytes: u32, depth: i64) -> Module {
    let mut m = Module::new();
    let ids: Vec<FuncId> = (0..4).map(|_| m.reserve_func()).collect();
    let create = declare(&mut m, "sx_fiber_create", 3, true);
    let resume = declare(&mut m, "sx_fiber_resume", 1, true);
    let within = declare(&mut m, "within", 1, true);

    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let (start, out) = (b.slot(bytes, 8), b.slot(16, 8));
    let local = |slot, off| Addr { base: Base::Slot(slot), off };
    let out_place = b.addr_of(local(out, 0));
    b.store(Ty::Ptr, local(start, bytes as i32 - 8), out_place);
    let x = param(&b, 0);
    b.store(Ty::I64, local(out, 8), x);
    let data = b.addr_of(local(start, 0));
    let (entry, len) = (b.i64(ids[1].0 as i64 + 1), b.i64(bytes as i64));
    let fiber = b.call(Callee::Extern(create), &[entry, data, len], &[Ty::I64])[0];
    b.call(Callee::Extern(resume), &[fiber], &[Ty::I64]);
    let result = b.load(Ty::I64, local(out, 0));
    ret(&mut b, &[result]);
    m.define_func(ids[0], b.finish());

    let mut b = function("body", &[Ty::Ptr], &[]);
    let start = param(&b, 0);
    let out = b.load(Ty::Ptr, at(start, bytes as i32 - 8));
    let x = b.load(Ty::I64, at(out, 8));
    let y = b.call(Callee::Extern(within), &[x], &[Ty::I64])[0];
    let (context, depth) = (b.param(0).into(), b.i64(depth));
    let sum = b.call(Callee::Func(ids[2]), &[context, depth], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, sum, y);
    b.store(Ty::I64, at(out, 0), sum);
    ret(&mut b, &[]);
    m.define_func(ids[1], b.finish());

    let mut b = function("deep", &[Ty::I64], &[Ty::I64]);
    let n = param(&b, 0);
    let zero = b.i64(0);
    let more = b.cmp(CmpOp::SGt, Ty::I64, n, zero);
    let (again, done) = (b.block(), b.block());
    b.terminate(Term::Branch { cond: more, then: again, else_: done });
    b.switch_to(done);
    ret(&mut b, &[zero]);
    b.switch_to(again);
    let (context, one) = (b.param(0).into(), b.i64(1));
    let less = b.bin(BinOp::Sub, Ty::I64, n, one);
    let rest = b.call(Callee::Func(ids[2]), &[context, less], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, rest, n);
    ret(&mut b, &[sum]);
    m.define_func(ids[2], b.finish());

    let mut b = function("large", &[Ty::I64], &[Ty::I64]);
    let slot = b.slot(1 << 20, 8);
    let place = b.addr_of(Addr { base: Base::Slot(slot), off: 0 });
    let (index, one) = (param(&b, 0), b.i64(1));
    let element = b.index(place, index, 8);
    b.store(Ty::I64, at(element, 0), one);
    let value = b.load(Ty::I64, at(place, 0));
    ret(&mut b, &[value]);
    m.define_func(ids[3], b.finish());
    m
}

fn overflows(result: Result<(), Trap>) {
    let trap = result.expect_err("the stack is too small");
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::StackOverflow));
}

#[test]
fn an_entry_that_finds_no_room_leaves_a_fibers_stack_as_it_was() {
    let within = host(|caller, slots| {
        overflows(caller.call(LARGE, &[0, slots[0]], &mut [0]));
        Ok(())
    });
    let mut instance = made(&fiber_module(16, 1000), vec![("within", within)]);
    assert_eq!(call(&mut instance, MAIN, &[0], 1).unwrap(), [1000 * 1001 / 2]);
}

#[test]
fn a_call_below_a_host_function_may_take_more_of_a_fibers_stack() {
    let within = host(|caller, slots| {
        for n in [3, 1000, 0, 1200] {
            let mut sum = [0];
            caller.call(DEEP, &[0, n], &mut sum)?;
            assert_eq!(sum[0], n * (n + 1) / 2);
        }
        slots[0] = 5;
        Ok(())
    });
    let mut instance = made(&fiber_module(16, 1000), vec![("within", within)]);
    for _ in 0..3 {
        assert_eq!(call(&mut instance, MAIN, &[0], 1).unwrap(), [1000 * 1001 / 2 + 5]);
    }
}

/// Requests that come while the end of the stack moves are answered, and leave the end where it is.
#[test]
fn requests_find_fibers_that_spread() {
    let m = fiber_module(16, 40);
    let within = host(|caller, _| caller.call(DEEP, &[0, 100], &mut [0]));
    let mut instance = made(&m, vec![("within", within)]);
    let handle = instance.interrupt_handle();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = stop.clone();
    let thread = std::thread::spawn(move || {
        while !asked.load(std::sync::atomic::Ordering::Relaxed) {
            handle.cancel();
            std::hint::spin_loop();
        }
    });
    let (mut done, mut canceled) = (0, 0);
    for _ in 0..20_000 {
        match call(&mut instance, MAIN, &[0], 1) {
            Ok(value) => {
                assert_eq!(value, [40 * 41 / 2]);
                done += 1;
            }
            Err(trap) => {
                assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::Canceled));
                canceled += 1;
            }
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    thread.join().expect("it ends");
    assert!(canceled > 0, "{done} calls, {canceled} canceled");
    let _ = call(&mut instance, MAIN, &[0], 1);
    assert_eq!(call(&mut instance, MAIN, &[0], 1).unwrap(), [40 * 41 / 2]);
    overflows(call(&mut instance, DEEP, &[u64::MAX >> 1], 1).map(|_| ()));
}

#[test]
fn fibers_may_begin_with_more_than_their_stack_begins_with() {
    let nothing = || vec![("within", host(|_, _| Ok(())))];
    for bytes in [752, 760, 768, 776, 2000, 4096] {
        let mut instance = made(&fiber_module(bytes, 10), nothing());
        assert_eq!(call(&mut instance, MAIN, &[7], 1).unwrap(), [55 + 7], "{bytes}");
    }
    let mut instance = made(&fiber_module(4104, 10), nothing());
    assert_eq!(call(&mut instance, MAIN, &[7], 1).unwrap_err().reason(), TrapReason::Host);
}

/// Function 0 makes a fiber of function 1 with data at its argument.
fn beginning() -> Module {
    let mut m = Module::new();
    let ids: Vec<FuncId> = (0..2).map(|_| m.reserve_func()).collect();
    let create = declare(&mut m, "sx_fiber_create", 3, true);
    let mut b = function("main", &[Ty::I64, Ty::I64], &[Ty::I64]);
    let (data, len) = (param(&b, 0), param(&b, 1));
    let entry = b.i64(ids[1].0 as i64 + 1);
    let fiber = b.call(Callee::Extern(create), &[entry, data, len], &[Ty::I64])[0];
    ret(&mut b, &[fiber]);
    m.define_func(ids[0], b.finish());
    let mut b = function("body", &[Ty::Ptr], &[]);
    ret(&mut b, &[]);
    m.define_func(ids[1], b.finish());
    m
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn what_a_fiber_begins_with_can_be_read() {
    let mut config = config(Vec::new());
    config.limits.memory_bytes = Some(8192);
    let mut instance = Instance::new(program(&beginning()), config).expect("an instance");
    for _ in 0..100 {
        let trap = call(&mut instance, MAIN, &[0x7fff_1234_5678_9000, 16], 1).unwrap_err();
        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::InvalidMemory));
        assert_eq!(trap.frames().len(), 2);
    }
    assert_eq!(instance.meter().used(), 0);
}

#[test]
fn absurd_sizes_of_fibers_are_refused() {
    for bytes in [usize::MAX, usize::MAX / 2, usize::MAX / 8 * 5, 1 << 60] {
        let mut config = config(Vec::new());
        config.limits.fiber_bytes = bytes;
        let mut instance = Instance::new(program(&beginning()), config).expect("an instance");
        let place = [0u64; 2];
        match call(&mut instance, MAIN, &[place.as_ptr() as u64, 16], 1) {
            Ok(handle) => assert_eq!(handle[0] as i64, -2, "{bytes}"),
            Err(trap) => assert_eq!(trap.reason(), TrapReason::Host, "{bytes}"),
        }
    }
}

/// Function 0 calls the host's `again`.
fn turning() -> Module {
    let mut m = Module::new();
    let main = m.reserve_func();
    let again = declare(&mut m, "again", 1, true);
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let x = param(&b, 0);
    let y = b.call(Callee::Extern(again), &[x], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(main, b.finish());
    m
}

/// A host function on a fiber uses another instance, whose calls stand on that fiber's native stack.
#[test]
fn instances_that_are_used_on_a_fiber_know_where_its_stack_ends() {
    let again = host(|caller, slots| {
        if slots[0] == 0 {
            return Ok(());
        }
        let args = [0, slots[0] - 1];
        caller.call(MAIN, &args, &mut slots[..1])
    });
    let mut config = config(vec![("again", again)]);
    config.limits.native_depth = 1_000_000;
    let other = Mutex::new(Instance::new(program(&turning()), config).expect("an instance"));
    let within = host(move |_, slots| {
        let mut other = other.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert_eq!(call(&mut other, MAIN, &[5], 1).unwrap(), [0]);
        overflows(call(&mut other, MAIN, &[1 << 40], 1).map(|_| ()));
        slots[0] = 3;
        Ok(())
    });
    let mut instance = made(&fiber_module(16, 10), vec![("within", within)]);
    assert_eq!(call(&mut instance, MAIN, &[0], 1).unwrap(), [55 + 3]);
}

/// A host function on a fiber goes on on a larger stack of its own.
#[test]
fn host_functions_on_fibers_may_take_another_stack() {
    let within =
        host(|caller, slots| stacker::grow(1 << 20, || caller.call(DEEP, &[0, 10], &mut slots[..1])));
    let mut instance = made(&fiber_module(16, 10), vec![("within", within)]);
    assert_eq!(call(&mut instance, MAIN, &[0], 1).unwrap(), [55 + 55]);
}

/// Calls back when so much native stack is left.
fn with_left(left: usize, then: &mut dyn FnMut()) {
    let frame = std::hint::black_box([0u8; 256]);
    if stacker::remaining_stack().is_none_or(|remaining| remaining <= left) {
        then();
    } else {
        with_left(left, then);
    }
    std::hint::black_box(&frame);
}

/// An entry wants 16 KiB, whether a host function makes it or the host itself.
#[test]
fn entries_find_native_stack_or_trap() {
    let m = fiber_module(16, 10);
    let within = host(|caller, slots| {
        stacker::grow(1 << 20, || {
            with_left(12 << 10, &mut || overflows(caller.call(DEEP, &[0, 10], &mut [0])));
            with_left(24 << 10, &mut || caller.call(DEEP, &[0, 10], &mut slots[..1]).expect("there is room"));
        });
        Ok(())
    });
    let mut instance = made(&m, vec![("within", within)]);
    assert_eq!(call(&mut instance, MAIN, &[0], 1).unwrap(), [55 + 55]);
    stacker::grow(1 << 20, || {
        with_left(12 << 10, &mut || overflows(call(&mut instance, DEEP, &[10], 1).map(|_| ())));
        with_left(24 << 10, &mut || assert_eq!(call(&mut instance, DEEP, &[10], 1).unwrap(), [55]));
    });
}

/// Function 0 gives function 1 to the host's `through`, with its argument. Function 1 writes zeroes at its argument.
fn calling_back() -> Module {
    let mut m = Module::new();
    let ids: Vec<FuncId> = (0..2).map(|_| m.reserve_func()).collect();
    let through = declare(&mut m, "through", 2, true);
    let unary = CSignature { params: vec![INT], ret: CType::Void, variadic: false };
    let unary = m.sig(Sig::C { sig: unary, fixed: 1 });
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let place = param(&b, 0);
    let dst = b.temp(Ty::Ptr);
    b.push(Inst::CFuncAddr { dst, func: ids[1] });
    let y = b.call(Callee::Extern(through), &[dst.into(), place], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(ids[0], b.finish());
    let sig = Signature { params: vec![Ty::I64], rets: vec![] };
    let mut b = Builder::new("touch", sig, CallConv::C);
    b.func_mut().c_sig = Some(unary);
    let place: Operand = b.param(0).into();
    let (val, len) = (b.constant(Ty::I8, 0), b.i64(300));
    b.push(Inst::MemSet { dst: place, val, len });
    ret(&mut b, &[]);
    m.define_func(ids[1], b.finish());
    m
}

#[test]
fn a_trap_below_a_host_function_that_calls_back_is_the_calls() {
    let through = host(|_, slots| {
        for _ in 0..3 {
            call_back(slots[1]);
        }
        slots[0] = 1;
        Ok(())
    });
    let mut instance = made(&calling_back(), vec![("through", through)]);
    let room = [0u8; 300];
    for _ in 0..3 {
        let trap = call(&mut instance, MAIN, &[0], 1).unwrap_err();
        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::NullDereference));
        let names: Vec<&str> = trap.frames().iter().map(|frame| frame.func.as_str()).collect();
        assert_eq!(names, ["touch", "through", "main"]);
        assert_eq!(call(&mut instance, MAIN, &[room.as_ptr() as u64], 1).unwrap(), [1]);
    }
}

/// The first instance's code runs below the second's here, but not by a call that the thread was given for.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn faults_below_another_instance_are_traps() {
    let again = host(|_, slots| {
        call_back(slots[0]);
        Ok(())
    });
    let other = Mutex::new(made(&turning(), vec![("again", again)]));
    let through = host(move |_, slots| {
        call(&mut other.lock().expect("no panics"), MAIN, &[slots[1]], 1)?;
        Ok(())
    });
    let mut instance = made(&calling_back(), vec![("through", through)]);
    for _ in 0..3 {
        let trap = call(&mut instance, MAIN, &[0x7fff_1234_5678_9000], 1).unwrap_err();
        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::InvalidMemory));
    }
}

#[test]
fn panics_while_symbols_are_found_are_errors() {
    let mut instance = made(&turning(), Vec::new());
    for _ in 0..3 {
        let trap = call(&mut instance, MAIN, &[1], 1).unwrap_err();
        assert_eq!(trap.reason(), TrapReason::Link);
        assert!(trap.message().contains("nobody knows `again`"), "{trap}");
    }
}

#[test]
fn a_reset_ends_the_fibers() {
    let mut config = config(Vec::new());
    config.limits.fibers = 2;
    let mut instance = Instance::new(program(&beginning()), config).expect("an instance");
    let place = [0u64; 2];
    let args = [place.as_ptr() as u64, 16];
    for _ in 0..3 {
        for _ in 0..2 {
            assert!(call(&mut instance, MAIN, &args, 1).unwrap()[0] as i64 > 0);
        }
        assert_eq!(call(&mut instance, MAIN, &args, 1).unwrap()[0] as i64, -1);
        instance.reset().expect("there is memory");
        assert_eq!(instance.meter().used(), 0);
    }
}
