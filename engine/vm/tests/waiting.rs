//! Calls that wait for code while fibers run.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use std::sync::Arc;
use sx_ir::*;
use sx_vm::*;

const INT: CType = CType::Int { size: 8, signed: true };
const MAIN: FuncId = FuncId(0);
const LATE: FuncId = FuncId(2);
const THROUGH: FuncId = FuncId(3);

/// The operations on fibers, and `outer`, which calls function 0.
struct Symbols;

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
        Ok(ExternTarget::Host(Arc::new(|caller: &mut Caller<'_>, slots: &mut [u64]| {
            let mut out = [0];
            caller.call(MAIN, &[0, slots[0]], &mut out)?;
            slots[0] = out[0];
            Ok(())
        })))
    }
}

fn declare(m: &mut Module, symbol: &str, params: usize) -> ExternId {
    let sig = CSignature { params: vec![INT; params], ret: INT, variadic: false };
    let sig = m.sig(Sig::C { sig, fixed: params as u32 });
    let library = Some(Extern::HOST.into());
    m.add_extern(Extern { symbol: symbol.into(), library, kind: ExternKind::Func(sig), declared: (0, 0) })
}

fn at(base: Operand, off: i32) -> Addr {
    Addr { base: Base::Reg(base), off }
}

/// Makes a fiber of function 1 with `(depth, out)`, and resumes it until it has ended.
fn run_fiber(b: &mut Builder, ops: [ExternId; 2], depth: Operand, out: Operand) {
    let start = b.slot(16, 8);
    let local = |off| Addr { base: Base::Slot(start), off };
    b.store(Ty::I64, local(0), depth);
    b.store(Ty::I64, local(8), out);
    let data = b.addr_of(local(0));
    let (entry, len) = (b.i64(FuncId(1).0 as i64 + 1), b.i64(16));
    let fiber = b.call(Callee::Extern(ops[0]), &[entry, data, len], &[Ty::I64])[0];
    while_loop(
        b,
        |b| {
            let answer = b.call(Callee::Extern(ops[1]), &[fiber], &[Ty::I64])[0];
            let zero = b.i64(0);
            b.cmp(CmpOp::SGt, Ty::I64, answer, zero)
        },
        |_| {},
    );
}

/// Function 0 runs fibers, as deep in each other as its argument says, of which the innermost adds `late(5)` to the result. Function 3
/// does the same below a host function.
fn fibers(late_bytes: Option<u32>) -> Module {
    let mut m = Module::new();
    let ids: Vec<FuncId> = (0..4).map(|_| m.reserve_func()).collect();
    let ops = [declare(&mut m, "sx_fiber_create", 3), declare(&mut m, "sx_fiber_resume", 1)];
    let suspend = declare(&mut m, "sx_fiber_suspend", 0);
    let outer = declare(&mut m, "outer", 1);

    let mut b = function("main", &[Ty::I64], &[Ty::I64]);
    let result = b.slot(8, 8);
    let place = Addr { base: Base::Slot(result), off: 0 };
    let zero = b.i64(0);
    b.store(Ty::I64, place, zero);
    let (depth, out) = (param(&b, 0), b.addr_of(place));
    run_fiber(&mut b, ops, depth, out);
    let value = b.load(Ty::I64, place);
    ret(&mut b, &[value]);
    m.define_func(ids[0], b.finish());

    let mut b = function("body", &[Ty::Ptr], &[]);
    let start = param(&b, 0);
    let depth = b.load(Ty::I64, at(start, 0));
    let out = b.load(Ty::Ptr, at(start, 8));
    let zero = b.i64(0);
    let more = b.cmp(CmpOp::SGt, Ty::I64, depth, zero);
    let (nested, leaf, done) = (b.block(), b.block(), b.block());
    b.terminate(Term::Branch { cond: more, then: nested, else_: leaf });
    b.switch_to(nested);
    let one = b.i64(1);
    let less = b.bin(BinOp::Sub, Ty::I64, depth, one);
    run_fiber(&mut b, ops, less, out);
    b.call(Callee::Extern(suspend), &[], &[Ty::I64]);
    b.jump(done);
    b.switch_to(leaf);
    b.call(Callee::Extern(suspend), &[], &[Ty::I64]);
    let (context, five) = (b.param(0).into(), b.i64(5));
    let value = b.call(Callee::Func(ids[2]), &[context, five], &[Ty::I64])[0];
    b.call(Callee::Extern(suspend), &[], &[Ty::I64]);
    let before = b.load(Ty::I64, at(out, 0));
    let sum = b.bin(BinOp::Add, Ty::I64, before, value);
    b.store(Ty::I64, at(out, 0), sum);
    b.jump(done);
    b.switch_to(done);
    ret(&mut b, &[]);
    m.define_func(ids[1], b.finish());

    if let Some(bytes) = late_bytes {
        let mut b = function("late", &[Ty::I64], &[Ty::I64]);
        let slot = b.slot(bytes, 8);
        let place = Addr { base: Base::Slot(slot), off: bytes as i32 - 8 };
        let n = param(&b, 0);
        b.store(Ty::I64, place, n);
        let n = b.load(Ty::I64, place);
        let product = b.bin(BinOp::Mul, Ty::I64, n, n);
        ret(&mut b, &[product]);
        m.define_func(ids[2], b.finish());
    }

    let mut b = function("through", &[Ty::I64], &[Ty::I64]);
    let x = param(&b, 0);
    let value = b.call(Callee::Extern(outer), &[x], &[Ty::I64])[0];
    ret(&mut b, &[value]);
    m.define_func(ids[3], b.finish());
    m
}

