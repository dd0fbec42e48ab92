//! Refusals and failures as programs read them: problem documents (RFC 9457).
//!
//! A handler returns a [`Problem`]; the middleware around all routes writes it down, because it knows the request's
//! id and whether a person or a program asked. No problem ever holds what a database or a provider said.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// What sort of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    NoEvent,
    Signature,
    PlainHttp,
    NotFound,
    Method,
    TooSlow,
    TooLarge,
    UriTooLong,
    Encoding,
    UnknownHost,
    TooMany,
    HeadersTooLarge,
    Failed,
    Busy,
}

impl Kind {
    const ALL: [Self; 15] = [
        Self::BadRequest,
        Self::NoEvent,
        Self::Signature,
        Self::PlainHttp,
        Self::NotFound,
        Self::Method,
        Self::TooSlow,
        Self::TooLarge,
        Self::UriTooLong,
        Self::Encoding,
        Self::UnknownHost,
        Self::TooMany,
        Self::HeadersTooLarge,
        Self::Failed,
        Self::Busy,
    ];

    /// Its name, the last part of its `type`.
    const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::NoEvent => "no-event",
            Self::Signature => "signature",
            Self::PlainHttp => "plain-http",
            Self::NotFound => "not-found",
            Self::Method => "method",
            Self::TooSlow => "too-slow",
            Self::TooLarge => "too-large",
            Self::UriTooLong => "uri-too-long",
            Self::Encoding => "encoding",
            Self::UnknownHost => "unknown-host",
            Self::TooMany => "too-many",
            Self::HeadersTooLarge => "headers-too-large",
            Self::Failed => "failed",
            Self::Busy => "busy",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::NoEvent => StatusCode::BAD_REQUEST,
            Self::Signature => StatusCode::UNAUTHORIZED,
            Self::PlainHttp => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be read",
            Self::NoEvent => "The body is no event",
            Self::Signature => "The signature is not accepted",
            Self::PlainHttp => "This needs https",
            Self::NotFound => "There is nothing here",
            Self::Method => "This method does nothing here",
            Self::TooSlow => "The request came too slowly",
            Self::TooLarge => "The body is too large",
            Self::UriTooLong => "The address is too long",
            Self::Encoding => "The body's encoding is not taken",
            Self::UnknownHost => "This site has another name",
            Self::TooMany => "Too many requests",
            Self::HeadersTooLarge => "The headers are too large",
            Self::Failed => "Something failed here",
            Self::Busy => "Not now",
        }
    }

    /// What it means and what to do: the `detail` where a handler gives no other, and the page of its `type`.
    const fn detail(self) -> &'static str {
        match self {
            Self::BadRequest => "The request could not be read. Nothing was changed.",
            Self::NoEvent => {
                "The signature is good and the body is no event. A copy is kept; nothing follows from it."
            }
            Self::Signature => {
                "The signature is missing, malformed, wrong, too old or from the future. Nothing was stored. \
                 Check that the signing secret of this endpoint is configured and that the clock is right."
            }
            Self::PlainHttp => "The request reached the proxy over plain http. Send it to the https address.",
            Self::NotFound => "Nothing is served at this address. Check the path.",
            Self::Method => "The header `Allow` names the methods that do something here.",
            Self::TooSlow => "The request was not complete in time. Send it again.",
            Self::TooLarge => "The body is larger than is read here. It was not read to its end.",
            Self::UriTooLong => "The path and query together may be 4,096 bytes long.",
            Self::Encoding => {
                "Send the body as it is, without `Content-Encoding`: its signature covers those bytes."
            }
            Self::UnknownHost => "The request names a host that is not this site's.",
            Self::TooMany => {
                "This network sent too many requests of this kind. The header `Retry-After` says when to come back."
            }
            Self::HeadersTooLarge => "At most 64 headers of together 16 KiB are read.",
            Self::Failed => {
                "A fault of ours; nothing was changed. The log knows it under the id in `instance`."
            }
            Self::Busy => "It could not be done now. Nothing was lost; come back after `Retry-After`.",
        }
    }

    /// The kind that says best what an answer of this status, made by a library, means.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let same = Self::ALL.into_iter().find(|kind| kind.status() == status);
        same.unwrap_or(if status.is_server_error() { Self::Failed } else { Self::BadRequest })
    }

    /// The page of a problem's `type`: its title and what it means.
    pub(crate) fn page(name: &str) -> Option<String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name)?;
        Some(format!("{} ({})\n\n{}\n", kind.title(), kind.status().as_u16(), kind.detail()))
    }
}

/// One problem, not yet written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
}

/// A problem as written.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
}

impl Problem {
    /// A problem of this kind with its usual words.
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, detail: Cow::Borrowed(kind.detail()), retry_after: None }
    }

    /// In our own words: nothing that a visitor, a database or a provider wrote.
    pub(crate) fn saying(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// When to come back.
    pub(crate) const fn after(mut self, span: Duration) -> Self {
        self.retry_after = Some(span);
        self
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// The headers that belong to it, whether a program or a person reads it.
    pub(crate) fn dress(&self, response: &mut Response) {
        let headers = response.headers_mut();
        if let Some(span) = self.retry_after {
            // Whole seconds, rounded up: an earlier return would be refused again.
            let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.kind == Kind::Signature {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Signature realm=\"webhooks\""));
        }
    }

    /// The document. `site` is where its `type` has a page, `instance` the request's id.
    pub(crate) fn document(&self, site: &str, instance: &str) -> Response {
        let document = Document {
            r#type: format!("{site}/problems/{}", self.kind.name()),
            title: self.kind.title(),
            status: self.status().as_u16(),
            detail: &self.detail,
            instance,
        };
        let body = serde_json::to_vec(&document).expect("a document is text and a number");
        let media_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status(), [(CONTENT_TYPE, media_type)], body).into_response();
        self.dress(&mut response);
        response
    }

    /// The problem behind an answer that a library made, keeping the methods that it allows.
    pub(crate) fn take_from(response: &Response) -> (Self, Option<HeaderValue>) {
        let told = response.extensions().get::<Self>().cloned();
        let problem = told.unwrap_or_else(|| Self::new(Kind::of_status(response.status())));
        (problem, response.headers().get(ALLOW).cloned())
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem to the middleware.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_has_a_name_and_a_page_of_its_own() {
        let names: BTreeSet<_> = Kind::ALL.into_iter().map(Kind::name).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            let page = Kind::page(kind.name()).unwrap();
            assert!(page.starts_with(kind.title()) && page.contains(kind.detail()), "{page}");
        }
        assert_eq!(Kind::page("else"), None);
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (span, expect) in
            [(Duration::ZERO, "1"), (Duration::from_millis(1), "1"), (Duration::from_millis(1001), "2")]
        {
            let response = Problem::new(Kind::Busy).after(span).document("https://a.example", "fdr_1");
            assert_eq!(response.headers()[RETRY_AFTER], expect, "{span:?}");
        }
    }
}
