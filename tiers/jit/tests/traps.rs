//! How compiled code is ended: by requests of other threads, by limits, by faults of the hardware, by host functions that fail.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitStatus};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering as Order};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use sx_ir::*;
use sx_vm::*;

/// A loop without an end.
fn spin() -> Func {
    let mut b = function("spin", &[Ty::I64], &[Ty::I64]);
    let head = b.block();
    b.jump(head);
    b.switch_to(head);
    b.set_loc(0, 1);
    b.push(Inst::Poll);
    b.jump(head);
    b.finish()
}

/// Calls another function from the bottom of a recursion as deep as its parameter says; function 1 is itself.
fn below(callee: FuncId) -> Func {
    let mut b = function("below", &[Ty::I64], &[Ty::I64]);
    b.set_loc(0, 2);
    let (ctx, n, zero, one) = (b.param(0).into(), param(&b, 0), b.i64(0), b.i64(1));
    let more = b.cmp(CmpOp::SGt, Ty::I64, n, zero);
    let (again, bottom) = (b.block(), b.block());
    b.branch(more, again, bottom);
    b.switch_to(again);
    let less = b.bin(BinOp::Sub, Ty::I64, n, one);
    let values = b.call(Callee::Func(FuncId(1)), &[ctx, less], &[Ty::I64]);
    ret(&mut b, &values);
    b.switch_to(bottom);
    let many = b.i64(90);
    let values = b.call(Callee::Func(callee), &[ctx, many], &[Ty::I64]);
    ret(&mut b, &values);
    b.finish()
}

/// Function 1 calls function 0, which goes on for years: in a loop, or in a recursion.
fn endless() -> [Module; 2] {
    [module(vec![spin(), below(FuncId(0))]), module(vec![fib(FuncId(0)), below(FuncId(0))])]
}

const BELOW: FuncId = FuncId(1);

/// Every way to compile the two functions, and to go on with their loops.
fn ways() -> impl Iterator<Item = Setup> {
    let way = |compile: Compile, loops| Setup { compile, loops, ..Setup::default() };
    subsets(2).flat_map(move |compile| [way(compile.clone(), false), way(compile, true)])
}

#[track_caller]
fn ends(machine: &mut Machine, kind: TrapKind) {
    let trap = machine.run(BELOW, &[3]).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::Kind(kind));
    let names: Vec<&str> = trap.frames().iter().rev().map(|frame| frame.func.as_str()).collect();
    assert_eq!(names[..4], ["below"; 4]);
    assert!(trap.frames().iter().all(|frame| frame.place.is_some() || frame.func == "fib"), "{trap:?}");
}

#[test]
fn calls_are_canceled_from_other_threads() {
    for m in endless() {
        for setup in ways() {
            let mut machine = Machine::with(m.clone(), setup);
            for _ in 0..3 {
                let handle = machine.instance.interrupt_handle();
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        std::thread::sleep(Duration::from_millis(5));
                        handle.cancel();
                    });
                    ends(&mut machine, TrapKind::Canceled);
                });
            }
        }
    }
}

#[test]
fn deadlines_come() {
    for m in endless() {
        for setup in ways() {
            let limits = Limits { call_time: Some(Duration::from_millis(10)), ..Limits::default() };
            let mut machine = Machine::with(m.clone(), Setup { limits, ..setup });
            for _ in 0..3 {
                let begun = Instant::now();
                ends(&mut machine, TrapKind::Deadline);
                assert!(begun.elapsed() >= Duration::from_millis(10));
            }
        }
    }
}

#[test]
fn fuel_ends() {
    for m in endless() {
        for setup in ways() {
            let compile = setup.compile.clone();
            let setup = setup.with_fuel(100_000);
            let mut machine = Machine::with(m.clone(), setup);
            for _ in 0..3 {
                ends(&mut machine, TrapKind::OutOfFuel);
                assert_eq!(machine.instance.fuel(), 0, "{compile:?}");
                machine.instance.set_fuel(100_000);
            }
        }
    }
}

