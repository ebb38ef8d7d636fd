//! The code of typical loops: what an interpreter has to go through.

use super::*;

/// Instructions of a round, without those of the block ends.
fn steps_per_round(m: &Maker<'_>, id: FuncId, few: &[u64], many: &[u64], rounds: u64) -> u64 {
    let (few, many) = (Ran::of(&m.module.borrow(), id, few), Ran::of(&m.module.borrow(), id, many));
    (many.steps - few.steps) / rounds
}

#[test]
fn a_counted_loop() {
    // for 0..n (i) { sum += i }
    with(|m| {
        let (n, sum, i, id) = (m.param(I64), m.var(I64), m.val(I64), m.new_loop());
        let body = m.block(vec![m.add_to(m.get(sum), m.get(i))], None);
        let loop_ = m.for_(id, vec![m.range(i, m.i64(0), m.get(n), false)], body);
        let func = m.func(I64, m.block(vec![m.let_(sum, m.i64(0)), m.do_(loop_)], Some(m.get(sum))));
        m.run(func, &[10]).gives(&[45], &[]);
        // add, jump, poll, add, compare, branch.
        assert_eq!(steps_per_round(m, func, &[10], &[110], 100), 6, "{}", m.text(func));
    });
    // for 1..=n
    with(|m| {
        let (n, sum, i, id) = (m.param(I64), m.var(I64), m.val(I64), m.new_loop());
        let body = m.block(vec![m.add_to(m.get(sum), m.get(i))], None);
        let loop_ = m.for_(id, vec![m.range(i, m.i64(1), m.get(n), true)], body);
        let func = m.func(I64, m.block(vec![m.let_(sum, m.i64(0)), m.do_(loop_)], Some(m.get(sum))));
        m.run(func, &[10]).gives(&[55], &[]);
        assert_eq!(steps_per_round(m, func, &[10], &[110], 100), 6, "{}", m.text(func));
    });
}

#[test]
fn elements_of_a_slice() {
    with(|m| {
        let slice = m.types.borrow_mut().slice(I64);
        let (s, sum) = (m.param(slice), m.var(I64));
        let (x, id) = (m.add_local(I64, LocalKind::Alias, false, false), m.new_loop());
        let body = m.block(vec![m.add_to(m.get(sum), m.get(x))], None);
        let iter = ForIter::Each { var: Some(x), by_ref: false, seq: m.get(s), elem: I64 };
        let loop_ = m.for_(id, vec![iter], body);
        let func = m.func(I64, m.block(vec![m.let_(sum, m.i64(0)), m.do_(loop_)], Some(m.get(sum))));
        // load, add, jump, poll, step, compare, branch.
        assert_eq!(steps_per_round(m, func, &[64, 10], &[64, 110], 100), 7, "{}", m.text(func));
    });
}

#[test]
fn indexed_stores_into_an_array() {
    // while i < n { xs[i] = i; i += 1 }
    with(|m| {
        let xs = m.taken(m.types.borrow_mut().array(I64, 1000));
        let (n, i, id) = (m.param(I64), m.var(I64), m.new_loop());
        let body =
            m.block(vec![m.set(m.index(m.get(xs), m.get(i)), m.get(i)), m.add_to(m.get(i), m.i64(1))], None);
        let loop_ = m.while_(id, m.cmp(Compare::Lt, m.get(i), m.get(n)), body);
        let stmts = vec![Stmt::Let { local: xs, init: None }, m.let_(i, m.i64(0)), m.do_(loop_)];
        let func = m.func(VOID, m.block(stmts, None));
        // bounds, index, store, add, jump, poll, compare, branch.
        assert_eq!(steps_per_round(m, func, &[10], &[110], 100), 8, "{}", m.text(func));
    });
}

#[test]
fn conditions_become_branches() {
    // if (a < b and !(c == 0)) or b > 7
    with(|m| {
        let (a, b, c) = (m.param(I64), m.param(I64), m.param(I64));
        let less = m.cmp(Compare::Lt, m.get(a), m.get(b));
        let some = m.e(BOOL, Kind::Not(m.cmp(Compare::Eq, m.get(c), m.i64(0))));
        let either =
            m.e(BOOL, Kind::Or(m.e(BOOL, Kind::And(less, some)), m.cmp(Compare::Gt, m.get(b), m.i64(7))));
        let id = m.func(I64, m.if_(either, m.logs(1), Some(m.logs(2))));
        m.run(id, &[1, 2, 3]).gives(&[1], &[1]);
        m.run(id, &[1, 2, 0]).gives(&[2], &[2]);
        m.run(id, &[9, 8, 0]).gives(&[1], &[1]);
        let text = m.text(id);
        assert!(!text.contains("boolnot") && text.matches("br ").count() == 3, "{text}");
    });
}

#[test]
fn results_are_computed_where_they_go() {
    // x = x * 2 + 1: no copy.
    with(|m| {
        let (a, x) = (m.param(I64), m.var(I64));
        let twice = m.add(m.arith(Arith::Mul, m.get(x), m.i64(2)), m.i64(1));
        let stmts = vec![m.let_(x, m.add(m.get(a), m.i64(1))), m.set(m.get(x), twice)];
        let id = m.func(I64, m.block(stmts, Some(m.get(x))));
        m.run(id, &[4]).gives(&[11], &[]);
        assert!(!m.text(id).contains("copy"), "{}", m.text(id));
    });
}

#[test]
fn named_locals_are_known_to_debuggers() {
    with(|m| {
        let pair = m.struct_of(&[I64, I64]);
        let (p, big) = (m.param(pair), m.taken(I64));
        let root = m.block(vec![m.let_(big, m.i64(1))], Some(m.field(I64, m.get(p), 0)));
        let id = m.func(I64, root);
        let module = m.module.borrow();
        let vars = &module.func(id).unwrap().debug_vars;
        let shown: Vec<String> = vars.iter().map(|v| format!("{}: {} {:?}", v.name, v.ty, v.place)).collect();
        assert_eq!(shown, ["v0: S0 Regs([r1, r2])", "v1: i64 Slot(slot0)"]);
    });
}

#[test]
fn long_chains_of_operands_are_quick() {
    // x + (x + (x + …)): each looks ahead only so far.
    with(|m| {
        let x = m.param(I64);
        let sum = (0..2000).fold(m.get(x), |sum, _| m.add(m.get(x), sum));
        let id = m.func(I64, sum);
        m.run(id, &[1]).gives(&[2001], &[]);
    });
}
