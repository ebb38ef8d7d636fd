//! Random programs: a few functions that call earlier ones, with loops that end, memory that is there, and traps.
//!
//! Included by tests of other crates, too: names only what this crate's root has.

use crate::atomic::{Ordering, RmwOp};
use crate::builder::Builder;
use crate::func::*;
use crate::ids::*;
use crate::module::*;

/// Numbers that look random, the same for the same seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A module whose last function is the entry, `(ptr, i64, f64, i8) -> (i64, i32)` like all of them.
pub fn module(seed: u64) -> Module {
    let mut random = Random::new(seed);
    let mut module = Module::new();
    let sig = module.sig(Sig::C {
        sig: CSignature {
            params: vec![CType::Int { size: 8, signed: true }; 2],
            ret: CType::Int { size: 8, signed: true },
            variadic: false,
        },
        fixed: 2,
    });
    let kind = ExternKind::Func(sig);
    module.add_extern(Extern { symbol: "out".into(), library: None, kind, declared: (0, 0) });
    module.add_global(Global { name: "g".into(), size: 24, init: Data { align: 8, ..Data::default() } });
    module.add_data(Data { bytes: (1..=24).collect(), align: 8, relocs: Vec::new() });
    let count = 1 + random.below(4) as u32;
    for id in 0..count {
        let func = function(&mut random, id);
        let id = module.reserve_func();
        module.define_func(id, func);
    }
    module
}

struct Gen<'r> {
    r: &'r mut Random,
    b: Builder,
    /// Functions that may be called.
    callees: u32,
    /// What may be read here: registers assigned on every way to here.
    known: Vec<(Ty, Operand)>,
    vars: Vec<(Ty, Reg)>,
    slots: Vec<SlotId>,
    /// Counters that loops may share, zero in the beginning.
    counters: [Reg; 2],
    /// Those of the loops around here.
    busy: Vec<Reg>,
    /// Statements left for the function.
    left: u32,
    depth: u32,
    /// The statement's place in the source, as it were.
    line: u32,
}

const FIELDS: [(i32, Ty); 3] = [(0, Ty::I64), (8, Ty::I64), (16, Ty::F64)];

fn function(random: &mut Random, id: u32) -> Func {
    let sig = Signature { params: vec![Ty::Ptr, Ty::I64, Ty::F64, Ty::I8], rets: vec![Ty::I64, Ty::I32] };
    let mut b = Builder::new(format!("f{id}"), sig, CallConv::Sx);
    let counters = [b.var(Ty::I64), b.var(Ty::I64)];
    let zero = b.i64(0);
    counters.iter().for_each(|&dst| b.push(Inst::Copy { dst, src: zero }));
    let most = if random.one_in(3) { 60 } else { 20 };
    let left = 4 + random.below(most) as u32;
    let mut g = Gen {
        r: random,
        b,
        callees: id,
        known: Vec::new(),
        vars: Vec::new(),
        slots: Vec::new(),
        counters,
        busy: Vec::new(),
        left,
        depth: 0,
        line: 0,
    };
    for (i, ty) in [Ty::Ptr, Ty::I64, Ty::F64, Ty::I8].into_iter().enumerate() {
        let param = g.b.param(i);
        g.known.push((ty, param.into()));
    }
    for ty in [Ty::I64, Ty::I64, Ty::I32, Ty::I8, Ty::F64] {
        let var = g.b.var(ty);
        let first = g.operand(ty);
        g.b.push(Inst::Copy { dst: var, src: first });
        g.vars.push((ty, var));
        g.known.push((ty, var.into()));
    }
    for _ in 0..g.r.below(4) {
        let slot = g.b.slot(24, 8);
        g.b.push(Inst::MemZero { dst: Addr { base: Base::Slot(slot), off: 0 }, size: 24 });
        g.slots.push(slot);
    }
    g.statements();
    if !g.b.is_terminated() && !g.r.one_in(4) {
        g.observe();
    }
    g.ret();
    let mut func = g.b.finish();
    func.inline = random.one_in(4);
    func
}