/// Questions of a compiler come all the time, from two threads; nothing else is noticed of them.
#[test]
fn questions_are_answered_everywhere() {
    let mut machine = Machine::new(module(vec![fib(FuncId(0)), countdown()]));
    let program = machine.program.clone();
    let stop = AtomicBool::new(false);
    let mut answers = 0;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Order::Relaxed) {
                    program.ask(false);
                }
            });
        }
        let begun = Instant::now();
        while answers < 1000 && begun.elapsed() < Duration::from_secs(20) {
            assert_eq!(machine.call(FuncId(0), &[18]), Ok(vec![2584]));
            assert_eq!(machine.call(FuncId(1), &[5000]), Ok(vec![12_502_500]));
            answers += machine.program.take_samples(false).answers;
        }
        stop.store(true, Order::Relaxed);
    });
    assert!(answers >= 1000, "{answers}");
    machine.call(FuncId(0), &[1]).expect("no trap");
}

const PAGE: usize = 4096;

/// A page with a protection of its own.
struct Page(*mut libc::c_void);

impl Page {
    fn new(protection: i32) -> Page {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping.
        let base = unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, flags, -1, 0) };
        assert_ne!(base, libc::MAP_FAILED);
        Page(base)
    }
    fn address(&self) -> u64 {
        self.0 as u64
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: mapped by us.
        unsafe { libc::munmap(self.0, PAGE) };
    }
}

/// An address that no page can have.
const NOWHERE: u64 = 0x8000_1234_5678_9ab8;

type Access = Box<dyn Fn(&mut Builder, Operand)>;

/// Ways to touch memory, and whether they write.
fn accesses() -> Vec<(String, bool, Access)> {
    let mut all: Vec<(String, bool, Access)> = Vec::new();
    let mut add = |name: String, writes: bool, access: Access| all.push((name, writes, access));
    let own = |b: &mut Builder, size: u32| {
        let slot = b.slot(size, 8);
        b.addr_of(Addr { base: Base::Slot(slot), off: 0 })
    };
    let vector = Ty::Vec(VecTy { lane: Lane::I32, lanes: 19 });
    for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::Ptr, vector] {
        let load = move |b: &mut Builder, p: Operand| {
            let value = b.load(ty, at(p, 0));
            let place = own(b, 128);
            b.store(ty, at(place, 0), value);
        };
        add(format!("load {ty:?}"), false, Box::new(load));
        let store = move |b: &mut Builder, p: Operand| {
            let place = own(b, 128);
            let value = b.load(ty, at(place, 0));
            b.store(ty, at(p, 0), value);
        };
        add(format!("store {ty:?}"), true, Box::new(store));
    }
    for size in [1, 16, 24, 100, 200, 3000] {
        let from = move |b: &mut Builder, p: Operand| {
            let place = own(b, size);
            b.push(Inst::MemCopy { dst: at(place, 0), src: at(p, 0), size });
        };
        add(format!("copy from, {size}"), false, Box::new(from));
        let to = move |b: &mut Builder, p: Operand| {
            let place = own(b, size);
            b.push(Inst::MemCopy { dst: at(p, 0), src: at(place, 0), size });
        };
        add(format!("copy to, {size}"), true, Box::new(to));
        let zero = move |b: &mut Builder, p: Operand| b.push(Inst::MemZero { dst: at(p, 0), size });
        add(format!("zero, {size}"), true, Box::new(zero));
        let from = move |b: &mut Builder, p: Operand| {
            let (dst, len) = (own(b, size), b.i64(size as i64));
            b.push(Inst::MemMove { dst, src: p, len });
        };
        add(format!("move from, {size}"), false, Box::new(from));
        let to = move |b: &mut Builder, p: Operand| {
            let (src, len) = (own(b, size), b.i64(size as i64));
            b.push(Inst::MemMove { dst: p, src, len });
        };
        add(format!("move to, {size}"), true, Box::new(to));
        let fill = move |b: &mut Builder, p: Operand| {
            let (val, len) = (b.constant(Ty::I8, 3), b.i64(size as i64));
            b.push(Inst::MemSet { dst: p, val, len });
        };
        add(format!("set, {size}"), true, Box::new(fill));
        let compare = move |b: &mut Builder, p: Operand| {
            let (other, len, dst) = (own(b, size), b.i64(size as i64), b.temp(Ty::I32));
            b.push(Inst::MemCmp { dst, a: other, b: p, len });
        };
        add(format!("compare, {size}"), false, Box::new(compare));
    }
    for ty in INTS.into_iter().chain([Ty::Ptr]) {
        let order = Ordering::SeqCst;
        let load = move |b: &mut Builder, ptr: Operand| {
            let dst = b.temp(ty);
            b.push(Inst::AtomicLoad { ty, order, dst, ptr });
        };
        add(format!("atomic load {ty:?}"), false, Box::new(load));
        let store = move |b: &mut Builder, ptr: Operand| {
            let val = b.constant(ty, 1);
            b.push(Inst::AtomicStore { ty, order, ptr, val });
        };
        add(format!("atomic store {ty:?}"), true, Box::new(store));
        for op in RmwOp::ALL.into_iter().filter(|op| op.takes(ty)) {
            let change = move |b: &mut Builder, ptr: Operand| {
                let (dst, val) = (b.temp(ty), b.constant(ty, 1));
                b.push(Inst::AtomicRmw { op, ty, order, dst, ptr, val });
            };
            add(format!("atomic {op:?} {ty:?}"), true, Box::new(change));
        }
        let exchange = move |b: &mut Builder, ptr: Operand| {
            let (dst, old, new) = (b.temp(ty), b.constant(ty, 0), b.constant(ty, 1));
            b.push(Inst::AtomicCas { ty, order, failure: order, dst, ptr, old, new });
        };
        add(format!("atomic exchange {ty:?}"), true, Box::new(exchange));
    }
    all
}

