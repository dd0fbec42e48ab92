//! The signature of a webhook, checked over the raw bytes before anything is parsed.

use crate::secret::Secret;
use crate::signature;
use jiff::{SignedDuration, Timestamp};

pub use crate::signature::{HEADER_BYTES_MAX, SIGNATURES_MAX, TOLERANCE, VerifyError};

/// The header that carries the time and the signatures.
pub const HEADER: &str = "Stripe-Signature";

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

/// Checks that one of `secrets` signed these very bytes, within `tolerance` of `now`.
///
/// The message is `t`, a dot and the raw body; the key is the whole secret as text, its `whsec_`
/// included and not decoded. `v0` and schemes that we do not know are skipped. The time is judged
/// after the signature, as Stripe's own libraries do.
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
    let signed_by = signature::check(hook.header, hook.body, secrets, tolerance, now)?;
    Ok(Verified { body: hook.body, signed_by: Some(signed_by) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::mac;

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
