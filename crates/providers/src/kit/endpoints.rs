//! Kit's webhook endpoints: listed, made, and given a new secret.
//!
//! Source: Kit developer documentation, *Webhook endpoints* (autumn 2026); `docs/providers.md`, Kit §10.

use super::hook::WANTED;
use super::observe::Page;
use super::operations;
use super::request::{Account, Cursor, PER_PAGE};
use super::response::{Next, cursor, refusal};
use crate::answer::{Answer, id, part, parts, text};
use crate::call::{Draft, Marks};
use crate::secret::Secret;
use frontdesk_core::target::Failure;
use http::Request;
use jiff::Timestamp;
use serde_json::json;

/// What is asked about endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A page of the list. Its answer is read by [`listed`].
    List {
        /// Where the page begins; `None` for the first.
        after: Option<Cursor>,
    },
    /// A new one that posts [`WANTED`] to this URL. Its answer is read by [`secret`].
    Make {
        /// The URL, reachable from the internet.
        url: String,
    },
    /// A new secret for one; the one before stays valid for a while. Its answer is read by [`secret`].
    Rotate {
        /// Kit's id of it.
        endpoint: u64,
    },
}

/// The request for it.
///
/// # Errors
///
/// [`Failure::Unauthorized`] for a credential that cannot be sent.
pub fn request(account: &Account, ask: &Ask, marks: Marks<'_>) -> Result<Request<Vec<u8>>, Failure> {
    let send = |draft| account.request(draft, marks);
    match ask {
        Ask::List { after } => {
            let mut query = vec![("per_page", PER_PAGE)];
            query.extend(after.as_ref().map(|Cursor(cursor)| ("after", cursor.as_str())));
            send(Draft { operation: &operations::ENDPOINTS, numbers: &[], query: &query, body: None })
        }
        Ask::Make { url } => {
            let body = json!({ "url": url, "events": WANTED, "name": "Frontdesk" });
            send(Draft { operation: &operations::MAKE_ENDPOINT, numbers: &[], query: &[], body: Some(body) })
        }
        Ask::Rotate { endpoint } => send(Draft {
            operation: &operations::ROTATE_SECRET,
            numbers: &[*endpoint],
            query: &[],
            // Whoever asks knows no secret of it, so the one that is in its overlap is of no use either.
            body: Some(json!({ "force": true })),
        }),
    }
}

/// An endpoint that the account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Kit's id of it.
    pub id: u64,
    /// Where it posts.
    pub url: String,
    /// Whether it posts at all.
    pub is_active: bool,
    /// Which events it posts.
    pub events: Vec<String>,
}

impl Endpoint {
    /// The events that it should post and does not.
    pub fn lacks(&self) -> Vec<&'static str> {
        WANTED.into_iter().filter(|wanted| !self.events.iter().any(|event| event == wanted)).collect()
    }
}

/// What Kit says to a question about endpoints. That it does not let this credential manage them says nothing about the
/// credential itself (§10).
#[derive(Clone, Debug)]
pub enum Said<T> {
    /// The answer.
    Yes(T),
    /// It will not, and why, in our words.
    No(String),
}

/// Reads the answer to [`Ask::List`].
pub fn listed(answer: &Answer<'_>, now: Timestamp) -> Result<Said<Page<Endpoint>>, Failure> {
    said(answer, now, || {
        let object = answer.object()?;
        let rows = parts(&object, "webhook_endpoints")?.into_iter().map(|row| {
            let events = row.get("events").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            Some(Endpoint {
                id: id(row, "id")?,
                url: text(row, "url")?.to_owned(),
                is_active: text(row, "status")? == "active",
                events: events.iter().filter_map(serde_json::Value::as_str).map(str::to_owned).collect(),
            })
        });
        let entries = rows.collect::<Option<_>>()?;
        let next = match cursor(&object)? {
            Next::Page(cursor) => Some(cursor),
            Next::End => None,
        };
        Some(Page { entries, next })
    })
}

