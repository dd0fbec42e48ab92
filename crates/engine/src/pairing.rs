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
use frontdesk_core::pairing::{Counts, Pairing, Word, pairings};
use frontdesk_core::record::Record;
use frontdesk_core::target::{Holder, Person, Target};
use frontdesk_store::{Commit, Error, Expect, Write};
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
        // What was found above may have changed before the word was taken up: the answer is what came of it.
        if word == Word::One
            && let Some(subject) = Subject::load(self.store(), &order.customer).await?
            && let Some(refused) = self.cannot_be_one(&subject, order).await?
            && refused != Paired::Already
        {
            return Ok(refused);
        }
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

    /// What a person said last of whether two are one; `None`: nothing, or of another address.
    pub async fn pairing_said(&self, order: &Order) -> Result<Option<Word>, Error> {
        let Some(subject) = Subject::load(self.store(), &order.customer).await? else { return Ok(None) };
        let said = pairings(&subject.record.facts).into_iter().find(|counts| {
            let Pairing { holder, target, member, address, .. } = counts.pairing;
            (holder, target, member, address) == (&order.holder, &order.target, &order.member, &order.address)
        });
        Ok(said.map(|counts| counts.pairing.word))
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

/// What of a person's words may not be taken up, and how a commit that takes up the rest has to be made.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// Those that are another customer's already.
    pub(crate) taken: BTreeSet<(Target, u64)>,
    /// That nobody else takes up a word about one of the others meanwhile.
    pub(crate) turns: Commit,
}

impl<P: Ports> Engine<P> {
    /// The members who `record` is newly said to be. Of two nodes that hear of one member at once, the second finds its
    /// commit refused, and then the member taken. `gone`: records that become this one.
    pub(crate) async fn members_said(
        &self,
        record: &Record,
        changed: &BTreeSet<Key>,
        gone: &BTreeSet<&CustomerId>,
    ) -> Result<Members, Error> {
        let mut members = Members::default();
        for counts in news(record, changed) {
            let Pairing { word: Word::One, target, member, .. } = counts.pairing else { continue };
            let said = (*target, *member);
            let sharing = self.store().records_sharing(&[said].into(), &BTreeSet::new()).await?;
            if sharing.iter().any(|other| *other != record.id && !gone.contains(other)) {
                members.taken.insert(said);
                continue;
            }
            let key = format!("paired:{target}:{member}");
            let value = self.store().meta(&key).await?;
            members.turns.expect.push(Expect::Meta { key: key.clone(), value });
            members.turns.writes.push(Write::Meta { key, value: counts.entry.to_string() });
        }
        Ok(members)
    }
}

/// The words about who is whom that are new, where they are the newest.
fn news<'a>(record: &'a Record, changed: &BTreeSet<Key>) -> Vec<Counts<'a>> {
    let news = changed.iter().filter(|key| key.kind == Kind::Pairing);
    let entries: BTreeSet<_> =
        news.filter_map(|key| Some(&Fact::current(record.facts.get(key)?).version.evidence.entry)).collect();
    pairings(&record.facts).into_iter().filter(|counts| entries.contains(counts.entry)).collect()
}

/// Whether the newest word about the two is this one.
fn is_said(subject: &Subject, order: &Order) -> bool {
    pairings(&subject.record.facts).iter().any(|counts| {
        let Pairing { word, holder, target, member, .. } = counts.pairing;
        (word, holder, target, member) == (&order.word, &order.holder, &order.target, &order.member)
    })
}

impl Subject {
    /// Lets the rows say what a person newly said of who is whom, but for members that are somebody else's. Returns the loops
    /// that have something to do.
    pub(crate) fn take_up_pairings(
        &mut self,
        changed: &BTreeSet<Key>,
        taken: &BTreeSet<(Target, u64)>,
        now: Timestamp,
    ) -> BTreeSet<Loop> {
        let mut ring = BTreeSet::new();
        for counts in news(&self.record, changed) {
            let Pairing { word, holder, target, member, address, .. } = counts.pairing;
            let Some(row) = self.syncs.get_mut(target) else { continue };
            let person = row.observed.people.entry(holder.clone()).or_default();
            let is_new = match word {
                Word::One => {
                    let met = if taken.contains(&(*target, *member)) {
                        None
                    } else {
                        person.meet(*member, address, now).ok()
                    };
                    person.not_met = met.is_none().then_some(*member);
                    if met.is_none() {
                        tracing::warn!(
                            customer.id = %self.record.id, target.id = %target, member.id = member,
                            "an operator said that a customer is this member, and it cannot be: the target knows them under \
                             another id by now, or the member is somebody else's"
                        );
                    }
                    met == Some(true)
                }
                Word::Two => {
                    person.not_met = person.not_met.filter(|said| said != member);
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
