//! What compile-time code prints in a session.

use crate::driver::floor::Output;
use crate::instance::Instance;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

/// How many bytes are kept; writing more fails, as on a full disk.
const MAX_BYTES: usize = 64 << 20;

/// A file's number and what goes there.
type Part = (i32, Vec<u8>);

/// Kept until the input is compiled: then it goes where the instance's output goes, unless the input was only tried and
/// will print it again.
#[derive(Clone, Default)]
pub struct Printed(Arc<Mutex<Vec<Part>>>);

impl Output for Printed {
    fn write(&mut self, fd: i32, bytes: &[u8]) -> io::Result<usize> {
        let mut parts = self.0.lock();
        let kept: usize = parts.iter().map(|(_, part)| part.len()).sum();
        if bytes.len() > MAX_BYTES.saturating_sub(kept) {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        parts.push((fd, bytes.to_vec()));
        Ok(bytes.len())
    }
}

impl Printed {
    /// Forgets everything.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
    /// Sends it to where an instance's output goes. What can't be sent, the instance remembers.
    pub fn show(&self, instance: &mut Instance) {
        for (fd, bytes) in std::mem::take(&mut *self.0.lock()) {
            instance.print(fd, &bytes);
        }
    }
}
