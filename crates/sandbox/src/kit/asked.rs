//! What a call asks for, from the query string and the JSON body.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::{Map, Value};

use crate::call::Call;

/// Parameters by name; the query wins over the body.
///
/// Kit documents the address of an untag in the query, and its SDK sends it in the body.
pub(super) struct Asked<'a> {
    call: &'a Call,
    body: Map<String, Value>,
}

impl<'a> Asked<'a> {
    /// Reads a call; `None` if it calls its body JSON and the body is none.
    ///
    /// A body of another content type is not looked at.
    pub(super) fn of(call: &'a Call) -> Option<Self> {
        let is_json =
            call.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let body = if !is_json || call.body.is_empty() {
            Map::new()
        } else {
            match serde_json::from_slice(&call.body) {
                Ok(Value::Object(body)) => body,
                Ok(_) | Err(_) => return None,
            }
        };
        Some(Self { call, body })
    }

    /// A text; `None` if it is missing, not a text or blank.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.call
            .parameter(name)
            .or_else(|| self.body.get(name).and_then(Value::as_str))
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// Any value of the body.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.call.parameter(name) == Some("true")
    }

    /// Whether a comma-separated list of the query has a word.
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        self.call.parameter(name).is_some_and(|list| list.split(',').any(|item| item.trim() == word))
    }

    /// An instant, or the midnight (UTC) that begins a day; the error names the parameter.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let as_day = || {
            let day: Date = text.parse().ok()?;
            Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
        };
        text.parse().ok().or_else(as_day).map(Some).ok_or_else(|| format!("{name} is invalid"))
    }
}
