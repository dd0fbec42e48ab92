//! What the community holds, and how Circle writes it down.
//!
//! Source of the shapes: Circle Admin API v2 OpenAPI document (March 2026).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ledger::iso;

/// The one community of the fake.
pub(super) const COMMUNITY_ID: u64 = 1;

/// When the community, its groups and its spaces were made.
const FOUNDED_AT: &str = "2024-01-01T00:00:00.000Z";

/// A membership of one person. Invited people are members too.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    /// The person's Circle-wide login; a re-invited person keeps it.
    pub(super) user_id: u64,
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) headline: Option<String>,
    pub(super) is_flagged: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// `None` while the invitation waits.
    pub(super) accepted_at: Option<Timestamp>,
    /// `None` until the profile is completed; what makes a member "active" in lists.
    pub(super) confirmed_at: Option<Timestamp>,
}

impl Member {
    /// The word for the state, as the sandbox's page shows it.
    pub(super) fn state(&self) -> &'static str {
        match (self.accepted_at, self.confirmed_at) {
            (None, _) => "invited",
            (Some(_), None) => "accepted",
            (Some(_), Some(_)) => "active",
        }
    }

    fn names(&self) -> (Option<&str>, Option<&str>) {
        match self.name.as_deref().map(|name| name.split_once(' ').unwrap_or((name, ""))) {
            None => (None, None),
            Some((first, "")) => (Some(first), None),
            Some((first, last)) => (Some(first), Some(last)),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) is_archived: bool,
}

impl Group {
    /// A group as lists of groups show it; a member's own list leaves out the description.
    pub(super) fn json(&self, with_description: bool) -> Value {
        let status = if self.is_archived { "archived" } else { "active" };
        let mut group = json!({
            "id": self.id, "name": self.name, "status": status, "community_id": COMMUNITY_ID,
            "created_at": FOUNDED_AT, "updated_at": FOUNDED_AT,
        });
        if with_description {
            group["description"] = json!(format!("{} of Northwind Makers", self.name));
        }
        group
    }
}

#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) id: u64,
    pub(super) name: String,
    /// The space group that it belongs to.
    pub(super) within: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) color: Value,
    pub(super) is_public: bool,
    pub(super) created_at: Timestamp,
}

/// One membership in a group, space or space group, or one tagging.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) of: u64,
    pub(super) member: u64,
    pub(super) at: Timestamp,
}

/// Memberships of one kind, by what they are in and whose they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    rows: BTreeMap<(u64, u64), Row>,
    last_id: u64,
}

impl Rows {
    pub(super) fn get(&self, of: u64, member: u64) -> Option<Row> {
        self.rows.get(&(of, member)).copied()
    }

    /// Adds a row; `false` if it was there.
    pub(super) fn add(&mut self, of: u64, member: u64, at: Timestamp) -> bool {
        if self.rows.contains_key(&(of, member)) {
            return false;
        }
        self.last_id += 1;
        self.rows.insert((of, member), Row { id: self.last_id, of, member, at });
        true
    }

    /// Removes a row; `false` if there was none.
    pub(super) fn remove(&mut self, of: u64, member: u64) -> bool {
        self.rows.remove(&(of, member)).is_some()
    }

    pub(super) fn clear_member(&mut self, member: u64) {
        self.rows.retain(|(_, of_whom), _| *of_whom != member);
    }

    /// Who is in it, newest first.
    pub(super) fn within(&self, of: u64) -> Vec<Row> {
        newest_first(self.rows.range((of, 0)..=(of, u64::MAX)).map(|(_, row)| *row).collect())
    }

    /// Every row, newest first.
    pub(super) fn all(&self) -> Vec<Row> {
        newest_first(self.rows.values().copied().collect())
    }

    /// What one member is in, newest first.
    pub(super) fn of_member(&self, member: u64) -> Vec<Row> {
        newest_first(self.rows.values().filter(|row| row.member == member).copied().collect())
    }
}

fn newest_first(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows
}

/// Everything a lagging read may see late.
#[derive(Clone, Debug)]
pub(super) struct Community {
    pub(super) members: BTreeMap<u64, Member>,
    /// Those who were deactivated, by their last id.
    pub(super) gone: BTreeMap<u64, Member>,
    pub(super) groups: BTreeMap<u64, Group>,
    pub(super) spaces: BTreeMap<u64, Space>,
    pub(super) space_groups: BTreeMap<u64, String>,
    pub(super) tags: BTreeMap<u64, Tag>,
    pub(super) in_group: Rows,
    pub(super) in_space: Rows,
    pub(super) in_space_group: Rows,
    pub(super) tagged: Rows,
    /// Taggings of emails that are no members: (tag, email).
    pub(super) tagged_leads: BTreeSet<(u64, String)>,
    /// Circle-wide logins by lower-case email.
    logins: BTreeMap<String, u64>,
    last_member: u64,
    last_tag: u64,
    seed: u64,
}

