//! The parameters of a call, from the query string and the JSON body alike.

use serde_json::{Map, Value};

use crate::call::Call;

/// Parameters by name. The query wins over the body; names that nobody asks for are ignored.
///
/// Circle documents the parameters of a DELETE in the query, and working code sends them in the body.
pub(super) struct Parameters<'a> {
    query: &'a [(String, String)],
    body: Map<String, Value>,
}

impl<'a> Parameters<'a> {
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
        Some(Self { query: &call.query, body })
    }

    fn in_query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A text; `None` if it is missing, not a text or blank.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.in_query(name)
            .or_else(|| self.body.get(name).and_then(Value::as_str))
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// A whole number; in a body it must be a JSON number, `"7"` is not one.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        match self.in_query(name) {
            Some(text) => text.parse().ok(),
            None => self.body.get(name).and_then(Value::as_u64),
        }
    }

    /// `true` only if the body says so.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.body.get(name) == Some(&Value::Bool(true))
    }

    /// Any value of the body.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    /// A list of whole numbers: a JSON array, `name[]=1&name[]=2`, or `name=1,2`.
    pub(super) fn integers(&self, name: &str) -> Option<Vec<u64>> {
        if let Some(Value::Array(items)) = self.body.get(name) {
            return Some(items.iter().filter_map(Value::as_u64).collect());
        }
        let listed = format!("{name}[]");
        let given: Vec<&str> = self
            .query
            .iter()
            .filter(|(key, _)| *key == name || *key == listed)
            .map(|(_, v)| v.as_str())
            .collect();
        if given.is_empty() {
            return None;
        }
        Some(
            given
                .iter()
                .flat_map(|text| text.split(','))
                .filter_map(|text| text.trim().parse().ok())
                .collect(),
        )
    }
}
