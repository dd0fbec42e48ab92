//! E-mail addresses: how two are compared, how one is masked, and which look mistyped.

use serde::{Deserialize, Serialize};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// Longest address that is taken, in bytes. RFC 5321 allows 254 in a path.
pub const ADDRESS_BYTES_MAX: usize = 254;

/// An address in the form in which two are compared.
///
/// Trimmed, Unicode NFC, lower case as a whole, the domain as IDNA. Dots and `+tags` are kept:
/// they are different mailboxes until their owner says otherwise (DESIGN §4).
///
/// ```
/// use frontdesk_core::email::Email;
/// assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
/// assert_eq!(Email::parse("ada@bücher.example").unwrap().as_str(), "ada@xn--bcher-kva.example");
/// assert_ne!(Email::parse("a.da@example.com"), Email::parse("ada@example.com"));
/// assert!(Email::parse("no address").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Reads an address as typed; `None` when it can be no address.
    ///
    /// Deliberately loose: the provider took it, so only what could break a request or a log line
    /// (blanks, control characters, no `@` or several, no domain) is refused.
    pub fn parse(typed: &str) -> Option<Self> {
        let text: String = typed.trim().nfc().collect::<String>().to_lowercase();
        if text.len() > ADDRESS_BYTES_MAX || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (local, domain) = text.rsplit_once('@')?;
        if local.is_empty() || domain.is_empty() || local.contains(['<', '>', ',', ';', '@']) {
            return None;
        }
        let domain = idna::domain_to_ascii(domain).ok().filter(|d| !d.is_empty())?;
        Some(Self(format!("{local}@{domain}")))
    }

    /// The normal form as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address with all but its first letters hidden: `a•••@e•••.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        let first = |part: &str| part.chars().next().map(String::from).unwrap_or_default();
        let tail = domain.rsplit_once('.').map(|(_, tail)| format!(".{tail}")).unwrap_or_default();
        format!("{}•••@{}•••{tail}", first(local), first(domain))
    }

    /// The well-known domain that was likely meant, when this one is a slip of the keyboard away
    /// from it (`gmial.com` → `gmail.com`). Offered, never assumed (DESIGN §4).
    pub fn likely_domain(&self) -> Option<&'static str> {
        let domain = self.domain();
        if KNOWN_DOMAINS.contains(&domain) {
            return None;
        }
        KNOWN_DOMAINS
            .iter()
            .map(|known| (strsim::damerau_levenshtein(domain, known), *known))
            .filter(|(distance, known)| *distance <= 2 && known.len() > 4 + 2 * distance)
            .min()
            .map(|(_, known)| known)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Mail domains that many people use; the targets of [`Email::likely_domain`].
const KNOWN_DOMAINS: &[&str] = &[
    "aol.com",
    "bluewin.ch",
    "btinternet.com",
    "comcast.net",
    "duck.com",
    "fastmail.com",
    "free.fr",
    "gmail.com",
    "gmx.at",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "live.com",
    "mac.com",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.es",
    "proton.me",
    "protonmail.com",
    "sapo.pt",
    "t-online.de",
    "telefonica.net",
    "uol.com.br",
    "wanadoo.fr",
    "web.de",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.com.br",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "ymail.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_only_first_letters_and_the_last_label() {
        assert_eq!(Email::parse("ada@example.com").unwrap().masked(), "a•••@e•••.com");
    }

    #[test]
    fn a_slip_is_offered_and_a_known_domain_is_not_corrected() {
        let meant = |typed: &str| Email::parse(typed).unwrap().likely_domain();
        assert_eq!(meant("ada@gmial.com"), Some("gmail.com"));
        assert_eq!(meant("ada@gmail.com"), None);
        assert_eq!(meant("ada@example.com"), None);
        assert_eq!(meant("ada@me.co"), None);
    }

    #[test]
    fn what_could_break_a_header_is_no_address() {
        for typed in ["", "@", "a@", "@b.c", "a b@c.d", "a\r\nBcc: x@y.z", "<a@b.c>", "a,b@c.d", "a@b@c.d"] {
            assert_eq!(Email::parse(typed), None, "{typed:?}");
        }
    }
}
