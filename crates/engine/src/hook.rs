//! What targets say by themselves: verified, made durable, acknowledged, and taken in as observations.
//!
//! Kit signs its deliveries; each of the 1–100 events in one is an entry of its own in the journal, known by its own
//! id. Circle's workflows sign nothing: whoever knows the secret may ask for a look, and no more.

use crate::apply::Decoded;
use crate::bell::Loop;
use crate::engine::Engine;
use crate::ingest::why_busy;
use crate::ports::Ports;
use crate::subject::{Cause, Subject};
use frontdesk_core::hint::{Hint, Took, holder_of, take};
use frontdesk_core::id::SourceId;
use frontdesk_core::target::Target;
use frontdesk_providers::circle::hook as circle;
use frontdesk_providers::kit::hook as kit;
use frontdesk_providers::signature::VerifyError;
use frontdesk_store::{Commit, EntryKind, EntryState, Error, Expect, Inserted, NewEntry, StoredEntry, Write};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

pub use frontdesk_providers::circle::hook::HEADER as CIRCLE_SECRET;
pub use frontdesk_providers::kit::hook::HEADER as KIT_SIGNATURE;

/// The key of the alert that asks a person to make Kit's webhook endpoint.
pub(crate) const KIT_ENDPOINT_ALERT: &str = "kit_endpoint";
/// Within this many seconds the same unsigned call counts once: it names no event.
const SAME_CALL_SECONDS: i64 = 60;
/// What an entry of a type says that nothing follows from.
const NOT_HANDLED: &str = "a type that is not handled";
/// What an entry says about whom nobody here is.
const UNKNOWN_PERSON: &str = "about nobody whom a record knows there";

/// What the sender of a delivery is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Every event of it is durable: 200.
    Stored(Taken),
    /// It is not believed: 401. Nothing was stored.
    Refused(VerifyError),
    /// It is authentic and no delivery: 400. A copy is kept.
    NoDelivery(String),
    /// It could not be made durable now: 503, come back.
    Busy {
        /// Why, in our words.
        why: &'static str,
    },
    /// No secret is configured, so nothing listens here: 404.
    NobodyListens,
}

/// How many events of a delivery stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// New, to be taken in.
    pub new: usize,
    /// Known; the delivery was counted.
    pub known: usize,
    /// Kept, and nothing follows: of a type that is not handled, or a test.
    pub no_effect: usize,
    /// Kept, and nothing follows until it can be read.
    pub quarantined: usize,
}

/// How one event goes into the journal.
struct Arrival {
    key: String,
    kind: String,
    object: Option<String>,
    at: Option<Timestamp>,
    state: EntryState,
    reason: Option<String>,
}

impl<P: Ports> Engine<P> {
    /// Whether a secret is configured by which the target's own messages are believed.
    pub fn listens(&self, target: Target) -> bool {
        self.settings().targets.get(&target).is_some_and(|target| !target.hook_secrets.is_empty())
    }

    /// Takes one delivery of Kit's. `signature` is the value of the `X-Kit-Signature` header, `body` the raw bytes.
    pub async fn hear_kit(&self, signature: Option<&[u8]>, body: &[u8]) -> Heard {
        let settings = self.settings();
        let secrets = settings.targets.get(&Target::Kit).map(|target| &target.hook_secrets);
        let Some(secrets) = secrets.filter(|secrets| !secrets.is_empty()) else {
            return Heard::NobodyListens;
        };
        let Ok(_permit) = self.ingest_permits().try_acquire() else { return too_many() };
        let verified = match kit::verify(signature, body, secrets, self.ports().now_wall()) {
            Ok(verified) => verified,
            Err(refusal) => return refused(Target::Kit, refusal, body),
        };
        let verified_by = secrets[verified.signed_by()].id().to_owned();
        let (headers, arrivals) = match kit::batch(&verified) {
            Ok(delivery) => {
                let headers =
                    serde_json::json!({ "x-kit-delivery": delivery.id, "batch_sha256": sha256(body) });
                let arrivals = delivery.events.iter().map(|event| (kit_arrival(event), event.as_bytes()));
                (headers, arrivals.collect())
            }
            Err(problem) => {
                let kept = vec![(no_delivery(body, &problem.to_string()), body)];
                let heard = self.keep(Target::Kit, &verified_by, "{}", kept).await;
                return if matches!(heard, Heard::Busy { .. }) {
                    heard
                } else {
                    Heard::NoDelivery(problem.to_string())
                };
            }
        };
        self.keep(Target::Kit, &verified_by, &headers.to_string(), arrivals).await
    }

