use crate::passes::testing::{check, module, verified};

/// `before` and `after` are bodies of `f(r0: ptr, r1: i64, r2: i64) -> (i64)`.
fn check_body(before: &str, after: &str) {
    let wrap = |body: &str| format!("fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64) -> (i64) {{\n{body}\n}}");
    let pass = |func: &mut crate::Func, cx: &mut crate::passes::Cx<'_>| {
        assert!(super::run(func, cx));
        crate::passes::simplify_cfg::run(func, cx);
        crate::passes::compact::compact(func, cx);
    };
    check(pass, &wrap(before), &wrap(after));
}

/// How many checks a loop's copy does without: `body` is a round, `i` is `r3`, `r4` another variable.
fn removed(body: &str) -> usize {
    let text = format!(
        "fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64) -> (i64) {{
         var r3: i64
         var r4: i64
         b0:
         r3 = copy.i64 0
         r4 = copy.i64 r2
         r5 = cmp.slt.i64 r3, r1
         br r5, b2, b1
         b1:
         ret r3
         {body}
         }}"
    );
    let module = module(&text);
    let mut func = module.funcs[0].as_deref().expect("one function").clone();
    verified(&func, &module, "before");
    let checks = |func: &crate::Func| {
        func.all_insts().filter(|inst| matches!(inst, crate::Inst::Bounds { .. })).count()
    };
    let before = checks(&func);
    if !super::run(&mut func, &mut crate::passes::Cx::new(&module, &mut Default::default())) {
        return 0;
    }
    verified(&func, &module, "after");
    2 * before - checks(&func)
}

#[test]
fn rounds_that_pass_for_sure_run_in_a_copy() {
    check_body(
        "var r3: i64
         b0:
         r3 = copy.i64 0
         jump b1
         b1:
         bounds r3, r2
         r4 = index r0, r3, 8
         store.i64 [r4], r3
         poll
         r3 = add.i64 r3, 1
         r5 = cmp.slt.i64 r3, r1
         br r5, b1, b2
         b2:
         ret r3",
        "var r3: i64
         b0:
         r3 = copy.i64 0
         r6 = add.i64 r2, 2305843009213693952
         r7 = cmp.ult.i64 r6, 4611686018427387904
         r8 = cmp.sge.i64 r3, 0
         r9 = and.i8 r7, r8
         r10 = cmp.slt.i64 r3, r2
         r11 = and.i8 r9, r10
         r12 = cmp.uge.ptr r0, 0x1000
         r13 = and.i8 r11, r12
         r16 = cmp.slt.i64 r1, r2
         r17 = select.i64 r16, r1, r2
         br r13, b1, b4
         b1:
         nullcheck r0
         jump b2
         b2:
         r14 = index r0, r3, 8
         store.i64 [r14], r3
         poll
         r3 = add.i64 r3, 1
         r15 = cmp.slt.i64 r3, r1
         r18 = cmp.slt.i64 r3, r17
         br r18, b2, b3
         b3:
         br r15, b4, b5
         b4:
         bounds r3, r2
         r4 = index r0, r3, 8
         store.i64 [r4], r3
         poll
         r3 = add.i64 r3, 1
         r5 = cmp.slt.i64 r3, r1
         br r5, b4, b5
         b5:
         ret r3",
    );
}

#[test]
fn indices_are_sums_of_the_counter_and_what_stays() {
    let round = |check: &str| {
        removed(&format!(
            "b2:
             {check}
             r3 = add.i64 r3, 1
             r6 = cmp.slt.i64 r3, r1
             br r6, b2, b1"
        ))
    };
    assert_eq!(round("bounds r3, r2"), 1);
    assert_eq!(round("r7 = mul.i64 r3, 4\nr8 = add.i64 r7, r2\nbounds r8, r1"), 1);
    assert_eq!(round("r7 = shl.i64 r3, 2\nr8 = sub.i64 r7, 3\nbounds r8, 100"), 1);
    assert_eq!(round("r7 = sub.i64 r2, r3\nbounds r7, r1"), 0, "it falls");
    assert_eq!(round("r7 = mul.i64 r3, r3\nbounds r7, r1"), 0, "it isn't a multiple");
    assert_eq!(round("r7 = mul.i64 r3, r2\nbounds r7, r1"), 0, "nor of a number that is known");
    assert_eq!(round("r4 = add.i64 r4, 1\nbounds r3, r4"), 0, "the length changes");
    assert_eq!(round("r4 = sub.i64 r4, 1\nbounds r4, r2"), 0, "no counter");
    assert_eq!(round("bounds r2, r1"), 0, "it doesn't depend on the round");
}

#[test]
fn counters_may_stay_where_they_are() {
    let round = |step: &str, check: &str| {
        removed(&format!(
            "b2:
             r7 = cmp.slt.i64 r3, r2
             br r7, b3, b4
             b3:
             {step}
             jump b4
             b4:
             {check}
             r6 = cmp.slt.i64 r3, r1
             br r6, b2, b1"
        ))
    };
    assert_eq!(round("bounds r3, r2\nr3 = add.i64 r3, 1", ""), 1);
    assert_eq!(round("r3 = add.i64 r3, 1\nbounds r3, r2", ""), 1);
    // Whether it has stepped isn't known here.
    assert_eq!(round("r3 = add.i64 r3, 1", "r8 = sub.i64 r3, 1\nbounds r8, r2"), 0);
}

#[test]
fn counters_are_assigned_once() {
    let round = "b2:
         bounds r3, r2
         r3 = add.i64 r3, 1
         bounds r3, r2
         r3 = add.i64 r3, 1
         r6 = cmp.slt.i64 r3, r1
         br r6, b2, b1";
    assert_eq!(removed(round), 0);
}
