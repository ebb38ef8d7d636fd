//! An edit in a large program has little checked again.

use sx_benches::{compile, generate};

#[test]
fn edits_reach_no_further_than_they_must() {
    let generated = generate::program(20_000, 100);
    assert!(generated.files.len() > 100);
    let (path, text) = generated.files[50].clone();
    let mut session = compile::session(&generated.files);
    let all = session.checked_bodies();
    assert!(all > 1_000 && !session.has_errors());
    for (from, to, most) in [
        // A body.
        ("filled := 0;", "filled := 2;", 1),
        // A signature: the function, and the one that calls it with what it asks for.
        ("height: i64) -> i64 {", "height: i64, depth: i64 = 1) -> i64 {", 10),
        // A struct: its methods, and who makes one.
        ("mass: f64 = 1.0;", "mass: f64 = 1.0; charge: f64 = 0.5;", 12),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text);
        for text in [&edited, &text] {
            let before = session.checked_bodies();
            let update = session.set_text(&path, text);
            assert!(!update.whole && !session.has_errors());
            assert_eq!(session.checked_bodies() - before, update.bodies);
            assert!((1..=most).contains(&update.bodies), "{from}: {update:?}");
        }
    }
    let update = session.set_text(&path, &format!("// A comment.\n\n{text}"));
    assert_eq!((update.regions, update.bodies), (0, 0));
}
