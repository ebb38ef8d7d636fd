//! Runs functions compiled and interpreted, and compares.

#![allow(dead_code, reason = "each test file uses a part")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use sx_ir::*;
use sx_jit::runtime::{Cell, Left, Runtime, Services, enter};
use sx_jit::*;
use sx_vm::{Instance, Program, Trap, TrapReason};

pub const INTS: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];

/// A signature of the default ABI: the context comes first by itself.
pub fn sig(params: &[Ty], rets: &[Ty]) -> Signature {
    Signature { params: [&[Ty::Ptr], params].concat(), rets: rets.to_vec() }
}

/// Starts a function with a context parameter.
pub fn function(name: &str, params: &[Ty], rets: &[Ty]) -> Builder {
    Builder::new(name, sig(params, rets), CallConv::Sx)
}

/// A module of these functions, in order.
pub fn module(funcs: Vec<Func>) -> Module {
    let mut module = Module::new();
    for func in funcs {
        let id = module.reserve_func();
        module.define_func(id, func);
    }
    module
}

/// The operand of a parameter behind the context.
pub fn param(b: &Builder, index: usize) -> Operand {
    b.param(index + 1).into()
}

/// A `return` of these operands.
pub fn ret(b: &mut Builder, values: &[Operand]) {
    let list = b.list(values.iter().copied());
    b.terminate(Term::Return(list));
}

/// Memory at an operand.
pub fn at(base: Operand, off: i32) -> Addr {
    Addr { base: Base::Reg(base), off }
}

/// Values at the edges of every width.
pub fn edges() -> Vec<u64> {
    let mut values: Vec<u64> =
        vec![0, 1, 2, 3, 7, 10, 100, 0x55, 0xaaaa_aaaa_aaaa_aaaa, 0x1234_5678_9abc_def0];
    for bits in [7, 8, 15, 16, 31, 32, 63] {
        let power = 1u64 << bits;
        values.extend([power - 1, power, power + 1, power.wrapping_neg()]);
    }
    values.extend([u64::MAX, u64::MAX - 1]);
    values
}

/// Floats at the edges of every conversion.
pub fn floats() -> Vec<f64> {
    vec![
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.5,
        3.5,
        0.1,
        1e10,
        -1e10,
        1e300,
        127.0,
        128.0,
        255.9,
        256.0,
        -129.0,
        -0.9,
        32768.0,
        65536.0,
        2147483648.0,
        -2147483649.0,
        4294967296.5,
        9.3e18,
        -9.3e18,
        1.9e19,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MIN_POSITIVE,
    ]
}

/// The edges of a type, as bits in a slot.
pub fn samples(ty: Ty) -> Vec<u64> {
    match ty {
        Ty::F32 => floats().into_iter().map(|value| (value as f32).to_bits() as u64).collect(),
        Ty::F64 => floats().into_iter().map(f64::to_bits).collect(),
        _ => edges(),
    }
}

/// A result as its type sees it: one NaN is as good as another.
pub fn normal(ty: Ty, bits: u64) -> u64 {
    match ty {
        Ty::F32 if f32::from_bits(bits as u32).is_nan() => 0x7fc0_0000,
        Ty::F64 if f64::from_bits(bits).is_nan() => 0x7ff8_0000_0000_0000,
        _ => bits & (u64::MAX >> (64 - 8 * ty.size(8))),
    }
}

/// How a call ended: results, or the trap's kind, message and position.
pub type Ended = Result<Vec<u64>, (TrapKind, String, Option<(u32, u32)>)>;

/// What compiled code asks for in tests.
#[derive(Default)]
pub struct Host {
    /// What a poll finds.
    pub request: Option<TrapKind>,
    /// How often it was asked.
    pub polls: u32,
    /// What was called: the extern's or signature's number, and arguments.
    pub calls: Vec<(u32, Vec<u64>)>,
    /// What calls fail with.
    pub fails: Option<TrapKind>,
    /// The native stack of the last call, if that is asked for.
    pub trace: Option<String>,
    /// What happened to the error trace.
    pub errors: Vec<(u32, u32, u32)>,
}

