//! Spaces and space groups: listed, joined, left, checked. Keyed by email and a numeric id.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::community::{Community, Space};
use super::page::{PER_PAGE_PLACES, page};
use super::parameters::Parameters;
use super::{By, Circle, refusals};

impl Circle {
    /// `GET /spaces`. The order that `sort` asks for is not modelled.
    pub(super) fn list_spaces(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let rows: Vec<&Space> = community.spaces.values().collect();
        page(asked, PER_PAGE_PLACES, self.switches.per_page_max, &rows, |space| community.space_json(space))
    }

    /// `GET /space_members`: newest first. Every row is `active`, so `status=inactive` lists nobody.
    pub(super) fn list_space(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let Some(space) = space(community, asked) else {
            return Handled::read(refusals::missing("space"));
        };
        let is_listed = asked.text("status") != Some("inactive");
        let rows = if is_listed { community.in_space.within(space) } else { Vec::new() };
        page(asked, PER_PAGE_PLACES, self.switches.per_page_max, &rows, |row| community.space_row_json(row))
    }

    /// `GET /space_member`: access through a space group looks the same as direct access.
    pub(super) fn space_membership(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        Handled::read(match self.in_which_space(community, asked) {
            Err(refusal) => refusal,
            Ok((space, member)) => match community.in_space.get(space, member) {
                Some(row) => Answer::json(200, &community.space_row_json(&row)),
                None => refusals::missing("space member"),
            },
        })
    }

    /// `POST /space_members`: `200`, not `201`; a repeat is reported as `422`.
    pub(super) fn add_to_space(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let (space, member) = match self.in_which_space(self.community.current(), asked) {
            Ok(found) => found,
            Err(refusal) => return Handled::read(refusal),
        };
        let added = Answer::json(200, &json!({ "message": "User added to space" }));
        if self.community.current().in_space.get(space, member).is_some() {
            return Handled::read(if self.switches.repeat_space_add_ok {
                added
            } else {
                refusals::refused(422, "User not added to space.")
            });
        }
        self.write(now).in_space.add(space, member, now);
        self.record(now, By::Api, "added to space", json!({ "member_id": member, "space_id": space }));
        Handled::wrote(added)
    }

    /// `DELETE /space_members`.
    pub(super) fn remove_from_space(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let (space, member) = match self.in_which_space(self.community.current(), asked) {
            Ok(found) => found,
            Err(refusal) => return Handled::read(refusal),
        };
        if self.community.current().in_space.get(space, member).is_none() {
            return Handled::read(refusals::missing("space member"));
        }
        self.write(now).in_space.remove(space, member);
        self.record(now, By::Api, "removed from space", json!({ "member_id": member, "space_id": space }));
        Handled::wrote(Answer::json(200, &json!({ "message": "Member removed from space" })))
    }

    /// The space and the member of a call. A member id in place of the email finds nobody.
    fn in_which_space(&self, community: &Community, asked: &Parameters<'_>) -> Result<(u64, u64), Answer> {
        let space = space(community, asked).ok_or_else(|| refusals::missing("space"))?;
        let member = self.user(community, asked, "email")?;
        Ok((space, member.id))
    }

    /// `POST /space_group_members`: the one add that is documented as repeatable.
    pub(super) fn add_to_space_group(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let (group, member) = match self.in_which_space_group(asked) {
            Ok(found) => found,
            Err(refusal) => return Handled::read(refusal),
        };
        let answer = |message: &str| Answer::json(200, &json!({ "success": true, "message": message }));
        if self.community.current().in_space_group.get(group, member).is_some() {
            return Handled::read(answer("User is already added to the space group."));
        }
        self.write(now).join_space_group(group, member, now);
        let about = json!({ "member_id": member, "space_group_id": group });
        self.record(now, By::Api, "added to space group", about);
        Handled::wrote(answer("User has been added to the space group."))
    }

    /// `DELETE /space_group_members`. What a repeat is answered is not documented; here it is a `404`.
    pub(super) fn remove_from_space_group(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let (group, member) = match self.in_which_space_group(asked) {
            Ok(found) => found,
            Err(refusal) => return Handled::read(refusal),
        };
        if self.switches.space_group_remove_fails {
            let details = json!({ "message": "The member owns a space of this group." });
            let message = "User cannot be removed from this space group";
            return Handled::read(refusals::detailed(422, message, &details));
        }
        if self.community.current().in_space_group.get(group, member).is_none() {
            return Handled::read(refusals::missing("space group member"));
        }
        self.write(now).leave_space_group(group, member);
        let about = json!({ "member_id": member, "space_group_id": group });
        self.record(now, By::Api, "removed from space group", about);
        let body: Value =
            json!({ "success": true, "message": "User removed from the space group and its spaces" });
        Handled::wrote(Answer::json(200, &body))
    }

    /// The space group and the member of a call. A login without membership has its own refusal.
    fn in_which_space_group(&self, asked: &Parameters<'_>) -> Result<(u64, u64), Answer> {
        let community = self.community.current();
        let group = asked
            .integer("space_group_id")
            .filter(|id| community.space_groups.contains_key(id))
            .ok_or_else(|| refusals::missing("space group"))?;
        let email = asked.text("email").unwrap_or_default();
        match self.user(community, asked, "email") {
            Ok(member) => Ok((group, member.id)),
            Err(_) if community.has_login(email) => {
                let body = json!({ "success": false, "message": "User is not a member of community" });
                Err(Answer::json(422, &body))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

fn space(community: &Community, asked: &Parameters<'_>) -> Option<u64> {
    asked.integer("space_id").filter(|id| community.spaces.contains_key(id))
}
