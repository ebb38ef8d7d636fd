//! Files that can't be read, for every subcommand that reads one.

use crate::{Folder, sx};
use std::fs::File;
use std::os::unix::fs::PermissionsExt;

const READERS: [&str; 6] = ["run", "check", "ir", "bytecode", "fmt", "test"];

/// The subcommand refuses the path with exit code 1 and one message that holds the words.
fn refused(subcommand: &str, path: &str, words: &[&str]) {
    let ran = sx(&[subcommand, path]);
    assert_eq!(ran.code, 1, "{subcommand}: {ran:?}");
    assert!(ran.err.starts_with("error: ") || ran.err.starts_with("error["), "{subcommand}: {ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{subcommand} doesn't say `{word}`: {}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{subcommand}: {}", ran.err);
}

#[test]
fn missing_files() {
    let folder = Folder::new();
    for subcommand in READERS {
        refused(subcommand, &folder.path("none.sx"), &["none.sx"]);
        refused(subcommand, &folder.path("no/such/folder/none.sx"), &["none.sx"]);
    }
}

#[test]
fn folders() {
    let folder = Folder::new();
    let inner = folder.path("inner.sx");
    std::fs::create_dir(&inner).expect("a folder can be made");
    // For tests a folder is what is searched.
    for subcommand in &READERS[..5] {
        refused(subcommand, &inner, &["inner.sx"]);
    }
    assert_eq!(sx(&["test", &inner]).code, 0);
}

#[test]
fn files_without_permission() {
    let folder = Folder::new();
    let locked = folder.file("locked.sx", "main :: () {}");
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o000)).expect("it is ours");
    // The superuser reads everything.
    if File::open(&locked).is_err() {
        for subcommand in READERS {
            refused(subcommand, &locked, &["locked.sx", "ermission denied"]);
        }
    }
}

#[test]
fn bytes_that_are_no_text() {
    let folder = Folder::new();
    let bytes = folder.file("bytes.sx", b"main :: () {}\ntest \"\xff\" {}\n");
    for subcommand in READERS {
        refused(subcommand, &bytes, &["E0019", "bytes.sx:2:7"]);
    }
    assert_eq!(std::fs::read(&bytes).expect("it is there"), b"main :: () {}\ntest \"\xff\" {}\n");
}

#[test]
fn a_file_too_many_does_not_keep_the_others() {
    let folder = Folder::new();
    let good = folder.file("good.sx", "test \"fine\" {}\n");
    let ran = sx(&["test", &folder.path("none.sx"), &good]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("1 passed, 0 failed, 1 file couldn't be compiled"), "{}", ran.out);
    let bad = folder.file("bad.sx", "f :: () { nope }\n");
    let ran = sx(&["check", &folder.path("none.sx"), &bad]);
    assert!(ran.err.contains("none.sx") && ran.err.contains("bad.sx:1:11"), "{}", ran.err);
}
