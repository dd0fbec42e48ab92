//! Subscribers: upserted, found, read, updated, unsubscribed.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::account::{State, Subscriber, is_same_email, iso};
use super::asked::Asked;
use super::listing::{Listed, Order, page};
use super::{By, Kit, refusals};

impl Kit {
    /// `POST /v4/subscribers`: creates, or changes the first name of, the subscriber with an address.
    ///
    /// `state` is honoured only when it creates; nobody is subscribed again.
    pub(super) fn upsert(&mut self, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let email = match valid_email(asked) {
            Ok(email) => email.to_owned(),
            Err(refusal) => return Handled::read(refusal),
        };
        let state = match asked.value("state") {
            None | Some(Value::Null) => Some(State::Active),
            Some(word) => word.as_str().and_then(State::of_word),
        };
        let Some(state) = state else {
            return Handled::read(refusals::invalid("State is invalid"));
        };
        let mut fields = match self.fields_of(asked) {
            Ok(fields) => fields,
            Err(refusal) => return Handled::read(refusal),
        };
        let existing =
            self.account.current().find(&email, self.switches.is_case_strict).map(|found| found.id);
        let is_new = existing.is_none();
        let id = existing.unwrap_or_else(|| self.write(now).add_subscriber(&email, state, now));
        if is_new {
            self.tell("subscriber.created", id, json!({}), now);
        }
        if !is_new && !self.switches.upsert_writes_fields {
            fields.values.clear();
        }
        let renamed = self.rename(id, asked, now);
        let is_delayed = fields.is_delayed();
        let written = self.set_fields(id, &fields, By::Api, now);
        let did = is_new || renamed || written;
        if !did {
            self.no_op("upsert");
        }
        let status = match (is_delayed, is_new) {
            (true, _) => 202,
            (false, true) => 201,
            (false, false) => 200,
        };
        Handled { did, answer: Answer::json(status, &self.written(id, &fields)) }
    }

    /// `PUT /v4/subscribers/{id}`: name, address and fields. The address may be left out.
    pub(super) fn update(&mut self, id: &str, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let Some(subscriber) = self.by_id(id).cloned() else {
            return Handled::read(refusals::not_found());
        };
        let email = match asked.value("email_address") {
            None => None,
            Some(_) => match valid_email(asked) {
                Ok(email) => Some(email.to_owned()),
                Err(refusal) => return Handled::read(refusal),
            },
        };
        if let Some(email) = &email {
            let is_strict = self.switches.is_case_strict;
            let is_taken = |other: &Subscriber| {
                other.id != subscriber.id && is_same_email(&other.email, email, is_strict)
            };
            if self.account.current().subscribers.values().any(is_taken) {
                return Handled::read(refusals::invalid("Email address has already been taken"));
            }
        }
        let fields = match self.fields_of(asked) {
            Ok(fields) => fields,
            Err(refusal) => return Handled::read(refusal),
        };
        let moved = email.filter(|email| *email != subscriber.email);
        if let Some(email) = &moved
            && let Some(found) = self.write(now).subscribers.get_mut(&subscriber.id)
        {
            email.clone_into(&mut found.email);
            found.updated_at = now;
        }
        let renamed = self.rename(subscriber.id, asked, now);
        let is_delayed = fields.is_delayed();
        let written = self.set_fields(subscriber.id, &fields, By::Api, now);
        let did = moved.is_some() || renamed || written;
        if !did {
            self.no_op("update");
        }
        let status = if is_delayed { 202 } else { 200 };
        Handled { did, answer: Answer::json(status, &self.written(subscriber.id, &fields)) }
    }

    /// Sets the first name if the call has one; whether that changed anything.
    fn rename(&mut self, id: u64, asked: &Asked<'_>, now: Timestamp) -> bool {
        let Some(name) = asked.value("first_name") else {
            return false;
        };
        let name = name.as_str().map(str::to_owned);
        if self.account.current().subscribers.get(&id).is_none_or(|found| found.first_name == name) {
            return false;
        }
        if let Some(found) = self.write(now).subscribers.get_mut(&id) {
            found.first_name = name;
            found.updated_at = now;
        }
        true
    }

