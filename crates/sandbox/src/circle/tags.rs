//! Member tags: listed, created, put on people and taken off.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::community::Tag;
use super::ledger::iso;
use super::page::{PER_PAGE_PEOPLE, page};
use super::parameters::Parameters;
use super::{By, Circle, refusals};

impl Circle {
    /// `GET /member_tags`: newest first; `name` matches a part, whatever its case.
    pub(super) fn list_tags(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let name = asked.text("name").map(str::to_lowercase);
        let is_listed = |tag: &&Tag| name.as_ref().is_none_or(|name| tag.name.to_lowercase().contains(name));
        let rows: Vec<&Tag> = community.tags.values().rev().filter(is_listed).collect();
        page(asked, PER_PAGE_PEOPLE, self.switches.per_page_max, &rows, |tag| community.tag_json(tag))
    }

    /// `POST /member_tags`: a second one of the same name is made, as no document says otherwise.
    pub(super) fn create_tag(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let Some(name) = asked.text("name") else {
            let details = json!({ "name": ["can't be blank"] });
            return Handled::read(refusals::detailed(422, "Unable to save member tag", &details));
        };
        let color = asked.value("color").unwrap_or(&Value::Null);
        let is_public = asked.is_true("is_public");
        let community = self.write(now);
        let id = community.add_tag(name, color, is_public, now);
        let shown = community.tags.get(&id).map(|tag| community.tag_json(tag));
        self.record(now, By::Api, "tag created", json!({ "tag_id": id, "name": name }));
        Handled::wrote(Answer::json(201, &json!(shown)))
    }

    /// `GET /tagged_members`: everything, newest first; no filter is documented, none is honoured.
    pub(super) fn list_tagged(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let rows = community.tagged.all();
        page(asked, PER_PAGE_PEOPLE, self.switches.per_page_max, &rows, |row| {
            let member = community.members.get(&row.member).or_else(|| community.gone.get(&row.member));
            json!({
                "id": row.id, "member_tag_id": row.of,
                "member_tag_name": community.tags.get(&row.of).map(|tag| &tag.name),
                "member_tag_emoji": null,
                "user_id": member.map(|member| member.user_id), "user_email": member.map(|member| &member.email),
                "lead_id": null, "lead_email": null, "community_member_id": row.member,
                "contact_id": row.member, "created_at": iso(row.at), "updated_at": iso(row.at),
            })
        })
    }

    /// `POST /tagged_members`. An email that is no member may become a tagged lead.
    pub(super) fn tag_member(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let Some(tag) = self.tag(asked) else {
            return Handled::read(refusals::missing("member tag"));
        };
        let tagged = Answer::json(201, &json!({ "message": "Person tagged successfully!" }));
        let member = self.user(self.community.current(), asked, "user_email").map(|member| member.id);
        match member {
            Ok(member) => {
                if self.community.current().tagged.get(tag, member).is_some() {
                    return Handled::read(tagged);
                }
                self.write(now).tagged.add(tag, member, now);
                self.record(now, By::Api, "tagged", json!({ "member_id": member, "tag_id": tag }));
                Handled::wrote(tagged)
            }
            Err(refusal) => match asked.text("user_email").filter(|_| self.switches.tag_unknown_email_ok) {
                None => Handled::read(refusal),
                Some(email) => {
                    let lead = (tag, email.to_lowercase());
                    if self.community.current().tagged_leads.contains(&lead) {
                        return Handled::read(tagged);
                    }
                    self.write(now).tagged_leads.insert(lead);
                    self.record(now, By::Api, "lead tagged", json!({ "email": email, "tag_id": tag }));
                    Handled::wrote(tagged)
                }
            },
        }
    }

    /// `DELETE /tagged_members`. What a repeat is answered is not documented; here it is a `404`.
    pub(super) fn untag_member(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let Some(tag) = self.tag(asked) else {
            return Handled::read(refusals::missing("member tag"));
        };
        let member = match self.user(self.community.current(), asked, "user_email") {
            Ok(member) => member.id,
            Err(refusal) => return Handled::read(refusal),
        };
        if self.community.current().tagged.get(tag, member).is_none() {
            return Handled::read(refusals::missing("tagged member"));
        }
        self.write(now).tagged.remove(tag, member);
        self.record(now, By::Api, "untagged", json!({ "member_id": member, "tag_id": tag }));
        Handled::wrote(Answer::json(200, &json!({ "message": "Tag has been removed" })))
    }

    fn tag(&self, asked: &Parameters<'_>) -> Option<u64> {
        asked.integer("member_tag_id").filter(|id| self.community.current().tags.contains_key(id))
    }
}
