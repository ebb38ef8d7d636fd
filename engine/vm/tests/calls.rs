//! Calls: recursion, many arguments and results, function values, host functions.

mod common;
use common::*;
use sx_ir::*;

#[test]
fn fib_is_right() {
    let module = module(vec![fib(FuncId(0))]);
    let mut instance = instance(&module);
    println!("{}", instance.program().disassemble(FuncId(0)).unwrap());
    assert_eq!(call(&mut instance, FuncId(0), &[20], 1).unwrap(), [6765]);
}

#[test]
fn sum_loop() {
    let mut b = function("sum", &[Ty::I64], &[Ty::I64]);
    let n = param(&b, 0);
    let (i, sum) = (b.var(Ty::I64), b.var(Ty::I64));
    let zero = b.i64(0);
    set(&mut b, i, zero);
    set(&mut b, sum, zero);
    while_loop(
        &mut b,
        |b| b.cmp(CmpOp::SLt, Ty::I64, i.into(), n),
        |b| {
            let t = b.bin(BinOp::Add, Ty::I64, sum.into(), i.into());
            set(b, sum, t);
            let one = b.i64(1);
            let t = b.bin(BinOp::Add, Ty::I64, i.into(), one);
            set(b, i, t);
        },
    );
    ret(&mut b, &[sum.into()]);
    let m = module(vec![b.finish()]);
    let mut instance = instance(&m);
    println!("{}", instance.program().disassemble(FuncId(0)).unwrap());
    assert_eq!(call(&mut instance, FuncId(0), &[1000], 1).unwrap(), [499500]);
}
