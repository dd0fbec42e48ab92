//! What is easy to get wrong: states, filters, pages, emails that move, access that looks direct.

use serde_json::{Value, json};

use super::{Desk, each, missing};

fn emails(desk: &mut Desk, target: &str) -> Vec<Value> {
    let (status, page) = desk.get(target);
    assert_eq!(status, 200, "{target}");
    each(&page, "email")
}

#[test]
fn inactive_means_invited_and_the_default_list_hides_it() {
    let mut desk = Desk::new();
    for email in ["invited@x.io", "accepted@x.io", "active@x.io", "gone@x.io"] {
        desk.invite(email);
    }
    desk.control("accept_only", json!({ "email": "accepted@x.io" }));
    desk.control("accept", json!({ "email": "active@x.io" }));
    desk.control("accept", json!({ "email": "gone@x.io" }));
    desk.control("deactivate", json!({ "email": "gone@x.io" }));
    for (target, expect) in [
        ("/community_members", json!(["active@x.io"])),
        ("/community_members?status=active", json!(["active@x.io"])),
        ("/community_members?status=inactive", json!(["accepted@x.io", "invited@x.io"])),
        ("/community_members?status=all", json!(["active@x.io", "accepted@x.io", "invited@x.io"])),
    ] {
        assert_eq!(json!(emails(&mut desk, target)), expect, "{target}");
    }
    for (email, active, accepted, confirmed) in [
        ("invited@x.io", false, "", Value::Null),
        ("accepted@x.io", true, "2026-03-10 12:00:00 UTC", Value::Null),
        ("active@x.io", true, "2026-03-10 12:00:00 UTC", json!("2026-03-10T12:00:00.000Z")),
    ] {
        let (status, found) = desk.get(&format!("/community_members/search?email={email}"));
        assert_eq!(status, 200, "{email}");
        assert_eq!(found["active"], active, "{email}");
        assert_eq!(found["accepted_invitation"], accepted, "{email}");
        assert_eq!(found["profile_confirmed_at"], confirmed, "{email}");
    }
    assert_eq!(
        missing(&desk.get("/community_members/search?email=gone@x.io")),
        "Missing record: community member"
    );
}

#[test]
fn an_email_on_the_member_list_is_ignored() {
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    desk.invite("bob@x.io");
    let found = emails(&mut desk, "/community_members?status=all&email=ada%40x.io");
    assert_eq!(found, ["bob@x.io", "ada@x.io"], "everybody, and the stranger first");
}

#[test]
fn pages_have_defaults_a_maximum_and_a_page_count_that_counts_rows() {
    let mut desk = Desk::new();
    for number in 0..125 {
        let email = format!("m{number}@x.io");
        desk.control("member", json!({ "email": email, "group": 4012 }));
    }
    for (target, per_page, rows, has_next) in [
        ("/community_members", 10, 10, true),
        ("/community_members?per_page=100", 100, 100, true),
        ("/community_members?per_page=100&page=2", 100, 25, false),
        ("/community_members?per_page=1000", 100, 100, true),
        ("/community_members?per_page=100&page=3", 100, 0, false),
        ("/access_groups/4012/community_members", 60, 60, true),
        ("/access_groups/4012/community_members?page=3", 60, 5, false),
        ("/access_groups", 60, 3, false),
        ("/spaces", 60, 2, false),
        ("/member_tags", 10, 0, false),
    ] {
        let (_, page) = desk.get(target);
        assert_eq!(page["per_page"], per_page, "{target}");
        assert_eq!(page["page_count"], rows, "{target}");
        assert_eq!(page["records"].as_array().unwrap().len(), rows, "{target}");
        assert_eq!(page["has_next_page"], has_next, "{target}");
    }
    let (_, page) = desk.get("/community_members?per_page=100&page=2");
    assert_eq!((&page["page"], &page["count"]), (&json!(2), &json!(125)));
}

#[test]
fn groups_are_listed_by_status_id_and_name() {
    let mut desk = Desk::new();
    for (target, expect) in [
        ("/access_groups", json!([4014, 4013, 4012])),
        ("/access_groups?status=archived", json!([4099])),
        ("/access_groups?status=all", json!([4099, 4014, 4013, 4012])),
        ("/access_groups?ids[]=4012&ids[]=4013", json!([4013, 4012])),
        ("/access_groups?name=pro", json!([4013])),
    ] {
        assert_eq!(json!(each(&desk.get(target).1, "id")), expect, "{target}");
    }
    desk.control("archive", json!({ "group": 4013 }));
    assert_eq!(json!(each(&desk.get("/access_groups").1, "id")), json!([4014, 4012]));
    desk.control("unarchive", json!({ "group": 4013 }));
    desk.control("group", json!({ "id": 4020, "name": "Alumni" }));
    assert_eq!(json!(each(&desk.get("/access_groups").1, "id")), json!([4020, 4014, 4013, 4012]));
}

#[test]
fn a_plus_must_be_encoded_in_a_query() {
    let mut desk = Desk::new();
    desk.invite("ada+kit@x.io");
    assert_eq!(desk.get("/community_members/search?email=ada%2Bkit%40x.io").0, 200);
    assert_eq!(desk.get("/community_members/search?email=ada+kit%40x.io").0, 404);
}

#[test]
fn a_pending_invitee_can_be_added_to_a_group_at_once() {
    let mut desk = Desk::new();
    let id = desk.invite("ada@x.io");
    let (status, _) = desk.call("POST /access_groups/4012/community_members", json!({ "email": "ada@x.io" }));
    assert_eq!(status, 201);
    let (_, row) = desk.get("/access_groups/4012/community_member?email=ada@x.io");
    assert_eq!((&row["community_member_id"], &row["access_group_id"]), (&json!(id), &json!(4012)));
    let (_, groups) = desk.get(&format!("/community_members/{id}/access_groups"));
    assert_eq!(each(&groups, "id"), [4012]);
}