/// Two functions for each access: one that does it, and one that calls that.
fn accessing() -> (Vec<(String, bool)>, Module) {
    let mut m = Module::new();
    let mut cases = Vec::new();
    for (name, writes, access) in accesses() {
        let (inner, outer) = (m.reserve_func(), m.reserve_func());
        let mut b = function("touch", &[Ty::Ptr], &[]);
        b.set_loc(0, 100);
        let place = param(&b, 0);
        b.set_loc(0, 110);
        access(&mut b, place);
        b.set_loc(0, 120);
        ret(&mut b, &[]);
        m.define_func(inner, b.finish());
        let mut b = function("caller", &[Ty::Ptr], &[]);
        b.set_loc(0, 130);
        let (ctx, place) = (b.param(0).into(), param(&b, 0));
        b.call(Callee::Func(inner), &[ctx, place], &[]);
        ret(&mut b, &[]);
        m.define_func(outer, b.finish());
        cases.push((name, writes));
    }
    (cases, m)
}

fn outer(case: usize) -> FuncId {
    FuncId(case as u32 * 2 + 1)
}

fn invalid(names: &[(&str, u32)]) -> (TrapReason, String, Frames) {
    let frames = names.iter().map(|&(name, place)| (name.to_owned(), Some((0, place)), false)).collect();
    (TrapReason::Kind(TrapKind::InvalidMemory), "invalid memory".to_owned(), frames)
}

#[test]
fn every_access_can_fault() {
    let (cases, m) = accessing();
    for fuel in [false, true] {
        let setup = if fuel { Setup::default().with_fuel(1 << 40) } else { Setup::default() };
        let mut machine = Machine::with(m.clone(), setup);
        let (none, constant) = (Page::new(libc::PROT_NONE), Page::new(libc::PROT_READ));
        let good = Page::new(libc::PROT_READ | libc::PROT_WRITE);
        for (case, (name, writes)) in cases.iter().enumerate() {
            for address in [none.address(), NOWHERE] {
                let got = told(machine.run(outer(case), &[address]));
                assert_eq!(got, Err(invalid(&[("touch", 110), ("caller", 130)])), "{name}");
            }
            assert_eq!(machine.run(outer(case), &[constant.address()]).is_err(), *writes, "{name}");
            assert!(machine.run(outer(case), &[good.address()]).is_ok(), "{name}");
        }
    }
}

