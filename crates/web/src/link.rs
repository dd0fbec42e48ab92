//! Status links: random tokens, kept as hashes, each bound to one customer (SECURITY §6).

use crate::settings::PublicUrl;
use frontdesk_core::id::{CustomerId, base32};
use frontdesk_engine::{Engine, Ports};
use frontdesk_store::{Commit, Error, LinkPurpose, StatusLink, Write};
use http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

/// How long a link opens the page. Opening it does not prolong it.
pub const LINK_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a browser keeps what a link gave it.
const COOKIE_LASTS: SignedDuration = SignedDuration::from_hours(24);

/// What every token begins with, so that a scanner for leaked secrets knows one.
const PREFIX: &str = "fds_";
/// Letters of 256 random bits, five each.
const RANDOM_LETTERS: usize = 52;
/// Letters of the check, which tells a mistyped token without asking the store.
const CHECK_LETTERS: usize = 7;

/// Makes a link to a customer's status page: `https://members.example/status/fds_…`; `None` if there is no such
/// customer. `site_url` has no slash at its end.
///
/// The link opens for [`LINK_LASTS`]. A sixth link of one customer takes back the oldest. The token is in the
/// answer alone: the store keeps its SHA-256.
pub async fn mint_status_link<P: Ports>(
    engine: &Engine<P>,
    site_url: &str,
    customer: &CustomerId,
) -> Result<Option<String>, Error> {
    let Some(view) = engine.view(customer).await? else { return Ok(None) };
    let mut random = [0; 32];
    engine.ports().random(&mut random);
    let token = Token::from_random(&random);
    let created_at = engine.ports().now_wall();
    let link = StatusLink {
        token_hash: token.hash(),
        customer: view.row.id,
        purpose: LinkPurpose::Status,
        created_at,
        expires_at: created_at.saturating_add(LINK_LASTS).unwrap_or(Timestamp::MAX),
        revoked_at: None,
    };
    engine.store().commit(Commit { expect: Vec::new(), writes: vec![Write::StatusLink(link)] }).await?;
    Ok(Some(format!("{site_url}/status/{}", token.0)))
}

/// A token that is well formed. Never logged, never stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    fn from_random(random: &[u8; 32]) -> Self {
        let random = base32(random);
        Self(format!("{PREFIX}{random}{}", check(&random)))
    }

    /// Reads a token; `None` for what none of ours looks like.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let letters = text.strip_prefix(PREFIX)?;
        if letters.len() != RANDOM_LETTERS + CHECK_LETTERS || !letters.is_ascii() {
            return None;
        }
        let (random, told) = letters.split_at(RANDOM_LETTERS);
        (told == check(random)).then(|| Self(text.to_owned()))
    }

    /// What the store knows it by: SHA-256, hex.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

fn check(random: &str) -> String {
    base32(&Sha256::digest(random)[..4])
}

/// The cookie's name. `__Host-` binds it to this very host over https; a site on plain http, which only a loopback
/// one may be, has a name that says so.
const fn cookie_name(site: &PublicUrl) -> &'static str {
    if site.is_https() { "__Host-fd_status" } else { "fd_status_insecure" }
}

/// The cookie that stands for a link, for a day or as long as the link still opens.
pub(crate) fn cookie(site: &PublicUrl, token: &Token, link: &StatusLink, now: Timestamp) -> HeaderValue {
    let seconds = link.expires_at.duration_since(now).min(COOKIE_LASTS).as_secs().max(0);
    let secure = if site.is_https() { "; Secure" } else { "" };
    let name = cookie_name(site);
    let text = format!("{name}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", token.0);
    HeaderValue::from_str(&text).expect("a token is of letters, digits and a dash below")
}

/// The token that the browser's cookie holds.
pub(crate) fn token_of(site: &PublicUrl, headers: &HeaderMap) -> Option<Token> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == cookie_name(site)).and_then(|(_, value)| Token::parse(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_with_any_letter_changed_is_none() {
        let token = Token::from_random(&[7; 32]);
        assert_eq!(token.0.len(), PREFIX.len() + RANDOM_LETTERS + CHECK_LETTERS);
        assert!(Token::parse(&token.0).as_ref() == Some(&token));
        for place in 0..token.0.len() {
            for letter in ["0", "z", "A", "é"] {
                let mut changed = token.0.clone();
                changed.replace_range(place..=place, letter);
                assert!(changed == token.0 || Token::parse(&changed).is_none(), "{changed}");
            }
        }
        for cut in 0..token.0.len() {
            assert!(Token::parse(&token.0[..cut]).is_none());
        }
    }

    #[test]
    fn two_tokens_have_two_hashes() {
        let hashes = [[1; 32], [2; 32]].map(|random| Token::from_random(&random).hash());
        assert_ne!(hashes[0], hashes[1]);
        assert!(hashes.iter().all(|hash| hash.len() == 64));
    }
}
