//! What is wrong is said, with both sides named.

use crate::{failure, instance};
use pretty_assertions::assert_eq;
use sx::{Engine, ErrorKind, TrapKind};

fn signature_error<A: sx::value::Args, R: sx::value::Returns>(source: &str) -> String {
    let error = failure(instance(source).func::<A, R>("f"));
    assert_eq!(error.kind(), ErrorKind::Signature);
    error.to_string()
}

#[test]
fn wrong_signatures_name_both() {
    assert_eq!(
        signature_error::<(i64,), f64>("f :: (a: i64, b: f64) -> i64 { a }"),
        "`f` is `(i64, f64) -> i64`, and the host asks for `(i64) -> f64`: it takes 2 parameters, not 1"
    );
    assert_eq!(
        signature_error::<(f32,), i64>("f :: (a: i64) -> i64 { a }"),
        "`f` is `(i64) -> i64`, and the host asks for `(f32) -> i64`: parameter 1: the program has `i64`, the host `f32`"
    );
    assert_eq!(
        signature_error::<(i64,), ()>("f :: (a: i64) -> i64 { a }"),
        "`f` is `(i64) -> i64`, and the host asks for `(i64) -> void`: the result: the program has `i64`, the host `void`"
    );
    let fails = signature_error::<(), i64>("f :: () -> i64 ! { raise error.X; }");
    assert!(fails.ends_with("it can fail: ask for a `Result<_, SxError>`"), "{fails}");
    let cannot = signature_error::<(), Result<i64, sx::SxError>>("f :: () -> i64 { 1 }");
    assert!(cannot.ends_with("and the host asks for `() -> i64 !`: it can't fail"), "{cannot}");
    let c = signature_error::<(), ()>("f :: () abi(.c) {}");
    assert!(c.contains("C ABI"), "{c}");
}

#[test]
fn what_is_missing_is_named() {
    let mut i = instance("f :: (x: $T) -> T { x } g := 1;");
    for (name, message) in [
        ("f", "`f` isn't a function that can be called from outside: generic functions can't"),
        ("g", "`g` isn't a function that can be called from outside: generic functions can't"),
        ("nope", "the program has no function `nope`"),
    ] {
        let error = failure(i.func::<(), ()>(name));
        assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, message));
    }
    assert_eq!(failure(i.global::<i64>("f")).message(), "`f` isn't a variable");
    assert_eq!(failure(i.global::<i64>("nope")).message(), "the program has no variable `nope`");
    assert_eq!(failure(i.global::<f32>("g")).message(), "`g`: the program has `i64`, the host `f32`");
}

#[test]
fn compile_errors_have_places_and_codes() {
    let error = failure(
        Engine::new().compile_named("level.sx", "f :: () -> i64 {\n    nope\n}\ng :: () { 1 + ; }\n"),
    );
    assert_eq!(error.kind(), ErrorKind::Compile);
    let places: Vec<_> = error.diagnostics().iter().filter_map(|d| d.place()).collect();
    assert!(places.iter().any(|&(path, line, _)| (path, line) == ("level.sx", 4)), "{places:?}");
    let first = &error.diagnostics()[0];
    assert!(first.code().starts_with('E') && sx::explain(first.code()).is_some());
    assert!(first.to_json().starts_with("{\"code\":\"E"));
    assert!(error.render().contains("--> level.sx:"), "{}", error.render());
    assert!(error.to_string().starts_with("level.sx:"), "{error}");
}

#[test]
fn traps_have_a_kind_and_a_stack() {
    let mut i = instance(
        "at :: (xs: []i64, n: i64) -> i64 {\n    xs[n]\n}\nouter :: (n: i64) -> i64 {\n    xs := .[1, 2, 3];\n    at(xs[..], n) + 1\n}",
    );
    let outer = i.func::<(i64,), i64>("outer").unwrap();
    assert!(!i.is_trapped());
    let error = failure(outer.call(&mut i, (9,)));
    assert_eq!(error.kind(), ErrorKind::Trap);
    assert_eq!(error.trap_kind(), Some(TrapKind::IndexOutOfRange));
    assert!(i.is_trapped());
    assert_eq!(
        error.render(),
        "trap: index 9 out of range for length 3\n  at program.sx:2:5 in at\n  at program.sx:6:5 in outer\n"
    );
    // The instance still works; whether that makes sense, the host decides.
    assert_eq!(outer.call(&mut i, (1,)).unwrap(), 3);
}

