//! What every request to a target carries, and how its operations are declared.
//!
//! A target's requests can only be built from its table of [`Operation`]s: the method and the path
//! template come from the table, so the table is the list of what Frontdesk may ask of a target.

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use jiff::SignedDuration;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Write as _;

/// The product as it names itself to providers. Stable and descriptive: some edges refuse unusual
/// clients, and an operator can ask for this one to be let through.
pub const AGENT: &str = concat!("Frontdesk/", env!("CARGO_PKG_VERSION"), " (self-hosted membership sync)");

/// Our id of one request, in the request's own header and in our logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Our id of the effect that the request is meant to have; the same over repeats of one intent.
pub const EFFECT_ID: HeaderName = HeaderName::from_static("frontdesk-effect");

/// Longest id that is put into a header or taken out of one, in bytes.
pub const ID_BYTES_MAX: usize = 100;

/// What a repeat of an operation can do to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is changed.
    Read,
    /// A state is set: repeating it changes nothing more.
    SetLike,
    /// Something is sent to a person: repeating it may send it twice.
    MessageLike,
    /// Something of the account's own is made: repeating it makes another one.
    Creates,
}

/// What makes a repeat of an operation harmless at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// The call names the state that it sets, and the provider keeps one of it.
    NaturalKey,
    /// Nothing that the provider promises.
    None,
}

/// Which part of a provider's allowance a call is paid from (DESIGN §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Budget {
    /// Giving something: may use the reserve.
    Grant,
    /// Taking something: may use the reserve.
    Removal,
    /// Looking at one person: stops before the reserve.
    Look,
    /// Reading the account itself, at start-up and when the catalogue changes.
    Setup,
}

/// One thing that Frontdesk asks of a target (RELIABILITY §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name in logs and in the ledger of calls.
    pub name: &'static str,
    /// The method, as a word.
    pub method: &'static str,
    /// The path below the account's address; `{}` stands for a number.
    pub path: &'static str,
    /// What a repeat can do.
    pub effect: Effect,
    /// What makes a repeat harmless.
    pub idempotency: Idempotency,
    /// Whether a read can show if it was done.
    pub has_look_up: bool,
    /// How long after it that read may still show the state from before.
    pub shows_after: SignedDuration,
    /// The statuses that say for certain that it was not done.
    pub refusals: &'static [u16],
    /// What its calls are paid from.
    pub budget: Budget,
}

impl Operation {
    /// The path with its numbers filled in.
    ///
    /// A template has as many `{}` as `numbers` has entries; the tests of each table say so.
    fn fill(&self, numbers: &[u64]) -> String {
        let mut path = String::with_capacity(self.path.len() + 20 * numbers.len());
        let mut parts = self.path.split("{}");
        path.push_str(parts.next().unwrap_or_default());
        for (part, number) in parts.zip(numbers) {
            write!(path, "{number}{part}").expect("a String takes all that is written to it");
        }
        path
    }
}

/// The ids of ours under which a request can be found again.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    /// This request, in [`REQUEST_ID`]. A new one for each try.
    pub request: &'a str,
    /// The intent that it serves, in [`EFFECT_ID`]. The same one for each try; none for a read that
    /// serves no intent.
    pub effect: Option<&'a str>,
}

/// Where an account's API is: scheme, host and an optional path before every operation's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    uri: Uri,
    prefix: String,
}

/// An address that no request can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no base address: it takes `https://` or `http://`, a host, and no query")]
pub struct BadBase {
    /// The address as configured. Base addresses hold no secret: one with `@` is not shown.
    pub text: String,
}

impl Base {
    /// Reads the configured address; a trailing slash does not matter.
    ///
    /// Plain `http` is taken: whether it may be used beyond loopback is the configuration's rule.
    pub fn parse(text: &str) -> Result<Self, BadBase> {
        let bad =
            || BadBase { text: if text.contains('@') { "…@…".to_owned() } else { text.to_owned() } };
        let uri: Uri = text.trim().parse().map_err(|_| bad())?;
        let is_web = uri.scheme().is_some_and(|scheme| *scheme == Scheme::HTTPS || *scheme == Scheme::HTTP);
        let names_host = uri.authority().is_some_and(|host| !host.as_str().contains('@'));
        if !is_web || !names_host || uri.query().is_some() {
            return Err(bad());
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { uri, prefix })
    }

