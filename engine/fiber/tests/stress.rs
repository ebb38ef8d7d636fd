//! Chains, suspended recursion, canaries and floats, with both switches.

mod common;

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::rc::Rc;

use common::{end, fiber, pool};
use sx_fiber::{Fiber, Native, Pool, Portable, Suspend, Switch, Turn};

/// Values on a stack that nobody else may change.
struct Canary {
    values: [u64; 32],
    seed: u64,
}

impl Canary {
    fn new(seed: u64) -> Canary {
        Canary {
            values: std::array::from_fn(|i| black_box(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i as u64)),
            seed,
        }
    }

    fn is_alive(&self) -> bool {
        let here = black_box(self);
        here.values == Canary::new(here.seed).values
    }

    #[track_caller]
    fn check(&self) {
        assert!(self.is_alive(), "the canary {} is dead", self.seed);
    }
}

/// Suspends with canaries checked before and after.
#[track_caller]
fn hop<S: Switch>(suspend: &Suspend<'_, S>, canary: &Canary, word: usize) -> usize {
    canary.check();
    let word = suspend.suspend(word);
    canary.check();
    word
}

#[test]
fn a_changed_stack_is_noticed() {
    let mut canary = Canary::new(3);
    assert!(canary.is_alive());
    canary.values[17] ^= 1;
    assert!(!canary.is_alive());
}

const DEPTH: usize = 64;

/// A fiber that makes and resumes the next one, and suspends with that one suspended.
fn link<S: Switch>(pool: &Rc<RefCell<Pool>>, level: usize) -> Fiber<S> {
    let shared = Rc::clone(pool);
    fiber::<S>(&mut pool.borrow_mut(), move |suspend, first| {
        let canary = Canary::new(level as u64);
        let mut word = first;
        if level + 1 == DEPTH {
            for _ in 0..2 {
                word = hop(suspend, &canary, word + 1);
            }
            return word + 1;
        }
        let next = link::<S>(&shared, level + 1);
        for _ in 0..2 {
            canary.check();
            let Ok(Turn::Suspended(below)) = next.resume(word) else { panic!("level {level} ended early") };
            word = hop(suspend, &canary, below + 1);
        }
        let Ok(Turn::Finished(below)) = next.resume(word) else { panic!("level {level} didn't end") };
        canary.check();
        end(&mut shared.borrow_mut(), next);
        below + 1
    })
}

fn chain<S: Switch>() {
    let pool = Rc::new(RefCell::new(pool()));
    let first = link::<S>(&pool, 0);
    assert_eq!(first.resume(100), Ok(Turn::Suspended(100 + DEPTH)));
    assert_eq!(pool.borrow().stats().in_use, DEPTH);
    assert_eq!(first.resume(200), Ok(Turn::Suspended(200 + DEPTH)));
    assert_eq!(first.resume(300), Ok(Turn::Finished(300 + DEPTH)));
    end(&mut pool.borrow_mut(), first);
    assert_eq!(pool.borrow().stats().in_use, 0);
}

#[test]
fn a_chain_of_fibers_holds_natively() {
    chain::<Native>();
}

#[test]
fn a_chain_of_fibers_holds_portably() {
    chain::<Portable>();
}

fn dive<S: Switch>(suspend: &Suspend<'_, S>, depth: usize, word: usize) -> usize {
    let canary = Canary::new(depth as u64);
    let mut word = if depth == 0 { hop(suspend, &canary, word + 1) } else { dive(suspend, depth - 1, word) };
    canary.check();
    if depth.is_multiple_of(8) {
        word = hop(suspend, &canary, word + 1);
    }
    black_box(word)
}

fn recursion<S: Switch>() {
    let mut pool = pool();
    let divers = [0, 1].map(|_| fiber::<S>(&mut pool, |suspend, word| dive(suspend, 64, word)));
    for turn in 0..10 {
        for (index, diver) in divers.iter().enumerate() {
            let word = turn * 10 + index;
            assert_eq!(diver.resume(word), Ok(Turn::Suspended(word + 1)));
        }
    }
    for diver in divers {
        assert_eq!(diver.resume(5), Ok(Turn::Finished(5)));
        end(&mut pool, diver);
    }
}

#[test]
fn suspended_recursion_holds_natively() {
    recursion::<Native>();
}

