//! The text of atomic operations. Orderings come last among the parts of the word.

use super::func::Body;
use super::*;
use crate::atomic::{Ordering, RmwOp};

fn order<'w>(parts: &mut impl Iterator<Item = &'w str>) -> Option<Ordering> {
    parts.next().and_then(Ordering::from_word)
}

impl Body<'_, '_> {
    /// An atomic operation with a result, and the result's type; `parts` are those of the word behind `atomic`.
    pub(super) fn atomic_value<'w>(
        &mut self,
        dst: Reg,
        mut parts: impl Iterator<Item = &'w str>,
    ) -> Result<Option<(Inst, Ty)>> {
        let (Some(what), Some(ty), Some(order)) =
            (parts.next(), parts.next().and_then(Ty::from_word), order(&mut parts))
        else {
            return Ok(None);
        };
        let inst = match what {
            "load" => Inst::AtomicLoad { ty, order, dst, ptr: self.operand(Some(Ty::Ptr))? },
            "cas" => {
                let Some(failure) = self::order(&mut parts) else { return Ok(None) };
                let (ptr, old, new) = self.three(Ty::Ptr, ty, ty)?;
                Inst::AtomicCas { ty, order, failure, dst, ptr, old, new }
            }
            _ => {
                let Some(op) = RmwOp::from_word(what) else { return Ok(None) };
                let (ptr, val) = self.two(Ty::Ptr, ty)?;
                Inst::AtomicRmw { op, ty, order, dst, ptr, val }
            }
        };
        Ok(Some((inst, ty)))
    }

    /// An atomic store; `parts` are those of the word behind `atomic`.
    pub(super) fn atomic_effect<'w>(
        &mut self,
        mut parts: impl Iterator<Item = &'w str>,
    ) -> Result<Option<Inst>> {
        let (Some("store"), Some(ty), Some(order)) =
            (parts.next(), parts.next().and_then(Ty::from_word), order(&mut parts))
        else {
            return Ok(None);
        };
        let (ptr, val) = self.two(Ty::Ptr, ty)?;
        Ok(Some(Inst::AtomicStore { ty, order, ptr, val }))
    }

    /// A fence; `parts` are those of the word behind `fence`.
    pub(super) fn fence<'w>(&mut self, mut parts: impl Iterator<Item = &'w str>) -> Option<Inst> {
        order(&mut parts).map(|order| Inst::Fence { order })
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::parse_func;
    use crate::print::{PrintOptions, print_func};
    use crate::{FuncId, Ordering, RmwOp};
    use std::fmt::Write;

    #[test]
    fn every_operation_comes_back_as_it_was_printed() {
        let mut text = String::from("fn0 = func \"f\" (r0: ptr) -> () {\nb0:\n");
        let mut reg = 1;
        for ty in ["i8", "i16", "i32", "i64", "ptr"] {
            let value = if ty == "ptr" { "null" } else { "3" };
            for order in Ordering::ALL.map(Ordering::word) {
                let _ = writeln!(text, "  atomic.store.{ty}.{order} r0, {value}");
                let _ = writeln!(text, "  r{reg} = atomic.load.{ty}.{order} r0");
                let failure = Ordering::SeqCst.word();
                let _ =
                    writeln!(text, "  r{} = atomic.cas.{ty}.{order}.{failure} r0, {value}, {value}", reg + 1);
                reg += 2;
                for op in RmwOp::ALL.map(RmwOp::word) {
                    let _ = writeln!(text, "  r{reg} = atomic.{op}.{ty}.{order} r0, {value}");
                    reg += 1;
                }
                let _ = writeln!(text, "  fence.{order}");
            }
        }
        text += "  ret\n}\n";
        let (_, func) = parse_func(&text).unwrap_or_else(|error| panic!("{error}"));
        let printed = print_func(FuncId(0), &func, None, PrintOptions::default());
        pretty_assertions::assert_eq!(printed, text);
    }

    #[test]
    fn what_lacks_a_part_is_no_instruction() {
        for inst in [
            "r1 = atomic.load.i8 r0",
            "r1 = atomic.cas.i8.relaxed r0, 1, 2",
            "fence",
            "atomic.store.i8 r0, 1",
            "r1 = atomic.load.i8.strong r0",
            "r1 = atomic.nand.i8.relaxed r0, 1",
            "atomic.load.i8.relaxed r0",
        ] {
            let text = format!("fn0 = func \"f\" (r0: ptr) -> () {{\nb0:\n  {inst}\n  ret\n}}");
            let error = parse_func(&text).expect_err(inst).to_string();
            assert!(error.contains("no such instruction"), "{inst}: {error}");
        }
    }
}
