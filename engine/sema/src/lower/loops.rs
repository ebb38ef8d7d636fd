//! Loops.
//!
//! Tests stand at the end: a round takes one branch. A counted loop is
//!
//! ```text
//!   i = lo; if i < hi: body, else exit
//! body:
//!   ...
//! next:                      `continue` comes here
//!   poll; i += 1; if i < hi: body, else exit
//! exit:
//! ```
//!
//! With an inclusive end `i` starts one below `lo` (wrapping), is counted at the body's start, and the test is
//! `i != hi`: right up to the type's largest value.

use super::Lower;
use super::cleanup::{Exit, Loop};
use super::place::Place;
use crate::thir::{Compare, E, ForIter, Kind, LocalId, LoopId};
use crate::types::{TypeId, TypeKind};
use sx_ir::{Addr, Base, BinOp, BlockId, CmpOp, Inst, Operand, Reg, TrapKind, Ty};

/// One of a loop's iterables, set up.
enum Iter<'b> {
    /// Counts `reg` up.
    Range {
        var: Option<LocalId>,
        ty: TypeId,
        reg: Reg,
        end: End,
    },
    /// Moves an address from element to element, or an index if the elements have no size.
    Each {
        at: Reg,
        end: Operand,
        stride: u32,
        /// There is at least one element.
        some: bool,
    },
    Next {
        var: Option<LocalId>,
        next: E<'b>,
    },
}

/// Where a range ends.
enum End {
    Never,
    Before(Operand),
    /// Of the first iterable: counted at the start of a round, from below this start.
    At(Operand, Operand),
    /// Of a later iterable: the register says whether there is another round.
    More(Operand, Reg),
}

