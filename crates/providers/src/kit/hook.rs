//! Kit's signed webhooks: batches of events, each its own.
//!
//! Source: Kit developer documentation, *Delivery format*, *Signatures* and *Event types* (autumn 2026); the signed
//! message and the key from Kit's Ruby library; `docs/providers.md`, Kit, webhooks.

use crate::json;
use crate::secret::Secret;
use crate::signature::{self, TOLERANCE, VerifyError};
use frontdesk_core::hint::{Hint, Said};
use frontdesk_core::target::{Item, Standing, Target};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The header that carries the time and the signatures.
pub const HEADER: &str = "X-Kit-Signature";
/// Most events that one delivery may carry. Kit sends up to 100; a later version may send more, and no number is so
/// great that the journal would take it in parts.
pub const EVENTS_MAX: usize = 1_000;

/// The events that Frontdesk wants to be told of.
pub const WANTED: [&str; 6] = [
    "subscriber.tag_added",
    "subscriber.tag_removed",
    "subscriber.activated",
    "subscriber.unsubscribed",
    "subscriber.bounced",
    "subscriber.complained",
];

/// A delivery whose signature and age have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    body: &'a [u8],
    signed_by: usize,
}

impl<'a> Verified<'a> {
    /// The bytes.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Which of the secrets fitted, by position.
    pub const fn signed_by(&self) -> usize {
        self.signed_by
    }
}

/// Checks that one of `secrets` signed these very bytes within five minutes of `now`. Unsigned bytes are never taken.
///
/// # Errors
///
/// See [`VerifyError`].
pub fn verify<'a>(
    header: Option<&[u8]>,
    body: &'a [u8],
    secrets: &[Secret],
    now: Timestamp,
) -> Result<Verified<'a>, VerifyError> {
    let signed_by = signature::check(header, body, secrets, TOLERANCE, now)?;
    Ok(Verified { body, signed_by })
}

/// Why authentic bytes are no delivery of events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Nothing in it.
    #[error("the body is empty")]
    Empty,
    /// Not JSON, or beyond what is read.
    #[error("the body is not JSON that can be read")]
    NotJson,
    /// JSON without a list of events.
    #[error("the body has no list of events")]
    NoEvents,
    /// More events than any delivery may have.
    #[error("the body has more than {EVENTS_MAX} events")]
    TooMany,
}

#[derive(Deserialize)]
struct Batch<'a> {
    delivery_id: Option<serde_json::Number>,
    #[serde(borrow)]
    events: Option<Vec<&'a RawValue>>,
}

/// One delivery: its number, and each event as its own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// Kit's number of it, for the log and for finding the events that came together.
    pub id: Option<String>,
    /// Each event exactly as it stands in the body.
    pub events: Vec<&'a str>,
}

/// Splits a delivery into its events.
///
/// # Errors
///
/// See [`BatchError`].
pub fn batch<'a>(delivery: &Verified<'a>) -> Result<Delivery<'a>, BatchError> {
    let body = delivery.body();
    if body.is_empty() {
        return Err(BatchError::Empty);
    }
    json::check_limits(body).map_err(|_| BatchError::NotJson)?;
    let batch: Batch<'a> = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => BatchError::NoEvents,
        _ => BatchError::NotJson,
    })?;
    let events = batch.events.ok_or(BatchError::NoEvents)?;
    if events.len() > EVENTS_MAX {
        return Err(BatchError::TooMany);
    }
    let id = batch.delivery_id.map(|id| id.to_string());
    Ok(Delivery { id, events: events.into_iter().map(RawValue::get).collect() })
}

