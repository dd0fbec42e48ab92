//! Signatures of the form `t=SECOND,v1=HEX[,v1=HEX]`: HMAC-SHA256 over the second, a dot and the raw body, keyed with
//! the whole secret as text. Stripe and Kit sign alike.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Longest header that is read, in bytes.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// Most `v1` signatures in one header. A provider sends one per active secret: two while one rolls.
pub const SIGNATURES_MAX: usize = 16;

/// How far the signed time may be from ours, in either direction.
///
/// Stripe's libraries default to the same age; they accept any time in the future, we do not. Kit names the same span.
/// Source: Stripe docs, *Receive Stripe events in your webhook endpoint*, section on replay
/// attacks (read 2026-11-24); Kit developer documentation, *Signatures* (autumn 2026).
pub const TOLERANCE: SignedDuration = SignedDuration::from_secs(300);

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No header, or an empty one.
    #[error("the signature header is missing")]
    Missing,
    /// No readable time, two times, no `v1`, or over a limit.
    #[error("the signature header is malformed")]
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

/// Which of `secrets`, by position, signed these very bytes within `tolerance` of `now`.
///
/// Every pair of secret and `v1` is compared, in constant time and without an early exit. The time is judged after the
/// signature. A tolerance of zero or less accepts only the very second; it never turns the check off.
///
/// # Errors
///
/// See [`VerifyError`].
pub fn check(
    header: Option<&[u8]>,
    body: &[u8],
    secrets: &[Secret],
    tolerance: SignedDuration,
    now: Timestamp,
) -> Result<usize, VerifyError> {
    let header = header.filter(|header| !header.is_empty()).ok_or(VerifyError::Missing)?;
    let header = Header::parse(header).ok_or(VerifyError::Malformed)?;
    let mut signed_by = None;
    for (nth, secret) in secrets.iter().enumerate() {
        let expected = hex::encode(mac(secret, header.time.as_bytes(), body));
        for candidate in &header.signatures {
            // Lower-case text against text: upper-case hex is not what Stripe sends.
            if bool::from(expected.as_bytes().ct_eq(candidate.as_bytes())) {
                signed_by = Some(nth);
            }
        }
    }
    let signed_by = signed_by.ok_or(VerifyError::Mismatch)?;
    let age = SignedDuration::from_secs(now.as_second().saturating_sub(header.seconds));
    if age > tolerance.max(SignedDuration::ZERO) {
        return Err(VerifyError::TooOld);
    }
    if age < -tolerance.max(SignedDuration::ZERO) {
        return Err(VerifyError::TooNew);
    }
    Ok(signed_by)
}

pub(crate) fn mac(secret: &Secret, time: &[u8], body: &[u8]) -> [u8; 32] {
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
