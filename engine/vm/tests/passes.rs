//! Random programs do the same on the interpreter before and after the optimiser: results, calls of the host,
//! memory, traps with their message and call stack.

#[path = "../../ir/src/passes/fuzz/generate.rs"]
mod generate;

use std::sync::{Arc, Mutex};
// What the generator finds in its own crate.
use sx_ir::parallel::Threads;
use sx_ir::{CSignature, CStruct, Extern, FuncId, GlobalId, Module, passes, print};
pub use sx_ir::{atomic, builder, func, ids, module};
use sx_vm::{Caller, Config, ExternResolver, ExternTarget, FrameInfo, Instance, Program, Trap};

/// Programs that loop more often are stopped, before and after at the same point.
const POLLS: u64 = 3_000;

/// Answers `out(a, b)` and writes down what it was asked.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(u64, u64)>>>);

impl ExternResolver for Log {
    fn resolve(
        &self,
        _: &Extern,
        _: Option<(&CSignature, u32)>,
        _: &[CStruct],
    ) -> Result<ExternTarget, String> {
        let log = self.clone();
        Ok(ExternTarget::Host(Arc::new(move |_: &mut Caller<'_>, slots: &mut [u64]| {
            let (a, b) = (slots[0], slots[1]);
            log.0.lock().expect("one thread").push((a, b));
            slots[0] = a.rotate_left(5) ^ b;
            Ok(())
        })))
    }
}

/// A function and a place in it.
type Place = (String, Option<(u32, u32)>);

#[derive(PartialEq, Debug)]
struct Ran {
    end: Result<(u64, u32), (String, Vec<Place>)>,
    log: Vec<(u64, u64)>,
    memory: Vec<u8>,
    /// Where the error began and went through.
    trace: Vec<Place>,
}

fn run(module: &Module, a: u64, b: f64) -> Ran {
    let program = Program::new();
    program.compile_all(module).unwrap_or_else(|error| panic!("{error}"));
    let log = Log::default();
    let config = Config { resolver: Arc::new(log.clone()), ..Config::default() };
    let mut instance = Instance::new(Arc::new(program), config).expect("an instance");
    instance.set_fuel(POLLS);
    let mut argument = [0u64; 3];
    let args = [argument.as_mut_ptr() as u64, a, b.to_bits(), a & 1];
    let mut rets = [0; 2];
    let entry = FuncId(module.funcs.len() as u32 - 1);
    let end = match instance.call(entry, &args, &mut rets) {
        Ok(()) => Ok((rets[0], rets[1] as u32)),
        Err(trap) => Err(stack(&trap)),
    };
    let mut memory: Vec<u8> = argument.iter().flat_map(|word| word.to_le_bytes()).collect();
    // A global that no code names isn't there, and would be as it began.
    let bytes = instance.global(GlobalId(0)).map_or(&[0; 24][..], |global| {
        // SAFETY: the global has 24 bytes and nothing runs.
        unsafe { std::slice::from_raw_parts(global, 24) }
    });
    memory.extend(bytes);
    let log = log.0.lock().expect("one thread").clone();
    let trace = places(&instance.error_trace().0);
    Ran { end, log, memory, trace }
}

/// The message and the call stack; inlined frames count like others.
fn stack(trap: &Trap) -> (String, Vec<Place>) {
    (trap.message().to_owned(), places(trap.frames()))
}

fn places(frames: &[FrameInfo]) -> Vec<Place> {
    frames.iter().map(|frame| (frame.func.clone(), frame.place)).collect()
}

fn check(seed: u64) {
    let before = generate::module(seed);
    let mut after = before.clone();
    let ids: Vec<FuncId> = (0..after.funcs.len() as u32).map(FuncId).collect();
    passes::optimize(&mut after, &ids, passes::Level::Default);
    for (a, b) in [(0, 0.0), (3, -1.5), (u64::MAX, 1e18), (1 << 63, f64::NAN)] {
        let (expected, found) = (run(&before, a, b), run(&after, a, b));
        if expected != found {
            let text = |module| print::print_module(module, print::PrintOptions { locs: true });
            panic!(
                "seed {seed} with {a}, {b}:\n{expected:?}\nbecomes\n{found:?}\nbefore:\n{}\nafter:\n{}",
                text(&before),
                text(&after)
            );
        }
    }
}

/// Several threads make the same of them, calls in circles and all.
#[test]
fn threads_make_the_same() {
    let number = |n| std::num::NonZeroUsize::new(n).expect("not none");
    for seed in 0..200 {
        let text = |threads: usize| {
            let threads = Threads::at_most(number(threads)).with_share(number(1));
            let mut module = generate::module(seed);
            let ids: Vec<FuncId> = (0..module.funcs.len() as u32).map(FuncId).collect();
            passes::optimize_with(&mut module, &ids, passes::Level::Default, threads, &|_, _| true);
            let program = Program::new();
            program.compile_all_on(threads, &module).unwrap_or_else(|error| panic!("{error}"));
            assert!(ids.iter().all(|&id| program.has_code(id)));
            print::print_module(&module, print::PrintOptions { locs: true })
        };
        assert_eq!(text(1), text(3), "seed {seed}");
    }
}

#[test]
fn random_programs_do_the_same() {
    // SX_FUZZ_SEEDS=from..to looks at others.
    let range = std::env::var("SX_FUZZ_SEEDS").ok();
    let (from, to) = range
        .as_deref()
        .and_then(|range| range.split_once(".."))
        .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)))
        .unwrap_or((0, 1000));
    (from..to).for_each(check);
}
