//! Calls of every convention, closures, context.

use super::*;

#[test]
fn captured_values_are_copies() {
    for alloc in [false, true] {
        with(|m| {
            let closure_ty =
                m.types.borrow_mut().intern(TypeKind::Closure { params: Box::new([I64]), ret: I64 });
            let triple = m.struct_of(&[I64, I64, I64]);
            // (a) => a + k + t.2
            let code = m.reserve();
            let a = m.param(I64);
            let k = m.add_local(I64, LocalKind::Capture(0), false, false);
            let t = m.add_local(triple, LocalKind::Capture(1), false, false);
            m.captures.replace(vec![I64, triple]);
            let sum = m.add(m.add(m.get(a), m.get(k)), m.field(I64, m.get(t), 16));
            m.define(code, Conv::Closure, I64, sum);

            let (n, big, f) = (m.var(I64), m.var(triple), m.val(closure_ty));
            let space = m.taken(m.types.borrow_mut().array(I64, 8));
            let address = m.cast(Cast::Bits, TypeId::VOID_PTR, m.addr_of(m.get(space)));
            let captures = m.list(&[m.get(n), m.get(big)]);
            let kind = Kind::Closure { func: code, captures, alloc: alloc.then_some(address) };
            let call = m.e(I64, Kind::Call { callee: Callee::Closure(m.get(f)), args: m.list(&[m.i64(1)]) });
            let stmts = vec![
                Stmt::Let { local: space, init: None },
                m.let_(n, m.i64(10)),
                m.let_(big, m.aggregate(triple, &[(16, m.i64(100))])),
                m.let_(f, m.e(closure_ty, kind)),
                m.set(m.get(n), m.i64(0)),
                m.set(m.get(big), m.zero(triple)),
            ];
            m.check(I64, m.block(stmts, Some(call)), 111, &[]);
        });
    }
}

#[test]
fn functions_become_closures() {
    with(|m| {
        let (params, ret) = (Box::new([I64]), I64);
        let closure_ty = m.types.borrow_mut().intern(TypeKind::Closure { params: params.clone(), ret });
        let func_ty = m.types.borrow_mut().intern(TypeKind::Func { params, ret, abi: FnAbi::Sx });
        let a = m.param(I64);
        let double = m.func(I64, m.add(m.get(a), m.get(a)));
        let value = || m.e(func_ty, Kind::FuncValue(double));
        let call = |f| m.e(I64, Kind::Call { callee: Callee::Closure(f), args: m.list(&[m.i64(21)]) });
        let known = m.cast(Cast::FuncToClosure, closure_ty, value());
        m.check(I64, call(known), 42, &[]);
        let before = m.module.borrow().funcs.len();
        let again = m.cast(Cast::FuncToClosure, closure_ty, value());
        m.check(I64, call(again), 42, &[]);
        assert_eq!(m.module.borrow().funcs.len(), before + 1, "the thunk is made once");
        let f = m.val(func_ty);
        let dynamic = m.cast(Cast::FuncToClosure, closure_ty, m.get(f));
        m.check(I64, m.block(vec![m.let_(f, value())], Some(call(dynamic))), 42, &[]);
        let direct = m.e(I64, Kind::Call { callee: Callee::Value(value()), args: m.list(&[m.i64(4)]) });
        m.check(I64, direct, 8, &[]);
        let null = m.zero(func_ty);
        let kind = Kind::Call { callee: Callee::Value(null), args: m.list(&[m.i64(4)]) };
        m.check_traps(I64, m.e(I64, kind), TrapKind::NullDereference);
    });
}

