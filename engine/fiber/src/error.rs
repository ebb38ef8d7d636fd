//! What can go wrong with stacks and fibers.

use core::fmt;

/// Why there is no stack or no fiber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The system has no memory, or no address space, for a reservation or a guard of this many bytes.
    NoMemory {
        /// How many bytes were asked for.
        bytes: usize,
    },
    /// The process has as many mappings as the system allows. Guards cost mappings only on kernels without
    /// `MADV_GUARD_INSTALL` (before Linux 6.13).
    MapCount {
        /// The value of `vm.max_map_count`.
        limit: usize,
    },
    /// A limit of the process on address space (`RLIMIT_AS`) is in the way.
    AddressSpace {
        /// How many bytes were asked for.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The pool has handed out as many slots as it may.
    TooMany {
        /// The pool's limit.
        limit: usize,
    },
    /// No more reservations fit in the process-wide table that fault handlers look into.
    TooManyReservations {
        /// The size of the table.
        limit: usize,
    },
    /// The layout of a stack makes no sense; the text says what.
    Layout(&'static str),
    /// The system refused something for another reason.
    System {
        /// What was attempted.
        call: &'static str,
        /// The value of `errno`.
        errno: i32,
    },
    /// The process has shadow stacks (CET), which the switches don't make.
    ShadowStack,
    /// The switch doesn't know this processor.
    Unsupported,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::NoMemory { bytes } => write!(f, "no memory for fiber stacks ({bytes} bytes)"),
            Error::MapCount { limit } => write!(
                f,
                "no more memory mappings for guards of fiber stacks: vm.max_map_count is {limit}; raise it, or use \
                 Linux 6.13 or newer, where guards need none"
            ),
            Error::AddressSpace { bytes, limit } => write!(
                f,
                "no address space for fiber stacks: {bytes} bytes more than the process may have (RLIMIT_AS, \
                 ulimit -v: {limit} bytes)"
            ),
            Error::TooMany { limit } => write!(f, "too many fibers: the limit is {limit}"),
            Error::TooManyReservations { limit } => {
                write!(f, "too many reservations of fiber stacks: the limit is {limit}")
            }
            Error::Layout(what) => write!(f, "invalid layout of fiber stacks: {what}"),
            Error::System { call, errno } => {
                write!(f, "{call} failed for fiber stacks: {}", std::io::Error::from_raw_os_error(errno))
            }
            Error::ShadowStack => f.write_str(
                "fibers don't work in a process with shadow stacks (CET); turn them off for this program",
            ),
            Error::Unsupported => f.write_str("fibers don't work on this kind of processor"),
        }
    }
}

impl std::error::Error for Error {}

/// Why a fiber wasn't resumed. Nothing has happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeError {
    /// It runs: it is the caller, or has resumed the caller.
    Running,
    /// It has returned or panicked.
    Finished,
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResumeError::Running => "the fiber is running",
            ResumeError::Finished => "the fiber has finished",
        })
    }
}

impl std::error::Error for ResumeError {}
