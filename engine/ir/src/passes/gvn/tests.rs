use crate::func::Func;
use crate::passes::Cx;
use crate::passes::testing::check;

/// `before` and `after` are bodies of `f(r0: ptr, r1: i64, r2: i64, r3: f64, r4: i8) -> (i64)`.
fn check_body(before: &str, after: &str) {
    let wrap = |body: &str| {
        format!("fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64, r3: f64, r4: i8) -> (i64) {{\n{body}\n}}")
    };
    fn pass(func: &mut Func, cx: &mut Cx<'_>) {
        cx.find_shape(func);
        super::run(func, cx);
        crate::passes::simplify_cfg::run(func, cx);
        crate::passes::dce::run(func, cx);
        crate::passes::compact::compact(func, cx);
    }
    check(pass, &wrap(before), &wrap(after));
}

#[test]
fn constants_fold_through() {
    check_body(
        "b0:
         r5 = add.i64 2, 3
         r6 = mul.i64 r5, 4
         r7 = cmp.slt.i64 r6, 21
         r8 = conv.zext.i8.i64 r7
         r9 = add.i64 r8, r6
         br r7, b1, b2
         b1:
         ret r9
         b2:
         ret r1",
        "b0:
         ret 21:i64",
    );
}

#[test]
fn identities_hold() {
    check_body(
        "b0:
         r5 = add.i64 0, r1
         r6 = sub.i64 r5, 0
         r7 = mul.i64 1, r6
         r8 = xor.i64 r7, r7
         r9 = or.i64 r8, r7
         r10 = shl.i64 r9, 64
         r11 = sdiv.i64 r10, 1
         r12 = and.i64 r11, -1
         r13 = udiv.i64 r12, 8
         r14 = urem.i64 r13, 16
         r15 = sub.i64 r14, 5
         r16 = add.i64 r15, 7
         ret r16",
        "b0:
         r5 = ushr.i64 r1, 3
         r6 = and.i64 r5, 15
         r7 = add.i64 r6, 2
         ret r7",
    );
}

#[test]
fn floats_keep_their_zeros_and_nans() {
    check_body(
        "b0:
         r5 = fadd.f64 r3, 0.0
         r6 = fadd.f64 r5, -0.0
         r7 = fmul.f64 1.0, r6
         r8 = fsub.f64 r7, 0.0
         r9 = fmul.f64 r8, 0.0
         r10 = fsub.f64 r9, r9
         r11 = conv.ftos.f64.i64 r10
         ret r11",
        "b0:
         r5 = fadd.f64 r3, 0.0
         r6 = fmul.f64 r5, 0.0
         r7 = fsub.f64 r6, r6
         r8 = conv.ftos.f64.i64 r7
         ret r8",
    );
}

#[test]
fn common_subexpressions_are_computed_once() {
    check_body(
        "b0:
         r5 = add.i64 r1, r2
         r6 = cmp.slt.i64 r5, 10
         br r6, b1, b2
         b1:
         r7 = add.i64 r1, r2
         r8 = mul.i64 r7, r5
         ret r8
         b2:
         r9 = add.i64 r1, r2
         ret r9",
        "b0:
         r5 = add.i64 r1, r2
         r6 = cmp.slt.i64 r5, 10
         br r6, b1, b2
         b1:
         r7 = mul.i64 r5, r5
         ret r7
         b2:
         ret r5",
    );
}

#[test]
fn siblings_share_nothing() {
    check_body(
        "b0:
         br r4, b1, b2
         b1:
         r5 = add.i64 r1, r2
         store.i64 [r0], r5
         jump b3
         b2:
         r6 = add.i64 r1, r2
         store.i64 [r0 + 8], r6
         jump b3
         b3:
         r7 = add.i64 r1, r2
         ret r7",
        "b0:
         br r4, b1, b2
         b1:
         r5 = add.i64 r1, r2
         store.i64 [r0], r5
         jump b3
         b2:
         r6 = add.i64 r1, r2
         store.i64 [r0 + 8], r6
         jump b3
         b3:
         r7 = add.i64 r1, r2
         ret r7",
    );
}