fn resident_kib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("it can be read");
    let pages: usize = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a number");
    pages * PAGE / 1024
}

/// What traps in compiled code leaves nothing behind, however it traps. In a process of its own: others allocate.
fn a_hundred_thousand_traps() {
    let (cases, mut m) = accessing();
    let fails = declare(&mut m, "fails", 0, false);
    let mut b = function("calls", &[], &[]);
    b.call(Callee::Extern(fails), &[], &[]);
    ret(&mut b, &[]);
    let calls = m.reserve_func();
    m.define_func(calls, b.finish());
    let mut b = function("large", &[Ty::Ptr], &[Ty::I64]);
    let slot = b.slot(100_000, 8);
    let place = b.addr_of(Addr { base: Base::Slot(slot), off: 0 });
    let p = param(&b, 0);
    let value = b.load(Ty::I64, at(p, 0));
    b.store(Ty::I64, at(place, 0), value);
    ret(&mut b, &[value]);
    let large = m.reserve_func();
    m.define_func(large, b.finish());
    let fails = host(|_, _| Err(Trap::host("it fails")));
    let mut machine = Machine::with(m, Setup { symbols: vec![("fails", fails)], ..Setup::default() });
    let case = |wanted: &str| {
        outer(cases.iter().position(|(name, _)| name == wanted).expect("there is such a case"))
    };
    let kinds = [
        (case("load I64"), &[NOWHERE][..]),
        (case("store F64"), &[NOWHERE]),
        (case("copy from, 3000"), &[NOWHERE]),
        (case("move to, 200"), &[NOWHERE]),
        (case("load I32"), &[8]),
        (calls, &[]),
        (large, &[NOWHERE]),
    ];
    let mut before = 0;
    for round in 0..100_000 {
        let (func, args) = kinds[round % kinds.len()];
        machine.run(func, args).unwrap_err();
        if round == 10_000 {
            before = resident_kib();
        }
    }
    let after = resident_kib();
    assert!(after < before + 2048, "{before} KiB grew to {after} KiB");
}

const ROLE: &str = "SX_JIT_TRAPS_ROLE";

fn child(role: &str) -> ExitStatus {
    let exe = std::env::current_exe().expect("the test has a path");
    let mut command = Command::new(exe);
    command.args(["--exact", "in_a_child", "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.status().expect("it runs")
}

#[test]
fn in_a_child() {
    match std::env::var(ROLE).as_deref() {
        Ok("traps") => a_hundred_thousand_traps(),
        Ok("no signals") => {
            let (_, m) = accessing();
            let mut machine = Machine::with(m, Setup { signals: false, ..Setup::default() });
            // Traps that are found by comparison are traps also here.
            machine.run(outer(0), &[8]).unwrap_err();
            let _ = machine.run(outer(0), &[NOWHERE]);
        }
        Ok("fault of the host") => {
            // The host's fault, while compiled code is below it.
            let mut m = Module::new();
            let ext = declare(&mut m, "stray", 0, false);
            let mut b = function("calls", &[], &[]);
            b.call(Callee::Extern(ext), &[], &[]);
            ret(&mut b, &[]);
            let calls = m.reserve_func();
            m.define_func(calls, b.finish());
            let stray = host(|_, _| {
                // SAFETY: none; that is the point.
                unsafe { (NOWHERE as usize as *mut u8).write_volatile(1) };
                Ok(())
            });
            let _ = Machine::with(m, Setup { symbols: vec![("stray", stray)], ..Setup::default() })
                .run(calls, &[]);
        }
        _ => {}
    }
}

#[test]
fn traps_leave_no_memory_behind() {
    assert!(child("traps").success());
}

#[test]
fn faults_that_are_nobodys_end_the_process() {
    use std::os::unix::process::ExitStatusExt;
    for role in ["no signals", "fault of the host"] {
        assert_eq!(child(role).signal(), Some(libc::SIGSEGV), "{role}");
    }
}

/// Function 0 calls the host's `first` and adds 1; function 1 calls `second` and adds 1.
fn calling() -> Module {
    let mut m = Module::new();
    let symbols = [declare(&mut m, "first", 1, true), declare(&mut m, "second", 1, true)];
    for (index, ext) in symbols.into_iter().enumerate() {
        let mut b = function(["outer", "inner"][index], &[Ty::I64], &[Ty::I64]);
        b.set_loc(0, 10 + index as u32);
        let (x, one) = (param(&b, 0), b.i64(1));
        let y = b.call(Callee::Extern(ext), &[x], &[Ty::I64])[0];
        let sum = b.bin(BinOp::Add, Ty::I64, y, one);
        ret(&mut b, &[sum]);
        let id = m.reserve_func();
        m.define_func(id, b.finish());
    }
    m
}

fn through() -> ExternTarget {
    host(|caller, slots| {
        let mut rets = [0];
        caller.call(FuncId(1), &[0, slots[0]], &mut rets)?;
        slots[0] = rets[0];
        Ok(())
    })
}

#[test]
fn panics_of_the_host_pass_through_compiled_code() {
    for compile in subsets(2) {
        let second = host(|_, slots| match slots[0] {
            0 => panic!("no zeroes"),
            n => {
                slots[0] = n * 2;
                Ok(())
            }
        });
        let symbols = vec![("first", through()), ("second", second)];
        let mut machine = Machine::with(calling(), Setup { compile, symbols, ..Setup::default() });
        for _ in 0..10 {
            let panicked = catch_unwind(AssertUnwindSafe(|| machine.run(FuncId(0), &[0])));
            let payload = panicked.expect_err("the panic goes on");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"no zeroes"));
            assert_eq!(machine.call(FuncId(0), &[4]), Ok(vec![10]), "the machine goes on");
        }
    }
}

