//! Every refusal of the documents with its status and text.

use serde_json::{Value, json};

use crate::call::Call;

use super::{Desk, call, missing};

#[test]
fn every_missing_record_is_told_by_its_detail() {
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    desk.call("POST /member_tags", json!({ "name": "Paid" }));
    let ada = json!({ "email": "ada@x.io" });
    let bob = json!({ "email": "bob@x.io" });
    let cases = [
        ("GET /community_members/search?email=bob%40x.io", Value::Null, "community member"),
        ("GET /community_members/search", Value::Null, "community member"),
        ("GET /community_members/9", Value::Null, "community member"),
        ("GET /community_members/nine", Value::Null, "community member"),
        ("PUT /community_members/9", json!({ "name": "A" }), "community member"),
        ("DELETE /community_members/9", Value::Null, "community member"),
        ("GET /community_members/9/access_groups", Value::Null, "community member"),
        ("POST /access_groups/9/community_members", ada.clone(), "access group"),
        // The group is looked for first, so both missing is a missing group.
        ("POST /access_groups/9/community_members", bob.clone(), "access group"),
        ("POST /access_groups/4099/community_members", ada, "access group"),
        ("POST /access_groups/4012/community_members", bob.clone(), "user"),
        ("POST /access_groups/4012/community_members", json!({}), "user"),
        ("DELETE /access_groups/9/community_members?email=ada%40x.io", Value::Null, "access group"),
        ("DELETE /access_groups/4012/community_members?email=bob%40x.io", Value::Null, "user"),
        (
            "DELETE /access_groups/4012/community_members?email=ada%40x.io",
            Value::Null,
            "access group community member",
        ),
        ("GET /access_groups/9/community_member?email=ada%40x.io", Value::Null, "access group"),
        ("GET /access_groups/4012/community_member?email=bob%40x.io", Value::Null, "user"),
        (
            "GET /access_groups/4012/community_member?email=ada%40x.io",
            Value::Null,
            "access group community member",
        ),
        ("GET /access_groups/9/community_members", Value::Null, "access group"),
        ("POST /space_members", json!({ "email": "ada@x.io", "space_id": 99 }), "space"),
        ("POST /space_members", json!({ "email": "ada@x.io", "space_id": "7" }), "space"),
        ("POST /space_members", json!({ "email": "bob@x.io", "space_id": 7 }), "user"),
        ("POST /space_members", json!({ "community_member_id": 1001, "space_id": 7 }), "user"),
        ("DELETE /space_members?email=ada%40x.io&space_id=7", Value::Null, "space member"),
        ("DELETE /space_members?email=bob%40x.io&space_id=7", Value::Null, "user"),
        ("GET /space_member?email=ada%40x.io&space_id=7", Value::Null, "space member"),
        ("GET /space_member?email=ada%40x.io&space_id=99", Value::Null, "space"),
        ("GET /space_member?email=bob%40x.io&space_id=7", Value::Null, "user"),
        ("GET /space_members?space_id=99", Value::Null, "space"),
        ("POST /space_group_members", json!({ "email": "ada@x.io", "space_group_id": 99 }), "space group"),
        ("POST /space_group_members", json!({ "email": "bob@x.io", "space_group_id": 3 }), "user"),
        ("DELETE /space_group_members?email=ada%40x.io&space_group_id=3", Value::Null, "space group member"),
        ("POST /tagged_members", json!({ "member_tag_id": 99, "user_email": "ada@x.io" }), "member tag"),
        ("DELETE /tagged_members?user_email=ada%40x.io&member_tag_id=99", Value::Null, "member tag"),
    ];
    for (line, body, what) in cases {
        let answer = desk.call(line, body);
        assert_eq!(missing(&answer), format!("Missing record: {what}"), "{line}");
    }
}

#[test]
fn every_other_refusal_has_its_status_and_text() {
    let password = "Validation failed: Password Please make sure your password includes at least 6 characters, 1 \
                    uppercase letter, 1 number, and 1 symbol (!, $, @, *, etc).";
    let mut desk = Desk::new();
    desk.invite("ada@x.io");
    let gone = desk.invite("gone@x.io");
    desk.call(&format!("DELETE /community_members/{gone}"), Value::Null);
    let cases = [
        ("POST /community_members", json!({ "email": "b@x.io", "password": "secret" }), 422, password),
        ("POST /community_members", json!({ "email": "not an email" }), 422, "Invalid email address."),
        ("POST /community_members", json!({}), 422, "Invalid email address."),
        (
            "PUT /community_members/1001",
            json!({ "name": " " }),
            422,
            "Validation failed: Name can't be blank",
        ),
        (
            "GET /access_groups?status=live",
            Value::Null,
            400,
            "Invalid status. Valid statuses are: active, archived, all",
        ),
        ("POST /member_tags", json!({ "name": "" }), 422, "Unable to save member tag"),
        (
            "POST /space_group_members",
            json!({ "email": "gone@x.io", "space_group_id": 3 }),
            422,
            "User is not a member of community",
        ),
    ];
    for (line, body, status, message) in cases {
        let (found, answer) = desk.call(line, body);
        assert_eq!(
            (found, &answer["message"], &answer["success"]),
            (status, &json!(message), &json!(false)),
            "{line}"
        );
    }
    let (_, blank) = desk.call("POST /member_tags", json!({}));
    assert_eq!(blank["error_details"], json!({ "name": ["can't be blank"] }));
    let (_, not_member) =
        desk.call("POST /space_group_members", json!({ "email": "gone@x.io", "space_group_id": 3 }));
    assert_eq!(not_member.get("error_details"), None, "this one refusal has no details at all");
}

#[test]
fn a_token_is_accepted_in_both_schemes_and_no_other() {
    let mut desk = Desk::new();
    for (scheme, status) in [("Token ", 200), ("Bearer ", 200), ("Basic ", 401), ("token ", 401), ("", 401)] {
        let call =
            Call::new("GET", "/community").header("authorization", &format!("{scheme}circle_sandbox_token"));
        assert_eq!(desk.raw(&call).1.status, status, "{scheme:?}");
    }
    let (_, answer) = desk.raw(&Call::new("GET", "/community").header("authorization", "Token other"));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        body,
        json!({ "success": false, "message": "The API token is invalid.", "error_details": {} })
    );
}

#[test]
fn a_token_can_be_revoked_and_replaced_while_running() {
    let mut desk = Desk::new();
    assert_eq!(desk.get("/community").0, 200);
    desk.control("token", json!({ "revoke": super::TOKEN }));
    assert_eq!(desk.get("/community").0, 401);
    desk.control("token", json!({ "add": super::TOKEN }));
    assert_eq!(desk.get("/community").0, 200);
}

#[test]
fn a_body_that_is_no_json_is_refused() {
    let mut desk = Desk::new();
    let mut broken = call("POST /community_members", json!({}));
    broken.body = b"{\"email\":".to_vec();
    assert_eq!(desk.raw(&broken).1.status, 400);
}
