//! The operator's catalogue: which price grants which entitlements, and what each entitlement
//! means in each target.
//!
//! A catalogue value is checked before it is made (the binary reads the file), versioned, and
//! enters the journal. It carries what its earlier versions mapped, so that "taking a line out of
//! the catalogue removes nobody by itself" is a pure rule (DESIGN §3).

use crate::id::{EntitlementId, PlanId, SourceId};
use crate::target::{Item, Target};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A price or product as the catalogue names it: `stripe:price_1Pro`, `stripe:prod_…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Good {
    /// The source that sells it.
    pub source: SourceId,
    /// The price's or product's id there.
    pub id: String,
}

impl fmt::Display for Good {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.id)
    }
}

/// What a refund of a part of the money does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialRefund {
    /// Access stays.
    #[default]
    Keep,
    /// Access ends.
    Revoke,
}

/// What an open dispute does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDispute {
    /// Access rests until the bank has decided.
    #[default]
    Suspend,
    /// Access stays until the dispute is lost.
    Keep,
}

/// What a trial gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTrial {
    /// Access, as if paid.
    #[default]
    Grant,
    /// Nothing until the first payment.
    Wait,
}

/// What a paused subscription gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPause {
    /// Access stays.
    #[default]
    Keep,
    /// Access rests until it is resumed.
    Suspend,
}

/// The rules of one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How long access is kept after a failed renewal, from the creation of the oldest unpaid
    /// non-draft invoice. Clock time, not calendar days. Zero ends access at once.
    pub grace: SignedDuration,
    /// How soon after the end of an entitlement access must be gone at a healthy target.
    pub revoke_within: SignedDuration,
    /// What a partial refund does.
    pub partial_refund: PartialRefund,
    /// What a dispute does.
    pub dispute: OnDispute,
    /// What a trial gives.
    pub trial: OnTrial,
    /// What a pause gives.
    pub pause: OnPause,
}

impl Default for Policy {
    /// The defaults of DESIGN §3: grace 7 days, revoke within 15 minutes, keep on partial refund,
    /// suspend on dispute, grant on trial, keep on pause.
    fn default() -> Self {
        Self {
            grace: SignedDuration::from_hours(7 * 24),
            revoke_within: SignedDuration::from_mins(15),
            partial_refund: PartialRefund::default(),
            dispute: OnDispute::default(),
            trial: OnTrial::default(),
            pause: OnPause::default(),
        }
    }
}

/// One plan: what is sold, and what it grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name in the file.
    pub id: PlanId,
    /// What customers see; the id when the file gives none.
    pub title: String,
    /// The prices and products that sell it.
    pub goods: BTreeSet<Good>,
    /// What it grants.
    pub grants: BTreeSet<EntitlementId>,
    /// Its rules.
    pub policy: Policy,
    /// The metadata key, set by the operator's own server, whose address gets the access.
    pub beneficiary: Option<String>,
}

/// What one entitlement means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    /// What customers see; the id when the file gives none.
    pub title: String,
    /// What each target should hold for whoever is entitled.
    pub items: BTreeSet<Item>,
}

/// What becomes of buyers whom Kit does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewSubscribers {
    /// Added and active.
    #[default]
    Add,
    /// Added, unconfirmed.
    Unconfirmed,
    /// Left out: only people whom Kit knows are tagged.
    Leave,
}

/// What an earlier version of the catalogue made of a good; nothing that it granted is removed
/// by a mere edit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EarlierGrant {
    /// What was sold.
    pub good: Good,
    /// What it granted then.
    pub entitlement: EntitlementId,
    /// What that entitlement meant then.
    pub items: BTreeSet<Item>,
}

/// A grant of an earlier version that a person has withdrawn: who still holds what it gave loses it, unless something
/// else gives the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Withdrawn {
    /// What was granted.
    pub grant: EarlierGrant,
    /// When it was withdrawn. What was bought later never had it.
    pub at: Timestamp,
    /// Who saw what it would take, and confirmed it.
    pub by: String,
}

/// The whole catalogue, as of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The plans, in the order of the file.
    pub plans: Vec<Plan>,
    /// What each entitlement means.
    pub entitlements: BTreeMap<EntitlementId, Meaning>,
    /// Prices and products whose purchases are recorded without stage, case or alert.
    pub ignore: BTreeSet<Good>,
    /// What becomes of buyers unknown to Kit.
    pub new_subscribers: NewSubscribers,
    /// What earlier versions granted.
    pub earlier: BTreeSet<EarlierGrant>,
    /// What of that a person has withdrawn.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub withdrawn: BTreeSet<Withdrawn>,
}

impl Catalogue {
    /// The plan that sells a line with this price and product. A price decides before a product.
    pub fn plan_for(&self, source: &SourceId, price: Option<&str>, product: Option<&str>) -> Option<&Plan> {
        [price, product].into_iter().flatten().find_map(|id| {
            let good = Good { source: source.clone(), id: id.to_owned() };
            self.plans.iter().find(|plan| plan.goods.contains(&good))
        })
    }

    /// Whether the operator said to record purchases of it without doing anything.
    pub fn ignores(&self, source: &SourceId, price: Option<&str>, product: Option<&str>) -> bool {
        [price, product]
            .into_iter()
            .flatten()
            .any(|id| self.ignore.contains(&Good { source: source.clone(), id: id.to_owned() }))
    }

    /// Everything in `target` that this catalogue manages, earlier versions included.
    pub fn managed(&self, target: Target) -> BTreeSet<Item> {
        let earlier = self.earlier.iter().flat_map(|grant| grant.items.iter());
        let present = self.entitlements.values().flat_map(|meaning| meaning.items.iter());
        present.chain(earlier).filter(|item| item.target() == target).cloned().collect()
    }

    /// This catalogue, carrying along what `previous` and its predecessors granted.
    #[must_use]
    pub fn following(mut self, previous: &Self) -> Self {
        let anew = self.granted();
        self.earlier = previous.earlier.iter().cloned().chain(previous.granted()).collect();
        // What is granted again and taken out once more is to be confirmed once more.
        let stays = |withdrawn: &&Withdrawn| !anew.contains(&withdrawn.grant);
        self.withdrawn = previous.withdrawn.iter().filter(stays).cloned().collect();
        self
    }

    /// Whether it carries along what `previous` and its predecessors granted.
    pub fn follows(&self, previous: &Self) -> bool {
        self.earlier.is_superset(&previous.earlier) && self.earlier.is_superset(&previous.granted())
    }

    /// What this version itself grants for each good.
    fn granted(&self) -> BTreeSet<EarlierGrant> {
        let of_plan = |plan: &Plan| -> Vec<EarlierGrant> {
            let of = |good: &Good, entitlement: &EntitlementId| EarlierGrant {
                good: good.clone(),
                entitlement: entitlement.clone(),
                items: self
                    .entitlements
                    .get(entitlement)
                    .map(|meaning| meaning.items.clone())
                    .unwrap_or_default(),
            };
            plan.goods.iter().flat_map(|good| plan.grants.iter().map(move |id| of(good, id))).collect()
        };
        self.plans.iter().flat_map(of_plan).collect()
    }

    /// What earlier versions granted and this one does not, and nobody has withdrawn: it is left as it is.
    pub fn left(&self) -> BTreeSet<EarlierGrant> {
        let granted = self.granted();
        let open = |grant: &&EarlierGrant| !granted.contains(grant) && !self.has_withdrawn(grant);
        self.earlier.iter().filter(open).cloned().collect()
    }

    fn has_withdrawn(&self, grant: &EarlierGrant) -> bool {
        self.withdrawn.iter().any(|withdrawn| withdrawn.grant == *grant)
    }

    /// This catalogue with these grants of earlier versions withdrawn, as a person confirmed it.
    #[must_use]
    pub fn withdrawing(
        mut self,
        grants: impl IntoIterator<Item = EarlierGrant>,
        at: Timestamp,
        by: &str,
    ) -> Self {
        let withdrawn = grants.into_iter().map(|grant| Withdrawn { grant, at, by: by.to_owned() });
        self.withdrawn.extend(withdrawn);
        self
    }

    /// What stands in the file: without what earlier versions and their withdrawal left behind.
    #[must_use]
    pub fn as_written(&self) -> Self {
        Self { earlier: BTreeSet::new(), withdrawn: BTreeSet::new(), ..self.clone() }
    }

    /// The version's name: SHA-256 of the canonical JSON, first 16 hex digits.
    pub fn version(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("a catalogue holds only strings, numbers and sets");
        hex::encode(&Sha256::digest(canonical)[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(price: &str, group: u64) -> Catalogue {
        let good = Good { source: SourceId::new("stripe"), id: price.to_owned() };
        Catalogue {
            plans: vec![Plan {
                id: PlanId::new("pro"),
                title: "Pro".to_owned(),
                goods: [good].into(),
                grants: [EntitlementId::new("community")].into(),
                policy: Policy::default(),
                beneficiary: None,
            }],
            entitlements: [(
                EntitlementId::new("community"),
                Meaning { title: "Community".to_owned(), items: [Item::CircleGroup(group)].into() },
            )]
            .into(),
            ..Catalogue::default()
        }
    }

    #[test]
    fn a_price_decides_before_a_product() {
        let mut both = catalogue("prod_1", 1);
        both.plans.push(catalogue("price_1", 1).plans.remove(0));
        both.plans[1].id = PlanId::new("special");
        let plan = both.plan_for(&SourceId::new("stripe"), Some("price_1"), Some("prod_1")).unwrap();
        assert_eq!(plan.id.as_str(), "special");
    }

    #[test]
    fn what_was_granted_stays_managed_over_any_number_of_edits() {
        let third =
            Catalogue::default().following(&catalogue("price_2", 2).following(&catalogue("price_1", 1)));
        assert_eq!(third.managed(Target::Circle), [Item::CircleGroup(1), Item::CircleGroup(2)].into());
        let second = catalogue("price_2", 2).following(&catalogue("price_1", 1));
        assert!(third.follows(&second) && third.follows(&catalogue("price_1", 1)));
        assert!(!second.follows(&catalogue("price_3", 3)) && !second.follows(&third));
    }

    #[test]
    fn what_is_granted_again_is_withdrawn_no_more() {
        let (one, two) = (catalogue("price_1", 1), catalogue("price_1", 2));
        let second = two.clone().following(&one);
        assert_eq!(second.left().len(), 1);
        let settled = second.clone().withdrawing(second.left(), Timestamp::UNIX_EPOCH, "mira");
        assert!(settled.left().is_empty());
        assert_eq!(settled.as_written(), two);
        let back = one.following(&settled);
        assert!(back.withdrawn.is_empty());
        assert_eq!(two.following(&back).left().len(), 1, "it is to be confirmed once more");
    }

    #[test]
    fn an_unedited_catalogue_keeps_its_version() {
        assert_eq!(catalogue("price_1", 1).version(), catalogue("price_1", 1).version());
        assert_ne!(catalogue("price_1", 1).version(), catalogue("price_1", 2).version());
    }
}
