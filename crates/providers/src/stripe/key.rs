//! What an API key says about itself by its first letters.

use crate::secret::Secret;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `rk_…`: what its owner ticked. The kind to use.
    Restricted,
    /// `sk_…`: everything. Taken, with a warning.
    Secret,
    /// `pk_…`: for web pages. It reads nothing that Frontdesk needs: an error.
    Publishable,
    /// Begins like none of these.
    Unknown,
}

/// Which of an account's two worlds a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMode {
    /// Real money.
    Live,
    /// Test data.
    Test,
    /// The key does not say.
    Unknown,
}

impl KeyMode {
    /// The `livemode` of the events that belong to it; `None` when the key does not say.
    pub const fn livemode(self) -> Option<bool> {
        match self {
            Self::Live => Some(true),
            Self::Test => Some(false),
            Self::Unknown => None,
        }
    }
}

/// The kind and the mode of a key, from its prefix alone.
///
/// Source: Stripe docs, *API keys* (read 2026-11-24): `rk_live_…`, `sk_test_…` and so on.
pub fn key_kind(key: &Secret) -> (KeyKind, KeyMode) {
    let mut parts = key.expose().splitn(3, '_');
    let kind = match parts.next() {
        Some("rk") => KeyKind::Restricted,
        Some("sk") => KeyKind::Secret,
        Some("pk") => KeyKind::Publishable,
        _ => KeyKind::Unknown,
    };
    let mode = match (kind, parts.next(), parts.next()) {
        (KeyKind::Unknown, ..) => KeyMode::Unknown,
        (_, Some("live"), Some(_)) => KeyMode::Live,
        (_, Some("test"), Some(_)) => KeyMode::Test,
        _ => KeyMode::Unknown,
    };
    (kind, mode)
}

/// The mode of a key; see [`key_kind`].
pub fn key_mode(key: &Secret) -> KeyMode {
    key_kind(key).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_kind_and_mode_by_its_prefix() {
        let table = [
            ("rk_live_51abc", KeyKind::Restricted, KeyMode::Live),
            ("rk_test_51abc", KeyKind::Restricted, KeyMode::Test),
            ("sk_live_51_a_b", KeyKind::Secret, KeyMode::Live),
            ("pk_test_51abc", KeyKind::Publishable, KeyMode::Test),
            ("sk_51abc", KeyKind::Secret, KeyMode::Unknown),
            ("rk_live", KeyKind::Restricted, KeyMode::Unknown),
            ("whsec_live_abc", KeyKind::Unknown, KeyMode::Unknown),
            ("", KeyKind::Unknown, KeyMode::Unknown),
        ];
        for (value, kind, mode) in table {
            assert_eq!(key_kind(&Secret::new("key#0000", value.to_owned())), (kind, mode), "{value}");
        }
        assert_eq!(key_mode(&Secret::new("key#0000", "rk_test_1".to_owned())).livemode(), Some(false));
    }
}
