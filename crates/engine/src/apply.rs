//! One transaction per journal entry: facts, records, and everything that follows from them.
//!
//! The entry is decoded and the records are loaded; the core decides; one commit writes it all, guarded by the
//! revisions that were read. If a record changed meanwhile nothing is written and the whole is worked out again.

use crate::engine::Engine;
use crate::hook::{of_target, read};
use crate::ports::Ports;
use crate::ruling::said;
use crate::subject::{Cause, Subject};
use frontdesk_core::fact::{Body, Evidence, Key, Learnt, Version};
use frontdesk_core::hint::Hint;
use frontdesk_core::id::{CustomerId, EntryId};
use frontdesk_core::record::{Assembled, Record, Tie, assemble, ties};
use frontdesk_core::sync::Sync;
use frontdesk_core::target::{Holder, Holding, Membership, Observed, Person, Target};
use frontdesk_providers::stripe::answer::{Answer, told};
use frontdesk_providers::stripe::envelope::envelope;
use frontdesk_providers::stripe::export::Exported;
use frontdesk_providers::stripe::learn::{Learning, learn};
use frontdesk_providers::stripe::read::Read;
use frontdesk_providers::stripe::verify::Verified;
use frontdesk_store::{
    AuditDraft, Commit, EntryKind, EntryState, Error, Expect, Identity, StoredEntry, Write,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Entries that one pass takes up.
const ENTRIES_PER_PASS: u32 = 64;
/// Customers that one pass wakes up.
const WAKES_PER_PASS: u32 = 64;
/// Conflicts after which an entry is put back: more than any fair contention brings.
const CONFLICTS_MAX: u32 = 20;
/// Tries after which an entry that the store refuses counts as failed, until somebody replays it.
const TRIES_MAX: u32 = 10;
/// How long an entry that could not be applied waits before it is tried again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// What a read was and when the source answered: kept with the answer, so that it can be applied again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReadHeader {
    /// What was asked.
    pub(crate) read: Read,
    /// The response's `Date`.
    pub(crate) at: Timestamp,
    /// The wish that this answer ends, once it is applied; what is applied may wish for the object again.
    #[serde(default)]
    pub(crate) settles: Option<Key>,
}

/// What an entry comes to, before any record is looked at.
pub(crate) enum Decoded {
    /// States of objects.
    Facts(Vec<(Key, Learnt, Version)>),
    /// What a target says by itself of a person; no fact follows from it.
    Hint(Hint),
    /// Understood, and nothing follows.
    Nothing(String),
    /// Cannot be read.
    Unreadable(String),
}

/// What an entry has to say.
enum Said {
    Facts(Vec<(Key, Learnt, Version)>),
    Hint(Hint),
}

