//! What people do in Kit's own pages, and what befalls the account: driven by tests and scenarios.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{State, Subscriber, Tag, key_of};
use super::{By, Credential, CredentialKind, Kit};

/// The actions, for the error that names them.
const ACTIONS: &str = "unsubscribe, bounce, complain, confirm, tag, untag, subscriber, delete-tag, rename-tag, \
                       rename-field, delete-field, delete-subscriber, access-lost, token, endpoint, rotate-secret, \
                       event, redeliver";

impl Kit {
    /// Lets a person do something, or something happen to the account.
    ///
    /// A subscriber is named by `email` or `id`, a tag by its id or name, a field by its id or key.
    /// Answers what became of it; the error says what is wrong with the request.
    pub fn control(&mut self, action: &str, body: &Value, now: Timestamp) -> Result<Value, String> {
        match action {
            "unsubscribe" => self.change_state(body, State::Cancelled, now),
            "bounce" => self.change_state(body, State::Bounced, now),
            "complain" => self.change_state(body, State::Complained, now),
            "confirm" => self.change_state(body, State::Active, now),
            "tag" => {
                let (id, tag) = (self.named(body)?.id, self.named_tag(body)?);
                Ok(json!({ "id": id, "changed": self.put_tag(&tag, id, By::Person, now) }))
            }
            "untag" => {
                let (id, tag) = (self.named(body)?.id, self.named_tag(body)?);
                Ok(json!({ "id": id, "changed": self.take_tag(&tag, id, By::Person, now) }))
            }
            "subscriber" => self.add_existing(body, now),
            "delete-tag" => {
                let tag = self.named_tag(body)?;
                let account = self.write(now);
                account.tags.remove(&tag.id);
                for found in account.subscribers.values_mut() {
                    found.tags.remove(&tag.id);
                }
                Ok(json!({ "id": tag.id }))
            }
            "rename-tag" => {
                let tag = self.named_tag(body)?;
                let name = text(body, "name")?;
                if self.account.current().tag_of_name(name).is_some_and(|other| other.id != tag.id) {
                    return Err(format!("there is another tag `{name}`"));
                }
                if let Some(tag) = self.write(now).tags.get_mut(&tag.id) {
                    name.clone_into(&mut tag.name);
                }
                Ok(json!({ "id": tag.id, "name": name }))
            }
            "rename-field" => {
                let id = self.named_field(body)?;
                let label = text(body, "label")?;
                let key = key_of(label);
                if self.account.current().field_of_key(&key).is_some_and(|other| other.id != id) {
                    return Err(format!("there is another field with the key `{key}`"));
                }
                // The label gives the key; the name stays what it was when the field was made.
                if let Some(field) = self.write(now).fields.get_mut(&id) {
                    key.clone_into(&mut field.key);
                    label.clone_into(&mut field.label);
                }
                Ok(json!({ "id": id, "key": key }))
            }
            "delete-field" => {
                let id = self.named_field(body)?;
                let account = self.write(now);
                account.fields.remove(&id);
                for found in account.subscribers.values_mut() {
                    found.values.remove(&id);
                }
                Ok(json!({ "id": id }))
            }
            "delete-subscriber" => {
                let id = self.named(body)?.id;
                self.write(now).subscribers.remove(&id);
                Ok(json!({ "id": id }))
            }
            "access-lost" => {
                self.access_lost = match body.get("lost").unwrap_or(body) {
                    Value::Bool(is_lost) => *is_lost,
                    other => {
                        return Err(format!("`access-lost` takes {{\"lost\": true or false}}, not {other}"));
                    }
                };
                Ok(json!({ "access_lost": self.access_lost }))
            }
            "token" => self.change_token(body),
            "endpoint" => self.make_endpoint(body, now),
            "rotate-secret" => self.rotate_endpoint(body, now),
            "event" => self.send_event(body, now),
            "redeliver" => self.send_again(body, now),
            _ => Err(format!("Kit has no action `{action}`; there are: {ACTIONS}")),
        }
    }

    fn named(&self, body: &Value) -> Result<&Subscriber, String> {
        let found = match (body.get("id").and_then(Value::as_u64), body.get("email").and_then(Value::as_str))
        {
            (Some(id), _) => self.account.current().subscribers.get(&id),
            (None, Some(email)) => self.by_email(email),
            (None, None) => return Err("name a subscriber by `email` or `id`".to_owned()),
        };
        found.ok_or_else(|| format!("there is no such subscriber: {body}"))
    }

    fn named_tag(&self, body: &Value) -> Result<Tag, String> {
        let account = self.account.current();
        let found = match body.get("tag") {
            Some(Value::String(name)) => account.tag_of_name(name),
            Some(id) => id.as_u64().and_then(|id| account.tags.get(&id)),
            None => return Err("name a tag by its id or name as `tag`".to_owned()),
        };
        found.cloned().ok_or_else(|| format!("there is no such tag: {body}"))
    }

    fn named_field(&self, body: &Value) -> Result<u64, String> {
        let account = self.account.current();
        let found = match body.get("field") {
            Some(Value::String(key)) => account.field_of_key(key),
            Some(id) => id.as_u64().and_then(|id| account.fields.get(&id)),
            None => return Err("name a field by its id or key as `field`".to_owned()),
        };
        found.map(|field| field.id).ok_or_else(|| format!("there is no such field: {body}"))
    }

    fn change_state(&mut self, body: &Value, state: State, now: Timestamp) -> Result<Value, String> {
        let id = self.named(body)?.id;
        let changed = self.set_state(id, state, By::Person, now);
        Ok(json!({ "id": id, "state": state.word(), "changed": changed }))
    }

    /// A subscriber from before: `state` (default active), `first_name`, `tags` by id or name.
    fn add_existing(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let email = text(body, "email")?.to_owned();
        let word = body.get("state").and_then(Value::as_str).unwrap_or("active");
        let state = State::of_word(word).ok_or_else(|| format!("there is no state `{word}`"))?;
        if self.by_email(&email).is_some() {
            return Err(format!("`{email}` is a subscriber already"));
        }
        let given = body.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
        let tags: Vec<Tag> =
            given.iter().map(|tag| self.named_tag(&json!({ "tag": tag }))).collect::<Result<_, _>>()?;
        let account = self.write(now);
        let id = account.add_subscriber(&email, state, now);
        if let Some(found) = account.subscribers.get_mut(&id) {
            found.first_name = body.get("first_name").and_then(Value::as_str).map(str::to_owned);
            found.tags.extend(tags.iter().map(|tag| (tag.id, now)));
        }
        Ok(json!({ "id": id, "email": email }))
    }

    /// `{"add_key": …}`, `{"add_oauth": …}`, `{"expire": …}` or `{"revoke": …}` with the credential.
    fn change_token(&mut self, body: &Value) -> Result<Value, String> {
        let given = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(key) = given("add_key") {
            self.credentials.insert(key, Credential::new(CredentialKind::ApiKey));
        } else if let Some(token) = given("add_oauth") {
            self.credentials.insert(token, Credential::new(CredentialKind::OAuth));
        } else if let Some(token) = given("expire") {
            self.credentials.get_mut(&token).ok_or("there is no such credential")?.is_expired = true;
        } else if let Some(token) = given("revoke") {
            self.credentials.remove(&token).ok_or("there is no such credential")?;
        } else {
            return Err("`token` takes one of `add_key`, `add_oauth`, `expire`, `revoke`".to_owned());
        }
        Ok(json!({ "credentials": self.credentials.len() }))
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, String> {
    body.get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("`{name}` must be a text"))
}
