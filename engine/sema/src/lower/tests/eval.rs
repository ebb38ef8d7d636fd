//! Runs the middle form over a flat memory, slowly and simply, to see what lowering made.

use std::collections::HashMap;
use sx_ir::*;

/// How a run ended.
#[derive(Clone, PartialEq, Debug)]
pub enum End {
    Returned(Vec<u64>),
    Trapped(TrapKind),
}

/// A run: how it ended, what it logged and traced.
pub struct Machine<'m> {
    module: &'m Module,
    memory: Vec<u8>,
    globals: HashMap<GlobalId, u64>,
    datas: HashMap<DataId, u64>,
    stack: u64,
    /// What `log` was called with.
    pub log: Vec<i64>,
    /// Error traces.
    pub traces: Vec<ErrTrace>,
    /// Instructions and block ends that ran.
    pub steps: u64,
    /// How often requests from outside could have been noticed.
    pub polls: u64,
}

const CODE: u64 = 0x4000_0000;
const MAX_STEPS: u64 = 1_000_000;

fn width(ty: Ty) -> u32 {
    ty.size(8) * 8
}
fn low(ty: Ty, bits: u64) -> u64 {
    bits & (u64::MAX >> (64 - width(ty)))
}
fn signed(ty: Ty, bits: u64) -> i64 {
    let shift = 64 - width(ty);
    ((bits << shift) as i64) >> shift
}
fn float(ty: Ty, bits: u64) -> f64 {
    if ty == Ty::F32 { f32::from_bits(bits as u32) as f64 } else { f64::from_bits(bits) }
}
fn from_float(ty: Ty, value: f64) -> u64 {
    if ty == Ty::F32 { (value as f32).to_bits() as u64 } else { value.to_bits() }
}

type Step<T> = std::result::Result<T, TrapKind>;

