use crate::passes::testing::check;

fn check_body(before: &str, after: &str) {
    let wrap = |body: &str| format!("fn0 = func \"f\" (r0: ptr, r1: i64, r2: f64) -> (i64) {{\n{body}\n}}");
    let pass = |func: &mut crate::Func, cx: &mut crate::passes::Cx<'_>| {
        super::run(func, cx);
    };
    check(pass, &wrap(before), &wrap(after));
}

#[test]
fn scalars_become_registers() {
    check_body(
        "slot0: 16 align 8
         debug \"p\": \"Pair\" in slot0
         b0:
         memzero [slot0], 16
         store.i64 [slot0 + 8], r1
         r3 = load.i64 [slot0]
         r4 = load.i64 [slot0 + 8]
         r5 = add.i64 r3, r4
         ret r5",
        "slot0: 0 align 8
         var r6: i64
         var r7: i64
         debug \"p\": \"Pair\" in r6, r7
         b0:
         r6 = copy.i64 0
         r7 = copy.i64 0
         r7 = copy.i64 r1
         r3 = copy.i64 r6
         r4 = copy.i64 r7
         r5 = add.i64 r3, r4
         ret r5",
    );
}

#[test]
fn copies_between_slots_carry_scalars() {
    check_body(
        "slot0: 24 align 8
         slot1: 16 align 8
         b0:
         store.i64 [slot0 + 8], r1
         store.f64 [slot0 + 16], r2
         memcopy [slot1], [slot0 + 8], 16
         r3 = load.i64 [slot1]
         r4 = load.i64 [slot1 + 8]
         r5 = add.i64 r3, r4
         ret r5",
        "slot0: 0 align 8
         slot1: 0 align 8
         var r6: i64
         var r7: f64
         var r8: i64
         var r9: i64
         b0:
         r6 = copy.i64 r1
         r7 = copy.f64 r2
         r8 = copy.i64 r6
         r9 = conv.bitcast.f64.i64 r7
         r3 = copy.i64 r8
         r4 = copy.i64 r9
         r5 = add.i64 r3, r4
         ret r5",
    );
}

#[test]
fn other_memory_is_loaded_and_stored() {
    check_body(
        "slot0: 24 align 8
         slot1: 16 align 8
         b0:
         memcopy [slot0], [r0 + 4], 24
         r3 = load.i64 [slot0 + 8]
         r4 = add.i64 r3, 1
         store.i64 [slot1], r4
         store.i32 [slot1 + 8], 7
         r5 = load.i64 [slot1]
         r6 = load.i32 [slot1 + 8]
         memcopy [r0 + 100], [slot1], 16
         ret r5",
        "slot0: 0 align 8
         slot1: 0 align 8
         var r7: i64
         var r8: i64
         var r9: i32
         var r10: i32
         b0:
         r7 = load.i64 [r0 + 12]
         r3 = copy.i64 r7
         r4 = add.i64 r3, 1
         r8 = copy.i64 r4
         r9 = copy.i32 7
         r5 = copy.i64 r8
         r6 = copy.i32 r9
         store.i64 [r0 + 100], r8
         store.i32 [r0 + 108], r9
         store.i32 [r0 + 112], r10
         ret r5",
    );
}

#[test]
fn what_is_mixed_or_taken_stays() {
    for body in [
        // The address goes somewhere.
        "slot0: 8 align 8\nb0:\nr3 = addr [slot0]\nstore.i64 [slot0], r1\nstore.ptr [r0], r3\nr4 = load.i64 [slot0]\nret r4",
        "slot0: 8 align 8\nb0:\nr3 = addr [slot0]\nr5 = addr [r3 + 4]\nstore.i64 [r3], r1\nr4 = cmp.eq.ptr r5, r0\nr6 = load.i64 [r3]\nret r6",
        "slot0: 8 align 8\nvar r3: ptr\nb0:\nr3 = addr [slot0]\nstore.i64 [r3], r1\nr4 = load.i64 [r3]\nret r4",
        // An access through it reaches over the end.
        "slot0: 8 align 8\nb0:\nr3 = addr [slot0]\nstore.i64 [slot0], r1\nr4 = load.i64 [r3 + 4]\nret r4",
        "slot0: 8 align 8\nb0:\nr3 = addr [slot0 + 16]\nstore.i64 [slot0], r1\nr4 = load.i64 [r3]\nret r4",
        // Nothing reads or writes it.
        "slot0: 8 align 8\nb0:\nret r1",
        // Half of a scalar.
        "slot0: 8 align 8\nb0:\nstore.i64 [slot0], r1\nstore.i32 [slot0 + 4], 0\nr3 = load.i64 [slot0]\nret r3",
        // A copy that cuts a scalar.
        "slot0: 8 align 8\nb0:\nmemcopy [slot0], [r0], 4\nr3 = load.i64 [slot0]\nret r3",
        "slot0: 8 align 8\nb0:\nmemzero [slot0], 4\nr3 = load.i64 [slot0]\nret r3",
        // An address isn't a float.
        "slot0: 8 align 8\nb0:\nstore.ptr [slot0], r0\nr3 = load.f64 [slot0]\nret r1",
        // One copy is cheaper than three loads and three stores.
        "slot0: 24 align 8\nb0:\nmemcopy [slot0], [r0], 24\nmemcopy [r0 + 24], [slot0], 24\nret r1",
        // Too large.
        "slot0: 512 align 8\nb0:\nstore.i64 [slot0], r1\nr3 = load.i64 [slot0]\nret r3",
    ] {
        check_body(body, body);
    }
}