#[test]
fn thunks_pass_memory_and_errors_on() {
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let (ret, error) = m.failable(triple);
        let params = Box::new([triple]);
        let closure_ty = m.types.borrow_mut().intern(TypeKind::Closure { params: params.clone(), ret });
        let func_ty = m.types.borrow_mut().intern(TypeKind::Func { params, ret, abi: FnAbi::Sx });
        let t = m.param(triple);
        let first = m.field(I64, m.get(t), 0);
        let bad = m.cmp(Compare::Eq, first, m.i64(0));
        let fail = m.e(NORETURN, Kind::Raise(m.int(error, 2)));
        let f = m.func(ret, m.if_(bad, fail, Some(m.get(t))));
        for (n, expected) in [(5, 5), (0, 2)] {
            let value = m.e(func_ty, Kind::FuncValue(f));
            let closure = m.cast(Cast::FuncToClosure, closure_ty, value);
            let args = m.list(&[m.aggregate(triple, &[(0, m.i64(n))])]);
            let call = m.e(ret, Kind::Call { callee: Callee::Closure(closure), args });
            let e = m.val(error);
            let handler = m.ret(Some(m.cast(Cast::Int, I64, m.get(e))));
            let caught = m.e(triple, Kind::Catch { operand: call, binding: Some(e), handler });
            m.check(I64, m.field(I64, caught, 0), expected, &[]);
        }
    });
}

#[test]
fn context_and_push() {
    with(|m| {
        let context = m.struct_of(&[I64, I64]);
        let read = || m.field(I64, m.e(context, Kind::Context), 0);
        let reader = m.func(I64, read());
        let root = {
            let inner = m.e(
                I64,
                Kind::Push {
                    ctx: m.aggregate(context, &[(0, m.i64(5))]),
                    body: m.add(m.call(reader, I64, &[]), m.arith(Arith::Mul, read(), m.i64(10))),
                },
            );
            m.add(m.arith(Arith::Mul, inner, m.i64(100)), m.call(reader, I64, &[]))
        };
        m.check(I64, root, 5577, &[]);
        // Functions of the C ABI run under the default context, whoever calls them.
        let c = m.reserve();
        let a = m.param(TypeId::I32);
        m.define(c, Conv::C, I64, m.add(m.call(reader, I64, &[]), m.cast(Cast::Int, I64, m.get(a))));
        let direct = m.call(c, I64, &[m.int(TypeId::I32, 3)]);
        let pushed = m.e(I64, Kind::Push { ctx: m.zero(context), body: direct });
        m.check(I64, pushed, 80, &[]);
    });
}

fn c_extern(m: &Maker<'_>, symbol: &str, sig: CSignature) -> ExternId {
    let mut module = m.module.borrow_mut();
    let fixed = sig.params.len() as u32;
    let sig = module.sig(Sig::C { sig, fixed });
    module.add_extern(Extern {
        symbol: symbol.into(),
        library: None,
        kind: ExternKind::Func(sig),
        declared: (0, 0),
    })
}

#[test]
fn structs_cross_c_calls_by_address() {
    with(|m| {
        m.in_vm.set(false);
        let pair = m.struct_of(&[I64, I64]);
        let sig = FnSig { params: vec![pair], ret: pair, conv: Conv::C };
        let sig = crate::lower::c_signature(&mut m.types.borrow_mut(), &mut m.module.borrow_mut(), &sig);
        let ext = c_extern(m, "swap", sig);
        let args = m.list(&[m.aggregate(pair, &[(0, m.i64(1)), (8, m.i64(2))])]);
        let call = m.e(pair, Kind::Call { callee: Callee::Extern(ext), args });
        let id = m.func(pair, call);
        m.run(id, &[]).gives(&[2, 1], &[]);
        // The other direction.
        let c = m.reserve();
        let (p, n) = (m.param(pair), m.param(I64));
        let sum = m.add(m.field(I64, m.get(p), 8), m.get(n));
        m.define(c, Conv::C, pair, m.aggregate(pair, &[(0, sum), (8, m.field(I64, m.get(p), 0))]));
        let args = [m.aggregate(pair, &[(0, m.i64(1)), (8, m.i64(2))]), m.i64(40)];
        let id = m.func(pair, m.call(c, pair, &args));
        m.run(id, &[]).gives(&[42, 1], &[]);
        let ptr_ty = m.types.borrow_mut().intern(TypeKind::Func {
            params: Box::new([pair, I64]),
            ret: pair,
            abi: FnAbi::C,
        });
        let pointer = m.e(ptr_ty, Kind::CFuncValue(c));
        let call = m.e(pair, Kind::Call { callee: Callee::CPtr(pointer), args: m.list(&args) });
        let id = m.func(pair, call);
        m.run(id, &[]).gives(&[42, 1], &[]);
    });
}