/// What a nested call ends with, the host function may keep for itself.
#[test]
fn traps_of_nested_calls_are_the_hosts_to_pass_on() {
    for compile in subsets(2) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeps = kept.clone();
        let first = host(move |caller, slots| {
            for n in 0..4 {
                let mut rets = [0];
                match caller.call(FuncId(1), &[0, n], &mut rets) {
                    Ok(()) => slots[0] += rets[0],
                    Err(trap) => keeps.lock().unwrap().push(told(Err(trap))),
                }
            }
            Ok(())
        });
        let second = host(|caller, slots| match slots[0] {
            2 => Err(caller.trap("not two")),
            3 => Err(Trap::of_kind(TrapKind::OutOfMemory, [0; 3])),
            _ => Ok(()),
        });
        let symbols = vec![("first", first), ("second", second)];
        let mut machine = Machine::with(calling(), Setup { compile, symbols, ..Setup::default() });
        assert_eq!(machine.call(FuncId(0), &[100]), Ok(vec![104]));
        let stack = |name: &str, place: Option<(u32, u32)>| (name.to_owned(), place, place.is_none());
        let frames = vec![
            stack("second", None),
            stack("inner", Some((0, 11))),
            stack("first", None),
            stack("outer", Some((0, 10))),
        ];
        let want = [
            Err((TrapReason::Host, "not two".to_owned(), frames.clone())),
            Err((TrapReason::Kind(TrapKind::OutOfMemory), "out of memory".to_owned(), frames)),
        ];
        assert_eq!(*kept.lock().unwrap(), want);
    }
}

#[test]
fn symbols_that_nobody_knows_are_told_where_they_are_called() {
    for compile in subsets(2) {
        let symbols = vec![("first", through())];
        let mut machine = Machine::with(calling(), Setup { compile, symbols, ..Setup::default() });
        let trap = machine.run(FuncId(0), &[1]).unwrap_err();
        assert_eq!((trap.reason(), trap.message()), (TrapReason::Link, "nobody knows `second`"));
        let names: Vec<String> = frames(&trap).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["second", "inner", "first", "outer"]);
    }
}

thread_local! {
    static HANDLE: std::cell::Cell<Option<CallbackHandle>> = const { std::cell::Cell::new(None) };
}

