//! Atomic operations: each with each ordering and width, against what the same numbers give in Rust; what isn't an address
//! traps; threads see each other.

mod common;

use common::*;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};
use sx_ir::*;
use sx_vm::*;

const TYPES: [Ty; 5] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::Ptr];

/// Pairs of what is there and what comes: signs, carries, equal ones.
const PAIRS: [(u64, u64); 6] =
    [(5, 3), (3, 5), (0, u64::MAX), (u64::MAX, 1), (0x8081_8283_8485_8687, 0x7071_7273_7475_7677), (9, 9)];

fn mask(ty: Ty) -> u64 {
    u64::MAX >> (64 - ty.size(8) * 8)
}

fn kind(trap: Trap) -> TrapKind {
    match trap.reason() {
        TrapReason::Kind(kind) => kind,
        other => panic!("{other:?}"),
    }
}

/// Runs `f(place, a, b)`, one operation on a cell that holds `before` with the neighbours all ones. What it gave and what the
/// cell holds then; the neighbours must be untouched.
fn on_cell(
    ty: Ty,
    before: u64,
    args: [u64; 2],
    inst: impl FnOnce(&mut Builder, [Operand; 3]) -> Operand,
) -> [u64; 2] {
    let mut b = function("f", &[Ty::Ptr, ty, ty], &[ty]);
    let params = [0, 1, 2].map(|i| param(&b, i));
    let result = inst(&mut b, params);
    ret(&mut b, &[result]);
    let mut cells = [u64::MAX; 3];
    cells[1] = before & mask(ty) | !mask(ty);
    let address = &raw mut cells[1] as u64;
    let result = run(b.finish(), &[address, args[0], args[1]]).expect("no trap");
    assert_eq!((cells[0], cells[2]), (u64::MAX, u64::MAX));
    assert_eq!(cells[1] & !mask(ty), !mask(ty), "bytes behind the cell were written");
    [result & mask(ty), cells[1] & mask(ty)]
}

/// The bits of a number of the type's width, sign-extended.
fn signed(ty: Ty, bits: u64) -> i64 {
    let shift = 64 - ty.size(8) * 8;
    ((bits << shift) as i64) >> shift
}

fn computed(op: RmwOp, ty: Ty, x: u64, y: u64) -> u64 {
    let (x, y) = (x & mask(ty), y & mask(ty));
    let (sx, sy) = (signed(ty, x), signed(ty, y));
    let bits = match op {
        RmwOp::Swap => y,
        RmwOp::Add => x.wrapping_add(y),
        RmwOp::Sub => x.wrapping_sub(y),
        RmwOp::And => x & y,
        RmwOp::Or => x | y,
        RmwOp::Xor => x ^ y,
        RmwOp::SMin => sx.min(sy) as u64,
        RmwOp::SMax => sx.max(sy) as u64,
        RmwOp::UMin => x.min(y),
        RmwOp::UMax => x.max(y),
    };
    bits & mask(ty)
}

#[test]
fn loads_give_what_is_there() {
    for ty in TYPES {
        for order in Ordering::ALL.into_iter().filter(|order| order.fits_load()) {
            for (before, _) in PAIRS {
                let done = on_cell(ty, before, [0; 2], |b, [ptr, ..]| {
                    let dst = b.temp(ty);
                    b.push(Inst::AtomicLoad { ty, order, dst, ptr });
                    dst.into()
                });
                assert_eq!(done, [before & mask(ty); 2], "{ty:?} {order:?}");
            }
        }
    }
}

#[test]
fn stores_write_their_width() {
    for ty in TYPES {
        for order in Ordering::ALL.into_iter().filter(|order| order.fits_store()) {
            for (before, after) in PAIRS {
                let done = on_cell(ty, before, [after, 0], |b, [ptr, val, _]| {
                    b.push(Inst::AtomicStore { ty, order, ptr, val });
                    val
                });
                assert_eq!(done[1], after & mask(ty), "{ty:?} {order:?}");
            }
        }
    }
}

#[test]
fn what_computes_gives_the_old_value_and_writes_the_new_one() {
    for ty in TYPES {
        for op in RmwOp::ALL.into_iter().filter(|op| op.takes(ty)) {
            for order in Ordering::ALL {
                for (before, arg) in PAIRS {
                    let done = on_cell(ty, before, [arg, 0], |b, [ptr, val, _]| {
                        let dst = b.temp(ty);
                        b.push(Inst::AtomicRmw { op, ty, order, dst, ptr, val });
                        dst.into()
                    });
                    let expected = [before & mask(ty), computed(op, ty, before, arg)];
                    assert_eq!(done, expected, "{op:?} {ty:?} {order:?} {before:#x} {arg:#x}");
                }
            }
        }
    }
}

