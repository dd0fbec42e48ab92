//! Kit's signed webhooks as data: endpoints, events, batches, signatures and the retry schedule.
//!
//! Source: Kit developer documentation on webhook endpoints, delivery format, signatures, retries and event types
//! (autumn 2026); the signed message and the key from Kit's Ruby library.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::post::{Delivery, Manner, Outbox, Parcel, Signing, mac};

use super::account::iso;

/// Event types that can be subscribed to.
///
/// Source: Kit developer documentation, *Event types*, as catalogued in September 2026.
pub(super) const KINDS: &[&str] = &[
    "subscriber.created",
    "subscriber.activated",
    "subscriber.unsubscribed",
    "subscriber.bounced",
    "subscriber.complained",
    "subscriber.subscribed_to_form",
    "subscriber.added_to_sequence",
    "subscriber.sequence_completed",
    "subscriber.tag_added",
    "subscriber.tag_removed",
    "subscriber.custom_field_value_updated",
    "tag.created",
    "tag.deleted",
    "custom_field.created",
    "custom_field.deleted",
];

/// Most events of one delivery. Source: Kit developer documentation, *Delivery format*.
const BATCH_MAX: usize = 100;
/// Waits before each further attempt: eight attempts over about 41 hours.
///
/// Source: Kit developer documentation, *Retries*.
const WAITS: [SignedDuration; 7] = [
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(15),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(4),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(24),
];
/// How long a rotated secret signs beside the new one. Not documented; ours.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// Kit's deliveries are numbered from here.
pub(crate) const FIRST_DELIVERY: u64 = 1_000_000_000;

/// A webhook endpoint of the account.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) url: String,
    pub(super) secret: String,
    /// The secret before the last rotation, and until when it signs too.
    pub(super) previous: Option<(String, Timestamp)>,
    pub(super) events: BTreeSet<String>,
    pub(super) is_active: bool,
    pub(super) by_app: bool,
    pub(super) created_at: Timestamp,
}

impl Endpoint {
    /// As the API shows it; `secret` only in the answers that made one.
    pub(super) fn json(&self, with_secret: bool) -> Value {
        let mut shown = json!({
            "id": self.id, "name": self.name, "url": self.url, "events": self.events, "source": "api",
            "status": if self.is_active { "active" } else { "disabled" }, "description": null,
            "created_by_app": self.by_app, "created_at": iso(self.created_at),
            "previous_secret_expires_at": self.previous.as_ref().map(|(_, until)| iso(*until)),
        });
        if with_secret {
            shown["secret"] = json!(self.secret);
        }
        shown
    }

    /// The value of `X-Kit-Signature`: one `v1` per secret that is valid.
    fn sign(&self, body: &[u8], signing: Signing, now: Timestamp) -> Option<String> {
        let at = signing.second(now)?;
        if signing == Signing::Wrong {
            return Some(format!("t={at},v1={}", mac("whsec_of_somebody_else", at, body)));
        }
        let mut marks = vec![format!("v1={}", mac(&self.secret, at, body))];
        if let Some((previous, _)) = self.previous.as_ref().filter(|(_, until)| now < *until) {
            marks.push(format!("v1={}", mac(previous, at, body)));
        }
        Some(format!("t={at},{}", marks.join(",")))
    }
}

/// An event that waits to be packed for one endpoint.
#[derive(Clone, Debug)]
struct Queued {
    endpoint: u64,
    kind: String,
    id: String,
    shown: Value,
    due_at: Timestamp,
    is_lost: bool,
}

/// Events that travel together.
struct Batch {
    endpoint: u64,
    kind: String,
    is_lost: bool,
    events: Vec<(String, Value)>,
}

/// The endpoints, what happened since the first one, and everything sent or to be sent.
#[derive(Debug)]
pub(super) struct Sender {
    seed: u64,
    pub(super) endpoints: BTreeMap<u64, Endpoint>,
    events: BTreeMap<String, Value>,
    queue: Vec<Queued>,
    outbox: Outbox,
    last_endpoint: u64,
    drawn: u64,
}

