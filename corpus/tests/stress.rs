//! The programs of `stress/`, briefly: what must not be seen isn't, and what they compare it with is. For more, run them by
//! hand with more rounds.

use std::process::Command;
use std::time::Duration;
use sx_corpus::locate::{corpus_root, sx_binary};
use wait_timeout::ChildExt;

/// Runs a program for so many rounds; what it printed.
fn run(program: &str, rounds: u32) -> String {
    let sx = sx_binary().expect("there is a binary");
    let mut command = Command::new(sx);
    // Machine code orders more strictly than it has to, and would show nothing.
    command
        .args(["run", "--tier", "interp"])
        .arg(corpus_root().join("stress").join(program))
        .arg(rounds.to_string());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let Some(status) = child.wait_timeout(Duration::from_secs(120)).expect("it can be waited for") else {
        // It is ours, and may have ended meanwhile.
        let _ = child.kill();
        panic!("{program} doesn't end");
    };
    let output = child.wait_with_output().expect("it was read");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(status.success(), "{program}: {status}\n{text}");
    text
}

#[test]
fn what_the_memory_model_forbids_is_not_seen() {
    // A machine that does one thing at a time shows nothing, and one that is busy may show little: the controls are asked
    // for only where there is a chance.
    let text = run("litmus.sx", 20_000);
    assert_eq!(text.matches(": ok\n").count(), 6, "{text}");
    let two = std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2);
    if cfg!(target_arch = "x86_64") && two {
        let reordered = |text: &str| {
            text.lines().any(|line| line.starts_with("store buffering") && line.ends_with(": seen"))
        };
        let seen = (0..5).any(|_| reordered(&run("litmus.sx", 20_000)));
        assert!(seen, "the controls show nothing, so that the tests prove nothing\n{text}");
    }
}

#[test]
fn locks_forget_nobody() {
    let text = run("locks.sx", 2_000);
    assert_eq!(text.matches(": ok\n").count(), 5, "{text}");
}
