//! Members and subscribers out of an export: what is noted of our customers.
//!
//! It notes who is there and never who is not. A file is a picture of its time: what was seen later stays. Whoever has
//! something that no record supports is listed like what a sweep finds, as far as the file has the target's ids.

use crate::acts::Acted;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::subject::{Cause, Subject};
use frontdesk_core::desired::{Desired, Wish};
use frontdesk_core::email::Email;
use frontdesk_core::golive::Written;
use frontdesk_core::id::CustomerId;
use frontdesk_core::sweep::{FindingKind, List, Listed as Entry, Scan, beside};
use frontdesk_core::sync::{Ended, Hold, Sync};
use frontdesk_core::target::{Holder, Holding, Item, Membership, Person, Target};
use frontdesk_providers::roster::Listed;
use frontdesk_store::{Commit, Error, Finding, Write};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a batch of people came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// People who are customers of the record.
    pub customers: u64,
    /// Customers of whom something new was noted.
    pub noted: u64,
    /// People who have something that no record supports: listed and left.
    #[serde(default)]
    pub unsupported: u64,
    /// People of whom the same could not be said, because the file has no id of them.
    #[serde(default)]
    pub without_id: u64,
}

/// Why a row is looked at, for the audit log.
const EXPORT: &str = "export";

impl<P: Ports> Engine<P> {
    /// Notes of our customers that they are at a target, and what they have there, as an export of `exported_at` says.
    /// `all_have`: what everybody in it has.
    pub async fn note_people(
        &self,
        target: Target,
        people: &[Listed],
        all_have: &BTreeSet<Item>,
        exported_at: Timestamp,
    ) -> Result<Noticed, Error> {
        let managed = self.catalogue().managed(target);
        let is_shadow = self.written(target).await? == Written::Nothing;
        // What a sweep has read since says more about who is there.
        let swept = self.swept(target).await?.last;
        let is_newest = swept.is_none_or(|last| last.began_at < exported_at);
        let mut noticed = Noticed::default();
        let mut findings = Vec::new();
        // Who was put out is not seen there by a file that still lists them.
        for listed in people.iter().filter(|listed| !listed.is_out) {
            let has: BTreeSet<Item> =
                listed.has.union(all_have).filter(|item| managed.contains(item)).cloned().collect();
            let ids = listed.id.map(|id| (target, id)).into_iter().collect();
            let customers = self.store().records_sharing(&ids, &[listed.address.clone()].into()).await?;
            noticed.customers += u64::from(!customers.is_empty());
            let mut beyond: BTreeMap<Item, Option<CustomerId>> =
                has.iter().map(|item| (item.clone(), None)).collect();
            for customer in customers {
                let seen = Seen { target, listed, has: &has, at: exported_at, is_shadow };
                let (noted, supported, ended) = self.note_person(&customer, seen).await?;
                noticed.noted += u64::from(noted);
                beyond.retain(|item, _| !supported.contains(item));
                beyond.iter_mut().filter(|(item, _)| ended.contains(*item)).for_each(|(_, of)| {
                    of.get_or_insert_with(|| customer.clone());
                });
            }
            match listed.id {
                _ if beyond.is_empty() || !is_newest => {}
                None => noticed.without_id += 1,
                Some(member) => {
                    noticed.unsupported += 1;
                    findings.extend(beyond.into_iter().map(|(item, customer)| {
                        let address = Some(listed.address.clone());
                        Write::Finding(found(target, item, member, customer, address, exported_at))
                    }));
                }
            }
        }
        if !findings.is_empty() {
            self.store().commit(Commit { expect: Vec::new(), writes: findings }).await?;
        }
        Ok(noticed)
    }

