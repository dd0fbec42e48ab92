//! How Circle writes down what the community holds, and how the sandbox shows it.
//!
//! Source of Circle's shapes: Circle Admin API v2 OpenAPI document (March 2026).

use serde_json::{Value, json};

use super::community::{Community, Group, Member, Row, Space, Tag};
use super::ledger::iso;

/// The one community of the fake.
pub(super) const COMMUNITY_ID: u64 = 1;

/// When the community, its groups and its spaces were made.
const FOUNDED_AT: &str = "2024-01-01T00:00:00.000Z";

impl Member {
    fn names(&self) -> (Option<&str>, Option<&str>) {
        match self.name.as_deref().map(|name| name.split_once(' ').unwrap_or((name, ""))) {
            None => (None, None),
            Some((first, "")) => (Some(first), None),
            Some((first, last)) => (Some(first), Some(last)),
        }
    }
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

impl Community {
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

    /// The community itself.
    pub(super) fn details(&self) -> Value {
        let first_space = self.spaces.keys().next();
        let setting = json!({
            "id": 1, "created_at": FOUNDED_AT, "updated_at": FOUNDED_AT, "ios_app_enabled": true,
            "show_ios_app_banner": false, "deactivate_account_enabled": true,
            "allow_profile_search_indexing": false, "truncate_post_body_in_email_notifications": false,
            "hide_emails_on_member_profiles": true, "allow_members_to_go_live": false,
            "enforce_otp_for_signup": false, "community_activity_notifications_email_enabled": true,
            "community_activity_notifications_in_app_enabled": true,
            "desktop_app_community_visibility_enabled": true, "allow_moderator_csv_download": false,
            "member_media_uploads_enabled": true, "default_space_ids": [],
            "default_logged_out_redirect_type": "Space", "default_logged_out_redirect_id": first_space,
        });
        let prefs = json!({
            "has_posts": true, "has_spaces": true, "has_invited_member": !self.members.is_empty(),
            "brand_color": { "light": "#000000", "dark": "#000000" },
            "brand_text_color": { "light": "#FFFFFF", "dark": "#FFFFFF" },
        });
        json!({
            "id": COMMUNITY_ID, "name": "Northwind Makers", "slug": "northwind-makers", "locale": "en",
            "created_at": FOUNDED_AT, "updated_at": FOUNDED_AT, "is_private": true,
            "allow_signups_to_public_community": false, "community_switcher_enabled": true,
            "custom_cta_for_share_links": false, "custom_tos_enabled": false, "custom_tos": null,
            "locked_post_cta_heading": "Become a member", "locked_post_cta_body": null,
            "locked_post_cta_button_text": "Sign up", "locked_post_cta_button_url": null,
            "default_existing_member_space_id": first_space, "default_logged_out_space_id": first_space,
            "default_new_member_space_id": first_space, "default_search_sorting": "latest",
            "private_signup_link_label": null, "private_signup_link_url": null,
            "reply_to_email": "hello@northwind.example", "white_label": false,
            "weekly_digest_enabled": false, "digest_subject": null, "digest_intro": null,
            "digests_hide_posts": false, "digests_hide_comments": false, "digests_hide_stats": false,
            "digests_hide_members": false,
            "prefs": prefs,
            "community_setting": setting,
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
