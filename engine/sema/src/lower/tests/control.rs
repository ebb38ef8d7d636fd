//! Branches, switches, loops.

use super::*;

#[test]
fn ifs_as_values_and_statements() {
    with(|m| {
        let a = m.param(I64);
        let cond = m.cmp(Compare::Lt, m.get(a), m.i64(5));
        let id = m.func(I64, m.if_(cond, m.logs(1), Some(m.logs(2))));
        m.run(id, &[3]).gives(&[1], &[1]);
        m.run(id, &[7]).gives(&[2], &[2]);
    });
    // An arm that leaves.
    with(|m| {
        let a = m.param(I64);
        let cond = m.cmp(Compare::Lt, m.get(a), m.i64(5));
        let value = m.if_(cond, m.ret(Some(m.i64(100))), Some(m.i64(1)));
        let id = m.func(I64, m.add(value, m.logs(1)));
        m.run(id, &[3]).gives(&[100], &[]);
        m.run(id, &[7]).gives(&[2], &[1]);
    });
    // Values in memory.
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let a = m.param(BOOL);
        let made = |n| m.aggregate(triple, &[(16, m.i64(n))]);
        let chosen = m.if_(m.get(a), made(1), Some(made(2)));
        let id = m.func(I64, m.field(I64, chosen, 16));
        m.run(id, &[1]).gives(&[1], &[]);
        m.run(id, &[0]).gives(&[2], &[]);
    });
    // A constant condition: the other branch isn't there.
    with(|m| {
        let id = m.func(I64, m.if_(m.bool(false), m.logs(1), Some(m.logs(2))));
        m.run(id, &[]).gives(&[2], &[2]);
        assert_eq!(m.text(id).matches("call").count(), 1, "{}", m.text(id));
    });
}

#[test]
fn assignments_of_choices_read_the_old_value() {
    with(|m| {
        let x = m.var(I64);
        let c = m.param(BOOL);
        let change = m.block(vec![m.set(m.get(x), m.i64(50))], Some(m.add(m.get(x), m.i64(1))));
        let choice = m.if_(m.get(c), change, Some(m.add(m.get(x), m.i64(7))));
        let stmts = vec![m.let_(x, m.i64(1)), m.set(m.get(x), choice)];
        let id = m.func(I64, m.block(stmts, Some(m.get(x))));
        m.run(id, &[1]).gives(&[51], &[]);
        m.run(id, &[0]).gives(&[8], &[]);
    });
}

#[test]
fn switches() {
    let switch = |ranges: &'static [&'static [(i64, i64)]], ty: TypeId, value: i64, expected: i64| {
        with(|m| {
            let v = m.param(ty);
            let arms: Vec<SwitchArm<'_>> = ranges
                .iter()
                .enumerate()
                .map(|(i, ranges)| SwitchArm {
                    ranges: m.bump.alloc_slice_fill_iter(ranges.iter().map(|r| (r.0 as u64, r.1 as u64))),
                    body: m.logs(i as i64),
                })
                .collect();
            let arms = m.bump.alloc_slice_fill_iter(arms);
            let default = Some(m.i64(99));
            let id = m.func(I64, m.e(I64, Kind::Switch { value: m.get(v), arms, default }));
            let log = if expected == 99 { vec![] } else { vec![expected] };
            m.run(id, &[value as u64]).gives(&[expected as u64], &log);
        });
    };
    const DENSE: &[&[(i64, i64)]] = &[&[(0, 0)], &[(1, 1), (5, 9)], &[(3, 3)]];
    for (value, expected) in [(0, 0), (1, 1), (2, 99), (3, 2), (5, 1), (9, 1), (10, 99), (-1, 99)] {
        switch(DENSE, I64, value, expected);
        switch(DENSE, TypeId::I8, value, expected);
    }
    const WIDE: &[&[(i64, i64)]] = &[&[(-1000, -10)], &[(-9, -1)], &[(100, i64::MAX)]];
    for (value, expected) in [(-1001, 99), (-1000, 0), (-10, 0), (-9, 1), (0, 99), (99, 99), (1 << 40, 2)] {
        switch(WIDE, I64, value, expected);
    }
    switch(&[&[(7, 7)]], TypeId::U8, 7, 0);
    switch(&[&[(200, 255)]], TypeId::U8, 250, 0);
    switch(&[&[(-3, -1)]], TypeId::I8, -2, 0);
    switch(&[&[(0, -1)]], TypeId::U64, -1, 0);
}

