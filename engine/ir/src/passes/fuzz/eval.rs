//! Runs the middle form step by step, for tests: slow and plain.

use crate::atomic::RmwOp;
use crate::func::*;
use crate::ids::*;
use crate::module::Module;
use crate::passes::fold;

/// Programs that take more steps are given up.
const MAX_STEPS: u64 = 30_000;
const MAX_DEPTH: u32 = 50;

/// What a program did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Calls of symbols and error traces, in order.
    effects: Vec<Vec<u64>>,
    /// What came back, or why not.
    end: Result<Vec<u64>, (TrapKind, Vec<u64>)>,
    steps: u64,
}

impl PartialEq for Ran {
    fn eq(&self, other: &Ran) -> bool {
        self.effects == other.effects && self.end == other.end
    }
}

impl Ran {
    pub fn steps(&self) -> u64 {
        self.steps
    }
    pub fn trapped(&self) -> bool {
        self.end.is_err()
    }
}

enum Stop {
    Trap(TrapKind, Vec<u64>),
    TooLong,
}

/// Objects are far apart, so that an address tells which it is in.
const OBJECT: u32 = 32;
const MIDDLE: u64 = 1 << 31;

struct Machine<'a> {
    module: &'a Module,
    objects: Vec<Vec<u8>>,
    effects: Vec<Vec<u64>>,
    steps: u64,
    depth: u32,
}

/// Runs `entry(ptr, i64, f64, i8)`; none when it takes too long.
pub fn run(module: &Module, entry: FuncId, a: u64, b: f64) -> Option<Ran> {
    let mut machine = Machine { module, objects: vec![Vec::new()], effects: Vec::new(), steps: 0, depth: 0 };
    for global in &module.globals {
        let mut bytes = global.init.bytes.clone();
        bytes.resize(global.size as usize, 0);
        machine.objects.push(bytes);
    }
    machine.objects.extend(module.datas.iter().map(|data| data.bytes.clone()));
    let argument = machine.object(24);
    let end = match machine.call(entry, &[argument, a, b.to_bits(), a & 1]) {
        Ok(values) => Ok(values),
        Err(Stop::Trap(kind, operands)) => Err((kind, operands)),
        Err(Stop::TooLong) => return None,
    };
    let mut last = machine.objects[(argument >> OBJECT) as usize].clone();
    machine.objects[1..=module.globals.len()].iter().for_each(|global| last.extend(global));
    machine.effects.push(last.iter().map(|&byte| byte as u64).collect());
    Some(Ran { effects: machine.effects, end, steps: machine.steps })
}

/// NaNs count as one.
fn canonical(ty: Ty, bits: u64) -> u64 {
    match ty {
        Ty::F64 if f64::from_bits(bits).is_nan() => f64::NAN.to_bits(),
        _ => bits & fold::mask(ty, 8),
    }
}