impl Gen<'_> {
    fn constant(&mut self, ty: Ty) -> Operand {
        let small = self.r.below(12).wrapping_sub(3);
        let edge = [0, 1, u64::MAX, 1 << 63, 0x7fff_ffff, 0x80, 0xff][self.r.below(7) as usize];
        let bits = if self.r.one_in(3) { edge } else { small };
        match ty {
            Ty::F64 => {
                let value =
                    [0.0, -0.0, 1.0, 1.5, -2.25, f64::INFINITY, f64::NAN, 1e300][self.r.below(8) as usize];
                self.b.constant(ty, f64::to_bits(value))
            }
            Ty::I8 => self.b.bool(bits & 1 == 1),
            Ty::Ptr => self.b.null(),
            _ => self.b.constant(ty, bits),
        }
    }

    /// Something of the type that is there already. Addresses are always those of 24 bytes.
    fn operand(&mut self, ty: Ty) -> Operand {
        let fits: Vec<Operand> =
            self.known.iter().filter(|known| known.0 == ty).map(|known| known.1).collect();
        if ty != Ty::Ptr && (fits.is_empty() || self.r.one_in(4)) {
            return self.constant(ty);
        }
        // Rather what is new.
        let recent = fits.len().min(5) as u64;
        let from_end = if self.r.one_in(2) { self.r.below(recent) } else { self.r.below(fits.len() as u64) };
        fits[fits.len() - 1 - from_end as usize]
    }

    fn int_ty(&mut self) -> Ty {
        if self.r.one_in(3) { Ty::I32 } else { Ty::I64 }
    }

    fn keep(&mut self, ty: Ty, operand: Operand) {
        self.known.push((ty, operand));
    }

    fn place(&mut self) -> Addr {
        let base = match self.r.below(8) {
            0 => Base::Global(GlobalId(0)),
            1 | 2 => Base::Reg(self.operand(Ty::Ptr)),
            3 | 4 if self.slots.len() > 1 => Base::Slot(self.slots[1]),
            _ if !self.slots.is_empty() => Base::Slot(self.slots[0]),
            _ => Base::Reg(self.operand(Ty::Ptr)),
        };
        Addr { base, off: 0 }
    }

    fn field(&mut self) -> (Addr, Ty) {
        let addr = self.place();
        let (off, ty) = FIELDS[self.r.below(3) as usize];
        let ty = if self.r.one_in(25) { Ty::I32 } else { ty };
        (Addr { off, ..addr }, ty)
    }

    fn compute(&mut self) {
        let ints = [
            BinOp::Add,
            BinOp::Sub,
            BinOp::Mul,
            BinOp::And,
            BinOp::Or,
            BinOp::Xor,
            BinOp::Shl,
            BinOp::SShr,
            BinOp::UShr,
            BinOp::SDiv,
            BinOp::UDiv,
            BinOp::SRem,
            BinOp::URem,
        ];
        let floats = [BinOp::FAdd, BinOp::FSub, BinOp::FMul, BinOp::FDiv, BinOp::FMin];
        let ty = self.int_ty();
        let (ty, value) = match self.r.below(14) {
            0..=4 => {
                let rarely_divide = if self.r.one_in(6) { 13 } else { 9 };
                let op = ints[self.r.below(rarely_divide) as usize];
                let (a, b) = (self.operand(ty), self.operand(ty));
                (ty, self.b.bin(op, ty, a, b))
            }
            5 => {
                let op = floats[self.r.below(5) as usize];
                let (a, b) = (self.operand(Ty::F64), self.operand(Ty::F64));
                (Ty::F64, self.b.bin(op, Ty::F64, a, b))
            }
            6 | 7 => {
                let ops = [CmpOp::Eq, CmpOp::Ne, CmpOp::SLt, CmpOp::SLe, CmpOp::UGt, CmpOp::UGe];
                let op = ops[self.r.below(6) as usize];
                let (a, b) = (self.operand(ty), self.operand(ty));
                (Ty::I8, self.b.cmp(op, ty, a, b))
            }
            8 => {
                let (a, b) = (self.operand(Ty::F64), self.operand(Ty::F64));
                let op = [CmpOp::FEq, CmpOp::FLt, CmpOp::FGe][self.r.below(3) as usize];
                (Ty::I8, self.b.cmp(op, Ty::F64, a, b))
            }
            9 => {
                let a = self.operand(Ty::I8);
                (Ty::I8, self.b.un(UnOp::BoolNot, Ty::I8, a))
            }
            10 => {
                let op = [UnOp::Neg, UnOp::Not, UnOp::Clz, UnOp::Popcnt, UnOp::SextIn(5), UnOp::ZextIn(7)]
                    [self.r.below(6) as usize];
                let a = self.operand(ty);
                (ty, self.b.un(op, ty, a))
            }
            11 => self.convert(),
            12 => {
                let (c, a, b) = (self.operand(Ty::I8), self.operand(ty), self.operand(ty));
                let dst = self.b.temp(ty);
                self.b.push(Inst::Select { ty, dst, cond: c, a, b });
                (ty, dst.into())
            }
            _ => {
                let (addr, ty) = self.field();
                (ty, self.b.load(ty, addr))
            }
        };
        self.keep(ty, value);
    }

    fn convert(&mut self) -> (Ty, Operand) {
        let (op, from, to) = [
            (ConvOp::Sext, Ty::I32, Ty::I64),
            (ConvOp::Zext, Ty::I32, Ty::I64),
            (ConvOp::Zext, Ty::I8, Ty::I64),
            (ConvOp::Zext, Ty::I8, Ty::I32),
            (ConvOp::Trunc, Ty::I64, Ty::I32),
            (ConvOp::SToF, Ty::I64, Ty::F64),
            (ConvOp::FToS, Ty::F64, Ty::I64),
            (ConvOp::FToU, Ty::F64, Ty::I32),
            (ConvOp::Bitcast, Ty::I64, Ty::F64),
        ][self.r.below(9) as usize];
        let a = self.operand(from);
        (to, self.b.conv(op, from, to, a))
    }

    fn statements(&mut self) {
        let count = 1 + self.r.below(6);
        for _ in 0..count.max(if self.depth == 0 { self.left as u64 } else { 0 }) {
            if self.left == 0 || self.b.is_terminated() {
                return;
            }
            self.left -= 1;
            self.line += 1;
            self.b.set_loc(self.callees, self.line);
            self.statement();
        }
    }

    fn statement(&mut self) {
        match self.r.below(30) {
            0..=8 => self.compute(),
            9..=11 => {
                let (ty, var) = self.vars[self.r.below(self.vars.len() as u64) as usize];
                let src = self.operand(ty);
                self.b.push(Inst::Copy { dst: var, src });
            }
            12 => {
                let (ty, var) = self.vars[self.r.below(2) as usize];
                let (a, b) = (self.operand(ty), self.operand(ty));
                self.b.push(Inst::Bin { op: BinOp::Add, ty, dst: var, a, b });
            }
            13..=15 => {
                let (addr, ty) = self.field();
                let val = self.operand(ty);
                self.b.store(ty, addr, val);
            }
            16 => {
                let (dst, src) = (self.place(), self.place());
                if self.r.one_in(3) {
                    self.b.push(Inst::MemZero { dst, size: 24 });
                } else {
                    self.b.push(Inst::MemCopy { dst, src, size: if self.r.one_in(3) { 16 } else { 24 } });
                }
            }
            17 | 18 => self.check(),
            19 | 20 => self.if_(),
            21 | 22 => self.loop_(),
            23..=25 => self.call(),
            26 => {
                let (a, b) = (self.operand(Ty::I64), self.operand(Ty::I64));
                let ret = self.b.call(Callee::Extern(ExternId(0)), &[a, b], &[Ty::I64]);
                self.keep(Ty::I64, ret[0]);
            }
            27 => self.atomic(),
            _ => self.address(),
        }
    }

    fn atomic(&mut self) {
        let (addr, ty) = self.field();
        if !ty.is_atomic() {
            return self.b.push(Inst::Fence { order: Ordering::SeqCst });
        }
        let (ptr, order) = (self.b.addr_of(addr), Ordering::SeqCst);
        let (old, new) = (self.operand(ty), self.operand(ty));
        let dst = self.b.temp(ty);
        match self.r.below(4) {
            0 => self.b.push(Inst::AtomicLoad { ty, order, dst, ptr }),
            1 => return self.b.push(Inst::AtomicStore { ty, order, ptr, val: new }),
            2 => self.b.push(Inst::AtomicCas { ty, order, failure: order, dst, ptr, old, new }),
            _ => {
                let op = RmwOp::ALL[self.r.below(10) as usize];
                let op = if op.takes(ty) { op } else { RmwOp::Swap };
                self.b.push(Inst::AtomicRmw { op, ty, order, dst, ptr, val: new });
            }
        }
        self.keep(ty, dst.into());
    }

    fn address(&mut self) {
        if self.slots.is_empty() || self.r.one_in(3) {
            let what = [ErrTrace::Raise, ErrTrace::Propagate, ErrTrace::Clear][self.r.below(3) as usize];
            return self.b.push(Inst::ErrTrace(what));
        }
        let slot = self.slots[self.r.below(self.slots.len() as u64) as usize];
        let base = if self.r.one_in(4) { Base::Global(GlobalId(0)) } else { Base::Slot(slot) };
        let mut address = self.b.addr_of(Addr { base, off: 8 });
        address = if self.r.one_in(2) {
            self.b.addr_of(Addr { base: Base::Reg(address), off: -8 })
        } else {
            let minus = self.b.i64(-2);
            self.b.index(address, minus, 4)
        };
        self.keep(Ty::Ptr, address);
    }

    fn check(&mut self) {
        match self.r.below(4) {
            0 => {
                let ptr = self.operand(Ty::Ptr);
                self.b.push(Inst::NullCheck { ptr });
            }
            1 => {
                let cond = self.operand(Ty::I8);
                self.b.push(Inst::Check { cond, kind: TrapKind::UnwrapNull });
            }
            2 => {
                let (index, len) = (self.operand(Ty::I64), self.operand(Ty::I64));
                self.b.push(Inst::Bounds { index, len, unsigned: false });
            }
            _ => {
                // Mostly holds.
                let index = self.operand(Ty::I64);
                let mask = self.b.i64(7);
                let index = self.b.bin(BinOp::And, Ty::I64, index, mask);
                let len = self.b.i64(8 - self.r.below(2) as i64);
                self.b.push(Inst::Bounds { index, len, unsigned: false });
                self.keep(Ty::I64, index);
            }
        }
    }

    /// Statements in a block of their own; what they assign isn't known afterwards.
    fn nested(&mut self, end: BlockId) {
        let known = self.known.len();
        self.depth += 1;
        self.statements();
        self.depth -= 1;
        if self.r.one_in(12) {
            self.ret();
        }
        self.known.truncate(known);
        self.b.jump(end);
    }

    fn if_(&mut self) {
        let cond = self.operand(Ty::I8);
        let (then, else_, end) = (self.b.block(), self.b.block(), self.b.block());
        if self.r.one_in(4) {
            let ty = self.int_ty();
            let val = self.operand(ty);
            let cases = vec![(0, then), (1, else_), (7, end)];
            self.b.terminate(Term::Switch { ty, val, cases, default: then });
        } else {
            self.b.branch(cond, then, else_);
        }
        self.b.switch_to(then);
        self.nested(end);
        self.b.switch_to(else_);
        if self.r.one_in(2) {
            self.nested(end);
        }
        self.b.jump(end);
        self.b.switch_to(end);
    }

    /// A loop that counts to a length, with the test at its beginning or its end.
    fn loop_(&mut self) {
        if self.depth > 3 {
            return;
        }
        let counter = self.counter();
        let len = if self.r.one_in(2) {
            self.b.i64(self.r.below(5) as i64)
        } else {
            let (some, mask) = (self.operand(Ty::I64), self.b.i64(3));
            self.b.bin(BinOp::And, Ty::I64, some, mask)
        };
        let (header, body, latch, end) = (self.b.block(), self.b.block(), self.b.block(), self.b.block());
        let test_first = self.r.one_in(2);
        let one = self.step();
        let second = self.second_counter();
        self.b.jump(header);
        self.b.switch_to(header);
        let known = self.known.len();
        if self.r.one_in(4) {
            self.compute();
        }
        if !test_first && self.r.one_in(6) {
            self.b.jump(body);
        } else {
            let more = self.b.cmp(CmpOp::SLt, Ty::I64, counter.into(), len);
            self.b.branch(more, body, end);
        }
        self.b.switch_to(body);
        self.body(counter, len);
        if let Some((second, step)) = second {
            self.step_of_second(second, step);
        }
        self.nested(latch);
        self.b.switch_to(latch);
        if self.r.one_in(6) {
            self.b.push(Inst::Bounds { index: counter.into(), len, unsigned: false });
        }
        let mut next = counter.into();
        if self.r.one_in(2) {
            next = self.b.bin(BinOp::Add, Ty::I64, counter.into(), one);
            self.b.push(Inst::Copy { dst: counter, src: next });
        } else {
            self.b.push(Inst::Bin { op: BinOp::Add, ty: Ty::I64, dst: counter, a: counter.into(), b: one });
        }
        self.b.push(Inst::Poll);
        if self.r.one_in(4) {
            self.scaled_check(counter);
        }
        if test_first {
            self.b.jump(header);
        } else {
            let op = if self.r.one_in(3) { CmpOp::SLe } else { CmpOp::SLt };
            let more = self.b.cmp(op, Ty::I64, next, len);
            self.b.branch(more, body, end);
        }
        self.b.switch_to(end);
        self.known.truncate(known);
        self.busy.retain(|&busy| busy != counter);
    }

    /// A counter, set to its start; sometimes one that an earlier loop left where it was.
    fn counter(&mut self) -> Reg {
        let old = self.counters[self.r.below(2) as usize];
        let counter = if self.r.one_in(3) && !self.busy.contains(&old) { old } else { self.b.var(Ty::I64) };
        self.busy.push(counter);
        if counter != old || self.r.one_in(2) {
            let first = self.r.below(3) as i64 - (self.r.one_in(6) as i64);
            let first = self.b.i64(first);
            self.b.push(Inst::Copy { dst: counter, src: first });
        }
        counter
    }

    fn one_more(&mut self, counter: Reg) {
        let one = self.b.i64(1);
        self.b.push(Inst::Bin { op: BinOp::Add, ty: Ty::I64, dst: counter, a: counter.into(), b: one });
    }

    /// Something that a loop counts beside its rounds, and what by: what stays, whatever it is.
    fn second_counter(&mut self) -> Option<(Reg, Operand)> {
        if !self.r.one_in(4) {
            return None;
        }
        let (var, first) = (self.b.var(Ty::I64), self.b.i64(self.r.below(3) as i64));
        self.b.push(Inst::Copy { dst: var, src: first });
        let step = if self.r.one_in(2) { self.operand(Ty::I64) } else { self.b.i64(1) };
        Some((var, step))
    }

    fn step_of_second(&mut self, var: Reg, step: Operand) {
        if self.r.one_in(2) {
            self.scaled_check(var);
        }
        let end = self.b.block();
        if self.r.one_in(2) {
            let (cond, then) = (self.operand(Ty::I8), self.b.block());
            self.b.branch(cond, then, end);
            self.b.switch_to(then);
        }
        self.b.push(Inst::Bin { op: BinOp::Add, ty: Ty::I64, dst: var, a: var.into(), b: step });
        if self.r.one_in(3) {
            self.scaled_check(var);
        }
        self.b.jump(end);
        self.b.switch_to(end);
        if self.r.one_in(2) {
            self.scaled_check(var);
        }
    }

    /// What a counter grows by.
    fn step(&mut self) -> Operand {
        match self.r.below(8) {
            0 => self.b.i64(2),
            1 => {
                let (some, mask) = (self.operand(Ty::I64), self.b.i64(3));
                let some = self.b.bin(BinOp::And, Ty::I64, some, mask);
                let one = self.b.i64(1);
                self.b.bin(BinOp::Or, Ty::I64, some, one)
            }
            _ => self.b.i64(1),
        }
    }

    /// A check of an index that grows with a counter.
    fn scaled_check(&mut self, counter: Reg) {
        let mut index: Operand = counter.into();
        for _ in 0..self.r.below(4) {
            let small = self.r.below(9) as i64 - 2;
            let small = self.b.i64(small);
            let other = if self.r.one_in(3) { self.operand(Ty::I64) } else { small };
            let (op, a, b) = match self.r.below(6) {
                0 => (BinOp::Mul, index, small),
                1 => (BinOp::Shl, index, self.b.i64(self.r.below(3) as i64)),
                2 => (BinOp::Sub, index, other),
                3 => (BinOp::Sub, other, index),
                4 => (BinOp::Add, other, index),
                _ => (BinOp::Add, index, other),
            };
            index = self.b.bin(op, Ty::I64, a, b);
        }
        let len = match self.r.below(4) {
            0 => self.operand(Ty::I64),
            _ => self.b.i64(self.r.below(40) as i64),
        };
        self.b.push(Inst::Bounds { index, len, unsigned: false });
    }

    /// What a round begins with.
    fn body(&mut self, counter: Reg, len: Operand) {
        self.keep(Ty::I64, counter.into());
        if self.r.one_in(2) {
            let copy = self.b.temp(Ty::I64);
            self.b.push(Inst::Copy { dst: copy, src: counter.into() });
            self.keep(Ty::I64, copy.into());
        }
        match self.r.below(16) {
            0 | 1 => self.one_more(counter),
            // Only some rounds, or by a way round.
            2 => {
                let cond = self.operand(Ty::I8);
                let (then, end) = (self.b.block(), self.b.block());
                self.b.branch(cond, then, end);
                self.b.switch_to(then);
                self.one_more(counter);
                self.b.jump(end);
                self.b.switch_to(end);
            }
            _ => {}
        }
        if self.r.one_in(2) {
            let index = if self.r.one_in(2) { counter.into() } else { self.operand(Ty::I64) };
            self.b.push(Inst::Bounds { index, len, unsigned: false });
        }
        while self.r.one_in(2) {
            self.scaled_check(counter);
        }
    }

    fn call(&mut self) {
        if self.callees == 0 {
            return;
        }
        let callee = Callee::Func(FuncId(self.r.below(self.callees as u64) as u32));
        let args =
            [self.operand(Ty::Ptr), self.operand(Ty::I64), self.operand(Ty::F64), self.operand(Ty::I8)];
        if self.r.one_in(3) {
            // Results that are `var` registers, perhaps arguments at the same time.
            let rets = [self.vars[self.r.below(2) as usize].1, self.vars[2].1];
            let args = [args[0], rets[0].into(), args[2], args[3]];
            let args = self.b.list(args);
            let rets = self.b.list(rets.map(Operand::reg));
            return self.b.push(Inst::Call { callee, args, rets });
        }
        let rets = self.b.call(callee, &args, &[Ty::I64, Ty::I32]);
        self.keep(Ty::I64, rets[0]);
        self.keep(Ty::I32, rets[1]);
    }

    /// Shows what variables and memory hold.
    fn observe(&mut self) {
        let out = Callee::Extern(ExternId(0));
        let var = |i: usize| -> Operand { self.vars[i].1.into() };
        let (a, b) = (var(0), var(1));
        self.b.call(out, &[a, b], &[Ty::I64]);
        let params = [Base::Reg(self.b.param(0).into()), Base::Global(GlobalId(0))];
        let slots: Vec<Base> = self.slots.iter().map(|&slot| Base::Slot(slot)).collect();
        for base in params.into_iter().chain(slots) {
            let a = self.b.load(Ty::I64, Addr { base, off: 0 });
            let b = self.b.load(Ty::I64, Addr { base, off: 8 });
            self.b.call(out, &[a, b], &[Ty::I64]);
        }
    }

    fn ret(&mut self) {
        let values = [self.operand(Ty::I64), self.operand(Ty::I32)];
        let list = self.b.list(values);
        self.b.terminate(Term::Return(list));
    }
}