#[test]
fn a_switch_without_a_default_traps() {
    with(|m| {
        let v = m.param(I64);
        let arm = SwitchArm { ranges: m.list(&[(1, 1)]), body: m.i64(5) };
        let arms = m.bump.alloc_slice_fill_iter([arm]);
        let id = m.func(I64, m.e(I64, Kind::Switch { value: m.get(v), arms, default: None }));
        m.run(id, &[1]).gives(&[5], &[]);
        m.run(id, &[2]).traps(TrapKind::BadEnumTag);
    });
}

fn count(lo: i64, hi: Option<i64>, inclusive: bool, ty: TypeId, stop: i64) -> Vec<i64> {
    with(|m| {
        let (i, id) = (m.val(ty), m.new_loop());
        let (a, b) = (m.param(ty), m.param(ty));
        let iter = ForIter::Range { var: Some(i), lo: m.get(a), hi: hi.map(|_| m.get(b)), inclusive };
        let log = m.log(m.cast(Cast::Int, I64, m.get(i)));
        let at_stop = m.cmp(Compare::Eq, m.get(i), m.int(ty, stop));
        let leave = m.if_(at_stop, m.e(NORETURN, Kind::Break(id)), None);
        let body = m.block(vec![m.do_(log), m.do_(leave)], None);
        let func = m.func(VOID, m.for_(id, vec![iter], body));
        m.run(func, &[lo as u64, hi.unwrap_or(0) as u64]).log
    })
}

#[test]
fn ranges() {
    assert_eq!(count(2, Some(5), false, I64, 99), [2, 3, 4]);
    assert_eq!(count(2, Some(2), false, I64, 99), []);
    assert_eq!(count(2, Some(5), true, I64, 99), [2, 3, 4, 5]);
    assert_eq!(count(3, Some(2), true, I64, 99), []);
    assert_eq!(count(2, Some(2), true, I64, 99), [2]);
    assert_eq!(count(i64::MAX - 1, Some(i64::MAX), true, I64, 0), [i64::MAX - 1, i64::MAX]);
    assert_eq!(count(i64::MIN, Some(i64::MIN + 1), true, I64, 0), [i64::MIN, i64::MIN + 1]);
    assert_eq!(count(250, Some(255), true, TypeId::U8, 0), [250, 251, 252, 253, 254, 255]);
    assert_eq!(count(-128, Some(-127), true, TypeId::I8, 0), [-128, -127]);
    assert_eq!(count(5, None, false, I64, 7), [5, 6, 7]);
    assert_eq!(count(254, None, false, TypeId::U8, 1), [254, 255, 0, 1]);
    assert_eq!(count(2, Some(9), false, I64, 4), [2, 3, 4]);
}

#[test]
fn constant_ends() {
    for (ty, lo, hi) in [(TypeId::U8, 254, 255), (TypeId::I8, 126, 127), (I64, 5, 6), (TypeId::U8, 3, 2)] {
        with(|m| {
            let (i, id) = (m.val(ty), m.new_loop());
            let body = m.block(vec![m.do_(m.log(m.cast(Cast::Int, I64, m.get(i))))], None);
            let iter = m.range(i, m.int(ty, lo), m.int(ty, hi), true);
            let func = m.func(VOID, m.for_(id, vec![iter], body));
            m.run(func, &[]).gives(&[], &(lo..=hi).collect::<Vec<i64>>());
        });
    }
}

