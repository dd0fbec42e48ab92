//! Members: looked up, listed, invited, updated, deactivated.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Answer, Handled};

use super::community::{Community, Member, is_same_email};
use super::ledger::iso;
use super::page::{PER_PAGE_PEOPLE, page};
use super::parameters::Parameters;
use super::switches::ExistingPost;
use super::{By, Circle, refusals};

/// Two invitations of one email within this time are taken for parallel by the switch `loser_500`.
const PARALLEL_WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// The lists that a create or an update may carry.
struct Lists {
    spaces: Option<Vec<u64>>,
    space_groups: Option<Vec<u64>>,
    tags: Option<Vec<u64>>,
}

impl Lists {
    fn of(asked: &Parameters<'_>) -> Self {
        Self {
            spaces: asked.integers("space_ids"),
            space_groups: asked.integers("space_group_ids"),
            tags: asked.integers("member_tag_ids"),
        }
    }
}

impl Circle {
    /// `GET /community_members/search`: the member with an email, bare.
    pub(super) fn search(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let email = asked.text("email").unwrap_or_default();
        let strict = self.switches.is_case_strict;
        let other = || community.members.values().find(|member| !is_same_email(&member.email, email, strict));
        let found = if self.switches.search_answers_other {
            other().or_else(|| community.find(email, strict))
        } else {
            community.find(email, strict)
        };
        Handled::read(match found {
            Some(member) => Answer::json(200, &community.member_with_level(member)),
            None => refusals::missing("community member"),
        })
    }

    /// `GET /community_members`: newest first; without `status` those who are invited are left out.
    ///
    /// An `email` is ignored, and everybody is returned.
    pub(super) fn list_members(&self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let community = self.seen(now);
        let is_listed = |member: &&Member| match asked.text("status") {
            Some("all") => true,
            Some("inactive") => member.confirmed_at.is_none(),
            // `active` is an explicit value in the newer document only; no error is documented for others.
            _ => member.confirmed_at.is_some(),
        };
        let rows: Vec<&Member> = community.members.values().rev().filter(is_listed).collect();
        page(asked, PER_PAGE_PEOPLE, self.switches.per_page_max, &rows, |member| {
            community.member_with_activity(member)
        })
    }

    /// `GET /community_members/{id}`: current at once, unlike the search.
    pub(super) fn member(&self, id: &str) -> Handled {
        let community = self.community.current();
        Handled::read(match self.member_by_id(id) {
            Some(member) => Answer::json(200, &community.member_with_activity(member)),
            None => refusals::missing("community member"),
        })
    }

    fn member_by_id(&self, id: &str) -> Option<&Member> {
        id.parse().ok().and_then(|id: u64| self.community.current().members.get(&id))
    }

    /// `POST /community_members`: invites a person, with a mail unless told otherwise.
    pub(super) fn invite(&mut self, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let typed = asked.text("email").unwrap_or_default();
        let is_email =
            typed.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if !is_email || typed.contains(char::is_whitespace) {
            return Handled::read(refusals::refused(422, "Invalid email address."));
        }
        let password = asked.value("password").and_then(Value::as_str);
        if password.is_some_and(|password| !is_strong(password)) {
            let message = "Validation failed: Password Please make sure your password includes at least 6 \
                           characters, 1 uppercase letter, 1 number, and 1 symbol (!, $, @, *, etc).";
            return Handled::read(refusals::refused(422, message));
        }
        // A password suppresses the mail. Source: public integration code.
        let mails = !asked.is_true("skip_invitation") && password.is_none();
        let existing = self.community.current().find(typed, self.switches.is_case_strict).cloned();
        if let Some(existing) = existing {
            return self.invite_again(&existing, mails, now);
        }
        let limit = self.switches.daily_member_limit;
        if limit.is_some_and(|limit| self.ledger.invited_on_day(now) >= limit) {
            return Handled::read(refusals::daily_limit());
        }
        let members = self.community.current().members.len() as u64;
        if self.switches.member_cap.is_some_and(|cap| members >= cap) {
            return Handled::read(refusals::plan_full());
        }
        self.ledger.count_invited(now);
        self.invite_new(typed, asked, mails, now)
    }

    fn invite_new(&mut self, typed: &str, asked: &Parameters<'_>, mails: bool, now: Timestamp) -> Handled {
        let email = if self.switches.echoes_as_typed { typed.to_owned() } else { typed.to_lowercase() };
        let reuses_id = self.switches.reinvite_same_id;
        let is_strict = self.switches.is_case_strict;
        let lists = Lists::of(asked);
        let community = self.write(now);
        let left =
            community.gone.values().rev().find(|member| is_same_email(&member.email, &email, is_strict));
        let id = match left.map(|member| member.id).filter(|_| reuses_id) {
            Some(id) => {
                if let Some(mut member) = community.gone.remove(&id) {
                    member.accepted_at = None;
                    member.confirmed_at = None;
                    member.updated_at = now;
                    community.members.insert(id, member);
                }
                id
            }
            None => community.add_member(&email, asked.text("name"), now),
        };
        let added = apply_lists(community, id, &lists, false, now);
        let member = community.members.get(&id).expect("it was put there above").clone();
        let shown = community.member_json(&member);
        self.record(now, By::Api, "invited", json!({ "member_id": id, "email": email, "mails": mails }));
        if mails {
            self.mail(&member, now);
        }
        let message = format!("This user has been invited to the community{added}.");
        Handled::wrote(Answer::json(201, &self.created(&message, shown)))
    }

