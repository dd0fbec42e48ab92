//! Secrets in memory: keys and signing secrets that cannot be printed by accident.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use subtle::ConstantTimeEq;

/// A secret value with a name that may be shown.
///
/// Zeroed when dropped. It has no `Display` and no `Serialize`, and `Debug` prints its id alone;
/// two are compared only by [`Secret::matches`], which takes the same time whatever differs.
///
/// ```
/// use frontdesk_providers::secret::Secret;
/// let secret = Secret::new("sources.stripe.api_key#1f0c", "rk_live_abc".to_owned());
/// assert_eq!(format!("{secret:?}"), "Secret(sources.stripe.api_key#1f0c)");
/// ```
///
/// It cannot be formatted for people:
///
/// ```compile_fail,E0277
/// use frontdesk_providers::secret::Secret;
/// let secret = Secret::new("sources.stripe.api_key#1f0c", "rk_live_abc".to_owned());
/// println!("{secret}");
/// ```
///
/// nor written by serde:
///
/// ```compile_fail,E0277
/// use frontdesk_providers::secret::Secret;
/// let secret = Secret::new("sources.stripe.api_key#1f0c", "rk_live_abc".to_owned());
/// serde_json::to_string(&secret);
/// ```
#[derive(Clone)]
pub struct Secret {
    id: String,
    value: SecretString,
}

impl Secret {
    /// Wraps `value` under an id that logs and pages may show.
    ///
    /// The id is the place in the configuration and a salted fingerprint, `name#1f0c`; whoever
    /// reads the configuration makes it, because the salt belongs to the installation.
    pub fn new(id: impl Into<String>, value: String) -> Self {
        Self { id: id.into(), value: SecretString::from(value) }
    }

    /// The id that may be shown.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The value itself, for the one place that signs with it or sends it.
    pub fn expose(&self) -> &str {
        self.value.expose_secret()
    }

    /// Whether `other` is this secret, in a time that does not depend on where they differ.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.expose().as_bytes().ct_eq(other).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_id_and_never_the_value() {
        let secret = Secret::new("name#0000", "whsec_value".to_owned());
        assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(name#0000))");
    }

    #[test]
    fn only_the_same_bytes_match() {
        let secret = Secret::new("name#0000", "whsec_value".to_owned());
        assert!(secret.matches(b"whsec_value"));
        for other in [&b""[..], b"whsec_valu", b"whsec_valuE", b"whsec_value "] {
            assert!(!secret.matches(other), "{other:?}");
        }
    }
}
