//! Every refusal of the documents with its status and text.

use serde_json::{Value, json};

use crate::call::Call;

use super::{API_KEY, Desk, call};
use crate::kit::OAUTH_TOKEN;

#[test]
fn every_refusal_has_its_status_and_text() {
    let mut desk = Desk::new();
    desk.create("ada@x.io");
    desk.create("bob@x.io");
    let tag = "Either subscriber id or email address is required to tag subscriber";
    let untag = "Either subscriber id or email address is required to remove tag from subscriber";
    let sort = "The status param must be `cancelled` if sort_field is `cancelled_at`";
    let taken = "Email address has already been taken";
    let eve = json!({ "email_address": "eve@x.io" });
    let cases = [
        ("POST /v4/subscribers", json!({}), 422, "Email address is invalid"),
        ("POST /v4/subscribers", json!({ "email_address": "ada" }), 422, "Email address is invalid"),
        ("POST /v4/subscribers", json!({ "email_address": "a b@x.io" }), 422, "Email address is invalid"),
        ("POST /v4/subscribers", json!({ "email_address": "a@x.io", "state": "x" }), 422, "State is invalid"),
        ("PUT /v4/subscribers/3001", json!({ "email_address": "bob@x.io" }), 422, taken),
        ("PUT /v4/subscribers/3001", json!({ "email_address": "BOB@x.io" }), 422, taken),
        ("PUT /v4/subscribers/3001", json!({ "email_address": "" }), 422, "Email address is invalid"),
        ("PUT /v4/subscribers/9", json!({}), 404, "Not Found"),
        ("GET /v4/subscribers/9", Value::Null, 404, "Not Found"),
        ("GET /v4/subscribers/9/tags", Value::Null, 404, "Not Found"),
        ("POST /v4/subscribers/9/unsubscribe", json!({}), 404, "Not Found"),
        ("GET /v4/subscribers?sort_field=cancelled_at", Value::Null, 422, sort),
        ("GET /v4/subscribers?status=gone", Value::Null, 422, "The status param is invalid"),
        ("GET /v4/subscribers?created_after=soon", Value::Null, 422, "created_after is invalid"),
        ("GET /v4/subscribers?after=nonsense", Value::Null, 422, "Cursor is invalid"),
        ("POST /v4/tags", json!({ "name": " " }), 422, "Name can't be blank"),
        ("POST /v4/custom_fields", json!({}), 422, "Label can't be blank"),
        ("POST /v4/tags/99/subscribers/3001", json!({}), 404, "Not Found"),
        ("POST /v4/tags/11/subscribers/9", json!({}), 404, "Not Found"),
        ("POST /v4/tags/99/subscribers", eve.clone(), 404, "Not Found"),
        ("POST /v4/tags/11/subscribers", eve.clone(), 404, "Not Found"),
        ("POST /v4/tags/11/subscribers", json!({}), 422, tag),
        ("DELETE /v4/tags/99/subscribers/3001", Value::Null, 404, "Not Found"),
        ("DELETE /v4/tags/11/subscribers/9", Value::Null, 404, "Not Found"),
        ("DELETE /v4/tags/11/subscribers", Value::Null, 422, untag),
        ("DELETE /v4/tags/11/subscribers", eve, 404, "Not Found"),
        ("GET /v4/tags/99/subscribers", Value::Null, 404, "Not Found"),
        ("GET /v4/purchases", Value::Null, 401, "The access token is invalid"),
        ("POST /v4/purchases", json!({}), 401, "The access token is invalid"),
        ("POST /v4/bulk/tags/subscribers", json!({ "taggings": [] }), 401, "The access token is invalid"),
        ("DELETE /v4/bulk/tags/subscribers", json!({}), 401, "The access token is invalid"),
        ("POST /v4/bulk/subscribers", json!({}), 401, "The access token is invalid"),
        ("GET /account", Value::Null, 404, "Not Found"),
    ];
    for (line, body, status, message) in cases {
        assert_eq!(desk.call(line, body), (status, json!({ "errors": [message] })), "{line}");
    }
    assert_eq!(desk.state()["automations"], json!([]), "a refused call starts nothing");
}

#[test]
fn a_key_and_a_token_go_in_their_own_headers() {
    let mut desk = Desk::new();
    for (name, value, status) in [
        ("X-Kit-Api-Key", API_KEY, 200),
        ("Authorization", "Bearer kit_sandbox_oauth", 200),
        ("X-Kit-Api-Key", OAUTH_TOKEN, 401),
        ("Authorization", "Bearer kit_sandbox_key", 401),
        ("Authorization", "Token kit_sandbox_oauth", 401),
        ("X-Kit-Api-Key", "other", 401),
        ("Accept", "application/json", 401),
    ] {
        let (_, answer) = desk.raw(&Call::new("GET", "/v4/account").header(name, value));
        assert_eq!(answer.status, status, "{name}: {value}");
        if status == 401 {
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body, json!({ "errors": ["The access token is invalid"] }));
        }
    }
}

#[test]
fn an_expired_token_says_so_with_a_challenge() {
    let mut desk = Desk::new();
    desk.control("token", json!({ "expire": OAUTH_TOKEN }));
    let call = Call::new("GET", "/v4/account").header("authorization", "Bearer kit_sandbox_oauth");
    let (_, answer) = desk.raw(&call);
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .headers
            .iter()
            .any(|(name, value)| name == "www-authenticate" && value.contains("invalid_token"))
    );
    assert_eq!(answer.body, br#"{"errors":["The access token expired"]}"#);
}

#[test]
fn access_can_be_lost_and_a_key_revoked_while_running() {
    let mut desk = Desk::new();
    desk.control("access-lost", json!({ "lost": true }));
    let (status, body) = desk.get("/v4/account");
    assert_eq!(status, 401);
    assert_ne!(body, json!({ "errors": ["The access token is invalid"] }), "the key is not what is wrong");
    desk.control("access-lost", json!(false));
    assert_eq!(desk.get("/v4/account").0, 200);
    desk.control("token", json!({ "revoke": API_KEY }));
    assert_eq!(desk.get("/v4/account").0, 401);
    desk.control("token", json!({ "add_key": API_KEY }));
    assert_eq!(desk.get("/v4/account").0, 200);
}

#[test]
fn a_body_that_is_no_json_is_refused() {
    let mut desk = Desk::new();
    let mut broken = call("POST /v4/subscribers", json!({}));
    broken.body = b"[]".to_vec();
    assert_eq!(desk.raw(&broken).1.status, 400);
}
