//! Each switch, in every position.

use serde_json::{Value, json};

use super::Desk;

#[test]
fn an_upsert_writes_the_fields_of_somebody_known_only_if_switched() {
    for (writes, value) in [(true, json!("pro")), (false, Value::Null)] {
        let mut desk = Desk::new();
        desk.switch("update_fields", json!(writes));
        desk.create("ada@x.io");
        let body = json!({ "email_address": "ada@x.io", "fields": { "membership_plan": "pro" } });
        let (status, answer) = desk.upsert(body);
        assert_eq!((status, &answer["subscriber"]["fields"]["membership_plan"]), (200, &value));
        let automations = desk.state()["automations"].as_array().unwrap().len();
        assert_eq!(automations, usize::from(writes));
        desk.call("PUT /v4/subscribers/3001", json!({ "fields": { "membership_plan": "pro" } }));
        let (_, read) = desk.get("/v4/subscribers/3001");
        assert_eq!(read["subscriber"]["fields"]["membership_plan"], "pro", "an update always does");
    }
}

#[test]
fn an_unknown_field_is_a_warning_or_a_refusal() {
    let body = json!({ "email_address": "ada@x.io", "fields": { "membership_plan": "pro", "nope": "x" } });
    let mut desk = Desk::new();
    let (status, answer) = desk.upsert(body.clone());
    assert_eq!(status, 201);
    assert!(answer["warnings"][0].as_str().unwrap().contains("nope"));
    assert_eq!(answer["subscriber"]["fields"]["membership_plan"], "pro", "the known one is written");
    let (_, clean) = desk.upsert(json!({ "email_address": "ada@x.io" }));
    assert_eq!(clean.get("warnings"), None);

    let mut desk = Desk::new();
    desk.switch("unknown_field", json!(422));
    let (status, answer) = desk.upsert(body);
    assert_eq!(status, 422);
    assert!(answer["errors"][0].as_str().unwrap().contains("nope"));
    assert_eq!(desk.state()["subscribers"], json!([]), "nothing is written");
}

#[test]
fn unset_fields_are_null_or_missing() {
    for (position, expect) in
        [("null", json!({ "membership_plan": null, "membership_status": null })), ("missing", json!({}))]
    {
        let mut desk = Desk::new();
        desk.switch("unset_fields", json!(position));
        desk.create("ada@x.io");
        assert_eq!(desk.get("/v4/subscribers/3001").1["subscriber"]["fields"], expect);
    }
}

#[test]
fn removing_an_absent_tag_answers_as_switched() {
    for (position, status) in [("204", 204), ("404", 404)] {
        let mut desk = Desk::new();
        desk.switch("untag_absent", json!(position));
        desk.create("ada@x.io");
        assert_eq!(desk.call("DELETE /v4/tags/11/subscribers/3001", Value::Null).0, status);
        let by_email = "DELETE /v4/tags/11/subscribers?email_address=ada@x.io";
        assert_eq!(desk.call(by_email, Value::Null).0, status);
        assert_eq!(desk.state()["no_op_writes"]["untag"], 2);
    }
}

#[test]
fn addresses_match_in_any_case_unless_strict_and_stay_as_first_written() {
    let mut desk = Desk::new();
    desk.create("Ada@X.io");
    let (status, body) = desk.upsert(json!({ "email_address": "ada@x.io" }));
    assert_eq!((status, &body["subscriber"]["email_address"]), (200, &json!("Ada@X.io")));
    desk.switch("email_case", json!("strict"));
    assert_eq!(desk.upsert(json!({ "email_address": "ada@x.io" })).0, 201);
    let (_, list) = desk.get("/v4/subscribers?email_address=Ada@X.io");
    assert_eq!(list["subscribers"].as_array().unwrap().len(), 1);
}

#[test]
fn a_wrong_switch_says_what_is_allowed() {
    let mut desk = Desk::new();
    let unknown = desk.kit.switch("weather", &json!(1)).unwrap_err();
    assert!(unknown.contains("page_edge (none, skip, repeat)"), "{unknown}");
    assert!(desk.kit.switch("page_edge", &json!("tear")).unwrap_err().contains("none, skip, repeat"));
    assert!(desk.kit.switch("list_lag_s", &json!(90_000)).unwrap_err().contains("at most"));
    assert_eq!(desk.state()["switches"], json!({}));
    desk.switch("fields_delay_s", json!(9));
    assert_eq!(desk.state()["switches"], json!({ "fields_delay_s": 9 }));
}
