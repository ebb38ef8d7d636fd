//! `sx build`.

use crate::{Folder, sx};

const SCRIPT: &str = r#"#import "modules/std.sx";
#import "modules/std/build.sx";

#run {
    set_main("main.sx");
    set_output("game");
    set_mode(if value("release") == "yes" then "release" else "debug");
    set_opt("less");
    for 0..2 (i) { add_source(format("part{}.c", i)); }
    add_library("m");
    add_library("m");
    add_library_path("libs");
    emit_file("made/version.sx", format("VERSION :: \"{}\";\n", value("version")));
};
"#;

#[test]
fn a_plan_is_shown() {
    let folder = Folder::new();
    let script = folder.file("build.sx", SCRIPT);
    let ran = sx(&["build", &script, "--dump", "-D", "release=yes", "-D", "version=1", "-D", "version=1.2"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let want = concat!(
        r#"{"main":"main.sx","output":"game","mode":"release","opt":"less","sources":["part0.c","part1.c"],"#,
        r#""libraries":["m"],"library_paths":["libs"],"#,
        r#""files":{"made/version.sx":"VERSION :: \"1.2\";\n"}}"#,
        "\n"
    );
    assert_eq!(ran.out, want);
    assert!(!std::path::Path::new(&folder.path("made")).exists(), "a plan that is shown is not carried out");
}

#[test]
fn files_are_made_and_the_program_is_checked() {
    let folder = Folder::new();
    let script = folder.file("build.sx", SCRIPT);
    let main =
        "#import \"made/version.sx\";\n#assert BUILD_MODE == \"debug\";\nmain :: () { _ = VERSION; }\n";
    folder.file("main.sx", main);
    let ran = sx(&["build", &script, "-D", "version=3"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(ran.err.contains("main.sx: checked in mode `debug`"), "{}", ran.err);
    let made = std::fs::read_to_string(folder.path("made/version.sx")).expect("the file was made");
    assert_eq!(made, "VERSION :: \"3\";\n");
    // In the other mode the program's assertion is wrong.
    let ran = sx(&["build", &script, "-D", "release=yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[E0702]"), "{}", ran.err);
}

#[test]
fn what_a_build_does_not_have_is_refused() {
    let refused = |what: &str, message: &str| {
        let folder = Folder::new();
        let text = format!(
            "#import \"modules/std.sx\";\n#import \"modules/std/build.sx\";\n#run {{\n    {what}\n}};\n"
        );
        let script = folder.file("build.sx", &text);
        let ran = sx(&["build", &script, "--dump"]);
        assert_eq!(ran.code, 1, "{what}");
        assert!(ran.err.contains("error[E0707]") && ran.err.contains(message), "{what}: {}", ran.err);
        assert!(ran.err.contains("- called here"), "{what}: {}", ran.err);
    };
    refused("set_mode(\"fast\");", "there is no mode `fast`");
    refused("set_opt(\"3\");", "there is no level `3`");
    refused("emit_file(\"../a.sx\", \"\");", "doesn't lie below");
    refused("emit_file(\"/tmp/a.sx\", \"\");", "doesn't lie below");
    refused("emit_file(\"a.sx\", \"1\"); emit_file(\"a.sx\", \"2\");", "made twice");
    refused("add_library(\"\");", "needs a name");
    // A program isn't a build script.
    let folder = Folder::new();
    let script = folder.file("build.sx", &(SCRIPT.to_owned() + "main :: () { }\n"));
    let ran = sx(&["run", &script]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[E0707]: only a build script can do this"), "{}", ran.err);
}

#[test]
fn scripts_without_a_program_and_missing_ones_are_errors() {
    let folder = Folder::new();
    let script = folder.file("build.sx", "");
    let ran = sx(&["build", &script]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("names no program"), "{}", ran.err);
    assert_eq!(sx(&["build", &folder.path("none.sx")]).code, 1);
    assert_eq!(sx(&["build", &script, "-D", "novalue"]).code, 2);
}
