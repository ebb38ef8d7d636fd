//! Sizes, alignments, offsets, and how values travel: the one place that knows.
//!
//! C rules on the target. A layout also says whether a value can be taken apart into a few scalars (its
//! *leaves*), which is how values up to two words are passed and returned.

use crate::func::Ty;
use crate::vector::VecTy;
use smallvec::SmallVec;

/// What layouts depend on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// Bytes in an address: 4 or 8.
    pub ptr_size: u32,
}

impl Default for Target {
    fn default() -> Target {
        Target::HOST
    }
}

impl Target {
    /// The machine that this code runs on.
    pub const HOST: Target = Target { ptr_size: size_of::<usize>() as u32 };
    /// The integer register type as wide as an address.
    pub fn word(self) -> Ty {
        if self.ptr_size == 8 { Ty::I64 } else { Ty::I32 }
    }
}

/// A scalar at an offset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Leaf {
    /// Bytes from the start of the value.
    pub off: u32,
    /// What stands there.
    pub ty: Ty,
}

/// The scalars of a small value, in order of offset.
pub type Leaves = SmallVec<[Leaf; 4]>;

/// Values of more scalars, or more than two words, live in memory.
pub const MAX_LEAVES: usize = 4;

/// The largest value that travels in registers.
pub const MAX_SCALAR_BYTES: u32 = 16;

/// The largest alignment of a vector: that of the widest registers.
pub const MAX_VECTOR_ALIGN: u32 = 64;

/// The largest type: offsets and sizes fit 31 bits.
pub const MAX_TYPE_BYTES: u64 = i32::MAX as u64;

/// A type's size and shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Layout {
    /// Bytes, a multiple of `align`.
    pub size: u32,
    /// A power of two.
    pub align: u32,
    /// Its scalars, if it is small enough to travel in registers; empty for size 0.
    pub leaves: Option<Leaves>,
}

/// The type is larger than [`MAX_TYPE_BYTES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

fn round_up(value: u64, align: u32) -> u64 {
    value.next_multiple_of(align as u64)
}

fn checked(size: u64) -> Result<u32, TooLarge> {
    if size > MAX_TYPE_BYTES { Err(TooLarge) } else { Ok(size as u32) }
}

impl Layout {
    /// Nothing at all: `void`, an empty struct.
    pub fn void() -> Layout {
        Layout { size: 0, align: 1, leaves: Some(Leaves::new()) }
    }
    /// One scalar.
    pub fn scalar(ty: Ty, target: Target) -> Layout {
        let size = ty.size(target.ptr_size);
        Layout { size, align: size, leaves: Some(SmallVec::from_slice(&[Leaf { off: 0, ty }])) }
    }
    /// True when values travel as scalars.
    pub fn is_scalars(&self) -> bool {
        self.leaves.is_some()
    }
    /// A struct of fields in order, with each field's offset. `packed` drops padding and alignment; `align`
    /// raises the alignment.
    ///
    /// # Errors
    /// When the struct is too large.
    pub fn structure<'a>(
        fields: impl IntoIterator<Item = &'a Layout>,
        packed: bool,
        align: u32,
    ) -> Result<(Layout, Vec<u32>), TooLarge> {
        let mut size = 0u64;
        let mut max_align = align.max(1);
        let mut leaves = Some(Leaves::new());
        let mut offsets = Vec::new();
        for field in fields {
            if !packed {
                size = round_up(size, field.align);
                max_align = max_align.max(field.align);
            }
            let off = checked(size)?;
            offsets.push(off);
            leaves = leaves.and_then(|mut all| {
                for leaf in field.leaves.as_ref()? {
                    all.push(Leaf { off: off + leaf.off, ty: leaf.ty });
                }
                (all.len() <= MAX_LEAVES).then_some(all)
            });
            size += field.size as u64;
        }
        let size = checked(round_up(size, max_align))?;
        if size > MAX_SCALAR_BYTES {
            leaves = None;
        }
        Ok((Layout { size, align: max_align, leaves }, offsets))
    }
    /// `n` elements in a row. Arrays have no leaves unless empty: they are indexed, so they live in memory.
    ///
    /// # Errors
    /// When the array is too large.
    pub fn array(elem: &Layout, n: u64) -> Result<Layout, TooLarge> {
        let size = checked((elem.size as u64).checked_mul(n).ok_or(TooLarge)?)?;
        let leaves = (size == 0).then(Leaves::new);
        Ok(Layout { size, align: elem.align, leaves })
    }
    /// Lanes in one piece. Size and alignment are the next power of two, as C's vectors have them; above
    /// [`MAX_VECTOR_ALIGN`] the alignment stays there. Vectors travel in memory, whatever their size.
    pub fn vector(vec: VecTy) -> Layout {
        let align = vec.size().next_power_of_two();
        Layout { size: align, align: align.min(MAX_VECTOR_ALIGN), leaves: None }
    }
    /// Members that overlay each other. Members whose scalars are all alike keep them; else a size of 1, 2, 4
    /// or 8 bytes makes one integer of it. `packed` drops alignment; `align` raises it.
    pub fn union<'a>(members: impl IntoIterator<Item = &'a Layout>, packed: bool, align: u32) -> Layout {
        let mut size = 0u32;
        let mut max_align = align.max(1);
        let mut shared: Option<Leaves> = None;
        let mut alike = true;
        for member in members {
            size = size.max(member.size);
            if !packed {
                max_align = max_align.max(member.align);
            }
            if member.size == 0 {
                continue;
            }
            match (&shared, &member.leaves) {
                (None, Some(leaves)) => shared = Some(leaves.clone()),
                (Some(a), Some(b)) if a == b => {}
                _ => alike = false,
            }
        }
        let size = size.next_multiple_of(max_align);
        let leaves = if size == 0 {
            Some(Leaves::new())
        } else if alike && shared.is_some() && size <= MAX_SCALAR_BYTES {
            shared
        } else {
            let ty = match size {
                1 => Some(Ty::I8),
                2 => Some(Ty::I16),
                4 => Some(Ty::I32),
                8 => Some(Ty::I64),
                _ => None,
            };
            ty.map(|ty| SmallVec::from_slice(&[Leaf { off: 0, ty }]))
        };
        Layout { size, align: max_align, leaves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_end_at_31_bits() {
        let byte = Layout::scalar(Ty::I8, Target::HOST);
        let most = Layout::array(&byte, MAX_TYPE_BYTES).expect("just fits");
        assert_eq!(most.size, i32::MAX as u32);
        assert_eq!(Layout::array(&byte, MAX_TYPE_BYTES + 1), Err(TooLarge));
        assert_eq!(Layout::array(&Layout::scalar(Ty::I64, Target::HOST), u64::MAX), Err(TooLarge));
        assert_eq!(Layout::structure([&most, &byte], false, 1), Err(TooLarge));
        // Padding counts.
        assert_eq!(Layout::structure([&most], false, 8), Err(TooLarge));
    }

    #[test]
    fn addresses_follow_the_target() {
        let small = Target { ptr_size: 4 };
        assert_eq!(Layout::scalar(Ty::Ptr, small).size, 4);
        assert_eq!(Layout::scalar(Ty::I64, small).size, 8);
        assert_eq!(small.word(), Ty::I32);
    }
}
