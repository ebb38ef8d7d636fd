//! What fibers promise: states, words, errors, slots that come back, and no allocation.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use common::{end, fiber, pool};
use sx_fiber::{
    Error, Fiber, Native, Pool, PoolConfig, Portable, ResumeError, StackLayout, State, Suspend, Switch, Turn,
};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller says.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Makes the test of a generic function for each switch.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod native {
            $(#[test] fn $name() { super::$name::<sx_fiber::Native>(); })*
        }
        mod portable {
            $(#[test] fn $name() { super::$name::<sx_fiber::Portable>(); })*
        }
    };
}

both!(
    words_cross_both_ways,
    a_finished_fiber_is_not_resumed,
    a_running_fiber_is_not_resumed,
    a_fiber_that_never_began_gives_its_slot_and_drops_its_body,
    a_slot_is_not_taken_from_an_unfinished_fiber,
    an_owner_ends_a_body_by_a_word,
    nothing_is_allocated,
    a_body_too_large_for_its_stack_is_an_error,
    a_closure_lies_aligned,
    a_fiber_moves_to_another_thread,
    an_outer_fiber_suspends_with_an_inner_one_on_top,
    a_body_of_a_plain_function_and_its_argument,
    a_fiber_survives_as_a_pointer,
    who_does_not_run_cannot_suspend,
);

fn words_cross_both_ways<S: Switch>() {
    let mut pool = pool();
    let fiber = fiber::<S>(&mut pool, |suspend, mut word| {
        while word != 0 {
            word = suspend.suspend(!word);
        }
        7
    });
    assert_eq!(fiber.state(), State::Fresh);
    for word in [1, usize::MAX, 1 << 63] {
        assert_eq!(fiber.resume(word), Ok(Turn::Suspended(!word)));
        assert_eq!(fiber.state(), State::Suspended);
    }
    assert_eq!(fiber.resume(0), Ok(Turn::Finished(7)));
    assert_eq!(fiber.state(), State::Finished);
    assert!(fiber.is_done());
    end(&mut pool, fiber);
}

fn a_finished_fiber_is_not_resumed<S: Switch>() {
    let mut pool = pool();
    let fiber = fiber::<S>(&mut pool, |_, word| word);
    assert_eq!(fiber.resume(1), Ok(Turn::Finished(1)));
    assert_eq!(fiber.resume(1), Err(ResumeError::Finished));
    assert_eq!(fiber.resume(1), Err(ResumeError::Finished));
    end(&mut pool, fiber);
}

fn a_running_fiber_is_not_resumed<S: Switch>() {
    let mut pool = pool();
    let outer: Rc<RefCell<Option<Rc<Fiber<S>>>>> = Rc::default();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (inner_outer, inner_seen) = (Rc::clone(&outer), Rc::clone(&seen));
    let inner = fiber::<S>(&mut pool, move |_, word| {
        let outer = inner_outer.borrow().clone().unwrap();
        inner_seen.borrow_mut().push(outer.resume(1));
        word
    });
    let (own, own_seen) = (Rc::clone(&outer), Rc::clone(&seen));
    let inner = Rc::new(inner);
    let held = Rc::clone(&inner);
    let fiber = Rc::new(fiber::<S>(&mut pool, move |_, word| {
        let me = own.borrow().clone().unwrap();
        own_seen.borrow_mut().push(me.resume(1));
        assert_eq!(held.resume(2), Ok(Turn::Finished(2)));
        word
    }));
    *outer.borrow_mut() = Some(Rc::clone(&fiber));
    assert_eq!(fiber.resume(3), Ok(Turn::Finished(3)));
    assert_eq!(*seen.borrow(), [Err(ResumeError::Running), Err(ResumeError::Running)]);
    *outer.borrow_mut() = None;
    end(&mut pool, Rc::into_inner(fiber).unwrap());
    end(&mut pool, Rc::into_inner(inner).unwrap());
}

fn a_fiber_that_never_began_gives_its_slot_and_drops_its_body<S: Switch>() {
    let mut pool = pool();
    let held = Rc::new(());
    for dropped in [false, true] {
        let inside = Rc::clone(&held);
        let fiber = fiber::<S>(&mut pool, move |_, _| Rc::strong_count(&inside));
        assert_eq!(Rc::strong_count(&held), 2);
        if dropped {
            drop(fiber);
        } else {
            end(&mut pool, fiber);
        }
        assert_eq!(Rc::strong_count(&held), 1);
    }
    assert_eq!(pool.stats().in_use, 1, "dropping a fiber loses its slot");
}

