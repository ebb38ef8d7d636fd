//! Code in its place, as the virtual machine asks about it.

use crate::memory::Batch;
use std::sync::Arc;
use sx_ir::{Func, LocId};
use sx_vm::machine::CodeMap;

/// A batch, and the functions that it begins with; trampolines follow.
pub(super) struct Run {
    pub batch: Batch,
    pub functions: Vec<Arc<Func>>,
}

impl CodeMap for Run {
    fn range(&self) -> (usize, usize) {
        let start = self.batch.start();
        (start, start + self.batch.size())
    }
    fn locate(&self, address: usize) -> Option<(&Arc<Func>, Option<LocId>)> {
        let (index, _) = self.batch.find(address)?;
        let location = self.batch.location(address).map(|(_, location)| location);
        Some((self.functions.get(index)?, location))
    }
    fn may_fault(&self, address: usize) -> bool {
        self.batch.may_fault(address)
    }
}
