//! Sheets that Frontdesk writes, a person edits, and Frontdesk takes up again: as a whole, or not at all.

use super::author;
use crate::errors::{Code, Failure, Report};
use frontdesk_core::email::Email;
use frontdesk_core::target::Target;
use frontdesk_providers::csv::{Column, Columns, Flaw, Row, Table, line, unguarded};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Flaws of a sheet that are named at most.
const FLAWS_MAX: usize = 20;

/// A column without which nothing can be done.
pub(super) const fn needed<C>(holds: C, headers: &'static [&'static str]) -> Column<C> {
    Column { holds, headers, is_needed: true }
}

/// Writes a sheet where there is none.
pub(super) fn write_new(
    path: &Path,
    head: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<(), Failure> {
    // With its mark, a spreadsheet takes it for UTF-8.
    let mut text = String::from("\u{feff}");
    text.push_str(&line(head.iter().copied()));
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str)));
    }
    // Never over a sheet that somebody edits; and it names people, so nobody else on this machine reads it.
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(|error| unusable(path, "could not be written", &error))?;
    file.write_all(text.as_bytes()).map_err(|error| {
        // Half a sheet would be taken for a whole one.
        let _ = std::fs::remove_file(path);
        unusable(path, "could not be written", &error)
    })
}

/// Reads the lines of a sheet that say something.
///
/// # Errors
///
/// One line or more cannot be read: they are named, and nothing counts.
pub(super) fn read<C: Ord + Copy, T>(
    file: impl io::Read,
    path: &Path,
    columns: &[Column<C>],
    of: impl Fn(&Row, &Columns<C>) -> Result<Option<T>, String>,
) -> Result<Vec<T>, Failure> {
    let whole = |flaw: &Flaw| flawed(path, &[on_its_line(flaw)]);
    let table = Table::open(file).map_err(|flaw| whole(&flaw))?;
    let columns = Columns::find(columns, table.header()).map_err(|flaw| whole(&flaw))?;
    let (mut read, mut flaws) = (Vec::new(), Vec::new());
    for row in table {
        match row.map_err(|flaw| on_its_line(&flaw)).and_then(|row| of(&row, &columns)) {
            Ok(line) => read.extend(line),
            Err(flaw) => flaws.push(flaw),
        }
    }
    if flaws.is_empty() { Ok(read) } else { Err(flawed(path, &flaws)) }
}

fn on_its_line(flaw: &Flaw) -> String {
    flaw.line().map_or_else(|| flaw.to_string(), |line| format!("line {line}: {flaw}"))
}

/// Somebody at a target, as every sheet names them.
pub(super) struct Member {
    pub(super) target: Target,
    /// The target's own id.
    pub(super) id: u64,
    pub(super) address: Email,
}

impl Member {
    /// Reads the three cells. The error says which is wrong, in a clause.
    pub(super) fn parse(target: &str, member: &str, address: &str) -> Result<Self, String> {
        Ok(Self {
            target: Target::parse(target).ok_or_else(|| format!("`{target}` is no target"))?,
            id: member.parse().map_err(|_| format!("`{member}` is no number of a member"))?,
            address: Email::parse(unguarded(address)).ok_or_else(|| format!("`{address}` is no address"))?,
        })
    }
}

/// That a sheet has lines which cannot be taken up.
pub(super) fn flawed(path: &Path, flaws: &[String]) -> Failure {
    let shown: Vec<_> = flaws.iter().take(FLAWS_MAX).map(|flaw| format!("\n  {flaw}")).collect();
    let more = flaws.len().saturating_sub(FLAWS_MAX);
    let more = if more == 0 { String::new() } else { format!("\n  and {more} more") };
    let message = format!("the sheet `{}` cannot be taken up; nothing was done", path.display());
    Report::error(Code::SheetUnusable, format!("{message}{}{more}", shown.concat()))
        .hint("correct the lines, or move the file away and have it written anew")
        .into()
}

/// That a sheet cannot be read or written at all.
pub(super) fn unusable(path: &Path, what: &str, error: &io::Error) -> Failure {
    Report::error(Code::SheetUnusable, format!("the sheet `{}` {what}", path.display()))
        .because(error)
        .hint("name a file in a folder that is yours")
        .into()
}

/// Who decided what a sheet says.
pub(super) fn author(by: Option<&str>) -> Result<&str, Failure> {
    author::typed(by).ok_or_else(|| {
        let report = Report::error(
            Code::NotConfirmed,
            "the sheet decides about people, and nobody says who decided it",
        );
        report.hint("run it again with `--by` and your name: it is kept in the audit log").into()
    })
}
