//! Deferred statements on every way out, and the error channel.

use super::*;

fn logs<'b>(m: &Maker<'b>, n: i64) -> E<'b> {
    m.cast(Cast::Discard, VOID, m.logs(n))
}

/// A cleanup that is too large to have several times.
fn large<'b>(m: &Maker<'b>, n: i64) -> E<'b> {
    let mut stmts: Vec<Stmt<'b>> = (0..12).map(|_| m.do_(m.add(m.i64(1), m.i64(2)))).collect();
    stmts.push(m.do_(m.logs(n)));
    m.block(stmts, None)
}

#[test]
fn deferred_in_reverse_after_the_value() {
    for body in [logs, large] {
        with(|m| {
            let x = m.var(I64);
            let stmts = vec![
                m.let_(x, m.i64(1)),
                Stmt::Defer(m.block(vec![m.set(m.get(x), m.i64(50)), m.do_(m.log(m.get(x)))], None)),
                Stmt::Defer(body(m, 2)),
            ];
            m.check(I64, m.block(stmts, Some(m.get(x))), 1, &[2, 50]);
        });
    }
}

#[test]
fn deferred_on_return_and_at_the_end() {
    for body in [logs, large] {
        with(|m| {
            let a = m.param(I64);
            let early = |n, value: i64| {
                m.do_(m.if_(m.cmp(Compare::Eq, m.get(a), m.i64(n)), m.ret(Some(m.i64(value))), None))
            };
            let stmts = vec![
                early(0, 10),
                Stmt::Defer(body(m, 1)),
                early(1, 11),
                Stmt::Defer(body(m, 2)),
                early(2, 12),
                early(3, 13),
            ];
            let id = m.func(I64, m.block(stmts, Some(m.i64(99))));
            m.run(id, &[0]).gives(&[10], &[]);
            m.run(id, &[1]).gives(&[11], &[1]);
            m.run(id, &[2]).gives(&[12], &[2, 1]);
            m.run(id, &[3]).gives(&[13], &[2, 1]);
            m.run(id, &[4]).gives(&[99], &[2, 1]);
        });
    }
}

#[test]
fn an_assigned_variable_isnt_seen_early_by_cleanup() {
    // x = { defer log(x); 5 }
    with(|m| {
        let x = m.var(I64);
        let block = m.block(vec![Stmt::Defer(m.log(m.get(x)))], Some(m.i64(5)));
        let stmts = vec![m.let_(x, m.i64(1)), m.set(m.get(x), block)];
        m.check(I64, m.block(stmts, Some(m.get(x))), 5, &[1]);
    });
}

#[test]
fn deferred_on_break_and_continue() {
    for body in [logs, large] {
        with(|m| {
            let (i, id) = (m.val(I64), m.new_loop());
            let at = |n| m.cmp(Compare::Eq, m.get(i), m.i64(n));
            let inner = m.block(
                vec![
                    Stmt::Defer(body(m, 100)),
                    m.do_(m.if_(at(1), m.e(NORETURN, Kind::Continue(id)), None)),
                    m.do_(m.if_(at(3), m.e(NORETURN, Kind::Break(id)), None)),
                    m.do_(m.if_(at(7), m.ret(None), None)),
                    m.do_(m.log(m.get(i))),
                ],
                None,
            );
            let from = m.param(I64);
            let loop_ = m.for_(id, vec![m.range(i, m.get(from), m.i64(9), false)], inner);
            let stmts = vec![Stmt::Defer(body(m, 200)), m.do_(loop_), m.do_(m.logs(300))];
            let func = m.func(VOID, m.block(stmts, None));
            m.run(func, &[0]).gives(&[], &[0, 100, 100, 2, 100, 100, 300, 200]);
            m.run(func, &[6]).gives(&[], &[6, 100, 100, 200]);
        });
    }
}

#[test]
fn cleanup_runs_under_its_own_context() {
    with(|m| {
        let context = m.struct_of(&[I64, I64]);
        let read = || m.field(I64, m.e(context, Kind::Context), 0);
        let inner = m.block(vec![Stmt::Defer(m.log(read())), m.do_(m.ret(Some(read())))], None);
        let push = Kind::Push { ctx: m.aggregate(context, &[(0, m.i64(5))]), body: inner };
        let stmts = vec![Stmt::Defer(m.log(read())), m.do_(m.e(VOID, push))];
        m.check(I64, m.block(stmts, Some(m.i64(0))), 5, &[5, 77]);
    });
}

