//! The part of the floor that threads stand on: starting one, and waiting for a word of memory to change.
//!
//! These few functions are all that the library's locks need; whatever runs the program can provide them.

use super::floor::{Entry, ground};
use std::time::{Duration, Instant};
use sx_vm::{Caller, Parked, SpawnError, Trap};

pub(super) const ENTRIES: &[Entry] = &[
    ("sx_park", 4, park),
    ("sx_thread_parallel", 1, parallel),
    ("sx_thread_self", 1, this),
    ("sx_thread_spawn", 4, spawn),
    ("sx_thread_yield", 0, yield_now),
    ("sx_unpark", 2, unpark),
];

/// What the library is told when no thread could be started.
const TOO_MANY: i64 = -1;
const NO_MEMORY: i64 = -2;
const REFUSED: i64 = -3;

/// Starts a thread: its function and that one's context and argument, and where its end is noted. Gives its number, or why
/// there is none.
fn spawn(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let &mut [function, context, argument, done, ..] = slots else { return Ok(()) };
    if ground(caller)?.program.is_none() {
        return Err(Trap::host("threads can't be started at compile time"));
    }
    // SAFETY: the library keeps the place until the thread has been joined.
    let started = unsafe { caller.spawn(function, &[context, argument], done as usize) };
    slots[0] = match started {
        Ok(id) => id as i64,
        Err(SpawnError::TooMany) => TOO_MANY,
        Err(SpawnError::NoMemory) => NO_MEMORY,
        Err(SpawnError::System(_)) => REFUSED,
        Err(SpawnError::Stopping) => {
            caller.poll()?;
            REFUSED
        }
        Err(error) => return Err(Trap::host(error.to_string())),
    } as u64;
    Ok(())
}

/// The address of the thread's number and of a word of its own.
fn this(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    slots[0] = caller.thread_words() as u64;
    Ok(())
}

/// How many threads can run at a time.
fn parallel(_: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    slots[0] = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    Ok(())
}

fn yield_now(_: &mut Caller<'_>, _: &mut [u64]) -> Result<(), Trap> {
    std::thread::yield_now();
    Ok(())
}

/// Waits while a word is what it was: 0 when it was unparked, 1 when the word is another one, 2 when it took too long. The
/// deadline is one of the clock that only goes forward; a negative one never comes. The last argument is the key of the lock that is
/// waited for, or 0.
fn park(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let (address, expected) = (slots[0] as usize, slots[1] as u32);
    // What lies too far in the future for the system never comes either.
    let deadline = u64::try_from(slots[2] as i64).ok().map(Duration::from_nanos);
    let deadline: Option<Instant> = deadline.and_then(|after| super::floor::start().checked_add(after));
    // SAFETY: the library gives the address of a variable.
    slots[0] = match unsafe { caller.park_for_lock(address, expected, deadline, slots[3]) }? {
        Parked::Woken => 0,
        Parked::Changed => 1,
        Parked::TimedOut => 2,
    };
    Ok(())
}

/// Wakes up to so many threads that wait for a word, and says how many.
fn unpark(caller: &mut Caller<'_>, slots: &mut [u64]) -> Result<(), Trap> {
    let count = usize::try_from(slots[1] as i64).unwrap_or(0);
    slots[0] = caller.unpark(slots[0] as usize, count) as u64;
    Ok(())
}