impl<'m> Machine<'m> {
    pub fn new(module: &'m Module) -> Machine<'m> {
        let mut machine = Machine {
            module,
            memory: vec![0; 1 << 16],
            globals: HashMap::new(),
            datas: HashMap::new(),
            stack: 64,
            log: Vec::new(),
            traces: Vec::new(),
            steps: 0,
            polls: 0,
        };
        for (i, data) in module.datas.iter().enumerate() {
            let at = machine.alloc(data.bytes.len() as u64, 16);
            machine.memory[at as usize..][..data.bytes.len()].copy_from_slice(&data.bytes);
            machine.datas.insert(DataId(i as u32), at);
        }
        for (i, global) in module.globals.iter().enumerate() {
            let at = machine.alloc(global.size as u64, 16);
            machine.memory[at as usize..][..global.init.bytes.len()].copy_from_slice(&global.init.bytes);
            machine.globals.insert(GlobalId(i as u32), at);
        }
        machine
    }
    fn alloc(&mut self, size: u64, align: u64) -> u64 {
        let at = self.stack.next_multiple_of(align);
        self.stack = at + size.max(1);
        assert!((self.stack as usize) < self.memory.len(), "out of test memory");
        // What isn't set is seen.
        self.memory[at as usize..self.stack as usize].fill(0xAA);
        at
    }
    pub fn global(&self, id: GlobalId) -> u64 {
        self.globals[&id]
    }
    fn read(&self, at: u64, ty: Ty) -> Step<u64> {
        if at < 64 {
            return Err(TrapKind::InvalidMemory);
        }
        let mut bytes = [0; 8];
        let size = ty.size(8) as usize;
        bytes[..size].copy_from_slice(&self.memory[at as usize..][..size]);
        Ok(u64::from_le_bytes(bytes))
    }
    fn write(&mut self, at: u64, ty: Ty, bits: u64) -> Step<()> {
        if at < 64 {
            return Err(TrapKind::InvalidMemory);
        }
        let size = ty.size(8) as usize;
        self.memory[at as usize..][..size].copy_from_slice(&bits.to_le_bytes()[..size]);
        Ok(())
    }
    fn bytes(&mut self, at: u64, len: u64) -> &mut [u8] {
        &mut self.memory[at as usize..][..len as usize]
    }
    /// Calls a function with argument slots.
    pub fn call(&mut self, func: FuncId, args: &[u64]) -> End {
        match self.run(func, args) {
            Ok(rets) => End::Returned(rets),
            Err(kind) => End::Trapped(kind),
        }
    }

    fn run(&mut self, id: FuncId, args: &[u64]) -> Step<Vec<u64>> {
        let func = self.module.func(id).unwrap_or_else(|| panic!("{id} has no body")).clone();
        assert_eq!(args.len(), func.sig.params.len(), "arguments of {}", func.name);
        let frame = self.stack;
        let slots: Vec<u64> =
            func.slots.iter().map(|slot| self.alloc(slot.size as u64, slot.align as u64)).collect();
        let mut regs = vec![0xAAAA_AAAA_AAAA_AAAA; func.regs.len()];
        regs[..args.len()].copy_from_slice(args);
        let mut frame_of = Frame { func: &func, regs, slots };
        let mut at = BlockId(0);
        let result = loop {
            let block = &func.blocks[at.index()];
            for inst in &func.code[block.range()] {
                self.step()?;
                self.inst(&mut frame_of, inst)?;
            }
            self.step()?;
            match &block.term {
                Term::Jump(to) => at = *to,
                Term::Branch { cond, then, else_ } => {
                    let cond = frame_of.get(*cond);
                    assert!(cond <= 1, "a condition of {cond}");
                    at = if cond == 1 { *then } else { *else_ };
                }
                Term::Switch { val, cases, default, .. } => {
                    let val = frame_of.get(*val);
                    at = cases.iter().find(|case| case.0 == val).map_or(*default, |case| case.1);
                }
                Term::Return(list) => break func.list(*list).iter().map(|&op| frame_of.get(op)).collect(),
                Term::Trap(kind, _) => return Err(*kind),
                Term::Unreachable => return Err(TrapKind::Unreachable),
            }
        };
        self.stack = frame;
        Ok(result)
    }
    fn step(&mut self) -> Step<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(TrapKind::OutOfFuel) } else { Ok(()) }
    }

    fn addr(&self, frame: &Frame<'_>, addr: Addr) -> u64 {
        let base = match addr.base {
            Base::Reg(op) => frame.get(op),
            Base::Slot(slot) => frame.slots[slot.index()],
            Base::Global(id) => self.globals[&id],
            Base::Data(id) => self.datas[&id],
        };
        base.wrapping_add_signed(addr.off as i64)
    }

    fn inst(&mut self, frame: &mut Frame<'_>, inst: &Inst) -> Step<()> {
        match *inst {
            Inst::Copy { dst, src } => {
                let value = frame.get(src);
                frame.set(dst, value);
            }
            Inst::Bin { op, ty, dst, a, b } => {
                let value = bin(op, ty, frame.get(a), frame.get(b))?;
                frame.set(dst, value);
            }
            Inst::Un { op, ty, dst, a } => {
                let value = un(op, ty, frame.get(a));
                frame.set(dst, value);
            }
            Inst::Cmp { op, ty, dst, a, b } => {
                let value = cmp(op, ty, frame.get(a), frame.get(b));
                frame.set(dst, value as u64);
            }
            Inst::Conv { op, from, to, dst, a } => {
                let value = conv(op, from, to, frame.get(a));
                frame.set(dst, value);
            }
            Inst::Select { dst, cond, a, b, .. } => {
                let value = if frame.get(cond) == 1 { frame.get(a) } else { frame.get(b) };
                frame.set(dst, value);
            }
            Inst::Load { ty, dst, addr } => {
                let value = self.read(self.addr(frame, addr), ty)?;
                frame.set(dst, value);
            }
            Inst::Store { ty, addr, val } => {
                let (at, value) = (self.addr(frame, addr), frame.get(val));
                self.write(at, ty, value)?;
            }
            Inst::AddrOf { dst, addr } => {
                let at = self.addr(frame, addr);
                frame.set(dst, at);
            }
            Inst::Index { dst, base, index, stride } => {
                let by = (frame.get(index) as i64).wrapping_mul(stride as i64);
                let at = frame.get(base).wrapping_add_signed(by);
                frame.set(dst, at);
            }
            Inst::FuncAddr { dst, func } | Inst::CFuncAddr { dst, func } => {
                frame.set(dst, CODE + func.0 as u64);
            }
            Inst::ExternAddr { dst, ext } => frame.set(dst, 2 * CODE + ext.0 as u64),
            Inst::MemCopy { dst, src, size } => {
                let (dst, src) = (self.addr(frame, dst), self.addr(frame, src));
                self.memory.copy_within(src as usize..(src + size as u64) as usize, dst as usize);
            }
            Inst::MemZero { dst, size } => {
                let dst = self.addr(frame, dst);
                self.bytes(dst, size as u64).fill(0);
            }
            Inst::MemMove { dst, src, len } => {
                let (dst, src, len) = (frame.get(dst), frame.get(src), frame.get(len));
                self.memory.copy_within(src as usize..(src + len) as usize, dst as usize);
            }
            Inst::MemSet { dst, val, len } => {
                let (dst, val, len) = (frame.get(dst), frame.get(val), frame.get(len));
                self.bytes(dst, len).fill(val as u8);
            }
            Inst::MemCmp { dst, a, b, len } => {
                let (a, b, len) = (frame.get(a), frame.get(b), frame.get(len));
                let order = self.bytes(a, len).to_vec().cmp(&self.bytes(b, len).to_vec());
                frame.set(dst, order as i32 as u32 as u64);
            }
            Inst::Call { callee, args, rets } => {
                let values: Vec<u64> = frame.func.list(args).iter().map(|&op| frame.get(op)).collect();
                let results = match callee {
                    Callee::Func(id) => self.run(id, &values)?,
                    Callee::Value(op, _) | Callee::CPtr(op, _) => match frame.get(op) {
                        0 => return Err(TrapKind::NullDereference),
                        code => self.run(FuncId((code - CODE) as u32), &values)?,
                    },
                    Callee::Extern(ext) => self.host(ext, &values),
                };
                for (ret, value) in frame.func.list(rets).to_vec().into_iter().zip(results) {
                    frame.set(ret.as_reg().expect("results are registers"), value);
                }
            }
            Inst::Bounds { index, len, .. } => {
                trap_unless(frame.get(index) < frame.get(len), TrapKind::IndexOutOfRange)?;
            }
            Inst::SliceBounds { lo, hi, len, .. } => {
                let (lo, hi, len) = (frame.get(lo) as i64, frame.get(hi) as i64, frame.get(len) as i64);
                trap_unless(0 <= lo && lo <= hi && hi <= len, TrapKind::SliceOutOfRange)?;
            }
            Inst::NullCheck { ptr } => trap_unless(frame.get(ptr) != 0, TrapKind::NullDereference)?,
            Inst::Check { cond, kind } => trap_unless(frame.get(cond) == 1, kind)?,
            Inst::Poll => self.polls += 1,
            Inst::ErrTrace(trace) => self.traces.push(trace),
            Inst::Splat { .. } | Inst::Lane { .. } | Inst::SetLane { .. } => {
                panic!("vectors are tested on the machine")
            }
            Inst::AtomicLoad { .. }
            | Inst::AtomicStore { .. }
            | Inst::AtomicRmw { .. }
            | Inst::AtomicCas { .. }
            | Inst::Fence { .. } => panic!("atomic operations are tested on the machine"),
        }
        Ok(())
    }
    /// What `extern` functions do: `log(x) -> x`, `swap(pair) -> pair`, `sum(n, ...)`.
    fn host(&mut self, ext: ExternId, args: &[u64]) -> Vec<u64> {
        match &self.module.externs[ext.index()].symbol[..] {
            "log" => {
                self.log.push(args[0] as i64);
                vec![args[0]]
            }
            // A struct of two i64 by address, and one as result.
            "swap" => {
                let (a, b) = (self.read(args[1], Ty::I64), self.read(args[1] + 8, Ty::I64));
                self.write(args[0], Ty::I64, b.unwrap()).unwrap();
                self.write(args[0] + 8, Ty::I64, a.unwrap()).unwrap();
                Vec::new()
            }
            "sum" => vec![args[1..].iter().sum()],
            symbol => panic!("no host function {symbol}"),
        }
    }
}

