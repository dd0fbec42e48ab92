//! Statuses and shapes of successful answers.
//!
//! The key sets are those of the examples in the Kit API v4 OpenAPI document; `plan` is newer than it.

use serde_json::{Value, json};

use super::{Desk, call};

fn keys(value: &Value) -> String {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(" ")
}

#[test]
fn objects_have_the_keys_of_the_documented_examples() {
    let mut desk = Desk::new();
    let subscriber = "created_at email_address fields first_name id state";
    let tagged = "created_at email_address fields first_name id state tagged_at";
    let pagination = "end_cursor has_next_page has_previous_page per_page start_cursor";
    let (_, created) = desk.upsert(json!({ "email_address": "ada@x.io", "first_name": "Ada" }));
    let by_id = "canceled_at created_at email_address fields first_name id state";
    let (_, account) = desk.get("/v4/account");
    let cases = [
        ("created", created["subscriber"].clone(), subscriber),
        ("read by id", desk.get("/v4/subscribers/3001").1["subscriber"].clone(), by_id),
        ("listed", desk.get("/v4/subscribers").1["subscribers"][0].clone(), subscriber),
        ("updated", desk.call("PUT /v4/subscribers/3001", json!({})).1["subscriber"].clone(), subscriber),
        ("tagged", desk.call("POST /v4/tags/11/subscribers/3001", json!({})).1["subscriber"].clone(), tagged),
        ("listed by tag", desk.get("/v4/tags/11/subscribers").1["subscribers"][0].clone(), tagged),
        ("tag", desk.get("/v4/tags").1["tags"][0].clone(), "created_at id name"),
        (
            "a subscriber's tag",
            desk.get("/v4/subscribers/3001/tags").1["tags"][0].clone(),
            "id name tagged_at",
        ),
        ("field", desk.get("/v4/custom_fields").1["custom_fields"][0].clone(), "id key label name"),
        ("pagination", desk.get("/v4/tags").1["pagination"].clone(), pagination),
        ("account answer", account.clone(), "account plan user"),
        ("user", account["user"].clone(), "email id"),
        (
            "account",
            account["account"].clone(),
            "created_at id name plan_type primary_email_address sending_addresses timezone",
        ),
        ("plan", account["plan"].clone(), "cancels_at on_trial subscriber_limit"),
    ];
    for (name, found, expect) in cases {
        assert_eq!(keys(&found), expect, "{name}");
    }
    assert_eq!(created["subscriber"]["created_at"], "2026-03-10T12:00:00Z", "whole seconds");
}

#[test]
fn statuses_tell_new_from_known_and_deletes_have_no_body() {
    let mut desk = Desk::new();
    let ada = json!({ "email_address": "ada@x.io" });
    let cases = [
        ("POST /v4/subscribers", ada.clone(), 201, true),
        ("POST /v4/subscribers", ada.clone(), 200, false),
        ("PUT /v4/subscribers/3001", json!({ "first_name": "Ada" }), 200, true),
        ("PUT /v4/subscribers/3001", json!({ "first_name": "Ada" }), 200, false),
        ("POST /v4/tags", json!({ "name": "Paid" }), 201, true),
        ("POST /v4/tags", json!({ "name": "PAID" }), 200, false),
        ("POST /v4/tags/11/subscribers/3001", json!({}), 201, true),
        ("POST /v4/tags/11/subscribers/3001", json!({}), 200, false),
        ("POST /v4/tags/12/subscribers", ada.clone(), 201, true),
        ("POST /v4/tags/12/subscribers", ada.clone(), 200, false),
        ("DELETE /v4/tags/11/subscribers/3001", Value::Null, 204, true),
        ("DELETE /v4/tags/11/subscribers/3001", Value::Null, 204, false),
        ("DELETE /v4/tags/12/subscribers?email_address=ada%40x.io", Value::Null, 204, true),
        ("POST /v4/tags/12/subscribers", ada.clone(), 201, true),
        ("DELETE /v4/tags/12/subscribers", ada, 204, true),
        ("POST /v4/custom_fields", json!({ "label": "Renewal date" }), 201, true),
        ("POST /v4/custom_fields", json!({ "label": "Renewal date" }), 200, false),
        ("POST /v4/subscribers/3001/unsubscribe", json!({}), 204, true),
        ("POST /v4/subscribers/3001/unsubscribe", json!({}), 204, false),
    ];
    for (line, body, status, did) in cases {
        let (found, answer) = desk.raw(&call(line, body));
        assert_eq!((answer.status, found), (status, did), "{line}");
        assert_eq!(answer.body.is_empty(), status == 204, "{line}");
    }
}

#[test]
fn every_answer_has_a_request_id_and_no_rate_headers() {
    let mut desk = Desk::new();
    desk.switch("limit_per_minute", json!(2));
    let mut ids = Vec::new();
    for line in ["GET /v4/account", "GET /v4/nowhere", "GET /v4/account"] {
        let (_, answer) = desk.raw(&call(line, Value::Null));
        let named = |word: &str| answer.headers.iter().filter(|(name, _)| name.contains(word)).count();
        assert_eq!((named("x-request-id"), named("rate"), named("retry")), (1, 0, 0), "{line}");
        ids.extend(
            answer.headers.iter().filter(|(name, _)| name == "x-request-id").map(|(_, id)| id.clone()),
        );
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each its own");
}

#[test]
fn a_label_gives_its_key_and_a_name_that_stays() {
    let mut desk = Desk::new();
    let (_, body) = desk.call("POST /v4/custom_fields", json!({ "label": "  Größe & T-Shirt " }));
    assert_eq!(
        body["custom_field"],
        json!({ "id": 3, "name": "ck_field_3_gr_e_t_shirt", "key": "gr_e_t_shirt", "label": "Größe & T-Shirt" })
    );
    let (status, same) = desk.call("POST /v4/custom_fields", json!({ "label": "membership plan" }));
    assert_eq!((status, &same["custom_field"]["id"]), (200, &json!(1)));
}
