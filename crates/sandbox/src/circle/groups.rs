//! Access groups: listed, joined, left, checked. All keyed by email.

use jiff::Timestamp;
use serde_json::json;

use crate::call::{Answer, Handled};

use super::community::{Community, Group, Member};
use super::page::{PER_PAGE_PLACES, page};
use super::parameters::Parameters;
use super::switches::RepeatAdd;
use super::{By, Circle, refusals};

impl Circle {
    /// `GET /access_groups`: newest first, those in use unless `status` says otherwise.
    pub(super) fn list_groups(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let status = asked.text("status").unwrap_or("active");
        if !["active", "archived", "all"].contains(&status) {
            let message = "Invalid status. Valid statuses are: active, archived, all";
            return Handled::read(refusals::refused(400, message));
        }
        let ids = asked.integers("ids");
        let name = asked.text("name").map(str::to_lowercase);
        let is_listed = |group: &&Group| {
            (status == "all" || group.is_archived == (status == "archived"))
                && ids.as_ref().is_none_or(|ids| ids.contains(&group.id))
                && name.as_ref().is_none_or(|name| group.name.to_lowercase().contains(name))
        };
        let rows: Vec<&Group> = self.seen(now).groups.values().rev().filter(is_listed).collect();
        page(asked, PER_PAGE_PLACES, self.switches.per_page_max, &rows, |group| group.json(true))
    }

    /// `GET /access_groups/{id}/community_members`: ids only, newest first.
    pub(super) fn list_group(&self, id: &str, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let Some(group) = group(community, id) else {
            return Handled::read(refusals::missing("access group"));
        };
        let rows = community.in_group.within(group.id);
        page(asked, PER_PAGE_PLACES, self.switches.per_page_max, &rows, Community::group_row_json)
    }

    /// `GET /community_members/{id}/access_groups`: what one member is in.
    pub(super) fn groups_of_member(&self, id: &str, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let Some(member) = id.parse().ok().and_then(|id: u64| community.members.get(&id)) else {
            return Handled::read(refusals::missing("community member"));
        };
        let rows: Vec<&Group> = community
            .in_group
            .of_member(member.id)
            .iter()
            .filter_map(|row| community.groups.get(&row.of))
            .collect();
        page(asked, PER_PAGE_PLACES, self.switches.per_page_max, &rows, |group| group.json(false))
    }

    /// `GET /access_groups/{id}/community_member`: whether the person with an email is in the group.
    pub(super) fn group_membership(&self, id: &str, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        Handled::read(match self.place(community, id, asked) {
            Err(refusal) => refusal,
            Ok((group, member)) => match community.in_group.get(group.id, member.id) {
                Some(row) => Answer::json(200, &Community::group_row_json(&row)),
                None => refusals::missing("access group community member"),
            },
        })
    }

    /// `POST /access_groups/{id}/community_members`: works for people who are only invited, too.
    pub(super) fn add_to_group(&mut self, id: &str, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let (group, member) = match self.place(self.community.current(), id, asked) {
            Ok((group, member)) => (group.clone(), member.id),
            Err(refusal) => return Handled::read(refusal),
        };
        if group.is_archived && !self.switches.archived_add_ok {
            return Handled::read(refusals::missing("access group"));
        }
        let name = &group.name;
        let message = format!("Member has been added to '{name}' access group.");
        if self.community.current().in_group.get(group.id, member).is_none() {
            self.write(now).in_group.add(group.id, member, now);
            self.record(now, By::Api, "added to group", json!({ "member_id": member, "group_id": group.id }));
            return Handled::wrote(Answer::json(201, &json!({ "message": message })));
        }
        Handled::read(match self.switches.repeat_add {
            RepeatAdd::Created => Answer::json(201, &json!({ "message": message })),
            RepeatAdd::Ok => Answer::json(200, &json!({ "message": message })),
            RepeatAdd::Unprocessable => {
                refusals::refused(422, &format!("Member is already in '{name}' access group."))
            }
            RepeatAdd::Unknown2xx => Answer::json(200, &json!({ "message": "Nothing was changed." })),
        })
    }

    /// `DELETE /access_groups/{id}/community_members`.
    pub(super) fn remove_from_group(&mut self, id: &str, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let (group, member) = match self.place(self.community.current(), id, asked) {
            Ok((group, member)) => (group.clone(), member.id),
            Err(refusal) => return Handled::read(refusal),
        };
        if self.community.current().in_group.get(group.id, member).is_none() {
            return Handled::read(refusals::missing("access group community member"));
        }
        self.write(now).in_group.remove(group.id, member);
        self.record(now, By::Api, "removed from group", json!({ "member_id": member, "group_id": group.id }));
        let message = format!("Member removed from '{}' access group.", group.name);
        Handled::wrote(Answer::json(200, &json!({ "message": message })))
    }

    /// The group of the path and the member of the email; the group is looked for first.
    fn place<'a>(
        &self,
        community: &'a Community,
        id: &str,
        asked: &Parameters<'_>,
    ) -> Result<(&'a Group, &'a Member), Answer> {
        let group = group(community, id).ok_or_else(|| refusals::missing("access group"))?;
        let member = self.user(community, asked, "email")?;
        Ok((group, member))
    }

    /// The member whom an email parameter names, or the `404` that access and space calls give.
    pub(super) fn user<'a>(
        &self,
        community: &'a Community,
        asked: &Parameters<'_>,
        name: &str,
    ) -> Result<&'a Member, Answer> {
        asked
            .text(name)
            .and_then(|email| community.find(email, self.switches.is_case_strict))
            .ok_or_else(|| refusals::missing("user"))
    }
}

fn group<'a>(community: &'a Community, id: &str) -> Option<&'a Group> {
    id.parse().ok().and_then(|id: u64| community.groups.get(&id))
}