#[test]
fn ranges_of_odd_width() {
    with(|m| {
        let u3 = m.types.borrow_mut().intern(TypeKind::Int { bits: 3, signed: false });
        let (i, id) = (m.val(u3), m.new_loop());
        let body = m.block(vec![m.do_(m.log(m.cast(Cast::Int, I64, m.get(i))))], None);
        let iter = m.range(i, m.int(u3, 5), m.int(u3, 7), true);
        let func = m.func(VOID, m.for_(id, vec![iter], body));
        m.run(func, &[]).gives(&[], &[5, 6, 7]);
    });
    with(|m| {
        let u3 = m.types.borrow_mut().intern(TypeKind::Int { bits: 3, signed: false });
        let (i, id) = (m.val(u3), m.new_loop());
        let log = m.log(m.cast(Cast::Int, I64, m.get(i)));
        let leave = m.if_(m.cmp(Compare::Eq, m.get(i), m.int(u3, 1)), m.e(NORETURN, Kind::Break(id)), None);
        let body = m.block(vec![m.do_(log), m.do_(leave)], None);
        let iter = ForIter::Range { var: Some(i), lo: m.int(u3, 6), hi: None, inclusive: false };
        let func = m.func(VOID, m.for_(id, vec![iter], body));
        m.run(func, &[]).gives(&[], &[6, 7, 0, 1]);
    });
}

#[test]
fn a_counter_that_the_body_changes_is_its_own() {
    with(|m| {
        let (i, id) = (m.var(I64), m.new_loop());
        let body = m.block(vec![m.add_to(m.get(i), m.i64(100)), m.do_(m.log(m.get(i)))], None);
        let func = m.func(VOID, m.for_(id, vec![m.range(i, m.i64(0), m.i64(3), false)], body));
        m.run(func, &[]).gives(&[], &[100, 101, 102]);
    });
}

#[test]
fn while_with_break_and_continue() {
    with(|m| {
        let (i, id) = (m.var(I64), m.new_loop());
        let at = |n| m.cmp(Compare::Eq, m.get(i), m.i64(n));
        let body = m.block(
            vec![
                m.add_to(m.get(i), m.i64(1)),
                m.do_(m.if_(at(2), m.e(NORETURN, Kind::Continue(id)), None)),
                m.do_(m.if_(at(5), m.e(NORETURN, Kind::Break(id)), None)),
                m.do_(m.log(m.get(i))),
            ],
            None,
        );
        let loop_ = m.while_(id, m.cmp(Compare::Lt, m.get(i), m.i64(10)), body);
        let func = m.func(VOID, m.block(vec![m.let_(i, m.i64(0)), m.do_(loop_)], None));
        let ran = m.run(func, &[]);
        ran.gives(&[], &[1, 3, 4]);
        assert_eq!(ran.polls, 4, "one at each way back");
    });
    // A condition with statements is there once.
    with(|m| {
        let (i, id) = (m.var(I64), m.new_loop());
        let cond = m.block(
            vec![m.add_to(m.get(i), m.i64(1)), m.do_(m.log(m.get(i)))],
            Some(m.cmp(Compare::Lt, m.get(i), m.i64(3))),
        );
        let loop_ = m.while_(id, cond, m.block(vec![], None));
        let func = m.func(VOID, m.block(vec![m.let_(i, m.i64(0)), m.do_(loop_)], None));
        m.run(func, &[]).gives(&[], &[1, 2, 3]);
        assert_eq!(m.text(func).matches("call").count(), 1, "{}", m.text(func));
    });
    // Out of an inner loop.
    with(|m| {
        let (i, outer, inner) = (m.val(I64), m.new_loop(), m.new_loop());
        let next = m.e(NORETURN, Kind::Continue(outer));
        let body = m.block(vec![m.do_(m.log(m.get(i))), m.do_(next)], None);
        let endless = m.e(NORETURN, Kind::While { id: inner, cond: None, body });
        let body = m.block(vec![m.do_(endless)], None);
        let func = m.func(VOID, m.for_(outer, vec![m.range(i, m.i64(0), m.i64(3), false)], body));
        m.run(func, &[]).gives(&[], &[0, 1, 2]);
    });
}