impl Services for Host {
    fn call_extern(&mut self, ext: u32, slots: &mut [u64]) -> Result<(), TrapKind> {
        self.calls.push((ext, slots.to_vec()));
        if self.trace.is_some() {
            self.trace = Some(std::backtrace::Backtrace::force_capture().to_string());
        }
        slots[0] = slots.iter().fold(0, |sum, &slot| sum.wrapping_add(slot));
        self.fails.map_or(Ok(()), Err)
    }
    fn call_pointer(&mut self, code: u64, sig: u32, slots: &mut [u64]) -> Result<(), TrapKind> {
        self.calls.push((sig, slots.to_vec()));
        slots[0] = code.wrapping_add(slots[0]);
        self.fails.map_or(Ok(()), Err)
    }
    fn c_func_addr(&mut self, func: u32) -> Result<u64, TrapKind> {
        self.fails.map_or(Ok(0x1000 + func as u64), Err)
    }
    fn extern_addr(&mut self, ext: u32) -> Result<u64, TrapKind> {
        self.fails.map_or(Ok(0x2000 + ext as u64), Err)
    }
    fn err_trace(&mut self, what: u32, func: u32, loc: u32) {
        self.errors.push((what, func, loc));
    }
    fn poll(&mut self) -> Option<TrapKind> {
        self.polls += 1;
        self.request
    }
}

/// Numbers and addresses of one module.
pub struct Linked {
    classes: RefCell<HashMap<Signature, u32>>,
    data: Vec<Box<[u64]>>,
}

impl Link for Linked {
    fn class(&self, sig: &Signature) -> Option<u32> {
        let mut classes = self.classes.borrow_mut();
        let next = classes.len() as u32;
        Some(*classes.entry(sig.clone()).or_insert(next))
    }
    fn global(&self, id: GlobalId) -> Option<u32> {
        Some(id.0)
    }
    fn data(&self, id: DataId) -> Option<DataPlace> {
        Some(DataPlace::Shared(self.data.get(id.index())?.as_ptr() as usize))
    }
}

fn words(bytes: &[u8], size: usize) -> Box<[u64]> {
    let mut words = vec![0u64; size.max(bytes.len()).div_ceil(8).max(1)];
    for (index, &byte) in bytes.iter().enumerate() {
        words[index / 8] |= (byte as u64) << (8 * (index % 8));
    }
    words.into()
}

/// A module whose functions are compiled.
pub struct Machine {
    pub module: Module,
    pub batch: Batch,
    pub host: Host,
    pub rt: Box<Runtime>,
    entries: HashMap<Signature, usize>,
    cells: Vec<Cell>,
    globals: Vec<Box<[u64]>>,
    objects: Vec<*mut u8>,
    linked: Linked,
}

/// Where the calling thread's stack may end, for tests.
pub fn stack_limit() -> usize {
    let here = 0u8;
    (&raw const here as usize).saturating_sub(512 * 1024)
}

