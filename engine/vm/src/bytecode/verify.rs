//! Checks bytecode before it runs: the premises of the interpreter's unchecked accesses.
//!
//! After this, every slot operand lies in the frame, every frame offset too; every jump lands on an instruction of the same function;
//! control never runs off the end; functions, externs, objects and signatures exist; constant divisors are harmless.

use super::format::Kind;
use super::pairs::parts;
use super::{Op, Word};
use crate::interp::state::{Cell, MIN_WINDOW};
use crate::program::{Code, Tables};
use crate::trap::TRAP_KINDS;

/// Bytes of an entry cell.
const CELL: u64 = size_of::<Cell>() as u64;

struct Verifier<'a> {
    words: &'a [Word],
    slots: u64,
    tables: &'a Tables,
    /// Words where instructions begin.
    starts: Vec<bool>,
    /// Where jumps go.
    targets: Vec<(usize, i64)>,
}

/// Verifies a function's code.
pub(crate) fn verify(code: &Code, tables: &Tables) -> Result<(), String> {
    let mut verifier = Verifier {
        words: &code.words,
        slots: code.frame_slots as u64,
        tables,
        starts: vec![false; code.words.len()],
        targets: Vec::new(),
    };
    let wide = code.func.sig.params.len().max(code.func.sig.rets.len()) as u64;
    if verifier.slots < wide || !verifier.slots.is_multiple_of(2) || code.frame_slots > u32::MAX / 8 {
        return Err(format!("bytecode: a frame of {} slots", verifier.slots));
    }
    verifier.walk()
}

impl Verifier<'_> {
    fn walk(&mut self) -> Result<(), String> {
        let mut at = 0;
        let mut last = None;
        let mut expected = None;
        while at < self.words.len() {
            let word = self.words[at];
            let op = Op::from_u16(word.op).ok_or_else(|| self.error(at, "no such opcode"))?;
            if expected.is_some_and(|second| second != parts(op).map_or(op, |(first, _)| first)) {
                return Err(self.error(at, "not the second of its pair"));
            }
            expected = parts(op).map(|(_, second)| second);
            self.starts[at] = true;
            if self.words.len() - at < op.words() {
                return Err(self.error(at, "cut off"));
            }
            self.operands(at, op)?;
            at += op.words() + self.table(at, op)?;
            last = Some(op);
        }
        if expected.is_some() || !last.is_some_and(ends) {
            return Err("bytecode: control runs off the end".into());
        }
        for &(from, distance) in &self.targets {
            let to = from as i64 + distance;
            if usize::try_from(to).ok().and_then(|to| self.starts.get(to)) != Some(&true) {
                return Err(self.error(from, "a jump to no instruction"));
            }
        }
        Ok(())
    }
    fn error(&self, at: usize, what: &str) -> String {
        let name = Op::from_u16(self.words[at].op).map_or("?", Op::name);
        format!("bytecode: {name} at {at}: {what}")
    }
    fn operands(&mut self, at: usize, op: Op) -> Result<(), String> {
        let first = self.words[at].bits();
        let ext = if op.words() > 1 { self.words[at + 1].bits() } else { 0 };
        if matches!(op, Op::Halt | Op::Exit | Op::Need | Op::Slow | Op::Probe) {
            return Err(self.error(at, "not for functions"));
        }
        let mut window = None;
        for operand in op.format() {
            let (bits, width) = operand.field.bits(first, ext);
            let signed = ((bits << (64 - width)) as i64) >> (64 - width);
            let fine = match operand.kind {
                Kind::Dst | Kind::Src | Kind::Var => bits < self.slots,
                Kind::Dst2 | Kind::Src2 => bits + 1 < self.slots,
                Kind::Imm | Kind::Uimm | Kind::Table => true,
                Kind::Jump => {
                    self.targets.push((at, signed));
                    true
                }
                Kind::Window => {
                    window = Some(bits);
                    bits % 2 == 0 && bits >= MIN_WINDOW as u64 && bits <= self.slots
                }
                Kind::Count => window.is_some_and(|window| window + bits <= self.slots),
                Kind::Func => bits < self.tables.func_limit as u64,
                Kind::Cell => bits % CELL == 0 && bits / CELL < self.tables.func_limit as u64,
                Kind::Class => bits < self.tables.classes.len() as u64,
                Kind::CSig => bits < self.tables.sigs.len() as u64,
                Kind::Extern => bits < self.tables.externs.len() as u64,
                Kind::Object => bits < self.tables.objects.list.len() as u64,
                Kind::Frame(size) => signed >= 0 && signed as u64 + size as u64 <= self.slots * 8,
                Kind::Trap => bits < TRAP_KINDS as u64,
            };
            if !fine {
                return Err(self.error(at, &format!("{:?} {signed} out of range", operand.kind)));
            }
        }
        let (op, _) = parts(op).unwrap_or((op, op));
        if matches!(op, Op::CallX | Op::CallVX) && window.is_some_and(|window| window >= self.slots) {
            return Err(self.error(at, "no room for the context"));
        }
        self.immediates(at, op)
    }
    /// Immediates that handlers rely on.
    fn immediates(&self, at: usize, op: Op) -> Result<(), String> {
        let c = self.words[at].c as i16;
        let fine = match op {
            Op::SDivI32
            | Op::SDivI64
            | Op::SRemI32
            | Op::SRemI64
            | Op::UDivI32
            | Op::UDivI64
            | Op::URemI32
            | Op::URemI64 => c != 0 && c != -1,
            Op::SextIn | Op::ZextIn => (1..=64).contains(&c),
            Op::AddrFA => self.words[at + 1].low() > 0 && (self.words[at + 1].low() as u32).is_power_of_two(),
            _ => true,
        };
        if fine { Ok(()) } else { Err(self.error(at, "a bad immediate")) }
    }
    /// Checks the table behind a switch; how many words it takes.
    fn table(&mut self, at: usize, op: Op) -> Result<usize, String> {
        let count = self.words[at].w() as u32 as usize;
        let start = at + 2;
        let (values, offsets) = match op {
            Op::Switch => (0, count + 1),
            Op::SwitchSparse => (count, count),
            _ => return Ok(0),
        };
        let size = values + offsets.div_ceil(2);
        if self.words.len().saturating_sub(start) < size {
            return Err(self.error(at, "its table is cut off"));
        }
        for index in 0..offsets {
            let word = self.words[start + values + index / 2];
            let distance = if index % 2 == 0 { word.low() } else { word.w() };
            self.targets.push((at, distance as i64));
        }
        Ok(size)
    }
}

/// True for instructions that control never passes.
fn ends(op: Op) -> bool {
    matches!(
        op,
        Op::Jmp
            | Op::JmpPoll
            | Op::Ret
            | Op::Ret1
            | Op::Ret2
            | Op::RetI
            | Op::Trap
            | Op::TrapOps
            | Op::Switch
            | Op::SwitchSparse
    )
}
