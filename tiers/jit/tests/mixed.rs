//! Compiled and interpreted functions that call each other: what passes, in which order call stacks are told, where recursion
//! ends.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use sx_ir::*;
use sx_jit::tier::Options;
use sx_vm::*;

/// How many functions call each other: so many that each is called by one of the other kind, and calls one.
const LINKS: usize = 3;
const DEPTH: usize = 4;

/// A value of the type that differs from what it was made from.
fn changed(b: &mut Builder, ty: Ty, value: Operand, by: i64) -> Operand {
    match ty {
        Ty::F32 => {
            let by = b.constant(ty, (by as f32).to_bits() as u64);
            b.bin(BinOp::FAdd, ty, value, by)
        }
        Ty::F64 => {
            let by = b.constant(ty, (by as f64).to_bits());
            b.bin(BinOp::FAdd, ty, value, by)
        }
        Ty::Ptr => {
            let bits = b.conv(ConvOp::Bitcast, Ty::Ptr, Ty::I64, value);
            let bits = changed(b, Ty::I64, bits, by);
            b.conv(ConvOp::Bitcast, Ty::I64, Ty::Ptr, bits)
        }
        _ => {
            let by = b.constant(ty, by as u64);
            b.bin(BinOp::Add, ty, value, by)
        }
    }
}

/// Functions that give their arguments on to the next, changed, and give back its results, changed. The last makes results of
/// its arguments: each of the last of its type that isn't taken.
fn chain(params: &[Ty], rets: &[Ty], by_value: bool) -> Module {
    let mut m = Module::new();
    let class = m.sig(Sig::Sx(sig(params, rets)));
    for level in 0..LINKS {
        let mut b = function(&format!("level{level}"), params, rets);
        let mut values = Vec::new();
        for (index, &ty) in params.iter().enumerate() {
            let value = param(&b, index);
            values.push(changed(&mut b, ty, value, (level * 100 + index) as i64));
        }
        let results = if level + 1 < LINKS {
            let ctx = b.param(0).into();
            let next = FuncId(level as u32 + 1);
            let callee = if by_value {
                let dst = b.temp(Ty::Ptr);
                b.push(Inst::FuncAddr { dst, func: next });
                Callee::Value(dst.into(), class)
            } else {
                Callee::Func(next)
            };
            b.call(callee, &[&[ctx], &values[..]].concat(), rets)
        } else {
            let mut left: Vec<(Ty, Operand)> = params.iter().copied().zip(values).collect();
            let mut take = |b: &mut Builder, ty: Ty| match left.iter().rposition(|&(known, _)| known == ty) {
                Some(index) => left.remove(index).1,
                None => b.constant(ty, 0),
            };
            rets.iter()
                .map(|&ty| {
                    let value = take(&mut b, ty);
                    changed(&mut b, ty, value, 1)
                })
                .collect()
        };
        let mut given = Vec::new();
        for (index, (&ty, value)) in rets.iter().zip(results).enumerate() {
            given.push(changed(&mut b, ty, value, (level * 10 + index) as i64));
        }
        ret(&mut b, &given);
        let id = m.reserve_func();
        m.define_func(id, b.finish());
    }
    m
}

