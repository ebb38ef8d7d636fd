//! From a text to bytecode: what `sx check` does, and what `sx run` does before the program starts.

use crate::comptime::Runner;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use sx_ir::FuncId;
use sx_ir::passes::{Level, optimize};
use sx_sema::{LoadError, Loaded, Loader, Options, Sema};
use sx_syntax::diag::{self, Style};
use sx_syntax::source::File;

/// The library, parsed once.
static LIBRARY: LazyLock<HashMap<&'static str, Arc<File>>> = LazyLock::new(|| {
    sx_lib::files().map(|(path, text)| (path, sx_syntax::parse(path.into(), text.into()))).collect()
});

struct Library;

impl Loader for Library {
    fn load(&mut self, _importer: &str, request: &str) -> Result<Vec<Loaded>, LoadError> {
        match LIBRARY.get(request) {
            Some(file) => Ok(vec![Loaded { path: request.into(), file: file.clone() }]),
            None => Err(LoadError { message: format!("there is no `{request}`"), searched: Vec::new() }),
        }
    }
}

/// How far a program came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It has errors.
    Refused,
    /// It is bytecode.
    Compiled,
}

/// Compiles a text.
///
/// # Panics
/// When the compiler breaks one of its promises: diagnostics can be shown, lowering and passes make well-formed
/// functions, and those become bytecode.
pub fn compile(bytes: &[u8]) -> Outcome {
    let file = sx_syntax::parse_bytes("fuzz.sx".into(), bytes);
    let options = Options { max_instance_depth: 32, max_instances: 2_000, ..Options::default() };
    let mut sema = Sema::new(options, Box::new(Library));
    let root = sema.add_file("fuzz.sx".into(), file.clone());
    if let Some(context) = sema.running().default_context() {
        sema.set_comptime(Box::new(Runner::new(context, names_addresses(&file.text))));
    }
    sema.check_file(root);
    sema.main_func(root);
    sema.finish();
    show(&mut sema);
    if sema.has_errors() {
        return Outcome::Refused;
    }
    let ids: Vec<FuncId> = (0..sema.module.funcs.len() as u32)
        .map(FuncId)
        .filter(|&id| sema.module.func(id).is_some())
        .collect();
    to_bytecode(&sema);
    optimize(&mut sema.module, &ids, Level::Default);
    for &id in &ids {
        let Some(func) = sema.module.func(id) else { continue };
        if let Err(errors) = sx_ir::verify(func, &sema.module) {
            panic!("the passes broke {}: {errors:?}", func.name);
        }
    }
    to_bytecode(&sema);
    Outcome::Compiled
}

/// Diagnostics have places that are there.
fn show(sema: &mut Sema) {
    diag::sort_for_display(&mut sema.diagnostics);
    for diagnostic in sema.diagnostics.iter().take(8) {
        diag::render(diagnostic, &sema.sources, Style::default());
        diag::json(diagnostic, &sema.sources);
    }
}

fn to_bytecode(sema: &Sema) {
    if let Err(error) = sx_vm::Program::new().compile_all(&sema.module) {
        let too_large = error.message.contains("too large") || error.message.contains("too many");
        assert!(too_large, "no bytecode for {}: {}", error.function, error.message);
    }
}

/// True when a text could make up an address: running it may take the whole process down, as it should.
fn names_addresses(text: &str) -> bool {
    const WAYS: [&str; 12] =
        ["[*]", "*void", "cstring", "cast", "xx", "---", "extern", "union", "ptr", "items", "asm", "mem"];
    WAYS.iter().any(|way| text.contains(way))
}
