//! Tags: listed, created, put on subscribers and taken off.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::account::{Subscriber, Tag, iso};
use super::asked::Asked;
use super::listing::{Listed, Order, page};
use super::subscribers::Filter;
use super::switches::PageEdge;
use super::{By, Kit, refusals};

impl Kit {
    /// `GET /v4/tags`: newest first.
    pub(super) fn list_tags(&mut self, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let tags = self.listed(now).tags.values();
        let rows = tags.map(|tag| Listed::new(tag.created_at, tag.id, tag.json())).collect();
        page(asked, "tags", rows, Order::NewestFirst, PageEdge::Exact)
    }

    /// `POST /v4/tags`: a name that is there already, in any case, answers that tag.
    pub(super) fn create_tag(&mut self, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let Some(name) = asked.text("name") else {
            return Handled::read(refusals::invalid("Name can't be blank"));
        };
        if let Some(tag) = self.account.current().tag_of_name(name) {
            let answer = Answer::json(200, &json!({ "tag": tag.json() }));
            self.no_op("create tag");
            return Handled::read(answer);
        }
        let tag = self.write(now).add_tag(name, now);
        Handled::wrote(Answer::json(201, &json!({ "tag": tag.json() })))
    }

    /// `GET /v4/subscribers/{id}/tags`: current at once, unless a switch says otherwise.
    pub(super) fn tags_of_subscriber(&mut self, id: &str, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let Some(id) = self.by_id(id).map(|found| found.id) else {
            return Handled::read(refusals::not_found());
        };
        let account =
            if self.switches.tags_of_subscriber_lag { self.listed(now) } else { self.account.current() };
        // A subscriber who is newer than the lag has no tags there.
        let rows = account.subscribers.get(&id).into_iter().flat_map(|found| {
            found.tags.iter().filter_map(|(tag, tagged_at)| {
                let tag = account.tags.get(tag)?;
                let shown = json!({ "id": tag.id, "name": tag.name, "tagged_at": iso(*tagged_at) });
                Some(Listed::new(*tagged_at, tag.id, shown))
            })
        });
        let rows: Vec<Listed> = rows.collect();
        page(asked, "tags", rows, Order::NewestFirst, PageEdge::Exact)
    }

    /// `GET /v4/tags/{tag}/subscribers`: newest tagging first; only those who are active by default.
    pub(super) fn list_tagged(&mut self, tag: &str, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let Some(tag) = self.tag(tag).map(|tag| tag.id) else {
            return Handled::read(refusals::not_found());
        };
        let filter = match Filter::of(asked) {
            Ok(filter) => filter,
            Err(refusal) => return Handled::read(refusal),
        };
        let (after, before) = match (asked.instant("tagged_after"), asked.instant("tagged_before")) {
            (Ok(after), Ok(before)) => (after, before),
            (Err(why), _) | (_, Err(why)) => return Handled::read(refusals::invalid(&why)),
        };
        let unset_shown = self.switches.unset_fields_shown;
        let account = self.listed(now);
        let rows = account.subscribers.values().filter(|found| filter.matches(found)).filter_map(|found| {
            let tagged_at = *found.tags.get(&tag)?;
            let is_within = after.is_none_or(|after| tagged_at >= after)
                && before.is_none_or(|before| tagged_at < before);
            let mut shown = account.subscriber_json(found, unset_shown);
            shown["tagged_at"] = json!(iso(tagged_at));
            is_within.then(|| Listed::new(tagged_at, found.id, shown))
        });
        let rows: Vec<Listed> = rows.collect();
        page(asked, "subscribers", rows, Order::NewestFirst, self.switches.page_edge)
    }

    /// `POST /v4/tags/{tag}/subscribers/{id}`: `201` the first time, `200` after that.
    pub(super) fn tag_by_id(&mut self, tag: &str, id: &str, now: Timestamp) -> Handled {
        match (self.tag(tag).cloned(), self.by_id(id).map(|found| found.id)) {
            (Some(tag), Some(id)) => self.tagged(&tag, id, now),
            (None, _) | (_, None) => Handled::read(refusals::not_found()),
        }
    }

