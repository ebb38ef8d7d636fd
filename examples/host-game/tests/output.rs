//! The example does what it says.

use host_game::{Game, play};

fn played(rules: &str, frames: u32) -> String {
    let mut out = Vec::new();
    play(rules, frames, &mut out).expect("memory can be written");
    String::from_utf8(out).expect("the game writes UTF-8")
}

const RULES: &str = include_str!("../scripts/game.sx");

#[test]
fn a_whole_game() {
    assert_eq!(played(RULES, 60), include_str!("../expected.txt"));
}

#[test]
fn the_game_goes_on_after_a_trap() {
    let mut game = Game::new(RULES).expect("the rules are good");
    let mut out = Vec::new();
    for _ in 0..60 {
        game.step(&mut out).expect("memory can be written");
    }
    let text = String::from_utf8_lossy(&out);
    assert_eq!(text.matches("trap: index 3 out of range").count(), 1, "{text}");
    assert!(game.entities().len() > 1);
}

#[test]
fn wrong_rules_are_told() {
    let text = played("frame :: () { nonsense(); }", 1);
    assert!(text.starts_with("the game can't begin\nerror[E0101]"), "{text}");
    let text = played("begin :: () {} frame :: (n: i64) {}", 1);
    assert!(text.contains("the host asks for `([]Entity, f32) -> i64 !`"), "{text}");
}

#[test]
fn rules_that_never_end_are_stopped() {
    let rules = "host :: #import \"host\"; score := 0;\n\
                 begin :: () {}\n\
                 frame :: (entities: []host.Entity, dt: f32) -> i64 ! { while true {} 0 }";
    let text = played(rules, 1);
    assert!(text.contains("trap: interrupted: deadline"), "{text}");
}
