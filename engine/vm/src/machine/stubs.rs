//! Entries of functions that have no machine code: each says which function it is, and goes to the adapter.
//!
//! They depend on nothing but the function's number, so all programs share them. They are made by the thousand, and never
//! freed.

use parking_lot::Mutex;

/// Functions whose entries are made at once.
const CHUNK: usize = 4096;

/// `mov dword ptr [rdi + callee], number; jmp [rdi + adapter]`
const BYTES: usize = 16;

static CHUNKS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// The entry of the function with this number; none when the system gives no executable memory.
pub(crate) fn entry(number: usize) -> Option<*const u8> {
    let mut chunks = CHUNKS.lock();
    while chunks.len() <= number / CHUNK {
        let made = make(chunks.len() * CHUNK)?;
        chunks.push(made);
    }
    Some((chunks[number / CHUNK] + number % CHUNK * BYTES) as *const u8)
}

#[cfg(sx_faults)]
fn make(first: usize) -> Option<usize> {
    use super::abi::state;
    use crate::interp::state::{Core, State};
    use crate::stack::os;
    use std::mem::offset_of;
    let bytes = CHUNK * BYTES;
    let base = os::reserve(bytes)?;
    let (callee, adapter) = (state!(callee) as i32, state!(adapter) as i32);
    for index in 0..CHUNK {
        let mut code = [0u8; BYTES];
        code[..2].copy_from_slice(&[0xc7, 0x87]);
        code[2..6].copy_from_slice(&callee.to_le_bytes());
        code[6..10].copy_from_slice(&((first + index) as u32).to_le_bytes());
        code[10..12].copy_from_slice(&[0xff, 0xa7]);
        code[12..16].copy_from_slice(&adapter.to_le_bytes());
        // SAFETY: the pages were reserved for this, and hold all of them.
        unsafe { base.as_ptr().add(index * BYTES).copy_from_nonoverlapping(code.as_ptr(), BYTES) };
    }
    // SAFETY: the pages are this function's.
    let sealed =
        unsafe { libc::mprotect(base.as_ptr().cast(), bytes, libc::PROT_READ | libc::PROT_EXEC) } == 0;
    if !sealed {
        // SAFETY: reserved above with this size.
        unsafe { os::release(base, bytes) };
        return None;
    }
    Some(base.as_ptr() as usize)
}

#[cfg(not(sx_faults))]
fn make(_: usize) -> Option<usize> {
    None
}
