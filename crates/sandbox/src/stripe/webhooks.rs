//! The webhook sender as data: endpoints, deliveries, signatures and the retry schedule.
//!
//! Nothing is sent here. The server (or the simulator) asks for what is due, posts it, and reports how it
//! went.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::post::{Attempt, Delivery, Fate, Manner, Signing, mac};

use super::event::{Event, pretty};
use super::version::ApiVersion;

/// A webhook endpoint of the account.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    /// The secret before the last roll and until when Stripe still signs with it.
    pub(crate) old_secret: Option<(String, Timestamp)>,
    /// Whether the older signature stands first in the header.
    pub(crate) old_first: bool,
    /// Fixed at creation; absent means the account's default.
    pub(crate) version: Option<ApiVersion>,
    pub(crate) enabled_events: Vec<String>,
    pub(crate) is_enabled: bool,
    pub(crate) description: Option<String>,
    pub(crate) livemode: bool,
    pub(crate) created: i64,
}

impl Endpoint {
    /// As the API shows it; `secret` only in the answer to its creation.
    pub(crate) fn render(&self, with_secret: bool) -> Value {
        let mut shown = json!({
            "id": self.id, "object": "webhook_endpoint", "api_version": self.version.map(ApiVersion::name),
            "application": null, "created": self.created, "description": self.description,
            "enabled_events": self.enabled_events, "livemode": self.livemode, "metadata": {},
            "status": if self.is_enabled { "enabled" } else { "disabled" }, "url": self.url,
        });
        if with_secret {
            shown["secret"] = json!(self.secret);
        }
        shown
    }

    fn wants(&self, event: &Event) -> bool {
        self.is_enabled
            && self.livemode == event.livemode
            && self.enabled_events.iter().any(|kind| kind == "*" || *kind == event.kind)
    }
}

#[derive(Clone, Debug)]
enum Body {
    /// The event, written anew at each attempt because `pending_webhooks` counts down.
    Event,
    /// These bytes.
    Raw(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Planned {
    event: String,
    kind: String,
    endpoint: String,
    url: String,
    body: Body,
    signing: Signing,
    attempts: Vec<Attempt>,
    fate: Fate,
    due_at: Timestamp,
}

/// Waits between attempts in live mode. They grow to half a day and end after three days.
///
/// Source: Stripe docs, "Receive Stripe events in your webhook endpoint": exponential back-off for up to
/// three days; the single waits are not published, these are ours.
const LIVE_WAITS_MINUTES: [i64; 9] = [5, 30, 120, 300, 600, 720, 720, 720, 720];
/// Waits between attempts in a sandbox or test mode: three retries over a few hours, as documented there.
const TEST_WAITS_MINUTES: [i64; 3] = [10, 60, 180];
/// The gap that keeps deliveries in reverse order apart, even when several are sent in parallel.
const REVERSED_GAP: SignedDuration = SignedDuration::from_millis(100);

/// The endpoints and everything sent or to be sent to them.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    planned: BTreeMap<u64, Planned>,
    /// When each delivery that waits is due.
    waiting: BTreeSet<(Timestamp, u64)>,
    /// The deliveries of each event.
    by_event: BTreeMap<String, Vec<u64>>,
    count: u64,
}

impl Sender {
    /// Plans the delivery of an action's events, oldest first, to every endpoint that wants them.
    pub(crate) fn ship(&mut self, events: &[&Event], manner: &Manner, now: Timestamp) {
        let wanted: Vec<(&Event, Endpoint)> = events
            .iter()
            .flat_map(|event| {
                self.endpoints
                    .values()
                    .filter(|endpoint| endpoint.wants(event))
                    .map(|it| (*event, it.clone()))
            })
            .collect();
        let order: Vec<_> = match manner {
            Manner::Reversed => wanted.into_iter().rev().collect(),
            _ => wanted,
        };
        let mut gap = SignedDuration::ZERO;
        for (event, endpoint) in order {
            for _ in 0..manner.copies() {
                let due_at = match manner {
                    Manner::Late(late) => now + *late,
                    Manner::Reversed => now + gap,
                    _ => now,
                };
                let fate = if *manner == Manner::Lost { Fate::Lost } else { Fate::Waiting };
                self.plan(&endpoint, &event.id, &event.kind, (Body::Event, Signing::Good), due_at, fate);
            }
            gap += REVERSED_GAP;
        }
    }

    /// Plans one delivery of an event to every enabled endpoint of its mode, whatever came before.
    pub(crate) fn redeliver(&mut self, event: &Event, signing: Signing, now: Timestamp) {
        for endpoint in self.endpoints.clone().values().filter(|endpoint| endpoint.wants(event)) {
            self.plan(endpoint, &event.id, &event.kind, (Body::Event, signing), now, Fate::Waiting);
        }
    }

    /// Plans the delivery of any bytes to every enabled endpoint.
    pub(crate) fn ship_raw(&mut self, body: &[u8], signing: Signing, now: Timestamp) {
        for endpoint in self.endpoints.clone().values().filter(|endpoint| endpoint.is_enabled) {
            self.plan(endpoint, "", "", (Body::Raw(body.to_vec()), signing), now, Fate::Waiting);
        }
    }

