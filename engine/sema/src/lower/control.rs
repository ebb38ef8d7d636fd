//! Conditions and branches.

use super::Lower;
use super::value::{Dest, Value};
use crate::thir::{E, Kind, SwitchArm};
use crate::types::TypeId;
use sx_ir::{BinOp, BlockId, CmpOp, Operand, Term, TrapKind, Ty};

/// Ranges of at most this many values become cases of a switch, wider ones two comparisons.
const MAX_RANGE: u64 = 64;

/// Up to this many single values are compared one after the other.
const MAX_COMPARED: usize = 2;

impl<'b> Lower<'_, 'b> {
    /// Goes to one block if the condition holds, to another if not.
    pub(super) fn cond(&mut self, e: E<'b>, then: BlockId, else_: BlockId) {
        if self.dead() {
            return;
        }
        match e.kind {
            Kind::Not(operand) => self.cond(operand, else_, then),
            Kind::And(a, b) => {
                let next = self.block();
                self.cond(a, next, else_);
                self.enter(next);
                self.cond(b, then, else_);
            }
            Kind::Or(a, b) => {
                let next = self.block();
                self.cond(a, then, next);
                self.enter(next);
                self.cond(b, then, else_);
            }
            Kind::Equal { a, b, negate } if self.types.scalar(a.ty).is_none() => {
                let (same, differs) = if negate { (else_, then) } else { (then, else_) };
                self.equal_branch(e, a, b, same, differs);
            }
            Kind::Block { stmts: [], tail: Some(tail) } => self.cond(tail, then, else_),
            _ => {
                let cond = self.scalar(e);
                self.branch(cond, then, else_);
            }
        }
    }

    /// `and`, `or` as values: the second operand is evaluated only if it decides.
    pub(super) fn short_circuit(&mut self, a: E<'b>, b: E<'b>, and: bool) -> Operand {
        if self.is_light(b) {
            let (a, b) = self.two(a, b);
            return self.b.bin(if and { BinOp::And } else { BinOp::Or }, Ty::I8, a, b);
        }
        let result = self.b.var(Ty::I8);
        let (decided, second, join) = (self.block(), self.block(), self.block());
        let (then, else_) = if and { (second, decided) } else { (decided, second) };
        self.cond(a, then, else_);
        self.enter(decided);
        let value = self.b.bool(!and);
        self.write_var(result, value, self.mark());
        self.jump(join);
        self.enter(second);
        let mark = self.mark();
        let value = self.scalar(b);
        self.write_var(result, value, mark);
        self.jump(join);
        self.enter(join);
        result.into()
    }

    /// True for choices between two scalars that both may be computed.
    pub(super) fn is_selectable(&mut self, e: E<'b>, then: E<'b>, else_: E<'b>) -> bool {
        let layout = self.types.layout(e.ty);
        layout.leaves.as_ref().is_some_and(|leaves| leaves.len() == 1)
            && then.ty != TypeId::NORETURN
            && else_.ty != TypeId::NORETURN
            && self.is_light(then)
            && self.is_light(else_)
    }
    pub(super) fn select(&mut self, e: E<'b>, cond: Operand, then: E<'b>, else_: E<'b>) -> Value {
        let (a, b) = (self.scalar(then), self.scalar(else_));
        self.at(e.loc);
        let ty = self.scalar_ty(e.ty);
        let op = self.select_ops(ty, cond, a, b);
        self.one(op)
    }

    pub(super) fn if_to(&mut self, cond: E<'b>, then: E<'b>, else_: Option<E<'b>>, dest: &Dest<'_>) {
        let (yes, join) = (self.block(), self.block());
        let no = if else_.is_some() { self.block() } else { join };
        self.cond(cond, yes, no);
        self.enter(yes);
        self.expr_to(then, dest);
        self.jump(join);
        if let Some(else_) = else_ {
            self.enter(no);
            self.expr_to(else_, dest);
            self.jump(join);
        }
        self.enter(join);
    }

    pub(super) fn switch_to(
        &mut self,
        e: E<'b>,
        value: E<'b>,
        arms: &'b [SwitchArm<'b>],
        default: Option<E<'b>>,
        dest: &Dest<'_>,
    ) {
        let of = value.ty;
        let value = self.scalar(value);
        self.at(e.loc);
        let blocks: Vec<BlockId> = arms.iter().map(|_| self.block()).collect();
        let (other, join) = (self.block(), self.block());
        self.dispatch(of, value, arms, &blocks, other);
        for (arm, block) in arms.iter().zip(blocks) {
            self.enter(block);
            self.expr_to(arm.body, dest);
            self.jump(join);
        }
        self.enter(other);
        match default {
            Some(default) => self.expr_to(default, dest),
            None => self.trap(TrapKind::BadEnumTag, &[]),
        }
        self.jump(join);
        self.enter(join);
    }
    /// Goes to the block of the arm that has the value, or to `other`.
    fn dispatch(
        &mut self,
        of: TypeId,
        value: Operand,
        arms: &[SwitchArm<'b>],
        blocks: &[BlockId],
        other: BlockId,
    ) {
        let ty = self.scalar_ty(of);
        let signed = self.types.int_repr(of).is_some_and(|(_, signed)| signed);
        let mask = u64::MAX >> (64 - ty.size(8) * 8);
        let mut cases = Vec::new();
        for (arm, &block) in arms.iter().zip(blocks) {
            for &(lo, hi) in arm.ranges {
                let span = hi.wrapping_sub(lo);
                if span < MAX_RANGE {
                    cases.extend((0..=span).map(|i| (lo.wrapping_add(i) & mask, block)));
                } else {
                    self.in_range(ty, signed, value, (lo, hi), block);
                }
            }
        }
        if cases.len() > MAX_COMPARED {
            return self.terminate(Term::Switch { ty, val: value, cases, default: other });
        }
        for (bits, block) in cases {
            let next = self.block();
            let constant = self.b.constant(ty, bits);
            let same = self.b.cmp(CmpOp::Eq, ty, value, constant);
            self.branch(same, block, next);
            self.enter(next);
        }
        self.jump(other);
    }
    /// Goes to `block` if the value is in the range, else on.
    fn in_range(&mut self, ty: Ty, signed: bool, value: Operand, range: (u64, u64), block: BlockId) {
        let (above, next) = (self.block(), self.block());
        let (lo, hi) = (self.b.constant(ty, range.0), self.b.constant(ty, range.1));
        let reaches = self.b.cmp(if signed { CmpOp::SGe } else { CmpOp::UGe }, ty, value, lo);
        self.branch(reaches, above, next);
        self.enter(above);
        let inside = self.b.cmp(if signed { CmpOp::SLe } else { CmpOp::ULe }, ty, value, hi);
        self.branch(inside, block, next);
        self.enter(next);
    }
}
