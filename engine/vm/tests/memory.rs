//! Memory: every way to reach it, globals and data, frames of every size.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::sync::Arc;
use sx_ir::*;
use sx_vm::*;

const TYPES: [Ty; 7] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::Ptr];

fn mask(ty: Ty, value: u64) -> u64 {
    value & (u64::MAX >> (64 - ty.size(8) * 8))
}

fn at(base: Base, off: i32) -> Addr {
    Addr { base, off }
}

/// Runs function 0 of a module.
fn run_module(m: &Module, args: &[u64]) -> u64 {
    call(&mut instance(m), FuncId(0), args, 1).unwrap()[0]
}

/// A module of one function with a global and two pieces of data, one of which points at the global.
fn with_storage(func: Func) -> Module {
    let mut m = Module::new();
    let id = m.reserve_func();
    m.add_global(Global {
        name: "g".into(),
        size: 128,
        init: Data { bytes: vec![7; 64], align: 16, relocs: vec![] },
    });
    m.add_data(Data { bytes: (0..128).collect(), align: 8, relocs: vec![] });
    let reloc = Reloc { offset: 8, target: RelocTarget::Global(GlobalId(0)), addend: 16 };
    m.add_data(Data { bytes: vec![0; 128], align: 8, relocs: vec![reloc] });
    m.define_func(id, func);
    m
}

#[test]
fn stores_are_read_back() {
    const VALUE: u64 = 0x8182_8384_8586_8788;
    let mut buffer = vec![0u64; 40_000];
    for ty in TYPES {
        for (constant, off) in
            [(false, 0), (false, 24), (true, 8), (false, 100_000), (true, -8), (false, -50_000)]
        {
            let place = &raw mut buffer[20_000] as u64;
            for kind in 0..4 {
                if kind != 0 && !(0..=96).contains(&off) {
                    continue;
                }
                let mut b = function("case", &[Ty::Ptr, ty], &[ty]);
                let slot = b.slot(128, 8);
                let base = match kind {
                    0 => Base::Reg(param(&b, 0)),
                    1 => Base::Slot(slot),
                    2 => Base::Global(GlobalId(0)),
                    _ => Base::Reg(b.addr_of(at(Base::Slot(slot), 8))),
                };
                let value = if constant { b.constant(ty, 5) } else { param(&b, 1) };
                b.store(ty, at(base, off), value);
                let back = b.load(ty, at(base, off));
                ret(&mut b, &[back]);
                let got = run_module(&with_storage(b.finish()), &[place, VALUE]);
                let want = if constant { 5 } else { VALUE };
                assert_eq!(mask(ty, got), mask(ty, want), "{ty:?} {off} {kind} {constant}");
            }
        }
    }
}

#[test]
fn narrow_loads_know_their_width() {
    let bytes = [0xffu8, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8];
    for (from, want) in [(Ty::I8, 0xff), (Ty::I16, 0xfeff), (Ty::I32, 0xfcfd_feff_u64)] {
        for (op, want) in [(ConvOp::Zext, want), (ConvOp::Sext, want | u64::MAX << (from.size(8) * 8))] {
            let mut b = function("case", &[Ty::Ptr], &[Ty::I64]);
            let p = param(&b, 0);
            let narrow = b.load(from, at(Base::Reg(p), 0));
            let wide = b.conv(op, from, Ty::I64, narrow);
            ret(&mut b, &[wide]);
            assert_eq!(run(b.finish(), &[bytes.as_ptr() as u64]).unwrap(), want, "{op:?} {from:?}");
        }
    }
}

/// How an element's index is checked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Check {
    None,
    Value,
    Constant,
}

#[test]
fn elements() {
    for ty in TYPES {
        let size = ty.size(8);
        for check in [Check::None, Check::Value, Check::Constant] {
            for (stride, off) in [(size, 0), (24, 0), (24, 8), (size, 40)] {
                for in_frame in [false, true] {
                    element(ty, check, stride, off, in_frame);
                }
            }
        }
    }
}

