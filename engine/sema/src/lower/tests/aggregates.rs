//! Structs, unions, arrays, slices, optionals: in registers and in memory.

use super::*;

#[test]
fn small_structs_travel_in_registers() {
    with(|m| {
        let pair = m.struct_of(&[TypeId::I32, I64]);
        let p = m.param(pair);
        let flipped = m.aggregate(
            pair,
            &[
                (0, m.cast(Cast::Int, TypeId::I32, m.field(I64, m.get(p), 8))),
                (8, m.cast(Cast::Int, I64, m.field(TypeId::I32, m.get(p), 0))),
            ],
        );
        let id = m.func(pair, flipped);
        m.run(id, &[5, 6]).gives(&[6, 5], &[]);
        assert!(!m.text(id).contains("slot"), "{}", m.text(id));
    });
}

#[test]
fn fields_of_registers_are_assigned() {
    with(|m| {
        let pair = m.struct_of(&[TypeId::I32, I64]);
        let p = m.var(pair);
        let stmts = vec![
            m.let_(p, m.zero(pair)),
            m.set(m.field(I64, m.get(p), 8), m.i64(9)),
            m.add_to(m.field(TypeId::I32, m.get(p), 0), m.int(TypeId::I32, 4)),
        ];
        let id = m.func(pair, m.block(stmts, Some(m.get(p))));
        m.run(id, &[]).gives(&[4, 9], &[]);
        assert!(!m.text(id).contains("slot"), "{}", m.text(id));
    });
}

#[test]
fn large_structs_go_through_memory() {
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let (t, k) = (m.param(triple), m.param(I64));
        let at = |off| m.field(I64, m.get(t), off);
        let more = m.aggregate(triple, &[(0, m.add(at(0), m.get(k))), (16, at(16))]);
        let next = m.func(triple, more);
        let a = m.val(triple);
        let b = m.val(triple);
        let made = m.aggregate(triple, &[(0, m.i64(1)), (8, m.i64(2)), (16, m.i64(3))]);
        let stmts = vec![m.let_(a, made), m.let_(b, m.call(next, triple, &[m.get(a), m.i64(10)]))];
        let of = |local, off| m.field(I64, m.get(local), off);
        let sum =
            m.add(m.add(of(b, 0), of(b, 8)), m.add(of(b, 16), m.arith(Arith::Mul, of(a, 8), m.i64(100))));
        m.check(I64, m.block(stmts, Some(sum)), 214, &[]);
    });
}

#[test]
fn missing_parts_are_zero() {
    with(|m| {
        let big = m.struct_of(&[I64, I64, I64, I64]);
        let p = m.var(big);
        let made = m.aggregate(big, &[(8, m.i64(5))]);
        let at = |off| m.field(I64, m.get(p), off);
        let sum = m.add(m.add(at(0), at(8)), m.add(at(16), at(24)));
        m.check(I64, m.block(vec![m.let_(p, made)], Some(sum)), 5, &[]);
    });
}

