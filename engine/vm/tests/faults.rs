//! Hardware faults of programs are traps: at every kind of access, on every kind of thread, again and again.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;
use common::*;
use std::ffi::{c_int, c_void};
use std::process::{Command, ExitStatus};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering as Order};
use sx_ir::*;
use sx_vm::*;

const PAGE: usize = 4096;

/// Pages with a protection of their own, or the first page behind the end of a file.
struct Pages {
    base: *mut c_void,
}

impl Pages {
    fn protected(protection: c_int) -> Pages {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping.
        let base = unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, flags, -1, 0) };
        assert_ne!(base, libc::MAP_FAILED);
        Pages { base }
    }
    fn behind_a_file() -> Pages {
        // SAFETY: a new mapping of a new, empty file.
        unsafe {
            let file = libc::memfd_create(c"empty".as_ptr(), 0);
            let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
            let base = libc::mmap(ptr::null_mut(), PAGE, protection, flags, file, 0);
            assert_ne!(base, libc::MAP_FAILED);
            libc::close(file);
            Pages { base }
        }
    }
    fn address(&self) -> u64 {
        self.base as u64
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by us.
        unsafe { libc::munmap(self.base, PAGE) };
    }
}

/// An address that no page can have.
const NOWHERE: u64 = 0x8000_1234_5678_9ab8;

fn reg(value: Operand) -> Addr {
    Addr { base: Base::Reg(value), off: 0 }
}

type Access = Box<dyn Fn(&mut Builder, Operand)>;

