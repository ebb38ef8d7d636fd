//! Programs in the middle form that the benchmarks and trials run.

#![allow(dead_code, reason = "each user takes a part")]

use sx_ir::*;

/// A function builder with a context parameter and the helpers that kernels are written with.
pub struct Kernel {
    pub b: Builder,
}

impl Kernel {
    pub fn new(name: &str, params: &[Ty], rets: &[Ty]) -> Kernel {
        let sig = Signature { params: [&[Ty::Ptr], params].concat(), rets: rets.to_vec() };
        Kernel { b: Builder::new(name, sig, CallConv::Sx) }
    }
    pub fn param(&self, index: usize) -> Operand {
        self.b.param(index + 1).into()
    }
    pub fn int(&mut self, value: i64) -> Operand {
        self.b.i64(value)
    }
    pub fn float(&mut self, value: f64) -> Operand {
        self.b.constant(Ty::F64, value.to_bits())
    }
    pub fn var(&mut self, ty: Ty, value: Operand) -> Reg {
        let reg = self.b.var(ty);
        self.set(reg, value);
        reg
    }
    pub fn set(&mut self, dst: Reg, src: impl Into<Operand>) {
        self.b.push(Inst::Copy { dst, src: src.into() });
    }
    pub fn bin(&mut self, op: BinOp, a: impl Into<Operand>, b: impl Into<Operand>) -> Operand {
        let a = a.into();
        let ty = self.b.func().operand_ty(a);
        self.b.bin(op, ty, a, b.into())
    }
    pub fn cmp(&mut self, op: CmpOp, a: impl Into<Operand>, b: impl Into<Operand>) -> Operand {
        let a = a.into();
        let ty = self.b.func().operand_ty(a);
        self.b.cmp(op, ty, a, b.into())
    }
    /// `dst = dst op b`.
    pub fn update(&mut self, op: BinOp, dst: Reg, b: impl Into<Operand>) {
        let value = self.bin(op, dst, b);
        self.set(dst, value);
    }
    /// `while cond { body }`.
    pub fn while_(&mut self, cond: impl FnOnce(&mut Kernel) -> Operand, body: impl FnOnce(&mut Kernel)) {
        let (head, inside, after) = (self.b.block(), self.b.block(), self.b.block());
        self.b.jump(head);
        self.b.switch_to(head);
        let cond = cond(self);
        self.b.terminate(Term::Branch { cond, then: inside, else_: after });
        self.b.switch_to(inside);
        body(self);
        self.b.push(Inst::Poll);
        self.b.jump(head);
        self.b.switch_to(after);
    }
    /// `for from..to (i) { body }`.
    pub fn for_(&mut self, from: Operand, to: Operand, body: impl FnOnce(&mut Kernel, Reg)) {
        let i = self.var(Ty::I64, from);
        self.while_(
            |k| k.cmp(CmpOp::SLt, i, to),
            |k| {
                body(k, i);
                let one = k.int(1);
                k.update(BinOp::Add, i, one);
            },
        );
    }
    pub fn if_(&mut self, cond: Operand, then: impl FnOnce(&mut Kernel)) {
        let (inside, after) = (self.b.block(), self.b.block());
        self.b.terminate(Term::Branch { cond, then: inside, else_: after });
        self.b.switch_to(inside);
        then(self);
        self.b.jump(after);
        self.b.switch_to(after);
    }
    /// `base[index]`, checked against `len`.
    pub fn at(&mut self, ty: Ty, base: Operand, index: impl Into<Operand>, len: Operand) -> Operand {
        let addr = self.place(ty, base, index.into(), len);
        self.b.load(ty, addr)
    }
    /// `base[index] = value`, checked against `len`.
    pub fn put(&mut self, ty: Ty, base: Operand, index: impl Into<Operand>, len: Operand, value: Operand) {
        let addr = self.place(ty, base, index.into(), len);
        self.b.store(ty, addr, value);
    }
    fn place(&mut self, ty: Ty, base: Operand, index: Operand, len: Operand) -> Addr {
        self.b.push(Inst::Bounds { index, len, unsigned: false });
        let place = self.b.index(base, index, ty.size(8));
        Addr { base: Base::Reg(place), off: 0 }
    }
    pub fn ret(mut self, values: &[Operand]) -> Func {
        let list = self.b.list(values.iter().copied());
        self.b.terminate(Term::Return(list));
        self.b.finish()
    }
}

