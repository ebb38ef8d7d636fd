//! Reading memory of this process that may not be there.

/// Copies memory; none when some of it can't be read.
pub(crate) fn read(addr: u64, len: usize) -> Option<Vec<u8>> {
    if len == 0 {
        return Some(Vec::new());
    }
    if len > isize::MAX as usize || addr.checked_add(len as u64).is_none() {
        return None;
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).ok()?;
    copy(addr, len, bytes.as_mut_ptr()).then(|| {
        // SAFETY: as many bytes were written.
        unsafe { bytes.set_len(len) };
        bytes
    })
}

/// The system copies, and says when it can't.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn copy(addr: u64, len: usize, to: *mut u8) -> bool {
    let mut done = 0;
    while done < len {
        let local = libc::iovec { iov_base: to.wrapping_add(done).cast(), iov_len: len - done };
        let remote =
            libc::iovec { iov_base: (addr as usize + done) as *mut libc::c_void, iov_len: len - done };
        // SAFETY: the local place has room for as many bytes; the other one is checked by the system.
        let n = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
        match usize::try_from(n) {
            Ok(n) if n > 0 => done += n,
            _ => return done == 0 && through_pipe(addr, len, to),
        }
    }
    true
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn copy(addr: u64, len: usize, to: *mut u8) -> bool {
    through_pipe(addr, len, to)
}

/// The same where reading of processes is forbidden: a pipe refuses memory that isn't there.
fn through_pipe(addr: u64, len: usize, to: *mut u8) -> bool {
    let mut ends = [0; 2];
    // SAFETY: the system writes two numbers.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        return false;
    }
    let mut done = 0;
    while done < len {
        let step = (len - done).min(4096);
        // SAFETY: the system checks what it reads; what arrives fits the rest of the room at `to`.
        let moved = unsafe {
            let n = libc::write(ends[1], (addr as usize + done) as *const libc::c_void, step);
            if n > 0 { libc::read(ends[0], to.add(done).cast(), n as usize) } else { -1 }
        };
        match usize::try_from(moved) {
            Ok(n) if n > 0 => done += n,
            _ => break,
        }
    }
    // SAFETY: both ends are ours.
    unsafe {
        libc::close(ends[0]);
        libc::close(ends[1]);
    }
    done == len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_memory_is_copied() {
        let text = b"some text".to_vec();
        assert_eq!(read(text.as_ptr() as u64, text.len()), Some(text.clone()));
        let big = vec![7u8; 100_000];
        assert_eq!(read(big.as_ptr() as u64, big.len()), Some(big.clone()));
        let mut copy = vec![0; big.len()];
        assert!(through_pipe(big.as_ptr() as u64, big.len(), copy.as_mut_ptr()));
        assert_eq!(copy, big);
    }

    #[test]
    fn other_memory_is_refused() {
        assert_eq!(read(0, 8), None);
        assert_eq!(read(u64::MAX - 4, 8), None);
        assert_eq!(read(4096, usize::MAX), None);
    }
}