    /// Takes one call of a workflow of Circle's. `secret` is what came with it, in its path or its header.
    pub async fn hear_circle(&self, secret: Option<&[u8]>, body: &[u8]) -> Heard {
        let settings = self.settings();
        let secrets = settings.targets.get(&Target::Circle).map(|target| &target.hook_secrets);
        let Some(secrets) = secrets.filter(|secrets| !secrets.is_empty()) else {
            return Heard::NobodyListens;
        };
        let Ok(_permit) = self.ingest_permits().try_acquire() else { return too_many() };
        let Some(secret) = secret else { return refused(Target::Circle, VerifyError::Missing, body) };
        // All are compared, so that the time says nothing of which one is near.
        let fitting =
            secrets.iter().fold(None, |fits, ours| if ours.matches(secret) { Some(ours) } else { fits });
        let Some(ours) = fitting else { return refused(Target::Circle, VerifyError::Mismatch, body) };
        let now = self.ports().now_wall();
        let minute = now.as_second().div_euclid(SAME_CALL_SECONDS);
        let key = format!("sha256:{}:{minute}", sha256(body));
        let arrival = |kind: String, object: Option<u64>, state, reason: Option<&str>| Arrival {
            key: key.clone(),
            kind,
            object: object.map(|id| id.to_string()),
            at: None,
            state,
            reason: reason.map(str::to_owned),
        };
        let kept = match circle::call(body) {
            Ok(circle::Call::Hint(hint)) => {
                arrival("workflow.group".to_owned(), Some(hint.person), EntryState::Pending, None)
            }
            // A test asks whether anybody listens, and is nothing to keep.
            Ok(circle::Call::Test) => return Heard::Stored(Taken { no_effect: 1, ..Taken::default() }),
            Ok(circle::Call::Other(kind)) => arrival(kind, None, EntryState::NoEffect, Some(NOT_HANDLED)),
            Err(problem) => {
                let kept = vec![(no_delivery(body, &problem.to_string()), body)];
                let heard = self.keep(Target::Circle, ours.id(), "{}", kept).await;
                return if matches!(heard, Heard::Busy { .. }) {
                    heard
                } else {
                    Heard::NoDelivery(problem.to_string())
                };
            }
        };
        self.keep(Target::Circle, ours.id(), "{}", vec![(kept, body)]).await
    }

    /// Makes every event of a delivery durable, all or none.
    async fn keep(
        &self,
        target: Target,
        verified_by: &str,
        headers: &str,
        arrivals: Vec<(Arrival, &[u8])>,
    ) -> Heard {
        let now = self.ports().now_wall();
        let states: Vec<_> = arrivals
            .iter()
            .map(|(arrival, _)| (arrival.state, arrival.kind.clone(), arrival.reason.clone()))
            .collect();
        let writes = arrivals.into_iter().map(|(arrival, bytes)| {
            Write::Journal(NewEntry {
                id: self.new_entry_id(),
                source: SourceId::new(target.as_str()),
                event_key: arrival.key,
                kind: EntryKind::Event,
                event_type: arrival.kind,
                object_id: arrival.object,
                object_created_at: arrival.at,
                livemode: None,
                api_version: None,
                received_at: now,
                verified_by: Some(verified_by.to_owned()),
                headers: headers.to_owned(),
                body: bytes.to_vec(),
                state: arrival.state,
                reason: arrival.reason,
            })
        });
        let commit = Commit { expect: Vec::new(), writes: writes.collect() };
        let inserted = match self.store().commit(commit).await {
            Ok(committed) => committed.entries,
            Err(error) => {
                tracing::error!(target.id = %target, "webhook not stored, the sender is asked to come back: {error}");
                return Heard::Busy { why: why_busy(&error) };
            }
        };
        let mut taken = Taken::default();
        for (inserted, (state, kind, reason)) in inserted.iter().zip(states) {
            match (inserted, state) {
                (Inserted::Duplicate { .. }, _) => taken.known += 1,
                (Inserted::Contradiction { id, .. }, _) => {
                    taken.quarantined += 1;
                    let why =
                        "one event id came with two different events; the first counts, the other is kept";
                    self.tell("conflict", id.as_str(), why).await;
                }
                (Inserted::New { .. }, EntryState::Pending) => taken.new += 1,
                (Inserted::New { .. }, EntryState::Quarantined) => {
                    taken.quarantined += 1;
                    self.tell("quarantined", &kind, reason.as_deref().unwrap_or("it cannot be read")).await;
                }
                (Inserted::New { .. }, _) => taken.no_effect += 1,
            }
        }
        tracing::info!(
            target.id = %target,
            new = taken.new,
            known = taken.known,
            no_effect = taken.no_effect,
            quarantined = taken.quarantined,
            "a target's own message was stored"
        );
        if taken.new > 0 {
            self.bell().ring(Loop::Apply);
        }
        Heard::Stored(taken)
    }

