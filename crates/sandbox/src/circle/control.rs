//! What people do in Circle's own pages, and what befalls the account: driven by tests and scenarios.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::community::Group;
use super::{By, Circle, TokenKind};

/// The actions, for the error that names them.
const ACTIONS: &str = "accept, accept_only, confirm, change-email, deactivate, remove, add, member, group, \
                       archive, unarchive, tag, calls, token, drift, hook";

/// Where somebody is put or taken from.
enum Place {
    Group(u64),
    Space(u64),
    SpaceGroup(u64),
    Tag(u64),
}

impl Circle {
    /// Lets a person or another integration do something.
    ///
    /// A member is named by `email` or `id`, a place by `group`, `space`, `space_group` or `tag`. `drift`
    /// with `{"action", "body"}` keeps another action until just before a page after the first is read.
    /// Answers what became of it; the error says what is wrong with the request.
    pub fn control(&mut self, action: &str, body: &Value, now: Timestamp) -> Result<Value, String> {
        match action {
            "accept" => self.join(body, true, true, now),
            "accept_only" => self.join(body, true, false, now),
            "confirm" => self.join(body, false, true, now),
            "change-email" => self.change_email(body, now),
            "deactivate" => {
                let id = self.named(body)?;
                let clears = self.switches.deactivate_clears;
                self.write(now).deactivate(id, clears);
                self.record(now, By::Person, "deactivated", json!({ "member_id": id }));
                Ok(json!({ "id": id }))
            }
            "remove" => self.put(body, false, now),
            "add" => self.put(body, true, now),
            "member" => self.add_existing(body, now),
            "group" => self.define_group(body, now),
            "archive" => self.archive(body, true, now),
            "unarchive" => self.archive(body, false, now),
            "tag" => {
                let name = text(body, "name")?;
                let id = self.write(now).add_tag(name, &Value::Null, false, now);
                Ok(json!({ "id": id }))
            }
            "calls" => {
                let calls = number(body, "n")?;
                self.ledger.count_others(now, self.switches.billing_day, calls);
                Ok(json!({ "used": self.ledger.used(now, self.switches.billing_day) }))
            }
            "token" => self.change_token(body),
            "hook" => self.add_hook(body, now),
            "drift" => {
                let action = body.get("action").and_then(Value::as_str).unwrap_or("member");
                let stranger =
                    json!({ "email": format!("drift-{}@strangers.example", self.drift.len() + 1) });
                self.drift.push_back((action.to_owned(), body.get("body").cloned().unwrap_or(stranger)));
                Ok(json!({ "waiting": self.drift.len() }))
            }
            _ => Err(format!("Circle has no action `{action}`; there are: {ACTIONS}")),
        }
    }

    /// The id of the member whom the body names.
    fn named(&self, body: &Value) -> Result<u64, String> {
        let community = self.community.current();
        let found = match (body.get("id").and_then(Value::as_u64), body.get("email").and_then(Value::as_str))
        {
            (Some(id), _) => community.members.get(&id),
            (None, Some(email)) => community.find(email, self.switches.is_case_strict),
            (None, None) => return Err("name a member by `email` or `id`".to_owned()),
        };
        found.map(|member| member.id).ok_or_else(|| format!("there is no such member: {body}"))
    }

    fn join(&mut self, body: &Value, accepts: bool, confirms: bool, now: Timestamp) -> Result<Value, String> {
        let id = self.named(body)?;
        let member = self.write(now).members.get_mut(&id).expect("it was found above");
        if accepts {
            member.accepted_at.get_or_insert(now);
        }
        if confirms {
            // Nobody completes a profile without having accepted.
            member.accepted_at.get_or_insert(now);
            member.confirmed_at.get_or_insert(now);
        }
        member.updated_at = now;
        let state = member.state();
        self.record(now, By::Person, "joined", json!({ "member_id": id, "state": state }));
        Ok(json!({ "id": id, "state": state }))
    }

    fn change_email(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let id = self.named(body)?;
        let to = text(body, "to")?;
        let to = if self.switches.echoes_as_typed { to.to_owned() } else { to.to_lowercase() };
        let holder = self.community.current().find(&to, self.switches.is_case_strict);
        if holder.is_some_and(|member| member.id != id) {
            return Err(format!("`{to}` is another member's email"));
        }
        self.write(now).change_email(id, &to, now);
        self.record(now, By::Person, "changed email", json!({ "member_id": id, "email": to }));
        Ok(json!({ "id": id, "email": to }))
    }

