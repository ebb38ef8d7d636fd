//! `sx test`.

use crate::{Folder, sx};

const TESTS: &str = "#import \"modules/std.sx\";
count := 0;
bump :: () -> i64 { count += 1; count }
test \"first\" { assert(bump() == 1); }
test \"alone in its instance\" { assert(bump() == 1); }
";

#[test]
fn passing_tests_are_counted() {
    let folder = Folder::new();
    folder.file("a.sx", TESTS);
    folder.file("sub/b.sx", "test \"deep\" {}\n");
    folder.file("plain.sx", "this is no program");
    let ran = sx(&["test", folder.root().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("3 passed, 0 failed in "), "{}", ran.out);
    let filtered = sx(&["test", "--filter", "alone", &folder.path("a.sx")]);
    assert!(filtered.out.contains("1 passed, 0 failed, 1 filtered out in "), "{}", filtered.out);
}

#[test]
fn failures_are_shown_and_the_rest_runs() {
    let folder = Folder::new();
    let file = folder.file(
        "a.sx",
        "#import \"modules/std.sx\";\ntest \"trap\" { xs := .[1, 2]; n := xs.len; _ = xs[n]; }\ntest \"error\" { raise error.Odd; }\ntest \"good\" {}\n",
    );
    let ran = sx(&["test", &file]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("1 passed, 2 failed"), "{}", ran.out);
    assert!(ran.out.contains(&format!("FAILED {file}: trap")), "{}", ran.out);
    assert!(ran.err.contains("trap: index 2 out of range for length 2"), "{}", ran.err);
    assert!(ran.err.contains("the test failed with error.Odd"), "{}", ran.err);
}

#[test]
fn what_does_not_compile_fails() {
    let folder = Folder::new();
    let file = folder.file("a.sx", "test \"x\" { nope(); }\n");
    let ran = sx(&["test", &file]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("1 file couldn't be compiled"), "{}", ran.out);
    assert_eq!(sx(&["test", &folder.path("none")]).code, 1);
}
