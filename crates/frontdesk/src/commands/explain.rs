//! `frontdesk explain`: what a customer may use and why, from which events, and what would change it.

mod then;

use super::desk::Desk;
use super::who::{Meant, meant};
use super::wording;
use crate::assemble::store_failed;
use crate::config::Written;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::{Printer, wrapped};
use clap::Args;
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::entitlement::{Claim, Standing};
use frontdesk_core::explain::{Explained, Seen, explain};
use frontdesk_core::id::EntitlementId;
use frontdesk_core::pairing::pairings;
use frontdesk_core::record::Record;
use frontdesk_core::sync::{Hold, State, Sync};
use frontdesk_core::target::{Holder, Holding, Target};
use frontdesk_engine::view::CustomerView;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What it takes.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// An address, an id of ours or of a provider, an event, or a case such as FD-1001
    #[arg(value_name = "WHO")]
    who: String,
    /// Say what was known then: RFC 3339, `2026-11-24 08:00` on the site's clock, or how long ago, as in 3d
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The catalogue as it stands in the file of whoever asks, for the lines that answers name.
    #[arg(skip)]
    written: Option<Box<Written>>,
}

impl Arguments {
    /// The same, knowing on which lines the catalogue stands.
    pub(super) fn with(self, written: Written) -> Self {
        Self { written: Some(Box::new(written)), ..self }
    }
}

/// Explains one customer. Several who match are listed.
pub(super) async fn run(arguments: &Arguments, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let customer = match meant(&arguments.who, desk, printer).await? {
        Meant::One(customer) => customer,
        Meant::Several(exit) => return Ok(exit),
    };
    if let Some(at) = &arguments.at {
        return then::run(&customer, at, arguments.written.as_deref(), desk, printer).await;
    }
    let view = desk.engine.view(&customer).await.map_err(|error| store_failed(&error))?;
    let Some(view) = view else {
        let report = Report::error(Code::NotFound, format!("no customer has the id `{customer}`"));
        return Err(report.hint("it may have been erased; look in `frontdesk event list`").into());
    };
    let catalogue = desk.engine.catalogue();
    let explained = explain(&view.record, &view.decision, &view.syncs, &catalogue, view.as_of);
    let places = Places { written: arguments.written.as_deref(), decided: &catalogue };
    printer.text(&text(desk, &view, &explained, places))?;
    printer.json(&document(desk, &view, &explained, places))?;
    Ok(Exit::Done)
}

/// Where the catalogue that decided stands in the file.
#[derive(Clone, Copy)]
struct Places<'a> {
    written: Option<&'a Written>,
    decided: &'a Catalogue,
}

impl Places<'_> {
    /// The line that makes a claim about the catalogue true.
    fn of(self, claim: &Claim) -> Option<String> {
        self.written?.place_of(claim, self.decided)
    }
}

/// Where what is said of an entitlement begins.
const DEPTH: usize = 13;

/// A line about an entitlement, behind a word that says which.
fn about(lead: &str, said: &str) -> String {
    format!("\n{}", wrapped(&format!("  {lead}"), DEPTH, said))
}

fn text(desk: &Desk, view: &CustomerView, explained: &[Explained], places: Places<'_>) -> String {
    let address = view.access_address();
    let address = address.as_ref().map_or("no address", |address| address.as_str());
    let mut text = format!("{address}  {}", view.row.id);
    text.push_str(&answers(desk, explained, &view.syncs, &NOW, places));
    text.push_str(&around(desk, view));
    text
}

/// What is said otherwise of another time.
struct Tense {
    /// The lead of the stage.
    sees: &'static str,
    /// Of an item about which nothing is known to have been seen.
    unseen: &'static str,
}

const NOW: Tense = Tense { sees: "they see", unseen: "never looked at" };

/// Each answer with its reasons. `syncs` are the rows whose pending work is told.
fn answers(
    desk: &Desk,
    explained: &[Explained],
    syncs: &BTreeMap<Target, Sync>,
    tense: &Tense,
    places: Places<'_>,
) -> String {
    if explained.is_empty() {
        return "\n\nNothing was bought, or nothing that gives anything.".to_owned();
    }
    explained.iter().map(|one| answer(desk, one, syncs, tense, places)).collect()
}

