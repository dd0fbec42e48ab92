//! `frontdesk plan`: what would be done about everyone, one line per person with the reason, the sums last.

pub(super) mod sheet;

use super::desk::Desk;
use super::import::statuses::Unknown;
use super::sync::target;
use super::{whatif, wording};
use crate::assemble::store_failed;
use crate::cli::Context;
use crate::config::{self, Config};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use clap::Args;
use frontdesk_core::entitlement::{Claim, Standing};
use frontdesk_core::fact::Money;
use frontdesk_core::golive::Written;
use frontdesk_core::plan::{Change, Every, Left, Line, Paid, Part, Totals, Worth};
use frontdesk_core::target::{Holder, Target};
use frontdesk_engine::plan::{By, Looked, Planned};
use frontdesk_store::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What it takes.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
pub struct Arguments {
    /// At this target alone: circle or kit
    #[arg(long, value_name = "TARGET", value_parser = target)]
    target: Option<Target>,
    /// By what was last seen, without reading the lists of the targets
    #[arg(long)]
    offline: bool,
    /// A sheet of who may be one person under two addresses: written where there is none; else what you decided in it
    /// is taken up first
    #[arg(long, value_name = "FILE")]
    pub(super) pairs: Option<PathBuf>,
    /// Who decided the sheet; it stays in the audit log
    #[arg(long, value_name = "NAME", requires = "pairs")]
    by: Option<String>,
    /// Another catalogue: says who would have gained, lost or kept what under it, and saves nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "offline", "pairs"])]
    pub(super) catalogue: Option<PathBuf>,
    /// Since when that is asked: as in 90d, `2026-08-01` or RFC 3339
    #[arg(long, value_name = "TIME", default_value = "90d", requires = "catalogue")]
    since: String,
    /// The catalogue that the file holds, read by whoever asks.
    #[arg(skip)]
    new: Option<Box<config::Written>>,
    /// Asked by who reads no key: what needs one is said to.
    #[arg(skip)]
    #[serde(default)]
    without_keys: bool,
}

impl Arguments {
    /// The same with the other catalogue, if one was named; its warnings are told.
    pub(super) fn with_catalogue(self, config: &Config, context: &mut Context) -> Result<Self, Failure> {
        let Some(path) = &self.catalogue else { return Ok(self) };
        let (new, warnings) = config::load_catalogue(path, config, &context.environment)?;
        for warning in &warnings {
            context.printer.warning(warning);
        }
        Ok(Self { new: Some(Box::new(new)), ..self })
    }
}

impl Arguments {
    /// By what was last seen, for who reads no key.
    pub(super) const fn without_keys(target: Option<Target>) -> Self {
        Self {
            target,
            offline: true,
            pairs: None,
            by: None,
            catalogue: None,
            since: String::new(),
            new: None,
            without_keys: true,
        }
    }
}

/// By what everybody is planned.
pub(super) const fn by(offline: bool) -> By {
    if offline { By::LastSeen } else { By::Lists }
}

pub(super) async fn run(arguments: &Arguments, desk: &Desk, printer: &mut Printer) -> Result<Exit, Failure> {
    if let Some(new) = &arguments.new {
        return whatif::run(new, &arguments.since, desk, printer).await;
    }
    let planned = desk.engine.plan(arguments.target, &by(arguments.offline)).await;
    let planned = planned.map_err(|error| store_failed(&error))?;
    let reads = if arguments.without_keys { Reads::NoKeys } else { Reads::Keys };
    show(&planned, reads, desk, printer).await?;
    Ok(if planned.is_clear() { Exit::Done } else { Exit::Found })
}

/// What whoever is shown a plan reads of the providers: what they can do next hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads<'a> {
    /// Their keys are at hand.
    Keys,
    /// None of their keys.
    NoKeys,
    /// Exports alone, of which these rows have a status that is not known.
    Exports(&'a [Unknown]),
}