    /// The address of an operation: its path below this base, with `query` percent-encoded.
    pub(crate) fn join(&self, path: &str, query: &[(&str, &str)]) -> Uri {
        let mut text = format!("{}{path}", self.prefix);
        for (place, (name, value)) in query.iter().enumerate() {
            text.push(if place == 0 { '?' } else { '&' });
            text.extend([name, "="]);
            text.extend(utf8_percent_encode(value, ENCODED));
        }
        let path: PathAndQuery =
            text.parse().expect("a checked prefix, a template of ours and encoded values are a path");
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).expect("a scheme, a host and a path are an address")
    }
}

/// All but the unreserved characters of RFC 3986: a `+` in an address becomes `%2B`, where a bare one
/// would be read as a blank.
pub(crate) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One request to be: an operation and what goes into it.
pub(crate) struct Draft<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) numbers: &'a [u64],
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<serde_json::Value>,
}

impl Draft<'_> {
    /// The request, with `credential` as its one secret header.
    pub(crate) fn build(
        self,
        base: &Base,
        (name, credential): (HeaderName, HeaderValue),
        marks: Marks<'_>,
    ) -> Request<Vec<u8>> {
        let mut request =
            Request::new(self.body.as_ref().map_or_else(Vec::new, |body| body.to_string().into_bytes()));
        *request.method_mut() = method(self.operation);
        *request.uri_mut() = base.join(&self.operation.fill(self.numbers), self.query);
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(REQUEST_ID, id_value(marks.request));
        if let Some(effect) = marks.effect {
            headers.insert(EFFECT_ID, id_value(effect));
        }
        headers.insert(name, credential);
        request
    }
}

/// The method of an operation.
fn method(operation: &Operation) -> Method {
    Method::from_bytes(operation.method.as_bytes())
        .expect("the tables spell methods as HTTP does; their tests say so")
}

/// An id as a header value: what [`word`] keeps of it.
fn id_value(id: &str) -> HeaderValue {
    HeaderValue::from_str(&word(id)).expect("letters, digits and `_.:-` are a header value")
}

/// What of `text` is safe in a header, a log line and a page: letters, digits and `_.:-`, at most
/// [`ID_BYTES_MAX`] of them.
pub(crate) fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_.:-".contains(*c)).take(ID_BYTES_MAX).collect()
}

/// The provider's id of the request, from `X-Request-Id`, to be quoted to its support.
///
/// `None` when there is none, or nothing of it is left after everything but letters, digits and
/// `_.:-` was dropped. Kit sends one (docs/providers.md, Kit §5); Circle is not known to.
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(REQUEST_ID)?.as_bytes());
    Some(word(&text)).filter(|id| !id.is_empty())
}

/// A request as text for a snapshot, without what differs between releases or must stay secret.
#[cfg(test)]
pub(crate) fn shown(request: &Request<Vec<u8>>) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        let value = if value.is_sensitive() { "(secret)" } else { value.to_str().unwrap() };
        writeln!(text, "{name}: {}", value.replace(env!("CARGO_PKG_VERSION"), "VERSION")).unwrap();
    }
    if !request.body().is_empty() {
        writeln!(text, "\n{}", String::from_utf8_lossy(request.body())).unwrap();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_takes_a_prefix_and_refuses_what_leads_nowhere() {
        let join = |base: &str| Base::parse(base).unwrap().join("/v4/tags", &[("q", "a+b c@d")]).to_string();
        assert_eq!(join("https://api.kit.com"), "https://api.kit.com/v4/tags?q=a%2Bb%20c%40d");
        assert_eq!(join("http://127.0.0.1:4010/kit/"), "http://127.0.0.1:4010/kit/v4/tags?q=a%2Bb%20c%40d");
        for bad in
            ["", "api.kit.com", "/v4", "ftp://x.example", "https://u:p@x.example", "https://x.example/?a=b"]
        {
            assert!(Base::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_provider_request_id_is_cut_to_what_is_safe_to_show() {
        let id = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            request_id(&headers)
        };
        assert_eq!(id(b"8f14e45f-ceea_1.2:3").as_deref(), Some("8f14e45f-ceea_1.2:3"));
        assert_eq!(id(b"a <b>\xff\"c").as_deref(), Some("abc"));
        assert_eq!(id(b"<>"), None);
        assert_eq!(id(&[b'x'; 500]).unwrap().len(), ID_BYTES_MAX);
        assert_eq!(request_id(&HeaderMap::new()), None);
    }
}
