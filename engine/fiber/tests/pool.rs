//! Stacks: layout, reuse, what waits in one page, limits of the pool and of the system, and whose guard is whose.

mod common;

use std::process::Command;

use common::fiber;
use sx_fiber::{
    Error, Fiber, Guards, MAX_NAME, MAX_RESERVATIONS, Native, Pool, PoolConfig, Portable, Slot, StackLayout,
    Switch, Turn, guard_owner,
};

const PAGE: usize = 4096;
const SHARED: StackLayout = StackLayout::within(256 << 10, (64 << 10) + 2048);

fn config() -> PoolConfig {
    PoolConfig { layout: SHARED, ..PoolConfig::default() }
}

fn small() -> PoolConfig {
    let layout = StackLayout { guard: 16 << 10, native: 16 << 10, upper: 0 };
    PoolConfig { layout, ..PoolConfig::default() }
}

/// How many pages of a range hold memory.
fn present(low: *mut u8, high: *mut u8) -> usize {
    use std::os::unix::fs::FileExt;
    let map = std::fs::File::open("/proc/self/pagemap").unwrap();
    let mut entries = vec![0_u8; (high as usize - low as usize) / PAGE * 8];
    map.read_exact_at(&mut entries, (low as usize / PAGE * 8) as u64).unwrap();
    entries.chunks(8).filter(|entry| entry[7] & 0x80 != 0).count()
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

fn touch(from: *mut u8, to: *mut u8) {
    let mut at = from as usize;
    while at < to as usize {
        // SAFETY: the tests touch the slots that they have.
        unsafe { (at as *mut u8).write_volatile(1) };
        at += PAGE;
    }
}

/// Runs a test of this file that is ignored otherwise in a process of its own, since it changes that.
fn apart(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_slot_is_laid_out_as_its_layout_says() {
    let mut pool = Pool::new(config()).unwrap();
    let slots: Vec<Slot> = (0..3).map(|_| pool.take().unwrap()).collect();
    for slot in &slots {
        let (low, top, high) = (slot.low() as usize, slot.top() as usize, slot.high() as usize);
        assert_eq!(low % PAGE, 0);
        assert_eq!(top % PAGE, 2048, "the top is in the middle of a page");
        assert_eq!(high % PAGE, 0);
        assert_eq!(high - low, (256 << 10) - (16 << 10));
        assert_eq!(high - top, (64 << 10) + 2048);
        touch(slot.low(), slot.high());
    }
    assert_eq!(slots[1].low() as usize - slots[0].high() as usize, 16 << 10);
    slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
}

/// Large pages would commit two megabytes for each waiting fiber, where the system has them turned on.
#[test]
#[cfg(target_os = "linux")]
fn stacks_are_not_made_of_large_pages() {
    if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        println!("this kernel has no large pages");
        return;
    }
    let mut pool = Pool::new(config()).unwrap();
    let slot = pool.take().unwrap();
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = maps.lines().skip_while(|line| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let number = |text| usize::from_str_radix(text, 16).ok();
        let range = range.and_then(|(from, to)| Some(number(from)?..number(to)?));
        !range.is_some_and(|range| range.contains(&(slot.top() as usize)))
    });
    let flags = lines.find(|line| line.starts_with("VmFlags:")).unwrap();
    assert!(flags.split(' ').any(|flag| flag == "nh"), "{flags}");
    pool.give(slot).unwrap();
}

fn one_page_waits<S: Switch>() {
    let mut pool = Pool::new(config()).unwrap();
    let fiber = fiber::<S>(&mut pool, |suspend, word| suspend.suspend(word));
    fiber.slot().set_name("waiting");
    let (low, top, high) = (fiber.slot().low(), fiber.slot().top(), fiber.slot().high());
    touch(top, top.wrapping_add(2047));
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    assert_eq!(present(low, high), 1, "{}", S::NAME);
    assert_eq!(fiber.resume(1), Ok(Turn::Finished(1)));
    common::end(&mut pool, fiber);
}

#[test]
fn a_waiting_fiber_touches_one_page() {
    one_page_waits::<Native>();
    one_page_waits::<Portable>();
}