impl Sender {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            endpoints: BTreeMap::new(),
            events: BTreeMap::new(),
            queue: Vec::new(),
            outbox: Outbox::new(FIRST_DELIVERY, &WAITS),
            last_endpoint: 0,
            drawn: 0,
        }
    }

    /// Adds an endpoint; without a `secret` one is drawn.
    pub(super) fn add(
        &mut self,
        url: &str,
        name: Option<&str>,
        events: BTreeSet<String>,
        secret: Option<String>,
        by_app: bool,
        now: Timestamp,
    ) -> &Endpoint {
        self.last_endpoint += 1;
        let id = self.last_endpoint;
        let secret = secret.unwrap_or_else(|| self.new_secret());
        let (url, name) = (url.to_owned(), name.map(str::to_owned));
        let endpoint = Endpoint {
            id,
            name,
            url,
            secret,
            previous: None,
            events,
            is_active: true,
            by_app,
            created_at: now,
        };
        self.endpoints.entry(id).or_insert(endpoint)
    }

    /// Gives an endpoint a new secret; the one before signs beside it for a while.
    pub(super) fn rotate(&mut self, id: u64, now: Timestamp) -> Option<&Endpoint> {
        let secret = self.new_secret();
        let endpoint = self.endpoints.get_mut(&id)?;
        let previous = std::mem::replace(&mut endpoint.secret, secret);
        endpoint.previous = Some((previous, now + OVERLAP));
        Some(endpoint)
    }

    /// Notes that something happened, and queues it for every endpoint that wants it. Before the first endpoint
    /// nothing is noted.
    pub(super) fn emit(&mut self, kind: &str, data: &Value, manner: &Manner, now: Timestamp) {
        if self.endpoints.is_empty() {
            return;
        }
        let id = self.new_event_id();
        let shown = json!({ "id": id, "type": kind, "created": iso(now), "data": data });
        self.events.insert(id.clone(), shown.clone());
        self.queue_event(&id, kind, &shown, manner, now);
    }

    /// Emits any event; `id` and `created` may be given, a known id makes another event under it.
    pub(super) fn emit_raw(
        &mut self,
        event: &Value,
        signing: Signing,
        now: Timestamp,
    ) -> Result<String, String> {
        let kind = event["type"].as_str().ok_or("`type` is missing")?.to_owned();
        let id = event["id"].as_str().map_or_else(|| self.new_event_id(), str::to_owned);
        let created = event["created"].as_str().map_or_else(|| iso(now), str::to_owned);
        let shown = json!({ "id": id, "type": kind, "created": created, "data": event["data"] });
        self.events.entry(id.clone()).or_insert_with(|| shown.clone());
        if signing == Signing::Good {
            self.queue_event(&id, &kind, &shown, &Manner::Normal, now);
            return Ok(id);
        }
        for endpoint in self.endpoints.values().filter(|it| it.is_active).map(|it| it.id).collect::<Vec<_>>()
        {
            self.pack(endpoint, &kind, &[(id.clone(), shown.clone())], now, false, signing);
        }
        Ok(id)
    }

    /// Sends a known event once more, in a delivery of its own.
    pub(super) fn redeliver(&mut self, id: &str, now: Timestamp) -> Result<(), String> {
        let shown = self.events.get(id).cloned().ok_or_else(|| format!("there is no event `{id}`"))?;
        let kind = shown["type"].as_str().unwrap_or_default().to_owned();
        self.queue_event(id, &kind, &shown, &Manner::Normal, now);
        Ok(())
    }

    fn queue_event(&mut self, id: &str, kind: &str, shown: &Value, manner: &Manner, now: Timestamp) {
        // A test of the endpoint goes to it whatever it asked for.
        let wants = |it: &&Endpoint| it.is_active && (it.events.contains(kind) || !KINDS.contains(&kind));
        for endpoint in self.endpoints.values().filter(wants) {
            for _ in 0..manner.copies() {
                self.queue.push(Queued {
                    endpoint: endpoint.id,
                    kind: kind.to_owned(),
                    id: id.to_owned(),
                    shown: shown.clone(),
                    due_at: if let Manner::Late(late) = manner { now + *late } else { now },
                    is_lost: *manner == Manner::Lost,
                });
            }
            if *manner == Manner::Reversed {
                self.queue.rotate_right(1);
            }
        }
    }

    /// Packs what waits: events of one type for one endpoint travel together, a copy of one in a delivery of its own.
    fn pack_due(&mut self, now: Timestamp) {
        let (due, later): (Vec<Queued>, Vec<Queued>) = self.queue.drain(..).partition(|it| it.due_at <= now);
        self.queue = later;
        let mut batches: Vec<Batch> = Vec::new();
        for it in due {
            let fits = |batch: &&mut Batch| {
                batch.endpoint == it.endpoint
                    && batch.kind == it.kind
                    && batch.is_lost == it.is_lost
                    && batch.events.len() < BATCH_MAX
                    && batch.events.iter().all(|(id, _)| *id != it.id)
            };
            let event = (it.id.clone(), it.shown.clone());
            match batches.iter_mut().find(fits) {
                Some(batch) => batch.events.push(event),
                None => batches.push(Batch {
                    endpoint: it.endpoint,
                    kind: it.kind,
                    is_lost: it.is_lost,
                    events: vec![event],
                }),
            }
        }
        for batch in batches {
            let Batch { endpoint, kind, is_lost, events } = batch;
            self.pack(endpoint, &kind, &events, now, is_lost, Signing::Good);
        }
    }

    fn pack(
        &mut self,
        endpoint: u64,
        kind: &str,
        events: &[(String, Value)],
        now: Timestamp,
        is_lost: bool,
        signing: Signing,
    ) {
        let shown: Vec<&Value> = events.iter().map(|(_, shown)| shown).collect();
        let body = json!({ "delivery_id": self.outbox.next_id(), "events": shown }).to_string().into_bytes();
        let events = events.iter().map(|(id, _)| id.clone()).collect();
        let parcel = Parcel { endpoint, kind: kind.to_owned(), events, method: "POST", body, signing };
        self.outbox.put(parcel, now, is_lost);
    }

    /// Takes what is due, signed with `now`.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Delivery> {
        self.pack_due(now);
        let mut out = Vec::new();
        for (id, parcel) in self.outbox.take(now) {
            let Some(endpoint) = self.endpoints.get(&parcel.endpoint).filter(|it| it.is_active) else {
                self.outbox.withdraw(id);
                continue;
            };
            let mut headers = vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("user-agent".to_owned(), "Kit-Webhooks/2.0".to_owned()),
                ("x-kit-delivery".to_owned(), id.to_string()),
            ];
            if let Some(signature) = endpoint.sign(&parcel.body, parcel.signing, now) {
                headers.push(("x-kit-signature".to_owned(), signature));
            }
            let event = parcel.events.first().cloned().unwrap_or_default();
            let (method, url, body) = (parcel.method, endpoint.url.clone(), parcel.body);
            out.push(Delivery { id, event, method, url, headers, body });
        }
        out
    }

    pub(super) fn delivered(
        &mut self,
        id: u64,
        outcome: Result<u16, String>,
        retry_after: Option<SignedDuration>,
        now: Timestamp,
    ) {
        self.outbox.delivered(id, outcome, retry_after, now);
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let queued = self.queue.iter().map(|it| it.due_at);
        queued.chain(self.outbox.next_due()).min()
    }

    pub(super) fn state(&self) -> Value {
        let endpoints: Vec<Value> = self.endpoints.values().map(|it| it.json(false)).collect();
        json!({ "endpoints": endpoints, "events": self.events.values().collect::<Vec<_>>(), "deliveries": self.outbox.state() })
    }

    /// A number that follows from the seed and how many were drawn before, and disturbs no other draw.
    fn drawn(&mut self) -> [u8; 32] {
        self.drawn += 1;
        Sha256::digest(format!("kit webhooks {} {}", self.seed, self.drawn)).into()
    }

    fn new_secret(&mut self) -> String {
        format!("whsec_{}", hex::encode(&self.drawn()[..24]))
    }

    fn new_event_id(&mut self) -> String {
        let text = hex::encode(&self.drawn()[..16]);
        format!("{}-{}-4{}-8{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..])
    }
}