#[test]
fn untagged_unions_reinterpret_bits() {
    // union { f64; i32; [8]u8 }: one opaque integer in a register, memory for the array.
    with(|m| {
        let bytes = m.types.borrow_mut().array(TypeId::U8, 8);
        let u = m.union_of(&[TypeId::F64, TypeId::I32, bytes]);
        let v = m.var(u);
        let member = |ty| m.e(ty, Kind::Payload { base: m.get(v), tag: 0, checked: false });
        let made = m.e(u, Kind::Variant { tag: 0, payload: Some(m.f64(1.5)) });
        let stmts = vec![
            m.let_(v, made),
            m.do_(m.log(m.cast(Cast::Int, I64, m.index(member(bytes), m.i64(7))))),
            m.set(m.index(member(bytes), m.i64(6)), m.int(TypeId::U8, 0)),
            m.do_(m.log(m.e(I64, Kind::Intrinsic(Intrinsic::Bitcast, m.list(&[member(TypeId::F64)]))))),
            m.set(member(TypeId::I32), m.int(TypeId::I32, -1)),
            m.do_(m.log(m.e(I64, Kind::Intrinsic(Intrinsic::Bitcast, m.list(&[member(TypeId::F64)]))))),
        ];
        let id = m.func(VOID, m.block(stmts, None));
        m.run(id, &[]).gives(&[], &[0x3f, 0x3f00_0000_0000_0000, 0x3f00_0000_ffff_ffff]);
    });
    // Without an array all stays in a register.
    with(|m| {
        let u = m.union_of(&[TypeId::F64, TypeId::I32]);
        let (a, v) = (m.param(TypeId::F64), m.var(u));
        let member = |ty| m.e(ty, Kind::Payload { base: m.get(v), tag: 0, checked: false });
        let made = m.e(u, Kind::Variant { tag: 0, payload: Some(m.get(a)) });
        let stmts = vec![m.let_(v, made), m.set(member(TypeId::I32), m.int(TypeId::I32, 7))];
        let id = m.func(TypeId::F64, m.block(stmts, Some(member(TypeId::F64))));
        m.run(id, &[1.5f64.to_bits()]).gives(&[0x3ff8_0000_0000_0007], &[]);
    });
    // A member beside others inside a struct of one integer.
    with(|m| {
        let halves = m.struct_of(&[TypeId::I16, TypeId::F32]);
        let u = m.union_of(&[I64, halves]);
        let a = m.param(I64);
        let made = m.e(u, Kind::Variant { tag: 0, payload: Some(m.get(a)) });
        let member = m.e(halves, Kind::Payload { base: made, tag: 0, checked: false });
        let id = m.func(TypeId::F32, m.field(TypeId::F32, member, 4));
        m.run(id, &[0x3f80_0000_1234_5678]).gives(&[0x3f80_0000], &[]);
        let b = m.param(TypeId::F32);
        let parts = [(0, m.int(TypeId::I16, -2)), (4, m.get(b))];
        let made = m.e(u, Kind::Variant { tag: 0, payload: Some(m.aggregate(halves, &parts)) });
        let id = m.func(I64, m.e(I64, Kind::Payload { base: made, tag: 0, checked: false }));
        m.run(id, &[0x3f80_0000]).gives(&[0x3f80_0000_0000_fffe], &[]);
    });
}

#[test]
fn tagged_unions() {
    with(|m| {
        let size = m.struct_of(&[TypeId::F64, TypeId::F64]);
        let shape = m.enum_of(I64, &[(0, Some(TypeId::F64)), (1, Some(size)), (2, None)]);
        let v = m.val(shape);
        let parts = [(0, m.f64(2.0)), (8, m.f64(3.0))];
        let rect = m.e(shape, Kind::Variant { tag: 1, payload: Some(m.aggregate(size, &parts)) });
        let payload = m.e(size, Kind::Payload { base: m.get(v), tag: 1, checked: true });
        let stmts = vec![m.let_(v, rect), m.do_(m.log(m.e(I64, Kind::Tag(m.get(v)))))];
        let root = m.block(stmts, Some(m.field(TypeId::F64, payload, 8)));
        m.check(TypeId::F64, root, 3f64.to_bits(), &[1]);
    });
    // In registers: a tag of one byte and an integer.
    with(|m| {
        let small = m.enum_of(TypeId::U8, &[(0, Some(I64)), (1, Some(TypeId::F64)), (2, None)]);
        let v = m.param(small);
        let payload = m.e(TypeId::F64, Kind::Payload { base: m.get(v), tag: 1, checked: true });
        let id = m.func(TypeId::F64, payload);
        m.run(id, &[1, 5]).gives(&[5], &[]);
        m.run(id, &[0, 5]).traps(TrapKind::WrongUnionTag);
    });
}