#[test]
fn vars_are_followed_between_assignments() {
    check_body(
        "var r5: i64
         b0:
         r5 = copy.i64 r1
         r6 = add.i64 r5, r2
         r7 = add.i64 r1, r2
         r5 = add.i64 r5, 1
         r8 = add.i64 r5, r2
         r9 = add.i64 r5, r2
         r10 = mul.i64 r6, r7
         r11 = mul.i64 r8, r9
         r12 = mul.i64 r10, r11
         ret r12",
        "var r5: i64
         b0:
         r6 = add.i64 r1, r2
         r5 = add.i64 r1, 1
         r7 = add.i64 r5, r2
         r8 = mul.i64 r6, r6
         r9 = mul.i64 r7, r7
         r10 = mul.i64 r8, r9
         ret r10",
    );
}

#[test]
fn copies_of_vars_end_with_the_next_assignment() {
    check_body(
        "var r5: i64
         b0:
         r5 = load.i64 [r0]
         r6 = copy.i64 r5
         r7 = add.i64 r6, 1
         r5 = copy.i64 r7
         r8 = mul.i64 r6, r5
         store.i64 [r0], r8
         jump b1
         b1:
         r9 = add.i64 r5, r6
         ret r9",
        "var r5: i64
         b0:
         r5 = load.i64 [r0]
         r6 = copy.i64 r5
         r7 = add.i64 r5, 1
         r8 = mul.i64 r6, r7
         store.i64 [r0], r8
         r9 = add.i64 r7, r6
         ret r9",
    );
}

#[test]
fn repeated_checks_go() {
    check_body(
        "b0:
         nullcheck r0
         bounds r1, r2
         r5 = add.i64 r1, 1
         nullcheck r0
         bounds r1, r2
         bounds r5, r2
         br r4, b1, b2
         b1:
         nullcheck r0
         bounds r1, r2
         bounds 2, 3
         slicebounds 0, r1, r2
         slicebounds 0, r1, r2
         slicebounds 0, 2, 2
         ret r1
         b2:
         r6 = addr [r0 + 8]
         nullcheck r6
         ret r2",
        "b0:
         nullcheck r0
         bounds r1, r2
         r5 = add.i64 r1, 1
         bounds r5, r2
         br r4, b1, b2
         b1:
         slicebounds 0, r1, r2
         ret r1
         b2:
         ret r2",
    );
}

#[test]
fn checks_that_fail_end_the_block() {
    check_body(
        "b0:
         store.i64 [r0], r1
         bounds 3, 3
         store.i64 [r0], r2
         ret r1",
        "b0:
         store.i64 [r0], r1
         trap index_out_of_range(3:i64, 3:i64)",
    );
    check_body("b0:\nnullcheck null\nret r1", "b0:\ntrap null_dereference()");
    check_body("b0:\nslicebounds 2, 1, 9\nret r1", "b0:\ntrap slice_out_of_range(2:i64, 1:i64, 9:i64)");
    check_body("b0:\ncheck 0, unwrap_null\nret r1", "b0:\ntrap unwrap_null()");
    check_body("b0:\nr5 = srem.i64 r1, 0\nret r5", "b0:\ntrap division_by_zero()");
}

#[test]
fn outcomes_of_branches_are_known() {
    check_body(
        "b0:
         r5 = cmp.ne.ptr r0, null
         br r5, b1, b2
         b1:
         r6 = cmp.ne.ptr r0, null
         check r6, unwrap_null
         r7 = load.i64 [r0]
         ret r7
         b2:
         r8 = cmp.eq.ptr r0, null
         check r8, assertion_failed
         r9 = conv.zext.i8.i64 r5
         ret r9",
        "b0:
         r5 = cmp.ne.ptr r0, null
         br r5, b1, b2
         b1:
         r6 = load.i64 [r0]
         ret r6
         b2:
         ret 0:i64",
    );
}

#[test]
fn addresses_fold_into_accesses() {
    check_body(
        "slot0: 16 align 8
         b0:
         r5 = addr [slot0]
         r6 = index r5, 1, 8
         store.i64 [r6], r1
         r7 = addr [r0 + 8]
         r8 = addr [r7 + 8]
         store.i64 [r8 + 8], r2
         r9 = index r0, 2, 4
         r10 = load.i64 [r9]
         nullcheck r5
         r11 = load.i64 [slot0 + 8]
         r12 = index r5, 2, 8
         r13 = load.i64 [r12]
         r14 = add.i64 r11, r13
         ret r14",
        "slot0: 16 align 8
         b0:
         store.i64 [slot0 + 8], r1
         store.i64 [r0 + 24], r2
         r5 = load.i64 [slot0 + 8]
         r6 = addr [slot0 + 16]
         r7 = load.i64 [r6]
         r8 = add.i64 r5, r7
         ret r8",
    );
}

