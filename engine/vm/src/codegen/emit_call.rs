//! Calls: arguments into the window, results out of it.

use super::emit::Emit;
use crate::bytecode::{Op, Word};
use crate::interp::state::Cell;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use sx_ir::{CallConv, Callee, FuncId, List, Operand, Reg, Sig};

/// Slots, each with the one that it is copied from.
type Moves = SmallVec<[(u16, u16); 12]>;

impl Emit<'_, '_> {
    pub(super) fn call(&mut self, callee: Callee, args: List, rets: List) -> Result<(), String> {
        let func = self.analysis.func;
        let window = self.frame.windows[self.next_call];
        self.next_call += 1;
        let (args, rets) = (func.list(args), func.list(rets));
        let count = args.len().max(rets.len());
        let first = window;
        self.reach(first + count as u32);
        // The context is copied by the call itself.
        let passes_context = matches!(callee, Callee::Func(_) | Callee::Value(..))
            && !self.frame.far
            && func.conv == CallConv::Sx
            && !func.sig.params.is_empty()
            && args.first().is_some_and(|&arg| self.analysis.resolve(arg) == Operand::reg(Reg(0)));
        let moves: SmallVec<[(u32, Operand); 12]> = args
            .iter()
            .enumerate()
            .skip(passes_context as usize)
            .map(|(i, &arg)| (first + i as u32, arg))
            .collect();
        let value = match callee {
            Callee::Value(value, _) | Callee::CPtr(value, _) => Some(self.callee_slot(value, &moves)),
            Callee::Func(_) | Callee::Extern(_) => None,
        };
        self.parallel_move(&moves);
        self.call_op(callee, window, count as i32, value.unwrap_or(0), passes_context)?;
        self.take_results(first, rets);
        Ok(())
    }
    /// The slot that a called value is in when the arguments are in place.
    fn callee_slot(&mut self, value: Operand, moves: &[(u32, Operand)]) -> u16 {
        let slot = self.src(value);
        if self.frame.far || !moves.iter().any(|&(to, _)| to == slot as u32) {
            return slot;
        }
        let spare = self.scratch();
        self.mov_slot(spare, slot);
        spare
    }
    fn call_op(
        &mut self,
        callee: Callee,
        window: u32,
        count: i32,
        value: u16,
        context: bool,
    ) -> Result<(), String> {
        let near = window as u16;
        match (callee, self.frame.far) {
            (Callee::Func(id), false) => {
                self.emit_w(if context { Op::CallX } else { Op::Call }, near, cell_offset(id)?);
            }
            (Callee::Func(id), true) => {
                self.emit_w(Op::CallL, 0, cell_offset(id)?);
                self.extend(Word::halves(window as i32, 0));
            }
            (Callee::Value(_, sig), far) => {
                let Some(Sig::Sx(sig)) = self.module.sigs.get(sig.index()) else {
                    return Err(format!("{sig} isn't a signature of the default ABI"));
                };
                let class = self.tables.known_class(sig)? as i32;
                if far {
                    self.emit_w(Op::CallVL, value, class);
                    self.extend(Word::halves(window as i32, 0));
                } else {
                    self.emit(if context { Op::CallVX } else { Op::CallV }, near, value, 0);
                    self.extend(Word::halves(class, 0));
                }
            }
            (Callee::Extern(id), false) => {
                self.emit_w(Op::CallE, near, id.0 as i32);
                self.extend(Word::halves(count, 0));
            }
            (Callee::Extern(id), true) => {
                self.emit_w(Op::CallEL, 0, id.0 as i32);
                self.extend(Word::halves(window as i32, count));
            }
            (Callee::CPtr(_, sig), false) => {
                self.emit(Op::CallC, near, value, 0);
                self.extend(Word::halves(sig.0 as i32, count));
            }
            (Callee::CPtr(_, sig), true) => {
                self.emit_w(Op::CallCL, value, sig.0 as i32);
                self.extend(Word::halves(window as i32, count));
            }
        }
        self.fence();
        Ok(())
    }
    fn take_results(&mut self, first: u32, rets: &[Operand]) {
        let mut moves: SmallVec<[(u16, u32); 8]> = SmallVec::new();
        for (i, ret) in rets.iter().enumerate() {
            let Some(reg) = ret.as_reg() else { continue };
            let dst = self.dst(reg);
            if dst != self.frame.scratch && dst as u32 != first + i as u32 {
                moves.push((dst, first + i as u32));
            }
        }
        if self.frame.far {
            for (dst, from) in moves {
                self.emit_w(Op::LdF64, dst, (from * 8) as i32);
            }
            return;
        }
        self.move_slots(moves.into_iter().map(|(dst, from)| (dst, from as u16)).collect());
    }
    /// Copies operands to slots, all at once: no copy sees what another wrote.
    pub(super) fn parallel_move(&mut self, moves: &[(u32, Operand)]) {
        if self.frame.far && moves.iter().any(|&(to, _)| to >= self.frame.size) {
            // The window is out of reach, and nothing lives there.
            for &(to, from) in moves {
                let from = self.src_again(from);
                self.emit_w(Op::StF64, from, (to * 8) as i32);
            }
            return;
        }
        let mut slots = Moves::with_capacity(moves.len());
        let mut constants: SmallVec<[(u16, Operand); 12]> = SmallVec::new();
        for &(to, from) in moves {
            match self.in_slot(from) {
                Some(slot) => slots.push((to as u16, slot)),
                None => constants.push((to as u16, from)),
            }
        }
        self.move_slots(slots);
        for (to, from) in constants {
            self.mov(to, from);
        }
    }
    /// As [`Emit::src`], using the same scratch slot each time.
    fn src_again(&mut self, operand: Operand) -> u16 {
        match self.in_slot(operand) {
            Some(slot) => slot,
            None => {
                let slot = self.frame.scratch + super::alloc::SCRATCH as u16 - 1;
                self.mov(slot, operand);
                slot
            }
        }
    }
    fn move_slots(&mut self, mut moves: Moves) {
        moves.retain(|&mut (to, from)| to != from);
        if moves.is_empty() {
            return;
        }
        let conflict = moves.iter().any(|&(to, _)| moves.iter().take(16).any(|&(_, from)| from == to));
        if moves.len() <= 16 && !conflict {
            for (to, from) in moves {
                self.mov_slot(to, from);
            }
            return;
        }
        self.move_ordered(moves);
    }
    /// Copies whose target nobody reads any more go first; a cycle is broken through a scratch slot.
    fn move_ordered(&mut self, moves: Moves) {
        let spare = self.frame.scratch + super::alloc::SCRATCH as u16 - 1;
        let mut readers: FxHashMap<u16, u32> = FxHashMap::default();
        let mut writer: FxHashMap<u16, usize> = FxHashMap::default();
        for (index, &(to, from)) in moves.iter().enumerate() {
            *readers.entry(from).or_insert(0) += 1;
            writer.insert(to, index);
        }
        let mut sources: Vec<u16> = moves.iter().map(|&(_, from)| from).collect();
        let mut done = vec![false; moves.len()];
        let mut ready: Vec<usize> =
            (0..moves.len()).filter(|&index| !readers.contains_key(&moves[index].0)).collect();
        for start in 0..=moves.len() {
            while let Some(index) = ready.pop() {
                if std::mem::replace(&mut done[index], true) {
                    continue;
                }
                let from = sources[index];
                self.mov_slot(moves[index].0, from);
                if let Some(count) = readers.get_mut(&from) {
                    *count -= 1;
                    if *count == 0
                        && let Some(&next) = writer.get(&from)
                    {
                        ready.push(next);
                    }
                }
            }
            // Everything that is left stands in cycles, each slot read once.
            if let Some(&(to, _)) = moves.get(start)
                && !done[start]
            {
                self.mov_slot(spare, to);
                for (index, source) in sources.iter_mut().enumerate() {
                    if !done[index] && *source == to {
                        *source = spare;
                    }
                }
                ready.push(start);
            }
        }
    }
}

/// Where a function's entry cell is in an instance's table of cells, in bytes.
fn cell_offset(func: FuncId) -> Result<i32, String> {
    let offset = (func.index() as i64).checked_mul(size_of::<Cell>() as i64);
    offset
        .and_then(|offset| i32::try_from(offset).ok())
        .ok_or_else(|| "the program has too many functions".to_owned())
}
