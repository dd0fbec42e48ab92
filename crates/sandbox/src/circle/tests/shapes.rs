//! Statuses and shapes of successful answers.
//!
//! The key sets are those of the examples in the Circle Admin API v2 OpenAPI document (March 2026).

use serde_json::{Value, json};

use super::{Desk, call};

const COMMUNITY: &str = "allow_signups_to_public_community community_setting community_switcher_enabled \
    created_at custom_cta_for_share_links custom_tos custom_tos_enabled \
    default_existing_member_space_id default_logged_out_space_id \
    default_new_member_space_id default_search_sorting digest_intro digest_subject \
    digests_hide_comments digests_hide_members digests_hide_posts digests_hide_stats \
    id is_private locale locked_post_cta_body locked_post_cta_button_text \
    locked_post_cta_button_url locked_post_cta_heading name prefs \
    private_signup_link_label private_signup_link_url reply_to_email slug updated_at \
    weekly_digest_enabled white_label";
const SETTING: &str = "allow_members_to_go_live allow_moderator_csv_download \
    allow_profile_search_indexing community_activity_notifications_email_enabled \
    community_activity_notifications_in_app_enabled created_at \
    deactivate_account_enabled default_logged_out_redirect_id \
    default_logged_out_redirect_type default_space_ids \
    desktop_app_community_visibility_enabled enforce_otp_for_signup \
    hide_emails_on_member_profiles id ios_app_enabled member_media_uploads_enabled \
    show_ios_app_banner truncate_post_body_in_email_notifications updated_at";
const MEMBER: &str = "accepted_invitation active avatar_url comments_count community_id created_at email \
                      first_name flattened_profile_fields headline id last_name last_seen_at member_tags name \
                      posts_count profile_confirmed_at profile_fields profile_url public_uid \
                      sso_provider_user_id updated_at user_id";
const ROW: &str = "access_group_id community_id community_member_id created_at id updated_at";
const SPACE_ROW: &str = "access_type community_member community_member_id created_at id \
                         in_app_notification_setting mobile_notification_setting moderator notification_type \
                         posts_read_count space_id status updated_at user_id";
const SPACE: &str = "community_id cover_image_display_style cover_image_url cover_image_visible \
                     custom_emoji_dark_url custom_emoji_url default_in_app_notification_setting \
                     default_mention_in_app_notification_setting default_mention_mobile_notification_setting \
                     default_mobile_notification_setting default_notification_setting display_view emoji \
                     event_auto_rsvp_enabled hide_post_settings host id is_post_disabled is_private name \
                     post_ids slug space_group space_type topics url";
const TAG: &str = "color created_at custom_emoji_dark_url custom_emoji_url display_format display_locations \
                   emoji id is_background_enabled is_public name tagged_members_count updated_at";
const TAGGED: &str = "community_member_id contact_id created_at id lead_email lead_id member_tag_emoji \
                      member_tag_id member_tag_name updated_at user_email user_id";

fn keys(value: &Value) -> String {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(" ")
}

fn sorted(words: &[&str]) -> String {
    let mut words: Vec<&str> = words.iter().flat_map(|list| list.split_whitespace()).collect();
    words.sort_unstable();
    words.join(" ")
}

#[test]
fn objects_have_the_keys_of_the_documented_examples() {
    let mut desk = Desk::new();
    let (_, created) = desk.call("POST /community_members", json!({ "email": "ada@x.io", "name": "Ada L" }));
    let id = created["community_member"]["id"].as_u64().unwrap();
    desk.call("POST /access_groups/4012/community_members", json!({ "email": "ada@x.io" }));
    desk.call("POST /space_members", json!({ "email": "ada@x.io", "space_id": 7 }));
    let (_, tag) = desk.call("POST /member_tags", json!({ "name": "Paid", "color": "#0ce806" }));
    desk.call("POST /tagged_members", json!({ "member_tag_id": tag["id"], "user_email": "ada@x.io" }));

    let first = |desk: &mut Desk, target: &str| {
        let (status, page) = desk.get(target);
        assert_eq!(status, 200, "{target}");
        assert_eq!(keys(&page), "count has_next_page page page_count per_page records", "{target}");
        page["records"][0].clone()
    };
    let bare = |desk: &mut Desk, target: &str| {
        let (status, body) = desk.get(target);
        assert_eq!(status, 200, "{target}");
        body
    };
    let level = sorted(&[MEMBER, "gamification_stats"]);
    let activity = sorted(&[MEMBER, "gamification_stats activity_score"]);
    let cases = [
        ("create", created["community_member"].clone(), sorted(&[MEMBER])),
        ("search", bare(&mut desk, "/community_members/search?email=ada%40x.io"), level),
        ("member", bare(&mut desk, &format!("/community_members/{id}")), activity.clone()),
        ("listed member", first(&mut desk, "/community_members?status=all"), activity),
        (
            "updated",
            desk.call(&format!("PUT /community_members/{id}"), json!({ "name": "A" })).1,
            sorted(&[MEMBER]),
        ),
        (
            "group",
            first(&mut desk, "/access_groups"),
            sorted(&["community_id created_at description id name status updated_at"]),
        ),
        (
            "a member's group",
            first(&mut desk, &format!("/community_members/{id}/access_groups")),
            sorted(&["community_id created_at id name status updated_at"]),
        ),
        (
            "group row",
            bare(&mut desk, "/access_groups/4012/community_member?email=ada%40x.io"),
            sorted(&[ROW]),
        ),
        ("listed group row", first(&mut desk, "/access_groups/4012/community_members"), sorted(&[ROW])),
        ("space", first(&mut desk, "/spaces"), sorted(&[SPACE])),
        ("space row", bare(&mut desk, "/space_member?email=ada%40x.io&space_id=7"), sorted(&[SPACE_ROW])),
        ("listed space row", first(&mut desk, "/space_members?space_id=7"), sorted(&[SPACE_ROW])),
        (
            "short member",
            bare(&mut desk, "/space_member?email=ada%40x.io&space_id=7")["community_member"].clone(),
            sorted(&[
                "avatar_url community_id email first_name headline last_name name profile_url public_uid",
            ]),
        ),
        ("tag", tag, sorted(&[TAG])),
        ("listed tag", first(&mut desk, "/member_tags"), sorted(&[TAG])),
        ("tagging", first(&mut desk, "/tagged_members"), sorted(&[TAGGED])),
    ];
    for (name, found, expect) in cases {
        assert_eq!(keys(&found), expect, "{name}");
    }
    let (_, community) = desk.get("/community");
    assert_eq!(keys(&community), sorted(&[COMMUNITY]));
    assert_eq!(keys(&community["community_setting"]), sorted(&[SETTING]));
    assert_eq!(
        keys(&community["prefs"]),
        "brand_color brand_text_color has_invited_member has_posts has_spaces"
    );
    assert_eq!((&community["id"], &community["name"]), (&json!(1), &json!("Northwind Makers")));
}

