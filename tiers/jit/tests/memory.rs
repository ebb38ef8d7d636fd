//! Loads and stores, blocks of memory, atomics, vectors: compiled and interpreted over memory of their own.

mod common;
use common::*;
use sx_ir::*;

/// Runs function 0 both ways on copies of the bytes, whose address is the only parameter; results and bytes must agree.
#[track_caller]
fn over(func: Func, bytes: &[u8], what: &str) -> Ended {
    let mut pair = Pair::of(func);
    let place = |bytes: &[u8]| -> Vec<u64> {
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        for (index, &byte) in bytes.iter().enumerate() {
            words[index / 8] |= (byte as u64) << (8 * (index % 8));
        }
        words
    };
    let (mut ours, mut theirs) = (place(bytes), place(bytes));
    let want = pair.interpreter.call(FuncId(0), &[theirs.as_mut_ptr() as u64]);
    let got = pair.machine.call(FuncId(0), &[ours.as_mut_ptr() as u64]);
    assert_eq!(got, want, "{what}: results, compiled on the left");
    assert_eq!(ours, theirs, "{what}: memory, compiled on the left");
    got
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(37).wrapping_add(11)).collect()
}

#[test]
fn loads_and_stores_of_every_type_and_alignment() {
    for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::Ptr] {
        for off in [0, 1, 7, 8] {
            let mut b = function("case", &[Ty::Ptr], &[ty]);
            let p = param(&b, 0);
            let value = b.load(ty, at(p, off));
            b.store(ty, at(p, 40 - off), value);
            let slot = b.slot(24, 64);
            b.store(ty, Addr { base: Base::Slot(slot), off }, value);
            let again = b.load(ty, Addr { base: Base::Slot(slot), off });
            let one = b.i64(1);
            let element = b.index(p, one, 24);
            b.store(ty, at(element, 0), again);
            ret(&mut b, &[again]);
            over(b.finish(), &bytes(64), &format!("{ty:?} {off}")).expect("no trap");
        }
    }
}

#[test]
fn slots_are_aligned_as_they_ask() {
    for align in [1, 8, 16, 32, 64, 128] {
        let mut b = function("case", &[Ty::Ptr], &[Ty::I64]);
        let slot = b.slot(10, align);
        let address = b.addr_of(Addr { base: Base::Slot(slot), off: 0 });
        let bits = b.conv(ConvOp::Bitcast, Ty::Ptr, Ty::I64, address);
        let mask = b.i64(align as i64 - 1);
        let low = b.bin(BinOp::And, Ty::I64, bits, mask);
        ret(&mut b, &[low]);
        assert_eq!(over(b.finish(), &[0; 8], "slot"), Ok(vec![0]));
    }
}

#[test]
fn null_is_refused_everywhere() {
    for case in 0..9 {
        for address in [0, 4095] {
            let mut b = function("case", &[Ty::Ptr], &[]);
            b.set_loc(0, 70 + case);
            let (p, null) = (param(&b, 0), b.constant(Ty::Ptr, address));
            let (eight, byte) = (b.i64(8), b.constant(Ty::I8, 1));
            match case {
                0 => drop(b.load(Ty::I32, at(null, 16))),
                1 => b.store(Ty::I64, at(null, 0), eight),
                2 => b.push(Inst::MemCopy { dst: at(p, 0), src: at(null, 0), size: 16 }),
                3 => b.push(Inst::MemCopy { dst: at(null, 0), src: at(p, 0), size: 600 }),
                4 => b.push(Inst::MemZero { dst: at(null, 0), size: 24 }),
                5 => b.push(Inst::MemMove { dst: p, src: null, len: eight }),
                6 => b.push(Inst::MemSet { dst: null, val: byte, len: eight }),
                7 => {
                    let dst = b.temp(Ty::I32);
                    b.push(Inst::MemCmp { dst, a: p, b: null, len: eight });
                }
                _ => b.push(Inst::NullCheck { ptr: null }),
            }
            ret(&mut b, &[]);
            let (kind, _, place) = over(b.finish(), &bytes(32), &format!("{case}")).expect_err("null");
            assert_eq!((kind, place), (TrapKind::NullDereference, Some((0, 70 + case))));
        }
    }
}