/// Stores to element 3 and reads it back through the same expression, then tries element 5 of 5.
fn element(ty: Ty, check: Check, stride: u32, off: i32, in_frame: bool) {
    let mut b = function("case", &[Ty::Ptr, Ty::I64, Ty::I64, ty], &[ty]);
    let (index, value) = (param(&b, 1), param(&b, 3));
    let len = if check == Check::Constant { b.i64(5) } else { param(&b, 2) };
    let slot = b.slot(256, 8);
    let place = |b: &mut Builder| {
        let base = if in_frame { b.addr_of(at(Base::Slot(slot), 0)) } else { param(b, 0) };
        if check != Check::None {
            b.push(Inst::Bounds { index, len, unsigned: false });
        }
        at(Base::Reg(b.index(base, index, stride)), off)
    };
    let to = place(&mut b);
    b.store(ty, to, value);
    let from = place(&mut b);
    let back = b.load(ty, from);
    ret(&mut b, &[back]);
    let module = module(vec![b.finish()]);
    let mut instance = instance(&module);
    let mut memory = [0u8; 256];
    let what = format!("{ty:?} {check:?} {stride} {off} {in_frame}");
    let args = [memory.as_mut_ptr() as u64, 3, 5, 0x4142_4344_4546_4748];
    let got = call(&mut instance, FuncId(0), &args, 1).unwrap()[0];
    assert_eq!(mask(ty, got), mask(ty, 0x4142_4344_4546_4748), "{what}");
    if !in_frame {
        let start = 3 * stride as usize + off as usize;
        assert_eq!(
            memory[start..start + ty.size(8) as usize],
            args[3].to_le_bytes()[..ty.size(8) as usize],
            "{what}"
        );
        assert_eq!(memory.iter().filter(|&&byte| byte != 0).count(), ty.size(8) as usize, "{what}");
    }
    if check != Check::None {
        for bad in [5, 6, u64::MAX, 1 << 63] {
            let trap = call(&mut instance, FuncId(0), &[args[0], bad, 5, 0], 1).expect_err(&what);
            assert_eq!(trap.message(), format!("index {} out of range for length 5", bad as i64), "{what}");
        }
    }
}

#[test]
fn a_check_is_made_even_if_the_element_is_not_used() {
    let mut b = function("case", &[Ty::I64], &[]);
    let (index, len) = (param(&b, 0), b.i64(3));
    let slot = b.slot(24, 8);
    let base = b.addr_of(at(Base::Slot(slot), 0));
    b.push(Inst::Bounds { index, len, unsigned: false });
    b.index(base, index, 8);
    ret(&mut b, &[]);
    assert!(run(b.finish(), &[3]).is_err());
}

#[test]
fn checks_come_in_order() {
    // The division stands between the check and the access: it traps first, and the access must not be made before.
    let mut b = function("case", &[Ty::Ptr, Ty::I64, Ty::I64], &[Ty::I64]);
    let (p, i, d) = (param(&b, 0), param(&b, 1), param(&b, 2));
    let len = b.i64(4);
    b.push(Inst::Bounds { index: i, len, unsigned: false });
    let place = b.index(p, i, 8);
    let q = b.bin(BinOp::SDiv, Ty::I64, len, d);
    b.store(Ty::I64, at(Base::Reg(place), 0), q);
    ret(&mut b, &[q]);
    let module = module(vec![b.finish()]);
    let mut instance = instance(&module);
    let mut memory = [0u64; 4];
    let p = memory.as_mut_ptr() as u64;
    let error =
        |instance: &mut Instance, args: &[u64]| call(instance, FuncId(0), args, 1).unwrap_err().to_string();
    assert_eq!(error(&mut instance, &[p, 9, 0]), "index 9 out of range for length 4");
    assert_eq!(error(&mut instance, &[p, 3, 0]), "division by zero");
    assert_eq!(call(&mut instance, FuncId(0), &[p, 3, 2], 1).unwrap(), [2]);
    assert_eq!(memory, [0, 0, 0, 2]);
}