/// Recursive Fibonacci numbers; function 0 of its module.
pub fn fib() -> Func {
    let mut k = Kernel::new("fib", &[Ty::I64], &[Ty::I64]);
    let n = k.param(0);
    let two = k.int(2);
    let small = k.cmp(CmpOp::SLt, n, two);
    let (base, more) = (k.b.block(), k.b.block());
    k.b.terminate(Term::Branch { cond: small, then: base, else_: more });
    k.b.switch_to(base);
    let list = k.b.list([n]);
    k.b.terminate(Term::Return(list));
    k.b.switch_to(more);
    let ctx = k.b.param(0).into();
    let one = k.int(1);
    let m = k.bin(BinOp::Sub, n, one);
    let x = k.b.call(Callee::Func(FuncId(0)), &[ctx, m], &[Ty::I64])[0];
    let m = k.bin(BinOp::Sub, n, two);
    let y = k.b.call(Callee::Func(FuncId(0)), &[ctx, m], &[Ty::I64])[0];
    let sum = k.bin(BinOp::Add, x, y);
    k.ret(&[sum])
}

/// Counts primes below the length of a byte buffer.
pub fn sieve() -> Func {
    let mut k = Kernel::new("sieve", &[Ty::Ptr, Ty::I64], &[Ty::I64]);
    let (flags, len) = (k.param(0), k.param(1));
    let one = k.b.constant(Ty::I8, 1);
    let zero = k.b.constant(Ty::I8, 0);
    let (start, two) = (k.int(0), k.int(2));
    k.for_(start, len, |k, i| k.put(Ty::I8, flags, i, len, one));
    let count = k.var(Ty::I64, start);
    k.for_(two, len, |k, i| {
        let flag = k.at(Ty::I8, flags, i, len);
        let set = k.cmp(CmpOp::Ne, flag, zero);
        k.if_(set, |k| {
            let first = k.bin(BinOp::Mul, i, two);
            let j = k.var(Ty::I64, first);
            k.while_(
                |k| k.cmp(CmpOp::SLt, j, len),
                |k| {
                    k.put(Ty::I8, flags, j, len, zero);
                    k.update(BinOp::Add, j, i);
                },
            );
            let one = k.int(1);
            k.update(BinOp::Add, count, one);
        });
    });
    k.ret(&[count.into()])
}

/// `c = a * b` for square matrices of doubles.
pub fn matmul() -> Func {
    let mut k = Kernel::new("matmul", &[Ty::Ptr, Ty::Ptr, Ty::Ptr, Ty::I64], &[]);
    let (a, b, c, n) = (k.param(0), k.param(1), k.param(2), k.param(3));
    let size = k.bin(BinOp::Mul, n, n);
    let zero = k.int(0);
    k.for_(zero, n, |k, i| {
        k.for_(zero, n, |k, j| {
            let none = k.float(0.0);
            let sum = k.var(Ty::F64, none);
            k.for_(zero, n, |k, x| {
                let row = k.bin(BinOp::Mul, i, n);
                let left = k.bin(BinOp::Add, row, x);
                let row = k.bin(BinOp::Mul, x, n);
                let right = k.bin(BinOp::Add, row, j);
                let left = k.at(Ty::F64, a, left, size);
                let right = k.at(Ty::F64, b, right, size);
                let product = k.bin(BinOp::FMul, left, right);
                k.update(BinOp::FAdd, sum, product);
            });
            let row = k.bin(BinOp::Mul, i, n);
            let place = k.bin(BinOp::Add, row, j);
            k.put(Ty::F64, c, place, size, sum.into());
        });
    });
    k.ret(&[])
}