fn check_chain(params: &[Ty], rets: &[Ty]) {
    for by_value in [false, true] {
        let m = chain(params, rets, by_value);
        let args: Vec<u64> = params
            .iter()
            .enumerate()
            .map(|(index, &ty)| match ty {
                Ty::F32 => (index as f32 * 1.5 - 4.0).to_bits() as u64,
                Ty::F64 => (index as f64 * 2.5 - 7.0).to_bits(),
                _ => (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            })
            .collect();
        let want = Machine::with(m.clone(), Setup::interpreted()).call(FuncId(0), &args);
        assert!(want.is_ok());
        for compile in subsets(LINKS) {
            let mut machine =
                Machine::with(m.clone(), Setup { compile: compile.clone(), ..Setup::default() });
            for _ in 0..2 {
                let got = machine.call(FuncId(0), &args);
                assert_eq!(got, want, "{params:?} -> {rets:?}, by value: {by_value}, {compile:?}");
            }
        }
    }
}

/// `count` types, taken from a list again and again.
fn cycle(types: &[Ty], count: usize) -> Vec<Ty> {
    types.iter().copied().cycle().take(count).collect()
}

#[test]
fn arguments_of_one_kind_in_any_number() {
    for ty in [Ty::I64, Ty::F64, Ty::F32, Ty::I8, Ty::Ptr] {
        for count in [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 17] {
            check_chain(&cycle(&[ty], count), &[ty]);
        }
    }
}

#[test]
fn arguments_of_all_kinds() {
    use Ty::*;
    let orders: [&[Ty]; 4] =
        [&[I64, F64], &[F32, I8, F64, I16, Ptr, I32], &[I64, I64, I64, F64], &[F64, F64, F32, I8]];
    for order in orders {
        for count in [3, 6, 9, 12, 15, 20, 31] {
            check_chain(&cycle(order, count), &[order[0], order[1]]);
        }
    }
}

#[test]
fn results_of_all_kinds_in_any_number() {
    use Ty::*;
    let orders: [&[Ty]; 6] =
        [&[I64], &[F64], &[F32, I64], &[I8, F64], &[F64, F32, Ptr, I16], &[I32, I8, F32, F64]];
    for order in orders {
        for count in 0..=8 {
            let rets = cycle(order, count);
            check_chain(&rets, &rets);
            check_chain(&cycle(&[I64, F64, F32, I8, I16, I32, Ptr], 23), &rets);
        }
    }
}

/// Functions `level0` to `level3`, each calling the next; `level1` through the host's `again`. The one that the argument names
/// traps, and after the last one the host's `fails` does.
fn levels() -> Module {
    let mut m = Module::new();
    let again = declare(&mut m, "again", 1, true);
    let fails = declare(&mut m, "fails", 0, false);
    let ids: Vec<FuncId> = (0..DEPTH).map(|_| m.reserve_func()).collect();
    for (level, &id) in ids.iter().enumerate() {
        let mut b = function(&format!("level{level}"), &[Ty::I64], &[Ty::I64]);
        let at = 1000 * (level as u32 + 1);
        b.set_loc(0, at);
        let (ctx, n, own) = (b.param(0).into(), param(&b, 0), b.i64(level as i64));
        let other = b.cmp(CmpOp::Ne, Ty::I64, n, own);
        b.set_loc(1, at + 1);
        b.push(Inst::Check { cond: other, kind: TrapKind::WrongUnionTag });
        b.set_loc(2, at + 2);
        let value = match level {
            1 => b.call(Callee::Extern(again), &[n], &[Ty::I64])[0],
            3 => {
                b.call(Callee::Extern(fails), &[], &[]);
                n
            }
            _ => b.call(Callee::Func(ids[level + 1]), &[ctx, n], &[Ty::I64])[0],
        };
        let one = b.i64(1);
        let sum = b.bin(BinOp::Add, Ty::I64, value, one);
        ret(&mut b, &[sum]);
        m.define_func(id, b.finish());
    }
    m
}

fn symbols_of_levels() -> Vec<(&'static str, ExternTarget)> {
    let again = host(|caller, slots| {
        let mut rets = [0];
        caller.call(FuncId(2), &[0, slots[0]], &mut rets)?;
        slots[0] = rets[0] + 10;
        Ok(())
    });
    let fails = host(|caller, _| {
        let seen = frames(&caller.backtrace());
        let names: Vec<&str> = seen.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["fails", "level3", "level2", "again", "level1", "level0"]);
        Err(Trap::host("it fails"))
    });
    vec![("again", again), ("fails", fails)]
}

