//! `frontdesk explain`: what a customer may use and why, from which events, and what would change it.

mod then;

use super::desk::Desk;
use super::sync::as_they_stand;
use super::who::{Meant, nobody, perhaps_meant};
use super::{plan, wording};
use crate::assemble::store_failed;
use crate::config::Written;
use crate::errors::{Code, Failure, Report};
use crate::exit::Exit;
use crate::printer::{Printer, wrapped};
use clap::Args;
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::email::Email;
use frontdesk_core::entitlement::{Claim, Standing};
use frontdesk_core::explain::{Explained, Rest, Seen, Sight, beside_plan, explain};
use frontdesk_core::id::EntitlementId;
use frontdesk_core::pairing::pairings;
use frontdesk_core::plan::Line;
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
    /// Say what was known then: RFC 3339, `2026-11-24 08:00` on the site's clock, `08:00` for today, or how long ago, as in 3d
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
    let customer = match perhaps_meant(&arguments.who, desk, printer).await? {
        Some(Meant::One(customer)) => customer,
        Some(Meant::Several(exit)) => return Ok(exit),
        None => return without_record(&arguments.who, desk, printer).await,
    };
    if let Some(at) = &arguments.at {
        return then::run(&customer, at, arguments.written.as_deref(), desk, printer).await;
    }
    let view = desk.engine.view(&customer).await.map_err(|error| store_failed(&error))?;
    let Some(mut view) = view else {
        let report = Report::error(Code::NotFound, format!("no customer has the id `{customer}`"));
        return Err(report.hint("it may have been erased; look in `frontdesk event list`").into());
    };
    as_they_stand(&mut view, desk).await?;
    let catalogue = desk.engine.catalogue();
    let mut answers = explain(&view.record, &view.decision, &view.syncs, &catalogue, view.as_of);
    let lines = desk.engine.lines_of(&customer).await.map_err(|error| store_failed(&error))?;
    let rest = beside_plan(&mut answers, &lines, &view.decision, &view.syncs);
    let said = Said { answers, rest, lines };
    let places = Places { written: arguments.written.as_deref(), decided: &catalogue };
    printer.text(&text(desk, &view, &said, places))?;
    printer.json(&document(desk, &view, &said, places))?;
    Ok(Exit::Done)
}

/// All that is said of one customer.
struct Said {
    answers: Vec<Explained>,
    /// What none of them gives.
    rest: Vec<Rest>,
    /// What the plan says by what was last seen.
    lines: Vec<Line>,
}

/// Says what the plan knows of somebody who is no customer: a target has them, and no record supports it.
///
/// # Errors
///
/// When no target was seen to have anybody by that address either.
async fn without_record(typed: &str, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    let Some(address) = Email::parse(typed) else { return Err(nobody(typed)) };
    let (lines, last_seen) = desk.engine.lines_at(&address).await.map_err(|error| store_failed(&error))?;
    if lines.is_empty() {
        let message = format!("no customer matches `{typed}`, nor did a sweep see them at a target");
        let hint = "`frontdesk plan` reads the lists of the targets as they are now";
        return Err(Report::error(Code::NotFound, message).hint(hint).into());
    }
    let members = lines.iter().flat_map(|line| &line.members);
    let members: Vec<_> = members.map(|(target, id)| format!("{} member {id}", target.title())).collect();
    let mut said = vec![format!("{address}  {}; no customer of the record\n", members.join(", "))];
    said.extend(planned(desk, &lines));
    let seen = last_seen.iter().map(|(target, at)| format!("{} {}", target.title(), desk.when(*at)));
    said.push(wrapped("Last seen", DEPTH, &seen.collect::<Vec<_>>().join(", ")));
    printer.text(&said.join("\n"))?;
    printer.json(&json!({
        "customer": null, "address": address, "as_of": desk.now(), "explained": [],
        "plan": lines.iter().map(plan::document).collect::<Vec<_>>(), "last_seen": last_seen,
    }))?;
    Ok(Exit::Done)
}

