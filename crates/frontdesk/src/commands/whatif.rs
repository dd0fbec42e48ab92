//! `frontdesk plan --catalogue FILE --since TIME`: who would have had what under other rules, before anything is saved.

use super::desk::Desk;
use super::instant::{FORMS, instant};
use super::{plan, wording};
use crate::assemble::store_failed;
use crate::config::Written;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::Printer;
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::entitlement::Standing;
use frontdesk_core::target::Holder;
use frontdesk_core::whatif::{Change, Span, Thing};
use frontdesk_engine::whatif::{Person, WhatIf};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Replays the journal under both catalogues and prints where the answers differ.
pub(super) async fn run(
    new: &Written,
    since: &str,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let since = moment(since, desk)?;
    let what_if = desk.engine.what_if(&new.catalogue, since).await.map_err(|error| store_failed(&error))?;
    let present = desk.engine.catalogue();
    let rules = Rules { present: &present, new };
    let rows = what_if.lines.iter().map(|person| {
        let who = person.address.as_ref().map_or(person.customer.as_str(), |address| address.as_str());
        vec![person.line.symbol().to_string(), who.to_owned(), said(person, rules, desk)]
    });
    printer.table(&["", "who", "what, when, and why"], rows)?;
    printer.text(&format!("\n{}", sums(&what_if, desk).join("\n")))?;
    printer.json(&document(&what_if, rules))?;
    Ok(if what_if.lines.is_empty() { Exit::Done } else { Exit::Found })
}

fn moment(typed: &str, desk: &Desk) -> Result<Timestamp, Failure> {
    match instant(typed, &desk.site.zone, desk.now()) {
        Some(at) if at <= desk.now() => Ok(at),
        Some(at) => {
            let report = Report::error(Code::NotAnId, format!("{} is still to come", desk.when(at)));
            Err(report.hint("name a time that the journal can be replayed from, as in 90d").into())
        }
        None => Err(Report::error(Code::NotAnId, format!("`{typed}` is no time")).hint(FORMS).into()),
    }
}

/// The two catalogues.
#[derive(Clone, Copy)]
struct Rules<'a> {
    present: &'a Catalogue,
    new: &'a Written,
}

impl Rules<'_> {
    /// The line of the new file that gives it.
    fn place(self, span: &Span) -> Option<String> {
        self.new.place_of(span.because.as_ref()?, &self.new.catalogue)
    }

    /// What a span is told as: an item only where no entitlement that means it is told for the same time.
    fn tells(self, span: &Span, all: &[Span]) -> bool {
        let Thing::Item(item) = &span.thing else { return true };
        let catalogue = match span.change {
            Change::Gains => &self.new.catalogue,
            Change::Loses => self.present,
        };
        !all.iter().any(|other| {
            let Thing::Entitlement(id) = &other.thing else { return false };
            let means = catalogue.entitlements.get(id).is_some_and(|meaning| meaning.items.contains(item));
            means && (other.change, other.from, other.until) == (span.change, span.from, span.until)
        })
    }
}

/// What one person would have gained and lost, when, and why.
fn said(person: &Person, rules: Rules<'_>, desk: &Desk) -> String {
    let spans = &person.line.spans;
    let mut said: Vec<String> = Vec::new();
    for span in spans.iter().filter(|span| rules.tells(span, spans)) {
        let verb = match span.change {
            Change::Gains => "gains",
            Change::Loses => "loses",
        };
        let thing = match &span.thing {
            Thing::Entitlement(id) => format!("`{id}`"),
            Thing::Item(item) => wording::item(item),
        };
        let when = match span.until {
            None => format!("from {}", desk.day(span.from)),
            Some(until) if desk.day(until) == desk.day(span.from) => {
                format!("{} to {}", desk.when(span.from), desk.when(until))
            }
            Some(until) => format!("{} to {}", desk.day(span.from), desk.day(until)),
        };
        said.push(format!("{verb} {thing} {when} ({})", why(span, rules, desk)));
    }
    if let Holder::Beneficiary(_) = &person.line.holder {
        said.push("somebody else bought it for them".to_owned());
    }
    let worth: Vec<_> = person.line.worth.iter().map(plan::worth).collect();
    if !worth.is_empty() {
        said.push(worth.join(", "));
    }
    said.join("; ")
}

/// Why the new rules decide otherwise.
fn why(span: &Span, rules: Rules<'_>, desk: &Desk) -> String {
    let place = rules.place(span).map(|place| format!(", {place}")).unwrap_or_default();
    match (span.change, &span.present, &span.new) {
        // Both give the entitlement: it means something else.
        (Change::Gains, Some(Standing::Entitled(_)), _) => "the entitlement means more".to_owned(),
        (Change::Loses, _, Some(Standing::Entitled(_))) => "the entitlement means less".to_owned(),
        (Change::Gains, Some(present), _) => format!("was {}{place}", wording::standing(desk, present)),
        (Change::Gains, None, _) => match &span.because {
            Some(claim) => format!("{}{place}", wording::claim(desk, claim).replace("catalogue: ", "")),
            None => "no plan sold it".to_owned(),
        },
        (Change::Loses, _, Some(new)) => wording::standing(desk, new),
        (Change::Loses, _, None) => "no plan that was paid for grants it any more".to_owned(),
    }
}

/// The last lines.
fn sums(what_if: &WhatIf, desk: &Desk) -> Vec<String> {
    let totals = &what_if.totals;
    let mut sums = Vec::new();
    if what_if.lines.is_empty() {
        let same = if what_if.present == what_if.new { ": both catalogues are the same" } else { "" };
        sums.push(format!("nobody would have gained or lost anything{same}"));
    }
    for (group, what) in [
        (&totals.gain, "would have gained something"),
        (&totals.both, "would have gained something and lost something"),
        (&totals.lose, "would have lost something"),
    ] {
        if group.people > 0 {
            sums.push(format!("{} {what}{}", group.people, plan::sums_of(&group.worth)));
        }
    }
    sums.push(format!("{} would have kept what they had", totals.keep));
    let (since, entries) = (desk.when(what_if.since), what_if.entries);
    sums.push(format!("since {since}: {entries} entries of the journal under both; nothing was saved"));
    if totals.lose.people + totals.both.people > 0 {
        sums.push(
            "nobody loses anything by a mere edit: `frontdesk reload` shows who would, and asks".to_owned(),
        );
    }
    sums
}

fn document(what_if: &WhatIf, rules: Rules<'_>) -> Value {
    let lines = what_if.lines.iter().map(|person| {
        let mut line = serde_json::to_value(person).expect("it holds only text, numbers and times");
        line["symbol"] = json!(person.line.symbol());
        let spans = line.get_mut("spans").and_then(Value::as_array_mut);
        for (span, shown) in person.line.spans.iter().zip(spans.into_iter().flatten()) {
            if let Some(place) = rules.place(span) {
                shown["line"] = json!(place);
            }
        }
        line
    });
    let versions = BTreeMap::from([("present", &what_if.present), ("new", &what_if.new)]);
    json!({
        "since": what_if.since, "as_of": what_if.as_of, "catalogue": versions, "entries": what_if.entries,
        "lines": lines.collect::<Vec<_>>(), "totals": what_if.totals,
    })
}
