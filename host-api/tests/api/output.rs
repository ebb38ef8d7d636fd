//! Where output goes.

use crate::instance;
use std::io;
use std::sync::{Arc, Mutex};
use sx::{Engine, ErrorKind, Output};

/// Keeps what is written.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<(String, String)>>);

impl Output for Captured {
    fn write(&mut self, fd: i32, bytes: &[u8]) -> io::Result<usize> {
        let mut streams = self.0.lock().unwrap();
        let stream = if fd == 1 { &mut streams.0 } else { &mut streams.1 };
        // In pieces, as the system may do.
        let n = bytes.len().min(5);
        stream.push_str(std::str::from_utf8(&bytes[..n]).unwrap());
        Ok(n)
    }
}

impl Captured {
    /// What went to standard output since.
    pub fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap().0)
    }
}

const SOURCE: &str = "
    #import \"modules/std.sx\";
    hello :: (name: string) { print(\"hello, {}\\n\", name); eprint(\"said to {}\\n\", name); }
    fail :: () { print(\"before\"); panic(\"stop\"); }
";

#[test]
fn output_can_be_captured() {
    let program = Engine::new().compile(SOURCE).unwrap();
    let captured = Captured::default();
    let mut i = program.instance().output(captured.clone()).build().unwrap();
    i.func::<(&str,), ()>("hello").unwrap().call(&mut i, ("world",)).unwrap();
    // What was printed is there when the call is over.
    assert_eq!(captured.0.lock().unwrap().0, "hello, world\n");
    assert_eq!(captured.0.lock().unwrap().1, "said to world\n");
    assert!(i.func::<(), ()>("fail").unwrap().call(&mut i, ()).is_err());
    assert_eq!(captured.0.lock().unwrap().0, "hello, world\nbefore");
}

struct Full;

impl Output for Full {
    fn write(&mut self, _: i32, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn lost_output_is_told() {
    let program = Engine::new().compile("#import \"modules/std.sx\"; main :: () { print(\"x\"); }").unwrap();
    let mut i = program.instance().output(Full).build().unwrap();
    let error = i.run_main().expect_err("the output is lost");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(i.flush().is_err());
}

#[test]
fn arguments_are_given() {
    let program = Engine::new()
        .compile("#import \"modules/std.sx\"; n :: () -> i64 { process.args().len } second :: () -> string { process.args()[1] }")
        .unwrap();
    let mut i = program.instance().args(["prog", "zwei"]).build().unwrap();
    assert_eq!(i.func::<(), i64>("n").unwrap().call(&mut i, ()).unwrap(), 2);
    assert_eq!(i.func::<(), String>("second").unwrap().call(&mut i, ()).unwrap(), "zwei");
    let mut none = instance("#import \"modules/std.sx\"; n :: () -> i64 { process.args().len }");
    assert_eq!(none.func::<(), i64>("n").unwrap().call(&mut none, ()).unwrap(), 0);
}