    fn put(&mut self, body: &Value, is_added: bool, now: Timestamp) -> Result<Value, String> {
        let member = self.named(body)?;
        let place = self.place_of(body)?;
        let community = self.write(now);
        let changed = match (&place, is_added) {
            (Place::Group(id), true) => community.in_group.add(*id, member, now),
            (Place::Group(id), false) => community.in_group.remove(*id, member),
            (Place::Space(id), true) => community.in_space.add(*id, member, now),
            (Place::Space(id), false) => community.in_space.remove(*id, member),
            (Place::SpaceGroup(id), true) => community.join_space_group(*id, member, now),
            (Place::SpaceGroup(id), false) => community.leave_space_group(*id, member),
            (Place::Tag(id), true) => community.tagged.add(*id, member, now),
            (Place::Tag(id), false) => community.tagged.remove(*id, member),
        };
        if changed {
            let (kind, key, id) = match place {
                Place::Group(id) => ("group", "group_id", id),
                Place::Space(id) => ("space", "space_id", id),
                Place::SpaceGroup(id) => ("space group", "space_group_id", id),
                Place::Tag(id) => ("tag", "tag_id", id),
            };
            let change = if is_added { format!("added to {kind}") } else { format!("removed from {kind}") };
            self.record(now, By::Person, &change, json!({ "member_id": member, key: id }));
        }
        Ok(json!({ "id": member, "changed": changed }))
    }

    fn place_of(&self, body: &Value) -> Result<Place, String> {
        let community = self.community.current();
        let id = |name: &str| body.get(name).and_then(Value::as_u64);
        let (place, exists) = if let Some(group) = id("group") {
            (Place::Group(group), community.groups.contains_key(&group))
        } else if let Some(space) = id("space") {
            (Place::Space(space), community.spaces.contains_key(&space))
        } else if let Some(group) = id("space_group") {
            (Place::SpaceGroup(group), community.space_groups.contains_key(&group))
        } else if let Some(tag) = id("tag") {
            (Place::Tag(tag), community.tags.contains_key(&tag))
        } else {
            return Err("name a place by the id of a `group`, `space`, `space_group` or `tag`".to_owned());
        };
        if exists { Ok(place) } else { Err(format!("there is no such place: {body}")) }
    }

    /// A member from before, without an invitation mail: `state` is `active` (default) or `invited`.
    fn add_existing(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let email = text(body, "email")?.to_owned();
        let is_active = match body.get("state").and_then(Value::as_str).unwrap_or("active") {
            "active" => true,
            "invited" => false,
            other => return Err(format!("`state` is active or invited, not {other}")),
        };
        if self.community.current().find(&email, self.switches.is_case_strict).is_some() {
            return Err(format!("`{email}` is a member already"));
        }
        let email = if self.switches.echoes_as_typed { email } else { email.to_lowercase() };
        let community = self.write(now);
        let id = community.add_member(&email, body.get("name").and_then(Value::as_str), now);
        if let Some(member) = community.members.get_mut(&id).filter(|_| is_active) {
            member.accepted_at = Some(now);
            member.confirmed_at = Some(now);
        }
        self.record(now, By::Person, "member added", json!({ "member_id": id, "email": email }));
        if self.place_of(body).is_ok() {
            self.put(&with_id(body, id), true, now)?;
        }
        Ok(json!({ "id": id, "email": email }))
    }

    fn define_group(&mut self, body: &Value, now: Timestamp) -> Result<Value, String> {
        let id = number(body, "id")?;
        let name = text(body, "name")?.to_owned();
        let is_archived = match body.get("status").and_then(Value::as_str).unwrap_or("active") {
            "active" => false,
            "archived" => true,
            other => return Err(format!("`status` is active or archived, not {other}")),
        };
        self.write(now).groups.insert(id, Group { id, name, is_archived });
        Ok(json!({ "id": id }))
    }

    fn archive(&mut self, body: &Value, is_archived: bool, now: Timestamp) -> Result<Value, String> {
        let id = number(body, "group")?;
        if !self.community.current().groups.contains_key(&id) {
            return Err(format!("there is no group {id}"));
        }
        if let Some(group) = self.write(now).groups.get_mut(&id) {
            group.is_archived = is_archived;
        }
        let change = if is_archived { "group archived" } else { "group unarchived" };
        self.record(now, By::Person, change, json!({ "group_id": id }));
        Ok(json!({ "id": id }))
    }

    /// `{"add": token}`, `{"revoke": token}` or `{"wrong_type": token}`.
    fn change_token(&mut self, body: &Value) -> Result<Value, String> {
        let given = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(token) = given("add") {
            self.tokens.insert(token, TokenKind::Admin);
        } else if let Some(token) = given("wrong_type") {
            self.tokens.insert(token, TokenKind::WrongType);
        } else if let Some(token) = given("revoke") {
            self.tokens.remove(&token).ok_or("there is no such token")?;
        } else {
            return Err("`token` takes one of `add`, `revoke`, `wrong_type` with the token".to_owned());
        }
        Ok(json!({ "tokens": self.tokens.len() }))
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, String> {
    body.get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("`{name}` must be a text"))
}

fn number(body: &Value, name: &str) -> Result<u64, String> {
    body.get(name).and_then(Value::as_u64).ok_or_else(|| format!("`{name}` must be a whole number"))
}

fn with_id(body: &Value, id: u64) -> Value {
    let mut named = body.clone();
    named["id"] = json!(id);
    named
}
