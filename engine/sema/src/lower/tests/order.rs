//! Evaluation order: left to right; places, then values, then stores.

use super::*;

#[test]
fn operands_left_to_right() {
    with(|m| {
        let sum = m.add(m.add(m.logs(1), m.logs(2)), m.arith(Arith::Mul, m.logs(3), m.logs(4)));
        m.check(I64, sum, 15, &[1, 2, 3, 4]);
    });
}

#[test]
fn a_register_keeps_the_value_that_was_read() {
    // x + { x = 2; x }
    with(|m| {
        let x = m.var(I64);
        let second = m.block(vec![m.set(m.get(x), m.i64(2))], Some(m.get(x)));
        let root = m.block(vec![m.let_(x, m.i64(10))], Some(m.add(m.get(x), second)));
        m.check(I64, root, 12, &[]);
    });
    // The same in a comparison, an aggregate, call arguments and intrinsics.
    with(|m| {
        let pair = m.struct_of(&[I64, I64]);
        let x = m.var(I64);
        let p = m.val(pair);
        let second = || m.block(vec![m.set(m.get(x), m.i64(2))], Some(m.get(x)));
        let parts = [(0, m.get(x)), (8, second())];
        let stmts = vec![m.let_(x, m.i64(10)), m.let_(p, m.aggregate(pair, &parts))];
        let fields = m.arith(Arith::Mul, m.field(I64, m.get(p), 0), m.i64(100));
        let root = m.block(stmts, Some(m.add(fields, m.field(I64, m.get(p), 8))));
        m.check(I64, root, 1002, &[]);
    });
    with(|m| {
        let (a, b) = (m.param(I64), m.param(I64));
        let sub = m.func(I64, m.arith(Arith::Sub, m.get(a), m.get(b)));
        let x = m.var(I64);
        let second = m.block(vec![m.set(m.get(x), m.i64(2))], Some(m.get(x)));
        let call = m.call(sub, I64, &[m.get(x), second]);
        let root = m.block(vec![m.let_(x, m.i64(10))], Some(call));
        m.check(I64, root, 8, &[]);
    });
}

#[test]
fn memory_keeps_the_value_that_was_read() {
    // f(@x) stores to x: x + f(@x).
    with(|m| {
        let int_ptr = m.types.borrow_mut().ptr(I64);
        let p = m.param(int_ptr);
        let store = m.set(m.deref(m.get(p)), m.i64(5));
        let func = m.func(I64, m.block(vec![store], Some(m.i64(100))));
        let x = m.taken(I64);
        let call = m.call(func, I64, &[m.addr_of(m.get(x))]);
        let sum = m.add(m.add(m.get(x), call), m.get(x));
        let root = m.block(vec![m.let_(x, m.i64(1))], Some(sum));
        m.check(I64, root, 106, &[]);
    });
    // An array argument is a copy, whatever a later argument does.
    with(|m| {
        let array = m.types.borrow_mut().array(I64, 3);
        let (a, n) = (m.param(array), m.param(I64));
        let first = m.func(I64, m.add(m.index(m.get(a), m.i64(0)), m.get(n)));
        let xs = m.taken(array);
        let change = m.block(vec![m.set(m.index(m.get(xs), m.i64(0)), m.i64(50))], Some(m.i64(7)));
        let call = m.call(first, I64, &[m.get(xs), change]);
        let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2), m.i64(3)]));
        m.check(I64, m.block(vec![init], Some(call)), 8, &[]);
    });
}

#[test]
fn places_then_values_then_stores() {
    with(|m| {
        let array = m.types.borrow_mut().array(I64, 4);
        let xs = m.taken(array);
        let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2), m.i64(3), m.i64(4)]));
        let targets = [Some(m.index(m.get(xs), m.logs(0))), Some(m.index(m.get(xs), m.logs(1)))];
        let values = [m.add(m.index(m.get(xs), m.i64(1)), m.logs(20)), m.index(m.get(xs), m.i64(0))];
        let assign = Stmt::Assign { targets: m.list(&targets), values: m.list(&values) };
        let digits = m
            .add(m.arith(Arith::Mul, m.index(m.get(xs), m.i64(0)), m.i64(100)), m.index(m.get(xs), m.i64(1)));
        m.check(I64, m.block(vec![init, assign], Some(digits)), 2201, &[0, 1, 20]);
    });
}