    /// Takes in what an entry of a target says: rows that it concerns see it, or are owed a look. A conflict where a
    /// record changed meanwhile.
    pub(crate) async fn try_observe(&self, stored: &StoredEntry, hint: &Hint) -> Result<(), Error> {
        let target = hint.target;
        let now = self.ports().now_wall();
        let person = BTreeSet::from([(target, hint.person)]);
        let mut commit = Commit {
            expect: vec![Expect::JournalState { id: stored.entry.id.clone(), state: stored.entry.state }],
            writes: Vec::new(),
        };
        let (mut why, mut seen_by) = (UNKNOWN_PERSON, None);
        let mut ring = BTreeSet::new();
        for customer in self.store().records_sharing(&person, &BTreeSet::new()).await? {
            let Some(mut subject) = Subject::load(self.store(), &customer).await? else { continue };
            let others = subject.others(self.store()).await?;
            let desired = subject.decide(self, &others, now).desired.remove(&target);
            let Some(row) = subject.syncs.get_mut(&target) else { continue };
            let Some(holder) = holder_of(row, hint.person).cloned() else { continue };
            let wishes = desired.as_ref().and_then(|desired| desired.holders.get(&holder));
            if let Took::Nothing(reason) = take(row, &holder, wishes, hint, now) {
                why = reason;
                continue;
            }
            seen_by.get_or_insert(customer);
            let cause = Cause { action: "event", by: stored.entry.id.to_string() };
            let plan = subject.plan(self, &others, None, &cause, now);
            commit.expect.extend(plan.commit.expect);
            commit.writes.extend(plan.commit.writes);
            ring.extend(plan.ring);
        }
        let is_seen = seen_by.is_some();
        commit.writes.push(Write::JournalEnd {
            id: stored.entry.id.clone(),
            state: if is_seen { EntryState::Effect } else { EntryState::NoEffect },
            reason: (!is_seen).then(|| why.to_owned()),
            customer: seen_by.clone(),
            applied_at: now,
        });
        self.store().commit(commit).await?;
        if let Some(customer) = seen_by {
            self.announce(&customer);
            ring.insert(Loop::of(target));
        }
        self.bell().ring_each(ring);
        Ok(())
    }
}

/// The target whose message an entry is; `None`: it is a source's.
pub(crate) fn of_target(stored: &StoredEntry) -> Option<Target> {
    if stored.entry.kind == EntryKind::Event { Target::parse(stored.entry.source.as_str()) } else { None }
}

/// What an entry of a target says.
pub(crate) fn read(stored: &StoredEntry, target: Target) -> Decoded {
    match target {
        Target::Kit => match kit::Event::parse(&stored.body).map(|event| event.reading()) {
            Ok(kit::Reading::Hint(hint)) => Decoded::Hint(hint),
            Ok(kit::Reading::NotHandled) => Decoded::Nothing(NOT_HANDLED.to_owned()),
            Ok(kit::Reading::Unreadable(part)) => Decoded::Unreadable(missing(part)),
            Err(why) => Decoded::Unreadable(why),
        },
        Target::Circle => match circle::call(&stored.body) {
            Ok(circle::Call::Hint(hint)) => Decoded::Hint(hint),
            Ok(circle::Call::Test | circle::Call::Other(_)) => Decoded::Nothing(NOT_HANDLED.to_owned()),
            Err(problem) => Decoded::Unreadable(problem.to_string()),
        },
    }
}

fn missing(part: &str) -> String {
    format!("`{part}` is missing or is none")
}

fn kit_arrival(text: &str) -> Arrival {
    let event = match kit::Event::parse(text.as_bytes()) {
        Ok(event) => event,
        Err(why) => return no_delivery(text.as_bytes(), &why),
    };
    let (state, reason) = match event.reading() {
        kit::Reading::Hint(_) => (EntryState::Pending, None),
        kit::Reading::NotHandled => (EntryState::NoEffect, Some(NOT_HANDLED.to_owned())),
        kit::Reading::Unreadable(part) => (EntryState::Quarantined, Some(missing(part))),
    };
    let object = event.subscriber().map(|id| id.to_string());
    Arrival { key: event.id, kind: event.kind, object, at: Some(event.created), state, reason }
}

/// What is kept of authentic bytes that are no event.
fn no_delivery(bytes: &[u8], why: &str) -> Arrival {
    Arrival {
        key: format!("sha256:{}", sha256(bytes)),
        kind: "unknown".to_owned(),
        object: None,
        at: None,
        state: EntryState::Quarantined,
        reason: Some(why.to_owned()),
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

const fn too_many() -> Heard {
    Heard::Busy { why: "more deliveries are under way than are taken at once" }
}

fn refused(target: Target, refusal: VerifyError, body: &[u8]) -> Heard {
    tracing::warn!(target.id = %target, reason = refusal.reason(), body_bytes = body.len(), "webhook refused: {refusal}");
    Heard::Refused(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_cannot_be_named_is_kept_by_its_bytes() {
        let kept = kit_arrival("{}");
        assert_eq!((kept.state, kept.kind.as_str()), (EntryState::Quarantined, "unknown"));
        assert!(kept.key.starts_with("sha256:"));
    }
}
