//! The answer to "why?", as data.

use crate::catalogue::Catalogue;
use crate::decision::Decision;
use crate::desired::Wish;
use crate::entitlement::{Claim, Deadline, Nothing, Over, Property, Purchase, Standing, Terms};
use crate::fact::{Key, Kind};
use crate::id::EntitlementId;
use crate::reads::Want;
use crate::ruling::Verdict;
use crate::stage::Stage;
use crate::sync::{State, Sync};
use crate::target::{Holder, Holding, Item, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The explanation of one entitlement, or of a purchase without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// Which entitlement; `None`: an unmapped or unread purchase.
    pub entitlement: Option<EntitlementId>,
    /// The journey of the purchase that decides.
    pub journey: String,
    /// Whose.
    pub holder: Holder,
    /// The answer.
    pub standing: Standing,
    /// What the customer sees.
    pub stage: Option<Stage>,
    /// Since when it is pending.
    pub pending_since: Option<Timestamp>,
    /// Why, oldest first.
    pub because: Vec<Claim>,
    /// Per target: what is wished and what was last seen.
    pub targets: Vec<Seen>,
    /// The one fact that would change the answer.
    pub would_change: Option<Turning>,
}

/// What one target should hold for the entitlement, and what it was last seen to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which target.
    pub target: Target,
    /// How the row stands; `None`: there is none.
    pub state: Option<State>,
    /// Each item: the wish as one word, and what was last seen.
    pub items: BTreeMap<Item, (String, Option<Holding>)>,
}

/// The one fact that would change an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turns_on", rename_all = "snake_case")]
pub enum Turning {
    /// The object reaching this state.
    Becomes {
        /// Which object.
        object: Key,
        /// Which property.
        field: Property,
        /// To what.
        value: String,
    },
    /// The clock.
    Passes {
        /// When.
        at: Timestamp,
        /// What ends then.
        what: Deadline,
    },
    /// A plan that sells it.
    Mapped {
        /// The purchase's price or product.
        good: String,
    },
    /// The source's answer about this object.
    Read {
        /// Which object.
        object: Key,
    },
    /// A grant or revocation by a person.
    Ruled {
        /// Which of the two.
        verdict: Verdict,
        /// Of what.
        entitlement: EntitlementId,
    },
    /// A new purchase: nothing that exists can bring it back.
    BoughtAgain,
}

/// Explains every entitlement, then every purchase that no plan maps or whose goods are unread.
pub fn explain(decision: &Decision, syncs: &BTreeMap<Target, Sync>, catalogue: &Catalogue) -> Vec<Explained> {
    let entitled = &decision.entitled;
    let stage = |entitlement: Option<&EntitlementId>, holder: &Holder, journey: &str| {
        let mut stages = decision.stages.iter();
        stages.find(|of| {
            of.entitlement.as_ref() == entitlement && of.holder == *holder && of.journey == journey
        })
    };
    let mut explained = Vec::new();
    for entitlement in &entitled.entitlements {
        let purchase = &entitled.purchases[entitlement.decided_by];
        let stage = stage(Some(&entitlement.id), &entitlement.holder, &purchase.journey);
        let items = catalogue.entitlements.get(&entitlement.id).map(|meaning| &meaning.items);
        explained.push(Explained {
            entitlement: Some(entitlement.id.clone()),
            journey: purchase.journey.clone(),
            holder: entitlement.holder.clone(),
            standing: entitlement.standing.clone(),
            stage: stage.map(|of| of.stage),
            pending_since: stage.filter(|of| of.stage == Stage::AccessPending).and_then(|of| of.since),
            because: entitlement.evidence.clone(),
            targets: items.map(|items| seen(items, &entitlement.holder, decision, syncs)).unwrap_or_default(),
            would_change: turning(purchase, decision),
        });
    }
    for purchase in entitled.purchases.iter().filter(|purchase| purchase.has_no_plan()) {
        let stage = stage(None, &purchase.holder, &purchase.journey);
        explained.push(Explained {
            entitlement: None,
            journey: purchase.journey.clone(),
            holder: purchase.holder.clone(),
            standing: purchase.standing.clone(),
            stage: stage.map(|of| of.stage),
            pending_since: None,
            because: purchase.evidence.clone(),
            targets: Vec::new(),
            would_change: turning(purchase, decision),
        });
    }
    explained
}