/// Turns a journal entry into states of objects. A pure function of the entry, so that a rebuild gets the same.
pub(crate) fn decode(stored: &StoredEntry) -> Decoded {
    let entry = &stored.entry;
    let versions = |learnt, at, facts: Vec<(Key, Body)>, origin: &str| -> Vec<(Key, Learnt, Version)> {
        let evidence = Evidence { origin: origin.to_owned(), entry: entry.id.clone() };
        facts.into_iter().map(|(key, body)| (key, learnt, Version::new(at, body, evidence.clone()))).collect()
    };
    if let Some(target) = of_target(stored) {
        return read(stored, target);
    }
    match entry.kind {
        EntryKind::Event => match learn(&Verified::journaled(&stored.body), &entry.source) {
            Ok(Learning::Facts { at, facts }) => {
                Decoded::Facts(versions(Learnt::Event, at, facts, &entry.event_key))
            }
            Ok(Learning::NoEffect(why)) => Decoded::Nothing(why.why().to_owned()),
            Ok(Learning::Unreadable(unreadable)) => Decoded::Unreadable(unreadable.to_string()),
            Err(problem) => Decoded::Unreadable(problem.to_string()),
        },
        EntryKind::Read => {
            let header: ReadHeader = match serde_json::from_str(&stored.headers) {
                Ok(header) => header,
                Err(problem) => return Decoded::Unreadable(format!("the read's own header: {problem}")),
            };
            match told(&header.read, &entry.source, &stored.body, header.at) {
                Ok(Answer::Facts(told)) => {
                    Decoded::Facts(versions(Learnt::Read, told.at, told.facts, &entry.event_key))
                }
                Ok(_) => Decoded::Nothing("the answer tells no state of an object".to_owned()),
                Err(problem) => Decoded::Unreadable(problem.to_string()),
            }
        }
        EntryKind::Operator => match said(&stored.body, &entry.id) {
            Ok(Some((at, key, body))) => {
                Decoded::Facts(versions(Learnt::Event, at, vec![(key, body)], &entry.event_key))
            }
            Ok(None) => Decoded::Nothing("taken up when it was written".to_owned()),
            Err(problem) => Decoded::Unreadable(format!("what was said: {problem}")),
        },
        // An export tells less than the source itself: it counts as told, and never as proof.
        EntryKind::Import => match serde_json::from_slice::<Exported>(&stored.body) {
            Ok(row) => match row.tells(&entry.source) {
                Ok(told) => {
                    let of =
                        |(at, key, body)| versions(Learnt::Event, at, vec![(key, body)], &entry.event_key);
                    Decoded::Facts(told.into_iter().flat_map(of).collect())
                }
                Err(odd) => Decoded::Unreadable(odd.to_string()),
            },
            Err(problem) => Decoded::Unreadable(format!("the row: {problem}")),
        },
        EntryKind::Catalogue => Decoded::Nothing("taken up when it was written".to_owned()),
    }
}

impl<P: Ports> Engine<P> {
    /// Applies what waits in the journal and looks again at the customers whose time has come. Returns when there
    /// is something to do next, if that is known.
    pub async fn apply_due(&self) -> Result<Option<Timestamp>, Error> {
        loop {
            let now = self.ports().now_wall();
            let pending = self.store().pending(ENTRIES_PER_PASS, now).await?;
            let wakes = if self.ports().is_planted("ignore_wakes") {
                Vec::new()
            } else {
                self.store().wakes_due(now, WAKES_PER_PASS).await?
            };
            if pending.is_empty() && wakes.is_empty() {
                if self.ports().is_planted("ignore_wakes") {
                    return Ok(None);
                }
                return self.store().next_apply(now).await;
            }
            for stored in pending {
                self.ports().crash_point("B1").await;
                self.apply(&stored).await?;
            }
            for customer in wakes {
                let cause = Cause { action: "time", by: now.to_string() };
                self.look_again(&customer, &cause).await?;
            }
        }
    }

