//! Webhooks: verified over the raw bytes, made durable under their unique key, then acknowledged.
//!
//! The order is the promise (DESIGN §2.1, RELIABILITY I1–I5): nothing is parsed before its signature is checked,
//! and nothing is acknowledged before it is durable.

use crate::bell::Loop;
use crate::engine::Engine;
use crate::ports::Ports;
use frontdesk_core::id::EntryId;
use frontdesk_providers::stripe::envelope::{Envelope, EnvelopeError, envelope};
use frontdesk_providers::stripe::learn::{Learning, learn};
use frontdesk_providers::stripe::verify::{self, RawHook, TOLERANCE, Verified, VerifyError};
use frontdesk_store::{EntryKind, EntryState, Error, Inserted, NewEntry};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Deliveries that may be under way at once; more are asked to come back (I27).
pub const IN_FLIGHT_MAX: usize = 1024;

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is durable: 200.
    Stored {
        /// Our id of it.
        entry: EntryId,
        /// How it stands.
        standing: Standing,
    },
    /// It is not believed: 401. Nothing was stored.
    Refused(VerifyError),
    /// It is authentic and is no event: 400. A copy is kept.
    NoEvent(EnvelopeError),
    /// It could not be made durable now: 503, come back.
    Busy {
        /// Why, in our words.
        why: &'static str,
    },
}

/// How a stored delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// New, to be applied.
    New,
    /// Known; the delivery was counted.
    Duplicate,
    /// Kept, and nothing follows from it until it can be read.
    Quarantined,
    /// Kept, and nothing follows from it, with the reason.
    NoEffect,
}

/// How an authentic event goes into the journal.
struct Arrival {
    state: EntryState,
    reason: Option<String>,
}

impl<P: Ports> Engine<P> {
    /// Takes one delivery at the source's path.
    ///
    /// `signature` is the value of the `Stripe-Signature` header, `body` the raw bytes.
    pub async fn ingest(&self, signature: Option<&[u8]>, body: &[u8]) -> Answer {
        let Ok(_permit) = self.ingest_permits().try_acquire() else {
            return Answer::Busy { why: "more deliveries are under way than are taken at once" };
        };
        let ports = self.ports();
        let settings = self.settings();
        let source = &settings.source;
        let now = ports.now_wall();
        let hook = RawHook { header: signature, body };
        let verified = match verify::verify(hook, &source.signing_secrets, TOLERANCE, now) {
            Ok(verified) => verified,
            Err(_) if ports.is_planted("skip_signature") => Verified::journaled(body),
            Err(refusal) => {
                tracing::warn!(source.id = %source.id, reason = refusal.reason(), body_bytes = body.len(), "webhook refused: {refusal}");
                return Answer::Refused(refusal);
            }
        };
        ports.crash_point("A3").await;
        let signed_by = verified.signed_by().and_then(|nth| source.signing_secrets.get(nth));
        let verified_by = signed_by.map(|secret| secret.id().to_owned());
        let (entry, no_event) = self.arrival(&verified, verified_by, signed_headers(signature), now);
        let id = entry.id.clone();
        let (state, event_type, reason) = (entry.state, entry.event_type.clone(), entry.reason.clone());
        ports.crash_point("A4").await;
        if ports.is_planted("ack_before_commit") {
            let (store, bell) = (self.store().clone(), self.bell().clone());
            ports.spawn("planted", async move {
                let _ = store.journal_insert(entry).await;
                bell.ring(Loop::Apply);
            });
            return Answer::Stored { entry: id, standing: Standing::New };
        }
        if ports.is_planted("dup_ack_without_write")
            && let Ok(Some(known)) = self.store().journal_by_key(&entry.source, &entry.event_key).await
        {
            return Answer::Stored { entry: known.id, standing: Standing::Duplicate };
        }
        let inserted = match self.store().journal_insert(entry).await {
            Ok(inserted) => inserted,
            Err(error) => {
                tracing::error!(source.id = %source.id, "webhook not stored, the sender is asked to come back: {error}");
                return Answer::Busy { why: why_busy(&error) };
            }
        };
        ports.crash_point("A6").await;
        if let Some(problem) = no_event {
            tracing::warn!(source.id = %source.id, reason = problem.reason(), "webhook is no event: {problem}");
            return Answer::NoEvent(problem);
        }
        match inserted {
            Inserted::New { seq } => {
                let standing = match state {
                    EntryState::Pending => Standing::New,
                    EntryState::NoEffect => Standing::NoEffect,
                    EntryState::Quarantined | EntryState::Effect | EntryState::Failed => {
                        Standing::Quarantined
                    }
                };
                tracing::info!(entry.id = %id, journal.seq = seq, state = state.as_str(), "event stored");
                if let (Standing::Quarantined, Some(why)) = (standing, reason) {
                    self.tell("quarantined", &event_type, &why).await;
                }
                self.bell().ring(Loop::Apply);
                Answer::Stored { entry: id, standing }
            }
            Inserted::Duplicate { id, deliveries } => {
                tracing::info!(entry.id = %id, deliveries, "event was known, delivery counted");
                Answer::Stored { entry: id, standing: Standing::Duplicate }
            }
            Inserted::Contradiction { id, deliveries } => {
                tracing::error!(entry.id = %id, deliveries, "an event id came with another event: kept in quarantine");
                let why = "one event id came with two different events; the first counts, the other is kept";
                self.tell("conflict", id.as_str(), why).await;
                Answer::Stored { entry: id, standing: Standing::Quarantined }
            }
        }
    }