/// Reads the answer to [`Ask::Make`] and [`Ask::Rotate`]: the secret, which Kit shows this once.
pub fn secret(answer: &Answer<'_>, now: Timestamp) -> Result<Said<Secret>, Failure> {
    said(answer, now, || {
        let object = answer.object()?;
        let secret = text(part(&object, "webhook_endpoint")?, "secret")?;
        Some(Secret::new("targets.kit.endpoint_secret_file", secret.to_owned()))
    })
}

fn said<T>(answer: &Answer<'_>, now: Timestamp, read: impl Fn() -> Option<T>) -> Result<Said<T>, Failure> {
    let status = answer.status.as_u16();
    if matches!(status, 400 | 401 | 403 | 404 | 409 | 422) {
        let words: Vec<String> = answer
            .object()
            .and_then(|object| object.get("errors")?.as_array().cloned())
            .unwrap_or_default()
            .iter()
            .filter_map(|word| word.as_str().map(|word| word.chars().take(200).collect()))
            .collect();
        let words = if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) };
        return Ok(Said::No(format!("Kit answered {status}{words}")));
    }
    if !answer.status.is_success() {
        return Err(refusal(true, answer, now).unwrap_or_else(|| answer.transient("refused")));
    }
    read().map(Said::Yes).ok_or_else(|| answer.transient("a body that is no answer of the API"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Base;
    use crate::kit::Credential;
    use http::{HeaderMap, StatusCode};

    fn answer<T>(
        status: u16,
        body: &str,
        read: impl Fn(&Answer<'_>, Timestamp) -> Result<Said<T>, Failure>,
    ) -> Result<Said<T>, Failure> {
        let headers = HeaderMap::new();
        let status = StatusCode::from_u16(status).expect("a status");
        read(&Answer { status, headers: &headers, body: body.as_bytes() }, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_endpoint_is_asked_for_with_the_events_that_are_read() {
        let credential = Credential::ApiKey(Secret::new("key#0", "kit_key".to_owned()));
        let base = Base::parse("https://api.kit.com").expect("a base");
        let account = Account { base, credential };
        let marks = Marks { request: "req_1", effect: None };
        let ask = Ask::Make { url: "https://x.example/webhooks/kit".to_owned() };
        let request = request(&account, &ask, marks).expect("a request");
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v4/webhook_endpoints"));
        let body: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
        assert_eq!(body["events"], json!(WANTED));
    }

    #[test]
    fn a_refusal_says_nothing_about_the_credential_and_no_answer_is_tried_again() {
        for status in [401, 403, 404, 422] {
            let said = answer(status, r#"{"errors":["The access token is invalid"]}"#, secret);
            let Ok(Said::No(why)) = said else { panic!("{status}") };
            assert!(why.contains(&status.to_string()) && why.contains("access token"), "{why}");
        }
        for (status, body) in [(500, ""), (429, "Retry later"), (201, "{}"), (200, "<html>")] {
            assert!(answer(status, body, secret).is_err(), "{status} {body}");
        }
        let made = r#"{"webhook_endpoint":{"id":1,"secret":"whsec_1"}}"#;
        let Ok(Said::Yes(secret)) = answer(201, made, secret) else { panic!() };
        assert_eq!(secret.expose(), "whsec_1");
    }

    #[test]
    fn a_list_says_what_each_endpoint_lacks() {
        let page = r#"{"webhook_endpoints":[{"id":7,"url":"https://x.example/k","status":"active","events":["subscriber.tag_added"]}],
            "pagination":{"has_next_page":false,"end_cursor":"x"}}"#;
        let Ok(Said::Yes(page)) = answer(200, page, listed) else { panic!() };
        assert_eq!((page.entries[0].id, page.entries[0].is_active), (7, true));
        assert_eq!(page.entries[0].lacks().len(), WANTED.len() - 1);
    }
}