/// Every way to touch memory, and whether it writes.
fn accesses() -> Vec<(String, bool, Access)> {
    let mut all: Vec<(String, bool, Access)> = Vec::new();
    let mut add = |name: String, writes: bool, access: Access| all.push((name, writes, access));
    for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::Ptr] {
        for off in [0, 64, -8, 100_000] {
            let at = move |p: Operand| Addr { base: Base::Reg(p), off };
            // The page is hit whatever the offset.
            let back = move |b: &mut Builder, p: Operand| {
                let by = b.i64(-(off as i64));
                b.bin(BinOp::Add, Ty::I64, p, by)
            };
            let read = move |b: &mut Builder, p: Operand| {
                let p = back(b, p);
                let value = b.load(ty, at(p));
                let slot = b.slot(8, 8);
                b.store(ty, Addr { base: Base::Slot(slot), off: 0 }, value);
            };
            add(format!("load {ty:?} {off}"), false, Box::new(read));
            let write = move |b: &mut Builder, p: Operand| {
                let p = back(b, p);
                let slot = b.slot(8, 8);
                let value = b.load(ty, Addr { base: Base::Slot(slot), off: 0 });
                b.store(ty, at(p), value);
            };
            add(format!("store {ty:?} {off}"), true, Box::new(write));
            let constant = move |b: &mut Builder, p: Operand| {
                let p = back(b, p);
                let value = b.constant(ty, 7);
                b.store(ty, at(p), value);
            };
            add(format!("store a constant {ty:?} {off}"), true, Box::new(constant));
        }
        let element = move |b: &mut Builder, p: Operand, checked: bool| {
            let slot = b.slot(8, 8);
            let (place, zero) = (Addr { base: Base::Slot(slot), off: 0 }, b.i64(0));
            b.store(Ty::I64, place, zero);
            let index = b.load(Ty::I64, place);
            if checked {
                let len = b.i64(3);
                b.push(Inst::Bounds { index, len, unsigned: false });
            }
            b.index(p, index, ty.size(8))
        };
        for checked in [false, true] {
            let read = move |b: &mut Builder, p: Operand| {
                let place = element(b, p, checked);
                let value = b.load(ty, reg(place));
                let slot = b.slot(8, 8);
                b.store(ty, Addr { base: Base::Slot(slot), off: 0 }, value);
            };
            add(format!("load element {ty:?} {checked}"), false, Box::new(read));
            let write = move |b: &mut Builder, p: Operand| {
                let place = element(b, p, checked);
                let value = b.constant(ty, 1);
                b.store(ty, reg(place), value);
            };
            add(format!("store element {ty:?} {checked}"), true, Box::new(write));
        }
    }
    for size in [16, 24, 200, 3000] {
        let from = move |b: &mut Builder, p: Operand| {
            let slot = b.slot(4096, 8);
            b.push(Inst::MemCopy { dst: Addr { base: Base::Slot(slot), off: 0 }, src: reg(p), size });
        };
        add(format!("copy from, {size}"), false, Box::new(from));
        let to = move |b: &mut Builder, p: Operand| {
            let slot = b.slot(4096, 8);
            b.push(Inst::MemCopy { dst: reg(p), src: Addr { base: Base::Slot(slot), off: 0 }, size });
        };
        add(format!("copy to, {size}"), true, Box::new(to));
        let zero = move |b: &mut Builder, p: Operand| b.push(Inst::MemZero { dst: reg(p), size });
        add(format!("zero, {size}"), true, Box::new(zero));
        let len = move |b: &mut Builder| b.i64(size as i64);
        let local = |b: &mut Builder| {
            let slot = b.slot(4096, 8);
            b.addr_of(Addr { base: Base::Slot(slot), off: 0 })
        };
        let from = move |b: &mut Builder, p: Operand| {
            let (dst, len) = (local(b), len(b));
            b.push(Inst::MemMove { dst, src: p, len });
        };
        add(format!("move from, {size}"), false, Box::new(from));
        let to = move |b: &mut Builder, p: Operand| {
            let (src, len) = (local(b), len(b));
            b.push(Inst::MemMove { dst: p, src, len });
        };
        add(format!("move to, {size}"), true, Box::new(to));
        let set = move |b: &mut Builder, p: Operand| {
            let (val, len) = (b.constant(Ty::I8, 3), len(b));
            b.push(Inst::MemSet { dst: p, val, len });
        };
        add(format!("set, {size}"), true, Box::new(set));
        let compare = move |b: &mut Builder, p: Operand| {
            let (other, len, dst) = (local(b), len(b), b.temp(Ty::I32));
            b.push(Inst::MemCmp { dst, a: other, b: p, len });
        };
        add(format!("compare, {size}"), false, Box::new(compare));
    }
    let vec = Ty::Vec(VecTy { lane: Lane::I32, lanes: 8 });
    let vector = move |b: &mut Builder, p: Operand| {
        let value = b.load(vec, reg(p));
        let slot = b.slot(32, 8);
        b.store(vec, Addr { base: Base::Slot(slot), off: 0 }, value);
    };
    add("load a vector".into(), false, Box::new(vector));
    let vector = move |b: &mut Builder, p: Operand| {
        let slot = b.slot(32, 8);
        let value = b.load(vec, Addr { base: Base::Slot(slot), off: 0 });
        b.store(vec, reg(p), value);
    };
    add("store a vector".into(), true, Box::new(vector));
    for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::Ptr] {
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
        let swap = move |b: &mut Builder, ptr: Operand| {
            let (dst, val) = (b.temp(ty), b.constant(ty, 1));
            b.push(Inst::AtomicRmw { op: RmwOp::Swap, ty, order, dst, ptr, val });
        };
        add(format!("atomic swap {ty:?}"), true, Box::new(swap));
        let cas = move |b: &mut Builder, ptr: Operand| {
            let (dst, old, new) = (b.temp(ty), b.constant(ty, 0), b.constant(ty, 1));
            b.push(Inst::AtomicCas { ty, order, failure: order, dst, ptr, old, new });
        };
        add(format!("atomic compare and exchange {ty:?}"), true, Box::new(cas));
    }
    all
}

/// A module of one function for each access, each called by another, so that there is a stack to walk.
fn accessing() -> (Vec<(String, bool)>, Module) {
    let mut module = Module::new();
    let mut cases = Vec::new();
    for (name, writes, access) in accesses() {
        let inner = module.reserve_func();
        let outer = module.reserve_func();
        let mut b = function("touch", &[Ty::I64], &[]);
        let place = param(&b, 0);
        access(&mut b, place);
        ret(&mut b, &[]);
        module.define_func(inner, b.finish());
        let mut b = function("caller", &[Ty::I64], &[]);
        let (context, place) = (b.param(0).into(), param(&b, 0));
        b.call(Callee::Func(inner), &[context, place], &[]);
        ret(&mut b, &[]);
        module.define_func(outer, b.finish());
        cases.push((name, writes));
    }
    (cases, module)
}

