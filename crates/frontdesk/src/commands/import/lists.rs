//! `frontdesk import circle` and `frontdesk import kit`: who is there, by the target's own lists.
//!
//! It is a sweep that somebody waits for: the lists are read page by page, and what they show of our customers is noted.
//! Nothing is done there, and nobody is removed for being absent.

use super::turns::{Ask, Rest, Sweeping};
use super::{WAITS_MAX, rest, rosters, targets_document, tell_targets};
use crate::commands::desk::Question;
use crate::commands::reach::Reach;
use crate::commands::wording;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::sweep::List;
use frontdesk_core::target::Target;
use frontdesk_engine::sweep::{Awaited, Running, Swept};
use jiff::Timestamp;
use serde_json::json;
use std::path::PathBuf;

/// What it takes.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// From exports, not through the API: files of members or subscribers
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) csv: Vec<PathBuf>,
    /// What everybody in the files has: group:ID, space:ID or tag:NAME
    #[arg(long, value_name = "ITEM", requires = "csv")]
    pub(super) all_have: Vec<String>,
    /// When the files were exported, as in 2026-11-24T09:00:00Z, `2026-11-24 09:00` or 3d; without it, when each was last written
    #[arg(long, value_name = "TIME", requires = "csv")]
    pub(super) exported_at: Option<String>,
}

pub(super) async fn run(
    target: Target,
    arguments: &Arguments,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    if !arguments.csv.is_empty() {
        return rosters::run(target, arguments, reach, printer).await;
    }
    let since: Timestamp = reach.ask(&Question::Import(Ask::Sweep { target }), printer).await?;
    let mut waits = 0;
    let mut told = None;
    loop {
        let ask = Ask::SweepTurn { target, since };
        let now: Sweeping = reach.ask(&Question::Import(ask), printer).await?;
        tell_progress(&mut told, now.running.as_ref(), printer);
        match &now.awaited {
            Awaited::Goes => waits = 0,
            Awaited::Waits { until, why } => {
                if waits % 30 == 5 {
                    printer.note(&format!("waits until {until:.0}: {why}"));
                }
                waits += 1;
                if waits >= WAITS_MAX {
                    return Err(stopped(target, why));
                }
            }
            Awaited::Failed { why } => return Err(stopped(target, why)),
            Awaited::Done => {
                let rest = rest(reach, printer).await?;
                tell(target, &now, &rest, printer)?;
                return Ok(Exit::Done);
            }
        }
    }
}

/// A line for each list that is begun.
fn tell_progress(told: &mut Option<usize>, running: Option<&Running>, printer: &mut Printer) {
    let Some(running) = running else { return };
    if *told == Some(running.at) {
        return;
    }
    *told = Some(running.at);
    match running.lists.get(running.at) {
        Some(list) => printer.note(&format!("reads the list: {}", name(list))),
        None => printer.note("lays what the lists show beside the record"),
    }
}

fn name(list: &List) -> String {
    match list {
        List::Everyone => "all members".to_owned(),
        List::In(item) => wording::item(item),
    }
}

fn stopped(target: Target, why: &str) -> Failure {
    Report::error(Code::ImportStopped, format!("could not read the lists of {}: {why}", target.title()))
        .hint("nothing was changed; once that is put right, run the same command again")
        .into()
}

fn tell(target: Target, done: &Sweeping, rest: &Rest, printer: &mut Printer) -> Result<(), Failure> {
    let counts = done.last.as_ref().map(|last: &Swept| last.counts.clone()).unwrap_or_default();
    let rows = counts.iter().map(|(list, count)| vec![name(list), count.to_string()]);
    printer.table(&[target.title(), "people"], rows)?;
    printer.text("")?;
    let Sweeping { known, unsupported, .. } = done;
    printer.text(&format!("{known} of them are customers of the record"))?;
    if *unsupported > 0 {
        printer.text(&format!(
            "without a payment behind it: {unsupported}; listed by `frontdesk sync findings`, and left"
        ))?;
    }
    tell_targets(rest, Some(target), printer)?;
    let lists: Vec<_> = counts.iter().map(|(list, count)| json!({ "list": list, "people": count })).collect();
    printer.json(&json!({
        "import": target, "from": "api", "lists": lists, "known": known, "unsupported": unsupported,
        "calls": done.last.as_ref().map(|last| last.calls), "targets": targets_document(rest),
        "is_applied": !rest.applies,
    }))
}
