//! What is known of places in a function's code.

use sx_ir::LocId;

/// A stretch of code that comes from one source position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stretch {
    start: u32,
    end: u32,
    loc: LocId,
}

/// Source positions, and accesses that may fault, by bytes from the function's start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tables {
    stretches: Vec<Stretch>,
    faults: Vec<u32>,
}

impl Tables {
    /// Tables of stretches `(start, end, position)` and of the offsets of accesses; each in any order.
    pub fn new(
        stretches: impl IntoIterator<Item = (u32, u32, LocId)>,
        faults: impl IntoIterator<Item = u32>,
    ) -> Tables {
        let mut tables = Tables {
            stretches: stretches.into_iter().map(|(start, end, loc)| Stretch { start, end, loc }).collect(),
            faults: faults.into_iter().collect(),
        };
        tables.stretches.sort_unstable_by_key(|stretch| stretch.start);
        // Neighbours of one position are one stretch: many instructions come from one place of the source.
        tables.stretches.dedup_by(|next, last| {
            let joined = next.loc == last.loc && next.start == last.end;
            if joined {
                last.end = next.end;
            }
            joined
        });
        tables.faults.sort_unstable();
        tables
    }
    /// The position of the instruction at an offset. Of a call, ask for its return address less 1.
    pub fn location(&self, offset: u32) -> Option<LocId> {
        let behind = self.stretches.partition_point(|stretch| stretch.start <= offset);
        let stretch = self.stretches.get(behind.checked_sub(1)?)?;
        (offset < stretch.end).then_some(stretch.loc)
    }
    /// True when the instruction at this offset touches the program's memory: a fault there is the program's.
    pub fn may_fault(&self, offset: u32) -> bool {
        self.faults.binary_search(&offset).is_ok()
    }
    /// How many bytes the tables take.
    pub fn size(&self) -> usize {
        self.stretches.len() * size_of::<Stretch>() + self.faults.len() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_found_within_their_stretches_only() {
        let tables = Tables::new([(8, 12, LocId(2)), (0, 4, LocId(1)), (4, 6, LocId(1))], [9, 3]);
        let found: Vec<Option<u32>> =
            [0, 3, 4, 5, 6, 7, 8, 11, 12].map(|at| tables.location(at).map(|loc| loc.0)).into();
        let one = Some(1);
        assert_eq!(found, [one, one, one, one, None, None, Some(2), Some(2), None]);
        assert!(tables.may_fault(3) && tables.may_fault(9) && !tables.may_fault(4));
        assert_eq!(tables.stretches.len(), 2, "neighbours of one position are joined");
    }
}
