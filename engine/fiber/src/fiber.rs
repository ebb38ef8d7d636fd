//! Fibers: a body on a stack of its own, which runs when it is resumed until it suspends.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::mem::{self, MaybeUninit};
use core::ptr::NonNull;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::layout::{MIN_STACK, TOP_ALIGN};
use crate::switch::{Best, Switch};
use crate::{Error, ResumeError, Slot};

/// Where a fiber is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// Its body hasn't begun.
    Fresh,
    /// Its body has suspended.
    Suspended,
    /// Its body runs, or has resumed another that does.
    Running,
    /// Its body has returned.
    Finished,
    /// Its body has panicked.
    Panicked,
}

/// How a resume came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// The body has suspended, with this word.
    Suspended(usize),
    /// The body has returned this word.
    Finished(usize),
    /// The body has panicked; [`Fiber::take_panic`] has the reason.
    Panicked,
}

/// The body of a fiber: gets what it suspends through, the argument given to [`Fiber::new`], and the word of the first
/// resume; returns the last word. It may panic.
pub type Body<S> = unsafe fn(suspend: &Suspend<'_, S>, argument: *mut (), word: usize) -> usize;

/// Destroys the argument of a body that never began.
type Discard = unsafe fn(*mut ());

/// What is kept for a fiber, at the top of its stack. Both sides access it through cells, never at once.
#[repr(C)]
struct Block<S: Switch> {
    control: UnsafeCell<MaybeUninit<S::Control>>,
    state: Cell<State>,
    body: Body<S>,
    argument: *mut (),
    discard: Option<Discard>,
    panic: Cell<Option<Box<dyn Any + Send>>>,
    slot: Slot,
}

impl<S: Switch> Block<S> {
    fn control(&self) -> *mut S::Control {
        self.control.get().cast()
    }
}

/// A fiber. All that belongs to it lies in its slot; this value is a pointer.
///
/// A fiber is tied to the thread that made it. Its frames may hold what must not leave that thread, and compiled code
/// may have kept the address of a thread-local variable across a suspend; see [`Fiber::into_send`].
///
/// ```compile_fail,E0277
/// fn goes_anywhere<T: Send>() {}
/// goes_anywhere::<sx_fiber::Fiber>();
/// ```
///
/// # Unfinished fibers
///
/// The stack of a body that has begun and not ended is never freed, since frames on it may be referred to from
/// anywhere. Who wants to be rid of a fiber resumes it with a word that tells its body to end, and then takes the slot
/// with [`into_slot`](Fiber::into_slot). Dropping an unfinished fiber is a mistake of the owner: builds with debug
/// assertions panic, others lose the slot, which then stays in use for ever.
#[must_use]
pub struct Fiber<S: Switch = Best>(NonNull<Block<S>>);

impl<S: Switch> Fiber<S> {
    /// A fiber that will run `body(…, argument, word)` at its first resume. Allocates nothing.
    ///
    /// # Errors
    ///
    /// The slot comes back if the switch doesn't work in this process or the slot is too small.
    ///
    /// # Safety
    ///
    /// `body` may be called with `argument` once, on this thread, at any later time. Nobody else may use the slot's
    /// native stack meanwhile.
    pub unsafe fn new(slot: Slot, body: Body<S>, argument: *mut ()) -> Result<Self, (Error, Slot)> {
        // SAFETY: the caller's promise; without room to keep, there is nothing that could be larger than the slot.
        unsafe { Self::build(slot, body, 0, 1, |_| (argument, None)) }
    }

    /// A fiber that will run a closure. The closure lies on the fiber's stack; nothing is allocated.
    ///
    /// # Errors
    ///
    /// The slot comes back if the switch doesn't work in this process or the slot is too small. The closure is dropped.
    pub fn with<F>(slot: Slot, body: F) -> Result<Self, (Error, Slot)>
    where
        F: FnOnce(&Suspend<'_, S>, usize) -> usize + 'static,
    {
        unsafe fn call<S: Switch, F>(suspend: &Suspend<'_, S>, body: *mut (), word: usize) -> usize
        where
            F: FnOnce(&Suspend<'_, S>, usize) -> usize + 'static,
        {
            // SAFETY: a closure of this type was written there, and the body runs once.
            let body = unsafe { body.cast::<F>().read() };
            body(suspend, word)
        }
        unsafe fn discard<F>(body: *mut ()) {
            // SAFETY: as above; a body that never began hasn't read it.
            unsafe { body.cast::<F>().drop_in_place() };
        }
        // SAFETY: the closure is written to where `call` and `discard` look for it. It is `'static`, so it may run, or
        // stay on its stack for ever, at any time; the fiber can't leave this thread, so the closure needn't be `Send`.
        unsafe {
            Self::build(slot, call::<S, F>, size_of::<F>(), align_of::<F>(), |at| {
                at.cast::<F>().write(body);
                (at.cast(), Some(discard::<F>))
            })
        }
    }

    /// # Safety
    ///
    /// As for `new`, `argument` being what `place` returns, who gets the address of memory of the given size.
    unsafe fn build(
        slot: Slot,
        body: Body<S>,
        size: usize,
        align: usize,
        place: impl FnOnce(*mut u8) -> (*mut (), Option<Discard>),
    ) -> Result<Self, (Error, Slot)> {
        if let Err(error) = S::check() {
            return Err((error, slot));
        }
        let low = slot.low() as usize;
        let block =
            lower(slot.stack_top() as usize, size_of::<Block<S>>(), align_of::<Block<S>>().max(TOP_ALIGN));
        let at = block.and_then(|block| lower(block, size, align));
        let stack = at.and_then(|at| lower(at, 0, 16)).filter(|stack| stack.saturating_sub(low) >= MIN_STACK);
        let (Some(block), Some(at), Some(stack)) = (block, at, stack) else {
            return Err((Error::Layout("the native stack is too small for the fiber's data"), slot));
        };
        let low = slot.low();
        // SAFETY: block, argument and stack lie one below the other in the slot's native stack, which is ours, aligned
        // and mapped. The block doesn't move while the fiber lives.
        unsafe {
            let block = slot.top().with_addr(block).cast::<Block<S>>();
            let control = block.cast::<S::Control>();
            let start = slot.top().with_addr(stack);
            let argument = slot.top().with_addr(at);
            if let Err(error) = S::prepare(control, low, start, start_body::<S>, block.cast()) {
                return Err((error, slot));
            }
            let (argument, discard) = place(argument);
            (&raw mut (*block).state).write(Cell::new(State::Fresh));
            (&raw mut (*block).body).write(body);
            (&raw mut (*block).argument).write(argument);
            (&raw mut (*block).discard).write(discard);
            (&raw mut (*block).panic).write(Cell::new(None));
            (&raw mut (*block).slot).write(slot);
            Ok(Fiber(NonNull::new_unchecked(block)))
        }
    }

    #[inline(always)]
    fn block(&self) -> &Block<S> {
        // SAFETY: the block lives in the fiber's slot as long as this value, and all that changes in it is in cells.
        unsafe { self.0.as_ref() }
    }

    /// Runs the fiber until it suspends or ends. The word is what its suspend returns, or its body's argument.
    ///
    /// # Errors
    ///
    /// A fiber that runs or has ended isn't resumed.
    #[inline]
    pub fn resume(&self, word: usize) -> Result<Turn, ResumeError> {
        let block = self.block();
        match block.state.get() {
            State::Fresh | State::Suspended => {}
            State::Running => return Err(ResumeError::Running),
            State::Finished | State::Panicked => return Err(ResumeError::Finished),
        }
        block.state.set(State::Running);
        // SAFETY: the control was prepared when the fiber was made, and the state says that it isn't running and hasn't
        // ended. A fiber is resumed on its own thread only, or where the owner promised that this is right.
        let word = unsafe { S::enter(block.control(), word) };
        Ok(match block.state.get() {
            State::Suspended => Turn::Suspended(word),
            State::Panicked => Turn::Panicked,
            State::Finished | State::Fresh | State::Running => Turn::Finished(word),
        })
    }

    /// Where the fiber is in its life.
    #[inline]
    #[must_use]
    pub fn state(&self) -> State {
        self.block().state.get()
    }

    /// Whether the body has ended.
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state() >= State::Finished
    }

    /// What the body panicked with, once.
    #[must_use]
    pub fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.block().panic.take()
    }

    /// The memory of the fiber: for limits, and for the upper area.
    #[inline]
    pub fn slot(&self) -> &Slot {
        &self.block().slot
    }

    /// Ends the fiber and hands out its slot, to be given back to the pool. What a body that never began was given is
    /// dropped.
    ///
    /// # Errors
    ///
    /// The fiber comes back if its body has begun and hasn't ended.
    #[inline]
    pub fn into_slot(self) -> Result<Slot, Fiber<S>> {
        let state = self.state();
        if matches!(state, State::Suspended | State::Running) {
            return Err(self);
        }
        let block = self.0.as_ptr();
        mem::forget(self);
        // SAFETY: nothing runs on this stack any more, or ever did, and the only pointer to the block was ours. What
        // has a destructor is taken out of it.
        unsafe {
            if let (State::Fresh, Some(discard)) = (state, (*block).discard) {
                discard((*block).argument);
            }
            drop((*block).panic.take());
            Ok((&raw const (*block).slot).read())
        }
    }

    /// The fiber as a pointer, for those who keep fibers in structures of their own.
    #[inline]
    #[must_use]
    pub fn into_raw(self) -> NonNull<()> {
        let raw = self.0.cast();
        mem::forget(self);
        raw
    }

    /// A fiber from its pointer.
    ///
    /// # Safety
    ///
    /// The pointer is from [`into_raw`](Fiber::into_raw) of a fiber with the same switch, and there is one value for it
    /// at a time (others may exist in `ManuallyDrop`, if none is used after `into_slot`). The thread is the fiber's own,
    /// or what [`into_send`](Fiber::into_send) asks for holds.
    #[inline]
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Fiber(raw.cast())
    }

    /// A fiber that may go to another thread, and be resumed there.
    ///
    /// # Safety
    ///
    /// Whatever the fiber's frames hold may be used from the thread where it is resumed next: no guard of a lock that
    /// must be released by who took it, no `Rc`, no reference to something that isn't `Sync`, and no code on its stack
    /// that goes on using the address of a thread-local variable that it has taken before the suspend. It must not be
    /// resumed while it is still leaving on the old thread; handing it over by anything that synchronises is enough.
    pub unsafe fn into_send(self) -> SendFiber<S> {
        SendFiber(self)
    }
}

/// The address `size` bytes below `end`, made a multiple of `align`.
fn lower(end: usize, size: usize, align: usize) -> Option<usize> {
    Some(end.checked_sub(size)? & !(align - 1))
}

impl<S: Switch> Drop for Fiber<S> {
    fn drop(&mut self) {
        match self.state() {
            // Nothing refers to this stack. The slot is lost to the pool, which can't be reached from here, but what
            // the fiber owns needn't be.
            State::Finished | State::Panicked => drop(self.take_panic()),
            State::Fresh => {
                let block = self.block();
                if let Some(discard) = block.discard {
                    // SAFETY: the body never began, and now never will.
                    unsafe { discard(block.argument) };
                }
            }
            State::Suspended | State::Running => {
                debug_assert!(std::thread::panicking(), "an unfinished fiber was dropped");
            }
        }
    }
}

impl<S: Switch> fmt::Debug for Fiber<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fiber").field("switch", &S::NAME).field("state", &self.state()).finish()
    }
}

