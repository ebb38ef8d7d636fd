//! Sessions say after every edit what a session says that begins with the edited text, and check no more than the edit
//! reaches.

use crate::support::session;
use std::collections::BTreeSet;
use std::path::Path;
use sx_sema::incremental::Session;
use sx_syntax::source::Sources;
use sx_syntax::span::Loc;

type Files = Vec<(String, String)>;

fn files(list: &[(&str, &str)]) -> Files {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn place(sources: &Sources, loc: Loc) -> String {
    let file = sources.get(loc.file);
    format!("{}:{}..{}", file.path, loc.span.lo, loc.span.hi)
}

/// All that is found, as text. Who asked for an instance first isn't part of it, and neither are numbers of functions.
fn found(session: &Session) -> BTreeSet<String> {
    let (diagnostics, sources) = session.diagnostics();
    let show = |d: &sx_syntax::diag::Diagnostic| {
        let asked = |text: &str| text.contains("required here");
        let mut labels: Vec<String> = d
            .secondary
            .iter()
            .filter(|label| !asked(&label.text))
            .map(|label| format!("{} {}", place(&sources, label.loc), label.text))
            .collect();
        labels.sort();
        let at = place(&sources, d.loc);
        let message = match d.message.split_once("function fn") {
            Some((before, number)) => {
                before.to_owned() + number.trim_start_matches(|c: char| c.is_ascii_digit())
            }
            None => d.message.clone(),
        };
        format!("{} {at} {message} {:?} {labels:?} {:?} {:?}", d.code.as_str(), d.label, d.notes, d.helps)
    };
    diagnostics.iter().map(show).collect()
}

/// Applies an edit and compares with a session that begins there.
#[track_caller]
fn edit(session: &mut Session, files: &mut Files, path: &str, text: &str) -> sx_sema::incremental::Update {
    let (_, old) = files.iter_mut().find(|(p, _)| p == path).expect("the program has the file");
    let before = std::mem::replace(old, text.to_owned());
    let update = session.set_text(path, text);
    let fresh = found(&self::session(files));
    let now = found(session);
    if now != fresh {
        let stale: Vec<&String> = now.difference(&fresh).collect();
        let missing: Vec<&String> = fresh.difference(&now).collect();
        let all: String = files.iter().map(|(path, text)| format!("//- {path}\n{text}\n")).collect();
        panic!(
            "after an edit of {path}\nfrom\n{before}\nto\n{all}\nstale: {stale:#?}\nmissing: {missing:#?}"
        );
    }
    update
}

#[track_caller]
fn replace(
    session: &mut Session,
    files: &mut Files,
    path: &str,
    from: &str,
    to: &str,
) -> sx_sema::incremental::Update {
    let text = files.iter().find(|(p, _)| p == path).expect("the program has the file").1.clone();
    assert!(text.contains(from), "no `{from}` in {text}");
    edit(session, files, path, &text.replacen(from, to, 1))
}

const MAIN: &str = r#"#import "shapes.sx";
util :: #import "util.sx";

main :: () {
    p := Point.{ x = 1, y = 2 };
    total := area(@p) + util.twice(3);
    total += util.largest(i64.[1, 2]);
}

other :: () -> i64 { LIMIT + 1 }
third :: () -> i64 { other() }
inferred :: () => util.twice(1);
user :: () -> i64 { inferred() }

test "one" { n := util.twice(2); }
#assert LIMIT == 10;
"#;
const SHAPES: &str = r#"
/// A place.
Point :: struct {
    x, y: i64;
    len :: (self: *Point) -> i64 { self.x + self.y }
    far :: (self: *Point) -> bool { self.len() > LIMIT }
}
Kind :: enum { small; large; }
LIMIT :: 10;
area :: (p: *Point) -> i64 { p.x * p.y }
kind :: (p: Point) -> Kind { if p.x > LIMIT then Kind.small else Kind.large }
"#;
const UTIL: &str = r#"
Bad :: error { Empty, Long }
twice :: (n: i64) -> i64 { n * 2 }
largest :: (xs: []$T) -> T {
    best := xs[0];
    for xs (x) { if x > best { best = x; } }
    best
}
read :: (s: string) -> i64 ! {
    if s.len == 0 { raise error.Empty; }
    s.len
}
strict :: (s: string) -> i64 !Bad { try read(s) }
SQUARE :: #run square(5);
square :: (n: i64) -> i64 { n * factor() }
factor :: () -> i64 { 3 }
Size :: protocol { size :: (self: *Self) -> i64; }
Box :: struct { w: i64; }
impl Size for Box { size :: (self: *Box) -> i64 { self.w } }
measure :: (s: Size) -> i64 { s.size() }
boxed :: () -> i64 { b := Box.{ w = 3 }; measure(xx @b) }
"#;

fn program() -> Files {
    files(&[("main.sx", MAIN), ("shapes.sx", SHAPES), ("util.sx", UTIL)])
}

#[test]
fn a_program_without_mistakes() {
    let session = session(&program());
    assert_eq!(found(&session), BTreeSet::new());
}

#[test]
fn a_body_is_checked_alone() {
    let mut files = program();
    let mut session = session(&files);
    let update = replace(&mut session, &mut files, "util.sx", "n * 2", "n * 4");
    assert_eq!((update.regions, update.bodies, update.whole), (1, 1, false));
    let update = replace(&mut session, &mut files, "util.sx", "n * 4", "n * \"\"");
    assert_eq!((update.regions, update.bodies), (1, 1));
    assert!(session.has_errors());
    let update = replace(&mut session, &mut files, "util.sx", "n * \"\"", "n * 2");
    assert_eq!((update.regions, update.bodies), (1, 1));
    assert!(!session.has_errors());
}

#[test]
fn comments_and_places_concern_nobody() {
    let mut files = program();
    let mut session = session(&files);
    replace(&mut session, &mut files, "shapes.sx", "p.x * p.y", "p.x * p.z");
    let update = replace(
        &mut session,
        &mut files,
        "shapes.sx",
        "/// A place.\n",
        "/// A place\n/// in the plane.\n\n",
    );
    assert_eq!((update.regions, update.bodies), (0, 0));
}

#[test]
fn a_signature_concerns_its_callers() {
    let mut files = program();
    let mut session = session(&files);
    let before = session.checked_bodies();
    let update = replace(&mut session, &mut files, "util.sx", "twice :: (n: i64)", "twice :: (n: i32)");
    assert!(!update.whole);
    // Its body, `main`, `inferred`, `user`, which takes the result of `inferred`, and the test.
    assert!(session.checked_bodies() - before <= 6, "{update:?}");
    replace(&mut session, &mut files, "util.sx", "twice :: (n: i32)", "twice :: (n: i64)");
}

#[test]
fn a_struct_concerns_its_users() {
    let mut files = program();
    let mut session = session(&files);
    let update = replace(&mut session, &mut files, "shapes.sx", "x, y: i64;", "x, y, z: i64;");
    // `other`, `third` and what stands in the other file aren't among them.
    assert!(!update.whole && update.bodies <= 6, "{update:?}");
    replace(&mut session, &mut files, "shapes.sx", "x, y, z: i64;", "x, z: i64;");
    assert!(session.has_errors());
    replace(&mut session, &mut files, "shapes.sx", "x, z: i64;", "x, y: i64;");
    assert!(!session.has_errors());
}

#[test]
fn names_come_and_go() {
    let mut files = program();
    let mut session = session(&files);
    replace(&mut session, &mut files, "shapes.sx", "LIMIT :: 10;", "LIMITS :: 10;");
    replace(&mut session, &mut files, "shapes.sx", "LIMITS :: 10;", "");
    replace(&mut session, &mut files, "main.sx", "main :: ()", "LIMIT :: 10;\nmain :: ()");
    replace(&mut session, &mut files, "shapes.sx", "area ::", "LIMIT :: 11;\narea ::");
    replace(&mut session, &mut files, "util.sx", "factor :: () -> i64 { 3 }", "");
    replace(&mut session, &mut files, "util.sx", "square ::", "factor :: () -> i64 { 4 }\nsquare ::");
}

#[test]
fn what_ran_runs_again() {
    let mut files = program();
    replace_text(
        &mut files,
        "util.sx",
        "SQUARE :: #run square(5);",
        "SQUARE :: #run square(5);\n#assert SQUARE == 15;",
    );
    let mut session = session(&files);
    assert_eq!(found(&session), BTreeSet::new());
    replace(&mut session, &mut files, "util.sx", "{ 3 }", "{ 4 }");
    assert!(session.has_errors());
    replace(&mut session, &mut files, "util.sx", "{ 4 }", "{ nothing }");
    replace(&mut session, &mut files, "util.sx", "{ nothing }", "{ 3 }");
    assert!(!session.has_errors());
}

fn replace_text(files: &mut Files, path: &str, from: &str, to: &str) {
    let (_, text) = files.iter_mut().find(|(p, _)| p == path).expect("the program has the file");
    assert!(text.contains(from), "no `{from}`");
    *text = text.replacen(from, to, 1);
}

#[test]
fn inferred_sets_are_judged_again() {
    let mut files = program();
    let mut session = session(&files);
    replace(&mut session, &mut files, "util.sx", "raise error.Empty", "raise error.Other");
    assert!(session.has_errors());
    replace(&mut session, &mut files, "util.sx", "{ try read(s) }", "{ n := try read(s); n }");
    assert!(session.has_errors());
    replace(&mut session, &mut files, "util.sx", "raise error.Other", "raise error.Long");
    assert!(!session.has_errors());
}

#[test]
fn instances_are_checked_for_whoever_uses_them() {
    let mut files = program();
    let mut session = session(&files);
    replace(&mut session, &mut files, "main.sx", "util.largest(i64.[1, 2])", "util.largest(bool.[true]).x");
    replace(
        &mut session,
        &mut files,
        "main.sx",
        "{ other() }",
        "{ util.largest(Kind.[Kind.small]); other() }",
    );
    replace(&mut session, &mut files, "main.sx", "util.largest(bool.[true]).x", "0");
    replace(&mut session, &mut files, "util.sx", "x > best", "x < best");
    replace(&mut session, &mut files, "main.sx", "util.largest(Kind.[Kind.small]); ", "");
    assert!(!session.has_errors());
}

#[test]
fn impls_come_and_go() {
    let mut files = program();
    let mut session = session(&files);
    replace(&mut session, &mut files, "util.sx", "impl Size for Box", "impl Size for i64");
    replace(&mut session, &mut files, "util.sx", "impl Size for i64", "impl Size for Box");
    assert!(!session.has_errors());
}

#[test]
fn queries() {
    let mut session = session(&program());
    let at = |text: &str, what: &str| text.find(what).expect("the text has it") as u32;
    assert_eq!(session.type_at("main.sx", at(MAIN, "p := ")).as_deref(), Some("Point"));
    assert_eq!(session.type_at("main.sx", at(MAIN, "LIMIT + 1")).as_deref(), Some("integer literal"));
    assert_eq!(session.type_at("main.sx", at(MAIN, "area(@p) +")).as_deref(), Some("i64"));
    let place = session.definition_at("main.sx", at(MAIN, "LIMIT + 1")).expect("a declaration");
    assert_eq!((&*place.path, place.span.lo), ("shapes.sx", at(SHAPES, "LIMIT :: 10")));
    let place = session.definition_at("shapes.sx", at(SHAPES, "p.x * p.y")).expect("a parameter");
    assert_eq!((&*place.path, place.span.lo), ("shapes.sx", at(SHAPES, "p: *Point) -> i64 { p.x")));
    let uses = session.references("shapes.sx", at(SHAPES, "LIMIT :: 10"));
    let texts: Vec<(&str, u32)> = uses.iter().map(|place| (&*place.path, place.span.lo)).collect();
    let expected = [
        ("main.sx", at(MAIN, "LIMIT + 1")),
        ("main.sx", at(MAIN, "LIMIT == 10")),
        ("shapes.sx", at(SHAPES, "LIMIT }")),
        ("shapes.sx", at(SHAPES, "LIMIT then")),
    ];
    assert_eq!(texts, expected);
}

const MEMBERS: &str = r#"
Point :: struct {
    x: i64; y: i64;
    sum :: (self: *Point) -> i64 { self.x + self.y }
    first :: (self: *Point) -> i64 #get => self.x;
    first :: (self: *Point, v: i64) #set { self.x = v; }
    ZERO :: 0;
}
Named :: struct { #using p: Point; name: string; }
Shape :: enum { dot; box: i64; }
Size :: protocol { size :: (self: *Self) -> i64; twice :: (self: *Self) -> i64 { self.size() * 2 } }
impl Size for Point { size :: (self: *Point) -> i64 { self.sum() } }
bump :: ufcs (n: i64) -> i64 { n + 1 }
Box :: struct ($T: Type) { held: T; get :: (self: *Box(T)) -> T { self.held } }
make :: () -> Point { .{ x = 1, y = 2 } }
boxed :: () -> Box(i64) { .{ held = 3 } }
"#;
const USERS: &str = r#"
#import "members.sx";
x :: 9;
fields :: () -> i64 { n : Named = .{}; n.x = make().x; n.p.x }
bare :: () -> Point { Point.{ x, y = x } }
methods :: () -> i64 { p := make(); p.first = p.sum(); p.first + Point.ZERO + Point.sum(@p) }
through :: (s: Size) -> i64 { s.size() + s.twice() }
direct :: () -> i64 { p := make(); p.size() + p.twice() + 3.bump() }
generic :: () -> i64 { b := boxed(); b.get() + b.held }
shape :: (s: Shape) -> Shape { if s == { case .dot: return .box(1); case .box: (n) { _ = n; } } Shape.dot }
main :: () { }
"#;

#[test]
fn members_are_found() {
    let files = [("users.sx".to_owned(), USERS.to_owned()), ("members.sx".to_owned(), MEMBERS.to_owned())];
    let mut session = session(&files);
    assert!(!session.has_errors(), "{:?}", session.diagnostics());
    let members = |what: &str| MEMBERS.find(what).expect("the text has it") as u32;
    let users = |what: &str| USERS.find(what).expect("the text has it") as u32;
    let cases: &[(u32, &str, &[u32])] = &[
        (
            members("x: i64; y"),
            "x",
            &[
                members("x + self.y"),
                members("x;\n    first"),
                members("x = v"),
                members("x = 1"),
                users("x = make"),
                users("x; n.p"),
                users("x }\nbare"),
                users("x, y = x"),
            ],
        ),
        (members("sum ::"), "sum", &[members("sum() }"), users("sum(); p.first"), users("sum(@p)")]),
        (members("first :: (self: *Point) ->"), "first", &[users("first + Point")]),
        (members("first :: (self: *Point, v"), "first", &[users("first = p.sum")]),
        (members("ZERO"), "ZERO", &[users("ZERO")]),
        (members("p: Point; name"), "p", &[users("p.x }")]),
        (members("size :: (self: *Self)"), "size", &[members("size() * 2"), users("size() + s.twice")]),
        (members("size :: (self: *Point)"), "size", &[users("size() + p.twice")]),
        (members("twice :: "), "twice", &[users("twice() }\ndirect"), users("twice() + 3")]),
        (members("bump"), "bump", &[users("bump")]),
        (members("held: T"), "held", &[members("held }"), members("held = 3"), users("held }")]),
        (members("get :: "), "get", &[users("get() + b")]),
        (members("dot;"), "dot", &[users("dot: return"), users("dot }")]),
        (members("box: i64"), "box", &[users("box(1)"), users("box: (n)")]),
    ];
    let in_text = |place: &sx_sema::incremental::Place| {
        let from_users = &*place.path == "users.sx";
        let text = if from_users { USERS } else { MEMBERS };
        (from_users, &text[place.span.lo as usize..place.span.hi as usize], place.span.lo)
    };
    for &(declared, name, uses) in cases {
        let found = session.references("members.sx", declared);
        let places: Vec<u32> = found.iter().map(|place| in_text(place).2).collect();
        assert_eq!(places, uses, "uses of `{name}` at {declared}: {found:?}");
        for place in &found {
            assert_eq!(in_text(place).1, name);
            let there = session.definition_at(&place.path, place.span.lo).expect("it is declared");
            assert_eq!((&*there.path, there.span.lo), ("members.sx", declared), "from {place:?}");
        }
    }
}

#[test]
fn imports_of_what_is_there_come_and_go() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let mut files = vec![
        file(
            "main.sx",
            "#import \"a.sx\";\n#import \"b.sx\";\nf :: () -> i64 { one() }\ng :: () -> i64 { 1 }\nmain :: () { }\n",
        ),
        file("a.sx", "#import \"b.sx\";\none :: () -> i64 { two() }\n"),
        file("b.sx", "two :: () -> i64 { 2 }\nthree :: () -> i64 { 3 }\n"),
    ];
    let mut session = session(&files);
    replace(&mut session, &mut files, "main.sx", "#import \"b.sx\";", "b :: #import \"b.sx\";");
    replace(&mut session, &mut files, "main.sx", "{ 1 }", "{ three() }");
    assert!(session.has_errors());
    files[0].1 = files[0].1.replace("b :: #import", "#import");
    let update = session.set_text("main.sx", &files[0].1);
    assert!(!update.whole && update.bodies <= 2, "{update:?}");
    assert!(!session.has_errors());
    replace(&mut session, &mut files, "a.sx", "#import \"b.sx\";", "");
    assert!(session.has_errors());
    replace(&mut session, &mut files, "a.sx", "one ::", "#import \"c.sx\";\none ::");
    replace(&mut session, &mut files, "a.sx", "#import \"c.sx\";", "#import \"b.sx\";");
}

#[test]
fn only_the_first_declaration_of_a_name_imports() {
    let main = "main :: () { util.go(); }\nutil :: #import \"util.sx\";\n";
    let mut files = files(&[("main.sx", main), ("util.sx", "go :: () { nothing; }\n")]);
    let mut session = session(&files);
    assert!(found(&session).iter().any(|found| found.contains("`nothing`")));
    for first in
        ["util :: #import \"other.sx\";\n", "util :: 1;\n", "more, util := 1, 2;\n", "util :: () { }\n"]
    {
        // The file isn't part of the program while something else has its name.
        let update = edit(&mut session, &mut files, "main.sx", &format!("{first}{main}"));
        assert!(update.whole && !found(&session).iter().any(|found| found.contains("`nothing`")));
        edit(&mut session, &mut files, "main.sx", &format!("{main}{first}"));
        assert!(found(&session).iter().any(|found| found.contains("`nothing`")));
        edit(&mut session, &mut files, "main.sx", main);
    }
    edit(&mut session, &mut files, "main.sx", &main.replace("util ::", "_ ::"));
}

#[test]
fn only_the_first_declaration_of_a_name_is_checked() {
    let text = "f :: () { nothing; }\nmain :: () { }\n";
    let mut files = files(&[("main.sx", text)]);
    let mut session = session(&files);
    assert_eq!(found(&session).len(), 1);
    // The function that is declared twice is the same in all these.
    for other in ["more, f := 1, 2;\n", "f :: 1;\n", "f :: () { other; }\n"] {
        edit(&mut session, &mut files, "main.sx", &format!("{other}{text}"));
        edit(&mut session, &mut files, "main.sx", text);
        edit(&mut session, &mut files, "main.sx", &format!("{text}{other}"));
        edit(&mut session, &mut files, "main.sx", &format!("{other}{text}"));
        edit(&mut session, &mut files, "main.sx", text);
    }
}

#[test]
fn properties_are_known_before_their_type_is_looked_into() {
    let text = "Gauge :: struct {\n    level: i64;\n    pct :: (self: *Gauge) -> i64 #get { self.level }\n    \
                pct :: (self: *Gauge, v: i64) #set { self.level = v; }\n}\ng : Gauge;\n\
                find :: () -> *Gauge { @g }\nmain :: () { g.level = 5; find().pct += 7; }\n";
    let mut files = files(&[("main.sx", text)]);
    let mut session = session(&files);
    replace(&mut session, &mut files, "main.sx", "g.level = 5;", "");
    assert!(!session.has_errors());
}

#[test]
fn protocols_in_generic_bodies_belong_to_the_instance() {
    let text = "f :: (x: $T) -> T {\n    Size :: protocol { size :: (self: *xSelf) -> i64; }\n    x\n}\n\
                main :: () { }\n";
    let mut files = files(&[("main.sx", text)]);
    let mut session = session(&files);
    assert!(!session.has_errors());
    replace(&mut session, &mut files, "main.sx", "main :: () { }", "main :: () { f(1); }");
    assert!(session.has_errors());
    replace(&mut session, &mut files, "main.sx", "f(1);", "");
    assert!(!session.has_errors());
}

#[test]
fn cycles_are_told_from_where_they_are_entered() {
    let (one, other) = ("SQUARE :: #run square(5);\n", "factor :: () -> SQUARE { 3 }\n");
    let square = "square :: (n: i64) -> i64 { n * factor() }\n";
    let mut files = files(&[("main.sx", &format!("{one}{square}{other}"))]);
    let mut session = session(&files);
    assert!(session.has_errors());
    for order in [[other, one, square], [square, other, one], [one, other, square], [other, square, one]] {
        edit(&mut session, &mut files, "main.sx", &order.concat());
    }
    edit(&mut session, &mut files, "main.sx", &format!("A :: SQUARE;\n{one}{square}{other}"));
    edit(&mut session, &mut files, "main.sx", &format!("{one}{square}{other}B : SQUARE;\n"));
}

#[test]
fn what_one_instance_reports_others_report_too() {
    let text = "f :: (x: $T) -> i64 { x.nothing }\nnumber :: () { f(1); }\ntruth :: () { f(true); }\n\
                name :: () { f(\"\"); }\nmain :: () { }\n";
    let mut files = files(&[("main.sx", text)]);
    let mut session = session(&files);
    for gone in ["f(1);", "f(true);", "f(\"\");"] {
        assert_eq!(found(&session).len(), 1);
        replace(&mut session, &mut files, "main.sx", gone, "");
    }
    assert!(!session.has_errors());
    edit(&mut session, &mut files, "main.sx", text);
    for gone in ["f(\"\");", "f(true);"] {
        replace(&mut session, &mut files, "main.sx", gone, "");
    }
    assert!(found(&session).iter().any(|found| found.contains("`i64`")), "{:?}", found(&session));
}

#[test]
fn a_program_is_whole_only_as_long_as_it_must_be() {
    let text = "f :: () -> i64 { 1 }\ng :: () -> i64 { f() }\nmain :: () { g(); }\n";
    let mut files = files(&[("main.sx", text)]);
    let mut session = session(&files);
    assert!(!replace(&mut session, &mut files, "main.sx", "{ 1 }", "{ 2 }").whole);
    assert!(edit(&mut session, &mut files, "main.sx", &format!("{text}#insert \"A :: 1;\";\n")).whole);
    assert!(replace(&mut session, &mut files, "main.sx", "{ 1 }", "{ 2 }").whole);
    assert!(edit(&mut session, &mut files, "main.sx", text).whole);
    let update = replace(&mut session, &mut files, "main.sx", "{ 1 }", "{ 2 }");
    assert!(!update.whole && update.bodies == 1, "{update:?}");
}

#[test]
fn a_missing_value_takes_back_warnings_of_its_body_only() {
    let text = "one :: () { 1; }\nother :: () -> i64 { one(); }\n";
    let mut files = files(&[("main.sx", text)]);
    let mut session = session(&files);
    assert_eq!(found(&session).len(), 2, "{:?}", found(&session));
    replace(&mut session, &mut files, "main.sx", "{ 1; }", "{ 30; }");
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % sides.max(1)
    }
}