    /// An email that is a member already. The lists of the call are not applied.
    fn invite_again(&mut self, existing: &Member, mails: bool, now: Timestamp) -> Handled {
        if self.switches.loser_500 && now.duration_since(existing.created_at) < PARALLEL_WITHIN {
            return Handled::read(refusals::broken());
        }
        let did = mails && self.switches.existing_post_mails;
        if did {
            self.mail(existing, now);
        }
        let answer = match self.switches.existing_post {
            ExistingPost::Created => {
                let shown = self.community.current().member_json(existing);
                Answer::json(201, &self.created("This user is already a member of this community.", shown))
            }
            ExistingPost::Conflict => {
                refusals::refused(409, "This user is already a member of this community.")
            }
            ExistingPost::Unprocessable => {
                refusals::refused(422, "Validation failed: Email has already been taken")
            }
        };
        Handled { did, answer }
    }

    fn created(&self, message: &str, member: Value) -> Value {
        if !self.switches.id_at_top_level {
            return json!({ "message": message, "community_member": member, "invitation_token": null });
        }
        let mut bare = member;
        bare["message"] = json!(message);
        bare["invitation_token"] = Value::Null;
        bare
    }

    fn mail(&mut self, member: &Member, now: Timestamp) {
        self.invitations.push(json!({ "email": member.email, "at": iso(now), "member_id": member.id }));
    }

    /// `PUT /community_members/{id}`. An email or `active` in it is ignored, with a `200`.
    pub(super) fn update_member(&mut self, id: &str, asked: &Parameters<'_>, now: Timestamp) -> Handled {
        let Some(id) = self.member_by_id(id).map(|member| member.id) else {
            return Handled::read(refusals::missing("community member"));
        };
        if asked.value("name").is_some() && asked.text("name").is_none() {
            return Handled::read(refusals::refused(422, "Validation failed: Name can't be blank"));
        }
        let replaces = self.switches.put_replaces;
        let lists = Lists::of(asked);
        let community = self.write(now);
        apply_lists(community, id, &lists, replaces, now);
        let member = community.members.get_mut(&id).expect("it was found above");
        if let Some(name) = asked.text("name") {
            member.name = Some(name.to_owned());
        }
        if let Some(headline) = asked.value("headline") {
            member.headline = headline.as_str().map(str::to_owned);
        }
        if let Some(Value::Bool(is_flagged)) = asked.value("is_flagged") {
            member.is_flagged = *is_flagged;
        }
        member.updated_at = now;
        let member = member.clone();
        let shown = community.member_json(&member);
        self.record(now, By::Api, "updated", json!({ "member_id": id }));
        Handled::wrote(Answer::json(200, &shown))
    }

    /// `DELETE /community_members/{id}`: out of the community altogether.
    pub(super) fn remove_member(&mut self, id: &str, now: Timestamp) -> Handled {
        let Some(member) = self.member_by_id(id).cloned() else {
            return Handled::read(refusals::missing("community member"));
        };
        if self.switches.deactivate_fails {
            let message = "An error occurred trying to cancel the subscription(s) so the account couldn't be \
                           deactivated. Please contact us at support@circle.so";
            return Handled::read(refusals::refused(422, message));
        }
        let clears = self.switches.deactivate_clears;
        self.write(now).deactivate(member.id, clears);
        self.record(now, By::Api, "deactivated", json!({ "member_id": member.id, "email": member.email }));
        let message = "The community member has been removed from the community.";
        Handled::wrote(Answer::json(200, &json!({ "message": message })))
    }
}

/// Puts a member into the places and tags of the lists; ids that do not exist are skipped.
///
/// With `replaces` a list that was sent is the whole list afterwards. Returns what the message of a create
/// says about it.
fn apply_lists(community: &mut Community, id: u64, lists: &Lists, replaces: bool, now: Timestamp) -> String {
    let keep = |listed: &Option<Vec<u64>>, of: u64| listed.as_ref().is_none_or(|ids| ids.contains(&of));
    if replaces {
        for row in community.in_space_group.of_member(id) {
            if !keep(&lists.space_groups, row.of) {
                community.leave_space_group(row.of, id);
            }
        }
        for row in community.in_space.of_member(id) {
            if !keep(&lists.spaces, row.of) {
                community.in_space.remove(row.of, id);
            }
        }
        for row in community.tagged.of_member(id) {
            if !keep(&lists.tags, row.of) {
                community.tagged.remove(row.of, id);
            }
        }
    }
    let mut joined_groups: Vec<String> = Vec::new();
    for space_group in lists.space_groups.iter().flatten() {
        if let Some(name) = community.space_groups.get(space_group).cloned() {
            community.join_space_group(*space_group, id, now);
            joined_groups.push(name);
        }
    }
    let mut joined_spaces: Vec<String> = Vec::new();
    for space in lists.spaces.iter().flatten() {
        if let Some(name) = community.spaces.get(space).map(|space| space.name.clone()) {
            community.in_space.add(*space, id, now);
            joined_spaces.push(name);
        }
    }
    for tag in lists.tags.iter().flatten() {
        if community.tags.contains_key(tag) {
            community.tagged.add(*tag, id, now);
        }
    }
    let mut said = Vec::new();
    for (kind, names) in [("space groups", joined_groups), ("spaces", joined_spaces)] {
        if !names.is_empty() {
            said.push(format!(" {kind}: {}", names.join(", ")));
        }
    }
    if said.is_empty() { String::new() } else { format!(" and has been added to following{}", said.concat()) }
}

/// Circle's rule: six characters, among them a capital, a digit and a symbol.
fn is_strong(password: &str) -> bool {
    password.chars().count() >= 6
        && password.chars().any(char::is_uppercase)
        && password.chars().any(|letter| letter.is_ascii_digit())
        && password.chars().any(|letter| !letter.is_alphanumeric())
}