#[test]
fn exchanges_compare_their_width() {
    for ty in TYPES {
        for order in Ordering::ALL {
            for failure in Ordering::ALL.into_iter().filter(|&failure| order.fits_failure(failure)) {
                for (before, other) in PAIRS {
                    let exchange = |old: u64| {
                        on_cell(ty, before, [old, 0x55], |b, [ptr, old, new]| {
                            let dst = b.temp(ty);
                            b.push(Inst::AtomicCas { ty, order, failure, dst, ptr, old, new });
                            dst.into()
                        })
                    };
                    // Above the width the registers differ, which doesn't count.
                    let success = exchange(before & mask(ty) | !mask(ty) & 0x1234_5678_9abc_def0);
                    assert_eq!(success, [before & mask(ty), 0x55], "{ty:?} {order:?} {failure:?}");
                    let after = if before & mask(ty) == other & mask(ty) { 0x55 } else { before & mask(ty) };
                    assert_eq!(exchange(other), [before & mask(ty), after], "{ty:?} {order:?} {failure:?}");
                }
            }
        }
    }
}

#[test]
fn constants_and_shared_registers_are_operands() {
    for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64] {
        let done = on_cell(ty, 7, [0; 2], |b, [ptr, ..]| {
            let (old, new, dst) = (b.constant(ty, 7), b.constant(ty, 100), b.temp(ty));
            b.push(Inst::AtomicCas {
                ty,
                order: Ordering::SeqCst,
                failure: Ordering::SeqCst,
                dst,
                ptr,
                old,
                new,
            });
            dst.into()
        });
        assert_eq!(done, [7, 100]);
        let done = on_cell(ty, 7, [0; 2], |b, [ptr, ..]| {
            let val = b.constant(ty, 9);
            b.push(Inst::AtomicStore { ty, order: Ordering::SeqCst, ptr, val });
            val
        });
        assert_eq!(done, [9, 9]);
    }
}

#[test]
fn null_and_misaligned_addresses_trap() {
    let access = |ty: Ty, which: u32, address: u64| {
        let mut b = function("f", &[Ty::Ptr, ty], &[]);
        let (ptr, val) = (param(&b, 0), param(&b, 1));
        let (order, failure, dst) = (Ordering::SeqCst, Ordering::SeqCst, b.temp(ty));
        b.push(match which {
            0 => Inst::AtomicLoad { ty, order, dst, ptr },
            1 => Inst::AtomicStore { ty, order, ptr, val },
            2 => Inst::AtomicRmw { op: RmwOp::Swap, ty, order, dst, ptr, val },
            _ => Inst::AtomicCas { ty, order, failure, dst, ptr, old: val, new: val },
        });
        ret(&mut b, &[]);
        run(b.finish(), &[address, 1]).map_err(kind)
    };
    let cells = [0u64; 2];
    let address = &raw const cells as u64;
    for ty in TYPES {
        for which in 0..4 {
            assert_eq!(access(ty, which, 0), Err(TrapKind::NullDereference));
            assert_eq!(access(ty, which, 8), Err(TrapKind::NullDereference), "the null page");
            for off in 0..8 {
                let aligned = off % ty.size(8) as u64 == 0;
                let expected = if aligned { Ok(0) } else { Err(TrapKind::InvalidMemory) };
                assert_eq!(access(ty, which, address + off), expected, "{ty:?} {which} {off}");
            }
        }
    }
}

/// `times` rounds of `inst` on the address that is given.
fn rounds(times: u64, inst: impl Fn(&mut Builder, Operand)) -> Func {
    let mut b = function("rounds", &[Ty::Ptr], &[]);
    let ptr = param(&b, 0);
    let (i, zero) = (b.var(Ty::I64), b.i64(0));
    set(&mut b, i, zero);
    while_loop(
        &mut b,
        |b| {
            let times = b.i64(times as i64);
            b.cmp(CmpOp::SLt, Ty::I64, i.into(), times)
        },
        |b| {
            inst(b, ptr);
            let one = b.i64(1);
            b.push(Inst::Bin { op: BinOp::Add, ty: Ty::I64, dst: i, a: i.into(), b: one });
        },
    );
    ret(&mut b, &[]);
    b.finish()
}

#[test]
fn instances_on_several_threads_lose_no_update() {
    const TIMES: u64 = 20_000;
    let code = module(vec![rounds(TIMES, |b, ptr| {
        let (dst, val) = (b.temp(Ty::I64), b.i64(1));
        b.push(Inst::AtomicRmw { op: RmwOp::Add, ty: Ty::I64, order: Ordering::Relaxed, dst, ptr, val });
    })]);
    let program = program(&code);
    let count = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let program: Arc<Program> = program.clone();
            let count = &count;
            scope.spawn(move || {
                let mut instance = Instance::new(program, Config::default()).expect("an instance");
                call(&mut instance, FuncId(0), &[count.as_ptr() as u64], 0).expect("no trap");
            });
        }
        for _ in 0..TIMES {
            count.fetch_add(1, atomic::Ordering::Relaxed);
        }
    });
    assert_eq!(count.into_inner(), 4 * TIMES);
}

#[test]
fn fences_run_in_every_ordering() {
    for order in Ordering::ALL.into_iter().filter(|order| order.fits_fence()) {
        let mut b = function("f", &[], &[Ty::I64]);
        b.push(Inst::Fence { order });
        let one = b.i64(1);
        ret(&mut b, &[one]);
        assert_eq!(run(b.finish(), &[]).map_err(kind), Ok(1), "{order:?}");
    }
}