fn answer(
    desk: &Desk,
    one: &Explained,
    syncs: &BTreeMap<Target, Sync>,
    tense: &Tense,
    places: Places<'_>,
) -> String {
    let name = one.entitlement.as_ref();
    let name = name.map_or_else(|| "A purchase without a plan".to_owned(), |id| title(places.decided, id));
    let standing = match (&one.entitlement, &one.standing) {
        (None, Standing::Entitled(_)) => "gives nothing: it is paid, and no plan sells it".to_owned(),
        (_, standing) => wording::standing(desk, standing),
    };
    let mut text = format!("\n\n{}", wrapped("", 0, &format!("{name}: {standing}")));
    if let Holder::Beneficiary(address) = &one.holder {
        text.push_str(&about("for", address.as_str()));
    }
    if let Some(stage) = one.stage {
        let since = one.pending_since.map(|at| format!(", since {}", desk.when(at))).unwrap_or_default();
        text.push_str(&about(tense.sees, &format!("{stage}{since}")));
    }
    for (n, claim) in one.because.iter().enumerate() {
        let lead = if n == 0 { "because" } else { "" };
        let place = places.of(claim).map(|place| format!(" ({place})")).unwrap_or_default();
        text.push_str(&about(lead, &format!("{}{place}", wording::claim(desk, claim))));
        if let Some(source) = wording::told_by(desk, claim) {
            text.push_str(&about("", &source));
        }
    }
    for seen in &one.targets {
        text.push_str(&target(desk, syncs, seen, tense));
    }
    if let Some(turning) = &one.would_change {
        let (lead, turning) = wording::turning(desk, turning);
        text.push_str(&about(lead, &turning));
    }
    text
}

fn title(catalogue: &Catalogue, entitlement: &EntitlementId) -> String {
    let title = catalogue.entitlements.get(entitlement).map(|meaning| meaning.title.as_str());
    title
        .filter(|title| *title != entitlement.as_str())
        .map_or_else(|| entitlement.to_string(), |title| format!("{title} (`{entitlement}`)"))
}

/// What one target should hold and was seen to hold, and what is pending there.
fn target(desk: &Desk, syncs: &BTreeMap<Target, Sync>, seen: &Seen, tense: &Tense) -> String {
    let mut text = String::new();
    for (n, (item, (wish, holding))) in seen.items.iter().enumerate() {
        let lead = if n == 0 { seen.target.title() } else { "" };
        let wish = match wish.as_str() {
            "want" => "wanted",
            "absent" => "to be gone",
            _ => "left as it is",
        };
        let seen = match holding {
            Some(holding) => wording::holding(desk, Some(holding)),
            None => tense.unseen.to_owned(),
        };
        text.push_str(&about(lead, &format!("{}: {wish}, {seen}", wording::item(item))));
    }
    let Some(sync) = syncs.get(&seen.target) else { return text };
    if sync.state != State::Applied {
        let next = sync.next_attempt_at.map(|at| format!(", next try {}", desk.when(at))).unwrap_or_default();
        let (state, since) = (wording::state(&sync.state), desk.when(sync.due_since));
        let held = held(&sync.state, seen);
        text.push_str(&about("", &format!("{state}{held}, since {since}{next}")));
        if let Some(failed) = wording::failed(desk, sync) {
            text.push_str(&about("", &format!("last: {failed}")));
        }
    }
    text
}

/// What is not taken while the row waits, as far as the entitlement gives it: a row waits as a whole, and may do so for the
/// sake of another one.
fn held(state: &State, seen: &Seen) -> String {
    if !matches!(state, State::Held(Hold::Brake { .. } | Hold::Proof)) {
        return String::new();
    }
    let may_go = |wish: &str, holding: Option<&Holding>| {
        wish == "absent" && !matches!(holding, None | Some(Holding::Absent { .. }))
    };
    let held = seen.items.iter().filter(|(_, (wish, holding))| may_go(wish, holding.as_ref()));
    let held: Vec<_> = held.map(|(item, _)| wording::item(item)).collect();
    match held.len() {
        0 => "; nothing of this is held by it".to_owned(),
        1 => format!("; {} stays until then", held[0]),
        _ => format!("; {} stay until then", held.join(", ")),
    }
}

