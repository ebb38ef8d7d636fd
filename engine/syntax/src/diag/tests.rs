use super::*;
use crate::parse;
use crate::source::Sources;
use crate::span::{FileId, Span};
use pretty_assertions::assert_eq;

fn sources(text: &str) -> Sources {
    let mut sources = Sources::new();
    sources.add(parse("a.sx".into(), text.into()));
    sources
}

fn at(text: &str, part: &str) -> Loc {
    let lo = text.find(part).expect("the part is in the text") as u32;
    Loc::new(FileId(0), Span::new(lo, lo + part.len() as u32))
}

fn error(loc: Loc) -> Diagnostic {
    Diagnostic::error(Code::E0001, loc, "what")
}

#[track_caller]
fn check(text: &str, diagnostic: &Diagnostic, expected: &[&str]) {
    check_width(text, diagnostic, 140, expected);
}

#[track_caller]
fn check_width(text: &str, diagnostic: &Diagnostic, width: usize, expected: &[&str]) {
    let shown = render(diagnostic, &sources(text), Style { color: false, width });
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn one_place() {
    let text = "a := 1;\nb := foo;\n";
    check(
        text,
        &error(at(text, "foo")).label("here").note("a fact\nof two lines").help("do this"),
        &[
            "error[E0001]: what",
            "  --> a.sx:2:6",
            "   |",
            " 2 | b := foo;",
            "   |      ^^^ here",
            "note: a fact",
            "      of two lines",
            "help: do this",
        ],
    );
}

#[test]
fn several_places() {
    let text = "f(aa, bb, cc);\nx;\ny;\nz;\nw;\n";
    let d = error(at(text, "bb")).label("this").also(at(text, "f"), "called").also(at(text, "cc"), "that");
    check(
        text,
        &d.clone().also(at(text, "y"), "far").also(at(text, "w"), "away"),
        &[
            "error[E0001]: what",
            "  --> a.sx:1:7",
            "   |",
            " 1 | f(aa, bb, cc);",
            "   | -     ^^  -- that",
            "   | |     |",
            "   | |     this",
            "   | called",
            " 2 | x;",
            " 3 | y;",
            "   | - far",
            " 4 | z;",
            " 5 | w;",
            "   | - away",
        ],
    );
    let inner = error(at(text, "f(aa, bb, cc)")).label("all").also(at(text, "bb"), "part");
    check(
        text,
        &inner,
        &[
            "error[E0001]: what",
            "  --> a.sx:1:1",
            "   |",
            " 1 | f(aa, bb, cc);",
            "   | ^^^^^^^^^^^^^",
            "   | |     |",
            "   | |     part",
            "   | all",
        ],
    );
}

#[test]
fn lines_far_apart() {
    let text = "a;\nb;\nc;\nd;\ne;\n";
    check(
        text,
        &error(at(text, "e")).also(at(text, "a"), "first"),
        &[
            "error[E0001]: what",
            "  --> a.sx:5:1",
            "   |",
            " 1 | a;",
            "   | - first",
            "...",
            " 5 | e;",
            "   | ^",
        ],
    );
}

#[test]
fn tabs_wide_characters_and_control_characters() {
    let text = "\tx\t:= \"日本\" + foo;";
    check(
        text,
        &error(at(text, "foo")).also(at(text, "本"), "wide"),
        &[
            "error[E0001]: what",
            "  --> a.sx:1:14",
            "   |",
            " 1 | \tx\t:= \"日本\" + foo;",
            "   | \t \t      --    ^^^",
            "   | \t \t      |",
            "   | \t \t      wide",
        ],
    );
    let text = "x := \"\u{1b}[31m\u{202e}\" + foo;";
    check(
        text,
        &error(at(text, "foo")),
        &[
            "error[E0001]: what",
            "  --> a.sx:1:17",
            "   |",
            " 1 | x := \"\u{fffd}[31m\u{fffd}\" + foo;",
            "   |                 ^^^",
        ],
    );
}

#[test]
fn line_ends_and_marks() {
    let text = "\u{feff}foo;\r\nbar;\r\n";
    check(
        text,
        &error(at(text, "foo")),
        &["error[E0001]: what", "  --> a.sx:1:1", "   |", " 1 | foo;", "   | ^^^"],
    );
    check(
        text,
        &error(at(text, ";\r\n")),
        &["error[E0001]: what", "  --> a.sx:1:4", "   |", " 1 | foo;", "   |    ^"],
    );
    let end = |at: u32| Loc::new(FileId(0), Span::at(at));
    check(
        text,
        &error(end(text.len() as u32)),
        &["error[E0001]: what", "  --> a.sx:3:1", "   |", " 3 | ", "   | ^"],
    );
    check("foo", &error(end(3)), &["error[E0001]: what", "  --> a.sx:1:4", "   |", " 1 | foo", "   |    ^"]);
    check("", &error(end(0)), &["error[E0001]: what", "  --> a.sx:1:1", "   |", " 1 | ", "   | ^"]);
    // Places that no text has are shown at its end.
    check(
        "é",
        &error(Loc::new(FileId(0), Span::new(1, 99))),
        &["error[E0001]: what", "  --> a.sx:1:1", "   |", " 1 | é", "   | ^"],
    );
    assert_eq!(
        render(&error(Loc::new(FileId(7), Span::at(0))), &sources(""), Style::default()),
        "error[E0001]: what\n"
    );
}

#[test]
fn several_lines() {
    let text = "f :: () {\n    a;\n    b;\n}\n";
    let whole = Loc::new(FileId(0), Span::new(5, text.len() as u32));
    check(
        text,
        &error(whole).label("all of it"),
        &[
            "error[E0001]: what",
            "  --> a.sx:1:6",
            "   |",
            " 1 | f :: () {",
            "   |      ^^^^",
            "...",
            " 4 | }",
            "   | ^ all of it",
        ],
    );
}

#[test]
fn long_lines_are_cut() {
    let text = format!("{}foo{}", "a ".repeat(5_000_000), " b".repeat(10));
    check_width(
        &text,
        &error(at(&text, "foo")).label("here"),
        30,
        &[
            "error[E0001]: what",
            "  --> a.sx:1:10000001",
            "   |",
            " 1 | ...a a a a a foo b b b b b b b b ...",
            "   |              ^^^ here",
        ],
    );
    let text = format!("foo{}bar", " ".repeat(100));
    check_width(
        &text,
        &error(at(&text, "bar")).also(at(&text, "foo"), "far"),
        30,
        &[
            "error[E0001]: what",
            "  --> a.sx:1:104",
            "   |",
            " 1 | ...                           bar",
            "   |                               ^^^",
            " 1 | foo                           ...",
            "   | --- far",
        ],
    );
}

#[test]
fn other_files_and_colours() {
    let mut sources = sources("foo;");
    sources.add(parse("b.sx".into(), "\n\nbar;".into()));
    let d = error(Loc::new(FileId(0), Span::new(0, 3))).also(Loc::new(FileId(1), Span::new(2, 5)), "there");
    let shown = render(&d, &sources, Style::default());
    let expected = "error[E0001]: what\n  --> a.sx:1:1\n   |\n 1 | foo;\n   | ^^^\n  ::: b.sx:3:1\n   |\n 3 | bar;\n   | --- there\n";
    assert_eq!(shown, expected);
    let colored = render(&d, &sources, Style { color: true, width: 80 });
    assert!(colored.starts_with("\u{1b}[1;31merror[E0001]\u{1b}[0m"), "{colored:?}");
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some(n) = rest.find('\u{1b}') {
        plain.push_str(&rest[..n]);
        rest = &rest[n + rest[n..].find('m').expect("a colour ends with m") + 1..];
    }
    assert_eq!(plain + rest, expected);
}

#[test]
fn as_json() {
    let text = "x := \"é\t\" foo;";
    let d = error(at(text, "foo")).label("l\"").also(at(text, "x"), "s").note("n\n").help("h\u{1}");
    assert_eq!(
        json(&d, &sources(text)),
        r#"{"code":"E0001","severity":"error","message":"what","path":"a.sx","line":1,"column":11,"end_line":1,"end_column":14,"byte_start":11,"byte_end":14,"label":"l\"","secondary":[{"path":"a.sx","line":1,"column":1,"end_line":1,"end_column":2,"byte_start":0,"byte_end":1,"label":"s"}],"notes":["n\n"],"helps":["h\u0001"]}"#
    );
    assert!(
        json(&error(Loc::new(FileId(9), Span::at(0))), &sources("")).contains(r#""path":null,"label":null"#)
    );
}

#[test]
fn codes_are_explained() {
    for &code in Code::ALL {
        assert_eq!(code.as_str().parse(), Ok(code));
        assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{code}: title");
        assert!(code.explanation().len() > 20, "{code}: explanation");
        assert_eq!(code.explanation().matches("```").count() % 2, 0, "{code}: an open code block");
    }
    assert!("E9999".parse::<Code>().is_err());
}

#[test]
fn shown_in_source_order() {
    let place = |file, lo| error(Loc::new(FileId(file), Span::at(lo)));
    let mut all = vec![place(1, 0), place(0, 9), place(0, 3)];
    sort_for_display(&mut all);
    let order: Vec<_> = all.iter().map(|d| (d.loc.file.0, d.loc.span.lo)).collect();
    assert_eq!(order, [(0, 3), (0, 9), (1, 0)]);
}