impl Machine<'_> {
    fn object(&mut self, size: u32) -> u64 {
        self.objects.push(vec![0; size as usize]);
        ((self.objects.len() as u64 - 1) << OBJECT) + MIDDLE
    }

    fn bytes(&mut self, address: u64, size: u32) -> &mut [u8] {
        let object = (address >> OBJECT) as usize;
        let start = ((address & ((1 << OBJECT) - 1)) - MIDDLE) as usize;
        &mut self.objects[object][start..start + size as usize]
    }

    fn call(&mut self, id: FuncId, args: &[u64]) -> Result<Vec<u64>, Stop> {
        let module = self.module;
        let func = module.func(id).expect("the callee has a body");
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Stop::TooLong);
        }
        // Not zero, so that reading too early shows.
        let mut regs = vec![0xdead_beef_dead_beefu64; func.regs.len()];
        regs[..args.len()].copy_from_slice(args);
        let slots: Vec<u64> = func.slots.iter().map(|slot| self.object(slot.size)).collect();
        let mut frame = Frame { func, regs, slots };
        let mut block = BlockId(0);
        loop {
            for inst in func.insts(block) {
                self.step()?;
                self.inst(&mut frame, inst)?;
            }
            self.step()?;
            match &func.blocks[block.index()].term {
                Term::Jump(to) => block = *to,
                Term::Branch { cond, then, else_ } => {
                    block = if frame.get(*cond) != 0 { *then } else { *else_ };
                }
                Term::Switch { val, cases, default, .. } => {
                    let value = frame.get(*val);
                    block = cases.iter().find(|case| case.0 == value).map_or(*default, |case| case.1);
                }
                Term::Return(list) => {
                    self.depth -= 1;
                    return Ok(func.list(*list).iter().map(|&operand| frame.get(operand)).collect());
                }
                Term::Trap(kind, list) => {
                    return Err(Stop::Trap(*kind, func.list(*list).iter().map(|&o| frame.get(o)).collect()));
                }
                Term::Unreachable => return Err(Stop::Trap(TrapKind::Unreachable, Vec::new())),
            }
        }
    }

    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(Stop::TooLong) } else { Ok(()) }
    }

    fn address(&self, frame: &Frame<'_>, addr: Addr) -> u64 {
        let base = match addr.base {
            Base::Reg(base) => frame.get(base),
            Base::Slot(slot) => frame.slots[slot.index()],
            Base::Global(global) => ((global.0 as u64 + 1) << OBJECT) + MIDDLE,
            Base::Data(data) => ((data.0 as u64 + 1 + self.module.globals.len() as u64) << OBJECT) + MIDDLE,
        };
        base.wrapping_add(addr.off as u64)
    }

    fn inst(&mut self, frame: &mut Frame<'_>, inst: &Inst) -> Result<(), Stop> {
        let trap = |kind, operands: &[u64]| Err(Stop::Trap(kind, operands.to_vec()));
        match *inst {
            Inst::Copy { dst, src } => frame.set(dst, frame.get(src)),
            Inst::Bin { op, ty, dst, a, b } => {
                let (x, y) = (frame.get(a), frame.get(b));
                match fold::bin(op, ty, 8, x, y) {
                    Some(bits) => frame.set(dst, bits),
                    None if ty.is_float() => frame.set(dst, x),
                    None if y == 0 => return trap(TrapKind::DivisionByZero, &[]),
                    None => return trap(TrapKind::DivisionOverflow, &[]),
                }
            }
            Inst::Un { op, ty, dst, a } => {
                let bits = fold::un(op, ty, 8, frame.get(a)).expect("operations on one operand don't trap");
                frame.set(dst, bits);
            }
            Inst::Cmp { op, ty, dst, a, b } => {
                frame.set(dst, fold::cmp(op, ty, 8, frame.get(a), frame.get(b)) as u64);
            }
            Inst::Conv { op, from, to, dst, a } => frame.set(dst, fold::conv(op, from, to, 8, frame.get(a))),
            Inst::Select { dst, cond, a, b, .. } => {
                frame.set(dst, if frame.get(cond) != 0 { frame.get(a) } else { frame.get(b) });
            }
            Inst::AddrOf { dst, addr } => frame.set(dst, self.address(frame, addr)),
            Inst::Index { dst, base, index, stride } => {
                let bytes = frame.get(index).wrapping_mul(stride as u64);
                frame.set(dst, frame.get(base).wrapping_add(bytes));
            }
            Inst::Bounds { index, len, .. } => {
                let (i, n) = (frame.get(index), frame.get(len));
                if (i as i64) < 0 || i as i64 >= n as i64 {
                    return trap(TrapKind::IndexOutOfRange, &[i, n]);
                }
            }
            Inst::SliceBounds { lo, hi, len, .. } => {
                let (a, b, n) = (frame.get(lo), frame.get(hi), frame.get(len));
                if !(0 <= a as i64 && a as i64 <= b as i64 && b as i64 <= n as i64) {
                    return trap(TrapKind::SliceOutOfRange, &[a, b, n]);
                }
            }
            Inst::NullCheck { ptr } if frame.get(ptr) == 0 => return trap(TrapKind::NullDereference, &[]),
            Inst::Check { cond, kind } if frame.get(cond) == 0 => return trap(kind, &[]),
            Inst::NullCheck { .. } | Inst::Check { .. } | Inst::Poll => {}
            Inst::ErrTrace(what) => self.effects.push(vec![what as u64]),
            Inst::Call { callee, args, rets } => return self.call_inst(frame, callee, args, rets),
            _ => self.memory(frame, inst),
        }
        Ok(())
    }

    fn memory(&mut self, frame: &mut Frame<'_>, inst: &Inst) {
        match *inst {
            Inst::Load { ty, dst, addr } => {
                let address = self.address(frame, addr);
                let bytes = self.bytes(address, ty.size(8));
                frame.set(dst, bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | byte as u64));
            }
            Inst::Store { ty, addr, val } => {
                let (address, value) = (self.address(frame, addr), frame.get(val));
                let size = ty.size(8);
                self.bytes(address, size).copy_from_slice(&value.to_le_bytes()[..size as usize]);
            }
            Inst::MemCopy { dst, src, size } => {
                let (to, from) = (self.address(frame, dst), self.address(frame, src));
                let bytes = self.bytes(from, size).to_vec();
                self.bytes(to, size).copy_from_slice(&bytes);
            }
            Inst::MemZero { dst, size } => {
                let address = self.address(frame, dst);
                self.bytes(address, size).fill(0);
            }
            _ => self.atomic(frame, inst),
        }
    }

    fn atomic(&mut self, frame: &mut Frame<'_>, inst: &Inst) {
        let (Inst::AtomicLoad { ty, ptr, .. }
        | Inst::AtomicStore { ty, ptr, .. }
        | Inst::AtomicRmw { ty, ptr, .. }
        | Inst::AtomicCas { ty, ptr, .. }) = *inst
        else {
            assert!(matches!(inst, Inst::Fence { .. }), "the generator doesn't make {inst:?}");
            return;
        };
        let size = ty.size(8);
        let address = frame.get(ptr);
        let before = self.bytes(address, size).iter().rev().fold(0, |bits, &byte| bits << 8 | byte as u64);
        let after = match *inst {
            Inst::AtomicStore { val, .. } => frame.get(val),
            Inst::AtomicRmw { op, val, .. } => {
                let val = frame.get(val);
                let bin = |op| fold::bin(op, ty, 8, before, val).expect("none of these traps");
                let pick =
                    |op, min: bool| if fold::cmp(op, ty, 8, before, val) == min { before } else { val };
                match op {
                    RmwOp::Swap => val,
                    RmwOp::Add => bin(BinOp::Add),
                    RmwOp::Sub => bin(BinOp::Sub),
                    RmwOp::And => bin(BinOp::And),
                    RmwOp::Or => bin(BinOp::Or),
                    RmwOp::Xor => bin(BinOp::Xor),
                    RmwOp::SMin => pick(CmpOp::SLt, true),
                    RmwOp::SMax => pick(CmpOp::SLt, false),
                    RmwOp::UMin => pick(CmpOp::ULt, true),
                    RmwOp::UMax => pick(CmpOp::ULt, false),
                }
            }
            Inst::AtomicCas { old, new, .. } if before == frame.get(old) => frame.get(new),
            _ => before,
        };
        self.bytes(address, size).copy_from_slice(&after.to_le_bytes()[..size as usize]);
        if let Some(dst) = inst.dst() {
            frame.set(dst, before);
        }
    }

    fn call_inst(
        &mut self,
        frame: &mut Frame<'_>,
        callee: Callee,
        args: List,
        rets: List,
    ) -> Result<(), Stop> {
        let values: Vec<u64> = frame.func.list(args).iter().map(|&operand| frame.get(operand)).collect();
        let results = match callee {
            Callee::Func(id) => self.call(id, &values)?,
            Callee::Extern(_) => {
                let sum = values.iter().fold(7u64, |sum, value| sum.rotate_left(5) ^ value);
                self.effects.push(values);
                vec![sum]
            }
            Callee::Value(..) | Callee::CPtr(..) => panic!("the generator doesn't make indirect calls"),
        };
        for (ret, value) in frame.func.list(rets).iter().zip(results) {
            frame.set(ret.as_reg().expect("results are registers"), value);
        }
        Ok(())
    }
}

struct Frame<'a> {
    func: &'a Func,
    regs: Vec<u64>,
    slots: Vec<u64>,
}

impl Frame<'_> {
    fn get(&self, operand: Operand) -> u64 {
        let bits = match operand.as_reg() {
            Some(reg) => self.regs[reg.index()],
            None => self.func.operand_const(operand).expect("no register, so a constant").bits,
        };
        canonical(self.func.operand_ty(operand), bits)
    }
    fn set(&mut self, reg: Reg, bits: u64) {
        // Bits above the width are unspecified; these here are meant to disturb.
        let ty = self.func.regs[reg.index()].ty;
        self.regs[reg.index()] = canonical(ty, bits) | (0x5a5a_5a5a_5a5a_5a5a & !fold::mask(ty, 8));
    }
}