    /// `POST /v4/tags/{tag}/subscribers`: the subscriber must exist; one made just before does.
    pub(super) fn tag_by_email(&mut self, tag: &str, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let Some(tag) = self.tag(tag).cloned() else {
            return Handled::read(refusals::not_found());
        };
        let Some(email) = asked.text("email_address") else {
            let message = "Either subscriber id or email address is required to tag subscriber";
            return Handled::read(refusals::invalid(message));
        };
        match self.by_email(email).map(|found| found.id) {
            Some(id) => self.tagged(&tag, id, now),
            None => Handled::read(refusals::not_found()),
        }
    }

    fn tagged(&mut self, tag: &Tag, id: u64, now: Timestamp) -> Handled {
        let did = self.put_tag(tag, id, By::Api, now);
        if !did {
            self.no_op("tag");
        }
        let account = self.account.current();
        let found = account.subscribers.get(&id).expect("it was tagged just before");
        let mut shown = account.subscriber_json(found, self.switches.unset_fields_shown);
        shown["tagged_at"] = json!(found.tags.get(&tag.id).copied().map(iso));
        let status = if did { 201 } else { 200 };
        Handled { did, answer: Answer::json(status, &json!({ "subscriber": shown })) }
    }

    /// `DELETE /v4/tags/{tag}/subscribers/{id}`.
    pub(super) fn untag_by_id(&mut self, tag: &str, id: &str, now: Timestamp) -> Handled {
        match (self.tag(tag).cloned(), self.by_id(id).map(|found| found.id)) {
            (Some(tag), Some(id)) => self.untagged(&tag, id, now),
            (None, _) | (_, None) => Handled::read(refusals::not_found()),
        }
    }

    /// `DELETE /v4/tags/{tag}/subscribers`, with the address in the query or in the body.
    pub(super) fn untag_by_email(&mut self, tag: &str, asked: &Asked<'_>, now: Timestamp) -> Handled {
        let Some(tag) = self.tag(tag).cloned() else {
            return Handled::read(refusals::not_found());
        };
        let Some(email) = asked.text("email_address") else {
            let message = "Either subscriber id or email address is required to remove tag from subscriber";
            return Handled::read(refusals::invalid(message));
        };
        match self.by_email(email).map(|found| found.id) {
            Some(id) => self.untagged(&tag, id, now),
            None => Handled::read(refusals::not_found()),
        }
    }

    fn untagged(&mut self, tag: &Tag, id: u64, now: Timestamp) -> Handled {
        let did = self.take_tag(tag, id, By::Api, now);
        if !did {
            self.no_op("untag");
        }
        let is_fine = did || self.switches.untag_absent_found;
        Handled { did, answer: if is_fine { Answer::empty(204) } else { refusals::not_found() } }
    }

    /// Puts a tag on; `false` if it was there, and the time it was first put on stays.
    pub(super) fn put_tag(&mut self, tag: &Tag, id: u64, by: By, now: Timestamp) -> bool {
        if self.account.current().subscribers.get(&id).is_none_or(|found| found.tags.contains_key(&tag.id)) {
            return false;
        }
        if let Some(found) = self.write(now).subscribers.get_mut(&id) {
            found.tags.insert(tag.id, now);
            found.updated_at = now;
        }
        self.automation(now, by, "tag_added", id, change(tag, false, true));
        true
    }

    /// Takes a tag off; `false` if it was not there.
    pub(super) fn take_tag(&mut self, tag: &Tag, id: u64, by: By, now: Timestamp) -> bool {
        if self.account.current().subscribers.get(&id).is_none_or(|found| !found.tags.contains_key(&tag.id)) {
            return false;
        }
        if let Some(found) = self.write(now).subscribers.get_mut(&id) {
            found.tags.remove(&tag.id);
            found.updated_at = now;
        }
        self.automation(now, by, "tag_removed", id, change(tag, true, false));
        true
    }

    fn tag(&self, id: &str) -> Option<&Tag> {
        id.parse().ok().and_then(|id: u64| self.account.current().tags.get(&id))
    }

    pub(super) fn by_email(&self, email: &str) -> Option<&Subscriber> {
        self.account.current().find(email, self.switches.is_case_strict)
    }
}

fn change(tag: &Tag, before: bool, after: bool) -> Value {
    json!({ "tag_id": tag.id, "tag": tag.name, "before": before, "after": after })
}