impl Machine {
    pub fn new(module: Module) -> Machine {
        Machine::with(module, Runtime::config())
    }
    pub fn with(module: Module, config: Config) -> Machine {
        let mut compiler = Compiler::new(config).expect("a compiler for this machine");
        let linked = Linked {
            classes: RefCell::default(),
            data: module.datas.iter().map(|data| words(&data.bytes, 0)).collect(),
        };
        let ids = 0..module.funcs.len() as u32;
        let mut code = Vec::new();
        for id in ids.clone() {
            verify(module.func(FuncId(id)).expect("a body"), &module).expect("well-formed");
            match compiler.function(&module, FuncId(id), &linked) {
                Ok(function) => code.push(function),
                Err(why) => panic!("function {id}: {why}"),
            }
        }
        let mut entries = HashMap::new();
        for func in module.funcs.iter().flatten() {
            if !entries.contains_key(&func.sig) {
                entries.insert(func.sig.clone(), code.len());
                code.push(compiler.trampoline(&func.sig).expect("a trampoline"));
            }
        }
        let batch = CodeSpace::new(64 << 20).load(&compiler, code).expect("code memory");
        let cells: Vec<Cell> = ids
            .map(|id| Cell {
                code: batch.entry(id as usize),
                class: linked.class(&module.func(FuncId(id)).unwrap().sig).unwrap(),
            })
            .collect();
        let mut globals: Vec<Box<[u64]>> =
            module.globals.iter().map(|global| words(&global.init.bytes, global.size as usize)).collect();
        let objects: Vec<*mut u8> = globals.iter_mut().map(|words| words.as_mut_ptr().cast()).collect();
        let rt = Box::new(Runtime::new(&cells, &objects, stack_limit()));
        Machine { module, batch, host: Host::default(), rt, entries, cells, globals, objects, linked }
    }
    /// Puts another function's code into a cell.
    pub fn replace(&mut self, cell: usize, by: usize) {
        self.cells[cell].code = self.batch.entry(by);
        self.rt.cells = self.cells.as_ptr();
    }
    /// Calls with a null context.
    pub fn call(&mut self, func: FuncId, args: &[u64]) -> Ended {
        let sig = self.module.func(func).unwrap().sig.clone();
        let args = [&[0], args].concat();
        assert_eq!(args.len(), sig.params.len());
        let mut results = vec![0; sig.rets.len()];
        let trampoline = self.batch.entry(self.entries[&sig]);
        let code = self.batch.entry(func.index());
        // SAFETY: the code was made for this signature and record, and lives as long as the machine.
        unsafe { enter(trampoline, code, &mut self.rt, &mut self.host, &args, &mut results) };
        match self.rt.trap() {
            Some((noted, left)) => Err(self.ended(noted, left)),
            None => Ok(results.iter().zip(&sig.rets).map(|(&bits, &ty)| normal(ty, bits)).collect()),
        }
    }
    fn ended(&self, noted: Option<TrapKind>, left: Left) -> (TrapKind, String, Option<(u32, u32)>) {
        let kind = match noted {
            Some(kind) if left.code == abi::NOTED => kind,
            _ => KINDS[(left.code & 0xff) as usize],
        };
        let (index, loc) = self.batch.location(left.pc - 1).expect("traps have positions");
        let loc = self.module.funcs[index].as_ref().unwrap().locs[loc.index()];
        let message = Trap::of_kind(kind, left.operands).message().to_owned();
        (kind, message, Some((loc.file, loc.offset)))
    }
}

/// Kinds by number, for the way back.
const KINDS: [TrapKind; 21] = [
    TrapKind::IndexOutOfRange,
    TrapKind::SliceOutOfRange,
    TrapKind::DivisionByZero,
    TrapKind::DivisionOverflow,
    TrapKind::NullDereference,
    TrapKind::UnwrapNull,
    TrapKind::StackOverflow,
    TrapKind::BadCast,
    TrapKind::Unreachable,
    TrapKind::AssertionFailed,
    TrapKind::Panic,
    TrapKind::OutOfMemory,
    TrapKind::WrongUnionTag,
    TrapKind::BadEnumTag,
    TrapKind::IterableTooShort,
    TrapKind::Deadlock,
    TrapKind::Deadline,
    TrapKind::OutOfFuel,
    TrapKind::Canceled,
    TrapKind::InvalidMemory,
    TrapKind::MemoryLimit,
];

/// Both executors over one module.
pub struct Pair {
    pub machine: Machine,
    pub instance: Instance,
}

impl Pair {
    pub fn new(module: Module) -> Pair {
        let program = Program::new();
        program.compile_all(&module).expect("bytecode");
        let instance = Instance::new(Arc::new(program), sx_vm::Config::default()).expect("an instance");
        Pair { machine: Machine::new(module), instance }
    }
    pub fn of(func: Func) -> Pair {
        Pair::new(module(vec![func]))
    }
    /// What the interpreter does.
    pub fn interpreted(&mut self, func: FuncId, args: &[u64]) -> Ended {
        let sig = self.machine.module.func(func).unwrap().sig.clone();
        let mut out = vec![0; sig.rets.len()];
        match self.instance.call(func, &[&[0], args].concat(), &mut out) {
            Ok(()) => Ok(out.iter().zip(&sig.rets).map(|(&bits, &ty)| normal(ty, bits)).collect()),
            Err(trap) => match trap.reason() {
                TrapReason::Kind(kind) => {
                    let place = trap.frames().first().and_then(|frame| frame.place);
                    Err((kind, trap.message().to_owned(), place))
                }
                other => panic!("{other:?}: {trap}"),
            },
        }
    }
    /// Calls function 0 both ways; they must agree.
    #[track_caller]
    pub fn same(&mut self, args: &[u64], what: &dyn std::fmt::Display) -> Ended {
        let (want, got) = (self.interpreted(FuncId(0), args), self.machine.call(FuncId(0), args));
        assert_eq!(got, want, "{what} {args:x?}: compiled on the left");
        got
    }
}