/// Prints a plan.
pub(super) async fn show(
    planned: &Planned,
    reads: Reads<'_>,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let targets = targets(planned, desk).await.map_err(|error| store_failed(&error))?;
    if !planned.knows_past {
        let how = match reads {
            Reads::Keys => "`frontdesk import stripe` reads it",
            Reads::NoKeys | Reads::Exports(_) => "`frontdesk import stripe` reads it, or its exports do",
        };
        printer.note(&format!(
            "Stripe: what was sold before Frontdesk ran was never read, so who bought before seems not to pay; {how}"
        ));
    }
    for (target, looked) in &planned.looked {
        printer.note(&format!("{}: {}", target.title(), on_what(*target, looked, desk)));
    }
    let rows = planned.lines.iter().map(|line| {
        let who = line.address.as_ref().map_or_else(|| member(line), |address| address.as_str().to_owned());
        vec![line.change().symbol().to_string(), who, said(line, desk)]
    });
    printer.table(&["", "who", "what, and why"], rows)?;
    printer.text(&format!("\n{}", sums(planned, reads, &targets).join("\n")))?;
    let items: Vec<_> = planned.lines.iter().map(document).collect();
    let mut document = json!({
        "as_of": planned.as_of, "knows_past": planned.knows_past, "targets": targets, "lines": items, "totals": planned.totals, "pairs": planned.pairs,
        "unmapped": planned.unmapped, "without_address": planned.without_address,
    });
    if let Reads::Exports(unknown) = reads {
        document["unknown_statuses"] = json!(unknown);
    }
    printer.json(&document)
}

/// What a plan rests on at each target, and what it would cost.
async fn targets(planned: &Planned, desk: &Desk) -> Result<BTreeMap<Target, Value>, Error> {
    let mut targets = BTreeMap::new();
    for (target, looked) in &planned.looked {
        let written = desk.engine.written(*target).await?;
        let forecast = desk.engine.forecast(*target).await?;
        let line = forecast.line(desk.now());
        let at = json!({ "looked": looked, "written": written, "forecast": forecast, "forecast_says": line });
        targets.insert(*target, at);
    }
    Ok(targets)
}

fn on_what(target: Target, looked: &Looked, desk: &Desk) -> String {
    match looked {
        Looked::Now { calls, flaw: None } => format!("its lists as they are now, {calls} calls"),
        Looked::Now { calls, flaw: Some(flaw) } => {
            format!(
                "its lists as they are now, {calls} calls; but {flaw}: look at it before you believe this"
            )
        }
        Looked::Given => "by the exports".to_owned(),
        Looked::Before { at, why } => {
            // What a plan itself reads of the lists is not kept: most of those in them may be no customers.
            let why = why.as_ref().map_or_else(
                || format!("; `frontdesk import {target}` reads its lists and notes what they show"),
                |why| format!("; not read now: {why}"),
            );
            match at {
                Some(at) => format!("as last swept {}{why}", desk.when(*at)),
                None => {
                    format!("never swept, so who is there is known from files and single looks alone{why}")
                }
            }
        }
    }
}

/// Somebody without an address, by the number that a target gave them.
fn member(line: &Line) -> String {
    let member = line.members.iter().next();
    member.map_or_else(|| "–".to_owned(), |(target, id)| format!("{} member {id}", target.title()))
}

/// What would be done about somebody, and why.
pub(super) fn said(line: &Line, desk: &Desk) -> String {
    let mut acts = Vec::new();
    for target in &line.newcomer {
        acts.push(match target {
            Target::Circle => "invite to Circle".to_owned(),
            Target::Kit => "add to Kit".to_owned(),
        });
    }
    for (verb, change) in [("give", Change::Give), ("take away", Change::Take)] {
        let items: Vec<_> = items(line, |part| part.change == change).collect();
        if !items.is_empty() {
            acts.push(format!("{verb} {}", items.join(", ")));
        }
    }
    let why = why(line, desk);
    let worth: Vec<_> = line.worth.iter().map(self::worth).collect();
    let mut said = Vec::new();
    if !acts.is_empty() {
        said.push(sentence(&acts, &why, &worth));
    }
    // Why something is left is said of that alone; the rest is about all that has no other reason.
    let lefts: BTreeSet<_> = line.parts.iter().filter_map(|part| part.left).collect();
    for (nth, reason) in lefts.into_iter().enumerate() {
        let items: Vec<_> = items(line, |part| part.left == Some(reason)).collect();
        let why_left = match reason {
            Left::BeyondPaid => beyond(&line.pays_for),
            other => left(other).to_owned(),
        };
        let mut because = vec![why_left];
        let rest = acts.is_empty() && nth == 0;
        because.extend(why.iter().filter(|_| rest).cloned());
        let worth = if rest { &worth[..] } else { &[] };
        said.push(sentence(&[format!("leave {}", items.join(", "))], &because, worth));
    }
    said.join("; ")
}

/// Why a line is as it is, but for what is left.
fn why(line: &Line, desk: &Desk) -> Vec<String> {
    let mut why = Vec::new();
    if let Holder::Beneficiary(_) = &line.holder {
        why.push("somebody else bought it for them".to_owned());
    }
    // A person's word, or a catalogue's, is why something goes from somebody who pays.
    let takes = line.parts.iter().any(|part| part.change == Change::Take);
    let ruled: Vec<_> = line.because.iter().filter(|claim| decides(claim)).collect();
    if !takes || ruled.is_empty() {
        why.extend(standing(line, desk));
    }
    why.extend(ruled.into_iter().map(|claim| wording::claim(desk, claim)));
    why.extend(line.held.values().map(wording::state));
    why
}

