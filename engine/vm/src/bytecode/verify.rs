//! Checks bytecode before it runs: the premises of the interpreter's unchecked accesses.
//!
//! After this, every slot operand lies in the frame, every frame offset too; every jump lands on an instruction of the same function;
//! control never runs off the end; functions, externs, objects and signatures exist; constant divisors are harmless.

use super::format::{Field, Kind};
use super::pairs::parts;
use super::{ALL, Op, Word};
use crate::interp::atomic::routines as atomics;
use crate::interp::state::{Cell, MIN_WINDOW};
use crate::interp::vector::routines;
use crate::program::{Code, Tables};
use crate::trap::TRAP_KINDS;
use sx_ir::MAX_LANES;

/// Bytes of an entry cell.
const CELL: u64 = size_of::<Cell>() as u64;

/// What is the same for all instructions of an opcode.
#[derive(Clone, Copy)]
struct Shape {
    /// The fields that name a slot, as a mask over the first word.
    slots: [bool; 3],
    /// Besides those there is nothing but numbers that mean what they are.
    plain: bool,
    /// The pair's second instruction.
    second: Option<Op>,
}

static SHAPES: [Shape; ALL.len()] = {
    let mut shapes = [Shape { slots: [false; 3], plain: true, second: None }; ALL.len()];
    let mut at = 0;
    while at < shapes.len() {
        let shape = &mut shapes[at];
        let op = ALL[at];
        let format = op.format();
        let mut i = 0;
        while i < format.len() {
            match (format[i].kind, format[i].field) {
                (Kind::Dst | Kind::Src | Kind::Var, Field::A) => shape.slots[0] = true,
                (Kind::Dst | Kind::Src | Kind::Var, Field::B) => shape.slots[1] = true,
                (Kind::Dst | Kind::Src | Kind::Var, Field::C) => shape.slots[2] = true,
                (Kind::Imm | Kind::Uimm, _) => {}
                _ => shape.plain = false,
            }
            i += 1;
        }
        let (first, second) = match parts(op) {
            Some((first, second)) => (first, Some(second)),
            None => (op, None),
        };
        shape.second = second;
        shape.plain &= !is_internal(op) && !has_bounded_immediates(first);
        at += 1;
    }
    shapes
};

/// True for opcodes that the interpreter keeps for itself.
const fn is_internal(op: Op) -> bool {
    matches!(op, Op::Halt | Op::Exit | Op::Need | Op::Machine | Op::Slow | Op::Probe)
}

/// True for opcodes whose handlers rely on an immediate being in range.
const fn has_bounded_immediates(op: Op) -> bool {
    matches!(
        op,
        Op::SDivI32
            | Op::SDivI64
            | Op::SRemI32
            | Op::SRemI64
            | Op::UDivI32
            | Op::UDivI64
            | Op::URemI32
            | Op::URemI64
            | Op::SextIn
            | Op::ZextIn
            | Op::AddrFA
            | Op::Lanes
    )
}

/// Room that functions share.
#[derive(Default)]
pub(crate) struct Room {
    /// Words where instructions begin.
    starts: Vec<bool>,
    /// Where jumps go.
    targets: Vec<(usize, i64)>,
}

struct Verifier<'a> {
    words: &'a [Word],
    slots: u64,
    tables: &'a Tables,
    room: &'a mut Room,
}

