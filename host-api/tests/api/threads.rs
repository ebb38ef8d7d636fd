//! What may go from thread to thread, and what is shared.

use sx::{Diagnostic, Engine, Error, Global, Instance, InterruptHandle, Limits, Program, TypedFunc};

fn send<T: Send>() {}
fn shared<T: Send + Sync>() {}

#[test]
fn types_are_as_promised() {
    shared::<Engine>();
    shared::<Program>();
    shared::<TypedFunc<(i64, &str), String>>();
    shared::<Global<i64>>();
    shared::<InterruptHandle>();
    shared::<Error>();
    shared::<Diagnostic>();
    shared::<Limits>();
    send::<Instance>();
}

#[test]
fn one_program_runs_on_many_threads() {
    let program = Engine::new()
        .compile(
            "#import \"modules/std.sx\"; t := 0; add :: (n: i64) -> string { t += n; format(\"{}\", t) }",
        )
        .unwrap();
    let add = program.func::<(i64,), String>("add").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4i64 {
            let program = &program;
            scope.spawn(move || {
                let mut instance = program.instantiate().unwrap();
                for n in 1..=100 {
                    assert_eq!(add.call(&mut instance, (thread,)).unwrap(), (n * thread).to_string());
                }
            });
        }
    });
}

#[test]
fn instances_move_between_threads() {
    let program = Engine::new().compile("n := 0; next :: () -> i64 { n += 1; n }").unwrap();
    let next = program.func::<(), i64>("next").unwrap();
    let mut instance = program.instantiate().unwrap();
    for expected in 1..=3 {
        instance = std::thread::spawn(move || {
            assert_eq!(next.call(&mut instance, ()).unwrap(), expected);
            instance
        })
        .join()
        .unwrap();
    }
}

#[test]
fn things_can_be_dropped_in_any_order() {
    let engine = Engine::builder().host_fn("h", "one", || 1i64).build();
    let program = engine.compile("h :: #import \"h\"; f :: () -> i64 { h.one() }").unwrap();
    let mut instance = program.instantiate().unwrap();
    let f = instance.func::<(), i64>("f").unwrap();
    drop(engine);
    drop(program);
    assert_eq!(f.call(&mut instance, ()).unwrap(), 1);
    let handle = instance.interrupt_handle();
    drop(instance);
    handle.interrupt();
}

#[test]
fn threads_that_compile_make_the_same_program() {
    let mut source = String::new();
    for i in 0..3000 {
        let before = if i == 0 { "x".into() } else { format!("step{}(x)", i - 1) };
        source += &format!(
            "step{i} :: (x: i64) -> i64 {{ n := {before}; for 0..3 (j) {{ n = n * {i} + j; }} n }}\n"
        );
    }
    let compile = |threads| Engine::builder().compile_threads(threads).build().compile(&source).unwrap();
    let one = compile(1);
    let run = |program: &Program| {
        let mut instance = program.instantiate().unwrap();
        program.func::<(i64,), i64>("step2999").unwrap().call(&mut instance, (3,)).unwrap()
    };
    for many in [0, 2, 4] {
        let many = compile(many);
        assert!(
            one.ir_text(true) == many.ir_text(true) && one.bytecode_text(true) == many.bytecode_text(true)
        );
        assert_eq!(run(&one), run(&many));
    }
}