/// What each target should hold of these items, and was last seen to hold.
fn seen(
    items: &BTreeSet<Item>,
    holder: &Holder,
    decision: &Decision,
    syncs: &BTreeMap<Target, Sync>,
) -> Vec<Seen> {
    let targets = Target::ALL.into_iter().filter(|target| items.iter().any(|item| item.target() == *target));
    let seen = targets.map(|target| {
        let sync = syncs.get(&target);
        let wishes = decision.desired.get(&target).and_then(|desired| desired.holders.get(holder));
        let person = sync.and_then(|sync| sync.observed.people.get(holder));
        let of = items.iter().filter(|item| item.target() == target).map(|item| {
            let wish = wishes.and_then(|wishes| wishes.items.get(item)).map_or("leave", Wish::as_str);
            (item.clone(), (wish.to_owned(), person.and_then(|person| person.items.get(item)).cloned()))
        });
        Seen { target, state: sync.map(|sync| sync.state.clone()), items: of.collect() }
    });
    seen.collect()
}

/// The one fact that would change how a purchase stands.
fn turning(purchase: &Purchase, decision: &Decision) -> Option<Turning> {
    let object = purchase.sold_by.clone();
    let becomes =
        |object: Key, field, value: &str| Turning::Becomes { object, field, value: value.to_owned() };
    let decided = |kind: Kind| purchase.proof.iter().find(|key| key.kind == kind).cloned();
    let wanted = || {
        let of_this = |want: &&Want| want.object.source == object.source && want.object.id == object.id;
        decision.reads.iter().find(of_this).map(|want| want.object.clone())
    };
    match &purchase.standing {
        Standing::Entitled(_) if purchase.has_no_plan() => {
            purchase.price.clone().or_else(|| purchase.product.clone()).map(|good| Turning::Mapped { good })
        }
        Standing::Entitled(Terms::Granted { until: Some(at) }) => {
            Some(Turning::Passes { at: *at, what: Deadline::Grant })
        }
        Standing::Entitled(Terms::Granted { until: None }) => purchase
            .by_hand
            .clone()
            .map(|entitlement| Turning::Ruled { verdict: Verdict::Revoke, entitlement }),
        Standing::Over { why: Over::Revoked, .. } => revocation(purchase),
        Standing::Entitled(Terms::Forever) => Some(becomes(object, Property::Refunded, "true")),
        Standing::Entitled(Terms::Ending { at }) => {
            Some(Turning::Passes { at: *at, what: Deadline::PaidTime })
        }
        Standing::Entitled(Terms::PastDue { until, .. }) => {
            Some(Turning::Passes { at: *until, what: Deadline::Grace })
        }
        Standing::Entitled(Terms::Trial { until: Some(at) }) => {
            Some(Turning::Passes { at: *at, what: Deadline::Trial })
        }
        Standing::Entitled(Terms::Active { .. } | Terms::Paused | Terms::Trial { until: None }) => {
            Some(becomes(object, Property::Status, "canceled"))
        }
        Standing::Processing if object.kind == Kind::Checkout => {
            Some(becomes(object, Property::PaymentStatus, "paid"))
        }
        Standing::Processing | Standing::PaymentFailed { pay_url: Some(_), .. } => {
            Some(becomes(object, Property::Status, "paid"))
        }
        Standing::Unread => Some(Turning::Read { object: wanted().unwrap_or(object) }),
        Standing::Over { why: Over::Disputed, .. } => {
            decided(Kind::Dispute).map(|dispute| becomes(dispute, Property::Status, "won"))
        }
        Standing::Unclear { .. }
        | Standing::Nothing { why: Nothing::TrialWaits }
        | Standing::Over { why: Over::Paused | Over::Unpaid | Over::GraceOver, .. } => {
            Some(becomes(object, Property::Status, "active"))
        }
        Standing::Over { .. } | Standing::PaymentFailed { pay_url: None, .. } => Some(Turning::BoughtAgain),
        Standing::Nothing { .. } => None,
    }
}

/// What ends a revocation: its own end, else a grant.
fn revocation(purchase: &Purchase) -> Option<Turning> {
    let ends = purchase.evidence.iter().find_map(|claim| match claim {
        Claim::Ruled { until, .. } => *until,
        _ => None,
    });
    let grant = || {
        let entitlement = purchase.by_hand.clone()?;
        Some(Turning::Ruled { verdict: Verdict::Grant, entitlement })
    };
    ends.map(|at| Turning::Passes { at, what: Deadline::Revocation }).or_else(grant)
}