#[test]
fn every_kind_of_trap_is_an_error() {
    let mut i = instance(
        "#import \"modules/std.sx\";
         div :: (a: i64, b: i64) -> i64 { a / b }
         null_read :: () -> i64 { p : *i64 = null; p.* }
         unwrap :: (n: ?i64) -> i64 { n! }
         deep :: (n: i64) -> i64 { deep(n + 1) + 1 }
         checked :: (ok: bool) { assert(ok, \"not ok\"); }
         stop :: () { panic(\"enough\"); }",
    );
    let kind = |error: sx::Error| (error.trap_kind(), error.to_string());
    let div = i.func::<(i64, i64), i64>("div").unwrap();
    assert_eq!(
        kind(failure(div.call(&mut i, (1, 0)))),
        (Some(TrapKind::DivisionByZero), "division by zero".into())
    );
    assert_eq!(failure(div.call(&mut i, (i64::MIN, -1))).trap_kind(), Some(TrapKind::DivisionOverflow));
    let read = i.func::<(), i64>("null_read").unwrap();
    assert_eq!(failure(read.call(&mut i, ())).trap_kind(), Some(TrapKind::NullDereference));
    let unwrap = i.func::<(Option<i64>,), i64>("unwrap").unwrap();
    assert_eq!(failure(unwrap.call(&mut i, (None,))).trap_kind(), Some(TrapKind::UnwrapNull));
    let deep = i.func::<(i64,), i64>("deep").unwrap();
    let error = failure(deep.call(&mut i, (0,)));
    assert_eq!(error.trap_kind(), Some(TrapKind::StackOverflow));
    assert!(error.backtrace().omitted > 1000, "{:?}", error.backtrace().omitted);
    assert_eq!(error.render().lines().count(), 2 + error.backtrace().frames.len());
    let checked = i.func::<(bool,), ()>("checked").unwrap();
    assert_eq!(failure(checked.call(&mut i, (false,))).message(), "assertion failed: not ok");
    let stop = i.func::<(), ()>("stop").unwrap();
    assert_eq!(kind(failure(stop.call(&mut i, ()))), (Some(TrapKind::Panic), "enough".into()));
}

#[test]
fn any_bytes_are_met_with_errors() {
    for bytes in
        [&b"\xff\xfe"[..], b"\0", b"main :: () {", b"((((((((((", b"#import \"x.sx\"; main :: () { y(); }"]
    {
        let error = failure(Engine::new().compile_bytes("x.sx", bytes));
        assert_eq!(error.kind(), ErrorKind::Compile, "{bytes:?}");
        assert!(!error.render().is_empty());
    }
    assert_eq!(
        failure(Engine::new().compile_file("/no/such/file.sx")).message(),
        "there is no file `/no/such/file.sx`"
    );
    assert_eq!(failure(Engine::new().compile_file("/")).kind(), ErrorKind::Io);
    assert_eq!(failure(Engine::new().compile_module("nothing")).message(), "there is no module `nothing`");
}

#[test]
fn what_is_not_allowed_is_refused() {
    let source = "puts :: (s: cstring) -> i32 extern libc; f :: () { puts(\"x\"); }";
    assert_eq!(failure(Engine::new().compile(source)).diagnostics()[0].code(), "E0801");
    assert!(Engine::builder().user_extern(true).build().compile(source).is_ok());
    let variable = "environ : *cstring extern; f :: () -> *cstring { environ }";
    let error = Engine::new().compile(variable).map(drop).unwrap_err();
    assert_eq!(error.diagnostics()[0].code(), "E0801");
    assert!(Engine::builder().user_extern(true).build().compile(variable).is_ok());
    let missing = "f :: () extern host \"game.nothing\"; g :: () { f(); }";
    let error = failure(Engine::new().compile(missing));
    assert_eq!(error.diagnostics()[0].code(), "E0805");
    assert!(error.message().contains("the host has no function `game.nothing`"), "{error}");
    let floor = "f :: (n: i64, a: i64) -> *void extern host \"sx_alloc\"; g :: () { f(1, 1); }";
    assert!(failure(Engine::new().compile(floor)).message().contains("belongs to the library"));
    let file = "#import \"Cargo.toml\"; f :: () { x(); }";
    assert!(failure(Engine::new().compile(file)).diagnostics().iter().any(|d| d.code() == "E0104"));
}