impl<'b> Lower<'_, 'b> {
    fn open_loop(&mut self, id: LoopId) -> usize {
        let (exit, next) = (self.block(), self.block());
        self.loops.push(Loop { id, scopes: self.scopes.len(), exit, next });
        self.loops.len() - 1
    }
    fn loop_named(&self, id: LoopId) -> usize {
        self.loops.iter().rposition(|l| l.id == id).expect("loops are left from inside")
    }
    pub(super) fn break_(&mut self, id: LoopId) {
        let at = self.loop_named(id);
        self.leave(Exit::Break(at));
    }
    pub(super) fn continue_(&mut self, id: LoopId) {
        let at = self.loop_named(id);
        self.leave(Exit::Continue(at));
    }

    pub(super) fn while_(&mut self, id: LoopId, cond: Option<E<'b>>, body: E<'b>) {
        let at = self.open_loop(id);
        let (exit, next) = (self.loops[at].exit, self.loops[at].next);
        let head = self.block();
        let cond = cond.filter(|cond| !matches!(cond.kind, Kind::Int(1)));
        // A long condition, or one that declares something, is there once, at the top.
        let test = cond.filter(|cond| !self.is_repeatable(cond)).map(|_| self.block());
        if let Some(test) = test {
            self.jump(test);
            self.enter(test);
        }
        self.while_test(cond, head, exit);
        self.enter(head);
        self.effect(body);
        self.jump(next);
        self.enter(next);
        self.b.push(Inst::Poll);
        match test {
            Some(test) => self.jump(test),
            None => self.while_test(cond, head, exit),
        }
        self.loops.pop();
        self.enter(exit);
    }
    fn while_test(&mut self, cond: Option<E<'b>>, head: BlockId, exit: BlockId) {
        match cond {
            Some(cond) => self.cond(cond, head, exit),
            None => self.jump(head),
        }
    }

    pub(super) fn for_(&mut self, e: E<'b>, id: LoopId, iters: &'b [ForIter<'b>], body: E<'b>) {
        self.open_scope();
        let mut list: Vec<Iter<'b>> = Vec::with_capacity(iters.len());
        for (i, iter) in iters.iter().enumerate() {
            let made = self.set_up(iter, i == 0);
            list.push(made);
        }
        let at = self.open_loop(id);
        let (exit, next) = (self.loops[at].exit, self.loops[at].next);
        let head = self.block();
        self.at(e.loc);
        self.first_test(&list[0], head, exit);
        self.enter(head);
        for (i, (iter, made)) in iters.iter().zip(&list).enumerate() {
            if self.dead() {
                break;
            }
            self.begin_round(iter, made, (i == 0).then_some(exit));
        }
        self.effect(body);
        self.jump(next);
        self.enter(next);
        self.at(e.loc);
        self.b.push(Inst::Poll);
        // The first steps last, so that its step and test stand together.
        for made in list.iter().rev() {
            self.step(made);
        }
        self.test_again(&list[0], head, exit);
        self.loops.pop();
        self.enter(exit);
        self.close_scope();
    }

    /// Evaluates what an iterable is, before the loop.
    fn set_up(&mut self, iter: &'b ForIter<'b>, first: bool) -> Iter<'b> {
        match *iter {
            ForIter::Range { var, lo, hi, inclusive } => {
                let (start, end) = match hi {
                    Some(hi) => {
                        let (start, end) = self.two(lo, hi);
                        (start, Some(self.stable(end)))
                    }
                    None => (self.scalar(lo), None),
                };
                self.at(lo.loc);
                self.set_up_range(var, lo.ty, start, end, inclusive, first)
            }
            ForIter::Each { seq, elem, .. } => {
                let (ptr, len) = self.sequence(seq, false);
                self.at(seq.loc);
                let stride = self.types.layout(elem).size;
                let len = len.expect("what is iterated has a length");
                let some = self.b.func().operand_const(len).is_some_and(|len| len.bits > 0);
                if stride == 0 {
                    let (at, zero) = (self.b.var(Ty::I64), self.b.i64(0));
                    let end = self.stable(len);
                    self.write_var(at, zero, self.mark());
                    return Iter::Each { at, end, stride, some };
                }
                let at = self.b.var(Ty::Ptr);
                let end = self.b.index(ptr, len, stride);
                self.write_var(at, ptr, self.mark());
                Iter::Each { at, end, stride, some }
            }
            ForIter::Next { var, setup, next } => {
                self.stmts(setup);
                Iter::Next { var, next }
            }
        }
    }
    fn set_up_range(
        &mut self,
        var: Option<LocalId>,
        ty: TypeId,
        start: Operand,
        end: Option<Operand>,
        inclusive: bool,
        first: bool,
    ) -> Iter<'b> {
        let scalar = self.scalar_ty(ty);
        let reg = self.b.var(scalar);
        let Some(end) = end else {
            self.write_var(reg, start, self.mark());
            return Iter::Range { var, ty, reg, end: End::Never };
        };
        if !inclusive {
            self.write_var(reg, start, self.mark());
            return Iter::Range { var, ty, reg, end: End::Before(end) };
        }
        if let Some(after) = self.one_past(ty, end) {
            self.write_var(reg, start, self.mark());
            return Iter::Range { var, ty, reg, end: End::Before(after) };
        }
        if first {
            let start = self.stable(start);
            return Iter::Range { var, ty, reg, end: End::At(end, start) };
        }
        self.write_var(reg, start, self.mark());
        let more = self.b.var(Ty::I8);
        let mark = self.mark();
        let any = self.compare_ops(ty, Compare::Le, start, end);
        self.write_var(more, any, mark);
        Iter::Range { var, ty, reg, end: End::More(end, more) }
    }
    /// One past a constant end, if the type has that value.
    fn one_past(&mut self, ty: TypeId, end: Operand) -> Option<Operand> {
        let value = self.b.func().operand_const(end)?;
        let (bits, signed) = self.types.int_repr(ty)?;
        let width = value.ty.size(8) * 8;
        let max = u64::MAX >> (64 - bits as u32 + signed as u32);
        let bits = value.bits & (u64::MAX >> (64 - width));
        (bits != max).then(|| self.b.constant(value.ty, value.bits.wrapping_add(1)))
    }

    /// Enters the first round, or none.
    fn first_test(&mut self, first: &Iter<'b>, head: BlockId, exit: BlockId) {
        match first {
            Iter::Range { ty, reg, end: End::At(end, start), .. } => {
                let any = self.compare_ops(*ty, Compare::Le, *start, *end);
                let begin = self.block();
                self.branch(any, begin, exit);
                self.enter(begin);
                let scalar = self.scalar_ty(*ty);
                match self.b.func().operand_const(*start) {
                    Some(value) => {
                        let below = self.b.constant(scalar, value.bits.wrapping_sub(1));
                        self.write_var(*reg, below, self.mark());
                    }
                    None => {
                        let b = self.b.constant(scalar, 1);
                        let inst = Inst::Bin { op: BinOp::Sub, ty: scalar, dst: *reg, a: *start, b };
                        self.b.push(inst);
                    }
                }
                self.jump(head);
            }
            Iter::Each { some: true, .. } => self.jump(head),
            _ => self.test(first, head, exit),
        }
    }
    fn test_again(&mut self, first: &Iter<'b>, head: BlockId, exit: BlockId) {
        match first {
            Iter::Range { ty, reg, end: End::At(end, _), .. } => {
                let more = self.compare_ops(*ty, Compare::Ne, (*reg).into(), *end);
                self.branch(more, head, exit);
            }
            _ => self.test(first, head, exit),
        }
    }
    /// Goes to `head` if there is another round.
    fn test(&mut self, first: &Iter<'b>, head: BlockId, exit: BlockId) {
        match self.another(first) {
            Some(more) => self.branch(more, head, exit),
            None => self.jump(head),
        }
    }
    /// Whether there is another round; none if there always is, or only a round's start can tell.
    fn another(&mut self, iter: &Iter<'b>) -> Option<Operand> {
        Some(match iter {
            Iter::Range { end: End::Never, .. } | Iter::Next { .. } => return None,
            Iter::Range { end: End::At(..), .. } => return None,
            Iter::Range { ty, reg, end: End::Before(end), .. } => {
                self.compare_ops(*ty, Compare::Lt, (*reg).into(), *end)
            }
            Iter::Range { end: End::More(_, more), .. } => (*more).into(),
            Iter::Each { at, end, stride: 0, .. } => self.b.cmp(CmpOp::SLt, Ty::I64, (*at).into(), *end),
            Iter::Each { at, end, .. } => self.b.cmp(CmpOp::Ne, Ty::Ptr, (*at).into(), *end),
        })
    }

    /// Gives a round its element. The first iterable ends the loop, others that end trap.
    fn begin_round(&mut self, iter: &'b ForIter<'b>, made: &Iter<'b>, exit: Option<BlockId>) {
        if exit.is_none()
            && let Some(more) = self.another(made)
        {
            self.check(more, TrapKind::IterableTooShort);
        }
        match (iter, made) {
            (_, Iter::Range { var, reg, end, .. }) => {
                if let End::At(..) = end {
                    self.count(*reg);
                }
                if let Some(var) = *var {
                    self.bind_counter(var, *reg);
                }
            }
            (ForIter::Each { var: Some(var), by_ref: true, .. }, Iter::Each { stride: 0, .. }) => {
                // All elements may share an address.
                let slot = Addr { base: Base::Slot(self.b.slot(1, 1)), off: 0 };
                let address = self.address(slot);
                let value = self.one(address);
                self.bind(*var, &value);
            }
            (ForIter::Each { var: Some(var), by_ref: true, .. }, Iter::Each { at, .. }) => {
                self.assume_never_null(*at);
                self.bind_counter(*var, *at);
            }
            (ForIter::Each { var: Some(var), .. }, Iter::Each { at, stride, .. }) => {
                let address = if *stride == 0 { self.b.null() } else { (*at).into() };
                self.bind_place(*var, Place::Mem(Self::behind(address)));
            }
            (_, Iter::Each { .. }) => {}
            (_, Iter::Next { var, next }) => self.next_value(*var, next, exit),
        }
    }
    fn next_value(&mut self, var: Option<LocalId>, next: E<'b>, exit: Option<BlockId>) {
        let place = self.place(next);
        self.at(next.loc);
        let there = self.has_value_at(&place, next.ty);
        match exit {
            Some(exit) => {
                let body = self.block();
                self.branch(there, body, exit);
                self.enter(body);
            }
            None => self.check(there, TrapKind::IterableTooShort),
        }
        let TypeKind::Optional(of) = *self.types.kind(next.ty) else {
            panic!("an optional is expected, found {:?}", self.types.kind(next.ty))
        };
        if let Some(var) = var {
            let value = self.read(&place, of);
            self.bind(var, &value);
        }
    }
    /// The loop's own register is the variable, unless the body may change that.
    fn bind_counter(&mut self, var: LocalId, reg: Reg) {
        let local = &self.decls[var.0 as usize];
        if local.assigned || local.address_taken {
            let value = self.one(reg.into());
            return self.bind(var, &value);
        }
        let layout = self.types.layout(local.ty);
        let ops = smallvec::smallvec![reg.into()];
        self.name_place(var, Place::Part { ops, layout, off: 0 });
    }
    fn step(&mut self, made: &Iter<'b>) {
        match made {
            Iter::Range { end: End::At(..), .. } | Iter::Next { .. } => {}
            Iter::Range { reg, end: End::Before(_), .. } => self.count(*reg),
            Iter::Range { reg, ty, end: End::Never, .. } => {
                self.count(*reg);
                if self.odd_width(*ty).is_some() {
                    let mark = self.mark();
                    let wrapped = self.wrap_to(*ty, (*reg).into());
                    self.write_var(*reg, wrapped, mark);
                }
            }
            Iter::Range { reg, ty, end: End::More(end, more), .. } => {
                let mark = self.mark();
                let another = self.compare_ops(*ty, Compare::Ne, (*reg).into(), *end);
                self.write_var(*more, another, mark);
                self.count(*reg);
            }
            Iter::Each { at, stride: 0, .. } => self.count(*at),
            Iter::Each { at, stride, .. } => {
                let addr = Addr { base: Base::Reg((*at).into()), off: *stride as i32 };
                self.b.push(Inst::AddrOf { dst: *at, addr });
            }
        }
    }
    fn count(&mut self, reg: Reg) {
        let ty = self.b.func().regs[reg.index()].ty;
        let one = self.b.constant(ty, 1);
        self.b.push(Inst::Bin { op: BinOp::Add, ty, dst: reg, a: reg.into(), b: one });
    }
}
