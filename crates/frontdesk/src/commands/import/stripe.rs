//! `frontdesk import stripe`: the past of the payment account.

use super::turns::{Ask, Looked, Progress, Rest};
use super::{WAITS_MAX, exports, rest, targets_document, tell_targets};
use crate::commands::desk::{Question, confirm};
use crate::commands::instant::exported_at;
use crate::commands::reach::Reach;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::target::Target;
use frontdesk_engine::import::{Count, Imported, Turn};
use frontdesk_providers::stripe::list::List;
use serde_json::json;
use std::path::PathBuf;

/// What it takes.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// From exports of the dashboard, not through the API: customers, subscriptions, payments
    #[arg(long, value_name = "FILE", num_args = 1..)]
    csv: Vec<PathBuf>,
    /// When the files were exported, as in 2026-11-24T09:00:00Z, `2026-11-24 09:00` or 3d; without it, when each was last written
    #[arg(long, value_name = "TIME", requires = "csv")]
    exported_at: Option<String>,
    /// Import although a target is live
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let looked: Looked = reach.ask(&Question::Import(Ask::Look), printer).await?;
    if !arguments.csv.is_empty() {
        let exported_at = exported_at(arguments.exported_at.as_deref(), reach.zone(), looked.now)?;
        let files = exports::check(&arguments.csv, exported_at, looked.now)?;
        // Files are told, never proof, whatever was imported before.
        beware(&looked, arguments.yes, printer)?;
        return exports::run(files, reach, printer).await;
    }
    let was_whole = looked.imported.as_ref().is_some_and(|imported| imported.was_ever_whole);
    beware(&looked, arguments.yes || was_whole, printer)?;
    let begun: Imported = reach.ask(&Question::Import(Ask::Begin), printer).await?;
    if looked.imported.as_ref().is_some_and(|last| last.began_at == begun.began_at) {
        let list = begun.list().map_or("the end", List::title);
        printer.note(&format!("an import was cut off at {list}: it goes on there"));
    }
    let done = read_all(&begun, reach, printer).await?;
    let rest = rest(reach, printer).await?;
    tell(&done, &rest, printer)?;
    Ok(Exit::Done)
}

/// The past must not act by surprise: where a target is live, whoever the import shows to pay is let in at once.
fn beware(looked: &Looked, yes: bool, printer: &mut Printer) -> Result<(), Failure> {
    if looked.live.is_empty() || yes {
        return Ok(());
    }
    let titles: Vec<_> = looked.live.iter().map(|target| Target::title(*target)).collect();
    printer.note(&format!(
        "{} would be written to: whoever the import shows to pay is let in at once, and whoever no longer pays is taken \
         out (past ten people in ten minutes only after somebody releases the brake).\nTo look first, set `mode = \
         \"shadow\"` for the target, import, and read `frontdesk plan`.",
        titles.join(" and ")
    ));
    confirm()
}

/// Turn after turn, until every list is read.
async fn read_all(
    begun: &Imported,
    reach: &mut Reach<'_>,
    printer: &mut Printer,
) -> Result<Imported, Failure> {
    let mut waits = 0;
    let mut last = begun.clone();
    loop {
        let Progress { imported, turn } = reach.ask(&Question::Import(Ask::Turn), printer).await?;
        waits = if imported == last { waits + 1 } else { 0 };
        tell_progress(&last, &imported, printer);
        last = imported;
        match turn {
            Turn::Done => return Ok(last),
            Turn::Read | Turn::Applies => {}
            Turn::Waits { until, why } => {
                if waits % 60 == 10 {
                    printer.note(&format!("waits until {until:.0}: {why}"));
                }
                if waits >= WAITS_MAX {
                    return Err(stopped(last.list(), &why));
                }
            }
            Turn::Stopped { list, why } => return Err(stopped(Some(list), &why)),
        }
    }
}

/// One line for each list that came to its end since, and one for the list that is being read.
fn tell_progress(before: &Imported, now: &Imported, printer: &mut Printer) {
    let (from, to) = (before.list(), now.list());
    let is_between = |list: &List| from.is_some_and(|from| *list >= from) && to.is_none_or(|to| *list < to);
    for list in List::ALL.into_iter().filter(is_between) {
        let Count { listed, new, .. } = now.counts.get(&list).copied().unwrap_or_default();
        printer.note(&format!("{}: {listed} read, {new} new", list.title()));
    }
    if let Some(list) = to.filter(|_| before.counts != now.counts)
        && let Some(count) = now.counts.get(&list)
    {
        printer.note(&format!("{}: {} read so far", list.title(), count.listed));
    }
}

fn stopped(list: Option<List>, why: &str) -> Failure {
    let what = list.map_or("the source", List::title);
    Report::error(Code::ImportStopped, format!("could not read the {what}: {why}"))
        .hint("what was read is kept; once that is put right, run the same command again: it goes on where it was")
        .into()
}

fn tell(done: &Imported, rest: &Rest, printer: &mut Printer) -> Result<(), Failure> {
    let counts = List::ALL.map(|list| (list, done.counts.get(&list).copied().unwrap_or_default()));
    let rows = counts.iter().map(|(list, count)| {
        let cells = [count.listed, count.new, count.known, count.left].map(|count| count.to_string());
        [vec![list.title().to_owned()], cells.to_vec()].concat()
    });
    printer.table(&["Stripe", "read", "new", "known", "of no use"], rows)?;
    printer.text("")?;
    tell_targets(rest, None, printer)?;
    printer.note("next: `frontdesk import circle` and `frontdesk import kit`, then `frontdesk plan`");
    let lists: Vec<_> = counts
        .iter()
        .map(|(list, Count { listed, new, known, left })| {
            json!({ "list": list.as_str(), "read": listed, "new": new, "known": known, "of_no_use": left })
        })
        .collect();
    printer.json(&json!({
        "import": "stripe", "from": "api", "began_at": done.began_at, "ended_at": done.ended_at, "lists": lists,
        "targets": targets_document(rest), "is_applied": !rest.applies,
    }))
}
