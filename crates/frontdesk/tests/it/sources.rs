//! What the payment source says, or does not say, when it is asked; and what the catalogue does not know.

use crate::town::{Rest, Settings, Town};
use frontdesk_core::target::Target;
use jiff::SignedDuration;
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";
const BEN: &str = "ben@example.com";

/// A member who bought the course, all settled.
fn with_a_member(name: &str) -> (Town, Value) {
    let town = Town::new(name);
    town.act("circle", "member", json!({ "email": ADA }));
    let course = town.buys(ADA, "price_1Course");
    town.until_stages(ADA, &["active"]);
    town.settle();
    (town, course)
}

#[test]
fn a_refused_key_removes_nobody_until_it_works_again() {
    let (town, course) = with_a_member("refused-key");
    let key = town.settings.secret("STRIPE_API_KEY").to_owned();
    town.act("stripe", "keys", json!({ "key": key, "status": "revoked" }));
    town.act("stripe", "refund", json!({ "session": course["session"] }));
    town.soon("the alert", |town| (!town.alerts().is_empty()).then_some(()));
    town.jump(SignedDuration::from_mins(30));
    town.settle();
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into());
    assert_eq!(town.alerts(), ["unauthorized source"]);
    assert_eq!(town.sync(ADA, Target::Circle).unwrap().state.as_str(), "held");
    town.act("stripe", "keys", json!({ "key": key, "status": "active" }));
    town.jump(SignedDuration::from_mins(61));
    town.soon("Ada out of the course", |town| town.in_group(4014).is_empty().then_some(()));
    town.rest_but_calls(Rest::default());
}

#[test]
fn answers_that_say_nothing_remove_nobody() {
    for (name, answer) in [
        ("empty-object", json!({ "status": 200, "body": {} })),
        ("empty-list", json!({ "status": 200, "body": { "object": "list", "data": [], "has_more": false } })),
        ("no-body", json!({ "status": 200 })),
        (
            "missing",
            json!({ "status": 404, "body": { "error": { "type": "invalid_request_error", "code": "resource_missing" } } }),
        ),
        ("html", json!({ "status": 502, "html": true })),
    ] {
        let (town, course) = with_a_member(name);
        let mut rule = json!({ "provider": "stripe", "kind": "status", "times": null });
        rule.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        town.fault(rule);
        let before = town.calls("stripe").len();
        town.act("stripe", "refund", json!({ "session": course["session"] }));
        town.soon_stages(ADA, &["refunded"]);
        town.soon("a few reads", |town| (town.calls("stripe").len() >= before + 4).then_some(()));
        assert_eq!(town.in_group(4014), [ADA.to_owned()].into(), "{name}");
        assert!(!town.calls("circle").iter().any(|call| call.starts_with("DELETE")), "{name}");
        town.heal();
        town.soon("Ada out of the course", |town| town.in_group(4014).is_empty().then_some(()));
        town.rest_but_calls(Rest::default());
    }
}

#[test]
fn a_price_that_no_plan_maps_is_recorded_with_one_alert_and_a_case_and_heals_when_it_is_added() {
    let mystery = r#"
[[plans]]
id = "mystery"
prices = ["stripe:price_1Mystery"]
grants = ["course"]
"#;
    let mut town = Town::new("unmapped");
    let bought = town.buys(BEN, "price_1Mystery");
    town.buys(ADA, "price_1Mystery");
    town.until_stages(BEN, &["support_review"]);
    town.until_stages(ADA, &["support_review"]);
    town.until_page(&bought, &["support_review"]);
    town.rest(Rest {
        circle: vec!["GET access_groups 200"],
        kit: vec!["GET tags 200"],
        alerts: vec!["unmapped stripe:price_1Mystery"],
        cases: vec!["access", "access"],
        ..Rest::default()
    });
    town.reopen(|settings| settings.more = mystery);
    town.soon_stages(BEN, &["invite_sent"]);
    town.soon_stages(ADA, &["invite_sent"]);
    town.settle();
    assert_eq!(town.in_group(4014), [ADA.to_owned(), BEN.to_owned()].into());
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_price_that_no_plan_maps_is_settled_by_ignoring_it() {
    let mut town = Town::new("ignored");
    town.buys(BEN, "price_1Mystery");
    town.until_stages(BEN, &["support_review"]);
    town.settle();
    town.reopen(|settings| settings.ignored = &["stripe:price_1Mystery"]);
    town.soon("no stage", |town| town.stages(BEN).is_empty().then_some(()));
    town.settle();
    assert!(town.in_group(4014).is_empty());
    assert_eq!(town.customers().len(), 1, "it stays recorded");
    town.rest_but_calls(Rest::default());
}

#[test]
fn a_line_taken_out_of_the_catalogue_removes_nobody() {
    let mut town = Town::with("taken-out", Settings { more: VIP, ..Settings::default() });
    town.act("stripe", "price", json!({ "id": "price_1Vip", "amount": 9_900, "interval": "month" }));
    town.act("circle", "member", json!({ "email": ADA }));
    town.buys(ADA, "price_1Vip");
    town.until_stages(ADA, &["active"]);
    town.settle();
    let before = (town.calls("circle").len(), town.calls("kit").len());
    town.reopen(|settings| settings.more = "");
    town.settle();
    assert_eq!(town.in_group(4014), [ADA.to_owned()].into());
    let (circle, kit) = (town.calls("circle"), town.calls("kit"));
    let writes = |calls: &[String]| calls.iter().filter(|call| !call.starts_with("GET")).count();
    assert_eq!((writes(&circle[before.0..]), writes(&kit[before.1..])), (0, 0));
}

const VIP: &str = r#"
[[plans]]
id = "vip"
prices = ["stripe:price_1Vip"]
grants = ["course"]
"#;