    /// Notes of one customer what the file shows. Returns whether anything of it is new, which items their record supports,
    /// and to which its right has ended.
    async fn note_person(
        &self,
        customer: &CustomerId,
        seen: Seen<'_>,
    ) -> Result<(bool, BTreeSet<Item>, BTreeSet<Item>), Error> {
        let nothing = || (false, BTreeSet::new(), BTreeSet::new());
        let Some(mut subject) = Subject::load(self.store(), customer).await? else { return Ok(nothing()) };
        if !subject.syncs.contains_key(&seen.target) {
            // A row that should be there is made by looking at the customer.
            self.look_again(customer, &Cause { action: "operator", by: EXPORT.to_owned() }).await?;
            let Some(again) = Subject::load(self.store(), customer).await? else { return Ok(nothing()) };
            subject = again;
        }
        let others = subject.others(self.store()).await?;
        let mut decision = subject.decide(self, &others, self.ports().now_wall());
        let Some(desired) = decision.desired.remove(&seen.target) else { return Ok(nothing()) };
        let (supported, ended) = seen.supports(&desired, subject.syncs.get(&seen.target));
        let acted = self.change_sync(customer, seen.target, EXPORT, |row, now| {
            let people = seen.people(&desired, row);
            if people.is_empty() {
                return false;
            }
            row.observed.people.extend(people);
            if seen.listed.id.is_some() {
                // What is shown to be there already needs no call: the look that follows only settles the row.
                row.retry(now);
            } else if seen.is_shadow {
                // Their id is still to be learnt, which is worth a call only once the target is live.
                row.settle(Ended::Held(Hold::Shadow), now, 0);
            }
            true
        });
        Ok((acted.await? == Acted::Done, supported, ended))
    }
}

/// That somebody has an item that no record supports, as the file shows it.
const fn found(
    target: Target,
    item: Item,
    member: u64,
    customer: Option<CustomerId>,
    address: Option<Email>,
    at: Timestamp,
) -> Finding {
    Finding {
        target,
        kind: FindingKind::Unsupported,
        item: Some(item),
        member: Some(member),
        customer,
        address,
        first_at: at,
        last_at: at,
        times: 1,
        closed_at: None,
    }
}

/// One person as an export shows them.
#[derive(Clone, Copy)]
struct Seen<'a> {
    target: Target,
    listed: &'a Listed,
    has: &'a BTreeSet<Item>,
    at: Timestamp,
    is_shadow: bool,
}

impl Seen<'_> {
    /// The lists of the target, if they had this person alone; `None`: the file has no id of them.
    fn scan(&self) -> Option<Scan> {
        let Listed { id, address, standing, .. } = self.listed;
        let id = (*id)?;
        let mut scan = Scan::new(self.target, self.at);
        let entry = || Entry { id, address: Some(address.clone()), standing: *standing, name: None };
        scan.add(&List::Everyone, [entry()]);
        for item in self.has {
            scan.add(&List::In(item.clone()), [entry()]);
        }
        Some(scan)
    }

    /// What of the person's items a record supports, and to what its right has ended.
    fn supports(&self, desired: &Desired, row: Option<&Sync>) -> (BTreeSet<Item>, BTreeSet<Item>) {
        let items = |held: BTreeSet<(Item, u64)>| held.into_iter().map(|(item, _)| item).collect();
        if let Some(scan) = self.scan() {
            let beside = beside(desired, row, &scan, None);
            return (items(beside.supported), items(beside.ended));
        }
        // Without an id it is by the address alone, and nothing is known of an end.
        let of = desired.holders.values().filter(|wishes| wishes.address == self.listed.address);
        let wants = of.flat_map(|wishes| &wishes.items);
        let wants = wants.filter(|(_, wish)| !matches!(wish, Wish::Absent { .. }));
        (wants.map(|(item, _)| item.clone()).collect(), BTreeSet::new())
    }

    /// What it newly says of the people of a row.
    fn people(&self, desired: &Desired, row: &Sync) -> BTreeMap<Holder, Person> {
        let Listed { address, .. } = self.listed;
        if let Some(scan) = self.scan() {
            return beside(desired, Some(row), &scan, None).people;
        }
        let holders = desired.holders.iter().filter(|(_, wishes)| wishes.address == *address);
        let mut people = BTreeMap::new();
        for (holder, wishes) in holders {
            let known = row.observed.people.get(holder).cloned().unwrap_or_default();
            let mut person = known.clone();
            // What the target itself said is better.
            if person.membership != Membership::Unseen {
                continue;
            }
            for item in
                self.has.iter().filter(|item| matches!(wishes.items.get(*item), Some(Wish::Want { .. })))
            {
                person.items.entry(item.clone()).or_insert(Holding::Present { seen_at: self.at });
            }
            if person != known {
                people.insert(holder.clone(), person);
            }
        }
        people
    }
}
