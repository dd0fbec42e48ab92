//! Lengths of time and URLs, as the configuration writes them.

use http::Uri;
use jiff::SignedDuration;
use std::fmt;
use std::net::IpAddr;

/// Longest length of time that a key takes: ten years, far beyond anything useful and far from overflow.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// Reads a number and a unit: `90s`, `15m`, `12h`, `7d`. A day is 24 hours of clock time. `None` for anything else,
/// for a negative number and for more than ten years.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().next_back()?;
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let span = SignedDuration::from_secs(digits.parse::<i64>().ok()?.checked_mul(seconds)?);
    (span <= SPAN_MAX).then_some(span)
}

/// Scheme, host and port of a server, without path: `https://api.stripe.com`. Clients append their own paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Checks that `text` is an absolute http or https URL with a host and nothing behind it. The error says what is
    /// wrong in words that follow "`…`".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let uri = web_uri(text)?;
        if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
            return Err("has a path, and Frontdesk appends its own");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there is encrypted on the way.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Whether it leads to this machine: `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.0.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback_host))
    }

    /// The port that it names, where it is on this machine: nothing stands in front of it there.
    pub fn loopback_port(&self) -> Option<u16> {
        self.is_loopback().then(|| self.0.parse::<Uri>().ok()?.port_u16())?
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks that `text` is an absolute http or https URL with a host and without credentials.
pub(super) fn web_uri(text: &str) -> Result<Uri, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "is not a URL")?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("is not a whole URL: it begins with https://");
    };
    if !matches!(scheme, "http" | "https") {
        return Err("is neither http nor https");
    }
    if authority.as_str().contains('@') {
        return Err("holds a user name or password");
    }
    if authority.host().is_empty() {
        return Err("has no host");
    }
    if text.contains('#') {
        return Err("has a fragment");
    }
    Ok(uri)
}

/// A URL as it may be shown: without the user name and password that it may hold.
pub(super) fn shown(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}…{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback_uri(uri: &Uri) -> bool {
    uri.host().is_some_and(is_loopback_host)
}

fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let rows = [
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("12h", Some(43_200)),
            ("7d", Some(604_800)),
            ("0d", Some(0)),
            ("3650d", Some(315_360_000)),
            ("3651d", None),
            ("9999999999999999999d", None),
            ("-1d", None),
            ("+1d", None),
            ("1.5h", None),
            ("7 d", None),
            ("7", None),
            ("d", None),
            ("", None),
            ("7é", None),
            ("7w", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(duration(text), seconds.map(SignedDuration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_base_url_is_a_bare_host() {
        for good in
            ["https://api.stripe.com", "http://127.0.0.1:4242", "https://api.kit.com/", "http://[::1]:1"]
        {
            assert!(BaseUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "api.stripe.com",
            "ftp://x.example",
            "https://x.example/v1",
            "https://u:p@x.example",
            "https://x.example?a",
            "",
        ] {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            BaseUrl::parse("https://api.kit.com/").map(|url| url.as_str().to_owned()),
            Ok("https://api.kit.com".to_owned())
        );
    }

    #[test]
    fn a_shown_url_has_no_password() {
        assert_eq!(shown("https://u:hunter2@x.example/a"), "https://…@x.example/a");
        assert_eq!(shown("https://x.example/a"), "https://x.example/a");
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        let rows = [
            ("http://127.0.0.1:4242", true),
            ("http://127.9.9.9", true),
            ("http://localhost:4242", true),
            ("http://[::1]:4242", true),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
            ("https://api.stripe.com", false),
            ("http://10.0.0.1", false),
        ];
        for (text, expected) in rows {
            assert_eq!(BaseUrl::parse(text).unwrap().is_loopback(), expected, "{text}");
        }
    }
}
