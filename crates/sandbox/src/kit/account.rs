//! What the account holds, and how Kit writes it down.
//!
//! Source of the shapes: Kit API v4 OpenAPI document; `plan` from the October 2026 copy.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// When the account, its tags and its fields were made: 2024-01-01T00:00:00Z.
const FOUNDED_AT: Timestamp = Timestamp::constant(1_704_067_200, 0);

/// The instant in Kit's form: UTC with whole seconds.
pub(super) fn iso(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// Whether mail may be sent to a subscriber, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Inactive,
    Cancelled,
    Bounced,
    Complained,
}

impl State {
    const ALL: [Self; 5] = [Self::Active, Self::Inactive, Self::Cancelled, Self::Bounced, Self::Complained];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Cancelled => "cancelled",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    pub(super) id: u64,
    /// As it was first written; upper and lower case are kept.
    pub(super) email: String,
    pub(super) first_name: Option<String>,
    pub(super) state: State,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) canceled_at: Option<Timestamp>,
    /// By the id of the custom field: its key changes when a person renames it.
    pub(super) values: BTreeMap<u64, String>,
    /// When each tag was put on, by the tag's id.
    pub(super) tags: BTreeMap<u64, Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
}

impl Tag {
    pub(super) fn json(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "created_at": iso(self.created_at) })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) id: u64,
    /// Fixed when the field is made.
    pub(super) name: String,
    pub(super) key: String,
    pub(super) label: String,
}

impl Field {
    fn new(id: u64, label: &str) -> Self {
        let key = key_of(label);
        Self { id, name: format!("ck_field_{id}_{key}"), key, label: label.to_owned() }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "key": self.key, "label": self.label })
    }
}

/// The key that a label gives: ASCII letters and digits in lower case, everything else one underscore.
pub(super) fn key_of(label: &str) -> String {
    let words = label.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

/// Everything a lagging list may see late.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) subscribers: BTreeMap<u64, Subscriber>,
    pub(super) tags: BTreeMap<u64, Tag>,
    pub(super) fields: BTreeMap<u64, Field>,
    last_subscriber: u64,
    last_tag: u64,
    last_field: u64,
}

impl Account {
    /// "Northwind Makers": tags 11 to 14, fields 1 and 2.
    pub(super) fn northwind() -> Self {
        let tag = |id, name: &str| (id, Tag { id, name: name.to_owned(), created_at: FOUNDED_AT });
        Self {
            subscribers: BTreeMap::new(),
            tags: BTreeMap::from([
                tag(11, "member"),
                tag(12, "pro"),
                tag(13, "course"),
                tag(14, "newsletter"),
            ]),
            fields: BTreeMap::from([
                (1, Field::new(1, "Membership plan")),
                (2, Field::new(2, "Membership status")),
            ]),
            last_subscriber: 3000,
            last_tag: 14,
            last_field: 2,
        }
    }

    pub(super) fn find(&self, email: &str, is_case_strict: bool) -> Option<&Subscriber> {
        self.subscribers.values().find(|found| is_same_email(&found.email, email, is_case_strict))
    }

    pub(super) fn field_of_key(&self, key: &str) -> Option<&Field> {
        self.fields.values().find(|field| field.key == key)
    }

    /// The tag with a name, ignoring case.
    pub(super) fn tag_of_name(&self, name: &str) -> Option<&Tag> {
        self.tags.values().find(|tag| tag.name.to_lowercase() == name.to_lowercase())
    }

    pub(super) fn add_subscriber(&mut self, email: &str, state: State, now: Timestamp) -> u64 {
        self.last_subscriber += 1;
        let id = self.last_subscriber;
        let subscriber = Subscriber {
            id,
            email: email.to_owned(),
            first_name: None,
            state,
            created_at: now,
            updated_at: now,
            canceled_at: (state == State::Cancelled).then_some(now),
            values: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        self.subscribers.insert(id, subscriber);
        id
    }

    pub(super) fn add_tag(&mut self, name: &str, now: Timestamp) -> Tag {
        self.last_tag += 1;
        let tag = Tag { id: self.last_tag, name: name.to_owned(), created_at: now };
        self.tags.insert(tag.id, tag.clone());
        tag
    }

    pub(super) fn add_field(&mut self, label: &str) -> Field {
        self.last_field += 1;
        let field = Field::new(self.last_field, label);
        self.fields.insert(field.id, field.clone());
        field
    }

    /// A subscriber by the keys that fields have today; unset ones are null, or left out.
    pub(super) fn subscriber_json(&self, subscriber: &Subscriber, unset_shown: bool) -> Value {
        let fields: Map<String, Value> = self
            .fields
            .values()
            .map(|field| (field.key.clone(), json!(subscriber.values.get(&field.id))))
            .filter(|(_, value)| unset_shown || !value.is_null())
            .collect();
        json!({
            "id": subscriber.id, "first_name": subscriber.first_name, "email_address": subscriber.email,
            "state": subscriber.state.word(), "created_at": iso(subscriber.created_at), "fields": fields,
        })
    }

    /// The account itself, with the plan that tells in advance when access will end.
    pub(super) fn details() -> Value {
        let plan = json!({ "subscriber_limit": 10_000, "on_trial": false, "cancels_at": null });
        json!({
            "user": { "email": "hello@northwind.example", "id": 27 },
            "account": {
                "id": 27, "name": "Northwind Makers", "plan_type": "creator",
                "primary_email_address": "hello@northwind.example", "created_at": iso(FOUNDED_AT),
                "timezone": {
                    "name": "Europe/Berlin", "friendly_name": "Berlin", "utc_offset": "+01:00",
                },
                "sending_addresses": [{
                    "email_address": "hello@northwind.example", "from_name": "Northwind", "status": "confirmed",
                    "is_default": true, "is_verified": true, "is_dmarc_configured": true,
                }],
            },
            "plan": plan,
        })
    }

    /// Everything, for tests and for the page that shows the fake.
    pub(super) fn state(&self) -> Value {
        let shown = |subscriber: &Subscriber| {
            let mut found = self.subscriber_json(subscriber, false);
            let tags: BTreeMap<String, String> =
                subscriber.tags.iter().map(|(tag, at)| (tag.to_string(), iso(*at))).collect();
            found["tags"] = json!(tags);
            found["canceled_at"] = json!(subscriber.canceled_at.map(iso));
            found
        };
        let on =
            |tag: &Tag| self.subscribers.values().filter(|found| found.tags.contains_key(&tag.id)).count();
        let tags: Vec<Value> = self
            .tags
            .values()
            .map(|tag| json!({ "id": tag.id, "name": tag.name, "subscribers": on(tag) }))
            .collect();
        json!({
            "account": { "id": 27, "name": "Northwind Makers" },
            "subscribers": self.subscribers.values().map(shown).collect::<Vec<_>>(),
            "tags": tags, "custom_fields": self.fields.values().map(Field::json).collect::<Vec<_>>(),
        })
    }
}

/// Whether two addresses are one to Kit.
pub(super) fn is_same_email(left: &str, right: &str, is_case_strict: bool) -> bool {
    if is_case_strict { left == right } else { left.eq_ignore_ascii_case(right) }
}