fn outer(case: usize) -> FuncId {
    FuncId(case as u32 * 2 + 1)
}

#[track_caller]
fn check_fault(instance: &mut Instance, case: usize, name: &str, address: u64) {
    let trap = call(instance, outer(case), &[address], 0).expect_err(name);
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::InvalidMemory), "{name}");
    assert_eq!(trap.message(), "invalid memory", "{name}");
    let names: Vec<&str> = trap.frames().iter().map(|frame| frame.func.as_str()).collect();
    assert_eq!(names, ["touch", "caller"], "{name}");
}

#[test]
fn every_access_can_fault() {
    let (cases, module) = accessing();
    for fuel in [None, Some(1 << 40)] {
        let limits = Limits { fuel, ..Limits::default() };
        let config = Config { limits, ..Config::default() };
        let mut instance = Instance::new(program(&module), config).expect("an instance");
        let (none, constant, behind) =
            (Pages::protected(libc::PROT_NONE), Pages::protected(libc::PROT_READ), Pages::behind_a_file());
        let good = Pages::protected(libc::PROT_READ | libc::PROT_WRITE);
        for (case, (name, writes)) in cases.iter().enumerate() {
            for address in [none.address(), behind.address(), NOWHERE] {
                check_fault(&mut instance, case, name, address);
            }
            if *writes {
                check_fault(&mut instance, case, name, constant.address());
            } else {
                assert!(call(&mut instance, outer(case), &[constant.address()], 0).is_ok(), "{name}");
            }
            assert!(call(&mut instance, outer(case), &[good.address()], 0).is_ok(), "{name}");
        }
    }
}

fn resident_kib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("it can be read");
    let pages: usize = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a number");
    pages * PAGE / 1024
}

fn faults_repeat_without_a_trace() {
    let (cases, module) = accessing();
    let program = program(&module);
    let none = Pages::protected(libc::PROT_NONE);
    let constant = Pages::protected(libc::PROT_READ);
    let behind = Pages::behind_a_file();
    let case =
        |wanted: &str| cases.iter().position(|(name, _)| name == wanted).expect("there is such a case");
    let kinds = [
        ("load I64 0", none.address()),
        ("store I64 0", none.address()),
        ("store I64 0", constant.address()),
        ("load I64 0", behind.address()),
        ("load I64 0", NOWHERE),
        ("copy from, 3000", none.address()),
        ("atomic swap I64", constant.address()),
    ];
    let mut before = 0;
    for round in 0..11 {
        let mut instance = Instance::new(program.clone(), Config::default()).expect("an instance");
        for &(name, address) in &kinds {
            for _ in 0..1000 {
                check_fault(&mut instance, case(name), name, address);
            }
        }
        if round == 0 {
            before = resident_kib();
        }
    }
    let after = resident_kib();
    assert!(after < before + 4096, "{before} KiB grew to {after} KiB");
}

#[test]
fn threads_of_c_have_a_stack_for_the_handler() {
    struct Work {
        program: Arc<Program>,
        address: u64,
        faulted: bool,
        has_alternate: bool,
    }
    extern "C" fn run(work: *mut c_void) -> *mut c_void {
        // SAFETY: the test waits for this thread.
        let work = unsafe { &mut *work.cast::<Work>() };
        let mut instance = Instance::new(work.program.clone(), Config::default()).expect("an instance");
        work.faulted = call(&mut instance, outer(0), &[work.address], 0).is_err();
        // SAFETY: only asks.
        unsafe {
            let mut stack: libc::stack_t = std::mem::zeroed();
            libc::sigaltstack(ptr::null(), &raw mut stack);
            work.has_alternate = stack.ss_flags & libc::SS_DISABLE == 0;
        }
        ptr::null_mut()
    }
    let (_, module) = accessing();
    let none = Pages::protected(libc::PROT_NONE);
    let program = program(&module);
    for _ in 0..100 {
        let mut work =
            Work { program: program.clone(), address: none.address(), faulted: false, has_alternate: false };
        // SAFETY: the thread ends before what it was given does.
        unsafe {
            let mut thread = std::mem::zeroed();
            let started =
                libc::pthread_create(&raw mut thread, ptr::null(), run, (&raw mut work).cast::<c_void>());
            assert_eq!(started, 0);
            libc::pthread_join(thread, ptr::null_mut());
        }
        assert!(work.faulted && work.has_alternate);
    }
}