/// Verifies a function's code.
pub(crate) fn verify(code: &Code, tables: &Tables, room: &mut Room) -> Result<(), String> {
    room.starts.clear();
    room.starts.resize(code.words.len(), false);
    room.targets.clear();
    let mut verifier = Verifier { words: &code.words, slots: code.frame_slots as u64, tables, room };
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
            let shape = &SHAPES[op as usize];
            if expected.is_some_and(|second| second != parts(op).map_or(op, |(first, _)| first)) {
                return Err(self.error(at, "not the second of its pair"));
            }
            expected = shape.second;
            self.room.starts[at] = true;
            if self.words.len() - at < op.words() {
                return Err(self.error(at, "cut off"));
            }
            let inside = |used: bool, slot: u16| !used || (slot as u64) < self.slots;
            let fine = shape.plain
                && inside(shape.slots[0], word.a)
                && inside(shape.slots[1], word.b)
                && inside(shape.slots[2], word.c);
            if fine {
                at += op.words();
            } else {
                self.operands(at, op)?;
                at += op.words() + self.table(at, op)?;
            }
            last = Some(op);
        }
        if !last.is_some_and(ends) || expected.is_some() {
            return Err("bytecode: control runs off the end".into());
        }
        for &(from, distance) in &self.room.targets {
            let to = from as i64 + distance;
            if usize::try_from(to).ok().and_then(|to| self.room.starts.get(to)) != Some(&true) {
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
        if is_internal(op) {
            return Err(self.error(at, "not for functions"));
        }
        let mut window = None;
        let mut bytes = u64::MAX;
        for operand in op.format() {
            let (bits, width) = operand.field.bits(first, ext);
            let signed = ((bits << (64 - width)) as i64) >> (64 - width);
            let fine = match operand.kind {
                Kind::Dst | Kind::Src | Kind::Var => bits < self.slots,
                Kind::Dst2 | Kind::Src2 => bits + 1 < self.slots,
                Kind::Imm | Kind::Uimm | Kind::Table => true,
                Kind::Jump => {
                    self.room.targets.push((at, signed));
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
                Kind::Bytes => {
                    bytes = bits;
                    true
                }
                Kind::Vector => self.holds(bits, bytes),
                Kind::Routine => bits < routines().len() as u64,
                Kind::Atomic => bits < atomics().len() as u64,
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
    /// True when so many bytes from a slot on lie in the frame.
    fn holds(&self, slot: u64, bytes: u64) -> bool {
        slot < self.slots && bytes <= (self.slots - slot) * 8
    }
    /// The lanes that an operation on vectors goes over.
    fn vectors(&self, at: usize) -> bool {
        let (word, ext) = (self.words[at], self.words[at + 1]);
        let Some(routine) = routines().get(ext.op as usize) else { return false };
        let lanes = ext.a as u64;
        (1..=MAX_LANES as u64).contains(&lanes)
            && [word.a, word.b, word.c].into_iter().zip(routine.sizes).all(|(slot, size)| {
                let bytes = if size == 0 { 8 } else { lanes * size as u64 };
                self.holds(slot as u64, bytes)
            })
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
            Op::Lanes => self.vectors(at),
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
            self.room.targets.push((at, distance as i64));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::vector::{Key, find};
    use std::sync::Arc;
    use sx_ir::{BinOp, Builder, CallConv, Lane, Signature, Ty};

    /// Verifies words in a frame of eight slots, with two functions and one class known.
    fn check(words: &[Word]) -> Result<(), String> {
        let sig = Signature { params: vec![Ty::Ptr], rets: vec![] };
        let func = Arc::new(Builder::new("f", sig.clone(), CallConv::Sx).finish());
        let mut tables = Tables { func_limit: 2, ..Tables::default() };
        let class = tables.class(&sig);
        verify(
            &Code {
                id: sx_ir::FuncId(0),
                words: words.into(),
                frame_slots: 8,
                locs: Box::default(),
                unsigned: Box::default(),
                func,
                class,
            },
            &tables,
            &mut Room::default(),
        )
    }

    const RET: Word = Word { op: Op::Ret as u16, a: 0, b: 0, c: 0 };

    #[track_caller]
    fn refused(words: &[Word], why: &str) {
        let error = check(words).expect_err(why);
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn good_code_passes() {
        let code = [
            Word::new(Op::Add, 7, 0, 7),
            Word::with_w(Op::Call, 2, CELL as i32),
            Word::with_w(Op::Jmp, 0, 1),
            RET,
        ];
        assert_eq!(check(&code), Ok(()));
    }

    #[test]
    fn slots_lie_in_the_frame() {
        refused(&[Word::new(Op::Add, 8, 0, 0), RET], "Dst 8");
        refused(&[Word::new(Op::Add, 0, 0, 9), RET], "Src 9");
        refused(&[Word::new(Op::Mov2, 7, 0, 0), RET], "Dst2");
        refused(&[Word::with_w(Op::LdF64, 0, 57), RET], "Frame");
        refused(&[Word::with_w(Op::LdF8, 0, -1), RET], "Frame");
        assert_eq!(check(&[Word::with_w(Op::LdF64, 0, 56), RET]), Ok(()));
    }

    #[test]
    fn jumps_land_on_instructions() {
        refused(&[Word::with_w(Op::Jmp, 0, 5), RET], "a jump to no instruction");
        refused(&[Word::with_w(Op::Jmp, 0, -1), RET], "a jump to no instruction");
        let into_extension = [Word::with_w(Op::Jmp, 0, 2), Word::new(Op::Const, 0, 0, 0), RET, RET];
        refused(&into_extension, "a jump to no instruction");
    }

    #[test]
    fn control_stays_inside() {
        refused(&[], "runs off the end");
        refused(&[Word::new(Op::Add, 0, 0, 0)], "runs off the end");
        refused(&[RET, Word::new(Op::Const, 0, 0, 0)], "cut off");
        refused(&[Word { op: u16::MAX, a: 0, b: 0, c: 0 }, RET], "no such opcode");
        for op in [Op::Halt, Op::Exit, Op::Need, Op::Machine, Op::Slow, Op::Probe] {
            refused(&[Word::new(op, 0, 0, 0), RET], "not for functions");
        }
    }

    #[test]
    fn windows_and_callees_exist() {
        refused(&[Word::with_w(Op::Call, 3, 0), RET], "Window");
        refused(&[Word::with_w(Op::Call, 0, 0), RET], "Window");
        refused(&[Word::with_w(Op::Call, 10, 0), RET], "Window");
        refused(&[Word::with_w(Op::CallX, 8, 0), RET], "no room for the context");
        refused(&[Word::with_w(Op::Call, 2, 2 * CELL as i32), RET], "Cell");
        refused(&[Word::with_w(Op::Call, 2, 8), RET], "Cell");
        refused(&[Word::new(Op::CallV, 2, 0, 0), Word::halves(1, 0), RET], "Class");
        refused(&[Word::with_w(Op::CallE, 2, 0), Word::halves(1, 0), RET], "Extern");
        refused(&[Word::with_w(Op::LdG8, 0, 0), Word::halves(0, 0), RET], "Object");
    }

    #[test]
    fn immediates_are_harmless() {
        refused(&[Word::new(Op::SDivI64, 0, 0, 0), RET], "a bad immediate");
        refused(&[Word::new(Op::SRemI32, 0, 0, u16::MAX), RET], "a bad immediate");
        refused(&[Word::new(Op::SextIn, 0, 0, 65), RET], "a bad immediate");
        refused(&[Word::with_w(Op::AddrFA, 0, 0), Word::halves(24, 0), RET], "a bad immediate");
        refused(&[Word::new(Op::Trap, 999, 0, 0), RET], "Trap");
    }

    #[test]
    fn atomic_operations_are_known() {
        use crate::interp::atomic::{Key, find};
        use sx_ir::Ordering;
        let ext = |op, c| Word { op, a: c, b: 0, c: 0 };
        let load = find(Key::Load(4, Ordering::Acquire)).expect("a routine");
        let store = find(Key::Store(8, Ordering::Release)).expect("a routine");
        assert_eq!(check(&[Word::new(Op::Atomic, 7, 6, 5), ext(load, 4), RET]), Ok(()));
        assert_eq!(check(&[Word::new(Op::AtomicSt, 7, 6, 0), ext(store, 0), RET]), Ok(()));
        refused(&[Word::new(Op::Atomic, 8, 0, 0), ext(load, 0), RET], "Dst");
        refused(&[Word::new(Op::Atomic, 0, 8, 0), ext(load, 0), RET], "Src");
        refused(&[Word::new(Op::Atomic, 0, 0, 0), ext(load, 8), RET], "Src");
        refused(&[Word::new(Op::Atomic, 0, 0, 0), ext(u16::MAX, 0), RET], "Atomic");
        refused(&[Word::new(Op::AtomicSt, 0, 0, 0), ext(u16::MAX, 0), RET], "Atomic");
    }

    #[test]
    fn vectors_lie_in_the_frame() {
        let ext = |op, lanes| Word { op, a: lanes, b: 0, c: 0 };
        let (add, _) = find(Key::Bin(BinOp::Add, Lane::I64)).expect("a routine");
        let (splat, _) = find(Key::Splat(8)).expect("a routine");
        let code = |a, b, c, ext| [Word::new(Op::Lanes, a, b, c), ext, RET];
        assert_eq!(check(&code(4, 0, 4, ext(add, 4))), Ok(()));
        assert_eq!(check(&code(0, 7, 0, ext(splat, 8))), Ok(()));
        refused(&code(5, 0, 0, ext(add, 4)), "a bad immediate");
        refused(&code(0, 5, 0, ext(add, 4)), "a bad immediate");
        refused(&code(0, 0, 5, ext(add, 4)), "a bad immediate");
        refused(&code(0, 8, 0, ext(splat, 1)), "a bad immediate");
        refused(&code(0, 0, 0, ext(add, 0)), "a bad immediate");
        refused(&code(0, 0, 0, ext(add, 65)), "a bad immediate");
        refused(&code(0, 0, 0, ext(u16::MAX, 1)), "Routine");
        let moved = |op, a, b, bytes| [Word::new(op, a, b, 0), Word::halves(bytes, 0), RET];
        assert_eq!(check(&moved(Op::VecMov, 6, 0, 16)), Ok(()));
        refused(&moved(Op::VecMov, 6, 0, 17), "Vector");
        refused(&moved(Op::VecMov, 0, 7, 16), "Vector");
        refused(&moved(Op::VecLd, 7, 0, 16), "Vector");
        refused(&moved(Op::VecLd, 0, 8, 16), "Src");
        refused(&moved(Op::VecSt, 0, 0, -1), "Vector");
    }

    #[test]
    fn tables_are_whole() {
        let switch =
            |count, offset| [Word::with_w(Op::Switch, 0, count), Word::raw(0), Word::halves(3, offset), RET];
        assert_eq!(check(&switch(1, 3)), Ok(()));
        refused(&switch(1, 2), "a jump to no instruction");
        refused(&switch(9, 3), "its table is cut off");
        refused(&switch(-1, 3), "its table is cut off");
    }

    #[test]
    fn pairs_are_complete() {
        let first = Word::new(Op::Mov_Mov, 0, 1, 0);
        assert_eq!(check(&[first, Word::new(Op::Mov, 2, 3, 0), RET]), Ok(()));
        refused(&[first, RET], "not the second of its pair");
    }
}
