//! How a value lies in memory and travels in slots, known when the host is compiled.
//!
//! The same rules as the engine's layouts, in `const` form; the two are compared when a function is looked up.

use sx_ir::Ty;
use sx_ir::layout::{Leaf, MAX_LEAVES, MAX_SCALAR_BYTES};

/// Size, alignment and scalars of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    pub(crate) size: u32,
    pub(crate) align: u32,
    /// The scalars of a value that travels in slots; `count` is [`IN_MEMORY`] for one that doesn't.
    pub(crate) leaves: [Leaf; MAX_LEAVES],
    pub(crate) count: u8,
}

/// The count of leaves of values that travel by address.
pub(crate) const IN_MEMORY: u8 = u8::MAX;

const NO_LEAF: Leaf = Leaf { off: 0, ty: Ty::I8 };

impl Shape {
    /// Nothing.
    pub const VOID: Shape = Shape { size: 0, align: 1, leaves: [NO_LEAF; MAX_LEAVES], count: 0 };

    pub(crate) const fn scalar(ty: Ty) -> Shape {
        let size = match ty {
            Ty::I8 => 1,
            Ty::I16 => 2,
            Ty::I32 | Ty::F32 => 4,
            Ty::I64 | Ty::F64 => 8,
            Ty::Ptr => size_of::<usize>() as u32,
            Ty::Vec(_) => panic!("vectors are no scalars"),
        };
        let mut leaves = [NO_LEAF; MAX_LEAVES];
        leaves[0] = Leaf { off: 0, ty };
        Shape { size, align: size, leaves, count: 1 }
    }
    /// A struct of these fields, in order.
    pub const fn structure(fields: &[Shape]) -> Shape {
        let mut shape = Shape::VOID;
        let mut i = 0;
        while i < fields.len() {
            shape = shape.followed_by(fields[i]);
            i += 1;
        }
        shape.closed()
    }
    /// `n` of these in a row.
    pub const fn array(self, n: usize) -> Shape {
        let size = self.size as usize * n;
        assert!(size <= i32::MAX as usize, "the array is larger than a type of the language can be");
        let count = if size == 0 { 0 } else { IN_MEMORY };
        Shape { size: size as u32, align: self.align, leaves: [NO_LEAF; MAX_LEAVES], count }
    }
    const fn followed_by(mut self, field: Shape) -> Shape {
        let offset = self.size.next_multiple_of(field.align);
        if self.count != IN_MEMORY {
            if field.count == IN_MEMORY || self.count as usize + field.count as usize > MAX_LEAVES {
                self.count = IN_MEMORY;
            } else {
                let mut i = 0;
                while i < field.count as usize {
                    let leaf = field.leaves[i];
                    self.leaves[self.count as usize] = Leaf { off: offset + leaf.off, ty: leaf.ty };
                    self.count += 1;
                    i += 1;
                }
            }
        }
        self.size = offset + field.size;
        if field.align > self.align {
            self.align = field.align;
        }
        self
    }
    const fn closed(mut self) -> Shape {
        self.size = self.size.next_multiple_of(self.align);
        if self.size > MAX_SCALAR_BYTES {
            self.count = IN_MEMORY;
        }
        self
    }
    /// Bytes.
    pub const fn size(&self) -> usize {
        self.size as usize
    }
    /// How many slots a parameter of this type takes.
    pub(crate) const fn slots(&self) -> usize {
        if self.count == IN_MEMORY { 1 } else { self.count as usize }
    }
    pub(crate) const fn in_memory(&self) -> bool {
        self.count == IN_MEMORY
    }
}

/// Reads a scalar; the slot's upper bits are zero.
///
/// # Safety
/// A scalar of this type lies there.
#[inline(always)]
pub(crate) unsafe fn load(at: *const u8, leaf: Leaf) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        let at = at.add(leaf.off as usize);
        match leaf.ty {
            Ty::I8 => at.read() as u64,
            Ty::I16 => at.cast::<u16>().read_unaligned() as u64,
            Ty::I32 | Ty::F32 => at.cast::<u32>().read_unaligned() as u64,
            Ty::I64 | Ty::F64 => at.cast::<u64>().read_unaligned(),
            Ty::Ptr => at.cast::<usize>().read_unaligned() as u64,
            Ty::Vec(_) => unreachable!("leaves are scalars"),
        }
    }
}

/// Writes a scalar from a slot, whose upper bits don't matter.
///
/// # Safety
/// There is room for a scalar of this type.
#[inline(always)]
pub(crate) unsafe fn store(at: *mut u8, leaf: Leaf, slot: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        let at = at.add(leaf.off as usize);
        match leaf.ty {
            Ty::I8 => at.write(slot as u8),
            Ty::I16 => at.cast::<u16>().write_unaligned(slot as u16),
            Ty::I32 | Ty::F32 => at.cast::<u32>().write_unaligned(slot as u32),
            Ty::I64 | Ty::F64 => at.cast::<u64>().write_unaligned(slot),
            Ty::Ptr => at.cast::<usize>().write_unaligned(slot as usize),
            Ty::Vec(_) => unreachable!("leaves are scalars"),
        }
    }
}
