//! Random straight lines of instructions against Rust: what neighbours are dispatched together must do the same as apart.

mod common;
use common::*;
use pretty_assertions::assert_eq;
use sx_ir::*;

/// A small generator of numbers; the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

const VARS: usize = 4;
const WORDS: usize = 6;

/// The machine that both sides are.
struct Model {
    ints: [u64; VARS],
    floats: [f64; VARS],
    memory: [u64; WORDS],
}

fn int_op(op: BinOp, a: u64, b: u64) -> u64 {
    match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a << (b & 63),
        _ => a >> (b & 63),
    }
}

fn float_op(op: BinOp, a: f64, b: f64) -> f64 {
    match op {
        BinOp::FAdd => a + b,
        BinOp::FSub => a - b,
        BinOp::FMul => a * b,
        _ => a / b,
    }
}

/// Appends a random instruction to the function and does the same to the model.
fn step(r: &mut Random, b: &mut Builder, m: &mut Model, ints: &[Reg], floats: &[Reg], memory: Operand) {
    let (d, x, y) =
        (r.below(VARS as u64) as usize, r.below(VARS as u64) as usize, r.below(VARS as u64) as usize);
    let word = r.below(WORDS as u64) as usize;
    let place = Addr { base: Base::Reg(memory), off: word as i32 * 8 };
    match r.below(12) {
        0..4 => {
            let op = r.pick(&[BinOp::FAdd, BinOp::FSub, BinOp::FMul, BinOp::FMul, BinOp::FAdd, BinOp::FDiv]);
            let t = b.bin(op, Ty::F64, floats[x].into(), floats[y].into());
            set(b, floats[d], t);
            m.floats[d] = float_op(op, m.floats[x], m.floats[y]);
        }
        4..7 => {
            let op = r.pick(&[BinOp::Add, BinOp::Sub, BinOp::Mul, BinOp::And, BinOp::Or, BinOp::Xor]);
            let t = b.bin(op, Ty::I64, ints[x].into(), ints[y].into());
            set(b, ints[d], t);
            m.ints[d] = int_op(op, m.ints[x], m.ints[y]);
        }
        7 => {
            let op = r.pick(&[BinOp::Add, BinOp::Mul, BinOp::Shl, BinOp::UShr, BinOp::And]);
            let value = r.below(50);
            let constant = b.constant(Ty::I64, value);
            let t = b.bin(op, Ty::I64, ints[x].into(), constant);
            set(b, ints[d], t);
            m.ints[d] = int_op(op, m.ints[x], value);
        }
        8 => {
            set(b, ints[d], ints[x].into());
            m.ints[d] = m.ints[x];
        }
        9 if r.below(2) == 0 => {
            let t = b.load(Ty::I64, place);
            set(b, ints[d], t);
            m.ints[d] = m.memory[word];
        }
        9 => {
            let t = b.load(Ty::F64, place);
            set(b, floats[d], t);
            m.floats[d] = f64::from_bits(m.memory[word]);
        }
        10 => {
            b.store(Ty::I64, place, ints[x].into());
            m.memory[word] = m.ints[x];
        }
        _ => {
            b.store(Ty::F64, place, floats[x].into());
            m.memory[word] = m.floats[x].to_bits();
        }
    }
}

/// NaNs have no meaning in their bits.
fn same(a: u64, b: u64) -> bool {
    a == b || f64::from_bits(a).is_nan() && f64::from_bits(b).is_nan()
}

#[test]
fn random_sequences() {
    for seed in 0..3000 {
        let mut r = Random(seed);
        let mut b = function("sequence", &[Ty::Ptr], &[Ty::I64]);
        let memory = param(&b, 0);
        let mut model = Model { ints: [0; VARS], floats: [0.0; VARS], memory: [0; WORDS] };
        let mut first = [0u64; WORDS];
        for (i, word) in first.iter_mut().enumerate() {
            *word = if i % 2 == 0 { r.below(1 << 30) } else { (r.below(1000) as f64 / 7.0).to_bits() };
        }
        model.memory = first;
        let ints: Vec<Reg> = (0..VARS).map(|_| b.var(Ty::I64)).collect();
        let floats: Vec<Reg> = (0..VARS).map(|_| b.var(Ty::F64)).collect();
        for i in 0..VARS {
            let t = b.load(Ty::I64, Addr { base: Base::Reg(memory), off: 8 * i as i32 });
            set(&mut b, ints[i], t);
            let value = b.constant(Ty::F64, (i as f64 + 0.5).to_bits());
            set(&mut b, floats[i], value);
            (model.ints[i], model.floats[i]) = (first[i], i as f64 + 0.5);
        }
        for _ in 0..4 + r.below(30) {
            step(&mut r, &mut b, &mut model, &ints, &floats, memory);
        }
        // Some end with what is computed last, as functions do.
        let (x, y) = (r.below(VARS as u64) as usize, r.below(VARS as u64) as usize);
        let op = r.pick(&[BinOp::Add, BinOp::Sub, BinOp::Mul]);
        let result = b.bin(op, Ty::I64, ints[x].into(), ints[y].into());
        for i in 0..VARS.min(WORDS) {
            let (value, ty) = if i % 2 == 0 { (ints[i], Ty::I64) } else { (floats[i], Ty::F64) };
            b.store(ty, Addr { base: Base::Reg(memory), off: 8 * i as i32 }, value.into());
            model.memory[i] = if i % 2 == 0 { model.ints[i] } else { model.floats[i].to_bits() };
        }
        ret(&mut b, &[result]);
        let mut words = first;
        let got = run(b.finish(), &[words.as_mut_ptr() as u64]).unwrap();
        let want = int_op(op, model.ints[x], model.ints[y]);
        let fine = same(got, want) && words.iter().zip(&model.memory).all(|(&a, &b)| same(a, b));
        // An integer made of a NaN's bits may differ where the NaN does.
        let clean = model.floats.iter().all(|v| !v.is_nan());
        if clean {
            assert!(fine, "seed {seed}: {got:#x} for {want:#x}, {words:x?} for {:x?}", model.memory);
            assert_eq!(got, want);
        }
    }
}