#[test]
fn a_member_who_changes_email_keeps_the_id_and_leaves_the_old_key_dead() {
    let mut desk = Desk::new();
    let id = desk.invite("old@x.io");
    desk.call("POST /access_groups/4012/community_members", json!({ "email": "old@x.io" }));
    desk.control("change-email", json!({ "email": "old@x.io", "to": "New@x.io" }));
    let remove = "DELETE /access_groups/4012/community_members?email=";
    assert_eq!(missing(&desk.call(&format!("{remove}old@x.io"), Value::Null)), "Missing record: user");
    assert_eq!(desk.get(&format!("/community_members/{id}")).1["email"], "new@x.io");
    assert_eq!(desk.call(&format!("{remove}new@x.io"), Value::Null).0, 200);
    desk.invite("other@x.io");
    let clash = desk.circle.control("change-email", &json!({ "id": id, "to": "other@x.io" }), desk.now);
    assert!(clash.unwrap_err().contains("another member"));
}

#[test]
fn an_update_cannot_change_email_or_activity() {
    let mut desk = Desk::new();
    let id = desk.invite("ada@x.io");
    let body = json!({ "email": "eve@x.io", "active": true, "headline": "Maker", "name": "Ada" });
    let (status, member) = desk.call(&format!("PUT /community_members/{id}"), body.clone());
    assert_eq!(status, 200);
    assert_eq!((&member["email"], &member["active"]), (&json!("ada@x.io"), &json!(false)));
    assert_eq!((&member["headline"], &member["name"]), (&json!("Maker"), &json!("Ada")));
    assert_eq!(desk.call(&format!("PATCH /community_members/{id}"), body).0, 200);
}

#[test]
fn access_through_a_space_group_looks_direct_and_goes_with_the_group() {
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    desk.call("POST /space_group_members", json!({ "email": "ada@x.io", "space_group_id": 3 }));
    let (status, row) = desk.get("/space_member?email=ada@x.io&space_id=8");
    assert_eq!((status, &row["access_type"], &row["status"]), (200, &json!("invite"), &json!("active")));
    assert_eq!(each(&desk.get("/space_members?space_id=7").1, "community_member_id"), [1001]);
    desk.call("DELETE /space_group_members?email=ada@x.io&space_group_id=3", Value::Null);
    assert_eq!(missing(&desk.get("/space_member?email=ada@x.io&space_id=8")), "Missing record: space member");
}

#[test]
fn lists_of_an_invitation_are_applied_to_new_people_only() {
    let mut desk = Desk::new();
    desk.control("tag", json!({ "name": "Paid" }));
    let lists =
        json!({ "email": "ada@x.io", "space_ids": [7, 99], "space_group_ids": [3], "member_tag_ids": [1] });
    let (_, created) = desk.call("POST /community_members", lists);
    assert_eq!(
        created["message"],
        "This user has been invited to the community and has been added to following space groups: Rooms spaces: \
         Lounge."
    );
    assert_eq!(created["community_member"]["member_tags"], json!([{ "id": 1, "name": "Paid" }]));
    desk.invite("bob@x.io");
    desk.call("POST /community_members", json!({ "email": "bob@x.io", "space_ids": [7] }));
    assert_eq!(missing(&desk.get("/space_member?email=bob@x.io&space_id=7")), "Missing record: space member");
}

#[test]
fn one_mail_goes_out_per_invitation_and_none_when_it_is_suppressed() {
    let mut desk = Desk::new();
    let id = desk.invite("ada@x.io");
    desk.invite("ada@x.io");
    desk.call("POST /community_members", json!({ "email": "quiet@x.io", "skip_invitation": true }));
    let (_, strong) =
        desk.call("POST /community_members", json!({ "email": "pw@x.io", "password": "Secret1!" }));
    assert_eq!(strong["invitation_token"], Value::Null);
    desk.control("member", json!({ "email": "before@x.io", "state": "invited" }));
    assert_eq!(
        desk.state()["invitations"],
        json!([{ "email": "ada@x.io", "at": "2026-03-10T12:00:00.000Z", "member_id": id }])
    );
}

#[test]
fn people_change_memberships_by_hand() {
    let mut desk = Desk::new();
    desk.control("member", json!({ "email": "ada@x.io", "name": "Ada L", "group": 4012 }));
    assert_eq!(desk.state()["groups"][0]["members"], json!([1001]));
    desk.control("remove", json!({ "email": "ada@x.io", "group": 4012 }));
    desk.control("add", json!({ "id": 1001, "space": 7 }));
    let again = desk.control("add", json!({ "id": 1001, "space": 7 }));
    assert_eq!(again["changed"], false);
    let state = desk.state();
    assert_eq!(state["members"][0]["groups"], json!([]));
    assert_eq!(state["members"][0]["spaces"], json!([7]));
    assert_eq!(state["members"][0]["state"], "active");
    for (action, body, why) in [
        ("add", json!({ "id": 1001, "group": 9 }), "no such place"),
        ("add", json!({ "id": 1001 }), "name a place"),
        ("remove", json!({ "group": 4012 }), "name a member"),
        ("accept", json!({ "email": "eve@x.io" }), "no such member"),
        ("member", json!({ "email": "ada@x.io" }), "member already"),
        ("dance", json!({}), "there are: accept"),
    ] {
        let refused = desk.circle.control(action, &body, desk.now).unwrap_err();
        assert!(refused.contains(why), "{action}: {refused}");
    }
}