/// What the plan says, a line for each person.
fn planned(desk: &Desk, lines: &[Line]) -> Vec<String> {
    let said = lines.iter().map(|line| {
        let whose = match &line.holder {
            Holder::Customer => String::new(),
            Holder::Beneficiary(address) => format!("{address}: "),
        };
        wrapped(
            "In the plan",
            DEPTH,
            &format!("{} {whose}{}", line.change().symbol(), plan::said(line, desk)),
        )
    });
    said.collect()
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

fn text(desk: &Desk, view: &CustomerView, said: &Said, places: Places<'_>) -> String {
    let address = view.access_address();
    let address = address.as_ref().map_or("no address", |address| address.as_str());
    let mut text = format!("{address}  {}", view.row.id);
    text.push_str(&answers(desk, &said.answers, &view.syncs, &NOW, places));
    text.push_str(&rest(desk, &said.rest, &view.syncs));
    text.push_str(&around(desk, view, &said.lines));
    text
}

/// What none of the answers gives, with what becomes of it.
fn rest(desk: &Desk, rest: &[Rest], syncs: &BTreeMap<Target, Sync>) -> String {
    let mut text = String::new();
    for (nth, Rest { holder, at, because }) in rest.iter().enumerate() {
        if nth == 0 {
            text.push_str("\n\nGiven by none of this:");
        }
        if let Holder::Beneficiary(address) = holder {
            text.push_str(&about("for", address.as_str()));
        }
        // What nobody wishes away is no work of the row's.
        let is_work = at.items.values().any(|sight| sight.wish != "leave");
        let nothing = BTreeMap::new();
        text.push_str(&target(desk, if is_work { syncs } else { &nothing }, at, &NOW));
        for (nth, claim) in because.iter().enumerate() {
            text.push_str(&about(if nth == 0 { "because" } else { "" }, &wording::claim(desk, claim)));
        }
    }
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
    for (n, (item, sight)) in seen.items.iter().enumerate() {
        let lead = if n == 0 { seen.target.title() } else { "" };
        text.push_str(&about(lead, &format!("{}: {}", wording::item(item), sighted(desk, sight, tense))));
    }
    let Some(sync) = syncs.get(&seen.target) else { return text };
    if sync.state != State::Applied {
        // Shadow mode tries nothing.
        let next = sync.next_attempt_at.filter(|_| sync.state != State::Held(Hold::Shadow));
        let next = next.map(|at| format!(", next try {}", desk.when(at))).unwrap_or_default();
        let (state, since) = (wording::state(&sync.state), desk.when(sync.due_since));
        let held = held(&sync.state, seen);
        text.push_str(&about("", &format!("{state}{held}, since {since}{next}")));
        if let Some(failed) = wording::failed(desk, sync) {
            text.push_str(&about("", &format!("last: {failed}")));
        }
    }
    text
}

/// What is wished of an item, what was seen of it, and why it is left where it is.
fn sighted(desk: &Desk, sight: &Sight, tense: &Tense) -> String {
    let wish = match sight.wish.as_str() {
        "want" => "wanted",
        "absent" => "to be gone",
        _ => "left as it is",
    };
    let seen = sight.seen.as_ref().map(|holding| wording::holding(desk, Some(holding)));
    match (seen, sight.left) {
        (Some(seen), None) => format!("{wish}, {seen}"),
        (None, None) => format!("{wish}, {}", tense.unseen),
        // What only a list showed is noted of nobody.
        (seen, Some(left)) => {
            let seen = seen.map(|seen| format!(", {seen}")).unwrap_or_default();
            let but = if sight.wish == "leave" { ": " } else { ", but left: " };
            format!("{wish}{seen}{but}{}", plan::left(left))
        }
    }
}

/// What is not taken while the row waits, as far as the entitlement gives it: a row waits as a whole, and may do so for the
/// sake of another one.
fn held(state: &State, seen: &Seen) -> String {
    if !matches!(state, State::Held(Hold::Brake { .. } | Hold::Proof)) {
        return String::new();
    }
    let may_go =
        |sight: &Sight| sight.wish == "absent" && !matches!(sight.seen, None | Some(Holding::Absent { .. }));
    let held = seen.items.iter().filter(|(_, sight)| may_go(sight));
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
fn around(desk: &Desk, view: &CustomerView, lines: &[Line]) -> String {
    let mut said = planned(desk, lines);
    said.extend(paired(desk, &view.record));
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

fn document(desk: &Desk, view: &CustomerView, all: &Said, places: Places<'_>) -> Value {
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
        "explained": all.answers.iter().map(|one| said(one, places)).collect::<Vec<_>>(),
        "rest": all.rest,
        "plan": all.lines.iter().map(plan::document).collect::<Vec<_>>(),
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
        let sight = |wish: &str, seen: &Option<Holding>| {
            let (wish, seen) = (wish.to_owned(), seen.clone());
            Sight { wish, seen, change: None, left: None }
        };
        let seen = |wishes: &[(u64, &str, &Option<Holding>)]| Seen {
            target: Target::Circle,
            state: Some(brake.clone()),
            items: wishes
                .iter()
                .map(|(id, wish, holding)| (Item::CircleGroup(*id), sight(wish, holding)))
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
