//! What handles say of the thread: a number of 15 bits that no other thread of the instance has at the time.
//!
//! A thread that has ended leaves its number to a later one, with the count of uses at which that one goes on: so no handle ever
//! names two fibers.

use super::table::USE_BITS;
use parking_lot::Mutex;

const BITS: u32 = 15;

/// Says which thread's a handle is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag {
    /// Less than 2¹⁵, and not 0.
    pub number: u64,
    /// The first count of uses that no handle with this number has had.
    pub uses: u32,
}

impl Tag {
    /// That of compile time: its handles name nothing in the program that it makes.
    pub const COMPILER: Tag = Tag { number: (1 << BITS) - 1, uses: 1 };
}

/// The numbers of an instance.
#[derive(Default)]
pub(crate) struct Tags(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// How many were given out for the first time.
    given: u64,
    /// Those that were given back.
    free: Vec<Tag>,
}

impl Tags {
    /// A tag; none when as many threads have one as there are numbers.
    pub fn take(&self) -> Option<Tag> {
        let mut inner = self.0.lock();
        if let Some(tag) = inner.free.pop() {
            return Some(tag);
        }
        let number = inner.given + 1;
        if number >= Tag::COMPILER.number {
            return None;
        }
        inner.given = number;
        Some(Tag { number, uses: 1 })
    }
    /// Takes one back whose fibers have ended. It isn't used again when its uses are all counted.
    pub fn give(&self, tag: Tag) {
        if tag.uses < 1 << USE_BITS && tag.number != Tag::COMPILER.number {
            self.0.lock().free.push(tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_go_on_counting() {
        let tags = Tags::default();
        let mut all: Vec<Tag> = std::iter::from_fn(|| tags.take()).collect();
        assert_eq!(all.len(), (1 << BITS) - 2);
        assert!(all.iter().all(|tag| (1..Tag::COMPILER.number).contains(&tag.number)));
        let last = all.pop().expect("there are some");
        tags.give(Tag { uses: 7, ..last });
        assert_eq!(tags.take(), Some(Tag { uses: 7, ..last }));
        tags.give(Tag { uses: 1 << USE_BITS, ..last });
        assert_eq!(tags.take(), None);
    }
}
