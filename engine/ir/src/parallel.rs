//! Work on many functions, spread over threads.
//!
//! What comes out is the same however many there are: each piece of work changes its own item only, and nothing depends
//! on who did it or when.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many threads a compilation may use, the calling one included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Threads {
    most: NonZeroUsize,
    /// As many as the machine has, up to `most`. It is asked only when there is enough to do.
    ask: bool,
    share: usize,
}

impl Threads {
    /// No other than the calling one.
    pub const ONE: Threads = Threads::at_most(NonZeroUsize::MIN);
    /// Instructions that are worth a thread: some milliseconds of work, a hundred times what it takes to start one.
    const SHARE: usize = 10_000;
    /// More than this wait for memory and for each other.
    const MOST: usize = 8;

    /// As many as the machine has, within reason.
    pub fn available() -> Threads {
        let most = NonZeroUsize::new(Threads::MOST).unwrap_or(NonZeroUsize::MIN);
        Threads { ask: true, ..Threads::at_most(most) }
    }

    /// So many if there is enough to do.
    pub const fn at_most(most: NonZeroUsize) -> Threads {
        Threads { most, ask: false, share: Threads::SHARE }
    }

    /// With another idea of what is worth a thread, in instructions: for tests, whose programs are small.
    #[must_use]
    pub fn with_share(self, share: NonZeroUsize) -> Threads {
        Threads { share: share.get(), ..self }
    }

    /// How many are worth their start for a number of instructions.
    pub fn count_for(self, insts: usize) -> usize {
        self.settle(insts).most.get()
    }

    /// At most those that are worth their start for all the work there is; the machine isn't asked again.
    #[must_use]
    pub fn settle(self, insts: usize) -> Threads {
        let wanted = NonZeroUsize::new(insts / self.share).unwrap_or(NonZeroUsize::MIN).min(self.most);
        let most = match wanted.get() {
            2.. if self.ask => thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).min(wanted),
            _ => wanted,
        };
        Threads { most, ask: false, ..self }
    }
}

/// Does `work` on every item. Each thread has a room of its own, the calling one the first; there is at least one.
///
/// Threads that can't be started leave their part to the others. A panic of one goes on in the caller, when all have
/// ended.
pub fn spread<Room: Send, Item: Send>(
    rooms: &mut [Room],
    items: &mut [Item],
    work: impl Fn(&mut Room, &mut Item) + Sync,
) {
    let Some((own, others)) = rooms.split_first_mut() else { return };
    if others.is_empty() {
        return items.iter_mut().for_each(|item| work(own, item));
    }
    // Functions differ in size: who is done takes the next few.
    let few = (items.len() / (8 * (others.len() + 1))).clamp(1, 32);
    let parts = Mutex::new(items.chunks_mut(few));
    let take = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = |room: &mut Room| {
        while let Some(part) = take() {
            part.iter_mut().for_each(|item| work(room, item));
        }
    };
    let run = &run;
    thread::scope(|scope| {
        let start =
            |room| thread::Builder::new().name("sx-compile".into()).spawn_scoped(scope, move || run(room));
        let started: Vec<_> = others.iter_mut().map_while(|room| start(room).ok()).collect();
        run(own);
        for thread in started {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(most: usize) -> Threads {
        Threads::at_most(NonZeroUsize::new(most).expect("not none"))
    }

    #[test]
    fn every_item_once() {
        for (count, len) in [(1, 5), (3, 0), (3, 1), (4, 1000)] {
            let mut rooms = vec![0; count];
            let mut items = vec![1; len];
            spread(&mut rooms, &mut items, |room, item| {
                *room += 1;
                *item += 1;
            });
            assert_eq!(items, vec![2; len]);
            assert_eq!(rooms.iter().sum::<usize>(), len);
        }
        spread(&mut [] as &mut [()], &mut [1], |_, _| unreachable!("nobody works"));
    }

    #[test]
    fn little_work_starts_nothing() {
        assert_eq!(threads(4).count_for(0), 1);
        assert_eq!(threads(4).count_for(2 * Threads::SHARE - 1), 1);
        assert_eq!(threads(4).count_for(3 * Threads::SHARE), 3);
        assert_eq!(threads(4).count_for(usize::MAX), 4);
        assert_eq!(Threads::ONE.count_for(usize::MAX), 1);
        let most = Threads::available().count_for(usize::MAX);
        assert!((1..=Threads::MOST).contains(&most));
    }

    #[test]
    fn panics_come_across() {
        for count in [1, 2, 4] {
            let caught = std::panic::catch_unwind(|| {
                let mut items: Vec<u32> = (0..100).collect();
                spread(&mut vec![(); count], &mut items, |(), item| assert!(*item != 77, "no {item}"));
            });
            let words = caught.expect_err("one item is bad");
            assert_eq!(words.downcast_ref::<String>().map(String::as_str), Some("no 77"), "{count}");
        }
    }
}
