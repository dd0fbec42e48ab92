//! What it means that Stripe did not answer what was asked: a decision, made once, from the status
//! and the text together.
//!
//! No word of Stripe's is carried on but its error code and a permission's name, both checked to
//! be plain words: the message of a 401 repeats the key that was pasted, whole.

use crate::call::{request_id, word};
use crate::stripe::answer::Response;
use frontdesk_core::target::Failure;
use http::header::RETRY_AFTER;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How long a 429 holds the account back when it names no time: Stripe counts by the second.
pub const THROTTLED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// How long an answer that says `Stripe-Should-Retry: false` is left alone.
pub const LEFT_ALONE_FOR: SignedDuration = SignedDuration::from_secs(60);

/// The longest `Retry-After` that is believed.
pub const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Why a read gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The class, and the reason in our words.
    pub failure: Failure,
    /// The permission that the key lacks, when Stripe named it (`rak_subscription_read`). Then the
    /// key is good and only this resource is out of its reach.
    pub permission: Option<String>,
    /// Stripe's id of the request, for its support.
    pub request_id: Option<String>,
}

/// Classifies an answer that is no 200.
///
/// - 401: the key is refused, everything stops;
/// - 403: a permission is missing (named), or the key is bound to other addresses;
/// - 409, 424, a lock that timed out, any 5xx, an HTML page from a proxy: a read did not happen and
///   is repeated, by `Stripe-Should-Retry: false` not for a minute;
/// - 429: the account is over a limit until `Retry-After`, else for five seconds;
/// - anything else: a mistake of ours or of the configuration, for a person.
///
/// Source: Stripe docs, *Errors*, *Error codes*, *Rate limits* (read 2026-11-24).
pub(super) fn refused(response: &Response<'_>, now: Timestamp) -> Refused {
    let error = serde_json::from_slice::<Value>(response.body)
        .ok()
        .map(|body| body["error"].clone())
        .unwrap_or_default();
    let message = error["message"].as_str().unwrap_or_default();
    let code = error["code"].as_str().filter(|code| is_plain_word(code));
    let status = response.status.as_u16();
    let why = |words: &str| format!("answered {status}: {words}");
    let told = |words: &str| code.map_or_else(|| why(words), |code| why(&format!("{words} (`{code}`)")));
    let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
    let is_left_alone = header("stripe-should-retry") == Some("false");
    let unauthorized = |why: String| Failure::Unauthorized { why, perhaps_spent: false };
    let mut permission = None;
    let failure = match status {
        401 if code == Some("api_key_expired") || message.starts_with("Expired API Key") => {
            unauthorized(why("the key has expired"))
        }
        401 => unauthorized(why("the key is refused")),
        403 => {
            permission = named_permission(message);
            unauthorized(match &permission {
                Some(name) => why(&format!("the key lacks the permission `{name}`")),
                None if message.contains("IP address") => why("the key may not be used from this address"),
                None => why("the key may not read this"),
            })
        }
        429 if code == Some("lock_timeout") && !is_left_alone => {
            Failure::Transient { why: why("another request holds the object") }
        }
        429 => {
            let least = if is_left_alone { LEFT_ALONE_FOR } else { THROTTLED_FOR };
            let asked = header(RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok());
            let wait = asked.map(SignedDuration::from_secs).unwrap_or_default().clamp(least, RETRY_AFTER_MAX);
            let reason = header("stripe-rate-limited-reason").map(word).filter(|reason| !reason.is_empty());
            Failure::Throttled {
                until: now.checked_add(wait).unwrap_or(Timestamp::MAX),
                why: why(&reason.map_or_else(
                    || "too many calls".to_owned(),
                    |reason| format!("too many calls ({reason})"),
                )),
            }
        }
        408 | 409 | 424 | 500.. if is_left_alone => Failure::Throttled {
            until: now.checked_add(LEFT_ALONE_FOR).unwrap_or(Timestamp::MAX),
            why: told("trouble on the other side, and a wish to be left alone"),
        },
        408 | 409 | 424 | 500.. => Failure::Transient { why: told("trouble on the other side") },
        100..=399 => Failure::Rejected { why: why("no answer of the API; check the base address") },
        404 => Failure::Rejected { why: told("no such address; check the base address") },
        _ => Failure::Rejected { why: told("the request is refused") },
    };
    Refused { failure, permission, request_id: response.request_id() }
}

impl Response<'_> {
    /// Stripe's id of the request: `Request-Id`, cut to what is safe to show.
    pub fn request_id(&self) -> Option<String> {
        let named = self.headers.get("request-id").and_then(|id| id.to_str().ok()).map(word);
        named.filter(|id| !id.is_empty()).or_else(|| request_id(self.headers))
    }
}

/// Small letters, digits and underscores, not many, and not the beginning of a key: a word of
/// Stripe's vocabulary.
fn is_plain_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_key = ["rk_", "sk_", "pk_", "whsec_"].iter().any(|start| text.starts_with(start));
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain) && !is_key
}

/// The name in "Having the 'rak_…' permission would allow this request to continue".
fn named_permission(message: &str) -> Option<String> {
    let name = message.split('\'').find(|part| part.starts_with("rak_"))?;
    is_plain_word(name).then(|| name.to_owned())
}

/// Whether an error says that the object asked for does not exist in this mode, in place of "you
/// asked at a wrong address"; `Some(true)`: it exists in the other mode.
pub(super) fn no_such_object(error: &Value) -> Option<bool> {
    let is_missing = error["code"] == "resource_missing";
    let message = error["message"].as_str().unwrap_or_default();
    is_missing.then(|| message.contains("a similar object exists in"))
}