struct Frame<'f> {
    func: &'f Func,
    regs: Vec<u64>,
    slots: Vec<u64>,
}

impl Frame<'_> {
    fn get(&self, op: Operand) -> u64 {
        match self.func.operand_const(op) {
            Some(value) => value.bits,
            None => {
                let reg = op.as_reg().expect("a register or a constant");
                low(self.func.regs[reg.index()].ty, self.regs[reg.index()])
            }
        }
    }
    fn set(&mut self, reg: Reg, bits: u64) {
        self.regs[reg.index()] = bits;
    }
}

fn trap_unless(fine: bool, kind: TrapKind) -> Step<()> {
    if fine { Ok(()) } else { Err(kind) }
}

fn bin(op: BinOp, ty: Ty, a: u64, b: u64) -> Step<u64> {
    let (sa, sb) = (signed(ty, a), signed(ty, b));
    let (fa, fb) = (float(ty, a), float(ty, b));
    let count = b as u32 % width(ty);
    let min = i64::MIN >> (64 - width(ty));
    if matches!(op, BinOp::SDiv | BinOp::SRem | BinOp::UDiv | BinOp::URem) {
        trap_unless(b != 0, TrapKind::DivisionByZero)?;
    }
    if matches!(op, BinOp::SDiv | BinOp::SRem) {
        trap_unless(sa != min || sb != -1, TrapKind::DivisionOverflow)?;
    }
    Ok(match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::SDiv => (sa / sb) as u64,
        BinOp::UDiv => a / b,
        BinOp::SRem => (sa % sb) as u64,
        BinOp::URem => a % b,
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a << count,
        BinOp::SShr => (sa >> count) as u64,
        BinOp::UShr => a >> count,
        BinOp::FAdd => from_float(ty, fa + fb),
        BinOp::FSub => from_float(ty, fa - fb),
        BinOp::FMul => from_float(ty, fa * fb),
        BinOp::FDiv => from_float(ty, fa / fb),
        BinOp::FRem => from_float(ty, fa % fb),
        BinOp::FMin => from_float(ty, fa.min(fb)),
        BinOp::FMax => from_float(ty, fa.max(fb)),
    })
}

