//! Ends of blocks: jumps, fused comparisons, loop closing, switches, returns, traps.

use super::emit::{Emit, Place};
use super::imm;
use crate::bytecode::{Op, Word};
use crate::trap::trap_code;
use sx_ir::{BlockId, CmpOp, Inst, Operand, Term, TrapKind, Ty, UnOp};

/// What a conditional jump looks at.
pub(super) enum Cond {
    /// A comparison of two operands.
    Cmp(CmpOp, Ty, Operand, Operand),
    /// An `I8`.
    Value(Operand),
}

/// 0 to 3 for integers and addresses of 1 to 8 bytes.
pub(super) fn width(ty: Ty) -> usize {
    ty.size(8).trailing_zeros() as usize
}

/// 0 for `F32`, 1 for `F64`.
pub(super) fn float_width(ty: Ty) -> usize {
    (ty == Ty::F64) as usize
}

/// A jump instruction without its distance.
struct Jump {
    op: Op,
    a: u16,
    b: u16,
}

impl Emit<'_, '_> {
    /// What a condition was folded from, and whether it is negated.
    pub(super) fn condition(&self, cond: Operand) -> (Cond, bool) {
        let mut cond = cond;
        let mut negated = false;
        while let Some((def, inst)) = self.analysis.definition(cond)
            && self.analysis.absorbed[def as usize]
        {
            match inst {
                Inst::Un { op: UnOp::BoolNot, a, .. } => {
                    cond = *a;
                    negated = !negated;
                }
                Inst::Cmp { op, ty, a, b, .. } => return (Cond::Cmp(*op, *ty, *a, *b), negated),
                _ => break,
            }
        }
        (Cond::Value(cond), negated)
    }
    /// Jumps to `target` if the condition is as `when` says, after a poll if asked.
    pub(super) fn jump_if(&mut self, cond: &Cond, when: bool, target: BlockId, poll: bool) {
        match *cond {
            Cond::Value(value) => {
                if poll {
                    self.emit(Op::Poll, 0, 0, 0);
                }
                let slot = self.src(value);
                self.emit_w(if when { Op::JTrue } else { Op::JFalse }, slot, 0);
                self.fix(Place::Long, target);
            }
            Cond::Cmp(op, ty, a, b) if ty.is_float() => {
                if poll {
                    self.emit(Op::Poll, 0, 0, 0);
                }
                let jump = self.float_jump(op, ty, a, b, when);
                self.short_jump(jump, target);
            }
            Cond::Cmp(op, ty, a, b) => {
                let op = if when { op } else { inverse(op) };
                self.int_jump(op, ty, (a, b), target, poll);
            }
        }
    }
    fn float_jump(&mut self, op: CmpOp, ty: Ty, a: Operand, b: Operand, when: bool) -> Jump {
        let (mut a, mut b) = (self.src(a), self.src(b));
        if matches!(op, CmpOp::FGt | CmpOp::FGe) {
            std::mem::swap(&mut a, &mut b);
        }
        let base = match (op, when) {
            (CmpOp::FEq, true) | (CmpOp::FNe, false) => Op::JFEq32,
            (CmpOp::FNe, true) | (CmpOp::FEq, false) => Op::JFNe32,
            (CmpOp::FLt | CmpOp::FGt, true) => Op::JFLt32,
            (CmpOp::FLt | CmpOp::FGt, false) => Op::JFNLt32,
            (_, true) => Op::JFLe32,
            (_, false) => Op::JFNLe32,
        };
        Jump { op: base.at(float_width(ty)), a, b }
    }
    fn int_jump(&mut self, op: CmpOp, ty: Ty, (a, b): (Operand, Operand), target: BlockId, poll: bool) {
        let (op, a, b) = if self.constant(a).is_some() && self.constant(b).is_none() {
            (imm::swapped(op), b, a)
        } else {
            (op, a, b)
        };
        let narrow = width(ty) < 2;
        if poll && (narrow || self.long_jumps) {
            self.emit(Op::Poll, 0, 0, 0);
        }
        let poll = poll && !narrow && !self.long_jumps;
        let jump = match self.constant(b).and_then(|value| imm::cmp(op, ty, value)) {
            Some((op, value)) => {
                let a = self.src(a);
                let base = if poll { polled_immediate(op) } else { immediate(op) };
                Jump { op: base.at(width(ty) - 2 * poll as usize), a, b: value as u16 }
            }
            None => {
                let (mut a, mut b) = (self.src(a), self.src(b));
                let mut op = op;
                if matches!(op, CmpOp::SGt | CmpOp::SGe | CmpOp::UGt | CmpOp::UGe) {
                    std::mem::swap(&mut a, &mut b);
                    op = imm::swapped(op);
                }
                let base = if poll { polled(op) } else { registers(op) };
                Jump { op: base.at(width(ty) - 2 * poll as usize), a, b }
            }
        };
        let jump = if poll { self.fuse_increment(jump) } else { jump };
        self.short_jump(jump, target);
    }
    /// `i += 1; if i < n` in one instruction.
    fn fuse_increment(&mut self, jump: Jump) -> Jump {
        let Some(last) = self.last() else { return jump };
        if last.op != Op::AddI as u16 || last.a != jump.a || last.b != jump.a || last.c != 1 {
            return jump;
        }
        let (op, by_slot) = match jump.op {
            Op::PSLt32 => (Op::LSLt32, true),
            Op::PSLt64 => (Op::LSLt64, true),
            Op::PSLe32 => (Op::LSLe32, true),
            Op::PSLe64 => (Op::LSLe64, true),
            Op::PULt32 => (Op::LULt32, true),
            Op::PULt64 => (Op::LULt64, true),
            Op::PNe32 => (Op::LNe32, true),
            Op::PNe64 => (Op::LNe64, true),
            Op::PSLtI32 => (Op::LSLtI32, false),
            Op::PSLtI64 => (Op::LSLtI64, false),
            Op::PULtI32 => (Op::LULtI32, false),
            Op::PULtI64 => (Op::LULtI64, false),
            _ => return jump,
        };
        if by_slot && jump.b == jump.a {
            return jump;
        }
        self.words.pop();
        Jump { op, ..jump }
    }
    fn short_jump(&mut self, jump: Jump, target: BlockId) {
        if !self.long_jumps {
            self.emit(jump.op, jump.a, jump.b, 0);
            return self.fix(Place::Short, target);
        }
        // The jump goes to the long jump, or past it.
        self.emit(jump.op, jump.a, jump.b, 2);
        self.emit_w(Op::Jmp, 0, 2);
        self.emit_w(Op::Jmp, 0, 0);
        self.fix(Place::Long, target);
    }
    pub(super) fn term(&mut self, term: &Term) -> Result<(), String> {
        let poll = self.analysis.polls[self.block as usize];
        match term {
            Term::Jump(to) => self.jump(*to, poll),
            Term::Branch { cond, then, else_ } => self.branch(*cond, *then, *else_, poll),
            Term::Switch { ty, val, cases, default } => self.switch(*ty, *val, cases, *default),
            Term::Return(list) => self.ret(self.analysis.func.list(*list)),
            Term::Trap(kind, list) => self.trap(*kind, self.analysis.func.list(*list)),
            Term::Unreachable => self.trap(TrapKind::Unreachable, &[]),
        }
        Ok(())
    }
    fn jump(&mut self, to: BlockId, poll: bool) {
        // A loop header that only compares is repeated here, which saves the jump to it.
        if !self.is_next(to)
            && let Some((cond, then, else_)) = self.analysis.bare_branch(to)
        {
            return self.branch(cond, then, else_, poll);
        }
        match (self.is_next(to), poll) {
            (true, false) => {}
            (true, true) => self.emit(Op::Poll, 0, 0, 0),
            (false, _) => {
                self.emit_w(if poll { Op::JmpPoll } else { Op::Jmp }, 0, 0);
                self.fix(Place::Long, to);
            }
        }
    }
    fn branch(&mut self, cond: Operand, then: BlockId, else_: BlockId, poll: bool) {
        let (cond, negated) = self.condition(cond);
        let (when_true, when_false) = if negated { (else_, then) } else { (then, else_) };
        if when_true == when_false {
            return self.jump_plain(when_true, poll);
        }
        // The way back is the likely one: it is the conditional jump, which falls through at the loop's end.
        if self.is_next(when_true) || (self.is_back(when_false) && !self.is_back(when_true)) {
            self.jump_if(&cond, false, when_false, poll);
            self.jump_plain(when_true, false);
        } else {
            self.jump_if(&cond, true, when_true, poll);
            self.jump_plain(when_false, false);
        }
    }
    fn jump_plain(&mut self, to: BlockId, poll: bool) {
        if poll {
            self.emit(Op::Poll, 0, 0, 0);
        }
        if !self.is_next(to) {
            self.emit_w(Op::Jmp, 0, 0);
            self.fix(Place::Long, to);
        }
    }
    fn switch(&mut self, ty: Ty, val: Operand, cases: &[(u64, BlockId)], default: BlockId) {
        let mut cases: Vec<(u64, BlockId)> = cases.to_vec();
        cases.sort_unstable_by_key(|&(value, _)| value);
        let mut slot = self.src(val);
        let size = width(ty);
        if size < 3 {
            // The table is compared with all 64 bits.
            let wide = self.scratch();
            self.emit(Op::Zext8.at(size), wide, slot, 0);
            slot = wide;
        }
        let (Some(&(low, _)), Some(&(high, _))) = (cases.first(), cases.last()) else {
            return self.jump_plain(default, false);
        };
        let range = high - low;
        let switch = self.words.len() as u32;
        if range < cases.len() as u64 * 4 + 8 {
            self.emit_w(Op::Switch, slot, range as i32 + 1);
            self.extend(Word::raw(low));
            let mut targets = vec![default; range as usize + 2];
            for &(value, to) in &cases {
                targets[(value - low) as usize + 1] = to;
            }
            self.table(switch, &targets);
        } else {
            self.emit_w(Op::SwitchSparse, slot, cases.len() as i32);
            self.extend(Word::raw(0));
            self.fix(Place::Table(switch, false), default);
            for &(value, _) in &cases {
                self.extend(Word::raw(value));
            }
            let targets: Vec<BlockId> = cases.iter().map(|&(_, to)| to).collect();
            self.table(switch, &targets);
        }
    }
    fn table(&mut self, switch: u32, targets: &[BlockId]) {
        for pair in targets.chunks(2) {
            self.extend(Word::raw(0));
            self.fix(Place::Table(switch, false), pair[0]);
            if let Some(&second) = pair.get(1) {
                self.fix(Place::Table(switch, true), second);
            }
        }
    }
    fn ret(&mut self, values: &[Operand]) {
        match *values {
            [] => self.emit(Op::Ret, 0, 0, 0),
            [one] => match self.constant(one) {
                Some(value) if i32::try_from(value.bits as i64).is_ok() && self.in_slot(one).is_none() => {
                    self.emit_w(Op::RetI, 0, value.bits as i32);
                }
                _ => {
                    let slot = self.src(one);
                    self.emit(Op::Ret1, slot, 0, 0);
                }
            },
            [one, two] => {
                let (one, two) = (self.src(one), self.src(two));
                self.emit(Op::Ret2, one, two, 0);
            }
            _ => {
                let moves: Vec<(u32, Operand)> =
                    values.iter().enumerate().map(|(i, &value)| (i as u32, value)).collect();
                self.reach(values.len() as u32);
                self.parallel_move(&moves);
                self.emit(Op::Ret, 0, 0, 0);
            }
        }
    }
    pub(super) fn trap(&mut self, kind: TrapKind, operands: &[Operand]) {
        if operands.is_empty() {
            return self.emit(Op::Trap, trap_code(kind), 0, 0);
        }
        let mut slots = [0u16; 3];
        for (slot, &operand) in slots.iter_mut().zip(operands) {
            *slot = self.src(operand);
        }
        self.emit(Op::TrapOps, trap_code(kind), 0, 0);
        self.extend(Word { op: slots[0], a: slots[1], b: slots[2], c: 0 });
    }
    /// Traps unless the condition holds.
    pub(super) fn check(&mut self, cond: Operand, kind: TrapKind) {
        let (cond, negated) = self.condition(cond);
        // Over the trap that follows; distances are known.
        match cond {
            Cond::Value(value) => {
                let slot = self.src(value);
                self.emit_w(if negated { Op::JFalse } else { Op::JTrue }, slot, 2);
            }
            Cond::Cmp(op, ty, a, b) => {
                let jump = if ty.is_float() {
                    self.float_jump(op, ty, a, b, !negated)
                } else {
                    self.plain_int_jump(if negated { inverse(op) } else { op }, ty, a, b)
                };
                self.emit(jump.op, jump.a, jump.b, 2);
            }
        }
        self.emit(Op::Trap, trap_code(kind), 0, 0);
        self.fence();
    }
    fn plain_int_jump(&mut self, op: CmpOp, ty: Ty, a: Operand, b: Operand) -> Jump {
        let (op, a, b) = if self.constant(a).is_some() && self.constant(b).is_none() {
            (imm::swapped(op), b, a)
        } else {
            (op, a, b)
        };
        match self.constant(b).and_then(|value| imm::cmp(op, ty, value)) {
            Some((op, value)) => Jump { op: immediate(op).at(width(ty)), a: self.src(a), b: value as u16 },
            None => {
                let (a, b) = (self.src(a), self.src(b));
                if matches!(op, CmpOp::SGt | CmpOp::SGe | CmpOp::UGt | CmpOp::UGe) {
                    Jump { op: registers(imm::swapped(op)).at(width(ty)), a: b, b: a }
                } else {
                    Jump { op: registers(op).at(width(ty)), a, b }
                }
            }
        }
    }
}

