//! Regions: which text is whose, and what an edit changes.

use super::regions::{RegionKind, Regions};

fn regions(text: &str) -> Regions {
    Regions::of(&sx_syntax::parse("a.sx".into(), text.into()))
}

/// The texts of the regions whose keys or contents another version doesn't have.
fn changed(before: &str, after: &str) -> Vec<String> {
    let (old, new) = (regions(before), regions(after));
    let differs = |r: &&super::regions::Region| old.by_key(r.key).is_none_or(|known| known.hash != r.hash);
    let text = |r: &super::regions::Region| after[r.span.lo as usize..r.span.hi as usize].to_owned();
    new.list.iter().filter(differs).map(text).collect()
}

const TEXT: &str = "f :: (n: i64) -> i64 { n }\nS :: struct { x: i64; m :: (s: S) -> i64 { s.x } y: i64; }\n";

#[test]
fn bodies_are_regions_of_their_own() {
    let all = regions(TEXT);
    let texts: Vec<&str> = all.list.iter().map(|r| &TEXT[r.span.lo as usize..r.span.hi as usize]).collect();
    assert_eq!(texts.len(), 4);
    assert_eq!((texts[1], texts[3]), ("{ n }", "{ s.x }"));
    assert!(all.list.iter().all(|r| r.kind == RegionKind::Plain));
}

#[test]
fn an_edit_changes_what_it_is_in() {
    assert_eq!(changed(TEXT, TEXT), Vec::<String>::new());
    assert_eq!(changed(TEXT, &format!("// more\n\n{TEXT}")), Vec::<String>::new());
    assert_eq!(changed(TEXT, &TEXT.replace("{ n }", "{ n + 1 }")), ["{ n + 1 }"]);
    assert_eq!(changed(TEXT, &TEXT.replace("{ s.x }", "{ s.y }")), ["{ s.y }"]);
    assert_eq!(changed(TEXT, &TEXT.replace("(n: i64)", "(n: i32)")), ["f :: (n: i32) -> i64 { n }"]);
    assert_eq!(changed(TEXT, &TEXT.replace("y: i64", "z: i64")).len(), 1);
}

#[test]
fn places_move_with_their_region() {
    let longer = TEXT.replace("{ s.x }", "{ 1000 + s.x }").replace("f ::", "\n\nf ::");
    let (old, new) = (regions(TEXT), regions(&longer));
    for what in ["n: i64", "{ n }", "struct", "m ::", "y: i64"] {
        let (key, inside) = old.anchor(TEXT.find(what).unwrap() as u32).unwrap();
        let moved = new.by_key(key).unwrap().offset(inside) as usize;
        assert!(longer[moved..].starts_with(what), "{what}: {}", &longer[moved..]);
    }
}

#[test]
fn declarations_of_one_name_are_told_apart() {
    let all = regions("a :: 1;\na :: 2;\nimpl P for A { }\nimpl P for A { }\n");
    let mut keys: Vec<u64> = all.list.iter().map(|r| r.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4);
    assert_eq!(all.names["a"].len(), 2);
}

#[test]
fn errors_of_the_parser_are_part_of_a_region() {
    let before = "f :: () { x := 1; }\ng :: () { y := (; }\n";
    assert_eq!(changed(before, before).len(), 0);
    assert!(!changed(before, &before.replace("(;", ";")).is_empty());
}
