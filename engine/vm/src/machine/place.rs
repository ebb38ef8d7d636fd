//! Places in machine code, where others are places in bytecode.
//!
//! A place is three words: in bytecode the instruction, its frame and the next return record; in machine code the address
//! behind a call, the frame pointer, and the [`Turn`] that stands below the compiled frames. An address of machine code is told
//! from an instruction's by its lowest bit, which instructions have clear: `2 * address + 1`.

use crate::bytecode::Word;
use crate::interp::state::Record;

/// Machine code called by the interpreter. Lies on the native stack below the compiled frames.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Turn {
    /// The frame that the trampoline's leads to: where the chain of compiled frames ends.
    pub base: usize,
    /// The interpreter's next record: the frames below.
    pub rp: *mut Record,
}

/// The place behind a call in machine code.
#[inline]
pub(crate) fn tag(address: usize) -> *const Word {
    (address << 1 | 1) as *const Word
}

/// The address, if the place is in machine code.
#[inline]
pub(crate) fn machine(pc: *const Word) -> Option<usize> {
    let bits = pc as usize;
    (bits & 1 == 1).then_some(bits >> 1)
}

/// The compiled frames of one turn, the innermost first: the places in them.
///
/// # Safety
/// `fp` is the frame pointer at a place in machine code, and leads to the base of the turn.
pub(crate) unsafe fn compiled_frames(
    pc: *const Word,
    fp: *mut u64,
    turn: *const Turn,
    mut each: impl FnMut(*const Word),
) {
    // SAFETY: the caller's promise: each frame begins with its caller's, and the return address.
    unsafe {
        let (mut pc, mut frame) = (pc, fp);
        // The outermost frame is the trampoline's, which is nobody's function.
        while frame.read() as usize != (*turn).base {
            each(pc);
            pc = tag(frame.add(1).read() as usize);
            frame = frame.read() as usize as *mut u64;
        }
    }
}
