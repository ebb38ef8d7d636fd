//! More stack for what nests deeply: chains of declarations that need each other.

use super::Cx;
use crate::sema::{Sema, stack_address};
use sx_syntax::diag::Code;
use sx_syntax::span::Span;

/// Bytes of a stack.
const STACK: usize = 8 << 20;
/// As much of it may checking take; lowering and others come on top.
const FOR_CHECKING: usize = STACK / 2;
/// So many stacks there may be beside the thread's own.
const MAX_STACKS: u32 = 16;

impl Sema {
    /// True when there may be another stack once this one is used up.
    pub(crate) fn has_more_stacks(&self) -> bool {
        self.more_stacks < MAX_STACKS
    }
}

impl Cx<'_, '_, '_> {
    /// Does work that may need much stack on a new one.
    #[cold]
    #[inline(never)]
    pub(crate) fn on_more_stack<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.s.stack_end;
        self.s.more_stacks += 1;
        let result = stacker::grow(STACK, || {
            self.s.stack_end = stack_address().saturating_sub(FOR_CHECKING);
            work(self)
        });
        self.s.more_stacks -= 1;
        self.s.stack_end = outer;
        result
    }

    /// Says once that all stacks are used up.
    pub(crate) fn too_long_a_chain(&mut self, span: Span) {
        if !std::mem::replace(&mut self.s.told_depth, true) {
            let message = "the declarations that need each other here form too long a chain";
            self.error(Code::E0901, span, message);
        }
    }
}
