//! The answer to "why?", as data.

mod turning;

pub use turning::Turning;

use crate::catalogue::Catalogue;
use crate::decision::Decision;
use crate::desired::Wish;
use crate::entitlement::{Claim, Standing};
use crate::id::EntitlementId;
use crate::record::Record;
use crate::stage::Stage;
use crate::sync::{State, Sync};
use crate::target::{Holder, Holding, Item, Target};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use turning::{Subject, World};

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

/// Explains every entitlement, then every purchase that no plan maps or whose goods are unread.
///
/// `decision` is what was decided about `record` under `catalogue` at `now`.
pub fn explain(
    record: &Record,
    decision: &Decision,
    syncs: &BTreeMap<Target, Sync>,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Vec<Explained> {
    let entitled = &decision.entitled;
    let world = World { record, catalogue, now };
    let turns = |subject: &Subject<'_>| turning::turning(&world, decision, subject);
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
            would_change: turns(&Subject::Entitlement(entitlement)),
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
            would_change: turns(&Subject::Purchase(purchase)),
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