/// What was said of the customer and members under other addresses.
fn paired(desk: &Desk, record: &Record) -> Vec<String> {
    let counting = pairings(&record.facts);
    counting.iter().map(|counts| wrapped("They are", DEPTH, &wording::pairing(desk, counts))).collect()
}

/// What stands around the entitlements: when each target was last seen, reads, cases.
fn around(desk: &Desk, view: &CustomerView) -> String {
    let mut said = paired(desk, &view.record);
    let seen: Vec<_> = Target::ALL
        .into_iter()
        .filter(|target| view.syncs.contains_key(target))
        .map(|target| {
            let at = view.last_seen(target).map_or_else(|| "never".to_owned(), |at| desk.when(at));
            format!("{} {at}", target.title())
        })
        .collect();
    if !seen.is_empty() {
        said.push(wrapped("Last seen", DEPTH, &seen.join(", ")));
    }
    said.extend(view.reads.iter().map(|read| {
        wrapped("Being read", DEPTH, &format!("`{}`, due {}", read.key, desk.when(read.due_at)))
    }));
    said.extend(view.cases.iter().map(|case| {
        let opened = desk.when(case.opened_at);
        wrapped("Open case", DEPTH, &format!("FD-{} ({}), since {opened}", case.number, case.kind))
    }));
    if said.is_empty() { String::new() } else { format!("\n\n{}", said.join("\n")) }
}

/// What is said of one entitlement, each claim with the source's own field or with its line in the catalogue.
fn said(explained: &Explained, places: Places<'_>) -> Value {
    let mut said = serde_json::to_value(explained).expect("it holds only text, numbers and times");
    let because = said.get_mut("because").and_then(Value::as_array_mut);
    for (claim, shown) in explained.because.iter().zip(because.into_iter().flatten()) {
        if let Claim::Said { object, field, .. } = claim {
            shown["read_from"] = json!(wording::read_from(object, *field));
        }
        if let Some(place) = places.of(claim) {
            shown["line"] = json!(place);
        }
    }
    said
}

fn document(desk: &Desk, view: &CustomerView, explained: &[Explained], places: Places<'_>) -> Value {
    let settings = desk.engine.settings();
    let mode_of = |target| settings.targets.get(&target).map(|settings| settings.mode);
    let last_seen: BTreeMap<_, _> =
        view.syncs.keys().map(|target| (target.as_str(), view.last_seen(*target))).collect();
    let reads: Vec<_> = view
        .reads
        .iter()
        .map(|read| json!({ "object": read.key.to_string(), "due_at": read.due_at }))
        .collect();
    json!({
        "customer": view.row.id,
        "address": view.access_address().map(|address| address.as_str().to_owned()),
        "as_of": view.as_of,
        "stage": view.headline().map(|of| of.stage),
        "explained": explained.iter().map(|one| said(one, places)).collect::<Vec<_>>(),
        "pending": view.pending(mode_of),
        "pairings": pairings(&view.record.facts),
        "last_seen": last_seen,
        "reads": reads,
        "cases": view.cases,
        "next_change_at": view.next_change_at(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_core::target::Item;
    use jiff::Timestamp;

    #[test]
    fn what_waits_behind_a_brake_is_named_where_it_is_given() {
        let brake = State::Held(Hold::Brake { name: "circle-1".to_owned() });
        let present = Some(Holding::Present { seen_at: Timestamp::UNIX_EPOCH });
        let seen = |wishes: &[(u64, &str, &Option<Holding>)]| Seen {
            target: Target::Circle,
            state: Some(brake.clone()),
            items: wishes
                .iter()
                .map(|(id, wish, holding)| (Item::CircleGroup(*id), ((*wish).to_owned(), (*holding).clone())))
                .collect(),
        };
        let ends = seen(&[(4012, "absent", &present), (4013, "want", &present), (4014, "absent", &None)]);
        assert_eq!(held(&brake, &ends), "; access group 4012 stays until then");
        let both = seen(&[(4012, "absent", &present), (4013, "absent", &present)]);
        assert_eq!(held(&brake, &both), "; access group 4012, access group 4013 stay until then");
        let other = seen(&[(4013, "want", &present)]);
        assert_eq!(held(&brake, &other), "; nothing of this is held by it");
        assert_eq!(held(&State::Due, &ends), "");
    }
}
