//! The signature of a webhook, checked over the raw bytes before anything is parsed.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header that carries the time and the signatures.
pub const HEADER: &str = "Stripe-Signature";

/// Longest header that is read, in bytes.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// Most `v1` signatures in one header. Stripe sends one per active secret: two while one rolls.
pub const SIGNATURES_MAX: usize = 16;

/// How far the signed time may be from ours, in either direction.
///
/// Stripe's libraries default to the same age; they accept any time in the future, we do not.
/// Source: Stripe docs, *Receive Stripe events in your webhook endpoint*, section on replay
/// attacks (read 2026-11-24).
pub const TOLERANCE: SignedDuration = SignedDuration::from_secs(300);

/// A request to the webhook path, as received.
#[derive(Clone, Copy, Debug)]
pub struct RawHook<'a> {
    /// The bytes of the [`HEADER`], if there is one.
    pub header: Option<&'a [u8]>,
    /// The body, byte for byte: signing covers white space too.
    pub body: &'a [u8],
}

/// Bytes of an event that are known to come from Stripe.
///
/// There are three ways to one: [`verify`], [`Verified::journaled`] and [`Verified::listed`], so
/// that nothing unchecked can be parsed as an event.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    body: &'a [u8],
    signed_by: Option<usize>,
}

impl<'a> Verified<'a> {
    /// Bytes from the journal, which takes in only what was verified or listed.
    pub const fn journaled(body: &'a [u8]) -> Self {
        Self { body, signed_by: None }
    }

    /// One event out of an answer of `GET /v1/events`: authentic because we asked over TLS.
    pub const fn listed(body: &'a [u8]) -> Self {
        Self { body, signed_by: None }
    }

    /// The bytes.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Which of the secrets given to [`verify`] fitted, by position: shows which one is in use.
    pub const fn signed_by(&self) -> Option<usize> {
        self.signed_by
    }
}

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No header, or an empty one.
    #[error("the `Stripe-Signature` header is missing")]
    Missing,
    /// No readable time, two times, no `v1`, or over a limit.
    #[error("the `Stripe-Signature` header is malformed")]
    Malformed,
    /// No signature fits any secret.
    #[error("no signature fits")]
    Mismatch,
    /// The signature fits and its time is more than the tolerance ago.
    #[error("the signature is too old")]
    TooOld,
    /// The signature fits and its time is more than the tolerance ahead.
    #[error("the signature is from the future")]
    TooNew,
}

impl VerifyError {
    /// What the sender is answered: always 401, so that nobody learns how close they came.
    pub const fn status(self) -> StatusCode {
        StatusCode::UNAUTHORIZED
    }

    /// The reason as one word, for a counter.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing_header",
            Self::Malformed => "malformed_header",
            Self::Mismatch => "bad_signature",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
        }
    }
}

/// Checks that one of `secrets` signed these very bytes, within `tolerance` of `now`.
///
/// The message is `t`, a dot and the raw body; the key is the whole secret as text, its `whsec_`
/// included and not decoded. Every pair of secret and `v1` is compared, in constant time and
/// without an early exit. `v0` and schemes that we do not know are skipped. The time is judged
/// after the signature, as Stripe's own libraries do. A tolerance of zero or less accepts only the
/// very second; it never turns the check off.
///
/// # Errors
///
/// See [`VerifyError`]. A header that is too long, has more than [`SIGNATURES_MAX`] signatures or
/// two different times is malformed: of two times, Stripe's Python library believes the first and
/// its Node library the last.
///
/// Source: Stripe docs, *Verify webhook signatures manually*, and vectors run against
/// stripe-python 16.1.0 and stripe-node 23.1.0 (2026-11-24).
pub fn verify<'a>(
    hook: RawHook<'a>,
    secrets: &[Secret],
    tolerance: SignedDuration,
    now: Timestamp,
) -> Result<Verified<'a>, VerifyError> {
    let header = hook.header.filter(|header| !header.is_empty()).ok_or(VerifyError::Missing)?;
    let header = Header::parse(header).ok_or(VerifyError::Malformed)?;
    let mut signed_by = None;
    for (nth, secret) in secrets.iter().enumerate() {
        let expected = hex::encode(mac(secret, header.time.as_bytes(), hook.body));
        for candidate in &header.signatures {
            // Lower-case text against text: upper-case hex is not what Stripe sends.
            if bool::from(expected.as_bytes().ct_eq(candidate.as_bytes())) {
                signed_by = Some(nth);
            }
        }
    }
    if signed_by.is_none() {
        return Err(VerifyError::Mismatch);
    }
    let age = SignedDuration::from_secs(now.as_second().saturating_sub(header.seconds));
    if age > tolerance.max(SignedDuration::ZERO) {
        return Err(VerifyError::TooOld);
    }
    if age < -tolerance.max(SignedDuration::ZERO) {
        return Err(VerifyError::TooNew);
    }
    Ok(Verified { body: hook.body, signed_by })
}