#[test]
fn variadic_calls_have_signatures_of_their_own() {
    with(|m| {
        m.in_vm.set(false);
        let int = CType::Int { size: 8, signed: true };
        let ext = c_extern(m, "sum", CSignature { params: vec![int], ret: int, variadic: true });
        let make = |n: i64| {
            let args: Vec<E<'_>> = (0..=n).map(|i| m.i64(i)).collect();
            m.e(I64, Kind::Call { callee: Callee::Extern(ext), args: m.list(&args) })
        };
        let before = m.module.borrow().externs.len();
        m.check(I64, m.add(make(2), m.add(make(2), make(3))), 12, &[]);
        let module = m.module.borrow();
        assert_eq!(module.externs.len(), before + 2, "one for each list of types");
        let ExternKind::Func(sig) = module.externs[before].kind else { panic!("a function") };
        let Sig::C { sig, fixed } = &module.sigs[sig.index()] else { panic!("a C signature") };
        assert_eq!((sig.params.len(), *fixed, sig.variadic), (3, 1, true));
    });
}

#[test]
fn c_structs_are_flattened() {
    with(|m| {
        let inner = m.struct_of(&[TypeId::U8, TypeId::F32]);
        let floats = m.types.borrow_mut().array(TypeId::F32, 2);
        let outer = m.struct_of(&[inner, floats, BOOL, TypeId::STRING]);
        let union = m.union_of(&[TypeId::I32, TypeId::F32]);
        let whole = m.struct_of(&[outer, union]);
        let sig = FnSig { params: vec![whole, TypeId::CSTRING], ret: VOID, conv: Conv::C };
        let sig = crate::lower::c_signature(&mut m.types.borrow_mut(), &mut m.module.borrow_mut(), &sig);
        assert_eq!((sig.ret, sig.params[1]), (CType::Void, CType::Ptr));
        let CType::Struct(id) = sig.params[0] else { panic!("a struct") };
        let shape = m.module.borrow().c_structs[id.index()].clone();
        let fields: Vec<(u32, CType)> = shape.fields.iter().map(|f| (f.offset, f.ty)).collect();
        let int = |size, signed| CType::Int { size, signed };
        let expected = [
            (0, int(1, false)),
            (4, CType::F32),
            (8, CType::F32),
            (12, CType::F32),
            (16, CType::Bool),
            (24, CType::Ptr),
            (32, int(8, true)),
            (40, int(4, true)),
            (40, CType::F32),
        ];
        assert_eq!((shape.size, shape.align, &fields[..]), (48, 8, &expected[..]));
    });
}

#[test]
fn parameters_whose_address_is_taken_are_copies() {
    with(|m| {
        let triple = m.struct_of(&[I64, I64, I64]);
        let t = m.param(triple);
        m.locals.borrow_mut()[t.0 as usize].address_taken = true;
        let p = m.val(m.types.borrow_mut().ptr(triple));
        let write = m.set(m.field(I64, m.deref(m.get(p)), 0), m.i64(50));
        let stmts = vec![m.let_(p, m.addr_of(m.get(t))), write];
        let change = m.func(I64, m.block(stmts, Some(m.field(I64, m.get(t), 0))));
        let x = m.val(triple);
        let init = m.let_(x, m.aggregate(triple, &[(0, m.i64(1))]));
        let call = m.call(change, I64, &[m.get(x)]);
        let root = m.block(vec![init], Some(m.add(call, m.field(I64, m.get(x), 0))));
        m.check(I64, root, 51, &[]);
    });
}
