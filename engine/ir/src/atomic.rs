//! Atomic operations: what they do, and in which order other threads see it.

use crate::func::Ty;

/// In which order other threads see an atomic operation and the accesses around it: C11's orderings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ordering {
    /// The operation alone is atomic.
    Relaxed,
    /// What comes behind it stays behind it.
    Acquire,
    /// What comes before it stays before it.
    Release,
    /// Both of these.
    AcqRel,
    /// Both, and all such operations have one order that every thread sees.
    SeqCst,
}

impl Ordering {
    /// All of them.
    pub const ALL: [Ordering; 5] =
        [Ordering::Relaxed, Ordering::Acquire, Ordering::Release, Ordering::AcqRel, Ordering::SeqCst];

    /// True for what a load may have.
    pub fn fits_load(self) -> bool {
        !matches!(self, Ordering::Release | Ordering::AcqRel)
    }
    /// True for what a store may have.
    pub fn fits_store(self) -> bool {
        !matches!(self, Ordering::Acquire | Ordering::AcqRel)
    }
    /// True for what a fence may have.
    pub fn fits_fence(self) -> bool {
        self != Ordering::Relaxed
    }
    /// True when a compare-and-exchange with this ordering may fail with that one: failing is a load, and asks for no more
    /// than what is asked of the load in success.
    pub fn fits_failure(self, failure: Ordering) -> bool {
        match failure {
            Ordering::Relaxed => true,
            Ordering::Acquire => matches!(self, Ordering::Acquire | Ordering::AcqRel | Ordering::SeqCst),
            Ordering::SeqCst => self == Ordering::SeqCst,
            Ordering::Release | Ordering::AcqRel => false,
        }
    }
}

/// What reads, computes and writes in one step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RmwOp {
    /// Writes the operand.
    Swap,
    /// Wrapping.
    Add,
    /// Wrapping.
    Sub,
    /// Bitwise.
    And,
    /// Bitwise.
    Or,
    /// Bitwise.
    Xor,
    /// The smaller one, signed.
    SMin,
    /// The larger one, signed.
    SMax,
    /// The smaller one, unsigned.
    UMin,
    /// The larger one, unsigned.
    UMax,
}

impl RmwOp {
    /// All of them.
    pub const ALL: [RmwOp; 10] = [
        RmwOp::Swap,
        RmwOp::Add,
        RmwOp::Sub,
        RmwOp::And,
        RmwOp::Or,
        RmwOp::Xor,
        RmwOp::SMin,
        RmwOp::SMax,
        RmwOp::UMin,
        RmwOp::UMax,
    ];

    /// True when it works on values of the type. What computes wants integers.
    pub fn takes(self, ty: Ty) -> bool {
        ty.is_atomic() && (self == RmwOp::Swap || ty != Ty::Ptr)
    }
}

impl Ty {
    /// True for what memory can be read and written as in one step: integers and addresses.
    pub fn is_atomic(self) -> bool {
        matches!(self, Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64 | Ty::Ptr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_asks_for_no_more_than_success() {
        let pairs: Vec<(Ordering, Ordering)> = Ordering::ALL
            .into_iter()
            .flat_map(|success| Ordering::ALL.into_iter().map(move |failure| (success, failure)))
            .filter(|(success, failure)| success.fits_failure(*failure))
            .collect();
        use Ordering::*;
        let expected = [
            (Relaxed, Relaxed),
            (Acquire, Relaxed),
            (Acquire, Acquire),
            (Release, Relaxed),
            (AcqRel, Relaxed),
            (AcqRel, Acquire),
            (SeqCst, Relaxed),
            (SeqCst, Acquire),
            (SeqCst, SeqCst),
        ];
        assert_eq!(pairs, expected);
    }
}
