//! Plays the game without a player: `host-game [RULES.sx] [FRAMES]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let rules = match args.next() {
        None => include_str!("../scripts/game.sx").to_owned(),
        Some(path) => match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    let frames = args.next().and_then(|text| text.parse().ok()).unwrap_or(60);
    match host_game::play(&rules, frames, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