fn mac(secret: &Secret, time: &[u8], body: &[u8]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(time);
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

struct Header<'a> {
    /// As written: the signature covers the text, not the number.
    time: &'a str,
    seconds: i64,
    signatures: Vec<&'a str>,
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > HEADER_BYTES_MAX {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let mut time: Option<&str> = None;
        let mut signatures = Vec::new();
        for part in text.split(',') {
            let (scheme, value) = part.split_once('=')?;
            match scheme {
                "t" if time.is_some_and(|earlier| earlier != value) => return None,
                "t" => time = Some(value),
                "v1" if signatures.len() == SIGNATURES_MAX => return None,
                "v1" => signatures.push(value),
                _ => {}
            }
        }
        let time = time?;
        if signatures.is_empty() || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self { time, seconds: time.parse().ok()?, signatures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_442_000;

    fn secret(value: &str) -> Secret {
        Secret::new("test#0000", value.to_owned())
    }

    fn sign(value: &str, time: &str, body: &[u8]) -> String {
        hex::encode(mac(&secret(value), time.as_bytes(), body))
    }

    fn outcome(header: &str, body: &[u8]) -> Result<Option<usize>, VerifyError> {
        let secrets = [secret("whsec_old"), secret("whsec_new")];
        let now = Timestamp::from_second(NOW).unwrap();
        let hook = RawHook { header: Some(header.as_bytes()), body };
        verify(hook, &secrets, TOLERANCE, now).map(|verified| verified.signed_by())
    }

    #[test]
    fn the_secret_that_fitted_is_named() {
        let now = NOW.to_string();
        assert_eq!(outcome(&format!("t={now},v1={}", sign("whsec_new", &now, b"{}")), b"{}"), Ok(Some(1)));
        assert_eq!(outcome(&format!("t={now},v1={}", sign("whsec_old", &now, b"{}")), b"{}"), Ok(Some(0)));
        assert_eq!(
            outcome(&format!("t={now},v1={}", sign("whsec_3rd", &now, b"{}")), b"{}"),
            Err(VerifyError::Mismatch)
        );
    }

    #[test]
    fn a_header_is_bounded_in_length_and_signatures() {
        let now = NOW.to_string();
        let good = sign("whsec_new", &now, b"{}");
        let many = |bad: usize| format!("t={now},{}v1={good}", "v1=00,".repeat(bad));
        assert_eq!(outcome(&many(SIGNATURES_MAX - 1), b"{}"), Ok(Some(1)));
        assert_eq!(outcome(&many(SIGNATURES_MAX), b"{}"), Err(VerifyError::Malformed));
        let start = format!("t={now},v1={good},v9=");
        let padded = |length: usize| format!("{start}{}", "x".repeat(length - start.len()));
        assert_eq!(outcome(&padded(HEADER_BYTES_MAX), b"{}"), Ok(Some(1)));
        assert_eq!(outcome(&padded(HEADER_BYTES_MAX + 1), b"{}"), Err(VerifyError::Malformed));
    }

    #[test]
    fn two_times_must_be_one() {
        let now = NOW.to_string();
        let good = sign("whsec_new", &now, b"{}");
        assert_eq!(outcome(&format!("t={now},v1={good},t={now}"), b"{}"), Ok(Some(1)));
        assert_eq!(outcome(&format!("t={now},v1={good},t={}", NOW - 1), b"{}"), Err(VerifyError::Malformed));
        assert_eq!(outcome(&format!("t={},v1={good},t={now}", NOW - 1), b"{}"), Err(VerifyError::Malformed));
    }

    #[test]
    fn a_time_is_plain_digits() {
        for time in ["", "+1772442000", "-1", "1772442000.0", "99999999999999999999", " 1772442000"] {
            let header = format!("t={time},v1={}", sign("whsec_new", time, b"{}"));
            assert_eq!(outcome(&header, b"{}"), Err(VerifyError::Malformed), "{time:?}");
        }
        let far = i64::MAX.to_string();
        assert_eq!(
            outcome(&format!("t={far},v1={}", sign("whsec_new", &far, b"{}")), b"{}"),
            Err(VerifyError::TooNew)
        );
    }

    #[test]
    fn no_secret_verifies_nothing_and_a_tolerance_of_zero_still_checks() {
        let now = Timestamp::from_second(NOW).unwrap();
        let at = |time: i64| format!("t={time},v1={}", sign("whsec_new", &time.to_string(), b"{}"));
        let check = |header: &str, secrets: &[Secret]| {
            verify(
                RawHook { header: Some(header.as_bytes()), body: b"{}" },
                secrets,
                SignedDuration::ZERO,
                now,
            )
            .err()
        };
        assert_eq!(check(&at(NOW), &[]), Some(VerifyError::Mismatch));
        assert_eq!(check(&at(NOW), &[secret("whsec_new")]), None);
        assert_eq!(check(&at(NOW - 1), &[secret("whsec_new")]), Some(VerifyError::TooOld));
        assert_eq!(check(&at(NOW + 1), &[secret("whsec_new")]), Some(VerifyError::TooNew));
    }
}
