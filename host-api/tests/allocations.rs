//! Calls between host and program allocate nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use sx::Engine;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn calls_allocate_nothing() {
    let engine = Engine::builder()
        .host_fn("h", "next", |n: i64| n + 1)
        .host_fn("h", "size", |s: &str, xs: &[i64]| (s.len() + xs.len()) as i64)
        .build();
    let program = engine
        .compile(
            "h :: #import \"h\";
             run :: (s: string, xs: []i64) -> i64 { t := 0; for 0..10 (_) { t = h.next(t) + h.size(s, xs); } t }
             view :: (s: string) -> string { s[1..] }",
        )
        .unwrap();
    let mut i = program.instantiate().unwrap();
    let run = i.func::<(&str, &[i64]), i64>("run").unwrap();
    let view = i.func::<(&str,), &str>("view").unwrap();
    // Symbols are looked up at their first call.
    run.call(&mut i, ("abc", &[1, 2])).unwrap();
    let before = COUNT.get();
    for _ in 0..100 {
        assert_eq!(run.call(&mut i, ("abc", &[1, 2])).unwrap(), 60);
        assert_eq!(view.call(&mut i, ("abc",)).unwrap(), "bc");
    }
    assert_eq!(COUNT.get() - before, 0);
    assert!(before > 0);
}