/// A host function that every symbol names.
struct Only<F>(F);

impl<F> ExternResolver for Only<F>
where
    F: Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), Trap> + Clone + Send + Sync + 'static,
{
    fn resolve(
        &self,
        _: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        let function = self.0.clone();
        Ok(ExternTarget::Host(Arc::new(move |caller: &mut Caller<'_>, slots: &mut [u64]| {
            function(caller, slots)
        })))
    }
}

/// An instance whose function `main` calls the host with its argument, and then loads from there.
fn calling_the_host<F>(host: F) -> (Instance, FuncId)
where
    F: Fn(&mut Caller<'_>, &mut [u64]) -> Result<(), Trap> + Clone + Send + Sync + 'static,
{
    let (_, mut module) = accessing();
    let int = CType::Int { size: 8, signed: true };
    let c_sig = CSignature { params: vec![int, int], ret: CType::Void, variadic: false };
    let c_sig = module.sig(Sig::C { sig: c_sig, fixed: 2 });
    let ext = module.add_extern(Extern {
        symbol: "again".into(),
        library: Some(Extern::HOST.into()),
        kind: ExternKind::Func(c_sig),
        declared: (0, 0),
    });
    let id = module.reserve_func();
    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let (context, place) = (b.param(0).into(), param(&b, 0));
    b.call(Callee::Extern(ext), &[context, place], &[]);
    let value = b.load(Ty::I64, reg(place));
    ret(&mut b, &[value]);
    module.define_func(id, b.finish());
    let config = Config { resolver: Arc::new(Only(host)), ..Config::default() };
    (Instance::new(program(&module), config).expect("an instance"), id)
}

#[test]
fn a_fault_below_a_host_call_ends_the_inner_call_first() {
    let (mut instance, id) = calling_the_host(|caller, slots| {
        let args = [slots[0], slots[1]];
        for _ in 0..3 {
            let trap = caller.call(outer(0), &args, &mut []).expect_err("it faults");
            assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::InvalidMemory));
        }
        caller.call(outer(0), &args, &mut [])
    });
    let none = Pages::protected(libc::PROT_NONE);
    let trap = call(&mut instance, id, &[none.address()], 1).expect_err("it faults");
    let names: Vec<&str> = trap.frames().iter().map(|frame| frame.func.as_str()).collect();
    assert_eq!(names, ["touch", "caller", "again", "main"]);
}

#[test]
fn an_outer_call_faults_after_inner_ones_have_ended() {
    let good = Pages::protected(libc::PROT_READ | libc::PROT_WRITE);
    let place = good.address();
    let (mut instance, id) = calling_the_host(move |caller, slots| {
        caller.call(outer(0), &[slots[0], place], &mut [])?;
        caller.call(outer(0), &[slots[0], slots[1]], &mut []).expect_err("it faults");
        caller.call(outer(0), &[slots[0], place], &mut [])
    });
    let none = Pages::protected(libc::PROT_NONE);
    for _ in 0..10 {
        let trap = call(&mut instance, id, &[none.address()], 1).expect_err("it faults");
        assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::InvalidMemory));
        let names: Vec<&str> = trap.frames().iter().map(|frame| frame.func.as_str()).collect();
        assert_eq!(names, ["main"]);
    }
}

