//! Where things lie in a slot.

use crate::Error;

/// What a native stack must have at least for a fiber to start on it, be resumed and come back. The bodies of fibers
/// need more.
pub const MIN_STACK: usize = 1024;

/// Room below a slot's top that the slot itself uses, for its name.
pub(crate) const NAME_ROOM: usize = 64;

/// The alignment of a slot's `top`: a cache line.
pub(crate) const TOP_ALIGN: usize = 64;

/// How large the parts of a slot are, in bytes.
///
/// ```text
/// low ─► guard │ native stack, grows down … ◄─ top │ upper area, grows up, `upper` bytes … ─► high
/// ```
///
/// The guard is rounded up to whole pages, and so is the whole. `top` lies wherever the native stack ends, to the
/// cache line: choose sizes that aren't whole pages, and the last bytes of the native stack share a page with the first
/// ones of the upper area, so that a fiber that waits touches one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackLayout {
    /// The guard, at the low end. At least 16 KiB.
    pub guard: usize,
    /// The native stack, with the fiber's control block and the slot's name.
    pub native: usize,
    /// The area above it, which the fiber leaves alone. It may be 0.
    pub upper: usize,
}

impl StackLayout {
    /// The smallest guard. A function whose frame is larger, and which isn't compiled with probes, can jump over it.
    pub const MIN_GUARD: usize = 16 << 10;

    /// A native stack and nothing else.
    #[must_use]
    pub const fn plain(native: usize) -> Self {
        StackLayout { guard: Self::MIN_GUARD, native, upper: 0 }
    }

    /// A slot of `total` bytes, guard included, with an upper area. An `upper` of some whole pages and half of one puts
    /// `top` into the middle of a page.
    #[must_use]
    pub const fn within(total: usize, upper: usize) -> Self {
        let native = total.saturating_sub(upper).saturating_sub(Self::MIN_GUARD);
        StackLayout { guard: Self::MIN_GUARD, native, upper }
    }
}

impl Default for StackLayout {
    /// 256 KiB in all, without an upper area.
    fn default() -> Self {
        StackLayout::within(256 << 10, 0)
    }
}

/// A layout in offsets from the start of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// The end of the guard.
    pub(crate) low: usize,
    /// The end of the native stack.
    pub(crate) top: usize,
    /// The end of the upper area, which is the slot's size.
    pub(crate) stride: usize,
    pub(crate) page: usize,
}

impl Geometry {
    pub(crate) fn new(layout: StackLayout, page: usize) -> Result<Geometry, Error> {
        const HUGE: Error = Error::Layout("a slot is larger than the address space");
        if layout.guard < StackLayout::MIN_GUARD {
            return Err(Error::Layout("the guard must have at least 16 KiB"));
        }
        if layout.native < MIN_STACK + NAME_ROOM {
            return Err(Error::Layout("the native stack is too small for a fiber to start on"));
        }
        let low = layout.guard.checked_next_multiple_of(page).ok_or(HUGE)?;
        let top = low
            .checked_add(layout.native)
            .and_then(|end| end.checked_next_multiple_of(TOP_ALIGN))
            .ok_or(HUGE)?;
        let stride =
            top.checked_add(layout.upper).and_then(|end| end.checked_next_multiple_of(page)).ok_or(HUGE)?;
        if stride > isize::MAX as usize {
            return Err(HUGE);
        }
        Ok(Geometry { low, top, stride, page })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_lies_where_the_native_stack_ends() {
        let layout = StackLayout::within(256 << 10, (64 << 10) + 2048);
        let geometry = Geometry::new(layout, 4096).unwrap();
        assert_eq!(geometry.stride, 256 << 10);
        assert_eq!(geometry.top % 4096, 2048);
        assert_eq!(geometry.stride - geometry.top, (64 << 10) + 2048);
    }

    #[test]
    fn parts_are_rounded_up() {
        let layout = StackLayout { guard: 16385, native: 5000, upper: 1 };
        let geometry = Geometry::new(layout, 4096).unwrap();
        assert_eq!(geometry, Geometry { low: 20480, top: 20480 + 5056, stride: 28672, page: 4096 });
    }

    #[test]
    fn layouts_without_sense_are_errors() {
        let fails = |guard, native, upper| {
            assert!(matches!(
                Geometry::new(StackLayout { guard, native, upper }, 4096),
                Err(Error::Layout(_))
            ));
        };
        fails(4096, 65536, 0);
        fails(16384, 100, 0);
        fails(usize::MAX, 65536, 0);
        fails(16384, usize::MAX - 100, 0);
        fails(16384, 65536, usize::MAX);
    }
}
