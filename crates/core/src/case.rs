//! Which support cases a record calls for at this instant.

use crate::catalogue::Good;
use crate::desired::{Desired, Wish, address_of};
use crate::entitlement::{Entitled, Flag, Purchase, Standing};
use crate::record::Record;
use crate::sync::{Hold, State, Sync};
use crate::target::{Item, Person, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a case is about (DESIGN §6); decides its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// Money: a dispute, a failed refund, a refund beside a live subscription, a pause.
    Billing,
    /// An unmapped purchase, parked access.
    Access,
    /// Contradictions; removed by hand.
    Identity,
    /// Mail that did not arrive.
    Delivery,
    /// Parked marketing.
    Other,
}

impl CaseKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Billing, Self::Access, Self::Identity, Self::Delivery, Self::Other];

    /// The kind as one word, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Access => "access",
            Self::Identity => "identity",
            Self::Delivery => "delivery",
            Self::Other => "other",
        }
    }

    /// The inverse of [`CaseKind::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for CaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a case is wanted, as data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Money is disputed.
    Dispute {
        /// The dispute.
        dispute: String,
    },
    /// The bank asks; no money was taken.
    Inquiry {
        /// The dispute.
        dispute: String,
    },
    /// A dispute was lost, and the subscription would charge again.
    DisputeLostBesideLiveSubscription {
        /// The dispute.
        dispute: String,
        /// The subscription.
        subscription: String,
    },
    /// The current period was refunded in full, and the subscription would charge again.
    RefundBesideLiveSubscription {
        /// The subscription.
        subscription: String,
    },
    /// A refund did not reach the buyer: the money is with the shop again.
    RefundFailed {
        /// The refund.
        refund: String,
    },
    /// Paused, and not by the buyer's own wish.
    PausedSubscription {
        /// The subscription.
        subscription: String,
        /// The source's reason; `None`: not told.
        why: Option<String>,
    },
    /// A status that we do not know: nothing was changed.
    UnknownStatus {
        /// The object.
        object: String,
        /// The word.
        status: String,
    },
    /// Paid, and no plan maps it.
    UnmappedPurchase {
        /// What was sold.
        good: Good,
    },
    /// Paid, and no address is known under which access could be given.
    NoAddress,
    /// An access target gave up.
    ParkedAccess {
        /// Where.
        target: Target,
        /// Why, in our words.
        why: String,
    },
    /// A marketing target gave up.
    ParkedMarketing {
        /// Where.
        target: Target,
        /// Why, in our words.
        why: String,
    },
    /// Something else keeps undoing what we do.
    Contested {
        /// Where.
        target: Target,
        /// What.
        item: Item,
        /// When and by what, in our words.
        why: String,
    },
    /// A person took the customer out, or banned them.
    RemovedByHand {
        /// Where.
        target: Target,
    },
    /// A person said who the customer is at a target, and by the time that it was taken up it could not be.
    NotPaired {
        /// Where.
        target: Target,
        /// The target's own id of whom they were said to be.
        member: u64,
    },
}

/// A case that is wanted now. The engine opens those missing and closes those whose cause is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseWanted {
    /// The journey it belongs to.
    pub journey: String,
    /// Its kind: at most one per journey and kind.
    pub kind: CaseKind,
    /// Why; the first of several.
    pub reason: Reason,
    /// Further trouble of the same journey and kind: notes.
    pub also: Vec<Reason>,
}

/// A case that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCase {
    /// Its number for people, as in `FD-2043`.
    pub number: u64,
    /// The journey it belongs to.
    pub journey: String,
    /// Its kind.
    pub kind: CaseKind,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// The cases that are wanted now, at most one per journey and kind, in that order.
///
/// An item that something else keeps undoing is one matter however many customers it concerns: its journey is the item,
/// and whoever is not the first has no case of their own. `told_elsewhere`: the items about which somebody else's case
/// tells.
pub fn cases(
    record: &Record,
    entitled: &Entitled,
    desired: &BTreeMap<Target, Desired>,
    syncs: &BTreeMap<Target, Sync>,
    told_elsewhere: &BTreeSet<Item>,
) -> Vec<CaseWanted> {
    let mut wanted: BTreeMap<(String, CaseKind), BTreeSet<Reason>> = BTreeMap::new();
    let mut want = |journey: &str, kind: CaseKind, reason: Reason| {
        wanted.entry((journey.to_owned(), kind)).or_default().insert(reason);
    };
    for purchase in &entitled.purchases {
        for flag in &purchase.flags {
            if let Some((journey, reason)) = of_flag(purchase, flag) {
                want(journey, CaseKind::Billing, reason);
            }
        }
    }
    for unmapped in &entitled.unmapped {
        let journey = &entitled.purchases[unmapped.purchase].journey;
        want(journey, CaseKind::Access, Reason::UnmappedPurchase { good: unmapped.good.clone() });
    }
    let is_entitled = |purchase: &&Purchase| matches!(purchase.standing, Standing::Entitled(_));
    let unreachable =
        |purchase: &&Purchase| !purchase.has_no_plan() && address_of(record, &purchase.holder).is_none();
    for purchase in entitled.purchases.iter().filter(is_entitled).filter(unreachable) {
        want(&purchase.journey, CaseKind::Identity, Reason::NoAddress);
    }
    for (target, sync) in syncs {
        let not_met = |person: &Person| person.not_met.filter(|id| person.membership.id() != Some(*id));
        for member in sync.observed.people.values().filter_map(not_met) {
            let reason = Reason::NotPaired { target: *target, member };
            want(&format!("{target}:member:{member}"), CaseKind::Identity, reason);
        }
        if let State::Contested { item, why } = &sync.state {
            if !told_elsewhere.contains(item) {
                let reason = Reason::Contested { target: *target, item: item.clone(), why: why.clone() };
                want(&item.to_string(), kind_at(*target), reason);
            }
        } else if let Some((kind, reason)) = of_row(*target, &sync.state) {
            for journey in journeys(entitled, desired, *target) {
                want(&journey, kind, reason.clone());
            }
        }
    }
    let wanted = wanted.into_iter().filter_map(|((journey, kind), reasons)| {
        let mut reasons = reasons.into_iter();
        Some(CaseWanted { journey, kind, reason: reasons.next()?, also: reasons.collect() })
    });
    wanted.collect()
}