#[test]
fn writes_answer_with_their_documented_status_and_message() {
    let mut desk = Desk::new();
    let id = desk.invite("ada@x.io");
    desk.call("POST /member_tags", json!({ "name": "Paid" }));
    let cases = [
        (
            "POST /access_groups/4012/community_members",
            json!({ "email": "ada@x.io" }),
            201,
            json!({ "message": "Member has been added to 'Members' access group." }),
        ),
        (
            "DELETE /access_groups/4012/community_members?email=ada%40x.io",
            Value::Null,
            200,
            json!({ "message": "Member removed from 'Members' access group." }),
        ),
        (
            "POST /space_members",
            json!({ "email": "ada@x.io", "space_id": 7 }),
            200,
            json!({ "message": "User added to space" }),
        ),
        (
            "DELETE /space_members?email=ada%40x.io&space_id=7",
            Value::Null,
            200,
            json!({ "message": "Member removed from space" }),
        ),
        (
            "POST /space_group_members",
            json!({ "email": "ada@x.io", "space_group_id": 3 }),
            200,
            json!({ "success": true, "message": "User has been added to the space group." }),
        ),
        (
            "POST /space_group_members",
            json!({ "email": "ada@x.io", "space_group_id": 3 }),
            200,
            json!({ "success": true, "message": "User is already added to the space group." }),
        ),
        (
            "DELETE /space_group_members?email=ada%40x.io&space_group_id=3",
            Value::Null,
            200,
            json!({ "success": true, "message": "User removed from the space group and its spaces" }),
        ),
        (
            "POST /tagged_members",
            json!({ "member_tag_id": 1, "user_email": "ada@x.io" }),
            201,
            json!({ "message": "Person tagged successfully!" }),
        ),
        (
            "DELETE /tagged_members?user_email=ada%40x.io&member_tag_id=1",
            Value::Null,
            200,
            json!({ "message": "Tag has been removed" }),
        ),
        (
            "DELETE /community_members/ID",
            Value::Null,
            200,
            json!({ "message": "The community member has been removed from the community." }),
        ),
    ];
    for (line, body, status, expect) in cases {
        let line = line.replace("ID", &id.to_string());
        assert_eq!(desk.call(&line, body), (status, expect), "{line}");
    }
}

#[test]
fn only_calls_that_change_something_say_that_they_did() {
    let mut desk = Desk::new();
    let member = json!({ "email": "ada@x.io" });
    let space = json!({ "email": "ada@x.io", "space_id": 7 });
    let cases = [
        ("POST /access_groups/4012/community_members", member.clone(), false),
        ("POST /community_members", member.clone(), true),
        ("POST /community_members", member.clone(), false),
        ("POST /access_groups/4012/community_members", member.clone(), true),
        ("POST /access_groups/4012/community_members", member.clone(), false),
        ("GET /access_groups/4012/community_member?email=ada%40x.io", Value::Null, false),
        ("DELETE /access_groups/4012/community_members?email=ada%40x.io", Value::Null, true),
        ("DELETE /access_groups/4012/community_members?email=ada%40x.io", Value::Null, false),
        ("POST /space_members", space.clone(), true),
        ("POST /space_members", space, false),
    ];
    for (line, body, did) in cases {
        assert_eq!(desk.raw(&call(line, body)).0, did, "{line}");
    }
    let changes: Vec<Value> =
        desk.state()["log"].as_array().unwrap().iter().map(|entry| entry["change"].clone()).collect();
    assert_eq!(changes, ["invited", "added to group", "removed from group", "added to space"]);
}

#[test]
fn delete_parameters_are_taken_from_the_body_too() {
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    desk.call(
        "POST /access_groups/4012/community_members",
        json!({ "email": "ada@x.io", "community_id": 99 }),
    );
    let (status, _) =
        desk.call("DELETE /access_groups/4012/community_members", json!({ "email": "ada@x.io" }));
    assert_eq!(status, 200);
}

#[test]
fn paths_are_found_with_and_without_their_prefix() {
    let mut desk = Desk::new();
    assert_eq!(desk.get("/api/admin/v2/community").0, 200);
    assert_eq!(desk.get("/community").0, 200);
    assert_eq!(desk.get("/communities").0, 404);
}
