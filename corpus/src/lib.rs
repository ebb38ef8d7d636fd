//! The conformance programs and the harness that runs them.
//!
//! A program is `<category>/NNNN-name.sx`, or a folder `<category>/NNNN-name/` with a `main.sx` and the modules
//! that it imports. What it must do stands in `<category>/expected/NNNN-name.{stdout,stderr,exit}`: a missing file
//! means empty output and exit code 0. `<category>/NNNN-name.toml` may give arguments, standard input, tiers and
//! an expected failure. See the corpus README for how to add one.
//!
//! [`program`] finds programs, [`expect`] reads what they must do, [`run`] executes one in one tier, [`check`]
//! judges the outcome, [`bless`] rewrites snapshots, [`audit`] looks after the corpus as a whole, [`decisions`] after
//! the programs that the reference's decisions need, [`inside`] after compile time doing the same, [`options`] and [`session`] are the command around it.

pub mod audit;
pub mod bless;
pub mod check;
pub mod decisions;
pub mod expect;
pub mod inside;
pub mod locate;
pub mod options;
pub mod program;
pub mod run;
pub mod session;
