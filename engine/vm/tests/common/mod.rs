//! Helpers of the tests: build a module with `Builder`, run one of its functions.

#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;
use sx_ir::*;
use sx_vm::*;

/// A signature of the default ABI: the context comes first by itself.
pub fn sig(params: &[Ty], rets: &[Ty]) -> Signature {
    Signature { params: [&[Ty::Ptr], params].concat(), rets: rets.to_vec() }
}

/// Starts a function with a context parameter.
pub fn function(name: &str, params: &[Ty], rets: &[Ty]) -> Builder {
    Builder::new(name, sig(params, rets), CallConv::Sx)
}

/// A module of these functions, in order.
pub fn module(funcs: Vec<Func>) -> Module {
    let mut module = Module::new();
    for func in funcs {
        let id = module.reserve_func();
        module.define_func(id, func);
    }
    module
}

/// Compiles everything.
pub fn program(module: &Module) -> Arc<Program> {
    let program = Program::new();
    if let Err(error) = program.compile_all(module) {
        panic!("{error}");
    }
    Arc::new(program)
}

/// An instance with default limits and no symbols.
pub fn instance(module: &Module) -> Instance {
    Instance::new(program(module), Config::default()).expect("an instance")
}

/// Calls function 0 with a null context and one result.
pub fn run(func: Func, args: &[u64]) -> Result<u64, Trap> {
    let rets = func.sig.rets.len();
    let module = module(vec![func]);
    call(&mut instance(&module), FuncId(0), args, rets).map(|rets| rets.first().copied().unwrap_or(0))
}

/// Calls a function with a null context.
pub fn call(instance: &mut Instance, func: FuncId, args: &[u64], rets: usize) -> Result<Vec<u64>, Trap> {
    let mut out = vec![0; rets];
    let args = [&[0], args].concat();
    instance.call(func, &args, &mut out).map(|()| out)
}

/// The operand of a parameter behind the context.
pub fn param(b: &Builder, index: usize) -> Operand {
    b.param(index + 1).into()
}

/// A `return` of these operands.
pub fn ret(b: &mut Builder, values: &[Operand]) {
    let list = b.list(values.iter().copied());
    b.terminate(Term::Return(list));
}

/// A copy to a mutable register.
pub fn set(b: &mut Builder, dst: Reg, src: Operand) {
    b.push(Inst::Copy { dst, src });
}

/// `while cond { body }`, leaving the block after it current.
pub fn while_loop(
    b: &mut Builder,
    cond: impl FnOnce(&mut Builder) -> Operand,
    body: impl FnOnce(&mut Builder),
) {
    let (head, inside, after) = (b.block(), b.block(), b.block());
    b.jump(head);
    b.switch_to(head);
    let cond = cond(b);
    b.terminate(Term::Branch { cond, then: inside, else_: after });
    b.switch_to(inside);
    body(b);
    b.push(Inst::Poll);
    b.jump(head);
    b.switch_to(after);
}

/// `fib`, calling itself as function `id`.
pub fn fib(id: FuncId) -> Func {
    let mut b = function("fib", &[Ty::I64], &[Ty::I64]);
    let n = param(&b, 0);
    let two = b.i64(2);
    let small = b.cmp(CmpOp::SLt, Ty::I64, n, two);
    let (base, more) = (b.block(), b.block());
    b.terminate(Term::Branch { cond: small, then: base, else_: more });
    b.switch_to(base);
    ret(&mut b, &[n]);
    b.switch_to(more);
    let ctx = b.param(0).into();
    let one = b.i64(1);
    let m = b.bin(BinOp::Sub, Ty::I64, n, one);
    let x = b.call(Callee::Func(id), &[ctx, m], &[Ty::I64])[0];
    let m = b.bin(BinOp::Sub, Ty::I64, n, two);
    let y = b.call(Callee::Func(id), &[ctx, m], &[Ty::I64])[0];
    let sum = b.bin(BinOp::Add, Ty::I64, x, y);
    ret(&mut b, &[sum]);
    b.finish()
}

/// A function that loops forever.
pub fn endless() -> Func {
    let mut b = function("endless", &[], &[]);
    let head = b.block();
    b.jump(head);
    b.switch_to(head);
    b.push(Inst::Poll);
    b.jump(head);
    b.finish()
}
