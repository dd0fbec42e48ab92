//! What was known of a customer at an instant, and what followed from it: `explain --at`.
//!
//! The record is derived again from what the journal had by then, under the catalogue that was in force; what the targets
//! were seen to hold is told by the audit log, and by what nobody has looked at since. Reads alone; nothing asks a provider.

use crate::engine::Engine;
use crate::ports::Ports;
use crate::rebuild::Rebuilt;
use frontdesk_core::decision::{Decision, Input, decide};
use frontdesk_core::desired::Other;
use frontdesk_core::email::Email;
use frontdesk_core::id::{CustomerId, EntitlementId};
use frontdesk_core::record::{Record, addresses};
use frontdesk_core::stage::Stage;
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{Holder, Holding, Item, Target};
use frontdesk_store::{AuditEntry, CatalogueVersion, Error};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One record as it was at an instant.
#[derive(Clone, Debug)]
pub struct Then {
    /// The instant.
    pub at: Timestamp,
    /// All facts that were known.
    pub record: Record,
    /// The catalogue that was in force.
    pub catalogue: CatalogueVersion,
    /// What follows from them. Its stages know nothing of the targets: see [`Then::shown`].
    pub decision: Decision,
    /// What each target was seen to hold, as far as it is kept: what our own calls showed, by the audit log; what lists showed,
    /// where they were not read again since. How the rows stood is not kept.
    pub syncs: BTreeMap<Target, Sync>,
    /// What the customer saw, by the audit log.
    pub shown: Vec<Shown>,
    /// What was last done about each item, by the audit log.
    pub done: Vec<Done>,
}

/// One stage as the audit log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The entitlement, or `purchase` for one without.
    #[serde(rename = "for")]
    pub name: String,
    /// Whose.
    pub holder: Holder,
    /// The stage.
    pub stage: Stage,
    /// The journey that decided.
    pub journey: String,
}

/// The last thing that was done about one item of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// When it was answered.
    pub at: Timestamp,
    /// Where.
    pub target: Target,
    /// What was done: `add`, `remove`, `enrol` …
    pub step: String,
    /// About what; `None`: about the member.
    pub item: Option<Item>,
    /// `done`, or the class of the failure.
    pub result: String,
    /// The call.
    pub call: String,
    /// What was seen of the item after it; empty where nothing was.
    pub holding: Vec<Holding>,
}

/// What an effect's audit entry holds.
#[derive(Deserialize)]
struct After {
    item: String,
    holding: Vec<Holding>,
    result: String,
}

/// The answer about an instant.
#[derive(Clone, Debug)]
pub enum Hindsight {
    /// What was known: one record, or several that became one since.
    Known(Vec<Then>),
    /// Nothing was known of the customer yet.
    NotYet,
    /// No catalogue was in force yet.
    NoCatalogue,
}

impl<P: Ports> Engine<P> {
    /// What was known at `at` of whoever is `customer` by now. `None` for an id that nobody has.
    pub async fn then(&self, customer: &CustomerId, at: Timestamp) -> Result<Option<Hindsight>, Error> {
        let Some(view) = self.view(customer).await? else { return Ok(None) };
        let Some(catalogue) = self.store().catalogue_at(at).await? else {
            return Ok(Some(Hindsight::NoCatalogue));
        };
        let rebuilt = Rebuilt::as_of(self.store(), at).await?;
        let mut known = Vec::new();
        for id in rebuilt.holding(&view.record.ties) {
            let Some(record) = rebuilt.records.get(&id) else { continue };
            let mut chain = self.store().audit_chain(&id).await?;
            chain.retain(|entry| entry.at <= at);
            let rows = if id == view.row.id { view.syncs.clone() } else { BTreeMap::new() };
            known.push(Then::of(record, &rebuilt, catalogue.clone(), &chain, &rows, at));
        }
        Ok(Some(if known.is_empty() { Hindsight::NotYet } else { Hindsight::Known(known) }))
    }
}

