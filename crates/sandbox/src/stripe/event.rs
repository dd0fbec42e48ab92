//! Events: snapshots of objects, kept so that each endpoint can have its own version of them.

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value, json};

use super::records::Record;
use super::render::render;
use super::version::ApiVersion;

/// One event of the account.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) at: Timestamp,
    /// The version it was made in, and in which the API lists it ever after.
    pub(crate) version: ApiVersion,
    pub(crate) livemode: bool,
    pub(crate) content: Content,
    /// Id and idempotency key of the request that caused it; absent for automatic changes.
    pub(crate) request: Option<(String, String)>,
    /// Set on deliveries of a Connect platform.
    pub(crate) account: Option<String>,
}

/// What an event carries.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// The object at the moment of the event and, for a change, before it.
    Snapshot { object: Box<Record>, before: Option<Box<Record>> },
    /// An object given as it is, the same in every version.
    Raw { object: Value, previous: Option<Value> },
}

impl Event {
    /// The kind of object it carries.
    pub(crate) fn object_kind(&self) -> &str {
        match &self.content {
            Content::Snapshot { object, .. } => object.kind(),
            Content::Raw { object, .. } => object["object"].as_str().unwrap_or_default(),
        }
    }

    /// The event in `version`, with `pending` endpoints still to acknowledge it.
    pub(crate) fn render(&self, version: ApiVersion, pending: usize) -> Value {
        let mut data = Map::new();
        match &self.content {
            Content::Snapshot { object, before } => {
                let object = render(object, version, self.livemode);
                if let Some(before) = before {
                    let before = render(before, version, self.livemode);
                    data.insert("previous_attributes".to_owned(), previous_attributes(&before, &object));
                }
                data.insert("object".to_owned(), object);
            }
            Content::Raw { object, previous } => {
                data.insert("object".to_owned(), object.clone());
                if let Some(previous) = previous {
                    data.insert("previous_attributes".to_owned(), previous.clone());
                }
            }
        }
        let mut event = json!({
            "id": self.id, "object": "event", "api_version": version.name(), "created": self.at.as_second(),
            "data": data, "livemode": self.livemode, "pending_webhooks": pending,
            "request": { "id": self.request.as_ref().map(|it| &it.0),
                         "idempotency_key": self.request.as_ref().map(|it| &it.1) },
            "type": self.kind,
        });
        if let Some(account) = &self.account {
            event["account"] = json!(account);
        }
        event
    }
}

/// The old values of what changed: keys that differ, nested objects likewise, a changed array whole, and a
/// list object as its `data` alone. What was not there before is not named.
///
/// Source: Stripe API reference, "The Event object", `data.previous_attributes`; the list form is as seen in
/// real events.
pub(crate) fn previous_attributes(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return before.clone();
    };
    let mut previous = Map::new();
    for (name, old) in before {
        let new = after.get(name);
        if new == Some(old) {
            continue;
        }
        let is_list = old.get("object").is_some_and(|kind| kind == "list");
        let shown = match new {
            Some(_) if is_list => json!({ "data": old["data"] }),
            Some(Value::Object(_)) if old.is_object() && old.get("id").is_none() => {
                previous_attributes(old, new.expect("matched just above"))
            }
            _ => old.clone(),
        };
        previous.insert(name.clone(), shown);
    }
    Value::Object(previous)
}

/// JSON as Stripe lays it out: two blanks of indent, `id` and `object` first, then by name.
pub(crate) fn pretty(value: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(&Ordered(value)).expect("a JSON value always serialises")
}

struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let mut names: Vec<&String> = fields.keys().collect();
                names.sort_by_key(|name| {
                    let rank = match name.as_str() {
                        "id" => 0,
                        "object" => 1,
                        _ => 2,
                    };
                    (rank, *name)
                });
                let mut map = serializer.serialize_map(Some(names.len()))?;
                for name in names {
                    map.serialize_entry(name, &Ordered(&fields[name]))?;
                }
                map.end()
            }
            Value::Array(rows) => {
                let mut sequence = serializer.serialize_seq(Some(rows.len()))?;
                for row in rows {
                    sequence.serialize_element(&Ordered(row))?;
                }
                sequence.end()
            }
            other => other.serialize(serializer),
        }
    }
}