#[test]
fn the_last_slot_given_is_the_next_taken() {
    let mut pool = Pool::new(config()).unwrap();
    let slots: Vec<Slot> = (0..40).map(|_| pool.take().unwrap()).collect();
    let tops: Vec<*mut u8> = slots.iter().map(Slot::top).collect();
    slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
    let again: Vec<Slot> = (0..40).map(|_| pool.take().unwrap()).collect();
    assert!(again.iter().map(Slot::top).eq(tops.into_iter().rev()));
    again.into_iter().for_each(|slot| pool.give(slot).unwrap());
}

#[test]
fn too_many_free_slots_give_their_memory_back() {
    for guards in [Guards::Auto, Guards::Protect] {
        let mut pool = Pool::new(PoolConfig { keep: 8, guards, ..config() }).unwrap();
        let slots: Vec<Slot> = (0..20).map(|_| pool.take().unwrap()).collect();
        let ranges: Vec<_> = slots.iter().map(|slot| (slot.low(), slot.high())).collect();
        for slot in &slots {
            touch(slot.low(), slot.high());
        }
        let per_slot = ranges[0].1 as usize / PAGE - ranges[0].0 as usize / PAGE;
        let held = || ranges.iter().map(|range| present(range.0, range.1)).sum::<usize>() / per_slot;
        assert_eq!(held(), 20);
        slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
        let stats = pool.stats();
        assert_eq!((stats.in_use, stats.free_with_memory + stats.free_without_memory), (0, 20));
        assert!(stats.free_with_memory <= 8, "{stats:?}");
        assert_eq!(held(), stats.free_with_memory);
        pool.trim(2);
        assert_eq!((held(), pool.stats().free_with_memory), (2, 2));
        pool.trim(0);
        assert_eq!(held(), 0);
        // They are as good as before, guards included.
        for (low, _) in &ranges {
            let hit = guard_owner(*low as usize - 1).unwrap();
            assert_eq!(hit.slot.unwrap().low, *low as usize);
        }
        let slots: Vec<Slot> = (0..20).map(|_| pool.take().unwrap()).collect();
        slots.iter().for_each(|slot| touch(slot.low(), slot.high()));
        slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
    }
}

#[test]
fn a_pool_has_a_limit() {
    let mut pool = Pool::new(PoolConfig { max_slots: 3, ..config() }).unwrap();
    let slots: Vec<Slot> = (0..3).map(|_| pool.take().unwrap()).collect();
    let error = pool.take().unwrap_err();
    assert_eq!(error, Error::TooMany { limit: 3 });
    assert_eq!(error.to_string(), "too many fibers: the limit is 3");
    assert!(pool.stats().reserved <= 4 * (256 << 10), "no more is reserved than may be used");
    slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
    let slot = pool.take().unwrap();
    pool.give(slot).unwrap();
}

#[test]
fn a_foreign_slot_is_refused() {
    let mut one = Pool::new(config()).unwrap();
    let mut other = Pool::new(config()).unwrap();
    let slot = one.take().unwrap();
    let slot = other.give(slot).unwrap_err();
    one.give(slot).unwrap();
}

