//! `frontdesk import stripe --csv`: the dashboard's exports.
//!
//! Every file is read twice: once whole, to find what is wrong with it, and only then once more to take it in. In both
//! passes no more than a batch of rows is in memory.

use super::statuses::{Statuses, Unknown};
use super::turns::{Ask, Rest, RowsTaken};
use super::{rest, targets_document, tell_targets};
use crate::commands::desk::Question;
use crate::commands::reach::Reach;
use crate::errors::{Code, Failure, Place, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::id::SourceId;
use frontdesk_engine::import::{ExportedRow, Taken};
use frontdesk_providers::csv::{Flaw, Headed, Row, Table as Sheet, shown};
use frontdesk_providers::stripe::export::Layout;
use jiff::Timestamp;
use serde_json::json;
use std::error::Error as _;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Flaws that are shown of one file; the others are counted.
const FLAWS_MAX: usize = 20;
/// Rows that are taken in at once.
pub(super) const BATCH: usize = 500;
/// Rows after which it says how far it is.
const TELL_EVERY: u64 = 5_000;

/// A file that was read to its end and is sound.
pub(in crate::commands) struct Checked {
    path: PathBuf,
    layout: Layout,
    exported_at: Timestamp,
    rows: u64,
    /// Rows whose status is no word that is known.
    pub(in crate::commands) unknown: Vec<Unknown>,
    /// Columns that are not read, because others are.
    pub(in crate::commands) passed_over: PassedOver,
}

/// Columns of one file that hold the same by their headers as another one, which is read.
pub(in crate::commands) struct PassedOver(Vec<Report>);

impl PassedOver {
    /// Of each pair the first is read.
    pub(in crate::commands) fn new(path: &Path, columns: &[(Headed, Headed)]) -> Self {
        let said = |(read, other): &(Headed, Headed)| {
            let why = format!("{read} is read, and {other} is not");
            let place = Place { file: path.display().to_string(), line: None, key: String::new() };
            Report::warning(Code::ExportFlawed, why).at(place).hint(format!(
                "both are usual headers of the same; if the other one is meant, rename `{}` in the file",
                shown(&read.header)
            ))
        };
        Self(columns.iter().map(said).collect())
    }

    /// Says so.
    pub(in crate::commands) fn tell(&self, printer: &mut Printer) {
        self.0.iter().for_each(|warning| printer.warning(warning));
    }
}

impl Checked {
    /// Whether it says under which address a customer is known.
    pub(in crate::commands) fn has_addresses(&self) -> bool {
        self.layout.has_addresses()
    }
}

/// Reads all files once. Nothing is taken in of any, if one has a flaw.
pub(in crate::commands) fn check(
    paths: &[PathBuf],
    exported_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Checked>, Failure> {
    let mut reports = Vec::new();
    let mut checked = Vec::new();
    for path in paths {
        match check_one(path, exported_at, now) {
            Ok(file) => checked.push(file),
            Err(flaws) => reports.extend(flaws),
        }
    }
    if !reports.is_empty() {
        return Err(Failure { reports });
    }
    // Customers before what names them, so that nothing is asked for by itself.
    checked.sort_by_key(|file| file.layout.table);
    Ok(checked)
}

fn check_one(path: &Path, exported_at: Option<Timestamp>, now: Timestamp) -> Result<Checked, Vec<Report>> {
    let (file, written_at) = open(path).map_err(|failure| failure.reports)?;
    // What is said to come from the future is from now at the latest.
    let exported_at = exported_at.or(written_at).unwrap_or(now).min(now);
    let mut sheet = Sheet::open(file).map_err(|flaw| vec![flawed(path, &flaw)])?;
    let (mut rows, mut flaws) = (1, Flaws::of(path));
    let Some((layout, first)) = layout(path, &mut sheet, &mut flaws)? else {
        flaws.end()?;
        return Err(vec![at(path, None, "there is a header and no row below it")]);
    };
    let source = SourceId::new("stripe");
    let mut statuses = Statuses::of_table(layout.table);
    let mut judge = |row: &Row, flaws: &mut Flaws<'_>| {
        let exported = layout.row(row, exported_at);
        match exported.facts(&source) {
            Err(odd) => flaws.note(row.line, &odd.to_string()),
            Ok(_) => exported.unknown_status().into_iter().for_each(|word| statuses.note(word, row.line)),
        }
    };
    judge(&first, &mut flaws);
    for row in sheet {
        match row {
            Ok(row) => {
                rows += 1;
                judge(&row, &mut flaws);
            }
            Err(flaw) => flaws.note_flaw(&flaw),
        }
    }
    flaws.end()?;
    let unknown = statuses.end(path);
    let passed_over = PassedOver::new(path, layout.passed_over());
    Ok(Checked { path: path.to_owned(), layout, exported_at, rows, unknown, passed_over })
}

/// The flaws of one file, row by row.
pub(in crate::commands) struct Flaws<'a> {
    path: &'a Path,
    count: usize,
    reports: Vec<Report>,
}