#[test]
fn suspended_recursion_holds_portably() {
    recursion::<Portable>();
}

fn floats<S: Switch>() {
    let mut pool = pool();
    let sums = Rc::new(Cell::new(0.0));
    let fibers = [1.0_f64, 3.0].map(|factor| {
        let sums = Rc::clone(&sums);
        fiber::<S>(&mut pool, move |suspend, _| {
            let mut values: [f64; 8] = std::array::from_fn(|i| factor * i as f64);
            for _ in 0..1000 {
                for value in &mut values {
                    *value += 0.25 * factor;
                }
                suspend.suspend(values.iter().sum::<f64>() as usize);
            }
            sums.set(sums.get() + values.iter().sum::<f64>());
            0
        })
    });
    let mut own = 0.5;
    for turn in 1..=1000_u32 {
        for (fiber, factor) in fibers.iter().zip([1.0, 3.0]) {
            let expected = factor * (28.0 + 2.0 * f64::from(turn));
            assert_eq!(fiber.resume(0), Ok(Turn::Suspended(expected as usize)));
            own *= 1.0;
            own += 0.5;
        }
    }
    for fiber in fibers {
        assert_eq!(fiber.resume(0), Ok(Turn::Finished(0)));
        end(&mut pool, fiber);
    }
    assert_eq!(own, 1000.5);
    assert_eq!(sums.get(), 4.0 * 2028.0);
}

#[test]
fn floats_live_across_our_switch() {
    floats::<Native>();
}

#[test]
fn floats_live_across_the_portable_switch() {
    floats::<Portable>();
}

/// MXCSR and the x87 control word.
#[cfg(target_arch = "x86_64")]
mod control_words {
    use super::*;
    use std::arch::asm;

    fn mxcsr() -> u32 {
        let mut word = 0_u32;
        // SAFETY: the instruction stores four bytes there.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack)) };
        word
    }

    fn set_mxcsr(word: u32) {
        // SAFETY: the caller puts the old word back before anybody computes.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack)) };
    }

    fn x87() -> u16 {
        let mut word = 0_u16;
        // SAFETY: the instruction stores two bytes there.
        unsafe { asm!("fnstcw [{}]", in(reg) &raw mut word, options(nostack)) };
        word
    }

    fn set_x87(word: u16) {
        // SAFETY: the caller puts the old word back before anybody computes.
        unsafe { asm!("fldcw [{}]", in(reg) &raw const word, options(nostack)) };
    }

    const ROUND_DOWN: u32 = 0x2000;
    const ROUND_DOWN_X87: u16 = 0x0400;

    fn restored<S: Switch>() {
        let mut pool = pool();
        let (before, before87) = (mxcsr(), x87());
        let fiber = fiber::<S>(&mut pool, |suspend, word| {
            for _ in 0..3 {
                let (outside, outside87) = (mxcsr(), x87());
                set_mxcsr(outside | ROUND_DOWN);
                set_x87(outside87 | ROUND_DOWN_X87);
                let third = black_box(1.0_f32) / black_box(3.0);
                set_mxcsr(outside);
                set_x87(outside87);
                assert_eq!(third.to_bits(), 0x3eaa_aaaa, "rounded down, not to the nearest");
                suspend.suspend(word);
            }
            word
        });
        for _ in 0..4 {
            assert!(fiber.resume(1).is_ok());
            assert_eq!((mxcsr() & !0x3f, x87()), (before & !0x3f, before87));
        }
        end(&mut pool, fiber);
    }

    fn not_switched<S: Switch>() {
        let mut pool = pool();
        let before = mxcsr();
        let fiber = fiber::<S>(&mut pool, |suspend, word| {
            set_mxcsr(mxcsr() | ROUND_DOWN);
            suspend.suspend(word)
        });
        assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
        assert_eq!(mxcsr() & ROUND_DOWN, ROUND_DOWN, "whoever changes it must restore it: it isn't switched");
        set_mxcsr(before);
        assert_eq!(fiber.resume(1), Ok(Turn::Finished(1)));
        end(&mut pool, fiber);
    }

    #[test]
    fn code_that_restores_control_words_may_suspend() {
        restored::<Native>();
        restored::<Portable>();
    }

    #[test]
    fn control_words_are_not_switched() {
        not_switched::<Native>();
        not_switched::<Portable>();
    }
}