fn un(op: UnOp, ty: Ty, a: u64) -> u64 {
    let value = float(ty, a);
    match op {
        UnOp::Neg => a.wrapping_neg(),
        UnOp::Not => !a,
        UnOp::BoolNot => (a == 0) as u64,
        UnOp::FNeg => from_float(ty, -value),
        UnOp::FAbs => from_float(ty, value.abs()),
        UnOp::Sqrt => from_float(ty, value.sqrt()),
        UnOp::Floor => from_float(ty, value.floor()),
        UnOp::Ceil => from_float(ty, value.ceil()),
        UnOp::Trunc => from_float(ty, value.trunc()),
        UnOp::Round => from_float(ty, value.round_ties_even()),
        UnOp::Clz => (a.leading_zeros() - (64 - width(ty))) as u64,
        UnOp::Ctz => a.trailing_zeros().min(width(ty)) as u64,
        UnOp::Popcnt => a.count_ones() as u64,
        UnOp::Bswap => a.swap_bytes() >> (64 - width(ty)),
        UnOp::SextIn(n) => (((a << (64 - n)) as i64) >> (64 - n)) as u64,
        UnOp::ZextIn(n) => a << (64 - n) >> (64 - n),
    }
}

fn cmp(op: CmpOp, ty: Ty, a: u64, b: u64) -> bool {
    let (sa, sb) = (signed(ty, a), signed(ty, b));
    let (fa, fb) = (float(ty, a), float(ty, b));
    match op {
        CmpOp::Eq => a == b,
        CmpOp::Ne => a != b,
        CmpOp::SLt => sa < sb,
        CmpOp::SLe => sa <= sb,
        CmpOp::SGt => sa > sb,
        CmpOp::SGe => sa >= sb,
        CmpOp::ULt => a < b,
        CmpOp::ULe => a <= b,
        CmpOp::UGt => a > b,
        CmpOp::UGe => a >= b,
        CmpOp::FEq => fa == fb,
        CmpOp::FNe => fa != fb,
        CmpOp::FLt => fa < fb,
        CmpOp::FLe => fa <= fb,
        CmpOp::FGt => fa > fb,
        CmpOp::FGe => fa >= fb,
    }
}

fn conv(op: ConvOp, from: Ty, to: Ty, a: u64) -> u64 {
    match op {
        ConvOp::Sext => signed(from, a) as u64,
        ConvOp::Zext | ConvOp::Bitcast => a,
        ConvOp::Trunc => low(to, a),
        ConvOp::SToF if to == Ty::F32 => (signed(from, a) as f32).to_bits() as u64,
        ConvOp::SToF => (signed(from, a) as f64).to_bits(),
        ConvOp::UToF if to == Ty::F32 => (a as f32).to_bits() as u64,
        ConvOp::UToF => (a as f64).to_bits(),
        ConvOp::FToS => {
            let min = i64::MIN >> (64 - width(to));
            (float(from, a) as i64).clamp(min, !min) as u64
        }
        ConvOp::FToU => (float(from, a) as u64).min(u64::MAX >> (64 - width(to))),
        ConvOp::FExt => (f32::from_bits(a as u32) as f64).to_bits(),
        ConvOp::FTrunc => (f64::from_bits(a) as f32).to_bits() as u64,
    }
}