#[test]
fn optionals() {
    with(|m| {
        let opt = m.optional(I64);
        let o = m.param(opt);
        let id = m.func(I64, m.e(I64, Kind::Unwrap(m.get(o))));
        m.run(id, &[9, 1]).gives(&[9], &[]);
        m.run(id, &[9, 0]).traps(TrapKind::UnwrapNull);
        let a = m.param(I64);
        let id = m.func(opt, m.cast(Cast::Wrap, opt, m.get(a)));
        m.run(id, &[4]).gives(&[4, 1], &[]);
        let id = m.func(opt, m.zero(opt));
        m.run(id, &[]).gives(&[0, 0], &[]);
    });
    // What is unwrapped is written in its place.
    with(|m| {
        let pair = m.struct_of(&[I64, I64]);
        let opt = m.optional(pair);
        let (o, p) = (m.taken(opt), m.val(m.types.borrow_mut().ptr(I64)));
        let made = m.cast(Cast::Wrap, opt, m.aggregate(pair, &[(0, m.i64(1)), (8, m.i64(2))]));
        let field = |off| m.field(I64, m.e(pair, Kind::Unwrap(m.get(o))), off);
        let stmts = vec![
            m.let_(o, made),
            m.set(field(0), m.i64(30)),
            m.let_(p, m.addr_of(field(8))),
            m.set(m.deref(m.get(p)), m.i64(12)),
        ];
        m.check(I64, m.block(stmts, Some(m.add(field(0), field(8)))), 42, &[]);
    });
    // Null pointers are the null optional.
    with(|m| {
        let ptr = m.types.borrow_mut().ptr(I64);
        let opt = m.optional(ptr);
        let o = m.param(opt);
        let id = m.func(BOOL, m.e(BOOL, Kind::HasValue(m.get(o))));
        m.run(id, &[0]).gives(&[0], &[]);
        m.run(id, &[64]).gives(&[1], &[]);
    });
    // In memory.
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let opt = m.optional(triple);
        let o = m.val(opt);
        let made = m.aggregate(triple, &[(0, m.i64(1)), (8, m.i64(2)), (16, m.i64(3))]);
        let there = m.cast(Cast::Int, I64, m.e(BOOL, Kind::HasValue(m.get(o))));
        let inner = m.e(triple, Kind::Unwrap(m.get(o)));
        let sum = m.add(m.arith(Arith::Mul, there, m.i64(10)), m.field(I64, inner, 16));
        let root = m.block(vec![m.let_(o, m.cast(Cast::Wrap, opt, made))], Some(sum));
        m.check(I64, root, 13, &[]);
    });
}

#[test]
fn arrays_and_slices() {
    with(|m| {
        let xs = m.taken(m.types.borrow_mut().array(I64, 4));
        let i = m.param(I64);
        let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2), m.i64(3), m.get(i)]));
        let id = m.func(I64, m.block(vec![init], Some(m.index(m.get(xs), m.get(i)))));
        m.run(id, &[1]).gives(&[2], &[]);
        m.run(id, &[3]).gives(&[3], &[]);
        m.run(id, &[4]).traps(TrapKind::IndexOutOfRange);
        m.run(id, &[-1i64 as u64]).traps(TrapKind::IndexOutOfRange);
    });
    // A constant index outside.
    with(|m| {
        let xs = m.taken(m.types.borrow_mut().array(I64, 2));
        let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2)]));
        let root = m.block(vec![init], Some(m.index(m.get(xs), m.i64(2))));
        m.check_traps(I64, root, TrapKind::IndexOutOfRange);
    });
    for (lo, hi, good) in [(1, 3, true), (0, 0, true), (3, 2, false), (0, 5, false), (-1, 2, false)] {
        with(|m| {
            let slice = m.types.borrow_mut().slice(I64);
            let xs = m.taken(m.types.borrow_mut().array(I64, 4));
            let (a, b) = (m.param(I64), m.param(I64));
            let init = m.let_(xs, m.array(&[m.i64(1), m.i64(2), m.i64(3), m.i64(4)]));
            let kind = Kind::Slice { base: m.get(xs), lo: Some(m.get(a)), hi: Some(m.get(b)) };
            let s = m.val(slice);
            let stmts = vec![init, m.let_(s, m.e(slice, kind))];
            let id = m.func(I64, m.block(stmts, Some(m.field(I64, m.get(s), 8))));
            let ran = m.run(id, &[lo as u64, hi as u64]);
            if good {
                ran.gives(&[(hi - lo) as u64], &[]);
            } else {
                ran.traps(TrapKind::SliceOutOfRange);
            }
        });
    }
    // Elements through slices of slices, and strings.
    with(|m| {
        let text = m.str("hello");
        let part = m.e(TypeId::STRING, Kind::Slice { base: text, lo: Some(m.i64(1)), hi: None });
        m.check(TypeId::U8, m.index(part, m.i64(3)), b'o' as u64, &[]);
    });
    // Many-pointers are checked against null only.
    with(|m| {
        let p = m.param(TypeId::U8_MANY);
        let id = m.func(TypeId::U8, m.index(m.get(p), m.i64(2)));
        m.run(id, &[0]).traps(TrapKind::NullDereference);
    });
}

