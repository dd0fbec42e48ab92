//! The answer to "why?", as data.

mod turning;

pub use turning::Turning;

use crate::catalogue::Catalogue;
use crate::decision::Decision;
use crate::desired::{Desired, Wish};
use crate::entitlement::{Claim, Standing};
use crate::id::EntitlementId;
use crate::plan::{Change, Left, Line};
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
    /// Each item.
    pub items: BTreeMap<Item, Sight>,
}

/// What is wished of one item, what was last seen of it, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The wish as one word.
    pub wish: String,
    /// What was last seen.
    pub seen: Option<Holding>,
    /// What the plan says: given, taken, left; `None`: nothing is to be done, or nobody asked.
    pub change: Option<Change>,
    /// Why it is left, if it is.
    pub left: Option<Left>,
}

/// What somebody has, or is to lose, that none of the answers gives: what an earlier catalogue gave, what somebody let them
/// into by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Who.
    pub holder: Holder,
    /// Where, and what.
    #[serde(flatten)]
    pub at: Seen,
    /// Why.
    pub because: Vec<Claim>,
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
            targets: items
                .map(|items| {
                    let earlier = earlier(&entitlement.id, &entitlement.holder, decision);
                    seen(&items.union(&earlier).cloned().collect(), &entitlement.holder, decision, syncs)
                })
                .unwrap_or_default(),
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
            let seen = person.and_then(|person| person.items.get(item)).cloned();
            (item.clone(), Sight { wish: wish.to_owned(), seen, change: None, left: None })
        });
        Seen { target, state: sync.map(|sync| sync.state.clone()), items: of.collect() }
    });
    seen.collect()
}

/// What an earlier catalogue gave by an entitlement, and the present one does not.
fn earlier(id: &EntitlementId, holder: &Holder, decision: &Decision) -> BTreeSet<Item> {
    let gave = |claim: &Claim| match claim {
        Claim::GrantedEarlier { entitlement, .. }
        | Claim::Withdrawn { entitlement, .. }
        | Claim::Redefined { entitlement, .. } => entitlement == id,
        _ => false,
    };
    let wishes = decision.desired.values().flat_map(Desired::wishes);
    let of = wishes.filter(|(whose, _, wish)| *whose == holder && wish.because().iter().any(gave));
    of.map(|(_, item, _)| item.clone()).collect()
}

/// Takes into the answers what the plan says of each item, so that both say the same; what no answer is about comes back.
///
/// `lines` are those of the record, as [`crate::plan`] makes them.
pub fn beside_plan(
    answers: &mut [Explained],
    lines: &[Line],
    decision: &Decision,
    syncs: &BTreeMap<Target, Sync>,
) -> Vec<Rest> {
    let mut parts: BTreeMap<(&Holder, &Item), (Change, Option<Left>)> = BTreeMap::new();
    for line in lines {
        parts.extend(line.parts.iter().map(|part| ((&line.holder, &part.item), (part.change, part.left))));
    }
    let mut told: BTreeSet<(Holder, Item)> = BTreeSet::new();
    for answer in answers {
        for (item, sight) in answer.targets.iter_mut().flat_map(|seen| &mut seen.items) {
            told.insert((answer.holder.clone(), item.clone()));
            sight.plan(parts.get(&(&answer.holder, item)));
        }
    }
    let wished = decision.desired.values().flat_map(Desired::wishes).map(|(holder, item, _)| (holder, item));
    let untold: BTreeSet<_> = wished
        .chain(parts.keys().copied())
        .filter(|(holder, item)| !told.contains(&((*holder).clone(), (*item).clone())))
        .collect();
    let mut rest: BTreeMap<(&Holder, Target), BTreeSet<Item>> = BTreeMap::new();
    for (holder, item) in untold {
        rest.entry((holder, item.target())).or_default().insert(item.clone());
    }
    let mut all = Vec::new();
    for ((holder, target), items) in rest {
        let of = seen(&items, holder, decision, syncs).into_iter().next();
        let Some(mut at) = of else { continue };
        at.items.iter_mut().for_each(|(item, sight)| sight.plan(parts.get(&(holder, item))));
        // What is gone, and is to be, is no matter.
        at.items.retain(|_, sight| sight.matters());
        if at.items.is_empty() {
            continue;
        }
        let wishes = decision.desired.get(&target).and_then(|desired| desired.holders.get(holder));
        let of = at.items.keys().filter_map(|item| wishes?.items.get(item));
        let because: BTreeSet<_> = of.flat_map(|wish| wish.because().iter().cloned()).collect();
        all.push(Rest { holder: holder.clone(), at, because: because.into_iter().collect() });
    }
    all
}

impl Sight {
    /// Takes in what the plan says.
    fn plan(&mut self, part: Option<&(Change, Option<Left>)>) {
        (self.change, self.left) = part.map_or((None, None), |(change, left)| (Some(*change), *left));
    }

    /// Whether there is something to say of it.
    const fn matters(&self) -> bool {
        self.change.is_some() || !matches!(self.seen, None | Some(Holding::Absent { .. }))
    }
}