#[test]
fn call_stacks_are_those_of_the_interpreter() {
    let m = levels();
    let setup = || Setup { symbols: symbols_of_levels(), ..Setup::default() };
    let mut interpreter = Machine::with(m.clone(), Setup { compile: Compile::Nothing, ..setup() });
    let want: Vec<(TrapReason, String, Frames)> = (0..=DEPTH as u64)
        .map(|level| {
            let trap = interpreter.run(FuncId(0), &[level]).unwrap_err();
            (trap.reason(), trap.message().to_owned(), frames(&trap))
        })
        .collect();
    assert_eq!(want[0].2, [("level0".to_owned(), Some((1, 1001)), false)]);
    assert_eq!(want[4].2.len(), 6);
    for compile in subsets(DEPTH) {
        let mut machine = Machine::with(m.clone(), Setup { compile: compile.clone(), ..setup() });
        for _ in 0..3 {
            for (level, want) in want.iter().enumerate() {
                let trap = machine.run(FuncId(0), &[level as u64]).unwrap_err();
                let got = (trap.reason(), trap.message().to_owned(), frames(&trap));
                assert_eq!(got, *want, "{compile:?}, level {level}");
            }
        }
    }
}

/// Functions 0 and 1 call each other until the argument is 0, and add up what they were given. Each has so many bytes of locals.
fn ping_pong(bytes: [u32; 2]) -> Module {
    let mut m = Module::new();
    let ids = [m.reserve_func(), m.reserve_func()];
    for (index, name) in ["ping", "pong"].into_iter().enumerate() {
        let mut b = function(name, &[Ty::I64], &[Ty::I64]);
        b.set_loc(0, 10 + index as u32);
        let (ctx, n, zero, one) = (b.param(0).into(), param(&b, 0), b.i64(0), b.i64(1));
        let slot = b.slot(bytes[index], 8);
        let first = Addr { base: Base::Slot(slot), off: 0 };
        let last = Addr { base: Base::Slot(slot), off: bytes[index] as i32 - 8 };
        b.store(Ty::I64, first, n);
        b.store(Ty::I64, last, n);
        let more = b.cmp(CmpOp::Ne, Ty::I64, n, zero);
        let (again, done) = (b.block(), b.block());
        b.branch(more, again, done);
        b.switch_to(done);
        ret(&mut b, &[zero]);
        b.switch_to(again);
        let less = b.bin(BinOp::Sub, Ty::I64, n, one);
        let rest = b.call(Callee::Func(ids[1 - index]), &[ctx, less], &[Ty::I64])[0];
        let (x, y) = (b.load(Ty::I64, first), b.load(Ty::I64, last));
        let same = b.cmp(CmpOp::Eq, Ty::I64, x, y);
        b.push(Inst::Check { cond: same, kind: TrapKind::BadCast });
        let sum = b.bin(BinOp::Add, Ty::I64, rest, x);
        ret(&mut b, &[sum]);
        m.define_func(ids[index], b.finish());
    }
    m
}

#[track_caller]
fn overflows(machine: &mut Machine, func: FuncId, what: &str) {
    let trap = machine.run(func, &[u64::MAX >> 1]).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::StackOverflow), "{what}");
    let (_, head) = trap.omitted();
    for pair in trap.frames()[..head].windows(2) {
        assert_ne!(pair[0].func, pair[1].func, "{what}: the two call each other");
    }
    assert_eq!(trap.frames().last().map(|frame| frame.func.as_str()), Some("ping"), "{what}");
}

#[test]
fn recursion_ends_in_every_mixture() {
    for bytes in [[8, 8], [2000, 8], [1500, 2000], [8, 5000], [70_000, 3000]] {
        for compile in subsets(2) {
            // The VM stack may be what ends first, or the native stack.
            for stack_bytes in [256 << 10, 64 << 20] {
                let limits = Limits { stack_bytes, ..Limits::default() };
                let setup = Setup { compile: compile.clone(), limits, ..Setup::default() };
                let mut machine = Machine::with(ping_pong(bytes), setup);
                let what = format!("{bytes:?} {compile:?} {stack_bytes}");
                on_small_stack(256 << 10, move || {
                    for _ in 0..3 {
                        overflows(&mut machine, FuncId(0), &what);
                        assert_eq!(machine.call(FuncId(0), &[2]), Ok(vec![3]), "{what}: it goes on");
                    }
                });
            }
        }
    }
}