#[test]
fn blocks_of_memory() {
    for size in [0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 100, 127, 128, 129, 300] {
        let mut b = function("case", &[Ty::Ptr], &[Ty::I32, Ty::I32, Ty::I32]);
        let p = param(&b, 0);
        b.push(Inst::MemCopy { dst: at(p, 400), src: at(p, 1), size });
        b.push(Inst::MemZero { dst: at(p, 800), size });
        let (len, byte) = (b.i64(size as i64), b.constant(Ty::I8, 0xee));
        let to = b.addr_of(at(p, 1200));
        b.push(Inst::MemSet { dst: to, val: byte, len });
        let overlapping = b.addr_of(at(p, 405));
        let from = b.addr_of(at(p, 400));
        b.push(Inst::MemMove { dst: overlapping, src: from, len });
        let orders: Vec<Operand> = [(p, from), (from, p), (p, p)]
            .into_iter()
            .map(|(x, y)| {
                let dst = b.temp(Ty::I32);
                b.push(Inst::MemCmp { dst, a: x, b: y, len });
                dst.into()
            })
            .collect();
        // Nothing is at null, and 0 bytes of it are fine.
        let (null, none) = (b.null(), b.i64(0));
        b.push(Inst::MemMove { dst: null, src: null, len: none });
        ret(&mut b, &orders);
        over(b.finish(), &bytes(1600), &format!("{size} bytes")).expect("no trap");
    }
    let mut b = function("negative", &[Ty::Ptr], &[]);
    let (p, len) = (param(&b, 0), b.i64(-1));
    b.push(Inst::MemMove { dst: p, src: p, len });
    ret(&mut b, &[]);
    assert_eq!(over(b.finish(), &bytes(8), "negative").expect_err("a trap").0, TrapKind::InvalidMemory);
}

#[test]
fn globals_and_data() {
    let mut m = Module::new();
    let init = Data { bytes: vec![1, 2, 3, 4, 5, 6, 7, 8], align: 8, relocs: Vec::new() };
    let global = m.add_global(Global { name: "g".into(), size: 16, init });
    let data = m.string(b"hello, world");
    let mut b = function("case", &[Ty::I64], &[Ty::I64, Ty::I32]);
    let n = param(&b, 0);
    let place = Addr { base: Base::Global(global), off: 8 };
    let before = b.load(Ty::I64, place);
    let sum = b.bin(BinOp::Add, Ty::I64, before, n);
    b.store(Ty::I64, place, sum);
    let first = b.load(Ty::I64, Addr { base: Base::Global(global), off: 0 });
    let sum = b.bin(BinOp::Add, Ty::I64, sum, first);
    let text = b.load(Ty::I32, Addr { base: Base::Data(data), off: 7 });
    ret(&mut b, &[sum, text]);
    let id = m.reserve_func();
    m.define_func(id, b.finish());
    let mut pair = Pair::new(m);
    for n in [5, 6, u64::MAX] {
        pair.same(&[n], &"globals").expect("no trap");
    }
}

#[test]
fn atomic_operations_of_every_width() {
    for ty in INTS.into_iter().chain([Ty::Ptr]) {
        for op in RmwOp::ALL.into_iter().filter(|op| op.takes(ty)) {
            for value in [0, 1, 0x80, 0x8000, u64::MAX, 1 << 63] {
                let mut b = function("case", &[Ty::Ptr], &[ty, ty, ty, ty]);
                let (ptr, val) = (param(&b, 0), b.constant(ty, value));
                let order = Ordering::SeqCst;
                let [first, second, third, last] = [(); 4].map(|()| b.temp(ty));
                b.push(Inst::AtomicRmw { op, ty, order, dst: first, ptr, val });
                b.push(Inst::AtomicCas {
                    ty,
                    order,
                    failure: order,
                    dst: second,
                    ptr,
                    old: val,
                    new: first.into(),
                });
                b.push(Inst::Fence { order });
                b.push(Inst::AtomicCas {
                    ty,
                    order,
                    failure: Ordering::Relaxed,
                    dst: third,
                    ptr,
                    old: second.into(),
                    new: val,
                });
                b.push(Inst::AtomicLoad { ty, order: Ordering::Acquire, dst: last, ptr });
                let next = b.addr_of(at(ptr, 8));
                b.push(Inst::AtomicStore { ty, order: Ordering::Release, ptr: next, val: last.into() });
                ret(&mut b, &[first, second, third, last].map(Operand::from));
                over(b.finish(), &bytes(16), &format!("{op:?} {ty:?} {value:x}")).expect("no trap");
            }
        }
        for (off, kind) in [(1, TrapKind::InvalidMemory), (0, TrapKind::NullDereference)] {
            if ty == Ty::I8 && off == 1 {
                continue;
            }
            let mut b = function("case", &[Ty::Ptr], &[]);
            let p = if off == 0 { b.null() } else { param(&b, 0) };
            let ptr = b.addr_of(at(p, off));
            let dst = b.temp(ty);
            b.push(Inst::AtomicLoad { ty, order: Ordering::SeqCst, dst, ptr });
            ret(&mut b, &[]);
            assert_eq!(over(b.finish(), &bytes(16), "misaligned").expect_err("a trap").0, kind);
        }
    }
}