/// What libffi would generate for a callback of `i64 -> i64`.
extern "C" fn stub(x: i64) -> i64 {
    let handle = HANDLE.get().expect("the callback was made");
    let mut rets = [0];
    // SAFETY: the tests call this while the instance lives.
    unsafe { handle.call(&[x as u64], &mut rets) };
    rets[0] as i64
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
    fn caller(&self, _: &CSignature, _: u32, _: &[CStruct]) -> Result<Arc<dyn NativeCaller>, String> {
        Ok(Arc::new(Unary))
    }
}

struct Unary;

impl NativeCaller for Unary {
    unsafe fn call(&self, code: *const (), args: *const u64, ret: *mut u64) {
        // SAFETY: the tests only call functions of this type.
        unsafe {
            let f: extern "C" fn(i64) -> i64 = std::mem::transmute(code);
            ret.write((f(args.read() as i64) + f(args.read() as i64 + 1)) as u64);
        }
    }
}

/// Function 0 calls C by a pointer, which calls function 1 twice: that doubles its argument, traps on 13, loads from its
/// argument above 100, and calls the whole again below 0.
#[test]
fn callbacks_from_c_run_compiled_code() {
    let mut m = Module::new();
    let unary = CSignature { params: vec![INT], ret: INT, variadic: false };
    let unary = m.sig(Sig::C { sig: unary, fixed: 1 });
    let ids = [m.reserve_func(), m.reserve_func()];
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    b.set_loc(0, 10);
    let x = param(&b, 0);
    let dst = b.temp(Ty::Ptr);
    b.push(Inst::CFuncAddr { dst, func: ids[1] });
    let y = b.call(Callee::CPtr(dst.into(), unary), &[x], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(ids[0], b.finish());
    let sig = Signature { params: vec![Ty::I64], rets: vec![Ty::I64] };
    let mut b = Builder::new("double", sig, CallConv::C);
    b.func_mut().c_sig = Some(unary);
    b.set_loc(0, 20);
    let x = b.param(0).into();
    let (thirteen, hundred, zero, three) = (b.i64(13), b.i64(100), b.i64(0), b.i64(3));
    let fine = b.cmp(CmpOp::Ne, Ty::I64, x, thirteen);
    b.push(Inst::Check { cond: fine, kind: TrapKind::BadCast });
    let (loads, next, again, plain) = (b.block(), b.block(), b.block(), b.block());
    let large = b.cmp(CmpOp::SGt, Ty::I64, x, hundred);
    b.branch(large, loads, next);
    b.switch_to(loads);
    b.set_loc(0, 30);
    let place = b.conv(ConvOp::Bitcast, Ty::I64, Ty::Ptr, x);
    let value = b.load(Ty::I64, at(place, 0));
    ret(&mut b, &[value]);
    b.switch_to(next);
    let small = b.cmp(CmpOp::SLt, Ty::I64, x, zero);
    b.branch(small, again, plain);
    b.switch_to(again);
    b.set_loc(0, 40);
    let (null, more) = (b.null(), b.bin(BinOp::Add, Ty::I64, x, three));
    let y = b.call(Callee::Func(ids[0]), &[null, more], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    b.switch_to(plain);
    let y = b.bin(BinOp::Add, Ty::I64, x, x);
    ret(&mut b, &[y]);
    m.define_func(ids[1], b.finish());
    let natives: Arc<dyn NativeInterface> = Arc::new(Natives);
    let setup = |compile| Setup { compile, natives: natives.clone(), ..Setup::default() };
    let mut interpreter = Machine::with(m.clone(), setup(Compile::Nothing));
    let mut want = Vec::new();
    let cases: [i64; 7] = [1, -1, -2, -9, 12, 13, 0x7fff_1234_5678_9000];
    for x in cases {
        want.push(told(interpreter.run(ids[0], &[x as u64])));
    }
    assert_eq!(want[0], Ok(vec![6]));
    assert_eq!(want.iter().filter(|want| want.is_err()).count(), 3);
    for compile in subsets(2) {
        let mut machine = Machine::with(m.clone(), setup(compile.clone()));
        for _ in 0..3 {
            for (x, want) in cases.into_iter().zip(&want) {
                assert_eq!(told(machine.run(ids[0], &[x as u64])), *want, "{compile:?} {x}");
            }
        }
    }
}
