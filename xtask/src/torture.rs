//! The kill loop: builds the binary and the loop that kills it, and starts the loop.

use crate::shell::{self, Trouble, say};
use std::path::PathBuf;
use std::process::Command;

/// Loops unless `--loops` says otherwise.
const LOOPS: u64 = 40;

/// Runs `torture [--loops N] [--seed N]`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Trouble> {
    let (mut loops, mut seed) = (LOOPS, u64::from(std::process::id()));
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let number = words.next().and_then(|number| number.parse().ok());
        match (word.as_str(), number) {
            ("--loops", Some(number)) => loops = number,
            ("--seed", Some(number)) => seed = number,
            _ => return Err(Trouble::new("usage: cargo xtask torture [--loops NUMBER] [--seed NUMBER]")),
        }
    }
    shell::cargo(&[
        "build",
        "--locked",
        "-p",
        "frontdesk",
        "-p",
        "frontdesk-sim",
        "--bin",
        "frontdesk",
        "--bin",
        "torture",
    ])?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    let built = |name: &str| target.join("debug").join(name);
    say(&format!("== {loops} kill loops, seed {seed}"));
    shell::run(
        Command::new(built("torture")).arg(built("frontdesk")).args([loops.to_string(), seed.to_string()]),
    )
}
