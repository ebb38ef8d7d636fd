//! Random programs mean the same before and after the passes: results, traps, effects, in every stage.

mod eval;
mod generate;

use super::*;
use crate::passes::testing::verified;
use crate::print::{PrintOptions, print_module};
use eval::{Ran, run};

/// Inputs for the entry function's `i64` and `f64` parameters.
const INPUTS: [(u64, f64); 4] = [(0, 0.0), (3, -1.5), (u64::MAX, 1e18), (1 << 63, f64::NAN)];

fn outcomes(module: &Module) -> Vec<Option<Ran>> {
    let entry = FuncId(module.funcs.len() as u32 - 1);
    INPUTS.iter().map(|&(a, b)| run(module, entry, a, b)).collect()
}

fn text(module: &Module) -> String {
    print_module(module, PrintOptions::default())
}

/// Passes every function of a module to `f` and compares what the module does.
fn check_same(seed: u64, what: &str, before: &Module, change: impl Fn(&mut Module)) {
    let expected = outcomes(before);
    let mut after = before.clone();
    change(&mut after);
    for func in after.funcs.iter().flatten() {
        if crate::verify(func, &after).is_err() {
            eprintln!("seed {seed}: {what}\n{}\nbecomes\n{}", text(before), text(&after));
            verified(func, &after, what);
        }
    }
    for ((expected, found), input) in expected.iter().zip(outcomes(&after)).zip(INPUTS) {
        // A program that ran too long tells nothing.
        if expected.is_some() && *expected != found {
            panic!(
                "seed {seed}: {what} with {input:?}:\n{expected:?}\nbecomes\n{found:?}\nbefore:\n{}\nafter:\n{}",
                text(before),
                text(&after)
            );
        }
    }
}

fn each(f: impl Fn(&mut Func, &mut Cx<'_>) + Sync) -> impl Fn(&mut Module) {
    move |module| {
        for id in 0..module.funcs.len() {
            change(module, &mut [Room::default()], &[FuncId(id as u32)], |_, func, cx| {
                compact::unshare(func, &mut cx.work.compact);
                f(func, cx);
                false
            });
        }
    }
}

fn shaped(f: impl Fn(&mut Func, &mut Cx<'_>) + Sync) -> impl Fn(&mut Module) {
    each(move |func, cx| {
        // Passes are given reachable blocks only.
        simplify_cfg::run(func, cx);
        cx.find_shape(func);
        f(func, cx);
    })
}

fn check_seed(seed: u64) {
    let module = generate::module(seed);
    for func in module.funcs.iter().flatten() {
        verified(func, &module, &format!("seed {seed}: generated"));
    }
    check_same(seed, "simplify_cfg", &module, each(simplify_cfg::run));
    check_same(seed, "single", &module, shaped(single::run));
    check_same(seed, "dce", &module, shaped(dce::run));
    check_same(seed, "compact", &module, each(compact::compact));
    check_same(seed, "gvn", &module, shaped(gvn::run));
    check_same(seed, "sroa", &module, each(|func, cx| _ = sroa::run(func, cx)));
    check_same(seed, "inline", &module, each(|func, cx| _ = inline::run(func, cx, &|_| true)));
    check_same(seed, "loops", &module, each(loops::run));
    check_same(seed, "split", &module, shaped(|func, cx| _ = split::run(func, cx)));
    check_same(seed, "coalesce", &module, each(coalesce::run));
    let ids: Vec<FuncId> = (0..module.funcs.len() as u32).map(FuncId).collect();
    for level in [Level::Less, Level::Default] {
        check_same(seed, &format!("{level:?}"), &module, |module| {
            optimize(module, &ids, level);
        });
        check_same(seed, &format!("{level:?}, specialized"), &module, |module| {
            optimize(module, &ids, level);
            for &id in &ids {
                let mut func = module.func(id).expect("all have bodies").as_ref().clone();
                specialize(&mut func, module);
                module.funcs[id.index()] = Some(Arc::new(func));
            }
        });
    }
}

#[test]
fn random_programs_mean_the_same() {
    // SX_FUZZ_SEEDS=from..to looks at others.
    let range = std::env::var("SX_FUZZ_SEEDS").ok();
    let (from, to) = range
        .as_deref()
        .and_then(|range| range.split_once(".."))
        .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)))
        .unwrap_or((0, 1500));
    (from..to).for_each(check_seed);
}

/// The generator makes what the passes are there for, and programs that come to an end.
#[test]
fn random_programs_are_worth_it() {
    let (mut returned, mut trapped, mut endless, mut before, mut after) = (0, 0, 0, 0, 0);
    for seed in 0..200 {
        let mut module = generate::module(seed);
        for ran in outcomes(&module) {
            match ran {
                Some(ran) => {
                    before += ran.steps();
                    *if ran.trapped() { &mut trapped } else { &mut returned } += 1;
                }
                None => endless += 1,
            }
        }
        let ids: Vec<FuncId> = (0..module.funcs.len() as u32).map(FuncId).collect();
        optimize(&mut module, &ids, Level::Default);
        after += outcomes(&module).iter().flatten().map(Ran::steps).sum::<u64>();
    }
    assert!(returned > 200 && trapped > 50 && endless < 50, "{returned} {trapped} {endless}");
    assert!(after * 10 < before * 7, "{before} steps become {after}");
}