    fn plan(
        &mut self,
        to: &Endpoint,
        event: &str,
        kind: &str,
        what: (Body, Signing),
        due_at: Timestamp,
        fate: Fate,
    ) {
        self.count += 1;
        let planned = Planned {
            event: event.to_owned(),
            kind: kind.to_owned(),
            endpoint: to.id.clone(),
            url: to.url.clone(),
            body: what.0,
            signing: what.1,
            attempts: Vec::new(),
            fate,
            due_at,
        };
        if fate == Fate::Waiting {
            self.waiting.insert((due_at, self.count));
        }
        self.by_event.entry(event.to_owned()).or_default().push(self.count);
        self.planned.insert(self.count, planned);
    }

    /// Takes what is due, signed with `now`; each must be reported with [`Sender::delivered`].
    pub(crate) fn due(&mut self, events: &BTreeMap<String, Event>, now: Timestamp) -> Vec<Delivery> {
        let later = self.waiting.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.waiting, later);
        let mut out = Vec::with_capacity(due.len());
        for (_, id) in due {
            let planned = &self.planned[&id];
            let endpoint =
                self.endpoints.get(&planned.endpoint).filter(|endpoint| endpoint.is_enabled).cloned();
            let Some(endpoint) = endpoint else {
                self.row(id).fate = Fate::Withdrawn;
                continue;
            };
            let body = match &planned.body {
                Body::Raw(bytes) => bytes.clone(),
                Body::Event => {
                    let event = &events[&planned.event];
                    let version = endpoint.version.unwrap_or(event.version);
                    pretty(&event.render(version, self.pending(&event.id)))
                }
            };
            let mut headers = vec![
                ("content-type".to_owned(), "application/json; charset=utf-8".to_owned()),
                ("user-agent".to_owned(), "Stripe/1.0 (+https://stripe.com/docs/webhooks)".to_owned()),
                ("accept".to_owned(), "*/*; q=0.5, application/xml".to_owned()),
            ];
            if let Some(signature) = endpoint.sign(&body, planned.signing, now) {
                headers.push(("stripe-signature".to_owned(), signature));
            }
            out.push(Delivery {
                id,
                event: planned.event.clone(),
                method: "POST",
                url: endpoint.url.clone(),
                headers,
                body,
            });
        }
        out
    }

    /// Records how an attempt went: the status, or why there was none. Anything but 2xx is tried again.
    pub(crate) fn delivered(&mut self, id: u64, outcome: Result<u16, String>, now: Timestamp) {
        let livemode = self
            .planned
            .get(&id)
            .and_then(|planned| self.endpoints.get(&planned.endpoint))
            .is_some_and(|endpoint| endpoint.livemode);
        let Some(planned) = self.planned.get_mut(&id) else { return };
        let is_success = outcome.as_ref().is_ok_and(|status| (200..300).contains(status));
        planned.attempts.push(Attempt { at: now, outcome });
        if is_success {
            planned.fate = Fate::Delivered;
            return;
        }
        let waits: &[i64] = if livemode { &LIVE_WAITS_MINUTES } else { &TEST_WAITS_MINUTES };
        match waits.get(planned.attempts.len() - 1) {
            Some(minutes) => {
                planned.due_at = now + SignedDuration::from_mins(*minutes);
                self.waiting.insert((planned.due_at, id));
            }
            None => planned.fate = Fate::Failed,
        }
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due_at, _)| *due_at)
    }

    /// How many endpoints have not acknowledged the event.
    pub(crate) fn pending(&self, event: &str) -> usize {
        let mut endpoints: BTreeMap<&str, bool> = BTreeMap::new();
        for planned in self.by_event.get(event).into_iter().flatten().map(|id| &self.planned[id]) {
            let is_done = planned.fate == Fate::Delivered;
            *endpoints.entry(&planned.endpoint).or_default() |= is_done;
        }
        endpoints.values().filter(|is_done| !**is_done).count()
    }

    /// Every delivery ever planned, for a person or a test to look at.
    pub(crate) fn state(&self) -> Value {
        let rows = self.planned.iter().map(|(id, it)| {
            let attempts: Vec<Value> = it.attempts.iter().map(Attempt::json).collect();
            json!({
                "id": id, "event": it.event, "type": it.kind, "endpoint": it.endpoint, "url": it.url,
                "attempts": attempts,
                "fate": it.fate.word(),
                "due_at": if it.fate == Fate::Waiting { json!(it.due_at.to_string()) } else { Value::Null },
            })
        });
        Value::Array(rows.collect())
    }

    fn row(&mut self, id: u64) -> &mut Planned {
        self.planned.get_mut(&id).expect("a delivery is never removed")
    }
}

impl Endpoint {
    /// The value of `Stripe-Signature`: one `v1` per active secret, and a `v0` that verifiers must ignore.
    ///
    /// Source: Stripe docs, "Verify webhook signatures manually": HMAC-SHA256 with the secret as it stands,
    /// prefix included, over `t`, a full stop and the body.
    fn sign(&self, body: &[u8], signing: Signing, now: Timestamp) -> Option<String> {
        let at = signing.second(now)?;
        let secret = if signing == Signing::Wrong { "whsec_of_somebody_else" } else { self.secret.as_str() };
        let mut marks = vec![format!("v1={}", mac(secret, at, body))];
        let old = self.old_secret.as_ref().filter(|(_, until)| now < *until);
        if let Some((old, _)) = old.filter(|_| signing != Signing::Wrong) {
            let place = usize::from(!self.old_first);
            marks.insert(place, format!("v1={}", mac(old, at, body)));
        }
        marks.push(format!("v0={}", mac("v0", at, body)));
        Some(format!("t={at},{}", marks.join(",")))
    }
}
