//! What the webhook senders share: how a delivery travels, how it is signed, and when it is tried again.
//!
//! Nothing is sent here. The server (or the simulator) asks for what is due, posts it, and reports how it went.

use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

/// One HTTP request to make: `method` with `headers` and `body` to `url`, following no redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Names the delivery when its outcome is reported. The providers number theirs apart.
    pub id: u64,
    /// The event it carries, or the first of several.
    pub event: String,
    /// `POST`, or `HEAD` where a provider looks whether anybody answers.
    pub method: &'static str,
    /// Where to post.
    pub url: String,
    /// The headers, the signature among them.
    pub headers: Vec<(String, String)>,
    /// The exact bytes that were signed.
    pub body: Vec<u8>,
}

/// How the events of one action travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// At once, in order.
    Normal,
    /// Never; reading is the only way to learn of them.
    Lost,
    /// The first attempt so much later.
    Late(SignedDuration),
    /// So many times each.
    Times(u32),
    /// In reverse order, a little apart.
    Reversed,
}

/// More copies of one event than any test needs.
const TIMES_MAX: u64 = 10_000;

impl Manner {
    /// Reads `"normal"`, `"lost"`, `"twice"`, `"reversed"`, `{"late": "60s"}` or `{"times": 50}`.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        let allowed = "deliver takes \"normal\", \"lost\", \"twice\", \"reversed\", {\"late\": \"60s\"} or {\"times\": 50}";
        match value {
            Value::String(word) => match word.as_str() {
                "normal" => Ok(Self::Normal),
                "lost" => Ok(Self::Lost),
                "twice" => Ok(Self::Times(2)),
                "reversed" => Ok(Self::Reversed),
                _ => Err(allowed.to_owned()),
            },
            Value::Object(fields) => {
                if let Some(late) = fields.get("late").and_then(Value::as_str) {
                    return Ok(Self::Late(crate::clock::duration(late)?));
                }
                match fields.get("times").and_then(Value::as_u64) {
                    Some(times) if (1..=TIMES_MAX).contains(&times) => {
                        Ok(Self::Times(u32::try_from(times).expect("at most the bound just checked")))
                    }
                    _ => Err(format!("{allowed}; times is 1 to {TIMES_MAX}")),
                }
            }
            _ => Err(allowed.to_owned()),
        }
    }

    /// How often each event is sent.
    pub(crate) fn copies(&self) -> u32 {
        if let Self::Times(times) = self { *times } else { 1 }
    }
}

/// How a body is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    Good,
    /// With a secret that nobody has.
    Wrong,
    /// Well signed with a time an hour ago.
    Old,
    /// Well signed with a time an hour ahead.
    Future,
    /// No header at all.
    Absent,
}

/// How far a signature that is meant to be refused for its time lies off.
const OFF_SECONDS: i64 = 3_600;

impl Signing {
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match word {
            "good" => Ok(Self::Good),
            "wrong" => Ok(Self::Wrong),
            "old" => Ok(Self::Old),
            "future" => Ok(Self::Future),
            "none" => Ok(Self::Absent),
            _ => Err("sign takes good, wrong, old, future or none".to_owned()),
        }
    }

    /// The second that a signature made at `now` names; `None`: it is left out.
    pub(crate) fn second(self, now: Timestamp) -> Option<i64> {
        match self {
            Self::Absent => None,
            Self::Old => Some(now.as_second() - OFF_SECONDS),
            Self::Future => Some(now.as_second() + OFF_SECONDS),
            Self::Good | Self::Wrong => Some(now.as_second()),
        }
    }
}

/// HMAC-SHA256 over the second, a full stop and the body, keyed with the secret as it stands, in hex.
pub(crate) fn mac(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Delivered,
    /// All attempts failed.
    Failed,
    /// Lost on purpose.
    Lost,
    /// Its endpoint was disabled or deleted when a retry came due.
    Withdrawn,
}

impl Fate {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One try, and what came of it: the status, or why there was none.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) at: Timestamp,
    pub(crate) outcome: Result<u16, String>,
}

impl Attempt {
    pub(crate) fn json(&self) -> Value {
        match &self.outcome {
            Ok(status) => json!({ "at": self.at.to_string(), "status": status, "error": null }),
            Err(error) => json!({ "at": self.at.to_string(), "status": null, "error": error }),
        }
    }
}

