//! `std/atomic.sx`: which types and orderings its operations take, and what they give.

use crate::support::check;

const ORDERS: [&str; 5] = ["relaxed", "acquire", "release", "acq_rel", "seq_cst"];

/// Checks statements on `a : Atomic(T)`; each with the part that is marked, and the code with the text expected there.
fn check_calls(ty: &str, calls: &[(String, Option<(&str, &str)>)]) {
    let mut fixture = String::from("#import \"modules/std/atomic.sx\";\nE :: enum { x; y; }\nf :: () {\n");
    fixture += &format!("    a : Atomic({ty});\n");
    for (call, mark) in calls {
        fixture += &format!("    {call};\n");
        if let Some((marked, what)) = mark {
            let at = 4 + call.rfind(marked).expect("what is marked is there");
            fixture += &format!("{}{} {what}\n", " ".repeat(at), "^".repeat(marked.len()));
        }
    }
    check(&(fixture + "}\n"));
}

#[test]
fn orderings_fit_loads_stores_and_fences() {
    for order in ORDERS {
        let dotted = format!(".{order}");
        let refused = |bad: &[&str]| bad.contains(&order).then_some((&*dotted, "E0221: can't be"));
        check_calls(
            "u16",
            &[
                (format!("a.load(.{order})"), refused(&["release", "acq_rel"])),
                (format!("a.store(1, .{order})"), refused(&["acquire", "acq_rel"])),
                (format!("fence(.{order})"), refused(&["relaxed"])),
            ],
        );
    }
}

#[test]
fn what_reads_and_writes_takes_every_ordering() {
    for order in ORDERS {
        let ops = [
            "swap",
            "fetch_add",
            "fetch_sub",
            "fetch_and",
            "fetch_or",
            "fetch_xor",
            "fetch_min",
            "fetch_max",
        ];
        check_calls("i32", &ops.map(|op| (format!("a.{op}(1, .{order})"), None)));
    }
}

#[test]
fn failure_is_a_load_no_stronger_than_success() {
    let fitting = [
        ("relaxed", "relaxed"),
        ("acquire", "relaxed"),
        ("acquire", "acquire"),
        ("release", "relaxed"),
        ("acq_rel", "relaxed"),
        ("acq_rel", "acquire"),
        ("seq_cst", "relaxed"),
        ("seq_cst", "acquire"),
        ("seq_cst", "seq_cst"),
    ];
    for success in ORDERS {
        for failure in ORDERS {
            let dotted = format!(".{failure}");
            let mark =
                (!fitting.contains(&(success, failure))).then_some((&*dotted, "E0221: failure can't be"));
            let call = |name: &str| (format!("a.{name}(1, 2, .{success}, .{failure})"), mark);
            check_calls("i64", &[call("compare_exchange"), call("compare_exchange_weak")]);
        }
    }
}

#[test]
fn types_have_the_operations_that_their_kind_has() {
    let plain = ["swap(v, .relaxed)", "compare_exchange(v, v, .relaxed, .relaxed)"];
    let plain = [plain, ["compare_exchange_weak(v, v, .relaxed, .relaxed)", "swap(v, .seq_cst)"]].concat();
    let computing =
        ["add", "sub", "and", "or", "xor", "min", "max"].map(|op| format!("fetch_{op}(v, .relaxed)"));
    let integers = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "usize", "isize"];
    let others = ["bool", "E", "*i64", "[*]u8", "?*i64", "cstring", "*void"];
    for (ty, swaps, computes) in integers
        .map(|ty| (ty, true, true))
        .into_iter()
        .chain(others.map(|ty| (ty, true, false)))
        .chain(["f32", "f64"].map(|ty| (ty, false, false)))
    {
        let accesses = ["load(.relaxed)", "store(v, .relaxed)"].map(|op| (format!("a.{op}"), true));
        let plain = plain.iter().map(|op| (format!("a.{op}"), swaps));
        let computing = computing.iter().map(|op| (format!("a.{op}"), computes));
        let calls: Vec<(String, bool)> = accesses.into_iter().chain(plain).chain(computing).collect();
        let mut marked = vec![(format!("v : {ty} = ---"), None)];
        marked.extend(
            calls
                .iter()
                .map(|(call, fits)| (call.clone(), (!fits).then_some((call.as_str(), "E0220: isn't for `")))),
        );
        check_calls(ty, &marked);
    }
}

#[test]
fn results_have_the_value_s_type() {
    check(
        r#"
#import "modules/std/atomic.sx";
f :: (a: *Atomic(u8), p: *Atomic(*i64), o: *Atomic(?*i64)) {
    x : u8 = a.load(.relaxed);
    x = a.fetch_max(x, .relaxed);
    r : ?u8 = a.compare_exchange(1, 2, .seq_cst, .relaxed);
    q : *i64 = p.swap(null, .relaxed);
    found : ??*i64 = p.compare_exchange(q, q, .relaxed, .relaxed);
    found = o.compare_exchange(null, q, .relaxed, .relaxed);
    plain : ?*i64 = p.compare_exchange(q, q, .relaxed, .relaxed);
                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0201
    n : void = a.store(1, .relaxed);
    y : u8 = r;
             ^ E0201
    i : i8 = a.load(.relaxed);
             ^^^^^^^^^^^^^^^^ E0201
}
"#,
    );
}

#[test]
fn what_is_no_scalar_is_refused_where_its_type_is_written() {
    check(
        r#"
#import "modules/std/atomic.sx";
P :: struct { x: i64; }
a : Atomic(P);
    ^^^^^^^^^ E0220: `P` can't be atomic
b : Atomic(u7);
    ^^^^^^^^^^ E0220: `u7` can't be atomic
c : Atomic(?i64);
    ^^^^^^^^^^^^ E0220
f :: (x: $T) -> Atomic(T) { .{ value = x } }
                ^^^^^^^^^ E0220: `string` can't be atomic
g :: () { f("text"); }
Node :: struct { next: Atomic(?*Node); }
h :: (n: *Node) { n.next.store(n, .release); }
"#,
    );
}

#[test]
fn orderings_are_constants() {
    check(
        r#"
#import "modules/std/atomic.sx";
ORDER :: Ordering.acquire;
f :: (a: *Atomic(i64), o: Ordering, $c: Ordering) -> i64 {
    a.load(o);
           ^ E0701
    fence(o);
          ^ E0701
    a.store(1, if a.load(ORDER) == 0 then .relaxed else .release);
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ E0701
    a.load(c) + a.load(order = ORDER)
}
g :: (a: *Atomic(i64)) -> i64 { f(a, .relaxed, .acquire) }
"#,
    );
}

#[test]
fn another_atomic_is_the_program_s_own() {
    check(
        "Atomic :: struct ($T: Type) { v: T; load :: (self: *Atomic(T)) -> T { self.v } } a : Atomic(string);",
    );
}
