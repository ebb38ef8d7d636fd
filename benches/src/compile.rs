//! The compiler without the command: files in memory, checked and lowered, then made bytecode.

use std::collections::HashMap;
use std::sync::Arc;
use sx_ir::FuncId;
use sx_ir::parallel::Threads;
use sx_ir::passes::Level;
use sx_sema::incremental::Session;
use sx_sema::{LoadError, Loaded, Loader, Options, Sema};
use sx_syntax::source::File;
use sx_vm::Program;

/// Files in memory, parsed once; library files too.
struct Memory {
    files: HashMap<String, Arc<File>>,
}

impl Loader for Memory {
    fn load(&mut self, importer: &str, request: &str) -> Result<Vec<Loaded>, LoadError> {
        let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
        for path in [format!("{folder}/{request}"), request.to_string()] {
            if let Some(file) = self.files.get(&path) {
                return Ok(vec![Loaded { path: path.as_str().into(), file: file.clone() }]);
            }
        }
        Err(LoadError { message: format!("there is no `{request}`"), searched: Vec::new() })
    }
}

/// Parses files and the library.
pub fn parse(files: &[(String, String)]) -> Vec<(String, Arc<File>)> {
    let library = sx_lib::files().map(|(path, text)| (path.to_string(), text.to_string()));
    let all = files.iter().cloned().chain(library);
    all.map(|(path, text)| {
        let file = sx_syntax::parse(path.as_str().into(), text.as_str().into());
        (path, file)
    })
    .collect()
}

/// Checks and lowers everything in files that were parsed before; the first is the one to run.
pub fn check_parsed(files: &[(String, Arc<File>)]) -> Sema {
    let memory = Memory { files: files.iter().cloned().collect() };
    let mut sema = Sema::new(Options::default(), Box::new(memory));
    let (path, file) = &files[0];
    let root = sema.add_file(path.as_str().into(), file.clone());
    sema.main_func(root);
    sema.finish();
    sema
}

/// Parses, checks and lowers.
pub fn check(files: &[(String, String)]) -> Sema {
    check_parsed(&parse(files))
}

/// Begins a session with a program; the first file is the one to run.
pub fn session(files: &[(String, String)]) -> Session {
    let parsed = parse(files);
    let (path, file) = parsed[0].clone();
    let memory = Memory { files: parsed.into_iter().collect() };
    Session::new(Options::default(), Box::new(memory), Loaded { path: path.as_str().into(), file })
}

/// Makes bytecode of every function, optimised so far, on so many threads.
pub fn bytecode(sema: &mut Sema, level: Level, threads: Threads) -> Program {
    let ids: Vec<FuncId> = (0..sema.module.funcs.len() as u32)
        .map(FuncId)
        .filter(|&id| sema.module.func(id).is_some())
        .collect();
    sx_ir::passes::optimize_with(&mut sema.module, &ids, level, threads, &|_, _| true);
    let program = Program::new();
    program.compile_all_on(threads, &sema.module).expect("generated functions aren't too large");
    program
}
