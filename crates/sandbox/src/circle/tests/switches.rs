//! Each switch, in every position.

use serde_json::{Value, json};

use super::{Desk, each, missing};

#[test]
fn inviting_a_member_again_answers_as_switched_and_mails_only_if_told() {
    for (position, status) in [("201", 201), ("409", 409), ("422", 422)] {
        for mails in [false, true] {
            let mut desk = Desk::new();
            desk.switch("existing_post", json!(position));
            desk.switch("existing_post_mails", json!(mails));
            let id = desk.invite("ada@x.io");
            let (found, body) = desk.call("POST /community_members", json!({ "email": "ada@x.io" }));
            assert_eq!(found, status);
            if status == 201 {
                assert!(body["message"].as_str().unwrap().contains("already a member"));
                assert_eq!(body["community_member"]["id"], id);
            } else {
                assert_eq!(body["success"], false);
            }
            let sent = desk.state()["invitations"].as_array().unwrap().len();
            assert_eq!(sent, if mails { 2 } else { 1 }, "{position} {mails}");
            desk.call("POST /community_members", json!({ "email": "ada@x.io", "skip_invitation": true }));
            assert_eq!(desk.state()["invitations"].as_array().unwrap().len(), sent);
        }
    }
}

#[test]
fn adding_to_a_group_again_answers_as_switched() {
    for (position, status, word) in [
        ("201", 201, "has been added"),
        ("200", 200, "has been added"),
        ("422", 422, "already"),
        ("unknown_2xx", 200, "Nothing"),
    ] {
        let mut desk = Desk::new();
        desk.switch("repeat_add", json!(position));
        desk.invite("ada@x.io");
        let line = "POST /access_groups/4012/community_members";
        assert_eq!(desk.call(line, json!({ "email": "ada@x.io" })).0, 201, "{position}");
        let (found, body) = desk.call(line, json!({ "email": "ada@x.io" }));
        assert_eq!(found, status, "{position}");
        assert!(body["message"].as_str().unwrap().contains(word), "{position}: {body}");
        assert_eq!(body["message"].as_str().unwrap().contains("already"), position == "422");
    }
}

#[test]
fn adding_to_a_space_again_answers_as_switched() {
    for (position, status, message) in
        [(422, 422, "User not added to space."), (200, 200, "User added to space")]
    {
        let mut desk = Desk::new();
        desk.switch("repeat_space_add", json!(position));
        desk.invite("ada@x.io");
        desk.call("POST /space_members", json!({ "email": "ada@x.io", "space_id": 7 }));
        let (found, body) = desk.call("POST /space_members", json!({ "email": "ada@x.io", "space_id": 7 }));
        assert_eq!((found, body["message"].as_str().unwrap()), (status, message));
    }
}

#[test]
fn an_archived_group_takes_members_only_if_switched() {
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    let line = "POST /access_groups/4099/community_members";
    assert_eq!(missing(&desk.call(line, json!({ "email": "ada@x.io" }))), "Missing record: access group");
    desk.switch("archived_add", json!("201"));
    assert_eq!(desk.call(line, json!({ "email": "ada@x.io" })).0, 201);
}

#[test]
fn emails_match_and_echo_as_switched() {
    for (case, echo, stored, found_in_other_case) in [
        ("insensitive", "lower", "ada@x.io", 200),
        ("insensitive", "as_typed", "Ada@X.io", 200),
        ("strict", "as_typed", "Ada@X.io", 404),
        ("strict", "lower", "ada@x.io", 404),
    ] {
        let mut desk = Desk::new();
        desk.switch("email_case", json!(case));
        desk.switch("email_echo", json!(echo));
        let (_, created) = desk.call("POST /community_members", json!({ "email": "Ada@X.io" }));
        assert_eq!(created["community_member"]["email"], stored, "{case} {echo}");
        assert_eq!(desk.get(&format!("/community_members/search?email={stored}")).0, 200, "{case} {echo}");
        let other = desk.get("/community_members/search?email=ADA@x.io");
        assert_eq!(other.0, found_in_other_case, "{case} {echo}");
    }
}

#[test]
fn a_token_of_the_wrong_type_is_refused_as_switched() {
    let mut desk = Desk::new();
    desk.control("token", json!({ "wrong_type": super::TOKEN }));
    let (status, body) = desk.get("/community");
    assert_eq!((status, &body["success"]), (403, &json!(false)));
    assert!(!body["message"].as_str().unwrap().contains("eligible"));
    desk.switch("wrong_type_status", json!(401));
    let expect = json!({ "status": "unauthorized", "message": "Your account could not be authenticated." });
    assert_eq!(desk.get("/community"), (401, expect));
}

#[test]
fn a_plan_without_the_api_is_refused_on_every_path() {
    let mut desk = Desk::new();
    desk.switch("not_eligible", json!(true));
    let text = "The community is not eligible for admin API v2 access.";
    for line in ["GET /community", "GET /nowhere", "POST /community_members", "DELETE /space_members"] {
        let (status, body) = desk.call(line, Value::Null);
        assert_eq!(
            (status, &body["message"], &body["error_details"]),
            (403, &json!(text), &json!({})),
            "{line}"
        );
    }
}

#[test]
fn a_create_may_answer_the_member_at_the_top() {
    let mut desk = Desk::new();
    desk.switch("id_at_top_level", json!(true));
    let (_, body) = desk.call("POST /community_members", json!({ "email": "ada@x.io" }));
    assert_eq!(body["id"], 1001);
    assert_eq!(body.get("community_member"), None);
    assert!(body["message"].as_str().unwrap().starts_with("This user has been invited"));
}