impl Then {
    fn of(
        record: &Record,
        rebuilt: &Rebuilt,
        catalogue: CatalogueVersion,
        chain: &[AuditEntry],
        rows: &BTreeMap<Target, Sync>,
        at: Timestamp,
    ) -> Self {
        let others: Vec<&Record> = rebuilt.records.values().filter(|other| shares(record, other)).collect();
        let empty = BTreeMap::new();
        let decided = |syncs: &BTreeMap<Target, Sync>| {
            let others: Vec<_> = others.iter().map(|other| Other { record: other, syncs: &empty }).collect();
            decide(&Input {
                record,
                others: &others,
                syncs,
                open_cases: &[],
                told_elsewhere: &BTreeSet::new(),
                catalogue: &catalogue.catalogue,
                readable: true,
                now: at,
            })
        };
        let done = last_done(chain);
        let mut syncs = seen(record, &decided(&empty), &done, at);
        not_looked_at_since(rows, &done, at, &mut syncs);
        let decision = decided(&syncs);
        Self { at, record: record.clone(), decision, syncs, shown: shown(chain), done, catalogue }
    }

    /// What the customer saw of one answer, by the audit log.
    pub fn stage_of(
        &self,
        entitlement: Option<&EntitlementId>,
        holder: &Holder,
        journey: &str,
    ) -> Option<Stage> {
        let name = entitlement.map_or("purchase", EntitlementId::as_str);
        let mut shown = self.shown.iter();
        shown.find(|of| of.name == name && of.holder == *holder && of.journey == journey).map(|of| of.stage)
    }
}

/// Whether another record knows one of a record's addresses: before a removal, what it wants counts too.
fn shares(record: &Record, other: &Record) -> bool {
    let known = |record: &Record| -> BTreeSet<Email> {
        record.facts.values().flat_map(|fact| addresses(&fact.current().version.body)).collect()
    };
    record.id != other.id && !known(record).is_disjoint(&known(other))
}

/// The stages of the last entry that tells any.
fn shown(chain: &[AuditEntry]) -> Vec<Shown> {
    let stages = chain.iter().rev().find_map(|entry| serde_json::from_str(&entry.after).ok());
    stages.unwrap_or_default()
}

/// The last effect on each item, and on the member, of each target.
fn last_done(chain: &[AuditEntry]) -> Vec<Done> {
    let mut last = BTreeMap::new();
    for entry in chain {
        let step = Target::ALL.into_iter().find_map(|target| {
            let step = entry.action.strip_prefix(target.as_str())?.strip_prefix('_')?;
            Some((target, step.to_owned()))
        });
        let after = serde_json::from_str::<After>(&entry.after);
        let (Some((target, step)), Ok(After { item, holding, result })) = (step, after) else { continue };
        let (at, call) = (entry.at, entry.cause.clone());
        let done = Done { at, target, step, item: Item::try_from(item).ok(), result, call, holding };
        last.insert((target, done.item.clone()), done);
    }
    last.into_values().collect()
}

/// What the targets were seen to hold. The log names no holder: an item of which one person alone had the use is that
/// person's, of anything else nothing is said.
fn seen(record: &Record, decision: &Decision, done: &[Done], at: Timestamp) -> BTreeMap<Target, Sync> {
    let mut syncs = BTreeMap::new();
    for Done { target, item, holding, .. } in done {
        let (Some(item), [holding]) = (item, holding.as_slice()) else { continue };
        let Some(desired) = decision.desired.get(target) else { continue };
        let mut holders = desired.holders.iter().filter(|(_, wishes)| wishes.items.contains_key(item));
        let (Some((holder, _)), None) = (holders.next(), holders.next()) else { continue };
        let sync = syncs.entry(*target).or_insert_with(|| Sync::new(record.id.clone(), *target, at));
        let person = sync.observed.people.entry(holder.clone()).or_default();
        person.items.insert(item.clone(), holding.clone());
    }
    syncs
}

/// Adds what a row still shows as it was last seen at `at` or before: nobody looked since, so that is what was known then.
fn not_looked_at_since(
    rows: &BTreeMap<Target, Sync>,
    done: &[Done],
    at: Timestamp,
    syncs: &mut BTreeMap<Target, Sync>,
) {
    for (target, row) in rows {
        for (holder, person) in &row.observed.people {
            for (item, holding) in &person.items {
                let (Holding::Present { seen_at } | Holding::Absent { seen_at }) = holding else { continue };
                let mut later = done.iter().filter(|done| done.at > *seen_at);
                if *seen_at > at || later.any(|done| done.item.as_ref() == Some(item)) {
                    continue;
                }
                let sync =
                    syncs.entry(*target).or_insert_with(|| Sync::new(row.customer.clone(), *target, at));
                let known = sync.observed.people.entry(holder.clone()).or_default();
                known.items.insert(item.clone(), holding.clone());
            }
        }
    }
}