/// The integer comparison that holds when this one doesn't.
fn inverse(op: CmpOp) -> CmpOp {
    match op {
        CmpOp::Eq => CmpOp::Ne,
        CmpOp::Ne => CmpOp::Eq,
        CmpOp::SLt => CmpOp::SGe,
        CmpOp::SLe => CmpOp::SGt,
        CmpOp::SGt => CmpOp::SLe,
        CmpOp::SGe => CmpOp::SLt,
        CmpOp::ULt => CmpOp::UGe,
        CmpOp::ULe => CmpOp::UGt,
        CmpOp::UGt => CmpOp::ULe,
        CmpOp::UGe => CmpOp::ULt,
        CmpOp::FEq | CmpOp::FNe | CmpOp::FLt | CmpOp::FLe | CmpOp::FGt | CmpOp::FGe => {
            unreachable!("float comparisons have no inverse")
        }
    }
}

fn registers(op: CmpOp) -> Op {
    match op {
        CmpOp::Eq => Op::JEq8,
        CmpOp::Ne => Op::JNe8,
        CmpOp::SLt => Op::JSLt8,
        CmpOp::SLe => Op::JSLe8,
        CmpOp::ULt => Op::JULt8,
        _ => Op::JULe8,
    }
}

fn polled(op: CmpOp) -> Op {
    match op {
        CmpOp::Eq => Op::PEq32,
        CmpOp::Ne => Op::PNe32,
        CmpOp::SLt => Op::PSLt32,
        CmpOp::SLe => Op::PSLe32,
        CmpOp::ULt => Op::PULt32,
        _ => Op::PULe32,
    }
}

fn immediate(op: CmpOp) -> Op {
    match op {
        CmpOp::Eq => Op::JEqI8,
        CmpOp::Ne => Op::JNeI8,
        CmpOp::SLt => Op::JSLtI8,
        CmpOp::SGe => Op::JSGeI8,
        CmpOp::ULt => Op::JULtI8,
        _ => Op::JUGeI8,
    }
}

fn polled_immediate(op: CmpOp) -> Op {
    match op {
        CmpOp::Eq => Op::PEqI32,
        CmpOp::Ne => Op::PNeI32,
        CmpOp::SLt => Op::PSLtI32,
        CmpOp::SGe => Op::PSGeI32,
        CmpOp::ULt => Op::PULtI32,
        _ => Op::PUGeI32,
    }
}