#[test]
fn coming_back_after_deactivation_gives_a_new_id_unless_switched() {
    for same in [false, true] {
        let mut desk = Desk::new();
        desk.switch("reinvite_same_id", json!(same));
        let id = desk.invite("ada@x.io");
        desk.control("accept", json!({ "id": id }));
        let login = desk.get(&format!("/community_members/{id}")).1["user_id"].clone();
        desk.call(&format!("DELETE /community_members/{id}"), Value::Null);
        assert_eq!(desk.get(&format!("/community_members/{id}")).0, 404);
        let back = desk.invite("ada@x.io");
        assert_eq!(back == id, same);
        let (_, member) = desk.get(&format!("/community_members/{back}"));
        assert_eq!(
            (&member["user_id"], &member["active"]),
            (&login, &json!(false)),
            "the login stays the same"
        );
        assert_eq!(desk.state()["invitations"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn list_fields_of_an_update_replace_or_merge() {
    for (position, spaces) in [("replace", json!([8])), ("merge", json!([7, 8]))] {
        let mut desk = Desk::new();
        desk.switch("put_lists", json!(position));
        let id = desk.invite("ada@x.io");
        desk.control("add", json!({ "id": id, "space": 7 }));
        desk.call(&format!("PUT /community_members/{id}"), json!({ "space_ids": [8] }));
        assert_eq!(desk.state()["members"][0]["spaces"], spaces, "{position}");
        desk.call(&format!("PUT /community_members/{id}"), json!({ "name": "Ada" }));
        assert_eq!(desk.state()["members"][0]["spaces"], spaces, "a list that is not sent is left alone");
    }
}

#[test]
fn deactivation_fails_or_leaves_memberships_behind_as_switched() {
    let mut desk = Desk::new();
    let id = desk.invite("ada@x.io");
    desk.control("add", json!({ "id": id, "group": 4012 }));
    desk.switch("deactivate_fails", json!(true));
    let (status, body) = desk.call(&format!("DELETE /community_members/{id}"), Value::Null);
    assert_eq!(status, 422);
    assert!(body["message"].as_str().unwrap().contains("cancel the subscription(s)"));
    assert_eq!(desk.get(&format!("/community_members/{id}")).0, 200);

    desk.switch("deactivate_fails", json!(false));
    desk.switch("deactivate_clears", json!(false));
    assert_eq!(desk.call(&format!("DELETE /community_members/{id}"), Value::Null).0, 200);
    let (_, rows) = desk.get("/access_groups/4012/community_members");
    assert_eq!(each(&rows, "community_member_id"), [id], "a row whose member is gone");

    let mut desk = Desk::new();
    let id = desk.invite("ada@x.io");
    desk.control("add", json!({ "id": id, "group": 4012 }));
    desk.call(&format!("DELETE /community_members/{id}"), Value::Null);
    assert_eq!(desk.state()["groups"][0]["members"], json!([]));
}

#[test]
fn the_second_of_two_parallel_invitations_may_break() {
    let mut desk = Desk::new();
    desk.switch("loser_500", json!(true));
    desk.invite("ada@x.io");
    assert_eq!(desk.call("POST /community_members", json!({ "email": "ada@x.io" })).0, 500);
    desk.wait(2);
    assert_eq!(desk.call("POST /community_members", json!({ "email": "ada@x.io" })).0, 201);
    assert_eq!(desk.state()["members"].as_array().unwrap().len(), 1);
}

#[test]
fn the_search_may_answer_with_somebody_else() {
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    desk.switch("search_answers_other", json!(true));
    assert_eq!(
        desk.get("/community_members/search?email=ada@x.io").1["email"],
        "ada@x.io",
        "there is nobody else"
    );
    desk.invite("bob@x.io");
    assert_eq!(desk.get("/community_members/search?email=ada@x.io").1["email"], "bob@x.io");
    assert_eq!(desk.get("/community_members/search?email=eve@x.io").1["email"], "ada@x.io");
}

#[test]
fn an_unknown_email_becomes_a_tagged_lead_or_is_refused() {
    let mut desk = Desk::new();
    desk.control("tag", json!({ "name": "Paid" }));
    let body = json!({ "member_tag_id": 1, "user_email": "Lead@x.io" });
    assert_eq!(desk.call("POST /tagged_members", body.clone()).0, 201);
    assert_eq!(desk.state()["tagged_leads"], json!([[1, "lead@x.io"]]));
    assert_eq!(desk.get("/community_members/search?email=lead@x.io").0, 404, "a lead is no member");
    desk.switch("tag_unknown_email", json!(404));
    assert_eq!(missing(&desk.call("POST /tagged_members", body)), "Missing record: user");
}

#[test]
fn leaving_a_space_group_can_be_refused() {
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    desk.call("POST /space_group_members", json!({ "email": "ada@x.io", "space_group_id": 3 }));
    desk.switch("space_group_remove_fails", json!(true));
    let (status, body) =
        desk.call("DELETE /space_group_members?email=ada@x.io&space_group_id=3", Value::Null);
    assert_eq!((status, &body["message"]), (422, &json!("User cannot be removed from this space group")));
}

#[test]
fn a_wrong_switch_says_what_is_allowed() {
    let mut desk = Desk::new();
    let unknown = desk.circle.switch("weather", &json!(1)).unwrap_err();
    assert!(unknown.contains("existing_post (201, 409, 422)"), "{unknown}");
    let value = desk.circle.switch("body_429", &json!("pdf")).unwrap_err();
    assert!(value.contains("text, html, json"), "{value}");
    assert!(desk.circle.switch("billing_day", &json!(32)).is_err());
    assert_eq!(desk.state()["switches"], json!({}), "nothing was set");
    desk.switch("billing_day", json!(14));
    assert_eq!(desk.state()["switches"], json!({ "billing_day": 14 }));
}