#[test]
fn addresses_are_followed() {
    check_body(
        "slot0: 24 align 8
         b0:
         r3 = addr [slot0]
         nullcheck r3
         r4 = addr [r3 + 8]
         store.i64 [r3], r1
         store.f64 [r4 + 8], r2
         jump b1
         b1:
         r5 = load.f64 [r4 + 8]
         store.f64 [r0], r5
         r6 = load.i64 [r3]
         ret r6",
        "slot0: 0 align 8
         temp r3: ptr
         temp r4: ptr
         var r7: i64
         var r8: f64
         b0:
         r7 = copy.i64 r1
         r8 = copy.f64 r2
         jump b1
         b1:
         r5 = copy.f64 r8
         store.f64 [r0], r5
         r6 = copy.i64 r7
         ret r6",
    );
}

#[test]
fn a_partner_that_stays_gets_every_byte() {
    check_body(
        "slot0: 16 align 8
         slot1: 16 align 8
         b0:
         r3 = addr [slot1]
         store.ptr [r0], r3
         store.i64 [slot0], r1
         r4 = load.i64 [slot0]
         memcopy [slot0], [slot1], 16
         memcopy [slot1], [slot0], 16
         ret r4",
        "slot0: 0 align 8
         slot1: 16 align 8
         var r5: i64
         var r6: i64
         b0:
         r3 = addr [slot1]
         store.ptr [r0], r3
         r5 = copy.i64 r1
         r4 = copy.i64 r5
         r5 = load.i64 [slot1]
         r6 = load.i64 [slot1 + 8]
         store.i64 [slot1], r5
         store.i64 [slot1 + 8], r6
         ret r4",
    );
}

#[test]
fn vectors_become_registers_with_their_lanes() {
    check_body(
        "slot0: 16 align 16
         b0:
         store.f64 [slot0 + 8], r2
         store.f64 [slot0], 1.0
         r3 = load.v2xf64 [slot0]
         r4 = fadd.v2xf64 r3, r3
         store.v2xf64 [slot0], r4
         r5 = load.f64 [slot0 + 8]
         r6 = conv.ftos.f64.i64 r5
         ret r6",
        "slot0: 0 align 16
         var r7: v2xf64
         b0:
         r7 = setlane.v2xf64 r7, r2, 1
         r7 = setlane.v2xf64 r7, 1.0, 0
         r3 = copy.v2xf64 r7
         r4 = fadd.v2xf64 r3, r3
         r7 = copy.v2xf64 r4
         r5 = lane.v2xf64 r7, 1
         r6 = conv.ftos.f64.i64 r5
         ret r6",
    );
    check_body(
        "slot0: 16 align 16
         b0:
         memzero [slot0], 16
         r3 = load.v2xi64 [slot0]
         r4 = lane.v2xi64 r3, 0
         ret r4",
        "slot0: 0 align 16
         var r5: v2xi64
         b0:
         r5 = splat.v2xi64 0
         r3 = copy.v2xi64 r5
         r4 = lane.v2xi64 r3, 0
         ret r4",
    );
}

#[test]
fn vectors_read_as_something_else_stay_memory() {
    let body = "slot0: 16 align 16
         b0:
         memzero [slot0], 16
         r3 = load.v2xf64 [slot0]
         store.v2xf64 [slot0], r3
         r4 = load.i64 [slot0]
         ret r4";
    check_body(body, body);
}
