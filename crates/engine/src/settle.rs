//! Who has access that no payment gives is kept or removed because a person says so, with a reason and an end.
//!
//! To keep somebody is to grant them what they have; to remove somebody is to revoke it. Both are rulings in the
//! journal, like any other; what the target showed them to hold is noted, so that it is ours to take.

use crate::engine::Engine;
use crate::ports::Ports;
use crate::ruling::{Order, Whom};
use crate::subject::Subject;
use frontdesk_core::desired::Wish;
use frontdesk_core::email::Email;
use frontdesk_core::fact::{Fact, Kind};
use frontdesk_core::id::{CustomerId, EntitlementId};
use frontdesk_core::plan::behind;
use frontdesk_core::record::Record;
use frontdesk_core::ruling::{Ruling, Verdict};
use frontdesk_core::target::{Holder, Holding, Item, Target};
use frontdesk_store::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a person decides about somebody who has access that no payment gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Where they have access.
    pub target: Target,
    /// The target's own id of them.
    pub member: u64,
    /// Their address there.
    pub address: Email,
    /// The record that once had a right to it.
    pub customer: Option<CustomerId>,
    /// What they hold.
    pub items: BTreeSet<Item>,
    /// [`Verdict::Grant`] keeps them, [`Verdict::Revoke`] removes them.
    pub verdict: Verdict,
    /// Until when it counts; `None`: until somebody decides otherwise.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub by: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "settled", rename_all = "snake_case")]
pub enum Settled {
    /// It is decided, for this customer and these entitlements.
    Done {
        /// The customer, who may be new.
        customer: CustomerId,
        /// What was granted or revoked.
        entitlements: BTreeSet<EntitlementId>,
    },
    /// It was decided so already.
    Already {
        /// The customer.
        customer: CustomerId,
    },
    /// Somebody has a right to all of it by now.
    Supported {
        /// Who.
        customer: CustomerId,
    },
    /// No entitlement of the catalogue gives any of it.
    NoEntitlement,
    /// The record is not there any more.
    Gone,
}

/// Whether the newest ruling about an entitlement says just this.
fn is_ruled(record: &Record, entitlement: &EntitlementId, settlement: &Settlement) -> bool {
    let rulings = record.facts.iter().filter(|(key, _)| key.kind == Kind::Ruling);
    let rulings = rulings.map(|(_, fact)| Fact::current(fact).version);
    let about = rulings.filter_map(|version| Some((version.at, Ruling::of(&version.body)?.clone())));
    let newest = about
        .filter(|(_, ruling)| ruling.entitlement == *entitlement && ruling.holder == Holder::Customer)
        .max_by_key(|(at, _)| *at);
    newest.is_some_and(|(_, ruling)| {
        ruling.verdict == settlement.verdict
            && ruling.until == settlement.until
            && ruling.reason == settlement.reason
    })
}

impl<P: Ports> Engine<P> {
    /// Settles one person. Asked again, it changes nothing.
    pub async fn settle_access(&self, settlement: &Settlement) -> Result<Settled, Error> {
        let Settlement { target, member, address, .. } = settlement;
        let (members, addresses) = ([(*target, *member)].into(), [address.clone()].into());
        let by_member = self.store().records_sharing(&members, &BTreeSet::new()).await?;
        let sharing = self.store().records_sharing(&members, &addresses).await?;
        let all = behind(&settlement.items, &self.catalogue());
        let mut items = settlement.items.clone();
        for customer in sharing.iter().chain(&settlement.customer) {
            let Some(subject) = Subject::load(self.store(), customer).await? else { continue };
            if !all.is_empty() && all.iter().all(|id| is_ruled(&subject.record, id, settlement)) {
                // What was ruled for what they hold at another target counts for what they hold here.
                self.note_held(customer, settlement, &settlement.items).await?;
                return Ok(Settled::Already { customer: customer.clone() });
            }
            // What somebody pays for by now is not settled over their head.
            let wanted = self.wanted(&subject, *target).await?;
            items.retain(|item| !wanted.contains(item));
            if items.is_empty() {
                return Ok(Settled::Supported { customer: customer.clone() });
            }
        }
        let entitlements = behind(&items, &self.catalogue());
        if entitlements.is_empty() {
            return Ok(Settled::NoEntitlement);
        }
        let known = by_member.into_iter().next().or_else(|| settlement.customer.clone());
        let whom = known.map_or_else(|| Whom::Address(address.clone()), Whom::Customer);
        let mut customer = None;
        for entitlement in &entitlements {
            let order = Order {
                whom: customer.clone().map_or_else(|| whom.clone(), Whom::Customer),
                holder: Holder::Customer,
                verdict: settlement.verdict,
                entitlement: entitlement.clone(),
                until: settlement.until,
                until_bought: settlement.verdict == Verdict::Revoke,
                by: settlement.by.clone(),
                reason: settlement.reason.clone(),
            };
            let Some(ruled) = self.rule(&order).await? else { return Ok(Settled::Gone) };
            customer = ruled.customer.or(customer);
        }
        let Some(customer) = customer else { return Ok(Settled::Gone) };
        self.note_held(&customer, settlement, &items).await?;
        Ok(Settled::Done { customer, entitlements })
    }

    /// What keeping somebody gives them beyond what they have there: an entitlement is granted whole.
    pub fn also_given(&self, settlement: &Settlement) -> BTreeSet<Item> {
        if settlement.verdict != Verdict::Grant {
            return BTreeSet::new();
        }
        let catalogue = self.catalogue();
        let granted = behind(&settlement.items, &catalogue);
        let meanings = granted.iter().filter_map(|id| catalogue.entitlements.get(id));
        let given = meanings.flat_map(|meaning| meaning.items.iter().cloned());
        given.filter(|item| !settlement.items.contains(item)).collect()
    }

    /// What a record wants at a target.
    async fn wanted(&self, subject: &Subject, target: Target) -> Result<BTreeSet<Item>, Error> {
        let others = subject.others(self.store()).await?;
        let decision = subject.decide(self, &others, self.ports().now_wall());
        let Some(desired) = decision.desired.get(&target) else { return Ok(BTreeSet::new()) };
        let wants = desired.wishes().filter(|(_, _, wish)| matches!(wish, Wish::Want { .. }));
        Ok(wants.map(|(_, item, _)| item.clone()).collect())
    }

    /// Notes what the target showed the member to hold, so that their row begins there.
    async fn note_held(
        &self,
        customer: &CustomerId,
        settlement: &Settlement,
        items: &BTreeSet<Item>,
    ) -> Result<(), Error> {
        let Settlement { target, member, address, by, .. } = settlement;
        self.change_sync(customer, *target, by, |row, now| {
            let before = row.observed.people.get(&Holder::Customer).cloned();
            let person = row.observed.people.entry(Holder::Customer).or_default();
            if person.meet(*member, address, now).is_err() {
                return false;
            }
            for item in items {
                let held = person.items.entry(item.clone()).or_insert(Holding::Absent { seen_at: now });
                if matches!(held, Holding::Absent { .. }) {
                    *held = Holding::Present { seen_at: now };
                }
            }
            if before.as_ref() == Some(person) {
                return false;
            }
            row.retry(now);
            true
        })
        .await
        .map(drop)
    }
}
