//! `frontdesk import circle --csv` and `import kit --csv`: exports of members and subscribers.
//!
//! As with the payment account's exports, every file is read whole for flaws before anything of any is taken in.

use super::exports::{BATCH, PassedOver, at, flawed, open, tell_progress};
use super::lists::Arguments;
use super::statuses::{Statuses, Unknown};
use super::turns::{Ask, Looked, Rest};
use super::{rest, targets_document, tell_targets};
use crate::commands::desk::Question;
use crate::commands::instant::exported_at;
use crate::commands::reach::Reach;
use crate::commands::roster::{self, Met, Whole};
use crate::errors::{Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::target::{Item, Target};
use frontdesk_engine::import::Noticed;
use frontdesk_providers::csv::Table as Sheet;
use frontdesk_providers::roster::Layout;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file that was read to its end and is sound.
struct Checked {
    path: PathBuf,
    exported_at: Timestamp,
    people: u64,
    /// Rows whose status is no word that is known.
    unknown: Vec<Unknown>,
    /// Columns that are not read, because others are.
    passed_over: PassedOver,
}

pub(super) async fn run(
    target: Target,
    arguments: &Arguments,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let looked: Looked = reach.ask(&Question::Import(Ask::Look), printer).await?;
    let all_have = arguments.all_have.iter().map(|typed| roster::managed(target, typed, "", &looked.managed));
    let all_have: BTreeSet<Item> = all_have.collect::<Result<_, _>>()?;
    let exported_at = exported_at(arguments.exported_at.as_deref(), reach.zone(), looked.now)?;
    let mut checked = Vec::new();
    let mut reports = Vec::new();
    let mut met = Met::default();
    for path in &arguments.csv {
        match check(target, path, &mut met, exported_at, looked.now) {
            Ok(file) => checked.push(file),
            Err(flaws) => reports.extend(flaws),
        }
    }
    if !reports.is_empty() {
        return Err(Failure { reports });
    }
    for file in &checked {
        file.passed_over.tell(printer);
        file.unknown.iter().for_each(|unknown| printer.warning(&unknown.warning()));
    }
    let mut done = Vec::new();
    for file in checked {
        let noticed = take_in(target, &file, &all_have, reach, printer).await?;
        done.push((file, noticed));
    }
    let rest = rest(reach, printer).await?;
    tell(target, &done, &rest, printer)?;
    Ok(Exit::Done)
}

fn check(
    target: Target,
    path: &Path,
    met: &mut Met,
    exported_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Checked, Vec<Report>> {
    let (mut people, mut statuses) = (0, Statuses::of_target(target));
    let Whole { written_at, passed_over } = roster::read(target, path, met, |line, listed| {
        people += 1;
        listed.unknown_status.iter().for_each(|word| statuses.note(word, line));
    })?;
    let exported_at = exported_at.or(written_at).unwrap_or(now).min(now);
    Ok(Checked { path: path.to_owned(), exported_at, people, unknown: statuses.end(path), passed_over })
}

async fn take_in(
    target: Target,
    file: &Checked,
    all_have: &BTreeSet<Item>,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Noticed, Failure> {
    let (opened, _) = open(&file.path)?;
    let mut sheet = Sheet::open(opened).map_err(|flaw| flawed(&file.path, &flaw))?;
    let layout = Layout::find(target, sheet.header()).map_err(|flaw| flawed(&file.path, &flaw))?;
    let (mut noticed, mut seen) = (Noticed::default(), 0);
    loop {
        let mut people = Vec::with_capacity(BATCH);
        for row in sheet.by_ref().take(BATCH) {
            let row = row.map_err(|flaw| flawed(&file.path, &flaw))?;
            people.push(layout.person(&row).map_err(|why| at(&file.path, Some(row.line), &why))?);
        }
        if people.is_empty() {
            return Ok(noticed);
        }
        seen += people.len() as u64;
        let (all_have, exported_at) = (all_have.clone(), file.exported_at);
        let ask = Ask::People { target, people, all_have, exported_at };
        let batch: Noticed = reach.ask(&Question::Import(ask), printer).await?;
        noticed.customers += batch.customers;
        noticed.noted += batch.noted;
        noticed.unsupported += batch.unsupported;
        noticed.without_id += batch.without_id;
        tell_progress(&file.path, seen, file.people, "people", printer);
    }
}

fn tell(
    target: Target,
    done: &[(Checked, Noticed)],
    rest: &Rest,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let rows = done.iter().map(|(file, noticed)| {
        let counts = [file.people, noticed.customers, noticed.noted].map(|count| count.to_string());
        [vec![file.path.display().to_string()], counts.to_vec()].concat()
    });
    printer.table(&["file", "people", "customers", "noted"], rows)?;
    printer.text("")?;
    let sum = |of: fn(&Noticed) -> u64| done.iter().map(|(_, noticed)| of(noticed)).sum::<u64>();
    let (unsupported, without_id) = (sum(|of| of.unsupported), sum(|of| of.without_id));
    if unsupported > 0 {
        printer.text(&format!(
            "without a payment behind it: {unsupported}; listed by `frontdesk sync findings`, and left"
        ))?;
    }
    if without_id > 0 {
        printer.text(&format!(
            "without a payment behind it, and without an id in the file: {without_id}; `frontdesk drift` names them, \
             `frontdesk import {target}` learns their ids"
        ))?;
    }
    tell_targets(rest, Some(target), printer)?;
    let unknown: Vec<_> = done.iter().flat_map(|(file, _)| &file.unknown).collect();
    let files: Vec<_> = done
        .iter()
        .map(|(file, noticed)| {
            json!({
                "file": file.path, "exported_at": file.exported_at, "people": file.people,
                "customers": noticed.customers, "noted": noticed.noted, "unsupported": noticed.unsupported,
                "without_id": noticed.without_id,
            })
        })
        .collect();
    printer.json(&json!({
        "import": target, "from": "csv", "files": files, "targets": targets_document(rest),
        "is_applied": !rest.applies, "unknown_statuses": unknown,
    }))
}