#[test]
fn a_message_that_cant_be_read_is_cut() {
    let mut b = function("panics", &[Ty::Ptr, Ty::I64], &[]);
    let (text, len) = (param(&b, 0), param(&b, 1));
    let operands = b.list([text, len]);
    b.terminate(Term::Trap(TrapKind::Panic, operands));
    let module = module(vec![b.finish()]);
    // SAFETY: a new mapping, whose second page can't be read.
    let base = unsafe {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let base = libc::mmap(ptr::null_mut(), 2 * PAGE, protection, flags, -1, 0);
        libc::mprotect(base.add(PAGE), PAGE, libc::PROT_NONE);
        base.cast::<u8>().write_bytes(b'x', PAGE);
        base
    };
    let mut instance = instance(&module);
    let trap =
        call(&mut instance, FuncId(0), &[base as u64 + PAGE as u64 - 5, 100], 0).expect_err("it traps");
    assert_eq!(trap.message(), "xxxxx");
    assert!(!sx_vm::fault::readable(base as usize, PAGE + 1));
    assert!(sx_vm::fault::readable(base as usize, PAGE));
    assert!(sx_vm::fault::writable(base as usize, PAGE));
    assert!(!sx_vm::fault::writable(base as usize + 1, PAGE));
    // SAFETY: mapped above.
    unsafe { libc::mprotect(base, PAGE, libc::PROT_READ) };
    assert!(sx_vm::fault::readable(base as usize, PAGE) && !sx_vm::fault::writable(base as usize, 1));
    assert!(sx_vm::fault::readable(base as usize + 5, 0));
    assert!(!sx_vm::fault::readable(usize::MAX - 5, 10));
    // SAFETY: mapped above.
    unsafe { libc::munmap(base, 2 * PAGE) };
}

// What ends or changes a process is tried in a child: this test, run alone with a variable that says which.

const ROLE: &str = "SX_FAULTS_ROLE";

fn child(role: &str) -> ExitStatus {
    let exe = std::env::current_exe().expect("the test has a path");
    let mut command = Command::new(exe);
    command.args(["--exact", "in_a_child", "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.status().expect("it runs")
}

static HOST_FAULTS: AtomicU32 = AtomicU32::new(0);
static OURS: AtomicU32 = AtomicU32::new(0);

/// The host's own way with faults: makes the page that it owns readable.
static HOST_PAGE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
static mut OUTER: Option<libc::sigaction> = None;

unsafe extern "C" fn host_handler(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's arguments; the page is ours.
    unsafe {
        let page = HOST_PAGE.load(Order::SeqCst);
        if (*info).si_addr() as usize == page {
            HOST_FAULTS.fetch_add(1, Order::SeqCst);
            libc::mprotect(page as *mut c_void, PAGE, libc::PROT_READ | libc::PROT_WRITE);
            return;
        }
        OURS.fetch_add(1, Order::SeqCst);
        match (&raw const OUTER).read() {
            Some(outer) => {
                type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
                let handler: Handler = std::mem::transmute(outer.sa_sigaction);
                handler(signal, info, context);
            }
            None => libc::_exit(99),
        }
    }
}

unsafe fn install_host_handler() {
    // SAFETY: zero is a value of the type; the handler keeps what it replaces.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = host_handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        let mut outer: libc::sigaction = std::mem::zeroed();
        assert_eq!(libc::sigaction(libc::SIGSEGV, &raw const action, &raw mut outer), 0);
        if outer.sa_sigaction != libc::SIG_DFL {
            OUTER = Some(outer);
        }
    }
}

fn with_host_handler(host_first: bool) {
    let (_, module) = accessing();
    let none = Pages::protected(libc::PROT_NONE);
    let own = Pages::protected(libc::PROT_NONE);
    HOST_PAGE.store(own.base as usize, Order::SeqCst);
    // SAFETY: this process is made for it.
    unsafe {
        if host_first {
            install_host_handler();
        }
        let mut instance = instance(&module);
        if !host_first {
            install_host_handler();
        }
        for round in 1..=3 {
            check_fault(&mut instance, 0, "load", none.address());
            libc::mprotect(own.base, PAGE, libc::PROT_NONE);
            own.base.cast::<u8>().write_volatile(1);
            assert_eq!(HOST_FAULTS.load(Order::SeqCst), round);
        }
    }
    assert_eq!(OURS.load(Order::SeqCst), if host_first { 0 } else { 3 });
}

/// Signals that somebody sends are no faults, also when they come in the middle of the program's own loads and stores.
fn signals_are_sent_during_copies() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    unsafe extern "C" fn count(_: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
        SEEN.fetch_add(1, Order::SeqCst);
    }
    // SAFETY: zero is a value of the type; the handler only counts.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()), 0);
    }
    let mut b = function("copies", &[Ty::I64, Ty::I64, Ty::I64], &[]);
    let (dst, src, len) = (param(&b, 0), param(&b, 1), param(&b, 2));
    for _ in 0..4 {
        b.push(Inst::MemMove { dst, src, len });
    }
    ret(&mut b, &[]);
    let mut instance = instance(&module(vec![b.finish()]));
    let (from, mut to) = (vec![1u8; 16 << 20], vec![0u8; 16 << 20]);
    // SAFETY: the call has no preconditions.
    let (process, thread) = unsafe { (libc::getpid(), libc::gettid()) };
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let sender = std::thread::spawn(move || {
        while !stopped.load(Order::SeqCst) {
            // SAFETY: sends a signal, which has a handler.
            unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGSEGV) };
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
    });
    let mut rounds = 0;
    while rounds < 20 || SEEN.load(Order::SeqCst) < 100 {
        let args = [to.as_mut_ptr() as u64, from.as_ptr() as u64, from.len() as u64];
        call(&mut instance, FuncId(0), &args, 0).expect("nothing is wrong with it");
        rounds += 1;
    }
    stop.store(true, Order::SeqCst);
    sender.join().expect("it ends");
    assert_eq!(to, from);
}