#[test]
fn errors_interleave_defer_and_onfail() {
    for body in [logs, large] {
        with(|m| {
            let (ret, error) = m.failable(I64);
            let a = m.param(I64);
            let e = m.val(error);
            let fail = |n: i64| {
                let raise = m.e(NORETURN, Kind::Raise(m.int(error, n)));
                m.do_(m.if_(m.cmp(Compare::Eq, m.get(a), m.i64(n)), raise, None))
            };
            let bound = m.log(m.add(m.cast(Cast::Int, I64, m.get(e)), m.i64(1000)));
            let stmts = vec![
                Stmt::Defer(body(m, 10)),
                Stmt::OnFail { binding: Some(e), body: bound },
                fail(1),
                Stmt::Defer(body(m, 20)),
                Stmt::OnFail { binding: None, body: body(m, 30) },
                fail(2),
            ];
            let id = m.func(ret, m.block(stmts, Some(m.i64(5))));
            m.run(id, &[0]).gives(&[5, 0], &[20, 10]);
            m.run(id, &[1]).gives(&[0, 1], &[1001, 10]);
            m.run(id, &[2]).gives(&[0, 2], &[30, 20, 1002, 10]);
        });
    }
}

#[test]
fn onfail_is_for_errors_only() {
    with(|m| {
        let (ret, _) = m.failable(I64);
        let (a, i, id) = (m.param(I64), m.val(I64), m.new_loop());
        let leave = |n, way| m.do_(m.if_(m.cmp(Compare::Eq, m.get(a), m.i64(n)), way, None));
        let inner = vec![
            Stmt::OnFail { binding: None, body: logs(m, 1) },
            Stmt::Defer(logs(m, 2)),
            Stmt::OnFail { binding: None, body: logs(m, 3) },
            leave(0, m.ret(Some(m.i64(7)))),
            leave(1, m.e(NORETURN, Kind::Break(id))),
            leave(2, m.e(NORETURN, Kind::Continue(id))),
        ];
        let loop_ = m.for_(id, vec![m.range(i, m.i64(0), m.i64(1), false)], m.block(inner, None));
        let func = m.func(ret, m.block(vec![m.do_(loop_)], Some(m.i64(8))));
        m.run(func, &[0]).gives(&[7, 0], &[2]);
        for way in 1..4 {
            m.run(func, &[way]).gives(&[8, 0], &[2]);
        }
    });
}

/// `fail(n)` raises the error `n`, or gives `n` if it is 0 or more than 3.
fn failing(m: &Maker<'_>) -> (FuncId, TypeId, TypeId) {
    let (ret, error) = m.failable(I64);
    let n = m.param(I64);
    let bad =
        m.e(BOOL, Kind::And(m.cmp(Compare::Ge, m.get(n), m.i64(1)), m.cmp(Compare::Le, m.get(n), m.i64(3))));
    let raise = m.e(NORETURN, Kind::Raise(m.cast(Cast::Int, error, m.get(n))));
    (m.func(ret, m.if_(bad, raise, Some(m.get(n)))), ret, error)
}

#[test]
fn try_passes_errors_on() {
    with(|m| {
        let (fail, ret, _) = failing(m);
        let (a, b) = (m.param(I64), m.param(I64));
        let try_ = |n| m.e(I64, Kind::Try(m.call(fail, ret, &[n])));
        let stmts = vec![Stmt::OnFail { binding: None, body: logs(m, 9) }];
        let id = m.func(ret, m.block(stmts, Some(m.add(try_(m.get(a)), try_(m.get(b))))));
        m.run(id, &[0, 10]).gives(&[10, 0], &[]);
        let ran = m.run(id, &[0, 2]);
        ran.gives(&[0, 2], &[9]);
        assert_eq!(ran.traces, [ErrTrace::Raise, ErrTrace::Propagate]);
        m.run(id, &[3, 2]).gives(&[0, 3], &[9]);
    });
}

#[test]
fn catch_gives_another_value() {
    with(|m| {
        let (fail, ret, error) = failing(m);
        let (a, e) = (m.param(I64), m.val(error));
        let handler = m.add(m.cast(Cast::Int, I64, m.get(e)), m.logs(100));
        let operand = m.call(fail, ret, &[m.get(a)]);
        let id = m.func(I64, m.e(I64, Kind::Catch { operand, binding: Some(e), handler }));
        m.run(id, &[50]).gives(&[50], &[]);
        let ran = m.run(id, &[2]);
        ran.gives(&[102], &[100]);
        assert_eq!(ran.traces, [ErrTrace::Raise, ErrTrace::Clear]);
    });
    // A handler that leaves, and one that is failable itself.
    with(|m| {
        let (fail, ret, _) = failing(m);
        let a = m.param(I64);
        let operand = m.call(fail, ret, &[m.get(a)]);
        let handler = m.ret(Some(m.i64(-1)));
        let value = m.e(I64, Kind::Catch { operand, binding: None, handler });
        let id = m.func(I64, m.add(value, m.i64(1)));
        m.run(id, &[50]).gives(&[51], &[]);
        m.run(id, &[1]).gives(&[u64::MAX], &[]);
        let (a, b) = (m.param(I64), m.param(I64));
        let operand = m.call(fail, ret, &[m.get(a)]);
        let handler = m.call(fail, ret, &[m.get(b)]);
        let either = m.e(ret, Kind::Catch { operand, binding: None, handler });
        let id = m.func(ret, m.add(m.e(I64, Kind::Try(either)), m.i64(1)));
        m.run(id, &[50, 1]).gives(&[51, 0], &[]);
        m.run(id, &[1, 60]).gives(&[61, 0], &[]);
        m.run(id, &[1, 2]).gives(&[0, 2], &[]);
    });
}