#[test]
fn locals_of_a_round() {
    // Each round's variable begins anew.
    with(|m| {
        let (i, x, id) = (m.val(I64), m.var(I64), m.new_loop());
        let body =
            m.block(vec![m.let_(x, m.get(i)), m.add_to(m.get(x), m.i64(10)), m.do_(m.log(m.get(x)))], None);
        let func = m.func(VOID, m.for_(id, vec![m.range(i, m.i64(0), m.i64(3), false)], body));
        m.run(func, &[]).gives(&[], &[10, 11, 12]);
    });
}

#[test]
fn elements() {
    let ptr = |m: &Maker<'_>, ty| m.types.borrow_mut().ptr(ty);
    // By alias: writes to a field reach the element.
    with(|m| {
        let pair = m.struct_of(&[I64, I64]);
        let xs = m.taken(m.types.borrow_mut().array(pair, 3));
        let (x, id) = (m.add_local(pair, LocalKind::Alias, false, false), m.new_loop());
        let elem = |n| m.aggregate(pair, &[(0, m.i64(n))]);
        let init = m.let_(xs, m.array(&[elem(1), elem(2), elem(3)]));
        let write = m.set(m.field(I64, m.get(x), 8), m.add(m.field(I64, m.get(x), 0), m.i64(10)));
        let iter = ForIter::Each { var: Some(x), by_ref: false, seq: m.get(xs), elem: pair };
        let loop_ = m.for_(id, vec![iter], m.block(vec![write], None));
        let last = m.field(I64, m.index(m.get(xs), m.i64(2)), 8);
        m.check(I64, m.block(vec![init, m.do_(loop_)], Some(last)), 13, &[]);
    });
    // By reference, over a slice.
    with(|m| {
        let xs = m.taken(m.types.borrow_mut().array(I64, 3));
        let (x, id) = (m.val(ptr(m, I64)), m.new_loop());
        let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2), m.i64(3)]));
        let slice = m.types.borrow_mut().slice(I64);
        let seq = m.cast(Cast::ArrayToSlice, slice, m.get(xs));
        let double = m.set(m.deref(m.get(x)), m.add(m.deref(m.get(x)), m.deref(m.get(x))));
        let iter = ForIter::Each { var: Some(x), by_ref: true, seq, elem: I64 };
        let loop_ = m.for_(id, vec![iter], m.block(vec![double], None));
        let sum = m.add(m.index(m.get(xs), m.i64(0)), m.index(m.get(xs), m.i64(2)));
        let func = m.func(I64, m.block(vec![init, m.do_(loop_)], Some(sum)));
        m.run(func, &[]).gives(&[8], &[]);
        assert!(!m.text(func).contains("nullcheck"), "{}", m.text(func));
    });
    // The bytes of a string; nothing of an empty one.
    for (text, log) in [("ab", &[97i64, 98][..]), ("", &[])] {
        with(|m| {
            let (x, id) = (m.add_local(TypeId::U8, LocalKind::Alias, false, false), m.new_loop());
            let body = m.block(vec![m.do_(m.log(m.cast(Cast::Int, I64, m.get(x))))], None);
            let iter = ForIter::Each { var: Some(x), by_ref: false, seq: m.str(text), elem: TypeId::U8 };
            let func = m.func(VOID, m.for_(id, vec![iter], body));
            m.run(func, &[]).gives(&[], log);
        });
    }
    // Elements without a size are counted.
    with(|m| {
        let xs = m.val(m.types.borrow_mut().array(VOID, 3));
        let (n, id) = (m.var(I64), m.new_loop());
        let iter = ForIter::Each { var: None, by_ref: false, seq: m.get(xs), elem: VOID };
        let loop_ = m.for_(id, vec![iter], m.block(vec![m.add_to(m.get(n), m.i64(1))], None));
        let stmts = vec![Stmt::Let { local: xs, init: None }, m.let_(n, m.i64(0)), m.do_(loop_)];
        m.check(I64, m.block(stmts, Some(m.get(n))), 3, &[]);
    });
}

