//! Custom fields: listed, created, written on subscribers.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::asked::Asked;
use super::listing::{Listed, Order, page};
use super::switches::{PageEdge, UnknownField};
use super::{By, Kit, Pending, refusals};

/// More fields than this in one call are accepted and applied later.
/// Source: Kit API v4 OpenAPI document, the `202` answers of subscriber writes.
const FIELDS_AT_ONCE: usize = 10;

/// More fields than this in one call are refused. Source: Kit developer documentation.
const FIELDS_MAX: usize = 140;

/// The fields of one write.
pub(super) struct Fields {
    /// By the id of the custom field; `None` empties it.
    pub(super) values: Vec<(u64, Option<String>)>,
    /// A sentence for each key that no field has.
    warnings: Vec<String>,
}

impl Fields {
    pub(super) fn is_delayed(&self) -> bool {
        self.values.len() > FIELDS_AT_ONCE
    }
}

impl Kit {
    /// Reads the `fields` of a write, or refuses it.
    ///
    /// The words of the warning and of the two refusals are not documented; they are ours.
    pub(super) fn fields_of(&self, asked: &Asked<'_>) -> Result<Fields, Answer> {
        let mut fields = Fields { values: Vec::new(), warnings: Vec::new() };
        let Some(given) = asked.value("fields").and_then(Value::as_object) else {
            return Ok(fields);
        };
        if given.len() > FIELDS_MAX {
            return Err(refusals::invalid("Fields cannot be more than 140"));
        }
        for (key, value) in given {
            match self.account.current().field_of_key(key) {
                Some(field) => {
                    let value = match value {
                        Value::Null => None,
                        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
                        other => Some(other.to_string()),
                    };
                    fields.values.push((field.id, value));
                }
                None => fields.warnings.push(format!("Custom field `{key}` does not exist")),
            }
        }
        if !fields.warnings.is_empty() && self.switches.unknown_field == UnknownField::Unprocessable {
            return Err(Answer::json(422, &json!({ "errors": fields.warnings })));
        }
        Ok(fields)
    }

    /// Writes fields, at once or later; whether that changes or may change anything.
    pub(super) fn set_fields(&mut self, id: u64, fields: &Fields, by: By, now: Timestamp) -> bool {
        if fields.is_delayed() {
            let apply_at = now + self.switches.fields_delay;
            self.pending.push(Pending { apply_at, subscriber: id, values: fields.values.clone() });
            return true;
        }
        let mut did = false;
        for (field, value) in &fields.values {
            did |= self.set_field(id, *field, value.as_deref(), by, now);
        }
        did
    }

    /// Writes one value and notes the automation that it could start; an equal value is a no-op.
    fn set_field(&mut self, id: u64, field: u64, value: Option<&str>, by: By, now: Timestamp) -> bool {
        let account = self.account.current();
        let (Some(found), Some(key)) =
            (account.subscribers.get(&id), account.fields.get(&field).map(|field| field.key.clone()))
        else {
            return false;
        };
        let before = found.values.get(&field).cloned();
        if before.as_deref() == value {
            self.no_op("field");
            return false;
        }
        if let Some(found) = self.write(now).subscribers.get_mut(&id) {
            match value {
                Some(value) => found.values.insert(field, value.to_owned()),
                None => found.values.remove(&field),
            };
            found.updated_at = now;
        }
        let about = json!({ "field_id": field, "key": key, "before": before, "after": value });
        self.automation(now, by, "field_changed", id, about);
        true
    }

    /// Applies the fields whose time has come, in the order in which they were accepted.
    pub(super) fn apply_pending(&mut self, now: Timestamp) {
        let (ready, waiting): (Vec<Pending>, Vec<Pending>) =
            self.pending.drain(..).partition(|pending| pending.apply_at <= now);
        self.pending = waiting;
        for pending in ready {
            for (field, value) in &pending.values {
                self.set_field(pending.subscriber, *field, value.as_deref(), By::Api, now);
            }
        }
    }

    /// The answer of a write: the subscriber, with fields that wait as null, and the warnings.
    pub(super) fn written(&self, id: u64, fields: &Fields) -> Value {
        let account = self.account.current();
        let found = account.subscribers.get(&id).expect("it was written just before");
        let mut shown = account.subscriber_json(found, self.switches.unset_fields_shown);
        if fields.is_delayed() {
            for field in fields.values.iter().filter_map(|(field, _)| account.fields.get(field)) {
                shown["fields"][&field.key] = Value::Null;
            }
        }
        let mut body = json!({ "subscriber": shown });
        if !fields.warnings.is_empty() {
            body["warnings"] = json!(fields.warnings);
        }
        body
    }

    /// `GET /v4/custom_fields`.
    pub(super) fn list_fields(&mut self, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let fields = self.listed(now).fields.values();
        // No time is known of a field: its id alone is its place.
        let rows = fields.map(|field| Listed::new(Timestamp::UNIX_EPOCH, field.id, field.json())).collect();
        page(asked, "custom_fields", rows, Order::OldestFirst, PageEdge::Exact)
    }

    /// `POST /v4/custom_fields`: a label that is there already, or gives the same key, answers that field.
    pub(super) fn create_field(&mut self, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let Some(label) = asked.text("label") else {
            return Handled::read(refusals::invalid("Label can't be blank"));
        };
        let key = super::account::key_of(label);
        if let Some(field) = self.account.current().field_of_key(&key) {
            let answer = Answer::json(200, &json!({ "custom_field": field.json() }));
            self.no_op("create field");
            return Handled::read(answer);
        }
        let field = self.write(now).add_field(label);
        Handled::wrote(Answer::json(201, &json!({ "custom_field": field.json() })))
    }
}