#[test]
fn failables_of_blocks_and_branches() {
    with(|m| {
        let (fail, ret, _) = failing(m);
        let (a, c) = (m.param(I64), m.param(BOOL));
        let block = m.block(vec![Stmt::Defer(logs(m, 1))], Some(m.call(fail, ret, &[m.get(a)])));
        let good = m.cast(Cast::Succeed, ret, m.i64(7));
        let choice = m.if_(m.get(c), block, Some(good));
        let id = m.func(ret, m.e(I64, Kind::Try(choice)));
        m.run(id, &[40, 1]).gives(&[40, 0], &[1]);
        m.run(id, &[3, 1]).gives(&[0, 3], &[1]);
        m.run(id, &[3, 0]).gives(&[7, 0], &[]);
    });
}

#[test]
fn errors_as_values() {
    with(|m| {
        let (fail, ret, error) = failing(m);
        let opt = m.optional(error);
        let (a, v, err) = (m.param(I64), m.val(I64), m.val(opt));
        let init = m.call(fail, ret, &[m.get(a)]);
        let stmts = vec![Stmt::LetFailable { value: Some(v), error: err, init }];
        let failed = m.e(BOOL, Kind::HasValue(m.get(err)));
        let number = m.cast(Cast::Int, I64, m.e(error, Kind::OptPayload(m.get(err))));
        let value = m.if_(failed, m.add(number, m.i64(1000)), Some(m.get(v)));
        let id = m.func(I64, m.block(stmts, Some(value)));
        m.run(id, &[40]).gives(&[40], &[]);
        m.run(id, &[2]).gives(&[1002], &[]);
    });
    // A value in memory is zero after an error.
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let (ret, error) = m.failable(triple);
        let n = m.param(I64);
        let raise = m.e(NORETURN, Kind::Raise(m.int(error, 1)));
        let made = m.aggregate(triple, &[(0, m.get(n)), (8, m.i64(1)), (16, m.get(n))]);
        let fail = m.func(ret, m.if_(m.cmp(Compare::Eq, m.get(n), m.i64(0)), raise, Some(made)));
        let opt = m.optional(error);
        let (a, v, err) = (m.param(I64), m.val(triple), m.val(opt));
        let init = m.call(fail, ret, &[m.get(a)]);
        let stmts = vec![Stmt::LetFailable { value: Some(v), error: err, init }];
        let sum = m.add(m.field(I64, m.get(v), 0), m.field(I64, m.get(v), 16));
        let id = m.func(I64, m.block(stmts, Some(sum)));
        m.run(id, &[4]).gives(&[8], &[]);
        m.run(id, &[0]).gives(&[0], &[]);
    });
}

#[test]
fn nested_cleanup_stays_linear() {
    // defer { defer { … } … } in loops that are left in three ways.
    fn nest<'b>(m: &Maker<'b>, depth: i64) -> E<'b> {
        if depth == 0 {
            return m.logs(0);
        }
        let (i, id) = (m.val(I64), m.new_loop());
        let at = |n| m.cmp(Compare::Eq, m.get(i), m.i64(n));
        let body = m.block(
            vec![
                Stmt::Defer(nest(m, depth - 1)),
                m.do_(m.if_(at(0), m.e(NORETURN, Kind::Continue(id)), None)),
                m.do_(m.if_(at(1), m.e(NORETURN, Kind::Break(id)), None)),
            ],
            None,
        );
        m.for_(id, vec![m.range(i, m.i64(0), m.i64(3), false)], body)
    }
    let size = |depth| {
        with(|m| {
            let id = m.func(VOID, nest(m, depth));
            m.run(id, &[]).gives(&[], &vec![0; 1 << depth]);
            m.text(id).lines().count()
        })
    };
    let (small, large) = (size(5), size(10));
    assert!(large < small * 4, "{small} lines for 5 levels, {large} for 10");
}
