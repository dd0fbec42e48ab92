//! The envelope of an event: which one it is, before anybody asks what it says.

use super::verify::Verified;
use super::wire::{Node, Unreadable};
use crate::json::{self, Limit};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

/// Who an event is, apart from what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `evt_…`: with the source account, the key under which it is stored once.
    pub id: String,
    /// Its type, such as `customer.subscription.updated`.
    pub event_type: String,
    /// When the change happened at the source. Whole seconds; several events share one.
    pub created_at: Timestamp,
    /// Whether it is about real money.
    pub livemode: bool,
    /// The connected account that it is about, on Connect endpoints.
    pub account: Option<String>,
    /// The API version that shaped the object. Absent on very old events.
    pub api_version: Option<String>,
    /// The id of `data.object`. A summary has none.
    pub object_id: Option<String>,
    /// What `data.object` is: `subscription`, `invoice` …
    pub object_kind: Option<String>,
}

impl Envelope {
    /// Whether two deliveries under one id tell the same event: then the later one is a duplicate,
    /// otherwise a conflict.
    ///
    /// The bodies are not compared: `pending_webhooks` counts down between deliveries, and two
    /// endpoints may give one event the shapes of two API versions.
    pub fn is_same_event(&self, other: &Self) -> bool {
        let identity = |envelope: &Self| {
            (envelope.event_type.clone(), envelope.created_at, envelope.livemode, envelope.object_id.clone())
        };
        self.id == other.id && identity(self) == identity(other)
    }
}

/// Why signed bytes give no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// No bytes at all.
    #[error("the body is empty")]
    Empty,
    /// Not UTF-8, or not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// A thin notification (API v2): it says that something changed, not what.
    #[error("this is a thin event notification, which carries no object")]
    Thin,
    /// JSON beyond a limit of [`crate::json`].
    #[error("the body is {0}")]
    Beyond(Limit),
    /// JSON that is no event as we know events.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl EnvelopeError {
    /// What the sender is answered.
    ///
    /// 400 for what is no event at all. 200 for what is authentic and beyond us: it is kept in
    /// quarantine and read again after an upgrade, and a refusal would only make Stripe repeat it.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Empty | Self::NotJson | Self::Thin => StatusCode::BAD_REQUEST,
            Self::Beyond(_) | Self::Unreadable(_) => StatusCode::OK,
        }
    }

    /// The reason as one word, for a counter.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty_body",
            Self::NotJson => "bad_body",
            Self::Thin => "thin_event",
            Self::Beyond(_) => "beyond_limits",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// What the account's owner should do, where there is something. Stripe shows our answer
    /// beside the failed delivery.
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Thin => Some(
                "In Stripe, under Developers, Webhooks, add a destination with the payload style `Snapshot` for \
                 this URL; thin notifications alone carry no payment data.",
            ),
            Self::Empty | Self::NotJson | Self::Beyond(_) | Self::Unreadable(_) => None,
        }
    }
}

/// Reads the envelope of an event.
///
/// # Errors
///
/// See [`EnvelopeError`]; `id`, `type`, `created`, `livemode` and `data.object` are what makes an
/// event.
///
/// Source: Stripe API reference, *The Event object* and *The Event object (API v2)* (read
/// 2026-11-24).
pub fn envelope(event: &Verified<'_>) -> Result<Envelope, EnvelopeError> {
    open(&parse(event)?).map_err(EnvelopeError::from)
}

/// Parses the bytes within the limits, and refuses what is no snapshot event.
pub(super) fn parse(event: &Verified<'_>) -> Result<Value, EnvelopeError> {
    let body = event.body();
    if body.is_empty() {
        return Err(EnvelopeError::Empty);
    }
    let text = std::str::from_utf8(body).map_err(|_| EnvelopeError::NotJson)?;
    json::check_limits(body).map_err(EnvelopeError::Beyond)?;
    let value: Value = serde_json::from_str(text).map_err(|_| EnvelopeError::NotJson)?;
    match value["object"].as_str() {
        Some(object) if object.starts_with("v2.") => Err(EnvelopeError::Thin),
        _ => Ok(value),
    }
}