/// A text with a small change that may or may not make sense.
fn mutated(dice: &mut Dice, text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let words: Vec<(usize, &str)> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
        .collect();
    let (line, other) = (dice.roll(lines.len()), dice.roll(lines.len()));
    match dice.roll(8) {
        0 if !lines.is_empty() => _ = lines.remove(line),
        1 if !lines.is_empty() => lines.insert(line, lines[other]),
        2 if !lines.is_empty() => lines.swap(line, other),
        3..=5 if !words.is_empty() => {
            let (at, word) = words[dice.roll(words.len())];
            let (_, with) = words[dice.roll(words.len())];
            return format!("{}{with}{}", &text[..at], &text[at + word.len()..]);
        }
        6 if !words.is_empty() => {
            let (at, _) = words[dice.roll(words.len())];
            let with = ["x", "(", "}", "{", ";", "1 + ", "\"", "-> i64 ", "!", "\n", "// "][dice.roll(11)];
            return format!("{}{with}{}", &text[..at], &text[at..]);
        }
        _ => {
            let mut at = dice.roll(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let next = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
            return format!("{}{}", &text[..at], &text[next..]);
        }
    }
    lines.join("\n") + "\n"
}

/// Random edits, each of which is undone some time later.
fn torture(name: &str, original: &Files, seed: u64, rounds: usize) {
    let mut dice = Dice(seed);
    let mut files = original.clone();
    let mut session = session(&files);
    for round in 0..rounds {
        let at = dice.roll(files.len());
        let path = files[at].0.clone();
        let text = match dice.roll(3) {
            0 => original[at].1.clone(),
            _ => mutated(&mut dice, &files[at].1),
        };
        if std::env::var_os("SX_EDITS").is_some() {
            eprintln!("{name}: seed {seed}, round {round}, {path}");
        }
        edit(&mut session, &mut files, &path, &text);
    }
    for at in 0..files.len() {
        let path = files[at].0.clone();
        edit(&mut session, &mut files, &path, &original[at].1.clone());
    }
}

#[test]
fn random_edits() {
    let first = number("SX_EDIT_FIRST").unwrap_or(0);
    for seed in first..first + count(12) {
        torture("program", &program(), seed, 25);
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|n| n.parse().ok())
}

fn count(usual: u64) -> u64 {
    number("SX_EDIT_SEEDS").unwrap_or(usual)
}

#[test]
fn random_edits_of_the_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut programs = Vec::new();
    for folder in
        ["basic", "types", "generics", "protocols", "packs", "closures", "errors", "comptime", "rejected"]
    {
        let entries = std::fs::read_dir(corpus.join(folder)).expect("the corpus has the folder");
        let paths = entries.flatten().map(|entry| entry.path());
        programs.extend(paths.filter(|path| path.extension().is_some_and(|ext| ext == "sx")));
    }
    programs.sort();
    let step = programs.len() / count(40).min(programs.len() as u64) as usize;
    for (seed, path) in programs.iter().enumerate().step_by(step.max(1)) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let seed = number("SX_EDIT_FIRST").unwrap_or(0) + seed as u64;
        torture(&path.display().to_string(), &vec![("main.sx".to_owned(), text)], seed, 8);
    }
}
