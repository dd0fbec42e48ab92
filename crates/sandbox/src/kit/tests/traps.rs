//! What is easy to get wrong: upserts that ignore states, tags that outlive subscriptions, silent no-ops.

use serde_json::{Value, json};

use super::{Desk, each};

#[test]
fn an_upsert_changes_the_first_name_and_never_the_state() {
    for state in ["inactive", "cancelled", "bounced", "complained"] {
        let mut desk = Desk::new();
        desk.control("subscriber", json!({ "email": "ada@x.io", "state": state, "first_name": "A" }));
        let body = json!({ "email_address": "ada@x.io", "first_name": "Ada", "state": "active" });
        let (status, answer) = desk.upsert(body);
        assert_eq!(status, 200);
        assert_eq!(answer["subscriber"]["state"], state);
        assert_eq!(answer["subscriber"]["first_name"], "Ada");
    }
    let mut desk = Desk::new();
    let (_, answer) = desk.upsert(json!({ "email_address": "bob@x.io", "state": "inactive" }));
    assert_eq!(answer["subscriber"]["state"], "inactive", "it counts when it creates");
    let (_, answer) = desk.upsert(json!({ "email_address": "eve@x.io", "state": null, "first_name": null }));
    assert_eq!(answer["subscriber"]["state"], "active");
}

#[test]
fn people_move_between_states_and_tags_stay() {
    let mut desk = Desk::new();
    let id = desk.create("ada@x.io");
    desk.call(&format!("POST /v4/tags/11/subscribers/{id}"), json!({}));
    for (action, state) in [
        ("unsubscribe", "cancelled"),
        ("confirm", "active"),
        ("bounce", "bounced"),
        ("complain", "complained"),
    ] {
        desk.control(action, json!({ "email": "ada@x.io" }));
        let (_, body) = desk.get(&format!("/v4/subscribers/{id}"));
        assert_eq!(body["subscriber"]["state"], state, "{action}");
        assert_eq!(body["subscriber"]["canceled_at"].is_string(), state == "cancelled", "{action}");
        let (_, tags) = desk.get(&format!("/v4/subscribers/{id}/tags"));
        assert_eq!(each(&tags, "tags", "id"), [11], "{action}");
    }
    let (status, body) = desk.call(&format!("POST /v4/tags/12/subscribers/{id}"), json!({}));
    assert_eq!((status, &body["subscriber"]["state"]), (201, &json!("complained")), "anybody can be tagged");
    assert_eq!(
        desk.state()["unsubscribes"],
        json!([{ "at": "2026-03-10T12:00:00Z", "by": "person", "subscriber_id": id }])
    );
    desk.control("confirm", json!({ "id": id }));
    desk.call(&format!("POST /v4/subscribers/{id}/unsubscribe"), json!({}));
    assert_eq!(desk.state()["unsubscribes"][1]["by"], "api");
}

#[test]
fn the_time_of_a_tagging_is_that_of_the_first() {
    let mut desk = Desk::new();
    desk.create("ada@x.io");
    desk.call("POST /v4/tags/11/subscribers/3001", json!({}));
    desk.wait(60);
    let (_, body) = desk.call("POST /v4/tags/11/subscribers/3001", json!({}));
    assert_eq!(body["subscriber"]["tagged_at"], "2026-03-10T12:00:00Z");
}

#[test]
fn automations_are_logged_with_before_and_after_and_no_ops_are_counted() {
    let mut desk = Desk::new();
    let plan = json!({ "email_address": "ada@x.io", "fields": { "membership_plan": "pro" } });
    desk.upsert(plan.clone());
    desk.call("POST /v4/tags/12/subscribers/3001", json!({}));
    desk.call("PUT /v4/subscribers/3001", json!({ "fields": { "membership_plan": "team" } }));
    desk.call("DELETE /v4/tags/12/subscribers/3001", Value::Null);
    desk.control("tag", json!({ "email": "ada@x.io", "tag": "course" }));
    desk.control("untag", json!({ "email": "ada@x.io", "tag": 13 }));
    let before = desk.state();
    let told: Vec<Value> = before["automations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| json!([entry["by"], entry["trigger"], entry["before"], entry["after"]]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            ["api", "field_changed", null, "pro"],
            ["api", "tag_added", false, true],
            ["api", "field_changed", "pro", "team"],
            ["api", "tag_removed", true, false],
            ["person", "tag_added", false, true],
            ["person", "tag_removed", true, false],
        ])
    );
    assert_eq!(before["no_op_writes"], json!({}));

    desk.call("PUT /v4/subscribers/3001", json!({ "fields": { "membership_plan": "team" } }));
    desk.call("DELETE /v4/tags/12/subscribers/3001", Value::Null);
    desk.call("POST /v4/tags", json!({ "name": "Member" }));
    desk.call("POST /v4/tags/11/subscribers/3001", json!({}));
    desk.call("POST /v4/tags/11/subscribers/3001", json!({}));
    desk.upsert(json!({ "email_address": "ada@x.io" }));
    assert_eq!(
        desk.state()["no_op_writes"],
        json!({ "create tag": 1, "field": 1, "tag": 1, "untag": 1, "update": 1, "upsert": 1 })
    );
    assert_eq!(desk.state()["automations"].as_array().unwrap().len(), 7);
}

#[test]
fn an_email_change_keeps_the_id_and_the_tags() {
    let mut desk = Desk::new();
    let id = desk.create("old@x.io");
    desk.call(&format!("POST /v4/tags/11/subscribers/{id}"), json!({}));
    let (status, body) =
        desk.call(&format!("PUT /v4/subscribers/{id}"), json!({ "email_address": "new@x.io" }));
    assert_eq!((status, &body["subscriber"]["id"]), (200, &json!(id)));
    assert_eq!(desk.create("old@x.io"), id + 1, "the old address is free");
    assert_eq!(each(&desk.get(&format!("/v4/subscribers/{id}/tags")).1, "tags", "id"), [11]);
}