fn a_slot_is_not_taken_from_an_unfinished_fiber<S: Switch>() {
    let mut pool = pool();
    let fiber = fiber::<S>(&mut pool, |suspend, word| suspend.suspend(word));
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    let fiber = fiber.into_slot().unwrap_err();
    assert_eq!(fiber.resume(2), Ok(Turn::Finished(2)));
    end(&mut pool, fiber);
    assert_eq!(pool.stats().in_use, 0);
}

fn an_owner_ends_a_body_by_a_word<S: Switch>() {
    const KILL: usize = usize::MAX;
    fn deep<S: Switch>(suspend: &Suspend<'_, S>, depth: usize, held: &Rc<()>) -> Result<(), ()> {
        let _held = Rc::clone(held);
        match depth {
            0 if suspend.suspend(0) == KILL => Err(()),
            0 => Ok(()),
            _ => deep(suspend, depth - 1, held),
        }
    }
    let mut pool = pool();
    let held = Rc::new(());
    let inside = Rc::clone(&held);
    let fiber = fiber::<S>(&mut pool, move |suspend, _| match deep(suspend, 20, &inside) {
        Ok(()) => 0,
        Err(()) => KILL,
    });
    assert_eq!(fiber.resume(0), Ok(Turn::Suspended(0)));
    assert_eq!(Rc::strong_count(&held), 23);
    assert_eq!(fiber.resume(KILL), Ok(Turn::Finished(KILL)));
    assert_eq!(Rc::strong_count(&held), 1);
    end(&mut pool, fiber);
}

fn nothing_is_allocated<S: Switch>() {
    let mut pool = pool();
    // The first life makes the reservation and the pool's own lists.
    for life in 0..100_usize {
        let before = ALLOCATIONS.get();
        let large = [life; 40];
        let fiber = fiber::<S>(&mut pool, move |suspend, word| suspend.suspend(word + large[39]));
        fiber.slot().set_name("a fiber");
        assert_eq!(fiber.resume(1), Ok(Turn::Suspended(life + 1)));
        assert_eq!(fiber.resume(2), Ok(Turn::Finished(2)));
        end(&mut pool, fiber);
        assert!(life == 0 || ALLOCATIONS.get() == before);
    }
}

fn a_body_too_large_for_its_stack_is_an_error<S: Switch>() {
    let mut pool = pool();
    let held = Rc::new(());
    let inside = (Rc::clone(&held), [0_u8; 64 << 10]);
    let slot = pool.take().unwrap();
    let (error, slot) =
        Fiber::<S>::with(slot, move |_, _| std::hint::black_box(&inside).1.len()).unwrap_err();
    assert!(matches!(error, Error::Layout(_)), "{error}");
    assert_eq!(Rc::strong_count(&held), 1);
    pool.give(slot).unwrap();

    let layout = StackLayout { guard: 16 << 10, native: 1088, upper: 0 };
    let mut tiny = Pool::new(PoolConfig { layout, ..PoolConfig::default() }).unwrap();
    let (error, slot) = Fiber::<S>::with(tiny.take().unwrap(), |_, word| word).unwrap_err();
    assert!(matches!(error, Error::Layout(_)), "{error}");
    tiny.give(slot).unwrap();
}

fn a_closure_lies_aligned<S: Switch>() {
    #[repr(align(1024))]
    struct Wide([u8; 1024]);
    let mut pool = pool();
    let wide = Wide([9; 1024]);
    let fiber = fiber::<S>(&mut pool, move |_, word| {
        let wide = std::hint::black_box(&wide);
        assert_eq!(std::ptr::from_ref(wide).addr() % 1024, 0);
        usize::from(wide.0[word])
    });
    assert_eq!(fiber.resume(1000), Ok(Turn::Finished(9)));
    end(&mut pool, fiber);
}

fn a_fiber_moves_to_another_thread<S: Switch>() {
    let mut pool = pool();
    let fiber = fiber::<S>(&mut pool, |suspend, mut word| {
        let mut sum = 0.0;
        while word > 0 {
            sum += word as f64;
            word = suspend.suspend(word + 1);
        }
        sum as usize
    });
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(2)));
    // SAFETY: the body holds numbers only.
    let mut moving = unsafe { fiber.into_send() };
    for turn in 2..10 {
        moving = std::thread::spawn(move || {
            let fiber = moving.into_fiber();
            assert_eq!(fiber.resume(turn), Ok(Turn::Suspended(turn + 1)));
            // SAFETY: as above.
            unsafe { fiber.into_send() }
        })
        .join()
        .unwrap();
    }
    let fiber = moving.into_fiber();
    assert_eq!(fiber.resume(0), Ok(Turn::Finished(45)));
    end(&mut pool, fiber);
}

