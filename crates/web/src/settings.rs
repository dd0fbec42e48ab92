//! What the surfaces are told once, at start.

use frontdesk_core::words::Language;
use http::Uri;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The webhook path where the configuration names none.
pub const WEBHOOK_PATH: &str = "/webhooks/stripe";

/// Paths that Frontdesk serves itself; a webhook path below one of them would shadow it.
pub(crate) const OWN_PATHS: [&str; 11] = [
    "/assets",
    "/csp-report",
    "/favicon.ico",
    "/healthz",
    "/problems",
    "/readyz",
    "/robots.txt",
    "/status",
    "/webhooks/circle",
    "/webhooks/kit",
    "/welcome",
];

/// Everything the surfaces are told.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Where customers reach this installation: scheme, host and port, without a slash at the end. Links are built
    /// from it, never from a request's `Host`.
    pub url: String,
    /// The site's name, as customers know it.
    pub name: String,
    /// The path of the source's webhook endpoint, with a slash in front.
    pub webhook_path: String,
    /// Where the community is opened.
    pub community_url: Option<String>,
    /// The address at which a person answers.
    pub help_email: Option<String>,
    /// The zone of the times that pages are written with.
    pub zone: TimeZone,
    /// The language of pages where the visitor's is not known.
    pub language: Language,
    /// How long an invitation that nobody accepted counts as open.
    pub invite_stale_after: SignedDuration,
    /// A proxy on this machine or on a private network terminates TLS and names the visitor in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Addresses of further proxies that are believed.
    pub trusted_proxies: BTreeSet<IpAddr>,
}

/// Why the surfaces do not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// The site's URL is none.
    #[error("`{0}` is not the address of a site: write `https://` and the host")]
    Url(String),
    /// The webhook path is none, or is one of ours.
    #[error("`{0}` cannot be the path of the webhook endpoint")]
    WebhookPath(String),
}

/// The public address of the site, read once.
#[derive(Clone, Debug)]
pub(crate) struct PublicUrl {
    text: String,
    host: String,
    port: Option<u16>,
    is_https: bool,
}

impl PublicUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, BadSettings> {
        let bad = || BadSettings::Url(text.to_owned());
        let text = text.trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad()),
        };
        let authority = uri.authority().ok_or_else(bad)?;
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(bad());
        }
        let host = authority.host().to_ascii_lowercase();
        Ok(Self { text: text.to_owned(), host, port: authority.port_u16(), is_https })
    }

    /// The address as text, without a slash at the end.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) const fn is_https(&self) -> bool {
        self.is_https
    }

    /// Whether the site is on this machine alone: development, demo, tests.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether a request that names `host` (with or without a port) means this site. A site on this machine answers
    /// to each of the machine's names for itself, on any port.
    pub(crate) fn is_named(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host().to_ascii_lowercase();
        if self.is_loopback() {
            return is_loopback(&name);
        }
        let usual = if self.is_https { 443 } else { 80 };
        name == self.host && authority.port_u16().unwrap_or(usual) == self.port.unwrap_or(usual)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Refuses a webhook path that is none or that would hide a page of ours.
pub(crate) fn check_webhook_path(path: &str) -> Result<(), BadSettings> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let is_path = path.starts_with('/') && path.len() > 1 && path.bytes().all(allowed);
    let is_own = OWN_PATHS
        .iter()
        .any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    if is_path && !is_own { Ok(()) } else { Err(BadSettings::WebhookPath(path.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_answers_to_its_own_name_alone() {
        let cases = [
            ("https://members.example", "members.example", true),
            ("https://members.example", "MEMBERS.example:443", true),
            ("https://members.example", "members.example:80", false),
            ("https://members.example:8443", "members.example:8443", true),
            ("https://members.example:8443", "members.example", false),
            ("https://members.example", "members.example.evil.example", false),
            ("https://members.example", "x@members.example", false),
            ("https://members.example", "", false),
            ("https://members.example", "127.0.0.1", false),
            ("http://127.0.0.1:8080", "localhost:9", true),
            ("http://127.0.0.1:8080", "[::1]:8080", true),
            ("http://localhost:8080", "evil.example", false),
        ];
        for (url, host, expect) in cases {
            assert_eq!(PublicUrl::parse(url).unwrap().is_named(host), expect, "{url} {host:?}");
        }
    }

    #[test]
    fn what_is_no_site_is_refused() {
        for url in [
            "",
            "members.example",
            "ftp://members.example",
            "https://a@b.example",
            "https://b.example/x",
            "https://b.example?x",
        ] {
            assert!(PublicUrl::parse(url).is_err(), "{url}");
        }
        assert_eq!(PublicUrl::parse("https://b.example/").unwrap().as_str(), "https://b.example");
    }

    #[test]
    fn a_webhook_path_hides_no_page() {
        for (path, expect) in [
            ("/webhooks/stripe", true),
            ("/api/webhooks/payment", true),
            ("/statuses", true),
            ("/status/hook", false),
            ("/readyz", false),
            ("/", false),
            ("webhooks", false),
            ("/a/{b}", false),
        ] {
            assert_eq!(check_webhook_path(path).is_ok(), expect, "{path}");
        }
    }
}