/// Whether it is the word of a person, or of a catalogue that a person confirmed.
const fn decides(claim: &Claim) -> bool {
    matches!(claim, Claim::Ruled { .. } | Claim::Withdrawn { .. } | Claim::Redefined { .. })
}

/// What, why and for how much, as far as each is known.
fn sentence(what: &[String], why: &[String], worth: &[String]) -> String {
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
    let worth = if worth.is_empty() { String::new() } else { format!(" ({})", worth.join(", ")) };
    format!("{}{why}{worth}", what.join("; "))
}

fn items(line: &Line, of: impl Fn(&Part) -> bool) -> impl Iterator<Item = String> {
    line.parts.iter().filter(move |part| of(part)).map(|part| wording::item(&part.item))
}

/// Why something is left, as far as that is said without the person's line.
pub(super) const fn left(why: Left) -> &'static str {
    match why {
        Left::BeyondPaid => "what they pay for does not give this",
        Left::Unpaid => "has access and does not pay",
        Left::EndedUnpaid => "pays no more, and has access by somebody else's doing",
        Left::EarlierCatalogue => "an earlier version of the catalogue gave it",
        Left::Unclear => "the source says something that Frontdesk does not know",
        Left::TakenByPerson => "a person took it away there",
        Left::Unknown => "what a call came to is not known yet, and is looked at first",
        Left::NotSubscribed => "unknown to Kit, and `new_subscribers` says to leave it so",
    }
}

/// That somebody pays, and not for what they have.
pub(super) fn beyond(pays_for: &BTreeSet<Paid>) -> String {
    let does_not = if pays_for.len() == 1 { "which does not give this" } else { "which do not give this" };
    format!("pays for {}, {does_not}", paid(pays_for))
}

/// What somebody pays for.
pub(super) fn paid(pays_for: &BTreeSet<Paid>) -> String {
    let each = pays_for.iter().map(|paid| match paid {
        Paid::Plan { id, title } => title.clone().unwrap_or_else(|| id.to_string()),
        Paid::Good(good) => format!("`{good}`"),
        Paid::Unread => "something that is being read at the source".to_owned(),
    });
    each.collect::<Vec<_>>().join(" and ")
}

fn standing(line: &Line, desk: &Desk) -> Option<String> {
    let (title, standing) = line.standing.as_ref()?;
    let said = match standing {
        Standing::Entitled(terms) => wording::terms(desk, terms),
        Standing::Over { why, at } => format!("{} since {}", wording::over(*why), desk.when(*at)),
        other => wording::standing(desk, other),
    };
    Some(title.as_ref().map_or_else(|| said.clone(), |title| format!("{title}, {said}")))
}

/// How often a sum is paid.
pub(super) const fn every(every: Every) -> &'static str {
    match every {
        Every::Once => "once",
        Every::Week => "a week",
        Every::Month => "a month",
        Every::Quarter => "a quarter",
        Every::Year => "a year",
        Every::Again => "each time",
    }
}

/// What a purchase is worth: `$29.00 a month`.
pub(super) fn worth(worth: &Worth) -> String {
    format!("{} {}", wording::money(&worth.money), every(worth.every))
}

/// Sums by currency and interval, in brackets; empty where there are none.
pub(super) fn sums_of(sums: &BTreeMap<String, BTreeMap<Every, i64>>) -> String {
    let sums: Vec<_> = sums
        .iter()
        .flat_map(|(currency, sums)| sums.iter().map(move |(every, minor)| (currency, *every, *minor)))
        .map(|(currency, every, minor)| {
            worth(&Worth { money: Money { minor, currency: currency.clone() }, every })
        })
        .collect();
    if sums.is_empty() { String::new() } else { format!(" ({})", sums.join(", ")) }
}

