//! Runs the kill loop: `torture FRONTDESK LOOPS SEED`. `cargo xtask torture` builds both binaries and starts it.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: torture <path of the frontdesk binary> <loops> <seed>";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match words.as_slice() {
        [frontdesk, loops, seed] => {
            loops.parse().ok().zip(seed.parse().ok()).map(|numbers| (frontdesk, numbers))
        }
        _ => None,
    };
    let Some((frontdesk, (loops, seed))) = parsed else {
        say(USAGE);
        return ExitCode::FAILURE;
    };
    match frontdesk_sim::torture::torture(Path::new(frontdesk), loops, seed) {
        Ok(tortured) => {
            for broken in &tortured.broken {
                say(&format!("{}: {}", broken.promise, broken.what));
            }
            say(&format!(
                "torture: kills={} acknowledged={} people={} violations={} seed={seed}",
                tortured.kills,
                tortured.acknowledged,
                tortured.people,
                tortured.broken.len()
            ));
            if tortured.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) }
        }
        Err(why) => {
            say(&format!("error: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// When nobody listens there is nobody left to tell.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
