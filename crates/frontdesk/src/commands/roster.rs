//! Exports of a target's members or subscribers, as `import` and `drift` read them.

use super::import::exports::{Flaws, flawed, open};
use crate::errors::{Code, Failure, Report};
use frontdesk_core::target::{Item, Target};
use frontdesk_providers::csv::Table;
use frontdesk_providers::roster::{Layout, Listed};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

/// What everybody in a file has, as the operator names it. `after`: what is typed behind it, for the hint.
pub(super) fn item(target: Target, typed: &str, after: &str) -> Result<Item, Failure> {
    let item = Item::try_from(format!("{target}:{typed}")).ok().filter(|item| item.target() == target);
    item.ok_or_else(|| {
        Report::error(Code::NotAnId, format!("`{typed}` is nothing that {} can hold", target.title()))
            .hint(format!("name it as in `group:4012{after}`, `space:77{after}` or `tag:member{after}`"))
            .into()
    })
}

/// The same, of what the catalogue manages: anything else would be passed over in silence.
pub(super) fn managed(
    target: Target,
    typed: &str,
    after: &str,
    managed: &BTreeSet<Item>,
) -> Result<Item, Failure> {
    let known = item(target, typed, after)?;
    if managed.contains(&known) {
        return Ok(known);
    }
    let all = managed.iter().filter(|item| item.target() == target).map(|item| format!("`{item}`"));
    let report = Report::error(Code::NotFound, format!("the catalogue manages no `{known}`"));
    Err(report.hint(format!("it manages {}", all.collect::<Vec<_>>().join(", "))).into())
}

/// Reads a file to its end, in the memory of one row, and shows everybody in it with the line. Answers when it was last
/// written.
///
/// # Errors
///
/// Every flaw by its line, as far as so many are shown. Whoever acts on what it was shown waits for the end.
pub(super) fn read(
    target: Target,
    path: &Path,
    mut show: impl FnMut(u64, Listed),
) -> Result<Option<Timestamp>, Vec<Report>> {
    let (file, written_at) = open(path).map_err(|failure| failure.reports)?;
    let sheet = Table::open(file).map_err(|flaw| vec![flawed(path, &flaw)])?;
    let layout = Layout::find(target, sheet.header()).map_err(|flaw| vec![flawed(path, &flaw)])?;
    let mut flaws = Flaws::of(path);
    for row in sheet {
        let row = row.map_err(|flaw| vec![flawed(path, &flaw)])?;
        match layout.person(&row) {
            Ok(listed) => show(row.line, listed),
            Err(why) => flaws.note(row.line, &why),
        }
    }
    flaws.end()?;
    Ok(written_at)
}