    /// Applies one entry. An entry that cannot be applied keeps its place, with the reason; it never holds up the
    /// others.
    pub(crate) async fn apply(&self, stored: &StoredEntry) -> Result<(), Error> {
        let id = &stored.entry.id;
        let end = |state, reason: String| Write::JournalEnd {
            id: id.clone(),
            state,
            reason: Some(reason),
            customer: None,
            applied_at: self.ports().now_wall(),
        };
        let expect = vec![Expect::JournalState { id: id.clone(), state: stored.entry.state }];
        let said = match self.admit(stored) {
            Decoded::Facts(facts) if self.ports().is_planted("trust_snapshot_over_newer") => {
                Said::Facts(as_of_arrival(facts, stored))
            }
            Decoded::Facts(facts) => Said::Facts(facts),
            Decoded::Hint(hint) => Said::Hint(hint),
            Decoded::Nothing(why) => {
                return settle_conflict(
                    self.store()
                        .commit(Commit { expect, writes: vec![end(EntryState::NoEffect, why)] })
                        .await,
                );
            }
            Decoded::Unreadable(why) => {
                self.quarantined(&stored.entry.event_type, id, &why).await?;
                return settle_conflict(
                    self.store()
                        .commit(Commit { expect, writes: vec![end(EntryState::Quarantined, why)] })
                        .await,
                );
            }
        };
        for _ in 0..CONFLICTS_MAX {
            let tried = match &said {
                Said::Facts(learnt) => self.try_apply(stored, learnt).await,
                Said::Hint(hint) => self.try_observe(stored, hint).await,
            };
            match tried {
                Err(error) if error.is_conflict() => {
                    let still = self.store().journal_entry(id).await?;
                    if still.is_none_or(|now| now.entry.state != stored.entry.state) {
                        return Ok(());
                    }
                }
                Err(Error::Sql { statement, message }) => {
                    let why = format!("the store refused `{statement}`: {message}");
                    tracing::error!(entry.id = %id, "an event could not be applied: {why}");
                    if stored.entry.tries + 1 >= TRIES_MAX {
                        self.alert(&format!("failed:{id}"), "failed", id.as_str(), &why).await?;
                        let writes = vec![end(EntryState::Failed, why)];
                        return settle_conflict(self.store().commit(Commit { expect, writes }).await);
                    }
                    let retry = Write::JournalRetry {
                        id: id.clone(),
                        reason: why,
                        tries: stored.entry.tries + 1,
                        next_try_at: self.after(RETRY_AFTER),
                    };
                    return settle_conflict(
                        self.store().commit(Commit { expect, writes: vec![retry] }).await,
                    );
                }
                done => return done,
            }
        }
        tracing::warn!(entry.id = %id, "an event's record changed {CONFLICTS_MAX} times while it was applied: it waits");
        let retry = Write::JournalRetry {
            id: id.clone(),
            tries: stored.entry.tries + 1,
            reason: "the record kept changing".to_owned(),
            next_try_at: self.after(RETRY_AFTER),
        };
        settle_conflict(self.store().commit(Commit { expect, writes: vec![retry] }).await)
    }

    /// What an entry says, if it is for this installation. An entry that an operator plays again is asked the same
    /// as one that arrives (I5): its state in the journal says nothing about it.
    fn admit(&self, stored: &StoredEntry) -> Decoded {
        let foreign = match (stored.entry.kind, envelope(&Verified::journaled(&stored.body))) {
            (EntryKind::Event, Ok(envelope)) => self.foreign(&envelope),
            _ => None,
        };
        foreign.map_or_else(|| decode(stored), Decoded::Nothing)
    }