/// The outer one leaves from the inner one's stack: both wait, and go on together.
fn an_outer_fiber_suspends_with_an_inner_one_on_top<S: Switch>() {
    let pool = Rc::new(RefCell::new(pool()));
    let shared = Rc::clone(&pool);
    let outer = fiber::<S>(&mut pool.borrow_mut(), move |suspend, first| {
        let raw = suspend.as_raw();
        let inner = fiber::<S>(&mut shared.borrow_mut(), move |own, word| {
            // SAFETY: the inner fiber ends before the outer body does, on the same thread.
            let outer = unsafe { Suspend::<S>::from_raw(raw) };
            let word = outer.suspend(word + 10);
            own.suspend(word + 100)
        });
        let Ok(Turn::Suspended(word)) = inner.resume(first) else { panic!("the inner fiber ended") };
        assert_eq!(inner.resume(0), Ok(Turn::Finished(0)));
        end(&mut shared.borrow_mut(), inner);
        word
    });
    assert_eq!(outer.resume(1), Ok(Turn::Suspended(11)));
    assert_eq!(outer.resume(2), Ok(Turn::Finished(102)));
    end(&mut pool.borrow_mut(), outer);
    assert_eq!(pool.borrow().stats().in_use, 0);
}

fn a_body_of_a_plain_function_and_its_argument<S: Switch>() {
    unsafe fn body<S: Switch>(suspend: &Suspend<'_, S>, argument: *mut (), word: usize) -> usize {
        // SAFETY: the test gives a number's address.
        let number = unsafe { &mut *argument.cast::<usize>() };
        *number += suspend.suspend(word);
        *number
    }
    let mut pool = pool();
    let mut number = 40_usize;
    // SAFETY: the number lives longer than the fiber, and is read afterwards only.
    let fiber =
        unsafe { Fiber::<S>::new(pool.take().unwrap(), body::<S>, (&raw mut number).cast()) }.unwrap();
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    assert_eq!(fiber.resume(2), Ok(Turn::Finished(42)));
    end(&mut pool, fiber);
    assert_eq!(number, 42);
}

fn a_fiber_survives_as_a_pointer<S: Switch>() {
    let mut pool = pool();
    let raw = fiber::<S>(&mut pool, |suspend, word| suspend.suspend(word)).into_raw();
    // SAFETY: there is one value for the pointer.
    let fiber = unsafe { Fiber::<S>::from_raw(raw) };
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    assert_eq!(fiber.into_raw(), raw);
    // SAFETY: as above.
    let fiber = unsafe { Fiber::<S>::from_raw(raw) };
    assert_eq!(fiber.resume(2), Ok(Turn::Finished(2)));
    end(&mut pool, fiber);
}

fn who_does_not_run_cannot_suspend<S: Switch>() {
    let mut pool = pool();
    let fiber = fiber::<S>(&mut pool, |suspend, _| suspend.suspend(suspend.as_raw().as_ptr().addr()));
    let Ok(Turn::Suspended(raw)) = fiber.resume(0) else { panic!("it ended") };
    // SAFETY: the body hasn't ended, and this is its thread.
    let suspend = unsafe { Suspend::<S>::from_raw(std::ptr::NonNull::new(raw as *mut ()).unwrap()) };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| suspend.suspend(1)));
    assert!(result.is_err());
    assert_eq!(fiber.resume(5), Ok(Turn::Finished(5)));
    end(&mut pool, fiber);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "an unfinished fiber was dropped")]
fn dropping_an_unfinished_fiber_is_a_mistake() {
    let mut pool = pool();
    let fiber = fiber::<Native>(&mut pool, |suspend, word| suspend.suspend(word));
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    drop(fiber);
}

#[test]
fn switches_mix() {
    let pool = Rc::new(RefCell::new(pool()));
    let shared = Rc::clone(&pool);
    let outer = fiber::<Native>(&mut pool.borrow_mut(), move |suspend, word| {
        let inner = fiber::<Portable>(&mut shared.borrow_mut(), |suspend, word| suspend.suspend(word + 1));
        let Ok(Turn::Suspended(word)) = inner.resume(word) else { panic!("it ended") };
        let word = suspend.suspend(word);
        let turn = inner.resume(word);
        end(&mut shared.borrow_mut(), inner);
        assert_eq!(turn, Ok(Turn::Finished(word)));
        word
    });
    assert_eq!(outer.resume(1), Ok(Turn::Suspended(2)));
    assert_eq!(outer.resume(8), Ok(Turn::Finished(8)));
    end(&mut pool.borrow_mut(), outer);
}
