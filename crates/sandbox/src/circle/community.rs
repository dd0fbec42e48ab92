//! What the community holds. How Circle writes it down is in `shapes`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

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
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) is_archived: bool,
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
    pub(super) fn public_uid(&self, id: u64) -> String {
        let mixed = (self.seed ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:08x}", mixed >> 32)
    }
}

/// Whether two emails are one to Circle.
pub(super) fn is_same_email(left: &str, right: &str, is_case_strict: bool) -> bool {
    if is_case_strict { left == right } else { left.eq_ignore_ascii_case(right) }
}