impl<'a> Flaws<'a> {
    /// None so far.
    pub(in crate::commands) const fn of(path: &'a Path) -> Self {
        Self { path, count: 0, reports: Vec::new() }
    }

    /// One more.
    pub(in crate::commands) fn note(&mut self, line: u64, why: &str) {
        self.count += 1;
        if self.count <= FLAWS_MAX {
            self.reports.push(at(self.path, Some(line), why));
        }
    }

    /// One more, of a row that could not even be cut into cells. Reading goes on behind it.
    pub(in crate::commands) fn note_flaw(&mut self, flaw: &Flaw) {
        self.count += 1;
        if self.count <= FLAWS_MAX {
            self.reports.push(flawed(self.path, flaw));
        }
    }

    /// All that there were, those that are not shown as a number.
    pub(in crate::commands) fn end(mut self) -> Result<(), Vec<Report>> {
        let more = self.count.saturating_sub(FLAWS_MAX);
        if more > 0 {
            self.reports.push(at(self.path, None, &format!("{more} more rows cannot be read either")));
        }
        if self.reports.is_empty() { Ok(()) } else { Err(self.reports) }
    }
}

/// What a file holds, and its first whole row, by which that is known; `None`: there is none.
fn layout(
    path: &Path,
    sheet: &mut Sheet<File>,
    flaws: &mut Flaws<'_>,
) -> Result<Option<(Layout, Row)>, Vec<Report>> {
    let header = sheet.header().to_vec();
    let first = loop {
        match sheet.next() {
            Some(Ok(row)) => break row,
            Some(Err(flaw)) => flaws.note_flaw(&flaw),
            None => return Ok(None),
        }
    };
    match Layout::find(&header, &first) {
        Ok(Some(layout)) => Ok(Some((layout, first))),
        Ok(None) => {
            let why = "the ids are of none of the exports that are known: customers (cus_…), subscriptions (sub_…), \
                       payments (ch_…, py_…, pi_…)";
            Err(vec![at(path, Some(first.line), why)])
        }
        Err(flaw) => Err(vec![flawed(path, &flaw)]),
    }
}

pub(in crate::commands) fn open(path: &Path) -> Result<(File, Option<Timestamp>), Failure> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.modified(), file)));
    let (written_at, file) = opened.map_err(|error| flawed(path, &Flaw::Unreadable(error)))?;
    Ok((file, written_at.ok().and_then(|at| Timestamp::try_from(at).ok())))
}

pub(in crate::commands) fn flawed(path: &Path, flaw: &Flaw) -> Report {
    let mut report = at(path, flaw.line(), &flaw.to_string());
    if let Some(cause) = flaw.source() {
        report = report.because(cause);
    }
    match flaw.advice() {
        Some(advice) => report.hint(advice),
        None => report,
    }
}

pub(in crate::commands) fn at(path: &Path, line: Option<u64>, why: &str) -> Report {
    let line = line.and_then(|line| usize::try_from(line).ok());
    let place = Place { file: path.display().to_string(), line, key: String::new() };
    Report::error(Code::ExportFlawed, why).at(place)
}