#[test]
fn a_renamed_field_has_another_key_and_a_deleted_one_takes_its_values() {
    let mut desk = Desk::new();
    desk.upsert(json!({ "email_address": "ada@x.io", "fields": { "membership_plan": "pro" } }));
    let renamed = desk.control("rename-field", json!({ "field": 1, "label": "Plan" }));
    assert_eq!(renamed, json!({ "id": 1, "key": "plan" }));
    let (_, body) = desk.get("/v4/subscribers/3001");
    assert_eq!(body["subscriber"]["fields"], json!({ "plan": "pro", "membership_status": null }));
    let (_, fields) = desk.get("/v4/custom_fields");
    assert_eq!(fields["custom_fields"][0]["name"], "ck_field_1_membership_plan");
    let (_, stale) =
        desk.call("PUT /v4/subscribers/3001", json!({ "fields": { "membership_plan": "team" } }));
    assert_eq!(stale["warnings"].as_array().unwrap().len(), 1, "the old key is unknown: {stale}");
    assert_eq!(stale["subscriber"]["fields"]["plan"], "pro");
    desk.control("delete-field", json!({ "field": "plan" }));
    let (_, body) = desk.get("/v4/subscribers/3001");
    assert_eq!(body["subscriber"]["fields"], json!({ "membership_status": null }));
}

#[test]
fn a_renamed_tag_keeps_its_id_and_a_deleted_one_is_not_found() {
    let mut desk = Desk::new();
    desk.control("subscriber", json!({ "email": "ada@x.io", "tags": ["member", 12] }));
    desk.control("rename-tag", json!({ "tag": 11, "name": "Paid" }));
    assert_eq!(each(&desk.get("/v4/tags").1, "tags", "name"), ["newsletter", "course", "pro", "Paid"]);
    let clash = desk.kit.control("rename-tag", &json!({ "tag": 11, "name": "PRO" }), desk.now);
    assert!(clash.unwrap_err().contains("another tag"));
    desk.control("delete-tag", json!({ "tag": 11 }));
    assert_eq!(desk.call("POST /v4/tags/11/subscribers/3001", json!({})).0, 404);
    assert_eq!(desk.get("/v4/tags/11/subscribers").0, 404);
    assert_eq!(each(&desk.get("/v4/subscribers/3001/tags").1, "tags", "id"), [12]);
    desk.control("delete-subscriber", json!({ "email": "ada@x.io" }));
    assert_eq!(desk.call("POST /v4/tags/12/subscribers/3001", json!({})).0, 404);
    assert_eq!(desk.create("ada@x.io"), 3002, "the person comes back under a new id");
}

#[test]
fn more_than_ten_fields_are_accepted_first_and_applied_later() {
    let mut desk = Desk::new();
    let mut fields = serde_json::Map::new();
    for number in 0..11 {
        desk.call("POST /v4/custom_fields", json!({ "label": format!("f{number}") }));
        fields.insert(format!("f{number}"), json!("x"));
    }
    let (status, body) = desk.upsert(json!({ "email_address": "ada@x.io", "fields": fields }));
    assert_eq!(status, 202);
    assert_eq!(body["subscriber"]["fields"]["f0"], Value::Null);
    assert_eq!(desk.state()["fields_waiting"], 1);
    desk.wait(4);
    assert_eq!(desk.get("/v4/subscribers/3001").1["subscriber"]["fields"]["f0"], Value::Null);
    desk.wait(1);
    assert_eq!(desk.get("/v4/subscribers/3001").1["subscriber"]["fields"]["f0"], "x");
    assert_eq!(desk.state()["automations"].as_array().unwrap().len(), 11);
    let (status, body) = desk.call("PUT /v4/subscribers/3001", json!({ "fields": fields }));
    assert_eq!(
        (status, &body["subscriber"]["fields"]["f0"]),
        (202, &Value::Null),
        "null in the answer all the same"
    );
    desk.wait(5);
    assert_eq!(desk.get("/v4/subscribers/3001").1["subscriber"]["fields"]["f0"], "x");

    let many: serde_json::Map<String, Value> =
        (0..141).map(|number| (format!("k{number}"), json!("x"))).collect();
    assert_eq!(desk.upsert(json!({ "email_address": "ada@x.io", "fields": many })).0, 422);
}

#[test]
fn a_wrong_request_of_a_person_says_what_is_wrong() {
    let mut desk = Desk::new();
    desk.create("ada@x.io");
    for (action, body, why) in [
        ("dance", json!({}), "there are: unsubscribe"),
        ("bounce", json!({ "email": "eve@x.io" }), "no such subscriber"),
        ("bounce", json!({}), "name a subscriber"),
        ("tag", json!({ "email": "ada@x.io", "tag": 99 }), "no such tag"),
        ("tag", json!({ "email": "ada@x.io" }), "name a tag"),
        ("rename-field", json!({ "field": 1, "label": "Membership status" }), "another field"),
        ("rename-field", json!({ "field": 9, "label": "X" }), "no such field"),
        ("subscriber", json!({ "email": "ada@x.io" }), "subscriber already"),
        ("subscriber", json!({ "email": "b@x.io", "state": "gone" }), "no state `gone`"),
        ("access-lost", json!({ "lost": "yes" }), "true or false"),
        ("token", json!({}), "add_key"),
    ] {
        let refused = desk.kit.control(action, &body, desk.now).unwrap_err();
        assert!(refused.contains(why), "{action}: {refused}");
    }
}
