//! Passes are tested on text: this one in, that one out.

use super::Cx;
use crate::func::Func;
use crate::ids::FuncId;
use crate::module::Module;
use crate::parse::parse_module;
use crate::print::{PrintOptions, print_func};
use crate::verify;

/// The module of a text; declarations may be indented.
pub fn module(text: &str) -> Module {
    parse_module(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// Verifies a function.
pub fn verified(func: &Func, module: &Module, when: &str) {
    if let Err(errors) = verify(func, module) {
        let text = print_func(FuncId(0), func, None, PrintOptions::default());
        let errors: Vec<String> = errors.iter().map(|error| error.to_string()).collect();
        panic!("{when}:\n{}\nin {text}", errors.join("\n"));
    }
}

/// The lines of a text without indentation.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// Runs a pass over the last function of `before` and compares its text with `after`.
pub fn check(pass: impl Fn(&mut Func, &mut Cx<'_>), before: &str, after: &str) {
    check_with(pass, before, after, false);
}

/// The same with source positions.
pub fn check_locs(pass: impl Fn(&mut Func, &mut Cx<'_>), before: &str, after: &str) {
    check_with(pass, before, after, true);
}

fn check_with(pass: impl Fn(&mut Func, &mut Cx<'_>), before: &str, after: &str, locs: bool) {
    let module = module(before);
    let id = FuncId(module.funcs.len() as u32 - 1);
    let mut func = module.func(id).expect("the last entry is a function").as_ref().clone();
    verified(&func, &module, "before the pass");
    pass(&mut func, &mut Cx::new(&module, &mut Default::default()));
    verified(&func, &module, "after the pass");
    let text = print_func(id, &func, None, PrintOptions { locs });
    pretty_assertions::assert_eq!(lines(&text), lines(after), "\n{text}");
}