#[test]
fn repeated_elements() {
    for (elem, len, value) in [(TypeId::U8, 20, 7), (I64, 3, 7), (I64, 20, 7), (I64, 20, 0)] {
        with(|m| {
            let array = m.types.borrow_mut().array(elem, len);
            let xs = m.taken(array);
            let repeat = m.e(array, Kind::Repeat(m.cast(Cast::Int, elem, m.logs(value))));
            let sum = m.add(
                m.cast(Cast::Int, I64, m.index(m.get(xs), m.i64(0))),
                m.cast(Cast::Int, I64, m.index(m.get(xs), m.i64(len as i64 - 1))),
            );
            m.check(I64, m.block(vec![m.let_(xs, repeat)], Some(sum)), 2 * value as u64, &[value]);
        });
    }
    // Elements in memory.
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let array = m.types.borrow_mut().array(triple, 12);
        let xs = m.taken(array);
        let made = m.aggregate(triple, &[(0, m.i64(1)), (8, m.i64(2)), (16, m.i64(3))]);
        let last = m.field(I64, m.index(m.get(xs), m.i64(11)), 16);
        let root = m.block(vec![m.let_(xs, m.e(array, Kind::Repeat(made)))], Some(last));
        m.check(I64, root, 3, &[]);
    });
}

#[test]
fn constant_arrays_come_from_data() {
    with(|m| {
        let elems: Vec<E<'_>> = (0..6).map(|i| m.i64(i * i)).collect();
        let array = m.array(&elems);
        let (xs, i) = (m.val(array.ty), m.param(I64));
        let id = m.func(I64, m.block(vec![m.let_(xs, array)], Some(m.index(m.get(xs), m.get(i)))));
        m.run(id, &[5]).gives(&[25], &[]);
        assert!(!m.text(id).contains("store"), "{}", m.text(id));
        assert!(!m.text(id).contains("memcopy"), "{}", m.text(id));
    });
}

#[test]
fn null_checks() {
    with(|m| {
        let pair = m.struct_of(&[I64, I64]);
        let p = m.param(m.types.borrow_mut().ptr(pair));
        let at = |off| m.field(I64, m.deref(m.get(p)), off);
        let id = m.func(I64, m.add(at(0), at(8)));
        m.run(id, &[0]).traps(TrapKind::NullDereference);
        assert_eq!(m.text(id).matches("nullcheck").count(), 1, "{}", m.text(id));
    });
    // What is known in one branch isn't known after it.
    with(|m| {
        let int_ptr = m.types.borrow_mut().ptr(I64);
        let (p, c) = (m.param(int_ptr), m.param(BOOL));
        let first = m.if_(m.get(c), m.block(vec![m.do_(m.log(m.deref(m.get(p))))], None), None);
        let id = m.func(I64, m.block(vec![m.do_(first)], Some(m.deref(m.get(p)))));
        m.run(id, &[0, 0]).traps(TrapKind::NullDereference);
        assert_eq!(m.text(id).matches("nullcheck").count(), 2, "{}", m.text(id));
    });
    // Nor if the branch comes first and the other doesn't check.
    with(|m| {
        let int_ptr = m.types.borrow_mut().ptr(I64);
        let (p, c) = (m.param(int_ptr), m.param(BOOL));
        let first = m.if_(m.get(c), m.log(m.deref(m.get(p))), Some(m.logs(1)));
        let id = m.func(I64, m.block(vec![m.do_(first)], Some(m.deref(m.get(p)))));
        m.run(id, &[0, 0]).traps(TrapKind::NullDereference);
    });
    // What every branch checks is known after them; what a round checks isn't before it.
    with(|m| {
        let int_ptr = m.types.borrow_mut().ptr(I64);
        let (p, c) = (m.param(int_ptr), m.param(BOOL));
        let both = m.if_(m.get(c), m.log(m.deref(m.get(p))), Some(m.logs(1)));
        let (i, id) = (m.val(I64), m.new_loop());
        let body = m.block(vec![m.do_(m.log(m.deref(m.get(p))))], None);
        let loop_ = m.for_(id, vec![m.range(i, m.i64(0), m.i64(0), false)], body);
        let stmts = vec![m.do_(both), m.do_(loop_)];
        let id = m.func(I64, m.block(stmts, Some(m.deref(m.get(p)))));
        m.run(id, &[0, 0]).traps(TrapKind::NullDereference);
    });
    // Addresses of places need no check.
    with(|m| {
        let (x, p) = (m.taken(I64), m.val(m.types.borrow_mut().ptr(I64)));
        let stmts = vec![m.let_(x, m.i64(3)), m.let_(p, m.addr_of(m.get(x)))];
        let id = m.func(I64, m.block(stmts, Some(m.deref(m.get(p)))));
        m.run(id, &[]).gives(&[3], &[]);
        assert!(!m.text(id).contains("nullcheck"), "{}", m.text(id));
    });
}