impl Community {
    /// "Northwind Makers": three groups in use and one archived, two spaces in one space group.
    pub(super) fn northwind(seed: u64) -> Self {
        let group = |id: u64, name: &str, is_archived| (id, Group { id, name: name.to_owned(), is_archived });
        let space = |id: u64, name: &str| (id, Space { id, name: name.to_owned(), within: 3 });
        Self {
            members: BTreeMap::new(),
            gone: BTreeMap::new(),
            groups: BTreeMap::from([
                group(4012, "Members", false),
                group(4013, "Pro", false),
                group(4014, "Course", false),
                group(4099, "Archived", true),
            ]),
            spaces: BTreeMap::from([space(7, "Lounge"), space(8, "Course room")]),
            space_groups: BTreeMap::from([(3, "Rooms".to_owned())]),
            tags: BTreeMap::new(),
            in_group: Rows::default(),
            in_space: Rows::default(),
            in_space_group: Rows::default(),
            tagged: Rows::default(),
            tagged_leads: BTreeSet::new(),
            logins: BTreeMap::new(),
            last_member: 1000,
            last_tag: 0,
            seed,
        }
    }

    /// The member with this email.
    pub(super) fn find(&self, email: &str, is_case_strict: bool) -> Option<&Member> {
        self.members.values().find(|member| is_same_email(&member.email, email, is_case_strict))
    }

    /// Whether Circle knows a login with this email, member or not.
    pub(super) fn has_login(&self, email: &str) -> bool {
        self.logins.contains_key(&email.to_lowercase())
    }

    /// Adds a member under a new id, invited and not yet there.
    pub(super) fn add_member(&mut self, email: &str, name: Option<&str>, now: Timestamp) -> u64 {
        self.last_member += 1;
        let id = self.last_member;
        let next_login = 5001 + self.logins.len() as u64;
        let user_id = *self.logins.entry(email.to_lowercase()).or_insert(next_login);
        let member = Member {
            id,
            user_id,
            email: email.to_owned(),
            name: name.map(str::to_owned),
            headline: None,
            is_flagged: false,
            created_at: now,
            updated_at: now,
            accepted_at: None,
            confirmed_at: None,
        };
        self.members.insert(id, member);
        id
    }

    /// Gives a member another email; the login goes with it.
    pub(super) fn change_email(&mut self, id: u64, email: &str, now: Timestamp) {
        if let Some(member) = self.members.get_mut(&id) {
            self.logins.remove(&member.email.to_lowercase());
            self.logins.insert(email.to_lowercase(), member.user_id);
            email.clone_into(&mut member.email);
            member.updated_at = now;
        }
    }

    /// Takes a member out of the community, and out of everything in it if `clears`.
    pub(super) fn deactivate(&mut self, id: u64, clears: bool) {
        if let Some(member) = self.members.remove(&id) {
            self.gone.insert(id, member);
        }
        if clears {
            for rows in [&mut self.in_group, &mut self.in_space, &mut self.in_space_group, &mut self.tagged] {
                rows.clear_member(id);
            }
        }
    }

    /// Adds to a space group and to each of its spaces; `false` if already in the group.
    ///
    /// Access to a space through its group looks like any other afterwards.
    pub(super) fn join_space_group(&mut self, space_group: u64, member: u64, now: Timestamp) -> bool {
        let joined = self.in_space_group.add(space_group, member, now);
        if joined {
            for space in self.spaces_of(space_group) {
                self.in_space.add(space, member, now);
            }
        }
        joined
    }

    /// Removes from a space group and from all of its spaces, however the member came there.
    pub(super) fn leave_space_group(&mut self, space_group: u64, member: u64) -> bool {
        let left = self.in_space_group.remove(space_group, member);
        if left {
            for space in self.spaces_of(space_group) {
                self.in_space.remove(space, member);
            }
        }
        left
    }

    fn spaces_of(&self, space_group: u64) -> Vec<u64> {
        self.spaces.values().filter(|space| space.within == space_group).map(|space| space.id).collect()
    }