/// Calls itself through the host's `again` until the argument is 0.
fn turning() -> Module {
    let mut m = Module::new();
    let again = declare(&mut m, "again", 1, true);
    let main = m.reserve_func();
    let mut b = function("ping", &[Ty::I64], &[Ty::I64]);
    let n = param(&b, 0);
    let y = b.call(Callee::Extern(again), &[n], &[Ty::I64])[0];
    ret(&mut b, &[y]);
    m.define_func(main, b.finish());
    m
}

#[test]
fn recursion_through_the_host_ends() {
    let again = || {
        host(|caller, slots| match slots[0].checked_sub(1) {
            Some(less) => caller.call(FuncId(0), &[0, less], &mut slots[..1]),
            None => Ok(()),
        })
    };
    for native_depth in [20, 1_000_000] {
        for compile in [Compile::Everything, Compile::Nothing] {
            let limits = Limits { native_depth, stack_bytes: 64 << 20, ..Limits::default() };
            let setup = Setup { compile, limits, symbols: vec![("again", again())], ..Setup::default() };
            let mut machine = Machine::with(turning(), setup);
            on_small_stack(256 << 10, move || {
                for _ in 0..3 {
                    overflows(&mut machine, FuncId(0), "through the host");
                    // The call itself is one.
                    assert_eq!(machine.call(FuncId(0), &[19]), Ok(vec![0]));
                    if native_depth == 20 {
                        assert!(machine.call(FuncId(0), &[20]).is_err());
                    }
                }
            });
        }
    }
}

/// Calls of machine code count for nothing in how deep host and program may call each other.
#[test]
fn turns_between_the_tiers_have_no_limit_but_the_stack() {
    let limits = Limits { native_depth: 2, ..Limits::default() };
    let setup = Setup { compile: Compile::Only(vec![FuncId(0)]), limits, ..Setup::default() };
    let mut machine = Machine::with(ping_pong([8, 8]), setup);
    assert_eq!(machine.call(FuncId(0), &[300]), Ok(vec![300 * 301 / 2]));
}

/// Frames as large as they may be on the native stack: there is room left to tell the trap.
#[test]
fn recursion_with_the_largest_frames_ends() {
    let ty = VecTy { lane: Lane::I64, lanes: 64 };
    let mut compiled = Vec::new();
    for vectors in 2..40 {
        let mut m = Module::new();
        let id = m.reserve_func();
        let mut b = function("deep", &[Ty::I64], &[Ty::I64]);
        b.set_loc(0, 3);
        let (ctx, n, one) = (b.param(0).into(), param(&b, 0), b.i64(1));
        let wide: Vec<Operand> = (0..vectors)
            .map(|index| {
                let by = b.i64(index);
                let value = b.bin(BinOp::Add, Ty::I64, n, by);
                b.splat(ty, value)
            })
            .collect();
        let more = b.bin(BinOp::Add, Ty::I64, n, one);
        let mut sum = b.call(Callee::Func(id), &[ctx, more], &[Ty::I64])[0];
        for value in wide {
            let lane = b.lane(ty, value, 63);
            sum = b.bin(BinOp::Add, Ty::I64, sum, lane);
        }
        ret(&mut b, &[sum]);
        m.define_func(id, b.finish());
        let program = Program::new();
        program.compile_all(&m).expect("bytecode");
        let program = std::sync::Arc::new(program);
        let source = Box::new(move || m.clone());
        let tier = sx_jit::Tier::new(&program, source, Options::default()).expect("a tier");
        tier.compile_all();
        compiled.push(tier.stats().compiled == 1);
        let limits = Limits { stack_bytes: 64 << 20, ..Limits::default() };
        let mut instance =
            Instance::new(program, Config { limits, ..Config::default() }).expect("an instance");
        on_small_stack(256 << 10, move || {
            for _ in 0..3 {
                let trap = instance.call(id, &[0, 0], &mut [0]).unwrap_err();
                assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::StackOverflow), "{vectors}");
                assert_eq!(trap.frames()[0].place, Some((0, 3)));
            }
        });
    }
    assert!(compiled[0] && !compiled[37], "what needs more than 16 KiB stays interpreted");
    assert!(compiled.is_sorted_by_key(|compiled| !compiled), "{compiled:?}");
}