/// A fiber on its way to another thread.
#[derive(Debug)]
#[must_use]
pub struct SendFiber<S: Switch = Best>(Fiber<S>);

// SAFETY: who made it has promised that its frames may be used on another thread.
unsafe impl<S: Switch> Send for SendFiber<S> {}

impl<S: Switch> SendFiber<S> {
    /// The fiber, on the thread where it goes on.
    pub fn into_fiber(self) -> Fiber<S> {
        self.0
    }
}

/// What a body suspends through. It can't outlive the body, nor leave the thread.
///
/// ```compile_fail,E0521
/// # let slot = sx_fiber::Pool::new(Default::default()).unwrap().take().unwrap();
/// let mut kept = None;
/// let fiber = <sx_fiber::Fiber>::with(slot, move |suspend, word| {
///     kept = Some(suspend);
///     word
/// });
/// ```
pub struct Suspend<'f, S: Switch = Best> {
    block: NonNull<Block<S>>,
    frame: PhantomData<&'f ()>,
}

impl<S: Switch> Suspend<'_, S> {
    /// Goes back to who resumed the fiber, with a word. Returns the word of the next resume.
    ///
    /// A fiber that this one has resumed, and that calls this while it runs, stays where it is together with it.
    ///
    /// Mustn't be called while the thread is unwinding from a panic: whoever runs next would be taken to panic, too.
    ///
    /// # Panics
    ///
    /// When the fiber isn't running.
    #[inline]
    pub fn suspend(&self, word: usize) -> usize {
        // SAFETY: the block lives while the body runs, from which this value can't escape.
        let block = unsafe { self.block.as_ref() };
        if block.state.get() != State::Running {
            not_running();
        }
        block.state.set(State::Suspended);
        // SAFETY: the state says that the fiber has been entered and hasn't left; on this thread that means that it, or
        // one that was entered from it, is the caller.
        unsafe { S::leave(block.control(), word) }
    }

    /// The memory of the fiber.
    #[inline]
    pub fn slot(&self) -> &Slot {
        // SAFETY: as above; the slot in the block never changes.
        unsafe { &(*self.block.as_ptr()).slot }
    }

    /// A pointer with which frames deeper on this stack can make the value again.
    #[inline]
    #[must_use]
    pub fn as_raw(&self) -> NonNull<()> {
        self.block.cast()
    }

    /// The value from its pointer.
    ///
    /// # Safety
    ///
    /// The pointer is from [`as_raw`](Suspend::as_raw) with the same switch, and the value isn't used after the body of
    /// that fiber has ended, nor on another thread than it runs on.
    #[inline]
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Suspend { block: raw.cast(), frame: PhantomData }
    }
}

impl<S: Switch> fmt::Debug for Suspend<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspend").field("switch", &S::NAME).finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
fn not_running() -> ! {
    panic!("a fiber that isn't running can't suspend")
}

/// The first Rust function on every fiber's stack. Panics end here.
unsafe extern "C" fn start_body<S: Switch>(block: *mut (), word: usize) -> usize {
    // SAFETY: this is the argument that `build` gave to the switch.
    let block = unsafe { NonNull::new_unchecked(block.cast::<Block<S>>()) };
    let suspend = Suspend { block, frame: PhantomData };
    // SAFETY: the block lives until this function has returned, and longer.
    let block = unsafe { block.as_ref() };
    // SAFETY: who made the fiber has promised that the body may be called with this argument, once.
    let result = catch_unwind(AssertUnwindSafe(|| unsafe { (block.body)(&suspend, block.argument, word) }));
    match result {
        Ok(word) => {
            block.state.set(State::Finished);
            word
        }
        Err(reason) => {
            block.panic.set(Some(reason));
            block.state.set(State::Panicked);
            0
        }
    }
}