/// Takes the files in, batch by batch. Cut off in the middle, the same command takes in what is missing.
pub(super) async fn run(
    files: Vec<Checked>,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    for file in &files {
        file.passed_over.tell(printer);
        file.unknown.iter().for_each(|unknown| printer.warning(&unknown.warning()));
    }
    let taken = take_in_all(&files, reach, printer).await?;
    let done: Vec<_> = files.into_iter().zip(taken).collect();
    let rest = rest(reach, printer).await?;
    tell(&done, &rest, printer)?;
    Ok(Exit::Done)
}

/// What each of the files came to. Nothing is waited for.
pub(in crate::commands) async fn take_in_all(
    files: &[Checked],
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Vec<Taken>, Failure> {
    let mut done = Vec::with_capacity(files.len());
    for file in files {
        done.push(take_in(file, reach, printer).await?);
    }
    Ok(done)
}

async fn take_in(file: &Checked, reach: &mut Reach<'_>, printer: &mut Printer) -> Result<Taken, Failure> {
    let (opened, _) = open(&file.path)?;
    let mut sheet = Sheet::open(opened).map_err(|flaw| flawed(&file.path, &flaw))?;
    let (mut taken, mut seen) = (Taken::default(), 0);
    loop {
        let mut rows = Vec::with_capacity(BATCH);
        for row in sheet.by_ref().take(BATCH) {
            let row = row.map_err(|flaw| flawed(&file.path, &flaw))?;
            let (name, line) = (file.path.display().to_string(), row.line);
            rows.push(ExportedRow { file: name, line, row: file.layout.row(&row, file.exported_at) });
        }
        if rows.is_empty() {
            return Ok(taken);
        }
        seen += rows.len() as u64;
        let lines: Vec<_> = rows.iter().map(|row| row.line).collect();
        match reach.ask(&Question::Import(Ask::Rows { rows }), printer).await? {
            RowsTaken::Taken(batch) => {
                taken.new += batch.new;
                taken.known += batch.known;
                taken.left += batch.left;
            }
            RowsTaken::Odd { nth, why } => {
                let why = format!("the file changed while it was read: {why}");
                return Err(at(&file.path, lines.get(nth).copied(), &why).into());
            }
        }
        tell_progress(&file.path, seen, file.rows, "rows", printer);
    }
}

/// Says now and then how far a file is.
pub(super) fn tell_progress(path: &Path, seen: u64, of: u64, what: &str, printer: &mut Printer) {
    if seen % TELL_EVERY < BATCH as u64 || seen >= of {
        printer.note(&format!("{}: {seen} of {of} {what}", path.display()));
    }
}

fn tell(done: &[(Checked, Taken)], rest: &Rest, printer: &mut Printer) -> Result<(), Failure> {
    let rows = done.iter().map(|(file, taken)| {
        let counts = [file.rows, taken.new, taken.known, taken.left].map(|count| count.to_string());
        let names = vec![file.path.display().to_string(), file.layout.table.title().to_owned()];
        [names, counts.to_vec()].concat()
    });
    printer.table(&["file", "holds", "rows", "new", "known", "of no use"], rows)?;
    printer.text("")?;
    tell_targets(rest, None, printer)?;
    printer.note("one-time purchases are in no export: `frontdesk import stripe` reads them through the API");
    let unknown: Vec<_> = done.iter().flat_map(|(file, _)| &file.unknown).collect();
    let files: Vec<_> = done
        .iter()
        .map(|(file, taken)| {
            json!({
                "file": file.path, "holds": file.layout.table, "exported_at": file.exported_at, "rows": file.rows,
                "new": taken.new, "known": taken.known, "of_no_use": taken.left,
            })
        })
        .collect();
    printer.json(&json!({
        "import": "stripe", "from": "csv", "files": files, "targets": targets_document(rest),
        "is_applied": !rest.applies, "unknown_statuses": unknown,
    }))
}
