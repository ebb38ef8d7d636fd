use crate::passes::testing::check;

/// `before` and `after` are bodies of `f(r0: ptr, r1: i64, r2: i64) -> (i64)`.
fn check_body(before: &str, after: &str) {
    let wrap = |body: &str| format!("fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64) -> (i64) {{\n{body}\n}}");
    let pass = |func: &mut crate::Func, cx: &mut crate::passes::Cx<'_>| {
        super::run(func, cx);
        crate::passes::compact::compact(func, cx);
    };
    check(pass, &wrap(before), &wrap(after));
}

#[test]
fn what_stays_the_same_moves_out_and_the_test_to_the_end() {
    check_body(
        "slot0: 64 align 8
         var r3: i64
         b0:
         r3 = copy.i64 0
         jump b1
         b1:
         r4 = cmp.slt.i64 r3, r1
         br r4, b2, b3
         b2:
         r5 = addr [slot0]
         r6 = mul.i64 r1, r2
         r7 = and.i64 r3, 7
         r8 = index r5, r7, 8
         store.i64 [r8], r6
         r9 = sdiv.i64 r1, r2
         r3 = add.i64 r3, r9
         poll
         jump b1
         b3:
         ret r3",
        "slot0: 64 align 8
         var r3: i64
         b0:
         r3 = copy.i64 0
         r5 = addr [slot0]
         r6 = mul.i64 r1, r2
         r4 = cmp.slt.i64 r3, r1
         br r4, b1, b2
         b1:
         r7 = and.i64 r3, 7
         r8 = index r5, r7, 8
         store.i64 [r8], r6
         r9 = sdiv.i64 r1, r2
         r3 = add.i64 r3, r9
         poll
         r10 = cmp.slt.i64 r3, r1
         br r10, b1, b2
         b2:
         ret r3",
    );
}

#[test]
fn inner_loops_hand_on_to_outer_ones() {
    check_body(
        "var r3: i64
         var r4: i64
         b0:
         r3 = copy.i64 0
         jump b1
         b1:
         r4 = copy.i64 r3
         jump b2
         b2:
         r5 = mul.i64 r1, r2
         r6 = add.i64 r5, r3
         r4 = add.i64 r4, r6
         r7 = cmp.slt.i64 r4, r1
         br r7, b2, b3
         b3:
         r3 = add.i64 r3, 1
         r8 = cmp.slt.i64 r3, r2
         br r8, b1, b4
         b4:
         ret r3",
        "var r3: i64
         var r4: i64
         b0:
         r3 = copy.i64 0
         r5 = mul.i64 r1, r2
         jump b1
         b1:
         r4 = copy.i64 r3
         r6 = add.i64 r5, r3
         jump b2
         b2:
         r4 = add.i64 r4, r6
         r7 = cmp.slt.i64 r4, r1
         br r7, b2, b3
         b3:
         r3 = add.i64 r3, 1
         r8 = cmp.slt.i64 r3, r2
         br r8, b1, b4
         b4:
         ret r3",
    );
}

#[test]
fn tests_with_effects_are_copied_whole() {
    check_body(
        "var r3: i64
         b0:
         r3 = copy.i64 0
         jump b1
         b1:
         r4 = load.i64 [r0]
         r5 = cmp.slt.i64 r3, r4
         br r5, b2, b3
         b2:
         r3 = add.i64 r3, r4
         jump b1
         b3:
         ret r4",
        "var r3: i64
         var r4: i64
         b0:
         r3 = copy.i64 0
         r4 = load.i64 [r0]
         r5 = cmp.slt.i64 r3, r4
         br r5, b1, b2
         b1:
         r3 = add.i64 r3, r4
         r4 = load.i64 [r0]
         r6 = cmp.slt.i64 r3, r4
         br r6, b1, b2
         b2:
         ret r4",
    );
}

/// A loop `i = start; while i < limit { check; more; i += 1; late }`; tells whether the check stays. `r4` is `i`,
/// `r7` a copy of it, `r5` a variable.
fn check_stays(start: &str, limit: &str, check: &str, more: &str, late: &str) -> bool {
    let text = format!(
        "fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64, r3: i8) -> (i64) {{
         var r4: i64
         var r5: i64
         b0:
         r4 = copy.i64 {start}
         r5 = copy.i64 r2
         jump b1
         b1:
         r6 = cmp.slt.i64 r4, {limit}
         br r6, b2, b4
         b2:
         r7 = copy.i64 r4
         br r3, b3, b5
         b3:
         {check}
         {more}
         jump b5
         b4:
         ret r4
         b5:
         r8 = add.i64 r4, 1
         r4 = copy.i64 r8
         {late}
         poll
         jump b1
         }}"
    );
    has_checks(&text)
}