#[test]
fn blocks_of_memory() {
    let mut b = function("case", &[Ty::Ptr, Ty::Ptr, Ty::I64, Ty::I8], &[Ty::I32]);
    let (p, q, n, v) = (param(&b, 0), param(&b, 1), param(&b, 2), param(&b, 3));
    b.push(Inst::MemCopy { dst: at(Base::Reg(p), 16), src: at(Base::Reg(q), 0), size: 16 });
    b.push(Inst::MemCopy { dst: at(Base::Reg(p), 32), src: at(Base::Reg(q), 0), size: 5 });
    b.push(Inst::MemZero { dst: at(Base::Reg(p), 33), size: 2 });
    b.push(Inst::MemMove { dst: p, src: q, len: n });
    let place = b.addr_of(at(Base::Reg(p), 40));
    b.push(Inst::MemSet { dst: place, val: v, len: n });
    let dst = b.temp(Ty::I32);
    b.push(Inst::MemCmp { dst, a: p, b: q, len: n });
    ret(&mut b, &[dst.into()]);
    let module = module(vec![b.finish()]);
    let mut instance = instance(&module);
    let mut to = [0xaau8; 64];
    let from: Vec<u8> = (1..=16).collect();
    let args = [to.as_mut_ptr() as u64, from.as_ptr() as u64, 4, 0x77];
    assert_eq!(call(&mut instance, FuncId(0), &args, 1).unwrap()[0] as i32, 0);
    let mut want = [0xaau8; 64];
    want[16..32].copy_from_slice(&from);
    want[32..37].copy_from_slice(&[1, 0, 0, 4, 5]);
    want[..4].copy_from_slice(&[1, 2, 3, 4]);
    want[40..44].fill(0x77);
    assert_eq!(to, want);
    // Length 0 is fine with null; other lengths with null were tested with the traps.
    let mut b = function("empty", &[Ty::Ptr, Ty::I64], &[Ty::I32]);
    let (p, n) = (param(&b, 0), param(&b, 1));
    let v = b.constant(Ty::I8, 1);
    b.push(Inst::MemMove { dst: p, src: p, len: n });
    b.push(Inst::MemSet { dst: p, val: v, len: n });
    let dst = b.temp(Ty::I32);
    b.push(Inst::MemCmp { dst, a: p, b: p, len: n });
    ret(&mut b, &[dst.into()]);
    assert_eq!(run(b.finish(), &[0, 0]).unwrap() as i32, 0);
}

#[test]
fn comparing_orders_by_the_first_difference() {
    for (a, c, want) in [(b"abc", b"abd", -1), (b"b__", b"a__", 1), (b"\xff__", b"\x01__", 1)] {
        let mut b = function("case", &[Ty::Ptr, Ty::Ptr], &[Ty::I32]);
        let (x, y, len) = (param(&b, 0), param(&b, 1), b.i64(3));
        let dst = b.temp(Ty::I32);
        b.push(Inst::MemCmp { dst, a: x, b: y, len });
        ret(&mut b, &[dst.into()]);
        let got = run(b.finish(), &[a.as_ptr() as u64, c.as_ptr() as u64]).unwrap() as i32;
        assert_eq!(got.signum(), want);
    }
}

#[test]
fn slots_are_aligned() {
    for align in [1u32, 8, 16, 32, 64, 4096] {
        let mut b = function("case", &[], &[Ty::I64]);
        let first = b.slot(3, 1);
        let slot = b.slot(40, align);
        let value = b.i64(9);
        b.store(Ty::I64, at(Base::Slot(slot), 32), value);
        let address = b.addr_of(at(Base::Slot(slot), 0));
        let back = b.load(Ty::I64, at(Base::Reg(address), 32));
        let nine = b.bin(BinOp::Sub, Ty::I64, back, value);
        let address = b.conv(ConvOp::Bitcast, Ty::Ptr, Ty::I64, address);
        let sum = b.bin(BinOp::Add, Ty::I64, address, nine);
        b.push(Inst::MemZero { dst: at(Base::Slot(first), 0), size: 3 });
        ret(&mut b, &[sum]);
        assert_eq!(run(b.finish(), &[]).unwrap() % align as u64, 0, "{align}");
    }
}

#[test]
fn data_is_shared_and_globals_are_not() {
    let mut b = function("case", &[], &[Ty::I64]);
    let g = b.load(Ty::I64, at(Base::Global(GlobalId(0)), 16));
    let one = b.i64(1);
    let more = b.bin(BinOp::Add, Ty::I64, g, one);
    b.store(Ty::I64, at(Base::Global(GlobalId(0)), 16), more);
    // The second piece of data points at the global's byte 16.
    let pointer = b.load(Ty::Ptr, at(Base::Data(DataId(1)), 8));
    let seen = b.load(Ty::I64, at(Base::Reg(pointer), 0));
    let first = b.load(Ty::I8, at(Base::Data(DataId(0)), 5));
    let first = b.conv(ConvOp::Zext, Ty::I8, Ty::I64, first);
    let sum = b.bin(BinOp::Add, Ty::I64, seen, first);
    ret(&mut b, &[sum]);
    let m = with_storage(b.finish());
    let program = program(&m);
    assert!(program.data_address(DataId(0)).is_some());
    assert_eq!(program.data_address(DataId(1)), None, "it points at an instance's global");
    let initial = 0x0707_0707_0707_0707 + 5;
    let mut first = Instance::new(program.clone(), Config::default()).unwrap();
    let mut second = Instance::new(program, Config::default()).unwrap();
    for i in 1..=3 {
        assert_eq!(call(&mut first, FuncId(0), &[], 1).unwrap(), [initial + i]);
    }
    assert_eq!(call(&mut second, FuncId(0), &[], 1).unwrap(), [initial + 1]);
    assert_ne!(first.global(GlobalId(0)), second.global(GlobalId(0)));
    // SAFETY: the global has 128 bytes and nothing runs.
    let beyond = unsafe { first.global(GlobalId(0)).unwrap().add(100).read() };
    assert_eq!(beyond, 0, "beyond its initial bytes it is zero");
}

