//! `frontdesk explain WHO --at TIME`: what was known then, under the catalogue of then, and what the targets held as far as
//! that is kept.

use super::{DEPTH, Places, Tense, answers, paired, said};
use crate::assemble::store_failed;
use crate::commands::desk::Desk;
use crate::commands::instant::{FORMS, instant};
use crate::commands::wording;
use crate::config::Written;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::{Printer, wrapped};
use frontdesk_core::explain::{Explained, explain};
use frontdesk_core::id::CustomerId;
use frontdesk_engine::then::{Hindsight, Then};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Lists that were read again since have taken the place of what they showed then.
const THEN: Tense = Tense { sees: "they saw", unseen: "what was seen there then is not kept" };

/// Explains what was known of a customer at an instant.
pub(super) async fn run(
    customer: &CustomerId,
    typed: &str,
    written: Option<&Written>,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let at = moment(typed, desk)?;
    let hindsight = desk.engine.then(customer, at).await.map_err(|error| store_failed(&error))?;
    let records = match hindsight {
        Some(Hindsight::Known(records)) => records,
        Some(Hindsight::NotYet) => return Err(not_yet(customer, at, desk).await?),
        Some(Hindsight::NoCatalogue) => {
            let message = format!("no catalogue was in force on {} yet", desk.when(at));
            let hint = "Frontdesk first ran after that: name a later time";
            return Err(Report::error(Code::NotFound, message).hint(hint).into());
        }
        None => {
            return Err(Report::error(Code::NotFound, format!("no customer has the id `{customer}`")).into());
        }
    };
    let mut texts = Vec::new();
    let mut documents = Vec::new();
    for then in &records {
        let explained = explained(then);
        let places = Places { written, decided: &then.catalogue.catalogue };
        texts.push(text(desk, then, &explained, places));
        documents.push(document(then, &explained, places));
    }
    printer.text(&texts.join("\n\n"))?;
    printer.json(&json!({ "at": at, "customer": customer, "records": documents }))?;
    Ok(Exit::Done)
}

fn moment(typed: &str, desk: &Desk) -> Result<Timestamp, Failure> {
    let now = desk.now();
    let Some(at) = instant(typed, &desk.site.zone, now) else {
        return Err(Report::error(Code::NotAnId, format!("`{typed}` is no time")).hint(FORMS).into());
    };
    if at > now {
        let report = Report::error(Code::NotAnId, format!("{} is still to come", desk.when(at)));
        let hint = "without `--at`, `explain` says what is known, and what would change it on which date";
        return Err(report.hint(hint).into());
    }
    Ok(at)
}

/// When the customer was first heard of.
async fn not_yet(customer: &CustomerId, at: Timestamp, desk: &Desk) -> Result<Failure, Failure> {
    let view = desk.engine.view(customer).await.map_err(|error| store_failed(&error))?;
    let report =
        Report::error(Code::NotFound, format!("nothing was known of `{customer}` on {} yet", desk.when(at)));
    Ok(match view {
        Some(view) => report
            .hint(format!("the first event about them was applied on {}", desk.when(view.row.created_at)))
            .into(),
        None => report.into(),
    })
}

/// The reasons as they were. How a row stood is not kept; what the customer saw is the audit log's to tell.
fn explained(then: &Then) -> Vec<Explained> {
    let Then { record, decision, syncs, catalogue, at, .. } = then;
    let mut explained = explain(record, decision, syncs, &catalogue.catalogue, *at);
    for one in &mut explained {
        one.stage = then.stage_of(one.entitlement.as_ref(), &one.holder, &one.journey);
        one.pending_since = None;
        for seen in &mut one.targets {
            seen.state = None;
        }
    }
    explained
}

fn text(desk: &Desk, then: &Then, explained: &[Explained], places: Places<'_>) -> String {
    let address = then.record.access_address();
    let address = address.as_ref().map_or("no address", |address| address.as_str());
    let version = &then.catalogue;
    let known = format!("{}, by what had come in until then", desk.when(then.at));
    let catalogue = format!("version {}, since {}", version.version, desk.when(version.since));
    let done = then.done.iter().enumerate().map(|(n, done)| {
        let (gap, lead) = if n == 0 { ("\n\n", "Last done") } else { ("\n", "") };
        let what = done.item.as_ref().map_or_else(|| "the member".to_owned(), wording::item);
        let (result, step, when) = (&done.result, &done.step, desk.when(done.at));
        let said = format!("{} {step} {what}: {result}, {when} ({})", done.target.title(), done.call);
        format!("{gap}{}", wrapped(lead, DEPTH, &said))
    });
    let parts = [
        format!("{address}  {}\n\n", then.record.id),
        wrapped("As known", DEPTH, &known),
        format!("\n{}", wrapped("Catalogue", DEPTH, &catalogue)),
        answers(desk, explained, &BTreeMap::new(), &THEN, places),
    ];
    let paired = paired(desk, &then.record).into_iter().map(|said| format!("\n\n{said}"));
    parts.into_iter().chain(paired).chain(done).collect()
}

fn document(then: &Then, explained: &[Explained], places: Places<'_>) -> Value {
    json!({
        "customer": then.record.id,
        "address": then.record.access_address().map(|address| address.as_str().to_owned()),
        "catalogue": { "version": then.catalogue.version, "entry": then.catalogue.entry, "since": then.catalogue.since },
        "explained": explained.iter().map(|one| said(one, places)).collect::<Vec<_>>(),
        "shown": then.shown,
        "done": then.done,
    })
}