#[test]
fn a_by_reference_element_is_copied_where_it_is_kept() {
    with(|m| {
        let int_ptr = m.types.borrow_mut().ptr(I64);
        let xs = m.taken(m.types.borrow_mut().array(I64, 3));
        let (x, kept, first, id) = (m.val(int_ptr), m.var(int_ptr), m.var(BOOL), m.new_loop());
        let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2), m.i64(3)]));
        let keep = m.block(vec![m.set(m.get(kept), m.get(x)), m.set(m.get(first), m.bool(false))], None);
        let body = m.block(vec![m.do_(m.if_(m.get(first), keep, None))], None);
        let iter = ForIter::Each { var: Some(x), by_ref: true, seq: m.get(xs), elem: I64 };
        let stmts = vec![
            init,
            m.let_(first, m.bool(true)),
            m.let_(kept, m.zero(int_ptr)),
            m.do_(m.for_(id, vec![iter], body)),
        ];
        m.check(I64, m.block(stmts, Some(m.deref(m.get(kept)))), 1, &[]);
    });
}

#[test]
fn iterables_in_step() {
    for (n, traps) in [(3, false), (4, false), (2, true)] {
        for inclusive in [false, true] {
            with(|m| {
                let xs = m.taken(m.types.borrow_mut().array(I64, 3));
                let x = m.add_local(I64, LocalKind::Alias, false, false);
                let (i, id) = (m.val(I64), m.new_loop());
                let n = if inclusive { n - 1 } else { n };
                let end = m.val(I64);
                let init = m.let_(xs, m.array(&[m.i64(5), m.i64(6), m.i64(7)]));
                let first = ForIter::Each { var: Some(x), by_ref: false, seq: m.get(xs), elem: I64 };
                let second = m.range(i, m.i64(0), m.get(end), inclusive);
                let product = m.log(m.arith(Arith::Mul, m.get(x), m.get(i)));
                let loop_ = m.for_(id, vec![first, second], m.block(vec![m.do_(product)], None));
                let stmts = vec![init, m.let_(end, m.logs(n)), m.do_(loop_)];
                let func = m.func(VOID, m.block(stmts, None));
                let ran = m.run(func, &[]);
                assert_eq!(ran.log, if traps { vec![n, 0, 6] } else { vec![n, 0, 6, 14] });
                if traps {
                    ran.traps(TrapKind::IterableTooShort);
                } else {
                    ran.gives(&[], &ran.log);
                }
            });
        }
    }
    // The later one may end at its type's largest value.
    with(|m| {
        let (i, k, id) = (m.val(I64), m.val(TypeId::U8), m.new_loop());
        let max = m.param(TypeId::U8);
        let first = m.range(i, m.i64(0), m.i64(3), false);
        let second = m.range(k, m.int(TypeId::U8, 254), m.get(max), true);
        let log = m.log(m.cast(Cast::Int, I64, m.get(k)));
        let func = m.func(VOID, m.for_(id, vec![first, second], m.block(vec![m.do_(log)], None)));
        let ran = m.run(func, &[255]);
        assert_eq!(ran.log, [254, 255]);
        ran.traps(TrapKind::IterableTooShort);
    });
}

#[test]
fn iterators() {
    // n counts down in a variable of the loop's own; 0 ends.
    with(|m| {
        let opt = m.optional(I64);
        let (n, v, id) = (m.var(I64), m.val(I64), m.new_loop());
        let step = m.add_to(m.get(n), m.i64(-1));
        let left = m.cmp(Compare::Gt, m.get(n), m.i64(0));
        let some = m.cast(Cast::Wrap, opt, m.get(n));
        let next = m.block(vec![step], Some(m.if_(left, some, Some(m.zero(opt)))));
        let setup = m.bump.alloc_slice_fill_iter([m.let_(n, m.i64(4))]);
        let iter = ForIter::Next { var: Some(v), setup, next };
        let body = m.block(vec![m.do_(m.log(m.get(v)))], None);
        let func = m.func(VOID, m.for_(id, vec![iter], body));
        m.run(func, &[]).gives(&[], &[3, 2, 1]);
    });
}
