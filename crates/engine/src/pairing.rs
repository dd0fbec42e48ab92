//! A person says whether somebody whom a target knows is a customer: one who pays under one address and has access under
//! another. Once they are said to be one, they are, by the target's own id; once they are said to be two, the target's id is
//! forgotten, and they are not proposed again. Either enters the journal as a fact.

use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use crate::ruling::{anchor, instant};
use crate::subject::Subject;
use frontdesk_core::email::Email;
use frontdesk_core::fact::{Fact, Key, Kind};
use frontdesk_core::id::CustomerId;
use frontdesk_core::pairing::{Pairing, Word, pairings};
use frontdesk_core::target::{Holder, Person, Target};
use frontdesk_store::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a pairing is called in the journal.
const EVENT_TYPE: &str = "operator.pairing";

/// A pairing that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The customer.
    pub customer: CustomerId,
    /// Who of the record.
    pub holder: Holder,
    /// Where the other is known.
    pub target: Target,
    /// The target's own id of the other.
    pub member: u64,
    /// The other's address there.
    pub address: Email,
    /// Whether they are one.
    pub word: Word,
    /// Who says so.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "paired", rename_all = "snake_case")]
#[must_use = "nothing may have been done"]
pub enum Paired {
    /// It holds from now on.
    Done,
    /// It held already.
    Already,
    /// The target knows this customer under another id.
    KnownAs {
        /// Which.
        member: u64,
    },
    /// That member is somebody else's already.
    SomebodyElse {
        /// Whose.
        customer: CustomerId,
    },
    /// There is no such customer, or nothing is to be done for them there.
    NotFound,
}

/// A pairing as it stands in the journal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) at: Timestamp,
    pub(crate) pairing: Pairing,
}

/// How the audit log calls a word.
pub(crate) const fn action(word: Word) -> &'static str {
    match word {
        Word::One => "pair",
        Word::Two => "unpair",
    }
}

impl<P: Ports> Engine<P> {
    /// Takes a person's word for whether two are one. What the member holds there is learnt by the next look.
    pub async fn pair(&self, order: &Order) -> Result<Paired, Error> {
        let Some(subject) = Subject::load(self.store(), &order.customer).await? else {
            return Ok(Paired::NotFound);
        };
        let refused = match order.word {
            Word::One => self.cannot_be_one(&subject, order).await?,
            Word::Two => is_said(&subject, order).then_some(Paired::Already),
        };
        if let Some(refused) = refused {
            return Ok(refused);
        }
        let Some(about) = anchor(&subject.record).cloned() else { return Ok(Paired::NotFound) };
        let Order { holder, target, member, address, word, by, reason, .. } = order.clone();
        let pairing = Pairing { word, about, holder, target, member, address, by, reason };
        let at = instant(Some(&subject.record), self.ports().now_wall());
        let (entry, _) = self.enter_word(EVENT_TYPE, at, &Written { at, pairing }).await?;
        tracing::info!(entry.id = %entry, target.id = %target, action = action(word), "an operator said who is whom");
        Ok(Paired::Done)
    }

    /// Why two cannot be one, or that they are.
    async fn cannot_be_one(&self, subject: &Subject, order: &Order) -> Result<Option<Paired>, Error> {
        let members = [(order.target, order.member)].into();
        let sharing = self.store().records_sharing(&members, &BTreeSet::new()).await?;
        if let Some(other) = sharing.into_iter().find(|other| *other != order.customer) {
            return Ok(Some(Paired::SomebodyElse { customer: other }));
        }
        let Some(row) = subject.syncs.get(&order.target) else { return Ok(Some(Paired::NotFound)) };
        let person = row.observed.people.get(&order.holder);
        Ok(match person.and_then(|person| person.membership.id()) {
            Some(known) if known == order.member => Some(Paired::Already),
            Some(known) => Some(Paired::KnownAs { member: known }),
            None => None,
        })
    }

    /// The customers whom a target knows under this address as themselves: by a pairing, or because they changed it there.
    pub async fn known_at(&self, address: &Email) -> Result<BTreeSet<CustomerId>, Error> {
        let addresses = [address.clone()].into();
        let sharing = self.store().records_sharing(&BTreeSet::new(), &addresses).await?;
        let mut known = BTreeSet::new();
        for customer in sharing {
            let syncs = self.store().syncs(&customer).await?;
            let mut own = syncs.values().filter_map(|sync| sync.observed.people.get(&Holder::Customer));
            if own.any(|person| person.membership.address() == Some(address)) {
                known.insert(customer);
            }
        }
        Ok(known)
    }
}

/// Whether the newest word about the two is this one.
fn is_said(subject: &Subject, order: &Order) -> bool {
    pairings(&subject.record.facts).iter().any(|counts| {
        let Pairing { word, holder, target, member, .. } = counts.pairing;
        (word, holder, target, member) == (&order.word, &order.holder, &order.target, &order.member)
    })
}

impl Subject {
    /// Lets the rows say what a person newly said of who is whom. Returns the loops that have something to do.
    pub(crate) fn take_up_pairings(&mut self, changed: &BTreeSet<Key>, now: Timestamp) -> BTreeSet<Loop> {
        let mut ring = BTreeSet::new();
        let news = changed.iter().filter(|key| key.kind == Kind::Pairing);
        let entries: BTreeSet<_> = news
            .filter_map(|key| Some(&Fact::current(self.record.facts.get(key)?).version.evidence.entry))
            .collect();
        for counts in pairings(&self.record.facts).iter().filter(|counts| entries.contains(counts.entry)) {
            let Pairing { word, holder, target, member, address, .. } = counts.pairing;
            let Some(row) = self.syncs.get_mut(target) else { continue };
            let person = row.observed.people.entry(holder.clone()).or_default();
            let is_new = match word {
                Word::One => person.meet(*member, address, now) == Ok(true),
                Word::Two => {
                    let are_one = person.membership.id() == Some(*member);
                    if are_one {
                        // Whatever was seen was seen of the other.
                        *person = Person::default();
                    }
                    are_one
                }
            };
            if is_new {
                row.retry(now);
                ring.insert(Loop::of(*target));
            }
        }
        ring
    }
}
