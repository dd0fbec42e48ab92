//! What every answer of a target is judged by, whichever target it came from.
//!
//! Bodies are read leniently and never quoted: a `why` is made of our own fixed words and the
//! status, so that no personal data and no provider text reaches a log, a case or a page.

use crate::json::check_limits;
use frontdesk_core::target::{Failure, Step};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// How long a refusal for too many calls holds everything back, at the least.
///
/// Circle advises about a minute (docs/providers.md, Circle §5.2); Kit counts over a rolling minute (Kit §4).
pub const THROTTLED_FOR: SignedDuration = SignedDuration::from_secs(60);

/// The longest `Retry-After` that is believed. A longer one is cut to this: a target that is
/// silenced for days by one odd header is an outage of our own making.
pub const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_mins(15);

/// One answer, as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, whole. The caller limits its size.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The body as JSON, if it is JSON within [the limits](crate::json).
    pub(crate) fn json(&self) -> Option<Value> {
        check_limits(self.body).ok()?;
        serde_json::from_slice(self.body).ok()
    }

    /// The body as a JSON object, if it is one.
    pub(crate) fn object(&self) -> Option<Map<String, Value>> {
        match self.json() {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// A `why` that says the status and `words`.
    pub(crate) fn why(&self, words: &str) -> String {
        format!("answered {}: {words}", self.status.as_u16())
    }

    /// The call was refused, and for certain not done; it may go through another time.
    pub(crate) fn transient(&self, words: &str) -> Failure {
        Failure::Transient { why: self.why(words) }
    }

    /// A person must look.
    pub(crate) fn rejected(&self, words: &str) -> Failure {
        Failure::Rejected { why: self.why(words) }
    }

    /// The credential does not open this account.
    pub(crate) fn unauthorized(&self, words: &str) -> Failure {
        Failure::Unauthorized { why: self.why(words), perhaps_spent: false }
    }

    /// An answer that does not tell what became of the call: a write may have been done, a read
    /// showed nothing.
    pub(crate) fn unclear(&self, writes: bool, words: &str) -> Failure {
        unclear(writes, self.why(words))
    }

    /// Too many calls. A `Retry-After` may lengthen the wait and never shorten it.
    pub(crate) fn throttled(&self, now: Timestamp) -> Failure {
        let wait = retry_after(self.headers, now).unwrap_or_default().clamp(THROTTLED_FOR, RETRY_AFTER_MAX);
        let until = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        Failure::Throttled { until, why: self.why("too many calls") }
    }

    /// What the status alone decides, for every target: too many calls, trouble at the provider, a
    /// redirect (none is followed), a request that took too long to arrive.
    pub(crate) fn trouble(&self, writes: bool, now: Timestamp) -> Option<Failure> {
        match self.status.as_u16() {
            429 => Some(self.throttled(now)),
            408 | 500.. => Some(self.unclear(writes, "trouble on the other side")),
            100..=199 | 300..=399 => Some(self.unclear(writes, "a redirect; check the base address")),
            _ => None,
        }
    }
}

/// What to make of a call without an answer: `sent` says whether any byte of the request left.
///
/// Before it left, nothing was done. After, a write may have been done; a read did not happen.
pub fn no_answer(step: &Step, sent: bool) -> Failure {
    let why = if sent { "no answer in time" } else { "could not connect" };
    unclear(step.writes() && sent, why.to_owned())
}

fn unclear(may_be_done: bool, why: String) -> Failure {
    if may_be_done { Failure::Unknown { why } } else { Failure::Transient { why } }
}

/// The wait that `Retry-After` asks for, in seconds or until an HTTP date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(SignedDuration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(until.duration_since(now))
}

/// A whole number above zero under `name`: an id, written as a number or as digits.
pub(crate) fn id(object: &Map<String, Value>, name: &str) -> Option<u64> {
    let id = match object.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    id.filter(|id| *id > 0)
}

/// A text under `name`.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// An object under `name`.
pub(crate) fn part<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    object.get(name)?.as_object()
}

/// The list of objects under `name`; `None` if there is no list or any entry is something else, as
/// half a list must not pass for a whole one.
pub(crate) fn parts<'a>(object: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a Map<String, Value>>> {
    object.get(name)?.as_array()?.iter().map(Value::as_object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_core::email::Email;
    use http::HeaderValue;

    fn wait(header: Option<&str>) -> i64 {
        let mut headers = HeaderMap::new();
        if let Some(text) = header {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        }
        let now: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        let answer = Answer { status: StatusCode::TOO_MANY_REQUESTS, headers: &headers, body: b"" };
        match answer.throttled(now) {
            Failure::Throttled { until, .. } => until.duration_since(now).as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn retry_after_only_lengthens_the_wait_and_not_for_ever() {
        assert_eq!(wait(None), 60);
        assert_eq!(wait(Some("5")), 60);
        assert_eq!(wait(Some("300")), 300);
        assert_eq!(wait(Some("-300")), 60);
        assert_eq!(wait(Some("99999999999")), RETRY_AFTER_MAX.as_secs());
        assert_eq!(wait(Some("soon")), 60);
        assert_eq!(wait(Some("Sun, 01 Mar 2026 09:10:00 GMT")), 600);
        assert_eq!(wait(Some("Sun, 01 Mar 2020 09:10:00 GMT")), 60);
    }

    #[test]
    fn a_call_that_left_and_got_no_answer_is_unknown_only_if_it_writes() {
        let address = Email::parse("ada@example.test").unwrap();
        let write = Step::Enrol { address: address.clone(), name: None, confirmed: true };
        let read = Step::Find { address };
        assert_eq!(no_answer(&write, true).class(), "unknown");
        assert_eq!(no_answer(&write, false).class(), "transient");
        assert_eq!(no_answer(&read, true).class(), "transient");
        assert_eq!(no_answer(&read, false).class(), "transient");
    }

    #[test]
    fn half_a_list_is_no_list() {
        let object = |json: &str| serde_json::from_str::<Map<String, Value>>(json).unwrap();
        assert_eq!(parts(&object(r#"{"a":[{},{}]}"#), "a").map(|list| list.len()), Some(2));
        assert_eq!(parts(&object(r#"{"a":[{},null]}"#), "a"), None);
        assert_eq!(parts(&object(r#"{"a":{}}"#), "a"), None);
        assert_eq!(id(&object(r#"{"id":"17"}"#), "id"), Some(17));
        assert_eq!(id(&object(r#"{"id":0}"#), "id"), None);
        assert_eq!(id(&object(r#"{"id":-4}"#), "id"), None);
        assert_eq!(id(&object(r#"{"id":1.5}"#), "id"), None);
    }
}
