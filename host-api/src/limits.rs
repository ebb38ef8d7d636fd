//! What an instance may use.

use std::time::Duration;

/// What an instance may use. The defaults suit scripts that a host doesn't trust with all of its memory.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that the program's allocator may hold at a time; 256 MiB. An allocation beyond it finds no memory.
    pub memory_bytes: Option<u64>,
    /// Bytes of the stack of sx functions: what bounds recursion; 1 MiB. Committed on touch.
    pub stack_bytes: usize,
    /// How often host and program may call each other in turn; 128.
    pub nesting: u32,
    /// How long each call from the host may take; unlimited. The call traps soon after.
    pub time_per_call: Option<Duration>,
    /// Loop iterations and calls until [`Instance::set_fuel`](crate::Instance::set_fuel) renews them; unlimited. Counting
    /// makes programs slower.
    pub fuel: Option<u64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes: Some(256 << 20),
            stack_bytes: 1 << 20,
            nesting: 128,
            time_per_call: None,
            fuel: None,
        }
    }
}

impl Limits {
    /// No limit but the stack's, which is 8 MiB: for programs that are trusted as much as their host.
    pub fn none() -> Limits {
        Limits { memory_bytes: None, stack_bytes: 8 << 20, ..Limits::default() }
    }
    /// With a limit on memory.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Limits {
        self.memory_bytes = Some(bytes);
        self
    }
    /// With a stack of this size.
    #[must_use]
    pub fn stack_bytes(mut self, bytes: usize) -> Limits {
        self.stack_bytes = bytes;
        self
    }
    /// With a limit on nested calls.
    #[must_use]
    pub fn nesting(mut self, depth: u32) -> Limits {
        self.nesting = depth;
        self
    }
    /// With a limit on the time of each call.
    #[must_use]
    pub fn time_per_call(mut self, time: Duration) -> Limits {
        self.time_per_call = Some(time);
        self
    }
    /// With fuel.
    #[must_use]
    pub fn fuel(mut self, polls: u64) -> Limits {
        self.fuel = Some(polls);
        self
    }
    pub(crate) fn vm(&self) -> sx_vm::Limits {
        sx_vm::Limits {
            stack_bytes: self.stack_bytes,
            native_depth: self.nesting,
            fuel: self.fuel,
            call_time: self.time_per_call,
            memory_bytes: self.memory_bytes,
        }
    }
}