#[test]
fn data_may_point_in_circles() {
    let mut b = function("case", &[], &[Ty::I64]);
    let mut p = b.addr_of(at(Base::Data(DataId(0)), 0));
    for _ in 0..4 {
        p = b.load(Ty::Ptr, at(Base::Reg(p), 0));
    }
    let tag = b.load(Ty::I64, at(Base::Reg(p), 8));
    ret(&mut b, &[tag]);
    let mut m = module(vec![b.finish()]);
    for (next, tag) in [(1, 10u64), (2, 11), (0, 12)] {
        let bytes = [0u64.to_le_bytes(), tag.to_le_bytes()].concat();
        let reloc = Reloc { offset: 0, target: RelocTarget::Data(DataId(next)), addend: 0 };
        m.add_data(Data { bytes, align: 8, relocs: vec![reloc] });
    }
    assert_eq!(run_module(&m, &[]), 11);
}

#[test]
fn growing_keeps_globals() {
    let mut m = Module::new();
    let counter = |m: &mut Module, name: &str| {
        let id =
            m.add_global(Global { name: name.into(), size: 8, init: Data { align: 8, ..Data::default() } });
        let mut b = function(name, &[], &[Ty::I64]);
        let g = b.load(Ty::I64, at(Base::Global(id), 0));
        let one = b.i64(1);
        let more = b.bin(BinOp::Add, Ty::I64, g, one);
        b.store(Ty::I64, at(Base::Global(id), 0), more);
        ret(&mut b, &[more]);
        let func = m.reserve_func();
        m.define_func(func, b.finish());
        (id, func)
    };
    let (first, first_func) = counter(&mut m, "first");
    let program = program(&m);
    let mut instance = Instance::new(program.clone(), Config::default()).unwrap();
    call(&mut instance, first_func, &[], 1).unwrap();
    let address = instance.global(first);
    for i in 0..100 {
        let (id, func) = counter(&mut m, &format!("g{i}"));
        program.compile(&m, func).unwrap();
        instance.grow().unwrap();
        assert_eq!(call(&mut instance, func, &[], 1).unwrap(), [1]);
        assert!(instance.global(id).is_some());
    }
    assert_eq!(instance.global(first), address);
    assert_eq!(call(&mut instance, first_func, &[], 1).unwrap(), [2]);
}

#[test]
fn frames_beyond_the_reach_of_slot_numbers() {
    for size in [100u32, 30_000, 40_000, 1 << 20, 3 << 20] {
        let mut m = module(vec![fib(FuncId(0))]);
        let mut b = function("large", &[Ty::I64], &[Ty::I64]);
        let (n, ctx) = (param(&b, 0), b.param(0).into());
        let slot = b.slot(size, 8);
        let last = size as i32 - 8;
        b.store(Ty::I64, at(Base::Slot(slot), last & !7), n);
        let seven = b.i64(7);
        let x = b.call(Callee::Func(FuncId(0)), &[ctx, seven], &[Ty::I64])[0];
        let y = b.call(Callee::Func(FuncId(0)), &[ctx, x], &[Ty::I64])[0];
        let z = b.load(Ty::I64, at(Base::Slot(slot), last & !7));
        let sum = b.bin(BinOp::Add, Ty::I64, x, y);
        let sum = b.bin(BinOp::Add, Ty::I64, sum, z);
        ret(&mut b, &[sum]);
        let id = m.reserve_func();
        m.define_func(id, b.finish());
        let limits = Limits { stack_bytes: 8 << 20, ..Limits::default() };
        let mut instance = Instance::new(program(&m), Config { limits, ..Config::default() }).unwrap();
        assert_eq!(call(&mut instance, id, &[1000], 1).unwrap(), [13 + 233 + 1000], "{size}");
    }
}