/// The envelope of parsed JSON.
pub(super) fn open(value: &Value) -> Result<Envelope, Unreadable> {
    let event = Node::root(value);
    if event.needed_text("object")? != "event" {
        return Err(event.unreadable("object", "is not `event`"));
    }
    let object = event.needed_object("data")?.needed_object("object")?;
    Ok(Envelope {
        id: event.needed_text("id")?,
        event_type: event.needed_text("type")?,
        created_at: event.needed_time("created")?,
        livemode: event.needed_bool("livemode")?,
        account: event.text("account")?,
        api_version: event.lenient_text("api_version"),
        object_id: object.text("id")?,
        object_kind: object.text("object")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"id":"evt_1","object":"event","type":"customer.updated","created":1772442000,
        "livemode":true,"api_version":null,"data":{"object":{"id":"cus_1","object":"customer"}},"extra":[1]}"#;

    fn read(body: &str) -> Result<Envelope, EnvelopeError> {
        envelope(&Verified::journaled(body.as_bytes()))
    }

    #[test]
    fn an_event_says_who_it_is() {
        let envelope = read(EVENT).unwrap();
        assert_eq!((envelope.id.as_str(), envelope.object_id.as_deref()), ("evt_1", Some("cus_1")));
        assert_eq!(envelope.created_at.as_second(), 1_772_442_000);
        assert_eq!(envelope.api_version, None);
    }

    #[test]
    fn a_missing_or_odd_part_is_named() {
        let table = [
            (r#""id":"evt_1","#, "", "id"),
            (r#""type":"customer.updated","#, r#""type":7,"#, "type"),
            ("1772442000", "-999999999999999", "created"),
            ("1772442000", "1772442000.5", "created"),
            (r#""livemode":true,"#, "", "livemode"),
            (r#""object":{"id":"cus_1","object":"customer"}"#, "", "data.object"),
            (r#""object":"event""#, r#""object":"list""#, "object"),
            (r#""id":"cus_1""#, r#""id":["cus_1"]"#, "data.object.id"),
        ];
        for (from, to, field) in table {
            match read(&EVENT.replacen(from, to, 1)) {
                Err(error @ EnvelopeError::Unreadable(_)) => {
                    assert_eq!(error.status(), StatusCode::OK);
                    let EnvelopeError::Unreadable(unreadable) = error else { unreachable!() };
                    assert_eq!(unreadable.field, field);
                }
                other => panic!("{field}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_event_is_refused_and_what_is_beyond_us_is_kept() {
        let deep = EVENT.replace("[1]", &format!("{}{}", "[".repeat(32), "]".repeat(32)));
        let table = [
            ("", StatusCode::BAD_REQUEST, "empty_body"),
            ("{", StatusCode::BAD_REQUEST, "bad_body"),
            ("\u{feff}{}", StatusCode::BAD_REQUEST, "bad_body"),
            (r#"{"object":"v2.core.event","id":"evt_1"}"#, StatusCode::BAD_REQUEST, "thin_event"),
            ("[]", StatusCode::OK, "unreadable"),
            ("null", StatusCode::OK, "unreadable"),
            (deep.as_str(), StatusCode::OK, "beyond_limits"),
        ];
        for (body, status, reason) in table {
            let error = read(body).expect_err(body);
            assert_eq!((error.status(), error.reason()), (status, reason), "{body}");
        }
        assert!(EnvelopeError::Thin.advice().is_some());
    }

    #[test]
    fn a_conflict_is_another_type_time_mode_or_object() {
        let first = read(EVENT).unwrap();
        let other_shape =
            EVENT.replace(r#""api_version":null"#, r#""api_version":"2024-06-20","pending_webhooks":2"#);
        assert!(first.is_same_event(&read(&other_shape).unwrap()));
        let changes = [
            ("customer.updated", "customer.deleted"),
            ("1772442000", "1772442001"),
            (":true", ":false"),
            ("cus_1", "cus_2"),
        ];
        for (from, to) in changes {
            assert!(!first.is_same_event(&read(&EVENT.replacen(from, to, 1)).unwrap()), "{from} → {to}");
        }
    }
}
