//! What compile-time code prints, and what becomes of it.

use crate::output::Captured;
use sx::{Engine, EngineBuilder, ErrorKind, Session};

fn session() -> (Session, Captured) {
    let captured = Captured::default();
    let engine = Engine::builder().comptime_ffi(true);
    let session = Session::with_instance(engine, |instance| instance.output(captured.clone()));
    (session.expect("the library compiles"), captured)
}

/// Evaluates inputs and says what was printed by each.
fn printed(inputs: &[&str]) -> Vec<String> {
    let (mut session, captured) = session();
    let each = inputs.iter().map(|input| {
        let failed = session.eval(input).is_err();
        session.instance().flush().expect("nothing is lost");
        let out = captured.take();
        if failed { format!("{out}!") } else { out }
    });
    each.collect()
}

const NOISY: &str = "noisy :: () -> i64 { print(\"noisy\\n\"); 4 }";

#[test]
fn sessions_print_it_once() {
    assert_eq!(printed(&["#run print(\"a\\n\");", "1"]), ["a\n", "1\n"]);
    assert_eq!(printed(&[NOISY, "N :: #run noisy();", "N", "N"]), ["", "noisy\n", "4\n", "4\n"]);
    assert_eq!(printed(&[NOISY, "x := #run noisy();", "x"]), ["", "noisy\n", "4\n"]);
    // Before what the same input prints when it runs.
    assert_eq!(printed(&[NOISY, "print(\"{}\\n\", #run noisy());"]), ["", "noisy\n4\n"]);
    // A value that can fail is tried more than once.
    let fails = "odd :: (n: i64) -> i64 ! { if n % 2 == 0 { raise error.Even; } n }";
    assert_eq!(printed(&[NOISY, fails, "odd(#run noisy() + 1)"]), ["", "", "noisy\n5\n"]);
}

#[test]
fn sessions_print_it_for_refused_inputs_too() {
    assert_eq!(printed(&[NOISY, "N :: #run noisy();  M :: missing;"]), ["", "noisy\n!"]);
    let trap = "f :: () -> i64 { print(\"so far\"); xs := .[1]; n := 3; xs[n] }  N :: #run f();";
    assert_eq!(printed(&[trap, "1"]), ["so far!", "1\n"]);
    // What was refused leaves nothing behind.
    assert_eq!(
        printed(&["x := 1;", "x + missing", "x + 1", "y := missing;", "x"]),
        ["", "!", "2\n", "!", "1\n"]
    );
}

#[test]
fn inputs_are_compiled_once_each() {
    // Before, each input compiled everything before it again; this took minutes.
    let (mut session, _) = session();
    for n in 0..1500 {
        session.eval(&format!("x{n} := {n};")).expect("this is right");
    }
    session.eval("x1499").expect("it is there");
}

/// The library's writer with another field in place of one.
fn with_writer(from: &str, to: &str) -> EngineBuilder {
    let writer = sx_lib::get("modules/std/fmt/writer.sx").expect("the library has it");
    assert!(writer.contains(from), "{from}");
    Engine::builder().module("modules/std/fmt/writer.sx", &writer.replacen(from, to, 1))
}

#[test]
fn a_library_with_another_writer_is_refused() {
    let program = "#import \"modules/std.sx\"; main :: () { print(\"hi\\n\"); }";
    assert!(with_writer("error: i32", "error: i32").build().compile(program).is_ok());
    let error = with_writer("error: i32", "error: i64").build().compile(program).expect_err("it differs");
    assert_eq!(error.kind(), ErrorKind::Link);
    let message = error.to_string();
    assert!(message.contains("`out_state` has no field `error: i32`"), "{message}");
    // What doesn't print has nothing to do with it.
    assert!(with_writer("error: i32", "error: i64").build().compile("main :: () {}").is_ok());
}