/// An instance in which `late` has no code.
fn made() -> Instance {
    let m = fibers(None);
    let program = Arc::new(Program::new());
    for func in [MAIN, FuncId(1), THROUGH] {
        program.compile(&m, func).unwrap_or_else(|error| panic!("{error}"));
    }
    Instance::new(program, Config { resolver: Arc::new(Symbols), ..Config::default() }).expect("an instance")
}

fn functions(trap: &Trap) -> Vec<&str> {
    trap.frames().iter().map(|frame| frame.func.as_str()).collect()
}

/// Gives `late` its code, with a frame larger than what a fiber's stack begins with.
fn provide(instance: &mut Instance) {
    provide_large(instance, 2000);
}

fn provide_large(instance: &mut Instance, bytes: u32) {
    instance.program().compile(&fibers(Some(bytes)), LATE).unwrap_or_else(|error| panic!("{error}"));
}

fn waits(instance: &mut Instance, depth: u64) -> Suspended {
    match instance.start(MAIN, &[0, depth], 1) {
        Outcome::Need(LATE, suspended) => suspended,
        other => panic!("{other:?}"),
    }
}

#[test]
fn fibers_get_the_code_that_they_wait_for() {
    for depth in [0, 1, 2, 9] {
        let mut instance = made();
        let suspended = waits(&mut instance, depth);
        provide(&mut instance);
        let Outcome::Done(rets) = instance.resume(suspended) else { panic!("it goes on") };
        assert_eq!(rets, [25]);
        assert_eq!(instance.meter().used(), 0);
    }
}

#[test]
fn code_that_finds_no_room_is_a_stack_overflow() {
    let mut instance = made();
    let suspended = waits(&mut instance, 1);
    provide_large(&mut instance, 1 << 20);
    let Outcome::Trap(trap) = instance.resume(suspended) else { panic!("there is no room") };
    assert_eq!(trap.reason(), TrapReason::Kind(TrapKind::StackOverflow));
    assert_eq!(trap.frames()[0].func, "body");
    assert_eq!(instance.meter().used(), 0);
}

#[test]
fn fibers_get_results_instead() {
    let mut instance = made();
    for depth in [0, 3] {
        let suspended = waits(&mut instance, depth);
        assert_eq!(instance.waiting_args(&suspended, 2)[1], 5);
        let Outcome::Done(rets) = instance.answer(suspended, &[77]) else { panic!("it goes on") };
        assert_eq!(rets, [77]);
        assert_eq!(instance.meter().used(), 0);
    }
}

#[test]
fn what_a_fiber_is_refused_is_a_trap_in_it() {
    let mut instance = made();
    let suspended = waits(&mut instance, 2);
    let trap = instance.refuse(suspended, "no answer");
    assert_eq!(trap.message(), "no answer");
    assert_eq!(functions(&trap), ["body", "body", "body", "main"]);
    assert_eq!(instance.meter().used(), 0);
    assert!(matches!(instance.start(MAIN, &[0, 2], 1), Outcome::Need(LATE, _)));
}

#[test]
fn calls_that_are_given_up_free_their_fibers() {
    let mut instance = made();
    for _ in 0..10 {
        let suspended = waits(&mut instance, 5);
        assert_eq!(instance.meter().used(), 6 * 4096);
        instance.abandon(suspended);
        assert_eq!(instance.meter().used(), 0);
    }
    // With all that were suspended later.
    let first = waits(&mut instance, 1);
    let kept = instance.meter().used();
    let second = waits(&mut instance, 2);
    let third = waits(&mut instance, 3);
    instance.abandon(second);
    assert_eq!(instance.meter().used(), kept);
    assert!(matches!(instance.resume(third), Outcome::Trap(_)));
    provide(&mut instance);
    let Outcome::Done(rets) = instance.resume(first) else { panic!("it goes on") };
    assert_eq!(rets, [25]);
    waits(&mut made(), 4);
}

#[test]
fn others_run_while_fibers_wait() {
    let mut instance = made();
    let outer = waits(&mut instance, 2);
    let inner = waits(&mut instance, 1);
    let Outcome::Done(rets) = instance.answer(inner, &[1]) else { panic!("it goes on") };
    assert_eq!(rets, [1]);
    let inner = waits(&mut instance, 0);
    let _ = instance.refuse(inner, "no");
    provide(&mut instance);
    let Outcome::Done(rets) = instance.start(MAIN, &[0, 3], 1) else { panic!("it has all it needs") };
    assert_eq!(rets, [25]);
    let Outcome::Done(rets) = instance.resume(outer) else { panic!("it goes on") };
    assert_eq!(rets, [25]);
    assert_eq!(instance.meter().used(), 0);
}

#[test]
fn nothing_waits_below_a_host_function() {
    let mut instance = made();
    for depth in [0, 2] {
        let Outcome::Trap(trap) = instance.start(THROUGH, &[0, depth], 1) else { panic!("it can't wait") };
        assert_eq!(trap.reason(), TrapReason::NoCode(LATE));
        assert_eq!(functions(&trap)[0], "body");
        assert_eq!(instance.meter().used(), 0);
    }
    // Neither in a call that isn't one that can.
    let trap = call(&mut instance, MAIN, &[1], 1).unwrap_err();
    assert_eq!(trap.reason(), TrapReason::NoCode(LATE));
    assert_eq!(instance.meter().used(), 0);
}