    pub(super) fn add_tag(&mut self, name: &str, color: &Value, is_public: bool, now: Timestamp) -> u64 {
        self.last_tag += 1;
        let id = self.last_tag;
        self.tags
            .insert(id, Tag { id, name: name.to_owned(), color: color.clone(), is_public, created_at: now });
        id
    }

    /// The handle in a member's profile link: 8 hex digits from the seed and the id.
    fn public_uid(&self, id: u64) -> String {
        let mixed = (self.seed ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:08x}", mixed >> 32)
    }

    /// The member object without statistics, as a create answers it.
    pub(super) fn member_json(&self, member: &Member) -> Value {
        let (first_name, last_name) = member.names();
        let public_uid = self.public_uid(member.id);
        let tags: Vec<Value> = self
            .tagged
            .of_member(member.id)
            .iter()
            .filter_map(|row| self.tags.get(&row.of))
            .map(|tag| json!({ "id": tag.id, "name": tag.name }))
            .collect();
        // The only timestamp that Circle writes in another form, and the only one that is "" and not null.
        let accepted = member
            .accepted_at
            .map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
        json!({
            "id": member.id, "user_id": member.user_id, "community_id": COMMUNITY_ID,
            "first_name": first_name, "last_name": last_name, "name": member.name,
            "email": member.email, "headline": member.headline, "avatar_url": null,
            "public_uid": public_uid, "profile_url": format!("https://northwind.circle.example/u/{public_uid}"),
            "created_at": iso(member.created_at), "updated_at": iso(member.updated_at),
            "last_seen_at": null, "profile_confirmed_at": member.confirmed_at.map(iso),
            "accepted_invitation": accepted, "active": member.accepted_at.is_some(),
            "sso_provider_user_id": null, "member_tags": tags,
            "profile_fields": [], "flattened_profile_fields": {},
            "posts_count": 0, "comments_count": 0,
        })
    }

    /// The member object with its level, as the search answers it.
    pub(super) fn member_with_level(&self, member: &Member) -> Value {
        let mut found = self.member_json(member);
        found["gamification_stats"] = json!({
            "community_member_id": member.id, "total_points": 0, "current_level": 1,
            "current_level_name": "Level 1", "points_to_next_level": 50, "level_progress": 50,
        });
        found
    }

    /// The member object with level and activity, as the list and the read by id answer it.
    pub(super) fn member_with_activity(&self, member: &Member) -> Value {
        let mut found = self.member_with_level(member);
        found["activity_score"] = json!({
            "activity_score": "0.0", "presence": "0.0", "participation": "0.0",
            "contribution": "0.0", "connection": "0.0",
        });
        found
    }

    /// A row of an access group: ids only, no email.
    pub(super) fn group_row_json(row: &Row) -> Value {
        json!({
            "id": row.id, "access_group_id": row.of, "community_member_id": row.member,
            "community_id": COMMUNITY_ID, "created_at": iso(row.at), "updated_at": iso(row.at),
        })
    }

    /// A row of a space, with a short form of its member.
    pub(super) fn space_row_json(&self, row: &Row) -> Value {
        let member = self.members.get(&row.member).or_else(|| self.gone.get(&row.member));
        let nested = member.map(|member| {
            let (first_name, last_name) = member.names();
            let public_uid = self.public_uid(member.id);
            json!({
                "name": member.name, "first_name": first_name, "last_name": last_name,
                "headline": member.headline, "community_id": COMMUNITY_ID,
                "profile_url": format!("https://northwind.circle.example/u/{public_uid}"),
                "public_uid": public_uid, "avatar_url": null, "email": member.email,
            })
        });
        json!({
            "id": row.id, "user_id": member.map(|member| member.user_id), "space_id": row.of,
            "community_member_id": row.member, "notification_type": "never",
            "in_app_notification_setting": "never", "mobile_notification_setting": "never",
            "posts_read_count": 0, "moderator": false, "access_type": "invite", "status": "active",
            "created_at": iso(row.at), "updated_at": iso(row.at), "community_member": nested,
        })
    }