/// The case that a flag calls for. A refund or dispute is a journey of its own; what concerns the
/// subscription that goes on belongs to the subscription's.
fn of_flag<'a>(purchase: &'a Purchase, flag: &'a Flag) -> Option<(&'a str, Reason)> {
    let journey = purchase.journey.as_str();
    match flag {
        Flag::Inquiry { dispute } => Some((dispute, Reason::Inquiry { dispute: dispute.clone() })),
        Flag::DisputeUnclear { dispute } => {
            let status = "unknown".to_owned();
            Some((dispute, Reason::UnknownStatus { object: dispute.clone(), status }))
        }
        Flag::Disputed { dispute } => Some((dispute, Reason::Dispute { dispute: dispute.clone() })),
        Flag::LostBesideLive { dispute } => {
            let subscription = journey.to_owned();
            Some((
                journey,
                Reason::DisputeLostBesideLiveSubscription { dispute: dispute.clone(), subscription },
            ))
        }
        Flag::RefundedBesideLive => {
            Some((journey, Reason::RefundBesideLiveSubscription { subscription: journey.to_owned() }))
        }
        Flag::RefundFailed { refund } => Some((refund, Reason::RefundFailed { refund: refund.clone() })),
        Flag::Paused { reason } => {
            let why = reason.clone();
            Some((journey, Reason::PausedSubscription { subscription: journey.to_owned(), why }))
        }
        Flag::UnknownStatus { status } => {
            Some((journey, Reason::UnknownStatus { object: journey.to_owned(), status: status.clone() }))
        }
        Flag::PartlyRefunded | Flag::CollectionPaused { .. } => None,
    }
}

/// The case that a row calls for by itself; one that is contested is no matter of one customer. What the whole target waits for (a pause, a breaker, a wrong
/// mapping) is one alert, not a case per customer.
fn of_row(target: Target, state: &State) -> Option<(CaseKind, Reason)> {
    let kind = kind_at(target);
    match state {
        State::Parked { why } if target.gives_access() => {
            Some((kind, Reason::ParkedAccess { target, why: why.clone() }))
        }
        State::Parked { why } => Some((kind, Reason::ParkedMarketing { target, why: why.clone() })),
        State::Held(Hold::Person) => Some((CaseKind::Identity, Reason::RemovedByHand { target })),
        State::Contested { .. }
        | State::Held(_)
        | State::Due
        | State::Sent
        | State::Unknown
        | State::Applied => None,
    }
}

/// The kind of a case about a row that gave up.
const fn kind_at(target: Target) -> CaseKind {
    if target.gives_access() { CaseKind::Access } else { CaseKind::Other }
}

/// The journeys that a row is about: those that should have something in the target; when none
/// has, the one that ended last.
fn journeys(entitled: &Entitled, desired: &BTreeMap<Target, Desired>, target: Target) -> BTreeSet<String> {
    let wishes = desired.get(&target).map(|desired| &desired.holders);
    let wants = |purchase: &&Purchase| {
        let of = wishes.and_then(|holders| holders.get(&purchase.holder));
        let wants = of.is_some_and(|of| of.items.values().any(|wish| matches!(wish, Wish::Want { .. })));
        !purchase.has_no_plan() && wants && matches!(purchase.standing, Standing::Entitled(_))
    };
    let wanting: BTreeSet<String> =
        entitled.purchases.iter().filter(wants).map(|purchase| purchase.journey.clone()).collect();
    if !wanting.is_empty() {
        return wanting;
    }
    let ended = entitled.purchases.iter().filter_map(|purchase| match purchase.standing {
        Standing::Over { at, .. } => Some((at, purchase.journey.clone())),
        _ => None,
    });
    ended.max().map(|(_, journey)| journey).into_iter().collect()
}
