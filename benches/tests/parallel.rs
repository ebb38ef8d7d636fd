//! What is compiled doesn't depend on how many threads did it.

use std::num::NonZeroUsize;
use sx_benches::{compile, generate};
use sx_ir::parallel::Threads;
use sx_ir::passes::Level;
use sx_ir::{FuncId, print};

/// The middle form and the bytecode of a generated program and the library, as text.
fn texts(level: Level, threads: usize, share: usize) -> (String, Vec<String>) {
    let number = |n| NonZeroUsize::new(n).expect("not none");
    let threads = Threads::at_most(number(threads)).with_share(number(share));
    let generated = generate::program(4_000, 500);
    let mut sema = compile::check(&generated.files);
    let program = compile::bytecode(&mut sema, level, threads);
    let middle = print::print_module(&sema.module, print::PrintOptions { locs: true });
    let funcs = (0..sema.module.funcs.len() as u32).map(FuncId);
    let bytecode = funcs.filter_map(|id| program.disassemble(id)).map(|text| without_addresses(&text));
    (middle, bytecode.collect())
}

/// Shared data lies elsewhere in each program.
fn without_addresses(text: &str) -> String {
    let is_address = |word: &str| word.parse::<u64>().is_ok_and(|n| (1 << 40..1 << 48).contains(&n));
    let lines = text.lines().filter(|line| !line.split([' ', ',']).any(is_address));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_same_on_any_number_of_threads() {
    for level in [Level::None, Level::Default] {
        let (middle, bytecode) = texts(level, 1, 1);
        assert!(middle.len() > 100_000 && bytecode.len() > 200 && bytecode.concat().len() > 100_000);
        for (threads, share) in [(2, 1), (4, 1), (3, 2000)] {
            let (other_middle, other_bytecode) = texts(level, threads, share);
            assert!(middle == other_middle, "{level:?}, {threads} threads: another middle form");
            for (one, other) in bytecode.iter().zip(&other_bytecode) {
                assert_eq!(one, other, "{level:?}, {threads} threads");
            }
            assert_eq!(bytecode.len(), other_bytecode.len());
        }
    }
}