/// What is sent, and to which endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// The endpoint that it is for.
    pub(crate) endpoint: u64,
    /// The type of what it carries, as the state shows it.
    pub(crate) kind: String,
    /// The events it carries.
    pub(crate) events: Vec<String>,
    pub(crate) method: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) signing: Signing,
}

#[derive(Clone, Debug)]
struct Planned {
    parcel: Parcel,
    attempts: Vec<Attempt>,
    fate: Fate,
    due_at: Timestamp,
}

/// Everything sent or to be sent by a provider whose deliveries keep their bytes.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The waits before each further attempt.
    waits: &'static [SignedDuration],
    planned: BTreeMap<u64, Planned>,
    waiting: BTreeSet<(Timestamp, u64)>,
    last: u64,
}

/// The answer that ends all attempts at once.
const GONE: u16 = 410;
/// The shortest and the longest that a receiver may ask to be left alone.
///
/// Source: Kit developer documentation, *Webhooks: retries*: `Retry-After` is honoured from 1 s to 24 h.
const RETRY_AFTER: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_hours(24));

impl Outbox {
    /// An outbox whose deliveries are numbered from above `first`.
    pub(crate) fn new(first: u64, waits: &'static [SignedDuration]) -> Self {
        Self { waits, planned: BTreeMap::new(), waiting: BTreeSet::new(), last: first }
    }

    /// The number that the next delivery gets.
    pub(crate) fn next_id(&self) -> u64 {
        self.last + 1
    }

    pub(crate) fn put(&mut self, parcel: Parcel, due_at: Timestamp, is_lost: bool) {
        self.last += 1;
        let fate = if is_lost { Fate::Lost } else { Fate::Waiting };
        if fate == Fate::Waiting {
            self.waiting.insert((due_at, self.last));
        }
        self.planned.insert(self.last, Planned { parcel, attempts: Vec::new(), fate, due_at });
    }

    /// Takes what is due; each must be reported with [`Outbox::delivered`] or [`Outbox::withdraw`].
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<(u64, Parcel)> {
        let later = self.waiting.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.waiting, later);
        due.into_iter().map(|(_, id)| (id, self.planned[&id].parcel.clone())).collect()
    }

    /// Ends a delivery whose endpoint is gone.
    pub(crate) fn withdraw(&mut self, id: u64) {
        if let Some(planned) = self.planned.get_mut(&id) {
            planned.fate = Fate::Withdrawn;
        }
    }

    /// Records how an attempt went. Anything but 2xx is tried again as the waits say, or as the receiver asked.
    pub(crate) fn delivered(
        &mut self,
        id: u64,
        outcome: Result<u16, String>,
        retry_after: Option<SignedDuration>,
        now: Timestamp,
    ) {
        let Some(planned) = self.planned.get_mut(&id) else { return };
        let status = outcome.as_ref().ok().copied();
        planned.attempts.push(Attempt { at: now, outcome });
        if status.is_some_and(|status| (200..300).contains(&status)) {
            planned.fate = Fate::Delivered;
            return;
        }
        let wait = self.waits.get(planned.attempts.len() - 1).filter(|_| status != Some(GONE));
        let Some(wait) = wait else {
            planned.fate = Fate::Failed;
            return;
        };
        let asked = retry_after.filter(|_| matches!(status, Some(429 | 503)));
        let wait = asked.map_or(*wait, |asked| asked.clamp(RETRY_AFTER.0, RETRY_AFTER.1));
        planned.due_at = now + wait;
        self.waiting.insert((planned.due_at, id));
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due_at, _)| *due_at)
    }

    /// Every delivery ever planned, for a person or a test to look at.
    pub(crate) fn state(&self) -> Value {
        let rows = self.planned.iter().map(|(id, it)| {
            json!({
                "id": id, "type": it.parcel.kind, "endpoint": it.parcel.endpoint, "events": it.parcel.events,
                "attempts": it.attempts.iter().map(Attempt::json).collect::<Vec<_>>(),
                "fate": it.fate.word(),
                "due_at": (it.fate == Fate::Waiting).then(|| it.due_at.to_string()),
            })
        });
        Value::Array(rows.collect())
    }
}
