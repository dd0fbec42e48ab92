//! Everything that follows from one record at one instant.

use crate::case::{CaseWanted, OpenCase, cases};
use crate::catalogue::{Catalogue, Good};
use crate::desired::{Desired, Other, Removal, Wish, desired};
use crate::entitlement::{CLOCK_SLACK, Entitled, entitlements};
use crate::reads::{Want, next_overdue, reads};
use crate::record::Record;
use crate::stage::{StageOf, stages};
use crate::sync::Sync;
use crate::target::{Item, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The record.
    pub record: &'a Record,
    /// Live records that share a Circle member or an address with it.
    pub others: &'a [Other<'a>],
    /// The record's rows.
    pub syncs: &'a BTreeMap<Target, Sync>,
    /// The record's open cases.
    pub open_cases: &'a [OpenCase],
    /// Contested items about which another customer's case tells.
    pub told_elsewhere: &'a BTreeSet<Item>,
    /// The catalogue in force.
    pub catalogue: &'a Catalogue,
    /// A key for the record's source is configured.
    pub readable: bool,
    /// The instant.
    pub now: Timestamp,
}

/// Something that concerns the installation, not one customer: one alert for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "alert", rename_all = "snake_case")]
pub enum Alert {
    /// Bought, and no plan maps it.
    UnmappedGood {
        /// What was sold.
        good: Good,
    },
}

/// What follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Purchases and entitlements.
    pub entitled: Entitled,
    /// What the customer sees, one per entitlement, unmapped or unread purchase.
    pub stages: Vec<StageOf>,
    /// What each target should hold.
    pub desired: BTreeMap<Target, Desired>,
    /// Reads that are wanted.
    pub reads: Vec<Want>,
    /// Cases that are wanted.
    pub cases: Vec<CaseWanted>,
    /// Alerts, one per good.
    pub alerts: Vec<Alert>,
    /// When to decide again without being asked.
    pub next_wake_at: Option<Timestamp>,
}

/// Decides everything about one record at one instant.
///
/// Pure, and nothing in the answer but what targets report changes before
/// [`Decision::next_wake_at`].
pub fn decide(input: &Input<'_>) -> Decision {
    let Input { record, others, syncs, open_cases, told_elsewhere, catalogue, readable, now } = *input;
    let entitled = entitlements(&record.facts, catalogue, now);
    let desired = desired(record, &entitled, syncs, others, catalogue, readable, now);
    let stages = stages(record, &entitled, syncs, open_cases, catalogue);
    let reads = reads(record, &entitled, &desired, syncs, now);
    let cases = cases(record, &entitled, &desired, syncs, told_elsewhere);
    let goods: BTreeSet<&Good> = entitled.unmapped.iter().map(|unmapped| &unmapped.good).collect();
    let alerts = goods.into_iter().map(|good| Alert::UnmappedGood { good: good.clone() }).collect();
    let shared =
        others.iter().filter_map(|other| entitlements(&other.record.facts, catalogue, now).next_change_at);
    let own = entitled.next_change_at.into_iter().chain(next_overdue(&record.facts, now));
    let next_wake_at = own.chain(shared).chain(slack_ends(&desired)).filter(|at| *at > now).min();
    Decision { entitled, stages, desired, reads, cases, alerts, next_wake_at }
}

/// When removals that only the clock's slack holds up become possible.
fn slack_ends(desired: &BTreeMap<Target, Desired>) -> impl Iterator<Item = Timestamp> {
    let wishes =
        desired.values().flat_map(|desired| desired.holders.values()).flat_map(|of| of.items.values());
    wishes.filter_map(|wish| match wish {
        Wish::Absent { since, removal: Removal::NeedsProof(objects), .. } if objects.is_empty() => {
            Some(*since + CLOCK_SLACK)
        }
        _ => None,
    })
}
