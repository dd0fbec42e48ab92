//! Project chores: `cargo xtask ci | tidy | test | figures | adoption | exports | seeds | torture`. Built on the standard library alone, so that it builds at once.

mod adoption;
mod exports;
mod figures;
mod postgres;
mod shell;
mod suite;
mod tidy;
mod torture;

use shell::{Trouble, say};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <ci | tidy | test [ARGUMENTS OF cargo test] | figures | adoption | exports [BINARY] | seeds | torture [--loops N] [--seed N]>

  ci     formatting, lints, tidy and all tests: what a change must pass
  tidy   what lints cannot check: paired migrations, pages of error codes, links, leftovers
  test   all tests, PostgreSQL included: installs what they need (Debian), starts a throw-away server
  figures  of the release build: start to ready, idle memory, size
  adoption  what `plan` costs over 20,000 members and 15,000 subscriptions, beside a bare loop
  exports  what a million rows of an export cost: taken in, with a flaw in the last line, killed in the middle
  seeds    a thousand new seeds of the simulator, ten long lives, every planted bug
  torture  kills the real process at random moments under load, N times, and opens the books";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        "ci" => ci(),
        "torture" => torture::run(&rest),
        "tidy" => tidy::run(&shell::root()),
        "test" => suite::run(&rest),
        "figures" => figures::run(),
        "adoption" => adoption::run(),
        "exports" => exports::run(&rest),
        "seeds" => suite::run_seeds(),
        _ => Err(Trouble::new(USAGE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            say(&format!("error: {trouble}"));
            ExitCode::FAILURE
        }
    }
}

/// Quick checks first; the tests last, so that their closing lines end the output.
fn ci() -> Result<(), Trouble> {
    say("== cargo fmt");
    shell::cargo(&["fmt", "--all", "--check"])?;
    say("== tidy");
    tidy::run(&shell::root())?;
    say("== cargo clippy");
    shell::cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    say("== tests");
    suite::run(&[])
}