#[test]
fn dropping_a_pool_frees_it_unless_a_slot_is_in_use() {
    apart("dropping");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn dropping() {
    let mut pool = Pool::new(config()).unwrap();
    let slot = pool.take().unwrap();
    let (guard, low) = (slot.low() as usize - 1, slot.low());
    pool.give(slot).unwrap();
    drop(pool);
    assert_eq!(guard_owner(guard), None);

    let mut pool = Pool::new(config()).unwrap();
    let fiber = fiber::<Native>(&mut pool, |suspend, word| suspend.suspend(word));
    assert_eq!(fiber.resume(1), Ok(Turn::Suspended(1)));
    let guard = fiber.slot().low() as usize - 1;
    drop(pool);
    assert!(guard_owner(guard).is_some());
    assert_eq!(fiber.resume(2), Ok(Turn::Finished(2)));
    let _ = (fiber.into_slot().unwrap(), low);
}

#[test]
fn guards_have_owners() {
    apart("owners");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn owners() {
    for guards in [Guards::Auto, Guards::Protect] {
        let mut pool = Pool::new(PoolConfig { max_slots: 2, guards, ..config() }).unwrap();
        let (first, second) = (pool.take().unwrap(), pool.take().unwrap());
        first.set_name("first");
        second.set_name("second");
        let name =
            |info: Option<sx_fiber::SlotInfo>| info.map(|it| String::from_utf8_lossy(it.name()).into_owned());
        let low = first.low() as usize;
        for address in [low - 1, low - (16 << 10)] {
            let hit = guard_owner(address).unwrap();
            assert_eq!((name(hit.slot), name(hit.below)), (Some("first".into()), None));
            let slot = hit.slot.unwrap();
            assert_eq!((slot.low, slot.top, slot.high), (low, first.top() as usize, first.high() as usize));
        }
        assert_eq!(guard_owner(low - (16 << 10) - 1), None);
        for address in [low, first.top() as usize, first.high() as usize - 1] {
            assert_eq!(guard_owner(address), None);
        }
        let hit = guard_owner(first.high() as usize).unwrap();
        assert_eq!((name(hit.slot), name(hit.below)), (Some("second".into()), Some("first".into())));
        // After the last slot comes one more guard.
        let end = second.high() as usize;
        let hit = guard_owner(end).unwrap();
        assert_eq!((name(hit.slot), name(hit.below)), (None, Some("second".into())));
        assert_eq!(guard_owner(end + (16 << 10)), None);
        assert_eq!(guard_owner(0), None);
        assert_eq!(guard_owner(usize::MAX), None);
        pool.give(second).unwrap();
        pool.give(first).unwrap();
    }
}

#[test]
fn names_are_cut_between_characters_and_do_not_outlive_the_use() {
    let mut pool = Pool::new(config()).unwrap();
    let slot = pool.take().unwrap();
    let guard = slot.low() as usize - 1;
    let name = || guard_owner(guard).unwrap().slot.unwrap().name().to_vec();
    assert_eq!(name(), b"");
    slot.set_name(&"ü".repeat(20));
    assert_eq!(name(), "ü".repeat(16).as_bytes());
    slot.set_name(&format!("x{}", "ü".repeat(20)));
    assert_eq!(name(), format!("x{}", "ü".repeat(15)).as_bytes());
    assert!(name().len() < MAX_NAME);
    pool.give(slot).unwrap();
    let slot = pool.take().unwrap();
    assert_eq!(name(), b"");
    pool.give(slot).unwrap();
}

#[test]
fn many_slots_need_few_mappings() {
    apart("few_mappings");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn few_mappings() {
    let mut pool = Pool::new(config()).unwrap();
    let before = mappings();
    let slots: Vec<Slot> = (0..20_000).map(|_| pool.take().unwrap()).collect();
    // Kernels before 6.13 have no other guards than those that cost two mappings each.
    if pool.guards() == Guards::Auto {
        assert!(mappings() - before < 64, "{} mappings more", mappings() - before);
    }
    assert!(pool.stats().reservations < 16);
    slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
}

#[test]
fn an_old_kernel_gets_guards_too() {
    apart("protected");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn protected() {
    let mut pool = Pool::new(PoolConfig { guards: Guards::Protect, ..small() }).unwrap();
    let before = mappings();
    let slots: Vec<Slot> = (0..100).map(|_| pool.take().unwrap()).collect();
    assert!(mappings() - before >= 200);
    slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
}

#[test]
fn a_stack_larger_than_memory_is_an_error() {
    let layout = StackLayout { guard: 16 << 10, native: 1 << 47, upper: 0 };
    let mut pool = Pool::new(PoolConfig { layout, ..PoolConfig::default() }).unwrap();
    let error = pool.take().unwrap_err();
    assert!(matches!(error, Error::NoMemory { bytes } if bytes >= 1 << 47), "{error:?}");
    assert!(error.to_string().starts_with("no memory for fiber stacks ("), "{error}");
    let layout = StackLayout { guard: 16 << 10, native: 64, upper: 0 };
    assert!(matches!(Pool::new(PoolConfig { layout, ..config() }), Err(Error::Layout(_))));
}

#[test]
fn a_limit_on_address_space_is_an_error() {
    apart("address_space");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn address_space() {
    let mut pool = Pool::new(config()).unwrap();
    let pages: usize =
        std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = (pages * PAGE + (100 << 20)) as u64;
    let limits = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: the call reads the structure.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limits) }, 0);
    let mut slots = Vec::new();
    let error = loop {
        match pool.take() {
            Ok(slot) => slots.push(slot),
            Err(error) => break error,
        }
    };
    // The last reservations are smaller than they would like to be, so that most of the space is used.
    assert!(slots.len() > 300, "{}", slots.len());
    assert!(matches!(error, Error::AddressSpace { limit: it, .. } if it as u64 == limit), "{error:?}");
    assert!(error.to_string().contains("RLIMIT_AS"), "{error}");
    // The pool lives on.
    pool.give(slots.pop().unwrap()).unwrap();
    slots.push(pool.take().unwrap());
    drop(slots);
}

#[test]
fn too_many_mappings_are_an_error() {
    apart("map_count");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn map_count() {
    let limit: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
    if limit > 1 << 18 {
        println!("vm.max_map_count is {limit}, too high to be reached here");
        return;
    }
    let mut pool = Pool::new(PoolConfig { guards: Guards::Protect, ..small() }).unwrap();
    let mut slots = Vec::new();
    let error = loop {
        match pool.take() {
            Ok(slot) => slots.push(slot),
            Err(error) => break error,
        }
    };
    assert!(slots.len() > limit / 2 - 1000, "{}", slots.len());
    assert_eq!(error, Error::MapCount { limit });
    assert!(error.to_string().contains("vm.max_map_count"), "{error}");
    let slot = slots.pop().unwrap();
    pool.give(slot).unwrap();
    let fiber = fiber::<Native>(&mut pool, |_, word| word);
    assert_eq!(fiber.resume(3), Ok(Turn::Finished(3)));
    common::end(&mut pool, fiber);
    drop(slots);
}

#[test]
fn too_many_reservations_are_an_error() {
    apart("reservations");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn reservations() {
    let mut pool = Pool::new(PoolConfig { max_reservation: 1, ..small() }).unwrap();
    let slots: Vec<Slot> = (0..MAX_RESERVATIONS).map(|_| pool.take().unwrap()).collect();
    assert_eq!(pool.take().unwrap_err(), Error::TooManyReservations { limit: MAX_RESERVATIONS });
    slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
    drop(pool);
    let mut pool = Pool::new(config()).unwrap();
    let slot = pool.take().unwrap();
    pool.give(slot).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_kernel_that_refuses_guards_is_worked_around() {
    apart("old_kernel");
}

/// A filter on system calls makes this kernel answer as one before 6.13.
#[test]
#[ignore = "run by another test, in a process of its own"]
#[cfg(target_os = "linux")]
fn old_kernel() {
    let mut pool = Pool::new(small()).unwrap();
    refuse_guards();
    let before = mappings();
    let slots: Vec<Slot> = (0..50).map(|_| pool.take().unwrap()).collect();
    assert_eq!(pool.guards(), Guards::Protect);
    assert!(mappings() - before >= 100);
    slots.into_iter().for_each(|slot| pool.give(slot).unwrap());
    let fiber: Fiber<Native> = fiber(&mut pool, |_, word| word);
    assert_eq!(fiber.resume(3), Ok(Turn::Finished(3)));
    common::end(&mut pool, fiber);
}

#[cfg(target_os = "linux")]
fn refuse_guards() {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let op = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // The number of the call, and the low half of its third argument.
    let mut filter = [
        op(LOAD, 0, 0, 0),
        op(EQUAL, 0, 3, libc::SYS_madvise as u32),
        op(LOAD, 0, 0, 32),
        op(EQUAL, 0, 1, 102),
        op(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32),
        op(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the calls read the filter, which only makes one advice fail.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}