#[test]
fn functions_too_large_are_errors() {
    let n = 70_000;
    let mut b = function("huge", &[Ty::I64], &[Ty::I64]);
    let x = param(&b, 0);
    // Before this the builder has been told no position, and what is computed there has none.
    let first = b.bin(BinOp::Add, Ty::I64, x, x);
    b.set_loc(3, 17);
    let values: Vec<Operand> = (0..n)
        .map(|i| {
            let k = b.i64(i);
            b.bin(BinOp::Mul, Ty::I64, x, k)
        })
        .collect();
    let mut sum = first;
    for v in values {
        sum = b.bin(BinOp::Add, Ty::I64, sum, v);
    }
    ret(&mut b, &[sum]);
    let error = Program::new().compile_all(&module(vec![b.finish()])).unwrap_err();
    assert!(error.to_string().contains("`huge`: function too large"), "{error}");
    assert_eq!(error.place, Some((3, 17)));
}

#[test]
fn jumps_beyond_the_reach_of_short_ones() {
    // A loop whose body is larger than a short jump reaches.
    let n = 40_000;
    let mut b = function("long", &[Ty::I64], &[Ty::I64]);
    let rounds = param(&b, 0);
    let (i, sum) = (b.var(Ty::I64), b.var(Ty::I64));
    let zero = b.i64(0);
    set(&mut b, i, zero);
    set(&mut b, sum, zero);
    while_loop(
        &mut b,
        |b| b.cmp(CmpOp::SLt, Ty::I64, i.into(), rounds),
        |b| {
            for k in 0..n {
                let k = b.i64(k % 100);
                let t = b.bin(BinOp::Add, Ty::I64, sum.into(), k);
                set(b, sum, t);
            }
            let one = b.i64(1);
            let t = b.bin(BinOp::Add, Ty::I64, i.into(), one);
            set(b, i, t);
        },
    );
    ret(&mut b, &[sum.into()]);
    assert_eq!(run(b.finish(), &[3]).unwrap(), 3 * 400 * 4950);
}

#[test]
fn switches() {
    for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64] {
        let top = u64::MAX >> (64 - ty.size(8) * 8);
        for cases in [vec![], vec![5], vec![1, 2, 3, 5, 8], vec![0, 50, 100, top], vec![top - 1, top, 0]] {
            let mut b = function("case", &[ty], &[Ty::I64]);
            let val = param(&b, 0);
            let blocks: Vec<BlockId> = cases.iter().map(|_| b.block()).collect();
            let default = b.block();
            b.terminate(Term::Switch {
                ty,
                val,
                cases: cases.iter().copied().zip(blocks.iter().copied()).collect(),
                default,
            });
            for (&case, &block) in cases.iter().zip(&blocks) {
                b.switch_to(block);
                let result = b.constant(Ty::I64, case ^ 0x5555);
                ret(&mut b, &[result]);
            }
            b.switch_to(default);
            let none = b.i64(-1);
            ret(&mut b, &[none]);
            let module = module(vec![b.finish()]);
            let mut instance = instance(&module);
            for value in [0, 1, 2, 3, 4, 5, 6, 8, 9, 50, 51, 100, 101, 127, 128, top - 1, top] {
                let want = if cases.contains(&value) { value ^ 0x5555 } else { u64::MAX };
                // The bits above the width don't matter.
                let noise = if ty == Ty::I64 { 0 } else { 0xab << 56 };
                assert_eq!(
                    call(&mut instance, FuncId(0), &[value | noise], 1).unwrap(),
                    [want],
                    "{ty:?} {cases:?} {value}"
                );
            }
        }
    }
}

#[test]
fn meters_count() {
    let limits = Limits { memory_bytes: Some(100), ..Limits::default() };
    let instance = Instance::new(Arc::new(Program::new()), Config { limits, ..Config::default() }).unwrap();
    let meter = instance.meter();
    assert_eq!(meter.charge(60), Ok(()));
    assert_eq!(meter.charge(60), Err(MemoryLimitReached));
    meter.release(30);
    assert_eq!(meter.charge(60), Ok(()));
    assert_eq!((meter.used(), meter.peak(), meter.limit()), (90, 90, 100));
}
