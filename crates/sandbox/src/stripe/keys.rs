//! API keys: which mode and which permissions a call has, and how a call without them is refused.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;

use crate::call::{Answer, Call};

use super::errors::invalid;

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    Revoked,
    Expired,
    /// Bound to addresses from which no call comes.
    ElsewhereOnly,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) livemode: bool,
    pub(crate) standing: Standing,
    /// The `rak_` permissions it has; absent means all.
    pub(crate) permissions: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) rows: BTreeMap<String, Key>,
}

/// The account's id.
pub(crate) const ACCOUNT: &str = "acct_1Northwind";

impl Default for Keys {
    fn default() -> Self {
        let key = |livemode| Key { livemode, standing: Standing::Active, permissions: None };
        Self {
            rows: BTreeMap::from([
                ("rk_live_sandbox_frontdesk".to_owned(), key(true)),
                ("rk_test_sandbox_frontdesk".to_owned(), key(false)),
            ]),
        }
    }
}

impl Keys {
    /// The key text of a call: `Bearer`, or Basic with the key as the user.
    pub(crate) fn presented(call: &Call) -> Option<String> {
        let header = call.headers.get("authorization")?;
        let (scheme, rest) = header.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(rest.trim().to_owned());
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
            let text = String::from_utf8(decoded).ok()?;
            return Some(text.split(':').next().unwrap_or_default().to_owned());
        }
        None
    }

    /// The mode of the call, or the refusal.
    pub(crate) fn admit(&self, call: &Call) -> Result<(String, Key), Answer> {
        let Some(text) = Self::presented(call).filter(|text| !text.is_empty()) else {
            let message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
            return Err(invalid(401, None, message, None));
        };
        match self.rows.get(&text) {
            Some(key) => match key.standing {
                Standing::Active => Ok((text, key.clone())),
                Standing::Revoked => Err(refused(&format!("Invalid API Key provided: {}", masked(&text)))),
                Standing::Expired => Err(invalid(
                    401,
                    Some("api_key_expired"),
                    &format!("Expired API Key provided: {}", masked(&text)),
                    None,
                )),
                Standing::ElsewhereOnly => Err(invalid(
                    403,
                    None,
                    &format!(
                        "The API key provided '{}' does not allow requests from your IP address.",
                        masked(&text)
                    ),
                    None,
                )),
            },
            // What is no key at all comes back whole: a trap for whoever logs the message.
            None if !text.starts_with("rk_") && !text.starts_with("sk_") => {
                Err(refused(&format!("Invalid API Key provided: {text}")))
            }
            None => Err(refused(&format!("Invalid API Key provided: {}", masked(&text)))),
        }
    }

    /// Refuses a key that lacks a permission.
    pub(crate) fn allow(key: &(String, Key), permission: &str) -> Result<(), Answer> {
        match &key.1.permissions {
            Some(permissions) if !permissions.contains(permission) => {
                let message = format!(
                    "The provided key '{}' does not have the required permissions for this endpoint on account '{ACCOUNT}'. Having the '{permission}' permission would allow this request to continue.",
                    masked(&key.0)
                );
                Err(invalid(403, Some("more_permissions_required"), &message, None))
            }
            _ => Ok(()),
        }
    }
}

fn refused(message: &str) -> Answer {
    invalid(401, None, message, None)
}

/// A key with all but its lead and its last four letters covered.
pub(crate) fn masked(key: &str) -> String {
    let lead: String = key.chars().take(8).collect();
    let count = key.chars().count();
    if count <= 12 {
        return format!("{lead}****");
    }
    let tail: String = key.chars().skip(count - 4).collect();
    format!("{lead}{}{tail}", "*".repeat(count - 12))
}