/// The last lines: people and money, then each target.
fn sums(planned: &Planned, reads: Reads<'_>, targets: &BTreeMap<Target, Value>) -> Vec<String> {
    let Totals {
        pay_without_access,
        access_without_payment,
        tags_without_payment,
        access_beyond_payment,
        lose_access,
        ..
    } = planned.totals;
    let behind = sums_of(&planned.totals.pay_without_access_worth);
    let mut sums = Vec::new();
    if planned.lines.is_empty() {
        sums.push(if planned.is_known() {
            "everybody has what they pay for, and nobody has more".to_owned()
        } else {
            "nothing is known to differ; but the past was not read, or not every target was looked at, so that says little"
                .to_owned()
        });
    } else {
        sums.extend([
            format!("{pay_without_access} pay and have no access, or not all of it{behind}"),
            format!("{access_without_payment} have access and do not pay: they are left in"),
            format!("{lose_access} would lose access"),
        ]);
        if access_beyond_payment > 0 {
            let said = "pay, and have access that what they pay for does not give: they are left in";
            sums.insert(2, format!("{access_beyond_payment} {said}"));
        }
        if tags_without_payment > 0 {
            let said = "tags alone that no payment gives: they are left";
            let have = if tags_without_payment == 1 { "has" } else { "have" };
            sums.push(format!("{tags_without_payment} {have} {said}"));
        }
    }
    if let Reads::Exports(unknown) = reads {
        sums.extend(unknown.iter().map(Unknown::said));
    }
    for (good, count) in &planned.unmapped {
        sums.push(format!(
            "{count} bought `{good}`, which no plan sells: they get nothing until one does, or `catalogue.ignore` names it"
        ));
    }
    if planned.without_address > 0 {
        let say = match reads {
            Reads::Exports(_) => "; Stripe's export of customers has them",
            Reads::Keys | Reads::NoKeys => "",
        };
        sums.push(format!(
            "{} pay, and no address of theirs is known: nothing can be given to them{say}",
            planned.without_address
        ));
    }
    if !planned.pairs.is_empty() {
        let needs = match reads {
            Reads::Keys => "",
            Reads::NoKeys => "; it needs the keys that the configuration names",
            Reads::Exports(_) => {
                "; it needs the keys that the configuration names, and `frontdesk import` first"
            }
        };
        sums.push(format!(
            "{} of those who pay may be among those who have access, under another address: `frontdesk plan --pairs \
             pairs.csv` writes them into a sheet{needs}",
            planned.pairs.len()
        ));
    }
    let count = |counts: &BTreeMap<Target, u64>, target: &Target| counts.get(target).copied().unwrap_or(0);
    for (target, at) in targets {
        let totals = &planned.totals;
        let (given, new) = (count(&totals.given, target), count(&totals.newcomers, target));
        let (taken, left) = (count(&totals.taken, target), count(&totals.left, target));
        let by = match target {
            Target::Circle => "by an invitation",
            Target::Kit => "as new subscribers",
        };
        let new = if new == 0 { String::new() } else { format!(", {new} of them {by}") };
        sums.push(format!(
            "{}: {given} given{new}; {taken} taken away; {left} left{}",
            target.title(),
            written(at)
        ));
        if let Some(says) = at["forecast_says"].as_str() {
            sums.push(format!("  {says}"));
        }
    }
    sums
}

/// Whether this is done, or only shown.
fn written(at: &Value) -> &'static str {
    match serde_json::from_value(at["written"].clone()) {
        Ok(Written::Everything { .. }) => "",
        Ok(Written::Since { .. }) => " (what waits from shadow mode is done after `frontdesk go-live`)",
        Ok(Written::Nothing) | Err(_) => " (shadow mode: nothing is written)",
    }
}

pub(super) fn document(line: &Line) -> Value {
    let of = |change| {
        let parts = line.parts.iter().filter(move |part| part.change == change);
        parts.map(|part| part.item.to_string()).collect::<Vec<_>>()
    };
    let leave: Vec<_> = line
        .parts
        .iter()
        .filter_map(|part| part.left.map(|why| json!({ "item": part.item, "why": why })))
        .collect();
    json!({
        "symbol": line.change().symbol().to_string(), "customer": line.customer, "holder": line.holder,
        "address": line.address, "name": line.name, "members": line.members, "known_as": line.known_as,
        "newcomer": line.newcomer,
        "give": of(Change::Give), "take": of(Change::Take), "leave": leave,
        "standing": line.standing.as_ref().map(|(_, standing)| standing),
        "plan": line.standing.as_ref().and_then(|(title, _)| title.clone()),
        "pays_for": line.pays_for, "worth": line.worth, "because": line.because, "held": line.held,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_and_as_much_of_why_as_is_known() {
        let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let take = of(&["take away access group 4012"]);
        assert_eq!(sentence(&take, &[], &[]), "take away access group 4012");
        assert_eq!(
            sentence(&take, &of(&["refunded"]), &of(&["$29.00 a month"])),
            "take away access group 4012: refunded ($29.00 a month)"
        );
    }
}