/// What every event says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Its id, the same in every delivery.
    pub id: String,
    /// Its type, such as `subscriber.tag_removed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, in whole seconds.
    pub created: Timestamp,
    #[serde(default)]
    data: Data,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Data {
    subscriber: Option<Subscriber>,
    tag: Option<Tag>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Subscriber {
    id: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Tag {
    name: String,
}

/// What an event comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It says something of a person.
    Hint(Hint),
    /// A type that Frontdesk does not handle; a test of the endpoint too.
    NotHandled,
    /// A type that it handles, without what that type is about: the missing part.
    Unreadable(&'static str),
}

impl Event {
    /// Reads one event of a delivery.
    ///
    /// # Errors
    ///
    /// When it has no id, type or time, or is no JSON; the text names the part.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// Kit's id of the subscriber, where the event is about one.
    pub fn subscriber(&self) -> Option<u64> {
        self.data.subscriber.as_ref().map(|subscriber| subscriber.id)
    }

    /// What it says of whom.
    pub fn reading(&self) -> Reading {
        let said = match self.kind.as_str() {
            "subscriber.tag_added" | "subscriber.tag_removed" => {
                let Some(tag) = &self.data.tag else { return Reading::Unreadable("data.tag") };
                let present = self.kind == "subscriber.tag_added";
                Said::Holds { item: Item::kit_tag(&tag.name), present }
            }
            "subscriber.activated" => Said::Stands(Standing::Active),
            "subscriber.unsubscribed" | "subscriber.bounced" | "subscriber.complained" => {
                Said::Stands(Standing::OptedOut)
            }
            _ => return Reading::NotHandled,
        };
        let Some(subscriber) = &self.data.subscriber else { return Reading::Unreadable("data.subscriber") };
        Reading::Hint(Hint {
            target: Target::Kit,
            person: subscriber.id,
            said,
            proven_at: Some(self.created),
            by: format!("told by Kit's event `{}` of {:.0}", self.id, self.created),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::mac;

    const NOW: i64 = 1_785_335_530;
    const EVENT: &str = r#"{"id":"9c2e1f3a","type":"subscriber.tag_removed","created":"2026-07-29T14:32:10Z",
        "data":{"subscriber":{"id":987654,"email_address":"Ada@Example.test","state":"active"},"tag":{"id":11,"name":"Member"}}}"#;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).expect("a second in 2026")
    }

    fn verified(body: &[u8]) -> Verified<'_> {
        Verified { body, signed_by: 0 }
    }

    #[test]
    fn the_whole_secret_signs_the_time_and_the_raw_body() {
        let secrets =
            [Secret::new("old#0", "whsec_old".to_owned()), Secret::new("new#0", "whsec_new".to_owned())];
        let sign = |nth: usize, time: &str| hex::encode(mac(&secrets[nth], time.as_bytes(), b"{}"));
        let both = format!("t={NOW},v1={},v1={}", sign(1, &NOW.to_string()), sign(0, &NOW.to_string()));
        let stale = (NOW - 301).to_string();
        for (header, expect) in [
            (Some(format!("t={NOW},v1={}", sign(1, &NOW.to_string()))), Ok(1)),
            (Some(both), Ok(1)),
            (Some(format!("t={stale},v1={}", sign(0, &stale))), Err(VerifyError::TooOld)),
            (Some(format!("t={NOW},v1={}", sign(0, &stale))), Err(VerifyError::Mismatch)),
            (Some(format!("t={NOW}")), Err(VerifyError::Malformed)),
            (None, Err(VerifyError::Missing)),
        ] {
            let done = verify(header.as_deref().map(str::as_bytes), b"{}", &secrets, now());
            assert_eq!(done.map(|verified| verified.signed_by()), expect, "{header:?}");
        }
        assert_eq!(verify(None, b"{}", &[], now()).err(), Some(VerifyError::Missing));
    }

    #[test]
    fn a_delivery_is_split_into_the_bytes_of_its_events() {
        let body = format!("{{\"delivery_id\":123456,\"events\":[{EVENT}, {{\"id\":\"2\"}}]}}");
        let delivery = batch(&verified(body.as_bytes())).expect("a delivery");
        assert_eq!(delivery.id.as_deref(), Some("123456"));
        assert_eq!(delivery.events, [EVENT, "{\"id\":\"2\"}"]);
        let many = format!("{{\"events\":[{}1]}}", "1,".repeat(EVENTS_MAX));
        for (body, expect) in [
            ("", BatchError::Empty),
            ("{", BatchError::NotJson),
            ("[]", BatchError::NoEvents),
            ("{}", BatchError::NoEvents),
            (r#"{"events":{}}"#, BatchError::NoEvents),
            (many.as_str(), BatchError::TooMany),
        ] {
            assert_eq!(batch(&verified(body.as_bytes())).err(), Some(expect), "{body}");
        }
    }

    #[test]
    fn an_event_says_what_of_whom() {
        let read = |from: &str, to: &str| {
            Event::parse(EVENT.replacen(from, to, 1).as_bytes()).expect("an event").reading()
        };
        let Reading::Hint(hint) = read("", "") else { panic!() };
        assert_eq!(hint.person, 987_654);
        assert_eq!(hint.said, Said::Holds { item: Item::kit_tag("member"), present: false });
        assert_eq!(hint.proven_at.map(|at| at.to_string()).as_deref(), Some("2026-07-29T14:32:10Z"));
        for (kind, expect) in [
            ("tag_added", Said::Holds { item: Item::kit_tag("member"), present: true }),
            ("activated", Said::Stands(Standing::Active)),
            ("unsubscribed", Said::Stands(Standing::OptedOut)),
            ("bounced", Said::Stands(Standing::OptedOut)),
            ("complained", Said::Stands(Standing::OptedOut)),
        ] {
            let Reading::Hint(hint) = read("tag_removed", kind) else { panic!("{kind}") };
            assert_eq!(hint.said, expect, "{kind}");
        }
        assert_eq!(read("subscriber.tag_removed", "webhook_endpoint.test"), Reading::NotHandled);
        assert_eq!(read("\"tag\":{", "\"label\":{"), Reading::Unreadable("data.tag"));
        assert_eq!(read("\"subscriber\":{", "\"person\":{"), Reading::Unreadable("data.subscriber"));
        for broken in ["{}", "7", r#"{"id":"1","type":"x","created":"soon"}"#, "{\"id\":"] {
            assert!(Event::parse(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
