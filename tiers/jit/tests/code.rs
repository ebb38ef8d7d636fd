//! Code memory: capped, never writable and executable at once, freed whole; what is refused is told.

mod common;
use common::*;
use std::sync::Arc;
use sx_ir::*;
use sx_jit::*;

struct Nothing;

impl Link for Nothing {
    fn class(&self, _: &Signature) -> Option<u32> {
        None
    }
    fn global(&self, _: GlobalId) -> Option<u32> {
        None
    }
    fn data(&self, _: DataId) -> Option<DataPlace> {
        None
    }
}

fn loader() -> Func {
    let mut b = function("loader", &[Ty::Ptr], &[Ty::I64]);
    let p = param(&b, 0);
    b.set_loc(0, 10);
    let value = b.load(Ty::I64, at(p, 0));
    b.set_loc(0, 20);
    let other = b.load(Ty::I64, at(p, 8));
    let sum = b.bin(BinOp::Add, Ty::I64, value, other);
    ret(&mut b, &[sum]);
    b.finish()
}

fn compiler() -> Compiler {
    Compiler::new(Config::of_this_process().expect("code can be entered")).expect("a compiler")
}

/// The rights of the mapping that an address lies in.
#[cfg(target_os = "linux")]
fn rights(address: usize) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let range = usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?;
        range.contains(&address).then(|| rest[..4].to_owned())
    })
}

#[test]
#[cfg(target_os = "linux")]
fn pages_are_sealed() {
    let module = module(vec![loader()]);
    let mut compiler = compiler();
    let code = compiler.function(&module, FuncId(0), &Nothing).expect("code");
    let batch = CodeSpace::new(1 << 20).load(&compiler, vec![code]).expect("memory");
    assert_eq!(rights(batch.entry(0) as usize).as_deref(), Some("r-xp"));
}

#[test]
fn the_cap_holds_and_memory_comes_back() {
    let module = module(vec![loader()]);
    let mut compiler = compiler();
    let mut code = || compiler.function(&module, FuncId(0), &Nothing).expect("code");
    let codes: Vec<MachineCode> = (0..3).map(|_| code()).collect();
    let [a, b, c] = <[MachineCode; 3]>::try_from(codes).expect("three");
    let size = CodeSpace::new(1 << 20).load(&compiler, vec![a]).expect("memory").size();
    let space = CodeSpace::new(size);
    let batch = space.load(&compiler, vec![b]).expect("memory");
    assert_eq!(space.used(), size);
    let full = space.load(&compiler, vec![c]).expect_err("full");
    assert!(matches!(full, MemoryError::Full { .. }), "{full}");
    drop(batch);
    assert_eq!(space.used(), 0);
}

#[test]
fn loading_and_unloading_leaves_nothing() {
    let module = module(vec![loader()]);
    let mut compiler = compiler();
    let space = CodeSpace::new(1 << 20);
    for _ in 0..500 {
        let code = compiler.function(&module, FuncId(0), &Nothing).expect("code");
        drop(space.load(&compiler, vec![code]).expect("memory"));
    }
    assert_eq!(space.used(), 0);
    assert_eq!(Arc::strong_count(&space), 1);
}

#[test]
fn accesses_are_in_the_tables_with_their_positions() {
    let module = module(vec![loader()]);
    let mut compiler = compiler();
    let code = compiler.function(&module, FuncId(0), &Nothing).expect("code");
    let batch = CodeSpace::new(1 << 20).load(&compiler, vec![code]).expect("memory");
    let start = batch.entry(0) as usize;
    let accesses: Vec<usize> = (start..start + 4096).filter(|&at| batch.may_fault(at)).collect();
    let func = module.func(FuncId(0)).unwrap();
    let places: Vec<u32> = accesses
        .iter()
        .map(|&at| func.locs[batch.location(at).expect("a position").1.index()].offset)
        .collect();
    assert_eq!(places, [10, 20]);
    assert_eq!(batch.find(start - 1), None);
    assert_eq!(batch.name(0), Some("loader"));
}

#[test]
fn what_cannot_be_compiled_says_why() {
    let mut compiler = compiler();
    let mut m = Module::new();
    let global = m.add_global(Global { name: "g".into(), size: 8, init: Data::default() });
    let mut b = function("global", &[], &[Ty::I64]);
    let value = b.load(Ty::I64, Addr { base: Base::Global(global), off: 0 });
    ret(&mut b, &[value]);
    let mut large = function("large", &[], &[]);
    large.slot((1 << 30) + 8, 8);
    ret(&mut large, &[]);
    let mut long = function("long", &[Ty::I64], &[Ty::I64]);
    let mut value = param(&long, 0);
    for _ in 0..100_001 {
        value = long.un(UnOp::Not, Ty::I64, value);
    }
    ret(&mut long, &[value]);
    for func in [b.finish(), large.finish(), long.finish(), loader()] {
        let id = m.reserve_func();
        m.define_func(id, func);
    }
    let absent = m.reserve_func();
    let mut refusal = |id: FuncId| compiler.function(&m, id, &Nothing).err();
    assert_eq!(refusal(FuncId(0)), Some(Unsupported::Unlinked));
    assert_eq!(refusal(FuncId(1)), Some(Unsupported::Frame));
    assert_eq!(refusal(FuncId(2)), Some(Unsupported::Size));
    assert_eq!(refusal(absent), Some(Unsupported::NoBody));
    assert_eq!(refusal(FuncId(3)), None, "the compiler can be used on");
}
