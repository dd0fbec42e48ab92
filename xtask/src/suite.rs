//! All tests, with what they need: the second command of the README.

use crate::postgres::{Cluster, install};
use crate::shell::{Trouble, cargo_command, find, say};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// The variable in which the store's tests look for a server.
const SERVER: &str = "FRONTDESK_TEST_POSTGRES";

/// Runs `cargo test` over the workspace, or with `arguments` over what they name. Its closing lines, one per test
/// binary, are repeated at the end with their sum.
pub(crate) fn run(arguments: &[String]) -> Result<(), Trouble> {
    if find("cc").is_none() {
        say("there is no C compiler, which SQLite is built with; installing one");
        install(&["build-essential"])?;
    }
    // A server that somebody named is used as it is.
    let own = if std::env::var_os(SERVER).is_none() { Some(Cluster::start()?) } else { None };
    let mut command = cargo_command();
    command.args(["test", "--locked", "--no-fail-fast"]);
    if !arguments.iter().any(|word| word == "-p" || word.starts_with("--package")) {
        command.arg("--workspace");
    }
    command.args(arguments).stdout(Stdio::piped());
    if let Some(cluster) = &own {
        command.env(SERVER, cluster.url());
    }
    let mut closing = Vec::new();
    let mut is_good = heard(&mut command, &mut closing)?;
    drop(own);
    if arguments.is_empty() {
        // What needs speed more than a debugger. Seeds that nobody ran before are a search, not a test of a change:
        // `cargo xtask seeds` and `cargo xtask torture` make it.
        is_good &= heard(&mut seeds(&["every_planted_bug"]), &mut closing)?;
    }
    print_line("");
    for line in &closing {
        print_line(line);
    }
    let sums: Vec<_> =
        ["passed", "failed", "ignored"].map(|word| format!("{} {word}", sum(&closing, word))).into();
    let word = if is_good { "ok" } else { "FAILED" };
    print_line(&format!("all tests: {word}. {}; test binaries: {}", sums.join("; "), closing.len()));
    if is_good { Ok(()) } else { Err(Trouble::new("some tests failed")) }
}

/// The simulator's own tests in the profile `sim`.
fn seeds(filters: &[&str]) -> Command {
    let mut command = cargo_command();
    command.args(["test", "--locked", "--profile", "sim", "-p", "frontdesk-sim", "--features", "planted"]);
    command.args(["--test", "seeds", "--", "--nocapture", "--test-threads", "1"]).args(filters);
    command.stdout(Stdio::piped());
    command
}

/// Runs `seeds`: a thousand new seeds, ten long lives and every planted bug.
pub(crate) fn run_seeds() -> Result<(), Trouble> {
    let is_good = heard(&mut seeds(&[]), &mut Vec::new())?;
    if is_good { Ok(()) } else { Err(Trouble::new("a seed broke a promise, or a planted bug was missed")) }
}

/// Passes on what a test command says and keeps its closing lines. Returns whether it ended well.
fn heard(command: &mut Command, closing: &mut Vec<String>) -> Result<bool, Trouble> {
    let mut child = command.spawn().map_err(|error| Trouble::new(format!("could not run cargo: {error}")))?;
    let said = BufReader::new(child.stdout.take().expect("stdout was asked for as a pipe"));
    for line in said.split(b'\n') {
        let line =
            line.map_err(|error| Trouble::new(format!("could not read what the tests say: {error}")))?;
        let line = String::from_utf8_lossy(&line);
        print_line(&line);
        if line.starts_with("test result: ") {
            closing.push(line.into_owned());
        }
    }
    let status = child.wait().map_err(|error| Trouble::new(format!("could not wait for cargo: {error}")))?;
    Ok(status.success())
}

/// A reader that went away needs no lines.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The sum of the numbers before `word` in lines such as `test result: ok. 12 passed; 0 failed; …`.
fn sum(lines: &[String], word: &str) -> u64 {
    let number = |line: &String| -> Option<u64> {
        let before = &line[..line.find(&format!(" {word}"))?];
        before.rsplit(' ').next()?.parse().ok()
    };
    lines.iter().filter_map(number).sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn the_closing_lines_add_up() {
        let lines = [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s".to_owned(),
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s".to_owned(),
        ];
        assert_eq!((sum(&lines, "passed"), sum(&lines, "failed"), sum(&lines, "ignored")), (15, 2, 1));
    }
}