/// Iterations of the Mandelbrot set over an `n` by `n` grid.
pub fn mandelbrot() -> Func {
    let mut k = Kernel::new("mandelbrot", &[Ty::I64], &[Ty::I64]);
    let n = k.param(0);
    let (zero, one, limit) = (k.int(0), k.int(1), k.int(50));
    let total = k.var(Ty::I64, zero);
    let (two, four, nil) = (k.float(2.0), k.float(4.0), k.float(0.0));
    let size = k.b.conv(ConvOp::SToF, Ty::I64, Ty::F64, n);
    k.for_(zero, n, |k, y| {
        k.for_(zero, n, |k, x| {
            let scale = |k: &mut Kernel, v: Reg, shift: f64| {
                let v = k.b.conv(ConvOp::SToF, Ty::I64, Ty::F64, v.into());
                let v = k.bin(BinOp::FMul, v, two);
                let v = k.bin(BinOp::FDiv, v, size);
                let shift = k.float(shift);
                k.bin(BinOp::FSub, v, shift)
            };
            let (cr, ci) = (scale(k, x, 1.5), scale(k, y, 1.0));
            let (zr, zi) = (k.var(Ty::F64, nil), k.var(Ty::F64, nil));
            let (tr, ti) = (k.var(Ty::F64, nil), k.var(Ty::F64, nil));
            let i = k.var(Ty::I64, zero);
            let (head, more, body, after) = (k.b.block(), k.b.block(), k.b.block(), k.b.block());
            k.b.jump(head);
            k.b.switch_to(head);
            let go = k.cmp(CmpOp::SLt, i, limit);
            k.b.terminate(Term::Branch { cond: go, then: more, else_: after });
            k.b.switch_to(more);
            let norm = k.bin(BinOp::FAdd, tr, ti);
            let go = k.cmp(CmpOp::FLe, norm, four);
            k.b.terminate(Term::Branch { cond: go, then: body, else_: after });
            k.b.switch_to(body);
            let t = k.bin(BinOp::FMul, zr, two);
            let t = k.bin(BinOp::FMul, t, zi);
            let t = k.bin(BinOp::FAdd, t, ci);
            k.set(zi, t);
            let t = k.bin(BinOp::FSub, tr, ti);
            let t = k.bin(BinOp::FAdd, t, cr);
            k.set(zr, t);
            let t = k.bin(BinOp::FMul, zr, zr);
            k.set(tr, t);
            let t = k.bin(BinOp::FMul, zi, zi);
            k.set(ti, t);
            k.update(BinOp::Add, i, one);
            k.b.push(Inst::Poll);
            k.b.jump(head);
            k.b.switch_to(after);
            k.update(BinOp::Add, total, i);
        });
    });
    k.ret(&[total.into()])
}

/// One step of gravity between bodies of seven doubles: position, velocity, mass.
pub fn advance() -> Func {
    let mut k = Kernel::new("advance", &[Ty::Ptr, Ty::I64, Ty::F64, Ty::I64], &[]);
    let (bodies, n, dt, steps) = (k.param(0), k.param(1), k.param(2), k.param(3));
    let zero = k.int(0);
    fn body(k: &mut Kernel, bodies: Operand, i: Reg, n: Operand) -> Operand {
        k.b.push(Inst::Bounds { index: i.into(), len: n, unsigned: false });
        k.b.index(bodies, i.into(), 56)
    }
    fn field(base: Operand, index: i32) -> Addr {
        Addr { base: Base::Reg(base), off: index * 8 }
    }
    k.for_(zero, steps, |k, _| {
        k.for_(zero, n, |k, i| {
            let bi = body(k, bodies, i, n);
            let one = k.int(1);
            let next = k.bin(BinOp::Add, i, one);
            k.for_(next, n, |k, j| {
                let bj = body(k, bodies, j, n);
                let d: Vec<Operand> = (0..3)
                    .map(|f| {
                        let x = k.b.load(Ty::F64, field(bi, f));
                        let y = k.b.load(Ty::F64, field(bj, f));
                        k.bin(BinOp::FSub, x, y)
                    })
                    .collect();
                let mut dist = k.bin(BinOp::FMul, d[0], d[0]);
                for &v in &d[1..] {
                    let square = k.bin(BinOp::FMul, v, v);
                    dist = k.bin(BinOp::FAdd, dist, square);
                }
                let root = k.b.un(UnOp::Sqrt, Ty::F64, dist);
                let cube = k.bin(BinOp::FMul, dist, root);
                let mag = k.bin(BinOp::FDiv, dt, cube);
                for (from, to, op) in [(bj, bi, BinOp::FSub), (bi, bj, BinOp::FAdd)] {
                    let mass = k.b.load(Ty::F64, field(from, 6));
                    let pull = k.bin(BinOp::FMul, mass, mag);
                    for (f, &v) in d.iter().enumerate() {
                        let old = k.b.load(Ty::F64, field(to, 3 + f as i32));
                        let change = k.bin(BinOp::FMul, v, pull);
                        let new = k.bin(op, old, change);
                        k.b.store(Ty::F64, field(to, 3 + f as i32), new);
                    }
                }
            });
        });
        k.for_(zero, n, |k, i| {
            let b = body(k, bodies, i, n);
            for f in 0..3 {
                let v = k.b.load(Ty::F64, field(b, 3 + f));
                let change = k.bin(BinOp::FMul, dt, v);
                let old = k.b.load(Ty::F64, field(b, f));
                let new = k.bin(BinOp::FAdd, old, change);
                k.b.store(Ty::F64, field(b, f), new);
            }
        });
    });
    k.ret(&[])
}
