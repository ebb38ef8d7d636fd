//! Memory from the system: reservations, guards in them, and giving pages back.

use core::ffi::c_void;
use core::ptr;

use crate::Error;

/// Linux 6.13 and later; the C library's headers don't have it everywhere yet.
#[cfg(target_os = "linux")]
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// How guards are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guards {
    /// By `MADV_GUARD_INSTALL`, which costs no mapping, or by `mprotect` where the kernel doesn't know that.
    #[default]
    Auto,
    /// By `mprotect`, as on kernels before 6.13. Each guard costs two mappings.
    Protect,
}

/// The size of a page.
pub(crate) fn page_size() -> usize {
    // SAFETY: the call reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Reserves memory that is committed page by page when it is touched.
pub(crate) fn reserve(bytes: usize) -> Result<*mut u8, Error> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the system's choice touches nobody's memory.
    let at = unsafe { libc::mmap(ptr::null_mut(), bytes, access, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(explain("mmap", errno(), bytes));
    }
    // Large pages would commit two megabytes for a stack of which two kilobytes are used. A kernel without them doesn't
    // know the advice; then there is nothing to be advised against.
    // SAFETY: the range is the mapping just made.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::madvise(at, bytes, libc::MADV_NOHUGEPAGE);
    }
    Ok(at.cast())
}

/// Gives a reservation back.
///
/// # Safety
///
/// It must be one that `reserve` made, of that size, and nobody may use its memory afterwards.
pub(crate) unsafe fn release(at: *mut u8, bytes: usize) {
    // SAFETY: as the caller says. It can't fail for a whole mapping but for reasons that leave it as it was.
    unsafe { libc::munmap(at.cast::<c_void>(), bytes) };
}

/// Makes a range inaccessible. `guards` becomes `Protect` if the kernel can't do better.
///
/// # Safety
///
/// The range must be whole pages of a reservation, which nobody uses.
pub(crate) unsafe fn guard(at: *mut u8, bytes: usize, guards: &mut Guards) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    if *guards == Guards::Auto {
        // SAFETY: as the caller says; what was in these pages may be lost.
        if unsafe { libc::madvise(at.cast(), bytes, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        match errno() {
            // An old kernel, or locked memory, in which some kernels make no such guards.
            libc::EINVAL => *guards = Guards::Protect,
            other => return Err(explain("madvise(MADV_GUARD_INSTALL)", other, bytes)),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        *guards = Guards::Protect;
    }
    // SAFETY: as the caller says.
    if unsafe { libc::mprotect(at.cast(), bytes, libc::PROT_NONE) } == 0 {
        return Ok(());
    }
    Err(explain("mprotect", errno(), bytes))
}

/// How many bytes of a range are in memory; all, where the system doesn't tell.
///
/// # Safety
///
/// The range must be whole pages of a reservation.
pub(crate) unsafe fn resident(at: *mut u8, bytes: usize) -> usize {
    const PAGES: usize = 64;
    let page = page_size();
    let mut present = [0; PAGES];
    let mut found = 0;
    for from in (0..bytes).step_by(PAGES * page) {
        let part = (bytes - from).min(PAGES * page);
        // SAFETY: as the caller says; there is an element for each page.
        if unsafe { libc::mincore(at.add(from).cast(), part, present.as_mut_ptr().cast()) } != 0 {
            return bytes;
        }
        found += present[..part / page].iter().filter(|flags: &&u8| **flags & 1 != 0).count() * page;
    }
    found
}

/// Gives the pages of a range back; they are zero when touched again. Guards in it stay.
///
/// # Safety
///
/// The range must be whole pages of a reservation, whose contents nobody needs.
pub(crate) unsafe fn forget(at: *mut u8, bytes: usize) {
    // SAFETY: as the caller says. If the system refuses, the pages stay, which costs memory and nothing else.
    unsafe { libc::madvise(at.cast(), bytes, libc::MADV_DONTNEED) };
}

/// Which limit it was that a call ran into. `ENOMEM` is the same for three of them.
#[cold]
fn explain(call: &'static str, errno: i32, bytes: usize) -> Error {
    if errno != libc::ENOMEM && errno != libc::EAGAIN {
        return Error::System { call, errno };
    }
    if let Some(limit) = map_limit() {
        return Error::MapCount { limit };
    }
    if let Some(limit) = address_limit(bytes) {
        return Error::AddressSpace { bytes, limit };
    }
    Error::NoMemory { bytes }
}

/// The limit on mappings, if the process is at it.
fn map_limit() -> Option<usize> {
    let limit: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    let maps = std::fs::read("/proc/self/maps").ok()?;
    let count = maps.iter().filter(|byte| **byte == b'\n').count();
    // Splitting a mapping in three needs two more; reading the list may itself have needed one.
    (count + 4 >= limit).then_some(limit)
}

/// The limit on address space, if so many more bytes would pass it.
fn address_limit(bytes: usize) -> Option<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes the structure that it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } != 0
        || limit.rlim_cur == libc::RLIM_INFINITY
    {
        return None;
    }
    let limit = usize::try_from(limit.rlim_cur).ok()?;
    let status = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = status.split(' ').next()?.parse().ok()?;
    let used = pages.saturating_mul(page_size());
    (used.saturating_add(bytes) > limit).then_some(limit)
}
