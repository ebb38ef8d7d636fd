//! `sx fmt`.

use crate::{Folder, sx, sx_with_stdin};

const UGLY: &str = "main::(){x:=1+2;print( \"{}\\n\",x );}\n";

#[test]
fn files_are_rewritten_once() {
    let folder = Folder::new();
    let file = folder.file("a.sx", UGLY);
    let check = sx(&["fmt", "--check", &file]);
    assert_eq!((check.code, check.err), (1, format!("{file} would be changed\n")));
    assert_eq!(folder.read("a.sx"), UGLY);
    assert_eq!(sx(&["fmt", &file]).code, 0);
    let pretty = folder.read("a.sx");
    assert_ne!(pretty, UGLY);
    assert_eq!(sx(&["fmt", "--check", &file]).code, 0);
    assert_eq!(sx(&["fmt", &file]).code, 0);
    assert_eq!(folder.read("a.sx"), pretty);
    assert_eq!(std::fs::read_dir(folder.root()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_dash_is_a_filter() {
    let folder = Folder::new();
    let file = folder.file("a.sx", UGLY);
    assert_eq!(sx(&["fmt", &file]).code, 0);
    let ran = sx_with_stdin(&["fmt", "-"], UGLY.as_bytes());
    assert_eq!((ran.code, ran.out), (0, folder.read("a.sx")));
    assert_eq!(sx_with_stdin(&["fmt", "--check", "-"], UGLY.as_bytes()).code, 1);
}

#[test]
fn what_is_not_well_formed_stays() {
    let folder = Folder::new();
    let bad = "main :: () { x := ; }\n";
    let file = folder.file("a.sx", bad);
    let good = folder.file("b.sx", UGLY);
    let ran = sx(&["fmt", &file, &good, &folder.path("none.sx")]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("a.sx:1:19") && ran.err.contains("none.sx` can't be read"), "{}", ran.err);
    assert_eq!(folder.read("a.sx"), bad);
    assert_ne!(folder.read("b.sx"), UGLY, "the others are formatted");
}