/// The lanes of `x` and `y` are at 0 and 512, the result goes to 1024.
fn vector_case(ty: VecTy, result: impl FnOnce(&mut Builder, Operand, Operand) -> (Ty, Operand)) -> Func {
    let mut b = function("case", &[Ty::Ptr], &[]);
    b.set_loc(0, 8);
    let p = param(&b, 0);
    let (x, y) = (b.load(Ty::Vec(ty), at(p, 0)), b.load(Ty::Vec(ty), at(p, 512)));
    let (ty, value) = result(&mut b, x, y);
    b.store(ty, at(p, 1024), value);
    ret(&mut b, &[]);
    b.finish()
}

fn vector_bytes(ty: VecTy, shift: usize) -> Vec<u8> {
    let samples = samples(ty.lane.ty());
    let mut all = vec![0u8; 2048];
    for (place, skip) in [(0, 0), (512, shift)] {
        for lane in 0..ty.lanes as usize {
            let value = samples[(lane * 5 + skip) % samples.len()].to_le_bytes();
            let size = ty.lane.size() as usize;
            all[place + lane * size..][..size].copy_from_slice(&value[..size]);
        }
    }
    all
}

#[test]
fn operations_on_lanes() {
    use BinOp::*;
    for lane in [Lane::I8, Lane::I16, Lane::I32, Lane::I64, Lane::F32, Lane::F64] {
        let float = lane.ty().is_float();
        for lanes in [1, 3, 4, 19] {
            let ty = VecTy { lane, lanes };
            let vec = Ty::Vec(ty);
            let bins: &[BinOp] = if float {
                &[FAdd, FSub, FMul, FDiv]
            } else {
                &[Add, Sub, Mul, And, Or, Xor, Shl, SShr, UShr, SDiv, UDiv, SRem, URem]
            };
            for (index, &op) in bins.iter().enumerate() {
                let func = vector_case(ty, |b, x, y| (vec, b.bin(op, vec, x, y)));
                for shift in [1, 2 + index] {
                    // NaN of sums may differ in its bits; the samples of both have one at different lanes.
                    let mut bytes = vector_bytes(ty, shift);
                    if float {
                        scrub(&mut bytes, lane);
                    }
                    let _ = over(func.clone(), &bytes, &format!("{op:?} {vec:?}"));
                }
            }
            let uns: &[UnOp] = if float {
                &[UnOp::FNeg, UnOp::FAbs, UnOp::Floor, UnOp::Ceil, UnOp::Trunc, UnOp::Round]
            } else {
                &[UnOp::Neg, UnOp::Not, UnOp::Clz, UnOp::Ctz, UnOp::Popcnt, UnOp::Bswap]
            };
            for &op in uns {
                let func = vector_case(ty, |b, x, _| (vec, b.un(op, vec, x)));
                let _ = over(func, &vector_bytes(ty, 0), &format!("{op:?} {vec:?}"));
            }
            let cmp = if float { CmpOp::FLe } else { CmpOp::SLt };
            let func = vector_case(ty, |b, x, y| (vec.with_lane(Ty::I8), b.cmp(cmp, vec, x, y)));
            let _ = over(func, &vector_bytes(ty, 3), &format!("{cmp:?} {vec:?}"));
            let func = vector_case(ty, |b, x, y| {
                let scalar = b.lane(ty, x, lanes - 1);
                let all = b.splat(ty, scalar);
                let first = b.lane(ty, y, 0);
                let var = b.var(vec);
                b.push(Inst::Copy { dst: var, src: all });
                (vec, b.set_lane(ty, var.into(), first, lanes / 2))
            });
            over(func, &vector_bytes(ty, 3), &format!("lanes of {vec:?}")).expect("no trap");
            let to = if float { Ty::I16 } else { Ty::F64 };
            let op = if float { ConvOp::FToS } else { ConvOp::UToF };
            let to = vec.with_lane(to);
            let func = vector_case(ty, |b, x, _| (to, b.conv(op, vec, to, x)));
            over(func, &vector_bytes(ty, 0), &format!("{op:?} {vec:?}")).expect("no trap");
        }
    }
}

/// Puts numbers where NaN and infinity are, so that no operation makes a NaN of its own.
fn scrub(bytes: &mut [u8], lane: Lane) {
    for chunk in bytes.chunks_exact_mut(lane.size() as usize) {
        match lane {
            Lane::F32 if !f32::from_le_bytes(chunk.try_into().unwrap()).is_normal() => {
                chunk.copy_from_slice(&2.0f32.to_le_bytes());
            }
            Lane::F64 if !f64::from_le_bytes(chunk.try_into().unwrap()).is_normal() => {
                chunk.copy_from_slice(&2.0f64.to_le_bytes());
            }
            _ => {}
        }
    }
}