    /// `GET /v4/subscribers`: oldest first, and only those who are active unless `status` says otherwise.
    pub(super) fn list_subscribers(&mut self, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let filter = match Filter::of(asked) {
            Ok(filter) => filter,
            Err(refusal) => return Handled::read(refusal),
        };
        let sort_field = asked.text("sort_field").unwrap_or("created_at");
        if sort_field == "cancelled_at" && asked.text("status") != Some("cancelled") {
            let message = "The status param must be `cancelled` if sort_field is `cancelled_at`";
            return Handled::read(refusals::invalid(message));
        }
        let order = match asked.text("sort_order") {
            Some("desc") => Order::NewestFirst,
            _ => Order::OldestFirst,
        };
        let emails: Option<Vec<&str>> =
            asked.text("email_address").map(|list| list.split(',').map(str::trim).collect());
        let (is_strict, unset_shown) = (self.switches.is_case_strict, self.switches.unset_fields_shown);
        let with_canceled =
            asked.text("status") == Some("cancelled") && asked.lists("include", "canceled_at");
        let account = self.listed(now);
        let is_listed = |found: &&Subscriber| {
            let is_asked_for =
                |emails: &Vec<&str>| emails.iter().any(|email| is_same_email(&found.email, email, is_strict));
            filter.matches(found) && emails.as_ref().is_none_or(is_asked_for)
        };
        let rows = account.subscribers.values().filter(is_listed).map(|found| {
            let mut shown = account.subscriber_json(found, unset_shown);
            if asked.is_true("slim")
                && let Some(shown) = shown.as_object_mut()
            {
                shown.remove("fields");
            }
            if asked.lists("include", "tags") {
                let tags = found.tags.keys().filter_map(|id| account.tags.get(id));
                shown["tags"] = tags.map(|tag| json!({ "id": tag.id, "name": tag.name })).collect();
            }
            if with_canceled {
                shown["canceled_at"] = json!(found.canceled_at.map(iso));
            }
            let sorted_by = match sort_field {
                "cancelled_at" => found.canceled_at.unwrap_or(found.created_at),
                "updated_at" => found.updated_at,
                _ => found.created_at,
            };
            Listed::new(sorted_by, found.id, shown)
        });
        let rows: Vec<Listed> = rows.collect();
        page(asked, "subscribers", rows, order, self.switches.page_edge)
    }

    /// `GET /v4/subscribers/{id}`: current at once, unlike the list.
    pub(super) fn subscriber(&self, id: &str) -> Handled {
        let Some(found) = self.by_id(id) else {
            return Handled::read(refusals::not_found());
        };
        let mut shown = self.account.current().subscriber_json(found, self.switches.unset_fields_shown);
        shown["canceled_at"] = json!(found.canceled_at.map(iso));
        Handled::read(Answer::json(200, &json!({ "subscriber": shown })))
    }

    /// `POST /v4/subscribers/{id}/unsubscribe`: out of everything the account sends. Tags stay.
    pub(super) fn unsubscribe(&mut self, id: &str, now: Timestamp) -> Handled {
        let Some(id) = self.by_id(id).map(|found| found.id) else {
            return Handled::read(refusals::not_found());
        };
        let did = self.set_state(id, State::Cancelled, By::Api, now);
        if !did {
            self.no_op("unsubscribe");
        }
        Handled { did, answer: Answer::empty(204) }
    }

    /// Changes a state; whether it was another.
    pub(super) fn set_state(&mut self, id: u64, state: State, by: By, now: Timestamp) -> bool {
        if self.account.current().subscribers.get(&id).is_none_or(|found| found.state == state) {
            return false;
        }
        if let Some(found) = self.write(now).subscribers.get_mut(&id) {
            found.state = state;
            found.updated_at = now;
            found.canceled_at = (state == State::Cancelled).then_some(now);
        }
        if state == State::Cancelled {
            let by = if by == By::Api { "api" } else { "person" };
            self.unsubscribes.push(json!({ "at": iso(now), "by": by, "subscriber_id": id }));
        }
        let kind = match state {
            State::Active => "subscriber.activated",
            State::Cancelled => "subscriber.unsubscribed",
            State::Bounced => "subscriber.bounced",
            State::Complained => "subscriber.complained",
            State::Inactive => return true,
        };
        self.tell(kind, id, json!({}), now);
        true
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Subscriber> {
        id.parse().ok().and_then(|id: u64| self.account.current().subscribers.get(&id))
    }
}

/// The filters that both lists of subscribers take.
pub(super) struct Filter {
    state: Option<State>,
    created_after: Option<Timestamp>,
    created_before: Option<Timestamp>,
    updated_after: Option<Timestamp>,
    updated_before: Option<Timestamp>,
}

impl Filter {
    /// Reads the filters. Without `status` only those who are active are listed.
    pub(super) fn of(asked: &Asked<'_>) -> Result<Self, Answer> {
        let state = match asked.text("status") {
            None => Some(State::Active),
            Some("all") => None,
            Some(word) => {
                Some(State::of_word(word).ok_or_else(|| refusals::invalid("The status param is invalid"))?)
            }
        };
        let instant = |name: &str| asked.instant(name).map_err(|why| refusals::invalid(&why));
        Ok(Self {
            state,
            created_after: instant("created_after")?,
            created_before: instant("created_before")?,
            updated_after: instant("updated_after")?,
            updated_before: instant("updated_before")?,
        })
    }

    pub(super) fn matches(&self, found: &Subscriber) -> bool {
        self.state.is_none_or(|state| found.state == state)
            && self.created_after.is_none_or(|after| found.created_at >= after)
            && self.created_before.is_none_or(|before| found.created_at < before)
            && self.updated_after.is_none_or(|after| found.updated_at >= after)
            && self.updated_before.is_none_or(|before| found.updated_at < before)
    }
}

/// The address of a write.
fn valid_email<'a>(asked: &'a Asked<'_>) -> Result<&'a str, Answer> {
    let email = asked.text("email_address").unwrap_or_default();
    let is_email = email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'));
    if is_email && !email.contains(char::is_whitespace) {
        Ok(email)
    } else {
        Err(refusals::invalid("Email address is invalid"))
    }
}