    /// Opens an alert beside an event that is stored. That it cannot be opened takes nothing from the event.
    pub(crate) async fn tell(&self, kind: &str, subject: &str, why: &str) {
        if let Err(error) = self.alert(&format!("{kind}:{subject}"), kind, subject, why).await {
            tracing::error!("an alert could not be stored: {error}");
        }
    }

    /// The journal entry that authentic bytes come to, and why they are no event, if they are none.
    pub(crate) fn arrival(
        &self,
        verified: &Verified<'_>,
        verified_by: Option<String>,
        headers: String,
        now: Timestamp,
    ) -> (NewEntry, Option<EnvelopeError>) {
        let body = verified.body();
        let mut entry = NewEntry {
            id: self.new_entry_id(),
            source: self.settings().source.id.clone(),
            event_key: format!("sha256:{}", hex::encode(Sha256::digest(body))),
            kind: EntryKind::Event,
            event_type: "unknown".to_owned(),
            object_id: None,
            object_created_at: None,
            livemode: None,
            api_version: None,
            received_at: now,
            verified_by,
            headers,
            body: body.to_vec(),
            state: EntryState::Quarantined,
            reason: None,
        };
        match envelope(verified) {
            Ok(envelope) => {
                let arrival = self.judge(&envelope, verified);
                describe(&mut entry, envelope, arrival);
                (entry, None)
            }
            Err(problem) => {
                entry.reason = Some(problem.to_string());
                (entry, (problem.status().as_u16() != 200).then_some(problem))
            }
        }
    }

    /// Why an event with this envelope is not for this installation, if it is not: the first gate, which a replay
    /// passes as well (I5).
    pub(crate) fn foreign(&self, envelope: &Envelope) -> Option<String> {
        let settings = self.settings();
        let source = &settings.source;
        if envelope.livemode != source.livemode {
            let (theirs, ours) = (mode_word(envelope.livemode), mode_word(source.livemode));
            return Some(format!("the event is from {theirs} mode, this installation is for {ours} mode"));
        }
        match (&envelope.account, &source.account) {
            (Some(theirs), Some(ours)) if theirs != ours => {
                Some(format!("the event is from another account than `{ours}`"))
            }
            _ => None,
        }
    }

    /// How an authentic event with this envelope goes into the journal.
    fn judge(&self, envelope: &Envelope, verified: &Verified<'_>) -> Arrival {
        let settings = self.settings();
        let source = &settings.source;
        let no_effect = |reason: String| Arrival { state: EntryState::NoEffect, reason: Some(reason) };
        if let Some(why) = self.foreign(envelope) {
            return no_effect(why);
        }
        match learn(verified, &source.id) {
            Ok(Learning::Facts { .. }) => Arrival { state: EntryState::Pending, reason: None },
            Ok(Learning::NoEffect(reason)) => no_effect(reason.why().to_owned()),
            Ok(Learning::Unreadable(unreadable)) => {
                Arrival { state: EntryState::Quarantined, reason: Some(unreadable.to_string()) }
            }
            Err(problem) => Arrival { state: EntryState::Quarantined, reason: Some(problem.to_string()) },
        }
    }
}

fn describe(entry: &mut NewEntry, envelope: Envelope, arrival: Arrival) {
    entry.event_key = envelope.id;
    entry.event_type = envelope.event_type;
    entry.object_id = envelope.object_id;
    entry.object_created_at = Some(envelope.created_at);
    entry.livemode = Some(envelope.livemode);
    entry.api_version = envelope.api_version;
    entry.state = arrival.state;
    entry.reason = arrival.reason;
}

/// What is needed to check the signature again (I4).
fn signed_headers(signature: Option<&[u8]>) -> String {
    let text = signature.map(String::from_utf8_lossy).unwrap_or_default();
    serde_json::json!({ "stripe-signature": text }).to_string()
}

const fn mode_word(livemode: bool) -> &'static str {
    if livemode { "live" } else { "test" }
}

pub(crate) const fn why_busy(error: &Error) -> &'static str {
    match error {
        Error::Full => "the disk is full",
        _ => "the database cannot be written",
    }
}
