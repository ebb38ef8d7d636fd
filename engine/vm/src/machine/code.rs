//! Machine code as the virtual machine knows it: where it is, what its addresses mean.

use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use sx_ir::{Func, LocId};

/// A run of machine code, made by a compiler of the layer above.
pub trait CodeMap: Send + Sync {
    /// Its first address, and the one behind it.
    fn range(&self) -> (usize, usize);
    /// The function that an address lies in, and the source position of the instruction there.
    fn locate(&self, address: usize) -> Option<(&Arc<Func>, Option<LocId>)>;
    /// True when the instruction at an address touches the program's memory. Called by a signal handler: takes no lock,
    /// allocates nothing.
    fn may_fault(&self, address: usize) -> bool;
}

/// Code that the handler of faults asks. Alive while this is.
pub(crate) struct Registered {
    code: Arc<dyn CodeMap>,
    #[cfg(sx_faults)]
    slot: &'static Slot,
}

impl Registered {
    /// Makes code known.
    pub fn new(code: Arc<dyn CodeMap>) -> Registered {
        #[cfg(sx_faults)]
        {
            let slot = claim(Box::new(code.clone()));
            let (start, end) = code.range();
            slot.end.store(end, Ordering::Relaxed);
            slot.start.store(start, Ordering::Release);
            Registered { code, slot }
        }
        #[cfg(not(sx_faults))]
        Registered { code }
    }
    /// The code.
    pub fn code(&self) -> &dyn CodeMap {
        &*self.code
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.code.range()).finish()
    }
}

#[cfg(sx_faults)]
impl Drop for Registered {
    fn drop(&mut self) {
        // Nobody runs in the code any more, so no fault is looked for in it.
        self.slot.start.store(0, Ordering::Release);
        let code = self.slot.code.swap(std::ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: made by `claim`, and taken out by nobody else.
        drop(unsafe { Box::from_raw(code) });
        FREE.lock().push(self.slot);
    }
}

/// One run of code in the list that the handler reads. Never freed, and used again.
#[cfg(sx_faults)]
struct Slot {
    /// 0 without code.
    start: AtomicUsize,
    end: AtomicUsize,
    code: AtomicPtr<Arc<dyn CodeMap>>,
    next: AtomicPtr<Slot>,
}

#[cfg(sx_faults)]
static FIRST: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());
#[cfg(sx_faults)]
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

#[cfg(sx_faults)]
fn claim(code: Box<Arc<dyn CodeMap>>) -> &'static Slot {
    let mut free = FREE.lock();
    if let Some(slot) = free.pop() {
        slot.code.store(Box::into_raw(code), Ordering::Release);
        return slot;
    }
    // Slots are added under the lock, and only at the front.
    let slot: &'static Slot = Box::leak(Box::new(Slot {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        code: AtomicPtr::new(Box::into_raw(code)),
        next: AtomicPtr::new(FIRST.load(Ordering::Relaxed)),
    }));
    FIRST.store(std::ptr::from_ref(slot).cast_mut(), Ordering::Release);
    slot
}

/// True when a fault at an address of machine code is the program's. For the handler: the thread that faulted runs the code
/// there, if it is code, which is why that is alive.
#[cfg(sx_faults)]
pub(crate) fn may_fault(address: usize) -> bool {
    let mut slot = FIRST.load(Ordering::Acquire);
    while !slot.is_null() {
        // SAFETY: slots are never freed.
        let it = unsafe { &*slot };
        let start = it.start.load(Ordering::Acquire);
        if start != 0 && start <= address && address < it.end.load(Ordering::Relaxed) {
            let code = it.code.load(Ordering::Acquire);
            // SAFETY: the code is alive, see above, and its entry as long.
            if !code.is_null() && unsafe { (*code).may_fault(address) } {
                return true;
            }
        }
        slot = it.next.load(Ordering::Acquire);
    }
    false
}