#[test]
fn swaps_of_registers_and_fields() {
    with(|m| {
        let (a, b) = (m.var(I64), m.var(I64));
        let swap = Stmt::Assign {
            targets: m.list(&[Some(m.get(a)), Some(m.get(b))]),
            values: m.list(&[m.get(b), m.get(a)]),
        };
        let stmts = vec![m.let_(a, m.i64(1)), m.let_(b, m.i64(2)), swap];
        let root = m.block(stmts, Some(m.add(m.arith(Arith::Mul, m.get(a), m.i64(10)), m.get(b))));
        m.check(I64, root, 21, &[]);
    });
    // p = .{ p.b, p.a }
    with(|m| {
        let pair = m.struct_of(&[I64, I64]);
        let p = m.var(pair);
        let made = m.aggregate(pair, &[(0, m.i64(3)), (8, m.i64(4))]);
        let crossed = m.aggregate(pair, &[(0, m.field(I64, m.get(p), 8)), (8, m.field(I64, m.get(p), 0))]);
        let stmts = vec![m.let_(p, made), m.set(m.get(p), crossed)];
        let (a, b) = (m.field(I64, m.get(p), 0), m.field(I64, m.get(p), 8));
        let root = m.block(stmts, Some(m.add(m.arith(Arith::Mul, a, m.i64(10)), b)));
        m.check(I64, root, 43, &[]);
    });
    // The same in memory, where the parts read what they are assigned to.
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let p = m.var(triple);
        let at = |off| m.field(I64, m.get(p), off);
        let made = m.aggregate(triple, &[(0, m.i64(1)), (8, m.i64(2)), (16, m.i64(3))]);
        let turned = m.aggregate(triple, &[(0, at(8)), (8, at(16)), (16, at(0))]);
        let stmts = vec![m.let_(p, made), m.set(m.get(p), turned)];
        let digits = m.add(
            m.add(m.arith(Arith::Mul, at(0), m.i64(100)), m.arith(Arith::Mul, at(8), m.i64(10))),
            at(16),
        );
        m.check(I64, m.block(stmts, Some(digits)), 231, &[]);
    });
}

#[test]
fn compound_assignment_evaluates_the_place_once() {
    with(|m| {
        let array = m.types.borrow_mut().array(I64, 3);
        let xs = m.taken(array);
        let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2), m.i64(3)]));
        let add = m.add_to(m.index(m.get(xs), m.logs(1)), m.logs(40));
        m.check(I64, m.block(vec![init, add], Some(m.index(m.get(xs), m.i64(1)))), 42, &[1, 40]);
    });
    // x += { x = 100; 1 } takes the old x.
    with(|m| {
        let x = m.var(I64);
        let value = m.block(vec![m.set(m.get(x), m.i64(100))], Some(m.i64(1)));
        let stmts = vec![m.let_(x, m.i64(5)), m.add_to(m.get(x), value)];
        m.check(I64, m.block(stmts, Some(m.get(x))), 6, &[]);
    });
}

#[test]
fn a_pointer_variable_changed_by_the_value_writes_to_the_old_place() {
    // p.* = { p = @b; 9 }
    with(|m| {
        let int_ptr = m.types.borrow_mut().ptr(I64);
        let (a, b, p) = (m.taken(I64), m.taken(I64), m.var(int_ptr));
        let value = m.block(vec![m.set(m.get(p), m.addr_of(m.get(b)))], Some(m.i64(9)));
        let stmts = vec![
            m.let_(a, m.i64(1)),
            m.let_(b, m.i64(2)),
            m.let_(p, m.addr_of(m.get(a))),
            m.set(m.deref(m.get(p)), value),
        ];
        let root = m.block(stmts, Some(m.add(m.arith(Arith::Mul, m.get(a), m.i64(10)), m.get(b))));
        m.check(I64, root, 92, &[]);
    });
}

#[test]
fn short_circuit() {
    for (a, b, and, expected, log) in [
        (true, true, true, 1, &[1i64, 2][..]),
        (true, false, true, 0, &[1, 2]),
        (false, true, true, 0, &[1]),
        (true, true, false, 1, &[1]),
        (false, true, false, 1, &[1, 2]),
        (false, false, false, 0, &[1, 2]),
    ] {
        with(|m| {
            let side =
                |n: i64, yes: bool| m.cmp(if yes { Compare::Eq } else { Compare::Ne }, m.logs(n), m.i64(n));
            let (left, right) = (side(1, a), side(2, b));
            let kind = if and { Kind::And(left, right) } else { Kind::Or(left, right) };
            m.check(BOOL, m.e(BOOL, kind), expected, log);
        });
    }
}

#[test]
fn light_operands_of_short_circuits_need_no_branch() {
    with(|m| {
        let (a, b) = (m.param(I64), m.param(I64));
        let (left, right) = (m.cmp(Compare::Lt, m.get(a), m.i64(5)), m.cmp(Compare::Lt, m.get(b), m.i64(5)));
        let id = m.func(BOOL, m.e(BOOL, Kind::And(left, right)));
        m.run(id, &[1, 2]).gives(&[1], &[]);
        m.run(id, &[1, 7]).gives(&[0], &[]);
        assert!(!m.text(id).contains("br "), "{}", m.text(id));
    });
}