#[test]
fn in_a_child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (_, module) = accessing();
    let none = Pages::protected(libc::PROT_NONE);
    match role.as_str() {
        "host handler first" => with_host_handler(true),
        "host handler second" => with_host_handler(false),
        "fault of the host" => {
            let mut instance = instance(&module);
            check_fault(&mut instance, 0, "load", none.address());
            // SAFETY: none; that is the point.
            unsafe { (none.base as *mut u8).write_volatile(1) };
        }
        "fault of a host function" => {
            let (cases, _) = accessing();
            let bulk =
                cases.iter().position(|(name, _)| name == "copy from, 3000").expect("there is such a case");
            let (mut instance, id) = calling_the_host(move |caller, slots| {
                caller.call(outer(bulk), &[slots[0], slots[1]], &mut []).expect_err("it faults");
                // SAFETY: none; that is the point.
                unsafe { (slots[1] as usize as *mut u8).write_volatile(1) };
                Ok(())
            });
            let _ = call(&mut instance, id, &[none.address()], 1);
        }
        "faults repeat" => faults_repeat_without_a_trace(),
        "signal that was sent" => {
            // Rust's own handler would take one such signal as the end of its service.
            // SAFETY: the default is always there.
            unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
            let mut instance = instance(&module);
            check_fault(&mut instance, 0, "load", none.address());
            // SAFETY: sends a signal to this thread.
            unsafe { libc::raise(libc::SIGSEGV) };
        }
        "signals during copies" => signals_are_sent_during_copies(),
        "without signals" => {
            let config = Config { signals: false, ..Config::default() };
            let mut instance = Instance::new(program(&module), config).expect("an instance");
            let _ = call(&mut instance, outer(0), &[none.address()], 0);
        }
        "one with, one without" => {
            let mut with = instance(&module);
            check_fault(&mut with, 0, "load", none.address());
            let config = Config { signals: false, ..Config::default() };
            let mut without = Instance::new(program(&module), config).expect("an instance");
            let _ = call(&mut without, outer(0), &[none.address()], 0);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn hosts_keep_their_handlers() {
    assert!(child("host handler first").success());
    assert!(child("host handler second").success());
    assert!(child("signals during copies").success());
}

#[test]
fn faults_leave_nothing_behind() {
    assert!(child("faults repeat").success());
}

#[test]
fn other_faults_end_the_process_as_ever() {
    use std::os::unix::process::ExitStatusExt;
    for role in [
        "fault of the host",
        "fault of a host function",
        "signal that was sent",
        "without signals",
        "one with, one without",
    ] {
        assert_eq!(child(role).signal(), Some(libc::SIGSEGV), "{role}");
    }
}
