//! Exports of a target's members or subscribers, as `import` and `drift` read them.

use super::import::exports::{Flaws, PassedOver, flawed, open};
use crate::errors::{Code, Failure, Report};
use frontdesk_core::email::Email;
use frontdesk_core::target::{Item, Target};
use frontdesk_providers::csv::Table;
use frontdesk_providers::roster::{Layout, Listed};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

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

/// What is known of a file that was read to its end and is sound.
pub(super) struct Whole {
    /// When it was last written.
    pub(super) written_at: Option<Timestamp>,
    /// Columns of it that are not read, because others are.
    pub(super) passed_over: PassedOver,
}

/// Reads a file to its end, in the memory of one row, and shows everybody in it with the line. `met`: who was in the files
/// before it.
///
/// # Errors
///
/// Every flaw by its line, as far as so many are shown. Whoever acts on what it was shown waits for the end.
pub(super) fn read(
    target: Target,
    path: &Path,
    met: &mut Met,
    mut show: impl FnMut(u64, Listed),
) -> Result<Whole, Vec<Report>> {
    let (file, written_at) = open(path).map_err(|failure| failure.reports)?;
    let sheet = Table::open(file).map_err(|flaw| vec![flawed(path, &flaw)])?;
    let layout = Layout::find(target, sheet.header()).map_err(|flaw| vec![flawed(path, &flaw)])?;
    let mut flaws = Flaws::of(path);
    met.begin(path);
    for row in sheet {
        let row = match row {
            Ok(row) => row,
            Err(flaw) => {
                flaws.note_flaw(&flaw);
                continue;
            }
        };
        let met = |listed: Listed| met.note(&listed, row.line).map(|()| listed);
        match layout.person(&row).and_then(met) {
            Ok(listed) => show(row.line, listed),
            Err(why) => flaws.note(row.line, &why),
        }
    }
    flaws.end()?;
    Ok(Whole { written_at, passed_over: PassedOver::new(path, layout.passed_over()) })
}

/// Who was met under which id in the files of one target.
///
/// An id is one person's, and a person has one: of two people under one id only one would be seen, as where the column `id`
/// holds the numbers of the rows. Some tens of bytes are kept for each person with an id.
#[derive(Default)]
pub(super) struct Met {
    files: Vec<PathBuf>,
    /// By id, whose address it was.
    ids: BTreeMap<u64, Seen>,
    /// By address, which id it had.
    addresses: BTreeMap<u64, Seen>,
}

/// Where an id and an address were met together.
#[derive(Clone, Copy)]
struct Seen {
    /// The address of an id, as a number; the id of an address.
    with: u64,
    file: usize,
    line: u64,
}

impl Met {
    fn begin(&mut self, path: &Path) {
        self.files.push(path.to_owned());
    }

    /// One more person. Whoever is in no more may have left an address to somebody else.
    fn note(&mut self, listed: &Listed, line: u64) -> Result<(), String> {
        let Some(id) = listed.id.filter(|_| !listed.is_out) else { return Ok(()) };
        let file = self.files.len().saturating_sub(1);
        let address = number(&listed.address);
        let of_id = *self.ids.entry(id).or_insert(Seen { with: address, file, line });
        if of_id.with != address {
            let elsewhere = self.place(of_id, file);
            return Err(format!(
                "`{}` has the id `{id}`, which somebody else has {elsewhere}",
                listed.address
            ));
        }
        let of_address = *self.addresses.entry(address).or_insert(Seen { with: id, file, line });
        if of_address.with != id {
            let elsewhere = self.place(of_address, file);
            return Err(format!(
                "`{}` has the id `{id}`, and `{}` {elsewhere}",
                listed.address, of_address.with
            ));
        }
        Ok(())
    }

    fn place(&self, seen: Seen, file: usize) -> String {
        let line = seen.line;
        match self.files.get(seen.file) {
            Some(other) if seen.file != file => format!("on line {line} of `{}`", other.display()),
            _ => format!("on line {line}"),
        }
    }
}

/// An address as a number. Of a million addresses, two have the same one in less than one of ten million files.
fn number(address: &Email) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.as_str().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn one_id_is_one_person_in_all_files_and_one_person_has_one_id() {
        let mut met = Met::default();
        let mut note = |line: u64, id: Option<u64>, address: &str, is_out: bool| {
            let address = Email::parse(address).unwrap();
            let listed =
                Listed { address, id, standing: None, is_out, has: BTreeSet::new(), unknown_status: None };
            met.note(&listed, line).map_err(|why| format!("{line}: {why}")).err()
        };
        let mut said = String::new();
        for (line, id, address, is_out) in [
            (2, Some(7), "ada@x.example", false),
            (3, Some(7), "ben@x.example", false),
            (4, Some(7), "ADA@x.example", false),
            (5, Some(8), "ada@x.example", false),
            (6, None, "ada@x.example", false),
            (7, Some(9), "ada@x.example", true),
            (8, Some(9), "cleo@x.example", false),
        ] {
            if let Some(why) = note(line, id, address, is_out) {
                writeln!(said, "{why}").unwrap();
            }
        }
        let expected = "3: `ben@x.example` has the id `7`, which somebody else has on line 2\n\
                        5: `ada@x.example` has the id `8`, and `7` on line 2\n";
        assert_eq!(said, expected);
    }
}