    pub(super) fn space_json(&self, space: &Space) -> Value {
        let slug = space.name.to_lowercase().replace(' ', "-");
        json!({
            "id": space.id, "name": space.name, "slug": slug, "community_id": COMMUNITY_ID,
            "cover_image_url": null, "cover_image_visible": false, "cover_image_display_style": "wide",
            "is_private": true, "hide_post_settings": false, "display_view": "posts",
            "is_post_disabled": false, "space_type": "basic", "host": "https://northwind.circle.example",
            "post_ids": [], "url": format!("https://northwind.circle.example/c/{slug}"),
            "custom_emoji_url": null, "custom_emoji_dark_url": null, "emoji": null,
            "space_group": { "id": space.within, "name": self.space_groups.get(&space.within) },
            "topics": [], "event_auto_rsvp_enabled": false,
            "default_in_app_notification_setting": "never",
            "default_mention_in_app_notification_setting": "never",
            "default_mention_mobile_notification_setting": "never",
            "default_mobile_notification_setting": "never", "default_notification_setting": "never",
        })
    }

    pub(super) fn tag_json(&self, tag: &Tag) -> Value {
        json!({
            "id": tag.id, "name": tag.name, "color": tag.color, "display_format": "label",
            "display_locations": { "post_bio": true, "profile_page": true, "member_directory": true },
            "is_public": tag.is_public, "is_background_enabled": true, "emoji": null,
            "custom_emoji_url": null, "custom_emoji_dark_url": null,
            "tagged_members_count": self.tagged.within(tag.id).len(),
            "created_at": iso(tag.created_at), "updated_at": iso(tag.created_at),
        })
    }

    /// The community itself, without its colours, texts and settings.
    pub(super) fn details(&self) -> Value {
        let first_space = self.spaces.keys().next();
        json!({
            "id": COMMUNITY_ID, "name": "Northwind Makers", "slug": "northwind-makers", "locale": "en",
            "created_at": FOUNDED_AT, "updated_at": FOUNDED_AT, "is_private": true,
            "allow_signups_to_public_community": false, "reply_to_email": "hello@northwind.example",
            "default_existing_member_space_id": first_space, "default_logged_out_space_id": first_space,
            "default_new_member_space_id": first_space, "white_label": false,
            "prefs": { "has_posts": true, "has_spaces": true, "has_invited_member": !self.members.is_empty() },
            "community_setting": { "id": 1, "default_space_ids": [], "enforce_otp_for_signup": true },
        })
    }

    /// Everything, for tests and for the page that shows the fake.
    pub(super) fn state(&self) -> Value {
        let ids = |rows: Vec<Row>, pick: fn(&Row) -> u64| {
            let mut ids: Vec<u64> = rows.iter().map(pick).collect();
            ids.sort_unstable();
            ids
        };
        let shown = |member: &Member| {
            json!({
                "id": member.id, "user_id": member.user_id, "email": member.email, "name": member.name,
                "state": member.state(), "is_flagged": member.is_flagged,
                "created_at": iso(member.created_at), "accepted_at": member.accepted_at.map(iso),
                "confirmed_at": member.confirmed_at.map(iso),
                "groups": ids(self.in_group.of_member(member.id), |row| row.of),
                "spaces": ids(self.in_space.of_member(member.id), |row| row.of),
                "space_groups": ids(self.in_space_group.of_member(member.id), |row| row.of),
                "tags": ids(self.tagged.of_member(member.id), |row| row.of),
            })
        };
        let groups: Vec<Value> = self
            .groups
            .values()
            .map(|group| {
                json!({
                    "id": group.id, "name": group.name, "is_archived": group.is_archived,
                    "members": ids(self.in_group.within(group.id), |row| row.member),
                })
            })
            .collect();
        let spaces: Vec<Value> = self
            .spaces
            .values()
            .map(|space| {
                json!({
                    "id": space.id, "name": space.name, "space_group": space.within,
                    "members": ids(self.in_space.within(space.id), |row| row.member),
                })
            })
            .collect();
        let tags: Vec<Value> = self
            .tags
            .values()
            .map(|tag| {
                let members = ids(self.tagged.within(tag.id), |row| row.member);
                json!({ "id": tag.id, "name": tag.name, "members": members })
            })
            .collect();
        json!({
            "community": { "id": COMMUNITY_ID, "name": "Northwind Makers" },
            "members": self.members.values().map(shown).collect::<Vec<_>>(),
            "gone": self.gone.values().map(shown).collect::<Vec<_>>(),
            "groups": groups, "spaces": spaces, "space_groups": self.space_groups, "tags": tags,
            "tagged_leads": self.tagged_leads,
        })
    }
}

/// Whether two emails are one to Circle.
pub(super) fn is_same_email(left: &str, right: &str, is_case_strict: bool) -> bool {
    if is_case_strict { left == right } else { left.eq_ignore_ascii_case(right) }
}
