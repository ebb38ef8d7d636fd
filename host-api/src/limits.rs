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
    /// Threads that the program may have at a time besides the one of the host's call; 0. Each has a stack of its own. The
    /// memory of a program with threads may change while a host function looks at what it was lent, so that only programs
    /// should have some that the host trusts to keep their threads apart.
    pub threads: u32,
    /// Fibers that the program may have at a time on each thread; 65,536.
    pub fibers: u32,
    /// Bytes of address space that each fiber's stacks reserve, 256 KiB; at least 128 KiB. They are taken as they are touched: a
    /// fiber that waits near its beginning takes 4 KiB. What its stacks have touched counts against the memory. Five eighths are for host and C functions, the rest for the program.
    pub fiber_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes: Some(256 << 20),
            stack_bytes: 1 << 20,
            nesting: 128,
            time_per_call: None,
            fuel: None,
            threads: 0,
            fibers: 1 << 16,
            fiber_bytes: 256 << 10,
        }
    }
}

impl Limits {
    /// No limit but those of the stack, which is 8 MiB, of threads, which are 1024, and of fibers, which are a million on each
    /// thread: for programs that are trusted as much as their host.
    pub fn none() -> Limits {
        Limits {
            memory_bytes: None,
            stack_bytes: 8 << 20,
            threads: 1024,
            fibers: 1 << 20,
            ..Limits::default()
        }
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
    /// With this many threads besides the one of the host's call.
    #[must_use]
    pub fn threads(mut self, most: u32) -> Limits {
        self.threads = most;
        self
    }
    /// With this many fibers on each thread.
    #[must_use]
    pub fn fibers(mut self, most: u32) -> Limits {
        self.fibers = most;
        self
    }
    /// With stacks of this size for fibers.
    #[must_use]
    pub fn fiber_bytes(mut self, bytes: usize) -> Limits {
        self.fiber_bytes = bytes;
        self
    }
    /// Work is counted.
    pub(crate) fn counts(&self) -> bool {
        self.fuel.is_some()
    }
    pub(crate) fn vm(&self) -> sx_vm::Limits {
        sx_vm::Limits {
            stack_bytes: self.stack_bytes,
            native_depth: self.nesting,
            fuel: self.fuel,
            call_time: self.time_per_call,
            memory_bytes: self.memory_bytes,
            threads: self.threads,
            fibers: self.fibers,
            fiber_bytes: self.fiber_bytes,
        }
    }
}
