//! Places in source text: a span inside one file, and a location that names the file too.

/// A half-open range of byte offsets in one file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Span {
    /// First byte.
    pub lo: u32,
    /// One past the last byte.
    pub hi: u32,
}

impl Span {
    /// The range from `lo` to `hi`.
    #[inline]
    pub fn new(lo: u32, hi: u32) -> Span {
        debug_assert!(lo <= hi, "span ends before it starts: {lo}..{hi}");
        Span { lo, hi }
    }
    /// The empty range at `at`.
    #[inline]
    pub fn at(at: u32) -> Span {
        Span { lo: at, hi: at }
    }
    /// The smallest span that covers both.
    #[inline]
    pub fn to(self, other: Span) -> Span {
        Span { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
}

/// A file of one compilation: an index into its [`crate::source::Sources`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FileId(pub u32);

/// A span in a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Loc {
    /// Which file.
    pub file: FileId,
    /// Where in it.
    pub span: Span,
}

impl Loc {
    /// A location.
    #[inline]
    pub fn new(file: FileId, span: Span) -> Loc {
        Loc { file, span }
    }
}
