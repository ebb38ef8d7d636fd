//! Where diagnostics point: line ends, byte order marks, tabs, wide characters; and in which order they come.

use crate::{Folder, sx};

/// The text of `sx check`, with the file called `a.sx`.
fn check(source: &str) -> String {
    let folder = Folder::new();
    let file = folder.file("a.sx", source);
    let ran = sx(&["check", "--color", "never", &file]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.err.replace(&file, "a.sx")
}

/// The line of source and the one of carets below it.
fn shown(err: &str) -> (&str, &str) {
    let mut lines = err.lines();
    let carets =
        lines.position(|line| line.trim_start().starts_with("| ") && line.contains('^')).expect("carets");
    let all: Vec<&str> = err.lines().collect();
    (all[carets - 1], all[carets])
}

#[test]
fn line_ends_do_not_matter() {
    let unix = check("main :: () {\n    x := 1;\n    nope();\n}\n");
    assert_eq!(unix, check("main :: () {\r\n    x := 1;\r\n    nope();\r\n}\r\n"));
    assert!(unix.contains("--> a.sx:3:5\n"), "{unix}");
    assert_eq!(shown(&unix), (" 3 |     nope();", "   |     ^^^^"));
    // The last line need not end.
    assert_eq!(shown(&check("main :: () { nope(); }")).1, "   |              ^^^^");
}

#[test]
fn a_byte_order_mark_is_no_column() {
    let plain = check("nope : Missing;\n");
    assert_eq!(plain, check("\u{feff}nope : Missing;\n"));
    assert!(plain.contains("--> a.sx:1:8\n"), "{plain}");
    assert!(!check("\u{feff}x := nope;\n").contains('\u{feff}'));
}

#[test]
fn carets_stand_under_what_follows_tabs_and_wide_characters() {
    let tabs = check("main :: () {\n\t\tnope();\n}\n");
    assert!(tabs.contains("--> a.sx:2:3\n"), "{tabs}");
    let (line, carets) = shown(&tabs);
    // The same blanks stand before both, whatever width a tab has.
    let before = |text: &str, what: &str| {
        text[..text.find(what).expect("it is shown")].chars().skip(4).collect::<String>()
    };
    assert_eq!(before(line, "nope"), before(carets, "^"), "{tabs}");
    let wide = check("main :: () { s := \"\u{65e5}\u{672c}\"; nope(); }\n");
    assert!(wide.contains("--> a.sx:1:25\n"), "{wide}");
    let (line, carets) = shown(&wide);
    // Each of the two takes two columns on a terminal.
    let columns = line[..line.find("nope").expect("it is shown")].chars().count() + 2;
    assert_eq!(carets.find('^'), Some(columns), "{wide}");
    assert_eq!(carets.matches('^').count(), 4);
}

#[test]
fn files_come_in_the_order_given_and_errors_in_that_of_the_source() {
    let folder = Folder::new();
    folder.file("lib.sx", "one :: () -> i64 { in_lib }\n");
    let source = "#import \"lib.sx\";\nb :: () -> i64 { second(first) }\na :: () -> Missing { third }\nmain :: () { x := one(); 1 + 2; }\n";
    let z = folder.file("z.sx", source);
    let a = folder.file("a.sx", "f :: () { only }\n");
    for _ in 0..3 {
        let err = sx(&["check", &z, &a]).err;
        let places: Vec<&str> =
            err.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect();
        let short: Vec<&str> = places.iter().map(|place| place.rsplit('/').next().expect("a name")).collect();
        let main: Vec<&&str> = short.iter().filter(|place| place.starts_with("z.sx")).collect();
        assert!(
            main.is_sorted_by_key(|place| {
                let mut numbers = place.split(':').skip(1).map(|n| n.parse::<u32>().expect("a number"));
                (numbers.next(), numbers.next())
            }),
            "{short:?}"
        );
        assert_eq!(short.last(), Some(&"a.sx:1:11"), "{short:?}");
        assert!(short.contains(&"lib.sx:1:20") && main.len() >= 3, "{short:?}");
        // The same each time.
        assert_eq!(sx(&["check", &z, &a]).err, err);
    }
}