    async fn try_apply(&self, stored: &StoredEntry, learnt: &[(Key, Learnt, Version)]) -> Result<(), Error> {
        let entry = &stored.entry;
        let now = self.ports().now_wall();
        let tied: BTreeSet<Tie> =
            learnt.iter().flat_map(|(key, _, version)| ties(key, &version.body)).collect();
        let tied: Vec<Tie> = tied.into_iter().collect();
        let mut subjects = BTreeMap::new();
        for customer in self.store().customers_for_ties(&tied).await? {
            if let Some(subject) = Subject::load(self.store(), &customer).await? {
                subjects.insert(customer, subject);
            }
        }
        let existing = subjects.values().map(|subject| subject.record.clone()).collect();
        let assembled = assemble(existing, learnt.to_vec(), &entry.id, entry.seq);
        self.ports().crash_point("B4").await;
        let mut commit = Commit {
            expect: vec![Expect::JournalState { id: entry.id.clone(), state: entry.state }],
            writes: Vec::new(),
        };
        let mut ring = BTreeSet::new();
        let cause = Cause { action: entry.kind.as_str(), by: entry.id.to_string() };
        if let Some(key) = settles(stored) {
            for subject in subjects.values_mut() {
                subject.reads.retain(|read| read.key != key);
            }
            commit.writes.push(Write::AlertClose { key: format!("unread:{key}"), at: now });
            commit.writes.push(Write::ReadSettled(key));
        }
        for (loser, survivor) in &assembled.merged {
            self.merge(&mut subjects, loser, survivor, &cause, &mut commit, now);
        }
        let gone: BTreeSet<_> = assembled.merged.iter().map(|(loser, _)| loser).collect();
        for record in &assembled.records {
            let mut subject = subject_of(record, &mut subjects);
            let members = self.members_said(record, &assembled.changed, &gone).await?;
            ring.extend(subject.take_up_pairings(&assembled.changed, &members.taken, now));
            commit.expect.extend(members.turns.expect);
            commit.writes.extend(members.turns.writes);
            write_record(record, &assembled, entry, &mut commit);
            let others = subject.others(self.store()).await?;
            let others: Vec<_> =
                others.into_iter().filter(|other| !gone.contains(&other.record.id)).collect();
            let plan = subject.plan(self, &others, Some(&entry.id), &cause, now);
            commit.expect.extend(plan.commit.expect);
            commit.writes.extend(plan.commit.writes);
            commit.writes.extend(self.audit_of_words(record, &assembled, now));
            ring.extend(plan.ring);
        }
        let (state, reason) = if assembled.changed.is_empty() {
            (EntryState::NoEffect, Some("says nothing that was not known".to_owned()))
        } else {
            (EntryState::Effect, None)
        };
        let customer = assembled.records.first().map(|record| record.id.clone());
        commit.writes.push(Write::JournalEnd {
            id: entry.id.clone(),
            state,
            reason,
            customer,
            applied_at: now,
        });
        if self.ports().is_planted("mark_processed_separate_tx") {
            let end = commit.writes.pop().into_iter().collect();
            let expect = vec![commit.expect.remove(0)];
            self.store().commit(Commit { expect, writes: end }).await?;
        }
        self.ports().crash_point("B6").await;
        self.store().commit(commit).await?;
        self.ports().crash_point("B7").await;
        for record in &assembled.records {
            self.announce(&record.id);
        }
        self.bell().ring_each(ring);
        match entry.kind {
            // What was asked for comes in numbers, after an import above all: whoever asked says how many.
            EntryKind::Read | EntryKind::Import => {
                tracing::debug!(entry.id = %entry.id, state = state.as_str(), "answer applied");
            }
            EntryKind::Event | EntryKind::Operator | EntryKind::Catalogue => {
                tracing::info!(entry.id = %entry.id, state = state.as_str(), "event applied");
            }
        }
        Ok(())
    }

    /// Joins a record into the one that survives: its rows follow, and both audit chains name each other.
    fn merge(
        &self,
        subjects: &mut BTreeMap<CustomerId, Subject>,
        loser: &CustomerId,
        survivor: &CustomerId,
        cause: &Cause,
        commit: &mut Commit,
        now: Timestamp,
    ) {
        let Some(gone) = subjects.remove(loser) else { return };
        if let Some(row) = &gone.row {
            commit.expect.push(Expect::Revision { customer: loser.clone(), revision: row.revision });
        }
        commit.writes.push(Write::Merge { loser: loser.clone(), survivor: survivor.clone(), at: now });
        let note = |customer: &CustomerId, action: &str, other: &CustomerId| {
            Write::Audit(AuditDraft {
                linked: Some(other.clone()),
                customer: customer.clone(),
                at: now,
                action: action.to_owned(),
                cause: cause.by.clone(),
                node: self.settings().node.clone(),
                before: serde_json::Value::Null,
                after: serde_json::json!({ "customer": other }),
                personal: Vec::new(),
            })
        };
        commit.writes.push(note(loser, "merged_into", survivor));
        commit.writes.push(note(survivor, "merged", loser));
        let Some(kept) = subjects.get_mut(survivor) else { return };
        for (target, theirs) in gone.syncs {
            let joined = match kept.syncs.remove(&target) {
                Some(ours) => join_syncs(ours, theirs, now),
                None => Sync { customer: survivor.clone(), ..theirs },
            };
            kept.syncs.insert(target, joined);
        }
        kept.cases.extend(gone.cases);
        kept.dismissed.extend(gone.dismissed);
        kept.reads.extend(gone.reads);
    }

    /// Says once for each type that events of it are kept and cannot be read.
    pub(crate) async fn quarantined(&self, event_type: &str, id: &EntryId, why: &str) -> Result<(), Error> {
        tracing::error!(entry.id = %id, "an event cannot be read and is kept in quarantine: {why}");
        self.alert(&format!("quarantined:{event_type}"), "quarantined", event_type, why).await
    }