#[test]
fn stores_are_forwarded_until_someone_may_write() {
    let tables = "
        sig0 = (ptr) -> ()
        data0 = align 8 \"\\x01\\x02\\x00\\x00\\x00\\x00\\x00\\x00\"
        glob0 = \"g\" size 8 align 8";
    let func = |body: &str| {
        format!(
            "fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64) -> (i64) {{\nslot0: 8 align 8\nslot1: 8 align 8\n{body}\n}}"
        )
    };
    fn pass(func: &mut Func, cx: &mut Cx<'_>) {
        cx.find_shape(func);
        super::run(func, cx);
        cx.find_shape(func);
        crate::passes::dce::run(func, cx);
        crate::passes::compact::compact(func, cx);
    }
    check(
        pass,
        &format!(
            "{tables}\n{}",
            func(
                "b0:
                store.i64 [slot0], r1
                store.i64 [slot1], r2
                r3 = addr [slot1]
                store.i64 [glob0], 5
                r4 = load.i64 [glob0]
                store.i64 [r0], r4
                r5 = load.i64 [glob0]
                r6 = load.i64 [slot0]
                r7 = load.i64 [slot1]
                r8 = load.i64 [r0]
                call value r0 sig0 (r3)
                r9 = load.i64 [slot0]
                r10 = load.i64 [slot1]
                r11 = load.i64 [slot1]
                r12 = load.i64 [data0]
                r13 = add.i64 r5, r6
                r14 = add.i64 r7, r8
                r15 = add.i64 r9, r10
                r16 = add.i64 r11, r12
                r17 = add.i64 r13, r14
                r18 = add.i64 r15, r16
                r19 = add.i64 r17, r18
                ret r19"
            )
        ),
        "fn0 = func \"f\" (r0: ptr, r1: i64, r2: i64) -> (i64) {
                slot0: 8 align 8
                b0:
                store.i64 [slot0], r2
                r3 = addr [slot0]
                store.i64 [glob0], 5
                store.i64 [r0], 5
                r4 = load.i64 [glob0]
                r5 = load.i64 [slot0]
                call value r0 sig0 (r3)
                r6 = load.i64 [slot0]
                r7 = add.i64 r4, r1
                r8 = add.i64 r5, 5
                r9 = add.i64 r1, r6
                r10 = add.i64 r6, 513
                r11 = add.i64 r7, r8
                r12 = add.i64 r9, r10
                r13 = add.i64 r11, r12
                ret r13
                }",
    );
}

#[test]
fn loops_forget_what_they_change() {
    check_body(
        "var r5: i64
         b0:
         r5 = copy.i64 0
         jump b1
         b1:
         r6 = cmp.slt.i64 r5, r1
         br r6, b2, b3
         b2:
         r7 = cmp.slt.i64 r5, r1
         r8 = load.i64 [r0]
         r5 = add.i64 r5, r8
         store.i64 [r0], r5
         r9 = load.i64 [r0]
         poll
         jump b1
         b3:
         r10 = load.i64 [r0]
         r11 = add.i64 r5, r10
         ret r11",
        "var r5: i64
         b0:
         r5 = copy.i64 0
         jump b1
         b1:
         r6 = cmp.slt.i64 r5, r1
         br r6, b2, b3
         b2:
         r7 = load.i64 [r0]
         r5 = add.i64 r5, r7
         store.i64 [r0], r5
         poll
         jump b1
         b3:
         r8 = load.i64 [r0]
         r9 = add.i64 r5, r8
         ret r9",
    );
}

#[test]
fn conversions_and_comparisons_compose() {
    check_body(
        "b0:
         r5 = conv.trunc.i64.i32 r1
         r6 = conv.trunc.i32.i8 r5
         r7 = conv.zext.i8.i32 r6
         r8 = conv.zext.i32.i64 r7
         r9 = conv.trunc.i64.i8 r8
         r10 = cmp.eq.i64 r8, 256
         r11 = cmp.slt.i64 5, r1
         r12 = boolnot.i8 r11
         r13 = cmp.ne.i8 r12, 0
         r14 = conv.zext.i8.i64 r13
         r15 = conv.zext.i8.i64 r9
         r16 = conv.zext.i8.i64 r10
         r17 = add.i64 r14, r15
         r18 = add.i64 r17, r16
         r19 = fneg.f64 r3
         r20 = fneg.f64 r19
         r21 = cmp.flt.f64 r20, r3
         r22 = boolnot.i8 r21
         store.i8 [r0], r22
         ret r18",
        "b0:
         r5 = conv.trunc.i64.i8 r1
         r6 = conv.zext.i8.i64 r5
         r7 = cmp.sle.i64 r1, 5
         r8 = conv.zext.i8.i64 r7
         r9 = add.i64 r8, r6
         r10 = cmp.flt.f64 r3, r3
         r11 = boolnot.i8 r10
         store.i8 [r0], r11
         ret r9",
    );
}

