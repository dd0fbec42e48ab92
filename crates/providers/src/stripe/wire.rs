//! Reading untrusted JSON by name, with the path in every complaint.
//!
//! Three ways to read a field, by what hangs on it:
//!
//! - *needed*: without it the object cannot be understood; absent or of another type is
//!   [`Unreadable`];
//! - plain: may be absent or null, but of another type is [`Unreadable`]: what decides about
//!   access is never guessed;
//! - *lenient*: a decoration (a name, a link, a reason); of another type it counts as absent,
//!   because no webhook may fail for the sake of one.

use frontdesk_core::fact::Money;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A field of a handled object that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {why}")]
pub struct Unreadable {
    /// Its JSON path, such as `data.object.status`.
    pub field: String,
    /// What is wrong with it, in our words; never the value.
    pub why: &'static str,
}

/// One place in a JSON document, which knows its path.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    /// The document itself.
    pub const fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// A complaint about the field `name` of this object.
    pub fn unreadable(&self, name: &str, why: &'static str) -> Unreadable {
        Unreadable { field: self.path_of(name), why }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The field, unless it is absent or null.
    fn field(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        why: &'static str,
        take: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Unreadable> {
        match self.field(name) {
            None => Ok(None),
            Some(value) => take(value).map(Some).ok_or_else(|| self.unreadable(name, why)),
        }
    }

    fn needed<T>(&self, name: &str, found: Option<T>) -> Result<T, Unreadable> {
        found.ok_or_else(|| self.unreadable(name, "is missing"))
    }

    /// Whether the field is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// Text that may be absent.
    pub fn text(&self, name: &str) -> Result<Option<String>, Unreadable> {
        self.typed(name, "is not text", |value| value.as_str().map(str::to_owned))
    }

    /// Text without which the object cannot be understood. Empty text is no text.
    pub fn needed_text(&self, name: &str) -> Result<String, Unreadable> {
        let found = self.text(name)?.filter(|text| !text.is_empty());
        self.needed(name, found)
    }

    /// Text that only decorates.
    pub fn lenient_text(&self, name: &str) -> Option<String> {
        self.text(name).ok().flatten().filter(|text| !text.is_empty())
    }

    /// An id, given bare or as the object that it names (Stripe expands on request).
    pub fn id(&self, name: &str) -> Result<Option<String>, Unreadable> {
        self.typed(name, "is neither an id nor an object with one", |value| {
            value.as_str().or_else(|| value.get("id")?.as_str()).map(str::to_owned)
        })
    }

    /// A yes or no that may be absent.
    pub fn bool(&self, name: &str) -> Result<Option<bool>, Unreadable> {
        self.typed(name, "is not true or false", Value::as_bool)
    }

    /// A yes or no without which the object cannot be understood.
    pub fn needed_bool(&self, name: &str) -> Result<bool, Unreadable> {
        let found = self.bool(name)?;
        self.needed(name, found)
    }

    /// A whole number that may be absent.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Unreadable> {
        self.typed(name, "is not a whole number of 64 bits", Value::as_i64)
    }

    /// A whole number without which the object cannot be understood.
    pub fn needed_integer(&self, name: &str) -> Result<i64, Unreadable> {
        let found = self.integer(name)?;
        self.needed(name, found)
    }

    /// An instant in whole seconds since 1970 that may be absent.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Unreadable> {
        self.typed(name, "is not a time in seconds since 1970", |value| {
            Timestamp::from_second(value.as_i64()?).ok()
        })
    }

    /// An instant without which the object cannot be understood.
    pub fn needed_time(&self, name: &str) -> Result<Timestamp, Unreadable> {
        let found = self.time(name)?;
        self.needed(name, found)
    }

    /// An amount in the `currency` of this object; absent when either part is.
    pub fn money(&self, name: &str) -> Result<Option<Money>, Unreadable> {
        let minor = self.integer(name)?;
        let currency = self.text("currency")?;
        Ok(minor.zip(currency).map(|(minor, currency)| Money { minor, currency }))
    }

    /// An amount without which the object cannot be understood.
    pub fn needed_money(&self, name: &str) -> Result<Money, Unreadable> {
        Ok(Money { minor: self.needed_integer(name)?, currency: self.needed_text("currency")? })
    }

    /// An object that may be absent.
    pub fn object(&self, name: &str) -> Result<Option<Self>, Unreadable> {
        let found = self.typed(name, "is not an object", |value| value.is_object().then_some(value))?;
        Ok(found.map(|value| Self { value, path: self.path_of(name) }))
    }

    /// An object without which the rest cannot be understood.
    pub fn needed_object(&self, name: &str) -> Result<Self, Unreadable> {
        let found = self.object(name)?;
        self.needed(name, found)
    }

    /// An object that only decorates.
    pub fn lenient_object(&self, name: &str) -> Option<Self> {
        self.object(name).ok().flatten()
    }

    /// The members of an array, each an object; `None` when it is absent.
    pub fn list(&self, name: &str) -> Result<Option<Vec<Self>>, Unreadable> {
        let Some(members) = self.typed(name, "is not a list", Value::as_array)? else { return Ok(None) };
        let nodes = members.iter().enumerate().map(|(nth, value)| {
            let path = format!("{}[{nth}]", self.path_of(name));
            if value.is_object() {
                Ok(Self { value, path })
            } else {
                Err(Unreadable { field: path, why: "is not an object" })
            }
        });
        nodes.collect::<Result<_, _>>().map(Some)
    }

    /// The members of an array without which the rest cannot be understood.
    pub fn needed_list(&self, name: &str) -> Result<Vec<Self>, Unreadable> {
        let found = self.list(name)?;
        self.needed(name, found)
    }

    /// A map from text to text. What is not text is left out: Stripe stores nothing else there.
    pub fn metadata(&self, name: &str) -> BTreeMap<String, String> {
        let pairs = self.field(name).and_then(Value::as_object).into_iter().flat_map(Map::iter);
        pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// Texts of an array that only decorates.
    pub fn lenient_texts(&self, name: &str) -> Vec<String> {
        let members = self.field(name).and_then(Value::as_array).into_iter().flatten();
        members.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_complaint_names_the_path_down_to_the_list_member() {
        let document = json!({"items": {"data": [{"id": "a"}, {"id": 7}]}});
        let items = Node::root(&document).needed_object("items").unwrap().needed_list("data").unwrap();
        let error = items[1].needed_text("id").unwrap_err();
        assert_eq!(error.to_string(), "`items.data[1].id` is not text");
    }

    #[test]
    fn absent_and_null_are_the_same_and_another_type_is_not() {
        let document = json!({"null": null, "number": 7, "huge": 18_446_744_073_709_551_615_u64});
        let node = Node::root(&document);
        assert_eq!(node.text("absent"), Ok(None));
        assert_eq!(node.text("null"), Ok(None));
        assert_eq!(node.text("number").unwrap_err().why, "is not text");
        assert_eq!(node.lenient_text("number"), None);
        assert_eq!(node.integer("huge").unwrap_err().field, "huge");
        assert_eq!(node.time("huge").unwrap_err().field, "huge");
    }

    #[test]
    fn an_id_is_read_bare_or_from_its_object() {
        let document = json!({"bare": "cus_1", "expanded": {"id": "cus_2"}, "odd": ["cus_3"]});
        let node = Node::root(&document);
        assert_eq!(node.id("bare"), Ok(Some("cus_1".to_owned())));
        assert_eq!(node.id("expanded"), Ok(Some("cus_2".to_owned())));
        assert!(node.id("odd").is_err());
    }
}
