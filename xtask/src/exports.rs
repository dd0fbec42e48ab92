//! Figures of an import of a million rows out of an export: sound, with a flaw in the last line, and killed in the middle.
//! Times and memory are told, not judged; that nothing is half done is judged.

use crate::adoption::{Measured, measured};
use crate::figures::{self, Scratch, free_address, write};
use crate::shell::{Trouble, say};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Rows of the file.
const ROWS: u32 = 1_000_000;
/// One payment in so many was refunded: only those can matter to anybody, and enter the journal.
const REFUNDED_EACH: u32 = 100;
/// Customers who paid them.
const CUSTOMERS: u32 = 50_000;
/// How far a run is that is killed: the line in which it says so.
const KILLED_AT: &str = "payments.csv: 300000 of";

/// Prints the figures: of the release, which is built, or of the binary that is named.
pub(crate) fn run(arguments: &[String]) -> Result<(), Trouble> {
    let binary = match arguments {
        [] => figures::release()?,
        [path] => PathBuf::from(path),
        _ => return Err(Trouble::new("`cargo xtask exports` takes the path of a binary, or nothing")),
    };
    let scratch = Scratch::new("exports")?;
    let (sound, flawed) = (scratch.0.join("payments.csv"), scratch.0.join("flawed.csv"));
    say(&format!("== {ROWS} payments, one in {REFUNDED_EACH} of them refunded"));
    payments(&sound, "2026-01-31 13:05")?;
    payments(&flawed, "31/01/2026")?;
    let new = ROWS.div_ceil(REFUNDED_EACH);

    let config = configuration(&scratch, "whole")?;
    let whole = import(&binary, &config, &sound)?;
    expect("the sound file", &whole, 0, &[&format!("\"new\": {new},"), "\"known\": 0,"])?;
    let again = import(&binary, &config, &sound)?;
    expect("the same again", &again, 0, &["\"new\": 0,", &format!("\"known\": {new},")])?;

    let config = configuration(&scratch, "flawed")?;
    let refused = import(&binary, &config, &flawed)?;
    expect("the flawed file", &refused, 1, &[])?;
    // Nothing of it was taken in: to the sound file everything is new.
    let sound_after = import(&binary, &config, &sound)?;
    expect("the sound file after it", &sound_after, 0, &[&format!("\"new\": {new},"), "\"known\": 0,"])?;

    let config = configuration(&scratch, "killed")?;
    kill(&binary, &config, &sound)?;
    let resumed = import(&binary, &config, &sound)?;
    expect("the same after a kill", &resumed, 0, &[])?;
    let (taken, known) = (count(&resumed.said, "new")?, count(&resumed.said, "known")?);
    if known == 0 || taken + known != new {
        return Err(Trouble::new(format!("after the kill {taken} were new and {known} known, of {new}")));
    }

    say("");
    for (name, took) in [
        ("taken in", &whole),
        ("the same again", &again),
        ("a flaw in the last line", &refused),
        ("after a kill", &resumed),
    ] {
        say(&format!("{name:<24} {:>8.1} s   {:>6.1} MB at most", took.span.as_secs_f64(), took.megabytes));
    }
    say(&format!("  after the kill {known} of {new} were known, the others were taken in"));
    Ok(())
}

/// Writes the file; the last row has this time.
fn payments(path: &Path, last: &str) -> Result<(), Trouble> {
    let trouble = |error| Trouble::new(format!("{} cannot be written: {error}", path.display()));
    let mut file = BufWriter::new(File::create(path).map_err(trouble)?);
    let mut text = String::from(
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Customer Email,Description\r\n",
    );
    for nth in 0..ROWS {
        let (refunded, status) =
            if nth % REFUNDED_EACH == 0 { ("29.00", "Refunded") } else { ("0.00", "Paid") };
        let at = if nth + 1 == ROWS { last } else { "2026-01-31 13:05" };
        let who = nth % CUSTOMERS;
        // Writing into a text cannot fail.
        let _ = write!(
            text,
            "ch_{nth:07},{at},29.00,{refunded},usd,{status},cus_{who:05},buyer{who}@example.com,\"Membership, monthly\"\r\n"
        );
        file.write_all(text.as_bytes()).map_err(trouble)?;
        text.clear();
    }
    file.flush().map_err(trouble)
}

/// A configuration with a database of its own. No provider is there, and none is asked.
fn configuration(scratch: &Scratch, name: &str) -> Result<PathBuf, Trouble> {
    let folder = scratch.0.join(name);
    std::fs::create_dir(&folder)
        .map_err(|error| Trouble::new(format!("{} cannot be made: {error}", folder.display())))?;
    let config = folder.join("frontdesk.toml");
    let text = figures::configuration(free_address()?, free_address()?).replace("\"live\"", "\"shadow\"");
    write(&config, &text)?;
    Ok(config)
}

fn import(binary: &Path, config: &Path, file: &Path) -> Result<Measured, Trouble> {
    let file = file.display().to_string();
    measured(
        binary,
        config,
        &["import", "stripe", "--csv", &file, "--exported-at", "2026-11-01T00:00:00Z", "--json"],
    )
}

/// Ends an import without a word while it takes rows in.
fn kill(binary: &Path, config: &Path, file: &Path) -> Result<(), Trouble> {
    let mut command = figures::with_secrets(Command::new(binary));
    command.args(["import", "stripe", "--exported-at", "2026-11-01T00:00:00Z", "--csv"]).arg(file);
    command.arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Trouble::new(format!("it does not start: {error}")))?;
    let said = BufReader::new(child.stderr.take().expect("it was piped"));
    let was_there = said.lines().map_while(Result::ok).any(|line| line.contains(KILLED_AT));
    // It may have ended by itself, which is then seen below.
    let _ = child.kill();
    let status = child.wait().map_err(|error| Trouble::new(format!("it cannot be waited for: {error}")))?;
    if was_there && status.code().is_none() {
        return Ok(());
    }
    Err(Trouble::new(format!("it ended with {status} before it could be killed")))
}

/// Whether a run ended so, and said all of this.
fn expect(what: &str, run: &Measured, code: i32, said: &[&str]) -> Result<(), Trouble> {
    let missing = said.iter().find(|part| !run.said.contains(**part));
    if run.code == Some(code) && missing.is_none() {
        return Ok(());
    }
    Err(Trouble::new(format!("{what}: it ended with {:?} and said\n{}", run.code, run.said)))
}

fn count(said: &str, name: &str) -> Result<u32, Trouble> {
    let rest = said.split_once(&format!("\"{name}\": ")).map_or("", |(_, rest)| rest);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().map_err(|_| Trouble::new(format!("no `{name}` in\n{said}")))
}