#[test]
fn equality() {
    let equal = |m: &Maker<'_>, ty: TypeId, a: &[u64], b: &[u64], expected: bool| {
        for negate in [false, true] {
            let (x, y) = (m.param(ty), m.param(ty));
            let equal = m.e(BOOL, Kind::Equal { a: m.get(x), b: m.get(y), negate });
            // As a value, and as a condition.
            let value = m.if_(equal, m.logs(1), Some(m.logs(0)));
            let again = m.e(BOOL, Kind::Equal { a: m.get(x), b: m.get(y), negate });
            let root = m.add(m.arith(Arith::Mul, value, m.i64(10)), m.cast(Cast::Int, I64, again));
            let id = m.func(I64, root);
            let yes = (expected != negate) as u64;
            m.run(id, &[a, b].concat()).gives(&[yes * 11], &[yes as i64]);
        }
    };
    with(|m| {
        let pair = m.struct_of(&[I64, TypeId::F64]);
        equal(m, pair, &[1, 1f64.to_bits()], &[1, 1f64.to_bits()], true);
        equal(m, pair, &[1, 1f64.to_bits()], &[1, 2f64.to_bits()], false);
        equal(m, pair, &[1, 0f64.to_bits()], &[1, (-0f64).to_bits()], true);
        let opt = m.optional(I64);
        equal(m, opt, &[1, 1], &[1, 1], true);
        equal(m, opt, &[1, 1], &[2, 1], false);
        equal(m, opt, &[1, 0], &[2, 0], true);
        equal(m, opt, &[1, 1], &[1, 0], false);
        let union = m.enum_of(TypeId::U8, &[(0, Some(I64)), (1, Some(TypeId::F64)), (2, None)]);
        equal(m, union, &[0, 7], &[0, 7], true);
        equal(m, union, &[0, 7], &[0, 8], false);
        equal(m, union, &[1, 0], &[1, 1 << 63], true);
        equal(m, union, &[2, 7], &[2, 8], true);
        equal(m, union, &[0, 7], &[1, 7], false);
    });
}

#[test]
fn equality_compares_what_was_read() {
    // xs == { xs[0] = 9; ys }
    with(|m| {
        let array = m.types.borrow_mut().array(I64, 6);
        let (xs, ys) = (m.taken(array), m.taken(array));
        let made = || m.e(array, Kind::Repeat(m.logs(1)));
        let change = vec![m.set(m.index(m.get(xs), m.i64(0)), m.i64(9))];
        let right = m.block(change, Some(m.get(ys)));
        let equal = m.e(BOOL, Kind::Equal { a: m.get(xs), b: right, negate: false });
        m.check(BOOL, m.block(vec![m.let_(xs, made()), m.let_(ys, made())], Some(equal)), 1, &[1, 1]);
    });
}

#[test]
fn equality_of_strings_and_large_values() {
    for (a, b, same) in [("abc", "abc", true), ("abc", "abd", false), ("ab", "abc", false), ("", "", true)] {
        with(|m| {
            let equal = m.e(BOOL, Kind::Equal { a: m.str(a), b: m.str(b), negate: false });
            m.check(BOOL, equal, same as u64, &[]);
        });
    }
    for (n, at, same) in [(3u64, 0, false), (3, 9, true), (10, 9, false), (10, 99, true)] {
        for float in [false, true] {
            with(|m| {
                let elem = if float { TypeId::F64 } else { I64 };
                let inner = m.types.borrow_mut().array(elem, n);
                let whole = m.struct_of(&[inner, TypeId::STRING, TypeId::I8, I64, I64]);
                let (x, y) = (m.var(whole), m.var(whole));
                let made = || {
                    let one = if float { m.f64(1.0) } else { m.i64(1) };
                    let elems = m.e(inner, Kind::Repeat(one));
                    m.aggregate(whole, &[(0, elems), (n as u32 * 8, m.str("t"))])
                };
                let mut stmts = vec![m.let_(x, made()), m.let_(y, made())];
                if at < n {
                    let two = if float { m.f64(2.0) } else { m.i64(2) };
                    stmts.push(m.set(m.index(m.field(inner, m.get(x), 0), m.i64(at as i64)), two));
                }
                let equal = m.e(BOOL, Kind::Equal { a: m.get(x), b: m.get(y), negate: false });
                m.check(BOOL, m.block(stmts, Some(equal)), same as u64, &[]);
            });
        }
    }
}