/// Whether checks are left after the pass.
fn has_checks(text: &str) -> bool {
    let module = crate::passes::testing::module(text);
    let mut func = module.funcs[0].as_deref().expect("one function").clone();
    crate::passes::testing::verified(&func, &module, "before");
    super::run(&mut func, &mut crate::passes::Cx::new(&module, &mut Default::default()));
    crate::passes::testing::verified(&func, &module, "after");
    func.all_insts().any(|inst| matches!(inst, crate::Inst::Bounds { .. }))
}

/// The same loop as lowering makes it: `if guard { do { check; more; i += 1 } while i < limit }`.
fn check_stays_below(start: &str, guard: &str, limit: &str, check: &str, more: &str) -> bool {
    let text = format!(
        "fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64, r3: i8) -> (i64) {{
         var r4: i64
         var r5: i64
         b0:
         r4 = copy.i64 {start}
         r5 = copy.i64 r2
         r6 = cmp.{guard}
         br r6, b1, b4
         b1:
         r7 = copy.i64 r4
         br r3, b2, b3
         b2:
         {check}
         {more}
         jump b3
         b3:
         poll
         r8 = add.i64 r4, 1
         r4 = copy.i64 r8
         r9 = cmp.slt.i64 r8, {limit}
         br r9, b1, b4
         b4:
         ret r4
         }}"
    );
    has_checks(&text)
}

#[test]
fn checks_of_counters_go_where_the_test_comes_last() {
    let check_stays = check_stays_below;
    assert!(!check_stays("0", "slt.i64 r4, r1", "r1", "bounds r4, r1", ""));
    assert!(!check_stays("0", "sgt.i64 r1, 0", "r1", "bounds r7, r1", ""));
    assert!(!check_stays("2", "eq.i64 r1, 0", "5", "bounds r7, 5", ""));
    assert!(check_stays("0", "sgt.i64 r1, -1", "r1", "bounds r4, r1", ""), "may be zero");
    assert!(check_stays("1", "sgt.i64 r1, 0", "r1", "bounds r4, r1", ""), "may be one");
    assert!(check_stays("0", "slt.i64 r4, r2", "r1", "bounds r4, r1", ""), "another limit");
    assert!(check_stays("5", "slt.i64 r4, r2", "5", "bounds r4, 5", ""), "begins at the end");
    assert!(check_stays("0", "slt.i64 r4, r1", "r1", "bounds r4, r1", "r4 = copy.i64 -1"), "set back");
    assert!(check_stays("-1", "slt.i64 r4, r1", "r1", "bounds r4, r1", ""), "begins below zero");
    assert!(check_stays("r2", "slt.i64 r4, r1", "r1", "bounds r4, r1", ""), "may begin below zero");
}

#[test]
fn counters_that_are_not_set_back_keep_their_checks() {
    // The inner loop is entered a second time with the counter at its end.
    assert!(has_checks(
        "fn0 = func \"f\" (r0: i8, r1: i8) -> () {
         var r2: i64
         b0:
         r2 = copy.i64 0
         jump b1
         b1:
         poll
         jump b2
         b2:
         bounds r2, 5
         r2 = add.i64 r2, 1
         r3 = cmp.slt.i64 r2, 5
         br r3, b2, b3
         b3:
         br r1, b1, b4
         b4:
         ret
         }"
    ));
}

#[test]
fn checks_of_counters_go() {
    assert!(!check_stays("0", "r1", "bounds r4, r1", "", ""));
    assert!(!check_stays("2", "r1", "bounds r7, r1", "", ""));
    assert!(!check_stays("0", "5", "bounds r4, 8", "", ""));
    assert!(!check_stays("0", "r5", "bounds r4, r5", "", ""));
}

#[test]
fn checks_that_may_fail_stay() {
    assert!(check_stays("-1", "r1", "bounds r4, r1", "", ""), "begins below zero");
    assert!(check_stays("r2", "r1", "bounds r4, r1", "", ""), "may begin below zero");
    assert!(check_stays("0", "r1", "bounds r4, r2", "", ""), "another length");
    assert!(check_stays("0", "5", "bounds r4, 4", "", ""), "a smaller length");
    assert!(check_stays("0", "r5", "bounds r4, r5", "r5 = add.i64 r5, -1", ""), "the length changes");
    assert!(check_stays("0", "r1", "bounds r4, r1", "r4 = add.i64 r4, 1", ""), "two steps");
    assert!(check_stays("0", "r1", "", "", "bounds r4, r1"), "after the step");
}
