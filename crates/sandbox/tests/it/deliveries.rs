//! The webhook sender: retries, secrets, versions, and every way in which a delivery goes astray.

use std::collections::BTreeSet;

use frontdesk_sandbox::World;
use frontdesk_sandbox::stripe::Delivery;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::tools::{SECRET, Stage, header, signed_by, text};

const VERSION: &str = "2025-09-30.clover";

/// Buys the course, which emits four events.
fn buy(stage: &mut Stage, deliver: &Value) -> Value {
    stage
        .act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Course", "deliver": deliver }))
}

fn due(stage: &mut Stage) -> Vec<Delivery> {
    stage.world.due_deliveries(stage.now)
}

fn signature(delivery: &Delivery) -> &str {
    header(&delivery.headers, "stripe-signature").unwrap()
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

fn fates(world: &World) -> Vec<String> {
    let deliveries = world.stripe.deliveries();
    deliveries.as_array().unwrap().iter().map(|row| text(&row["fate"]).to_owned()).collect()
}

#[test]
fn a_retry_is_signed_anew_over_the_same_event() {
    let mut stage = Stage::with_endpoint(VERSION);
    buy(&mut stage, &json!("normal"));
    let first = due(&mut stage);
    assert!(due(&mut stage).is_empty(), "what is under way is not due again");
    let outcomes = [Ok(500), Ok(302), Err("timed out".to_owned()), Ok(204)];
    for (delivery, outcome) in first.iter().zip(outcomes) {
        stage.world.delivered(delivery.id, outcome, stage.now);
    }
    assert!(due(&mut stage).is_empty());
    stage.now = stage.world.next_due().unwrap();
    let second = due(&mut stage);
    assert_eq!(second.len(), 3, "an error, a redirect and a time-out are tried again, a 204 is not");
    for (before, after) in first.iter().zip(&second) {
        assert_eq!(before.event, after.event);
        assert_ne!(signature(before), signature(after));
        assert!(signed_by(signature(after), SECRET, &after.body));
        assert!(signature(after).starts_with(&format!("t={},", stage.now.as_second())));
        let (mut before, mut after) = (body(before), body(after));
        assert_eq!(before["pending_webhooks"], 1);
        before["pending_webhooks"] = Value::Null;
        after["pending_webhooks"] = Value::Null;
        assert_eq!(before, after);
    }
}

#[test]
fn retries_end_after_three_days_live_and_three_tries_in_test_mode() {
    for (livemode, tries, within) in [(true, 10, 3 * 24), (false, 4, 6)] {
        let mut stage = Stage::new();
        let start = stage.now;
        stage
            .act("endpoint", &json!({ "url": "http://127.0.0.1:9", "secret": SECRET, "livemode": livemode }));
        stage.act(
            "event",
            &json!({ "type": "customer.created", "object": { "id": "cus_1" }, "livemode": livemode }),
        );
        let mut count = 0;
        let mut waits = Vec::new();
        while let Some(next) = stage.world.next_due() {
            waits.push(next.duration_since(stage.now));
            stage.now = next;
            for delivery in due(&mut stage) {
                count += 1;
                stage.world.delivered(delivery.id, Ok(503), stage.now);
            }
        }
        assert_eq!(count, tries, "livemode {livemode}");
        assert!(stage.now.duration_since(start) <= SignedDuration::from_hours(within));
        assert!(waits.is_sorted(), "waits grow: {waits:?}");
        assert_eq!(fates(&stage.world), ["failed"]);
    }
}

#[test]
fn each_manner_of_delivery_is_as_told() {
    for (manner, at_once, later, fate) in [
        (json!("normal"), 4, 0, "waiting"),
        (json!("lost"), 0, 0, "lost"),
        (json!("twice"), 8, 0, "waiting"),
        (json!({ "times": 50 }), 200, 0, "waiting"),
        (json!({ "late": "60s" }), 0, 4, "waiting"),
        (json!("reversed"), 1, 3, "waiting"),
    ] {
        let mut stage = Stage::with_endpoint(VERSION);
        buy(&mut stage, &manner);
        assert_eq!(due(&mut stage).len(), at_once, "{manner} at once");
        stage.pass(60);
        assert_eq!(due(&mut stage).len(), later, "{manner} a minute later");
        assert!(fates(&stage.world).iter().all(|it| it == fate), "{manner}");
        let listed = stage.read("/v1/events")["data"].as_array().unwrap().len();
        assert_eq!(listed, 4, "{manner}: the events list has them in any case");
    }
}

#[test]
fn reversed_deliveries_come_newest_first() {
    let mut stage = Stage::with_endpoint(VERSION);
    let bought = buy(&mut stage, &json!("reversed"));
    let mut received = Vec::new();
    while let Some(next) = stage.world.next_due() {
        stage.now = stage.now.max(next);
        received.extend(stage.receive().into_iter().map(|event| event["id"].clone()));
    }
    received.reverse();
    assert_eq!(json!(received), bought["events"]);
}

#[test]
fn a_switch_sets_the_manner_of_all_deliveries() {
    let mut stage = Stage::with_endpoint(VERSION);
    stage.world.add_faults(&json!({ "provider": "stripe", "switch": "delivery", "value": "lost" })).unwrap();
    stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Course" }));
    assert!(due(&mut stage).is_empty());
    buy(&mut stage, &json!("normal"));
    assert_eq!(due(&mut stage).len(), 4, "an action may say otherwise");
}

#[test]
fn a_rolled_secret_signs_beside_the_new_one_for_a_day() {
    for old_first in [false, true] {
        let mut stage = Stage::with_endpoint(VERSION);
        stage.act("rotate", &json!({ "secret": "whsec_new", "old_first": old_first }));
        buy(&mut stage, &json!("normal"));
        let delivery = due(&mut stage).remove(0);
        assert!(signed_by(signature(&delivery), SECRET, &delivery.body));
        assert!(signed_by(signature(&delivery), "whsec_new", &delivery.body));
        let marks: Vec<&str> =
            signature(&delivery).split(',').filter(|part| part.starts_with("v1=")).collect();
        assert_eq!(marks.len(), 2);
        let only = |mark: &str| format!("t={},{mark}", stage.now.as_second());
        assert_eq!(signed_by(&only(marks[0]), SECRET, &delivery.body), old_first);
        assert!(signature(&delivery).contains(",v0="));
        stage.pass(24 * 3_600);
        buy(&mut stage, &json!("normal"));
        let delivery = due(&mut stage).remove(0);
        assert!(!signed_by(signature(&delivery), SECRET, &delivery.body));
        assert!(signed_by(signature(&delivery), "whsec_new", &delivery.body));
    }
}

#[test]
fn two_endpoints_get_each_event_in_their_own_version_with_their_own_secret() {
    let mut stage = Stage::with_endpoint("2024-06-20");
    stage.act(
        "endpoint",
        &json!({ "url": "http://127.0.0.1:9/new", "secret": "whsec_new", "api_version": "2026-10-28.endive" }),
    );
    stage.act("checkout", &json!({ "email": "ada@example.com", "price": "price_1Community" }));
    let deliveries = due(&mut stage);
    let ids: BTreeSet<&str> = deliveries.iter().map(|delivery| delivery.event.as_str()).collect();
    assert_eq!((deliveries.len(), ids.len()), (14, 7));
    let of = |url: &str| {
        deliveries
            .iter()
            .find(|it| it.url.ends_with(url) && body(it)["type"] == "customer.subscription.created")
            .unwrap()
    };
    let (old, new) = (of("/hook"), of("/new"));
    assert_eq!(old.event, new.event);
    assert!(
        signed_by(signature(old), SECRET, &old.body) && signed_by(signature(new), "whsec_new", &new.body)
    );
    let (old, new) = (body(old), body(new));
    assert_eq!((&old["pending_webhooks"], &new["pending_webhooks"]), (&json!(2), &json!(2)));
    assert!(old["data"]["object"]["current_period_end"].is_i64());
    assert!(new["data"]["object"].get("current_period_end").is_none());
    assert!(new["data"]["object"]["items"]["data"][0]["current_period_end"].is_i64());
    let listed = stage.read(&format!("/v1/events/{}", text(&old["id"])));
    assert_eq!(listed["api_version"], VERSION, "the account's default, in neither endpoint's version");
}

#[test]
fn an_endpoint_that_is_disabled_never_gets_what_happened_meanwhile() {
    let mut stage = Stage::with_endpoint(VERSION);
    buy(&mut stage, &json!("normal"));
    for delivery in due(&mut stage) {
        stage.world.delivered(delivery.id, Ok(500), stage.now);
    }
    stage.act("disable", &json!({}));
    buy(&mut stage, &json!("normal"));
    stage.pass(600);
    assert!(due(&mut stage).is_empty(), "neither retries nor new events");
    stage.act("enable", &json!({}));
    stage.pass(3 * 24 * 3_600);
    assert!(due(&mut stage).is_empty(), "and none of them later");
    assert_eq!(fates(&stage.world), ["withdrawn"; 4]);
    assert_eq!(stage.read("/v1/events")["data"].as_array().unwrap().len(), 8);
    assert_eq!(stage.read("/v1/events?delivery_success=false")["data"].as_array().unwrap().len(), 4);
}

#[test]
fn an_endpoint_gets_the_types_and_the_mode_it_asked_for() {
    let mut stage = Stage::new();
    stage.act("endpoint", &json!({ "url": "http://127.0.0.1:9", "enabled_events": ["customer.created"] }));
    stage.act("endpoint", &json!({ "url": "http://127.0.0.1:9/test", "livemode": false }));
    buy(&mut stage, &json!("normal"));
    let received = due(&mut stage);
    assert_eq!(received.len(), 1);
    assert_eq!(body(&received[0])["type"], "customer.created");
    stage.act("checkout", &json!({ "email": "qa@example.com", "price": "price_1Course", "livemode": false }));
    let received = due(&mut stage);
    assert!(received.iter().all(|it| it.url.ends_with("/test") && body(it)["livemode"] == false));
    assert_eq!(received.len(), 4);
}

#[test]
fn forgeries_are_sent_and_never_happened() {
    for (sign, is_signed, off) in
        [("wrong", false, 0), ("old", true, -3_600), ("future", true, 3_600), ("good", true, 0)]
    {
        let mut stage = Stage::with_endpoint(VERSION);
        stage.act("event", &json!({ "raw_body": "{\"id\":\"evt_x\"}", "sign": sign }));
        let delivery = due(&mut stage).remove(0);
        assert_eq!(delivery.body, b"{\"id\":\"evt_x\"}");
        assert_eq!(signed_by(signature(&delivery), SECRET, &delivery.body), is_signed, "{sign}");
        assert!(signature(&delivery).starts_with(&format!("t={},", stage.now.as_second() + off)), "{sign}");
        assert!(stage.read("/v1/events")["data"].as_array().unwrap().is_empty());
    }
    let mut stage = Stage::with_endpoint(VERSION);
    stage.act("event", &json!({ "type": "customer.created", "object": { "id": "cus_1" }, "sign": "none" }));
    let delivery = due(&mut stage).remove(0);
    assert_eq!(header(&delivery.headers, "stripe-signature"), None);
    assert!(stage.read("/v1/events")["data"].as_array().unwrap().is_empty());
}

#[test]
fn conflicts_and_thin_notifications_are_well_signed() {
    let mut stage = Stage::with_endpoint(VERSION);
    let bought = buy(&mut stage, &json!("normal"));
    let original = stage.receive().remove(0);
    let event = &bought["events"][0];
    stage.act("conflict", &json!({ "event": event }));
    stage.act("redeliver", &json!({ "event": event }));
    stage.act("thin", &json!({}));
    let sent = due(&mut stage);
    assert!(sent.iter().all(|it| signed_by(signature(it), SECRET, &it.body)));
    let (conflict, again, thin) = (body(&sent[0]), body(&sent[1]), body(&sent[2]));
    assert_eq!((&conflict["id"], &again["id"]), (event, event));
    assert_ne!(conflict["data"]["object"]["id"], original["data"]["object"]["id"]);
    assert_eq!(again["data"], original["data"]);
    assert_eq!(thin["object"], "v2.core.event");
    assert!(thin.get("data").is_none());
    let recorded: Value = serde_json::from_str(include_str!(
        "../../../../fixtures/stripe/events/thin/v1.customer.subscription.updated.json"
    ))
    .unwrap();
    let keys = |it: &Value| -> Vec<String> { it.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(&thin), keys(&recorded));
}

#[test]
fn an_event_of_a_connected_account_names_it() {
    let mut stage = Stage::with_endpoint(VERSION);
    stage.act(
        "event",
        &json!({ "type": "customer.created", "object": { "id": "cus_1" }, "account": "acct_2" }),
    );
    assert_eq!(stage.receive()[0]["account"], "acct_2");
}
