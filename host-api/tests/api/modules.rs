//! Modules without files, and what may be imported.

use crate::{failure, instance_of};
use sx::{Engine, ModuleLoader};

#[test]
fn modules_in_memory_import_each_other() {
    let engine = Engine::builder()
        .module("lib/math.sx", "util :: #import \"util.sx\"; twice :: (n: i64) -> i64 { util.id(n) * 2 }")
        .module("lib/util.sx", "id :: (n: i64) -> i64 { n }")
        .module("main.sx", "#import \"lib/math.sx\"; f :: () -> i64 { twice(4) }")
        .build();
    let mut i = instance_of(&engine, "m :: #import \"lib/math.sx\"; f :: () -> i64 { m.twice(21) }");
    assert_eq!(i.func::<(), i64>("f").unwrap().call(&mut i, ()).unwrap(), 42);
    let mut i = instance_of(&engine, "#import \"lib\"; f :: () -> i64 { twice(id(2)) }");
    assert_eq!(i.func::<(), i64>("f").unwrap().call(&mut i, ()).unwrap(), 4);
    let program = engine.compile_module("main.sx").unwrap();
    let mut i = program.instantiate().unwrap();
    assert_eq!(i.func::<(), i64>("f").unwrap().call(&mut i, ()).unwrap(), 8);
}

struct Numbers;

impl ModuleLoader for Numbers {
    fn load(&self, path: &str) -> Option<Result<String, String>> {
        let number = path.strip_prefix("numbers/")?.strip_suffix(".sx")?;
        match number.parse::<i64>() {
            Ok(n) => Some(Ok(format!("N :: {n};"))),
            Err(_) => Some(Err(format!("`{number}` isn't a number"))),
        }
    }
}

#[test]
fn a_loader_makes_modules() {
    let engine = Engine::builder().module_loader(Numbers).build();
    let mut i = instance_of(&engine, "seven :: #import \"numbers/7.sx\"; f :: () -> i64 { seven.N }");
    assert_eq!(i.func::<(), i64>("f").unwrap().call(&mut i, ()).unwrap(), 7);
    let error = failure(engine.compile("x :: #import \"numbers/x.sx\"; f :: () -> i64 { x.N }"));
    assert!(error.message().contains("`x` isn't a number"), "{error}");
    let error = failure(engine.compile("x :: #import \"letters/x.sx\"; f :: () -> i64 { x.N }"));
    assert!(error.message().contains("nothing to import at `letters/x.sx`"), "{error}");
}

#[test]
fn errors_in_modules_are_shown_there() {
    let engine = Engine::builder().module("bad.sx", "f :: () -> i64 { missing }").build();
    let error = failure(engine.compile("#import \"bad.sx\"; g :: () -> i64 { f() }"));
    assert_eq!(error.diagnostics()[0].place().unwrap().0, "bad.sx");
}

#[test]
fn files_are_imported_when_allowed() {
    let dir = std::env::temp_dir().join(format!("sx-api-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("parts")).unwrap();
    std::fs::write(dir.join("parts/a.sx"), "a :: () -> i64 { 1 }").unwrap();
    std::fs::write(dir.join("parts/b.sx"), "#import \"a.sx\"; b :: () -> i64 { a() + 1 }").unwrap();
    std::fs::write(dir.join("main.sx"), "p :: #import \"parts\"; f :: () -> i64 { p.b() * 10 + p.a() }")
        .unwrap();
    let engine = Engine::builder().file_imports(true).build();
    let mut i = engine.compile_file(dir.join("main.sx")).unwrap().instantiate().unwrap();
    assert_eq!(i.func::<(), i64>("f").unwrap().call(&mut i, ()).unwrap(), 21);
    let error = failure(Engine::new().compile_file(dir.join("main.sx")));
    assert_eq!(error.diagnostics()[0].code(), "E0104");
    std::fs::write(dir.join("parts/a.sx"), b"\xff").unwrap();
    let error = failure(engine.compile_file(dir.join("main.sx")));
    assert!(error.diagnostics().iter().any(|d| d.code() == "E0019"), "{}", error.render());
    std::fs::remove_dir_all(dir).unwrap();
}
