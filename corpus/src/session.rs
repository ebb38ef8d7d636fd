//! One run of the corpus, from the command line to the closing line.

use crate::audit::audit;
use crate::bless::{Refused, bless};
use crate::check::{Failure, Verdict, check};
use crate::locate::{corpus_root, sx_binary};
use crate::options::{HELP, Options, parse};
use crate::program::{Program, discover};
use crate::run::Runner;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many programs ended how.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Runs what `args` ask for; the exit code.
pub fn main(args: impl Iterator<Item = String>) -> i32 {
    let options = match parse(args) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return 0;
        }
        Err(message) => {
            eprintln!("corpus: {message}");
            return 2;
        }
    };
    let root = corpus_root();
    let programs = match discover(&root) {
        Ok(programs) => programs,
        Err(errors) => {
            errors.iter().for_each(|e| eprintln!("corpus: {e}"));
            return 1;
        }
    };
    if options.list {
        programs.iter().filter(|p| options.chooses(&p.name)).for_each(|p| println!("{}", p.name));
        return 0;
    }
    let sx = match sx_binary() {
        Ok(sx) => sx,
        Err(error) => {
            eprintln!("corpus: {error}");
            return 1;
        }
    };
    session(&Runner { sx, root }, &options, &programs)
}

fn session(runner: &Runner, options: &Options, programs: &[Program]) -> i32 {
    // Blessing looks at everything, because nothing else may be red.
    let chosen: Vec<&Program> =
        programs.iter().filter(|p| options.bless || options.chooses(&p.name)).collect();
    let verdicts = run_all(runner, options, &chosen);
    let mut tally = Tally::default();
    let mut red: Vec<(&Program, &Failure)> = Vec::new();
    for (program, verdict) in chosen.iter().zip(&verdicts) {
        match verdict {
            Verdict::Passed => tally.passed += 1,
            Verdict::Skipped => tally.skipped += 1,
            Verdict::ExpectedFailure { reason } => {
                tally.skipped += 1;
                println!("xfail {}: {reason}", program.name);
            }
            Verdict::Failed(failure) => {
                tally.failed += 1;
                red.push((program, failure));
            }
        }
    }
    if options.bless {
        return blessed(&red, options);
    }
    for (program, failure) in &red {
        println!("---- {} ({})\n{}", program.name, program.main.display(), failure.report);
    }
    if options.filters.is_empty() {
        for complaint in audit(&runner.root, programs) {
            println!("---- corpus\n{complaint}");
            tally.failed += 1;
        }
    }
    red.iter().for_each(|(program, _)| println!("FAILED {}", program.name));
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    i32::from(tally.failed > 0)
}

fn blessed(red: &[(&Program, &Failure)], options: &Options) -> i32 {
    match bless(red, |program| options.chooses(&program.name)) {
        Ok(names) => {
            names.iter().for_each(|name| println!("blessed {name}"));
            println!("{} snapshots rewritten", names.len());
            0
        }
        Err(Refused::OthersAreRed(names)) => {
            names.iter().for_each(|name| println!("FAILED {name}"));
            println!("nothing was rewritten: programs that weren't asked for are red");
            1
        }
        Err(Refused::NoSnapshot(name)) => {
            println!("nothing was rewritten: {name} crashed, hung or differs between tiers");
            1
        }
        Err(Refused::Io(message)) => {
            println!("not everything was rewritten: {message}");
            1
        }
    }
}

/// The verdicts, in the order of `programs`.
fn run_all(runner: &Runner, options: &Options, programs: &[&Program]) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let verdicts: Mutex<Vec<Option<Verdict>>> = Mutex::new(vec![None; programs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(programs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(program) = programs.get(at) else { break };
                    let verdict = check(runner, program, &options.tiers);
                    verdicts.lock().unwrap_or_else(|e| e.into_inner())[at] = Some(verdict);
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().unwrap_or_else(|e| e.into_inner());
    verdicts.into_iter().map(|v| v.expect("every program has been judged")).collect()
}
