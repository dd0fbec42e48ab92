//! The body of a control action, read with errors that say what was expected.

use serde_json::{Map, Value};

use super::records::Metadata;

/// The fields of an action; none if there was no body.
pub(crate) struct Body(Map<String, Value>);

impl Body {
    pub(crate) fn new(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self(Map::new())),
            Value::Object(fields) => Ok(Self(fields.clone())),
            _ => Err("the body is a JSON object".to_owned()),
        }
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A field that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there and null, which some actions tell from a missing one.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(Value::is_null)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!("`{name}` is text, not {other}")),
        }
    }

    pub(crate) fn needed(&self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_i64().map(Some).ok_or_else(|| format!("`{name}` is a whole number, not {value}"))
            }
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_bool().map(Some).ok_or_else(|| format!("`{name}` is true or false, not {value}"))
            }
        }
    }

    pub(crate) fn metadata(&self, name: &str) -> Result<Metadata, String> {
        match self.get(name) {
            None => Ok(Metadata::new()),
            Some(Value::Object(fields)) => Ok(fields.clone()),
            Some(other) => Err(format!("`{name}` is an object of texts, not {other}")),
        }
    }

    pub(crate) fn rows(&self, name: &str) -> Result<Vec<Self>, String> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(rows)) => rows.iter().map(Self::new).collect(),
            Some(other) => Err(format!("`{name}` is a list of objects, not {other}")),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|_| format!("`{name}` is a list of texts, not {value}")),
        }
    }
}