#[test]
fn guards_of_loops_hold_inside() {
    check_body(
        "var r5: i64
         b0:
         r5 = copy.i64 r2
         r6 = cmp.sgt.i64 r1, 0
         br r6, b1, b4
         b1:
         r7 = cmp.sgt.i64 r1, 0
         br r7, b2, b3
         b2:
         store.i64 [r0], r5
         jump b3
         b3:
         poll
         r5 = add.i64 r5, 1
         r8 = cmp.slt.i64 r5, r1
         br r8, b1, b4
         b4:
         r9 = conv.zext.i8.i64 r6
         ret r9",
        "var r5: i64
         b0:
         r5 = copy.i64 r2
         r6 = cmp.sgt.i64 r1, 0
         br r6, b1, b2
         b1:
         store.i64 [r0], r5
         poll
         r5 = add.i64 r5, 1
         r7 = cmp.slt.i64 r5, r1
         br r7, b1, b2
         b2:
         r8 = conv.zext.i8.i64 r6
         ret r8",
    );
}

/// A walk along a list; `late` comes after the test of the next address.
fn list_walk(first: &str, late: &str) -> String {
    format!(
        "var r5: ptr
         b0:
         r5 = copy.ptr r0
         r6 = cmp.ne.ptr {first}, null
         br r6, b1, b2
         b1:
         r7 = cmp.ne.ptr r5, null
         check r7, unwrap_null
         nullcheck r5
         r8 = load.i64 [r5]
         store.i64 [glob0], r8
         r5 = load.ptr [r5 + 8]
         poll
         r9 = cmp.ne.ptr r5, null
         {late}
         br r9, b1, b2
         b2:
         ret r1"
    )
}

fn checks_after(body: &str) -> usize {
    let text = format!(
        "glob0 = \"g\" size 8 align 8
        fn0 = func \"f\" (r0: ptr, r1: i64, r2: ptr) -> (i64) {{
        var r3: i64
        var r4: i64
        {body}
        }}"
    );
    let module = crate::passes::testing::module(&text);
    let mut func = module.funcs[0].as_deref().expect("one function").clone();
    let mut work = Default::default();
    let mut cx = Cx::new(&module, &mut work);
    cx.find_shape(&func);
    super::run(&mut func, &mut cx);
    crate::passes::testing::verified(&func, &module, "after");
    func.all_insts()
        .filter(|inst| matches!(inst, crate::Inst::NullCheck { .. } | crate::Inst::Check { .. }))
        .count()
}

#[test]
fn walks_test_for_null_once() {
    assert_eq!(checks_after(&list_walk("r5", "")), 0);
    assert_eq!(checks_after(&list_walk("r0", "")), 0);
    assert_eq!(checks_after(&list_walk("r2", "")), 2, "another address is tested first");
    assert_eq!(checks_after(&list_walk("r5", "r5 = copy.ptr r2")), 2, "assigned after the test");
}

#[test]
fn atomic_operations_stay_and_what_memory_holds_is_forgotten() {
    let body = "b0:
         r5 = load.i64 [r0 + 8]
         r6 = atomic.load.i64.relaxed r0
         r7 = load.i64 [r0 + 8]
         store.i64 [r0 + 16], r1
         fence.acquire
         r8 = load.i64 [r0 + 16]
         r9 = atomic.load.i64.relaxed r0
         atomic.store.i64.relaxed r0, r6
         atomic.store.i64.relaxed r0, r6
         r10 = load.i64 [r0 + 8]
         r11 = atomic.add.i64.relaxed r0, 0
         r12 = load.i64 [r0 + 8]
         r13 = atomic.cas.i64.relaxed.relaxed r0, r6, r6
         r14 = load.i64 [r0 + 8]
         r15 = add.i64 r5, r7
         r16 = add.i64 r15, r8
         r17 = add.i64 r16, r10
         r18 = add.i64 r17, r12
         r19 = add.i64 r18, r14
         ret r19";
    // The results of r9, r11 and r13 are read by nobody.
    check_body(body, body);
}