    /// The instant `span` from now.
    pub(crate) fn after(&self, span: SignedDuration) -> Timestamp {
        self.ports().now_wall().saturating_add(span).unwrap_or(Timestamp::MAX)
    }
}

/// What a record's new facts and its ties come to.
fn write_record(record: &Record, assembled: &Assembled, entry: &frontdesk_store::Entry, commit: &mut Commit) {
    for key in &assembled.changed {
        if let Some(fact) = record.facts.get(key) {
            commit.writes.push(Write::Fact {
                key: key.clone(),
                customer: record.id.clone(),
                fact: fact.clone(),
            });
        }
    }
    for tie in &record.ties {
        commit.writes.push(Write::Identity {
            identity: Identity::Tie(tie.clone()),
            customer: record.id.clone(),
            entry: entry.id.clone(),
        });
    }
}

/// A planted bug: what arrives last is taken for the newest.
fn as_of_arrival(facts: Vec<(Key, Learnt, Version)>, stored: &StoredEntry) -> Vec<(Key, Learnt, Version)> {
    let at = stored.entry.received_at;
    facts.into_iter().map(|(key, learnt, version)| (key, learnt, Version { at, ..version })).collect()
}

/// Somebody else ended the entry meanwhile: that is as good.
fn settle_conflict<T>(done: Result<T, Error>) -> Result<(), Error> {
    match done {
        Err(error) if !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}

/// The wish that an entry ends.
fn settles(stored: &StoredEntry) -> Option<Key> {
    let header: Option<ReadHeader> = serde_json::from_str(&stored.headers).ok();
    header.filter(|_| stored.entry.kind == EntryKind::Read)?.settles
}

fn subject_of(record: &Record, subjects: &mut BTreeMap<CustomerId, Subject>) -> Subject {
    match subjects.remove(&record.id) {
        Some(subject) => Subject { record: record.clone(), ..subject },
        None => Subject::new(record.clone()),
    }
}

/// What is known of one target through two rows whose customers turned out to be one.
///
/// The person that is known by id is kept; where both are, the one that `ours` knows, and what the other held is
/// forgotten there: sweeps list it.
fn join_syncs(mut ours: Sync, theirs: Sync, now: Timestamp) -> Sync {
    for (holder, person) in theirs.observed.people {
        let joined = match ours.observed.people.remove(&holder) {
            Some(known) => join_people(known, person),
            None => person,
        };
        ours.observed.people.insert(holder, joined);
    }
    ours.retry(now);
    ours
}

fn join_people(ours: Person, theirs: Person) -> Person {
    let same = ours.membership.id().is_none()
        || theirs.membership.id().is_none()
        || ours.membership.id() == theirs.membership.id();
    if !same {
        return ours;
    }
    let certain = |membership: &Membership| match membership {
        Membership::Member { .. } => 4,
        Membership::Moved { .. } => 3,
        Membership::Unknown { .. } => 2,
        Membership::Gone { .. } | Membership::NotMember { .. } => 1,
        Membership::Unseen => 0,
    };
    let membership = if certain(&theirs.membership) > certain(&ours.membership) {
        theirs.membership
    } else {
        ours.membership
    };
    let mut items = theirs.items;
    items.extend(ours.items.into_iter().filter(|(_, holding)| !matches!(holding, Holding::Absent { .. })));
    let invited_at = ours.invited_at.or(theirs.invited_at);
    let mut taken = theirs.taken;
    taken.extend(ours.taken);
    let mut told = theirs.told;
    told.extend(ours.told);
    let hinted_at = ours.hinted_at.max(theirs.hinted_at);
    let not_met = ours.not_met.or(theirs.not_met);
    Person { membership, invited_at, items, doubts: ours.doubts, taken, told, hinted_at, not_met }
}

/// What a target was seen to hold for the customer themselves.
pub fn person_of(syncs: &BTreeMap<Target, Sync>, target: Target) -> Option<&Person> {
    let Observed { people } = &syncs.get(&target)?.observed;
    people.get(&Holder::Customer)
}
