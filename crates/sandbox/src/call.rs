//! One HTTP exchange as plain values: what a fake is asked and what it answers.
//!
//! The fakes never see a socket. The server turns a request into a [`Call`] and an [`Answer`] into a
//! response; the simulator makes both itself on a virtual clock.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request as a fake sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The method in capitals, such as `GET`.
    pub method: String,
    /// The path as sent, percent-encoding kept, without the query.
    pub path: String,
    /// The query parameters, decoded, in the order sent. A name may occur more than once.
    pub query: Vec<(String, String)>,
    /// The headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body; empty when there is none.
    pub body: Vec<u8>,
}

impl Call {
    /// Makes a call without headers or body from a method and a target such as `/v1/events?limit=3`.
    ///
    /// The query is decoded as a form: `+` is a blank.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: method.to_owned(), path: path.to_owned(), query: form(query), ..Self::default() }
    }

    /// Adds a header; the name is lower-cased.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    /// The segments of the path, each percent-decoded, without the empty ones.
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Decodes `a=b&c=d` as an HTML form does: `+` is a blank, then percent-decoding, order kept.
pub fn form(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        percent_encoding::percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// A response as a fake gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body; empty when there is none.
    pub body: Vec<u8>,
}

impl Answer {
    /// A JSON answer in the compact form.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::typed(status, "application/json; charset=utf-8", value.to_string().into_bytes())
    }

    /// A plain-text answer.
    pub fn text(status: u16, text: &str) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    /// An HTML answer, as a proxy in front of a provider gives.
    pub fn html(status: u16, text: &str) -> Self {
        Self::typed(status, "text/html; charset=utf-8", text.as_bytes().to_vec())
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn typed(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body }
    }
}

/// What a fake did with a call: whether its state changed, and what it would answer.
///
/// Drawn separately so that "did it, then failed to say so" is one fault, not two code paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// Whether the call changed what the fake holds.
    pub did: bool,
    /// What it answers if nothing comes between.
    pub answer: Answer,
}

impl Handled {
    /// A call that changed nothing.
    pub fn read(answer: Answer) -> Self {
        Self { did: false, answer }
    }

    /// A call that changed the state.
    pub fn wrote(answer: Answer) -> Self {
        Self { did: true, answer }
    }
}
